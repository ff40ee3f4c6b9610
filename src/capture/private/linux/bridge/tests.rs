//! Hosts on a bridge, in a private network of the test's own. Where there can be none, the test says so.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::mpsc;

use super::*;
use crate::capture::private::hosts::{Hosts, MOST, check};
use crate::capture::private::{self, Identity};
use crate::source::live::{self, Live};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn names_are_those_that_hosts_and_ports_can_have() {
    check(&names(&["receiver", "sender-2", "A1", "7up"])).unwrap();
    for wrong in [
        "",
        "-a",
        "a-",
        "a.b",
        "a_b",
        "lo",
        "localhost",
        "bridge",
        "ip6-a",
        "42",
        "sixteen-letters-",
        "sixteen-letters0",
        "ä",
        "a b",
        "all",
    ] {
        let error = check(&names(&["receiver", wrong])).unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{wrong:?}: {error}");
    }
    assert!(matches!(
        check(&names(&["sender", "Sender"])),
        Err(Error::Name { .. })
    ));
    for count in [0, 1, MOST + 1] {
        let many: Vec<String> = (0..count).map(|number| format!("h{number}")).collect();
        assert!(matches!(check(&many), Err(Error::Count { .. })), "{count}");
    }
}

/// Set in the child.
const INSIDE: &str = "IMGNET_TEST_HOSTS_INSIDE";

/// Does something on a host.
fn on<T: Send + 'static>(
    host: &Host,
    act: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let network = host.network().unwrap();
    thread::spawn(move || {
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        act()
    })
}

#[test]
fn frames_between_hosts_are_seen_once_and_are_no_longer_than_the_cable_takes() {
    const TEST: &str = "frames_between_hosts_are_seen_once_and_are_no_longer_than_the_cable_takes";
    if std::env::var_os(INSIDE).is_none() {
        if let Err(forbidden) = private::rehearse_hosts() {
            println!("SKIPPED {TEST}: {forbidden}");
            return;
        }
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "--nocapture"])
            .arg(format!("capture::private::system::bridge::tests::{TEST}"))
            .env(INSIDE, "yes");
        private::enclose(&mut command, Identity::Root);
        assert!(command.status().unwrap().success());
        return;
    }
    let hosts = Hosts::make(&names(&["receiver", "sender"]), Some(1400), true).unwrap();
    assert_eq!(
        hosts.names(),
        "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.0.0.1 receiver\nfd00::1 ip6-receiver\n\
         10.0.0.2 sender\nfd00::2 ip6-sender\n"
    );
    let mut live = Live::open(&live::Options {
        interface: BRIDGE.to_owned(),
        filter: Some("tcp or udp".to_owned()),
        timeout: Duration::from_millis(20),
        ..live::Options::default()
    })
    .unwrap();
    let each: Vec<_> = hosts.iter().collect();
    let [receiver, sender] = each.as_slice() else {
        panic!("two hosts");
    };
    let (ready, wait) = mpsc::channel();
    let receiving = on(receiver, move || {
        let datagrams = UdpSocket::bind("10.0.0.1:6001").unwrap();
        let listener = TcpListener::bind("[fd00::1]:5000").unwrap();
        ready.send(()).unwrap();
        let mut numbers = Vec::new();
        for _ in 0..20 {
            let mut datagram = [0; 100];
            let (length, from) = datagrams.recv_from(&mut datagram).unwrap();
            numbers.push(datagram[0]);
            datagrams.send_to(&datagram[..length], from).unwrap();
        }
        let mut bytes = Vec::new();
        listener
            .accept()
            .unwrap()
            .0
            .read_to_end(&mut bytes)
            .unwrap();
        (numbers, bytes.len())
    });
    wait.recv().unwrap();
    let sending = on(sender, || {
        let datagrams = UdpSocket::bind("10.0.0.2:6002").unwrap();
        for number in 0..20 {
            datagrams.send_to(&[number; 100], "10.0.0.1:6001").unwrap();
            datagrams.recv(&mut [0; 100]).unwrap();
        }
        let mut stream = TcpStream::connect("[fd00::1]:5000").unwrap();
        stream.write_all(&vec![7; 300_000]).unwrap();
    });
    sending.join().unwrap();
    let (numbers, bytes) = receiving.join().unwrap();
    assert_eq!(numbers, (0..20).collect::<Vec<u8>>());
    assert_eq!(bytes, 300_000);
    let (mut there, mut longest, mut carried) = (Vec::new(), 0, 0);
    live::drain(&mut live, &mut |frame| {
        let data = frame.data;
        longest = longest.max(frame.wire_len);
        match data[12..14] {
            // IPv4: the datagrams, those from the sender.
            [8, 0] if data[26..30] == [10, 0, 0, 2] => there.push(data[42]),
            [8, 0] => {}
            _ => carried += frame.wire_len,
        }
    });
    assert_eq!(there, numbers, "each datagram once");
    assert_eq!(longest, 1400 + 14, "with an Ethernet header");
    assert!(carried > 300_000, "{carried}");
    assert_eq!(live.statistics().unwrap().interface_dropped, Some(0));
}

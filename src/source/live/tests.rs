//! On the real loopback interface. Where this user may not capture, the tests say that they are skipped.

use std::net::UdpSocket;
use std::time::Instant;

use rustix::thread::{CapabilitySet, CapabilitySets};

use super::*;

/// Two sockets of which one sends to the other, and the filter that sees only them.
struct Pair {
    from: UdpSocket,
    to: UdpSocket,
    options: Options,
}

impl Pair {
    #[expect(clippy::disallowed_methods, reason = "traffic to capture is made here")]
    fn new() -> Self {
        let socket = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (from, to) = (socket(), socket());
        from.connect(to.local_addr().unwrap()).unwrap();
        let port = to.local_addr().unwrap().port();
        let options = Options {
            filter: Some(format!("udp dst port {port}")),
            buffer_bytes: 8 << 20,
            ..Options::default()
        };
        Self { from, to, options }
    }

    /// Sends so many datagrams, numbered in their first two bytes.
    fn send(&self, numbers: std::ops::Range<u16>) {
        for number in numbers {
            let mut bytes = [0; 100];
            bytes[..2].copy_from_slice(&number.to_be_bytes());
            self.from.send(&bytes).unwrap();
            // Lest the receiver's buffer overflow: the capture sees a datagram either way.
            self.to.recv(&mut bytes).unwrap();
        }
    }
}

fn open(options: &Options) -> Option<Live> {
    match Live::open(options) {
        Ok(live) => Some(live),
        Err(error @ Error::NotAllowed { .. }) => {
            eprintln!("SKIPPED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The number that [`Pair::send`] wrote, behind Ethernet, IPv4 and UDP headers.
fn sent_number(frame: &Frame<'_>) -> u16 {
    u16::from_be_bytes(*frame.data[42..].first_chunk().unwrap())
}

#[test]
fn every_loopback_frame_comes_once_with_its_time() {
    // In immediate mode 8 MiB of ring are 31 slots.
    for (immediate, count) in [(false, 500), (true, 20)] {
        let pair = Pair::new();
        let Some(mut live) = open(&Options {
            immediate,
            ..pair.options.clone()
        }) else {
            return;
        };
        assert!(live.outgoing_ignored());
        assert_eq!(live.link(), LinkType::ETHERNET);
        // Frames that come before the filter is in place are counted, and not handed over.
        let earlier = live.statistics().unwrap().received;
        let before = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        pair.send(0..count);
        let mut frames = Vec::new();
        drain(&mut live, &mut |frame| {
            frames.push((frame.number.0, sent_number(frame), frame.time.unwrap()));
            assert_eq!((frame.wire_len, frame.data.len()), (142, 142));
        });
        let numbers: Vec<_> = frames.iter().map(|(_, number, _)| *number).collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>());
        assert_eq!(frames.last().unwrap().0, u64::from(count));
        let since = i128::from(frames[0].2.0) - i128::try_from(before.as_nanos()).unwrap();
        assert!((-1_000_000..5_000_000_000).contains(&since), "{since} ns");
        assert!(frames.iter().any(|(_, _, time)| time.0 % 1000 != 0));
        let statistics = live.statistics().unwrap();
        // Had the socket seen the outgoing copies, too, the kernel would have counted each one twice.
        assert_eq!(
            (statistics.received - earlier, statistics.dropped),
            (u64::from(count), 0)
        );
    }
}

#[test]
fn breaking_off_loses_no_frame_of_those_that_follow() {
    let pair = Pair::new();
    let Some(mut live) = open(&pair.options) else {
        return;
    };
    pair.send(0..100);
    let mut numbers = Vec::new();
    let mut polls = 0;
    while numbers.len() < 100 && polls < 1000 {
        polls += 1;
        live.poll(&mut |frame| {
            numbers.push(sent_number(frame));
            if numbers.len() % 7 == 0 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    }
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

#[test]
fn quiet_interface_comes_back_idle() {
    let pair = Pair::new();
    let Some(mut live) = open(&pair.options) else {
        return;
    };
    let mut none = |_: &Frame<'_>| -> ControlFlow<()> { panic!("a frame on a quiet port") };
    let start = Instant::now();
    assert_eq!(live.poll(&mut none).unwrap(), Polled::Idle);
    assert!(start.elapsed() >= Duration::from_millis(40));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_full_ring_counts_what_it_drops() {
    let pair = Pair::new();
    let Some(mut live) = open(&Options {
        buffer_bytes: 1 << 20,
        ..pair.options.clone()
    }) else {
        return;
    };
    pair.send(0..20_000);
    let mut handed = 0;
    drain(&mut live, &mut |_| handed += 1);
    let statistics = live.statistics().unwrap();
    assert!(statistics.dropped > 0, "{statistics:?}");
    assert_eq!(statistics.received, 20_000);
    assert_eq!(handed, statistics.received - statistics.dropped);
}

#[test]
fn a_filter_that_is_not_understood_is_told_in_the_words_of_libpcap() {
    for filter in ["tcp port", "no such word", "tcp) or (udp", "port 99999"] {
        let options = Options {
            filter: Some(filter.to_owned()),
            ..Options::default()
        };
        match Live::open(&options) {
            Err(Error::Filter {
                filter: given,
                message,
            }) => {
                assert_eq!(given, filter);
                assert!(!message.is_empty());
                eprintln!("{filter}: {message}");
            }
            Err(error @ Error::NotAllowed { .. }) => eprintln!("SKIPPED: {error}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{filter} was understood"),
        }
    }
}

#[test]
fn a_filter_under_which_libpcap_loses_frames_is_refused() {
    for (filter, refused) in [
        ("inbound", true),
        ("udp and outbound", true),
        ("not inbound and port 1", true),
        ("vlan 7 and udp", false),
        ("tcp[tcpflags] & tcp-push != 0", false),
        ("ip6 and portrange 1-65535", false),
    ] {
        let options = Options {
            filter: Some(filter.to_owned()),
            ..Options::default()
        };
        match Live::open(&options) {
            Err(Error::FilterLosesFrames { .. }) => assert!(refused, "{filter}"),
            Err(error @ Error::NotAllowed { .. }) => eprintln!("SKIPPED: {error}"),
            Err(error) => panic!("{filter}: {error}"),
            Ok(_) => assert!(!refused, "{filter}"),
        }
    }
}

#[test]
fn what_cannot_be_opened_is_told_apart() {
    let missing = Options {
        interface: "no-such-if0".to_owned(),
        ..Options::default()
    };
    match Live::open(&missing) {
        Err(Error::NoSuchInterface { interface, known }) => {
            assert_eq!(interface, "no-such-if0");
            assert!(known.iter().any(|name| name == "lo"));
        }
        Err(error @ Error::NotAllowed { .. }) => eprintln!("SKIPPED: {error}"),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("opened"),
    }
    let large = Options {
        buffer_bytes: 1 << 31,
        ..Options::default()
    };
    assert!(matches!(Live::open(&large), Err(Error::TooLarge { .. })));
}

#[test]
fn without_the_right_to_capture_the_error_says_so() {
    // Capabilities are a thread's own on Linux: only this one gives them up.
    let opened = std::thread::spawn(|| {
        let none = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        rustix::thread::set_capabilities(None, none).unwrap();
        Live::open(&Options::default()).map(|_| ())
    });
    let error = opened.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::NotAllowed { .. }), "{error:?}");
    eprintln!("{error}");
}

#[test]
fn interfaces_are_listed() {
    let all = interfaces().unwrap();
    let loopback = all.iter().find(|one| one.name == "lo").unwrap();
    assert!(loopback.loopback);
    // Another description only where somebody gave one.
    assert!(loopback.description.is_some());
}

//! Whose side a fault is on, in the framings of `support/framings.rs`: the sender's, the network's or the receiver's. Each
//! transfer is captured, given to `imgnet verify` with the files of both sides, and must never accuse the wrong one; with half of
//! the framings given, and half of them worked out.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test makes files up, and may fail"
)]

#[path = "support/framings.rs"]
mod framings;
#[path = "support/scenario.rs"]
mod scenario;
mod support;
#[path = "support/verified.rs"]
mod verified;

use std::path::Path;

use framings::{datagram_layouts, datagrams, layouts, lying, message, pictures};
use imgnet::wire::Layout;
use scenario::{Client, Scenario};
use serde_json::Value;
use support::{imgnet, list, text};

/// What `verify` said.
struct Said {
    code: Option<i32>,
    sides: Vec<String>,
    alarms: Vec<String>,
}

impl Said {
    fn accuses(&self, side: &str) -> bool {
        self.sides.iter().any(|one| one == side)
    }
}

fn write(folder: &Path, kind: &str, files: &[Vec<u8>]) -> String {
    std::fs::create_dir_all(folder).unwrap();
    for (number, bytes) in files.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}.{kind}")), bytes).unwrap();
    }
    folder.to_string_lossy().into_owned()
}

/// Verifies a capture; `given` for this port.
fn verify(
    scenario: &Scenario,
    given: Option<(u16, &str)>,
    kind: &str,
    sent: &[Vec<u8>],
    received: &[Vec<u8>],
) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    verified::write(scenario, &capture);
    let capture = capture.to_string_lossy().into_owned();
    let sent = write(&folder.path().join("sent"), kind, sent);
    let received = write(&folder.path().join("received"), kind, received);
    let protocol = given.map(|(port, line)| format!("{port}={line}"));
    let mut arguments = vec!["verify", "--format", "json", &capture];
    arguments.extend(["--sent", &sent, "--received", &received]);
    if let Some(protocol) = &protocol {
        arguments.extend(["--protocol", protocol]);
    }
    let output = imgnet(&arguments);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    Said {
        code: output.status.code(),
        sides: list(&report, "images")
            .iter()
            .filter_map(|image| image["compared"]["blame"]["who"].as_str())
            .map(str::to_owned)
            .collect(),
        alarms: list(&report, "findings")
            .iter()
            .filter(|finding| text(finding, "severity") != "note")
            .map(|finding| text(finding, "name").to_owned())
            .collect(),
    }
}

fn stream(messages: &[Vec<u8>]) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(50_001, 9_321);
    for bytes in messages {
        scenario.transfer(&mut tcp, Client, bytes, 1400);
        scenario.wait(20);
    }
    scenario.close(&mut tcp, Client);
    scenario
}

fn of_datagrams(loopback: bool, datagrams: &[Vec<u8>]) -> Scenario {
    let mut scenario = if loopback {
        Scenario::on_loopback()
    } else {
        Scenario::new()
    };
    for datagram in datagrams {
        scenario.datagram([50_002, 9_322], datagram);
        scenario.wait(3);
    }
    scenario
}

#[test]
fn faults_of_streams_are_on_the_right_side() {
    let mut wrong = Vec::new();
    let (mut named, mut faults) = (0, 0);
    // Half of them keep it short; of raw pixels nothing is known but what the files show.
    for (at, (line, kind)) in layouts()
        .into_iter()
        .enumerate()
        .filter(|(at, _)| at % 4 < 2)
    {
        if kind == "raw" {
            continue;
        }
        let layout: Layout = line.parse().unwrap();
        let given = (at % 2 == 0).then_some((9_321, line.as_str()));
        let sent = pictures(kind);
        let healthy: Vec<Vec<u8>> = sent
            .iter()
            .enumerate()
            .map(|(at, picture)| message(&layout, picture, at))
            .collect();
        let mut failed = |fault: &str, said: &Said, why: &str| {
            wrong.push(format!(
                "{fault}: {line} ({kind}, given: {}): {why}: {:?} {:?} {:?}",
                given.is_some(),
                said.code,
                said.sides,
                said.alarms
            ));
        };
        let said = verify(&stream(&healthy), given, kind, &sent, &sent);
        if said.code != Some(0) || !said.alarms.is_empty() {
            failed("healthy", &said, "accused");
        }
        // The sender stops in the last picture, changes a byte, puts one in, or gives a wrong length.
        let half = sent[2].len() / 2;
        let mut cut = healthy.clone();
        cut[2].truncate(healthy[2].len() - half);
        let mut less = sent.clone();
        less[2].truncate(sent[2].len() - half);
        let mut changed = healthy.clone();
        let middle = healthy[1].len() / 2;
        changed[1][middle] ^= 1;
        let mut with_it = sent.clone();
        let header = healthy[1].len() - sent[1].len();
        with_it[1][middle - header] ^= 1;
        let mut more = healthy.clone();
        more[1].push(b'\n');
        let mut lie = healthy.clone();
        lie[1] = lying(&layout, &sent[1], 1, 33);
        for (fault, messages, received) in [
            ("cut", cut, less),
            ("changed", changed, with_it),
            ("one byte too many", more, sent.clone()),
            ("length off by 33", lie, sent.clone()),
        ] {
            let said = verify(&stream(&messages), given, kind, &sent, &received);
            faults += 1;
            let tells = said.accuses("sender") || !said.alarms.is_empty();
            named += usize::from(tells);
            if !tells {
                println!(
                    "unnamed {fault}: {line} ({kind}, given: {})",
                    given.is_some()
                );
            }
            if said.code == Some(0) || said.accuses("receiver") {
                failed(fault, &said, "not the sender's");
            }
        }
        // The receiver stops early, drops bytes in the middle, or keeps the header.
        let mut stopped = sent.clone();
        stopped[1].truncate(sent[1].len() - 100);
        let mut dropped = sent.clone();
        dropped[0].drain(400..500);
        let mut kept = sent.clone();
        kept[1].clone_from(&healthy[1]);
        for (fault, received) in [
            ("stopped", stopped),
            ("dropped", dropped),
            ("header kept", kept),
        ] {
            let said = verify(&stream(&healthy), given, kind, &sent, &received);
            faults += 1;
            let tells = said.accuses("receiver");
            named += usize::from(tells);
            if !tells {
                println!(
                    "unnamed {fault}: {line} ({kind}, given: {})",
                    given.is_some()
                );
            }
            if said.code == Some(0) || said.accuses("sender") {
                failed(fault, &said, "not the receiver's");
            }
        }
    }
    println!("named: {named} of {faults}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(named * 100 >= faults * 95, "{named} of {faults}");
}

#[test]
fn lost_datagrams_are_on_the_right_side() {
    let mut wrong = Vec::new();
    let (mut named, mut faults) = (0, 0);
    for (at, line) in datagram_layouts().into_iter().enumerate() {
        let layout: Layout = line.parse().unwrap();
        let given = (at % 2 == 0).then_some((9_322, line.as_str()));
        let sent = pictures("jpeg");
        let healthy = datagrams(&layout, &sent);
        let mut lost = healthy.clone();
        lost.remove(3);
        let mut received = sent.clone();
        received[0].drain(3 * piece(&layout, &sent)..4 * piece(&layout, &sent));
        // Who lost it: the sender or the network before the capture; the network or the receiver behind it; the receiver.
        for (whose, loopback, on_wire, accused) in [
            ("nobody", true, &healthy, None),
            ("before the capture", false, &lost, None),
            ("behind the capture", false, &healthy, None),
            ("the receiver", true, &healthy, Some("receiver")),
        ] {
            let well = whose == "nobody";
            let files = if well { &sent } else { &received };
            let scenario = of_datagrams(loopback, on_wire);
            let said = verify(&scenario, given, "jpg", &sent, files);
            faults += usize::from(!well);
            let right = if well {
                said.code == Some(0) && said.alarms.is_empty()
            } else {
                let innocent = ["sender", "receiver"];
                let innocent = innocent.iter().filter(|side| Some(**side) != accused);
                said.code != Some(0) && !innocent.clone().any(|side| said.accuses(side))
            };
            let tells = match accused {
                Some(side) => said.accuses(side),
                None => said
                    .alarms
                    .iter()
                    .any(|name| name == "datagram-lost" || name == "receiver-overflow"),
            };
            named += usize::from(!well && tells);
            if !right {
                wrong.push(format!(
                    "{whose}: {line} (given: {}): {:?} {:?} {:?}",
                    given.is_some(),
                    said.code,
                    said.sides,
                    said.alarms
                ));
            }
        }
    }
    println!("named: {named} of {faults}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(named * 100 >= faults * 95, "{named} of {faults}");
}

/// Bytes of the picture in each datagram.
fn piece(layout: &Layout, sent: &[Vec<u8>]) -> usize {
    let all = datagrams(layout, &sent[..1]);
    let header = all.iter().map(Vec::len).sum::<usize>() - sent[0].len();
    all[0].len() - header / all.len()
}

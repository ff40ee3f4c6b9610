//! Whose side a fault is on, in the framings of `support/framings.rs`: the sender's, the network's or the receiver's. Each
//! transfer is captured, given to `imgnet verify` with the files of both sides, and must never accuse the wrong one; with half of
//! the framings given, and half of them worked out.
//!
//! Of all headers, pictures and faults an eighth is tried, which one says `IMGNET_SEED`; with `IMGNET_WHOLE=1` all of them, each
//! with its framing given and worked out, and a table of what came of each fault is printed.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test makes files up, may fail, and prints its table"
)]

use crate::verified;

use std::collections::BTreeMap;
use std::path::Path;

use crate::framings::{datagram_layouts, datagrams, layouts, lying, message, of_kind, pictures};
use crate::scenario::{Client, Scenario, Server};
use crate::support::{imgnet, list, text};
use imgnet::wire::Layout;
use serde_json::Value;

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

/// Datagrams of the client; `answered`: each is, with its number or a word.
fn of_datagrams(loopback: bool, datagrams: &[Vec<u8>], answered: bool) -> Scenario {
    let mut scenario = if loopback {
        Scenario::on_loopback()
    } else {
        Scenario::new()
    };
    for (number, datagram) in (0_u16..).zip(datagrams) {
        scenario.datagram([50_002, 9_322], datagram);
        scenario.wait(3);
        if answered {
            let number = number.to_be_bytes();
            let answer = [&b"ACK"[..], &number].concat();
            scenario.datagram_of(Server, [9_322, 50_002], &answer);
        }
    }
    scenario
}

/// Which of so many are tried.
struct Choice {
    whole: bool,
    seed: usize,
}

impl Choice {
    fn new() -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        Self {
            whole: number("IMGNET_WHOLE").is_some_and(|whole: usize| whole > 0),
            seed: number("IMGNET_SEED").unwrap_or(0),
        }
    }

    fn has(&self, at: usize, parts: usize) -> bool {
        self.whole || at % parts == self.seed % parts
    }

    /// Whether the framing is given: both ways, or in turn.
    fn ways(&self, at: usize) -> Vec<bool> {
        if self.whole {
            vec![true, false]
        } else {
            vec![at.is_multiple_of(2)]
        }
    }
}

/// What came of the faults: how many were named, how many there were.
#[derive(Default)]
struct Table {
    rows: BTreeMap<(String, bool), (usize, usize)>,
    wrong: Vec<String>,
    unnamed: Vec<String>,
}

impl Table {
    /// Notes one run: `right` where nothing false was said, `named` where the fault was.
    fn note(
        &mut self,
        fault: &str,
        given: bool,
        line: &str,
        said: &Said,
        [right, named]: [bool; 2],
    ) {
        let row = self.rows.entry((fault.to_owned(), given)).or_default();
        row.0 += usize::from(named);
        row.1 += 1;
        let words = || {
            format!(
                "{fault}: {line} (given: {given}): {:?} {:?} {:?}",
                said.code, said.sides, said.alarms
            )
        };
        if !right {
            self.wrong.push(words());
        } else if !named {
            self.unnamed.push(words());
        }
    }

    fn hold(&self) {
        for ((fault, given), (named, all)) in &self.rows {
            println!("{fault:28} given: {given:5}  {named:4} of {all}");
        }
        println!("unnamed:\n{}", self.unnamed.join("\n"));
        assert!(
            self.wrong.is_empty(),
            "{} wrong:\n{}",
            self.wrong.len(),
            self.wrong.join("\n")
        );
        let (named, all) = self
            .rows
            .values()
            .fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
        assert!(named * 100 >= all * 95, "{named} of {all}");
    }
}

/// A transfer in which one side makes a mistake.
struct Fault {
    name: &'static str,
    who: &'static str,
    messages: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
    /// Only a layout that is given says that it is one.
    given_only: bool,
}

/// Everything that goes wrong in these messages.
fn faults(line: &str, layout: &Layout, sent: &[Vec<u8>], healthy: &[Vec<u8>]) -> Vec<Fault> {
    let header = healthy[1].len() - sent[1].len();
    let by = |who: &'static str| {
        move |name: &'static str, messages: Vec<Vec<u8>>, received: Vec<Vec<u8>>| Fault {
            name,
            who,
            messages,
            received,
            given_only: false,
        }
    };
    let (sender, receiver) = (by("sender"), by("receiver"));
    let changed = |messages: &[Vec<u8>], at: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut messages = messages.to_vec();
        change(&mut messages[at]);
        messages
    };
    // The sender stops in the last picture, changes a byte, puts one in, or gives a wrong length.
    let half = sent[2].len() / 2;
    let cut = |message: &mut Vec<u8>| message.truncate(message.len() - half);
    let middle = healthy[1].len() / 2;
    let lied = |more: usize| changed(healthy, 1, &|one| *one = lying(layout, &sent[1], 1, more));
    let mut all = vec![
        sender("cut", changed(healthy, 2, &cut), changed(sent, 2, &cut)),
        sender(
            "a byte changed",
            changed(healthy, 1, &|one| one[middle] ^= 1),
            changed(sent, 1, &|one| one[middle - header] ^= 1),
        ),
        sender(
            "one byte too many",
            changed(healthy, 1, &|one| one.push(b'\n')),
            sent.to_vec(),
        ),
        sender("length off by one", lied(1), sent.to_vec()),
        sender("length off by the header", lied(header), sent.to_vec()),
        sender("length off by 33", lied(33), sent.to_vec()),
        // The receiver stops early, drops bytes in the middle, or keeps the header.
        receiver(
            "stopped",
            healthy.to_vec(),
            changed(sent, 1, &|one| one.truncate(sent[1].len() - 100)),
        ),
        receiver(
            "dropped",
            healthy.to_vec(),
            changed(sent, 0, &|one| drop(one.drain(400..500))),
        ),
        receiver(
            "header kept",
            healthy.to_vec(),
            changed(sent, 1, &|one| one.clone_from(&healthy[1])),
        ),
    ];
    let other = ["u32", "u64"].iter().find_map(|width| {
        let [big, little] = ["be", "le"].map(|order| format!("{width}{order} length"));
        if line.contains(&big) {
            Some(line.replace(&big, &little))
        } else {
            line.contains(&little).then(|| line.replace(&little, &big))
        }
    });
    if let Some(other) = other {
        let other: Layout = other.parse().unwrap();
        all.push(Fault {
            given_only: true,
            ..sender(
                "byte order",
                sent.iter()
                    .enumerate()
                    .map(|(at, picture)| message(&other, picture, at))
                    .collect(),
                Vec::new(),
            )
        });
    }
    all
}

#[test]
fn faults_of_streams_are_on_the_right_side() {
    let choice = Choice::new();
    let mut table = Table::default();
    let kinds = ["jpeg", "png", "raw"];
    let all = layouts();
    let combined = all
        .iter()
        .flat_map(|(line, _)| kinds.map(|kind| (of_kind(line, kind), kind)));
    let part = combined.enumerate().filter(|(at, _)| choice.has(*at, 8));
    for (turn, (_, (line, kind))) in part.enumerate() {
        let layout: Layout = line.parse().unwrap();
        let sent = pictures(kind);
        let healthy: Vec<Vec<u8>> = sent
            .iter()
            .enumerate()
            .map(|(at, picture)| message(&layout, picture, at))
            .collect();
        for given in choice.ways(turn) {
            let protocol = given.then_some((9_321, line.as_str()));
            let said = verify(&stream(&healthy), protocol, kind, &sent, &sent);
            let well = said.code == Some(0) && said.alarms.is_empty() && said.sides.is_empty();
            let name = format!("{line} ({kind})");
            table.note("healthy", given, &name, &said, [well, well]);
            for fault in faults(&line, &layout, &sent, &healthy) {
                if fault.given_only && !given {
                    continue;
                }
                let scenario = stream(&fault.messages);
                let said = verify(&scenario, protocol, kind, &sent, &fault.received);
                let innocent = match fault.who {
                    "sender" => "receiver",
                    _ => "sender",
                };
                let right = said.code != Some(0) && !said.accuses(innocent);
                let named =
                    said.accuses(fault.who) || fault.who == "sender" && !said.alarms.is_empty();
                table.note(fault.name, given, &name, &said, [right, named]);
            }
        }
    }
    table.hold();
}

/// What happens to datagrams, and to what is made of them.
struct Mishap {
    fault: &'static str,
    /// Captured on the machine of both programs.
    loopback: bool,
    on_wire: Vec<Vec<u8>>,
    files: Vec<Vec<u8>>,
    /// Whom the verdict may accuse.
    accused: Option<&'static str>,
    /// The finding that must be there.
    alarm: &'static str,
}

/// Who lost it: the sender or the network before the capture; the network or the receiver behind it; the receiver.
fn mishaps(layout: &Layout, sent: &[Vec<u8>], healthy: &[Vec<u8>]) -> [Mishap; 9] {
    let mut lost = healthy.to_vec();
    lost.remove(3);
    let mut repeated = healthy.to_vec();
    repeated.insert(4, healthy[3].clone());
    let mut swapped = healthy.to_vec();
    swapped.swap(3, 4);
    let bytes = piece(layout, sent);
    let mut less = sent.to_vec();
    less[0].drain(3 * bytes..4 * bytes);
    let mut twice = sent.to_vec();
    let again = sent[0][3 * bytes..4 * bytes].to_vec();
    twice[0].splice(4 * bytes..4 * bytes, again);
    let mut turned = sent.to_vec();
    turned[0][3 * bytes..5 * bytes].rotate_left(bytes);
    [
        Mishap {
            fault: "healthy",
            loopback: true,
            on_wire: healthy.to_vec(),
            files: sent.to_vec(),
            accused: None,
            alarm: "",
        },
        Mishap {
            fault: "lost at the sender",
            loopback: true,
            on_wire: lost.clone(),
            files: less.clone(),
            accused: None,
            alarm: "datagram-lost",
        },
        Mishap {
            fault: "lost before the capture",
            loopback: false,
            on_wire: lost.clone(),
            files: less.clone(),
            accused: None,
            alarm: "datagram-lost",
        },
        Mishap {
            fault: "lost behind the capture",
            loopback: false,
            on_wire: healthy.to_vec(),
            files: less.clone(),
            accused: None,
            alarm: "receiver-overflow",
        },
        Mishap {
            fault: "lost in the receiver",
            loopback: true,
            on_wire: healthy.to_vec(),
            files: less.clone(),
            accused: Some("receiver"),
            alarm: "",
        },
        Mishap {
            fault: "repeated",
            loopback: true,
            on_wire: repeated.clone(),
            files: sent.to_vec(),
            accused: None,
            alarm: "datagram-duplicated",
        },
        Mishap {
            fault: "repeated, saved twice",
            loopback: true,
            on_wire: repeated.clone(),
            files: twice.clone(),
            accused: Some("receiver"),
            alarm: "",
        },
        Mishap {
            fault: "swapped",
            loopback: true,
            on_wire: swapped.clone(),
            files: sent.to_vec(),
            accused: None,
            alarm: "datagram-reordered",
        },
        Mishap {
            fault: "swapped, saved so",
            loopback: true,
            on_wire: swapped.clone(),
            files: turned.clone(),
            accused: Some("receiver"),
            alarm: "",
        },
    ]
}

#[test]
fn lost_datagrams_are_on_the_right_side() {
    let choice = Choice::new();
    let mut table = Table::default();
    let lines = datagram_layouts().into_iter().enumerate();
    for (turn, (at, line)) in lines.filter(|(at, _)| choice.has(*at, 2)).enumerate() {
        let layout: Layout = line.parse().unwrap();
        let sent = pictures("jpeg");
        let healthy = datagrams(&layout, &sent);
        let answered = at % 3 == 0;
        for Mishap {
            fault,
            loopback,
            on_wire,
            files,
            accused,
            alarm,
        } in mishaps(&layout, &sent, &healthy)
        {
            for given in choice.ways(turn) {
                let protocol = given.then_some((9_322, line.as_str()));
                let scenario = of_datagrams(loopback, &on_wire, answered);
                let said = verify(&scenario, protocol, "jpg", &sent, &files);
                let well = files == sent;
                let innocent = ["sender", "receiver"];
                let innocent = innocent.iter().filter(|side| Some(**side) != accused);
                let accuses = innocent.clone().any(|side| {
                    // Without a capture on its machine nobody knows what the sender left out.
                    said.accuses(side) && !(fault == "lost at the sender" && *side == "sender")
                });
                let right = match fault {
                    "healthy" => said.code == Some(0) && said.alarms.is_empty() && !accuses,
                    _ => (said.code == Some(0)) == well && !accuses,
                };
                let named = match accused {
                    Some(side) => said.accuses(side),
                    None => alarm.is_empty() || said.alarms.iter().any(|name| name == alarm),
                };
                table.note(fault, given, &line, &said, [right, named]);
            }
        }
    }
    table.hold();
}

/// Bytes of the picture in each datagram.
fn piece(layout: &Layout, sent: &[Vec<u8>]) -> usize {
    let all = datagrams(layout, &sent[..1]);
    let header = all.iter().map(Vec::len).sum::<usize>() - sent[0].len();
    all[0].len() - header / all.len()
}

//! Framings that people might make up: many layouts with fields in random order, healthy and broken in known ways.
//!
//! The healthy must never get a warning or an error, whether their framing was given or has to be worked out; what is broken
//! must be named where the framing was given; and a framing that was worked out must encode and decode its own input.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a helper of a test may fail as the test may"
)]

use std::collections::BTreeMap;

use crate::framings::{datagram_layouts, datagrams, layouts, lying, message, of_kind, pictures};
use crate::scenario::{Client, Scenario, Told, told};
use imgnet::analysis::Options;
use imgnet::findings::Severity;
use imgnet::ledger::Confidence;
use imgnet::wire::{Layout, Protocol};

/// What a capture of these bytes, sent and then closed, tells.
fn stream(messages: &[Vec<u8>], given: Option<&Layout>) -> Told {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(50_001, 9_321);
    for bytes in messages {
        scenario.transfer(&mut tcp, Client, bytes, 1400);
        scenario.wait(20);
    }
    scenario.close(&mut tcp, Client);
    told(&scenario.frames, options(given))
}

fn options(given: Option<&Layout>) -> Options {
    Options {
        layout: given.map(|layout| Protocol::Layout(Box::new(layout.clone()))),
        ..Options::default()
    }
}

/// Names of what is more than a note.
fn alarms(told: &Told) -> Vec<String> {
    told.findings
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(|finding| finding.name.to_string())
        .collect()
}

#[test]
fn healthy_headers_of_any_kind_raise_no_alarm() {
    let mut wrong = Vec::new();
    let mut worked_out = 0;
    let mut walked = 0;
    let kinds = ["jpeg", "png", "raw"];
    let all = layouts().into_iter().flat_map(|(line, _)| {
        let of_kind = move |kind| (of_kind(&line, kind), kind);
        kinds.into_iter().map(of_kind)
    });
    for (line, kind) in all {
        let layout: Layout = line.parse().unwrap();
        let sent = pictures(kind);
        let messages: Vec<Vec<u8>> = sent
            .iter()
            .enumerate()
            .map(|(at, picture)| message(&layout, picture, at))
            .collect();
        for given in [Some(&layout), None] {
            let told = stream(&messages, given);
            let alarms = alarms(&told);
            let bytes: Vec<u64> = told.images.iter().map(|image| image.bytes).collect();
            let want: Vec<u64> = sent.iter().map(|picture| picture.len() as u64).collect();
            // Raw pixels without their structure are found only where the framing is given or says their size.
            let found = bytes == want || given.is_none() && kind == "raw";
            if !alarms.is_empty() || !found {
                wrong.push(format!(
                    "{line} ({kind}, given: {}): {alarms:?} {bytes:?}",
                    given.is_some()
                ));
            }
            if given.is_none() && kind != "raw" {
                walked += 1;
                let found = told.streams[0].protocol.clone();
                let sure = told.streams[0].confidence;
                let again = match &found {
                    Some(Protocol::Layout(found)) => found.as_ref().clone(),
                    Some(known @ Protocol::Length(_)) => {
                        let field = known.to_string().replace("length=", "");
                        let kind = field
                            .strip_prefix("ascii")
                            .map_or(field.clone(), |width| format!("dec({width})"));
                        format!("{kind} length, picture").parse().unwrap()
                    }
                    _ => continue,
                };
                worked_out += 1;
                assert!(sure >= Some(Confidence::Likely), "{line}: {sure:?}");
                // What was worked out decodes its own input, when it is given, and what it encodes itself.
                let encoded: Vec<Vec<u8>> = sent
                    .iter()
                    .enumerate()
                    .map(|(at, picture)| message(&again, picture, at))
                    .collect();
                for messages in [&messages, &encoded] {
                    let told = stream(messages, Some(&again));
                    let bytes: Vec<u64> = told.images.iter().map(|image| image.bytes).collect();
                    let said = self::alarms(&told);
                    if bytes != want || !said.is_empty() {
                        wrong.push(format!("{line}: as {again}: {bytes:?} {said:?}"));
                    }
                }
            }
        }
    }
    println!("worked out: {worked_out} of {walked}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(worked_out * 100 >= walked * 90, "{worked_out} of {walked}");
}

/// What goes wrong in three messages: what it is called, and the messages.
fn faults(
    line: &str,
    layout: &Layout,
    sent: &[Vec<u8>],
    healthy: &[Vec<u8>],
) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let other: Option<Layout> = ["be", "le"].iter().find_map(|order| {
        let swapped = line
            .replace("u32be length", "u32?? length")
            .replace("u32le length", "u32be length")
            .replace("u32?? length", "u32le length");
        (swapped != line && line.contains(order)).then(|| swapped.parse().unwrap())
    });
    let mut faults: Vec<(&'static str, Vec<Vec<u8>>)> = Vec::new();
    let mut cut = healthy.to_vec();
    let keep = cut[2].len() - sent[2].len() / 2;
    cut[2].truncate(keep);
    faults.push(("cut", cut));
    let mut more = healthy.to_vec();
    more[1].push(b'\n');
    faults.push(("one byte too many", more));
    for (name, extra) in [("length off by one", 1), ("length off by 33", 33)] {
        let mut untrue = healthy.to_vec();
        untrue[1] = lying(layout, &sent[1], 1, extra);
        faults.push((name, untrue));
    }
    let size = healthy[2].len() - sent[2].len();
    let mut untrue = healthy.to_vec();
    untrue[2] = lying(layout, &sent[2], 2, size);
    faults.push(("length off by the header", untrue));
    // In one message alone.
    if let Some(other) = &other {
        let mut one = healthy.to_vec();
        one[1] = message(other, &sent[1], 1);
        faults.push(("byte order of one", one));
    }
    if let Some(other) = other {
        let swapped = sent
            .iter()
            .enumerate()
            .map(|(at, picture)| message(&other, picture, at))
            .collect();
        faults.push(("byte order", swapped));
    }
    faults
}

/// Whether what was worked out of a fault can show it, and what was said where that is neither its name nor, where it cannot be seen,
/// nothing.
fn named_rightly(name: &str, line: &str, guessed: &Told) -> (bool, Option<String>) {
    let found: Vec<&str> = guessed
        .findings
        .iter()
        .map(|finding| finding.name.as_str())
        .collect();
    // All lengths in the other byte order are a framing as well: only numbers beside them show that they are not meant so.
    let shown =
        name != "byte order" || ["width", "height"].iter().any(|field| line.contains(field));
    let words: &[&str] = match name {
        "cut" => &["early-close"],
        "one byte too many" => &["stray-bytes", "trailing-bytes", "implausible-length"],
        "byte order" => &["mixed-byte-order"],
        "byte order of one" => &["implausible-length", "length-mismatch"],
        _ => &["length-mismatch", "wrong-size-given"],
    };
    let right = found.iter().any(|name| words.contains(name));
    let whole = guessed.images.iter().filter(|image| image.complete).count();
    let honest = !shown && alarms(guessed).is_empty() && whole == 3;
    let protocol = guessed.streams[0]
        .protocol
        .as_ref()
        .map(ToString::to_string);
    (
        shown,
        (!right && !honest).then(|| format!("{protocol:?} {found:?}")),
    )
}

#[test]
fn broken_messages_are_named_where_the_framing_is_given() {
    let mut named = BTreeMap::<&str, (usize, usize)>::new();
    let mut worked_out = BTreeMap::<&str, (usize, usize)>::new();
    let mut silent = Vec::new();
    let mut unlike = Vec::new();
    let kinds = ["jpeg", "png", "raw"];
    let all = layouts().into_iter().flat_map(|(line, own)| {
        // One kind in turn is worked out, too.
        let of_kind = move |kind| (of_kind(&line, kind), kind, kind == own);
        kinds.into_iter().map(of_kind)
    });
    for (line, kind, guesses) in all {
        let layout: Layout = line.parse().unwrap();
        let sent = pictures(kind);
        let healthy: Vec<Vec<u8>> = sent
            .iter()
            .enumerate()
            .map(|(at, picture)| message(&layout, picture, at))
            .collect();
        let faults = faults(&line, &layout, &sent, &healthy);
        for (name, messages) in faults {
            let told = stream(&messages, Some(&layout));
            let count = named.entry(name).or_default();
            count.1 += 1;
            if alarms(&told).is_empty() {
                silent.push(format!("{name}: {line} ({kind})"));
            } else {
                count.0 += 1;
            }
            if !guesses {
                continue;
            }
            // Worked out, it may say less, and never more than the bytes show.
            let guessed = stream(&messages, None);
            let whole = guessed.images.iter().filter(|image| image.complete).count();
            assert!(whole <= 3, "{name}: {line}");
            if kind == "raw" {
                continue;
            }
            let (shown, problem) = named_rightly(name, &line, &guessed);
            let right = problem.is_none();
            unlike.extend(problem.map(|found| format!("{name}: {line} ({kind}): {found}")));
            if shown {
                let count = worked_out.entry(name).or_default();
                count.0 += usize::from(right);
                count.1 += 1;
            }
        }
    }
    println!("named: {named:?}");
    println!("named where the framing is worked out, of files: {worked_out:?}");
    println!("{}", unlike.join("\n"));
    for (counts, words) in [(named, silent), (worked_out, unlike)] {
        for (name, (found, all)) in counts {
            // Of nine one reads as well in the other order.
            let least = if name == "byte order" { 85 } else { 95 };
            assert!(
                found * 100 >= all * least,
                "{name}: {found} of {all}:\n{}",
                words.join("\n")
            );
        }
    }
}

fn capture(datagrams: &[Vec<u8>], given: Option<&Layout>) -> Told {
    let mut scenario = Scenario::new();
    for datagram in datagrams {
        scenario.datagram([50_002, 9_322], datagram);
        scenario.wait(3);
    }
    told(&scenario.frames, options(given))
}

#[test]
fn datagrams_healthy_lost_repeated_and_swapped() {
    let mut wrong = Vec::new();
    let mut named = BTreeMap::<(&str, bool), (usize, usize)>::new();
    let mut unnamed = Vec::new();
    for line in datagram_layouts() {
        let layout: Layout = line.parse().unwrap();
        let sent = pictures("jpeg");
        let healthy = datagrams(&layout, &sent);
        let want: Vec<u64> = sent.iter().map(|picture| picture.len() as u64).collect();
        for given in [Some(&layout), None] {
            let told = capture(&healthy, given);
            let bytes: Vec<u64> = told.images.iter().map(|image| image.bytes).collect();
            let alarms = alarms(&told);
            if !alarms.is_empty() || bytes != want {
                wrong.push(format!(
                    "{line}, given: {}: {alarms:?} {bytes:?}",
                    given.is_some()
                ));
            }
            // The last one comes again, behind the end of its picture.
            let mut again = healthy.clone();
            again.extend(healthy.last().cloned());
            let told = capture(&again, given);
            let bytes: Vec<u64> = told.images.iter().map(|image| image.bytes).collect();
            let stray = told
                .findings
                .iter()
                .any(|one| one.name.as_str() == "stray-bytes");
            if bytes != want || stray {
                wrong.push(format!(
                    "{line}, the last datagram twice, given: {}: {bytes:?}, stray: {stray}",
                    given.is_some()
                ));
            }
            let mut lost = healthy.clone();
            lost.remove(3);
            let mut repeated = healthy.clone();
            repeated.insert(4, healthy[3].clone());
            let mut swapped = healthy.clone();
            swapped.swap(3, 4);
            for (fault, datagrams, name) in [
                ("lost", lost, "datagram-lost"),
                ("repeated", repeated, "datagram-duplicated"),
                ("swapped", swapped, "datagram-reordered"),
            ] {
                let told = capture(&datagrams, given);
                let count = named.entry((fault, given.is_some())).or_default();
                count.1 += 1;
                if told
                    .findings
                    .iter()
                    .any(|finding| finding.name.as_str() == name)
                {
                    count.0 += 1;
                } else if given.is_some() {
                    unnamed.push(format!(
                        "{fault}: {line}: {:?}",
                        told.images
                            .iter()
                            .map(|image| (image.bytes, image.complete))
                            .collect::<Vec<_>>()
                    ));
                }
            }
        }
    }
    println!("unnamed:\n{}", unnamed.join("\n"));
    println!("named (fault, given): {named:?}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let given = named.iter().filter(|((_, given), _)| *given);
    let (found, all) = given.fold((0, 0), |sum, (_, one)| (sum.0 + one.0, sum.1 + one.1));
    assert!(found * 100 >= all * 95, "{named:?}");
}

/// The rows of the table in `docs/layouts.md`: a named format, and the line that is the same.
fn named_formats() -> Vec<(String, String)> {
    let page = include_str!("../../docs/layouts.md");
    let (_, section) = page
        .split_once("## The named formats as layouts")
        .expect("the section");
    let section = section
        .split_once("\n## ")
        .map_or(section, |(section, _)| section);
    let rows = section.lines().filter_map(|line| {
        let (name, line) = line
            .strip_prefix("| `")?
            .strip_suffix("` |")?
            .split_once("` | `")?;
        line.starts_with("layout ")
            .then(|| (name.to_owned(), line.to_owned()))
    });
    rows.collect()
}

#[test]
fn named_formats_and_their_lines_find_the_same() {
    let rows = named_formats();
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    for name in Protocol::names().filter(|name| name.starts_with("length=")) {
        assert!(names.contains(&name), "{name} has no row");
    }
    assert!(names.len() >= 20, "{names:?}");
    let pictures = pictures("jpeg");
    for (name, line) in &rows {
        let known: Protocol = name.parse().unwrap();
        let layout: Layout = line.parse().unwrap();
        let datagrams = known.is_datagrams();
        let one = matches!(known, Protocol::Eof) || datagrams;
        let sent = if one { &pictures[..1] } else { &pictures[..] };
        let messages: Vec<Vec<u8>> = sent
            .iter()
            .flat_map(|picture| imgnet::wire::pieces(&known, picture, 200).unwrap())
            .map(|piece| piece.bytes.into_owned())
            .collect();
        let mut broken = messages.clone();
        let last = broken.pop().unwrap();
        if !datagrams {
            broken.push(last[..last.len() / 2].to_vec());
        }
        for (what, messages) in [("whole", &messages), ("broken", &broken)] {
            let seen = |protocol: Protocol| {
                let mut scenario = Scenario::new();
                if datagrams {
                    for datagram in messages {
                        scenario.datagram([50_002, 9_322], datagram);
                        scenario.wait(3);
                    }
                } else {
                    let mut tcp = scenario.connect(50_001, 9_321);
                    for bytes in messages {
                        scenario.transfer(&mut tcp, Client, bytes, 1400);
                    }
                    scenario.close(&mut tcp, Client);
                }
                let told = told(
                    &scenario.frames,
                    Options {
                        layout: Some(protocol),
                        ..Options::default()
                    },
                );
                told.images
                    .iter()
                    .map(|image| {
                        (
                            image.offset,
                            image.bytes,
                            image.complete,
                            image.sha256.clone(),
                        )
                    })
                    .collect::<Vec<_>>()
            };
            let by_name = seen(known.clone());
            assert_eq!(
                by_name,
                seen(Protocol::Layout(Box::new(layout.clone()))),
                "{name}, {what}"
            );
            assert!(
                by_name.len() == sent.len() || what == "broken",
                "{name}: {by_name:?}"
            );
            let whole = by_name.iter().all(|(_, _, complete, _)| *complete);
            assert!(whole || what == "broken", "{name}");
        }
    }
}

//! Framings that people might make up: many layouts with fields in random order, healthy and broken in known ways.
//!
//! The healthy must never get a warning or an error, whether their framing was given or has to be worked out; what is broken
//! must be named where the framing was given; and a framing that was worked out must encode and decode its own input.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a helper of a test may fail as the test may"
)]

#[path = "support/scenario.rs"]
mod scenario;

use std::collections::BTreeMap;

use imgnet::analysis::Options;
use imgnet::findings::Severity;
use imgnet::ledger::Confidence;
use imgnet::wire::layout::encode::Facts;
use imgnet::wire::{Layout, Protocol};
use scenario::{Client, Scenario, Told, told};

/// Numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap_or(0)
    }

    fn pick<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.roll(choices.len())]
    }
}

const WIDTH: u32 = 48;
const HEIGHT: u32 = 40;

fn pixels(seed: u32) -> image::RgbImage {
    image::RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap_or(0);
        image::Rgb([
            byte(x * 5 + seed),
            byte(y * 6),
            byte(x + y + (x * y * seed) % 23),
        ])
    })
}

/// Three pictures of one kind: `jpeg`, `png` or `raw`.
fn pictures(kind: &str) -> Vec<Vec<u8>> {
    (1..4)
        .map(|seed| {
            let picture = pixels(seed);
            let format = match kind {
                "jpeg" => image::ImageFormat::Jpeg,
                "png" => image::ImageFormat::Png,
                _ => return picture.into_raw(),
            };
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).unwrap();
            bytes.into_inner()
        })
        .collect()
}

fn facts(number: usize) -> Facts {
    Facts {
        width: u64::from(WIDTH),
        height: u64::from(HEIGHT),
        channels: 3,
        name: format!("picture-{number}.jpg"),
        number: number as u64,
        time: 1_700_000 + 33 * number as u64,
        ..Facts::default()
    }
}

/// A header with a length somewhere among other fields.
fn header(dice: &mut Dice) -> String {
    let order = dice.pick(&["be", "le"]);
    let length = match dice.roll(10) {
        4 => format!("u64{order} length"),
        5 => format!("u32{order} length(rest)"),
        6 => format!("u32{order} length(all)"),
        7 => "dec(until \"\\n\") length".to_owned(),
        8 => format!("dec({}) length", dice.pick(&["10", "16", "20"])),
        _ => format!("u32{order} length"),
    };
    let mut fields = vec![length];
    for _ in 0..dice.roll(5) {
        let field = match dice.roll(8) {
            0 => "\"IMGS\"".to_owned(),
            1 => format!("u32{order} number"),
            2 => format!("u32{order} time"),
            3 => format!("u16{order} width, u16{order} height"),
            4 => format!("u32{order} width, u32{order} height"),
            5 => "u8 pixel-type".to_owned(),
            6 => format!("u32{order} crc32"),
            _ => "bytes(4)".to_owned(),
        };
        let name = field.rsplit(' ').next().unwrap_or_default().to_owned();
        let again = fields.iter().any(|known: &String| known.ends_with(&name));
        if !again {
            let at = dice.roll(fields.len() + 1);
            fields.insert(at, field);
        }
    }
    // A text with a terminator stands alone, as people write it.
    if fields.iter().any(|field| field.contains("until")) {
        fields.retain(|field| field.contains("until"));
    }
    fields.join(", ")
}

/// One message's bytes.
fn message(layout: &Layout, picture: &[u8], number: usize) -> Vec<u8> {
    layout
        .pieces(picture, 1400, &facts(number))
        .unwrap()
        .into_iter()
        .flat_map(|piece| piece.bytes.into_owned())
        .collect()
}

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

/// The pictures of the generator's layouts, sixty of them, with the line of each.
fn layouts() -> Vec<(String, &'static str)> {
    let mut dice = Dice(20_261_126);
    let kinds = ["jpeg", "png", "raw"];
    (0..60)
        .map(|at| {
            let kind = kinds[at % 3];
            let payload = if kind == "raw" {
                "pixels(bgr)"
            } else {
                "picture"
            };
            (format!("layout {}, {payload}", header(&mut dice)), kind)
        })
        .collect()
}

#[test]
fn healthy_headers_of_any_kind_raise_no_alarm() {
    let mut wrong = Vec::new();
    let mut worked_out = 0;
    let mut walked = 0;
    for (line, kind) in layouts() {
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
                // What was worked out decodes its own input, when it is given.
                let again = stream(&messages, Some(&again));
                let bytes: Vec<u64> = again.images.iter().map(|image| image.bytes).collect();
                assert_eq!(bytes, want, "{line}");
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

/// The message with the length in its header off by so much: the header of a longer picture, and this one.
fn lying(layout: &Layout, picture: &[u8], number: usize, more: usize) -> Vec<u8> {
    let longer = [picture, &vec![0; more]].concat();
    let whole = message(layout, picture, number);
    let lie = message(layout, &longer, number);
    let header = whole.len() - picture.len();
    [&lie[..header.min(lie.len())], picture].concat()
}

#[test]
fn broken_messages_are_named_where_the_framing_is_given() {
    let mut named = BTreeMap::<&str, (usize, usize)>::new();
    let mut silent = Vec::new();
    for (line, kind) in layouts() {
        let layout: Layout = line.parse().unwrap();
        // A checksum of the picture shows each of these too; a width and a height say the length of raw pixels.
        if line.contains("crc32") || kind == "raw" {
            continue;
        }
        let sent = pictures(kind);
        let healthy: Vec<Vec<u8>> = sent
            .iter()
            .enumerate()
            .map(|(at, picture)| message(&layout, picture, at))
            .collect();
        let other: Option<Layout> = ["be", "le"].iter().find_map(|order| {
            let swapped = line
                .replace("u32be length", "u32?? length")
                .replace("u32le length", "u32be length")
                .replace("u32?? length", "u32le length");
            (swapped != line && line.contains(order)).then(|| swapped.parse().unwrap())
        });
        let mut faults: Vec<(&str, Vec<Vec<u8>>)> = Vec::new();
        let mut cut = healthy.clone();
        let keep = cut[2].len() - sent[2].len() / 2;
        cut[2].truncate(keep);
        faults.push(("cut", cut));
        let mut more = healthy.clone();
        more[1].push(b'\n');
        faults.push(("one byte too many", more));
        for (name, extra) in [("length off by one", 1), ("length off by 33", 33)] {
            let mut lie = healthy.clone();
            lie[1] = lying(&layout, &sent[1], 1, extra);
            faults.push((name, lie));
        }
        let size = healthy[2].len() - sent[2].len();
        let mut lie = healthy.clone();
        lie[2] = lying(&layout, &sent[2], 2, size);
        faults.push(("length off by the header", lie));
        if let Some(other) = other {
            let swapped = sent
                .iter()
                .enumerate()
                .map(|(at, picture)| message(&other, picture, at))
                .collect();
            faults.push(("byte order", swapped));
        }
        for (name, messages) in faults {
            let told = stream(&messages, Some(&layout));
            let count = named.entry(name).or_default();
            count.1 += 1;
            if alarms(&told).is_empty() {
                silent.push(format!("{name}: {line} ({kind})"));
            } else {
                count.0 += 1;
            }
            // Worked out, it may say less, and never more than the bytes show.
            let guessed = stream(&messages, None);
            let whole = guessed.images.iter().filter(|image| image.complete).count();
            assert!(whole <= 3, "{name}: {line}");
        }
    }
    println!("named: {named:?}");
    let (found, all) = named
        .values()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(
        found * 100 >= all * 95,
        "{found} of {all}:\n{}",
        silent.join("\n")
    );
}

/// Forty framings of datagrams.
fn datagram_layouts() -> Vec<String> {
    let mut dice = Dice(4_040);
    (0..40)
        .map(|_| {
            let order = dice.pick(&["be", "le"]);
            let width = dice.pick(&["u16", "u32"]);
            let number = match dice.roll(5) {
                0 => format!("{width}{order} index"),
                1 => format!("{width}{order} index+1"),
                2 => format!("{width}{order} left"),
                3 => format!("u32{order} offset"),
                _ => "u8 index".to_owned(),
            };
            let mut fields = vec![number];
            match dice.roll(4) {
                0 => fields.push(format!("{width}{order} count")),
                1 => fields.push("u8 last".to_owned()),
                2 => fields.push(format!("u32{order} total")),
                _ => {}
            }
            if dice.roll(3) == 0 {
                fields.insert(0, format!("u16{order} frame"));
            }
            format!("layout udp; piece: {}, data", fields.join(", "))
        })
        .collect()
}

fn datagrams(layout: &Layout, sent: &[Vec<u8>]) -> Vec<Vec<u8>> {
    sent.iter()
        .enumerate()
        .flat_map(|(at, picture)| {
            layout
                .pieces(picture, 90, &facts(at))
                .unwrap()
                .into_iter()
                .map(|piece| piece.bytes.into_owned())
        })
        .collect()
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

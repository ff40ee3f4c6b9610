//! One byte more, less or other, in the file sent, on the wire or in the file received: it is never `match`, the first
//! offset is the right one, and so is the side.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test reads files, and may fail"
)]

use crate::sweep;

use crate::edit;

use crate::given;

mod arrived;
mod chunks;
mod encodings;

mod every_format;

mod oracle;

mod unconfirmed;

use crate::framings;

use crate::scenario;

use crate::support;

use crate::edit::{Carried, Edit, Ends, carried, edited, first_difference};
use crate::given::{Transfer, asked, healthy};
use crate::sweep::{Dice, Kept, analyse};
use imgnet::decode;
use imgnet::expect::{self, Expectations, Origin, Outcome};
use imgnet::ledger::comparison::{Blamed, SideOfMismatch};
use imgnet::ledger::{Image, RegionKind, Verdict};
use imgnet::report::Report;
use imgnet::units::Timestamp;

/// Places in one file or direction.
const PLACES: usize = 16;

/// The frames of a capture that was made up, numbered from 1.
fn kept(frames: &[scenario::Captured]) -> Vec<Kept> {
    let mut decoder = decode::Decoder::new(decode::Options::default());
    let kept = (1..).zip(frames).map(|(number, frame)| {
        let mut kept = Kept {
            number,
            time: Some(Timestamp(frame.time)),
            link: frame.link,
            interface: frame.interface,
            wire_len: frame.wire_len,
            data: frame.data.clone(),
            ends: None,
        };
        let ends = match decoder.decode(&kept.frame()) {
            decode::Outcome::Packet(packet) => Some((packet.source, packet.destination)),
            _ => None,
        };
        kept.ends = ends;
        kept
    });
    kept.collect()
}

/// At most so many offsets: first, last, those around borders, and others by chance.
fn places(length: usize, borders: &[usize], dice: &mut Dice) -> Vec<usize> {
    let most = asked(PLACES);
    let mut places = vec![0, 1, length / 2, length.saturating_sub(2), length - 1];
    for &border in borders {
        places.extend([border.saturating_sub(1), border]);
    }
    places.retain(|&place| place < length);
    places.sort_unstable();
    places.dedup();
    while places.len() > most * 3 / 4 {
        places.remove(1 + dice.below(places.len() - 2));
    }
    while places.len() < most.min(length) {
        let place = dice.below(length);
        if let Err(at) = places.binary_search(&place) {
            places.insert(at, place);
        }
    }
    places
}

fn edits(dice: &mut Dice) -> [Edit; 3] {
    let byte = u8::try_from(dice.below(256)).expect("a byte");
    [Edit::Insert(byte), Edit::Remove, Edit::Change(byte.max(1))]
}

/// Runs so far, and what went wrong.
#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    failures: Vec<String>,
}

impl Tally {
    fn say(&mut self, what: &str, outcome: Result<(), String>) {
        self.runs += 1;
        if let Err(why) = outcome {
            self.failures.push(format!("{what}: {why}"));
        }
    }
}

fn shown(report: &Report) -> String {
    let images: Vec<String> = report
        .images
        .iter()
        .map(|image| {
            let compared = image.compared.as_ref();
            let mismatch = compared.and_then(|one| one.mismatch.as_ref());
            format!(
                "[{:?} {} {}+{} {:?} {:?}]",
                image.verdict,
                image.protocol,
                image.offset,
                image.bytes,
                mismatch.map(|one| (one.side, one.first_difference, one.damage.clone())),
                compared.and_then(|one| one.blame.as_ref().map(|blame| blame.who)),
            )
        })
        .collect();
    let findings: Vec<&str> = report
        .findings
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    format!("{:?} {} {findings:?}", report.verdict, images.join(" "))
}

/// Not a match; and where `at` is told, a difference on this side at that offset of a picture, blamed on `who`.
fn is_told(
    report: &Report,
    side: SideOfMismatch,
    who: &[Blamed],
    at: Option<u64>,
) -> Result<(), String> {
    if report.verdict == Some(Verdict::Match) {
        return Err(format!("match: {}", shown(report)));
    }
    let blamed = |image: &Image| {
        let blame = image.compared.as_ref()?.blame.as_ref()?;
        Some(blame.who)
    };
    let wrong = report
        .images
        .iter()
        .filter_map(blamed)
        .any(|one| !who.contains(&one) && one != Blamed::Unknown);
    if wrong {
        return Err(format!("another side is blamed: {}", shown(report)));
    }
    let Some(at) = at else {
        return Ok(());
    };
    let told = report.images.iter().any(|image| {
        image
            .compared
            .as_ref()
            .and_then(|one| one.mismatch.as_ref())
            .is_some_and(|one| one.side == side && one.first_difference == Some(at))
    });
    if told {
        Ok(())
    } else {
        Err(format!("no {side:?} at {at}: {}", shown(report)))
    }
}

/// A byte in a file of one side.
fn of_files(transfer: &Transfer, sent: bool, tally: &mut Tally) {
    let files = if sent {
        &transfer.sent
    } else {
        &transfer.received
    };
    for (number, file) in files.iter().enumerate() {
        let used = transfer.whole.images.iter().any(|image| {
            let compared = image.compared.as_ref();
            let half = compared.and_then(|one| {
                if sent {
                    one.sent.as_ref()
                } else {
                    one.received.as_ref()
                }
            });
            half.is_some_and(|half| half.path.as_deref() == Some(&file.path))
                // Files of pixels are compared by pixels.
                && !image.is_raw_pixels()
        });
        if !used || file.bytes.is_empty() {
            continue;
        }
        let mut dice = Dice(number as u64 + file.bytes.len() as u64);
        let chunk = transfer.whole.images[0].chunk_size.unwrap_or(1024);
        let borders: Vec<usize> = (0..file.bytes.len())
            .step_by(usize::try_from(chunk).expect("a size").max(1))
            .collect();
        for at in places(file.bytes.len(), &borders, &mut dice) {
            for edit in edits(&mut dice) {
                let at = match edit {
                    // Behind the last byte, too.
                    Edit::Insert(_) if at + 1 == file.bytes.len() => at + 1,
                    _ => at,
                };
                let bytes = edit.of(&file.bytes, at);
                let first = first_difference(&bytes, &file.bytes);
                let mut with = files.clone();
                with[number].bytes = bytes.into();
                let (side, who, report) = if sent {
                    let report = transfer.verified(&transfer.frames, Some(&with), true);
                    (SideOfMismatch::SenderToWire, Blamed::Sender, report)
                } else {
                    let report = transfer.verified_received(&transfer.frames, &with);
                    (SideOfMismatch::WireToReceiver, Blamed::Receiver, report)
                };
                let what = format!(
                    "{}, {} {}, {edit:?} at {at}",
                    transfer.name,
                    if sent { "sent" } else { "received" },
                    file.path
                );
                // Its pieces come twice and out of turn; and one datagram more may have held what lies behind a whole one.
                let behind = at == file.bytes.len() && transfer.name == "udp-jpeg.pcap";
                let first = (transfer.name != "udp-index.pcap" && !behind).then_some(first);
                tally.say(&what, is_told(&report, side, &[who], first));
            }
        }
    }
}

/// Kind of a direction's byte in the unchanged capture, and its picture and offset in that.
fn region(whole: &Report, ends: Ends, at: u64) -> Option<(RegionKind, Option<(&Image, u64)>)> {
    let direction = whole
        .streams
        .iter()
        .flat_map(|stream| &stream.directions)
        .find(|one| (one.from, one.to) == ends)?;
    let region = direction
        .map
        .iter()
        .find(|region| region.offset <= at && at < region.offset + region.length)?;
    let image = whole.images.iter().find(|image| {
        (image.from, image.to) == ends
            && image.encoded_bytes.is_none()
            && image.offset <= at
            && at < image.offset + image.bytes
    });
    Some((region.kind, image.map(|image| (image, at - image.offset))))
}

/// A byte on the wire.
fn on_the_wire(transfer: &Transfer, tally: &mut Tally) {
    let recorded = expect::record(
        &analyse(&transfer.frames, &transfer.options),
        &Origin::default(),
    );
    let expected = expect::parse(&recorded).expect("what was recorded can be read");
    for stream in &transfer.whole.streams {
        for direction in &stream.directions {
            let ends = (direction.from, direction.to);
            let Some(carried) = carried(&transfer.frames, ends) else {
                continue;
            };
            if carried.bytes.is_empty() {
                continue;
            }
            on_one_direction(transfer, ends, &carried, &expected, tally);
        }
    }
}

fn on_one_direction(
    transfer: &Transfer,
    ends: Ends,
    carried: &Carried,
    expected: &Expectations,
    tally: &mut Tally,
) {
    let pictures: Vec<&Image> = transfer
        .whole
        .images
        .iter()
        .filter(|image| (image.from, image.to) == ends)
        .collect();
    let mut borders = carried.borders.clone();
    for image in &pictures {
        let length = image.encoded_bytes.unwrap_or(image.bytes);
        let place = |at: u64| usize::try_from(at).expect("a place");
        borders.extend([place(image.offset), place(image.offset + length)]);
    }
    let length = carried.bytes.len();
    let mut dice = Dice(length as u64);
    for at in places(length, &borders, &mut dice) {
        for edit in edits(&mut dice) {
            let at = match edit {
                Edit::Insert(_) if at + 1 == length => at + 1,
                _ => at,
            };
            let frames = edited(&transfer.frames, ends, at, edit);
            let what = format!(
                "{}, wire {} → {}, {edit:?} at {at}",
                transfer.name, ends.0, ends.1
            );
            let region = region(&transfer.whole, ends, at as u64);
            // What is put in before the first byte of a picture is at the end of its header.
            let before = matches!(edit, Edit::Insert(_))
                && at > 0
                && pictures.iter().any(|image| image.offset == at as u64);
            let kind = region.map(|(kind, _)| kind).filter(|_| !before);
            // A line end that the declared length counts, behind the last letter.
            let line_end = transfer.name == "base64-lines.pcap" && at + 1 >= length;
            let free = line_end || given::is_free(&transfer.name, kind, edit);
            // A datagram that the capture lacks leaves as little behind; and without its headers nobody knows where pieces belong.
            let unseen = !carried.tcp
                && (kind != Some(RegionKind::Picture)
                    || at == 0
                    || (edit == Edit::Remove
                        && borders.iter().any(|border| border.abs_diff(at) <= 8))
                    // Its pieces come twice and out of turn.
                    || transfer.name == "udp-index.pcap");
            // The decoders of a lossy picture differ by as much.
            let lossy = transfer.name == "raw-pixels.pcap" && matches!(edit, Edit::Change(_));
            // What is not the pictures' direction has nothing to be compared with, and what programs write into headers is theirs.
            if !pictures.is_empty() && !free && !lossy {
                let first = match (region, edit) {
                    // What is put in before the first byte may be framing as well.
                    (Some((_, Some((_, 0)))), Edit::Insert(_)) => None,
                    _ if unseen => None,
                    (Some((_, Some((image, place)))), _)
                        if Transfer::is_paired(image) && !image.is_raw_pixels() =>
                    {
                        let start = usize::try_from(image.offset).expect("a place");
                        let end = start + usize::try_from(image.bytes).expect("a place");
                        let original = &carried.bytes[start..end];
                        let place = usize::try_from(place).expect("a place");
                        let other = edit.of(original, place);
                        Some(first_difference(original, &other))
                    }
                    _ => None,
                };
                let report = transfer.verified(&frames, Some(&transfer.sent), false);
                let who = [Blamed::Sender, Blamed::Capture];
                let who = if unseen { &who[..] } else { &who[..1] };
                let outcome = is_told(&report, SideOfMismatch::SenderToWire, who, first);
                tally.say(&format!("{what}, sent"), outcome);
                if !transfer.received.is_empty() {
                    let report = transfer.verified(&frames, Some(&transfer.sent), true);
                    let who = [
                        Blamed::Sender,
                        Blamed::Receiver,
                        Blamed::Network,
                        Blamed::Capture,
                    ];
                    let outcome = is_told(&report, SideOfMismatch::SenderToWire, &who, None);
                    tally.say(&format!("{what}, sent and received"), outcome);
                }
            }
            let changed = matches!(edit, Edit::Change(_));
            let text = kind != Some(RegionKind::Picture);
            if !(changed && text) {
                let report = analyse(&frames, &transfer.options);
                let outcome = expect::judge(expected, &report);
                let told = if outcome.verdict == Outcome::Pass {
                    Err("the check passes".to_owned())
                } else {
                    Ok(())
                };
                tally.say(&format!("{what}, check"), told);
            }
        }
    }
}

#[test]
fn one_byte_is_never_a_match() {
    let transfers = healthy();
    let captures = transfers.len();
    assert!(captures >= 18, "only {captures} healthy captures");
    given::swept(transfers, 8_000, |transfer| {
        let mut tally = Tally::default();
        of_files(transfer, true, &mut tally);
        of_files(transfer, false, &mut tally);
        on_the_wire(transfer, &mut tally);
        (tally.runs, tally.failures)
    });
}

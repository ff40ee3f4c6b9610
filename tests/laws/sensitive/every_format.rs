//! One byte too many, in every wire format that there is a name for: at the front, between two messages, at the end. Never do
//! the recorded expectations pass, and never is it a match. Names come from the table, so that a new format is tried as well.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use imgnet::analysis::Options;
use imgnet::cli::verify::MemoryFile;
use imgnet::digest::DigestKind;
use imgnet::expect::{self, Origin, Outcome};
use imgnet::ledger::{Stream, Verdict};
use imgnet::report::Report;
use imgnet::wire::encode::numbered_pieces;
use imgnet::wire::{Piece, Protocol};

use super::edit::{Edit, carried, edited};
use super::given::Transfer;
use super::given::on_all_cores;
use super::scenario::{Client, Scenario, Server};
use super::sweep::{Kept, analyse};
use super::{kept, support};

const PORT: u16 = 7007;

/// The name with something in the place of its variable part.
fn spelled(name: &str) -> String {
    name.replace("TEXT", "<END>")
        .replace("WIDTH", "48")
        .replace("HEADER", "u16be")
        .replace("FORMAT", "length=u32be")
        .replace("FIELDS", "\"IMGS\", u32be length, picture")
}

/// Captures of formats that imgnet reads and does not send.
fn captured(name: &str) -> Option<&'static str> {
    Some(match name {
        "catalog" => "catalog",
        "raw-pixels" | "raw-pixels=48" => "raw-pixels",
        "half-close" => "formats/half-close",
        "pickled" | "pickled+length=u32be" => "formats/pickled",
        "base64" | "base64+length=u32be" => "formats/base64",
        "http" => "formats/http",
        "zmtp" => "formats/zmtp",
        "websocket" => "protocols/ws-frag",
        "http2" => "protocols/grpc-unary",
        "mqtt" => "protocols/mqtt",
        "smtp" => "protocols/smtp",
        "java-objects" => "protocols/java-write",
        "tftp" => "protocols/tftp-put",
        "rtp-jpeg" => "protocols/rtp-jpeg",
        _ => return None,
    })
}

fn pictures() -> [Vec<u8>; 2] {
    let mut both = super::framings::pictures("png").into_iter();
    [both.next().expect("one"), both.next().expect("two")]
}

/// A picture as this encoding has it on the wire.
fn wrapped(encoding: &str, picture: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let level = flate2::Compression::default();
    let written = |result: std::io::Result<Vec<u8>>| result.expect("in memory");
    match encoding {
        "gzip" => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), level);
            out.write_all(picture).expect("in memory");
            written(out.finish())
        }
        "zlib" => {
            let mut out = flate2::write::ZlibEncoder::new(Vec::new(), level);
            out.write_all(picture).expect("in memory");
            written(out.finish())
        }
        "deflate" => {
            let mut out = flate2::write::DeflateEncoder::new(Vec::new(), level);
            out.write_all(picture).expect("in memory");
            written(out.finish())
        }
        "hex" => picture
            .iter()
            .flat_map(|byte| format!("{byte:02x}").into_bytes())
            .collect(),
        other => panic!("no encoder for {other}: add one, or a capture"),
    }
}

/// What a program of this format sends, and the answers that it waits for.
fn conversation(name: &str, pictures: &[Vec<u8>]) -> Vec<(Vec<u8>, Option<&'static str>)> {
    let encoding = name.split_once('+').map_or(name, |(encoding, _)| encoding);
    if let "gzip" | "zlib" | "deflate" | "hex" = encoding {
        let messages = pictures.iter().map(|picture| {
            let mut message = wrapped(encoding, picture);
            if name.contains('+') {
                let length = u32::try_from(message.len()).expect("small").to_be_bytes();
                message.splice(0..0, length);
            }
            (message, None)
        });
        return messages.collect();
    }
    let protocol: Protocol = name.parse().expect("a format");
    let mut sent = Vec::new();
    for (number, picture) in (0..).zip(pictures) {
        let pieces: Vec<Piece<'_>> = numbered_pieces(&protocol, picture, 1000, number, "a.png")
            .unwrap_or_else(|error| panic!("{name}: {error}: a capture of it is needed"))
            .collect();
        sent.extend(
            pieces
                .into_iter()
                .map(|piece| (piece.bytes.into_owned(), piece.awaits)),
        );
    }
    sent
}

/// A healthy transfer in this format.
fn example(name: &str) -> Transfer {
    if let Some(capture) = captured(name) {
        return of_capture(name, capture);
    }
    let protocol: Protocol = name
        .parse()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let one = matches!(
        name,
        "eof" | "carve" | "udp" | "gzip" | "zlib" | "deflate" | "hex"
    );
    let mut pictures = pictures().to_vec();
    if one {
        pictures.truncate(1);
    }
    let sent = conversation(name, &pictures);
    let mut scenario = Scenario::on_loopback();
    if protocol.is_datagrams() {
        for (bytes, _) in &sent {
            scenario.datagram([40_000, PORT], bytes);
        }
        scenario.wait(3_000);
        scenario.other_traffic();
    } else {
        let mut tcp = scenario.connect(40_000, PORT);
        for (bytes, awaits) in &sent {
            scenario.transfer(&mut tcp, Client, bytes, 1_000);
            if let Some(answer) = awaits {
                scenario.transfer(&mut tcp, Server, answer.as_bytes(), 1_000);
            }
        }
        scenario.close(&mut tcp, Client);
    }
    let files: Vec<MemoryFile> = pictures
        .iter()
        .enumerate()
        .map(|(number, bytes)| MemoryFile {
            path: format!("{number}.png"),
            bytes: bytes.clone().into(),
            named: false,
        })
        .collect();
    let options = Options {
        digest: DigestKind::Sha256,
        protocols: vec![(PORT, protocol)],
        ..Options::default()
    };
    Transfer {
        name: name.to_owned(),
        frames: kept(&scenario.frames),
        sent: files.clone(),
        received: files,
        whole: analyse(&[], &options),
        options,
    }
}

/// The same of a capture in the repository: with its own files, or those of its folder that are in it.
fn of_capture(name: &str, capture: &str) -> Transfer {
    let path = support::captures_folder().join(format!("{capture}.pcap"));
    let own = path.with_extension("");
    if own.is_dir() {
        return Transfer::of(&path, &own.join("sent"), &own.join("received"));
    }
    let sent = path.parent().expect("a folder").join("sent");
    let mut transfer = Transfer::of(&path, &sent, Path::new("/nowhere"));
    let unpaired = transfer.whole.verification.clone();
    let unpaired = unpaired.and_then(|one| one.sent).expect("files").unpaired;
    transfer
        .sent
        .retain(|file| unpaired.iter().all(|left| left.path != file.path));
    transfer.received.clone_from(&transfer.sent);
    if transfer.whole.images.len() > transfer.sent.len() {
        transfer.received.clear();
    }
    name.clone_into(&mut transfer.name);
    transfer
}

/// The front of a direction, the end of its first picture, and its end.
fn borders(whole: &Report, from: SocketAddr, all: usize) -> Vec<usize> {
    let mut borders = vec![0];
    // Behind what is not over more may come, of which it is the beginning.
    let mut ways = whole.streams.iter().flat_map(|stream| &stream.directions);
    if ways.any(|way| way.from == from && (way.closed.is_some() || way.start_seen.is_none())) {
        borders.push(all);
    }
    let first = whole.images.iter().find(|image| image.from == from);
    if let Some(image) = first {
        let end = image.offset + image.encoded_bytes.unwrap_or(image.bytes);
        borders.push(usize::try_from(end).expect("small"));
    }
    borders.retain(|border| *border <= all);
    borders.sort_unstable();
    borders.dedup();
    borders
}

/// Names, commands and dates are the programs' own: a letter more is another message that means as much.
const TEXTS: [&str; 3] = ["http", "smtp", "name-size-marker"];

/// A zero makes another frame of what follows it, or stands behind the last part of a body, where all is passed over.
const FRAMES: [&str; 3] = ["zmtp", "websocket", "http"];

/// Whether a byte more may be what the program wanted to say.
fn is_free(name: &str, byte: u8) -> bool {
    let name = name.strip_suffix(", not given").unwrap_or(name);
    let names: &[&str] = if byte == 0 { &FRAMES } else { &TEXTS };
    names.contains(&name)
}

fn of_pictures(report: &Report) -> Option<&Stream> {
    report.stream(report.images.first()?.stream)
}

fn format(report: &Report) -> Option<&Protocol> {
    Some(&report.images.first()?.protocol)
}

/// Whether its wire format is no guess.
fn is_known(report: &Report) -> bool {
    of_pictures(report).is_some_and(Stream::is_confirmed)
}

/// What goes wrong with one byte more; returns how many were tried.
fn one_more(transfer: &Transfer, failures: &mut Vec<String>) -> u64 {
    let whole = transfer.verified(&transfer.frames, Some(&transfer.sent), true);
    // Its two frames are one picture, of which there is one file.
    if whole.verdict != Some(Verdict::Match) && transfer.name != "rtp-jpeg" {
        failures.push(format!(
            "{}: as it is: {}",
            transfer.name,
            super::shown(&whole)
        ));
    }
    let plain = analyse(&transfer.frames, &transfer.options);
    let recorded = expect::record(&plain, &Origin::default());
    let expected = expect::parse(&recorded).expect("what was recorded can be read");
    if expect::judge(&expected, &plain).verdict != Outcome::Pass {
        failures.push(format!("{}: its own expectations fail", transfer.name));
    }
    let given = !transfer.options.protocols.is_empty();
    let mut tried = 0;
    let from: BTreeSet<_> = whole
        .images
        .iter()
        .map(|image| (image.from, image.to))
        .collect();
    for ends in from.into_iter().take(1) {
        let Some(carried) = carried(&transfer.frames, ends) else {
            continue;
        };
        let all = carried.bytes.len();
        for at in borders(&whole, ends.0, all) {
            for byte in [0, b'A'] {
                let frames: Vec<Kept> = edited(&transfer.frames, ends, at, Edit::Insert(byte));
                let what = format!("{}, {byte:#04x} at {at} of {all}", transfer.name);
                let analysed = analyse(&frames, &transfer.options);
                // Of a run without pictures no expectations are recorded.
                let checked = expect::judge(&expected, &analysed).verdict;
                if checked == Outcome::Pass && !plain.images.is_empty() {
                    failures.push(format!("{what}: the check passes"));
                }
                let verified = transfer.verified(&frames, Some(&transfer.sent), true);
                // A framing that had to be worked out may be another one with the byte; and what is a text may say so.
                let known = given || (is_known(&whole) && format(&verified) == format(&whole));
                let free = is_free(&transfer.name, byte);
                if verified.verdict == Some(Verdict::Match) && known && !free {
                    failures.push(format!("{what}: {}", super::shown(&verified)));
                }
                tried += 1;
            }
        }
    }
    tried
}

/// A format by its name, and worked out; returns how many were tried.
fn of_format(name: &str, failures: &mut Vec<String>) -> u64 {
    let given = example(name);
    let mut tried = one_more(&given, failures);
    if given.options.protocols.is_empty() {
        return tried;
    }
    let mut plain = Transfer {
        options: Options {
            protocols: Vec::new(),
            ..given.options.clone()
        },
        name: format!("{name}, not given"),
        ..given
    };
    plain.whole = plain.verified(&plain.frames, Some(&plain.sent), true);
    // What its bytes do not show cannot be found out.
    if plain.whole.verdict == Some(Verdict::Match) {
        tried += one_more(&plain, failures);
    }
    tried
}

#[test]
fn one_byte_more_is_seen_in_every_format() {
    let mut captures = BTreeSet::new();
    let mut names: Vec<String> = Protocol::names().map(spelled).collect();
    // One capture may stand for two names.
    names.retain(|name| captured(name).is_none_or(|capture| captures.insert(capture)));
    let (tried, failures) = on_all_cores(names, |name| {
        let mut failures = Vec::new();
        let tried = of_format(name, &mut failures);
        (tried, failures)
    });
    assert!(
        failures.is_empty(),
        "{} of {tried}: {failures:#?}",
        failures.len()
    );
    assert!(tried > 250, "only {tried} tried");
}

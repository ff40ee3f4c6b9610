use serde::Serialize;
use serde_json::Value;

use super::*;
use crate::analysis::{Awaited, DigestKind};
use crate::decode::Skip;
use crate::dissect::Role;
use crate::expect::Outcome;
use crate::findings::facts::StrayKind;
use crate::findings::{Certainty, Severity};
use crate::flow::TransportKind;
use crate::frame::LinkType;
use crate::ledger::comparison::{Aside, Blamed, Level, PairedBy, RowsBy, SideOfMismatch};
use crate::ledger::{ChunkSizeSource, Closed, RegionKind, Verdict};
use crate::picture::Format;
use crate::reassembly::GapCause;
use crate::wire::layout::PixelOrder;
use crate::wire::{Confidence, Protocol};

fn known(kind: &str, name: &str) {
    let found = find(name);
    assert!(
        found.iter().any(|word| word.kind == kind),
        "imgnet explain does not know {name:?} as {kind}: {found:?}"
    );
}

fn printed(value: impl Serialize) -> String {
    let printed = serde_json::to_value(value).unwrap();
    printed.as_str().unwrap().to_owned()
}

/// Each variant of a type is a word of this kind. A variant that is added and not named here does not compile.
macro_rules! variants {
    ($kind:literal, $type:ident: $($variant:ident),+) => {{
        fn all_are_named(value: $type) -> $type {
            match value {
                $($type::$variant => value),+
            }
        }
        for value in [$($type::$variant),+] {
            known($kind, &printed(all_are_named(value)));
        }
    }};
}

#[test]
fn every_variant_that_is_printed_is_known() {
    variants!("verdict", Verdict: Match, Unverified, Inconclusive, Incomplete, Mismatch);
    variants!("severity", Severity: Note, Warning, Error);
    variants!("certainty", Certainty: Risk, Likely, Proven);
    variants!("confidence", Confidence: Guess, Likely, Content, PortAndContent, Confirmed, Given);
    variants!("cause of a gap", GapCause: NotCaptured, NeverAcknowledged, SnapLength, Limit, Unknown);
    variants!("what a packet carries", RegionKind: Picture, Framing, Answer, Stray, Gap);
    variants!("end of a direction", Closed: Fin, Reset);
    variants!("transport", TransportKind: Tcp, Udp);
    variants!("source of a chunk size", ChunkSizeSource: Given, Format, Observed);
    variants!("level of a comparison", Level: Bytes, Pixels, Similar);
    variants!("way to find a file", PairedBy: Digest, Ledger, Closest, OrderAndSize, Name);
    variants!("place of a difference", SideOfMismatch: SenderToWire, WireToReceiver, SenderToReceiver);
    variants!("way to count rows", RowsBy: Computed, Inflated, DecodedPrefix, Coarse);
    variants!("whose doing", Blamed: Sender, Network, Capture, Receiver, Nobody, Unknown);
    variants!("reason to pass over a file", Aside: NoPicture, BothSides);
    variants!("outcome of an expectation", Outcome: Pass, Inconclusive, Fail);
    variants!("kind of picture", Format: Jpeg, Png, Gif, WebP, Bmp);
    variants!("pixel", PixelOrder: Bgr, Rgb, Bgra, Rgba, Grey, Rgb565, Any);
    for role in Role::ALL {
        known("what a packet carries", role.name());
    }
    for skip in Skip::ALL {
        known("reason not to decode a frame", skip.name());
    }
    for awaited in [
        Awaited::EndOfStream {
            bytes: 1,
            whole: true,
        },
        Awaited::Rest {
            bytes: 1,
            declared: 2,
        },
        Awaited::AnswerToMarker { bytes: 1 },
        Awaited::AnswerToPicture { bytes: 1 },
        Awaited::Room,
        Awaited::Connection,
        Awaited::FirstByte,
    ] {
        known("what is waited for", awaited.name());
    }
    for kind in [DigestKind::Sha256, DigestKind::Blake3, DigestKind::Crc32] {
        known("digest", &format!("{kind:?}"));
    }
}

#[test]
fn every_wire_format_is_known() {
    for name in Protocol::names() {
        let base = name.split(['=', '+', ' ']).next().unwrap();
        known("wire format", name);
        known("wire format", base);
    }
    for name in ["chunk", "Chunks", "gaps", "length=u32be", "marker=<END>"] {
        assert!(!find(name).is_empty(), "{name}");
    }
    assert_eq!(find("xyzzy"), Vec::<&Word>::new());
}

/// What stands between the quotes behind each of these words in a source file.
#[expect(
    clippy::disallowed_methods,
    reason = "the test reads what the sources call parts of the framing"
)]
fn quoted_behind(file: &str, words: &[&str], told: &mut impl FnMut(&str)) {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let source = std::fs::read_to_string(source).unwrap();
    for word in words {
        let mut rest = source.as_str();
        while let Some((_, behind)) = rest.split_once(word) {
            if let Some((quoted, _)) = behind.split_once('"') {
                told(quoted);
            }
            rest = behind;
        }
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test reads what the sources call parts of the framing"
)]
fn every_part_of_the_framing_is_known() {
    let mut count = 0;
    let mut told = |name: &str| {
        // An answer is one of the kinds of the map, and no part of the framing.
        if name != "answer" {
            known("part of the framing", name);
            count += 1;
        }
    };
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("tests") {
                let words = ["Framing::Field(\"", "Scanner::new(\"", " framing(\""];
                quoted_behind(name, &words, &mut told);
            }
        }
    }
    // What a decoder calls by a variant, the roles of a layout's fields, and fields without one.
    quoted_behind(
        "src/analysis/regions.rs",
        &["(_) => \"", "Pickle => \""],
        &mut told,
    );
    for name in [
        "end",
        "piece-header",
        "control",
        "http-header",
        "body",
        "request",
    ] {
        told(name);
    }
    let text = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire/layout/text.rs"),
    );
    for line in text.unwrap().lines() {
        let role = line
            .trim()
            .strip_prefix("(\"")
            .and_then(|line| line.split_once("\", Role::"));
        if let Some((name, _)) = role {
            told(name);
        }
    }
    told("constant");
    told("field");
    assert!(count > 60, "{count}");
}

#[test]
fn every_link_type_and_every_kind_of_stray_bytes_is_known() {
    let names: Vec<&str> = (0..=u16::MAX)
        .filter_map(|number| LinkType(number).name())
        .collect();
    assert!(names.len() > 40, "{}", names.len());
    for name in names {
        known("link type", name);
    }
    let kind = "what stray bytes look like";
    for one in [
        StrayKind::Zeros,
        StrayKind::LineEnd,
        StrayKind::Text,
        StrayKind::Header,
        StrayKind::Repeat,
        StrayKind::Other,
    ] {
        known(kind, one.name());
    }
}

/// Calls `told` with each string that the schema lets a member be.
fn alternatives(schema: &Value, told: &mut impl FnMut(&str)) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                if name == "enum" {
                    member
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter_map(Value::as_str)
                        .for_each(&mut *told);
                } else {
                    alternatives(member, told);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| alternatives(value, told)),
        _ => {}
    }
}

#[test]
fn every_alternative_of_the_published_schema_is_known() {
    let schema = include_str!("../../../docs/report.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let mut count = 0;
    alternatives(&schema, &mut |name| {
        count += 1;
        assert!(!find(name).is_empty(), "{name}");
    });
    assert!(count > 60, "{count}");
}

#[test]
fn every_column_is_known() {
    for title in crate::report::table::titles() {
        let found = find(title);
        assert!(
            !found.is_empty(),
            "imgnet explain does not know the column {title:?}"
        );
    }
}

#[test]
fn every_exit_code_is_known() {
    use crate::cli::exit::Exit;
    let all = [
        Exit::Good,
        Exit::NotEqual,
        Exit::Usage,
        Exit::Inconclusive,
        Exit::NotAllowed,
    ];
    for exit in all {
        let code = match exit {
            Exit::Good => "0",
            Exit::NotEqual => "1",
            Exit::Usage => "2",
            Exit::Inconclusive => "3",
            Exit::NotAllowed => "4",
            // That of the user's own command.
            Exit::OfCommand(_) => continue,
        };
        assert_eq!(
            std::process::ExitCode::from(exit),
            code.parse::<u8>().unwrap().into()
        );
        known("exit code", code);
    }
}

#[test]
fn no_word_is_told_twice() {
    let mut seen = Vec::new();
    for word in all() {
        let this = (word.kind, word.name);
        assert!(!seen.contains(&this), "{this:?}");
        seen.push(this);
        assert!(word.meaning.ends_with(['.', ')', ':']), "{this:?}");
    }
}

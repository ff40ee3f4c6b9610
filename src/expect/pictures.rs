//! The `[[picture]]` tables of a file.

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::StrDeserializer;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::parse::{RUN_KEYS, bounds, duration, flag, number, table, text, unknown, verdicts};
use super::place::Source;
use super::{At, Digest, PictureExpectations, Which};
use crate::digest::DigestKind;
use crate::picture::Format;
use crate::wire::Protocol;

pub(super) const PICTURE_KEYS: &[&str] = &[
    "match",
    "label",
    "bytes",
    "sha256",
    "blake3",
    "crc32",
    "format",
    "width",
    "height",
    "complete",
    "protocol",
    "verdict",
    "chunk_size",
    "chunks",
    "packets",
    "wire_bytes",
    "duplicate_bytes",
    "retransmitted_packets",
    "gap_bytes",
    "payload_bytes",
    "framing_bytes",
    "answer_bytes",
    "stray_bytes",
    "max_duration",
];
pub(super) const MATCH_KEYS: &[&str] = &["port", "order", "name", "sha256", "blake3", "crc32"];

pub(super) fn read<'d, 't: 'd>(
    source: &mut Source<'_>,
    tables: impl Iterator<Item = &'d Spanned<DeValue<'t>>>,
) -> Vec<PictureExpectations> {
    let mut pictures: Vec<PictureExpectations> = Vec::new();
    for value in tables {
        let mut picture = PictureExpectations {
            line: source.line(value.span().start),
            ..PictureExpectations::default()
        };
        if let Some(table) = table(source, value, "[[picture]]") {
            read_one(source, table, &mut picture);
            if let Some(label) = &picture.label
                && pictures
                    .iter()
                    .any(|other| other.label.as_ref() == Some(label))
                && let Some(value) = table.get("label")
            {
                source.mistake(value.span(), format!("the label {label:?} is used twice"));
            }
        }
        pictures.push(picture);
    }
    pictures
}

fn read_one(source: &mut Source<'_>, table: &DeTable<'_>, into: &mut PictureExpectations) {
    for (key, value) in table {
        let line = source.line(key.span().start);
        match key.get_ref().as_ref() {
            "match" => which(source, value, &mut into.which),
            "label" => into.label = words(source, value, "a label"),
            "bytes" => into.bytes = bounds(source, line, value),
            "format" => into.format = format(source, line, value),
            "width" => into.width = bounds(source, line, value),
            "height" => into.height = bounds(source, line, value),
            "complete" => into.complete = flag(source, line, value),
            "protocol" => into.protocol = protocol(source, line, value),
            "verdict" => into.verdict = verdicts(source, line, value),
            "chunk_size" => into.chunk_size = bounds(source, line, value),
            "chunks" => into.chunks = bounds(source, line, value),
            "packets" => into.packets = bounds(source, line, value),
            "wire_bytes" => into.wire_bytes = bounds(source, line, value),
            "duplicate_bytes" => into.duplicate_bytes = bounds(source, line, value),
            "retransmitted_packets" => into.retransmitted_packets = bounds(source, line, value),
            "gap_bytes" => into.gap_bytes = bounds(source, line, value),
            "payload_bytes" => into.payload_bytes = bounds(source, line, value),
            "framing_bytes" => into.framing_bytes = bounds(source, line, value),
            "answer_bytes" => into.answer_bytes = bounds(source, line, value),
            "stray_bytes" => into.stray_bytes = bounds(source, line, value),
            "max_duration" => into.max_duration = duration(source, line, value),
            name if RUN_KEYS.contains(&name) => {
                source.mistake(key.span(), format!("`{name}` belongs below [run]"));
            }
            name => match algorithm(name) {
                Some(kind) => {
                    let digest = digest(source, kind, value);
                    into.digests.extend(digest.map(|value| At { value, line }));
                }
                None => unknown(source, key, "in [[picture]]", PICTURE_KEYS),
            },
        }
    }
}

fn which(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>, into: &mut Which) {
    let Some(table) = table(source, value, "match = { port = 5050, order = 0 }") else {
        return;
    };
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "port" => into.port = port(source, value),
            "order" => into.order = number(source, value),
            "name" => into.name = words(source, value, "what was asked for, such as \"1\","),
            name => match algorithm(name) {
                Some(_) if into.digest.is_some() => {
                    source.mistake(key.span(), "one digest is enough to match by".to_owned());
                }
                Some(kind) => into.digest = digest(source, kind, value),
                None => unknown(source, key, "in match", MATCH_KEYS),
            },
        }
    }
}

fn port(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<u16> {
    let number = number(source, value)?;
    let port = u16::try_from(number).ok().filter(|&port| port > 0);
    if port.is_none() {
        source.mistake(
            value.span(),
            "a port is a number from 1 to 65535".to_owned(),
        );
    }
    port
}

fn words(source: &mut Source<'_>, value: &Spanned<DeValue<'_>>, what: &str) -> Option<String> {
    let text = text(source, value, what)?;
    if text.trim().is_empty() {
        source.mistake(value.span(), "an empty text names nothing".to_owned());
        return None;
    }
    Some(text.to_owned())
}

fn format(
    source: &mut Source<'_>,
    line: usize,
    value: &Spanned<DeValue<'_>>,
) -> Option<At<Format>> {
    let text = text(source, value, "a file format such as \"jpeg\"")?;
    let read: StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    match Format::deserialize(read) {
        Ok(value) => Some(At { value, line }),
        Err(error) => {
            // Names those that are known: `expected one of …`.
            let message = match text {
                "jpg" | "JPG" | "JPEG" => "write \"jpeg\"".to_owned(),
                _ => error
                    .to_string()
                    .replace("unknown variant", "unknown file format"),
            };
            source.mistake(value.span(), message);
            None
        }
    }
}

fn protocol(
    source: &mut Source<'_>,
    line: usize,
    value: &Spanned<DeValue<'_>>,
) -> Option<At<Protocol>> {
    let text = text(source, value, "a wire format such as \"marker\"")?;
    match text.parse::<Protocol>() {
        Ok(protocol) => Some(At {
            value: protocol,
            line,
        }),
        Err(error) => {
            source.mistake(value.span(), error.to_string());
            None
        }
    }
}

fn algorithm(key: &str) -> Option<DigestKind> {
    [DigestKind::Sha256, DigestKind::Blake3, DigestKind::Crc32]
        .into_iter()
        .find(|kind| kind.name() == key)
}

fn digest(
    source: &mut Source<'_>,
    kind: DigestKind,
    value: &Spanned<DeValue<'_>>,
) -> Option<Digest> {
    let name = kind.name();
    let digits = match kind {
        DigestKind::Crc32 => 8,
        _ => 64,
    };
    let text = text(source, value, &format!("the {name} as {digits} hex digits"))?;
    let hex = text.trim().to_ascii_lowercase();
    let wrong = match hex.find(|c: char| !c.is_ascii_hexdigit()) {
        Some(_) => Some("other characters too".to_owned()),
        None if hex.len() != digits => Some(format!("{}", hex.len())),
        None => None,
    };
    match wrong {
        None => Some(Digest { kind, hex }),
        Some(given) => {
            let message = format!("a {name} has {digits} hex digits, and this has {given}");
            source.mistake(value.span(), message);
            None
        }
    }
}

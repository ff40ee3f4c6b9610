//! A frame of the list as JSON, written in place: no tree of values, and no string a member.

use std::fmt::Write as _;

use super::{Clock, Column, cell, push_seconds};
use crate::dissect::carried::Carried;
use crate::dissect::line::Line;
use crate::dissect::seen::Seen;
use crate::units::Timestamp;

/// A frame as one JSON object; the fields among `columns` under their names.
pub(crate) fn json(seen: &Seen<'_>, columns: &[Column], out: &mut Line) {
    out.push_str("{\"number\":");
    out.number(seen.frame.number.0);
    match seen.frame.time {
        Some(time) => {
            let _ = write!(out, ",\"time\":\"{time}\"");
            let since = |then: Option<Timestamp>| then.map_or(0, |then| time.since(then));
            out.push_str(",\"relative\":");
            push_seconds(out, since(seen.before.first), 9);
            out.push_str(",\"delta\":");
            push_seconds(out, since(seen.before.last), 9);
        }
        None => out.push_str(",\"time\":null,\"relative\":null,\"delta\":null"),
    }
    let text = |column: Column, out: &mut Line| {
        member(out, column.name(), |out| {
            cell(seen, column, Clock::Relative, true, out);
        });
    };
    for column in [Column::Source, Column::Destination, Column::Protocol] {
        text(column, out);
    }
    out.push_str(",\"length\":");
    out.number(u64::from(seen.frame.wire_len));
    out.push_str(",\"captured\":");
    out.number(seen.frame.data.len() as u64);
    text(Column::Info, out);
    match seen.place {
        Some(place) => {
            let _ = write!(out, ",\"stream\":{}", place.stream.0);
            match place.offset {
                Some(offset) => {
                    let _ = write!(out, ",\"stream_offset\":{offset}");
                }
                None => out.push_str(",\"stream_offset\":null"),
            }
        }
        None => out.push_str(",\"stream\":null,\"stream_offset\":null"),
    }
    carried_json(seen, out);
    out.push_str(",\"findings\":[");
    for (index, finding) in seen.index.findings_of(seen.frame.number).enumerate() {
        if index > 0 {
            out.push_str(",");
        }
        let _ = write!(out, "{{\"name\":{}", quoted(finding.name.as_str()));
        let _ = write!(out, ",\"severity\":\"{}\"}}", finding.severity);
    }
    out.push_str("]");
    let mut first = true;
    for column in columns {
        if let Column::Field(field) = column {
            out.push_str(if std::mem::take(&mut first) {
                ",\"fields\":{"
            } else {
                ","
            });
            let _ = write!(out, "\"{}\":[", field.name);
            let mut value_first = true;
            field.values(seen, &mut |value, _| {
                if !std::mem::take(&mut value_first) {
                    out.push_str(",");
                }
                let _ = write!(out, "{}", value.json());
            });
            out.push_str("]");
        }
    }
    if !first {
        out.push_str("}");
    }
    out.push_str("}");
}

fn carried_json(seen: &Seen<'_>, out: &mut Line) {
    let carried = Carried::of(seen);
    match carried.role() {
        Some(role) => {
            let _ = write!(out, ",\"role\":\"{}\"", role.name());
        }
        None => out.push_str(",\"role\":null"),
    }
    member(out, "carries", |out| carried.write(out, true));
    out.push_str(",\"pieces\":[");
    for (index, piece) in carried.pieces.iter().enumerate() {
        if index > 0 {
            out.push_str(",");
        }
        let _ = write!(
            out,
            "{{\"role\":\"{}\",\"payload_offset\":{},\"bytes\":{},\"stream_offset\":{}",
            piece.role.name(),
            piece.at,
            piece.length,
            piece.offset
        );
        match piece.what {
            Some(what) => member(out, "what", |out| out.push_str(what)),
            None => out.push_str(",\"what\":null"),
        }
        match (piece.image, piece.of_picture()) {
            (Some(image), Some((first, _))) => {
                let _ = write!(
                    out,
                    ",\"picture\":{},\"picture_offset\":{first}",
                    image.id.0
                );
            }
            _ => out.push_str(",\"picture\":null,\"picture_offset\":null"),
        }
        match piece.chunks() {
            Some((first, last)) => {
                let _ = write!(out, ",\"first_chunk\":{first},\"last_chunk\":{last}}}");
            }
            None => out.push_str(",\"first_chunk\":null,\"last_chunk\":null}"),
        }
    }
    out.push_str("]");
    match carried.repeats {
        Some(frame) => {
            let _ = write!(out, ",\"repeats\":{frame}");
        }
        None => out.push_str(",\"repeats\":null"),
    }
    match carried.acknowledges {
        Some((picture, bytes)) => {
            let _ = write!(
                out,
                ",\"acknowledges\":{{\"picture\":{},\"bytes\":{bytes}}}",
                picture.0
            );
        }
        None => out.push_str(",\"acknowledges\":null"),
    }
}

/// Adds a member whose value is what `write` adds.
fn member(out: &mut Line, name: &str, write: impl FnOnce(&mut Line)) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":\"");
    let from = out.len();
    write(out);
    let value = out.since(from);
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if value.iter().copied().all(plain) {
        out.push_str("\"");
    } else {
        let quoted = quoted(out.text_since(from));
        out.truncate(from - 1);
        out.push_str(&quoted);
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

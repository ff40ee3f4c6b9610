//! Bytes in hexadecimal and ASCII, coloured by layer, with what begins in each line.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::Range;

use anstyle::{AnsiColor, Color, Style as Paint};

use super::carried::{Carried, Role};
use super::list::color;
use super::seen::Seen;
use super::tree::Layer;
use crate::report::{Style, text};
use crate::units::count;

/// Bytes in a line.
pub(crate) const LINE: usize = 16;
/// Characters of a line of so many bytes.
const WHOLE: usize = 6 + 3 * LINE + 2 + LINE;

/// Bytes in a line where there is room for so many characters: half as many where it is narrow.
pub(crate) fn in_line(width: usize) -> usize {
    if width < WHOLE { LINE / 2 } else { LINE }
}

/// A stretch of a frame, and what it is.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    /// Bytes in the frame.
    pub bytes: Range<usize>,
    /// Their layer.
    pub layer: Layer,
    /// What stands at the line in which it begins.
    pub note: String,
    /// Picture offset of its first byte; absent where it is of no picture.
    pub picture_offset: Option<u64>,
}

/// The stretches of a frame, in order, without overlap.
pub(crate) fn stretches(seen: &Seen<'_>) -> Vec<Stretch> {
    let layers = seen.layers();
    let end = seen.frame.data.len();
    let mut all = Vec::new();
    let mut add = |bytes: Range<usize>, layer: Layer, note: String, offset: Option<u64>| {
        if bytes.start < bytes.end {
            all.push(Stretch {
                bytes,
                layer,
                note,
                picture_offset: offset,
            });
        }
    };
    add(0..layers.link_end, Layer::Link, "link".to_owned(), None);
    if let Some(network) = layers.network {
        let name = match network.version {
            crate::decode::IpVersion::V4 => "IPv4",
            crate::decode::IpVersion::V6 => "IPv6",
        };
        add(
            network.at..network.payload,
            Layer::Network,
            name.to_owned(),
            None,
        );
        if let Some(transport) = layers.transport {
            let name = if transport.protocol == 6 {
                "TCP"
            } else {
                "UDP"
            };
            let header = transport.at..transport.payload;
            add(header, Layer::Transport, name.to_owned(), None);
            let pieces = Carried::of(seen).pieces;
            let mut covered = transport.payload;
            for piece in &pieces {
                let from = transport.payload.saturating_add(usize_of(piece.at));
                let to = from
                    .saturating_add(usize_of(piece.length))
                    .min(transport.end);
                let (note, offset) = match (piece.image, piece.of_picture()) {
                    (Some(image), Some((first, _))) => (
                        format!("picture {} at {}", image.id.0, count(first)),
                        Some(first),
                    ),
                    _ => (piece.what.unwrap_or(piece.role.name()).to_owned(), None),
                };
                covered = covered.max(to);
                add(from..to, Layer::Carries(piece.role), note, offset);
            }
            if covered < transport.end {
                let rest = covered..transport.end;
                add(
                    rest,
                    Layer::Carries(Role::Unknown),
                    "payload".to_owned(),
                    None,
                );
            }
            add(
                transport.end..network.end,
                Layer::Frame,
                "behind the datagram".to_owned(),
                None,
            );
        } else {
            let rest = network.payload..network.end;
            add(
                rest,
                Layer::Carries(Role::Unknown),
                "not decoded".to_owned(),
                None,
            );
        }
        add(network.end..end, Layer::Frame, "padding".to_owned(), None);
    }
    all
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// How a layer's bytes look.
pub(crate) fn paint(layer: Layer) -> Paint {
    let fore = |color: AnsiColor| Paint::new().fg_color(Some(Color::Ansi(color)));
    match layer {
        Layer::Frame => Paint::new().dimmed(),
        Layer::Link => fore(AnsiColor::BrightBlack),
        Layer::Network => fore(AnsiColor::Yellow),
        Layer::Transport => fore(AnsiColor::BrightBlue),
        Layer::Carries(role) => color(role).map_or(Paint::new(), fore),
    }
}

/// Writes the dump of `data`, whose stretches are given in order; on a narrow terminal in shorter lines, and what begins in a line
/// that has no room for it stands before it.
///
/// # Errors
/// Those of `out`.
pub(crate) fn dump(
    data: &[u8],
    stretches: &[Stretch],
    first_offset: u64,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut next = 0;
    let mut line = String::new();
    let many = in_line(style.width);
    for (index, bytes) in data.chunks(many).enumerate() {
        let start = index * many;
        while stretches.get(next).is_some_and(|it| it.bytes.end <= start) {
            next += 1;
        }
        let of_byte = |at: usize| {
            stretches
                .get(next..)
                .unwrap_or_default()
                .iter()
                .find(|stretch| stretch.bytes.contains(&at))
        };
        line.clear();
        let offset = first_offset.saturating_add(start as u64);
        let _ = write!(line, "{offset:04x}  ");
        let mut last = Paint::new();
        for at in 0..many {
            if at == LINE / 2 {
                line.push(' ');
            }
            let Some(byte) = bytes.get(at) else {
                line.push_str("   ");
                continue;
            };
            switch(&mut line, &mut last, of_byte(start + at), style);
            let _ = write!(line, "{byte:02x} ");
        }
        line.push(' ');
        for (at, byte) in bytes.iter().enumerate() {
            switch(&mut line, &mut last, of_byte(start + at), style);
            let shown = (0x20..0x7f).contains(byte);
            line.push(if shown { char::from(*byte) } else { '.' });
        }
        switch(&mut line, &mut last, None, style);
        let notes: Vec<&str> = stretches
            .get(next..)
            .unwrap_or_default()
            .iter()
            .take_while(|stretch| stretch.bytes.start < start + many)
            .filter(|stretch| stretch.bytes.start >= start)
            .map(|stretch| stretch.note.as_str())
            .collect();
        if !notes.is_empty() {
            for _ in bytes.len()..many {
                line.push(' ');
            }
            // Colours take no room.
            let half = usize::from(many > LINE / 2);
            let used = format!("{offset:04x}").len() + 2 + 3 * many + half + 1 + many + 2;
            let notes = notes.join(", ");
            let notes = text::plain(&notes, style.unicode);
            if used + notes.chars().count() <= style.width {
                let _ = write!(line, "  {notes}");
            } else {
                writeln!(out, "      {notes}:")?;
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Changes the colour where the layer does.
fn switch(line: &mut String, last: &mut Paint, stretch: Option<&Stretch>, style: &Style) {
    if !style.color {
        return;
    }
    let wanted = stretch.map_or(Paint::new(), |stretch| paint(stretch.layer));
    if wanted != *last {
        if *last != Paint::new() {
            let _ = write!(line, "{}", last.render_reset());
        }
        if wanted != Paint::new() {
            let _ = write!(line, "{}", wanted.render());
        }
        *last = wanted;
    }
}

//! One file against the wire, byte by byte: where they differ, in which chunks and frames, and what it is called.

use std::fmt::Write as _;

use super::mistakes::{self, Around, Mistake};
use super::wire::Wire;
use crate::ledger::comparison::{Mismatch, SideOfMismatch};
use crate::ledger::{Chunks, TransportKind};
use crate::picture::compare::{self, Damage};
use crate::units::{ByteRange, FrameNumber, count, counted};
use crate::wire::Protocol;

/// Bytes shown before the first difference, and from it on.
const BEFORE: u64 = 8;
const FROM: u64 = 16;
/// Most chunks and frames that are named.
const CHUNKS: usize = 64;
const FRAMES: usize = 16;

/// What the comparison has to know of the picture beside its bytes.
pub(super) struct Carriage<'c> {
    pub(super) chunk_size: Option<u64>,
    pub(super) chunks: Option<&'c Chunks>,
    pub(super) protocol: &'c Protocol,
    pub(super) transport: TransportKind,
    /// The capture ended before the picture did: more may have come.
    pub(super) open_end: bool,
    pub(super) around: Around<'c>,
    /// Bytes of the stream that it takes, where those are not its own one by one.
    pub(super) encoded: Option<u64>,
}

/// What happened, as far as the findings have a name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    CutShort {
        at: u64,
    },
    /// The end marker of the wire format follows the picture in the file.
    Marker(String),
    /// Whole datagrams are missing from the file, of so many; with their frames.
    Datagrams {
        missing: u64,
        of: u64,
    },
    TextMode,
    /// A mistake that explains every byte.
    Mistake(Mistake),
    /// So many bytes in the middle were never sent: of a stream, in which none is lost on the way.
    Skipped {
        at: u64,
        bytes: u64,
    },
    /// The last datagram was filled up to the length that all have.
    Padded {
        bytes: u64,
    },
    /// Raw pixels, all of them, in another order or shape.
    Misread,
    /// Bytes differ all over, and no simpler thing explains it.
    Rewritten,
    Other,
}

impl Kind {
    /// The end is missing, and nothing tells that the sender left it out.
    pub(super) fn is_cut(&self) -> bool {
        matches!(
            self,
            Self::CutShort { .. }
                | Self::Mistake(
                    Mistake::Stopped { .. }
                        | Mistake::AtMarker { .. }
                        | Mistake::EndMark
                        | Mistake::FirstBlock { .. }
                        | Mistake::NotFlushed { .. }
                )
        )
    }
}

/// How a file compares with the wire.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// Absent where the capture lacks too much to tell.
    pub(super) equal: Option<bool>,
    /// Bytes of the wire that were compared.
    pub(super) compared: u64,
    pub(super) difference: Option<(Mismatch, Kind)>,
}

/// Compares the wire with a file of the `side`.
pub(super) fn compare(
    wire: &Wire,
    file: &[u8],
    side: SideOfMismatch,
    carriage: &Carriage<'_>,
) -> Found {
    match wire.whole() {
        Some(whole) if !carriage.open_end => {
            let (expected, found) = match side {
                SideOfMismatch::SenderToWire => (file, whole),
                _ => (whole, file),
            };
            let difference = difference(expected, found, side, carriage);
            Found {
                equal: Some(difference.is_none()),
                compared: whole.len() as u64,
                difference,
            }
        }
        _ => parts(wire, file, side, carriage),
    }
}

/// How two whole byte strings differ; none where they do not.
pub(super) fn difference(
    expected: &[u8],
    found: &[u8],
    side: SideOfMismatch,
    carriage: &Carriage<'_>,
) -> Option<(Mismatch, Kind)> {
    let compared = compare::bytes(expected, found);
    let first = compared.first_difference?;
    let mut damage = capital(&compared.damage.to_string());
    let mut kind = Kind::Other;
    let end = compared.expected.max(compared.found);
    // Ranges of the picture, as the wire has it where it has it.
    let mut concerned: Vec<ByteRange> = Vec::new();
    match &compared.damage {
        Damage::CutShort { at, .. } => {
            kind = Kind::CutShort { at: *at };
            concerned.push(*at..compared.expected);
        }
        Damage::TrailingBytes { at, .. } => {
            let tail = found.get(index(*at)..).unwrap_or_default();
            if let Some(name) = tail_name(tail, expected, carriage.protocol) {
                let _ = write!(damage, ": {name}");
                if is_marker(tail, carriage.protocol) {
                    kind = Kind::Marker(printable(tail));
                }
            }
            concerned.push(at.saturating_sub(1)..at.saturating_add(1));
        }
        Damage::Missing { at, bytes } => {
            if side == SideOfMismatch::SenderToWire && carriage.transport == TransportKind::Tcp {
                kind = Kind::Skipped {
                    at: *at,
                    bytes: *bytes,
                };
            }
            concerned.push(*at..at.saturating_add(*bytes));
        }
        Damage::LineEndings { .. } => {
            kind = Kind::TextMode;
            concerned.push(first..first.saturating_add(1));
        }
        Damage::Inserted { .. } => concerned.push(first..first.saturating_add(1)),
        Damage::Shifted { .. } => concerned.push(first..end),
        Damage::Changed { range } => {
            let shorter = compared.expected.min(compared.found);
            let same = compared
                .common_prefix
                .saturating_add(compared.common_suffix);
            if same.saturating_mul(2) < shorter
                && compared.differing.saturating_mul(4) > shorter.saturating_sub(same)
            {
                kind = Kind::Rewritten;
            }
            if range.end.saturating_sub(range.start) == 1 {
                damage = format!("One byte changed, at {}", count(first));
            }
            concerned = spans(expected, found);
        }
        _ => concerned = spans(expected, found),
    }
    if !matches!(kind, Kind::Marker(_) | Kind::TextMode)
        && let Some(mistake) = mistakes::of(expected, found, side, carriage.around)
    {
        let mistake = at_marker(mistake, expected, carriage.protocol);
        damage = mistake.words(carriage.around);
        kind = Kind::Mistake(mistake);
    }
    if let Damage::TrailingBytes { at, extra } = &compared.damage
        && fills(carriage, side, found, *at, *extra)
    {
        kind = Kind::Padded { bytes: *extra };
        damage = format!(
            "{} behind the picture fill its last datagram up to the length that all have",
            counted(*extra, "byte", "bytes")
        );
    }
    if side == SideOfMismatch::WireToReceiver
        && let Some((how, words, places)) = of_datagrams(expected, found, carriage, &kind)
    {
        (kind, damage) = (how, words);
        concerned = places.unwrap_or(concerned);
    }
    let (context_offset, expected_hex, actual_hex) = context(expected, found, first);
    let (packets, packet_count) = match placed(expected.len() as u64, carriage) {
        // Each with the bytes of the picture that it carried.
        Some(datagrams) => named_frames(touching(&datagrams, &concerned)),
        None => frames(&concerned, carriage.chunks),
    };
    let chunk_size = carriage.chunk_size.filter(|_| carriage.encoded.is_none());
    let (chunks, chunk_count) = chunks(&concerned, chunk_size);
    let mismatch = Mismatch {
        side,
        first_difference: Some(first),
        differing_bytes: Some(compared.differing),
        expected_bytes: compared.expected,
        actual_bytes: compared.found,
        damage,
        chunks,
        chunk_count,
        packets,
        packet_count,
        context_offset,
        expected_hex,
        actual_hex,
        rows: None,
        painting: None,
    };
    Some((mismatch, kind))
}

/// Whether so many bytes at the end of a picture are what its last datagram was filled up with.
fn fills(carriage: &Carriage<'_>, side: SideOfMismatch, found: &[u8], at: u64, extra: u64) -> bool {
    if carriage.transport != TransportKind::Udp {
        return false;
    }
    let length = found.len() as u64;
    let carriers = carriage.chunks.map(|chunks| chunks.carriers(0..length));
    let carriers = carriers.unwrap_or_default();
    let bytes_in = |range: &ByteRange| range.end.saturating_sub(range.start);
    let Some(first) = carriers.first().map(|(_, range)| bytes_in(range)) else {
        return false;
    };
    if carriers.len() < 2 || extra >= first || !is_filling(found, at, first) {
        return false;
    }
    if side == SideOfMismatch::SenderToWire {
        return carriers.iter().all(|(_, range)| bytes_in(range) == first);
    }
    // The wire format takes them off; the receiver kept them.
    let tail = found.get(index(at)..).unwrap_or_default();
    length.is_multiple_of(first)
        && (carriage.encoded == Some(length) || carriage.around.after.starts_with(tail))
}

/// Whether a tail is what buffers are filled up with: zeros, what lay there a datagram before, or more than a few bytes.
fn is_filling(found: &[u8], at: u64, datagram: u64) -> bool {
    const FEW: usize = 8;
    let tail = found.get(index(at)..).unwrap_or_default();
    let before = at
        .checked_sub(datagram)
        .and_then(|from| found.get(index(from)..)?.get(..tail.len()));
    tail.len() >= FEW || tail.iter().all(|byte| *byte == 0) || before == Some(tail)
}

/// Compares the runs that were captured with the file at their offsets. Only what was captured can differ: that the file
/// goes on where the capture does not is no difference.
fn parts(wire: &Wire, file: &[u8], side: SideOfMismatch, carriage: &Carriage<'_>) -> Found {
    let mut concerned: Vec<ByteRange> = Vec::new();
    let mut differing = 0_u64;
    for run in &wire.runs {
        let there = file.get(index(run.offset)..).unwrap_or_default();
        for range in spans(&run.bytes, there) {
            concerned
                .push(range.start.saturating_add(run.offset)..range.end.saturating_add(run.offset));
        }
        let pairs = run.bytes.iter().zip(there);
        differing = differing.saturating_add(pairs.filter(|(a, b)| a != b).count() as u64);
    }
    let compared = wire.captured();
    let Some(first) = concerned.first().map(|range| range.start) else {
        return Found {
            equal: None,
            compared,
            difference: None,
        };
    };
    let run = wire.runs.iter().find(|run| run.range().contains(&first));
    let (context_offset, on_wire, in_file) = match run {
        Some(run) => {
            let there = file.get(index(run.offset)..).unwrap_or_default();
            let (offset, wire, file) = context(&run.bytes, there, first.saturating_sub(run.offset));
            let offset = offset.map(|offset| offset.saturating_add(run.offset));
            (offset, wire, file)
        }
        None => (None, None, None),
    };
    let file_bytes = file.len() as u64;
    let (expected_bytes, actual_bytes, expected_hex, actual_hex) = match side {
        SideOfMismatch::SenderToWire => (file_bytes, wire.length, in_file, on_wire),
        _ => (wire.length, file_bytes, on_wire, in_file),
    };
    let damage = if first >= file_bytes {
        "The wire has bytes where the file has ended, as far as was captured".to_owned()
    } else {
        format!(
            "Different from byte {} on, as far as was captured",
            count(first)
        )
    };
    let (packets, packet_count) = frames(&concerned, carriage.chunks);
    let (chunks, chunk_count) = chunks(&concerned, carriage.chunk_size);
    let mismatch = Mismatch {
        side,
        first_difference: Some(first),
        differing_bytes: Some(differing),
        expected_bytes,
        actual_bytes,
        damage,
        chunks,
        chunk_count,
        packets,
        packet_count,
        context_offset,
        expected_hex,
        actual_hex,
        rows: None,
        painting: None,
    };
    Found {
        equal: Some(false),
        compared,
        difference: Some((mismatch, Kind::Other)),
    }
}

/// Ranges of `left` that differ from `right` at the same offset, or that `right` is too short to have. Those that touch
/// are one; after a thousand the last one goes on to the last difference.
fn spans(left: &[u8], right: &[u8]) -> Vec<ByteRange> {
    const MOST: usize = 1000;
    let mut spans: Vec<ByteRange> = Vec::new();
    let mut add = |range: ByteRange| {
        let full = spans.len() >= MOST;
        match spans.last_mut() {
            Some(last) if full || last.end == range.start => last.end = range.end,
            _ => spans.push(range),
        }
    };
    for (offset, (a, b)) in (0_u64..).zip(left.iter().zip(right)) {
        if a != b {
            add(offset..offset.saturating_add(1));
        }
    }
    if left.len() > right.len() {
        add(right.len() as u64..left.len() as u64);
    }
    spans
}

/// Datagrams that are in the wire's bytes and not in the file's.
struct Lost {
    /// Index from 0 and place of each.
    ranges: Vec<(u64, ByteRange)>,
    of: u64,
}

impl Lost {
    fn words(&self) -> String {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for (number, _) in &self.ranges {
            match runs.last_mut() {
                Some((_, end)) if end.saturating_add(1) == *number => *end = *number,
                _ => runs.push((*number, *number)),
            }
        }
        let mut list = String::new();
        for (place, (first, last)) in runs.iter().take(8).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let _ = if first == last {
                write!(list, "{comma}{first}")
            } else {
                write!(list, "{comma}{first}–{last}")
            };
        }
        if runs.len() > 8 {
            list.push_str(", …");
        }
        let plural = if self.ranges.len() == 1 { "" } else { "s" };
        format!(
            "{} of {} missing: datagram{plural} {list}, counted from 0",
            count(self.ranges.len() as u64),
            counted(self.of, "datagram", "datagrams")
        )
    }
}

/// The datagrams of a picture of so many bytes, each with the bytes of the picture that it carried, where they have headers of
/// one length or fill the last one up. Absent where that cannot be told.
fn placed(length: u64, carriage: &Carriage<'_>) -> Option<Vec<(FrameNumber, ByteRange)>> {
    /// Headers are not longer.
    const HEADER: u64 = 64;
    if carriage.transport != TransportKind::Udp {
        return None;
    }
    let total = carriage.encoded.unwrap_or(length);
    let carriers = carriage.chunks?.carriers(0..total);
    let number = carriers.len() as u64;
    let excess = total.checked_sub(length)?;
    let header = excess
        .checked_div(number)
        .filter(|header| header * number == excess && *header <= HEADER)
        .unwrap_or(0);
    let mut position = 0;
    let mut at = 0_u64;
    let mut placed = Vec::with_capacity(carriers.len());
    for (frame, range) in carriers {
        let bytes = range.end.checked_sub(range.start)?.checked_sub(header)?;
        if range.start != position {
            return None;
        }
        position = range.end;
        let end = at.saturating_add(bytes).min(length);
        placed.push((frame, at..end));
        at = end;
    }
    (position == total && at == length).then_some(placed)
}

/// Whether `found` is the datagrams of `expected` with some left out, and which. A datagram counts as there where its bytes
/// come next.
fn missing_datagrams(expected: &[u8], found: &[u8], carriage: &Carriage<'_>) -> Option<Lost> {
    let datagrams = placed(expected.len() as u64, carriage)?;
    let mut lost = Lost {
        ranges: Vec::new(),
        of: 0,
    };
    let mut rest = found;
    for (_, range) in datagrams {
        let datagram = expected.get(index(range.start)..index(range.end))?;
        match rest.strip_prefix(datagram) {
            Some(after) => rest = after,
            None => lost.ranges.push((lost.of, range)),
        }
        lost.of = lost.of.saturating_add(1);
    }
    // The receiver may have kept what fills the last one up.
    let filled = carriage
        .encoded
        .is_some_and(|total| total.checked_sub(expected.len() as u64) == Some(rest.len() as u64));
    ((rest.is_empty() || filled) && !lost.ranges.is_empty()).then_some(lost)
}

/// What happened to whole datagrams, in words, and which bytes that concerns where not all.
fn of_datagrams(
    expected: &[u8],
    found: &[u8],
    carriage: &Carriage<'_>,
    kind: &Kind,
) -> Option<(Kind, String, Option<Vec<ByteRange>>)> {
    if carriage.transport != TransportKind::Udp {
        return None;
    }
    if let Some(lost) = missing_datagrams(expected, found, carriage) {
        let how = Kind::Datagrams {
            missing: lost.ranges.len() as u64,
            of: lost.of,
        };
        let words = lost.words();
        let places = lost.ranges.into_iter().map(|(_, range)| range).collect();
        return Some((how, words, Some(places)));
    }
    if !matches!(kind, Kind::Other | Kind::Rewritten | Kind::CutShort { .. }) {
        return None;
    }
    let mistake = Mistake::DatagramsCut {
        buffer: datagrams_cut(expected, found, carriage)?,
    };
    Some((Kind::Mistake(mistake), mistake.words(carriage.around), None))
}

/// The buffer that cuts each datagram of `expected` so that `found` is what is left.
fn datagrams_cut(expected: &[u8], found: &[u8], carriage: &Carriage<'_>) -> Option<usize> {
    let datagrams = placed(expected.len() as u64, carriage)?;
    mistakes::BUFFERS.into_iter().find(|&buffer| {
        let mut rest = Some(found);
        let mut cut = false;
        for (_, range) in &datagrams {
            let datagram = expected.get(index(range.start)..index(range.end));
            let datagram = datagram.unwrap_or_default();
            cut |= datagram.len() > buffer;
            let head = datagram.get(..buffer).unwrap_or(datagram);
            rest = rest.and_then(|rest| rest.strip_prefix(head));
        }
        cut && rest == Some(&[])
    })
}

fn is_marker(tail: &[u8], protocol: &Protocol) -> bool {
    matches!(protocol, Protocol::Marker(marker) if marker.as_ref() == tail)
        || tail == crate::wire::PIPELINE_MARKER
}

/// A picture that is cut short where the bytes of the end marker stand in it is cut short by them.
fn at_marker(mistake: Mistake, expected: &[u8], protocol: &Protocol) -> Mistake {
    match (mistake, protocol) {
        (Mistake::Stopped { at, zeros: false }, Protocol::Marker(marker))
            if !marker.is_empty()
                && expected
                    .get(at..)
                    .is_some_and(|rest| rest.starts_with(marker)) =>
        {
            Mistake::AtMarker { at }
        }
        (mistake, _) => mistake,
    }
}

/// What bytes behind a picture are.
fn tail_name(tail: &[u8], picture: &[u8], protocol: &Protocol) -> Option<String> {
    if is_marker(tail, protocol) {
        return Some(format!("the end marker {}", printable(tail)));
    }
    match tail {
        b"\r\n" => Some("a line end, CR LF".to_owned()),
        b"\n" => Some("a line end, LF".to_owned()),
        _ if tail.iter().all(|&byte| byte == 0) => Some("zeros".to_owned()),
        _ if tail.len() >= 16 && picture.starts_with(tail) => {
            Some("the beginning of the picture again".to_owned())
        }
        _ if tail.len() <= 64 && tail.iter().all(|byte| (0x20..0x7f).contains(byte)) => {
            Some(format!("the text {}", printable(tail)))
        }
        _ => None,
    }
}

fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

fn chunks(concerned: &[ByteRange], size: Option<u64>) -> (Vec<u64>, u64) {
    let Some(size) = size.filter(|&size| size > 0) else {
        return (Vec::new(), 0);
    };
    let (mut named, mut count, mut next) = (Vec::new(), 0_u64, 0_u64);
    for range in concerned {
        let last = range.end.saturating_sub(1) / size;
        let first = (range.start / size).max(next);
        if first > last {
            continue;
        }
        count = count.saturating_add(last.saturating_sub(first).saturating_add(1));
        named.extend((first..=last).take(CHUNKS.saturating_sub(named.len())));
        next = last.saturating_add(1);
    }
    (named, count)
}

fn frames(concerned: &[ByteRange], chunks: Option<&Chunks>) -> (Vec<FrameNumber>, u64) {
    let (Some(chunks), Some(first), Some(last)) = (chunks, concerned.first(), concerned.last())
    else {
        return (Vec::new(), 0);
    };
    let mut frames = touching(&chunks.carriers(first.start..last.end), concerned);
    if frames.is_empty() && first.start > 0 {
        // Nothing carried them: the last frame before says where it stopped.
        frames = chunks
            .carriers(first.start.saturating_sub(1)..first.start)
            .into_iter()
            .map(|(frame, _)| frame)
            .collect();
    }
    named_frames(frames)
}

/// Frames that carried some byte of the ranges, which are ascending.
fn touching(carriers: &[(FrameNumber, ByteRange)], concerned: &[ByteRange]) -> Vec<FrameNumber> {
    let touched = |range: &ByteRange| {
        // The first range that ends behind the carried bytes' start.
        let at = concerned.partition_point(|place| place.end <= range.start);
        concerned
            .get(at)
            .is_some_and(|place| place.start < range.end)
    };
    carriers
        .iter()
        .filter(|(_, range)| touched(range))
        .map(|(frame, _)| *frame)
        .collect()
}

/// The first frames, ascending, and how many there are.
fn named_frames(mut frames: Vec<FrameNumber>) -> (Vec<FrameNumber>, u64) {
    frames.sort_unstable();
    frames.dedup();
    let count = frames.len() as u64;
    frames.truncate(FRAMES);
    (frames, count)
}

/// Offset of the excerpts, and both in hex.
fn context(
    expected: &[u8],
    found: &[u8],
    first: u64,
) -> (Option<u64>, Option<String>, Option<String>) {
    let start = first.saturating_sub(BEFORE);
    let end = first.saturating_add(FROM);
    let excerpt = |bytes: &[u8]| {
        let end = index(end).min(bytes.len());
        let mut hex = String::new();
        for byte in bytes.get(index(start)..end).unwrap_or_default() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    };
    (Some(start), Some(excerpt(expected)), Some(excerpt(found)))
}

pub(super) fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

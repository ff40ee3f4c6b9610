//! The mistakes of programs that change a picture in a way of their own: each is a rule that makes what was found of what was
//! expected, byte for byte.

mod buffers;

pub(super) use buffers::stale;
use buffers::{overwritten, whole_buffers};

use crate::align::{Aligner, Index, Inflater, View, recovered, rewritten_as, viewed};
use crate::ledger::comparison::SideOfMismatch;
use crate::picture::{Format, SNIFF_BYTES, Sniff, sniff};
use crate::units::{count, counted};

/// Sizes of buffers that programs use.
pub(super) const BUFFERS: [usize; 14] = [
    256, 512, 1000, 1024, 1400, 1460, 1500, 2048, 4096, 8192, 16_384, 32_768, 65_535, 65_536,
];
/// What text writers put before a text in UTF-8 (the byte order mark).
pub(super) const TEXT_MARK: &[u8] = b"\xef\xbb\xbf";
/// Magic number and version of Java's serialization (`ObjectStreamConstants`).
const OBJECT_STREAM: [u8; 4] = [0xac, 0xed, 0, 5];
/// Buffers of libraries are not smaller; a program's own may be.
pub(super) const LIBRARY: usize = 4096;
/// Sizes of buffers of which whole ones are written, and the last one by a call of its own.
const FLUSHED: [usize; 11] = [
    512, 1000, 1024, 1400, 1460, 2048, 4096, 8192, 16_384, 32_768, 65_536,
];

/// A piece of a picture that stands twice is no shorter.
const PIECE: usize = 64;

/// A mistake that explains every byte of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    /// The bytes went through a text function.
    Text(View),
    /// Each buffer of so many bytes (of the picture's length: all of it) ends at its first zero byte.
    CutAtNul { buffer: usize },
    /// The last buffer was handed over whole: behind the picture stand bytes of the round before.
    Stale { buffer: usize, bytes: usize },
    /// So many bytes stand before the picture.
    Header { bytes: usize },
    /// So many bytes stand before it, another picture, that its connection did not carry.
    Appended { bytes: usize },
    /// It is put together of so many pieces in another order.
    Misplaced { pieces: usize },
    /// Pieces of so many bytes in all stand in it twice.
    Doubled { bytes: usize },
    /// The mark of a UTF-8 text, EF BB BF, stands before it.
    TextMark,
    /// So many bytes of its beginning are missing.
    HeadMissing { bytes: usize },
    /// It stops after so many bytes; zeros fill the rest, where the file is as long as it should be.
    Stopped { at: usize, zeros: bool },
    /// The last buffer, which is not full, is missing.
    NotFlushed { buffer: usize },
    /// It ends at the first FF D9, which is the thumbnail's.
    FirstEnd,
    /// It is the picture's own thumbnail.
    Thumbnail,
    /// As many bytes are missing at the end as the file's own header has.
    HeaderNotCounted { bytes: usize },
    /// Behind it stand the bytes that follow it in the stream.
    ReadOn { bytes: usize },
    /// It is a piece of the stream that begins too early or too late, and is as long as the picture: the header was taken for
    /// so many bytes less than it has, or more.
    Shifted { bytes: usize, early: bool },
    /// The picture lies in it with what stands before it in the stream, and with what follows.
    Slice { before: usize, after: usize },
    /// It ends before the first byte 1A, which ends a text on Windows; line ends may be translated, too.
    CtrlZ,
    /// Each time the whole buffer of so many bytes was written, whatever had been read into it.
    WholeBuffers { buffer: usize },
    /// Each time the same place of a buffer was filled, its beginning: so many bytes of the last piece stand there.
    Overwritten { last: usize },
    /// It ends where the bytes of the end marker stand in the picture itself.
    AtMarker { at: usize },
    /// The two bytes of the mark that ends a JPEG are missing.
    EndMark,
    /// So many zeros follow it: a buffer longer than the picture was written whole.
    ZerosBehind { bytes: usize },
    /// It is the stream as it is, with the framing between the picture's pieces.
    FramingKept,
    /// The text that carries the picture was not decoded.
    LeftEncoded(View),
    /// One block of so many bytes, and no more.
    FirstBlock { buffer: usize },
    /// Each datagram is cut at so many bytes.
    DatagramsCut { buffer: usize },
    /// From there on stands the header of a second Java object stream.
    ObjectStream { at: usize },
}

/// A number of bytes in words.
fn bytes_of(bytes: usize) -> String {
    counted(bytes as u64, "byte", "bytes")
}

fn number(bytes: usize) -> String {
    count(bytes as u64)
}

impl Mistake {
    /// Whether the end is missing, for whatever reason.
    pub(super) fn is_stop(self) -> bool {
        matches!(
            self,
            Self::Stopped { .. } | Self::AtMarker { .. } | Self::EndMark
        )
    }

    /// What happened, in plain words.
    #[expect(clippy::too_many_lines, reason = "one arm for each mistake")]
    pub(super) fn words(self, around: Around<'_>) -> String {
        let buffers = |buffer: usize| {
            if BUFFERS.contains(&buffer) {
                format!("each block of {}", bytes_of(buffer))
            } else {
                "it".to_owned()
            }
        };
        match self {
            Self::Text(view) => capital(view.words()),
            Self::CutAtNul { buffer } => {
                format!("Cut at zero bytes: {} ends at its first 00", buffers(buffer))
            }
            Self::Stale { buffer, bytes } => format!(
                "{} too many at the end: the last block of {} was handed over whole, and its end still holds what the block \
                 before had there",
                bytes_of(bytes),
                bytes_of(buffer)
            ),
            Self::Header { bytes } => format!(
                "{} before the picture",
                counted(bytes as u64, "byte stands", "bytes stand")
            ),
            Self::Appended { bytes } => format!(
                "Another picture of {} stands before it, which this connection did not carry",
                bytes_of(bytes)
            ),
            Self::Misplaced { pieces } => format!(
                "The same bytes, put together in another order: {} of the picture, not each in its place",
                counted(pieces as u64, "piece", "pieces")
            ),
            Self::Doubled { bytes } => format!(
                "{} too many: pieces of the picture stand in it twice",
                bytes_of(bytes)
            ),
            Self::TextMark => {
                "EF BB BF stands before the picture: the byte order mark that a writer of UTF-8 text begins with".to_owned()
            }
            Self::HeadMissing { bytes } => {
                let before = around.before.len();
                let sum = bytes + before;
                if before > 0 && BUFFERS.contains(&sum) {
                    format!(
                        "The first {} are missing: with the {} before the picture that is {sum}, one recv({sum}) that was \
                         taken for the header alone",
                        bytes_of(bytes),
                        bytes_of(before)
                    )
                } else {
                    format!("The first {} missing", counted(bytes as u64, "byte is", "bytes are"))
                }
            }
            Self::Stopped { at, zeros: false } => format!("Cut short at byte {}", number(at)),
            Self::Stopped { at, zeros: true } => format!(
                "Cut short at byte {}: the rest is zeros, a buffer that was not filled",
                number(at)
            ),
            Self::NotFlushed { buffer } => format!(
                "Cut short: the last block is missing, which does not fill a buffer of {}",
                bytes_of(buffer)
            ),
            Self::FirstEnd => {
                "Cut short at the first FF D9, which ends the thumbnail in its header and not the picture".to_owned()
            }
            Self::Thumbnail => "It is the thumbnail out of the picture's header".to_owned(),
            Self::HeaderNotCounted { bytes } => format!(
                "Cut short: {} are missing at the end, as many as the header of the BMP file has",
                bytes_of(bytes)
            ),
            Self::ReadOn { bytes } => format!(
                "{} too many at the end: {} in the stream",
                bytes_of(bytes),
                if bytes == 1 {
                    "the one that follows the picture"
                } else {
                    "those that follow the picture"
                }
            ),
            Self::Shifted { bytes, early: true } => format!(
                "It begins {} too early in the stream, and ends as much too early: the header was taken for {} less than \
                 it has{}",
                bytes_of(bytes),
                bytes_of(bytes),
                if bytes == 4 && around.before.len().is_multiple_of(8) {
                    " (a native long has 8 bytes on one machine and 4 on another)"
                } else {
                    ""
                }
            ),
            Self::Shifted { bytes, early: false } => format!(
                "It begins {} too late in the stream, and ends as much too late: the header was taken for {} more than it \
                 has",
                bytes_of(bytes),
                bytes_of(bytes)
            ),
            Self::Slice { before, after } => format!(
                "The picture is in it, with the {} that stand before it in the stream and the {} that follow it",
                bytes_of(before),
                bytes_of(after)
            ),
            Self::CtrlZ => {
                "Cut short at the first byte 1A (Ctrl-Z), which ends a file that Windows reads as text".to_owned()
            }
            Self::WholeBuffers { buffer } => format!(
                "A buffer of {} was written whole each time, whatever a recv had put into it: the rest of it is what \
                 the round before left there",
                bytes_of(buffer)
            ),
            Self::Overwritten { last } => format!(
                "It begins with the last {} of the picture, and goes on with what is left of the pieces before: each one was \
                 written to the beginning of the buffer",
                bytes_of(last)
            ),
            Self::AtMarker { at } => format!(
                "Cut short at byte {}, where the bytes of the end marker stand in the picture itself",
                number(at)
            ),
            Self::EndMark => {
                "Cut short by two bytes: FF D9, the mark that ends a JPEG, is left out (a search gives where it begins)"
                    .to_owned()
            }
            Self::ZerosBehind { bytes } => format!(
                "{} at the end: a buffer longer than the picture was written whole",
                counted(bytes as u64, "zero too many", "zeros too many")
            ),
            Self::FramingKept => "It is the stream as it came, with the framing in front of each piece".to_owned(),
            Self::LeftEncoded(view) => format!("Not decoded: it is the picture {}", view.words()),
            Self::DatagramsCut { buffer } => format!(
                "Each datagram is cut at {}: the buffer given to recv is shorter than the datagram, and the rest of it is lost",
                bytes_of(buffer)
            ),
            Self::ObjectStream { at } => format!(
                "At byte {} stands AC ED 00 05, the header of a second Java object stream, within the picture: a new \
                 ObjectOutputStream was opened for each piece",
                number(at)
            ),
            Self::FirstBlock { buffer } => format!(
                "Cut short at byte {}: one block of {}, as one read returns it, and no other",
                number(buffer),
                bytes_of(buffer)
            ),
        }
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// What stands around the picture in the stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// Bytes before it, as far as they are at hand.
    pub(super) before: &'a [u8],
    /// Bytes behind it.
    pub(super) after: &'a [u8],
}

/// The mistake that makes `found` of `expected`; absent where none does.
pub(super) fn of(
    expected: &[u8],
    found: &[u8],
    side: SideOfMismatch,
    around: Around<'_>,
) -> Option<Mistake> {
    if expected == found || expected.is_empty() {
        return None;
    }
    let receiver = side != SideOfMismatch::SenderToWire;
    if let Some(view) = converted(expected, found) {
        return Some(Mistake::Text(view));
    }
    if receiver && let Some(view) = encoded(expected, found) {
        return Some(Mistake::LeftEncoded(view));
    }
    match rewritten_as(expected, found) {
        Some(view @ View::LeftOut) => return Some(Mistake::Text(view)),
        Some(view) if receiver => return Some(Mistake::LeftEncoded(view)),
        _ => {}
    }
    if !found.is_empty()
        && let Some(buffer) = cut_at_nul(expected, found)
    {
        return Some(Mistake::CutAtNul { buffer });
    }
    if let Some(tail) = found.strip_prefix(expected) {
        if let Some(buffer) = stale(expected.len(), found) {
            return Some(Mistake::Stale {
                buffer,
                bytes: tail.len(),
            });
        }
        if receiver && around.after.starts_with(tail) {
            return Some(Mistake::ReadOn { bytes: tail.len() });
        }
        if receiver && tail.len() >= 4 && tail.iter().all(|&byte| byte == 0) {
            return Some(Mistake::ZerosBehind { bytes: tail.len() });
        }
        let again = tail.len() >= PIECE && expected.ends_with(tail);
        return again.then_some(Mistake::Doubled { bytes: tail.len() });
    }
    if let Some(head) = found.strip_suffix(expected) {
        if head == TEXT_MARK {
            return Some(Mistake::TextMark);
        }
        let bytes = head.len();
        if bytes >= PIECE && expected.starts_with(head) {
            return Some(Mistake::Doubled { bytes });
        }
        let sent = around.before.len().min(bytes);
        let sent = bytes.checked_sub(sent).and_then(|at| head.get(at..));
        let carried =
            sent.is_some_and(|end| around.before.ends_with(end)) && !around.before.is_empty();
        let is_picture = matches!(sniff(head.get(..SNIFF_BYTES).unwrap_or(head)), Sniff::Is(_));
        return Some(if receiver && is_picture && !carried {
            Mistake::Appended { bytes }
        } else {
            Mistake::Header { bytes }
        });
    }
    if receiver && let Some(mistake) = piece(expected, found, around) {
        return Some(mistake);
    }
    if is_ctrl_z(expected, found) {
        return Some(Mistake::CtrlZ);
    }
    if expected.starts_with(found) {
        return Some(cut(expected, found, receiver, around.before.len()))
            .filter(|mistake| receiver || !matches!(mistake, Mistake::Stopped { .. }));
    }
    if receiver && found.len() == expected.len() {
        let at = crate::align::common_prefix(expected, found);
        let rest = found.get(at..).unwrap_or_default();
        if rest.iter().all(|&byte| byte == 0) {
            return Some(Mistake::Stopped { at, zeros: true });
        }
    }
    if found.len() >= 16 && expected.ends_with(found) {
        return Some(Mistake::HeadMissing {
            bytes: expected.len() - found.len(),
        });
    }
    if receiver && let Some(last) = overwritten(expected, found) {
        return Some(Mistake::Overwritten { last });
    }
    if let Some(buffer) = whole_buffers(expected, found) {
        return Some(Mistake::WholeBuffers { buffer });
    }
    let at = crate::align::common_prefix(expected, found);
    if !receiver
        && at >= 16
        && found
            .get(at..)
            .is_some_and(|rest| rest.starts_with(&OBJECT_STREAM))
    {
        return Some(Mistake::ObjectStream { at });
    }
    let head = found.get(..SNIFF_BYTES).unwrap_or(found);
    if found.len() >= 64
        && matches!(sniff(head), Sniff::Is(_))
        && memchr::memmem::find(expected, found).is_some()
    {
        return Some(Mistake::Thumbnail);
    }
    misplaced(expected, found)
}

/// Whether `found` is all of `expected` in pieces, in another order or with some of them twice.
fn misplaced(expected: &[u8], found: &[u8]) -> Option<Mistake> {
    /// Where a piece ends may not be told to the byte: what follows it may go on alike.
    const BLUR: u64 = 8;
    if found.len() < expected.len() || expected.len() < SNIFF_BYTES {
        return None;
    }
    let index = Index::new(vec![expected]);
    let mut aligner = Aligner::new(&index);
    aligner.bytes(found);
    let (_, mut spans) = aligner.finish().pop()?;
    spans.sort_unstable_by_key(|span| span.stream.start);
    let mut end = 0;
    for span in &spans {
        if span.stream.start > end {
            return None;
        }
        end = end.max(span.stream.end);
    }
    let pieces = spans.len();
    if end != found.len() as u64 || pieces < 2 {
        return None;
    }
    let in_order = spans.is_sorted_by_key(|span| span.text);
    spans.sort_unstable_by_key(|span| span.text);
    let (mut end, mut holes) = (0, 0);
    for span in &spans {
        holes += span.text.saturating_sub(end);
        end = end.max(span.in_text().end);
    }
    holes += (expected.len() as u64).saturating_sub(end);
    if holes > BLUR * pieces as u64 {
        return None;
    }
    let more = found.len() - expected.len();
    match (more, in_order) {
        (0, false) => Some(Mistake::Misplaced { pieces }),
        (0, true) => None,
        (bytes, _) => Some(Mistake::Doubled { bytes }),
    }
}

/// What text function makes all of `found` of `expected`, with the mark that its writer begins with, or `bytearray(…)` around it.
pub(super) fn converted(expected: &[u8], found: &[u8]) -> Option<View> {
    /// Enough to tell that a conversion is another one, and how much of it nothing that follows changes.
    const HEAD: usize = 256;
    const TOLD: usize = 32;
    let head = expected.get(..HEAD).unwrap_or(expected);
    // Converted, it may be cut at the length that the file has.
    let cut = found.len() == expected.len() && found.len() >= SNIFF_BYTES;
    let unmarked = |view: View| match view {
        View::Utf16Le => found.strip_prefix(b"\xff\xfe"),
        View::PythonRepr => found
            .strip_prefix(b"bytearray(")
            .and_then(|text| text.strip_suffix(b")")),
        _ => found.strip_prefix(TEXT_MARK),
    };
    View::CONVERSIONS.into_iter().find(|&view| {
        let plain = unmarked(view).unwrap_or(found);
        // Which sign stands around it, all of it tells.
        let likely = view == View::PythonRepr
            || expected.len() <= HEAD
            || viewed(head, view).is_none_or(|made| {
                let told = made.get(..TOLD).unwrap_or(&made);
                plain.starts_with(told) || found.starts_with(told)
            });
        let is = |made: &[u8]| made == found || made == plain || cut && made.starts_with(found);
        likely && viewed(expected, view).is_some_and(|made| is(&made))
    })
}

/// How `found`, a text or what is under a mask, carries all of `expected`, where it does.
fn encoded(expected: &[u8], found: &[u8]) -> Option<View> {
    if found.len() == expected.len() && found.len() >= 64 {
        let key = |at: usize| Some(found.get(at)? ^ expected.get(at)?);
        let mut keys = [0, 1, 2, 3]
            .map(|at| key(at).unwrap_or(0))
            .into_iter()
            .cycle();
        let same = expected
            .iter()
            .zip(found)
            .all(|(one, two)| keys.next() == Some(one ^ two));
        return same.then_some(View::Mask);
    }
    if found.len() <= expected.len() || !found.is_ascii() {
        return None;
    }
    recovered(&mut Inflater::default(), found, 0, expected.len())
        .into_iter()
        .find(|one| one.bytes == expected)
        .map(|one| one.view)
}

/// `found` is another piece of the stream than the picture, with some of it or all.
fn piece(expected: &[u8], found: &[u8], around: Around<'_>) -> Option<Mistake> {
    if found.len() == expected.len() {
        // A header is short, and so is what is mistaken for it.
        const LONGEST: usize = 64;
        let (before, after) = (around.before, around.after);
        for bytes in 1..=LONGEST.min(expected.len() / 2) {
            let kept = expected.len() - bytes;
            let early = before.len() >= bytes
                && before.get(before.len() - bytes..) == found.get(..bytes)
                && expected.get(..kept) == found.get(bytes..);
            let late = after.get(..bytes) == found.get(kept..)
                && after.len() >= bytes
                && expected.get(bytes..) == found.get(..kept);
            if early || late {
                return Some(Mistake::Shifted { bytes, early });
            }
        }
        return None;
    }
    if found.len() < expected.len() {
        return None;
    }
    let before = memchr::memmem::find(found, expected)?;
    let (head, rest) = found.split_at_checked(before)?;
    let tail = rest.get(expected.len()..)?;
    (around.before.ends_with(head) && around.after.starts_with(tail)).then_some(Mistake::Slice {
        before,
        after: tail.len(),
    })
}

/// Whether `found` is what a text reader on Windows makes of `expected`: it stops at 1A, and may translate line ends.
fn is_ctrl_z(expected: &[u8], found: &[u8]) -> bool {
    let Some(end) = memchr::memchr(0x1a, expected) else {
        return false;
    };
    let head = expected.get(..end).unwrap_or_default();
    end >= 8
        && (head == found
            || viewed(head, View::CrlfToLf).is_some_and(|made| made.as_slice() == found))
}

/// Whether some mistake leaves of `expected` just these few bytes.
pub(super) fn leaves(expected: &[u8], found: &[u8]) -> bool {
    cut_at_nul(expected, found).is_some() || is_ctrl_z(expected, found)
}

/// The buffer of which whole ones make up so many bytes, where fewer than one are missing. So many stand `before` them in the stream and
/// are counted or not.
pub(super) fn unflushed(found: usize, expected: usize, before: usize) -> Option<usize> {
    let missing = expected.checked_sub(found).filter(|_| found > 0)?;
    // More is not looked at, and says nothing of where the stream began.
    let before = if before < 64 << 10 { before } else { 0 };
    FLUSHED.into_iter().rev().find(|buffer| {
        // One small buffer is rather all that one read returned.
        let enough = *buffer >= LIBRARY || found >= 2 * *buffer;
        missing < *buffer
            && enough
            && (found.is_multiple_of(*buffer) || (found + before).is_multiple_of(*buffer))
    })
}

/// `found` is the beginning of `expected`, `before` which so many bytes stand in the stream.
fn cut(expected: &[u8], found: &[u8], receiver: bool, before: usize) -> Mistake {
    let stopped = Mistake::Stopped {
        at: found.len(),
        zeros: false,
    };
    let head = expected.get(..SNIFF_BYTES).unwrap_or(expected);
    let missing = expected.len() - found.len();
    let is_jpeg = sniff(head) == Sniff::Is(Format::Jpeg);
    if is_jpeg && missing == 2 && expected.ends_with(b"\xff\xd9") {
        return Mistake::EndMark;
    }
    if receiver {
        return stopped;
    }
    match sniff(head) {
        Sniff::Is(Format::Jpeg)
            if memchr::memmem::find(expected, b"\xff\xd9")
                .is_some_and(|at| at + 2 == found.len()) =>
        {
            return Mistake::FirstEnd;
        }
        Sniff::Is(Format::Bmp) => {
            let pixels = expected
                .get(10..14)
                .and_then(|four| four.try_into().ok())
                .map(u32::from_le_bytes);
            if missing == 54 || pixels.and_then(|at| usize::try_from(at).ok()) == Some(missing) {
                return Mistake::HeaderNotCounted { bytes: missing };
            }
        }
        _ => {}
    }
    match unflushed(found.len(), expected.len(), before) {
        Some(buffer) => Mistake::NotFlushed { buffer },
        None if BUFFERS.contains(&found.len()) => Mistake::FirstBlock {
            buffer: found.len(),
        },
        None => stopped,
    }
}

/// The buffer of which each one cut at its first zero byte gives `found`.
fn cut_at_nul(expected: &[u8], found: &[u8]) -> Option<usize> {
    /// So many bytes of the second block show where it begins.
    const SHOWS: [usize; 3] = [16, 8, 4];
    /// Most places where it may.
    const PLACES: usize = 64;
    if memchr::memchr(0, found).is_some() {
        return None;
    }
    let cuts = |size: usize| {
        let mut rest = Some(found);
        let mut cut = 0_usize;
        for piece in expected.chunks(size.max(1)) {
            let end = memchr::memchr(0, piece).unwrap_or(piece.len());
            cut += piece.len() - end;
            let piece = piece.get(..end).unwrap_or_default();
            rest = rest.and_then(|rest| rest.strip_prefix(piece));
            if rest.is_none() {
                return false;
            }
        }
        cut > 0 && rest == Some(&[])
    };
    let usual = std::iter::once(expected.len()).chain(BUFFERS);
    if let Some(size) = usual.into_iter().find(|size| cuts(*size)) {
        return Some(size);
    }
    let first = memchr::memchr(0, expected)?;
    let second = found.strip_prefix(expected.get(..first)?)?;
    let behind = expected.get(first..)?;
    SHOWS.into_iter().find_map(|shows| {
        let needle = second.get(..shows)?;
        memchr::memmem::find_iter(behind, needle)
            .take(PLACES)
            .map(|at| first + at)
            .find(|size| cuts(*size))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn noise(length: usize) -> Vec<u8> {
        let mut state = 99_u32;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24).to_le_bytes()[0]
            })
            .collect()
    }

    #[test]
    fn each_mistake_is_named_and_one_byte_less_is_not() {
        let file = noise(10_000);
        let around = Around {
            before: b"",
            after: b"next",
        };
        let named = |found: &[u8], side| of(&file, found, side, around);
        let surrogate = [&b"\xed\xa0\x80\xed\xb0\xe2\x82 "[..], &file].concat();
        for view in [View::LossyUtf8Java, View::LossyUtf8Go] {
            let made = viewed(&surrogate, view).unwrap();
            let found = of(&surrogate, &made, SENT, around);
            assert_eq!(found, Some(Mistake::Text(view)));
        }
        for view in [View::Latin1ToUtf8, View::LossyUtf8, View::LfToCrlf] {
            let mut made = viewed(&file, view).unwrap();
            assert_eq!(named(&made, SENT), Some(Mistake::Text(view)));
            made[500] ^= 1;
            assert_eq!(named(&made, SENT), None);
        }
        let cut: Vec<u8> = file
            .chunks(1024)
            .flat_map(|piece| piece.iter().copied().take_while(|&byte| byte != 0))
            .collect();
        let nul = Mistake::CutAtNul { buffer: 1024 };
        assert_eq!(named(&cut, SENT), Some(nul));
        let mut stale = file.clone();
        stale.extend_from_slice(&file[10_000 - 1024..9_216]);
        let expected = Mistake::Stale {
            buffer: 1024,
            bytes: 240,
        };
        assert_eq!(named(&stale, SENT), Some(expected));
        stale.pop();
        assert_eq!(named(&stale, SENT), None);
        // Buffers of any size, too.
        let cut: Vec<u8> = file
            .chunks(700)
            .flat_map(|piece| piece.iter().copied().take_while(|&byte| byte != 0))
            .collect();
        let nul = Mistake::CutAtNul { buffer: 700 };
        assert_eq!(named(&cut, RECEIVED), Some(nul));
        assert_eq!(named(&cut[1..], RECEIVED), None);
        let mut stale = file.clone();
        stale.extend_from_slice(&file[10_000 - 1700..8_500]);
        let expected = Mistake::Stale {
            buffer: 1700,
            bytes: 200,
        };
        assert_eq!(named(&stale, RECEIVED), Some(expected));
        stale[10_100] ^= 1;
        assert_eq!(named(&stale, RECEIVED), None);
        // With the mark of its writer, and as Python prints a bytearray.
        for (view, before, behind) in [
            (View::Utf16Le, &b"\xff\xfe"[..], &b""[..]),
            (View::Latin1ToUtf8, TEXT_MARK, b""),
            (View::PythonRepr, b"bytearray(", b")"),
        ] {
            let mut made = [before, &viewed(&file, view).unwrap(), behind].concat();
            assert_eq!(named(&made, RECEIVED), Some(Mistake::Text(view)));
            made[700] ^= 1;
            assert_ne!(named(&made, RECEIVED), Some(Mistake::Text(view)));
        }
        let header = [b"12345".as_slice(), &file].concat();
        assert_eq!(named(&header, RECEIVED), Some(Mistake::Header { bytes: 5 }));
        assert_eq!(
            named(&file[75..], RECEIVED),
            Some(Mistake::HeadMissing { bytes: 75 })
        );
        let stopped = |at, zeros| Some(Mistake::Stopped { at, zeros });
        assert_eq!(named(&file[..777], RECEIVED), stopped(777, false));
        let mut zeros = file.clone();
        zeros[6_001..].fill(0);
        let at = file.iter().zip(&zeros).position(|(a, b)| a != b).unwrap();
        assert_eq!(named(&zeros, RECEIVED), stopped(at, true));
        assert_eq!(
            named(&file[..8192], SENT),
            Some(Mistake::NotFlushed { buffer: 8192 })
        );
        assert_eq!(named(&file[..8191], SENT), None);
        let more = [file.as_slice(), b"ne"].concat();
        assert_eq!(named(&more, RECEIVED), Some(Mistake::ReadOn { bytes: 2 }));
        let first = Mistake::FirstBlock { buffer: 2048 };
        assert_eq!(named(&file[..2048], SENT), Some(first));
        assert_eq!(named(&file[..2047], SENT), None);
        let end = file.iter().position(|&byte| byte == 0x1a).unwrap();
        assert_eq!(named(&file[..end], SENT), Some(Mistake::CtrlZ));
        assert_eq!(named(&file[..end - 1], SENT), None);
        let pieces = [&file[..1000], &OBJECT_STREAM, b"x", &file[1000..]].concat();
        let second = Mistake::ObjectStream { at: 1000 };
        assert_eq!(named(&pieces, SENT), Some(second));
        let pieces = [&file[..1000], &OBJECT_STREAM[1..], &file[1000..]].concat();
        assert_eq!(named(&pieces, SENT), None);
        let digits = |byte: &u8| format!("{byte:02x}").into_bytes();
        let text: Vec<u8> = file.iter().flat_map(digits).collect();
        let left = Some(Mistake::LeftEncoded(View::HexLower));
        assert_eq!(named(&text, RECEIVED), left);
        assert_eq!(named(&text, SENT), None);
    }

    #[test]
    fn pieces_of_the_stream_that_are_not_the_picture() {
        let file = noise(5_000);
        let around = Around {
            before: b"\x88\x13\0\0\0\0\0\0",
            after: b"next",
        };
        let named = |found: &[u8]| of(&file, found, SideOfMismatch::WireToReceiver, around);
        let early = [&[0; 4], &file[..4_996]].concat();
        let shifted = |bytes, early| Some(Mistake::Shifted { bytes, early });
        assert_eq!(named(&early), shifted(4, true));
        let late = [&file[3..], b"nex"].concat();
        assert_eq!(named(&late), shifted(3, false));
        let late = [&file[3..], b"nix"].concat();
        assert_eq!(named(&late), None);
        let zeros = [file.as_slice(), &[0; 4]].concat();
        let behind = Some(Mistake::ZerosBehind { bytes: 4 });
        assert_eq!(named(&zeros), behind);
        assert_eq!(named(&zeros[..5_003]), None);
        let slice = [&[0, 0], file.as_slice(), b"n"].concat();
        let both = Mistake::Slice {
            before: 2,
            after: 1,
        };
        assert_eq!(named(&slice), Some(both));
    }

    #[test]
    fn a_buffer_that_is_written_whole_each_time() {
        let file = noise(3_000);
        let mut buffer = vec![0; 1024];
        let mut found = Vec::new();
        for piece in file.chunks(700) {
            buffer[..piece.len()].copy_from_slice(piece);
            found.extend_from_slice(&buffer);
        }
        let named = |found: &[u8]| {
            let around = Around::default();
            of(&file, found, SideOfMismatch::WireToReceiver, around)
        };
        let whole = Mistake::WholeBuffers { buffer: 1024 };
        assert_eq!(named(&found), Some(whole));
        found[1_800] ^= 1;
        assert_eq!(named(&found), None);
    }

    const SENT: SideOfMismatch = SideOfMismatch::SenderToWire;
    const RECEIVED: SideOfMismatch = SideOfMismatch::WireToReceiver;

    fn named(file: &[u8], found: &[u8], side: SideOfMismatch) -> Option<Mistake> {
        let around = Around {
            before: b"",
            after: b"next",
        };
        of(file, found, side, around)
    }

    #[test]
    fn a_file_that_was_opened_to_append_is_told_from_a_message_too_many() {
        let file = noise(10_000);
        // A picture of an earlier connection; of this one it is the message before.
        let other = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &noise(2_000)].concat();
        let both = [other.as_slice(), &file].concat();
        let appended = |before: &[u8]| {
            let around = Around {
                before,
                after: b"next",
            };
            of(&file, &both, RECEIVED, around)
        };
        let bytes = other.len();
        assert_eq!(appended(b""), Some(Mistake::Appended { bytes }));
        assert_eq!(appended(b"SIZE 9"), Some(Mistake::Appended { bytes }));
        assert_eq!(appended(&other), Some(Mistake::Header { bytes }));
        assert_eq!(appended(&other[1_000..]), Some(Mistake::Header { bytes }));
        assert_eq!(named(&file, &both, SENT), Some(Mistake::Header { bytes }));
    }

    #[test]
    fn pieces_out_of_place_and_pieces_twice_are_named() {
        let file = noise(10_000);
        // In pieces: sorted as texts are (0, 1, 10, 2, …), each at any place of its own, and some twice.
        let blocks: Vec<&[u8]> = file.chunks(700).collect();
        let put = |order: &[usize]| {
            order
                .iter()
                .map(|at| blocks[*at])
                .collect::<Vec<_>>()
                .concat()
        };
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(usize::to_string);
        for side in [RECEIVED, SENT] {
            let pieces = |order: &[usize]| named(&file, &put(order), side);
            assert!(matches!(pieces(&order), Some(Mistake::Misplaced { .. })));
            for one in 0..blocks.len() {
                let mut order: Vec<usize> = (0..blocks.len()).collect();
                // The last one is short: alone it may be of no place.
                if one + 2 < blocks.len() {
                    order.swap(one, one + 1);
                    let swapped = pieces(&order);
                    assert!(matches!(swapped, Some(Mistake::Misplaced { .. })), "{one}");
                }
                let mut order: Vec<usize> = (0..blocks.len()).collect();
                order.insert(one + 1, one);
                let bytes = blocks[one].len();
                assert_eq!(pieces(&order), Some(Mistake::Doubled { bytes }), "{one}");
                // One byte of it is of no piece.
                let mut damaged = put(&order);
                damaged[one * 700 + 100] ^= 1;
                let named = named(&file, &damaged, side);
                let misplaced = matches!(
                    named,
                    Some(Mistake::Misplaced { .. } | Mistake::Doubled { .. })
                );
                assert!(!misplaced, "{one}");
            }
        }
    }
}

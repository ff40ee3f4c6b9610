//! The mistakes of programs that change a picture in a way of their own: each is a rule that makes what was found of what was
//! expected, byte for byte.

use crate::align::{View, viewed};
use crate::ledger::comparison::SideOfMismatch;
use crate::picture::{Format, SNIFF_BYTES, Sniff, sniff};

/// Sizes of buffers that programs use.
const BUFFERS: [usize; 14] = [
    256, 512, 1000, 1024, 1400, 1460, 1500, 2048, 4096, 8192, 16_384, 32_768, 65_535, 65_536,
];
/// Sizes of buffers that libraries flush by themselves.
const FLUSHED: [usize; 4] = [4096, 8192, 16_384, 65_536];

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
}

impl Mistake {
    /// What happened, in plain words.
    pub(super) fn words(self, around: Around<'_>) -> String {
        let buffers = |buffer: usize| {
            if BUFFERS.contains(&buffer) {
                format!("each block of {buffer} bytes")
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
                "{bytes} bytes too many at the end: the last block of {buffer} bytes was handed over whole, and its end \
                 still holds what the block before had there"
            ),
            Self::Header { bytes } => format!("{bytes} bytes stand before the picture"),
            Self::HeadMissing { bytes } => {
                let before = around.before.len();
                let sum = bytes + before;
                if before > 0 && BUFFERS.contains(&sum) {
                    format!(
                        "The first {bytes} bytes are missing: with the {before} bytes before the picture that is {sum}, \
                         one recv({sum}) that was taken for the header alone"
                    )
                } else {
                    format!("The first {bytes} bytes are missing")
                }
            }
            Self::Stopped { at, zeros: false } => format!("Cut short at byte {at}"),
            Self::Stopped { at, zeros: true } => {
                format!("Cut short at byte {at}: the rest is zeros, a buffer that was not filled")
            }
            Self::NotFlushed { buffer } => format!(
                "Cut short: the last block is missing, which does not fill a buffer of {buffer} bytes"
            ),
            Self::FirstEnd => {
                "Cut short at the first FF D9, which ends the thumbnail in its header and not the picture".to_owned()
            }
            Self::Thumbnail => "It is the thumbnail out of the picture's header".to_owned(),
            Self::HeaderNotCounted { bytes } => format!(
                "Cut short: {bytes} bytes are missing at the end, as many as the header of the BMP file has"
            ),
            Self::ReadOn { bytes } => format!(
                "{bytes} bytes too many at the end: those that follow the picture in the stream"
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
    for view in View::CONVERSIONS {
        if view.is_text_mode() && viewed(expected, view).is_some_and(|made| made == found) {
            return Some(Mistake::Text(view));
        }
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
        return None;
    }
    if let Some(head) = found.strip_suffix(expected) {
        return Some(Mistake::Header { bytes: head.len() });
    }
    if expected.starts_with(found) {
        return Some(cut(expected, found, receiver))
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
    let head = found.get(..SNIFF_BYTES).unwrap_or(found);
    if found.len() >= 64
        && matches!(sniff(head), Sniff::Is(_))
        && memchr::memmem::find(expected, found).is_some()
    {
        return Some(Mistake::Thumbnail);
    }
    None
}

/// `found` is the beginning of `expected`.
fn cut(expected: &[u8], found: &[u8], receiver: bool) -> Mistake {
    let stopped = Mistake::Stopped {
        at: found.len(),
        zeros: false,
    };
    if receiver {
        return stopped;
    }
    let head = expected.get(..SNIFF_BYTES).unwrap_or(expected);
    let missing = expected.len() - found.len();
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
    let flushed = FLUSHED.into_iter().rev().find(|buffer| {
        !found.is_empty() && found.len().is_multiple_of(*buffer) && missing < *buffer
    });
    match flushed {
        Some(buffer) => Mistake::NotFlushed { buffer },
        None => stopped,
    }
}

/// The buffer of which each one cut at its first zero byte gives `found`.
fn cut_at_nul(expected: &[u8], found: &[u8]) -> Option<usize> {
    for size in std::iter::once(expected.len()).chain(BUFFERS) {
        let mut rest = Some(found);
        let mut cut = 0_usize;
        for piece in expected.chunks(size.max(1)) {
            let end = memchr::memchr(0, piece).unwrap_or(piece.len());
            cut += piece.len() - end;
            let piece = piece.get(..end).unwrap_or_default();
            rest = rest.and_then(|rest| rest.strip_prefix(piece));
        }
        if cut > 0 && rest == Some(&[]) {
            return Some(size);
        }
    }
    None
}

/// The buffer whose bytes of the round before stand behind a picture of this length.
fn stale(length: usize, found: &[u8]) -> Option<usize> {
    BUFFERS.into_iter().find(|&buffer| {
        let extra = found.len() - length;
        found.len().is_multiple_of(buffer)
            && extra < buffer
            && length > buffer
            && found.get(length..) == found.get(length - buffer..found.len() - buffer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
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
        const SENT: SideOfMismatch = SideOfMismatch::SenderToWire;
        const RECEIVED: SideOfMismatch = SideOfMismatch::WireToReceiver;
        let file = noise(10_000);
        let around = Around {
            before: b"",
            after: b"next",
        };
        let named = |found: &[u8], side| of(&file, found, side, around);
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
    }
}

//! Tells a picture format from a file's first bytes.

use super::walk::{is_bmp_header_size, is_jpeg_opening_marker, le};
use super::{Format, SNIFF_BYTES, Sniff};

/// What the first bytes of something say of its format.
///
/// [`SNIFF_BYTES`] bytes always decide; fewer may. BMP's two letters are weak, so its reserved fields, its
/// data offset and its header size have to be right too; `RIFF` needs the four-character code `WEBP`; a JPEG's
/// first marker has to be one that may stand after SOI. A text that quotes the first bytes of a format is none: behind them
/// it has letters where the format has numbers.
/// Nothing at all is [`Sniff::NeedMore`].
pub fn sniff(head: &[u8]) -> Sniff {
    let mut need_more = false;
    for format in [
        Format::Jpeg,
        Format::Png,
        Format::Gif,
        Format::WebP,
        Format::Bmp,
    ] {
        match fits(format, head) {
            Fit::Whole => return Sniff::Is(format),
            Fit::SoFar => need_more = true,
            Fit::Not => {}
        }
    }
    if need_more {
        Sniff::NeedMore
    } else {
        Sniff::No
    }
}

/// The format of a file that was cut so early that [`sniff`] asks for more: its whole signature is there, and nothing behind it
/// speaks against it. Absent where the signature is not whole.
pub(crate) fn begun(head: &[u8]) -> Option<Format> {
    let signed = |format, length| head.len() >= length && fits(format, head) == Fit::SoFar;
    if signed(Format::Jpeg, 4) {
        Some(Format::Jpeg)
    } else if signed(Format::Png, 8) {
        Some(Format::Png)
    } else {
        None
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Whole,
    SoFar,
    Not,
}

fn fits(format: Format, head: &[u8]) -> Fit {
    match format {
        Format::Jpeg => jpeg(head),
        Format::Png => png(head),
        Format::Gif => gif(head),
        Format::WebP => webp(head),
        Format::Bmp => bmp(head),
    }
}

fn prefix(head: &[u8], magic: &[u8]) -> Fit {
    if head.starts_with(magic) {
        Fit::Whole
    } else if magic.starts_with(head) {
        Fit::SoFar
    } else {
        Fit::Not
    }
}

/// Whether all bytes read as text.
fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
}

/// Signature, then the length of the first chunk (PNG, 5.3), which no text is.
fn png(head: &[u8]) -> Fit {
    let fit = prefix(head, b"\x89PNG\r\n\x1a\n");
    if fit != Fit::Whole {
        return fit;
    }
    let length = head.get(8..head.len().min(12)).unwrap_or_default();
    match (is_text(length), length.len()) {
        (false, _) => Fit::Whole,
        (true, 4) => Fit::Not,
        (true, _) => Fit::SoFar,
    }
}

/// Signature and logical screen descriptor; without a global colour table a block has to follow it (`GIF89a`, appendix A), so that
/// text that speaks of `GIF89a` is none.
fn gif(head: &[u8]) -> Fit {
    let fit = match prefix(head, b"GIF87a") {
        Fit::Not => prefix(head, b"GIF89a"),
        fit => fit,
    };
    if fit != Fit::Whole {
        return fit;
    }
    let (Some(flags), aspect, block) = (head.get(10), head.get(12), head.get(13)) else {
        return Fit::SoFar;
    };
    // Both sides of more than 8,000 pixels, and written in letters.
    if head.get(6..10).is_some_and(is_text) {
        return Fit::Not;
    }
    match (flags & 0x80, aspect, block) {
        (0x80, ..) => Fit::Whole,
        (_, Some(b' '..=b'~'), _) => Fit::Not,
        (_, _, None) => Fit::SoFar,
        (_, _, Some(0x2c | 0x21 | 0x3b)) => Fit::Whole,
        _ => Fit::Not,
    }
}

/// SOI, then 0xFF and a marker that may follow it (T.81, B.2.1 and B.2.4), or a fill byte; then the segment's length and what it
/// holds, which is no text but in XMP, and names JFIF in full where it does.
fn jpeg(head: &[u8]) -> Fit {
    let code = match (prefix(head, b"\xff\xd8\xff"), head.get(3)) {
        (Fit::Whole, None) => return Fit::SoFar,
        (Fit::Whole, Some(&code)) => code,
        (fit, _) => return fit,
    };
    if code == 0xff {
        return Fit::Whole;
    }
    if !is_jpeg_opening_marker(code) {
        return Fit::Not;
    }
    let segment = head.get(4..).unwrap_or_default();
    if is_text(segment) {
        let long = segment.len() >= SNIFF_BYTES - 4;
        let xmp = code == 0xe1
            && segment
                .get(2..)
                .is_some_and(|name| name.starts_with(b"http"));
        return match (xmp, long) {
            (true, _) => Fit::Whole,
            (false, true) => Fit::Not,
            (false, false) => Fit::SoFar,
        };
    }
    match segment {
        // Its length counts itself.
        [0, 0 | 1, ..] => Fit::Not,
        // `JFIF` ends with a zero, and version 1 follows.
        [_, _, b'J', b'F', b'I', b'F', end, version, ..]
            if code == 0xe0 && *end != 0 && *version != 1 =>
        {
            Fit::Not
        }
        [0] => Fit::SoFar,
        _ if code == 0xe0 && segment.len() < 8 && is_jfif_so_far(segment) => Fit::SoFar,
        _ => Fit::Whole,
    }
}

/// Whether the first bytes of an APP0 segment may be those of JFIF.
fn is_jfif_so_far(segment: &[u8]) -> bool {
    const NAME: &[u8] = b"JFIF";
    let name = segment.get(2..).unwrap_or_default();
    NAME.starts_with(name.get(..NAME.len()).unwrap_or(name))
}

/// RFC 9649, section 2.4: `RIFF`, size, `WEBP`. A size in letters is one of more than 500 MB.
fn webp(head: &[u8]) -> Fit {
    match prefix(head, b"RIFF") {
        Fit::Whole if head.get(4..8).is_some_and(is_text) => Fit::Not,
        Fit::Whole => prefix(head.get(8..).unwrap_or_default(), b"WEBP"),
        fit => fit,
    }
}

/// BITMAPFILEHEADER: `BM`, bfSize, two reserved words of 0, bfOffBits; then the size of the DIB header.
fn bmp(head: &[u8]) -> Fit {
    match prefix(head, b"BM") {
        Fit::Whole => {}
        fit => return fit,
    }
    let reserved = head.get(6..).unwrap_or_default();
    if reserved.iter().take(4).any(|&byte| byte != 0) {
        return Fit::Not;
    }
    if head.len() < SNIFF_BYTES {
        return Fit::SoFar;
    }
    let (offset, header) = (le(head, 10, 4), le(head, 14, 4));
    if is_bmp_header_size(header) && offset >= header.saturating_add(14) {
        Fit::Whole
    } else {
        Fit::Not
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 2×2 true-colour bitmap's headers: BITMAPFILEHEADER and the size of a BITMAPINFOHEADER.
    const BMP: &[u8] = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0";

    #[test]
    fn names_every_format_and_never_changes_its_mind() {
        let heads: [(&[u8], Format); 9] = [
            (
                b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01",
                Format::Jpeg,
            ),
            (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", Format::Png),
            (b"\x89PNG\r\n\x1a\n\0\0\0\x04CgBI", Format::Png),
            (b"\xff\xd8\xff\xdb\0\x43\0\x08\x06", Format::Jpeg),
            (b"\xff\xd8\xff\xe1\x2a\x2bhttp://ns.adob", Format::Jpeg),
            (b"GIF87a\x01\0\x01\0\x80\0\0", Format::Gif),
            (b"GIF89a\x01\0\x01\0\0\0\0\x2c", Format::Gif),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Format::WebP),
            (BMP, Format::Bmp),
        ];
        for (head, format) in heads {
            let mut decided = false;
            for end in 0..=head.len() {
                match sniff(&head[..end]) {
                    Sniff::Is(found) => {
                        assert_eq!(found, format);
                        decided = true;
                    }
                    Sniff::NeedMore => assert!(!decided, "{format}: undecided again at {end}"),
                    Sniff::No => panic!("{format} refused at {end}"),
                }
            }
            assert!(decided, "{format}");
        }
    }

    #[test]
    fn refuses_what_only_begins_alike() {
        for head in [
            &b"BMW is no picture, it is a car"[..],
            b"BM\x46\0\0\0\x01\0\0\0\x36\0\0\0\x28\0\0\0",
            b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x29\0\0\0",
            b"BM\x46\0\0\0\0\0\0\0\x08\0\0\0\x28\0\0\0",
            b"RIFF\x24\0\0\0WAVEfmt ",
            b"\xff\xd8\xff\x00",
            b"\xff\xd8\xff\xd9",
            b"\x89PNG\n\x1a\n",
            b"GIF88a",
            b"GIF89a, say the authors",
            b"GIF89a \"is\"\xc3\xa9 known",
            b"\xff\xd8\xff\xe0 as everybody knows",
            b"\xff\xd8\xff\xe0\0\x10JFIF is a name",
            b"\xff\xd8\xff\xe0\0\x01JFIF\0\x01\x01\0\0\x01",
            b"\x89PNG\r\n\x1a\n ends the signature",
            b"RIFF1234WEBP is how it begins",
            b"RIFF....WEBPVP8 \", \"n\": 1",
            b"GIF89a\x01\0\x01\0\0\0\0\x2d",
            b"%IMAGE_COMPLETED%",
        ] {
            assert_eq!(sniff(head), Sniff::No, "{head:?}");
        }
    }

    #[test]
    fn what_is_cut_behind_its_signature_has_begun() {
        assert_eq!(begun(b"\xff\xd8\xff\xe0"), Some(Format::Jpeg));
        assert_eq!(begun(b"\x89PNG\r\n\x1a\n"), Some(Format::Png));
        for head in [
            &b"\xff\xd8\xff"[..],
            b"\xff\xd8\xff\xd9",
            b"\x89PNG\r\n\x1a",
            b"GIF89a",
            b"",
        ] {
            assert_eq!(begun(head), None, "{head:?}");
        }
    }

    #[test]
    fn any_eighteen_bytes_decide() {
        for first in 0..=255u8 {
            let mut head = [first; SNIFF_BYTES];
            assert_ne!(sniff(&head), Sniff::NeedMore);
            head[0] = b'B';
            head[1] = b'M';
            assert_ne!(sniff(&head), Sniff::NeedMore);
            head[..4].copy_from_slice(b"RIFF");
            assert_ne!(sniff(&head), Sniff::NeedMore);
        }
    }

    #[test]
    fn what_is_decided_of_fewer_bytes_stays_so() {
        const OTHERS: [u8; 9] = [0, 1, 2, 0x10, b' ', b'J', b'a', 0x80, 0xff];
        let heads: [&[u8]; 8] = [
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01",
            b"\xff\xd8\xff\xe1\x0f\x16Exif\0\0II*\0",
            b"\xff\xd8\xff\xe1\x0f\x16http://n",
            b"\xff\xd8\xff\xdb\0\x43\0\x08\x06\x06\x07\x06\x05\x08\x07\x07",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0",
            b"GIF89a\x20\0\x10\0\xf7\0\0,\0\0\0\0",
            b"RIFF\x24\x10\0\0WEBPVP8 \x18\x10",
            b"BM\x36\x24\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
        ];
        for head in heads {
            let places = 0..head.len();
            for (one, two) in places
                .clone()
                .flat_map(|one| places.clone().map(move |two| (one, two)))
            {
                for (first, second) in OTHERS.into_iter().flat_map(|a| OTHERS.map(|b| (a, b))) {
                    let mut other = head.to_vec();
                    other[one] = first;
                    other[two] = second;
                    let whole = sniff(&other);
                    for length in 0..other.len() {
                        let fewer = sniff(&other[..length]);
                        assert!(
                            fewer == Sniff::NeedMore || fewer == whole,
                            "{other:02x?}: {fewer:?} of {length} bytes, {whole:?} of all"
                        );
                    }
                }
            }
        }
    }
}

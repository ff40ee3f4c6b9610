//! What tests of decoders share: events that own their bytes, with neighbours joined.

use std::sync::LazyLock;

use super::{Decode, Ending, Event, Fault, Framing, Order, Sink, StreamEnd};

/// An [`Event`] that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Start(Option<u64>),
    Pixels(super::PixelShape),
    Data(Vec<u8>),
    /// Stream bytes covered, picture bytes given.
    Encoded(u64, Vec<u8>),
    Gap(u64),
    Lost(Option<u64>, Option<u64>),
    Numbered(u64, Option<u64>, Order),
    End(Ending),
    Framing(Framing, u64),
    Stray(Vec<u8>),
    StrayGap(u64),
    Media(&'static str),
    Fault(Fault),
}

/// All events that `feed` causes, neighbouring data and stray bytes joined.
pub(super) fn run(feed: impl FnOnce(&mut Sink<'_>)) -> Vec<Seen> {
    let mut seen = Vec::new();
    feed(&mut |event| {
        match (&event, seen.last_mut()) {
            (Event::PictureData([]) | Event::Stray([]), _) => panic!("an event without bytes"),
            (Event::PictureGap(0) | Event::StrayGap(0), _) => panic!("a gap without bytes"),
            (Event::PictureData(bytes), Some(Seen::Data(before)))
            | (Event::Stray(bytes), Some(Seen::Stray(before))) => {
                before.extend_from_slice(bytes);
                return;
            }
            (Event::PictureEncoded { wire: 0, bytes: [] }, _) => panic!("an event of nothing"),
            (Event::PictureEncoded { wire, bytes }, Some(Seen::Encoded(before, given))) => {
                *before += wire;
                given.extend_from_slice(bytes);
                return;
            }
            _ => {}
        }
        seen.push(match event {
            Event::PictureStart { length } => Seen::Start(length),
            Event::Pixels(shape) => Seen::Pixels(shape),
            Event::PictureData(bytes) => Seen::Data(bytes.to_vec()),
            Event::PictureEncoded { wire, bytes } => Seen::Encoded(wire, bytes.to_vec()),
            Event::PictureGap(length) => Seen::Gap(length),
            Event::PictureLost { pieces, bytes } => Seen::Lost(pieces, bytes),
            Event::Numbered {
                index,
                total,
                order,
                ..
            } => Seen::Numbered(index, total, order),
            // Where it stands among bytes depends on how they come.
            Event::Structure(_) | Event::GoesOn => return,
            Event::PictureEnd(ending) => Seen::End(ending),
            Event::Framing { what, bytes } => Seen::Framing(what, bytes),
            Event::Stray(bytes) => Seen::Stray(bytes.to_vec()),
            Event::StrayGap(length) => Seen::StrayGap(length),
            Event::Media(media) => Seen::Media(media),
            Event::Fault(fault) => Seen::Fault(fault),
        });
    });
    seen
}

/// The events of a new decoder fed `pieces`, then the end.
pub(super) fn seen_by_pieces<'p, D: Decode>(
    new: impl FnOnce() -> D,
    pieces: impl IntoIterator<Item = &'p [u8]>,
    end: StreamEnd,
) -> Vec<Seen> {
    let mut decoder = new();
    run(|sink| {
        for piece in pieces {
            decoder.update(piece, sink);
        }
        decoder.finish(end, sink);
    })
}

/// RFC 4648, section 4, without line breaks.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| usize::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            text.push(if at > group.len() {
                b'='
            } else {
                LETTERS[bits >> (18 - 6 * at) & 63]
            });
        }
    }
    text
}

/// The pictures that were seen, as bytes and ending.
pub(super) fn pictures(seen: &[Seen]) -> Vec<(Vec<u8>, Ending)> {
    let mut pictures = Vec::new();
    let mut open = Vec::new();
    for event in seen {
        match event {
            Seen::Start(_) => open.clear(),
            Seen::Data(bytes) | Seen::Encoded(_, bytes) => open.extend_from_slice(bytes),
            Seen::End(ending) => pictures.push((std::mem::take(&mut open), *ending)),
            _ => {}
        }
    }
    pictures
}

/// One small picture of every format, and some more.
pub(super) fn fixtures() -> &'static [Vec<u8>] {
    static FIXTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        use image::ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
        let mut fixtures = Vec::new();
        for (format, width, height) in [
            (Jpeg, 24, 17),
            (Jpeg, 1, 1),
            (Png, 19, 21),
            (Gif, 12, 9),
            (WebP, 16, 11),
            (Bmp, 9, 7),
        ] {
            fixtures.push(picture(format, width, height));
        }
        fixtures
    });
    &FIXTURES
}

/// A picture whose pixels follow a formula.
pub(super) fn picture(format: image::ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(width, height, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        image::Rgb([byte(x * 31 + y), byte(y * 17), byte(x * y * 7)])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

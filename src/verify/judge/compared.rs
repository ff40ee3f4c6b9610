//! One file against the wire, from digest to pixels; and the two files against each other.

use crate::wire::Fixed;
use image::DynamicImage;

use super::{Subject, Thresholds, Work, around, open_end, taken_wrongly};
use crate::ledger::comparison::{Level, Mismatch, Pixels, Side, SideOfMismatch};
use crate::ledger::{Image, TransportKind};
use crate::verify::bytes::{self, Carriage, Found, Kind};
use crate::verify::evidence::{Form, jpeg_scan};
use crate::verify::likeness;
use crate::verify::mistakes::Around;
use crate::verify::pairing::closeness;
use crate::verify::wire::Wire;
use crate::wire::Protocol;

/// One side, compared.
pub(super) struct Compared {
    pub(super) side: Side,
    pub(super) difference: Option<(Mismatch, Kind)>,
    /// Width and height of the file's pixels, where the wire carries raw ones.
    pub(super) size: Option<(u32, u32)>,
    pub(super) alike: bool,
}

/// A difference in words, without its place.
pub(super) fn told(
    image: &Image,
    subject: &Subject<'_>,
    side: SideOfMismatch,
    damage: &str,
) -> Mismatch {
    Mismatch {
        damage: damage.to_owned(),
        ..by_digest(image, subject, side)
    }
}

/// A part of the file against the file: where it is the file's, nothing tells more; else it is compared with that part which it
/// begins or ends like.
fn of_range(
    work: &Work<'_>,
    subject: &Subject<'_>,
    (part, wire): (&[u8], &Wire),
    mut side: Side,
    carriage: &Carriage<'_>,
) -> Compared {
    let file = subject.bytes.unwrap_or_default();
    let direction = SideOfMismatch::SenderToWire;
    let found = if is_of_pieces(part, file) {
        None
    } else {
        let start = place_of(part, file);
        let of_file = start.and_then(|start| file.get(start..)?.get(..part.len()));
        bytes::compare(wire, of_file.unwrap_or(file), direction, carriage)
            .difference
            .map(|(mut mismatch, kind)| {
                let start = start.unwrap_or(0) as u64;
                mismatch.first_difference = mismatch.first_difference.map(|first| first + start);
                mismatch.expected_bytes = file.len() as u64;
                (mismatch, kind)
            })
    };
    side.equal = found.is_some().then_some(false);
    side.compared_bytes = work.image.unique_bytes;
    Compared {
        side,
        difference: found,
        size: None,
        alike: false,
    }
}

/// So many bytes tell where a part of a file belongs.
const ANCHOR: usize = 32;

/// Where in the file these bytes belong, by how they begin or end.
fn place_of(part: &[u8], file: &[u8]) -> Option<usize> {
    let first = part.get(..ANCHOR.min(part.len()))?;
    let last_at = part.len().saturating_sub(ANCHOR);
    let last = part.get(last_at..)?;
    let by_first = memchr::memmem::find(file, first);
    let by_last = memchr::memmem::find(file, last).and_then(|at| at.checked_sub(last_at));
    by_first
        .or(by_last)
        .filter(|start| start.saturating_add(part.len()) <= file.len())
}

/// Whether bytes are pieces of the file one behind the other, in order and each long enough to be no accident.
fn is_of_pieces(mut part: &[u8], mut file: &[u8]) -> bool {
    while !part.is_empty() {
        let anchor = part.get(..ANCHOR.min(part.len())).unwrap_or_default();
        let Some(at) = memchr::memmem::find(file, anchor) else {
            return false;
        };
        file = file.get(at..).unwrap_or_default();
        let same = part.iter().zip(file).take_while(|(a, b)| a == b).count();
        part = part.get(same..).unwrap_or_default();
        file = file.get(same..).unwrap_or_default();
    }
    true
}

/// A side of which nothing was compared yet.
pub(super) fn beginning(image: &Image, subject: &Subject<'_>) -> Side {
    Side {
        path: subject.facts.path.clone(),
        bytes: subject.facts.bytes,
        sha256: subject.facts.sha256.clone(),
        pairing: subject.pairing,
        equal: None,
        by: Level::Bytes,
        compared_bytes: image.unique_bytes,
        pixels: None,
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one file against the wire, from digest to pixels, in order"
)]
pub(super) fn compare(
    work: &Work<'_>,
    subject: &Subject<'_>,
    direction: SideOfMismatch,
) -> Compared {
    let image = work.image;
    let mut side = beginning(image, subject);
    let plain = |side| Compared {
        side,
        difference: None,
        size: None,
        alike: false,
    };
    let digest_equal = work.sha256 == Some(subject.facts.sha256.as_str());
    if digest_equal && !open_end(image) {
        side.equal = Some(true);
        return plain(side);
    }
    let carriage = Carriage {
        chunk_size: image.chunk_size,
        chunks: image.chunks.as_ref(),
        protocol: &image.protocol,
        transport: work
            .stream
            .map_or(TransportKind::Tcp, |stream| stream.transport),
        open_end: open_end(image),
        around: around(work),
        encoded: image.encoded_bytes,
    };
    let (Some(wire), Some(file)) = (work.wire, subject.bytes) else {
        // Digests alone: a difference without its place. With bytes missing not even that.
        if work.sha256.is_some() && !open_end(image) && digests_tell(work, subject, direction) {
            side.equal = Some(false);
            let mut compared = plain(side);
            compared.difference = Some((by_digest(image, subject, direction), Kind::Other));
            return compared;
        }
        side.compared_bytes = 0;
        return plain(side);
    };
    if super::is_range(work)
        && direction == SideOfMismatch::SenderToWire
        && let Some(part) = wire.whole()
        && part.len() < file.len()
    {
        return of_range(work, subject, (part, wire), side, &carriage);
    }
    let mut raw_size = None;
    let raw = image.is_raw_pixels();
    let picture = if raw {
        likeness::in_rows(file, wire)
    } else {
        None
    };
    if image.protocol == Protocol::Fixed(Fixed::RtpJpeg) && !image.complete {
        // What is missing moves what follows.
        side.compared_bytes = 0;
        return plain(side);
    }
    let rebuilt = (image.protocol == Protocol::Fixed(Fixed::RtpJpeg))
        .then(|| rebuilt(wire, file))
        .flatten();
    if rebuilt.is_some() {
        side.by = Level::Pixels;
    }
    let wire = rebuilt.as_ref().unwrap_or(wire);
    let Found {
        mut equal,
        compared,
        mut difference,
    } = match &picture {
        Some(picture) => {
            side.by = Level::Pixels;
            raw_size = Some((picture.width(), picture.height()));
            let layout = work.evidence.map(|evidence| evidence.form);
            let rows = match layout {
                Some(Form::Pixels(layout, ..)) => layout.pixels(picture),
                _ => likeness::rows_of(picture, wire),
            };
            bytes::compare(wire, &rows, direction, &carriage)
        }
        None => bytes::compare(wire, file, direction, &carriage),
    };
    taken_wrongly(work, picture.as_ref(), wire, &mut difference);
    if let Some(picture) = &picture {
        let nearly = levels(
            work,
            subject,
            direction,
            picture,
            (&mut equal, &mut difference),
        );
        if nearly {
            side.by = Level::Similar;
        }
    }
    side.equal = equal;
    side.compared_bytes = compared;
    let mut resembles = false;
    let rewritten = matches!(difference, Some((_, Kind::Rewritten)));
    if equal == Some(false)
        && (work.level > Level::Bytes || rewritten || raw)
        && let Some(pixels) = likened(wire, file, picture, direction)
    {
        side.pixels = Some(pixels);
        let alike = pixels.equal || similar(&pixels, work.thresholds);
        // Of raw pixels a few that differ are a few changed bytes.
        let few = raw && pixels.differing.saturating_mul(100) < compared / 3;
        resembles = !few && (alike || similar(&pixels, RESEMBLES));
        let enough = match work.level {
            Level::Bytes => false,
            Level::Pixels => pixels.equal,
            Level::Similar => alike,
        };
        if work.level > Level::Bytes {
            side.by = work.level;
        }
        if enough {
            side.equal = Some(true);
            difference = None;
        }
    }
    Compared {
        side,
        difference,
        size: raw_size,
        alike: resembles,
    }
}

/// A JPEG whose headers the wire does not carry, with those of the file: where its data are the same pixels under both.
pub(super) fn rebuilt(wire: &Wire, file: &[u8]) -> Option<Wire> {
    let whole = wire.whole()?;
    let own = whole.get(jpeg_scan(whole)?..)?;
    let (headers, data) = file.split_at_checked(jpeg_scan(file)?)?;
    let made = [headers, own].concat();
    if own == data {
        let same = likeness::decoded(whole, None)? == likeness::decoded(file, None)?;
        return same.then(|| Wire::of(made));
    }
    Some(Wire::of(made))
}

/// Raw pixels may differ from a lossy file's by what its decoders differ by, and true is returned where they do; and an alpha
/// channel counts.
pub(super) fn levels(
    work: &Work<'_>,
    subject: &Subject<'_>,
    direction: SideOfMismatch,
    picture: &DynamicImage,
    (equal, difference): (&mut Option<bool>, &mut Option<(Mismatch, Kind)>),
) -> bool {
    let (Some(wire), Some(file)) = (work.wire, subject.bytes) else {
        return false;
    };
    if *equal == Some(false) && likeness::is_lossy(file) && likeness::nearly(wire, picture) {
        *equal = Some(true);
        *difference = None;
        return true;
    }
    if *equal == Some(true)
        && direction == SideOfMismatch::WireToReceiver
        && likeness::hides_pixels(picture)
    {
        let words = "The colours are equal, but the file's alpha channel hides pixels that went without one";
        *equal = Some(false);
        *difference = Some((told(work.image, subject, direction, words), Kind::Other));
    }
    false
}

/// Pictures that are one, encoded differently; others are not nearly so alike.
pub(super) const RESEMBLES: Thresholds = Thresholds {
    psnr: 22.0,
    ssim: 0.7,
};

pub(super) fn similar(pixels: &Pixels, least: Thresholds) -> bool {
    let psnr = pixels.psnr.is_some_and(|psnr| psnr >= least.psnr);
    let ssim = pixels.ssim.is_some_and(|ssim| ssim >= least.ssim);
    psnr && ssim
}

/// The pixels of both, where both can be decoded.
pub(super) fn likened(
    wire: &Wire,
    file: &[u8],
    picture: Option<DynamicImage>,
    direction: SideOfMismatch,
) -> Option<Pixels> {
    let whole = wire.whole()?;
    let raw_width = picture.as_ref().map(DynamicImage::width);
    let on_wire = likeness::decoded(whole, raw_width)?;
    let in_file = match picture {
        Some(picture) => picture,
        None => likeness::decoded(file, None)?,
    };
    Some(match direction {
        SideOfMismatch::SenderToWire => likeness::pixels(&in_file, &on_wire),
        _ => likeness::pixels(&on_wire, &in_file),
    })
}

/// Whether another digest is another picture. A file's is not where the wire carries its pixels, or has it under other headers, nor
/// where a picture may be encoded afresh; what a ledger says is of the bytes themselves.
fn digests_tell(work: &Work<'_>, subject: &Subject<'_>, direction: SideOfMismatch) -> bool {
    let image = work.image;
    let of_ledger = subject.facts.path.is_none();
    let other_bytes = image.is_raw_pixels()
        || image.protocol == Protocol::Fixed(Fixed::RtpJpeg)
        || work.level > Level::Bytes;
    let part = super::is_range(work) && direction == SideOfMismatch::SenderToWire;
    of_ledger || !(other_bytes || part)
}

pub(super) fn by_digest(image: &Image, subject: &Subject<'_>, side: SideOfMismatch) -> Mismatch {
    let (expected_bytes, actual_bytes) = match side {
        SideOfMismatch::SenderToWire => (subject.facts.bytes, image.bytes),
        _ => (image.bytes, subject.facts.bytes),
    };
    Mismatch::by_digest(
        side,
        expected_bytes,
        actual_bytes,
        "Another digest; the bytes themselves were not compared (a ledger has none, and large files need \
         --limit-compare)"
            .to_owned(),
    )
}

/// Whether the two files are equal; absent where that cannot be told.
pub(super) fn files_equal(
    work: &Work<'_>,
    sent: Option<&Compared>,
    received: Option<&Compared>,
) -> Option<bool> {
    let (sent, received) = (sent?, received?);
    if sent.side.sha256 == received.side.sha256 {
        return Some(true);
    }
    match (sent.side.equal, received.side.equal) {
        (Some(true), Some(true)) => Some(true),
        (Some(true), Some(false)) | (Some(false), Some(true)) => Some(false),
        // Two picture files of the same raw pixels may differ.
        _ if work.image.is_raw_pixels() || work.level > Level::Bytes => None,
        _ => Some(false),
    }
}

/// The two files against each other, where the capture lacks what would tell which side they differ on.
pub(super) fn direct(
    work: &Work<'_>,
    sent: Option<&Compared>,
    received: Option<&Compared>,
) -> Option<(Mismatch, Kind)> {
    let (sent, received) = (sent?, received?);
    let untold = sent.side.equal.is_none() || received.side.equal.is_none();
    if !untold || files_equal(work, Some(sent), Some(received)) != Some(false) {
        return None;
    }
    let carriage = Carriage {
        chunk_size: work.image.chunk_size,
        chunks: work.image.chunks.as_ref(),
        protocol: &work.image.protocol,
        transport: TransportKind::Tcp,
        open_end: false,
        around: Around::default(),
        encoded: None,
    };
    let (sent, received) = (work.sent?.bytes?, work.received?.bytes?);
    // Two other pictures that were taken for one where the capture lacks most of it.
    let close = closeness(&Wire::of(sent.to_vec()), received);
    if close.common.saturating_mul(2) < close.of {
        return None;
    }
    bytes::difference(sent, received, SideOfMismatch::SenderToReceiver, &carriage)
}

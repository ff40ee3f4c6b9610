//! One picture: its files against the wire, the verdict, whose side it is.

use image::DynamicImage;

use super::bytes::{self, Carriage, Found, Kind};
use super::pairing::FileFacts;
use super::wire::Wire;
use super::{findings, likeness, rows};
use crate::findings::{Certainty, Finding, Name};
use crate::ledger::comparison::{
    Blame, Blamed, Comparison, Level, Mismatch, PairedBy, Pixels, Rows, Side, SideOfMismatch,
};
use crate::ledger::{Closed, GapCause, Image, Stream, TransportKind, Verdict};

/// Which sides the user gave files of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// `--sent`, or a ledger of the sender.
    pub sent: bool,
    /// `--received`, or a ledger of the receiver.
    pub received: bool,
}

/// When two pictures count as similar: both have to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Least PSNR in dB.
    pub psnr: f64,
    /// Least SSIM.
    pub ssim: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            psnr: 30.0,
            ssim: 0.9,
        }
    }
}

/// A file that belongs to a picture.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// The file.
    pub facts: &'s FileFacts,
    /// How it was found.
    pub pairing: PairedBy,
    /// Its bytes; absent where only a ledger tells of it, or where it is larger than the limit.
    pub bytes: Option<&'s [u8]>,
}

/// What there is to compare of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Work<'w> {
    /// Its account.
    pub image: &'w Image,
    /// Its stream's account.
    pub stream: Option<&'w Stream>,
    /// SHA-256 of its bytes; absent where some are missing.
    pub sha256: Option<&'w str>,
    /// Its captured bytes; absent where its digest tells all, or where it is larger than the limit.
    pub wire: Option<&'w Wire>,
    /// The sender's file.
    pub sent: Option<Subject<'w>>,
    /// The receiver's file.
    pub received: Option<Subject<'w>>,
    /// Which sides were given.
    pub asked: Asked,
    /// How much has to be equal.
    pub level: Level,
    /// What similar means.
    pub thresholds: Thresholds,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// What was compared; absent where nothing was.
    pub comparison: Option<Comparison>,
    /// Findings that only the files show.
    pub findings: Vec<Finding>,
    /// Width and height of raw pixels, learnt from the files.
    pub size: Option<(u32, u32)>,
}

/// One side, compared.
struct Compared {
    side: Side,
    difference: Option<(Mismatch, Kind)>,
    /// Width and height of the file's pixels, where the wire carries raw ones.
    size: Option<(u32, u32)>,
    alike: bool,
}

/// Compares a picture with its files and judges.
pub fn picture(work: &Work<'_>) -> Outcome {
    let sent = work
        .sent
        .map(|subject| compare(work, &subject, SideOfMismatch::SenderToWire));
    let received = work
        .received
        .map(|subject| compare(work, &subject, SideOfMismatch::WireToReceiver));
    let mut found = Vec::new();
    let certainty = certainty(work.image);
    for compared in [&sent, &received].into_iter().flatten() {
        if let Some((mismatch, kind)) = &compared.difference {
            found.extend(findings::of_mismatch(
                work.image,
                mismatch,
                kind,
                compared.side.pixels.as_ref(),
                compared.alike,
                certainty,
            ));
        }
    }
    let ends = ends(work);
    let size = [&sent, &received]
        .into_iter()
        .flatten()
        .find(|compared| compared.side.equal == Some(true))
        .and_then(|compared| compared.size);
    let equal_files = files_equal(work, sent.as_ref(), received.as_ref());
    let direct = direct(work, sent.as_ref(), received.as_ref());
    let (sent, sent_differs) = split(sent);
    let (received, received_differs) = split(received);
    let (mut first, mut second) = (sent_differs, received_differs);
    if first.is_none() || (second.is_some() && ends.receiver_reset) {
        std::mem::swap(&mut first, &mut second);
    }
    let first = first.or(direct);
    let verdict = verdict(
        work,
        ends,
        sent.as_ref(),
        received.as_ref(),
        first.is_some(),
    );
    let blame = blame(work, ends, verdict, first.as_ref(), &found);
    let (mut mismatch, mut also) = (first.map(|(m, _)| m), second.map(|(m, _)| m));
    for mismatch in [&mut mismatch, &mut also].into_iter().flatten() {
        mismatch.rows = rows_of(work, mismatch);
    }
    let nothing = sent.is_none() && received.is_none() && blame.is_none();
    Outcome {
        verdict,
        comparison: (!nothing).then_some(Comparison {
            level: work.level,
            sent,
            received,
            sent_equals_received: equal_files,
            mismatch,
            also,
            blame,
        }),
        findings: found,
        size,
    }
}

fn split(compared: Option<Compared>) -> (Option<Side>, Option<(Mismatch, Kind)>) {
    match compared {
        Some(compared) => (Some(compared.side), compared.difference),
        None => (None, None),
    }
}

/// The capture ended before the picture did.
fn open_end(image: &Image) -> bool {
    image.verdict == Verdict::Inconclusive && image.gaps.is_empty()
}

fn compare(work: &Work<'_>, subject: &Subject<'_>, direction: SideOfMismatch) -> Compared {
    let image = work.image;
    let mut side = Side {
        path: subject.facts.path.clone(),
        bytes: subject.facts.bytes,
        sha256: subject.facts.sha256.clone(),
        pairing: subject.pairing,
        equal: None,
        by: Level::Bytes,
        compared_bytes: image.unique_bytes,
        pixels: None,
    };
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
    };
    let (Some(wire), Some(file)) = (work.wire, subject.bytes) else {
        // Digests alone: a difference without its place. With bytes missing not even that.
        if work.sha256.is_some() && !open_end(image) {
            side.equal = Some(false);
            let mut compared = plain(side);
            compared.difference = Some((by_digest(image, subject, direction), Kind::Other));
            return compared;
        }
        side.compared_bytes = 0;
        return plain(side);
    };
    let mut raw_size = None;
    let raw = image.is_raw_pixels();
    let picture = if raw {
        likeness::decoded(file, None)
    } else {
        None
    };
    let Found {
        equal,
        compared,
        mut difference,
    } = match &picture {
        Some(picture) => {
            side.by = Level::Pixels;
            raw_size = Some((picture.width(), picture.height()));
            let rows = likeness::bgr24_rows(picture);
            bytes::compare(wire, &rows, direction, &carriage)
        }
        None => bytes::compare(wire, file, direction, &carriage),
    };
    side.equal = equal;
    side.compared_bytes = compared;
    let mut alike = false;
    let rewritten = matches!(difference, Some((_, Kind::Rewritten)));
    if equal == Some(false)
        && (work.level > Level::Bytes || rewritten || raw)
        && let Some(pixels) = likened(wire, file, picture, direction)
    {
        side.pixels = Some(pixels);
        alike = pixels.equal || similar(&pixels, work.thresholds);
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
        alike,
    }
}

fn similar(pixels: &Pixels, least: Thresholds) -> bool {
    let psnr = pixels.psnr.is_some_and(|psnr| psnr >= least.psnr);
    let ssim = pixels.ssim.is_some_and(|ssim| ssim >= least.ssim);
    psnr && ssim
}

/// The pixels of both, where both can be decoded.
fn likened(
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

fn by_digest(image: &Image, subject: &Subject<'_>, side: SideOfMismatch) -> Mismatch {
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
fn files_equal(
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
fn direct(
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
    };
    let (sent, received) = (work.sent?.bytes?, work.received?.bytes?);
    bytes::difference(sent, received, SideOfMismatch::SenderToReceiver, &carriage)
}

fn verdict(
    work: &Work<'_>,
    ends: Ends,
    sent: Option<&Side>,
    received: Option<&Side>,
    differs: bool,
) -> Verdict {
    if differs {
        return Verdict::Mismatch;
    }
    let equal = |side: Option<&Side>| side.and_then(|side| side.equal) == Some(true);
    let told = |side: Option<&Side>| side.is_none_or(|side| side.equal.is_some());
    // A receiver of whom a file was asked and that has none saved nothing, or elsewhere.
    let nothing_saved = work.asked.received && received.is_none();
    match work.image.verdict {
        Verdict::Inconclusive => Verdict::Inconclusive,
        // A broken file, sent and carried as it is.
        Verdict::Incomplete
            if equal(sent) && told(received) && !nothing_saved && !ends.any_reset() =>
        {
            Verdict::Match
        }
        Verdict::Incomplete | Verdict::Mismatch => Verdict::Incomplete,
        Verdict::Unverified | Verdict::Match => {
            let any = equal(sent) || equal(received);
            if any && told(sent) && told(received) && !nothing_saved {
                Verdict::Match
            } else {
                Verdict::Unverified
            }
        }
    }
}

/// How the stream ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    sender_closed: bool,
    sender_reset: bool,
    receiver_reset: bool,
}

impl Ends {
    fn any_reset(self) -> bool {
        self.sender_reset || self.receiver_reset
    }
}

fn ends(work: &Work<'_>) -> Ends {
    let image = work.image;
    let mut ends = Ends::default();
    for direction in work.stream.iter().flat_map(|stream| &stream.directions) {
        match (direction.from == image.from, direction.closed) {
            (true, Some(Closed::Fin)) => ends.sender_closed = true,
            (true, Some(Closed::Reset)) => ends.sender_reset = true,
            (false, Some(Closed::Reset)) => ends.receiver_reset = true,
            (false, Some(Closed::Fin)) | (_, None) => {}
        }
    }
    ends
}

/// How sure it is that what was captured reached the receiver's machine.
fn certainty(image: &Image) -> Certainty {
    if findings::one_machine(image.from, image.to) {
        Certainty::Proven
    } else {
        Certainty::Likely
    }
}

/// Whose side it is.
fn blame(
    work: &Work<'_>,
    ends: Ends,
    verdict: Verdict,
    first: Option<&(Mismatch, Kind)>,
    found: &[Finding],
) -> Option<Blame> {
    let blame = |who, why: &str| {
        Some(Blame {
            who,
            why: why.to_owned(),
        })
    };
    let udp = work
        .stream
        .is_some_and(|stream| stream.transport == TransportKind::Udp);
    match verdict {
        Verdict::Match => None,
        Verdict::Unverified => {
            if work.asked.received && work.received.is_none() {
                blame(
                    Blamed::Unknown,
                    "the wire has the whole picture, but no received file belongs to it; the file that the receiver \
                     saved would tell",
                )
            } else {
                None
            }
        }
        Verdict::Inconclusive => blame(
            Blamed::Capture,
            if open_end(work.image) {
                "the capture ended before the picture did; one that goes on to the end would tell"
            } else {
                "it lacks bytes of the picture; whether they were right only a capture without gaps can tell"
            },
        ),
        Verdict::Incomplete => Some(cut(work, ends)),
        Verdict::Mismatch => {
            let (mismatch, kind) = first?;
            match (mismatch.side, kind) {
                (SideOfMismatch::SenderToReceiver, _) => blame(
                    Blamed::Unknown,
                    "the two files differ where the capture lacks bytes; a capture without gaps would tell the side",
                ),
                (SideOfMismatch::SenderToWire, Kind::CutShort { .. }) => Some(cut(work, ends)),
                (SideOfMismatch::SenderToWire, _)
                    if found.iter().any(|finding| finding.name == Name::ReEncoded) =>
                {
                    blame(
                        Blamed::Sender,
                        "it put the picture on the socket encoded afresh, not the file's bytes",
                    )
                }
                (SideOfMismatch::SenderToWire, _) => blame(
                    Blamed::Sender,
                    "the bytes were different when they came onto the wire",
                ),
                (SideOfMismatch::WireToReceiver, _) if ends.receiver_reset => blame(
                    Blamed::Receiver,
                    "it reset the connection before it had read everything",
                ),
                (SideOfMismatch::WireToReceiver, _)
                    if udp && certainty(work.image) != Certainty::Proven =>
                {
                    blame(
                        Blamed::Unknown,
                        "the bytes are on the wire where it was captured, not in the file: lost behind that place or in the \
                         receiver; a capture taken on the receiving machine would tell",
                    )
                }
                (SideOfMismatch::WireToReceiver, _) => blame(
                    Blamed::Receiver,
                    "the wire has the right bytes, its file does not",
                ),
            }
        }
    }
}

/// Whose side it is that a picture is cut short on the wire.
fn cut(work: &Work<'_>, ends: Ends) -> Blame {
    let lost = work
        .image
        .gaps
        .iter()
        .any(|gap| gap.cause == GapCause::NeverAcknowledged);
    let (who, why) = if lost {
        (
            Blamed::Network,
            "bytes went out of the stream that nobody acknowledged and that were not sent again",
        )
    } else if ends.receiver_reset {
        (
            Blamed::Receiver,
            "it reset the connection before the picture was over",
        )
    } else if ends.sender_reset {
        (
            Blamed::Sender,
            "it reset the connection before the picture was over",
        )
    } else if ends.sender_closed {
        (
            Blamed::Sender,
            "it closed the connection before it had sent everything",
        )
    } else {
        (
            Blamed::Unknown,
            "nothing more came, and nobody closed; a log of the sending program, or a capture that goes on for longer, \
             would tell",
        )
    };
    Blame {
        who,
        why: why.to_owned(),
    }
}

/// Rows of pixels that a mismatch begins at, by the picture that was whole.
fn rows_of(work: &Work<'_>, mismatch: &Mismatch) -> Option<Rows> {
    let first = mismatch.first_difference?;
    if work.image.is_raw_pixels() {
        let (width, height) = [work.sent, work.received]
            .into_iter()
            .flatten()
            .find_map(|subject| likeness::decoded(subject.bytes?, None))
            .map(|picture| (picture.width(), picture.height()))?;
        return rows::raw(first, width, height);
    }
    let whole = match mismatch.side {
        SideOfMismatch::WireToReceiver => work.wire.and_then(Wire::whole),
        _ => work.sent.and_then(|subject| subject.bytes),
    }?;
    rows::of(whole, first)
}

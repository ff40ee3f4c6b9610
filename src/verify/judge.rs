//! One picture: its files against the wire, the verdict, whose side it is.

mod compared;
mod untold;

use image::DynamicImage;

use compared::{Compared, compare, direct, files_equal, told};
use untold::{
    cleared, is_fragment, is_joined, is_of_another, is_part, is_twofold, is_urgent, padded,
    took_all, took_other, unknown,
};

use super::blame::{Ends, Unsure, announced_less, blame, certainty, ends, is_printed, says};
use super::bytes::Kind;
use super::evidence::Form;
use super::mistakes::{self, Around, Mistake};
use super::pairing::FileFacts;
use super::reconcile::{Evidence, Lie};
use super::wire::Wire;
use super::{findings, likeness, rows};
use crate::align::View;
use crate::findings::{Finding, Name};
use crate::ledger::comparison::{
    Blame, Blamed, Comparison, Level, Mismatch, PairedBy, Rows, Side, SideOfMismatch,
};
use crate::ledger::{Confidence, Image, Problem, Stream, TransportKind, Verdict};
use crate::wire::{Encoding, Protocol};

/// Which sides the user gave files of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    /// `--sent`, or a ledger of the sender.
    pub sent: bool,
    /// `--received`, or a ledger of the receiver.
    pub received: bool,
}

/// When two pictures count as similar: both have to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Thresholds {
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
pub(crate) struct Subject<'s> {
    /// The file.
    pub facts: &'s FileFacts,
    /// How it was found.
    pub pairing: PairedBy,
    /// Its bytes; absent where only a ledger tells of it, or where it is larger than the limit.
    pub bytes: Option<&'s [u8]>,
}

/// What is known beside the bytes of a picture and its files, and bears on the verdict.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other"
)]
#[derive(Debug, Clone, Default)]
pub(crate) struct Knowledge {
    /// Bytes of its stream may have gone by that the capture does not have.
    pub lacks: bool,
    /// There was no room to look for the files where it is: what differs may be a file that imgnet did not find.
    pub unsearched: bool,
    /// Frames are missing from the capture that could be anything.
    pub lacks_frames: bool,
    /// What reached the receiver's machine, as far as the capture shows.
    pub arrival: Arrival,
    /// Bytes of it that were acknowledged; absent where all were, and where that cannot be told.
    pub acknowledged: Option<u64>,
    /// Some of what was sent lies beside the pictures, and nothing explains it: how many bytes.
    pub strays: u64,
    /// They may be the fields of a trailer, in a framing that nobody knows.
    pub trailer: bool,
    /// So many other bytes beside it may be framing, or too many, and nothing tells.
    pub unsure: u64,
    /// Some of what was sent lies beside the pictures of a known wire format, and the capture lacks what may explain it.
    pub hidden: bool,
    /// Its direction was not over when the capture ended.
    pub goes_on: bool,
    /// What has it encoded is not written as its encoding asks for, or ends too early.
    pub garbled: bool,
    /// The message that has it says lengths that are not those of what is in it (HTTP's chunks, a form).
    pub misframed: bool,
    /// The received file that it is compared with equals a file sent.
    pub received_is_sent: bool,
    /// That a file sent belongs to it is expected: others of the same sender have theirs, or one is left over.
    pub wants_sent: bool,
    /// It lies in parts of something that were asked for one by one (HTTP 206): that others were not is nobody's fault.
    pub ranged: bool,
    /// One of these parts is a part of no file that was given.
    pub odd_part: bool,
    /// It went through a data connection of FTP in TYPE A: that both sides undid what that does is luck.
    pub type_a: bool,
    /// Urgent bytes came with its stream, and nothing tells whether its receiver read them in it.
    pub urgent: bool,
    /// It and pictures of other connections are together as long as the file sent, which somebody received, or of which nobody asked: they
    /// may be its parts.
    pub in_parts: bool,
    /// It may be the rest of a file from a place on that the other side named: the beginning was there already.
    pub resumed: bool,
    /// Bytes of the stream before it and behind it.
    pub before: Vec<u8>,
    /// The same, behind it.
    pub after: Vec<u8>,
}

/// What reached the receiver's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Arrival {
    /// All, or nothing speaks against it.
    #[default]
    Whole,
    /// The receiver acknowledged all and then reset the connection: whether its program read it cannot be told.
    Reset,
    /// Not all of it was acknowledged before the connection was over.
    Partly,
    /// Nothing tells: datagrams, or a capture without the other direction, or without its end.
    Unknown,
}

/// What there is to compare of a picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'w> {
    /// What is known beside.
    pub knowledge: &'w Knowledge,
    /// What the files' bytes in the stream say of it; absent where nothing.
    pub evidence: Option<&'w Evidence>,
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
pub(crate) struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// What was compared; absent where nothing was.
    pub comparison: Option<Comparison>,
    /// Findings that only the files show.
    pub findings: Vec<Finding>,
    /// Width and height of raw pixels, learnt from the files.
    pub size: Option<(u32, u32)>,
    /// It is a part of a file of which the rest went over the wire in a form that is not known.
    pub fragment: bool,
}

/// Compares a picture with its files and judges.
pub(crate) fn picture(work: &Work<'_>) -> Outcome {
    let sent = work
        .sent
        .map(|subject| compare(work, &subject, SideOfMismatch::SenderToWire));
    let received = work
        .received
        .map(|subject| compare(work, &subject, SideOfMismatch::WireToReceiver));
    let (mut sent, mut received) = (sent, received);
    shape(work, sent.as_ref(), received.as_mut());
    cleared(work, &mut sent, &mut received);
    took_all(work, sent.as_ref(), &mut received);
    took_other(work, &mut received);
    of_stream(work, &mut sent, &mut received);
    let part = is_part(work, &mut sent, &mut received);
    let unknown = unknown(work, &mut sent, &mut received) | is_of_another(work, &mut received);
    let twofold = is_twofold(work, &mut sent, &mut received);
    let urgent = is_urgent(work, &mut sent, &mut received);
    let mut found = if urgent {
        Vec::new()
    } else {
        found_in(work, sent.as_ref(), received.as_ref())
    };
    let padded = padded(&mut sent, &mut received);
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
    // What the sender itself put on the wire comes first, unless the receiver broke it off.
    let made = matches!(&first, Some((_, kind)) if !kind.is_cut());
    if first.is_none() || (second.is_some() && ends.receiver_reset && !made) {
        std::mem::swap(&mut first, &mut second);
    }
    let mut first = first.or(direct.filter(|_| !padded));
    of_senders(work, &mut first, &mut found);
    took_as_announced(
        work,
        second.as_ref().filter(|_| first.is_some()),
        &mut found,
    );
    header_left_out(work, &mut first, &mut second, &mut found);
    if is_printed(work) && received.as_ref().and_then(|side| side.equal) != Some(true) {
        found.push(findings::printed(work.image, work.asked.received));
    }
    if !found.iter().any(|one| one.name == Name::StaleBuffer) {
        found.extend(stale_behind(work));
    }
    let joined = part && is_joined(work);
    let verdict = if (unknown || twofold || urgent) && first.is_none() {
        Verdict::Inconclusive
    } else if joined {
        Verdict::Match
    } else if part {
        Verdict::Unverified
    } else {
        verdict(
            work,
            ends,
            sent.as_ref(),
            received.as_ref(),
            first.is_some(),
        )
    };
    let blame = nobodys(work, padded && first.is_none(), part && !joined).or_else(|| {
        let unsure = match (urgent, twofold) {
            (true, _) => Unsure::Urgent,
            (false, true) => Unsure::Twofold,
            (false, false) => Unsure::No,
        };
        blame(work, ends, verdict, first.as_ref(), &found, unsure)
    });
    let (mut mismatch, mut also) = (first.map(|(m, _)| m), second.map(|(m, _)| m));
    for mismatch in [&mut mismatch, &mut also].into_iter().flatten() {
        // Whoever made it, these two were compared.
        if work.sent.is_none() && mismatch.side == SideOfMismatch::SenderToWire {
            mismatch.side = SideOfMismatch::WireToReceiver;
        }
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
            converted: converted(work, joined),
            urgent,
        }),
        findings: found,
        size,
        fragment: part && is_fragment(work),
    }
}

/// A receiver that took as much as was announced, of what the sender itself had changed, did not stop.
fn took_as_announced(work: &Work<'_>, second: Option<&(Mismatch, Kind)>, found: &mut Vec<Finding>) {
    if second.is_some_and(|(mismatch, kind)| announced_less(work, mismatch, kind).is_some()) {
        found.retain(|finding| finding.name != Name::ReceiverStopped);
    }
}

/// What the receiver did as it was told, or saved as it came, is the sender's: the difference, and what was found of it.
fn of_senders(work: &Work<'_>, first: &mut Option<(Mismatch, Kind)>, found: &mut Vec<Finding>) {
    if let Some((mismatch, kind)) = first
        && sent_so(work, mismatch, kind)
    {
        // What the receiver saved is what was sent: more than the picture.
        mismatch.side = SideOfMismatch::SenderToWire;
        let of_file = [Name::ReadPastEnd, Name::PiecesMisplaced];
        found.retain(|finding: &Finding| !of_file.contains(&finding.name));
        if matches!(kind, Kind::Rewritten | Kind::Other) {
            found.push(findings::mixed(work.image));
        }
    }
    if work.knowledge.misframed {
        let of_receiver = [Name::ReceiverStopped, Name::ReadPastEnd, Name::HeaderInFile];
        found.retain(|finding: &Finding| !of_receiver.contains(&finding.name));
    }
    if let Some((mismatch, Kind::Mistake(Mistake::Stopped { at, .. }))) = first
        && in_blocks(work, *at)
    {
        mismatch.side = SideOfMismatch::SenderToWire;
        found.retain(|finding: &Finding| finding.name != Name::ReceiverStopped);
        found.push(findings::in_blocks(work.image, *at));
    }
    if let Some((mismatch, kind)) = first
        && let Some(said) = announced_less(work, mismatch, kind)
    {
        found.retain(|finding: &Finding| finding.name != Name::ReceiverStopped);
        found.push(findings::wrong_size(work.image, said));
    }
}

/// The length counts the picture and not what stands between the two: who reads so many bytes has that, and the picture without its end,
/// which the stream has behind them. That is the sender's, and all of it is one difference.
fn header_left_out(
    work: &Work<'_>,
    first: &mut Option<(Mismatch, Kind)>,
    second: &mut Option<(Mismatch, Kind)>,
    found: &mut Vec<Finding>,
) {
    let of = |side| {
        let both = [&*first, &*second].into_iter().flatten();
        both.into_iter()
            .find(move |(mismatch, _)| mismatch.side == side)
    };
    let (Some((saved, Kind::Mistake(Mistake::Header { bytes }))), Some((wire, cut))) = (
        of(SideOfMismatch::WireToReceiver),
        of(SideOfMismatch::SenderToWire),
    ) else {
        return;
    };
    let bytes = *bytes;
    let sent = work.sent.and_then(|subject| subject.bytes);
    let rest = sent.and_then(|sent| sent.get(sent.len().checked_sub(bytes)?..));
    let counted = cut.is_cut()
        && saved.actual_bytes == wire.expected_bytes
        && wire.expected_bytes.checked_sub(wire.actual_bytes) == Some(bytes as u64);
    if counted && rest.is_some_and(|rest| work.knowledge.after.starts_with(rest)) {
        found.retain(|finding| finding.name != Name::HeaderInFile);
        found.push(findings::header_left_out(work.image, bytes));
        if first
            .as_ref()
            .is_some_and(|(one, _)| one.side == SideOfMismatch::WireToReceiver)
        {
            std::mem::swap(first, second);
        }
        *second = None;
    }
}

/// What is nobody's fault.
fn nobodys(work: &Work<'_>, padded: bool, part: bool) -> Option<Blame> {
    let why = match (padded, part) {
        (false, true) if work.knowledge.resumed => {
            "it is the rest of the file from the place on that the other side named: the beginning was there already"
        }
        (false, true) if !work.knowledge.in_parts && is_fragment(work) => {
            "a part of the file lies there as it is, and the received file equals the file sent: the rest travelled in a form that imgnet \
             does not know"
        }
        (false, true) if !work.asked.received || !work.asked.sent => {
            "it is a part of the file, and other connections carry the rest"
        }
        (true, _) => {
            "the whole picture arrived; the received file goes on with the padding that fills its last datagram"
        }
        (false, true) => {
            "it is a part of the file, other connections carry the rest, and the received file equals the file sent"
        }
        (false, false) => return None,
    };
    Some(Blame {
        who: Blamed::Nobody,
        why: why.to_owned(),
    })
}

/// What the differences show.
fn found_in(work: &Work<'_>, sent: Option<&Compared>, received: Option<&Compared>) -> Vec<Finding> {
    let certainty = certainty(work.image);
    let mut found = Vec::new();
    for compared in [sent, received].into_iter().flatten() {
        if let Some((mismatch, kind)) = &compared.difference
            && !never_reached(work, mismatch)
        {
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
    found
}

/// Whether only a part of the file sent was asked for.
pub(super) fn is_range(work: &Work<'_>) -> bool {
    work.image.is_range() || work.knowledge.ranged
}

/// Whether a difference is of bytes that the receiver did not acknowledge: they need not have reached it.
pub(super) fn never_reached(work: &Work<'_>, mismatch: &Mismatch) -> bool {
    mismatch.side == SideOfMismatch::WireToReceiver
        && matches!(
            (mismatch.first_difference, work.knowledge.acknowledged),
            (Some(first), Some(acknowledged)) if first >= acknowledged
        )
}

/// How the picture's bytes were converted on the wire, where the evidence shows it and the wire format does not.
fn converted(work: &Work<'_>, joined: bool) -> Option<String> {
    if joined {
        return Some("as a part of the file, of which other connections carry the rest".to_owned());
    }
    let Form::View(view) = work.evidence?.form else {
        return None;
    };
    let told = matches!(work.image.protocol, Protocol::Encoded(..));
    (view != View::Bytes && !told).then(|| view.words().to_owned())
}

/// Whether what the receiver saved beyond the picture was sent so by mistake.
fn sent_so(work: &Work<'_>, mismatch: &Mismatch, kind: &Kind) -> bool {
    mismatch.side == SideOfMismatch::WireToReceiver
        && match kind {
            // The wire has them, too.
            Kind::Mistake(Mistake::Stale { bytes, .. }) => {
                let file = work.received.and_then(|subject| subject.bytes);
                let tail = file.and_then(|file| file.get(file.len().checked_sub(*bytes)?..));
                tail.is_some_and(|tail| work.knowledge.after.starts_with(tail))
            }
            // No header begins so, and it was sent.
            Kind::Mistake(Mistake::TextMark) => {
                work.knowledge.before.ends_with(mistakes::TEXT_MARK)
            }
            // All that came: nothing says where the picture ends in it.
            Kind::Mistake(Mistake::ReadOn { .. } | Mistake::Doubled { .. })
                if work.image.protocol == Protocol::Carve && is_all_that_came(work) =>
            {
                true
            }
            // The picture is broken off where its wire format ends it, and goes on as the receiver has it.
            Kind::Mistake(Mistake::ReadOn { .. })
                if matches!(
                    work.image.problem,
                    Some(Problem::Unfinished { .. } | Problem::Broken { .. })
                ) =>
            {
                true
            }
            // Pieces of others stand between its own, and the receiver saved the stream as it came.
            Kind::Rewritten | Kind::Other => is_mixed(work),
            // All that nothing explains, or what the sender announced.
            Kind::Mistake(Mistake::ReadOn { bytes }) => {
                *bytes as u64 == work.knowledge.strays
                    || (work.image.protocol == Protocol::Carve || work.knowledge.strays > 0)
                        && announced(work, mismatch.actual_bytes)
                    || before_marker(work, *bytes)
            }
            _ => false,
        }
}

/// What the receiver saved is a piece of the stream, and a mistake of the sender makes exactly it of the file sent: what was taken for
/// the picture between is not.
fn of_stream(work: &Work<'_>, sent: &mut Option<Compared>, received: &mut Option<Compared>) {
    let (Some(file), Some(saved), Some(one), Some(other)) = (
        work.sent.and_then(|subject| subject.bytes),
        work.received.and_then(|subject| subject.bytes),
        sent,
        received,
    ) else {
        return;
    };
    let slice = work.evidence.is_some_and(|evidence| evidence.slice);
    let (true, Some((mismatch, kind))) = (slice && other.difference.is_some(), &mut one.difference)
    else {
        return;
    };
    let side = SideOfMismatch::SenderToWire;
    if let Some(mistake @ Mistake::CutAtNul { .. }) =
        mistakes::of(file, saved, side, Around::default())
    {
        mismatch.damage = mistake.words(Around::default());
        mismatch.actual_bytes = saved.len() as u64;
        *kind = Kind::Mistake(mistake);
        other.difference = None;
        other.side.equal = None;
    }
}

/// Whether blocks of so many bytes were encoded as Base64 each by itself: the text is as long as they are together, and the padding of
/// the first one ends what a decoder takes.
fn in_blocks(work: &Work<'_>, block: usize) -> bool {
    let (image, block) = (work.image, block as u64);
    let letters = |bytes: u64| bytes.div_ceil(3).saturating_mul(4);
    let Some(encoded) = image.encoded_bytes else {
        return false;
    };
    let Some((blocks, rest)) = image
        .bytes
        .checked_div(block)
        .zip(image.bytes.checked_rem(block))
    else {
        return false;
    };
    let together = blocks
        .saturating_mul(letters(block))
        .saturating_add(letters(rest));
    !block.is_multiple_of(3) && encoded == together && encoded != letters(image.bytes)
}

/// Whether pieces of other pictures stand between its own with nothing to tell them apart, and the received file is the stream as it
/// came.
fn is_mixed(work: &Work<'_>) -> bool {
    work.evidence
        .is_some_and(|evidence| evidence.slice && evidence.lie == Lie::Irregular)
}

/// Whether the received file has as many bytes as its stream, and the picture is the first of them.
fn is_all_that_came(work: &Work<'_>) -> bool {
    let way = work.stream.and_then(|stream| {
        let mut ways = stream.directions.iter();
        ways.find(|one| one.from == work.image.from)
    });
    let all = way
        .filter(|way| way.gap_bytes == 0)
        .map(|way| way.unique_bytes);
    let received = work.received.map(|subject| subject.facts.bytes);
    work.image.offset == 0 && all.is_some() && all == received
}

/// Whether so many bytes lie between the picture and its end marker: whoever reads up to the marker has them.
fn before_marker(work: &Work<'_>, bytes: usize) -> bool {
    let Protocol::Marker(marker) = &work.image.protocol else {
        return false;
    };
    let rest = work.knowledge.after.get(bytes..);
    rest.is_some_and(|rest| rest.starts_with(marker))
}

/// Whether a number before the picture says this length, and not the picture's.
fn announced(work: &Work<'_>, length: u64) -> bool {
    /// Headers are not longer.
    const HEADER: usize = 64;
    let before = &work.knowledge.before;
    let header = before
        .get(before.len().saturating_sub(HEADER)..)
        .unwrap_or_default();
    length > 1 << 8 && says(header, length) && !says(header, work.image.bytes)
}

/// The bytes behind the picture that nothing explains are those that a buffer held from the round before.
fn stale_behind(work: &Work<'_>) -> Option<Finding> {
    let strays = usize::try_from(work.knowledge.strays).ok()?;
    let whole = work.wire?.whole()?;
    // All that follows, where it was taken for a message by chance.
    let after = work.knowledge.after.as_slice();
    let tails = [after.get(..strays)?, after].into_iter();
    tails.filter(|tail| !tail.is_empty()).find_map(|tail| {
        let made = [whole, tail].concat();
        let buffer = mistakes::stale(whole.len(), &made)?;
        Some(findings::stale_behind(work.image, buffer, tail.len()))
    })
}

/// What stands around the picture.
fn around<'w>(work: &Work<'w>) -> Around<'w> {
    Around {
        before: &work.knowledge.before,
        after: &work.knowledge.after,
    }
}

/// Raw pixels have no width of their own: the two files have to have the same.
fn shape(work: &Work<'_>, sent: Option<&Compared>, received: Option<&mut Compared>) {
    let (Some(sent), Some(received)) = (sent, received) else {
        return;
    };
    let (Some(expected), Some(found)) = (sent.size, received.size) else {
        return;
    };
    let Some(subject) = work.received else {
        return;
    };
    if expected == found || received.side.equal != Some(true) {
        return;
    }
    let swapped = expected == (found.1, found.0);
    let damage = format!(
        "The same bytes as {}×{} pixels instead of {}×{}{}",
        found.0,
        found.1,
        expected.0,
        expected.1,
        if swapped {
            ": width and height are swapped (an array's shape is height, width, channels)"
        } else {
            ": the rows are sheared"
        }
    );
    let mismatch = told(
        work.image,
        &subject,
        SideOfMismatch::WireToReceiver,
        &damage,
    );
    received.side.equal = Some(false);
    received.difference = Some((mismatch, Kind::Misread));
}

/// The received file holds what went over the wire, taken in a wrong way: names it.
fn taken_wrongly(
    work: &Work<'_>,
    picture: Option<&DynamicImage>,
    wire: &Wire,
    difference: &mut Option<(Mismatch, Kind)>,
) {
    let Some((mismatch, kind)) = difference else {
        return;
    };
    if mismatch.side != SideOfMismatch::WireToReceiver {
        return;
    }
    if let Some(words) = picture.and_then(|picture| channels(work, picture, wire)) {
        words.clone_into(&mut mismatch.damage);
        *kind = Kind::Misread;
    } else if work.evidence.is_some_and(|evidence| evidence.verbatim)
        && matches!(kind, Kind::Other | Kind::Rewritten)
        && let Some(view) = compressed(work)
    {
        let mistake = Mistake::LeftEncoded(view);
        mismatch.damage = mistake.words(around(work));
        *kind = Kind::Mistake(mistake);
    } else if work.evidence.is_some_and(|evidence| evidence.verbatim)
        && matches!(kind, Kind::Other | Kind::Rewritten)
    {
        mismatch.damage = Mistake::FramingKept.words(around(work));
        *kind = Kind::Mistake(Mistake::FramingKept);
    }
}

/// How the picture is compressed on the wire, if it is.
fn compressed(work: &Work<'_>) -> Option<View> {
    match (
        &work.image.protocol,
        work.evidence.map(|evidence| evidence.form),
    ) {
        (Protocol::Encoded(Encoding::Gzip, _), _) => Some(View::Gzip),
        (Protocol::Encoded(Encoding::Zlib, _), _) => Some(View::Zlib),
        (Protocol::Encoded(Encoding::Deflate, _), _) => Some(View::Deflate),
        (_, Some(Form::View(view @ (View::Gzip | View::Zlib | View::Deflate)))) => Some(view),
        _ => None,
    }
}

/// Pixels of the received file that are the wire's with the channels in another order.
fn channels(work: &Work<'_>, picture: &DynamicImage, wire: &Wire) -> Option<&'static str> {
    let Some(Form::Pixels(layout, ..)) = work.evidence.map(|evidence| evidence.form) else {
        return None;
    };
    let whole = wire.whole()?;
    layout
        .misreadings()
        .iter()
        .find(|(other, _)| other.pixels(picture) == whole)
        .map(|(_, words)| *words)
}

fn split(compared: Option<Compared>) -> (Option<Side>, Option<(Mismatch, Kind)>) {
    match compared {
        Some(compared) => (Some(compared.side), compared.difference),
        None => (None, None),
    }
}

/// The capture ended before the picture did.
pub(super) fn open_end(image: &Image) -> bool {
    image.verdict == Verdict::Inconclusive && image.gaps.is_empty()
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
    let knowledge = work.knowledge;
    let without_partner = knowledge.wants_sent && sent.is_none();
    let irregular = work
        .evidence
        .is_some_and(|evidence| evidence.lie == Lie::Irregular);
    let doubtful = nothing_saved
        || without_partner
        || irregular
        || knowledge.garbled
        || knowledge.odd_part
        || knowledge.strays > 0;
    let found = match work.image.verdict {
        Verdict::Inconclusive => Verdict::Inconclusive,
        // What was asked for came; all of it was not asked for.
        _ if is_range(work) && !equal(sent) => Verdict::Unverified,
        // A broken file, sent and carried as it is.
        Verdict::Incomplete
            if equal(sent) && told(received) && !nothing_saved && !ends.any_reset() =>
        {
            Verdict::Match
        }
        Verdict::Incomplete if knowledge.lacks || is_guessed_piece(work, sent, received) => {
            Verdict::Inconclusive
        }
        Verdict::Incomplete | Verdict::Mismatch => Verdict::Incomplete,
        Verdict::Unverified | Verdict::Match => {
            let any = equal(sent) || equal(received);
            if any && told(sent) && told(received) {
                Verdict::Match
            } else {
                Verdict::Unverified
            }
        }
    };
    let unsure = knowledge.unsure > 0 && !equal(received);
    match found {
        Verdict::Match if doubtful => Verdict::Unverified,
        // What was not captured may show it.
        Verdict::Match if knowledge.hidden => Verdict::Inconclusive,
        Verdict::Match if unsure && (knowledge.lacks || knowledge.goes_on) => Verdict::Inconclusive,
        Verdict::Match if unsure => Verdict::Unverified,
        // Its file says that it arrived.
        Verdict::Match if equal(received) => Verdict::Match,
        Verdict::Match => match knowledge.arrival {
            Arrival::Whole => Verdict::Match,
            Arrival::Reset | Arrival::Unknown => Verdict::Unverified,
            Arrival::Partly => Verdict::Incomplete,
        },
        found => found,
    }
}

/// Whether datagrams, in a framing that was guessed, are a piece of a picture of which no file is known: others may be missing from
/// the capture.
fn is_guessed_piece(work: &Work<'_>, sent: Option<&Side>, received: Option<&Side>) -> bool {
    let asked = work.asked.sent || work.asked.received;
    let guessed = work.stream.is_some_and(|stream| {
        stream.transport == TransportKind::Udp && stream.confidence != Some(Confidence::Given)
    });
    guessed && asked && sent.is_none() && received.is_none()
}

/// Rows of pixels that a mismatch begins at, by the picture that was whole.
fn rows_of(work: &Work<'_>, mismatch: &Mismatch) -> Option<Rows> {
    let first = mismatch.first_difference?;
    if work.image.is_raw_pixels() {
        let (width, height) = [work.sent, work.received]
            .into_iter()
            .flatten()
            .find_map(|subject| match work.wire {
                Some(wire) => likeness::in_rows(subject.bytes?, wire),
                None => likeness::decoded(subject.bytes?, None),
            })
            .map(|picture| (picture.width(), picture.height()))?;
        return rows::raw(first, width, height);
    }
    let whole = match mismatch.side {
        SideOfMismatch::WireToReceiver => work.wire.and_then(Wire::whole),
        _ => work.sent.and_then(|subject| subject.bytes),
    }?;
    rows::of(whole, first)
}

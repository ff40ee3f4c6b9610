//! The rules: which facts make which finding.
//!
//! Each rule says what happened in one plain sentence and how to fix it in another. A loss in the capture is
//! never called a loss on the network, and a finding that only follows from another one is a note.

mod capture;
mod closing;
mod framing;
mod marker;
mod opening;
mod servers;
mod silence;
mod stray;
mod tcp;
mod udp;

pub use capture::{
    compare_limit, disk_full, file_cut_short, fragment_lost, fragments_lost, interface_away,
    kernel_drops, memory_limit, of_capture, stream_limit,
};
pub use servers::{Ended, Servers};

use super::facts::{DirectionFacts, Frames, NAMED, PictureFacts, StreamFacts};
use super::{Certainty, Finding, Name, Severity};
use crate::ledger::{Image, Stream, TransportKind};
use crate::picture::Status;
use crate::units::{FrameNumber, PictureId, Timestamp, duration};

/// All findings of one stream.
pub fn of_stream(stream: &Stream, images: &[Image], facts: &StreamFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, direction) in facts.directions.iter().enumerate() {
        let view = View {
            stream,
            images,
            index,
            all: facts,
            facts: direction,
            other: facts.directions.get(1 - index.min(1)),
        };
        framing::rules(&view, &mut findings);
        marker::rules(&view, &mut findings);
        closing::rules(&view, &mut findings);
        findings.extend(silence::sender_stopped(&view));
        findings.extend(stray::stray_bytes(&view));
        findings.extend(opening::wrong_byte_order(&view));
        findings.extend(opening::mixed_byte_order(&view));
        match stream.transport {
            TransportKind::Tcp => tcp::rules(&view, &mut findings),
            TransportKind::Udp => udp::rules(&view, &mut findings),
        }
        capture::of_direction(&view, &mut findings);
    }
    findings.extend(capture::started_late(stream, facts));
    findings.extend(closing::empty_request(stream, facts));
    findings.extend(silence::no_answer(stream, facts, images));
    findings.extend(opening::rules(stream, facts));
    if facts.limited {
        findings.push(capture::waiting_limit(stream));
    }
    subordinate(&mut findings);
    misframed(&mut findings);
    doubt(stream, facts, &mut findings);
    modest(stream, &mut findings);
    findings
}

/// Where the capture lacks a part of the stream, what follows from something not being there is no proof.
fn doubt(stream: &Stream, facts: &StreamFacts, findings: &mut [Finding]) {
    let ended_unseen = |one: &DirectionFacts| {
        one.fin.is_none()
            && one
                .acknowledged
                .is_some_and(|acknowledged| acknowledged > one.span)
    };
    // How a receiver reads urgent bytes the capture does not show.
    let urgent = |one: &DirectionFacts| !one.troubles.urgent.is_empty();
    let unsure = |one: &DirectionFacts| ended_unseen(one) || urgent(one);
    if !stream.lacks() && !facts.directions.iter().any(unsure) {
        return;
    }
    for finding in findings {
        if finding.severity == Severity::Error && finding.name != Name::ConflictingRetransmission {
            finding.certainty = finding.certainty.min(Certainty::Likely);
        }
    }
}

/// A framing that was guessed, or worked out from one message, proves nothing.
fn modest(stream: &Stream, findings: &mut [Finding]) {
    if stream.is_confirmed() {
        return;
    }
    for finding in findings {
        if finding.name.needs_format() && finding.certainty == Certainty::Proven {
            finding.certainty = Certainty::Likely;
        }
    }
}

/// What follows from a cause that is found, too: of the cause, and of what follows from it.
const CONSEQUENCES: &[(Name, &[Name])] = &[
    (
        Name::UrgentData,
        &[
            Name::MissingInside,
            Name::EarlyClose,
            Name::LengthMismatch,
            Name::ImplausibleLength,
            Name::MarkerMissing,
            Name::TrailingBytes,
            Name::StrayBytes,
        ],
    ),
    (
        Name::MarkerUnanswered,
        &[
            Name::ResetMidTransfer,
            Name::UnreadDataReset,
            Name::EarlyClose,
            Name::NeverClosed,
            Name::NoEndOfStream,
            Name::ZeroWindow,
            Name::NoAnswer,
        ],
    ),
    (
        Name::WrongByteOrder,
        &[
            Name::ResetMidTransfer,
            Name::UnreadDataReset,
            Name::EarlyClose,
            Name::NeverClosed,
            Name::NoEndOfStream,
            Name::NoAnswer,
        ],
    ),
    (
        Name::NoEndOfStream,
        &[Name::UnreadDataReset, Name::NeverClosed, Name::NoAnswer],
    ),
    (
        Name::TextMode,
        &[
            Name::MissingInside,
            Name::StrayBytes,
            Name::ImplausibleLength,
            Name::LengthMismatch,
            Name::TrailingBytes,
        ],
    ),
    (
        Name::ResetMidTransfer,
        &[
            Name::NeverClosed,
            Name::LengthMismatch,
            Name::Retransmission,
        ],
    ),
    (
        Name::EarlyClose,
        &[Name::MissingInside, Name::LengthMismatch],
    ),
    (
        Name::ZeroWindow,
        &[
            Name::Retransmission,
            Name::SpuriousRetransmission,
            Name::Stall,
        ],
    ),
    (
        Name::ConflictingRetransmission,
        &[Name::Retransmission, Name::MissingInside],
    ),
    (Name::WrongChecksum, &[Name::Retransmission]),
    (Name::FieldsGlued, &[Name::UnreadDataReset]),
];

/// One mistake shows several times: as itself, and as what it broke. The second is only a consequence, and a note. A hang
/// that somebody ended by closing is one of them.
fn subordinate(findings: &mut [Finding]) {
    for &(cause, consequences) in CONSEQUENCES {
        // A note explains nothing that is worse.
        let Some((severity, first, last)) = findings
            .iter()
            .filter(|finding| finding.name == cause && finding.severity > Severity::Note)
            .map(|finding| {
                let frames = &finding.packets;
                (
                    finding.severity,
                    frames.first().copied(),
                    frames.last().copied(),
                )
            })
            .next()
        else {
            continue;
        };
        // What ends a hang comes after it; the rest may be seen before the cause is.
        let from = if cause == Name::MarkerUnanswered {
            last
        } else {
            None
        };
        // What is sent while the buffer fills up may be dropped before it is said to be full.
        let slow = cause == Name::ZeroWindow && severity < Severity::Error;
        let from = if slow { first } else { from };
        for finding in findings.iter_mut() {
            let follows = consequences.contains(&finding.name)
                && finding.severity > Severity::Note
                && (finding.severity <= severity || cause == Name::UrgentData)
                && finding.packets.last().copied() >= from;
            if follows {
                match cause {
                    Name::MarkerUnanswered => {
                        finding.only_follows("the marker that was never answered");
                    }
                    Name::ZeroWindow => finding.only_follows("the full buffer of the receiver"),
                    Name::UrgentData => finding.only_follows("the urgent byte"),
                    other => finding.only_follows(&format!("the {other} above")),
                }
            }
        }
    }
}

/// A length that is not the picture's shifts all that follows, and bytes left out are missing at the end: what is found of that is
/// a consequence.
fn misframed(findings: &mut [Finding]) {
    let broken: Vec<PictureId> = findings
        .iter()
        .filter(|finding| {
            finding.name == Name::MissingInside && finding.severity == Severity::Error
        })
        .filter_map(|finding| finding.image)
        .collect();
    for finding in findings.iter_mut() {
        let of_it = finding.image.is_some_and(|image| broken.contains(&image));
        if finding.name == Name::EarlyClose && of_it {
            finding.only_follows(Name::MissingInside.as_str());
        }
    }
    let cause = findings
        .iter()
        .filter(|finding| matches!(finding.name, Name::LengthMismatch | Name::WrongSizeGiven))
        .filter_map(|finding| Some((finding.name, *finding.packets.first()?)))
        .min_by_key(|(_, frame)| *frame);
    let Some((name, frame)) = cause else {
        return;
    };
    for finding in findings {
        let follows = matches!(
            finding.name,
            Name::ImplausibleLength | Name::StrayBytes | Name::UnreadDataReset
        ) && finding.packets.first().is_some_and(|first| *first >= frame);
        if follows && finding.severity > Severity::Note {
            finding.only_follows(name.as_str());
        }
    }
}

/// A finding with the catalogue's severity, proven, about nothing in particular.
fn finding(name: Name, message: String, fix: &str) -> Finding {
    Finding {
        name,
        severity: name.severity(),
        certainty: Certainty::Proven,
        stream: None,
        image: None,
        packets: Vec::new(),
        more_packets: 0,
        message,
        fix: fix.to_owned(),
    }
}

/// One direction of a stream with all that is known of it.
struct View<'f> {
    stream: &'f Stream,
    images: &'f [Image],
    index: usize,
    all: &'f StreamFacts,
    facts: &'f DirectionFacts,
    other: Option<&'f DirectionFacts>,
}

impl View<'_> {
    fn finding(
        &self,
        name: Name,
        frames: impl IntoIterator<Item = FrameNumber>,
        message: String,
        fix: &str,
    ) -> Finding {
        let mut packets: Vec<FrameNumber> = frames.into_iter().collect();
        packets.sort_unstable();
        packets.dedup();
        // The first ones and the last.
        let more = packets.len().saturating_sub(NAMED + 1);
        if more > 0 {
            packets.drain(NAMED..NAMED + more);
        }
        Finding {
            stream: Some(self.stream.id),
            packets,
            more_packets: more as u64,
            ..finding(name, message, fix)
        }
    }

    /// As [`Self::finding`], shown by frames of one kind.
    fn of_frames(&self, name: Name, frames: &Frames, message: String, fix: &str) -> Finding {
        Finding {
            image: self.only_picture(),
            more_packets: frames.more(),
            ..self.finding(name, frames.named().iter().copied(), message, fix)
        }
    }

    /// As [`Self::finding`], about a picture.
    fn of_picture(
        &self,
        name: Name,
        picture: &PictureFacts,
        frames: impl IntoIterator<Item = FrameNumber>,
        message: String,
        fix: &str,
    ) -> Finding {
        Finding {
            image: Some(picture.id),
            ..self.finding(name, frames, message, fix)
        }
    }

    fn image(&self, id: PictureId) -> Option<&Image> {
        // In order of their numbers.
        let found = self.images.binary_search_by_key(&id, |image| image.id);
        found.ok().and_then(|index| self.images.get(index))
    }

    /// First and last frame of a picture.
    fn ends(&self, id: PictureId) -> impl Iterator<Item = FrameNumber> + use<> {
        let image = self.image(id);
        let first = image.and_then(|image| image.first_packet);
        let last = image.and_then(|image| image.last_packet);
        first.into_iter().chain(last)
    }

    fn image_at(&self, offset: u64) -> Option<PictureId> {
        // They lie one behind the other.
        let pictures = &self.facts.pictures;
        let behind = pictures.partition_point(|picture| picture.range.start <= offset);
        let picture = pictures.get(behind.checked_sub(1)?)?;
        picture.range.contains(&offset).then_some(picture.id)
    }

    /// The only picture of the direction; absent where there are none or several.
    fn only_picture(&self) -> Option<PictureId> {
        match self.facts.pictures.as_slice() {
            [picture] => Some(picture.id),
            _ => None,
        }
    }

    /// Who sends in this direction.
    fn sender(&self) -> String {
        party(self.stream, self.index)
    }

    fn receiver(&self) -> String {
        party(self.stream, 1 - self.index.min(1))
    }

    /// Time from a moment to another one, or to the end of the capture.
    fn since(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Option<i64> {
        Some(to.or(self.all.capture_end)?.since(from?))
    }

    fn is_idle(&self, nanoseconds: i64) -> bool {
        u128::from(nanoseconds.max(0).unsigned_abs()) > self.all.idle.as_nanos()
    }
}

/// One side, in words: who connected is the client, where the capture shows it.
fn party(stream: &Stream, index: usize) -> String {
    let Some(direction) = stream.directions.get(index) else {
        return "one side".to_owned();
    };
    let from = direction.from;
    match (stream.transport, stream.initiator) {
        (TransportKind::Tcp, Some(initiator)) if initiator == index => format!("the client {from}"),
        (TransportKind::Tcp, Some(_)) => format!("the server {from}"),
        _ => from.to_string(),
    }
}

/// A sentence's beginning.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn seconds(nanoseconds: i64) -> String {
    duration(nanoseconds, true)
}

fn is_whole(picture: &PictureFacts) -> bool {
    matches!(picture.structure, Some((Status::Whole { .. }, _)))
}

/// "JPEG", or "picture" where it is no known one.
fn kind(picture: &PictureFacts) -> String {
    picture
        .structure
        .as_ref()
        .map_or_else(|| "picture".to_owned(), |(_, info)| info.format.to_string())
}

fn length(picture: &PictureFacts) -> u64 {
    picture.range.end - picture.range.start
}

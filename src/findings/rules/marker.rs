//! End markers: answered or not, where they stand, and what a receiver makes of them.

use super::{View, capital, is_whole, kind, length, seconds};
use crate::findings::facts::{Mark, PictureFacts};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::picture::Status;
use crate::units::{FrameNumber, count, counted};
use crate::wire::{Ending, Protocol, StreamEnd};

pub(super) const FIX: &str = "In the receiver: append what each recv() returns to a buffer, and stop when the buffer ends \
                               with the marker; better, send the length before the picture.";

pub(super) fn rules(view: &View<'_>, findings: &mut Vec<Finding>) {
    let unanswered = unanswered(view);
    if unanswered.is_none() {
        findings.extend(risk(view));
    }
    findings.extend(unanswered);
    for picture in &view.facts.pictures {
        findings.extend(inside(view, picture));
        findings.extend(missing(view, picture));
    }
}

/// The last picture and its marker were acknowledged, and whoever should go on never did.
fn unanswered(view: &View<'_>) -> Option<Finding> {
    // What the listening side sends on an accepted connection the other side has to answer: with data or with FIN.
    // An upload may be answered on other connections only: `servers` looks at those.
    if view
        .stream
        .initiator
        .is_none_or(|initiator| initiator == view.index)
    {
        return None;
    }
    let mark = view.facts.last_marker.as_deref()?;
    let (acknowledged, _) = mark.acknowledged?;
    let silence = Silence::after(mark, acknowledged, view)?;
    let picture = mark
        .picture
        .and_then(|id| view.facts.pictures.iter().find(|picture| picture.id == id))?;
    let image = view.image(picture.id);
    // Who connected and said nothing before is a worker, and has to send its result; who sent a picture before has it
    // back now, and nothing in the capture says that more than closing is due.
    let sent_before = view
        .other
        .is_some_and(|other| other.pictures.iter().any(|sent| sent.ended < mark.frame));
    let worker = picture.protocol == Protocol::pipeline() && !sent_before;
    let receiver = if worker {
        view.receiver().replacen("client", "worker", 1)
    } else {
        view.receiver()
    };
    let frames = view
        .ends(picture.id)
        .chain([mark.frame, acknowledged])
        .chain(silence.frame);
    let explained = explanation(
        length(picture),
        image.and_then(|image| image.chunk_size),
        mark,
        image.and_then(|image| image.last_packet),
    );
    let found = view.of_picture(
        Name::MarkerUnanswered,
        picture,
        frames,
        format!(
            "{} sent a {} ({} bytes) and the end marker (frame {}). {} acknowledged both (frame {acknowledged}) and then sent \
             nothing for {}, {}. {explained}",
            capital(&view.sender()),
            if is_whole(picture) {
                "whole picture"
            } else {
                "picture"
            },
            count(length(picture)),
            mark.frame,
            capital(&receiver),
            seconds(silence.nanoseconds),
            silence.until,
        ),
        FIX,
    );
    Some(Finding {
        certainty: if worker && !silence.late {
            Certainty::Proven
        } else {
            Certainty::Likely
        },
        // Who closed its side waits for nothing any more.
        severity: if silence.late {
            Severity::Warning
        } else {
            found.severity
        },
        ..found
    })
}

/// How long a receiver sent nothing after it had acknowledged the marker.
struct Silence {
    nanoseconds: i64,
    /// What ended it, in words.
    until: String,
    /// The frame that did.
    frame: Option<FrameNumber>,
    /// The sender had closed its side by then, soon after the marker.
    late: bool,
}

impl Silence {
    /// Absent where the receiver went on within the idle limit, or bytes of it are missing from the capture.
    ///
    /// That it closes at last is no answer: a program that somebody ends closes too. Data is one, however late.
    fn after(mark: &Mark, acknowledged: FrameNumber, view: &View<'_>) -> Option<Self> {
        let (_, since) = mark.acknowledged?;
        let other = view.other?;
        let unseen = view
            .stream
            .directions
            .get(1 - view.index.min(1))
            .is_none_or(|direction| direction.gap_bytes > 0);
        if unseen || other.lacks_acknowledged() {
            return None;
        }
        let closed = [view.facts.fin, view.facts.reset]
            .into_iter()
            .flatten()
            .min();
        let before = |frame: FrameNumber| closed.is_none_or(|closed| frame < closed);
        let went_on = other
            .last_data
            .is_some_and(|(frame, _)| frame >= acknowledged && before(frame));
        if went_on {
            return None;
        }
        let own_end = [other.fin, other.reset].into_iter().flatten().min();
        let until_own_end = || {
            let frame = own_end?;
            let nanoseconds = view.since(since, other.closing)?;
            view.is_idle(nanoseconds).then(|| Self {
                nanoseconds,
                until: format!("until it closed itself, unanswered (frame {frame})"),
                frame: Some(frame),
                late: false,
            })
        };
        if own_end.is_some_and(before) {
            return until_own_end();
        }
        let nanoseconds = view.since(since, view.facts.closing)?;
        if view.is_idle(nanoseconds) {
            return Some(Self {
                nanoseconds,
                until: match closed {
                    Some(frame) => format!("until {} closed (frame {frame})", view.sender()),
                    None => "as long as the capture went on".to_owned(),
                },
                frame: closed,
                late: false,
            });
        }
        // The sender closed at once, and a receiver that looks for the marker alone takes no notice of that either.
        let answered_late = other
            .last_data
            .is_some_and(|(frame, _)| frame >= acknowledged);
        if view.facts.reset.or(other.reset).is_some() || answered_late {
            return None;
        }
        let nanoseconds = view.since(since, other.closing)?;
        let closed = closed?;
        view.is_idle(nanoseconds).then(|| Self {
            nanoseconds,
            until: format!(
                "although {} closed its side (frame {closed}){}",
                view.sender(),
                match own_end {
                    Some(frame) => format!("; it closed only in frame {frame}"),
                    None => String::new(),
                }
            ),
            frame: own_end.or(Some(closed)),
            late: true,
        })
    }
}

/// Why a receiver that compares one `recv` with the marker does not see it.
pub(super) fn explanation(
    bytes: u64,
    chunk: Option<u64>,
    mark: &Mark,
    last: Option<FrameNumber>,
) -> String {
    let marker = mark.bytes;
    let cause = format!(
        "Cause: it waits for one recv() that returns exactly the {marker} marker bytes. TCP keeps no such borders"
    );
    let Some(chunk) = chunk.filter(|&chunk| chunk > marker) else {
        return format!("{cause}.");
    };
    let (full, rest) = (bytes / chunk, bytes % chunk);
    let segments = if last.is_some_and(|last| last < mark.frame) {
        ", although they were two segments"
    } else {
        ""
    };
    let pieces = match full {
        0 => String::new(),
        _ => format!(
            ": {} are {} of {} and {} more",
            counted(bytes, "byte", "bytes"),
            counted(full, "chunk", "chunks"),
            counted(chunk, "byte", "bytes"),
            count(rest)
        ),
    };
    if rest == 0 {
        format!(
            "{cause}: where not all had come when it began to read, its recv({chunk}) calls cut the bytes at other places than \
             the sender did."
        )
    } else if rest + marker <= chunk {
        format!(
            "{cause}{pieces}; the last {} and the marker came out of one recv({chunk}){segments}.",
            counted(rest, "byte", "bytes")
        )
    } else {
        format!(
            "{cause}{pieces}; behind the last {} only a part of the marker fits into one recv({chunk}), and the rest came \
             with the next one.",
            counted(rest, "byte", "bytes")
        )
    }
}

/// Nothing happened, but it can.
fn risk(view: &View<'_>) -> Option<Finding> {
    let risky = |picture: &&PictureFacts| {
        let chunk = view.image(picture.id).and_then(|image| image.chunk_size);
        picture.ending == Ending::Marker
            && chunk.is_some_and(|chunk| chunk > 0 && !length(picture).is_multiple_of(chunk))
    };
    let mut pictures = view.facts.pictures.iter().filter(risky);
    let picture = pictures.next()?;
    let more = pictures.count() as u64;
    let chunk = view.image(picture.id).and_then(|image| image.chunk_size)?;
    Some(Finding {
        certainty: Certainty::Risk,
        ..view.of_picture(
            Name::MarkerRisk,
            picture,
            view.ends(picture.id).skip(1),
            format!(
                "The picture's {} bytes are no whole number of chunks of {} bytes: a receiver that compares one recv() with the \
                 marker sees it only where timing is kind{}.",
                count(length(picture)),
                count(chunk),
                if more == 0 {
                    String::new()
                } else {
                    format!("; {} more in this direction are so too", count(more))
                }
            ),
            FIX,
        )
    })
}

/// The marker came before the picture's own end.
fn inside(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    let walking = matches!(picture.structure, Some((Status::Walking, _)));
    if picture.ending != Ending::Marker || !walking || !picture.gaps.is_empty() {
        return None;
    }
    // They lie one behind the other.
    let pictures = &view.facts.pictures;
    let next = pictures.partition_point(|other| other.range.start <= picture.range.start);
    let more = pictures
        .get(next)
        .is_some_and(|next| next.structure.is_none());
    let why = if more {
        "More bytes follow that begin no picture: the marker's bytes stand in the picture itself, and a receiver that looks for \
         them stops there."
    } else {
        "Either the sender stopped too early, or the marker's bytes stand in the picture itself."
    };
    Some(view.of_picture(
        Name::MarkerInsideImage,
        picture,
        view.ends(picture.id).skip(1),
        format!(
            "The end marker came after {}, before the {}'s end. {why}",
            counted(length(picture), "byte", "bytes"),
            kind(picture)
        ),
        "Send the length before the picture instead of a marker after it: any bytes may stand in a picture; and check that the \
         whole file was read and sent.",
    ))
}

/// The sender closed without the marker.
fn missing(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    let marker = matches!(picture.protocol, Protocol::Marker(_));
    if picture.ending != Ending::Cut(StreamEnd::Fin) || !marker || !is_whole(picture) {
        return None;
    }
    Some(view.of_picture(
        Name::MarkerMissing,
        picture,
        view.ends(picture.id).skip(1).chain(view.facts.fin),
        format!(
            "{} sent a whole {} ({} bytes) and closed without the end marker.",
            capital(&view.sender()),
            kind(picture),
            count(length(picture))
        ),
        "In the sender: send the marker after the last chunk, before closing; in the receiver: take recv() returning nothing for \
         an end as well, and check then whether the picture is whole.",
    ))
}

//! How connections end: too early, by force, too late or never.

use super::{View, capital, finding, is_whole, kind, length, party, seconds};
use crate::findings::facts::{PictureFacts, StreamFacts};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::{Stream, TransportKind};
use crate::picture::Status;
use crate::units::{FrameNumber, count, counted};
use crate::wire::{Ending, Protocol, StreamEnd};

pub(super) fn rules(view: &View<'_>, findings: &mut Vec<Finding>) {
    if view.stream.transport != TransportKind::Tcp {
        return;
    }
    for picture in &view.facts.pictures {
        findings.extend(cut_short(view, picture));
    }
    findings.extend(unread_after_all(view));
    findings.extend(no_end_of_stream(view));
    findings.extend(reset_for_close(view));
    findings.extend(never_closed(view));
}

/// A picture that the end of its stream cut short.
fn cut_short(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    if let Some(refused) = came_too_late(view, picture) {
        return Some(refused);
    }
    let (Ending::Cut(end) | Ending::EndOfStream(end)) = picture.ending else {
        return None;
    };
    let short = match (picture.ending, picture.declared, &picture.structure) {
        (_, Some(_), _) => !is_whole(picture),
        (_, None, Some((status, _))) => *status == Status::Walking,
        // Nothing tells where it ends: only that nobody ends a transfer by force tells that it was not over.
        (_, None, None) => end == StreamEnd::Reset,
    };
    if !short || !picture.gaps.is_empty() {
        return None;
    }
    let bytes = length(picture);
    let came = counted(bytes, "byte", "bytes");
    let expected = match (picture.declared, &picture.structure) {
        (Some(declared), _) => {
            format!(
                "after {} of the {} that it had declared",
                count(bytes),
                counted(declared, "byte", "bytes")
            )
        }
        (None, Some(_)) => format!("after {came}, before the {}'s end", kind(picture)),
        (None, None) => {
            format!("after {came}; nothing in this format says how many were still to come")
        }
    };
    match end {
        StreamEnd::Fin => Some(early_close(view, picture, &expected)),
        StreamEnd::Reset => Some(reset(view, picture, &expected)),
        StreamEnd::Unfinished | StreamEnd::Idle => None,
    }
}

/// Bytes of the picture came when its receiver had closed already, and were answered with RST. That they reached no program
/// is so whatever the wire format.
fn came_too_late(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    let other = view.other?;
    let reset = other.reset?;
    let sent = view.facts.span.min(picture.range.end);
    let acknowledged = view
        .facts
        .acknowledged
        .unwrap_or(0)
        .clamp(picture.range.start, picture.range.end);
    let late = sent.saturating_sub(acknowledged);
    let seen = view.facts.saw_syn && other.saw_syn && picture.gaps.is_empty();
    // Who broke it off itself waits for no acknowledgment any more.
    let own = view.facts.reset.is_some_and(|own| own < reset);
    if late == 0 || !seen || own {
        return None;
    }
    let whole = counted(sent.saturating_sub(picture.range.start), "byte", "bytes");
    let bytes = counted(late, "other byte", "other bytes");
    let (were, they) = if late == 1 {
        ("was", "it")
    } else {
        ("were", "they")
    };
    let before = count(acknowledged.saturating_sub(picture.range.start));
    let after = view
        .facts
        .last_data
        .is_some_and(|(frame, _)| Some(frame) > other.fin);
    let how = match other.fin {
        Some(fin) if after => format!(
            "closed the connection (FIN, frame {fin}) when it had acknowledged {before} of the {whole} sent. The {bytes} \
             came after that and {were} answered with RST (frame {reset}): {they} reached no program."
        ),
        _ => format!(
            "reset the connection (RST, frame {reset}) when it had acknowledged {before} of the {whole} sent. The \
             {bytes} reached no program."
        ),
    };
    Some(view.of_picture(
        Name::ResetMidTransfer,
        picture,
        view.ends(picture.id)
            .skip(1)
            .chain(other.fin)
            .chain([reset]),
        format!(
            "{}, the receiver of the picture, {how}",
            capital(&view.receiver())
        ),
        "In the receiver: call recv() in a loop, until the declared length is there or recv() returns nothing, and close only \
         then; one recv() is not one send().",
    ))
}

fn early_close(view: &View<'_>, picture: &PictureFacts, expected: &str) -> Finding {
    let frames = view.ends(picture.id).skip(1).chain(view.facts.fin);
    let fin = view
        .facts
        .fin
        .map_or_else(String::new, |frame| format!(" (FIN, frame {frame})"));
    view.of_picture(
        Name::EarlyClose,
        picture,
        frames,
        format!(
            "{} closed the connection{fin} {expected}.",
            capital(&view.sender())
        ),
        "In the sender: send everything (sendall in Python, write_all in Rust) before closing, and check what send returned; \
         in the receiver: compare what came with what was announced before calling it a picture.",
    )
}

fn reset(view: &View<'_>, picture: &PictureFacts, expected: &str) -> Finding {
    let by_receiver = view.other.and_then(|other| other.reset);
    let by_sender = view.facts.reset;
    let receiver_first = by_receiver.is_some_and(|frame| by_sender.is_none_or(|own| frame < own));
    let (who, side, frame) = if receiver_first {
        (capital(&view.receiver()), "the receiver", by_receiver)
    } else {
        (capital(&view.sender()), "the sender", by_sender)
    };
    let at = frame.map_or_else(String::new, |frame| format!(" (RST, frame {frame})"));
    let frames: Vec<FrameNumber> = view.ends(picture.id).skip(1).chain(frame).collect();
    if !receiver_first {
        return view.of_picture(
            Name::ResetMidTransfer,
            picture,
            frames,
            format!("{who}, {side} of the picture, reset the connection{at} {expected}."),
            "In the sender: shut down and close instead of aborting, after everything was sent; look for an exception that \
             ended the program, and for SO_LINGER with time 0.",
        );
    }
    let unread = all_acknowledged(view);
    let why = if unread {
        " It had acknowledged every byte that came, so its program closed the socket, or ended, while bytes lay there that \
         it had not read."
    } else {
        " Its socket was closed already when these bytes came."
    };
    let message =
        format!("{who}, {side} of the picture, reset the connection{at} {expected}.{why}");
    // Without length and structure nobody knows whether one more recv() would have been enough.
    let known = picture.declared.is_some() || picture.structure.is_some();
    if unread && known {
        Finding {
            certainty: Certainty::Likely,
            ..view.of_picture(
                Name::UnreadDataReset,
                picture,
                frames,
                format!("{message} A program that calls recv() once does that."),
                "In the receiver: call recv() in a loop, until the declared length is there or recv() returns nothing, and \
                 close only then.",
            )
        }
    } else {
        let found = view.of_picture(
            Name::ResetMidTransfer,
            picture,
            frames,
            message,
            "In the receiver: read until the picture is whole before closing; one recv() is not one send(), so gather bytes \
             until a whole row (or message) is there.",
        );
        Finding {
            // All that was sent had been acknowledged: that more was to come, only the format says.
            certainty: if !unread || view.stream.is_confirmed() {
                Certainty::Proven
            } else {
                Certainty::Likely
            },
            ..found
        }
    }
}

/// Everything that was sent was acknowledged, by the RST itself at the latest.
fn all_acknowledged(view: &View<'_>) -> bool {
    view.facts.span > 0
        && view
            .facts
            .acknowledged
            .is_some_and(|acknowledged| acknowledged >= view.facts.span)
}

/// The receiver reset the connection after a whole picture had come.
fn unread_after_all(view: &View<'_>) -> Option<Finding> {
    let picture = view.facts.pictures.last()?;
    let other = view.other?;
    let frame = other.reset.filter(|_| other.fin.is_none())?;
    let whole = is_whole(picture) && picture.gaps.is_empty() && all_acknowledged(view);
    whole.then(|| Finding {
        severity: Severity::Warning,
        certainty: Certainty::Likely,
        ..view.of_picture(
            Name::UnreadDataReset,
            picture,
            view.ends(picture.id).skip(1).chain([frame]),
            format!(
                "The picture is whole on the wire and all of it was acknowledged, but {} then reset the connection (RST, frame \
                 {frame}) instead of closing it: its program closed the socket while bytes lay there that it had not read. \
                 What it saved is probably short.",
                view.receiver()
            ),
            "In the receiver: call recv() in a loop, until the declared length is there or recv() returns nothing, and close \
             only then.",
        )
    })
}

/// The picture is whole, and nobody says that it is over.
fn no_end_of_stream(view: &View<'_>) -> Option<Finding> {
    let [picture] = view.facts.pictures.as_slice() else {
        return None;
    };
    let (certainty, waits) = match picture.ending {
        Ending::EndOfStream(StreamEnd::Unfinished) => (Certainty::Proven, is_whole(picture)),
        // A format that is not known may have another end; one with anything before the picture has.
        Ending::Structure => (Certainty::Likely, picture.range == (0..view.facts.span)),
        Ending::EndOfStream(StreamEnd::Fin) => (Certainty::Likely, false),
        _ => return None,
    };
    let reset = view.other.and_then(|other| other.reset);
    let closed = view.facts.fin.or(view.facts.reset).or(reset).is_some();
    let (frame, time) = view.facts.last_data?;
    let answered = view
        .other
        .and_then(|other| other.last_data)
        .is_some_and(|(answer, _)| answer > frame);
    // A receiver that closes before the sender said that it is over did not get what it waited for: it was ended.
    let theirs = view.other.and_then(|other| other.closing);
    let ended = theirs.filter(|theirs| view.facts.closing.is_none_or(|own| *theirs <= own));
    let silence = view.since(time, ended)?;
    let (certainty, open) = match ended {
        Some(_) => (Certainty::Likely, true),
        None => (certainty, !closed && view.all.idle_at_end),
    };
    let waits = waits
        || (ended.is_some()
            && is_whole(picture)
            && picture.range == (0..view.facts.span)
            && !matches!(picture.ending, Ending::Marker | Ending::Length)
            && reset.is_none());
    let idle = open && view.is_idle(silence);
    (waits && !answered && idle && picture.gaps.is_empty()).then(|| Finding {
        certainty,
        ..view.of_picture(
            Name::NoEndOfStream,
            picture,
            view.ends(picture.id),
            format!(
                "{} sent a whole {} ({} bytes, the last in frame {frame}) and then neither closed nor sent anything for {}: \
                 in this format only closing says that the picture is over, so {} still waits.",
                capital(&view.sender()),
                kind(picture),
                count(length(picture)),
                seconds(silence),
                view.receiver()
            ),
            "In the sender: close the socket (or shutdown(SHUT_WR)) after the last byte; or send the length before the picture, \
             so that nobody has to wait for the end.",
        )
    })
}

/// The sender of a whole picture, of which only closing says that it is over, reset the connection in place of closing it.
fn reset_for_close(view: &View<'_>) -> Option<Finding> {
    let [picture] = view.facts.pictures.as_slice() else {
        return None;
    };
    let to_the_end = matches!(
        picture.ending,
        Ending::Structure | Ending::EndOfStream(StreamEnd::Reset)
    );
    let other = view.other?;
    let reset = view.facts.reset?;
    let (frame, _) = view.facts.last_data?;
    let answered = other.last_data.is_some_and(|(answer, _)| answer > frame);
    let closed = view.facts.fin.or(other.fin).or(other.reset).is_some();
    let alone = picture.range == (0..view.facts.span) && picture.gaps.is_empty();
    if !to_the_end || !is_whole(picture) || !alone || answered || closed {
        return None;
    }
    Some(Finding {
        severity: Severity::Warning,
        certainty: Certainty::Likely,
        ..view.of_picture(
            Name::NoEndOfStream,
            picture,
            view.ends(picture.id).chain([reset]),
            format!(
                "{} sent a whole {} ({} bytes, the last in frame {frame}) and then reset the connection (RST, frame {reset}) in place of \
                 closing it: {} gets an error, no end of the stream, and what it had not read by then may be gone.",
                capital(&view.sender()),
                kind(picture),
                count(length(picture)),
                view.receiver()
            ),
            "In the sender: close the socket without SO_LINGER of 0 seconds, read what the other side sends before, and let the \
             program end in order; shutdown(SHUT_WR) says the end of the stream.",
        )
    })
}

/// One side closed, the other never did.
fn never_closed(view: &View<'_>) -> Option<Finding> {
    let other = view.other?;
    let fin = view.facts.fin.filter(|_| view.facts.fin_acknowledged)?;
    if other.fin.or(other.reset).or(view.facts.reset).is_some() || !other.heard {
        return None;
    }
    let silence = view.since(view.facts.closing, None)?;
    if !view.is_idle(silence) || !view.all.idle_at_end {
        return None;
    }
    let both = view
        .all
        .directions
        .iter()
        .flat_map(|direction| &direction.pictures);
    let mut pictures = both.peekable();
    // Where the format itself ends a picture nobody waits for the close.
    let harmless = pictures.peek().is_none()
        || pictures.any(|picture| matches!(picture.ending, Ending::Marker | Ending::Length));
    Some(Finding {
        severity: if harmless {
            Severity::Note
        } else {
            Severity::Warning
        },
        image: view.only_picture(),
        ..view.finding(
            Name::NeverClosed,
            [fin],
            format!(
                "{} closed (FIN, frame {fin}) and this was acknowledged, but {} did not close its side within the {} that the \
                 capture went on.",
                capital(&view.sender()),
                view.receiver(),
                seconds(silence)
            ),
            "Close the socket on that side too once recv() returns nothing (with in Python, drop in Rust): each one left open \
             takes a file descriptor, and whoever waits for its end waits for ever.",
        )
    })
}

/// Somebody connected, and nobody said anything.
pub(super) fn empty_request(stream: &Stream, facts: &StreamFacts) -> Option<Finding> {
    let [first, second] = facts.directions.as_slice() else {
        return None;
    };
    let initiator = stream.initiator?;
    let silent = stream.transport == TransportKind::Tcp
        && [first, second]
            .iter()
            .all(|direction| direction.saw_syn && direction.span == 0);
    if !silent || matches!(facts.expected, Some(Protocol::Marker(_))) {
        // In the pipeline it is the server that speaks first.
        return None;
    }
    let connected = facts.directions.get(initiator)?;
    if !connected.acknowledges {
        // The client never confirmed the answer to its SYN: it did not connect.
        return None;
    }
    let closing = [(0, first), (1, second)]
        .into_iter()
        .filter_map(|(index, direction)| {
            let frame = [direction.fin, direction.reset]
                .into_iter()
                .flatten()
                .min()?;
            Some((frame, direction.closing, index))
        })
        .min_by_key(|(frame, _, _)| *frame);
    let until = closing
        .and_then(|(_, time, _)| time)
        .or(facts.capture_end)?;
    let silence = until.since(stream.started?);
    if u128::from(silence.max(0).unsigned_abs()) <= facts.idle.as_nanos() {
        return None;
    }
    let known = facts.expected == Some(Protocol::Catalog);
    let end = match closing {
        Some((frame, _, index)) => {
            format!("until {} closed (frame {frame})", party(stream, index))
        }
        None => "as long as the capture went on".to_owned(),
    };
    let mut packets = vec![stream.first_packet];
    packets.extend(closing.map(|(frame, _, _)| frame));
    Some(Finding {
        severity: if known {
            Severity::Error
        } else {
            Severity::Warning
        },
        certainty: if known {
            Certainty::Proven
        } else {
            Certainty::Likely
        },
        stream: Some(stream.id),
        packets,
        ..finding(
            Name::EmptyRequest,
            format!(
                "{} connected (frame {}), and then neither side sent a byte for {}, {end}: the server waits for a request, the \
                 client for an answer.",
                capital(&party(stream, initiator)),
                stream.first_packet,
                seconds(silence)
            ),
            "In the client: never send an empty text (sendall(b\"\") puts nothing on the wire): ask the user again, and end each \
             request with a newline; in the server: set a timeout, so that one silent client does not keep all others waiting.",
        )
    })
}

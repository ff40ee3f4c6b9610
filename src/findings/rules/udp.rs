//! Datagrams: lost, doubled, out of order, too large, and never said to be over.

use super::{View, capital, is_whole, kind, length};
use crate::findings::facts::{Numbering, PictureFacts};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::units::{FrameNumber, count, counted};
use crate::wire::{Ending, Protocol, StreamEnd};

/// A word that says the end is not longer.
const LONGEST_WORD: usize = 32;

pub(super) fn rules(view: &View<'_>, findings: &mut Vec<Finding>) {
    match &view.facts.numbering {
        Some(numbering) => numbered(view, numbering, findings),
        None => findings.extend(undetectable(view)),
    }
    for picture in &view.facts.pictures {
        findings.extend(no_end(view, picture));
    }
    findings.extend(fragmented(view));
    findings.extend(oversized(view));
}

/// The format numbers its datagrams, so the wire shows what is missing.
fn numbered(view: &View<'_>, numbering: &Numbering, findings: &mut Vec<Finding>) {
    if numbering.lost > 0 || numbering.lost_uncounted {
        let of = numbering
            .total
            .map_or_else(String::new, |total| format!(" of {}", count(total)));
        let what = match numbering.lost {
            0 => "Numbered datagrams".to_owned(),
            // Of three numbered datagrams one, or one alone.
            lost if of.is_empty() => counted(lost, "numbered datagram", "numbered datagrams"),
            lost => format!("{}{of} numbered datagrams", count(lost)),
        };
        let mut frames: Vec<FrameNumber> = view
            .facts
            .pictures
            .iter()
            .flat_map(|picture| view.ends(picture.id))
            .collect();
        if frames.is_empty() {
            frames.extend([view.stream.first_packet, view.stream.last_packet]);
        }
        findings.push(Finding {
            image: view.only_picture(),
            // Nothing tells what was lost on its way from what the capture lacks.
            certainty: Certainty::Likely,
            ..view.finding(
                Name::DatagramLost,
                frames,
                format!(
                    "{what} from {} never came by here: lost before the place of capture, or by the capture itself.",
                    view.sender()
                ),
                "UDP sends nothing again: let the receiver ask for missing numbers, send more slowly, or use TCP.",
            )
        });
    }
    let again = &numbering.sent_again;
    if !again.is_empty() {
        findings.push(Finding {
            ..view.of_frames(
                Name::DatagramRetransmission,
                again,
                format!(
                    "{} from {} carried a piece again, because the receiver asked for it: it had not come, or not in time.",
                    counted(again.count(), "datagram", "datagrams"),
                    view.sender()
                ),
                "Nothing in the programs: they noticed and repaired it. Find out where datagrams are lost: on the way, or in the \
                 receiver's full buffer.",
            )
        });
    }
    for (name, frames, what) in [
        (
            Name::DatagramDuplicated,
            &numbering.duplicated,
            "carried a number that had come before",
        ),
        (
            Name::DatagramReordered,
            &numbering.reordered,
            "came after a datagram with a higher number",
        ),
    ] {
        if !frames.is_empty() {
            findings.push(
                view.of_frames(
                    name,
                    frames,
                    format!(
                        "{} from {} {what}.",
                        counted(frames.count(), "datagram", "datagrams"),
                        view.sender()
                    ),
                    "In the receiver: put each piece where its number says, and ignore one that is there already; do not append \
                     in order of arrival.",
                )
            );
        }
    }
}

/// Nothing numbers the datagrams, so nobody can know.
fn undetectable(view: &View<'_>) -> Option<Finding> {
    let picture = view
        .facts
        .pictures
        .iter()
        .find(|picture| picture.protocol == Protocol::Udp)?;
    Some(Finding {
        certainty: Certainty::Risk,
        ..view.of_picture(
            Name::UndetectableLoss,
            picture,
            view.ends(picture.id),
            "The datagrams carry no numbers: one that is lost or comes out of order goes unnoticed until the picture looks wrong."
                .to_owned(),
            "In the sender: put a number and the total before each piece; in the receiver: put pieces where they belong and ask \
             for missing ones; or use TCP.",
        )
    })
}

/// Nobody said that the picture is over.
fn no_end(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    if picture.protocol != Protocol::Udp || picture.ending == Ending::EmptyDatagram {
        return None;
    }
    let bytes = counted(length(picture), "byte", "bytes");
    let stopped = match picture.ending {
        Ending::Cut(end) | Ending::EndOfStream(end) => Some(end),
        _ => None,
    };
    let whole = is_whole(picture);
    if whole && says_end(view, picture) {
        return None;
    }
    if !whole && stopped == Some(StreamEnd::Unfinished) && !view.all.idle_at_end {
        // The capture ended: nothing is known.
        return None;
    }
    Some(if whole {
        Finding {
            severity: Severity::Note,
            certainty: Certainty::Risk,
            ..view.of_picture(
                Name::NoEndDatagram,
                picture,
                view.ends(picture.id).skip(1),
                format!(
                    "No empty datagram followed the picture ({bytes}): a receiver knows only from the {}'s own structure, or \
                     from silence, that it is over.",
                    kind(picture)
                ),
                "In the sender: say how many datagrams there will be before the first one; in the receiver: set a timeout.",
            )
        }
    } else {
        Finding {
            // The rest may be what the capture lacks.
            certainty: Certainty::Likely,
            ..view.of_picture(
            Name::NoEndDatagram,
            picture,
            view.ends(picture.id),
            format!(
                "{} stopped after {bytes}, before the {}'s end, and no end datagram followed.",
                capital(&view.sender()),
                kind(picture)
            ),
            "In the sender: send everything and then the end datagram, several times, since it may be lost too; in the receiver: \
             set a timeout, and do not take what came for a whole picture.",
        )
        }
    })
}

/// A datagram of text behind the picture (`END`, `DONE`, `<EOF>`): a receiver that knows the word knows that it is over.
fn says_end(view: &View<'_>, picture: &PictureFacts) -> bool {
    let behind = [
        picture.trailing.as_slice(),
        if view.facts.first_stray >= Some(picture.range.end) {
            view.facts.stray_sample.as_slice()
        } else {
            &[]
        },
    ];
    behind.into_iter().any(|bytes| {
        let word = bytes.trim_ascii();
        (1..=LONGEST_WORD).contains(&word.len()) && word.iter().all(u8::is_ascii_graphic)
    })
}

fn fragmented(view: &View<'_>) -> Option<Finding> {
    let pieces = &view.facts.troubles.fragmented;
    (!pieces.is_empty()).then(|| Finding {
        ..view.of_frames(
            Name::IpFragmented,
            pieces,
            format!(
                "{} from {} came in IP fragments: losing one fragment loses the whole datagram.",
                counted(pieces.count(), "datagram", "datagrams"),
                view.sender()
            ),
            "Send datagrams that fit the path's MTU (1,472 bytes of payload at MTU 1500).",
        )
    })
}

fn oversized(view: &View<'_>) -> Option<Finding> {
    let troubles = &view.facts.troubles;
    let large = &troubles.oversized;
    (!large.is_empty()).then(|| Finding {
        certainty: Certainty::Risk,
        ..view.of_frames(
            Name::OversizedDatagram,
            large,
            format!(
                "{} from {} {} longer than a packet of 1,500 bytes holds (the longest {} bytes): whole here, but cut into IP \
                 fragments on most networks.",
                counted(large.count(), "datagram", "datagrams"),
                view.sender(),
                if large.count() == 1 { "is" } else { "are" },
                count(u64::from(troubles.largest))
            ),
            "Send no more than 1,472 bytes of payload in a datagram (1,452 over IPv6).",
        )
    })
}

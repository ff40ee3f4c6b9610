//! How connections begin: refused, or never answered.

use std::net::SocketAddr;

use super::{View, capital, finding, party, seconds};
use crate::findings::facts::{Refused, StreamFacts};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::{Confidence, Image, Stream, TransportKind};
use crate::units::{FrameNumber, count, counted};
use crate::wire::Protocol;

/// The findings about a connection that never stood.
pub(super) fn rules(stream: &Stream, facts: &StreamFacts) -> Option<Finding> {
    let initiator = stream.initiator?;
    let server = facts.directions.get(1 - initiator.min(1))?;
    if !never_stood(stream, facts) {
        return None;
    }
    let account = stream.directions.get(initiator)?;
    let (who, to) = (capital(&party(stream, initiator)), account.to);
    if server.reset.is_some() {
        // Refused: whether for good, the server's other connections show.
        return None;
    }
    let silence = facts.capture_end?.since(stream.started?);
    let idle = u128::from(silence.max(0).unsigned_abs()) > facts.idle.as_nanos();
    (!server.heard && idle).then(|| Finding {
        // Or its answers were not captured.
        certainty: Certainty::Likely,
        stream: Some(stream.id),
        packets: vec![stream.first_packet, stream.last_packet]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect(),
        ..finding(
            Name::ConnectionTimeout,
            format!(
                "{who} asked to connect ({}, the first in frame {}) and {to} answered nothing for {}.",
                counted(account.packets, "SYN", "SYNs"),
                stream.first_packet,
                seconds(silence)
            ),
            "Look for a firewall that drops packets, a wrong address, or a machine that is not there; and see that the capture \
             has both directions.",
        )
    })
}

/// Width in bytes and byte order (most significant first) of the length that a wire format has in front of a picture.
fn binary_length(protocol: &Protocol) -> Option<(u8, bool)> {
    use crate::wire::LengthField;
    use crate::wire::layout::{Counts, Kind, Role};
    match protocol {
        Protocol::Length(LengthField::Binary { bytes, big_endian }) => Some((*bytes, *big_endian)),
        Protocol::Layout(layout) => {
            let length = layout
                .message
                .iter()
                .find(|field| field.role == Role::Length(Counts::Picture) && field.plus == 0)?;
            match length.kind {
                Kind::Int {
                    bytes: bytes @ 2..,
                    big_endian,
                    signed: false,
                } => Some((bytes, big_endian)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether somebody asked to connect, and got no SYN back.
fn never_stood(stream: &Stream, facts: &StreamFacts) -> bool {
    let Some(initiator) = stream.initiator else {
        return false;
    };
    let (client, server) = (
        facts.directions.get(initiator),
        facts.directions.get(1 - initiator.min(1)),
    );
    // Whoever acknowledged an answer, or sent anything, had got one.
    client.zip(server).is_some_and(|(client, server)| {
        stream.transport == TransportKind::Tcp
            && client.saw_syn
            && !client.acknowledges
            && client.span == 0
            && server.span == 0
            && !server.saw_syn
    })
}

/// The frame that refused a connection; absent where it was not refused.
pub(super) fn refused(stream: &Stream, facts: &StreamFacts) -> Option<FrameNumber> {
    let server = facts.directions.get(1 - stream.initiator?.min(1))?;
    server.reset.filter(|_| never_stood(stream, facts))
}

/// The finding about an address that refused connections. `later` is the first frame of one that it accepted after that.
pub(super) fn connection_refused(
    to: SocketAddr,
    refused: &Refused,
    later: Option<FrameNumber>,
) -> Finding {
    // Connections end in any order.
    let mut packets = refused.frames.named().to_vec();
    packets.sort_unstable();
    packets.dedup();
    let asked = match refused.attempts {
        1 => format!(
            "The client {} asked to connect (SYN, frame {}) and {to} refused (RST, frame {})",
            refused.client, refused.first.0, refused.first.1
        ),
        attempts => format!(
            "{} attempts to connect to {to}, the first by {} (SYN, frame {}), were refused (RST)",
            count(attempts),
            refused.client,
            refused.first.0,
        ),
    };
    let outcome = match later {
        Some(frame) => format!(
            "nobody listened on that port yet; a later attempt (frame {frame}) was accepted, so the client came before the server"
        ),
        None => "nobody listens on that port".to_owned(),
    };
    let found = finding(
        Name::ConnectionRefused,
        format!("{asked}: {outcome}."),
        "Start the server before the client; compare address and port on both sides: a server on 127.0.0.1 is not to be reached \
         from elsewhere, and \"localhost\" may be ::1.",
    );
    Finding {
        // Who tries again, and gets through, has lost nothing.
        severity: match later {
            Some(_) => Severity::Warning,
            None => found.severity,
        },
        stream: Some(refused.stream),
        packets,
        more_packets: refused.frames.more(),
        ..found
    }
}

/// A length that the other byte order makes huge, and a receiver that waits.
pub(super) fn wrong_byte_order(view: &View<'_>) -> Option<Finding> {
    use crate::wire::Ending;
    let picture = view.facts.pictures.last()?;
    let (bytes, big_endian) = binary_length(&picture.protocol)?;
    let declared = picture.declared?;
    let width = u32::from(bytes.clamp(1, 8));
    let other = declared.swap_bytes() >> (64 - 8 * width);
    let whole = picture.ending == Ending::Length && super::is_whole(picture);
    let closed = view.facts.fin.or(view.facts.reset);
    let theirs = view.other?;
    let (frame, time) = view.facts.last_data?;
    let answered = theirs.last_data.is_some_and(|(answer, _)| answer > frame);
    let received = view
        .facts
        .acknowledged
        .is_some_and(|acknowledged| acknowledged >= view.facts.span);
    let silence = view.since(time, view.facts.closing.or(theirs.closing))?;
    let waits = closed.is_none_or(|closed| closed > frame) && !answered && view.is_idle(silence);
    let huge = other > declared.saturating_mul(16) && other > 1 << 24;
    if !(whole && received && waits && huge && view.stream.initiator == Some(view.index)) {
        return None;
    }
    if is_understood(view) {
        return None;
    }
    let (own, wrong) = if big_endian {
        ("big-endian", "little-endian")
    } else {
        ("little-endian", "big-endian")
    };
    let sent = format!(
        "{} sent the length {} {own} and a whole picture of so many bytes. {} acknowledged all of it and then did nothing for {}.",
        capital(&view.sender()),
        count(declared),
        capital(&view.receiver()),
        seconds(silence),
    );
    let other = counted(other, "byte", "bytes");
    // Who waits for more does as much as who waits for nothing, where the sender closes in the end.
    let first = |fin: FrameNumber| theirs.fin.is_none_or(|theirs| fin < theirs);
    let closed =
        view.facts.fin.is_some_and(first) && view.facts.reset.is_none() && theirs.reset.is_none();
    let reading = if closed {
        format!(
            "Then the connection was closed in order. A receiver that reads the length {wrong} ({other}) waits so; one that has \
             the picture and nothing to answer does, too: its file tells."
        )
    } else {
        format!(
            "Read {wrong}, the length is {other}: it waits for so many, or has the picture and answers nothing; its file tells."
        )
    };
    Some(Finding {
        certainty: Certainty::Likely,
        ..view.of_picture(
            Name::WrongByteOrder,
            picture,
            view.ends(picture.id),
            format!("{sent} {reading}"),
            "Write and read the length alike on both sides: \"!I\" or \">I\" in Python's struct on both, to_be_bytes and \
             from_be_bytes in Rust; native \"I\" and \"L\" are little-endian on most machines.",
        )
    })
}

/// Whether the receiver answered an earlier picture of the direction, or the sender went on after it had been silent as long: it does
/// not wait for answers, and its silence tells nothing.
fn is_understood(view: &View<'_>) -> bool {
    let pictures = view.facts.pictures.iter();
    let images: Vec<&Image> = pictures.filter_map(|one| view.image(one.id)).collect();
    let first = images.first().and_then(|image| image.last_packet);
    let answer = view.other.and_then(|theirs| theirs.last_data);
    let answered = first
        .zip(answer)
        .is_some_and(|(first, (answer, _))| images.len() > 1 && answer > first);
    let paused = images.windows(2).any(|pair| match pair {
        [one, next] => next
            .started
            .zip(one.ended)
            .is_some_and(|(next, one)| view.is_idle(next.since(one))),
        _ => false,
    });
    answered || paused
}

/// A length in the other byte order than the numbers beside it, in a framing that was worked out.
pub(super) fn mixed_byte_order(view: &View<'_>) -> Option<Finding> {
    use crate::wire::layout::{Field, Kind, Role};
    let picture = view.facts.pictures.first()?;
    let Protocol::Layout(layout) = &picture.protocol else {
        return None;
    };
    if view.stream.confidence == Some(Confidence::Given) {
        return None;
    }
    let order = |field: &Field| match field.kind {
        Kind::Int {
            bytes: 2..,
            big_endian,
            ..
        } => Some(big_endian),
        _ => None,
    };
    let length = |field: &&Field| matches!(field.role, Role::Length(_));
    let known = |field: &&Field| matches!(field.role, Role::Width | Role::Height | Role::Number);
    let own = layout.message.iter().filter(length).find_map(order)?;
    let mut others = layout.message.iter().filter(known);
    let other = others.find(|field| order(field).is_some_and(|other| other != own))?;
    let name = |big_endian| {
        if big_endian {
            "big-endian"
        } else {
            "little-endian"
        }
    };
    Some(Finding {
        certainty: Certainty::Risk,
        ..view.of_picture(
            Name::MixedByteOrder,
            picture,
            view.ends(picture.id).take(1),
            format!(
                "The length before the picture is {}, and the {} in the same header {}: who reads all numbers in one byte order takes \
                 the length for another one.",
                name(own),
                match other.role {
                    Role::Width => "width",
                    Role::Height => "height",
                    _ => "running number",
                },
                name(!own)
            ),
            "Where it is not meant so: write and read all numbers of the header in one byte order (\"!\" in Python's struct, \
             to_be_bytes in Rust), and convert none twice.",
        )
    })
}

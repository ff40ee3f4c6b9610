//! How connections begin: refused, or never answered.

use super::{View, capital, finding, party, seconds};
use crate::findings::facts::StreamFacts;
use crate::findings::{Certainty, Finding, Name};
use crate::ledger::{Stream, TransportKind};
use crate::units::{count, counted};

/// The findings about a connection that never stood.
pub(super) fn rules(stream: &Stream, facts: &StreamFacts) -> Option<Finding> {
    let initiator = stream.initiator?;
    let client = facts.directions.get(initiator)?;
    let server = facts.directions.get(1 - initiator.min(1))?;
    // Whoever acknowledged an answer, or sent anything, had got one.
    let asked = stream.transport == TransportKind::Tcp
        && client.saw_syn
        && !client.acknowledges
        && client.span == 0
        && server.span == 0
        && !server.saw_syn;
    if !asked {
        return None;
    }
    let account = stream.directions.get(initiator)?;
    let (who, to) = (capital(&party(stream, initiator)), account.to);
    if let Some(reset) = server.reset {
        return Some(Finding {
            stream: Some(stream.id),
            packets: vec![stream.first_packet, reset],
            ..finding(
                Name::ConnectionRefused,
                format!(
                    "{who} asked to connect (SYN, frame {}) and {to} refused (RST, frame {reset}): nobody listens on that port.",
                    stream.first_packet
                ),
                "Start the server before the client; compare address and port on both sides: a server on 127.0.0.1 is not to be \
                 reached from elsewhere, and \"localhost\" may be ::1.",
            )
        });
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
fn binary_length(protocol: &crate::wire::Protocol) -> Option<(u8, bool)> {
    use crate::wire::layout::{Counts, Kind, Role};
    use crate::wire::{LengthField, Protocol};
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
    (whole && received && waits && huge && view.stream.initiator == Some(view.index)).then(|| {
        let (own, wrong) = if big_endian {
            ("big-endian", "little-endian")
        } else {
            ("little-endian", "big-endian")
        };
        Finding {
            certainty: Certainty::Likely,
            ..view.of_picture(
                Name::WrongByteOrder,
                picture,
                view.ends(picture.id),
                format!(
                    "{} sent the length {} {own} and a whole picture of so many bytes. {} acknowledged all of it and then did \
                     nothing for {}. Read {wrong}, the length is {}: it waits for so many.",
                    capital(&view.sender()),
                    count(declared),
                    capital(&view.receiver()),
                    seconds(silence),
                    counted(other, "byte", "bytes"),
                ),
                "Write and read the length alike on both sides: \"!I\" or \">I\" in Python's struct on both, to_be_bytes and \
                 from_be_bytes in Rust; native \"I\" and \"L\" are little-endian on most machines.",
            )
        }
    })
}

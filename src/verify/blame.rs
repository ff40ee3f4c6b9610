//! Whose side it is that a picture did not arrive as it was sent, and how the stream ended.

use super::bytes::Kind;
use super::findings;
use super::judge::{Arrival, Work, is_range, never_reached, open_end};
use super::mistakes::Mistake;
use super::strays::Declared;
use crate::findings::{Certainty, Finding, Name};
use crate::ledger::comparison::{Blame, Blamed, Mismatch, SideOfMismatch};
use crate::ledger::{Closed, GapCause, Image, Problem, Stop, TransportKind, Verdict};
use crate::picture::Spelling;
use crate::wire::{Fixed, Protocol};

/// Why the same segments may be two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsure {
    /// They are one.
    No,
    /// Bytes came twice and differ.
    Twofold,
    /// Urgent bytes are read in the stream, or apart.
    Urgent,
}

const MISFRAMED: &str = "what its message says of the lengths in it is not so, and whoever reads it by them goes astray";
const URGENT: &str = "its stream carries urgent bytes (MSG_OOB), which a program reads in the stream or apart (SO_OOBINLINE), and no \
                      capture shows which";

/// How the stream ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ends {
    pub(super) sender_closed: bool,
    pub(super) sender_reset: bool,
    pub(super) receiver_reset: bool,
}

impl Ends {
    pub(super) fn any_reset(self) -> bool {
        self.sender_reset || self.receiver_reset
    }
}

pub(super) fn ends(work: &Work<'_>) -> Ends {
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
pub(super) fn certainty(image: &Image) -> Certainty {
    if findings::one_machine(image.from, image.to) {
        Certainty::Proven
    } else {
        Certainty::Likely
    }
}

/// Whose side it is.
pub(super) fn blame(
    work: &Work<'_>,
    ends: Ends,
    verdict: Verdict,
    first: Option<&(Mismatch, Kind)>,
    found: &[Finding],
    unsure: Unsure,
) -> Option<Blame> {
    let blame = |who, why: &str| {
        Some(Blame {
            who,
            why: why.to_owned(),
        })
    };
    match verdict {
        Verdict::Match => None,
        Verdict::Unverified => doubt(work),
        Verdict::Inconclusive | Verdict::Mismatch if unsure == Unsure::Urgent => {
            blame(Blamed::Unknown, URGENT)
        }
        Verdict::Inconclusive => undecided(work, unsure),
        Verdict::Incomplete => Some(unfinished(work, ends)),
        Verdict::Mismatch => {
            let (mismatch, kind) = first?;
            match (mismatch.side, kind) {
                (SideOfMismatch::WireToReceiver, kind)
                    if stops(kind)
                        && work.knowledge.garbled
                        && work.image.protocol == Protocol::Fixed(Fixed::JavaObjects) =>
                {
                    blame(
                        Blamed::Sender,
                        "the header of a second object stream stands in its stream, where every reader stops",
                    )
                }
                (SideOfMismatch::WireToReceiver, _) if work.knowledge.misframed => {
                    blame(Blamed::Sender, MISFRAMED)
                }
                (SideOfMismatch::WireToReceiver, kind)
                    if announced_less(work, mismatch, kind).is_some() =>
                {
                    Some(of_announcement())
                }
                (SideOfMismatch::SenderToReceiver, _) if unsure == Unsure::Twofold => blame(
                    Blamed::Unknown,
                    "the two files differ where the same bytes came twice with different contents; which copy the receiver \
                     took cannot be told",
                ),
                (SideOfMismatch::SenderToReceiver, _)
                    if work
                        .stream
                        .is_some_and(|stream| stream.transport == TransportKind::Udp) =>
                {
                    blame(
                        Blamed::Unknown,
                        "no datagram of the capture has the bytes in which the two files differ: they were never sent, or lost before \
                     the place of capture, or by the capture itself",
                    )
                }
                (SideOfMismatch::SenderToReceiver, _) => blame(
                    Blamed::Unknown,
                    "the two files differ where the capture lacks bytes; a capture without gaps would tell the side",
                ),
                (SideOfMismatch::SenderToWire, Kind::CutShort { .. } | Kind::Mistake(_))
                    if work.image.declared_bytes == Some(work.image.bytes)
                        && mismatch.actual_bytes < mismatch.expected_bytes =>
                {
                    blame(Blamed::Sender, "it announced fewer bytes than the file has")
                }
                (SideOfMismatch::SenderToWire, _)
                    if found
                        .iter()
                        .any(|finding| finding.name == Name::BadEncoding) =>
                {
                    blame(
                        Blamed::Sender,
                        "it encoded the picture so that a decoder stops within it",
                    )
                }
                (SideOfMismatch::SenderToWire, kind)
                    if kind.is_cut()
                        && found
                            .iter()
                            .any(|finding| finding.name == Name::WrongSizeGiven) =>
                {
                    Some(of_announcement())
                }
                (SideOfMismatch::SenderToWire, kind) if kind.is_cut() => Some(cut(work, ends)),
                (SideOfMismatch::SenderToWire, Kind::Mistake(Mistake::ReadOn { .. })) => blame(
                    Blamed::Sender,
                    "it sent more than the picture, and the receiver saved what came",
                ),
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
                (SideOfMismatch::WireToReceiver, _) => Some(of_receiver(work, ends, mismatch)),
            }
        }
    }
}

/// Whether the Base64 text of the picture stands in `b'…'`, as Python prints a bytes object.
pub(super) fn is_printed(work: &Work<'_>) -> bool {
    let image = work.image;
    let encoded = image
        .encoded_bytes
        .is_some_and(|encoded| encoded > image.bytes);
    encoded && work.knowledge.before.ends_with(b"b'") && work.knowledge.after.starts_with(b"'")
}

/// Whether the end is missing, for whatever reason.
fn stops(kind: &Kind) -> bool {
    match kind {
        Kind::CutShort { .. } => true,
        Kind::Mistake(mistake) => mistake.is_stop(),
        _ => false,
    }
}

/// The receiver did as it was told.
fn of_announcement() -> Blame {
    let why = "what stands before the picture announces fewer bytes than were sent, and the receiver took as many";
    Blame {
        who: Blamed::Sender,
        why: why.to_owned(),
    }
}

/// What stands before the picture says that it ends where the received file does, or in the block before that: the receiver did as it was
/// told. Returns what it says.
pub(super) fn announced_less(
    work: &Work<'_>,
    mismatch: &Mismatch,
    kind: &Kind,
) -> Option<Declared> {
    /// Headers that say it are not longer.
    const HEADER: usize = 1200;
    /// Smaller numbers stand anywhere by chance.
    const LEAST: u64 = 256;
    let (saved, sent) = (mismatch.actual_bytes, mismatch.expected_bytes);
    // Where a buffer was not filled the rest of it was not received.
    let saved = match kind {
        Kind::Mistake(Mistake::Stopped { at, zeros: true }) => *at as u64,
        _ => saved,
    };
    let cut = stops(kind);
    if !cut || mismatch.side != SideOfMismatch::WireToReceiver || saved < LEAST || saved >= sent {
        return None;
    }
    // Of a format that is known by name the numbers before a picture are its own, those of a fragment, say: no length of the picture.
    let by_name = matches!(work.image.protocol, Protocol::Fixed(_));
    if by_name && work.image.declared_bytes != Some(saved) {
        return None;
    }
    let before = &work.knowledge.before;
    let header = before
        .get(before.len().saturating_sub(HEADER)..)
        .unwrap_or_default();
    if says(header, sent) {
        // So many letters of Base64 are three quarters of it.
        let letters = work.image.encoded_bytes.unwrap_or(sent);
        let text = Spelling::of_any(sent, letters).filter(|text| *text == Spelling::Base64);
        let read = sent / 4 * 3;
        return text
            .filter(|_| !says(header, letters) && (read..=read + 2).contains(&saved))
            .map(|text| Declared {
                bytes: sent,
                text: Some(text),
            });
    }
    if says(header, saved) {
        return Some(saved.into());
    }
    // Read in whole blocks until there is as much as was announced.
    let block = 1 << saved.trailing_zeros().min(16);
    let found = only_number(header).into_iter().find(|said| {
        *said >= LEAST && block >= 512 && (saved.saturating_sub(block)..saved).contains(said)
    });
    found.map(Declared::from)
}

/// The number that is all of a header: its readings in either byte order, or its digits.
fn only_number(header: &[u8]) -> Vec<u64> {
    let digits = std::str::from_utf8(header).ok().map(str::trim);
    if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
        return vec![number];
    }
    let join = |all: u64, byte: &u8| (all << 8) | u64::from(*byte);
    match header.len() {
        4 | 8 => vec![
            header.iter().fold(0, join),
            header.iter().rev().fold(0, join),
        ],
        _ => Vec::new(),
    }
}

/// Whether a header has a number: in four bytes or as a varint anywhere, in two or three bytes close to the picture, where they are
/// less likely to stand by chance, or in digits, decimal or hexadecimal, filled up with zeros or not.
pub(super) fn says(header: &[u8], number: u64) -> bool {
    /// Shorter binary numbers are looked for in so many last bytes.
    const CLOSE: usize = 24;
    let (big, little) = (number.to_be_bytes(), number.to_le_bytes());
    let binary = |width: usize, place: &[u8]| {
        let unused = 8_usize.saturating_sub(width);
        let fits = big.iter().take(unused).all(|byte| *byte == 0);
        let (big, little) = (big.get(unused..), little.get(..width));
        fits && place
            .windows(width)
            .any(|bytes| Some(bytes) == big || Some(bytes) == little)
    };
    let close = header
        .get(header.len().saturating_sub(CLOSE)..)
        .unwrap_or_default();
    let digits = |text: &str, of: fn(&u8) -> bool| {
        header.split(|byte| !of(byte)).any(|run| {
            let zeros = run.iter().take_while(|byte| **byte == b'0').count();
            run.get(zeros..)
                .is_some_and(|run| run.eq_ignore_ascii_case(text.as_bytes()))
        })
    };
    binary(4, header)
        || binary(2, close)
        || binary(3, close)
        || {
            let varint = varint(number);
            let place = if varint.len() > 2 { header } else { close };
            memchr::memmem::find(place, &varint).is_some()
        }
        || digits(&number.to_string(), u8::is_ascii_digit)
        || digits(&format!("{number:x}"), u8::is_ascii_hexdigit)
}

/// A number in groups of seven bits, the lowest first (Protocol Buffers, LEB128).
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

/// Whose side it is that the received file is not what is on the wire.
fn of_receiver(work: &Work<'_>, ends: Ends, mismatch: &Mismatch) -> Blame {
    let udp = work
        .stream
        .is_some_and(|stream| stream.transport == TransportKind::Udp);
    let (who, why) = if ends.receiver_reset {
        (
            Blamed::Receiver,
            "it reset the connection before it had read everything",
        )
    } else if never_reached(work, mismatch) && (ends.sender_closed || ends.any_reset()) {
        (
            Blamed::Network,
            "what its file lacks went out, and nobody acknowledged it",
        )
    } else if never_reached(work, mismatch) {
        (
            Blamed::Unknown,
            "what its file lacks went out, and the capture ended before anybody acknowledged it",
        )
    } else if udp && certainty(work.image) != Certainty::Proven {
        (
            Blamed::Unknown,
            "the bytes are on the wire where it was captured, not in the file: lost behind that place or in the receiver; a \
             capture taken on the receiving machine would tell",
        )
    } else {
        (
            Blamed::Receiver,
            "the wire has the right bytes, its file does not",
        )
    };
    Blame {
        who,
        why: why.to_owned(),
    }
}

/// Whether the file sent is whole on the wire.
fn found_whole(work: &Work<'_>) -> bool {
    work.sent
        .is_some_and(|sent| work.sha256 == Some(sent.facts.sha256.as_str()))
}

/// What keeps a picture from any other verdict.
fn undecided(work: &Work<'_>, unsure: Unsure) -> Option<Blame> {
    let blame = |who, why: &str| {
        Some(Blame {
            who,
            why: why.to_owned(),
        })
    };
    let knowledge = work.knowledge;
    if unsure == Unsure::Twofold {
        return blame(
            Blamed::Unknown,
            "the same bytes came twice and differ, and nothing tells which copy the receiver took; its file would tell",
        );
    }
    blame(
        Blamed::Capture,
        if knowledge.unsure > 0 && work.image.is_all_there() {
            "bytes beside the picture may be framing or too many, which messages that it does not have may show; the received file \
             would tell, or the framing (--protocol)"
        } else if knowledge.lacks || knowledge.lacks_frames {
            "it lacks frames of this transfer; whether the picture was right only a capture without gaps can tell"
        } else if matches!(
            work.image.problem,
            Some(Problem::Unfinished {
                stop: Stop::Format,
                ..
            })
        ) {
            "it has nothing of the rest, though the wire format says that the picture is over: the rest was lost, or never sent"
        } else if open_end(work.image) {
            "the capture ended before the picture did; one that goes on to the end would tell"
        } else {
            "it lacks bytes of the picture; whether they were right only a capture without gaps can tell"
        },
    )
}

/// Why nobody gets a picture out of what its sender made of it, where that is so.
fn undecodable(work: &Work<'_>) -> Option<&'static str> {
    if work.knowledge.misframed {
        Some(MISFRAMED)
    } else if work.asked.received && work.received.is_none() && is_printed(work) {
        Some(
            "it sent the picture's Base64 text as str() prints a bytes object, b'…', which no decoder takes for that text",
        )
    } else {
        None
    }
}

/// What keeps a whole picture from being a match.
pub(super) fn doubt(work: &Work<'_>) -> Option<Blame> {
    let blame = |who, why: &str| {
        Some(Blame {
            who,
            why: why.to_owned(),
        })
    };
    let knowledge = work.knowledge;
    if knowledge.odd_part {
        blame(
            Blamed::Unknown,
            "parts of it that were asked for one by one (HTTP 206) share bytes that differ, and nothing tells which the receiver took",
        )
    } else if is_range(work) {
        blame(
            Blamed::Nobody,
            if work.sent.is_some() {
                "only a part of the picture was asked for (HTTP 206), and that came as it is in the file"
            } else {
                "only a part of the picture was asked for (HTTP 206)"
            },
        )
    } else if work.sent.is_some() && work.received.is_none() && knowledge.arrival == Arrival::Reset
    {
        blame(
            Blamed::Receiver,
            "its machine acknowledged the whole picture, then it reset the connection: whether its program had read \
                     all, only its file would tell",
        )
    } else if work.sent.is_some()
        && work.received.is_none()
        && !work.asked.received
        && knowledge.arrival == Arrival::Unknown
    {
        blame(
            Blamed::Unknown,
            "the picture left whole; whether it arrived the capture does not show, the received file would tell",
        )
    } else if knowledge.strays > 0 && knowledge.trailer {
        Some(Blame {
            who: Blamed::Unknown,
            why: format!(
                "the picture is whole, and {} behind it of which nothing tells what they are: a trailer of the program's own, or bytes \
                 too many",
                crate::units::counted(knowledge.strays, "byte stands", "bytes stand"),
            ),
        })
    } else if knowledge.strays > 0 && (work.sent.is_some() || work.received.is_some()) {
        Some(Blame {
            who: Blamed::Sender,
            why: format!(
                "{} sent beside the picture, and nothing explains {}",
                crate::units::counted(knowledge.strays, "byte was", "bytes were"),
                if knowledge.strays == 1 { "it" } else { "them" }
            ),
        })
    } else if knowledge.unsure > 0 && (work.sent.is_some() || work.received.is_some()) {
        Some(Blame {
            who: Blamed::Unknown,
            why: format!(
                "{} beside the picture may be framing or too many, and nothing in the stream shows \
                 which; the received file would tell, or the framing (--protocol)",
                crate::units::counted(knowledge.unsure, "byte", "bytes"),
            ),
        })
    } else if knowledge.garbled {
        blame(
            Blamed::Sender,
            "it wrote bytes around the picture that its encoding does not have, or left some out",
        )
    } else if work
        .evidence
        .is_some_and(|evidence| evidence.lie == super::reconcile::Lie::Irregular)
    {
        blame(
            Blamed::Unknown,
            "other bytes stand between its own, and nothing explains them",
        )
    } else if let Some(why) = undecodable(work) {
        blame(Blamed::Sender, why)
    } else if knowledge.wants_sent && work.sent.is_none() && work.asked.sent {
        blame(
            Blamed::Unknown,
            "it is none of the files that were to be sent",
        )
    } else if work.asked.received && work.received.is_none() {
        blame(
            Blamed::Unknown,
            "the wire has the whole picture, but no received file belongs to it; the file that the receiver \
                     saved would tell",
        )
    } else {
        None
    }
}

/// Whose side it is that a picture never arrived whole on the wire.
fn unfinished(work: &Work<'_>, ends: Ends) -> Blame {
    let (image, declared) = (work.image, work.image.declared_bytes);
    let (who, why) = if declared > Some(image.bytes) && image.format.is_some() && found_whole(work)
    {
        (
            Blamed::Sender,
            "it announced more bytes than it sent: the picture is whole, and the receiver waits for the rest",
        )
    } else if work.knowledge.arrival == Arrival::Partly && image.complete {
        (
            if ends.receiver_reset {
                Blamed::Receiver
            } else if ends.sender_reset {
                Blamed::Sender
            } else {
                Blamed::Network
            },
            if ends.sender_reset && !ends.receiver_reset {
                "it reset the connection before all of it was acknowledged, which throws away what is still on its way"
            } else {
                "not all of it was acknowledged before the connection was over"
            },
        )
    } else if declared == Some(image.bytes)
        && matches!(image.problem, Some(Problem::Unfinished { .. }))
    {
        (
            Blamed::Sender,
            "after the bytes that it announced the picture is not at its own end",
        )
    } else {
        return cut(work, ends);
    };
    Blame {
        who,
        why: why.to_owned(),
    }
}

/// Whose side it is that a picture is cut short on the wire.
pub(super) fn cut(work: &Work<'_>, ends: Ends) -> Blame {
    let stop = work.image.problem.as_ref().and_then(Problem::stop);
    let answered = work.stream.is_some_and(|stream| {
        let mut back = stream
            .directions
            .iter()
            .filter(|one| one.from == work.image.to);
        back.any(|back| back.unique_bytes > 0)
    });
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
    } else if ends.sender_closed && work.image.declared_bytes > Some(work.image.bytes) {
        (
            Blamed::Sender,
            "it closed the connection before it had sent as much as it had announced",
        )
    } else if ends.sender_closed {
        (
            Blamed::Sender,
            "it closed the connection before it had sent everything",
        )
    } else if stop == Some(Stop::NoRoom) {
        (
            Blamed::Receiver,
            "it had no room for more: its program stopped reading",
        )
    } else if stop == Some(Stop::Hang) && work.image.bytes > 0 {
        (
            Blamed::Sender,
            "it sent no more and closed nothing, though all was acknowledged and there was room",
        )
    } else if stop == Some(Stop::Hang) && answered {
        (
            Blamed::Sender,
            "the receiver answered what it had announced, and it sent nothing of it",
        )
    } else if stop == Some(Stop::Hang) {
        (
            Blamed::Unknown,
            "nothing of it was sent: the receiver may wait for more of the header, or never have answered it; a log of both \
             programs would tell",
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

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn a_number_is_found_in_the_notations_that_headers_use() {
        let number = 12_104_u64;
        for header in [
            &b"\x00\x00\x2f\x48"[..],
            b"\x48\x2f\x00\x00\x00\x00\x00\x00",
            b"IMG\x00\x2f\x48",
            b"\x2f\x48",
            b"\x48\x2f name",
            b"\x0a\xc8\x5e",
            b"length: 12104\r\n\r\n",
            b"0000012104a.jpg",
            b"2F48\r\n",
            b"00002f48 ",
        ] {
            assert!(says(header, number), "{header:?}");
            assert!(!says(header, number - 1), "{header:?}");
            assert!(!says(header, number + 1), "{header:?}");
        }
        // Two bytes far from the picture stand there by chance.
        let far = [&b"\x2f\x48"[..], &[0; 40]].concat();
        assert!(!says(&far, number));
        let far = [&b"\x00\x00\x2f\x48"[..], &[1; 1000]].concat();
        assert!(says(&far, number));
        assert!(!says(b"112104 121045 0x2f48f", number), "digits that go on");
    }
}

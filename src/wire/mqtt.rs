//! `mqtt`: pictures in the payload of PUBLISH packets (MQTT 3.1.1, section 3.3; MQTT 5, section 3.3).
//!
//! A packet is a type, a remaining length in seven bits a byte, and so many bytes; a PUBLISH begins with its topic, and with
//! a packet number where its quality of service asks for an answer. A payload that begins as a picture is one, as long as
//! the packet says; where its structure is not over then, and the next packet of the topic begins none, that one goes on with it. What cannot be a packet loses the framing: where a sender wrote less than it declared, the next packet lies
//! inside the payload.

use super::content::Pieces;
use super::detect::Clues;
use super::formats::{Over, Probe, Row, WireFormat};
use super::framer::{Behind, Framer, Grammar, Next, Step, framing, unexpected};
use super::{Ending, Event, Framing, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// Longest head: type, remaining length, topic, packet number.
const HEAD: usize = 1024;

/// Decoder of one direction of MQTT.
pub(crate) type MqttDecoder = Framer<Mqtt>;

/// Its grammar.
#[derive(Debug, Clone, Default)]
pub struct Mqtt {
    at: At,
    version: u8,
    /// The picture at hand, and the topic that it came under.
    pieces: Pieces,
    topic: Vec<u8>,
}

/// What comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// The head of a packet.
    #[default]
    Head,
    /// The first bytes of a payload, its length, and the bytes of the head before it.
    Sniff(u64, u64),
    /// Of a packet that holds no picture: so many bytes came, head included.
    Other(u64),
    Picture,
}

/// A remaining length: what it says and how many bytes it takes; absent while it is not complete.
fn remaining(bytes: &[u8]) -> Result<Option<(u64, usize)>, ()> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((value, at + 1)));
        }
    }
    if bytes.len() >= 4 { Err(()) } else { Ok(None) }
}

/// Whether a stream begins as MQTT does: CONNECT with the protocol's name; absent while too few bytes tell.
pub(super) fn is_mqtt(head: &[u8]) -> Option<bool> {
    let (&first, rest) = head.split_first()?;
    if first != 0x10 {
        return Some(false);
    }
    match remaining(rest) {
        Err(()) => Some(false),
        Ok(None) => None,
        Ok(Some((_, size))) => {
            let name = rest.get(size..).unwrap_or_default();
            let known: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];
            if known.iter().any(|known| name.starts_with(known)) {
                Some(true)
            } else if known.iter().any(|known| known.starts_with(name)) {
                None
            } else {
                Some(false)
            }
        }
    }
}

impl Mqtt {
    /// A head; what it is shows as soon as it can.
    fn head(&mut self, held: &[u8], sink: &mut Sink<'_>) -> Step {
        let &[first, ref rest @ ..] = held else {
            return Step::More;
        };
        let kind = first >> 4;
        // Types 1 to 15, and flags as the specification has them (2.2.2).
        let flags = match kind {
            3 => first & 6 != 6,
            6 | 8 | 10 => first % 16 == 2,
            1 | 2 | 4 | 5 | 7 | 9 | 11..=15 => first.is_multiple_of(16),
            _ => false,
        };
        if !flags {
            return self.unexpected(held, sink);
        }
        let (length, size) = match remaining(rest) {
            Ok(Some(found)) => found,
            Ok(None) => return Step::More,
            Err(()) => return self.unexpected(held, sink),
        };
        if kind == 3 {
            return self.publish(held, length, size, sink);
        }
        let fixed = 1 + size as u64;
        self.stop(sink);
        let bytes = held.len() as u64;
        if kind == 1 {
            // The version stands behind the name of the protocol.
            if bytes <= fixed + 8 && bytes < fixed + length {
                return Step::More;
            }
            self.version = held.get(size + 7).copied().unwrap_or(4);
        }
        self.at = At::Other(bytes);
        let left = (fixed + length).saturating_sub(bytes);
        Step::Done(held.len(), Next::Content(left))
    }

    /// The head of PUBLISH, whose remaining length takes `size` bytes: a topic, and a number where the quality of service is above 0.
    fn publish(&mut self, held: &[u8], length: u64, size: usize, sink: &mut Sink<'_>) -> Step {
        let flags = held.first().copied().unwrap_or_default();
        let body = held.get(1 + size..).unwrap_or_default();
        let &[high, low, ..] = body else {
            return Step::More;
        };
        let topic = usize::from(high) << 8 | usize::from(low);
        let number = if flags & 6 == 0 { 0 } else { 2 };
        let mut before = 2 + topic + number;
        if self.version == 5 {
            let Some(properties) = body.get(before..) else {
                return Step::More;
            };
            match remaining(properties) {
                Ok(Some((count, size))) => {
                    before += size + usize::try_from(count).unwrap_or(usize::MAX / 4);
                }
                Ok(None) => return Step::More,
                Err(()) => return self.unexpected(held, sink),
            }
        }
        if before as u64 > length || before > HEAD {
            return self.unexpected(held, sink);
        }
        if body.len() < before {
            return Step::More;
        }
        let name = body.get(2..2 + topic).unwrap_or_default();
        if name != self.topic {
            self.stop(sink);
            self.topic = name.to_vec();
        }
        let bytes = held.len() as u64;
        match length - before as u64 {
            0 => {
                self.at = At::Other(bytes);
                Step::Done(held.len(), Next::Content(0))
            }
            payload => {
                self.at = At::Sniff(payload, bytes);
                Step::Done(held.len(), Next::Field)
            }
        }
    }

    /// What cannot be a packet.
    fn unexpected(&mut self, held: &[u8], sink: &mut Sink<'_>) -> Step {
        self.stop(sink);
        unexpected("an MQTT packet", held.get(..16).unwrap_or(held), sink)
    }

    /// What waits for another message gets none.
    fn stop(&mut self, sink: &mut Sink<'_>) {
        if self.pieces.waits() {
            self.pieces.end(Ending::Length, sink);
        }
    }

    /// The first bytes of a payload, whose kind is not known yet.
    fn sniff(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        let At::Sniff(length, before) = self.at else {
            return Step::More;
        };
        let sniffed = sniff(held);
        let few = (held.len() as u64) < length && held.len() < SNIFF_BYTES;
        if few && sniffed == Sniff::NeedMore && matches!(behind, Behind::More | Behind::Answer) {
            return Step::More;
        }
        if behind != Behind::More {
            self.stop(sink);
        }
        if behind == Behind::Gap {
            packet(before, sink);
            return Step::Done(0, Next::Lost);
        }
        if let Sniff::Is(_) = sniffed {
            self.stop(sink);
            packet(before, sink);
            sink(Event::PictureStart {
                length: Some(length),
            });
            self.pieces.begin(held, sink);
            self.at = At::Picture;
        } else if self.pieces.waits() {
            packet(before, sink);
            self.pieces.go_on(sink);
            self.at = At::Picture;
        } else {
            self.at = At::Other(before);
        }
        Step::Done(0, Next::Content(length))
    }
}

fn packet(bytes: u64, sink: &mut Sink<'_>) {
    framing(Framing::Field("MQTT packet"), bytes, sink);
}

impl Grammar for Mqtt {
    fn field(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        match self.at {
            At::Sniff(..) => self.sniff(held, behind, sink),
            _ => self.head(held, sink),
        }
    }

    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if let At::Other(came) = &mut self.at {
            *came = came.saturating_add(bytes.len() as u64);
            return;
        }
        let (new, over) = bytes.split_at(self.pieces.take(bytes));
        if !new.is_empty() {
            sink(Event::PictureData(new));
        }
        if self.pieces.is_joined() {
            self.pieces.end(Ending::Structure, sink);
            self.at = At::Other(over.len() as u64);
        }
    }

    fn content_gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if let At::Other(came) = &mut self.at {
            let came = std::mem::take(came);
            self.stop(sink);
            packet(came, sink);
            sink(Event::StrayGap(length));
        } else {
            sink(Event::PictureGap(length));
            self.pieces.gap(length);
        }
    }

    fn content_over(&mut self, sink: &mut Sink<'_>) -> Next {
        if let At::Other(came) = self.at {
            packet(came, sink);
        } else if !self.pieces.message_over() {
            self.pieces.end(Ending::Length, sink);
        }
        self.at = At::Head;
        Next::Field
    }

    fn lose(&mut self, sink: &mut Sink<'_>) {
        self.stop(sink);
    }

    fn cut(&mut self, _left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        self.stop(sink);
        if let At::Other(came) = self.at {
            packet(came, sink);
        } else {
            self.pieces.end(Ending::Cut(end), sink);
        }
    }
}

impl WireFormat for MqttDecoder {
    const ROW: Row = Row {
        name: "mqtt",
        meaning: "MQTT 3.1.1 and 5: each PUBLISH packet whose payload is a picture; topic, packet identifier and properties are framing.",
        over: Over::Stream,
        names_itself: true,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        Probe::of(
            is_mqtt(clues.head),
            "the stream begins with CONNECT of MQTT",
        )
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::super::Decode as _;
    use super::super::testing::{Seen, fixtures, pictures, run};
    use super::*;

    fn length(mut value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 0x7f {
            bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    fn publish(quality: u8, payload: &[u8], declared: usize) -> Vec<u8> {
        let topic = b"\0\x05a/pic";
        let number: &[u8] = if quality > 0 { b"\0\x07" } else { b"" };
        let size = topic.len() + number.len() + declared;
        [
            &[0x30 | quality << 1][..],
            &length(size),
            topic,
            number,
            payload,
        ]
        .concat()
    }

    fn decode(stream: &[u8], cut: usize) -> Vec<Seen> {
        let mut decoder = MqttDecoder::default();
        run(|sink| {
            stream
                .chunks(cut)
                .for_each(|part| decoder.update(part, sink));
            decoder.finish(StreamEnd::Fin, sink);
        })
    }

    #[test]
    fn pictures_in_published_messages() {
        let connect = [
            &b"\x10"[..],
            &length(23),
            b"\0\x04MQTT\x04\x02\0\x3c\0\x0bESP32Client",
        ]
        .concat();
        assert_eq!(is_mqtt(&connect), Some(true));
        let (one, two) = (&fixtures()[0], &fixtures()[2]);
        let stream = [
            connect,
            publish(0, one, one.len()),
            publish(1, b"text", 4),
            publish(1, two, two.len()),
            b"\xe0\0".to_vec(),
        ]
        .concat();
        let whole = decode(&stream, usize::MAX);
        assert_eq!(
            pictures(&whole),
            [(one.clone(), Ending::Length), (two.clone(), Ending::Length)]
        );
        assert!(
            !whole
                .iter()
                .any(|event| matches!(event, Seen::Stray(_) | Seen::Fault(_)))
        );
        for cut in [1, 5, 100] {
            assert_eq!(decode(&stream, cut), whole);
        }
    }

    #[test]
    fn payload_shorter_than_declared_swallows_the_next_packet() {
        let picture = &fixtures()[2];
        let stream = [
            publish(0, &picture[..300], picture.len()),
            publish(0, &picture[..300], picture.len()),
        ]
        .concat();
        let seen = decode(&stream, 50);
        assert_eq!(seen[1], Seen::Start(Some(picture.len() as u64)));
        assert_eq!(pictures(&seen)[0].1, Ending::Cut(StreamEnd::Fin));
    }
}

//! `mqtt`: pictures in the payload of PUBLISH packets (MQTT 3.1.1, section 3.3; MQTT 5, section 3.3).
//!
//! A packet is a type, a remaining length in seven bits a byte, and so many bytes; a PUBLISH begins with its topic, and with
//! a packet number where its quality of service asks for an answer. A payload that begins as a picture is one, as long as
//! the packet says; where its structure is not over then, and the next packet of the topic begins none, that one goes on with it. What cannot be a packet loses the framing: where a sender wrote less than it declared, the next packet lies
//! inside the payload.

use super::carve::CarveDecoder;
use super::content::Pieces;
use super::detect::Clues;
use super::formats::{Over, Probe, Row, WireFormat};
use super::{Decode, Ending, Event, Fault, Framing, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// Longest head: type, remaining length, topic, packet number.
const HEAD: usize = 1024;

/// Decoder of one direction of MQTT.
#[derive(Debug, Clone, Default)]
pub struct MqttDecoder {
    head: Vec<u8>,
    state: State,
    version: u8,
    /// The picture at hand, and the topic that it came under.
    pieces: Pieces,
    topic: Vec<u8>,
    lost: Option<Box<CarveDecoder>>,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Head,
    /// So many bytes of a packet that holds no picture are still to come, and so many came, head included.
    Other(u64, u64),
    /// The first bytes of a payload, its length, and the bytes of the head before it.
    Sniff(Vec<u8>, u64, u64),
    Picture(u64),
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

impl MqttDecoder {
    /// Another byte of a head; what it is shows as soon as it can.
    fn head(&mut self, byte: u8, sink: &mut Sink<'_>) {
        self.head.push(byte);
        let &[first, ref rest @ ..] = &self.head[..] else {
            return;
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
            self.lose(sink);
            return;
        }
        let (length, size) = match remaining(rest) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(()) => {
                self.lose(sink);
                return;
            }
        };
        let fixed = 1 + size as u64;
        if kind != 3 {
            self.stop(sink);
            if kind == 1 {
                // The version stands behind the name of the protocol.
                if self.head.len() as u64 <= fixed + 8 && (self.head.len() as u64) < fixed + length
                {
                    return;
                }
                self.version = self.head.get(size + 7).copied().unwrap_or(4);
            }
            let held = self.head.len() as u64;
            self.head.clear();
            self.state = State::Other((fixed + length).saturating_sub(held), held);
            self.other_over(sink);
            return;
        }
        // A topic, and a number where the quality of service is above 0.
        let body = rest.get(size..).unwrap_or_default();
        let &[high, low, ..] = body else {
            return;
        };
        let topic = usize::from(high) << 8 | usize::from(low);
        let number = if first & 6 == 0 { 0 } else { 2 };
        let mut before = 2 + topic + number;
        if self.version == 5 {
            let Some(properties) = body.get(before..) else {
                return;
            };
            match remaining(properties) {
                Ok(Some((count, size))) => {
                    before += size + usize::try_from(count).unwrap_or(usize::MAX / 4);
                }
                Ok(None) => return,
                Err(()) => {
                    self.lose(sink);
                    return;
                }
            }
        }
        if before as u64 > length || before > HEAD {
            self.lose(sink);
            return;
        }
        if body.len() < before {
            return;
        }
        let held = self.head.len() as u64;
        let name = body.get(2..2 + topic).unwrap_or_default();
        if name != self.topic {
            let name = name.to_vec();
            self.stop(sink);
            self.topic = name;
        }
        self.head.clear();
        self.state = match length - before as u64 {
            0 => State::Other(0, held),
            payload => State::Sniff(Vec::new(), payload, held),
        };
        self.other_over(sink);
    }

    /// What waits for another message gets none.
    fn stop(&mut self, sink: &mut Sink<'_>) {
        if self.pieces.waits() {
            self.pieces.end(Ending::Length, sink);
        }
    }

    fn other_over(&mut self, sink: &mut Sink<'_>) {
        if let State::Other(0, bytes) = self.state {
            packet(bytes, sink);
            self.state = State::Head;
        }
    }

    fn lose(&mut self, sink: &mut Sink<'_>) {
        self.stop(sink);
        let held = std::mem::take(&mut self.head);
        sink(Event::Fault(Fault::BadField {
            expected: "an MQTT packet",
            found: String::from_utf8_lossy(held.get(..16).unwrap_or(&held)).into_owned(),
            hint: None,
        }));
        let mut carve = Box::new(CarveDecoder::inside());
        carve.update(&held, sink);
        self.lost = Some(carve);
    }

    /// Bytes of a payload whose kind is not known yet.
    fn sniff(&mut self, byte: u8, sink: &mut Sink<'_>) {
        let State::Sniff(held, length, before) = &mut self.state else {
            return;
        };
        held.push(byte);
        let (length, before) = (*length, *before);
        match sniff(held) {
            Sniff::NeedMore if (held.len() as u64) < length && held.len() < SNIFF_BYTES => {}
            Sniff::Is(_) => {
                let held = std::mem::take(held);
                self.stop(sink);
                packet(before, sink);
                sink(Event::PictureStart {
                    length: Some(length),
                });
                self.pieces.begin(&held, sink);
                self.pieces.take(&held);
                sink(Event::PictureData(&held));
                self.state = State::Picture(length - held.len() as u64);
                self.picture_over(sink);
            }
            _ if self.pieces.waits() => {
                let held = std::mem::take(held);
                packet(before, sink);
                self.pieces.go_on(sink);
                self.state = State::Picture(length);
                self.picture(&held, sink);
            }
            _ => {
                let held = held.len() as u64;
                self.state = State::Other(length.saturating_sub(held), before + held);
                self.other_over(sink);
            }
        }
    }

    /// Bytes of a picture, at most those that its message still has.
    fn picture(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let State::Picture(left) = &mut self.state else {
            return;
        };
        *left = left.saturating_sub(bytes.len() as u64);
        let left = *left;
        let (new, over) = bytes.split_at(self.pieces.take(bytes));
        if !new.is_empty() {
            sink(Event::PictureData(new));
        }
        if self.pieces.is_joined() {
            self.pieces.end(Ending::Structure, sink);
            self.state = State::Other(left, over.len() as u64);
            self.other_over(sink);
        } else {
            self.picture_over(sink);
        }
    }

    fn picture_over(&mut self, sink: &mut Sink<'_>) {
        if let State::Picture(0) = self.state {
            if !self.pieces.message_over() {
                self.pieces.end(Ending::Length, sink);
            }
            self.state = State::Head;
        }
    }
}

fn packet(bytes: u64, sink: &mut Sink<'_>) {
    if bytes > 0 {
        sink(Event::Framing {
            what: Framing::Field("MQTT packet"),
            bytes,
        });
    }
}

impl Decode for MqttDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            if let Some(carve) = &mut self.lost {
                carve.update(rest, sink);
                return;
            }
            let most = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            match &mut self.state {
                State::Head => {
                    rest = later;
                    self.head(byte, sink);
                }
                State::Sniff(..) => {
                    rest = later;
                    self.sniff(byte, sink);
                }
                State::Other(left, came) => {
                    let take = most(*left);
                    *left -= take as u64;
                    *came = came.saturating_add(take as u64);
                    rest = rest.get(take..).unwrap_or_default();
                    self.other_over(sink);
                }
                State::Picture(left) => {
                    let (new, later) = rest.split_at(most(*left));
                    rest = later;
                    self.picture(new, sink);
                }
            }
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        if let Some(carve) = &mut self.lost {
            carve.gap(length, sink);
            return;
        }
        if !matches!(self.state, State::Picture(_)) {
            self.stop(sink);
        }
        match std::mem::take(&mut self.state) {
            State::Picture(left) if length <= left => {
                sink(Event::PictureGap(length));
                self.pieces.gap(length);
                self.state = State::Picture(left - length);
                self.picture_over(sink);
                return;
            }
            State::Picture(left) => {
                sink(Event::PictureGap(left));
                self.pieces.end(Ending::Length, sink);
                self.lost = Some(Box::new(CarveDecoder::inside()));
                self.gap(length - left, sink);
                return;
            }
            State::Other(left, came) if length < left => {
                packet(came, sink);
                sink(Event::StrayGap(length));
                self.state = State::Other(left - length, 0);
                return;
            }
            State::Other(_, came) => packet(came, sink),
            State::Sniff(held, _, before) => {
                packet(before, sink);
                if !held.is_empty() {
                    sink(Event::Stray(&held));
                }
            }
            State::Head => {
                let held = std::mem::take(&mut self.head);
                if !held.is_empty() {
                    sink(Event::Stray(&held));
                }
            }
        }
        self.lost = Some(Box::new(CarveDecoder::inside()));
        self.gap(length, sink);
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        if let Some(carve) = &mut self.lost {
            carve.finish(end, sink);
            return;
        }
        self.stop(sink);
        match std::mem::take(&mut self.state) {
            State::Picture(_) => self.pieces.end(Ending::Cut(end), sink),
            State::Other(_, came) => packet(came, sink),
            State::Sniff(held, _, before) => packet(before + held.len() as u64, sink),
            State::Head => {
                let held = std::mem::take(&mut self.head);
                if !held.is_empty() {
                    sink(Event::Stray(&held));
                }
            }
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

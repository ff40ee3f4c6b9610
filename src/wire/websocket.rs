//! WebSocket frames (RFC 6455), after the upgrade that [`super::http`] sees: masked or not, fragmented or not.
//!
//! A binary message that begins as a picture is one; its frames' heads lie inside it where it is fragmented. Base64 in a text
//! message is read as [`super::encoded`] does. All other messages and control frames are framing.
//! What cannot be a frame (a reserved opcode or bit) loses the framing, and is carved.

use super::carve::CarveDecoder;
use super::encoded::Base64Decoder;
use super::sequence::covered;
use super::{Decode, Ending, Event, Framing, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// Longest head of a frame.
const HEAD: usize = 14;

/// Decoder of one direction behind the upgrade.
#[derive(Debug, Default)]
pub struct WebSocketDecoder {
    /// Bytes of a frame's head that is not complete.
    head: [u8; HEAD],
    filled: u8,
    frame: Option<Frame>,
    message: Message,
    /// Bytes of framing that are not told of yet.
    pending: u64,
    lost: Option<Box<CarveDecoder>>,
}

/// The frame at hand.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: u64,
    mask: [u8; 4],
    masked: bool,
    /// Place of the next byte in the mask.
    turn: u8,
    last: bool,
    control: bool,
}

/// The message at hand.
#[derive(Debug, Default)]
enum Message {
    #[default]
    None,
    /// Its first bytes, which do not tell yet; and its length, where its first frame is its last.
    Sniff(Vec<u8>, Option<u64>),
    Picture,
    Text(Box<Base64Decoder>),
    Other,
}

/// What a head says, and how long it is.
fn read(head: &[u8]) -> Result<Option<(Frame, u8)>, ()> {
    let &[first, second, ref rest @ ..] = head else {
        return Ok(None);
    };
    let opcode = first & 0x0f;
    let control = opcode >= 8;
    if first & 0x70 != 0 || matches!(opcode, 3..=7 | 11..=15) || control && first & 0x80 == 0 {
        return Err(());
    }
    let masked = second & 0x80 != 0;
    let short = second & 0x7f;
    let wide = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if control && wide > 0 {
        return Err(());
    }
    let Some((length, rest)) = rest.split_at_checked(wide) else {
        return Ok(None);
    };
    let left = if wide == 0 {
        u64::from(short)
    } else {
        length
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte))
    };
    if left > super::length::MOST {
        return Err(());
    }
    let mask = match (masked, rest) {
        (true, &[a, b, c, d, ..]) => [a, b, c, d],
        (true, _) => return Ok(None),
        (false, _) => [0; 4],
    };
    Ok(Some((
        Frame {
            left,
            mask,
            masked,
            turn: 0,
            last: first & 0x80 != 0,
            control,
        },
        opcode,
    )))
}

impl Frame {
    /// Takes the mask off.
    fn unmask(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes
            .iter()
            .map(|byte| {
                let key = self.mask.get(usize::from(self.turn)).copied().unwrap_or(0);
                self.turn = (self.turn + 1) % 4;
                byte ^ key
            })
            .collect()
    }
}

impl WebSocketDecoder {
    fn flush(&mut self, sink: &mut Sink<'_>) {
        let bytes = std::mem::take(&mut self.pending);
        if bytes > 0 {
            sink(Event::Framing {
                what: Framing::Field("WebSocket frame"),
                bytes,
            });
        }
    }

    /// Another byte of a head.
    fn head(&mut self, byte: u8, sink: &mut Sink<'_>) {
        let filled = usize::from(self.filled);
        if let Some(place) = self.head.get_mut(filled) {
            *place = byte;
        }
        self.filled = self.filled.saturating_add(1);
        let head = self.head;
        let head = head.get(..filled + 1).unwrap_or_default();
        match read(head) {
            Ok(None) => {}
            Err(()) => self.lose(head, sink),
            Ok(Some((frame, opcode))) => {
                self.filled = 0;
                self.pending = self.pending.saturating_add(head.len() as u64);
                if !frame.control {
                    match opcode {
                        0 => {}
                        1 => self.message = Message::Text(Box::default()),
                        _ => {
                            let length = frame.last.then_some(frame.left);
                            self.message = Message::Sniff(Vec::new(), length);
                        }
                    }
                }
                self.frame = Some(frame);
                if frame.left == 0 {
                    self.frame_over(sink);
                }
            }
        }
    }

    fn lose(&mut self, found: &[u8], sink: &mut Sink<'_>) {
        self.settle(Ending::Broken, StreamEnd::Fin, sink);
        self.flush(sink);
        self.filled = 0;
        let mut carve = Box::new(CarveDecoder::inside());
        if !found.is_empty() {
            carve.update(found, sink);
        }
        self.lost = Some(carve);
    }

    /// The message is over, or cut.
    fn settle(&mut self, ending: Ending, end: StreamEnd, sink: &mut Sink<'_>) {
        match std::mem::take(&mut self.message) {
            Message::Picture => {
                self.flush(sink);
                sink(Event::PictureEnd(ending));
            }
            Message::Text(mut text) => {
                self.text(&mut text, sink, |text, sink| text.finish(end, sink));
            }
            Message::Sniff(held, _) => {
                self.pending = self.pending.saturating_add(held.len() as u64);
            }
            Message::None | Message::Other => {}
        }
    }

    /// Lets the text's decoder work: what is no picture in it is framing.
    fn text(
        &mut self,
        text: &mut Base64Decoder,
        sink: &mut Sink<'_>,
        work: impl FnOnce(&mut Base64Decoder, &mut Sink<'_>),
    ) {
        let pending = &mut self.pending;
        work(text, &mut |event| match event {
            Event::Stray(bytes) => *pending = pending.saturating_add(bytes.len() as u64),
            event => {
                let bytes = std::mem::take(pending);
                if bytes > 0 {
                    sink(Event::Framing {
                        what: Framing::Field("WebSocket frame"),
                        bytes,
                    });
                }
                // The end of the message is the end that was due.
                sink(match event {
                    Event::PictureEnd(Ending::EndOfStream(StreamEnd::Fin)) => {
                        Event::PictureEnd(Ending::Length)
                    }
                    event => event,
                });
            }
        });
    }

    fn frame_over(&mut self, sink: &mut Sink<'_>) {
        let Some(frame) = self.frame.take() else {
            return;
        };
        if frame.control {
            return;
        }
        if let Message::Sniff(held, _) = &mut self.message
            && !frame.last
        {
            // Too little to tell in the first fragment.
            self.pending = self.pending.saturating_add(held.len() as u64);
            self.message = Message::Other;
        }
        if frame.last {
            self.settle(Ending::Length, StreamEnd::Fin, sink);
        }
    }

    /// Payload bytes.
    fn payload(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let Some(frame) = &mut self.frame else { return };
        frame.left = frame.left.saturating_sub(bytes.len() as u64);
        let (masked, control, over) = (frame.masked, frame.control, frame.left == 0);
        let wire = bytes.len() as u64;
        let plain = if masked {
            std::borrow::Cow::Owned(frame.unmask(bytes))
        } else {
            std::borrow::Cow::Borrowed(bytes)
        };
        if control {
            self.pending = self.pending.saturating_add(wire);
        } else {
            match std::mem::take(&mut self.message) {
                Message::Picture => {
                    self.flush(sink);
                    give(masked, &plain, sink);
                    self.message = Message::Picture;
                }
                Message::Sniff(mut held, length) => {
                    let room = SNIFF_BYTES.saturating_sub(held.len()).min(plain.len());
                    let (new, rest) = plain.split_at_checked(room).unwrap_or((&plain, &[]));
                    held.extend_from_slice(new);
                    match sniff(&held) {
                        Sniff::NeedMore => self.message = Message::Sniff(held, length),
                        Sniff::Is(_) => {
                            self.flush(sink);
                            sink(Event::PictureStart { length });
                            give(masked, &held, sink);
                            give(masked, rest, sink);
                            self.message = Message::Picture;
                        }
                        Sniff::No => {
                            let bytes = held.len().saturating_add(rest.len());
                            self.pending = self.pending.saturating_add(bytes as u64);
                            self.message = Message::Other;
                        }
                    }
                }
                Message::Text(mut text) => {
                    self.text(&mut text, sink, |text, sink| text.update(&plain, sink));
                    self.message = Message::Text(text);
                }
                other => {
                    self.pending = self.pending.saturating_add(wire);
                    self.message = other;
                }
            }
        }
        if over {
            self.frame_over(sink);
        }
    }
}

/// Bytes of the picture: as they are on the wire, or without their mask.
fn give(masked: bool, bytes: &[u8], sink: &mut Sink<'_>) {
    if masked {
        covered(bytes.len() as u64, bytes, sink);
    } else if !bytes.is_empty() {
        sink(Event::PictureData(bytes));
    }
}

impl Decode for WebSocketDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while let Some((&byte, later)) = rest.split_first() {
            if let Some(carve) = &mut self.lost {
                carve.update(rest, sink);
                return;
            }
            match self.frame.map(|frame| frame.left) {
                None => {
                    self.head(byte, sink);
                    rest = later;
                }
                Some(left) => {
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    self.payload(new, sink);
                    rest = later;
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
        if let Some(frame) = &mut self.frame
            && matches!(self.message, Message::Picture)
            && !frame.control
            && length <= frame.left
        {
            frame.left -= length;
            let turn = (u64::from(frame.turn) + length) % 4;
            frame.turn = u8::try_from(turn).unwrap_or(0);
            let over = frame.left == 0;
            self.flush(sink);
            sink(Event::PictureGap(length));
            if over {
                self.frame_over(sink);
            }
            return;
        }
        let head = self.head;
        let head = head
            .get(..usize::from(self.filled))
            .unwrap_or_default()
            .to_vec();
        self.lose(&head, sink);
        self.gap(length, sink);
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        if let Some(carve) = &mut self.lost {
            carve.finish(end, sink);
            return;
        }
        self.settle(Ending::Cut(end), end, sink);
        self.flush(sink);
        let all = self.head;
        let held = all.get(..usize::from(self.filled)).unwrap_or_default();
        if !held.is_empty() {
            sink(Event::Stray(held));
        }
        self.filled = 0;
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
mod tests {
    use super::super::testing::{Seen, fixtures, pictures, run};
    use super::*;

    fn frame(opcode: u8, last: bool, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![opcode | if last { 0x80 } else { 0 }];
        let flag = if mask.is_some() { 0x80 } else { 0 };
        if payload.len() < 126 {
            bytes.push(flag | payload.len() as u8);
        } else {
            bytes.push(flag | 0x7e);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
        bytes.extend(mask.into_iter().flatten());
        let key = mask.unwrap_or_default();
        bytes.extend(
            payload
                .iter()
                .enumerate()
                .map(|(at, byte)| byte ^ key[at % 4]),
        );
        bytes
    }

    fn decode(stream: &[u8], cut: usize) -> Vec<Seen> {
        let mut decoder = WebSocketDecoder::default();
        run(|sink| {
            stream
                .chunks(cut)
                .for_each(|part| decoder.update(part, sink));
            decoder.finish(StreamEnd::Fin, sink);
        })
    }

    #[test]
    fn masked_fragmented_and_plain_messages() {
        let (one, two) = (&fixtures()[0], &fixtures()[2]);
        for mask in [None, Some([1, 2, 3, 250])] {
            let stream = [
                frame(1, true, mask, b"hello"),
                frame(2, true, mask, one),
                frame(2, false, mask, &two[..100]),
                frame(9, true, mask, b"ping"),
                frame(0, false, mask, &two[100..300]),
                frame(0, true, mask, &two[300..]),
                frame(8, true, mask, b""),
            ]
            .concat();
            let whole = decode(&stream, usize::MAX);
            assert_eq!(
                pictures(&whole),
                [(one.clone(), Ending::Length), (two.clone(), Ending::Length)]
            );
            assert!(!whole.iter().any(|event| matches!(event, Seen::Stray(_))));
            for cut in [1, 3, 64] {
                assert_eq!(decode(&stream, cut), whole);
            }
        }
    }

    #[test]
    fn short_message_is_cut_and_no_frame_is_carved() {
        let picture = &fixtures()[0];
        let stream = frame(2, true, None, picture);
        let seen = decode(&stream[..stream.len() - 5], 7);
        assert_eq!(pictures(&seen)[0].1, Ending::Cut(StreamEnd::Fin));
        let stream = [b"\x72\x05".to_vec(), picture.clone()].concat();
        assert_eq!(
            pictures(&decode(&stream, 5)),
            [(picture.clone(), Ending::Structure)]
        );
    }
}

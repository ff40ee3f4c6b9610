//! `udp`: datagrams with pieces of one picture, unnumbered (P5); also one whole picture a datagram.
//!
//! Datagrams on a port are not all pictures: greetings and acknowledgements pass too, in either direction. So a
//! picture starts only with a datagram that [`sniff`] takes for the beginning of one (also when the format was
//! given by the user), and datagrams outside a picture are stray.
//! It ends with an empty datagram, or with the datagram after the one in which its own structure ended, or
//! when no datagram comes any more. Which bytes were lost, nothing says: a datagram that is missing is no gap,
//! and a structure broken by one is carried on until one of these ends, or until a datagram that starts a picture.
//!
//! The borders of datagrams mean something here, so the law of split-independence holds for datagrams only.

use super::{Decode, Ending, Event, Fixed, Framing, Protocol, Sink, StreamEnd};
use crate::picture::{Format, SNIFF_BYTES, Sniff, Status, Walker, sniff};

/// Decoder of one direction of `udp`.
#[derive(Debug, Clone, Default)]
pub struct UdpDecoder {
    /// The open picture. Boxed: most directions have none, most of the time.
    walker: Option<Box<Walker>>,
    /// First `held` bytes: datagrams too short to tell whether they begin a picture.
    hold: [u8; SNIFF_BYTES],
    held: u8,
    /// How many datagrams gave bytes to the open picture, as far as it matters: none, one, more.
    datagrams: u8,
    /// A picture ended, and each that did had one datagram.
    whole_datagrams: Option<bool>,
}

impl UdpDecoder {
    /// `udp`; `udp-jpeg` where every picture so far was one datagram and nothing ended it but itself.
    pub fn protocol(&self) -> Protocol {
        if self.whole_datagrams == Some(true) {
            Protocol::Fixed(Fixed::UdpJpeg)
        } else {
            Protocol::Udp
        }
    }

    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        if self.walker.take().is_some() {
            let alone = self.datagrams <= 1 && ending == Ending::Structure;
            self.whole_datagrams = Some(alone && self.whole_datagrams != Some(false));
            sink(Event::PictureEnd(ending));
        }
    }

    /// A picture that is whole by its structure is over.
    pub(super) fn settle_whole(&mut self, sink: &mut Sink<'_>) {
        let status = self.walker.as_ref().map(|walker| walker.status());
        if let Some(Status::Whole { .. }) = status {
            self.end(Ending::Structure, sink);
        }
    }

    fn settle(&mut self, sink: &mut Sink<'_>) {
        let held = usize::from(std::mem::take(&mut self.held));
        if held > 0 {
            sink(Event::Stray(self.hold.get(..held).unwrap_or_default()));
        }
    }

    fn start(&mut self, format: Format, sink: &mut Sink<'_>) {
        self.walker = Some(Box::new(Walker::new(format)));
        self.datagrams = 0;
        sink(Event::PictureStart { length: None });
        let count = usize::from(std::mem::take(&mut self.held));
        let hold = self.hold;
        if let Some(first @ [_, ..]) = hold.get(..count) {
            self.data(first, sink);
        }
    }

    /// Bytes of the open picture; what is over when its structure ends is stray.
    fn data(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let Some(walker) = &mut self.walker else {
            return;
        };
        self.datagrams = self.datagrams.saturating_add(1);
        let taken = walker.update(bytes);
        if !matches!(walker.status(), Status::Whole { .. }) {
            sink(Event::PictureData(bytes));
            return;
        }
        let (of_picture, over) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        if !of_picture.is_empty() {
            sink(Event::PictureData(of_picture));
        }
        if !over.is_empty() {
            self.end(Ending::Structure, sink);
            sink(Event::Stray(over));
        }
    }

    /// Whether the open picture is over because this datagram begins another one.
    fn interrupted(&self, payload: &[u8]) -> bool {
        let Some(walker) = &self.walker else {
            return false;
        };
        if !matches!(
            sniff(payload.get(..SNIFF_BYTES).unwrap_or(payload)),
            Sniff::Is(_)
        ) {
            return false;
        }
        // A thumbnail's start may fall on a border too: only what the structure does not allow here is a new picture.
        let mut trial = walker.clone();
        trial.update(payload);
        matches!(trial.status(), Status::Broken { .. })
    }

    fn outside(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        loop {
            let before = usize::from(self.held);
            let mut head = self.hold;
            let room = head.len().saturating_sub(before);
            for (place, &byte) in head.iter_mut().skip(before).zip(payload) {
                *place = byte;
            }
            let known = before.saturating_add(room.min(payload.len()));
            match sniff(head.get(..known).unwrap_or_default()) {
                Sniff::Is(format) => {
                    self.start(format, sink);
                    self.data(payload, sink);
                    return;
                }
                Sniff::NeedMore => {
                    self.hold = head;
                    self.held = u8::try_from(known).unwrap_or(0);
                    return;
                }
                Sniff::No if before > 0 => self.settle(sink),
                Sniff::No => {
                    sink(Event::Stray(payload));
                    return;
                }
            }
        }
    }
}

impl Decode for UdpDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if !bytes.is_empty() {
            self.datagram(bytes, sink);
        }
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        if payload.is_empty() {
            self.settle(sink);
            self.end(Ending::EmptyDatagram, sink);
            self.whole_datagrams = Some(false);
            sink(Event::Framing {
                what: Framing::EndDatagram,
                bytes: 0,
            });
            return;
        }
        match self.walker.as_ref().map(|walker| walker.status()) {
            Some(Status::Whole { .. }) => self.end(Ending::Structure, sink),
            Some(_) if self.interrupted(payload) => self.end(Ending::Broken, sink),
            _ => {}
        }
        if self.walker.is_some() {
            self.data(payload, sink);
        } else {
            self.outside(payload, sink);
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        self.settle(sink);
        let Some(walker) = &mut self.walker else {
            sink(Event::StrayGap(length));
            return;
        };
        if matches!(walker.status(), Status::Whole { .. }) {
            self.end(Ending::Structure, sink);
            sink(Event::StrayGap(length));
            return;
        }
        let gone = walker.gap(length).min(length);
        let whole = matches!(walker.status(), Status::Whole { .. });
        let of_picture = if whole { gone } else { length };
        if of_picture > 0 {
            sink(Event::PictureGap(of_picture));
        }
        let over = length.saturating_sub(of_picture);
        if over > 0 {
            self.end(Ending::Structure, sink);
            sink(Event::StrayGap(over));
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.settle(sink);
        let ending = match self.walker.as_ref().map(|walker| walker.status()) {
            Some(Status::Whole { .. }) => Ending::Structure,
            _ => Ending::Cut(end),
        };
        self.end(ending, sink);
    }
}

#[cfg(test)]
mod tests;

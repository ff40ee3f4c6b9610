//! `framed`: imgnet's own format, over TCP and UDP; docs/wire-formats.md specifies it byte by byte.
//!
//! Over TCP each picture is a [`Header`] of 64 bytes and then its bytes. Over UDP every datagram is a
//! [`Datagram`]; [`Sender`] and [`Receiver`] are the two ends, without sockets and clocks: datagrams and the time go in,
//! datagrams and deadlines come out.
//! The header's digest proves what arrived; nothing else on the wire can.

mod datagram;
mod receiver;
mod sender;
impl WireFormat for FramedDecoder {
    const ROW: Row = Row {
        name: "framed",
        meaning: "imgnet's own format: a header with length and SHA-256, over TCP, or over UDP with requests for what is lost.",
        over: Over::Either,
        names_itself: true,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        match clues.transport {
            TransportKind::Udp => Probe::of(
                Some(Datagram::is_one(clues.head)),
                "a datagram of imgnet's own format",
            ),
            TransportKind::Tcp => Probe::of(
                begins_with(clues.head, &MAGIC),
                "the stream begins as imgnet's own format",
            ),
        }
    }

    fn around(_head: &[u8], _length: u64) -> Result<Option<Around>, CannotEncode> {
        Ok(None)
    }

    fn whole(picture: &[u8], chunk: usize) -> Whole {
        Whole {
            before: Some(Header::of(picture, chunk).encode().to_vec()),
            undivided: false,
        }
    }
}

#[cfg(test)]
mod tests;
mod transmissions;

use sha2::{Digest as _, Sha256};

pub use datagram::{Datagram, Kind, MOST_PAYLOAD, Ranges};
pub use receiver::{Received, Receiver, ReceiverLimits};
pub use sender::{Outcome, Sender};

use super::carve::CarveDecoder;
use super::detect::{Clues, begins_with};
use super::encode::{Around, CannotEncode};
use super::formats::{Over, Probe, Row, Whole, WireFormat};
use super::length::MOST;
use super::sequence::{Order, Place, Sequence, covered};
use super::{Decode, Ending, Event, Fault, Framing, Sink, StreamEnd, Transmission};
use crate::flow::TransportKind;
use datagram::NOT_COUNTED;
use transmissions::{Arrival, Transmissions};

/// First bytes of a header.
pub const MAGIC: [u8; 8] = *b"\x93imgnet\n";
/// The version that this program writes and reads.
pub const VERSION: u8 = 1;
/// Bytes of a header.
pub const HEADER_BYTES: usize = 64;
/// Bytes in front of a piece, over UDP.
pub const DATAGRAM_HEADER_BYTES: u64 = datagram::HEADER_BYTES as u64;

/// What goes before a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// Chosen by the sender; another picture has another one.
    pub picture: u64,
    /// Bytes of the picture.
    pub length: u64,
    /// Bytes that the sender hands over at once; 0 where it does not say.
    pub chunk: u32,
    /// SHA-256 of the picture.
    pub sha256: [u8; 32],
}

impl Header {
    /// The header of a picture that is handed over in such chunks; its number is made of the digest.
    pub fn of(picture: &[u8], chunk: usize) -> Self {
        let sha256: [u8; 32] = Sha256::digest(picture).into();
        let number = sha256.first_chunk().copied().map_or(0, u64::from_be_bytes);
        Self {
            picture: number,
            length: picture.len() as u64,
            chunk: u32::try_from(chunk).unwrap_or(0),
            sha256,
        }
    }

    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let fields = MAGIC
            .into_iter()
            .chain([VERSION, 0, 0, 64])
            .chain(self.chunk.to_be_bytes())
            .chain(self.picture.to_be_bytes())
            .chain(self.length.to_be_bytes())
            .chain(self.sha256);
        let mut bytes = [0; HEADER_BYTES];
        for (place, byte) in bytes.iter_mut().zip(fields) {
            *place = byte;
        }
        bytes
    }

    /// The header at the beginning of `bytes`; absent where there is none of this version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let (fixed, sha256) = bytes.split_at(32);
        let (magic, rest) = fixed.split_at(8);
        let (start, rest) = rest.split_at(4);
        if magic != MAGIC || start != [VERSION, 0, 0, 64] {
            return None;
        }
        let (chunk, rest) = rest.split_at(4);
        let (picture, length) = rest.split_at(8);
        Some(Self {
            picture: u64::from_be_bytes(picture.try_into().ok()?),
            length: u64::from_be_bytes(length.try_into().ok()?),
            chunk: u32::from_be_bytes(chunk.try_into().ok()?),
            sha256: sha256.try_into().ok()?,
        })
    }
}

/// Decoder of one direction of `framed`, over TCP or over UDP.
#[derive(Debug, Clone, Default)]
pub struct FramedDecoder {
    state: State,
    /// UDP: the picture under way.
    open: Option<OpenUdp>,
    /// UDP: the last picture's number and what came of it, to recognise what comes again after its end.
    done: Option<(u64, Transmissions)>,
}

#[derive(Debug, Clone)]
enum State {
    /// Bytes of a header that is not complete.
    Header(Vec<u8>),
    Picture {
        left: u64,
        check: Check,
    },
    /// The framing is lost.
    Lost(Box<CarveDecoder>),
}

/// Compares what comes with the digest in the header.
#[derive(Debug, Clone)]
struct Check {
    /// Absent once bytes are missing: then nothing can be said.
    hasher: Option<Sha256>,
    declared: [u8; 32],
}

#[derive(Debug, Clone)]
struct OpenUdp {
    picture: u64,
    header: Option<Header>,
    sequence: Sequence,
    total: u64,
    check: Check,
    came: Transmissions,
}

impl Default for State {
    fn default() -> Self {
        Self::Header(Vec::new())
    }
}

impl Check {
    fn new(declared: [u8; 32]) -> Self {
        Self {
            hasher: Some(Sha256::new()),
            declared,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
    }

    /// Says so where all bytes came and are not those that were promised.
    fn finish(&mut self, sink: &mut Sink<'_>) {
        if let Some(hasher) = self.hasher.take() {
            let actual: [u8; 32] = hasher.finalize().into();
            if actual != self.declared {
                sink(Event::Fault(Fault::WrongDigest {
                    declared: crate::digest::hex(&self.declared),
                    actual: crate::digest::hex(&actual),
                }));
            }
        }
    }
}

impl FramedDecoder {
    fn lose(&mut self, held: &[u8], sink: &mut Sink<'_>) {
        let mut carve = Box::new(CarveDecoder::inside());
        carve.update(held, sink);
        self.state = State::Lost(carve);
    }

    fn header(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let Some(header) = Header::decode(bytes).filter(|header| header.length <= MOST) else {
            sink(Event::Fault(Fault::BadField {
                expected: "a header of imgnet's own format, version 1, for at most 1 GiB",
                found: String::from_utf8_lossy(bytes).into_owned(),
                hint: None,
            }));
            self.lose(bytes, sink);
            return;
        };
        sink(Event::Framing {
            what: Framing::Header(header),
            bytes: HEADER_BYTES as u64,
        });
        if header.length == 0 {
            self.state = State::default();
            return;
        }
        sink(Event::PictureStart {
            length: Some(header.length),
        });
        self.state = State::Picture {
            left: header.length,
            check: Check::new(header.sha256),
        };
    }

    /// So many bytes of the picture went by.
    fn advance(&mut self, count: u64, sink: &mut Sink<'_>) {
        if let State::Picture { left, check } = &mut self.state {
            *left = left.saturating_sub(count);
            if *left == 0 {
                check.finish(sink);
                sink(Event::PictureEnd(Ending::Length));
                self.state = State::default();
            }
        }
    }

    fn end_udp(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        let whole = open.sequence.is_settled() && open.sequence.next() >= open.total;
        open.sequence.settle(Some(open.total), sink);
        // A digest says something only of all bytes, and only where the announcement came.
        if whole && open.header.is_some() {
            open.check.finish(sink);
        }
        sink(Event::PictureEnd(ending));
        self.done = Some((open.picture, open.came));
    }

    fn start_udp(&mut self, picture: u64, header: Option<Header>, total: u64, sink: &mut Sink<'_>) {
        self.end_udp(Ending::Broken, sink);
        sink(Event::PictureStart {
            length: header.map(|header| header.length),
        });
        self.open = Some(OpenUdp {
            picture,
            header,
            sequence: Sequence::new(false),
            total,
            check: Check::new(header.map_or([0; 32], |header| header.sha256)),
            came: Transmissions::default(),
        });
    }

    /// Takes the datagram; true where the picture is complete with it.
    fn take(&mut self, datagram: &Datagram<'_>, bytes: u64, sink: &mut Sink<'_>) -> bool {
        match datagram.kind {
            Kind::Announce => self.announced(datagram, bytes, sink),
            Kind::Data => return self.piece(datagram, bytes, sink),
            Kind::Done => sink(Event::Framing {
                what: Framing::Confirmed {
                    picture: datagram.picture,
                    arrived: Some(datagram.offset).filter(|count| *count != NOT_COUNTED),
                },
                bytes,
            }),
            Kind::Request | Kind::Refuse | Kind::Prove => control(bytes, sink),
        }
        false
    }

    fn announced(&mut self, datagram: &Datagram<'_>, bytes: u64, sink: &mut Sink<'_>) {
        let header = Header::decode(datagram.payload);
        let known = self
            .open
            .as_mut()
            .filter(|open| open.picture == datagram.picture);
        if let (Some(open), Some(header)) = (known, header) {
            if open.header.is_none() && open.sequence.next() == 0 {
                open.check = Check::new(header.sha256);
                open.header = Some(header);
            }
            control(bytes, sink);
            return;
        }
        match header {
            Some(header) => sink(Event::Framing {
                what: Framing::Header(header),
                bytes,
            }),
            None => control(bytes, sink),
        }
        let again = matches!(&self.done, Some((done, _)) if *done == datagram.picture);
        if let Some(header) = header.filter(|header| header.length > 0 && !again) {
            let total = u64::from(datagram.total);
            self.start_udp(datagram.picture, Some(header), total, sink);
        }
    }

    fn piece(&mut self, datagram: &Datagram<'_>, bytes: u64, sink: &mut Sink<'_>) -> bool {
        let (index, total) = (u64::from(datagram.index), u64::from(datagram.total));
        let numbered = |order, sink: &mut Sink<'_>| {
            sink(Event::Numbered {
                index,
                total: Some(total),
                order,
                transmission: Some(Transmission {
                    picture: datagram.picture,
                    number: datagram.transmission,
                }),
            });
        };
        let here = self
            .open
            .as_ref()
            .is_some_and(|open| open.picture == datagram.picture);
        if !here
            && let Some((done, came)) = &mut self.done
            && *done == datagram.picture
        {
            let copy = came.take(datagram.transmission) == Arrival::Copy;
            numbered(if copy { Order::Copy } else { Order::Repeat }, sink);
            control(bytes, sink);
            return false;
        }
        if !here {
            self.start_udp(datagram.picture, None, total, sink);
        }
        let Some(open) = &mut self.open else {
            return false;
        };
        // The checksum fits, so other bytes under the same number cannot be; keep the first.
        let order = match open.sequence.place(index, datagram.payload) {
            Place::Here(order) => order,
            Place::Elsewhere => Order::Repeat,
        };
        // Who overtook whom is told by the order in which the sender handed them over.
        let told = match (open.came.take(datagram.transmission), order) {
            (Arrival::Copy, Order::Repeat) => Order::Copy,
            (Arrival::Overtaken, Order::Ahead) => Order::Late,
            (Arrival::Newest, Order::Late | Order::TooLate) => Order::Again,
            (_, order) => order,
        };
        numbered(told, sink);
        let payload = datagram.payload.len() as u64;
        sink(Event::Framing {
            what: Framing::PieceHeader,
            bytes: bytes.saturating_sub(payload),
        });
        let check = &mut open.check;
        let last = index.saturating_add(1) == total;
        open.sequence
            .take(index, datagram.payload, order, last, &mut |event| {
                match event {
                    Event::PictureData(bytes) | Event::PictureEncoded { bytes, .. } => {
                        check.update(bytes);
                    }
                    _ => check.hasher = None,
                }
                sink(event);
            });
        open.sequence.next() >= open.total
    }
}

/// A datagram that carries nothing of the picture.
fn control(bytes: u64, sink: &mut Sink<'_>) {
    sink(Event::Framing {
        what: Framing::Control,
        bytes,
    });
}

impl Decode for FramedDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.state {
                State::Header(held) => {
                    let missing = HEADER_BYTES.saturating_sub(held.len());
                    let (new, later) = rest.split_at(missing.min(rest.len()));
                    rest = later;
                    held.extend_from_slice(new);
                    let magic = held.len().min(MAGIC.len());
                    if held.get(..magic) != MAGIC.get(..magic) || held.len() >= HEADER_BYTES {
                        let held = std::mem::take(held);
                        // What may be said of it must not depend on how much came at once.
                        let wrong = held
                            .iter()
                            .zip(MAGIC)
                            .position(|(byte, known)| *byte != known);
                        match wrong {
                            Some(at) => {
                                let (before, after) = held
                                    .split_at_checked(at.saturating_add(1))
                                    .unwrap_or((&held, &[]));
                                sink(Event::Fault(Fault::BadField {
                                    expected: "the first bytes of imgnet's own format",
                                    found: String::from_utf8_lossy(before).into_owned(),
                                    hint: None,
                                }));
                                self.lose(before, sink);
                                self.update(after, sink);
                            }
                            None => self.header(&held, sink),
                        }
                    }
                }
                State::Picture { left, check } => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let (new, later) = rest.split_at(take);
                    rest = later;
                    check.update(new);
                    sink(Event::PictureData(new));
                    self.advance(take as u64, sink);
                }
                State::Lost(carve) => {
                    carve.update(rest, sink);
                    return;
                }
            }
        }
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        self.cut_datagram(payload, 0, sink);
    }

    fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
        let bytes = payload.len() as u64;
        let parsed = Datagram::decode_cut(payload, missing);
        if let Some(Err((found, expected))) = parsed {
            sink(Event::Fault(Fault::WrongChecksum { found, expected }));
        }
        let Some(Ok(datagram)) = parsed else {
            if self.open.is_some() {
                covered(bytes, &[], sink);
            } else if bytes > 0 {
                sink(Event::Stray(payload));
            }
            self.gap(missing, sink);
            return;
        };
        let complete = self.take(&datagram, bytes, sink);
        self.gap(missing, sink);
        if complete {
            self.end_udp(Ending::Length, sink);
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        if let Some(open) = &mut self.open {
            open.check.hasher = None;
            sink(Event::PictureGap(length));
            return;
        }
        match &mut self.state {
            State::Picture { left, check } => {
                let gone = length.min(*left);
                check.hasher = None;
                sink(Event::PictureGap(gone));
                self.advance(gone, sink);
                self.gap(length.saturating_sub(gone), sink);
            }
            State::Header(held) => {
                let held = std::mem::take(held);
                self.lose(&held, sink);
                self.gap(length, sink);
            }
            State::Lost(carve) => carve.gap(length, sink),
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.end_udp(Ending::Cut(end), sink);
        match &mut self.state {
            State::Header(held) if !held.is_empty() => sink(Event::Stray(held)),
            State::Header(_) => {}
            State::Picture { .. } => sink(Event::PictureEnd(Ending::Cut(end))),
            State::Lost(carve) => carve.finish(end, sink),
        }
    }
}

//! A picture compressed as a whole: gzip (RFC 1952), zlib (RFC 1950) or deflate without a header (RFC 1951).
//!
//! Its bytes come as [`Event::PictureEncoded`]. What is decompressed and begins as no picture is framing; what follows is stray.

use super::framer::framing;
use flate2::{FlushDecompress, Status};

use super::deflated::Inflater;
use super::length::{BOMB, MOST, is_bomb};
use super::sequence::covered;
use super::{Decode, Encoding, Ending, Event, Fault, Framing, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, sniff};

/// Decoder of one direction, or of what an outer format wraps.
#[derive(Debug, Clone)]
pub(crate) struct InflateDecoder {
    encoding: Encoding,
    stream: Option<Inflater>,
    state: State,
    /// How much came out.
    total: u64,
    /// Why it cannot be decompressed any further: told of at the end.
    broken: Option<String>,
}

#[derive(Debug, Clone)]
enum State {
    /// The first bytes that came out, and how many bytes of the stream gave them.
    Head(Vec<u8>, u64),
    Picture,
    /// No picture: so many bytes of the stream.
    Other(u64),
    /// It is over, or broken: what comes is none of it.
    Over,
}

fn begins(encoding: Encoding, head: &[u8]) -> bool {
    match (encoding, head) {
        (Encoding::Gzip, [0x1f, 0x8b, 8, flags, ..]) => flags & 0xe0 == 0,
        (Encoding::Zlib, [0x78, flags, ..]) => {
            flags & 0x20 == 0 && (0x7800_u16 + u16::from(*flags)).is_multiple_of(31)
        }
        _ => false,
    }
}

/// So many bytes without any output are tables, or nothing that is compressed.
const TABLES: usize = 48;

/// Whether bytes are the beginning of a compressed picture: which kind, where there are enough to tell.
pub(super) fn sniff_compressed(head: &[u8]) -> Option<Encoding> {
    let encoding = [Encoding::Gzip, Encoding::Zlib]
        .into_iter()
        .find(|encoding| begins(*encoding, head))?;
    let mut stream = fresh(encoding);
    let mut out = [0; SNIFF_BYTES];
    let sound = stream
        .decompress(head, &mut out, FlushDecompress::None)
        .is_ok();
    let count = usize::try_from(stream.total_out()).unwrap_or(0);
    // The tables that come first may be longer than what is looked at.
    let tables = sound && count == 0 && head.len() >= TABLES;
    (tables || matches!(sniff(out.get(..count)?), Sniff::Is(_))).then_some(encoding)
}

fn fresh(encoding: Encoding) -> Inflater {
    match encoding {
        Encoding::Gzip => Inflater::gzip(),
        encoding => Inflater::new(encoding == Encoding::Zlib),
    }
}

impl InflateDecoder {
    /// A decoder of what is compressed so.
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            stream: Some(fresh(encoding)),
            state: State::Head(Vec::new(), 0),
            total: 0,
            broken: None,
        }
    }

    /// Bytes that came out of `wire` bytes of the stream.
    fn out(&mut self, wire: u64, bytes: &[u8], sink: &mut Sink<'_>) {
        match &mut self.state {
            State::Picture => covered(wire, bytes, sink),
            State::Other(count) => *count = count.saturating_add(wire),
            State::Over => {}
            State::Head(held, before) => {
                held.extend_from_slice(bytes);
                *before = before.saturating_add(wire);
                match sniff(held.get(..SNIFF_BYTES).unwrap_or(held)) {
                    Sniff::NeedMore => {}
                    Sniff::Is(_) => {
                        let (held, before) = (std::mem::take(held), *before);
                        self.state = State::Picture;
                        sink(Event::PictureStart { length: None });
                        covered(before, &held, sink);
                    }
                    Sniff::No => self.state = State::Other(*before),
                }
            }
        }
    }

    fn end(&mut self, ending: Ending, sink: &mut Sink<'_>) {
        let mut ending = ending;
        if let Some(reason) = self.broken.take() {
            ending = Ending::Broken;
            sink(Event::Fault(Fault::BadEncoding {
                encoding: match self.encoding {
                    Encoding::Gzip => "gzip",
                    Encoding::Zlib => "zlib",
                    _ => "deflate",
                },
                reason,
            }));
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Picture => sink(Event::PictureEnd(ending)),
            State::Head(_, bytes) | State::Other(bytes) if bytes > 0 => sink(Event::Framing {
                what: Framing::Body,
                bytes,
            }),
            _ => {}
        }
    }
}

impl Decode for InflateDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut rest = bytes;
        let mut buffer = [0; 8192];
        while !rest.is_empty() {
            let Some(stream) = &mut self.stream else {
                if matches!(self.state, State::Over) {
                    sink(Event::Stray(rest));
                } else {
                    // Behind a gap, or what is broken, nothing can be decompressed.
                    self.out(rest.len() as u64, &[], sink);
                }
                return;
            };
            let (read, written) = (stream.total_in(), stream.total_out());
            let status = stream.decompress(rest, &mut buffer, FlushDecompress::None);
            let read = stream.total_in().saturating_sub(read);
            let written = stream.total_out().saturating_sub(written);
            self.total = self.total.saturating_add(written);
            let bomb = is_bomb(stream.total_in(), self.total);
            let count = usize::try_from(written).unwrap_or(0);
            rest = rest
                .get(usize::try_from(read).unwrap_or(usize::MAX)..)
                .unwrap_or_default();
            self.out(read, buffer.get(..count).unwrap_or_default(), sink);
            let reason = match status {
                Ok(Status::StreamEnd) => {
                    self.stream = None;
                    self.end(Ending::Structure, sink);
                    continue;
                }
                _ if bomb => BOMB.to_owned(),
                Ok(_) if read == 0 && count == 0 => "it does not go on".to_owned(),
                Ok(_) => continue,
                // What exactly is wrong depends on how the bytes came.
                Err(_) => "its data are damaged".to_owned(),
            };
            self.stream = None;
            self.broken = Some(reason);
        }
        // What a full buffer left inside comes out now.
        while let Some(stream) = &mut self.stream {
            let written = stream.total_out();
            let status = stream.decompress(&[], &mut buffer, FlushDecompress::None);
            let count = usize::try_from(stream.total_out().saturating_sub(written)).unwrap_or(0);
            self.total = self.total.saturating_add(count as u64);
            self.out(0, buffer.get(..count).unwrap_or_default(), sink);
            if matches!(status, Ok(Status::StreamEnd)) {
                self.stream = None;
                self.end(Ending::Structure, sink);
            }
            if count == 0 || self.total > MOST {
                break;
            }
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        self.stream = None;
        if matches!(self.state, State::Picture) {
            sink(Event::PictureGap(length));
            return;
        }
        self.end(Ending::Broken, sink);
        sink(Event::StrayGap(length));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.end(Ending::Cut(end), sink);
    }
}

/// Finds and decodes a picture in hexadecimal digits.
#[derive(Debug, Clone, Default)]
pub(crate) struct HexDecoder {
    /// Digits that may begin a picture, or the first one of a pair.
    held: Vec<u8>,
    /// How many digits of a pair came, of those not told of.
    halves: u64,
    open: bool,
    behind: Behind,
}

/// What stands directly behind a picture: a line end is of its text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Behind {
    #[default]
    Elsewhere,
    Picture,
    /// A CR came.
    Cr,
}

impl HexDecoder {
    /// Whether a byte is of the line end behind a picture; what it is no more is stray.
    fn line_end(&mut self, byte: u8, stray: &mut Vec<u8>, sink: &mut Sink<'_>) -> bool {
        let (bytes, next) = match (self.behind, byte) {
            (Behind::Elsewhere, _) => return false,
            (Behind::Picture, b'\r') => (0, Behind::Cr),
            (Behind::Picture, b'\n') => (1, Behind::Elsewhere),
            (Behind::Cr, b'\n') => (2, Behind::Elsewhere),
            _ => {
                self.no_line_end(stray);
                return false;
            }
        };
        framing(Framing::Field("line end"), bytes, sink);
        self.behind = next;
        true
    }

    /// What is held outside a picture is stray.
    fn settle(&mut self, sink: &mut Sink<'_>) {
        let mut stray = Vec::new();
        self.no_line_end(&mut stray);
        stray.append(&mut self.held);
        if !stray.is_empty() {
            sink(Event::Stray(&stray));
        }
    }

    /// The first digit of a pair that has no second one.
    fn half(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let real = std::mem::take(&mut self.halves) > 0;
        held.into_iter().filter(|_| real).collect()
    }

    fn no_line_end(&mut self, stray: &mut Vec<u8>) {
        if std::mem::take(&mut self.behind) == Behind::Cr {
            stray.push(b'\r');
        }
    }
}

/// So many digits tell a picture.
const DIGITS: usize = SNIFF_BYTES * 2;

fn pair(digits: &[u8]) -> Option<u8> {
    let &[high, low] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// Whether digits begin as a picture.
pub(super) fn sniff_hex(digits: &[u8]) -> Sniff {
    let digits = digits.get(..DIGITS).unwrap_or(digits);
    let bytes: Option<Vec<u8>> = digits.chunks_exact(2).map(pair).collect();
    bytes.map_or(Sniff::No, |bytes| sniff(&bytes))
}

impl Decode for HexDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let (mut wire, mut out, mut stray) = (0_u64, Vec::new(), Vec::new());
        for &byte in bytes {
            if self.open {
                if byte.is_ascii_hexdigit() {
                    self.held.push(byte);
                    self.halves += 1;
                    if let Some(value) = pair(&self.held) {
                        out.push(value);
                        wire += std::mem::take(&mut self.halves);
                        self.held.clear();
                    }
                    continue;
                }
                covered(std::mem::take(&mut wire), &out, sink);
                out.clear();
                self.open = false;
                sink(Event::PictureEnd(Ending::Structure));
                let half = self.half();
                if !half.is_empty() {
                    sink(Event::Stray(&half));
                }
                self.behind = Behind::Picture;
            }
            if self.line_end(byte, &mut stray, sink) {
                continue;
            }
            if !byte.is_ascii_hexdigit() {
                stray.append(&mut self.held);
                stray.push(byte);
                continue;
            }
            self.held.push(byte);
            match sniff_hex(&self.held) {
                Sniff::Is(_) if self.held.len().is_multiple_of(2) => {
                    if !stray.is_empty() {
                        sink(Event::Stray(&stray));
                        stray.clear();
                    }
                    self.open = true;
                    sink(Event::PictureStart { length: None });
                    wire = self.held.len() as u64;
                    out.extend(self.held.chunks_exact(2).filter_map(pair));
                    self.held.clear();
                }
                Sniff::No => {
                    stray.push(self.held.remove(0));
                }
                _ => {}
            }
        }
        covered(wire, &out, sink);
        if !stray.is_empty() {
            sink(Event::Stray(&stray));
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        if self.open {
            covered(std::mem::take(&mut self.halves), &[], sink);
            // Whether the next digit is the first of a pair its number tells.
            if (self.held.len() as u64 + length) % 2 == 1 {
                self.held = vec![b'0'];
            } else {
                self.held.clear();
            }
            sink(Event::PictureGap(length));
            return;
        }
        self.settle(sink);
        sink(Event::StrayGap(length));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        if std::mem::take(&mut self.open) {
            sink(Event::PictureEnd(Ending::EndOfStream(end)));
            let half = self.half();
            if !half.is_empty() {
                sink(Event::Stray(&half));
            }
        }
        self.settle(sink);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Write as _;

    use super::super::testing::{fixtures, pictures, run};
    use super::*;

    #[test]
    fn compressed_pictures_one_after_the_other() {
        for picture in fixtures() {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(picture).unwrap();
            let gzip = encoder.finish().unwrap();
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
            encoder.write_all(picture).unwrap();
            let zlib = encoder.finish().unwrap();
            for (encoding, stream) in [(Encoding::Gzip, gzip), (Encoding::Zlib, zlib)] {
                assert_eq!(sniff_compressed(&stream), Some(encoding));
                let decode = |stream: &[u8], size: usize| {
                    let mut decoder = InflateDecoder::new(encoding);
                    run(|sink| {
                        stream
                            .chunks(size)
                            .for_each(|part| decoder.update(part, sink));
                        decoder.finish(StreamEnd::Fin, sink);
                    })
                };
                let whole = decode(&stream, stream.len());
                assert_eq!(pictures(&whole), [(picture.clone(), Ending::Structure)]);
                for size in [1, 7] {
                    assert_eq!(decode(&stream, size), whole);
                }
                let cut = decode(&stream[..stream.len() - 9], 5);
                assert_eq!(pictures(&cut)[0].1, Ending::Cut(StreamEnd::Fin));
            }
        }
    }

    #[test]
    fn hexadecimal_digits() {
        for picture in fixtures() {
            let mut digits = String::new();
            for byte in picture {
                write!(digits, "{byte:02x}").unwrap();
            }
            let text = format!("1234\n{digits}\n");
            let decode = |size: usize| {
                let mut decoder = HexDecoder::default();
                run(|sink| {
                    text.as_bytes()
                        .chunks(size)
                        .for_each(|part| decoder.update(part, sink));
                    decoder.finish(StreamEnd::Fin, sink);
                })
            };
            assert_eq!(pictures(&decode(7)), [(picture.clone(), Ending::Structure)]);
            assert_eq!(decode(1), decode(text.len()));
        }
    }
}

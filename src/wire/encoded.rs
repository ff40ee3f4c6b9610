//! Formats whose picture is wrapped: base64, hexadecimal digits, compression or a Python pickle around it, inside whatever ends it.
//!
//! The outer format's decoder finds what was wrapped; its bytes go through [`Base64Decoder`],
//! [`super::inflated`] or [`super::pickle::PickleDecoder`], whose pictures are the ones that are told of.
//!
//! Base64 (RFC 4648, sections 4 and 5) is read wherever a run of its letters begins as a picture. Line breaks inside belong to it,
//! where all lines but the last are of one length, and padding, where the picture's structure is not over: each piece of it was
//! converted by itself. So do the escapes of JSON (`\/`, `\n`). Its bytes come as
//! [`Event::PictureEncoded`]. A text around it that is whole (an object of JSON, a data URL, fields of a form, a line end) is
//! framing, all else stray.

use super::decoder::{Decoder, decoder};
use super::inflated::{HexDecoder, InflateDecoder};
use super::pickle::PickleDecoder;
use super::sequence::covered;
use super::{Decode, Encoding, Ending, Event, Fault, Framing, Protocol, Role, Sink, StreamEnd};
use crate::picture::{SNIFF_BYTES, Sniff, Status, Walker, sniff};

/// So many letters hold the bytes that tell a picture.
const HEAD: usize = SNIFF_BYTES / 3 * 4;

/// Decoder of one direction of a wrapped format.
#[derive(Debug, Clone)]
pub struct EncodedDecoder {
    encoding: Encoding,
    outer: Decoder,
    inner: Option<Inner>,
}

#[derive(Debug, Clone)]
enum Inner {
    Base64(Base64Decoder),
    Pickled(PickleDecoder),
    Inflate(InflateDecoder),
    Hex(HexDecoder),
}

impl Inner {
    fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Base64 => Self::Base64(Base64Decoder::default()),
            Encoding::Pickled => Self::Pickled(PickleDecoder::default()),
            Encoding::Gzip | Encoding::Zlib | Encoding::Deflate => {
                Self::Inflate(InflateDecoder::new(encoding))
            }
            Encoding::Hex => Self::Hex(HexDecoder::default()),
        }
    }

    /// Whether the structure of the picture that came is at its end.
    fn is_whole(&self) -> bool {
        match self {
            Self::Base64(decoder) => decoder.is_whole(),
            _ => false,
        }
    }

    fn decode(&mut self) -> &mut dyn Decode {
        match self {
            Self::Base64(decoder) => decoder,
            Self::Pickled(decoder) => decoder,
            Self::Inflate(decoder) => decoder,
            Self::Hex(decoder) => decoder,
        }
    }
}

impl EncodedDecoder {
    /// A decoder of pictures wrapped so, in this format, sent by the side `role`.
    pub fn new(encoding: Encoding, outer: &Protocol, role: Role) -> Self {
        Self {
            encoding,
            outer: decoder(outer, role),
            inner: None,
        }
    }

    /// The wire format.
    pub fn protocol(&self) -> Protocol {
        Protocol::Encoded(self.encoding, Box::new(self.outer.protocol()))
    }

    /// Lets the outer decoder work and passes on what it wraps.
    fn drive(&mut self, sink: &mut Sink<'_>, work: impl FnOnce(&mut Decoder, &mut Sink<'_>)) {
        let Self {
            encoding,
            outer,
            inner,
        } = self;
        work(outer, &mut |event| match event {
            Event::PictureStart { .. } => *inner = Some(Inner::of(*encoding)),
            Event::PictureData(bytes) => {
                if let Some(inner) = inner {
                    inner.decode().update(bytes, sink);
                }
            }
            Event::PictureGap(length) => {
                if let Some(inner) = inner {
                    inner.decode().gap(length, sink);
                }
            }
            Event::PictureEnd(outer) => {
                let Some(mut inner) = inner.take() else {
                    return;
                };
                let end = match outer {
                    Ending::Cut(end) | Ending::EndOfStream(end) => end,
                    _ => StreamEnd::Fin,
                };
                let whole = inner.is_whole();
                let mut open = false;
                inner.decode().finish(end, &mut |event| {
                    open |= matches!(event, Event::PictureEnd(_));
                    match (event, outer) {
                        // What wraps the picture says how it ended.
                        (Event::PictureEnd(Ending::EndOfStream(_)), outer) => {
                            sink(Event::PictureEnd(outer));
                        }
                        (
                            Event::PictureEnd(Ending::Cut(_)),
                            Ending::Marker | Ending::Length | Ending::Structure | Ending::Broken,
                        ) => sink(Event::PictureEnd(Ending::Broken)),
                        (event, _) => sink(event),
                    }
                });
                // The picture is whole, and what wraps it is not.
                let name = match encoding {
                    Encoding::Base64 => Some("base64"),
                    Encoding::Pickled => Some("pickle"),
                    _ => None,
                };
                if let Some(encoding) = name
                    && (!open || whole)
                    && outer == Ending::Cut(StreamEnd::Fin)
                {
                    sink(Event::Fault(Fault::BadEncoding {
                        encoding,
                        reason: "the stream ended before all that was declared had come".to_owned(),
                    }));
                }
            }
            // Of what carries the picture, not of the picture.
            Event::Structure(_) => {}
            event => sink(event),
        });
    }
}

impl Decode for EncodedDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.update(bytes, sink));
    }

    fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.datagram(payload, sink));
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.gap(length, sink));
    }

    fn flush(&mut self, sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.flush(sink));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.drive(sink, |outer, sink| outer.finish(end, sink));
    }
}

/// What a letter stands for.
fn sextet(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter.saturating_sub(b'A'),
        b'a'..=b'z' => letter.saturating_sub(b'a').saturating_add(26),
        b'0'..=b'9' => letter.saturating_sub(b'0').saturating_add(52),
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// Whether base64 is written with this letter.
pub(super) fn is_letter(byte: u8) -> bool {
    sextet(byte).is_some()
}

/// The bytes of a group of at most four letters.
fn group(letters: &[u8], out: &mut Vec<u8>) {
    let bits = letters
        .iter()
        .filter_map(|letter| sextet(*letter))
        .fold(0_u32, |bits, six| bits << 6 | u32::from(six));
    let missing = 4_usize.saturating_sub(letters.len());
    let [_, bytes @ ..] = (bits << missing.saturating_mul(6)).to_be_bytes();
    let whole = letters.len().saturating_mul(6) / 8;
    out.extend(bytes.iter().take(whole));
}

/// The bytes of whole groups of letters, with the padding behind them.
pub(super) fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.chunks(4) {
        let letters = four.iter().take_while(|letter| **letter != b'=').count();
        group(four.get(..letters).unwrap_or_default(), &mut bytes);
    }
    bytes
}

/// Whether letters begin as a picture; 24 letters always tell.
pub(super) fn sniff_base64(letters: &[u8]) -> Sniff {
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    let letters = letters.get(..HEAD).unwrap_or(letters);
    let whole = letters.len() / 4 * 4;
    if letters.iter().any(|letter| sextet(*letter).is_none()) {
        return Sniff::No;
    }
    for letters in letters.get(..whole).unwrap_or_default().chunks(4) {
        group(letters, &mut head);
    }
    sniff(&head)
}

/// Finds and decodes pictures in base64 text.
#[derive(Debug, Clone)]
pub(crate) struct Base64Decoder {
    state: Text,
    /// Text outside pictures that is not told of yet.
    around: Vec<u8>,
    /// The text before the last picture, while what is behind it may be the rest of it; absent where no picture came.
    lead: Option<Vec<u8>>,
    /// That text lies between two pictures.
    between: bool,
}

/// Most of a text around a picture that is looked at.
const AROUND: usize = 4096;
/// Most letters of a line where a text has several: MIME has 76.
const LINE: u32 = 256;

#[derive(Debug, Clone)]
enum Text {
    /// Outside a picture: the letters of a run that may begin one, with their escapes.
    Run(Vec<u8>),
    /// In a run that begins none.
    Skip,
    Picture(Letters),
}

/// A picture in letters.
#[derive(Debug, Clone, Default)]
struct Letters {
    /// Letters of a group that is not complete.
    group: [u8; 4],
    count: u8,
    /// So many letters to leave out, behind a gap, until a group begins.
    resync: u8,
    padded: bool,
    /// A backslash came.
    escaped: bool,
    /// Letters of the line at hand, and of the first one once it ended.
    line: u32,
    first: Option<u32>,
    /// Follows its structure; absent behind a gap.
    walker: Option<Box<Walker>>,
    /// Line ends behind the last letter: bytes that are the picture's only if it goes on.
    breaks: Vec<u8>,
}

impl Default for Base64Decoder {
    fn default() -> Self {
        Self {
            state: Text::Run(Vec::new()),
            around: Vec::new(),
            lead: None,
            between: false,
        }
    }
}

/// What one call gives, gathered so that not every letter is an event.
#[derive(Clone, Default)]
struct Batch {
    wire: u64,
    bytes: Vec<u8>,
}

impl Batch {
    fn flush(&mut self, sink: &mut Sink<'_>) {
        covered(std::mem::take(&mut self.wire), &self.bytes, sink);
        self.bytes.clear();
    }
}

/// What a byte is to a picture in letters.
enum Taken {
    Yes,
    /// The picture ends before it, and before the line ends that wait.
    Ends,
}

impl Letters {
    fn take(&mut self, byte: u8, batch: &mut Batch) -> Taken {
        let escaped = std::mem::take(&mut self.escaped);
        let byte = match (escaped, byte) {
            (true, b'/') | (false, _) => byte,
            (true, b'n') => b'\n',
            (true, b'r') => b'\r',
            (true, _) => return Taken::Ends,
        };
        if byte == b'\\' && !self.padded {
            self.escaped = true;
            self.breaks.push(byte);
            return Taken::Yes;
        }
        if matches!(byte, b'\r' | b'\n')
            && (!self.padded || self.goes_on())
            && self.breaks.len() < 16
        {
            if self.padded {
                // The lines of each piece are its own.
                (self.line, self.first) = (0, None);
            } else if self.line > 0 {
                let length = *self.first.get_or_insert(self.line);
                // Behind a shorter line no other comes.
                self.first = Some(if self.line == length { length } else { 0 });
                self.line = 0;
            }
            self.breaks.push(if escaped { b'n' } else { byte });
            return Taken::Yes;
        }
        if byte == b'=' && (self.padded || self.count > 1) && self.breaks.is_empty() {
            batch.wire = batch.wire.saturating_add(1);
            if !std::mem::replace(&mut self.padded, true) {
                let letters = self.group;
                self.group(usize::from(self.count), letters, batch);
            }
            return Taken::Yes;
        }
        // A boundary of MIME may stand behind the padding, too.
        let boundary = byte == b'-' && !self.breaks.is_empty();
        if sextet(byte).is_none() || self.padded && (boundary || !self.goes_on()) {
            return Taken::Ends;
        }
        self.padded = false;
        let lines = self.line == 0 && self.first.is_some();
        // A boundary of MIME begins with dashes.
        let long = self
            .first
            .is_some_and(|first| first > LINE && first.is_multiple_of(4) && self.goes_on());
        if lines && (byte == b'-' || !(long || matches!(self.first, Some(1..=LINE)))) {
            return Taken::Ends;
        }
        batch.wire = batch
            .wire
            .saturating_add(self.breaks.len() as u64)
            .saturating_add(1);
        self.breaks.clear();
        self.line = self.line.saturating_add(1);
        if self.resync > 0 {
            self.resync = self.resync.saturating_sub(1);
            return Taken::Yes;
        }
        if let Some(place) = self.group.get_mut(usize::from(self.count)) {
            *place = byte;
        }
        self.count = self.count.saturating_add(1);
        if self.count == 4 {
            let letters = self.group;
            self.group(4, letters, batch);
        }
        Taken::Yes
    }

    /// Decodes the group at hand.
    fn group(&mut self, count: usize, letters: [u8; 4], batch: &mut Batch) {
        let from = batch.bytes.len();
        group(letters.get(..count).unwrap_or_default(), &mut batch.bytes);
        if let Some(walker) = &mut self.walker
            && walker.status() == Status::Walking
        {
            walker.update(batch.bytes.get(from..).unwrap_or_default());
        }
        self.count = 0;
    }

    /// Whether the picture's structure is not over.
    fn goes_on(&self) -> bool {
        let walker = self.walker.as_ref();
        walker.is_some_and(|walker| walker.status() == Status::Walking)
    }
}

impl Base64Decoder {
    /// Whether the structure of the picture at hand is at its end.
    fn is_whole(&self) -> bool {
        let Text::Picture(picture) = &self.state else {
            return false;
        };
        let walker = picture.walker.as_ref();
        walker.is_some_and(|walker| matches!(walker.status(), Status::Whole { .. }))
    }

    fn letter(&mut self, byte: u8, batch: &mut Batch, sink: &mut Sink<'_>) {
        match &mut self.state {
            Text::Run(run) if sextet(byte).is_some() || byte == b'\\' => {
                run.push(byte);
                let letters: Vec<u8> = run.iter().copied().filter(|byte| *byte != b'\\').collect();
                if letters.len() < HEAD {
                    if run.len() > 2 * HEAD {
                        let run = std::mem::take(run);
                        self.text(&run, sink);
                        self.state = Text::Skip;
                    }
                    return;
                }
                let run = std::mem::take(run);
                let Sniff::Is(format) = sniff_base64(&letters) else {
                    self.text(&run, sink);
                    self.state = Text::Skip;
                    return;
                };
                let whole = is_lead(&self.around)
                    || self.lead.is_some() && self.around.len() < AROUND && is_text(&self.around);
                self.between = self.lead.is_some();
                self.tell(whole, sink);
                sink(Event::PictureStart { length: None });
                let mut picture = Letters {
                    walker: Some(Box::new(Walker::new(format))),
                    ..Letters::default()
                };
                for byte in run {
                    picture.take(byte, batch);
                }
                self.state = Text::Picture(picture);
            }
            Text::Run(run) => {
                let mut run = std::mem::take(run);
                run.push(byte);
                self.text(&run, sink);
            }
            Text::Skip => {
                self.text(&[byte], sink);
                if sextet(byte).is_none() {
                    self.state = Text::Run(Vec::new());
                }
            }
            Text::Picture(picture) => {
                if matches!(picture.take(byte, batch), Taken::Ends) {
                    self.end(Ending::Structure, batch, sink);
                    self.letter(byte, batch, sink);
                }
            }
        }
    }

    /// Bytes outside pictures.
    fn text(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.around.extend_from_slice(bytes);
        if self.around.len() > AROUND + 2 * HEAD {
            self.tell(false, sink);
            self.lead = None;
        }
    }

    /// Tells of the text outside pictures: `framing` where it is explained.
    fn tell(&mut self, framing: bool, sink: &mut Sink<'_>) {
        let around = std::mem::take(&mut self.around);
        if around.is_empty() {
            // Nothing.
        } else if framing {
            sink(Event::Framing {
                what: Framing::Field("text"),
                bytes: around.len() as u64,
            });
        } else {
            sink(Event::Stray(&around));
        }
        self.lead = Some(around);
    }

    /// Ends the open picture, letters of an incomplete group included.
    fn end(&mut self, ending: Ending, batch: &mut Batch, sink: &mut Sink<'_>) {
        let Text::Picture(picture) = &mut self.state else {
            return;
        };
        let (letters, count) = (picture.group, picture.count);
        let breaks = std::mem::take(&mut picture.breaks);
        group(
            letters.get(..usize::from(count)).unwrap_or_default(),
            &mut batch.bytes,
        );
        batch.flush(sink);
        if count == 1 {
            sink(Event::Fault(Fault::BadEncoding {
                encoding: "base64",
                reason: "its last group has one letter".to_owned(),
            }));
        }
        sink(Event::PictureEnd(ending));
        self.state = Text::Run(Vec::new());
        self.text(&breaks, sink);
    }
}

impl Decode for Base64Decoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut batch = Batch::default();
        for part in bytes.chunks(16 << 10) {
            for &byte in part {
                self.letter(byte, &mut batch, sink);
            }
            batch.flush(sink);
        }
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        if length == 0 {
            return;
        }
        match &mut self.state {
            Text::Picture(picture) => {
                let breaks = std::mem::take(&mut picture.breaks);
                covered(breaks.len() as u64, &[], sink);
                picture.escaped = false;
                picture.walker = None;
                // How long the line was cannot be told.
                (picture.line, picture.first) = (0, None);
                // As if no line breaks were among what is missing.
                let gone = length
                    .wrapping_add(u64::from(picture.count))
                    .wrapping_sub(u64::from(picture.resync))
                    % 4;
                picture.count = 0;
                picture.resync = u8::try_from(4_u64.saturating_sub(gone) % 4).unwrap_or(0);
                sink(Event::PictureGap(length));
            }
            Text::Run(run) => {
                let run = std::mem::take(run);
                self.text(&run, sink);
                self.tell(false, sink);
                sink(Event::StrayGap(length));
                self.lead = None;
                self.state = Text::Skip;
            }
            Text::Skip => {
                self.tell(false, sink);
                sink(Event::StrayGap(length));
                self.lead = None;
            }
        }
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        let mut batch = Batch::default();
        if let Text::Run(run) = &mut self.state {
            let run = std::mem::take(run);
            self.text(&run, sink);
        }
        self.end(Ending::EndOfStream(end), &mut batch, sink);
        batch.flush(sink);
        let rest = self.lead.as_deref();
        let whole = rest.is_some_and(|lead| {
            let line = matches!(&self.around[..], b"\n" | b"\r\n" | b"\r\n\r\n");
            // Or what stands between the others, or begins what does.
            line || lead == self.around
                || self.between && is_text(lead) && lead.starts_with(&self.around)
                || is_rest(lead, &self.around)
        });
        self.tell(whole, sink);
    }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Whether a text before a picture is one that such stand in: JSON, markup, a data URL, a field of a form.
fn is_lead(lead: &[u8]) -> bool {
    let text = lead.trim_ascii_start();
    let begins = [&b"{"[..], b"[", b"<", b"data:image/"];
    is_text(lead)
        && lead.len() < AROUND
        && (begins.iter().any(|start| text.starts_with(start))
            || lead == b"b'"
            || lead.ends_with(b"data: ")
            || lead.ends_with(b"=") && lead.iter().all(u8::is_ascii_graphic))
}

/// Whether a text around a picture goes on behind it and ends there: an object of JSON, markup, fields of a form.
pub(crate) fn is_rest(lead: &[u8], tail: &[u8]) -> bool {
    /// Beginnings that are tried.
    const TRIES: usize = 16;
    if lead.ends_with(b"=") && tail.starts_with(b"&") {
        return tail.iter().all(u8::is_ascii_graphic);
    }
    // An event of a stream of such (HTML, section 9.2), and bytes as Python writes them.
    if matches!(
        (lead, tail),
        ([.., b'b', b'\''], b"'" | b"'\n") | ([.., b'd', b'a', b't', b'a', b':', b' '], b"\n\n")
    ) {
        return true;
    }
    if lead.contains(&b'<') && tail.contains(&b'>') {
        return is_text(tail) && tail.trim_ascii_end().ends_with(b">");
    }
    lead.iter()
        .enumerate()
        .filter(|(_, byte)| matches!(byte, b'{' | b'['))
        .take(TRIES)
        .any(|(at, _)| {
            let text = [lead.get(at..).unwrap_or_default(), tail].concat();
            serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok()
        })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, base64, fixtures, pictures, run};
    use super::*;

    fn encode(bytes: &[u8], line: usize) -> Vec<u8> {
        base64(bytes)
            .chunks(line)
            .collect::<Vec<_>>()
            .join(&b"\r\n"[..])
    }

    #[test]
    fn pictures_in_text_with_and_without_line_breaks() {
        for picture in fixtures() {
            for line in [76, usize::MAX] {
                let text = [
                    b"{\"image\": \"data:image/jpeg;base64,",
                    &encode(picture, line)[..],
                    b"\"}",
                ]
                .concat();
                for size in [1, 7, text.len()] {
                    let mut decoder = Base64Decoder::default();
                    let seen = run(|sink| {
                        text.chunks(size)
                            .for_each(|part| decoder.update(part, sink));
                        decoder.finish(StreamEnd::Fin, sink);
                    });
                    assert_eq!(pictures(&seen), [(picture.clone(), Ending::Structure)]);
                    assert!(!seen.iter().any(|event| matches!(event, Seen::Stray(_))));
                }
            }
        }
    }

    #[test]
    fn what_wraps_it_says_how_it_ended() {
        let picture = &fixtures()[2];
        let text = encode(picture, usize::MAX);
        let mut stream = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
        stream.extend(&text);
        let outer = "length=u32be".parse().unwrap();
        let mut decoder = EncodedDecoder::new(Encoding::Base64, &outer, Role::Initiator);
        let seen = run(|sink| {
            decoder.update(&stream, sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(pictures(&seen), [(picture.clone(), Ending::Length)]);
        assert!(seen.contains(&Seen::Encoded(text.len() as u64, picture.clone())));
        assert_eq!(decoder.protocol().to_string(), "base64+length=u32be");
    }

    #[test]
    fn behind_a_gap_groups_are_found_again() {
        let picture = &fixtures()[0];
        let text = encode(picture, usize::MAX);
        let mut decoder = Base64Decoder::default();
        let seen = run(|sink| {
            decoder.update(&text[..102], sink);
            decoder.gap(101, sink);
            decoder.update(&text[203..], sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        let (bytes, _) = &pictures(&seen)[0];
        assert_eq!(bytes[..75], picture[..75]);
        assert!(picture.ends_with(&bytes[75..]));
        assert!(bytes.len() > 150);
    }
}

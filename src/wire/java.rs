//! `java-objects`: a stream of `java.io.ObjectOutputStream` (Java Object Serialization Specification, chapter 6).
//!
//! What is written with `write`, `writeInt` or `writeUTF` lies in blocks, each behind its length, which cut pictures up every
//! 1024 bytes; byte arrays lie behind the description of their class. Both are looked through for pictures by their structure.
//! Other objects are not taken apart: from the first one on all is content. A second stream header, where an object or a block
//! should be, is a fault: the sender opened a second `ObjectOutputStream` on one socket, and the reader cannot read on.

use super::content::Scanner;
use super::detect::Clues;
use super::formats::{Over, Probe, Row, WireFormat};
use super::framer::{Behind, Framer, Grammar, Next, Step};
use super::{Ending, Event, Fault, Sink, StreamEnd};

/// The stream header: magic and version.
pub(super) const HEADER: [u8; 4] = [0xac, 0xed, 0, 5];
/// Longest description of a class that is read.
const LONGEST: usize = 4096;

const NULL: u8 = 0x70;
const REFERENCE: u8 = 0x71;
const CLASS: u8 = 0x72;
const STRING: u8 = 0x74;
const ARRAY: u8 = 0x75;
const BLOCK: u8 = 0x77;
const END_BLOCK: u8 = 0x78;
const RESET: u8 = 0x79;
const LONG_BLOCK: u8 = 0x7a;
const LONG_STRING: u8 = 0x7c;

/// Decoder of one direction.
pub(crate) type JavaDecoder = Framer<Java>;

/// Its grammar.
#[derive(Debug, Clone)]
pub struct Java {
    /// What comes behind a head: a string, and no content.
    text: bool,
    scanner: Scanner,
    told: bool,
}

/// What a head says.
enum Head {
    More,
    Content(u64),
    Text(u64),
    Nothing,
    SecondHeader,
    Unknown,
}

/// Whether a stream begins so; absent while too few bytes tell.
pub(super) fn is_java(head: &[u8]) -> Option<bool> {
    match head.get(..HEADER.len()) {
        Some(start) => Some(start == HEADER),
        None if HEADER.starts_with(head) => None,
        None => Some(false),
    }
}

impl Default for Java {
    fn default() -> Self {
        Self {
            text: false,
            scanner: Scanner::new("Java object stream"),
            told: false,
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The length of a field of so many bytes at `at`.
fn sized(head: &[u8], at: usize, width: usize, make: fn(u64) -> Head) -> Head {
    match head.get(at..at + width) {
        Some(length) if number(length) <= super::length::MOST => make(number(length)),
        Some(_) => Head::Unknown,
        None => Head::More,
    }
}

fn read(head: &[u8]) -> Head {
    match *head {
        [] => Head::More,
        [REFERENCE, ..] if head.len() < 5 => Head::More,
        [NULL | RESET | END_BLOCK | REFERENCE, ..] => Head::Nothing,
        [BLOCK, ..] => sized(head, 1, 1, Head::Content),
        [LONG_BLOCK, ..] => sized(head, 1, 4, Head::Content),
        [STRING, ..] => sized(head, 1, 2, Head::Text),
        [LONG_STRING, ..] => sized(head, 1, 8, Head::Text),
        [ARRAY, ..] => array(head),
        [0xac, ..] if HEADER.starts_with(head) && head.len() < HEADER.len() => Head::More,
        [0xac, 0xed, 0, 5, ..] => Head::SecondHeader,
        _ => Head::Unknown,
    }
}

/// An array of bytes: the description of its class or a reference to it, then its size.
fn array(head: &[u8]) -> Head {
    match head.get(1) {
        None => Head::More,
        Some(&REFERENCE) => sized(head, 6, 4, Head::Content),
        Some(&CLASS) => {
            // Name, number of 8 bytes, flags, count of fields, end of annotations, no superclass.
            let Some(name) = head.get(2..4) else {
                return Head::More;
            };
            let Ok(name) = usize::try_from(number(name)) else {
                return Head::Unknown;
            };
            let at = 4 + name + 8 + 1 + 2 + 1 + 1;
            if head.len() >= 6 && head.get(4..6) != Some(b"[B") || at > LONGEST {
                return Head::Unknown;
            }
            sized(head, at, 4, Head::Content)
        }
        Some(_) => Head::Unknown,
    }
}

impl Java {
    /// A tag and what tells the length of what follows.
    fn head(&mut self, held: &[u8], sink: &mut Sink<'_>) -> Step {
        let what = read(held);
        if let Head::More = what {
            return Step::More;
        }
        let first = !std::mem::replace(&mut self.told, true);
        if let Head::Unknown = what {
            // All that comes is content.
            self.text = false;
            return Step::Done(0, Next::Content(u64::MAX));
        }
        if matches!(what, Head::SecondHeader) && !first {
            // The reader stops here; what follows is written all the same.
            sink(Event::Fault(Fault::BadField {
                expected: "an object or a block of the Java object stream",
                found: "AC ED 00 05, the header of a second stream: a second ObjectOutputStream on one socket".to_owned(),
                hint: None,
            }));
        }
        self.scanner.framing(held.len() as u64);
        self.text = matches!(what, Head::Text(_));
        let next = match what {
            Head::Content(length) | Head::Text(length) => Next::Content(length),
            _ => Next::Field,
        };
        Step::Done(held.len(), next)
    }
}

impl Grammar for Java {
    fn field(&mut self, held: &[u8], behind: Behind, sink: &mut Sink<'_>) -> Step {
        match behind {
            Behind::More => self.head(held, sink),
            Behind::Answer | Behind::End => Step::More,
            Behind::Gap => {
                self.scanner.framing(held.len() as u64);
                self.text = false;
                Step::Done(held.len(), Next::Content(u64::MAX))
            }
        }
    }

    fn content(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if self.text {
            // Told of once and whole only outside pictures, where such stand.
            self.scanner.framing(bytes.len() as u64);
        } else {
            self.scanner.data(bytes, sink);
        }
    }

    fn content_gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.scanner.gap(length, sink);
    }

    fn content_over(&mut self, _sink: &mut Sink<'_>) -> Next {
        Next::Field
    }

    fn cut(&mut self, _left: u64, end: StreamEnd, sink: &mut Sink<'_>) {
        self.end(&[], end, sink);
    }

    fn end(&mut self, held: &[u8], end: StreamEnd, sink: &mut Sink<'_>) {
        self.scanner.end(Ending::Cut(end), sink);
        self.scanner.framing(held.len() as u64);
        self.scanner.finish(end, sink);
    }
}

impl WireFormat for JavaDecoder {
    const ROW: Row = Row {
        name: "java-objects",
        meaning: "What Java's ObjectOutputStream writes: blocks and arrays, with their heads between the picture's pieces.",
        over: Over::Stream,
        names_itself: false,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        Probe::of(
            is_java(clues.head),
            "the stream begins as Java's object streams do",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Decode as _;
    use super::super::testing::{Seen, fixtures, pictures, run};
    use super::*;

    fn blocks(bytes: &[u8]) -> Vec<u8> {
        let block = |part: &[u8]| {
            let length = u32::try_from(part.len()).unwrap();
            match u8::try_from(length) {
                Ok(length) => [&[BLOCK, length][..], part].concat(),
                Err(_) => [&[LONG_BLOCK][..], &length.to_be_bytes(), part].concat(),
            }
        };
        bytes.chunks(1024).flat_map(block).collect()
    }

    fn array(bytes: &[u8]) -> Vec<u8> {
        let class = b"\x75\x72\0\x02[B\xac\xf3\x17\xf8\x06\x08\x54\xe0\x02\0\0\x78\x70";
        let length = u32::try_from(bytes.len()).unwrap();
        [&class[..], &length.to_be_bytes(), bytes].concat()
    }

    fn decode(stream: &[u8], size: usize) -> Vec<Seen> {
        let mut decoder = JavaDecoder::default();
        run(|sink| {
            stream
                .chunks(size)
                .for_each(|part| decoder.update(part, sink));
            decoder.finish(StreamEnd::Fin, sink);
        })
    }

    #[test]
    fn blocks_arrays_and_strings() {
        let (one, two) = (&fixtures()[0], &fixtures()[5]);
        let length = u32::try_from(one.len()).unwrap().to_be_bytes();
        let stream = [
            HEADER.to_vec(),
            b"\x74\0\x05a.jpg".to_vec(),
            blocks(&[&length[..], one].concat()),
            array(two),
            b"\x75\x71\0\x7e\0\0\0\0\0\0".to_vec(),
            blocks(two),
        ]
        .concat();
        let whole = decode(&stream, stream.len());
        assert_eq!(
            pictures(&whole),
            [one, two, two].map(|picture| (picture.clone(), Ending::Structure))
        );
        assert!(
            !whole
                .iter()
                .any(|seen| matches!(seen, Seen::Stray(_) | Seen::Fault(_)))
        );
        for size in [1, 7, 1000] {
            assert_eq!(decode(&stream, size), whole);
        }
    }

    #[test]
    fn a_second_header_is_a_fault_and_an_unknown_object_content() {
        let picture = &fixtures()[2];
        let stream = [
            HEADER.to_vec(),
            array(picture),
            HEADER.to_vec(),
            array(picture),
        ]
        .concat();
        let seen = decode(&stream, 9);
        assert_eq!(pictures(&seen).len(), 2);
        assert!(seen.iter().any(|seen| matches!(seen, Seen::Fault(_))));
        let stream = [HEADER.to_vec(), b"\x73\x72\0\x01X".to_vec(), array(picture)].concat();
        assert_eq!(
            pictures(&decode(&stream, 3)),
            [(picture.clone(), Ending::Structure)]
        );
    }
}

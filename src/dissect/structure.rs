//! The picture's own structure with the picture offsets of each of its parts: `JPEG SOS, scan 1`.

use std::ops::Range;

use crate::analysis::{Event, Observer};
use crate::picture::{Element, Format, SNIFF_BYTES, Sniff, Walker, sniff};
use crate::units::PictureId;

/// Most parts of one picture that are told apart; what follows is one part.
const MOST: usize = 1 << 16;

/// A part of a picture's structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Picture offsets.
    pub bytes: Range<u64>,
    /// What it is.
    pub name: String,
}

/// Follows one picture's bytes and notes of which part each is.
#[derive(Debug)]
pub(crate) struct Parts {
    picture: PictureId,
    head: Vec<u8>,
    walker: Option<Walker>,
    at: u64,
    found: Vec<Part>,
    /// The part that goes on: where it began, and what it is; absent before the first byte.
    open: Option<(u64, Option<Element>)>,
    format: Option<Format>,
    over: bool,
}

impl Parts {
    /// Of this picture.
    pub(crate) fn of(picture: PictureId) -> Self {
        Self {
            picture,
            head: Vec::new(),
            walker: None,
            at: 0,
            found: Vec::new(),
            open: None,
            format: None,
            over: false,
        }
    }

    /// The parts, in order; none where the picture's format is not known.
    pub(crate) fn finish(mut self) -> Vec<Part> {
        self.close();
        join(self.found)
    }

    fn data(&mut self, bytes: &[u8]) {
        if self.over {
            return;
        }
        if self.walker.is_none() {
            self.head.extend_from_slice(bytes);
            match sniff(&self.head) {
                Sniff::Is(format) => {
                    self.format = Some(format);
                    self.walker = Some(Walker::new(format));
                }
                Sniff::NeedMore if self.head.len() < SNIFF_BYTES => return,
                _ => {
                    self.over = true;
                    return;
                }
            }
            let head = std::mem::take(&mut self.head);
            self.walk(&head);
        } else {
            self.walk(bytes);
        }
    }

    /// Byte by byte, because a part may begin at any.
    fn walk(&mut self, bytes: &[u8]) {
        for byte in bytes.chunks(1) {
            let Some(walker) = &mut self.walker else {
                return;
            };
            let element = walker.awaited().map(|awaited| awaited.element);
            walker.update(byte);
            self.is_of(element);
            self.at += 1;
        }
    }

    fn is_of(&mut self, element: Option<Element>) {
        if self.open.is_none_or(|(_, open)| open != element) && self.found.len() < MOST {
            self.close();
            self.open = Some((self.at, element));
        }
    }

    fn close(&mut self) {
        let (Some((start, element)), Some(format)) = (self.open.take(), self.format) else {
            return;
        };
        if start < self.at {
            self.found.push(Part {
                bytes: start..self.at,
                name: name(format, element),
            });
        }
    }

    fn gap(&mut self, length: u64) {
        if let Some(walker) = &mut self.walker {
            walker.gap(length);
            self.close();
        } else {
            self.over = true;
        }
        self.at += length;
    }
}

impl Observer for Parts {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::PictureData { picture, bytes, .. } if picture == self.picture => {
                self.data(bytes);
            }
            Event::PictureGap { picture, length } if picture == self.picture => self.gap(length),
            _ => {}
        }
    }
}

fn name(format: Format, element: Option<Element>) -> String {
    let shown = match format {
        Format::Jpeg => "JPEG",
        Format::Png => "PNG",
        Format::Gif => "GIF",
        Format::WebP => "WebP",
        Format::Bmp => "BMP",
    };
    match element {
        None => format!("{shown}: behind its end"),
        Some(Element::Header) if format == Format::Jpeg => format!("{shown} SOI"),
        Some(Element::Header) => format!("{shown} header"),
        Some(Element::Marker) => format!("{shown} marker"),
        Some(Element::Segment(marker)) => format!("{shown} {}", marker_name(marker)),
        Some(Element::Scan(number)) => format!("{shown} SOS, scan {number}"),
        Some(Element::Chunk(name)) => format!("{shown} chunk {name}"),
        Some(Element::ChunkHeader) => format!("{shown} chunk header"),
        Some(Element::Block) => format!("{shown} block"),
        Some(Element::ColourTable) => format!("{shown} colour table"),
        Some(Element::SubBlocks) => format!("{shown} data sub-blocks"),
        Some(Element::Pixels) => format!("{shown} pixels"),
        Some(_) => format!("{shown}: what follows a gap"),
    }
}

/// Names of ITU-T T.81, table B.1.
fn marker_name(marker: u8) -> String {
    match marker {
        0xc4 => "DHT (Huffman tables)".to_owned(),
        0xc8 => "JPG".to_owned(),
        0xcc => "DAC (arithmetic coding)".to_owned(),
        0xc0..=0xcf => format!("SOF{} (frame header)", marker - 0xc0),
        0xd8 => "SOI".to_owned(),
        0xd9 => "EOI".to_owned(),
        0xda => "SOS header".to_owned(),
        0xdb => "DQT (quantization tables)".to_owned(),
        0xdc => "DNL (number of lines)".to_owned(),
        0xdd => "DRI (restart interval)".to_owned(),
        0xe0..=0xef => format!("APP{}", marker - 0xe0),
        0xfe => "COM (comment)".to_owned(),
        other => format!("marker ff{other:02x}"),
    }
}

/// A marker and a chunk's header belong to what they introduce.
fn join(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        if let Some(last) = joined.last_mut()
            && last.bytes.end == part.bytes.start
            && (last.name == "JPEG marker"
                && part.name.starts_with("JPEG ")
                && !part.name.contains("scan")
                || last.name.ends_with(" chunk header") && part.name.contains(" chunk "))
        {
            last.bytes.end = part.bytes.end;
            last.name = part.name;
        } else {
            joined.push(part);
        }
    }
    let over = joined
        .last()
        .is_some_and(|part| part.name.ends_with("behind its end"));
    let end = joined.len().saturating_sub(1 + usize::from(over));
    if let Some(last) = joined.get_mut(end)
        && last.name == "JPEG marker"
    {
        "JPEG EOI".clone_into(&mut last.name);
    }
    joined
}

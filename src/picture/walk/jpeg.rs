//! JPEG (ITU-T T.81, annex B): marker segments by their lengths, entropy-coded data up to the next marker.

use memchr::memchr;

use super::{Break, Element, Facts, Fault, Grammar, Scanned, Want, be, le};
use crate::picture::Format;

pub(super) const FIRST_FIELD: u8 = 2;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DNL: u8 = 0xdc;
const DRI: u8 = 0xdd;
const DHP: u8 = 0xde;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const TEM: u8 = 0x01;

/// EXIF, table 3: the offset of a thumbnail in JPEG, in IFD1.
const JPEG_INTERCHANGE_FORMAT: u32 = 0x0201;

/// Whether a marker of this code may follow SOI: those of tables, `APPn`, COM, frames and hierarchies (T.81, B.2.1).
pub(in crate::picture) fn is_opening_marker(code: u8) -> bool {
    is_frame(code) || matches!(code, 0xc4 | 0xcc | 0xdb | DRI | DHP | 0xe0..=0xef | 0xfe)
}

/// SOF0 to SOF15 (T.81, table B.1): 0xc4 is DHT, 0xc8 reserved, 0xcc DAC.
fn is_frame(code: u8) -> bool {
    matches!(code, 0xc0..=0xcf) && !matches!(code, 0xc4 | 0xc8 | 0xcc)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Signature,
    /// A marker's 0xFF.
    Marker,
    /// A marker's code, or another 0xFF that fills.
    Code,
    /// The segment's two length bytes.
    Length,
    /// Of SOF: precision, lines, samples a line, components.
    Frame,
    /// Of DRI.
    Interval,
    /// Of DNL.
    Lines,
    /// Of APP0: `JFIF` up to the thumbnail's size.
    Jfif,
    /// Of APP1: `Exif`, TIFF header.
    Exif,
    /// Going to the IFD of this number.
    ExifSeek(u8),
    /// Its number of entries.
    ExifCount(u8),
    /// Entries of IFD0 go by.
    ExifEntries,
    /// Offset of IFD1.
    ExifNext,
    /// So many entries of IFD1 from this one on.
    ExifEntry(u16),
    /// The rest of a segment goes by.
    Rest,
    /// Of SOS: number of components.
    ScanHeader,
    /// The rest of SOS goes by.
    ScanStart,
    /// Entropy-coded data; also where a gap swallowed structure, until a marker segment makes sense again.
    Data,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Frame {
    #[default]
    Awaited,
    Seen,
    /// Its marker was seen, its fields fell into a gap.
    Lost,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own of the file, and 100,000 walkers live at once"
)]
pub(super) struct Jpeg {
    state: State,
    frame: Frame,
    hierarchical: bool,
    /// Second byte of the current segment's marker.
    marker: u8,
    /// Offset of the byte behind the current segment.
    segment_end: u64,
    /// Offset of the TIFF header in the current APP1.
    tiff: u64,
    tiff_little: bool,
    /// Whether restart markers are allowed: DRI with an interval other than 0.
    restarts: bool,
    next_restart: u8,
    /// In `Data`: the last byte was 0xFF.
    after_ff: bool,
    /// Pictures inside this one whose SOI came in a segment of which a gap swallowed the beginning.
    nested: u8,
}

impl Jpeg {
    fn want_marker(&mut self) -> Want {
        self.want(State::Marker, 1)
    }

    fn want_data(&mut self) -> Want {
        self.state = State::Data;
        self.after_ff = false;
        Want::Scan
    }

    fn want(&mut self, state: State, bytes: u8) -> Want {
        self.state = state;
        Want::Field(bytes)
    }

    /// The rest of the segment goes by, from `at` on.
    fn want_rest(&mut self, at: u64) -> Want {
        self.state = State::Rest;
        Want::Pass(self.segment_end.saturating_sub(at))
    }

    /// A marker of this code, whose 0xFF stands at `at`.
    fn begin(&mut self, code: u8, at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        let misplaced = Err(Break::MarkerMisplaced { marker: code }.at(at));
        match code {
            SOI if facts.uncertain && facts.scans == 0 => {
                self.nested = self.nested.saturating_add(1);
                Ok(self.want_data())
            }
            SOI => Err(Break::StartInside.at(at)),
            EOI if self.nested > 0 => {
                self.nested = self.nested.saturating_sub(1);
                Ok(self.want_data())
            }
            EOI if facts.scans == 0 => Err(Break::Empty(Format::Jpeg).at(at)),
            EOI if facts.height == 0 && self.frame == Frame::Seen && !facts.uncertain => {
                let (width, height) = (facts.width, facts.height);
                Err(Break::NoPixels { width, height }.at(at))
            }
            EOI => Ok(Want::End),
            TEM => Ok(self.want_marker()),
            0x00..=0xbf | 0xd0..=0xd7 | 0xff => misplaced,
            SOS if self.frame == Frame::Awaited && !facts.uncertain => misplaced,
            DNL if facts.scans == 0 => misplaced,
            DHP if self.frame != Frame::Awaited => misplaced,
            _ if is_frame(code)
                && self.frame != Frame::Awaited
                && !self.hierarchical
                && self.nested == 0 =>
            {
                misplaced
            }
            _ => {
                self.marker = code;
                Ok(self.want(State::Length, 2))
            }
        }
    }

    /// The segment's length came; `at` is the length field's offset, the segment is `length` bytes from there.
    fn segment(&mut self, length: u16, at: u64) -> Result<Want, Fault> {
        let marker = self.marker;
        self.segment_end = at.saturating_add(u64::from(length));
        let (right, body) = match marker {
            SOS => (
                matches!(length, 8 | 10 | 12 | 14),
                Some((State::ScanHeader, 1)),
            ),
            DRI => (length == 4, Some((State::Interval, 2))),
            DNL => (length == 4, Some((State::Lines, 2))),
            DHP => (length >= 11, Some((State::Frame, 6))),
            _ if is_frame(marker) => (length >= 11, Some((State::Frame, 6))),
            APP0 if length >= 16 => (true, Some((State::Jfif, 14))),
            APP1 if length >= 16 => (true, Some((State::Exif, 14))),
            _ => (length >= 2, None),
        };
        if !right {
            return Err(Break::SegmentLength { marker, length }.at(at.saturating_sub(2)));
        }
        Ok(match body {
            Some((state, bytes)) => self.want(state, bytes),
            None => self.want_rest(at.saturating_add(2)),
        })
    }

    /// T.81, B.2.2: precision, lines, samples a line, components, then three bytes for each of these.
    fn frame(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        let (height, width, components) = (be(field, 1, 2), be(field, 3, 2), be(field, 5, 1));
        let expected = u64::from(components).saturating_mul(3).saturating_add(6);
        let marker_at = at.saturating_sub(4);
        if components == 0 || at.saturating_add(expected) != self.segment_end {
            let length = self.segment_end.saturating_sub(at).saturating_add(2);
            return Err(Break::SegmentLength {
                marker: self.marker,
                length: u16::try_from(length).unwrap_or(u16::MAX),
            }
            .at(marker_at));
        }
        if width == 0 {
            return Err(Break::NoPixels { width, height }.at(marker_at));
        }
        if self.nested == 0 {
            if self.frame == Frame::Awaited || !self.hierarchical {
                facts.width = width;
                facts.height = height;
                facts.frames = 1;
            }
            if self.marker == DHP {
                self.hierarchical = true;
            } else {
                facts.progressive = Some(matches!(self.marker, 0xc2 | 0xc6 | 0xca | 0xce));
            }
            self.frame = Frame::Seen;
        }
        Ok(self.want_rest(at.saturating_add(6)))
    }

    /// EXIF 2.32, 4.5.2: `Exif`, two zeros, then a TIFF header: byte order, 42, offset of IFD0.
    fn exif(&mut self, field: &[u8], at: u64) -> Want {
        self.tiff = at.saturating_add(6);
        self.tiff_little = field.get(6..8) == Some(b"II");
        let order = field.get(6..8) == Some(b"MM") || self.tiff_little;
        if !field.starts_with(b"Exif\0\0") || !order || self.tiff_number(field, 8, 2) != 42 {
            return self.want_rest(at.saturating_add(14));
        }
        let offset = self.tiff_number(field, 10, 4);
        self.exif_seek(0, offset, at.saturating_add(14))
    }

    /// Goes forward to an IFD; one that lies behind `at` is not gone back to.
    fn exif_seek(&mut self, ifd: u8, offset: u32, at: u64) -> Want {
        let target = self.tiff.saturating_add(u64::from(offset));
        if target < at || target.saturating_add(2) > self.segment_end {
            return self.want_rest(at);
        }
        self.state = State::ExifSeek(ifd);
        Want::Pass(target.saturating_sub(at))
    }

    fn exif_count(&mut self, ifd: u8, field: &[u8], at: u64) -> Want {
        let entries = u16::try_from(self.tiff_number(field, 0, 2)).unwrap_or(u16::MAX);
        let at = at.saturating_add(2);
        let bytes = u64::from(entries).saturating_mul(12);
        if at.saturating_add(bytes).saturating_add(4) > self.segment_end {
            self.want_rest(at)
        } else if ifd == 0 {
            self.state = State::ExifEntries;
            Want::Pass(bytes)
        } else if entries > 0 {
            self.want(State::ExifEntry(entries), 12)
        } else {
            self.want_rest(at)
        }
    }

    fn exif_entry(&mut self, left: u16, field: &[u8], at: u64, facts: &mut Facts) -> Want {
        if self.tiff_number(field, 0, 2) == JPEG_INTERCHANGE_FORMAT {
            facts.thumbnail = true;
        }
        match left.saturating_sub(1) {
            0 => self.want_rest(at.saturating_add(12)),
            left => self.want(State::ExifEntry(left), 12),
        }
    }

    fn tiff_number(&self, field: &[u8], from: usize, width: usize) -> u32 {
        if self.tiff_little {
            le(field, from, width)
        } else {
            be(field, from, width)
        }
    }

    fn restart(&mut self, code: u8, at: u64, facts: &Facts) -> Result<(), Fault> {
        let found = code & 7;
        let expected = self.next_restart;
        self.next_restart = found.wrapping_add(1) & 7;
        if facts.uncertain || (self.restarts && found == expected) {
            Ok(())
        } else if self.restarts {
            Err(Break::RestartOrder { expected, found }.at(at))
        } else {
            Err(Break::MarkerMisplaced { marker: code }.at(at))
        }
    }

    /// Behind a gap that swallowed structure, what makes no sense is passed over rather than called broken: it may
    /// stand in the middle of anything. But where picture data had begun, another SOI is another picture.
    fn lenient(&mut self, next: Result<Want, Fault>, facts: &Facts) -> Result<Want, Fault> {
        match next {
            Err(fault) if facts.uncertain && fault.reason != Break::StartInside => {
                Ok(self.want_data())
            }
            next => next,
        }
    }

    fn strict_step(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        let byte = field.first().copied().unwrap_or_default();
        Ok(match self.state {
            State::Signature if field == [0xff, SOI] => self.want_marker(),
            State::Signature => return Err(Break::Signature(Format::Jpeg).at(at)),
            State::Marker => match byte {
                0xff => self.want(State::Code, 1),
                found => return Err(Break::MarkerExpected { found }.at(at)),
            },
            State::Code => match byte {
                0xff => Want::Field(1),
                code => return self.begin(code, at.saturating_sub(1), facts),
            },
            State::Length => {
                let length = u16::try_from(be(field, 0, 2)).unwrap_or(u16::MAX);
                return self.segment(length, at);
            }
            State::Frame => return self.frame(field, at, facts),
            State::Interval => {
                self.restarts = be(field, 0, 2) != 0;
                self.want_marker()
            }
            State::Lines => {
                let (width, height) = (facts.width, be(field, 0, 2));
                if height == 0 {
                    return Err(Break::NoPixels { width, height }.at(at.saturating_sub(4)));
                }
                if facts.height == 0 && self.nested == 0 {
                    facts.height = height;
                }
                self.want_marker()
            }
            State::Jfif => {
                if field.starts_with(b"JFIF\0") && be(field, 12, 1) != 0 && be(field, 13, 1) != 0 {
                    facts.thumbnail = true;
                }
                self.want_rest(at.saturating_add(14))
            }
            State::Exif => self.exif(field, at),
            State::ExifSeek(ifd) => self.want(State::ExifCount(ifd), 2),
            State::ExifCount(ifd) => self.exif_count(ifd, field, at),
            State::ExifEntries => self.want(State::ExifNext, 4),
            State::ExifNext => {
                let at = at.saturating_add(4);
                match self.tiff_number(field, 0, 4) {
                    0 => self.want_rest(at),
                    offset => self.exif_seek(1, offset, at),
                }
            }
            State::ExifEntry(left) => self.exif_entry(left, field, at, facts),
            State::Rest => self.want_marker(),
            State::ScanHeader => {
                let components = u64::from(be(field, 0, 1));
                let at = at.saturating_add(1);
                let rest = self.segment_end.saturating_sub(at);
                if rest != components.saturating_mul(2).saturating_add(3) {
                    let length = u16::try_from(rest.saturating_add(3)).unwrap_or(u16::MAX);
                    let marker = self.marker;
                    let marker_at = at.saturating_sub(5);
                    return Err(Break::SegmentLength { marker, length }.at(marker_at));
                }
                self.state = State::ScanStart;
                Want::Pass(rest)
            }
            State::ScanStart => {
                if self.nested == 0 {
                    facts.scans = facts.scans.saturating_add(1);
                }
                self.next_restart = 0;
                self.want_data()
            }
            State::Data => Want::Scan,
        })
    }
}

impl Grammar for Jpeg {
    fn step(&mut self, field: &[u8], at: u64, facts: &mut Facts) -> Result<Want, Fault> {
        let next = self.strict_step(field, at, facts);
        self.lenient(next, facts)
    }

    fn scan(&mut self, bytes: &[u8], at: u64, facts: &mut Facts) -> Scanned {
        let mut used = 0usize;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            if !self.after_ff {
                let Some(found) = memchr(0xff, rest) else {
                    let used = bytes.len();
                    return Scanned { used, found: None };
                };
                used = used.saturating_add(found).saturating_add(1);
                self.after_ff = true;
                continue;
            }
            let Some(&code) = rest.first() else {
                return Scanned { used, found: None };
            };
            used = used.saturating_add(1);
            if code == 0xff {
                continue;
            }
            self.after_ff = false;
            if code == 0 {
                continue;
            }
            let marker_at = at.saturating_add(used as u64).saturating_sub(2);
            let next = match code {
                0xd0..=0xd7 => match self.restart(code, marker_at, facts) {
                    Ok(()) => continue,
                    Err(fault) => Err(fault),
                },
                code => self.begin(code, marker_at, facts),
            };
            let found = Some(self.lenient(next, facts));
            return Scanned { used, found };
        }
    }

    fn scan_gap(&mut self, facts: &mut Facts) {
        facts.uncertain = true;
        self.after_ff = false;
    }

    fn lose(&mut self, at: u64, facts: &mut Facts) -> Want {
        match self.state {
            State::Frame => {
                self.frame = Frame::Lost;
                self.want_rest(at)
            }
            State::ScanHeader => {
                self.state = State::ScanStart;
                Want::Pass(self.segment_end.saturating_sub(at))
            }
            State::Interval => {
                // The interval is unknown, so that restart markers can no longer be judged.
                facts.uncertain = true;
                self.want_rest(at)
            }
            State::Lines
            | State::Jfif
            | State::Exif
            | State::ExifCount(_)
            | State::ExifNext
            | State::ExifEntry(_) => self.want_rest(at),
            _ => {
                facts.uncertain = true;
                self.want_data()
            }
        }
    }

    fn element(&self, _at: u64, facts: &Facts) -> (Element, u64) {
        match self.state {
            State::Signature => (Element::Header, 2),
            State::Marker => (Element::Marker, 1),
            State::Code => (Element::Marker, 0),
            State::Data if facts.scans > 0 => (
                Element::Scan(facts.scans),
                2u64.saturating_sub(u64::from(self.after_ff)),
            ),
            State::Data => (Element::Lost, 2),
            _ => (Element::Segment(self.marker), 2),
        }
    }
}

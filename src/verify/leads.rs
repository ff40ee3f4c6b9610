//! What stands before pictures: whether it is a header, by what it tells.

use std::ops::Range;

use super::strays::{Placed, has_text};
use crate::units::{PictureId, doubles, number};

/// What stands before a picture.
#[derive(Debug)]
pub(super) struct Lead<'p> {
    pub(super) bytes: Vec<u8>,
    pub(super) placed: &'p Placed,
    /// It is a datagram of its own.
    pub(super) message: bool,
    /// It begins the datagram that the picture goes on in.
    pub(super) begins_datagram: bool,
}

/// What tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) picture: PictureId,
    pub(super) start: u64,
    pub(super) bytes: u64,
}

/// What comes once, before the first header, is not shorter.
const BANNER: usize = 8;
/// Headers of unknown meaning are not longer.
const HEADER: usize = 64;

/// Nothing where the leads are headers of `pictures` pictures; else what is none. `alone`: a wire format explains what stands
/// before the others.
pub(super) fn are_explained(leads: &[Lead<'_>], pictures: usize, alone: bool) -> Option<Untold> {
    if let Some(odd) = odd_message(leads, pictures) {
        return Some(odd);
    }
    let mut leads: Vec<(&[u8], &Lead<'_>)> = leads
        .iter()
        // Datagrams of their own are messages, whatever they say.
        .filter(|lead| !lead.bytes.is_empty() && !lead.message)
        .map(|lead| (lead.bytes.as_slice(), lead))
        .collect();
    // `QDataStream` writes 1 before an image that is none of size 0, and then its PNG.
    leads.retain(|(bytes, lead)| *bytes != [0, 0, 0, 1] || !lead.placed.is_png);
    let (_, first) = *leads.first()?;
    // The first may have a banner before it.
    if let [(one, _), (two, _), (three, _), ..] = leads.as_slice()
        && two.len() == three.len()
        && one.len() >= two.len() + BANNER
    {
        let banner = one.len() - two.len();
        if let Some((one, _)) = leads.first_mut() {
            *one = one.get(banner..).unwrap_or_default();
        }
    }
    if are_seven_bits(&leads) {
        return None;
    }
    let longest = leads.iter().map(|(bytes, _)| bytes.len()).max()?;
    let shortest = leads.iter().map(|(bytes, _)| bytes.len()).min()?;
    // Headers of one kind are of one length, unless they hold text.
    if leads.len() >= 2 && longest > shortest && !leads.iter().all(|(bytes, _)| has_text(bytes)) {
        return Some(Untold {
            bytes: (longest - shortest) as u64,
            ..first.untold()
        });
    }
    if let Some(lead) = one_lies(&leads, longest.min(HEADER)) {
        return Some(lead.untold());
    }
    // A line end before one header, and before no other.
    let blank = |bytes: &[u8]| {
        bytes
            .first()
            .is_some_and(|byte| matches!(byte, b'\r' | b'\n'))
    };
    let mut blanks = leads.iter().filter(|(bytes, _)| blank(bytes));
    if leads.len() > 2
        && longest > shortest
        && let (Some((_, lead)), None) = (blanks.next(), blanks.next())
    {
        return Some(lead.untold());
    }
    let told: Vec<usize> = fields(longest.min(HEADER))
        .map(|field| leads.iter().filter(|lead| field.tells(lead)).count())
        .collect();
    let grouped = |(bytes, lead): &(&[u8], &Lead<'_>)| {
        seven_bits_before(bytes).any(|value| lead.placed.lengths.contains(&value))
    };
    if told.contains(&leads.len()) || leads.iter().all(grouped) {
        return None;
    }
    // Texts: names, numbers, and messages of their own.
    if leads
        .iter()
        .all(|(bytes, lead)| is_told_in_text(bytes, lead))
    {
        return None;
    }
    // What ends each picture but the last stands before the next one.
    let ends_none = |(_, lead): &(&[u8], &Lead<'_>)| lead.is_first() || lead.begins_datagram;
    let separators = leads.len() + 1 == pictures && !leads.iter().any(ends_none);
    let same = |leads: &[(&[u8], &Lead<'_>)]| {
        leads
            .iter()
            .zip(leads.iter().skip(1))
            .all(|((one, _), (other, _))| one == other)
    };
    if separators && !alone && same(&leads) {
        return None;
    }
    let mixed = told.iter().any(|&count| count > 0 && count < leads.len());
    // The same length each time, and none of them tells of its picture.
    if leads.len() >= 2 && longest == shortest && longest > 1 && !mixed && leads.len() == pictures {
        return None;
    }
    if leads.len() >= 2 && leads.iter().all(|(bytes, _)| has_text(bytes)) {
        return None;
    }
    Some(first.untold())
}

/// A header whose length is nearly its picture's, where no header tells its picture's length: which one, and what it says. Where `each`
/// picture has a header, one that is called a length is, too, however far from it.
pub(super) fn nearly<'l>(leads: &'l [Lead<'l>], each: bool) -> Option<(&'l Lead<'l>, u64)> {
    if leads.iter().any(tells_length) {
        return None;
    }
    leads
        .iter()
        .find_map(|lead| Some((lead, nearly_of(lead, each)?)))
}

/// Whether a header tells its picture's length.
pub(super) fn tells_length(lead: &Lead<'_>) -> bool {
    let pair = (lead.bytes.as_slice(), lead);
    let longest = lead.bytes.len().min(HEADER);
    has_length_in_digits(&lead.bytes, lead)
        || has_length_in_hex(&lead.bytes, lead)
        || fields(longest).any(|field| field.width > 1 && field.tells(&pair))
        || seven_bits_before(&lead.bytes).any(|value| lead.placed.lengths.contains(&value))
}

/// The number in a header that is near its picture's length.
fn nearly_of(lead: &Lead<'_>, each: bool) -> Option<u64> {
    /// `sys.getsizeof` counts 33 or 49 more, a BMP's header 54; headers are as long.
    const NEAR: u64 = 64;
    let [length, encoded] = lead.placed.lengths;
    // Of a picture that travels converted it is not known what is counted.
    if length != encoded || length < 256 {
        return None;
    }
    let to_come = |value: u64| lead.placed.is_cut && value > length;
    let near = |value: &u64| *value != length && value.abs_diff(length) <= NEAR && !to_come(*value);
    numbers(lead)
        .find(near)
        .or(lead.placed.declared)
        .or_else(|| named_length(lead.start(), length).filter(|value| each && !to_come(*value)))
}

/// Numbers that a header may tell a length by: in digits, and in four bytes or more, for a shorter one may be near by chance.
pub(super) fn numbers(lead: &Lead<'_>) -> impl Iterator<Item = u64> {
    let bytes = lead.start();
    let digits = bytes
        .split(|byte| !byte.is_ascii_digit())
        .filter_map(|run| std::str::from_utf8(run).ok()?.parse::<u64>().ok());
    let binary = fields(bytes.len().min(HEADER))
        .filter(|field| field.width >= 4 && !field.from_end && field.counts == Counts::Nothing)
        .filter_map(|field| field.value(bytes));
    let doubles = bytes
        .get(..HEADER)
        .unwrap_or(bytes)
        .windows(8)
        .flat_map(doubles);
    digits
        .chain(hex_runs(bytes))
        .chain(binary)
        .chain(doubles)
        .chain(seven_bits_before(bytes))
}

/// A number that its name says to be the picture's length (`"size": 118215`, `Length=…`), and that is neither that nor a length which
/// counts the header, or a part of it, as well.
fn named_length(header: &[u8], length: u64) -> Option<u64> {
    /// Without the signs between their words.
    const NAMES: [&str; 17] = [
        "size",
        "length",
        "len",
        "bytes",
        "nbytes",
        "filesize",
        "filelength",
        "filelen",
        "imagesize",
        "imagelength",
        "imagelen",
        "imgsize",
        "imglen",
        "datasize",
        "datalength",
        "datalen",
        "contentlength",
    ];
    /// Smaller ones, and whole blocks, are sizes of something else.
    const LEAST: u64 = 256;
    let counted = length..=length.saturating_add(header.len() as u64);
    let mut at = 0;
    header.split(|byte| !byte.is_ascii_digit()).find_map(|run| {
        let start = at;
        at += run.len() + 1;
        let value: u64 = std::str::from_utf8(run).ok()?.parse().ok()?;
        let behind = header.get(start + run.len());
        let unit = behind.is_some_and(|byte| byte.is_ascii_alphabetic() || b".:/*%".contains(byte));
        let sign = |byte: &u8| b" :='\"\t".contains(byte);
        let before = header.get(..start)?;
        let end = before.iter().rposition(|byte| !sign(byte))? + 1;
        let part = |byte: &u8| byte.is_ascii_alphabetic() || b"_-".contains(byte);
        let name: String = before
            .get(..end)?
            .iter()
            .rev()
            .take_while(|byte| part(byte))
            .filter(|byte| byte.is_ascii_alphabetic())
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect();
        let is_length = NAMES.iter().any(|one| one.bytes().rev().eq(name.bytes()));
        let wrong = value >= LEAST && !value.is_multiple_of(LEAST) && !counted.contains(&value);
        (is_length && end < start && !unit && wrong).then_some(value)
    })
}

/// Whether each header ends with its picture's length in groups of seven bits, which are two or three, and is as long before that.
fn are_seven_bits(leads: &[(&[u8], &Lead<'_>)]) -> bool {
    let before = |(bytes, lead): &(&[u8], &Lead<'_>)| {
        (2..=5_usize).find_map(|width| {
            let at = bytes.len().checked_sub(width)?;
            let value = seven_bits(bytes.get(at..)?)?;
            lead.placed.lengths.contains(&value).then_some(at)
        })
    };
    let mut found = leads.iter().map(before);
    let first = found.next().flatten();
    leads.len() > 1 && first.is_some() && found.all(|at| at == first)
}

/// A number in groups of seven bits, of two groups or more; also with the sign in the lowest bit, as Avro writes it.
pub(super) fn grouped(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let value = (2..=5)
        .contains(&bytes.len())
        .then(|| seven_bits(bytes))
        .flatten();
    value.into_iter().flat_map(|value| {
        let signed = (value & 1 == 0).then_some(value >> 1);
        std::iter::once(value).chain(signed)
    })
}

/// Those that end with the header.
pub(super) fn seven_bits_before(bytes: &[u8]) -> impl Iterator<Item = u64> {
    (2..=5)
        .filter_map(|width| bytes.get(bytes.len().checked_sub(width)?..))
        .flat_map(grouped)
}

/// The one header whose length is not its picture's, where the others' are.
fn one_lies<'l>(leads: &[(&[u8], &'l Lead<'l>)], longest: usize) -> Option<&'l Lead<'l>> {
    let others = leads.len().checked_sub(1).filter(|others| *others > 0)?;
    // Of two headers a short number may be a length by chance.
    let least = if others == 1 { 4 } else { 2 };
    let mut lies = None;
    for field in fields(longest).filter(|field| field.width >= least) {
        let told = leads.iter().filter(|lead| field.is_length(lead)).count();
        if told == leads.len() {
            return None;
        }
        if told == others && lies.is_none() {
            lies = leads.iter().find(|lead| !field.is_length(lead));
        }
    }
    let in_digits = |lead: &&(&[u8], &Lead<'_>)| has_length_in_digits(lead.0, lead.1);
    let told = leads.iter().filter(in_digits).count();
    if told == leads.len() {
        return None;
    }
    if told == others && lies.is_none() {
        let number = |lead: &&(&[u8], &Lead<'_>)| {
            let mut runs = lead.0.split(|byte| !byte.is_ascii_digit());
            runs.any(|run| run.len() >= 3)
        };
        lies = leads.iter().find(|lead| !in_digits(lead)).filter(number);
    }
    let in_hex = |lead: &&(&[u8], &Lead<'_>)| has_length_in_hex(lead.0, lead.1);
    let told = leads.iter().filter(in_hex).count();
    if told == leads.len() {
        return None;
    }
    if told == others && lies.is_none() {
        let number = |lead: &&(&[u8], &Lead<'_>)| hex_runs(lead.0).next().is_some();
        lies = leads.iter().find(|lead| !in_hex(lead)).filter(number);
    }
    lies.map(|(_, lead)| *lead)
}

/// Whether the picture's length stands there in decimal digits; a word before it may end in digits of its own.
fn has_length_in_digits(bytes: &[u8], lead: &Lead<'_>) -> bool {
    let mut at = 0;
    bytes.split(|byte| !byte.is_ascii_digit()).any(|run| {
        let before = usize::checked_sub(at, 1).and_then(|before| bytes.get(before));
        at += run.len() + 1;
        let word = before.is_some_and(u8::is_ascii_alphabetic);
        let number = std::str::from_utf8(run)
            .ok()
            .and_then(|run| run.parse::<u64>().ok());
        lead.placed.lengths.iter().any(|length| {
            number == Some(*length) || word && run.ends_with(length.to_string().as_bytes())
        })
    })
}

/// Numbers in three hexadecimal digits or more that stand alone.
fn hex_runs(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes
        .split(|byte| !byte.is_ascii_alphanumeric())
        .filter(|run| (3..=16).contains(&run.len()))
        .filter_map(|run| u64::from_str_radix(std::str::from_utf8(run).ok()?, 16).ok())
}

/// Whether the picture's length stands there in hexadecimal digits.
fn has_length_in_hex(bytes: &[u8], lead: &Lead<'_>) -> bool {
    hex_runs(bytes).any(|value| lead.placed.lengths.contains(&value))
}

/// Where a short message of a few bytes announces each picture: one of another length, which is none of them.
fn odd_message(leads: &[Lead<'_>], pictures: usize) -> Option<Untold> {
    const SHORT: usize = 16;
    let short = |lead: &Lead<'_>| {
        lead.message
            && !lead.bytes.is_empty()
            && lead.bytes.len() <= SHORT
            && !has_text(&lead.bytes)
    };
    if leads.len() < 2 || leads.len() != pictures || !leads.iter().all(short) {
        return None;
    }
    let shortest = leads.iter().map(|lead| lead.bytes.len()).min()?;
    let odd = leads.iter().find(|lead| lead.bytes.len() > shortest)?;
    Some(odd.untold())
}

impl Lead<'_> {
    fn is_first(&self) -> bool {
        self.placed.range.start == self.bytes.len() as u64
    }

    /// What is looked into.
    fn start(&self) -> &[u8] {
        self.bytes.get(..1024).unwrap_or(&self.bytes)
    }

    fn untold(&self) -> Untold {
        let bytes = self.bytes.len() as u64;
        Untold {
            picture: self.placed.picture,
            start: self.placed.range.start.saturating_sub(bytes),
            bytes,
        }
    }
}

/// Where in a header a number stands: from its beginning or from its end.
#[derive(Debug, Clone, Copy)]
struct Field {
    at: usize,
    from_end: bool,
    width: usize,
    big: bool,
    counts: Counts,
}

/// What a length counts beside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Nothing,
    /// The whole header.
    Header,
    /// What of the header follows it.
    Rest,
}

/// All that there are in headers of so many bytes.
fn fields(length: usize) -> impl Iterator<Item = Field> {
    [1, 2, 4, 8].into_iter().flat_map(move |width| {
        (0..length).flat_map(move |at| {
            [false, true].into_iter().flat_map(move |from_end| {
                [true, false].into_iter().flat_map(move |big| {
                    [Counts::Nothing, Counts::Header, Counts::Rest]
                        .into_iter()
                        .map(move |counts| Field {
                            at,
                            from_end,
                            width,
                            big,
                            counts,
                        })
                })
            })
        })
    })
}

impl Field {
    fn range(self, lead: &[u8]) -> Option<Range<usize>> {
        let at = if self.from_end {
            lead.len().checked_sub(self.at + self.width)?
        } else {
            self.at
        };
        Some(at..at + self.width)
    }

    fn value(self, lead: &[u8]) -> Option<u64> {
        let bytes = lead.get(self.range(lead)?)?;
        Some(number(bytes, self.big))
    }

    /// Whether it is the picture's length, with what stands before it or without.
    fn is_length(self, (bytes, lead): &(&[u8], &Lead<'_>)) -> bool {
        let Some(value) = self.value(bytes) else {
            return false;
        };
        let place = self.range(bytes).and_then(|range| bytes.get(range));
        if place
            .is_some_and(|place| doubles(place).any(|value| lead.placed.lengths.contains(&value)))
        {
            return true;
        }
        let header = bytes.len() as u64;
        let behind = if self.from_end {
            self.at as u64
        } else {
            header.saturating_sub((self.at + self.width) as u64)
        };
        lead.placed.lengths.iter().any(|&length| {
            let beside = match self.counts {
                Counts::Nothing => 0,
                Counts::Header => header,
                Counts::Rest => behind,
            };
            value > 0 && value == length.saturating_add(beside)
        })
    }

    /// The same, or its rows of pixels.
    fn tells(self, told: &(&[u8], &Lead<'_>)) -> bool {
        let (bytes, lead) = told;
        let Some(value) = self.value(bytes) else {
            return false;
        };
        let is_width = self.width > 1
            && lead.placed.size.is_some_and(|(width, height)| {
                let other = Self {
                    at: self.at + self.width,
                    from_end: false,
                    ..self
                };
                let next = other.value(bytes);
                !self.from_end
                    && [(width, height), (height, width)]
                        .iter()
                        .any(|&(one, two)| value == u64::from(one) && next == Some(u64::from(two)))
            });
        // .NET writes seven bits a byte, the lowest first.
        let seven = self.width == 1
            && !self.from_end
            && seven_bits(bytes.get(self.at..).unwrap_or_default())
                .is_some_and(|value| value > 127 && lead.placed.lengths.contains(&value));
        self.is_length(told) || is_width || seven
    }
}

/// A number in groups of seven bits that ends where the bytes do.
fn seven_bits(bytes: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for (number, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * number);
        if byte & 0x80 == 0 {
            return (number + 1 == bytes.len()).then_some(value);
        }
    }
    None
}

/// Whether it is the picture's length in digits, and one letter: no separator, and no word.
fn is_length_and_more(bytes: &[u8], lead: &Lead<'_>) -> bool {
    let Some((last, digits)) = bytes.split_last() else {
        return false;
    };
    let is = |length: &u64| length.to_string().as_bytes() == digits;
    last.is_ascii_alphabetic() && lead.placed.lengths.iter().any(is)
}

/// Whether it is text that tells of the picture: its length in digits, or more than digits.
fn is_told_in_text(bytes: &[u8], lead: &Lead<'_>) -> bool {
    let text = |byte: &u8| (0x20..0x7f).contains(byte) || matches!(byte, b'\r' | b'\n' | b'\t' | 0);
    if !bytes.iter().all(text) || is_length_and_more(bytes, lead) {
        return false;
    }
    let mut digits = bytes
        .split(|byte| !byte.is_ascii_digit())
        .filter(|run| !run.is_empty())
        .peekable();
    let only = bytes
        .iter()
        .all(|byte| byte.is_ascii_digit() || byte.is_ascii_whitespace() || *byte == 0);
    let told = |run: &[u8]| {
        let number = std::str::from_utf8(run)
            .ok()
            .and_then(|run| run.parse().ok());
        // A name may end in digits of its own.
        lead.placed
            .lengths
            .iter()
            .any(|length| number == Some(*length) || run.ends_with(length.to_string().as_bytes()))
    };
    let sides: Vec<&[u8]> = digits.clone().collect();
    if digits.peek().is_some() && digits.any(told) {
        return true;
    }
    let says = |side: u32| sides.contains(&side.to_string().as_bytes());
    if lead
        .placed
        .size
        .is_some_and(|(width, height)| sides.len() > 1 && says(width) && says(height))
    {
        return true;
    }
    !only && has_text(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_length_where_its_name_says_so() {
        let length = 12_104;
        for (header, found) in [
            (
                r#"{"name": "a.jpg", "size": 12004, "type": "image/jpeg"}"#,
                Some(12_004),
            ),
            (r#"{"size":"12204"}"#, Some(12_204)),
            ("Content-Length: 13000\r\n\r\n", Some(13_000)),
            ("FILE_SIZE=11000\n", Some(11_000)),
            ("{'fileSize': 9001}", Some(9_001)),
            ("len 9001\n", Some(9_001)),
            // What is right, or counts the header, too.
            (r#"{"size": 12104}"#, None),
            (r#"{"size": 12119}"#, None),
            (r#"{"size": 12120}"#, Some(12_120)),
            // Of something else.
            (r#"{"size": "640x480"}"#, None),
            (r#"{"size": 9001kB}"#, None),
            (r#"{"size": 255}"#, None),
            (r#"{"size": 257}"#, Some(257)),
            (r#"{"size": 4096}"#, None),
            (r#"{"chunk_size": 4097}"#, None),
            (r#"{"width": 9001}"#, None),
            (r#"{"name": "size9001.jpg"}"#, None),
            ("resize 9001", None),
            ("9001", None),
            ("", None),
        ] {
            assert_eq!(named_length(header.as_bytes(), length), found, "{header}");
        }
    }
}

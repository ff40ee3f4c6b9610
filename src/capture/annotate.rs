//! Copies a capture file as pcapng and adds comments to its frames; all else stays as it is.
//!
//! A pcapng file is copied block by block: frames, times, interfaces, options and blocks of unknown kinds keep every byte. Only
//! blocks of frames that get a comment grow, and the section header no longer says how long its section is. A pcap file becomes
//! a section with one interface of the same link type and time resolution. Memory: one block.

use std::io::{self, Read, Write};

/// Longest block that is believed, as the reader has it.
const BLOCK_LIMIT: u32 = 256 << 20;
/// Longest comment: an option's length has 16 bits.
const COMMENT_LIMIT: usize = 65_535;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Why a file cannot be annotated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The input.
    #[error("the capture cannot be read")]
    Read(#[source] io::Error),
    /// The output.
    #[error("the annotated capture cannot be written")]
    Write(#[source] io::Error),
    /// It begins neither as pcap nor as pcapng does.
    #[error("it begins neither as pcap nor as pcapng does")]
    NotACapture,
}

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Copied {
    /// Frames, numbered as Wireshark does.
    pub frames: u64,
    /// Comments that were added.
    pub comments: u64,
    /// Comments on frames whose blocks can have none (Simple Packet Blocks).
    pub without_room: u64,
    /// The input is cut short or damaged: what comes after was not copied.
    pub cut: bool,
}

/// Byte order of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(four),
            Self::Big => u32::from_be_bytes(four),
        })
    }

    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let two: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(two),
            Self::Big => u16::from_be_bytes(two),
        })
    }

    fn put_u32(self, out: &mut Vec<u8>, value: u32) {
        out.extend(match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        });
    }

    fn put_u16(self, out: &mut Vec<u8>, value: u16) {
        out.extend(match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        });
    }
}

/// Copies `input` to `out`; `comments` says what to add to each frame, asked for in order.
///
/// # Errors
/// [`Error`].
pub(crate) fn annotate(
    input: &mut dyn Read,
    out: &mut dyn Write,
    comments: &mut dyn FnMut(u64) -> Vec<String>,
) -> Result<Copied, Error> {
    let mut magic = [0; 4];
    if fill(input, &mut magic)? < 4 {
        return Err(Error::NotACapture);
    }
    if u32::from_be_bytes(magic) == SECTION_HEADER {
        return blocks(input, out, comments);
    }
    let kinds = [
        (0xa1b2_c3d4_u32, 6_u8, 16_usize),
        (0xa1b2_3c4d, 9, 16),
        // With more in each record's header, as some old systems wrote it.
        (0xa1b2_cd34, 6, 24),
    ];
    for (number, resolution, record) in kinds {
        for (order, bytes) in [
            (Order::Little, number.to_le_bytes()),
            (Order::Big, number.to_be_bytes()),
        ] {
            if bytes == magic {
                let kind = Classic {
                    order,
                    resolution,
                    record,
                };
                return records(&kind, input, out, comments);
            }
        }
    }
    Err(Error::NotACapture)
}

/// Reads as much as there is, up to all of `buffer`.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Read(error)),
        }
    }
    Ok(filled)
}

/// Appends `wanted` bytes, as they come: a length that is a lie costs no memory. Returns whether there were as many.
fn append(input: &mut dyn Read, buffer: &mut Vec<u8>, wanted: usize) -> Result<bool, Error> {
    let read = input
        .take(wanted as u64)
        .read_to_end(buffer)
        .map_err(Error::Read)?;
    Ok(read == wanted)
}

fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), Error> {
    out.write_all(bytes).map_err(Error::Write)
}

/// Copies pcapng, whose first four bytes were read.
fn blocks(
    input: &mut dyn Read,
    out: &mut dyn Write,
    comments: &mut dyn FnMut(u64) -> Vec<String>,
) -> Result<Copied, Error> {
    let mut copied = Copied::default();
    let mut order = Order::Little;
    let mut first = true;
    let mut block = Vec::new();
    loop {
        block.clear();
        block.resize(12, 0);
        let read = if first {
            // The type of the first block was read.
            block.splice(..4, SECTION_HEADER.to_be_bytes());
            4 + fill(input, block.get_mut(4..).unwrap_or_default())?
        } else {
            fill(input, &mut block)?
        };
        first = false;
        if read == 0 {
            return Ok(copied);
        }
        copied.cut = true;
        if read < 12 {
            return Ok(copied);
        }
        let kind = order.u32(&block, 0).unwrap_or_default();
        if kind == SECTION_HEADER {
            order = match (Order::Little.u32(&block, 8), Order::Big.u32(&block, 8)) {
                (Some(0x1a2b_3c4d), _) => Order::Little,
                (_, Some(0x1a2b_3c4d)) => Order::Big,
                _ => return Ok(copied),
            };
        }
        let length = order.u32(&block, 4).unwrap_or_default();
        if length < 12 || !length.is_multiple_of(4) || length > BLOCK_LIMIT {
            return Ok(copied);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !append(input, &mut block, length.saturating_sub(12))?
            || order.u32(&block, length.saturating_sub(4)) != order.u32(&block, 4)
        {
            return Ok(copied);
        }
        copied.cut = false;
        match kind {
            SECTION_HEADER => {
                // The section grows by the comments: its length becomes unknown.
                if let Some(section) = block.get_mut(16..24) {
                    section.fill(0xff);
                }
                write(out, &block)?;
            }
            ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => {
                copied.frames += 1;
                let texts = comments(copied.frames);
                let number = texts.len() as u64;
                let grown = (kind != SIMPLE_PACKET && number > 0)
                    .then(|| with_comments(&block, order, &texts))
                    .flatten();
                if let Some(grown) = grown {
                    copied.comments += number;
                    write(out, &grown)?;
                } else {
                    copied.without_room += number;
                    write(out, &block)?;
                }
            }
            _ => {
                copied.frames += u64::from(is_numbered(kind));
                write(out, &block)?;
            }
        }
    }
}

/// Blocks that Wireshark lists among the frames although they are none.
fn is_numbered(kind: u32) -> bool {
    matches!(
        kind,
        9 | 0x0bad | 0x4000_0bad | 0x204 | 0x208 | 0x216 | 0x217 | 0x221 | 0x222
    )
}

/// A packet block with more comments; absent where its lengths do not fit each other.
fn with_comments(block: &[u8], order: Order, texts: &[String]) -> Option<Vec<u8>> {
    let captured = usize::try_from(order.u32(block, 20)?).ok()?;
    let options = captured
        .checked_add(3)?
        .checked_div(4)?
        .checked_mul(4)?
        .checked_add(28)?;
    let end = block.len().checked_sub(4)?;
    // Options up to their end mark, or up to the end of the block where there is none.
    let mut at = options;
    while at < end {
        let (code, length) = (order.u16(block, at)?, order.u16(block, at.checked_add(2)?)?);
        if code == 0 {
            break;
        }
        let padded = usize::from(length).div_ceil(4).checked_mul(4)?;
        at = at.checked_add(4)?.checked_add(padded)?;
    }
    if at > end {
        return None;
    }
    let mut grown = block.get(..at)?.to_vec();
    for text in texts {
        comment(&mut grown, order, text);
    }
    grown.extend([0; 4]);
    let total = u32::try_from(grown.len().checked_add(4)?).ok()?;
    if total > BLOCK_LIMIT {
        return None;
    }
    order.put_u32(&mut grown, total);
    let mut length = Vec::new();
    order.put_u32(&mut length, total);
    grown.get_mut(4..8)?.copy_from_slice(&length);
    Some(grown)
}

/// `opt_comment`, cut at a character where it is too long.
fn comment(out: &mut Vec<u8>, order: Order, text: &str) {
    let mut end = text.len().min(COMMENT_LIMIT);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let text = text.get(..end).unwrap_or_default();
    order.put_u16(out, 1);
    order.put_u16(out, u16::try_from(text.len()).unwrap_or(u16::MAX));
    out.extend_from_slice(text.as_bytes());
    out.resize(out.len().div_ceil(4) * 4, 0);
}

/// A pcap file of one kind.
struct Classic {
    order: Order,
    /// Decimals of a second.
    resolution: u8,
    /// Bytes of a record's header.
    record: usize,
}

/// Copies pcap, whose magic number was read, as pcapng.
fn records(
    kind: &Classic,
    input: &mut dyn Read,
    out: &mut dyn Write,
    comments: &mut dyn FnMut(u64) -> Vec<String>,
) -> Result<Copied, Error> {
    let order = kind.order;
    let mut copied = Copied::default();
    let mut header = [0; 20];
    if fill(input, &mut header)? < header.len() {
        return Err(Error::NotACapture);
    }
    let snap_len = order.u32(&header, 12).unwrap_or_default();
    // The upper bits say something of the frame check sequence.
    let link = order.u32(&header, 16).unwrap_or_default() & 0xffff;
    write(out, &begin(link, snap_len, kind.resolution))?;
    let mut record = vec![0; kind.record];
    let mut data = Vec::new();
    loop {
        let read = fill(input, &mut record)?;
        if read == 0 {
            copied.cut = false;
            return Ok(copied);
        }
        copied.cut = true;
        let word = |at: usize| u64::from(order.u32(&record, at).unwrap_or_default());
        let captured = usize::try_from(word(8)).unwrap_or(usize::MAX);
        if read < record.len() || captured > BLOCK_LIMIT as usize / 2 {
            return Ok(copied);
        }
        data.clear();
        if !append(input, &mut data, captured)? {
            return Ok(copied);
        }
        let scale = 10_u64.pow(u32::from(kind.resolution));
        let time = word(0).wrapping_mul(scale).wrapping_add(word(4));
        copied.frames += 1;
        let texts = comments(copied.frames);
        copied.comments += texts.len() as u64;
        write(out, &packet(time, word(12), &data, &texts))?;
    }
}

/// The section header and the one interface of what was a pcap file.
fn begin(link: u32, snap_len: u32, resolution: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let words = |out: &mut Vec<u8>, words: &[u32]| {
        for word in words {
            Order::Little.put_u32(out, *word);
        }
    };
    words(
        &mut out,
        &[SECTION_HEADER, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28],
    );
    words(&mut out, &[1, 32, link, snap_len]);
    // if_tsresol, and the end of the options.
    out.extend([9, 0, 1, 0, resolution, 0, 0, 0, 0, 0, 0, 0]);
    words(&mut out, &[32]);
    out
}

/// An Enhanced Packet Block in little-endian order.
fn packet(time: u64, wire_len: u64, data: &[u8], texts: &[String]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len().saturating_add(64));
    let low = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(u32::MAX);
    for word in [
        ENHANCED_PACKET,
        0,
        0,
        low(time >> 32),
        low(time),
        low(data.len() as u64),
        low(wire_len),
    ] {
        Order::Little.put_u32(&mut out, word);
    }
    out.extend_from_slice(data);
    out.resize(out.len().div_ceil(4) * 4, 0);
    for text in texts {
        comment(&mut out, Order::Little, text);
    }
    if !texts.is_empty() {
        out.extend([0; 4]);
    }
    let total = low(out.len().saturating_add(4) as u64);
    Order::Little.put_u32(&mut out, total);
    if let Some(length) = out.get_mut(4..8) {
        length.copy_from_slice(&total.to_le_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section of either order with a frame that has options, one that has none, and a block of unknown kind.
    fn sample(order: Order) -> Vec<u8> {
        let mut file = Vec::new();
        let block = |file: &mut Vec<u8>, kind: u32, body: &[u8]| {
            order.put_u32(file, kind);
            let length = u32::try_from(body.len() + 12).unwrap();
            order.put_u32(file, length);
            file.extend_from_slice(body);
            order.put_u32(file, length);
        };
        let words = |words: &[u32]| {
            let mut out = Vec::new();
            for word in words {
                order.put_u32(&mut out, *word);
            }
            out
        };
        let mut version = Vec::new();
        order.put_u16(&mut version, 1);
        order.put_u16(&mut version, 0);
        block(
            &mut file,
            SECTION_HEADER,
            &[words(&[0x1a2b_3c4d]), version, words(&[0, 400])].concat(),
        );
        block(&mut file, 1, &words(&[1, 0]));
        let mut options = words(&[0, 1, 2, 3, 3]);
        options.extend(*b"abc\0");
        comment(&mut options, order, "theirs");
        options.extend([0; 4]);
        block(&mut file, ENHANCED_PACKET, &options);
        block(&mut file, 0x7777, b"unknown!");
        let mut bare = words(&[0, 1, 9, 4, 60]);
        bare.extend(*b"wxyz");
        block(&mut file, ENHANCED_PACKET, &bare);
        file
    }

    #[test]
    fn without_comments_only_the_section_length_changes() {
        for order in [Order::Little, Order::Big] {
            let file = sample(order);
            let mut out = Vec::new();
            let copied = annotate(&mut file.as_slice(), &mut out, &mut |_| Vec::new()).unwrap();
            assert_eq!((copied.frames, copied.comments, copied.cut), (2, 0, false));
            let mut expected = file.clone();
            expected[16..24].fill(0xff);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn a_comment_comes_after_the_options_that_were_there() {
        for order in [Order::Little, Order::Big] {
            let file = sample(order);
            let mut out = Vec::new();
            let mut say = |frame: u64| vec![format!("on {frame}")];
            let copied = annotate(&mut file.as_slice(), &mut out, &mut say).unwrap();
            assert_eq!((copied.frames, copied.comments), (2, 2));
            let find = |text: &[u8]| {
                out.windows(text.len())
                    .position(|part| part == text)
                    .unwrap()
            };
            assert!(find(b"theirs") < find(b"on 1"));
            assert!(find(b"on 1") < find(b"unknown!"));
            assert!(find(b"wxyz") < find(b"on 2"));
            // What was annotated can be annotated again, and cut anywhere.
            let mut again = Vec::new();
            let copied = annotate(&mut out.as_slice(), &mut again, &mut say).unwrap();
            assert_eq!((copied.frames, copied.comments, copied.cut), (2, 2, false));
            for end in 12..out.len() {
                let mut part = Vec::new();
                let copied = annotate(&mut &out[..end], &mut part, &mut |_| Vec::new()).unwrap();
                assert!(copied.frames <= 2);
                assert!(part.len() <= end);
            }
        }
    }

    #[test]
    fn pcap_of_every_kind_keeps_its_times() {
        for (magic, resolution, extra) in [
            (0xa1b2_c3d4_u32, 6_u8, 0),
            (0xa1b2_3c4d, 9, 0),
            (0xa1b2_cd34, 6, 8),
        ] {
            for order in [Order::Little, Order::Big] {
                let mut file = Vec::new();
                for word in [magic, 0x0004_0002, 0, 0, 65_535, 1, 7, 8, 4, 60] {
                    order.put_u32(&mut file, word);
                }
                file.extend(vec![0; extra]);
                file.extend(*b"data");
                let mut out = Vec::new();
                let copied = annotate(&mut file.as_slice(), &mut out, &mut |_| {
                    vec!["x".to_owned()]
                })
                .unwrap();
                assert_eq!((copied.frames, copied.cut), (1, false));
                assert_eq!(out[28 + 20], resolution);
                let time = 7 * 10_u64.pow(u32::from(resolution)) + 8;
                let low = u32::try_from(time & 0xffff_ffff).unwrap();
                assert_eq!(Order::Little.u32(&out, 60 + 16), Some(low));
                assert_eq!(&out[60 + 28..60 + 32], b"data");
            }
        }
    }

    #[test]
    fn what_is_no_capture_is_said_to_be_none() {
        let mut out = Vec::new();
        let error = annotate(&mut b"\x89PNG\r\n\x1a\n".as_slice(), &mut out, &mut |_| {
            Vec::new()
        })
        .unwrap_err();
        assert!(matches!(error, Error::NotACapture));
    }
}

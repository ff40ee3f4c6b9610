//! Writes pcapng (draft-ietf-opsawg-pcapng): one section, little-endian, nanoseconds.
//!
//! Blocks are gathered and handed to the output whole, many at a time. So a file whose writer is killed
//! opens up to the last block handed over, and one on a disk that fills up opens up to the last whole block.
//! This file reads no clock and opens nothing: times come with the packets, the output from the caller.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::frame::{Away, LinkType, unwritten_comment};
use crate::units::Timestamp;

/// As many bytes as are gathered before they are handed over.
const GATHER: usize = 1 << 20;

/// Longest packet that is written: libpcap hands out none that is longer, and readers believe none.
const PACKET_LIMIT: u32 = 262_144;

/// Why a capture file could not be written on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The output took no more; nothing is written to it after this.
    #[error(
        "the capture file cannot be written on; it holds {written_bytes} bytes of whole blocks and can be read up to there"
    )]
    Write {
        /// Bytes of whole blocks that the output took before.
        written_bytes: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An earlier write failed.
    #[error("the capture file was given up after an earlier write failed")]
    GivenUp,
    /// A packet or statistics of an interface that was not described.
    #[error("interface {interface} was not described; {described} were")]
    UnknownInterface {
        /// The interface.
        interface: u32,
        /// How many were described.
        described: usize,
    },
    /// A packet's time is before 1970, which the format cannot say without an offset.
    #[error("a packet's time {time} is before 1970")]
    BeforeEpoch {
        /// The time.
        time: Timestamp,
    },
    /// A packet longer than readers believe.
    #[error(
        "a packet of {captured} captured bytes is longer than the {PACKET_LIMIT} that readers of capture files believe"
    )]
    PacketTooLong {
        /// Its captured length.
        captured: usize,
    },
}

/// What is said of the whole file (Section Header Block, section 4.1). Texts are cut to 65,535 bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Section<'a> {
    /// The machine, as `uname -m` or more.
    pub hardware: Option<&'a str>,
    /// The operating system.
    pub os: Option<&'a str>,
    /// The program that writes.
    pub application: Option<&'a str>,
    /// Whatever else should be known.
    pub comment: Option<&'a str>,
}

/// What is said of an interface (Interface Description Block, section 4.2).
#[derive(Debug, Clone, Copy)]
pub struct Interface<'a> {
    /// Name, as the system has it.
    pub name: Option<&'a str>,
    /// Description for people.
    pub description: Option<&'a str>,
    /// Filter expression of libpcap in force.
    pub filter: Option<&'a str>,
    /// The operating system that captured on it.
    pub os: Option<&'a str>,
    /// Link-layer header type of its frames.
    pub link: LinkType,
    /// Most bytes captured of a frame; 0 where there is no limit.
    pub snap_len: u32,
}

/// A packet (Enhanced Packet Block, section 4.3).
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// What [`Writer::interface`] returned.
    pub interface: u32,
    /// When it was captured.
    pub time: Timestamp,
    /// Length on the wire.
    pub wire_len: u32,
    /// The bytes captured.
    pub data: &'a [u8],
    /// Shown with it in Wireshark.
    pub comment: Option<&'a str>,
}

/// Counts of an interface (Interface Statistics Block, section 4.6); absent where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// When capturing began.
    pub started: Option<Timestamp>,
    /// When capturing ended.
    pub ended: Option<Timestamp>,
    /// Packets that reached the capture (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Packets dropped for want of room or by the interface. Written as `isb_ifdrop`, as dumpcap does
    /// with the same count of libpcap: it is the one that Wireshark shows as dropped.
    pub dropped: Option<u64>,
    /// Packets for which the file had no room. Written as a comment, and counted in `isb_ifdrop` too, which is what other
    /// programs read.
    pub unwritten: u64,
    /// How long the interface was gone, written as a comment; absent where it never was.
    pub away: Option<Away>,
}

/// A pcapng file being written.
///
/// Invariant: `gathered` holds whole blocks only, so that the output, after every successful write, ends
/// with a whole block.
pub struct Writer<W: Write> {
    /// Absent once a write failed, or the file is finished.
    out: Option<W>,
    gathered: Vec<u8>,
    written_bytes: u64,
    /// Of each interface described, what is known in the end.
    statistics: Vec<Option<Statistics>>,
    /// Packets of each of them. Written as `isb_usrdeliv`: who finds as many knows that none was taken out since, and that the
    /// silence at the end is one.
    packets: Vec<u64>,
}

impl<W: Write> Writer<W> {
    /// Begins a file. Its header is handed over at once, so that the file can be opened from then on.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn new(out: W, section: &Section<'_>) -> Result<Self, Error> {
        let mut writer = Self {
            out: Some(out),
            gathered: Vec::with_capacity(GATHER + (64 << 10)),
            written_bytes: 0,
            statistics: Vec::new(),
            packets: Vec::new(),
        };
        let mut block = Block::begin(&mut writer.gathered, 0x0a0d_0d0a);
        // Byte-order magic, version 1.0, length of the section unknown.
        block.words(&[0x1a2b_3c4d, 1, 0xffff_ffff, 0xffff_ffff]);
        block.text(1, section.comment);
        block.text(2, section.hardware);
        block.text(3, section.os);
        block.text(4, section.application);
        block.end();
        writer.flush()?;
        Ok(writer)
    }

    /// Describes an interface, and returns its index, from 0. Handed over at once.
    ///
    /// # Errors
    /// [`Error::Write`], [`Error::GivenUp`].
    pub fn interface(&mut self, interface: &Interface<'_>) -> Result<u32, Error> {
        let index = u32::try_from(self.statistics.len()).unwrap_or(u32::MAX);
        let mut block = Block::begin(&mut self.gathered, 1);
        // The upper half of the first word is reserved.
        block.words(&[u32::from(interface.link.0), interface.snap_len]);
        block.text(2, interface.name);
        block.text(3, interface.description);
        // if_tsresol: 10 to the power of minus 9.
        block.option(9, &[9]);
        if let Some(filter) = interface.filter {
            // A leading 0 says that it is a filter string of libpcap.
            block.option(11, &[b"\0", filter.as_bytes()].concat());
        }
        block.text(12, interface.os);
        block.end();
        self.statistics.push(None);
        self.packets.push(0);
        self.flush()?;
        Ok(index)
    }

    /// Says what hosts are called (Name Resolution Block, section 4.5). Handed over at once; without names, nothing is.
    ///
    /// # Errors
    /// [`Error::Write`], [`Error::GivenUp`].
    pub fn names(&mut self, names: &[(IpAddr, String)]) -> Result<(), Error> {
        if names.is_empty() {
            return Ok(());
        }
        let mut block = Block::begin(&mut self.gathered, 4);
        for (address, name) in names {
            // nrb_record_ipv4 and nrb_record_ipv6: the address, and the name with a zero byte. They are laid out as options are.
            let (code, mut value) = match address {
                IpAddr::V4(ipv4) => (1, ipv4.octets().to_vec()),
                IpAddr::V6(ipv6) => (2, ipv6.octets().to_vec()),
            };
            value.extend(name.bytes().filter(|byte| *byte != 0));
            value.push(0);
            block.option(code, &value);
        }
        // nrb_record_end, as the end of options is.
        block.end();
        self.flush()
    }

    /// Adds a packet; handed over with the next mebibyte, or by [`Self::flush`].
    ///
    /// # Errors
    /// [`Error::UnknownInterface`], [`Error::BeforeEpoch`], [`Error::PacketTooLong`]: the packet is not
    /// written, and the next may follow. [`Error::Write`], [`Error::GivenUp`].
    pub fn packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        self.know(packet.interface)?;
        let Ok(time) = u64::try_from(packet.time.0) else {
            return Err(Error::BeforeEpoch { time: packet.time });
        };
        let captured = match u32::try_from(packet.data.len()) {
            Ok(captured) if captured <= PACKET_LIMIT => captured,
            _ => {
                return Err(Error::PacketTooLong {
                    captured: packet.data.len(),
                });
            }
        };
        let mut block = Block::begin(&mut self.gathered, 6);
        let [high, low] = halves(time);
        block.words(&[
            packet.interface,
            high,
            low,
            captured,
            packet.wire_len.max(captured),
        ]);
        block.bytes(packet.data);
        block.text(1, packet.comment);
        block.end();
        if let Some(packets) = self.packets.get_mut(packet.interface as usize) {
            *packets = packets.saturating_add(1);
        }
        if self.gathered.len() >= GATHER {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Says what is known of an interface so far; the last that was said is written by [`Self::finish`].
    ///
    /// # Errors
    /// [`Error::UnknownInterface`].
    pub fn statistics(&mut self, interface: u32, statistics: Statistics) -> Result<(), Error> {
        self.know(interface)?;
        if let Some(known) = self.statistics.get_mut(interface as usize) {
            *known = Some(statistics);
        }
        Ok(())
    }

    /// Hands over all blocks gathered, and flushes the output.
    ///
    /// # Errors
    /// [`Error::Write`], [`Error::GivenUp`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.hand_over()?;
        self.output(W::flush)
    }

    /// Writes the statistics, hands everything over, and returns the output.
    ///
    /// # Errors
    /// [`Error::Write`], [`Error::GivenUp`].
    pub fn finish(mut self) -> Result<W, Error> {
        for ((interface, statistics), packets) in (0..).zip(&self.statistics).zip(&self.packets) {
            let Some(statistics) = statistics else {
                continue;
            };
            let time = |time: Option<Timestamp>| u64::try_from(time?.0).ok().map(halves);
            let mut block = Block::begin(&mut self.gathered, 5);
            // The block's own time is when its counts were taken: when capturing ended.
            let [high, low] = time(statistics.ended).unwrap_or_default();
            block.words(&[interface, high, low]);
            let dropped = match (statistics.dropped, statistics.unwritten) {
                (None, 0) => None,
                (dropped, unwritten) => Some(dropped.unwrap_or(0).saturating_add(unwritten)),
            };
            for (code, value) in [
                (2, time(statistics.started)),
                (3, time(statistics.ended)),
                // A count is one 64-bit number, other than times not two words, high one first.
                (4, statistics.received.map(|n| halves(n.rotate_left(32)))),
                (5, dropped.map(|n| halves(n.rotate_left(32)))),
                (8, Some(halves(packets.rotate_left(32)))),
            ] {
                if let Some([first, second]) = value {
                    block.option(code, &[first.to_le_bytes(), second.to_le_bytes()].concat());
                }
            }
            if statistics.unwritten > 0 {
                block.option(1, unwritten_comment(statistics.unwritten).as_bytes());
            }
            if let Some(away) = statistics.away {
                block.option(1, away.comment().as_bytes());
            }
            block.end();
        }
        self.flush()?;
        self.out.take().ok_or(Error::GivenUp)
    }

    /// Bytes that the output took, all of whole blocks: after [`Error::Write`] a file may be cut there.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Bytes of whole blocks that wait to be handed over.
    pub fn gathered_bytes(&self) -> usize {
        self.gathered.len()
    }

    fn know(&self, interface: u32) -> Result<(), Error> {
        let described = self.statistics.len();
        if (interface as usize) < described {
            return Ok(());
        }
        Err(Error::UnknownInterface {
            interface,
            described,
        })
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        let gathered = std::mem::take(&mut self.gathered);
        let result = self.output(|out| out.write_all(&gathered));
        if result.is_ok() {
            self.written_bytes += gathered.len() as u64;
        }
        self.gathered = gathered;
        self.gathered.clear();
        result
    }

    fn output(&mut self, act: impl FnOnce(&mut W) -> io::Result<()>) -> Result<(), Error> {
        let out = self.out.as_mut().ok_or(Error::GivenUp)?;
        act(out).map_err(|source| {
            // It may have taken a part of a block: whatever came after that could not be read.
            self.out = None;
            Error::Write {
                written_bytes: self.written_bytes,
                source,
            }
        })
    }
}

/// What was gathered goes out even where nobody finished the file; a failure has nobody to be told to.
impl<W: Write> Drop for Writer<W> {
    fn drop(&mut self) {
        if self.out.is_some() {
            let _ = self.flush();
        }
    }
}

/// A block being put together at the end of a buffer.
struct Block<'b> {
    buffer: &'b mut Vec<u8>,
    start: usize,
    options: bool,
}

impl<'b> Block<'b> {
    fn begin(buffer: &'b mut Vec<u8>, kind: u32) -> Self {
        let start = buffer.len();
        let mut block = Self {
            buffer,
            start,
            options: false,
        };
        // The length is put in at the end.
        block.words(&[kind, 0]);
        block
    }

    fn words(&mut self, words: &[u32]) {
        for word in words {
            self.buffer.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// Bytes, padded to whole words.
    fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        let padding = bytes.len().wrapping_neg() % 4;
        self.buffer.resize(self.buffer.len() + padding, 0);
    }

    fn text(&mut self, code: u16, text: Option<&str>) {
        if let Some(text) = text {
            let mut end = text.len().min(usize::from(u16::MAX));
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            self.option(code, text.get(..end).unwrap_or_default().as_bytes());
        }
    }

    /// An option, cut to what its length field can say.
    fn option(&mut self, code: u16, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.options = true;
        self.buffer.extend_from_slice(&code.to_le_bytes());
        self.buffer.extend_from_slice(&length.to_le_bytes());
        self.bytes(value.get(..usize::from(length)).unwrap_or(value));
    }

    fn end(mut self) {
        if self.options {
            // opt_endofopt.
            self.words(&[0]);
        }
        let length = self.buffer.len() + 4 - self.start;
        // Options are few and cut, and packets are checked: far below 2^32.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.words(&[length]);
        if let Some(place) = self.buffer.get_mut(self.start + 4..self.start + 8) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }
}

/// The high and the low word, in the order in which the format writes times.
#[expect(
    clippy::cast_possible_truncation,
    reason = "takes the halves on purpose"
)]
fn halves(value: u64) -> [u32; 2] {
    [(value >> 32) as u32, value as u32]
}

#[cfg(test)]
mod tests;

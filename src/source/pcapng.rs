//! The pcapng format (draft-ietf-opsawg-pcapng): sections of either byte order, several interfaces,
//! all three packet blocks, statistics. Blocks of other kinds are passed over.

use crate::frame::{Away, ENDED, LinkType, unwritten_of_comment};
use crate::source::bytes::{Order, index};
use crate::source::clock::Clock;
use crate::source::damage::Reason;
use crate::source::parse::{Head, Step, frame_limit};
use crate::source::summary::{Interface, TimeResolution};
use crate::units::Timestamp;

/// Block types (section 11.1 of the draft).
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const JOURNAL_EXPORT: u32 = 9;
const CUSTOM: u32 = 0x0bad;
const CUSTOM_NOT_COPIED: u32 = 0x4000_0bad;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Type and total length before the body, total length again after it.
const OVERHEAD: u32 = 12;
/// Bytes before an Enhanced Packet Block's data, and before an obsolete Packet Block's.
const PACKET_DATA: usize = 28;
/// Longest block that is believed: one with a packet of a bus fits twice.
const BLOCK_LIMIT: u32 = 256 << 20;
/// Most interfaces of one file: each costs memory for as long as the file is read.
const INTERFACE_LIMIT: usize = 16_384;
/// Longest name or description that is kept.
const TEXT_LIMIT: usize = 256;

/// State of a pcapng file.
///
/// Invariant: `section_first <= interfaces.len() <= INTERFACE_LIMIT`.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    /// Index of the current section's first interface; absent before the first section.
    section_first: Option<usize>,
    interfaces: Vec<Described>,
    /// A block whose body was passed over: its total length, which must follow now once more.
    trailing: Option<u32>,
}

/// An interface of any section.
#[derive(Debug)]
struct Described {
    link: LinkType,
    snap_len: u32,
    frame_limit: u32,
    clock: Clock,
    /// Drops noted beside packets, as opposed to those in statistics.
    drops_beside_packets: Option<u64>,
    /// Packets of it read so far.
    packets: u64,
    /// When capturing ended, and how many packets had been written by then: what the last statistics say.
    ended: Option<(Timestamp, u64)>,
    about: Interface,
}

impl Pcapng {
    pub(super) fn new() -> Self {
        Self {
            // The first block is a Section Header Block, and it says.
            order: Order::Little,
            section_first: None,
            interfaces: Vec::new(),
            trailing: None,
        }
    }

    #[inline]
    pub(super) fn step(&mut self, unread: &[u8]) -> Step {
        if let Some(leading) = self.trailing {
            return self.trailing_length(unread, leading);
        }
        let Some([kind, length]) = self.order.words(unread) else {
            return Step::Need(8);
        };
        if kind == SECTION_HEADER {
            // Its type reads the same in both orders; its length is in the order that it announces.
            return self.section_header(unread);
        }
        let minimum = match kind {
            ENHANCED_PACKET | OBSOLETE_PACKET => OVERHEAD + 20,
            INTERFACE_DESCRIPTION => OVERHEAD + 8,
            INTERFACE_STATISTICS => OVERHEAD + 12,
            SIMPLE_PACKET => OVERHEAD + 4,
            _ => OVERHEAD,
        };
        if length < minimum || length % 4 != 0 || length > BLOCK_LIMIT {
            return Step::Damaged(Reason::BlockLength { kind, length });
        }
        match kind {
            ENHANCED_PACKET => self.enhanced_packet(unread, length),
            SIMPLE_PACKET => self.simple_packet(unread, length),
            OBSOLETE_PACKET => self.obsolete_packet(unread, length),
            INTERFACE_DESCRIPTION => self.interface_description(unread, length),
            INTERFACE_STATISTICS => self.interface_statistics(unread, length),
            _ => {
                // Unlike a name resolution block or one of unknown kind, these are records that
                // Wireshark lists and numbers among the frames (0x204 … 0x222 are sysdig's events).
                let numbered = matches!(
                    kind,
                    JOURNAL_EXPORT
                        | CUSTOM
                        | CUSTOM_NOT_COPIED
                        | 0x204
                        | 0x208
                        | 0x216
                        | 0x217
                        | 0x221
                        | 0x222
                );
                self.pass_body(length, numbered)
            }
        }
    }

    /// A file may end between blocks.
    pub(super) fn may_end(&self) -> bool {
        self.section_first.is_some() && self.trailing.is_none()
    }

    /// Bytes of a block whose body was passed over, its second total length not yet seen.
    pub(super) fn begun(&self) -> usize {
        self.trailing.map_or(0, |length| index(length - 4))
    }

    pub(super) fn interface_count(&self) -> usize {
        self.interfaces.len()
    }

    /// When capturing ended, on all interfaces; absent where the file does not say so, or has other packets than were
    /// written: then somebody took some out, and what is silence in it may have been none.
    pub(super) fn ended(&self) -> Option<Timestamp> {
        let mut latest = None;
        for described in &self.interfaces {
            let (ended, delivered) = described.ended?;
            if delivered != described.packets {
                return None;
            }
            latest = latest.max(Some(ended));
        }
        latest
    }

    pub(super) fn interfaces(&self) -> Vec<Interface> {
        self.interfaces
            .iter()
            .map(|described| Interface {
                dropped: described.about.dropped.or(described.drops_beside_packets),
                ..described.about.clone()
            })
            .collect()
    }

    /// Passes over a block up to its second total length, which [`Self::trailing_length`] then checks:
    /// so a stream need not hold the whole block.
    fn pass_body(&mut self, length: u32, numbered: bool) -> Step {
        self.trailing = Some(length);
        Step::Pass {
            consumed: index(length - 4),
            numbered,
        }
    }

    fn trailing_length(&mut self, unread: &[u8], leading: u32) -> Step {
        let Some([trailing]) = self.order.words(unread) else {
            return Step::Need(4);
        };
        if trailing != leading {
            return Step::Damaged(Reason::TrailingLength { leading, trailing });
        }
        self.trailing = None;
        Step::Pass {
            consumed: 4,
            numbered: false,
        }
    }

    fn section_header(&mut self, unread: &[u8]) -> Step {
        let Some(magic) = unread.get(8..).and_then(<[u8]>::first_chunk) else {
            return Step::Need(12);
        };
        let Some(order) = byte_order(*magic) else {
            return Step::Damaged(Reason::ByteOrderMagic { found: *magic });
        };
        let Some([kind, length]) = order.words(unread) else {
            return Step::Need(8);
        };
        if length < OVERHEAD + 16 || length % 4 != 0 || length > BLOCK_LIMIT {
            return Step::Damaged(Reason::BlockLength { kind, length });
        }
        let (Some(major), Some(minor)) = (half(order, unread, 12), half(order, unread, 14)) else {
            return Step::Need(16);
        };
        // Minor 2 was written by some programs and means the same as 0 (section 4.1).
        if major != 1 {
            return Step::Damaged(Reason::Version { major, minor });
        }
        self.order = order;
        self.section_first = Some(self.interfaces.len());
        self.pass_body(length, false)
    }

    fn interface_description(&mut self, unread: &[u8], length: u32) -> Step {
        let body = match self.block(unread, length) {
            Ok(body) => body,
            Err(step) => return step,
        };
        if self.interfaces.len() >= INTERFACE_LIMIT {
            return Step::Damaged(Reason::TooManyInterfaces {
                limit: INTERFACE_LIMIT,
            });
        }
        let link = LinkType(half(self.order, body, 0).unwrap_or_default());
        let snap_len = self.order.word_at(body, 4).unwrap_or_default();
        let (mut name, mut description) = (None, None);
        let mut resolution = Some(TimeResolution::Decimal(6));
        let mut offset_seconds = Some(0);
        for option in options(self.order, body, 8) {
            match option.code {
                2 => name = Some(text(option.value)),
                3 => description = Some(text(option.value)),
                9 => {
                    resolution = match *option.value {
                        [byte] if byte & 0x80 != 0 => Some(TimeResolution::Binary(byte & 0x7f)),
                        [byte] => Some(TimeResolution::Decimal(byte)),
                        _ => None,
                    }
                }
                14 => {
                    offset_seconds = option
                        .value
                        .try_into()
                        .ok()
                        .map(|bytes| self.order.u64(bytes).cast_signed());
                }
                _ => {}
            }
        }
        self.interfaces.push(Described {
            link,
            snap_len,
            frame_limit: frame_limit(link),
            clock: Clock::new(resolution, offset_seconds),
            drops_beside_packets: None,
            packets: 0,
            ended: None,
            about: Interface {
                index: u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX),
                name,
                description,
                link,
                snap_len: (snap_len > 0).then_some(snap_len),
                resolution: resolution.filter(|_| offset_seconds.is_some()),
                received: None,
                dropped: None,
                unwritten: None,
                away: None,
            },
        });
        Step::Pass {
            consumed: index(length),
            numbered: false,
        }
    }

    fn interface_statistics(&mut self, unread: &[u8], length: u32) -> Step {
        let body = match self.block(unread, length) {
            Ok(body) => body,
            Err(step) => return step,
        };
        let (mut received, mut dropped) = (None, None::<u64>);
        let (mut ended, mut delivered) = (None, None);
        let (mut away, mut unwritten) = (None, None);
        for option in options(self.order, body, 12) {
            if option.code == 1 {
                let comment = text(option.value);
                away = away.or_else(|| Away::of_comment(&comment));
                unwritten = unwritten.or_else(|| unwritten_of_comment(&comment));
            }
            let Ok(count) = <[u8; 8]>::try_from(option.value).map(|bytes| self.order.u64(bytes))
            else {
                continue;
            };
            match option.code {
                // isb_endtime: two words, the high one first, other than the counts.
                3 => {
                    ended = self
                        .order
                        .words(option.value)
                        .map(|[high, low]| u64::from(high) << 32 | u64::from(low));
                }
                4 => received = Some(count),
                // isb_usrdeliv.
                8 => delivered = Some(count),
                // isb_ifdrop and isb_osdrop.
                5 | 7 => dropped = Some(dropped.unwrap_or(0).saturating_add(count)),
                _ => {}
            }
        }
        let interface = self.order.word_at(body, 0).unwrap_or_default();
        // Statistics of an interface nobody described say nothing about any frame.
        if let Ok((_, described)) = self.described(interface) {
            // Counts run from the start of the capture: the last block counts.
            described.about.received = received.or(described.about.received);
            described.about.dropped = dropped
                .map(|dropped| dropped.saturating_sub(unwritten.unwrap_or(0)))
                .or(described.about.dropped);
            described.about.unwritten = unwritten.or(described.about.unwritten);
            described.about.away = away.or(described.about.away);
            let ended = ended.and_then(|ticks| described.clock.time(ticks));
            described.ended = ended.zip(delivered);
        }
        Step::Pass {
            consumed: index(length),
            numbered: false,
        }
    }

    #[inline]
    fn enhanced_packet(&mut self, unread: &[u8], length: u32) -> Step {
        let Some([_, _, interface, high, low, captured, original]) = self.order.words(unread)
        else {
            return Step::Need(PACKET_DATA);
        };
        let ticks = u64::from(high) << 32 | u64::from(low);
        self.packet(
            unread,
            &PacketBlock {
                length,
                interface,
                ticks,
                captured,
                original,
            },
            None,
        )
    }

    fn obsolete_packet(&mut self, unread: &[u8], length: u32) -> Step {
        let Some([_, _, _, high, low, captured, original]) = self.order.words(unread) else {
            return Step::Need(PACKET_DATA);
        };
        let (Some(interface), Some(drops)) =
            (half(self.order, unread, 8), half(self.order, unread, 10))
        else {
            return Step::Need(PACKET_DATA);
        };
        let ticks = u64::from(high) << 32 | u64::from(low);
        // 65535 says that the count is not known.
        let drops = (drops != u16::MAX).then_some(u64::from(drops));
        self.packet(
            unread,
            &PacketBlock {
                length,
                interface: u32::from(interface),
                ticks,
                captured,
                original,
            },
            drops,
        )
    }

    #[inline]
    fn packet(&mut self, unread: &[u8], packet: &PacketBlock, drops: Option<u64>) -> Step {
        let &PacketBlock {
            length,
            interface,
            ticks,
            captured,
            original,
        } = packet;
        let order = self.order;
        let room = length - OVERHEAD - 20;
        let (file_interface, described) = match self.described(interface) {
            Ok(found) => found,
            Err(reason) => return Step::Damaged(reason),
        };
        if captured > described.frame_limit {
            return Step::Damaged(Reason::PacketTooLong {
                captured,
                limit: described.frame_limit,
            });
        }
        if captured > room {
            return Step::Damaged(Reason::PacketOutgrowsBlock { captured, room });
        }
        if let Err(step) = whole(order, unread, length) {
            return step;
        }
        let mut drops = drops;
        let mut after_end = false;
        let padded = captured.next_multiple_of(4);
        if room > padded
            && let Some(body) = unread.get(..index(length - 4))
        {
            for option in options(order, body, PACKET_DATA + index(padded)) {
                match option.code {
                    1 => after_end |= says_ended(option.value),
                    // epb_dropcount, of Enhanced Packet Blocks only.
                    4 => {
                        let count = option.value.try_into().map(|bytes| order.u64(bytes));
                        drops = drops.or(count.ok());
                    }
                    _ => {}
                }
            }
        }
        described.packets = described.packets.saturating_add(1);
        if let Some(drops) = drops {
            let sum = described.drops_beside_packets.unwrap_or(0);
            described.drops_beside_packets = Some(sum.saturating_add(drops));
        }
        Step::Frame {
            head: Head {
                time: described.clock.time(ticks),
                link: described.link,
                interface: file_interface,
                wire_len: original.max(captured),
                start: PACKET_DATA,
                len: index(captured),
                after_end,
            },
            consumed: index(length),
        }
    }

    fn simple_packet(&mut self, unread: &[u8], length: u32) -> Step {
        let Some([_, _, original]) = self.order.words(unread) else {
            return Step::Need(12);
        };
        let order = self.order;
        let room = length - OVERHEAD - 4;
        let (file_interface, described) = match self.described(0) {
            Ok(found) => found,
            Err(reason) => return Step::Damaged(reason),
        };
        // The captured length is not written: it is the original one, cut to the snap length of the
        // section's first interface (section 4.4), where 0 means no limit.
        let captured = match described.snap_len {
            0 => original,
            snap_len => original.min(snap_len),
        };
        if captured > described.frame_limit {
            return Step::Damaged(Reason::PacketTooLong {
                captured,
                limit: described.frame_limit,
            });
        }
        if captured > room {
            return Step::Damaged(Reason::PacketOutgrowsBlock { captured, room });
        }
        if let Err(step) = whole(order, unread, length) {
            return step;
        }
        Step::Frame {
            head: Head {
                time: None,
                link: described.link,
                interface: file_interface,
                wire_len: original,
                start: 12,
                len: index(captured),
                after_end: false,
            },
            consumed: index(length),
        }
    }

    /// An interface of the current section, with its index in the file.
    #[inline]
    fn described(&mut self, interface: u32) -> Result<(u32, &mut Described), Reason> {
        let first = self.section_first.unwrap_or_default();
        let described = self.interfaces.len().saturating_sub(first);
        let at = first.saturating_add(index(interface));
        match (self.interfaces.get_mut(at), u32::try_from(at)) {
            (Some(found), Ok(at)) => Ok((at, found)),
            _ => Err(Reason::UnknownInterface {
                interface,
                described,
            }),
        }
    }

    /// A block's body, once all of the block is at hand and its two lengths agree.
    fn block<'a>(&self, unread: &'a [u8], length: u32) -> Result<&'a [u8], Step> {
        whole(self.order, unread, length)?;
        unread
            .get(8..index(length - 4))
            .ok_or(Step::Need(index(length)))
    }
}

/// The fields that the two packet blocks with times share.
struct PacketBlock {
    length: u32,
    interface: u32,
    ticks: u64,
    captured: u32,
    original: u32,
}

/// That all of a block is at hand and its two lengths agree.
#[inline]
fn whole(order: Order, unread: &[u8], length: u32) -> Result<(), Step> {
    let Some(trailing) = order.word_at(unread, index(length - 4)) else {
        return Err(Step::Need(index(length)));
    };
    if trailing != length {
        return Err(Step::Damaged(Reason::TrailingLength {
            leading: length,
            trailing,
        }));
    }
    Ok(())
}

/// The byte order in which a Section Header Block's magic is written; absent where it is none.
pub(super) fn byte_order(magic: [u8; 4]) -> Option<Order> {
    if u32::from_le_bytes(magic) == BYTE_ORDER_MAGIC {
        Some(Order::Little)
    } else if u32::from_be_bytes(magic) == BYTE_ORDER_MAGIC {
        Some(Order::Big)
    } else {
        None
    }
}

/// Whether a line of a comment says that the programs had been told to end.
fn says_ended(comment: &[u8]) -> bool {
    let mut lines = comment.split(|byte| *byte == b'\n');
    lines.any(|line| line.starts_with(ENDED.as_bytes()))
}

fn half(order: Order, bytes: &[u8], at: usize) -> Option<u16> {
    Some(order.u16(*bytes.get(at..)?.first_chunk()?))
}

/// Text from a file, shortened to [`TEXT_LIMIT`]. Some programs count a final NUL in.
fn text(value: &[u8]) -> String {
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    let value = value.get(..TEXT_LIMIT).unwrap_or(value);
    String::from_utf8_lossy(value).into_owned()
}

struct BlockOption<'a> {
    code: u16,
    value: &'a [u8],
}

/// The options of a block body from `at` on, up to the end of options, the end of the body, or the
/// first that does not fit. Each takes at least 4 bytes, so it comes to an end.
fn options(order: Order, body: &[u8], at: usize) -> impl Iterator<Item = BlockOption<'_>> {
    let mut rest = body.get(at..).unwrap_or_default();
    std::iter::from_fn(move || {
        let code = half(order, rest, 0)?;
        let length = usize::from(half(order, rest, 2)?);
        let value = rest.get(4..)?.get(..length)?;
        rest = rest
            .get(4 + length.next_multiple_of(4)..)
            .unwrap_or_default();
        (code != 0).then_some(BlockOption { code, value })
    })
}

//! One byte more, less or other in the bytes that a capture carries: the frames are made anew with the lengths, sequence
//! numbers, acknowledgments and checksums that programs and kernels would have given them.

#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test works on frames that it has read, and may fail"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use imgnet::frame::LinkType;

use super::sweep::Kept;

/// What is done to one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// This byte is put in before it.
    Insert(u8),
    /// It is left out.
    Remove,
    /// It is another one: all bits of the mask are turned.
    Change(u8),
}

impl Edit {
    /// The same bytes with the edit at this offset.
    pub(crate) fn of(self, bytes: &[u8], at: usize) -> Vec<u8> {
        let mut edited = bytes.to_vec();
        match self {
            Self::Insert(byte) => edited.insert(at, byte),
            Self::Remove => {
                edited.remove(at);
            }
            Self::Change(mask) => edited[at] ^= mask,
        }
        edited
    }
}

/// The first offset at which two byte strings differ, or at which the shorter one ends.
pub(crate) fn first_difference(left: &[u8], right: &[u8]) -> u64 {
    left.iter().zip(right).take_while(|(a, b)| a == b).count() as u64
}

/// Sender and receiver.
pub(crate) type Ends = (SocketAddr, SocketAddr);

/// Where the headers and the payload of a frame stand.
#[derive(Debug, Clone, Copy)]
struct Place {
    l3: usize,
    l4: usize,
    tcp: bool,
    v6: bool,
    /// Payload.
    start: usize,
    end: usize,
}

fn two(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

fn four(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four"))
}

/// Absent where it is no whole TCP segment or UDP datagram over IP.
fn place(frame: &Kept) -> Option<Place> {
    let data = &frame.data;
    let l3 = match frame.link {
        LinkType::ETHERNET => 14,
        LinkType::LINUX_SLL => 16,
        LinkType::LINUX_SLL2 => 20,
        LinkType::NULL | LinkType::LOOP => 4,
        _ => 0,
    };
    let version = data.get(l3)? >> 4;
    let (v6, l4, protocol, end) = match version {
        4 => {
            let fragment = two(data, l3 + 6) & 0x3fff != 0;
            if fragment {
                return None;
            }
            let header = usize::from(data[l3] & 15) * 4;
            let total = two(data, l3 + 2);
            // Length 0: the segment was larger than the field, before it was cut into packets.
            let end = if total == 0 { data.len() } else { l3 + total };
            (false, l3 + header, data[l3 + 9], end)
        }
        6 => (true, l3 + 40, data[l3 + 6], l3 + 40 + two(data, l3 + 4)),
        _ => return None,
    };
    if end > data.len() {
        return None;
    }
    let (tcp, start) = match protocol {
        6 => (true, l4 + usize::from(data[l4 + 12] >> 4) * 4),
        17 => (false, l4 + 8),
        _ => return None,
    };
    Some(Place {
        l3,
        l4,
        tcp,
        v6,
        start,
        end,
    })
}

/// The bytes of a direction, and where its segments begin and end.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(crate) bytes: Vec<u8>,
    pub(crate) borders: Vec<usize>,
    pub(crate) tcp: bool,
}

/// First sequence number of a direction: behind its SYN.
fn first(frames: &[Kept], ends: Ends) -> Option<u32> {
    frames
        .iter()
        .filter(|frame| frame.ends == Some(ends))
        .find_map(|frame| {
            let place = place(frame).filter(|place| place.tcp)?;
            let syn = frame.data[place.l4 + 13] & 2 != 0;
            syn.then(|| four(&frame.data, place.l4 + 4).wrapping_add(1))
        })
}

/// What a direction carries; absent where it is not whole from its beginning on.
pub(crate) fn carried(frames: &[Kept], ends: Ends) -> Option<Carried> {
    let isn = first(frames, ends);
    let mut known: BTreeMap<usize, u8> = BTreeMap::new();
    let mut borders = Vec::new();
    let mut next = 0;
    let mut tcp = false;
    for frame in frames.iter().filter(|frame| frame.ends == Some(ends)) {
        let place = place(frame)?;
        tcp = place.tcp;
        let payload = &frame.data[place.start..place.end];
        if payload.is_empty() {
            continue;
        }
        let from = if place.tcp {
            four(&frame.data, place.l4 + 4).wrapping_sub(isn?) as usize
        } else {
            next
        };
        next = from + payload.len();
        borders.extend([from, next]);
        for (at, &byte) in payload.iter().enumerate() {
            known.entry(from + at).or_insert(byte);
        }
    }
    borders.sort_unstable();
    borders.dedup();
    let whole = known.keys().enumerate().all(|(at, &offset)| at == offset);
    whole.then(|| Carried {
        bytes: known.into_values().collect(),
        borders,
        tcp,
    })
}

/// The frames with an edit at this offset of a direction; `at` may be its end where a byte is put in.
pub(crate) fn edited(frames: &[Kept], ends: Ends, at: usize, edit: Edit) -> Vec<Kept> {
    let carried = carried(frames, ends).expect("a whole direction");
    if carried.tcp {
        over_tcp(frames, ends, at, edit, carried.bytes.len())
    } else {
        over_udp(frames, ends, at, edit, carried.bytes.len())
    }
}

fn over_udp(frames: &[Kept], ends: Ends, at: usize, edit: Edit, all: usize) -> Vec<Kept> {
    let mut next = 0;
    let mut done = false;
    let mut edited = Vec::with_capacity(frames.len());
    for frame in frames {
        let mut frame = frame.clone();
        if frame.ends == Some(ends)
            && let Some(place) = place(&frame)
        {
            let from = next;
            next += place.end - place.start;
            let ours = (from..next).contains(&at) || (at == all && next == all && from < next);
            if ours && !done {
                done = true;
                replace(&mut frame, place, edit, at - from);
            }
        }
        edited.push(frame);
    }
    edited
}

fn over_tcp(frames: &[Kept], ends: Ends, at: usize, edit: Edit, all: usize) -> Vec<Kept> {
    let isn = first(frames, ends).expect("a SYN");
    let shift: i32 = match edit {
        Edit::Insert(_) => 1,
        Edit::Remove => -1,
        Edit::Change(_) => 0,
    };
    let append = at == all;
    // The last frame with bytes: what is put in behind them comes with it.
    let mut seen_end = false;
    let moved = |sequence: u32, seen_end: bool| -> u32 {
        let offset = sequence.wrapping_sub(isn);
        // What lies before the SYN, as acknowledgments of nothing do, stays.
        if offset > 0x8000_0000 {
            return sequence;
        }
        let offset = offset as usize;
        let behind = if append {
            offset > all || (offset == all && seen_end)
        } else {
            offset > at
        };
        if behind {
            sequence.wrapping_add_signed(shift)
        } else {
            sequence
        }
    };
    let mut edited = Vec::with_capacity(frames.len());
    for frame in frames {
        let mut frame = frame.clone();
        let Some(place) = place(&frame).filter(|place| place.tcp) else {
            edited.push(frame);
            continue;
        };
        let sequence_at = place.l4 + 4;
        if frame.ends == Some(ends) {
            let sequence = four(&frame.data, sequence_at);
            let from = sequence.wrapping_sub(isn) as usize;
            let to = from.wrapping_add(place.end - place.start);
            let carries = place.end > place.start;
            let ours = carries && ((from <= at && at < to) || (append && to == all));
            let sequence = moved(sequence, seen_end);
            frame.data[sequence_at..sequence_at + 4].copy_from_slice(&sequence.to_be_bytes());
            if ours {
                replace(&mut frame, place, edit, at - from);
            } else {
                sums(&mut frame, place);
            }
            seen_end |= carries && to == all;
        } else if frame.ends == Some((ends.1, ends.0)) {
            acknowledgments(&mut frame, place, &|sequence| moved(sequence, seen_end));
            sums(&mut frame, place);
        }
        edited.push(frame);
    }
    edited
}

/// Acknowledgment number and SACK blocks.
fn acknowledgments(frame: &mut Kept, place: Place, moved: &dyn Fn(u32) -> u32) {
    let mut put = |at: usize| {
        let number = moved(four(&frame.data, at));
        frame.data[at..at + 4].copy_from_slice(&number.to_be_bytes());
    };
    put(place.l4 + 8);
    let (mut at, end) = (place.l4 + 20, place.start);
    let mut blocks = Vec::new();
    while at < end {
        match frame.data[at] {
            0 => break,
            1 => at += 1,
            kind => {
                let length = usize::from(frame.data[at + 1]).max(2);
                if kind == 5 {
                    blocks.extend((at + 2..at + length).step_by(4));
                }
                at += length;
            }
        }
    }
    for at in blocks {
        let number = moved(four(&frame.data, at));
        frame.data[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }
}

/// Edits the payload of a frame.
fn replace(frame: &mut Kept, place: Place, edit: Edit, at: usize) {
    let before = frame.data.len();
    let payload = edit.of(&frame.data[place.start..place.end], at);
    let end = place.start + payload.len();
    frame.data.splice(place.start..place.end, payload);
    let grown = frame.data.len() - before.min(frame.data.len());
    let shrunk = before - before.min(frame.data.len());
    let wire_len = frame.wire_len as usize + grown - shrunk;
    frame.wire_len = u32::try_from(wire_len).expect("a length");
    let data = &mut frame.data;
    if place.v6 {
        let length = u16::try_from(end - place.l3 - 40).expect("a length");
        data[place.l3 + 4..place.l3 + 6].copy_from_slice(&length.to_be_bytes());
    } else if two(data, place.l3 + 2) != 0 {
        let length = u16::try_from(end - place.l3).unwrap_or(0);
        data[place.l3 + 2..place.l3 + 4].copy_from_slice(&length.to_be_bytes());
    }
    if !place.tcp {
        let length = u16::try_from(end - place.l4).expect("a length");
        data[place.l4 + 4..place.l4 + 6].copy_from_slice(&length.to_be_bytes());
    }
    sums(frame, Place { end, ..place });
}

fn sum(bytes: &[u8], mut sum: u32) -> u32 {
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from);
    }
    sum
}

fn folded(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}

/// Checksums of IP and of TCP or UDP.
fn sums(frame: &mut Kept, place: Place) {
    let data = &mut frame.data;
    if !place.v6 {
        data[place.l3 + 10..place.l3 + 12].fill(0);
        let check = folded(sum(&data[place.l3..place.l4], 0));
        data[place.l3 + 10..place.l3 + 12].copy_from_slice(&check.to_be_bytes());
    }
    let at = place.l4 + if place.tcp { 16 } else { 6 };
    data[at..at + 2].fill(0);
    let addresses = if place.v6 {
        place.l3 + 8..place.l3 + 40
    } else {
        place.l3 + 12..place.l3 + 20
    };
    let length = u32::try_from(place.end - place.l4).expect("a length");
    let pseudo = sum(&data[addresses], 0) + length + if place.tcp { 6 } else { 17 };
    let check = folded(sum(&data[place.l4..place.end], pseudo));
    data[at..at + 2].copy_from_slice(&check.to_be_bytes());
}

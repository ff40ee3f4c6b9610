//! Bytes beside the pictures of a direction that no framing explains.
//!
//! A wire format that was recognised says itself what is its framing. Where files were found without one, what stands before
//! a picture is taken for a header as long as it tells what headers tell: how long the picture is, its size, its name, or the
//! same each time. One byte that tells nothing is no header.

mod ends;
mod preambles;

use std::collections::BTreeSet;

use ends::{comes_each_time, is_close, is_terminator, says_length, stands_each_time};

use preambles::is_remote_copy;
pub(crate) use preambles::{ends_http, preamble};

use super::archive;
use super::enclosed;
use super::encodings::{self, Held};
use super::leads::{Lead, are_explained, nearly, numbers, tells_length};
use super::lone::{Subject, untold, untold_once};
use super::reconcile::Lie;
use crate::picture::Spelling;
use crate::units::{self, ByteRange, PictureId};
use crate::wire::infer::{Followed, are_records, fills_block};
use crate::wire::layout::check;
use crate::wire::{encoded, pickle};

/// Bytes that were sent beside the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stray {
    /// The picture that they follow or precede.
    pub picture: PictureId,
    /// Stream offset of the first.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
    /// They are a header that says this length, and the picture has nearly that, or a text of it has.
    pub declared: Option<Declared>,
    /// They stand behind the only picture, whose header tells its length, and look as the fields of a trailer do: framing that nobody
    /// knows, perhaps, and nobody's fault.
    pub trailer: bool,
}

/// A wrong length in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declared {
    /// What it says.
    pub bytes: u64,
    /// The text of the picture that has this length, where one has.
    pub text: Option<Spelling>,
}

impl From<u64> for Declared {
    fn from(bytes: u64) -> Self {
        Self { bytes, text: None }
    }
}

/// A picture in its direction.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other"
)]
pub(crate) struct Placed {
    /// Which one.
    pub picture: PictureId,
    /// Where it lies.
    pub range: ByteRange,
    /// How its bytes lie.
    pub lie: Lie,
    /// How many other bytes stand between its pieces, each time as many; absent where they are not, or it lies in one.
    pub between: Option<u64>,
    /// How many bytes most of its pieces have, and the last; absent where it lies in one.
    pub pieces: Option<(u64, u64)>,
    /// How many bytes of the header before its first piece were taken for the piece.
    pub ahead: u64,
    /// It was found by its own structure, in no wire format.
    pub is_carved: bool,
    /// Its stream ended before it did: what a header says beyond what came may be what was to come.
    pub is_cut: bool,
    /// It is a PNG.
    pub is_png: bool,
    /// It travels as text.
    pub is_text: bool,
    /// Its length, as a header may tell it: of its own bytes, and of those that it takes.
    pub lengths: [u64; 2],
    /// A wire format read this length before it, and it goes on behind that.
    pub declared: Option<u64>,
    /// Width and height.
    pub size: Option<(u32, u32)>,
}

impl Placed {
    /// Whether other bytes stand between its own.
    fn is_in_pieces(&self) -> bool {
        self.range.end - self.range.start != self.lengths[0]
    }

    fn held(&self) -> Held {
        Held {
            range: self.range.clone(),
            lengths: self.lengths,
        }
    }
}

/// Whether all behind the last picture is zeros that fill up the direction, a message or a picture to whole blocks. `end` is the end of the
/// direction; `bytes` reads a range of it.
///
/// # Errors
/// Those of `bytes`.
pub(crate) fn is_padded<E>(
    pictures: &[Placed],
    end: u64,
    bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    let Some((last, before)) = pictures.split_last() else {
        return Ok(false);
    };
    let fill = end.saturating_sub(last.range.end);
    let message = before.last().map_or(0, |one| one.range.end);
    if fills_block([0, message, last.range.start], end, fill).is_none() {
        return Ok(false);
    }
    let zeros = bytes(last.range.end..end)?;
    Ok(zeros.len() as u64 == fill && zeros.iter().all(|byte| *byte == 0))
}

/// What is asked about a direction.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other"
)]
pub(crate) struct Beside<'b> {
    /// Its pictures, in order.
    pub pictures: &'b [Placed],
    /// What is of no picture and of no framing that is known, ascending.
    pub open: &'b [ByteRange],
    /// Its wire format is known: what that does not name is no end of a message.
    pub understood: bool,
    /// It was given, or its bytes confirmed it more than once.
    pub certain: bool,
    /// One past its last byte.
    pub end: u64,
    /// The other side answered: somebody took what stands behind the picture for its end.
    pub answered: bool,
    /// Its wire format was given: what that does not name is of no message.
    pub given: bool,
    /// Its wire format was followed for some of the pictures, and lost before others: what stands there is none of its framing.
    pub lost: bool,
    /// What a wire format that is no guess does not account for, ascending.
    pub beyond: &'b [ByteRange],
    /// Where datagrams begin, and the end of the last; empty for a stream of bytes.
    pub datagrams: &'b BTreeSet<u64>,
}

/// Longer ones are not looked into.
const MOST: u64 = 64 << 10;

/// Datagrams of their own that say nothing of pictures are as short.
const SHORT: usize = 128;

/// Of longer pictures no checksum is taken.
const CHECKED: u64 = 1 << 20;

/// Whether the direction is an archive, records one behind the other, one message, or values of an encoding, whose own headers account for
/// every byte.
///
/// # Errors
/// Those of `bytes`.
pub(crate) fn accounts_for_itself<E>(
    beside: &Beside<'_>,
    bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    if beside.given || !beside.datagrams.is_empty() {
        return Ok(false);
    }
    let end = beside.end;
    let held: Vec<Held> = beside.pictures.iter().map(Placed::held).collect();
    let pictures: Vec<ByteRange> = held.iter().map(|one| one.range.clone()).collect();
    let pieces = beside.pictures.iter().any(Placed::is_in_pieces);
    let followed = Followed {
        empty: true,
        pieces,
        messages: true,
        between: beside.pictures.first().and_then(|one| one.between),
        length: beside.pictures.first().map_or(0, |one| one.lengths[0]),
    };
    // Where a guess has named every byte already, records that are made of its fields are one more guess.
    let records = !beside.open.is_empty() || !beside.beyond.is_empty();
    let enclosed = match beside.pictures {
        [only] if only.lie == Lie::Plain => {
            enclosed::accounts_for(&only.range, only.lengths, end, bytes)?
        }
        _ => false,
    };
    Ok(enclosed
        || archive::accounts_for(&pictures, end, bytes)?
        || encodings::accounts_for(&held, end, bytes)?
        || (records && are_records(&pictures, end, followed, bytes)?))
}

/// What nothing explains. `bytes` reads a range of the stream, nothing where it was not captured.
///
/// # Errors
/// Those of `bytes`.
#[expect(
    clippy::too_many_lines,
    reason = "what is open, in the order in which it may be explained"
)]
pub(crate) fn stray<E>(
    beside: &Beside<'_>,
    bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<Option<Stray>, E> {
    let (Some(first), Some(last)) = (beside.pictures.first(), beside.pictures.last()) else {
        return Ok(None);
    };
    let tunnel;
    let beside = if beside.is_tunnel(bytes)? {
        tunnel = Beside {
            understood: false,
            certain: false,
            lost: false,
            beyond: &[],
            ..*beside
        };
        &tunnel
    } else {
        beside
    };
    if beside.ends_each(bytes)? {
        return Ok(None);
    }
    let mut leads: Vec<Lead<'_>> = Vec::new();
    let mut rest: Vec<&ByteRange> = Vec::new();
    let mut too_long = None;
    let mut sums = BTreeSet::new();
    for range in beside.open {
        let before = beside
            .pictures
            .iter()
            .find(|placed| placed.range.start == range.end);
        match before {
            _ if range.start >= range.end => {}
            // What stands before the next picture may be the last one's.
            _ if beside.is_checksum(range, bytes)? => {
                sums.insert(range.end - range.start);
            }
            // Each piece has a header of its own.
            Some(placed) if placed.lie == Lie::Regular => {
                if !beside.has_odd_header(range, placed, bytes)? {
                    continue;
                }
                return Ok(Some(Stray {
                    picture: placed.picture,
                    offset: range.start,
                    bytes: range.end - range.start,
                    declared: None,
                    trailer: false,
                }));
            }
            Some(placed) if range.end - range.start <= MOST => leads.push(Lead {
                bytes: beside.header(range, bytes)?,
                placed,
                message: beside.are_datagrams(range),
                begins_datagram: beside.datagrams.contains(&range.start)
                    && !beside.datagrams.contains(&range.end),
            }),
            Some(placed) => {
                too_long.get_or_insert((placed.picture, range.clone()));
            }
            None => rest.push(range),
        }
    }
    let found = |picture: PictureId, range: &ByteRange| Stray {
        picture,
        offset: range.start,
        bytes: range.end - range.start,
        declared: None,
        trailer: false,
    };
    // Of those that have a checksum one has a wrong one.
    let wrong = beside.open.iter().find_map(|range| {
        let summed = sums.contains(&(range.end - range.start));
        let before = beside.pictures.iter();
        let mut before = before.filter(|placed| summed && placed.range.end == range.start);
        let lead = leads
            .iter()
            .any(|lead| lead.placed.range.start == range.end);
        before
            .next()
            .filter(|_| lead)
            .map(|placed| found(placed.picture, range))
    });
    if wrong.is_some() {
        return Ok(wrong);
    }
    let too_long = too_long.map(|(picture, range)| found(picture, &range));
    if let Some(stray) = too_long.or_else(|| beside.where_lost(&leads)) {
        return Ok(Some(stray));
    }
    let each = leads.len() == beside.pictures.len();
    let declared = match nearly(&leads, each) {
        Some((lead, bytes)) => Some((lead, bytes.into())),
        None => spelt(&leads, bytes)?,
    };
    if let Some((lead, declared)) = declared {
        let bytes = lead.bytes.len() as u64;
        return Ok(Some(Stray {
            picture: lead.placed.picture,
            offset: lead.placed.range.start.saturating_sub(bytes),
            bytes,
            declared: Some(declared),
            trailer: false,
        }));
    }
    let alone = leads.len() < beside.pictures.len() && beside.understood;
    if let Some(lead) = are_explained(&leads, beside.pictures.len(), alone) {
        return Ok(Some(Stray {
            picture: lead.picture,
            offset: lead.start,
            bytes: lead.bytes,
            declared: None,
            trailer: false,
        }));
    }
    // Texts stand before all pictures: what a program tells, as a log does.
    let texts = beside.pictures.len() > 1
        && leads.len() == beside.pictures.len()
        && leads
            .iter()
            .all(|lead| lead.bytes.len() > 2 && is_text(&lead.bytes));
    for range in rest {
        let picture = beside
            .pictures
            .iter()
            .rfind(|placed| placed.range.end <= range.start)
            .map_or(first.picture, |placed| placed.picture);
        if range.end - range.start > MOST {
            return Ok(Some(found(picture, range)));
        }
        let tail = bytes(range.clone())?;
        let told = |bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>| {
            Ok(is_told_in_text(&tail)
                || beside.tells_of(last, &tail)
                || (!beside.certain && tail.len() <= SHORT)
                || beside.is_other(range, &tail, bytes)?)
        };
        if tail.is_empty() || (beside.are_datagrams(range) && told(bytes)?) {
            continue;
        }
        if beside.ends_all(range, &tail) || beside.ends_word(range, bytes)? {
            continue;
        }
        if !beside.certain && beside.is_closed(range, &tail, bytes)? {
            continue;
        }
        // The length of the only picture, behind it.
        if !beside.certain && beside.pictures.len() == 1 && says_length(&tail, last) {
            continue;
        }
        // The zero behind a file that is copied.
        if beside.pictures.len() == 1
            && *tail == [0]
            && last.range.start <= SHORT as u64
            && is_remote_copy(&bytes(0..last.range.start)?)
        {
            continue;
        }
        if beside.understood || range.start != last.range.end {
            return Ok(Some(Stray {
                trailer: beside.is_trailer(range, &tail, bytes)?,
                ..found(picture, range)
            }));
        }
        // The last block filled up, or a piece of no bytes that ends the file.
        if last.lie == Lie::Regular && beside.is_filled_up(first, range, bytes)? {
            continue;
        }
        if beside.ends_piece(range, bytes)? {
            continue;
        }
        let same = comes_each_time(beside, &tail, first.range.start > 0, bytes)?
            || texts && is_text(&tail) && stands_each_time(beside, &tail, bytes)?;
        // A header announces it, and a text ends it.
        let ended = beside.pictures.len() == 1
            && (first.is_text && matches!(&*tail, b"\n" | b"\r\n")
                || first.range.start > 0 && (is_terminator(&tail) || is_close(&tail))
                || beside.is_end_word(&tail));
        if same || ended {
            continue;
        }
        // The rest of an object of which the picture is a member.
        let before = beside
            .pictures
            .len()
            .checked_sub(2)
            .and_then(|at| beside.pictures.get(at));
        let from = before
            .map_or(0, |placed| placed.range.end)
            .max(last.range.start.saturating_sub(MOST));
        if from < last.range.start {
            let lead = bytes(from..last.range.start)?;
            if encoded::is_rest(&lead, &tail) || pickle::is_rest(&lead, &tail) {
                continue;
            }
        }
        return Ok(Some(Stray {
            trailer: beside.is_trailer(range, &tail, bytes)?,
            ..found(picture, range)
        }));
    }
    beside.unaccounted(first.picture, bytes)
}

/// A header whose length is that of a text of its picture, where no header tells its picture's length.
fn spelt<'l, E>(
    leads: &'l [Lead<'l>],
    bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<Option<(&'l Lead<'l>, Declared)>, E> {
    if leads.iter().any(tells_length) {
        return Ok(None);
    }
    for lead in leads {
        let placed = lead.placed;
        let length = placed.range.end - placed.range.start;
        let asked = placed.lengths == [length; 2] && !placed.is_cut && length <= CHECKED;
        if !asked {
            continue;
        }
        let said: Vec<u64> = numbers(lead).filter(|value| *value > length).collect();
        if said.is_empty() {
            continue;
        }
        let picture = bytes(placed.range.clone())?;
        let found = said
            .iter()
            .find_map(|value| Some((*value, Spelling::of(&picture, *value)?)));
        if let Some((bytes, text)) = found {
            let text = Some(text);
            return Ok(Some((lead, Declared { bytes, text })));
        }
    }
    Ok(None)
}

impl Beside<'_> {
    /// Whether a range behind a picture that lies whole is a checksum of it.
    fn is_checksum<E>(
        &self,
        range: &ByteRange,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        /// A digest in hexadecimal digits, with line breaks.
        const LONGEST: u64 = 68;
        /// Larger pictures are not read again for it.
        const LARGEST: u64 = 64 << 20;
        let length = range.end - range.start;
        let before = self.pictures.iter().find(|placed| {
            let whole = placed.range.end - placed.range.start;
            placed.range.end == range.start && whole == placed.lengths[0] && whole <= LARGEST
        });
        let Some(picture) = before.filter(|_| (4..=LONGEST).contains(&length) && !self.certain)
        else {
            return Ok(false);
        };
        let tail = bytes(range.clone())?;
        check::is_of(&tail, || bytes(picture.range.clone()))
    }

    /// Whether what stands before the first piece of the only picture is by one byte, or a few, longer or shorter than what stands before the others.
    /// More before it tells of all of it.
    fn has_odd_header<E>(
        &self,
        header: &ByteRange,
        placed: &Placed,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        const MORE: u64 = 8;
        /// Longer ones are messages of their own.
        const LONG: usize = 40;
        let behind = self
            .open
            .iter()
            .find(|range| range.start == placed.range.end);
        let only = self.pictures.len() == 1 && self.datagrams.is_empty();
        let (Some(each), true) = (placed.between, only) else {
            return Ok(false);
        };
        let behind = behind.map_or(0, |range| range.end - range.start);
        let around = header.end - header.start + placed.ahead + behind;
        let lead = bytes(header.clone())?;
        if lead.iter().all(|byte| units::is_of_text(*byte)) {
            return Ok(false);
        }
        let off = around.abs_diff(each);
        if off < MORE {
            return Ok(!off.is_multiple_of(2));
        }
        let own = each.saturating_sub(placed.ahead);
        let own = usize::try_from(own).unwrap_or(usize::MAX);
        let once = lead
            .get(..lead.len().saturating_sub(own))
            .unwrap_or_default();
        if once.len() > LONG {
            return Ok(false);
        }
        let subject = Subject {
            lengths: placed.lengths,
            size: placed.size,
        };
        Ok(untold(once, subject) > 0 && untold_once(once) > 0)
    }

    /// Whether it begins with HTTP, and goes on with what is a program's own.
    fn is_tunnel<E>(
        &self,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        const HEAD: u64 = 64;
        if self.given || !self.datagrams.is_empty() {
            return Ok(false);
        }
        Ok(ends_http(&bytes(0..self.end.min(HEAD))?))
    }

    /// What stands before a picture, without what asked a proxy for the connection.
    fn header<E>(
        &self,
        range: &ByteRange,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        let mut header = bytes(range.clone())?;
        if range.start == 0 && self.datagrams.is_empty() {
            header.drain(..preamble(&header));
        }
        Ok(header)
    }

    /// The first of what a known wire format does not account for. Datagrams of text are messages of their own.
    fn unaccounted<E>(
        &self,
        first: PictureId,
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<Option<Stray>, E> {
        for range in self.beyond {
            let length = range.end - range.start;
            if self.are_datagrams(range) && length <= MOST {
                let datagram = bytes(range.clone())?;
                if is_told_in_text(&datagram) || self.is_other(range, &datagram, bytes)? {
                    continue;
                }
            }
            if length <= SHORT as u64
                && (self.ends_all(range, &bytes(range.clone())?) || self.ends_word(range, bytes)?)
            {
                continue;
            }
            let before = self
                .pictures
                .iter()
                .rfind(|placed| placed.range.end <= range.start);
            return Ok(Some(Stray {
                picture: before.map_or(first, |placed| placed.picture),
                offset: range.start,
                bytes: length,
                declared: None,
                trailer: false,
            }));
        }
        Ok(None)
    }

    /// What stands before the first picture that the wire format did not find any more.
    fn where_lost(&self, leads: &[Lead<'_>]) -> Option<Stray> {
        // Where the wire format had its framing before another picture, what it does not account for before a later one is none.
        let first = self.pictures.first().map(|placed| placed.picture);
        let beside_framing =
            self.understood && self.datagrams.is_empty() && leads.len() < self.pictures.len();
        let lead = leads.iter().find(|lead| {
            (self.lost && lead.placed.is_carved)
                || (beside_framing && Some(lead.placed.picture) != first)
        })?;
        let bytes = lead.bytes.len() as u64;
        Some(Stray {
            picture: lead.placed.picture,
            offset: lead.placed.range.start.saturating_sub(bytes),
            bytes,
            declared: None,
            trailer: false,
        })
    }

    /// Whether a datagram says how long a picture is, or how many datagrams it took.
    fn tells_of(&self, placed: &Placed, datagram: &[u8]) -> bool {
        const SHORT: usize = 64;
        let pieces = self.datagrams.range(placed.range.clone()).count() as u64;
        let known = |value: u64| pieces > 2 && value == pieces || placed.lengths.contains(&value);
        datagram.len() <= SHORT
            && [2_usize, 4, 8].into_iter().any(|width| {
                let mut fields = datagram.windows(width);
                fields.any(|bytes| units::numbers(bytes).into_iter().any(known))
            })
    }

    /// Whether a long datagram has nothing that those near it have: no piece that came again, but what the program makes of them, the parity
    /// of several, say.
    fn is_other<E>(
        &self,
        range: &ByteRange,
        datagram: &[u8],
        bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        /// Further off none is looked for.
        const NEAR: u64 = 64 << 10;
        const SAMPLE: usize = 16;
        if self.given || datagram.len() <= SHORT {
            return Ok(false);
        }
        let quarter = datagram.len() / 4;
        let samples = [quarter, 2 * quarter, 3 * quarter];
        let samples = samples.map(|at| datagram.get(at..at + SAMPLE).unwrap_or_default());
        let before = range.start.saturating_sub(NEAR)..range.start;
        let behind = range.end..self.end.min(range.end + NEAR);
        for part in [before, behind] {
            let length = part.end.saturating_sub(part.start);
            let stream = bytes(part)?;
            if stream.len() as u64 != length {
                return Ok(false);
            }
            let stands = |sample: &&[u8]| memchr::memmem::find(&stream, sample).is_some();
            if samples.iter().any(stands) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a range is whole datagrams: messages of their own.
    fn are_datagrams(&self, range: &ByteRange) -> bool {
        self.datagrams.contains(&range.start) && self.datagrams.contains(&range.end)
    }
}

/// Whether bytes are lines of text of three characters or more.
fn is_text(bytes: &[u8]) -> bool {
    bytes.len() > 2 && bytes.iter().all(|byte| units::is_of_text(*byte))
}

/// Whether there are three printable characters in a row: a name, a number in digits.
pub(super) fn has_text(lead: &[u8]) -> bool {
    lead.windows(3)
        .any(|three| three.iter().all(u8::is_ascii_graphic))
}

/// Whether a datagram tells something in words. In a long one three letters stand in a row by chance, so that it has to be text for the
/// most part.
fn is_told_in_text(datagram: &[u8]) -> bool {
    let letters = datagram
        .iter()
        .filter(|byte| units::is_of_text(**byte))
        .count();
    has_text(datagram) && (datagram.len() <= SHORT || letters * 4 >= datagram.len() * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(stream: &[u8], places: &[(u64, u64)]) -> Option<u64> {
        let pictures: Vec<Placed> = (0..)
            .zip(places)
            .map(|(id, (start, end))| Placed {
                picture: PictureId(id),
                range: *start..*end,
                lie: Lie::Plain,
                between: None,
                pieces: None,
                ahead: 0,
                is_carved: false,
                is_cut: false,
                is_png: false,
                is_text: false,
                lengths: [end - start, end - start],
                declared: None,
                size: None,
            })
            .collect();
        let mut open = Vec::new();
        let mut from = 0;
        for placed in &pictures {
            open.push(from..placed.range.start);
            from = placed.range.end;
        }
        open.push(from..stream.len() as u64);
        let beside = Beside {
            pictures: &pictures,
            open: &open,
            understood: false,
            end: stream.len() as u64,
            answered: false,
            certain: false,
            given: false,
            lost: false,
            beyond: &[],
            datagrams: &BTreeSet::new(),
        };
        let mut bytes = |range: ByteRange| {
            let place = |at: u64| usize::try_from(at).unwrap();
            Ok::<_, ()>(stream[place(range.start)..place(range.end)].to_vec())
        };
        if accounts_for_itself(&beside, &mut bytes).unwrap() {
            return None;
        }
        stray(&beside, &mut bytes).unwrap().map(|stray| stray.bytes)
    }

    #[test]
    fn what_ends_each_picture_is_no_stray_and_one_byte_more_is() {
        // P stands for a byte of a picture.
        assert_eq!(judged(b"PPPP", &[(0, 4)]), None);
        assert_eq!(judged(b"PPPPx", &[(0, 4)]), Some(1));
        assert_eq!(judged(b"PPP<END>PPP<END>", &[(0, 3), (8, 11)]), None);
        assert_eq!(judged(b"PPP<END>PPP<END>x", &[(0, 3), (8, 11)]), Some(6));
        assert_eq!(judged(b"PPP<END>PPP<END", &[(0, 3), (8, 11)]), Some(4));
        assert_eq!(
            judged(b"\0\0\0\x03PPP\0\0\0\x03PPP", &[(4, 7), (11, 14)]),
            None
        );
        let one_more = b"\0\0\0\x03PPP\xff\0\0\0\x03PPP";
        assert_eq!(judged(one_more, &[(4, 7), (12, 15)]), Some(1));
        assert_eq!(judged(b"9.jpg PPP10.jpg PPP", &[(6, 9), (16, 19)]), None);
        let object = br#"{"a": 1, "data": "PPP", "b": [2, 3]}"#;
        assert_eq!(judged(object, &[(18, 21)]), None);
        let object = br#"{"a": 1, "data": "PPP", "b": [2, 3]} }"#;
        assert_eq!(judged(object, &[(18, 21)]), Some(17));
        assert_eq!(judged(b"img=PPP&x=1", &[(4, 7)]), None);
        assert_eq!(judged(b"#13PPP\n", &[(3, 6)]), None);
        assert_eq!(judged(b"#13PPP\xff", &[(3, 6)]), Some(1));
        assert_eq!(judged(b"\x82\x03PPP\x88\0", &[(2, 5)]), None);
    }

    #[test]
    fn a_long_datagram_tells_in_words_where_most_of_it_is_text() {
        let long = |letters: usize| {
            let word = [b'a', b'b', b'c'].repeat(letters / 3);
            [word, vec![0xff; 400 - letters]].concat()
        };
        assert!(is_told_in_text(&long(300)));
        assert!(!is_told_in_text(&long(297)));
        assert!(is_told_in_text(&[&b"abc"[..], &[0xff; SHORT - 3]].concat()));
        assert!(!is_told_in_text(
            &[&b"abc"[..], &[0xff; SHORT - 2]].concat()
        ));
        assert!(!is_told_in_text(b"ab"));
    }

    #[test]
    fn what_stands_before_a_picture_tells_of_it_or_is_stray() {
        assert_eq!(judged(b"xPPPP", &[(1, 5)]), Some(1));
        assert_eq!(judged(b"\0\x04PPPP", &[(2, 6)]), None);
        assert_eq!(judged(b"\0\x05PPPP", &[(2, 6)]), Some(2));
        assert_eq!(judged(b"4PPPP", &[(1, 5)]), None);
        assert_eq!(judged(b"5PPPP", &[(1, 5)]), Some(1));
        assert_eq!(judged(b"4\xffPPPP", &[(2, 6)]), Some(2));
        // Of two pictures both have to be told of in one way.
        let both = b"\0\0\0\x03PPP\0\0\0\x02PP";
        assert_eq!(judged(both, &[(4, 7), (11, 13)]), None);
        let one = b"\0\0\0\x07PPP\0\0\0\x02PP";
        assert_eq!(judged(one, &[(4, 7), (11, 13)]), Some(4));
    }
}

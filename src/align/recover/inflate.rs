//! Compressed with deflate, in the wrapping of gzip, zlib or ZIP, or in none.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Gathered, Recovered};
use crate::align::View;

/// Fewer bytes are no picture.
const LEAST: usize = 64;
/// Most beginnings that are tried.
const TRIES: usize = 4096;
/// So many bytes may come before data that has no wrapping: a length.
const LEADS: [usize; 4] = [0, 4, 8, 2];

/// What decompresses: made once, however many beginnings are tried. Each that is made anew takes 48 KB, and the few bytes that come
/// out of it would lie scattered between those.
pub(crate) struct Inflater {
    stream: Decompress,
    out: Vec<u8>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            stream: Decompress::new(false),
            out: vec![0; 4096],
        }
    }
}

/// What is compressed in these bytes, from stream offset `start` on; at most `room` bytes of it.
pub(super) fn recovered(
    inflater: &mut Inflater,
    bytes: &[u8],
    start: u64,
    room: usize,
) -> Vec<Recovered> {
    let mut found: Vec<Recovered> = Vec::new();
    let mut room = room;
    let mut tries = 0;
    let mut at = 0;
    while let Some(step) = bytes
        .get(at..)
        .and_then(|rest| memchr::memchr3(0x1f, 0x78, b'P', rest))
    {
        let from = at + step;
        at = from + 1;
        let rest = bytes.get(from..).unwrap_or_default();
        let Some((view, head)) = wrapping(rest) else {
            continue;
        };
        tries += 1;
        if tries > TRIES || room < LEAST {
            break;
        }
        let raw = rest.get(head..).unwrap_or_default();
        if let Some((gathered, used)) = inflated(inflater, raw, start + (from + head) as u64, room)
        {
            room = room.saturating_sub(gathered.bytes.len());
            let trailer = match view {
                View::Gzip => 8,
                View::Zip => 0,
                _ => 4,
            };
            let end = (head + used + trailer).min(rest.len());
            found.push(gathered.finish(view, start + (from + end) as u64));
            at = from + end;
        }
    }
    if found.is_empty() && start == 0 {
        let bare = LEADS.into_iter().find_map(|lead| {
            let raw = bytes.get(lead..)?;
            let (gathered, used) = inflated(inflater, raw, lead as u64, room)?;
            // Any bytes look compressed for a while.
            (used == raw.len() || gathered.bytes.len() > used / 2)
                .then(|| gathered.finish(View::Deflate, (lead + used) as u64))
        });
        found.extend(bare);
    }
    found
}

/// Which wrapping begins here (RFC 1952, section 2.3; RFC 1950, section 2.2; ZIP), and how long its header is.
fn wrapping(bytes: &[u8]) -> Option<(View, usize)> {
    match *bytes {
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => {
            let mut at = 10;
            if flags & 4 != 0 {
                let size = bytes.get(at..at + 2)?;
                at += 2 + usize::from(*size.first()?) + (usize::from(*size.get(1)?) << 8);
            }
            for flag in [8, 16] {
                if flags & flag != 0 {
                    at += 1 + memchr::memchr(0, bytes.get(at..)?.get(..1024).or(bytes.get(at..))?)?;
                }
            }
            if flags & 2 != 0 {
                at += 2;
            }
            Some((View::Gzip, at))
        }
        // A member of an archive: 30 bytes, its name, and what else belongs to it (APPNOTE.TXT, section 4.3.7).
        [b'P', b'K', 3, 4, ..] => {
            let two = |at: usize| {
                let two = bytes.get(at..at + 2)?.try_into().ok()?;
                Some(usize::from(u16::from_le_bytes(two)))
            };
            (two(8)? == 8).then_some((View::Zip, 30 + two(26)? + two(28)?))
        }
        [0x78, flags, ..]
            if flags & 0x20 == 0 && (0x7800_u16 + u16::from(flags)).is_multiple_of(31) =>
        {
            Some((View::Zlib, 2))
        }
        _ => None,
    }
}

/// What raw deflate data holds (RFC 1951), as far as it goes, and how many bytes of it there are. Absent where it is none, or
/// where it breaks off before much came.
fn inflated(
    inflater: &mut Inflater,
    raw: &[u8],
    start: u64,
    room: usize,
) -> Option<(Gathered, usize)> {
    let Inflater { stream, out } = inflater;
    stream.reset(false);
    let mut gathered = Gathered::default();
    let mut used = 0_usize;
    loop {
        let input = raw.get(used..).unwrap_or_default();
        // Small steps, so that places are known.
        let input = input.get(..4096).unwrap_or(input);
        let (before_in, before_out) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(input, out, FlushDecompress::None);
        let took = usize::try_from(stream.total_in() - before_in).ok()?;
        let gave = usize::try_from(stream.total_out() - before_out).ok()?;
        if gave > 0 {
            gathered.mark(start + used as u64);
            let new = out.get(..gave)?;
            let left = room.saturating_sub(gathered.bytes.len());
            gathered
                .bytes
                .extend_from_slice(new.get(..left).unwrap_or(new));
        }
        used += took;
        let over = matches!(status, Ok(Status::StreamEnd));
        if over || gathered.bytes.len() >= room || status.is_err() || (took == 0 && gave == 0) {
            let enough = gathered.bytes.len() >= LEAST;
            return enough.then_some((gathered, used));
        }
    }
}

//! Mistakes with a buffer: handed over whole, or filled from its beginning each time.

use super::BUFFERS;

/// The buffer of which each one begins with the next bytes of `expected` and goes on with what the one before has there.
pub(super) fn whole_buffers(expected: &[u8], found: &[u8]) -> Option<usize> {
    /// Shorter ones are no buffers.
    const LEAST: usize = 64;
    let any = divisors(found.len());
    let any = any.into_iter().filter(|size| *size >= LEAST);
    BUFFERS
        .into_iter()
        .chain(any)
        .find(|&buffer| is_whole_buffers(expected, found, buffer))
}

fn is_whole_buffers(expected: &[u8], found: &[u8], buffer: usize) -> bool {
    /// What was left may go on as the picture does, by chance: of so many places where a block may end each is tried.
    const PLACES: usize = 64;
    if !found.len().is_multiple_of(buffer) || found.len() <= buffer {
        return false;
    }
    let zeros = vec![0; buffer];
    let mut left: &[u8] = &zeros;
    let mut places = vec![0_usize];
    for block in found.chunks(buffer) {
        // Of each block so many bytes at least are new.
        let least = buffer - crate::align::common_suffix(block, left);
        let mut next = Vec::new();
        for place in places {
            let rest = expected.get(place..).unwrap_or_default();
            let same = crate::align::common_prefix(block, rest);
            let ends = least.max(1)..=same;
            next.extend(ends.take(PLACES).map(|bytes| place + bytes));
        }
        next.sort_unstable();
        next.dedup();
        next.truncate(PLACES);
        if next.is_empty() {
            return false;
        }
        places = next;
        left = block;
    }
    places.contains(&expected.len())
}

/// How many bytes the last piece of `expected` has, where each one was written to the beginning of `found`, over the one before, and
/// zeros fill the rest.
pub(super) fn overwritten(expected: &[u8], found: &[u8]) -> Option<usize> {
    /// Fewer equal bytes show nothing.
    const TELLING: usize = 16;
    /// Most pieces of which something is left, and places where each may be.
    const PIECES: usize = 16;
    let filled = found.len() - found.iter().rev().take_while(|byte| **byte == 0).count();
    if filled < TELLING || filled >= expected.len() {
        return None;
    }
    let head = found.get(..TELLING)?;
    // The last piece, as long as may be.
    let last = memchr::memmem::find_iter(expected, head)
        .filter(|at| *at > 0)
        .find(|at| {
            expected
                .get(*at..)
                .is_some_and(|end| found.starts_with(end))
        })?;
    let bytes = expected.len() - last;
    let (mut at, mut before) = (bytes, last);
    for _ in 0..PIECES {
        if at >= filled {
            return Some(bytes);
        }
        // Of an earlier one, what reaches further than those behind it.
        let rest = found.get(at..filled)?;
        let needle = rest.get(..TELLING.min(rest.len()))?;
        let earlier = expected.get(..before)?;
        let (place, same) = memchr::memmem::find_iter(earlier, needle)
            .take(PIECES)
            .filter(|place| *place >= at)
            .map(|place| {
                let there = earlier.get(place..).unwrap_or_default();
                (place, crate::align::common_prefix(there, rest))
            })
            .max_by_key(|(_, same)| *same)?;
        before = place - at;
        at += same.max(1);
    }
    None
}

/// The lengths of which so many bytes are a whole number, the shorter first.
fn divisors(bytes: usize) -> Vec<usize> {
    let low: Vec<usize> = (1..=bytes.isqrt())
        .filter(|size| bytes.is_multiple_of(*size))
        .collect();
    let high = low.iter().rev().map(|size| bytes / size);
    low.iter().copied().chain(high).collect()
}

/// The buffer whose bytes of the round before stand behind a picture of this length: a usual one, or one of any size where so many
/// bytes stand there that they are not the same by chance.
pub(in crate::verify) fn stale(length: usize, found: &[u8]) -> Option<usize> {
    const TELLING: usize = 8;
    let extra = found.len().checked_sub(length)?;
    let is = |buffer: &usize| {
        found.len().is_multiple_of(*buffer)
            && extra < *buffer
            && length > *buffer
            && found.get(length..) == found.get(length - buffer..found.len() - buffer)
    };
    let usual = BUFFERS.into_iter().find(is);
    usual.or_else(|| {
        let any = divisors(found.len());
        any.into_iter().find(|size| extra >= TELLING && is(size))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::noise;
    use super::*;

    #[test]
    fn a_buffer_written_whole_is_found_where_what_was_left_goes_on_as_the_picture_does() {
        let file = noise(30_000);
        for read in [700, 1000, 1023] {
            let mut buffer = vec![0; 1024];
            let mut found = Vec::new();
            for piece in file.chunks(read) {
                buffer[..piece.len()].copy_from_slice(piece);
                // The next byte of the picture stands there already.
                if let Some(next) = file.get(found.len() / 1024 * read + piece.len())
                    && piece.len() == read
                {
                    buffer[read] = *next;
                }
                found.extend_from_slice(&buffer);
            }
            // Then it is not what the round before left, but in every second one by chance.
            assert_eq!(whole_buffers(&file, &found), None, "{read}");
            let mut buffer = vec![0; 1024];
            let mut alike = file.clone();
            for at in (0..alike.len() - 1024).step_by(read) {
                // The first byte behind a piece is that of the piece before at the same place.
                alike[at + read] = if at == 0 { 0 } else { buffer[read] };
                buffer[..read].copy_from_slice(&alike[at..at + read]);
            }
            let mut buffer = vec![0; 1024];
            let mut found = Vec::new();
            for piece in alike.chunks(read) {
                buffer[..piece.len()].copy_from_slice(piece);
                found.extend_from_slice(&buffer);
            }
            assert_eq!(whole_buffers(&alike, &found), Some(1024), "{read}");
            found[2_000] ^= 1;
            assert_eq!(whole_buffers(&alike, &found), None, "{read}");
        }
    }

    #[test]
    fn each_piece_over_the_one_before() {
        let file = noise(30_000);
        for sizes in [
            vec![30_000 - 900, 900],
            vec![8_192; 3],
            vec![4_000, 9_000, 2_000, 7_000],
        ] {
            for zeros in [0, 10_000] {
                let mut buffer = vec![0; 30_000];
                let (mut at, mut longest) = (0_usize, 0);
                let mut last = 0;
                for size in sizes.iter().copied().chain([usize::MAX]) {
                    let piece = &file[at..file.len().min(at.saturating_add(size))];
                    if piece.is_empty() {
                        break;
                    }
                    buffer[..piece.len()].copy_from_slice(piece);
                    longest = longest.max(piece.len());
                    (at, last) = (at + piece.len(), piece.len());
                }
                buffer.truncate((longest + zeros).min(30_000));
                assert_eq!(overwritten(&file, &buffer), Some(last), "{sizes:?}");
                buffer[last / 2] ^= 1;
                assert_eq!(overwritten(&file, &buffer), None, "{sizes:?}");
            }
        }
        // A file that is cut short at either end, or all of it, is none.
        assert_eq!(overwritten(&file, &file), None);
        assert_eq!(overwritten(&file, &file[..9_000]), None);
    }
}

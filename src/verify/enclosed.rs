//! The only message of a stream: its length counts all that follows it, and within it a length of its own, or a pair of quotation marks,
//! sets the picture apart. What else stands within is the message's, as its length says.

use super::leads::seven_bits_before;
use crate::units::{ByteRange, numbers};

/// Longer headers and trailers are not looked into.
const MOST: u64 = 1024;
/// The length of a message stands behind no more bytes.
const BEFORE: usize = 8;

/// Whether a message takes all `end` bytes, with the picture apart in it, whose length is one of these.
pub(super) fn accounts_for<E>(
    picture: &ByteRange,
    lengths: [u64; 2],
    end: u64,
    read: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    if picture.start > MOST || end.saturating_sub(picture.end) > MOST {
        return Ok(false);
    }
    let header = read(0..picture.start)?;
    let Some(inside) = behind_length(&header, end) else {
        return Ok(false);
    };
    let trailer = read(picture.end..end)?;
    let quote = header.last().filter(|byte| matches!(byte, b'"' | b'\''));
    let inner = header.get(inside..).unwrap_or_default();
    let quoted = quote.is_some() && trailer.first() == quote && !inner.is_empty();
    Ok(quoted || tells_last(inner, lengths))
}

/// Where the first field ends that counts all bytes behind it, those with itself, or the whole message. What stands before it only the
/// last one counts.
fn behind_length(header: &[u8], end: u64) -> Option<usize> {
    (0..=BEFORE).find_map(|at| {
        [4, 8].into_iter().find_map(|width| {
            let behind = at + width;
            let values = numbers(header.get(at..behind)?);
            let left = end.checked_sub(behind as u64)?;
            let counts = |count: u64| count > 0 && values.contains(&count);
            let first = at == 0 && (counts(left) || counts(left + width as u64));
            (first || counts(end)).then_some(behind)
        })
    })
}

/// Whether a header ends with one of these lengths: as a number, or in groups of seven bits.
fn tells_last(header: &[u8], lengths: [u64; 2]) -> bool {
    let fixed = [2_usize, 3, 4, 8].into_iter().any(|width| {
        let field = header
            .len()
            .checked_sub(width)
            .and_then(|at| header.get(at..));
        field.is_some_and(|field| numbers(field).iter().any(|value| lengths.contains(value)))
    });
    fixed || seven_bits_before(header).any(|value| lengths.contains(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(stream: &[u8], picture: ByteRange) -> bool {
        let length = picture.end - picture.start;
        accounts_for(&picture, [length; 2], stream.len() as u64, &mut |range| {
            let place = |at: u64| usize::try_from(at).unwrap();
            Ok::<_, ()>(stream[place(range.start)..place(range.end)].to_vec())
        })
        .unwrap()
    }

    /// Messages around a picture of 300 bytes, and where it begins.
    fn messages() -> Vec<(Vec<u8>, usize)> {
        let picture = [7; 300];
        let around = |before: &[u8], behind: &[u8]| [before, &picture, behind].concat();
        let thrift = around(
            b"\x80\x01\0\x01\0\0\0\x06upload\0\0\0\x01\x0b\0\x02\0\0\x01\x2c",
            b"\0",
        );
        let sql = around(b"\x03INSERT INTO t VALUES (_binary'", b"')");
        let avro = around(b"\x12photo.jpg\xd8\x04", b"\x02");
        let own = around(b"data\0\0\x01\x2c", b"");
        let four = |count: usize| u32::try_from(count).unwrap().to_be_bytes();
        let three = |count: usize| u32::try_from(count).unwrap().to_le_bytes()[..3].to_vec();
        let at = |message: &[u8]| message.windows(9).position(|part| part == [7; 9]).unwrap();
        [
            [&four(thrift.len())[..], &thrift].concat(),
            [&three(sql.len())[..], b"\0", &sql].concat(),
            [b"MSG\n", &four(avro.len() + 8)[..], &avro].concat(),
            [&four(own.len() + 4)[..], &own].concat(),
        ]
        .into_iter()
        .map(|message| (message.clone(), at(&message)))
        .collect()
    }

    #[test]
    fn a_message_accounts_for_all_of_it_and_one_byte_more_or_less_does_not() {
        for (message, at) in messages() {
            let range = |at: usize| at as u64..at as u64 + 300;
            assert!(judged(&message, range(at)), "{message:?}");
            for place in (0..=at).chain(at + 300..=message.len()) {
                let mut more = message.clone();
                more.insert(place, 0xee);
                let moved = at + usize::from(place <= at);
                assert!(!judged(&more, range(moved)), "{place} {more:?}");
                if place < at || (place >= at + 300 && place < message.len()) {
                    let mut less = message.clone();
                    less.remove(place);
                    let moved = at - usize::from(place < at);
                    assert!(!judged(&less, range(moved)), "{place} {less:?}");
                }
            }
        }
        // All behind the length is the picture and what its length counts too many.
        let picture = [&[0, 0, 1, 0x2d][..], &[7; 300], b"x"].concat();
        assert!(!judged(&picture, 4..304));
    }
}

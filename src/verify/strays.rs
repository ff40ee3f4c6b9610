//! Bytes behind the pictures of a direction that no framing explains.

use super::reconcile::Lie;
use crate::units::{ByteRange, PictureId};
use crate::wire::{encoded, pickle};

/// Bytes that were sent beside the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stray {
    /// The picture that they follow.
    pub picture: PictureId,
    /// Stream offset of the first.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
}

/// What follows the last picture of a direction and is neither the end that all its pictures have nor a text that ends one.
/// `places` are the pictures' ranges; `bytes` reads a range of the stream, nothing where it was not captured.
///
/// # Errors
/// Those of `bytes`.
pub fn stray<E>(
    places: &[(PictureId, ByteRange, Lie)],
    end: u64,
    bytes: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<Option<Stray>, E> {
    /// What comes once, before the first header, is not shorter.
    const BANNER: usize = 8;
    /// Headers are not longer.
    const HEADER: u64 = 64;
    /// Longer ones are not looked into.
    const MOST: u64 = 64 << 10;
    let mut places = places.to_vec();
    places.sort_by_key(|(_, range, _)| range.start);
    let (Some((_, first, _)), Some((picture, last, lie))) = (places.first(), places.last()) else {
        return Ok(None);
    };
    // Headers of one kind are of one length, unless they hold text.
    let mut leads: Vec<Vec<u8>> = Vec::new();
    let mut from = 0;
    for (_, range, _) in &places {
        if (1..=HEADER).contains(&range.start.saturating_sub(from)) {
            leads.push(bytes(from..range.start)?);
        }
        from = range.end;
    }
    // The first may have a banner before it.
    if let [first, second, third, ..] = leads.as_slice()
        && second.len() == third.len()
        && first.len() >= second.len() + BANNER
    {
        leads.remove(0);
    }
    let binary = leads.len() >= 2 && leads.iter().all(|lead| !has_text(lead));
    let shortest = leads.iter().map(Vec::len).min().unwrap_or(0);
    let longest = leads.iter().map(Vec::len).max().unwrap_or(0);
    if binary && longest > shortest {
        return Ok(Some(Stray {
            picture: *picture,
            offset: first.start,
            bytes: (longest - shortest) as u64,
        }));
    }
    let Some(length @ 1..) = end.checked_sub(last.end) else {
        return Ok(None);
    };
    let found = Stray {
        picture: *picture,
        offset: last.end,
        bytes: length,
    };
    if length > MOST {
        return Ok(Some(found));
    }
    let tail = bytes(last.end..end)?;
    if tail.is_empty() {
        return Ok(None);
    }
    // The last block filled up, or a piece of no bytes that ends the file.
    if *lie == Lie::Regular {
        return Ok(None);
    }
    // After each picture the same comes.
    let mut same = places.len() > 1;
    for (before, after) in places.iter().zip(places.iter().skip(1)) {
        let (from, to) = (before.1.end, after.1.start);
        let between = if to.saturating_sub(from) > MOST || from > to {
            Vec::new()
        } else {
            bytes(from..to)?
        };
        same &= between.starts_with(&tail);
    }
    // A header announces it, and a text ends it.
    let ended = first.start > 0 && (is_terminator(&tail) || is_close(&tail));
    if !(same || ended) {
        let before = places.len().checked_sub(2).and_then(|at| places.get(at));
        let from = before
            .map_or(0, |(_, range, _)| range.end)
            .max(last.start.saturating_sub(MOST));
        if from < last.start {
            let lead = bytes(from..last.start)?;
            if encoded::is_rest(&lead, &tail) || pickle::is_rest(&lead, &tail) {
                return Ok(None);
            }
        }
    }
    Ok((!same && !ended).then_some(found))
}

/// Whether bytes are what programs end a message with: a line end, or a short word in capitals or brackets.
fn is_terminator(tail: &[u8]) -> bool {
    matches!(tail, b"\n" | b"\r\n")
        || (tail.len() >= 3
            && tail.len() <= 64
            && tail
                .iter()
                .all(|&byte| byte.is_ascii_graphic() || matches!(byte, b'\r' | b'\n')))
}

/// Whether there are three printable characters in a row: a name, a number in digits.
fn has_text(lead: &[u8]) -> bool {
    lead.windows(3)
        .any(|three| three.iter().all(u8::is_ascii_graphic))
}

/// A WebSocket's close frame, and nothing behind it (RFC 6455, section 5.5).
fn is_close(tail: &[u8]) -> bool {
    let &[0x88, length, ..] = tail else {
        return false;
    };
    let mask = if length & 0x80 == 0 { 0 } else { 4 };
    tail.len() == 2 + mask + usize::from(length & 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(stream: &[u8], places: &[(u64, u64)]) -> Option<u64> {
        let places: Vec<_> = (0..)
            .zip(places)
            .map(|(id, (start, end))| (PictureId(id), *start..*end, Lie::Plain))
            .collect();
        let end = stream.len() as u64;
        let found = stray(&places, end, &mut |range| {
            let place = |at: u64| usize::try_from(at).unwrap();
            Ok::<_, ()>(stream[place(range.start)..place(range.end)].to_vec())
        });
        found.unwrap().map(|stray| stray.bytes)
    }

    #[test]
    fn what_ends_each_picture_is_no_stray_and_one_byte_more_is() {
        // P stands for a byte of a picture.
        assert_eq!(judged(b"PPPP", &[(0, 4)]), None);
        assert_eq!(judged(b"PPPPx", &[(0, 4)]), Some(1));
        assert_eq!(judged(b"PPP<END>PPP<END>", &[(0, 3), (8, 11)]), None);
        assert_eq!(judged(b"PPP<END>PPP<END>x", &[(0, 3), (8, 11)]), Some(6));
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
}

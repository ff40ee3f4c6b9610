//! Raw pixels behind a length alone, or behind a line of text that says their size: what is announced has to follow, and to look
//! as rows of pixels do.

use super::super::layout::{Counts, Field, Kind, Payload, PixelOrder, Pixels, Role, Shape};
use super::raw::{LEAST, MOST, found, row_difference};
use super::solve::Place;
use super::{HELD, MESSAGES, Outcome, rows};

/// A binary length, and so many bytes of pixels.
pub(super) fn by_length(bytes: &[u8], ended: bool) -> Outcome {
    let places = [(4, true), (4, false), (8, true), (8, false)].map(|(width, big_endian)| Place {
        at: 0,
        bytes: width,
        big_endian,
    });
    let says = |place: &Place| {
        let length = place.read(bytes)?;
        (LEAST..=MOST).contains(&length).then_some(length)
    };
    if !ended && bytes.len() < HELD {
        return if places.iter().any(|place| says(place).is_some()) {
            Outcome::NeedMore
        } else {
            Outcome::Nothing
        };
    }
    // Of several the one that more messages have, else the shortest.
    let best = places
        .into_iter()
        .filter_map(|place| {
            let length = says(&place)?;
            let (whole, stride) = length_at(bytes, ended, place, length)?;
            Some((std::cmp::Reverse(whole), length, stride, place))
        })
        .min_by_key(|(whole, length, ..)| (*whole, *length));
    let Some((whole, length, stride, place)) = best else {
        return Outcome::Nothing;
    };
    found(
        vec![
            Field::says(place.kind(), Role::Length(Counts::Picture)),
            pixels(PixelOrder::Any, None),
        ],
        vec![format!(
            "{} bytes = {length}, as many as follow, and those are rows of {stride} bytes that are alike",
            place.bytes
        )],
        whole.0.max(1),
    )
}

/// How many whole messages of this length there are, and how long their rows are.
fn length_at(bytes: &[u8], ended: bool, place: Place, length: u64) -> Option<(usize, usize)> {
    let header = usize::from(place.bytes);
    let message = usize::try_from(length).ok()?.checked_add(header)?;
    let body = bytes.get(header..message.min(bytes.len()))?;
    let stride = rows::stride(body)?;
    let fits = length.is_multiple_of(u64::try_from(stride).ok()?);
    let same = |rest: &[u8]| place.read(rest) == Some(length);
    let whole = messages(bytes, ended, message, &same).filter(|_| fits)?;
    Some((whole, stride))
}

/// A line of text with width and height in it, and as many pixels.
pub(super) fn by_line(bytes: &[u8], ended: bool) -> Outcome {
    /// Lines are not longer.
    const LINE: usize = 256;
    let head = bytes.get(..LINE.min(bytes.len())).unwrap_or_default();
    let text = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let Some(end) = memchr::memchr(b'\n', head) else {
        let waits = !ended && head.len() < LINE && head.iter().all(text);
        return if waits {
            Outcome::NeedMore
        } else {
            Outcome::Nothing
        };
    };
    let line = head.get(..end).unwrap_or_default();
    if !line.iter().all(text) {
        return Outcome::Nothing;
    }
    let numbers: Vec<u64> = line
        .split(|byte| !byte.is_ascii_digit())
        .filter_map(|run| std::str::from_utf8(run).ok()?.parse().ok())
        .collect();
    let plausible = |value: &&u64| (8..=16_384).contains(*value);
    let mut sides = numbers.iter().filter(plausible);
    let (Some(&one), Some(&two)) = (sides.next(), sides.next()) else {
        return Outcome::Nothing;
    };
    if !ended && bytes.len() < HELD {
        return Outcome::NeedMore;
    }
    let said = numbers
        .iter()
        .copied()
        .find(|number| matches!(number, 1 | 3 | 4));
    let header = end + 1;
    let body = bytes.get(header..).unwrap_or_default();
    for channels in said.map_or(vec![3, 4, 1], |said| vec![said]) {
        let length = one.saturating_mul(two).saturating_mul(channels);
        let message = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(header));
        let Some(message) = message.filter(|_| (LEAST..=MOST).contains(&length)) else {
            continue;
        };
        let same = |rest: &[u8]| rest.get(..header) == bytes.get(..header);
        let Some(count) = messages(bytes, ended, message, &same) else {
            continue;
        };
        let by = |side: u64| {
            let stride = usize::try_from(side.saturating_mul(channels)).ok()?;
            row_difference(body, stride)
        };
        let (width, height) = match (by(one), by(two)) {
            (Some(first), Some(second)) if second < first => (two, one),
            _ => (one, two),
        };
        let size = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        let order = match channels {
            1 => PixelOrder::Grey,
            4 => PixelOrder::Bgra,
            _ => PixelOrder::Bgr,
        };
        let until = Shape::Until(b"\n".as_slice().into());
        return found(
            vec![Field::plain(Kind::Text(until)), pixels(order, size)],
            vec![format!(
                "the line says {one} and {two}, and {one} × {two} × {channels} = {length} bytes follow"
            )],
            count.max(1),
        );
    }
    Outcome::Nothing
}

fn pixels(order: PixelOrder, size: Option<(u32, u32)>) -> Field {
    Field::plain(Kind::Picture(Payload::Pixels(Pixels { order, size })))
}

/// How many messages of this length there are, `same` being whether one begins so; absent where what was announced does not follow.
fn messages(
    bytes: &[u8],
    ended: bool,
    length: usize,
    same: &dyn Fn(&[u8]) -> bool,
) -> Option<usize> {
    let (mut from, mut whole, mut begun) = (0_usize, 0_usize, 0_usize);
    while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
        if begun >= MESSAGES || !same(rest) {
            break;
        }
        begun += 1;
        if rest.len() < length {
            break;
        }
        whole += 1;
        from += length;
    }
    let exact = from == bytes.len();
    let enough = if ended {
        exact && whole > 0
    } else {
        begun > whole || whole > 1
    };
    enough.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::super::raw;
    use super::*;

    fn picture(width: usize, height: usize) -> Vec<u8> {
        let mut noise = 1_u32;
        let pixel = |at: usize| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (at / 3 % width, at / 3 / width);
            let byte = x * 200 / width + y * 40 / height + at % 3 * 5;
            u8::try_from(byte).unwrap() + u8::try_from(noise >> 30).unwrap()
        };
        (0..width * height * 3).map(pixel).collect()
    }

    fn layout(bytes: &[u8], ended: bool) -> Option<String> {
        match raw::infer(bytes, ended) {
            Outcome::Found(found) => Some(found.layout.to_string()),
            _ => None,
        }
    }

    #[test]
    fn a_length_and_frames_of_it() {
        let frame = picture(100, 70);
        let message = [&21_000_u32.to_le_bytes()[..], &frame].concat();
        let two = [&message[..], &message].concat();
        let want = Some("layout u32le length, pixels(any)".to_owned());
        assert_eq!(layout(&message, true), want);
        assert_eq!(layout(&two, true), want);
        // One byte more or less is another length.
        let cut = &two[..two.len() - 1];
        assert_ne!(layout(cut, true), want);
        assert_ne!(layout(&[&message[..], b"x"].concat(), true), want);
    }

    #[test]
    fn a_line_with_the_size() {
        let frame = picture(100, 70);
        let message = [&b"{\"shape\": [70, 100, 3]}\n"[..], &frame].concat();
        let want = Some("layout text(until \"\\n\"), pixels(bgr 100x70)".to_owned());
        assert_eq!(layout(&message, true), want);
        assert_eq!(layout(&[&message[..], &message].concat(), true), want);
        assert_ne!(layout(&[&message[..], b"x"].concat(), true), want);
    }
}

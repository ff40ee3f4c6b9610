//! Headers of arrays of pixels that say themselves what they are: files of `NumPy`, images of ROS.

use super::super::layout::{Counts, Field, Kind, Layout, Payload, PixelOrder, Pixels, Role, Shape};
use super::Inferred;
use crate::wire::Confidence;

/// Farthest place at which such a header may begin.
const FARTHEST: usize = 128;

/// Looks for such a header in the first bytes of a direction.
pub(super) fn infer(bytes: &[u8]) -> Option<Inferred> {
    npy(bytes).or_else(|| ros(bytes))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// What precedes a header: a length of 4 or 8 bytes that says how many bytes follow it, else bytes.
fn front(bytes: &[u8], at: usize, rest: u64, evidence: &mut Vec<String>) -> Vec<Field> {
    for width in [4_usize, 8] {
        let Some(start) = at.checked_sub(width) else {
            continue;
        };
        for big_endian in [true, false] {
            let field = bytes.get(start..at).unwrap_or_default();
            let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
            let value = if big_endian {
                field.iter().fold(0, add)
            } else {
                field.iter().rev().fold(0, add)
            };
            if value != rest {
                continue;
            }
            let mut fields = plain(start);
            let kind = Kind::Int {
                bytes: u8::try_from(width).unwrap_or(4),
                big_endian,
                signed: false,
            };
            evidence.push(format!(
                "{kind} before the header = the {rest} bytes that follow it"
            ));
            fields.push(Field::says(kind, Role::Length(Counts::Rest)));
            return fields;
        }
    }
    plain(at)
}

fn plain(bytes: usize) -> Vec<Field> {
    match u32::try_from(bytes) {
        Ok(0) | Err(_) => Vec::new(),
        Ok(bytes) => vec![Field::plain(Kind::Bytes(bytes))],
    }
}

fn found(message: Vec<Field>, evidence: Vec<String>) -> Inferred {
    Inferred {
        layout: Layout {
            message,
            ..Layout::default()
        },
        confidence: Confidence::Likely,
        evidence,
        messages: 1,
    }
}

/// The format of `NumPy` (NEP 1): magic, version, the length of a text, and in it the shape.
fn npy(bytes: &[u8]) -> Option<Inferred> {
    let head = bytes.get(..bytes.len().min(FARTHEST + 4096))?;
    let at = memchr::memmem::find(head, b"\x93NUMPY").filter(|at| *at <= FARTHEST)?;
    let rest = bytes.get(at..)?;
    let (start, length): (usize, usize) = match *rest.get(6..12)? {
        [1, _, low, high, ..] => (10, usize::from(u16::from_le_bytes([low, high]))),
        [2 | 3, _, a, b, c, d] => (12, usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?),
        _ => return None,
    };
    let text = rest.get(start..start.checked_add(length)?)?;
    let text = std::str::from_utf8(text).ok()?;
    if !["|u1", "<u1", ">u1"].iter().any(|kind| text.contains(kind))
        || text.contains("'fortran_order': True")
    {
        return None;
    }
    let shape = text
        .split("'shape':")
        .nth(1)?
        .split('(')
        .nth(1)?
        .split(')')
        .next()?;
    let sides: Option<Vec<u32>> = shape
        .split(',')
        .map(str::trim)
        .filter(|side| !side.is_empty())
        .map(|side| side.parse().ok())
        .collect();
    let (height, width, order) = match sides?[..] {
        [height, width] | [height, width, 1] => (height, width, PixelOrder::Grey),
        [height, width, 3] => (height, width, PixelOrder::Bgr),
        [height, width, 4] => (height, width, PixelOrder::Bgra),
        _ => return None,
    };
    let pixels = pixels(width, height, order)?;
    let header = start + length;
    let mut evidence = vec![format!(
        "a NumPy array of unsigned bytes with shape ({shape})"
    )];
    let mut fields = front(bytes, at, header as u64 + pixels.1, &mut evidence);
    fields.extend(plain(header));
    fields.push(pixels.0);
    Some(found(fields, evidence))
}

/// Pixels of a given size, and how many bytes they are.
fn pixels(width: u32, height: u32, order: PixelOrder) -> Option<(Field, u64)> {
    let bytes = u64::from(width) * u64::from(height) * u64::from(order.bytes()?);
    let sound = width > 0 && height > 0 && bytes <= crate::wire::length::MOST;
    let field = Field::plain(Kind::Picture(Payload::Pixels(Pixels {
        order,
        size: Some((width, height)),
    })));
    sound.then_some((field, bytes))
}

/// `sensor_msgs/Image` as ROS 1 writes it: height, width, encoding, byte order, bytes a row, length.
fn ros(bytes: &[u8]) -> Option<Inferred> {
    const ENCODINGS: [(&[u8], PixelOrder); 7] = [
        (b"bgr8", PixelOrder::Bgr),
        (b"rgb8", PixelOrder::Rgb),
        (b"bgra8", PixelOrder::Bgra),
        (b"rgba8", PixelOrder::Rgba),
        (b"mono8", PixelOrder::Grey),
        (b"8UC1", PixelOrder::Grey),
        (b"8UC3", PixelOrder::Bgr),
    ];
    (0..=FARTHEST).find_map(|at| {
        let (height, width) = (number(bytes, at)?, number(bytes, at + 4)?);
        let name = usize::try_from(number(bytes, at + 8)?).ok()?;
        if !(4..=5).contains(&name) {
            return None;
        }
        let encoding = bytes.get(at + 12..at + 12 + name)?;
        let (_, order) = ENCODINGS.iter().find(|(known, _)| *known == encoding)?;
        let behind = at + 12 + name;
        let (step, length) = (number(bytes, behind + 1)?, number(bytes, behind + 5)?);
        let row = width.checked_mul(order.bytes()?)?;
        if step != row || u64::from(step) * u64::from(height) != u64::from(length) || length == 0 {
            return None;
        }
        let int = Kind::Int {
            bytes: 4,
            big_endian: false,
            signed: false,
        };
        let rest = (behind + 9 - at) as u64 + u64::from(length);
        let mut evidence = vec![format!(
            "sensor_msgs/Image: {width}×{height} pixels of {}, {step} bytes a row",
            String::from_utf8_lossy(encoding)
        )];
        // A length may stand before the header's own fields, whose frame name has any length.
        let mut fields = match number(bytes, 0) {
            Some(value) if at >= 4 && u64::from(value) == rest + at as u64 - 4 => {
                evidence.push("u32le at the beginning = the bytes of the message".to_owned());
                let mut fields = vec![Field::says(int.clone(), Role::Length(Counts::Rest))];
                fields.extend(plain(at - 4));
                fields
            }
            _ => front(bytes, at, rest, &mut evidence),
        };
        fields.push(Field::says(int.clone(), Role::Height));
        fields.push(Field::says(int.clone(), Role::Width));
        fields.push(Field::plain(Kind::Text(Shape::Prefixed(Box::new(
            int.clone(),
        )))));
        fields.push(Field::plain(Kind::Bytes(1)));
        fields.push(Field::plain(int.clone()));
        fields.push(Field::says(int, Role::Length(Counts::Picture)));
        fields.push(Field::plain(Kind::Picture(Payload::Pixels(Pixels {
            order: *order,
            size: None,
        }))));
        Some(found(fields, evidence))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy_file(shape: &str) -> Vec<u8> {
        let mut text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
        while (10 + text.len() + 1) % 64 != 0 {
            text.push(' ');
        }
        text.push('\n');
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x01\0", &length[..], text.as_bytes()].concat()
    }

    #[test]
    fn numpy_arrays_by_their_shape() {
        let file = npy_file("48, 64, 3");
        let found = infer(&file).unwrap();
        assert_eq!(
            found.layout.to_string(),
            "layout bytes(128), pixels(bgr 64x48)"
        );
        let length = u32::try_from(file.len() + 48 * 64 * 3).unwrap();
        let framed = [&length.to_be_bytes()[..], &file].concat();
        assert_eq!(
            infer(&framed).unwrap().layout.to_string(),
            "layout u32be length(rest), bytes(128), pixels(bgr 64x48)"
        );
        assert!(
            infer(&npy_file("48, 64"))
                .unwrap()
                .layout
                .to_string()
                .contains("grey 64x48")
        );
        assert_eq!(infer(&npy_file("48,")), None);
        assert_eq!(infer(b"\x93NUMPY"), None);
    }

    #[test]
    fn ros_images_by_their_encoding() {
        let word = |value: u32| value.to_le_bytes().to_vec();
        let fields = [
            word(7),
            word(0),
            word(0),
            word(3),
            b"cam".to_vec(),
            word(48),
            word(64),
            word(4),
            b"rgb8".to_vec(),
            vec![0],
            word(192),
            word(9216),
        ]
        .concat();
        let length = word(u32::try_from(fields.len()).unwrap() + 9216);
        let found = infer(&[length, fields.clone()].concat()).unwrap();
        assert_eq!(
            found.layout.to_string(),
            "layout u32le length(rest), bytes(19), u32le height, u32le width, text(u32le), bytes(1), u32le, u32le length, pixels(rgb)"
        );
        assert!(infer(&fields).is_some());
        assert_eq!(infer(&fields[..30]), None);
    }
}

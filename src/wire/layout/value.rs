//! One field's bytes: how many there are, what they say, and writing them.

use super::{Fill, Kind, LONGEST, Shape};

/// How many bytes a field takes, as far as its first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// So many.
    Is(usize),
    /// More have to be seen: so many at least.
    Needs(usize),
    /// No field of this kind begins so.
    Wrong,
}

/// What a field's bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number.
    Number(i128),
    /// A text, without what ends or fills it.
    Text(Vec<u8>),
    /// Nothing that counts.
    Nothing,
}

impl Value {
    /// The number, where it is one that counts something, less the constant that is added to it.
    pub(crate) fn count(&self, plus: i64) -> Option<u64> {
        match self {
            Self::Number(number) => u64::try_from(number.checked_sub(i128::from(plus))?).ok(),
            _ => None,
        }
    }
}

/// Most digits of a number in text.
const DIGITS: usize = 20;

impl Kind {
    /// How many bytes the field takes that begins with `head`; `ended` where no more bytes come. `name_length` is what an
    /// earlier field said. Pictures, data and what fills them up have no size of their own: they are [`Size::Wrong`] here.
    pub(crate) fn size(&self, head: &[u8], name_length: Option<u64>, ended: bool) -> Size {
        let exactly = |size: usize| {
            if size > LONGEST {
                Size::Wrong
            } else if head.len() < size {
                Size::Needs(size)
            } else {
                Size::Is(size)
            }
        };
        match self {
            Self::Int { bytes, .. } | Self::Float { bytes, .. } => exactly(usize::from(*bytes)),
            Self::Bytes(count) => exactly(usize::try_from(*count).unwrap_or(usize::MAX)),
            Self::Fixed(bytes) => {
                let common = bytes.len().min(head.len());
                if bytes.get(..common) == head.get(..common) {
                    exactly(bytes.len())
                } else {
                    Size::Wrong
                }
            }
            Self::Varint => match head.iter().take(10).position(|byte| byte & 0x80 == 0) {
                Some(last) => Size::Is(last + 1),
                None if head.len() >= 10 => Size::Wrong,
                None => Size::Needs(head.len() + 1),
            },
            Self::Decimal(shape) => text_size(shape, head, name_length, ended, u8::is_ascii_digit),
            Self::Hex(shape) => text_size(shape, head, name_length, ended, u8::is_ascii_hexdigit),
            Self::Text(shape) => text_size(shape, head, name_length, ended, |_| true),
            Self::Picture(_) | Self::Data(_) | Self::Pad(_) => Size::Wrong,
        }
    }

    /// The number of bytes it always takes; absent where they vary.
    pub(crate) fn width(&self) -> Option<u64> {
        match self {
            Self::Int { bytes, .. } | Self::Float { bytes, .. } => Some(u64::from(*bytes)),
            Self::Bytes(count) => Some(u64::from(*count)),
            Self::Fixed(bytes) => Some(bytes.len() as u64),
            Self::Decimal(Shape::Fixed(width, _))
            | Self::Hex(Shape::Fixed(width, _))
            | Self::Text(Shape::Fixed(width, _)) => Some(u64::from(*width)),
            _ => None,
        }
    }

    /// What these bytes say, which are the whole field; absent where they say nothing that this kind can.
    pub(crate) fn read(&self, bytes: &[u8]) -> Option<Value> {
        Some(match self {
            Self::Int {
                big_endian, signed, ..
            } => Value::Number(integer(bytes, *big_endian, *signed)),
            Self::Float { big_endian, .. } => float(bytes, *big_endian),
            Self::Varint => Value::Number(varint(bytes)?),
            Self::Decimal(shape) => Value::Number(number(text(shape, bytes)?, 10)?),
            Self::Hex(shape) => Value::Number(number(text(shape, bytes)?, 16)?),
            Self::Text(shape) => Value::Text(text(shape, bytes)?.to_vec()),
            Self::Fixed(_) | Self::Bytes(_) | Self::Picture(_) | Self::Data(_) | Self::Pad(_) => {
                Value::Nothing
            }
        })
    }

    /// Writes a number; absent where the field cannot hold it.
    pub(crate) fn write_number(&self, number: i128, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Int {
                bytes,
                big_endian,
                signed,
            } => {
                let bits = u32::from(*bytes) * 8;
                let (least, most) = if *signed {
                    (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
                } else {
                    (0, (1_i128 << bits) - 1)
                };
                if !(least..=most).contains(&number) {
                    return None;
                }
                let all = number.to_le_bytes();
                let little = all.iter().take(usize::from(*bytes)).copied();
                if *big_endian {
                    out.extend(little.rev());
                } else {
                    out.extend(little);
                }
            }
            Self::Float { bytes, big_endian } => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a float that cannot hold the number exactly is refused below"
                )]
                let (double, single) = (number as f64, number as f32);
                let mut little = if *bytes == 4 {
                    single.to_le_bytes().to_vec()
                } else {
                    double.to_le_bytes().to_vec()
                };
                if *big_endian {
                    little.reverse();
                }
                if float(&little, *big_endian) != Value::Number(number) {
                    return None;
                }
                out.extend(little);
            }
            Self::Varint => {
                let mut left = u64::try_from(number).ok()?;
                loop {
                    let [seven, ..] = (left & 0x7f).to_le_bytes();
                    left >>= 7;
                    if left == 0 {
                        out.push(seven);
                        break;
                    }
                    out.push(seven | 0x80);
                }
            }
            Self::Decimal(shape) => write_text(shape, number.to_string().as_bytes(), out)?,
            Self::Hex(shape) => write_text(shape, format!("{number:x}").as_bytes(), out)?,
            _ => return None,
        }
        Some(())
    }

    /// Writes a text, shortened to what the field holds.
    pub(crate) fn write_text(&self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let Self::Text(shape) = self else {
            return None;
        };
        match shape {
            Shape::Fixed(width, _) => {
                let width = usize::try_from(*width).ok()?;
                write_text(shape, text.get(..width).unwrap_or(text), out)
            }
            _ => write_text(shape, text, out),
        }
    }

    /// The same number in the other byte order; absent for what has none.
    pub(crate) fn other_order(&self) -> Option<Self> {
        match self {
            Self::Int {
                bytes: bytes @ 2..,
                big_endian,
                signed,
            } => Some(Self::Int {
                bytes: *bytes,
                big_endian: !big_endian,
                signed: *signed,
            }),
            _ => None,
        }
    }
}

fn text_size(
    shape: &Shape,
    head: &[u8],
    name_length: Option<u64>,
    ended: bool,
    fits: impl Fn(&u8) -> bool,
) -> Size {
    let exactly = |size: usize| {
        if size > LONGEST {
            Size::Wrong
        } else if head.len() < size {
            Size::Needs(size)
        } else {
            Size::Is(size)
        }
    };
    match shape {
        Shape::Bare => {
            let most = head
                .iter()
                .take(LONGEST + 1)
                .take_while(|byte| fits(byte))
                .count();
            if most > LONGEST || head.len() > most && most == 0 || most == 0 && ended {
                Size::Wrong
            } else if most < head.len() || ended {
                Size::Is(most)
            } else {
                Size::Needs(most + 1)
            }
        }
        Shape::Fixed(width, _) => exactly(usize::try_from(*width).unwrap_or(usize::MAX)),
        Shape::Until(end) => match memchr::memmem::find(head, end) {
            Some(at) if at <= LONGEST => Size::Is(at.saturating_add(end.len())),
            None if head.len() <= LONGEST => Size::Needs(head.len() + 1),
            _ => Size::Wrong,
        },
        Shape::Prefixed(kind) => match kind.size(head, None, ended) {
            Size::Is(size) => {
                let (prefix, _) = head.split_at_checked(size).unwrap_or_default();
                let length = kind.read(prefix).and_then(|value| value.count(0));
                match length.and_then(|length| usize::try_from(length).ok()) {
                    Some(length) if length <= LONGEST => exactly(size + length),
                    _ => Size::Wrong,
                }
            }
            other => other,
        },
        Shape::NameLength => match name_length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) => exactly(length),
            None => Size::Wrong,
        },
    }
}

/// A text without what ends or fills it.
fn text<'b>(shape: &Shape, bytes: &'b [u8]) -> Option<&'b [u8]> {
    Some(match shape {
        Shape::Bare | Shape::NameLength => bytes,
        Shape::Fixed(..) => {
            let end = bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1);
            bytes.get(..end)?.trim_ascii()
        }
        Shape::Until(end) => bytes.strip_suffix(&**end)?,
        Shape::Prefixed(kind) => match kind.size(bytes, None, true) {
            Size::Is(size) => bytes.get(size..)?,
            _ => return None,
        },
    })
}

fn write_text(shape: &Shape, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match shape {
        Shape::Bare | Shape::NameLength => out.extend_from_slice(text),
        Shape::Fixed(width, fill) => {
            let width = usize::try_from(*width).ok()?;
            let empty = width.checked_sub(text.len())?;
            let (before, behind, byte) = match fill {
                Fill::SpacesBehind => (0, empty, b' '),
                Fill::SpacesBefore => (empty, 0, b' '),
                Fill::Zeros => (empty, 0, b'0'),
                Fill::Nul => (0, empty, 0),
            };
            out.extend(std::iter::repeat_n(byte, before));
            out.extend_from_slice(text);
            out.extend(std::iter::repeat_n(byte, behind));
        }
        Shape::Until(end) => {
            if memchr::memmem::find(text, end).is_some() {
                return None;
            }
            out.extend_from_slice(text);
            out.extend_from_slice(end);
        }
        Shape::Prefixed(kind) => {
            kind.write_number(i128::try_from(text.len()).ok()?, out)?;
            out.extend_from_slice(text);
        }
    }
    Some(())
}

fn integer(bytes: &[u8], big_endian: bool, signed: bool) -> i128 {
    let shift_in = |value: i128, byte: &u8| value << 8 | i128::from(*byte);
    let value = if big_endian {
        bytes.iter().take(8).fold(0, shift_in)
    } else {
        bytes.iter().take(8).rev().fold(0, shift_in)
    };
    let bits = bytes.len().min(8) * 8;
    if signed && bits > 0 && value >> (bits - 1) & 1 == 1 {
        value - (1_i128 << bits)
    } else {
        value
    }
}

/// A whole number in a float is a number; another says nothing that counts.
fn float(bytes: &[u8], big_endian: bool) -> Value {
    let mut little = bytes.to_vec();
    if big_endian {
        little.reverse();
    }
    let value = if let Ok(bytes) = <[u8; 4]>::try_from(little.as_slice()) {
        f64::from(f32::from_le_bytes(bytes))
    } else if let Ok(bytes) = <[u8; 8]>::try_from(little.as_slice()) {
        f64::from_le_bytes(bytes)
    } else {
        return Value::Nothing;
    };
    if value.is_finite() && value.fract() == 0.0 && value.abs() < 1e15 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is whole and below 2^50"
        )]
        let whole = value as i64;
        Value::Number(i128::from(whole))
    } else {
        Value::Nothing
    }
}

fn varint(bytes: &[u8]) -> Option<i128> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(at).ok()?.checked_mul(7)?;
        let moved = bits.checked_shl(shift)?;
        if moved >> shift != bits {
            return None;
        }
        value |= moved;
    }
    Some(i128::from(value))
}

fn number(text: &[u8], radix: u32) -> Option<i128> {
    let text = text.trim_ascii();
    if text.is_empty() || text.len() > DIGITS || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    i128::from_str_radix(std::str::from_utf8(text).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::super::Layout;
    use super::*;

    fn kind(text: &str) -> Kind {
        let layout: Layout = format!("{text}, picture").parse().unwrap();
        layout.message[0].kind.clone()
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (kind_text, number, bytes) in [
            ("u32be", 12_104, &b"\0\0\x2f\x48"[..]),
            ("u32le", 12_104, b"\x48\x2f\0\0"),
            ("u24be", 12_104, b"\0\x2f\x48"),
            ("i32le", -2, b"\xfe\xff\xff\xff"),
            ("f32be", 320, b"\x43\xa0\0\0"),
            ("f64le", 320, b"\0\0\0\0\0\0\x74\x40"),
            ("varint", 300, b"\xac\x02"),
            ("dec(8)", 300, b"300     "),
            ("dec(8 right)", 300, b"     300"),
            ("dec(8 zeros)", 300, b"00000300"),
            ("dec(8 nul)", 300, b"300\0\0\0\0\0"),
            ("dec(\"\\n\")", 300, b"300\n"),
            ("dec(u8)", 300, b"\x03300"),
            ("hex(4 zeros)", 300, b"012c"),
        ] {
            let kind = kind(kind_text);
            let mut out = Vec::new();
            kind.write_number(number, &mut out).unwrap();
            assert_eq!(out, bytes, "{kind_text}");
            assert_eq!(kind.read(bytes), Some(Value::Number(number)), "{kind_text}");
            assert_eq!(
                kind.size(bytes, None, false),
                Size::Is(bytes.len()),
                "{kind_text}"
            );
            for end in 0..bytes.len() {
                assert!(
                    matches!(kind.size(&bytes[..end], None, false), Size::Needs(more) if more > end),
                    "{kind_text} at {end}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(kind("u8").write_number(256, &mut Vec::new()), None);
        assert_eq!(kind("i8").write_number(-129, &mut Vec::new()), None);
        assert_eq!(kind("dec(3)").write_number(1000, &mut Vec::new()), None);
        assert_eq!(
            kind("f32be").write_number((1 << 24) + 1, &mut Vec::new()),
            None
        );
        assert_eq!(kind("dec(4)").read(b"12a "), None);
        assert_eq!(kind("dec").size(b"x", None, false), Size::Wrong);
        assert_eq!(kind("dec").size(b"12", None, false), Size::Needs(3));
        assert_eq!(kind("dec").size(b"12\xff", None, false), Size::Is(2));
        assert_eq!(kind("\"ab\"").size(b"ax", None, false), Size::Wrong);
        assert_eq!(kind("varint").size(&[0xff; 10], None, false), Size::Wrong);
    }
}

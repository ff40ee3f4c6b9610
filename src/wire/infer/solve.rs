//! What the fields of headers say, from several headers and what is known of their pictures.

mod texts;

use super::behind::is_counted;
use texts::{by_digits, by_texts, decimals, prefixed};

use super::super::layout::check::Running;
use super::super::layout::{Check, Counts, Field, Kind, Role, Shape};

/// One header, and what its picture's structure says.
#[derive(Debug, Clone)]
pub(super) struct Sample<'b> {
    pub(super) header: &'b [u8],
    /// Bytes of the picture as they lie in the stream.
    pub(super) length: u64,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    /// The picture's bytes, where all of them are at hand.
    pub(super) picture: &'b [u8],
    /// Bytes of the message behind the picture.
    pub(super) behind: usize,
}

/// Fields, and what speaks for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Solved {
    pub(super) fields: Vec<Field>,
    pub(super) evidence: Vec<String>,
    /// A field says the length.
    pub(super) length: bool,
}

/// A binary number at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) bytes: u8,
    pub(super) big_endian: bool,
}

impl Place {
    pub(super) fn kind(self) -> Kind {
        Kind::Int {
            bytes: self.bytes,
            big_endian: self.big_endian || self.bytes == 1,
            signed: false,
        }
    }

    pub(super) fn read(self, header: &[u8]) -> Option<u64> {
        let end = self.at.checked_add(usize::from(self.bytes))?;
        let bytes = header.get(self.at..end)?;
        self.kind().read(bytes)?.count(0)
    }

    fn end(self) -> usize {
        self.at.saturating_add(usize::from(self.bytes))
    }
}

/// All binary numbers of a header of so many bytes, the likelier widths first.
pub(super) fn places(length: usize) -> impl Iterator<Item = Place> {
    [4_u8, 8, 2, 3].into_iter().flat_map(move |bytes| {
        let last = (length + 1).saturating_sub(usize::from(bytes));
        (0..last).flat_map(move |at| {
            [true, false].map(move |big_endian| Place {
                at,
                bytes,
                big_endian,
            })
        })
    })
}

/// Solves headers of one length, or one with texts in it.
pub(super) fn solve(samples: &[Sample<'_>]) -> Option<Solved> {
    let first = samples.first()?;
    let size = first.header.len();
    let alike = samples.iter().all(|sample| sample.header.len() == size);
    if alike
        && let Some(solved) = by_columns(samples, size)
        && (solved.length || size > 10)
    {
        return Some(solved);
    }
    by_varint(samples)
        .or_else(|| by_double(samples))
        .or_else(|| with_texts(samples))
}

/// A header with texts in it.
fn with_texts(samples: &[Sample<'_>]) -> Option<Solved> {
    // Of one message a text may be constant, or hold a name: what stands right before the digits is enough.
    let says = |solved: &Solved| {
        let words = |field: &Field| matches!(&field.kind, Kind::Fixed(text) if text.len() > 2);
        samples.len() > 1 || !solved.fields.iter().any(words)
    };
    by_texts(samples)
        .filter(|solved| says(solved) && fits(samples, solved))
        .or_else(|| by_digits(samples))
        .or_else(|| by_texts(samples))
}

/// Whether the fields take each header whole.
pub(super) fn fits(samples: &[Sample<'_>], solved: &Solved) -> bool {
    samples.iter().all(|sample| {
        let mut at = 0;
        for field in &solved.fields {
            let rest = sample.header.get(at..).unwrap_or_default();
            match field.kind.size(rest, None, true) {
                super::super::layout::Size::Is(size) => at += size,
                _ => return false,
            }
        }
        at == sample.header.len()
    })
}

/// A length of seven bits a byte right in front of the picture, and the same number of other bytes before it.
fn by_varint(samples: &[Sample<'_>]) -> Option<Solved> {
    let first = samples.first()?;
    let longest = first.header.len().min(5);
    (2..=longest).rev().find_map(|width| {
        let before = first.header.len() - width;
        let says = samples.iter().all(|sample| {
            let Some(bytes) = sample.header.get(before..) else {
                return false;
            };
            let ends = bytes
                .split_last()
                .is_some_and(|(last, rest)| last & 0x80 == 0 && rest.iter().all(|b| b & 0x80 != 0));
            ends && sample.length >= 128
                && Kind::Varint.read(bytes).and_then(|value| value.count(0)) == Some(sample.length)
        });
        // Two bytes of seven bits each may say it by chance; not where another number counts all that follows it.
        let chance = samples.len() == 1 && before > 0 && width < 3;
        if !says || chance && !is_counted(first.header, first.length, first.behind) {
            return None;
        }
        Some(right_before(
            samples,
            before,
            Kind::Varint,
            "seven bits a byte",
        ))
    })
}

/// A length as a double right in front of the picture, and the same number of other bytes before it: what a program has that knows no
/// other numbers.
fn by_double(samples: &[Sample<'_>]) -> Option<Solved> {
    let before = samples.first()?.header.len().checked_sub(8)?;
    [true, false].into_iter().find_map(|big_endian| {
        let kind = Kind::Float {
            bytes: 8,
            big_endian,
        };
        let says = samples.iter().all(|sample| {
            let bytes = sample.header.get(before..).filter(|bytes| bytes.len() == 8);
            let value = bytes.and_then(|bytes| kind.read(bytes)?.count(0));
            sample.length > 0 && value == Some(sample.length)
        });
        says.then(|| right_before(samples, before, kind, "a double"))
    })
}

/// A length right in front of the picture, `before` other bytes before it.
fn right_before(samples: &[Sample<'_>], before: usize, kind: Kind, words: &str) -> Solved {
    let mut solved = Solved {
        length: true,
        ..Solved::default()
    };
    others(samples, 0, before, None, &mut solved);
    let length = Field::says(kind, Role::Length(Counts::Picture));
    solved.fields.push(length);
    let n = samples.len();
    solved.evidence.push(format!(
        "{words} right before the picture = the picture's length, in {n} of {n} message{}",
        if n == 1 { "" } else { "s" }
    ));
    solved
}

/// How much a length says beyond the picture's own, in a way that people count.
fn counted(place: Place, sample: &Sample<'_>) -> Option<(Counts, i64)> {
    let value = i128::from(place.read(sample.header)?);
    let length = i128::from(sample.length);
    let header = sample.header.len();
    let behind = sample.behind as i128;
    let rest = (header - place.end()) as i128 + behind;
    let all = header as i128 + behind;
    let beyond = value - length;
    if length < 16 {
        return None;
    }
    if beyond == 0 {
        Some((Counts::Picture, 0))
    } else if place.bytes == 3 {
        // Three bytes of a wider field count something by chance.
        None
    } else if beyond == rest {
        Some((Counts::Rest, 0))
    } else if beyond == all {
        Some((Counts::All, 0))
    } else if beyond == i128::from(place.bytes) {
        Some((Counts::Picture, i64::from(place.bytes)))
    } else if value == length.checked_mul(8)? {
        Some((Counts::Bits, 0))
    } else {
        None
    }
}

/// A header whose fields have fixed places.
#[expect(
    clippy::too_many_lines,
    reason = "the kinds of fields, in the order in which they are looked for"
)]
fn by_columns(samples: &[Sample<'_>], size: usize) -> Option<Solved> {
    let first = samples.first()?;
    let several = samples.len() > 1;
    let mut taken: Vec<(usize, usize, Field, String)> = Vec::new();
    let free = |taken: &[(usize, usize, Field, String)], from: usize, to: usize| {
        taken
            .iter()
            .all(|(at, end, _, _)| to <= *at || from >= *end)
    };
    let n = samples.len();
    let in_all = |what: &str| {
        format!(
            "{what}, in {n} of {n} message{}",
            if n == 1 { "" } else { "s" }
        )
    };
    let bytes_of = |place: Place| {
        let order = match (place.bytes, place.big_endian) {
            (1, _) => "",
            (_, true) => " big-endian",
            (_, false) => " little-endian",
        };
        let last = place.end() - 1;
        if last == place.at {
            format!("byte {}", place.at)
        } else {
            format!("bytes {}–{last}{order}", place.at)
        }
    };
    // Lengths. That of the picture itself comes before one that counts more.
    let mut lengths: Vec<(u8, Place, Counts, i64)> = places(size)
        .filter_map(|place| {
            let (counts, plus) = counted(place, first)?;
            let all = samples
                .iter()
                .all(|sample| counted(place, sample) == Some((counts, plus)));
            let rank = match (counts, plus) {
                (Counts::Picture, 0) => 0,
                (Counts::Rest, _) => 1,
                (Counts::All, _) => 2,
                (Counts::Picture, _) => 3,
                (Counts::Bits, _) => 4,
            };
            all.then_some((rank, place, counts, plus))
        })
        .collect();
    // A length that is a multiple of 256 reads as one in the other byte order, a byte further: fields lie at multiples of their
    // own width, from the one end or from the other.
    let crooked = |place: Place| {
        let width = usize::from(place.bytes);
        !place.at.is_multiple_of(width) && !size.saturating_sub(place.end()).is_multiple_of(width)
    };
    // Eight bytes only where those before the four are of no other field: zeros in every message.
    lengths.sort_by_key(|(rank, place, ..)| (*rank, crooked(*place)));
    let mut length = false;
    for (_, place, counts, plus) in lengths {
        let place = widened(place, samples, size);
        if free(&taken, place.at, place.end()) {
            let what = match (counts, plus) {
                (Counts::Picture, 0) => "the picture's length".to_owned(),
                (Counts::Picture, plus) => format!("the picture's length + {plus}"),
                (Counts::Rest, _) => "the length of all that follows".to_owned(),
                (Counts::All, _) => "the length of the whole message".to_owned(),
                (Counts::Bits, _) => "the picture's length in bits".to_owned(),
            };
            length = true;
            let mut field = Field::says(place.kind(), Role::Length(counts));
            field.plus = plus;
            taken.push((
                place.at,
                place.end(),
                field,
                in_all(&format!("{} = {what}", bytes_of(place))),
            ));
        }
    }
    for (at, end, kind) in decimals(first.header, first.length) {
        let all = samples.iter().all(|sample| {
            decimals(sample.header, sample.length).contains(&(at, end, kind.clone()))
        });
        let fixed = matches!(kind, Kind::Decimal(Shape::Fixed(..)) | Kind::Hex(_));
        if all && (fixed || !several) && free(&taken, at, end) && !length {
            length = true;
            taken.push((
                at,
                end,
                Field::says(kind, Role::Length(Counts::Picture)),
                in_all(&format!("the digits at byte {at} = the picture's length")),
            ));
        }
    }
    // A text with digits in it is read as a text.
    let digits = taken
        .iter()
        .any(|(_, _, field, _)| matches!(field.kind, Kind::Decimal(_)));
    let texts = taken.iter().all(|(from, end, field, _)| {
        let text = |byte: &u8| byte.is_ascii_graphic() || b"\0\t\n\r ".contains(byte);
        !matches!(field.kind, Kind::Decimal(Shape::Fixed(..)))
            || samples.iter().all(|sample| {
                let before = sample.header.get(..*from).unwrap_or_default();
                let behind = sample.header.get(*end..).unwrap_or_default();
                before.iter().chain(behind).all(text)
            })
    });
    if digits
        && texts
        && let Some(solved) = with_texts(samples)
    {
        return Some(solved);
    }
    if !length && (size == 0 || has_text(samples)) {
        return None;
    }
    // Texts with their length before them vary, however long they were here.
    if taken.iter().all(|(at, ..)| *at > 0)
        && let Some((prefix, _)) = prefixed(first.header, 0)
        && let Some(solved) = by_texts(samples)
        && solved.length
    {
        let _ = prefix;
        return Some(solved);
    }
    sizes(samples, size, &mut taken, &in_all, &bytes_of);
    checks(samples, size, &mut taken, &in_all);
    let mut solved = Solved {
        length,
        ..Solved::default()
    };
    taken.sort_by_key(|(at, ..)| *at);
    let order = taken.iter().find_map(|(_, _, field, _)| match field.kind {
        Kind::Int {
            bytes: 2..,
            big_endian,
            ..
        } => Some(big_endian),
        _ => None,
    });
    let mut at = 0;
    for (from, end, field, evidence) in taken {
        others(samples, at, from, order, &mut solved);
        solved.fields.push(field);
        solved.evidence.push(evidence);
        at = end;
    }
    others(samples, at, size, order, &mut solved);
    Some(solved)
}

/// Whether a text begins with what ends the names of pictures: the same in several messages, and another in the next.
fn is_extension(text: &[u8]) -> bool {
    const KNOWN: [&str; 7] = ["jpg", "jpeg", "png", "bmp", "gif", "webp", "tif"];
    let text = text.strip_prefix(b".").unwrap_or(text);
    KNOWN.iter().any(|known| {
        let own = text.get(..known.len());
        let next = text.get(known.len());
        own.is_some_and(|own| own.eq_ignore_ascii_case(known.as_bytes()))
            && next.is_none_or(|next| !next.is_ascii_alphanumeric())
    })
}

/// A length of four bytes is of eight where the other four are 0 in every message, of two or more, and nothing else is near.
fn widened(place: Place, samples: &[Sample<'_>], size: usize) -> Place {
    if place.bytes != 4 || size != 8 || samples.len() < 2 {
        return place;
    }
    let wide = Place {
        at: 0,
        bytes: 8,
        big_endian: place.big_endian,
    };
    let same = samples
        .iter()
        .all(|sample| wide.read(sample.header) == place.read(sample.header));
    if same { wide } else { place }
}

/// Whether a header reads as text, at least in part.
fn has_text(samples: &[Sample<'_>]) -> bool {
    samples.iter().any(|sample| {
        sample
            .header
            .windows(3)
            .any(|window| window.iter().all(u8::is_ascii_graphic))
    })
}

/// Width and height.
fn sizes(
    samples: &[Sample<'_>],
    size: usize,
    taken: &mut Vec<(usize, usize, Field, String)>,
    in_all: &dyn Fn(&str) -> String,
    bytes_of: &dyn Fn(Place) -> String,
) {
    for (role, name) in [(Role::Width, "width"), (Role::Height, "height")] {
        let of = |sample: &Sample<'_>| match role {
            Role::Width => sample.width,
            _ => sample.height,
        };
        let found = places(size).find(|place| {
            samples.iter().all(|sample| {
                let own = of(sample).map(u64::from).filter(|own| *own > 8);
                own.is_some() && place.read(sample.header) == own
            }) && taken
                .iter()
                .all(|(at, end, _, _)| place.end() <= *at || place.at >= *end)
        });
        if let Some(place) = found {
            taken.push((
                place.at,
                place.end(),
                Field::says(place.kind(), role),
                in_all(&format!("{} = the picture's {name}", bytes_of(place))),
            ));
        }
    }
}

/// Checksums of the picture.
fn checks(
    samples: &[Sample<'_>],
    size: usize,
    taken: &mut Vec<(usize, usize, Field, String)>,
    in_all: &dyn Fn(&str) -> String,
) {
    if samples.iter().any(|sample| sample.picture.is_empty()) {
        return;
    }
    // Shorter ones fit by chance.
    for (check, width, name) in [
        (Check::Sha256, 32, "SHA-256"),
        (Check::Sha1, 20, "SHA-1"),
        (Check::Md5, 16, "MD5"),
        (Check::Crc32, 4, "CRC-32"),
        (Check::Adler32, 4, "Adler-32"),
    ] {
        if size < width {
            continue;
        }
        let sums: Vec<Vec<u8>> = samples
            .iter()
            .map(|sample| {
                let mut sum = Running::new(check);
                sum.update(sample.picture);
                sum.finish()
            })
            .collect();
        for at in 0..=size - width {
            let free = taken
                .iter()
                .all(|(from, end, _, _)| at + width <= *from || at >= *end);
            let fits = |reversed: bool| {
                samples.iter().zip(&sums).all(|(sample, sum)| {
                    let found = sample.header.get(at..at + width).unwrap_or_default();
                    if reversed {
                        found.iter().rev().eq(sum.iter())
                    } else {
                        found == sum
                    }
                })
            };
            let big_endian = fits(false);
            if free && (big_endian || width == 4 && fits(true)) {
                let kind = if width == 4 {
                    Kind::Int {
                        bytes: 4,
                        big_endian,
                        signed: false,
                    }
                } else {
                    Kind::Bytes(u32::try_from(width).unwrap_or(0))
                };
                taken.push((
                    at,
                    at + width,
                    Field::says(kind, Role::Check(check)),
                    in_all(&format!(
                        "bytes {at}–{} = the picture's {name}",
                        at + width - 1
                    )),
                ));
                break;
            }
        }
    }
}

/// Fields in between that say nothing of the picture: a constant text, a number that grows, a time, bytes.
#[expect(
    clippy::too_many_lines,
    reason = "the kinds of fields, in the order in which they are looked for"
)]
fn others(
    samples: &[Sample<'_>],
    from: usize,
    to: usize,
    order: Option<bool>,
    solved: &mut Solved,
) {
    let several = samples.len() > 1;
    let mut at = from;
    while at < to {
        let left = to - at;
        let constant = (at..to)
            .take_while(|place| {
                let of = |sample: &Sample<'_>| sample.header.get(*place).copied();
                let first = samples.first().and_then(of);
                samples.iter().all(|sample| of(sample) == first)
            })
            .count();
        let head = samples
            .first()
            .and_then(|sample| sample.header.get(at..at + constant))
            .unwrap_or_default();
        let text = head
            .iter()
            .take_while(|byte| byte.is_ascii_graphic())
            .count();
        if several && !is_extension(head) && (text >= 3 || text >= 2 && text == left) {
            let text = head.get(..text).unwrap_or_default();
            solved.fields.push(Field::plain(Kind::Fixed(text.into())));
            solved.evidence.push(format!(
                "bytes {at}–{} = \"{}\" in all {} messages",
                at + text.len() - 1,
                text.escape_ascii(),
                samples.len()
            ));
            at += text.len();
            continue;
        }
        let width = [4_usize, 2, 1]
            .into_iter()
            .find(|width| left >= *width && (left.is_multiple_of(*width) || left > 4))
            .unwrap_or(1);
        let orders = match order {
            Some(big_endian) => vec![big_endian, !big_endian],
            None => vec![true, false],
        };
        let numbers = |big_endian: bool| -> Vec<u64> {
            let place = Place {
                at,
                bytes: u8::try_from(width).unwrap_or(1),
                big_endian,
            };
            samples
                .iter()
                .filter_map(|sample| place.read(sample.header))
                .collect()
        };
        let pairs = |numbers: &[u64], next: &dyn Fn(u64, u64) -> bool| {
            several
                && numbers.len() == samples.len()
                && numbers
                    .iter()
                    .zip(numbers.iter().skip(1))
                    .all(|(one, two)| next(*one, *two))
        };
        let says = orders.iter().find_map(|&big_endian| {
            let numbers = numbers(big_endian);
            if pairs(&numbers, &|one, two| one.checked_add(1) == Some(two)) {
                Some((big_endian, Role::Number, "grows by 1"))
            } else if width == 4 && pairs(&numbers, &|one, two| one < two && two - one < 1 << 28) {
                Some((big_endian, Role::Time, "grows"))
            } else {
                None
            }
        });
        let big_endian = says.map_or(orders.first().copied().unwrap_or(true), |says| says.0);
        let kind = Kind::Int {
            bytes: u8::try_from(width).unwrap_or(1),
            big_endian: big_endian || width == 1,
            signed: false,
        };
        match says {
            Some((_, role, how)) => {
                solved.fields.push(Field::says(kind, role));
                solved.evidence.push(format!(
                    "byte{} {at}{} {how} with each of {} messages",
                    if width == 1 { "" } else { "s" },
                    if width == 1 {
                        String::new()
                    } else {
                        format!("–{}", at + width - 1)
                    },
                    samples.len()
                ));
                at += width;
            }
            None if left > 16 => {
                // A long run that says nothing: one field.
                solved.fields.push(Field::plain(Kind::Bytes(
                    u32::try_from(left).unwrap_or(u32::MAX),
                )));
                at = to;
            }
            None => {
                solved.fields.push(Field::plain(kind));
                at += width;
            }
        }
    }
}

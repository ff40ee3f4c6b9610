//! A stream that is nothing but records: a header of one form before each, with a length in it, and not every record is a picture.

use crate::units::ByteRange;

/// The header of a record: so many bytes, the length, so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    before: u64,
    width: u64,
    big_endian: bool,
    behind: u64,
}

/// Longer parts of a header are not tried.
const LONGEST: u64 = 8;
/// Most records that are followed.
const RECORDS: usize = 4096;

impl Form {
    fn all() -> impl Iterator<Item = Self> {
        let widths = [
            (4, true),
            (4, false),
            (2, true),
            (2, false),
            (1, true),
            (8, true),
            (8, false),
        ];
        widths.into_iter().flat_map(|(width, big_endian)| {
            (0..=LONGEST).flat_map(move |before| {
                (0..=LONGEST).map(move |behind| Self {
                    before,
                    width,
                    big_endian,
                    behind,
                })
            })
        })
    }

    fn header(self) -> u64 {
        self.before + self.width + self.behind
    }

    /// The length that a header says.
    fn says(self, header: &[u8]) -> Option<u64> {
        let from = usize::try_from(self.before).ok()?;
        let to = usize::try_from(self.before + self.width).ok()?;
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let bytes = header.get(from..to)?.iter();
        Some(if self.big_endian {
            bytes.fold(0, fold)
        } else {
            bytes.rev().fold(0, fold)
        })
    }

    /// Whether records take all up to `end`, and each of the pictures, ascending, begins and ends with some.
    fn tiles<E>(
        self,
        pictures: &[ByteRange],
        end: u64,
        (empty, pieces): (bool, bool),
        read: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let (mut at, mut records, mut met) = (0_u64, 0_usize, 0_usize);
        while at < end {
            let data = at.saturating_add(self.header());
            if data > end || records > RECORDS {
                return Ok(false);
            }
            let Some(length) = self.says(&read(at..data)?) else {
                return Ok(false);
            };
            if length == 0 && !empty {
                return Ok(false);
            }
            // Empty ones may be zeros of anything.
            records += usize::from(length > 0);
            at = data.saturating_add(length);
            if at > end {
                return Ok(false);
            }
            // No picture begins or ends within a header, nor does one end and the next begin within a record.
            if let Some(picture) = pictures.get(met) {
                if picture.start == data {
                    met += 1;
                    // Headers within its own bytes are none.
                    if !pieces && at < picture.end {
                        return Ok(false);
                    }
                } else if picture.start < at {
                    return Ok(false);
                }
            }
            let within = met.checked_sub(1).and_then(|last| pictures.get(last));
            if within.is_some_and(|picture| data < picture.end && picture.end < at) {
                return Ok(false);
            }
        }
        Ok(records > 1 && met == pictures.len())
    }
}

/// Whether a stream of `end` bytes is records of one form, one behind the other to its last byte, of which each of the pictures is
/// one or, with other bytes between its `pieces`, several. At least two records make it no accident; `empty` says whether there may be
/// some of no bytes.
pub(crate) fn are_records<E>(
    pictures: &[ByteRange],
    end: u64,
    (empty, pieces): (bool, bool),
    read: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    if pictures.is_empty() {
        return Ok(false);
    }
    for form in Form::all() {
        if form.tiles(pictures, end, (empty, pieces), read)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_followed_to_the_last_byte() {
        let judged_as = |stream: &[u8], picture: ByteRange, pieces| {
            are_records(
                std::slice::from_ref(&picture),
                stream.len() as u64,
                (true, pieces),
                &mut |range| {
                    let place = |at: u64| usize::try_from(at).unwrap();
                    Ok::<_, ()>(stream[place(range.start)..place(range.end)].to_vec())
                },
            )
            .unwrap()
        };
        let judged = |stream: &[u8], picture: ByteRange| judged_as(stream, picture, true);
        let mixed = b"\x01\0\0\0\x05hello\x02\0\0\0\x07PICTURE\x09\0\0\0\0";
        assert!(judged(mixed, 15..22));
        assert!(!judged(mixed, 14..22));
        assert!(!judged(&[&mixed[..], b"x"].concat(), 15..22));
        let pieces = b"\x05PICTU\x02RE\0";
        assert!(judged(pieces, 1..9));
        // Of a picture that lies there whole they are its own bytes.
        assert!(!judged_as(pieces, 1..9, false));
        assert!(judged_as(mixed, 15..22, false));
        assert!(!judged(&pieces[..10], 2..9));
        // One record is as good as none.
        assert!(!judged(b"\0\x07PICTURE", 2..9));
    }
}

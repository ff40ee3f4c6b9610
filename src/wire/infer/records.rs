//! A stream that is nothing but records: a header of one form before each, with a length in it, and not every record is a picture.

use crate::units::{ByteRange, number};

/// What surrounds the data of a record: so many bytes, the length, so many bytes; and so many behind the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    before: u64,
    width: u64,
    big_endian: bool,
    behind: u64,
    counts: Counts,
    trailer: u64,
}

/// What the length of a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// The data.
    Data,
    /// The data and itself.
    Itself,
    /// The data and the whole header.
    Header,
}

/// Which records are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Followed {
    /// Some may have no bytes.
    pub(crate) empty: bool,
    /// A picture may take several, with other bytes between its pieces.
    pub(crate) pieces: bool,
    /// A picture may lie within one, behind fields of its own; the length may count the header; the same bytes may end each of them.
    pub(crate) messages: bool,
}

/// Longer parts of a header are not tried.
const LONGEST: u64 = 8;
/// Longer trailers are not tried.
const TRAILER: u64 = 2;
/// Most records that are followed.
const RECORDS: usize = 4096;

impl Form {
    fn all(messages: bool) -> impl Iterator<Item = Self> {
        let widths = [
            (4, true),
            (4, false),
            (2, true),
            (2, false),
            (1, true),
            (8, true),
            (8, false),
        ];
        let others: &[Counts] = if messages {
            &[Counts::Data, Counts::Itself, Counts::Header]
        } else {
            &[Counts::Data]
        };
        let trailers = if messages { 0..=TRAILER } else { 0..=0 };
        let around = others
            .iter()
            .flat_map(move |counts| trailers.clone().map(move |trailer| (*counts, trailer)));
        around.flat_map(move |(counts, trailer)| {
            widths.into_iter().flat_map(move |(width, big_endian)| {
                (0..=LONGEST).flat_map(move |before| {
                    (0..=LONGEST).map(move |behind| Self {
                        before,
                        width,
                        big_endian,
                        behind,
                        counts,
                        trailer,
                    })
                })
            })
        })
    }

    fn header(self) -> u64 {
        self.before + self.width + self.behind
    }

    /// How many bytes of data a header says; absent where it says fewer than it counts beside them.
    fn says(self, header: &[u8]) -> Option<u64> {
        let from = usize::try_from(self.before).ok()?;
        let to = usize::try_from(self.before + self.width).ok()?;
        let value = number(header.get(from..to)?, self.big_endian);
        value.checked_sub(match self.counts {
            Counts::Data => 0,
            Counts::Itself => self.width,
            Counts::Header => self.header(),
        })
    }

    /// Whether the first record, whose beginning is `head`, ends by `end`.
    fn may_begin(self, head: &[u8], end: u64) -> bool {
        let length = self.says(head);
        length.is_some_and(|length| {
            let header = self.header().saturating_add(self.trailer);
            length.saturating_add(header) <= end
        })
    }

    /// Whether records take all up to `end`, and each of the pictures, ascending, begins and ends with some, or lies within one.
    fn tiles<E>(
        self,
        pictures: &[ByteRange],
        end: u64,
        followed: Followed,
        read: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let (mut at, mut records, mut met) = (0_u64, 0_usize, 0_usize);
        let mut trailer: Option<Vec<u8>> = None;
        while at < end {
            let data = at.saturating_add(self.header());
            if data > end || records > RECORDS {
                return Ok(false);
            }
            let Some(length) = self.says(&read(at..data)?) else {
                return Ok(false);
            };
            if length == 0 && !followed.empty {
                return Ok(false);
            }
            // Empty ones may be zeros of anything.
            records += usize::from(length > 0);
            let to = data.saturating_add(length);
            at = to.saturating_add(self.trailer);
            if at > end {
                return Ok(false);
            }
            if self.trailer > 0 {
                let found = read(to..at)?;
                if trailer.get_or_insert_with(|| found.clone()) != &found {
                    return Ok(false);
                }
            }
            // No picture begins or ends within a header, nor does one end and the next begin within a record.
            while let Some(picture) = pictures.get(met) {
                if picture.start == data {
                    met += 1;
                    // Headers within its own bytes are none.
                    if !followed.pieces && to < picture.end {
                        return Ok(false);
                    }
                    break;
                } else if followed.messages && data < picture.start && picture.end <= to {
                    met += 1;
                } else if picture.start < at {
                    return Ok(false);
                } else {
                    break;
                }
            }
            let within = met.checked_sub(1).and_then(|last| pictures.get(last));
            let inside = within.is_some_and(|picture| data < picture.start);
            if within.is_some_and(|picture| data < picture.end && picture.end < to) && !inside {
                return Ok(false);
            }
        }
        // What ends two of them may be alike by chance, and zeros are.
        let ended =
            trailer.is_none_or(|trailer| records > 2 && trailer.iter().any(|byte| *byte != 0));
        let enough = records > 1 && ended;
        Ok(enough && met == pictures.len())
    }
}

/// Whether a stream of `end` bytes is records of one form, one behind the other to its last byte, of which each of the pictures is
/// one or, with other bytes between its pieces, several. At least two records make it no accident.
pub(crate) fn are_records<E>(
    pictures: &[ByteRange],
    end: u64,
    followed: Followed,
    read: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
) -> Result<bool, E> {
    if pictures.is_empty() {
        return Ok(false);
    }
    let head = read(0..end.min(3 * LONGEST))?;
    for form in Form::all(followed.messages).filter(|form| form.may_begin(&head, end)) {
        if form.tiles(pictures, end, followed, read)? {
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
        let followed = |pieces, messages| Followed {
            empty: true,
            pieces,
            messages,
        };
        let asked = |stream: &[u8], picture: ByteRange, followed| {
            are_records(
                std::slice::from_ref(&picture),
                stream.len() as u64,
                followed,
                &mut |range| {
                    let place = |at: u64| usize::try_from(at).unwrap();
                    Ok::<_, ()>(stream[place(range.start)..place(range.end)].to_vec())
                },
            )
            .unwrap()
        };
        let judged_as = |stream: &[u8], picture: ByteRange, pieces| {
            asked(stream, picture, followed(pieces, false))
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
        // Messages: the picture behind fields of its own, the length with itself or the header, a byte that ends each.
        let of_messages =
            |stream: &[u8], picture: ByteRange| asked(stream, picture, followed(true, true));
        for (stream, at) in [
            (&b"\0\0\0\x0dabPICTURE....\0\0\0\x02xy"[..], 6),
            (b"\x15\0\0\0\x05data\0\x07\0\0PICTURE\0\x06\0\0\0\0\0", 13),
            (b"\0\0\0\x06hi\0\0\0\x0bPICTURE", 10),
            (
                b"\x01\0\0\0\x05hello\xce\x02\0\0\0\x06header\xce\x03\0\0\0\x07PICTURE\xce",
                28,
            ),
        ] {
            assert!(of_messages(stream, at..at + 7), "{stream:?}");
            assert!(
                !of_messages(&[stream, b"x"].concat(), at..at + 7),
                "{stream:?}"
            );
            let less = &stream[..stream.len() - 1];
            assert!(!of_messages(less, at..at + 7), "{stream:?}");
        }
        // All behind the length is the picture, and a byte too many that the length counts.
        assert!(!of_messages(b"\0\0\0\x08PICTUREx", 4..11));
        // One that ends otherwise.
        let other = b"\x01\0\0\0\x05hello\xce\x02\0\0\0\x06header\xce\x03\0\0\0\x07PICTURE\xcf";
        assert!(!of_messages(other, 28..35));
        let two = b"\x01\0\0\0\x02hi\xce\x03\0\0\0\x07PICTURE\xce";
        assert!(!of_messages(two, 13..20));
    }
}

//! A stream that is nothing but records: a header of one form before each, with a length in it, and not every record is a picture.

use crate::units::{ByteRange, number, numbers};

/// What surrounds the data of a record: so many bytes, the length, so many bytes; and so many behind the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    before: u64,
    width: u64,
    big_endian: bool,
    behind: u64,
    counts: Counts,
    trailer: u64,
    /// Zeros fill the data up to a multiple of it.
    aligned: u64,
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
    /// How many other bytes stand between the pieces of a picture, each time as many; absent where they are not.
    pub(crate) between: Option<u64>,
    /// How many bytes it has without them.
    pub(crate) length: u64,
}

/// Longer parts of a header are not tried.
const LONGEST: u64 = 8;
/// Longer trailers are not tried.
const TRAILER: u64 = 2;
/// Shorter lengths within the bytes of a picture may be lengths by chance.
const LENGTH: u64 = 4;
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
        let behind: &[(u64, u64)] = if messages {
            &[(0, 1), (1, 1), (TRAILER, 1), (0, 4), (0, 8)]
        } else {
            &[(0, 1)]
        };
        let around = others
            .iter()
            .flat_map(move |counts| behind.iter().map(move |behind| (*counts, *behind)));
        around.flat_map(move |(counts, (trailer, aligned))| {
            widths.into_iter().flat_map(move |(width, big_endian)| {
                (0..=LONGEST).flat_map(move |before| {
                    (0..=LONGEST).map(move |behind| Self {
                        before,
                        width,
                        big_endian,
                        behind,
                        counts,
                        trailer,
                        aligned,
                    })
                })
            })
        })
    }

    fn header(self) -> u64 {
        self.before + self.width + self.behind
    }

    /// How many bytes of data a header says; absent where it says fewer than it counts beside them. The highest bit of four bytes may say
    /// that this is the last record of a message (RFC 5531).
    fn says(self, header: &[u8]) -> Option<u64> {
        const LAST: u64 = 1 << 31;
        let from = usize::try_from(self.before).ok()?;
        let to = usize::try_from(self.before + self.width).ok()?;
        let mut value = number(header.get(from..to)?, self.big_endian);
        if self.width == 4 && self.big_endian {
            value &= !LAST;
        }
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

    /// Whether a picture behind fields of its own goes on in other records: each of them has as many fields before its piece, or the last
    /// field before it tells its length.
    fn goes_on<E>(
        self,
        fields: ByteRange,
        followed: Followed,
        read: &mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let lead = fields.end - fields.start;
        if !followed.pieces || self.width < LENGTH {
            return Ok(false);
        }
        let each = followed.between == Some(self.header().saturating_add(lead));
        if each || followed.between != Some(self.header()) || lead < LENGTH {
            return Ok(each);
        }
        let last = read(fields.end - LENGTH..fields.end)?;
        Ok(numbers(&last).contains(&followed.length))
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
        // The last picture that was met begins behind fields of its message.
        let mut behind_fields = false;
        let mut fills = 0_usize;
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
            let filled = (self.aligned - length % self.aligned) % self.aligned;
            fills += usize::from(filled > 0);
            at = to.saturating_add(self.trailer + filled);
            if at > end || filled > 0 && read(to..at)?.iter().any(|byte| *byte != 0) {
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
                    behind_fields = false;
                    // Headers within its own bytes are none.
                    let around = self.header().saturating_add(self.trailer);
                    let each = followed.between.is_none_or(|between| between == around);
                    let fits = each || self.width >= LENGTH || self.aligned > 1;
                    if to < picture.end && !(followed.pieces && fits) {
                        return Ok(false);
                    }
                    break;
                } else if followed.messages
                    && data < picture.start
                    && (picture.end <= to
                        || picture.start < to
                            && self.goes_on(data..picture.start, followed, read)?)
                {
                    met += 1;
                    behind_fields = true;
                    if picture.end > to {
                        break;
                    }
                } else if picture.start < at {
                    return Ok(false);
                } else {
                    break;
                }
            }
            let within = met.checked_sub(1).and_then(|last| pictures.get(last));
            if within.is_some_and(|picture| data < picture.end && picture.end < to)
                && !behind_fields
            {
                return Ok(false);
            }
        }
        // What ends two of them may be alike by chance, and zeros are.
        let ended =
            trailer.is_none_or(|trailer| records > 2 && trailer.iter().any(|byte| *byte != 0));
        // A zero that fills up one record may as well be too many.
        let filled = self.aligned == 1
            || fills > 1 && records > 2 && self.width > 1 && self.counts == Counts::Data;
        let enough = records > 1 && ended && filled;
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

    fn followed(pieces: bool, messages: bool) -> Followed {
        Followed {
            empty: true,
            pieces,
            messages,
            between: None,
            length: 7,
        }
    }

    fn asked(stream: &[u8], picture: ByteRange, followed: Followed) -> bool {
        let end = stream.len() as u64;
        are_records(
            std::slice::from_ref(&picture),
            end,
            followed,
            &mut |range| {
                let place = |at: u64| usize::try_from(at).unwrap();
                Ok::<_, ()>(stream[place(range.start)..place(range.end)].to_vec())
            },
        )
        .unwrap()
    }

    /// Messages: the picture behind fields of its own, the length with itself or the header, a byte that ends each.
    fn of_messages(stream: &[u8], picture: ByteRange) -> bool {
        asked(stream, picture, followed(true, true))
    }

    #[test]
    fn records_are_followed_to_the_last_byte() {
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

    #[test]
    fn records_that_are_filled_up_or_make_one_message() {
        // Filled up to four bytes and to eight, and a message in two records, the last of which says so, with fields around the picture.
        for (stream, picture) in [
            (
                &b"\xf1\0\0\x02hi\0\0\xf2\0\0\x07PICTURE\0\xf1\0\0\x04last"[..],
                12..19,
            ),
            (
                b"\xf6\0\0\x04text\0\0\0\0\xf6\0\0\x07PICTURE\0\xf6\0\0\x06otherx\0\0",
                16..23,
            ),
        ] {
            assert!(of_messages(stream, picture.clone()), "{stream:?}");
            for end in [
                [stream, b"\0"].concat(),
                stream[..stream.len() - 1].to_vec(),
            ] {
                assert!(!of_messages(&end, picture.clone()), "{end:?}");
            }
        }
        // A message in several records, the last of which says so: its last field before the picture tells the length, or the same fields
        // stand before each piece.
        let called = b"\0\0\0\x07\0\0\0\x07PIC\0\0\0\x02TU\x80\0\0\x03RE\0";
        let fields = b"\0\0\0\x05\x01\x00PIC\0\0\0\x04\x01\x00TU\0\0\0\x04\x01\x02RE";
        for (stream, picture, between) in
            [(&called[..], 8..23, Some(4)), (&fields[..], 6..25, Some(6))]
        {
            let of = |stream: &[u8], between| {
                let followed = Followed {
                    between,
                    ..followed(true, true)
                };
                asked(stream, picture.clone(), followed)
            };
            assert!(of(stream, between), "{stream:?}");
            assert!(!of(&[stream, b"\0"].concat(), between), "{stream:?}");
            let less = &stream[..stream.len() - 1];
            assert!(!of(less, between), "{stream:?}");
        }
        for (between, length) in [(None, 7), (Some(5), 7), (Some(4), 8)] {
            let other = Followed {
                between,
                length,
                ..followed(true, true)
            };
            assert!(!asked(called, 8..23, other), "{between:?} {length}");
        }
        let filled_once = b"\xf1\0\0\x04four\xf2\0\0\x07PICTURE\0";
        assert!(!of_messages(filled_once, 12..19));
        let with_another = b"\xf1\0\0\x02hi\0\xee\xf2\0\0\x07PICTURE\0\xf1\0\0\x04last";
        assert!(!of_messages(with_another, 12..19));
    }
}

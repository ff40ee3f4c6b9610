//! Learns from a file and what became of it which of its bytes were always written in another way: escaped, or left out.

use super::View;
use super::recover::{Gathered, Recovered};

/// Fewer bytes rewritten are an accident: as many in all, and of each value.
const FEW: usize = 4;
const EACH: usize = 3;

/// What became of a byte of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// It stands for itself.
    Plain,
    /// The escape and this byte stand for it.
    Escaped(u8),
    /// Nothing stands for it.
    Out,
}

/// What each value became.
#[derive(Debug)]
struct Code {
    written: [Option<Written>; 256],
    times: [usize; 256],
    escape: Option<u8>,
}

/// What the bytes of a stream are beside a text of which some values were always rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rewritten {
    /// One byte stands before each byte of some values: the bytes had back.
    Escaped(Recovered),
    /// Each byte of some values is left out: what the text is without them.
    LeftOut(Vec<u8>),
}

/// How `text`, whose bytes from `from` on are those of a stream from its place `at` on, was rewritten; absent where the bytes do not show
/// it. `start` is the stream offset of the first of `bytes`.
pub(crate) fn rewritten(
    text: &[u8],
    from: usize,
    bytes: &[u8],
    at: usize,
    start: u64,
) -> Option<Rewritten> {
    let (before, behind) = text.split_at_checked(from)?;
    let stream = bytes.get(at..)?;
    let mut escaped = Code::learned(behind, stream, true);
    escaped.learn_backwards(before, bytes.get(..at)?);
    if escaped.tells() && escaped.can_be_undone() {
        let code = escaped;
        let begin = at.checked_sub(code.of(before).len())?;
        return Some(Rewritten::Escaped(code.undone(
            bytes,
            begin,
            start,
            text.len(),
        )));
    }
    let code = Code::learned(behind, stream, false);
    code.tells().then(|| Rewritten::LeftOut(code.of(text)))
}

/// Whether `found` is all of `text` with some of its values always escaped or left out, and which.
pub(crate) fn rewritten_as(text: &[u8], found: &[u8]) -> Option<View> {
    [View::Escaped, View::LeftOut].into_iter().find(|view| {
        let escapes = *view == View::Escaped;
        let code = Code::learned(text, found, escapes);
        code.tells() && (!escapes || code.can_be_undone()) && code.of(text) == found
    })
}

impl Code {
    /// What the beginning of a text shows that became the beginning of a stream, as far as they agree.
    fn learned(text: &[u8], stream: &[u8], escapes: bool) -> Self {
        let mut code = Self {
            written: [None; 256],
            times: [0; 256],
            escape: None,
        };
        let (mut at, mut place) = (0, 0);
        while let (Some(&byte), Some(&there)) = (text.get(at), stream.get(place)) {
            let known = code.written.get(usize::from(byte)).copied().flatten();
            let next = stream.get(place + 1).copied();
            let written = match known {
                Some(known) => known,
                // Twice as many of them: doubled.
                None if escapes && there == byte && code.escape.is_none_or(|one| one == byte) => {
                    let run = |bytes: &[u8]| bytes.iter().take_while(|one| **one == byte).count();
                    let once = run(text.get(at..).unwrap_or_default());
                    let twice = run(stream.get(place..).unwrap_or_default());
                    if twice == 2 * once {
                        Written::Escaped(byte)
                    } else if let (Some(second), true) = (next, code.escape == Some(byte)) {
                        Written::Escaped(second)
                    } else {
                        Written::Plain
                    }
                }
                None if there == byte => Written::Plain,
                None if escapes => {
                    match next.filter(|_| code.escape.is_none_or(|one| one == there)) {
                        Some(second) => Written::Escaped(second),
                        None => break,
                    }
                }
                None => Written::Out,
            };
            let width = match written {
                Written::Plain if there == byte => 1,
                Written::Escaped(second)
                    if next == Some(second) && code.escape.is_none_or(|one| one == there) =>
                {
                    code.escape = Some(there);
                    2
                }
                Written::Out if there != byte => 0,
                _ => break,
            };
            code.came(byte, written);
            at += 1;
            place += width;
        }
        code
    }

    fn came(&mut self, byte: u8, written: Written) {
        if let Some(known) = self.written.get_mut(usize::from(byte)) {
            *known = Some(written);
        }
        if let Some(times) = self.times.get_mut(usize::from(byte)) {
            *times += 1;
        }
    }

    /// What the end of a text shows beside what became the end of a stream, where the escape is known.
    fn learn_backwards(&mut self, text: &[u8], stream: &[u8]) {
        let Some(escape) = self.escape else {
            return;
        };
        let mut left = stream;
        for &byte in text.iter().rev() {
            let known = self.written.get(usize::from(byte)).copied().flatten();
            let (written, rest) = match (known, left) {
                (Some(Written::Plain), [rest @ .., there]) if *there == byte => {
                    (Written::Plain, rest)
                }
                (Some(Written::Escaped(second)), [rest @ .., first, there])
                    if *first == escape && *there == second =>
                {
                    (Written::Escaped(second), rest)
                }
                (None, [rest @ .., first, there]) if *first == escape => {
                    (Written::Escaped(*there), rest)
                }
                (None, [rest @ .., there]) if *there == byte => (Written::Plain, rest),
                _ => return,
            };
            self.came(byte, written);
            left = rest;
        }
    }

    /// Whether what is rewritten is no accident.
    fn tells(&self) -> bool {
        let (mut all, mut each) = (0, true);
        for ((byte, written), times) in (0..=u8::MAX).zip(self.written).zip(self.times) {
            let least = match written {
                None | Some(Written::Plain) => continue,
                Some(Written::Escaped(second)) if is_usual(byte, second) => 1,
                Some(_) => EACH,
            };
            all += times;
            each &= times >= least;
        }
        all >= FEW && each
    }

    /// Whether the escape never stands for itself, and no two values are written alike.
    fn can_be_undone(&self) -> bool {
        let Some(escape) = self.escape else {
            return false;
        };
        let itself = self.written.get(usize::from(escape)).copied().flatten();
        let mut seen = [false; 256];
        itself != Some(Written::Plain)
            && self.written.iter().all(|written| match written {
                Some(Written::Escaped(second)) => {
                    let seen = seen.get_mut(usize::from(*second));
                    seen.is_some_and(|seen| !std::mem::replace(seen, true))
                }
                _ => true,
            })
    }

    /// The bytes had back from `begin` on, at most so many; where an escape stands before nothing that it escapes, it stands for itself.
    fn undone(&self, bytes: &[u8], begin: usize, start: u64, most: usize) -> Recovered {
        let mut values = [None; 256];
        for (value, written) in (0..=u8::MAX).zip(self.written) {
            if let Some(Written::Escaped(second)) = written
                && let Some(place) = values.get_mut(usize::from(second))
            {
                *place = Some(value);
            }
        }
        let mut gathered = Gathered::default();
        let mut at = begin;
        while gathered.bytes.len() < most
            && let Some(&byte) = bytes.get(at)
        {
            gathered.mark(start.saturating_add(at as u64));
            let second = bytes.get(at + 1).filter(|_| Some(byte) == self.escape);
            let value =
                second.and_then(|second| values.get(usize::from(*second)).copied().flatten());
            gathered.bytes.push(value.unwrap_or(byte));
            at += if value.is_some() { 2 } else { 1 };
        }
        gathered.finish(View::Escaped, start.saturating_add(at as u64))
    }

    /// What a text becomes; values that did not come stand for themselves.
    fn of(&self, text: &[u8]) -> Vec<u8> {
        let mut made = Vec::with_capacity(text.len() * 9 / 8);
        for &byte in text {
            match self.written.get(usize::from(byte)).copied().flatten() {
                None | Some(Written::Plain) => made.push(byte),
                Some(Written::Escaped(second)) => {
                    made.extend(self.escape.into_iter().chain([second]));
                }
                Some(Written::Out) => {}
            }
        }
        made
    }
}

/// Whether programs escape a byte so: as itself, as a letter of C, or as HDLC does.
fn is_usual(byte: u8, second: u8) -> bool {
    const LETTERS: [(u8, u8); 7] = [
        (0, b'0'),
        (8, b'b'),
        (b'\t', b't'),
        (b'\n', b'n'),
        (0x0c, b'f'),
        (b'\r', b'r'),
        (0x1a, b'Z'),
    ];
    second == byte || second == byte ^ 0x20 || LETTERS.contains(&(byte, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        let mut value = 7_u32;
        (0..8192)
            .map(|_| {
                value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                value.to_be_bytes()[0]
            })
            .collect()
    }

    fn map(text: &[u8], of: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
        text.iter().flat_map(|byte| of(*byte)).collect()
    }

    #[test]
    fn escapes_and_what_is_left_out_are_learned_and_undone_only_where_they_can_be() {
        let text = text();
        let doubled = |value: u8| {
            move |byte: u8| {
                if byte == value {
                    vec![byte; 2]
                } else {
                    vec![byte]
                }
            }
        };
        let escaped = |stream: &[u8], from: usize, at: usize| {
            let found = rewritten(&text, from, &[&[1, 2, 3], stream].concat(), at + 3, 7);
            let Some(Rewritten::Escaped(found)) = found else {
                panic!("{found:?}");
            };
            assert_eq!(found.bytes, text);
            let all = found.origin.of(&(0..text.len() as u64));
            assert_eq!(all, 10..10 + stream.len() as u64);
            assert_eq!(rewritten_as(&text, stream), Some(View::Escaped));
        };
        for value in [0xff, 0x10, b'\''] {
            let stream = map(&text, doubled(value));
            // Learned from a place within, and had back from the beginning.
            let part = text.iter().take(100).filter(|byte| **byte == value).count() + 100;
            escaped(&stream, 100, part);
        }
        let sql = map(&text, |byte| match byte {
            0 => b"\\0".to_vec(),
            b'\n' => b"\\n".to_vec(),
            b'\'' | b'"' | b'\\' => vec![b'\\', byte],
            _ => vec![byte],
        });
        escaped(&sql, 0, 0);
        let stripped = map(&text, |byte| match byte {
            b'\r' | b'\n' | 0 => vec![],
            _ => vec![byte],
        });
        assert_eq!(rewritten_as(&text, &stripped), Some(View::LeftOut));
        let found = rewritten(&text, 0, &stripped, 0, 0);
        assert_eq!(found, Some(Rewritten::LeftOut(stripped)));
        // The escape stands for itself as well, so nobody can undo it.
        let crlf = map(&text, |byte| match byte {
            b'\n' => b"\r\n".to_vec(),
            _ => vec![byte],
        });
        assert_eq!(rewritten_as(&text, &crlf), None);
        assert_eq!(rewritten(&text, 0, &text, 0, 0), None);
    }

    #[test]
    fn one_byte_more_less_or_other_is_no_code() {
        let text = text();
        for at in (0..text.len()).step_by(97) {
            for other in 0..3 {
                let mut stream = text.clone();
                match other {
                    0 => stream.insert(at, 0xff),
                    1 => drop(stream.remove(at)),
                    _ => stream[at] ^= 0x41,
                }
                assert_eq!(rewritten(&text, 0, &stream, 0, 0), None, "{at} {other}");
                assert_eq!(rewritten_as(&text, &stream), None);
            }
        }
    }
}

//! Headers of pieces in text, all of one wording, whose numbers tell the pieces: where each begins or ends, how long it is, which one it is
//! (`Byte-Range: 2049-4096/118115`).

use crate::units::{ByteRange, is_of_text};

/// Longer ones are no header of a piece.
const LONGEST: usize = 4096;

/// Whether these texts differ in their numbers only, and each number in them is the same in all, or counts with the pieces: `pieces` are the
/// ranges of the file that stand behind them.
pub(super) fn number_pieces(texts: &[&[u8]], pieces: &[ByteRange]) -> bool {
    if texts.len() < 2 || texts.len() != pieces.len() {
        return false;
    }
    let read: Option<Vec<(Vec<u8>, Vec<i128>)>> = texts.iter().map(|text| numbers(text)).collect();
    let Some(read) = read else {
        return false;
    };
    let Some((wording, first)) = read.first() else {
        return false;
    };
    let alike =
        |(words, values): &(Vec<u8>, Vec<i128>)| words == wording && values.len() == first.len();
    if !read.iter().all(alike) {
        return false;
    }
    let counts: [fn(usize, &ByteRange) -> i128; 5] = [
        |_, _| 0,
        |_, piece| i128::from(piece.start),
        |_, piece| i128::from(piece.end),
        |_, piece| i128::from(piece.end) - i128::from(piece.start),
        |index, _| index as i128,
    ];
    (0..first.len()).all(|column| {
        counts.iter().any(|count| {
            let mut beyond =
                read.iter()
                    .zip(pieces)
                    .enumerate()
                    .map(|(index, ((_, values), piece))| {
                        values.get(column).map(|value| value - count(index, piece))
                    });
            let Some(Some(one)) = beyond.next() else {
                return false;
            };
            beyond.all(|other| other == Some(one))
        })
    })
}

/// Whether a text ends with the words with which the others end, as far as it is as long; nothing does.
pub(super) fn end_alike(text: &[u8], others: &[&[u8]]) -> bool {
    let Some((words, _)) = numbers(text) else {
        return false;
    };
    others.iter().all(|other| {
        numbers(other).is_some_and(|(other, _)| {
            let length = words.len().min(other.len());
            let end = |words: &[u8]| words.get(words.len() - length..).map(<[u8]>::to_vec);
            end(&words) == end(&other)
        })
    })
}

/// The words of a text, and the numbers in it; absent where it is none.
fn numbers(text: &[u8]) -> Option<(Vec<u8>, Vec<i128>)> {
    if text.len() > LONGEST || !text.iter().all(|byte| is_of_text(*byte)) {
        return None;
    }
    let mut words = Vec::new();
    let mut values = Vec::new();
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            words.push(byte);
            rest = behind;
            continue;
        }
        let (run, behind) = rest.split_at_checked(digits)?;
        words.push(b'0');
        values.push(std::str::from_utf8(run).ok()?.parse().ok()?);
        rest = behind;
    }
    Some((words, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_with_the_pieces_or_stay() {
        let pieces = [2048..4096, 4096..6144, 6144..7000];
        let texts = |header: &dyn Fn(u64, u64, u64) -> String| -> Vec<String> {
            let header = |(index, piece): (u64, &ByteRange)| header(index, piece.start, piece.end);
            (0..).zip(&pieces).map(header).collect()
        };
        let judged = |texts: &[String]| {
            let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            number_pieces(&texts, &pieces)
        };
        let ranges = texts(&|_, from, to| format!("\r\nRange: {}-{to}/7000\r\n\r\n", from + 1));
        assert!(judged(&ranges));
        assert!(judged(&texts(&|index, from, to| format!(
            "<part n='{}' of='4' bytes='{}'>",
            index + 9,
            to - from
        ))));
        for at in 0..ranges[1].len() {
            for byte in [b'x', b'7'] {
                let mut more = ranges.clone();
                more[1].insert(at, char::from(byte));
                assert!(!judged(&more), "{more:?}");
            }
            let mut less = ranges.clone();
            less[1].remove(at);
            assert!(!judged(&less), "{less:?}");
        }
        assert!(!judged(&texts(&|index, _, _| format!(
            "{} ",
            index * index
        ))));
        assert!(!judged(&ranges[..2]));
        let others: Vec<&[u8]> = ranges.iter().map(String::as_bytes).collect();
        assert!(end_alike(b"", &others));
        assert!(end_alike(b"Range: 1-2048/7000\r\n\r\n", &others));
        assert!(end_alike(
            b"MSRP\r\nRange: 1-2048/7000\r\n\r\n"[4..].as_ref(),
            &others
        ));
        assert!(!end_alike(b"Range: 1-2048/7000\r\n\r\nx", &others));
        assert!(!end_alike(b"Range: 1-2048/7000\r\n\r\n\0", &others));
        assert!(!number_pieces(&[b"1 \0", b"2 \0"], &pieces[..2]));
        assert!(!number_pieces(&[b"1 "], &pieces[..1]));
    }
}

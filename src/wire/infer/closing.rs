//! Whether bytes behind a picture close the message that its header opened: by what the header says, by a checksum over both, or as
//! the other half of a pair. One byte that tells nothing closes nothing.

use std::fmt::Write as _;

use super::super::layout::Check;
use super::super::layout::check::Running;

/// ASCII's STX and SOH, ETX and EOT.
const OPENS: [u8; 2] = [0x02, 0x01];
const CLOSES: [u8; 2] = [0x03, 0x04];

/// Longer trailers are not looked into.
const LONGEST: usize = 64;
/// Longer headers are not looked into byte by byte.
const HEADER: usize = 64;
/// Of longer pictures no checksum is taken again and again.
const PICTURE: usize = 1 << 20;

/// Whether `tail` closes what `header` opened around this picture.
pub(crate) fn closes(header: &[u8], picture: &[u8], tail: &[u8]) -> bool {
    if header.is_empty() || tail.is_empty() || tail.len() > LONGEST {
        return false;
    }
    is_netstring(header, picture.len(), tail)
        || is_tag(header, tail)
        || is_bracket(header, tail)
        || is_control(header, picture, tail)
        || covers(header, picture, tail)
        || covers(header, picture, without_line_end(tail))
}

/// Words with which programs say that no more comes. No two are one byte apart: with `COMPLETED` beside `COMPLETE`, or `EOT` beside
/// `EOF`, a byte lost or changed would be seen by nobody.
const ENDS: [&str; 13] = [
    "EOF", "END", "STOP", "DONE", "BYE", "QUIT", "EXIT", "CLOSE", "FIN", "FINISH", "FINISHED",
    "COMPLETE", "GOODBYE",
];

/// Words that stand beside them.
const BESIDE: [&str; 14] = [
    "OF",
    "FILE",
    "IMAGE",
    "IMG",
    "PICTURE",
    "PHOTO",
    "FRAME",
    "DATA",
    "STREAM",
    "MESSAGE",
    "MSG",
    "TRANSFER",
    "TRANSMISSION",
    "UPLOAD",
];

/// Whether bytes behind all pictures are what programs say before they hang up: words of those that are known, or the zeros or ones
/// that stand for a length that says "no more". One byte more, less or changed is none, but for the line end.
pub(crate) fn is_goodbye(bytes: &[u8]) -> bool {
    const BEFORE: [&[u8]; 4] = [b"\r\n", b"\n", b" ", b""];
    const BEHIND: [&[u8]; 3] = [b"\r\n", b"\n", b""];
    if matches!(bytes.len(), 4 | 8 | 16) && bytes.iter().all(|byte| *byte == 0)
        || matches!(bytes.len(), 4 | 8) && bytes.iter().all(|byte| *byte == 0xff)
    {
        return true;
    }
    // The last chunk of a body, and the last piece of a picture.
    if matches!(bytes, b"BYE BYE " | b"0\r\n\r\n" | b"0\r\n" | b"0\n") {
        return true;
    }
    BEFORE.iter().any(|before| {
        BEHIND.iter().any(|behind| {
            bytes
                .strip_prefix(*before)
                .and_then(|text| text.strip_suffix(*behind))
                .and_then(unframed)
                .is_some_and(says_the_end)
        })
    })
}

/// A text without the signs around it: as many of one kind before it as of their counterpart behind, `---END---`, `<EOF>`, `##DONE##`.
/// Not the percent sign: `%IMAGE_COMPLETE%` is the marker of the pipeline with a byte lost.
fn unframed(text: &[u8]) -> Option<&[u8]> {
    const MOST: usize = 8;
    let sign = |sign: u8| sign.is_ascii_punctuation() && sign != b'%';
    let Some(&sign) = text.first().filter(|first| sign(**first)) else {
        return Some(text);
    };
    let counterpart = match sign {
        b'<' => b'>',
        b'[' => b']',
        b'(' => b')',
        b'{' => b'}',
        b'>' | b']' | b')' | b'}' => return None,
        other => other,
    };
    let before = text.iter().take_while(|byte| **byte == sign).count();
    let behind = text
        .iter()
        .rev()
        .take_while(|byte| **byte == counterpart)
        .count();
    (before == behind && before <= MOST)
        .then(|| text.get(before..text.len().saturating_sub(behind)))
        .flatten()
}

/// Whether a text is one to four known words of which exactly one says the end, in capitals or in none, with `_` between them: `END`,
/// `END_OF_FILE`, `img_done`.
fn says_the_end(text: &[u8]) -> bool {
    const MOST: usize = 4;
    let upper = text.to_ascii_uppercase();
    if upper != text && text.to_ascii_lowercase() != text {
        return false;
    }
    let is_end = |word: &&[u8]| ENDS.iter().any(|known| known.as_bytes() == *word);
    let is_known =
        |word: &&[u8]| is_end(word) || BESIDE.iter().any(|known| known.as_bytes() == *word);
    let words: Vec<&[u8]> = upper.split(|byte| *byte == b'_').collect();
    upper == b"BYE BYE"
        || upper == b"END OF FILE"
        || words.len() <= MOST
            && words.iter().all(is_known)
            && words.iter().filter(|word| is_end(word)).count() == 1
}

/// Whether bytes behind a picture look as the fields of a trailer do, a checksum or a time: two bytes or whole words of four, of several
/// values, and no text, nor a word in capitals with a byte changed.
pub(crate) fn is_trailer(bytes: &[u8]) -> bool {
    const MOST: usize = 32;
    let values: std::collections::BTreeSet<u8> = bytes.iter().copied().collect();
    let text = |byte: &&u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let binary = bytes.len() - bytes.iter().filter(text).count();
    let capitals = bytes
        .iter()
        .filter(|byte| byte.is_ascii_uppercase())
        .count();
    let sized = bytes.len() == 2 || bytes.len().is_multiple_of(4) && bytes.len() <= MOST;
    sized
        && values.len() >= bytes.len().min(3)
        && binary > 0
        && capitals + binary.min(1) < bytes.len()
}

/// Whether so many zeros, two or more, fill the only message up to a multiple of a few bytes: the message from its header on, or the
/// picture.
pub(crate) fn fills_up(message: u64, picture: u64, zeros: u64) -> bool {
    [4, 8, 16, 32, 64].into_iter().any(|unit: u64| {
        let full = |bytes: u64| bytes.saturating_add(zeros).is_multiple_of(unit);
        (2..unit).contains(&zeros) && message > picture && (full(message) || full(picture))
    })
}

/// Of the places from which on a direction may be counted in blocks: how long the blocks are that the `zeros` bytes at its end fill up, at
/// most 1 MiB; absent where they fill none, or are so few that chance may do it.
pub(crate) fn fills_block(
    starts: impl IntoIterator<Item = u64>,
    end: u64,
    zeros: u64,
) -> Option<u64> {
    /// Fewer zeros may be too many by chance, and shorter blocks are whole by chance.
    const LEAST: u64 = 8;
    const SHORTEST: u64 = 512;
    const LONGEST: u64 = 1 << 20;
    let blocks = starts.into_iter().filter_map(|start| {
        let length = end.checked_sub(start).filter(|length| *length > 0)?;
        let block = 1 << length.trailing_zeros().min(LONGEST.trailing_zeros());
        (block >= SHORTEST && zeros < block).then_some(block)
    });
    blocks.max().filter(|_| zeros >= LEAST)
}

fn without_line_end(tail: &[u8]) -> &[u8] {
    tail.strip_suffix(b"\r\n")
        .or_else(|| tail.strip_suffix(b"\n"))
        .unwrap_or_default()
}

/// `12104:` before, a comma behind (D. J. Bernstein, Netstrings).
fn is_netstring(header: &[u8], length: usize, tail: &[u8]) -> bool {
    tail == b"," && header.ends_with(format!("{length}:").as_bytes())
}

/// `<name …>` before, `</name>` behind.
fn is_tag(header: &[u8], tail: &[u8]) -> bool {
    let tail = tail.trim_ascii();
    let Some(name) = tail
        .strip_prefix(b"</")
        .and_then(|tail| tail.strip_suffix(b">"))
    else {
        return false;
    };
    let opened = memchr::memmem::find_iter(header, name)
        .any(|at| at > 0 && header.get(at - 1) == Some(&b'<'));
    !name.is_empty() && header.trim_ascii_end().ends_with(b">") && opened
}

/// A bracket, or a quotation mark, that the header opened as its last byte.
fn is_bracket(header: &[u8], tail: &[u8]) -> bool {
    let pairs = [(b'[', b']'), (b'(', b')'), (b'{', b'}')];
    let tail = tail.trim_ascii_end();
    let opened = header.last();
    pairs
        .iter()
        .any(|(open, close)| opened == Some(open) && *tail == [*close])
}

/// Between control characters, with a checksum of one byte before the last or without.
fn is_control(header: &[u8], picture: &[u8], tail: &[u8]) -> bool {
    let Some((last, check)) = tail.split_last() else {
        return false;
    };
    let opens = header.iter().take(2).any(|byte| OPENS.contains(byte));
    if !opens || !CLOSES.contains(last) {
        return false;
    }
    match *check {
        [] | [0x10] => true,
        [check] => {
            let starts = 0..=header.len().min(HEADER);
            starts.into_iter().any(|from| {
                let rest = header.get(from..).unwrap_or_default();
                let all = || rest.iter().chain(picture);
                let sum = all().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                let xor = all().fold(0_u8, |xor, byte| xor ^ byte);
                [sum, xor, sum.wrapping_neg(), !sum].contains(&check)
            })
        }
        _ => covers(header, picture, check),
    }
}

/// Whether it is a checksum of the picture and of the last bytes of its header.
fn covers(header: &[u8], picture: &[u8], tail: &[u8]) -> bool {
    if !matches!(tail.len(), 2 | 4 | 16 | 20 | 32 | 40 | 64) || picture.len() > PICTURE {
        return false;
    }
    let starts = 0..=header.len().min(HEADER);
    let is = |sum: &[u8]| {
        let hex = || -> Vec<u8> {
            let mut digits = String::new();
            for byte in sum {
                let _ = write!(digits, "{byte:02x}");
            }
            digits.into_bytes()
        };
        tail == sum
            || tail.iter().rev().eq(sum)
            || (tail.len() == 2 * sum.len() && tail.eq_ignore_ascii_case(&hex()))
    };
    starts.into_iter().any(|from| {
        let rest = header.get(from..).unwrap_or_default();
        let sum = |check: Check| {
            let mut sum = Running::new(check);
            sum.update(rest);
            sum.update(picture);
            sum.finish()
        };
        let fits = |check| is(&sum(check));
        match tail.len() {
            // A short one of any part of the header fits by chance: all of it, what follows its first two bytes, or none.
            2 if from > 2 && from != header.len() => false,
            2 => {
                fits(Check::Crc16)
                    || fits(Check::Crc16Ccitt)
                    || is(&modbus(rest, picture).to_be_bytes())
            }
            4 => fits(Check::Crc32) || fits(Check::Adler32),
            16 => fits(Check::Md5),
            20 | 40 => fits(Check::Sha1),
            32 => fits(Check::Sha256) || fits(Check::Md5),
            _ => fits(Check::Sha256),
        }
    })
}

/// CRC-16 of Modbus: polynomial 8005, reflected, from FFFF.
fn modbus(header: &[u8], picture: &[u8]) -> u16 {
    header.iter().chain(picture).fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xa001 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_a_message_is_told_from_a_byte_too_many() {
        let picture = b"PICTURE";
        let crc = {
            let mut sum = Running::new(Check::Crc32);
            sum.update(b"\0\0\0\x07PICTURE");
            sum.finish()
        };
        let pairs: [(&[u8], &[u8]); 8] = [
            (b"7:", b","),
            (b"<image size=\"7\">", b"</image>"),
            (b"IMG(", b")"),
            (b"\x02A\x07\0\0\0", b"\x03"),
            (
                b"\x02\x07",
                &[b"\x02\x07PICTURE".iter().fold(0, |xor, byte| xor ^ byte), 3],
            ),
            (b"AB\0\0\0\x07", &crc),
            (b"\0\0\0\x07", &[crc[3], crc[2], crc[1], crc[0]]),
            (b"\xaa\x55\x07", &modbus(b"\x07", picture).to_le_bytes()),
        ];
        for (header, tail) in pairs {
            assert!(closes(header, picture, tail), "{header:?} {tail:?}");
            let more = [tail, b"x"].concat();
            assert!(!closes(header, picture, &more), "{header:?} {tail:?}");
            let first = tail[0] ^ 0x40;
            let other = [&[first][..], &tail[1..]].concat();
            assert!(!closes(header, picture, &other), "{header:?} {tail:?}");
        }
        // From the direction's beginning, from the picture's; too few, a byte more, more than a block.
        assert_eq!(fills_block([0, 16], 1024, 8), Some(1024));
        assert_eq!(fills_block([0, 16], 1040, 300), Some(1024));
        assert_eq!(fills_block([0, 16], 1024, 7), None);
        assert_eq!(fills_block([0, 16], 1025, 300), None);
        assert_eq!(fills_block([0], 512, 511), Some(512));
        assert_eq!(fills_block([0], 512, 512), None);
        assert_eq!(fills_block([0], 256, 100), None);
        assert!(fills_up(30, 22, 2) && !fills_up(31, 23, 1) && !fills_up(30, 22, 3));
        assert!(!closes(b"8:", picture, b","));
        assert!(!closes(b"", picture, b"\x03"));
    }

    #[test]
    fn one_byte_beside_a_goodbye_is_none() {
        let texts: [&[u8]; 17] = [
            b"EOF",
            b"STOP",
            b"bye",
            b"END",
            b"<EOF>",
            b"done",
            b"---END---",
            b"<<EOF>>",
            b"END_OF_FILE",
            b"##IMAGE_END##",
            b"end_of_image",
            b"TRANSFER_COMPLETE",
            b"FINISH",
            b"FINISHED",
            b"BYE BYE",
            b"GOODBYE",
            b"MSG_END",
        ];
        // A line end, and a blank before, are there or not.
        let apart = |text: &[u8]| text.trim_ascii().to_vec();
        for text in texts {
            assert!(is_goodbye(text), "{text:?}");
            assert!(is_goodbye(&[text, b"\r\n"].concat()), "{text:?}");
            for at in 0..=text.len() {
                let (before, behind) = text.split_at(at);
                for byte in 0..=255 {
                    let more = [before, &[byte], behind].concat();
                    assert!(
                        !is_goodbye(&more) || apart(&more) == text,
                        "{text:?}: {byte:#x} at {at}"
                    );
                    if let Some((first, rest)) = behind.split_first() {
                        let other = [before, &[byte], rest].concat();
                        assert!(
                            !is_goodbye(&other) || *first == byte,
                            "{text:?}: {byte:#x} for {first:#x} at {at}"
                        );
                        let less = [before, rest].concat();
                        assert!(!is_goodbye(&less), "{text:?}: less the byte at {at}");
                    }
                }
            }
        }
        for other in [
            &b"%IMAGE_COMPLETE%"[..],
            b"%IMAGECOMPLETED%",
            b"FILE",
            b"IMAGE_FILE",
            b"",
            b"----",
            b"<END<",
        ] {
            assert!(!is_goodbye(other), "{other:?}");
        }
        for numbers in [&[0_u8; 4][..], &[0; 8], &[0; 16], &[0xff; 4], &[0xff; 8]] {
            assert!(
                is_goodbye(numbers)
                    && !is_goodbye(&numbers[1..])
                    && !is_goodbye(&[numbers, b"x"].concat())
            );
        }
    }
}

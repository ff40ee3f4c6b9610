//! What stands behind each picture: a checksum of it, a constant, or bytes.

use super::super::layout::check::Running;
use super::super::layout::{Check, Field, Kind, Layout};

/// The fields of what stands behind pictures, all of one length, each with its picture; and what speaks for them.
pub(super) fn fields(tails: &[(&[u8], &[u8])]) -> (Vec<Field>, Option<String>) {
    let Some((first, _)) = tails.first().filter(|(tail, _)| !tail.is_empty()) else {
        return (Vec::new(), None);
    };
    if let Some((field, name)) = checksum(tails) {
        let n = tails.len();
        let evidence = format!(
            "{} bytes behind the picture = its {name}, in {n} of {n} message{}",
            first.len(),
            if n == 1 { "" } else { "s" }
        );
        return (vec![field], Some(evidence));
    }
    if let Some(line) = line_end(tails) {
        return (vec![Field::plain(Kind::Fixed(line.into()))], None);
    }
    let same = tails.iter().all(|(tail, _)| tail == first);
    let text = first
        .iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    if same && (text || tails.len() > 1) {
        return (vec![Field::plain(Kind::Fixed((*first).into()))], None);
    }
    let count = u32::try_from(first.len()).unwrap_or(u32::MAX);
    (vec![Field::plain(Kind::Bytes(count))], None)
}

/// The line end that all of them are but one of three or more: that one is a byte too many, and no other trailer.
fn line_end<'b>(tails: &[(&'b [u8], &[u8])]) -> Option<&'b [u8]> {
    let is_line = |tail: &&[u8]| matches!(*tail, b"\n" | b"\r\n");
    let (line, _) = tails.iter().find(|(tail, _)| is_line(tail))?;
    let others = tails.iter().filter(|(tail, _)| tail != line).count();
    (tails.len() > 2 && others == 1).then_some(*line)
}

/// The checksum that all of them are.
pub(super) fn checksum(tails: &[(&[u8], &[u8])]) -> Option<(Field, &'static str)> {
    let size = tails.first()?.0.len();
    for (check, width, word, name) in [
        (Check::Sha256, 32, "sha256", "SHA-256"),
        (Check::Sha1, 20, "sha1", "SHA-1"),
        (Check::Md5, 16, "md5", "MD5"),
        (Check::Crc32, 4, "crc32", "CRC-32"),
        (Check::Adler32, 4, "adler32", "Adler-32"),
        (Check::Crc16, 2, "crc16", "CRC-16"),
        (Check::Crc16Ccitt, 2, "crc16-ccitt", "CRC-16"),
        (Check::Sum, 1, "sum", "sum"),
    ] {
        if size != width && size != 2 * width || (width == 1 && (tails.len() < 2 || size != 1)) {
            continue;
        }
        let sums: Vec<Vec<u8>> = tails
            .iter()
            .map(|(_, picture)| {
                let mut sum = Running::new(check);
                sum.update(picture);
                let mut bytes = sum.finish();
                // Of a sum the field holds the last bytes.
                bytes.drain(..bytes.len().saturating_sub(width));
                bytes
            })
            .collect();
        let all = |is: &dyn Fn(&[u8], &[u8]) -> bool| {
            tails
                .iter()
                .zip(&sums)
                .all(|((tail, _), sum)| is(tail, sum))
        };
        let kind = if size == 2 * width && width > 1 {
            let hex = |tail: &[u8], sum: &[u8]| {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let pair = |pair: &[u8]| match *pair {
                    [high, low] => digit(high)
                        .zip(digit(low))
                        .map(|(high, low)| high << 4 | low),
                    _ => None,
                };
                let values = tail.chunks(2).map(pair);
                values.eq(sum.iter().map(|byte| Some(u32::from(*byte))))
            };
            if !all(&hex) {
                continue;
            }
            format!("text({size})")
        } else if all(&|tail, sum| tail == sum) {
            match width {
                1 => "u8".to_owned(),
                2 => "u16be".to_owned(),
                4 => "u32be".to_owned(),
                _ => format!("bytes({width})"),
            }
        } else if matches!(width, 2 | 4) && all(&|tail, sum| tail.iter().rev().eq(sum.iter())) {
            format!("u{}le", 8 * width)
        } else {
            continue;
        };
        let layout: Layout = format!("layout {kind} {word}, picture").parse().ok()?;
        return layout.message.into_iter().next().map(|field| (field, name));
    }
    None
}

/// Whether a header is the head of an object of .NET, which a byte ends.
pub(super) fn is_object(header: &[u8], rest: &[u8]) -> bool {
    /// `SerializationHeaderRecord` and `MessageEnd` (MS-NRBF, 2.6.1 and 2.6.3).
    const OBJECT: &[u8] = b"\x00\x01\x00\x00\x00\xff\xff\xff\xff\x01\x00\x00\x00";
    header.starts_with(OBJECT) && rest == [11]
}

/// Whether a header of this picture's length says that `rest` bytes behind it are of the message: it begins with a number of seven
/// bits a byte that counts all that follows.
pub(super) fn is_counted(header: &[u8], length: u64, rest: usize) -> bool {
    let size = header
        .iter()
        .take(5)
        .take_while(|byte| **byte & 0x80 != 0)
        .count()
        + 1;
    let number = header
        .get(..size)
        .and_then(|bytes| Kind::Varint.read(bytes));
    let follows = (header.len().saturating_sub(size) + rest) as u64 + length;
    size > 1 && number.and_then(|number| number.count(0)) == Some(follows)
}

/// The length of blocks of which the last one of each picture is filled up with zeros: of all pictures, given their lengths and
/// what follows them.
pub(super) fn blocks(tails: &[(u64, &[u8])]) -> Option<u32> {
    let zeros = tails
        .iter()
        .all(|(_, tail)| tail.iter().all(|byte| *byte == 0));
    let filled = tails.iter().filter(|(_, tail)| !tail.is_empty()).count();
    if !zeros || filled < 2 {
        return None;
    }
    let fits = |block: &u32| {
        let block = u64::from(*block);
        tails.iter().all(|(length, tail)| {
            let tail = tail.len() as u64;
            tail < block && (length + tail).is_multiple_of(block)
        })
    };
    [
        256, 512, 1000, 1024, 1400, 1460, 2048, 4096, 8192, 16_384, 32_768, 65_536,
    ]
    .into_iter()
    .find(fits)
}

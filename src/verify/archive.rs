//! Archives that are sent as they are made: a tape archive (POSIX ustar), a ZIP whose members are stored. Their own headers say what
//! every byte is.

use crate::units::ByteRange;

type Read<'r, E> = &'r mut dyn FnMut(ByteRange) -> Result<Vec<u8>, E>;

/// A block of a tape archive.
const BLOCK: u64 = 512;
/// Most members that are followed.
const MEMBERS: usize = 4096;
/// Most bytes of zeros, or of a directory, that are read.
const MOST: u64 = 4 << 20;
/// Before an archive stands at most its length.
const LEAD: u64 = 24;

/// Whether an archive takes the stream from its beginning, or from behind its own length, up to `end`, with each of the pictures
/// inside one of its members.
pub(super) fn accounts_for<E>(
    pictures: &[ByteRange],
    end: u64,
    read: Read<'_, E>,
) -> Result<bool, E> {
    let head = read(0..end.min(LEAD + BLOCK))?;
    let found = |signature: &[u8], at: usize| {
        let found = memchr::memmem::find(&head, signature)?;
        found.checked_sub(at)
    };
    let (start, members) = if let Some(start) = found(b"ustar", 257) {
        (start, tape(start as u64, end, read)?)
    } else if let Some(start) = found(b"PK\x03\x04", 0) {
        (start, zip(start as u64, end, pictures, read)?)
    } else {
        return Ok(false);
    };
    let lead = head.get(..start).unwrap_or_default();
    if !is_length(lead, end - start as u64) {
        return Ok(false);
    }
    let inside = |picture: &ByteRange| {
        let mut members = members.iter().flatten();
        members.any(|member| member.start <= picture.start && picture.end <= member.end)
    };
    Ok(members.is_some() && pictures.iter().all(inside))
}

/// Whether what stands before says how many bytes follow; nothing needs not to.
fn is_length(lead: &[u8], length: u64) -> bool {
    let digits = std::str::from_utf8(lead)
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    let number = |bytes: &mut dyn Iterator<Item = &u8>| {
        bytes.fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
    };
    lead.is_empty()
        || digits == Some(length)
        || (matches!(lead.len(), 4 | 8)
            && (number(&mut lead.iter()) == length || number(&mut lead.iter().rev()) == length))
}

/// The members of a tape archive; absent where it is none, or does not end at `end`.
fn tape<E>(start: u64, end: u64, read: Read<'_, E>) -> Result<Option<Vec<ByteRange>>, E> {
    let mut members = Vec::new();
    let mut at = start;
    while members.len() < MEMBERS {
        let Some(next) = at.checked_add(BLOCK).filter(|next| *next <= end) else {
            return Ok(None);
        };
        let block = read(at..next)?;
        if block.iter().all(|byte| *byte == 0) {
            // Two blocks of zeros end it, and more fill it up (POSIX.1, pax, ustar interchange format).
            let rest = end - at;
            let zeros = (2 * BLOCK..=MOST).contains(&rest)
                && rest.is_multiple_of(BLOCK)
                && read(at..end)?.iter().all(|byte| *byte == 0);
            return Ok(zeros.then_some(members));
        }
        let Some(size) = tape_member(&block) else {
            return Ok(None);
        };
        members.push(next..next.saturating_add(size));
        at = next.saturating_add(size.div_ceil(BLOCK).saturating_mul(BLOCK));
    }
    Ok(None)
}

/// The size that a member's header says, where its checksum fits.
fn tape_member(block: &[u8]) -> Option<u64> {
    let octal = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
    };
    let said = octal(block.get(148..156)?)?;
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            u64::from(if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            })
        })
        .sum();
    (said == sum).then(|| octal(block.get(124..136)?)).flatten()
}

/// The members of a ZIP (APPNOTE.TXT, sections 4.3.7 to 4.3.16); absent where it is none, or does not end at `end`.
fn zip<E>(
    start: u64,
    end: u64,
    pictures: &[ByteRange],
    read: Read<'_, E>,
) -> Result<Option<Vec<ByteRange>>, E> {
    const HEADER: u64 = 30;
    let two = |bytes: &[u8], at: usize| {
        let two = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(u64::from(u16::from_le_bytes(two)))
    };
    let four = |bytes: &[u8], at: usize| {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u64::from(u32::from_le_bytes(four)))
    };
    let mut members = Vec::new();
    let mut at = start;
    while members.len() < MEMBERS {
        let header = read(at..at.saturating_add(HEADER).min(end))?;
        if !header.starts_with(b"PK\x03\x04") {
            break;
        }
        let fields = (|| {
            Some((
                two(&header, 6)?,
                four(&header, 18)?,
                two(&header, 26)? + two(&header, 28)?,
            ))
        })();
        let Some((flags, size, names)) = fields else {
            return Ok(None);
        };
        let data = at + HEADER + names;
        // Bit 3: the sizes come behind the data, which is known where it is a picture.
        let later = flags & 8 != 0;
        let stored = pictures.iter().find(|picture| picture.start == data);
        let length = match stored {
            Some(picture) if later => picture.end - picture.start,
            _ if later => return Ok(None),
            _ => size,
        };
        members.push(data..data.saturating_add(length));
        at = data.saturating_add(length);
        if later {
            let descriptor = read(at..at.saturating_add(16).min(end))?;
            at += if descriptor.starts_with(b"PK\x07\x08") {
                16
            } else {
                12
            };
        }
    }
    if at >= end || end - at > MOST {
        return Ok(None);
    }
    let directory = read(at..end)?;
    let mut rest = directory.as_slice();
    while rest.starts_with(b"PK\x01\x02") {
        let names = [28, 30, 32]
            .iter()
            .filter_map(|at| two(rest, *at))
            .sum::<u64>();
        let size = usize::try_from(46 + names).unwrap_or(usize::MAX);
        rest = rest.get(size..).unwrap_or_default();
    }
    let comment = two(rest, 20).filter(|_| rest.starts_with(b"PK\x05\x06"));
    Ok((comment.map(|comment| comment + 22) == Some(rest.len() as u64)).then_some(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(stream: &[u8], picture: ByteRange) -> bool {
        accounts_for(
            std::slice::from_ref(&picture),
            stream.len() as u64,
            &mut |range| {
                let place = |at: u64| usize::try_from(at).unwrap();
                Ok::<_, ()>(stream[place(range.start)..place(range.end)].to_vec())
            },
        )
        .unwrap()
    }

    #[test]
    fn an_archive_accounts_for_its_bytes_and_for_no_other() {
        let mut block = vec![0_u8; 512];
        block[..5].copy_from_slice(b"a.jpg");
        block[124..135].copy_from_slice(b"00000000007");
        block[257..262].copy_from_slice(b"ustar");
        block[148..156].fill(b' ');
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        block[154] = 0;
        let tape = [block, b"PICTURE".to_vec(), vec![0; 505 + 1024]].concat();
        let local =
            b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\x07\0\0\0\x05\0\0\0a.jpgPICTURE";
        let central = [&b"PK\x01\x02"[..], &[0; 24], &[5, 0], &[0; 16], b"a.jpg"].concat();
        let end = [&b"PK\x05\x06"[..], &[0; 18]].concat();
        let zip = [&local[..], &central, &end].concat();
        for (stream, at) in [(tape, 512), (zip, 35)] {
            assert!(judged(&stream, at..at + 7));
            // Not a picture that lies elsewhere, and no byte more.
            assert!(!judged(&stream, at + 1..at + 8));
            assert!(!judged(&[&stream[..], b"x"].concat(), at..at + 7));
            let announced = |length: usize| {
                let length = u32::try_from(length).unwrap().to_be_bytes();
                judged(&[&length[..], &stream].concat(), at + 4..at + 11)
            };
            assert!(announced(stream.len()));
            assert!(!announced(stream.len() + 1));
        }
    }
}

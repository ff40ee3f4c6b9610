use super::*;

fn picture() -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0";
    let rest = (0..600_usize).map(|at| u8::try_from(at * at * 7 % 256).unwrap());
    head.iter().copied().chain(rest).chain([0, 0, 0]).collect()
}

fn escapes(data: &[u8], plain: fn(u8) -> bool, escape: fn(u8) -> String) -> Vec<u8> {
    let one = |byte: &u8| {
        if plain(*byte) {
            vec![*byte]
        } else {
            escape(*byte).into_bytes()
        }
    };
    data.iter().flat_map(one).collect()
}

fn grouped(data: &[u8], alphabet: &[u8], group: usize, characters: usize) -> Vec<u8> {
    let base = u64::try_from(alphabet.len()).unwrap();
    let mut text = Vec::new();
    for part in data.chunks(group) {
        let mut value = (0..group).fold(0_u64, |value, at| {
            value << 8 | u64::from(part.get(at).copied().unwrap_or(0))
        });
        let mut letters = vec![0; characters];
        for letter in letters.iter_mut().rev() {
            *letter = alphabet[usize::try_from(value % base).unwrap()];
            value /= base;
        }
        let kept = (part.len() * characters).div_ceil(group);
        letters.truncate(if part.len() < group { kept } else { characters });
        text.extend(letters);
    }
    text
}

fn quoted(data: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut line = 0;
    for byte in data {
        let piece = match byte {
            b'!'..=b'<' | b'>'..=b'~' => vec![*byte],
            _ => format!("={byte:02X}").into_bytes(),
        };
        if line + piece.len() > 75 {
            text.extend(b"=\r\n");
            line = 0;
        }
        line += piece.len();
        text.extend(piece);
    }
    text
}

fn uuencoded_text(data: &[u8]) -> Vec<u8> {
    let alphabet: Vec<u8> = std::iter::once(b'`').chain(b'!'..=b'_').collect();
    let mut text = b"begin 644 photo.png\n".to_vec();
    for part in data.chunks(45) {
        let mut whole = part.to_vec();
        whole.resize(part.len().next_multiple_of(3), 0);
        text.push(b' ' + u8::try_from(part.len()).unwrap());
        text.extend(grouped(&whole, &alphabet, 3, 4));
        text.push(b'\n');
    }
    text.extend(b"`\nend\n");
    text
}

fn y_encoded_text(data: &[u8]) -> Vec<u8> {
    let mut text = b"=ybegin line=128 size=627 name=photo.png\r\n".to_vec();
    for (at, byte) in data.iter().enumerate() {
        match byte.wrapping_add(42) {
            special @ (0 | 10 | 13 | 61) => text.extend([b'=', special.wrapping_add(64)]),
            plain => text.push(plain),
        }
        if at % 128 == 127 {
            text.extend(b"\r\n");
        }
    }
    text.extend(b"\r\n=yend size=627\r\n");
    text
}

/// Each way of writing: what it makes of the picture, and what stands around that where a program sends it.
fn written() -> Vec<(View, Vec<u8>)> {
    let data = picture();
    let printed = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'\'');
    let around = |before: &str, text: Vec<u8>, behind: &str| {
        [before.as_bytes(), &text, behind.as_bytes()].concat()
    };
    let latin = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b'\n' => "\\n".to_owned(),
        0..0x20 => format!("\\u{byte:04x}"),
        _ => char::from(byte).to_string(),
    };
    let json = |text| around("{\"name\": \"photo.png\", \"data\": \"", text, "\"}\n");
    let ascii85: Vec<u8> = (b'!'..=b'u').collect();
    let bits = data
        .iter()
        .flat_map(|byte| format!("{byte:08b}").into_bytes());
    let spaced = data
        .iter()
        .map(|byte| format!("{byte:08b}"))
        .collect::<Vec<_>>();
    let spaced = spaced.join(" ").into_bytes();
    let base32 = grouped(&data, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5, 8);
    vec![
        (
            View::Literal,
            json(escapes(&data, printed, |byte| format!("\\u{byte:04x}"))),
        ),
        (View::Literal, json(escapes(&data, |_| false, latin))),
        (
            View::Literal,
            around(
                "data = '",
                escapes(&data, printed, |byte| format!("\\x{byte:02x}")),
                "';",
            ),
        ),
        (
            View::Literal,
            around(
                "\"",
                escapes(&data, printed, |byte| format!("\\{byte:03o}")),
                "\"",
            ),
        ),
        (
            View::Percent,
            around(
                "img=",
                escapes(
                    &data,
                    |byte| byte.is_ascii_alphanumeric(),
                    |byte| format!("%{byte:02X}"),
                ),
                "&x=1",
            ),
        ),
        (
            View::QuotedPrintable,
            around("Subject: x\r\n\r\n", quoted(&data), "\r\n.\r\n"),
        ),
        (View::UuEncoded, uuencoded_text(&data)),
        (View::YEnc, y_encoded_text(&data)),
        (View::Base32, around("img ", base32, "\n")),
        (View::Base85, grouped(&data, &ascii85, 4, 5)),
        (View::BinaryDigits, bits.clone().collect()),
        (View::BinaryDigits, spaced),
    ]
}

#[test]
fn each_way_of_writing_is_read_and_one_byte_changed_is_seen() {
    let data = picture();
    for (view, stream) in written() {
        let found = recovered(&stream, 5);
        let own: Vec<_> = found.iter().filter(|one| one.view == view).collect();
        assert_eq!(own.len(), 1, "{view:?} {found:?}");
        assert_eq!(own[0].bytes, data, "{view:?}");
        assert!(own[0].origin.end() <= 5 + stream.len() as u64);
        for at in (0..stream.len()).step_by(7) {
            let mut other = stream.clone();
            other[at] ^= 1;
            // Nothing panics, and what is read of other letters is another picture, or none.
            let same = recovered(&other, 5).iter().any(|one| one.bytes == data);
            let inside = own[0].origin.of(&(0..data.len() as u64));
            let place = 5 + at as u64;
            assert!(
                !same || !inside.contains(&place) || is_same(view, stream[at]),
                "{view:?} {at}"
            );
        }
    }
}

/// Letters of which both forms are read: hexadecimal digits, padding, line ends, the number of a line that is not full.
fn is_same(view: View, byte: u8) -> bool {
    match view {
        View::UuEncoded | View::YEnc => true,
        View::QuotedPrintable => matches!(byte, b'\r' | b'\n'),
        _ => false,
    }
}

#[test]
fn plain_texts_are_none() {
    let text = b"{\"name\": \"photo.png\", \"size\": 12104}\n".repeat(40);
    let words =
        b"begin with a line that is no uuencode\n=ybegin neither\n%20%20 \"\\n\\n\" ".repeat(9);
    for stream in [text, words, vec![b'0'; 500], vec![b'!'; 500], picture()] {
        assert_eq!(recovered(&stream, 0), vec![]);
    }
    for (_, stream) in written() {
        for end in (0..stream.len()).step_by(11) {
            let _ = recovered(&stream[..end], 0);
        }
    }
}

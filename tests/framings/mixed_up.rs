//! More of what programs do with pictures, beside `habits`: messages whose own lengths are not those of what is in them, texts that no
//! decoder takes, buffers that are filled from their beginning each time; each with what is right beside it.

#![expect(clippy::unwrap_used, reason = "a test makes files up, and may fail")]

use crate::scenario::{Client, Scenario, Server};
use crate::support::{list, text as field};
use crate::verified::{self, Verified, base64, verify};

fn jpeg(seed: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(160, 120, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        image::Rgb([
            byte(x * 3 + seed),
            byte(y * 5 + (x * y * seed) % 41),
            byte(x + y + (x * x * seed) % 29),
        ])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner()
}

/// A connection whose client says the first and whose server the second, each closing.
fn talk(request: &[u8], response: &[u8]) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(50_000, 8000);
    scenario.transfer(&mut tcp, Client, request, 1400);
    if !response.is_empty() {
        scenario.transfer(&mut tcp, Server, response, 1400);
    }
    scenario.close(&mut tcp, Client);
    scenario
}

/// What is wrong with what was said; nothing where it is right. `finding` empty: no alarm at all.
fn wrong(name: &str, said: &Verified, side: Option<&str>, finding: &str) -> Option<String> {
    let accused = said.accusations();
    let right = match side {
        None => said.exit == 0 && accused.is_empty(),
        Some(side) => {
            let named = finding.is_empty() || accused.iter().any(|one| one == finding);
            // Nobody says of the receiver of a lying sender that it did something wrong.
            let other = ["receiver-stopped", "read-past-end", "header-in-file"];
            let of_receiver = accused.iter().any(|one| other.contains(&one.as_str()));
            said.exit == 1
                && said.blamed() == Some(side)
                && named
                && (side == "receiver" || !of_receiver)
        }
    };
    (!right).then(|| format!("{name}: {} {:?} {accused:?}", said.exit, said.blamed()))
}

fn all_right(wrong: impl IntoIterator<Item = Option<String>>) {
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const GET: &[u8] = b"GET /a.jpg HTTP/1.1\r\nHost: h\r\n\r\n";

fn chunked(photo: &[u8], size: impl Fn(usize) -> String) -> Vec<u8> {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = photo
        .chunks(1000)
        .map(|chunk| [size(chunk.len()).as_bytes(), b"\r\n", chunk, b"\r\n"].concat());
    [
        head.to_vec(),
        chunks.collect::<Vec<_>>().concat(),
        b"0\r\n\r\n".to_vec(),
    ]
    .concat()
}

#[test]
fn sizes_of_chunks_in_decimal_are_the_senders() {
    let photo = jpeg(3);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    // Who reads a thousand as hexadecimal takes 4,096 bytes, and fails there.
    let stream = chunked(&photo, |size| size.to_string());
    let at = stream
        .windows(2)
        .position(|two| two == b"\xff\xd8")
        .unwrap();
    let astray = &stream[at..at + 4096];
    let damaged: verified::Files<'_> = &[("a.jpg", astray)];
    let decimal = talk(GET, &stream);
    let healthy = talk(GET, &chunked(&photo, |size| format!("{size:x}")));
    all_right([
        wrong("healthy", &verify(&healthy, files, files), None, ""),
        wrong("healthy, alone", &verify(&healthy, files, &[]), None, ""),
        wrong(
            "both",
            &verify(&decimal, files, damaged),
            Some("sender"),
            "length-mismatch",
        ),
        wrong(
            "sent",
            &verify(&decimal, files, &[]),
            Some("sender"),
            "length-mismatch",
        ),
        wrong(
            "received",
            &verify(&decimal, &[], damaged),
            Some("sender"),
            "length-mismatch",
        ),
    ]);
}

#[test]
fn a_form_that_its_content_length_ends_too_early() {
    let photo = jpeg(3);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let form = |counted: &dyn Fn(usize) -> usize| {
        let head = b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n";
        let body = [&head[..], &photo, b"\r\n--b--\r\n"].concat();
        let request = format!(
            "POST /up HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n",
            counted(body.len())
        );
        [request.into_bytes(), body].concat()
    };
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let healthy = talk(&form(&|all| all), ok);
    // Only the file is counted.
    let short = talk(&form(&|_| photo.len()), ok);
    all_right([
        wrong("healthy", &verify(&healthy, files, files), None, ""),
        wrong(
            "both",
            &verify(&short, files, files),
            Some("sender"),
            "length-mismatch",
        ),
        wrong(
            "sent",
            &verify(&short, files, &[]),
            Some("sender"),
            "length-mismatch",
        ),
        wrong(
            "received",
            &verify(&short, &[], files),
            Some("sender"),
            "length-mismatch",
        ),
    ]);
}

/// HTTP/2 in clear text: a request with a picture as its content, and the content-length that it says.
fn posted(photo: &[u8], declared: Option<usize>) -> Vec<u8> {
    let head = |length: usize, kind: u8, flags: u8, stream: u8| {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, stream]].concat()
    };
    // :method POST by its number in the static table, content-length (28) as a literal that enters the table.
    let mut fields = vec![0x83];
    if let Some(declared) = declared {
        let digits = declared.to_string();
        fields.extend([0x5c, u8::try_from(digits.len()).unwrap()]);
        fields.extend(digits.into_bytes());
    }
    let mut bytes = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &head(0, 4, 0, 0)].concat();
    bytes.extend(head(fields.len(), 1, 4, 1));
    bytes.extend(&fields);
    let last = photo.chunks(4000).count() - 1;
    for (number, chunk) in photo.chunks(4000).enumerate() {
        bytes.extend(head(chunk.len(), 0, u8::from(number == last), 1));
        bytes.extend(chunk);
    }
    bytes
}

#[test]
fn a_content_length_of_http_2_is_held_against_its_data() {
    let photo = jpeg(3);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    let said = |declared| verify(&talk(&posted(&photo, declared), settings), files, &[]);
    let length = photo.len();
    let all = [None, Some(length)].map(|declared| wrong("healthy", &said(declared), None, ""));
    all_right(all);
    for declared in [length + 1, length - 1, length + 9, length * 4 / 3, 0] {
        let said = said(Some(declared));
        let accused = said.accusations();
        assert!(said.exit == 1, "{declared}: {accused:?}");
        assert!(
            accused.iter().any(|one| one == "length-mismatch"),
            "{declared}: {accused:?}"
        );
    }
}

fn letters_of(bytes: &[u8]) -> String {
    String::from_utf8(base64(bytes)).unwrap()
}

/// What a decoder makes of letters of Base64, four at a time.
fn decoded(letters: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let values: Vec<u32> = letters
        .bytes()
        .map(|letter| u32::from(value(letter)))
        .collect();
    let threes = values.chunks_exact(4).flat_map(|four| {
        let bits = four.iter().fold(0, |bits, value| bits << 6 | value);
        let [_, three @ ..] = bits.to_be_bytes();
        three
    });
    threes.collect()
}

#[test]
fn base64_as_str_prints_it_and_in_blocks_of_their_own() {
    let photo = jpeg(3);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let text = letters_of(&photo);
    let json =
        |image: &str| format!("{{\"name\": \"a.jpg\", \"image\": \"{image}\"}}").into_bytes();
    let plain = talk(&json(&text), b"");
    let printed = talk(&json(&format!("b'{text}'")), b"");
    // What a lenient decoder makes of it: the b is its first letter.
    let letters: String = format!("b{text}").trim_end_matches('=').to_owned();
    let whole = letters.len() / 4 * 4;
    let shifted = decoded(&letters[..whole]);
    let damaged: verified::Files<'_> = &[("a.jpg", &shifted)];
    // Blocks of a thousand bytes, nothing between them: the padding of the first is the end.
    let blocks: Vec<String> = photo.chunks(1000).map(letters_of).collect();
    let glued = talk(blocks.concat().as_bytes(), b"");
    let lines = talk(blocks.join("\n").as_bytes(), b"");
    let first: verified::Files<'_> = &[("a.jpg", &photo[..1000])];
    let threes: Vec<String> = photo.chunks(999).map(letters_of).collect();
    let threes = talk(threes.concat().as_bytes(), b"");
    let other: verified::Files<'_> = &[("a.jpg", &photo[..999])];
    all_right([
        wrong("plain", &verify(&plain, files, files), None, ""),
        wrong("printed, undone", &verify(&printed, files, files), None, ""),
        wrong(
            "printed",
            &verify(&printed, files, damaged),
            Some("sender"),
            "bad-encoding",
        ),
        wrong("lines", &verify(&lines, files, files), None, ""),
        wrong(
            "glued",
            &verify(&glued, files, first),
            Some("sender"),
            "bad-encoding",
        ),
        wrong("glued, undone", &verify(&glued, files, files), None, ""),
        // Of these every decoder takes all.
        wrong(
            "threes",
            &verify(&threes, files, other),
            Some("receiver"),
            "",
        ),
    ]);
}

#[test]
fn the_cause_is_named_where_a_receiver_stops_or_fills_its_buffer_anew() {
    let photo = jpeg(3);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let length = u32::try_from(photo.len()).unwrap().to_be_bytes();
    let counted = talk(&[&length[..], &photo].concat(), b"");
    let saved = |bytes: &[u8]| verify(&counted, files, &[("a.jpg", bytes)]);
    let mut over = vec![0; photo.len()];
    for piece in photo.chunks(1400) {
        over[..piece.len()].copy_from_slice(piece);
    }
    // The marker's bytes in the picture itself.
    let mut marked = photo.clone();
    let at = marked.len() - 700;
    marked[at..at + 3].copy_from_slice(b"END");
    let ended = talk(&[&marked[..], b"END"].concat(), b"");
    let both: verified::Files<'_> = &[("a.jpg", &marked)];
    let inside = verify(&ended, both, &[("a.jpg", &marked[..at])]);
    let before = verify(&ended, both, &[("a.jpg", &marked[..at - 1])]);
    all_right([
        wrong("whole", &saved(&photo), None, ""),
        wrong("over", &saved(&over), Some("receiver"), "pieces-misplaced"),
        wrong(
            "two bytes",
            &saved(&photo[..photo.len() - 2]),
            Some("receiver"),
            "receiver-stopped",
        ),
        wrong("nothing", &saved(b""), Some("receiver"), "receiver-stopped"),
        wrong("inside", &inside, Some("receiver"), "marker-inside-image"),
        wrong("before", &before, Some("receiver"), "receiver-stopped"),
        wrong("whole, marked", &verify(&ended, both, both), None, ""),
    ]);
}

#[test]
fn pieces_are_found_by_the_received_file_alone() {
    let photo = jpeg(3);
    let in_pieces = |photo: &[u8]| -> Vec<u8> {
        let pieces = photo.chunks(1000);
        let pieces = pieces.flat_map(|piece| {
            let length = u16::try_from(piece.len()).unwrap().to_be_bytes();
            let sum: u32 = piece.iter().map(|byte| u32::from(*byte)).sum();
            [&length[..], piece, &sum.to_be_bytes()].concat()
        });
        pieces.chain([0, 0]).collect()
    };
    let capture = talk(&in_pieces(&photo), b"");
    let whole = verify(&capture, &[], &[("a.jpg", &photo)]);
    all_right([wrong("in pieces", &whole, None, "")]);
    // What is not a whole picture may have been cut by its receiver.
    let cut = verify(&capture, &[], &[("a.jpg", &photo[..photo.len() - 100])]);
    assert_ne!(cut.exit, 0);
}

#[test]
fn what_the_sender_left_out_or_mixed_is_not_the_receivers() {
    let (one, two) = (jpeg(3), jpeg(7));
    let files: verified::Files<'_> = &[("a.jpg", &one)];
    // The first block was read and thrown away.
    let headless = talk(&one[1024..], b"");
    let rest: verified::Files<'_> = &[("a.jpg", &one[1024..])];
    // A text length of each block, of any size.
    let strlen = |size: usize| -> Vec<u8> {
        let blocks = one.chunks(size);
        blocks
            .flat_map(|block| block.iter().copied().take_while(|byte| *byte != 0))
            .collect()
    };
    let cut = [100, 500, 512].map(|size| {
        let wire = strlen(size);
        let said = verify(&talk(&wire, b""), files, &[("a.jpg", &wire)]);
        wrong(
            &format!("strlen of {size}"),
            &said,
            Some("sender"),
            "cut-at-nul",
        )
    });
    // Two threads write to one socket.
    let mut mixed = Vec::new();
    let (mut left, mut right) = (one.chunks(900), two.chunks(900));
    loop {
        let (a, b) = (left.next(), right.next());
        if a.is_none() && b.is_none() {
            break;
        }
        mixed.extend(a.into_iter().chain(b).flatten().copied());
    }
    let all: verified::Files<'_> = &[("a.jpg", &one), ("b.jpg", &two)];
    let (head, tail) = mixed.split_at(one.len());
    let said = verify(&talk(&mixed, b""), all, &[("a.jpg", head), ("b.jpg", tail)]);
    all_right(cut.into_iter().chain([
        wrong(
            "headless",
            &verify(&headless, files, rest),
            Some("sender"),
            "missing-inside",
        ),
        wrong("mixed", &said, Some("sender"), "pieces-misplaced"),
    ]));
}

/// A Python pickle (protocol 4) of a bytes object.
fn pickled(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let frame = u64::from(length) + 8;
    [
        &b"\x80\x04\x95"[..],
        &frame.to_le_bytes(),
        b"B",
        &length.to_le_bytes(),
        content,
        b"\x94.",
    ]
    .concat()
}

#[test]
fn a_length_that_does_not_count_what_stands_before_the_picture_is_the_senders() {
    let pictures = [jpeg(3), jpeg(7), jpeg(11)];
    let message = |picture: &[u8], length: usize| -> Vec<u8> {
        let length = u64::try_from(length).unwrap().to_le_bytes();
        [&length[..], &pickled(picture)].concat()
    };
    let stream = |length: fn(&[u8]) -> usize, count: usize| -> Vec<u8> {
        let sent = pictures.iter().take(count);
        sent.flat_map(|picture| message(picture, length(picture)))
            .collect()
    };
    let mut failed = Vec::new();
    for count in 1..=pictures.len() {
        let names = ["a.jpg", "b.jpg", "c.jpg"];
        let files: Vec<(&str, &[u8])> = names
            .into_iter()
            .zip(pictures.iter().map(Vec::as_slice))
            .take(count)
            .collect();
        let right = talk(&stream(|picture| pickled(picture).len(), count), b"");
        failed.push(wrong("right", &verify(&right, &files, &files), None, ""));
        // It is the picture's own: the receiver has the pickle's header, and not the picture's end.
        let lying = talk(&stream(<[u8]>::len, count), b"");
        let saved = pickled(&pictures[0])[..pictures[0].len()].to_vec();
        let said = verify(&lying, &files, &[("a.jpg", &saved)]);
        failed.push(wrong(
            &format!("{count} pictures"),
            &said,
            Some("sender"),
            "wrong-size-given",
        ));
        // A receiver that saves the whole message of a right one leaves the header in the file.
        let kept = pickled(&pictures[0]);
        let said = verify(&right, &files, &[("a.jpg", &kept)]);
        failed.push(wrong(
            &format!("header kept, {count}"),
            &said,
            Some("receiver"),
            "header-in-file",
        ));
    }
    all_right(failed);
}

#[test]
fn a_body_in_chunks_that_nothing_ends_is_said_and_the_picture_is_a_match() {
    let photo = jpeg(3);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let whole = chunked(&photo, |length| format!("{length:x}"));
    let unended = &whole[..whole.len() - b"0\r\n\r\n".len()];
    let warned = |response: &[u8], closes| {
        let mut scenario = Scenario::new();
        let mut tcp = scenario.connect(50_000, 8000);
        scenario.send(&mut tcp, Client, GET);
        scenario.transfer(&mut tcp, Server, response, 1400);
        scenario.close(&mut tcp, closes);
        let said = verify(&scenario, files, &[]);
        let named = said.accusations().iter().any(|one| one == "early-close");
        (said.exit, named)
    };
    assert_eq!(warned(&whole, Server), (0, false));
    assert_eq!(warned(unended, Server), (0, true));
    // The receiver had enough, and closed first.
    assert_eq!(warned(unended, Client), (0, false));
    // What is cut is told as that.
    let cut = &unended[..unended.len() - 1_500];
    assert_eq!(warned(cut, Server), (1, true));
}

#[test]
fn of_a_last_datagram_that_never_went_out_nobody_says_that_the_capture_lacks_it() {
    let photo = jpeg(3);
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let pieces: Vec<&[u8]> = photo.chunks(500).collect();
    let (_, all_but_one) = pieces.split_last().unwrap();
    let saved = all_but_one.concat();
    let told = |count: usize, received: verified::Files<'_>| {
        let mut scenario = Scenario::new();
        let announced = u32::try_from(count).unwrap().to_be_bytes();
        scenario.datagram([41_000, 6_001], &announced);
        for piece in pieces.iter().take(count) {
            scenario.wait(1).datagram([41_000, 6_001], piece);
        }
        let said = verify(&scenario, files, received);
        let why = said.compared("blame").and_then(|blame| {
            let why = blame.get("why")?.as_str()?;
            Some(why.to_owned())
        });
        (said.exit, why.unwrap_or_default())
    };
    assert_eq!(told(pieces.len(), files).0, 0);
    let (exit, why) = told(all_but_one.len(), &[("a.jpg", &saved)]);
    assert_eq!(exit, 1);
    assert!(why.contains("they were never sent, or lost"), "{why}");
    let (exit, why) = told(all_but_one.len(), &[]);
    assert_eq!(exit, 3);
    assert!(why.contains("lost, or never sent"), "{why}");
}

/// A header that says so many bytes.
type Header = fn(usize) -> Vec<u8>;

#[test]
fn a_length_in_a_header_of_text_that_is_not_the_pictures_is_the_senders() {
    // Long enough for records of few bytes to end by chance where it does.
    let photo = verified::picture(image::ImageFormat::Jpeg, 800, 600);
    let length = photo.len();
    let files: verified::Files<'_> = &[("a.jpg", &photo)];
    let headers: [(&str, Header); 6] = [
        ("json, last", |size| {
            format!("{{\"name\": \"photo.jpg\", \"size\": {size}}}\n").into_bytes()
        }),
        ("json", |size| {
            format!("{{\"name\": \"a.jpg\", \"size\": {size}, \"type\": \"image/jpeg\"}}\n")
                .into_bytes()
        }),
        ("json behind its length", |size| {
            let json = format!("{{\"filename\": \"a.jpg\", \"filesize\": {size}}}").into_bytes();
            let length = u32::try_from(json.len()).unwrap().to_be_bytes();
            [&length[..], &json].concat()
        }),
        ("lines", |size| {
            format!("name: a.jpg\nlength: {size}\n\n").into_bytes()
        }),
        ("dict", |size| {
            format!("{{'name': 'a.jpg', 'image_size': {size}}}\n").into_bytes()
        }),
        ("fields", |size| {
            format!("PUT a.jpg len={size}\n").into_bytes()
        }),
    ];
    let mut failed = Vec::new();
    for (name, header) in headers {
        let stream = |size: usize| [header(size), photo.clone()].concat();
        let right = talk(&stream(length), b"");
        failed.push(wrong(name, &verify(&right, files, &[]), None, ""));
        failed.push(wrong(name, &verify(&right, files, files), None, ""));
        for off in [-1501_isize, -101, 101, 5001] {
            let size = length.checked_add_signed(off).unwrap();
            let name = format!("{name}, {off} too many");
            let lying = talk(&stream(size), b"");
            let said = verify(&lying, files, &[]);
            let accused = said.accusations();
            if said.exit != 1 || !accused.iter().any(|one| one == "wrong-size-given") {
                failed.push(Some(format!("{name}: {} {accused:?}", said.exit)));
            }
            // A receiver that waits for the rest, and has saved nothing.
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(50_000, 8000);
            scenario.transfer(&mut tcp, Client, &stream(size), 1400);
            let said = verify(&scenario, files, &[]);
            let named = said
                .accusations()
                .iter()
                .any(|one| one == "wrong-size-given");
            if !named && off > 0 {
                failed.push(Some(format!("{name}, waiting: {:?}", said.accusations())));
            }
        }
    }
    // One header for several, which says what they are together.
    let others = [jpeg(3), jpeg(7)].concat();
    let total = format!("{{\"count\": 3, \"size\": {}}}\n", length + others.len());
    let (one, two) = (jpeg(3), jpeg(7));
    let all: verified::Files<'_> = &[("a.jpg", &photo), ("b.jpg", &one), ("c.jpg", &two)];
    let batch = talk(&[total.as_bytes(), &photo, &others].concat(), b"");
    failed.push(wrong("batch", &verify(&batch, all, all), None, ""));
    let accused = verify(&batch, all, &[]).accusations();
    if accused.iter().any(|one| one == "wrong-size-given") {
        failed.push(Some(format!("batch, alone: {accused:?}")));
    }
    all_right(failed);
}

#[test]
fn a_length_that_is_that_of_a_text_of_the_picture_has_a_name() {
    let photo = jpeg(5);
    let files: verified::Files<'_> = &[("photo.jpg", &photo)];
    let text: String = photo.iter().copied().map(char::from).collect();
    let base64 = photo.len().div_ceil(3) * 4;
    let lengths = [
        (base64, "Base64 text"),
        (base64 + base64.div_ceil(76), "Base64 text"),
        (photo.len() * 2, "hexadecimal digits"),
        (text.len(), "letters in UTF-8"),
    ];
    let mut failed = Vec::new();
    for (length, words) in lengths {
        let headers = [
            u32::try_from(length).unwrap().to_be_bytes().to_vec(),
            u64::try_from(length).unwrap().to_le_bytes().to_vec(),
            format!("{length}\n").into_bytes(),
            format!("{length:<16}").into_bytes(),
        ];
        for header in headers {
            let lying = talk(&[&header[..], &photo].concat(), b"");
            for received in [files, &[]] {
                let said = verify(&lying, files, received);
                let findings = list(&said.report, "findings").iter();
                let told = findings
                    .filter(|one| field(one, "name") == "wrong-size-given")
                    .any(|one| field(one, "message").contains(words));
                let accused = said.accusations();
                if !told || said.exit == 0 {
                    failed.push(Some(format!("{header:?}: {} {accused:?}", said.exit)));
                }
            }
        }
    }
    all_right(failed);
}

/// What stands behind a file.
type Check<'c> = &'c dyn Fn(&[u8]) -> Vec<u8>;

#[test]
fn a_checksum_behind_the_picture_is_framing_and_a_wrong_one_is_not() {
    use sha2::Digest as _;
    let pictures = [jpeg(3), jpeg(7)];
    let names = ["a.jpg", "b.jpg"];
    let hex = |bytes: &[u8]| -> Vec<u8> {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.concat().into_bytes()
    };
    let crc = |bytes: &[u8]| crc32fast::hash(bytes);
    let checks: [(&str, Check<'_>); 5] = [
        ("big-endian", &|file| crc(file).to_be_bytes().to_vec()),
        ("little-endian", &|file| crc(file).to_le_bytes().to_vec()),
        ("digits", &|file| hex(&crc(file).to_be_bytes())),
        ("SHA-256", &|file| sha2::Sha256::digest(file).to_vec()),
        ("a line", &|file| {
            [hex(&sha2::Sha256::digest(file)), b"\n".to_vec()].concat()
        }),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        for count in 1..=pictures.len() {
            let files: Vec<(&str, &[u8])> = names
                .into_iter()
                .zip(pictures.iter().map(Vec::as_slice))
                .take(count)
                .collect();
            let stream = |wrong: Option<usize>| -> Vec<u8> {
                let sent = pictures.iter().take(count).enumerate();
                sent.flat_map(|(number, picture)| {
                    let mut sum = check(picture);
                    if wrong == Some(number) {
                        sum[0] ^= 1;
                    }
                    [picture.clone(), sum].concat()
                })
                .collect()
            };
            let right = talk(&stream(None), b"");
            failed.push(wrong(name, &verify(&right, &files, &files), None, ""));
            failed.push(wrong(name, &verify(&right, &files, &[]), None, ""));
            for number in 0..count {
                let said = verify(&talk(&stream(Some(number)), b""), &files, &[]);
                if said.exit == 0 {
                    failed.push(Some(format!("{name}, wrong {number} of {count}: match")));
                }
            }
        }
    }
    all_right(failed);
}

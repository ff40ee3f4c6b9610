use std::io::Write as _;

use super::super::length::{BOMB, is_bomb};
use super::super::testing::{Seen, picture, pictures, run};
use super::*;

fn decode(stream: &[u8], end: StreamEnd) -> Vec<Seen> {
    let whole = pieces(stream, stream.len().max(1), end);
    for size in [1, 3, 17] {
        assert_eq!(pieces(stream, size, end), whole, "pieces of {size}");
    }
    let covered: u64 = whole
        .iter()
        .map(|event| match event {
            Seen::Data(bytes) | Seen::Stray(bytes) => bytes.len() as u64,
            Seen::Encoded(bytes, _) | Seen::Framing(_, bytes) => *bytes,
            _ => 0,
        })
        .sum();
    assert_eq!(covered, stream.len() as u64, "{whole:?}");
    whole
}

fn pieces(stream: &[u8], size: usize, end: StreamEnd) -> Vec<Seen> {
    let mut decoder = HttpDecoder::default();
    run(|sink| {
        stream
            .chunks(size)
            .for_each(|part| decoder.update(part, sink));
        decoder.finish(end, sink);
    })
}

fn jpeg() -> Vec<u8> {
    picture(image::ImageFormat::Jpeg, 60, 40)
}

fn response(fields: &str, body: &[u8]) -> Vec<u8> {
    [
        format!("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n{fields}\r\n").as_bytes(),
        body,
    ]
    .concat()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(size) {
        out.extend(format!("{:x};note=1\r\n", chunk.len()).into_bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\nX-Trailer: 1\r\n\r\n");
    out
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn lengths_chunks_and_close_pipelined() {
    let jpeg = jpeg();
    let length = format!("Content-Length: {}\r\n", jpeg.len());
    let stream = [
        b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        response(&length, &jpeg),
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n".to_vec(),
        response("Transfer-Encoding: chunked\r\n", &chunked(&jpeg, 100)),
        b"HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\noops".to_vec(),
        // A HEAD was answered.
        response(&length, b""),
        response("", &jpeg),
    ]
    .concat();
    let seen = decode(&stream, StreamEnd::Fin);
    assert_eq!(
        pictures(&seen),
        [
            (jpeg.clone(), Ending::Length),
            (jpeg.clone(), Ending::Length),
            (jpeg, Ending::EndOfStream(StreamEnd::Fin)),
        ]
    );
    assert!(
        !seen
            .iter()
            .any(|event| matches!(event, Seen::Stray(_) | Seen::Fault(_)))
    );
}

#[test]
fn a_body_that_grows_without_measure_is_given_up() {
    // 80 MB of zeros in 80 KB: no picture grows as much.
    let best = flate2::Compression::best();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), best);
    encoder.write_all(&vec![0; 80 << 20]).unwrap();
    let body = encoder.finish().unwrap();
    let fields = format!(
        "Content-Type: image/bmp\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n",
        body.len()
    );
    let stream = response(&fields, &body);
    // A small ratio is none of it, and neither is a small body.
    for (read, written, bomb) in [
        (1 << 20, 200 << 20, false),
        (100, 64 << 20, false),
        (100, (64 << 20) + 1, true),
        (1 << 30, (1 << 30) + 1, true),
    ] {
        assert_eq!(is_bomb(read, written), bomb, "{read} {written}");
    }
    let faults: Vec<Fault> = pieces(&stream, 1400, StreamEnd::Fin)
        .into_iter()
        .filter_map(|event| match event {
            Seen::Fault(fault) => Some(fault),
            _ => None,
        })
        .collect();
    assert!(
        matches!(&*faults, [Fault::BadEncoding { encoding: "gzip", reason }] if reason == BOMB),
        "{faults:?}"
    );
}

#[test]
fn compressed_bodies() {
    let jpeg = jpeg();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&jpeg).unwrap();
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    raw.write_all(&jpeg).unwrap();
    for (coding, body) in [
        ("gzip", gzip(&jpeg)),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", raw.finish().unwrap()),
    ] {
        let plain = format!(
            "Content-Encoding: {coding}\r\nContent-Length: {}\r\n",
            body.len()
        );
        let pieces = format!("Content-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n");
        for stream in [
            response(&plain, &body),
            response(&pieces, &chunked(&body, 50)),
        ] {
            let seen = decode(&stream, StreamEnd::Fin);
            assert_eq!(
                pictures(&seen),
                [(jpeg.clone(), Ending::Length)],
                "{coding}"
            );
        }
    }
    let broken = response(
        "Content-Encoding: gzip\r\nContent-Length: 9\r\n",
        b"not gzip!",
    );
    let seen = decode(&broken, StreamEnd::Fin);
    assert!(
        seen.iter()
            .any(|event| matches!(event, Seen::Fault(Fault::BadEncoding { .. })))
    );
}

#[test]
fn motion_jpeg_with_and_without_lengths() {
    let jpeg = jpeg();
    for (boundary, line) in [
        ("frame", "--frame"),
        ("--frame", "--frame"),
        ("--frame", "----frame"),
        ("\"a b\"", "--a b"),
    ] {
        for with_length in [true, false] {
            let mut stream = format!(
                "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary={boundary}\r\n\r\n"
            )
            .into_bytes();
            for _ in 0..3 {
                let length = if with_length {
                    format!("Content-Length: {}\r\n", jpeg.len())
                } else {
                    String::new()
                };
                stream.extend(
                    format!("{line}\r\nContent-Type: image/jpeg\r\n{length}\r\n").into_bytes(),
                );
                stream.extend(&jpeg);
                stream.extend(b"\r\n");
            }
            stream.extend(line.as_bytes());
            let seen = decode(&stream, StreamEnd::Fin);
            let ending = if with_length {
                Ending::Length
            } else {
                Ending::Marker
            };
            assert_eq!(
                pictures(&seen),
                vec![(jpeg.clone(), ending); 3],
                "{boundary}, {line}"
            );
        }
    }
}

#[test]
fn what_stands_behind_a_part_of_known_length_is_stray() {
    let jpeg = jpeg();
    let part = [
        format!(
            "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            jpeg.len()
        )
        .as_bytes(),
        &jpeg,
    ]
    .concat();
    let head =
        b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
    let strays = |between: &[u8], behind: &[u8]| -> Vec<u8> {
        let stream = [head, &part[..], between, &part, b"\r\n", behind].concat();
        let seen = decode(&stream, StreamEnd::Fin);
        assert_eq!(pictures(&seen), vec![(jpeg.clone(), Ending::Length); 2]);
        let strays = seen.iter().filter_map(|event| match event {
            Seen::Stray(bytes) => Some(bytes.clone()),
            _ => None,
        });
        strays.flatten().collect()
    };
    for (between, behind, expected) in [
        (&b"\r\n"[..], &b""[..], &b""[..]),
        (b"", b"--frame--", b""),
        (b"\r\n\r\n", b"--fra", b""),
        (b"X\r\n", b"", b"X"),
        (b"\r\nX", b"", b"X"),
        (b"\r\n", b"X", b"X"),
        (b"\r\n--fr", b"--fXame", b"--fr--fXame"),
        (b"-", b"--frame--\r\nan epilogue", b"-"),
    ] {
        assert_eq!(strays(between, behind), expected, "{:?}", (between, behind));
    }
}

#[test]
fn uploads() {
    let jpeg = jpeg();
    let form = [
        b"--XX\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"\r\n\r\n",
        &jpeg[..],
        b"\r\n--XX--\r\n",
    ]
    .concat();
    let stream = [
        format!(
            "POST /up HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=XX\r\nContent-Length: {}\r\n\r\n",
            form.len()
        )
        .as_bytes(),
        &form,
        format!("PUT /a.jpg HTTP/1.1\r\nContent-Length: {}\r\n\r\n", jpeg.len()).as_bytes(),
        &jpeg,
        b"GET / HTTP/1.1\r\n\r\n",
    ]
    .concat();
    let seen = decode(&stream, StreamEnd::Fin);
    assert_eq!(
        pictures(&seen),
        [(jpeg.clone(), Ending::Marker), (jpeg, Ending::Length)]
    );
}

#[test]
fn a_form_is_as_long_as_it_says() {
    let jpeg = jpeg();
    let form = [&b"--XX\r\n\r\n"[..], &jpeg, b"\r\n--XX--\r\n"].concat();
    let faults = |kind: &str, declared: usize, sent: usize, end: StreamEnd| {
        let head = format!(
            "POST /up HTTP/1.1\r\nContent-Type: multipart/{kind}; boundary=XX\r\nContent-Length: {declared}\r\n\r\n"
        );
        let seen = decode(&[head.as_bytes(), form.get(..sent).unwrap()].concat(), end);
        let of_fault = |seen: &Seen| match seen {
            Seen::Fault(Fault::ShortBody { left, .. }) => Some(*left),
            _ => None,
        };
        seen.iter().find_map(of_fault)
    };
    let all = form.len();
    assert_eq!(faults("form-data", all, all, StreamEnd::Fin), None);
    assert_eq!(faults("form-data", all + 1, all, StreamEnd::Fin), Some(1));
    assert_eq!(
        faults("form-data", all + 500, all, StreamEnd::Reset),
        Some(500)
    );
    // More may come.
    assert_eq!(
        faults("form-data", all + 1, all, StreamEnd::Unfinished),
        None
    );
    // A byte of the last line is missing.
    assert_eq!(faults("form-data", all, all - 1, StreamEnd::Fin), Some(1));
    // Pictures without end say any length.
    assert_eq!(
        faults("x-mixed-replace", 1 << 30, all - 6, StreamEnd::Fin),
        None
    );
}

#[test]
fn early_close_and_gaps() {
    let jpeg = jpeg();
    let stream = response("Content-Length: 100000\r\n", &jpeg);
    let seen = decode(&stream, StreamEnd::Fin);
    assert_eq!(
        pictures(&seen),
        [(jpeg.clone(), Ending::Cut(StreamEnd::Fin))]
    );

    let length = format!("Content-Length: {}\r\n", jpeg.len());
    let stream = response(&length, &jpeg);
    let cut = stream.len() - 300;
    let mut decoder = HttpDecoder::default();
    let seen = run(|sink| {
        decoder.update(&stream[..cut], sink);
        decoder.gap(100, sink);
        decoder.update(&stream[cut + 100..], sink);
        decoder.update(&stream, sink);
        decoder.finish(StreamEnd::Fin, sink);
    });
    assert!(seen.contains(&Seen::Gap(100)));
    assert_eq!(pictures(&seen)[1].0, jpeg);
}

#[test]
fn what_is_no_http_is_carved() {
    let jpeg = jpeg();
    let seen = decode(&[b"GET\0\r\n\r\n", &jpeg[..]].concat(), StreamEnd::Fin);
    assert_eq!(pictures(&seen), [(jpeg, Ending::Structure)]);
}

#[test]
fn the_next_head_begins_again_behind_what_is_none_of_http() {
    let jpeg = jpeg();
    let next = response(&format!("Content-Length: {}\r\n", jpeg.len()), &jpeg);
    for between in [&b"stray"[..], b"HHTTP/1.", b"HTTP/1.1\0"] {
        let seen = decode(&[&next, between, &next[..]].concat(), StreamEnd::Fin);
        let whole = (jpeg.clone(), Ending::Length);
        assert_eq!(pictures(&seen), [whole.clone(), whole], "{between:?}");
    }
    // The chunk that a gap begins in keeps its length, and what lies behind the gap is found again.
    let body = [b"ffff\r\n", &jpeg[..]].concat();
    let first = response("Transfer-Encoding: chunked\r\n", &body);
    let mut decoder = HttpDecoder::default();
    let seen = run(|sink| {
        decoder.update(&first, sink);
        decoder.gap(0x2_0000, sink);
        decoder.update(b"rest of a body", sink);
        decoder.update(&next, sink);
        decoder.finish(StreamEnd::Fin, sink);
    });
    assert!(seen.contains(&Seen::Gap(0xffff - jpeg.len() as u64)));
    assert_eq!(pictures(&seen).last(), Some(&(jpeg, Ending::Length)));
}

#[test]
fn another_protocol_ends_http_without_a_fault() {
    for stream in [
        &b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other/1\r\n\r\n\x00\x01 none of it"[..],
        b"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03\x03 a handshake",
        b"CONNECT host:443 HTTP/1.1\r\n\r\n\x16\x03\x01 a handshake",
        b"GET / HTTP/1.1\r\nUpgrade: other/1\r\n\r\n\x00\x01 none of it\r\n\r\n",
    ] {
        let seen = decode(stream, StreamEnd::Fin);
        assert!(
            seen.iter().any(|event| matches!(event, Seen::Stray(_))),
            "{seen:?}"
        );
        assert!(
            !seen.iter().any(|event| matches!(event, Seen::Fault(_))),
            "{seen:?}"
        );
    }
}

fn range(bytes: &[u8], from: usize, to: usize) -> Vec<u8> {
    let part = bytes.get(from..to).unwrap();
    [
        format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Type: image/jpeg\r\nContent-Range: bytes {from}-{}/{}\r\n\
             Content-Length: {}\r\n\r\n",
            to - 1,
            bytes.len(),
            part.len()
        )
        .as_bytes(),
        part,
    ]
    .concat()
}

#[test]
fn ranges_that_follow_each_other_are_one_picture() {
    let jpeg = jpeg();
    let all = jpeg.len();
    let stream = [
        range(&jpeg, 0, 200),
        range(&jpeg, 200, 300),
        range(&jpeg, 300, all),
        response(&format!("Content-Length: {all}\r\n"), &jpeg),
    ]
    .concat();
    let seen = decode(&stream, StreamEnd::Fin);
    assert_eq!(
        pictures(&seen),
        [(jpeg.clone(), Ending::Length), (jpeg, Ending::Length)]
    );
    let start = |event: &Seen| matches!(event, Seen::Start(Some(length)) if *length == all as u64);
    assert_eq!(seen.iter().filter(|event| start(event)).count(), 2);
}

#[test]
fn a_range_by_itself_is_said_to_be_one() {
    let jpeg = jpeg();
    let all = jpeg.len();
    // The beginning, of which nothing follows, is no picture that its length belies.
    let seen = decode(&range(&jpeg, 0, 200), StreamEnd::Fin);
    assert_eq!(pictures(&seen), [(jpeg[..200].to_vec(), Ending::Range)]);
    let stream = [range(&jpeg, 0, 200), range(&jpeg, 250, all)].concat();
    let seen = decode(&stream, StreamEnd::Fin);
    assert_eq!(pictures(&seen), [(jpeg[..200].to_vec(), Ending::Range)]);
    assert!(seen.iter().any(|event| {
        matches!(event, Seen::Framing(Framing::Field("range"), bytes) if *bytes == (all - 250) as u64)
    }));
}

#[test]
fn a_range_of_unknown_length_announces_none() {
    let jpeg = jpeg();
    let all = jpeg.len();
    let unknown = |part: Vec<u8>| {
        let total = format!("/{all}\r\n");
        let at = memchr::memmem::find(&part, total.as_bytes()).expect("a length");
        [&part[..at], b"/*\r\n", &part[at + total.len()..]].concat()
    };
    let seen = decode(&unknown(range(&jpeg, 0, 200)), StreamEnd::Fin);
    assert_eq!(pictures(&seen), [(jpeg[..200].to_vec(), Ending::Range)]);
    assert!(
        seen.iter().any(|event| matches!(event, Seen::Start(None))),
        "{seen:?}"
    );
    let stream = [
        unknown(range(&jpeg, 0, 200)),
        unknown(range(&jpeg, 200, all)),
    ]
    .concat();
    let seen = decode(&stream, StreamEnd::Fin);
    assert_eq!(pictures(&seen), [(jpeg, Ending::Range)]);
}

#[test]
fn kinds_that_are_not_walked_are_listed_by_what_the_header_says() {
    for (kind, body) in [
        (
            "image/svg+xml",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
        ),
        ("image/x-icon", vec![0, 0, 1, 0, 1, 0, 16, 16]),
        (
            "image/avif",
            [&[0, 0, 0, 28][..], b"ftypavif", &[7; 400]].concat(),
        ),
        ("image/tiff", [b"II*\0".to_vec(), vec![3; 300]].concat()),
    ] {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}; q=1\r\nContent-Length: {length}\r\n\r\n"
        );
        let seen = decode(&[head.as_bytes(), &body].concat(), StreamEnd::Fin);
        assert_eq!(pictures(&seen), [(body, Ending::Length)], "{kind}");
        assert!(seen.contains(&Seen::Media(kind)), "{kind}: {seen:?}");
    }
    // A text is none, whatever it is called, and a picture that is known needs no name.
    let page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nhtml";
    assert_eq!(pictures(&decode(page, StreamEnd::Fin)), []);
}

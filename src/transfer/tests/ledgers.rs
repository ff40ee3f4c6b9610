//! Both ledgers tell the digest of the picture file, whatever is wrapped around it on the wire.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::*;

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// One picture from our client to our server: what both wrote down.
fn moved(folder: &Folder, file: &Path, protocol: &str, chunk: usize) -> (Record, Record, Told) {
    let datagrams = protocol.starts_with("udp");
    let receive = receiving(folder, protocol, 1);
    let mut sender = sending(String::new(), vec![file.to_owned()], protocol);
    sender.chunk = Some(chunk);
    let (told, outcome, (sent, ended)) = if datagrams {
        let (socket, peer) = udp();
        sender.peer = peer;
        meet(
            limits(),
            |session| server::receive::run_udp(&socket, &receive, session),
            || client(|session| client::send::run(&sender, session)),
        )
    } else {
        let (listener, peer) = listener();
        sender.peer = peer;
        meet(
            limits(),
            |session| server::receive::run(&listener, &receive, session),
            || client(|session| client::send::run(&sender, session)),
        )
    };
    outcome.unwrap();
    ended.unwrap();
    let received = told.records().remove(0);
    (sent[0].clone(), received, told)
}

#[test]
fn digest_is_that_of_the_file_in_every_format_that_is_sent() {
    let png = picture(7, Format::Png);
    for protocol in [
        "eof",
        "half-close",
        "marker",
        "marker=<END>",
        "length=u16be",
        "length=u32le",
        "length=ascii16",
        "size-handshake",
        "name-size-marker",
        "framed",
        "carve",
        "udp",
        "udp-jpeg",
        "udp-count",
        "udp-index",
        "udp-index=u32be",
    ] {
        let folder = Folder::new();
        let file = folder.file("a.png", &png);
        let (sent, received, told) = moved(&folder, &file, protocol, 1000);
        let want = (None, png.len() as u64, digest(&png));
        for record in [&sent, &received] {
            let got = (record.problem.clone(), record.bytes, record.sha256.clone());
            assert_eq!(got, want, "{protocol}, {:?}", record.side);
        }
        let glued = told
            .warnings()
            .iter()
            .any(|warning| warning.contains("has no separator"));
        assert_eq!(glued, protocol == "name-size-marker", "{protocol}");
        assert_eq!(fs::read(received.file.unwrap()).unwrap(), png, "{protocol}");
    }
}

#[test]
fn digest_is_that_of_the_file_where_others_wrap_it() {
    let png = picture(8, Format::Png);
    let base64 = base64(&png);
    // pickle.dumps(bytes, protocol=4)
    let mut pickled = b"\x80\x04\x95".to_vec();
    pickled.extend((png.len() as u64 + 7).to_le_bytes());
    pickled.push(b'B');
    pickled.extend(u32::try_from(png.len()).unwrap().to_le_bytes());
    pickled.extend(&png);
    pickled.extend(b"\x94.");
    let length = |bytes: &[u8]| {
        [
            &u32::try_from(bytes.len()).unwrap().to_be_bytes()[..],
            bytes,
        ]
        .concat()
    };
    for (protocol, wire) in [
        ("base64", base64.clone()),
        ("base64+length=u32be", length(&base64)),
        ("pickled", pickled.clone()),
        ("pickled+length=u32be", length(&pickled)),
    ] {
        let folder = Folder::new();
        let (listener, peer) = listener();
        let receive = receiving(&folder, protocol, 1);
        let (told, outcome, ()) = meet(
            limits(),
            |session| server::receive::run(&listener, &receive, session),
            || TcpStream::connect(&peer).unwrap().write_all(&wire).unwrap(),
        );
        outcome.unwrap();
        let record = told.records().remove(0);
        assert_eq!(
            (record.problem, record.bytes, record.sha256),
            (None, png.len() as u64, digest(&png)),
            "{protocol}"
        );
        assert_eq!(folder.saved()[0].1, png, "{protocol}");
    }
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let mut three = [0; 4];
        three[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(three);
        for letter in 0..4_usize {
            let place = (bits >> (18 - 6 * letter)) & 63;
            text.push(if letter <= group.len() {
                LETTERS[place as usize]
            } else {
                b'='
            });
        }
    }
    text
}

/// A picture too large to be held: it is read while it is sent.
fn large(folder: &Folder) -> (PathBuf, Vec<u8>) {
    let bmp = synth::picture(9, 1200, 900, Format::Bmp).unwrap();
    assert!(bmp.len() > 3 << 20);
    (folder.file("large.bmp", &bmp), bmp)
}

#[test]
fn large_file_is_sent_as_it_is_read() {
    for (protocol, chunk) in [
        ("eof", 1024),
        ("eof", 300_000),
        ("marker", 4099),
        ("length=u32be", 16 << 20),
        ("size-handshake", 70_000),
        ("name-size-marker", 65_536),
        ("framed", 65_536),
    ] {
        let folder = Folder::new();
        let (file, bmp) = large(&folder);
        let (sent, received, _) = moved(&folder, &file, protocol, chunk);
        for record in [&sent, &received] {
            assert_eq!(
                (&record.problem, record.bytes, &record.sha256),
                (&None, bmp.len() as u64, &digest(&bmp)),
                "{protocol}"
            );
        }
        let chunks: Vec<usize> = bmp.chunks(chunk).map(<[u8]>::len).collect();
        let handed: Vec<usize> = sent.chunks.iter().map(|&size| size as usize).collect();
        assert_eq!(handed, chunks, "{protocol}");
        assert!(folder.saved()[0].1 == bmp, "{protocol}");
    }
}

#[test]
fn file_that_shrinks_while_it_is_sent_is_a_problem_and_what_went_out_is_told() {
    let folder = Folder::new();
    // More than the buffers of two sockets hold.
    let mut bytes = picture(1, Format::Png);
    bytes.resize(64 << 20, 7);
    let file = folder.file("a.png", &bytes);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = listener.local_addr().unwrap().to_string();
    let (records, outcome) = thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 1000]).unwrap();
            fs::File::options()
                .write(true)
                .open(&file)
                .unwrap()
                .set_len(1000)
                .unwrap();
            io::copy(&mut stream, &mut io::sink()).unwrap();
        });
        client(|session| client::send::run(&sending(peer, vec![file.clone()], "eof"), session))
    });
    outcome.unwrap();
    let record = &records[0];
    let problem = record.problem.as_deref().unwrap();
    assert!(problem.contains("changed while it was sent"), "{problem}");
    let sent = usize::try_from(record.bytes).unwrap();
    assert!((1000..bytes.len()).contains(&sent));
    assert_eq!(record.sha256, digest(&bytes[..sent]));
}

#[test]
fn digest_of_a_broken_transfer_is_of_what_was_handed_over() {
    let folder = Folder::new();
    let mut bytes = picture(1, Format::Png);
    bytes.resize(64 << 20, 7);
    let file = folder.file("a.png", &bytes);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = listener.local_addr().unwrap().to_string();
    let (records, outcome) = thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut vec![0; 3 << 20]).unwrap();
        });
        client(|session| client::send::run(&sending(peer, vec![file.clone()], "eof"), session))
    });
    outcome.unwrap();
    let record = &records[0];
    assert!(record.problem.is_some());
    let sent = usize::try_from(record.bytes).unwrap();
    let chunks: usize = record.chunks.iter().map(|&size| size as usize).sum();
    assert!((3 << 20..bytes.len()).contains(&sent));
    assert_eq!(chunks, sent);
    assert_eq!(record.sha256, digest(&bytes[..sent]));
}

#[test]
fn what_is_no_file_on_a_disk_is_sent_too_and_limited() {
    let folder = Folder::new();
    let png = picture(3, Format::Png);
    let pipe = folder.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let write = |bytes: Vec<u8>| {
        let pipe = pipe.clone();
        thread::spawn(move || {
            let mut pipe = fs::File::options().write(true).open(pipe).unwrap();
            // A reader that has enough closes.
            let _ = pipe.write_all(&bytes);
        })
    };
    let writing = write(png.clone());
    let (sent, received, _) = moved(&folder, &pipe, "length=u32be", 1024);
    writing.join().unwrap();
    assert_eq!((sent.problem, received.problem), (None, None));
    assert_eq!(received.sha256, digest(&png));

    let writing = write(vec![7; 1 << 20]);
    let read = read_file(&pipe, 100_000);
    writing.join().unwrap();
    assert!(matches!(read, Err(Error::TooLarge { .. })));
}

//! What imgnet says of the five systems beyond whether a picture is whole: which bytes are no picture, what is no mistake, and
//! what another program's decoder may do.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of a test reads and writes files, and may fail as the test may"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scenario::{Captured, Client, Scenario, Server};
use crate::support::{captures_folder, imgnet, list, number, text};
use imgnet::picture::{DecodeLimits, decode, eight_bits};
use serde_json::Value;

fn file(path: &str) -> Vec<u8> {
    std::fs::read(captures_folder().join(path)).expect("a file of captures/")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file is written");
    path.to_str().expect("UTF-8").to_owned()
}

/// A pcap with nanoseconds.
fn pcap(folder: &Path, frames: &[Captured]) -> String {
    let mut bytes = Vec::new();
    for field in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        bytes.extend(field.to_le_bytes());
    }
    for frame in frames {
        let (seconds, rest) = (frame.time / 1_000_000_000, frame.time % 1_000_000_000);
        let captured = frame.data.len();
        for field in [
            u32::try_from(seconds).expect("a time"),
            u32::try_from(rest).expect("a time"),
            u32::try_from(captured).expect("small"),
            frame.wire_len,
        ] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(&frame.data);
    }
    written(folder, "c.pcap", &bytes)
}

fn json(arguments: &[&str]) -> (Option<i32>, Value) {
    let mut all = vec![arguments[0], "--format", "json"];
    all.extend(&arguments[1..]);
    let output = imgnet(&all);
    let errors = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {errors}"));
    (output.status.code(), report)
}

fn analyzed(scenario: &Scenario, more: &[&str]) -> Value {
    let folder = folder();
    let capture = pcap(folder.path(), &scenario.frames);
    json(&[&["analyze", capture.as_str()], more].concat()).1
}

fn names(report: &Value) -> Vec<&str> {
    list(report, "findings")
        .iter()
        .map(|finding| text(finding, "name"))
        .collect()
}

/// Rows of BGR24, sent a row at a time.
fn rows_sent(rows: &[u8], row: usize) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 9909);
    scenario.transfer(&mut tcp, Client, rows, row);
    scenario.close(&mut tcp, Client);
    scenario
}

fn bgr(rgb: &[u8]) -> Vec<u8> {
    rgb.chunks_exact(3)
        .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
        .collect()
}

/// Verdict, exit code, findings, and whether anybody is blamed, with these files.
fn verified(rows: &[u8], width: u32, files: &[&str]) -> (String, Option<i32>, String) {
    let folder = folder();
    let scenario = rows_sent(rows, width as usize * 3);
    let capture = pcap(folder.path(), &scenario.frames);
    let protocol = format!("9909=raw-pixels={width}");
    let all = [&[&capture, "--protocol", &protocol], files].concat();
    let (code, report) = json(&[&["verify"][..], &all].concat());
    let output = imgnet(&[&["verify"][..], &all].concat());
    (
        text(&report, "verdict").to_owned(),
        code,
        String::from_utf8(output.stdout).expect("UTF-8"),
    )
}

#[test]
fn rows_of_a_jpeg_match_in_the_pixels_of_another_decoder_and_accuse_nobody() {
    let folder = folder();
    for (name, lossy) in [
        ("pipeline/sent/upload.jpg", true),
        ("eof/sent/a.jpg", true),
        ("eof-mtu1500/sent/a.png", false),
    ] {
        let bytes = file(name);
        let ours = decode(&bytes, &DecodeLimits::default()).expect("a picture");
        // zune-jpeg, which makes other pixels of a JPEG than libjpeg.
        let other = image::load_from_memory(&bytes)
            .expect("a picture")
            .into_rgb8();
        let width = other.width();
        let differs = eight_bits(&ours).into_rgb8().as_raw() != other.as_raw();
        assert_eq!(differs, lossy, "{name}: the decoders are not two");
        let ending = name.rsplit_once('.').expect("an ending").1;
        let sent = written(folder.path(), &format!("sent.{ending}"), &bytes);
        let rows = bgr(other.as_raw());
        let (verdict, code, shown) = verified(&rows, width, &["--sent", &sent]);
        assert_eq!(
            (verdict.as_str(), code),
            ("match", Some(0)),
            "{name}: {shown}"
        );
        assert!(!shown.contains("Whose side"), "{name}: {shown}");
        // What the receiver saved are the wire's pixels, to the bit.
        let png = folder.path().join("received.png");
        other.save(&png).expect("a PNG");
        let received = png.to_str().expect("UTF-8");
        let both = ["--sent", sent.as_str(), "--received", received];
        let (verdict, code, shown) = verified(&rows, width, &both);
        assert_eq!(
            (verdict.as_str(), code),
            ("match", Some(0)),
            "{name}: {shown}"
        );
        // The pixels that came are compared exactly with what the receiver saved.
        let mut one_wrong = other.clone();
        one_wrong.get_pixel_mut(1, 1).0[0] ^= 1;
        one_wrong.save(&png).expect("a PNG");
        let (verdict, code, shown) = verified(&rows, width, &both);
        assert_eq!(
            (verdict.as_str(), code),
            ("mismatch", Some(1)),
            "{name}: {shown}"
        );
        assert!(
            shown.contains("Whose side: the receiver"),
            "{name}: {shown}"
        );
        // Rows of another picture are beyond any decoder.
        let negative: Vec<u8> = rows.iter().map(|sample| 255 - sample).collect();
        let (verdict, code, shown) = verified(&negative, width, &["--sent", &sent]);
        assert_ne!(
            (verdict.as_str(), code),
            ("match", Some(0)),
            "{name}: {shown}"
        );
    }
}

/// OpenCV turns a picture upright when it loads it, as its file asks for (EXIF); imgnet's own sender does not. Both are its pixels.
#[test]
fn rows_of_a_picture_that_is_stored_turned_match_turned_and_as_stored() {
    let folder = folder();
    let mut jpeg = imgnet::imaging::synth::jpeg_with_thumbnail(1, 40, 30).expect("a picture");
    // The entry of the orientation in IFD0: tag 0x0112, SHORT, one value.
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0];
    let at = jpeg
        .windows(8)
        .position(|eight| eight == entry)
        .expect("an orientation");
    for exif in [1, 3, 6, 8] {
        jpeg[at + 8] = exif;
        let sent = written(folder.path(), "a.jpg", &jpeg);
        let stored = decode(&jpeg, &DecodeLimits::default()).expect("a picture");
        let mut upright = stored.clone();
        upright.apply_orientation(imgnet::picture::orientation(&jpeg));
        for picture in [stored.clone(), upright.clone()] {
            let pixels = picture.into_rgb8();
            let (width, rows) = (pixels.width(), bgr(pixels.as_raw()));
            let (verdict, code, shown) = verified(&rows, width, &["--sent", &sent]);
            assert_eq!(
                (verdict.as_str(), code),
                ("match", Some(0)),
                "{exif}: {shown}"
            );
            let png = folder.path().join("received.png");
            pixels.save(&png).expect("a PNG");
            let received = png.to_str().expect("UTF-8");
            let both = ["--sent", sent.as_str(), "--received", received];
            let (verdict, code, shown) = verified(&rows, width, &both);
            assert_eq!(
                (verdict.as_str(), code),
                ("match", Some(0)),
                "{exif}: {shown}"
            );
            // One sample of another colour is one too many, and it is said where.
            let mut changed = rows.clone();
            let place = rows.len() / 2;
            changed[place] ^= 0x80;
            let (verdict, code, shown) = verified(&changed, width, &["--sent", &sent]);
            assert_eq!(
                (verdict.as_str(), code),
                ("mismatch", Some(1)),
                "{exif}: {shown}"
            );
            let place = format!(
                "First difference at byte {}",
                imgnet::units::count(place as u64)
            );
            assert!(shown.contains(&place), "{exif}: {place}: {shown}");
        }
        // Turned another way it is another picture.
        if exif == 6 {
            let wrong = stored.rotate270().into_rgb8();
            let rows = bgr(wrong.as_raw());
            let (verdict, _, shown) = verified(&rows, wrong.width(), &["--sent", &sent]);
            assert_ne!(verdict, "match", "{shown}");
        }
    }
}

#[test]
fn that_levels_of_a_lossy_file_may_differ_is_said() {
    let bytes = file("eof/sent/a.jpg");
    let other = image::load_from_memory(&bytes)
        .expect("a picture")
        .into_rgb8();
    let folder = folder();
    let sent = written(folder.path(), "a.jpg", &bytes);
    let (_, _, shown) = verified(&bgr(other.as_raw()), other.width(), &["--sent", &sent]);
    assert!(shown.contains("no more than decoders differ"), "{shown}");
}

#[test]
fn rows_of_16_bits_are_those_of_their_upper_8() {
    let folder = folder();
    let deep = image::ImageBuffer::from_fn(40, 30, |x, y| {
        let sample = u16::try_from(x * 1403 + y * 211).expect("small");
        image::Rgb([sample, sample ^ 0xffff, sample / 2])
    });
    let path = folder.path().join("deep.png");
    image::DynamicImage::ImageRgb16(deep.clone())
        .save(&path)
        .expect("a PNG");
    let upper: Vec<u8> = deep
        .as_raw()
        .iter()
        .map(|sample| sample.to_be_bytes()[0])
        .collect();
    let sent = path.to_str().expect("UTF-8");
    let (verdict, code, shown) = verified(&bgr(&upper), 40, &["--sent", sent]);
    assert_eq!((verdict.as_str(), code), ("match", Some(0)), "{shown}");
}

#[test]
fn raw_pixels_are_saved_as_a_picture_where_the_width_is_known() {
    let folder = folder();
    let out = folder.path().join("x");
    let capture = captures_folder().join("raw-pixels.pcap");
    let output = imgnet(&[
        "analyze".as_ref(),
        capture.as_os_str(),
        "--protocol".as_ref(),
        "9909=raw-pixels=200".as_ref(),
        "--extract".as_ref(),
        out.as_os_str(),
    ]);
    assert_eq!(output.status.code(), Some(0));
    let files: Vec<PathBuf> = std::fs::read_dir(&out)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].extension(), Some("png".as_ref()));
    let pixels = |path: &Path| {
        let bytes = std::fs::read(path).expect("a picture");
        decode(&bytes, &DecodeLimits::default())
            .expect("a picture")
            .into_rgb8()
    };
    let received = pixels(&captures_folder().join("raw-pixels/received/a.png"));
    assert_eq!((received.width(), received.height()), (200, 150));
    assert_eq!(pixels(&files[0]), received);
}

#[test]
fn a_choice_by_name_is_a_choice_and_no_length() {
    let jpeg = file("catalog/sent/d/car.jpg");
    for (port, more) in [(40674, &[][..]), (7000, &["--protocol", "7000=catalog"])] {
        for choice in [
            "1",
            "2 dog.jpg",
            "dog",
            "a picture with a rather long name.jpeg",
        ] {
            let mut scenario = Scenario::new();
            let mut tcp = scenario.connect(41000, port);
            scenario.transfer(&mut tcp, Client, choice.as_bytes(), 1400);
            scenario.transfer(&mut tcp, Server, &jpeg, 1400);
            scenario.close(&mut tcp, Server);
            let report = analyzed(&scenario, more);
            let wrong: Vec<&Value> = list(&report, "findings")
                .iter()
                .filter(|finding| text(finding, "severity") != "note")
                .collect();
            assert!(wrong.is_empty(), "{choice:?} on {port}: {wrong:?}");
            assert_eq!(list(&report, "images").len(), 1, "{choice:?} on {port}");
            assert_eq!(text(&report, "verdict"), "unverified");
            let output = {
                let folder = folder();
                let capture = pcap(folder.path(), &scenario.frames);
                imgnet(&[&["analyze", capture.as_str(), "--conversations"], more].concat()).stdout
            };
            let shown = String::from_utf8(output).expect("UTF-8");
            assert!(shown.contains(&format!("choice \"{choice}\"")), "{shown}");
        }
    }
}

#[test]
fn one_byte_that_begins_no_picture_is_none() {
    for bytes in [&b"\xff"[..], b"\xff\xd8", b"\x89", b"B", b"GIF"] {
        let mut scenario = Scenario::new();
        let mut tcp = scenario.connect(41000, 65432);
        scenario.transfer(&mut tcp, Client, bytes, 1024);
        scenario.close(&mut tcp, Client);
        for more in [&[][..], &["--protocol", "65432=eof"]] {
            let report = analyzed(&scenario, more);
            for image in list(&report, "images") {
                assert_eq!(image["complete"], false, "{bytes:?}: {image}");
                assert_eq!(text(image, "verdict"), "incomplete", "{bytes:?}");
            }
            assert_ne!(report["verdict"], "match", "{bytes:?}");
            // Each byte is one kind, once.
            let direction = &list(&list(&report, "streams")[0], "directions")[0];
            let kinds = [
                "picture_bytes",
                "framing_bytes",
                "answer_bytes",
                "stray_bytes",
            ];
            let sum: u64 = kinds.iter().map(|kind| number(direction, kind)).sum();
            assert_eq!(sum, bytes.len() as u64, "{bytes:?}: {direction}");
            let folder = folder();
            let capture = pcap(folder.path(), &scenario.frames);
            let shown = imgnet(&[&["analyze", capture.as_str(), "--conversations"], more].concat());
            let shown = String::from_utf8(shown.stdout).expect("UTF-8");
            assert!(!shown.contains("✔"), "{bytes:?}: {shown}");
        }
    }
}

#[test]
fn a_datagram_that_says_end_is_an_end() {
    let jpeg = file("udp/sent/a.jpg");
    for end in [&b"END"[..], b"EOF", b"DONE", b""] {
        let mut scenario = Scenario::new();
        for piece in jpeg.chunks(1024) {
            scenario.wait(1).datagram([41000, 6001], piece);
        }
        scenario.datagram([41000, 6001], end);
        scenario.wait(5000).other_traffic();
        let report = analyzed(&scenario, &[]);
        assert!(
            !names(&report).contains(&"no-end-datagram"),
            "{end:?}: {:?}",
            names(&report)
        );
        let images = list(&report, "images");
        assert_eq!(images.len(), 1, "{end:?}");
        assert_eq!(number(&images[0], "bytes"), jpeg.len() as u64, "{end:?}");
        assert_eq!(images[0]["complete"], true, "{end:?}");
    }
}

#[test]
fn the_chunk_is_the_one_that_was_sent() {
    let jpeg = file("catalog-one-recv-mtu1500/sent/d/house.png");
    for chunk in [2048, 4096] {
        let mut scenario = Scenario::new();
        let mut tcp = scenario.connect(41000, 5050);
        scenario.transfer(&mut tcp, Client, &jpeg, chunk);
        scenario.send(&mut tcp, Client, b"%IMAGE_COMPLETED%");
        scenario.ack(&mut tcp, Server);
        scenario.wait(3000);
        scenario.close(&mut tcp, Server);
        let report = analyzed(&scenario, &[]);
        let image = &list(&report, "images")[0];
        assert_eq!(number(image, "chunk_size"), chunk as u64);
        for finding in list(&report, "findings") {
            let message = text(finding, "message");
            for other in ["1,024", "2,048", "4,096"] {
                let own = other.replace(',', "") == chunk.to_string();
                assert!(own || !message.contains(other), "{chunk}: {message}");
            }
        }
    }
}

#[test]
fn explanation_of_a_hang_promises_no_length_that_is_safe() {
    let output = imgnet(&["explain", "marker-unanswered"]);
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!flat.contains("only for r = 0"), "{shown}");
    assert!(flat.contains("No length is safe"), "{shown}");
    assert!(flat.contains("a matter of luck for every r"), "{shown}");
}

/// The list of a catalogue, asked for by its own client, is an answer and no picture.
#[test]
fn replies_of_a_list_are_no_pictures() {
    let folder = folder();
    let pictures = folder.path().join("pictures");
    std::fs::create_dir(&pictures).expect("a folder");
    for name in ["a.jpg", "b.jpg"] {
        std::fs::write(pictures.join(name), file("catalog/sent/d/car.jpg")).expect("a file");
    }
    let capture = folder.path().join("c.pcapng");
    let bin = Path::new(env!("CARGO_BIN_EXE_imgnet"));
    let script = format!(
        "{server} catalog --import {pictures} --count 1 -q & sleep 1; {client} get 127.0.0.1:40674 --list; \
         {client} get 127.0.0.1:40674 2 -o {out} -q; wait",
        server = bin.with_file_name("imgnet-server").display(),
        client = bin.with_file_name("imgnet-client").display(),
        pictures = pictures.display(),
        out = folder.path().join("got").display(),
    );
    let output = Command::new(bin)
        .args(["capture", "-q", "-w"])
        .arg(&capture)
        .args(["--", "sh", "-c", &script])
        .output()
        .expect("imgnet starts");
    if output.status.code() == Some(4) {
        eprintln!("SKIPPED: there can be no private network here");
        return;
    }
    let (_, report) = json(&["analyze", capture.to_str().expect("UTF-8")]);
    let images = list(&report, "images");
    assert_eq!(images.len(), 1, "{images:?}");
    assert_eq!(text(&images[0], "format"), "jpeg");
    assert_eq!(images[0]["complete"], true);
    assert_eq!(list(&report, "streams").len(), 2);
}

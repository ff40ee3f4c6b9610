//! The counts of a report add up, on every capture: product laws, checked on the JSON alone.

use crate::scenario::{Client, Scenario, Server, told};
use crate::schema;
use crate::support;

use imgnet::analysis::Options;

use crate::support::{captures, list, name, number, report};
use serde_json::Value;

/// Half-open ranges are ascending, not empty and do not touch; returns the sum of their lengths.
fn ranges(gaps: &[Value], what: &str) -> u64 {
    let mut end = None;
    let mut sum = 0;
    for gap in gaps {
        let (offset, length) = (number(gap, "offset"), number(gap, "length"));
        assert!(length > 0, "{what}: an empty gap at {offset}");
        assert!(
            end.is_none_or(|end| offset >= end),
            "{what}: gaps overlap or are not ascending at {offset}"
        );
        assert!(
            gap.get("cause").is_some_and(Value::is_string),
            "{what}: the gap at {offset} has no cause"
        );
        end = Some(offset + length);
        sum += length;
    }
    sum
}

#[test]
fn every_report_is_as_the_schema_says() {
    for capture in captures() {
        schema::assert_valid(&report(&capture));
    }
}

#[test]
fn every_packet_read_is_decoded_or_skipped_for_a_reason() {
    for capture in captures() {
        let report = report(&capture);
        let packets = report.get("packets").expect("packets");
        let skipped: u64 = packets
            .get("skipped")
            .and_then(Value::as_object)
            .expect("packets.skipped")
            .values()
            .map(|count| count.as_u64().expect("a count"))
            .sum();
        let read = number(packets, "read");
        assert_eq!(
            read,
            number(packets, "decoded") + skipped,
            "{}",
            name(&capture)
        );
        let in_files: u64 = list(&report, "captures")
            .iter()
            .map(|file| number(file, "packets"))
            .sum();
        assert_eq!(read, in_files, "{}", name(&capture));
    }
}

#[test]
fn payload_is_unique_plus_duplicate_in_every_direction() {
    for capture in captures() {
        let report = report(&capture);
        for stream in list(&report, "streams") {
            let directions = list(stream, "directions");
            assert_eq!(directions.len(), 2, "{}", name(&capture));
            for direction in directions {
                let what = format!("{}, {direction}", name(&capture));
                assert_eq!(
                    number(direction, "payload_bytes"),
                    number(direction, "unique_bytes") + number(direction, "duplicate_bytes"),
                    "{what}"
                );
                assert_eq!(
                    number(direction, "gap_bytes"),
                    ranges(list(direction, "gaps"), &what),
                    "{what}"
                );
                assert!(
                    number(direction, "retransmitted_packets") <= number(direction, "packets"),
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn every_byte_of_a_direction_is_of_exactly_one_kind() {
    let mut kinds = std::collections::BTreeSet::new();
    let formats = support::captures_in(&support::captures_folder().join("formats"));
    for capture in captures().into_iter().chain(formats) {
        let report = report(&capture);
        for direction in list(&report, "streams")
            .iter()
            .flat_map(|stream| list(stream, "directions"))
        {
            let what = format!("{}, {direction}", name(&capture));
            let map = list(direction, "map");
            let mut end = 0;
            let mut sums = std::collections::BTreeMap::new();
            for region in map {
                assert_eq!(number(region, "offset"), end, "{what}");
                assert!(number(region, "length") > 0, "{what}");
                end += number(region, "length");
                let kind = support::text(region, "kind");
                *sums.entry(kind).or_insert(0) += number(region, "length");
                kinds.insert(kind.to_owned());
                if kind != "gap" {
                    let (first, last) = (
                        number(region, "first_packet"),
                        number(region, "last_packet"),
                    );
                    assert!(first > 0 && last > 0, "{what}");
                }
            }
            assert!(direction.get("map_omitted").is_none(), "{what}");
            let sum = |kind| sums.get(kind).copied().unwrap_or(0);
            for kind in ["picture", "framing", "answer", "stray", "gap"] {
                let key = format!("{kind}_bytes");
                assert_eq!(number(direction, &key), sum(kind), "{kind} of {what}");
            }
            assert_eq!(
                number(direction, "payload_bytes"),
                sum("picture")
                    + sum("framing")
                    + sum("answer")
                    + sum("stray")
                    + number(direction, "duplicate_bytes"),
                "{what}"
            );
            assert_eq!(
                end,
                number(direction, "unique_bytes") + sum("gap"),
                "{what}"
            );
        }
    }
    assert_eq!(kinds.len(), 5, "the captures have every kind: {kinds:?}");
}

#[test]
fn a_pictures_length_is_its_unique_bytes_plus_its_gaps() {
    let mut pictures = 0;
    for capture in captures() {
        let report = report(&capture);
        for image in list(&report, "images") {
            pictures += 1;
            let what = format!("{}, picture {}", name(&capture), number(image, "id"));
            // Where the wire carries a picture in another form, that form is what is counted.
            let bytes = match image.get("encoded_bytes") {
                Some(encoded) => encoded.as_u64().expect("encoded_bytes is a number"),
                None => number(image, "bytes"),
            };
            assert_eq!(
                bytes,
                number(image, "unique_bytes") + number(image, "gap_bytes"),
                "{what}"
            );
            assert_eq!(
                number(image, "payload_bytes"),
                number(image, "unique_bytes") + number(image, "duplicate_bytes"),
                "{what}"
            );
            assert_eq!(
                number(image, "gap_bytes"),
                ranges(list(image, "gaps"), &what),
                "{what}"
            );
            if image.get("complete") == Some(&Value::Bool(true)) {
                assert_eq!(number(image, "gap_bytes"), 0, "{what}: complete with gaps");
            }
            if bytes > number(image, "gap_bytes") {
                assert!(
                    number(image, "first_packet") <= number(image, "last_packet"),
                    "{what}"
                );
            }
        }
    }
    assert!(pictures > 20, "only {pictures} pictures in all captures");
}

#[test]
fn a_pictures_chunks_add_up_to_the_picture() {
    for capture in captures() {
        let report = report(&capture);
        for image in list(&report, "images") {
            let what = format!("{}, picture {}", name(&capture), number(image, "id"));
            let chunks = list(image, "chunks");
            let sum = |key| chunks.iter().map(|chunk| number(chunk, key)).sum::<u64>();
            for key in ["bytes", "unique_bytes", "duplicate_bytes", "gap_bytes"] {
                // Chunks are those of the form on the wire.
                let whole = if key == "bytes" && image.get("encoded_bytes").is_some() {
                    "encoded_bytes"
                } else {
                    key
                };
                assert_eq!(
                    sum(key),
                    number(image, whole),
                    "{what}: {key} of the chunks"
                );
            }
            let mut offset = 0;
            for (index, chunk) in chunks.iter().enumerate() {
                assert_eq!(number(chunk, "index"), index as u64, "{what}");
                assert_eq!(number(chunk, "offset"), offset, "{what}, chunk {index}");
                assert_eq!(
                    number(chunk, "bytes"),
                    number(chunk, "unique_bytes") + number(chunk, "gap_bytes"),
                    "{what}, chunk {index}"
                );
                if let Some(size) = image.get("chunk_size").and_then(Value::as_u64) {
                    assert!(number(chunk, "bytes") <= size, "{what}, chunk {index}");
                }
                offset += number(chunk, "bytes");
            }
            // A frame that carries bytes of two chunks counts in both, and the report says how many do.
            let (packets, shared) = (number(image, "packets"), number(image, "shared_packets"));
            assert!(shared <= packets, "{what}");
            assert!(
                sum("packets") >= packets + shared,
                "{what}: {} packets in the chunks, {packets} in the picture, {shared} shared",
                sum("packets")
            );
            if shared == 0 {
                assert_eq!(sum("packets"), packets, "{what}");
                assert_eq!(sum("wire_bytes"), number(image, "wire_bytes"), "{what}");
            }
        }
    }
}

#[test]
fn the_totals_are_those_of_the_lists() {
    for capture in captures() {
        let report = report(&capture);
        let totals = report.get("totals").expect("totals");
        let images = list(&report, "images");
        assert_eq!(
            number(totals, "streams"),
            list(&report, "streams").len() as u64,
            "{}",
            name(&capture)
        );
        assert_eq!(
            number(totals, "images"),
            images.len() as u64,
            "{}",
            name(&capture)
        );
        let bytes: u64 = images.iter().map(|image| number(image, "bytes")).sum();
        assert_eq!(number(totals, "image_bytes"), bytes, "{}", name(&capture));
    }
}

#[test]
fn the_digest_of_a_direction_is_that_of_its_bytes_however_much_of_it_a_pictures_took() {
    /// Bytes of a direction: a picture alone, and with others before, between and behind.
    fn with_a_picture(picture: &[u8]) -> Vec<Vec<u8>> {
        let length = u32::try_from(picture.len()).unwrap().to_be_bytes();
        let half = picture.len() / 2;
        let mut changed = picture.to_vec();
        changed[half] ^= 0xff;
        vec![
            picture.to_vec(),
            [picture, b"DONE"].concat(),
            [picture, b"DONE", picture, b"DONE"].concat(),
            [picture, picture].concat(),
            [picture, b"\r\n"].concat(),
            [&length[..], picture].concat(),
            [&length[..], picture, &length[..], picture].concat(),
            [b"GET picture\n", picture].concat(),
            picture[..half].to_vec(),
            [&picture[..half], b"LOST", &picture[half..]].concat(),
            changed,
            b"no picture at all, and nothing else either".to_vec(),
        ]
    }

    let pictures: [(_, &[u8]); 2] = [
        (
            "jpg",
            include_bytes!("../fixtures/pictures/exif-thumbnail.jpg"),
        ),
        ("png", include_bytes!("../fixtures/pictures/alpha.png")),
    ];
    let mut runs = 0;
    for (name, picture) in pictures {
        for (kind, bytes) in with_a_picture(picture).into_iter().enumerate() {
            for port in [65_432, 5_000, 9_999] {
                for chunk in [7, 36, 37, 100, 1_448, 60_000] {
                    for answered in [false, true] {
                        let mut scenario = Scenario::new();
                        let mut tcp = scenario.connect(40_000, port);
                        let middle = if answered { bytes.len() / 3 } else { 0 };
                        scenario.transfer(&mut tcp, Client, &bytes[..middle], chunk);
                        if answered {
                            scenario.transfer(&mut tcp, Server, b"go on", 5);
                        }
                        scenario.transfer(&mut tcp, Client, &bytes[middle..], chunk);
                        scenario.close(&mut tcp, Client);
                        let told = told(&scenario.frames, Options::default());
                        assert_eq!(
                            told.streams[0].directions[0].sha256,
                            Some(support::sha256(&bytes)),
                            "{name}, {kind}, port {port}, in {chunk}, answered {answered}"
                        );
                        runs += 1;
                    }
                }
            }
        }
    }
    assert!(runs > 800, "{runs}");
}

//! The published schema and what is rendered agree, both ways.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::report::csv::{self, Table};
use crate::report::model::{Extracted, ExtractedFile, Report};
use crate::report::{Style, json as rendering, samples};
use crate::units::PictureId;

const SCHEMA: &str = include_str!("../../docs/report.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn rendered(report: &Report) -> Value {
    let mut out = Vec::new();
    rendering::render(report, &Style::default(), &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn reports() -> Vec<Report> {
    let mut reports = samples::all();
    let mut extracted = samples::gaps();
    extracted.extracted = Some(Extracted {
        folder: "out".to_owned(),
        files: vec![ExtractedFile {
            image: PictureId(0),
            name: "stream-0-image-0000.partial.jpg".to_owned(),
            bytes: 10_240,
            complete: false,
            gaps: Some("stream-0-image-0000.partial.gaps.json".to_owned()),
        }],
    });
    extracted.images[2].digest = Some(crate::ledger::Digest {
        algorithm: "crc32".to_owned(),
        value: "cbf43926".to_owned(),
    });
    extracted.images[2].compared = Some(Box::new(compared()));
    extracted.verification = Some(verification());
    reports.push(extracted);
    reports
}

/// A comparison with every member.
fn compared() -> crate::ledger::comparison::Comparison {
    use crate::ledger::comparison::{
        Blame, Blamed, Comparison, Level, Mismatch, PairedBy, Pixels, Rows, RowsBy, Side,
        SideOfMismatch,
    };
    use crate::units::FrameNumber;
    let side = |path: Option<&str>| Side {
        path: path.map(str::to_owned),
        bytes: 12_088,
        sha256: "a1".repeat(32),
        pairing: PairedBy::Closest,
        equal: Some(path.is_none()),
        by: Level::Similar,
        compared_bytes: 12_088,
        pixels: path.map(|_| Pixels {
            equal: false,
            differing: 7,
            first_difference: Some((3, 4)),
            psnr: Some(41.25),
            ssim: Some(0.987),
        }),
    };
    let mismatch = Mismatch {
        side: SideOfMismatch::WireToReceiver,
        first_difference: Some(7000),
        differing_bytes: Some(1),
        expected_bytes: 12_088,
        actual_bytes: 12_088,
        damage: "One byte changed, at 7000".to_owned(),
        chunks: vec![6],
        chunk_count: 1,
        packets: vec![FrameNumber(17)],
        packet_count: 1,
        context_offset: Some(6992),
        expected_hex: Some("0011".to_owned()),
        actual_hex: Some("0010".to_owned()),
        rows: Some(Rows {
            first: 100,
            of: 240,
            by: RowsBy::DecodedPrefix,
        }),
        painting: Some("stream-0-image-0002-wire-to-receiver.png".to_owned()),
    };
    Comparison {
        level: Level::Bytes,
        sent: Some(side(None)),
        received: Some(side(Some("out/a.jpg"))),
        sent_equals_received: Some(false),
        urgent: false,
        also: Some(mismatch.clone()),
        mismatch: Some(mismatch),
        blame: Some(Blame {
            who: Blamed::Receiver,
            why: "the wire has the right bytes, its file does not".to_owned(),
        }),
        converted: Some("compressed (gzip)".to_owned()),
    }
}

fn verification() -> crate::ledger::comparison::Verification {
    use crate::ledger::comparison::{Given, Level, UnpairedFile, Verification};
    Verification {
        level: Level::Bytes,
        sent: None,
        received: Some(Given {
            files: 3,
            unpaired: vec![UnpairedFile {
                path: "out/merged.jpg".to_owned(),
                bytes: 32_573,
                sha256: "b2".repeat(32),
                named: false,
                aside: None,
                image: Some(PictureId(0)),
            }],
            ledger_lines: 2,
            ledger_unpaired: 1,
        }),
        damage: Some("damage".to_owned()),
    }
}

fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    let error =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(value).map(error).collect()
}

/// The schema with every object closed: a member that the schema does not know is an error.
fn closed(mut schema: Value) -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(members) => {
                if members.contains_key("properties")
                    && !members.contains_key("additionalProperties")
                {
                    members.insert("additionalProperties".to_owned(), json!(false));
                }
                members.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    schema
}

#[test]
fn the_schema_is_a_schema() {
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn what_is_rendered_is_valid_and_wholly_described() {
    let validator = jsonschema::validator_for(&closed(schema())).unwrap();
    for report in reports() {
        assert_eq!(errors(&validator, &rendered(&report)), Vec::<String>::new());
    }
}

#[test]
fn every_member_is_required_and_null_is_not_everywhere() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let report = reports().pop().unwrap();
    let whole = rendered(&report);
    let mut paths = Vec::new();
    collect(&whole, "", &mut paths);
    assert!(paths.len() > 300, "{}", paths.len());
    for path in paths {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let optional = parent.ends_with("/skipped")
            || parent.ends_with("/undecoded")
            // Most files that are left over are like no picture.
            || (parent.contains("/unpaired/") && name == "image")
            || matches!(name, "compared" | "extracted" | "verification");
        let mut less = whole.clone();
        less.pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(name);
        assert_eq!(validator.is_valid(&less), optional, "without {path}");
    }
}

/// Paths of all members of all objects.
fn collect(value: &Value, path: &str, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = format!("{path}/{name}");
                paths.push(path.clone());
                collect(value, &path, paths);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, &format!("{path}/{index}"), paths);
            }
        }
        _ => {}
    }
}

#[test]
fn wrong_values_are_refused() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let whole = rendered(&samples::gaps());
    assert!(validator.is_valid(&whole));
    for (path, wrong) in [
        ("/schema", json!("imgnet/report/v2")),
        ("/verdict", json!("fine")),
        ("/packets/read", json!(-1)),
        ("/packets/read", json!(null)),
        ("/packets/skipped/not-ip", json!("two")),
        ("/captures/0/truncated", json!({ "offset": 1 })),
        ("/captures/0/kernel_drops", json!("12")),
        ("/streams/0/started", json!("2026-11-20 11:14:49")),
        ("/streams/0/started", json!("2026-11-20T11:14:49.590743Z")),
        ("/streams/0/directions", json!([])),
        ("/streams/0/directions/0/from", json!("192.168.17.31")),
        ("/streams/0/directions/0/sha256", json!("A1")),
        ("/streams/0/directions/0/gaps/0/cause", json!("lost")),
        ("/streams/0/directions/0/gaps/0/length", json!(0)),
        ("/images/0/bytes", json!(null)),
        ("/images/0/first_packet", json!(0)),
        ("/images/0/format", json!("tiff")),
        ("/images/0/chunks/0/index", json!(1.5)),
        ("/findings/0/name", json!("Early Close")),
        ("/findings/0/packets/0", json!(0)),
        ("/totals/image_bytes", json!("35919")),
    ] {
        let mut report = whole.clone();
        *report.pointer_mut(path).unwrap() = wrong.clone();
        assert!(!validator.is_valid(&report), "{path} = {wrong}");
    }
}

#[test]
fn the_guide_names_every_member_and_every_column() {
    const GUIDE: &str = include_str!("../../docs/report.md");
    fn names(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    into.extend(properties.keys().cloned());
                }
                members.values().for_each(|value| names(value, into));
            }
            Value::Array(items) => items.iter().for_each(|value| names(value, into)),
            _ => {}
        }
    }
    let mut words = Vec::new();
    names(&schema(), &mut words);
    let reports = samples::verified();
    for table in Table::ALL {
        let mut out = Vec::new();
        csv::render(&reports, table, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let columns: Vec<String> = text
            .lines()
            .next()
            .unwrap()
            .split(',')
            .map(str::to_owned)
            .collect();
        let (_, list) = GUIDE.split_once("## The CSV tables").unwrap();
        let title = format!("**{table:?}**").to_lowercase();
        let (_, list) = list.split_once(&title).unwrap();
        let list = list.split("\n- ").next().unwrap();
        let documented: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        assert_eq!(
            documented[..columns.len()],
            columns,
            "in the order of {table:?}"
        );
        words.extend(columns);
    }
    for word in words {
        assert!(GUIDE.contains(&format!("`{word}`")), "{word}");
    }
}

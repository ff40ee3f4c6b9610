//! `imgnet archive`: the tables say what the report says, and a unit is in the lake once and whole, whatever happens.

#![expect(
    clippy::unwrap_used,
    clippy::format_push_string,
    clippy::too_many_lines,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test reads and writes files, and may fail"
)]

mod support;
#[path = "archive/units.rs"]
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};

use support::{captures, captures_folder, report};
use units::{images, records};

const TABLES: [&str; 5] = ["streams", "images", "chunks", "findings", "captures"];

fn archive(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .arg("archive")
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All files of a lake below `table=…`, by their place.
fn tables(lake: &Path) -> BTreeMap<String, PathBuf> {
    fn walk(folder: &Path, root: &Path, into: &mut BTreeMap<String, PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, into);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "parquet")
            {
                let place = path.strip_prefix(root).unwrap().display().to_string();
                if place.starts_with("table=") {
                    into.insert(place, path);
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(lake, lake, &mut found);
    found
}

/// The bytes of all tables.
fn bytes(lake: &Path) -> BTreeMap<String, Vec<u8>> {
    tables(lake)
        .into_iter()
        .map(|(place, path)| (place, std::fs::read(path).unwrap()))
        .collect()
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

/// A cell as JSON.
fn cell(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Timestamp(..) => {
            assert_eq!(array.data_type().to_string(), "Timestamp(ns, \"UTC\")");
            imgnet::units::Timestamp(array.as_primitive::<TimestampNanosecondType>().value(row))
                .to_string()
                .into()
        }
        DataType::Binary => json!(array.as_binary::<i32>().value(row)),
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(row);
            (0..list.len())
                .map(|item| cell(&list, item))
                .collect::<Vec<_>>()
                .into()
        }
        DataType::Struct(_) => {
            let parts = array.as_struct();
            let names = parts.column_names();
            let members = names
                .iter()
                .zip(parts.columns())
                .map(|(name, column)| ((*name).to_owned(), cell(column, row)));
            Value::Object(members.collect())
        }
        other => panic!("a column of {other}"),
    }
}

fn rows(path: &Path) -> Vec<Map<String, Value>> {
    let mut rows = Vec::new();
    for batch in batches(path) {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let cells = schema.fields().iter().zip(batch.columns());
            rows.push(
                cells
                    .map(|(field, column)| (field.name().clone(), cell(column, row)))
                    .collect(),
            );
        }
    }
    rows
}

/// All rows of a table of a lake, sorted.
fn all(lake: &Path, table: &str) -> Vec<String> {
    let beginning = format!("table={table}/");
    let files = tables(lake)
        .into_iter()
        .filter(|(place, _)| place.starts_with(&beginning));
    let mut rows: Vec<String> = files
        .flat_map(|(_, path)| rows(&path))
        .map(|row| Value::Object(row).to_string())
        .collect();
    rows.sort();
    rows
}

fn string(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Lays an object flat, as the tables do; lists stay.
fn flat(value: &Value, path: &str, into: &mut Map<String, Value>) {
    match value {
        Value::Object(members) if !matches!(path, "packets_skipped" | "coverage_undecoded") => {
            for (name, member) in members {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}_{name}")
                };
                flat(member, &path, into);
            }
        }
        Value::Object(reasons) => {
            let pairs: Vec<Value> = reasons
                .iter()
                .map(|(reason, packets)| json!({"reason": reason, "packets": packets}))
                .collect();
            into.insert(path.to_owned(), pairs.into());
        }
        _ => {
            into.insert(path.to_owned(), value.clone());
        }
    }
}

/// Whether a cell says what the report says; members that the report leaves out are unknown.
fn same(expected: Option<&Value>, cell: &Value) -> bool {
    match (expected, cell) {
        (None | Some(Value::Null), cell) => cell.is_null(),
        (Some(Value::Array(a)), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(Some(a), b))
        }
        (Some(Value::Object(a)), Value::Object(b)) => {
            b.iter().all(|(name, cell)| same(a.get(name), cell))
                && a.keys().all(|name| b.contains_key(name))
        }
        (Some(a), b) => a == b,
    }
}

/// Compares rows of a table with what the report has for them.
fn compare(what: &str, rows: &[Map<String, Value>], expected: &[Value], keys: &[&str]) {
    assert_eq!(rows.len(), expected.len(), "{what}");
    for (row, expected) in rows.iter().zip(expected) {
        let mut members = Map::new();
        flat(expected, "", &mut members);
        for (name, value) in &members {
            assert!(
                row.contains_key(name) || value.is_null(),
                "{what}: no column {name}"
            );
        }
        for (name, cell) in row {
            if let Some(whole) = ["_address_bytes", "_address", "_port"]
                .iter()
                .find_map(|part| name.strip_suffix(part))
            {
                let endpoint: std::net::SocketAddr =
                    members[whole].as_str().unwrap().parse().unwrap();
                let right = match name.strip_prefix(whole).unwrap() {
                    "_port" => json!(endpoint.port()),
                    "_address" => json!(endpoint.ip().to_string()),
                    _ => match endpoint.ip() {
                        std::net::IpAddr::V4(address) => json!(address.octets()),
                        std::net::IpAddr::V6(address) => json!(address.octets()),
                    },
                };
                assert_eq!(*cell, right, "{what}: {name}");
            } else if !keys.contains(&name.as_str()) {
                assert!(
                    same(members.get(name), cell),
                    "{what}: {name} is {cell}, and the report says {:?}",
                    members.get(name)
                );
            }
        }
    }
}

#[test]
fn the_tables_say_what_the_report_says() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for capture in captures() {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        let output = archive(&[string(&capture), "-o", string(&lake)]);
        assert!(
            matches!(output.status.code(), Some(0 | 3)),
            "{}",
            said(&output)
        );
        let report = report(&capture);
        let truncated = report["captures"][0]["truncated"] == true;
        assert_eq!(
            output.status.code(),
            Some(if truncated { 3 } else { 0 }),
            "{}",
            said(&output)
        );
        let found = tables(&lake);
        assert_eq!(found.len(), TABLES.len());
        for (place, path) in &found {
            let rows = rows(path);
            let units: BTreeSet<&str> = rows
                .iter()
                .map(|row| row["unit"].as_str().unwrap())
                .collect();
            assert!(
                units
                    .iter()
                    .all(|unit| place.ends_with(&format!("/{unit}.parquet"))),
                "{place}"
            );
            let table = *TABLES
                .iter()
                .find(|table| place.starts_with(&format!("table={table}/")))
                .unwrap();
            *seen.entry(table).or_default() += rows.len();
            let what = format!("{} {table}", capture.display());
            let list = |name: &str| report[name].as_array().unwrap().clone();
            match table {
                "captures" => {
                    let mut run = report.clone();
                    for elsewhere in ["schema", "streams", "images", "findings"] {
                        run.as_object_mut().unwrap().remove(elsewhere);
                    }
                    compare(
                        &what,
                        &rows,
                        &[run],
                        &[
                            "unit",
                            "name",
                            "interface",
                            "files",
                            "started",
                            "imgnet",
                            "replaces",
                        ],
                    );
                }
                "streams" => {
                    let directions: Vec<Value> = list("streams")
                        .iter()
                        .flat_map(|stream| {
                            let directions = stream["directions"].as_array().unwrap().clone();
                            directions.into_iter().map(|direction| {
                                let mut whole = stream.as_object().unwrap().clone();
                                whole.remove("directions");
                                whole.extend(direction.as_object().unwrap().clone());
                                Value::Object(whole)
                            })
                        })
                        .collect();
                    compare(
                        &what,
                        &rows,
                        &directions,
                        &["unit", "direction", "evidence", "map_omitted"],
                    );
                }
                "images" => {
                    let mut images = list("images");
                    images.sort_by_key(|image| image["id"].as_u64());
                    for image in &mut images {
                        image.as_object_mut().unwrap().remove("chunks");
                    }
                    compare(&what, &rows, &images, &["unit"]);
                }
                "chunks" => {
                    let mut images = list("images");
                    images.sort_by_key(|image| image["id"].as_u64());
                    let chunks: Vec<Value> = images
                        .iter()
                        .flat_map(|image| image["chunks"].as_array().cloned().unwrap_or_default())
                        .collect();
                    compare(
                        &what,
                        &rows,
                        &chunks,
                        &["unit", "stream", "image", "chunks"],
                    );
                    // One that stands for itself alone does not say so in the JSON.
                    for (row, chunk) in rows.iter().zip(&chunks) {
                        assert_eq!(
                            row["chunks"].as_u64(),
                            chunk["chunks"].as_u64().or(Some(1)),
                            "{what}"
                        );
                    }
                }
                _ => compare(&what, &rows, &list("findings"), &["unit", "number"]),
            }
        }
    }
    assert!(seen.values().all(|rows| *rows > 10), "{seen:?}");
}

#[test]
fn columns_say_unit_and_meaning_and_files_have_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    archive(&[
        string(&captures_folder().join("pipeline.pcap")),
        "-o",
        string(&lake),
    ]);
    for (place, path) in tables(&lake) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        assert_eq!(reader.schema().field(0).name(), "unit", "{place}");
        let parquet = reader.metadata();
        if parquet.num_row_groups() > 0 {
            for column in parquet.row_group(0).columns() {
                assert!(
                    column.compression().to_string().starts_with("ZSTD"),
                    "{place}"
                );
                assert!(
                    column.statistics().is_some(),
                    "{place}: {}",
                    column.column_path()
                );
            }
            assert!(parquet.row_group(0).sorting_columns().is_some(), "{place}");
        }
        let names = parquet.file_metadata().key_value_metadata().unwrap();
        assert!(
            names.iter().any(|pair| pair.key == "imgnet.schema"
                && pair.value.as_deref() == Some("imgnet/lake/v1"))
        );
    }
    let images = tables(&lake)
        .into_iter()
        .find(|(place, _)| place.starts_with("table=images"))
        .unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(images.1).unwrap()).unwrap();
    let metadata = |name: &str| {
        reader
            .schema()
            .field_with_name(name)
            .unwrap()
            .metadata()
            .clone()
    };
    assert_eq!(metadata("wire_bytes")["unit"], "bytes");
    assert_eq!(metadata("first_packet")["unit"], "frame number");
    assert_eq!(metadata("digest_value")["report"], "images[].digest.value");
}

#[test]
fn the_document_describes_every_column() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    archive(&[
        string(&captures_folder().join("eof.pcap")),
        "-o",
        string(&lake),
    ]);
    let about: Value =
        serde_json::from_slice(&std::fs::read(lake.join("imgnet-lake.json")).unwrap()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lake.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let mut made = String::new();
    for table in about["tables"].as_array().unwrap() {
        made += &format!(
            "### {}\n\nA row is {}.\n\n| column | unit | member of the report | says |\n|---|---|---|---|\n",
            table["name"].as_str().unwrap(),
            table["row"].as_str().unwrap()
        );
        for column in table["columns"].as_array().unwrap() {
            let text = |name: &str| {
                column[name]
                    .as_str()
                    .unwrap_or_default()
                    .replace('|', "\\|")
            };
            let report = if column["report"].is_null() {
                String::new()
            } else {
                format!("`{}`", text("report"))
            };
            made += &format!(
                "| `{}` | {} | {report} | {} |\n",
                text("name"),
                text("unit"),
                text("description")
            );
        }
        made.push('\n');
    }
    let marker = "<!-- columns: tests/archive.rs writes them with IMGNET_UPDATE=1 -->\n\n";
    let (before, now) = document
        .split_once(marker)
        .expect("docs/lake.md has a place for the columns");
    if std::env::var_os("IMGNET_UPDATE").is_some() {
        std::fs::write(
            &path,
            format!("{before}{marker}{}", made.trim_end().to_owned() + "\n"),
        )
        .unwrap();
    } else {
        assert_eq!(
            now.trim_end(),
            made.trim_end(),
            "docs/lake.md is not what the tables are; IMGNET_UPDATE=1 writes it"
        );
    }
}

#[test]
fn a_table_of_frames_comes_where_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let capture = captures_folder().join("pipeline.pcap");
    archive(&["-q", string(&capture), "-o", string(&lake)]);
    assert!(all(&lake, "packets").is_empty());
    assert_eq!(
        archive(&["-q", "--packets", string(&capture), "-o", string(&lake)])
            .status
            .code(),
        Some(0)
    );
    let report = report(&capture);
    assert_eq!(
        all(&lake, "packets").len() as u64,
        support::number(&report["totals"], "packets")
    );
    assert_eq!(all(&lake, "captures").len(), 1);
    let file = tables(&lake)
        .into_iter()
        .find(|(place, _)| place.starts_with("table=packets"))
        .unwrap()
        .1;
    let numbers: Vec<Option<u64>> = rows(&file)
        .iter()
        .map(|row| row["number"].as_u64())
        .collect();
    assert!(numbers.is_sorted());
}

#[test]
fn a_filter_chooses_what_is_put_there() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let capture = captures_folder().join("pipeline-hang.pcap");
    let of = |filter: &str| {
        let put = [
            "-q",
            "--replace",
            "--packets",
            string(&capture),
            "-o",
            string(&lake),
            "-Y",
            filter,
        ];
        assert_eq!(archive(&put).status.code(), Some(0), "{filter}");
        let numbers = |table: &str, key: &str| -> Vec<u64> {
            let mut numbers: Vec<u64> = all(&lake, table)
                .iter()
                .map(|row| serde_json::from_str::<Value>(row).unwrap()[key].as_u64())
                .map(Option::unwrap)
                .collect();
            numbers.sort_unstable();
            // A row is a direction.
            numbers.dedup();
            numbers
        };
        (numbers("streams", "id"), numbers("packets", "number"))
    };
    assert_eq!(of("frame.number in {50, 54}"), (vec![2], vec![50, 54]));
    let images = all(&lake, "images");
    assert!(images.is_empty(), "neither carries a picture: {images:?}");
    assert!(
        all(&lake, "findings")
            .join("")
            .contains("marker-unanswered")
    );
    assert_eq!(of("tcp.stream == 0 && tcp.flags.syn == 1").1.len(), 2);
    assert!(
        !all(&lake, "findings")
            .join("")
            .contains("marker-unanswered")
    );
}

#[test]
fn other_folders_and_wrong_usage_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(
        path.join("imgnet-lake.json"),
        r#"{"schema":"imgnet/lake/v9"}"#,
    )
    .unwrap();
    let eof = captures_folder().join("eof.pcap");
    for (arguments, words) in [
        (vec![string(&eof), "-o", string(path)], "imgnet/lake/v9"),
        (vec![string(&eof)], "--output"),
        (vec!["--compact", "-o", "/nowhere/lake"], "/nowhere/lake"),
        (vec!["/nowhere/x.pcap", "-o", "l"], "/nowhere/x.pcap"),
        (vec![string(&eof), "-o", "l", "--host", "../up"], "host"),
        (vec!["-o", "l"], "required"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .arg("archive")
            .args(&arguments)
            .current_dir(path)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains(words),
            "{arguments:?}: {}",
            said(&output)
        );
    }
}

#[test]
fn counts_of_a_made_archive_are_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/make-archive.py");
    let python = Command::new("python3")
        .arg(script)
        .arg(&made)
        .args(["--captures", "60", "--seed", "11"])
        .status();
    assert!(
        python.is_ok_and(|status| status.success()),
        "python3 makes the archive"
    );
    let lake = folder.path().join("lake");
    let status = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["archive", "-q", "--unit", "-", "-o", string(&lake)])
        .stdin(File::open(made.join("units.jsonl")).unwrap())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let truth = std::fs::read_to_string(made.join("truth.csv")).unwrap();
    let truth: BTreeMap<&str, &str> = truth
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            (fields[0], fields[3])
        })
        .collect();
    let names: BTreeMap<String, String> = all(&lake, "captures")
        .iter()
        .map(|row| {
            let row: Value = serde_json::from_str(row).unwrap();
            (
                row["unit"].as_str().unwrap().to_owned(),
                row["name"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let found = images(&lake);
    assert_eq!(found.len(), truth.len());
    for image in &found {
        let name = &names[image["unit"].as_str().unwrap()];
        assert_eq!(
            image["verdict"].as_str().unwrap(),
            truth[name.as_str()],
            "{name}"
        );
    }
    let kinds: BTreeSet<&&str> = truth.values().collect();
    assert_eq!(kinds.len(), 4, "all kinds are there");
}

#[test]
fn the_same_transfer_on_two_hosts_joins() {
    let folder = tempfile::tempdir().unwrap();
    let (head, records) =
        records(&std::fs::read(captures_folder().join("eof-mtu1500.pcap")).unwrap());
    for (host, records) in [
        ("sender", &records[..]),
        ("receiver", &records[..records.len() - 4]),
    ] {
        let path = folder.path().join("captures").join(host).join("x.pcap");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, [head.clone(), records.concat()].concat()).unwrap();
    }
    let lake = folder.path().join("lake");
    archive(&[
        "-q",
        string(&folder.path().join("captures")),
        "-o",
        string(&lake),
    ]);
    assert_eq!(all(&lake, "captures").len(), 2);
    let keys = |host: &str| -> Vec<(Value, Value)> {
        let within = format!("/host={host}/");
        let files = tables(&lake)
            .into_iter()
            .filter(|(place, _)| place.starts_with("table=streams") && place.contains(&within));
        files
            .flat_map(|(_, path)| rows(&path))
            .map(|row| {
                (
                    row["initial_sequence"].clone(),
                    row["first_bytes_sha256"].clone(),
                )
            })
            .collect()
    };
    let (sender, receiver) = (keys("sender"), keys("receiver"));
    assert_eq!(sender.len(), 2);
    assert!(
        sender.iter().all(|(sequence, _)| sequence.is_u64()),
        "{sender:?}"
    );
    let sequences = |keys: &[(Value, Value)]| {
        keys.iter()
            .map(|(sequence, _)| sequence.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(sequences(&sender), sequences(&receiver));
    // What carries the picture has more than 1,024 bytes, and its first ones are the same.
    assert!(sender[0].1.is_string());
    assert_eq!(sender[0].1, receiver[0].1);
    // Another connection has other numbers.
    archive(&[
        "-q",
        string(&captures_folder().join("eof.pcap")),
        "-o",
        string(&lake),
        "--host",
        "other",
    ]);
    assert_ne!(sequences(&keys("other")), sequences(&sender));
}

//! Which files are one capture.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Grouping, Name, Rotation, units};
use crate::lake::unit::Unit;

/// A pcap with one frame of no meaning at this second.
fn pcap(second: u32, link: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [
        0xa1b2_c3d4_u32,
        0x0004_0002,
        0,
        0,
        65_535,
        link,
        second,
        0,
        20,
        20,
    ] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(&[0; 20]);
    bytes
}

fn folder(files: &[(&str, u32, u32)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, second, link) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, pcap(*second, *link)).unwrap();
    }
    folder
}

fn names(folder: &Path, units: &[Unit]) -> Vec<(String, String, Vec<String>)> {
    let short = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
    units
        .iter()
        .map(|unit| {
            (
                unit.host.clone(),
                unit.name.clone(),
                unit.files.iter().map(short).collect(),
            )
        })
        .collect()
}

fn found(files: &[(&str, u32, u32)], grouping: Grouping) -> Vec<(String, String, Vec<String>)> {
    let folder = folder(files);
    let found = units(&[folder.path().to_owned()], None, grouping).unwrap();
    assert!(found.unreadable.is_empty());
    names(folder.path(), &found.units)
}

fn set(host: &str, name: &str, files: &[&str]) -> (String, String, Vec<String>) {
    (
        host.to_owned(),
        name.to_owned(),
        files.iter().map(|&file| file.to_owned()).collect(),
    )
}

const HOUR: Grouping = Grouping::Rotation(Duration::from_secs(3600));

#[test]
fn names_of_rotation_are_known() {
    let of = |name: &str| {
        let name = Name::of(Path::new(name));
        (name.base, name.rotation)
    };
    let is = |base: &str, rotation| (base.to_owned(), rotation);
    assert_eq!(
        of("a/ring_00003_20261120111449.pcapng.zst"),
        is("ring", Rotation::Numbered(3))
    );
    assert_eq!(
        of("ring_20261120111449_00003.pcapng"),
        is("ring", Rotation::Numbered(3))
    );
    assert_eq!(of("x.pcap12"), is("x", Rotation::Counted(12)));
    assert_eq!(of("x.pcap12.gz"), is("x", Rotation::Counted(12)));
    assert_eq!(
        of("eth0-2026-11-20_11:14:49.pcap"),
        is("eth0", Rotation::Timed)
    );
    assert_eq!(of("20261120111449.pcap"), is("capture", Rotation::Timed));
    assert_eq!(of("trace-1795173289.pcap"), is("trace", Rotation::Timed));
    // Numbered runs of a test are captures of their own.
    assert_eq!(of("run-00017.pcap"), is("run-00017", Rotation::None));
    assert_eq!(of("mtu1500.pcap"), is("mtu1500", Rotation::None));
}

#[test]
fn rotated_files_are_one_unit_in_order_of_time() {
    let files = [
        ("ring_00002_20261120111550.pcap", 160, 1),
        ("ring_00001_20261120111449.pcap", 100, 1),
        ("ring_00003_20261120111650.pcap", 220, 1),
        ("run-1.pcap", 100, 1),
        ("run-2.pcap", 101, 1),
    ];
    let expected = [
        set(
            "unknown",
            "ring",
            &[
                "ring_00001_20261120111449.pcap",
                "ring_00002_20261120111550.pcap",
                "ring_00003_20261120111650.pcap",
            ],
        ),
        set("unknown", "run-1", &["run-1.pcap"]),
        set("unknown", "run-2", &["run-2.pcap"]),
    ];
    assert_eq!(found(&files, HOUR), expected);
    assert_eq!(found(&files, Grouping::File).len(), 5);
    let all = found(&files, Grouping::All);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].2.len(), 5);
}

#[test]
fn a_number_that_begins_anew_is_another_capture() {
    let files = [
        ("ring_00001_20261120111449.pcap", 100, 1),
        ("ring_00002_20261120111550.pcap", 160, 1),
        ("ring_00001_20261121111449.pcap", 90_000, 1),
    ];
    assert_eq!(found(&files, HOUR).len(), 2);
}

#[test]
fn other_link_types_folders_and_hosts_are_other_captures() {
    let files = [
        ("lab1/x.pcap", 100, 1),
        ("lab1/x.pcap1", 160, 1),
        ("lab1/x.pcap2", 200, 113),
        ("lab 2/deep/x.pcap", 100, 1),
        ("x.pcap", 100, 1),
    ];
    let expected = [
        set("lab1", "x", &["lab1/x.pcap", "lab1/x.pcap1"]),
        set("lab1", "x.pcap2", &["lab1/x.pcap2"]),
        set("lab_2", "x", &["lab 2/deep/x.pcap"]),
        set("unknown", "x", &["x.pcap"]),
    ];
    let mut found = found(&files, HOUR);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn times_in_names_join_as_far_as_they_are_near() {
    let files = [
        ("a-20261120-111400.pcap", 1000, 1),
        ("a-20261120-121400.pcap", 1000 + 3600, 1),
        ("a-20261120-191400.pcap", 1000 + 8 * 3600, 1),
    ];
    let lengths: Vec<usize> = found(&files, HOUR)
        .iter()
        .map(|unit| unit.2.len())
        .collect();
    assert_eq!(lengths, [2, 1]);
    let day = Grouping::Rotation(Duration::from_secs(86_400));
    assert_eq!(found(&files, day).len(), 1);
}

#[test]
fn what_is_no_capture_is_passed_over_and_what_is_called_one_is_told() {
    let folder = folder(&[("a.pcap", 1, 1)]);
    std::fs::write(folder.path().join("notes.txt"), "no capture").unwrap();
    std::fs::write(folder.path().join("empty.pcap"), "").unwrap();
    std::fs::create_dir_all(folder.path().join("table=images")).unwrap();
    std::fs::write(folder.path().join("table=images/x.pcap"), "no capture").unwrap();
    let found = units(&[folder.path().to_owned()], Some("h"), HOUR).unwrap();
    assert_eq!(found.units.len(), 1);
    assert_eq!(found.units[0].host, "h");
    assert_eq!(found.passed_over, 1);
    assert_eq!(found.unreadable.len(), 1);
    assert!(found.unreadable[0].to_string().contains("empty.pcap"));
    assert!(units(&[folder.path().join("notes.txt")], None, HOUR).is_err());
}

#[test]
fn a_unit_is_called_by_its_bytes_alone() {
    let folder = folder(&[
        ("a/x.pcap", 86_399, 1),
        ("b/y.pcap", 86_399, 1),
        ("c/x.pcap1", 86_400, 1),
    ]);
    let unit = |files: &[&str]| {
        Unit::of(
            "n".to_owned(),
            "h".to_owned(),
            None,
            None,
            files.iter().map(|file| folder.path().join(file)).collect(),
        )
    };
    let one = unit(&["a/x.pcap"]).identify().unwrap();
    assert_eq!(
        one.identity,
        unit(&["b/y.pcap"]).identify().unwrap().identity
    );
    assert_eq!(one.identity.date, "1970-01-01");
    assert_eq!(one.identity.unit.len(), 32);
    let two = unit(&["a/x.pcap", "c/x.pcap1"]).identify().unwrap();
    assert_ne!(two.identity.unit, one.identity.unit);
    assert_eq!(
        two.identity,
        unit(&["c/x.pcap1", "a/x.pcap"])
            .identify()
            .unwrap()
            .identity
    );
    // It is a line, and comes back as it was.
    let mut listed = unit(&["a/x.pcap"]);
    listed.sent.push("s".into());
    let line = serde_json::to_string(&listed).unwrap();
    assert_eq!(Unit::parse(&line, 1).unwrap(), listed);
    for wrong in [
        "",
        "{}",
        r#"{"files":[]}"#,
        r#"{"files":["x"],"host":"../up"}"#,
        r#"{"files":["x"],"schema":"imgnet/unit/v9"}"#,
    ] {
        assert!(
            Unit::parse(wrong, 7)
                .unwrap_err()
                .to_string()
                .contains(if wrong.contains("up") {
                    "host"
                } else {
                    "line 7"
                }),
            "{wrong}"
        );
    }
}

#[test]
fn a_file_that_is_written_to_meanwhile_is_seen() {
    let folder = folder(&[("x.pcap", 1, 1)]);
    let path = folder.path().join("x.pcap");
    let unit = Unit::of(
        "n".to_owned(),
        "h".to_owned(),
        None,
        None,
        vec![path.clone()],
    );
    let identified = unit.identify().unwrap();
    assert!(unit.unchanged(&identified.print).is_ok());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.push(0);
    std::fs::write(&path, bytes).unwrap();
    assert!(
        unit.unchanged(&identified.print)
            .unwrap_err()
            .to_string()
            .contains("changed")
    );
}

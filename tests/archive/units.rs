//! Units: rotated files are one, each is in the lake once and whole however often and by how many it is put there, files are
//! joined, followed and pruned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::{captures, captures_folder, number, report};
use super::{TABLES, all, archive, bytes, said, string, tables};

/// The records of a pcap.
pub(crate) fn records(bytes: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (head, mut rest) = bytes.split_at(24);
    let mut records = Vec::new();
    while rest.len() >= 16 {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (record, behind) = rest.split_at(16 + length);
        records.push(record.to_vec());
        rest = behind;
    }
    (head.to_vec(), records)
}

/// A capture as files that dumpcap rotated.
pub(crate) fn rotate(capture: &Path, folder: &Path, files: usize) -> Vec<PathBuf> {
    let (head, records) = records(&std::fs::read(capture).unwrap());
    let each = records.len().div_ceil(files);
    let parts = records.chunks(each).enumerate();
    std::fs::create_dir_all(folder).unwrap();
    parts
        .map(|(index, part)| {
            let path = folder.join(format!("ring_{:05}_2026112011144{index}.pcap", index + 1));
            std::fs::write(&path, [head.clone(), part.concat()].concat()).unwrap();
            path
        })
        .collect()
}

pub(crate) fn images(lake: &Path) -> Vec<Value> {
    all(lake, "images")
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect()
}

#[test]
fn a_picture_over_three_rotated_files_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join("ring");
    let files = rotate(&captures_folder().join("eof-mtu1500.pcap"), &ring, 3);
    assert_eq!(files.len(), 3);
    let lines = archive(&[string(&ring), "--list-units"]);
    let listed = String::from_utf8(lines.stdout).unwrap();
    assert_eq!(listed.lines().count(), 1);
    let unit: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(unit["name"], "ring");
    assert_eq!(unit["files"].as_array().unwrap().len(), 3);

    let lake = folder.path().join("lake");
    assert_eq!(
        archive(&[string(&ring), "-o", string(&lake)]).status.code(),
        Some(0)
    );
    let found = images(&lake);
    let whole = report(&captures_folder().join("eof-mtu1500.pcap"));
    assert_eq!(found.len(), 1);
    for member in [
        "complete",
        "sha256",
        "bytes",
        "packets",
        "first_packet",
        "last_packet",
        "verdict",
    ] {
        assert_eq!(found[0][member], whole["images"][0][member], "{member}");
    }
    let (first, last) = (
        found[0]["first_packet"].as_u64().unwrap(),
        found[0]["last_packet"].as_u64().unwrap(),
    );
    let a_file = number(&whole["packets"], "read").div_ceil(3);
    assert!(
        first <= a_file && last > 2 * a_file,
        "frames {first} to {last} lie in all three"
    );

    // Each file alone: nobody sees the whole picture.
    let alone = folder.path().join("alone");
    archive(&[string(&ring), "-o", string(&alone), "--group", "file"]);
    assert_eq!(all(&alone, "captures").len(), 3);
    assert!(
        images(&alone)
            .iter()
            .all(|image| image["complete"] == false)
    );
}

/// A folder with all captures of the repository.
fn many(folder: &Path) -> PathBuf {
    let many = folder.join("captures");
    for (index, capture) in captures().iter().enumerate() {
        let host = many.join(format!("lab{}", index % 3));
        std::fs::create_dir_all(&host).unwrap();
        std::fs::copy(capture, host.join(capture.file_name().unwrap())).unwrap();
    }
    many
}

#[test]
fn once_or_twice_or_by_three_at_once_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let many = many(folder.path());
    let lake = folder.path().join("lake");
    let output = archive(&[string(&many), "-o", string(&lake)]);
    assert_eq!(
        output.status.code(),
        Some(3),
        "one is cut short: {}",
        said(&output)
    );
    let before = bytes(&lake);
    assert_eq!(before.len(), captures().len() * TABLES.len());
    let output = archive(&[string(&many), "-o", string(&lake)]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "all there: {}",
        said(&output)
    );
    assert!(
        said(&output).contains(&format!(
            "0 units written (0 rows, 0 bytes), {} already there",
            captures().len()
        )),
        "{}",
        said(&output)
    );
    assert_eq!(bytes(&lake), before);

    let together = folder.path().join("together");
    let running: Vec<_> = (0..3)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_imgnet"))
                .args(["archive", "-q", string(&many), "-o", string(&together)])
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    // Whoever analyses the one that is cut short ends with 3; who comes when it is there already, with 0.
    let codes: Vec<_> = running
        .into_iter()
        .map(|mut one| one.wait().unwrap().code())
        .collect();
    assert!(
        codes.contains(&Some(3)) && codes.iter().all(|code| matches!(code, Some(0 | 3))),
        "{codes:?}"
    );
    assert_eq!(bytes(&together), before);
}

/// What counts of a lake is whole: each unit of `captures` has all its tables, as the finished lake has them.
fn counts(lake: &Path, finished: &BTreeMap<String, Vec<u8>>) -> usize {
    let found = bytes(lake);
    let mut units = 0;
    for place in found
        .keys()
        .filter(|place| place.starts_with("table=captures/"))
    {
        units += 1;
        for table in TABLES {
            let place = place.replacen("captures", table, 1);
            assert_eq!(found.get(&place), finished.get(&place), "{place}");
        }
    }
    // Also what does not count yet is whole.
    for (place, bytes) in &found {
        assert_eq!(Some(bytes), finished.get(place), "{place}");
    }
    units
}

#[test]
fn killed_at_any_moment_nothing_is_half_double_or_lost() {
    let folder = tempfile::tempdir().unwrap();
    let many = many(folder.path());
    let whole = folder.path().join("whole");
    let begun = Instant::now();
    archive(&["-q", string(&many), "-o", string(&whole)]);
    let took = begun.elapsed();
    let finished = bytes(&whole);
    let lake = folder.path().join("lake");
    let mut killed = 0;
    for round in 0..200_u32 {
        let mut running = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(["archive", "-q", string(&many), "-o", string(&lake)])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere in the first third of the time that all of it takes, elsewhere each time.
        let pause = took / 3 * (round * 37 % 100 + 1) / 100;
        std::thread::sleep(pause.max(Duration::from_millis(1)));
        let ended = running.try_wait().unwrap().is_some();
        let _ = running.kill();
        running.wait().unwrap();
        killed += u32::from(!ended);
        let units = counts(&lake, &finished);
        if ended && units == captures().len() {
            break;
        }
    }
    assert!(killed >= 3, "killed {killed} times");
    // 3 only where the one that is cut short is read in this run.
    let last = archive(&["-q", string(&many), "-o", string(&lake)]);
    assert!(matches!(last.status.code(), Some(0 | 3)), "{}", said(&last));
    assert_eq!(bytes(&lake), finished);
}

#[test]
fn joined_files_have_the_same_rows_also_when_killed() {
    let folder = tempfile::tempdir().unwrap();
    let many = many(folder.path());
    let lake = folder.path().join("lake");
    archive(&["-q", string(&many), "-o", string(&lake)]);
    let before: Vec<_> = TABLES.iter().map(|table| all(&lake, table)).collect();
    let files = tables(&lake).len();
    for pause in [1, 3, 6, 10, 15, 25, 40] {
        let mut running = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(["archive", "-q", "--compact", "-o", string(&lake)])
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        let _ = running.kill();
        running.wait().unwrap();
        // Joined or not: it is there.
        let output = archive(&[string(&many), "-o", string(&lake)]);
        assert!(
            said(&output).contains("0 units written"),
            "{}",
            said(&output)
        );
    }
    assert_eq!(
        archive(&["--compact", "-o", string(&lake)]).status.code(),
        Some(0)
    );
    let after: Vec<_> = TABLES.iter().map(|table| all(&lake, table)).collect();
    assert_eq!(after, before);
    assert!(
        tables(&lake).len() < files / 2,
        "{} of {files}",
        tables(&lake).len()
    );
    // One more capture, joined with those that were joined before.
    let more = folder.path().join("more/lab0");
    std::fs::create_dir_all(&more).unwrap();
    let (head, records) = records(&std::fs::read(captures_folder().join("eof.pcap")).unwrap());
    std::fs::write(more.join("x.pcap"), [head, records[1..].concat()].concat()).unwrap();
    archive(&[
        "-q",
        string(more.parent().unwrap()),
        "--compact",
        "--prune",
        "-o",
        string(&lake),
    ]);
    assert_eq!(all(&lake, "captures").len(), captures().len() + 1);
    let output = archive(&[string(&many), "-o", string(&lake)]);
    assert!(
        said(&output).contains("0 units written"),
        "{}",
        said(&output)
    );
    assert_eq!(all(&lake, "captures").len(), captures().len() + 1);
}

#[test]
fn a_set_that_has_grown_replaces_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (all_files, ring) = (folder.path().join("all"), folder.path().join("ring"));
    let files = rotate(&captures_folder().join("eof-mtu1500.pcap"), &all_files, 4);
    std::fs::create_dir_all(&ring).unwrap();
    let lake = folder.path().join("lake");
    let take = |file: &PathBuf| std::fs::copy(file, ring.join(file.file_name().unwrap())).unwrap();
    for file in &files {
        take(file);
        archive(&["-q", string(&ring), "-o", string(&lake)]);
        assert_eq!(all(&lake, "captures").len(), 1, "after {}", file.display());
        assert_eq!(images(&lake).len(), 1);
    }
    assert_eq!(images(&lake)[0]["complete"], true);
    // The ring has lost its oldest files: what is there stays.
    std::fs::remove_file(ring.join(files[0].file_name().unwrap())).unwrap();
    let output = archive(&[string(&ring), "-o", string(&lake)]);
    assert!(
        said(&output).contains("1 already there"),
        "{}",
        said(&output)
    );
    // And a new one has come: it alone is new.
    let (head, mut records) =
        records(&std::fs::read(captures_folder().join("eof-mtu1500.pcap")).unwrap());
    for record in &mut records {
        let second = u32::from_le_bytes(record[..4].try_into().unwrap()) + 600;
        record[..4].copy_from_slice(&second.to_le_bytes());
    }
    std::fs::write(
        ring.join("ring_00005_20261120112449.pcap"),
        [head, records.concat()].concat(),
    )
    .unwrap();
    let output = archive(&[string(&ring), "-o", string(&lake)]);
    assert!(said(&output).contains("left out"), "{}", said(&output));
    assert_eq!(all(&lake, "captures").len(), 2);
    assert_eq!(
        images(&lake)
            .iter()
            .filter(|image| image["complete"] == true)
            .count(),
        2
    );
}

#[test]
fn followed_files_come_one_by_one_and_a_transfer_over_several_is_whole_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (all_files, ring) = (folder.path().join("all"), folder.path().join("ring"));
    let files = rotate(&captures_folder().join("eof-mtu1500.pcap"), &all_files, 3);
    std::fs::create_dir_all(&ring).unwrap();
    let lake = folder.path().join("lake");
    let mut following = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args([
            "archive",
            "-q",
            "--follow",
            string(&ring),
            "--settled",
            "500ms",
            "-o",
            string(&lake),
        ])
        .spawn()
        .unwrap();
    let until = |what: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !what() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it did not come");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    for file in &files {
        std::fs::copy(file, ring.join(file.file_name().unwrap())).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    until(&|| {
        let captures = tables(&lake)
            .into_keys()
            .filter(|place| place.starts_with("table=captures"))
            .count();
        captures == 1
            && std::fs::read_dir(&lake).is_ok()
            && images(&lake).iter().any(|image| image["complete"] == true)
    });
    following.kill().unwrap();
    following.wait().unwrap();
    assert_eq!(images(&lake).len(), 1);
}

#[test]
fn units_of_standard_input_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let listed = archive(&[string(&captures_folder()), "--list-units"]);
    let lines = String::from_utf8(listed.stdout).unwrap();
    let few: Vec<&str> = lines
        .lines()
        .filter(|line| line.contains("/eof.pcap") || line.contains("/udp.pcap"))
        .collect();
    assert_eq!(few.len(), 2);
    let gone = r#"{"name":"gone","files":["/nowhere/x.pcap"]}"#;
    let input = format!("{}\n{}\n\n{gone}\n{}\n", few[0], few[1], few[0]);
    let mut running = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["archive", "--unit", "-", "-o", string(&lake)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut running.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("/nowhere/x.pcap"));
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let states: Vec<&str> = answers
        .iter()
        .map(|answer| answer["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["written", "written", "failed", "present"]);
    assert_eq!(all(&lake, "captures").len(), 2);
}

#[test]
fn what_is_gone_is_pruned_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let many = many(folder.path());
    let lake = folder.path().join("lake");
    archive(&["-q", string(&many), "-o", string(&lake)]);
    let units = all(&lake, "captures").len();
    std::fs::remove_file(many.join("lab0").join("catalog.pcap")).unwrap_or_else(|_| {
        let file = std::fs::read_dir(many.join("lab0"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        std::fs::remove_file(file).unwrap();
    });
    archive(&["-q", "--prune", "-o", string(&lake)]);
    assert_eq!(all(&lake, "captures").len(), units, "no folder was named");
    let output = archive(&[string(&many), "--prune", "-o", string(&lake)]);
    assert!(
        said(&output).contains("1 unit whose captures are gone"),
        "{}",
        said(&output)
    );
    assert_eq!(all(&lake, "captures").len(), units - 1);
}

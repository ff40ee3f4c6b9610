//! Against real captures and other people's programs. Where a program is missing the test says so.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::source::Capture;

/// Number, wire length, captured length, time as tshark prints it.
type Line = (u64, u32, usize, String);

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "pcap")
        })
        .collect();
    paths.sort();
    assert!(paths.len() >= 2);
    paths
}

fn ours(paths: &[PathBuf]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut capture = Capture::open(paths).unwrap();
    capture
        .for_each_frame(&mut |frame| {
            let time = frame.time.map_or(String::new(), |time| {
                format!("{}.{:09}", time.0 / 1_000_000_000, time.0 % 1_000_000_000)
            });
            lines.push((frame.number.0, frame.wire_len, frame.data.len(), time));
            ControlFlow::Continue(())
        })
        .unwrap();
    lines
}

fn theirs(path: &Path) -> Vec<Line> {
    let output = Command::new("tshark")
        .args(["-n", "-T", "fields", "-r"])
        .arg(path)
        .args("-e frame.number -e frame.len -e frame.cap_len -e frame.time_epoch".split(' '))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default();
            (
                next().parse().unwrap(),
                next().parse().unwrap(),
                next().parse().unwrap(),
                next().to_owned(),
            )
        })
        .collect()
}

/// Whether `program` can be run; says so aloud where it cannot.
fn installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

fn run(program: &str, arguments: &[&str], from: &Path, to: &Path) {
    let status = Command::new(program)
        .args(arguments)
        .arg(from)
        .arg(to)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

#[test]
fn frames_are_those_of_tshark_in_every_format() {
    if !installed("tshark") || !installed("editcap") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for path in captures() {
        let expected = theirs(&path);
        assert!(!expected.is_empty());
        assert_eq!(
            ours(std::slice::from_ref(&path)),
            expected,
            "{}",
            path.display()
        );
        for format in ["pcapng", "nsecpcap", "modpcap"] {
            let converted = directory.path().join(format);
            run("editcap", &["-F", format], &path, &converted);
            assert_eq!(
                ours(&[converted]),
                expected,
                "{} as {format}",
                path.display()
            );
        }
        let snapped = directory.path().join("snapped");
        run("editcap", &["-F", "pcapng", "-s", "80"], &path, &snapped);
        assert_eq!(ours(std::slice::from_ref(&snapped)), theirs(&snapped));
    }
}

#[test]
fn frames_of_a_cut_file_are_those_of_tshark() {
    if !installed("tshark") || !installed("editcap") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = &captures()[0];
    let ng = directory.path().join("whole.pcapng");
    run("editcap", &["-F", "pcapng"], path, &ng);
    for whole in [path, &ng] {
        let bytes = std::fs::read(whole).unwrap();
        for part in 1..5 {
            let cut = directory.path().join("cut");
            std::fs::write(&cut, &bytes[..bytes.len() * part / 5 - part]).unwrap();
            assert_eq!(ours(std::slice::from_ref(&cut)), theirs(&cut));
            let mut capture = Capture::open(&[cut]).unwrap();
            capture
                .for_each_frame(&mut |_| ControlFlow::Continue(()))
                .unwrap();
            assert!(capture.files()[0].truncated.is_some());
        }
    }
}

#[test]
fn several_files_are_numbered_as_mergecap_puts_them_together() {
    if !installed("tshark") || !installed("mergecap") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let merged = directory.path().join("merged");
    // mergecap refuses a file that is cut short.
    let paths: Vec<_> = captures()
        .into_iter()
        .filter(|path| !path.ends_with("cut-mid-frame.pcap"))
        .collect();
    let status = Command::new("mergecap")
        .arg("-w")
        .arg(&merged)
        .args(&paths)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(ours(&paths), theirs(&merged));
}

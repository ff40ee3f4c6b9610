//! The sign at the front of what `verify` says, and its exit code: one never says what the other denies.

use std::path::Path;
use std::process::Command;

use super::{folder, path, read, written};
use crate::support::captures_folder;

/// The one line that a quiet run prints, and how it ended.
fn quiet(arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(arguments)
        .arg("-q")
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1")
        .output()
        .expect("imgnet starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (said, output.status.code().expect("an exit code"))
}

#[test]
fn what_the_first_sign_says_is_what_the_exit_code_says() {
    let folder = folder();
    let path_of = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (sent, received) = (path("eof", "/sent"), path("eof", "/received"));
    let eof = path("eof", ".pcap");
    // The header of a capture file, and not one packet.
    let empty = written(folder.path(), "empty.pcap", &read("eof", ".pcap")[..24]);
    let text = written(folder.path(), "other.bin", &[0x80; 300]);
    let more = path_of("more");
    std::fs::create_dir(&more).expect("a folder");
    for file in [&received, &path("catalog", "/received")] {
        for entry in std::fs::read_dir(file).expect("a folder") {
            let entry = entry.expect("an entry").path();
            let name = entry
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            std::fs::copy(&entry, Path::new(&more).join(name)).expect("a copy");
        }
    }
    let (sent, received, eof) = (sent.as_str(), received.as_str(), eof.as_str());
    let (empty, text, more) = (empty.as_str(), text.as_str(), more.as_str());
    let mut runs: Vec<(Vec<&str>, Option<i32>)> = vec![
        (vec![eof, "--sent", sent, "--received", received], Some(0)),
        // A file more in the folder of the receiver is told of.
        (vec![eof, "--sent", sent, "--received", more], Some(0)),
        (vec![eof, "--sent", sent, text], Some(3)),
        (vec![eof, "--received", received, text], Some(1)),
        (vec![empty, "--sent", sent], Some(1)),
        (vec![empty, "--received", received], Some(1)),
    ];
    let attacks = captures_folder().join("cases/attack");
    let attack = |name: &str| attacks.join(name).to_string_lossy().into_owned();
    let (a, b) = (attack("a.png"), attack("b.png"));
    let captures: Vec<String> = std::fs::read_dir(&attacks)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|name| name == "pcap" || name == "pcapng")
        })
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    assert!(captures.len() > 20);
    for capture in &captures {
        let (capture, a, b) = (capture.as_str(), a.as_str(), b.as_str());
        runs.push((vec![capture, "--sent", a, "--received", a], None));
        runs.push((vec![capture, "--sent", a, b], None));
    }
    let mut seen = [0; 4];
    for (arguments, expected) in runs {
        let all = [&["verify"][..], &arguments[..]].concat();
        let (said, code) = quiet(&all);
        let sign = said.chars().next().unwrap_or(' ');
        let fits = match sign {
            '✔' => code == 0,
            '✖' => code == 1,
            '?' => code == 1 || code == 3,
            _ => false,
        };
        assert!(fits, "{arguments:?}: exit {code}: {said}");
        assert!(
            expected.is_none_or(|expected| code == expected),
            "{arguments:?}: {code}: {said}"
        );
        seen[usize::try_from(code).expect("small")] += 1;
    }
    assert!(seen[0] > 2 && seen[1] > 10 && seen[3] > 5, "{seen:?}");
    let (said, _) = quiet(&["verify", eof, "--sent", sent, "--received", more]);
    assert!(said.contains("of --received belong"), "{said}");
    let (said, _) = quiet(&["verify", empty, "--sent", sent]);
    assert!(said.contains("no packet"), "{said}");
    // The same of what was recorded: a capture without a packet meets no expectation.
    let recorded = path_of("eof.toml");
    assert_eq!(quiet(&["check", eof, "--record", &recorded]).1, 0);
    assert_eq!(quiet(&["check", eof, "--expect", &recorded]).1, 0);
    assert_eq!(quiet(&["check", empty, "--expect", &recorded]).1, 1);
    let none = written(folder.path(), "none.toml", b"[run]\npictures = 0\n");
    assert_eq!(quiet(&["check", empty, "--expect", &none]).1, 1);
}

//! `imgnet check` as a user runs it: exit codes, what is told, what is written.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use crate::support;

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{captures_folder, list, text};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with copies of these captures, where the commands run: what they print then names no path of a machine.
fn folder(captures: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for capture in captures {
        let from = captures_folder().join(capture);
        std::fs::copy(from, folder.path().join(capture)).expect("the capture is copied");
    }
    folder
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgnet"));
    command
        .arg("check")
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("GITHUB_ACTIONS")
        .env("COLUMNS", "80")
        .env("LC_ALL", "C.UTF-8");
    command
}

/// Exit code, standard output, standard error.
fn check(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    told(&command(folder, arguments).output().expect("imgnet starts"))
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let code = output.status.code().expect("no signal");
    (code, text(&output.stdout), text(&output.stderr))
}

fn read(folder: &TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).expect("the file is there")
}

fn write(folder: &TempDir, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).expect("the file is written");
}

/// A folder with `eof.pcap` and the expectations recorded from it, `eof.toml`.
fn recorded() -> TempDir {
    let folder = folder(&["eof.pcap"]);
    let (code, out, errors) = check(&folder, &["eof.pcap", "--record", "eof.toml"]);
    assert_eq!(code, 0, "{errors}");
    assert!(
        out.starts_with("wrote 25 expectations to eof.toml"),
        "{out}"
    );
    folder
}

/// Cuts the capture in the middle of the picture.
fn cut(folder: &TempDir) {
    let whole = std::fs::read(folder.path().join("eof.pcap")).expect("the capture");
    let half = whole.get(..9_000).expect("a longer capture");
    std::fs::write(folder.path().join("cut.pcap"), half).expect("the file is written");
}

#[test]
fn what_was_recorded_holds() {
    let folder = recorded();
    insta::assert_snapshot!("recorded", read(&folder, "eof.toml"));
    let (code, out, errors) = check(&folder, &["eof.pcap", "--expect", "eof.toml"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(
        out,
        "✔ 25 expectations hold: eof.pcap is as eof.toml says\n"
    );
}

#[test]
fn every_good_capture_can_be_recorded_and_holds() {
    let captures = [
        "eof.pcap",
        "eof-mtu1500.pcap",
        "eof-lossy.pcap",
        "pipeline.pcap",
        "marker-split.pcap",
        "catalog.pcap",
        "raw-pixels.pcap",
        "udp.pcap",
        "length-u32be.pcap",
    ];
    let folder = folder(&captures);
    for capture in captures {
        let (code, _, errors) = check(&folder, &[capture, "--record", "e.toml", "--force"]);
        assert_eq!(code, 0, "{capture}: {errors}");
        let (code, out, errors) = check(&folder, &[capture, "--expect", "e.toml"]);
        assert_eq!(code, 0, "{capture}: {out}{errors}");
    }
}

#[test]
fn one_byte_more_fails_with_expected_and_actual() {
    let folder = recorded();
    let edited = read(&folder, "eof.toml").replace("12192", "12193");
    write(&folder, "eof.toml", &edited);
    let (code, out, _) = check(&folder, &["eof.pcap", "--expect", "eof.toml"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!("one-byte-more", out);
}

#[test]
fn several_files_are_one_run() {
    let folder = folder(&["eof.pcap", "pipeline.pcap"]);
    write(&folder, "e.toml", "[run]\npictures = 6\nstreams = 4\n");
    let arguments = ["eof.pcap", "pipeline.pcap", "--expect", "e.toml"];
    let (code, out, _) = check(&folder, &arguments);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "✔ 2 expectations hold: these 2 files are as e.toml says\n"
    );
}

#[test]
fn all_is_told_when_asked_for() {
    let folder = recorded();
    let (code, out, _) = check(&folder, &["eof.pcap", "--expect", "eof.toml", "-v"]);
    assert_eq!(code, 0);
    assert_eq!(out.matches('✔').count(), 26, "{out}");
    let (_, out, _) = check(&folder, &["eof.pcap", "--expect", "eof.toml", "--ascii"]);
    assert!(out.is_ascii(), "{out}");
}

#[test]
fn a_mistake_has_its_line() {
    let folder = recorded();
    let wrong = read(&folder, "eof.toml").replace("\nbytes =", "\nbites =");
    write(&folder, "eof.toml", &wrong);
    let (code, out, errors) = check(&folder, &["eof.pcap", "--expect", "eof.toml"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(
        errors,
        "eof.toml:19:1: unknown key `bites` in [[picture]]; did you mean `bytes`?\n  \
         19 | bites = 12192\n     | ^^^^^\n\
         imgnet: eof.toml: 1 mistake in the expectations; nothing was checked\n"
    );
}

#[test]
fn a_cut_capture_is_inconclusive() {
    let folder = recorded();
    cut(&folder);
    let (code, out, _) = check(&folder, &["cut.pcap", "--expect", "eof.toml"]);
    assert_eq!(code, 3);
    insta::assert_snapshot!("cut", out);
    // What is wrong whatever the rest was fails all the same.
    write(&folder, "less.toml", "[run]\nimage_bytes = 1000\n");
    let (code, out, _) = check(&folder, &["cut.pcap", "--expect", "less.toml"]);
    assert_eq!(code, 1, "{out}");
}

#[test]
fn findings_are_denied_and_required() {
    let folder = folder(&["eof-lossy.pcap", "eof.pcap"]);
    write(&folder, "e.toml", "[run]\ndeny = [\"retransmission\"]\n");
    let (code, out, _) = check(&folder, &["eof-lossy.pcap", "--expect", "e.toml"]);
    assert_eq!(code, 1);
    assert!(out.contains("deny retransmission  (e.toml:2)"), "{out}");
    assert!(out.contains("frames 15, 48,"), "{out}");
    assert_eq!(check(&folder, &["eof.pcap", "--expect", "e.toml"]).0, 0);
    write(&folder, "e.toml", "[run]\nrequire = [\"retransmission\"]\n");
    assert_eq!(
        check(&folder, &["eof-lossy.pcap", "--expect", "e.toml"]).0,
        0
    );
    assert_eq!(check(&folder, &["eof.pcap", "--expect", "e.toml"]).0, 1);
}

/// A finding that a file cannot name could not be denied.
#[test]
fn every_finding_that_occurs_can_be_denied() {
    let folder = recorded();
    for capture in support::captures() {
        let report = support::report(&capture);
        for finding in list(&report, "findings") {
            let name = text(finding, "name");
            write(&folder, "e.toml", &format!("[run]\ndeny = \"{name}\"\n"));
            let (code, _, errors) = check(&folder, &["eof.pcap", "--expect", "e.toml"]);
            assert_ne!(code, 2, "{errors}");
        }
    }
}

#[test]
fn usage_is_told_by_exit_2() {
    let folder = recorded();
    write(&folder, "broken.toml", "[run\n");
    for (arguments, part) in [
        (&["eof.pcap"][..], "give --expect FILE.toml"),
        (
            &["eof.pcap", "--expect", "nope.toml"],
            "nope.toml: cannot be read",
        ),
        (
            &["nope.pcap", "--expect", "eof.toml"],
            "nope.pcap: there is no such file",
        ),
        (&["eof.pcap", "--expect", "eof.pcap"], "is no text"),
        (
            &["eof.pcap", "--expect", "broken.toml"],
            "broken.toml:1:5: not TOML",
        ),
        (&["--expect", "eof.toml"], "<CAPTURE>..."),
        (&["eof.pcap", "--junit", "j.xml"], "the outcome of --expect"),
        (
            &["eof.pcap", "--expect", "eof.toml", "--force"],
            "--force belongs to --record",
        ),
        (
            &["eof.pcap", "--expect", "eof.toml", "--record", "x"],
            "cannot be used with",
        ),
        (
            &["eof.pcap", "--expect", "eof.toml", "--csv", "chunks"],
            "leave",
        ),
        (
            &["eof.pcap", "--expect", "eof.toml", "--digest", "crc32"],
            "leave --digest out",
        ),
        (
            &["eof.pcap", "--expect", "eof.toml", "--junit", "no/j.xml"],
            "cannot be written",
        ),
        (
            &["eof.pcap", "--expect", "eof.toml", "--junit", "eof.toml"],
            "is one of the files to read",
        ),
        (
            &["eof.pcap", "--expect", "eof.toml", "--junit", "eof.pcap"],
            "is one of the files to read",
        ),
        (
            &[
                "eof.pcap", "--expect", "eof.toml", "--junit", "j", "-o", "j",
            ],
            "two outputs cannot be one file",
        ),
        (
            &["eof.pcap", "--record", "eof.toml"],
            "replace it with --force",
        ),
        (
            &["eof.pcap", "--record", "x.toml", "--format", "json"],
            "leave out -o, --format",
        ),
    ] {
        let (code, _, errors) = check(&folder, arguments);
        assert_eq!(code, 2, "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
    assert!(
        read(&folder, "eof.toml").contains("12192"),
        "nothing was overwritten"
    );
}

#[test]
fn only_a_good_run_is_recorded() {
    let folder = folder(&["eof-early-close.pcap", "pipeline-hang.pcap", "eof.pcap"]);
    cut(&folder);
    for capture in ["eof-early-close.pcap", "pipeline-hang.pcap", "cut.pcap"] {
        let (code, _, errors) = check(&folder, &[capture, "--record", "e.toml"]);
        assert_eq!(code, 2);
        assert!(
            errors.contains("this run is not good: "),
            "{capture}: {errors}"
        );
        assert!(!Path::new(&folder.path().join("e.toml")).exists());
    }
    let (code, _, errors) = check(
        &folder,
        &["pipeline-hang.pcap", "--record", "e.toml", "--force"],
    );
    assert_eq!(code, 0, "{errors}");
    assert!(read(&folder, "e.toml").contains("# CAUTION"));
}

#[test]
fn programs_get_json_and_csv() {
    let folder = recorded();
    let edited = read(&folder, "eof.toml").replace("\nbytes = 12192", "\nbytes = 12193");
    write(&folder, "eof.toml", &edited);
    let arguments = ["eof.pcap", "--expect", "eof.toml", "--format", "json"];
    let (code, out, _) = check(&folder, &arguments);
    assert_eq!(code, 1);
    let json: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(text(&json, "schema"), "imgnet/check/v1");
    assert_eq!(text(&json, "verdict"), "fail");
    assert_eq!(text(&json, "run_verdict"), "unverified");
    let bytes = list(&json, "expectations")
        .iter()
        .find(|expectation| text(expectation, "name") == "bytes")
        .expect("the expectation");
    assert_eq!(
        *bytes,
        serde_json::json!({
            "name": "bytes", "picture": "picture 0", "image": 0, "expected": 12_193, "actual": 12_192,
            "outcome": "fail", "note": "1 too few", "lack": null, "holds_so_far": false, "line": 19
        })
    );
    assert_eq!(
        json.pointer("/totals/image_bytes"),
        Some(&Value::from(12_192))
    );
    let (_, out, _) = check(
        &folder,
        &["eof.pcap", "--expect", "eof.toml", "--format", "csv"],
    );
    assert!(
        out.contains("\nbytes,picture 0,0,12193,12192,fail,1 too few,,19\n"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 26);
}

#[test]
fn junit_has_a_case_for_each_expectation() {
    let folder = recorded();
    let edited = read(&folder, "eof.toml").replace("\nbytes = 12192", "\nbytes = 12193");
    write(&folder, "eof.toml", &edited);
    let arguments = ["eof.pcap", "--expect", "eof.toml", "--junit", "j.xml"];
    assert_eq!(check(&folder, &arguments).0, 1);
    let xml = read(&folder, "j.xml");
    assert_eq!(xml.matches("<testcase ").count(), 25, "{xml}");
    assert!(
        xml.contains("<failure message=\"expected 12,193, actual 12,192\""),
        "{xml}"
    );
    assert!(
        xml.contains("tests=\"25\" failures=\"1\" errors=\"0\""),
        "{xml}"
    );
}

#[test]
fn github_gets_annotations() {
    let folder = recorded();
    let edited = read(&folder, "eof.toml").replace("\nbytes = 12192", "\nbytes = 12193");
    write(&folder, "eof.toml", &edited);
    let github = |arguments: &[&str]| {
        let output = command(&folder, arguments)
            .env("GITHUB_ACTIONS", "true")
            .output();
        told(&output.expect("imgnet starts"))
    };
    let (code, out, _) = github(&["eof.pcap", "--expect", "eof.toml"]);
    let annotation = "::error file=eof.toml,line=19,title=picture 0%3A bytes expectation failed::\
                      expected 12,193%0Aactual 12,192%0A1 too few\n";
    assert_eq!(code, 1);
    assert!(out.ends_with(annotation), "{out}");
    // JSON on standard output stays JSON.
    let (_, out, errors) = github(&["eof.pcap", "--expect", "eof.toml", "--format", "json"]);
    assert!(serde_json::from_str::<Value>(&out).is_ok(), "{out}");
    assert_eq!(errors, annotation);
    write(&folder, "wrong.toml", "[run]\npicturs = 1\n");
    let (code, out, _) = github(&["eof.pcap", "--expect", "wrong.toml"]);
    assert_eq!(code, 2);
    assert!(
        out.starts_with("::error file=wrong.toml,line=2,col=1,title="),
        "{out}"
    );
}

#[test]
fn a_digest_of_another_kind_is_taken_when_expected() {
    let folder = folder(&["eof.pcap"]);
    let arguments = ["eof.pcap", "--record", "e.toml", "--digest", "blake3"];
    assert_eq!(check(&folder, &arguments).0, 0);
    assert!(read(&folder, "e.toml").contains("\nblake3 = \""));
    let (code, out, errors) = check(&folder, &["eof.pcap", "--expect", "e.toml"]);
    assert_eq!(code, 0, "{out}{errors}");
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    use std::process::Stdio;
    let folder = recorded();
    let edited = read(&folder, "eof.toml").replace("12192", "12193");
    write(&folder, "eof.toml", &edited);
    let mut child = command(&folder, &["eof.pcap", "--expect", "eof.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("imgnet starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
}

//! `imgnet demo`, `imgnet capture` and `imgnet doctor` as a user runs them, on private networks. Where there can be
//! none, each test says that it was skipped, and why.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: they are there to panic, read what the programs left, and say what was skipped"
)]

use crate::schema;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::private_network::{private_network, text};

const IMGNET: &str = env!("CARGO_BIN_EXE_imgnet");

fn imgnet(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(IMGNET)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_demo_moves_every_format_and_compares_three_ways() {
    if !private_network("the_demo_moves_every_format_and_compares_three_ways") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // The second time it uses its own folder again.
    for _ in 0..2 {
        let output = imgnet(folder.path(), &["demo", "--color", "never"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
        assert!(text(&output.stdout).contains("all 13 pictures arrived"));
    }
    let left = folder.path().join("imgnet-demo");
    let report = read_json(&left.join("report.json"));
    schema::assert_valid(&report);
    assert_eq!(report["verdict"], "match");
    let images = report["images"].as_array().unwrap();
    assert_eq!(images.len(), 13);
    for format in ["marker", "eof", "catalog", "raw-pixels", "udp"] {
        assert!(
            images
                .iter()
                .any(|image| image["protocol"].as_str().unwrap().starts_with(format)),
            "{format}"
        );
    }
    for image in images {
        for side in ["sent", "received"] {
            let compared = &image["compared"][side];
            assert_eq!(compared["sha256"], image["sha256"], "{image}");
        }
    }
    // What is compared is also what lies in the files.
    for (sent, received) in [
        ("upload.jpg", "pipeline/round-0001-upload.jpg"),
        ("catalog/2.jpg", "catalog-2.jpg"),
        ("datagrams.jpg", "datagrams.jpg"),
    ] {
        assert_eq!(
            std::fs::read(left.join("sent").join(sent)).unwrap(),
            std::fs::read(left.join("received").join(received)).unwrap(),
            "{sent}"
        );
    }
    // Read again from the file, the pictures are the same.
    let again = imgnet(
        folder.path(),
        &[
            "analyze",
            "imgnet-demo/capture.pcapng",
            "--protocol",
            "9909=raw-pixels=200",
            "--format",
            "json",
        ],
    );
    assert_eq!(again.status.code(), Some(0));
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    let digests = |report: &Value| -> Vec<Value> {
        let images = report["images"].as_array().unwrap();
        images.iter().map(|image| image["sha256"].clone()).collect()
    };
    assert_eq!(digests(&again), digests(&report));
    assert_eq!(again["captures"][0]["kernel_drops"], 0);
}

#[test]
fn a_foreign_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), b"x").unwrap();
    let output = imgnet(folder.path(), &["demo", "."]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--force"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_command_is_captured_whole_and_its_output_kept_apart() {
    if !private_network("a_command_is_captured_whole_and_its_output_kept_apart") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let picture = imgnet::imaging::synth::picture(1, 320, 240, imgnet::picture::Format::Png);
    std::fs::write(folder.path().join("sent.png"), picture.unwrap()).unwrap();
    // A server in the background, and a client that tries until it is there.
    let both = "$1 receive --out in --count 1 & tries=0\n\
                until $2 send 127.0.0.1:65432 sent.png || [ $tries -gt 100 ]; do tries=$((tries+1)); sleep 0.05; done\n\
                wait";
    let output = imgnet(
        folder.path(),
        &[
            "capture",
            "-w",
            "run.pcapng",
            "--format",
            "json",
            "--",
            "sh",
            "-c",
            both,
            "sh",
            env!("CARGO_BIN_EXE_imgnet-server"),
            env!("CARGO_BIN_EXE_imgnet-client"),
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // What the two programs say does not get among the events.
    let events: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let images: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "picture-ended")
        .collect();
    assert_eq!(images.len(), 1, "{events:?}");
    assert_eq!(images[0]["image"]["complete"], true);
    let summary = events.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["ended"], "command");
    assert_eq!(summary["dropped"], 0);
    assert_eq!(summary["frames"], summary["written"]["packets"]);
    assert_eq!(summary["verdict"], "unverified");
}

#[test]
fn a_signal_ends_a_capture_with_its_summary() {
    use std::io::Read as _;
    if !private_network("a_signal_ends_a_capture_with_its_summary") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(IMGNET)
        .args(["capture", "-w", "run.pcapng", "--", "sleep", "60"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // It says that it is capturing once its signal handlers are there.
    let mut first = [0; 7];
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    assert_eq!(&first, b"imgnet:");
    let terminated = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(terminated.success());
    let output = child.wait_with_output().unwrap();
    // Not one packet: nothing can be said of any transfer, and it is said.
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("not one packet"), "{errors}");
    // Which of the two comes first is not ours to say: the signal goes to the command, too.
    let said = text(&output.stdout);
    assert!(
        said.contains("the command has ended") || said.contains("ended by a signal"),
        "{said}"
    );
    let read = imgnet(folder.path(), &["analyze", "run.pcapng"]);
    assert_eq!(read.status.code(), Some(0));
}

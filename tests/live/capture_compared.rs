//! `imgnet capture` with the files of both sides: the verdict while it runs, and at the end the one that `verify` gives of
//! the same capture. Where there can be no private network, each test says that it was skipped, and why.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: they are there to panic, read what the programs left, and say what was skipped"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::private_network::{private_python, text};

const IMGNET: &str = env!("CARGO_BIN_EXE_imgnet");

/// Sends each file given ROUNDS times over a connection of its own, and saves what came as `out/N.png`. `wire N` changes
/// the N-th on its way out, `file N` as it is saved, `short N` saves too little of it, `none N` nothing, `cut N` sends half.
const PROGRAM: &str = r#"
import os, socket, sys, threading
rounds, fault, which, files = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
os.makedirs("out", exist_ok=True)
ready = threading.Event()
def serve():
    s = socket.socket(); s.bind(("127.0.0.1", 65432)); s.listen(); ready.set()
    for number in range(rounds * len(files)):
        c, _ = s.accept()
        data = bytearray()
        while piece := c.recv(65536): data += piece
        c.close()
        if number == which and fault == "file": data[len(data) // 2] ^= 1
        if number == which and fault == "short": data = data[:-100]
        if number == which and fault == "none": continue
        with open(f"out/{number}.png", "wb") as out: out.write(data)
t = threading.Thread(target=serve); t.start(); ready.wait()
for number, name in enumerate(files * rounds):
    with open(name, "rb") as picture: data = bytearray(picture.read())
    if number == which and fault == "wire": data[1000] ^= 1
    if number == which and fault == "cut": data = data[:len(data) // 2]
    with socket.create_connection(("127.0.0.1", 65432)) as c: c.sendall(data)
t.join()
"#;

/// A folder with the program and three pictures in `sent`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sent")).unwrap();
    for seed in 0..3_u32 {
        let picture = imgnet::imaging::synth::picture(
            seed.into(),
            200 + seed * 40,
            160,
            imgnet::picture::Format::Png,
        );
        let path = folder.path().join(format!("sent/{seed}.png"));
        std::fs::write(path, picture.unwrap()).unwrap();
    }
    std::fs::write(folder.path().join("program.py"), PROGRAM).unwrap();
    folder
}

fn imgnet(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(IMGNET)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn captured(folder: &Path, options: &[&str], rounds: &str, fault: &str, which: &str) -> Output {
    let mut arguments = vec!["capture", "-w", "run.pcapng", "--sent", "sent"];
    arguments.extend(options);
    arguments.extend(["--", "python3", "program.py", rounds, fault, which]);
    arguments.extend(["sent/0.png", "sent/1.png", "sent/2.png"]);
    imgnet(folder, &arguments)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What a report says of its comparison.
fn told(report: &Value) -> Value {
    let images: Vec<_> = report["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| serde_json::json!([image["id"], image["verdict"], image["compared"]]))
        .collect();
    serde_json::json!([report["verdict"], report["verification"], images])
}

#[test]
fn the_end_is_told_as_verify_tells_it() {
    if !private_python("the_end_is_told_as_verify_tells_it") {
        return;
    }
    for (fault, exit, verdict) in [
        ("nothing", 0, "match"),
        ("wire", 1, "mismatch"),
        ("file", 1, "mismatch"),
        ("short", 1, "mismatch"),
        ("none", 1, "unverified"),
        ("cut", 1, "mismatch"),
    ] {
        for digest in ["sha256", "blake3", "none"] {
            let folder = folder();
            let options = [
                "--received",
                "out",
                "--digest",
                digest,
                "--format",
                "json",
                "-o",
                "live.json",
            ];
            let output = captured(folder.path(), &options, "1", fault, "1");
            let told_of = format!("{fault} {digest}: {}", text(&output.stderr));
            assert_eq!(output.status.code(), Some(exit), "{told_of}");
            let verified = imgnet(
                folder.path(),
                &[
                    "verify",
                    "run.pcapng",
                    "--sent",
                    "sent",
                    "--received",
                    "out",
                    "--digest",
                    digest,
                    "--format",
                    "json",
                    "-o",
                    "verify.json",
                ],
            );
            assert_eq!(verified.status.code(), Some(exit), "{told_of}");
            let live = json(&folder.path().join("live.json"));
            let offline = json(&folder.path().join("verify.json"));
            assert_eq!(live["verdict"], verdict, "{told_of}");
            assert_eq!(live["images"].as_array().unwrap().len(), 3, "{told_of}");
            assert_eq!(told(&live), told(&offline), "{told_of}");
        }
    }
}

#[test]
fn a_file_sent_many_times_matches_every_time() {
    if !private_python("a_file_sent_many_times_matches_every_time") {
        return;
    }
    let folder = folder();
    let output = captured(folder.path(), &["--received", "out"], "20", "nothing", "0");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert!(out.contains("match: all 60 pictures arrived"), "{out}");
}

#[test]
fn verdicts_come_while_it_runs() {
    if !private_python("verdicts_come_while_it_runs") {
        return;
    }
    let folder = folder();
    // Sent alone: equal digests need no file to be waited for.
    let output = captured(folder.path(), &["--format", "json"], "2", "wire", "4");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let events: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let verdicts: Vec<(&Value, &Value)> = events
        .iter()
        .filter(|event| {
            event["event"] == "picture-compared"
                || (event["event"] == "picture-ended" && !event["image"]["compared"].is_null())
        })
        .map(|event| (&event["image"]["id"], &event["image"]))
        .collect();
    // Each picture once. Those at the very end may be left to the report.
    let mut seen = std::collections::BTreeSet::new();
    for (id, image) in &verdicts {
        assert!(seen.insert(id.as_u64()), "{events:?}");
        if **id == 4 {
            assert_eq!(image["verdict"], "mismatch");
            let mismatch = &image["compared"]["mismatch"];
            assert_eq!(mismatch["side"], "sender-to-wire");
            assert_eq!(mismatch["first_difference"], 1000);
        } else {
            assert_eq!(image["verdict"], "match");
        }
    }
    assert_eq!(events.last().unwrap()["verdict"], "mismatch");
}

#[test]
fn what_is_not_there_is_said() {
    if !private_python("what_is_not_there_is_said") {
        return;
    }
    let folder = folder();
    let output = imgnet(
        folder.path(),
        &["capture", "--sent", "no/such/folder", "--", "true"],
    );
    assert_eq!(output.status.code(), Some(2));
    let err = text(&output.stderr);
    assert!(err.contains("--sent no/such/folder: neither it"), "{err}");
    // It can come into being; where it does not, that is said with all the rest.
    let output = captured(
        folder.path(),
        &["--received", "elsewhere"],
        "1",
        "nothing",
        "0",
    );
    assert_eq!(output.status.code(), Some(1));
    let err = text(&output.stderr);
    assert!(err.contains("--received elsewhere: is not there"), "{err}");
    assert!(text(&output.stdout).contains("3 pictures"));
}

/// Sends `sent/0.png`, saves it, and does something with the files afterwards.
const MEDDLER: &str = r#"
import os, socket, sys, threading, time
listener = socket.create_server(("127.0.0.1", 65432))
data = open("sent/0.png", "rb").read()
def take():
    c, _ = listener.accept()
    got = b""
    while piece := c.recv(65536): got += piece
    open("got.png", "wb").write(got)
t = threading.Thread(target=take); t.start()
# Whoever watches says that it knows the file before it is changed.
c = socket.create_connection(("127.0.0.1", 65432)); c.sendall(data); c.close(); t.join()
until = time.time() + 60
while not os.path.exists("seen") and time.time() < until: time.sleep(0.005)
exec(sys.argv[1])
"#;

#[test]
fn what_is_changed_afterwards_is_told_and_blamed_on_nobody() {
    if !private_python("what_is_changed_afterwards_is_told_and_blamed_on_nobody") {
        return;
    }
    for (what, exit, said) in [
        ("pass", 0, ""),
        (
            "os.remove('sent/0.png')",
            0,
            "--sent sent/0.png: was removed after it was sent",
        ),
        (
            "open('sent/0.png', 'ab').write(b'more')",
            0,
            "--sent sent/0.png: was changed after it was sent",
        ),
        ("os.remove('run.pcapng')", 2, "run.pcapng: somebody removed"),
        (
            "os.rename('run.pcapng', 'moved.pcapng')",
            2,
            "run.pcapng: somebody renamed it while it was written; what was written is in it",
        ),
        (
            "os.rename('sent/1.png', 'run.pcapng')",
            2,
            "run.pcapng: somebody put another file in its place while it was written; the frames are lost",
        ),
    ] {
        let folder = folder();
        let arguments = ["--sent", "sent/0.png", "--received", "got.png"];
        let mut child = Command::new(IMGNET)
            .args(["capture", "-w", "run.pcapng"])
            .args(arguments)
            .args(["--", "python3", "-c", MEDDLER, what])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut err = String::new();
        for line in lines {
            let line = line.unwrap();
            if line.contains("= 0.png (sent)") {
                std::fs::write(folder.path().join("seen"), "").unwrap();
            }
            err.push_str(&line);
            err.push('\n');
        }
        let output = child.wait_with_output().unwrap();
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(exit), "{what}: {out}{err}");
        assert!(err.contains(said), "{what}: {err}");
        assert!(out.contains("✔ match"), "{what}: {out}");
        assert_eq!(
            out.contains("Written: run.pcapng"),
            exit == 0,
            "{what}: {out}"
        );
        if what.contains("moved") {
            let analysed = imgnet(folder.path(), &["analyze", "moved.pcapng"]);
            assert_eq!(analysed.status.code(), Some(0));
        }
    }
}

/// Sends a picture after the other over one connection that stays open, with their lengths before them, each when the
/// verdict on the one before was seen.
const PATIENT: &str = r#"
import os, socket, struct, sys, threading, time
listener = socket.create_server(("127.0.0.1", 65432))
def take():
    c, _ = listener.accept()
    while c.recv(65536): pass
threading.Thread(target=take, daemon=True).start()
with open("sent/0.png", "rb") as picture: data = picture.read()
with socket.create_connection(("127.0.0.1", 65432)) as c:
    for number in range(int(sys.argv[1])):
        c.sendall(struct.pack(">I", len(data)) + data)
        until = time.time() + 60
        while not os.path.exists(f"seen-{number}") and time.time() < until: time.sleep(0.002)
"#;

/// A verdict waits for nothing: no close, no next picture. How long it takes is told as the median of many, of the best
/// of a few runs, since other programs take the processors, too.
#[test]
fn the_verdict_comes_within_100_ms_of_the_last_byte() {
    use std::io::{BufRead as _, BufReader};
    if !private_python("the_verdict_comes_within_100_ms_of_the_last_byte") {
        return;
    }
    let mut medians = Vec::new();
    for _ in 0..5 {
        let folder = folder();
        std::fs::write(folder.path().join("patient.py"), PATIENT).unwrap();
        let mut child = Command::new(IMGNET)
            .args(["capture", "--sent", "sent/0.png", "--format", "json"])
            .args(["--protocol", "65432=length=u32be", "--", "python3"])
            .args(["patient.py", "15"])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut waits = Vec::new();
        let mut closed = false;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
            closed |= event["event"] == "stream-closed";
            let image = &event["image"];
            if image["verdict"] == "match" {
                assert!(!closed, "it waited for the stream's end");
                let last: jiff::Timestamp = last_byte(image, &mut waits);
                let last =
                    std::time::Duration::try_from(last.duration_since(jiff::Timestamp::UNIX_EPOCH));
                let wait = now.saturating_sub(last.unwrap());
                if let Some(slot) = waits.last_mut() {
                    slot.1 = Some(wait);
                }
                let seen = format!("seen-{}", image["id"]);
                std::fs::write(folder.path().join(seen), "").unwrap();
            } else if event["event"] == "picture-ended" {
                last_byte(image, &mut waits);
            }
        }
        assert!(child.wait().unwrap().success());
        let mut told: Vec<_> = waits.iter().filter_map(|(_, wait)| *wait).collect();
        assert_eq!(told.len(), 15);
        told.sort();
        medians.push(told[7]);
        if told[7] < std::time::Duration::from_millis(100) {
            return;
        }
    }
    panic!("medians: {medians:?}");
}

/// When the last frame of a picture came: said as it ends, which may be before its verdict.
fn last_byte(
    image: &Value,
    ended: &mut Vec<(jiff::Timestamp, Option<std::time::Duration>)>,
) -> jiff::Timestamp {
    if let Some(time) = image["ended"].as_str() {
        ended.push((time.parse().unwrap(), None));
    }
    ended.last().unwrap().0
}

/// A program, in its own way, that writes a ledger of what it sent: the line of `--ledger`, without bytes of the picture.
const WITH_LEDGER: &str = r#"
import hashlib, json, socket, threading
s = socket.create_server(("127.0.0.1", 65432))
def serve():
    c, _ = s.accept()
    while c.recv(65536): pass
    c.close()
t = threading.Thread(target=serve); t.start()
with open("sent/0.png", "rb") as picture: data = picture.read()
with socket.create_connection(("127.0.0.1", 65432)) as c:
    own, peer = ("%s:%d" % address for address in (c.getsockname(), c.getpeername()))
    c.sendall(data)
t.join()
at = "2026-11-20T11:14:49.590743001Z"
line = {"schema": "imgnet/ledger/v1", "side": "sent", "transport": "tcp", "from": own, "to": peer, "protocol": "eof",
        "request": None, "format": "png", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
        "started": at, "ended": at, "chunks": [len(data)], "file": None, "problem": None}
with open("of-run.jsonl", "w") as ledger: ledger.write(json.dumps(line) + "\n")
line["from"], line["sha256"] = "127.0.0.1:1", "0" * 64
with open("of-another.jsonl", "w") as ledger: ledger.write(json.dumps(line) + "\n")
"#;

/// A ledger grows from run to run: that it tells of other pictures too leaves the run unverified, and is no failure of this
/// transfer. One that knows nothing of the picture is.
#[test]
fn a_ledger_that_knows_the_picture_is_no_failure() {
    if !private_python("a_ledger_that_knows_the_picture_is_no_failure") {
        return;
    }
    for (ledgers, exit, verdict) in [
        (&["of-run.jsonl"][..], 0, "match"),
        (&["of-another.jsonl", "of-run.jsonl"], 0, "unverified"),
        (&["of-another.jsonl"], 1, "unverified"),
    ] {
        let folder = folder();
        std::fs::write(folder.path().join("ledger.py"), WITH_LEDGER).unwrap();
        let mut arguments = vec!["capture", "--format", "json", "-o", "live.json"];
        for name in ledgers {
            std::fs::write(folder.path().join(name), "").unwrap();
            arguments.extend(["--ledger", *name]);
        }
        arguments.extend(["--", "python3", "ledger.py"]);
        let output = imgnet(folder.path(), &arguments);
        let told = format!("{ledgers:?}: {}", text(&output.stderr));
        let report = json(&folder.path().join("live.json"));
        assert_eq!(report["verdict"], verdict, "{told}");
        assert_eq!(output.status.code(), Some(exit), "{told}");
    }
}

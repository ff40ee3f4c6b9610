//! The diagnosis where the user stands: small broken programs run under `imgnet capture -- python3 PROGRAM` in a private
//! network, each ended as people end what hangs, and the capture that was written, read again: the right finding, the right
//! exit code, and the same words in both. Where there can be no private network, or is no Python, it says so.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "tests: they are there to panic, read the clock and the files that programs left"
)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::private_network::private_python;

const IMGNET: &str = env!("CARGO_BIN_EXE_imgnet");
/// A loaded machine is waited for so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// A hang by chance is waited for in so many runs.
const TRIES: usize = 12;

/// How a run is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Ctrl-C: SIGINT to imgnet and to the command, as a terminal sends it.
    CtrlC,
    /// SIGTERM to imgnet.
    Term,
    /// `--duration`.
    Duration,
    /// `--silence`.
    Silence,
    /// The command's own end.
    Itself,
}

const ENDED: [End; 4] = [End::CtrlC, End::Term, End::Duration, End::Silence];

/// What is run, and what is right.
struct Case {
    program: &'static [&'static str],
    /// Arguments of `capture` more.
    more: &'static [&'static str],
    exit: i32,
    /// The first finding above a note, with its severity; absent where there is none.
    finding: Option<(&'static str, &'static str)>,
    /// Words of its message.
    words: &'static [&'static str],
}

const HANGS: &[Case] = &[
    Case {
        program: &["hang-waits-for-close.py"],
        more: &[],
        exit: 1,
        finding: Some(("no-end-of-stream", "error")),
        words: &[
            "118,115 bytes",
            "neither closed nor sent anything for ",
            "still waits",
        ],
    },
    Case {
        program: &["hang-marker-by-one-recv.py"],
        more: &[],
        exit: 1,
        finding: Some(("marker-unanswered", "error")),
        words: &[
            "118,115 bytes",
            "one recv() that returns exactly the 17 marker bytes",
        ],
    },
    Case {
        program: &["wrong-byte-order.py"],
        more: &[],
        exit: 1,
        finding: Some(("wrong-byte-order", "error")),
        words: &["118,115 big-endian", "1,674,379,520 bytes"],
    },
    Case {
        program: &["hang-both-wait.py", "stops"],
        more: &["--sent", "photo.jpg"],
        exit: 1,
        finding: Some(("sender-stopped", "error")),
        words: &[
            "100,000 of the 118,115 bytes",
            "there was room for more",
            "waits for the rest",
        ],
    },
    Case {
        program: &["hang-both-wait.py", "newline"],
        more: &["--sent", "photo.jpg"],
        exit: 3,
        finding: Some(("no-answer", "warning")),
        words: &["sent 6 bytes", "waits for an answer"],
    },
    Case {
        program: &["hang-both-wait.py", "second"],
        more: &[],
        exit: 1,
        finding: Some(("no-answer", "error")),
        words: &["Picture 1", "the picture before it had been answered"],
    },
    Case {
        program: &["hang-both-wait.py", "whole"],
        more: &["--sent", "photo.jpg", "--received", "out.jpg"],
        // Of the capture alone, which is read again, nobody can tell; the received file can.
        exit: 0,
        finding: Some(("wrong-byte-order", "error")),
        words: &["or has the picture and answers nothing", "its file tells"],
    },
    Case {
        program: &["receiver-never-reads.py"],
        more: &[],
        exit: 1,
        finding: Some(("zero-window", "error")),
        words: &["never made room again"],
    },
    Case {
        program: &["never-accepts.py"],
        more: &[],
        exit: 1,
        finding: Some(("connection-timeout", "error")),
        words: &["answered nothing for "],
    },
];

const OTHERS: &[Case] = &[
    Case {
        program: &["extra-byte.py", "0"],
        more: &[],
        exit: 0,
        finding: None,
        words: &[],
    },
    Case {
        program: &["extra-byte.py", "1"],
        more: &[],
        exit: 0,
        finding: Some(("stray-bytes", "warning")),
        words: &["1 byte that belongs", "stream byte 118,115"],
    },
    Case {
        program: &["extra-byte.py", "1"],
        more: &["--sent", "photo.jpg"],
        exit: 1,
        finding: Some(("stray-bytes", "warning")),
        words: &["1 byte that belongs", "stream byte 118,115"],
    },
    Case {
        program: &["extra-byte.py", "-5"],
        more: &[],
        exit: 1,
        finding: Some(("early-close", "error")),
        words: &["after 118,110 bytes"],
    },
    Case {
        program: &["healthy-marker-answer.py", "6100", "<END>", "OK"],
        more: &[],
        exit: 0,
        finding: None,
        words: &[],
    },
    Case {
        program: &[
            "healthy-marker-answer.py",
            "5050",
            "%IMAGE_COMPLETED%",
            "thank you",
        ],
        more: &["--sent", "photo.jpg"],
        exit: 0,
        finding: None,
        words: &[],
    },
    Case {
        program: &["text-mode.py"],
        more: &[],
        exit: 1,
        finding: Some(("text-mode", "error")),
        words: &["latin-1", "UTF-8"],
    },
    Case {
        program: &["text-mode.py"],
        more: &["--sent", "photo.jpg"],
        exit: 1,
        finding: Some(("text-mode", "error")),
        words: &[],
    },
    Case {
        program: &["nobody-listens.py"],
        more: &[],
        exit: 1,
        finding: Some(("connection-refused", "error")),
        words: &["nobody listens on that port"],
    },
    Case {
        program: &["connects-too-early.py"],
        more: &[],
        exit: 0,
        finding: Some(("connection-refused", "warning")),
        words: &["a later attempt", "was accepted"],
    },
    Case {
        program: &["slow-uploader.py"],
        more: &[],
        exit: 0,
        finding: Some(("marker-unanswered", "warning")),
        words: &["until the client closed"],
    },
];

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/cases/programs")
}

/// A folder with the programs and their picture.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(programs()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        std::fs::copy(&path, folder.path().join(name)).unwrap();
    }
    folder
}

/// What a run said: exit code, the events of `--format json`, and what was written for people.
struct Run {
    exit: Option<i32>,
    events: Vec<Value>,
    errors: String,
}

fn run(folder: &Path, case: &Case, end: End) -> Run {
    let mut arguments = vec!["capture", "-w", "run.pcapng", "--force", "--format", "json"];
    arguments.extend(case.more);
    match end {
        End::Duration => arguments.extend(["--duration", "6"]),
        End::Silence => arguments.extend(["--silence", "3"]),
        _ => {}
    }
    arguments.extend(["--", "python3"]);
    arguments.extend(case.program);
    let mut child = Command::new(IMGNET)
        .args(&arguments)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    // Read while it goes on: it says when somebody waits.
    let events = lines(child.stdout.take().unwrap());
    let errors = lines(child.stderr.take().unwrap());
    if matches!(end, End::CtrlC | End::Term) {
        let begun = Instant::now();
        let waits = || {
            let events = events.lock().unwrap();
            events
                .iter()
                .any(|line| line.contains("\"event\":\"waiting\""))
        };
        while begun.elapsed() < PATIENCE && child.try_wait().unwrap().is_none() && !waits() {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(500));
        let (signal, whom) = match end {
            // The terminal tells the whole group.
            End::CtrlC => ("-INT", format!("-{}", child.id())),
            _ => ("-TERM", child.id().to_string()),
        };
        // Where it has ended by itself, nobody is told.
        let _ = Command::new("kill")
            .args([signal, "--", &whom])
            .stderr(Stdio::null())
            .status();
    }
    let status = child.wait().unwrap();
    // What is written last is read soon.
    let begun = Instant::now();
    let whole = || {
        let events = events.lock().unwrap();
        events
            .last()
            .is_some_and(|line| line.contains("\"event\":\"summary\""))
    };
    while !whole() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    let events = events.lock().unwrap();
    let errors = errors.lock().unwrap().join("\n");
    Run {
        exit: status.code(),
        events: events
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        errors,
    }
}

/// The lines of a pipe, as they come.
fn lines(pipe: impl std::io::Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let filled = Arc::clone(&lines);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            filled.lock().unwrap().push(line);
        }
    });
    lines
}

/// Name, severity, certainty, frames and words of findings, without what stands only in one of the two.
fn told(findings: &[Value]) -> BTreeSet<String> {
    findings
        .iter()
        .map(|finding| {
            let field = |name: &str| finding.get(name).cloned().unwrap_or_default();
            ["name", "severity", "certainty", "filter", "message"]
                .map(field)
                .map(|value| value.to_string())
                .join(" | ")
        })
        .collect()
}

fn offline(folder: &Path) -> Vec<Value> {
    let output = Command::new(IMGNET)
        .args(["analyze", "run.pcapng", "--format", "json"])
        .current_dir(folder)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report
        .get("findings")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What is wrong with a run; absent where nothing is.
fn judge(case: &Case, end: End) -> Option<String> {
    let folder = folder();
    let mut last = String::new();
    for _ in 0..TRIES {
        let run = run(folder.path(), case, end);
        let what = format!("{:?} {:?} ended by {end:?}", case.program, case.more);
        let summary = run.events.last().expect("a summary");
        if end != End::Itself && field(summary, "ended") == "command" && run.exit == Some(0) {
            // Whether it hangs is chance: this time it did not.
            last = format!("{what}: it did not hang once in {TRIES} runs");
            continue;
        }
        let live: Vec<Value> = run
            .events
            .iter()
            .filter_map(|event| event.get("finding").cloned())
            .collect();
        let read = offline(folder.path());
        // A loaded machine drops segments between two programs, which TCP repairs.
        let of_the_network = [
            "retransmission",
            "fast-retransmission",
            "stall",
            "small-writes",
        ];
        let first = read.iter().find(|finding| {
            field(finding, "severity") != "note"
                && !of_the_network.contains(&field(finding, "name"))
        });
        let found = first.map(|finding| (field(finding, "name"), field(finding, "severity")));
        let words = first
            .map(|finding| field(finding, "message"))
            .unwrap_or_default();
        let lacking: Vec<_> = case
            .words
            .iter()
            .filter(|word| !words.contains(**word))
            .collect();
        let gap = read
            .iter()
            .any(|finding| field(finding, "name") == "capture-gap");
        // Files show more than the capture alone, which is what is read again here.
        let same = !case.more.is_empty() || told(&live) == told(&read);
        let right = run.exit == Some(case.exit)
            && found == case.finding
            && lacking.is_empty()
            && same
            && !gap;
        return (!right).then(|| {
            format!(
                "{what}: exit {:?}, {found:?}, lacks {lacking:?}\nlive: {:#?}\noffline: {:#?}\n{}",
                run.exit,
                told(&live),
                told(&read),
                run.errors
            )
        });
    }
    Some(last)
}

/// Runs these cases, a few at a time.
fn all_right(cases: &[(&Case, End)]) {
    let next = Mutex::new(cases.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some((case, end)) = next.lock().unwrap().next() else {
                        break;
                    };
                    let told = judge(case, *end);
                    wrong.lock().unwrap().extend(told);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn who_saved_the_picture_and_never_answers_has_read_its_length() {
    if !private_python("who_saved_the_picture_and_never_answers_has_read_its_length") {
        return;
    }
    let case = HANGS
        .iter()
        .find(|case| case.program == ["hang-both-wait.py", "whole"]);
    let folder = folder();
    let run = run(folder.path(), case.unwrap(), End::CtrlC);
    assert_eq!(run.exit, Some(0), "{}", run.errors);
    for (received, exit, finding) in [
        (true, 0, ("no-answer", "warning")),
        (false, 1, ("wrong-byte-order", "error")),
    ] {
        let mut verify = Command::new(IMGNET);
        verify.args([
            "verify",
            "run.pcapng",
            "--format",
            "json",
            "--sent",
            "photo.jpg",
        ]);
        if received {
            verify.args(["--received", "out.jpg"]);
        }
        let output = verify.current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(exit));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report.get("findings").and_then(Value::as_array).unwrap();
        let told: Vec<_> = findings
            .iter()
            .map(|finding| (field(finding, "name"), field(finding, "severity")))
            .filter(|(_, severity)| *severity != "note")
            .collect();
        assert_eq!(told, [finding], "{findings:#?}");
        let waits = findings
            .iter()
            .find(|finding| field(finding, "name") == "no-answer")
            .unwrap();
        let message = field(waits, "message");
        assert!(
            message.contains("neither side sent anything more")
                && message.contains("only follows") != received,
            "{message}"
        );
    }
}

#[test]
fn a_hang_is_explained_however_it_is_ended() {
    if !private_python("a_hang_is_explained_however_it_is_ended") {
        return;
    }
    let cases: Vec<(&Case, End)> = HANGS
        .iter()
        .flat_map(|case| ENDED.map(|end| (case, end)))
        // Its probes are never silent for so long.
        .filter(|(case, end)| {
            !(case.program.contains(&"receiver-never-reads.py") && *end == End::Silence)
        })
        .collect();
    all_right(&cases);
}

#[test]
fn while_it_hangs_it_says_who_waits_for_what() {
    if !private_python("while_it_hangs_it_says_who_waits_for_what") {
        return;
    }
    for (program, what) in [
        (
            "hang-waits-for-close.py",
            "has 118,115 bytes, a whole picture, and no end of stream for ",
        ),
        (
            "receiver-never-reads.py",
            "has no room (window 0): its program does not read for ",
        ),
        (
            "wrong-byte-order.py",
            "has a whole picture (118,115 bytes), and nothing follows from either side for ",
        ),
    ] {
        let folder = folder();
        let output = Command::new(IMGNET)
            .args(["capture", "--duration", "6", "--", "python3", program])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let said = errors
            .lines()
            .any(|line| line.contains("waiting: 127.0.0.1:") && line.contains(what));
        assert!(said, "{program}: {errors}");
    }
}

#[test]
fn what_ends_by_itself_is_judged_rightly() {
    if !private_python("what_ends_by_itself_is_judged_rightly") {
        return;
    }
    let cases: Vec<(&Case, End)> = OTHERS.iter().map(|case| (case, End::Itself)).collect();
    all_right(&cases);
}

#[test]
fn a_receiver_that_takes_a_short_read_for_the_end_is_named() {
    if !private_python("a_receiver_that_takes_a_short_read_for_the_end_is_named") {
        return;
    }
    let case = Case {
        program: &["short-read-is-end.py"],
        more: &["--sent", "photo.jpg", "--received", "half.jpg"],
        exit: 1,
        finding: None,
        words: &[],
    };
    let folder = folder();
    let run = run(folder.path(), &case, End::Itself);
    assert_eq!(run.exit, Some(1), "{}", run.errors);
    let findings = offline(folder.path());
    let reset = findings
        .iter()
        .find(|finding| field(finding, "severity") == "error")
        .expect("an error");
    assert!(
        ["reset-mid-transfer", "unread-data-reset"].contains(&field(reset, "name")),
        "{reset}"
    );
    assert!(field(reset, "message").contains("receiver"), "{reset}");
}

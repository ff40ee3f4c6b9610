//! `imgnet capture` with a command, as a user runs it. Where there can be no private network, each test says that it
//! was skipped, and why.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: they are there to panic, read what the programs left, and say what was skipped"
)]

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::private_network::{private_python, text};

const IMGNET: &str = env!("CARGO_BIN_EXE_imgnet");

/// A server and a client in one program, with the port written in it. Sends argv[1], saves argv[2].
const BOTH: &str = r#"
import socket, sys, threading
ready = threading.Event()
def serve():
    s = socket.socket(); s.bind(("127.0.0.1", 65432)); s.listen(); ready.set()
    c, _ = s.accept()
    with open(sys.argv[2], "wb") as out:
        while data := c.recv(1024): out.write(data)
    c.close(); s.close()
t = threading.Thread(target=serve); t.start(); ready.wait()
c = socket.create_connection(("127.0.0.1", 65432))
with open(sys.argv[1], "rb") as picture:
    while data := picture.read(1024): c.sendall(data)
c.close(); t.join(); print("sent")
"#;

fn capture(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(IMGNET);
    command.arg("capture").args(arguments).current_dir(folder);
    command
}

/// A folder with the program and a picture of some size.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let picture = imgnet::imaging::synth::picture(1, 640, 480, imgnet::picture::Format::Png);
    std::fs::write(folder.path().join("sent.png"), picture.unwrap()).unwrap();
    std::fs::write(folder.path().join("both.py"), BOTH).unwrap();
    folder
}

fn code(output: &Output) -> i32 {
    output
        .status
        .code()
        .unwrap_or_else(|| panic!("{}", text(&output.stderr)))
}

#[test]
fn two_at_once_do_not_disturb_each_other_nor_the_host() {
    if !private_python("two_at_once_do_not_disturb_each_other_nor_the_host") {
        return;
    }
    // The host's own port is taken, or was already; the programs inside bind it nevertheless.
    let _taken = TcpListener::bind("127.0.0.1:65432");
    let folders = [folder(), folder()];
    let children: Vec<Child> = folders
        .iter()
        .map(|folder| {
            capture(
                folder.path(),
                &[
                    "-w",
                    "run.pcapng",
                    "--",
                    "python3",
                    "both.py",
                    "sent.png",
                    "got.png",
                ],
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
        })
        .collect();
    for (child, folder) in children.into_iter().zip(&folders) {
        let output = child.wait_with_output().unwrap();
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        let out = text(&output.stdout);
        assert!(out.starts_with("sent\n"), "{out}");
        assert!(out.contains("1 picture") && out.contains("whole"), "{out}");
        assert!(out.contains("none dropped; the command has ended"), "{out}");
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("sent.png"), read("got.png"));
        // The first and the last frame of the picture say so in the file.
        let file = read("run.pcapng");
        for words in [
            "imgnet: picture 0 begins in frame",
            "imgnet: picture 0 ends in frame",
        ] {
            let found = file
                .windows(words.len())
                .any(|window| window == words.as_bytes());
            assert!(found, "{words}");
        }
    }
}

#[test]
fn input_output_and_status_pass_through() {
    if !private_python("input_output_and_status_pass_through") {
        return;
    }
    let folder = folder();
    let run = |arguments: &[&str]| {
        let output = capture(folder.path(), arguments)
            .stdin(std::fs::File::open(folder.path().join("both.py")).unwrap())
            .output()
            .unwrap();
        (code(&output), text(&output.stdout), text(&output.stderr))
    };
    let (status, out, err) = run(&["-q", "--", "cat"]);
    // It sent nothing: that is no good capture, and said.
    assert_eq!(status, 1);
    assert!(err.contains("not one packet was captured"), "{err}");
    assert!(out.starts_with(BOTH), "{out}");
    let (status, _, err) = run(&["--shell", "echo oops >&2; exit 7"]);
    assert_eq!(status, 7);
    assert!(
        err.contains("oops") && err.contains("exit status: 7"),
        "{err}"
    );
    // The capture's own: not one packet.
    assert_eq!(run(&["--exit-status", "verdict", "--shell", "exit 7"]).0, 1);
    assert_eq!(run(&["--shell", "kill -9 $$"]).0, 128 + 9);
    let (status, _, err) = run(&["--", "/no/such/program"]);
    assert_eq!(status, 2);
    assert!(err.contains("/no/such/program: cannot be started"), "{err}");
    let (_, out, _) = run(&[
        "-q",
        "--mtu",
        "1400",
        "--",
        "cat",
        "/sys/class/net/lo/mtu",
        "/proc/self/stat",
    ]);
    // Process 1 is the supervisor, and the command the first it starts.
    assert!(out.contains("\n2 (cat)") || out.contains("(cat)"), "{out}");
}

#[test]
fn what_the_command_leaves_running_ends_with_it() {
    if !private_python("what_the_command_leaves_running_ends_with_it") {
        return;
    }
    let folder = folder();
    let begun = Instant::now();
    // One that goes away when asked, and one in a session of its own that does not.
    // This run's own: another of the same test may be under way.
    let sleep = format!("sleep 7531.{}", std::process::id());
    let line = format!("(trap '' TERM; exec setsid {sleep}) & {sleep} & echo started");
    let output = capture(folder.path(), &["--shell", &line])
        .output()
        .unwrap();
    // Nothing was sent.
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(text(&output.stderr).contains("left running was ended"));
    let left = Command::new("pgrep").args(["-f", &sleep]).output();
    if let Ok(left) = left {
        assert_eq!(text(&left.stdout), "");
    }
}

#[test]
fn a_signal_reaches_the_command_and_the_file_is_whole() {
    if !private_python("a_signal_reaches_the_command_and_the_file_is_whole") {
        return;
    }
    let folder = folder();
    let line = "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child = capture(folder.path(), &["-w", "run.pcapng", "--shell", line])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    assert_eq!(&ready, b"ready\n");
    let told = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    let output = child.wait_with_output().unwrap();
    // Nothing was sent.
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("told\n"));
    let read = Command::new(IMGNET)
        .args(["analyze", "run.pcapng"])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(read.success());
}

#[test]
fn a_capture_that_is_killed_takes_its_command_along() {
    if !private_python("a_capture_that_is_killed_takes_its_command_along") {
        return;
    }
    let folder = folder();
    let mut child = capture(
        folder.path(),
        &["-w", "run.pcapng", "--shell", "echo ready; sleep 8642"],
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let mut ready = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let begun = Instant::now();
    loop {
        let Ok(left) = Command::new("pgrep").args(["-f", "sleep 8642"]).output() else {
            println!("SKIPPED looking for the command: there is no pgrep");
            return;
        };
        if left.stdout.is_empty() {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{}",
            text(&left.stdout)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let read = Command::new(IMGNET)
        .args(["analyze", "run.pcapng"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(matches!(code(&read), 0 | 3));
}

#[test]
fn a_file_whose_capture_is_killed_ends_with_a_whole_block() {
    if !private_python("a_file_whose_capture_is_killed_ends_with_a_whole_block") {
        return;
    }
    let folder = folder();
    // Bytes as fast as they go, so that many a kill comes in the middle of a write.
    std::fs::write(
        folder.path().join("flood.py"),
        r#"
import socket, threading
listener = socket.create_server(("127.0.0.1", 65432))
def take():
    c, _ = listener.accept()
    while c.recv(1 << 20): pass
threading.Thread(target=take, daemon=True).start()
c = socket.create_connection(("127.0.0.1", 65432)); piece = bytes(1 << 20)
while True: c.sendall(piece)
"#,
    )
    .unwrap();
    let file = folder.path().join("run.pcapng");
    for round in 0..8_u64 {
        let arguments = [
            "-q",
            "--force",
            "--digest",
            "none",
            "-w",
            "run.pcapng",
            "--",
            "python3",
        ];
        let mut child = capture(folder.path(), &arguments)
            .arg("flood.py")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let enough = (8 + round) << 20;
        while std::fs::metadata(&file).map_or(0, |file| file.len()) < enough {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // The one that repairs it is told by the kernel, and takes a moment.
        loop {
            let read = Command::new(IMGNET)
                .args(["analyze", "-q", "--digest", "none", "run.pcapng"])
                .current_dir(folder.path())
                .output()
                .unwrap();
            if code(&read) == 0 {
                break;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{}",
                text(&read.stdout)
            );
        }
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn who_is_confined_says_by_what() {
    if !private_python("who_is_confined_says_by_what") {
        return;
    }
    let folder = folder();
    let output = capture(folder.path(), &["-v", "--", "true"])
        .output()
        .unwrap();
    let err = text(&output.stderr);
    assert!(
        err.contains("confined: capabilities given up: yes; no new privileges: yes"),
        "{err}"
    );
}

#[test]
fn interfaces_are_listed() {
    let output = Command::new(IMGNET)
        .args(["capture", "--list"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0);
    let out = text(&output.stdout);
    assert!(
        out.lines()
            .any(|line| line.starts_with("lo ") && line.contains("loopback")),
        "{out}"
    );
}

//! imgnet as an interface of Wireshark: its questions, a capture through tshark, and how it ends.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test runs programs, waits for them, says when it skips, and may fail"
)]

use crate::support;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::private_network::private_python;
use crate::support::{imgnet, list, report, tshark_is_there};

const IMGNET: &str = env!("CARGO_BIN_EXE_imgnet");

fn asked(arguments: &[&str]) -> Output {
    imgnet(&[&["extcap"][..], arguments].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with the link that `imgnet wireshark install` makes.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    symlink(IMGNET, folder.path().join("imgnet-extcap")).expect("a link");
    folder
}

fn fifo(folder: &Path) -> PathBuf {
    let path = folder.join("fifo");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    path
}

#[test]
fn questions_are_answered_whatever_else_is_said() {
    for more in [
        &[][..],
        &["--extcap-version=4.0"],
        &[
            "--extcap-version=4.9.9 (v4.9.9-rc0)",
            "--extcap-cleanup",
            "x",
        ],
    ] {
        let output = asked(&[&["--extcap-interfaces"], more].concat());
        let said = text(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty());
        assert!(said.starts_with("extcap {version="), "{said}");
        for interface in ["imgnet-command", "imgnet-lo"] {
            assert!(
                said.contains(&format!("interface {{value={interface}}}")),
                "{said}"
            );
            let with = ["--extcap-interface", interface];
            let dlts = asked(&[&["--extcap-dlts"], &with[..], more].concat());
            assert!(text(&dlts.stdout).starts_with("dlt {number=1}"));
            let config = asked(&[&["--extcap-config"], &with[..], more].concat());
            assert!(text(&config.stdout).starts_with("arg {number=0}"));
        }
    }
}

/// Wireshark asks every program of its folder each time it starts. What else the machine does only adds to the time: the fastest of
/// many runs tells what the program takes.
#[test]
fn questions_are_answered_within_ten_milliseconds() {
    for question in [
        &["--extcap-interfaces"][..],
        &["--extcap-interfaces", "--extcap-version=4.4"],
        &["--extcap-dlts", "--extcap-interface", "imgnet-command"],
        &["--extcap-config", "--extcap-interface", "imgnet-lo"],
    ] {
        let fastest = (0..40)
            .map(|_| {
                let since = Instant::now();
                let output = asked(question);
                assert!(output.status.success());
                since.elapsed()
            })
            .min()
            .expect("some runs");
        assert!(
            fastest < Duration::from_millis(10),
            "{question:?}: {fastest:?}"
        );
    }
}

#[test]
fn fifo_is_opened_and_a_file_whatever_is_wrong() {
    for (more, problem) in [
        (
            &["--extcap-interface", "imgnet-command"][..],
            "no command was given",
        ),
        (&["--extcap-interface", "eth9"], "there is no interface"),
        (
            &["--extcap-interface", "imgnet-lo", "--port", "http"],
            "the port is a number",
        ),
    ] {
        let folder = folder();
        let fifo = fifo(folder.path());
        let name = fifo.to_str().expect("UTF-8");
        let child = Command::new(IMGNET)
            .args([&["extcap", "--capture", "--fifo", name], more].concat())
            .stderr(Stdio::piped())
            .spawn()
            .expect("imgnet starts");
        let bytes = std::fs::read(&fifo).expect("the FIFO is read to its end");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains(problem),
            "{}",
            text(&output.stderr)
        );
        let file = folder.path().join("f.pcapng");
        std::fs::write(&file, bytes).expect("a file");
        assert_eq!(list(&report(&file), "streams").len(), 0);
    }
}

/// Sends a picture to itself, and says so.
const BOTH: &str = r#"
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 65432))
def serve():
    peer, _ = listener.accept()
    while peer.recv(1024): pass
    peer.close()
thread = threading.Thread(target=serve); thread.start()
peer = socket.create_connection(("127.0.0.1", 65432))
peer.sendall(open(sys.argv[1], "rb").read())
peer.close(); thread.join()
"#;

/// tshark with our interfaces. As root it looks in its own folder alone: there it runs as an ordinary user, with a copy of imgnet
/// that such a one may read.
fn tshark(folder: &Path) -> Option<Command> {
    let root = rustix::process::geteuid().is_root();
    let mut command = if root {
        if Command::new("setpriv").arg("--version").output().is_err() {
            eprintln!("SKIPPED: tshark as an ordinary user: setpriv is not here");
            return None;
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(folder, mode).expect("permissions");
        let link = folder.join("imgnet-extcap");
        std::fs::remove_file(&link).expect("a link");
        std::fs::copy(IMGNET, &link).expect("a copy");
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
            "tshark",
        ]);
        command
    } else {
        Command::new("tshark")
    };
    command
        .env("WIRESHARK_EXTCAP_DIR", folder)
        .env("HOME", folder);
    Some(command)
}

#[test]
fn tshark_lists_the_interfaces_and_captures_a_command_through_one() {
    let test = "tshark_lists_the_interfaces_and_captures_a_command_through_one";
    if !tshark_is_there() {
        return;
    }
    let folder = folder();
    let Some(mut list_them) = tshark(folder.path()) else {
        return;
    };
    let listed = list_them.arg("-D").output().expect("tshark");
    let listed = text(&listed.stdout);
    assert!(
        listed.contains("imgnet-command (imgnet: a command in a private network)"),
        "{listed}"
    );
    assert!(listed.contains("imgnet-lo"), "{listed}");
    if !private_python(test) {
        return;
    }
    let script = folder.path().join("both.py");
    std::fs::write(&script, BOTH).expect("a program");
    let picture = folder.path().join("a.jpg");
    std::fs::copy(support::captures_folder().join("eof/sent/a.jpg"), &picture).expect("a copy");
    // The system's, which every user may run.
    let command = format!(
        "/usr/bin/python3 {} {}",
        script.display(),
        picture.display()
    );
    let to = folder.path().join("through.pcapng");
    let Some(mut through) = tshark(folder.path()) else {
        return;
    };
    let output = through
        .args(["-i", "imgnet-command", "-o"])
        .arg(format!("extcap.imgnet_command.command:{command}"))
        .arg("-w")
        .arg(&to)
        .output()
        .expect("tshark");
    let said = text(&output.stderr);
    if said.contains("not allowed") || said.contains("namespace") {
        eprintln!("SKIPPED {test}: an ordinary user can have no private network here: {said}");
        return;
    }
    assert!(to.exists(), "{said}");
    // That a picture is whole is no error of the interface.
    assert!(!said.contains("Error by extcap"), "{said}");
    let report = report(&to);
    let images = list(&report, "images");
    assert_eq!(images.len(), 1, "{said}");
    let sent = std::fs::read(&picture).expect("a picture");
    assert_eq!(support::text(&images[0], "sha256"), support::sha256(&sent));
}

#[test]
fn it_ends_with_all_children_when_it_is_told_to_and_when_nobody_reads() {
    if !private_python("it_ends_with_all_children_when_it_is_told_to_and_when_nobody_reads") {
        return;
    }
    for told in [true, false] {
        let folder = folder();
        let fifo = fifo(folder.path());
        let pids = folder.path().join("pid");
        // Packets go by as long as it runs; its pid is that of this namespace.
        let command = format!(
            "echo $$ >{}; exec python3 -c 'import socket,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\nwhile True:\n s.sendto(b\"x\"*900,(\"127.0.0.1\",9)); time.sleep(.001)'",
            pids.display()
        );
        let mut child = Command::new(IMGNET)
            .args([
                "extcap",
                "--capture",
                "--extcap-interface",
                "imgnet-command",
                "--fifo",
            ])
            .arg(&fifo)
            .arg(format!("--command={command}"))
            .stderr(Stdio::null())
            .spawn()
            .expect("imgnet starts");
        let mut reader = std::fs::File::open(&fifo).expect("the FIFO");
        let mut some = [0_u8; 400];
        std::io::Read::read_exact(&mut reader, &mut some).expect("a header, and packets");
        if told {
            let pid = child.id().to_string();
            let killed = Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .expect("kill");
            assert!(killed.success());
            let mut rest = Vec::new();
            std::io::Read::read_to_end(&mut reader, &mut rest).expect("the FIFO ends");
        }
        drop(reader);
        let since = Instant::now();
        while child.try_wait().expect("a child").is_none() {
            assert!(
                since.elapsed() < Duration::from_secs(20),
                "told {told}: it goes on"
            );
            thread::sleep(Duration::from_millis(20));
        }
        let running = Command::new("ps")
            .args(["-eo", "args"])
            .output()
            .expect("ps");
        let marker = pids.to_str().expect("UTF-8");
        let left = text(&running.stdout)
            .lines()
            .filter(|line| line.contains(marker))
            .count();
        assert_eq!(left, 0, "told {told}: a child is left");
    }
}

#[test]
fn the_link_is_put_into_the_user_s_own_folder_and_taken_away() {
    if !tshark_is_there() {
        return;
    }
    let home = tempfile::tempdir().expect("a temporary folder");
    let run = |what: &str| {
        let output = Command::new(IMGNET)
            .args(["wireshark", what])
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .expect("imgnet starts");
        (output.status.code(), text(&output.stdout))
    };
    assert_eq!(run("status").0, Some(1));
    let (code, said) = run("install");
    assert_eq!(code, Some(0), "{said}");
    let line = said
        .lines()
        .find(|line| line.contains("imgnet-extcap"))
        .expect("a line");
    let program = PathBuf::from(line.split_once(": ").expect("a path").0);
    assert!(program.starts_with(home.path()), "{line}");
    let answered = Command::new(&program)
        .arg("--extcap-interfaces")
        .output()
        .expect("it runs");
    assert!(text(&answered.stdout).contains("imgnet-command"));
    assert_eq!(run("status").0, Some(0));
    assert_eq!(run("remove").0, Some(0));
    assert!(!program.exists() && std::fs::symlink_metadata(&program).is_err());
    eprintln!("{said}");
}

//! Every program confines itself: what the kernel says of the running ones, and what they say. Where the kernel has no
//! system call filters, each test says that it was skipped.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests: they are there to panic, read what the programs left, and say what was skipped"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const IMGNET: &str = env!("CARGO_BIN_EXE_imgnet");
const SERVER: &str = env!("CARGO_BIN_EXE_imgnet-server");
const CLIENT: &str = env!("CARGO_BIN_EXE_imgnet-client");

/// Whether the kernel has filters; if not, says that `test` is skipped.
fn filters(test: &str) -> bool {
    let actions = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail");
    let there = actions.is_ok_and(|actions| actions.contains("errno"));
    if !there {
        println!("SKIPPED {test}: no seccomp filters in this kernel");
    }
    there
}

/// Ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The numbers of a line of `/proc/PID/status`, of every thread.
fn status(pid: u32, name: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .map(|task| {
            let text = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().to_owned()
        })
        .collect()
}

/// Starts a program, and waits until it says that it listens: it is confined by then.
fn listening(program: &str, arguments: &[&str], folder: &Path) -> Running {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let running = Running(child);
    let mut said = Vec::new();
    for line in lines {
        let line = line.unwrap();
        let listens = line.contains("listening on");
        said.push(line);
        if listens {
            return running;
        }
    }
    panic!("{arguments:?}: {}", said.join("\n"));
}

#[test]
fn servers_and_clients_are_confined_before_anybody_comes() {
    if !filters("servers_and_clients_are_confined_before_anybody_comes") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    let picture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures/progressive.jpg");
    std::fs::copy(picture, pictures.join("a.jpg")).unwrap();
    for (program, arguments) in [
        (SERVER, "receive --out got --port 0"),
        (SERVER, "receive --out got --port 0 --protocol udp"),
        (SERVER, "catalog --import pictures --port 0"),
        (
            SERVER,
            "catalog --db pictures.db --import pictures --port 0",
        ),
        (SERVER, "pipeline --out done --port 0"),
        (SERVER, "stream --port 0 pictures/a.jpg"),
        (CLIENT, "receive --listen 0 --protocol eof"),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let running = listening(program, &arguments, folder.path());
        for (line, wanted) in [("Seccomp:", "2"), ("NoNewPrivs:", "1")] {
            let found = status(running.0.id(), line);
            assert!(
                !found.is_empty() && found.iter().all(|one| one == wanted),
                "{arguments:?}: {line} {found:?}"
            );
        }
    }
}

#[test]
fn commands_that_read_captures_say_by_what_they_are_confined() {
    if !filters("commands_that_read_captures_say_by_what_they_are_confined") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // An empty capture is one, too.
    let empty = folder.path().join("empty.pcap");
    let mut header = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        header.extend(word.to_le_bytes());
    }
    std::fs::write(&empty, header).unwrap();
    std::fs::create_dir(folder.path().join("sent")).unwrap();
    let saying = COMMANDS.iter().filter_map(|(_, held)| match held {
        Held::Saying(arguments) => Some(*arguments),
        Held::Waiting(_) | Held::Elsewhere(_) => None,
    });
    for arguments in saying.chain(["analyze -v empty.pcap", "verify -v empty.pcap --sent sent"]) {
        let output = Command::new(IMGNET)
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.code() == Some(4) {
            println!("SKIPPED {arguments}: no right to capture here");
            continue;
        }
        assert!(
            said.contains("imgnet: confined: capabilities given up")
                && said.contains("seccomp: yes"),
            "{arguments}: {said}"
        );
    }
}

/// A capture of many frames: `copies` times the same.
fn long_capture(path: &Path, copies: usize) {
    let bytes =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/raw-pixels.pcap"))
            .unwrap();
    let (header, frames) = bytes.split_at(24);
    std::fs::write(path, [header, &frames.repeat(copies)].concat()).unwrap();
}

#[test]
fn commands_that_look_inside_are_confined_while_they_tell() {
    if !filters("commands_that_look_inside_are_confined_while_they_tell") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    long_capture(&folder.path().join("long.pcap"), 40);
    for arguments in [
        "packets long.pcap",
        "follow long.pcap --stream 0",
        "packets -",
    ] {
        let child = Command::new(IMGNET)
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .stdin(std::fs::File::open(folder.path().join("long.pcap")).unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut running = Running(child);
        // More than a pipe holds: it waits for its reader, who reads one line.
        let mut line = String::new();
        let mut told = BufReader::with_capacity(16, running.0.stdout.take().unwrap());
        told.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{arguments}");
        let found = status(running.0.id(), "Seccomp:");
        assert!(
            !found.is_empty() && found.iter().all(|one| one == "2"),
            "{arguments}: {found:?}"
        );
    }
}

/// How it is seen that a command is confined.
enum Held {
    /// It waits for what standard input never brings, and is confined meanwhile.
    Waiting(&'static [&'static str]),
    /// It says so.
    Saying(&'static str),
    /// Why not here.
    Elsewhere(&'static str),
}

/// Every command.
const COMMANDS: &[(&str, Held)] = &[
    (
        "analyze",
        Held::Waiting(&["analyze -", "analyze - --extract pictures"]),
    ),
    ("verify", Held::Waiting(&["verify - --sent sent"])),
    (
        "check",
        Held::Waiting(&["check - --expect expect.toml", "check - --record good.toml"]),
    ),
    ("report", Held::Waiting(&["report - -o report.html"])),
    ("packets", Held::Waiting(&["packets -"])),
    ("packet", Held::Waiting(&["packet - 1"])),
    ("follow", Held::Waiting(&["follow - --stream 0"])),
    ("layout", Held::Waiting(&["layout -"])),
    (
        "archive",
        #[cfg(feature = "archive")]
        Held::Waiting(&["archive --unit - -o lake"]),
        #[cfg(not(feature = "archive"))]
        Held::Elsewhere("it is not in this build"),
    ),
    (
        "annotate",
        Held::Saying("annotate -v empty.pcap -o annotated.pcapng"),
    ),
    ("capture", Held::Saying("capture -v -- true")),
    ("demo", Held::Elsewhere("it captures as `capture` does")),
    (
        "view",
        Held::Elsewhere("tests/commands/view.rs looks at it in a terminal"),
    ),
    ("fields", Held::Elsewhere("it reads nothing")),
    ("explain", Held::Elsewhere("it reads nothing")),
    (
        "doctor",
        Held::Elsewhere("it reads nothing that others sent"),
    ),
    (
        "query",
        Held::Elsewhere("it starts another program, and reads nothing itself"),
    ),
    ("wireshark", Held::Elsewhere("it copies its own scripts")),
    ("help", Held::Elsewhere("it reads nothing")),
];

#[test]
fn no_command_is_forgotten() {
    let output = Command::new(IMGNET).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let listed = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"));
    let listed = listed.skip(1).take_while(|line| !line.is_empty());
    let listed: Vec<&str> = listed
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(listed.len() > 15, "{help}");
    for name in &listed {
        let row = COMMANDS.iter().find(|(command, _)| command == name);
        let (_, how) = row.unwrap_or_else(|| panic!("how is {name} confined?"));
        if let Held::Elsewhere(why) = how {
            println!("{name}: {why}");
        }
    }
    for (command, _) in COMMANDS {
        assert!(listed.contains(command), "{command} is no command");
    }
}

/// The files in a folder and below.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

/// Starts imgnet in `folder`, with temporary files of its own.
fn started(arguments: &str, folder: &Path, given: Stdio) -> Running {
    std::fs::create_dir_all(folder.join("tmp")).unwrap();
    let child = Command::new(IMGNET)
        .args(arguments.split(' '))
        .current_dir(folder)
        .env("TMPDIR", folder.join("tmp"))
        .stdin(given)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

/// Ends it by a signal, and looks for what it left behind.
fn interrupt(running: &mut Running, signal: &str, folder: &Path) -> Vec<String> {
    let pid = running.0.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &pid]).status();
    assert!(sent.unwrap().success());
    let told = std::time::Instant::now();
    while running.0.try_wait().unwrap().is_none() {
        assert!(
            told.elapsed().as_secs() < 20,
            "it goes on after SIG{signal}"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    files(folder)
        .into_iter()
        .filter(|file| file.contains(".imgnet-") || Path::new(file).starts_with(folder.join("tmp")))
        .collect()
}

#[test]
fn whoever_is_interrupted_leaves_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    long_capture(&folder.join("long.pcap"), 40);
    let capture = std::fs::read(folder.join("long.pcap")).unwrap();
    for (arguments, signal) in [
        ("analyze - --format json -o report.json", "KILL"),
        ("analyze - --extract pictures", "TERM"),
        ("analyze - --extract others", "QUIT"),
        ("report - -o report.html", "KILL"),
        ("check - --record expect.toml", "TERM"),
        ("packets -", "KILL"),
    ] {
        let mut running = started(arguments, folder, Stdio::piped());
        // More than a pipe holds, so most of it has been read; and without its end, so it waits for more. (A shell's background job
        // would ignore SIGINT.)
        let mut given = running.0.stdin.take().unwrap();
        given
            .write_all(&capture[..capture.len() - 1])
            .unwrap_or_else(|error| panic!("{arguments}: {error}"));
        assert!(
            running.0.try_wait().unwrap().is_none(),
            "{arguments}: over before the capture was"
        );
        let left = interrupt(&mut running, signal, folder);
        assert!(left.is_empty(), "{arguments}: {left:?}");
    }
    // It reads a file twice, so nothing holds it: at whatever moment it is ended, nothing is left.
    long_capture(&folder.join("long.pcap"), 400);
    for pause in [1, 10, 40, 100, 200, 400] {
        let arguments = "annotate long.pcap -o annotated.pcapng";
        let mut running = started(arguments, folder, Stdio::null());
        std::thread::sleep(std::time::Duration::from_millis(pause));
        let left = interrupt(&mut running, "KILL", folder);
        assert!(left.is_empty(), "{arguments}: {left:?}");
    }
}

#[test]
fn nothing_of_a_capture_is_read_before_the_process_is_confined() {
    if !filters("nothing_of_a_capture_is_read_before_the_process_is_confined") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sent")).unwrap();
    std::fs::write(folder.path().join("expect.toml"), "[run]\npictures = 1\n").unwrap();
    for arguments in COMMANDS.iter().flat_map(|(_, held)| match held {
        Held::Waiting(all) => *all,
        Held::Saying(_) | Held::Elsewhere(_) => &[],
    }) {
        // Nothing is ever written into the pipe: whatever confines itself has not seen a byte.
        let running = started(arguments, folder.path(), Stdio::piped());
        let begun = std::time::Instant::now();
        while status(running.0.id(), "Seccomp:")
            .iter()
            .any(|one| one != "2")
        {
            assert!(
                begun.elapsed().as_secs() < 60,
                "{arguments}: not confined while it waits for the first byte"
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

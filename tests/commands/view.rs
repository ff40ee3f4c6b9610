//! The viewer in a real terminal (tmux): keys sent, screens captured, and the terminal given back after a kill.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper of a test may fail as the test may, waits for a terminal, and says when it skips"
)]

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::captures_folder;

mod keys;
mod live;

/// A terminal of its own, ended with the test.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs a shell command in a terminal of this size.
    fn run(name: &str, width: u16, height: u16, command: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "tmux is missing, and under CI the viewer's test must run: apt-get install tmux"
            );
            eprintln!(
                "SKIPPED: the viewer in a terminal: tmux is not installed (apt-get install tmux)"
            );
            return None;
        }
        let terminal = Self {
            socket: format!("imgnet-{name}-{}", std::process::id()),
        };
        let size = [width.to_string(), height.to_string()];
        let [width, height] = size.each_ref().map(String::as_str);
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            width,
            "-y",
            height,
            command,
        ]);
        terminal.tmux(&["set-option", "-g", "remain-on-exit", "on"]);
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-L", &self.socket])
            .args(arguments)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .env_remove("COLORTERM")
            .env_remove("NO_COLOR")
            .output()
            .expect("tmux starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    fn keys(&self, keys: &[&str]) {
        let mut arguments = vec!["send-keys"];
        arguments.extend(keys);
        self.tmux(&arguments);
    }

    /// Waits until the screen holds a text.
    fn wait_for(&self, wanted: &str) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if screen.contains(wanted) {
                return screen;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "no {wanted:?} in:\n{screen}"
            );
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn view(capture: &str) -> String {
    let path = captures_folder().join(capture);
    format!(
        "{} view {}",
        env!("CARGO_BIN_EXE_imgnet"),
        path.to_str().expect("UTF-8")
    )
}

#[test]
fn three_keys_lead_from_the_finding_to_the_bytes_of_its_frame() {
    let shell = format!(
        "sh -c '{}; echo code $?; sleep 60'",
        view("pipeline-hang.pcap")
    );
    for (name, width, height) in [("small", 80, 24), ("middle", 120, 40), ("large", 200, 50)] {
        let Some(terminal) = Terminal::run(name, width, height, &shell) else {
            return;
        };
        let first = terminal.wait_for("silence");
        assert!(first.contains("marker-unanswered"), "{first}");
        terminal.keys(&["Enter"]);
        terminal.wait_for("2 packets");
        terminal.keys(&["Tab", "Tab"]);
        terminal.wait_for("Bytes:");
        let bytes = terminal.wait_for("%IMAGE_C");
        assert!(
            bytes.contains("%IMAGE_COMPLETED") || bytes.contains("%IMAGE_C"),
            "{bytes}"
        );
        assert!(bytes.lines().count() <= usize::from(height), "{bytes}");
        terminal.keys(&["q"]);
        terminal.wait_for("code 0");
    }
}

#[test]
fn files_that_are_given_stand_beside_the_wire_with_the_verdict() {
    let files = captures_folder().join("udp-receiver-overflow");
    let command = format!(
        "{} --sent {files}/sent --received {files}/received",
        view("udp-receiver-overflow.pcap"),
        files = files.display()
    );
    let Some(terminal) = Terminal::run("files", 120, 40, &command) else {
        return;
    };
    // The finding is one that only the files show.
    terminal.wait_for("receiver-overflow (proven)");
    terminal.keys(&["4"]);
    terminal.wait_for("✖ received: a.png");
    // A screen may be seen while it is drawn: what is hatched stands at its end.
    let screen = terminal.wait_for("╱");
    for words in [
        "✔ sent: a.png",
        "on the wire",
        "mismatch from byte 39,200 on",
        "╱",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    terminal.keys(&["q"]);
}

#[test]
fn the_terminal_is_given_back_after_a_kill() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        given_back_after(signal);
    }
}

fn given_back_after(signal: &str) {
    let shell = format!(
        "sh -c 'stty -a > before; {}; stty -a > after; echo code $?; sleep 60'",
        view("eof.pcap")
    );
    let folder = tempfile::tempdir().expect("a folder");
    let command = format!("cd {} && {shell}", folder.path().display());
    let Some(terminal) = Terminal::run(&format!("kill-{signal}"), 80, 24, &command) else {
        return;
    };
    terminal.wait_for("1 overview");
    let alternate = |terminal: &Terminal| {
        terminal
            .tmux(&["display-message", "-p", "#{alternate_on}"])
            .trim()
            .to_owned()
    };
    assert_eq!(alternate(&terminal), "1");
    let of_shell: u32 = terminal
        .tmux(&["display-message", "-p", "#{pane_pid}"])
        .trim()
        .parse()
        .expect("a process number");
    let viewer = descendant(of_shell, "imgnet").expect("the viewer runs");
    let killed = Command::new("kill")
        .args([&format!("-{signal}"), &viewer.to_string()])
        .status();
    assert!(killed.expect("kill starts").success());
    terminal.wait_for("code");
    assert_eq!(alternate(&terminal), "0");
    let setting =
        |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("stty wrote");
    assert_eq!(setting("before"), setting("after"), "{signal}");
}

#[test]
fn it_ends_where_its_terminal_goes_away() {
    let command = format!("sh -c '{}; sleep 60'", view("eof.pcap"));
    let Some(terminal) = Terminal::run("gone", 80, 24, &command) else {
        return;
    };
    terminal.wait_for("1 overview");
    let of_shell = terminal.tmux(&["display-message", "-p", "#{pane_pid}"]);
    let of_shell: u32 = of_shell.trim().parse().expect("a process number");
    let viewer = descendant(of_shell, "imgnet").expect("the viewer runs");
    assert_confined(viewer);
    terminal.tmux(&["kill-server"]);
    let begun = Instant::now();
    let runs = || {
        std::fs::read_to_string(format!("/proc/{viewer}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
    };
    while runs() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it goes on");
        sleep(Duration::from_millis(50));
    }
}

impl Terminal {
    /// The screen, once it holds a text and stands still.
    fn settled(&self, wanted: &str, colours: bool) -> String {
        self.wait_for(wanted);
        let capture = || {
            let arguments: &[&str] = if colours {
                &["capture-pane", "-p", "-e"]
            } else {
                &["capture-pane", "-p"]
            };
            self.tmux(arguments)
        };
        let mut before = capture();
        loop {
            sleep(Duration::from_millis(300));
            let now = capture();
            if now == before {
                return now;
            }
            before = now;
        }
    }
}

#[test]
fn first_screen_in_three_sizes_and_with_colours() {
    let shell = |more: &str| {
        format!(
            "sh -c 'cd {}; {} view pipeline-hang.pcap {more}; sleep 60'",
            captures_folder().display(),
            env!("CARGO_BIN_EXE_imgnet")
        )
    };
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        for (name, more) in [("plain", "--color never"), ("colour", "--color always")] {
            let name = format!("{width}x{height}-{name}");
            let Some(terminal) = Terminal::run(&name, width, height, &shell(more)) else {
                return;
            };
            let screen = terminal.settled("silence", name.ends_with("colour"));
            insta::assert_snapshot!(name, screen);
        }
    }
}

#[test]
fn the_screens_that_the_pages_show_are_those_of_the_viewer() {
    let root = captures_folder().join("..");
    let recorded = [
        "tests/commands/snapshots/commands__view__80x24-plain.snap",
        "src/view/snapshots/imgnet__view__tests__packets-80x24.snap",
    ]
    .map(|path| {
        let snapshot = std::fs::read_to_string(root.join(path)).expect("a snapshot");
        let (_, screen) = snapshot.rsplit_once("\n---\n").expect("its head");
        screen.trim_end().to_owned()
    });
    let mut shown = 0;
    for page in ["README.md", "docs/inspect.md"] {
        let text = std::fs::read_to_string(root.join(page)).expect("a page");
        for block in text.split("```text\n").skip(1) {
            let (block, _) = block.split_once("\n```").expect("its end");
            if block.starts_with("imgnet view ") {
                assert!(
                    recorded.iter().any(|screen| screen == block),
                    "{page}:\n{block}"
                );
                shown += 1;
            }
        }
    }
    assert_eq!(shown, 3);
}

/// Sends a picture to itself in a second, and stays a little longer.
const BOTH: &str = r#"
import socket, sys, threading, time
listener = socket.create_server(("127.0.0.1", 65432))
def serve():
    peer, _ = listener.accept()
    while peer.recv(1024): pass
    peer.close()
thread = threading.Thread(target=serve); thread.start()
time.sleep(1)
peer = socket.create_connection(("127.0.0.1", 65432))
data = open(sys.argv[1], "rb").read()
for at in range(0, len(data), 1024):
    peer.sendall(data[at:at + 1024]); time.sleep(0.12)
peer.close(); thread.join(); time.sleep(3)
"#;

/// Looks on while a picture moves: first a part of it, then the whole, then quits.
fn looks_on(name: &str, command: impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("both.py");
    std::fs::write(&program, BOTH).expect("a program");
    let picture = captures_folder().join("eof/sent/a.jpg");
    let run = format!("python3 {} {}", program.display(), picture.display());
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let shell = format!(
        "sh -c 'export TMPDIR={}; {}; echo code $?; sleep 60'",
        temporary.display(),
        command(&run)
    );
    let Some(terminal) = Terminal::run(name, 110, 60, &shell) else {
        return;
    };
    let begun = Instant::now();
    loop {
        let screen = terminal.screen();
        if screen.contains("JPEG 300×220") {
            // It is shown before it is whole.
            assert!(!screen.contains("12,192 bytes"), "{screen}");
            break;
        }
        if screen.contains("code ") && !screen.contains("code 0") {
            eprintln!("SKIPPED {name}: no private network can be had here: {screen}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{screen}");
        sleep(Duration::from_millis(20));
    }
    let whole = terminal.wait_for("12,192 bytes");
    assert!(whole.contains("12 chunks"), "{whole}");
    terminal.wait_for("closes its side");
    let of_shell = terminal.tmux(&["display-message", "-p", "#{pane_pid}"]);
    let of_shell: u32 = of_shell.trim().parse().expect("a process number");
    let viewer = descendant(of_shell, "imgnet").expect("the viewer runs");
    assert_confined(viewer);
    terminal.keys(&["q"]);
    terminal.wait_for("code 0");
    // What it read while it was written never had a name.
    let left = std::fs::read_dir(&temporary).expect("a folder").count();
    assert_eq!(left, 0);
}

#[test]
fn a_command_is_looked_at_while_it_runs() {
    looks_on("command", |run| {
        format!("{} view -- {run}", env!("CARGO_BIN_EXE_imgnet"))
    });
}

/// Three pictures of 8 MB through one connection each, as fast as they go.
const FAST: &str = r#"
import socket, threading
pixels = bytes(8_000_000)
picture = b"BM" + (54 + len(pixels)).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") \
    + (40).to_bytes(4, "little") + (2000).to_bytes(4, "little") + (1000).to_bytes(4, "little") \
    + (1).to_bytes(2, "little") + (32).to_bytes(2, "little") + bytes(24) + pixels
listener = socket.create_server(("127.0.0.1", 65432))
def serve():
    for _ in range(3):
        peer, _ = listener.accept()
        while peer.recv(1 << 16): pass
        peer.close()
thread = threading.Thread(target=serve); thread.start()
for _ in range(3):
    peer = socket.create_connection(("127.0.0.1", 65432))
    peer.sendall(picture); peer.close()
thread.join()
"#;

#[test]
fn nothing_is_dropped_while_a_command_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("fast.py");
    std::fs::write(&program, FAST).expect("a program");
    let shell = format!(
        "sh -c '{} view -- python3 {}; echo code $?; sleep 60'",
        env!("CARGO_BIN_EXE_imgnet"),
        program.display()
    );
    let Some(terminal) = Terminal::run("drops", 120, 40, &shell) else {
        return;
    };
    let begun = Instant::now();
    loop {
        let screen = terminal.screen();
        assert!(
            !screen.contains("code 0") && !screen.contains("code 101"),
            "{screen}"
        );
        if screen.contains("code ") {
            eprintln!("SKIPPED drops: no private network can be had here: {screen}");
            return;
        }
        // The capture says at its end how many frames the kernel dropped.
        if screen.contains("dropped") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{screen}");
        sleep(Duration::from_millis(50));
    }
    let screen = terminal.screen();
    assert!(screen.contains(" · 0 dropped"), "{screen}");
    assert!(screen.contains("3 pictures"), "{screen}");
    assert!(screen.contains("8,000,054 bytes"), "{screen}");
    terminal.keys(&["q"]);
    terminal.wait_for("code 0");
}

/// Waits until somebody captures in this network: the kernel lists a packet socket below the heading.
const WATCHED: &str = "until [ \\$(wc -l < /proc/net/packet) -gt 1 ]; do sleep 0.05; done";

#[test]
fn an_interface_is_looked_at() {
    // Loopback of a network of its own: what else goes by on this machine is not looked at.
    looks_on("interface", |run| {
        format!(
            "unshare -rn sh -c \"ip link set lo up && {{ ( {WATCHED}; {run} ) & exec {} view -i lo; }}\"",
            env!("CARGO_BIN_EXE_imgnet")
        )
    });
}

/// What the kernel says of every thread of a process.
fn assert_confined(pid: u32) {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail");
    if !kernel.is_ok_and(|actions| actions.contains("errno")) {
        eprintln!("SKIPPED whether the viewer is confined: no seccomp filters in this kernel");
        return;
    }
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs") {
        let status = std::fs::read_to_string(task.expect("a thread").path().join("status"));
        let status = status.expect("its status");
        assert!(status.contains("\nSeccomp:\t2\n"), "{status}");
    }
}

/// The process of this name below another.
fn descendant(parent: u32, name: &str) -> Option<u32> {
    let children = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(children).ok()?;
    for child in children.split_whitespace() {
        let child = child.parse().ok()?;
        let is = std::fs::read_to_string(format!("/proc/{child}/comm"))
            .is_ok_and(|comm| comm.trim() == name);
        if is {
            return Some(child);
        }
        if let Some(found) = descendant(child, name) {
            return Some(found);
        }
    }
    None
}

#[test]
fn a_dumb_terminal_is_told_so() {
    let path = captures_folder().join("eof.pcap");
    let output = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .arg("view")
        .arg(Path::new(&path))
        .env("TERM", "dumb")
        .output()
        .expect("imgnet starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("TERM=dumb"));
}

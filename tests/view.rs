//! The viewer in a real terminal (tmux): keys sent, screens captured, and the terminal given back after a kill.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper of a test may fail as the test may, waits for a terminal, and says when it skips"
)]

mod support;

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::captures_folder;

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
fn the_terminal_is_given_back_after_a_kill() {
    let shell = format!(
        "sh -c 'stty -a > before; {}; stty -a > after; echo code $?; sleep 60'",
        view("eof.pcap")
    );
    let folder = tempfile::tempdir().expect("a folder");
    let command = format!("cd {} && {shell}", folder.path().display());
    let Some(terminal) = Terminal::run("kill", 80, 24, &command) else {
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
        .args(["-TERM", &viewer.to_string()])
        .status();
    assert!(killed.expect("kill starts").success());
    terminal.wait_for("code");
    assert_eq!(alternate(&terminal), "0");
    let setting =
        |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("stty wrote");
    assert_eq!(setting("before"), setting("after"));
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

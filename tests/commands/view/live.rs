//! Live views: screens of three sizes, the pause, and what is left after a kill.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Terminal, descendant};
use crate::support::captures_folder;

/// Sends a picture to itself, a chunk after each pause, and waits a little at the end.
const TO_ITSELF: &str = r#"
import socket, sys, threading, time
pause, wait = float(sys.argv[2]), float(sys.argv[3])
listener = socket.create_server(("127.0.0.1", 65432))
def serve():
    peer, _ = listener.accept()
    while peer.recv(1024): pass
    peer.close()
thread = threading.Thread(target=serve); thread.start()
peer = socket.create_connection(("127.0.0.1", 65432))
data = open(sys.argv[1], "rb").read()
for at in range(0, len(data), 1024):
    peer.sendall(data[at:at + 1024])
    if pause: time.sleep(pause)
peer.close(); thread.join(); time.sleep(wait)
"#;

/// Looks on at that program. Absent where there is no tmux.
fn looking_on(
    folder: &Path,
    name: &str,
    (width, height): (u16, u16),
    (options, pause, wait): (&str, f32, f32),
) -> Option<Terminal> {
    let program = folder.join("to_itself.py");
    std::fs::write(&program, TO_ITSELF).expect("a program");
    let picture = captures_folder().join("eof/sent/a.jpg");
    std::fs::copy(picture, folder.join("a.jpg")).expect("a picture");
    std::fs::create_dir_all(folder.join("tmp")).expect("a folder");
    // The command stands in the first line: no name of a folder in it.
    let shell = format!(
        "sh -c 'cd {}; TMPDIR=$PWD/tmp {} view {options} -- python3 to_itself.py a.jpg {pause} {wait}; echo code $?; sleep 60'",
        folder.display(),
        env!("CARGO_BIN_EXE_imgnet"),
    );
    Terminal::run(name, width, height, &shell)
}

/// Whether a private network can be had; waits for the first picture.
fn goes(terminal: &Terminal) -> bool {
    let begun = Instant::now();
    loop {
        let screen = terminal.screen();
        if screen.contains("JPEG 300×220") {
            return true;
        }
        if screen.contains("code ") && !screen.contains("code 0") {
            eprintln!("SKIPPED: no private network can be had here: {screen}");
            return false;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{screen}");
        sleep(Duration::from_millis(20));
    }
}

/// Numbers, times and whatever is as long as they are: different each time.
fn masked(screen: &str) -> String {
    let mut out = String::new();
    let mut chars = screen.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => {
                out.push('^');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == 'm' {
                        break;
                    }
                }
            }
            c if c.is_ascii_digit() => {
                while chars
                    .next_if(|c| c.is_ascii_digit() || [',', '.', '–'].contains(c))
                    .is_some()
                {}
                out.push('#');
            }
            ' ' | '─' | '━' => {
                while chars.next_if_eq(&c).is_some() {}
                out.push(c);
            }
            c => out.push(c),
        }
    }
    for unit in ["# ns", "# µs", "# ms", "# s"] {
        out = out.replace(&format!("{unit} "), "# t ");
    }
    // How many frames a finding names, and where a text is cut.
    while out.contains("# #") {
        out = out.replace("# #", "#");
    }
    let cut = |line: &str| match line.split_once('…') {
        Some((before, behind)) => {
            let end = before.rfind('#').map_or(0, |at| at + 1);
            format!("{}…{behind}\n", before.get(..end).unwrap_or_default())
        }
        // A finding is cut at the border of its pane, wherever its numbers put that.
        None if line.contains("(proven) frames") => {
            let end = line.rfind('#').map_or(0, |at| at + 1);
            format!("{}│\n", line.get(..end).unwrap_or_default())
        }
        None => format!("{line}\n"),
    };
    out.lines().map(cut).collect()
}

#[test]
fn live_screens_in_three_sizes_and_with_colours() {
    let folder = tempfile::tempdir().expect("a folder");
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        for (kind, options) in [("plain", "--color never"), ("colour", "--color always")] {
            let name = format!("live-{width}x{height}-{kind}");
            let size = (width, height);
            let mut screen = String::new();
            // A machine that stands still for a fifth of a second makes a silence of its own.
            for attempt in 0..5 {
                let socket = format!("{name}-{attempt}");
                let how = (options, 0.0, 0.5);
                let Some(terminal) = looking_on(folder.path(), &socket, size, how) else {
                    return;
                };
                if !goes(&terminal) {
                    return;
                }
                // The capture has ended, and said so.
                screen = terminal.settled(" · 0 dropped", kind == "colour");
                if !screen.contains("silence") {
                    break;
                }
            }
            insta::assert_snapshot!(name, masked(&screen));
        }
    }
}

/// How many frames the first line says there are.
fn frames(screen: &str) -> u64 {
    let (before, _) = screen.split_once(" frames").expect("frames");
    let number = before.rsplit(' ').next().expect("a number");
    number.replace(',', "").parse().expect("a number")
}

#[test]
fn a_pause_holds_the_screen_and_not_the_capture() {
    let folder = tempfile::tempdir().expect("a folder");
    let how = ("--color never", 0.25, 1.0);
    let Some(terminal) = looking_on(folder.path(), "pause", (100, 40), how) else {
        return;
    };
    if !goes(&terminal) {
        return;
    }
    let live = terminal.screen();
    assert!(
        live.contains(" · live") && live.contains("p pause"),
        "{live}"
    );
    // The packet list begins at its end, and goes on with the capture.
    let selected = |terminal: &Terminal| {
        let screen = terminal.screen();
        let beneath = screen.lines().find(|line| line.starts_with('┗'));
        beneath.map(str::to_owned).unwrap_or_default()
    };
    terminal.keys(&["2"]);
    terminal.wait_for("┏ Packets");
    let first = selected(&terminal);
    assert!(!first.contains("[SYN]"), "{first}");
    let begun = Instant::now();
    while selected(&terminal) == first {
        assert!(begun.elapsed() < Duration::from_secs(20), "{first}");
        sleep(Duration::from_millis(50));
    }
    terminal.keys(&["1"]);
    terminal.wait_for("1 overview");
    terminal.keys(&["p"]);
    let held = terminal.wait_for(" · paused");
    assert!(!held.contains("12,192 bytes"), "{held}");
    // Keys go on meanwhile.
    terminal.keys(&["2"]);
    let list = terminal.wait_for("┏ Packets");
    terminal.keys(&["1"]);
    terminal.wait_for("1 overview");
    sleep(Duration::from_secs(4));
    let still = terminal.screen();
    assert_eq!(frames(&still), frames(&held), "{still}");
    assert_eq!(frames(&list), frames(&held), "{list}");
    assert!(still.contains(" · paused"), "{still}");
    // All of it is there afterwards, and none was lost.
    terminal.keys(&["p"]);
    let whole = terminal.wait_for("12,192 bytes");
    assert!(frames(&whole) > frames(&held), "{whole}");
    let end = terminal.wait_for(" · 0 dropped");
    assert!(!end.contains("paused"), "{end}");
    terminal.keys(&["q"]);
    terminal.wait_for("code 0");
}

/// The viewer and the capture that it started.
fn viewer_and_capture(terminal: &Terminal) -> (u32, u32) {
    let of_shell = terminal.tmux(&["display-message", "-p", "#{pane_pid}"]);
    let of_shell: u32 = of_shell.trim().parse().expect("a process number");
    let viewer = descendant(of_shell, "imgnet").expect("the viewer runs");
    let capture = descendant(viewer, "imgnet").expect("the capture runs");
    (viewer, capture)
}

fn kill(signal: &str, process: u32) {
    let killed = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(killed.expect("kill starts").success());
}

/// Waits until a process has ended: where its parent is gone before, somebody else may not have asked yet how.
fn ends(process: u32) {
    let begun = Instant::now();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
        let Ok(stat) = stat else { return };
        if stat
            .rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('Z'))
        {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it goes on: {stat}"
        );
        sleep(Duration::from_millis(50));
    }
}

/// What a view made where temporary files go: nothing that has a name, while it goes on and after any end.
fn left_behind(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.join("tmp")).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.collect()
}

#[test]
fn a_kill_ends_the_capture_too_and_gives_the_terminal_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let how = ("--color never", 0.0, 60.0);
    let Some(terminal) = looking_on(folder.path(), "live-kill", (80, 24), how) else {
        return;
    };
    if !goes(&terminal) {
        return;
    }
    let (viewer, capture) = viewer_and_capture(&terminal);
    assert!(left_behind(folder.path()).is_empty());
    kill("-TERM", viewer);
    terminal.wait_for("code ");
    let flags = [
        "display-message",
        "-p",
        "#{alternate_on} #{cursor_flag} #{mouse_any_flag}",
    ];
    assert_eq!(terminal.tmux(&flags).trim(), "0 1 0");
    ends(capture);
    let left = left_behind(folder.path());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn why_nothing_came_is_said() {
    let binary = env!("CARGO_BIN_EXE_imgnet");
    let shell = format!("sh -c '{binary} view -i nosuch0; echo code $?; sleep 60'");
    let Some(terminal) = Terminal::run("live-none", 200, 24, &shell) else {
        return;
    };
    let screen = terminal.wait_for("code 2");
    assert!(
        screen.starts_with("imgnet: there is no interface nosuch0"),
        "{screen}"
    );
    let shell = format!("sh -c '{binary} view -- nosuchcommand; echo code $?; sleep 60'");
    let Some(terminal) = Terminal::run("live-nothing", 80, 24, &shell) else {
        return;
    };
    let begun = Instant::now();
    loop {
        let screen = terminal.screen();
        if screen.contains("nosuchcommand: cannot be started") {
            break;
        }
        if screen.contains("code ") {
            eprintln!("SKIPPED: no private network can be had here: {screen}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{screen}");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_viewer_that_cannot_say_goodbye_leaves_no_capture_no_command_and_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let how = ("--color never", 0.0, 600.0);
    let Some(terminal) = looking_on(folder.path(), "live-gone", (80, 24), how) else {
        return;
    };
    if !goes(&terminal) {
        return;
    }
    let (viewer, capture) = viewer_and_capture(&terminal);
    let command = descendant(capture, "python3").expect("the command runs");
    kill("-KILL", viewer);
    ends(capture);
    ends(command);
    let left = left_behind(folder.path());
    assert!(left.is_empty(), "{left:?}");
}

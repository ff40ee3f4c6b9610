//! `--show` and `--open`: what is drawn in a pipe and on terminals, and what the desktop's viewer is given.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::programs::{CLIENT, Folder, SERVER, wait};
use crate::terminal::{Terminal, script};

/// A BMP, its left half black and its right half white.
fn halves(width: u32, height: u32) -> Vec<u8> {
    let row: Vec<u8> = (0..width * 3)
        .map(|at| if at / 3 < width / 2 { 0 } else { 255 })
        .collect();
    let padding = vec![0; (4 - row.len() % 4) % 4];
    let pixels: Vec<u8> = (0..height)
        .flat_map(|_| row.iter().chain(&padding).copied())
        .collect();
    let mut file = b"BM".to_vec();
    for field in [54 + pixels.len() as u32, 0, 54, 40, width, height] {
        file.extend(field.to_le_bytes());
    }
    file.extend([1, 0, 24, 0]);
    for field in [0, pixels.len() as u32, 2835, 2835, 0, 0] {
        file.extend(field.to_le_bytes());
    }
    file.extend(pixels);
    file
}

/// What is drawn of 8×4 of it.
const SHADES: &str = "    ████";
const LETTERS: &str = "    @@@@";
const TRUE_COLOUR: &str = "\u{1b}[38;2;0;0;0m\u{1b}[48;2;0;0;0m▀▀▀▀\u{1b}[38;2;255;255;255m\u{1b}[48;2;255;255;255m▀▀▀▀\u{1b}[0m";
const COLOURS_256: &str =
    "\u{1b}[38;5;16m\u{1b}[48;5;16m▀▀▀▀\u{1b}[38;5;231m\u{1b}[48;5;231m▀▀▀▀\u{1b}[0m";

/// A peer that gives each who comes this file, to so many.
fn giver(data: &[u8], times: usize) -> (u16, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let data = data.to_vec();
    let giving = thread::spawn(move || {
        for _ in 0..times {
            let (mut peer, _) = listener.accept().unwrap();
            peer.write_all(&data).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            // A request, which was not waited for.
            let _ = peer.read_to_end(&mut Vec::new());
        }
    });
    (port, giving)
}

/// The lines that stand above the table of what came.
fn above_the_table(text: &str) -> Vec<&str> {
    text.lines()
        .map(|line| line.trim_end_matches('\r'))
        .take_while(|line| !line.contains("picture"))
        .collect()
}

#[test]
fn in_a_pipe_a_picture_is_shades_and_as_wide_as_it_is() {
    let folder = Folder::new();
    for (variables, ascii, expected) in [
        (
            [("LC_ALL", "C.UTF-8"), ("COLORTERM", "truecolor")],
            false,
            SHADES,
        ),
        (
            [("LC_ALL", "de_DE.ISO-8859-1"), ("COLORTERM", "truecolor")],
            false,
            LETTERS,
        ),
        (
            [("LC_ALL", "C.UTF-8"), ("COLORTERM", "truecolor")],
            true,
            LETTERS,
        ),
    ] {
        let (port, giving) = giver(&halves(8, 4), 2);
        for command in ["receive", "get"] {
            let mut program = Command::new(CLIENT);
            program.args([command, &format!("127.0.0.1:{port}"), "--show", "-o"]);
            program.arg(folder.path("got.bmp"));
            if command == "receive" {
                program.args(["--protocol", "eof"]);
            } else {
                program.arg("1");
            }
            if ascii {
                program.arg("--ascii");
            }
            let output = program
                .envs(variables)
                .env_remove("COLUMNS")
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(0), "{text}");
            assert_eq!(above_the_table(&text), [expected, expected], "{command}");
            assert_eq!(folder.read("got.bmp"), halves(8, 4));
            std::fs::remove_file(folder.path("got.bmp")).unwrap();
        }
        giving.join().unwrap();
    }
}

#[test]
fn a_terminal_gets_the_colours_that_it_says_it_has_and_no_line_is_wider() {
    if !script("a_terminal_gets_the_colours_that_it_says_it_has_and_no_line_is_wider") {
        return;
    }
    let folder = Folder::new();
    let terminals: [(&[(&str, &str)], &str); 6] = [
        (
            &[("TERM", "xterm"), ("COLORTERM", "truecolor")],
            TRUE_COLOUR,
        ),
        (&[("TERM", "xterm-256color")], COLOURS_256),
        (&[("TERM", "xterm")], SHADES),
        (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], SHADES),
        (
            &[
                ("TERM", "xterm-256color"),
                ("COLORTERM", "truecolor"),
                ("NO_COLOR", "1"),
            ],
            SHADES,
        ),
        (
            &[("TERM", "xterm"), ("LC_ALL", "de_DE.ISO-8859-1")],
            LETTERS,
        ),
    ];
    let (port, giving) = giver(&halves(8, 4), terminals.len());
    for (variables, expected) in terminals {
        let command = format!("{CLIENT} receive 127.0.0.1:{port} --protocol eof --show -o got.bmp");
        let (code, text) = Terminal::start_with(&folder, 80, variables, &command).ended();
        assert_eq!(code, Some(0), "{text}");
        let drawn: Vec<&str> = text
            .lines()
            .map(|line| line.trim_end_matches('\r'))
            .filter(|line| line.ends_with(expected))
            .collect();
        assert_eq!(drawn.len(), 2, "{variables:?}: {text:?}");
        std::fs::remove_file(folder.path("got.bmp")).unwrap();
    }
    giving.join().unwrap();

    // Narrower than the picture: all columns of the terminal, and its shape is kept.
    let (port, giving) = giver(&halves(400, 100), 1);
    let command = format!("{CLIENT} receive 127.0.0.1:{port} --protocol eof --show -o got.bmp");
    let variables = [("TERM", "xterm"), ("COLORTERM", "truecolor")];
    let (code, text) = Terminal::start_with(&folder, 40, &variables, &command).ended();
    assert_eq!(code, Some(0), "{text}");
    let cells: Vec<usize> = text
        .lines()
        .map(|line| line.matches('▀').count())
        .filter(|count| *count > 0)
        .collect();
    assert_eq!(cells, [40; 5], "{text:?}");
    giving.join().unwrap();
}

#[test]
fn colours_can_be_asked_for_in_a_pipe_and_refused_on_a_terminal() {
    let folder = Folder::new();
    let (port, giving) = giver(&halves(8, 4), 1);
    let output = Command::new(CLIENT)
        .args([
            "receive",
            &format!("127.0.0.1:{port}"),
            "--protocol",
            "eof",
            "--show",
            "-o",
        ])
        .arg(folder.path("got.bmp"))
        .args(["--color", "always"])
        .envs([("LC_ALL", "C.UTF-8"), ("COLORTERM", "truecolor")])
        .output()
        .unwrap();
    giving.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with(&format!("{TRUE_COLOUR}\n{TRUE_COLOUR}\n")),
        "{text:?}"
    );
    if !script("colours_can_be_asked_for_in_a_pipe_and_refused_on_a_terminal") {
        return;
    }
    std::fs::remove_file(folder.path("got.bmp")).unwrap();
    let (port, giving) = giver(&halves(8, 4), 1);
    let command =
        format!("{CLIENT} receive 127.0.0.1:{port} --protocol eof --show -o got.bmp --color never");
    let variables = [("TERM", "xterm"), ("COLORTERM", "truecolor")];
    let (_, text) = Terminal::start_with(&folder, 80, &variables, &command).ended();
    giving.join().unwrap();
    assert!(text.contains(SHADES) && !text.contains("[38;"), "{text:?}");
}

/// A terminal as tmux understands it: what stands in its cells, not what was written.
#[test]
fn a_real_terminal_shows_the_picture() {
    let there = Command::new("tmux").arg("-V").output();
    if there.is_err() {
        eprintln!("SKIPPED a_real_terminal_shows_the_picture: tmux is not here");
        return;
    }
    let folder = Folder::new();
    std::fs::write(folder.path("a.bmp"), halves(8, 4)).unwrap();
    let socket = format!("imgnet-show-{}", std::process::id());
    let tmux = |arguments: &[&str]| {
        let output = Command::new("tmux")
            .args(["-L", &socket])
            .args(arguments)
            .env("LC_ALL", "C.UTF-8")
            .env_remove("TMUX")
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (port, giving) = giver(&halves(8, 4), 1);
    let got = folder.text("got.bmp");
    let command = format!(
        "sh -c 'export COLORTERM=truecolor; {CLIENT} receive 127.0.0.1:{port} --protocol eof --show -o {got}; sleep 60'"
    );
    tmux(&[
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-x",
        "100",
        "-y",
        "20",
        &command,
    ]);
    let since = Instant::now();
    let screen = loop {
        let screen = tmux(&["capture-pane", "-p", "-e"]);
        if screen.contains("all whole") {
            break screen;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{screen}");
        thread::sleep(Duration::from_millis(50));
    };
    tmux(&["kill-server"]);
    giving.join().unwrap();
    let drawn: Vec<&str> = screen.lines().filter(|line| line.contains('▀')).collect();
    assert_eq!(drawn.len(), 2, "{screen:?}");
    for line in drawn {
        // Four cells of each half, each with both of its pixels coloured.
        let [black, white] = ["0;0;0", "255;255;255"].map(|colour| {
            line.find(&format!("38;2;{colour}"))
                .unwrap_or_else(|| panic!("{colour} in {line:?}"))
        });
        assert!(
            black < white && line.contains("48;2;255;255;255"),
            "{line:?}"
        );
        assert_eq!(line.matches("▀▀▀▀").count(), 2, "{line:?}");
    }
}

#[test]
fn rows_of_pixels_are_drawn_as_they_come() {
    let folder = Folder::new();
    let port = free_port();
    let mut child = Command::new(CLIENT)
        .args([
            "receive",
            "--listen",
            &port.to_string(),
            "--width",
            "8",
            "--show",
            "-o",
        ])
        .arg(folder.path("got.png"))
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut peer = connected(port);
    let row: Vec<u8> = (0..24).map(|at| if at < 12 { 0 } else { 255 }).collect();
    for _ in 0..3 {
        // A line of text for every two rows; the next are not sent before it is there.
        peer.write_all(&row).unwrap();
        peer.write_all(&row).unwrap();
        assert_eq!(shown.next().unwrap().unwrap(), SHADES);
    }
    drop(peer);
    assert_eq!(wait(&mut child), Some(0));
    let picture = imgnet::imaging::decode(
        &folder.read("got.png"),
        &imgnet::imaging::DecodeLimits::default(),
    );
    assert_eq!(picture.unwrap().height(), 6);
}

#[test]
fn server_shows_each_picture_and_what_is_none() {
    let folder = Folder::new();
    let port = free_port();
    let mut child = Command::new(SERVER)
        .args([
            "receive",
            "--port",
            &port.to_string(),
            "--count",
            "2",
            "--show",
            "--out",
        ])
        .arg(folder.path("out"))
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut peer = connected(port);
    peer.write_all(&halves(8, 4)).unwrap();
    drop(peer);
    let lines: Vec<String> = shown.by_ref().take(2).map(Result::unwrap).collect();
    assert_eq!(lines, [SHADES, SHADES]);
    let mut peer = connected(port);
    peer.write_all(b"no picture").unwrap();
    drop(peer);
    assert_eq!(wait(&mut child), Some(1));
    let rest: Vec<String> = shown.map(Result::unwrap).collect();
    assert!(!rest.iter().any(|line| line.contains('█')), "{rest:?}");
}

#[test]
fn analyze_draws_below_the_table_on_pipe_and_terminal() {
    let imgnet = Path::new(CLIENT).with_file_name("imgnet");
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/raw-pixels.pcap");
    let sent = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/eof.pcap");
    let shown = |arguments: &[&str]| {
        let output = Command::new(&imgnet)
            .args(["analyze", "--show"])
            .args(arguments)
            .envs([("LC_ALL", "C.UTF-8"), ("COLUMNS", "60")])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    // 300×220 in 60 columns: 44 half rows. 200×150 rows of pixels: 45.
    for (arguments, lines) in [
        (&[sent][..], 22),
        (&[capture, "--protocol", "9909=raw-pixels=200"], 23),
    ] {
        let text = shown(arguments);
        let (table, drawn) = text.split_once("\npicture 0\n").unwrap();
        assert!(table.contains("whole on the wire"), "{table}");
        assert_eq!(drawn.lines().count(), lines, "{drawn}");
        assert!(drawn.lines().all(|line| line.chars().count() <= 60));
        assert!(drawn.contains(['░', '▒', '▓']), "{drawn}");
    }
    // For people only.
    let output = Command::new(&imgnet)
        .args(["analyze", sent, "--show", "--format", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    if !script("analyze_draws_below_the_table_on_pipe_and_terminal") {
        return;
    }
    let command = format!("{} analyze --show {sent}", imgnet.to_str().unwrap());
    let variables = [("TERM", "xterm"), ("COLORTERM", "truecolor")];
    let (_, text) = Terminal::start_with(&Folder::new(), 60, &variables, &command).ended();
    let cells = text
        .lines()
        .map(|line| line.matches('▀').count())
        .filter(|count| *count > 0);
    assert_eq!(cells.collect::<Vec<_>>(), [60; 22]);
}

#[test]
fn show_and_json_exclude_each_other() {
    for json in [&["--json"][..], &["--format", "json"]] {
        let output = Command::new(CLIENT)
            .args(["receive", "127.0.0.1:9", "--protocol", "eof", "--show"])
            .args(json)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{json:?}");
        assert!(output.stdout.is_empty());
    }
}

/// A desktop without a desktop: the name of each file that it is to open goes into `opened`.
fn desktop(folder: &Folder) -> String {
    std::fs::create_dir(folder.path("bin")).unwrap();
    let program = folder.path("bin/xdg-open");
    let opened = folder.text("opened");
    std::fs::write(
        &program,
        format!("#!/bin/sh\nprintf '%s %s\\n' \"$#\" \"$1\" >>'{opened}'\ncat \"$1\" >/dev/null || echo unreadable >>'{opened}'\n"),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", folder.text("bin"))
}

/// Waits until the desktop was given so many files.
fn opened(folder: &Folder, count: usize) -> Vec<String> {
    let since = Instant::now();
    loop {
        let text = std::fs::read_to_string(folder.path("opened")).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "only {lines:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A program as an ordinary user, where this is root and can be one; the program lies where that user may read it.
fn ordinary(folder: &Folder, program: &str) -> Command {
    let root = rustix::process::geteuid().is_root();
    let can = Command::new("setpriv").arg("--version").output().is_ok();
    if !root || !can {
        if root {
            eprintln!("SKIPPED as an ordinary user: setpriv is not here; as root instead");
        }
        return Command::new(program);
    }
    std::fs::set_permissions(folder.path(""), std::fs::Permissions::from_mode(0o777)).unwrap();
    let copy = folder.path(Path::new(program).file_name().unwrap().to_str().unwrap());
    if !copy.exists() {
        std::fs::copy(program, &copy).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command.arg(copy);
    command
}

#[test]
fn desktop_is_given_each_picture_that_came() {
    let folder = Folder::new();
    let path = desktop(&folder);
    let mut expected = Vec::new();
    // A name that a shell would take apart.
    for (number, name) in ["it's a $(picture).bmp", "b.bmp"].into_iter().enumerate() {
        let (port, giving) = giver(&halves(8, 4), 1);
        let at = format!("127.0.0.1:{port}");
        let mut program = ordinary(&folder, CLIENT);
        match number {
            0 => program.args(["receive", &at, "--protocol", "eof", "--open", "-o", name]),
            _ => program.args(["get", &at, "1", "--open", "-o", name]),
        };
        let output = program
            .env("PATH", &path)
            .current_dir(folder.path(""))
            .output()
            .unwrap();
        let mut told = String::from_utf8_lossy(&output.stderr).into_owned();
        let _ = write!(told, "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(output.status.code(), Some(0), "{told}");
        giving.join().unwrap();
        expected.push(format!("1 {}", folder.text(name)));
        assert_eq!(opened(&folder, expected.len()), expected);
        assert_eq!(folder.read(name), halves(8, 4));
    }
    let port = free_port();
    let mut server = ordinary(&folder, SERVER)
        .args([
            "receive",
            "--port",
            &port.to_string(),
            "--count",
            "3",
            "--open",
            "--out",
            "out",
        ])
        .env("PATH", &path)
        .current_dir(folder.path(""))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // What is no picture is not handed on.
    for data in [&halves(8, 4)[..], b"no picture", &halves(6, 2)] {
        let mut peer = connected(port);
        peer.write_all(data).unwrap();
        drop(peer);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(wait(&mut server), Some(1));
    let opened = opened(&folder, 4);
    assert_eq!(opened.len(), 4, "{opened:?}");
    for (line, picture) in opened[2..].iter().zip([halves(8, 4), halves(6, 2)]) {
        let file = line.strip_prefix("1 ").unwrap();
        assert!(file.starts_with(&folder.text("out")), "{file}");
        assert_eq!(std::fs::read(file).unwrap(), picture);
    }
}

#[test]
fn without_a_desktop_open_says_what_is_missing() {
    let folder = Folder::new();
    let output = Command::new(CLIENT)
        .args([
            "receive",
            "127.0.0.1:9",
            "--protocol",
            "eof",
            "--open",
            "-o",
        ])
        .arg(folder.path("got"))
        .env("PATH", folder.path(""))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("--open needs xdg-open") && told.contains("xdg-utils"),
        "{told}"
    );
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn connected(port: u16) -> TcpStream {
    let since = Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(peer) => return peer,
            Err(error) => assert!(since.elapsed() < Duration::from_secs(20), "{error}"),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

//! The programs on a terminal: the menu and the progress bar.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::programs::{CLIENT, Folder, Running, SERVER, wait};

/// Whether `script` of util-linux is here, which gives a program a terminal; says so where it is not.
pub(crate) fn script(test: &str) -> bool {
    let there = Command::new("script")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !there {
        eprintln!("SKIPPED {test}: script (util-linux) is not here");
    }
    there
}

/// A program on a terminal.
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    pub(crate) fn start(folder: &Folder, columns: u32, command: &str) -> Self {
        Self::start_with(folder, columns, &[("TERM", "xterm")], command)
    }

    /// With these variables.
    pub(crate) fn start_with(
        folder: &Folder,
        columns: u32,
        variables: &[(&str, &str)],
        command: &str,
    ) -> Self {
        let mut child = Command::new("script")
            .arg("-qec")
            .arg(format!("stty cols {columns} rows 24; exec {command}"))
            .arg("/dev/null")
            .current_dir(folder.path(""))
            .env_remove("COLORTERM")
            .env_remove("NO_COLOR")
            .env_remove("LC_ALL")
            .env("LC_CTYPE", "C.UTF-8")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let mut screen = child.stdout.take().unwrap();
        let kept = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            keys: child.stdin.take().unwrap(),
            child,
            shown,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until this is shown.
    pub(crate) fn shows(&self, what: &str) {
        let since = Instant::now();
        while !self.text().contains(what) {
            assert!(
                since.elapsed() < Duration::from_secs(30),
                "{what:?} was not shown:\n{}",
                self.text()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn types(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
        self.keys.flush().unwrap();
    }

    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = wait(&mut self.child);
        // The last of it may still be on its way.
        thread::sleep(Duration::from_millis(50));
        (code, self.text())
    }
}

/// A catalogue of three pictures.
fn catalogue(folder: &Folder) -> (Running, Vec<u8>) {
    std::fs::create_dir(folder.path("pictures")).unwrap();
    folder.picture("pictures/1 cat.png", 1, 60, 40);
    let dog = folder.picture("pictures/2 dog.png", 2, 61, 41);
    folder.picture("pictures/3 dot.png", 3, 62, 42);
    let pictures = folder.text("pictures");
    let server = Running::start(SERVER, &["catalog", "--port", "0", "--import", &pictures]);
    (server, dog)
}

#[test]
fn menu_takes_a_number_or_a_name_and_says_what_is_wrong() {
    if !script("menu_takes_a_number_or_a_name_and_says_what_is_wrong") {
        return;
    }
    let folder = Folder::new();
    let (server, dog) = catalogue(&folder);
    let get = format!("{CLIENT} get 127.0.0.1:{} -o got.png", server.port);
    for keys in ["2\n", "2 dog.png\n", "2 d\n"] {
        let mut terminal = Terminal::start(&folder, 80, &get);
        terminal.shows("Number or name: ");
        terminal.types(b"9\n");
        terminal.shows("There is no picture \"9\". Type a number or a name of the list");
        terminal.types(keys.as_bytes());
        let (code, text) = terminal.ended();
        assert_eq!(code, Some(0), "{text}");
        assert!(
            text.contains("61×41") && text.contains("all whole"),
            "{text}"
        );
        assert_eq!(folder.read("got.png"), dog, "{keys:?}");
        std::fs::remove_file(folder.path("got.png")).unwrap();
    }
}

#[test]
fn menu_ends_at_control_c_and_at_control_d() {
    if !script("menu_ends_at_control_c_and_at_control_d") {
        return;
    }
    let folder = Folder::new();
    let (server, _) = catalogue(&folder);
    let get = format!("{CLIENT} get 127.0.0.1:{} -o got.png", server.port);
    for (key, code, word) in [
        (3, 1, "stopped before it was done"),
        (4, 2, "nothing was chosen"),
    ] {
        let mut terminal = Terminal::start(&folder, 80, &get);
        terminal.shows("Number or name: ");
        terminal.types(&[key]);
        let (ended, text) = terminal.ended();
        assert_eq!(ended, Some(code), "{text}");
        assert!(text.contains(word), "{text}");
        assert!(!folder.path("got.png").exists());
    }
}

#[test]
fn progress_and_summary_fit_the_terminal_and_control_c_ends_a_transfer() {
    if !script("progress_and_summary_fit_the_terminal_and_control_c_ends_a_transfer") {
        return;
    }
    let folder = Folder::new();
    folder.picture("large.bmp", 1, 2000, 1500);
    for columns in [80, 200] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let terminal = Terminal::start(
            &folder,
            columns,
            &format!("{CLIENT} send 127.0.0.1:{port} large.bmp --chunk 8192"),
        );
        let (mut stream, _) = listener.accept().unwrap();
        // Slow enough to be looked at.
        let mut buffer = vec![0; 200_000];
        while let Ok(1..) = stream.read(&mut buffer) {
            thread::sleep(Duration::from_millis(40));
        }
        drop(stream);
        let (code, text) = terminal.ended();
        assert_eq!(code, Some(0), "{text}");
        assert!(
            text.contains("MiB of 8.58 MiB") && text.contains("left"),
            "{text}"
        );
        let lines = text
            .lines()
            .map(|line| line.split('\r').next_back().unwrap_or(line));
        for line in lines.filter(|line| !line.contains('\u{1b}')) {
            assert!(line.chars().count() <= columns as usize, "{line}");
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut terminal = Terminal::start(
        &folder,
        80,
        &format!("{CLIENT} send 127.0.0.1:{port} large.bmp --chunk 1"),
    );
    let (mut stream, _) = listener.accept().unwrap();
    // One that never stops reading: there is no moment at which the sender waits. A byte a call, so that nine million of
    // them are far from done when the progress shows.
    let reading = thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    terminal.shows("MiB of");
    terminal.types(&[3]);
    let (code, text) = terminal.ended();
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("stopped before it was done"), "{text}");
    reading.join().unwrap().unwrap();
}

//! Starts the programs, and reads what they tell programs.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use imgnet::imaging::synth;
use imgnet::picture::Format;
use serde_json::Value;

pub(crate) const SERVER: &str = env!("CARGO_BIN_EXE_imgnet-server");
pub(crate) const CLIENT: &str = env!("CARGO_BIN_EXE_imgnet-client");

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program of ours that runs.
pub(crate) struct Running {
    child: Child,
    lines: Option<JoinHandle<Vec<Value>>>,
    pub(crate) port: u16,
}

impl Running {
    /// Starts it and waits until it listens.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .args(["--format", "json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("it ended before it listened").unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["event"] == "listening" {
                let address: std::net::SocketAddr =
                    line["address"].as_str().unwrap().parse().unwrap();
                break address.port();
            }
        };
        let lines = std::thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .map(|line| serde_json::from_str(&line).unwrap())
                .collect()
        });
        Self {
            child,
            lines: Some(lines),
            port,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself; its exit code and what it told.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<Value>) {
        let code = wait(&mut self.child);
        (code, self.lines.take().unwrap().join().unwrap())
    }

    /// Tells it to end.
    pub(crate) fn stop(self) -> (Option<i32>, Vec<Value>) {
        signal(self.pid(), rustix::process::Signal::TERM);
        self.ended()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only where a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if since.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("a program did not end in {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Memory of a process, in KiB.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Runs a client to its end: exit code and what it told.
pub(crate) fn client(arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = Command::new(CLIENT)
        .args(arguments)
        .args(["--format", "json"])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (output.status.code(), lines)
}

/// The transfers among what was told.
pub(crate) fn transfers(told: &[Value]) -> Vec<&Value> {
    told.iter()
        .filter(|line| line["event"] == "transfer")
        .collect()
}

/// A folder with pictures.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a made-up picture and returns its bytes.
    pub(crate) fn picture(&self, name: &str, seed: u64, width: u32, height: u32) -> Vec<u8> {
        let format = match Path::new(name).extension().and_then(|end| end.to_str()) {
            Some("png") => Format::Png,
            Some("bmp") => Format::Bmp,
            _ => Format::Jpeg,
        };
        let bytes = synth::picture(seed, width, height, format).unwrap();
        std::fs::write(self.path(name), &bytes).unwrap();
        bytes
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Names in a folder of it, in order.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

//! `imgnet extcap`: imgnet as an interface in Wireshark's list (doc/extcap.adoc of Wireshark).
//!
//! Wireshark asks in options of its own, which change from version to version: what is not known is passed over, and no question
//! takes longer than its answer. Capturing is `imgnet capture` in a process of its own, whose pcapng goes to Wireshark's FIFO.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::capture::pcapng::{Interface, Section, Writer};
use crate::cli::exit::Exit;
use crate::frame::LinkType;

/// What the program is called in Wireshark's folder, as a link to `imgnet`.
pub(super) const NAME: &str = "imgnet-extcap";

/// Runs a command in a network of its own.
const COMMAND: &str = "imgnet-command";
/// Listens on the loopback of this machine.
const LOOPBACK: &str = "imgnet-lo";

/// How long a capture may take to end when Wireshark stops it, before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether Wireshark calls: by the name of the link, by its first question, or by the command.
pub(super) fn is_called(arguments: &[OsString]) -> bool {
    let program = arguments
        .first()
        .and_then(|program| Path::new(program).file_name());
    let first = arguments.get(1).and_then(|first| first.to_str());
    program == Some(OsStr::new(NAME))
        || first.is_some_and(|first| first == "extcap" || first.starts_with("--extcap-"))
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Which interfaces there are.
    Interfaces,
    /// Which link types one has.
    Dlts,
    /// Which options one takes.
    Config,
    /// To capture.
    Capture,
}

/// What Wireshark says, as far as it matters here.
#[derive(Debug, Default)]
struct Asked {
    question: Option<Question>,
    interface: Option<String>,
    fifo: Option<OsString>,
    filter: Option<String>,
    command: Option<String>,
    port: Option<String>,
}

impl Asked {
    /// Both `--name value` and `--name=value`; whatever else stands there is passed over.
    fn read(arguments: &[OsString]) -> Self {
        let mut asked = Self::default();
        let mut rest = arguments.iter().skip(1).peekable();
        while let Some(argument) = rest.next() {
            let Some(text) = argument.to_str() else {
                continue;
            };
            let (name, glued) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (text, None),
            };
            match name {
                "--extcap-interfaces" => asked.question = Some(Question::Interfaces),
                "--extcap-dlts" => asked.question = Some(Question::Dlts),
                "--extcap-config" => asked.question = Some(Question::Config),
                "--capture" => asked.question = Some(Question::Capture),
                "--extcap-interface"
                | "--fifo"
                | "--extcap-capture-filter"
                | "--command"
                | "--port" => {
                    let value = match glued {
                        Some(value) => Some(OsString::from(value)),
                        None => rest.next().cloned(),
                    };
                    let words = value
                        .as_ref()
                        .map(|value| value.to_string_lossy().into_owned())
                        .filter(|value| !value.trim().is_empty());
                    match name {
                        "--extcap-interface" => asked.interface = words,
                        "--fifo" => asked.fifo = value,
                        "--extcap-capture-filter" => asked.filter = words,
                        "--command" => asked.command = words,
                        _ => asked.port = words,
                    }
                }
                _ => {}
            }
        }
        asked
    }
}

/// Answers Wireshark.
pub(super) fn run(arguments: &[OsString]) -> ExitCode {
    let asked = Asked::read(arguments);
    let answer = match (asked.question, asked.interface.as_deref()) {
        (Some(Question::Capture), _) => return capture(&asked).into(),
        (Some(Question::Interfaces), _) => interfaces(),
        (Some(Question::Dlts), Some(interface)) => dlts(interface),
        (Some(Question::Config), Some(interface)) => config(interface),
        // A capture filter alone is a question too: nothing said is "good".
        (None, Some(_)) => String::new(),
        (_, None) => {
            let _ = writeln!(
                io::stderr().lock(),
                "imgnet: extcap is for Wireshark, which asks with --extcap-interfaces; imgnet wireshark install makes it do so"
            );
            return Exit::Usage.into();
        }
    };
    // A closed pipe is no error.
    let mut out = io::stdout().lock();
    let _ = out.write_all(answer.as_bytes());
    let _ = out.flush();
    Exit::Good.into()
}

fn interfaces() -> String {
    format!(
        "extcap {{version={}}}{{display=imgnet}}\n\
         interface {{value={COMMAND}}}{{display=imgnet: a command in a private network}}\n\
         interface {{value={LOOPBACK}}}{{display=imgnet: lo, each packet once}}\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn dlts(interface: &str) -> String {
    if is_known(interface) {
        "dlt {number=1}{name=EN10MB}{display=Ethernet}\n".to_owned()
    } else {
        String::new()
    }
}

fn config(interface: &str) -> String {
    match interface {
        COMMAND => "arg {number=0}{call=--command}{display=Command}{type=string}{required=true}\
                    {tooltip=Runs in a network of its own, of which every packet is captured; no rights are needed}\
                    {placeholder=./run-both.sh}\n\
                    arg {number=1}{call=--port}{display=Only this port}{type=string}\
                    {tooltip=Only packets from or to this port}\n"
            .to_owned(),
        LOOPBACK => "arg {number=0}{call=--port}{display=Only this port}{type=string}\
                     {tooltip=Only packets from or to this port}\n"
            .to_owned(),
        _ => String::new(),
    }
}

fn is_known(interface: &str) -> bool {
    [COMMAND, LOOPBACK].contains(&interface)
}

/// Captures into the FIFO, until the command ends or Wireshark has enough.
fn capture(asked: &Asked) -> Exit {
    // Opened first, whatever comes: Wireshark waits for it.
    let fifo = asked
        .fifo
        .as_ref()
        .map(|path| OpenOptions::new().write(true).open(path));
    let mut fifo = match fifo {
        Some(Ok(fifo)) => fifo,
        Some(Err(error)) => return failed(None, &format!("--fifo cannot be opened: {error}")),
        None => return failed(None, "--capture needs --fifo"),
    };
    let arguments = match capture_arguments(asked) {
        Ok(arguments) => arguments,
        Err(problem) => return failed(Some(&mut fifo), &problem),
    };
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&ended)) {
            return failed(Some(&mut fifo), &format!("signals cannot be had: {error}"));
        }
    }
    let started = std::env::current_exe().and_then(|program| {
        Command::new(program)
            // Whatever the file is called: this is no question of Wireshark's.
            .arg0("imgnet")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    });
    match started {
        Ok(child) => watched(child, &mut fifo, &ended),
        Err(error) => failed(
            Some(&mut fifo),
            &format!("capture cannot be started: {error}"),
        ),
    }
}

/// The arguments of `imgnet`; or what is wrong with what was asked.
fn capture_arguments(asked: &Asked) -> Result<Vec<OsString>, String> {
    let mut arguments: Vec<OsString> = ["capture", "-q", "-w", "-"].map(OsString::from).into();
    if let Some(filter) = &asked.filter {
        arguments.extend(["-f".into(), filter.into()]);
    }
    if let Some(port) = &asked.port {
        if port.parse::<u16>().is_ok_and(|port| port > 0) {
            arguments.extend(["-p".into(), port.into()]);
        } else {
            return Err(format!(
                "the port is a number from 1 to 65535, not {port:?}"
            ));
        }
    }
    match (asked.interface.as_deref(), &asked.command) {
        (Some(COMMAND), Some(command)) => {
            arguments.extend(["--", "sh", "-c"].map(OsString::from));
            arguments.push(command.into());
        }
        (Some(COMMAND), None) => {
            return Err(
                "no command was given: set it in the interface's options (the cogwheel), or with -o \
                 extcap.imgnet_command.command:COMMAND"
                    .to_owned(),
            );
        }
        (Some(LOOPBACK), _) => arguments.extend(["-i", "lo"].map(OsString::from)),
        (interface, _) => {
            return Err(format!(
                "there is no interface {:?}; there are {COMMAND} and {LOOPBACK}",
                interface.unwrap_or_default()
            ));
        }
    }
    Ok(arguments)
}

/// Passes on what the capture writes, and ends it where Wireshark goes away or says so.
fn watched(mut child: Child, fifo: &mut File, ended: &Arc<AtomicBool>) -> Exit {
    let Some(mut from) = child.stdout.take() else {
        return failed(Some(fifo), "the capture has no output");
    };
    let errors = child.stderr.take();
    let errors = thread::spawn(move || errors.map(beginning).unwrap_or_default());
    let told = Arc::clone(ended);
    let pid = child.id();
    let over = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&over);
    let watcher = thread::spawn(move || {
        let mut waited = Duration::ZERO;
        let mut asked = false;
        while !done.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(20));
            if !told.load(Ordering::Acquire) {
                continue;
            }
            if !asked {
                send(pid, rustix::process::Signal::TERM);
                asked = true;
            }
            waited += Duration::from_millis(20);
            if waited > PATIENCE {
                send(pid, rustix::process::Signal::KILL);
                break;
            }
        }
    });
    let mut buffer = vec![0_u8; 64 << 10];
    let mut written = false;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                written = true;
                let piece = buffer.get(..read).unwrap_or_default();
                if fifo.write_all(piece).is_err() {
                    // Wireshark is gone.
                    ended.store(true, Ordering::Release);
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    drop(from);
    let status = child.wait();
    over.store(true, Ordering::Release);
    let _ = watcher.join();
    if !written {
        header(fifo);
    }
    let code = status.ok().and_then(|status| status.code());
    // Wireshark takes every word on standard error for an error: that pictures are whole or not is none.
    if !written || !matches!(code, None | Some(0 | 1 | 3)) {
        let said = errors.join().unwrap_or_default();
        let _ = io::stderr().lock().write_all(&said);
    }
    match code {
        Some(4) => Exit::NotAllowed,
        code if written || code == Some(0) => Exit::Good,
        _ => Exit::Usage,
    }
}

/// The first 16 KiB of what a program says; all of it is read.
fn beginning(mut from: impl io::Read) -> Vec<u8> {
    const MOST: usize = 16 << 10;
    let mut kept = Vec::new();
    let mut buffer = [0_u8; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let room = MOST.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
    }
    kept
}

fn send(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Says what went wrong, to Wireshark's user; the file is one all the same.
fn failed(fifo: Option<&mut File>, problem: &str) -> Exit {
    if let Some(fifo) = fifo {
        header(fifo);
    }
    let _ = writeln!(io::stderr().lock(), "imgnet: {problem}");
    Exit::Usage
}

/// A section and an interface, and no packet.
fn header(fifo: &mut File) {
    let section = Section {
        application: Some(concat!("imgnet ", env!("CARGO_PKG_VERSION"))),
        ..Section::default()
    };
    let interface = Interface {
        name: Some("lo"),
        description: None,
        filter: None,
        os: None,
        link: LinkType::ETHERNET,
        snap_len: 0,
    };
    // Where Wireshark is gone there is nobody to write for.
    if let Ok(mut writer) = Writer::new(fifo, &section) {
        let _ = writer.interface(&interface);
        let _ = writer.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Asked {
        let arguments: Vec<OsString> = std::iter::once(&"imgnet-extcap")
            .chain(arguments)
            .map(OsString::from)
            .collect();
        Asked::read(&arguments)
    }

    #[test]
    fn unknown_options_are_passed_over() {
        let asked = asked(&[
            "--extcap-interfaces",
            "--extcap-version=4.9.1-rc2 (x)",
            "--new-thing",
            "value",
        ]);
        assert_eq!(asked.question, Some(Question::Interfaces));
        assert_eq!(asked.interface, None);
    }

    #[test]
    fn what_is_required_is_asked_for() {
        let with = |more: &[&str]| {
            let all = [&["--capture", "--fifo", "f", "--extcap-interface"], more].concat();
            capture_arguments(&asked(&all))
        };
        assert!(with(&[COMMAND]).unwrap_err().contains("no command"));
        assert!(with(&[COMMAND, "--command", "  "]).is_err());
        assert!(with(&["eth9"]).unwrap_err().contains("no interface"));
        assert!(with(&[LOOPBACK, "--port=x"]).unwrap_err().contains("port"));
        let good = with(&[COMMAND, "--command=a=b c", "--port", "5050"]).unwrap();
        assert_eq!(
            good,
            [
                "capture", "-q", "-w", "-", "-p", "5050", "--", "sh", "-c", "a=b c"
            ]
        );
    }
}

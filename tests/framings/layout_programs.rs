//! `docs/layouts.md` tried with programs of other people: each framing written as the line that the page tells how to write, and
//! imgnet's receiver and sender beside a Python program that knows nothing of imgnet.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test runs programs, says when it skips, and may fail"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A framing: its line, and how Python programs send and receive it. `banner` is sent first on a connection.
struct Program {
    name: &'static str,
    layout: &'static str,
    udp: bool,
    code: &'static str,
}

const PROGRAMS: [Program; 6] = [
    Program {
        name: "a camera on an ESP32: magic, number, length, milliseconds",
        layout: r#"layout "JPGS", u32be number, u32be length, u32be time, picture"#,
        udp: false,
        code: r"
def send(s, f, n, b): s.sendall(struct.pack('>4sIII', b'JPGS', 7 + n, len(b), 120034 + n * 100) + b)
def receive(c, f, first):
    h = f.read(16)
    if not h: return None
    magic, number, length, time = struct.unpack('>4sIII', h)
    assert magic == b'JPGS'
    return f.read(length)
",
    },
    Program {
        name: "a line of digits, answered",
        layout: r#"layout dec(until "\n") length, picture; answer: "OK\n""#,
        udp: false,
        code: r"
def send(s, f, n, b):
    s.sendall(b'%d\n' % len(b) + b)
    assert f.readline() == b'OK\n'
def receive(c, f, first):
    line = f.readline()
    if not line: return None
    b = f.read(int(line)); c.sendall(b'OK\n')
    return b
",
    },
    Program {
        name: "minicap: a banner of 24 bytes, then lengths and pictures",
        layout: "layout once: bytes(24); u32le length, picture",
        udp: false,
        code: r"
def send(s, f, n, b):
    if n == 0: s.sendall(struct.pack('<BBIIIIIBB', 1, 24, 4711, 1080, 1920, 320, 240, 0, 2))
    s.sendall(struct.pack('<I', len(b)) + b)
def receive(c, f, first):
    if first and len(f.read(24)) < 24: return None
    h = f.read(4)
    return f.read(struct.unpack('<I', h)[0]) if h else None
",
    },
    Program {
        name: "blocks of 124 bytes behind their numbers, the last one filled up",
        layout: "layout u32le length, pieces; piece: u32be index, data(124)",
        udp: false,
        code: r"
def send(s, f, n, b):
    out = struct.pack('<I', len(b))
    for k, i in enumerate(range(0, len(b), 124)): out += struct.pack('>I', k) + b[i:i + 124].ljust(124, b'\0')
    s.sendall(out)
def receive(c, f, first):
    h = f.read(4)
    if not h: return None
    length, b, k = struct.unpack('<I', h)[0], b'', 0
    while len(b) < length:
        assert struct.unpack('>I', f.read(4))[0] == k
        b += f.read(124); k += 1
    return b[:length]
",
    },
    Program {
        name: "Java: writeUTF, writeLong, write",
        layout: "layout text(u16be) name, u64be length, picture",
        udp: false,
        code: r"
def send(s, f, n, b):
    name = b'p%d.jpg' % n
    s.sendall(struct.pack('>H', len(name)) + name + struct.pack('>Q', len(b)) + b)
def receive(c, f, first):
    h = f.read(2)
    if not h: return None
    assert f.read(struct.unpack('>H', h)[0]).endswith(b'.jpg')
    return f.read(struct.unpack('>Q', f.read(8))[0])
",
    },
    Program {
        name: "a byte that numbers each datagram of a picture",
        layout: "layout udp; piece: u8 index, data",
        udp: true,
        code: r"
def send(s, f, n, b):
    for i in range(-(-len(b) // 1400)):
        s.send(bytes([i]) + b[i * 1400:(i + 1) * 1400]); time.sleep(.002)
def receive(c, f, first):
    b = b''
    while not b.endswith(b'\xff\xd9'):
        d = c.recv(65535)
        assert first or d
        b += d[1:]
    return b
",
    },
];

/// What the programs have in common.
const AROUND: &str = r"
import socket, struct, sys, time
mode, udp, port, files = sys.argv[1], sys.argv[2] == 'udp', int(sys.argv[3]), sys.argv[4:]
kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
s = socket.socket(socket.AF_INET, kind)
s.settimeout(20)
if mode == 'send':
    s.connect(('127.0.0.1', port))
    f = None if udp else s.makefile('rb')
    for n, name in enumerate(files): send(s, f, n, open(name, 'rb').read())
    s.close()
else:
    s.bind(('127.0.0.1', 0))
    if not udp: s.listen()
    print(s.getsockname()[1], flush=True)
    c, f, first = s, None, True
    while files:
        if not udp and f is None:
            c, _ = s.accept(); f = c.makefile('rb'); first = True
        b = receive(c, f, first); first = False
        if b is None: f = None
        else: open(files.pop(0), 'wb').write(b)
";

fn python(program: &Program, mode: &str, port: u16, folder: &Path, files: &[&str]) -> Command {
    let mut command = Command::new("python3");
    let code =
        format!("{}{AROUND}", program.code).replacen("import socket, struct, sys, time\n", "", 1);
    command
        .arg("-c")
        .arg(format!("import socket, struct, sys, time\n{code}"))
        .args([
            mode,
            if program.udp { "udp" } else { "tcp" },
            &port.to_string(),
        ])
        .args(files)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// The first line that a program writes.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let output = child.stdout.as_mut().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("a line");
    line
}

fn pictures(folder: &Path) -> Vec<Vec<u8>> {
    ["a.jpg", "b.jpg"]
        .map(|name| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/transfers")
                .join(name);
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(folder.join(name), &bytes).unwrap();
            bytes
        })
        .to_vec()
}

fn has_python(test: &str) -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok();
    if !there {
        eprintln!("SKIPPED {test}: no python3");
    }
    there
}

#[test]
fn our_receiver_beside_their_senders() {
    if !has_python("our_receiver_beside_their_senders") {
        return;
    }
    for program in &PROGRAMS {
        let folder = tempfile::tempdir().unwrap();
        let sent = pictures(folder.path());
        let mut server = Command::new(env!("CARGO_BIN_EXE_imgnet-server"))
            .args(["receive", "--port", "0", "--out", "got", "--count", "2"])
            .args([
                "--idle",
                "20",
                "--format",
                "json",
                "--protocol",
                program.layout,
            ])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let listening: serde_json::Value = serde_json::from_str(&first_line(&mut server)).unwrap();
        let address = listening["address"].as_str().expect("an address");
        let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
        let theirs = python(program, "send", port, folder.path(), &["a.jpg", "b.jpg"]).output();
        let theirs = theirs.unwrap();
        let errors = String::from_utf8_lossy(&theirs.stderr);
        assert!(theirs.status.success(), "{}: {errors}", program.name);
        let ended = server.wait().unwrap();
        assert!(ended.success(), "{}", program.name);
        let mut saved: Vec<_> = std::fs::read_dir(folder.path().join("got"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        saved.sort();
        let saved: Vec<Vec<u8>> = saved
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        assert!(saved == sent, "{}: other bytes", program.name);
    }
}

#[test]
fn our_sender_beside_their_receivers() {
    if !has_python("our_sender_beside_their_receivers") {
        return;
    }
    for program in &PROGRAMS {
        let folder = tempfile::tempdir().unwrap();
        let sent = pictures(folder.path());
        let names = ["got-a.jpg", "got-b.jpg"];
        let mut theirs = python(program, "receive", 0, folder.path(), &names)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let port = first_line(&mut theirs);
        let ours = Command::new(env!("CARGO_BIN_EXE_imgnet-client"))
            .args([
                "send",
                &format!("127.0.0.1:{}", port.trim()),
                "a.jpg",
                "b.jpg",
            ])
            .args(["--protocol", program.layout, "--idle", "20"])
            .args(if program.udp {
                &["--chunk", "1400"][..]
            } else {
                &[]
            })
            .current_dir(folder.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&ours.stderr);
        assert!(ours.status.success(), "{}: {errors}", program.name);
        assert!(theirs.wait().unwrap().success(), "{}", program.name);
        for (name, sent) in names.iter().zip(&sent) {
            let got = std::fs::read(folder.path().join(name)).unwrap();
            assert!(got == *sent, "{}: {name}: other bytes", program.name);
        }
    }
}

#[test]
fn the_page_has_thirty_examples_and_each_is_understood() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/layouts.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut within = false;
    let mut understood = 0;
    for line in page.lines() {
        if line.starts_with("```") {
            within = line == "```layout";
        } else if within {
            let layout: Result<imgnet::wire::Layout, _> = line.parse();
            assert!(layout.is_ok(), "{line}: {layout:?}");
            understood += 1;
        }
    }
    assert!(understood >= 30, "{understood}");
    for program in &PROGRAMS {
        assert!(page.contains(program.layout), "{}", program.name);
    }
}

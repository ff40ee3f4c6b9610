//! Transfers in the framings that people write, healthy and with their usual mistakes: `tests/transfers` has them. What is wrong
//! has to be named on the right side, and the healthy left in peace.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::format_collect,
    reason = "a test makes files up, and may fail"
)]

use crate::scenario;
use crate::verified;

use std::collections::BTreeMap;
use std::path::Path;

use crate::scenario::{Client, Scenario, Server, Side};
use crate::support::{imgnet, list, text};
use serde_json::Value;

/// What one side did.
enum Act {
    Sent(Vec<u8>),
    Datagram(Vec<u8>),
    Closed,
    Reset,
}

/// What is right.
#[derive(Debug)]
enum Right {
    Healthy,
    /// The verdict, the side that is named first and a finding; `-` where none is asked for.
    Wrong([String; 3]),
}

struct Transfer {
    name: String,
    right: Right,
    /// Folder, name and bytes.
    files: Vec<(&'static str, String, Vec<u8>)>,
    acts: Vec<(Side, Act)>,
}

/// Files and what was made of them.
#[derive(Default)]
struct Sources(BTreeMap<String, Vec<u8>>);

fn base64(bytes: &[u8], line: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters: Vec<u8> = bytes
        .chunks(3)
        .flat_map(|three| {
            let bits = (0..3).fold(0_u32, |bits, at| {
                bits << 8 | u32::from(three.get(at).copied().unwrap_or(0))
            });
            (0..4).map(move |at| {
                if at > three.len() {
                    b'='
                } else {
                    LETTERS[usize::try_from(bits >> (18 - 6 * at) & 63).unwrap()]
                }
            })
        })
        .collect();
    letters
        .chunks(line)
        .flat_map(|letters| {
            let end: &[u8] = if line == usize::MAX { b"" } else { b"\n" };
            [letters, end].concat()
        })
        .collect()
}

fn converted(how: &str, name: &str) -> Vec<u8> {
    let (name, argument) = name.split_once(',').unwrap_or((name, ""));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/transfers")
        .join(name);
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let pixels = || image::load_from_memory(&bytes).expect("a picture");
    let hex = |upper: bool| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if upper {
            digits.to_uppercase().into_bytes()
        } else {
            digits.into_bytes()
        }
    };
    let characters: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    match how {
        "" => bytes,
        "rgb" => pixels().to_rgb8().into_raw(),
        "bgr" => {
            let mut bytes = pixels().to_rgb8().into_raw();
            bytes.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
            bytes
        }
        "rgba" => pixels().to_rgba8().into_raw(),
        "base64" => base64(&bytes, usize::MAX),
        "lines" => base64(&bytes, 76),
        "hex" => hex(false),
        "HEX" => hex(true),
        "utf8" => characters.into_bytes(),
        "lossy" => String::from_utf8_lossy(&bytes).into_owned().into_bytes(),
        "crlf" => bytes
            .iter()
            .flat_map(|&byte| {
                if byte == b'\n' {
                    vec![b'\r', byte]
                } else {
                    vec![byte]
                }
            })
            .collect(),
        "json" => characters
            .chars()
            .map(|character| match character {
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                '\n' => "\\n".to_owned(),
                '\r' => "\\r".to_owned(),
                '\t' => "\\t".to_owned(),
                '\u{8}' => "\\b".to_owned(),
                '\u{c}' => "\\f".to_owned(),
                ' '..='~' => character.to_string(),
                other => format!("\\u{:04x}", u32::from(other)),
            })
            .collect::<String>()
            .into_bytes(),
        "xor" => {
            let key = unhex(argument);
            let keys = key.iter().cycle();
            bytes
                .iter()
                .zip(keys)
                .map(|(byte, key)| byte ^ key)
                .collect()
        }
        other => panic!("no conversion {other}"),
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hex digits"))
        .collect()
}

impl Sources {
    /// What `name`, `name[from..to]` or `how(name)[from..to]` is.
    fn part(&mut self, word: &str) -> Vec<u8> {
        let (source, range) = word.split_once('[').unwrap_or((word, "..]"));
        let bytes = self.0.entry(source.to_owned()).or_insert_with(|| {
            match source
                .strip_suffix(')')
                .and_then(|call| call.split_once('('))
            {
                // Of a conversion another may be made.
                Some(("utf8", "bgr(a.png)")) => {
                    let bytes = converted("bgr", "a.png");
                    let text: String = bytes.into_iter().map(char::from).collect();
                    text.into_bytes()
                }
                Some(("base64", "bgr(a.png)")) => base64(&converted("bgr", "a.png"), usize::MAX),
                Some((how, name)) => converted(how, name),
                None => converted("", source),
            }
        });
        let (from, to) = range
            .trim_end_matches(']')
            .split_once("..")
            .expect("a range");
        let from: usize = from.parse().unwrap_or(0);
        let to: usize = to.parse().unwrap_or(bytes.len());
        bytes[from..to].to_vec()
    }

    fn bytes(&mut self, line: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = line.trim();
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let mut characters = quoted.char_indices();
                let end = loop {
                    match characters.next().expect("a closing quote") {
                        (at, '"') => break at,
                        (_, '\\') => bytes.push(match characters.next().expect("an escape").1 {
                            'n' => b'\n',
                            'r' => b'\r',
                            't' => b'\t',
                            other => u8::try_from(other).expect("ASCII"),
                        }),
                        (_, other) => bytes.push(u8::try_from(other).expect("ASCII")),
                    }
                };
                rest = quoted[end + 1..].trim_start();
                continue;
            }
            let (word, later) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = later;
            let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            match word.split_once('*') {
                Some((byte, count)) if is_hex(byte) => {
                    let count: usize = count.parse().expect("a count");
                    bytes.resize(bytes.len() + count, unhex(byte)[0]);
                }
                _ if is_hex(word) => bytes.extend(unhex(word)),
                _ => bytes.extend(self.part(word)),
            }
        }
        bytes
    }
}

fn transfers(all: &str) -> Vec<Transfer> {
    let mut sources = Sources::default();
    let mut found: Vec<Transfer> = Vec::new();
    let mut lines = all.lines().filter(|line| !line.is_empty());
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("= ") {
            let right = lines.next().expect("what is right");
            let words: Vec<String> = right.split(' ').map(str::to_owned).collect();
            found.push(Transfer {
                name: name.to_owned(),
                right: match words.try_into() {
                    Ok(words) => Right::Wrong(words),
                    Err(_) => Right::Healthy,
                },
                files: Vec::new(),
                acts: Vec::new(),
            });
            continue;
        }
        let transfer = found.last_mut().expect("a name");
        for folder in ["sent", "received"] {
            if let Some((name, bytes)) = line
                .strip_prefix(folder)
                .and_then(|file| file.trim_start().split_once(": "))
            {
                let bytes = sources.bytes(bytes);
                transfer.files.push((folder, name.to_owned(), bytes));
            }
        }
        let (side, act) = match line.split_at(1) {
            (">", act) => (Client, act.trim_start()),
            ("<", act) => (Server, act.trim_start()),
            _ => continue,
        };
        let act = match (act, act.strip_prefix("datagram ")) {
            ("close", _) => Act::Closed,
            ("reset", _) => Act::Reset,
            (_, Some(bytes)) => Act::Datagram(sources.bytes(bytes)),
            (bytes, None) => Act::Sent(sources.bytes(bytes)),
        };
        transfer.acts.push((side, act));
    }
    found
}

fn captured(transfer: &Transfer) -> Scenario {
    let mut scenario = Scenario::on_loopback();
    let udp = |(_, act): &(Side, Act)| matches!(act, Act::Datagram(_));
    let mut tcp = (!transfer.acts.iter().any(udp)).then(|| scenario.connect(50_001, 9_321));
    for (side, act) in &transfer.acts {
        scenario.wait(3);
        match (act, &mut tcp) {
            (Act::Sent(bytes), Some(tcp)) => scenario.transfer(tcp, *side, bytes, 32_768),
            (Act::Closed, Some(tcp)) => {
                scenario.fin(tcp, *side);
                scenario.ack(tcp, scenario::other(*side));
            }
            (Act::Reset, Some(tcp)) => scenario.rst(tcp, *side),
            (Act::Datagram(bytes), _) => {
                let ports = match side {
                    Client => [50_002, 9_322],
                    Server => [9_322, 50_002],
                };
                scenario.datagram_of(*side, ports, bytes);
            }
            _ => panic!("{}: a stream without connection", transfer.name),
        }
    }
    scenario
}

/// What is wrong with what imgnet says of a transfer; nothing where it is right.
fn judged(transfer: &Transfer) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    verified::write(&captured(transfer), &capture);
    let capture = capture.to_string_lossy().into_owned();
    let mut arguments = vec![
        "verify".to_owned(),
        "--format".to_owned(),
        "json".to_owned(),
        capture.clone(),
    ];
    for side in ["sent", "received"] {
        let path = folder.path().join(side);
        std::fs::create_dir_all(&path).unwrap();
        let files = transfer.files.iter().filter(|(of, ..)| *of == side);
        let mut any = false;
        for (_, name, bytes) in files {
            std::fs::write(path.join(name), bytes).unwrap();
            any = true;
        }
        if any {
            arguments.extend([format!("--{side}"), path.to_string_lossy().into_owned()]);
        }
    }
    let told = |arguments: &[&str]| -> (Option<i32>, Value) {
        let output = imgnet(arguments);
        let report = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), report)
    };
    let alarms = |report: &Value| -> Vec<String> {
        list(report, "findings")
            .iter()
            .filter(|finding| text(finding, "severity") != "note")
            .map(|finding| text(finding, "name").to_owned())
            .collect()
    };
    let plurals = |report: &Value| -> Vec<String> {
        let findings = list(report, "findings").iter();
        let texts = findings.flat_map(|finding| [text(finding, "message"), text(finding, "fix")]);
        texts.filter_map(crate::support::wrong_plural).collect()
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (code, report) = told(&arguments);
    assert_eq!(plurals(&report), Vec::<String>::new(), "{}", transfer.name);
    let sides: Vec<&str> = list(&report, "images")
        .iter()
        .filter_map(|image| image["compared"]["blame"]["who"].as_str())
        .collect();
    let found = alarms(&report);
    let right = match &transfer.right {
        Right::Healthy => {
            let (_, alone) = told(&["analyze", "--format", "json", &capture]);
            assert_eq!(plurals(&alone), Vec::<String>::new(), "{}", transfer.name);
            code == Some(0)
                && text(&report, "verdict") == "match"
                && found.is_empty()
                && sides.is_empty()
                && alarms(&alone).is_empty()
        }
        Right::Wrong([verdict, side, finding]) => {
            let other = match side.as_str() {
                "sender" => "receiver",
                "receiver" => "sender",
                _ => "",
            };
            text(&report, "verdict") == verdict
                // A match with an error is none for the exit code.
                && (code != Some(0) || !found.iter().any(|name| name == finding) || verdict == "match")
                && (side == "-" || sides.contains(&side.as_str()))
                && !sides.contains(&other)
                && (finding == "-" || found.iter().any(|name| name == finding))
        }
    };
    (!right).then(|| {
        format!(
            "{}: exit {code:?}, {}, {sides:?}, {found:?}, wanted {:?}",
            transfer.name, report["verdict"], transfer.right
        )
    })
}

/// Every `parts`th transfer from `part` on.
fn all_right(all: &str, part: usize, parts: usize) {
    let transfers = transfers(all);
    assert!(transfers.len() > 80, "{}", transfers.len());
    let wrong: Vec<String> = transfers
        .iter()
        .skip(part)
        .step_by(parts)
        .filter_map(judged)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const STREAMS: &str = include_str!("../transfers/streams.txt");
const DATAGRAMS: &str = include_str!("../transfers/datagrams.txt");

#[test]
fn streams() {
    all_right(STREAMS, 0, 3);
}

#[test]
fn more_streams() {
    all_right(STREAMS, 1, 3);
}

#[test]
fn other_streams() {
    all_right(STREAMS, 2, 3);
}

#[test]
fn datagrams() {
    all_right(DATAGRAMS, 0, 1);
}

#[test]
fn one_of_anything_is_not_said_in_the_plural() {
    let one = crate::support::wrong_plural("1 numbered datagrams.");
    assert_eq!(one, Some("1 datagrams".to_owned()));
    assert_eq!(
        crate::support::wrong_plural("(1 bytes)"),
        Some("1 bytes".to_owned())
    );
    assert_eq!(
        crate::support::wrong_plural("21 bytes, 1 byte is 1 less"),
        None
    );
    let folder = crate::support::captures_folder();
    let more = ["formats", "protocols"].map(|name| crate::support::captures_in(&folder.join(name)));
    for capture in crate::support::captures()
        .iter()
        .chain(more.iter().flatten())
    {
        let output = imgnet(&["analyze", &capture.to_string_lossy()]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            crate::support::wrong_plural(&said),
            None,
            "{}",
            crate::support::name(capture)
        );
    }
}

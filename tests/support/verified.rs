//! A transfer made up in memory, verified by the program: its frames as a capture file, the files beside it.

#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of a test writes files, and may fail as the test may"
)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::scenario::{Client, Scenario, Side};

/// What `imgnet verify` said.
pub(crate) struct Verified {
    /// Its exit code.
    pub(crate) exit: i32,
    /// Its report.
    pub(crate) report: Value,
}

/// Name and content of files.
pub(crate) type Files<'f> = &'f [(&'f str, &'f [u8])];

/// One connection on which the client sends these bytes and closes.
pub(crate) fn stream(bytes: &[u8]) -> Scenario {
    directed(&[(Client, bytes)])
}

/// One connection on which the sides send in turn, and the client closes.
pub(crate) fn directed(turns: &[(Side, &[u8])]) -> Scenario {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 7001);
    for (side, bytes) in turns {
        scenario.transfer(&mut tcp, *side, bytes, 1448);
    }
    scenario.close(&mut tcp, Client);
    scenario
}

/// Writes the frames as a capture file.
pub(crate) fn write(scenario: &Scenario, path: &Path) {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 1 << 18, 1] {
        bytes.extend(word.to_le_bytes());
    }
    for frame in &scenario.frames {
        let micros = frame.time / 1000;
        let length = u32::try_from(frame.data.len()).expect("a frame is short");
        for word in [
            u32::try_from(micros / 1_000_000).expect("before 2106"),
            u32::try_from(micros % 1_000_000).expect("below a second"),
            length,
            frame.wire_len,
        ] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&frame.data);
    }
    std::fs::write(path, bytes).expect("the capture can be written");
}

/// Runs `imgnet verify` on the frames with these files; without `--received` where none are given.
pub(crate) fn verify(scenario: &Scenario, sent: Files<'_>, received: Files<'_>) -> Verified {
    let folder = tempfile::tempdir().expect("a folder");
    let capture = folder.path().join("cap.pcap");
    write(scenario, &capture);
    let mut command = Command::new(env!("CARGO_BIN_EXE_imgnet"));
    command
        .arg("verify")
        .arg(&capture)
        .args(["--format", "json"]);
    for (option, files) in [("--sent", sent), ("--received", received)] {
        if files.is_empty() {
            continue;
        }
        let place = folder.path().join(&option[2..]);
        std::fs::create_dir(&place).expect("a folder");
        for (name, bytes) in files {
            std::fs::write(place.join(name), bytes).expect("a file");
        }
        command.arg(option).arg(place);
    }
    let output = command.output().expect("imgnet starts");
    Verified {
        exit: output.status.code().unwrap_or(-1),
        report: serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            let errors = String::from_utf8_lossy(&output.stderr);
            panic!("no JSON ({error}): {errors}")
        }),
    }
}

impl Verified {
    /// Findings that are no notes.
    pub(crate) fn accusations(&self) -> Vec<String> {
        crate::support::list(&self.report, "findings")
            .iter()
            .filter(|finding| crate::support::text(finding, "severity") != "note")
            .map(|finding| crate::support::text(finding, "name").to_owned())
            .collect()
    }

    /// The first picture that has this member of `compared`.
    pub(crate) fn compared(&self, member: &str) -> Option<&Value> {
        crate::support::list(&self.report, "images")
            .iter()
            .filter_map(|image| image.get("compared")?.get(member))
            .find(|value| !value.is_null())
    }

    /// Whose side it is.
    pub(crate) fn blamed(&self) -> Option<&str> {
        self.compared("blame")?.get("who")?.as_str()
    }
}

/// A picture with some detail, in this format.
pub(crate) fn picture(format: image::ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut noise = 1_u32;
    let pixels = image::RgbImage::from_fn(width, height, |x, y| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let byte = |value: u32| u8::try_from((value + (noise >> 27)) % 256).expect("a byte");
        image::Rgb([byte(x + y), byte(2 * y), byte(x / 2 + 3 * y)])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut file, format).expect("it is encoded");
    file.into_inner()
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, section 4, without line breaks.
pub(crate) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| usize::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            text.push(if at > group.len() {
                b'='
            } else {
                LETTERS[bits >> (18 - 6 * at) & 63]
            });
        }
    }
    text
}

/// The same in lines of 76 letters.
pub(crate) fn lines(text: &[u8], end: &[u8]) -> Vec<u8> {
    text.chunks(76)
        .flat_map(|line| [line, end].concat())
        .collect()
}

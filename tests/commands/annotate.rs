//! Annotated captures, read by tshark: the same frames with the same times and bytes, each comment on its frame, and with
//! the dissector the same pictures and chunks as the JSON.

#![expect(
    clippy::disallowed_methods,
    reason = "a test reads files, and may fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::support::{
    captures_folder, imgnet, list, number, report, text, tshark, tshark_is_there,
};

/// Captures of both file formats' kinds of trouble: findings, repeats, datagrams, a snap length.
const CAPTURES: [&str; 5] = [
    "eof-lossy",
    "pipeline-hang",
    "marker-in-file",
    "udp-receiver-overflow",
    "snaplen-96",
];

fn annotated(capture: &Path, folder: &Path) -> PathBuf {
    let out = folder.join("annotated.pcapng");
    let arguments = [
        "annotate".as_ref(),
        capture.as_os_str(),
        "-o".as_ref(),
        out.as_os_str(),
    ];
    let output = imgnet(&arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", capture.display());
    out
}

/// All that tshark says of each frame and that must not change.
fn frames(capture: &Path) -> String {
    let fields = [
        "frame.number",
        "frame.time_epoch",
        "frame.len",
        "frame.cap_len",
        "frame.encap_type",
        "ip.id",
        "ip.checksum",
        "tcp.seq_raw",
        "tcp.payload",
        "udp.payload",
    ];
    let mut arguments = vec!["-n", "-T", "fields"];
    for field in fields {
        arguments.extend(["-e", field]);
    }
    tshark(capture, &arguments)
}

#[test]
fn frames_stay_and_each_comment_is_on_its_frame() {
    if !tshark_is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for name in CAPTURES {
        let capture = captures_folder().join(format!("{name}.pcap"));
        let out = annotated(&capture, folder.path());
        assert_eq!(frames(&capture), frames(&out), "{name}");
        let said = tshark(
            &out,
            &[
                "-n",
                "-T",
                "fields",
                "-e",
                "frame.number",
                "-e",
                "frame.comment",
            ],
        );
        let comments: BTreeMap<u64, &str> = said
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(frame, comment)| (frame.parse().expect("a frame"), comment))
            .collect();
        let json = report(&capture);
        for finding in list(&json, "findings") {
            let note = text(finding, "severity") == "note";
            for frame in list(finding, "packets")
                .iter()
                .take(if note { 1 } else { 16 })
            {
                let frame = frame.as_u64().expect("a frame");
                let wanted = format!("imgnet: finding {}", text(finding, "name"));
                assert!(
                    comments[&frame].contains(&wanted),
                    "{name}, frame {frame}: {}",
                    comments[&frame]
                );
            }
        }
        for image in list(&json, "images") {
            let id = number(image, "id");
            for (frame, what) in [("first_packet", "begins"), ("last_packet", "ends")] {
                let frame = number(image, frame);
                let wanted = format!("imgnet: picture {id} {what}");
                assert!(
                    comments[&frame].contains(&wanted),
                    "{name}, frame {frame}: {}",
                    comments[&frame]
                );
            }
        }
        // What was annotated once keeps its comments, and its frames.
        let twice = folder.path().join("twice");
        std::fs::create_dir_all(&twice).expect("a folder");
        assert_eq!(frames(&out), frames(&annotated(&out, &twice)), "{name}");
    }
}

#[test]
fn the_dissector_counts_as_the_json_does() {
    if !tshark_is_there() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("wireshark/imgnet.lua");
    let script = format!("lua_script:{}", script.display());
    for name in CAPTURES {
        let capture = captures_folder().join(format!("{name}.pcap"));
        let out = annotated(&capture, folder.path());
        let fields = [
            "imgnet.picture",
            "imgnet.chunk",
            "imgnet.last_chunk",
            "frame.number",
        ];
        let mut arguments = vec![
            "-n",
            "-X",
            script.as_str(),
            "-Y",
            "imgnet.offset",
            "-T",
            "fields",
        ];
        for field in fields {
            arguments.extend(["-e", field]);
        }
        let mut chunks: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        let mut packets: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for line in tshark(&out, &arguments).lines() {
            let cells: Vec<Vec<u64>> = line
                .split('\t')
                .map(|cell| cell.split(',').filter_map(|n| n.parse().ok()).collect())
                .collect();
            // A frame may say several things of a picture, and carry bytes of one only.
            let [pictures, first, last, frame] = cells.as_slice() else {
                panic!("{name}: tshark printed {line:?}");
            };
            let picture = *pictures.last().expect("a picture");
            packets.entry(picture).or_default().insert(frame[0]);
            for (first, last) in first.iter().zip(last) {
                chunks.entry(picture).or_default().extend(*first..=*last);
            }
        }
        let json = report(&capture);
        for image in list(&json, "images") {
            let id = number(image, "id");
            assert_eq!(
                packets[&id].len() as u64,
                number(image, "packets"),
                "{name}, picture {id}"
            );
            if image["chunk_size"].is_u64() {
                let came: BTreeSet<u64> = list(image, "chunks")
                    .iter()
                    .filter(|chunk| number(chunk, "packets") > 0)
                    .map(|chunk| number(chunk, "index"))
                    .collect();
                assert_eq!(chunks[&id], came, "{name}, picture {id}");
            }
        }
    }
}

#[test]
fn install_and_remove_touch_the_users_own_folders_alone() {
    if !tshark_is_there() {
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    let run = |what: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(["wireshark", what])
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_DATA_HOME")
            .output()
            .expect("imgnet starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    assert_eq!(run("status").0, Some(1));
    let (code, said) = run("install");
    assert_eq!(code, Some(0), "{said}");
    let own = home.path().display().to_string();
    let placed: Vec<&str> = said
        .lines()
        .filter(|line| line.ends_with(": installed"))
        .collect();
    assert_eq!(placed.len(), 8, "{said}");
    for line in placed {
        assert!(line.starts_with(&own), "{line} is not below {own}");
    }
    assert_eq!(run("status").0, Some(0));
    assert_eq!(run("remove").0, Some(0));
    assert_eq!(run("status").0, Some(1));
}

//! All files of both sides in one folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    equal, findings, folder, images, mismatch, path, read, run, verdicts, verified, written,
};

/// All files of both sides of a capture in one folder, as people keep them.
fn in_one_folder(capture: &str) -> tempfile::TempDir {
    let one = folder();
    for side in ["sent", "received"] {
        let from = PathBuf::from(path(capture, &format!("/{side}")));
        let mut folders = vec![from];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries {
                let from = entry.expect("an entry").path();
                if from.is_dir() {
                    folders.push(from);
                    continue;
                }
                let name = from.file_name().expect("a name").to_str().expect("UTF-8");
                let mut to = one.path().join(name);
                if to.exists() {
                    to = one.path().join(format!("{side}-{name}"));
                }
                std::fs::copy(&from, to).expect("a copy");
            }
        }
    }
    one
}

fn of_one_folder(capture: &str, folder: &Path) -> (i32, Value) {
    let folder = folder.to_str().expect("UTF-8");
    run(&[
        &path(capture, ".pcap"),
        "--sent",
        folder,
        "--received",
        folder,
    ])
}

#[test]
fn one_folder_for_both_sides_says_what_two_say() {
    for capture in [
        "eof",
        "eof-mtu1500",
        "eof-early-close",
        "marker-in-file",
        "catalog",
        "catalog-one-recv-mtu1500",
        "raw-pixels",
        "udp",
        "udp-receiver-overflow",
        "length-u32be",
    ] {
        let one = in_one_folder(capture);
        let (code, report) = of_one_folder(capture, one.path());
        let (expected_code, expected) = verified(capture);
        assert_eq!(verdicts(&report), verdicts(&expected), "{capture}");
        assert_eq!(equal(&report), equal(&expected), "{capture}");
        assert_eq!(findings(&report), findings(&expected), "{capture}");
        assert_eq!(code, expected_code, "{capture}");
        for (index, image) in images(&expected).iter().enumerate() {
            if !image["compared"]["mismatch"].is_null() {
                for key in ["side", "offset"] {
                    assert_eq!(
                        mismatch(&report, index)[key],
                        mismatch(&expected, index)[key],
                        "{capture}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_pipeline_in_one_folder_is_compared_as_far_as_there_are_two_files() {
    let one = in_one_folder("pipeline");
    let (code, report) = of_one_folder("pipeline", one.path());
    // There is one file of each half that the server sent: whether its worker saved it or the server is not known.
    assert_eq!(
        verdicts(&report),
        ["match", "unverified", "match", "unverified", "match"]
    );
    assert_eq!(code, 1);
}

#[test]
fn a_file_is_never_compared_with_itself() {
    let one = folder();
    written(one.path(), "a.jpg", &read("eof", "/sent/a.jpg"));
    let (code, report) = of_one_folder("eof", one.path());
    assert_eq!((code, verdicts(&report)), (1, vec!["unverified"]));
    // What came of it is found among others, and the side is the right one.
    let jpeg = read("eof", "/sent/a.jpg");
    written(
        one.path(),
        "another.png",
        &read("eof-mtu1500", "/sent/a.png"),
    );
    written(one.path(), "what-came.jpg", &jpeg[..jpeg.len() - 100]);
    let (code, report) = of_one_folder("eof", one.path());
    assert_eq!((code, verdicts(&report)), (1, vec!["mismatch"]));
    assert_eq!(mismatch(&report, 0)["side"], "wire-to-receiver");
    // The folder that lies nearer tells, whatever is in it.
    let came = one.path().join("came");
    std::fs::create_dir(&came).expect("a folder");
    std::fs::rename(one.path().join("what-came.jpg"), came.join("x.jpg")).expect("moved");
    let (sent, received) = (
        one.path().to_str().expect("UTF-8"),
        came.to_str().expect("UTF-8"),
    );
    let (code, report) = run(&[
        &path("eof", ".pcap"),
        "--sent",
        sent,
        "--received",
        received,
    ]);
    assert_eq!((code, verdicts(&report)), (1, vec!["mismatch"]));
    assert_eq!(mismatch(&report, 0)["side"], "wire-to-receiver");
}

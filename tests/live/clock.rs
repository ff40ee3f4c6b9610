//! The clock of the wall is set forward and back while programs run, and asked of the kernel by calls, as where its page is not to
//! be had: nobody is refused them, nothing ends early or late, and no verdict changes.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs programs, and reads what they left"
)]

use std::path::Path;
use std::process::{Command, Output};

use crate::private_network::private_network;

/// Two transfers, with pauses in which the clock is set.
const SCRIPT: &str = r#"
"$BIN/imgnet-server" receive -q --out out --count 4 &
sleep 0.5
for turn in 1 2 3 4; do
    sleep 0.13
    "$BIN/imgnet-client" send -q 127.0.0.1:65432 photo.png
done
wait
"#;

/// Compiles the clock; absent where there is no compiler.
fn clock(folder: &Path) -> Option<std::path::PathBuf> {
    let library = folder.join("clock.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/clock.c"))
        .output();
    compiled
        .is_ok_and(|output| output.status.success())
        .then_some(library)
}

#[test]
fn a_clock_that_is_set_while_a_capture_runs_changes_nothing() {
    let name = "a_clock_that_is_set_while_a_capture_runs_changes_nothing";
    let folder = tempfile::tempdir().unwrap();
    if !private_network(name) {
        return;
    }
    let Some(clock) = clock(folder.path()) else {
        println!("SKIPPED {name}: no compiler");
        return;
    };
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci/photo.png");
    std::fs::copy(photo, folder.path().join("photo.png")).unwrap();
    let imgnet = Path::new(env!("CARGO_BIN_EXE_imgnet"));
    let run = |arguments: &[&str], set: bool| -> Output {
        let mut command = Command::new(imgnet);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("BIN", imgnet.parent().unwrap());
        if set {
            command.env("LD_PRELOAD", &clock);
        }
        command.output().unwrap()
    };
    // That it is set at all.
    let years = Command::new("sh")
        .args([
            "-c",
            "for turn in 1 2 3 4 5 6 7 8; do date +%Y; sleep 0.1; done | sort -u | wc -l",
        ])
        .env("LD_PRELOAD", &clock)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&years.stdout).trim(), "2");
    let begun = std::time::Instant::now();
    let captured = run(
        &[
            "capture",
            "--sent",
            "photo.png",
            "--received",
            "out",
            "-w",
            "run.pcapng",
            "--force",
            "--",
            "sh",
            "-c",
            SCRIPT,
        ],
        true,
    );
    let said = String::from_utf8_lossy(&captured.stdout).into_owned()
        + &String::from_utf8_lossy(&captured.stderr);
    assert_eq!(captured.status.code(), Some(0), "{said}");
    assert!(said.contains("match"), "{said}");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    for set in [true, false] {
        let verified = run(
            &[
                "verify",
                "run.pcapng",
                "--sent",
                "photo.png",
                "--received",
                "out",
            ],
            set,
        );
        let said = String::from_utf8_lossy(&verified.stdout);
        assert_eq!(verified.status.code(), Some(0), "{said}");
        assert!(said.contains("all 4 pictures"), "{said}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

//! Every command and option, confined, beside peers in Python; `tests/peers/confined.py` says which.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::programs::SERVER;

/// Runs the script to its end; false where what it needs is not here.
fn script(test: &str, needs: &[&str], arguments: &[&str]) -> bool {
    for program in needs {
        let there = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !there {
            eprintln!("SKIPPED {test}: {program} is not here");
            return false;
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/confined.py");
    let output = Command::new("python3")
        .arg(script)
        .arg("--bin")
        .arg(Path::new(SERVER).parent().unwrap())
        .args(arguments)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    eprintln!("{told}");
    assert!(output.status.success(), "{told}\n{errors}");
    true
}

#[test]
fn every_command_runs_confined_beside_peers() {
    script(
        "every_command_runs_confined_beside_peers",
        &["python3"],
        &[],
    );
}

#[test]
fn no_system_call_that_is_needed_is_refused() {
    script(
        "no_system_call_that_is_needed_is_refused",
        &["python3", "strace"],
        &["--calls"],
    );
}

#[test]
fn the_pipeline_s_picture_is_the_one_that_pillow_makes() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/pillow.py");
    // The distribution's Python has the distribution's Pillow, where another one comes first.
    for python in ["python3", "/usr/bin/python3"] {
        let output = Command::new(python)
            .arg(script)
            .arg("--bin")
            .arg(Path::new(SERVER).parent().unwrap())
            .output();
        let Ok(output) = output else {
            continue;
        };
        let told = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        // 77: there is no Pillow.
        if output.status.code() != Some(77) {
            eprintln!("{told}");
            assert!(output.status.success(), "{told}\n{errors}");
            return;
        }
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "Pillow is missing, and under CI this must run: apt-get install python3-pil"
    );
    eprintln!(
        "SKIPPED the_pipeline_s_picture_is_the_one_that_pillow_makes: no Python with Pillow here"
    );
}

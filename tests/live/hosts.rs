//! `imgnet capture --host` and `--hosts` as a user runs them, also as one without any right. Where that is not possible,
//! each test says that it was skipped, and why.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests: they are there to panic, read what the programs left, and say what was skipped"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::private_network::{bridge, text};

const PROGRAMS: [&str; 3] = [
    env!("CARGO_BIN_EXE_imgnet"),
    env!("CARGO_BIN_EXE_imgnet-server"),
    env!("CARGO_BIN_EXE_imgnet-client"),
];

/// A folder that everybody may use, with the programs and a picture in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    for program in PROGRAMS.map(PathBuf::from) {
        std::fs::copy(&program, folder.path().join(program.file_name().unwrap())).unwrap();
    }
    let picture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures/progressive.jpg");
    std::fs::copy(picture, folder.path().join("a.jpg")).unwrap();
    folder
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Gives the receiver time to listen (a refused connection is an error of the run), then sends to it by name.
const SEND: &str = "sender=sleep 2; i=0; until ./imgnet-client send receiver:65432 a.jpg; do i=$((i+1)); test $i -lt 100 || exit 9; sleep 0.1; done";
const RECEIVE: &str = "receiver=exec ./imgnet-server receive --listen 0.0.0.0 --out got --count 1";

/// What the capture that both tests run must have come to.
fn a_picture_went_from_sender_to_receiver(folder: &Path, output: &Output) {
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    let got = std::fs::read(folder.join("got/image-0001.jpg")).unwrap();
    assert_eq!(got, std::fs::read(folder.join("a.jpg")).unwrap());
    let analyzed = run(
        folder,
        "./imgnet",
        &["analyze", "--format", "json", "x.pcapng"],
    );
    let report: Value = serde_json::from_slice(&analyzed.stdout).unwrap();
    let images = report["images"].as_array().unwrap();
    let whole: Vec<&Value> = images
        .iter()
        .filter(|image| image["complete"] == true)
        .collect();
    assert_eq!(whole.len(), 1, "{images:?}");
    assert!(whole[0]["from"].as_str().unwrap().starts_with("10.0.0.2:"));
    assert_eq!(whole[0]["to"], "10.0.0.1:65432");
    // Two, each seen once; TCP may have repeated one on a busy machine.
    let packets = whole[0]["packets"].as_u64().unwrap();
    assert!((2..4).contains(&packets), "{packets}");
}

#[test]
fn a_picture_goes_from_one_host_to_another_by_name() {
    if !bridge("a_picture_goes_from_one_host_to_another_by_name") {
        return;
    }
    let folder = folder();
    let arguments = [
        "capture", "-w", "x.pcapng", "--host", RECEIVE, "--host", SEND, "--until", "all",
    ];
    let output = run(folder.path(), "./imgnet", &arguments);
    a_picture_went_from_sender_to_receiver(folder.path(), &output);
    let said = text(&output.stderr);
    assert!(
        said.contains(
            "capturing on bridge of receiver 10.0.0.1, sender 10.0.0.2\nimgnet: ends when all"
        ),
        "{said}"
    );
}

#[test]
fn a_user_without_rights_has_hosts_too() {
    const TEST: &str = "a_user_without_rights_has_hosts_too";
    if !bridge(TEST) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED {TEST}: this is such a user, and the other test has shown it");
        return;
    }
    let folder = folder();
    let nobody = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "./imgnet",
    ];
    let as_nobody = |arguments: &[&str]| {
        Command::new("setpriv")
            .args(nobody)
            .args(arguments)
            .current_dir(folder.path())
            .output()
    };
    let Ok(found) = as_nobody(&["doctor", "--format", "json"]) else {
        println!("SKIPPED {TEST}: there is no setpriv(1)");
        return;
    };
    let Ok(found) = serde_json::from_slice::<Value>(&found.stdout) else {
        println!("SKIPPED {TEST}: {}", text(&found.stderr));
        return;
    };
    if found["private"] != true {
        println!("SKIPPED {TEST}: {}", found["conditions"][2]["detail"]);
        return;
    }
    let arguments = [
        "capture", "-w", "x.pcapng", "--host", RECEIVE, "--host", SEND, "--until", "all",
    ];
    let output = as_nobody(&arguments).unwrap();
    a_picture_went_from_sender_to_receiver(folder.path(), &output);
}

#[test]
fn each_host_knows_itself_and_the_worst_status_counts() {
    if !bridge("each_host_knows_itself_and_the_worst_status_counts") {
        return;
    }
    let folder = folder();
    let line = "echo \"$IMGNET_HOST $IMGNET_NUMBER $IMGNET_ADDRESS of $IMGNET_HOSTS: $IMGNET_ADDRESSES, $(hostname)\" \
                > $IMGNET_HOST.txt; exit $IMGNET_NUMBER";
    let output = run(
        folder.path(),
        "./imgnet",
        &["capture", "--hosts", "3", "--shell", line],
    );
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    for number in 1..=3 {
        let found = std::fs::read_to_string(folder.path().join(format!("h{number}.txt"))).unwrap();
        assert_eq!(
            found,
            format!(
                "h{number} {number} 10.0.0.{number} of h1 h2 h3: 10.0.0.1 10.0.0.2 10.0.0.3, h{number}\n"
            )
        );
    }
}

#[test]
fn the_last_hosts_end_ends_the_others() {
    if !bridge("the_last_hosts_end_ends_the_others") {
        return;
    }
    let folder = folder();
    let output = run(
        folder.path(),
        "./imgnet",
        &[
            "capture",
            "--host",
            "server=trap 'exit 7' TERM; while :; do sleep 0.1; done",
            "--host",
            "client=cat",
        ],
    );
    let said = text(&output.stderr);
    // Whoever was ended is not asked for a status.
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("server was still running"), "{said}");
}

#[test]
fn a_command_that_is_not_there_starts_nothing() {
    if !bridge("a_command_that_is_not_there_starts_nothing") {
        return;
    }
    let folder = folder();
    let output = run(
        folder.path(),
        "./imgnet",
        &["capture", "--hosts", "2", "--", "./no-such-program"],
    );
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("./no-such-program: cannot be started on h"),
        "{said}"
    );
}

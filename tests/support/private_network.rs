//! Whether this machine lets a test run programs in networks of their own; else it says that it is skipped, and why.
#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests: they are there to panic, ask what the machine allows, and say what was skipped"
)]

use std::process::Command;

use serde_json::Value;

/// What a program wrote.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whether there can be a private network.
pub(crate) fn private_network(test: &str) -> bool {
    let found = doctor();
    skipped_unless(found["private"] == true, &found, "private network", test)
}

/// Whether there can be several hosts on a bridge.
pub(crate) fn bridge(test: &str) -> bool {
    let found = doctor();
    let good = condition(&found, "bridge for hosts")["state"] == "good";
    skipped_unless(good, &found, "bridge for hosts", test)
}

/// Whether there can be a private network, and a program in Python in it.
pub(crate) fn private_python(test: &str) -> bool {
    let python = Command::new("python3").arg("-V").output().is_ok();
    if !python {
        println!("SKIPPED {test}: there is no python3");
    }
    python && private_network(test)
}

fn doctor() -> Value {
    let found = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["doctor", "--format", "json"])
        .output()
        .unwrap();
    serde_json::from_slice(&found.stdout).unwrap()
}

fn condition<'f>(found: &'f Value, name: &str) -> &'f Value {
    let conditions = found["conditions"].as_array().unwrap();
    conditions
        .iter()
        .find(|condition| condition["name"] == name)
        .unwrap()
}

fn skipped_unless(good: bool, found: &Value, name: &str, test: &str) -> bool {
    if !good {
        println!("SKIPPED {test}: {}", condition(found, name)["detail"]);
    }
    good
}

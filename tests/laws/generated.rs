//! What a package installs beside the programs: manual pages and completions, made of the command lines themselves.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files and runs programs, says when it skips, and may fail"
)]

use std::path::Path;
use std::process::Command;

fn generate(what: &str, folder: &Path) -> Vec<String> {
    let status = Command::new(env!("CARGO_BIN_EXE_imgnet"))
        .args(["generate", what])
        .arg(folder)
        .status()
        .unwrap();
    assert!(status.success(), "{what}");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let names = generate("man", folder.path());
    for wanted in [
        "imgnet.1",
        "imgnet-analyze.1",
        "imgnet-verify.1",
        "imgnet-server.1",
        "imgnet-server-receive.1",
        "imgnet-client-send.1",
    ] {
        assert!(
            names.iter().any(|name| name == wanted),
            "{wanted}: {names:?}"
        );
    }
    // What is hidden from the help is hidden here too.
    assert!(
        !names.iter().any(|name| name.contains("generate")),
        "{names:?}"
    );
    let page = std::fs::read_to_string(folder.path().join("imgnet-verify.1")).unwrap();
    assert!(
        page.contains(".TH ") && page.contains("\\-\\-sent"),
        "{page}"
    );
}

#[test]
fn completions_know_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let names = generate("completions", folder.path());
    for program in ["imgnet", "imgnet-server", "imgnet-client"] {
        for wanted in [
            format!("{program}.bash"),
            format!("{program}.fish"),
            format!("_{program}"),
        ] {
            assert!(names.contains(&wanted), "{wanted}: {names:?}");
        }
    }
    let Ok(bash) = Command::new("bash")
        .arg("-c")
        .arg(
            "source imgnet.bash; COMP_WORDS=(imgnet ver); COMP_CWORD=1; _imgnet imgnet ver imgnet; \
             echo \"${COMPREPLY[@]}\"",
        )
        .current_dir(folder.path())
        .output()
    else {
        eprintln!("SKIPPED completions in bash: there is none");
        return;
    };
    let said = String::from_utf8_lossy(&bash.stdout).into_owned();
    assert!(
        said.split_whitespace().any(|word| word == "verify"),
        "{said}"
    );
}

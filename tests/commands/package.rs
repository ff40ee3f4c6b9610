//! What the Debian package is made of is there: each file that `Cargo.toml` names, manual pages and completions of each program.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files and runs programs, and may fail"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of a folder whose names fit a pattern with one `*` at most.
fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let (begin, end) = pattern.split_once('*').unwrap_or((pattern, ""));
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            if pattern.contains('*') {
                name.starts_with(begin) && name.ends_with(end)
            } else {
                name == pattern
            }
        })
        .collect()
}

#[test]
fn each_file_of_the_debian_package_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"]
        .as_array()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for kind in ["man", "completions"] {
        let status = Command::new(env!("CARGO_BIN_EXE_imgnet"))
            .args(["generate", kind])
            .arg(folder.path().join(kind))
            .status()
            .unwrap();
        assert!(status.success());
    }
    let script = std::fs::read_to_string(root.join("packaging/deb.sh")).unwrap();
    let mut installed = Vec::new();
    for asset in assets {
        let source = asset[0].as_str().unwrap();
        let target = asset[1].as_str().unwrap();
        let path = Path::new(source);
        let (within, name) = (path.parent().unwrap(), path.file_name().unwrap());
        let name = name.to_str().unwrap();
        let found = match within.to_str().unwrap() {
            "target/release" => vec![path.to_owned()],
            // The script compresses what is generated, and makes the lists of changes.
            "target/release/generated" => {
                assert!(script.contains(&format!("\"$made/{name}\"")), "{source}");
                vec![path.to_owned()]
            }
            made if made.starts_with("target/release/generated/") => {
                let kind = made.trim_start_matches("target/release/generated/");
                matching(&folder.path().join(kind), name.trim_end_matches(".gz"))
            }
            _ => matching(&root.join(within), name),
        };
        assert!(!found.is_empty(), "{source}: no such file");
        for file in found {
            let file = file.file_name().unwrap().to_str().unwrap().to_owned();
            let is_folder = target.ends_with('/');
            installed.push(if is_folder {
                format!("{target}{file}")
            } else {
                target.to_owned()
            });
        }
    }
    let bins = manifest["bin"].as_array().unwrap();
    for program in bins.iter().map(|bin| bin["name"].as_str().unwrap()) {
        for place in [
            format!("usr/bin/{program}"),
            format!("usr/share/man/man1/{program}.1"),
            format!("usr/share/bash-completion/completions/{program}.bash"),
            format!("usr/share/zsh/vendor-completions/_{program}"),
            format!("usr/share/fish/vendor_completions.d/{program}.fish"),
        ] {
            assert!(installed.contains(&place), "{place} is not in the package");
        }
    }
    for place in [
        "usr/share/doc/imgnet/copyright",
        "usr/share/imgnet/wireshark/imgnet.lua",
        "etc/apparmor.d/imgnet",
    ] {
        assert!(installed.contains(&place.to_owned()), "{place}");
    }
}

#[test]
fn no_right_is_given_unless_somebody_says_yes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/debian");
    for name in ["config", "postinst", "prerm", "postrm"] {
        let status = Command::new("sh").arg("-n").arg(root.join(name)).status();
        assert!(status.unwrap().success(), "{name}");
    }
    let templates = std::fs::read_to_string(root.join("templates")).unwrap();
    assert!(templates.contains("\nDefault: false\n"), "{templates}");
    // The script itself, with programs that only say how they were called.
    let folder = tempfile::tempdir().unwrap();
    let script = std::fs::read_to_string(root.join("postinst")).unwrap();
    let library = "/usr/share/debconf/confmodule";
    assert!(script.contains(library));
    let script = script.replace(library, "./confmodule");
    std::fs::write(folder.path().join("postinst"), script).unwrap();
    for (answer, before, called) in [
        ("true", "", "setcap cap_net_raw=ep /usr/bin/imgnet\n"),
        ("false", "", ""),
        ("", "", ""),
        (
            "false",
            "/usr/bin/imgnet cap_net_raw=ep",
            "setcap -r /usr/bin/imgnet\n",
        ),
    ] {
        let module = format!(
            "db_get() {{ RET='{answer}'; [ -n \"$RET\" ]; }}\n\
             setcap() {{ echo setcap \"$@\"; }}\n\
             getcap() {{ echo '{before}'; }}\n\
             apparmor_parser() {{ :; }}\n"
        );
        std::fs::write(folder.path().join("confmodule"), module).unwrap();
        let output = Command::new("sh")
            .args(["./postinst", "configure"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), called, "{answer}");
    }
}

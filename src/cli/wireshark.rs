//! `imgnet wireshark`: the dissector and the profile, in the user's own folders of Wireshark.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};

use crate::cli::exit::Exit;
use crate::cli::extcap;
use crate::cli::output::trouble;
use crate::report::text;

/// What is installed: the kind of folder, the name below it, the text.
const FILES: [(Kind, &str, &str); 7] = [
    (
        Kind::Plugins,
        "imgnet.lua",
        include_str!("../../wireshark/imgnet.lua"),
    ),
    (
        Kind::Plugins,
        "imgnet_formats.lua",
        include_str!("../../wireshark/imgnet_formats.lua"),
    ),
    (
        Kind::Plugins,
        "imgnet_more_formats.lua",
        include_str!("../../wireshark/imgnet_more_formats.lua"),
    ),
    (
        Kind::Profile,
        "preferences",
        include_str!("../../wireshark/profile/preferences"),
    ),
    (
        Kind::Profile,
        "colorfilters",
        include_str!("../../wireshark/profile/colorfilters"),
    ),
    (
        Kind::Profile,
        "dfilter_buttons",
        include_str!("../../wireshark/profile/dfilter_buttons"),
    ),
    (
        Kind::Profile,
        "io_graphs",
        include_str!("../../wireshark/profile/io_graphs"),
    ),
];

/// Where a file belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Personal Lua plugins.
    Plugins,
    /// The profile `imgnet` in the personal configuration.
    Profile,
}

/// Show the comments of annotated captures as fields in Wireshark: install, remove or look
#[derive(Debug, Args)]
#[command(
    after_help = "Installs imgnet.lua (fields imgnet.picture, imgnet.chunk, imgnet.finding, … from the comments of imgnet annotate), \
                  imgnet_formats.lua and imgnet_more_formats.lua (dissectors of framed, length, marker, eof, catalog, datagrams and layouts) \
                  and the profile imgnet (columns, colours, filter buttons, I/O graphs) in your own folders, and a link by which Wireshark lists imgnet among its interfaces \
                  (a command in a private network, without rights; lo, each packet once), as `tshark -G \
                  folders` names them. Nothing is installed unless you ask, and nothing for other users.\n\n\
                  Exit codes: 0 done (status: all is there); 1 status: not all is there; 2 no tshark, or a folder that cannot be \
                  written.",
    max_term_width = 100
)]
pub(crate) struct Wireshark {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum What {
    /// Put dissector and profile into your folders
    Install,
    /// Take them away again
    Remove,
    /// Say what is there
    Status,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Missing,
    /// This very version.
    Same,
    /// Another version, or somebody's changes.
    Different,
}

/// Runs the command.
///
/// # Errors
/// No tshark, folders that cannot be written: exit code 2.
pub(super) fn run(command: &Wireshark) -> anyhow::Result<Exit> {
    let folders = Folders::ask()?;
    let mut lines = Vec::new();
    let mut missing = false;
    for (kind, name, text) in FILES {
        let path = folders.of(kind).join(name);
        let before = state(&path, text);
        let word = match (command.what, before) {
            (What::Status | What::Remove, State::Missing) => "not there",
            (What::Status, State::Same) => "there",
            (What::Status, State::Different) => "there, of another version or changed",
            (What::Install, State::Same) => "there already",
            (What::Install, _) => {
                write(&path, text)?;
                "installed"
            }
            (What::Remove, _) => {
                let advice = "remove it by hand";
                fs::remove_file(&path).map_err(trouble(&path, "cannot be removed", advice))?;
                "removed"
            }
        };
        missing |= before != State::Same;
        lines.push(format!("{}: {word}", path.display()));
    }
    if command.what == What::Remove {
        // Only what is empty now; a profile that somebody added to stays.
        let _ = fs::remove_dir(folders.of(Kind::Profile));
    }
    let (line, there) = link(command.what, &folders.extcap)?;
    missing |= !there;
    lines.push(line);
    if !folders.extcap_is_looked_in {
        lines.push(format!(
            "This version of Wireshark looks for interfaces in one folder for all users; for imgnet's start it as: \
             WIRESHARK_EXTCAP_DIR={} wireshark",
            folders.extcap.display()
        ));
    }
    if command.what == What::Install {
        lines.push("Next: imgnet annotate CAPTURE -o annotated.pcapng; wireshark -C imgnet annotated.pcapng".to_owned());
    }
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{}", text::plain(&line, true))
            .or_else(super::capture::ignore_closed_pipe)?;
    }
    Ok(if command.what == What::Status && missing {
        Exit::NotEqual
    } else {
        Exit::Good
    })
}

/// The link by which Wireshark calls `imgnet extcap`: what was done, and whether it was there before.
fn link(what: What, folder: &Path) -> anyhow::Result<(String, bool)> {
    let path = folder.join(extcap::NAME);
    let cannot = trouble(
        &path,
        "cannot be changed",
        "see whether the folder is yours",
    );
    let program = std::env::current_exe().and_then(fs::canonicalize);
    let program = program.map_err(&cannot)?;
    let before = fs::read_link(&path).ok();
    let there = before.as_deref() == Some(program.as_path());
    let word = match (what, before) {
        (What::Status | What::Remove, None) => "not there",
        (What::Status, Some(_)) if there => "there",
        (What::Status, Some(_)) => "there, of another imgnet",
        (What::Install, Some(_)) if there => "there already",
        (What::Install, before) => {
            fs::create_dir_all(folder).map_err(&cannot)?;
            if before.is_some() {
                fs::remove_file(&path).map_err(&cannot)?;
            }
            std::os::unix::fs::symlink(&program, &path).map_err(&cannot)?;
            "installed"
        }
        (What::Remove, Some(_)) => {
            fs::remove_file(&path).map_err(&cannot)?;
            "removed"
        }
    };
    Ok((format!("{}: {word}", path.display()), there))
}

fn state(path: &Path, text: &str) -> State {
    match fs::read(path) {
        Err(_) => State::Missing,
        Ok(there) if there == text.as_bytes() => State::Same,
        Ok(_) => State::Different,
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = trouble(path, "cannot be written", "see whether the folder is yours");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(&cannot)?;
    }
    fs::write(path, text).map_err(&cannot)
}

/// The user's folders of Wireshark.
#[derive(Debug, PartialEq, Eq)]
struct Folders {
    configuration: PathBuf,
    plugins: PathBuf,
    extcap: PathBuf,
    /// Wireshark looks there by itself: since 4.2.
    extcap_is_looked_in: bool,
}

impl Folders {
    /// Asks tshark: the folders moved between versions.
    fn ask() -> anyhow::Result<Self> {
        let asked = Command::new("tshark").args(["-G", "folders"]).output();
        let output = asked.map_err(|error| {
            anyhow::anyhow!("tshark cannot be asked for its folders: {error}; install it with Wireshark (apt-get install tshark)")
        })?;
        let said = String::from_utf8_lossy(&output.stdout);
        Self::read(&said).ok_or_else(|| {
            anyhow::anyhow!(
                "`tshark -G folders` names no personal folders; is it Wireshark 4.0 or later?"
            )
        })
    }

    fn read(said: &str) -> Option<Self> {
        let find = |name: &str| {
            said.lines().find_map(|line| {
                let (what, path) = line.split_once(':')?;
                let path = path.trim();
                (what.trim() == name && !path.is_empty()).then(|| PathBuf::from(path))
            })
        };
        let configuration = find("Personal configuration")?;
        let own = find("Personal Extcap path");
        Some(Self {
            extcap_is_looked_in: own.is_some(),
            extcap: own.unwrap_or_else(|| configuration.join("extcap")),
            configuration,
            plugins: find("Personal Lua Plugins").or_else(|| find("Personal Plugins"))?,
        })
    }

    fn of(&self, kind: Kind) -> PathBuf {
        match kind {
            Kind::Plugins => self.plugins.clone(),
            Kind::Profile => self.configuration.join("profiles").join("imgnet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_two_versions() {
        let four_zero = "Temp:                \t/tmp\nPersonal configuration:\t/home/user/.config/wireshark\n\
            Personal Plugins:    \t/home/user/.local/lib/wireshark/plugins/4.0\nPersonal Lua Plugins:\t/home/user/.local/lib/wireshark/plugins\n";
        let folders = Folders::read(four_zero).unwrap();
        assert_eq!(
            folders.plugins,
            Path::new("/home/user/.local/lib/wireshark/plugins")
        );
        assert_eq!(
            folders.of(Kind::Profile),
            Path::new("/home/user/.config/wireshark/profiles/imgnet")
        );
        let without = "Personal configuration:\t/c\nPersonal Plugins:\t/p\n";
        assert_eq!(Folders::read(without).unwrap().plugins, Path::new("/p"));
        assert_eq!(
            folders.extcap,
            Path::new("/home/user/.config/wireshark/extcap")
        );
        assert!(!folders.extcap_is_looked_in);
        let later =
            "Personal configuration:\t/c\nPersonal Plugins:\t/p\nPersonal Extcap path:\t/e\n";
        let later = Folders::read(later).unwrap();
        assert_eq!(
            (later.extcap.as_path(), later.extcap_is_looked_in),
            (Path::new("/e"), true)
        );
        assert_eq!(Folders::read("Temp:\t/tmp\n"), None);
    }
}

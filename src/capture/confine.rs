//! Confinement: once its device and files are open, the process gives up what it no longer needs.
//!
//! Four steps, each as far as the kernel has it: capabilities, no-new-privs (prctl(2)), Landlock (only the folders in
//! which files are still to be made), seccomp (a list of system calls; everything else fails with `EPERM`). A
//! process that only reads what it has open can open nothing at all after it. One that makes files later, a rotated
//! capture or extracted pictures, can make new ones and append to them: `openat` is let through with
//! `O_CREAT | O_EXCL` or `O_APPEND | O_WRONLY` only, and where there is Landlock in those folders only.
//!
//! One that still opens files by name ([`Needs::reads`]) can open those, and one that moves pictures ([`Needs::network`])
//! has the calls of sockets and files, and can execute nothing; which files, Landlock alone can say. Without it these may
//! open what their user may, and the result says so.
//!
//! All of it holds for the calling thread and for those it starts later: call it before the first.
//!
//! All of it is Linux's. On another system nothing is given up, and the result says so.

use std::fmt;
use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};
use std::path::{Path, PathBuf};

#[cfg_attr(target_os = "linux", path = "confine/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "confine/elsewhere.rs")]
mod system;

pub(crate) use system::{confine, landlock_means, seccomp_means};

/// Files and folders below others that are looked at for links; a folder with more is none of pictures.
const MOST_LINKS: u32 = 200_000;

/// What the process will still do.
#[derive(Debug, Clone, Default)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only Linux is told, or tells, all of it")
)]
pub(crate) struct Needs {
    /// Folders in which it makes, renames and removes files.
    pub folders: Vec<PathBuf>,
    /// Files that it opens to read, and folders of such files.
    pub reads: Vec<PathBuf>,
    /// What it does with sockets.
    pub network: Network,
    /// Sockets of captures, which go on with another interface where theirs is removed.
    pub captures: Vec<RawFd>,
    /// It waits for keys and sets the terminal.
    pub terminal: bool,
    /// It keeps a store in its folders: opens what is in them as it likes, and makes folders there.
    pub stores: bool,
    /// A program that it started, and ends.
    pub ends: Option<u32>,
}

/// What a process does with sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Network {
    /// Nothing but what it has open.
    #[default]
    None,
    /// Takes connections and datagrams on sockets that it has open.
    Accepts,
    /// The same, and ties a datagram socket that it has open to whoever wrote first.
    Answers,
    /// Makes connections, and asks for the addresses of names.
    Connects,
    /// All of it.
    All,
}

impl Needs {
    /// Those of a process that makes files beside each of `files`; where one is a link to a file, beside that, too.
    pub(crate) fn beside<'a>(files: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut folders = Vec::new();
        for file in files {
            let Some(parent) = file.parent() else {
                continue;
            };
            let here = parent.as_os_str().is_empty();
            folders.push(if here { ".".into() } else { parent.to_owned() });
            if file.is_symlink()
                && let Ok(real) = std::fs::canonicalize(file)
                && let Some(parent) = real.parent()
            {
                folders.push(parent.to_owned());
            }
        }
        Self {
            folders,
            ..Self::default()
        }
    }

    /// It opens these files, too, and what lies in these folders and below; where a link in them leads to a file
    /// elsewhere, that one.
    #[must_use]
    pub(crate) fn reading<'a>(mut self, paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut left = MOST_LINKS;
        let mut folders: Vec<PathBuf> = Vec::new();
        for path in paths {
            self.reads.push(path.to_owned());
            if path.is_dir() {
                folders.push(path.to_owned());
            }
        }
        while let Some(folder) = folders.pop() {
            // What cannot be looked into says so when it is opened.
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_symlink() && path.is_file() => self.reads.push(path),
                    _ => {}
                }
                left -= 1;
                if left == 0 {
                    return self;
                }
            }
        }
        self
    }

    /// What it does with sockets.
    #[must_use]
    pub(crate) fn with_network(self, network: Network) -> Self {
        Self { network, ..self }
    }

    /// It fills the terminal, and waits for keys.
    #[must_use]
    pub(crate) fn on_terminal(self) -> Self {
        Self {
            terminal: true,
            ..self
        }
    }

    /// It captures on this socket.
    #[must_use]
    pub(crate) fn capturing<'a>(
        mut self,
        sockets: impl IntoIterator<Item = BorrowedFd<'a>>,
    ) -> Self {
        let sockets = sockets.into_iter().map(|socket| socket.as_raw_fd());
        self.captures.extend(sockets);
        self
    }

    /// It keeps a store in its folders.
    #[must_use]
    #[cfg(feature = "archive")]
    pub(crate) fn storing(self) -> Self {
        Self {
            stores: true,
            ..self
        }
    }
}

/// What became of each step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confinement {
    /// Capabilities given up.
    pub capabilities: Step,
    /// No program that it might execute gains rights.
    pub no_new_privileges: Step,
    /// Files and networks.
    pub landlock: Step,
    /// System calls.
    pub seccomp: Step,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "only Linux is told, or tells, all of it")
)]
pub(crate) enum Step {
    /// In force.
    InForce,
    /// In force in part: the kernel knows less than was asked for, or something had to be kept.
    Partly(String),
    /// Not in force, and why.
    Without(String),
}

/// What the system has of a means of confinement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Means {
    /// Whether it can be in force.
    pub present: bool,
    /// How it stands, in a few words.
    pub detail: String,
    /// What would change that; absent where nothing does, or needs to.
    pub advice: Option<&'static str>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce => f.write_str("yes"),
            Self::Partly(what) => write!(f, "partly ({what})"),
            Self::Without(why) => write!(f, "no ({why})"),
        }
    }
}

impl Confinement {
    /// Whether the kernel lacks a part, so that it does not hold what it should.
    pub(crate) fn lacks(&self) -> bool {
        [&self.no_new_privileges, &self.landlock, &self.seccomp]
            .into_iter()
            .any(|step| matches!(step, Step::Without(_)))
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "capabilities given up: {}; no new privileges: {}; Landlock: {}; seccomp: {}",
            self.capabilities, self.no_new_privileges, self.landlock, self.seccomp
        )
    }
}

#[cfg(test)]
mod tests;

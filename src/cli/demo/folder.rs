//! The folder that a demo leaves behind: one of its own is used again, a foreign one is left alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Tells a folder of the demo from others.
const MARK: &str = ".imgnet-demo";
const MARK_TEXT: &str =
    "This folder was made by `imgnet demo`, which empties it when it uses it again.\n";

/// The folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes it, or empties one that an earlier demo made.
    ///
    /// # Errors
    /// Where it is somebody else's and not empty (unless forced), or cannot be made.
    pub(super) fn prepare(path: &Path, force: bool) -> anyhow::Result<Self> {
        let shown = path.display();
        let mark = path.join(MARK);
        let own = fs::symlink_metadata(&mark).is_ok_and(|file| file.is_file());
        let foreign = match fs::read_dir(path) {
            Ok(mut entries) => !own && entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                return Err(error).with_context(|| format!("{shown}: cannot be used as a folder"));
            }
        };
        if foreign && !force {
            anyhow::bail!(
                "{shown}: is not empty and was not made by imgnet demo; name another folder, or use it with --force"
            );
        }
        let folder = Self {
            path: path.to_owned(),
        };
        let made = || -> io::Result<()> {
            if own {
                folder.empty()?;
            }
            fs::create_dir_all(path)?;
            if !foreign {
                fs::write(&mark, MARK_TEXT)?;
            }
            fs::create_dir_all(folder.sent().join("catalog"))?;
            fs::create_dir_all(folder.received())
        };
        made().with_context(|| format!("{shown}: cannot be used"))?;
        Ok(folder)
    }

    /// Removes what a demo leaves, and nothing else.
    fn empty(&self) -> io::Result<()> {
        let gone = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        // A link in their place is removed by these as a link; what it points to stays.
        for folder in [self.sent(), self.received()] {
            if fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir()) {
                gone(fs::remove_dir_all(folder))?;
            } else {
                gone(fs::remove_file(folder))?;
            }
        }
        gone(fs::remove_file(self.capture()))?;
        gone(fs::remove_file(self.report()))?;
        gone(fs::remove_file(self.page()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is sent.
    pub(super) fn sent(&self) -> PathBuf {
        self.path.join("sent")
    }

    /// What is received.
    pub(super) fn received(&self) -> PathBuf {
        self.path.join("received")
    }

    pub(super) fn capture(&self) -> PathBuf {
        self.path.join("capture.pcapng")
    }

    pub(super) fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }

    pub(super) fn page(&self) -> PathBuf {
        self.path.join("report.html")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_folder_is_used_again_and_only_its_own_files_go() {
        let outside = tempfile::tempdir().unwrap();
        let path = outside.path().join("demo");
        let folder = Folder::prepare(&path, false).unwrap();
        fs::write(folder.sent().join("old.jpg"), b"x").unwrap();
        fs::write(folder.report(), b"x").unwrap();
        fs::write(path.join("notes.txt"), b"mine").unwrap();
        let folder = Folder::prepare(&path, false).unwrap();
        assert!(!folder.sent().join("old.jpg").exists());
        assert!(!folder.report().exists());
        assert!(folder.sent().join("catalog").is_dir());
        assert_eq!(fs::read(path.join("notes.txt")).unwrap(), b"mine");
    }

    #[test]
    fn a_link_in_place_of_a_folder_is_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let path = outside.path().join("demo");
        let precious = outside.path().join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("thesis.txt"), b"x").unwrap();
        let folder = Folder::prepare(&path, false).unwrap();
        fs::remove_dir_all(folder.sent()).unwrap();
        std::os::unix::fs::symlink(&precious, folder.sent()).unwrap();
        Folder::prepare(&path, false).unwrap();
        assert!(precious.join("thesis.txt").exists());
    }

    #[test]
    fn a_foreign_folder_is_left_alone_unless_forced() {
        let foreign = tempfile::tempdir().unwrap();
        fs::create_dir(foreign.path().join("sent")).unwrap();
        fs::write(foreign.path().join("sent/thesis.jpg"), b"x").unwrap();
        let refused = Folder::prepare(foreign.path(), false)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("--force"), "{refused}");
        Folder::prepare(foreign.path(), true).unwrap();
        assert!(foreign.path().join("sent/thesis.jpg").exists());
        // Forcing once does not make it the demo's own.
        assert!(Folder::prepare(foreign.path(), false).is_err());
        // An empty one is as good as none; a file is not.
        let empty = tempfile::tempdir().unwrap();
        Folder::prepare(empty.path(), false).unwrap();
        let file = foreign.path().join("sent/thesis.jpg");
        assert!(Folder::prepare(&file, true).is_err());
    }
}

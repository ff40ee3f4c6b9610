//! Saves pictures: under a temporary name first, inside one folder only, never over a file that is there.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::NamedTempFile;

use super::Error;
use crate::picture::Format;

/// The folder of a server. Names in it are made up here: nothing that comes from a peer is part of one.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// The number last given to a picture.
    last: AtomicU64,
}

impl Store {
    /// The folder `folder`, made if it is not there.
    ///
    /// # Errors
    /// [`Error::Write`] when it cannot be made, or nothing can be written in it.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let write = |source| Error::Write {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(write)?;
        temporary(folder).map_err(write)?;
        Ok(Self {
            folder: folder.to_owned(),
            last: AtomicU64::new(0),
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Saves these bytes as `NAME.EXTENSION`, or with a number where that name is taken.
    pub(super) fn save(&self, name: &str, extension: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let mut draft = Draft::new(&Destination::Folder(self))?;
        draft.write(bytes)?;
        draft.keep_as(&|attempt| match attempt {
            0 => self.folder.join(format!("{name}.{extension}")),
            _ => self.folder.join(format!("{name}-{attempt}.{extension}")),
        })
    }
}

/// Where a received picture goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Destination<'d> {
    /// Into a folder, under a number.
    Folder(&'d Store),
    /// Into this file, replacing it.
    File(&'d Path),
    /// Nowhere: it is kept in memory.
    Memory,
    /// Kept in memory, and saved in the folder under this name (without extension).
    Named { store: &'d Store, name: &'d str },
}

/// Finds out whether a picture can be saved there before anything is asked for.
pub(super) fn writable(file: &Path) -> Result<(), Error> {
    if file.is_dir() {
        return Err(Error::Write {
            path: file.to_owned(),
            source: io::ErrorKind::IsADirectory.into(),
        });
    }
    Draft::new(&Destination::File(file)).map(|_| ())
}

/// A file that does not have its name yet; it is deleted unless it is kept.
#[derive(Debug)]
pub(super) struct Draft {
    file: BufWriter<NamedTempFile>,
    folder: PathBuf,
}

impl Draft {
    /// A draft in the folder where `destination` is; memory has none.
    pub(super) fn new(destination: &Destination<'_>) -> Result<Self, Error> {
        let folder = match destination {
            Destination::Folder(store) | Destination::Named { store, .. } => store.folder.clone(),
            Destination::File(path) => match path.parent() {
                Some(folder) if folder != Path::new("") => folder.to_owned(),
                _ => PathBuf::from("."),
            },
            Destination::Memory => std::env::temp_dir(),
        };
        match temporary(&folder) {
            Ok(file) => Ok(Self {
                file: BufWriter::with_capacity(64 << 10, file),
                folder,
            }),
            Err(source) => Err(Error::Write {
                path: folder,
                source,
            }),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|source| Error::Write {
            path: self.folder.clone(),
            source,
        })
    }

    /// Gives the draft its name at the destination and returns it.
    pub(super) fn keep(
        self,
        destination: &Destination<'_>,
        format: Option<Format>,
        whole: bool,
    ) -> Result<PathBuf, Error> {
        let part = if whole { "" } else { ".incomplete" };
        match destination {
            Destination::Folder(store) => {
                let extension = extension(format);
                self.keep_as(&|_| {
                    let number = store.number();
                    store
                        .folder
                        .join(format!("image-{number:04}{part}.{extension}"))
                })
            }
            Destination::File(path) => {
                let path = if whole {
                    (*path).to_owned()
                } else {
                    let mut name = path.file_stem().unwrap_or_default().to_owned();
                    name.push(part);
                    if let Some(extension) = path.extension() {
                        name.push(".");
                        name.push(extension);
                    }
                    path.with_file_name(name)
                };
                let file = self.written()?;
                match file.persist(&path) {
                    Ok(_) => Ok(path),
                    Err(error) => Err(Error::Write {
                        path,
                        source: error.error,
                    }),
                }
            }
            // These are not drafted: they are saved once they are whole in memory.
            Destination::Memory | Destination::Named { .. } => Ok(PathBuf::new()),
        }
    }

    /// Gives the draft the first of these names that is free.
    fn keep_as(self, name: &dyn Fn(u64) -> PathBuf) -> Result<PathBuf, Error> {
        let mut file = self.written()?;
        let mut attempt = 0_u64;
        loop {
            let path = name(attempt);
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(path),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = error.file;
                    attempt = attempt.saturating_add(1);
                }
                Err(error) => {
                    return Err(Error::Write {
                        path,
                        source: error.error,
                    });
                }
            }
        }
    }

    fn written(self) -> Result<NamedTempFile, Error> {
        self.file.into_inner().map_err(|error| Error::Write {
            path: self.folder,
            source: error.into_error(),
        })
    }
}

/// The usual ending of a file's name; `bgr` for raw pixels.
pub(super) fn extension(format: Option<Format>) -> &'static str {
    match format {
        Some(Format::Jpeg) => "jpg",
        Some(Format::Png) => "png",
        Some(Format::Gif) => "gif",
        Some(Format::WebP) => "webp",
        Some(Format::Bmp) => "bmp",
        None => "bgr",
    }
}

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".imgnet-")
        .suffix(".part")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

//! `imgnet-server catalog`: numbered pictures for clients that ask for one (P3).

mod database;
mod dialogue;
pub(crate) mod listing;
mod natural;

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use sha2::{Digest as _, Sha256};

pub use database::{Added, Database};
pub use listing::Listed;

use super::{Tally, tell_listening};
use crate::picture::{SNIFF_BYTES, Sniff, Walker, sniff};
use crate::transfer::incoming::hex;
use crate::transfer::{Error, Limits, Session, pixels, reactor};

/// A list of pictures that is longer is none.
const LONGEST_LIST: u64 = 16 << 20;

/// Bytes of a file in which its dimensions are looked for.
const HEAD: u64 = 256 << 10;

/// The pictures that can be chosen, from number 1.
#[derive(Debug)]
pub struct Catalog {
    source: Source,
    /// Every answer is a JPEG made for the occasion, as the original program's are.
    re_encode: bool,
    not_found: Arc<Held>,
    own_not_found: Option<PathBuf>,
    /// Pictures that are being sent; those who choose the same share it.
    shared: Mutex<HashMap<u64, Weak<Held>>>,
    /// Bytes in memory.
    held: Arc<AtomicU64>,
    listed: OnceLock<Vec<Listed>>,
    /// The list that is being sent; those who ask for the same share it.
    sent_list: Mutex<Weak<Vec<u8>>>,
}

#[derive(Debug)]
enum Source {
    /// Number 1 first.
    Folder(Vec<PathBuf>),
    Database(Database),
}

/// What answers a choice; as long as somebody is sent it, it counts as memory.
#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    sha256: String,
    /// Absent for the not-found picture.
    name: Option<String>,
    counter: Arc<AtomicU64>,
}

impl Held {
    fn new(
        bytes: Vec<u8>,
        name: Option<String>,
        sha256: Option<String>,
        counter: &Arc<AtomicU64>,
    ) -> Self {
        counter.fetch_add(bytes.len() as u64, Ordering::AcqRel);
        Self {
            sha256: sha256.unwrap_or_else(|| hex(Sha256::new_with_prefix(&bytes))),
            bytes,
            name,
            counter: Arc::clone(counter),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.counter
            .fetch_sub(self.bytes.len() as u64, Ordering::AcqRel);
    }
}

/// What a choice leads to.
enum Answer {
    Picture(Arc<Held>),
    /// So much is in memory that this one has to wait.
    Later,
}

impl Catalog {
    /// The pictures of a folder, in the order in which people count: `2.jpg` before `10.jpg`. Whether a file is a
    /// picture its first bytes say, not its name.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::NoPictures`] for a folder without any.
    pub fn of_folder(folder: &Path) -> Result<Self, Error> {
        let mut files = pictures_of(folder)?;
        let own = take_not_found(&mut files);
        let catalog = Self::new(Source::Folder(files))?;
        match own {
            Some(path) => catalog.not_found(&path),
            None => Ok(catalog),
        }
    }

    /// The pictures that a list names, one a line, in its order; names are below `folder`. Empty lines and those that begin with
    /// `#` are left out.
    ///
    /// # Errors
    /// [`Error::Read`] of the list or a picture in it, [`Error::NoPictures`] where it names none.
    pub fn of_list(list: &Path, folder: &Path) -> Result<Self, Error> {
        let files = listed_in(list, folder)?;
        let catalog = Self::new(Source::Folder(files))?;
        let mut there = pictures_of(folder).unwrap_or_default();
        match take_not_found(&mut there) {
            Some(path) => catalog.not_found(&path),
            None => Ok(catalog),
        }
    }

    /// Answers choices that there are not with this picture instead of one of its own.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::TooLarge`].
    pub fn not_found(mut self, path: &Path) -> Result<Self, Error> {
        let bytes = crate::transfer::read_file(path, Limits::default().picture_bytes)?;
        self.not_found = Arc::new(Held::new(bytes, None, None, &self.held));
        self.own_not_found = Some(path.to_owned());
        Ok(self)
    }

    /// The file with which choices that there are not are answered; absent where it is imgnet's own picture.
    pub fn own_not_found(&self) -> Option<&Path> {
        self.own_not_found.as_deref()
    }

    /// The pictures of a database, which others may change while they are served.
    ///
    /// # Errors
    /// When the not-found picture cannot be made.
    pub fn of_database(database: Database) -> Result<Self, Error> {
        Self::new(Source::Database(database))
    }

    fn new(source: Source) -> Result<Self, Error> {
        let held = Arc::default();
        Ok(Self {
            source,
            re_encode: false,
            not_found: Arc::new(Held::new(pixels::not_found()?, None, None, &held)),
            own_not_found: None,
            shared: Mutex::default(),
            held,
            listed: OnceLock::new(),
            sent_list: Mutex::default(),
        })
    }

    /// Answers with a JPEG that is encoded afresh for every choice, as the original program does.
    #[must_use]
    pub fn re_encode(mut self, re_encode: bool) -> Self {
        self.re_encode = re_encode;
        self
    }

    /// All pictures, by number.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Database`].
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        match &self.source {
            Source::Database(database) => database.list(),
            Source::Folder(files) => {
                if let Some(listed) = self.listed.get() {
                    return Ok(listed.clone());
                }
                let listed: Vec<Listed> = (1..)
                    .zip(files)
                    .map(|(number, path)| listed(number, path))
                    .collect::<Result<_, _>>()?;
                Ok(self.listed.get_or_init(|| listed).clone())
            }
        }
    }

    /// The bytes that answer the question for the list.
    pub(in crate::transfer) fn list_answer(&self) -> Result<Arc<Vec<u8>>, Error> {
        let list = listing::encode(&self.list()?);
        let mut sent = self
            .sent_list
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = sent.upgrade().filter(|sent| **sent == list) {
            return Ok(same);
        }
        let list = Arc::new(list);
        *sent = Arc::downgrade(&list);
        Ok(list)
    }

    /// The bytes that answer a choice: those of the file or the database, unchanged unless [`Self::re_encode`].
    fn answer(&self, choice: &str, session: &Session<'_>) -> Result<Answer, Error> {
        let limits = &session.limits;
        let found = match &self.source {
            Source::Folder(files) => chosen(files, choice).map(|(number, path)| {
                let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
                (number, path.display().to_string(), length, None)
            }),
            Source::Database(database) => database
                .find(choice)?
                .map(|found| (found.number, found.name, found.bytes, Some(found.sha256))),
        };
        let Some((number, name, length, sha256)) = found else {
            return Ok(Answer::Picture(Arc::clone(&self.not_found)));
        };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.re_encode
            && let Some(held) = shared.get(&number).and_then(Weak::upgrade)
            && sha256.as_ref().is_none_or(|sha256| *sha256 == held.sha256)
        {
            return Ok(Answer::Picture(held));
        }
        let in_use = self.held.load(Ordering::Acquire);
        let alone = in_use <= self.not_found.bytes.len() as u64;
        if !alone && in_use.saturating_add(length) > limits.memory {
            return Ok(Answer::Later);
        }
        let bytes = match &self.source {
            Source::Folder(_) => {
                crate::transfer::read_file(Path::new(&name), limits.picture_bytes)?
            }
            Source::Database(database) => match database.bytes(number)? {
                Some(bytes) => bytes,
                None => return Ok(Answer::Picture(Arc::clone(&self.not_found))),
            },
        };
        if self.re_encode {
            drop(shared);
            let jpeg = pixels::jpeg(&pixels::decode(&bytes, &name)?)?;
            let held = Held::new(jpeg, Some(name), None, &self.held);
            return Ok(Answer::Picture(Arc::new(held)));
        }
        let held = Arc::new(Held::new(bytes, Some(name), sha256, &self.held));
        shared.retain(|_, held| held.strong_count() > 0);
        shared.insert(number, Arc::downgrade(&held));
        Ok(Answer::Picture(held))
    }
}

/// The picture files of a folder, in natural order.
///
/// # Errors
/// [`Error::Read`], [`Error::NoPictures`].
pub fn pictures_of(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = |source| Error::Read {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.is_file() && is_picture(&path)? {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::NoPictures {
            path: folder.to_owned(),
        });
    }
    files.sort_by_cached_key(|path| natural::natural(&path.to_string_lossy()));
    Ok(files)
}

/// The pictures that a list names, in its order.
///
/// # Errors
/// [`Error::Read`], [`Error::NoPictures`].
pub fn listed_in(list: &Path, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let text = crate::transfer::read_file(list, LONGEST_LIST)?;
    let text = String::from_utf8_lossy(&text);
    let mut files = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let path = folder.join(line);
        // Whether it is there is said now, not when somebody chooses it.
        head(&path, 1)?;
        files.push(path);
    }
    if files.is_empty() {
        return Err(Error::NoPictures {
            path: list.to_owned(),
        });
    }
    Ok(files)
}

/// Takes the picture out that says "not found" by its name (`notfound.jpg`, `not-found.png`): the original catalogue keeps
/// its own beside the pictures.
pub fn take_not_found(files: &mut Vec<PathBuf>) -> Option<PathBuf> {
    let says_so = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let letters = stem.chars().filter(|letter| letter.is_alphanumeric());
        letters.flat_map(char::to_lowercase).eq("notfound".chars())
    };
    // Alone it is a picture as any other.
    let index = files.iter().position(says_so).filter(|_| files.len() > 1)?;
    Some(files.remove(index))
}

fn head(path: &Path, bytes: u64) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(bytes).read_to_end(&mut head));
    match read {
        Ok(_) => Ok(head),
        Err(source) => Err(Error::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn is_picture(path: &Path) -> Result<bool, Error> {
    let head = head(path, SNIFF_BYTES as u64)?;
    Ok(matches!(sniff(&head), Sniff::Is(_)))
}

fn listed(number: u64, path: &Path) -> Result<Listed, Error> {
    let head = head(path, HEAD)?;
    let known = match sniff(head.get(..SNIFF_BYTES).unwrap_or(&head)) {
        Sniff::Is(format) => {
            let mut walker = Walker::new(format);
            walker.update(&head);
            Some(walker.info())
        }
        _ => None,
    };
    Ok(Listed {
        number,
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        format: known.map(|info| info.format),
        width: known.and_then(|info| info.width),
        height: known.and_then(|info| info.height),
        bytes: fs::metadata(path).map_or(head.len() as u64, |metadata| metadata.len()),
        sha256: String::new(),
    })
}

/// The file of a choice: a number, else a name. A name from a client is compared and never opened.
fn chosen<'f>(files: &'f [PathBuf], choice: &str) -> Option<(u64, &'f Path)> {
    let choice = choice.trim();
    let index = match choice.parse::<usize>() {
        Ok(number) => number.checked_sub(1).filter(|&index| index < files.len()),
        Err(_) => None,
    };
    let index = index.or_else(|| {
        files
            .iter()
            .position(|path| path.file_name().is_some_and(|name| name == choice))
    })?;
    let path = files.get(index)?;
    Some((u64::try_from(index).ok()?.saturating_add(1), path))
}

/// Answers choices until it is told to end, or `count` were answered.
///
/// # Errors
/// When nothing more can be accepted. What goes wrong with one client is told and does not end the server.
pub fn run(
    listener: &TcpListener,
    catalog: &Catalog,
    count: Option<u64>,
    session: &Session<'_>,
) -> Result<(), Error> {
    let session = &session.within();
    let tally = Tally::new(session, count);
    tell_listening(listener, session);
    reactor::serve(listener, session, |local, peer| {
        dialogue::Asking::new(catalog, session, &tally, local, peer)
    })
}

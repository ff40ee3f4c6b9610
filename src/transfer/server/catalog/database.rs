//! A catalogue in an embedded database: one file of `SQLite`.
//!
//! Pictures keep the number that they were given when they were added; the number of one that was removed is not given
//! again. What is stored are the bytes of the file, unchanged.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use super::listing::Listed;
use crate::picture::{Format, SNIFF_BYTES, Sniff, Status, Walker, sniff};
use crate::transfer::incoming::hex;
use crate::transfer::{Error, Limits, now, read_file};

/// `imgn`: says in the file's header whose it is.
const APPLICATION: i32 = 0x696d_676e;
/// Version of the tables.
const VERSION: i32 = 1;

/// As `SQLite` keeps it behind `CREATE TABLE`.
const TABLE: &str = "pictures (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL UNIQUE,
    format TEXT NOT NULL,
    width  INTEGER,
    height INTEGER,
    sha256 TEXT NOT NULL,
    added  TEXT NOT NULL,
    bytes  BLOB NOT NULL
)";

/// Bytes that a row takes in the file at least.
const LEAST_ROW: u64 = 16;

const COLUMNS: &str = "number, name, format, width, height, sha256, length(bytes)";

/// Waits a moment while another program has the file locked, ten seconds in all, and says so once.
fn wait(times: i32) -> bool {
    const MOMENT: Duration = Duration::from_millis(100);
    if times == 10 {
        // Where this cannot be written, the wait goes on all the same.
        let _ = writeln!(
            std::io::stderr().lock(),
            "imgnet-server: the catalogue is locked by another program; waiting up to 10 s for it"
        );
    }
    std::thread::sleep(MOMENT);
    times < 100
}

/// Whether the file holds the table that was made for it, and nothing that would compute as it is read: a view of that name
/// could go on without end, a column could be made up from a few bytes.
fn is_as_made(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema LIMIT 4")?;
    let mut rows = statement.query([])?;
    let mut found = false;
    while let Some(row) = rows.next()? {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        let sql: Option<String> = row.get(2)?;
        match (&*kind, &*name) {
            ("table", "pictures") => {
                found = sql.is_some_and(|sql| sql.strip_prefix("CREATE TABLE ") == Some(TABLE));
            }
            ("table", "sqlite_sequence") | ("index", "sqlite_autoindex_pictures_1") => {}
            _ => return Ok(false),
        }
    }
    Ok(found)
}

/// What adding a picture did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is new, under this number.
    New(u64),
    /// It takes the place of another one of its name.
    Replaced(u64),
    /// It was there already.
    Same(u64),
}

/// The catalogue's file.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Database {
    /// Opens the file; makes it if it is not there.
    ///
    /// # Errors
    /// [`Error::Database`] when it cannot be opened, or is no catalogue.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Database {
            path: path.to_owned(),
            source,
        };
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_handler(Some(wait)).map_err(failed)?;
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        let application = pragma("application_id").map_err(failed)?;
        let version = pragma("user_version").map_err(failed)?;
        match (application, version) {
            (APPLICATION, VERSION) => {
                if !is_as_made(&connection).map_err(failed)? {
                    return Err(Error::NotACatalog {
                        path: path.to_owned(),
                    });
                }
            }
            (0, 0) => {
                let tables: i64 = connection
                    .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
                    .map_err(failed)?;
                if tables > 0 {
                    return Err(Error::NotACatalog {
                        path: path.to_owned(),
                    });
                }
                connection
                    .execute_batch(&format!("CREATE TABLE IF NOT EXISTS {TABLE}"))
                    .map_err(failed)?;
                let set = |name, value| connection.pragma_update(None, name, value);
                set("application_id", APPLICATION).map_err(failed)?;
                set("user_version", VERSION).map_err(failed)?;
            }
            _ => {
                return Err(Error::NotACatalog {
                    path: path.to_owned(),
                });
            }
        }
        Ok(Self {
            path: path.to_owned(),
            connection: Mutex::new(connection),
        })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> Error + '_ {
        |source| Error::Database {
            path: self.path.clone(),
            source,
        }
    }

    /// Adds the picture of a file under the file's name.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::TooLarge`], [`Error::NotAPicture`] for what is no whole picture, [`Error::Database`].
    pub fn add_file(&self, path: &Path, limits: &Limits) -> Result<Added, Error> {
        // A pipe or a device would be waited for without end, or give bytes without end.
        let special =
            std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
        if special {
            return Err(Error::Read {
                path: path.to_owned(),
                source: std::io::Error::new(
                    std::io::ErrorKind::InvalidInput,
                    "is no regular file but a pipe, a socket or a device; name a file with a picture",
                ),
            });
        }
        let bytes = read_file(path, limits.picture_bytes)?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let refused = |problem| Error::NotAPicture {
            path: path.to_owned(),
            problem,
        };
        let known = examine(&bytes, limits.pixels).map_err(refused)?;
        self.add(&name.to_string_lossy(), &bytes, &known)
    }

    fn add(&self, name: &str, bytes: &[u8], known: &Known) -> Result<Added, Error> {
        let sha256 = hex(Sha256::new_with_prefix(bytes));
        let mut connection = self.connection();
        let transaction = connection.transaction().map_err(self.failed())?;
        let there: Option<(u64, String)> = transaction
            .query_row(
                "SELECT number, sha256 FROM pictures WHERE name = ?1",
                [name],
                |row| Ok((number(row, 0)?, row.get(1)?)),
            )
            .optional()
            .map_err(self.failed())?;
        let values = params![
            name,
            known.format.name(),
            known.width,
            known.height,
            sha256,
            now().to_string(),
            bytes
        ];
        let added = match there {
            Some((number, old)) if old == sha256 => Added::Same(number),
            Some((number, _)) => {
                transaction
                    .execute(
                        "UPDATE pictures SET format = ?2, width = ?3, height = ?4, sha256 = ?5, added = ?6, bytes = ?7 \
                         WHERE name = ?1",
                        values,
                    )
                    .map_err(self.failed())?;
                Added::Replaced(number)
            }
            None => {
                transaction
                    .execute(
                        "INSERT INTO pictures (name, format, width, height, sha256, added, bytes) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                        values,
                    )
                    .map_err(self.failed())?;
                let number = transaction.last_insert_rowid();
                Added::New(u64::try_from(number).unwrap_or(0))
            }
        };
        transaction.commit().map_err(self.failed())?;
        Ok(added)
    }

    /// Removes a picture, and says whether it was there.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn remove(&self, choice: &str) -> Result<Option<Listed>, Error> {
        let Some(listed) = self.find(choice)? else {
            return Ok(None);
        };
        self.connection()
            .execute(
                "DELETE FROM pictures WHERE number = ?1",
                [signed(listed.number)],
            )
            .map_err(self.failed())?;
        Ok(Some(listed))
    }

    /// All pictures, by number.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let connection = self.connection();
        let mut statement = connection
            .prepare(&format!("SELECT {COLUMNS} FROM pictures ORDER BY number"))
            .map_err(self.failed())?;
        let rows = statement.query_map([], listed).map_err(self.failed())?;
        // In a damaged file many branches of the tree can lead to the same leaf: more rows than the file has room for.
        let room = std::fs::metadata(&self.path).map_or(0, |file| file.len() / LEAST_ROW);
        let mut all = Vec::new();
        for row in rows {
            if all.len() as u64 > room {
                return Err(Error::NotACatalog {
                    path: self.path.clone(),
                });
            }
            all.push(row.map_err(self.failed())?);
        }
        Ok(all)
    }

    /// The picture of a choice: a number, else a name. A name of digits alone is found only where no picture has that
    /// number.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn find(&self, choice: &str) -> Result<Option<Listed>, Error> {
        let connection = self.connection();
        let choice = choice.trim();
        if let Ok(number) = choice.parse::<u64>() {
            let found = connection
                .prepare(&format!("SELECT {COLUMNS} FROM pictures WHERE number = ?1"))
                .and_then(|mut statement| statement.query_row([signed(number)], listed).optional())
                .map_err(self.failed())?;
            if found.is_some() {
                return Ok(found);
            }
        }
        connection
            .prepare(&format!("SELECT {COLUMNS} FROM pictures WHERE name = ?1"))
            .and_then(|mut statement| statement.query_row([choice], listed).optional())
            .map_err(self.failed())
    }

    /// The bytes of a picture, as they were added; absent when it was removed meanwhile.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn bytes(&self, number: u64) -> Result<Option<Vec<u8>>, Error> {
        self.connection()
            .prepare("SELECT bytes FROM pictures WHERE number = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([signed(number)], |row| row.get(0))
                    .optional()
            })
            .map_err(self.failed())
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let format: String = row.get(2)?;
    Ok(Listed {
        number: number(row, 0)?,
        name: row.get(1)?,
        format: serde_json::from_value(format.into()).ok(),
        width: row.get(3)?,
        height: row.get(4)?,
        sha256: row.get(5)?,
        bytes: number(row, 6)?,
    })
}

/// What a picture file says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) format: Format,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
}

/// What these bytes are, or why they are no picture for a catalogue.
pub(super) fn examine(bytes: &[u8], most_pixels: u64) -> Result<Known, String> {
    let Sniff::Is(format) = sniff(bytes.get(..SNIFF_BYTES).unwrap_or(bytes)) else {
        return Err("it is no JPEG, PNG, GIF, WebP or BMP by its first bytes".to_owned());
    };
    let mut walker = Walker::new(format);
    walker.update(bytes);
    match walker.status() {
        Status::Whole { .. } => {}
        Status::Broken { .. } => return Err(format!("the picture is {}", walker.status())),
        Status::Walking => {
            let stops = walker.awaited().map(|awaited| format!(" {awaited}"));
            return Err(format!("the picture stops{}", stops.unwrap_or_default()));
        }
    }
    let info = walker.info();
    let pixels = info
        .width
        .zip(info.height)
        .map(|(width, height)| u64::from(width).saturating_mul(u64::from(height)));
    if pixels.is_some_and(|pixels| pixels > most_pixels) {
        return Err(format!(
            "more pixels than the limit of {most_pixels}: --max-pixels raises it"
        ));
    }
    Ok(Known {
        format,
        width: info.width,
        height: info.height,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::synth;

    fn jpeg(seed: u64) -> Vec<u8> {
        synth::picture(seed, 40, 30, Format::Jpeg).unwrap()
    }

    #[test]
    fn pictures_keep_their_numbers_and_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let path = folder.path().join("catalog.db");
        let limits = Limits::default();
        let add = |database: &Database, name: &str, bytes: &[u8]| {
            database.add_file(&file(name, bytes), &limits)
        };
        let database = Database::open(&path).unwrap();
        assert_eq!(add(&database, "a.jpg", &jpeg(1)).unwrap(), Added::New(1));
        assert_eq!(add(&database, "b.jpg", &jpeg(2)).unwrap(), Added::New(2));
        assert_eq!(add(&database, "b.jpg", &jpeg(2)).unwrap(), Added::Same(2));
        assert_eq!(
            add(&database, "b.jpg", &jpeg(3)).unwrap(),
            Added::Replaced(2)
        );
        assert!(database.remove("b.jpg").unwrap().is_some());
        assert!(database.remove("b.jpg").unwrap().is_none());
        drop(database);
        let database = Database::open(&path).unwrap();
        assert_eq!(add(&database, "2", &jpeg(4)).unwrap(), Added::New(3));
        let listed = database.list().unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(
            (listed[0].width, listed[0].height, listed[0].format),
            (Some(40), Some(30), Some(Format::Jpeg))
        );
        assert_eq!(database.bytes(1).unwrap().unwrap(), jpeg(1));
        assert_eq!(database.find(" 3\n").unwrap().unwrap().name, "2");
        // No picture has the number 2 any more, so it is a name.
        assert_eq!(database.find("2").unwrap().unwrap().number, 3);
        assert!(
            database
                .find("'; DROP TABLE pictures; --")
                .unwrap()
                .is_none()
        );
        let cut = add(&database, "cut.jpg", &jpeg(5)[..300]).unwrap_err();
        assert!(cut.told().contains("the picture stops"), "{}", cut.told());
        assert!(add(&database, "text.jpg", b"hello").is_err());
    }

    #[test]
    fn other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE mine (a)").unwrap();
        assert!(matches!(
            Database::open(&path),
            Err(Error::NotACatalog { .. })
        ));
        let text = folder.path().join("text");
        std::fs::write(&text, [b'x'; 2000]).unwrap();
        assert!(Database::open(&text).is_err());
    }
}

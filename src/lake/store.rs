//! The lake as a store of objects: where each table of a unit lies, and how it comes there whole.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, WriteMultipart,
};
use tokio::runtime::Runtime;

use super::compact::Joined;
use super::error::Error;
use super::file::{Made, TableFile};
use super::unit::{Identified, Identity};
use crate::report::tables::{self, Table};

/// Larger tables are sent in parts of this size.
const PART: usize = 8 << 20;
/// What says which tables these are.
const ABOUT: &str = "imgnet-lake.json";

/// A folder or an object store with tables.
pub(crate) struct Lake {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Where in the store the lake begins.
    pub(super) root: Path,
    pub(super) name: String,
    /// The folder, where it is one.
    pub(super) folder: Option<PathBuf>,
    pub(super) runtime: Runtime,
    /// What was read of joined files: it never changes.
    pub(super) joined: RefCell<BTreeMap<Path, Rc<Joined>>>,
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It was put there, with so many rows in all.
    Written {
        /// Rows.
        rows: u64,
        /// Bytes of its files.
        bytes: u64,
    },
    /// It was there, or another one put it there at the same time.
    Present,
}

/// The folder that is meant by a lake's name; absent where it is an object store.
pub(crate) fn folder(target: &str) -> Option<PathBuf> {
    if target.contains("://") {
        url::Url::parse(target).ok()?.to_file_path().ok()
    } else {
        Some(PathBuf::from(target))
    }
}

/// Makes the folder of a lake where it is not there yet.
///
/// # Errors
/// Where it cannot be made.
pub(crate) fn make(target: &str, folder: &std::path::Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|error| Error::NoLake {
        lake: target.to_owned(),
        reason: error.to_string(),
    })
}

impl Lake {
    /// Opens a lake: a folder, or the URL of an object store, with its credentials in the environment. `create` makes it
    /// where it is not there yet.
    ///
    /// # Errors
    /// What cannot be opened, or holds something else.
    pub(crate) fn open(target: &str, create: bool) -> Result<Self, Error> {
        let no = |reason: String| Error::NoLake {
            lake: target.to_owned(),
            reason,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| no(error.to_string()))?;
        let folder = folder(target);
        let (store, root): (Arc<dyn ObjectStore>, _) = if target.contains("://") {
            let url = url::Url::parse(target).map_err(|error| no(error.to_string()))?;
            let (store, root) = object_store::parse_url_opts(&url, std::env::vars())
                .map_err(|error| no(format!("{error}; this imgnet opens folders and what its build of object_store knows")))?;
            (Arc::from(store), root)
        } else {
            if create {
                make(target, std::path::Path::new(target))?;
            }
            let store =
                LocalFileSystem::new_with_prefix(target).map_err(|error| no(error.to_string()))?;
            (Arc::new(store), Path::default())
        };
        let lake = Self {
            store,
            root,
            name: target.to_owned(),
            folder,
            runtime,
            joined: RefCell::default(),
        };
        lake.introduce(create)?;
        Ok(lake)
    }

    /// Says which tables these are, or makes sure that it is these.
    fn introduce(&self, create: bool) -> Result<(), Error> {
        let about = self.root.clone().join(ABOUT);
        let no = |reason: String| Error::NoLake {
            lake: self.name.clone(),
            reason,
        };
        let found = self
            .runtime
            .block_on(async { self.store.get(&about).await?.bytes().await });
        match found {
            Ok(found) => {
                let found: serde_json::Value = serde_json::from_slice(&found).unwrap_or_default();
                let schema = found.get("schema").and_then(serde_json::Value::as_str);
                if schema == Some(tables::SCHEMA) {
                    return Ok(());
                }
                Err(no(format!(
                    "its {ABOUT} says {}, and this imgnet writes {}",
                    schema.unwrap_or("nothing"),
                    tables::SCHEMA
                )))
            }
            Err(object_store::Error::NotFound { .. }) if create => {
                let text = serde_json::to_vec_pretty(&description()).unwrap_or_default();
                self.create(&about, text).map(|_| ())
            }
            Err(object_store::Error::NotFound { .. }) => {
                Err(no(format!("no lake: it has no {ABOUT}")))
            }
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Where a table of a unit lies.
    pub(super) fn place(&self, table: Table, identity: &Identity) -> Path {
        self.partition(table, &identity.date, &identity.host)
            .join(format!("{}.parquet", identity.unit))
    }

    /// The folder of a table's files of one day and host.
    pub(super) fn partition(&self, table: Table, date: &str, host: &str) -> Path {
        self.table(table)
            .join(format!("date={date}"))
            .join(format!("host={host}"))
    }

    /// The folder of a table.
    pub(super) fn table(&self, table: Table) -> Path {
        self.root.clone().join(format!("table={}", table.name()))
    }

    /// Whether all tables of a unit are there; that of packets only where it is asked for.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn has(&self, identity: &Identity, packets: bool) -> Result<bool, Error> {
        if self.compacted(identity)? {
            return Ok(true);
        }
        let wanted = [Table::Captures, Table::Packets];
        for table in wanted.into_iter().take(if packets { 2 } else { 1 }) {
            if !self.exists(&self.place(table, identity))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn exists(&self, path: &Path) -> Result<bool, Error> {
        match self.runtime.block_on(self.store.head(path)) {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Puts a unit's tables there: first all others, over what an interrupted run may have left, then `captures`, unless it is
    /// there by then. Killed at any moment it leaves either no row of `captures` or everything.
    ///
    /// # Errors
    /// A table that cannot be made or stored.
    pub(crate) fn put(&self, unit: &Identified, tables: Vec<TableFile>) -> Result<Put, Error> {
        let identity = &unit.identity;
        let mut made = tables
            .into_iter()
            .map(TableFile::finish)
            .collect::<Result<Vec<_>, _>>()?;
        made.sort_by_key(|made| made.table);
        // Before the unit counts: a file of it that comes again, in a set that has grown, must be known then.
        self.mark(unit)?;
        let (mut rows, mut bytes, mut put) = (0, 0, true);
        for table in made {
            rows += table.rows;
            bytes += table.bytes;
            let place = self.place(table.table, identity);
            if table.table == Table::Captures {
                put = self.create(&place, read(table)?)?;
            } else {
                self.write(&place, table)?;
            }
        }
        // Joined with others in the meantime, by whoever was first: what was just put is there already.
        if self.compacted(identity)? {
            self.forget(identity)?;
            return Ok(Put::Present);
        }
        Ok(if put {
            Put::Written { rows, bytes }
        } else {
            Put::Present
        })
    }

    /// Removes the files of a unit, `captures` first: from then on nothing of it counts.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn forget(&self, identity: &Identity) -> Result<u64, Error> {
        let mut removed = 0;
        for table in Table::ALL.into_iter().rev() {
            removed += u64::from(self.remove(&self.place(table, identity))?);
        }
        Ok(removed)
    }

    /// Writes an object over whatever is there; whole or not at all.
    pub(super) fn write(&self, place: &Path, mut made: Made) -> Result<(), Error> {
        if made.bytes <= PART as u64 {
            let payload = PutPayload::from(read(made)?);
            let put = self.runtime.block_on(self.store.put(place, payload));
            return put.map(|_| ()).map_err(|source| self.failed(source));
        }
        let upload = self.runtime.block_on(self.store.put_multipart(place));
        let mut upload = WriteMultipart::new_with_chunk_size(
            upload.map_err(|source| self.failed(source))?,
            PART,
        );
        let mut part = vec![0; PART];
        loop {
            let read = made.file.read(&mut part).map_err(Error::Spool)?;
            match part.get(..read) {
                None | Some([]) => break,
                Some(bytes) => self.runtime.block_on(async {
                    upload.wait_for_capacity(2).await?;
                    upload.write(bytes);
                    Ok(())
                }),
            }
            .map_err(|source| self.failed(source))?;
        }
        let finished = self.runtime.block_on(upload.finish());
        finished.map(|_| ()).map_err(|source| self.failed(source))
    }

    /// Writes an object unless there is one; says whether it did.
    pub(super) fn create(&self, place: &Path, bytes: Vec<u8>) -> Result<bool, Error> {
        let put = self
            .store
            .put_opts(place, PutPayload::from(bytes), PutMode::Create.into());
        match self.runtime.block_on(put) {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Removes an object, if it is there.
    pub(super) fn remove(&self, place: &Path) -> Result<bool, Error> {
        if !self.exists(place)? {
            return Ok(false);
        }
        match self.runtime.block_on(self.store.delete(place)) {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// All objects below a place.
    pub(super) fn list(&self, below: &Path) -> Result<Vec<ObjectMeta>, Error> {
        let listed = self.store.list(Some(below)).try_collect();
        let mut listed: Vec<ObjectMeta> = self
            .runtime
            .block_on(listed)
            .map_err(|source| self.failed(source))?;
        listed.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(listed)
    }

    /// The bytes of an object; absent where there is none.
    pub(super) fn bytes(&self, place: &Path) -> Result<Option<Vec<u8>>, Error> {
        let read = self
            .runtime
            .block_on(async { self.store.get(place).await?.bytes().await });
        match read {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// What it was called when it was opened.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn failed(&self, source: object_store::Error) -> Error {
        Error::Store {
            lake: self.name.clone(),
            source,
        }
    }
}

fn read(mut made: Made) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    made.file.read_to_end(&mut bytes).map_err(Error::Spool)?;
    Ok(bytes)
}

/// What a lake says of itself: its tables and their columns, for readers that do not know imgnet.
pub(crate) fn description() -> serde_json::Value {
    let tables = Table::ALL.into_iter().map(|table| {
        let columns = tables::columns(table).iter().map(|column| {
            serde_json::json!({
                "name": column.name, "unit": column.unit, "report": column.report, "description": column.description,
            })
        });
        let columns: Vec<_> = columns.collect();
        serde_json::json!({"name": table.name(), "row": table.row(), "columns": columns})
    });
    serde_json::json!({"schema": tables::SCHEMA, "tables": tables.collect::<Vec<_>>()})
}

//! Joining: the small files of many units of one day and host become one file a table.
//!
//! What is joined counts from one moment on: when `joined/date=…/host=…/DIGEST.json` appears, which names the units. Until then
//! the new files lie beside it, where nobody who reads `table=…` finds them; from then on the small ones do not count, and
//! whoever comes by, after a kill for instance, finishes: removes those and moves the new ones to their place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::rc::Rc;

use arrow_array::{RecordBatch, TimestampNanosecondArray, new_null_array};
use arrow_schema::SchemaRef;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::batch::schema;
use super::error::Error;
use super::file::{Made, properties};
use super::store::Lake;
use super::unit::{Identity, together};
use crate::report::tables::Table;

/// Larger files are left alone.
const SMALL: u64 = 16 << 20;
/// Units are joined until they have so much together.
const FULL: u64 = 128 << 20;
/// Rows read at once.
const BATCH: usize = 8192;

/// What was joined once: the content of `joined/…/DIGEST.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joined {
    /// `imgnet/joined/v1`.
    schema: String,
    /// The units, sorted.
    pub(super) units: Vec<String>,
    /// Earlier ones that this one contains.
    #[serde(default)]
    pub(super) replaces: Vec<String>,
}

/// What joining came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Compacted {
    /// Units that were joined.
    pub(crate) units: u64,
    /// Files that they had.
    pub(crate) before: u64,
    /// Files that they have now.
    pub(crate) after: u64,
}

/// Day and host.
type Partition = (String, String);

/// What can be joined: a unit alone, or what was joined before and is still small.
struct Member {
    name: String,
    units: Vec<String>,
    joined: bool,
    started: Option<i64>,
    bytes: u64,
    files: u64,
}

impl Lake {
    fn joined_in(&self, (date, host): &Partition) -> Path {
        self.root
            .clone()
            .join("joined")
            .join(format!("date={date}"))
            .join(format!("host={host}"))
    }

    /// All that was joined of a day and host, by its digest.
    pub(super) fn joins(
        &self,
        partition: &Partition,
    ) -> Result<BTreeMap<String, Rc<Joined>>, Error> {
        let mut joins = BTreeMap::new();
        let folder = self.joined_in(partition);
        let listed = self
            .runtime
            .block_on(self.store.list_with_delimiter(Some(&folder)));
        let listed = match listed {
            Ok(listed) => listed.objects,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(source) => return Err(self.failed(source)),
        };
        for found in listed {
            let Some(digest) = found
                .location
                .filename()
                .and_then(|name| name.strip_suffix(".json"))
            else {
                continue;
            };
            let known = self.joined.borrow().get(&found.location).cloned();
            let joined = if let Some(known) = known {
                known
            } else {
                let bytes = self.bytes(&found.location)?.unwrap_or_default();
                let Ok(joined) = serde_json::from_slice::<Joined>(&bytes) else {
                    continue;
                };
                let joined = Rc::new(joined);
                self.joined
                    .borrow_mut()
                    .insert(found.location.clone(), joined.clone());
                joined
            };
            joins.insert(digest.to_owned(), joined);
        }
        Ok(joins)
    }

    /// Whether a unit stands in a joined file.
    pub(super) fn compacted(&self, identity: &Identity) -> Result<bool, Error> {
        let joins = self.joins(&(identity.date.clone(), identity.host.clone()))?;
        Ok(joins
            .values()
            .any(|joined| joined.units.binary_search(&identity.unit).is_ok()))
    }

    /// Days and hosts of the lake.
    pub(super) fn partitions(&self) -> Result<BTreeSet<Partition>, Error> {
        let mut partitions = BTreeSet::new();
        let below = |path: &Path| {
            let listed = self
                .runtime
                .block_on(self.store.list_with_delimiter(Some(path)));
            match listed {
                Ok(listed) => Ok(listed.common_prefixes),
                Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
                Err(source) => Err(self.failed(source)),
            }
        };
        for date in below(&self.table(Table::Captures))? {
            for host in below(&date)? {
                let value =
                    |path: &Path, key: &str| Some(path.filename()?.strip_prefix(key)?.to_owned());
                if let (Some(date), Some(host)) = (value(&date, "date="), value(&host, "host=")) {
                    partitions.insert((date, host));
                }
            }
        }
        Ok(partitions)
    }

    /// Joins small files of each day and host. One at a time.
    ///
    /// # Errors
    /// Those of the store; another one that joins at the same time.
    pub(crate) fn compact(&self) -> Result<Compacted, Error> {
        let _lock = self.lock()?;
        let mut sum = Compacted::default();
        for partition in self.partitions()? {
            self.finish_joins(&partition)?;
            let mut members = self.members(&partition)?;
            members.sort_by(|a, b| (a.started, &a.name).cmp(&(b.started, &b.name)));
            let mut group: Vec<Member> = Vec::new();
            let mut bytes = 0;
            for member in members {
                bytes += member.bytes;
                group.push(member);
                if bytes >= FULL {
                    self.join(&partition, &std::mem::take(&mut group), &mut sum)?;
                    bytes = 0;
                }
            }
            self.join(&partition, &group, &mut sum)?;
        }
        Ok(sum)
    }

    fn lock(&self) -> Result<Lock<'_>, Error> {
        let busy = |reason: String| Error::NoLake {
            lake: self.name.clone(),
            reason,
        };
        if let Some(folder) = &self.folder {
            let path = folder.join(".imgnet-lake.lock");
            let file = File::create(&path).map_err(|error| busy(error.to_string()))?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)
                .map_err(|_| busy("another --compact or --prune is at work".to_owned()))?;
            return Ok(Lock {
                _file: Some(file),
                remote: None,
            });
        }
        let place = self.root.clone().join("joined").join("lock");
        if self.create(&place, Vec::new())? {
            return Ok(Lock {
                _file: None,
                remote: Some((self, place)),
            });
        }
        Err(busy(format!(
            "another --compact or --prune is at work; if none is, remove {place}"
        )))
    }

    /// What can be joined.
    fn members(&self, partition: &Partition) -> Result<Vec<Member>, Error> {
        let (date, host) = partition;
        let joins = self.joins(partition)?;
        let mut sizes: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
        for table in Table::ALL {
            for found in self.list(&self.partition(table, date, host))? {
                if let Some(name) = found
                    .location
                    .filename()
                    .and_then(|name| name.strip_suffix(".parquet"))
                {
                    let size = sizes.entry(name.to_owned()).or_default();
                    *size = (size.0 + found.size, size.1.max(found.size), size.2 + 1);
                }
            }
        }
        let mut members = Vec::new();
        for (name, (bytes, largest, files)) in sizes {
            let joined = joins.get(&name);
            let captures = self
                .partition(Table::Captures, date, host)
                .join(format!("{name}.parquet"));
            if largest >= SMALL || !self.exists(&captures)? {
                continue;
            }
            let units = joined.map_or_else(|| vec![name.clone()], |joined| joined.units.clone());
            let started = self.started(&captures)?;
            members.push(Member {
                joined: joined.is_some(),
                name,
                units,
                started,
                bytes,
                files,
            });
        }
        Ok(members)
    }

    /// The first moment of a file of `captures`.
    fn started(&self, captures: &Path) -> Result<Option<i64>, Error> {
        let mut first = None;
        for batch in self.batches(captures)? {
            let moments = batch.column_by_name("started").and_then(|column| {
                column
                    .as_any()
                    .downcast_ref::<TimestampNanosecondArray>()
                    .cloned()
            });
            for moment in moments.iter().flatten().flatten() {
                first = Some(first.map_or(moment, |first: i64| first.min(moment)));
            }
        }
        Ok(first)
    }

    pub(super) fn batches(&self, place: &Path) -> Result<Vec<RecordBatch>, Error> {
        let failed = |source: ParquetError| Error::Table {
            name: place.to_string(),
            source,
        };
        let bytes = self
            .runtime
            .block_on(async { self.store.get(place).await?.bytes().await });
        let bytes = bytes.map_err(|source| self.failed(source))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(failed)?;
        let reader = reader.with_batch_size(BATCH).build().map_err(failed)?;
        reader
            .collect::<Result<Vec<_>, _>>()
            .map_err(ParquetError::from)
            .map_err(failed)
    }

    fn join(
        &self,
        partition: &Partition,
        members: &[Member],
        sum: &mut Compacted,
    ) -> Result<(), Error> {
        let (date, host) = partition;
        if members.len() < 2 {
            return Ok(());
        }
        let mut units: Vec<String> = members
            .iter()
            .flat_map(|member| member.units.clone())
            .collect();
        units.sort();
        units.dedup();
        let digest = together(&units);
        let place = self.joined_in(partition);
        let mut after = 0;
        for table in Table::ALL {
            let folder = self.partition(table, date, host);
            let mut writer = None;
            for member in members {
                let from = folder.clone().join(format!("{}.parquet", member.name));
                if self.exists(&from)? {
                    let batches = self.batches(&from)?;
                    let writer = match &mut writer {
                        Some(writer) => writer,
                        None => writer.insert(Writer::new(table)?),
                    };
                    for batch in &batches {
                        writer.write(batch)?;
                    }
                }
            }
            if let Some(writer) = writer {
                self.write(
                    &place
                        .clone()
                        .join(digest.as_str())
                        .join(format!("{}.parquet", table.name())),
                    writer.finish()?,
                )?;
                after += 1;
            }
        }
        let replaces = members
            .iter()
            .filter(|member| member.joined)
            .map(|member| member.name.clone());
        let joined = Joined {
            schema: "imgnet/joined/v1".to_owned(),
            units,
            replaces: replaces.collect(),
        };
        let text = serde_json::to_vec(&joined).unwrap_or_default();
        self.create(&place.join(format!("{digest}.json")), text)?;
        sum.units += joined.units.len() as u64;
        sum.before += members.iter().map(|member| member.files).sum::<u64>();
        sum.after += after;
        self.finish_joins(partition)?;
        Ok(())
    }

    /// Finishes what was decided: small files that are joined are removed, and the joined ones take their place.
    pub(super) fn finish_joins(&self, partition: &Partition) -> Result<u64, Error> {
        let (date, host) = partition;
        let place = self.joined_in(partition);
        let mut removed = 0;
        let joins = self.joins(partition)?;
        for (digest, joined) in &joins {
            for table in Table::ALL.into_iter().rev() {
                let folder = self.partition(table, date, host);
                for unit in joined
                    .units
                    .iter()
                    .chain(&joined.replaces)
                    .filter(|name| *name != digest)
                {
                    removed +=
                        u64::from(self.remove(&folder.clone().join(format!("{unit}.parquet")))?);
                }
                let waiting = place
                    .clone()
                    .join(digest.as_str())
                    .join(format!("{}.parquet", table.name()));
                if self.exists(&waiting)? {
                    let to = folder.join(format!("{digest}.parquet"));
                    let moved = self.runtime.block_on(self.store.rename(&waiting, &to));
                    moved.map_err(|source| self.failed(source))?;
                }
            }
        }
        for joined in joins.values() {
            for replaced in &joined.replaces {
                self.remove(&place.clone().join(format!("{replaced}.json")))?;
            }
        }
        Ok(removed)
    }
}

/// Held while files are joined.
struct Lock<'l> {
    _file: Option<File>,
    remote: Option<(&'l Lake, Path)>,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        if let Some((lake, place)) = &self.remote {
            // Whoever finds it later is told how to remove it.
            let _ = lake.remove(place);
        }
    }
}

/// A joined table in the making.
struct Writer {
    table: Table,
    schema: SchemaRef,
    parquet: ArrowWriter<File>,
    rows: u64,
}

impl Writer {
    fn new(table: Table) -> Result<Self, Error> {
        let schema = schema(table);
        let file = tempfile::tempfile().map_err(Error::Spool)?;
        let writer = ArrowWriter::try_new(
            file,
            schema.clone(),
            Some(properties(table, &schema, false)?),
        );
        let writer = writer.map_err(|source| Error::Table {
            name: table.name().to_owned(),
            source,
        })?;
        Ok(Self {
            table,
            schema,
            parquet: writer,
            rows: 0,
        })
    }

    /// Adds rows that another version of imgnet may have written: columns that it did not know are unknown.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let failed = |source| Error::Table {
            name: self.table.name().to_owned(),
            source,
        };
        let columns = self.schema.fields().iter().map(|field| {
            batch
                .column_by_name(field.name())
                .cloned()
                .unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
        });
        let batch = RecordBatch::try_new(self.schema.clone(), columns.collect())
            .map_err(ParquetError::from)
            .map_err(failed)?;
        self.rows += batch.num_rows() as u64;
        self.parquet.write(&batch).map_err(failed)
    }

    fn finish(self) -> Result<Made, Error> {
        Made::of(self.table, self.parquet, self.rows)
    }
}

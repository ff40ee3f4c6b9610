//! What of a lake counts at this moment, as a store of its own: what does not count is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::{Path, PathPart};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};
use serde::Deserialize;

/// The tables that this program knows.
pub const SCHEMA: &str = "imgnet/lake/v1";

/// What counts.
#[derive(Debug, Clone)]
pub struct Snapshot {
    inner: Arc<dyn ObjectStore>,
    /// Under which name each file is read, where it lies, and what it is.
    files: BTreeMap<Path, (Path, ObjectMeta)>,
    /// Files of tables that do not count: of units that are not complete, or that stand in a joined file.
    passed_over: usize,
}

/// What says which units a joined file has.
#[derive(Debug, Deserialize)]
struct Joined {
    units: BTreeSet<String>,
    #[serde(default)]
    replaces: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct About {
    schema: String,
}

/// `table=…/date=…/host=…` and the name of a file.
fn parts(path: &Path) -> Option<(String, String, String)> {
    let parts: Vec<PathPart<'_>> = path.parts().collect();
    let [table, date, host, name] = parts.as_slice() else {
        return None;
    };
    let table = table.as_ref().strip_prefix("table=")?;
    let name = name.as_ref().strip_suffix(".parquet")?;
    Some((
        table.to_owned(),
        format!("{}/{}", date.as_ref(), host.as_ref()),
        name.to_owned(),
    ))
}

impl Snapshot {
    /// Looks at a lake whose store begins where the lake does.
    pub async fn of(inner: Arc<dyn ObjectStore>) -> anyhow::Result<Self> {
        let about = match inner.get(&Path::from("imgnet-lake.json")).await {
            Ok(about) => about.bytes().await?,
            Err(Error::NotFound { .. }) => {
                bail!("no lake: it has no imgnet-lake.json; imgnet archive makes one")
            }
            Err(error) => return Err(error.into()),
        };
        let about: About = serde_json::from_slice(&about).context("imgnet-lake.json")?;
        if about.schema != SCHEMA {
            bail!(
                "its tables are {}, and this program reads {SCHEMA}",
                about.schema
            );
        }
        // What is joined is looked up before the tables: a file that is moved in between is seen in one place at least.
        let listed: Vec<ObjectMeta> = inner
            .list(Some(&Path::from("joined")))
            .try_collect()
            .await?;
        let mut joins: BTreeMap<(String, String), Joined> = BTreeMap::new();
        let mut waiting = Vec::new();
        for found in listed {
            let parts: Vec<String> = found
                .location
                .parts()
                .map(|part| part.as_ref().to_owned())
                .collect();
            match parts.as_slice() {
                [_, date, host, name] if name.ends_with(".json") => {
                    let bytes = inner.get(&found.location).await?.bytes().await?;
                    let joined = serde_json::from_slice(&bytes)
                        .with_context(|| found.location.to_string())?;
                    joins.insert(
                        (
                            format!("{date}/{host}"),
                            name.trim_end_matches(".json").to_owned(),
                        ),
                        joined,
                    );
                }
                [_, date, host, digest, table] => {
                    let table = table.trim_end_matches(".parquet").to_owned();
                    waiting.push((table, format!("{date}/{host}"), digest.clone(), found));
                }
                _ => {}
            }
        }
        let mut tables = Vec::new();
        let listed: Vec<ObjectMeta> = inner.list(None).try_collect().await?;
        for found in listed {
            if let Some((table, partition, name)) = parts(&found.location) {
                tables.push((table, partition, name, found));
            }
        }
        let whole: BTreeSet<(&str, &str)> = tables
            .iter()
            .filter(|(table, ..)| table == "captures")
            .map(|(_, partition, name, _)| (partition.as_str(), name.as_str()))
            .collect();
        let joined_away = |partition: &str, name: &str| {
            joins.iter().any(|((within, digest), joined)| {
                within == partition
                    && digest != name
                    && (joined.units.contains(name) || joined.replaces.contains(name))
            })
        };
        let mut files = BTreeMap::new();
        for (table, partition, digest, found) in waiting {
            let counts = joins.contains_key(&(partition.clone(), digest.clone()))
                && !joined_away(&partition, &digest);
            if counts {
                let place = Path::from(format!("table={table}/{partition}/{digest}.parquet"));
                files.insert(place, (found.location.clone(), found));
            }
        }
        for (_, partition, name, found) in &tables {
            let joined = joins.contains_key(&(partition.clone(), name.clone()));
            let complete = joined || whole.contains(&(partition.as_str(), name.as_str()));
            if complete && !joined_away(partition, name) {
                // Where it lies in both places it is the same file on its way.
                files.insert(
                    found.location.clone(),
                    (found.location.clone(), found.clone()),
                );
            }
        }
        let passed_over = tables
            .iter()
            .filter(|(.., found)| !files.contains_key(&found.location))
            .count();
        Ok(Self {
            inner,
            files,
            passed_over,
        })
    }

    /// Why whoever lists the store himself would not see what counts; `None` if he would.
    pub fn unfinished(&self) -> Option<String> {
        let moving = self
            .files
            .iter()
            .filter(|(place, (at, _))| *place != at)
            .count();
        (self.passed_over + moving > 0).then(|| {
            format!(
                "{} of its files do not count and {moving} are being joined",
                self.passed_over
            )
        })
    }

    /// Whether the same files are in it.
    pub fn equals(&self, other: &Self) -> bool {
        self.files == other.files && self.passed_over == other.passed_over
    }

    /// The tables that have files, each with its newest file.
    pub fn tables(&self) -> BTreeMap<String, Path> {
        let mut tables: BTreeMap<String, (&ObjectMeta, &Path)> = BTreeMap::new();
        for (place, (_, meta)) in &self.files {
            if let Some((table, ..)) = parts(place) {
                let newest = tables.entry(table).or_insert((meta, place));
                if newest.0.last_modified < meta.last_modified {
                    *newest = (meta, place);
                }
            }
        }
        tables
            .into_iter()
            .map(|(table, (_, place))| (table, place.clone()))
            .collect()
    }

    fn below(&self, prefix: Option<&Path>) -> Vec<ObjectMeta> {
        self.files
            .iter()
            .filter(|(place, _)| {
                prefix.is_none_or(|prefix| *place == prefix || place.prefix_match(prefix).is_some())
            })
            .map(|(place, (_, meta))| ObjectMeta {
                location: place.clone(),
                ..meta.clone()
            })
            .collect()
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lake({})", self.inner)
    }
}

fn read_only<T>() -> Result<T> {
    Err(Error::NotSupported {
        source: "a lake is only read here".into(),
    })
}

#[async_trait]
impl ObjectStore for Snapshot {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        read_only()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        read_only()
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.files.get(location) {
            Some((place, _)) => {
                let mut found = self.inner.get_opts(place, options).await?;
                // Stores name what they have by where it lies with them.
                found.meta.location = location.clone();
                Ok(found)
            }
            None => Err(Error::NotFound {
                path: location.to_string(),
                source: "it does not count".into(),
            }),
        }
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::once(async { read_only() }).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::iter(self.below(prefix).into_iter().map(Ok)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let depth = prefix.map_or(0, |prefix| prefix.parts().count());
        let mut result = ListResult {
            common_prefixes: Vec::new(),
            objects: Vec::new(),
        };
        let mut folders = BTreeSet::new();
        for meta in self.below(prefix) {
            let parts: Vec<PathPart<'_>> = meta.location.parts().collect();
            if parts.len() > depth + 1 {
                folders.insert(Path::from_iter(parts.into_iter().take(depth + 1)));
            } else {
                result.objects.push(meta);
            }
        }
        result.common_prefixes = folders.into_iter().collect();
        Ok(result)
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        read_only()
    }
}

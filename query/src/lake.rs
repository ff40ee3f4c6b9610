//! The lake as tables and views of DataFusion.

use std::path::Path as FsPath;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use url::Url;

use crate::snapshot::Snapshot;

/// The views, in SQL that other engines read too.
const VIEWS: &str = include_str!("../../docs/sql/views.sql");

/// What `--tables` asks.
pub const COLUMNS: &str = "SELECT table_name, column_name, data_type FROM information_schema.columns \
                           WHERE table_schema = 'public' AND table_name NOT LIKE 'every%' ORDER BY table_name, ordinal_position";

/// Under which name the snapshot is known to the engine.
const STORE: &str = "lake://lake/";

/// A lake as it is at one moment.
#[derive(Debug)]
pub struct Lake {
    snapshot: Snapshot,
    url: Url,
}

impl Lake {
    /// Looks at a lake: a folder, or the URL of an object store.
    ///
    /// # Errors
    /// No lake, or one that cannot be read.
    pub async fn of(target: &str) -> anyhow::Result<Self> {
        let (store, url): (Arc<dyn ObjectStore>, Url) = if target.contains("://") {
            let url = Url::parse(target)?;
            let (store, root) = object_store::parse_url_opts(&url, std::env::vars())?;
            (Arc::new(PrefixStore::new(store, root)), url)
        } else {
            if !FsPath::new(target).is_dir() {
                bail!("no such folder");
            }
            let folder = std::fs::canonicalize(target)?;
            let url = Url::from_directory_path(&folder)
                .map_err(|()| anyhow!("{} has no URL", folder.display()))?;
            (Arc::new(LocalFileSystem::new_with_prefix(folder)?), url)
        };
        let snapshot = Snapshot::of(store).await?;
        if !snapshot.tables().contains_key("captures") {
            bail!("no unit is in it yet");
        }
        Ok(Self { snapshot, url })
    }

    /// What of it counts.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Its tables and views, for this process: they have what the snapshot has.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub async fn context(&self) -> anyhow::Result<SessionContext> {
        let context = SessionContext::new_with_config(config());
        context.register_object_store(&Url::parse(STORE)?, Arc::new(self.snapshot.clone()));
        // A unit that another one replaces counts no more.
        let gone = "SELECT gone FROM (SELECT unnest(replaces) AS gone FROM every_captures) WHERE gone IS NOT NULL";
        self.register(&context, STORE, gone).await?;
        Ok(context)
    }

    /// Its tables and views, for engines that read the store themselves: they see all that lies there, so all of it must
    /// count ([`Snapshot::unfinished`]).
    ///
    /// # Errors
    /// A file that cannot be read.
    pub async fn spread(&self, context: &SessionContext) -> anyhow::Result<()> {
        let own = self.context().await?;
        let gone = "SELECT DISTINCT gone FROM (SELECT unnest(replaces) AS gone FROM every_captures) WHERE gone IS NOT NULL ORDER BY gone";
        let mut units = Vec::new();
        for batch in own.sql(gone).await?.collect().await? {
            let column = batch.column(0);
            let formatter = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::default())?;
            units.extend((0..batch.num_rows()).map(|row| format!("'{}'", formatter.value(row))));
        }
        let units = if units.is_empty() {
            "''".to_owned()
        } else {
            units.join(", ")
        };
        let base = format!("{}/", self.url.as_str().trim_end_matches('/'));
        self.register(context, &base, &units).await
    }

    async fn register(
        &self,
        context: &SessionContext,
        base: &str,
        gone: &str,
    ) -> anyhow::Result<()> {
        for (table, newest) in self.snapshot.tables() {
            let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
                .with_file_extension(".parquet")
                .with_table_partition_cols(vec![
                    ("date".to_owned(), DataType::Utf8),
                    ("host".to_owned(), DataType::Utf8),
                ]);
            // The newest file has every column that there is: they are added, never taken away.
            let newest = ListingTableUrl::parse(format!("{base}{newest}"))?;
            let schema = options.infer_schema(&context.state(), &newest).await?;
            let url = ListingTableUrl::parse(format!("{base}table={table}/"))?;
            let config = ListingTableConfig::new(url)
                .with_listing_options(options)
                .with_schema(schema);
            context.register_table(
                format!("every_{table}"),
                Arc::new(ListingTable::try_new(config)?),
            )?;
            run(
                context,
                &format!(
                    "CREATE VIEW {table} AS SELECT * FROM every_{table} WHERE unit NOT IN ({gone})"
                ),
            )
            .await?;
        }
        for view in statements(VIEWS) {
            run(context, &view).await?;
        }
        Ok(())
    }
}

/// How the tables are read.
pub fn config() -> SessionConfig {
    let mut config = SessionConfig::new().with_information_schema(true);
    let options = config.options_mut();
    // Footers are read once, with the rows: not all of them beforehand.
    options.execution.collect_statistics = false;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.schema_force_view_types = false;
    config
}

/// Single statements of a file; what stands behind `--` to the end of a line is for people.
fn statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    code.join("\n")
        .split(';')
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

async fn run(context: &SessionContext, sql: &str) -> anyhow::Result<()> {
    context.sql(sql).await.with_context(|| sql.to_owned())?;
    Ok(())
}

/// Asks: nothing is changed by it.
///
/// # Errors
/// More than one statement, SQL that cannot be run or that changes something.
pub async fn ask(context: &SessionContext, sql: &str, own: bool) -> anyhow::Result<DataFrame> {
    let sql = statements(sql);
    let [sql] = sql.as_slice() else {
        bail!("one statement at a time, and there are {}", sql.len());
    };
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(own);
    Ok(context.sql_with_options(sql, options).await?)
}

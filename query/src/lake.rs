//! The lake as tables and views of DataFusion.

use std::path::Path as FsPath;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use datafusion::arrow::datatypes::DataType;
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

/// Opens a lake.
pub async fn open(target: &str) -> anyhow::Result<SessionContext> {
    let store: Arc<dyn ObjectStore> = if target.contains("://") {
        let url = Url::parse(target)?;
        let (store, root) = object_store::parse_url_opts(&url, std::env::vars())?;
        Arc::new(PrefixStore::new(store, root))
    } else {
        if !FsPath::new(target).is_dir() {
            bail!("no such folder");
        }
        Arc::new(LocalFileSystem::new_with_prefix(target)?)
    };
    let snapshot = Snapshot::of(store).await?;
    let tables = snapshot.tables();
    if !tables.contains_key("captures") {
        bail!("no unit is in it yet");
    }
    let mut config = SessionConfig::new().with_information_schema(true);
    let options = config.options_mut();
    // Footers are read once, with the rows: not all of them beforehand.
    options.execution.collect_statistics = false;
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.schema_force_view_types = false;
    let context = SessionContext::new_with_config(config);
    context.register_object_store(&Url::parse(STORE)?, Arc::new(snapshot));
    for (table, newest) in tables {
        let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
            .with_file_extension(".parquet")
            .with_table_partition_cols(vec![
                ("date".to_owned(), DataType::Utf8),
                ("host".to_owned(), DataType::Utf8),
            ]);
        // The newest file has every column that there is: they are added, never taken away.
        let newest = ListingTableUrl::parse(format!("{STORE}{newest}"))?;
        let schema = options.infer_schema(&context.state(), &newest).await?;
        let url = ListingTableUrl::parse(format!("{STORE}table={table}/"))?;
        let config = ListingTableConfig::new(url)
            .with_listing_options(options)
            .with_schema(schema);
        context.register_table(
            format!("every_{table}"),
            Arc::new(ListingTable::try_new(config)?),
        )?;
        // A unit that another one replaces counts no more.
        run(&context, &format!(
            "CREATE VIEW {table} AS SELECT * FROM every_{table} WHERE unit NOT IN (SELECT gone FROM (SELECT unnest(replaces) AS gone FROM every_captures) WHERE gone IS NOT NULL)"
        )).await?;
    }
    for view in statements(VIEWS) {
        run(&context, &view).await?;
    }
    Ok(context)
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

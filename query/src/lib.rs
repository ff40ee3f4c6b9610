//! SQL over the tables that `imgnet archive` writes, by DataFusion.
//!
//! Only what counts is read: a unit without its row in `captures` is not complete, small files that were joined stand in
//! the joined one, and a unit that another one replaces is left out. So the answer is right at any moment, also while
//! somebody archives, joins or was killed at it.

pub mod lake;
pub mod output;
pub mod snapshot;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

/// SQL over a lake that imgnet archive wrote
#[derive(Debug, Parser)]
#[command(
    name = "imgnet query",
    version,
    after_help = "Tables: captures, streams, images, chunks, findings, and packets where they were asked for.\n\
                  Views: transfers, failures, by_sender, by_day, worst_chunks.\n\
                  docs/lake.md describes their columns, docs/sql has twenty questions with answers.\n\n\
                  Examples:\n  \
                  imgnet query lake 'SELECT verdict, count(*) FROM images GROUP BY 1'\n  \
                  imgnet query lake 'SELECT * FROM failures' --format csv\n  \
                  imgnet query lake 'SELECT * FROM transfers' --format parquet -o transfers.parquet\n\n\
                  Exit codes: 0 good; 2 usage, a lake that cannot be read, SQL that cannot be run.",
    max_term_width = 100
)]
pub struct Query {
    /// The lake: a folder, or the URL of an object store
    pub lake: String,

    /// The question
    #[arg(required_unless_present_any = ["file", "tables"], conflicts_with = "file")]
    pub sql: Option<String>,

    /// Read the question from FILE
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// List the tables, the views and their columns
    #[arg(long, conflicts_with_all = ["sql", "file"])]
    pub tables: bool,

    /// How to answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub format: Format,

    /// Ask a Ballista cluster instead of this process: the URL of its scheduler, as df://HOST:50050. The executors must
    /// see the lake under the same path. Needs the program imgnet-ballista (engines/README.md)
    #[arg(long, value_name = "URL", conflicts_with = "tables")]
    pub ballista: Option<String>,

    /// Give a cluster up after so many seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 600,
        requires = "ballista"
    )]
    pub timeout: u64,

    /// Write there instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// An array of objects
    Json,
    /// For spreadsheets
    Csv,
    /// For data frames
    Parquet,
}

impl Query {
    /// The question, from wherever it comes.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn question(&self) -> anyhow::Result<String> {
        Ok(match (&self.sql, &self.file) {
            (Some(sql), _) => sql.clone(),
            (None, Some(file)) => {
                std::fs::read_to_string(file).with_context(|| file.display().to_string())?
            }
            (None, None) => lake::COLUMNS.to_owned(),
        })
    }
}

/// Asks in this process.
///
/// # Errors
/// A lake that cannot be read, SQL that cannot be run, an output that cannot be written.
pub async fn answer(query: &Query) -> anyhow::Result<()> {
    let sql = query.question()?;
    let context = async { lake::Lake::of(&query.lake).await?.context().await }
        .await
        .with_context(|| query.lake.clone())?;
    let frame = lake::ask(&context, &sql, query.tables).await?;
    output::write(
        frame.execute_stream().await?,
        query.format,
        query.output.as_deref(),
    )
    .await
}

/// Runs what asks, and turns its end into an exit code.
pub fn exit(asked: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(asked));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has gone away: no error.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "imgnet query: {error:#}");
            ExitCode::from(2)
        }
    }
}

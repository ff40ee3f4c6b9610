//! `imgnet-query`: SQL over the tables that `imgnet archive` writes, by DataFusion, in this process.
//!
//! Only what counts is read: a unit without its row in `captures` is not complete, small files that were joined stand in
//! the joined one, and a unit that another one replaces is left out. So the answer is right at any moment, also while
//! somebody archives, joins or was killed at it.

mod lake;
mod output;
mod snapshot;

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
struct Query {
    /// The lake: a folder, or the URL of an object store
    lake: String,

    /// The question
    #[arg(required_unless_present_any = ["file", "tables"], conflicts_with = "file")]
    sql: Option<String>,

    /// Read the question from FILE
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// List the tables, the views and their columns
    #[arg(long, conflicts_with_all = ["sql", "file"])]
    tables: bool,

    /// How to answer
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Write there instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// An array of objects
    Json,
    /// For spreadsheets
    Csv,
    /// For data frames
    Parquet,
}

fn main() -> ExitCode {
    let query = match Query::try_parse() {
        Ok(query) => query,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.exit_code() == 0 { 0 } else { 2 });
        }
    };
    match answer(&query) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has gone away: no error.
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "imgnet query: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn answer(query: &Query) -> anyhow::Result<()> {
    let sql = match (&query.sql, &query.file) {
        (Some(sql), _) => sql.clone(),
        (None, Some(file)) => {
            std::fs::read_to_string(file).with_context(|| file.display().to_string())?
        }
        (None, None) => lake::COLUMNS.to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let context = lake::open(&query.lake)
            .await
            .with_context(|| query.lake.clone())?;
        let frame = lake::ask(&context, &sql, query.tables).await?;
        output::write(frame, query.format, query.output.as_deref()).await
    })
}

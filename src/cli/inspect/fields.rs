//! `imgnet fields`: what filters and columns can name.

use clap::{Args, ValueEnum};

use super::{to_stdout, written};
use crate::cli::exit::Exit;
use crate::dissect::fields;

/// List the fields that filters (-Y) and columns name, with types and explanation
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  imgnet fields\n  imgnet fields tcp.analysis\n  imgnet fields checksum\n  imgnet fields imgnet",
    max_term_width = 100
)]
pub(crate) struct Fields {
    /// Only fields whose names begin so, or else those that have it anywhere in name or explanation
    #[arg(value_name = "PREFIX")]
    prefix: Option<String>,

    /// Table for people, or an array of objects for programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Table)]
    format: FormatArg,

    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// For people
    Table,
    /// An array with one object a field
    Json,
}

/// Runs the command.
///
/// # Errors
/// A prefix that no field has, an output that cannot be written.
pub(in crate::cli) fn run(command: &Fields) -> anyhow::Result<Exit> {
    let prefix = command.prefix.as_deref().unwrap_or("");
    let mut chosen: Vec<_> = fields::all()
        .filter(|field| field.name.starts_with(prefix))
        .collect();
    if chosen.is_empty() {
        let wanted = prefix.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        chosen.extend(fields::all().filter(|field| has(field.name) || has(field.about)));
    }
    if chosen.is_empty() {
        match fields::nearest(prefix) {
            Some(near) => anyhow::bail!("no field begins with {prefix}; did you mean {near}?"),
            None => anyhow::bail!("no field begins with {prefix}; imgnet fields lists all"),
        }
    }
    to_stdout(|out| {
        if command.json || command.format == FormatArg::Json {
            let all: Vec<serde_json::Value> = chosen
                .iter()
                .map(|field| {
                    serde_json::json!({"name": field.name, "type": field.kind.name(), "about": field.about})
                })
                .collect();
            return writeln!(out, "{}", serde_json::Value::Array(all)).map_err(written);
        }
        let name = chosen
            .iter()
            .map(|field| field.name.len())
            .max()
            .unwrap_or(0);
        let kind = chosen
            .iter()
            .map(|field| field.kind.name().len())
            .max()
            .unwrap_or(0);
        for field in chosen {
            writeln!(
                out,
                "{:name$}  {:kind$}  {}",
                field.name,
                field.kind.name(),
                field.about
            )
            .map_err(written)?;
        }
        Ok(())
    })?;
    Ok(Exit::Good)
}

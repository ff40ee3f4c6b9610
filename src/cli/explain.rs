//! `imgnet explain`: what does this finding mean, and how do I mend my program?

use std::io::{self, BufWriter, Write};

use clap::{Args, ValueEnum};

use crate::capture::confine::{Needs, confine};
use crate::cli::args::ColorArg;
use crate::cli::exit::Exit;
use crate::cli::output::WriteError;
use crate::cli::terminal::Environment;
use crate::findings::catalogue::{self, Entry};
use crate::report::{Detail, Style, explain};

/// Say what a finding means, how it is proved, and how to mend the program; without NAME list all findings
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet explain                              all findings, one line each\n  \
                  imgnet explain marker-unanswered            one in full, with examples in Python and Rust\n  \
                  imgnet explain --format json | jq '.[].name'",
    max_term_width = 100
)]
pub struct Explain {
    /// Findings, by the names that reports show
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// How to tell
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Telling::Text)]
    format: Telling,

    /// Colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorArg::Auto)]
    color: ColorArg,

    /// No characters outside ASCII
    #[arg(long)]
    ascii: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Telling {
    /// For people
    Text,
    /// An array of objects
    Json,
    /// As docs/findings.md has it
    Markdown,
}

/// Runs the command.
///
/// # Errors
/// A name that no finding has, an output that cannot be written: exit code 2.
pub(super) fn run(command: &Explain) -> anyhow::Result<Exit> {
    let entries = command
        .names
        .iter()
        .map(|name| find(name))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let style = Environment::of_process(false).look(command.color, command.ascii, Detail::Normal);
    // It opens nothing, and shall not be able to.
    let _ = confine(&Needs::default());
    let mut out = BufWriter::new(io::stdout().lock());
    tell(&entries, command.format, &style, &mut out)
        .and_then(|()| out.flush())
        .map_err(|source| WriteError { to: None, source })?;
    Ok(Exit::Good)
}

fn find(name: &str) -> anyhow::Result<&'static Entry> {
    if let Some(entry) = catalogue::find(name.trim()) {
        return Ok(entry);
    }
    match catalogue::nearest(name).as_slice() {
        [] => anyhow::bail!("no finding is called {name:?}; imgnet explain lists all"),
        near => {
            let near: Vec<&str> = near.iter().map(|name| name.as_str()).collect();
            anyhow::bail!(
                "no finding is called {name:?}; did you mean {}? imgnet explain lists all",
                near.join(" or ")
            )
        }
    }
}

fn tell(entries: &[&Entry], format: Telling, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match (format, entries) {
        (Telling::Text, []) => explain::list(style, out),
        (Telling::Text, entries) => {
            for (index, entry) in entries.iter().enumerate() {
                if index > 0 {
                    writeln!(out, "\n")?;
                }
                explain::entry(entry, style, out)?;
            }
            Ok(())
        }
        (Telling::Json, entries) => {
            let all: Vec<&Entry> = catalogue::all().collect();
            let told = if entries.is_empty() { &all } else { entries };
            serde_json::to_writer_pretty(&mut *out, told)?;
            writeln!(out)
        }
        (Telling::Markdown, []) => out.write_all(catalogue::document().as_bytes()),
        (Telling::Markdown, entries) => entries
            .iter()
            .try_for_each(|entry| out.write_all(catalogue::markdown_entry(entry).as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_name_suggests_the_nearest() {
        let error = find("marker-unansered").unwrap_err().to_string();
        assert!(error.contains("did you mean marker-unanswered"), "{error}");
        let error = find("xyzzy").unwrap_err().to_string();
        assert!(error.contains("imgnet explain lists all"), "{error}");
    }

    #[test]
    fn json_holds_all_or_those_named() {
        let json = |names: &[&Entry]| -> serde_json::Value {
            let mut out = Vec::new();
            tell(names, Telling::Json, &Style::default(), &mut out).unwrap();
            serde_json::from_slice(&out).unwrap()
        };
        assert_eq!(
            json(&[]).as_array().unwrap().len(),
            catalogue::all().count()
        );
        let one = json(&[find("early-close").unwrap()]);
        assert_eq!(one[0]["name"], "early-close");
        assert_eq!(one[0]["severity"], "error");
        assert_eq!(one[0]["examples"][0]["language"], "python");
    }
}

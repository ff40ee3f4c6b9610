//! `imgnet explain`: what does this finding mean, and how do I fix my program?

use std::io::{self, BufWriter, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::capture::confine::Needs;
use crate::cli::args::ColorArg;
use crate::cli::confined::confined;
use crate::cli::exit::Exit;
use crate::cli::output::WriteError;
use crate::cli::terminal::Environment;
use crate::dissect::fields;
use crate::findings::catalogue::{self, Entry};
use crate::findings::glossary;
use crate::report::{Detail, Style, explain, members};

/// Say what a finding means, how it is proved, and how to fix the program; without NAME list all findings
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet explain                              all findings, one line each\n  \
                  imgnet explain marker-unanswered            one in full, with examples in Python and Rust\n  \
                  imgnet explain inconclusive chunk carve     any other word that imgnet prints\n  \
                  imgnet explain --format json | jq '.[].name'",
    max_term_width = 100
)]
pub(crate) struct Explain {
    /// Findings, and any other word that reports show: verdicts, wire formats, causes
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
        .collect::<anyhow::Result<Vec<_>>>()?
        .concat();
    let style = Environment::of_process(false).look(command.color, command.ascii, Detail::Normal);
    // It opens nothing, and shall not be able to.
    confined(&Needs::default(), false)?;
    let mut out = BufWriter::new(io::stdout().lock());
    tell(&entries, command.format, &style, &mut out)
        .and_then(|()| out.flush())
        .map_err(|source| WriteError { to: None, source })?;
    Ok(Exit::Good)
}

/// What a name stands for.
#[derive(Debug, Clone)]
enum Named {
    Finding(&'static Entry),
    Explained(Explained),
}

/// What a word of any kind means.
#[derive(Debug, Clone, Serialize)]
struct Explained {
    kind: String,
    name: String,
    meaning: String,
}

/// All that a name stands for: a finding, or the words of this name.
fn find(name: &str) -> anyhow::Result<Vec<Named>> {
    if let Some(entry) = catalogue::find(name.trim()) {
        return Ok(vec![Named::Finding(entry)]);
    }
    let words = glossary::find(name).into_iter().map(|word| Explained {
        kind: word.kind.to_owned(),
        name: word.name.to_owned(),
        meaning: word.meaning.to_owned(),
    });
    let members = members::find(name).into_iter().map(|member| Explained {
        kind: format!("{} in JSON", member.of),
        name: member.name,
        meaning: member.meaning,
    });
    let fields = fields::find(name.trim())
        .into_iter()
        .map(|field| Explained {
            kind: "field of filters".to_owned(),
            name: field.name.to_owned(),
            meaning: format!("{}.", field.about),
        });
    let found: Vec<Named> = words
        .chain(members)
        .chain(fields)
        .map(Named::Explained)
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    match catalogue::nearest(name).as_slice() {
        [] => anyhow::bail!("no finding and no word is called {name:?}; imgnet explain lists all"),
        near => {
            let near: Vec<&str> = near.iter().map(|name| name.as_str()).collect();
            anyhow::bail!(
                "no finding and no word is called {name:?}; did you mean {}? imgnet explain lists all",
                near.join(" or ")
            )
        }
    }
}

fn tell(named: &[Named], format: Telling, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match (format, named) {
        (Telling::Text, []) => explain::list(style, out),
        (Telling::Text, named) => {
            for (index, one) in named.iter().enumerate() {
                if index > 0 {
                    writeln!(out, "\n")?;
                }
                match one {
                    Named::Finding(entry) => explain::entry(entry, style, out)?,
                    Named::Explained(word) => {
                        explain::word(&word.kind, &word.name, &word.meaning, style, out)?;
                    }
                }
            }
            Ok(())
        }
        (Telling::Json, []) => {
            let all: Vec<&Entry> = catalogue::all().collect();
            serde_json::to_writer_pretty(&mut *out, &all)?;
            writeln!(out)
        }
        (Telling::Json, named) => {
            let told: Vec<serde_json::Value> = named
                .iter()
                .map(|one| match one {
                    Named::Finding(entry) => serde_json::to_value(entry),
                    Named::Explained(word) => serde_json::to_value(word),
                })
                .collect::<Result<_, _>>()?;
            serde_json::to_writer_pretty(&mut *out, &told)?;
            writeln!(out)
        }
        (Telling::Markdown, []) => out.write_all(catalogue::document().as_bytes()),
        (Telling::Markdown, named) => named.iter().try_for_each(|one| match one {
            Named::Finding(entry) => out.write_all(catalogue::markdown_entry(entry).as_bytes()),
            Named::Explained(word) => {
                writeln!(
                    out,
                    "### `{}` ({})\n\n{}",
                    word.name, word.kind, word.meaning
                )
            }
        }),
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
    fn words_are_explained_too() {
        let mut out = Vec::new();
        let named = ["inconclusive", "length=u32be", "imgnet.role"]
            .map(|name| find(name).unwrap())
            .concat();
        tell(&named, Telling::Text, &Style::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("verdict  inconclusive\n"), "{text}");
        assert!(
            text.contains("outcome of an expectation  inconclusive\n"),
            "{text}"
        );
        assert!(text.contains("wire format  length\n"), "{text}");
        assert!(text.contains("field of filters  imgnet.role\n"), "{text}");
    }

    #[test]
    fn json_holds_all_or_those_named() {
        let json = |names: &[Named]| -> serde_json::Value {
            let mut out = Vec::new();
            tell(names, Telling::Json, &Style::default(), &mut out).unwrap();
            serde_json::from_slice(&out).unwrap()
        };
        assert_eq!(
            json(&[]).as_array().unwrap().len(),
            catalogue::all().count()
        );
        let one = json(&find("early-close").unwrap());
        assert_eq!(one[0]["name"], "early-close");
        assert_eq!(one[0]["severity"], "error");
        assert_eq!(one[0]["examples"][0]["language"], "python");
    }
}

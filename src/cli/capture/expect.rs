//! Expectations of a run, judged as it ends: what `check` does of a file, in one command with the capture.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;

use crate::cli::args::OutputArgs;
use crate::cli::check;
use crate::cli::exit::Exit;
use crate::cli::output::{Sink, sink};
use crate::expect::render::junit::{self, Suite};
use crate::expect::{self, Checked, Expectations, Outcome};
use crate::report::model::Report;
use crate::report::text;

/// What is expected.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expectations (as imgnet check has them)")]
pub(super) struct ExpectArgs {
    /// Hold the run against the expectations in this TOML file when it ends
    #[arg(long, value_name = "FILE.toml")]
    expect: Option<PathBuf>,

    #[arg(
        long,
        value_name = "FILE",
        requires = "expect",
        help = "Also write the outcome as JUnit XML, a test case for each expectation"
    )]
    junit: Option<PathBuf>,
}

/// Expectations that were read, and where their outcome goes.
pub(super) struct Expected {
    name: String,
    expectations: Expectations,
    junit: Option<Sink>,
    begun: Instant,
}

/// Expectations that were judged.
pub(super) struct Outcomes {
    name: String,
    checked: Checked,
}

impl ExpectArgs {
    /// Reads the expectations and opens the output; mistakes in the file are told, and end the command.
    ///
    /// # Errors
    /// A file that cannot be read, an output that cannot be written or is one of the `inputs`.
    pub(super) fn open(
        &self,
        inputs: &[PathBuf],
    ) -> anyhow::Result<Result<Option<Expected>, Exit>> {
        let Some(file) = &self.expect else {
            return Ok(Ok(None));
        };
        let name = file.display().to_string();
        let expectations = match expect::parse(&check::text_of(file)?) {
            Ok(expectations) => expectations,
            Err(mistakes) => return check::tell(&mistakes, &name, false).map(Err),
        };
        let junit = match &self.junit {
            Some(path) => Some(sink(path, inputs)?),
            None => None,
        };
        Ok(Ok(Some(Expected {
            name,
            expectations,
            junit,
            begun: Instant::now(),
        })))
    }

    /// The expectations.
    pub(super) fn file(&self) -> Option<&Path> {
        self.expect.as_deref()
    }

    /// The output beside which a file is still to be made.
    pub(super) fn made(&self) -> Option<&Path> {
        self.junit.as_deref()
    }
}

impl Expected {
    /// Judges the run, and writes the outcome.
    ///
    /// # Errors
    /// An output that cannot be written.
    pub(super) fn judge(self, report: &Report) -> anyhow::Result<Outcomes> {
        let checked = expect::judge(&self.expectations, report);
        if let Some(junit) = self.junit {
            let suite = Suite {
                name: &self.name,
                timestamp: check::now(),
                took: self.begun.elapsed(),
            };
            junit.write(|mut out| junit::render(&checked, &suite, &mut out))?;
        }
        Ok(Outcomes {
            name: self.name,
            checked,
        })
    }
}

impl Outcomes {
    /// What came of each.
    pub(super) fn checked(&self) -> &Checked {
        &self.checked
    }

    /// Says on standard error what does not hold, and how many do.
    pub(super) fn tell(&self, output: &OutputArgs) -> io::Result<()> {
        let mut err = io::stderr().lock();
        for judged in &self.checked.expectations {
            let word = match judged.outcome {
                Outcome::Pass => continue,
                Outcome::Fail => "expected",
                Outcome::Inconclusive => "not known: expected",
            };
            let actual = judged
                .actual
                .as_ref()
                .map_or_else(|| "unknown".to_owned(), |actual| actual.human(true));
            let line = format!(
                "imgnet: {}: {}{}: {word} {}, actual {actual}",
                self.name,
                judged
                    .picture
                    .as_ref()
                    .map(|picture| format!("{picture}: "))
                    .unwrap_or_default(),
                judged.name,
                judged.expected.human(true),
            );
            writeln!(err, "{}", text::plain(&line, true))?;
        }
        if !output.quiet {
            writeln!(
                err,
                "imgnet: {}: {} of {} hold",
                text::plain(&self.name, true),
                text::count(self.checked.count(Outcome::Pass)),
                text::counted(
                    self.checked.expectations.len() as u64,
                    "expectation",
                    "expectations"
                )
            )?;
        }
        Ok(())
    }

    /// The exit code where not all of them hold.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.checked.verdict {
            Outcome::Pass => None,
            Outcome::Fail => Some(Exit::NotEqual),
            Outcome::Inconclusive => Some(Exit::Inconclusive),
        }
    }
}

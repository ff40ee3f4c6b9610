//! Arguments that several commands share.

use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use crate::analysis::{Budget, DigestKind, Limits, Options};
use crate::cli::values::{duration, limit, size_above_zero};
use crate::report::Detail;
use crate::report::csv::Table;
use crate::wire::{Layout, Protocol};

/// The least memory that is taken for granted where nobody says how much.
const LEAST: u64 = 256 << 20;
/// What a live stream takes, in bytes, roughly.
const LIVE: usize = 4 << 10;

/// The capture files.
#[derive(Debug, Args)]
pub(crate) struct CapturePaths {
    /// Capture files: pcap or pcapng, also gzip or zstd; several are one capture, - is standard input
    #[arg(required = true, value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
}

/// What every command that reads packets takes: how to analyse, and how to tell.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// How to analyse.
    #[command(flatten)]
    pub analysis: AnalysisArgs,
    /// How to tell.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How to analyse.
#[derive(Debug, Args)]
#[command(next_help_heading = "Analysis")]
pub(crate) struct AnalysisArgs {
    /// Wire format on a port, e.g. 5050=marker or 9909=raw-pixels=640; found out where not given
    #[arg(long = "protocol", value_name = "PORT=FORMAT", value_parser = protocol,
          long_help = protocol_help())]
    pub protocols: Vec<(u16, Protocol)>,

    /// File that describes the framing of all streams that --protocol does not name: a layout, see docs/layouts.md
    #[arg(long, value_name = "FILE", value_parser = layout)]
    pub layout: Option<LayoutFile>,

    /// Bytes that the sending program hands over at once; else the wire format's habit or a guess
    #[arg(long, value_name = "BYTES", value_parser = size_above_zero)]
    pub chunk: Option<u64>,

    /// Digest of every picture
    #[arg(long, value_name = "KIND", value_enum, default_value_t = DigestArg::Sha256)]
    pub digest: DigestArg,

    /// Silence longer than this counts as idle
    #[arg(long, value_name = "SECONDS", value_parser = duration, default_value = "2")]
    pub idle: Duration,

    /// Limits.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// A layout, and the file that describes it.
#[derive(Debug, Clone)]
pub(crate) struct LayoutFile {
    path: PathBuf,
    protocol: Protocol,
}

/// Limits against huge or hostile input.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits (reaching one is a finding; sizes take K, M and G)")]
pub(crate) struct LimitArgs {
    /// Memory for all that is kept: beyond it detail is dropped, then streams are only summed up, the report says so and is
    /// inconclusive at best [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    pub max_memory: Option<usize>,

    /// Streams followed at once [default: 200000]
    #[arg(long, value_name = "N", value_parser = limit)]
    pub limit_streams: Option<usize>,

    /// Out-of-order bytes held for one direction [default: 8M]
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    pub limit_waiting_direction: Option<usize>,

    /// Out-of-order bytes held for all directions together [default: a quarter of the memory]
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    pub limit_waiting: Option<usize>,
}

/// How to tell what was found.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Table for people, json for programs, csv for spreadsheets
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Table)]
    pub format: FormatArg,

    /// Which table --format csv writes (naming one is enough to get csv) [default: images]
    #[arg(long, value_name = "TABLE", value_enum)]
    pub csv: Option<CsvArg>,

    /// Write there instead of to standard output; replaced only once all is written
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Colours.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorArg::Auto,
          help = "Colours: auto means on a terminal, unless NO_COLOR is set or TERM is dumb")]
    pub color: ColorArg,

    /// ASCII characters only
    #[arg(long)]
    pub ascii: bool,

    /// Only the verdict and the errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// More: every picture, streams and notes; twice: chunks too
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
}

/// `--digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DigestArg {
    /// SHA-256, of pictures and directions
    Sha256,
    /// BLAKE3, of pictures
    Blake3,
    /// CRC-32, of pictures: fast, no proof against intent
    Crc32,
    /// No digest
    None,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// For people
    Table,
    /// One object, imgnet/report/v1
    Json,
    /// One table, see --csv
    Csv,
}

/// `--csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CsvArg {
    /// A row for each picture
    Images,
    /// A row for each direction of each stream
    Streams,
    /// A row for each region of the map of each direction: what each byte is
    Map,
    /// A row for each chunk of each picture
    Chunks,
    /// A row for each finding
    Findings,
    /// A row for each file of --sent and --received
    Files,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArg {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What is to be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rendering {
    /// `report::table`
    Table,
    /// `report::json`
    Json,
    /// `report::csv`
    Csv(Table),
}

impl AnalysisArgs {
    /// The files that are read besides captures: no output may replace them.
    pub(in crate::cli) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.layout.iter().map(|file| file.path.clone())
    }

    /// The options of the analysis.
    pub(crate) fn options(&self) -> Options {
        let defaults = Limits::default();
        let limits = &self.limits;
        let memory = limits.max_memory.map_or_else(
            || super::memory::free_memory().map_or(u64::MAX, |free| (free / 2).max(LEAST)),
            |memory| memory as u64,
        );
        // A live stream takes a few KiB; a quarter of the memory is for those, another for what waits.
        let quarter = usize::try_from(memory / 4).unwrap_or(usize::MAX);
        Options {
            memory: Budget::new(memory / 2),
            waiting: Budget::new(limits.limit_waiting.unwrap_or(quarter) as u64),
            protocols: self.protocols.clone(),
            layout: self.layout.as_ref().map(|file| file.protocol.clone()),
            chunk: self.chunk,
            digest: match self.digest {
                DigestArg::Sha256 => DigestKind::Sha256,
                DigestArg::Blake3 => DigestKind::Blake3,
                DigestArg::Crc32 => DigestKind::Crc32,
                DigestArg::None => DigestKind::None,
            },
            evidence: false,
            idle: self.idle,
            limits: Limits {
                streams: limits
                    .limit_streams
                    .unwrap_or_else(|| defaults.streams.min((quarter / LIVE).max(16))),
                waiting_bytes_per_direction: limits
                    .limit_waiting_direction
                    .unwrap_or_else(|| defaults.waiting_bytes_per_direction.min(quarter)),
                fragments: defaults.fragments.min(quarter),
            },
            threads: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            packets: false,
        }
    }
}

impl OutputArgs {
    /// What to render.
    ///
    /// # Errors
    /// `--csv` beside another format than csv.
    pub(crate) fn rendering(&self) -> anyhow::Result<Rendering> {
        let table = match self.csv {
            None | Some(CsvArg::Images) => Table::Images,
            Some(CsvArg::Streams) => Table::Streams,
            Some(CsvArg::Map) => Table::Map,
            Some(CsvArg::Chunks) => Table::Chunks,
            Some(CsvArg::Findings) => Table::Findings,
            Some(CsvArg::Files) => Table::Files,
        };
        match (self.format, self.csv) {
            (FormatArg::Json, Some(_)) => anyhow::bail!(
                "--csv names a table of --format csv, and --format json was asked for; leave one of them out"
            ),
            (FormatArg::Json, None) => Ok(Rendering::Json),
            (FormatArg::Table, None) => Ok(Rendering::Table),
            (FormatArg::Csv, _) | (FormatArg::Table, Some(_)) => Ok(Rendering::Csv(table)),
        }
    }

    /// How much to tell.
    pub(crate) fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, 0) => Detail::Normal,
            (false, 1) => Detail::Streams,
            (false, _) => Detail::Chunks,
        }
    }
}

fn protocol(text: &str) -> Result<(u16, Protocol), String> {
    let expected = || format!("expected PORT=FORMAT, e.g. 5050=marker, not {text:?}");
    let (port, format) = text.split_once('=').ok_or_else(expected)?;
    let port = port.parse().map_err(|_| expected())?;
    let format = format.parse().map_err(|error| format!("{error}"))?;
    Ok((port, format))
}

/// Bytes of a file that describes a layout: it is one line, and comments.
const LONGEST_LAYOUT: u64 = 64 << 10;

/// A file that describes a layout.
fn layout(path: &str) -> Result<LayoutFile, String> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST_LAYOUT + 1).read_to_string(&mut text))
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > LONGEST_LAYOUT {
        return Err(format!(
            "{path}: is longer than any layout ({LONGEST_LAYOUT} bytes); name a file with one"
        ));
    }
    let layout = text
        .parse::<Layout>()
        .map_err(|error| format!("{path}: {error}"))?;
    Ok(LayoutFile {
        path: path.into(),
        protocol: Protocol::Layout(Box::new(layout)),
    })
}

fn protocol_help() -> String {
    format!(
        "Wire format on a port, e.g. 5050=marker or 9909=raw-pixels=640; found out where not given.\n\
         Formats: {}",
        Protocol::names().collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_name_their_port() {
        assert_eq!(protocol("5050=marker"), Ok((5050, Protocol::pipeline())));
        assert_eq!(
            protocol("7=marker=<END>"),
            Ok((7, Protocol::Marker(b"<END>".as_slice().into())))
        );
        for wrong in ["marker", "70000=eof", "=eof", "7=", "7=bogus"] {
            assert!(protocol(wrong).is_err(), "{wrong}");
        }
    }
}

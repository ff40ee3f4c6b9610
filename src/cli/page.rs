//! The page of `imgnet report` and of `--report`: what it shows is gathered while the analysis goes, and written when all
//! is known.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use sha2::{Digest as _, Sha256};

use super::capture;
use super::output::{Draft, Sink, sink, trouble};
use super::verify::spool::Spool;
use crate::analysis::Event;
use crate::expect::Checked;
use crate::ledger::Image;
use crate::ledger::comparison::SideOfMismatch;
use crate::ledger::trace::Traces;
use crate::report::html::{self, Input, Looks, Made, Page};
use crate::report::model::Report;
use crate::report::plot::Theme;
use crate::report::{markdown, text};
use crate::units::StreamId;
use crate::verify::painting::{Area, Decoded, area, as_far_as_possible};
use crate::verify::thumbnail::{Thumbnail, thumbnail};

/// Larger pictures and files have no thumbnail.
const LARGEST: u64 = 64 << 20;

/// `--report`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Page")]
pub(crate) struct PageArgs {
    /// Also write one HTML page that shows it all: verdict, pictures, drawings, findings
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,

    /// Append a summary in Markdown to FILE, for the summary page of a CI job
    #[arg(long, value_name = "FILE.md")]
    pub summary_markdown: Option<PathBuf>,
}

/// The summary of `--summary-markdown`.
#[derive(Debug)]
pub(super) struct Summary {
    file: File,
    path: PathBuf,
}

impl Summary {
    /// Opens it, where one is wanted: CI gives a file that other steps write to as well, so it is appended to.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn wanted(args: &PageArgs) -> anyhow::Result<Option<Self>> {
        let Some(path) = &args.summary_markdown else {
            return Ok(None);
        };
        let advice = "choose a file that you may write to";
        let file = File::options()
            .append(true)
            .create(true)
            .open(path)
            .map_err(trouble(path, "cannot be opened for writing", advice))?;
        Ok(Some(Self {
            file,
            path: path.clone(),
        }))
    }

    /// Appends to it.
    ///
    /// # Errors
    /// A file that takes no more.
    pub(super) fn write(self, report: &Report, checked: Option<&Checked>) -> anyhow::Result<()> {
        let mut out = io::BufWriter::new(self.file);
        let advice = "see whether the disk is full";
        markdown::render(report, checked, &mut out)
            .and_then(|()| out.flush())
            .map_err(trouble(&self.path, "cannot be written", advice))
    }
}

/// `--theme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeArg {
    /// As the reader's system has it
    Auto,
    /// Dark on light
    Light,
    /// Light on dark
    Dark,
}

impl From<ThemeArg> for Theme {
    fn from(theme: ThemeArg) -> Self {
        match theme {
            ThemeArg::Auto => Self::Auto,
            ThemeArg::Light => Self::Light,
            ThemeArg::Dark => Self::Dark,
        }
    }
}

/// Files that a command reads, by what they are to it.
pub(super) type Inputs<'i> = [(&'static str, &'i [PathBuf])];

/// A page that is to be written.
#[derive(Debug)]
pub(super) struct PageFile {
    /// Absent where only drawings are wanted.
    sink: Option<Sink>,
    path: PathBuf,
    made: Made,
    theme: Theme,
}

impl PageFile {
    /// Opens it, and takes the digests of what is read, before the process is confined.
    ///
    /// # Errors
    /// A file that cannot be written, or that is one of the captures; an input that cannot be read.
    pub(super) fn open(path: Option<&Path>, inputs: &Inputs<'_>) -> anyhow::Result<Self> {
        let captures: Vec<PathBuf> = inputs
            .iter()
            .flat_map(|(_, paths)| paths.iter().cloned())
            .collect();
        let files = inputs
            .iter()
            .flat_map(|(role, paths)| paths.iter().map(move |path| input(role, path)))
            .collect::<anyhow::Result<Vec<Input>>>()?;
        Ok(Self {
            sink: path.map(|path| sink(path, &captures)).transpose()?,
            path: path.unwrap_or(Path::new("")).to_owned(),
            made: Made {
                command: command(),
                inputs: files,
            },
            theme: Theme::Auto,
        })
    }

    /// The page where one is wanted.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub(super) fn wanted(args: &PageArgs, inputs: &Inputs<'_>) -> anyhow::Result<Option<Self>> {
        let path = args.report.as_deref();
        anyhow::ensure!(
            path != Some(Path::new("-")),
            "--report -: standard output has the table; name a file, or run imgnet report -o -"
        );
        path.map(|path| Self::open(Some(path), inputs)).transpose()
    }

    pub(super) fn with_theme(self, theme: Theme) -> Self {
        Self { theme, ..self }
    }

    /// Where it will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it from what `sight` kept.
    ///
    /// # Errors
    /// Bytes that could not be kept, a page that cannot be written.
    pub(super) fn write_seen(
        self,
        report: &Report,
        checked: Option<&Checked>,
        sight: Sight,
    ) -> anyhow::Result<()> {
        let mut spool = sight.spool.unwrap_or_else(Spool::empty);
        spool.finish()?;
        self.write(report, checked, &mut spool, &sight.traces)
    }

    /// The drawings as files: names and SVG.
    pub(super) fn plots(&self, report: &Report, traces: &Traces) -> Vec<html::Drawing> {
        html::plots(&Page {
            report,
            checked: None,
            looks: BTreeMap::new(),
            traces,
            made: &self.made,
            theme: self.theme,
        })
    }

    /// Writes it.
    ///
    /// # Errors
    /// A temporary file that cannot be read, a page that cannot be written.
    pub(super) fn write(
        self,
        report: &Report,
        checked: Option<&Checked>,
        spool: &mut Spool,
        traces: &Traces,
    ) -> anyhow::Result<()> {
        let Some(sink) = self.sink else {
            return Ok(());
        };
        let mut looks = BTreeMap::new();
        let detailed = html::detailed(report);
        let side = html::thumbnail_side(detailed.len());
        for image in &report.images {
            if detailed.contains(&image.id) {
                looks.insert(image.id, look(image, spool, side)?);
            }
        }
        let page = Page {
            report,
            checked,
            looks,
            traces,
            made: &self.made,
            theme: self.theme,
        };
        sink.write(|mut out| html::render(&page, &mut out))?;
        Ok(())
    }
}

/// The line that says where the page is: with the table on standard output, beside JSON and CSV on standard error.
///
/// # Errors
/// Those of standard output, a reader that went away excepted.
pub(super) fn tell(path: &Path, beside_table: bool) -> io::Result<()> {
    let line = format!("Report: {}", path.display());
    let line = text::plain(&line, true);
    let written = if beside_table {
        writeln!(io::stdout().lock(), "{line}")
    } else {
        writeln!(io::stderr().lock(), "{line}")
    };
    written.or_else(capture::ignore_closed_pipe)
}

/// Makes the folder of `--plots`, or says now that it cannot be made.
///
/// # Errors
/// That.
pub(super) fn prepare_plots(folder: &Path) -> anyhow::Result<()> {
    let cannot = |what| trouble(folder, what, "choose another folder for --plots");
    fs::create_dir_all(folder).map_err(cannot("cannot be made a folder"))?;
    Draft::in_folder(folder).map_err(cannot("cannot be written"))?;
    Ok(())
}

/// Writes drawings into a folder, each as SVG and as PNG; those of the same name are replaced.
///
/// # Errors
/// One that cannot be drawn or written.
pub(super) fn write_plots(folder: &Path, plots: &[html::Drawing]) -> anyhow::Result<()> {
    let write = |name: String, bytes: &[u8]| -> anyhow::Result<()> {
        let path = folder.join(name);
        let cannot = trouble(&path, "cannot be written", "see whether the disk is full");
        let mut draft = Draft::in_folder(folder).map_err(&cannot)?;
        draft.file().write_all(bytes).map_err(&cannot)?;
        draft.keep_as(&path).map_err(&cannot)
    };
    for plot in plots {
        write(format!("{}.svg", plot.name), plot.svg().as_bytes())?;
        let png = plot
            .png()
            .with_context(|| format!("{} cannot be drawn as PNG", plot.name))?;
        write(format!("{}.png", plot.name), &png)?;
    }
    Ok(())
}

/// The line that says how many drawings there are.
///
/// # Errors
/// Those of standard output, a reader that went away excepted.
pub(super) fn tell_plots(folder: &Path, number: usize) -> io::Result<()> {
    let number = text::counted(number as u64, "drawing", "drawings");
    let line = format!("Wrote {number} to {}", folder.display());
    writeln!(io::stdout().lock(), "{}", text::plain(&line, true))
        .or_else(capture::ignore_closed_pipe)
}

/// Gathers what a page shows beyond the accounts: packets, and pictures where nobody else keeps them.
#[derive(Debug, Default)]
pub(super) struct Sight {
    pub(super) traces: Traces,
    spool: Option<Spool>,
}

impl Sight {
    /// One for a command that keeps the pictures' bytes itself.
    pub(super) fn of_packets() -> Self {
        Self::default()
    }

    /// One that keeps the pictures' bytes, too.
    pub(super) fn of_all() -> Self {
        Self {
            spool: Some(Spool::new()),
            ..Self::default()
        }
    }

    /// The same, while capturing: what it keeps is bounded.
    ///
    /// # Errors
    /// No temporary file can be made.
    pub(super) fn live() -> io::Result<Self> {
        Ok(Self {
            spool: Some(Spool::live(tempfile::tempfile()?)),
            ..Self::default()
        })
    }

    /// Whether bytes could not be kept: the page would lack them.
    pub(super) fn failed(&self) -> bool {
        self.spool.as_ref().is_some_and(Spool::failed)
    }

    /// One event of the analysis.
    pub(super) fn see(&mut self, event: &Event<'_>) {
        if let Some(spool) = &mut self.spool {
            spool.see(event);
        }
        match event {
            Event::Packet {
                stream,
                from,
                point,
            } => self.traces.push(*stream, *from, *point),
            Event::StreamClosed { stream, images } => self.closed(stream.id, images),
            _ => {}
        }
    }

    /// A stream is over: without pictures, nothing of it is drawn.
    pub(super) fn closed(&mut self, stream: StreamId, images: &[Image]) {
        if images.is_empty() {
            self.traces.forget(stream);
        }
    }
}

/// The command as it was typed.
fn command() -> String {
    let words = std::env::args_os().skip(1);
    let mut command = String::from("imgnet");
    for word in words {
        command.push(' ');
        command.push_str(&html::quoted(&word.to_string_lossy()));
    }
    command
}

/// What is said of a file that is read.
fn input(role: &'static str, path: &Path) -> anyhow::Result<Input> {
    let mut input = Input {
        role,
        path: path.display().to_string(),
        bytes: None,
        sha256: None,
    };
    let regular = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    if path == Path::new("-") || !regular {
        return Ok(input);
    }
    let advice = "name a file that you may read";
    let trouble = trouble(path, "cannot be read", advice);
    let mut file = File::open(path).map_err(&trouble)?;
    let (mut digest, mut bytes) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer).map_err(&trouble)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        digest.update(piece);
        bytes = bytes.saturating_add(read as u64);
    }
    input.bytes = Some(bytes);
    input.sha256 = Some(crate::digest::hex(&digest.finalize()));
    Ok(input)
}

/// What a picture looks like on the wire and, where they differ, at both ends.
fn look(image: &Image, spool: &mut Spool, side: u32) -> anyhow::Result<Looks> {
    let wire = spool.wire(image.id, LARGEST)?;
    let compared = image.compared.as_deref();
    let mismatches: Vec<SideOfMismatch> = compared
        .iter()
        .flat_map(|compared| [&compared.mismatch, &compared.also])
        .flatten()
        .map(|mismatch| mismatch.side)
        .collect();
    let file = |path: Option<&String>| -> Option<Decoded> {
        let path = Path::new(path?);
        let regular = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        if mismatches.is_empty() || regular.len() > LARGEST {
            return None;
        }
        as_far_as_possible(&fs::read(path).ok()?, None)
    };
    let sent = file(
        compared
            .and_then(|c| c.sent.as_ref())
            .and_then(|side| side.path.as_ref()),
    );
    let received = file(
        compared
            .and_then(|c| c.received.as_ref())
            .and_then(|side| side.path.as_ref()),
    );
    let raw_width = image.is_raw_pixels().then(|| {
        let files = [&sent, &received]
            .into_iter()
            .flatten()
            .map(Decoded::width)
            .next();
        image.width.or(files)
    });
    let wire = wire.and_then(|wire| {
        // Up to the first gap: nothing stands for what is missing.
        let run = wire.runs.first().filter(|run| run.offset == 0)?;
        match raw_width {
            Some(None) => None,
            Some(width @ Some(_)) => as_far_as_possible(&run.bytes, width),
            None => as_far_as_possible(&run.bytes, None),
        }
    });
    let between = |side: SideOfMismatch,
                   expected: &Option<Decoded>,
                   found: &Option<Decoded>|
     -> Option<Area> {
        let known = mismatches.contains(&side);
        let expected = expected.as_ref().filter(|_| known && found.is_some())?;
        area(expected, found.as_ref())
    };
    let sent_to_wire = between(SideOfMismatch::SenderToWire, &sent, &wire);
    let wire_to_received = between(SideOfMismatch::WireToReceiver, &wire, &received);
    let sent_to_received = between(SideOfMismatch::SenderToReceiver, &sent, &received);
    let small = |picture: &Option<Decoded>, damage: Option<Area>| -> Option<Thumbnail> {
        thumbnail(picture.as_ref()?, damage, side)
    };
    Ok(Looks {
        sent: small(&sent, sent_to_wire.or(sent_to_received)),
        received: small(
            &received,
            wire_to_received.or(sent_to_received).or(sent_to_wire),
        ),
        wire: small(&wire, sent_to_wire),
    })
}

//! The commands that look inside: `packets`, `packet`, `follow`, `fields`.

mod crew;
pub(crate) mod fields;
pub(crate) mod follow;
pub(crate) mod packet;
pub(crate) mod packets;
pub(crate) mod view;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::analysis::{Analysis, Collector, DigestKind, Observer, Options};
use crate::capture::confine::Needs;
use crate::cli::args::{AnalysisArgs, ColorArg, DigestArg};
use crate::cli::confined::confined;
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::output::WriteError;
use crate::cli::reading::Watch;
use crate::cli::terminal::Environment;
use crate::dissect::{Carried, Filter, Index, Inspector, Seen};
use crate::findings::{Finding, rules};
use crate::frame::Frame;
use crate::ledger::{Image, Stream};
use crate::report::model::CaptureFile;
use crate::report::{Detail, Report, Style};
use crate::source::{self, Capture, Files, MappedFrames};
use crate::system;
use crate::units::{FrameNumber, PictureId, StreamId};

/// `-Y`.
#[derive(Debug, Args)]
pub(crate) struct FilterArg {
    /// Only frames that this filter chooses, in Wireshark's display filter syntax
    ///
    /// For example: -Y 'tcp.stream == 2 && imgnet.role == framing', -Y 'imgnet.picture == 0 && imgnet.offset <= 10240 &&
    /// imgnet.last >= 10240', -Y 'tcp.analysis.retransmission or imgnet.finding'. imgnet fields lists all fields.
    #[arg(short = 'Y', long = "filter", value_name = "FILTER", value_parser = filter, allow_hyphen_values = true)]
    pub filter: Option<Filter>,
}

/// How to show it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct LookArgs {
    /// Colours.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorArg::Auto,
          help = "Colours: auto means on a terminal, unless NO_COLOR is set or TERM is dumb")]
    pub color: ColorArg,

    /// ASCII characters only
    #[arg(long)]
    pub ascii: bool,
}

impl LookArgs {
    fn style(&self) -> Style {
        let environment = Environment::of_process(false);
        let mut style = environment.look(self.color, self.ascii, Detail::Normal);
        if !environment.terminal && environment.columns_variable.is_none() {
            // Nothing is shortened for a program.
            style.width = usize::MAX;
        }
        style
    }
}

/// Reads a filter for clap, which shows what is wrong with it.
pub(super) fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|mistake| mistake.to_string())
}

/// Captures that can be read several times, and what the analysis found in them.
pub(super) struct Looked {
    capture: Capture,
    /// A copy of what came through a pipe, and what that is called: the copy has no name, and is gone with the process, however that
    /// ends.
    copy: Option<(File, String)>,
    pub(super) index: Index,
    pub(super) options: Options,
    /// Of each file that is cut short or damaged, what is wrong with it.
    damaged: Vec<String>,
    /// Frames that the analysis saw.
    pub(super) analysed: u64,
    /// Whether the analysis saw all frames.
    pub(super) complete: bool,
}

impl Looked {
    /// Opens captures and analyses them: all frames, or only so many of the first.
    pub(super) fn open(
        captures: &[PathBuf],
        analysis: &AnalysisArgs,
        most: Option<u64>,
    ) -> anyhow::Result<Self> {
        let (paths, pipe) = seekable(captures)?;
        let mut options = analysis.options();
        if analysis.digest == DigestArg::Sha256 {
            // Nobody here shows a digest.
            options.digest = DigestKind::None;
        }
        // What reads the bytes of strangers opens these files again, and nothing else.
        confined(
            &Needs::default().reading(paths.iter().map(PathBuf::as_path)),
            false,
        )?;
        let copy = pipe.map(Piped::copied).transpose()?;
        let name = captures.first().map(|path| path.display().to_string());
        let copy = copy.zip(name);
        let capture = Capture::open(&paths).map_err(|error| {
            let error = anyhow::Error::from(error);
            // Where the copy of a pipe lies is of no use to anybody.
            match &copy {
                Some((copy, name)) => {
                    let path = path_of(copy);
                    let said = format!("{error:#}").replace(&*path.to_string_lossy(), name);
                    anyhow::anyhow!(said)
                }
                None => error,
            }
        })?;
        let mut looked = Self {
            capture,
            copy,
            index: Index::default(),
            options,
            damaged: Vec::new(),
            analysed: 0,
            complete: true,
        };
        match most {
            Some(most) => looked.analyse_first(most)?,
            None => looked.analyse(&paths)?,
        }
        Ok(looked)
    }

    /// The same captures with the analysis of all their frames.
    pub(super) fn completed(self, captures: &[PathBuf]) -> anyhow::Result<Self> {
        let mut looked = self;
        let paths = match &looked.copy {
            Some((copy, _)) => vec![path_of(copy)],
            None => captures.to_vec(),
        };
        looked.analyse(&paths)?;
        Ok(looked)
    }

    fn analyse(&mut self, paths: &[PathBuf]) -> anyhow::Result<()> {
        let mut gathered = Gathered::default();
        let here = glue::analyse_mapped(&self.capture, &self.options, &mut gathered);
        let reading = if let Some(reading) = here {
            reading
        } else {
            gathered = Gathered::default();
            glue::open(paths)?.analyse(self.options.clone(), &mut gathered)?
        };
        self.damaged = self.named(damage(&reading.captures));
        self.analysed = reading.packets.read;
        self.complete = true;
        let report = gathered
            .collector
            .into_report(reading.captures, reading.packets);
        self.index = Index::new(report.streams, report.images, report.findings);
        Ok(())
    }

    /// Analyses the first frames only.
    fn analyse_first(&mut self, most: u64) -> anyhow::Result<()> {
        let mut gathered = Gathered::default();
        let mut analysis = Analysis::new(self.options.clone());
        let mut read = 0;
        let mut complete = true;
        self.capture.for_each_frame(&mut |frame| {
            if read >= most {
                complete = false;
                return ControlFlow::Break(());
            }
            read += 1;
            analysis.frame(frame, &mut gathered);
            ControlFlow::Continue(())
        })?;
        analysis.ended(source::ended(self.capture.files()));
        analysis.finish(&mut gathered);
        let files = self.capture.files();
        let captures: Vec<CaptureFile> = files.iter().map(glue::capture_file).collect();
        self.damaged = if complete {
            self.named(damage(&captures))
        } else {
            Vec::new()
        };
        self.analysed = read;
        self.complete = complete;
        let report = gathered
            .collector
            .into_report(captures, crate::report::model::Packets::default());
        self.index = Index::new(report.streams, report.images, report.findings);
        Ok(())
    }

    /// What was said of the copy of a pipe, said of the pipe.
    fn named(&self, mut said: Vec<String>) -> Vec<String> {
        if let Some((copy, name)) = &self.copy {
            let path = path_of(copy);
            for said in &mut said {
                *said = said.replace(&*path.to_string_lossy(), name);
            }
        }
        said
    }

    /// How the command ends, once it has told which of the captures end before their time.
    ///
    /// # Errors
    /// Standard error takes nothing.
    pub(super) fn concluded(&self) -> anyhow::Result<Exit> {
        tell_damaged(&self.damaged)
    }

    /// As [`Looked::concluded`], for later.
    pub(super) fn damaged(&self) -> Vec<String> {
        self.damaged.clone()
    }

    /// Shows every frame in order with what is known of it, until `show` breaks.
    pub(super) fn each(
        &mut self,
        show: &mut dyn FnMut(&Seen<'_>) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let mut inspector = Inspector::new(self.options.limits.streams);
        let index = &self.index;
        self.capture.for_each_frame(&mut |frame| {
            let mut flow = ControlFlow::Continue(());
            inspector.frame(frame, index, &mut |seen| flow = show(seen));
            flow
        })?;
        Ok(())
    }

    /// All frames, where they can be handed to other threads, and what is known before the first; absent where the capture
    /// is not mapped.
    pub(super) fn frames(&self) -> Option<(MappedFrames<'_>, Inspector)> {
        let inspector = Inspector::new(self.options.limits.streams);
        Some((self.capture.mapped()?, inspector))
    }

    /// Runs the analysis again for somebody who wants the bytes of pictures.
    pub(super) fn watch(&mut self, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let options = Options {
            digest: DigestKind::None,
            ..self.options.clone()
        };
        let mut analysis = Analysis::new(options);
        self.capture.for_each_frame(&mut |frame: &Frame<'_>| {
            analysis.frame(frame, observer);
            ControlFlow::Continue(())
        })?;
        analysis.ended(source::ended(self.capture.files()));
        analysis.finish(observer);
        Ok(())
    }
}

/// What is wrong with each of the files that are cut short or damaged.
pub(super) fn damage(captures: &[CaptureFile]) -> Vec<String> {
    captures
        .iter()
        .filter_map(|file| {
            let damage = file.damage.as_ref()?;
            let finding = rules::file_cut_short(
                &file.path,
                damage.offset,
                damage.after_frame,
                &damage.reason,
            );
            Some(finding.message)
        })
        .collect()
}

/// Says it on standard error, beside whatever was shown, and what exit code that makes.
///
/// # Errors
/// Standard error takes nothing.
pub(super) fn tell_damaged(damaged: &[String]) -> anyhow::Result<Exit> {
    let mut out = io::stderr().lock();
    for message in damaged {
        writeln!(out, "imgnet: {message}")?;
    }
    Ok(if damaged.is_empty() {
        Exit::Good
    } else {
        Exit::Inconclusive
    })
}

/// Leaves in a report what a filter chooses: streams of which it chooses a frame, pictures of which it chooses a frame
/// that carries bytes of them, findings of which it chooses a frame that proves them. Nothing is reassembled anew: what is
/// said of them stays what all frames say.
pub(super) struct Narrowing<'f> {
    filter: &'f Filter,
    /// Opened before the process gives up the right to.
    capture: Files,
    streams: usize,
}

impl<'f> Narrowing<'f> {
    /// What a filter asks for; absent without one.
    ///
    /// # Errors
    /// A capture that cannot be read a second time.
    pub(super) fn of(
        filter: &'f FilterArg,
        captures: &[PathBuf],
        analysis: &AnalysisArgs,
    ) -> anyhow::Result<Option<Self>> {
        Self::with(filter, captures, analysis.options().limits.streams)
    }

    /// The same where so many streams are followed at once.
    ///
    /// # Errors
    /// A capture that cannot be read a second time.
    pub(super) fn with(
        filter: &'f FilterArg,
        captures: &[PathBuf],
        streams: usize,
    ) -> anyhow::Result<Option<Self>> {
        let Some(filter) = &filter.filter else {
            return Ok(None);
        };
        if captures.iter().any(|path| is_pipe(path)) {
            anyhow::bail!(
                "-Y reads the capture a second time, which a pipe does not allow; save it to a file first"
            );
        }
        Ok(Some(Self {
            filter,
            capture: Files::open(captures)?,
            streams,
        }))
    }

    /// Narrows a report.
    ///
    /// # Errors
    /// A capture that cannot be read any more.
    pub(super) fn narrow(self, report: &mut Report) -> anyhow::Result<()> {
        self.narrow_and_tell(report, &mut |_| ())
    }

    /// Narrows a report, and tells of each frame that is chosen, in order.
    ///
    /// # Errors
    /// A capture that cannot be read any more.
    pub(super) fn narrow_and_tell(
        self,
        report: &mut Report,
        tell: &mut dyn FnMut(FrameNumber),
    ) -> anyhow::Result<()> {
        let index = Index::new(
            std::mem::take(&mut report.streams),
            std::mem::take(&mut report.images),
            std::mem::take(&mut report.findings),
        );
        let mut chosen = Chosen::default();
        let proofs: HashSet<FrameNumber> = index
            .findings()
            .iter()
            .flat_map(|finding| finding.packets.iter().copied())
            .collect();
        self.each_chosen(&index, &mut |seen| {
            chosen.add(seen, &proofs);
            tell(seen.frame.number);
        })?;
        let (mut streams, mut images, mut findings) = index.into_accounts();
        streams.retain(|stream| chosen.streams.contains(&stream.id));
        images.retain(|image| chosen.images.contains(&image.id));
        findings.retain(|finding| chosen.has(finding));
        (report.streams, report.images, report.findings) = (streams, images, findings);
        report.conclude();
        Ok(())
    }

    /// Shows every frame that is chosen, in order.
    ///
    /// # Errors
    /// A capture that cannot be read any more.
    pub(super) fn each_chosen(
        self,
        index: &Index,
        show: &mut dyn FnMut(&Seen<'_>),
    ) -> anyhow::Result<()> {
        let mut inspector = Inspector::new(self.streams);
        let filter = self.filter;
        Capture::of(self.capture)?.for_each_frame(&mut |frame| {
            inspector.frame(frame, index, &mut |seen| {
                if filter.chooses(seen) {
                    show(seen);
                }
            });
            ControlFlow::Continue(())
        })?;
        Ok(())
    }
}

/// What a filter chose.
#[derive(Default)]
struct Chosen {
    streams: HashSet<StreamId>,
    images: HashSet<PictureId>,
    /// Frames that prove a finding.
    proofs: HashSet<FrameNumber>,
}

impl Chosen {
    fn add(&mut self, seen: &Seen<'_>, proofs: &HashSet<FrameNumber>) {
        if proofs.contains(&seen.frame.number) {
            self.proofs.insert(seen.frame.number);
        }
        self.streams.extend(seen.place.map(|place| place.stream));
        let carried = Carried::of(seen);
        let images = carried.pieces.iter().filter_map(|piece| piece.image);
        self.images.extend(images.map(|image| image.id));
    }

    fn has(&self, finding: &Finding) -> bool {
        if finding.packets.is_empty() {
            return finding
                .stream
                .is_none_or(|stream| self.streams.contains(&stream));
        }
        finding
            .packets
            .iter()
            .any(|frame| self.proofs.contains(frame))
    }
}

#[derive(Default)]
struct Gathered {
    collector: Collector,
}

impl Observer for Gathered {
    fn event(&mut self, event: crate::analysis::Event<'_>) {
        self.collector.event(event);
    }

    fn stream_closed(&mut self, stream: Stream, images: Vec<Image>) {
        self.collector.stream_closed(stream, images);
    }

    fn accounts_only(&self) -> bool {
        true
    }
}

impl Watch for Gathered {
    fn frame(&mut self, _captured: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Whether it can be read only once.
fn is_pipe(path: &Path) -> bool {
    path == Path::new("-")
        || std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// What comes through a pipe, and a file without a name for it.
struct Piped {
    pipe: File,
    copy: File,
}

impl Piped {
    /// All of it.
    fn copied(mut self) -> io::Result<File> {
        io::copy(&mut self.pipe, &mut self.copy)?;
        Ok(self.copy)
    }
}

/// Paths that can be read more than once: what comes through a pipe is to be copied to a temporary file first.
fn seekable(captures: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, Option<Piped>)> {
    let [path] = captures else {
        if let Some(pipe) = captures.iter().find(|path| is_pipe(path)) {
            anyhow::bail!(
                "{}: a pipe beside other captures cannot be read here; save it to a file first",
                pipe.display()
            );
        }
        return Ok((captures.to_vec(), None));
    };
    if !is_pipe(path) {
        return Ok((captures.to_vec(), None));
    }
    let copy = tempfile::tempfile()?;
    let pipe = if path == Path::new("-") {
        File::from(io::stdin().as_fd().try_clone_to_owned()?)
    } else {
        File::open(path)?
    };
    Ok((vec![path_of(&copy)], Some(Piped { pipe, copy })))
}

/// By which a file without a name is opened again.
fn path_of(file: &File) -> PathBuf {
    PathBuf::from(format!("{}/{}", system::DESCRIPTORS, file.as_raw_fd()))
}

/// Writes to standard output; that nobody reads on is no error.
pub(super) fn to_stdout(
    write: impl FnOnce(&mut (dyn Write + Send)) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // What comes in larger parts is not copied first.
    let mut out = BufWriter::with_capacity(8 << 10, io::stdout());
    write(&mut out)?;
    out.flush().map_err(written)?;
    Ok(())
}

/// An error of standard output.
pub(super) fn written(source: io::Error) -> anyhow::Error {
    WriteError { to: None, source }.into()
}

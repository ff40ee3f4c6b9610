//! `imgnet verify`: the sender's file = the wire = the receiver's file?

use std::fs;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};

use crate::analysis::{Event, Observer};
use crate::capture::confine::Needs;
use crate::cli::args::{self, CapturePaths, Common};
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::output::{Output, temporary, trouble};
use crate::cli::progress::Progress;
use crate::cli::reading::Watch;
use crate::ledger::{Image, Verdict};
use crate::report::Collector;
use crate::report::model::Report;
use crate::transfer::record::{Record, Side as Writer};
use crate::units::PictureId;
use crate::verify::{
    self, Asked, FileFacts, Given, LedgerLine, Level, Pairs, SideOfMismatch, Subject, Thresholds,
    UnpairedFile, Verification, Wanted, Wire, Work, painting,
};

mod files;
mod spool;

use files::Found;
use spool::Spool;

/// Compare the file sent, the wire and the file received, picture by picture
#[derive(Debug, Args)]
#[command(
    override_usage = "imgnet verify <CAPTURE>... --sent <PATH>... --received <PATH>...",
    after_help = "Examples:\n  \
                  imgnet verify run.pcap --sent sent --received received   all pictures of two folders\n  \
                  imgnet verify run.pcap --sent a.jpg                      did the file go out as it is?\n  \
                  imgnet verify run.pcap --received out --damage damage    and paint what is damaged\n  \
                  imgnet verify run.pcap --ledger server.jsonl --ledger client.jsonl\n  \
                  imgnet verify run.pcap --sent photos --received out --level similar\n\n\
                  Exit codes: 0 all that could be compared is equal; 1 a picture differs, is incomplete, or nothing \
                  belongs to it; 2 usage, an input that cannot be read, an output that cannot be written; 3 the \
                  capture lacks bytes, so that no verdict would be honest.",
    max_term_width = 100
)]
pub struct Verify {
    #[command(flatten)]
    captures: CapturePaths,

    #[command(flatten)]
    compared: ComparedArgs,

    #[command(flatten)]
    common: Common,
}

/// What is compared, and how.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Comparison",
    group = ArgGroup::new("files").args(["sent", "received", "ledger"]).required(true).multiple(true)
)]
struct ComparedArgs {
    /// Files that were sent, or folders of them; several, and several times
    #[arg(long, value_name = "PATH", num_args = 1..)]
    sent: Vec<PathBuf>,

    /// Files that were received, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    received: Vec<PathBuf>,

    /// Ledgers that imgnet-server and imgnet-client wrote: which file went over which connection
    #[arg(long, value_name = "FILE", num_args = 1..)]
    ledger: Vec<PathBuf>,

    /// How much has to be equal
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LevelArg::Bytes)]
    level: LevelArg,

    /// Least PSNR of similar pictures, in dB
    #[arg(long, value_name = "DB", default_value_t = 30.0, value_parser = not_negative)]
    min_psnr: f64,

    /// Least SSIM of similar pictures, at most 1
    #[arg(long, value_name = "N", default_value_t = 0.9, value_parser = not_negative)]
    min_ssim: f64,

    /// Save a picture of each mismatch in DIR: expected beside found, the damage outlined
    #[arg(long, value_name = "DIR")]
    damage: Option<PathBuf>,

    /// Larger pictures and files are compared by digest alone [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = args::at_least_one)]
    limit_compare: Option<u64>,
}

/// `--level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LevelArg {
    /// Every byte (of raw-pixels: every pixel)
    Bytes,
    /// Every decoded pixel
    Pixels,
    /// Decoded pixels nearly, by PSNR and SSIM: for servers that encode afresh
    Similar,
}

fn not_negative(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| format!("expected a number from 0 on, not {text:?}"))
}

/// Runs the command.
///
/// # Errors
/// An input that cannot be read, an output that cannot be written: exit code 2.
pub(super) fn run(command: &Verify) -> anyhow::Result<Exit> {
    let frames = glue::open(&command.captures.captures)?;
    let captures = &command.captures.captures;
    let compared = &command.compared;
    let output = Output::open(&command.common.output, captures)?;
    if let Some(folder) = &compared.damage {
        prepare(folder)?;
    }
    let mut spool = Spool::new();
    // Its file has to be there; where it cannot be, little is kept in memory all the same.
    spool.on_disk();
    confine(command)?;
    // What is wrong with the files is told before a long capture is read.
    let sides = Sides::find(compared)?;
    let mut watchers = Watchers {
        collector: Collector::new(),
        spool,
        progress: Progress::of(captures, command.common.output.quiet),
    };
    let reading = frames.analyse(command.common.analysis.options(), &mut watchers)?;
    let Watchers {
        collector,
        mut spool,
        ..
    } = watchers;
    spool.finish()?;
    let mut report = collector.into_report(reading.captures, reading.packets);
    Verifier {
        sides: &sides,
        spool,
        compared,
        limit: compared.limit_compare.unwrap_or(256 << 20),
    }
    .verify(&mut report)?;
    output.write(&report)?;
    Ok(exit(&report))
}

/// Confines the process: it opens the files that it compares and makes pictures of damage, and nothing else.
fn confine(command: &Verify) -> std::io::Result<()> {
    let compared = &command.compared;
    let damage = compared.damage.as_ref().map(|folder| folder.join("-"));
    let compared = [&compared.sent, &compared.received, &compared.ledger];
    let needs = Needs::beside(damage.as_deref());
    let needs = needs.reading(compared.into_iter().flatten().map(PathBuf::as_path));
    super::capture::confined_to(&command.common.output, needs)
}

fn exit(report: &Report) -> Exit {
    match report.verdict {
        Some(Verdict::Match) => Exit::Good,
        Some(Verdict::Inconclusive) => Exit::Inconclusive,
        None if report.truncated() => Exit::Inconclusive,
        _ => Exit::NotEqual,
    }
}

/// All who watch the analysis.
struct Watchers {
    collector: Collector,
    spool: Spool,
    progress: Progress,
}

impl Observer for Watchers {
    fn event(&mut self, event: Event<'_>) {
        self.spool.see(&event);
        self.collector.event(event);
    }
}

impl Watch for Watchers {
    fn frame(&mut self, captured: usize) -> ControlFlow<()> {
        self.progress.frame(captured);
        if self.spool.failed() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// What is known of one side.
#[derive(Debug, Default)]
struct Side {
    files: Vec<Found>,
    records: Vec<Record>,
    /// Files or a ledger of it were given.
    asked: bool,
}

#[derive(Debug)]
struct Sides {
    sent: Side,
    received: Side,
}

impl Sides {
    fn find(compared: &ComparedArgs) -> anyhow::Result<Self> {
        let (sent, received): (Vec<Record>, Vec<Record>) = files::ledgers(&compared.ledger)?
            .into_iter()
            .partition(|record| record.side == Writer::Sent);
        let side = |paths: &[PathBuf], records: Vec<Record>, option| -> anyhow::Result<Side> {
            Ok(Side {
                files: files::find(paths, option)?,
                asked: !paths.is_empty() || !records.is_empty(),
                records,
            })
        };
        Ok(Self {
            sent: side(&compared.sent, sent, "--sent")?,
            received: side(&compared.received, received, "--received")?,
        })
    }
}

/// Makes the folder of `--damage`, or says now that it cannot be made.
fn prepare(folder: &Path) -> anyhow::Result<()> {
    let cannot = |what| trouble(folder, what, "choose another folder for --damage");
    fs::create_dir_all(folder).map_err(cannot("cannot be made a folder"))?;
    temporary(folder).map_err(cannot("cannot be written"))?;
    Ok(())
}

/// Compares the pictures of a report with the files.
struct Verifier<'v> {
    sides: &'v Sides,
    spool: Spool,
    compared: &'v ComparedArgs,
    limit: u64,
}

impl Verifier<'_> {
    fn verify(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let digests = report
            .images
            .iter()
            .map(|image| match &image.sha256 {
                Some(digest) => Ok(Some(digest.clone())),
                None if image.gap_bytes > 0 => Ok(None),
                None => self.spool.sha256(image.id),
            })
            .collect::<anyhow::Result<Vec<Option<String>>>>()?;
        let wanted: Vec<Wanted> = report
            .images
            .iter()
            .zip(&digests)
            .map(|(image, digest)| wanted(image, digest.clone()))
            .collect();
        let ids: Vec<PictureId> = report.images.iter().map(|image| image.id).collect();
        let sent = self.pair(&wanted, &ids, true)?;
        let received = self.pair(&wanted, &ids, false)?;
        let sides = self.sides;
        let mut images = std::mem::take(&mut report.images);
        for (index, (image, digest)) in images.iter_mut().zip(&digests).enumerate() {
            let picked = Picked {
                digest: digest.as_deref(),
                sent: pick(&sides.sent, &sent, index),
                received: pick(&sides.received, &received, index),
            };
            self.picture(report, image, &picked)?;
        }
        report.images = images;
        let unpaired = |side: &Side, pairs: &Pairs| {
            side.asked.then(|| Given {
                files: side.files.len() as u64,
                unpaired: unpaired(side, pairs),
                ledger_lines: side.records.len() as u64,
                ledger_unpaired: side
                    .records
                    .len()
                    .saturating_sub(pairs.lines.iter().flatten().count())
                    as u64,
            })
        };
        let verification = Verification {
            level: self.level(),
            sent: unpaired(&self.sides.sent, &sent),
            received: unpaired(&self.sides.received, &received),
            damage: self
                .compared
                .damage
                .as_ref()
                .map(|folder| folder.to_string_lossy().into_owned()),
        };
        report.conclude();
        // Said to be sent, and not seen.
        let never_seen = verification.sent.as_ref().is_some_and(|given| {
            given.ledger_unpaired > 0 || given.unpaired.iter().any(|file| file.named)
        });
        if never_seen {
            let worst = if report.truncated() {
                Verdict::Inconclusive
            } else {
                Verdict::Incomplete
            };
            report.verdict = report.verdict.max(Some(worst));
        }
        report.verification = Some(verification);
        Ok(())
    }

    fn level(&self) -> Level {
        match self.compared.level {
            LevelArg::Bytes => Level::Bytes,
            LevelArg::Pixels => Level::Pixels,
            LevelArg::Similar => Level::Similar,
        }
    }

    fn pair(&mut self, wanted: &[Wanted], ids: &[PictureId], sent: bool) -> anyhow::Result<Pairs> {
        let side = if sent {
            &self.sides.sent
        } else {
            &self.sides.received
        };
        let (spool, limit) = (&mut self.spool, self.limit);
        let candidates: Vec<_> = side
            .files
            .iter()
            .map(|found| found.candidate.clone())
            .collect();
        let lines: Vec<LedgerLine> = side.records.iter().map(line).collect();
        // Asked picture by picture: the picture's bytes are read once for all files.
        let mut at_hand: Option<(usize, Option<Wire>)> = None;
        verify::pair(wanted, &candidates, &lines, sent, &mut |picture, file| {
            if at_hand.as_ref().is_none_or(|(index, _)| *index != picture) {
                let wire = match ids.get(picture) {
                    Some(id) => spool.wire(*id, limit)?,
                    None => None,
                };
                at_hand = Some((picture, wire));
            }
            let (Some((_, Some(wire))), Some(found)) = (&at_hand, side.files.get(file)) else {
                return Ok(None);
            };
            if !found.is_promising(wire) {
                return Ok(None);
            }
            let bytes = files::read(found, limit)?;
            Ok(bytes.map(|bytes| verify::closeness(wire, &bytes)))
        })
    }

    fn picture(
        &mut self,
        report: &mut Report,
        image: &mut Image,
        picked: &Picked<'_>,
    ) -> anyhow::Result<()> {
        let read = |half: &Option<Half<'_>>| -> anyhow::Result<Option<Vec<u8>>> {
            match half.as_ref().and_then(|half| half.found) {
                Some(found) if Some(found.facts.sha256.as_str()) != picked.digest => {
                    files::read(found, self.limit)
                }
                _ => Ok(None),
            }
        };
        let equal = |half: &Option<Half<'_>>| {
            half.as_ref()
                .is_none_or(|half| Some(half.facts.sha256.as_str()) == picked.digest)
        };
        let told = equal(&picked.sent) && equal(&picked.received);
        let open_end = image.verdict == Verdict::Inconclusive;
        let (mut sent_bytes, mut received_bytes) = (read(&picked.sent)?, read(&picked.received)?);
        let mut wire = None;
        if !told || open_end {
            wire = self.spool.wire(image.id, self.limit)?;
            // One that equals the wire is needed beside one that does not, to be compared and painted.
            for (bytes, half) in [
                (&mut sent_bytes, &picked.sent),
                (&mut received_bytes, &picked.received),
            ] {
                if let (None, Some(found)) = (&bytes, half.as_ref().and_then(|half| half.found)) {
                    *bytes = files::read(found, self.limit)?;
                }
            }
        }
        let work = Work {
            image,
            stream: report.stream(image.stream),
            sha256: picked.digest,
            wire: wire.as_ref(),
            sent: subject(picked.sent.as_ref(), sent_bytes.as_deref()),
            received: subject(picked.received.as_ref(), received_bytes.as_deref()),
            asked: Asked {
                sent: self.sides.sent.asked,
                received: self.sides.received.asked,
            },
            level: self.level(),
            thresholds: Thresholds {
                psnr: self.compared.min_psnr,
                ssim: self.compared.min_ssim,
            },
        };
        let mut outcome = verify::picture(&work);
        if let Some(folder) = &self.compared.damage
            && let Some(comparison) = &mut outcome.comparison
        {
            for mismatch in [&mut comparison.mismatch, &mut comparison.also]
                .into_iter()
                .flatten()
            {
                mismatch.painting = paint(folder, &work, mismatch.side)?;
            }
        }
        report.findings.append(&mut outcome.findings);
        image.verdict = outcome.verdict;
        if let (None, None, Some((width, height))) = (image.width, image.height, outcome.size) {
            (image.width, image.height) = (Some(width), Some(height));
        }
        image.compared = outcome.comparison.map(serde_json::to_value).transpose()?;
        Ok(())
    }
}

/// The files of a picture.
struct Picked<'p> {
    digest: Option<&'p str>,
    sent: Option<Half<'p>>,
    received: Option<Half<'p>>,
}

/// The file of one side of a picture.
struct Half<'p> {
    facts: FileFacts,
    pairing: verify::PairedBy,
    /// Absent where only a ledger tells of it.
    found: Option<&'p Found>,
}

fn pick<'p>(side: &'p Side, pairs: &Pairs, index: usize) -> Option<Half<'p>> {
    if let Some((file, pairing)) = pairs.files.get(index).copied().flatten() {
        let found = side.files.get(file)?;
        return Some(Half {
            facts: found.facts.clone(),
            pairing,
            found: Some(found),
        });
    }
    let record = side
        .records
        .get(pairs.lines.get(index).copied().flatten()?)?;
    Some(Half {
        facts: FileFacts {
            path: None,
            bytes: record.bytes,
            sha256: record.sha256.clone(),
        },
        pairing: verify::PairedBy::Ledger,
        found: None,
    })
}

fn subject<'s>(half: Option<&'s Half<'_>>, bytes: Option<&'s [u8]>) -> Option<Subject<'s>> {
    let half = half?;
    Some(Subject {
        facts: &half.facts,
        pairing: half.pairing,
        bytes,
    })
}

fn unpaired(side: &Side, pairs: &Pairs) -> Vec<UnpairedFile> {
    let used = |index: usize| pairs.files.iter().flatten().any(|(file, _)| *file == index);
    let left = side
        .files
        .iter()
        .enumerate()
        .filter(|(index, _)| !used(*index));
    left.map(|(_, found)| UnpairedFile {
        path: found.candidate.path.clone(),
        bytes: found.facts.bytes,
        sha256: found.facts.sha256.clone(),
        named: found.named,
    })
    .collect()
}

fn wanted(image: &Image, sha256: Option<String>) -> Wanted {
    Wanted {
        sha256,
        bytes: image.bytes,
        from: image.from,
        to: image.to,
        format: image.format,
        size: image.width.zip(image.height),
        raw: image.format.is_none() && image.protocol.starts_with("raw-pixels"),
    }
}

fn line(record: &Record) -> LedgerLine {
    LedgerLine {
        from: record.from,
        to: record.to,
        sha256: record.sha256.clone(),
        file: record.file.clone(),
    }
}

/// Paints a mismatch into the folder; returns the file's name. None where there are no pixels to show.
fn paint(folder: &Path, work: &Work<'_>, side: SideOfMismatch) -> anyhow::Result<Option<String>> {
    let raw = verify::is_raw(work.image);
    let sent = work.sent.and_then(|subject| subject.bytes);
    let received = work.received.and_then(|subject| subject.bytes);
    let file = |bytes: Option<&[u8]>| painting::as_far_as_possible(bytes?, None);
    let (sent, received) = (file(sent), file(received));
    let width = [&sent, &received]
        .into_iter()
        .flatten()
        .map(painting::Decoded::width)
        .next();
    let wire = work.wire.and_then(Wire::whole).and_then(|bytes| {
        painting::as_far_as_possible(bytes, if raw { Some(width?) } else { None })
    });
    let (expected, found, name) = match side {
        SideOfMismatch::SenderToWire => (sent, wire, "sender-to-wire"),
        SideOfMismatch::WireToReceiver => (wire, received, "wire-to-receiver"),
        SideOfMismatch::SenderToReceiver => (sent, received, "sender-to-receiver"),
    };
    let Some(expected) = expected else {
        return Ok(None);
    };
    let (picture, _) = painting::paint(&expected, found.as_ref());
    let name = format!(
        "stream-{}-image-{:04}-{name}.png",
        work.image.stream, work.image.id.0
    );
    let path = folder.join(&name);
    let cannot = trouble(
        &path,
        "cannot be written",
        "see whether the disk is full, or choose another folder",
    );
    let (file, temporary) = temporary(folder).map_err(&cannot)?;
    let mut file = BufWriter::new(file);
    let bytes = crate::imaging::encode(&picture.into(), crate::picture::Format::Png, 100)?;
    file.write_all(&bytes)
        .and_then(|()| file.flush())
        .map_err(&cannot)?;
    temporary
        .persist(&path)
        .map_err(|error| cannot(error.error))?;
    Ok(Some(name))
}

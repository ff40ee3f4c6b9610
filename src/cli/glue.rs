//! Ties [`Frames`] to the capture files and the analysis of this crate.

use std::path::PathBuf;

use crate::analysis::{self, Analysis, Event, Options, PacketCounts};
use crate::cli::reading::{Frames, Reading, Watch};
use crate::findings::rules;
use crate::report::model::{CaptureFile, Damage, Packets};
use crate::source::{Capture, FileSummary};

/// From so many bytes on more than one thread is worth it.
const LARGE: u64 = 4 << 20;

/// Opens the captures.
pub(super) fn open(captures: &[PathBuf]) -> anyhow::Result<Box<dyn Frames>> {
    Ok(Box::new(Capture::open(captures)?))
}

impl Frames for Capture {
    fn analyse(
        mut self: Box<Self>,
        options: Options,
        watch: &mut dyn Watch,
    ) -> anyhow::Result<Reading> {
        // A small capture is read before threads have begun.
        let large = self.file_bytes().is_some_and(|bytes| bytes >= LARGE);
        let (files, counts) = if let Some(mut frames) = self.mapped() {
            if large && options.threads > 1 && watch.accounts_only() {
                let told = analysis::analyse(&options, options.threads, &mut frames, |frame| {
                    watch.frame(frame.data.len())
                });
                (frames.files(), told.tell(watch))
            } else {
                let mut analysis = Analysis::new(options);
                for frame in &mut frames {
                    analysis.mapped_frame(&frame, watch);
                    if watch.frame(frame.data.len()).is_break() {
                        break;
                    }
                }
                (frames.files(), analysis.finish(watch))
            }
        } else {
            let mut analysis = Analysis::new(options);
            self.for_each_frame(&mut |frame| {
                analysis.frame(frame, watch);
                watch.frame(frame.data.len())
            })?;
            (self.files().to_vec(), analysis.finish(watch))
        };
        let captures: Vec<CaptureFile> = files.iter().map(capture_file).collect();
        for file in &captures {
            if let Some(damage) = &file.damage {
                let finding = rules::file_cut_short(
                    &file.path,
                    damage.offset,
                    damage.after_frame,
                    &damage.reason,
                );
                watch.event(Event::Finding(&finding));
            }
            if let Some(drops @ 1..) = file.kernel_drops {
                watch.event(Event::Finding(&rules::kernel_drops(&file.path, drops)));
            }
        }
        Ok(Reading {
            captures,
            packets: packets(counts),
        })
    }
}

/// A file's account in the report's words.
pub(super) fn capture_file(file: &FileSummary) -> CaptureFile {
    let damage = file.truncated.as_ref().map(|damage| Damage {
        offset: Some(damage.offset),
        after_frame: damage.after_frame,
        reason: damage.reason.to_string(),
    });
    CaptureFile {
        path: file.path.display().to_string(),
        format: match file.compression {
            Some(compression) => format!("{} ({compression})", file.format),
            None => file.format.to_string(),
        },
        link_types: file
            .link_types
            .iter()
            .map(|link| match link.name() {
                Some(name) => name.to_owned(),
                None => format!("linktype-{}", link.0),
            })
            .collect(),
        packets: file.packets,
        captured_bytes: file.captured_bytes,
        original_bytes: file.original_bytes,
        truncated: damage.is_some(),
        damage,
        kernel_drops: file.kernel_drops,
    }
}

/// The analysis' packet counts in the report's words.
pub(super) fn packets(counts: PacketCounts) -> Packets {
    Packets {
        read: counts.read,
        decoded: counts.decoded,
        skipped: counts
            .skipped
            .into_iter()
            .map(|(reason, count)| (reason.into(), count))
            .collect(),
        incomplete_datagrams: counts.incomplete_datagrams,
    }
}

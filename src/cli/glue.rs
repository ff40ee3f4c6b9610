//! Ties [`Frames`] to the capture files and the analysis of this crate.

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::analysis::{self, Analysis, Event, Options, PacketCounts, Told};
use crate::cli::reading::{Frames, Reading, Watch};
use crate::findings::rules;
use crate::frame::Frame;
use crate::report::model::{CaptureFile, Damage};
use crate::source::{self, Capture, FileSummary, Files};

/// From so many bytes on more than one thread is worth it.
const LARGE: u64 = 4 << 20;

/// Opens the captures, and reads nothing of them: by the time of the first byte the process is confined.
pub(super) fn open(captures: &[PathBuf]) -> anyhow::Result<Box<dyn Frames>> {
    Ok(Box::new(Files::open(captures)?))
}

impl Frames for Files {
    fn analyse(
        self: Box<Self>,
        options: Options,
        watch: &mut dyn Watch,
    ) -> anyhow::Result<Reading> {
        Box::new(Capture::of(*self)?).analyse(options, watch)
    }
}

/// The accounts of a large mapped capture, by several threads; absent where it is none, or the frames themselves are watched, or the
/// file was cut meanwhile: what is told only at the end can be thrown away.
fn at_once(
    capture: &Capture,
    options: &Options,
    watch: &mut dyn Watch,
) -> Option<(Vec<FileSummary>, Told)> {
    // A small capture is read before threads have begun.
    let large = capture.file_bytes().is_some_and(|bytes| bytes >= LARGE);
    if !large || !watch.accounts_only() {
        return None;
    }
    let mut frames = capture.mapped()?;
    let threads = if options.threads > 1 {
        options.threads
    } else {
        0
    };
    let each = |frame: &Frame<'_>| {
        if capture.reads_zeros() {
            return ControlFlow::Break(());
        }
        watch.frame(frame.data.len())
    };
    let told = analysis::analyse(options, threads, &mut frames, each, |frames| {
        source::ended(&frames.files())
    });
    let files = frames.files();
    (!capture.was_cut()).then_some((files, told))
}

/// As [`Frames::analyse`], of a large mapped capture that goes on being read: its pages need not be found a second time. Absent where
/// it is none.
pub(super) fn analyse_mapped(
    capture: &Capture,
    options: &Options,
    watch: &mut dyn Watch,
) -> Option<Reading> {
    let (files, told) = at_once(capture, options, watch)?;
    let counts = told.tell(watch);
    Some(reading(&files, counts, watch))
}

impl Frames for Capture {
    fn analyse(
        mut self: Box<Self>,
        options: Options,
        watch: &mut dyn Watch,
    ) -> anyhow::Result<Reading> {
        let told = at_once(&self, &options, watch);
        let (files, counts) = if let Some((files, told)) = told {
            (files, told.tell(watch))
        } else {
            self.unmap();
            let in_memory = self.mapped().map(|mut frames| {
                let mut analysis = Analysis::new(options.clone());
                for frame in &mut frames {
                    analysis.mapped_frame(&frame, watch);
                    if watch.frame(frame.data.len()).is_break() {
                        break;
                    }
                }
                let files = frames.files();
                analysis.ended(source::ended(&files));
                (files, analysis.finish(watch))
            });
            if let Some(read) = in_memory {
                read
            } else {
                let mut analysis = Analysis::new(options);
                self.for_each_frame(&mut |frame| {
                    analysis.frame(frame, watch);
                    watch.frame(frame.data.len())
                })?;
                analysis.ended(source::ended(self.files()));
                (self.files().to_vec(), analysis.finish(watch))
            }
        };
        Ok(reading(&files, counts, watch))
    }
}

/// What was read, with the findings about the files themselves.
fn reading(files: &[FileSummary], counts: PacketCounts, watch: &mut dyn Watch) -> Reading {
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
        if let Some(frames @ 1..) = file.unwritten {
            watch.event(Event::Finding(&rules::disk_full(&file.path, frames)));
        }
        if let Some(away) = file.away {
            watch.event(Event::Finding(&rules::interface_away(&file.path, &away)));
        }
    }
    Reading {
        captures,
        packets: counts.into(),
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
        unwritten: file.unwritten,
        away: file.away,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::analysis::Observer;
    use crate::ledger::{Image, Stream};

    /// A record header and an Ethernet frame with a UDP datagram of 1,000 bytes.
    fn record() -> Vec<u8> {
        let mut frame = Vec::new();
        etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .udp(5000, 5001)
            .write(&mut frame, &[7; 1000])
            .unwrap();
        let length = u32::try_from(frame.len()).unwrap();
        let header = [1, 0, length, length].map(u32::to_le_bytes).concat();
        [header, frame].concat()
    }

    /// A capture of so many such frames, written some time ago.
    fn capture(path: &Path, frames: usize) {
        let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1].map(u32::to_le_bytes);
        let bytes = [header.concat(), record().repeat(frames)].concat();
        std::fs::write(path, bytes).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        let earlier = SystemTime::now() - Duration::from_mins(1);
        file.set_modified(earlier).unwrap();
    }

    /// Cuts the file when the tenth frame comes, and counts what it is told.
    struct Cutter {
        file: File,
        to: u64,
        frames: u64,
        streams: usize,
        accounts_only: bool,
    }

    impl Observer for Cutter {
        fn event(&mut self, _: Event<'_>) {}

        fn stream_closed(&mut self, _: Stream, _: Vec<Image>) {
            self.streams += 1;
        }

        fn accounts_only(&self) -> bool {
            self.accounts_only
        }
    }

    impl Watch for Cutter {
        fn frame(&mut self, _: usize) -> ControlFlow<()> {
            self.frames += 1;
            if self.frames == 10 {
                self.file.set_len(self.to).unwrap();
            }
            ControlFlow::Continue(())
        }
    }

    #[test]
    fn a_capture_cut_while_it_is_read_is_reported_up_to_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.pcap");
        let record = record().len() as u64;
        // In the midst of a record, at the end of one, within the file header's page and far beyond.
        for (frames, records, extra) in [
            (8000, 100, 500),
            (8000, 5000, 0),
            (8000, 1, 0),
            (100, 50, 3),
        ] {
            for threads in [1, 2] {
                for accounts_only in [true, false] {
                    capture(&path, frames);
                    let opened = open(std::slice::from_ref(&path)).unwrap();
                    let mut cutter = Cutter {
                        file: File::options().write(true).open(&path).unwrap(),
                        to: 24 + records * record + extra,
                        frames: 0,
                        streams: 0,
                        accounts_only,
                    };
                    let options = Options {
                        threads,
                        ..Options::default()
                    };
                    let reading = opened.analyse(options, &mut cutter).unwrap();
                    let [file] = reading.captures.as_slice() else {
                        panic!("one file");
                    };
                    // A small file was copied before: nothing is missing from that.
                    let (whole, truncated) = if frames == 100 {
                        (100, false)
                    } else {
                        (records, true)
                    };
                    let what = format!("{frames} {records} {threads} {accounts_only}");
                    assert_eq!(file.truncated, truncated, "{what}");
                    if truncated && !accounts_only {
                        // Read ahead into its buffer, a reader has a few frames more than the file.
                        assert!((whole..whole + 300).contains(&file.packets), "{what}");
                    } else {
                        assert_eq!(file.packets, whole, "{what}");
                        assert_eq!(reading.packets.read, whole, "{what}");
                    }
                    assert_eq!(cutter.streams, 1, "{what}");
                }
            }
        }
    }
}

//! Progress on standard error, where that is a terminal and the input is large.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read as _};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

/// Smaller inputs are done before a bar would be read.
const LARGE: u64 = 64 << 20;
/// Bytes between two looks at the clock.
const STEP: u64 = 4 << 20;
/// What a record header takes beside the frame, at least (pcap).
const RECORD: u64 = 16;

/// A bar by bytes of the input, or nothing.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    unsaid: u64,
}

impl Progress {
    /// A bar, if there is someone to see it and reason to wait.
    pub(super) fn of(captures: &[PathBuf], quiet: bool) -> Self {
        let bar = (!quiet && io::stderr().is_terminal())
            .then(|| bar(captures))
            .flatten();
        Self { bar, unsaid: 0 }
    }

    /// A frame of so many bytes was read.
    pub(super) fn frame(&mut self, bytes: usize) {
        if let Some(bar) = &self.bar {
            self.unsaid = self
                .unsaid
                .saturating_add(bytes as u64)
                .saturating_add(RECORD);
            if self.unsaid >= STEP {
                bar.inc(std::mem::take(&mut self.unsaid));
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(captures: &[PathBuf]) -> Option<ProgressBar> {
    let mut total = Some(0_u64);
    for path in captures {
        total = total
            .zip(size(path))
            .map(|(total, size)| total.saturating_add(size));
    }
    let (bar, template) = match total {
        Some(total) if total < LARGE => return None,
        Some(total) => (
            ProgressBar::new(total),
            "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        ),
        // Compressed, or a pipe: how much will come is unknown.
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {bytes} read, {bytes_per_sec}",
        ),
    };
    Some(bar.with_style(ProgressStyle::with_template(template).ok()?))
}

/// Size of a regular file that is not compressed.
fn size(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mut magic = [0; 4];
    File::open(path).ok()?.read_exact(&mut magic).ok()?;
    let compressed = magic.starts_with(&[0x1f, 0x8b]) || magic == [0x28, 0xb5, 0x2f, 0xfd];
    (!compressed).then_some(metadata.len())
}

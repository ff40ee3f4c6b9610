//! How far a picture came: a bar on a terminal, now and then a line elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::text;

/// Where there is no terminal, a line so often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The picture under way.
#[derive(Debug)]
pub(super) struct Moving {
    terminal: bool,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Moving {
    pub(super) fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            bar: None,
            told: Instant::now(),
        }
    }

    /// So much is done. Returns a line to tell, where there is no terminal and it is time.
    pub(super) fn moved(&mut self, bytes: u64, total: Option<u64>) -> Option<String> {
        if self.terminal {
            let bar = self.bar.get_or_insert_with(|| bar(total));
            bar.set_position(bytes);
            return None;
        }
        if self.told.elapsed() < LINE_EVERY {
            return None;
        }
        self.told = Instant::now();
        Some(match total {
            Some(total) => format!("{} of {} bytes", text::count(bytes), text::count(total)),
            None => text::counted(bytes, "byte", "bytes"),
        })
    }

    /// The picture is over.
    pub(super) fn over(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Writes while no bar is in the way.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        ),
        // How much will come is unknown.
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {bytes}, {bytes_per_sec}",
        ),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

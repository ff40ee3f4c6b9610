//! When the next row of pixels may go out (P4): many receivers take what one `recv` returns for one row, so that two rows
//! which wait together break them.
//!
//! A row goes out when the receiving program has taken the row before. On this machine the kernel says so
//! ([`super::taken`]). From another one only acknowledgments come: its system acknowledges the first few segments at once, whoever
//! reads them or not; later ones, as long as they come one by one, when its program has read them (Linux), or after a delay
//! of about 40 ms. So there the first rows are given a pause, and of the others the acknowledgment tells.

use std::thread;
use std::time::{Duration, Instant};

use super::Error;
use super::socket::Connection;

/// Segments that Linux acknowledges at once when a connection begins (`TCP_MAX_QUICKACKS`).
const AT_ONCE: u32 = 16;

/// The program may still be on its way from `accept` to its first `recv`.
const AFTER_FIRST: Duration = Duration::from_millis(20);

/// Between those that are acknowledged at once.
const BETWEEN_FIRST: Duration = Duration::from_millis(3);

/// How often is looked whether a row was acknowledged or taken.
pub(super) const LOOK: Duration = Duration::from_micros(100);

/// A program that takes nothing for so long is not waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// On a path as long as this the acknowledgment tells more of the path than of the program.
const FAR: Duration = Duration::from_millis(5);

/// An acknowledgment that comes as late as this may be the delayed one (RFC 1122, section 4.2.3.2).
const DELAYED: std::ops::Range<Duration> = Duration::from_millis(35)..Duration::from_millis(60);

/// After so many in a row of those, acknowledgments tell nothing here.
const MOST_DELAYED: u32 = 3;

/// The rows of one connection.
#[derive(Debug, Default)]
pub(super) struct Rows {
    sent: u32,
    last: Option<Instant>,
    /// The shortest time from a row to its acknowledgment, of those that are acknowledged at once.
    path: Option<Duration>,
    delayed: u32,
}

impl Rows {
    /// Waits until the next row may go out.
    pub(super) fn before_next(&mut self, connection: &Connection<'_>) -> Result<(), Error> {
        let Some(last) = self.last else {
            return Ok(());
        };
        if connection.taken(PATIENCE)? || !self.tells() {
            return Ok(());
        }
        connection.drain_every(LOOK)?;
        let took = last.elapsed();
        if self.sent <= AT_ONCE {
            self.path = Some(self.path.map_or(took, |path| path.min(took)));
            let pause = if self.sent == 1 {
                AFTER_FIRST
            } else {
                BETWEEN_FIRST
            };
            thread::sleep(pause.saturating_sub(took));
        } else if DELAYED.contains(&took) {
            self.delayed = self.delayed.saturating_add(1);
        } else {
            self.delayed = 0;
        }
        Ok(())
    }

    /// A row was handed over.
    pub(super) fn handed_over(&mut self) {
        self.sent = self.sent.saturating_add(1);
        self.last = Some(Instant::now());
    }

    /// Whether acknowledgments tell when the program has read.
    fn tells(&self) -> bool {
        let far = self.sent >= AT_ONCE && self.path.is_some_and(|path| path > FAR);
        !far && self.delayed < MOST_DELAYED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgments_that_tell_nothing_are_not_waited_for() {
        let mut rows = Rows::default();
        assert!(rows.tells());
        rows.delayed = MOST_DELAYED;
        assert!(!rows.tells(), "all were delayed");
        let far = Rows {
            sent: AT_ONCE,
            path: Some(Duration::from_millis(30)),
            ..Rows::default()
        };
        assert!(!far.tells(), "a long path");
        let near = Rows {
            path: Some(Duration::from_micros(80)),
            ..far
        };
        assert!(near.tells());
    }
}

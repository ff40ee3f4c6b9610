//! Asking a capture to end: once, from anywhere, with the reason.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Why a capture ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Ctrl-C, or a request to terminate.
    Signal,
    /// As many pictures as were asked for have ended.
    Images,
    /// The time that was asked for is over.
    Duration,
    /// As many frames as were asked for were captured.
    Frames,
    /// As many bytes as were asked for were captured.
    Bytes,
    /// No frame came for as long as was asked for.
    Silence,
    /// The work that was watched is done.
    Done,
    /// The file could not be written any further.
    Output,
    /// Who read the capture from standard output closed it.
    OutputClosed,
    /// The interface failed or went away.
    Device,
}

/// A handle by which a capture is asked to end. The first request counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    reason: OnceLock<Reason>,
    /// Set by the handlers of signals.
    signal: Arc<AtomicBool>,
    /// Not to end before this moment; set before `reason`.
    not_before: OnceLock<Instant>,
}

impl Stop {
    /// Asks the capture to end now.
    pub(crate) fn request(&self, reason: Reason) {
        // An error means that an earlier request stands.
        let _ = self.0.reason.set(reason);
    }

    /// Asks the capture to end in a moment, so that the closing of its connections is still captured.
    pub(crate) fn request_after(&self, reason: Reason, pause: Duration, now: Instant) {
        let _ = self.0.not_before.set(now + pause);
        self.request(reason);
    }

    /// Lets SIGINT and SIGTERM end the capture; the second one ends the program at once, as the first would
    /// have done without this.
    ///
    /// # Errors
    /// When the system refuses to register a handler.
    pub(crate) fn on_signals(&self) -> std::io::Result<()> {
        use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first signal finds the flag down and raises it, the second finds it up.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&self.0.signal))?;
            signal_hook::flag::register(signal, Arc::clone(&self.0.signal))?;
        }
        Ok(())
    }

    /// Why the capture shall end; absent while it shall not. A signal does not wait for the pause of
    /// [`Self::request_after`].
    pub(crate) fn requested(&self, now: Instant) -> Option<Reason> {
        if self.0.signal.load(Ordering::Relaxed) {
            // What was asked for before the signal remains the reason.
            self.request(Reason::Signal);
        } else if self.0.not_before.get().is_some_and(|moment| now < *moment) {
            return None;
        }
        self.reason()
    }

    /// The reason of the first request; absent while there was none.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.0.reason.get().copied()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "moments to compare with")]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_counts() {
        let stop = Stop::default();
        let now = Instant::now();
        assert_eq!(stop.requested(now), None);
        for reason in [Reason::Images, Reason::Signal, Reason::Done] {
            let stop = Stop::default();
            stop.request(reason);
            stop.request(Reason::Device);
            assert_eq!(stop.clone().requested(now), Some(reason));
        }
    }

    #[test]
    fn a_pause_is_kept_but_not_against_a_signal() {
        let now = Instant::now();
        let stop = Stop::default();
        stop.request_after(Reason::Images, Duration::from_secs(3600), now);
        assert_eq!(stop.requested(now), None);
        assert_eq!(
            stop.requested(now + Duration::from_secs(3600)),
            Some(Reason::Images)
        );
        stop.0.signal.store(true, Ordering::Relaxed);
        assert_eq!(stop.requested(now), Some(Reason::Images));
    }
}

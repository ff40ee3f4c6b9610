//! What a capture can know: what it lacks, and what therefore cannot be said.
//!
//! A verdict that rests on something *not* being there (a picture that never came, a file that nobody sent, a close that
//! was never answered) holds only as far as the capture would have it, had it been. This is where that is decided.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Closed, Direction, GapCause, Stream, TransportKind};
use crate::units::counted;
use crate::wire::{Confidence, Protocol};

/// What the capture has of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// At least one frame of it.
    pub captured: bool,
    /// Its first byte is known to be the first that was sent (SYN); datagrams have no beginning.
    pub start: bool,
    /// Its end: FIN or RST.
    pub end: bool,
    /// Bytes that are missing although they were delivered, or of which nothing tells what became of them.
    pub missing: u64,
}

impl Direction {
    /// What the capture has of it.
    pub fn seen(&self) -> Seen {
        Seen {
            captured: self.packets > 0,
            // One that only refuses has no beginning.
            start: self.start_seen.unwrap_or(true)
                || (self.closed == Some(Closed::Reset) && self.payload_bytes == 0),
            end: self.closed.is_some(),
            missing: self.uncaptured_bytes(),
        }
    }

    /// Bytes that the capture lacks; those that nobody acknowledged were never delivered, and are not among them.
    pub fn uncaptured_bytes(&self) -> u64 {
        self.gaps
            .iter()
            .filter(|gap| gap.cause != GapCause::NeverAcknowledged)
            .map(|gap| gap.length)
            .sum()
    }
}

impl Stream {
    /// Whether its wire format was given, or more than one thing in the bytes and around them speaks for it. Only then is
    /// anything proven that rests on it.
    pub fn is_confirmed(&self) -> bool {
        match self.confidence {
            Some(Confidence::Given | Confidence::Confirmed | Confidence::PortAndContent) => true,
            Some(Confidence::Content) => self.protocol.as_ref().is_some_and(Protocol::names_itself),
            Some(Confidence::Likely | Confidence::Guess) | None => false,
        }
    }

    /// Whether bytes of it may have gone by that the capture does not have: it began before the capture, one of its
    /// directions was filtered out, or bytes are missing.
    pub fn lacks(&self) -> bool {
        let seen = || self.directions.iter().map(Direction::seen);
        let carries = seen().any(|seen| seen.captured);
        let tcp = self.transport == TransportKind::Tcp;
        carries && seen().any(|seen| seen.missing > 0 || (tcp && (!seen.captured || !seen.start)))
    }
}

/// What a capture lacks as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Nothing is known to be missing from the capture: what it does not show did not happen, as far as its frames go.
    pub whole: bool,
    /// Frames that may carry what is missed, and that could not be decoded, by reason.
    pub undecoded: BTreeMap<Cow<'static, str>, u64>,
    /// Frames that the kernel dropped while capturing; absent where no file says.
    pub kernel_drops: Option<u64>,
    /// Frames that were captured and found no room in the file.
    #[serde(default)]
    pub unwritten: u64,
    /// How often a captured interface was gone: taken down, or removed.
    pub interface_away: u64,
    /// A file is cut short or damaged.
    pub truncated: bool,
    /// TCP connections that began before the capture did: their SYN is not in it.
    pub late_starts: u64,
    /// TCP connections of which only one side was captured.
    pub one_sided: u64,
    /// TCP connections that carried bytes and of which the capture has no end.
    pub unfinished: u64,
    /// Stream bytes that are missing although they were delivered, or of which nothing tells what became of them.
    pub gap_bytes: u64,
    /// In so many places.
    pub gaps: u64,
    /// Stream bytes that were sent, as later ones show, and that nobody acknowledged.
    pub unacknowledged_bytes: u64,
    /// In so many places.
    pub unacknowledged_gaps: u64,
    /// IP datagrams of which not all fragments were captured.
    pub incomplete_datagrams: u64,
}

/// Reasons for not decoding a frame that say all there is to say about it: it carries no TCP and no UDP.
const HARMLESS: [&str; 2] = ["not-ip", "not-tcp-or-udp"];

impl Coverage {
    /// Takes frames that were not decoded.
    pub fn skipped(&mut self, reason: &str, frames: u64) {
        if frames > 0 && !HARMLESS.contains(&reason) {
            *self
                .undecoded
                .entry(Cow::Owned(reason.to_owned()))
                .or_default() += frames;
        }
    }

    /// Takes what a capture file says of itself.
    pub fn file(&mut self, kernel_drops: Option<u64>, truncated: bool) {
        if let Some(drops) = kernel_drops {
            *self.kernel_drops.get_or_insert(0) += drops;
        }
        self.truncated |= truncated;
    }

    /// Takes what is known of a stream.
    pub fn stream(&mut self, stream: &Stream) {
        for direction in &stream.directions {
            // One that stands for those that found no room reaches over what was captured between them.
            let listed = direction.gaps.iter().map(|gap| gap.length);
            let listed = listed.fold(0, u64::saturating_add);
            let mut captured = listed.saturating_sub(direction.gap_bytes);
            for gap in &direction.gaps {
                let (bytes, gaps) = match gap.cause {
                    GapCause::NeverAcknowledged => (
                        &mut self.unacknowledged_bytes,
                        &mut self.unacknowledged_gaps,
                    ),
                    _ => (&mut self.gap_bytes, &mut self.gaps),
                };
                let over = if gap.cause == GapCause::Limit {
                    captured.min(gap.length)
                } else {
                    0
                };
                captured -= over;
                *bytes = bytes.saturating_add(gap.length - over);
                *gaps += 1;
            }
        }
        if stream.transport != TransportKind::Tcp {
            return;
        }
        let seen = || stream.directions.iter().map(Direction::seen);
        self.one_sided += u64::from(seen().any(|seen| !seen.captured));
        self.late_starts += u64::from(seen().any(|seen| seen.captured && !seen.start));
        let carried = stream.directions.iter().any(|one| one.payload_bytes > 0);
        self.unfinished += u64::from(carried && !seen().any(|seen| seen.end));
    }

    /// Draws the conclusion, once everything was taken.
    pub fn conclude(&mut self) {
        self.whole = !self.lacks_frames()
            && self.late_starts == 0
            && self.one_sided == 0
            && self.gap_bytes == 0;
    }

    /// Whether frames are missing that could be anything: of a picture that does not show, of a connection that does not.
    pub fn lacks_frames(&self) -> bool {
        !self.undecoded.is_empty()
            || self.kernel_drops.is_some_and(|drops| drops > 0)
            || self.truncated
            || self.unwritten > 0
            || self.interface_away > 0
            || self.incomplete_datagrams > 0
    }

    /// What is missing, each kind in words of its own; nothing where the capture is whole.
    pub fn words(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if self.gaps > 0 {
            parts.push(format!(
                "{} missing from the capture ({})",
                counted(self.gap_bytes, "byte", "bytes"),
                counted(self.gaps, "gap", "gaps")
            ));
        }
        let mut add = |number: u64, one: &str, more: &str| {
            if number > 0 {
                parts.push(counted(number, one, more));
            }
        };
        add(
            self.kernel_drops.unwrap_or(0),
            "frame dropped by the kernel while capturing",
            "frames dropped by the kernel while capturing",
        );
        add(
            self.unwritten,
            "frame for which the capture file had no room",
            "frames for which the capture file had no room",
        );
        add(
            self.interface_away,
            "time that the interface was gone",
            "times that the interface was gone",
        );
        add(
            self.undecoded_frames(),
            "frame that imgnet cannot read",
            "frames that imgnet cannot read",
        );
        add(
            self.incomplete_datagrams,
            "IP datagram whose fragments are not all there",
            "IP datagrams whose fragments are not all there",
        );
        add(
            self.late_starts,
            "connection without its beginning",
            "connections without their beginning",
        );
        add(
            self.one_sided,
            "connection of which only one side was captured",
            "connections of which only one side was captured",
        );
        if self.truncated {
            parts.push("cut short or damaged".to_owned());
        }
        parts
    }

    /// Frames that could not be decoded.
    pub fn undecoded_frames(&self) -> u64 {
        self.undecoded.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_tcp_or_udp_hide_nothing() {
        let mut coverage = Coverage::default();
        coverage.skipped("not-ip", 3);
        coverage.skipped("not-tcp-or-udp", 3);
        coverage.conclude();
        assert!(coverage.whole);
        coverage.skipped("tunnel", 1);
        coverage.conclude();
        assert!(!coverage.whole && coverage.lacks_frames());
        assert_eq!(coverage.undecoded_frames(), 1);
    }

    #[test]
    fn dropped_frames_and_a_cut_file_can_hide_anything() {
        let mut coverage = Coverage::default();
        coverage.file(Some(0), false);
        coverage.conclude();
        assert!(coverage.whole);
        coverage.file(Some(2), false);
        coverage.conclude();
        assert!(!coverage.whole);
        let mut coverage = Coverage::default();
        coverage.file(None, true);
        coverage.conclude();
        assert!(!coverage.whole && coverage.kernel_drops.is_none());
    }
}

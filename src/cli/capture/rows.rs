//! The rows of a live capture: what each picture's row says, and which rows there is room for.

// Writing to a string does not fail: the results are of no interest.
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::analysis::Event;
use crate::ledger::{Image, Verdict};
use crate::report::text::{self, count, counted};
use crate::units::PictureId;
use crate::verify::{Comparison, Mismatch, SideOfMismatch};

/// Pictures that ended and are still shown, where there is room.
const KEPT: usize = 30;

/// The rows: pictures that move, and the latest that ended.
#[derive(Debug, Default)]
pub(super) struct Rows {
    moving: BTreeMap<PictureId, Moving>,
    ended: VecDeque<Ended>,
    /// All that ended, by how.
    whole: u64,
    not_whole: u64,
    streams: u64,
}

/// A picture that moves.
#[derive(Debug, Clone)]
struct Moving {
    from: SocketAddr,
    to: SocketAddr,
    protocol: String,
    declared: Option<u64>,
    bytes: u64,
    missing: u64,
    begun: Instant,
}

/// A picture that ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    id: PictureId,
    from: SocketAddr,
    to: SocketAddr,
    protocol: String,
    what: String,
    verdict: Verdict,
    problem: Option<String>,
}

/// What an event changed.
#[derive(Debug)]
pub(super) enum Change {
    /// No row.
    Nothing,
    /// Some row.
    Rows,
    /// A picture ended.
    Ended(Ended),
}

impl Rows {
    /// Takes an event in.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Change {
        match event {
            Event::StreamOpened { .. } => {
                self.streams = self.streams.saturating_add(1);
                Change::Rows
            }
            Event::PictureStarted {
                picture,
                from,
                to,
                protocol,
                length,
                ..
            } => {
                self.moving.insert(
                    *picture,
                    Moving {
                        from: *from,
                        to: *to,
                        protocol: protocol.to_string(),
                        declared: *length,
                        bytes: 0,
                        missing: 0,
                        begun: Instant::now(),
                    },
                );
                Change::Rows
            }
            Event::PictureData { picture, bytes } => match self.moving.get_mut(picture) {
                Some(row) => {
                    row.bytes = row.bytes.saturating_add(bytes.len() as u64);
                    Change::Rows
                }
                None => Change::Nothing,
            },
            Event::PictureGap { picture, length } => match self.moving.get_mut(picture) {
                Some(row) => {
                    row.missing = row.missing.saturating_add(*length);
                    Change::Rows
                }
                None => Change::Nothing,
            },
            Event::PictureEnded(image) => {
                self.moving.remove(&image.id);
                let ended = Ended::of(image);
                match ended.verdict {
                    Verdict::Match | Verdict::Unverified => {
                        self.whole = self.whole.saturating_add(1);
                    }
                    _ => self.not_whole = self.not_whole.saturating_add(1),
                }
                self.ended.push_back(ended.clone());
                if self.ended.len() > KEPT {
                    self.ended.pop_front();
                }
                Change::Ended(ended)
            }
            _ => Change::Nothing,
        }
    }

    /// What the files of a picture that ended show: counts it anew.
    pub(super) fn judged(&mut self, image: &Image, was_whole: bool) -> Ended {
        let ended = Ended::of(image);
        if let Some(row) = self.ended.iter_mut().find(|row| row.id == image.id) {
            *row = ended.clone();
        }
        if was_whole && !matches!(ended.verdict, Verdict::Match | Verdict::Unverified) {
            self.whole = self.whole.saturating_sub(1);
            self.not_whole = self.not_whole.saturating_add(1);
        }
        ended
    }

    /// The screen: at most `most` lines of at most `width` characters, the newest rows last.
    pub(super) fn screen(&self, most: usize, width: usize, unicode: bool) -> Vec<String> {
        let mut head = format!(
            "{}, {} whole",
            counted(self.streams, "stream", "streams"),
            counted(self.whole, "picture", "pictures")
        );
        if self.not_whole > 0 {
            let _ = write!(head, ", {} not", count(self.not_whole));
        }
        if !self.moving.is_empty() {
            let _ = write!(head, ", {} moving", count(self.moving.len() as u64));
        }
        let room = most.saturating_sub(1);
        // Those that move come first to be shown: a picture that ended is told again at the end.
        let shown = self.moving.len().min(room);
        let kept = room.saturating_sub(shown).min(self.ended.len());
        let mut lines: Vec<String> = self
            .ended
            .iter()
            .skip(self.ended.len().saturating_sub(kept))
            .map(|row| row.line(unicode))
            .collect();
        let hidden = self.moving.len().saturating_sub(shown);
        lines.extend(
            self.moving
                .iter()
                .skip(hidden)
                .map(|(id, row)| row.line(*id, unicode)),
        );
        if hidden > 0 {
            let _ = write!(head, " ({} of them not shown)", count(hidden as u64));
        }
        lines.push(head);
        for line in &mut lines {
            if line.chars().count() > width {
                let cut = text::shortened(line, width.saturating_sub(1)).into_owned();
                *line = text::plain(&cut, unicode).into_owned();
            }
        }
        lines
    }
}

impl Moving {
    fn line(&self, id: PictureId, unicode: bool) -> String {
        let mut line = format!(
            "{:>4}  {}  {}  … {} bytes",
            id.0,
            text::route(self.from, self.to, unicode),
            self.protocol,
            count(self.bytes)
        );
        if let Some(declared) = self.declared {
            let percent = self
                .bytes
                .saturating_add(self.missing)
                .saturating_mul(100)
                .checked_div(declared)
                .unwrap_or(100);
            let _ = write!(line, " of {} ({percent} %)", count(declared));
        }
        if self.missing > 0 {
            let _ = write!(line, ", {} missing", count(self.missing));
        }
        // Before that it says little.
        let begun = self.begun.elapsed();
        if begun >= Duration::from_secs(1) {
            let rate = u128::from(self.bytes).saturating_mul(1_000_000) / begun.as_micros().max(1);
            let rate = u64::try_from(rate / 1000).unwrap_or(u64::MAX);
            let _ = write!(line, ", {} kB/s", count(rate));
        }
        text::plain(&line, unicode).into_owned()
    }
}

/// A picture that ended, in a few words.
pub(super) fn told(image: &Image) -> String {
    let ended = Ended::of(image);
    let mut told = format!("{}, {}", ended.what, ended.word().1);
    if let Some(problem) = &ended.problem {
        told.push_str(": ");
        told.push_str(problem);
    }
    told
}

/// The files of a picture, and which of them equal the wire.
fn files(compared: &Comparison) -> String {
    let mut text = String::new();
    for (side, what) in [(&compared.sent, "sent"), (&compared.received, "received")] {
        let Some(side) = side else { continue };
        let sign = match side.equal {
            Some(true) => '=',
            Some(false) => '≠',
            None => '?',
        };
        let name = side.path.as_deref().unwrap_or("by the ledger");
        let _ = write!(text, "  {sign} {what} {}", text::plain(name, true));
    }
    text
}

/// Where and how a picture differs, in a few words.
fn differs(mismatch: &Mismatch) -> String {
    let between = match mismatch.side {
        SideOfMismatch::SenderToWire => "sender → wire",
        SideOfMismatch::WireToReceiver => "wire → receiver",
        SideOfMismatch::SenderToReceiver => "sender → receiver",
    };
    let at = mismatch
        .first_difference
        .map(|at| format!(" from byte {}", count(at)))
        .unwrap_or_default();
    format!("differs {between}{at}: {}", mismatch.damage)
}

impl Ended {
    fn word(&self) -> (char, &'static str) {
        match self.verdict {
            Verdict::Match => ('✔', "match"),
            Verdict::Unverified => ('✔', "whole"),
            Verdict::Inconclusive => ('?', "inconclusive"),
            Verdict::Incomplete => ('✖', "incomplete"),
            Verdict::Mismatch => ('✖', "mismatch"),
        }
    }

    fn of(image: &Image) -> Self {
        let mut what = String::new();
        if let Some(format) = image.format {
            what.push_str(&format.to_string().to_uppercase());
            what.push(' ');
        }
        if let (Some(width), Some(height)) = (image.width, image.height) {
            let _ = write!(what, "{width}×{height} ");
        }
        let _ = write!(
            what,
            "{} bytes, {}",
            count(image.bytes),
            counted(image.packets, "packet", "packets")
        );
        if image.retransmitted_packets > 0 {
            let _ = write!(
                what,
                ", {}",
                counted(image.retransmitted_packets, "repeat", "repeats")
            );
        }
        let compared = image
            .compared
            .clone()
            .and_then(|compared| serde_json::from_value(compared).ok());
        let problem = match &compared {
            None => None,
            Some(compared) => {
                what.push_str(&files(compared));
                compared.mismatch.as_ref().map(differs)
            }
        };
        Self {
            id: image.id,
            from: image.from,
            to: image.to,
            protocol: image.protocol.clone(),
            what,
            verdict: image.verdict,
            problem: problem.or_else(|| image.problem.clone()),
        }
    }

    /// Its row.
    pub(super) fn line(&self, unicode: bool) -> String {
        let (mark, word) = self.word();
        let mark = if unicode {
            format!("{mark} ")
        } else {
            String::new()
        };
        let mut line = format!(
            "{:>4}  {}  {}  {mark}{word}  {}",
            self.id.0,
            text::route(self.from, self.to, unicode),
            self.protocol,
            self.what
        );
        if let Some(problem) = &self.problem {
            line.push_str(": ");
            line.push_str(problem);
        }
        text::plain(&line, unicode).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{FrameNumber, StreamId};
    use crate::wire::Protocol;

    fn start(rows: &mut Rows, id: u32, length: Option<u64>) {
        rows.event(&Event::PictureStarted {
            picture: PictureId(id),
            stream: StreamId(0),
            from: "127.0.0.1:53516".parse().unwrap(),
            to: "127.0.0.1:5050".parse().unwrap(),
            protocol: &Protocol::pipeline(),
            length,
            frame: FrameNumber(1),
            time: None,
        });
    }

    fn data(rows: &mut Rows, id: u32, bytes: usize) {
        rows.event(&Event::PictureData {
            picture: PictureId(id),
            bytes: &vec![0; bytes],
        });
    }

    #[test]
    fn a_row_grows_with_its_picture() {
        let mut rows = Rows::default();
        start(&mut rows, 3, Some(4000));
        data(&mut rows, 3, 1000);
        data(&mut rows, 3, 1000);
        rows.event(&Event::PictureGap {
            picture: PictureId(3),
            length: 500,
        });
        assert_eq!(
            rows.screen(10, 200, true),
            [
                "   3  127.0.0.1:53516 → :5050  marker  … 2,000 bytes of 4,000 (62 %), 500 missing",
                "0 streams, 0 pictures whole, 1 moving"
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_counted_and_cut_lines_say_so() {
        let mut rows = Rows::default();
        for id in 0..50 {
            start(&mut rows, id, None);
        }
        let screen = rows.screen(5, 40, true);
        assert_eq!(screen.len(), 5);
        assert!(
            screen.iter().all(|line| line.chars().count() <= 40),
            "{screen:?}"
        );
        assert!(screen[0].starts_with("  46  "), "{screen:?}");
        assert!(screen[0].ends_with('…'), "{screen:?}");
        let wide = rows.screen(5, 200, true);
        assert!(
            wide[4].ends_with("50 moving (46 of them not shown)"),
            "{wide:?}"
        );
        assert!(rows.screen(5, 40, false).iter().all(|line| line.is_ascii()));
    }

    #[test]
    fn bytes_of_a_picture_that_never_started_change_nothing() {
        let mut rows = Rows::default();
        let change = rows.event(&Event::PictureData {
            picture: PictureId(9),
            bytes: b"x",
        });
        assert!(matches!(change, Change::Nothing));
        assert_eq!(rows.screen(3, 80, true).len(), 1);
    }
}

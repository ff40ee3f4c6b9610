//! The rows of a live capture: what each picture's row says, and which rows there is room for.

// Writing to a string does not fail: the results are of no interest.
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::analysis::{Event, Wait};
use crate::ledger::comparison::{Comparison, Mismatch, SideOfMismatch};
use crate::ledger::{Image, Verdict};
use crate::report::text::{self, count, counted};
use crate::units::{PictureId, Timestamp};

/// Pictures that ended and are still shown, where there is room.
const KEPT: usize = 30;
/// A rate is told after that time.
const SAYS_LITTLE: Duration = Duration::from_millis(300);
/// Without a frame for that long, a picture is said to be quiet.
const QUIET: Duration = Duration::from_secs(2);

/// The rows: pictures that move, and the latest that ended.
#[derive(Debug, Default)]
pub(super) struct Rows {
    moving: BTreeMap<PictureId, Moving>,
    ended: VecDeque<Ended>,
    /// All that ended, by how.
    whole: u64,
    not_whole: u64,
    streams: u64,
    /// What is waited for, a line each.
    waiting: Vec<String>,
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
    packets: u64,
    repeats: u64,
    begun: Instant,
    /// When the last frame of it came.
    heard: Instant,
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
                let now = Instant::now();
                self.moving.insert(
                    *picture,
                    Moving {
                        from: *from,
                        to: *to,
                        protocol: protocol.to_string(),
                        declared: *length,
                        bytes: 0,
                        missing: 0,
                        packets: 0,
                        repeats: 0,
                        begun: now,
                        heard: now,
                    },
                );
                Change::Rows
            }
            Event::PictureData { picture, bytes, .. } => match self.moving.get_mut(picture) {
                Some(row) => {
                    row.bytes = row.bytes.saturating_add(bytes.len() as u64);
                    Change::Rows
                }
                None => Change::Nothing,
            },
            Event::PicturePacket { picture, repeat } => match self.moving.get_mut(picture) {
                Some(row) => {
                    row.packets = row.packets.saturating_add(1);
                    row.repeats = row.repeats.saturating_add(u64::from(*repeat));
                    row.heard = Instant::now();
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

    /// What is waited for now; says whether that changed.
    pub(super) fn waits(&mut self, waits: &[Wait], now: Timestamp) -> bool {
        let lines = waits.iter().map(|wait| waiting(wait, now)).collect();
        let before = std::mem::replace(&mut self.waiting, lines);
        before != self.waiting
    }

    /// Whether any picture moves.
    pub(super) fn any_moves(&self) -> bool {
        !self.moving.is_empty()
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
        // The line of titles, and the last one.
        let titles = usize::from(!self.moving.is_empty());
        let waiting = self.waiting.len().min(most.saturating_sub(1));
        let room = most
            .saturating_sub(1)
            .saturating_sub(titles)
            .saturating_sub(waiting);
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
        if shown > 0 {
            let now = Instant::now();
            let rows: Vec<[String; COLUMNS]> = self
                .moving
                .iter()
                .skip(hidden)
                .map(|(id, row)| row.cells(*id, now, unicode))
                .collect();
            let rows = table(&rows, width);
            lines.extend(
                rows.iter()
                    .map(|row| text::plain(row, unicode).into_owned()),
            );
        }
        if hidden > 0 {
            let _ = write!(head, " ({} of them not shown)", count(hidden as u64));
        }
        lines.extend(self.waiting.iter().take(waiting).cloned());
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

/// What is waited for, and for how long.
pub(super) fn waiting(wait: &Wait, now: Timestamp) -> String {
    let seconds = now.since(wait.since).max(0) / 1_000_000_000;
    format!("waiting: {wait} for {seconds} s")
}

/// Columns of a picture that moves.
const COLUMNS: usize = 10;
/// Their titles, and whether they are aligned to the right.
const TITLES: [(&str, bool); COLUMNS] = [
    ("#", true),
    ("from → to", false),
    ("wire format", false),
    ("bytes", true),
    ("%", true),
    ("rate", true),
    ("packets", true),
    ("repeats", true),
    ("missing", true),
    ("state", false),
];
/// Where there is no room for all, these are left out first, in this order: the wire format is told again at the end, the
/// others can be told from what remains.
const LEFT_OUT: [usize; 4] = [2, 7, 9, 5];
/// The column of missing bytes, there only where some are.
const MISSING: usize = 8;

/// The rows under their titles. What does not fit is left to be cut.
fn table(rows: &[[String; COLUMNS]], width: usize) -> Vec<String> {
    let widths: Vec<usize> = TITLES
        .iter()
        .enumerate()
        .map(|(column, (title, _))| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .max(title.chars().count())
        })
        .collect();
    let any_missing = rows
        .iter()
        .any(|row| row.get(MISSING).is_some_and(|cell| !cell.is_empty()));
    let mut columns: Vec<usize> = (0..COLUMNS)
        .filter(|column| *column != MISSING || any_missing)
        .collect();
    for out in LEFT_OUT {
        let all: usize = columns
            .iter()
            .filter_map(|column| widths.get(*column))
            .map(|width| width + 2)
            .sum();
        if all <= width + 2 {
            break;
        }
        columns.retain(|column| *column != out);
    }
    let line = |cells: &dyn Fn(usize) -> String| -> String {
        let cells: Vec<String> = columns
            .iter()
            .map(|&column| {
                let cell = cells(column);
                let width = widths.get(column).copied().unwrap_or(0);
                if TITLES.get(column).is_some_and(|(_, right)| *right) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:width$}")
                }
            })
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    let title = |column: usize| {
        let title = TITLES.get(column).map(|(title, _)| *title);
        title.unwrap_or_default().to_owned()
    };
    std::iter::once(line(&title))
        .chain(
            rows.iter()
                .map(|row| line(&|column| row.get(column).cloned().unwrap_or_default())),
        )
        .collect()
}

/// A size or a rate as a person reads it: three digits, powers of 1000.
fn short(bytes: u64) -> String {
    let mut unit = 1_u64;
    for name in ["", " kB", " MB", " GB", " TB"] {
        let whole = bytes / unit;
        if whole < 1000 || name == " TB" {
            let tenths = bytes / (unit / 10).max(1) % 10;
            return if unit > 1 && whole < 100 {
                format!("{whole}.{tenths}{name}")
            } else {
                format!("{whole}{name}")
            };
        }
        unit = unit.saturating_mul(1000);
    }
    String::new()
}

impl Moving {
    fn cells(&self, id: PictureId, now: Instant, unicode: bool) -> [String; COLUMNS] {
        let done = self.bytes.saturating_add(self.missing);
        let percent = self.declared.map_or(String::new(), |declared| {
            let percent = done.saturating_mul(100).checked_div(declared);
            percent.unwrap_or(100).to_string()
        });
        let begun = now.duration_since(self.begun);
        // Before that it says little.
        let rate = if begun >= SAYS_LITTLE {
            let rate = u128::from(self.bytes).saturating_mul(1_000_000) / begun.as_micros().max(1);
            format!("{}/s", short(u64::try_from(rate).unwrap_or(u64::MAX)))
        } else {
            String::new()
        };
        let quiet = now.duration_since(self.heard);
        let state = if quiet >= QUIET {
            format!("quiet for {} s", quiet.as_secs())
        } else {
            "moving".to_owned()
        };
        [
            id.0.to_string(),
            text::route(self.from, self.to, unicode),
            text::plain(&self.protocol, unicode).into_owned(),
            short(self.bytes),
            percent,
            rate,
            count(self.packets),
            count(self.repeats),
            if self.missing > 0 {
                short(self.missing)
            } else {
                String::new()
            },
            state,
        ]
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

/// The names of a picture's files, and which of them equal the wire. Their paths are in the report.
fn files(compared: &Comparison) -> String {
    let mut text = String::new();
    for (side, what) in [(&compared.sent, "sent"), (&compared.received, "received")] {
        let Some(side) = side else { continue };
        let sign = match side.equal {
            Some(true) => '=',
            Some(false) => '≠',
            None => '?',
        };
        let _ = match &side.path {
            Some(path) => {
                let name = path.rsplit('/').next().unwrap_or(path);
                write!(text, "  {sign} {} ({what})", text::plain(name, true))
            }
            None => write!(text, "  {sign} ledger ({what})"),
        };
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
            what.push_str(&format.to_string());
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
        let compared = image.compared.as_deref();
        let problem = match compared {
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
            protocol: image.protocol.to_string(),
            what,
            verdict: image.verdict,
            problem: problem.or_else(|| image.problem.as_ref().map(ToString::to_string)),
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
            at: None,
            bytes: &vec![0; bytes],
        });
    }

    #[test]
    fn a_row_grows_with_its_picture() {
        let mut rows = Rows::default();
        start(&mut rows, 3, Some(4000));
        for repeat in [false, false, true] {
            rows.event(&Event::PicturePacket {
                picture: PictureId(3),
                repeat,
            });
        }
        data(&mut rows, 3, 1000);
        data(&mut rows, 3, 1000);
        rows.event(&Event::PictureGap {
            picture: PictureId(3),
            length: 500,
        });
        assert_eq!(
            rows.screen(10, 200, true),
            [
                "#  from → to                wire format   bytes   %  rate  packets  repeats  missing  state",
                "3  127.0.0.1:53516 → :5050  marker       2.0 kB  62              3        1      500  moving",
                "0 streams, 0 pictures whole, 1 moving"
            ]
        );
        // In a narrow terminal what can be told from the rest is left out.
        assert_eq!(
            rows.screen(10, 79, true),
            [
                "#  from → to                 bytes   %  rate  packets  repeats  missing  state",
                "3  127.0.0.1:53516 → :5050  2.0 kB  62              3        1      500  moving",
                "0 streams, 0 pictures whole, 1 moving"
            ]
        );
    }

    #[test]
    fn sizes_have_three_digits() {
        for (bytes, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0 kB"),
            (12_345, "12.3 kB"),
            (999_999, "999 kB"),
            (19_998_054, "19.9 MB"),
            (3_500_000_000, "3.5 GB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(short(bytes), expected);
        }
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
        assert!(screen[0].starts_with(" #  from"), "{screen:?}");
        assert!(screen[1].starts_with("47  "), "{screen:?}");
        assert!(screen[1].ends_with('…'), "{screen:?}");
        let wide = rows.screen(5, 200, true);
        assert!(
            wide[4].ends_with("50 moving (47 of them not shown)"),
            "{wide:?}"
        );
        assert!(rows.screen(5, 40, false).iter().all(|line| line.is_ascii()));
    }

    #[test]
    fn bytes_of_a_picture_that_never_started_change_nothing() {
        let mut rows = Rows::default();
        let change = rows.event(&Event::PictureData {
            picture: PictureId(9),
            at: None,
            bytes: b"x",
        });
        assert!(matches!(change, Change::Nothing));
        assert_eq!(rows.screen(3, 80, true).len(), 1);
    }
}

//! `imgnet packets`: the packet list.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{IsTerminal as _, Write as _};
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use super::{FilterArg, LookArgs, Looked, crew, tell_damaged, to_stdout, written};
use crate::cli::args::{AnalysisArgs, CapturePaths};
use crate::cli::exit::Exit;
use crate::dissect::list::{COLUMNS, Clock, Column, Format, List, cell, json};
use crate::dissect::{Gathered, Line, Seen};
use crate::units::counted;

/// So many frames are analysed before the first row of a large capture is written.
const AHEAD: u64 = 1 << 15;
/// So many rows of a large capture are written from that.
const EARLY: u64 = 1_000;
/// From so many frames on, several threads put them into words.
const LARGE: u64 = 10_000;

/// List the packets: what each carries of which picture, beside what Wireshark's list shows
#[derive(Debug, Args)]
#[command(
    after_help = "Colours: green picture bytes, cyan framing (markers, lengths, requests), blue answers, magenta stray \
                  bytes,\nyellow sent again or out of order, red resets; dim pure acknowledgments. Bold red and bold \
                  yellow rows are\nproofs of an error or a warning, named in the last column (imgnet explain NAME tells \
                  more).\n\n\
                  Examples:\n  \
                  imgnet packets pipeline.pcap\n  \
                  imgnet packets pipeline.pcap -Y 'imgnet.picture == 2'        the packets of one picture\n  \
                  imgnet packets big.pcap -Y tcp.analysis.flags --time utc     what Wireshark remarks on\n  \
                  imgnet packets big.pcap --range 1000-1999 --format jsonl     one page for a program\n  \
                  imgnet packets big.pcap --limit 500 --format json            a page; its \"next\" goes to --next\n  \
                  imgnet packets big.pcap --range 1-50 --whole                 what later frames prove, too\n  \
                  imgnet packets a.pcap --columns number,time,tcp.seq,tcp.ack,carries\n\n\
                  Exit codes: 0 the input was read as far as asked; 2 usage, an input that cannot be read; 3 the input \
                  is cut short or damaged.",
    max_term_width = 100
)]
pub(crate) struct Packets {
    #[command(flatten)]
    captures: CapturePaths,

    #[command(flatten)]
    filter: FilterArg,

    #[command(flatten)]
    list: ListArgs,

    #[command(flatten)]
    look: LookArgs,

    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// Which rows and columns.
#[derive(Debug, Args)]
#[command(next_help_heading = "List")]
struct ListArgs {
    /// What the time column shows
    #[arg(long, value_name = "CLOCK", value_enum, default_value_t = TimeArg::Relative)]
    time: TimeArg,

    /// Columns in this order: number, time, source, destination, protocol, length, info, carries, findings, or any field
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = column)]
    columns: Vec<Column>,

    /// Table for people, json and jsonl for programs, csv for spreadsheets
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Table)]
    format: FormatArg,

    /// Only frames with these numbers: 50, 50-60, 50- or -60
    #[arg(long, value_name = "A-B", value_parser = range)]
    range: Option<Range>,

    /// At most so many rows; where there are more, it says where they begin
    #[arg(long, value_name = "N", value_parser = rows)]
    limit: Option<u64>,

    /// Begin where an earlier list with --limit ended: the token that it gave
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    next: Option<u64>,

    /// Analyse the whole capture before the first row
    ///
    /// Of a large capture the first rows are written from the analysis of its first frames, for whoever reads them as they come, and
    /// the list says so. What is written to a file, and CSV, waits for the whole analysis in any case.
    #[arg(long)]
    whole: bool,
}

/// `--time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TimeArg {
    /// Seconds since the first frame
    Relative,
    /// Seconds since the frame before
    Delta,
    /// Date and time here
    Absolute,
    /// Date and time in UTC
    Utc,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// For people
    Table,
    /// One object, imgnet/packets/v1
    Json,
    /// One object a line
    Jsonl,
    /// For spreadsheets
    Csv,
}

/// Frame numbers, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
}

fn range(text: &str) -> Result<Range, String> {
    let expected = || format!("expected frame numbers as 50, 50-60, 50- or -60, not {text:?}");
    let number = |text: &str, absent: u64| match text.trim() {
        "" => Ok(absent),
        digits => digits.parse::<u64>().map_err(|_| expected()),
    };
    let range = match text.split_once('-') {
        Some(("", "")) => return Err(expected()),
        Some((first, last)) => Range {
            first: number(first, 1)?,
            last: number(last, u64::MAX)?,
        },
        None => {
            let one = text.trim().parse().map_err(|_| expected())?;
            Range {
                first: one,
                last: one,
            }
        }
    };
    if range.first == 0 {
        return Err(format!("{text}: frames are numbered from 1"));
    }
    if range.first > range.last {
        return Err(format!(
            "{text}: the range is empty: its end comes before its start"
        ));
    }
    Ok(range)
}

fn rows(text: &str) -> Result<u64, String> {
    from_one(text).ok_or_else(|| "expected how many rows, from 1".to_owned())
}

fn token(text: &str) -> Result<u64, String> {
    from_one(text).ok_or_else(|| {
        "expected what an earlier list with --limit gave: \"next\" in JSON, the last line of a table"
            .to_owned()
    })
}

fn from_one(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number > 0)
}

fn column(name: &str) -> Result<Column, String> {
    Column::find(name).ok_or_else(|| match Column::nearest(name) {
        Some(near) => format!("there is no column and no field {name:?}; did you mean {near}?"),
        None => format!("there is no column and no field {name:?}; imgnet fields lists the fields"),
    })
}

/// Runs the command.
///
/// # Errors
/// An input that cannot be read, an output that cannot be written.
pub(in crate::cli) fn run(command: &Packets) -> anyhow::Result<Exit> {
    let captures = &command.captures.captures;
    let filter = command.filter.filter.as_ref();
    let list = &command.list;
    // A filter over what only the whole capture tells waits for the whole capture.
    let late = list.whole
        || list.format == FormatArg::Csv
        || filter.is_some_and(crate::dissect::Filter::needs_capture)
        || !read_as_it_comes();
    let ahead = if late { None } else { Some(AHEAD) };
    // The rules of the time zone are in a file.
    let clock = clock(list.time);
    let mut looked = Looked::open(captures, &command.analysis, ahead)?;
    let columns = if list.columns.is_empty() {
        COLUMNS.to_vec()
    } else {
        list.columns.clone()
    };
    let format = match list.format {
        FormatArg::Table => Format::Table,
        FormatArg::Json => Format::Json,
        FormatArg::Jsonl => Format::JsonLines,
        FormatArg::Csv => Format::Csv,
    };
    let range = list.range.unwrap_or(Range {
        first: 1,
        last: u64::MAX,
    });
    let first = range.first.max(list.next.unwrap_or(1));
    let mut damaged = Vec::new();
    let mut otherwise = Vec::new();
    let mut next = None;
    // Frames of the capture, where none of them is listed in a table.
    let mut of_none = None;
    to_stdout(|out| {
        let style = command.look.style();
        let mut rows = List::new(out, format, columns.clone(), clock, style).map_err(written)?;
        let mut asked = Asked {
            filter,
            begin: range.first,
            in_order: filter.is_some_and(crate::dissect::Filter::needs_order)
                || columns.iter().any(|column| column.is_of_order()),
            first,
            last: range.last,
            limit: list.limit,
            most: (!looked.complete).then_some(EARLY),
            next: None,
            paused: false,
            words: (columns, format),
            early: Vec::new(),
        };
        asked.list(&mut looked, &mut rows)?;
        if asked.paused {
            // There is more to list than a screen: now all of the capture counts.
            looked = looked.completed(captures)?;
            asked.paused = false;
            asked.most = None;
            otherwise = asked.otherwise(&mut looked)?;
            asked.list(&mut looked, &mut rows)?;
        }
        damaged = looked.damaged();
        of_none = Some(looked.analysed)
            .filter(|_| looked.complete && list.format == FormatArg::Table && rows.rows() == 0);
        let analysed = Some(looked.analysed).filter(|_| !looked.complete && rows.rows() > 0);
        next = asked.next;
        let finished = rows.finish(next, analysed);
        // The process ends: to give back a million small pieces one by one would only take time.
        std::mem::forget(looked);
        finished.map_err(written)
    })?;
    if let [first, ..] = otherwise.as_slice() {
        writeln!(
            std::io::stderr().lock(),
            "imgnet: {} of the first {} written before the whole capture was analysed would read otherwise now, the first of them \
             frame {first}; --whole analyses it first",
            otherwise.len(),
            counted(EARLY, "row", "rows"),
        )?;
    }
    if let Some(next) = next.filter(|_| list.format == FormatArg::Csv) {
        // It has no place in a table of rows.
        writeln!(
            std::io::stderr().lock(),
            "imgnet: more follow: --next {next}"
        )?;
    }
    if let Some(frames) = of_none {
        let all = counted(frames, "frame", "frames");
        let why = match filter {
            Some(_) if first <= frames => format!("the filter chooses none of the {all}"),
            _ => format!("the capture has {all}"),
        };
        writeln!(
            std::io::stderr().lock(),
            "imgnet: no frame is listed: {why}"
        )?;
    }
    tell_damaged(&damaged)
}

/// Whether somebody reads what is written while it is written.
fn read_as_it_comes() -> bool {
    use rustix::fs::FileType;
    let out = std::io::stdout();
    out.is_terminal()
        || rustix::fs::fstat(&out).is_ok_and(|found| {
            let kind = FileType::from_raw_mode(found.st_mode);
            matches!(kind, FileType::Fifo | FileType::Socket)
        })
}

/// Which rows are asked for.
struct Asked<'f> {
    filter: Option<&'f crate::dissect::Filter>,
    /// The frame with which the first page begins.
    begin: u64,
    /// Which frames were shown before matters.
    in_order: bool,
    first: u64,
    last: u64,
    limit: Option<u64>,
    /// So many rows at most from the analysis of the first frames.
    most: Option<u64>,
    /// Where a list of what follows begins.
    next: Option<u64>,
    /// The rows from the first frames' analysis are written, and there are more.
    paused: bool,
    words: (Vec<Column>, Format),
    /// Of the rows from the first frames' analysis: the frame, and what was said of it.
    early: Vec<(u64, u64)>,
}

impl Asked<'_> {
    /// What a row says, in short.
    fn said(&self, seen: &Seen<'_>) -> u64 {
        let (columns, format) = &self.words;
        let mut text = Line::default();
        match format {
            Format::Json | Format::JsonLines => json(seen, columns, &mut text),
            Format::Table | Format::Csv => {
                for column in columns {
                    cell(seen, *column, Clock::Relative, true, &mut text);
                    text.push_str("\n");
                }
            }
        }
        let mut hasher = DefaultHasher::new();
        text.as_bytes().hash(&mut hasher);
        hasher.finish()
    }

    /// The frames whose rows were written early and would read otherwise now.
    fn otherwise(&mut self, looked: &mut Looked) -> anyhow::Result<Vec<u64>> {
        let mut found = Vec::new();
        let early = std::mem::take(&mut self.early);
        let mut next = early.iter();
        let mut waited = next.next();
        looked.each(&mut |seen| {
            let Some((frame, said)) = waited else {
                return ControlFlow::Break(());
            };
            if seen.frame.number.0 == *frame {
                if self.said(seen) != *said {
                    found.push(*frame);
                }
                waited = next.next();
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Lists what is asked for.
    fn list<W: std::io::Write + Send>(
        &mut self,
        looked: &mut Looked,
        rows: &mut List<W>,
    ) -> anyhow::Result<()> {
        let large = looked.complete && looked.analysed >= LARGE;
        // Which frame was shown before is known only to whoever takes them one by one.
        if large && self.limit.is_none() && !self.in_order && self.list_by_many(looked, rows)? {
            return Ok(());
        }
        self.list_alone(looked, rows)
    }

    /// Lists with as many threads as there are; false where that cannot be. Knows no limit.
    fn list_by_many<'l, W: std::io::Write + Send>(
        &self,
        looked: &'l Looked,
        rows: &mut List<W>,
    ) -> anyhow::Result<bool> {
        let Some((mut frames, mut inspector)) = looked.frames() else {
            return Ok(false);
        };
        let index = &looked.index;
        let chosen = |seen: &Seen<'_>| self.filter.is_none_or(|filter| filter.chooses(seen));
        // The first rows measure a table's columns.
        while rows.further().is_none() {
            let Some(frame) = frames.next() else {
                return Ok(true);
            };
            let mut outcome = Ok(());
            inspector.frame(&frame, index, &mut |seen| {
                if (self.first..=self.last).contains(&frame.number.0) && chosen(seen) {
                    outcome = rows.row(seen);
                }
            });
            outcome.map_err(written)?;
        }
        let Some((words, out)) = rows.further() else {
            return Ok(true);
        };
        let mut gather = |batch: &mut Vec<Gathered<'l>>| {
            while batch.len() < crew::BATCH {
                let Some(frame) = frames.next() else {
                    return false;
                };
                if frame.number.0 > self.last {
                    return false;
                }
                batch.push(Gathered::new(frame));
            }
            true
        };
        let mut settle = |batch: &mut [Gathered<'l>]| {
            for gathered in batch {
                inspector.settle(gathered, index);
            }
        };
        let put = |batch: &[Gathered<'_>], text: &mut Line| {
            for gathered in batch {
                if gathered.number() >= self.first {
                    gathered.show(index, |seen| {
                        if chosen(seen) {
                            words.add(seen, text);
                        }
                    });
                }
            }
        };
        let threads = looked.options.threads;
        crew::write(threads, &mut gather, &mut settle, &put, out).map_err(written)?;
        // The process ends soon: to give its small pieces back one by one would only take time.
        std::mem::forget(inspector);
        Ok(true)
    }

    fn list_alone<W: std::io::Write>(
        &mut self,
        looked: &mut Looked,
        rows: &mut List<W>,
    ) -> anyhow::Result<()> {
        let mut failed = None;
        // What comes close to the end of the frames that were analysed is not settled.
        let settled = looked.analysed / 2;
        looked.each(&mut |seen| {
            let number = seen.frame.number.0;
            if number > self.last {
                return ControlFlow::Break(());
            }
            if number < self.first {
                // An earlier page may have shown it.
                let shown = self.in_order
                    && number >= self.begin
                    && self.filter.is_none_or(|filter| filter.chooses(seen));
                if !shown {
                    seen.leave_out();
                }
                return ControlFlow::Continue(());
            }
            if self.filter.is_some_and(|filter| !filter.chooses(seen)) {
                return ControlFlow::Continue(());
            }
            if self.limit.is_some_and(|limit| rows.rows() >= limit) {
                self.next = Some(number);
                return ControlFlow::Break(());
            }
            if self
                .most
                .is_some_and(|most| rows.rows() >= most || number > settled)
            {
                self.paused = true;
                self.first = number;
                return ControlFlow::Break(());
            }
            if self.most.is_some() {
                self.early.push((number, self.said(seen)));
            }
            match rows.row(seen) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), |error| Err(written(error)))
    }
}

fn clock(time: TimeArg) -> Clock {
    match time {
        TimeArg::Relative => Clock::Relative,
        TimeArg::Delta => Clock::Delta,
        TimeArg::Utc => Clock::Utc,
        TimeArg::Absolute => Clock::Absolute(zone_here()),
    }
}

/// The time zone here: UTC where the system does not say. It is asked as long as the process lives.
fn zone_here() -> &'static TimeZone {
    let name = std::env::var("TZ").unwrap_or_default();
    let name = name.trim_start_matches(':');
    let plain = !name.is_empty()
        && !name.contains("..")
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+-/".contains(&b));
    let path = if plain {
        std::path::Path::new("/usr/share/zoneinfo").join(name.trim_start_matches('/'))
    } else {
        "/etc/localtime".into()
    };
    let zone = std::fs::read(path)
        .ok()
        .and_then(|rules| TimeZone::tzif("local", &rules).ok())
        .unwrap_or(TimeZone::UTC);
    Box::leak(Box::new(zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_open_ends() {
        let all = |first, last| Ok(Range { first, last });
        assert_eq!(range("50"), all(50, 50));
        assert_eq!(range("50-60"), all(50, 60));
        assert_eq!(range("50-"), all(50, u64::MAX));
        assert_eq!(range("-60"), all(1, 60));
        for wrong in ["", "-", "a", "60-50", "1-2-3", "0", "0-5", "-0", "+"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }
}

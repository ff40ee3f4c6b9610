//! The work of `imgnet archive`: units in, tables out.

use std::borrow::Cow;
use std::io::{self, BufRead as _, Write as _};
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Archive, GroupArg};
use crate::analysis::{Collector, Event, Observer};
use crate::capture::confine::{Needs, Network};
use crate::cli::confined::confined;
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::inspect::Narrowing;
use crate::cli::output::WriteError;
use crate::cli::progress::Progress;
use crate::cli::reading::{Frames as Read, Watch};
use crate::cli::verify::compare::{Named, Settings, Sides};
use crate::cli::verify::files;
use crate::cli::verify::spool::Spool;
use crate::cli::verify::watched::Watchers;
use crate::lake::{self, Follower, Grouping, Identity, Lake, Put, Standing, TableFile, Unit};
use crate::ledger::{Image, Stream};
use crate::report::model::Report;
use crate::report::tables::{self, Key, Table};
use crate::units::{count, counted};

/// How often a followed folder is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What became of all units.
#[derive(Debug, Default)]
struct Sum {
    written: u64,
    present: u64,
    failed: u64,
    /// Units with a file that is cut short or damaged.
    damaged: u64,
    rows: u64,
    bytes: u64,
}

/// A line that answers a unit of standard input.
#[derive(Serialize)]
struct Answer<'a> {
    unit: &'a str,
    name: &'a str,
    date: &'a str,
    host: &'a str,
    state: &'static str,
    rows: u64,
    truncated: bool,
}

/// Runs the command.
pub(super) fn run(command: &Archive) -> anyhow::Result<Exit> {
    let grouping = match command.units.group {
        GroupArg::Rotation => Grouping::Rotation(command.units.rotation),
        GroupArg::File => Grouping::File,
        GroupArg::All => Grouping::All,
    };
    if let Some(host) = &command.units.host {
        lake::host(host)?;
    }
    let mut sum = Sum::default();
    confine(command)?;
    if command.units.list_units {
        let units = find(command, grouping, &mut sum)?;
        let mut out = io::BufWriter::new(io::stdout().lock());
        for unit in &units {
            let line = serde_json::to_string(unit)
                .context("a path that is not UTF-8 cannot stand in JSON")?;
            writeln!(out, "{line}").map_err(stdout)?;
        }
        out.flush().map_err(stdout)?;
        return Ok(sum.exit());
    }
    let target = command.output.as_deref().unwrap_or_default();
    let reads = command.reads();
    let lake = Lake::open(target, reads)?;
    let job = Job {
        command,
        lake: &lake,
    };
    if command.units.unit.is_some() {
        job.lines(&mut sum)?;
    } else if let Some(folder) = &command.upkeep.follow {
        job.follow(folder, grouping, &mut sum)?;
    } else if !command.captures.is_empty() {
        for unit in find(command, grouping, &mut sum)? {
            job.told(&unit, &mut sum);
        }
    }
    if reads && !command.quiet && command.units.unit.is_none() {
        sum.tell(target);
    }
    job.keep_up()?;
    Ok(sum.exit())
}

/// Confines the process, before it opens the lake: what it starts for that is confined, too.
fn confine(command: &Archive) -> anyhow::Result<()> {
    let lake = match command.output.as_deref() {
        None => None,
        Some(target) => match lake::folder(target) {
            Some(folder) => {
                if command.reads() {
                    lake::make(target, &folder)?;
                }
                Some(folder)
            }
            // An object store: what asks for it reads keys, certificates and the names of machines wherever they are.
            None => None,
        },
    };
    let remote = command.output.is_some() && lake.is_none();
    let mut needs = Needs::default();
    if command.units.unit.is_some() || remote {
        // Standard input says which files only later.
        needs.reads.push("/".into());
    } else {
        let tables = &command.tables;
        let paths = [&command.captures, &tables.sent, &tables.received];
        let paths = paths.into_iter().flatten();
        needs = needs.reading(
            paths
                .chain(&command.upkeep.follow)
                .map(std::path::PathBuf::as_path),
        );
    }
    // Tables are made in temporary files.
    needs.folders.push(std::env::temp_dir());
    needs.folders.extend(lake);
    if remote {
        needs = needs.with_network(Network::Connects);
    }
    confined(&needs.storing(), command.verbose)?;
    Ok(())
}

/// The units of the command line; those of folders that cannot be read are told, and are failures.
fn find(command: &Archive, grouping: Grouping, sum: &mut Sum) -> anyhow::Result<Vec<Unit>> {
    let found = lake::units(&command.captures, command.units.host.as_deref(), grouping)?;
    for error in &found.unreadable {
        say(&format!("{error}"));
        sum.failed += 1;
    }
    if found.passed_over > 0 && !command.quiet {
        say(&format!(
            "{} passed over: no captures",
            counted(found.passed_over, "file", "files")
        ));
    }
    let mut units = found.units;
    for unit in &mut units {
        unit.sent.clone_from(&command.tables.sent);
        unit.received.clone_from(&command.tables.received);
    }
    if units.is_empty() && found.unreadable.is_empty() {
        let path = command.captures.first().cloned().unwrap_or_default();
        return Err(lake::Error::Nothing { path }.into());
    }
    Ok(units)
}

/// A line for people, on standard error; nobody there to read it is no reason to stop.
fn say(text: &str) {
    let text = crate::report::text::plain(text, true);
    let _ = writeln!(io::stderr().lock(), "imgnet: {text}");
}

fn stdout(source: io::Error) -> WriteError {
    WriteError { to: None, source }
}

impl Sum {
    fn exit(&self) -> Exit {
        if self.failed > 0 {
            Exit::Usage
        } else if self.damaged > 0 {
            Exit::Inconclusive
        } else {
            Exit::Good
        }
    }

    fn tell(&self, lake: &str) {
        let mut parts = vec![format!(
            "{} written ({}, {} bytes)",
            counted(self.written, "unit", "units"),
            counted(self.rows, "row", "rows"),
            count(self.bytes)
        )];
        if self.present > 0 {
            parts.push(format!("{} already there", count(self.present)));
        }
        if self.failed > 0 {
            parts.push(format!("{} not readable", count(self.failed)));
        }
        if self.damaged > 0 {
            parts.push(format!("{} cut short or damaged", count(self.damaged)));
        }
        say(&format!("{lake}: {}", parts.join(", ")));
    }
}

struct Job<'j> {
    command: &'j Archive,
    lake: &'j Lake,
}

/// A unit that is done.
struct Done {
    identity: Identity,
    put: Put,
    truncated: bool,
    /// A connection goes on behind the end of the files.
    unfinished: bool,
}

impl Job<'_> {
    /// The units of standard input; each is answered, so that whoever sent it knows.
    fn lines(&self, sum: &mut Sum) -> anyhow::Result<()> {
        for (line, text) in (1..).zip(io::stdin().lock().lines()) {
            let text = text.context("standard input")?;
            if text.trim().is_empty() {
                continue;
            }
            let unit = Unit::parse(&text, line)?;
            let answer = match self.told(&unit, sum) {
                Some(done) => {
                    let (state, rows) = match done.put {
                        Put::Written { rows, .. } => ("written", rows),
                        Put::Present => ("present", 0),
                    };
                    serde_json::to_value(Answer {
                        unit: &done.identity.unit,
                        name: &unit.name,
                        date: &done.identity.date,
                        host: &done.identity.host,
                        state,
                        rows,
                        truncated: done.truncated,
                    })?
                }
                None => {
                    json!({"unit": null, "name": unit.name, "host": unit.host, "state": "failed"})
                }
            };
            let mut out = io::stdout().lock();
            writeln!(out, "{answer}")
                .and_then(|()| out.flush())
                .map_err(stdout)?;
        }
        Ok(())
    }

    /// Takes the complete files of a folder, again and again.
    fn follow(&self, folder: &Path, grouping: Grouping, sum: &mut Sum) -> anyhow::Result<()> {
        let settled = self.command.upkeep.settled;
        let mut follower =
            Follower::new(folder, self.command.units.host.clone(), grouping, settled);
        loop {
            while let Some(complete) = follower.next()? {
                let done = self.told(&complete.unit, sum);
                follower.done(complete, done.is_some_and(|done| done.unfinished));
            }
            if self.command.upkeep.once {
                return Ok(());
            }
            sleep(LOOK);
        }
    }

    /// Does a unit; one that cannot be done is told and counted, and does not keep the others from being done.
    fn told(&self, unit: &Unit, sum: &mut Sum) -> Option<Done> {
        match self.unit(unit) {
            Ok(done) => {
                match done.put {
                    Put::Written { rows, bytes } => {
                        sum.written += 1;
                        sum.rows += rows;
                        sum.bytes += bytes;
                    }
                    Put::Present => sum.present += 1,
                }
                sum.damaged += u64::from(done.truncated);
                Some(done)
            }
            Err(error) => {
                say(&format!("{}: {error:#}", unit.name));
                sum.failed += 1;
                None
            }
        }
    }

    fn unit(&self, unit: &Unit) -> anyhow::Result<Done> {
        let tables = &self.command.tables;
        let mut unit = Cow::Borrowed(unit);
        let mut identified = unit.identify()?;
        let replaces = loop {
            if tables.replace {
                self.lake.forget(&identified.identity)?;
            }
            match self.lake.standing(&identified, tables.packets)? {
                Standing::Present => {
                    return Ok(Done {
                        identity: identified.identity,
                        put: Put::Present,
                        truncated: false,
                        unfinished: false,
                    });
                }
                Standing::New { replaces } => break replaces,
                Standing::Partly { there } => {
                    let known = there.iter().filter(|there| **there).count();
                    say(&format!(
                        "{}: {} in the lake already, in a unit with others: left out",
                        unit.name,
                        counted(known as u64, "file is", "files are")
                    ));
                    unit = Cow::Owned(unit.without(&there));
                    identified = unit.identify()?;
                }
            }
        };
        let key = Key {
            unit: identified.identity.unit.clone(),
            name: unit.name.clone(),
            interface: unit.interface.clone(),
            started: identified.started,
            replaces: replaces
                .iter()
                .map(|replaced| replaced.unit.clone())
                .collect(),
        };
        let (report, packets) = self.analyse(&unit, &key)?;
        unit.unchanged(&identified.print)?;
        let mut files: Vec<TableFile> = packets.into_iter().collect();
        for table in Table::ALL
            .into_iter()
            .filter(|table| *table != Table::Packets)
        {
            let mut file = TableFile::new(table)?;
            for row in tables::rows(&report, table, &key) {
                file.push(row)?;
            }
            files.push(file);
        }
        let truncated = report.truncated();
        let unfinished = report.coverage.unfinished > 0;
        let put = self.lake.put(&identified, files)?;
        for replaced in &replaces {
            self.lake.forget(replaced)?;
        }
        Ok(Done {
            identity: identified.identity,
            put,
            truncated,
            unfinished,
        })
    }

    fn analyse(&self, unit: &Unit, key: &Key) -> anyhow::Result<(Report, Option<TableFile>)> {
        let frames = glue::open(&unit.files)?;
        let options = self.command.analysis.options();
        let compared = !unit.sent.is_empty() || !unit.received.is_empty();
        let analysis = &self.command.analysis;
        let narrowing = Narrowing::of(&self.command.filter, &unit.files, analysis)?;
        if compared {
            let named = Named {
                sent: &unit.sent,
                received: &unit.received,
                ledger: &[],
            };
            let sides = Sides::find(&named, &mut files::look)?;
            anyhow::ensure!(
                !self.command.tables.packets,
                "--packets does not go with --sent and --received yet"
            );
            let watched = Watchers::new(Spool::new(), None, Progress::of(&[], true));
            let watched = watched.read(frames, options, Some(&sides), &Settings::default())?;
            let mut report = watched.report;
            if let Some(narrowing) = narrowing {
                narrowing.narrow(&mut report)?;
            }
            return Ok((report, None));
        }
        let packets = self.command.tables.packets;
        let Some(narrowing) = narrowing else {
            return self.frames(frames, packets, key, None);
        };
        let (mut report, _) = self.frames(frames, false, key, None)?;
        let mut chosen: Vec<Range<u64>> = Vec::new();
        narrowing.narrow_and_tell(&mut report, &mut |frame| match chosen.last_mut() {
            Some(last) if last.end == frame.0 => last.end += 1,
            _ => chosen.push(frame.0..frame.0 + 1),
        })?;
        if !packets {
            return Ok((report, None));
        }
        // Which frames a filter chooses is known only now.
        let frames = glue::open(&unit.files)?;
        let (_, packets) = self.frames(frames, true, key, Some(&chosen))?;
        Ok((report, packets))
    }

    /// Analyses frames; with `packets` makes a table of them, or of those that are `chosen`: ranges of numbers, in order.
    fn frames(
        &self,
        frames: Box<dyn Read>,
        packets: bool,
        key: &Key,
        chosen: Option<&[Range<u64>]>,
    ) -> anyhow::Result<(Report, Option<TableFile>)> {
        let mut options = self.command.analysis.options();
        options.packets = packets;
        let mut watch = Frames {
            collector: Collector::new(),
            packets: packets
                .then(|| TableFile::new(Table::Packets))
                .transpose()?,
            chosen,
            failed: None,
            unit: &key.unit,
        };
        let reading = frames.analyse(options, &mut watch)?;
        let Frames {
            collector,
            packets,
            failed,
            ..
        } = watch;
        if let Some(error) = failed {
            return Err(error.into());
        }
        Ok((
            collector.into_report(reading.captures, reading.packets),
            packets,
        ))
    }

    /// `--compact` and `--prune`.
    fn keep_up(&self) -> anyhow::Result<()> {
        let quiet = self.command.quiet;
        if self.command.upkeep.compact {
            let compacted = self.lake.compact()?;
            if !quiet {
                say(&format!(
                    "{}: {} of {} joined to {}",
                    self.lake.name(),
                    counted(compacted.before, "file", "files"),
                    counted(compacted.units, "unit", "units"),
                    count(compacted.after)
                ));
            }
        }
        if self.command.upkeep.prune {
            let pruned = self.lake.prune(&self.command.captures)?;
            if !quiet {
                let mut told = vec![format!(
                    "{} removed",
                    counted(pruned.files, "file", "files")
                )];
                if pruned.units > 0 {
                    let units = counted(pruned.units, "unit", "units");
                    told.push(format!("among them {units} whose captures are gone"));
                }
                if pruned.joined > 0 {
                    let units = counted(pruned.joined, "unit", "units");
                    told.push(format!(
                        "{units} whose captures are gone kept, joined with others"
                    ));
                }
                say(&format!("{}: {}", self.lake.name(), told.join(", ")));
            }
        }
        Ok(())
    }
}

/// Collects the report, and writes a row for each frame where that is wanted.
struct Frames<'u> {
    collector: Collector,
    packets: Option<TableFile>,
    /// The frames of which there is to be a row: ranges of numbers, in order; absent where of all.
    chosen: Option<&'u [Range<u64>]>,
    failed: Option<lake::Error>,
    unit: &'u str,
}

impl Frames<'_> {
    fn chooses(&self, frame: u64) -> bool {
        self.chosen.is_none_or(|ranges| {
            let next = ranges.partition_point(|range| range.end <= frame);
            ranges.get(next).is_some_and(|range| range.contains(&frame))
        })
    }
}

impl Observer for Frames<'_> {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Packet { point, .. } = &event
            && !self.chooses(point.frame.0)
        {
            return;
        }
        if let (
            Event::Packet {
                stream,
                from,
                point,
            },
            Some(packets),
        ) = (&event, &mut self.packets)
        {
            let row = json!({
                "unit": self.unit,
                "number": point.frame,
                "time": point.time,
                "stream": stream,
                "from": from,
                "wire_bytes": point.wire_len,
                "payload_bytes": point.payload,
                "offset": point.offset,
                "acknowledged": point.acked,
                "syn": point.flags.syn,
                "fin": point.flags.fin,
                "rst": point.flags.rst,
                "repeat": point.flags.repeat,
            });
            let row = match row {
                Value::Object(row) => row,
                _ => Map::new(),
            };
            if let Err(error) = packets.push(row) {
                self.failed.get_or_insert(error);
            }
            return;
        }
        self.collector.event(event);
    }

    fn stream_closed(&mut self, stream: Stream, images: Vec<Image>) {
        self.collector.stream_closed(stream, images);
    }

    fn accounts_only(&self) -> bool {
        self.packets.is_none()
    }
}

impl Watch for Frames<'_> {
    fn frame(&mut self, _captured: usize) -> ControlFlow<()> {
        if self.failed.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

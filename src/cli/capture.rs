//! `imgnet capture`: watch pictures as they move, live.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::capture::private::POSSIBLE;
use crate::capture::repair::Repairer;
use crate::capture::session::{self, Every, Recorder, Rotation, Stop, Summary};
use crate::cli::args::{Common, FormatArg};
use crate::cli::confined::confined;
use crate::cli::exit::Exit;
use crate::cli::memory;
use crate::cli::output::Output;
use crate::cli::page::{self, PageArgs, PageFile, Sight, Summary as MarkdownSummary};
use crate::cli::plan::Plan;
use crate::cli::terminal::Environment;
use crate::cli::values::{duration, size_above_zero};
use crate::findings::{Finding, Severity};
use crate::ledger::Verdict;
use crate::report::model::{CaptureFile, Report};
use crate::report::text;
use crate::source::live::{self, Live};
use crate::system;

mod command;
mod compare;
mod device;
mod ending;
mod expect;
mod network;
mod rows;
mod told;
mod view;
mod watch;
mod words;

use command::Started;
pub(super) use device::{describe, filter, how_to_get_the_right, open};
use ending::{Ending, conclude};
pub(super) use ending::{capture_file, exit, failed, has_errors};
use network::{HostArg, Network, Task, Until};
pub(super) use view::View;
pub(super) use watch::Watch;
use words::announce;
pub(super) use words::{not_allowed, summary_lines};

/// After the last picture asked for: time for its connection to be closed on the wire.
const AFTER_IMAGES: Duration = Duration::from_millis(250);

/// Watch pictures on an interface as they move, and write the frames to a file
#[derive(Debug, Args)]
#[command(
    mut_arg("protocols", |arg| arg.short(None)),
    after_help = "Examples:\n  \
                  imgnet capture -p 5050 -w pipeline.pcapng       watch port 5050 on loopback, keep the frames\n  \
                  imgnet capture --images 5                       until five pictures have ended\n  \
                  imgnet capture -i eth0 -f 'host 10.0.0.7'       another interface, another filter\n  \
                  imgnet capture -w run.pcapng -- ./run-both.sh   without root: the command gets a private network\n  \
                  imgnet capture --host receiver='./server 0.0.0.0' --host sender='./client receiver a.png'\n  \
                  \x20                                              two hosts on a bridge, each with its own command\n  \
                  imgnet capture --sent in --received out -- ./x  sent = wire = received, while it runs\n  \
                  imgnet capture --expect good.toml --junit imgnet.xml -- ./x   one command for CI\n  \
                  imgnet capture -w - | tshark -r -               pcapng to standard output, tables to standard error\n\n\
                  Exit codes: 0 every picture is whole, and equals its files where some are given; 1 one does not, a finding is an error, --images was not reached, or not one packet came; 2 usage, no such interface, a filter that is \
                  wrong, a file that cannot be written; 3 frames were lost, so there is no honest verdict; 4 not allowed \
                  to capture (imgnet doctor says what to do).",
    max_term_width = 100
)]
pub(crate) struct Capture {
    /// Interface to capture on [default: lo]; may be repeated
    #[arg(short, long = "interface", value_name = "IFACE")]
    interfaces: Vec<String>,

    /// List the interfaces, and end
    #[arg(long, exclusive = true)]
    list: bool,

    /// Only packets from or to this port; may be repeated
    #[arg(short, long = "port", value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    ports: Vec<u16>,

    /// Only packets that match this filter, as tcpdump takes it
    #[arg(short, long, value_name = "BPF")]
    filter: Option<String>,

    /// Memory for the kernel's ring of frames, in MiB [default: by the memory that is free]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=2047))]
    buffer: Option<u64>,

    #[command(flatten)]
    file: FileArgs,

    /// End when this process, which started it, is gone however it ended
    #[arg(long, hide = true, value_name = "PID")]
    ends_with: Option<i32>,

    #[command(flatten)]
    end: EndArgs,

    #[command(flatten)]
    compare: compare::CompareArgs,

    #[command(flatten)]
    expect: expect::ExpectArgs,

    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    page: PageArgs,

    #[command(flatten)]
    common: Common,
}

/// The file.
#[derive(Debug, Args)]
#[command(next_help_heading = "File")]
struct FileArgs {
    /// Write the frames to FILE as pcapng; - is standard output
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// Replace a capture that is there already
    #[arg(long, requires = "write")]
    force: bool,

    /// Begin a new file after a size (100M), a time (60s) or a number of pictures (10pictures)
    #[arg(long, value_name = "WHEN", value_parser = every, requires = "write")]
    rotate: Option<Every>,

    /// Keep only the latest N files
    #[arg(long, value_name = "N", requires = "rotate", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
}

/// When it ends.
#[derive(Debug, Args)]
#[command(next_help_heading = "End (the first that comes; Ctrl-C always)")]
struct EndArgs {
    /// End after N pictures have ended
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    images: Option<u64>,

    /// End after this time, e.g. 10, 2.5 or 1m30s
    #[arg(long, value_name = "T", value_parser = duration)]
    duration: Option<Duration>,

    /// End after N frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    packets: Option<u64>,

    /// End after so many captured bytes, e.g. 500M
    #[arg(long, value_name = "SIZE", value_parser = size_above_zero)]
    size: Option<u64>,

    /// End when no frame came for this time
    #[arg(long, value_name = "T", value_parser = duration)]
    silence: Option<Duration>,
}

/// Running a command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running a command in a private network")]
struct RunArgs {
    /// Run this line of the shell, e.g. 'server & client'
    #[arg(long, value_name = "LINE", conflicts_with = "command")]
    shell: Option<String>,

    /// Whose exit status: the verdict's, the command's, or the verdict's unless that is 0
    #[arg(long, value_name = "WHOSE", value_enum, default_value_t = ExitStatusArg::Both)]
    exit_status: ExitStatusArg,

    /// Hold the command while what was captured is worked off, so that nothing is lost
    #[arg(long, value_name = "WHETHER", value_enum, default_value_t = Switch::On)]
    lossless: Switch,

    /// N hosts h1 to hN on a bridge instead of one loopback
    #[arg(long, help = "N hosts h1 to hN on a bridge instead of one loopback; COMMAND runs on each, with its name in $IMGNET_HOST", value_name = "N", value_parser = clap::value_parser!(u8).range(2..=64))]
    hosts: Option<u8>,

    /// A host on a bridge, and the line of the shell that it runs; repeat it for each, the others know it by NAME
    #[arg(long, value_name = "NAME=LINE", conflicts_with_all = ["hosts", "shell", "command"])]
    host: Vec<HostArg>,

    /// Of hosts, whose end ends it all [default: last with --host, all with --hosts]
    #[arg(long, value_name = "WHOSE", value_enum)]
    until: Option<Until>,

    /// Longest packet of the private network, e.g. 9000 [default: 65536, between hosts 1500]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(68..=65536))]
    mtu: Option<u32>,

    /// IPv6 in the private network
    #[arg(long, value_name = "WHETHER", value_enum, default_value_t = Switch::On)]
    ipv6: Switch,

    /// Run this command in a private network of its own, and capture all of it
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// `--exit-status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ExitStatusArg {
    /// The verdict's; where that is 0, the command's
    Both,
    /// The command's; 128 and the signal where one ended it
    Command,
    /// The verdict's
    Verdict,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

impl EndArgs {
    fn options(&self) -> session::Options {
        session::Options {
            duration: self.duration,
            frames: self.packets,
            bytes: self.size,
            silence: self.silence,
            ..session::Options::default()
        }
    }
}

impl Capture {
    /// What it does with files. Those that it compares come into being while it goes on: what it needs for that is added.
    pub(super) fn plan(&self) -> Plan {
        let plan = Plan::default()
            .also(self.expect.file().map(Path::to_owned))
            .also(self.common.analysis.files())
            .also(self.compare.paths())
            .writing(self.common.output.output.as_deref())
            .writing(self.expect.made())
            .writing(self.page.report.as_deref())
            .holding(self.page.summary_markdown.as_deref())
            .telling(self.common.output.verbose > 0);
        let written = self.file.write.as_deref();
        match self.file.rotate {
            // Each of the files is opened when its time comes.
            Some(_) => plan.writing(written),
            None => plan.holding(written),
        }
    }

    /// Whether it has no command of any kind to run.
    pub(super) fn runs_nothing(&self) -> bool {
        self.run.command.is_empty() && self.run.shell.is_none() && self.run.host.is_empty()
    }
}

/// Runs the command.
///
/// # Errors
/// An interface or a filter that is wrong, a file that cannot be written: exit code 2.
pub(super) fn run(capture: &Capture) -> anyhow::Result<Exit> {
    if capture.list {
        return list();
    }
    let stdout_taken = takes_stdout(capture)?;
    let plan = capture.plan();
    let read = plan.inputs();
    plan.apart()?;
    is_new(&capture.file)?;
    let expected = match capture.expect.open(&read)? {
        Ok(expected) => expected,
        Err(mistakes) => return Ok(mistakes),
    };
    let task = Task::of(&capture.run)?;
    let network = Network::enter(task.as_ref(), &capture.run)?;
    let interfaces = network.interfaces(&capture.interfaces)?;
    let filter = filter(&capture.ports, capture.filter.as_deref());
    let Some(mut device) = open_all(capture, &interfaces, &network, task.as_ref())? else {
        return Ok(Exit::NotAllowed);
    };
    let output = if stdout_taken {
        None
    } else {
        Some(Output::open(&capture.common.output, &read)?)
    };
    let recorder = recorder(capture, &network, &device, filter.as_deref(), stdout_taken)?;
    let repairer = repairer(recorder.as_ref());

    let stop = Stop::default();
    let signals = match &task {
        Some(_) => command::Signals::catch(),
        None => stop.on_signals().map(|()| command::Signals::default()),
    }
    .context("cannot be told to end by Ctrl-C")?;
    let quiet = capture.common.output.quiet;
    let interface = interfaces.join(", ");
    if !quiet {
        announce(
            capture,
            &interface,
            filter.as_deref(),
            &network,
            task.as_ref(),
        )?;
    }
    let compared = capture
        .compare
        .prepare(capture.common.analysis.options().digest)?;
    let view = view::choose(&capture.common.output, stdout_taken, task.is_some());
    let (mut watch, page) = watcher(capture, view)?;
    let markdown = MarkdownSummary::wanted(&capture.page)?;
    if let Some(images) = capture.end.images {
        watch.end_after(images, AFTER_IMAGES, stop.clone());
    }
    let started = match &task {
        None => None,
        Some(task) => {
            let taken = stdout_taken || capture.common.output.format != FormatArg::Table;
            Some(command::start(task, &network, taken)?)
        }
    };
    if task.is_none() {
        // Who holds the traffic need not be faster than it.
        session::come_first();
    }
    if let Some(starter) = capture.ends_with {
        end_with(starter)?;
    }
    // The command is not confined: only what reads bytes that anybody may have sent.
    close_in(capture, &plan, &device, compared, &mut watch)?;
    if !quiet {
        warn_if_open(started.as_ref())?;
    }
    let mut brake = match &started {
        Some(started) if capture.run.lossless == Switch::On => Some(started.brake()?),
        _ => None,
    };
    if task.is_some() {
        watch.until(signals.told());
    }
    let running = started
        .map(|started| started.watch(signals, &stop))
        .transpose()?;
    let options = capture.end.options();
    let hold = brake
        .as_mut()
        .map(|brake| -> &mut dyn session::Hold { brake });
    let (summary, watch) = session::run(&mut device, recorder, watch, &stop, options, hold);
    repairer.into_iter().for_each(Repairer::dismiss);
    let outcome = running.map(|running| running.finish(quiet)).transpose()?;
    let ending = Ending {
        output,
        page,
        markdown,
        expected,
        others_run: task.is_none(),
    };
    let nothing = summary.counts.frames == 0;
    let exit = conclude(capture, &interface, summary, watch, ending)?;
    let of_command = outcome
        .filter(|outcome| !outcome.interrupted)
        .and_then(|outcome| outcome.code())
        .map(Exit::OfCommand);
    Ok(capture.run.exit_status.of(exit, of_command, nothing))
}

impl ExitStatusArg {
    /// The exit code of a run of this verdict and, where a command was run to its end, of its exit code.
    fn of(self, verdict: Exit, command: Option<Exit>, nothing_captured: bool) -> Exit {
        match (self, command) {
            (Self::Command, Some(code)) => code,
            (Self::Both, Some(code)) if verdict == Exit::Good => code,
            // A command that failed says more than that it sent nothing.
            (Self::Both, Some(code @ Exit::OfCommand(1..))) if nothing_captured => code,
            _ => verdict,
        }
    }
}

/// Has this process told to end, as by Ctrl-C, when the one that started it is gone. To enter a network of its own takes that back, so
/// it comes after.
fn end_with(starter: i32) -> anyhow::Result<()> {
    if !system::end_with(starter)? {
        anyhow::bail!("whoever started the capture is gone");
    }
    Ok(())
}

/// Who looks at the frames, and the page that it gathers for, where one is wanted.
fn watcher(capture: &Capture, view: View) -> anyhow::Result<(Watch, Option<PageFile>)> {
    // The files to compare with may come into being meanwhile: they have no digest yet.
    let page = PageFile::wanted(&capture.page, &[])?;
    let mut options = capture.common.analysis.options();
    options.packets = page.is_some();
    options.evidence = capture.compare.given();
    let mut watch = Watch::new(options, view);
    if page.is_some() {
        watch.look(Sight::live().context(
            "no temporary file can be made for the page; see whether the disk is full, or set TMPDIR",
        )?);
    }
    Ok((watch, page))
}

/// Starts the repairer of the file. Without it, a file whose capture is killed may end in half a block.
fn repairer(recorder: Option<&Recorder>) -> Option<Repairer> {
    Repairer::beside(recorder?.file()?).ok()
}

/// Confines the process, and begins to compare with what it can still read.
fn close_in(
    capture: &Capture,
    plan: &Plan,
    device: &[Live],
    compared: Option<compare::Prepared>,
    watch: &mut Watch,
) -> anyhow::Result<()> {
    let read = compared.as_ref().map(compare::Prepared::read);
    let read = read.unwrap_or_default().iter().map(PathBuf::as_path);
    let needs = plan
        .needs()
        .reading(read)
        .capturing(device.iter().map(AsFd::as_fd));
    confined(&needs, capture.common.output.verbose > 0)?;
    if let Some(compared) = compared {
        watch.compare(compared.begin().context("the files cannot be compared")?);
    }
    Ok(())
}

/// What writes the capture file; absent where none is wanted.
fn recorder(
    capture: &Capture,
    network: &Network,
    device: &[Live],
    filter: Option<&str>,
    stdout_taken: bool,
) -> anyhow::Result<Option<Recorder>> {
    let Some(path) = &capture.file.write else {
        return Ok(None);
    };
    let described: Vec<_> = device.iter().map(|live| describe(live, filter)).collect();
    let rotation = capture.file.rotate.map(|every| Rotation {
        every,
        keep: capture.file.keep.and_then(|keep| keep.try_into().ok()),
    });
    let recorder = if stdout_taken {
        Recorder::pipe(Box::new(io::stdout()), &described)?
    } else {
        Recorder::create(path.clone(), &described, rotation)?
    };
    Ok(Some(recorder.named(network.names())?))
}

/// Makes sure that no capture is lost by writing another over it.
fn is_new(args: &FileArgs) -> anyhow::Result<()> {
    let Some(file) = args.write.as_deref().filter(|file| *file != Path::new("-")) else {
        return Ok(());
    };
    let holds = std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.len() > 0);
    // The files of a row have numbers in their names and never replace one.
    if holds && !args.force && args.rotate.is_none() {
        anyhow::bail!(
            "{}: is there already; name a new file, or replace it with --force",
            file.display()
        );
    }
    Ok(())
}

/// Whether the capture file goes to standard output.
fn takes_stdout(capture: &Capture) -> anyhow::Result<bool> {
    let taken = capture.file.write.as_deref() == Some(Path::new("-"));
    if taken && io::stdout().is_terminal() {
        anyhow::bail!(
            "-w - writes a capture file to standard output, which is the terminal; name a file, or pipe it"
        );
    }
    if taken && capture.file.rotate.is_some() {
        anyhow::bail!("--rotate begins new files, and standard output is one; name a file with -w");
    }
    Ok(taken)
}

/// Says what is not so where the command could not be given a namespace of process ids.
fn warn_if_open(started: Option<&Started>) -> io::Result<()> {
    if started.is_some_and(|started| !started.enclosed) {
        writeln!(
            io::stderr().lock(),
            "imgnet: there is no namespace of process ids here: what the command leaves running goes on, and only the \
             command itself is held while the capture catches up"
        )?;
    }
    if started.is_some_and(|started| started.nameless) {
        writeln!(
            io::stderr().lock(),
            "imgnet: the hosts' names cannot be put into /etc/hosts here: the commands find names and addresses in \
             IMGNET_HOSTS and IMGNET_ADDRESSES"
        )?;
    }
    Ok(())
}

/// Opens all interfaces; absent, with all said, where that is not allowed.
fn open_all(
    capture: &Capture,
    interfaces: &[String],
    network: &Network,
    task: Option<&Task>,
) -> anyhow::Result<Option<Vec<Live>>> {
    if let (Some(Task::OnHosts { .. }), Some(forbidden)) = (task, network.forbidden()) {
        writeln!(
            io::stderr().lock(),
            "imgnet: no private network, which hosts on a bridge need: {}\nTo allow it:      {}\nMore about it:    imgnet doctor",
            forbidden.reason(),
            forbidden.command()
        )?;
        return Ok(None);
    }
    let ring = capture
        .buffer
        .map_or_else(memory::ring_bytes, |mebibytes| mebibytes << 20)
        / (interfaces.len().max(1) as u64);
    let mut device = Vec::new();
    for (index, interface) in (0..).zip(interfaces) {
        match open(interface, &capture.ports, capture.filter.as_deref(), ring) {
            Ok(live) => {
                let description = network.description(interface);
                device.push(live.numbered(index).described(description.as_deref()));
            }
            Err(live::Error::NotAllowed {
                message: reason, ..
            }) => {
                not_allowed(
                    interface,
                    &reason,
                    network.forbidden(),
                    matches!(network, Network::Machine) && POSSIBLE,
                )?;
                return Ok(None);
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(Some(device))
}

/// Lists the interfaces.
fn list() -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    let all = live::interfaces()?;
    let width = all.iter().map(|one| one.name.len()).max().unwrap_or(0);
    for one in all {
        let addresses: Vec<String> = one.addresses.iter().map(ToString::to_string).collect();
        let mut notes = vec![if one.up { "up" } else { "down" }.to_owned()];
        if one.loopback {
            notes.push("loopback".to_owned());
        }
        // What the system says of every loopback adds nothing to that.
        notes.extend(
            one.description
                .filter(|text| !(one.loopback && text == "Loopback")),
        );
        if !addresses.is_empty() {
            notes.push(addresses.join(" "));
        }
        let line = format!("{:width$}  {}", one.name, notes.join(", "));
        if let Err(error) = writeln!(out, "{}", text::plain(&line, true)) {
            ignore_closed_pipe(error)?;
            break;
        }
    }
    Ok(Exit::Good)
}

/// How a rendering for people looks on standard error.
fn stderr_style(arguments: &crate::cli::args::OutputArgs) -> crate::report::Style {
    let mut environment = Environment::of_process(true);
    environment.terminal = io::stderr().is_terminal();
    environment.columns = rustix::termios::tcgetwinsize(io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col));
    environment.style(arguments)
}

/// A reader that went away is no error.
pub(super) fn ignore_closed_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(error)
    }
}

/// A size, a time or a number of pictures.
fn every(text: &str) -> Result<Every, String> {
    if let Some(number) = text
        .strip_suffix("pictures")
        .or_else(|| text.strip_suffix("images"))
    {
        return match number.trim().parse() {
            Ok(number @ 1..) => Ok(Every::Pictures(number)),
            _ => Err(format!("expected e.g. 10pictures, not {text:?}")),
        };
    }
    if text.ends_with('s') || text.ends_with('m') || text.ends_with('h') {
        return duration(text).map(Every::Time);
    }
    size_above_zero(text)
        .map(Every::Bytes)
        .map_err(|_| format!("expected e.g. 100M, 60s or 10pictures, not {text:?}"))
}

#[cfg(test)]
mod tests;

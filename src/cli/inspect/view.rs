//! `imgnet view`: the terminal viewer.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Seek as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use clap::Args;

use super::{FilterArg, LookArgs, path_of};
use crate::cli::args::AnalysisArgs;
use crate::cli::exit::Exit;
use crate::cli::glue;
use crate::cli::progress::Progress;
use crate::cli::terminal::Environment;
use crate::cli::verify::compare::{Named, Settings, Sides};
use crate::cli::verify::files::look;
use crate::cli::verify::spool::Spool;
use crate::cli::verify::watched::Watchers;
use crate::report::Detail;
use crate::report::model::Report;
use crate::view::{self, Going, Graphics};

/// Look inside on the terminal: a stream in plain words, its packets, every byte, the picture itself
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet view pipeline-hang.pcap            Enter on the finding: its proof; Tab Tab: its bytes\n  \
                  imgnet view big.pcap -Y 'imgnet.finding'\n  \
                  imgnet view run.pcap --sent sent --received received   4: sent beside wire beside received\n  \
                  imgnet view -i lo                         live\n  \
                  imgnet view -- python3 server.py          live, in a private network\n\n\
                  Keys: ? shows them. Exit codes: 0; 2 where the terminal cannot show it (TERM=dumb, no terminal), or an \
                  input cannot be read.",
    max_term_width = 100
)]
pub(crate) struct ViewArgs {
    /// Capture files; several are one capture
    #[arg(value_name = "CAPTURE", required_unless_present_any = ["interface", "command"])]
    captures: Vec<PathBuf>,

    /// Capture on this interface, and look on meanwhile
    #[arg(short, long, value_name = "IFACE", conflicts_with = "captures")]
    interface: Option<String>,

    /// Run this command in a private network of its own, and look on meanwhile
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "captures")]
    command: Vec<OsString>,

    /// Files that were sent, or folders of them: pictures stand beside them, and verdicts are those of imgnet verify
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["interface", "command"])]
    sent: Vec<PathBuf>,

    /// Files that were received, or folders of them
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["interface", "command"])]
    received: Vec<PathBuf>,

    #[command(flatten)]
    filter: FilterArg,

    #[command(flatten)]
    look: LookArgs,

    /// How the picture itself is drawn; auto means as pixels where the terminal's name says that it can, and not within tmux
    #[arg(long, value_name = "HOW", value_enum, default_value_t = GraphicsArg::Auto, help_heading = "Output")]
    graphics: GraphicsArg,

    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// `--graphics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum GraphicsArg {
    /// Pixels where the terminal is known to show them
    Auto,
    /// Half blocks, two pixels a cell
    Blocks,
    /// Pixels in kitty's protocol
    Kitty,
    /// Pixels in iTerm2's protocol
    Iterm2,
    /// Pixels as sixel
    Sixel,
}

impl GraphicsArg {
    /// How pixels are shown in a terminal whose environment says this; absent for half blocks.
    fn choose(self, variable: impl Fn(&str) -> Option<String>) -> Option<Graphics> {
        match self {
            Self::Blocks => None,
            Self::Kitty => Some(Graphics::Kitty),
            Self::Iterm2 => Some(Graphics::Iterm2),
            Self::Sixel => Some(Graphics::Sixel),
            Self::Auto => {
                let term = variable("TERM").unwrap_or_default();
                // They pass on text only, unless they are told otherwise.
                if ["TMUX", "STY"]
                    .into_iter()
                    .any(|name| variable(name).is_some())
                    || term.starts_with("screen")
                    || term.starts_with("tmux")
                {
                    return None;
                }
                if term == "xterm-kitty" || term == "xterm-ghostty" {
                    return Some(Graphics::Kitty);
                }
                if ["foot", "mlterm", "contour"]
                    .into_iter()
                    .any(|name| term.starts_with(name))
                {
                    return Some(Graphics::Sixel);
                }
                match variable("TERM_PROGRAM").as_deref() {
                    Some("iTerm.app" | "WezTerm") => Some(Graphics::Iterm2),
                    Some("ghostty") => Some(Graphics::Kitty),
                    _ => None,
                }
            }
        }
    }
}

/// Runs the command.
///
/// # Errors
/// A terminal that cannot show it, an input that cannot be read.
pub(in crate::cli) fn run(command: &ViewArgs) -> anyhow::Result<Exit> {
    let environment = Environment::of_process(false);
    if environment.term.as_deref() == Some("dumb") {
        anyhow::bail!(
            "this terminal cannot show a full screen (TERM=dumb); imgnet packets and imgnet packet print the same"
        );
    }
    if !environment.terminal || !std::io::stdin().is_terminal() {
        anyhow::bail!(
            "view needs a terminal for input and output; imgnet packets and imgnet packet print the same"
        );
    }
    let look = environment.look(command.look.color, command.look.ascii, Detail::Normal);
    let true_color =
        std::env::var("COLORTERM").is_ok_and(|value| value == "truecolor" || value == "24bit");
    let live = command.interface.is_some() || !command.command.is_empty();
    let (mut paths, mut title) = (command.captures.clone(), String::new());
    let mut going: Option<Box<dyn Going>> = None;
    if live {
        let (capture, name) = Capture::begin(command)?;
        paths = vec![path_of(&capture.file)];
        title = name;
        going = Some(Box::new(capture));
    } else {
        // Told before the screen is taken; what is in it is read once the viewer is confined.
        crate::source::Files::open(&paths)?;
        let names = paths.iter().map(|path| {
            path.file_name().map_or_else(
                || path.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            )
        });
        title.push_str(&names.collect::<Vec<_>>().join(" "));
    }
    view::run(view::View {
        paths,
        title: format!("imgnet view {title}"),
        options: command.analysis.options(),
        filter: command.filter.filter.clone(),
        compare: compare(command),
        live: going,
        color: look.color,
        unicode: look.unicode,
        true_color,
        graphics: command.graphics.choose(|name| std::env::var(name).ok()),
    })?;
    Ok(Exit::Good)
}

/// What compares the pictures with the files given; absent without any.
fn compare(command: &ViewArgs) -> Option<view::Compare> {
    if command.sent.is_empty() && command.received.is_empty() {
        return None;
    }
    let (captures, options) = (command.captures.clone(), command.analysis.options());
    let (sent, received) = (command.sent.clone(), command.received.clone());
    let files = [sent.clone(), received.clone()].concat();
    // Its file is made before the viewer is confined.
    let spool = Spool::new();
    let work = move || -> anyhow::Result<Report> {
        let named = Named {
            sent: &sent,
            received: &received,
            ledger: &[],
        };
        let sides = Sides::find(&named, &mut look)?;
        let watched = Watchers::new(spool, None, Progress::of(&captures, true)).read(
            glue::open(&captures)?,
            options,
            Some(&sides),
            &Settings::default(),
        )?;
        Ok(watched.report)
    };
    Some(view::Compare {
        files,
        work: Box::new(move || work().map_err(|error| format!("{error:#}"))),
    })
}

/// A capture that goes on beside the viewer, in a process of its own so that nothing here can slow it.
///
/// Its file and what it says have no names: they are gone with both processes, however these end.
#[derive(Debug)]
struct Capture {
    child: Child,
    file: File,
    log: File,
    over: bool,
}

impl Capture {
    fn begin(command: &ViewArgs) -> anyhow::Result<(Self, String)> {
        let (file, log) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let mut capture = Command::new(std::env::current_exe()?);
        capture
            .args(["capture", "-w", "-", "--ends-with"])
            .arg(std::process::id().to_string());
        let mut title = "live".to_owned();
        if let Some(interface) = &command.interface {
            capture.arg("-i").arg(interface);
            title = format!("live on {interface}");
        }
        if !command.command.is_empty() {
            capture.arg("--").args(&command.command);
            let words: Vec<_> = command
                .command
                .iter()
                .map(|word| word.to_string_lossy())
                .collect();
            title = words.join(" ");
        }
        capture
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(log.try_clone()?);
        let child = capture.spawn()?;
        Ok((
            Self {
                child,
                file,
                log,
                over: false,
            },
            title,
        ))
    }
}

impl Going for Capture {
    fn program(&self) -> u32 {
        self.child.id()
    }

    fn goes_on(&mut self) -> bool {
        if !self.over {
            self.over = !matches!(self.child.try_wait(), Ok(None));
        }
        !self.over
    }

    fn end(&mut self) {
        if self.goes_on() {
            // As Ctrl-C would: the capture ends its file.
            let pid = rustix::process::Pid::from_child(&self.child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
            let _ = self.child.wait();
        }
    }

    fn said(&mut self) -> Option<String> {
        let mut said = Vec::new();
        self.log.rewind().ok()?;
        self.log.read_to_end(&mut said).ok()?;
        let said = String::from_utf8_lossy(&said);
        let last = said.trim().lines().last().unwrap_or("the capture ended");
        Some(last.strip_prefix("imgnet: ").unwrap_or(last).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_shown_where_the_terminal_says_that_it_can() {
        let auto = |variables: &[(&str, &str)]| {
            GraphicsArg::Auto.choose(|wanted| {
                let found = variables.iter().find(|(name, _)| *name == wanted);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(auto(&[("TERM", "xterm-kitty")]), Some(Graphics::Kitty));
        assert_eq!(auto(&[("TERM", "foot")]), Some(Graphics::Sixel));
        let iterm2 = [("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")];
        assert_eq!(auto(&iterm2), Some(Graphics::Iterm2));
        assert_eq!(auto(&[("TERM", "xterm-256color")]), None);
        assert_eq!(
            auto(&[("TERM", "xterm-kitty"), ("TMUX", "/tmp/x,1,0")]),
            None
        );
        assert_eq!(GraphicsArg::Sixel.choose(|_| None), Some(Graphics::Sixel));
    }
}

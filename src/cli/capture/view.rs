//! What is shown while a capture goes on: rows in place on a terminal, lines elsewhere, or one JSON object a
//! line for programs.

use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::rows::{Change, Rows};
use crate::analysis::Event;
use crate::capture::session::{Reason, Summary};
use crate::cli::args::{FormatArg, OutputArgs};
use crate::report::Style;
use crate::report::model::Report;

/// How often a screen is drawn at most.
const FRAME: Duration = Duration::from_millis(80);

/// The live view.
pub(in crate::cli) enum View {
    /// None.
    Silent,
    /// Rows that change in place.
    Screen(Box<Screen>),
    /// A line for each picture that ended.
    Lines(Lines),
    /// A JSON object a line for each event.
    Json(Json),
}

/// Chooses it. `stdout_taken`: the capture file goes to standard output. `beside_command`: a command writes to the
/// same terminal, so that rows in place would be torn.
pub(super) fn choose(output: &OutputArgs, stdout_taken: bool, beside_command: bool) -> View {
    let to_file = output.output.is_some();
    let stderr = stdout_taken || beside_command || to_file || output.format != FormatArg::Table;
    if output.format == FormatArg::Json && !to_file {
        return View::Json(Json::new(stdout_taken));
    }
    if output.quiet {
        return View::Silent;
    }
    let style = if stderr {
        super::stderr_style(output)
    } else {
        crate::cli::terminal::Environment::of_process(false).style(output)
    };
    let terminal = if stderr {
        io::stderr().is_terminal()
    } else {
        io::stdout().is_terminal()
    };
    if terminal && !beside_command {
        View::Screen(Box::new(Screen::new(style, stderr)))
    } else {
        View::Lines(Lines {
            rows: Rows::default(),
            style,
            stderr,
        })
    }
}

impl View {
    /// Something happened.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        match self {
            Self::Silent => {}
            Self::Screen(screen) => {
                screen.changed |= !matches!(screen.rows.event(event), Change::Nothing);
            }
            Self::Lines(lines) => lines.event(event),
            Self::Json(json) => json.event(event),
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) {
        match self {
            Self::Screen(screen) => screen.draw(now),
            Self::Json(json) => json.flush(),
            Self::Silent | Self::Lines(_) => {}
        }
    }

    /// Nothing more happens. Rows in place are taken away: the report follows, which has them all.
    pub(super) fn finish(&mut self) {
        match self {
            Self::Screen(screen) => screen.bar.finish_and_clear(),
            Self::Json(json) => json.flush(),
            Self::Silent | Self::Lines(_) => {}
        }
    }
}

/// Rows in place.
pub(in crate::cli) struct Screen {
    bar: ProgressBar,
    rows: Rows,
    style: Style,
    stderr: bool,
    drawn: Option<Instant>,
    changed: bool,
}

impl Screen {
    fn new(style: Style, stderr: bool) -> Self {
        let target = if stderr {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::stdout()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(
            ProgressStyle::with_template("{msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        Self {
            bar,
            rows: Rows::default(),
            style,
            stderr,
            drawn: None,
            changed: true,
        }
    }

    fn draw(&mut self, now: Instant) {
        if !self.changed
            || self
                .drawn
                .is_some_and(|drawn| now.duration_since(drawn) < FRAME)
        {
            return;
        }
        self.drawn = Some(now);
        self.changed = false;
        // Asked anew each time: terminals change their size.
        let size = if self.stderr {
            rustix::termios::tcgetwinsize(io::stderr())
        } else {
            rustix::termios::tcgetwinsize(io::stdout())
        };
        let (columns, lines) = size.map_or((80, 24), |size| (size.ws_col, size.ws_row));
        let most = usize::from(lines).saturating_sub(3).clamp(1, 30);
        let width = usize::from(columns).max(20).saturating_sub(1);
        self.bar
            .set_message(self.rows.screen(most, width, self.style.unicode).join("\n"));
        self.bar.tick();
    }
}

/// A line for each picture that ended.
pub(in crate::cli) struct Lines {
    rows: Rows,
    style: Style,
    stderr: bool,
}

impl Lines {
    fn event(&mut self, event: &Event<'_>) {
        let Change::Ended(ended) = self.rows.event(event) else {
            return;
        };
        let line = ended.line(self.style.unicode);
        // Who reads the lines may go away; the capture goes on, and its report says how it went.
        let _ = if self.stderr {
            writeln!(io::stderr().lock(), "{line}")
        } else {
            let mut out = io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush())
        };
    }
}

/// A JSON object a line for each event.
pub(in crate::cli) struct Json {
    out: Box<dyn Write + Send>,
}

impl Json {
    fn new(stderr: bool) -> Self {
        Self {
            out: if stderr {
                Box::new(io::stderr())
            } else {
                Box::new(io::stdout())
            },
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        if let Some(value) = json_of(event) {
            let _ = writeln!(self.out, "{value}");
        }
    }

    fn flush(&mut self) {
        let _ = self.out.flush();
    }
}

/// One event as an object; absent for those that only carry bytes.
fn json_of(event: &Event<'_>) -> Option<Value> {
    Some(match event {
        Event::StreamOpened {
            stream,
            transport,
            from,
            to,
            time,
        } => {
            json!({"event": "stream-opened", "stream": stream, "transport": transport, "from": from, "to": to, "time": time})
        }
        Event::PictureStarted {
            picture,
            stream,
            from,
            to,
            protocol,
            length,
            frame,
            time,
        } => {
            json!({"event": "picture-started", "image": picture, "stream": stream, "from": from, "to": to,
            "protocol": protocol.to_string(), "declared_bytes": length, "first_packet": frame, "time": time})
        }
        Event::PictureEnded(image) => json!({"event": "picture-ended", "image": image}),
        Event::StreamClosed { stream, images } => {
            json!({"event": "stream-closed", "stream": stream, "images": images})
        }
        Event::Finding(finding) => json!({"event": "finding", "finding": finding}),
        _ => return None,
    })
}

/// The last line of `--format json`.
pub(super) fn summary_line(interface: &str, summary: &Summary, report: &Report) -> Value {
    let counts = &summary.counts;
    json!({
        "event": "summary",
        "interface": interface,
        "ended": match summary.ended {
            Reason::Signal => "signal",
            Reason::Images => "images",
            Reason::Duration => "duration",
            Reason::Done => "command",
            Reason::Output => "output-failed",
            Reason::OutputClosed => "output-closed",
            Reason::Device => "interface-failed",
        },
        "frames": counts.frames,
        "captured_bytes": counts.bytes,
        "original_bytes": counts.wire_bytes,
        "received": counts.received,
        "dropped": counts.dropped,
        "interface_dropped": counts.interface_dropped,
        "queue_dropped": counts.queue_dropped,
        "written": summary.written.as_ref().map(|written| json!({
            "path": written.name, "packets": written.frames, "bytes": written.bytes,
        })),
        "packets": report.packets,
        "totals": report.totals,
        "verdict": report.verdict,
    })
}

//! The terminal as a full screen, given back as it was after any end: leaving, an error, a panic, or a signal that asks
//! the process to end.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::graphics::{Graphics, Placed, base64};
use super::screen::Screen;
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Whether the terminal is ours at the moment.
static OURS: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal while it is a full screen.
pub(super) struct Terminal {
    inner: ratatui_core::terminal::Terminal<Screen>,
    end: Arc<AtomicBool>,
    /// The pictures that it shows as pixels.
    shown: Vec<Placed>,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It is none, or cannot be set.
    pub(super) fn open() -> io::Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            signal_hook::flag::register(signal, Arc::clone(&end))?;
        }
        end_without_terminal()?;
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        let opened = execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture)
            .and_then(|()| ratatui_core::terminal::Terminal::new(Screen::new()));
        match opened {
            Ok(inner) => Ok(Self {
                inner,
                end,
                shown: Vec::new(),
            }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Whether a signal asked the process to end.
    ///
    /// # Errors
    /// A thread came to harm: the terminal was given back, and nothing may be drawn any more.
    pub(super) fn is_to_end(&self) -> io::Result<bool> {
        if OURS.load(Ordering::SeqCst) {
            Ok(self.end.load(Ordering::SeqCst))
        } else {
            Err(io::Error::other("a part of the program failed"))
        }
    }

    /// Draws a screen.
    pub(super) fn draw(
        &mut self,
        draw: impl FnOnce(&mut ratatui_core::terminal::Frame<'_>),
    ) -> io::Result<()> {
        self.inner.draw(draw).map(|_| ())
    }

    /// Takes away the pictures that are shown as pixels, where others are to be shown; says whether it did: then all cells
    /// are to be drawn again.
    pub(super) fn take_away(&mut self, graphics: Graphics, wanted: &[Placed]) -> io::Result<bool> {
        if self.shown.is_empty() || self.shown == wanted {
            return Ok(false);
        }
        self.shown.clear();
        told(graphics.clear())?;
        self.inner.clear()?;
        Ok(true)
    }

    /// Shows pictures as pixels, where they are not shown yet.
    pub(super) fn show(&mut self, graphics: Graphics, wanted: &[Placed]) -> io::Result<()> {
        if self.shown != wanted {
            for placed in wanted {
                told(&graphics.show(placed))?;
            }
            self.shown = wanted.to_vec();
        }
        Ok(())
    }
}

/// Pixels of a cell across and down; absent where the terminal does not tell.
pub(super) fn cell() -> Option<(u32, u32)> {
    let size = crossterm::terminal::window_size().ok()?;
    let part = |pixels: u16, cells: u16| u32::from(pixels).checked_div(u32::from(cells));
    let cell = (
        part(size.width, size.columns)?,
        part(size.height, size.rows)?,
    );
    (cell.0 > 0 && cell.1 > 0).then_some(cell)
}

fn told(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Asks the terminal to put text on the clipboard (OSC 52); one that does not know this ignores it.
pub(super) fn copy(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "\x1b]52;c;{}\x07", base64(text.as_bytes()))?;
    out.flush()
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Ends the process where its terminal went away (SIGHUP) and the loop does not come to notice: reading a terminal that is
/// gone returns at once, for ever, inside the library that waits for keys.
fn end_without_terminal() -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP])?;
    std::thread::Builder::new()
        .name("terminal".into())
        .spawn(move || {
            if signals.forever().next().is_some() {
                std::thread::sleep(std::time::Duration::from_millis(500));
                give_back();
                let _ = signal_hook::low_level::emulate_default_handler(SIGHUP);
            }
        })?;
    Ok(())
}

/// Gives the terminal back, once.
fn give_back() {
    if OURS.swap(false, Ordering::SeqCst) {
        // Nothing can be done where it fails: the process ends.
        let _ = execute!(
            io::stdout(),
            DisableMouseCapture,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    /// Who comes to harm: the name of the variable that says it to this program where it runs in a terminal of its own.
    const HARMED: &str = "IMGNET_TEST_HARMED";

    /// Runs in that terminal: takes it, and panics.
    fn harmed(who: &str) {
        let terminal = Terminal::open().unwrap();
        assert!(!terminal.is_to_end().unwrap());
        if who == "thread" {
            let thread = std::thread::spawn(|| panic!("provoked"));
            assert!(thread.join().is_err());
            // The loop that draws is told.
            assert!(terminal.is_to_end().is_err());
            drop(terminal);
            std::process::exit(7);
        }
        panic!("provoked");
    }

    #[test]
    fn a_panic_gives_the_terminal_back() {
        if let Ok(who) = std::env::var(HARMED) {
            return harmed(&who);
        }
        if Command::new("tmux").arg("-V").output().is_err() {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "tmux is missing, and under CI this test must run: apt-get install tmux"
            );
            eprintln!(
                "SKIPPED: a panic in a terminal: tmux is not installed (apt-get install tmux)"
            );
            return;
        }
        for (who, code) in [("main", 101), ("thread", 7)] {
            given_back_after(who, code);
        }
    }

    fn given_back_after(who: &str, code: i32) {
        let socket = format!("imgnet-panic-{who}-{}", std::process::id());
        let tmux = |arguments: &[&str]| {
            let output = Command::new("tmux")
                .args(["-L", &socket, "-f", "/dev/null"])
                .args(arguments)
                .env("LC_ALL", "C.UTF-8")
                .env_remove("TMUX")
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let name = "view::terminal::tests::a_panic_gives_the_terminal_back";
        let shell = format!(
            "cd '{}'; stty -a > before; RUST_BACKTRACE=0 {HARMED}={who} '{}' --exact {name} --nocapture; echo \"code $?\"; stty -a > after; \
             echo over; read _",
            folder.path().display(),
            program.display(),
        );
        tmux(&["new-session", "-d", "-x", "100", "-y", "30", &shell]);
        let begun = Instant::now();
        let screen = loop {
            let screen = tmux(&["capture-pane", "-p"]);
            if screen.contains("over") || begun.elapsed() > Duration::from_secs(30) {
                break screen;
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let flags = tmux(&[
            "display-message",
            "-p",
            "#{alternate_on} #{cursor_flag} #{mouse_any_flag}",
        ]);
        tmux(&["kill-server"]);
        assert!(screen.contains("provoked"), "{who}: {screen}");
        assert!(screen.contains(&format!("code {code}")), "{who}: {screen}");
        assert_eq!(
            flags.trim(),
            "0 1 0",
            "{who}: alternate screen, cursor, mouse"
        );
        let setting = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(setting("before"), setting("after"), "{who}");
    }
}

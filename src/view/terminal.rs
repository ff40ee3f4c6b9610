//! The terminal as a full screen, given back as it was after any end: leaving, an error, a panic, or a signal that asks
//! the process to end.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::screen::Screen;
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether the terminal is ours at the moment.
static OURS: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal while it is a full screen.
pub(super) struct Terminal {
    inner: ratatui_core::terminal::Terminal<Screen>,
    end: Arc<AtomicBool>,
}

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It is none, or cannot be set.
    pub(super) fn open() -> io::Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGHUP, SIGINT] {
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
            Ok(inner) => Ok(Self { inner, end }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Whether a signal asked the process to end.
    pub(super) fn is_to_end(&self) -> bool {
        self.end.load(Ordering::SeqCst)
    }

    /// Draws a screen.
    pub(super) fn draw(
        &mut self,
        draw: impl FnOnce(&mut ratatui_core::terminal::Frame<'_>),
    ) -> io::Result<()> {
        self.inner.draw(draw).map(|_| ())
    }
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

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut number = 0_u32;
        for at in 0..3 {
            number = number << 8 | group.get(at).map_or(0, |byte| u32::from(*byte));
        }
        for at in 0..4 {
            let digit = usize::try_from(number >> (18 - 6 * at) & 63).unwrap_or(0);
            let c = DIGITS.get(digit).copied().unwrap_or(b'=');
            out.push(if at <= group.len() {
                char::from(c)
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}

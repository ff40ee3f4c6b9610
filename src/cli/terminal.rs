//! What the terminal can show, found out once.

use std::env;
use std::io::{self, IsTerminal};

use crate::cli::args::{ColorArg, OutputArgs};
use crate::imaging::half_blocks::Palette;
use crate::report::{Detail, Style};

/// Columns used where the output is no terminal.
const WIDE: usize = 200;
/// Fewer columns than this are not believed.
const NARROW: usize = 20;

/// Columns of a picture where nobody knows how many there are.
const UNKNOWN: usize = 80;

/// Where a picture is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Canvas {
    /// Columns that there are.
    pub columns: u32,
    /// What they can show.
    pub palette: Palette,
}

/// The environment, as far as it matters to a rendering.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// Whether the output goes to a terminal.
    pub terminal: bool,
    /// Its columns; absent where unknown.
    pub columns: Option<usize>,
    /// `COLUMNS`.
    pub columns_variable: Option<String>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `COLORTERM` says that any colour can be shown.
    pub true_colour: bool,
    /// `TERM`.
    pub term: Option<String>,
    /// The first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set and not empty.
    pub locale: Option<String>,
}

impl Environment {
    /// The environment of this process. `to_file`: the output goes to a file, not to standard output.
    pub(crate) fn of_process(to_file: bool) -> Self {
        let variable = |name| {
            env::var(name)
                .ok()
                .filter(|value: &String| !value.is_empty())
        };
        let terminal = !to_file && io::stdout().is_terminal();
        Self {
            terminal,
            columns: terminal
                .then(|| rustix::termios::tcgetwinsize(io::stdout()).ok())
                .flatten()
                .map(|size| usize::from(size.ws_col)),
            columns_variable: variable("COLUMNS"),
            no_color: env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            true_colour: variable("COLORTERM")
                .is_some_and(|value| matches!(value.as_str(), "truecolor" | "24bit")),
            term: variable("TERM"),
            locale: variable("LC_ALL")
                .or_else(|| variable("LC_CTYPE"))
                .or_else(|| variable("LANG")),
        }
    }

    /// In how many columns and by what a picture is drawn there, with these wishes: colours only where `TERM` or
    /// `COLORTERM` says that there are enough of them.
    pub(crate) fn canvas(&self, color: ColorArg, ascii: bool) -> Canvas {
        let style = self.look(color, ascii, Detail::Normal);
        let term = self.term.as_deref().unwrap_or_default();
        let palette = match (style.unicode, style.color) {
            (false, _) => Palette::Ascii,
            (true, true) if self.true_colour => Palette::TrueColour,
            (true, true) if term.contains("256color") => Palette::Colours256,
            (true, _) => Palette::Shades,
        };
        let known = self.columns.is_some() || self.columns_variable.is_some();
        Canvas {
            columns: u32::try_from(if known { style.width } else { UNKNOWN }).unwrap_or(80),
            palette,
        }
    }

    /// How to render there.
    pub(crate) fn style(&self, output: &OutputArgs) -> Style {
        self.look(output.color, output.ascii, output.detail())
    }

    /// How to render there, with these wishes.
    pub(crate) fn look(&self, color: ColorArg, ascii: bool, detail: Detail) -> Style {
        let columns = self
            .columns
            .filter(|&columns| columns > 0)
            .or_else(|| self.columns_variable.as_ref()?.parse().ok())
            .unwrap_or(WIDE);
        let colourless = self.term.as_deref().is_some_and(is_colourless);
        Style {
            width: columns.clamp(NARROW, usize::from(u16::MAX)),
            unicode: !ascii && !self.other_charset(),
            color: match color {
                ColorArg::Always => true,
                ColorArg::Never => false,
                ColorArg::Auto => self.terminal && !self.no_color && !colourless,
            },
            detail,
        }
    }

    /// Whether the locale names a character set that is not UTF-8. One that names none (`C`, or no locale
    /// at all, as in containers) says nothing about the terminal.
    fn other_charset(&self) -> bool {
        self.locale
            .as_deref()
            .and_then(|locale| locale.split_once('.'))
            .map(|(_, charset)| charset.split('@').next().unwrap_or(charset))
            .is_some_and(|charset| !charset.replace('-', "").eq_ignore_ascii_case("utf8"))
    }
}

/// Whether a terminal of this name has no colours, as terminfo knows it: dumb ones, DEC's from VT52 to VT520, and variants of
/// others that are said to have none.
fn is_colourless(term: &str) -> bool {
    const DEC: [&str; 12] = [
        "vt52", "vt100", "vt102", "vt125", "vt131", "vt132", "vt200", "vt220", "vt320", "vt420",
        "vt510", "vt520",
    ];
    let (name, variant) = term.split_once('-').unwrap_or((term, ""));
    name == "dumb" || DEC.contains(&name) || matches!(variant, "m" | "mono")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        output: OutputArgs,
    }

    fn style(environment: &Environment, arguments: &[&str]) -> Style {
        let arguments = ["imgnet"].iter().chain(arguments);
        environment.style(&Only::try_parse_from(arguments).unwrap().output)
    }

    fn terminal() -> Environment {
        Environment {
            terminal: true,
            columns: Some(80),
            ..Environment::default()
        }
    }

    #[test]
    fn colour_follows_terminal_and_wishes() {
        assert!(style(&terminal(), &[]).color);
        assert!(!style(&Environment::default(), &[]).color);
        let quiet = Environment {
            no_color: true,
            ..terminal()
        };
        assert!(!style(&quiet, &[]).color);
        assert!(style(&quiet, &["--color", "always"]).color);
        let dumb = Environment {
            term: Some("dumb".to_owned()),
            ..terminal()
        };
        assert!(!style(&dumb, &[]).color);
        assert!(!style(&terminal(), &["--color", "never"]).color);
    }

    #[test]
    fn width_is_the_terminals_then_the_variables_then_wide() {
        assert_eq!(style(&terminal(), &[]).width, 80);
        let piped = Environment {
            columns_variable: Some("132".to_owned()),
            ..Environment::default()
        };
        assert_eq!(style(&piped, &[]).width, 132);
        assert_eq!(style(&Environment::default(), &[]).width, 200);
        let absurd = Environment {
            columns: Some(1),
            ..terminal()
        };
        assert_eq!(style(&absurd, &[]).width, 20);
    }

    #[test]
    fn only_a_named_other_charset_means_ascii() {
        for (locale, unicode) in [
            (None, true),
            (Some("C"), true),
            (Some("C.UTF-8"), true),
            (Some("de_DE.utf8@euro"), true),
            (Some("de_DE.ISO-8859-15@euro"), false),
        ] {
            let environment = Environment {
                locale: locale.map(str::to_owned),
                ..terminal()
            };
            assert_eq!(style(&environment, &[]).unicode, unicode, "{locale:?}");
        }
        assert!(!style(&terminal(), &["--ascii"]).unicode);
    }

    #[test]
    fn detail_follows_q_and_v() {
        for (arguments, detail) in [
            (&["-q"][..], Detail::Quiet),
            (&[], Detail::Normal),
            (&["-v"], Detail::Streams),
            (&["-vv"], Detail::Chunks),
            (&["-vvv"], Detail::Chunks),
        ] {
            assert_eq!(style(&terminal(), arguments).detail, detail);
        }
    }

    #[test]
    fn a_terminal_without_colours_gets_none() {
        let colours = |term: &str, color| {
            let environment = Environment {
                terminal: true,
                term: Some(term.to_owned()),
                ..Environment::default()
            };
            environment.look(color, false, Detail::Normal).color
        };
        for term in ["dumb", "vt100", "vt220-8bit", "xterm-mono", "linux-m"] {
            assert!(!colours(term, ColorArg::Auto), "{term}");
            assert!(colours(term, ColorArg::Always), "{term}");
        }
        for term in [
            "xterm",
            "xterm-256color",
            "linux",
            "screen",
            "tmux-256color",
            "vt340",
            "foot",
            "",
        ] {
            assert!(colours(term, ColorArg::Auto), "{term}");
        }
    }
}

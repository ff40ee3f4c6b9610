//! The rendering for programs: one JSON object, `imgnet/report/v1`, written as it is made.
//!
//! The object and its lists are broken into lines, their members are not: a picture, a stream or a finding
//! is a line, so that the text can be compared and searched. Characters that a terminal would obey are
//! escaped; to a JSON parser that is the same text.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use crate::report::model::Report;
use crate::report::{Style, text};

/// Writes the report as JSON and a line feed. The style changes nothing.
///
/// # Errors
/// Those of `out`.
pub fn render(report: &Report, _style: &Style, out: &mut impl Write) -> io::Result<()> {
    write(report, out)
}

/// Writes any value as [`render`] writes a report.
///
/// # Errors
/// Those of `out`.
pub fn write<T: Serialize>(value: &T, out: &mut impl Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Lines::default());
    // serde_json gives an I/O error back as the one that happened, kind and all.
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Depth to which members stand on lines of their own.
const BROKEN: usize = 2;

/// Breaks the two outer levels into lines and writes the inner ones without spaces.
#[derive(Default)]
struct Lines {
    depth: usize,
    /// Whether the innermost list or object has a member yet.
    filled: bool,
}

impl Lines {
    fn open<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_add(1);
        self.filled = false;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        let broken = self.depth <= BROKEN && self.filled;
        self.depth = self.depth.saturating_sub(1);
        self.filled = true;
        if broken {
            self.line(out)?;
        }
        out.write_all(bracket)
    }

    fn member<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        self.filled = true;
        if self.depth <= BROKEN {
            self.line(out)?;
        }
        Ok(())
    }

    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.member(out, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.member(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.depth <= BROKEN { b": " } else { b":" })
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| text::is_unsafe(c)) {
            let (before, after) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(out, escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        render(report, &Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn says_the_same_as_serde() {
        for report in samples::all() {
            let ours: serde_json::Value = serde_json::from_str(&text(&report)).unwrap();
            assert_eq!(ours, serde_json::to_value(&report).unwrap());
        }
    }

    #[test]
    fn survives_the_round_trip() {
        for report in samples::all() {
            let first = text(&report);
            let read: Report = serde_json::from_str(&first).unwrap();
            assert_eq!(text(&read), first);
        }
    }

    #[test]
    fn reads_well() {
        insta::assert_snapshot!(text(&samples::gaps()));
    }

    #[test]
    fn nothing_a_terminal_obeys_gets_out() {
        let mut report = samples::healthy();
        let hostile = "\x1b[2J\u{9b}31m\u{7f}\u{202e}\u{e0041}\n\"\\";
        report.streams[0].request = Some(hostile.to_owned());
        let json = text(&report);
        assert!(
            !json.chars().any(|c| text::is_unsafe(c) && c != '\n'),
            "{json}"
        );
        let read: Report = serde_json::from_str(&json).unwrap();
        assert_eq!(read.streams[0].request.as_deref(), Some(hostile));
    }

    #[test]
    fn a_closed_pipe_is_told_as_one() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = render(&samples::healthy(), &Style::default(), &mut Closed).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    use crate::report::text;
}

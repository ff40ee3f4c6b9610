//! The rendering for programs: one JSON object, `imgnet/report/v1`, written as it is made.
//!
//! The object and its lists are broken into lines, their members are not: a picture, a stream or a finding
//! is a line, so that the text can be compared and searched. Characters that a terminal would obey are
//! escaped; to a JSON parser that is the same text.

use std::io::{self, Write};

use serde::Serialize;

use crate::report::Style;
use crate::report::model::Report;

mod apart;
mod serializer;

use apart::Pictures;

/// Writes the report as JSON and a line feed. The style changes nothing.
///
/// # Errors
/// Those of `out`.
pub fn render(report: &Report, _style: &Style, out: &mut impl Write) -> io::Result<()> {
    write(report, out)
}

/// The same, of which many pictures are put into words by so many threads.
///
/// # Errors
/// Those of `out`.
pub(crate) fn report(report: &Report, threads: usize, out: &mut dyn Write) -> io::Result<()> {
    let pictures = Pictures {
        images: &report.images,
        threads,
    };
    let mut serializer = serializer::Serializer::of_report(out, pictures);
    report.serialize(&mut serializer)?;
    serializer.finish()
}

/// Writes any value as [`render`] writes a report.
///
/// # Errors
/// Those of `out`.
pub fn write<T: Serialize>(value: &T, out: &mut impl Write) -> io::Result<()> {
    let mut serializer = serializer::Serializer::new(out);
    value.serialize(&mut serializer)?;
    serializer.finish()
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

    fn by_threads(report: &Report, threads: usize, out: &mut Vec<u8>) -> io::Result<()> {
        super::report(report, threads, out)
    }

    #[test]
    fn several_threads_write_the_same() {
        let mut large = samples::healthy();
        let image = large.images[0].clone();
        let rows: Vec<_> = image.chunks.iter().flatten().collect();
        for count in [0, 1, 700, 1_500, 3_000] {
            let rows = rows.iter().cycle().take(count).copied().collect();
            large.images.push(crate::ledger::Image {
                chunks: Some(crate::ledger::Chunks::from_rows(rows)),
                ..image.clone()
            });
        }
        // More than are worth a thread.
        let images = large.images.clone();
        large.images.extend(images.iter().cycle().take(60).cloned());
        let expected = text(&large);
        for threads in 1..6 {
            let mut out = Vec::new();
            by_threads(&large, threads, &mut out).unwrap();
            assert!(out == expected.as_bytes(), "{threads} threads");
        }
        let parts = Pictures {
            images: &large.images,
            threads: 2,
        };
        assert!(parts.parts().is_some_and(|parts| parts.len() > 10));
        for report in samples::all() {
            let mut out = Vec::new();
            by_threads(&report, 4, &mut out).unwrap();
            assert!(out == text(&report).as_bytes());
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

//! The rendering for people: did it arrive, then the exception, its proof, its cause, its cure.
//!
//! A healthy run is a line, a table and a line. Nothing is shortened that cannot be seen whole another
//! way, and what is left out is named.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::findings::{Finding, Name, Severity};
use crate::ledger::comparison::Level;
use crate::ledger::{Image, TransportKind, Verdict};
use crate::report::model::Report;
use crate::report::text::{self, count, counted};
use crate::report::{Detail, Style};

mod chunks;
mod compared;
mod conversations;
mod findings;
pub(crate) mod grid;
mod head;
mod map;
mod pictures;
mod streams;
#[cfg(test)]
mod tests;

pub use conversations::conversations;
use grid::Tone;
pub(super) use head::missing;
pub(super) use pictures::name as picture_name;

/// Lines of prose are no longer than this, however wide the terminal.
const PROSE: usize = 110;

/// Writes the report for a person.
///
/// # Errors
/// Those of `out`.
pub fn render(report: &Report, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let out: &mut dyn Write = out;
    if style.detail > Detail::Quiet {
        head::render(report, style, out)?;
        writeln!(out)?;
        if !report.images.is_empty() {
            pictures::render(report, style, out)?;
            writeln!(out)?;
        }
    }
    if style.detail >= Detail::Chunks {
        chunks::render(report, style, out)?;
    }
    if style.detail >= Detail::Streams && !report.streams.is_empty() {
        streams::render(report, style, out)?;
        writeln!(out)?;
    }
    if style.detail > Detail::Quiet {
        map::render(report, style, out)?;
    }
    let (tone, line) = conclusion(report, style);
    let line = text::plain(&line, style.unicode);
    for line in text::wrap(&line, style.width, "", "  ") {
        writeln!(out, "{}", tone.paint(&line, style))?;
    }
    extracted(report, style, out)?;
    compared::render(report, style, out)?;
    findings::render(report, style, out)
}

/// The one line that answers the question, for other renderings.
pub(super) fn sentence(report: &Report) -> String {
    conclusion(report, &Style::default()).1
}

/// The one line that answers the question.
fn conclusion(report: &Report, style: &Style) -> (Tone, String) {
    let number = |verdict| {
        report
            .images
            .iter()
            .filter(|image| image.verdict == verdict)
            .count() as u64
    };
    let all = report.images.len() as u64;
    let errors = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count() as u64;
    let verified = report.verification.is_some();
    let Some(verdict) = report.verdict.filter(|_| all > 0) else {
        return (Tone::Doubt, without_pictures(report, style));
    };
    let (tone, glyph) = match verdict {
        // Files were given, and the question they were given for was not answered.
        Verdict::Unverified if verified => (Tone::Doubt, Some('?')),
        _ => mark(verdict, errors > 0),
    };
    let glyph = match glyph {
        Some(glyph) if style.unicode => format!("{glyph} "),
        _ => String::new(),
    };
    let mut line = match verdict {
        Verdict::Unverified if report.images.iter().all(Image::is_range) => {
            let (picture, they) = if all == 1 {
                ("a picture was".to_owned(), "it")
            } else {
                (format!("{} pictures were", count(all)), "they")
            };
            let glyph = if style.unicode { "? " } else { "" };
            format!("{glyph}unverified: only a part of {picture} asked for, and {they} came so")
        }
        Verdict::Unverified if verified && all == 1 && has_strays(report) => format!(
            "{glyph}unverified: the picture is whole on the wire, beside bytes that belong to nothing known"
        ),
        Verdict::Unverified if verified && all == 1 => format!(
            "{glyph}unverified: the picture is whole on the wire, but not all was there to compare it with"
        ),
        Verdict::Unverified if !verified && all == 1 => {
            format!("{glyph}The picture is whole on the wire")
        }
        Verdict::Unverified if !verified && report.images.iter().any(Image::is_range) => {
            let parts = tally(report);
            format!("{glyph}{}", parts.join(", "))
        }
        Verdict::Unverified if !verified => {
            format!("{glyph}All {} pictures are whole on the wire", count(all))
        }
        Verdict::Match if all == 1 => {
            let image = report.images.first();
            let how = match image.and_then(compared::by_pixels) {
                Some(Level::Pixels) => "pixel for pixel",
                Some(Level::Similar) if compared::at_bytes(image) => {
                    "with pixels that differ from the lossy file's by no more than decoders differ"
                }
                Some(Level::Similar) => "nearly as it was (similar pixels)",
                _ => "byte for byte",
            };
            format!("{glyph}match: the picture arrived {how}")
        }
        Verdict::Match => format!("{glyph}match: all {} pictures arrived", count(all)),
        Verdict::Mismatch if all == 1 => {
            let how = report.images.first().and_then(compared::in_short);
            let how = how.unwrap_or_else(|| "differs".to_owned());
            format!("{glyph}mismatch: the picture {how}")
        }
        Verdict::Incomplete if all == 1 && number(verdict) == 1 => {
            format!("{glyph}incomplete: the picture never arrived whole on the wire")
        }
        Verdict::Inconclusive if all == 1 && number(verdict) == 1 => format!(
            "{glyph}inconclusive: the picture cannot be judged, because {}",
            undecided(report)
        ),
        _ => {
            let parts = tally(report);
            format!("{glyph}{}: {}", verdict, parts.join(", "))
        }
    };
    finish(&mut line, report, verdict, errors);
    (tone, line)
}

/// The end of the line: what stands beside the verdict.
fn finish(line: &mut String, report: &Report, verdict: Verdict, errors: u64) {
    match (verdict, errors) {
        (Verdict::Match | Verdict::Unverified, 1..) => {
            let is = if errors == 1 { "is" } else { "are" };
            // What is not verified is no good news that an error would take back.
            let but = match verdict {
                Verdict::Unverified if report.verification.is_some() => "; there",
                _ => ", but there",
            };
            let _ = write!(line, "{but} {is} {}:", counted(errors, "error", "errors"));
        }
        (Verdict::Unverified, 0) if report.verification.is_none() => {
            line.push_str(if report.images.len() == 1 {
                "; nothing was given to compare it with."
            } else {
                "; nothing was given to compare them with."
            });
        }
        _ => {
            // The other verdicts tell of them where they matter, and the list below has them.
            let left = compared::left_over(report).filter(|_| verdict == Verdict::Match);
            if let Some(left) = left {
                let _ = write!(line, "; {left}");
            }
            line.push('.');
        }
    }
}

/// Whether there are bytes that nothing explains.
fn has_strays(report: &Report) -> bool {
    let stray = |finding: &Finding| finding.name == Name::StrayBytes;
    report.findings.iter().any(stray)
}

/// The line of a run without a picture: with its verdict, where one was asked for.
fn without_pictures(report: &Report, style: &Style) -> String {
    let mut what = if report.is_of_nothing() {
        "the capture has no packet, so nothing can be said of any transfer"
    } else if report.streams.is_empty() {
        "no TCP or UDP packet was found, and so no picture"
    } else {
        "no picture was found"
    }
    .to_owned();
    let verdict = report
        .verdict
        .filter(|verdict| report.verification.is_some() || *verdict > Verdict::Unverified);
    let mut line = if let Some(verdict) = verdict {
        let glyph = if style.unicode { "? " } else { "" };
        format!("{glyph}{verdict}: {what}")
    } else {
        if let Some(first) = what.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        what
    };
    if let Some(left) = compared::left_over(report) {
        let _ = write!(line, "; {left}");
    }
    line.push('.');
    if !report.streams.is_empty() {
        line.push_str(" Where you know what a port speaks, say it with --protocol PORT=FORMAT.");
    }
    line
}

/// Why the only picture cannot be judged.
fn undecided(report: &Report) -> &'static str {
    let all = |is: fn(&Image) -> bool| report.images.iter().all(is);
    if all(Image::is_urgent) {
        "urgent bytes came with it"
    } else if all(Image::is_undecided) {
        "bytes of it came twice and differ"
    } else if all(Image::is_not_over) {
        "the capture ended before it did"
    } else if all(Image::is_all_there) {
        "the capture lacks other frames of its connection"
    } else {
        "the capture lacks bytes of it"
    }
}

/// How many pictures have which verdict, in words: the good ones first.
fn tally(report: &Report) -> Vec<String> {
    let number = |verdict| {
        let images = report.images.iter();
        images.filter(|image| image.verdict == verdict).count() as u64
    };
    let all = counted(report.images.len() as u64, "picture", "pictures");
    let verified = report.verification.is_some();
    let differing = number(Verdict::Mismatch);
    let ranges = report.images.iter().filter(|image| image.is_range());
    let ranges = ranges
        .filter(|image| image.verdict == Verdict::Unverified)
        .count() as u64;
    let whole =
        (number(Verdict::Unverified) + number(Verdict::Match) + differing).saturating_sub(ranges);
    let mut parts = vec![match whole {
        _ if verified => format!("{} of {all} arrived", count(number(Verdict::Match))),
        1 => format!("1 of {all} is whole on the wire"),
        _ => format!("{} of {all} are whole on the wire", count(whole)),
    }];
    let mut add = |number, one: &str, many: &str| match number {
        0 => {}
        n => parts.push(counted(n, one, many)),
    };
    add(differing, "differs", "differ");
    let asked = "is only a part that was asked for";
    add(ranges, asked, "are only parts that were asked for");
    let never = "never arrived whole";
    add(number(Verdict::Incomplete), never, never);
    let open = report.images.iter().filter(|image| image.is_not_over());
    let open = open.count() as u64;
    let ended = "cannot be judged, because the capture ended before";
    add(
        open,
        &format!("{ended} it did"),
        &format!("{ended} they did"),
    );
    add(
        number(Verdict::Inconclusive).saturating_sub(open),
        "cannot be judged, because the capture lacks bytes of it",
        "cannot be judged, because the capture lacks bytes of them",
    );
    if verified {
        let could_not = "could not be compared";
        add(number(Verdict::Unverified), could_not, could_not);
        let lines = report
            .verification
            .as_ref()
            .and_then(|verification| verification.sent.as_ref())
            .map_or(0, |given| given.ledger_unpaired);
        add(
            lines,
            "picture of the ledger was not captured",
            "pictures of the ledger were not captured",
        );
        add(
            compared::never_seen(report),
            "file of --sent was never seen on the wire",
            "files of --sent were never seen on the wire",
        );
    }
    parts
}

/// Colour and sign of a verdict; with `trouble`, a good one does not look good.
fn mark(verdict: Verdict, trouble: bool) -> (Tone, Option<char>) {
    match verdict {
        Verdict::Match | Verdict::Unverified if trouble => (Tone::Bad, Some('✖')),
        Verdict::Match | Verdict::Unverified => (Tone::Good, Some('✔')),
        Verdict::Inconclusive => (Tone::Doubt, Some('?')),
        Verdict::Incomplete | Verdict::Mismatch => (Tone::Bad, Some('✖')),
    }
}

/// What was written to a folder.
fn extracted(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(extracted) = &report.extracted else {
        return Ok(());
    };
    let parts = extracted.files.iter().filter(|file| !file.complete).count() as u64;
    let gaps = extracted.files.iter().any(|file| file.gaps.is_some());
    let mut line = format!(
        "Wrote {} to {}",
        counted(extracted.files.len() as u64, "picture", "pictures"),
        extracted.folder
    );
    match (parts, gaps) {
        (0, _) => line.push('.'),
        (_, false) => {
            let _ = write!(line, ", {} not whole (.partial).", count(parts));
        }
        (_, true) => {
            let _ = write!(
                line,
                ", {} not whole (.partial); what is missing is left out and listed in .gaps.json.",
                count(parts)
            );
        }
    }
    let line = text::plain(&line, style.unicode);
    for line in text::wrap(&line, style.width, "", "  ") {
        writeln!(out, "{line}")?;
    }
    if style.detail >= Detail::Streams {
        for file in &extracted.files {
            writeln!(out, "  {}", text::plain(&file.name, style.unicode))?;
        }
    }
    Ok(())
}

/// What a picture is: `JPEG 320×240`.
fn kind(image: &Image, style: &Style) -> String {
    let mut kind = match image.format {
        Some(format) => format.to_string(),
        None if image.is_raw_pixels() => "raw pixels".to_owned(),
        None if image.media_type.is_some() => {
            let media = image.media_type.as_deref().unwrap_or_default();
            text::plain(media, style.unicode).into_owned()
        }
        None => "unknown".to_owned(),
    };
    if let (Some(width), Some(height)) = (image.width, image.height) {
        let by = if style.unicode { '×' } else { 'x' };
        let _ = write!(kind, " {width}{by}{height}");
    }
    kind
}

/// What a person calls a stream: a connection, where it is one.
fn stream_word(transport: TransportKind) -> &'static str {
    match transport {
        TransportKind::Tcp => "connection",
        TransportKind::Udp => "UDP stream",
    }
}

/// A dash for what is unknown.
fn unknown(style: &Style) -> String {
    if style.unicode { "–" } else { "-" }.to_owned()
}

/// The headings of all tables.
#[cfg(test)]
pub(crate) fn titles() -> impl Iterator<Item = &'static str> {
    let tables = [
        pictures::COLUMNS,
        pictures::NAMELESS,
        pictures::SUMS,
        streams::COLUMNS,
        conversations::COLUMNS,
        chunks::COLUMNS,
        map::COLUMNS,
    ];
    let verified = [80, 120].map(|width| {
        compared::title(&Style {
            width,
            ..Style::default()
        })
    });
    let titles = tables.into_iter().flatten().map(|column| column.title);
    titles.chain(verified)
}

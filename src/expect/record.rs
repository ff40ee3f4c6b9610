//! Writes the expectations of a good run: what the next run of the same transfer has in common with it.
//!
//! Exact is what the sending program decides (bytes, digest, format, dimensions); what the network and the
//! scheduler decide (how bytes fall into packets, times, ephemeral ports) is a wide range or left out.

use std::fmt::Write as _;

use super::matching::{digest_of, name_of};
use super::{Bounds, FILE_SCHEMA, lack};
use crate::digest::DigestKind;
use crate::findings::Severity;
use crate::ledger::{ChunkSizeSource, Chunks, Direction, Image, Stream, Verdict};
use crate::report::model::Report;
use crate::report::text;
use crate::wire::detect;

/// Ports that Linux hands out by itself (`net.ipv4.ip_local_port_range`).
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// Where recorded expectations come from, for the comment that says so.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'o> {
    /// Options that shape the analysis, as typed: `--protocol 9909=raw-pixels=200`; a check must be given them too.
    pub options: &'o str,
    /// It is recorded although the run is not good.
    pub forced: bool,
}

/// The run is not good, and why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this run is not good: {reason}")]
pub struct Unfit {
    /// Why not, in plain words.
    pub reason: String,
}

/// Why a run is not good enough to be what others are measured by; absent where it is.
pub fn unfit(report: &Report) -> Option<Unfit> {
    let bad = report
        .images
        .iter()
        .filter(|image| image.verdict > Verdict::Unverified)
        .max_by_key(|image| image.verdict);
    let error = report
        .findings
        .iter()
        .find(|finding| finding.severity == Severity::Error);
    let reason = if report.images.is_empty() {
        "it has no picture".to_owned()
    } else if let Some(lack) = lack::of_run(report) {
        format!("the capture lacks something: {lack}")
    } else if let Some(image) = bad {
        match &image.problem {
            Some(problem) => format!("picture {} is not whole: {problem}", image.id.0),
            None => format!("picture {} did not arrive as it was sent", image.id.0),
        }
    } else {
        let error = error?;
        format!("finding {}: {}", error.name, error.message)
    };
    Some(Unfit { reason })
}

/// The expectations of this run as TOML, to be edited.
pub fn record(report: &Report, origin: &Origin<'_>) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = head(report, origin, &mut out);
    let _ = run(report, &mut out);
    for image in &report.images {
        let _ = picture(report, image, &mut out);
    }
    out
}

fn head(report: &Report, origin: &Origin<'_>, out: &mut String) -> std::fmt::Result {
    let files: Vec<&str> = report
        .captures
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    let files = comment(&files.join(" "));
    writeln!(out, "# What `imgnet check` expects; recorded from {files}.")?;
    writeln!(
        out,
        "# Change what you like: numbers may be ranges (\"3..=7\", \"3..\", \"..=7\"), lines may go."
    )?;
    if !origin.options.is_empty() {
        writeln!(
            out,
            "# Recorded with these options, which the check needs too: {}",
            comment(origin.options)
        )?;
    }
    if origin.forced
        && let Some(unfit) = unfit(report)
    {
        writeln!(
            out,
            "# CAUTION, recorded with --force: {}",
            comment(&unfit.to_string())
        )?;
    }
    writeln!(out, "schema = \"{FILE_SCHEMA}\"")
}

fn run(report: &Report, out: &mut String) -> std::fmt::Result {
    let totals = &report.totals;
    writeln!(out, "\n[run]")?;
    writeln!(out, "pictures = {}", totals.images)?;
    // Streams without a picture may be anybody's.
    let carries = |stream: &Stream| report.images.iter().any(|image| image.stream == stream.id);
    if report.streams.iter().all(carries) {
        writeln!(out, "streams = {}", totals.streams)?;
    }
    writeln!(out, "image_bytes = {}", totals.image_bytes)?;
    if report.streams.iter().all(carries) {
        let sum = |of: fn(&Direction) -> u64| -> u64 {
            let directions = report.streams.iter().flat_map(|stream| &stream.directions);
            directions.map(of).sum()
        };
        let payload = sum(|one| one.unique_bytes);
        let framing = sum(|one| one.framing_bytes);
        let answers = sum(|one| one.answer_bytes);
        let stray = sum(|one| one.stray_bytes);
        writeln!(out, "payload_bytes = {payload}")?;
        writeln!(out, "framing_bytes = {framing}")?;
        writeln!(out, "answer_bytes = {answers}\nstray_bytes = {stray}")?;
    }
    let most = totals.packets.max(20).saturating_mul(4);
    writeln!(
        out,
        "packets = \"1..={most}\" # {} in this run; how bytes fall into packets varies",
        totals.packets
    )?;
    let started = report
        .streams
        .iter()
        .filter_map(|stream| stream.started)
        .min();
    let ended = report
        .streams
        .iter()
        .filter_map(|stream| stream.ended)
        .max();
    if let Some((started, ended)) = started.zip(ended) {
        let took = text::duration(ended.since(started), true);
        writeln!(out, "# max_duration = \"30 s\" # it took {took}")?;
    }
    let stricter = "add \"warning\", or names such as \"retransmission\", to be stricter";
    if report
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        writeln!(out, "# deny = [\"error\"] # this run has errors")
    } else {
        writeln!(out, "deny = [\"error\"] # {stricter}")
    }
}

fn picture(report: &Report, image: &Image, out: &mut String) -> std::fmt::Result {
    let route = text::route(image.from, image.to, true);
    let frames = carriers(image, true);
    writeln!(out, "\n[[picture]] # {route}, {frames}")?;
    let mut which = Vec::new();
    if let Some(port) = listening(report, image) {
        which.push(format!("port = {port}"));
    }
    // Two with the same name are told apart by their digest.
    if let Some(name) = name_of(report, image) {
        which.push(format!("name = {}", quoted(name)));
    }
    if !which.is_empty() {
        writeln!(out, "match = {{ {} }}", which.join(", "))?;
    }
    writeln!(out, "bytes = {}", image.bytes)?;
    for kind in [DigestKind::Sha256, DigestKind::Blake3, DigestKind::Crc32] {
        if let Some(digest) = digest_of(image, kind) {
            writeln!(out, "{} = \"{digest}\"", kind.name())?;
        }
    }
    if let Some(format) = image.format {
        writeln!(out, "format = \"{}\"", format.name())?;
    }
    if let Some((width, height)) = image.width.zip(image.height) {
        writeln!(out, "width = {width}\nheight = {height}")?;
    }
    writeln!(out, "complete = {}", image.complete)?;
    writeln!(out, "protocol = {}", quoted(&image.protocol.to_string()))?;
    let sure = matches!(
        image.chunk_size_source,
        Some(ChunkSizeSource::Given | ChunkSizeSource::Format)
    );
    let chunks = image.chunks.as_ref().map(Chunks::len);
    if let (true, Some(size), Some(chunks)) = (sure, image.chunk_size, chunks) {
        writeln!(out, "chunk_size = {size}\nchunks = {chunks}")?;
    }
    let directions = report
        .stream(image.stream)
        .map_or(&[][..], |stream| &stream.directions);
    if let Some(ours) = directions.iter().find(|one| one.from == image.from) {
        // Whatever moves beside the picture: one byte more or less of it is another transfer.
        let (payload, framing) = (ours.unique_bytes, ours.framing_bytes);
        writeln!(out, "payload_bytes = {payload} # of its direction")?;
        writeln!(out, "framing_bytes = {framing}")?;
        if let Some(theirs) = directions.iter().find(|one| one.to == image.from) {
            writeln!(out, "answer_bytes = {}", theirs.answer_bytes)?;
        }
        writeln!(out, "stray_bytes = {}", ours.stray_bytes)?;
    }
    // As many as there are on a path with the usual MTU, and room for repeats.
    let segments = image.bytes / 1000;
    let most = image
        .packets
        .max(segments)
        .max(chunks.unwrap_or(0))
        .max(10)
        .saturating_mul(4);
    let range = Bounds {
        min: 1,
        max: Some(most),
    };
    writeln!(out, "packets = \"{range}\" # {} in this run", image.packets)
}

/// `frame 6`, `frames 4–26`.
pub(super) fn carriers(image: &Image, unicode: bool) -> String {
    let range = text::frame_range(image.first_packet, image.last_packet, unicode);
    let one = image.first_packet == image.last_packet;
    match image.first_packet {
        None => "no frame".to_owned(),
        Some(_) if one => format!("frame {range}"),
        Some(_) => format!("frames {range}"),
    }
}

/// The port that clients of this picture's stream know; absent where it may be another next time.
fn listening(report: &Report, image: &Image) -> Option<u16> {
    let known = [
        detect::PIPELINE_PORT,
        detect::EOF_PORT,
        detect::CATALOG_PORT,
        detect::RAW_PIXELS_PORT,
    ];
    let stable = |port: u16| known.contains(&port) || !EPHEMERAL.contains(&port);
    let connecting = report
        .stream(image.stream)
        .and_then(|stream| Some(stream.directions.get(stream.initiator?)?.to.port()));
    match connecting {
        Some(port) => Some(port).filter(|&port| stable(port)),
        // Who sent first over UDP may be either side.
        None => [image.to.port(), image.from.port()]
            .into_iter()
            .find(|&port| stable(port)),
    }
}

/// A TOML string (TOML 1.0, "String").
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Fit for a comment: on one line, and nothing that TOML forbids there.
fn comment(text: &str) -> String {
    text::plain(text, true).into_owned()
}

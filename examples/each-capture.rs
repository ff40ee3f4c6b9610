//! Analyses each of the given captures as `imgnet analyze --digest KIND` does, on one thread and nothing printed; or does what a
//! command of `imgnet` does. For `bench/instructions.py`, which counts what that takes.
//!
//! ```text
//! cargo run --example each-capture -- sha256+json captures/*.pcap
//! cargo run --example each-capture -- imgnet packets captures/eof.pcap
//! ```

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use imgnet::analysis::{self, Collector, DigestKind, Options};
use imgnet::report::model::Packets;
use imgnet::report::{Style, json, table};
use imgnet::source::Capture;

fn main() -> io::Result<ExitCode> {
    let mut arguments = std::env::args();
    let kinds = [
        DigestKind::Sha256,
        DigestKind::Blake3,
        DigestKind::Crc32,
        DigestKind::None,
    ];
    let kind = arguments.nth(1).unwrap_or_default();
    if kind == "imgnet" {
        return Ok(imgnet::cli::imgnet(std::env::args_os().skip(1)));
    }
    let (name, as_json) = match kind.strip_suffix("+json") {
        Some(name) => (name, true),
        None => (kind.as_str(), false),
    };
    let Some(digest) = kinds.into_iter().find(|known| known.name() == name) else {
        return Err(io::Error::other(
            "usage: each-capture sha256|blake3|crc32|none[+json] CAPTURE…, or imgnet ARGUMENT…",
        ));
    };
    for path in arguments {
        one_capture(Path::new(&path), digest, as_json)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One capture, from opening it to its report in words, or as JSON too.
#[inline(never)]
fn one_capture(path: &Path, digest: DigestKind, as_json: bool) -> io::Result<()> {
    let capture = Capture::open(&[path.to_owned()]).map_err(io::Error::other)?;
    let Some(mut frames) = capture.mapped() else {
        return Err(io::Error::other("no file that can be mapped"));
    };
    let options = Options {
        digest,
        ..Options::default()
    };
    let each = |_: &_| ControlFlow::Continue(());
    let told = analysis::analyse(&options, 0, &mut frames, each, |_| None);
    let mut collector = Collector::new();
    let counts = told.tell(&mut collector);
    let report = collector.into_report(Vec::new(), Packets::from(counts));
    table::render(&report, &Style::default(), &mut io::sink())?;
    if as_json {
        json::render(&report, &Style::default(), &mut io::sink())?;
    }
    Ok(())
}

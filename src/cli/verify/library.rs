//! `imgnet verify` as a call: frames and files that are in memory already. Nothing is opened, and nothing written.

use std::path::Path;
use std::sync::Arc;

use super::compare::{Settings, Side, Sides, Verifier};
use super::files;
use super::spool::Spool;
use super::watched::InMemory;
use crate::analysis::{Analysis, Collector, Options};
use crate::frame::Frame;
use crate::report::model::{CaptureFile, Packets, Report};

/// A file whose bytes are in memory.
#[derive(Debug, Clone)]
pub struct MemoryFile {
    /// Its path: what reports call it.
    pub path: String,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// It was named itself, not found in a folder.
    pub named: bool,
}

/// Compares the pictures in these frames with the files sent and received; a side that is absent was not given. What comes of
/// it is what `imgnet verify` reports.
///
/// # Errors
/// Bytes that could not be kept: more than fit into memory go into a temporary file.
pub fn verified<'f>(
    frames: impl IntoIterator<Item = Frame<'f>>,
    captures: Vec<CaptureFile>,
    sent: Option<&[MemoryFile]>,
    received: Option<&[MemoryFile]>,
    mut options: Options,
) -> anyhow::Result<Report> {
    options.evidence = true;
    let mut analysis = Analysis::new(options);
    let mut watch = InMemory {
        collector: Collector::new(),
        spool: Spool::in_memory(),
    };
    for frame in frames {
        analysis.frame(&frame, &mut watch);
    }
    let counts = analysis.finish(&mut watch);
    let InMemory {
        collector,
        mut spool,
    } = watch;
    spool.finish()?;
    let packets = Packets::from(counts);
    let mut report = collector.into_report(captures, packets);
    let sides = Sides {
        sent: side(sent)?,
        received: side(received)?,
    };
    let settings = Settings::default();
    Verifier {
        sides: &sides,
        spool: &mut spool,
        settings: &settings,
    }
    .verify(&mut report)?;
    Ok(report)
}

fn side(given: Option<&[MemoryFile]>) -> anyhow::Result<Side> {
    let look = |file: &MemoryFile| files::of_memory(Path::new(&file.path), file.named, &file.bytes);
    Ok(Side {
        files: given
            .unwrap_or_default()
            .iter()
            .map(look)
            .collect::<anyhow::Result<_>>()?,
        records: Vec::new(),
        asked: given.is_some(),
    })
}

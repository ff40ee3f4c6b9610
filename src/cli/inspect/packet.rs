//! `imgnet packet`: one frame whole, as a tree and as bytes.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{LookArgs, Looked, to_stdout, written};
use crate::analysis::{Event, Observer};
use crate::cli::args::AnalysisArgs;
use crate::cli::exit::Exit;
use crate::dissect::structure::{Part, Parts};
use crate::dissect::tree::{Node, tree};
use crate::dissect::{Carried, Filter, Seen, hex};
use crate::report::{Style, text};
use crate::units::PictureId;

/// Show one packet to the byte: every field of every layer, down to the picture's chunk and segment
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet packet pipeline-hang.pcap 50\n  \
                  imgnet packet a.pcap 50 --format json | jq '.. | select(.field? == \"tcp.seq\")'\n  \
                  imgnet packet a.pcap 50 --bytes=payload > payload.bin\n  \
                  imgnet packet a.pcap 1 -Y imgnet.finding   the first frame of a finding\n\n\
                  Numbers at the right of the tree are the bytes in the frame, as in the dump below it.",
    max_term_width = 100
)]
pub(crate) struct Packet {
    /// Capture files; several are one capture, - is standard input
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,

    /// Number of the frame, as in the list and in Wireshark; with -Y, of the first that may be shown
    #[arg(required = true, value_name = "N", value_parser = frame_number)]
    number: u64,

    /// Tree and dump for people, or one object for programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = FormatArg::Table)]
    format: FormatArg,

    /// Only the bytes as they are: of the frame, or of its payload
    #[arg(long, value_name = "WHAT", value_enum, num_args = 0..=1, require_equals = true,
          default_missing_value = "frame", conflicts_with = "format")]
    bytes: Option<BytesArg>,

    /// The first frame from N on that this filter chooses, in Wireshark's display filter syntax
    ///
    /// For example: -Y 'tcp.stream == 2 && imgnet.role == framing'. imgnet fields lists all fields.
    #[arg(short = 'Y', long = "filter", value_name = "FILTER", value_parser = super::filter)]
    filter: Option<Filter>,

    #[command(flatten)]
    look: LookArgs,

    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// For people
    Table,
    /// One object, imgnet/packet/v1
    Json,
}

/// `--bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BytesArg {
    /// The frame as captured
    Frame,
    /// What its transport carries
    Payload,
}

/// Reads the number of a frame. Where it was forgotten, the capture stands in its place.
fn frame_number(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(
            "expected the number of a frame behind the captures, from 1; imgnet packets lists them"
                .to_owned(),
        ),
    }
}

/// Runs the command.
///
/// # Errors
/// A frame that there is not, an input that cannot be read, an output that cannot be written.
pub(in crate::cli) fn run(command: &Packet) -> anyhow::Result<Exit> {
    let mut looked = Looked::open(&command.captures, &command.analysis, None)?;
    let number = chosen(command, &mut looked)?;
    if let Some(bytes) = command.bytes {
        return raw(number, bytes, &mut looked);
    }
    let pictures = pictures_of(number, &mut looked)?;
    let structures = structures(&pictures, &mut looked)?;
    let mut outcome = None;
    looked.each(&mut |seen| {
        if seen.frame.number.0 < number {
            return ControlFlow::Continue(());
        }
        if seen.frame.number.0 == number {
            outcome = Some(to_stdout(|out| {
                show(command, seen, &structures, out).map_err(written)
            }));
        }
        ControlFlow::Break(())
    })?;
    concluded(outcome, number, &looked)
}

/// The number of the frame to be shown.
fn chosen(command: &Packet, looked: &mut Looked) -> anyhow::Result<u64> {
    let Some(filter) = &command.filter else {
        return Ok(command.number);
    };
    let mut found = None;
    looked.each(&mut |seen| {
        if seen.frame.number.0 < command.number || !filter.chooses(seen) {
            return ControlFlow::Continue(());
        }
        found = Some(seen.frame.number.0);
        ControlFlow::Break(())
    })?;
    found.ok_or_else(|| match command.number {
        1 => anyhow::anyhow!("the filter chooses no frame"),
        from => anyhow::anyhow!("from frame {from} on, the filter chooses no frame"),
    })
}

fn concluded(
    outcome: Option<anyhow::Result<()>>,
    number: u64,
    looked: &Looked,
) -> anyhow::Result<Exit> {
    let Some(outcome) = outcome else {
        // What comes behind a damage was not read.
        looked.concluded()?;
        anyhow::bail!(
            "there is no frame {number}: the capture has {}",
            crate::units::counted(looked.analysed, "frame", "frames")
        );
    };
    outcome?;
    looked.concluded()
}

fn raw(number: u64, bytes: BytesArg, looked: &mut Looked) -> anyhow::Result<Exit> {
    let mut outcome = None;
    looked.each(&mut |seen| {
        if seen.frame.number.0 < number {
            return ControlFlow::Continue(());
        }
        if seen.frame.number.0 == number {
            let wanted: &[u8] = match (bytes, seen.packet()) {
                (BytesArg::Frame, _) => seen.frame.data,
                (BytesArg::Payload, Some(packet)) => &packet.payload,
                (BytesArg::Payload, None) => &[],
            };
            outcome = Some(to_stdout(|out| out.write_all(wanted).map_err(written)));
        }
        ControlFlow::Break(())
    })?;
    concluded(outcome, number, looked)
}

/// The pictures of which a frame carries bytes.
fn pictures_of(number: u64, looked: &mut Looked) -> anyhow::Result<Vec<PictureId>> {
    let mut pictures = Vec::new();
    looked.each(&mut |seen| {
        if seen.frame.number.0 < number {
            return ControlFlow::Continue(());
        }
        if seen.frame.number.0 == number {
            let carried = Carried::of(seen);
            let images = carried.pieces.iter().filter_map(|piece| piece.image);
            pictures.extend(images.map(|image| image.id));
            pictures.dedup();
        }
        ControlFlow::Break(())
    })?;
    Ok(pictures)
}

/// The structures of these pictures.
pub(in crate::cli) fn structures(
    pictures: &[PictureId],
    looked: &mut Looked,
) -> anyhow::Result<BTreeMap<u32, Vec<Part>>> {
    struct Several(Vec<(u32, Parts)>);
    impl Observer for Several {
        fn event(&mut self, event: Event<'_>) {
            let picture = match &event {
                Event::PictureData { picture, .. } | Event::PictureGap { picture, .. } => *picture,
                _ => return,
            };
            if let Some((_, parts)) = self.0.iter_mut().find(|(id, _)| *id == picture.0) {
                parts.event(event);
            }
        }
    }
    if pictures.is_empty() {
        return Ok(BTreeMap::new());
    }
    let each = pictures.iter().map(|id| (id.0, Parts::of(*id)));
    let mut several = Several(each.collect());
    looked.watch(&mut several)?;
    let finished = several.0.into_iter();
    Ok(finished.map(|(id, parts)| (id, parts.finish())).collect())
}

fn show(
    command: &Packet,
    seen: &Seen<'_>,
    structures: &BTreeMap<u32, Vec<Part>>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let structure = |id: PictureId| structures.get(&id.0).cloned().unwrap_or_default();
    let nodes = tree(seen, &structure);
    if command.format == FormatArg::Json {
        let layers: Vec<serde_json::Value> = nodes.iter().map(Node::json).collect();
        let hex: String = seen
            .frame
            .data
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(u32::from(digit), 16))
            .collect();
        let object = serde_json::json!({
            "schema": "imgnet/packet/v1",
            "number": seen.frame.number.0,
            "layers": layers,
            "bytes": hex,
        });
        return writeln!(out, "{object}");
    }
    let style = command.look.style();
    for node in &nodes {
        branch(node, 0, &style, out)?;
    }
    writeln!(out)?;
    hex::dump(seen.frame.data, &hex::stretches(seen), 0, &style, out)
}

fn branch(node: &Node, depth: usize, style: &Style, out: &mut dyn Write) -> std::io::Result<()> {
    let width = style.width.min(100);
    let label = text::plain(&node.label, style.unicode);
    let indent = depth * 2;
    let range = node
        .bytes
        .as_ref()
        .filter(|bytes| bytes.start < bytes.end)
        .map(|bytes| format!("{:04x}-{:04x}", bytes.start, bytes.end - 1))
        .unwrap_or_default();
    let (before, after) = if style.color {
        let mut paint = hex::paint(node.layer);
        if depth == 0 {
            paint = paint.bold();
        }
        (paint.render().to_string(), paint.render_reset().to_string())
    } else {
        (String::new(), String::new())
    };
    let (first, rest) = (" ".repeat(indent), " ".repeat(indent + 2));
    // Where there is no end of a line, as for a program, nothing is broken.
    let lines = if indent + label.chars().count() <= style.width {
        vec![format!("{first}{label}")]
    } else {
        text::wrap(&label, style.width, &first, &rest)
    };
    let mut used = 0;
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        let text = line.trim_start();
        let blank = line.get(..line.len() - text.len()).unwrap_or_default();
        write!(out, "{blank}{before}{text}{after}")?;
        used = line.chars().count();
    }
    if !range.is_empty() {
        if used + 2 + range.len() > style.width {
            writeln!(out)?;
            used = 0;
        }
        let gap = width.saturating_sub(used + range.len()).max(2);
        write!(out, "{:gap$}{range}", "")?;
    }
    writeln!(out)?;
    for child in &node.children {
        branch(child, depth + 1, style, out)?;
    }
    Ok(())
}

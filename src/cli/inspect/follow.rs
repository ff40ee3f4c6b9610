//! `imgnet follow`: both directions of a stream in order, framing set apart from pictures, gaps never filled.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::ops::ControlFlow;

use clap::{Args, ValueEnum};

use super::{FilterArg, LookArgs, Looked, to_stdout, written};
use crate::cli::args::{AnalysisArgs, CapturePaths};
use crate::cli::exit::Exit;
use crate::dissect::carried::Role;
use crate::dissect::follow::{Block, Follow};
use crate::dissect::{Index, hex};
use crate::report::{Style, text};
use crate::units::{PictureId, StreamId, count, counted};

/// Show what both sides of a stream sent, in order: pictures, framing, answers and gaps told apart
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  \
                  imgnet follow pipeline-hang.pcap --stream 2\n  \
                  imgnet follow a.pcap --image 0 --from 10240 --to 12288       part of one picture\n  \
                  imgnet follow a.pcap --stream 0 --as text                    an HTTP dialogue\n  \
                  imgnet follow a.pcap --stream 0 -Y 'imgnet.role == framing'  only what frames carry that this chooses\n  \
                  imgnet follow a.pcap --image 0 --as raw > picture.jpg        exactly its bytes; gaps are told, not \
                  filled\n\n\
                  Bytes that were sent again are shown once. --stream is the number in imgnet's reports (all TCP and \
                  UDP\nconversations in order of their first frame).",
    max_term_width = 100
)]
pub(crate) struct Command {
    #[command(flatten)]
    captures: CapturePaths,

    /// The stream of this number
    #[arg(long, value_name = "N", conflicts_with = "image")]
    stream: Option<u32>,

    /// The picture of this number: only its direction, from its first byte to its last
    #[arg(long, value_name = "N")]
    image: Option<u32>,

    /// How bytes are shown
    #[arg(long = "as", visible_alias = "format", value_name = "HOW", value_enum, default_value_t = AsArg::Hex)]
    how: AsArg,

    /// Only bytes from this offset on: of each direction, or of the picture
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    from: u64,

    /// Only bytes before this offset
    #[arg(long, value_name = "OFFSET")]
    to: Option<u64>,

    /// Only what this side sent: 0 is the side that connected, 1 the other
    #[arg(long, value_name = "SIDE", value_parser = clap::value_parser!(u8).range(0..=1))]
    side: Option<u8>,

    #[command(flatten)]
    filter: FilterArg,

    #[command(flatten)]
    look: LookArgs,

    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// `--as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AsArg {
    /// Hexadecimal and ASCII
    #[value(alias = "table")]
    Hex,
    /// Text, unprintable characters escaped
    Text,
    /// The bytes and nothing else; gaps are told on standard error
    Raw,
    /// One object a block: what it is, where, and its bytes in hexadecimal
    #[value(alias = "json")]
    Jsonl,
}

/// Runs the command.
///
/// # Errors
/// A stream or picture that there is not, an input that cannot be read, an output that cannot be written.
pub(in crate::cli) fn run(command: &Command) -> anyhow::Result<Exit> {
    if command.stream.is_none() && command.image.is_none() {
        anyhow::bail!(
            "what is to be followed? --stream N is a conversation, --image N a picture; imgnet analyze shows both numbers"
        );
    }
    let from = command.from;
    if let Some(to) = command.to.filter(|to| *to <= from) {
        anyhow::bail!(
            "--from {from} --to {to}: the range is empty: its end comes before its start"
        );
    }
    let captures = &command.captures.captures;
    let mut looked = Looked::open(captures, &command.analysis, None)?;
    let follow = asked(command, &looked.index)?;
    let mut sides = BTreeMap::new();
    if let Some(stream) = looked.index.stream(follow.stream()) {
        for (at, direction) in stream.directions.iter().enumerate() {
            sides.insert(at, (direction.from, direction.to));
        }
    }
    let mut follow = follow;
    let style = command.look.style();
    let (mut gaps, mut blocks) = (0, 0);
    to_stdout(|out| {
        let mut failed = None;
        let mut shown = Shown {
            command,
            style,
            sides: &sides,
            last: None,
            gaps: 0,
            blocks: 0,
        };
        let filter = command.filter.filter.as_ref();
        looked.each(&mut |seen| {
            let mut flow = ControlFlow::Continue(());
            let wanted = filter.is_none_or(|filter| filter.chooses(seen));
            follow.frame(seen, wanted, &mut |block| {
                if let Err(error) = shown.block(block, out) {
                    failed = Some(error);
                    flow = ControlFlow::Break(());
                }
            });
            flow
        })?;
        if failed.is_none() {
            follow.finish(&looked.index, &mut |block| {
                if let Err(error) = shown.block(block, out) {
                    failed = Some(error);
                }
            });
        }
        (gaps, blocks) = (shown.gaps, shown.blocks);
        failed.map_or(Ok(()), |error| Err(written(error)))
    })?;
    if blocks == 0 {
        writeln!(
            std::io::stderr().lock(),
            "imgnet: nothing to show: no byte lies there, or the filter chooses no frame that carries one"
        )?;
    }
    if gaps > 0 && command.how == AsArg::Raw {
        let missing = counted(gaps, "gap is", "gaps are");
        writeln!(
            std::io::stderr().lock(),
            "imgnet: {missing} left out, not filled; --as hex shows where"
        )?;
    }
    looked.concluded()
}

fn asked(command: &Command, index: &Index) -> anyhow::Result<Follow> {
    let (from, to) = (command.from, command.to.unwrap_or(u64::MAX));
    if let Some(picture) = command.image {
        let Some(image) = index.image(PictureId(picture)) else {
            anyhow::bail!(
                "there is no picture {picture}: the capture has {}",
                counted(index.images().len() as u64, "picture", "pictures")
            );
        };
        let end = image
            .offset
            .saturating_add(image.encoded_bytes.unwrap_or(image.bytes));
        let direction = index.direction(image.stream, image.from);
        return Ok(Follow::new(
            image.stream,
            direction,
            image.offset.saturating_add(from)..image.offset.saturating_add(to).min(end),
        ));
    }
    let stream = StreamId(command.stream.unwrap_or(0));
    if index.stream(stream).is_none() {
        anyhow::bail!(
            "there is no stream {stream}: the capture has {}",
            counted(index.streams().len() as u64, "stream", "streams")
        );
    }
    Ok(Follow::new(stream, command.side.map(usize::from), from..to))
}

struct Shown<'s> {
    command: &'s Command,
    style: Style,
    sides: &'s BTreeMap<usize, (std::net::SocketAddr, std::net::SocketAddr)>,
    /// Direction and role of the block before, and the stream offset behind it.
    last: Option<(usize, Role, u64)>,
    gaps: u64,
    blocks: u64,
}

impl Shown<'_> {
    fn block(&mut self, block: &Block<'_>, out: &mut dyn Write) -> std::io::Result<()> {
        self.blocks += 1;
        self.gaps += u64::from(block.role == Role::Gap);
        match self.command.how {
            AsArg::Raw => return out.write_all(block.bytes),
            AsArg::Jsonl => return self.json(block, out),
            AsArg::Hex | AsArg::Text => {}
        }
        let goes_on = self.last == Some((block.direction, block.role, block.offset))
            && block.role == Role::Picture;
        self.last = Some((block.direction, block.role, block.offset + block.length));
        if !goes_on {
            self.head(block, out)?;
        }
        if block.role == Role::Gap {
            return Ok(());
        }
        let layer = crate::dissect::tree::Layer::Carries(block.role);
        if self.command.how == AsArg::Hex {
            let note = match block.picture_offset {
                Some(offset) if goes_on => format!("frame {}, {}", block.frame, count(offset)),
                _ => format!("frame {}", block.frame),
            };
            let stretch = hex::Stretch {
                bytes: 0..block.bytes.len(),
                layer,
                note,
                picture_offset: block.picture_offset,
            };
            return hex::dump(block.bytes, &[stretch], block.offset, &self.style, out);
        }
        let shown = String::from_utf8_lossy(block.bytes);
        for line in shown.split_inclusive('\n') {
            let end = line.trim_end_matches(['\r', '\n']);
            write!(out, "{}", text::plain(end, self.style.unicode))?;
            if line.ends_with('\n') {
                writeln!(out)?;
            }
        }
        if !block.bytes.ends_with(b"\n") {
            writeln!(out)?;
        }
        Ok(())
    }

    fn head(&self, block: &Block<'_>, out: &mut dyn Write) -> std::io::Result<()> {
        let route = self
            .sides
            .get(&block.direction)
            .map_or_else(String::new, |(from, to)| {
                text::route(*from, *to, self.style.unicode)
            });
        let what = match (block.picture, block.what) {
            (Some(picture), _) if block.role == Role::Picture => format!("picture {picture}"),
            (_, Some(what)) => format!("{}: {what}", block.role.name()),
            _ => block.role.name().to_owned(),
        };
        let mut line = format!("== {route}  {what}");
        if block.role == Role::Gap {
            let _ = write!(
                line,
                ", bytes {}–{} are not in the capture",
                count(block.offset),
                count((block.offset + block.length).saturating_sub(1))
            );
        }
        let line = text::plain(&line, self.style.unicode);
        if self.style.color {
            let paint = hex::paint(crate::dissect::tree::Layer::Carries(block.role)).bold();
            writeln!(out, "{}{line}{}", paint.render(), paint.render_reset())
        } else {
            writeln!(out, "{line}")
        }
    }

    fn json(&self, block: &Block<'_>, out: &mut dyn Write) -> std::io::Result<()> {
        let hex: String = block
            .bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(u32::from(digit), 16))
            .collect();
        let (from, to) = match self.sides.get(&block.direction) {
            Some((from, to)) => (Some(from.to_string()), Some(to.to_string())),
            None => (None, None),
        };
        let gap = block.role == Role::Gap;
        let object = serde_json::json!({
            "from": from,
            "to": to,
            "role": block.role.name(),
            "what": block.what,
            "offset": block.offset,
            "length": block.length,
            "frame": if gap { None } else { Some(block.frame) },
            "picture": block.picture,
            "picture_offset": block.picture_offset,
            "bytes": if gap { None } else { Some(hex) },
        });
        writeln!(out, "{object}")
    }
}

//! Bytes beside pictures of which nobody can tell whether they are framing or too many: around the only picture of a connection, in a
//! framing that nothing confirms, and in the header that is unlike all others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::super::spool::Way;
use super::Verifier;
use super::gathered::Gathered;
use crate::ledger::{Confidence, Direction, Image, Stream, TransportKind};
use crate::report::model::Report;
use crate::units::{ByteRange, PictureId};
use crate::verify::{self, Lie, LoneSubject, Stray};
use crate::wire::Protocol;
use crate::wire::infer::{Header, odd_one};

/// Longer headers are not read.
const HEADER: u64 = 1024;

/// One message.
struct Message {
    stray: Stray,
    /// Length of its header, and what stands behind its picture.
    shape: (usize, Vec<u8>),
    ends: [SocketAddr; 2],
}

impl Verifier<'_> {
    /// Bytes beside the only picture of a direction that may be framing as well as too many, by the picture. Not where another
    /// connection with the same program has a message of the same shape: two show what belongs to the framing.
    pub(super) fn unsure(
        &mut self,
        report: &Report,
        gathered: &Gathered,
        accounted: &BTreeSet<Way>,
    ) -> anyhow::Result<BTreeMap<PictureId, Stray>> {
        let pictures = report.pictures_by_stream();
        let mut messages = Vec::new();
        let mut odd = Vec::new();
        for stream in &report.streams {
            let Some(pictures) = pictures.get(&stream.id) else {
                continue;
            };
            for direction in &stream.directions {
                let own = pictures.iter().filter(|image| image.from == direction.from);
                let mut own: Vec<&Image> = own.copied().collect();
                own.sort_by_key(|image| image.offset);
                let way = Way {
                    stream: stream.id,
                    from: direction.from,
                };
                let tunnel = verify::ends_http(&self.head(way)?);
                if accounted.contains(&way)
                    || !own
                        .iter()
                        .all(|image| is_guessed(stream, image, gathered, tunnel))
                {
                    continue;
                }
                match own.as_slice() {
                    [only] if tunnel || !stream.is_confirmed() => {
                        messages.extend(self.message(stream, direction, only)?);
                    }
                    [] | [_] => {}
                    several => odd.extend(self.odd(stream, direction, several)?),
                }
            }
        }
        let mut alike: BTreeMap<(SocketAddr, &(usize, Vec<u8>)), usize> = BTreeMap::new();
        for message in &messages {
            for end in message.ends {
                *alike.entry((end, &message.shape)).or_default() += 1;
            }
        }
        let is_alone = |message: &&Message| {
            let mut ends = message.ends.iter();
            message.stray.bytes > 0
                && ends.all(|end| alike.get(&(*end, &message.shape)) == Some(&1))
        };
        let alone = messages
            .iter()
            .filter(is_alone)
            .map(|message| message.stray);
        Ok(alone
            .chain(odd)
            .map(|stray| (stray.picture, stray))
            .collect())
    }

    /// Absent where the capture lacks what stands beside the picture, or it is too much.
    fn message(
        &mut self,
        stream: &Stream,
        direction: &Direction,
        image: &Image,
    ) -> anyhow::Result<Option<Message>> {
        let end = image.offset.saturating_add(image.bytes);
        if image.offset > HEADER {
            return Ok(None);
        }
        let way = Way {
            stream: stream.id,
            from: direction.from,
        };
        let header = self.all_of(way, 0..image.offset)?;
        let behind = self.behind(direction, way, end)?;
        let (Some(header), Some(behind)) = (header, behind) else {
            return Ok(None);
        };
        let subject = LoneSubject {
            lengths: [image.bytes; 2],
            size: image.width.zip(image.height),
        };
        let untold = verify::untold(&header, subject) as u64;
        // Behind a picture that came first it is no end of a message.
        let blank = !header.is_empty() && behind.iter().all(u8::is_ascii_whitespace);
        let blanks = if blank { behind.len() as u64 } else { 0 };
        Ok(Some(Message {
            stray: Stray {
                picture: image.id,
                offset: if untold > 0 { 0 } else { end },
                bytes: untold + blanks,
                declared: None,
                trailer: false,
            },
            shape: (header.len(), behind),
            ends: [direction.from, direction.to],
        }))
    }

    /// The header that is unlike the others, or what comes once before the first.
    fn odd(
        &mut self,
        stream: &Stream,
        direction: &Direction,
        images: &[&Image],
    ) -> anyhow::Result<Option<Stray>> {
        /// So many show what headers are like.
        const MOST: usize = 64;
        let way = images.first().map(|image| Way {
            stream: stream.id,
            from: image.from,
        });
        let Some(way) = way else {
            return Ok(None);
        };
        let mut headers = Vec::new();
        let mut from = 0;
        for image in images.iter().take(MOST) {
            let range = from..image.offset;
            if range.start > range.end || range.end - range.start > HEADER {
                return Ok(None);
            }
            let Some(bytes) = self.all_of(way, range)? else {
                return Ok(None);
            };
            headers.push((from, bytes));
            from = image.offset.saturating_add(image.bytes);
        }
        let behind = self.behind(direction, way, from)?;
        let known = stream.is_confirmed();
        // What ends each picture stands before the next one's header.
        let end = behind.filter(|end| {
            !end.is_empty()
                && headers
                    .iter()
                    .skip(1)
                    .all(|(_, bytes)| bytes.starts_with(end))
        });
        let end = end.map_or(0, |end| end.len());
        let marked = matches!(stream.protocol, Some(Protocol::Marker(_)));
        let free = match &stream.protocol {
            Some(Protocol::Layout(layout)) => layout.has_free_text(),
            _ => marked,
        };
        let shown: Vec<Header<'_>> = headers
            .iter()
            .zip(images)
            .enumerate()
            .map(|(at, ((_, bytes), image))| Header {
                bytes: bytes
                    .get(if at > 0 { end } else { 0 }..)
                    .unwrap_or_default(),
                length: image.bytes,
                size: image.width.zip(image.height),
            })
            .collect();
        let stray = |at: usize, bytes: usize| {
            let (image, (offset, _)) = (images.get(at)?, headers.get(at)?);
            (bytes > 0).then_some(Stray {
                picture: image.id,
                offset: *offset,
                bytes: bytes as u64,
                declared: None,
                trailer: false,
            })
        };
        let length = |at: usize| shown.get(at).map_or(0, |header| header.bytes.len());
        let untold = |once: usize| {
            let once = shown.first().and_then(|first| first.bytes.get(..once));
            once.map_or(0, verify::untold_once)
        };
        let odd = if known && !free {
            None
        } else {
            let layout = match &stream.protocol {
                Some(Protocol::Layout(layout)) => Some(&**layout),
                _ => None,
            };
            odd_one(&shown, known || marked, layout)
        };
        if let Some(odd) = odd {
            let bytes = odd.once.map_or_else(|| length(odd.at), untold);
            return Ok(stray(odd.at, bytes));
        }
        let alike = (1..shown.len()).all(|at| length(at) == length(1));
        let once = length(0)
            .checked_sub(length(1))
            .filter(|_| known && !free && alike);
        Ok(stray(0, once.map_or(0, untold)))
    }

    /// What stands behind the last picture; absent where that is not all there, or much.
    fn behind(
        &mut self,
        direction: &Direction,
        way: Way,
        end: u64,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let whole = direction.unique_bytes.saturating_add(direction.gap_bytes);
        if end > whole || whole - end > HEADER {
            return Ok(None);
        }
        self.all_of(way, end..whole)
    }

    /// Absent where some of it was not captured.
    /// The first bytes of a direction.
    fn head(&mut self, way: Way) -> anyhow::Result<Vec<u8>> {
        const LINE: u64 = 64;
        let mut runs = self.spool.way(way, 0..LINE)?;
        let first = runs.drain(..).next().filter(|run| run.offset == 0);
        Ok(first.map(|run| run.bytes).unwrap_or_default())
    }

    fn all_of(&mut self, way: Way, range: ByteRange) -> anyhow::Result<Option<Vec<u8>>> {
        if range.start == range.end {
            return Ok(Some(Vec::new()));
        }
        let length = range.end - range.start;
        let mut runs = self.spool.way(way, range)?;
        let run = if runs.len() == 1 { runs.pop() } else { None };
        Ok(run
            .map(|run| run.bytes)
            .filter(|bytes| bytes.len() as u64 == length))
    }
}

/// Whether only a guess says what stands beside the picture. `tunnel`: HTTP ended before it.
fn is_guessed(stream: &Stream, image: &Image, gathered: &Gathered, tunnel: bool) -> bool {
    let evidence = gathered.evidence.get(&image.id);
    let in_one_piece =
        evidence.is_none_or(|evidence| evidence.lie == Lie::Plain && !evidence.is_converted());
    let guessed = tunnel
        || matches!(
            stream.protocol,
            None | Some(Protocol::Carve | Protocol::Layout(_) | Protocol::Marker(_))
        );
    stream.transport == TransportKind::Tcp
        && guessed
        && stream.confidence != Some(Confidence::Given)
        && image.encoded_bytes.is_none()
        && !image.is_raw_pixels()
        && in_one_piece
}

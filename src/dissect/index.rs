//! What the analysis of the whole capture found, ready to be asked of any frame.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::OnceLock;

use super::carried::Role;
use crate::findings::{Finding, Severity};
use crate::ledger::{Direction, Image, RegionKind, Stream};
use crate::units::{FrameNumber, PictureId, StreamId};

/// Consecutive bytes of a direction that are of one kind.
#[derive(Debug, Clone)]
pub struct Region {
    /// Stream offset of the first.
    pub offset: u64,
    /// Stream offset after the last.
    pub end: u64,
    /// What they are.
    pub role: Role,
    /// The picture they belong to or lie in.
    pub picture: Option<PictureId>,
    /// What they are in particular; absent where the role says it all.
    pub what: Option<Cow<'static, str>>,
}

/// The accounts of a capture by stream, picture and frame.
#[derive(Debug, Default)]
pub struct Index {
    streams: Vec<Stream>,
    /// Of each stream its directions' regions, in order: found when they are first asked for, by whichever thread asks.
    regions: Vec<OnceLock<[Vec<Region>; 2]>>,
    images: Vec<Image>,
    /// Stream, and place in `images`: ascending.
    of_streams: Vec<(u32, usize)>,
    findings: Vec<Finding>,
    /// Frame, and place in `findings`: ascending.
    marks: Vec<(u64, usize)>,
}

impl Index {
    /// Of these accounts.
    pub fn new(mut streams: Vec<Stream>, mut images: Vec<Image>, findings: Vec<Finding>) -> Self {
        streams.sort_by_key(|stream| stream.id.0);
        images.sort_by_key(|image| image.id.0);
        let mut marks: Vec<(u64, usize)> = findings
            .iter()
            .enumerate()
            .flat_map(|(at, finding)| finding.packets.iter().map(move |frame| (frame.0, at)))
            .collect();
        marks.sort_unstable();
        let mut of_streams: Vec<(u32, usize)> = images
            .iter()
            .enumerate()
            .map(|(at, image)| (image.stream.0, at))
            .collect();
        of_streams.sort_unstable();
        let regions = streams.iter().map(|_| OnceLock::new()).collect();
        Self {
            streams,
            regions,
            images,
            of_streams,
            findings,
            marks,
        }
    }

    /// The accounts that it was made of: streams, pictures, findings.
    pub fn into_accounts(self) -> (Vec<Stream>, Vec<Image>, Vec<Finding>) {
        (self.streams, self.images, self.findings)
    }

    /// All streams, in order of their numbers.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// All pictures.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// All findings.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// A stream's account.
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(self.place_of(id)?)
    }

    /// A picture's account.
    pub fn image(&self, id: PictureId) -> Option<&Image> {
        let at = place(&self.images, id.0, |image| image.id.0)?;
        self.images.get(at)
    }

    /// The index of the direction in which `from` sends, in the account of a stream.
    pub fn direction(&self, stream: StreamId, from: SocketAddr) -> Option<usize> {
        self.stream(stream)?
            .directions
            .iter()
            .position(|direction| direction.from == from)
    }

    /// The regions of a direction, in order.
    pub fn regions(&self, stream: StreamId, direction: usize) -> &[Region] {
        self.place_of(stream)
            .and_then(|at| {
                let found = self.regions.get(at)?;
                let both = found.get_or_init(|| self.regions_of(at));
                both.get(direction)
            })
            .map_or(&[], Vec::as_slice)
    }

    fn regions_of(&self, at: usize) -> [Vec<Region>; 2] {
        let Some(stream) = self.streams.get(at) else {
            return [const { Vec::new() }; 2];
        };
        let first = self.of_streams.partition_point(|(of, _)| *of < stream.id.0);
        let images: Vec<&Image> = self
            .of_streams
            .iter()
            .skip(first)
            .take_while(|(of, _)| *of == stream.id.0)
            .filter_map(|(_, image)| self.images.get(*image))
            .collect();
        let mut directions = stream.directions.iter();
        [directions.next(), directions.next()].map(|direction| {
            direction.map_or_else(Vec::new, |direction| regions(direction, &images))
        })
    }

    fn place_of(&self, stream: StreamId) -> Option<usize> {
        place(&self.streams, stream.0, |stream| stream.id.0)
    }

    /// The findings that name a frame as their proof.
    pub fn findings_of(&self, frame: FrameNumber) -> impl Iterator<Item = &Finding> {
        let first = self.marks.partition_point(|(marked, _)| *marked < frame.0);
        self.marks
            .get(first..)
            .unwrap_or_default()
            .iter()
            .take_while(move |(marked, _)| *marked == frame.0)
            .filter_map(|(_, at)| self.findings.get(*at))
    }

    /// The worst of the findings that name a frame; absent where none does.
    pub fn worst_of(&self, frame: FrameNumber) -> Option<Severity> {
        self.findings_of(frame)
            .map(|finding| finding.severity)
            .max()
    }
}

/// The place of a number among accounts in order of their numbers: nearly always none is left out, so that it is the number itself.
fn place<T>(accounts: &[T], number: u32, of: impl Fn(&T) -> u32) -> Option<usize> {
    let guess = usize::try_from(number).ok()?;
    if accounts
        .get(guess)
        .is_some_and(|account| of(account) == number)
    {
        return Some(guess);
    }
    accounts.binary_search_by_key(&number, of).ok()
}

/// What the bytes of a direction are: as its map says, and behind the end of a map that was cut where its pictures lie.
fn regions(direction: &Direction, images: &[&Image]) -> Vec<Region> {
    let mut regions: Vec<Region> = direction
        .map
        .iter()
        .map(|region| Region {
            offset: region.offset,
            end: region.end(),
            role: match region.kind {
                RegionKind::Picture => Role::Picture,
                RegionKind::Framing => Role::Framing,
                RegionKind::Answer => Role::Answer,
                RegionKind::Stray => Role::Stray,
                RegionKind::Gap => Role::Gap,
            },
            picture: region.image,
            what: region.what.clone(),
        })
        .collect();
    let end = regions.last().map_or(0, |region| region.end);
    let mut rest: Vec<Region> = images
        .iter()
        .filter(|image| image.from == direction.from)
        .map(|image| Region {
            offset: image.offset.max(end),
            end: image
                .offset
                .saturating_add(image.encoded_bytes.unwrap_or(image.bytes)),
            role: Role::Picture,
            picture: Some(image.id),
            what: None,
        })
        .filter(|region| region.offset < region.end)
        .collect();
    rest.sort_by_key(|region| region.offset);
    regions.append(&mut rest);
    regions
}

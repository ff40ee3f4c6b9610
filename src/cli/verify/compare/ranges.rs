//! Parts of files that were asked for one by one, as they lie in the streams.

use std::net::SocketAddr;
use std::ops::Range;

use crate::ledger::{Image, RegionKind, Stream};
use crate::report::model::Report;
use crate::units::StreamId;
use crate::wire::{Fixed, Protocol};

/// Bytes of streams that are parts of something, which were asked for one by one (HTTP 206).
pub(super) struct Ranges(Vec<(StreamId, SocketAddr, Range<u64>)>);

impl Ranges {
    pub(super) fn of(report: &Report) -> Self {
        let mut found = Vec::new();
        for image in report.images.iter().filter(|image| image.is_range()) {
            let end = image.offset.saturating_add(image.bytes);
            found.push((image.stream, image.from, image.offset..end));
        }
        // Whoever describes a framing may name a field so.
        let http = |stream: &&Stream| stream.protocol == Some(Protocol::Fixed(Fixed::Http));
        for stream in report.streams.iter().filter(http) {
            for way in &stream.directions {
                let parts = way.map.iter().filter(|region| {
                    region.kind == RegionKind::Framing && region.what.as_deref() == Some("range")
                });
                found.extend(parts.map(|part| (stream.id, way.from, part.offset..part.end())));
            }
        }
        Self(found)
    }

    /// Those that lie in the picture's place in its stream, at least in part.
    pub(super) fn within<'r>(
        &'r self,
        image: &Image,
        picture: &'r Range<u64>,
    ) -> impl Iterator<Item = &'r Range<u64>> {
        let way = (image.stream, image.from);
        let of_way = self
            .0
            .iter()
            .filter(move |(stream, from, _)| (*stream, *from) == way);
        of_way
            .map(|(_, _, range)| range)
            .filter(|range| range.start < picture.end && picture.start < range.end)
    }

    /// Whether the picture begins in one of them.
    pub(super) fn hold(&self, image: &Image) -> bool {
        self.0.iter().any(|(stream, from, range)| {
            (*stream, *from) == (image.stream, image.from) && range.contains(&image.offset)
        })
    }
}

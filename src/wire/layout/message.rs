//! What the header of a message said so far, and what follows from it: how long the picture is, whether its checksums agree.

use super::check::{Running, agrees};
use super::{Check, Layout, PixelOrder, Pixels, Role, text};
use crate::picture::{SNIFF_BYTES, Sniff, Status, Walker, sniff};
use crate::wire::length::MOST;
use crate::wire::{Event, Fault, PixelShape, Sink};

/// What the header of the message said so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    /// Bytes of it so far, those of the picture included.
    pub(super) at: u64,
    pub(super) length: Option<u64>,
    /// How long the picture at hand is.
    pub(super) declared: Option<u64>,
    /// Where the message ends, if a length says it.
    pub(super) ends: Option<u64>,
    pub(super) count: Option<u64>,
    pub(super) width: Option<u64>,
    pub(super) height: Option<u64>,
    pub(super) channels: Option<u64>,
    pub(super) name_length: Option<u64>,
    /// A picture was begun and not ended.
    pub(super) open: bool,
    /// Its bytes so far.
    pub(super) given: u64,
    pub(super) pieces: u64,
    pub(super) piece: Option<u64>,
    /// How long the first piece says that it is.
    pub(super) piece_size: Option<u64>,
    /// The piece at hand says that it is the last.
    pub(super) last: bool,
    /// All pieces came.
    pub(super) over: bool,
    /// Checksums that the header promised.
    pub(super) promised: Vec<(Check, Vec<u8>)>,
    pub(super) sums: Vec<Running>,
    pub(super) structure: Structure,
}

/// The structure of a picture that comes in pieces, as far as it is followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Structure {
    /// First bytes, which do not tell yet.
    head: Vec<u8>,
    walker: Option<Walker>,
}

impl Structure {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(walker) = &mut self.walker {
            walker.update(bytes);
            return;
        }
        if self.head.len() >= SNIFF_BYTES {
            return;
        }
        self.head.extend_from_slice(bytes);
        let head = self.head.get(..SNIFF_BYTES).unwrap_or(&self.head);
        if let Sniff::Is(format) = sniff(head) {
            let mut walker = Walker::new(format);
            walker.update(&self.head);
            self.walker = Some(walker);
        }
        // No more of it is asked for.
        if self.walker.is_some() || self.head.len() >= SNIFF_BYTES {
            self.head = vec![0; SNIFF_BYTES];
        }
    }

    /// Whether the picture is whole after so many bytes.
    pub(super) fn is_whole(&self, given: u64) -> bool {
        let status = self.walker.as_ref().map(Walker::status);
        matches!(status, Some(Status::Whole { length }) if length == given)
    }
}

impl Message {
    pub(super) fn of(layout: &Layout) -> Self {
        let fields = layout.message.iter().chain(&layout.end);
        Self {
            sums: fields
                .filter_map(|field| match field.role {
                    Role::Check(check) => Some(Running::new(check)),
                    _ => None,
                })
                .collect(),
            ..Self::default()
        }
    }

    /// How long the picture is, if the header says it; `behind` is what follows it in the message.
    pub(super) fn limit(
        &self,
        behind: Option<u64>,
        pixels: Option<Pixels>,
        sink: &mut Sink<'_>,
    ) -> Option<u64> {
        let by_end = self
            .ends
            .zip(behind)
            .map(|(ends, behind)| ends.saturating_sub(self.at).saturating_sub(behind));
        if let (Some(one), Some(other)) = (self.length, by_end)
            && one != other
        {
            sink(Event::Fault(Fault::LengthsDisagree { one, other }));
        }
        let by_size = pixels.and_then(|pixels| {
            let size = pixels
                .size
                .map(|(width, height)| (u64::from(width), u64::from(height)))
                .or(self.width.zip(self.height))?;
            let bytes = pixels.order.bytes().map(u64::from).or(self.channels)?;
            size.0
                .checked_mul(size.1)?
                .checked_mul(bytes)
                .filter(|bytes| *bytes <= MOST)
        });
        self.length.or(by_end).or(by_size)
    }

    /// Width, height and order of the pixels, as far as all three are known.
    pub(super) fn shape(&self, pixels: Pixels) -> Option<PixelShape> {
        let side = |value: u64| u32::try_from(value).ok();
        let (width, height) = match pixels.size {
            Some(both) => both,
            None => (side(self.width?)?, side(self.height?)?),
        };
        let order = match (pixels.order, self.channels) {
            (PixelOrder::Any, Some(1)) => PixelOrder::Grey,
            (PixelOrder::Any, Some(3)) => PixelOrder::Bgr,
            (PixelOrder::Any, Some(4)) => PixelOrder::Bgra,
            (PixelOrder::Any, _) => return None,
            (order, _) => order,
        };
        Some(PixelShape {
            width,
            height,
            order,
        })
    }

    pub(super) fn check(&mut self, check: Check, promise: &[u8], sink: &mut Sink<'_>) {
        let Some(at) = self.sums.iter().position(|sum| sum.check() == check) else {
            return;
        };
        let actual = self.sums.remove(at).finish();
        if !agrees(promise, &actual) {
            sink(Event::Fault(Fault::WrongCheck {
                check: text::word(Role::Check(check)).unwrap_or("checksum"),
                declared: crate::digest::hex(promise),
                actual: crate::digest::hex(&actual),
            }));
        }
    }
}

//! Places in the picture and in the time-sequence graph: what is selected there is selected everywhere.

use super::{Model, Screen};
use crate::dissect::Place;
use crate::ledger::Image;
use crate::units::{StreamId, Timestamp};

/// Where the picture is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::view) struct Drawn {
    /// First line of the screen, and how many.
    pub(in crate::view) top: u16,
    pub(in crate::view) lines: u16,
    /// Rows of pixels of the whole picture.
    pub(in crate::view) rows: u32,
}

/// What the time-sequence graph shows, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::view) struct Plotted {
    pub(in crate::view) x: u16,
    pub(in crate::view) y: u16,
    pub(in crate::view) width: u16,
    pub(in crate::view) height: u16,
    pub(in crate::view) stream: StreamId,
    pub(in crate::view) direction: Option<usize>,
    /// Time at the left end, and how long until the right one, in nanoseconds.
    pub(in crate::view) low: i64,
    pub(in crate::view) span: i64,
    /// Stream offsets at the bottom and at the top.
    pub(in crate::view) bottom: u64,
    pub(in crate::view) top: u64,
}

impl Model {
    /// The row of pixels that the selected byte helps to draw; absent where that is not known.
    pub(in crate::view) fn row_of_byte(&self) -> Option<u32> {
        let offset = self.picture_offset()?;
        let picture = self.reached()?;
        let at = picture.partition_point(|(end, _)| *end <= offset);
        let (end, rows) = *picture.get(at)?;
        let (start, above) = at
            .checked_sub(1)
            .and_then(|before| picture.get(before).copied())
            .unwrap_or_default();
        let share = u64::from(rows - above) * offset.saturating_sub(start) / (end - start).max(1);
        Some(above + u32::try_from(share).unwrap_or(0))
    }

    /// A picture offset whose bytes help to draw a row of pixels.
    fn byte_of_row(&self, row: u32) -> Option<u64> {
        let picture = self.reached()?;
        let at = picture.partition_point(|(_, rows)| *rows <= row);
        let (end, rows) = picture.get(at).or(picture.last()).copied()?;
        let (start, above) = at
            .checked_sub(1)
            .and_then(|before| picture.get(before).copied())
            .unwrap_or_default();
        let share = (end - start) * u64::from(row.saturating_sub(above))
            / u64::from(rows.saturating_sub(above).max(1));
        Some((start + share).min(end.saturating_sub(1)))
    }

    /// How far the selected picture's bytes reach, where it was fetched.
    fn reached(&self) -> Option<&[(u64, u32)]> {
        let id = self.image()?.id.0;
        let fetched = self.fetched.as_ref()?;
        (fetched.id == id).then_some(fetched.reach.as_slice())
    }

    /// A click into the picture or the graph.
    pub(super) fn click_whole(&mut self, column: u16, line: u16) {
        if let Some(drawn) = self.drawn {
            let below = u64::from(line.saturating_sub(drawn.top));
            let row = u64::from(drawn.rows) * (below * 2 + 1) / u64::from(drawn.lines.max(1) * 2);
            let row = u32::try_from(row)
                .unwrap_or(0)
                .min(drawn.rows.saturating_sub(1));
            if let Some(offset) = self.byte_of_row(row) {
                self.select_offset(offset);
            }
        } else if let Some(plot) = self.plot {
            self.click_graph(&plot, column, line);
        }
    }

    /// Selects a byte of the selected picture, in the first frame that carries it.
    fn select_offset(&mut self, offset: u64) {
        let Some(image) = self.image() else { return };
        let wanted = image.offset + offset;
        let carriers = self.carriers(image);
        let found = carriers.into_iter().find(|at| {
            let place = self.data.records.place(*at);
            place.and_then(|place| place.offset).is_some_and(|start| {
                let length = self.data.with(*at, |seen| {
                    seen.packet().map_or(0, |packet| packet.payload.len())
                });
                (start..start + length.unwrap_or(0) as u64).contains(&wanted)
            })
        });
        let Some(at) = found else {
            self.message = Some("no frame carries that byte".to_owned());
            return;
        };
        self.select_record(at);
        let byte = self.stretches.iter().find_map(|stretch| {
            let first = stretch.picture_offset?;
            let end = first + stretch.bytes.len() as u64;
            (first..end)
                .contains(&offset)
                .then(|| stretch.bytes.start + usize::try_from(offset - first).unwrap_or(0))
        });
        if let Some(byte) = byte {
            self.byte = byte;
            self.line_of_byte();
            self.chunk_of_byte();
        }
    }

    /// The nearest frame to a place of the graph.
    fn click_graph(&mut self, plot: &Plotted, column: u16, line: u16) {
        let share = |at: u16, of: u16| (i128::from(at) * 2 + 1, i128::from(of.max(1)) * 2);
        let (across, width) = share(column.saturating_sub(plot.x), plot.width);
        let (down, height) = share(line.saturating_sub(plot.y), plot.height);
        let span = i128::from(plot.span.max(1));
        let high = i128::from((plot.top - plot.bottom).max(1));
        let time = i128::from(plot.low) + span * across / width;
        let offset = i128::from(plot.bottom) + high - high * down / height;
        let records = &self.data.records;
        let distance = |at: usize| {
            let Some(Timestamp(when)) = records.time(at) else {
                return i128::MAX;
            };
            let place = records.place(at);
            let reached = place.and_then(|place| reached(&place, plot.direction));
            // In units of the screen, so that both directions count alike.
            let right = (i128::from(when) - time) * 1_000 / span;
            let up = reached.map_or(1_000, |reached| {
                (i128::from(reached) - offset) * 1_000 / high
            });
            right * right + up * up
        };
        let nearest = records
            .of_stream(plot.stream)
            .into_iter()
            .min_by_key(|at| distance(*at));
        if let Some(at) = nearest {
            self.select_record(at);
        }
    }

    /// From frame to frame: of the stream in the graph, of the picture where it is drawn.
    pub(super) fn along(&mut self, forward: bool, step: usize) {
        let Some(image) = self.image() else { return };
        let frames = if self.screen == Screen::Picture {
            self.carriers(image)
        } else {
            self.data.records.of_stream(image.stream)
        };
        let Some(last) = frames.len().checked_sub(1) else {
            return;
        };
        let here = self.record(self.row).unwrap_or(0);
        let next = match frames.binary_search(&here) {
            Ok(at) if forward => at.saturating_add(step),
            Ok(at) | Err(at) if !forward => at.saturating_sub(step),
            Ok(at) | Err(at) => at.saturating_add(step - 1),
        };
        if let Some(at) = frames.get(next.min(last)) {
            self.select_record(*at);
        }
    }

    /// The records of frames that carry bytes of a picture.
    fn carriers(&self, image: &Image) -> Vec<usize> {
        let records = &self.data.records;
        let direction = self.data.index.direction(image.stream, image.from);
        let first = image.first_packet.map_or(0, |frame| frame.0);
        let last = image.last_packet.map_or(u64::MAX, |frame| frame.0);
        let mut found = records.of_stream(image.stream);
        found.retain(|at| {
            (first..=last).contains(&records.number(*at))
                && records
                    .place(*at)
                    .is_some_and(|place| place.direction == direction)
                && self.data.picture_of(*at) == Some(image.id)
        });
        found
    }

    /// Selects a record and stays on the screen; takes the filter off where it leaves it out.
    pub(super) fn select_record(&mut self, at: usize) {
        self.go_to_record(at);
        let picture = self.picture;
        self.open_packet();
        self.picture = picture;
        self.chunk_of_byte();
    }
}

/// The stream offset at which a packet stands in the graph of a direction.
pub(in crate::view) fn reached(place: &Place, direction: Option<usize>) -> Option<u64> {
    if place.direction == direction {
        place.offset
    } else {
        place.acknowledges
    }
}

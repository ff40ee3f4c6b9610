//! A layout's fields: gathered, read, and told of.

use super::super::check::promised;
use super::super::message::Message;
use super::super::{Counts, Field, Kind, LONGEST, Payload, Role, Size, Value, padding, text};
use super::{LayoutDecoder, Section, State};
use crate::picture::SNIFF_BYTES;
use crate::wire::length::MOST;
use crate::wire::{Ending, Event, Fault, Framing, Sink};

impl LayoutDecoder {
    /// Reads fields from what is held, as far as it reaches; tells how many more bytes are asked for, at least.
    pub(super) fn gather(&mut self, ended: bool, sink: &mut Sink<'_>) -> usize {
        while let State::Fields = self.state {
            let Some(field) = self.fields().get(self.next).cloned() else {
                self.section_done(sink);
                // A message of no bytes at all would go round for ever.
                if self.held.len() == self.read && self.next == 0 {
                    self.flush(sink);
                    return 1;
                }
                continue;
            };
            match &field.kind {
                Kind::Picture(payload) => {
                    if self.learns && self.any && matches!(payload, Payload::File) {
                        let read = self.read.min(self.held.len());
                        let header: Vec<u8> = self.held.drain(..read).collect();
                        self.read = 0;
                        self.pending = Some((header, std::mem::take(&mut self.told)));
                    } else {
                        self.flush(sink);
                    }
                    self.payload(&payload.clone(), sink);
                    continue;
                }
                Kind::Data(fixed) => {
                    self.data(*fixed, sink);
                    continue;
                }
                _ => {}
            }
            let head = self.held.get(self.read..).unwrap_or_default();
            if let Kind::Pad(unit) = field.kind {
                let size = padding(self.message.given, unit);
                let Some(zeros) = head.get(..size) else {
                    return size.saturating_sub(head.len()).max(1);
                };
                if zeros.iter().any(|byte| *byte != 0) {
                    if self.lose(&field, sink) {
                        continue;
                    }
                    return 1;
                }
                if size > 0 {
                    self.told.push((Framing::Field("padding"), size as u64));
                }
                self.read = self.read.saturating_add(size);
                self.next = self.next.saturating_add(1);
                continue;
            }
            if ended && head.is_empty() {
                return 1;
            }
            match field.kind.size(head, self.message.name_length, ended) {
                Size::Needs(_) if self.held.len() > LONGEST => {
                    if self.lose(&field, sink) {
                        continue;
                    }
                    return 1;
                }
                Size::Needs(more) => return more.saturating_sub(head.len()).max(1),
                Size::Is(size) => {
                    let bytes = head.get(..size).unwrap_or_default().to_vec();
                    if !self.field(&field, &bytes, sink) {
                        if self.lose(&field, sink) {
                            continue;
                        }
                        return 1;
                    }
                }
                Size::Wrong => {
                    if self.lose(&field, sink) {
                        continue;
                    }
                    return 1;
                }
            }
        }
        1
    }

    /// Takes a whole field; false where it is none.
    pub(super) fn field(&mut self, field: &Field, bytes: &[u8], sink: &mut Sink<'_>) -> bool {
        let Some(value) = field.kind.read(bytes) else {
            return false;
        };
        self.read = self.read.saturating_add(bytes.len());
        self.next = self.next.saturating_add(1);
        let message = &mut self.message;
        message.at = message.at.saturating_add(bytes.len() as u64);
        let count = value.count(field.plus);
        let mut framing = Framing::Field(text::word(field.role).unwrap_or(match field.kind {
            Kind::Fixed(_) => "constant",
            _ => "field",
        }));
        match field.role {
            Role::None
            | Role::Number
            | Role::Frame
            | Role::Time
            | Role::PixelType
            | Role::Offset => {}
            Role::Length(counts) => {
                let Some(count) = count.filter(|count| *count <= MOST) else {
                    if let Some(value) = value.count(0) {
                        self.implausible(field, bytes, value, sink);
                    }
                    return false;
                };
                framing = Framing::Length(count);
                match counts {
                    Counts::Picture if self.section == Section::Piece => {
                        message.piece = Some(count);
                    }
                    Counts::Picture => message.length = Some(count),
                    Counts::Bits => message.length = Some(count / 8),
                    Counts::Rest => message.ends = Some(message.at.saturating_add(count)),
                    Counts::All => message.ends = Some(count),
                }
            }
            Role::Total => message.length = count.or(message.length),
            Role::Count => {
                message.count = count;
                framing = Framing::PieceCount(count.unwrap_or(0));
            }
            Role::Index => {
                if count == Some(0) && message.open && message.pieces > 0 {
                    // The next picture begins, and nothing else told the end of this one.
                    self.end(Ending::Length, sink);
                    let message = &mut self.message;
                    (message.given, message.pieces) = (0, 0);
                }
                let message = &mut self.message;
                let pieces = count.unwrap_or(0).saturating_add(1);
                message.last |= message.count == Some(pieces);
            }
            Role::Last => message.last |= count.is_some_and(|flag| flag != 0),
            Role::Left | Role::More => message.last |= count == Some(0),
            Role::Width => message.width = count,
            Role::Height => message.height = count,
            Role::Channels => message.channels = count,
            Role::NameLength => message.name_length = count,
            Role::Name => {
                if let Value::Text(name) = &value {
                    framing = Framing::Name(String::from_utf8_lossy(name).into_owned());
                }
            }
            Role::Check(check) => {
                if let Some(promise) = promised(&field.kind, bytes) {
                    if message.open || message.given > 0 {
                        message.check(check, &promise, sink);
                    } else {
                        message.promised.push((check, promise));
                    }
                }
            }
        }
        if self.section == Section::Piece {
            framing = Framing::PieceHeader;
        }
        self.told.push((framing, bytes.len() as u64));
        true
    }

    /// A length that can be none: says so, and how it would be one.
    pub(super) fn implausible(&self, field: &Field, bytes: &[u8], value: u64, sink: &mut Sink<'_>) {
        let hint = field.kind.other_order().and_then(|kind| {
            let count = kind.read(bytes)?.count(field.plus)?;
            (SNIFF_BYTES as u64..=MOST)
                .contains(&count)
                .then(|| format!("{kind}, {count} bytes"))
        });
        if self.any || hint.is_some() {
            sink(Event::Fault(Fault::ImplausibleLength { value, hint }));
        }
    }

    /// Tells of the fields that were read.
    pub(super) fn flush(&mut self, sink: &mut Sink<'_>) {
        for (what, bytes) in self.told.drain(..) {
            sink(Event::Framing { what, bytes });
        }
        self.held.drain(..self.read.min(self.held.len()));
        self.read = 0;
    }

    /// All fields of a section came.
    pub(super) fn section_done(&mut self, sink: &mut Sink<'_>) {
        let ended = match self.section {
            Section::Once => {
                self.section = Section::Message;
                self.next = 0;
                self.message = Message::of(&self.layout);
                return;
            }
            Section::Piece => {
                self.flush(sink);
                self.next = 0;
                if self.message.over {
                    self.leave_pieces();
                }
                return;
            }
            Section::Message if !self.layout.end.is_empty() => {
                self.section = Section::End;
                self.next = 0;
                return;
            }
            Section::Message | Section::End => true,
        };
        if ended {
            self.flush(sink);
            self.any = true;
            self.section = Section::Message;
            self.next = 0;
            self.message = Message::of(&self.layout);
        }
    }
}

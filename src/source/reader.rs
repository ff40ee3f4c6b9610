//! One file, frame after frame, with its accounts.

use crate::frame::Frame;
use crate::source::damage::{Damage, Reason};
use crate::source::parse::{Head, Parser, Step};
use crate::source::summary::FileSummary;
use crate::source::window::{Filled, Mapped, Stream, Window};
use crate::units::{FrameNumber, Timestamp};

/// A file being read: a parser on a window, and what it came to so far.
#[derive(Debug)]
pub(super) struct Reader<W> {
    window: W,
    parser: Parser,
    /// Offset in the (decompressed) file of the first unread byte.
    offset: u64,
    packets: u64,
    captured_bytes: u64,
    original_bytes: u64,
    /// Numbers that Wireshark gives to records since the last frame that are no packets.
    numbers_passed: u64,
    over: bool,
    /// A block that is passed over and was not all there when the file ended, and whether it takes a number.
    owed: Option<(usize, bool)>,
    damage: Option<(u64, Reason)>,
}

impl<W: Window> Reader<W> {
    pub(super) fn new(window: W, parser: Parser) -> Self {
        Self {
            window,
            parser,
            offset: 0,
            packets: 0,
            captured_bytes: 0,
            original_bytes: 0,
            numbers_passed: 0,
            over: false,
            owed: None,
            damage: None,
        }
    }

    /// The same place in another window on the same file.
    pub(super) fn through<V>(self, window: V) -> Reader<V> {
        Reader {
            window,
            parser: self.parser,
            offset: self.offset,
            packets: self.packets,
            captured_bytes: self.captured_bytes,
            original_bytes: self.original_bytes,
            numbers_passed: self.numbers_passed,
            over: self.over,
            owed: self.owed,
            damage: self.damage,
        }
    }

    /// The file may have grown since it ended: reads on where it was. A file that was damaged stays so.
    pub(super) fn resume(&mut self) {
        if matches!(&self.damage, None | Some((_, Reason::CutShort { .. }))) {
            (self.over, self.damage) = (false, None);
        }
        if let Some((consumed, numbered)) = self.owed.take() {
            self.off_the_path(Step::Pass { consumed, numbered });
        }
    }

    /// Where the next reading begins.
    pub(super) fn position(&self) -> usize {
        self.window.position()
    }

    /// The bytes of the frame that [`Self::advance`] returned last.
    #[inline]
    pub(super) fn data(&self, head: &Head) -> &[u8] {
        data(self.window.stored(), head)
    }

    /// The next frame, its `start` an index for [`Self::data`]; absent at the end of what can be used.
    #[inline]
    pub(super) fn advance(&mut self) -> Option<Head> {
        if self.over {
            return None;
        }
        loop {
            // The frame is nearly always next, and all there: the rest stays out of the way.
            if let Step::Frame { mut head, consumed } = match self.parser.step(self.window.unread())
            {
                step @ Step::Frame { .. } => step,
                step => {
                    self.off_the_path(step)?;
                    continue;
                }
            } {
                head.start += self.window.position();
                self.window.pass(consumed);
                self.offset += consumed as u64;
                self.packets += 1;
                self.captured_bytes += head.len as u64;
                self.original_bytes += u64::from(head.wire_len);
                return Some(head);
            }
        }
    }

    /// Whatever is no frame; absent where nothing follows.
    #[cold]
    fn off_the_path(&mut self, step: Step) -> Option<()> {
        let passing = matches!(step, Step::Pass { .. });
        let (needed, filled) = match step {
            Step::Frame { .. } => return Some(()),
            Step::Pass { consumed, numbered } => {
                let filled = self.window.pass(consumed);
                if filled == Filled::Enough {
                    self.offset += consumed as u64;
                    self.numbers_passed += u64::from(numbered);
                } else {
                    self.owed = Some((consumed, numbered));
                }
                (consumed, filled)
            }
            Step::Need(needed) => (needed, self.window.fill(needed)),
            Step::Damaged(reason) => (0, Filled::Failed(reason)),
        };
        if filled == Filled::Enough {
            return Some(());
        }
        // A block that is passed over begins further back, once its body is behind.
        let block = self.parser.begun();
        let behind = if passing { 0 } else { block };
        let needed = if block == 0 { needed } else { block + 4 };
        let offset = self.offset - behind as u64;
        match filled {
            Filled::Ended { available: 0 } if self.parser.may_end() => {}
            Filled::Ended { available } => {
                let reason = Reason::CutShort {
                    needed: needed as u64,
                    available: (behind + available) as u64,
                };
                self.damage = Some((offset, reason));
            }
            Filled::Failed(reason) => self.damage = Some((offset, reason)),
            Filled::Enough => {}
        }
        self.over = true;
        None
    }

    /// Numbers to leave out before the frame that [`Self::advance`] returned last.
    #[inline]
    pub(super) fn take_numbers_passed(&mut self) -> u64 {
        std::mem::take(&mut self.numbers_passed)
    }

    pub(super) fn interface_count(&self) -> usize {
        self.parser.interface_count()
    }

    /// Writes the accounts into `summary`. `last` is the file's last frame, and `indices` the index of
    /// each of its interfaces over the whole capture.
    pub(super) fn account(
        &self,
        summary: &mut FileSummary,
        last: Option<FrameNumber>,
        indices: &[u32],
    ) {
        let mut interfaces = self.parser.interfaces();
        for (interface, index) in interfaces.iter_mut().zip(indices) {
            interface.index = *index;
        }
        summary.set_interfaces(interfaces);
        // Of what is not whole nobody knows how it went on.
        summary.ended = self.parser.ended().filter(|_| self.damage.is_none());
        summary.packets = self.packets;
        summary.captured_bytes = self.captured_bytes;
        summary.original_bytes = self.original_bytes;
        summary.truncated = self.damage.as_ref().map(|(offset, reason)| Damage {
            offset: *offset,
            after_frame: last,
            reason: reason.clone(),
        });
    }
}

impl<'m> Reader<Mapped<'m>> {
    /// The bytes of a frame, for as long as the map lives.
    #[inline]
    pub(super) fn mapped_data(&self, head: &Head) -> &'m [u8] {
        data(self.window.bytes(), head)
    }
}

impl Reader<Stream> {
    /// Lets go of input and buffer once nothing more can come from them.
    pub(super) fn close_if_over(&mut self) {
        if self.over {
            self.window.close();
        }
    }
}

#[inline]
fn data<'b>(stored: &'b [u8], head: &Head) -> &'b [u8] {
    stored
        .get(head.start..head.start + head.len)
        .unwrap_or_default()
}

/// A head with its number and its bytes.
#[inline]
pub(super) fn frame<'b>(
    number: FrameNumber,
    interface: u32,
    head: &Head,
    data: &'b [u8],
) -> Frame<'b> {
    Frame {
        number,
        time: head.time,
        link: head.link,
        interface,
        wire_len: head.wire_len,
        data,
        after_end: head.after_end,
    }
}

/// The order of frames among several files: frames without a time come before all others, unless
/// frames with one precede them in their file.
pub(super) type Key = Option<Timestamp>;

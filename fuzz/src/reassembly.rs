//! The assembler against a model that is obviously right: one cell per byte.

use imgnet::reassembly::assembler::keep_copied;
use imgnet::reassembly::{Assembler, Delivery, GapCause};
use imgnet::units::FrameNumber;

/// The longest stream of the model.
const BYTES: usize = 8192;

/// One byte of the stream.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// The byte as it was first sent.
    byte: Option<u8>,
    /// A frame had it, but its end was cut off.
    cut: bool,
    /// It came, or was declared missing with this cause.
    done: Option<Result<u8, GapCause>>,
}

struct Model {
    cells: Vec<Cell>,
    next: usize,
    highest: usize,
}

impl Model {
    /// Passes on what can be, as (offset, byte or cause).
    fn advance(&mut self) {
        while let Some(cell) = self.cells.get_mut(self.next)
            && let Some(byte) = cell.byte
        {
            cell.done = Some(Ok(byte));
            self.next += 1;
        }
    }

    fn lose(&mut self, until: usize, cause: GapCause) {
        self.highest = self.highest.max(until);
        while self.next < until {
            self.advance();
            if self.next < until
                && let Some(cell) = self.cells.get_mut(self.next)
            {
                cell.done = Some(Err(if cell.cut {
                    GapCause::SnapLength
                } else {
                    cause
                }));
                self.next += 1;
            }
        }
        self.advance();
    }
}

/// What came out of the assembler, byte by byte.
#[derive(Default)]
struct Out(Vec<Result<u8, GapCause>>);

impl Out {
    fn take(&mut self, delivery: &Delivery<'_>) {
        match delivery {
            Delivery::Bytes { offset, bytes, .. } => {
                assert_eq!(*offset, self.0.len() as u64, "in order, without holes");
                assert!(!bytes.is_empty(), "a delivery of no bytes");
                self.0.extend(bytes.iter().map(|byte| Ok(*byte)));
            }
            Delivery::Gap(gap) => {
                assert_eq!(gap.offset, self.0.len() as u64, "in order, without holes");
                assert!(gap.length > 0, "a gap of no bytes");
                self.0.extend((0..gap.length).map(|_| Err(gap.cause)));
            }
        }
    }
}

/// Every five bytes are one operation: what to do, offset (two), length, and how much longer it was on the wire.
///
/// The assembler delivers exactly the bytes that the model has, first copies first, and its counts are those of the
/// model's cells.
pub fn reassembly(data: &[u8]) {
    let mut assembler = Assembler::default();
    let mut out = Out::default();
    let mut model = Model {
        cells: vec![Cell::default(); BYTES],
        next: 0,
        highest: 0,
    };
    for (number, operation) in data.chunks_exact(5).take(2000).enumerate() {
        let &[what, high, low, length, more] = operation else {
            break;
        };
        let offset = usize::from(u16::from_be_bytes([high, low])) % (BYTES - 512);
        let mut sink = |delivery: Delivery<'_>| out.take(&delivery);
        match what % 16 {
            0 => {
                let cause = if more & 1 == 0 {
                    GapCause::NotCaptured
                } else {
                    GapCause::NeverAcknowledged
                };
                assembler.declare_missing(offset as u64, cause, &mut sink);
                model.lose(offset, cause);
            }
            1 => assembler.acknowledged(offset as u64),
            2 => assembler.forget_recent(),
            _ => {
                // Near what comes next, most of the time: else nothing is ever in order.
                let offset = if what & 0x80 == 0 {
                    (model.next + offset % 64).saturating_sub(32)
                } else {
                    offset
                };
                let offset = offset.min(BYTES - 512);
                let twist = u8::from(what & 0x40 != 0);
                let bytes: Vec<u8> = (offset..offset + usize::from(length))
                    .map(|at| (at as u8).wrapping_mul(31).wrapping_add(twist))
                    .collect();
                let wire = if what & 0x20 == 0 {
                    0
                } else {
                    usize::from(more)
                };
                push(
                    &mut assembler,
                    &mut model,
                    &mut sink,
                    &Piece {
                        offset,
                        bytes: &bytes,
                        wire_length: bytes.len() + wire,
                        frame: FrameNumber(number as u64 + 1),
                    },
                );
            }
        }
        check(&assembler, &model, &out);
    }
    let mut sink = |delivery: Delivery<'_>| out.take(&delivery);
    let end = assembler.highest();
    assembler.declare_missing(end, GapCause::NeverAcknowledged, &mut sink);
    model.lose(model.highest, GapCause::NeverAcknowledged);
    check(&assembler, &model, &out);
    assert_eq!(
        assembler.unique_bytes() + assembler.gap_bytes(),
        end,
        "span = unique + gaps"
    );
    assert_eq!(assembler.waiting_bytes(), 0, "nothing waits after the end");
}

struct Piece<'b> {
    offset: usize,
    bytes: &'b [u8],
    wire_length: usize,
    frame: FrameNumber,
}

fn push(
    assembler: &mut Assembler<'static>,
    model: &mut Model,
    sink: &mut dyn FnMut(Delivery<'_>),
    piece: &Piece<'_>,
) {
    let arrival = assembler.push(
        piece.offset as u64,
        piece.bytes,
        piece.wire_length as u64,
        piece.frame,
        keep_copied,
        sink,
    );
    let (mut new, mut repeated, mut late) = (0, 0, 0);
    let mut differs = false;
    for (at, &byte) in (piece.offset..).zip(piece.bytes) {
        let cell = &mut model.cells[at];
        match (cell.byte, cell.done) {
            (Some(first), _) => {
                repeated += 1;
                differs |= first != byte;
            }
            (None, Some(_)) => {
                repeated += 1;
                late += 1;
            }
            (None, None) => {
                new += 1;
                cell.byte = Some(byte);
            }
        }
    }
    for cell in &mut model.cells[piece.offset + piece.bytes.len()..piece.offset + piece.wire_length]
    {
        cell.cut = true;
    }
    model.highest = model.highest.max(piece.offset + piece.wire_length);
    model.advance();
    assert_eq!(arrival.new_bytes, new, "new bytes");
    assert_eq!(arrival.repeated_bytes, repeated, "repeated bytes");
    assert_eq!(arrival.late_bytes, late, "late bytes");
    if let Some(conflict) = &arrival.conflict {
        assert!(differs, "a conflict where all copies agree: {conflict:?}");
        let at = usize::try_from(conflict.offset).expect("inside the model");
        assert_eq!(model.cells[at].byte, Some(conflict.first_byte));
        assert_ne!(conflict.first_byte, conflict.second_byte);
    }
    if differs {
        assert!(
            arrival.conflict.is_some() || arrival.unchecked_bytes > 0,
            "a conflict is told, or that it could not be looked for"
        );
    }
}

fn check(assembler: &Assembler<'_>, model: &Model, out: &Out) {
    assert_eq!(assembler.next(), model.next as u64);
    assert_eq!(assembler.highest(), model.highest as u64);
    assert_eq!(out.0.len(), model.next);
    for (at, (delivered, cell)) in out.0.iter().zip(&model.cells).enumerate().rev().take(600) {
        assert_eq!(Some(*delivered), cell.done, "byte {at}");
    }
    let waiting = model.cells[model.next..]
        .iter()
        .filter(|cell| cell.byte.is_some())
        .count();
    // Small pieces count for more than they hold.
    assert!(assembler.waiting_bytes() >= waiting);
    assert_eq!(assembler.waiting_bytes() == 0, waiting == 0);
    let gaps: u64 = assembler.gaps().iter().map(|gap| gap.length).sum();
    assert_eq!(assembler.gap_bytes(), gaps);
    let seen = model
        .cells
        .iter()
        .filter(|cell| cell.byte.is_some())
        .count();
    assert_eq!(assembler.unique_bytes(), seen as u64);
}

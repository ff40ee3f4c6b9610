//! A picture's structure, walked whole and in pieces.

use imgnet::picture::{Format, Info, Status, Walker};

use super::Splits;

const FORMATS: [Format; 5] = [
    Format::Jpeg,
    Format::Png,
    Format::Gif,
    Format::WebP,
    Format::Bmp,
];

/// Where a walk ended.
#[derive(Debug, PartialEq)]
struct Walked {
    status: Status,
    position: u64,
    info: Info,
}

/// Byte 0 chooses the format, byte 1 the pieces, byte 2 a gap (none, where it is 0) and byte 3 its place; the rest is
/// the picture. A walker fed whole, byte by byte or in pieces ends in the same state.
pub fn picture_walker(data: &[u8]) {
    let [format, seed, gap, place, picture @ ..] = data else {
        return;
    };
    let format = FORMATS[usize::from(*format) % FORMATS.len()];
    let gap = u64::from(*gap);
    let (before, after) = picture.split_at(usize::from(*place).min(picture.len()));

    let whole = walk(format, &[before], gap, &[after]);
    let bytewise = walk(
        format,
        &before.chunks(1).collect::<Vec<_>>(),
        gap,
        &after.chunks(1).collect::<Vec<_>>(),
    );
    assert_eq!(whole, bytewise, "byte by byte");
    let mut splits = Splits::new(*seed);
    let pieces = walk(format, &splits.of(before), gap, &splits.of(after));
    assert_eq!(whole, pieces, "in pieces");
}

fn walk(format: Format, before: &[&[u8]], gap: u64, after: &[&[u8]]) -> Walked {
    let mut walker = Walker::new(format);
    let mut taken = 0;
    feed(&mut walker, before, &mut taken);
    if gap > 0 {
        let walking = walker.status() == Status::Walking;
        let gone = walker.gap(gap);
        assert!(gone <= gap, "no more is missing than was missing");
        assert!(walking || gone == 0, "what ended takes no more");
        taken += gone;
    }
    feed(&mut walker, after, &mut taken);
    assert_eq!(
        walker.position(),
        taken,
        "the position counts all that was taken"
    );
    match walker.status() {
        Status::Whole { length } => assert_eq!(length, taken, "a whole picture ends where it ends"),
        Status::Broken { at, .. } => assert!(at <= taken, "what is wrong has been seen"),
        Status::Walking => assert!(walker.awaited().is_some(), "something is awaited"),
    }
    Walked {
        status: walker.status(),
        position: walker.position(),
        info: walker.info(),
    }
}

fn feed(walker: &mut Walker, pieces: &[&[u8]], taken: &mut u64) {
    for piece in pieces {
        let walking = walker.status() == Status::Walking;
        let used = walker.update(piece);
        assert!(used <= piece.len(), "no more is taken than came");
        assert!(walking || used == 0, "what ended takes no more");
        if walker.status() == Status::Walking {
            assert_eq!(used, piece.len(), "a walk that goes on takes all");
        }
        *taken += used as u64;
    }
}

//! Raw pixels without any header: the row is the distance at which bytes are the most alike.

use super::super::layout::{Field, Kind, Layout, Payload, PixelOrder, Pixels};
use super::raw::row_difference;
use super::{HELD, Inferred, Outcome};
use crate::wire::Confidence;

/// Fewer bytes tell nothing.
const LEAST: usize = 8 << 10;
/// Shortest and longest row, in bytes.
const SHORTEST: usize = 96;
const LONGEST: usize = 12_288;
/// Bytes that are compared for each distance.
const SAMPLES: usize = 512;
/// Rows of a picture differ by less on average, in thousandths.
const LIKE: u64 = 12_000;

/// Looks at the first bytes of a direction in which nothing else was found.
pub(super) fn infer(bytes: &[u8], ended: bool) -> Outcome {
    if bytes.len() < HELD && !ended {
        return Outcome::NeedMore;
    }
    match row(bytes) {
        Some((stride, best, runner_up, other)) => {
            found(bytes, ended, stride, best, runner_up, other)
        }
        None => Outcome::Nothing,
    }
}

/// How long the rows of these pixels are, where they stand out.
pub(super) fn stride(bytes: &[u8]) -> Option<usize> {
    row(bytes).map(|(stride, ..)| stride)
}

/// The mean difference of some bytes and those so far behind them, in thousandths.
fn sampled(bytes: &[u8], distance: usize) -> Option<u64> {
    let room = bytes
        .len()
        .checked_sub(distance)
        .filter(|room| *room >= 2 * SAMPLES)?;
    // An odd step, so that all channels have their turn.
    let step = (room / SAMPLES) | 1;
    let (mut sum, mut count) = (0_u64, 0_u64);
    let pairs = bytes.iter().zip(bytes.get(distance..)?).step_by(step);
    for (one, two) in pairs {
        sum += u64::from(one.abs_diff(*two));
        count += 1;
    }
    Some(sum.saturating_mul(1000) / count.max(1))
}

/// The row, its mean difference, the distance that comes next, and its mean difference.
fn row(bytes: &[u8]) -> Option<(usize, u64, usize, u64)> {
    /// Neighbours of a picture differ by less on average, in thousandths; those of what is compressed or encrypted by 85.
    const NEIGHBOURS: u64 = 25_000;
    if bytes.len() < LEAST {
        return None;
    }
    let neighbours = [1, 3, 4].map(|distance| row_difference(bytes, distance));
    if !neighbours
        .into_iter()
        .flatten()
        .any(|difference| difference <= NEIGHBOURS)
    {
        return None;
    }
    let longest = LONGEST.min(bytes.len() / 4);
    let mut distances: Vec<(u64, usize)> = (SHORTEST..=longest)
        .filter_map(|distance| Some((sampled(bytes, distance)?, distance)))
        .collect();
    distances.sort_unstable();
    let middle = distances.get(distances.len() / 2)?.0;
    // Exactly, for the best ones; of rows and their multiples the shortest.
    let mut exact: Vec<(u64, usize)> = distances
        .iter()
        .take(48)
        .filter_map(|(_, distance)| Some((row_difference(bytes, *distance)?, *distance)))
        .collect();
    exact.sort_unstable();
    let &(best, stride) = exact.first()?;
    // A few pixels to the side of a row, or of several rows, bytes are alike as well.
    let side = (stride / 6).max(12);
    let near = |distance: usize| {
        let beyond = distance % stride;
        distance + side > stride && (beyond <= side || stride - beyond <= side)
    };
    let &(other, runner_up) = distances.iter().find(|(_, distance)| !near(*distance))?;
    // A picture's rows are much more alike than anything else in it, and not all alike, as silence is.
    let stands_out =
        best.saturating_mul(5) <= other.saturating_mul(4) && best.saturating_mul(2) <= middle;
    (best <= LIKE && best > 0 && stands_out).then_some((stride, best, runner_up, other))
}

/// How many channels a pixel has: neighbours in one channel are the most alike.
fn channels(bytes: &[u8]) -> Option<usize> {
    let by = |distance: usize| row_difference(bytes, distance);
    let (one, three, four) = (by(1)?, by(3)?, by(4)?);
    Some(
        if three.saturating_mul(5) < one.saturating_mul(4) && three <= four {
            3
        } else if four.saturating_mul(5) < one.saturating_mul(4) {
            4
        } else {
            1
        },
    )
}

fn found(
    bytes: &[u8],
    ended: bool,
    stride: usize,
    best: u64,
    runner_up: usize,
    other: u64,
) -> Outcome {
    let Some(channels) = channels(bytes).filter(|channels| stride.is_multiple_of(*channels)) else {
        return Outcome::Nothing;
    };
    let (whole, rows) = (bytes.len().is_multiple_of(stride), bytes.len() / stride);
    let (Ok(width), Ok(height)) = (u32::try_from(stride / channels), u32::try_from(rows)) else {
        return Outcome::Nothing;
    };
    let height = match (ended, whole) {
        (true, true) => height,
        // To the end of the stream.
        (false, _) if channels == 3 => 0,
        _ => return Outcome::Nothing,
    };
    let pixels = Pixels {
        order: match channels {
            3 => PixelOrder::Bgr,
            4 => PixelOrder::Bgra,
            _ => PixelOrder::Grey,
        },
        size: Some((width, height)),
    };
    let evidence = vec![format!(
        "rows of {stride} bytes are the most alike: mean difference {}.{}, at {runner_up} bytes, the next, {}",
        best / 1000,
        best % 1000 / 100,
        other / 1000
    )];
    Outcome::Found(Box::new(Inferred {
        layout: Layout {
            message: vec![Field::plain(Kind::Picture(Payload::Pixels(pixels)))],
            ..Layout::default()
        },
        confidence: Confidence::Likely,
        evidence,
        messages: 1,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "made-up pixels need not be exact"
    )]
    fn pixels(width: usize, height: usize, channels: usize) -> Vec<u8> {
        let mut noise = 1_u32;
        let mut bytes = Vec::new();
        for at in 0..width * height * channels {
            let (channel, x, y) = (at % channels, at / channels % width, at / channels / width);
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (x as f32, y as f32);
            let wave = (x / 17.0 + channel as f32).sin() * 60.0 + (y / 23.0).cos() * 20.0;
            bytes.push((110.0 + wave + channel as f32 * 25.0 + (noise >> 30) as f32) as u8);
        }
        bytes
    }

    fn layout(bytes: &[u8], ended: bool) -> Option<String> {
        match infer(bytes, ended) {
            Outcome::Found(found) => Some(found.layout.to_string()),
            _ => None,
        }
    }

    #[test]
    fn rows_of_any_width_and_depth() {
        for (width, height) in [(160, 96), (128, 100), (213, 77)] {
            let size = format!("{width}x{height}");
            for (channels, order) in [(3, "bgr"), (1, "grey")] {
                let bytes = pixels(width, height, channels);
                assert_eq!(
                    layout(&bytes, true),
                    Some(format!("layout pixels({order} {size})")),
                    "{size} {order}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_picture_is_not_called_one() {
        let mut noise = 7_u32;
        let random: Vec<u8> = (0..40_000)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })
            .collect();
        let text: Vec<u8> = (0..2000)
            .flat_map(|line| format!("{line} a line of a log, as programs write it\n").into_bytes())
            .collect();
        let counter: Vec<u8> = (0..20_000_u32).flat_map(u32::to_be_bytes).collect();
        let zeros = vec![0; 40_000];
        for bytes in [&random[..], &text, &counter, &zeros] {
            assert_eq!(layout(bytes, true), None);
        }
        assert_eq!(infer(&random[..100], false), Outcome::NeedMore);
    }
}

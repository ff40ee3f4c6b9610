//! How many bytes of a picture went by in each moment.

use super::axis::{Area, CountScale, TimeScale};
use super::svg::Svg;
use crate::units::count;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 130.0;
const AREA: Area = Area {
    left: 68.0,
    top: 22.0,
    right: 846.0,
    bottom: 110.0,
};
/// Bars.
const BINS: u64 = 80;

/// What is drawn: time in nanoseconds, bytes, and whether they came again.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    /// Nanoseconds from the first packet to the last.
    pub(crate) span: i64,
    /// In any order.
    pub(crate) packets: Vec<(i64, u64, bool)>,
}

/// Draws it; absent where all came in one moment.
pub(crate) fn throughput(plot: &Throughput) -> Option<String> {
    let span = plot.span.unsigned_abs();
    if plot.span <= 0 {
        return None;
    }
    let width = span.div_ceil(BINS).max(1);
    let mut bins = vec![(0_u64, 0_u64); usize::try_from(BINS).unwrap_or(80)];
    for (time, bytes, repeat) in &plot.packets {
        let bin = (time.max(&0).unsigned_abs() / width).min(BINS - 1);
        if let Some((new, again)) = usize::try_from(bin).ok().and_then(|bin| bins.get_mut(bin)) {
            let sum = if *repeat { again } else { new };
            *sum = sum.saturating_add(*bytes);
        }
    }
    // Bytes in a bin as bytes in a second.
    let rate = |bytes: u64| {
        u64::try_from(u128::from(bytes) * 1_000_000_000 / u128::from(width)).unwrap_or(u64::MAX)
    };
    let most = bins
        .iter()
        .map(|(new, again)| rate(new.saturating_add(*again)))
        .max()?;
    let mut svg = Svg::begin(
        WIDTH,
        HEIGHT,
        &format!("Throughput: at most {}", speed(most)),
    );
    svg.text(AREA.left, 14.0, "start", "", "bytes in a second");
    svg.rect("frame", AREA.left, AREA.top, AREA.width(), AREA.height());
    let x = TimeScale::new(AREA, plot.span);
    let y = CountScale::new(AREA, most);
    x.draw(&mut svg);
    y.draw(&mut svg, speed);
    for (index, (new, again)) in (0_u64..).zip(&bins) {
        let from = i64::try_from(index.saturating_mul(width)).unwrap_or(i64::MAX);
        let to = i64::try_from((index + 1).saturating_mul(width)).unwrap_or(i64::MAX);
        let (left, right) = (x.x(from), x.x(to));
        let wide = (right - left - 0.6).max(0.8);
        let (all, repeats) = (y.y(rate(new.saturating_add(*again))), y.y(rate(*again)));
        if *new > 0 {
            svg.rect("bar", left, all, wide, repeats - all);
        }
        if *again > 0 {
            svg.rect("bar2", left, repeats, wide, AREA.bottom - repeats);
        }
    }
    Some(svg.end())
}

/// Bytes in a second, as a person says it.
pub(crate) fn speed(bytes: u64) -> String {
    for (unit, name) in [
        (1_000_000_000, "GB/s"),
        (1_000_000, "MB/s"),
        (1_000, "kB/s"),
    ] {
        if bytes >= unit {
            let tenths = bytes / (unit / 10);
            return match tenths {
                0..100 if !tenths.is_multiple_of(10) => {
                    format!("{}.{} {name}", tenths / 10, tenths % 10)
                }
                _ => format!("{} {name}", count(tenths / 10)),
            };
        }
    }
    format!("{bytes} B/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_read_well() {
        assert_eq!(speed(0), "0 B/s");
        assert_eq!(speed(1_500), "1.5 kB/s");
        assert_eq!(speed(25_000_000), "25 MB/s");
        assert_eq!(speed(2_000_000_000), "2 GB/s");
    }

    #[test]
    fn one_moment_has_no_throughput() {
        assert!(throughput(&Throughput::default()).is_none());
        let plot = Throughput {
            span: 1000,
            packets: vec![(0, 500, false), (1000, 500, true)],
        };
        let out = throughput(&plot).unwrap();
        assert_eq!(out.matches("class=\"bar\"").count(), 1);
        assert_eq!(out.matches("class=\"bar2\"").count(), 1);
    }
}

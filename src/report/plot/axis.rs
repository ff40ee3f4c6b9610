//! Scales and their ticks: round numbers, few enough to be read.

use super::{Svg, real, real_time};
use crate::units::{count, duration};

/// Where the drawing lies within the plot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }
}

/// Time from left to right, from 0 on.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeScale {
    area: Area,
    /// In nanoseconds, at least 1.
    span: i64,
}

impl TimeScale {
    pub(super) fn new(area: Area, span: i64) -> Self {
        Self {
            area,
            span: span.max(1),
        }
    }

    pub(super) fn x(&self, nanoseconds: i64) -> f64 {
        let part = real_time(nanoseconds.clamp(0, self.span)) / real_time(self.span);
        self.area.left + part * self.area.width()
    }

    /// Lines and words at round times.
    pub(super) fn draw(&self, svg: &mut Svg) {
        let step = round_step(self.span.unsigned_abs(), 6);
        let mut at = 0_u64;
        let mut last = f64::MIN;
        while at <= self.span.unsigned_abs() {
            let time = i64::try_from(at).unwrap_or(i64::MAX);
            let x = self.x(time);
            if at > 0 {
                let d = format!(
                    "M{} {}V{}",
                    super::svg::Short(x),
                    super::svg::Short(self.area.top),
                    super::svg::Short(self.area.bottom)
                );
                svg.path("grid", &d);
            }
            if x - last > 48.0 {
                let (anchor, text) = if at == 0 {
                    ("start", "0".to_owned())
                } else {
                    ("middle", short_time(at, step))
                };
                let anchor = if x > self.area.right - 24.0 {
                    "end"
                } else {
                    anchor
                };
                svg.text(x, self.area.bottom + 15.0, anchor, "", &text);
                last = x;
            }
            at = at.saturating_add(step);
        }
    }
}

/// Bytes, or anything that is counted, from the bottom up.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountScale {
    area: Area,
    most: u64,
}

impl CountScale {
    pub(super) fn new(area: Area, most: u64) -> Self {
        Self {
            area,
            most: most.max(1),
        }
    }

    pub(super) fn y(&self, number: u64) -> f64 {
        let part = real(number.min(self.most)) / real(self.most);
        self.area.bottom - part * self.area.height()
    }

    pub(super) fn draw(&self, svg: &mut Svg, word: impl Fn(u64) -> String) {
        let step = round_step(self.most, 5);
        let mut at = 0_u64;
        while at <= self.most {
            let y = self.y(at);
            if at > 0 {
                let d = format!(
                    "M{} {}H{}",
                    super::svg::Short(self.area.left),
                    super::svg::Short(y),
                    super::svg::Short(self.area.right)
                );
                svg.path("grid", &d);
            }
            svg.text(self.area.left - 6.0, y + 3.5, "end", "", &word(at));
            at = at.saturating_add(step);
        }
    }

    pub(super) fn draw_counts(&self, svg: &mut Svg) {
        self.draw(svg, count);
    }
}

/// 1, 2 or 5 times a power of ten, so that `most` of them cover `span`.
fn round_step(span: u64, most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step.saturating_mul(most) >= span {
                return step.max(1);
            }
        }
        match power.checked_mul(10) {
            Some(next) => power = next,
            None => return power,
        }
    }
}

/// A time on an axis whose ticks lie `step` apart: no more digits than tell them apart.
fn short_time(at: u64, step: u64) -> String {
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")] {
        if at >= unit || step >= unit {
            let decimals: usize = match (
                step.is_multiple_of(unit),
                step.saturating_mul(10).is_multiple_of(unit),
            ) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 3,
            };
            let text = format!("{:.decimals$}", real(at) / real(unit));
            return format!("{text} {name}");
        }
    }
    duration(i64::try_from(at).unwrap_or(i64::MAX), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(round_step(12_088, 5), 5_000);
        assert_eq!(round_step(1, 5), 1);
        assert_eq!(round_step(10_000, 5), 2_000);
        assert!(round_step(u64::MAX, 5) > 0);
        assert_eq!(short_time(2_500_000_000, 500_000_000), "2.5 s");
        assert_eq!(short_time(3_000_000, 1_000_000), "3 ms");
        assert_eq!(short_time(200, 100), "200 ns");
    }
}

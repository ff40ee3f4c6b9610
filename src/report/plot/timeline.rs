//! All pictures of a run over time: a bar each, those that overlap below each other.

use super::axis::{Area, TimeScale};
use super::real;
use super::svg::Svg;

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 8.0;
const RIGHT: f64 = 1092.0;
const LANE: f64 = 9.0;
const MOST_LANES: usize = 14;

/// A picture's bar.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    /// Where it leads.
    pub(crate) target: String,
    /// Nanoseconds since the run began.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Verdict, as a class.
    pub(crate) class: &'static str,
    pub(crate) title: String,
}

/// Draws them over a run of so many nanoseconds.
pub(crate) fn timeline(span: i64, bars: &[Bar]) -> String {
    let mut lanes: Vec<f64> = Vec::new();
    let placed: Vec<(usize, f64, f64, &Bar)> = {
        let area = Area {
            left: LEFT,
            top: 0.0,
            right: RIGHT,
            bottom: 0.0,
        };
        let x = TimeScale::new(area, span);
        bars.iter()
            .map(|bar| {
                let left = x.x(bar.from);
                let right = x.x(bar.to).max(left + 4.0);
                let free = lanes.iter().position(|end| *end + 1.0 <= left);
                let lane = match free {
                    Some(lane) => lane,
                    None if lanes.len() < MOST_LANES => {
                        lanes.push(0.0);
                        lanes.len() - 1
                    }
                    // More at once than there are lanes: drawn over each other in the last.
                    None => MOST_LANES - 1,
                };
                if let Some(end) = lanes.get_mut(lane) {
                    *end = right;
                }
                (lane, left, right, bar)
            })
            .collect()
    };
    let bottom = 6.0 + real(lanes.len().max(1) as u64) * LANE;
    let mut svg = Svg::begin(WIDTH, bottom + 22.0, "When each picture moved");
    let area = Area {
        left: LEFT,
        top: 2.0,
        right: RIGHT,
        bottom,
    };
    svg.rect("frame", LEFT, 2.0, area.width(), area.height());
    TimeScale::new(area, span).draw(&mut svg);
    for (place, (lane, left, right, bar)) in placed.into_iter().enumerate() {
        let y = 5.0 + real(lane as u64) * LANE;
        svg.link(
            &bar.target,
            &bar.title,
            place == 0,
            &[(bar.class, [left, y, right - left, LANE - 2.0])],
        );
    }
    svg.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_that_overlap_lie_below_each_other() {
        let bar = |from, to| Bar {
            target: "picture-0".to_owned(),
            from,
            to,
            class: "match",
            title: String::new(),
        };
        let apart = timeline(1000, &[bar(0, 100), bar(500, 600)]);
        let overlapping = timeline(1000, &[bar(0, 600), bar(500, 700)]);
        assert!(
            overlapping.contains("viewBox=\"0 0 1100 46\""),
            "{overlapping}"
        );
        assert!(apart.contains("viewBox=\"0 0 1100 37\""), "{apart}");
        let many: Vec<Bar> = (0..500).map(|_| bar(0, 1000)).collect();
        assert_eq!(timeline(1000, &many).matches("<a ").count(), 500);
    }
}

//! The time-sequence graph of one picture: which bytes went by when, what came again, what is missing, what was
//! acknowledged, and how much the receiver would take.

use std::fmt::Write as _;

use super::axis::{Area, CountScale, TimeScale};
use super::svg::{Short, Svg};
use crate::units::{count, counted, duration};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 336.0;
const AREA: Area = Area {
    left: 68.0,
    top: 26.0,
    right: 846.0,
    bottom: 292.0,
};

/// Bytes of a picture in one packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    /// Nanoseconds since the graph begins.
    pub(crate) time: i64,
    /// Picture offset of the first byte, and of the one after the last.
    pub(crate) bytes: (u64, u64),
    pub(crate) repeat: bool,
}

/// What is drawn.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// Anchor of the picture within the page.
    pub(crate) anchor: String,
    /// Length of the picture.
    pub(crate) length: u64,
    /// Nanoseconds from the first packet to the last.
    pub(crate) span: i64,
    /// In order of time.
    pub(crate) marks: Vec<Mark>,
    /// Missing ranges: offset and length.
    pub(crate) gaps: Vec<(u64, u64)>,
    /// Chunks to be told apart, each with its index, its range and what is said of it; none where there are too many.
    pub(crate) chunks: Vec<(u64, (u64, u64), String)>,
    /// What was acknowledged when; ascending.
    pub(crate) acks: Vec<(i64, u64)>,
    /// Up to where the receiver would take bytes, when.
    pub(crate) windows: Vec<(i64, u64)>,
    /// Most marks to be drawn; neighbours that the eye cannot tell apart are drawn as one.
    pub(crate) most: usize,
}

/// Draws it.
pub(crate) fn sequence(plot: &Sequence) -> String {
    let label = format!(
        "Time-sequence graph: {} of the picture over {}, {}, {}",
        counted(plot.length, "byte", "bytes"),
        duration(plot.span, true),
        counted(
            plot.marks.iter().filter(|mark| mark.repeat).count() as u64,
            "repeat",
            "repeats"
        ),
        counted(plot.gaps.len() as u64, "gap", "gaps")
    );
    let mut svg = Svg::begin(WIDTH, HEIGHT, &label);
    svg.rect("frame", AREA.left, AREA.top, AREA.width(), AREA.height());
    let x = TimeScale::new(AREA, plot.span);
    let y = CountScale::new(AREA, plot.length);
    bands(plot, &y, &mut svg);
    x.draw(&mut svg);
    y.draw_counts(&mut svg);
    for (offset, length) in &plot.gaps {
        let top = y.y(offset.saturating_add(*length));
        // A gap is seen however short it is.
        let height = (y.y(*offset) - top).max(3.0);
        let title = format!(
            "gap: {} from {} on are not in the capture",
            counted(*length, "byte", "bytes"),
            count(*offset)
        );
        svg.hatched(&title, AREA.left, top, AREA.width(), height);
    }
    svg.path("window", &stairs(&plot.windows, plot, &x, &y, true));
    svg.path("ack", &stairs(&plot.acks, plot, &x, &y, false));
    svg.path("data", &strokes(plot, false, &x, &y));
    svg.path("again", &strokes(plot, true, &x, &y));
    legend(plot, &mut svg);
    svg.text(
        AREA.right,
        HEIGHT - 6.0,
        "end",
        "",
        "time since the first packet of the picture",
    );
    svg.end()
}

fn bands(plot: &Sequence, y: &CountScale, svg: &mut Svg) {
    for (place, (index, (from, to), title)) in plot.chunks.iter().enumerate() {
        let (top, bottom) = (y.y(*to), y.y(*from));
        let class = if index % 2 == 0 { "band" } else { "clear" };
        let area = [AREA.left, top, AREA.width(), bottom - top];
        svg.link(
            &format!("{}/chunk-{index}", plot.anchor),
            title,
            place == 0,
            &[(class, area)],
        );
    }
}

/// Upright strokes from a packet's first byte to its last.
fn strokes(plot: &Sequence, repeat: bool, x: &TimeScale, y: &CountScale) -> String {
    let marks: Vec<&Mark> = plot.marks.iter().filter(|m| m.repeat == repeat).collect();
    let most = plot.most.max(1);
    // Coarser columns until few enough strokes are left.
    let mut column = 0.5;
    loop {
        let joined = join(&marks, column, x);
        if joined.len() <= most || column > 64.0 {
            let mut d = String::new();
            for (at, from, to) in joined {
                let (low, high) = (y.y(from), y.y(to));
                let high = high.min(low - 1.5);
                let _ = write!(d, "M{} {}V{}", Short(at), Short(low), Short(high));
            }
            return d;
        }
        column *= 2.0;
    }
}

/// Marks that follow each other in offset within the same column of the drawing become one.
fn join(marks: &[&Mark], column: f64, x: &TimeScale) -> Vec<(f64, u64, u64)> {
    let mut joined: Vec<(f64, u64, u64)> = Vec::new();
    for mark in marks {
        let at = x.x(mark.time);
        match joined.last_mut() {
            Some((place, from, to))
                if at - *place < column && mark.bytes.0 <= *to && mark.bytes.1 >= *from =>
            {
                *to = mark.bytes.1.max(*to);
                *from = mark.bytes.0.min(*from);
            }
            _ => joined.push((at, mark.bytes.0, mark.bytes.1)),
        }
    }
    joined
}

/// A line that goes on level until it steps; of a window, only what lies within the picture.
fn stairs(
    steps: &[(i64, u64)],
    plot: &Sequence,
    x: &TimeScale,
    y: &CountScale,
    within: bool,
) -> String {
    let mut d = String::new();
    let mut pen = false;
    let mut level = None;
    let mut column = f64::MIN;
    let thin = steps.len() > plot.most.saturating_mul(2);
    for (time, value) in steps {
        let at = x.x(*time);
        if within && *value > plot.length {
            if pen {
                let _ = write!(d, "H{}", Short(at));
            }
            pen = false;
            level = None;
            continue;
        }
        if level == Some(*value) || (thin && at - column < 2.0) {
            continue;
        }
        column = at;
        if pen {
            let _ = write!(d, "H{}V{}", Short(at), Short(y.y(*value)));
        } else {
            let _ = write!(d, "M{} {}", Short(at), Short(y.y(*value)));
        }
        pen = true;
        level = Some(*value);
    }
    if pen {
        let _ = write!(d, "H{}", Short(AREA.right));
    }
    d
}

fn legend(plot: &Sequence, svg: &mut Svg) {
    let mut at = AREA.left;
    let mut entry = |class: &str, words: &str, svg: &mut Svg| {
        svg.path(class, &format!("M{} 13H{}", Short(at), Short(at + 16.0)));
        svg.text(at + 21.0, 17.0, "start", "", words);
        at += 34.0 + super::real(words.chars().count() as u64) * 6.2;
    };
    entry("data", "bytes of the picture", svg);
    if plot.marks.iter().any(|mark| mark.repeat) {
        entry("again", "sent again", svg);
    }
    if !plot.gaps.is_empty() {
        entry("hatch", "not in the capture", svg);
    }
    if !plot.acks.is_empty() {
        entry("ack", "acknowledged", svg);
    }
    if plot.windows.iter().any(|(_, end)| *end <= plot.length) {
        entry("window", "end of the receive window", svg);
    } else if !plot.windows.is_empty() {
        entry("grid", "receive window: beyond the picture throughout", svg);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(most: usize) -> Sequence {
        Sequence {
            anchor: "picture-0".to_owned(),
            length: 100_000,
            span: 1_000_000,
            marks: (0..1000)
                .map(|index: u32| Mark {
                    time: i64::from(index) * 1000,
                    bytes: (u64::from(index) * 100, u64::from(index) * 100 + 100),
                    repeat: index % 100 == 7,
                })
                .collect(),
            gaps: vec![(500, 1)],
            acks: vec![(0, 0), (500_000, 50_000)],
            most,
            ..Sequence::default()
        }
    }

    #[test]
    fn neighbours_become_one_where_there_are_too_many() {
        let fine = sequence(&plot(2000));
        let coarse = sequence(&plot(50));
        assert!(coarse.len() < fine.len());
        assert!(
            coarse.matches("class=\"again\"").count() == 2,
            "legend and strokes"
        );
        assert!(fine.contains("class=\"hatch\""));
    }

    #[test]
    fn nothing_lies_outside_the_frame() {
        let mut plot = plot(500);
        plot.acks.push((i64::MAX, u64::MAX));
        let out = sequence(&plot);
        assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
    }
}

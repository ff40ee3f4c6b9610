//! Writes SVG: numbers with one decimal, text escaped.

use std::fmt::Write as _;

/// An SVG element being written.
pub(super) struct Svg {
    out: String,
}

impl Svg {
    /// Begins a plot of this size; `label` says to a screen reader what it shows.
    pub(super) fn begin(width: f64, height: f64, label: &str) -> Self {
        let mut svg = Self {
            out: String::with_capacity(4096),
        };
        let _ = write!(
            svg.out,
            "<svg class=\"plot\" viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"group\" aria-label=\"{}\">",
            Short(width),
            Short(height),
            Short(width),
            Short(height),
            Escaped(label)
        );
        svg
    }

    pub(super) fn end(mut self) -> String {
        self.out.push_str("</svg>");
        self.out
    }

    pub(super) fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let _ = write!(
            self.out,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            Short(x),
            Short(y),
            Short(width.max(0.0)),
            Short(height.max(0.0))
        );
    }

    /// A rectangle that says in words what it is, and leads to a place of the page.
    pub(super) fn link(
        &mut self,
        target: &str,
        title: &str,
        first: bool,
        rects: &[(&str, [f64; 4])],
    ) {
        // One of many is reached by Tab, the others by arrow keys.
        let tab = if first { "0" } else { "-1" };
        let _ = write!(
            self.out,
            "<a href=\"#{}\" tabindex=\"{tab}\" aria-label=\"{}\"><title>{}</title>",
            Escaped(target),
            Escaped(title),
            Escaped(title)
        );
        for (class, [x, y, width, height]) in rects {
            self.rect(class, *x, *y, *width, *height);
        }
        self.out.push_str("</a>");
    }

    pub(super) fn path(&mut self, class: &str, d: &str) {
        if !d.is_empty() {
            let _ = write!(self.out, "<path class=\"{class}\" d=\"{d}\"/>");
        }
    }

    /// Text; `anchor` is `start`, `middle` or `end`.
    pub(super) fn text(&mut self, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
        let class = match class {
            "" => String::new(),
            class => format!(" class=\"{class}\""),
        };
        let _ = write!(
            self.out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\"{class}>{}</text>",
            Short(x),
            Short(y),
            Escaped(text)
        );
    }

    /// Hatching over an area.
    pub(super) fn hatched(&mut self, title: &str, x: f64, y: f64, width: f64, height: f64) {
        let _ = write!(self.out, "<g><title>{}</title>", Escaped(title));
        self.rect("clear gap", x, y, width, height);
        let mut d = String::new();
        let step = 7.0_f64.max(width / 200.0);
        let mut at = x - height;
        while at < x + width {
            // From the lower left to the upper right, cut to the area.
            let (mut x1, mut y1) = (at, y + height);
            let (mut x2, mut y2) = (at + height, y);
            if x1 < x {
                y1 -= x - x1;
                x1 = x;
            }
            if x2 > x + width {
                y2 += x2 - (x + width);
                x2 = x + width;
            }
            if y1 > y2 {
                let _ = write!(
                    d,
                    "M{} {}L{} {}",
                    Short(x1),
                    Short(y1),
                    Short(x2),
                    Short(y2)
                );
            }
            at += step;
        }
        self.path("hatch", &d);
        self.out.push_str("</g>");
    }
}

/// A number with at most one decimal.
pub(super) struct Short(pub(super) f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{:.1}", self.0);
        let text = text.strip_suffix(".0").unwrap_or(&text);
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

/// Text that cannot become markup.
struct Escaped<'t>(&'t str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        let mut svg = Svg::begin(10.0, 10.0, "a\"><script>");
        svg.text(0.0, 0.0, "start", "", "</text><script>'&");
        svg.link("x\" onclick=\"", "</title>", true, &[]);
        let out = svg.end();
        assert!(!out.contains("<script>"), "{out}");
        assert!(!out.contains("onclick=\""), "{out}");
        assert_eq!(out.matches("</title>").count(), 1, "{out}");
    }

    #[test]
    fn numbers_are_short() {
        for (number, text) in [(1.0, "1"), (1.25, "1.2"), (-0.01, "0"), (10.06, "10.1")] {
            assert_eq!(Short(number).to_string(), text);
        }
    }
}

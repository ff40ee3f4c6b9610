//! A plot as PNG, for documents that take no SVG.
//!
//! `resvg` draws; it knows neither custom properties of CSS nor a system's fonts, so colours are put in and letters are
//! outlines that come along ([`OUTLINES`]). The same plot gives the same bytes on every machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::LazyLock;

use image::{ImageFormat, RgbImage};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::svg::Short;
use super::{DARK, LIGHT, STYLE, Theme};

/// Letters: `character advance path` a line, the character in hexadecimal, [`EM`] units to the em, y downwards.
const OUTLINES: &str = include_str!("glyphs.txt");
const EM: f64 = 2048.0;

/// Height of the letters, as in [`STYLE`].
const FONT: f64 = 11.0;

/// Pixels of the PNG for each of the plot, where that is not too large.
const SCALE: f32 = 2.0;

/// Pixels of one PNG at most.
const MOST: f32 = 40e6;

struct Letter {
    advance: f64,
    path: &'static str,
}

static LETTERS: LazyLock<BTreeMap<char, Letter>> = LazyLock::new(|| {
    let letter = |line: &'static str| {
        let (code, rest) = line.split_once(' ')?;
        let (advance, path) = rest.split_once(' ')?;
        let character = char::from_u32(u32::from_str_radix(code, 16).ok()?)?;
        let advance = advance.parse().ok()?;
        Some((character, Letter { advance, path }))
    };
    let lines = OUTLINES.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(letter).collect()
});

/// Draws a plot, twice as large as it is; light where the theme is the reader's. Absent for what is no plot.
pub(crate) fn png(svg: &str, theme: Theme) -> Option<Vec<u8>> {
    let properties = properties(if theme == Theme::Dark { DARK } else { LIGHT });
    let style = coloured(STYLE, &properties);
    let drawn = lettered(svg)?.replacen(
        '>',
        &format!(" xmlns=\"http://www.w3.org/2000/svg\"><style>{style}</style>"),
        1,
    );
    let tree = Tree::from_str(&drawn, &Options::default()).ok()?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let scale = SCALE.min((MOST / (width * height)).sqrt());
    let size = tree.size().to_int_size().scale_by(scale)?;
    let mut pixels = Pixmap::new(size.width(), size.height())?;
    pixels.fill(colour(properties.get("paper")?)?);
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut pixels.as_mut(),
    );
    // The ground is opaque, and so is what is drawn on it.
    let rgb = pixels
        .data()
        .chunks_exact(4)
        .flat_map(|pixel| pixel.iter().take(3).copied())
        .collect();
    let picture = RgbImage::from_raw(size.width(), size.height(), rgb)?;
    let mut file = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut file), ImageFormat::Png)
        .ok()?;
    Some(file)
}

/// The colours by name, without the dashes.
fn properties(theme: &str) -> BTreeMap<&str, &str> {
    theme
        .split(';')
        .filter_map(|one| one.trim().strip_prefix("--")?.split_once(':'))
        .collect()
}

/// `#rgb` or `#rrggbb`.
fn colour(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#')?;
    let twice = digits.len() == 3;
    let channel = |number: usize| {
        if twice {
            let digit = u8::from_str_radix(digits.get(number..=number)?, 16).ok()?;
            Some(digit * 17)
        } else {
            u8::from_str_radix(digits.get(2 * number..2 * number + 2)?, 16).ok()
        }
    };
    Some(Color::from_rgba8(
        channel(0)?,
        channel(1)?,
        channel(2)?,
        255,
    ))
}

/// The style with colours in the place of their names, for letters that are outlines, and without what waits for a mouse.
fn coloured(style: &str, properties: &BTreeMap<&str, &str>) -> String {
    let mut out = String::with_capacity(style.len());
    for rule in style.split_inclusive('}') {
        if rule.contains(":hover") || rule.contains(":focus") {
            continue;
        }
        let mut rest = rule;
        while let Some((before, after)) = rest.split_once("var(--") {
            let (name, behind) = after.split_once(')').unwrap_or((after, ""));
            out.push_str(before);
            out.push_str(properties.get(name).copied().unwrap_or("none"));
            rest = behind;
        }
        out.push_str(rest);
    }
    out.replace(".plot text{", ".plot .letters{")
}

/// The plot with outlines in the place of its texts. Absent where a text is not written as [`super::svg`] writes it.
fn lettered(svg: &str) -> Option<String> {
    let mut out = String::with_capacity(svg.len() * 4);
    let mut rest = svg;
    while let Some((before, after)) = rest.split_once("<text ") {
        out.push_str(before);
        let (attributes, after) = after.split_once('>')?;
        let (content, after) = after.split_once("</text>")?;
        let value = |name: &str| {
            let (_, rest) = attributes.split_once(&format!("{name}=\""))?;
            Some(rest.split_once('"')?.0)
        };
        let number = |name: &str| value(name)?.parse::<f64>().ok();
        let (x, y) = (number("x")?, number("y")?);
        word(
            &mut out,
            &unescaped(content),
            (x, y),
            value("text-anchor")?,
            value("class").unwrap_or_default(),
        );
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn word(out: &mut String, text: &str, (x, y): (f64, f64), anchor: &str, class: &str) {
    let letter = |character: char| LETTERS.get(&character).or_else(|| LETTERS.get(&'?'));
    let width: f64 = text
        .chars()
        .filter_map(letter)
        .map(|letter| letter.advance)
        .sum();
    let size = FONT / EM;
    let from = match anchor {
        "end" => x - width * size,
        "middle" => x - width * size / 2.0,
        _ => x,
    };
    let _ = write!(
        out,
        "<g class=\"letters {class}\" transform=\"translate({from:.2} {y:.2}) scale({size:.6})\">"
    );
    let mut at = 0.0;
    for letter in text.chars().filter_map(letter) {
        if !letter.path.is_empty() {
            let _ = write!(
                out,
                "<path transform=\"translate({} 0)\" d=\"{}\"/>",
                Short(at),
                letter.path
            );
        }
        at += letter.advance;
    }
    out.push_str("</g>");
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::super::svg::Svg;
    use super::*;

    fn drawn(svg: &str, theme: Theme) -> RgbImage {
        let file = png(svg, theme).expect("a plot");
        image::load_from_memory(&file).expect("a PNG").into_rgb8()
    }

    fn plot() -> String {
        let mut svg = Svg::begin(60.0, 30.0, "a test");
        svg.rect("bar", 0.0, 0.0, 10.0, 10.0);
        svg.text(58.0, 25.0, "end", "", "µs & more");
        svg.end()
    }

    #[test]
    fn colours_are_the_theme_s_and_the_ground_is_opaque() {
        for (theme, bar, paper) in [
            (Theme::Light, [0x0b, 0x5c, 0xad], [0xff; 3]),
            (Theme::Auto, [0x0b, 0x5c, 0xad], [0xff; 3]),
            (Theme::Dark, [0x79, 0xb8, 0xff], [0x0f, 0x13, 0x18]),
        ] {
            let image = drawn(&plot(), theme);
            assert_eq!(image.dimensions(), (120, 60), "twice as large");
            assert_eq!(image.get_pixel(10, 10).0, bar, "{theme:?}");
            assert_eq!(image.get_pixel(40, 10).0, paper, "{theme:?}");
        }
    }

    #[test]
    fn letters_are_drawn_and_end_where_they_should() {
        let image = drawn(&plot(), Theme::Light);
        let inked: Vec<(u32, u32)> = image
            .enumerate_pixels()
            .filter(|(x, y, pixel)| (*x > 24 || *y > 24) && pixel.0 != [0xff; 3])
            .map(|(x, y, _)| (x, y))
            .collect();
        let right = inked.iter().map(|(x, _)| *x).max().expect("letters");
        let left = inked.iter().map(|(x, _)| *x).min().expect("letters");
        assert!((110..=116).contains(&right), "{right}");
        assert!(left < 30, "{left}");
        assert!(inked.iter().all(|(_, y)| (30..58).contains(y)));
    }

    #[test]
    fn there_is_an_outline_for_each_letter_that_plots_have() {
        for character in (' '..='~').chain("µ×·–—…".chars()) {
            assert!(LETTERS.contains_key(&character), "{character}");
        }
        // What has none is a question mark, and no hole.
        let asked = lettered("<svg><text x=\"0\" y=\"0\" text-anchor=\"start\">漢</text></svg>");
        let mark = LETTERS[&'?'].path;
        assert!(asked.expect("a plot").contains(mark));
    }

    #[test]
    fn every_colour_of_the_style_has_a_value() {
        for theme in [LIGHT, DARK] {
            let properties = properties(theme);
            for name in STYLE.split("var(--").skip(1) {
                let name = name.split_once(')').expect("its end").0;
                let value = properties.get(name).expect(name);
                assert!(colour(value).is_some(), "{name}: {value}");
            }
            assert!(!coloured(STYLE, &properties).contains("var("));
        }
    }
}

//! Framings that people might make up: many layouts with fields in random order, and messages of them.

#![allow(
    dead_code,
    reason = "every test file is a crate of its own and uses a part of this"
)]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a helper of a test may fail as the test may"
)]

use imgnet::wire::Layout;
use imgnet::wire::layout::encode::Facts;

/// Numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap_or(0)
    }

    fn pick<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.roll(choices.len())]
    }
}

const WIDTH: u32 = 48;
const HEIGHT: u32 = 40;

pub(crate) fn pixels(seed: u32) -> image::RgbImage {
    image::RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap_or(0);
        image::Rgb([
            byte(x * 5 + seed),
            byte(y * 6),
            byte(x + y + (x * y * seed) % 23),
        ])
    })
}

/// Three pictures of one kind: `jpeg`, `png` or `raw`.
pub(crate) fn pictures(kind: &str) -> Vec<Vec<u8>> {
    (1..4)
        .map(|seed| {
            let picture = pixels(seed);
            let format = match kind {
                "jpeg" => image::ImageFormat::Jpeg,
                "png" => image::ImageFormat::Png,
                _ => return picture.into_raw(),
            };
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).unwrap();
            bytes.into_inner()
        })
        .collect()
}

pub(crate) fn facts(number: usize) -> Facts {
    Facts {
        width: u64::from(WIDTH),
        height: u64::from(HEIGHT),
        channels: 3,
        name: format!("picture-{number}.jpg"),
        number: number as u64,
        time: 1_700_000 + 33 * number as u64,
        ..Facts::default()
    }
}

/// A header with a length somewhere among other fields.
fn header(dice: &mut Dice) -> String {
    let order = dice.pick(&["be", "le"]);
    let length = match dice.roll(10) {
        4 => format!("u64{order} length"),
        5 => format!("u32{order} length(rest)"),
        6 => format!("u32{order} length(all)"),
        7 => "dec(until \"\\n\") length".to_owned(),
        8 => format!("dec({}) length", dice.pick(&["10", "16", "20"])),
        _ => format!("u32{order} length"),
    };
    let mut fields = vec![length];
    for _ in 0..dice.roll(5) {
        let field = match dice.roll(8) {
            0 => "\"IMGS\"".to_owned(),
            1 => format!("u32{order} number"),
            2 => format!("u32{order} time"),
            3 => format!("u16{order} width, u16{order} height"),
            4 => format!("u32{order} width, u32{order} height"),
            5 => "u8 pixel-type".to_owned(),
            6 => format!("u32{order} crc32"),
            _ => "bytes(4)".to_owned(),
        };
        let name = field.rsplit(' ').next().unwrap_or_default().to_owned();
        let again = fields.iter().any(|known: &String| known.ends_with(&name));
        if !again {
            let at = dice.roll(fields.len() + 1);
            fields.insert(at, field);
        }
    }
    // A text with a terminator stands alone, as people write it.
    if fields.iter().any(|field| field.contains("until")) {
        fields.retain(|field| field.contains("until"));
    }
    fields.join(", ")
}

/// One message's bytes.
pub(crate) fn message(layout: &Layout, picture: &[u8], number: usize) -> Vec<u8> {
    layout
        .pieces(picture, 1400, &facts(number))
        .unwrap()
        .into_iter()
        .flat_map(|piece| piece.bytes.into_owned())
        .collect()
}

/// The pictures of the generator's layouts, sixty of them, with the line of each.
pub(crate) fn layouts() -> Vec<(String, &'static str)> {
    let mut dice = Dice(20_261_126);
    let kinds = ["jpeg", "png", "raw"];
    (0..60)
        .map(|at| {
            let kind = kinds[at % 3];
            let payload = if kind == "raw" {
                "pixels(bgr)"
            } else {
                "picture"
            };
            (format!("layout {}, {payload}", header(&mut dice)), kind)
        })
        .collect()
}

/// The same header before another kind of picture.
pub(crate) fn of_kind(line: &str, kind: &str) -> String {
    let header = line
        .trim_end_matches("pixels(bgr)")
        .trim_end_matches("picture");
    let payload = if kind == "raw" {
        "pixels(bgr)"
    } else {
        "picture"
    };
    format!("{header}{payload}")
}

/// The message with the length in its header off by so much: the header of a longer picture, and this one.
pub(crate) fn lying(layout: &Layout, picture: &[u8], number: usize, more: usize) -> Vec<u8> {
    let longer = [picture, &vec![0; more]].concat();
    let whole = message(layout, picture, number);
    let lie = message(layout, &longer, number);
    let header = whole.len() - picture.len();
    [&lie[..header.min(lie.len())], picture].concat()
}

/// Forty framings of datagrams.
pub(crate) fn datagram_layouts() -> Vec<String> {
    let mut dice = Dice(4_040);
    (0..40)
        .map(|_| {
            let order = dice.pick(&["be", "le"]);
            let width = dice.pick(&["u16", "u32"]);
            let number = match dice.roll(5) {
                0 => format!("{width}{order} index"),
                1 => format!("{width}{order} index+1"),
                2 => format!("{width}{order} left"),
                3 => format!("u32{order} offset"),
                _ => "u8 index".to_owned(),
            };
            let mut fields = vec![number];
            match dice.roll(4) {
                0 => fields.push(format!("{width}{order} count")),
                1 => fields.push("u8 last".to_owned()),
                2 => fields.push(format!("u32{order} total")),
                _ => {}
            }
            if dice.roll(3) == 0 {
                fields.insert(0, format!("u16{order} frame"));
            }
            format!("layout udp; piece: {}, data", fields.join(", "))
        })
        .collect()
}

pub(crate) fn datagrams(layout: &Layout, sent: &[Vec<u8>]) -> Vec<Vec<u8>> {
    sent.iter()
        .enumerate()
        .flat_map(|(at, picture)| {
            layout
                .pieces(picture, 90, &facts(at))
                .unwrap()
                .into_iter()
                .map(|piece| piece.bytes.into_owned())
        })
        .collect()
}

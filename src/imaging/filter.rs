//! The filters of the pipeline's workers, pixel for pixel those of Pillow (`ImageFilter`, `convert("L")`, `ImageOps.invert`).

use std::fmt;
use std::str::FromStr;

use image::{ColorType, DynamicImage};

use super::strips::from_samples;
use crate::picture::{eight_bits, is_cmyk};

/// A filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filter {
    /// `FIND_EDGES`.
    FindEdges,
    /// `CONTOUR`.
    Contour,
    /// `BLUR`, 5×5.
    Blur,
    /// `SHARPEN`.
    Sharpen,
    /// `EMBOSS`.
    Emboss,
    /// `EDGE_ENHANCE`.
    EdgeEnhance,
    /// `convert("L")`: luma of ITU-R BT.601.
    Grayscale,
    /// Every colour sample *v* becomes 255 − *v*; alpha stays.
    Invert,
}

/// The text names no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown filter {given:?}; known: {}", Filter::ALL.map(Filter::name).join(", "))]
pub struct UnknownFilter {
    /// What was given.
    pub given: String,
}

/// Why a picture is not filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfiltered {
    /// A JPEG of four inks.
    #[error(
        "it is a CMYK JPEG, whose inks are not filtered: convert it to RGB first (Pillow: image.convert(\"RGB\"))"
    )]
    Cmyk,
    /// Grey of 16 bits, which Pillow refuses too.
    #[error(
        "it is grey with 16 bits a pixel, which is not filtered: convert it to 8 bits first (Pillow refuses it too)"
    )]
    DeepGrey,
}

impl Filter {
    /// All filters.
    pub const ALL: [Self; 8] = [
        Self::FindEdges,
        Self::Contour,
        Self::Blur,
        Self::Sharpen,
        Self::Emboss,
        Self::EdgeEnhance,
        Self::Grayscale,
        Self::Invert,
    ];

    /// Its name, as `--filter` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FindEdges => "find-edges",
            Self::Contour => "contour",
            Self::Blur => "blur",
            Self::Sharpen => "sharpen",
            Self::Emboss => "emboss",
            Self::EdgeEnhance => "edge-enhance",
            Self::Grayscale => "grayscale",
            Self::Invert => "invert",
        }
    }

    /// Filters the picture of a file.
    ///
    /// # Errors
    /// [`Unfiltered`], where Pillow makes something else of such a file than of its colours.
    pub fn applied(self, file: &[u8], image: &DynamicImage) -> Result<DynamicImage, Unfiltered> {
        if is_cmyk(file) {
            return Err(Unfiltered::Cmyk);
        }
        if image.color() == ColorType::L16 {
            return Err(Unfiltered::DeepGrey);
        }
        Ok(self.apply(image))
    }

    /// Filters a picture. Depth above 8 bits is dropped first. Kernels take every channel, alpha too, as Pillow's do.
    pub fn apply(self, image: &DynamicImage) -> DynamicImage {
        let image = eight_bits(image);
        match self {
            Self::FindEdges => FIND_EDGES.apply(&image),
            Self::Contour => CONTOUR.apply(&image),
            Self::Blur => BLUR.apply(&image),
            Self::Sharpen => SHARPEN.apply(&image),
            Self::Emboss => EMBOSS.apply(&image),
            Self::EdgeEnhance => EDGE_ENHANCE.apply(&image),
            Self::Grayscale => grayscale(&image),
            Self::Invert => invert(image),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Filter {
    type Err = UnknownFilter;

    fn from_str(text: &str) -> Result<Self, UnknownFilter> {
        let named = Self::ALL.into_iter().find(|filter| filter.name() == text);
        named.ok_or_else(|| UnknownFilter { given: text.into() })
    }
}

/// A square kernel of odd size, as Pillow's `ImageFilter.Kernel` has it: weights, scale and offset.
struct Kernel {
    size: usize,
    weights: &'static [i32],
    scale: i32,
    offset: i32,
}

const FIND_EDGES: Kernel = Kernel {
    size: 3,
    weights: &[-1, -1, -1, -1, 8, -1, -1, -1, -1],
    scale: 1,
    offset: 0,
};
const CONTOUR: Kernel = Kernel {
    offset: 255,
    ..FIND_EDGES
};
const SHARPEN: Kernel = Kernel {
    size: 3,
    weights: &[-2, -2, -2, -2, 32, -2, -2, -2, -2],
    scale: 16,
    offset: 0,
};
const EMBOSS: Kernel = Kernel {
    size: 3,
    weights: &[-1, 0, 0, 0, 1, 0, 0, 0, 0],
    scale: 1,
    offset: 128,
};
const EDGE_ENHANCE: Kernel = Kernel {
    size: 3,
    weights: &[-1, -1, -1, -1, 10, -1, -1, -1, -1],
    scale: 2,
    offset: 0,
};
#[rustfmt::skip]
const BLUR: Kernel = Kernel {
    size: 5,
    weights: &[
        1, 1, 1, 1, 1,
        1, 0, 0, 0, 1,
        1, 0, 0, 0, 1,
        1, 0, 0, 0, 1,
        1, 1, 1, 1, 1,
    ],
    scale: 16,
    offset: 0,
};

impl Kernel {
    /// Pixels nearer to the border than the kernel reaches are copied, and so is a picture smaller than the kernel.
    fn apply(&self, image: &DynamicImage) -> DynamicImage {
        let channels = usize::from(image.color().channel_count());
        let row_bytes = (image.width() as usize).saturating_mul(channels).max(1);
        let input = image.as_bytes();
        let mut output = input.to_vec();
        let reach = self.size / 2;
        let border = reach.saturating_mul(channels);
        let inner = row_bytes.saturating_sub(border.saturating_mul(2));
        let rows: Vec<&[u8]> = input.chunks_exact(row_bytes).collect();
        if (image.width() as usize) < self.size {
            return image.clone();
        }
        // At most 16 × 2 × 255 in amount: far from the end of i32.
        let mut sums = vec![0i32; inner];
        let targets = output.chunks_exact_mut(row_bytes).skip(reach);
        for (around, target) in rows.windows(self.size).zip(targets) {
            sums.fill(0);
            // Pillow applies kernels upside down: their first row of weights to the lowest row of pixels.
            for (weights, row) in self
                .weights
                .chunks_exact(self.size)
                .zip(around.iter().rev())
            {
                for (column, &weight) in weights.iter().enumerate() {
                    let from = row
                        .get(column.saturating_mul(channels)..)
                        .unwrap_or_default();
                    if weight != 0 {
                        for (sum, &sample) in sums.iter_mut().zip(from) {
                            *sum = sum.wrapping_add(weight.wrapping_mul(i32::from(sample)));
                        }
                    }
                }
            }
            for (target, &sum) in target.iter_mut().skip(border).zip(&sums) {
                *target = self.sample(sum);
            }
        }
        rebuilt(image, output)
    }

    /// sum ÷ scale + offset, rounded half up, held to 0 to 255.
    fn sample(&self, sum: i32) -> u8 {
        let halves = sum.wrapping_mul(2).wrapping_add(self.scale);
        let value = halves
            .div_euclid(self.scale.wrapping_mul(2))
            .wrapping_add(self.offset);
        u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
    }
}

/// Pillow's `L24`: (19595 R + 38470 G + 7471 B + 2^15) ÷ 2^16. A picture without colour stays as it is, less its alpha.
fn grayscale(image: &DynamicImage) -> DynamicImage {
    let channels = usize::from(image.color().channel_count());
    let samples = image
        .as_bytes()
        .chunks_exact(channels.max(1))
        .map(|pixel| match *pixel {
            [red, green, blue, ..] => {
                let [red, green, blue] = [red, green, blue].map(u32::from);
                let sum = red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000;
                u8::try_from(sum >> 16).unwrap_or(u8::MAX)
            }
            [grey, ..] => grey,
            [] => 0,
        });
    let samples = samples.collect();
    from_samples(image.width(), image.height(), samples, ColorType::L8)
        .unwrap_or_else(|| image.clone())
}

fn invert(mut image: DynamicImage) -> DynamicImage {
    image.invert();
    image
}

/// A picture like `image` with other samples, of which there are as many.
fn rebuilt(image: &DynamicImage, samples: Vec<u8>) -> DynamicImage {
    from_samples(image.width(), image.height(), samples, image.color())
        .unwrap_or_else(|| image.clone())
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::picture::compare::pixels;
    use crate::picture::{DecodeLimits, decode};

    macro_rules! fixture {
        ($name:literal) => {
            decode(
                include_bytes!(concat!(
                    "../../tests/fixtures/pictures/filters/",
                    $name,
                    ".png"
                )),
                &DecodeLimits::default(),
            )
            .unwrap()
        };
    }

    /// The fixtures were written by Pillow (`make-filters.py` beside them).
    #[test]
    fn every_filter_equals_pillow_s() {
        let (source, alpha) = (fixture!("source"), fixture!("alpha-source"));
        let grey = fixture!("grayscale");
        assert_eq!(grey.color(), ColorType::L8);
        for (filter, source, expected) in [
            (Filter::FindEdges, &source, fixture!("find-edges")),
            (Filter::Contour, &source, fixture!("contour")),
            (Filter::Blur, &source, fixture!("blur")),
            (Filter::Sharpen, &source, fixture!("sharpen")),
            (Filter::Emboss, &source, fixture!("emboss")),
            (Filter::EdgeEnhance, &source, fixture!("edge-enhance")),
            (Filter::Grayscale, &source, fixture!("grayscale")),
            (Filter::Invert, &source, fixture!("invert")),
            (Filter::Blur, &grey, fixture!("grey-blur")),
            (Filter::Emboss, &grey, fixture!("grey-emboss")),
            (Filter::Blur, &alpha, fixture!("alpha-blur")),
            (Filter::Emboss, &alpha, fixture!("alpha-emboss")),
        ] {
            let filtered = filter.apply(source);
            assert_eq!(filtered.color(), expected.color(), "{filter}");
            let compared = pixels(&expected, &filtered);
            assert!(compared.equal(), "{filter}: {compared:?}");
        }
    }

    #[test]
    fn pictures_smaller_than_the_kernel_are_copied() {
        for (width, height) in [(0, 0), (1, 1), (2, 9), (9, 2), (1, 5), (4, 4)] {
            let image: DynamicImage = RgbImage::from_fn(width, height, |x, y| {
                Rgb([x, y, 9].map(|value| (value & 0xff) as u8))
            })
            .into();
            for filter in Filter::ALL {
                let filtered = filter.apply(&image);
                assert_eq!((filtered.width(), filtered.height()), (width, height));
            }
            assert!(pixels(&image, &Filter::Blur.apply(&image)).equal());
        }
    }

    #[test]
    fn names_are_read_back() {
        for filter in Filter::ALL {
            assert_eq!(filter.to_string().parse(), Ok(filter));
        }
        let error = "edges".parse::<Filter>().unwrap_err().to_string();
        assert!(error.contains("find-edges"), "{error}");
    }
}

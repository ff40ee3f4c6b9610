//! Raw pixels behind headers of many kinds, and behind none: listed with width and height, extracted as PNG, compared with the
//! decoded file; a wrong reshape and swapped colours are named.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail as the test may"
)]

use crate::support;
use crate::verified;

use crate::support::{imgnet, list, number, text};
use crate::verified::{stream, verify};
use image::{ImageFormat, RgbImage};

const WIDTH: u32 = 160;
const HEIGHT: u32 = 96;

fn pixels(seed: u32) -> RgbImage {
    let mut noise = seed;
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wave = |value: f64| value.sin() * 60.0 + f64::from(noise >> 30);
        let (x, y) = (f64::from(x), f64::from(y));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "below 256"
        )]
        let byte = |value: f64| value as u8;
        let seed = f64::from(seed);
        image::Rgb([
            byte(128.0 + wave(x / 17.0 + seed)),
            byte(110.0 + wave((x + y) / 23.0)),
            byte(90.0 + wave(y / 13.0 + seed)),
        ])
    })
}

fn png(pixels: &RgbImage) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    pixels
        .write_to(&mut file, ImageFormat::Png)
        .expect("it is encoded");
    file.into_inner()
}

fn bgr(pixels: &RgbImage) -> Vec<u8> {
    pixels
        .pixels()
        .flat_map(|pixel| [pixel.0[2], pixel.0[1], pixel.0[0]])
        .collect()
}

fn numbers(big_endian: bool, width: usize, values: &[u32]) -> Vec<u8> {
    let one = |value: &u32| {
        let bytes = u64::from(*value).to_be_bytes();
        let mut bytes = bytes[8 - width..].to_vec();
        if !big_endian {
            bytes.reverse();
        }
        bytes
    };
    values.iter().flat_map(one).collect()
}

fn npy(pixels: &RgbImage) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({HEIGHT}, {WIDTH}, 3), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let length = u16::try_from(text.len()).expect("short").to_le_bytes();
    [
        b"\x93NUMPY\x01\0",
        &length[..],
        text.as_bytes(),
        &bgr(pixels),
    ]
    .concat()
}

fn ros(pixels: &RgbImage) -> Vec<u8> {
    let data = bgr(pixels);
    let length = u32::try_from(data.len()).expect("small");
    let fields = [
        numbers(false, 4, &[1, 2, 3, 6]),
        b"camera".to_vec(),
        numbers(false, 4, &[HEIGHT, WIDTH, 4]),
        b"bgr8\0".to_vec(),
        numbers(false, 4, &[WIDTH * 3, length]),
        data,
    ]
    .concat();
    let all = u32::try_from(fields.len()).expect("small");
    [numbers(false, 4, &[all]), fields].concat()
}

/// What a program sends of a picture.
type Sent = fn(&RgbImage) -> Vec<u8>;

const HEADERS: &[(&str, Sent)] = &[
    ("width, height, channels", |pixels| {
        [numbers(true, 4, &[WIDTH, HEIGHT, 3]), bgr(pixels)].concat()
    }),
    ("channels, height, width", |pixels| {
        [numbers(false, 2, &[3, HEIGHT, WIDTH]), bgr(pixels)].concat()
    }),
    ("64 bits each", |pixels| {
        [numbers(false, 8, &[HEIGHT, WIDTH, 3]), bgr(pixels)].concat()
    }),
    ("width, height", |pixels| {
        [numbers(true, 4, &[WIDTH, HEIGHT]), bgr(pixels)].concat()
    }),
    ("16 bits, RGB", |pixels| {
        [numbers(false, 2, &[HEIGHT, WIDTH]), pixels.as_raw().clone()].concat()
    }),
    ("a length before", |pixels| {
        [
            numbers(true, 4, &[WIDTH * HEIGHT * 3, WIDTH, HEIGHT]),
            bgr(pixels),
        ]
        .concat()
    }),
    ("NumPy", npy),
    ("ROS", ros),
    ("no header", bgr),
];

#[test]
fn listed_extracted_and_compared() {
    let mut failures = Vec::new();
    let original = pixels(1);
    let file = png(&original);
    for (name, sent) in HEADERS {
        let scenario = stream(&sent(&original));
        let folder = tempfile::tempdir().expect("a folder");
        let capture = folder.path().join("cap.pcap");
        verified::write(&scenario, &capture);
        let report = support::report(&capture);
        let images = list(&report, "images");
        let sizes: Vec<_> = images
            .iter()
            .map(|image| (image["width"].as_u64(), image["height"].as_u64()))
            .collect();
        if sizes != [(Some(u64::from(WIDTH)), Some(u64::from(HEIGHT)))] {
            failures.push(format!("{name}: {sizes:?}"));
            continue;
        }
        let out = folder.path().join("out");
        let arguments = [
            "analyze".into(),
            capture.into_os_string(),
            "--extract".into(),
            out.clone().into_os_string(),
        ];
        assert!(imgnet(&arguments).status.success());
        let extracted = std::fs::read_dir(out)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .next()
            .expect("a file");
        let mut pixels = image::open(&extracted).expect("a PNG").to_rgb8();
        if name.ends_with("RGB") {
            // Nothing says which it is.
            pixels.pixels_mut().for_each(|pixel| pixel.0.reverse());
        }
        if pixels != original {
            failures.push(format!("{name}: other pixels in {}", extracted.display()));
        }
        let files: verified::Files<'_> = &[("a.png", &file)];
        let verified = verify(&scenario, files, files);
        if verified.exit != 0 || !verified.accusations().is_empty() {
            failures.push(format!(
                "{name}: {} {:?}",
                verified.exit,
                verified.accusations()
            ));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn two_in_a_row_and_damaged_ones() {
    let mut failures = Vec::new();
    let (one, two) = (pixels(1), pixels(2));
    let (first, second) = (png(&one), png(&two));
    for (name, sent) in HEADERS {
        let both: verified::Files<'_> = &[("a.png", &first), ("b.png", &second)];
        let verified = verify(&stream(&[sent(&one), sent(&two)].concat()), both, both);
        if verified.exit != 0 {
            failures.push(format!(
                "{name}, two: {} {:?}",
                verified.exit,
                verified.blamed()
            ));
        }
        let whole = sent(&one);
        let verified = verify(&stream(&whole[..whole.len() - 5000]), &both[..1], &[]);
        if (verified.exit, verified.blamed()) != (1, Some("sender")) {
            failures.push(format!(
                "{name}, cut: {} {:?}",
                verified.exit,
                verified.blamed()
            ));
        }
        let mut changed = whole;
        let at = changed.len() - 9000;
        changed[at] ^= 0x40;
        let verified = verify(&stream(&changed), &both[..1], &[]);
        let first = verified
            .compared("mismatch")
            .map(|mismatch| number(mismatch, "first_difference"));
        let place = u64::from(WIDTH * HEIGHT * 3) - 9000;
        if (verified.exit, verified.blamed(), first) != (1, Some("sender"), Some(place)) {
            failures.push(format!(
                "{name}, changed: {} {:?} {first:?}",
                verified.exit,
                verified.blamed()
            ));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn misreadings_of_the_receiver_are_named() {
    let original = pixels(1);
    let sent = [numbers(true, 4, &[WIDTH, HEIGHT]), bgr(&original)].concat();
    let file = png(&original);
    let mut swapped = original.clone();
    swapped.pixels_mut().for_each(|pixel| pixel.0.reverse());
    let mut reshaped = RgbImage::from_raw(HEIGHT, WIDTH, bgr(&original)).expect("as many pixels");
    reshaped.pixels_mut().for_each(|pixel| pixel.0.reverse());
    let flipped = image::imageops::flip_vertical(&original);
    for (got, words) in [
        (&swapped, "red and blue"),
        (&reshaped, "width and height are swapped"),
        (&flipped, "upside down"),
    ] {
        let verified = verify(
            &stream(&sent),
            &[("a.png", &file)],
            &[("got.png", &png(got))],
        );
        assert_eq!(
            (verified.exit, verified.blamed()),
            (1, Some("receiver")),
            "{words}"
        );
        let damage = text(
            verified.compared("mismatch").expect("a difference"),
            "damage",
        );
        assert!(damage.contains(words), "{words}: {damage}");
    }
    // From the bottom row up on the wire, and read so.
    let upward = [numbers(true, 4, &[WIDTH, HEIGHT]), bgr(&flipped)].concat();
    let files: verified::Files<'_> = &[("a.png", &file)];
    assert_eq!(verify(&stream(&upward), files, files).exit, 0);
}

/// A picture file stores its pixels in its own way: that they are the file's does not make it the file.
#[test]
fn pixels_inside_another_picture_file_are_no_match() {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    let original = pixels(5);
    let encoded = |compression, filter| {
        let mut file = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut file, compression, filter);
        original.write_with_encoder(encoder).expect("it is encoded");
        file
    };
    let stored = encoded(CompressionType::Uncompressed, FilterType::NoFilter);
    let mut bitmap = std::io::Cursor::new(Vec::new());
    original
        .write_to(&mut bitmap, ImageFormat::Bmp)
        .expect("it is encoded");
    let sent = png(&original);
    for (wire, what) in [
        (&stored, "a PNG without compression"),
        (
            &encoded(CompressionType::Best, FilterType::NoFilter),
            "a PNG without filters",
        ),
        (&bitmap.into_inner(), "a BMP"),
    ] {
        let verified = verify(&stream(wire), &[("a.png", &sent)], &[]);
        assert_eq!(
            (verified.exit, text(&verified.report, "verdict")),
            (1, "mismatch"),
            "{what}"
        );
        // And of the file itself each byte counts: signature, headers, data, checksums, end.
        for place in (0..60)
            .step_by(7)
            .chain((60..wire.len()).step_by(wire.len() / 4))
        {
            for at in [place, wire.len() - 1 - place] {
                let mut changed = wire.clone();
                changed[at] ^= 0x21;
                let verified = verify(&stream(&changed), &[("a", wire)], &[]);
                assert_ne!(verified.exit, 0, "{what}: byte {at}");
            }
        }
    }
}

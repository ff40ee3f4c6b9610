use image::ImageFormat;

use super::super::testing::{Seen, fixtures, picture, pictures, run};
use super::*;

fn decode(parts: &[&[u8]]) -> (Vec<Seen>, Protocol) {
    let mut decoder = CarveDecoder::new();
    let seen = run(|sink| {
        for part in parts {
            decoder.update(part, sink);
        }
        decoder.finish(StreamEnd::Fin, sink);
    });
    (seen, decoder.protocol())
}

#[test]
fn pictures_are_found_among_other_bytes() {
    for picture in fixtures() {
        let (seen, protocol) = decode(&[b"name.jpg 123 ", picture, b"\r\nBMW", picture, b"x"]);
        assert_eq!(
            seen,
            [
                Seen::Stray(b"name.jpg 123 ".to_vec()),
                Seen::Start(None),
                Seen::Data(picture.clone()),
                Seen::End(Ending::Structure),
                Seen::Stray(b"\r\nBMW".to_vec()),
                Seen::Start(None),
                Seen::Data(picture.clone()),
                Seen::End(Ending::Structure),
                Seen::Stray(b"x".to_vec()),
            ]
        );
        assert_eq!(protocol, Protocol::Carve);
    }
}

#[test]
fn marker_behind_a_picture_tells_the_format() {
    let jpeg = picture(ImageFormat::Jpeg, 24, 17);
    for marker in KNOWN_MARKERS {
        let (seen, protocol) = decode(&[&jpeg, marker, &jpeg, marker]);
        assert_eq!(protocol, Protocol::Marker(marker.into()));
        assert_eq!(seen[3], Seen::Framing(Framing::Marker, marker.len() as u64));
        assert_eq!(pictures(&seen).len(), 2);
        assert!(!seen.iter().any(|event| matches!(event, Seen::Stray(_))));
    }
    let (seen, protocol) = decode(&[&jpeg, b"<END OF", b" TIME>"]);
    assert_eq!(protocol, Protocol::Carve);
    assert_eq!(seen.last(), Some(&Seen::Stray(b"<END OF TIME>".to_vec())));
}

#[test]
fn one_picture_and_fin_is_eof() {
    let png = picture(ImageFormat::Png, 24, 17);
    assert_eq!(decode(&[&png]).1, Protocol::Eof);
    // A byte too many makes no other format of it.
    assert_eq!(decode(&[&png, b"x"]).1, Protocol::Eof);
    assert_eq!(decode(&[&png, b"xyz", b"zz"]).1, Protocol::Carve);
    assert_eq!(decode(&[b"x", &png]).1, Protocol::Carve);
    assert_eq!(decode(&[&png, &png]).1, Protocol::Carve);
    let mut reset = CarveDecoder::new();
    run(|sink| {
        reset.update(&png, sink);
        reset.finish(StreamEnd::Reset, sink);
    });
    assert_eq!(reset.protocol(), Protocol::Carve);
}

#[test]
fn document_is_left_alone() {
    let jpeg = picture(ImageFormat::Jpeg, 24, 17);
    let stream = [b"%PDF-1.7 stream ".as_slice(), &jpeg].concat();
    assert_eq!(decode(&[&stream]).0, [Seen::Stray(stream.clone())]);
    assert_eq!(decode(&[b"%P", &stream[2..]]).0, [Seen::Stray(stream)]);
}

#[test]
fn picture_behind_one_that_broke_off_is_found_at_its_start() {
    let second = picture(ImageFormat::Jpeg, 24, 17);
    for first in fixtures() {
        for end in [first.len() / 2, first.len() - 2] {
            // What a length covers swallows beginnings of the next ones, but not all of them.
            let stream = [&first[..end], &second, &second, &second].concat();
            let (seen, _) = decode(&[&stream]);
            let found = pictures(&seen).last() == Some(&(second.clone(), Ending::Structure));
            assert!(found, "behind {end} of {} bytes", first.len());
        }
    }
    let jpeg = second;
    let cut = &jpeg[..jpeg.len() - 20];
    let (seen, _) = decode(&[cut, &jpeg]);
    assert_eq!(
        pictures(&seen),
        [
            (cut.to_vec(), Ending::Broken),
            (jpeg.clone(), Ending::Structure)
        ]
    );
}

#[test]
fn gap_may_end_a_picture_of_known_length() {
    let bmp = picture(ImageFormat::Bmp, 9, 7);
    let mut decoder = CarveDecoder::new();
    let seen = run(|sink| {
        decoder.update(&bmp[..60], sink);
        decoder.gap(bmp.len() as u64 - 60 + 5, sink);
        decoder.update(&bmp, sink);
        decoder.finish(StreamEnd::Unfinished, sink);
    });
    assert_eq!(
        seen,
        [
            Seen::Start(None),
            Seen::Data(bmp[..60].to_vec()),
            Seen::Gap(bmp.len() as u64 - 60),
            Seen::End(Ending::Structure),
            Seen::StrayGap(5),
            Seen::Start(None),
            Seen::Data(bmp.clone()),
            Seen::End(Ending::Structure),
        ]
    );
}

#[test]
fn stream_that_ends_inside_a_picture_cuts_it() {
    let jpeg = picture(ImageFormat::Jpeg, 24, 17);
    let (seen, protocol) = decode(&[&jpeg[..200]]);
    assert_eq!(
        pictures(&seen),
        [(jpeg[..200].to_vec(), Ending::Cut(StreamEnd::Fin))]
    );
    assert_eq!(protocol, Protocol::Carve);
}

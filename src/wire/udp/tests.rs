use image::ImageFormat;

use super::super::testing::{Seen, picture, pictures, run};
use super::*;

fn decode<'p>(datagrams: impl IntoIterator<Item = &'p [u8]>, end: StreamEnd) -> Vec<Seen> {
    let mut decoder = UdpDecoder::default();
    run(|sink| {
        for datagram in datagrams {
            decoder.datagram(datagram, sink);
        }
        decoder.finish(end, sink);
    })
}

#[test]
fn picture_ends_with_an_empty_datagram() {
    let jpeg = picture(ImageFormat::Jpeg, 60, 40);
    for size in [1, 7, 100, 10_000] {
        let datagrams = std::iter::once(&b"hello"[..])
            .chain(jpeg.chunks(size))
            .chain([&b""[..], b"", b"bye"]);
        assert_eq!(
            decode(datagrams, StreamEnd::Idle),
            [
                Seen::Stray(b"hello".to_vec()),
                Seen::Start(None),
                Seen::Data(jpeg.clone()),
                Seen::End(Ending::EmptyDatagram),
                Seen::Framing(Framing::EndDatagram, 0),
                Seen::Framing(Framing::EndDatagram, 0),
                Seen::Stray(b"bye".to_vec()),
            ],
            "datagrams of {size}"
        );
    }
}

#[test]
fn structure_ends_pictures_where_nothing_else_does() {
    let jpeg = picture(ImageFormat::Jpeg, 60, 40);
    let png = picture(ImageFormat::Png, 20, 10);
    let datagrams = jpeg
        .chunks(500)
        .chain([&png[..]])
        .chain(jpeg.chunks(500))
        .chain([&b"what follows is not one"[..]]);
    let seen = decode(datagrams, StreamEnd::Idle);
    assert_eq!(
        pictures(&seen),
        [
            (jpeg.clone(), Ending::Structure),
            (png, Ending::Structure),
            (jpeg, Ending::Structure)
        ]
    );
    assert_eq!(
        seen.last(),
        Some(&Seen::Stray(b"what follows is not one".to_vec()))
    );
}

#[test]
fn lost_datagrams_leave_one_picture_that_is_not_whole() {
    let jpeg = picture(ImageFormat::Jpeg, 60, 40);
    let pieces: Vec<&[u8]> = jpeg.chunks(400).collect();
    let (last, others) = pieces.split_last().unwrap();
    assert_eq!(
        pictures(&decode(others.iter().copied(), StreamEnd::Idle)),
        [(others.concat(), Ending::Cut(StreamEnd::Idle))]
    );
    // Without its end, the next picture's first datagram ends it.
    let both = others.iter().copied().chain(jpeg.chunks(400));
    assert_eq!(
        pictures(&decode(both, StreamEnd::Idle)),
        [
            (others.concat(), Ending::Broken),
            (jpeg.clone(), Ending::Structure)
        ]
    );
    // Without its beginning there is no picture.
    let seen = decode(pieces[1..].iter().copied(), StreamEnd::Idle);
    assert_eq!(seen, [Seen::Stray(pieces[1..].concat())]);
    assert!(!last.is_empty());
}

#[test]
fn bytes_behind_the_end_in_the_same_datagram_are_stray() {
    let jpeg = picture(ImageFormat::Jpeg, 10, 10);
    let datagram = [&jpeg[..], b"tail"].concat();
    assert_eq!(
        decode([&datagram[..], b""], StreamEnd::Fin),
        [
            Seen::Start(None),
            Seen::Data(jpeg),
            Seen::End(Ending::Structure),
            Seen::Stray(b"tail".to_vec()),
            Seen::Framing(Framing::EndDatagram, 0),
        ]
    );
}

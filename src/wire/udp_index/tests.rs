use image::ImageFormat;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::testing::{Seen, picture, pictures, run};
use super::super::{Piece, decoder, pieces};
use super::*;

fn names() -> Vec<String> {
    let mut names = Vec::new();
    for numbering in NUMBERINGS {
        for number in NUMBERS {
            names.push(Protocol::UdpIndex(Some(IndexHeader { numbering, number })).to_string());
        }
    }
    names
}

fn datagrams(protocol: &Protocol, picture: &[u8], chunk: usize) -> Vec<Vec<u8>> {
    pieces(protocol, picture, chunk)
        .unwrap()
        .map(|piece: Piece<'_>| piece.bytes.into_owned())
        .collect()
}

fn decode(mut decoder: UdpIndexDecoder, datagrams: &[Vec<u8>]) -> (Vec<Seen>, Protocol) {
    let seen = run(|sink| {
        for datagram in datagrams {
            decoder.datagram(datagram, sink);
        }
        decoder.finish(StreamEnd::Idle, sink);
    });
    (seen, decoder.protocol())
}

#[test]
fn every_numbering_is_read_and_found_out() {
    let jpeg = picture(ImageFormat::Jpeg, 120, 90);
    let png = picture(ImageFormat::Png, 30, 30);
    for name in names() {
        let protocol: Protocol = name.parse().unwrap();
        let Protocol::UdpIndex(header) = protocol else {
            panic!("{name}")
        };
        let Ok(_) = pieces(&protocol, &jpeg, 200) else {
            assert!(name.contains("offset-u8"), "{name}");
            continue;
        };
        let mut all = datagrams(&protocol, &jpeg, 200);
        all.extend(datagrams(&protocol, &png, 200));
        for header in [header, None] {
            let (seen, found) = decode(UdpIndexDecoder::new(header), &all);
            let sent: Vec<Vec<u8>> = pictures(&seen)
                .into_iter()
                .map(|(bytes, _)| bytes)
                .collect();
            assert_eq!(sent, [jpeg.clone(), png.clone()], "{name}, {header:?}");
            assert_eq!(found.to_string(), name, "{header:?}");
            assert!(
                !seen
                    .iter()
                    .any(|event| matches!(event, Seen::Stray(_) | Seen::Lost(..)))
            );
        }
    }
}

#[test]
fn loss_repeats_and_disorder_are_told() {
    let jpeg = picture(ImageFormat::Jpeg, 120, 90);
    let protocol = Protocol::UdpIndex(Some(IndexHeader::default()));
    let mut all = datagrams(&protocol, &jpeg, 200);
    let total = all.len() as u64;
    assert!(total > 6);
    all.remove(5);
    all.swap(1, 2);
    all.insert(4, all[3].clone());
    let (seen, _) = decode(UdpIndexDecoder::new(None), &all);
    let orders: Vec<(u64, Order)> = seen
        .iter()
        .filter_map(|event| match event {
            Seen::Numbered(index, Some(of), order) => {
                assert_eq!(*of, total);
                Some((*index, *order))
            }
            _ => None,
        })
        .collect();
    use Order::{Ahead, Late, Next, Repeat};
    assert_eq!(
        orders[..6],
        [
            (0, Next),
            (2, Ahead),
            (1, Late),
            (3, Next),
            (3, Repeat),
            (4, Next)
        ]
    );
    assert_eq!(orders[6], (6, Ahead));
    assert!(seen.contains(&Seen::Lost(Some(1), Some(200))));
    assert!(seen.contains(&Seen::End(Ending::Cut(StreamEnd::Idle))));
    let (bytes, _) = &pictures(&seen)[0];
    assert_eq!(bytes[..], [&jpeg[..1000], &jpeg[1200..]].concat());
}

#[test]
fn lost_end_is_told_when_the_next_picture_begins() {
    let jpeg = picture(ImageFormat::Jpeg, 120, 90);
    let other = picture(ImageFormat::Jpeg, 121, 90);
    let protocol = Protocol::UdpIndex(Some(IndexHeader::default()));
    let mut all = datagrams(&protocol, &jpeg, 200);
    all.pop();
    all.extend(datagrams(&protocol, &other, 200));
    let (seen, _) = decode(UdpIndexDecoder::new(None), &all);
    let found = pictures(&seen);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].1, Ending::Broken);
    assert_eq!(found[1], (other, Ending::Length));
    assert!(seen.contains(&Seen::Lost(Some(1), None)));
}

#[test]
fn a_datagram_cut_by_the_capture_leaves_a_gap_inside() {
    let jpeg = picture(ImageFormat::Jpeg, 120, 90);
    let protocol = Protocol::UdpIndex(Some(IndexHeader::default()));
    let all = datagrams(&protocol, &jpeg, 200);
    let (last, others) = all.split_last().unwrap();
    let mut decoder = decoder(&protocol, super::super::Role::Initiator);
    let seen = run(|sink| {
        for datagram in others {
            decoder.datagram(datagram, sink);
        }
        decoder.cut_datagram(&last[..last.len() - 10], 10, sink);
        decoder.finish(StreamEnd::Idle, sink);
    });
    let tail = &seen[seen.len() - 2..];
    assert_eq!(tail, [Seen::Gap(10), Seen::End(Ending::Length)]);
}

#[test]
fn pieces_that_do_not_fit_the_numbers_are_refused() {
    let protocol: Protocol = "udp-index=u8".parse().unwrap();
    let error = pieces(&protocol, &[0; 300], 1).unwrap_err().to_string();
    assert!(error.contains("300"), "{error}");
}

proptest! {
    #[test]
    fn any_order_and_repeats_give_the_picture(
        name in select(names()),
        order in prop::collection::vec(any::<Index>(), 1..40),
        chunk in 100_usize..900,
    ) {
        let protocol: Protocol = name.parse().unwrap();
        let Protocol::UdpIndex(Some(header)) = protocol else { panic!() };
        // A countdown's first datagram tells the total; it has to come first.
        prop_assume!(!matches!(header.numbering, Numbering::Countdown | Numbering::CountdownTo0));
        let jpeg = picture(ImageFormat::Jpeg, 60, 40);
        let Ok(all) = pieces(&protocol, &jpeg, chunk) else { return Ok(()); };
        let all: Vec<Vec<u8>> = all.map(|piece| piece.bytes.into_owned()).collect();
        let mut decoder = UdpIndexDecoder::new(Some(header));
        let mut fed = 0_u64;
        let seen = run(|sink| {
            let shuffled = order.iter().map(|index| &all[index.index(all.len())]);
            for datagram in shuffled.chain(&all) {
                fed += datagram.len() as u64;
                decoder.datagram(datagram, sink);
            }
            decoder.finish(StreamEnd::Idle, sink);
        });
        let covered: u64 = seen.iter().map(|event| match event {
            Seen::Data(bytes) | Seen::Stray(bytes) => bytes.len() as u64,
            Seen::Encoded(wire, _) => *wire,
            Seen::Framing(_, bytes) => *bytes,
            _ => 0,
        }).sum();
        prop_assert_eq!(covered, fed);
        prop_assert_eq!(&pictures(&seen)[0].0, &jpeg);
    }
}

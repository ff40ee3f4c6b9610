//! Fragments: every order, every disagreement, every limit.

use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// One fragment of an IP payload.
#[derive(Clone, Debug)]
struct Piece {
    offset: usize,
    bytes: Vec<u8>,
    more: bool,
}

fn piece(offset: usize, bytes: &[u8], more: bool) -> Piece {
    Piece {
        offset,
        bytes: bytes.to_vec(),
        more,
    }
}

/// A UDP datagram's IP payload, checksum included.
fn payload(len: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
    udp4(&data)[34..].to_vec()
}

/// Cut into pieces of `size`, a multiple of 8.
fn pieces(payload: &[u8], size: usize) -> Vec<Piece> {
    let count = payload.len().div_ceil(size);
    payload
        .chunks(size)
        .enumerate()
        .map(|(index, bytes)| piece(index * size, bytes, index + 1 < count))
        .collect()
}

fn v4(piece: &Piece) -> Vec<u8> {
    let mut bytes = ipv4(17, &piece.bytes);
    put(&mut bytes, 4, 0x4321);
    put(
        &mut bytes,
        6,
        (piece.offset / 8) | (usize::from(piece.more) << 13),
    );
    bytes
}

/// With its fragment header (RFC 8200, section 4.5); `next` is what stands in the datagram.
fn v6_of(next: u8, piece: &Piece) -> Vec<u8> {
    let mut header = hex("11 00 0000 00004321");
    header[0] = next;
    put(&mut header, 2, piece.offset | usize::from(piece.more));
    header.extend(&piece.bytes);
    ipv6(44, &header)
}

fn v6(piece: &Piece) -> Vec<u8> {
    v6_of(17, piece)
}

/// What a decoder said of the frames, numbered from 1, a second apart.
struct Run {
    decoder: Decoder,
    number: u64,
}

impl Run {
    fn new() -> Self {
        Self::with(FragmentLimits::default())
    }

    fn with(fragments: FragmentLimits) -> Self {
        Self {
            decoder: Decoder::new(Options {
                fragments,
                ..Options::default()
            }),
            number: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Outcome<'static> {
        self.number += 1;
        let at = i64::try_from(self.number).unwrap() * 1_000_000_000;
        let link = LinkType::RAW;
        let frame = Frame {
            number: FrameNumber(self.number),
            time: Some(Timestamp(at)),
            ..frame(link, bytes)
        };
        match self.decoder.decode(&frame) {
            Outcome::Packet(packet) => Outcome::Packet(Packet {
                payload: Cow::Owned(packet.payload.into_owned()),
                ..packet
            }),
            Outcome::FragmentHeld => Outcome::FragmentHeld,
            Outcome::Skipped(skip) => Outcome::Skipped(skip),
        }
    }

    fn held(&mut self, bytes: &[u8]) {
        let outcome = self.feed(bytes);
        assert!(matches!(outcome, Outcome::FragmentHeld), "{outcome:?}");
    }

    fn whole(&mut self, bytes: &[u8]) -> Packet<'static> {
        match self.feed(bytes) {
            Outcome::Packet(packet) => packet,
            other => panic!("not whole: {other:?}"),
        }
    }

    fn skipped(&mut self, bytes: &[u8]) -> Skip {
        match self.feed(bytes) {
            Outcome::Skipped(skip) => skip,
            other => panic!("not skipped: {other:?}"),
        }
    }

    fn lost(&mut self) -> LostDatagram {
        let lost = self.decoder.finish();
        assert_eq!(lost.len(), 1, "{lost:?}");
        assert_eq!(self.decoder.fragments().lost, 1);
        lost.into_iter().next().unwrap()
    }
}

fn numbers(frames: &[u64]) -> Vec<FrameNumber> {
    frames.iter().copied().map(FrameNumber).collect()
}

#[test]
fn every_order_gives_the_same_datagram() {
    let payload = payload(100);
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for make in [v4, v6] {
        let pieces = pieces(&payload, 40);
        for order in orders {
            let mut run = Run::new();
            run.held(&make(&pieces[order[0]]));
            run.held(&make(&pieces[order[1]]));
            let packet = run.whole(&make(&pieces[order[2]]));
            assert_eq!(*packet.payload, payload[8..]);
            assert_eq!(packet.payload_len, 100);
            assert_eq!(
                (packet.source.port(), packet.destination.port()),
                (5000, 5001)
            );
            assert!(packet.notes.fragmented);
            // The first fragment carries the 8 bytes of the UDP header too.
            let shares = [(0, 32), (32, 40), (72, 28)];
            let parts: Vec<_> = packet
                .parts
                .as_slice()
                .iter()
                .map(|part| (part.frame.0, part.offset, part.bytes))
                .collect();
            let expected: Vec<_> = order
                .iter()
                .zip(1_u64..)
                .map(|(&index, number)| (number, shares[index].0, shares[index].1))
                .collect();
            assert_eq!(parts, expected);
            assert_eq!(run.decoder.fragments().reassembled, 1);
            assert_eq!(run.decoder.fragments().waiting, 0);
            assert_eq!(run.decoder.finish(), []);
        }
    }
    // The checksum covers the whole: made for IPv4, so it is good there.
    let pieces = pieces(&payload, 64);
    let mut run = Run::new();
    run.held(&v4(&pieces[0]));
    let packet = run.whole(&v4(&pieces[1]));
    assert_eq!(packet.notes.transport_checksum, Checksum::Good);
}

#[test]
fn tiny_fragments_split_the_transport_header() {
    // RFC 1858, section 3: 8 bytes of a TCP header in the first fragment, its flags in the second.
    let segment = tcp4(b"picture")[34..].to_vec();
    let mut run = Run::new();
    let mut packet = None;
    for piece in pieces(&segment, 8) {
        let mut bytes = v4(&piece);
        bytes[9] = 6;
        if let Outcome::Packet(found) = run.feed(&bytes) {
            packet = Some(found);
        }
    }
    let packet = packet.unwrap();
    assert_eq!(*packet.payload, *b"picture");
    assert!(tcp(&packet).psh);
    assert_eq!(packet.notes.transport_checksum, Checksum::Good);
    let shares: Vec<_> = packet
        .parts
        .as_slice()
        .iter()
        .map(|part| part.bytes)
        .collect();
    assert_eq!(shares, [0, 0, 0, 0, 7]);
}

#[test]
fn an_ipv6_fragment_may_begin_with_destination_options() {
    // RFC 8200, section 4.5: they belong to the fragmentable part.
    let udp = udp6(&[9; 60])[54..].to_vec();
    let payload = [hex("11 00 0104 00000000"), udp].concat();
    let pieces = pieces(&payload, 32);
    let mut run = Run::new();
    run.held(&v6_of(60, &pieces[0]));
    // What later fragments say of the next header does not count.
    run.held(&v6_of(17, &pieces[1]));
    let packet = run.whole(&v6_of(17, &pieces[2]));
    assert_eq!(*packet.payload, [9; 60]);
    assert_eq!(packet.parts.as_slice()[0].bytes, 16);
    assert_eq!(packet.notes.transport_checksum, Checksum::Good);
}

#[test]
fn bytes_beyond_the_udp_length_are_nobodys_share() {
    let mut payload = payload(100);
    put(&mut payload, 4, 8 + 70);
    put(&mut payload, 6, 0);
    let pieces = pieces(&payload, 40);
    let mut run = Run::new();
    run.held(&v4(&pieces[0]));
    run.held(&v4(&pieces[1]));
    let packet = run.whole(&v4(&pieces[2]));
    assert_eq!(
        (&*packet.payload, packet.payload_len),
        (&payload[8..78], 70)
    );
    let shares: Vec<_> = packet
        .parts
        .as_slice()
        .iter()
        .map(|part| (part.offset, part.bytes))
        .collect();
    assert_eq!(shares, [(0, 32), (32, 38), (70, 0)]);
}

#[test]
fn repeats_are_fine_and_named_as_parts() {
    for make in [v4, v6] {
        let pieces = pieces(&payload(100), 40);
        let mut run = Run::new();
        run.held(&make(&pieces[0]));
        run.held(&make(&pieces[0]));
        run.held(&make(&pieces[2]));
        run.held(&make(&pieces[2]));
        let packet = run.whole(&make(&pieces[1]));
        let parts = packet.parts.as_slice();
        assert_eq!(
            parts.iter().map(|part| part.frame.0).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        assert_eq!(*packet.payload, payload(100)[8..]);
    }
}

#[test]
fn an_overlap_that_differs_picks_no_copy() {
    let payload = payload(100);
    let mut other = payload[32..72].to_vec();
    other[3] ^= 1;
    for (make, family) in [(v4 as fn(&Piece) -> Vec<u8>, "4"), (v6, "6")] {
        for order in [[0, 1], [1, 0]] {
            let two = [piece(0, &payload[..40], true), piece(32, &other, true)];
            let mut run = Run::new();
            run.held(&make(&two[order[0]]));
            assert_eq!(
                run.skipped(&make(&two[order[1]])),
                Skip::BadFragment,
                "{family}"
            );
            // RFC 5722, section 4: those that are still to come are dropped too.
            assert_eq!(
                run.skipped(&make(&piece(72, &payload[72..], false))),
                Skip::BadFragment
            );
            let lost = run.lost();
            assert_eq!(lost.reason, LossReason::Conflict);
            assert_eq!(lost.frames, numbers(&[1, 2, 3]));
        }
    }
}

#[test]
fn an_overlap_that_agrees_is_fine_over_ipv4_and_forbidden_over_ipv6() {
    let payload = payload(100);
    let run_with = |make: fn(&Piece) -> Vec<u8>| {
        let mut run = Run::new();
        run.held(&make(&piece(0, &payload[..48], true)));
        let second = run.feed(&make(&piece(24, &payload[24..80], true)));
        let last = run.feed(&make(&piece(72, &payload[72..], false)));
        (second, last)
    };
    let (second, last) = run_with(v4);
    assert!(matches!(second, Outcome::FragmentHeld));
    assert!(matches!(last, Outcome::Packet(packet) if *packet.payload == payload[8..]));
    // RFC 5722, section 4.
    let (second, last) = run_with(v6);
    assert!(matches!(second, Outcome::Skipped(Skip::BadFragment)));
    assert!(matches!(last, Outcome::Skipped(Skip::BadFragment)));
}

#[test]
fn lengths_that_contradict_each_other() {
    let payload = payload(100);
    // Two last fragments; one beyond the last; a last one before what is there.
    for (first, second) in [
        (
            piece(40, &payload[40..48], false),
            piece(80, &payload[80..88], false),
        ),
        (
            piece(40, &payload[40..48], false),
            piece(48, &payload[48..56], true),
        ),
        (
            piece(80, &payload[80..88], true),
            piece(40, &payload[40..48], false),
        ),
    ] {
        let mut run = Run::new();
        run.held(&v4(&first));
        assert_eq!(run.skipped(&v4(&second)), Skip::BadFragment);
        assert_eq!(run.lost().reason, LossReason::Conflict);
    }
}

#[test]
fn fragments_that_cannot_be() {
    let mut run = Run::new();
    // Not a multiple of 8 although more follow; nothing in it; beyond 65,535 ("ping of death").
    for bad in [
        piece(0, &[7; 15], true),
        piece(8, &[], false),
        piece(65_528, &[7; 8], true),
    ] {
        assert_eq!(run.skipped(&v4(&bad)), Skip::BadFragment, "{bad:?}");
        assert_eq!(run.skipped(&v6(&bad)), Skip::BadFragment, "{bad:?}");
    }
    assert_eq!(run.decoder.fragments().fragments, 6);
    // None of them opened a datagram.
    assert_eq!(run.decoder.finish(), []);
    // ICMP fragments are not kept.
    let mut bytes = v4(&piece(0, &[7; 16], true));
    bytes[9] = 1;
    assert_eq!(run.skipped(&bytes), Skip::NotTcpOrUdp);
    assert_eq!(
        run.skipped(&v6_of(58, &piece(0, &[7; 16], true))),
        Skip::NotTcpOrUdp
    );
}

#[test]
fn a_fragment_of_fragments_is_none() {
    let mut inner = hex("11 00 0001 00000099");
    inner.extend([7; 24]);
    let pieces = pieces(&inner, 16);
    let mut run = Run::new();
    run.held(&v6_of(44, &pieces[0]));
    assert_eq!(run.skipped(&v6_of(44, &pieces[1])), Skip::BadFragment);
}

#[test]
fn what_never_comes_is_named() {
    let pieces = pieces(&payload(200), 40);
    let mut run = Run::new();
    run.held(&v4(&pieces[0]));
    run.held(&v4(&pieces[2]));
    run.held(&v4(&pieces[5]));
    let lost = run.lost();
    assert_eq!(
        lost,
        LostDatagram {
            source: IpAddr::from(V4.0),
            destination: IpAddr::from(V4.1),
            ports: Some((5000, 5001)),
            protocol: 17,
            id: 0x4321,
            frames: numbers(&[1, 2, 3]),
            frame_count: 3,
            started: Some(Timestamp(1_000_000_000)),
            length: Some(208),
            missing: vec![40..80, 120..200],
            reason: LossReason::Missing,
        }
    );
    // Without the last, the length is unknown and not guessed; without the first, so are the ports.
    let mut run = Run::new();
    run.held(&v6(&pieces[1]));
    let lost = run.lost();
    assert_eq!((lost.length, lost.ports), (None, None));
    assert_eq!(lost.missing, vec![0..40; 1]);
}

#[test]
fn waiting_ends_by_the_frames_own_time() {
    let pieces = pieces(&payload(100), 40);
    let mut run = Run::new();
    run.held(&v4(&pieces[0]));
    for _ in 0..30 {
        run.feed(&udp4(b"other")[14..]);
    }
    assert_eq!(run.decoder.fragments().waiting, 1);
    // Frame 32, 31 s after the first: any frame shows it.
    run.feed(&udp4(b"other")[14..]);
    assert_eq!(run.decoder.fragments().lost, 1);
    let lost = run.decoder.take_lost();
    assert_eq!(lost[0].reason, LossReason::Missing);
    assert_eq!(run.decoder.take_lost(), []);
    // What comes after that is another datagram's (RFC 791, section 3.2).
    run.held(&v4(&pieces[1]));
    run.held(&v4(&pieces[2]));
    let lost = run.decoder.finish();
    assert_eq!(lost[0].missing, vec![0..40; 1]);
}

#[test]
fn limits_give_up_the_oldest() {
    let pieces = pieces(&payload(100), 40);
    let with_id = |id: usize| {
        let mut bytes = v4(&pieces[0]);
        put(&mut bytes, 4, id);
        bytes
    };
    let mut run = Run::with(FragmentLimits {
        datagrams: 3,
        timeout: Duration::from_secs(1_000_000),
        ..FragmentLimits::default()
    });
    for id in 1..=5 {
        run.held(&with_id(id));
    }
    let lost = run.decoder.take_lost();
    assert_eq!(lost.iter().map(|lost| lost.id).collect::<Vec<_>>(), [1, 2]);
    assert!(lost.iter().all(|lost| lost.reason == LossReason::Limit));
    assert_eq!(run.decoder.fragments().waiting, 3);

    let mut run = Run::with(FragmentLimits {
        bytes: 10_000,
        timeout: Duration::from_secs(1_000_000),
        ..FragmentLimits::default()
    });
    for id in 1..=1000 {
        run.held(&with_id(id));
    }
    let counts = *run.decoder.fragments();
    assert!((1..=20).contains(&counts.waiting), "{counts:?}");
    assert_eq!(counts.waiting + counts.lost, 1000);
}

#[test]
fn one_datagram_cannot_hoard_fragments() {
    let mut run = Run::with(FragmentLimits {
        timeout: Duration::from_secs(1_000_000),
        ..FragmentLimits::default()
    });
    let same = v4(&piece(8, &[7; 8], true));
    let mut refused = 0;
    for _ in 0..20_000 {
        refused += u64::from(matches!(
            run.feed(&same),
            Outcome::Skipped(Skip::BadFragment)
        ));
    }
    assert_eq!(refused, 20_000 - 16_384);
    let lost = run.lost();
    assert_eq!(lost.reason, LossReason::Limit);
    assert_eq!(lost.frames.len(), LostDatagram::MAX_FRAMES);
}

#[test]
fn nobody_takes_the_list_of_the_lost() {
    let pieces = pieces(&payload(100), 40);
    let mut run = Run::with(FragmentLimits {
        datagrams: 1,
        ..FragmentLimits::default()
    });
    for id in 1..=5000 {
        let mut bytes = v4(&pieces[0]);
        put(&mut bytes, 4, id);
        run.held(&bytes);
    }
    let counts = *run.decoder.fragments();
    assert_eq!(counts.lost, 4999);
    let listed = run.decoder.take_lost().len() as u64;
    assert_eq!(listed + counts.unlisted, 4999);
    assert!(listed <= 4096);
}

#[test]
fn a_cut_fragment_makes_the_datagram_unknowable() {
    let pieces = pieces(&payload(2000), 1000);
    for order in [[0, 1, 2], [2, 1, 0]] {
        let mut decoder = Decoder::default();
        let mut skips = Vec::new();
        for (number, index) in (1..).zip(order) {
            let bytes = v4(&pieces[index]);
            // The last one, of 8 bytes, is whole.
            let frame = Frame {
                number: FrameNumber(number),
                ..cut(LinkType::RAW, &bytes[..bytes.len().min(96)], bytes.len())
            };
            if let Outcome::Skipped(skip) = decoder.decode(&frame) {
                skips.push(skip);
            }
        }
        let whole_first = usize::from(order[0] == 2);
        assert_eq!(skips, vec![Skip::FragmentCut; 3 - whole_first]);
        let lost = decoder.finish();
        assert_eq!(lost[0].reason, LossReason::SnapLength);
        assert_eq!(lost[0].frames, numbers(&[1, 2, 3]));
        assert_eq!(lost[0].missing, []);
    }
}

#[test]
fn a_late_repeat_is_not_a_lost_datagram() {
    let pieces = pieces(&payload(100), 64);
    let mut run = Run::new();
    run.held(&v4(&pieces[0]));
    run.whole(&v4(&pieces[1]));
    run.held(&v4(&pieces[1]));
    assert_eq!(run.decoder.finish(), []);
    assert_eq!(run.decoder.fragments().repeated, 1);
    // With other bytes it is one.
    let mut run = Run::new();
    run.held(&v4(&pieces[0]));
    run.whole(&v4(&pieces[1]));
    let mut other = pieces[1].clone();
    other.bytes[0] ^= 1;
    run.held(&v4(&other));
    assert_eq!(run.lost().reason, LossReason::Missing);
}

#[test]
fn the_same_fragments_seen_on_two_devices_are_two_datagrams() {
    let pieces = pieces(&payload(100), 64);
    let mut decoder = Decoder::default();
    let mut whole = 0;
    for piece in &pieces {
        for device in [3, 4] {
            let mut bytes = hex("0800 0000 00000000 0001 00 06 0404040404040000");
            bytes[7] = device;
            bytes.extend(v4(piece));
            let outcome = decoder.decode(&frame(LinkType::LINUX_SLL2, &bytes));
            whole += usize::from(matches!(outcome, Outcome::Packet(_)));
        }
    }
    assert_eq!(whole, 2);
    assert_eq!(decoder.finish(), []);
}

/// Cuts at multiples of 8, in any order, some pieces twice.
fn shuffled() -> impl Strategy<Value = (Vec<u8>, Vec<Piece>)> {
    (
        proptest::collection::vec(any::<u8>(), 1..600),
        proptest::collection::btree_set(1_usize..76, 0..10),
        any::<proptest::sample::Selector>(),
    )
        .prop_flat_map(|(data, cuts, _)| {
            let payload = udp4(&data)[34..].to_vec();
            let mut ends: Vec<_> = cuts
                .into_iter()
                .map(|cut| cut * 8)
                .filter(|&cut| cut < payload.len())
                .collect();
            ends.push(payload.len());
            let mut from = 0;
            let mut pieces = Vec::new();
            for end in ends {
                pieces.push(piece(from, &payload[from..end], end < payload.len()));
                from = end;
            }
            let repeat = pieces[pieces.len() / 2].clone();
            pieces.push(repeat);
            (Just(payload), Just(pieces).prop_shuffle())
        })
}

proptest! {
    /// Whatever the order and the cuts: one datagram, the same bytes, and parts that cover it.
    #[test]
    fn any_cuts_in_any_order((payload, pieces) in shuffled(), six in any::<bool>()) {
        prop_assume!(pieces.len() > 2);
        let mut run = Run::new();
        let mut found = None;
        for piece in &pieces {
            match run.feed(&if six { v6(piece) } else { v4(piece) }) {
                Outcome::Packet(packet) => {
                    prop_assert!(found.is_none());
                    found = Some(packet);
                }
                Outcome::FragmentHeld => {}
                Outcome::Skipped(skip) => prop_assert!(false, "skipped: {:?}", skip),
            }
        }
        let packet = found.unwrap();
        prop_assert_eq!(&*packet.payload, &payload[8..]);
        let mut covered = vec![false; packet.payload.len()];
        for part in packet.parts.as_slice() {
            covered[part.offset as usize..][..part.bytes as usize].fill(true);
        }
        prop_assert!(covered.iter().all(|covered| *covered));
        prop_assert_eq!(run.decoder.finish(), []);
    }
}

//! What decoding one frame costs: plain frames with and without checksums, and fragments.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use imgnet::decode::{Decoder, Options};
use imgnet::frame::{Frame, LinkType};
use imgnet::units::FrameNumber;

fn main() {
    divan::main();
}

/// Frames decoded in one measured iteration, so that the clock's own cost does not count.
const FRAMES: usize = 1024;

fn ethernet_ipv4_tcp(payload: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00];
    let total = u16::try_from(20 + 32 + payload).unwrap_or(0);
    frame.extend([0x45, 0]);
    frame.extend(total.to_be_bytes());
    frame.extend([0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    frame.extend(tcp());
    frame.resize(frame.len() + payload, 0x5a);
    frame
}

fn ethernet_ipv6_tcp(payload: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd];
    let length = u16::try_from(32 + payload).unwrap_or(0);
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([6, 64]);
    for last in [1, 2] {
        frame.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    frame.extend(tcp());
    frame.resize(frame.len() + payload, 0x5a);
    frame
}

/// With time stamps, as nearly every segment has them.
fn tcp() -> [u8; 32] {
    [
        0xd0, 0x04, 0xff, 0x98, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x18, 0x01, 0xf6, 0x12, 0x34, 0, 0,
        1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4,
    ]
}

fn run(bencher: Bencher<'_, '_>, frame: &[u8], checksums: bool) {
    let mut decoder = Decoder::new(Options {
        checksums,
        ..Options::default()
    });
    bencher
        .counter(ItemsCount::new(FRAMES))
        .counter(BytesCount::new(FRAMES * frame.len()))
        .bench_local(|| {
            for number in 1..=FRAMES as u64 {
                let frame = Frame {
                    number: FrameNumber(number),
                    time: None,
                    link: LinkType::ETHERNET,
                    interface: 0,
                    wire_len: u32::try_from(frame.len()).unwrap_or(u32::MAX),
                    data: black_box(frame),
                    after_end: false,
                };
                black_box(decoder.decode(&frame));
            }
        });
}

#[divan::bench]
fn ipv4_tcp_1448(bencher: Bencher<'_, '_>) {
    run(bencher, &ethernet_ipv4_tcp(1448), false);
}

#[divan::bench]
fn ipv6_tcp_1428(bencher: Bencher<'_, '_>) {
    run(bencher, &ethernet_ipv6_tcp(1428), false);
}

#[divan::bench]
fn ipv4_tcp_1448_checksums(bencher: Bencher<'_, '_>) {
    run(bencher, &ethernet_ipv4_tcp(1448), true);
}

#[divan::bench]
fn ipv4_tcp_65483_checksums(bencher: Bencher<'_, '_>) {
    run(bencher, &ethernet_ipv4_tcp(65483), true);
}

/// Four fragments of 1,480 bytes a datagram, put together; counted by frame.
#[divan::bench]
fn ipv4_udp_fragments(bencher: Bencher<'_, '_>) {
    let frames: Vec<Vec<u8>> = (0..4_u8)
        .map(|index| {
            let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00];
            let (more, units) = (u16::from(index < 3) << 13, u16::from(index) * 185);
            frame.extend([0x45, 0, 0x05, 0xdc, 0, 1]);
            frame.extend((more | units).to_be_bytes());
            frame.extend([64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
            // UDP's ports, length (5,920 bytes) and no checksum, where it is the first.
            frame.extend([0x13, 0x88, 0x13, 0x89, 0x17, 0x20, 0, 0]);
            frame.resize(14 + 20 + 1480, 0x5a);
            frame
        })
        .collect();
    let mut decoder = Decoder::default();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        for (number, frame) in (1..=FRAMES as u64).zip(frames.iter().cycle()) {
            black_box(decoder.decode(&Frame {
                number: FrameNumber(number),
                time: None,
                link: LinkType::ETHERNET,
                interface: 0,
                wire_len: 1514,
                data: black_box(frame),
                after_end: false,
            }));
        }
    });
    assert!(
        decoder.fragments().reassembled > 0,
        "nothing was put together"
    );
}

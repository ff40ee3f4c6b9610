//! Tests of the whole room, by its public face: frames in, outcomes out.

mod fragments;
mod headers;
mod hostile;
mod links;
mod plain;
mod sessions;
mod tshark;
mod tunnels;

use etherparse::PacketBuilder;

use super::*;
use crate::frame::{Frame, LinkType};

const V4: ([u8; 4], [u8; 4]) = ([192, 0, 2, 1], [192, 0, 2, 2]);
const V6: ([u8; 16], [u8; 16]) = (
    [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
);

/// Bytes from hex, blanks and line ends left out.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// A frame captured whole.
fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    cut(link, data, data.len())
}

/// A frame of which `data` was captured.
fn cut(link: LinkType, data: &[u8], wire_len: usize) -> Frame<'_> {
    Frame {
        number: FrameNumber(1),
        time: None,
        link,
        interface: 0,
        wire_len: u32::try_from(wire_len).unwrap(),
        data,
        after_end: false,
    }
}

fn ethernet(data: &[u8]) -> Frame<'_> {
    frame(LinkType::ETHERNET, data)
}

fn decode<'a>(frame: &Frame<'a>) -> Outcome<'a> {
    Decoder::default().decode(frame)
}

fn packet<'a>(frame: &Frame<'a>) -> Packet<'a> {
    match decode(frame) {
        Outcome::Packet(packet) => packet,
        other => panic!("no packet: {other:?}"),
    }
}

fn skip(frame: &Frame<'_>) -> Skip {
    match decode(frame) {
        Outcome::Skipped(skip) => skip,
        other => panic!("not skipped: {other:?}"),
    }
}

fn tcp(packet: &Packet<'_>) -> Tcp {
    match packet.transport {
        Transport::Tcp(tcp) => tcp,
        Transport::Udp => panic!("UDP"),
    }
}

/// Ethernet, IPv4, UDP from port 5000 to 5001, made and summed by etherparse.
fn udp4(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(V4.0, V4.1, 64)
        .udp(5000, 5001);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

/// The same over IPv6.
fn udp6(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv6(V6.0, V6.1, 64)
        .udp(5000, 5001);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

/// Ethernet, IPv4, TCP with PSH and ACK.
fn tcp4(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(V4.0, V4.1, 64)
        .tcp(5000, 5001, 1000, 512)
        .ack(77)
        .psh()
        .options_raw(&[1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4])
        .unwrap();
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

/// The same over IPv6.
fn tcp6(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv6(V6.0, V6.1, 64)
        .tcp(5000, 5001, 1000, 512)
        .ack(77)
        .psh()
        .options_raw(&[1, 1, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4])
        .unwrap();
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

/// Writes a 16-bit field.
fn put(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 2].copy_from_slice(&u16::try_from(value).unwrap().to_be_bytes());
}

/// An IPv6 packet (no link layer) with this next header and payload.
fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = hex("60000000 0000 00 40");
    put(&mut bytes, 4, payload.len());
    bytes[6] = next;
    bytes.extend(V6.0);
    bytes.extend(V6.1);
    bytes.extend(payload);
    bytes
}

/// An IPv4 packet (no link layer, header checksum 0) with this protocol and payload.
fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = hex("4500 0000 0001 4000 40 00 0000");
    put(&mut bytes, 2, 20 + payload.len());
    bytes[9] = protocol;
    bytes.extend(V4.0);
    bytes.extend(V4.1);
    bytes.extend(payload);
    bytes
}

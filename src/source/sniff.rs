//! Which format a file has, by its first bytes, and what it seems to be where it is no capture.

use crate::source::erf::{self, Erf};
use crate::source::parse::Parser;
use crate::source::pcap::Pcap;
use crate::source::pcapng::{Pcapng, SECTION_HEADER, byte_order};
use crate::source::snoop::{self, Snoop};
use crate::source::summary::{Compression, Format};

/// As many bytes as [`parser`] and [`looks_like`] want to see.
pub(super) const SNIFF_BYTES: usize = 16;

/// The compression that a file begins with; absent where it is none that imgnet undoes.
pub(super) fn compression(first: &[u8]) -> Option<Compression> {
    match first {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        // A Zstandard frame, or a skippable one before it (RFC 8878, 3.1).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Some(Compression::Zstd)
        }
        _ => None,
    }
}

/// The parser for a file that begins so; absent where it is no capture file.
pub(super) fn parser(first: &[u8]) -> Option<(Format, Parser)> {
    let magic = *first.first_chunk::<4>()?;
    if magic == SECTION_HEADER.to_be_bytes() {
        // The type alone is four line-end characters, which a text may begin with.
        let order = first.get(8..).and_then(<[u8]>::first_chunk);
        if order.is_some_and(|order| byte_order(*order).is_none()) {
            return None;
        }
        return Some((Format::Pcapng, Parser::Pcapng(Pcapng::new())));
    }
    if let Some(pcap) = Pcap::new(magic) {
        return Some((Format::Pcap, Parser::Pcap(pcap)));
    }
    if first.starts_with(&snoop::MAGIC) {
        return Some((Format::Snoop, Parser::Snoop(Snoop::default())));
    }
    // It has no magic number: asked for last, and told by what its first record can say.
    if erf::may_begin(first) {
        return Some((Format::Erf, Parser::Erf(Erf::default())));
    }
    None
}

/// What a file that begins so seems to be, and how to make a capture file of it where there is a way;
/// absent where nothing is recognised.
pub(super) fn looks_like(first: &[u8]) -> Option<&'static str> {
    const KNOWN: &[(&[u8], &str)] = &[
        (
            b"\xff\xd8\xff",
            "a JPEG picture; give it with --sent or --received",
        ),
        (
            b"\x89PNG\r\n\x1a\n",
            "a PNG picture; give it with --sent or --received",
        ),
        (b"GIF8", "a GIF picture; give it with --sent or --received"),
        (
            b"btsnoop\0",
            "a Bluetooth snoop capture; convert it with `editcap -F pcapng`",
        ),
        (
            b"RTSS",
            "a Network Monitor capture; convert it with `editcap -F pcapng`",
        ),
        (
            b"GMBU",
            "a Network Monitor capture; convert it with `editcap -F pcapng`",
        ),
        (
            b"XCP\0",
            "a NetXRay capture; convert it with `editcap -F pcapng`",
        ),
        (
            b"\x1c\x00\x01\xac",
            "an IXIA capture; convert it with `editcap -F pcapng`",
        ),
        (
            b"\xac\x01\x00\x1c",
            "an IXIA capture; convert it with `editcap -F pcapng`",
        ),
        (
            b"\x04\x22\x4d\x18",
            "LZ4-compressed data; unpack it with `unlz4` first",
        ),
        (
            b"\xfd7zXZ\0",
            "xz-compressed data; unpack it with `unxz` first",
        ),
        (
            b"BZh",
            "bzip2-compressed data; unpack it with `bunzip2` first",
        ),
        (b"PK\x03\x04", "a ZIP archive; unpack it first"),
        (b"\x1f\x8b", "gzip within gzip; unpack it once first"),
        (
            b"\x28\xb5\x2f\xfd",
            "zstd-compressed data; unpack it once first",
        ),
        (b"\x7fELF", "a program"),
        (b"%PDF", "a PDF document"),
        (b"{", "JSON text"),
        (b"<", "HTML or XML text"),
    ];
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| first.starts_with(magic)) {
        return Some(name);
    }
    if first.starts_with(b"RIFF") && first.get(8..12) == Some(b"WEBP") {
        return Some("a WebP picture; give it with --sent or --received");
    }
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    if !first.is_empty() && first.iter().all(printable) {
        return Some("text");
    }
    if first.len() >= 4 && first.iter().all(|byte| *byte == 0) {
        return Some("nothing but zero bytes");
    }
    None
}

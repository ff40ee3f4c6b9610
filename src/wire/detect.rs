//! Finds out the wire format of a direction from its first bytes and its ports.
//!
//! Bytes beat ports: a port only names the format where the bytes do not contradict it. TLS and SSH
//! are recognised to be left alone. What is a guess says so ([`Confidence::Guess`]).
//!
//! Of `udp-index` the first datagram of a picture tells that there are numbers and how wide they are; which of the ways of
//! numbering it is, later ones tell the decoder.

use super::formats::{Fixed, Probe};
use super::length::{self, Guess, HEAD_BYTES};
use super::udp_index::{self, IndexHeader};
use super::{Encoding, PIPELINE_MARKER, Protocol, Role, encoded, inflated, pickle, udp_wrapped};
use crate::flow::TransportKind;
use crate::picture::{Format, SNIFF_BYTES, Sniff, begun, sniff};
use crate::wire::Confidence;

/// First bytes that [`detect`] looks at; more are not needed.
pub(crate) const CLUE_BYTES: usize = HEAD_BYTES;

/// Port of the marker pipeline (P1).
pub(crate) const PIPELINE_PORT: u16 = 5050;
/// Port of `eof` (P2).
pub(crate) const EOF_PORT: u16 = 65432;
/// Port of `catalog` (P3).
pub(crate) const CATALOG_PORT: u16 = 40674;
/// Port of `raw-pixels` (P4).
pub(crate) const RAW_PIXELS_PORT: u16 = 9909;
/// Ports that programs of `udp` (P5) use.
pub(crate) const UDP_PORTS: [u16; 2] = [5555, 6001];

/// What is known of one direction that carries at least one byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clues<'a> {
    /// TCP or UDP.
    pub transport: TransportKind,
    /// Port of the side that sends these bytes.
    pub from_port: u16,
    /// Port of the side that receives them.
    pub to_port: u16,
    /// Which side sends them; absent where the capture does not show who connected.
    pub role: Option<Role>,
    /// The first bytes of the direction, up to [`CLUE_BYTES`].
    pub head: &'a [u8],
    /// No more bytes come in this direction: what cannot be told now never will be.
    pub ended: bool,
    /// Payload sizes of the first segments or datagrams, as far as they are known.
    pub sizes: &'a [u32],
}

/// What the clues say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Detection {
    /// A wire format.
    Found {
        /// Which.
        protocol: Protocol,
        /// How sure.
        confidence: Confidence,
        /// The reason, as half a sentence for people.
        why: String,
    },
    /// Too few bytes to tell: ask again with more, or when the direction ended.
    NeedMore,
    /// No format known here.
    Nothing,
}

/// Finds out the wire format of a direction.
pub(crate) fn detect(clues: &Clues<'_>) -> Detection {
    match clues.transport {
        TransportKind::Udp => udp(clues),
        TransportKind::Tcp => tcp(clues),
    }
}

fn found(protocol: Protocol, confidence: Confidence, why: impl Into<String>) -> Detection {
    Detection::Found {
        protocol,
        confidence,
        why: why.into(),
    }
}

impl Clues<'_> {
    /// The listening side's port, as far as it is one of `known`.
    fn port(&self, known: &[u16]) -> Option<u16> {
        let candidates = match self.role {
            Some(Role::Initiator) => [self.to_port, self.to_port],
            Some(Role::Acceptor) => [self.from_port, self.from_port],
            None => [self.to_port, self.from_port],
        };
        candidates.into_iter().find(|port| known.contains(port))
    }

    fn sniffed(&self) -> Sniff {
        sniff_at(self.head, 0)
    }
}

/// The kind of picture that begins at a place.
pub(super) fn sniff_at(head: &[u8], at: usize) -> Sniff {
    let rest = head.get(at..).unwrap_or_default();
    sniff(rest.get(..SNIFF_BYTES).unwrap_or(rest))
}

fn udp(clues: &Clues<'_>) -> Detection {
    if let Ok(known) = probed(clues, Fixed::probe) {
        return known;
    }
    if pickle::begins_picture(clues.head) {
        return found(
            Protocol::Encoded(Encoding::Pickled, Box::new(Protocol::Udp)),
            Confidence::Content,
            "a datagram is a Python pickle in which a picture begins",
        );
    }
    if udp_wrapped::begins_picture(clues.head) {
        return found(
            Protocol::Encoded(Encoding::Base64, Box::new(Protocol::Udp)),
            Confidence::Content,
            "a datagram is an object of JSON in which a picture begins in Base64",
        );
    }
    if let Ok(known) = probed(clues, Fixed::probe_last) {
        return known;
    }
    // Each datagram may be the first of a picture: "hello" may have come before.
    let mut at = 0_usize;
    for size in std::iter::once(0).chain(clues.sizes.iter().copied()) {
        at = at.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        if at >= clues.head.len() {
            break;
        }
        if let Sniff::Is(format) = sniff_at(clues.head, at) {
            return match clues.port(&UDP_PORTS) {
                Some(port) => found(
                    Protocol::Udp,
                    Confidence::PortAndContent,
                    format!("port {port}, and a datagram that begins as {format}"),
                ),
                None => found(
                    Protocol::Udp,
                    Confidence::Content,
                    format!("a datagram begins as {format}"),
                ),
            };
        }
    }
    match udp_index::candidates(clues.head)[..] {
        [] => {}
        [only] => {
            return found(
                Protocol::UdpIndex(Some(only)),
                Confidence::Content,
                format!("a picture begins behind {} bytes of numbers", only.width()),
            );
        }
        [first, ref others @ ..] => return numbered(first, others),
    }
    if clues.head.len() < CLUE_BYTES && !clues.ended {
        Detection::NeedMore
    } else {
        Detection::Nothing
    }
}

/// Several ways of numbering are possible: the decoder goes on with all of them.
fn numbered(first: IndexHeader, others: &[IndexHeader]) -> Detection {
    let others: Vec<String> = others.iter().map(ToString::to_string).collect();
    found(
        Protocol::UdpIndex(None),
        Confidence::Guess,
        format!(
            "a picture begins behind {} bytes of numbers: {first}, if later datagrams do not say {}",
            first.width(),
            others.join(" or ")
        ),
    )
}

fn tcp(clues: &Clues<'_>) -> Detection {
    let head = clues.head;
    if head.is_empty() {
        return if clues.ended {
            Detection::Nothing
        } else {
            Detection::NeedMore
        };
    }
    match foreign(head) {
        Foreign::Yes => return Detection::Nothing,
        Foreign::NeedMore if !clues.ended => return Detection::NeedMore,
        _ => {}
    }
    match by_beginning(clues) {
        Detection::NeedMore if clues.ended => {}
        Detection::Nothing => {}
        known => return known,
    }
    let by_content = match clues.sniffed() {
        Sniff::Is(format) => return picture_first(clues, format),
        Sniff::NeedMore if !clues.ended => return Detection::NeedMore,
        Sniff::NeedMore => match begun(head) {
            Some(format) => return picture_first(clues, format),
            None => by_length(clues),
        },
        Sniff::No => by_length(clues),
    };
    if let Detection::Found { .. } = by_content {
        return by_content;
    }
    match by_port(clues) {
        Detection::Nothing => match by_text(clues) {
            Detection::Nothing => by_content,
            by_text => by_text,
        },
        by_port => by_port,
    }
}

/// What the formats of the table say of the first bytes.
///
/// # Errors
/// None knows them; whether more bytes may tell.
fn probed(clues: &Clues<'_>, probe: fn(Fixed, &Clues<'_>) -> Probe) -> Result<Detection, bool> {
    let mut need_more = false;
    for format in Fixed::over(clues.transport == TransportKind::Udp) {
        match probe(format, clues) {
            Probe::Certain(confidence, why) => {
                return Ok(found(Protocol::Fixed(format), confidence, why));
            }
            Probe::Unsure => need_more = true,
            Probe::No => {}
        }
    }
    Err(need_more)
}

/// Formats whose first bytes are their own.
fn by_beginning(clues: &Clues<'_>) -> Detection {
    let head = clues.head;
    let content = |protocol, why: &str| found(protocol, Confidence::Content, why);
    let mut need_more = match probed(clues, Fixed::probe) {
        Ok(known) => return known,
        Err(need_more) => need_more,
    };
    if let Some(compressed) = compressed(clues, 0) {
        return compressed;
    }
    need_more |=
        head.len() < CLUE_BYTES && matches!(head, [0x1f | 0x78] | [0x1f, 0x8b, ..] | [0x78, _, ..]);
    match pickle::is_pickle(head) {
        Some(true) => {
            return content(
                Protocol::Encoded(Encoding::Pickled, Box::new(Protocol::Eof)),
                "the stream begins as a Python pickle",
            );
        }
        Some(false) => {}
        None => need_more = true,
    }
    match head.strip_prefix(b"SIZE ") {
        Some([digit, ..]) if digit.is_ascii_digit() => {
            return content(
                Protocol::SizeHandshake { bare: false },
                "the stream begins with SIZE and a number",
            );
        }
        Some([]) => need_more = true,
        Some(_) => {}
        None => need_more |= b"SIZE ".starts_with(head),
    }
    if need_more {
        Detection::NeedMore
    } else {
        Detection::Nothing
    }
}

/// Whether bytes begin with others; absent where more bytes tell.
pub(super) fn begins_with(head: &[u8], start: &[u8]) -> Option<bool> {
    if head.starts_with(start) {
        Some(true)
    } else if start.starts_with(head) {
        None
    } else {
        Some(false)
    }
}

/// A compressed picture from this byte on.
fn compressed(clues: &Clues<'_>, at: usize) -> Option<Detection> {
    let encoding = inflated::sniff_compressed(clues.head.get(at..)?)?;
    Some(found(
        Protocol::Encoded(encoding, Box::new(Protocol::Eof)),
        Confidence::Content,
        format!("the stream begins as {encoding} does, and holds a picture"),
    ))
}

/// Text or wrapped pictures, where nothing else was recognised.
fn by_text(clues: &Clues<'_>) -> Detection {
    let head = clues.head;
    let content = |protocol, why: &str| found(protocol, Confidence::Content, why);
    if let Ok(known) = probed(clues, Fixed::probe_last) {
        return known;
    }
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(head.get(..digits).unwrap_or_default())
        .ok()
        .and_then(|digits| digits.parse::<u64>().ok());
    // A picture of fewer bytes than that is none; a number as small is rather a choice.
    if let Some(size @ 100..=length::MOST) = number {
        if matches!(sniff_at(head, digits), Sniff::Is(_)) {
            return content(
                Protocol::SizeHandshake { bare: true },
                "a number, and a picture right behind it",
            );
        }
        if digits == head.trim_ascii_end().len() && clues.ended {
            return found(
                Protocol::SizeHandshake { bare: true },
                Confidence::Guess,
                format!("the number {size} alone, and then the other side answers"),
            );
        }
    }
    for field in length::FIELDS {
        let Some(18..=length::MOST) = field.decode(head) else {
            continue;
        };
        let (own, behind) = head.split_at_checked(field.width()).unwrap_or_default();
        // Two letters are a word rather than a length: b'/9j/…'.
        if own.len() == 2 && own.iter().all(u8::is_ascii_graphic) {
            continue;
        }
        // Of a text the length is rather of seven bits a byte (C# `BinaryWriter`), if it can be.
        let seven = matches!(*own, [high, low] if high >= 0x80 && low < 0x80);
        if seven && matches!(encoded::sniff_base64(behind), Sniff::Is(_)) {
            continue;
        }
        let encoding = if pickle::is_pickle(behind) == Some(true) {
            Encoding::Pickled
        } else if matches!(encoded::sniff_base64(behind), Sniff::Is(_)) {
            Encoding::Base64
        } else if matches!(inflated::sniff_hex(behind), Sniff::Is(_)) {
            Encoding::Hex
        } else if let Some(compressed) = inflated::sniff_compressed(behind) {
            compressed
        } else {
            continue;
        };
        // The other byte order of the same width may give the smaller, likelier length.
        let field = length::likelier(field, head);
        return content(
            Protocol::Encoded(encoding, Box::new(Protocol::Length(field))),
            "a length, and a wrapped picture behind it",
        );
    }
    let runs = head
        .iter()
        .enumerate()
        .filter(|(_, byte)| !encoded::is_letter(**byte))
        .map(|(at, _)| at.saturating_add(1));
    for run in std::iter::once(0).chain(runs) {
        let letters = head.get(run..).unwrap_or_default();
        if run == 0
            && letters.len() >= 2 * SNIFF_BYTES
            && matches!(inflated::sniff_hex(letters), Sniff::Is(_))
        {
            return content(
                Protocol::Encoded(Encoding::Hex, Box::new(Protocol::Eof)),
                "hexadecimal digits that begin as a picture",
            );
        }
        if letters.len() >= 24 && matches!(encoded::sniff_base64(letters), Sniff::Is(_)) {
            return content(
                Protocol::Encoded(Encoding::Base64, Box::new(Protocol::Eof)),
                "base64 text that begins as a picture",
            );
        }
    }
    if head.len() < CLUE_BYTES && !clues.ended {
        Detection::NeedMore
    } else {
        Detection::Nothing
    }
}

/// The direction begins with a picture.
fn picture_first(clues: &Clues<'_>, format: Format) -> Detection {
    let protocol = match clues.port(&[PIPELINE_PORT, EOF_PORT, CATALOG_PORT]) {
        Some(PIPELINE_PORT) => Protocol::pipeline(),
        Some(EOF_PORT) if clues.role != Some(Role::Acceptor) => Protocol::Eof,
        // Who answers is the side with the port; where nobody knows who connected, the ports say it.
        Some(CATALOG_PORT) if clues.from_port == CATALOG_PORT => Protocol::Catalog,
        _ => {
            return found(
                Protocol::Carve,
                Confidence::Content,
                format!("the stream begins as {format}"),
            );
        }
    };
    let (from, to) = (clues.from_port, clues.to_port);
    let port = clues
        .port(&[PIPELINE_PORT, EOF_PORT, CATALOG_PORT])
        .unwrap_or(to.min(from));
    found(
        protocol,
        Confidence::PortAndContent,
        format!("port {port}, and the stream begins as {format}"),
    )
}

/// A length field, and a picture behind it.
fn by_length(clues: &Clues<'_>) -> Detection {
    // DLE and STX begin a message that is byte-stuffed.
    if clues.head.starts_with(b"\x10\x02") && matches!(sniff_at(clues.head, 2), Sniff::Is(_)) {
        return Detection::Nothing;
    }
    match length::guess(clues.head) {
        Guess::Is(length::Found {
            field,
            value,
            format,
            ambiguous,
        }) => {
            let doubt = if ambiguous {
                "; the other byte order would give a possible length too"
            } else {
                ""
            };
            found(
                Protocol::Length(field),
                Confidence::Content,
                format!("{format} begins behind a field that says {value} bytes{doubt}"),
            )
        }
        Guess::NeedMore if !clues.ended && clues.head.len() < CLUE_BYTES => Detection::NeedMore,
        Guess::NeedMore | Guess::No => Detection::Nothing,
    }
}

/// Nothing in the bytes speaks for a format: the port may, unless they speak against it.
fn by_port(clues: &Clues<'_>) -> Detection {
    let known = [PIPELINE_PORT, EOF_PORT, CATALOG_PORT, RAW_PIXELS_PORT];
    let Some(port) = clues.port(&known) else {
        return Detection::Nothing;
    };
    if port == CATALOG_PORT && clues.to_port == CATALOG_PORT {
        return choice(clues);
    }
    if clues.head.len() < SNIFF_BYTES && !clues.ended {
        return Detection::NeedMore;
    }
    let guess =
        |protocol, why: &str| found(protocol, Confidence::Guess, format!("port {port}; {why}"));
    match port {
        RAW_PIXELS_PORT
            if clues.head.len() > super::raw_pixels::LONGEST_ANSWER
                || clues.role != Some(Role::Acceptor) =>
        {
            guess(
                Protocol::RawPixels { width: None },
                &format!(
                    "the bytes begin as no picture file{}",
                    row_hint(clues.sizes)
                ),
            )
        }
        PIPELINE_PORT if memchr::memmem::find(clues.head, PIPELINE_MARKER).is_some() => found(
            Protocol::pipeline(),
            Confidence::PortAndContent,
            format!("port {port}, and the end marker is in the stream"),
        ),
        PIPELINE_PORT if !is_mostly_text(clues.head) => guess(
            Protocol::pipeline(),
            "what is sent begins as no picture known here",
        ),
        EOF_PORT if clues.role != Some(Role::Acceptor) && !is_mostly_text(clues.head) => guess(
            Protocol::Eof,
            "what is sent begins as no picture known here",
        ),
        CATALOG_PORT if !is_mostly_text(clues.head) => guess(
            Protocol::Catalog,
            "what is sent begins as no picture known here",
        ),
        _ => Detection::Nothing,
    }
}

fn choice(clues: &Clues<'_>) -> Detection {
    if looks_like_choice(clues) {
        found(
            Protocol::Catalog,
            Confidence::PortAndContent,
            format!("port {CATALOG_PORT}, and digits as a choice"),
        )
    } else if is_text(clues.head) && clues.head.len() <= super::catalog::LONGEST_CHOICE {
        found(
            Protocol::Catalog,
            Confidence::Guess,
            format!("port {CATALOG_PORT}; the choice is no number"),
        )
    } else {
        Detection::Nothing
    }
}

fn looks_like_choice(clues: &Clues<'_>) -> bool {
    let digits = clues.head.trim_ascii();
    clues.to_port == CATALOG_PORT
        && clues.role != Some(Role::Acceptor)
        && !digits.is_empty()
        && clues.head.len() <= super::catalog::LONGEST_CHOICE
        && digits.iter().all(u8::is_ascii_digit)
}

/// Rows are sent one by one, so where most writes have one size, it suggests the width.
fn row_hint(sizes: &[u32]) -> String {
    let Some(&first) = sizes.first() else {
        return String::new();
    };
    let same = sizes.iter().filter(|&&size| size == first).count();
    if first >= 3 && first.is_multiple_of(3) && same.saturating_mul(2) > sizes.len() {
        format!(
            ", and are written {first} at a time: rows of {} pixels?",
            first / 3
        )
    } else {
        String::new()
    }
}

/// Whether the bytes read as plain ASCII text.
pub(super) fn is_text(head: &[u8]) -> bool {
    head.iter()
        .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Whether the bytes are a text, in which a few others may stand: letters beyond ASCII, or bytes that it quotes.
pub(crate) fn is_mostly_text(head: &[u8]) -> bool {
    /// In a shorter one a few others are too many.
    const SHORT: usize = 16;
    let most = |part: usize, all: usize| part.saturating_mul(5) >= all.saturating_mul(4);
    let letters = head
        .iter()
        .filter(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let words = |words: &str| {
        let letters = words
            .chars()
            .filter(|c| c.is_alphanumeric() || c.is_ascii_graphic() || c.is_whitespace());
        most(letters.count(), words.chars().count())
    };
    is_text(head)
        || (head.len() >= SHORT
            && (most(letters.count(), head.len()) || std::str::from_utf8(head).is_ok_and(words)))
}

/// Whether bytes begin as a protocol that is left alone.
enum Foreign {
    Yes,
    NeedMore,
    No,
}

/// Whether the bytes begin as TLS or SSH.
fn foreign(head: &[u8]) -> Foreign {
    const STARTS: [&[u8]; 1] = [b"SSH-"];
    let mut need_more = false;
    for start in STARTS {
        if head.starts_with(start) {
            return Foreign::Yes;
        }
        need_more |= start.starts_with(head);
    }
    // A TLS record: handshake, version 3.x, at most 16 KiB and 256 bytes, ClientHello or ServerHello (RFC 8446, 5.1).
    match head {
        [0x16, 3, 0..=4, 0..=0x41, _, 1 | 2, ..] => return Foreign::Yes,
        [0x16] | [0x16, 3] | [0x16, 3, 0..=4] | [0x16, 3, 0..=4, _] | [0x16, 3, 0..=4, _, _] => {
            need_more = true;
        }
        _ => {}
    }
    if need_more {
        Foreign::NeedMore
    } else {
        Foreign::No
    }
}

#[cfg(test)]
mod tests;

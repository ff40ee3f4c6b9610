//! The datagrams of `framed` over UDP: 40 bytes of header, and what the kind says.

/// First bytes of a datagram.
pub(super) const MAGIC: [u8; 4] = *b"\x93img";
/// Bytes of a datagram's header.
pub(super) const HEADER_BYTES: usize = 40;
/// Most bytes behind the header: so much fits a datagram over IPv4.
pub const MOST_PAYLOAD: usize = 65_507 - HEADER_BYTES;
/// What a receiver says that did not count what came.
pub(super) const NOT_COUNTED: u64 = u64::MAX;
/// Most ranges in one request: 64 of 8 bytes each fit the smallest datagram that IPv6 carries unfragmented.
pub(super) const MOST_RANGES: usize = 64;

/// What a datagram is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sender: a picture is there to be asked for. Payload: its [`super::Header`].
    Announce,
    /// Sender: a piece. Payload: its bytes.
    Data,
    /// Receiver: asks for pieces. Payload: [`Ranges`].
    Request,
    /// Receiver: the picture is whole. Payload: the SHA-256 of what came.
    Done,
    /// Receiver: it will not take the picture. Payload: why, UTF-8.
    Refuse,
    /// Receiver: announce again with this proof, so that it is known that the address is the sender's own.
    Prove,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Announce => 1,
            Self::Data => 2,
            Self::Request => 3,
            Self::Done => 4,
            Self::Refuse => 5,
            Self::Prove => 6,
        }
    }

    fn of(code: u8) -> Option<Self> {
        [
            Self::Announce,
            Self::Data,
            Self::Request,
            Self::Done,
            Self::Refuse,
            Self::Prove,
        ]
        .into_iter()
        .find(|kind| kind.code() == code)
    }
}

/// One datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What it is for.
    pub kind: Kind,
    /// Number of the picture.
    pub picture: u64,
    /// Which piece, from 0; 0 unless it is data.
    pub index: u32,
    /// How many pieces the picture has.
    pub total: u32,
    /// Data: place of its first byte in the picture. Request: how many bytes the receiver has. Done: how many data
    /// datagrams of the picture reached the receiver, copies left out; [`NOT_COUNTED`] where it does not know. Prove: the
    /// proof. Announce: the proof that the receiver gave, 0 where it gave none.
    pub offset: u64,
    /// Data: the how many-th data datagram of the picture this is, from 0, pieces that are sent again counted again.
    pub transmission: u32,
    /// What is behind the header.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Writes the datagram into `out`, replacing what is there.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        let length = u16::try_from(self.payload.len()).unwrap_or(u16::MAX);
        out.extend(MAGIC);
        out.extend([super::VERSION, self.kind.code()]);
        out.extend(length.to_be_bytes());
        out.extend(self.picture.to_be_bytes());
        out.extend(self.index.to_be_bytes());
        out.extend(self.total.to_be_bytes());
        out.extend(self.offset.to_be_bytes());
        let transmission = self.transmission.to_be_bytes();
        let sum = checksum(out, transmission, self.payload);
        out.extend(sum.to_be_bytes());
        out.extend(transmission);
        out.extend(self.payload);
    }

    /// Whether `head` begins a datagram of this version.
    pub fn is_one(head: &[u8]) -> bool {
        match head {
            [magic @ .., version, kind] if magic.len() == MAGIC.len() => {
                *magic == MAGIC && *version == super::VERSION && Kind::of(*kind).is_some()
            }
            [_, _, _, _, _, _, _, ..] => head.get(..6).is_some_and(Self::is_one),
            _ => false,
        }
    }

    /// The datagram in `bytes`; absent where it is none of this version or its length is not right.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        Self::decode_cut(bytes, 0)?.ok()
    }

    /// As [`Self::decode`], of a datagram whose last `missing` bytes were not captured, so that its checksum says
    /// nothing; else, where the checksum is wrong, what it says and what it should.
    pub(super) fn decode_cut(bytes: &'a [u8], missing: u64) -> Option<Result<Self, (u32, u32)>> {
        let (header, payload) = bytes.split_at_checked(HEADER_BYTES)?;
        let (sealed, rest) = header.split_at_checked(32)?;
        let (sum, rest) = rest.split_first_chunk()?;
        let (transmission, _) = rest.split_first_chunk()?;
        let (magic, rest) = sealed.split_first_chunk()?;
        let (&[version, kind], rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (picture, rest) = rest.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (total, rest) = rest.split_first_chunk()?;
        let (offset, _) = rest.split_first_chunk()?;
        let length = u64::from(u16::from_be_bytes(*length));
        let (index, total) = (u32::from_be_bytes(*index), u32::from_be_bytes(*total));
        let kind = Kind::of(kind)?;
        let fits = (payload.len() as u64).checked_add(missing) == Some(length);
        let counted = kind != Kind::Data || index < total;
        if *magic != MAGIC || version != super::VERSION || !fits || !counted {
            return None;
        }
        let found = u32::from_be_bytes(*sum);
        let expected = checksum(sealed, *transmission, payload);
        if missing == 0 && found != expected {
            return Some(Err((found, expected)));
        }
        Some(Ok(Self {
            kind,
            picture: u64::from_be_bytes(*picture),
            index,
            total,
            offset: u64::from_be_bytes(*offset),
            transmission: u32::from_be_bytes(*transmission),
            payload,
        }))
    }
}

/// CRC-32 of the first 32 bytes of the header, of its last 4 and of the payload.
fn checksum(sealed: &[u8], transmission: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(sealed);
    hasher.update(&transmission);
    hasher.update(payload);
    hasher.finalize()
}

/// Ranges of pieces that a receiver asks for: first and last of each, both asked for, 4 bytes each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(pub Vec<(u32, u32)>);

impl Ranges {
    /// Adds an index; false where no more ranges fit. Indexes come in ascending order.
    pub(super) fn push(&mut self, index: u32) -> bool {
        let count = self.0.len();
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(index) => *last = index,
            _ if count >= MOST_RANGES => return false,
            _ => self.0.push((index, index)),
        }
        true
    }

    /// The payload of a request.
    pub fn encode(&self) -> Vec<u8> {
        let numbers = self.0.iter().flat_map(|&(first, last)| [first, last]);
        numbers.flat_map(u32::to_be_bytes).collect()
    }

    /// The ranges in a request's payload; what is over is left out.
    pub fn decode(payload: &[u8]) -> Self {
        let (ranges, _) = payload.as_chunks::<8>();
        let number = |bytes: &[u8]| {
            let shift_in = |value: u32, &byte: &u8| value << 8 | u32::from(byte);
            bytes.iter().fold(0, shift_in)
        };
        Self(
            ranges
                .iter()
                .take(MOST_RANGES)
                .map(|range| {
                    let (first, last) = range.split_at(4);
                    (number(first), number(last))
                })
                .collect(),
        )
    }
}

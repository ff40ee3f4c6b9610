//! The Internet checksum (RFC 1071) of IPv4 headers, TCP and UDP.

use super::Checksum;
use super::ip::Addresses;

/// Packets of an Ethernet are no longer.
const USUAL: usize = 1500;

/// What TCP and UDP checksums cover beside the packet (RFC 9293, section 3.1; RFC 8200, section 8.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct PseudoHeader<'a> {
    pub(super) addresses: Addresses<'a>,
    pub(super) protocol: u8,
    pub(super) length: u32,
}

impl PseudoHeader<'_> {
    /// Its sum, not complemented: with the length and without.
    fn sums(&self) -> [u16; 2] {
        let ends = match self.addresses {
            Addresses::V4(source, destination) => {
                u64::from(u32::from_be_bytes(*source)) + u64::from(u32::from_be_bytes(*destination))
            }
            Addresses::V6(..) => {
                let [source, destination] = self.addresses.bytes();
                u64::from(sum(source)) + u64::from(sum(destination))
            }
        };
        let bare = ends + u64::from(self.protocol);
        [fold(bare + u64::from(self.length)), fold(bare)]
    }

    /// Judges a TCP or UDP checksum `found` in the header of `bytes`, which are all that it covers.
    ///
    /// Offload leaves the sum of the pseudo-header in the field: Linux with the length, others without it,
    /// a few leave 0. By chance a finished checksum has that value once in 65,536 packets; so packets of a usual size
    /// are looked at. In a longer one, which no network card sent, it is [`Checksum::Unfinished`] without a look.
    #[inline(never)]
    pub(super) fn verify(&self, found: u16, bytes: &[u8]) -> Checksum {
        let [with_length, without] = self.sums();
        let left = found == with_length || found == without;
        if left && bytes.len() > USUAL {
            return Checksum::Unfinished;
        }
        // One's complement addition may be done in any order, and the field itself is part of the sum.
        if fold(u64::from(with_length) + u64::from(sum(bytes))) == u16::MAX {
            Checksum::Good
        } else if left || found == 0 {
            Checksum::Unfinished
        } else {
            Checksum::Wrong
        }
    }
}

/// Judges an IPv4 header's checksum (RFC 791, section 3.1); some offload engines leave 0 in it.
#[inline(never)]
pub(super) fn ipv4_header(header: &[u8], found: u16) -> Checksum {
    if sum(header) == u16::MAX {
        Checksum::Good
    } else if found == 0 {
        Checksum::Unfinished
    } else {
        Checksum::Wrong
    }
}

/// The same of a header without options.
#[inline]
pub(super) fn plain_ipv4_header(header: &[u8; 20], found: u16) -> Checksum {
    let (words, _) = header.as_chunks::<4>();
    let total: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_ne_bytes(*word)))
        .sum();
    if fold(total) == u16::MAX {
        Checksum::Good
    } else {
        ipv4_header(header, found)
    }
}

/// One's complement sum of big-endian 16-bit words, an odd last byte padded with 0 (RFC 1071, section 1).
///
/// Added as native 32-bit words, which the compiler turns into vectors: the sum is the same in any word
/// size, and byte order only swaps its bytes (RFC 1071, section 2).
pub(super) fn sum(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<4>();
    // 2³² words of 32 bits fit into 64 bits: more than a packet has.
    let mut total: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_ne_bytes(*word)))
        .sum();
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    total += u64::from(u32::from_ne_bytes(last));
    u16::from_be(fold(total))
}

/// Adds the carries back in until 16 bits are left.
fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Word by word, as RFC 1071 says it.
    fn plain(bytes: &[u8]) -> u16 {
        let mut total = 0_u32;
        for pair in bytes.chunks(2) {
            total += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
            total = (total >> 16) + (total & 0xffff);
        }
        u16::try_from(total).unwrap()
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_words_of_sixteen_bits(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(sum(&bytes), plain(&bytes));
        }
    }

    #[test]
    fn carries_of_every_word_size_come_back() {
        for length in [0, 1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 1460, 65_535] {
            for byte in [0x00, 0x01, 0x80, 0xff] {
                let bytes = vec![byte; length];
                assert_eq!(sum(&bytes), plain(&bytes), "{length} bytes of {byte:#x}");
            }
        }
    }
}

//! Content anchors: places of the texts that the bytes there choose themselves, by a rolling hash.

use memchr::memmem;

use super::heads::Heads;

/// More short texts than this are looked for all at once.
const FEW: usize = 16;
/// Bytes that a hash is of.
pub(super) const WINDOW: usize = 32;
/// More places with one hash say nothing.
const MOST_OF_ONE: usize = 32;
/// Windows with fewer different byte values are no anchors: zeros, runs, simple patterns.
const VALUES: usize = 4;
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const SPREAD: u64 = 0xd6e8_feb8_6659_fd93;

/// Where a sampled window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Anchor {
    hash: u64,
    pub(super) text: u32,
    pub(super) offset: u32,
}

/// The texts that are looked for, and their anchors.
#[derive(Debug)]
pub(crate) struct Index<'t> {
    texts: Vec<&'t [u8]>,
    /// Sorted.
    anchors: Vec<Anchor>,
    /// A hash is sampled where its highest `bits` are zero.
    bits: u32,
    /// Texts with too few anchors to be found by them: looked for as a whole.
    direct: Vec<usize>,
    /// Those of them that are looked for all at once, not in `direct`.
    heads: Heads,
}

impl<'t> Index<'t> {
    /// An index of these texts. Its memory is at most 1 MiB, or 3 % of theirs.
    pub(crate) fn new(texts: Vec<&'t [u8]>) -> Self {
        let total: usize = texts.iter().map(|text| text.len()).sum();
        // Anchors of 16 bytes, one for 2^bits bytes: all of them, at most 1 MiB, or 1.6 %.
        let bits = match total >> 20 {
            0 => 4,
            1..4 => 6,
            4..16 => 8,
            16..32 => 9,
            _ => 10,
        };
        let mut index = Self {
            texts: Vec::new(),
            anchors: Vec::new(),
            bits,
            direct: Vec::new(),
            heads: Heads::default(),
        };
        let mut anchors = Vec::with_capacity(total >> bits);
        for (number, text) in texts.iter().enumerate() {
            let before = anchors.len();
            let Ok(name) = u32::try_from(number) else {
                break;
            };
            let mut last = None;
            index.sampled(text, |at, hash| {
                // One anchor is enough where a pattern repeats at once.
                if let Ok(offset) = u32::try_from(at)
                    && last != Some(hash)
                {
                    anchors.push(Anchor {
                        hash,
                        text: name,
                        offset,
                    });
                }
                last = Some(hash);
            });
            if anchors.len() - before < 2 && !text.is_empty() {
                index.direct.push(number);
            }
        }
        anchors.sort_unstable();
        index.anchors.reserve_exact(anchors.len());
        for same in anchors.chunk_by(|a, b| a.hash == b.hash) {
            if same.len() <= MOST_OF_ONE {
                index.anchors.extend_from_slice(same);
            }
        }
        if index.direct.len() > FEW {
            let of = |number: &usize| texts.get(*number).copied().unwrap_or_default();
            let (many, few): (Vec<usize>, Vec<usize>) = index
                .direct
                .iter()
                .partition(|number| Heads::knows(of(number)));
            index.heads = Heads::of(many.iter().map(|number| (*number, of(number))));
            index.direct = few;
        }
        index.texts = texts;
        index
    }

    /// How many texts there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn text(&self, number: usize) -> &'t [u8] {
        self.texts.get(number).copied().unwrap_or_default()
    }

    /// Calls `found` with the number of each text that has too few anchors and stands in `block` as a whole, and where; of one text
    /// in order.
    pub(super) fn direct(&self, block: &[u8], mut found: impl FnMut(usize, usize)) {
        for &number in &self.direct {
            for place in memmem::find_iter(block, self.text(number)) {
                found(number, place);
            }
        }
        self.heads
            .find(block, |number| self.text(number), &mut found);
    }

    /// Memory it takes beside the texts, in bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.anchors.capacity() * size_of::<Anchor>() + self.direct.capacity() * size_of::<usize>()
    }

    /// All places of this hash.
    pub(super) fn places(&self, hash: u64) -> &[Anchor] {
        let first = self.anchors.partition_point(|anchor| anchor.hash < hash);
        let rest = self.anchors.get(first..).unwrap_or_default();
        let count = rest.iter().take_while(|anchor| anchor.hash == hash).count();
        rest.get(..count).unwrap_or_default()
    }

    /// Calls `found` with the place of each sampled window of `bytes`, and its hash.
    pub(super) fn sampled(&self, bytes: &[u8], mut found: impl FnMut(usize, u64)) {
        let Some(first) = bytes.get(..WINDOW) else {
            return;
        };
        let mut oldest = 1_u64;
        let mut hash = 0_u64;
        for &byte in first {
            hash = hash.wrapping_mul(FACTOR).wrapping_add(u64::from(byte) + 1);
            oldest = oldest.wrapping_mul(FACTOR);
        }
        let shift = 64 - self.bits;
        let mut tell = |at: usize, hash: u64| {
            if hash.wrapping_mul(SPREAD) >> shift == 0
                && let Some(window) = bytes.get(at..at + WINDOW)
                && is_various(window)
            {
                found(at, hash);
            }
        };
        tell(0, hash);
        let entering = bytes.iter().skip(WINDOW);
        for (at, (&leaving, &entering)) in (1..).zip(bytes.iter().zip(entering)) {
            hash = hash
                .wrapping_mul(FACTOR)
                .wrapping_add(u64::from(entering) + 1)
                .wrapping_sub(oldest.wrapping_mul(u64::from(leaving) + 1));
            tell(at, hash);
        }
    }
}

/// Whether bytes have several values: no run, no simple pattern.
pub(super) fn is_various(window: &[u8]) -> bool {
    let mut seen = [0_u8; VALUES];
    let mut count = 0;
    for &byte in window {
        if !seen.iter().take(count).any(|&known| known == byte) {
            if let Some(place) = seen.get_mut(count) {
                *place = byte;
            }
            count += 1;
            if count >= VALUES {
                return true;
            }
        }
    }
    false
}

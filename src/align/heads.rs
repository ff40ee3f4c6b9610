//! Many short texts that are looked for as a whole, all at once: by eight bytes of each.

use std::collections::HashMap;

/// Bytes by which a text is known.
const KNOWN: usize = 8;
const SPREAD: u64 = 0xd6e8_feb8_6659_fd93;
/// A word is looked up only where this filter, of so many bits, has it.
const FILTER: u32 = 16;

/// A place of a text: which one, and where in it.
type Place = (usize, usize);

/// Where eight bytes of each text stand: those that the fewest others have at such a place.
#[derive(Debug, Default)]
pub(super) struct Heads {
    filter: Vec<u64>,
    places: HashMap<u64, Vec<Place>>,
}

/// The words at some places of a text, none where it is shorter than one.
fn words(text: &[u8]) -> impl Iterator<Item = (usize, u64)> {
    let last = text.len().checked_sub(KNOWN);
    let places = last.map(|last| [0, last / 4, last / 2, last / 4 * 3, last]);
    places.into_iter().flatten().filter_map(|at| {
        let word = text.get(at..)?.first_chunk::<KNOWN>()?;
        Some((at, u64::from_le_bytes(*word)))
    })
}

fn slot(word: u64) -> (usize, u64) {
    let hash = word.wrapping_mul(SPREAD) >> (u64::BITS - FILTER);
    (
        usize::try_from(hash >> 6).unwrap_or_default(),
        1 << (hash & 63),
    )
}

impl Heads {
    /// Whether a text is long enough.
    pub(super) fn knows(text: &[u8]) -> bool {
        text.len() >= KNOWN
    }

    /// Those of these texts, each with its number.
    pub(super) fn of<'t>(texts: impl Iterator<Item = (usize, &'t [u8])> + Clone) -> Self {
        let mut having: HashMap<u64, usize> = HashMap::new();
        for (_, text) in texts.clone() {
            for (_, word) in words(text) {
                *having.entry(word).or_default() += 1;
            }
        }
        let mut heads = Self {
            filter: vec![0; 1 << (FILTER - 6)],
            places: HashMap::new(),
        };
        for (number, text) in texts {
            let rarest = words(text).min_by_key(|(_, word)| having.get(word).copied());
            let Some((at, word)) = rarest else {
                continue;
            };
            heads.places.entry(word).or_default().push((number, at));
            let (slot, bit) = slot(word);
            if let Some(bits) = heads.filter.get_mut(slot) {
                *bits |= bit;
            }
        }
        heads
    }

    /// Calls `found` with the number of each text that stands in `block`, and where; of one text in order.
    pub(super) fn find<'t>(
        &self,
        block: &[u8],
        text: impl Fn(usize) -> &'t [u8],
        mut found: impl FnMut(usize, usize),
    ) {
        if self.places.is_empty() {
            return;
        }
        let mut word = 0_u64;
        for (end, &byte) in (1_usize..).zip(block) {
            word = word >> 8 | u64::from(byte) << (u64::BITS - 8);
            let (slot, bit) = slot(word);
            if self.filter.get(slot).is_none_or(|bits| bits & bit == 0) {
                continue;
            }
            let Some(at) = end.checked_sub(KNOWN) else {
                continue;
            };
            for &(number, within) in self.places.get(&word).into_iter().flatten() {
                if let Some(place) = at.checked_sub(within)
                    && let Some(there) = block.get(place..)
                    && there.starts_with(text(number))
                {
                    found(number, place);
                }
            }
        }
    }
}

//! One folder for both sides: which of its files were sent, and which were received.
//!
//! People keep all in one folder, and give it twice. A file that stood on both sides would be compared with itself: what a
//! receiver saved wrongly would be passed over for the file that was sent. So each goes to one side: to that whose folder lies
//! nearer, else by what the files have in common. What cannot be told apart proves nothing about a receiver, and stays with
//! the files sent.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::files::{self, Found};
use crate::picture::{
    DecodeLimits, Format, SNIFF_BYTES, Sniff, Walker, compare, decode, eight_bits, is_whole, sniff,
};

/// Bytes that are read to tell files apart, all together.
const READ: u64 = 256 << 20;
/// So many files are compared each with each; of more only those that begin or end alike.
const FEW: usize = 60;
/// Bytes at either end that tell whether they do.
const END: usize = 1024;
/// Pairs of files that are decoded to be compared.
const DECODED: usize = 60;
/// Levels that pixels of one lossy file may differ by, from decoder to decoder.
const LEVELS: u8 = 32;

/// Where a file belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Sent,
    Received,
}

/// Puts each file that is on both sides on one. Files that were named themselves stay where they were named.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn apart(
    sent: &mut Vec<Found>,
    received: &mut Vec<Found>,
    roots: [&[PathBuf]; 2],
) -> anyhow::Result<()> {
    let mut of_sent: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for (index, file) in sent.iter().enumerate() {
        if let Some(identity) = identity(file) {
            of_sent.entry(identity).or_insert(index);
        }
    }
    let mut places: Vec<(usize, usize, Place)> = Vec::new();
    let mut level: Vec<(usize, usize)> = Vec::new();
    for (index, file) in received.iter().enumerate() {
        let Some(&other) = identity(file).and_then(|identity| of_sent.get(&identity)) else {
            continue;
        };
        let Some(twin) = sent.get(other) else {
            continue;
        };
        match depth(&twin.path, roots[0]).cmp(&depth(&file.path, roots[1])) {
            std::cmp::Ordering::Less => places.push((other, index, Place::Sent)),
            std::cmp::Ordering::Greater => places.push((other, index, Place::Received)),
            std::cmp::Ordering::Equal => level.push((other, index)),
        }
    }
    let shared: Vec<&Found> = level
        .iter()
        .filter_map(|(_, index)| received.get(*index))
        .collect();
    let by_content = placed(&shared)?;
    places.extend(
        level
            .iter()
            .zip(by_content)
            .map(|((other, index), place)| (*other, *index, place)),
    );
    let leaving = |wanted: Place| -> BTreeSet<usize> {
        places
            .iter()
            .filter(|(_, _, place)| *place != wanted)
            .map(|(other, index, _)| {
                if wanted == Place::Sent {
                    *other
                } else {
                    *index
                }
            })
            .collect()
    };
    let (from_sent, from_received) = (leaving(Place::Sent), leaving(Place::Received));
    keep(sent, &from_sent);
    keep(received, &from_received);
    Ok(())
}

fn keep(files: &mut Vec<Found>, leaving: &BTreeSet<usize>) {
    let mut index = 0;
    files.retain(|_| {
        let stays = !leaving.contains(&index);
        index += 1;
        stays
    });
}

/// Device and number of a file that was found in a folder.
fn identity(file: &Found) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(&file.path).ok().filter(|_| !file.named)?;
    Some((metadata.dev(), metadata.ino()))
}

/// How many folders below the nearest path given.
fn depth(file: &Path, roots: &[PathBuf]) -> usize {
    roots
        .iter()
        .filter_map(|root| file.strip_prefix(root).ok())
        .map(|below| below.components().count())
        .min()
        .unwrap_or(usize::MAX)
}

/// The bytes of a file at hand, and whether they are a whole picture.
struct Content {
    bytes: Vec<u8>,
    whole: bool,
}

/// The place of each file, by what they have in common.
fn placed(files: &[&Found]) -> anyhow::Result<Vec<Place>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        groups.entry(&file.facts.sha256).or_default().push(index);
    }
    let mut places = vec![Place::Sent; files.len()];
    for group in groups.values() {
        // One was sent, and its copies came.
        for index in group.iter().skip(1) {
            set(&mut places, *index, Place::Received);
        }
    }
    let firsts: Vec<usize> = groups
        .values()
        .filter_map(|group| group.first().copied())
        .collect();
    if firsts.len() < 2 {
        return Ok(places);
    }
    let mut room = READ;
    let mut contents: Vec<(usize, Content)> = Vec::new();
    for index in firsts {
        let Some(file) = files.get(index).filter(|file| file.facts.bytes <= room) else {
            continue;
        };
        if let Some(bytes) = files::read(file, room)? {
            room = room.saturating_sub(bytes.len() as u64);
            let whole = is_whole(&bytes);
            contents.push((index, Content { bytes, whole }));
        }
    }
    // In order of names, so that the same folder always gives the same.
    contents.sort_by_key(|(index, _)| *index);
    let alone = |index: usize| {
        files.get(index).is_some_and(|file| {
            groups
                .get(file.facts.sha256.as_str())
                .is_some_and(|group| group.len() == 1)
        })
    };
    let mut decoded = 0;
    for (one, other) in pairs(&contents) {
        let (Some((index, content)), Some((beside_index, beside))) =
            (contents.get(one), contents.get(other))
        else {
            continue;
        };
        let mut told = first_was_sent(content, beside);
        if told.is_none() && decoded < DECODED && alone(*index) && alone(*beside_index) {
            told = as_pixels(content, beside, &mut decoded);
        }
        if let Some(first_was_sent) = told {
            let received = if first_was_sent {
                *beside_index
            } else {
                *index
            };
            set(&mut places, received, Place::Received);
        }
    }
    Ok(places)
}

/// The pairs of files, by position, that may have something to do with each other.
fn pairs(contents: &[(usize, Content)]) -> BTreeSet<(usize, usize)> {
    let mut found = BTreeSet::new();
    if contents.len() <= FEW {
        for one in 0..contents.len() {
            found.extend((one.saturating_add(1)..contents.len()).map(|other| (one, other)));
        }
        return found;
    }
    for tail in [false, true] {
        let mut last: BTreeMap<&[u8], usize> = BTreeMap::new();
        for (position, (_, content)) in contents.iter().enumerate() {
            let bytes = &content.bytes;
            let from = if tail {
                bytes.len().saturating_sub(END)
            } else {
                0
            };
            let Some(end) = bytes.get(from..from.saturating_add(END)) else {
                continue;
            };
            if let Some(before) = last.insert(end, position) {
                found.insert((before, position));
            }
        }
    }
    found
}

fn set(places: &mut [Place], index: usize, place: Place) {
    if let Some(slot) = places.get_mut(index) {
        *slot = place;
    }
}

/// Whether the first of two files was sent and the other is what came of it; absent where they have nothing to do with each
/// other, or neither says which it is.
///
/// A receiver that stopped has the beginning of the file. One that saved a marker or a header has the file and more, as has
/// the file of a sender that stopped too early: then what came is no whole picture.
fn first_was_sent(one: &Content, other: &Content) -> Option<bool> {
    let first_is_shorter = one.bytes.len() < other.bytes.len();
    let (short, long) = if first_is_shorter {
        (one, other)
    } else {
        (other, one)
    };
    let related = !short.bytes.is_empty()
        && (long.bytes.starts_with(&short.bytes) || long.bytes.ends_with(&short.bytes));
    related.then_some(short.whole == first_is_shorter)
}

/// The same of two files of one picture in different formats, as rows of pixels are saved: what loses nothing came of what does.
fn as_pixels(one: &Content, other: &Content, count: &mut usize) -> Option<bool> {
    if !(one.whole && other.whole) || size(&one.bytes)? != size(&other.bytes)? {
        return None;
    }
    *count += 1;
    let decoded = |content: &Content| {
        decode(&content.bytes, &DecodeLimits::default())
            .ok()
            .map(|picture| eight_bits(&picture))
    };
    let (left, right) = (decoded(one)?, decoded(other)?);
    if compare::pixels(&left, &right).equal() {
        return Some(true);
    }
    let (first_is_lossy, other_is_lossy) = (is_lossy(&one.bytes), is_lossy(&other.bytes));
    let (left, right) = (left.into_rgb8(), right.into_rgb8());
    let near = left
        .as_raw()
        .iter()
        .zip(right.as_raw())
        .all(|(a, b)| a.abs_diff(*b) <= LEVELS);
    (near && first_is_lossy != other_is_lossy).then_some(first_is_lossy)
}

fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let info = Walker::of(bytes)?.info();
    info.width.zip(info.height)
}

fn is_lossy(bytes: &[u8]) -> bool {
    let head = bytes.get(..SNIFF_BYTES).unwrap_or(bytes);
    matches!(sniff(head), Sniff::Is(Format::Jpeg | Format::WebP))
}

//! Which file belongs to which picture: by digest, then by ledger, then by what they have in common.
//!
//! A received file is used once. A file sent may stand for several pictures with its very bytes: programs send one
//! file many times.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;

use super::wire::Wire;
use crate::ledger::comparison::PairedBy;
use crate::picture::Format;

/// A file, or what a ledger says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileFacts {
    /// Its path as found; absent for a line of a ledger whose file was not given.
    pub path: Option<String>,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in lowercase hex.
    pub sha256: String,
}

/// A picture that wants a file.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// SHA-256 of its bytes; absent where bytes are missing.
    pub sha256: Option<String>,
    /// Its length.
    pub bytes: u64,
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// Its file format; absent for raw pixels and for what is no known picture.
    pub format: Option<Format>,
    /// Width and height; absent where unknown.
    pub size: Option<(u32, u32)>,
    /// It goes as rows of raw pixels.
    pub raw: bool,
}

/// A file that may belong to a picture.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Its path, as a ledger may name it.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: String,
    /// Its file format; absent where its first bytes are those of no picture.
    pub format: Option<Format>,
    /// Width and height; absent where unknown.
    pub size: Option<(u32, u32)>,
}

/// What a ledger says of one side of a picture.
#[derive(Debug, Clone)]
pub(crate) struct LedgerLine {
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// SHA-256 of the picture.
    pub sha256: String,
    /// The file; absent where there is none.
    pub file: Option<String>,
}

/// For each picture the file that belongs to it, and how that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pairs {
    /// Index of the file, one for each picture.
    pub files: Vec<Option<(usize, PairedBy)>>,
    /// Index of the line of the ledger, one for each picture.
    pub lines: Vec<Option<usize>>,
}

/// How much a picture and a file have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Closeness {
    /// Captured bytes that are equal: from the start until the first difference and from the end backwards, where all
    /// was captured; else at the same offsets.
    pub common: u64,
    /// Of so many that could be.
    pub of: u64,
}

impl Closeness {
    /// Whether that is no accident: headers of two pictures of one program agree for hundreds of bytes.
    fn convinces(self) -> bool {
        self.common >= 1024 || (self.of > 0 && self.common.saturating_mul(2) >= self.of)
    }
}

/// How much of a picture's captured bytes a file has.
pub(crate) fn closeness(wire: &Wire, file: &[u8]) -> Closeness {
    if let Some(whole) = wire.whole() {
        let shorter = whole.len().min(file.len());
        let prefix = equal_from_start(whole, file);
        let suffix = whole
            .iter()
            .rev()
            .zip(file.iter().rev())
            .take(shorter.saturating_sub(prefix))
            .take_while(|(a, b)| a == b)
            .count();
        return Closeness {
            common: prefix.saturating_add(suffix) as u64,
            of: shorter as u64,
        };
    }
    let mut closeness = Closeness::default();
    for run in &wire.runs {
        let at = usize::try_from(run.offset).unwrap_or(usize::MAX);
        let pairs = run.bytes.iter().zip(file.iter().skip(at));
        for (left, right) in pairs {
            closeness.of = closeness.of.saturating_add(1);
            closeness.common = closeness.common.saturating_add(u64::from(left == right));
        }
    }
    closeness
}

fn equal_from_start(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(a, b)| a == b).count()
}

/// Most pairs whose bytes are compared to find the closest.
const COMPARED: usize = 20_000;

/// Pairs pictures (in order of first frame) with files (in natural order). `shared`: a file may stand for several
/// pictures by its digest, by the ledger, and where no other is as close. `closeness` is asked about a picture and a file only where digest and ledger did not tell;
/// absent where it cannot be told.
///
/// # Errors
/// Those of `closeness`.
pub(crate) fn pair<E>(
    pictures: &[Wanted],
    files: &[Candidate],
    ledger: &[LedgerLine],
    shared: bool,
    closeness: &mut dyn FnMut(usize, usize) -> Result<Option<Closeness>, E>,
) -> Result<Pairs, E> {
    let mut pairs = Pairs {
        files: vec![None; pictures.len()],
        lines: lines(pictures, ledger),
    };
    let mut used: BTreeSet<usize> = BTreeSet::new();
    by_digest(pictures, files, shared, &mut pairs, &mut used);
    by_ledger(files, ledger, shared, &mut pairs, &mut used);
    by_pixels(pictures, files, &mut pairs, &mut used);
    by_closeness(files, &mut pairs, &mut used, false, closeness)?;
    if shared {
        // One of many copies of a file that is there already, and came onto the wire changed.
        by_closeness(files, &mut pairs, &mut used, true, closeness)?;
    }
    by_size(pictures, files, &mut pairs, &mut used);
    by_order(pictures, files, &mut pairs, &mut used);
    Ok(pairs)
}

/// The same by evidence: nothing is paired by order, by size or by name. `shown` is for each picture the SHA-256 of the file
/// whose bytes lie where it lies; `kinship` tells how much a picture and a file are one picture, from 0 to 1, where their bytes
/// have nothing to do with each other.
///
/// # Errors
/// Those of `kinship`.
pub(crate) fn pair_by_evidence<E>(
    pictures: &[Wanted],
    files: &[Candidate],
    ledger: &[LedgerLine],
    shared: bool,
    shown: &[Option<&str>],
    kinship: &mut dyn FnMut(usize, usize) -> Result<f64, E>,
) -> Result<Pairs, E> {
    let mut pairs = Pairs {
        files: vec![None; pictures.len()],
        lines: lines(pictures, ledger),
    };
    let mut used: BTreeSet<usize> = BTreeSet::new();
    // What a ledger says of this very connection is stronger than a digest that fits: the file may be an older copy.
    by_ledger(files, ledger, shared, &mut pairs, &mut used);
    let contradicted: Vec<bool> = pictures
        .iter()
        .zip(&pairs.lines)
        .map(|(picture, line)| {
            let line = line.and_then(|line| ledger.get(line));
            line.is_some_and(|line| {
                line.file.is_some()
                    && picture
                        .sha256
                        .as_ref()
                        .is_some_and(|sha| *sha != line.sha256)
            })
        })
        .collect();
    let mut free: Vec<Wanted> = pictures.to_vec();
    for (picture, contradicted) in free.iter_mut().zip(&contradicted) {
        if *contradicted {
            picture.sha256 = None;
        }
    }
    by_digest(&free, files, shared, &mut pairs, &mut used);
    for (index, sha256) in shown.iter().enumerate() {
        let (Some(sha256), Some(false)) = (sha256, contradicted.get(index)) else {
            continue;
        };
        let of = |file: &usize| files.get(*file).is_some_and(|file| file.sha256 == **sha256);
        let found = (0..files.len())
            .filter(of)
            .find(|file| !used.contains(file))
            .or_else(|| (0..files.len()).filter(|_| shared).find(of));
        if let (Some(file), Some(slot @ None)) = (found, pairs.files.get_mut(index)) {
            used.insert(file);
            *slot = Some((file, PairedBy::Closest));
        }
    }
    by_kinship(
        pictures,
        files,
        &contradicted,
        &mut pairs,
        &mut used,
        kinship,
    )?;
    Ok(pairs)
}

/// Pictures left with files left that are the same picture, encoded differently.
fn by_kinship<E>(
    pictures: &[Wanted],
    files: &[Candidate],
    contradicted: &[bool],
    pairs: &mut Pairs,
    used: &mut BTreeSet<usize>,
    kinship: &mut dyn FnMut(usize, usize) -> Result<f64, E>,
) -> Result<(), E> {
    /// Most pairs that are decoded and compared.
    const DECODED: usize = 400;
    let mut close: Vec<(f64, usize, usize)> = Vec::new();
    let mut asked = 0;
    for (index, picture) in pictures.iter().enumerate() {
        let wants =
            pairs.files.get(index) == Some(&None) && contradicted.get(index) == Some(&false);
        if !wants {
            continue;
        }
        for (number, file) in files.iter().enumerate() {
            if asked >= DECODED {
                break;
            }
            if used.contains(&number) {
                continue;
            }
            asked += 1;
            let kin = kinship(index, number)?;
            let only = picture.raw && pixel_bytes(file) == Some(picture.bytes);
            if kin > 0.0 || only {
                close.push((kin, index, number));
            }
        }
    }
    close.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    for (_, picture, file) in close {
        if let Some(slot @ None) = pairs.files.get_mut(picture)
            && used.insert(file)
        {
            *slot = Some((file, PairedBy::Closest));
        }
    }
    Ok(())
}

fn by_digest(
    pictures: &[Wanted],
    files: &[Candidate],
    shared: bool,
    pairs: &mut Pairs,
    used: &mut BTreeSet<usize>,
) {
    let mut of_digest: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate().rev() {
        of_digest.entry(&file.sha256).or_default().push(index);
    }
    for (picture, slot) in pictures.iter().zip(&mut pairs.files) {
        let Some(digest) = &picture.sha256 else {
            continue;
        };
        let Some(left) = of_digest.get_mut(digest.as_str()) else {
            continue;
        };
        let file = match left.as_slice() {
            [last] if shared => Some(*last),
            _ => left.pop(),
        };
        if let Some(file) = file {
            used.insert(file);
            *slot = Some((file, PairedBy::Digest));
        }
    }
}

/// For each picture its line: that of its digest between its endpoints, else the next one between them.
fn lines(pictures: &[Wanted], ledger: &[LedgerLine]) -> Vec<Option<usize>> {
    let mut exact: BTreeMap<(SocketAddr, SocketAddr, &str), VecDeque<usize>> = BTreeMap::new();
    let mut between: BTreeMap<(SocketAddr, SocketAddr), VecDeque<usize>> = BTreeMap::new();
    for (index, line) in ledger.iter().enumerate() {
        let ends = (line.from, line.to);
        between.entry(ends).or_default().push_back(index);
        let same = exact.entry((line.from, line.to, line.sha256.as_str()));
        same.or_default().push_back(index);
    }
    let mut taken = vec![false; ledger.len()];
    let mut found = vec![None; pictures.len()];
    for (picture, slot) in pictures.iter().zip(&mut found) {
        let digest = picture.sha256.as_deref();
        let same = digest.and_then(|digest| exact.get_mut(&(picture.from, picture.to, digest)));
        *slot = same.and_then(VecDeque::pop_front);
        if let Some(taken) = slot.and_then(|index| taken.get_mut(index)) {
            *taken = true;
        }
    }
    for (picture, slot) in pictures.iter().zip(&mut found) {
        let Some(left) = between.get_mut(&(picture.from, picture.to)) else {
            continue;
        };
        while slot.is_none()
            && let Some(index) = left.pop_front()
        {
            // Passed over once and for all, so that many lines of one stream take no more time each.
            *slot = (!taken.get(index).is_some_and(|taken| *taken)).then_some(index);
        }
    }
    found
}

fn by_ledger(
    files: &[Candidate],
    ledger: &[LedgerLine],
    shared: bool,
    pairs: &mut Pairs,
    used: &mut BTreeSet<usize>,
) {
    let mut by_path: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        by_path.entry(&file.path).or_default().push(index);
        by_name.entry(last(&file.path)).or_default().push(index);
    }
    for (slot, line) in pairs.files.iter_mut().zip(&pairs.lines) {
        let named = line
            .and_then(|line| ledger.get(line))
            .and_then(|line| line.file.as_deref());
        let (None, Some(named)) = (&slot, named) else {
            continue;
        };
        let free = |index: &&usize| shared || !used.contains(*index);
        let paths = by_path.get(named).map_or(&[][..], Vec::as_slice);
        let exact = paths.iter().find(free).copied();
        // The ledger was written in another folder: one file of that name will do, two will not.
        let alike = by_name.get(last(named)).map_or(&[][..], Vec::as_slice);
        let mut alike = alike.iter().filter(free).copied();
        let only = alike.next().filter(|_| alike.next().is_none());
        if let Some(file) = exact.or(only) {
            used.insert(file);
            *slot = Some((file, PairedBy::Ledger));
        }
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Raw pixels and a picture file with as many of them.
fn by_pixels(
    pictures: &[Wanted],
    files: &[Candidate],
    pairs: &mut Pairs,
    used: &mut BTreeSet<usize>,
) {
    fill(pictures, files, pairs, used, |picture, file| {
        picture.raw && pixel_bytes(file) == Some(picture.bytes)
    });
}

/// Bytes of a file's pixels as BGR24.
fn pixel_bytes(file: &Candidate) -> Option<u64> {
    let (width, height) = file.size?;
    u64::from(width)
        .checked_mul(u64::from(height))?
        .checked_mul(3)
}

/// Pairs each picture left with the first file left that `fits`.
fn fill(
    pictures: &[Wanted],
    files: &[Candidate],
    pairs: &mut Pairs,
    used: &mut BTreeSet<usize>,
    fits: impl Fn(&Wanted, &Candidate) -> bool,
) {
    for (picture, slot) in pictures.iter().zip(&mut pairs.files) {
        if slot.is_some() {
            continue;
        }
        let found = files
            .iter()
            .enumerate()
            .find(|(index, file)| !used.contains(index) && fits(picture, file));
        if let Some((file, _)) = found {
            used.insert(file);
            *slot = Some((file, PairedBy::OrderAndSize));
        }
    }
}

/// `again`: of the files that belong to a picture already, each may be taken as often as it is the closest.
fn by_closeness<E>(
    files: &[Candidate],
    pairs: &mut Pairs,
    used: &mut BTreeSet<usize>,
    again: bool,
    closeness: &mut dyn FnMut(usize, usize) -> Result<Option<Closeness>, E>,
) -> Result<(), E> {
    let left: Vec<usize> = (0..files.len())
        .filter(|file| used.contains(file) == again)
        .collect();
    let wanting: Vec<usize> = pairs
        .files
        .iter()
        .enumerate()
        .filter_map(|(picture, slot)| slot.is_none().then_some(picture))
        .collect();
    if left.len().saturating_mul(wanting.len()) > COMPARED {
        return Ok(());
    }
    let mut close: Vec<(Closeness, usize, usize)> = Vec::new();
    for &picture in &wanting {
        for &file in &left {
            if let Some(closeness) = closeness(picture, file)?
                && closeness.convinces()
                // Other pictures of the same kind begin alike.
                && (!again || closeness.common.saturating_mul(2) >= closeness.of)
            {
                close.push((closeness, picture, file));
            }
        }
    }
    // The most in common first; of equals the first picture with the first file.
    close.sort_by_key(|&(closeness, picture, file)| {
        (std::cmp::Reverse(closeness.common), picture, file)
    });
    for (_, picture, file) in close {
        if let Some(slot) = pairs.files.get_mut(picture)
            && slot.is_none()
            && (used.insert(file) || again)
        {
            *slot = Some((file, PairedBy::Closest));
        }
    }
    Ok(())
}

/// The same number of bytes, or of pixels across and down.
fn by_size(
    pictures: &[Wanted],
    files: &[Candidate],
    pairs: &mut Pairs,
    used: &mut BTreeSet<usize>,
) {
    fill(pictures, files, pairs, used, |picture, file| {
        picture.bytes == file.bytes && picture.bytes > 0
    });
    fill(pictures, files, pairs, used, |picture, file| {
        picture.size.is_some() && picture.size == file.size
    });
}

/// As many pictures as files are left, and none contradicts its file.
fn by_order(
    pictures: &[Wanted],
    files: &[Candidate],
    pairs: &mut Pairs,
    used: &mut BTreeSet<usize>,
) {
    let wanting = pairs.files.iter().filter(|slot| slot.is_none()).count();
    if wanting == 0 || wanting.saturating_add(used.len()) != files.len() {
        return;
    }
    let fits = |picture: &Wanted, file: &Candidate| {
        let same_kind = picture.format == file.format || (picture.raw && file.format.is_some());
        let same_size = picture.size.is_none() || file.size.is_none() || picture.size == file.size;
        same_kind && same_size && file.bytes > 0
    };
    fill(pictures, files, pairs, used, fits);
}

//! Sent = wire = received: the three-way comparison of a picture. Pure: it is given bytes and accounts, opens nothing.
//!
//! [`pair`] says which file belongs to which picture, [`picture`] compares what is there of the three and judges,
//! [`painting`] shows the damage. A gap is a range, never filled: bytes that were not captured are never called
//! different.

mod archive;
mod blame;
mod bytes;
mod enclosed;
mod encodings;
pub(crate) mod evidence;
mod findings;
mod fold;
mod judge;
mod leads;
mod likeness;
mod lone;
mod mistakes;
mod named;
mod order;
pub(crate) mod painting;
mod pairing;
pub(crate) mod reconcile;
mod redraw;
mod rows;
mod strays;
#[cfg(test)]
mod tests;
pub(crate) mod thumbnail;
mod wire;

pub(crate) use evidence::{Text, Way};
pub(crate) use findings::{
    nothing_sent, other_file, stray_bytes, unsure_bytes, wrong_digest, wrong_size,
};
pub(crate) use fold::fold;
pub(crate) use judge::{Arrival, Asked, Knowledge, Outcome, Subject, Thresholds, Work, picture};
pub(crate) use likeness::kinship;
pub(crate) use lone::{Subject as LoneSubject, untold, untold_once};
pub(crate) use named::{is_digest, named_digests};
pub(crate) use order::natural;
pub(crate) use pairing::{
    Candidate, FileFacts, LedgerLine, Pairs, Wanted, closeness, pair, pair_by_evidence,
};
pub(crate) use reconcile::{Evidence, Lie, Reconciled};
pub(crate) use redraw::{Drawn, redraw};
pub(crate) use strays::{
    Beside, Declared, Placed, Stray, accounts_for_itself, ends_http, is_padded, stray,
};
pub(crate) use wire::{Run, Wire};

/// Looks for the texts in the ways, and brings what is found together with the pictures; `known` are those that are a file by
/// their digest, `saved` those that are a received one. What conversions make takes at most `room` bytes.
pub(crate) fn reconciled(
    images: Vec<crate::ledger::Image>,
    known: &std::collections::BTreeSet<crate::units::PictureId>,
    saved: &std::collections::BTreeSet<crate::units::PictureId>,
    texts: &[Text<'_>],
    mut ways: Vec<Way<'_>>,
    room: u64,
) -> Reconciled {
    let (passages, mut recovered) = evidence::passages(texts, &ways, room);
    ways.append(&mut recovered);
    reconcile::reconcile(images, known, saved, texts, &ways, passages)
}

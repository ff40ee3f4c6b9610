//! Which picture of the report each `[[picture]]` of the file means.
//!
//! A picture is taken once. First those take theirs that say `order`, then those whose digest came, then the
//! rest the one that is most like what they expect: so a changed picture is compared, not called absent.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Digest, Expectations, PictureExpectations, Which};
use crate::digest::DigestKind;
use crate::ledger::Image;
use crate::report::model::Report;
use crate::report::text::{counted, shortened};

/// Which picture a `[[picture]]` means, as an index into the report's pictures; or why there is none.
pub(super) type Match = Result<usize, String>;

/// The match of each `[[picture]]`, in the order of the file.
pub(super) fn matches(expectations: &Expectations, report: &Report) -> Vec<Match> {
    let wanted = &expectations.pictures;
    let mut found: Vec<Option<Match>> = wanted.iter().map(|_| None).collect();
    let mut taken = vec![None::<usize>; report.images.len()];
    let candidates: Vec<Candidates> = wanted
        .iter()
        .map(|picture| candidates(&picture.which, report))
        .collect();
    for pass in [Pass::Order, Pass::Digest, Pass::Likeness] {
        for (index, ((picture, candidates), found)) in
            wanted.iter().zip(&candidates).zip(&mut found).enumerate()
        {
            if found.is_some() {
                continue;
            }
            let candidates = match candidates {
                Ok(candidates) => candidates,
                Err(reason) => {
                    *found = Some(Err(reason.clone()));
                    continue;
                }
            };
            let choice = match (pass, picture.which.order) {
                (Pass::Order, Some(order)) => Some(at(order, candidates, &taken, expectations)),
                (Pass::Order, None) => None,
                (Pass::Digest, _) => same(picture, candidates, &taken, report).map(Ok),
                (Pass::Likeness, _) => Some(likest(picture, candidates, &taken, report)),
            };
            if let Some(Ok(image)) = choice
                && let Some(taken) = taken.get_mut(image)
            {
                *taken = Some(index);
            }
            *found = choice;
        }
    }
    let nothing = || Err("no picture fits".to_owned());
    found
        .into_iter()
        .map(|found| found.unwrap_or_else(nothing))
        .collect()
}

/// Pictures that fit all but the order, in order of first frame; or why there is none.
type Candidates = Result<Vec<usize>, String>;

#[derive(Clone, Copy)]
enum Pass {
    Order,
    Digest,
    Likeness,
}

/// The picture's digest under an algorithm; absent where it was not taken.
pub(super) fn digest_of(image: &Image, kind: DigestKind) -> Option<&str> {
    if kind == DigestKind::Sha256 {
        return image.sha256.as_deref();
    }
    let digest = image.digest.as_ref()?;
    (digest.algorithm == kind.name()).then_some(digest.value.as_str())
}

/// What was asked for to get the picture; absent where nothing was.
pub(super) fn name_of<'r>(report: &'r Report, image: &Image) -> Option<&'r str> {
    let stream = report.stream(image.stream)?;
    let asked = stream.directions.get(stream.initiator?)?;
    // The request came from the other side.
    (asked.to == image.from).then_some(stream.request.as_deref()?)
}

fn candidates(which: &Which, report: &Report) -> Candidates {
    if report.images.is_empty() {
        return Err("the capture shows no picture".to_owned());
    }
    let mut left: Vec<(usize, &Image)> = report.images.iter().enumerate().collect();
    if let Some(port) = which.port {
        let before: BTreeSet<u16> = left.iter().flat_map(|(_, image)| ports(image)).collect();
        left.retain(|(_, image)| ports(image).contains(&port));
        if left.is_empty() {
            return Err(format!(
                "no picture on port {port}; the ports of the pictures are {}",
                some(before.iter())
            ));
        }
    }
    if let Some(name) = &which.name {
        let before: BTreeSet<&str> = left
            .iter()
            .filter_map(|(_, image)| name_of(report, image))
            .collect();
        left.retain(|(_, image)| name_of(report, image) == Some(name));
        if left.is_empty() && before.is_empty() {
            return Err(format!(
                "no picture called {name:?}; nothing was asked for by name"
            ));
        }
        if left.is_empty() {
            let before = before.iter().map(|name| format!("{name:?}"));
            return Err(format!(
                "no picture called {name:?}; those asked for are {}",
                some(before)
            ));
        }
    }
    if let Some(Digest { kind, hex }) = &which.digest {
        let before: Vec<String> = left
            .iter()
            .map(|(_, image)| match digest_of(image, *kind) {
                Some(digest) => format!("picture {} has {}", image.id.0, shortened(digest, 12)),
                None => format!("picture {} has none", image.id.0),
            })
            .collect();
        left.retain(|(_, image)| digest_of(image, *kind) == Some(hex));
        if left.is_empty() {
            let name = kind.name();
            return Err(format!(
                "no picture with the {name} {}; {}",
                shortened(hex, 12),
                some(before.iter())
            ));
        }
    }
    Ok(left.into_iter().map(|(index, _)| index).collect())
}

fn ports(image: &Image) -> [u16; 2] {
    [image.from.port(), image.to.port()]
}

/// The first few of a list, for people.
fn some(list: impl Iterator<Item = impl ToString>) -> String {
    const MOST: usize = 8;
    let mut list: Vec<String> = list.map(|item| item.to_string()).collect();
    if list.len() > MOST {
        let more = list.len() - MOST;
        list.truncate(MOST);
        list.push(format!("{more} more"));
    }
    list.join(", ")
}

fn at(
    order: u64,
    candidates: &[usize],
    taken: &[Option<usize>],
    expectations: &Expectations,
) -> Match {
    let place = usize::try_from(order).ok();
    let Some(&image) = place.and_then(|place| candidates.get(place)) else {
        return Err(format!(
            "order = {order} means the one after {order} others, and only {}",
            match candidates.len() {
                1 => "1 picture fits".to_owned(),
                many => format!("{many} pictures fit"),
            }
        ));
    };
    match taken.get(image).copied().flatten() {
        Some(other) => Err(format!(
            "order = {order} is the picture that {} means too",
            expectations.label(other)
        )),
        None => Ok(image),
    }
}

fn free<'c>(
    candidates: &'c [usize],
    taken: &'c [Option<usize>],
    report: &'c Report,
) -> impl Iterator<Item = (usize, &'c Image)> {
    candidates
        .iter()
        .filter(|&&image| matches!(taken.get(image), Some(None)))
        .filter_map(|&image| Some((image, report.images.get(image)?)))
}

fn same(
    picture: &PictureExpectations,
    candidates: &[usize],
    taken: &[Option<usize>],
    report: &Report,
) -> Option<usize> {
    if picture.digests.is_empty() {
        return None;
    }
    free(candidates, taken, report)
        .find(|(_, image)| {
            picture
                .digests
                .iter()
                .all(|digest| digest_of(image, digest.value.kind) == Some(&digest.value.hex))
        })
        .map(|(index, _)| index)
}

fn likest(
    picture: &PictureExpectations,
    candidates: &[usize],
    taken: &[Option<usize>],
    report: &Report,
) -> Match {
    let likeness = |image: &Image| {
        let fits = |bounds: &Option<super::At<super::Bounds>>, number: Option<u64>| {
            let within = |bounds: super::Bounds, number| {
                bounds.min <= number && bounds.max.is_none_or(|max| number <= max)
            };
            matches!((bounds, number), (Some(bounds), Some(number)) if within(bounds.value, number))
        };
        let format = picture
            .format
            .as_ref()
            .is_some_and(|at| Some(at.value) == image.format);
        let protocol = picture
            .protocol
            .as_ref()
            .is_some_and(|at| at.value == image.protocol);
        [
            fits(&picture.bytes, Some(image.bytes)),
            fits(&picture.width, image.width.map(u64::from)),
            fits(&picture.height, image.height.map(u64::from)),
            format,
            protocol,
        ]
        .map(u32::from)
        .iter()
        .sum::<u32>()
    };
    free(candidates, taken, report)
        .max_by_key(|(index, image)| (likeness(image), Reverse(*index)))
        .map(|(index, _)| index)
        .ok_or_else(|| {
            let fit = counted(candidates.len() as u64, "picture fits", "pictures fit");
            format!("{fit}, and other expectations mean them all: fewer came than are expected")
        })
}

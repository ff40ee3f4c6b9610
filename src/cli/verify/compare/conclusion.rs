//! What the comparison of all pictures makes of the whole report: what is taken back, what is left over, the verdict.

use std::collections::BTreeSet;
use std::path::Path;

use super::Side;
use crate::cli::verify::files::Found;
use crate::cli::verify::knowledge;
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::comparison::{Aside, Given, SideOfMismatch, UnpairedFile, Verification};
use crate::ledger::{Confidence, Image, Problem, Stream, Verdict};
use crate::report::model::Report;
use crate::units::{PictureId, StreamId};
use crate::verify::Pairs;
use crate::wire::Protocol;

/// What pictures that are none gave rise to is taken back. What does not fit a wire format that was given stays, as the stream's.
pub(super) fn refute(report: &mut Report, refuted: &BTreeSet<PictureId>) {
    const OF_LENGTHS: [Name; 4] = [
        Name::LengthMismatch,
        Name::WrongSizeGiven,
        Name::ImplausibleLength,
        Name::TrailingBytes,
    ];
    let given: BTreeSet<_> = report
        .streams
        .iter()
        .filter(|stream| stream.confidence == Some(Confidence::Given))
        .map(|stream| stream.id)
        .collect();
    for finding in &mut report.findings {
        if OF_LENGTHS.contains(&finding.name)
            && finding.stream.is_some_and(|stream| given.contains(&stream))
            && finding.image.is_some_and(|image| refuted.contains(&image))
        {
            finding.image = None;
        }
    }
    // What TCP did is so, whatever the pictures are.
    for finding in &mut report.findings {
        if finding.name.is_of_tcp() && finding.image.is_some_and(|image| refuted.contains(&image)) {
            finding.image = None;
        }
    }
    report
        .findings
        .retain(|finding| finding.image.is_none_or(|image| !refuted.contains(&image)));
}

/// What a guessed wire format made of a stream of which every picture is its file: it was guessed wrongly, or what looked
/// wrong is so in the file. A format that was given, or that pictures confirmed more than once, keeps what it proves.
pub(super) fn take_back(report: &mut Report) {
    const OF_FORMATS: [Name; 4] = [
        Name::ImplausibleLength,
        Name::DatagramLost,
        Name::DatagramReordered,
        Name::TrailingBytes,
    ];
    let matches: BTreeSet<PictureId> = report
        .images
        .iter()
        .filter(|image| image.verdict == Verdict::Match)
        .map(|image| image.id)
        .collect();
    let pictures = report.pictures_by_stream();
    let guessed: BTreeSet<StreamId> = pictures
        .into_iter()
        .filter(|(stream, pictures)| {
            let stream = report.stream(*stream);
            stream.is_some_and(|stream| !is_confirmed(stream, pictures.iter().copied()))
                && pictures.iter().all(|image| matches.contains(&image.id))
        })
        .map(|(stream, _)| stream)
        .collect();
    // Whoever saved as many bytes as the length says has read it.
    let understood: BTreeSet<StreamId> = report
        .images
        .iter()
        .filter(|image| {
            let compared = image.compared.as_deref();
            let received = compared.and_then(|compared| compared.received.as_ref());
            received.is_some_and(|received| received.bytes >= image.bytes)
        })
        .map(|image| image.stream)
        .collect();
    // What a text function made on one side was undone on the other.
    let undone: BTreeSet<_> = report
        .images
        .iter()
        .filter(|image| {
            let compared = image.compared.as_deref();
            image.verdict == Verdict::Match
                && compared.is_some_and(|compared| compared.converted.is_some())
        })
        .map(|image| image.stream)
        .collect();
    let mut cleared = BTreeSet::new();
    report.findings.retain(|finding| {
        let stream = finding.stream;
        // Its file is the same, or as long: nobody skipped anything, or ended too early.
        let image = finding
            .image
            .and_then(|id| report.images.iter().find(|image| image.id == id));
        let broken = image.is_some_and(|image| match finding.name {
            Name::MissingInside => {
                matches.contains(&image.id)
                    || (finding.certainty < Certainty::Proven && is_as_long(image))
            }
            Name::EarlyClose => {
                matches.contains(&image.id)
                    && matches!(image.problem, Some(Problem::Unfinished { .. }))
                    && image
                        .declared_bytes
                        .is_none_or(|declared| declared <= image.bytes)
            }
            _ => false,
        });
        let back = match finding.name {
            Name::TextMode => stream.is_some_and(|stream| undone.contains(&stream)),
            Name::WrongByteOrder => stream.is_some_and(|stream| understood.contains(&stream)),
            // Its receiver has all of it; a hang stays one.
            Name::NoEndOfStream if finding.severity == Severity::Warning => {
                stream.is_some_and(|stream| understood.contains(&stream))
                    && image.is_some_and(|image| matches.contains(&image.id))
            }
            _ => false,
        };
        if back && matches!(finding.name, Name::WrongByteOrder | Name::NoEndOfStream) {
            cleared.extend(stream);
        }
        !(broken || back)
    });
    both_wait(&mut report.findings, &cleared);
    let of_guessed = |finding: &Finding| {
        finding
            .stream
            .is_some_and(|stream| guessed.contains(&stream))
    };
    report
        .findings
        .retain(|finding| !(OF_FORMATS.contains(&finding.name) && of_guessed(finding)));
    for finding in &mut report.findings {
        if finding.name == Name::StrayBytes && of_guessed(finding) {
            finding.severity = Severity::Note;
            finding.message.push_str(
                " Every picture arrived as it was sent: this is framing that imgnet does not know.",
            );
        }
    }
}

/// The receiver has the picture, so that nothing it misread explains why both sides wait: that they do stands for itself.
fn both_wait(findings: &mut [Finding], cleared: &BTreeSet<StreamId>) {
    let of_them = |stream: StreamId| cleared.contains(&stream);
    for finding in findings {
        if finding.name == Name::NoAnswer && finding.stream.is_some_and(of_them) {
            finding.stands_alone();
        }
    }
}

/// Nobody closed too early whose picture is a part of a file that arrived.
pub(super) fn of_parts(findings: &mut Vec<Finding>, images: &[Image], parts: &BTreeSet<usize>) {
    let parts: BTreeSet<PictureId> = parts
        .iter()
        .filter_map(|index| images.get(*index))
        .filter(|image| image.verdict == Verdict::Unverified)
        .map(|image| image.id)
        .collect();
    findings.retain(|finding| {
        finding.name != Name::EarlyClose
            || finding.image.is_none_or(|image| !parts.contains(&image))
    });
}

/// Whether a picture differs from its file and is no shorter.
fn is_as_long(image: &Image) -> bool {
    let mismatch = image
        .compared
        .as_deref()
        .and_then(|one| one.mismatch.as_ref());
    mismatch.is_some_and(|one| {
        one.side == SideOfMismatch::SenderToWire && one.actual_bytes >= one.expected_bytes
    })
}

/// The verdict of the run, by its pictures and by what stands beside them.
pub(in crate::cli) fn concluded(report: &mut Report) {
    if let Some(verification) = &report.verification {
        let delivered = delivered(verification) && !may_be_beside(report, verification);
        pieces_are_not_judged(&mut report.images, &mut report.verdict, delivered);
        report.verdict = report.verdict.max(left_over(report, verification));
        // What was left out for want of room may be anything.
        let of_limit = |finding: &Finding| finding.name == Name::LimitReached;
        if report.findings.iter().any(of_limit) {
            report.verdict = report.verdict.max(Some(Verdict::Inconclusive));
        }
        // Files were given, and nothing that they could be compared with was seen.
        report.verdict.get_or_insert(Verdict::Unverified);
    }
    if report.hides() {
        report.verdict = report.verdict.max(Some(Verdict::Inconclusive));
    }
}

/// A piece of a picture that belongs to no file may be what the capture shows of one that it does not show whole: of a file that was
/// delivered, or of a picture in the same stream that the capture lacks bytes of.
fn pieces_are_not_judged(images: &mut [Image], run: &mut Option<Verdict>, delivered: bool) {
    let lacking: BTreeSet<StreamId> = images
        .iter()
        .filter(|image| image.verdict == Verdict::Inconclusive)
        .map(|image| image.stream)
        .collect();
    for image in images.iter_mut() {
        // Files that differ tell what the capture lacks does not.
        let differ = image.compared.as_ref().is_some_and(|one| {
            let files = one.sent.as_ref().zip(one.received.as_ref());
            files.is_some_and(|(sent, received)| sent.sha256 != received.sha256)
        });
        let alone = image
            .compared
            .as_ref()
            .is_none_or(|one| one.sent.is_none() && one.received.is_none());
        let piece = (alone && delivered) || (!differ && lacking.contains(&image.stream));
        if image.verdict == Verdict::Incomplete && piece {
            image.verdict = Verdict::Inconclusive;
        }
    }
    if *run == Some(Verdict::Incomplete) {
        *run = images.iter().map(|image| image.verdict).max();
    }
}

/// Whether a stream's wire format is no guess: it was given, or found two pictures or more that are files. `images` are at least its own.
pub(super) fn is_confirmed<'i>(
    stream: &Stream,
    images: impl IntoIterator<Item = &'i Image>,
) -> bool {
    let found = images.into_iter().filter(|image| {
        image.stream == stream.id
            && image.verdict == Verdict::Match
            && Some(&image.protocol) == stream.protocol.as_ref()
            && image.protocol != Protocol::Carve
    });
    let named = stream.protocol.as_ref().is_some_and(Protocol::names_itself);
    let known = named && stream.confidence == Some(Confidence::Content);
    known || stream.confidence >= Some(Confidence::Confirmed) || found.count() >= 2
}

/// What files that are left over mean for the run.
pub(super) fn left_over(report: &Report, verification: &Verification) -> Option<Verdict> {
    // Where not one packet was captured nothing was watched: no file was looked for.
    if report.is_of_nothing() {
        return Some(Verdict::Unverified);
    }
    let lacks = knowledge::lacks(report);
    let left = |given: &Option<Given>, counts: fn(&UnpairedFile) -> bool| {
        given
            .as_ref()
            .is_some_and(|given| given.unpaired.iter().any(counts))
    };
    let any = |given: &Option<Given>| left(given, |_| true);
    let ledger = verification
        .sent
        .as_ref()
        .is_some_and(|given| given.ledger_unpaired > 0);
    let none = report.images.is_empty();
    // Whatever was to be sent has to be on the wire: what was named, and all of a folder that is held against what was received.
    // A folder alone may hold what other runs send, if any of it was sent. A receiver's may hold more: older files, what it made
    // of others.
    let nothing = verification
        .sent
        .as_ref()
        .is_some_and(|given| given.unpaired.len() as u64 == given.files);
    let named = |file: &UnpairedFile| file.aside.is_none() && file.named;
    let files = left(&verification.sent, named)
        || ((verification.received.is_some() || nothing)
            && left(&verification.sent, |file| file.aside.is_none()));
    // A ledger grows from run to run.
    let sent = ledger || files;
    // Of a file that is nearly a picture nobody knows whether it is what became of that one.
    let received = left(&verification.received, |file| {
        file.named || file.image.is_some()
    }) || (any(&verification.received) && none);
    let any_left = any(&verification.sent) || any(&verification.received) || sent;
    let beyond = !report.coverage.whole || knowledge::is_open(report);
    // That a file went by before the capture, after it or in a connection that was left out cannot be ruled out, unless another
    // picture or bytes that are no picture may be it, or a finding says why nothing was sent. What the receiver has of it has gone by.
    let doubtful = report
        .images
        .iter()
        .any(|image| image.verdict == Verdict::Unverified);
    let nothing_sent = report
        .findings
        .iter()
        .any(|one| one.name == Name::NothingSent);
    let explained = none && (nothing_sent || knowledge::is_explained(report));
    let unseen = files
        && !may_be_beside(report, verification)
        && (delivered(verification) || !(doubtful || explained));
    if (lacks && any_left) || (beyond && (sent || received)) || unseen {
        return Some(Verdict::Inconclusive);
    }
    (sent || received).then_some(Verdict::Unverified)
}

/// Whether bytes that are no picture may be a file that was to be sent, in a form that is not known.
fn may_be_beside(report: &Report, verification: &Verification) -> bool {
    let left = verification.sent.iter().flat_map(|given| &given.unpaired);
    let least = left
        .filter(|file| file.aside.is_none())
        .map(|file| file.bytes / 2)
        .min();
    super::gathered::is_long_beside(report, least.unwrap_or(0).max(1 << 10))
}

/// Whether the receiver has a file that was to be sent and that is on no wire.
fn delivered(verification: &Verification) -> bool {
    let of = |given: &Option<Given>| -> BTreeSet<String> {
        let unpaired = given.iter().flat_map(|given| &given.unpaired);
        unpaired
            .filter(|file| file.aside.is_none())
            .map(|file| file.sha256.clone())
            .collect()
    };
    !of(&verification.sent).is_disjoint(&of(&verification.received))
}

pub(super) fn unpaired(side: &Side, other: &Side, pairs: &Pairs) -> Vec<UnpairedFile> {
    let shared: BTreeSet<&Path> = other.files.iter().map(|file| file.path.as_path()).collect();
    let aside = |found: &Found| match found {
        found if found.named => None,
        found if found.is_no_picture() => Some(Aside::NoPicture),
        found => shared
            .contains(found.path.as_path())
            .then_some(Aside::BothSides),
    };
    let used = |index: usize| pairs.files.iter().flatten().any(|(file, _)| *file == index);
    let left = side
        .files
        .iter()
        .enumerate()
        .filter(|(index, _)| !used(*index));
    left.map(|(_, found)| UnpairedFile {
        path: found.candidate.path.clone(),
        bytes: found.facts.bytes,
        sha256: found.facts.sha256.clone(),
        named: found.named,
        aside: aside(found),
        image: None,
    })
    .collect()
}

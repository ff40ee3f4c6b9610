//! Connections that fall silent before the work is done, and that nobody closes: the sender stopped in the middle, or one side was to
//! answer and did not.

use super::servers::is_idle;
use super::{View, capital, finding, is_whole, kind, length, party, seconds};
use crate::findings::facts::{DirectionFacts, PictureFacts, StreamFacts};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::{Image, Stream, TransportKind};
use crate::picture::Status;
use crate::units::{count, counted};
use crate::wire::{Ending, StreamEnd};

/// More bytes than a request has, or what is said before a picture: what else goes by without an answer is no concern of imgnet.
const REQUEST: u64 = 4096;

/// The sender sent a part of a picture, all of it was acknowledged, there was room for more, and nothing more came.
pub(super) fn sender_stopped(view: &View<'_>) -> Option<Finding> {
    let picture = view.facts.pictures.last()?;
    let (bytes, other) = (length(picture), view.other?);
    let cut = matches!(
        picture.ending,
        Ending::Cut(StreamEnd::Unfinished) | Ending::EndOfStream(StreamEnd::Unfinished)
    );
    let short = match (picture.declared, &picture.structure) {
        (Some(declared), _) => bytes < declared && !is_whole(picture),
        (None, Some((status, _))) => *status == Status::Walking,
        (None, None) => false,
    };
    let full = other.troubles.full().is_some();
    let delivered = view.facts.acknowledged >= Some(view.facts.span);
    let stopped = cut && short && bytes > 0 && picture.gaps.is_empty() && delivered && !full;
    if !stopped || !is_open(view.stream, view.all) {
        return None;
    }
    let (frame, time) = view.facts.last_data?;
    let silence = view.since(time, None)?;
    let of = match (picture.declared, &picture.structure) {
        (Some(declared), _) => format!(
            "{} of the {} that it had declared",
            count(bytes),
            counted(declared, "byte", "bytes")
        ),
        _ => format!(
            "{} of a {}, which does not end there",
            counted(bytes, "byte", "bytes"),
            kind(picture)
        ),
    };
    view.is_idle(silence).then(|| Finding {
        certainty: known(view.all),
        ..view.of_picture(
            Name::SenderStopped,
            picture,
            view.ends(picture.id),
            format!(
                "{} sent {of} (the last in frame {frame}), and then nothing for {}, as long as the capture went on. All of it was \
                 acknowledged, there was room for more, and nobody closed: {} waits for the rest.",
                capital(&view.sender()),
                seconds(silence),
                view.receiver()
            ),
            "In the sender: send all of it (sendall in Python, write_all in Rust), write out what a buffered writer still holds \
             (flush), and close the socket at the end, after an error as well; in the receiver: set a timeout.",
        )
    })
}

/// One side sent something that the other was to answer, no answer came, and nobody closed.
pub(super) fn no_answer(stream: &Stream, facts: &StreamFacts, images: &[Image]) -> Option<Finding> {
    if !is_open(stream, facts) {
        return None;
    }
    let [one, other] = facts.directions.as_slice() else {
        return None;
    };
    // Who spoke last.
    let last = |index: usize| facts.directions.get(index)?.last_data;
    let index = usize::from(last(1) > last(0));
    let (spoke, silent) = if index == 0 {
        (one, other)
    } else {
        (other, one)
    };
    let (frame, time) = spoke.last_data?;
    let silence = facts.capture_end?.since(time?);
    if !is_idle(silence, facts) || spoke.acknowledged < Some(spoke.span) {
        return None;
    }
    let none_of_it = |way: &DirectionFacts| {
        let last = way.pictures.last().filter(|last| length(last) == 0)?;
        Some((last.id, counted(last.declared?, "byte", "bytes")))
    };
    let nothing = |way: &DirectionFacts| way.pictures.iter().all(|picture| length(picture) == 0);
    let (speaker, listener) = (party(stream, index), party(stream, 1 - index));
    let long = format!(
        "{}, as long as the capture went on, and nobody closed",
        seconds(silence)
    );
    let waiting = format!(
        "{listener} acknowledged them and sent nothing for {long}: {speaker} waits for an answer, or {listener} for more."
    );
    let (message, severity, picture) = if let Some((picture, declared)) = none_of_it(silent) {
        let message = format!(
            "A picture of {declared} was declared, {speaker} answered (frame {frame}), and {listener} sent none of it for {long}."
        );
        (message, Severity::Error, Some(picture))
    } else if let Some((picture, declared)) = none_of_it(spoke) {
        let message = format!(
            "{} declared a picture of {declared} and sent none of it (its last bytes are in frame {frame}), {waiting}",
            capital(&speaker)
        );
        (message, Severity::Error, Some(picture))
    } else if silent.span == 0 && spoke.span <= REQUEST && nothing(spoke) {
        let message = format!(
            "{} sent {} (the last in frame {frame}), {waiting}",
            capital(&speaker),
            counted(spoke.span, "byte", "bytes"),
        );
        (message, Severity::Warning, None)
    } else if let Some((picture, answered)) = unlike_the_others(facts, images, index, silence) {
        let message = format!(
            "Picture {} of {speaker} is whole (its last frame is {frame}) and {listener} sent nothing for {long}; {} had been answered.",
            picture.id.0,
            if answered == 1 {
                "the picture before it".to_owned()
            } else {
                format!("each of the {} pictures before it", count(answered))
            },
        );
        (message, Severity::Error, Some(picture.id))
    } else {
        let picture = left_open(facts, images, index, silence)?;
        let message = format!(
            "Picture {} of {speaker} is whole (its last frame is {frame}), {listener} acknowledged all of it, and neither side sent \
             anything more for {long}: {speaker} may wait for an answer, and {listener} for more.",
            picture.id.0,
        );
        (message, Severity::Warning, Some(picture.id))
    };
    Some(Finding {
        severity,
        certainty: Certainty::Likely,
        stream: Some(stream.id),
        image: picture,
        packets: vec![frame],
        ..finding(
            Name::NoAnswer,
            message,
            "In the one that was to answer: read until the message is whole, by its length or its last byte, and not for more than \
             was sent (a newline, a marker, a fixed number of bytes, the close), then answer; in the one that asked: send what the \
             other side waits for, write out buffers (flush), and set a timeout.",
        )
    })
}

/// The last picture that went in a direction, whole and without the answer that each one before it had, and how many those are.
fn unlike_the_others<'f>(
    facts: &'f StreamFacts,
    images: &[Image],
    index: usize,
    silence: i64,
) -> Option<(&'f PictureFacts, u64)> {
    let pictures = &facts.directions.get(index)?.pictures;
    let (last, before) = pictures.split_last().filter(|(_, more)| !more.is_empty())?;
    let others = &facts.directions.get(1 - index)?.pictures;
    let whole = is_whole(last) && !last.answered && last.gaps.is_empty();
    if !whole || !others.is_empty() || before.iter().any(|picture| !picture.answered) {
        return None;
    }
    is_longer_than_before(pictures, images, silence).then_some((last, before.len() as u64))
}

/// The last picture that went in a direction, of which each is whole, and none was answered, nor followed by anything: until the capture was
/// ended, which says so itself.
fn left_open<'f>(
    facts: &'f StreamFacts,
    images: &[Image],
    index: usize,
    silence: i64,
) -> Option<&'f PictureFacts> {
    let pictures = &facts.directions.get(index)?.pictures;
    let silent = facts.directions.get(1 - index)?.span == 0;
    let whole = pictures
        .iter()
        .all(|picture| is_whole(picture) && picture.gaps.is_empty() && !picture.answered);
    let last = pictures
        .last()
        .filter(|_| silent && whole && facts.end_known)?;
    is_longer_than_before(pictures, images, silence).then_some(last)
}

/// Whether this silence is far longer than any between two of the pictures: who takes long for each of them may be at it still.
fn is_longer_than_before(pictures: &[PictureFacts], images: &[Image], silence: i64) -> bool {
    let image = |picture: &PictureFacts| images.iter().find(|image| image.id == picture.id);
    let mut slowest = 0;
    for pair in pictures.windows(2) {
        let [before, next] = pair else { continue };
        let (Some(before), Some(next)) = (image(before), image(next)) else {
            return false;
        };
        let (Some(ended), Some(started)) = (before.ended, next.started) else {
            return false;
        };
        slowest = slowest.max(started.since(ended));
    }
    silence > slowest.saturating_mul(4)
}

/// Whether both sides of a connection were captured from their beginning on, nobody closed it, and the capture went on after its last
/// frame for longer than the idle limit.
fn is_open(stream: &Stream, facts: &StreamFacts) -> bool {
    stream.transport == TransportKind::Tcp
        && facts.idle_at_end
        && !stream.lacks()
        && facts.directions.len() == 2
        && facts
            .directions
            .iter()
            .all(|way| way.heard && way.saw_syn && way.fin.is_none() && way.reset.is_none())
}

/// Where nobody says how long the capture went on for, frames may be missing from it.
fn known(facts: &StreamFacts) -> Certainty {
    if facts.end_known {
        Certainty::Proven
    } else {
        Certainty::Likely
    }
}

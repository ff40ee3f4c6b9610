//! The rules: which facts make which finding.
//!
//! Each rule says what happened in one plain sentence and how to mend it in another. A loss in the capture is
//! never called a loss on the network.

use std::borrow::Cow;

use super::facts::{DirectionFacts, Frames, PictureFacts, StreamFacts};
use super::{Certainty, Finding, Severity};
use crate::decode::LostDatagram;
use crate::ledger::{Gap, GapCause, Image, Stream};
use crate::picture::Status;
use crate::units::{FrameNumber, StreamId};
use crate::wire::{Ending, StreamEnd};

/// All findings of one stream.
pub fn of_stream(stream: &Stream, images: &[Image], facts: &StreamFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, direction) in facts.directions.iter().enumerate() {
        let other = facts.directions.get(1 - index.min(1));
        let view = View {
            stream,
            images,
            index,
            facts: direction,
            other,
        };
        findings.extend(view.repeats());
        findings.extend(view.out_of_order());
        findings.extend(view.conflicts());
        findings.extend(view.gaps());
        findings.extend(view.fragmented());
        for picture in &direction.pictures {
            findings.extend(view.cut_short(picture));
            findings.extend(view.trailing(picture));
        }
    }
    findings.extend(started_late(stream, facts));
    if facts.limited {
        findings.push(waiting_limit(stream));
    }
    findings
}

/// The finding for an IP datagram whose fragments were not all captured.
pub fn fragment_lost(lost: &LostDatagram) -> Finding {
    let missing: u32 = lost
        .missing
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    Finding {
        name: Cow::Borrowed("fragment-lost"),
        severity: Severity::Warning,
        certainty: Certainty::Proven,
        stream: None,
        image: None,
        packets: lost.frames.clone(),
        message: format!(
            "An IP datagram from {} to {} (identification {}) came in {} fragments and was never whole: {}.",
            lost.source,
            lost.destination,
            lost.id,
            lost.frame_count,
            match (lost.length, missing) {
                (_, 0) => lost.reason.name().to_owned(),
                (Some(length), missing) => format!("{missing} of {length} bytes are missing"),
                (None, missing) => format!("at least {missing} bytes are missing"),
            }
        ),
        fix: "Send datagrams no longer than the path carries in one packet (1472 bytes of payload at MTU 1500): one \
              lost fragment loses the whole datagram."
            .to_owned(),
    }
}

/// The finding for streams that were given up because there were too many at once.
pub fn stream_limit(limit: usize, oldest: FrameNumber) -> Finding {
    Finding {
        name: Cow::Borrowed("limit-reached"),
        severity: Severity::Warning,
        certainty: Certainty::Proven,
        stream: None,
        image: None,
        packets: Vec::new(),
        message: format!(
            "More than {limit} streams were open at once; those silent since frame {oldest} or before were finished \
             early, so later frames of theirs count as new streams."
        ),
        fix: "Raise the limit with --limit-streams, or analyse fewer streams at a time.".to_owned(),
    }
}

/// The finding for a capture file that ends too early or is damaged.
pub fn file_cut_short(
    path: &str,
    offset: Option<u64>,
    after_frame: Option<FrameNumber>,
    reason: &str,
) -> Finding {
    let place = match offset {
        Some(offset) => format!(" at byte {offset}"),
        None => String::new(),
    };
    let after = match after_frame {
        Some(frame) => format!("after frame {frame}"),
        None => "before its first frame".to_owned(),
    };
    Finding {
        name: Cow::Borrowed("file-cut-short"),
        severity: Severity::Warning,
        certainty: Certainty::Proven,
        stream: None,
        image: None,
        packets: after_frame.into_iter().collect(),
        message: format!("{path} cannot be read on{place}, {after}: {reason}."),
        fix: "What precedes was analysed; take the file again from where it was captured, or stop the capturing program \
              before copying."
            .to_owned(),
    }
}

/// The finding for frames that the kernel dropped before the capturing program got them.
pub fn kernel_drops(path: &str, drops: u64) -> Finding {
    Finding {
        name: Cow::Borrowed("kernel-drops"),
        severity: Severity::Warning,
        certainty: Certainty::Proven,
        stream: None,
        image: None,
        packets: Vec::new(),
        message: format!(
            "{path}: the kernel dropped {drops} frames before they could be captured; they are missing here, not on the \
             network."
        ),
        fix: "Capture with a larger buffer, or filter in the kernel (imgnet capture does both)."
            .to_owned(),
    }
}

fn waiting_limit(stream: &Stream) -> Finding {
    Finding {
        name: Cow::Borrowed("limit-reached"),
        severity: Severity::Warning,
        certainty: Certainty::Proven,
        stream: Some(stream.id),
        image: None,
        packets: vec![stream.last_packet],
        message: "So many bytes waited for missing ones that imgnet gave up waiting; what was missing is shown as \
                  gaps with the cause \"limit\"."
            .to_owned(),
        fix: "Raise the limit with --limit-waiting if the missing bytes may still come in this capture."
            .to_owned(),
    }
}

/// Capture began after the connection did.
fn started_late(stream: &Stream, facts: &StreamFacts) -> Option<Finding> {
    let late = facts
        .directions
        .iter()
        .any(|direction| direction.heard && !direction.saw_syn && direction.span > 0);
    (late && stream.transport == crate::ledger::TransportKind::Tcp).then(|| Finding {
        name: Cow::Borrowed("started-late"),
        severity: Severity::Warning,
        certainty: Certainty::Proven,
        stream: Some(stream.id),
        image: None,
        packets: vec![stream.first_packet],
        message: "The capture has no SYN of this connection: it began after the connection did, and what was sent \
                  before is unknown."
            .to_owned(),
        fix: "Start the capture before the programs.".to_owned(),
    })
}

/// One direction of a stream with all that is known of it.
struct View<'f> {
    stream: &'f Stream,
    images: &'f [Image],
    index: usize,
    facts: &'f DirectionFacts,
    other: Option<&'f DirectionFacts>,
}

impl View<'_> {
    fn finding(
        &self,
        name: &'static str,
        severity: Severity,
        frames: &Frames,
        message: String,
        fix: &str,
    ) -> Finding {
        Finding {
            name: Cow::Borrowed(name),
            severity,
            certainty: Certainty::Proven,
            stream: Some(self.id()),
            image: None,
            packets: frames.named().to_vec(),
            message,
            fix: fix.to_owned(),
        }
    }

    fn id(&self) -> StreamId {
        self.stream.id
    }

    /// Who sends in this direction.
    fn sender(&self) -> String {
        self.stream.directions.get(self.index).map_or_else(
            || "the sender".to_owned(),
            |direction| direction.from.to_string(),
        )
    }

    fn receiver(&self) -> String {
        self.stream.directions.get(self.index).map_or_else(
            || "the receiver".to_owned(),
            |direction| direction.to.to_string(),
        )
    }

    fn repeats(&self) -> Option<Finding> {
        let frames = &self.facts.retransmissions;
        (frames.count() > 0).then(|| {
            let bytes = self
                .stream
                .directions
                .get(self.index)
                .map_or(0, |direction| direction.duplicate_bytes);
            self.finding(
                "retransmission",
                Severity::Warning,
                frames,
                format!(
                    "{} sent bytes again that the capture had already seen: {} in {} ({bytes} bytes).",
                    self.sender(),
                    plural(frames.count(), "frame"),
                    if frames.count() == 1 { "one place" } else { "all" },
                ),
                "TCP repaired it by itself; find out where segments are lost: on the path, or because the receiver is \
                 too slow.",
            )
        })
    }

    fn out_of_order(&self) -> Option<Finding> {
        let frames = &self.facts.out_of_order;
        (frames.count() > 0).then(|| {
            self.finding(
                "out-of-order",
                Severity::Note,
                frames,
                format!(
                    "{} from {} came after later bytes had come: reordered on the path, or sent again after a loss before \
                     the capture point.",
                    plural(frames.count(), "frame"),
                    self.sender()
                ),
                "Nothing to mend in the programs: TCP puts the bytes in order.",
            )
        })
    }

    fn conflicts(&self) -> Vec<Finding> {
        self.facts
            .conflicts
            .iter()
            .map(|conflict| Finding {
                name: Cow::Borrowed("conflicting-retransmission"),
                severity: Severity::Error,
                certainty: Certainty::Proven,
                stream: Some(self.id()),
                image: self.image_at(conflict.offset),
                packets: vec![conflict.first, conflict.second],
                message: format!(
                    "{} sent stream bytes {}–{} twice with different contents: byte {} is {:#04x} in frame {} and {:#04x} \
                     in frame {}. The digest is of the first copy; the receiver keeps the copy that reached it first with a \
                     good checksum.",
                    self.sender(),
                    conflict.range.start,
                    conflict.range.end.saturating_sub(1),
                    conflict.offset,
                    conflict.first_byte,
                    conflict.first,
                    conflict.second_byte,
                    conflict.second,
                ),
                fix: "A sender's TCP never does this: look for a faulty device or a middlebox on the path, or an altered \
                      capture."
                    .to_owned(),
            })
            .collect()
    }

    fn image_at(&self, offset: u64) -> Option<crate::units::PictureId> {
        self.facts
            .pictures
            .iter()
            .find(|picture| picture.range.contains(&offset))
            .map(|picture| picture.id)
    }

    fn gaps(&self) -> Vec<Finding> {
        let Some(direction) = self.stream.directions.get(self.index) else {
            return Vec::new();
        };
        let of = |cause: GapCause| {
            let gaps: Vec<&Gap> = direction
                .gaps
                .iter()
                .filter(|gap| gap.cause == cause)
                .collect();
            let bytes: u64 = gaps.iter().map(|gap| gap.length).sum();
            let first = gaps.first().map(|gap| gap.offset);
            first.map(|first| (gaps.len() as u64, bytes, first))
        };
        let mut findings = Vec::new();
        if let Some((gaps, bytes, first)) = of(GapCause::NotCaptured) {
            findings.push(Finding {
                image: self.image_at(first),
                ..self.finding(
                    "capture-gap",
                    Severity::Warning,
                    &Frames::default(),
                    format!(
                        "{bytes} bytes in {} that {} acknowledged are not in the capture, the first at stream offset {first}: \
                         they were delivered, but not captured.",
                        plural(gaps, "gap"),
                        self.receiver()
                    ),
                    "Capture with a larger buffer or less load; nothing can be said about these bytes from this capture.",
                )
            });
        }
        if let Some((gaps, bytes, first)) = of(GapCause::SnapLength) {
            findings.push(Finding {
                image: self.image_at(first),
                ..self.finding(
                    "snaplen-cut",
                    Severity::Warning,
                    &self.facts.cut,
                    format!(
                        "The snap length cut {bytes} bytes off in {}, the first at stream offset {first}.",
                        plural(gaps, "place")
                    ),
                    "Capture whole frames (snap length 262144, the default of imgnet, tcpdump and Wireshark).",
                )
            });
        }
        findings
    }

    fn fragmented(&self) -> Option<Finding> {
        let frames = &self.facts.fragmented;
        (frames.count() > 0).then(|| {
            self.finding(
                "ip-fragmented",
                Severity::Note,
                frames,
                format!(
                    "{} from {} came in IP fragments.",
                    plural(frames.count(), "packet"),
                    self.sender()
                ),
                "Send datagrams that fit the path's MTU (1472 bytes of payload at MTU 1500): losing one fragment loses all.",
            )
        })
    }

    /// A picture that the end of its stream cut short.
    fn cut_short(&self, picture: &PictureFacts) -> Option<Finding> {
        let (Ending::Cut(end) | Ending::EndOfStream(end)) = picture.ending else {
            return None;
        };
        let whole = matches!(picture.structure, Some((Status::Whole { .. }, _)));
        let short = match (picture.ending, picture.declared, &picture.structure) {
            (Ending::Cut(_), Some(_), _) | (Ending::Cut(_), None, None) => true,
            (_, _, Some(_)) => !whole,
            _ => false,
        };
        if !short || !picture.gaps.is_empty() {
            return None;
        }
        let length = picture.range.end - picture.range.start;
        let expected = match (picture.declared, &picture.structure) {
            (Some(declared), _) => format!("after {length} of {declared} declared bytes"),
            (None, Some((_, info))) => {
                format!(
                    "after {length} bytes, before the {}'s end",
                    info.format.to_string().to_uppercase()
                )
            }
            (None, None) => format!("after {length} bytes, without the end marker"),
        };
        let (name, who, frame, fix) = match end {
            StreamEnd::Fin => (
                "early-close",
                format!("{} closed the connection {expected}.", self.sender()),
                self.facts.fin,
                "In the sender: send everything (sendall in Python, write_all in Rust) before closing, and check what send \
                 returned.",
            ),
            StreamEnd::Reset => {
                let by_receiver = self.other.is_some_and(|other| other.reset.is_some());
                let (who, frame, fix) = if by_receiver {
                    (
                        self.receiver(),
                        self.other.and_then(|other| other.reset),
                        "In the receiver: read until the picture is whole before closing; closing with unread data makes TCP \
                         send RST.",
                    )
                } else {
                    (
                        self.sender(),
                        self.facts.reset,
                        "In the sender: shut down and close instead of aborting, after everything was sent.",
                    )
                };
                (
                    "reset-mid-transfer",
                    format!("{who} reset the connection {expected}."),
                    frame,
                    fix,
                )
            }
            StreamEnd::Unfinished | StreamEnd::Idle => return None,
        };
        Some(Finding {
            name: Cow::Borrowed(name),
            severity: Severity::Error,
            certainty: Certainty::Proven,
            stream: Some(self.id()),
            image: Some(picture.id),
            packets: frame.into_iter().collect(),
            message: who,
            fix: fix.to_owned(),
        })
    }

    /// Bytes between the picture's own end and the format's end of it.
    fn trailing(&self, picture: &PictureFacts) -> Option<Finding> {
        let Some((Status::Whole { length }, _)) = picture.structure else {
            return None;
        };
        let total = picture.range.end - picture.range.start;
        if total <= length || picture.trailing.is_empty() {
            return None;
        }
        let image = self.images.iter().find(|image| image.id == picture.id);
        Some(Finding {
            name: Cow::Borrowed("trailing-bytes"),
            severity: Severity::Warning,
            certainty: Certainty::Proven,
            stream: Some(self.id()),
            image: Some(picture.id),
            packets: image.and_then(|image| image.last_packet).into_iter().collect(),
            message: format!(
                "The picture ends at byte {length}, but {} follow before its end as the format \"{}\" has it: {}.",
                plural(total - length, "byte"),
                picture.protocol,
                name_bytes(&picture.trailing)
            ),
            fix: "Find out on which side they come from: a marker or line end that the sender adds is saved into the file \
                  by a receiver that does not know it."
                .to_owned(),
        })
    }
}

/// What a few bytes are, for people.
fn name_bytes(bytes: &[u8]) -> String {
    const KNOWN: [&[u8]; 4] = [b"%IMAGE_COMPLETED%", b"<END OF FILE>", b"<END>", b"DONE"];
    if let Some(marker) = KNOWN.iter().find(|marker| bytes.starts_with(marker)) {
        return format!("the end marker {}", marker.escape_ascii());
    }
    match bytes {
        b"\r\n" | b"\n" => "a line end".to_owned(),
        _ if bytes.iter().all(|&byte| byte == 0) => "zero bytes".to_owned(),
        _ => {
            let few = bytes.get(..16).unwrap_or(bytes);
            format!(
                "\"{}\"{}",
                few.escape_ascii(),
                if bytes.len() > 16 { " …" } else { "" }
            )
        }
    }
}

fn plural(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

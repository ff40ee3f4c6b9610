//! What the capture itself lacks or shows twice: never the network's fault, never the programs'.

use std::net::SocketAddr;

use super::{View, finding, seconds};
use crate::decode::LostDatagram;
use crate::findings::facts::{CaptureFacts, Cut, StreamFacts, Unreached};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::frame::Away;
use crate::ledger::{Folded, Gap, GapCause, Stream, TransportKind};
use crate::units::{FrameNumber, Timestamp, count, counted};

/// The findings about the whole capture, each once.
pub fn of_capture(facts: &CaptureFacts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts.unreached.iter().map(unreached).collect();
    let mut add = |frames: &crate::findings::facts::Frames, name, message: String, fix: &str| {
        if !frames.is_empty() {
            findings.push(Finding {
                packets: frames.named().to_vec(),
                more_packets: frames.more(),
                ..finding(name, message, fix)
            });
        }
    };
    let frames = |count: u64| counted(count, "frame", "frames");
    let twice = facts.twice.count();
    add(
        &facts.twice,
        Name::FramesTwice,
        format!(
            "{} {} captured a second time: the same packets, on another interface or on both ends of the path. Nothing was \
             sent twice.",
            frames(twice),
            if twice == 1 { "was" } else { "were" }
        ),
        "Capture on one interface instead of \"any\", and give imgnet the capture of one end only; until then counts of \
         packets and repeats are too high.",
    );
    add(
        &facts.clock_steps,
        Name::ClockStep,
        format!(
            "The capture's clock went back by up to {}: {} {} stamped earlier than the frame before.",
            seconds(facts.largest_step),
            frames(facts.clock_steps.count()),
            if facts.clock_steps.count() == 1 {
                "is"
            } else {
                "are"
            },
        ),
        "Durations across these frames mean nothing; keep the clock steady while capturing (chrony and ntpd slew instead of \
         stepping), or give files in order.",
    );
    add(
        &facts.unfinished_checksums,
        Name::OffloadedChecksum,
        format!(
            "{} {} a checksum that the network card was still to fill in: normal in a capture on the sending machine and \
             on loopback.",
            frames(facts.unfinished_checksums.count()),
            if facts.unfinished_checksums.count() == 1 {
                "carries"
            } else {
                "carry"
            }
        ),
        "Nothing to fix.",
    );
    add(
        &facts.larger_than_mtu,
        Name::LargerThanMtu,
        format!(
            "{} {} more than one packet of the network may: the network card cuts them up, or put them together \
             (segmentation offload), outside of what a capture sees.",
            frames(facts.larger_than_mtu.count()),
            if facts.larger_than_mtu.count() == 1 {
                "holds"
            } else {
                "hold"
            }
        ),
        "Nothing to fix; to see the packets as they travel, capture on the path, or turn offloads off (ethtool -K IFACE tso \
         off gso off gro off).",
    );
    if facts.cut.streams > 0 {
        let Cut {
            streams,
            places,
            bytes,
            ..
        } = facts.cut;
        findings.push(finding(
            Name::SnaplenCut,
            format!(
                "The snap length cut {} off in {} of {}, besides those that are told of one by one.",
                counted(bytes, "byte", "bytes"),
                counted(places, "place", "places"),
                counted(streams, "more stream", "more streams"),
            ),
            WHOLE_FRAMES,
        ));
    }
    findings
}

/// How to have all of each frame.
const WHOLE_FRAMES: &str =
    "Capture whole frames (snap length 262144, the default of imgnet, tcpdump and Wireshark).";

/// The finding for an IP datagram whose fragments were not all captured.
pub fn fragment_lost(lost: &LostDatagram) -> Finding {
    let missing: u32 = lost
        .missing
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    let missing = u64::from(missing);
    Finding {
        packets: lost.frames.clone(),
        ..finding(
            Name::FragmentLost,
            format!(
                "An IP datagram from {} to {} (identification {}) came in {} and was never whole: {}.",
                lost.source,
                lost.destination,
                lost.id,
                counted(lost.frame_count, "fragment", "fragments"),
                match (lost.length, missing) {
                    (_, 0) => lost.reason.name().to_owned(),
                    (Some(length), missing) => format!(
                        "{} of {} are missing",
                        count(missing),
                        counted(u64::from(length), "byte", "bytes")
                    ),
                    (None, missing) =>
                        format!("at least {} are missing", counted(missing, "byte", "bytes")),
                }
            ),
            "Send datagrams no longer than the path carries in one packet (1,472 bytes of payload at MTU 1500): one lost \
             fragment loses the whole datagram.",
        )
    }
}

/// The finding for so many more of them.
pub fn fragments_lost(more: u64) -> Finding {
    let datagrams = counted(more, "IP datagram was", "IP datagrams were");
    finding(
        Name::FragmentLost,
        format!("{datagrams} never whole besides those that are told of one by one."),
        "Send datagrams no longer than the path carries in one packet (1,472 bytes of payload at MTU 1500): one lost \
         fragment loses the whole datagram.",
    )
}

/// The finding for streams that were given up because there were too many at once.
pub fn stream_limit(limit: usize, oldest: FrameNumber) -> Finding {
    finding(
        Name::LimitReached,
        format!(
            "More than {} streams were open at once; those silent since frame {oldest} or before were finished early, so \
             later frames of theirs count as new streams.",
            count(limit as u64)
        ),
        "Raise the limit with --limit-streams, or analyse fewer streams at a time.",
    )
}

/// The finding for what is only summed up because memory ran out.
pub fn memory_limit(folded: &Folded) -> Finding {
    let chunks = counted(folded.without_chunks, "picture", "pictures");
    let summed = match (folded.streams, folded.images) {
        (0, 0) => None,
        (0, images) => Some(counted(images, "picture", "pictures")),
        (streams, images) => Some(format!(
            "{} and {}",
            counted(streams, "stream", "streams"),
            counted(images, "picture", "pictures")
        )),
    };
    let detail = (folded.without_chunks > 0)
        .then(|| format!("no detail was kept of the chunks of {chunks}"));
    let summed = summed.map(|summed| format!("{summed} are only summed up and stand in no list"));
    let unlisted = (folded.unlisted > 0 && folded.without_chunks == 0).then(|| {
        let directions = counted(folded.unlisted, "direction", "directions");
        format!("not all gaps and frames of {directions} are listed")
    });
    // What is only summed up nobody judged; of all else only the detail is missing.
    let end = if summed.is_some() {
        " Nothing better than inconclusive can be said of the run."
    } else {
        ""
    };
    let what: Vec<String> = summed.into_iter().chain(detail).chain(unlisted).collect();
    let what = what.join(", and ");
    finding(
        Name::LimitReached,
        format!("The memory for accounts was taken: {what}.{end}"),
        "Raise the limit with --max-memory, or analyse fewer streams at a time.",
    )
}

/// The finding for directions and files that were too many, or too long, to look for the files in them.
pub fn compare_limit(directions: u64, files: u64) -> Finding {
    let directions = (directions > 0).then(|| {
        let directions = counted(directions, "direction", "directions");
        format!("no file was looked for in the bytes of {directions}")
    });
    let files = (files > 0).then(|| {
        format!(
            "{} not looked for",
            counted(files, "file was", "files were")
        )
    });
    let what: Vec<String> = directions.into_iter().chain(files).collect();
    finding(
        Name::LimitReached,
        format!(
            "The memory for comparing was taken: {}. Nothing that differs there is a difference that anybody made.",
            what.join(", and ")
        ),
        "Raise the limit with --max-memory (and --limit-compare), or give fewer files and streams at a time (-Y).",
    )
}

/// The finding for a capture file that ends too early or is damaged.
pub fn file_cut_short(
    path: &str,
    offset: Option<u64>,
    after_frame: Option<FrameNumber>,
    reason: &str,
) -> Finding {
    let place = match offset {
        Some(offset) => format!(" at byte {}", count(offset)),
        None => String::new(),
    };
    let after = match after_frame {
        Some(frame) => format!("after frame {frame}"),
        None => "before its first frame".to_owned(),
    };
    Finding {
        packets: after_frame.into_iter().collect(),
        ..finding(
            Name::FileCutShort,
            format!("{path} cannot be read on{place}, {after}: {reason}."),
            "What precedes was analysed; take the file again from where it was captured, or stop the capturing program \
             before copying.",
        )
    }
}

/// The finding for frames that the kernel dropped before the capturing program got them.
pub fn kernel_drops(path: &str, drops: u64) -> Finding {
    finding(
        Name::KernelDrops,
        format!(
            "{path}: the kernel dropped {} before they could be captured; they are missing here, not on the network.",
            counted(drops, "frame", "frames")
        ),
        "Capture with a larger buffer, or filter in the kernel (imgnet capture does both).",
    )
}

/// The finding for frames that were captured and for which the capture file had no room.
pub fn disk_full(path: &str, frames: u64) -> Finding {
    let (are, they) = if frames == 1 {
        ("is", "it was")
    } else {
        ("are", "they were")
    };
    finding(
        Name::DiskFull,
        format!(
            "{path}: {} {are} not in the file, for which there was no room on the disk; {they} captured, and did pass here.",
            counted(frames, "frame", "frames")
        ),
        "Make room on the disk, or let the capture keep only the newest files (--rotate with --keep), and capture again.",
    )
}

/// Date and time to the second.
fn clock_time(time: Timestamp) -> String {
    let text = time.to_string();
    let (date, rest) = text.split_once('T').unwrap_or((&text, ""));
    let time = rest.split(['.', 'Z']).next().unwrap_or_default();
    format!("{date} {time} UTC")
}

/// The finding for interfaces that were gone for a while.
pub fn interface_away(path: &str, away: &Away) -> Finding {
    let times = match away.times {
        1 => "once".to_owned(),
        times => format!("{} times", count(times)),
    };
    let lasted = i64::try_from(away.nanoseconds).unwrap_or(i64::MAX);
    let back = if away.back {
        format!("until {}", clock_time(away.until))
    } else {
        "and had not come back when the capture ended".to_owned()
    };
    finding(
        Name::InterfaceAway,
        format!(
            "{path}: the captured interface was gone {times}, for {} in all, from {} {back}: it was taken down, or removed and made \
             again. What the programs sent meanwhile did not pass here.",
            seconds(lasted),
            clock_time(away.from),
        ),
        "Look for who takes the interface down: a cable or adapter that was pulled, a container or virtual machine that was \
         restarted, network management. Nothing better than inconclusive can be said of the run.",
    )
}

pub(super) fn waiting_limit(stream: &Stream) -> Finding {
    Finding {
        stream: Some(stream.id),
        packets: vec![stream.last_packet],
        ..finding(
            Name::LimitReached,
            "So many bytes waited for missing ones that imgnet gave up waiting; what was missing is shown as gaps with \
             the cause \"limit\"."
                .to_owned(),
            "Raise the limits with --limit-waiting-direction (one direction) and --limit-waiting (all of them) if the missing bytes may still come in this capture.",
        )
    }
}

/// Capture began after the connection did.
pub(super) fn started_late(stream: &Stream, facts: &StreamFacts) -> Option<Finding> {
    let late = facts
        .directions
        .iter()
        .position(|direction| direction.heard && !direction.saw_syn && direction.span > 0)?;
    // The other side's SYN was captured: then the capture did not begin late, and lost the one.
    let other = facts.directions.iter().any(|direction| direction.saw_syn);
    let of = match stream.directions.get(late) {
        Some(direction) if other => format!("from {}", direction.from),
        _ => "of this connection".to_owned(),
    };
    (stream.transport == TransportKind::Tcp).then(|| Finding {
        stream: Some(stream.id),
        packets: vec![stream.first_packet],
        ..finding(
            Name::StartedLate,
            format!(
                "The capture has no SYN {of}: what was sent before frame {}, if anything, is unknown.",
                stream.first_packet
            ),
            "Start the capture before the programs.",
        )
    })
}

/// What is missing from one direction, or damaged in it.
pub(super) fn of_direction(view: &View<'_>, findings: &mut Vec<Finding>) {
    gaps(view, findings);
    wrong_checksums(view, findings);
}

fn gaps(view: &View<'_>, findings: &mut Vec<Finding>) {
    let Some(direction) = view.stream.directions.get(view.index) else {
        return;
    };
    let of = |cause: GapCause| {
        let gaps: Vec<&Gap> = direction
            .gaps
            .iter()
            .filter(|gap| gap.cause == cause)
            .collect();
        let bytes: u64 = gaps.iter().map(|gap| gap.length).sum();
        let first = gaps.first().copied();
        first.map(|first| (gaps.len() as u64, bytes, *first))
    };
    if let Some((gaps, bytes, first)) = of(GapCause::NotCaptured) {
        let (start, end) = (first.offset, first.offset + first.length - 1);
        findings.push(Finding {
            image: view.image_at(start),
            ..view.finding(
                Name::CaptureGap,
                around(view, first),
                format!(
                    "{} in {} that {} acknowledged are not in the capture, the first at stream bytes {}–{}: they were \
                     delivered, but not captured.",
                    counted(bytes, "byte", "bytes"),
                    counted(gaps, "gap", "gaps"),
                    view.receiver(),
                    count(start),
                    count(end),
                ),
                "Capture with a larger buffer or less load; nothing can be said about these bytes from this capture.",
            )
        });
    }
    if let Some((gaps, bytes, first)) = of(GapCause::SnapLength) {
        findings.push(Finding {
            image: view.image_at(first.offset),
            ..view.of_frames(
                Name::SnaplenCut,
                &view.facts.troubles.cut,
                format!(
                    "The snap length cut {} off in {}, the first at stream offset {}.",
                    counted(bytes, "byte", "bytes"),
                    counted(gaps, "place", "places"),
                    count(first.offset)
                ),
                WHOLE_FRAMES,
            )
        });
    }
}

/// The frames before and after a gap, as the chunks of the picture around it tell them.
fn around(view: &View<'_>, gap: Gap) -> Vec<FrameNumber> {
    let Some(image) = view.image_at(gap.offset).and_then(|id| view.image(id)) else {
        return Vec::new();
    };
    let Some(chunks) = &image.chunks else {
        return Vec::new();
    };
    let at = gap.offset.saturating_sub(image.offset);
    let before = chunks
        .iter()
        .take_while(|chunk| chunk.offset + chunk.bytes <= at)
        .filter_map(|chunk| chunk.last_packet)
        .last();
    let after = chunks
        .iter()
        .skip_while(|chunk| chunk.offset < at + gap.length)
        .find_map(|chunk| chunk.first_packet);
    before.into_iter().chain(after).collect()
}

fn wrong_checksums(view: &View<'_>, findings: &mut Vec<Finding>) {
    let frames = &view.facts.troubles.wrong_checksums;
    if frames.is_empty() {
        return;
    }
    findings.push(Finding {
        ..view.of_frames(
            Name::WrongChecksum,
            frames,
            format!(
                "{} from {} {} a checksum that does not fit: damaged on the way, so that the receiver drops {}, or changed \
                 in the capture file.",
                counted(frames.count(), "packet", "packets"),
                view.sender(),
                if frames.count() == 1 { "carries" } else { "carry" },
                if frames.count() == 1 { "it" } else { "them" },
            ),
            "TCP sends such a segment again; a datagram is lost. Look for a faulty cable, card, driver or virtual switch.",
        )
    });
}

/// The finding about an address that ICMP messages say was not reached.
fn unreached((to, facts): (&SocketAddr, &Unreached)) -> Finding {
    let messages = facts.frames.count();
    let first = facts.frames.named().first();
    let first = first.map_or(String::new(), |frame| format!(" in frame {frame}"));
    let what = if facts.datagrams {
        "datagram"
    } else {
        "segment"
    };
    let answered = match messages {
        1 => format!(
            "A {what} from {} to {to} was answered by an ICMP message{first}",
            facts.client
        ),
        many => format!(
            "{} {what}s to {to}, the first from {}, were answered by ICMP messages, the first of them{first}",
            count(many),
            facts.client
        ),
    };
    let later = match facts.answered {
        Some(frame) => format!(" Later something answered from there (frame {frame})."),
        None => String::new(),
    };
    let found = finding(
        Name::ConnectionRefused,
        format!("{answered}: {}.{later}", facts.what),
        "Start the receiver before the sender; compare address and port on both sides: a receiver on 127.0.0.1 is not to be \
         reached from elsewhere, and \"localhost\" may be ::1. A sender of datagrams learns of it only where its socket is \
         connected, or not at all.",
    );
    Finding {
        // Who tries again, and gets through, has lost nothing that matters.
        severity: if facts.answered.is_some() {
            Severity::Warning
        } else {
            found.severity
        },
        certainty: Certainty::Likely,
        stream: Some(facts.stream),
        packets: facts.frames.named().to_vec(),
        more_packets: facts.frames.more(),
        ..found
    }
}

//! Draws up accounts: from what was learnt of a picture and from the frames that carried it.

use std::net::SocketAddr;

use super::channel::Confirmed;
use super::picture::Shed;
use super::picture::{Doubt, Picture};
use super::{DigestKind, Options};
use crate::findings::facts::PictureFacts;
use crate::ledger::{
    ChunkSizeSource, Closed, Datagrams, Digest, Direction, Image, Problem, Stop, TransportKind,
    Verdict,
};
use crate::picture::Status;
use crate::reassembly::tcp::Half;
use crate::reassembly::{Extent, GapCause, Log};
use crate::units::StreamId;
use crate::wire::{Ending, Fixed, Protocol, StreamEnd};

/// Where a picture was moved.
pub(super) struct Place {
    pub(super) stream: StreamId,
    pub(super) transport: TransportKind,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// Whether nothing more came although the capture went on.
    pub(super) quiet: Quiet,
    /// How the direction ended; absent while it goes on.
    pub(super) end: Option<StreamEnd>,
    /// Nothing more can come of what was not acknowledged: the other side closed, either reset, or both are silent.
    pub(super) over: bool,
    /// The capture has both sides, from the beginning on.
    pub(super) all_seen: bool,
    /// More was sent than the capture has, and nothing tells how much.
    pub(super) end_unsure: bool,
}

/// Whether a direction was silent at the end of the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quiet {
    /// It was not, or not for long.
    No,
    /// Nothing more came, and the capture went on for a while at least.
    Silent,
    /// Nothing more came up to an end of the capture that is known, with all acknowledged, and room for more.
    Hangs,
    /// The same, without room.
    NoRoom,
}

impl Quiet {
    /// Nothing more came although the capture went on.
    pub(super) fn is_silent(self) -> bool {
        self != Self::No
    }
}

/// The datagrams of a picture; `confirmed` is what the other direction said of pictures.
fn datagrams(picture: &Picture, confirmed: Option<&Confirmed>) -> Option<Datagrams> {
    let tally = picture.tally.as_deref()?;
    let whole = picture.lost.is_none() && picture.gaps.is_empty();
    let arrived = confirmed.and_then(|confirmed| *confirmed.get(&tally.picture)?);
    Some(Datagrams {
        sent: tally.sent,
        // Only where each piece is known to have been handed over once, the rest is repeats.
        repeats: tally
            .pieces
            .filter(|_| whole)
            .map(|pieces| tally.sent.saturating_sub(pieces)),
        captured: tally.captured,
        copies: tally.copies,
        arrived,
        lost: arrived.map(|arrived| tally.sent.saturating_sub(arrived)),
    })
}

/// The account of a TCP direction.
pub(super) fn tcp_direction(half: &Half<'_>, from: SocketAddr, to: SocketAddr) -> Direction {
    Direction {
        packets: half.packets,
        wire_bytes: half.wire_bytes,
        data_packets: half.data_packets,
        payload_bytes: half.payload_bytes,
        unique_bytes: half.assembler.unique_bytes(),
        duplicate_bytes: half.repeats().duplicate_bytes,
        retransmitted_packets: half.repeats().retransmitted_packets,
        out_of_order_packets: half.repeats().out_of_order_packets,
        gap_bytes: half.assembler.gap_bytes(),
        gaps: half.assembler.gaps().to_vec(),
        unlisted: !half.assembler.lists_all_gaps(),
        urgent_bytes: half.urgent_bytes(),
        closed: match (half.reset_frame(), half.fin_frame()) {
            (Some(_), _) => Some(Closed::Reset),
            (None, Some(_)) => Some(Closed::Fin),
            (None, None) => None,
        },
        start_seen: Some(half.saw_syn()),
        initial_sequence: half.initial_sequence(),
        acknowledged: half.acked().map(|acked| match half.fin() {
            // The number of the FIN is that of no byte.
            Some(fin) => acked.min(fin),
            None => acked.min(half.assembler.highest()),
        }),
        ..Direction::new(from, to)
    }
}

/// What the rules may know of a picture.
pub(super) fn picture_facts(picture: Picture) -> PictureFacts {
    PictureFacts {
        id: picture.id,
        protocol: picture.protocol,
        range: picture.range,
        declared: picture.declared,
        ending: picture.ending,
        structure: picture.structure,
        text_damage: picture.text_damage,
        lost: picture.lost.map(|lost| (lost.pieces, lost.bytes)),
        gaps: picture.gaps.into_listed(),
        trailing: picture.trailing,
        ended: picture.ended.0,
        answered: false,
    }
}

/// The account of a picture, from the frames that carried a byte of it.
pub(super) fn image(
    picture: &Picture,
    part: Log,
    place: &Place,
    confirmed: Option<&Confirmed>,
    options: &Options,
) -> Image {
    let length = picture.range.end - picture.range.start;
    let gap_bytes = picture.gap_bytes();
    let info = picture.structure.map(|(_, info)| info);
    let (mut width, mut height) = info
        .as_ref()
        .map_or((None, None), |info| (info.width, info.height));
    if let Protocol::RawPixels { width: Some(given) } = picture.protocol {
        width = Some(given);
        let row = u64::from(given) * 3;
        height = u32::try_from(length / row)
            .ok()
            .filter(|_| length.is_multiple_of(row));
    }
    let shape = picture.shape.filter(|_| info.is_none());
    if let Some(shape) = shape {
        (width, height) = (Some(shape.width), Some(shape.height));
    }
    let (chunk_size, chunk_size_source) = chunk_size(picture, part.iter(), place, options);
    let (problem, verdict) = judge(picture, length, gap_bytes, place);
    let mut image = Image {
        id: picture.id,
        stream: place.stream,
        from: place.from,
        to: place.to,
        protocol: picture.protocol.clone(),
        format: info.map(|info| info.format),
        media_type: picture.media.map(str::to_owned),
        width,
        height,
        pixels: shape.map(|shape| shape.order),
        bytes: picture.decoded.unwrap_or(length),
        encoded_bytes: picture.decoded.map(|_| length),
        declared_bytes: picture.declared,
        complete: problem.is_none(),
        problem,
        sha256: None,
        digest: None,
        offset: picture.range.start,
        packets: 0,
        wire_bytes: 0,
        payload_bytes: 0,
        unique_bytes: length - gap_bytes,
        duplicate_bytes: 0,
        retransmitted_packets: 0,
        datagrams: datagrams(picture, confirmed),
        gap_bytes,
        gaps: picture.gaps.listed().to_vec(),
        first_packet: None,
        last_packet: None,
        started: None,
        ended: None,
        chunk_size,
        chunk_size_source,
        shared_packets: 0,
        chunks: None,
        verdict,
        compared: None,
    };
    match options.digest {
        DigestKind::Sha256 => image.sha256.clone_from(&picture.digest),
        kind => {
            image.digest = picture.digest.as_ref().map(|value| Digest {
                algorithm: kind.name().to_owned(),
                value: value.clone(),
            });
        }
    }
    image.count(part, picture.range.clone());
    if let Some(shed) = &picture.shed {
        add(&mut image, shed);
    }
    if picture.shed.is_some() || picture.gaps.is_full() {
        image.chunks = None;
        image.shared_packets = 0;
    }
    image
}

/// Adds the frames of which only the sums were kept.
fn add(image: &mut Image, shed: &Shed) {
    image.packets += shed.packets;
    image.wire_bytes += shed.wire_bytes;
    image.payload_bytes += shed.payload_bytes;
    image.retransmitted_packets += shed.retransmitted_packets;
    image.duplicate_bytes = image.payload_bytes.saturating_sub(image.unique_bytes);
    if let Some((frame, time)) = shed.first
        && image.first_packet.is_none_or(|first| frame < first)
    {
        (image.first_packet, image.started) = (Some(frame), time);
    }
    if let Some((frame, time)) = shed.last
        && image.last_packet.is_none_or(|last| frame > last)
    {
        (image.last_packet, image.ended) = (Some(frame), time);
    }
}

/// The verdict on a picture.
pub(super) fn verdict(picture: &Picture, place: &Place) -> Verdict {
    let length = picture.range.end - picture.range.start;
    judge(picture, length, picture.gap_bytes(), place).1
}

/// Why nothing more came of a picture that ended so.
fn stop(stopped: Option<StreamEnd>, place: &Place) -> Stop {
    match stopped {
        Some(StreamEnd::Fin) => Stop::Closed,
        Some(StreamEnd::Reset) => Stop::Reset,
        Some(StreamEnd::Idle) => Stop::Silence,
        Some(StreamEnd::Unfinished) => match place.quiet {
            Quiet::No => Stop::CaptureEnded,
            Quiet::Silent => Stop::Silence,
            Quiet::Hangs => Stop::Hang,
            Quiet::NoRoom => Stop::NoRoom,
        },
        None => Stop::Format,
    }
}

/// What a picture with gaps is worth.
fn of_gaps(
    picture: &Picture,
    length: u64,
    gap_bytes: u64,
    place: &Place,
) -> (Option<Problem>, Verdict) {
    let lost = picture
        .gaps
        .listed()
        .iter()
        .any(|gap| gap.cause == GapCause::NeverAcknowledged)
        && matches!(place.end, Some(StreamEnd::Fin | StreamEnd::Reset))
        && picture.doubt.is_none()
        && place.over;
    let (missing, of) = (gap_bytes, length);
    if lost {
        let problem = Problem::NeverArrived { missing, of };
        (Some(problem), Verdict::Incomplete)
    } else {
        let problem = Problem::NotCaptured { missing, of };
        (Some(problem), Verdict::Inconclusive)
    }
}

/// Whether a picture is whole on the wire; if not, why, and what that is worth.
fn judge(
    picture: &Picture,
    length: u64,
    gap_bytes: u64,
    place: &Place,
) -> (Option<Problem>, Verdict) {
    if gap_bytes > 0 {
        return of_gaps(picture, length, gap_bytes, place);
    }
    if let Some(lost) = picture.lost {
        let problem = Problem::PiecesMissing {
            pieces: lost.pieces,
            bytes: lost.bytes,
        };
        let cut = matches!(
            picture.ending,
            Ending::Cut(StreamEnd::Unfinished) | Ending::EndOfStream(StreamEnd::Unfinished)
        );
        // The rest may have come after the capture.
        let verdict = if cut && !place.quiet.is_silent() && !picture.last_came {
            Verdict::Inconclusive
        } else {
            Verdict::Incomplete
        };
        return (Some(problem), verdict);
    }
    let stopped = match picture.ending {
        Ending::Cut(end) | Ending::EndOfStream(end) => Some(end),
        _ => None,
    };
    let stop = stop(stopped, place);
    let bytes = length;
    let structure = picture.structure.map(|(status, _)| status);
    let problem = match (structure, picture.ending, picture.declared) {
        (_, Ending::Cut(_), Some(declared)) => Some(Problem::Short {
            stop,
            bytes,
            declared,
        }),
        (Some(Status::Broken { at, reason }), _, _) => Some(Problem::Broken { at, reason }),
        (Some(Status::Walking), Ending::Range, of) => Some(Problem::Range { bytes, of }),
        (Some(Status::Walking), _, _) => Some(Problem::Unfinished { stop, bytes }),
        (None, Ending::Cut(_), None) => Some(Problem::NoEnd { stop }),
        (None, Ending::EndOfStream(_), _) if picture.too_short_to_tell => {
            Some(Problem::TooShort { stop, bytes })
        }
        (None, Ending::EndOfStream(StreamEnd::Reset | StreamEnd::Unfinished), _) => {
            Some(Problem::BrokeOff { stop, bytes })
        }
        // Behind it lies the beginning of what would have ended it.
        (
            Some(Status::Whole { length: own }),
            Ending::Cut(StreamEnd::Unfinished | StreamEnd::Reset),
            None,
        ) if own < length => Some(Problem::NoEnd { stop }),
        // The count of the next picture, taken for the last piece.
        (Some(Status::Whole { length: own }), _, _)
            if own < length && picture.protocol == Protocol::Fixed(Fixed::UdpCount) =>
        {
            Some(Problem::PiecesMissing {
                pieces: 1,
                bytes: 0,
            })
        }
        (Some(Status::Whole { .. }) | None, _, _) => None,
    };
    let own = picture.decoded.unwrap_or(length);
    let proves_itself = structure == Some(Status::Whole { length: own });
    let problem = match (problem, picture.doubt) {
        (None, Some(Doubt::StartedLate)) if !proves_itself => Some(Problem::StartedLate),
        (None, Some(Doubt::Gap)) if !proves_itself => Some(Problem::BehindGap),
        (None, None)
            if structure.is_none()
                && picture.text_damage.is_none()
                && matches!(picture.protocol, Protocol::UdpIndex(_)) =>
        {
            Some(Problem::NoBeginning)
        }
        (problem, _) => problem,
    };
    // Nothing tells datagrams that were lost from those that the capture lacks, where they have no numbers.
    let unknown = picture.doubt.is_some()
        || place.end_unsure
        || (stopped == Some(StreamEnd::Unfinished) && !place.all_seen)
        || (place.transport == TransportKind::Udp && picture.declared.is_none());
    let closed = matches!(place.end, Some(StreamEnd::Fin | StreamEnd::Reset));
    let verdict = match (&problem, stopped) {
        (None, _) => Verdict::Unverified,
        // The next range may have been asked for where the capture does not show it.
        (Some(Problem::Range { .. }), _) if !unknown && closed && place.all_seen => {
            Verdict::Unverified
        }
        (Some(Problem::Range { .. }), _) => Verdict::Inconclusive,
        (Some(_), _) if unknown => Verdict::Inconclusive,
        (Some(_), Some(StreamEnd::Unfinished)) if !place.quiet.is_silent() => Verdict::Inconclusive,
        (Some(_), _) => Verdict::Incomplete,
    };
    (problem, verdict)
}

/// The chunk size to account by: given, the format's own, or the size that most segments have.
fn chunk_size(
    picture: &Picture,
    extents: impl Iterator<Item = Extent>,
    place: &Place,
    options: &Options,
) -> (Option<u64>, Option<ChunkSizeSource>) {
    if let Some(given) = options.chunk {
        return (Some(given), Some(ChunkSizeSource::Given));
    }
    if let Some(declared) = picture.chunk {
        return (Some(declared), Some(ChunkSizeSource::Format));
    }
    let observed = observed_chunk(extents, picture.range.end, place.transport);
    let habit = picture.protocol.default_chunk();
    match (observed, habit) {
        // Where it was sent in larger pieces the habit is not this program's.
        (Some(size), Some(habit)) if size > habit && !is_of_path(size) && !is_row(picture) => {
            (Some(size), Some(ChunkSizeSource::Observed))
        }
        (_, Some(habit)) => (Some(habit), Some(ChunkSizeSource::Format)),
        (Some(size), None) => (Some(size), Some(ChunkSizeSource::Observed)),
        (None, None) => (None, None),
    }
}

/// Whether the format's chunk is a row of pixels, whatever a segment holds.
fn is_row(picture: &Picture) -> bool {
    matches!(picture.protocol, Protocol::RawPixels { .. })
}

/// Whether segments of such a length are made of full ones of a path, as offloading puts them together.
fn is_of_path(size: u64) -> bool {
    FULL_SEGMENTS.iter().any(|full| size.is_multiple_of(*full))
}

/// Payload of full segments at common MTUs: 1500 with and without options, 9000, loopback's 65536.
const FULL_SEGMENTS: [u64; 9] = [1380, 1428, 1440, 1448, 1460, 8948, 8960, 65483, 65495];

/// The size that most of a picture's segments have, the last left out; absent where there are too few, where
/// sizes vary, and where TCP segments are as long as a path's segment size makes them.
fn observed_chunk(
    extents: impl Iterator<Item = Extent>,
    end: u64,
    transport: TransportKind,
) -> Option<u64> {
    let mut sizes: Vec<(u64, u64)> = Vec::new();
    let mut total = 0_u64;
    for extent in extents.filter(|extent| extent.end() < end && !extent.repeat) {
        total += 1;
        let size = u64::from(extent.bytes);
        if let Some((_, count)) = sizes.iter_mut().find(|(known, _)| *known == size) {
            *count += 1;
        } else if sizes.len() < 32 {
            sizes.push((size, 1));
        }
    }
    let (size, count) = sizes.into_iter().max_by_key(|(_, count)| *count)?;
    let path_made = transport == TransportKind::Tcp && FULL_SEGMENTS.contains(&size);
    let enough = match transport {
        TransportKind::Tcp => total >= 3,
        TransportKind::Udp => total >= 1,
    };
    (enough && count * 2 > total && !path_made).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::FrameNumber;

    fn observed(sizes: &[u32], transport: TransportKind) -> Option<u64> {
        let mut offset = 0;
        let extents: Vec<Extent> = sizes
            .iter()
            .map(|&bytes| {
                let extent = Extent {
                    offset,
                    bytes,
                    frame: FrameNumber(1),
                    wire_len: bytes + 54,
                    time: None,
                    repeat: false,
                };
                offset += u64::from(bytes);
                extent
            })
            .collect();
        // One byte more follows, so that none of these is the last.
        observed_chunk(extents.into_iter(), offset + 1, transport)
    }

    #[test]
    fn a_chunk_size_is_what_more_than_half_of_the_segments_have() {
        use TransportKind::{Tcp, Udp};
        assert_eq!(observed(&[700, 700, 700, 9, 8], Tcp), Some(700));
        assert_eq!(observed(&[700, 700, 9, 8], Tcp), None, "half is not enough");
        assert_eq!(observed(&[700, 700], Tcp), None, "too few to tell");
        assert_eq!(observed(&[700, 700, 700], Tcp), Some(700));
        assert_eq!(observed(&[700], Udp), Some(700));
        assert_eq!(
            observed(&[1448; 5], Tcp),
            None,
            "the path makes segments so long"
        );
        assert_eq!(observed(&[1448; 5], Udp), Some(1448));
        assert_eq!(observed(&[], Udp), None);
    }
}

//! The ladder of an exchange: who sent what when, in the words of the wire format, with the times at which nothing happened.

use maud::{Markup, html};

use super::Context;
use super::words::{byte_range, offset_time, plain};
use crate::ledger::trace::Point;
use crate::ledger::{Direction, Image, RegionKind, Stream};
use crate::report::text::{count, counted, duration};
use crate::units::{FrameNumber, Timestamp};

/// A silence that is worth a line, in nanoseconds.
const IDLE: i64 = 200_000_000;
/// Most packets that are looked at for one ladder.
const MOST: usize = 20_000;

/// A step of the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Nothing happened for so many nanoseconds.
    Idle(i64),
    /// Packets of one kind from one side.
    Sent(Sent),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    /// From the picture's sender.
    own: bool,
    frames: (FrameNumber, FrameNumber),
    packets: u64,
    time: Option<Timestamp>,
    what: What,
    repeat: bool,
}

/// What packets carry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Open,
    OpenAnswer,
    /// Bytes of the picture, by offset.
    Picture(u64, u64),
    /// Bytes of the picture, and others around them.
    Mixed(u64, u64, u64),
    /// Other bytes, by stream offset.
    Other(u64, u64),
    /// Bytes at an unknown place.
    Unplaced(u64),
    Acknowledgment(Option<u64>),
    /// Picture bytes and acknowledgments in turn, folded.
    Flow {
        bytes: (u64, u64),
        acked: Option<u64>,
    },
    Close,
    Reset,
}

/// The ladder of a picture's exchange, folded so that it stays short.
pub(super) fn section(context: &Context<'_>, image: &Image) -> Markup {
    let report = context.report();
    let (Some(trace), Some(stream)) = (
        context.page.traces.of(image.stream),
        report.stream(image.stream),
    ) else {
        return html! {};
    };
    let (low, high) = bounds(context, image);
    let points: Vec<(bool, &Point)> = trace
        .points(image.from)
        .filter(|(_, point)| point.frame > low && point.frame < high)
        .take(MOST)
        .collect();
    let mut steps = steps(&points, image);
    if steps.len() > context.budget.steps {
        steps = folded(steps);
    }
    let left_out = steps.len().saturating_sub(context.budget.steps);
    let half = context.budget.steps / 2;
    let tail = steps.len().saturating_sub(half);
    let start = context.start;
    html! {
        details open[context.detailed.len() <= 4] {
            summary { "Who sent what when" }
            div.scroll.tall tabindex="0" role="region" aria-label="Ladder of the exchange" {
                table.ladder {
                    thead { tr { th.n scope="col" { "time" } th scope="col" { "frames" } th.end scope="col" { (image.from) " (sends) ⟷ " (image.to) } } }
                    tbody {
                        @for (at, step) in steps.iter().enumerate() {
                            @if left_out > 0 && at == half {
                                tr.more { td colspan="3" { (count(left_out as u64)) " steps are left out; all packets: " code { "imgnet analyze " (super::words::capture_arguments(report)) " -vv" } } }
                            }
                            @if left_out == 0 || at < half || at >= tail { (row(step, start, image, stream)) }
                        }
                    }
                }
            }
            @if trace.left_out() > 0 { p.small.soft { (counted(trace.left_out(), "packet", "packets")) " of this connection came after what the page has room for." } }
        }
    }
}

/// The frames between the picture before and the one after, both left out.
fn bounds(context: &Context<'_>, image: &Image) -> (FrameNumber, FrameNumber) {
    let (mut low, mut high) = (FrameNumber(0), FrameNumber(u64::MAX));
    let (Some(first), Some(last)) = (image.first_packet, image.last_packet) else {
        return (low, high);
    };
    for other in &context.report().images {
        if other.stream != image.stream || other.id == image.id {
            continue;
        }
        if let Some(end) = other.last_packet.filter(|end| *end < first) {
            low = low.max(end);
        }
        if let Some(begin) = other.first_packet.filter(|begin| *begin > last) {
            high = high.min(begin);
        }
    }
    (low, high)
}

fn steps(points: &[(bool, &Point)], image: &Image) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for (own, point) in points {
        if let (Some(before), Some(now)) = (last, point.time)
            && now.since(before) >= IDLE
        {
            steps.push(Step::Idle(now.since(before)));
        }
        last = point.time.or(last);
        let what = what(*own, point, image);
        if let Some(Step::Sent(sent)) = steps.last_mut()
            && sent.own == *own
            && sent.repeat == point.flags.repeat
            && sent.what.goes_on(&what)
        {
            sent.frames.1 = point.frame;
            sent.packets += 1;
            continue;
        }
        steps.push(Step::Sent(Sent {
            own: *own,
            frames: (point.frame, point.frame),
            packets: 1,
            time: point.time,
            what,
            repeat: point.flags.repeat,
        }));
    }
    steps
}

impl What {
    /// Takes in what follows it, where that is more of the same.
    fn goes_on(&mut self, next: &Self) -> bool {
        match (self, next) {
            (Self::Picture(_, end), Self::Picture(from, to))
            | (Self::Other(_, end), Self::Other(from, to))
                if from == end =>
            {
                *end = *to;
                true
            }
            (Self::Acknowledgment(acked), Self::Acknowledgment(next)) => {
                *acked = (*next).or(*acked);
                true
            }
            _ => false,
        }
    }
}

fn what(own: bool, point: &Point, image: &Image) -> What {
    let flags = point.flags;
    if flags.rst {
        return What::Reset;
    }
    if flags.syn {
        return if flags.ack {
            What::OpenAnswer
        } else {
            What::Open
        };
    }
    let bytes = u64::from(point.payload);
    if bytes > 0 {
        let Some(from) = point.offset else {
            return What::Unplaced(bytes);
        };
        let to = from.saturating_add(bytes);
        let start = image.offset;
        let end = start.saturating_add(image.encoded_bytes.unwrap_or(image.bytes));
        let (inner_from, inner_to) = (from.max(start), to.min(end));
        if own && inner_from < inner_to {
            let (low, high) = (inner_from - start, inner_to - start);
            let others = bytes.saturating_sub(inner_to - inner_from);
            return match others {
                0 => What::Picture(low, high),
                _ => What::Mixed(low, high, others),
            };
        }
        return What::Other(from, to);
    }
    if flags.fin {
        return What::Close;
    }
    What::Acknowledgment(point.acked.map(|acked| {
        if own {
            acked
        } else {
            acked
                .saturating_sub(image.offset)
                .min(image.encoded_bytes.unwrap_or(image.bytes))
        }
    }))
}

/// Folds picture bytes and acknowledgments that take turns.
fn folded(steps: Vec<Step>) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::new();
    for step in steps {
        let Step::Sent(next) = &step else {
            out.push(step);
            continue;
        };
        let part = match (&next.what, next.own, next.repeat) {
            (What::Picture(from, to), true, false) => Some((Some((*from, *to)), None)),
            (What::Acknowledgment(acked), false, _) => Some((None, *acked)),
            _ => None,
        };
        if let (Some((bytes, acked)), Some(Step::Sent(last))) = (part, out.last_mut()) {
            let taken = match &mut last.what {
                What::Flow {
                    bytes: flow,
                    acked: flow_acked,
                } => {
                    if let Some((from, to)) = bytes {
                        *flow = (flow.0.min(from), flow.1.max(to));
                    }
                    *flow_acked = acked.or(*flow_acked);
                    true
                }
                What::Picture(from, to) if last.own && !last.repeat && bytes.is_none() => {
                    last.what = What::Flow {
                        bytes: (*from, *to),
                        acked,
                    };
                    true
                }
                _ => false,
            };
            if taken {
                last.frames.1 = next.frames.1;
                last.packets += next.packets;
                continue;
            }
        }
        out.push(step);
    }
    out
}

fn row(step: &Step, start: Option<Timestamp>, image: &Image, stream: &Stream) -> Markup {
    let sent = match step {
        Step::Idle(time) => {
            return html! { tr.idle { td colspan="3" { "nothing for " (duration(*time, true)) } } };
        }
        Step::Sent(sent) => sent,
    };
    let since = sent
        .time
        .zip(start)
        .map(|(time, start)| offset_time(time.since(start)));
    html! {
        tr {
            td.n { (since.unwrap_or_else(|| "–".to_owned())) }
            td.w { (sent.frames.0) @if sent.frames.1 != sent.frames.0 { "–" (sent.frames.1) } }
            td.ends { div.arrow.to[sent.own].back[!sent.own].again[sent.repeat] { span { (words(sent, image, stream)) } i {} } }
        }
    }
}

/// What was sent, in the words of the wire format.
fn words(sent: &Sent, image: &Image, stream: &Stream) -> String {
    let from = if sent.own { image.from } else { image.to };
    let direction = stream
        .directions
        .iter()
        .find(|direction| direction.from == from);
    let mut text = match &sent.what {
        What::Open => "opens the connection (SYN)".to_owned(),
        What::OpenAnswer => "accepts (SYN, ACK)".to_owned(),
        What::Picture(from, to) => picture_bytes(*from, *to, image),
        What::Mixed(from, to, others) => format!(
            "{} and {}",
            picture_bytes(*from, *to, image),
            counted(*others, "byte around it", "bytes around it")
        ),
        What::Other(from, to) => other_bytes(*from, *to, direction),
        What::Unplaced(bytes) => format!(
            "{} from before the capture",
            counted(*bytes, "byte", "bytes")
        ),
        What::Acknowledgment(None) => "acknowledges".to_owned(),
        What::Acknowledgment(Some(acked)) if sent.own => {
            format!(
                "acknowledges, up to byte {} of the other direction",
                count(*acked)
            )
        }
        What::Acknowledgment(Some(acked)) => {
            format!("acknowledges the picture up to byte {}", count(*acked))
        }
        What::Flow {
            bytes: (from, to),
            acked,
        } => match acked {
            Some(acked) => format!(
                "{}, acknowledged up to byte {}",
                picture_bytes(*from, *to, image),
                count(*acked)
            ),
            None => picture_bytes(*from, *to, image),
        },
        What::Close => "closes (FIN)".to_owned(),
        What::Reset => "resets the connection (RST)".to_owned(),
    };
    if sent.repeat {
        text.push_str(", sent again");
    }
    if sent.packets > 1 {
        text.extend([format!(" · {} packets", count(sent.packets))]);
    }
    text
}

fn picture_bytes(from: u64, to: u64, image: &Image) -> String {
    let mut text = format!("picture {} bytes {}", image.id.0, byte_range(from, to));
    if let Some(size) = image.chunk_size.filter(|size| *size > 0) {
        let (first, last) = (from / size, to.saturating_sub(1).max(from) / size);
        if first == last {
            text.extend([format!(" (chunk {})", count(first))]);
        } else {
            text.extend([format!(" (chunks {}–{})", count(first), count(last))]);
        }
    }
    text
}

/// Bytes that are none of the picture, by what the map of the direction says of them.
fn other_bytes(from: u64, to: u64, direction: Option<&Direction>) -> String {
    let regions = direction.map_or(&[][..], |direction| direction.map.as_slice());
    let first = regions.partition_point(|region| region.end() <= from);
    let mut parts: Vec<String> = Vec::new();
    for region in regions.iter().skip(first).take_while(|r| r.offset < to) {
        if parts.len() == 3 {
            parts.push("more".to_owned());
            break;
        }
        let bytes = region.end().min(to).saturating_sub(region.offset.max(from));
        let bytes = counted(bytes, "byte", "bytes");
        let what = region.what.as_deref().map(plain);
        parts.push(match (region.kind, region.image, what) {
            (RegionKind::Picture, Some(image), _) => format!("{bytes} of picture {}", image.0),
            (RegionKind::Picture, None, _) => format!("{bytes} of a picture"),
            (RegionKind::Framing, _, Some(what)) => format!("{what} ({bytes})"),
            (RegionKind::Framing, _, None) => format!("framing ({bytes})"),
            (RegionKind::Answer, _, Some(what)) => format!("answer: {what} ({bytes})"),
            (RegionKind::Answer, _, None) => format!("answer ({bytes})"),
            (RegionKind::Stray, _, Some(what)) => {
                format!("{bytes} of neither picture nor framing: {what}")
            }
            (RegionKind::Stray, _, None) => format!("{bytes} of neither picture nor framing"),
            (RegionKind::Gap, _, _) => format!("{bytes} missing"),
        });
    }
    if parts.is_empty() {
        let bytes = counted(to.saturating_sub(from), "byte", "bytes");
        return format!("{bytes} at stream offset {}", byte_range(from, to));
    }
    parts.join(", ")
}

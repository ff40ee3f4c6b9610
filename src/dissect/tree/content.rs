//! What a frame carries, as nodes: pieces of the wire format and of pictures, and the findings that it proves.

use std::fmt::Write as _;
use std::ops::Range;

use super::{Layer, Node, Structure};
use crate::dissect::carried::{Carried, Piece, Role};
use crate::dissect::seen::Seen;
use crate::dissect::value::Value;
use crate::ledger::Image;
use crate::units::{count, counted};

/// The payload: each piece of it, and of a picture its chunks and segments.
pub(super) fn payload(seen: &Seen<'_>, structure: &Structure<'_>) -> Vec<Node> {
    let start = seen
        .layers()
        .transport
        .map(|layer| (layer.payload, layer.end));
    Carried::of(seen)
        .pieces
        .iter()
        .map(|piece| {
            let within = |from: u64, to: u64| {
                let (start, end) = start?;
                let from = start.saturating_add(usize::try_from(from).ok()?).min(end);
                let to = start.saturating_add(usize::try_from(to).ok()?).min(end);
                Some(from..to)
            };
            let bytes = within(piece.at, piece.at + piece.length);
            match (piece.image, piece.of_picture()) {
                (Some(image), Some(range)) => {
                    let mut node = picture(piece, image, range, bytes, structure, &within);
                    node.value = Some(Value::Number(i64::from(image.id.0)));
                    node
                }
                _ => plain(seen, piece, bytes),
            }
        })
        .collect()
}

fn plain(seen: &Seen<'_>, piece: &Piece<'_>, bytes: Option<Range<usize>>) -> Node {
    let what = piece
        .what
        .map(|what| format!(": {what}"))
        .unwrap_or_default();
    let name = match piece.role {
        Role::Framing => "Framing",
        Role::Answer => "Answer",
        Role::Stray => "Stray bytes",
        Role::Gap => "Gap",
        _ => "Payload of no known kind",
    };
    let mut node = Node::new(
        Layer::Carries(piece.role),
        format!("{name}{what}, {}", counted(piece.length, "byte", "bytes")),
        bytes.clone(),
    );
    node.field = Some("imgnet.role");
    node.value = Some(Value::Text(piece.role.name().into()));
    if let Some(text) = bytes.and_then(|bytes| printable(seen.frame.data.get(bytes)?)) {
        let mut child = Node::new(node.layer, format!("Text: {text}"), node.bytes.clone());
        child.value = Some(Value::Text(text.into()));
        node.children.push(child);
    }
    node
}

/// The bytes as text, where they are short and printable.
fn printable(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes.get(..120).unwrap_or(bytes)).ok()?;
    let plain = text
        .chars()
        .all(|c| !c.is_control() || matches!(c, '\r' | '\n' | '\t'));
    (plain && !text.trim().is_empty()).then(|| format!("{text:?}"))
}

fn picture(
    piece: &Piece<'_>,
    image: &Image,
    (first, end): (u64, u64),
    bytes: Option<Range<usize>>,
    structure: &Structure<'_>,
    within: &dyn Fn(u64, u64) -> Option<Range<usize>>,
) -> Node {
    let layer = Layer::Carries(Role::Picture);
    let mut label = format!("Picture {}", image.id.0);
    if let Some(format) = image.format {
        let _ = write!(label, ": {}", format.to_string().to_uppercase());
        if let (Some(width), Some(height)) = (image.width, image.height) {
            let _ = write!(label, " {width}×{height}");
        }
    }
    let _ = write!(
        label,
        ", bytes {}–{} of {}",
        count(first),
        count(end.saturating_sub(1)),
        count(image.encoded_bytes.unwrap_or(image.bytes))
    );
    if image.encoded_bytes.is_some() {
        label.push_str(" as coded on the wire");
    }
    let mut node = Node::new(layer, label, bytes);
    node.field = Some("imgnet.picture");
    let verdict = image.verdict.as_str();
    let mut judged = Node::new(layer, format!("Verdict: {verdict}"), None);
    judged.field = Some("imgnet.verdict");
    judged.value = Some(Value::Text(verdict.into()));
    node.children.push(judged);
    // Picture offsets as places in the payload.
    let place = |range: &Range<u64>| {
        let from = range.start.max(first) - first;
        let to = range.end.min(end).saturating_sub(first);
        within(piece.at + from, piece.at + to)
    };
    if let (Some((low, high)), Some(size)) = (piece.chunks(), image.chunk_size) {
        for chunk in (low..=high).take(1024) {
            let range = chunk * size..(chunk + 1) * size;
            let carried = range.start.max(first)..range.end.min(end);
            let mut child = Node::new(
                layer,
                format!(
                    "Chunk {}: bytes {}–{}",
                    count(chunk),
                    count(carried.start),
                    count(carried.end.saturating_sub(1))
                ),
                place(&carried),
            );
            child.field = Some("imgnet.chunk");
            child.value = Some(Value::Number(i64::try_from(chunk).unwrap_or(i64::MAX)));
            node.children.push(child);
        }
    }
    if image.encoded_bytes.is_none() {
        for part in structure(image.id) {
            if part.bytes.end > first && part.bytes.start < end {
                let label = format!(
                    "{}: bytes {}–{}",
                    part.name,
                    count(part.bytes.start),
                    count(part.bytes.end.saturating_sub(1))
                );
                node.children
                    .push(Node::new(layer, label, place(&part.bytes)));
            }
        }
    }
    node
}

pub(super) fn findings(seen: &Seen<'_>) -> Option<Node> {
    let layer = Layer::Frame;
    let found: Vec<Node> = seen
        .index
        .findings_of(seen.frame.number)
        .map(|finding| {
            let severity = finding.severity;
            let mut node = Node::new(
                layer,
                format!("{severity}: {}: {}", finding.name, finding.message),
                None,
            );
            node.field = Some("imgnet.finding");
            node.value = Some(Value::Text(finding.name.as_str().into()));
            node.children
                .push(Node::new(layer, format!("Fix: {}", finding.fix), None));
            node
        })
        .collect();
    if found.is_empty() {
        return None;
    }
    let mut node = Node::new(layer, "Findings of which this frame is a proof", None);
    node.children = found;
    Some(node)
}

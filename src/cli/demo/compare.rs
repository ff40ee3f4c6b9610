//! Sent = wire = received: each picture of the report beside what its sender handed over and its receiver got.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::ledger::{Image, TransportKind, Verdict};
use crate::report::model::Report;
use crate::transfer::{Record, Side};

/// One way over one connection.
type Route = (TransportKind, SocketAddr, SocketAddr);
/// What one side says of each route's pictures, in order.
type Told<'r> = HashMap<Route, VecDeque<&'r Record>>;

/// Gives each picture of the report its verdict. Returns what is wrong beyond that: pictures that a side tells of
/// and that are not on the wire.
pub(super) fn three_ways(report: &mut Report, records: &[Record]) -> Vec<String> {
    let mut sent = told(records, Side::Sent);
    let mut received = told(records, Side::Received);
    let transports: HashMap<_, _> = report
        .streams
        .iter()
        .map(|stream| (stream.id, stream.transport))
        .collect();
    let mut trouble = Vec::new();
    // In order of first frame (`Report::conclude`), and so in the order of the records of a route.
    for image in &mut report.images {
        let Some(transport) = transports.get(&image.stream) else {
            continue;
        };
        let route = (*transport, image.from, image.to);
        let next = |told: &mut Told<'_>| told.get_mut(&route)?.pop_front().cloned();
        let (sent, received) = (next(&mut sent), next(&mut received));
        judge(image, sent.as_ref(), received.as_ref());
    }
    for (records, what) in [(&sent, "sent"), (&received, "received")] {
        for record in records.values().flatten() {
            trouble.push(format!(
                "{} was {what} ({} bytes, {}) and is no picture of the capture",
                record.file.as_deref().unwrap_or("a picture"),
                record.bytes,
                record.protocol
            ));
        }
    }
    trouble.sort();
    trouble
}

fn told(records: &[Record], side: Side) -> Told<'_> {
    let mut of_side: Vec<&Record> = records
        .iter()
        .filter(|record| record.side == side)
        .collect();
    of_side.sort_by_key(|record| record.started);
    let mut told = Told::new();
    for record in of_side {
        let route = (record.transport, record.from, record.to);
        told.entry(route).or_default().push_back(record);
    }
    told
}

fn judge(image: &mut Image, sent: Option<&Record>, received: Option<&Record>) {
    let wire = image.sha256.as_deref();
    let same = |record: Option<&Record>| {
        let record = record?;
        Some(record.bytes == image.bytes && Some(record.sha256.as_str()) == wire)
    };
    let (sent_same, received_same) = (same(sent), same(received));
    if matches!(image.verdict, Verdict::Match | Verdict::Unverified) {
        image.verdict = match (sent_same, received_same) {
            (Some(true), Some(true)) => Verdict::Match,
            (Some(false), _) | (_, Some(false)) => Verdict::Mismatch,
            _ => Verdict::Unverified,
        };
    }
    let problems: Vec<String> = [
        (
            sent,
            sent_same,
            "what was sent is not what was on the wire",
            "its sender told of no picture",
        ),
        (
            received,
            received_same,
            "what was received is not what was on the wire",
            "its receiver told of no picture",
        ),
    ]
    .into_iter()
    .filter_map(|(record, same, differs, silent)| match (record, same) {
        (None, _) => Some(silent.to_owned()),
        (Some(record), Some(false)) => Some(format!("{differs} ({} bytes)", record.bytes)),
        (Some(record), _) => record.problem.clone(),
    })
    .collect();
    if !problems.is_empty() && image.problem.is_none() {
        image.problem = Some(problems.join("; "));
        if image.verdict == Verdict::Match {
            image.verdict = Verdict::Mismatch;
        }
    }
    image.compared = Some(json!({
        "level": "bytes",
        "sent": side(sent, sent_same),
        "received": side(received, received_same),
    }));
}

/// One side; null where it told nothing.
fn side(record: Option<&Record>, same: Option<bool>) -> Value {
    let Some(record) = record else {
        return Value::Null;
    };
    json!({
        "path": record.file,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "equal": same,
    })
}

#[cfg(test)]
mod tests;

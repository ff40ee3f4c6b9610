//! Sent = wire = received: each picture of the report beside what its sender handed over and its receiver got.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::ledger::comparison::{
    self, Blame, Blamed, Comparison, Level, Mismatch, PairedBy, SideOfMismatch,
};
use crate::ledger::{Image, Problem, TransportKind, Verdict};
use crate::report::model::Report;
use crate::transfer::{Record, Side};
use crate::units::counted;

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
                "{} was {what} ({}, {}) and is no picture of the capture",
                record.file.as_deref().unwrap_or("a picture"),
                counted(record.bytes, "byte", "bytes"),
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
    let equal = |record: Option<&Record>| {
        let (record, wire) = (record?, image.sha256.as_deref()?);
        Some(record.bytes == image.bytes && record.sha256 == wire)
    };
    let (sent_equal, received_equal) = (equal(sent), equal(received));
    if matches!(image.verdict, Verdict::Match | Verdict::Unverified) {
        image.verdict = match (sent_equal, received_equal) {
            (Some(true), Some(true)) => Verdict::Match,
            (Some(false), _) | (_, Some(false)) => Verdict::Mismatch,
            _ => Verdict::Unverified,
        };
    }
    let mut differences = [
        (sent, sent_equal, SideOfMismatch::SenderToWire),
        (received, received_equal, SideOfMismatch::WireToReceiver),
    ]
    .into_iter()
    .filter(|(_, equal, _)| *equal == Some(false))
    .filter_map(|(record, _, side)| Some(mismatch(image, record?, side)));
    let (first, second) = (differences.next(), differences.next());
    let blame = first.as_ref().map(|mismatch| match mismatch.side {
        SideOfMismatch::SenderToWire => Blame {
            who: Blamed::Sender,
            why: "the bytes were different when they came onto the wire".to_owned(),
        },
        _ => Blame {
            who: Blamed::Receiver,
            why: "the wire has the right bytes, what it received has not".to_owned(),
        },
    });
    let told: Vec<&str> = [
        (sent, "its sender told of no picture"),
        (received, "its receiver told of no picture"),
    ]
    .into_iter()
    .filter_map(|(record, silent)| match record {
        None => Some(silent),
        Some(record) => record.problem.as_deref(),
    })
    .collect();
    let comparison = Comparison {
        level: Level::Bytes,
        sent: sent.map(|record| side(image, record, sent_equal)),
        received: received.map(|record| side(image, record, received_equal)),
        sent_equals_received: sent
            .zip(received)
            .map(|(sent, received)| sent.sha256 == received.sha256),
        mismatch: first,
        also: second,
        blame,
        converted: None,
        urgent: false,
    };
    image.compared = Some(Box::new(comparison));
    if !told.is_empty() && image.problem.is_none() {
        image.problem = Some(Problem::Told(told.join("; ")));
        if image.verdict == Verdict::Match {
            image.verdict = Verdict::Mismatch;
        }
    }
}

/// What one side told of the picture, against the wire.
fn side(image: &Image, record: &Record, equal: Option<bool>) -> comparison::Side {
    comparison::Side {
        path: record.file.clone(),
        bytes: record.bytes,
        sha256: record.sha256.clone(),
        pairing: PairedBy::Ledger,
        equal,
        by: Level::Bytes,
        compared_bytes: if equal.is_some() { image.bytes } else { 0 },
        pixels: None,
    }
}

/// That digests differ; where, they do not tell.
fn mismatch(image: &Image, record: &Record, side: SideOfMismatch) -> Mismatch {
    let (expected_bytes, actual_bytes) = match side {
        SideOfMismatch::SenderToWire => (record.bytes, image.bytes),
        _ => (image.bytes, record.bytes),
    };
    Mismatch::by_digest(
        side,
        expected_bytes,
        actual_bytes,
        "Another digest; the bytes themselves were not compared".to_owned(),
    )
}

#[cfg(test)]
mod tests;

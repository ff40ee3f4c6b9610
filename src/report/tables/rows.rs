//! The rows of each table: the report's own values, each with the keys that it lacks alone.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Table;
use crate::report::model::Report;
use crate::units::Timestamp;

/// What the lake adds to a report, so that it can be told from others.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// The unit's digest.
    pub(crate) unit: String,
    /// What its files are called.
    pub(crate) name: String,
    /// Its interface, where the files name one.
    pub(crate) interface: Option<String>,
    /// Time of its first frame.
    pub(crate) started: Option<Timestamp>,
    /// Units that it replaces.
    pub(crate) replaces: Vec<String>,
}

/// The rows of a table, in its order ([`Table::order`]). Those of packets are not in a report.
pub(crate) fn rows<'r>(
    report: &'r Report,
    table: Table,
    key: &'r Key,
) -> Box<dyn Iterator<Item = Map<String, Value>> + 'r> {
    match table {
        Table::Streams => Box::new(report.streams.iter().flat_map(move |stream| {
            let mut whole = object(stream);
            // What the JSON leaves out here is nothing, not unknown.
            whole
                .entry("evidence")
                .or_insert_with(|| Value::Array(Vec::new()));
            whole.entry("map_omitted").or_insert_with(|| 0.into());
            let directions = match whole.remove("directions") {
                Some(Value::Array(directions)) => directions,
                _ => Vec::new(),
            };
            (0_u64..).zip(directions).map(move |(index, direction)| {
                let mut row = whole.clone();
                if let Value::Object(direction) = direction {
                    row.extend(direction);
                }
                with(row, key, [("direction", index.into())])
            })
        })),
        Table::Images => {
            let mut images: Vec<_> = report.images.iter().collect();
            images.sort_by_key(|image| image.id);
            Box::new(images.into_iter().map(move |image| {
                // The chunks are counted from frames when they are asked for, and have a table of their own.
                let mut alone = image.clone();
                alone.chunks = None;
                let mut row = object(&alone);
                row.remove("chunks");
                with(row, key, [])
            }))
        }
        Table::Chunks => {
            let mut images: Vec<_> = report.images.iter().collect();
            images.sort_by_key(|image| image.id);
            Box::new(images.into_iter().flat_map(move |image| {
                let chunks = image.chunks.iter().flatten();
                chunks.map(move |chunk| {
                    with(
                        object(&chunk),
                        key,
                        [
                            ("stream", image.stream.0.into()),
                            ("image", image.id.0.into()),
                            // The JSON leaves out that a row stands for itself alone.
                            ("chunks", chunk.folded.into()),
                        ],
                    )
                })
            }))
        }
        Table::Findings => Box::new(
            (0_u64..)
                .zip(&report.findings)
                .map(move |(number, finding)| {
                    with(object(finding), key, [("number", number.into())])
                }),
        ),
        Table::Packets => Box::new(std::iter::empty()),
        Table::Captures => Box::new(std::iter::once_with(move || capture(report, key))),
    }
}

/// The one row of the whole run.
fn capture(report: &Report, key: &Key) -> Map<String, Value> {
    let mut row = Map::new();
    let mut put = |name: &str, value: Value| {
        row.insert(name.to_owned(), value);
    };
    put("captures", value(&report.captures));
    put("packets", value(&report.packets));
    put("coverage", value(&report.coverage));
    put("verdict", value(&report.verdict));
    put("totals", value(&report.totals));
    put("folded", value(&report.folded));
    put("verification", value(&report.verification));
    with(
        row,
        key,
        [
            ("name", key.name.clone().into()),
            ("interface", key.interface.clone().into()),
            ("files", report.captures.len().into()),
            ("started", value(&key.started)),
            ("replaces", key.replaces.clone().into()),
            ("imgnet", env!("CARGO_PKG_VERSION").into()),
        ],
    )
}

fn with<const N: usize>(
    mut row: Map<String, Value>,
    key: &Key,
    keys: [(&str, Value); N],
) -> Map<String, Value> {
    row.insert("unit".to_owned(), key.unit.clone().into());
    for (name, value) in keys {
        row.insert(name.to_owned(), value);
    }
    row
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match self::value(value) {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// As the report's JSON has it. What can be in a report can be written as JSON.
fn value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

//! Which columns each table has: read off the report's schema.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::Table;

/// The contract of the report, as it is published.
const REPORT: &str = include_str!("../../../docs/report.schema.json");

/// What stands in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8.
    Text,
    /// True or false.
    Flag,
    /// A whole number below 2^63; a larger one, which no real capture reaches, is unknown.
    Integer,
    /// A floating-point number.
    Real,
    /// A moment, in nanoseconds UTC.
    Time,
    /// Bytes.
    Bytes,
    /// Several, in order.
    List(Box<Kind>),
    /// Named parts, in a list.
    Record(Vec<(String, Kind)>),
}

/// Which part of a value a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// Of an endpoint: its address, as text.
    Address,
    /// Of an endpoint: its address, as 4 or 16 bytes in network order.
    AddressBytes,
    /// Of an endpoint: its port.
    Port,
    /// Of an object whose members are reasons: reason and count of each.
    Counts,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its name: the report's, members of an object behind its name and `_`.
    pub(crate) name: String,
    /// Where it stands in a row's value, outermost first.
    pub(crate) path: Vec<String>,
    /// What stands in it.
    pub(crate) kind: Kind,
    /// Which part of the value.
    pub(crate) part: Part,
    /// Unit of its numbers; absent where they have none.
    pub(crate) unit: Option<&'static str>,
    /// The report's member, as `images[].digest.value`; absent for a key, which the lake adds.
    pub(crate) report: Option<String>,
    /// What it says.
    pub(crate) description: String,
}

impl Column {
    fn key(name: &str, kind: Kind, unit: Option<&'static str>, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: vec![name.to_owned()],
            kind,
            part: Part::Whole,
            unit,
            report: None,
            description: description.to_owned(),
        }
    }
}

/// The columns of a table: keys first, then those by which it is sorted, then the report's other members by name.
pub(crate) fn columns(table: Table) -> &'static [Column] {
    static ALL: LazyLock<Vec<Vec<Column>>> = LazyLock::new(|| {
        let schema = serde_json::from_str(REPORT).unwrap_or_default();
        Table::ALL
            .iter()
            .map(|table| Shape { schema: &schema }.table(*table))
            .collect()
    });
    let index = Table::ALL.iter().position(|one| *one == table);
    index
        .and_then(|index| ALL.get(index))
        .map_or(&[], |columns| columns)
}

struct Shape<'s> {
    schema: &'s Value,
}

impl Shape<'_> {
    fn table(&self, table: Table) -> Vec<Column> {
        let mut columns = keys(table);
        match table {
            Table::Captures => {
                // The run's own members; what has a table of its own, and what archive never makes, is not among them.
                self.members(
                    self.schema,
                    "",
                    &["schema", "streams", "images", "findings", "extracted"],
                    &mut columns,
                );
            }
            Table::Streams => {
                self.members(
                    self.definition("stream"),
                    "streams[]",
                    &["directions"],
                    &mut columns,
                );
                self.members(
                    self.definition("direction"),
                    "streams[].directions[]",
                    &[],
                    &mut columns,
                );
            }
            Table::Images => self.members(
                self.definition("image"),
                "images[]",
                &["chunks"],
                &mut columns,
            ),
            Table::Chunks => self.members(
                self.definition("chunk"),
                "images[].chunks[]",
                &[],
                &mut columns,
            ),
            Table::Findings => {
                self.members(self.definition("finding"), "findings[]", &[], &mut columns);
            }
            Table::Packets => packets(&mut columns),
        }
        // Readers find statistics of what rows are sorted by in front, and no list stands before it.
        let order = table.order();
        columns.sort_by_key(|column| {
            let place = order.iter().position(|name| *name == column.name);
            match (&column.report, place) {
                (None, _) if column.name == "unit" => 0,
                (_, Some(place)) => 1 + place,
                (None, None) => 1 + order.len(),
                (Some(_), None) => 2 + order.len(),
            }
        });
        columns
    }

    fn definition(&self, name: &str) -> &Value {
        self.schema
            .pointer(&format!("/$defs/{name}"))
            .unwrap_or(&Value::Null)
    }

    /// The columns of an object's members.
    fn members(&self, object: &Value, report: &str, without: &[&str], columns: &mut Vec<Column>) {
        for (name, member) in properties(object) {
            if without.contains(&name.as_str()) {
                continue;
            }
            let report = if report.is_empty() {
                name.clone()
            } else {
                format!("{report}.{name}")
            };
            self.member(std::slice::from_ref(name), member, &report, columns);
        }
    }

    fn member(&self, path: &[String], schema: &Value, report: &str, columns: &mut Vec<Column>) {
        let resolved = self.resolve(schema);
        let object = properties(resolved);
        if !object.is_empty() {
            for (name, member) in object {
                let mut path = path.to_vec();
                path.push(name.clone());
                self.member(&path, member, &format!("{report}.{name}"), columns);
            }
            return;
        }
        let column = |suffix: &str, kind, part, unit| Column {
            name: format!("{}{suffix}", path.join("_")),
            path: path.to_vec(),
            kind,
            part,
            unit,
            report: Some(report.to_owned()),
            description: describe(schema, resolved),
        };
        let name = path.last().map_or("", String::as_str);
        if resolved.get("additionalProperties").is_some() {
            let pair = Kind::Record(vec![
                ("reason".to_owned(), Kind::Text),
                ("packets".to_owned(), Kind::Integer),
            ]);
            columns.push(column("", Kind::List(Box::new(pair)), Part::Counts, None));
            return;
        }
        let kind = self.kind(resolved);
        let unit = unit(name, &kind);
        columns.push(column("", kind, Part::Whole, unit));
        if self.is_endpoint(schema) {
            columns.push(column("_address", Kind::Text, Part::Address, None));
            columns.push(column(
                "_address_bytes",
                Kind::Bytes,
                Part::AddressBytes,
                None,
            ));
            columns.push(column("_port", Kind::Integer, Part::Port, None));
        }
    }

    fn is_endpoint(&self, schema: &Value) -> bool {
        std::ptr::eq(self.resolve(schema), self.definition("endpoint"))
    }

    /// What a schema says once references are followed and `null` is left aside.
    fn resolve<'v>(&'v self, schema: &'v Value) -> &'v Value {
        let mut schema = schema;
        // References do not nest deeper; one that leads to itself ends here.
        for _ in 0..8 {
            if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
                let pointer = reference.trim_start_matches('#');
                schema = self.schema.pointer(pointer).unwrap_or(&Value::Null);
            } else if let Some(some) = schema.get("anyOf").and_then(Value::as_array) {
                let known = some
                    .iter()
                    .find(|one| one.get("type").is_none_or(|kind| kind != "null"));
                schema = known.unwrap_or(&Value::Null);
            } else {
                break;
            }
        }
        schema
    }

    fn kind(&self, schema: &Value) -> Kind {
        let schema = self.resolve(schema);
        if std::ptr::eq(schema, self.definition("time")) {
            return Kind::Time;
        }
        let object = properties(schema);
        if !object.is_empty() {
            let members = object
                .iter()
                .map(|(name, member)| (name.clone(), self.kind(member)));
            return Kind::Record(members.collect());
        }
        if let Some(items) = schema
            .get("items")
            .or_else(|| schema.pointer("/prefixItems/0"))
        {
            return Kind::List(Box::new(self.kind(items)));
        }
        let is = |name: &str| match schema.get("type") {
            Some(Value::Array(several)) => several.iter().any(|one| one == name),
            Some(one) => one == name,
            None => false,
        };
        let numbers = schema.get("enum").and_then(Value::as_array);
        if is("integer") || numbers.is_some_and(|some| some.iter().any(Value::is_u64)) {
            Kind::Integer
        } else if is("number") {
            Kind::Real
        } else if is("boolean") {
            Kind::Flag
        } else {
            Kind::Text
        }
    }
}

/// The columns that the lake adds to a table.
fn keys(table: Table) -> Vec<Column> {
    let mut columns = vec![Column::key(
        "unit",
        Kind::Text,
        None,
        "The unit: the first 32 hexadecimal digits of the BLAKE3 of its files' BLAKE3s. It joins the tables.",
    )];
    let mut key = |name, kind, unit, description| {
        columns.push(Column::key(name, kind, unit, description));
    };
    match table {
        Table::Captures => {
            key(
                "name",
                Kind::Text,
                None,
                "What the files of the unit are called, without what rotation adds.",
            );
            key(
                "interface",
                Kind::Text,
                None,
                "The interface, where the files name one.",
            );
            key(
                "files",
                Kind::Integer,
                Some("files"),
                "How many files the unit has.",
            );
            key(
                "started",
                Kind::Time,
                Some("ns"),
                "Time of the first frame of its first file.",
            );
            key(
                "imgnet",
                Kind::Text,
                None,
                "The version of imgnet that analysed it.",
            );
            key(
                "replaces",
                Kind::List(Box::new(Kind::Text)),
                None,
                "Units that it contains and that count no more: what the set of files was before it grew.",
            );
        }
        Table::Streams => key(
            "direction",
            Kind::Integer,
            None,
            "Which of the stream's two directions: index into the report's directions.",
        ),
        Table::Chunks => {
            key("stream", Kind::Integer, None, "The picture's stream.");
            key("image", Kind::Integer, None, "The picture: id in images.");
        }
        Table::Findings => key(
            "number",
            Kind::Integer,
            None,
            "Place in the report's list, from 0.",
        ),
        Table::Images | Table::Packets => {}
    }
    columns
}

fn properties(schema: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&NONE)
}

/// What a member says: its own words, else those of its definition.
fn describe(schema: &Value, resolved: &Value) -> String {
    let own = schema
        .get("description")
        .or_else(|| resolved.get("description"));
    own.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The unit of a member's numbers, by the name: counters name unit and layer.
fn unit(name: &str, kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Time => return Some("ns"),
        Kind::Real if name == "psnr" => return Some("dB"),
        Kind::Integer | Kind::List(_) => {}
        _ => return None,
    }
    Some(match name {
        "packets" if matches!(kind, Kind::List(_)) => "frame number",
        "first_packet" | "last_packet" | "after_frame" => "frame number",
        "width" | "height" | "differing" => "pixels",
        "offset" | "length" | "acknowledged" | "chunk_size" | "first_difference"
        | "context_offset" => "bytes",
        "kernel_drops" | "unwritten" | "read" | "decoded" => "packets",
        "files" => "files",
        "images" => "pictures",
        "streams" | "late_starts" | "one_sided" | "unfinished" => "streams",
        "sent"
        | "repeats"
        | "captured"
        | "copies"
        | "arrived"
        | "lost"
        | "incomplete_datagrams" => "datagrams",
        name if name.ends_with("bytes") => "bytes",
        name if name.ends_with("packets") || name == "packet_count" => "packets",
        name if name.ends_with("chunks") || name == "chunk_count" => "chunks",
        _ => return None,
    })
}

/// The table of frames is no part of the report: it is that of `imgnet packets`.
fn packets(columns: &mut Vec<Column>) {
    for (name, kind, unit, description) in [
        (
            "number",
            Kind::Integer,
            Some("frame number"),
            "The frame, from 1 over all files of the unit (frame.number).",
        ),
        (
            "time",
            Kind::Time,
            Some("ns"),
            "When it was captured; null where the file has no times.",
        ),
        ("stream", Kind::Integer, None, "Its stream."),
        ("from", Kind::Text, None, "Its sender, ip:port."),
        (
            "wire_bytes",
            Kind::Integer,
            Some("bytes"),
            "Length on the wire.",
        ),
        (
            "payload_bytes",
            Kind::Integer,
            Some("bytes"),
            "Transport payload.",
        ),
        (
            "offset",
            Kind::Integer,
            Some("bytes"),
            "Stream offset of its first payload byte; null where it has none or that is not known.",
        ),
        (
            "acknowledged",
            Kind::Integer,
            Some("bytes"),
            "One past the highest byte of the other direction that was acknowledged so far; null for UDP.",
        ),
        ("syn", Kind::Flag, None, "SYN bit."),
        ("fin", Kind::Flag, None, "FIN bit."),
        ("rst", Kind::Flag, None, "RST bit."),
        (
            "repeat",
            Kind::Flag,
            None,
            "At least one of its bytes had been seen before.",
        ),
    ] {
        columns.push(Column::key(name, kind, unit, description));
    }
}

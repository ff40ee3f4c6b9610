//! The tables against the report: no member without a column, no column without a member.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Column, Key, Kind, Table, columns, rows};
use crate::report::samples;
use crate::units::Timestamp;

/// What is left out of the tables, and why.
const LEFT_OUT: &[&str] = &[
    // Of the JSON object, not of what was found; the lake has a name and version of its own.
    "schema",
    // An archive writes no pictures.
    "extracted.folder",
    "extracted.files[].image",
    "extracted.files[].name",
    "extracted.files[].bytes",
    "extracted.files[].complete",
    "extracted.files[].gaps",
];

/// All members of the report that have a value of their own, found by another way than the tables'.
fn members(schema: &Value) -> BTreeSet<String> {
    fn walk(root: &Value, at: &Value, path: String, into: &mut BTreeSet<String>) {
        if let Some(reference) = at["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            return walk(root, &root["$defs"][name], path, into);
        }
        if let Some(either) = at["anyOf"].as_array() {
            for one in either.iter().filter(|one| one["type"] != "null") {
                walk(root, one, path.clone(), into);
            }
        } else if let Some(object) = at["properties"].as_object() {
            for (name, member) in object {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                walk(root, member, path, into);
            }
        } else if at["items"].is_object() {
            walk(root, &at["items"], format!("{path}[]"), into);
        } else {
            into.insert(path);
        }
    }
    let mut found = BTreeSet::new();
    walk(schema, schema, String::new(), &mut found);
    found
}

/// The members that a column has.
fn covered(column: &Column) -> Vec<String> {
    fn expand(kind: &Kind, path: &str) -> Vec<String> {
        match kind {
            Kind::List(of) => expand(of, &format!("{path}[]")),
            Kind::Record(parts) => parts
                .iter()
                .flat_map(|(name, kind)| expand(kind, &format!("{path}.{name}")))
                .collect(),
            _ => vec![path.to_owned()],
        }
    }
    let Some(report) = &column.report else {
        return Vec::new();
    };
    if column.part != super::Part::Whole || report.ends_with("first_difference") {
        return vec![report.clone()];
    }
    expand(&column.kind, report)
}

#[test]
fn every_member_of_the_report_has_a_column_and_every_column_a_member() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    let members = members(&schema);
    let covered: BTreeSet<String> = Table::ALL
        .iter()
        .flat_map(|table| columns(*table))
        .flat_map(covered)
        .collect();
    let left_out: BTreeSet<String> = LEFT_OUT.iter().map(|&path| path.to_owned()).collect();
    let wanted: BTreeSet<String> = members.difference(&left_out).cloned().collect();
    let without_column: Vec<_> = wanted.difference(&covered).collect();
    assert!(
        without_column.is_empty(),
        "no column has {without_column:?}"
    );
    let without_member: Vec<_> = covered.difference(&wanted).collect();
    assert!(
        without_member.is_empty(),
        "the report lacks {without_member:?}"
    );
    assert!(
        left_out.is_subset(&members),
        "left out and not there: {:?}",
        left_out.difference(&members)
    );
    assert!(members.len() > 150, "{}", members.len());
}

#[test]
fn no_value_of_a_report_falls_between_the_columns() {
    fn leaves(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members
                .iter()
                .for_each(|(name, value)| leaves(value, &format!("{path}_{name}"), into)),
            Value::Null => {}
            _ => {
                into.insert(path.trim_start_matches('_').to_owned());
            }
        }
    }
    let key = Key {
        unit: "0123".to_owned(),
        name: "x".to_owned(),
        interface: Some("eth0".to_owned()),
        started: Some(Timestamp(0)),
        replaces: vec!["4567".to_owned()],
    };
    let mut seen = 0;
    for report in samples::all() {
        for table in Table::ALL {
            let columns = columns(table);
            for row in rows(&report, table, &key) {
                let mut found = BTreeSet::new();
                leaves(&Value::Object(row), "", &mut found);
                for leaf in &found {
                    let known = columns.iter().any(|column| {
                        column.name == *leaf
                            || (column.part == super::Part::Counts
                                && leaf.starts_with(&column.name))
                    });
                    assert!(known, "{}: {leaf}", table.name());
                }
                seen += found.len();
            }
        }
    }
    assert!(seen > 500, "{seen}");
}

#[test]
fn names_are_unique_and_every_column_says_what_it_is() {
    for table in Table::ALL {
        let columns = columns(table);
        let names: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names.len(), columns.len(), "{}", table.name());
        for column in columns {
            assert!(
                !column.description.is_empty(),
                "{}.{}",
                table.name(),
                column.name
            );
        }
        for name in table.order() {
            assert!(names.contains(name), "{}: {name}", table.name());
        }
    }
}

#[test]
fn rows_come_in_the_order_of_their_table() {
    let key = Key {
        unit: "0".to_owned(),
        name: String::new(),
        interface: None,
        started: None,
        replaces: Vec::new(),
    };
    for report in samples::all() {
        for table in Table::ALL {
            let places: Vec<Vec<Option<u64>>> = rows(&report, table, &key)
                .map(|row| {
                    table
                        .order()
                        .iter()
                        .map(|name| row.get(*name).and_then(Value::as_u64))
                        .collect()
                })
                .collect();
            assert!(places.is_sorted(), "{}", table.name());
        }
    }
}

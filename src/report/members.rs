//! What the members of the JSON mean, as `report.schema.json` says it: `imgnet explain` tells it, too.

use serde_json::{Map, Value};

const SCHEMA: &str = include_str!("../../docs/report.schema.json");

/// A member of an object in the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The object it is in: `report`, `image`, `image.compared`.
    pub of: String,
    /// Its name.
    pub name: String,
    /// What it means.
    pub meaning: String,
}

/// All members, in the order of the schema.
pub(crate) fn all() -> Vec<Member> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap_or_default();
    let definitions = schema.get("$defs").and_then(Value::as_object);
    let mut found = Vec::new();
    let seek = |value, of: &str, found: &mut Vec<Member>| {
        let definitions = definitions.cloned().unwrap_or_default();
        members(value, of, &definitions, found);
    };
    seek(&schema, "report", &mut found);
    for (name, definition) in definitions.into_iter().flatten() {
        seek(definition, name, &mut found);
    }
    found
}

/// The members of this name; empty where there is none.
pub(crate) fn find(name: &str) -> Vec<Member> {
    let name = name.trim();
    let mut found = all();
    found.retain(|member| member.name == name || format!("{}.{}", member.of, member.name) == name);
    found
}

/// Seeks members in what a schema says of one value. Schemas are our own, and not deep.
fn members(value: &Value, of: &str, definitions: &Map<String, Value>, into: &mut Vec<Member>) {
    for (name, member) in object(value, "properties") {
        into.push(Member {
            of: of.to_owned(),
            name: name.clone(),
            meaning: meaning(member, definitions).to_owned(),
        });
        members(member, &format!("{of}.{name}"), definitions, into);
    }
    if let Some(items) = value.get("items") {
        members(items, of, definitions, into);
    }
    for either in value
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        members(either, of, definitions, into);
    }
}

fn object<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value
        .get(name)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// The description of a member, or of what it refers to.
fn meaning<'v>(member: &'v Value, definitions: &'v Map<String, Value>) -> &'v str {
    let described = |value: &'v Value| value.get("description").and_then(Value::as_str);
    let referred = || {
        let name = member.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
        described(definitions.get(name)?)
    };
    described(member).or_else(referred).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_says_what_it_is() {
        let all = all();
        assert!(all.len() > 200, "{}", all.len());
        for member in &all {
            assert!(!member.meaning.is_empty(), "{}.{}", member.of, member.name);
        }
        let found = find("unique_bytes");
        assert!(found.iter().any(|member| member.of == "chunk"), "{found:?}");
        assert_eq!(find("image.unique_bytes").len(), 1);
        assert_eq!(find("report.coverage.gap_bytes").len(), 1);
        assert_eq!(find("xyzzy"), []);
    }
}

//! The published schema of the report, closed: a member that it does not know is an error.

#![expect(
    clippy::expect_used,
    reason = "a helper of a test may fail as the test may"
)]

use serde_json::{Value, json};

fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Fails where a report is not as `docs/report.schema.json` says.
pub(crate) fn assert_valid(report: &Value) {
    let mut schema: Value =
        serde_json::from_str(include_str!("../../docs/report.schema.json")).expect("JSON");
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

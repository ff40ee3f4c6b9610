//! What happens, for programs: a line of JSON each.

use serde::Serialize;

use crate::transfer::{Event, Record};

/// Name of this version of the lines.
const SCHEMA: &str = "imgnet/event/v1";

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'e> {
    Listening {
        schema: &'e str,
        address: String,
    },
    Transfer(&'e Record),
    Note {
        text: &'e str,
    },
    Warning {
        text: &'e str,
    },
    Summary {
        pictures: u64,
        failed: u64,
        bytes: u64,
        error: Option<&'e str>,
    },
}

fn line(line: &Line<'_>) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

/// The line of an event; nothing for progress.
pub(super) fn event(event: &Event) -> Option<String> {
    Some(line(&match event {
        Event::Listening(address) => Line::Listening {
            schema: SCHEMA,
            address: address.to_string(),
        },
        Event::Transferred(record) => Line::Transfer(record),
        Event::Note(text) => Line::Note { text },
        Event::Warning(text) | Event::Unanswered(text) => Line::Warning { text },
        Event::Moving { .. } | Event::Rows { .. } => return None,
    }))
}

/// The last line.
pub(super) fn summary(pictures: u64, failed: u64, bytes: u64, error: Option<&str>) -> String {
    line(&Line::Summary {
        pictures,
        failed,
        bytes,
        error,
    })
}

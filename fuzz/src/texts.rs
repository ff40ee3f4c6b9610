//! What people and programs write in one line: filters, layouts, wire formats, lines of ledgers.

use imgnet::dissect::Filter;
use imgnet::ledger::record::Record;
use imgnet::wire::{Layout, Protocol};

/// One line: not understood, and why; or understood, and written as it can be read again.
pub fn texts(data: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<Record>(data) {
        let written = serde_json::to_string(&record).expect("a record can be written");
        let again: Record = serde_json::from_str(&written).expect("what was written can be read");
        assert_eq!(serde_json::to_string(&again).expect("as before"), written);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Filter::parse(text) {
        Ok(filter) => assert!(Filter::parse(&filter.to_string()).is_ok(), "{filter}"),
        Err(mistake) => assert!(!mistake.to_string().is_empty()),
    }
    match text.parse::<Layout>() {
        Ok(layout) => {
            let again: Layout = layout
                .to_string()
                .parse()
                .expect("what was written can be read");
            assert_eq!(again.to_string(), layout.to_string());
        }
        Err(mistake) => assert!(!mistake.to_string().is_empty()),
    }
    if let Ok(protocol) = text.parse::<Protocol>() {
        let written = protocol.to_string();
        let again: Protocol = written.parse().expect("what was written can be read");
        assert_eq!(again.to_string(), written);
    }
}

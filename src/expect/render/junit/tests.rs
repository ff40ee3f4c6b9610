use std::collections::BTreeMap;
use std::time::Duration;

use quick_xml::events::{BytesStart, Event};

use super::{Suite, render};
use crate::expect::{Checked, Judged, Outcome, Value};
use crate::report::model::Totals;
use crate::units::Timestamp;

fn judged(name: &str, picture: Option<&str>, outcome: Outcome) -> Judged {
    Judged {
        name: name.to_owned(),
        picture: picture.map(str::to_owned),
        image: None,
        expected: Value::Count(12_193),
        actual: Some(Value::Text(name.to_owned())),
        outcome,
        note: Some(name.to_owned()),
        lack: None,
        holds_so_far: false,
        line: Some(7),
    }
}

fn rendered(expectations: Vec<Judged>, name: &str) -> String {
    let checked = Checked {
        verdict: Outcome::Fail,
        expectations,
        totals: Totals::default(),
    };
    let suite = Suite {
        name,
        timestamp: Timestamp(1_795_173_289_590_743_001),
        took: Duration::from_micros(12_345),
    };
    let mut out = Vec::new();
    render(&checked, &suite, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Elements with their depth, attributes and text, as a parser that checks well-formedness finds them.
struct Element {
    depth: usize,
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
}

fn elements(xml: &str) -> Vec<Element> {
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().check_comments = true;
    let (mut depth, mut found) = (0, Vec::new());
    let element = |start: &BytesStart<'_>, depth| Element {
        depth,
        name: start.name().as_ref().to_owned(),
        attributes: start
            .attributes()
            .map(|attribute| {
                let attribute = attribute.unwrap();
                let key = attribute.key.as_ref().to_owned();
                let raw = attribute.value.to_string();
                (key, quick_xml::escape::unescape(&raw).unwrap().into_owned())
            })
            .collect(),
        text: String::new(),
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                found.push(element(&start, depth));
                depth += 1;
            }
            Event::Empty(start) => found.push(element(&start, depth)),
            Event::End(_) => depth -= 1,
            Event::Text(text) => {
                let raw = text.to_string();
                if let Some(last) = found.last_mut() {
                    last.text
                        .push_str(&quick_xml::escape::unescape(&raw).unwrap());
                }
            }
            Event::GeneralRef(reference) => {
                let raw = format!("&{};", &*reference);
                if let Some(last) = found.last_mut() {
                    last.text
                        .push_str(&quick_xml::escape::unescape(&raw).unwrap());
                }
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

/// The rules of the Ant schema, which is the stricter one, as far as this rendering can break them.
fn assert_valid(xml: &str) -> Vec<Element> {
    for c in xml.chars() {
        assert!(
            matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..),
            "{c:?} is no character of XML 1.0"
        );
    }
    let found = elements(xml);
    let tokens = |element: &Element, names: &[&str]| {
        for name in names {
            let value = element.attributes.get(*name);
            let value = value.unwrap_or_else(|| panic!("{} lacks {name}", element.name));
            assert!(!value.is_empty(), "{name}");
            let words: Vec<&str> = value.split(' ').collect();
            assert!(
                words.iter().all(|word| !word.is_empty()),
                "{name} is no token: {value:?}"
            );
            assert!(
                !value.contains(['\n', '\t', '\r']),
                "{name} is no token: {value:?}"
            );
        }
        assert_eq!(
            element.attributes.len(),
            names.len(),
            "{} has others too",
            element.name
        );
    };
    assert_eq!(found[0].name, "testsuites");
    assert_eq!(found[0].attributes.len(), 0);
    assert_eq!((found[1].name.as_str(), found[1].depth), ("testsuite", 1));
    let suite = [
        "id",
        "package",
        "name",
        "timestamp",
        "hostname",
        "tests",
        "failures",
        "errors",
        "time",
    ];
    tokens(&found[1], &suite);
    let timestamp = &found[1].attributes["timestamp"];
    assert_eq!(timestamp, "2026-11-20T11:14:49", "whole seconds, no zone");
    let members: Vec<&Element> = found.iter().filter(|element| element.depth == 2).collect();
    let names: Vec<&str> = members
        .iter()
        .map(|element| element.name.as_str())
        .collect();
    let [first, cases @ .., out, err] = names.as_slice() else {
        panic!("too few members: {names:?}");
    };
    assert_eq!(
        [*first, *out, *err],
        ["properties", "system-out", "system-err"]
    );
    assert!(cases.iter().all(|name| *name == "testcase"));
    assert_eq!(cases.len().to_string(), found[1].attributes["tests"]);
    for case in members.iter().filter(|element| element.name == "testcase") {
        tokens(case, &["name", "classname", "time"]);
    }
    for (kind, counter) in [("failure", "failures"), ("error", "errors")] {
        let all: Vec<&Element> = found
            .iter()
            .filter(|element| element.name == kind)
            .collect();
        assert_eq!(all.len().to_string(), found[1].attributes[counter]);
        for one in all {
            assert_eq!(one.depth, 3);
            assert!(one.attributes.contains_key("type") && one.attributes.contains_key("message"));
        }
    }
    found
}

#[test]
fn one_case_for_each_expectation() {
    let xml = rendered(
        vec![
            judged("bytes", Some("upload.v2"), Outcome::Fail),
            judged("sha256", Some("upload.v2"), Outcome::Inconclusive),
            judged("pictures", None, Outcome::Pass),
        ],
        "expect.toml",
    );
    assert_valid(&xml);
    insta::assert_snapshot!("junit", xml);
}

#[test]
fn hostile_text_stays_xml() {
    let all: String = ('\0'..='\u{ff}')
        .chain(['\u{fffe}', '\u{ffff}', '\u{202e}', '\u{feff}', '\u{10ffff}'])
        .collect();
    for text in [
        all.as_str(),
        "]]><!--&lt;",
        "\" onload='x'",
        "  two  spaces ",
        "",
        "\n\t",
        "&#0;",
        "<![CDATA[",
    ] {
        let outcomes = [Outcome::Pass, Outcome::Fail, Outcome::Inconclusive];
        let xml = rendered(
            outcomes
                .map(|outcome| judged(text, Some(text), outcome))
                .into(),
            text,
        );
        let found = assert_valid(&xml);
        let failure = found
            .iter()
            .find(|element| element.name == "failure")
            .unwrap();
        assert!(
            failure.text.contains("expected 12,193\n"),
            "{}",
            failure.text
        );
    }
}

#[test]
fn what_is_escaped_comes_back() {
    let xml = rendered(vec![judged("a<b>&\"c'\u{1}", None, Outcome::Fail)], "x");
    let found = assert_valid(&xml);
    let case = found
        .iter()
        .find(|element| element.name == "testcase")
        .unwrap();
    assert_eq!(case.attributes["name"], "a<b>&\"c'\\u{1}");
}

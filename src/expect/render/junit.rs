//! The rendering for CI servers: `JUnit` XML with one test case for each expectation.
//!
//! There is no one schema. This is valid against both that are in use: the Apache Ant one (windyroad's `JUnit.xsd`:
//! all members of a suite and their order required, a timestamp without zone, `type` on every failure) and the
//! laxer one of Jenkins' xUnit plugin. An expectation that does not hold is a `failure`, one that cannot be judged
//! an `error`, never `skipped`, which servers take for good.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::expect::{Checked, Judged, Outcome};
use crate::report::text;
use crate::units::Timestamp;

/// What a suite says of the check itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suite<'s> {
    /// Its name: the file of expectations.
    pub name: &'s str,
    /// When the check was made.
    pub timestamp: Timestamp,
    /// How long reading and judging took. Judging alone takes no time worth a number: the cases say 0.
    pub took: Duration,
}

/// Writes the outcome as `JUnit` XML.
///
/// # Errors
/// Those of `out`.
pub(crate) fn render(checked: &Checked, suite: &Suite<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    // Without attributes: the Ant schema allows none here.
    xml.create_element("testsuites")
        .write_inner_content(|xml| write_suite(checked, suite, xml))?;
    out.write_all(b"\n")
}

fn write_suite<W: Write>(
    checked: &Checked,
    suite: &Suite<'_>,
    xml: &mut Writer<W>,
) -> io::Result<()> {
    let count = |outcome| checked.count(outcome).to_string();
    let name = token(suite.name);
    // Whole seconds and no zone: the Ant schema takes no other.
    let timestamp: String = suite.timestamp.to_string().chars().take(19).collect();
    xml.create_element("testsuite")
        .with_attribute(("id", "0"))
        .with_attribute(("package", "imgnet"))
        .with_attribute(("name", name.as_ref()))
        .with_attribute(("timestamp", timestamp.as_str()))
        .with_attribute(("hostname", "localhost"))
        .with_attribute(("tests", checked.expectations.len().to_string().as_str()))
        .with_attribute(("failures", count(Outcome::Fail).as_str()))
        .with_attribute(("errors", count(Outcome::Inconclusive).as_str()))
        .with_attribute(("time", format!("{:.3}", suite.took.as_secs_f64()).as_str()))
        .write_inner_content(|xml| {
            xml.create_element("properties").write_empty()?;
            for judged in &checked.expectations {
                write_case(judged, xml)?;
            }
            xml.create_element("system-out").write_empty()?;
            xml.create_element("system-err").write_empty()?;
            Ok(())
        })?;
    Ok(())
}

fn write_case<W: Write>(judged: &Judged, xml: &mut Writer<W>) -> io::Result<()> {
    let name = token(&judged.name);
    // Servers take what precedes the last point for a package; a point of a label would make one.
    let class = token(judged.picture.as_deref().unwrap_or("run")).replace('.', "_");
    let class = format!("imgnet.{class}");
    let case = xml
        .create_element("testcase")
        .with_attribute(("name", name.as_ref()))
        .with_attribute(("classname", class.as_str()))
        .with_attribute(("time", "0"));
    let (element, kind) = match judged.outcome {
        Outcome::Pass => {
            case.write_empty()?;
            return Ok(());
        }
        Outcome::Fail => ("failure", "expectation"),
        Outcome::Inconclusive => ("error", "inconclusive"),
    };
    let actual = match &judged.actual {
        Some(actual) => actual.human(true),
        None => "unknown".to_owned(),
    };
    let expected = judged.expected.human(true);
    let message = format!("expected {expected}, actual {actual}");
    let mut content = vec![format!("expected {expected}"), format!("actual   {actual}")];
    let plain = |word: &str, text: &String| format!("{word} {}", text::plain(text, true));
    content.extend(judged.note.as_ref().map(|note| plain("note    ", note)));
    content.extend(judged.lack.as_ref().map(|lack| plain("missing ", lack)));
    content.extend(judged.line.map(|line| format!("line     {line}")));
    let content = content.join("\n") + "\n";
    case.write_inner_content(|xml| {
        xml.create_element(element)
            .with_attribute(("message", line(&message).as_ref()))
            .with_attribute(("type", kind))
            .write_text_content(BytesText::new(&block(&content)))?;
        Ok(())
    })?;
    Ok(())
}

/// Whether XML 1.0 may carry a character at all (section 2.2).
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Text of several lines, with what XML cannot carry escaped as in Rust.
fn block(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_xml) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_xml(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    Cow::Owned(out)
}

/// One line, for an attribute, where a parser would turn line ends to spaces.
fn line(text: &str) -> Cow<'_, str> {
    match text::plain(text, true) {
        Cow::Borrowed(text) => block(text),
        Cow::Owned(text) => Cow::Owned(block(&text).into_owned()),
    }
}

/// An `xs:token` that is not empty: no space at its ends, none twice.
fn token(text: &str) -> Cow<'_, str> {
    let text = line(text);
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    match words.join(" ") {
        empty if empty.is_empty() => Cow::Borrowed("-"),
        words => Cow::Owned(words),
    }
}

#[cfg(test)]
mod tests;

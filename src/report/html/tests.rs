//! The page of hand-made reports: nothing becomes markup, the same twice, nothing left out in silence.

use std::collections::BTreeMap;

use super::*;
use crate::report::samples;

fn shown(report: &Report, made: &Made) -> String {
    let traces = Traces::default();
    let page = Page {
        report,
        checked: None,
        looks: BTreeMap::new(),
        traces: &traces,
        made,
        theme: Theme::Auto,
    };
    let mut out = Vec::new();
    render(&page, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_sample_has_a_page_that_is_the_same_twice() {
    for report in samples::all() {
        let page = shown(&report, &Made::default());
        assert_eq!(page, shown(&report, &Made::default()));
        assert_eq!(
            page.matches("<li class=\"card ").count(),
            report.images.len().min(DETAILED)
        );
        assert!(!page.contains("http://") && !page.contains("https://"));
    }
}

#[test]
fn no_name_becomes_markup() {
    let hostile =
        "x\"><script>window.pwned=1</script><img src=x onerror='window.pwned=1'>\u{202e}&amp;";
    let mut report = samples::hang();
    report.captures[0].path = hostile.to_owned();
    report.streams[0].request = Some(hostile.to_owned());
    report.findings[0].message = hostile.to_owned();
    report.findings[0].fix = hostile.to_owned();
    let made = Made {
        command: hostile.to_owned(),
        inputs: vec![Input {
            role: "capture",
            path: hostile.to_owned(),
            bytes: None,
            sha256: None,
        }],
    };
    let page = shown(&report, &made);
    assert_eq!(page.matches("<script").count(), 1, "its own");
    assert_eq!(page.matches("<img").count(), 0);
    assert!(!page.contains('\u{202e}'), "nothing reorders text");
}

#[test]
fn the_policy_names_the_style_and_the_script() {
    let page = shown(&samples::healthy(), &Made::default());
    let between = |from: &str, to: &str| {
        let start = page.find(from).unwrap() + from.len();
        let end = page[start..].find(to).unwrap() + start;
        page[start..end].to_owned()
    };
    for (what, text) in [
        ("style-src", between("<style>", "</style>")),
        ("script-src", between("<script>", "</script>")),
    ] {
        let digest = base64::encode(&Sha256::digest(text.as_bytes()));
        assert!(
            page.contains(&format!("{what} &#39;sha256-{digest}&#39;"))
                || page.contains(&format!("{what} 'sha256-{digest}'")),
            "{what}"
        );
    }
    // What a policy of digests does not let through.
    assert!(!page.contains(" style=\""));
    assert!(!page.contains("onclick"));
}

#[test]
fn the_worst_pictures_come_first_and_the_others_are_counted() {
    let report = samples::hundreds();
    let order = detailed(&report);
    assert_eq!(order.len(), DETAILED.min(report.images.len()));
    let verdicts: Vec<Verdict> = order
        .iter()
        .filter_map(|id| report.images.iter().find(|image| image.id == *id))
        .map(|image| image.verdict)
        .collect();
    assert!(verdicts.is_sorted_by(|a, b| a >= b));
    let page = shown(&report, &Made::default());
    let others = report.images.len().saturating_sub(DETAILED);
    assert_eq!(page.matches("<tr id=\"row-").count(), others);
    if others > 0 {
        assert!(page.contains("class=\"left-out\""));
    }
}

#[test]
fn every_link_within_the_page_leads_somewhere() {
    for report in samples::all() {
        let page = shown(&report, &Made::default());
        for part in page.split("href=\"#").skip(1) {
            let target = part.split('"').next().unwrap();
            // Chunks beyond the rows of a table are left out, and said to be.
            if !target.contains("/chunk-") {
                assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
            }
        }
    }
}

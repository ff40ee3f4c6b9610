use super::*;
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::{Gap, GapCause};
use crate::report::csv::Table;
use crate::report::model::Report;
use crate::report::{Print as _, samples};
use crate::wire::Protocol;

fn mistakes(text: &str) -> Vec<String> {
    match parse(text) {
        Ok(_) => Vec::new(),
        Err(Mistakes(mistakes)) => mistakes.iter().map(ToString::to_string).collect(),
    }
}

fn outcome(checked: &Checked, name: &str) -> Outcome {
    let found = checked
        .expectations
        .iter()
        .find(|judged| judged.name == name);
    found.unwrap_or_else(|| panic!("no {name}")).outcome
}

fn check(text: &str, report: &Report) -> Checked {
    judge(&parse(text).unwrap(), report)
}

fn finding(name: Name, severity: Severity) -> Finding {
    Finding {
        name,
        severity,
        certainty: Certainty::Proven,
        stream: None,
        image: None,
        packets: Vec::new(),
        more_packets: 0,
        message: "It happened.".to_owned(),
        fix: "Fix it.".to_owned(),
    }
}

#[test]
fn every_key_is_known_to_the_reader() {
    // A key in the list of suggestions that the reader refuses would send people in circles.
    for key in parse::RUN_KEYS {
        let wrong = mistakes(&format!("[run]\n{key} = 1979-05-27\n"));
        assert!(
            !wrong.is_empty() && !wrong[0].contains("unknown key"),
            "{key}: {wrong:?}"
        );
    }
    for key in pictures::PICTURE_KEYS {
        let wrong = mistakes(&format!("[[picture]]\n{key} = 1979-05-27\n"));
        assert!(
            !wrong.is_empty() && !wrong[0].contains("unknown key"),
            "{key}: {wrong:?}"
        );
    }
    for key in pictures::MATCH_KEYS {
        let wrong = mistakes(&format!("[[picture]]\nmatch = {{ {key} = 1979-05-27 }}\n"));
        assert!(
            !wrong.is_empty() && !wrong[0].contains("unknown key"),
            "{key}: {wrong:?}"
        );
    }
    assert_eq!(parse::TOP_KEYS.len(), 3);
}

#[test]
fn a_file_by_hand_is_read_whole() {
    let text = format!(
        r#"
schema = "imgnet/expect/v1"
[run]
verdict = ["match", "unverified"]
pictures = {{ min = 1, max = 3 }}
extra_pictures = ">=0"
max_duration = "1.5 s"
deny = ["error", "retransmission"]
require = "marker-risk"

[[picture]]
label = "upload"
match = {{ port = 5050, order = 0, name = "1", sha256 = "{}" }}
bytes = 0x2F38
crc32 = "CBF43926"
format = "jpeg"
packets = "3..=7"
complete = true
protocol = "marker"
max_duration = "250ms"
"#,
        "ab".repeat(32)
    );
    let expectations = parse(&text).unwrap();
    let run = &expectations.run;
    assert_eq!(run.verdict.as_ref().unwrap().value.len(), 2);
    assert_eq!(
        run.pictures.as_ref().unwrap().value,
        Bounds {
            min: 1,
            max: Some(3)
        }
    );
    assert_eq!(run.max_duration.as_ref().unwrap().value, 1_500_000_000);
    assert_eq!(
        run.deny[1].value,
        FindingPattern::Name(Name::Retransmission)
    );
    assert_eq!(run.require.len(), 1, "one needs no list");
    let picture = &expectations.pictures[0];
    assert_eq!(expectations.label(0), "upload");
    assert_eq!(picture.line, 11);
    assert_eq!(
        picture.bytes,
        Some(At {
            value: Bounds::only(12_088),
            line: 14
        })
    );
    assert_eq!(
        picture.digests[0].value.hex, "cbf43926",
        "case does not matter"
    );
    assert_eq!(picture.which.port, Some(5050));
    assert_eq!(picture.max_duration.as_ref().unwrap().value, 250_000_000);
    assert_eq!(expectations.digests().len(), 2);
}

#[test]
fn mistakes_have_their_place_and_the_nearest_word() {
    for (text, expected) in [
        (
            "[run]\n  picturs = 1",
            "2:3: unknown key `picturs` in [run]; did you mean `pictures`?",
        ),
        (
            "[[picture]]\nbites = 1",
            "2:1: unknown key `bites` in [[picture]]; did you mean `bytes`?",
        ),
        (
            "[[picture]]\nsize = 1",
            "2:1: unknown key `size` in [[picture]]; did you mean `bytes`?",
        ),
        (
            "[[picture]]\ndigest = 1",
            "2:1: unknown key `digest` in [[picture]]; did you mean `sha256`?",
        ),
        (
            "[[picture]]\nmatch = { prot = 1 }",
            "2:11: unknown key `prot` in match; did you mean `port`?",
        ),
        (
            "[rum]\npictures = 1",
            "1:2: unknown key `rum` at the top; did you mean `run`?",
        ),
        ("bytes = 1", "1:1: `bytes` belongs below [[picture]]"),
        ("[run]\nbytes = 1", "2:1: `bytes` belongs below [[picture]]"),
        ("[[picture]]\ndeny = 1", "2:1: `deny` belongs below [run]"),
        ("[picture]\nbytes = 1", "1:1: `picture` is a table"),
        (
            "[run]\npictures = 1.5",
            "2:12: this is a number with a point",
        ),
        ("[run]\npictures = -1", "2:12: a number below 0 never comes"),
        (
            "[run]\npictures = \"3..7\"",
            "2:12: \"3..7\" does not say whether 7",
        ),
        (
            "[run]\npictures = { min = 7, max = 3 }",
            "2:12: no number is at least 7 and at most 3",
        ),
        ("[run]\npictures = {}", "2:12: an empty range"),
        (
            "[run]\ndeny = [\"retransmision\"]",
            "2:9: no finding is called \"retransmision\"; did you mean `retransmission`?",
        ),
        (
            "[run]\ndeny = [\"error\", \"error\"]",
            "2:18: \"error\" stands here twice",
        ),
        (
            "[run]\ndeny = \"stall\"\nrequire = \"stall\"",
            "3:11: `stall` is both required and denied",
        ),
        (
            "[run]\nmax_duration = 5",
            "2:16: this is a whole number, where a time with its unit",
        ),
        ("[run]\nmax_duration = \"5\"", "2:16: \"5\" is no time"),
        ("[run]\nverdict = \"good\"", "2:11: \"good\" is no verdict"),
        (
            "[[picture]]\nsha256 = \"abc\"",
            "2:10: a sha256 has 64 hex digits, and this has 3",
        ),
        ("[[picture]]\nformat = \"jpg\"", "2:10: write \"jpeg\""),
        (
            "[[picture]]\nprotocol = \"markr\"",
            "2:12: unknown wire format",
        ),
        (
            "[[picture]]\nmatch = { port = 70000 }",
            "2:18: a port is a number from 1 to 65535",
        ),
        (
            "[[picture]]\nlabel = \"a\"\n[[picture]]\nlabel = \"a\"",
            "4:9: the label \"a\" is used twice",
        ),
        (
            "schema = \"imgnet/expect/v2\"",
            "1:10: only schema = \"imgnet/expect/v1\" is known",
        ),
        ("[run]\npictures =", "2:11: not TOML:"),
        (
            "[run]\npictures = 1\npictures = 2",
            "3:1: not TOML: duplicate key",
        ),
        ("", "1:1: nothing is expected"),
        ("[run]", "1:1: nothing is expected"),
        (
            "# \u{fc}\n[run]\n\"\u{fc}\" = 1 ",
            "3:1: unknown key `\u{fc}`",
        ),
    ] {
        let found = mistakes(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with(expected), "{text}: {found:?}");
    }
}

#[test]
fn all_mistakes_are_told_in_order() {
    let text = "[[picture]]\nbites = 1\nwidht = 2\n[run]\nstreems = 3\n";
    let found = mistakes(text);
    let lines: Vec<&str> = found
        .iter()
        .map(|text| text.split(':').next().unwrap())
        .collect();
    assert_eq!(lines, ["2", "3", "5"]);
}

#[test]
fn a_mistake_is_shown_with_its_line() {
    let Mistakes(found) = parse("[run]\r\n\tpicturs = 1\u{1b}\r\n").unwrap_err();
    assert!(!found[0].shown("e.toml", true).contains('\u{1b}'));
    let Mistakes(found) = parse("[run]\r\n\tpicturs = 1\r\n").unwrap_err();
    assert_eq!(
        found[0].shown("e.toml", true),
        "e.toml:2:2: unknown key `picturs` in [run]; did you mean `pictures`?\n  \
         2 |  picturs = 1\n    |  ^^^^^^^\n"
    );
    // An endless line is not repeated whole.
    let long = format!("[run]\npictures = \"{}\"", "x".repeat(100_000));
    let Mistakes(found) = parse(&long).unwrap_err();
    let lines: Vec<String> = found[0]
        .shown("e", true)
        .lines()
        .map(str::to_owned)
        .collect();
    assert!(lines[1].len() < 200 && lines[2].len() < 200);
}

#[test]
fn nothing_that_is_read_makes_it_panic() {
    let text = "schema = \"imgnet/expect/v1\"\n[run]\npictures = \"3..=7\"\nmax_duration = \"1.5 s\"\n\
                deny = [\"error\", 3, {}]\n[[picture]]\nmatch = { port = 1, order = 2 }\nsha256 = \"ü\"\n";
    for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
        let _ = parse(&text[..end])
            .map_err(|Mistakes(all)| all.iter().for_each(|m| drop(m.shown("x", false))));
        for other in [
            "\0",
            "\"",
            "[",
            "{",
            "9999999999999999999999",
            "ü",
            "\r",
            "=",
        ] {
            let changed = format!("{}{other}{}", &text[..end], &text[end..]);
            let _ = parse(&changed)
                .map_err(|Mistakes(all)| all.iter().for_each(|m| drop(m.shown("x", true))));
        }
    }
}

/// A healthy run whose pictures have digests of their own.
fn distinct() -> Report {
    let mut report = samples::healthy();
    for (index, image) in report.images.iter_mut().enumerate() {
        image.sha256 = Some(format!("{index:02}").repeat(32));
    }
    report
}

#[test]
fn what_was_recorded_holds() {
    for report in [distinct(), samples::healthy(), samples::ipv6()] {
        assert_eq!(unfit(&report).map(|unfit| unfit.reason), None);
        let text = record(&report, &Origin::default());
        let checked = check(&text, &report);
        let broken: Vec<_> = checked
            .expectations
            .iter()
            .filter(|j| j.outcome != Outcome::Pass)
            .collect();
        assert_eq!(broken, [] as [&Judged; 0], "{text}");
        assert!(checked.expectations.len() > report.images.len() * 5);
    }
}

#[test]
fn a_bad_run_is_not_fit_to_be_recorded() {
    for (report, reason) in [
        (samples::hang(), "finding marker-unanswered"),
        (samples::gaps(), "the capture lacks something"),
        (samples::no_pictures(), "it has no picture"),
    ] {
        let unfit = unfit(&report).unwrap().to_string();
        assert!(unfit.contains(reason), "{unfit}");
        // Forced, it is TOML all the same, and says what it is.
        let text = record(
            &report,
            &Origin {
                options: "-p 1='marker=a\nb'",
                forced: true,
            },
        );
        assert!(text.contains("CAUTION") && text.contains("a\\nb"), "{text}");
        assert!(parse(&text).is_ok(), "{text}");
    }
}

#[test]
fn hostile_names_stay_names() {
    let mut report = samples::healthy();
    report.captures[0].path = "a\nschema = 1\u{1b}".to_owned();
    for stream in &mut report.streams {
        stream.request = Some("\"\n[run]\u{0}\u{85}'''\"\"\"\\".to_owned());
    }
    let text = record(&report, &Origin::default());
    assert_eq!(check(&text, &report).verdict, Outcome::Pass, "{text}");
}

#[test]
fn a_changed_picture_is_compared_not_called_absent() {
    let good = distinct();
    let text = record(&good, &Origin::default());
    let mut bad = good.clone();
    bad.images[2].bytes += 1;
    bad.images[2].sha256 = Some("00".repeat(32));
    bad.conclude();
    let checked = check(&text, &bad);
    assert_eq!(checked.verdict, Outcome::Fail);
    let failed: Vec<(&str, Option<u32>, &str)> = checked
        .expectations
        .iter()
        .filter(|judged| judged.outcome == Outcome::Fail)
        .map(|judged| {
            (
                judged.name.as_str(),
                judged.image.map(|id| id.0),
                judged.note.as_deref().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        failed,
        [
            ("bytes", Some(2), "1 too many"),
            ("sha256", Some(2), ""),
            ("image_bytes", None, "1 too many")
        ]
    );
}

#[test]
fn pictures_may_come_in_another_order_unless_order_is_expected() {
    let mut report = distinct();
    let text = record(&report, &Origin::default());
    // The two workers change places.
    let (a, b) = (
        report.images[1].sha256.clone(),
        report.images[3].sha256.clone(),
    );
    let (bytes_a, bytes_b) = (report.images[1].bytes, report.images[3].bytes);
    report.images[1].sha256 = b.clone();
    report.images[3].sha256 = a;
    (report.images[1].bytes, report.images[3].bytes) = (bytes_b, bytes_a);
    let checked = check(&text, &report);
    assert_eq!(outcome(&checked, "sha256"), Outcome::Pass);
    assert!(
        checked
            .expectations
            .iter()
            .filter(|j| j.name == "sha256")
            .all(|j| j.outcome == Outcome::Pass)
    );

    let ordered = format!(
        "[[picture]]\nmatch = {{ port = 5050, order = 3 }}\nsha256 = \"{}\"\n[run]\nextra_pictures = \"0..\"",
        b.unwrap()
    );
    assert_eq!(outcome(&check(&ordered, &report), "sha256"), Outcome::Fail);
}

#[test]
fn why_no_picture_fits_is_told() {
    let report = samples::healthy();
    for (which, part) in [
        (
            "{ port = 7 }",
            "no picture on port 7; the ports of the pictures are 5050",
        ),
        ("{ order = 9 }", "only 5 pictures fit"),
        ("{ name = \"x\" }", "nothing was asked for by name"),
        (
            "{ crc32 = \"00000000\" }",
            "no picture with the crc32 00000000; picture 0 has none",
        ),
    ] {
        let checked = check(&format!("[[picture]]\nmatch = {which}\nbytes = 1"), &report);
        let present = &checked.expectations[0];
        assert_eq!(present.outcome, Outcome::Fail);
        let actual = present.actual.as_ref().unwrap().human(true);
        assert!(actual.contains(part), "{which}: {actual}");
        assert_eq!(
            outcome(&checked, "bytes"),
            Outcome::Fail,
            "an absent picture has no bytes"
        );
    }
    let twice = "[[picture]]\nmatch = { order = 1 }\n[[picture]]\nmatch = { order = 1 }";
    let checked = check(twice, &report);
    let actual = checked.expectations[1].actual.as_ref().unwrap().human(true);
    assert!(actual.contains("picture 0 means too"), "{actual}");
    let six = "[[picture]]\n".repeat(6);
    let checked = check(&six, &report);
    assert_eq!(
        checked.count(Outcome::Fail),
        1,
        "one more is expected than came"
    );
}

#[test]
fn pictures_nobody_described_are_too_many() {
    let report = samples::healthy();
    assert_eq!(
        outcome(&check("[[picture]]", &report), "extra_pictures"),
        Outcome::Fail
    );
    let allowed = "[run]\nextra_pictures = \"..=4\"\n[[picture]]";
    assert_eq!(
        outcome(&check(allowed, &report), "extra_pictures"),
        Outcome::Pass
    );
    let none = check("[run]\npictures = 5", &report);
    assert_eq!(none.expectations.len(), 1, "who describes none allows all");
}

/// Law (honesty): see the module.
#[test]
fn what_a_cut_capture_cannot_tell_is_not_told() {
    let mut report = samples::healthy();
    report.captures[0].truncated = true;
    for (text, expected) in [
        // Nothing more can change it.
        ("pictures = 4", Outcome::Fail),
        ("packets = \"..=3\"", Outcome::Fail),
        // More could change it.
        ("pictures = 6", Outcome::Inconclusive),
        ("packets = \"100000..\"", Outcome::Inconclusive),
        ("require = \"stall\"", Outcome::Inconclusive),
        // More could spoil it.
        ("pictures = 5", Outcome::Inconclusive),
        ("deny = \"retransmission\"", Outcome::Inconclusive),
        ("verdict = \"unverified\"", Outcome::Inconclusive),
        ("max_duration = \"1 h\"", Outcome::Inconclusive),
        // Nothing more can spoil it.
        ("pictures = \"5..\"", Outcome::Pass),
        ("max_duration = \"1 ns\"", Outcome::Fail),
    ] {
        let checked = check(&format!("[run]\n{text}"), &report);
        assert_eq!(checked.verdict, expected, "{text}");
        let lack = checked.expectations[0].lack.is_some();
        assert_eq!(lack, expected == Outcome::Inconclusive, "{text}");
    }
    // A picture that came whole is judged.
    let whole = "[run]\nextra_pictures = \"0..\"\n[[picture]]\nmatch = { order = 0 }\nbytes = 12_088\ncomplete = true";
    assert_eq!(check(whole, &report).verdict, Outcome::Pass);
}

#[test]
fn a_picture_with_a_gap_of_the_capture_is_not_judged_and_one_of_the_network_is() {
    let mut report = samples::healthy();
    let text = "[run]\nextra_pictures = \"0..\"\n[[picture]]\nmatch = { order = 0 }\ncomplete = true\ngap_bytes = 0\n";
    let image = &mut report.images[0];
    image.complete = false;
    image.sha256 = None;
    image.gap_bytes = 10;
    image.verdict = Verdict::Inconclusive;
    let gap = |cause| {
        vec![Gap {
            offset: 5,
            length: 10,
            cause,
        }]
    };
    image.gaps = gap(GapCause::NotCaptured);
    let checked = check(text, &report);
    assert_eq!(outcome(&checked, "complete"), Outcome::Inconclusive);
    assert_eq!(outcome(&checked, "gap_bytes"), Outcome::Inconclusive);
    report.images[0].gaps = gap(GapCause::NeverAcknowledged);
    report.images[0].verdict = Verdict::Incomplete;
    let checked = check(text, &report);
    assert_eq!(outcome(&checked, "complete"), Outcome::Fail);
    assert_eq!(outcome(&checked, "gap_bytes"), Outcome::Fail);
}

#[test]
fn kernel_drops_leave_doubt() {
    let mut report = samples::healthy();
    report.captures[0].kernel_drops = Some(0);
    assert_eq!(
        check("[run]\ndeny = \"error\"", &report).verdict,
        Outcome::Pass
    );
    report.captures[0].kernel_drops = Some(3);
    report.conclude();
    assert_eq!(
        check("[run]\ndeny = \"error\"", &report).verdict,
        Outcome::Inconclusive
    );
}

#[test]
fn findings_are_denied_by_name_and_by_severity() {
    let mut report = samples::healthy();
    report.findings = vec![finding(Name::Retransmission, Severity::Warning)];
    for (text, expected) in [
        ("deny = \"error\"", Outcome::Pass),
        ("deny = \"warning\"", Outcome::Fail),
        ("deny = \"retransmission\"", Outcome::Fail),
        ("deny = \"stall\"", Outcome::Pass),
        ("require = \"retransmission\"", Outcome::Pass),
        ("require = \"warning\"", Outcome::Pass),
        ("require = \"stall\"", Outcome::Fail),
    ] {
        assert_eq!(
            check(&format!("[run]\n{text}"), &report).verdict,
            expected,
            "{text}"
        );
    }
    // A warning about the capture is no fault of the transfer, unless it is denied by name.
    report.findings = vec![finding(Name::StartedLate, Severity::Warning)];
    let verdict = |text: &str| check(&format!("[run]\n{text}"), &report).verdict;
    assert_eq!(verdict("deny = \"warning\""), Outcome::Inconclusive);
    assert_eq!(verdict("deny = \"started-late\""), Outcome::Fail);
}

#[test]
fn times_are_held_to_their_limit() {
    let mut report = samples::healthy();
    let text = "[run]\nextra_pictures = \"0..\"\n[[picture]]\nmatch = { order = 0 }\nmax_duration = \"1 us\"\n";
    assert_eq!(
        outcome(&check(text, &report), "max_duration"),
        Outcome::Fail
    );
    report.images[0].ended = report.images[0].started;
    assert_eq!(
        outcome(&check(text, &report), "max_duration"),
        Outcome::Pass
    );
    report.images[0].started = None;
    assert_eq!(
        outcome(&check(text, &report), "max_duration"),
        Outcome::Inconclusive
    );
}

#[test]
fn the_worst_outcome_is_the_verdict() {
    let mut report = samples::healthy();
    report.captures[0].truncated = true;
    let both = check("[run]\npictures = 4\nstreams = 9", &report);
    assert_eq!(both.count(Outcome::Inconclusive), 1);
    assert_eq!(both.verdict, Outcome::Fail);
}

#[test]
fn commands_for_github_cannot_be_forged() {
    let mut report = samples::healthy();
    report.images[0].protocol = Protocol::Marker((*b"x\n::error::forged%0A").into());
    let text = "[run]\nextra_pictures = \"0..\"\n[[picture]]\nlabel = \"a,b:c%\\n::error\"\nmatch = { order = 0 }\nprotocol = \"eof\"\n";
    let mut out = Vec::new();
    render::annotations(&check(text, &report), "dir/e,1:2.toml", &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out.lines().count(), 1, "{out}");
    assert_eq!(
        out,
        "::error file=dir/e%2C1%3A2.toml,line=6,title=a%2Cb%3Ac%25\\n%3A%3Aerror%3A protocol expectation failed::\
         expected eof%0Aactual marker=x\\n::error::forged%250A\n"
    );
}

#[test]
fn nothing_from_the_network_reaches_a_terminal_raw() {
    let mut report = samples::healthy();
    report.captures[0].path = "\u{1b}]0;x\u{7}.pcap".to_owned();
    report.images[0].protocol = Protocol::Marker((*b"\x1b[2J").into());
    let checked = check(
        "[[picture]]\nlabel = \"\\u001b[2J\"\nprotocol = \"eof\"\nmatch = { order = 0 }",
        &report,
    );
    let told = |file| render::Outcomes {
        checked: &checked,
        report: &report,
        file,
    };
    for unicode in [true, false] {
        let style = crate::report::Style {
            unicode,
            width: 80,
            ..Default::default()
        };
        let mut out = Vec::new();
        told("\u{1b}e").table(&style, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(!out.contains('\u{1b}') && !out.contains('\u{7}'), "{out}");
        assert!(unicode || out.is_ascii(), "{out}");
    }
    let mut out = Vec::new();
    told("e").json(1, &mut out).unwrap();
    told("e").csv(Table::Images, &mut out).unwrap();
    assert!(!out.contains(&0x1b));
}

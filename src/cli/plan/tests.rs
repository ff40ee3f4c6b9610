//! What each command does with files, by its arguments: no file of these names is there.

use clap::Parser as _;

use super::*;
use crate::cli::{Command, Imgnet};

/// The plan of a command line.
fn plan(line: &str) -> anyhow::Result<Plan> {
    let words = ["imgnet"].into_iter().chain(line.split(' '));
    match Imgnet::try_parse_from(words)?.command {
        Command::Analyze(command) => command.plan(),
        Command::Check(command) => command.plan().map(|(_, plan)| plan),
        Command::Verify(command) => Ok(command.plan()),
        Command::Report(command) => Ok(command.plan()),
        Command::Annotate(command) => command.plan(),
        Command::Capture(command) => Ok(command.plan()),
        other => anyhow::bail!("{other:?} has no plan"),
    }
}

/// The same in words: what is read, what is open when the process is confined and what it needs then.
fn words(line: &str) -> String {
    let planned = match plan(line) {
        Ok(planned) => planned,
        Err(error) => return format!("error: {error}"),
    };
    let paths = |paths: &[PathBuf]| {
        let paths: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
        paths.join(" ")
    };
    let needs = planned.needs();
    let mut text = format!("reads {}", paths(&planned.inputs()));
    let parts = [
        ("writes", &planned.writes),
        ("holds", &planned.holds),
        ("makes files in", &needs.folders),
        ("opens later", &needs.reads),
    ];
    for (what, named) in parts {
        if !named.is_empty() {
            text.extend(["; ", what, " ", &paths(named)]);
        }
    }
    if planned.tells {
        text.push_str("; says how it is confined");
    }
    text
}

#[test]
fn what_a_command_needs_follows_from_its_arguments() {
    for (line, expected) in [
        ("analyze a.pcap b.pcap", "reads a.pcap b.pcap"),
        ("analyze - -o -", "reads -; writes -"),
        (
            "analyze a.pcap -o out/report.txt -v",
            "reads a.pcap; writes out/report.txt; makes files in out; says how it is confined",
        ),
        (
            "analyze a.pcap --extract pictures",
            "reads a.pcap; makes files in pictures",
        ),
        (
            "verify a.pcap --sent s --received r/1.jpg r/2.jpg --ledger l.jsonl",
            "reads a.pcap s r/1.jpg r/2.jpg l.jsonl; opens later s r/1.jpg r/2.jpg l.jsonl",
        ),
        (
            "verify a.pcap --sent s --damage d --junit j/x.xml --report p.html --summary-markdown m.md -o o.json",
            "reads a.pcap s; writes o.json j/x.xml p.html; holds m.md; makes files in . j . d; opens later s",
        ),
        (
            "check a.pcap --expect e.toml --junit x.xml",
            "reads a.pcap e.toml; writes x.xml; makes files in .",
        ),
        (
            "check a.pcap --record new/e.toml",
            "reads a.pcap; writes new/e.toml; makes files in new",
        ),
        ("check a.pcap --record -", "reads a.pcap; writes -"),
        (
            "report a.pcap -o p.html --plots d --received r",
            "reads a.pcap r; writes p.html; makes files in . d; opens later r",
        ),
        (
            "annotate a.pcap -o b.pcapng -v",
            "reads a.pcap; writes b.pcapng; makes files in .; says how it is confined",
        ),
        ("capture -w c/all.pcapng", "reads ; holds c/all.pcapng"),
        (
            "capture -w c/row.pcapng --rotate 10s --sent s",
            "reads s; writes c/row.pcapng; makes files in c",
        ),
        (
            "capture --expect e.toml --junit j.xml -o o.txt",
            "reads e.toml; writes o.txt j.xml; makes files in . .",
        ),
    ] {
        assert_eq!(words(line), expected, "{line}");
    }
}

#[test]
fn arguments_that_contradict_each_other_have_no_plan() {
    for (line, expected) in [
        (
            "analyze a.pcap --show --format json",
            "--show draws below the table",
        ),
        (
            "analyze a.pcap --conversations --format csv",
            "--conversations is a table",
        ),
        (
            "analyze a.pcap --csv map --format json",
            "--csv names a table of --format csv",
        ),
        ("check a.pcap", "nothing to hold the captures against"),
        (
            "check a.pcap --force --expect e",
            "--force belongs to --record",
        ),
        (
            "check a.pcap --record e -Y tcp",
            "-Y chooses what is held against",
        ),
        (
            "check a.pcap --record e --junit j",
            "--junit tells the outcome of",
        ),
        (
            "check a.pcap --record e --report p",
            "--report shows the outcome of",
        ),
        (
            "check a.pcap --record e -o o",
            "--record writes TOML to its own file",
        ),
        (
            "check a.pcap --record e --csv map",
            "--record writes TOML to its own file",
        ),
        (
            "check a.pcap --expect e --csv map",
            "--csv names a table of `imgnet analyze`",
        ),
        ("annotate - -o b.pcapng", "-: a capture is read twice"),
    ] {
        let words = words(line);
        assert!(
            words.starts_with("error: ") && words.contains(expected),
            "{line}: {words}"
        );
    }
}

#[test]
fn no_output_is_an_input_or_another_output_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        path
    };
    let (capture, sent) = (file("a.pcap"), file("sent.jpg"));
    let linked = folder.path().join("linked.jpg");
    std::fs::hard_link(&sent, &linked).unwrap();
    let new = folder.path().join("new");
    let base = || Plan::reading(std::slice::from_ref(&capture)).comparing([sent.clone()]);
    assert!(base().writing(Some(&new)).apart().is_ok());
    assert!(base().writing(Some(&capture)).apart().is_err());
    assert!(base().holding(Some(&capture)).apart().is_err());
    assert!(
        base().writing(Some(&linked)).apart().is_err(),
        "the same file by another name"
    );
    assert!(
        base()
            .writing(Some(&new))
            .holding(Some(&new))
            .apart()
            .is_err()
    );
    let below = base().comparing([folder.path().to_owned()]);
    assert!(below.clone().filling(Some(folder.path())).apart().is_err());
    assert!(below.saving(Some(folder.path())).apart().is_ok());
}

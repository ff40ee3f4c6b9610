use clap::Parser;

use super::ending::verdict;
use super::*;
use crate::capture::session::{Counts, Reason, Written};
use crate::frame::LinkType;

#[derive(Debug, Parser)]
struct Only {
    #[command(flatten)]
    capture: Capture,
}

fn parse(arguments: &[&str]) -> Result<Capture, clap::Error> {
    Only::try_parse_from(["imgnet"].iter().chain(arguments)).map(|only| only.capture)
}

fn summary(counts: Counts) -> Summary {
    Summary {
        link: LinkType::ETHERNET,
        counts,
        ended: Reason::Signal,
        written: None,
        write_failure: None,
        device_failure: None,
        broken: false,
    }
}

#[test]
fn arguments_are_consistent() {
    use clap::CommandFactory as _;
    Only::command().debug_assert();
}

#[test]
fn ports_and_wire_formats_are_told_apart() {
    let capture = parse(&[
        "-p",
        "5050",
        "-p",
        "9909",
        "--protocol",
        "9909=raw-pixels=200",
    ])
    .unwrap();
    assert_eq!(capture.ports, [5050, 9909]);
    assert_eq!(capture.common.analysis.protocols.len(), 1);
    assert!(parse(&["-p", "0"]).is_err());
    assert!(parse(&["-p", "70000"]).is_err());
    assert!(parse(&["--images", "0"]).is_err());
}

#[test]
fn a_command_is_taken_as_it_is() {
    let capture = parse(&["-w", "x", "--", "prog", "-w", "--help"]).unwrap();
    assert_eq!(capture.run.command, ["prog", "-w", "--help"]);
}

#[test]
fn times_have_units_or_are_seconds() {
    assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
    assert_eq!(duration("2.5"), Ok(Duration::from_millis(2500)));
    assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
    for wrong in ["", "0", "-3", "-3s", "soon", "NaN", "inf", "1e300"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn ports_take_the_other_fragments_along() {
    assert_eq!(filter(&[], None), None);
    assert_eq!(filter(&[], Some(" ")), None);
    assert_eq!(filter(&[], Some("udp")).as_deref(), Some("udp"));
    let ports = filter(&[5050, 80], None).unwrap();
    assert_eq!(
        ports,
        "port 5050 or port 80 or (ip[6:2] & 0x1fff != 0) or (ip6[6] == 44)"
    );
    assert_eq!(
        filter(&[5050, 80], Some("host a or host b")).unwrap(),
        format!("({ports}) and (host a or host b)")
    );
}

#[test]
fn a_loss_leaves_no_good_verdict() {
    let report = |verdict| {
        let mut report = Report::new(
            vec![],
            crate::report::model::Packets::default(),
            vec![],
            vec![],
            vec![],
        );
        report.verdict = verdict;
        report
    };
    let lost = summary(Counts {
        dropped: Some(3),
        ..Counts::default()
    });
    let whole = summary(Counts {
        dropped: Some(0),
        ..Counts::default()
    });
    for (verdict_of_pictures, summary, exit_code) in [
        (Some(Verdict::Unverified), &whole, Exit::Good),
        (None, &whole, Exit::Good),
        (Some(Verdict::Incomplete), &whole, Exit::NotEqual),
        (Some(Verdict::Unverified), &lost, Exit::Inconclusive),
        (None, &lost, Exit::Inconclusive),
        (Some(Verdict::Incomplete), &lost, Exit::NotEqual),
    ] {
        assert_eq!(
            exit(verdict(&report(verdict_of_pictures), summary)),
            exit_code
        );
    }
}

#[test]
fn only_files_that_are_there_are_said_to_be() {
    let written = |files: &[&str], made| {
        let mut summary = summary(Counts::default());
        summary.written = Some(Written {
            name: "run.pcapng".to_owned(),
            frames: 1000,
            bytes: 20_000,
            files: files.iter().map(PathBuf::from).collect(),
            made,
            place: None,
        });
        summary_lines("lo", &summary).split_off(1).join("\n")
    };
    assert_eq!(
        written(&[], 0),
        "Written: run.pcapng, 1,000 frames, 20,000 bytes"
    );
    assert_eq!(
        written(&["run_1.pcapng"], 1),
        "Files: 1, run_1.pcapng\nWritten: 1,000 frames, 20,000 bytes in all"
    );
    assert_eq!(
        written(&["run_5.pcapng", "run_6.pcapng"], 6),
        "Files: 2, run_5.pcapng to run_6.pcapng; 4 older ones were removed (--keep)\n\
         Written: 1,000 frames, 20,000 bytes in all"
    );
}

#[test]
fn every_kind_of_loss_is_named() {
    let text = summary_lines(
        "lo",
        &summary(Counts {
            frames: 1000,
            bytes: 1_234_567,
            dropped: Some(3),
            interface_dropped: Some(1),
            queue_dropped: 2,
            ..Counts::default()
        }),
    )
    .join("\n");
    assert!(
        text.contains("Captured 1,000 frames (1,234,567 bytes) on lo; ended"),
        "{text}"
    );
    assert!(text.contains("3 frames dropped by the kernel"), "{text}");
    assert!(text.contains("1 frame dropped by the interface"), "{text}");
    assert!(text.contains("2 frames not analysed"), "{text}");
    let unknown = summary_lines("lo", &summary(Counts::default())).join("\n");
    assert!(unknown.contains("unknown"), "{unknown}");
    let of_the_kernel = Counts {
        dropped: Some(0),
        ..Counts::default()
    };
    let half = summary_lines("lo", &summary(of_the_kernel)).join("\n");
    assert!(
        half.contains("none dropped by the kernel; how many the interface dropped is unknown"),
        "{half}"
    );
    let all = Counts {
        interface_dropped: Some(0),
        ..of_the_kernel
    };
    let all = summary_lines("lo", &summary(all)).join("\n");
    assert!(all.contains("none dropped; ended"), "{all}");
}

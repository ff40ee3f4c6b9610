//! Each finding: a capture that shows it, and one that nearly does and must stay silent.

#![expect(
    clippy::disallowed_methods,
    reason = "a helper of a test reads files, and may fail as the test may"
)]

use crate::finding_cases::cases;
use crate::scenario;
use crate::support;

use std::collections::BTreeSet;

use crate::scenario::{Client, Scenario, Server, findings, real, told};
use crate::scenes::{
    edited, eof, framed_scenario, frames_of, has, jpeg, on, one, to_worker, upload, warned, with,
};
use crate::support::captures_folder;
use imgnet::analysis::Options;
use imgnet::findings::{Certainty, Severity, catalogue};
use imgnet::wire::Protocol;

/// These need the file that was sent or received, or what the decoders do not say yet.
const ELSEWHERE: [&str; 17] = [
    "marker-in-file",
    "receiver-overflow",
    "re-encoded",
    "receiver-stopped",
    "cut-at-nul",
    "stale-buffer",
    "header-in-file",
    "other-file-sent",
    "nothing-sent",
    "thumbnail-sent",
    "not-flushed",
    "read-past-end",
    "pieces-misplaced",
    "header-not-counted",
    "left-encoded",
    "pixels-misread",
    "second-stream-header",
];

#[test]
fn each_finding_is_shown_by_one_capture_and_not_by_another_that_nearly_does() {
    let mut wrong = Vec::new();
    for (index, case) in cases().enumerate() {
        let name = case.name;
        let shown = (case.shows)();
        if !has(&shown, name) {
            let names: Vec<_> = shown.iter().map(|f| f.name).collect();
            wrong.push(format!("case {index}: {name} is missing, only {names:?}"));
        }
        let nearly = (case.nearly)();
        if let Some(found) = nearly.iter().find(|finding| finding.name.as_str() == name) {
            wrong.push(format!("case {index}: {name} too much: {}", found.message));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_catalogue_and_the_cases_hold_the_same_names() {
    let tested: BTreeSet<&str> = cases().map(|case| case.name).chain(ELSEWHERE).collect();
    let told: BTreeSet<&str> = catalogue::all().map(|entry| entry.name.as_str()).collect();
    assert_eq!(tested, told);
}

#[test]
fn whatever_is_found_is_in_the_catalogue_and_reads_well() {
    for case in cases() {
        for finding in (case.shows)().into_iter().chain((case.nearly)()) {
            let name = finding.name.as_str();
            assert!(catalogue::find(name).is_some(), "{name}");
            let (message, fix) = (&finding.message, &finding.fix);
            assert!(message.ends_with('.'), "{name}: {message}");
            assert!(fix.ends_with('.'), "{name}: {fix}");
            assert!(!message.contains("  "), "{name}: {message}");
            let first = message.chars().next().expect("a letter");
            assert!(
                !first.is_lowercase() || message.starts_with("run.pcap"),
                "{name}: {message}"
            );
            assert!(finding.packets.is_sorted(), "{name}");
            // Those of numbered datagrams are told here without their pictures.
            if ![
                "limit-reached",
                "kernel-drops",
                "disk-full",
                "interface-away",
                "datagram-lost",
            ]
            .contains(&name)
            {
                assert!(
                    !finding.packets.is_empty(),
                    "{name} without frames: {message}"
                );
            }
            if finding.certainty == Certainty::Risk {
                assert_eq!(finding.severity, Severity::Note, "{name}");
            }
        }
    }
}

#[test]
fn healthy_captures_have_no_errors_and_no_warnings() {
    for capture in [
        "eof",
        "eof-mtu1500",
        "pipeline",
        "marker-split",
        "catalog",
        "raw-pixels",
        "udp",
        "length-u32be",
    ] {
        let bad = warned(on(capture));
        assert!(bad.is_empty(), "{capture}: {bad:#?}");
    }
}

#[test]
fn the_hang_is_explained_and_what_follows_from_it_is_a_note() {
    let findings = on("pipeline-hang");
    let hang = one(&findings, "marker-unanswered");
    assert_eq!(hang.severity, Severity::Error);
    assert_eq!(hang.certainty, Certainty::Proven);
    assert_eq!(hang.stream.map(|id| id.0), Some(2));
    assert_eq!(frames_of(hang), [44, 48, 50, 51, 54]);
    for part in [
        "6,080 bytes",
        "2.52 s",
        "1,984",
        "recv(2048)",
        "two segments",
    ] {
        assert!(hang.message.contains(part), "{part}: {}", hang.message);
    }
    assert_eq!(
        one(&findings, "reset-mid-transfer").severity,
        Severity::Note
    );
    assert_eq!(warned(findings).len(), 1);
}

#[test]
fn unknown_markers_and_uploads_are_likely_only() {
    let findings = upload(true, false);
    assert_eq!(
        one(&findings, "marker-unanswered").certainty,
        Certainty::Likely
    );
    // The uploader itself stays, and nothing moves anywhere.
    assert_eq!(
        one(&upload(false, false), "marker-unanswered").certainty,
        Certainty::Likely
    );
}

#[test]
fn a_worker_that_was_ended_is_named_and_its_close_is_no_answer() {
    let findings = to_worker(
        |scenario, tcp| {
            scenario.wait(6000);
            scenario.close(tcp, Client);
        },
        true,
    );
    let hang = one(&findings, "marker-unanswered");
    assert_eq!(hang.certainty, Certainty::Proven);
    for part in [
        "The worker 10.0.0.1:41000 acknowledged both",
        "nothing for 6.0",
        "until it closed itself",
    ] {
        assert!(hang.message.contains(part), "{part}: {}", hang.message);
    }
    // Who has its picture back may look at it before it closes.
    let back = edited(true, |scenario, tcp| {
        scenario.wait(6000);
        scenario.close(tcp, Client);
    });
    assert_eq!(one(&back, "marker-unanswered").certainty, Certainty::Likely);
}

#[test]
fn the_side_that_reset_is_named() {
    let findings = on("raw-pixels-reset");
    let reset = one(&findings, "reset-mid-transfer");
    assert!(
        reset
            .message
            .starts_with("The server 127.0.0.1:9909, the receiver"),
        "{}",
        reset.message
    );
    assert_eq!(frames_of(reset), [233, 234]);
    let findings = eof(&jpeg()[..5000], |scenario, tcp| {
        scenario.rst_bare(tcp, Client);
    })
    .findings();
    let reset = one(&findings, "reset-mid-transfer");
    assert!(
        reset
            .message
            .starts_with("The client 10.0.0.1:41000, the sender"),
        "{}",
        reset.message
    );
}

/// Nothing in `eof` tells how much was to come: that the receiver had closed before the rest came is in the packets.
#[test]
fn what_came_after_its_receiver_had_closed_reached_nobody() {
    let picture = jpeg();
    let (taken, late) = picture.split_at(2000);
    let closes = |acknowledges: bool| {
        eof(taken, |scenario, tcp| {
            scenario.fin(tcp, Server);
            scenario.send(tcp, Client, late);
            if acknowledges {
                scenario.ack(tcp, Server);
                scenario.fin(tcp, Client);
                scenario.ack(tcp, Server);
            } else {
                scenario.rst_bare(tcp, Server);
            }
        })
        .findings()
    };
    let findings = closes(false);
    let reset = one(&findings, "reset-mid-transfer");
    assert_eq!(reset.severity, Severity::Error);
    for part in [
        "The server 10.0.0.2:65432, the receiver",
        "acknowledged 2,000 of the",
        "reached no program",
    ] {
        assert!(reset.message.contains(part), "{part}: {}", reset.message);
    }
    let findings = closes(true);
    assert!(!has(&findings, "reset-mid-transfer"), "{findings:#?}");
}

#[test]
fn conflict_names_both_bytes_both_frames_and_the_copy_that_was_kept() {
    let changed = |before_ack: bool, bad_checksum: bool| {
        let scenario = eof(&[], |scenario, tcp| {
            let picture = jpeg();
            scenario.send(tcp, Client, &picture[..1000]);
            if before_ack {
                scenario.ack(tcp, Server);
            }
            let mut again = picture[..1000].to_vec();
            again[500] ^= 0xff;
            scenario.again(tcp, Client, 1000, &again);
            if bad_checksum {
                let frame = scenario.frames.last_mut().expect("a frame");
                frame.data[50] ^= 1;
            }
            scenario.ack(tcp, Server);
            scenario.transfer(tcp, Client, &picture[1000..], 1000);
            scenario.close(tcp, Client);
        });
        let findings = scenario.findings();
        one(&findings, "conflicting-retransmission").clone()
    };
    let finding = changed(true, false);
    let byte = jpeg()[500];
    assert!(finding.message.contains(&format!(
        "byte 500 is {byte:#04x} in frame 4 and {:#04x} in frame 6",
        byte ^ 0xff
    )));
    assert!(finding.message.contains("the receiver has the first copy"));
    assert_eq!(frames_of(&finding), [4, 6]);
    assert!(changed(false, false).message.contains("cannot be told"));
    let finding = changed(false, true);
    assert!(
        finding.message.contains("checksum of frame 5"),
        "{}",
        finding.message
    );
}

#[test]
fn stall_names_who_waited() {
    let of = |prepare: fn(&mut Scenario, &mut scenario::Tcp)| {
        let scenario = eof(&jpeg()[..5000], |scenario, tcp| {
            prepare(scenario, tcp);
            scenario.wait(4000);
            tcp.window[1] = 60000;
            scenario.ack(tcp, Server);
            scenario.transfer(tcp, Client, &jpeg()[5000..], 1024);
            scenario.close(tcp, Client);
        });
        let findings = scenario.findings();
        one(&findings, "stall").message.clone()
    };
    let message = of(|_, _| {});
    assert!(message.contains("the program itself paused"), "{message}");
    let message = of(|scenario, tcp| {
        tcp.window[1] = 0;
        scenario.ack(tcp, Server);
    });
    assert!(message.contains("no room"), "{message}");
}

#[test]
fn rows_of_raw_pixels_are_suggested_with_the_flag_to_give() {
    let findings = on("raw-pixels");
    let width = one(&findings, "width-unknown");
    assert!(
        width.message.contains("200 × 150 pixels"),
        "{}",
        width.message
    );
    assert!(
        width.fix.contains("--protocol 9909=raw-pixels=200"),
        "{}",
        width.fix
    );
}

#[test]
fn frames_captured_twice_are_not_called_sent_twice() {
    let mut frames = Vec::new();
    for frame in real("eof") {
        let mut copy = frame.clone();
        copy.interface = 1;
        frames.extend([frame, copy]);
    }
    let findings = findings(&frames);
    assert!(!has(&findings, "retransmission"), "{findings:#?}");
    assert!(!has(&findings, "duplicate-ack"), "{findings:#?}");
    assert!(warned(findings).is_empty());
}

#[test]
fn a_format_given_for_a_port_is_what_an_empty_connection_is_judged_by() {
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(41000, 7777);
    scenario.wait(5000);
    scenario.close(&mut tcp, Client);
    let findings = scenario.findings();
    assert_eq!(one(&findings, "empty-request").severity, Severity::Warning);
    let findings = with((7777, "catalog"), &scenario.frames);
    assert_eq!(one(&findings, "empty-request").severity, Severity::Error);
    // Workers of the pipeline wait until the server speaks.
    let findings = with((7777, &Protocol::pipeline().to_string()), &scenario.frames);
    assert!(!has(&findings, "empty-request"));
}

#[test]
fn the_document_is_generated_from_the_catalogue() {
    let path = captures_folder().join("../docs/findings.md");
    let document = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        document == catalogue::document(),
        "docs/findings.md is not what the catalogue says; write it again: \
         cargo run -- explain --format markdown > docs/findings.md"
    );
}

#[test]
fn explain_answers_and_suggests() {
    let output = support::imgnet(&["explain", "marker-unanswered"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "Python, wrong",
        "Rust, right",
        "Wireshark display filter",
        "recv()",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let output = support::imgnet(&["explain", "marker-unansered"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("did you mean marker-unanswered"),
        "{errors}"
    );
}

#[test]
fn wireshark_takes_every_display_filter() {
    if !support::tshark_is_there() {
        return;
    }
    let filters: Vec<String> = catalogue::all()
        .filter(|entry| !entry.filter.is_empty())
        .map(|entry| format!("({})", entry.filter))
        .collect();
    let capture = captures_folder().join("eof.pcap");
    // One run for all: tshark ends with an error, which names the place, if it does not know one.
    let shown = support::tshark(&capture, &["-Y", &filters.join(" || ")]);
    assert!(!shown.is_empty());
}

#[test]
fn silence_ends_no_picture_whose_pieces_may_be_asked_for_again() {
    // Five seconds before each datagram, and one comes again when the picture is long whole.
    let scenario = framed_scenario(&[(0, 0), (1, 1), (2, 2), (1, 3)], 5000);
    let told = told(&scenario.frames, Options::default());
    assert_eq!(told.images.len(), 1);
    assert!(told.images[0].complete, "{:?}", told.images[0].problem);
    let datagrams = told.images[0].datagrams.expect("numbered datagrams");
    assert_eq!((datagrams.sent, datagrams.repeats), (4, Some(1)));
    assert_eq!((datagrams.captured, datagrams.copies), (4, 0));
    // Nobody confirmed it here.
    assert_eq!((datagrams.arrived, datagrams.lost), (None, None));
}

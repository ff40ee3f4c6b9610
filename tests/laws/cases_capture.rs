//! What a capture lacks, shows twice or shows out of turn (`captures/cases/capture`): each with its right answer.

use crate::support;

use crate::sweep::{analyse, load};
use imgnet::analysis::Options;
use imgnet::findings::{Finding, Severity};
use imgnet::ledger::{RegionKind, Verdict};
use imgnet::report::Report;

fn case(name: &str) -> Report {
    let path = support::captures_folder().join(format!("cases/{name}"));
    analyse(&load(&path), &Options::default())
}

fn names(report: &Report) -> Vec<&'static str> {
    let of = |finding: &Finding| finding.name.as_str();
    report.findings.iter().map(of).collect()
}

fn verdicts(report: &Report) -> Vec<(u64, Verdict)> {
    let of = |image: &imgnet::ledger::Image| (image.bytes, image.verdict);
    report.images.iter().map(of).collect()
}

#[track_caller]
fn has_no_error(report: &Report) {
    let errors: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn earlier_bytes_captured_after_later_ones_are_no_repeats() {
    let report = case("capture/01-earlier-bytes-after-start.pcap");
    let direction = &report.streams[0].directions[0];
    assert_eq!((direction.unique_bytes, direction.duplicate_bytes), (60, 0));
    assert_eq!(direction.out_of_order_packets, 1);
    assert!(!names(&report).contains(&"retransmission"));
}

#[test]
fn a_gap_over_the_next_header_leaves_the_declared_length() {
    let report = case("capture/04-http-gap-over-next-header.pcap");
    assert_eq!(
        verdicts(&report),
        [(4908, Verdict::Inconclusive), (2798, Verdict::Unverified)]
    );
    has_no_error(&report);
}

#[test]
fn one_direction_alone_judges_nothing() {
    let report = case("capture/05-one-direction-filtered.pcap");
    assert!(
        report
            .images
            .iter()
            .all(|image| image.verdict == Verdict::Inconclusive)
    );
    assert_eq!(report.coverage.one_sided, 2);
    assert!(!report.coverage.whole);
}

#[test]
fn headers_alone_count_what_was_sent_again() {
    let report = case("capture/07-headers-only-retransmission.pcap");
    assert_eq!(report.streams[0].directions[0].retransmitted_packets, 1);
    assert!(names(&report).contains(&"retransmission"));
}

#[test]
fn text_that_speaks_of_gifs_is_none() {
    let report = case("capture/09-text-quotes-gif89a.pcap");
    assert!(report.images.is_empty());
}

#[test]
fn a_scan_that_never_connected_asked_for_nothing() {
    let report = case("capture/10-half-open-scan.pcap");
    assert!(!names(&report).contains(&"empty-request"));
}

#[test]
fn a_second_answer_to_one_syn_is_one_connection_without_a_gap() {
    let report = case("capture/11-second-synack-other-isn.pcap");
    assert_eq!(report.streams.len(), 1);
    assert_eq!(verdicts(&report), [(4908, Verdict::Unverified)]);
    assert!(report.coverage.whole, "{:?}", report.coverage);
    let found = names(&report);
    assert!(!found.contains(&"empty-request") && !found.contains(&"started-late"));
}

#[test]
fn a_header_in_a_gap_accuses_nobody() {
    let report = case("capture/14d-header-not-captured-then-second-response.pcap");
    has_no_error(&report);
    assert!(names(&report).contains(&"capture-gap"));
    let report = case("capture/51-http-response-header-segment-not-captured-pipelined.pcap");
    has_no_error(&report);
    assert_eq!(report.verdict, Some(Verdict::Inconclusive));
}

#[test]
fn syns_captured_out_of_turn_are_one_connection() {
    for name in ["17-syn-captured-after-synack", "17b-syn-captured-after-ack"] {
        let report = case(&format!("capture/{name}.pcap"));
        assert_eq!(report.streams.len(), 1, "{name}");
        assert_eq!(verdicts(&report), [(4908, Verdict::Unverified)], "{name}");
        assert!(report.coverage.whole, "{name}");
    }
}

#[test]
fn an_acknowledgment_out_of_nowhere_makes_no_gap() {
    let report = case("capture/16-stray-ack-invents-gap.pcap");
    assert_eq!(report.coverage.gap_bytes, 0);
}

#[test]
fn a_picture_that_lies_in_a_gap_is_not_nothing() {
    let report = case("capture/50-catalog-whole-picture-not-captured.pcap");
    assert_eq!(report.coverage.gap_bytes, 12_088);
    assert!(!report.coverage.whole);
}

#[test]
fn a_capture_that_ends_or_begins_in_a_picture_cannot_judge_it() {
    let report = case("capture/54-marker-capture-ends-in-picture.pcap");
    assert_eq!(report.verdict, Some(Verdict::Inconclusive));
    let report = case("capture/56-eof-started-late.pcap");
    assert_eq!(report.coverage.late_starts, 1);
    assert!(!report.coverage.whole);
    let report = case("capture/19c-eof-last-segment-not-captured.pcap");
    assert_eq!(report.verdict, Some(Verdict::Inconclusive));
}

#[test]
fn an_answer_is_no_picture() {
    let report = case("capture/58-half-close-answer-captured-before-fin.pcap");
    assert_eq!(verdicts(&report), [(12_192, Verdict::Unverified)]);
    let answers: Vec<_> = report
        .streams
        .iter()
        .flat_map(|stream| &stream.directions)
        .flat_map(|direction| &direction.map)
        .filter(|region| region.kind == RegionKind::Answer)
        .map(|region| region.length)
        .collect();
    assert_eq!(answers, [9]);
}

#[test]
fn same_headers_with_other_bytes_are_a_conflict() {
    let report = case("capture/62-same-headers-other-payload.pcap");
    let found = names(&report);
    assert!(found.contains(&"conflicting-retransmission"), "{found:?}");
    assert!(!found.contains(&"frames-twice"), "{found:?}");
}

#[test]
fn a_fin_with_window_0_is_no_full_buffer() {
    let report = case("capture/63-fin-with-window-0.pcap");
    assert!(!names(&report).contains(&"zero-window"));
}

#[test]
fn one_byte_behind_the_picture_is_stray_and_has_a_place() {
    let report = case("programs/extra1.pcapng");
    let stray: u64 = report
        .streams
        .iter()
        .flat_map(|stream| &stream.directions)
        .map(|direction| direction.stray_bytes)
        .sum();
    assert_eq!(stray, 1);
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.name.as_str() == "stray-bytes")
        .expect("stray bytes are told of");
    assert!(!finding.packets.is_empty());
}

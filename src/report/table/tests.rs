use super::*;
use crate::report::samples;
use crate::units::PictureId;

fn text(report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    render(report, &style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn style(width: usize, detail: Detail) -> Style {
    Style {
        width,
        detail,
        ..Style::default()
    }
}

fn normal(width: usize) -> Style {
    style(width, Detail::Normal)
}

#[test]
fn reads_well_at_every_width() {
    for (name, report) in [
        ("healthy", samples::healthy()),
        ("hang", samples::hang()),
        ("gaps", samples::gaps()),
        ("no-pictures", samples::no_pictures()),
        ("hundreds", samples::hundreds()),
        ("ipv6", samples::ipv6()),
    ] {
        for width in [80, 120, 200] {
            insta::assert_snapshot!(format!("{name}-{width}"), text(&report, normal(width)));
        }
    }
}

#[test]
fn tells_more_when_asked() {
    insta::assert_snapshot!(
        "gaps-v-120",
        text(&samples::gaps(), style(120, Detail::Streams))
    );
    insta::assert_snapshot!(
        "gaps-vv-120",
        text(&samples::gaps(), style(120, Detail::Chunks))
    );
    insta::assert_snapshot!(
        "gaps-v-80",
        text(&samples::gaps(), style(80, Detail::Streams))
    );
    insta::assert_snapshot!("hang-q", text(&samples::hang(), style(80, Detail::Quiet)));
    insta::assert_snapshot!(
        "healthy-q",
        text(&samples::healthy(), style(80, Detail::Quiet))
    );
}

#[test]
fn stacks_where_a_table_does_not_fit() {
    insta::assert_snapshot!("gaps-44", text(&samples::gaps(), normal(44)));
}

#[test]
fn what_was_compared_is_told() {
    let report = samples::verified();
    insta::assert_snapshot!("verified-120", text(&report, normal(120)));
    insta::assert_snapshot!("verified-80", text(&report, normal(80)));
    let style = Style {
        unicode: false,
        ..style(60, Detail::Quiet)
    };
    insta::assert_snapshot!("verified-ascii-quiet", text(&report, style));
}

#[test]
fn needs_only_ascii_when_told_so() {
    let style = Style {
        unicode: false,
        ..style(120, Detail::Chunks)
    };
    for report in samples::all() {
        let text = text(&report, style);
        assert!(text.is_ascii(), "{text}");
    }
    let style = Style {
        unicode: false,
        ..normal(100)
    };
    insta::assert_snapshot!("hang-ascii", text(&samples::hang(), style));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for report in samples::all() {
        for width in [60, 80, 120, 200] {
            for detail in [
                Detail::Quiet,
                Detail::Normal,
                Detail::Streams,
                Detail::Chunks,
            ] {
                let text = text(&report, style(width, detail));
                for line in text.lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
            }
        }
    }
}

#[test]
fn frames_are_the_last_column_to_go() {
    let mut gone = 0;
    for report in [
        samples::healthy(),
        samples::hang(),
        samples::gaps(),
        samples::hundreds(),
        samples::ipv6(),
        samples::verified(),
    ] {
        for width in 40..=200 {
            let text = text(&report, normal(width));
            let titles = [
                "picture",
                "wire format",
                "kind",
                "chunks",
                "packets",
                "repeats",
            ];
            // The table of pictures; where there is none, each has a paragraph with all of it.
            let heading = text
                .lines()
                .find(|line| line.contains("from → to") && line.contains("state"));
            let Some(heading) = heading else { continue };
            let wider = titles.iter().find(|title| heading.contains(**title));
            if !heading.contains("frames") {
                gone += 1;
                assert_eq!(wider, None, "{width}: {heading}");
            }
        }
    }
    assert!(gone > 0, "nothing was narrow");
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    for report in samples::all() {
        for detail in [Detail::Normal, Detail::Chunks] {
            let bare = text(&report, style(120, detail));
            let painted = text(
                &report,
                Style {
                    color: true,
                    ..style(120, detail)
                },
            );
            assert!(painted.contains("\x1b["));
            assert_eq!(anstream::adapter::strip_str(&painted).to_string(), bare);
        }
    }
}

#[test]
fn a_hostile_request_is_shown_and_not_obeyed() {
    for detail in [Detail::Normal, Detail::Chunks] {
        let text = text(&samples::ipv6(), style(200, detail));
        assert!(text.contains(r"choice 3\u{1b}[2J\u{202e}gnp."), "{text}");
        assert!(!text.chars().any(|c| text::is_unsafe(c) && c != '\n'));
    }
}

#[test]
fn a_capture_of_ten_thousand_chunks_is_laid_out_alike_on_every_page() {
    use crate::ledger::{Chunk, Chunks};
    let mut report = samples::healthy();
    let chunks: Vec<Chunk> = {
        let first = report.images[0]
            .chunks
            .as_ref()
            .unwrap()
            .iter()
            .next()
            .unwrap();
        let row = |index: u64| Chunk {
            index: crate::units::ChunkIndex(index),
            offset: index * 2048,
            ..first
        };
        (0..10_000).map(row).collect()
    };
    report.images.truncate(1);
    report.images[0].chunks = Some(Chunks::from_rows(chunks));
    let text = text(&report, style(120, Detail::Chunks));
    let rows: Vec<usize> = text
        .lines()
        .skip_while(|line| !line.contains("chunk  "))
        .take(10_001)
        .map(|line| line.chars().count())
        .collect();
    assert_eq!(rows.len(), 10_001);
    assert!(
        rows.iter().all(|&width| width == rows[0]),
        "numbers stand right"
    );
    assert!(text.contains("\n   9999  20,477,952"), "the last one too");
}

#[test]
fn a_mismatch_counts_as_whole_on_the_wire() {
    let mut report = samples::healthy();
    for image in &mut report.images {
        image.verdict = Verdict::Match;
    }
    report.conclude();
    let (tone, line) = conclusion(&report, &normal(80));
    assert_eq!(
        (tone, line.as_str()),
        (Tone::Good, "✔ match: all 5 pictures arrived.")
    );
    report.images[1].verdict = Verdict::Mismatch;
    report.images[2].verdict = Verdict::Inconclusive;
    report.conclude();
    let (tone, line) = conclusion(&report, &normal(80));
    assert_eq!(tone, Tone::Bad);
    assert_eq!(
        line,
        "✖ mismatch: 4 of 5 pictures are whole on the wire, 1 differs, 1 cannot be judged, because the capture \
         lacks bytes of it."
    );
}

#[test]
fn pictures_are_called_by_their_files_where_those_are_known() {
    let mut report = samples::healthy();
    report.images[0].compared = Some(Box::new(sent_alone("out/sent/upload.jpg")));
    let text = text(&report, normal(120));
    assert!(text.contains("  upload.jpg  "), "{text}");
}

#[test]
fn what_was_written_is_said() {
    use crate::report::model::{Extracted, ExtractedFile};
    let mut report = samples::gaps();
    let file = |image, complete, gaps: Option<&str>| ExtractedFile {
        image: PictureId(image),
        name: format!("stream-{image}-image-000{image}.jpg"),
        bytes: 1,
        complete,
        gaps: gaps.map(str::to_owned),
    };
    report.extracted = Some(Extracted {
        folder: "out".to_owned(),
        files: vec![file(0, false, Some("x.gaps.json")), file(2, true, None)],
    });
    let text = text(&report, normal(120));
    assert!(
        text.contains(
            "\nWrote 2 pictures to out, 1 not whole (.partial); what is missing is left out and listed in .gaps.json.\n"
        ),
        "{text}"
    );
}

#[test]
fn one_picture_is_spoken_of_as_one() {
    let mut report = samples::gaps();
    report
        .images
        .retain(|image| image.verdict == Verdict::Incomplete);
    report.conclude();
    let (_, line) = conclusion(&report, &normal(80));
    assert_eq!(
        line,
        "✖ incomplete: the picture never arrived whole on the wire."
    );
}

/// A comparison in which only the file sent is known.
fn sent_alone(path: &str) -> crate::ledger::comparison::Comparison {
    use crate::ledger::comparison::{Comparison, Level, PairedBy, Side};
    Comparison {
        level: Level::Bytes,
        sent: Some(Side {
            path: Some(path.to_owned()),
            bytes: 12_088,
            sha256: "c3".repeat(32),
            pairing: PairedBy::Digest,
            equal: Some(true),
            by: Level::Bytes,
            compared_bytes: 12_088,
            pixels: None,
        }),
        received: None,
        sent_equals_received: None,
        mismatch: None,
        also: None,
        blame: None,
        converted: None,
        urgent: false,
    }
}

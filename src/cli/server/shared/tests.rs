use std::borrow::Cow;

use super::*;
use crate::ledger::TransportKind;
use crate::transfer::record::SCHEMA;
use crate::units::Timestamp;

fn common(ledger: Option<PathBuf>) -> Common {
    Common {
        ledger,
        idle: Duration::from_secs(1),
        max_bytes: 1 << 20,
        max_pixels: 1 << 20,
        format: Telling::Table,
        json: false,
        color: ColorArg::Never,
        ascii: false,
        quiet: false,
    }
}

fn record(problem: Option<&str>) -> Record {
    Record {
        schema: Cow::Borrowed(SCHEMA),
        side: Side::Sent,
        transport: TransportKind::Tcp,
        from: ([127, 0, 0, 1], 50_000).into(),
        to: ([127, 0, 0, 1], 5050).into(),
        protocol: Protocol::pipeline(),
        request: None,
        format: Some(crate::picture::Format::Jpeg),
        bytes: 12_088,
        sha256: "00".repeat(32),
        started: Timestamp(1_000_000_000),
        ended: Timestamp(1_002_500_000),
        chunks: vec![2048, 2048, 2048, 2048, 2048, 1848],
        repeats: None,
        lost: None,
        file: Some("a\u{1b}[2J.jpg".to_owned()),
        problem: problem.map(str::to_owned),
    }
}

/// The exit code and the table after these events.
fn concluded(
    common: &Common,
    records: &[Record],
    outcome: anyhow::Result<()>,
    stopped: bool,
) -> (u8, String) {
    shown(common, records, outcome, stopped, false, 200)
}

fn shown(
    common: &Common,
    records: &[Record],
    outcome: anyhow::Result<()>,
    stopped: bool,
    live: bool,
    columns: usize,
) -> (u8, String) {
    let teller = Teller::new("imgnet-test", common, live, None, &[]).unwrap();
    for record in records {
        teller.event(Event::Transferred(Box::new(record.clone())));
    }
    let mut out = Vec::new();
    let style = Style {
        width: columns,
        ..Style::default()
    };
    let code = teller.conclude(outcome, stopped, &style, &mut out);
    (code.code(), String::from_utf8(out).unwrap())
}

#[test]
fn exit_code_tells_failed_transfers_from_usage() {
    let refused = || Error::Connect {
        peer: "localhost:1".to_owned(),
        source: io::ErrorKind::ConnectionRefused.into(),
    };
    let code = |records: &[Record], outcome, stopped| {
        concluded(&common(None), records, outcome, stopped).0
    };
    assert_eq!(code(&[record(None)], Ok(()), false), 0);
    assert_eq!(code(&[record(None), record(Some("cut"))], Ok(()), false), 1);
    assert_eq!(code(&[], Err(refused().into()), false), 1);
    assert_eq!(code(&[], Err(usage("wrong")), false), 2);
    let missing = Error::NoPictures { path: "in".into() };
    assert_eq!(code(&[], Err(missing.into()), false), 2);
    // A client that was stopped did not do what it was asked for; a server did.
    assert_eq!(code(&[], Err(Error::Stopped.into()), true), 1);
    assert_eq!(code(&[], Err(Error::Stopped.into()), false), 1);
    let server = |stopped| {
        let outcome = Err(Error::Stopped.into());
        shown(&common(None), &[], outcome, stopped, true, 200).0
    };
    assert_eq!((server(true), server(false)), (0, 1));
}

#[test]
fn table_is_aligned_and_lets_no_escape_through() {
    let (_, table) = concluded(
        &common(None),
        &[record(None), record(Some("cut"))],
        Ok(()),
        false,
    );
    let want = "\
 #        picture            from → to                           kind   bytes  pieces     took
 1  sent  a\\u{1b}[2J.jpg  127.0.0.1:50000 → 127.0.0.1:5050  JPEG  12,088       6  2.50 ms
 2  sent  a\\u{1b}[2J.jpg  127.0.0.1:50000 → 127.0.0.1:5050  JPEG  12,088       6   failed
2 pictures, 24,176 bytes, 1 failed
";
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(squeezed(&table), squeezed(want), "{table}");
    let ends: Vec<usize> = table
        .lines()
        .take(3)
        .map(|line| line.chars().count())
        .collect();
    assert_eq!(ends[1], ends[2], "the last column stands right:\n{table}");
}

#[test]
fn narrow_terminal_gets_lines_that_fit() {
    let records = [record(None), record(Some("cut"))];
    let (_, table) = shown(&common(None), &records, Ok(()), false, false, 60);
    let want = "\
# 1, sent, a\\u{1b}[2J.jpg, 127.0.0.1:50000 → 127.0.0.1:5050,
  JPEG, bytes 12,088, pieces 6, took 2.50 ms
# 2, sent, a\\u{1b}[2J.jpg, 127.0.0.1:50000 → 127.0.0.1:5050,
  JPEG, bytes 12,088, pieces 6, took failed
2 pictures, 24,176 bytes, 1 failed
";
    assert_eq!(table, want);
}

#[test]
fn ledger_holds_a_line_a_picture_that_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let records = [record(None), record(Some("cut"))];
    for record in &records {
        concluded(
            &common(Some(path.clone())),
            std::slice::from_ref(record),
            Ok(()),
            false,
        );
    }
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<Record> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, records);
    assert!(text.contains(r#""from":"127.0.0.1:50000""#), "{text}");
}

#[test]
fn ledger_that_cannot_be_written_is_said_at_once() {
    let missing = common(Some("/nonexistent/ledger.jsonl".into()));
    let error = Teller::new("imgnet-test", &missing, false, None, &[])
        .err()
        .unwrap();
    assert!(format!("{error:#}").starts_with("/nonexistent/ledger.jsonl"));
}

#[test]
fn width_goes_with_raw_pixels_and_only_once() {
    let raw = |width| Protocol::RawPixels { width };
    assert_eq!(pixels_width(&raw(None), Some(3)).unwrap(), raw(Some(3)));
    assert_eq!(pixels_width(&raw(Some(3)), Some(3)).unwrap(), raw(Some(3)));
    assert_eq!(pixels_width(&Protocol::Eof, None).unwrap(), Protocol::Eof);
    assert!(pixels_width(&raw(None), None).is_err());
    assert!(pixels_width(&raw(Some(3)), Some(4)).is_err());
    assert!(pixels_width(&Protocol::Eof, Some(4)).is_err());
}

#[test]
fn ascii_means_ascii() {
    let told = Told {
        rows: vec![Row::new(1, &record(None))],
        transfers: 1,
        ..Told::default()
    };
    for width in [40, 200] {
        let style = Style {
            width,
            unicode: false,
            ..Style::default()
        };
        let mut out = Vec::new();
        summary(&told, &style, &mut out).unwrap();
        assert!(out.is_ascii(), "{}", String::from_utf8_lossy(&out));
    }
}

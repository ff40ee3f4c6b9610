use super::*;
use crate::ledger::{Confidence, Direction, Stream};
use crate::report::model::Packets;
use crate::units::{FrameNumber, PictureId, StreamId, Timestamp};
use crate::wire::Protocol;

const CLIENT: &str = "127.0.0.1:40000";
const SERVER: &str = "127.0.0.1:65432";

fn record(side: Side, sha256: &str, started: i64) -> Record {
    Record {
        schema: crate::transfer::record::SCHEMA.into(),
        side,
        transport: TransportKind::Tcp,
        from: CLIENT.parse().unwrap(),
        to: SERVER.parse().unwrap(),
        protocol: Protocol::Eof,
        request: None,
        format: None,
        bytes: 100,
        sha256: sha256.to_owned(),
        started: Timestamp(started),
        ended: Timestamp(started),
        chunks: vec![100],
        repeats: None,
        lost: None,
        file: Some(format!("{sha256}.jpg")),
        problem: None,
    }
}

fn image(id: u32, sha256: &str) -> Image {
    Image {
        id: PictureId(id),
        stream: StreamId(0),
        from: CLIENT.parse().unwrap(),
        to: SERVER.parse().unwrap(),
        protocol: Protocol::Eof,
        format: None,
        media_type: None,
        width: None,
        height: None,
        pixels: None,
        bytes: 100,
        encoded_bytes: None,
        declared_bytes: None,
        complete: true,
        problem: None,
        sha256: Some(sha256.to_owned()),
        digest: None,
        offset: 0,
        packets: 1,
        wire_bytes: 166,
        payload_bytes: 100,
        unique_bytes: 100,
        duplicate_bytes: 0,
        retransmitted_packets: 0,
        datagrams: None,
        gap_bytes: 0,
        gaps: Vec::new(),
        first_packet: Some(FrameNumber(u64::from(id) + 1)),
        last_packet: Some(FrameNumber(u64::from(id) + 1)),
        started: None,
        ended: None,
        chunk_size: None,
        chunk_size_source: None,
        shared_packets: 0,
        chunks: None,
        verdict: Verdict::Unverified,
        compared: None,
    }
}

fn report(images: Vec<Image>) -> Report {
    let direction = |from: &str, to: &str| Direction {
        packets: 1,
        wire_bytes: 166,
        data_packets: 1,
        payload_bytes: 100,
        unique_bytes: 100,
        picture_bytes: 100,
        start_seen: Some(true),
        ..Direction::new(from.parse().unwrap(), to.parse().unwrap())
    };
    let stream = Stream {
        id: StreamId(0),
        transport: TransportKind::Tcp,
        transport_stream: 0,
        protocol: Some(Protocol::Eof),
        confidence: Some(Confidence::Given),
        initiator: Some(0),
        first_packet: FrameNumber(1),
        last_packet: FrameNumber(9),
        started: None,
        ended: None,
        request: None,
        evidence: Vec::new(),
        directions: vec![direction(CLIENT, SERVER), direction(SERVER, CLIENT)],
    };
    Report::new(
        Vec::new(),
        Packets::default(),
        vec![stream],
        images,
        Vec::new(),
    )
}

#[test]
fn three_equal_digests_are_a_match_and_no_fewer() {
    let mut good = report(vec![image(0, "aa")]);
    let records = [record(Side::Sent, "aa", 1), record(Side::Received, "aa", 2)];
    assert!(three_ways(&mut good, &records).is_empty());
    assert_eq!(good.images[0].verdict, Verdict::Match);
    let compared = good.images[0].compared.as_ref().unwrap();
    let sent = compared.sent.as_ref().unwrap();
    assert_eq!(sent.path.as_deref(), Some("aa.jpg"));
    assert_eq!(compared.received.as_ref().unwrap().equal, Some(true));
    assert_eq!(compared.sent_equals_received, Some(true));
    assert_eq!((&compared.mismatch, &compared.blame), (&None, &None));

    let mut one_side = report(vec![image(0, "aa")]);
    assert!(three_ways(&mut one_side, &records[..1]).is_empty());
    assert_eq!(one_side.images[0].verdict, Verdict::Unverified);
    let compared = one_side.images[0].compared.as_ref().unwrap();
    assert_eq!(compared.received, None);
}

#[test]
fn the_side_that_differs_is_named() {
    for (sent, received, side, who) in [
        ("bb", "aa", SideOfMismatch::SenderToWire, Blamed::Sender),
        ("aa", "bb", SideOfMismatch::WireToReceiver, Blamed::Receiver),
    ] {
        let mut bad = report(vec![image(0, "aa")]);
        let records = [
            record(Side::Sent, sent, 1),
            record(Side::Received, received, 2),
        ];
        three_ways(&mut bad, &records);
        assert_eq!(bad.images[0].verdict, Verdict::Mismatch);
        let compared = bad.images[0].compared.as_ref().unwrap();
        assert_eq!(compared.mismatch.as_ref().unwrap().side, side);
        assert_eq!(compared.blame.as_ref().unwrap().who, who);
    }
}

#[test]
fn a_worse_verdict_of_the_wire_stays() {
    let mut cut = image(0, "aa");
    cut.verdict = Verdict::Inconclusive;
    let mut cut = report(vec![cut]);
    let records = [record(Side::Sent, "aa", 1), record(Side::Received, "aa", 2)];
    three_ways(&mut cut, &records);
    assert_eq!(cut.images[0].verdict, Verdict::Inconclusive);
}

#[test]
fn what_one_side_says_went_wrong_is_no_match() {
    let mut bad = report(vec![image(0, "aa")]);
    let mut received = record(Side::Received, "aa", 2);
    received.problem = Some("closed before the marker".to_owned());
    three_ways(&mut bad, &[record(Side::Sent, "aa", 1), received]);
    assert_eq!(bad.images[0].verdict, Verdict::Mismatch);
}

#[test]
fn pictures_of_one_connection_are_paired_in_order() {
    let mut two = report(vec![image(0, "aa"), image(1, "bb")]);
    // Told in any order.
    let records = [
        record(Side::Received, "bb", 4),
        record(Side::Sent, "bb", 3),
        record(Side::Sent, "aa", 1),
        record(Side::Received, "aa", 2),
    ];
    assert!(three_ways(&mut two, &records).is_empty());
    assert!(
        two.images
            .iter()
            .all(|image| image.verdict == Verdict::Match)
    );
}

#[test]
fn a_picture_that_is_not_on_the_wire_is_trouble() {
    let mut none = report(Vec::new());
    let trouble = three_ways(&mut none, &[record(Side::Sent, "aa", 1)]);
    assert_eq!(trouble.len(), 1);
    assert!(trouble[0].contains("aa.jpg was sent"), "{trouble:?}");
}

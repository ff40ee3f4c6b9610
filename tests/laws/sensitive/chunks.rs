//! Bodies of HTTP in chunks, of which one says another size than it has.

use imgnet::ledger::Verdict;
use imgnet::ledger::comparison::Blamed;

use super::arrived::{file, judged, judged_of};
use super::kept;
use super::scenario::{Client, Scenario, Server};

/// Which frame of [`chunked`] has the header of the answer: behind the handshake and the request.
const HEADER: usize = 4;

/// The answer to a request, in chunks of 2,000 bytes, of which one says so many bytes more or fewer than it has.
fn chunked(picture: &[u8], wrong: usize, by: i64) -> Scenario {
    let mut answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for (number, chunk) in picture.chunks(2_000).enumerate() {
        let length = i64::try_from(chunk.len()).expect("small");
        let length = if number == wrong { length + by } else { length };
        answer.extend(format!("{length:x}\r\n").into_bytes());
        answer.extend(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    let mut scenario = Scenario::new();
    let mut tcp = scenario.connect(40_000, 8080);
    scenario.send(&mut tcp, Client, b"GET /a.jpg HTTP/1.1\r\nHost: a\r\n\r\n");
    scenario.transfer(&mut tcp, Server, &answer, 500);
    scenario.close(&mut tcp, Server);
    scenario
}

#[test]
fn a_chunk_that_says_another_size_than_it_has_is_no_match() {
    let picture = include_bytes!("../../transfers/a.jpg");
    let none = usize::MAX;
    let told = |scenario: &Scenario| judged(scenario, picture, None);
    assert_eq!(
        told(&chunked(picture, none, 0)).verdict,
        Some(Verdict::Match)
    );
    for wrong in 0..picture.len().div_ceil(2_000) {
        for by in [-1, 1, 7, 300] {
            let scenario = chunked(picture, wrong, by);
            let report = told(&scenario);
            assert_ne!(report.verdict, Some(Verdict::Match), "chunk {wrong}, {by}");
            // Without the header that says how it is encoded, nobody is accused of what its chunks say.
            let mut frames = kept(&scenario.frames);
            frames.remove(HEADER);
            let report = judged_of(&frames, &file(picture), None);
            assert_ne!(report.verdict, Some(Verdict::Match), "chunk {wrong}, {by}");
            let accused = report.images.iter().any(|image| {
                let compared = image.compared.as_ref();
                let blame = compared.and_then(|compared| compared.blame.as_ref());
                blame.is_some_and(|blame| blame.who == Blamed::Sender)
            });
            assert!(!accused, "chunk {wrong}, {by}");
        }
    }
}

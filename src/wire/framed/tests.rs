use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::super::testing::{Seen, pictures, run};
use super::*;

/// Pseudo-random numbers that are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A link in virtual time that loses, doubles and reorders.
struct Link {
    dice: Dice,
    loss: u64,
    /// Datagrams on their way, by time of arrival; the number keeps equals apart.
    way: BTreeMap<(Duration, u64), Vec<u8>>,
    count: u64,
    /// Data datagrams that were lost.
    lost: u64,
}

impl Link {
    fn new(seed: u64, loss: u64) -> Self {
        Self {
            dice: Dice(seed),
            loss,
            way: BTreeMap::new(),
            count: 0,
            lost: 0,
        }
    }

    fn send(&mut self, now: Duration, bytes: &[u8]) {
        if self.dice.roll(100) < self.loss {
            self.lost += u64::from(is_data(bytes));
            return;
        }
        let copies = if self.loss > 0 && self.dice.roll(10) == 0 {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = Duration::from_micros(500 + self.dice.roll(3000));
            self.count += 1;
            self.way.insert((now + delay, self.count), bytes.to_vec());
        }
    }

    fn due(&mut self, now: Duration) -> Option<Vec<u8>> {
        let entry = self.way.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    fn next(&self) -> Option<Duration> {
        self.way.first_key_value().map(|((at, _), _)| *at)
    }
}

struct Run {
    received: Vec<Received>,
    outcome: Option<Outcome>,
    counts: (u64, u64),
    /// What the sender says was lost.
    lost: Option<u64>,
    /// How many data datagrams the link lost.
    dropped: u64,
    /// Datagrams of the sender, in the order in which it handed them over.
    sent: Vec<Vec<u8>>,
    /// Of those, which reached the receiver, in order of arrival.
    arrived: Vec<Vec<u8>>,
    asked: Vec<Vec<u8>>,
    now: Duration,
}

fn transfer(picture: &[u8], piece: usize, seed: u64, loss: u64, limit: u64) -> Run {
    let patience = Duration::from_secs(10);
    let mut now = Duration::ZERO;
    let mut sender = Sender::new(picture, piece, now, patience);
    let mut receiver = Receiver::new(ReceiverLimits {
        picture_bytes: limit,
        patience,
    });
    let (mut there, mut back) = (Link::new(seed, loss), Link::new(seed ^ 0x00ab_cdef, loss));
    let (mut sent, mut arrived, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    let mut whole = Vec::new();
    let mut out = Vec::new();
    for _ in 0..2_000_000 {
        while let Some(bytes) = there.due(now) {
            receiver.handle_datagram(now, &bytes);
            arrived.push(bytes);
        }
        while let Some(bytes) = back.due(now) {
            sender.handle_datagram(now, &bytes);
        }
        while sender.poll_transmit(now, &mut out) {
            there.send(now, &out);
            sent.push(out.clone());
        }
        while receiver.poll_transmit(now, &mut out) {
            back.send(now, &out);
            asked.push(out.clone());
        }
        whole.extend(std::iter::from_fn(|| receiver.poll_received()));
        if sender.outcome().is_some() && there.way.is_empty() {
            break;
        }
        let next = [
            there.next(),
            back.next(),
            sender.poll_timeout(),
            receiver.poll_timeout(),
        ];
        let Some(next) = next.into_iter().flatten().min() else {
            break;
        };
        // Time never stands still, however the timers are set.
        now = next.max(now + Duration::from_micros(1));
    }
    Run {
        received: whole,
        outcome: sender.outcome().cloned(),
        counts: sender.counts(),
        lost: sender.lost(),
        dropped: there.lost,
        sent,
        arrived,
        asked,
        now,
    }
}

fn is_data(bytes: &[u8]) -> bool {
    Datagram::decode(bytes).is_some_and(|datagram| datagram.kind == Kind::Data)
}

fn noise(length: usize) -> Vec<u8> {
    let mut dice = Dice(99);
    (0..length)
        .map(|_| u8::try_from(dice.roll(256)).unwrap())
        .collect()
}

/// Data datagrams, copies left out, that reached the receiver only after it had all pieces.
fn late_data(run: &Run) -> u64 {
    let (mut pieces, mut numbers) = (HashSet::new(), HashSet::new());
    let mut late = 0;
    for bytes in run.arrived.iter().filter(|bytes| is_data(bytes)) {
        let datagram = Datagram::decode(bytes).unwrap();
        let whole = pieces.len() == usize::try_from(datagram.total).unwrap();
        pieces.insert(datagram.index);
        late += u64::from(numbers.insert(datagram.transmission) && whole);
    }
    late
}

fn whole(run: &Run) -> &[u8] {
    match &run.received[..] {
        [Received::Whole { bytes, .. }] => bytes,
        other => panic!("{} things came", other.len()),
    }
}

#[test]
fn a_good_link_carries_each_piece_once() {
    let picture = noise(300_000);
    let run = transfer(&picture, 1200, 7, 0, 1 << 20);
    assert_eq!(whole(&run), picture);
    assert_eq!(run.outcome, Some(Outcome::Delivered));
    assert_eq!(run.counts, (250, 0));
    assert!(run.now < Duration::from_secs(1), "{:?}", run.now);
}

#[test]
fn loss_of_a_fifth_repeats_and_disorder_still_deliver() {
    let picture = noise(200_000);
    for seed in 1..=60 {
        let run = transfer(&picture, 1000, seed, 20, 1 << 20);
        assert_eq!(run.outcome, Some(Outcome::Delivered), "seed {seed}");
        assert_eq!(whole(&run), picture, "seed {seed}");
        // A fifth is lost, so a quarter is sent again, and some for requests and answers that were lost.
        assert!(run.counts.1 < 250, "seed {seed}: {:?}", run.counts);
        // Copies hide no loss; what comes after the picture is whole counts as lost, and no more.
        let late = late_data(&run);
        assert_eq!(run.lost, Some(run.dropped + late), "seed {seed}");
        assert!(
            run.now < Duration::from_secs(20),
            "seed {seed}: {:?}",
            run.now
        );
    }
}

#[test]
fn even_half_of_all_may_be_lost() {
    let picture = noise(30_000);
    let run = transfer(&picture, 1000, 5, 50, 1 << 20);
    assert_eq!(whole(&run), picture);
}

#[test]
fn small_and_empty_pictures() {
    for length in [0, 1, 1000, 1001] {
        let picture = noise(length);
        let run = transfer(&picture, 1000, 3, 20, 1 << 20);
        assert_eq!(whole(&run), picture);
        assert_eq!(run.outcome, Some(Outcome::Delivered));
    }
}

#[test]
fn a_picture_above_the_limit_is_refused() {
    let run = transfer(&noise(5000), 1000, 3, 0, 4999);
    let Some(Outcome::Refused { why }) = run.outcome else {
        panic!("{:?}", run.outcome)
    };
    assert!(why.contains("4,999"), "{why}");
    assert!(matches!(run.received[..], [Received::Refused { .. }]));
}

#[test]
fn a_lost_confirmation_is_repeated_unasked() {
    // Large enough that what came allows for all of them.
    let picture = noise(1000);
    let patience = Duration::from_secs(10);
    let mut sender = Sender::new(&picture, 1000, Duration::ZERO, patience);
    let mut receiver = Receiver::new(ReceiverLimits {
        picture_bytes: 1 << 20,
        patience,
    });
    let (mut now, mut out) = (Duration::ZERO, Vec::new());
    while sender.poll_transmit(now, &mut out) {
        receiver.handle_datagram(now, &out);
        if receiver.poll_transmit(now, &mut out) {
            sender.handle_datagram(now, &out);
        }
        if receiver.poll_received().is_some() {
            break;
        }
    }
    // As if every confirmation were lost until the last.
    let mut confirmed = 0;
    while let Some(at) = receiver.poll_timeout() {
        now = at;
        assert!(receiver.poll_transmit(now, &mut out));
        assert_eq!(Datagram::decode(&out).unwrap().kind, Kind::Done);
        confirmed += 1;
    }
    assert_eq!(confirmed, 5);
    assert!(now < Duration::from_secs(1), "{now:?}");
    sender.handle_datagram(now, &out);
    assert_eq!(sender.outcome(), Some(&Outcome::Delivered));
    // Another picture ends it.
    assert!(!receiver.poll_transmit(now, &mut out));
}

#[test]
fn an_announcement_is_answered_with_no_more_bytes_than_it_brought() {
    // Anybody can write anybody's address on one: of a picture, of one that is refused, of one without bytes.
    for (length, limit) in [(100_000, 1 << 20), (100_000, 10), (0, 1 << 20)] {
        let picture = noise(length);
        let patience = Duration::from_secs(30);
        let mut sender = Sender::new(&picture, 1200, Duration::ZERO, patience);
        let mut receiver = Receiver::new(ReceiverLimits {
            picture_bytes: limit,
            patience,
        });
        let mut datagram = Vec::new();
        assert!(sender.poll_transmit(Duration::ZERO, &mut datagram));
        let brought = datagram.len();
        receiver.handle_datagram(Duration::ZERO, &datagram);
        let (mut now, mut sent) = (Duration::ZERO, 0);
        while now < patience * 2 {
            while receiver.poll_transmit(now, &mut datagram) {
                sent += datagram.len();
            }
            now += Duration::from_millis(10);
        }
        assert!(sent > 0, "{length}: it is answered");
        assert!(sent <= brought, "{length}: {sent} for {brought}");
        assert!(!receiver.has_pieces());
        assert!(!receiver.is_receiving());
    }
}

#[test]
fn silence_ends_both_sides() {
    let picture = noise(5000);
    let patience = Duration::from_secs(3);
    let mut sender = Sender::new(&picture, 1000, Duration::ZERO, patience);
    let mut receiver = Receiver::new(ReceiverLimits {
        picture_bytes: 1 << 20,
        patience,
    });
    let mut out = Vec::new();
    assert!(sender.poll_transmit(Duration::ZERO, &mut out));
    receiver.handle_datagram(Duration::ZERO, &out);
    let mut now = Duration::ZERO;
    while let Some(at) = receiver.poll_timeout() {
        now = at;
        receiver.poll_transmit(now, &mut out);
        assert!(now < Duration::from_secs(10));
    }
    assert!(matches!(
        receiver.poll_received(),
        Some(Received::Incomplete { missing, .. }) if missing.len() == 1 && missing[0] == (0..5000)
    ));
    while let Some(at) = sender.poll_timeout() {
        now = at.max(now + Duration::from_micros(1));
        sender.poll_transmit(now, &mut out);
        assert!(now < Duration::from_secs(20));
    }
    assert_eq!(sender.outcome(), Some(&Outcome::Silence));
}

#[test]
fn the_sniffer_beside_the_sender_counts_what_it_counts() {
    let picture = noise(100_000);
    let run = transfer(&picture, 1000, 11, 20, 1 << 20);
    let mut decoder = FramedDecoder::default();
    let mut fed = 0;
    let seen = super::super::testing::run(|sink| {
        for datagram in &run.sent {
            fed += datagram.len() as u64;
            decoder.datagram(datagram, sink);
        }
        decoder.finish(StreamEnd::Idle, sink);
    });
    assert_eq!(pictures(&seen), [(picture, Ending::Length)]);
    let repeats = seen
        .iter()
        .filter(|event| matches!(event, Seen::Numbered(_, _, Order::Repeat)))
        .count();
    assert_eq!(repeats as u64, run.counts.1);
    assert_eq!(covered_bytes(&seen), fed);
    assert!(!seen.iter().any(|event| matches!(event, Seen::Fault(_))));
    // Beside the receiver the same picture comes, in another order.
    let mut decoder = FramedDecoder::default();
    let seen = super::super::testing::run(|sink| {
        for datagram in &run.arrived {
            decoder.datagram(datagram, sink);
        }
        decoder.finish(StreamEnd::Idle, sink);
    });
    assert_eq!(pictures(&seen), pictures(&seen)[..1]);
    assert_eq!(pictures(&seen)[0].1, Ending::Length);
    // What the receiver asks for is all control.
    let mut decoder = FramedDecoder::default();
    let seen = super::super::testing::run(|sink| {
        for datagram in &run.asked {
            decoder.datagram(datagram, sink);
        }
    });
    assert!(seen.iter().all(|event| matches!(
        event,
        Seen::Framing(Framing::Control | Framing::Confirmed { .. }, _)
    )));
    let sent = run.counts.0;
    assert!(seen.iter().any(|event| matches!(
        event,
        Seen::Framing(Framing::Confirmed { arrived: Some(arrived), .. }, _) if sent - arrived == run.lost.unwrap()
    )));
}

fn covered_bytes(seen: &[Seen]) -> u64 {
    seen.iter()
        .map(|event| match event {
            Seen::Data(bytes) | Seen::Stray(bytes) => bytes.len() as u64,
            Seen::Encoded(bytes, _) | Seen::Framing(_, bytes) => *bytes,
            _ => 0,
        })
        .sum()
}

#[test]
fn changed_datagrams_are_left_out() {
    let picture = noise(3000);
    let run = transfer(&picture, 1000, 1, 0, 1 << 20);
    let mut datagrams = run.sent;
    *datagrams[2].last_mut().unwrap() ^= 1;
    let mut decoder = FramedDecoder::default();
    let seen = super::super::testing::run(|sink| {
        for datagram in &datagrams {
            decoder.datagram(datagram, sink);
        }
        decoder.finish(StreamEnd::Idle, sink);
    });
    assert!(
        seen.iter()
            .any(|event| matches!(event, Seen::Fault(Fault::WrongChecksum { .. })))
    );
    assert!(seen.contains(&Seen::Lost(Some(1), Some(1000))));
    assert!(seen.contains(&Seen::End(Ending::Cut(StreamEnd::Idle))));
}

#[test]
fn header_byte_by_byte() {
    let header = Header::of(b"abc", 1024);
    let bytes = header.encode();
    assert_eq!(bytes[..12], *b"\x93imgnet\n\x01\0\0\x40");
    assert_eq!(bytes[12..16], [0, 0, 4, 0]);
    // FIPS 180-2, B.1: SHA-256 of "abc".
    assert_eq!(bytes[32..36], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(bytes[16..24], bytes[32..40]);
    assert_eq!(bytes[24..32], [0, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!(Header::decode(&bytes), Some(header));
    let mut out = Vec::new();
    Datagram {
        kind: Kind::Data,
        picture: 1,
        index: 2,
        total: 3,
        offset: 4,
        transmission: 5,
        payload: b"xyz",
    }
    .encode(&mut out);
    assert_eq!(
        out[..32],
        *b"\x93img\x01\x02\0\x03\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\0\0\0\0\x04"
    );
    assert_eq!(out[36..], *b"\0\0\0\x05xyz");
    assert_eq!(out.len(), 43);
    assert!(Datagram::decode(&out).is_some());
    assert_eq!(Datagram::decode(&out[..42]), None);
}

#[test]
fn another_picture_than_promised_is_a_fault() {
    let mut stream = Header::of(b"abc", 0).encode().to_vec();
    stream.extend(b"abd");
    let mut decoder = FramedDecoder::default();
    let seen = run(|sink| {
        decoder.update(&stream, sink);
        decoder.finish(StreamEnd::Fin, sink);
    });
    assert!(
        matches!(&seen[3], Seen::Fault(Fault::WrongDigest { declared, .. }) if declared.starts_with("ba7816bf"))
    );
    assert_eq!(seen[4], Seen::End(Ending::Length));
}

//! A stream as a ladder in plain words: who sent what, in how many chunks and how fast, and where nobody said anything.

use std::fmt::Write as _;

use super::carried::{Carried, Role};
use super::fields::tcp as tcp_fields;
use super::seen::Seen;
use crate::units::{StreamId, Timestamp, count, counted, duration};

/// Silence worth a rung of its own, in nanoseconds.
const SILENCE: i64 = 200_000_000;
/// Most rungs; what follows is counted only.
const MOST: usize = 20_000;

/// One rung.
#[derive(Debug, Clone)]
pub(crate) struct Rung {
    /// Time of its first frame since the stream's first; absent without times.
    pub at: Option<i64>,
    /// Whether the side that sent the stream's first frame sends it; absent for silence.
    pub forward: Option<bool>,
    /// What its bytes are.
    pub role: Option<Role>,
    /// First frame.
    pub first: u64,
    /// Last frame.
    pub last: u64,
    /// What happened.
    pub text: String,
}

/// Gathers the rungs of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Ladder {
    stream: StreamId,
    rungs: Vec<Rung>,
    open: Option<Open>,
    first_source: Option<std::net::SocketAddr>,
    started: Option<Timestamp>,
    last: Option<Timestamp>,
    left_out: u64,
}

/// Frames that say one thing.
#[derive(Debug, Clone)]
struct Open {
    key: Key,
    forward: bool,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    first: u64,
    last: u64,
    frames: u64,
    repeats: u64,
    bytes: u64,
    from: u64,
    to: u64,
    chunk: Option<u64>,
    whole: Option<u64>,
    what: Option<String>,
    text: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Picture(u32),
    Bytes(Role, Option<String>),
    Bare(Role),
}

impl Ladder {
    /// Of this stream.
    pub(crate) fn of(stream: StreamId) -> Self {
        Self {
            stream,
            rungs: Vec::new(),
            open: None,
            first_source: None,
            started: None,
            last: None,
            left_out: 0,
        }
    }

    /// Takes the next frame of the capture.
    pub(crate) fn frame(&mut self, seen: &Seen<'_>) {
        let (Some(place), Some(packet)) = (seen.place, seen.packet()) else {
            return;
        };
        if place.stream != self.stream {
            return;
        }
        let first = *self.first_source.get_or_insert(packet.source);
        self.started = self.started.or(seen.frame.time);
        let forward = packet.source == first;
        let carried = Carried::of(seen);
        if let (Some(now), Some(before)) = (seen.frame.time, self.last) {
            let silence = now.since(before);
            if silence >= SILENCE {
                self.close();
                self.silence(silence, "silence", seen.frame.number.0);
            }
        }
        self.last = seen.frame.time.or(self.last);
        match carried.bare {
            // Acknowledgments are how TCP works, and no step of the dialogue.
            Some(Role::Acknowledgment) => return,
            Some(role) => self.add(Key::Bare(role), forward, seen, None),
            None => {}
        }
        for piece in &carried.pieces {
            let key = match piece.image {
                Some(image) if piece.role == Role::Picture => Key::Picture(image.id.0),
                _ => Key::Bytes(piece.role, piece.what.map(str::to_owned)),
            };
            self.add(key, forward, seen, Some(piece));
        }
        let fin = tcp_fields::tcp(seen).is_some_and(|tcp| tcp.fin);
        if fin && carried.bare.is_none() {
            self.add(Key::Bare(Role::Close), forward, seen, None);
        }
    }

    /// The rungs, once no more frames come; `end` is when the capture ended.
    pub(crate) fn finish(mut self, end: Option<Timestamp>, last_frame: u64) -> Vec<Rung> {
        self.close();
        if let (Some(end), Some(last)) = (end, self.last) {
            let silence = end.since(last);
            if silence >= SILENCE {
                self.silence(
                    silence,
                    "nothing more, to the end of the capture",
                    last_frame,
                );
            }
        }
        if self.left_out > 0 {
            let text = counted(self.left_out, "further step", "further steps");
            self.rungs.push(Rung {
                at: None,
                forward: None,
                role: None,
                first: last_frame,
                last: last_frame,
                text,
            });
        }
        self.rungs
    }

    fn silence(&mut self, nanoseconds: i64, words: &str, frame: u64) {
        let at = self
            .last
            .zip(self.started)
            .map(|(last, start)| last.since(start));
        self.push(Rung {
            at,
            forward: None,
            role: None,
            first: frame,
            last: frame,
            text: format!("{} {words}", duration(nanoseconds, true)),
        });
    }

    fn push(&mut self, rung: Rung) {
        if self.rungs.len() < MOST {
            self.rungs.push(rung);
        } else {
            self.left_out += 1;
        }
    }

    fn add(&mut self, key: Key, forward: bool, seen: &Seen<'_>, piece: Option<&super::Piece<'_>>) {
        let number = seen.frame.number.0;
        let goes_on = self
            .open
            .as_ref()
            .is_some_and(|open| open.key == key && open.forward == forward);
        if !goes_on {
            self.close();
            self.open = Some(Open {
                key,
                forward,
                start: seen.frame.time,
                end: None,
                first: number,
                last: number,
                frames: 0,
                repeats: 0,
                bytes: 0,
                from: u64::MAX,
                to: 0,
                chunk: None,
                whole: None,
                what: piece.and_then(|piece| piece.what).map(str::to_owned),
                text: piece.and_then(|piece| sample(seen, piece)),
            });
        }
        let Some(open) = &mut self.open else { return };
        open.end = seen.frame.time;
        open.frames += u64::from(open.last != number || open.frames == 0);
        open.last = number;
        let repeat = seen.place.is_some_and(|place| place.repeats.is_some());
        open.repeats += u64::from(repeat);
        if let Some(piece) = piece {
            open.bytes += piece.length;
            if let Some((from, to)) = piece.of_picture() {
                open.from = open.from.min(from);
                open.to = open.to.max(to);
            }
            if let Some(image) = piece.image {
                open.chunk = image.chunk_size;
                open.whole = Some(image.encoded_bytes.unwrap_or(image.bytes));
            }
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let at = open
            .start
            .zip(self.started)
            .map(|(at, start)| at.since(start));
        let role = match &open.key {
            Key::Picture(_) => Role::Picture,
            Key::Bytes(role, _) | Key::Bare(role) => *role,
        };
        self.push(Rung {
            at,
            forward: Some(open.forward),
            role: Some(role),
            first: open.first,
            last: open.last,
            text: open.words(),
        });
    }
}

/// Short printable bytes, as a request is.
fn sample(seen: &Seen<'_>, piece: &super::Piece<'_>) -> Option<String> {
    let packet = seen.packet()?;
    let start = usize::try_from(piece.at).ok()?;
    let length = usize::try_from(piece.length).ok()?;
    let bytes = packet.payload.get(start..start.checked_add(length)?)?;
    let text = std::str::from_utf8(bytes.get(..40).unwrap_or(bytes)).ok()?;
    let plain = !text.is_empty()
        && text
            .chars()
            .all(|c| !c.is_control() || c == '\r' || c == '\n');
    plain.then(|| format!("{:?}{}", text, if bytes.len() > 40 { "…" } else { "" }))
}

impl Open {
    fn words(&self) -> String {
        let mut text = String::new();
        match &self.key {
            Key::Bare(Role::Open) => return "opens the connection".to_owned(),
            Key::Bare(Role::Close) => return "closes its side".to_owned(),
            Key::Bare(Role::Reset) => return "resets the connection".to_owned(),
            Key::Bare(_) => return "acknowledges".to_owned(),
            Key::Picture(id) => {
                let _ = write!(text, "picture {id}: ");
                if Some(self.to.saturating_sub(self.from)) == self.whole {
                    text.push_str(&count(self.bytes_once()));
                    text.push_str(" bytes");
                } else {
                    text.push_str("bytes ");
                    text.push_str(&count(self.from));
                    text.push('–');
                    text.push_str(&count(self.to.saturating_sub(1)));
                    if let Some(whole) = self.whole {
                        text.push_str(" of ");
                        text.push_str(&count(whole));
                    }
                }
                if let Some(size) = self.chunk.filter(|size| *size > 0) {
                    let chunks = (self.to.saturating_sub(1) / size) - self.from / size + 1;
                    let _ = write!(text, ", {}", counted(chunks, "chunk", "chunks"));
                }
                let _ = write!(text, " in {}", counted(self.frames, "frame", "frames"));
            }
            Key::Bytes(role, _) => {
                match (&self.what, role) {
                    (Some(what), _) => text.push_str(what),
                    (None, Role::Unknown) => text.push_str("data"),
                    (None, role) => text.push_str(role.name()),
                }
                let short = self.bytes <= 64;
                if let (Some(sample), true) = (&self.text, short || *role != Role::Stray) {
                    let _ = write!(text, " {sample}");
                }
                let _ = write!(text, ", {}", counted(self.bytes, "byte", "bytes"));
            }
        }
        if let Some((end, start)) = self.end.zip(self.start) {
            let took = end.since(start);
            if took > 0 && self.frames > 1 {
                let _ = write!(text, " within {}", duration(took, true));
            }
        }
        if self.repeats > 0 {
            let _ = write!(
                text,
                ", {} sent again",
                counted(self.repeats, "frame", "frames")
            );
        }
        text
    }

    fn bytes_once(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

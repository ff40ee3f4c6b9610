//! What shows only over all connections of a server: an upload whose marker it never saw.
//!
//! After an upload the server goes on with others: on the upload's own connection it says nothing, hang or not. But a
//! server that sent nothing on any connection afterwards, although somebody waits on another one, hangs. So it seems to,
//! too, where the uploader itself stays and waits, and nothing more moves anywhere.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{finding, marker, opening, seconds};
use crate::findings::facts::{Frames, Refused, ServerFacts, SilentUpload, StreamFacts, UploadEnd};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::{Image, Stream, TransportKind};
use crate::units::{FrameNumber, StreamId, Timestamp, count};

/// Most servers and uploads that are remembered.
const REMEMBERED: usize = 256;

/// What is remembered of listening addresses.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    known: BTreeMap<SocketAddr, ServerFacts>,
    uploads: Vec<SilentUpload>,
    refused: BTreeMap<SocketAddr, Refused>,
}

/// What a connection that is over leaves for the judgement of its server.
#[derive(Debug, Clone)]
pub struct Ended {
    server: SocketAddr,
    client: SocketAddr,
    /// The stream, and its first frame.
    place: (StreamId, FrameNumber),
    /// The server accepted it.
    accepted: bool,
    /// The frame by which the server refused it.
    refused: Option<FrameNumber>,
    /// When the server last sent data on it.
    last_data: Option<Timestamp>,
    /// Its first frame, if neither side sent a byte for longer than the idle limit.
    silent: Option<FrameNumber>,
    /// The upload on it that ended in silence.
    pub upload: Option<Box<SilentUpload>>,
}

impl Ended {
    /// Of a connection of which the capture shows who connected; absent of all others.
    pub fn of(stream: &Stream, facts: &StreamFacts, images: &[Image]) -> Option<Self> {
        let [_, server] = facts.directions.as_slice() else {
            return None;
        };
        // The initiator's direction comes first where it is known.
        let listens = stream.directions.get(1).map(|direction| direction.from)?;
        if (stream.transport, stream.initiator) != (TransportKind::Tcp, Some(0)) {
            return None;
        }
        Some(Self {
            server: listens,
            client: stream.directions.first()?.from,
            place: (stream.id, stream.first_packet),
            accepted: server.saw_syn,
            refused: opening::refused(stream, facts),
            last_data: server.last_data.and_then(|(_, time)| time),
            silent: waited(stream, facts).then_some(stream.first_packet),
            upload: upload(stream, facts, images, listens).map(Box::new),
        })
    }
}

/// Nobody sent a byte, for longer than the idle limit.
fn waited(stream: &Stream, facts: &StreamFacts) -> bool {
    let nothing = facts.directions.iter().all(|direction| direction.span == 0);
    let over = facts
        .directions
        .iter()
        .filter_map(|direction| direction.closing)
        .min();
    let waited = over
        .or(facts.capture_end)
        .zip(stream.started)
        .map(|(over, started)| over.since(started));
    nothing && waited.is_some_and(|waited| is_idle(waited, facts))
}

pub(super) fn is_idle(nanoseconds: i64, facts: &StreamFacts) -> bool {
    u128::from(nanoseconds.max(0).unsigned_abs()) > facts.idle.as_nanos()
}

/// The upload after which the server said nothing; absent where there is none.
fn upload(
    stream: &Stream,
    facts: &StreamFacts,
    images: &[Image],
    server: SocketAddr,
) -> Option<SilentUpload> {
    let [client, listens] = facts.directions.as_slice() else {
        return None;
    };
    let mark = client.last_marker.as_ref()?;
    let (acknowledged, since) = mark.acknowledged?;
    // What the capture lacks of the server's side may have been the answer.
    let unseen = stream
        .directions
        .get(1)
        .is_none_or(|direction| direction.gap_bytes > 0)
        || listens.lacks_acknowledged();
    let answered = listens
        .last_data
        .is_some_and(|(frame, _)| frame >= acknowledged);
    if unseen || answered {
        return None;
    }
    let ends = [
        (
            client.closing,
            client.fin.or(client.reset),
            UploadEnd::Client,
        ),
        (
            listens.closing,
            listens.fin.or(listens.reset),
            UploadEnd::Server,
        ),
    ];
    let first = ends
        .into_iter()
        .filter_map(|(time, frame, who)| Some((time?, frame?, who)))
        .min_by_key(|(time, frame, _)| (*time, *frame));
    let until = first.map(|(time, _, _)| time).or(facts.capture_end);
    let silence = until.zip(since).map(|(until, since)| until.since(since))?;
    let stayed = is_idle(silence, facts);
    // Who closes at once waits for nothing: then only others can.
    let left = matches!(first, Some((_, _, UploadEnd::Client)));
    let picture = images.iter().find(|image| Some(image.id) == mark.picture);
    (stayed || left).then(|| SilentUpload {
        server,
        stream: stream.id,
        picture: mark.picture,
        bytes: picture.map_or(0, |image| image.bytes),
        chunk: picture.and_then(|image| image.chunk_size),
        mark: mark.as_ref().clone(),
        silence,
        stayed,
        ended: first.map(|(_, frame, who)| (frame, who)),
    })
}

impl Servers {
    /// A connection is over. They come in the order in which they ended.
    pub fn closed(&mut self, ended: Ended) {
        if self.known.len() < REMEMBERED || self.known.contains_key(&ended.server) {
            let known = self.known.entry(ended.server).or_default();
            known.connections += 1;
            if ended.accepted {
                known.accepted = known.accepted.max(Some(ended.place));
            }
            known.last_data = known.last_data.max(ended.last_data);
            known.silent = known.silent.or(ended.silent);
        }
        if let Some(reset) = ended.refused
            && (self.refused.len() < REMEMBERED || self.refused.contains_key(&ended.server))
        {
            let (stream, syn) = ended.place;
            let refused = self.refused.entry(ended.server).or_insert_with(|| Refused {
                client: ended.client,
                stream,
                last: stream,
                first: (syn, reset),
                attempts: 0,
                frames: Frames::default(),
            });
            refused.last = refused.last.max(stream);
            refused.attempts += 1;
            refused.frames.add(syn);
            refused.frames.add(reset);
        }
        if let Some(upload) = ended.upload
            && self.uploads.len() < REMEMBERED
        {
            self.uploads.push(*upload);
        }
    }

    /// The findings, once all connections are over.
    pub fn findings(&self) -> Vec<Finding> {
        let hangs = self.uploads.iter().filter_map(|upload| self.hang(upload));
        let refusals = self.refused.iter().map(|(server, refused)| {
            opening::connection_refused(*server, refused, self.accepted_later(*server, refused))
        });
        hangs.chain(refusals).collect()
    }

    /// The first frame of a connection that the same server accepted after it had refused; who asks for "localhost" tries one
    /// loopback address after the other.
    fn accepted_later(&self, server: SocketAddr, refused: &Refused) -> Option<FrameNumber> {
        let local = |address: &SocketAddr| address.ip().is_loopback();
        self.known
            .iter()
            .filter(|(address, _)| {
                **address == server
                    || (address.port() == server.port() && local(address) && local(&server))
            })
            .filter_map(|(_, known)| known.accepted)
            .filter(|(stream, _)| *stream > refused.last)
            .map(|(_, frame)| frame)
            .min()
    }

    fn hang(&self, upload: &SilentUpload) -> Option<Finding> {
        let server = self.known.get(&upload.server)?;
        let (acknowledged, since) = upload.mark.acknowledged?;
        if server.last_data >= since || (!upload.stayed && server.silent.is_none()) {
            return None;
        }
        let ended = upload.ended.filter(|_| upload.stayed);
        let mut packets = vec![upload.mark.frame, acknowledged];
        packets.extend(server.silent);
        packets.extend(ended.map(|(frame, _)| frame));
        packets.sort_unstable();
        packets.dedup();
        let whom = match (server.silent, ended) {
            (Some(waits), _) if upload.stayed => format!(
                "nothing on any connection for {}, although a client waits on the one that begins with frame {waits}",
                seconds(upload.silence)
            ),
            (Some(waits), _) => format!(
                "nothing on any connection, although a client waits on the one that begins with frame {waits}"
            ),
            (None, Some((frame, UploadEnd::Client))) => format!(
                "nothing for {}, until the client closed (frame {frame}). If the client waited for an answer, it waited in vain",
                seconds(upload.silence)
            ),
            (None, Some((frame, UploadEnd::Server))) => format!(
                "nothing for {}, while the client waited, until it closed itself (frame {frame})",
                seconds(upload.silence)
            ),
            (None, None) => format!(
                "nothing for {}, while the client waits, as long as the capture went on",
                seconds(upload.silence)
            ),
        };
        // Who closed by itself, unanswered, may have been merely slow to close: that it waited shows only where somebody else
        // ended the waiting, or nobody did.
        let slow = server.silent.is_none() && matches!(ended, Some((_, UploadEnd::Client)));
        Some(Finding {
            severity: if slow {
                Severity::Warning
            } else {
                Severity::Error
            },
            certainty: Certainty::Likely,
            stream: Some(upload.stream),
            image: upload.picture,
            packets,
            ..finding(
                Name::MarkerUnanswered,
                format!(
                    "The server {} acknowledged a picture ({} bytes) and the end marker (frame {acknowledged}), and then sent \
                     {whom}. {}",
                    upload.server,
                    count(upload.bytes),
                    marker::explanation(upload.bytes, upload.chunk, &upload.mark, None),
                ),
                marker::FIX,
            )
        })
    }
}

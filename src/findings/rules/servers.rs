//! What shows only over all connections of a server: an upload whose marker it never saw.
//!
//! After an upload the server goes on with others: on the upload's own connection it says nothing, hang or not. But a
//! server that sent nothing on any connection afterwards, although somebody waits on another one, hangs.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{finding, marker, seconds};
use crate::findings::facts::{ServerFacts, SilentUpload, StreamFacts};
use crate::findings::{Certainty, Finding, Name};
use crate::ledger::{Image, Stream, TransportKind};
use crate::units::{FrameNumber, Timestamp, count};

/// Most servers and uploads that are remembered.
const REMEMBERED: usize = 256;

/// What is remembered of listening addresses.
#[derive(Debug, Default)]
pub struct Servers {
    known: BTreeMap<SocketAddr, ServerFacts>,
    uploads: Vec<SilentUpload>,
}

/// What a connection that is over leaves for the judgement of its server.
#[derive(Debug)]
pub struct Ended {
    server: SocketAddr,
    /// When the server last sent data on it.
    last_data: Option<Timestamp>,
    /// Its first frame, if neither side sent a byte.
    silent: Option<FrameNumber>,
    /// The upload on it that ended in silence.
    pub upload: Option<Box<SilentUpload>>,
}

impl Ended {
    /// Of a connection of which the capture shows who connected; absent of all others.
    pub fn of(stream: &Stream, facts: &StreamFacts, images: &[Image]) -> Option<Self> {
        let [client, server] = facts.directions.as_slice() else {
            return None;
        };
        // The initiator's direction comes first where it is known.
        let listens = stream.directions.get(1).map(|direction| direction.from)?;
        if (stream.transport, stream.initiator) != (TransportKind::Tcp, Some(0)) {
            return None;
        }
        Some(Self {
            server: listens,
            last_data: server.last_data.and_then(|(_, time)| time),
            silent: (client.span == 0 && server.span == 0).then_some(stream.first_packet),
            upload: upload(stream, facts, images, listens).map(Box::new),
        })
    }
}

/// The upload that ended in silence; absent where there is none.
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
    let (_, since) = mark.acknowledged?;
    // It lasts until either side closes, or the capture ends.
    let until = [client.closing, listens.closing]
        .into_iter()
        .flatten()
        .min();
    let silence = until
        .or(facts.capture_end)
        .zip(since)
        .map(|(until, since)| until.since(since))?;
    let idle = u128::from(silence.max(0).unsigned_abs()) > facts.idle.as_nanos();
    let picture = images.iter().find(|image| Some(image.id) == mark.picture);
    (idle && mark.answered.is_none_or(|(_, time)| time >= until)).then(|| SilentUpload {
        server,
        stream: stream.id,
        picture: mark.picture,
        bytes: picture.map_or(0, |image| image.bytes),
        chunk: picture.and_then(|image| image.chunk_size),
        mark: mark.as_ref().clone(),
        silence,
        waits: match (client.closing, listens.closing) {
            (None, _) => true,
            (Some(own), theirs) => theirs.is_some_and(|theirs| theirs <= own),
        },
    })
}

impl Servers {
    /// A connection is over. They come in the order in which they ended.
    pub fn closed(&mut self, ended: Ended) {
        if self.known.len() < REMEMBERED || self.known.contains_key(&ended.server) {
            let known = self.known.entry(ended.server).or_default();
            known.connections += 1;
            known.last_data = known.last_data.max(ended.last_data);
            known.silent = known.silent.or(ended.silent);
        }
        if let Some(upload) = ended.upload
            && self.uploads.len() < REMEMBERED
        {
            self.uploads.push(*upload);
        }
    }

    /// The findings, once all connections are over.
    pub fn findings(&self) -> Vec<Finding> {
        self.uploads
            .iter()
            .filter_map(|upload| self.hang(upload))
            .collect()
    }

    fn hang(&self, upload: &SilentUpload) -> Option<Finding> {
        let server = self.known.get(&upload.server)?;
        // Somebody waits on another connection; or there is none, and the uploader itself stays for an answer.
        let waits = server.silent;
        if waits.is_none() && !(server.connections == 1 && upload.waits) {
            return None;
        }
        let (acknowledged, since) = upload.mark.acknowledged?;
        if server.last_data >= since {
            return None;
        }
        let mut packets = vec![upload.mark.frame, acknowledged];
        packets.extend(waits);
        packets.sort_unstable();
        packets.dedup();
        Some(Finding {
            certainty: Certainty::Likely,
            stream: Some(upload.stream),
            image: upload.picture,
            packets,
            ..finding(
                Name::MarkerUnanswered,
                format!(
                    "The server {} acknowledged a picture ({} bytes) and the end marker (frame {acknowledged}), and then sent nothing \
                     on any connection for {}, although {}. {}",
                    upload.server,
                    count(upload.bytes),
                    seconds(upload.silence),
                    match waits {
                        Some(frame) => {
                            format!("a client waits on the one that begins with frame {frame}")
                        }
                        None => "the client did not close and waits for an answer".to_owned(),
                    },
                    marker::explanation(upload.bytes, upload.chunk, &upload.mark, None),
                ),
                marker::MEND,
            )
        })
    }
}

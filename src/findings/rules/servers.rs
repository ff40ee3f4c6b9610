//! What shows only over all connections of a server: an upload whose marker it never saw.
//!
//! After an upload the server goes on with others: on the upload's own connection it says nothing, hang or not. But a
//! server that sent nothing on any connection afterwards, although somebody waits on another one, hangs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{finding, marker, seconds};
use crate::findings::facts::{ServerFacts, SilentUpload, StreamFacts};
use crate::findings::{Certainty, Finding};
use crate::ledger::{Image, Stream, TransportKind};
use crate::units::count;

/// Most servers and uploads that are remembered.
const REMEMBERED: usize = 256;

/// What is remembered of listening addresses.
#[derive(Debug, Default)]
pub struct Servers {
    known: BTreeMap<SocketAddr, ServerFacts>,
    uploads: Vec<SilentUpload>,
}

impl Servers {
    /// A connection is over.
    pub fn closed(&mut self, stream: &Stream, facts: &StreamFacts, images: &[Image]) {
        let [client, server] = facts.directions.as_slice() else {
            return;
        };
        // The initiator's direction comes first where it is known.
        let listens = stream.directions.get(1).map(|direction| direction.from);
        let (TransportKind::Tcp, Some(0), Some(listens)) =
            (stream.transport, stream.initiator, listens)
        else {
            return;
        };
        if self.known.len() < REMEMBERED || self.known.contains_key(&listens) {
            let known = self.known.entry(listens).or_default();
            known.last_data = known
                .last_data
                .max(server.last_data.and_then(|(_, time)| time));
            if client.span == 0 && server.span == 0 && known.silent.is_none() {
                known.silent = Some(stream.first_packet);
            }
        }
        let Some(mark) = &client.last_marker else {
            return;
        };
        let Some((_, since)) = mark.acknowledged else {
            return;
        };
        // It lasts until either side closes, or the capture ends.
        let until = [client.closing, server.closing].into_iter().flatten().min();
        let Some(silence) = until
            .or(facts.capture_end)
            .zip(since)
            .map(|(until, since)| until.since(since))
        else {
            return;
        };
        let idle = u128::from(silence.max(0).unsigned_abs()) > facts.idle.as_nanos();
        let picture = images.iter().find(|image| Some(image.id) == mark.picture);
        if idle
            && mark.answered.is_none_or(|(_, time)| time >= until)
            && self.uploads.len() < REMEMBERED
        {
            self.uploads.push(SilentUpload {
                server: listens,
                stream: stream.id,
                picture: mark.picture,
                bytes: picture.map_or(0, |image| image.bytes),
                chunk: picture.and_then(|image| image.chunk_size),
                mark: mark.as_ref().clone(),
                silence,
            });
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
        let waits = server.silent?;
        let (acknowledged, since) = upload.mark.acknowledged?;
        if server.last_data >= since {
            return None;
        }
        let mut packets = vec![upload.mark.frame, acknowledged, waits];
        packets.sort_unstable();
        packets.dedup();
        Some(Finding {
            name: Cow::Borrowed("marker-unanswered"),
            certainty: Certainty::Likely,
            stream: Some(upload.stream),
            image: upload.picture,
            packets,
            ..finding(
                "marker-unanswered",
                format!(
                    "The server {} acknowledged a picture ({} bytes) and the end marker (frame {acknowledged}), and then sent nothing \
                     on any connection for {}, although a client waits on the one that begins with frame {waits}. {}",
                    upload.server,
                    count(upload.bytes),
                    seconds(upload.silence),
                    marker::explanation(upload.bytes, upload.chunk, &upload.mark, None),
                ),
                marker::MEND,
            )
        })
    }
}

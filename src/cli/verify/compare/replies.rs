//! What the other side said that tells what a picture is: the place from which on it wanted a file, or how FTP was to carry one.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::super::spool::Way;
use super::Verifier;
use crate::ledger::{Image, TransportKind};
use crate::report::model::Report;
use crate::units;
use crate::wire::ftp;

impl Verifier<'_> {
    /// Whether a picture is the rest of a file of so many bytes, and the other side named the place from which on it wanted that.
    pub(super) fn is_resumed(
        &mut self,
        report: &Report,
        image: &Image,
        file: Option<u64>,
    ) -> anyhow::Result<bool> {
        /// So much of what the other side sent is read.
        const READ: u64 = 4 << 10;
        /// A smaller number stands anywhere by chance.
        const LEAST: u64 = 64;
        let Some(from) = file.and_then(|file| file.checked_sub(image.bytes)) else {
            return Ok(false);
        };
        let alone = report
            .stream(image.stream)
            .is_some_and(|stream| stream.transport == TransportKind::Tcp && !stream.is_confirmed());
        if from < LEAST || image.bytes < LEAST || !alone {
            return Ok(false);
        }
        let way = Way {
            stream: image.stream,
            from: image.to,
        };
        let asked = self.spool.way(way, 0..READ)?;
        Ok(asked.iter().any(|run| names(&run.bytes, from)))
    }

    /// Where data connections of FTP are listened for that carry files in TYPE A.
    pub(super) fn type_a(&mut self, report: &Report) -> anyhow::Result<BTreeSet<SocketAddr>> {
        /// So much of a control connection is read.
        const READ: u64 = 256 << 10;
        let mut found = BTreeSet::new();
        for stream in &report.streams {
            if stream.transport != TransportKind::Tcp {
                continue;
            }
            for server in &stream.directions {
                let mut read = |from: SocketAddr, end: u64| {
                    let way = Way {
                        stream: stream.id,
                        from,
                    };
                    let mut runs = self.spool.way(way, 0..end)?;
                    anyhow::Ok(match runs.as_mut_slice() {
                        [first, ..] if first.offset == 0 => std::mem::take(&mut first.bytes),
                        _ => Vec::new(),
                    })
                };
                if !ftp::greets(&read(server.from, 4)?) {
                    continue;
                }
                let (client, server_said) = (read(server.to, READ)?, read(server.from, READ)?);
                for transfer in ftp::transfers(&client, &server_said) {
                    if transfer.ascii {
                        for host in [server.from, server.to] {
                            found.insert(SocketAddr::new(host.ip(), transfer.port));
                        }
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Whether bytes have this number in them: in digits, or in four or eight bytes.
fn names(bytes: &[u8], number: u64) -> bool {
    let digits = bytes
        .split(|byte| !byte.is_ascii_digit())
        .any(|run| run == number.to_string().as_bytes());
    let binary = [4_usize, 8].into_iter().any(|width| {
        let mut fields = bytes.windows(width);
        fields.any(|field| units::numbers(field).contains(&number))
    });
    digits || binary
}

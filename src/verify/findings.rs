//! The findings that need a file: what only the receiver's or the sender's copy can show.

use std::net::SocketAddr;

use super::bytes::Kind;
use super::mistakes::Mistake;
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::Image;
use crate::ledger::comparison::{Mismatch, Pixels, SideOfMismatch};
use crate::units::{count, counted};

/// The finding that a difference proves, if it has a name.
pub(super) fn of_mismatch(
    image: &Image,
    mismatch: &Mismatch,
    kind: &Kind,
    pixels: Option<&Pixels>,
    alike: bool,
    certainty: Certainty,
) -> Option<Finding> {
    let finding = |name: Name, severity, certainty, message: String, fix: &str| Finding {
        name,
        severity,
        certainty,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: mismatch.packets.clone(),
        message,
        fix: fix.to_owned(),
    };
    let at = mismatch.first_difference.unwrap_or_default();
    match (kind, mismatch.side) {
        (Kind::Marker(marker), SideOfMismatch::WireToReceiver) => Some(finding(
            Name::MarkerInFile,
            Severity::Error,
            Certainty::Proven,
            format!(
                "The received file is the whole picture ({}) and then the end marker {marker}: {} too many.",
                counted(at, "byte", "bytes"),
                counted(
                    mismatch
                        .actual_bytes
                        .saturating_sub(mismatch.expected_bytes),
                    "byte",
                    "bytes"
                )
            ),
            "In the receiver: gather what recv returns in a buffer, look for the marker in the buffer's end, and save what \
             precedes it; one recv may return the last piece of the picture together with the marker.",
        )),
        (Kind::Datagrams { missing, of }, SideOfMismatch::WireToReceiver) => Some(finding(
            Name::ReceiverOverflow,
            Severity::Error,
            certainty,
            format!(
                "All {} datagrams are on the wire, and {} of them {} not in the received file{}.",
                count(*of),
                count(*missing),
                if *missing == 1 { "is" } else { "are" },
                if certainty == Certainty::Proven {
                    ": they were dropped in the receiver's socket buffer"
                } else {
                    ": dropped in the receiver's socket buffer, unless the network behind the place of capture lost them"
                }
            ),
            "Pace the sender, enlarge the receiver's buffer (SO_RCVBUF) and read it in a loop that does nothing else; to be \
             sure of every byte, number the datagrams and ask again for those missing, or use TCP.",
        )),
        (Kind::TextMode, side) => Some(finding(
            Name::TextMode,
            Severity::Error,
            Certainty::Proven,
            format!(
                "Line ends were translated between the {} ({}).",
                ends(side),
                mismatch.damage
            ),
            "Open picture files in binary mode: \"rb\" and \"wb\" in Python.",
        )),
        (Kind::Mistake(mistake), side) => of_mistake(*mistake, side, mismatch, &finding),
        (Kind::Rewritten | Kind::Other, side) if alike => {
            let how = match pixels {
                Some(Pixels { equal: true, .. }) => "every pixel is equal".to_owned(),
                Some(Pixels {
                    psnr: Some(psnr),
                    ssim: Some(ssim),
                    ..
                }) => format!("the pixels are alike (PSNR {psnr:.1} dB, SSIM {ssim:.3})"),
                _ => return None,
            };
            Some(finding(
                Name::ReEncoded,
                Severity::Warning,
                Certainty::Likely,
                format!(
                    "The bytes of the {} differ from byte {at} on, but {how}: the picture was decoded and encoded again.",
                    ends(side)
                ),
                "Send the file's bytes as they are; where encoding afresh is meant, compare with --level pixels or --level \
                 similar.",
            ))
        }
        _ => None,
    }
}

/// The finding of a mistake that explains every byte.
fn of_mistake(
    mistake: Mistake,
    side: SideOfMismatch,
    mismatch: &Mismatch,
    finding: &dyn Fn(Name, Severity, Certainty, String, &str) -> Finding,
) -> Option<Finding> {
    let receiver = side != SideOfMismatch::SenderToWire;
    let (found, expected) = (mismatch.actual_bytes, mismatch.expected_bytes);
    let what = if receiver {
        "received file"
    } else {
        "picture on the wire"
    };
    let damage = &mismatch.damage;
    let error = |name, message: String, fix: &str| {
        Some(finding(
            name,
            Severity::Error,
            Certainty::Proven,
            message,
            fix,
        ))
    };
    match mistake {
        Mistake::Text(view) => error(
            Name::TextMode,
            format!(
                "The {what} ({found} bytes) is exactly what a text function makes of the {expected} bytes of the \
                 {}: {}.",
                if receiver { "wire" } else { "file sent" },
                view.words()
            ),
            "Open picture files in binary mode (\"rb\" and \"wb\" in Python), send and keep bytes (a Buffer in Node, no \
             string), and let no text function touch them; with FTP: TYPE I (binary), not TYPE A.",
        ),
        Mistake::CutAtNul { .. } => error(
            Name::CutAtNul,
            format!(
                "The {what} has {found} of {expected} bytes. {damage}: a text length (strlen) of binary data."
            ),
            "Send as many bytes as fread or read returned; strlen counts only to the first zero byte, and pictures are full of \
             them.",
        ),
        Mistake::Stale { buffer, bytes } => error(
            Name::StaleBuffer,
            format!(
                "Behind the picture ({expected} bytes) stand {bytes} bytes that its block of {buffer} bytes still held from the \
                 round before: the sender handed over the whole block."
            ),
            "In the sender: send only what read or fread returned, not the size of the buffer.",
        ),
        Mistake::Header { bytes } => error(
            Name::HeaderInFile,
            format!(
                "The {what} begins with {bytes} bytes that are not the picture's; the whole picture follows them."
            ),
            "In the receiver: take the header off first (its lines end with an empty one, or its length is fixed), and save what \
             follows it.",
        ),
        Mistake::Stopped { at, .. } => error(
            Name::ReceiverStopped,
            format!(
                "The wire has the whole picture ({expected} bytes); the received file has its first {at}. The receiver \
                 stopped before it had all."
            ),
            "In the receiver: one recv returns what is there, not all that was sent. Call it in a loop until the announced length \
             has come, or, where nothing announces it, until the sender closes.",
        ),
        Mistake::HeadMissing { .. } => error(
            Name::ReceiverStopped,
            format!("{damage}; the rest of the picture is in the file."),
            "In the receiver: take exactly the header's bytes first; what a recv returned beyond them is the picture's \
             beginning.",
        ),
        Mistake::NotFlushed { buffer } => Some(finding(
            Name::NotFlushed,
            Severity::Error,
            Certainty::Likely,
            format!(
                "{} of {expected} bytes went out: the last {} are missing, a buffer of {buffer} bytes that was not full and \
                 never written.",
                found,
                expected.saturating_sub(found)
            ),
            "In the sender: flush or close the buffered writer before the socket is closed.",
        )),
        Mistake::FirstEnd => error(
            Name::ThumbnailSent,
            format!(
                "{found} of {expected} bytes went out. {damage}: the sender looked for the end of the picture and found the \
                 thumbnail's."
            ),
            "Send the file by its length; FF D9 may stand in the middle of a JPEG file.",
        ),
        Mistake::Thumbnail => error(
            Name::ThumbnailSent,
            format!(
                "The {what} ({found} bytes) is the thumbnail that lies in the picture's header ({expected} bytes)."
            ),
            "Send the picture's own file.",
        ),
        // Told by its words, and by the findings of the framing.
        Mistake::HeaderNotCounted { .. } | Mistake::ReadOn { .. } => None,
    }
}

fn ends(side: SideOfMismatch) -> &'static str {
    match side {
        SideOfMismatch::SenderToWire => "file sent and the wire",
        SideOfMismatch::WireToReceiver => "wire and the file received",
        SideOfMismatch::SenderToReceiver => "file sent and the file received",
    }
}

/// Whether a datagram captured between these two has certainly reached the receiver's machine.
pub(super) fn one_machine(from: SocketAddr, to: SocketAddr) -> bool {
    from.ip().to_canonical().is_loopback() || from.ip() == to.ip()
}

/// Another file went out than the one that was to be sent.
pub fn other_file(image: &Image, names: &str) -> Finding {
    Finding {
        name: Name::OtherFileSent,
        severity: Severity::Error,
        certainty: Certainty::Likely,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: image.first_packet.into_iter().collect(),
        message: format!(
            "{names} was never on the wire, and nothing is missing from the capture. Picture {} ({} bytes) went out, which is \
             another file.",
            image.id.0, image.bytes
        ),
        fix: "In the sender: see which file it opens (its working folder, a name that stayed from an earlier run).".to_owned(),
    }
}

/// Nothing of a file went out but a few bytes around it.
pub fn nothing_sent(stream: &crate::ledger::Stream, bytes: u64, names: &str) -> Finding {
    Finding {
        name: Name::NothingSent,
        severity: Severity::Error,
        certainty: Certainty::Likely,
        stream: Some(stream.id),
        image: None,
        packets: vec![stream.first_packet, stream.last_packet],
        message: format!(
            "Nothing of {names} was sent: the connection carried {bytes} bytes and no picture, a length of 0 perhaps."
        ),
        fix: "In the sender: read the file before its length is taken, and do not read it to its end twice without seek(0)."
            .to_owned(),
    }
}

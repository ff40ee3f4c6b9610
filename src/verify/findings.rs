//! The findings that need a file: what only the receiver's or the sender's copy can show.

use std::net::SocketAddr;

use super::bytes::Kind;
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
        (Kind::Rewritten, side) if alike => {
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

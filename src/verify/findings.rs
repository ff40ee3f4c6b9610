//! The findings that need a file: what only the receiver's or the sender's copy can show.

use std::net::SocketAddr;

use super::bytes::Kind;
use super::mistakes::{self, Mistake};
use super::strays::Declared;
use crate::align::View;
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::Image;
use crate::ledger::comparison::{Mismatch, Pixels, SideOfMismatch};
use crate::units::{FrameNumber, count, counted};

/// The finding that a difference proves, if it has a name.
#[expect(clippy::too_many_lines, reason = "one arm for each kind of difference")]
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
        more_packets: mismatch
            .packet_count
            .saturating_sub(mismatch.packets.len() as u64),
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
                "All {} datagrams are on the wire, and {} of them {} not in the received file: {}.",
                count(*of),
                count(*missing),
                if *missing == 1 { "is" } else { "are" },
                if certainty == Certainty::Proven {
                    "lost in the receiver, whose socket buffer was full or whose program passed over it"
                } else {
                    "lost in the receiver, unless the network behind the place of capture lost them"
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
            BINARY,
        )),
        (Kind::Misread, _) => Some(finding(
            Name::PixelsMisread,
            Severity::Error,
            Certainty::Proven,
            format!("{}.", mismatch.damage),
            "In the receiver: an array's shape is (height, width, channels), and OpenCV's pixels are blue, green, red; read width, \
             height and the order of the channels as the sender writes them.",
        )),
        (Kind::Skipped { at, bytes }, SideOfMismatch::SenderToWire) => Some(finding(
            Name::MissingInside,
            Severity::Error,
            certainty,
            format!(
                "{} of the file, from byte {} on, were never sent; what follows them was, and no sequence number is missing.",
                counted(*bytes, "byte", "bytes"),
                count(*at)
            ),
            "In the sender: check what send or write returns, and hand over the rest (sendall in Python); read each block of the \
             file exactly once.",
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

/// What follows a picture on the wire is what a buffer of this size held from the round before.
pub(super) fn stale_behind(image: &Image, buffer: usize, bytes: usize) -> Finding {
    Finding {
        name: Name::StaleBuffer,
        severity: Severity::Error,
        certainty: Certainty::Likely,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: image.last_packet.into_iter().collect(),
        more_packets: 0,
        message: format!(
            "Behind the picture ({}) {} that its block of {} still held from the round before: the sender handed over the whole \
             block.",
            counted(image.bytes, "byte", "bytes"),
            counted(bytes as u64, "byte stands", "bytes stand"),
            counted(buffer as u64, "byte", "bytes")
        ),
        fix: "In the sender: send only what read or fread returned, not the size of the buffer."
            .to_owned(),
    }
}

/// A header names a digest that is not the picture's, and another header names its own.
pub(crate) fn wrong_digest(image: &Image) -> Finding {
    Finding {
        name: Name::WrongDigest,
        severity: Severity::Error,
        certainty: Certainty::Likely,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: image.first_packet.into_iter().collect(),
        more_packets: 0,
        message: format!(
            "The header before the picture names a digest that its {} do not have; the header of another picture of the same \
             direction names its own.",
            counted(image.bytes, "byte", "bytes")
        ),
        fix: "In the sender: take the digest of exactly the bytes that are sent, anew for each picture.".to_owned(),
    }
}

/// A header says nearly the picture's length.
pub(crate) fn wrong_size(image: &Image, declared: Declared) -> Finding {
    let Declared {
        bytes: declared,
        text,
    } = declared;
    if text.is_some() && declared == image.bytes {
        let letters = image.encoded_bytes.unwrap_or(declared);
        return size_given(
            image,
            format!(
                "The header before the picture says {}, as many as the picture has, and what follows is its Base64 text of {}: a receiver \
                 that reads so many stops within it.",
                counted(declared, "byte", "bytes"),
                counted(letters, "letter", "letters"),
            ),
            "In the sender: take the length of exactly what is sent: that of the text (len(text)), not that of the bytes before they were \
             encoded.",
        );
    }
    let off = declared.abs_diff(image.bytes);
    let parts = image.bytes.checked_div(declared).unwrap_or(0);
    let why = match (declared > image.bytes, off) {
        (false, _)
            if parts.saturating_mul(declared) == image.bytes && [2, 3, 4, 8].contains(&parts) =>
        {
            return size_given(
                image,
                format!(
                    "The header before the picture says {}, and it has {parts} times as many bytes ({}): an array counts its elements \
                     or pixels, and not their bytes.",
                    count(declared),
                    count(image.bytes)
                ),
                "In the sender: take the length of exactly those bytes that are sent (array.nbytes, len(array.tobytes())).",
            );
        }
        (true, 33 | 49) => ", as many as sys.getsizeof() adds to the bytes of a picture",
        (false, 54) => ", as many as the header of a BMP file has",
        _ => "",
    };
    let why = text.map_or_else(
        || why.to_owned(),
        |text| format!(", which is the length of {}", text.words()),
    );
    size_given(
        image,
        format!(
            "The header before the picture says {}, and the picture has {}: {} too {}{why}.",
            counted(declared, "byte", "bytes"),
            count(image.bytes),
            count(off),
            if declared > image.bytes {
                "many"
            } else {
                "few"
            },
        ),
        "In the sender: take the length of exactly those bytes that are sent (len(data)).",
    )
}

/// The length before the picture counts its bytes alone, and so many that belong to it stand between.
pub(crate) fn header_left_out(image: &Image, bytes: usize) -> Finding {
    let between = counted(bytes as u64, "byte that stands", "bytes that stand");
    size_given(
        image,
        format!(
            "The length before the picture is that of the picture alone, and does not count the {between} between the two: a receiver \
             that reads so many bytes has those, and not the picture's last {}, which follow as if they were the next message.",
            count(bytes as u64)
        ),
        "In the sender: make the whole message first (data = pickle.dumps(image)), and send the length of exactly that \
         (len(data)).",
    )
}

fn size_given(image: &Image, message: String, fix: &str) -> Finding {
    Finding {
        name: Name::WrongSizeGiven,
        severity: Severity::Error,
        certainty: Certainty::Likely,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: image.first_packet.into_iter().collect(),
        more_packets: 0,
        message,
        fix: fix.to_owned(),
    }
}

/// Its first and its last frame.
fn ends_of(image: &Image) -> Vec<FrameNumber> {
    let mut frames: Vec<FrameNumber> = image.first_packet.into_iter().collect();
    frames.extend(
        image
            .last_packet
            .filter(|last| Some(*last) != image.first_packet),
    );
    frames
}

/// The Base64 text stands in the quotes of a Python bytes object. `known`: no received file is the picture.
pub(super) fn printed(image: &Image, known: bool) -> Finding {
    Finding {
        name: Name::BadEncoding,
        severity: if known { Severity::Error } else { Severity::Note },
        certainty: Certainty::Likely,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: ends_of(image),
        more_packets: 0,
        message: "The Base64 text of the picture stands in b'…', as str() prints a bytes object of Python: the b and the quotes went \
                  out with it, and a decoder takes the b for the first letter of the text."
            .to_owned(),
        fix: "In the sender: make text of it with base64.b64encode(data).decode(), not with str()."
            .to_owned(),
    }
}

/// Blocks of a picture were encoded as Base64 each by itself.
pub(super) fn in_blocks(image: &Image, block: usize) -> Finding {
    let bytes = counted(block as u64, "byte", "bytes");
    Finding {
        name: Name::BadEncoding,
        severity: Severity::Error,
        certainty: Certainty::Proven,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: ends_of(image),
        more_packets: 0,
        message: format!(
            "Each block of {bytes} was encoded as Base64 by itself, and nothing stands between the texts: a decoder stops at the \
             padding (=) of the first, after {bytes} of the picture."
        ),
        fix: "In the sender: encode the whole picture at once, or blocks of a multiple of three bytes, or put a line end behind each \
              block, which the receiver decodes line by line."
            .to_owned(),
    }
}

/// Pieces of other pictures stand between its own, and nothing tells them apart.
pub(super) fn mixed(image: &Image) -> Finding {
    Finding {
        name: Name::PiecesMisplaced,
        severity: Severity::Error,
        certainty: Certainty::Likely,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: ends_of(image),
        more_packets: 0,
        message: "Other bytes stand between the pieces of the picture in the stream, and nothing there tells them apart: the received \
                  file is the stream as it came."
            .to_owned(),
        fix: "In the sender: let one thread write a whole picture to the socket before another begins the next (a lock around sendall), \
              or put a header with number and length before each piece."
            .to_owned(),
    }
}

/// Bytes beside a picture that nothing explains.
pub(crate) fn stray_bytes(
    image: &Image,
    stray: &super::Stray,
    packets: Vec<FrameNumber>,
) -> Finding {
    let place = if stray.offset < image.offset {
        "before the picture"
    } else {
        "behind the picture"
    };
    Finding {
        name: Name::StrayBytes,
        severity: if stray.trailer {
            Severity::Note
        } else {
            Severity::Error
        },
        certainty: Certainty::Likely,
        stream: Some(image.stream),
        image: Some(image.id),
        packets,
        more_packets: 0,
        message: format!(
            "{} of the stream {} no picture's and {} nothing of one, from stream byte {} on, {place}.",
            counted(stray.bytes, "byte", "bytes"),
            if stray.bytes == 1 { "is" } else { "are" },
            if stray.bytes == 1 { "tells" } else { "tell" },
            count(stray.offset),
        ),
        fix: "In the sender: send exactly the bytes of the picture and what belongs to the format. Where they do belong to it, \
              name it with --protocol or --layout.".to_owned(),
    }
}

/// Bytes beside a picture that may be framing as well as too many.
pub(crate) fn unsure_bytes(
    image: &Image,
    unsure: &super::Stray,
    packets: Vec<FrameNumber>,
) -> Finding {
    let place = if unsure.offset < image.offset {
        "before the picture"
    } else {
        "behind the picture"
    };
    Finding {
        name: Name::StrayBytes,
        severity: Severity::Note,
        certainty: Certainty::Risk,
        stream: Some(image.stream),
        image: Some(image.id),
        packets,
        more_packets: 0,
        message: format!(
            "The picture is in the stream as it was sent. {} {place} {} nothing of it: this is framing that imgnet does not know, \
             or too many. Nothing in the stream shows which.",
            counted(unsure.bytes, "byte", "bytes"),
            if unsure.bytes == 1 { "tells" } else { "tell" },
        ),
        fix: "Give the received file too (--received), or the framing (--protocol PORT='layout …'; imgnet layout prints what it \
              found).".to_owned(),
    }
}

/// The finding of a mistake that explains every byte.
#[expect(clippy::too_many_lines, reason = "one arm for each mistake")]
fn of_mistake(
    mistake: Mistake,
    side: SideOfMismatch,
    mismatch: &Mismatch,
    finding: &dyn Fn(Name, Severity, Certainty, String, &str) -> Finding,
) -> Option<Finding> {
    let receiver = side != SideOfMismatch::SenderToWire;
    let (found, expected) = (count(mismatch.actual_bytes), count(mismatch.expected_bytes));
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
    let bytes_of = |bytes: usize| counted(bytes as u64, "byte", "bytes");
    let whole = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    match mistake {
        Mistake::Text(view) => error(
            Name::TextMode,
            format!(
                "The {what} ({found} bytes) is exactly what a text function makes of the {expected} bytes of the \
                 {}{}: {}.",
                if receiver { "wire" } else { "file sent" },
                if mismatch.actual_bytes == mismatch.expected_bytes && view.is_longer() {
                    ", cut at their length"
                } else {
                    ""
                },
                view.words()
            ),
            BINARY,
        ),
        Mistake::CtrlZ => error(
            Name::TextMode,
            format!("The {what} has {found} of {expected} bytes. {damage}."),
            BINARY,
        ),
        Mistake::LeftEncoded(view @ (View::Mask | View::Xor)) => error(
            Name::LeftEncoded,
            format!(
                "The received file ({found} bytes) is what went over the wire, the picture {}.",
                view.words()
            ),
            "In the receiver: take the mask off each frame before its bytes are saved (RFC 6455, section 5.3), or use a library of \
             WebSocket.",
        ),
        Mistake::TextMark => error(
            Name::TextMode,
            format!("The {what} has {found} bytes instead of {expected}. {damage}."),
            BINARY,
        ),
        Mistake::LeftEncoded(view @ (View::Gzip | View::Zlib | View::Deflate)) => error(
            Name::LeftEncoded,
            format!(
                "The received file ({found} bytes) is what went over the wire, the picture ({expected} bytes) {}.",
                view.words()
            ),
            "In the receiver: decompress what came (gzip.decompress, zlib.decompress in Python) before it is saved.",
        ),
        Mistake::LeftEncoded(view @ (View::Stuffed | View::Escaped)) => error(
            Name::LeftEncoded,
            format!(
                "The received file ({found} bytes) is what went over the wire, the picture ({expected} bytes) {}.",
                view.words()
            ),
            "In the receiver: undo the escapes (the byte stuffing) of each frame, and leave out what sets frames apart, before its bytes \
             are saved.",
        ),
        Mistake::LeftEncoded(view) => error(
            Name::LeftEncoded,
            format!(
                "The received file ({found} bytes) is the text that went over the wire, the picture ({expected} bytes) {}.",
                view.words()
            ),
            "In the receiver: decode the text before it is saved (base64.b64decode, bytes.fromhex in Python).",
        ),
        Mistake::CutAtNul { .. } => error(
            Name::CutAtNul,
            format!(
                "The {what} has {found} of {expected} bytes. {damage}: a text length (strlen) of binary data."
            ),
            "Use the count that fread, read or recv returned; strlen counts only to the first zero byte, and pictures are full \
             of them.",
        ),
        Mistake::Stale { buffer, bytes } => error(
            Name::StaleBuffer,
            format!(
                "Behind the picture ({expected} bytes) {} that its block of {} still held from the round before: the whole \
                 block was handed over.",
                counted(bytes as u64, "byte stands", "bytes stand"),
                bytes_of(buffer)
            ),
            "Send and write only what read, fread or recv returned, not the size of the buffer.",
        ),
        Mistake::WholeBuffers { .. } | Mistake::ZerosBehind { .. } => error(
            Name::StaleBuffer,
            format!("The {what} has {found} bytes instead of {expected}. {damage}."),
            "Write only as many bytes as recv or read returned, not the size of the buffer.",
        ),
        Mistake::FramingKept => error(
            Name::HeaderInFile,
            format!("The {what} has {found} bytes instead of {expected}. {damage}."),
            "In the receiver: take the framing off each piece (read its header, then exactly the bytes that it announces), and save \
             what is left.",
        ),
        Mistake::Appended { bytes } => error(
            Name::HeaderInFile,
            format!(
                "The {what} begins with another picture of {} that this connection did not carry; the whole picture follows it. The \
                 file held that one already, and was opened to append.",
                bytes_of(bytes)
            ),
            "In the receiver: open the file with \"wb\", which empties it, and not with \"ab\"; give each picture a name of its own.",
        ),
        Mistake::Misplaced { .. } | Mistake::Doubled { .. } => error(
            Name::PiecesMisplaced,
            format!("The {what} has {found} bytes, and the picture {expected}. {damage}."),
            "Put each piece where its number says, and ignore one that is there already; sort by the number, not by its text, in which \
             10 comes before 2 (key=int in Python).",
        ),
        Mistake::Header { bytes } if bytes > 1024 => error(
            Name::HeaderInFile,
            format!(
                "The {what} begins with {} that are not the picture's; the whole picture follows them. That is more than a \
                 header: more than one message was taken for one picture.",
                bytes_of(bytes)
            ),
            "In the receiver: one recv may return the end of one message and the next one with it. Take exactly the header, then \
             exactly as many bytes as it announces, and keep the rest for the next picture.",
        ),
        Mistake::Header { bytes } => error(
            Name::HeaderInFile,
            format!(
                "The {what} begins with {} that are not the picture's; the whole picture follows.",
                bytes_of(bytes)
            ),
            "In the receiver: take the header off first (its lines end with an empty one, or its length is fixed), and save what \
             follows it.",
        ),
        Mistake::Shifted { early: true, .. } => error(
            Name::HeaderInFile,
            format!(
                "{damage}: the received file begins with the header's last bytes, and lacks the picture's."
            ),
            "Write and read the header alike on both sides: \"!I\" or \"<I\" in Python's struct, never native sizes (\"L\", \
             \"Q\" without a sign before them, a C struct as it lies in memory).",
        ),
        Mistake::Shifted { early: false, .. } => error(
            Name::ReadPastEnd,
            format!(
                "{damage}: the picture's first bytes are missing, and the received file ends with what follows it."
            ),
            "Write and read the header alike on both sides: a fixed width and byte order, \"!I\" or \"<I\" in Python's struct.",
        ),
        Mistake::Slice { .. } => error(
            Name::HeaderInFile,
            format!(
                "The received file ({found} bytes) is the whole picture ({expected} bytes) and more. {damage}."
            ),
            "In the receiver: take the message apart first (its header's fields, pickle.loads, a parser of its format), and save \
             exactly the bytes of the picture.",
        ),
        Mistake::ReadOn { .. } => error(
            Name::ReadPastEnd,
            format!(
                "The received file ({found} bytes) is the whole picture ({expected} bytes) and more. {damage}."
            ),
            "In the receiver: take exactly as many bytes as the length says, recv(min(left, 4096)); what a recv returns beyond them \
             is the terminator of this message or the header of the next one.",
        ),
        Mistake::Stopped { at, .. } => error(
            Name::ReceiverStopped,
            format!(
                "The wire has {expected} bytes of the picture; the received file has {}. The receiver stopped before it had \
                 all{}.",
                if at == 0 {
                    "none of them".to_owned()
                } else {
                    format!("the first {}", count(at as u64))
                },
                match mistakes::unflushed(at, whole(mismatch.expected_bytes), 0) {
                    Some(buffer) if buffer >= mistakes::LIBRARY => format!(
                        ", or never flushed or closed its writer: the file is a whole number of buffers of {}, and the last \
                             one is missing",
                        bytes_of(buffer)
                    ),
                    _ => String::new(),
                }
            ),
            "In the receiver: one recv returns what is there, not all that was sent. Call it in a loop until the announced length \
             has come, or, where nothing announces it, until the sender closes.",
        ),
        Mistake::AtMarker { at } => error(
            Name::MarkerInsideImage,
            format!(
                "The {what} has the first {} of {expected} bytes of the picture. There the bytes of the end marker stand in the \
                 picture itself, and were taken for its end.",
                count(at as u64)
            ),
            "Send the picture's length before it and count: every text may stand within a picture.",
        ),
        // Of the sender its own words tell, and how the connection ended.
        Mistake::EndMark if !receiver => None,
        Mistake::EndMark => error(
            Name::ReceiverStopped,
            format!("The {what} has {found} of {expected} bytes. {damage}."),
            "In the receiver: take the two bytes of the mark with it, data[:data.find(b\"\\xff\\xd9\") + 2] in Python; better, let \
             the length come before the picture, as FF D9 ends a thumbnail, too.",
        ),
        Mistake::Overwritten { .. } => error(
            Name::PiecesMisplaced,
            format!("The received file has {found} bytes, and the picture {expected}. {damage}."),
            "In the receiver: read each piece to where the one before ended: Read(buffer, done, length - done) in C#, \
             in.read(buffer, done, length - done) or readFully in Java, recv_into(view[done:]) in Python, recv(s, buffer + done, …) \
             in C.",
        ),
        Mistake::HeadMissing { bytes } if !receiver => error(
            Name::MissingInside,
            format!(
                "The first {} of the file were never sent; the rest was.",
                bytes_of(bytes)
            ),
            "In the sender: send the first block that was read, too: one that is read to look at it, or before the loop, is gone from \
             the next read; seek(0) goes back.",
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
                "{found} of {expected} bytes went out: the last {} are missing, a buffer of {} that was not full and never \
                 written.",
                count(
                    mismatch
                        .expected_bytes
                        .saturating_sub(mismatch.actual_bytes)
                ),
                bytes_of(buffer)
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
        Mistake::HeaderNotCounted { bytes } => Some(finding(
            Name::HeaderNotCounted,
            Severity::Error,
            Certainty::Likely,
            format!(
                "{found} of {expected} bytes went out: the last {} are missing, exactly as many as the header of the BMP file \
                 has. The length was computed from width and height, without the header.",
                count(bytes as u64)
            ),
            "In the sender: take the length of the file, not width × height × bytes a pixel.",
        )),
        Mistake::DatagramsCut { .. } => error(
            Name::ReceiverStopped,
            format!("{damage}."),
            "In the receiver: give recv a buffer as long as the longest datagram, recvfrom(65535) in Python.",
        ),
        Mistake::ObjectStream { .. } => error(
            Name::SecondStreamHeader,
            format!(
                "{damage}. A receiver with one ObjectInputStream fails there (StreamCorruptedException: invalid type code: AC)."
            ),
            "In the sender: open one ObjectOutputStream for the socket and write all pieces to it; or send plain bytes with a \
             DataOutputStream.",
        ),
        // Told by its words, and by how the connection ended.
        Mistake::FirstBlock { .. } => None,
    }
}

/// What to do about text functions.
const BINARY: &str = "Open picture files in binary mode (\"rb\" and \"wb\" in Python), send and keep bytes (a Buffer in Node, no \
                      string), and let no text function touch them; with FTP: TYPE I (binary), not TYPE A; with curl: --data-binary, not --data.";

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
pub(crate) fn other_file(image: &Image, names: &str) -> Finding {
    Finding {
        name: Name::OtherFileSent,
        severity: Severity::Error,
        certainty: Certainty::Likely,
        stream: Some(image.stream),
        image: Some(image.id),
        packets: image.first_packet.into_iter().collect(),
        more_packets: 0,
        message: format!(
            "{names} was never on the wire, and nothing is missing from the capture. Picture {} ({} bytes) went out, which is \
             another file.",
            image.id.0,
            count(image.bytes)
        ),
        fix: "In the sender: see which file it opens (its working folder, a name that stayed from an earlier run).".to_owned(),
    }
}

/// Nothing of a file went out but a few bytes around it; `announced` where they are a length.
pub(crate) fn nothing_sent(
    stream: &crate::ledger::Stream,
    bytes: u64,
    announced: Option<u64>,
    names: &str,
) -> Finding {
    Finding {
        name: Name::NothingSent,
        severity: Severity::Error,
        certainty: Certainty::Likely,
        stream: Some(stream.id),
        image: None,
        packets: vec![stream.first_packet, stream.last_packet],
        more_packets: 0,
        message: format!(
            "Nothing of {names} was sent: the connection carried {} and no picture{}.",
            counted(bytes, "byte", "bytes"),
            match announced {
                Some(0) => ": a length of 0".to_owned(),
                Some(length) => format!(": a length of {}, and nothing behind it", count(length)),
                None => String::new(),
            }
        ),
        fix: "In the sender: read the file before its length is taken, and do not read it to its end twice without seek(0)."
            .to_owned(),
    }
}

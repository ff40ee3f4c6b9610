//! Where the wire format and the picture's own structure do not agree.

use super::{View, capital, kind, length, seconds};
use crate::findings::facts::{PictureFacts, TextDamage};
use crate::findings::{Certainty, Finding, Name, Severity};
use crate::ledger::{Confidence, TransportKind};
use crate::picture::{self, Sniff, Spelling, Status};
use crate::units::{count, counted};
use crate::wire::{Encoding, Ending, Fault, Protocol, StreamEnd};

pub(super) fn rules(view: &View<'_>, findings: &mut Vec<Finding>) {
    let pictures = &view.facts.pictures;
    for (at, picture) in pictures.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| pictures.get(at));
        let next = pictures.get(at.saturating_add(1));
        match declared_into_next(view, picture, before, next) {
            Some(declared) => findings.push(declared),
            None => findings.extend(trailing(view, picture)),
        }
        findings.extend(length_mismatch(view, picture));
        findings.extend(missing_inside(view, picture));
        findings.extend(width_unknown(view, picture));
        findings.extend(text_broken(view, picture));
        if let Some(damage) = picture.text_damage {
            findings.push(Finding {
                image: Some(picture.id),
                ..text_mode(view, damage)
            });
        }
    }
    if let Some(damage) = TextDamage::of(&view.facts.stray_sample) {
        findings.push(text_mode(view, damage));
    }
    // A word for the end, read as a header.
    let goodbye = |offset: u64| {
        view.facts.first_stray.is_some_and(|first| first <= offset)
            && (super::stray::ends_all(view)
                || super::stray::trails_one(view)
                || super::stray::padded(view))
    };
    for (offset, fault) in &view.facts.faults {
        let of_header = matches!(
            fault,
            Fault::ImplausibleLength { .. } | Fault::NotTheLayout { .. } | Fault::BadField { .. }
        );
        let unended = matches!(fault, Fault::NoLastChunk) && !closed_after_the_picture(view);
        if !(unended || of_header && goodbye(*offset)) {
            findings.push(faulty(view, *offset, fault));
        }
    }
}

/// Whether the sender closed by itself, before the receiver, when its last picture was whole: of one that is cut that is said already.
fn closed_after_the_picture(view: &View<'_>) -> bool {
    let last = view.facts.pictures.last();
    let whole = last.is_some_and(|last| {
        last.gaps.is_empty() && !matches!(last.structure, None | Some((Status::Walking, _)))
    });
    let first = view.facts.fin.is_some_and(|fin| {
        let others = view.other.into_iter();
        others
            .flat_map(|other| [other.fin, other.reset])
            .flatten()
            .all(|other| fin < other)
    });
    whole && first
}

/// A byte that base64 does not have ends the text, and the picture is not over.
fn text_broken(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    let wrapped = matches!(picture.protocol, Protocol::Encoded(Encoding::Base64, _));
    let walking = matches!(picture.structure, Some((Status::Walking, _)));
    let told = view
        .facts
        .faults
        .iter()
        .any(|(_, fault)| matches!(fault, Fault::BadEncoding { .. }));
    if !wrapped || !walking || told || picture.ending != Ending::Structure {
        return None;
    }
    // The text of which it is a value ended, and another one begins: a piece, and more of them.
    let behind = view.facts.first_stray >= Some(picture.range.end);
    let quotes = view.facts.stray_sample.iter().filter(|byte| **byte == b'"');
    if behind && view.facts.stray_sample.first() == Some(&b'"') && quotes.count() > 2 {
        return None;
    }
    Some(view.of_picture(
        Name::BadEncoding,
        picture,
        view.ends(picture.id).skip(1),
        format!(
            "The base64 text of the {} stops after {} letters, at a byte that base64 does not have, before the picture's own end.",
            kind(picture),
            count(length(picture))
        ),
        "In the sender: encode the whole picture at once, or pieces of a multiple of three bytes; in the receiver: take the \
         whole text, and nothing else.",
    ))
}

/// Bytes between the picture's own end and the format's end of it.
fn trailing(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    let Some((Status::Whole { length: own }, _)) = picture.structure else {
        return None;
    };
    let total = length(picture);
    if total <= own || picture.trailing.is_empty() {
        return None;
    }
    Some(view.of_picture(
        Name::TrailingBytes,
        picture,
        view.ends(picture.id).skip(1),
        format!(
            "The {} ends after {} bytes, but {} before its end as the format \"{}\" has it: {}.",
            kind(picture),
            count(own),
            match total - own {
                1 => "1 byte follows".to_owned(),
                more => format!("{} bytes follow", count(more)),
            },
            picture.protocol,
            name_bytes(&picture.trailing)
        ),
        "Find out on which side they come from: a marker or line end that the sender adds is saved into the file by a receiver \
         that does not know it.",
    ))
}

/// The declared length goes on into the next message: its header stands right where this picture's structure ends.
fn declared_into_next(
    view: &View<'_>,
    picture: &PictureFacts,
    before: Option<&PictureFacts>,
    next: Option<&PictureFacts>,
) -> Option<Finding> {
    /// So many bytes show that a picture begins.
    const BEGINS: usize = 2;
    let (Some((Status::Whole { length: own }, _)), Some(declared), Ending::Length) =
        (&picture.structure, picture.declared, picture.ending)
    else {
        return None;
    };
    let bytes = length(picture);
    if bytes <= *own || declared != bytes || !picture.gaps.is_empty() {
        return None;
    }
    let ends = |picture: &PictureFacts| match picture.structure {
        Some((Status::Whole { length }, _)) => picture.range.start.saturating_add(length),
        _ => picture.range.end,
    };
    let header = picture.range.start.checked_sub(before.map_or(0, ends))?;
    let begins = ends(picture).saturating_add(header);
    let taken = picture.trailing.get(usize::try_from(header).ok()?..);
    let taken = taken.filter(|taken| taken.len() >= BEGINS);
    let follows = next.is_some_and(|next| next.range.start == begins)
        || taken.is_some_and(|taken| picture::sniff(taken) != Sniff::No);
    if header == 0 || !follows {
        return None;
    }
    let message = format!(
        "{} declared {}, but the {} is whole after {}, and the next message begins there.",
        capital(&view.sender()),
        counted(declared, "byte", "bytes"),
        kind(picture),
        count(*own)
    );
    Some(declared_wrongly(view, picture, declared, message))
}

/// What a few bytes are, for people.
fn name_bytes(bytes: &[u8]) -> String {
    const KNOWN: [&[u8]; 5] = [
        b"%IMAGE_COMPLETED%",
        b"<END OF FILE>",
        b"<END>",
        b"DONE",
        b"EOF",
    ];
    if let Some(marker) = KNOWN.iter().find(|marker| bytes.starts_with(marker)) {
        return format!("the end marker {}", marker.escape_ascii());
    }
    if let Sniff::Is(format) = picture::sniff(bytes) {
        return format!("another {format}, or the same one again");
    }
    match bytes {
        b"\r\n" | b"\n" => "a line end".to_owned(),
        _ if bytes.iter().all(|&byte| byte == 0) => "zero bytes".to_owned(),
        _ => {
            let few = bytes.get(..16).unwrap_or(bytes);
            format!(
                "\"{}\"{}",
                few.escape_ascii(),
                if bytes.len() > 16 { " …" } else { "" }
            )
        }
    }
}

/// The declared length is not the picture's.
fn length_mismatch(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    let declared = picture.declared?;
    let bytes = length(picture);
    let message = match (picture.ending, &picture.structure) {
        (Ending::Cut(StreamEnd::Fin), Some((Status::Whole { .. }, _))) => format!(
            "{} declared {}, but the {} is whole after {} and the connection was closed there.",
            capital(&view.sender()),
            counted(declared, "byte", "bytes"),
            kind(picture),
            count(bytes)
        ),
        (
            Ending::Cut(StreamEnd::Unfinished | StreamEnd::Idle),
            &Some((Status::Whole { length: own }, _)),
        ) if own == bytes => format!(
            "{} declared {}, but the {} is whole after {}, and nothing more came for {}: {} waits for {}.",
            capital(&view.sender()),
            counted(declared, "byte", "bytes"),
            kind(picture),
            count(bytes),
            seconds(silence(view)?),
            view.receiver(),
            counted(declared.saturating_sub(bytes), "byte more", "bytes more"),
        ),
        // Its pieces end it, or what follows them.
        (Ending::Broken, &Some((Status::Whole { length: own }, _))) if own < declared => format!(
            "{} declared {}, but the {} is whole after {}, and something else than a piece of it follows.",
            capital(&view.sender()),
            counted(declared, "byte", "bytes"),
            kind(picture),
            count(own)
        ),
        (Ending::Length, Some((Status::Walking, _))) => format!(
            "{} declared {}, but after so many the {} is not at its end.",
            capital(&view.sender()),
            counted(declared, "byte", "bytes"),
            kind(picture)
        ),
        _ => return None,
    };
    let waits = matches!(
        picture.ending,
        Ending::Cut(StreamEnd::Unfinished | StreamEnd::Idle)
    );
    picture.gaps.is_empty().then(|| {
        let found = declared_wrongly(view, picture, declared, message);
        Finding {
            // The rest may still be on its way.
            certainty: if waits {
                Certainty::Likely
            } else {
                found.certainty
            },
            ..found
        }
    })
}

/// A length that is not its picture's; where the difference says where it comes from, that is said.
fn declared_wrongly(
    view: &View<'_>,
    picture: &PictureFacts,
    declared: u64,
    message: String,
) -> Finding {
    if let Some(why) = known_difference(view, picture, declared) {
        return Finding {
            certainty: Certainty::Likely,
            ..view.of_picture(
                Name::WrongSizeGiven,
                picture,
                view.ends(picture.id),
                format!("{message} {why}"),
                "In the sender: take len() of exactly the bytes that are sent; let both sides agree whether the header counts.",
            )
        };
    }
    view.of_picture(
        Name::LengthMismatch,
        picture,
        view.ends(picture.id),
        message,
        "In the sender: take the length of exactly those bytes that are sent (len(data) of the encoded picture), not the \
         file's size on disk from another moment, nor the size of the decoded pixels.",
    )
}

/// How long nothing has come since the last byte, which was acknowledged and not answered; absent where that is no time at all.
fn silence(view: &View<'_>) -> Option<i64> {
    let (frame, time) = view.facts.last_data?;
    let theirs = view.other?;
    let acknowledged = view.facts.acknowledged? >= view.facts.span;
    let answered = theirs.last_data.is_some_and(|(answer, _)| answer > frame);
    let silence = view.since(time, view.facts.closing.or(theirs.closing))?;
    (acknowledged && !answered && view.is_idle(silence)).then_some(silence)
}

/// Where a declared length that is too large comes from, if the difference says it.
fn known_difference(view: &View<'_>, picture: &PictureFacts, declared: u64) -> Option<String> {
    let Some((Status::Whole { length: own }, _)) = picture.structure else {
        return None;
    };
    let more = declared.checked_sub(own).filter(|more| *more > 0)?;
    let header = picture.range.start.checked_sub(
        view.facts
            .pictures
            .iter()
            .map(|other| other.range.end)
            .filter(|end| *end <= picture.range.start)
            .max()
            .unwrap_or(0),
    );
    Some(match more {
        33 => "33 is what sys.getsizeof() adds to the bytes of a Python bytes object.".to_owned(),
        57 => "57 is what sys.getsizeof() adds to the bytes of a Python bytearray.".to_owned(),
        more if Some(more) == header => format!(
            "{more} is the size of what stands before the picture: the header is counted, and should not be."
        ),
        _ => {
            let text = Spelling::of_any(own, declared)?;
            format!("{} is the length of {}.", count(declared), text.words())
        }
    })
}

/// The structure breaks although nothing is missing from the stream.
fn missing_inside(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    let Some((Status::Broken { at, reason }, _)) = &picture.structure else {
        return None;
    };
    if !picture.gaps.is_empty() || picture.lost.is_some() {
        return None;
    }
    let by_udp = view.stream.transport == TransportKind::Udp;
    let why = if by_udp {
        "A datagram was lost before it was captured, or the sender skipped or changed bytes."
    } else {
        "Nothing is missing from the TCP stream, so the sender itself skipped, added or changed bytes: often a send() that took \
         less than it was given, and whose result was not looked at."
    };
    Some(Finding {
        severity: if picture.protocol == Protocol::Carve {
            // It was taken for a picture by its first bytes only.
            Severity::Note
        } else {
            Severity::Error
        },
        certainty: Certainty::Likely,
        ..view.of_picture(
            Name::MissingInside,
            picture,
            view.ends(picture.id),
            format!(
                "The {}'s structure breaks at its byte {}: {reason}. {why}{}",
                kind(picture),
                count(*at),
                match picture.declared {
                    Some(declared) if declared > *at =>
                        format!(" It had declared {}.", counted(declared, "byte", "bytes")),
                    _ => String::new(),
                }
            ),
            "In the sender: use sendall() (write_all in Rust), or go on from where send() stopped; and check that the file itself \
             is sound.",
        )
    })
}

/// Raw pixels whose width nothing says.
fn width_unknown(view: &View<'_>, picture: &PictureFacts) -> Option<Finding> {
    if picture.protocol != (Protocol::RawPixels { width: None }) {
        return None;
    }
    let bytes = length(picture);
    let row = view
        .image(picture.id)
        .and_then(|image| image.chunk_size)
        .filter(|&row| row >= 3 && row.is_multiple_of(3) && bytes.is_multiple_of(row));
    let listens = view
        .stream
        .initiator
        .map_or(view.index ^ 1, |initiator| 1 - initiator.min(1));
    let port = view
        .stream
        .directions
        .get(listens)
        .map_or(0, |direction| direction.from.port());
    let (message, fix) = match row {
        Some(row) => (
            format!(
                "Nothing on the wire says how wide the picture is; it was sent in pieces of {} bytes, which would be {} × {} \
                 pixels.",
                count(row),
                count(row / 3),
                count(bytes / row)
            ),
            format!(
                "If that is right, say so: --protocol {port}=raw-pixels={}.",
                row / 3
            ),
        ),
        None => (
            "Nothing on the wire says how wide the picture is, and its pieces have no common size."
                .to_owned(),
            format!("Give the width: --protocol {port}=raw-pixels=WIDTH."),
        ),
    };
    Some(Finding {
        certainty: Certainty::Likely,
        ..view.of_picture(
            Name::WidthUnknown,
            picture,
            view.ends(picture.id),
            message,
            &fix,
        )
    })
}

fn text_mode(view: &View<'_>, damage: TextDamage) -> Finding {
    view.finding(
        Name::TextMode,
        view.facts.last_data.map(|(frame, _)| frame),
        format!(
            "{} sent a picture whose first bytes were changed as text is: {damage}. So was the rest of the file.",
            capital(&view.sender())
        ),
        "In the sender: open the file as bytes (open(path, \"rb\") in Python, std::fs::read in Rust), and never decode or encode \
         a picture as text.",
    )
}

/// What the decoder said in so many words.
fn faulty(view: &View<'_>, offset: u64, fault: &Fault) -> Finding {
    let (name, mut fix) = name_fault(fault);
    // A request without a version (HTTP/0.9), or something else that only begins like one.
    let request = matches!(fault, Fault::BadField { expected, .. }
        if expected.contains("HTTP") && view.stream.confidence != Some(Confidence::Given));
    if request {
        fix = "Where it is a request, end its line with HTTP/1.1 and name the Host; servers answer others as they like.";
    }
    // Said of the message, whatever its pictures are taken for.
    let of_message = matches!(fault, Fault::ChunkSize { .. } | Fault::OpenForm);
    let image = view
        .image_at(offset)
        .or_else(|| view.only_picture())
        .filter(|_| !of_message);
    let frames = image.map_or_else(
        || {
            view.facts
                .last_data
                .map(|(frame, _)| frame)
                .into_iter()
                .collect()
        },
        |id| view.ends(id).collect::<Vec<_>>(),
    );
    let found = Finding {
        image,
        ..view.finding(
            name,
            frames,
            format!(
                "At stream byte {} from {}: {fault}.",
                count(offset),
                view.sender()
            ),
            fix,
        )
    };
    // Rows that were only worked out may be behind a header.
    let rows = matches!(fault, Fault::PartialRow { .. })
        && view.stream.confidence <= Some(Confidence::Likely);
    if matches!(fault, Fault::NoLastChunk) {
        // The picture is whole; whoever asks for all of the body has an error.
        return Finding {
            severity: Severity::Warning,
            ..found
        };
    }
    if request || rows {
        return Finding {
            severity: Severity::Note,
            certainty: Certainty::Likely,
            ..found
        };
    }
    found
}

fn name_fault(fault: &Fault) -> (Name, &'static str) {
    match fault {
        Fault::PartialRow { .. } => (
            Name::RowsNotSegments,
            "In the receiver: gather bytes until a whole row is there, whatever recv() returns; in the sender: send whole rows \
             and say width and height before the first.",
        ),
        Fault::ChunkSize { .. } => (
            Name::LengthMismatch,
            "In the sender: write the size of each chunk in hexadecimal (f\"{len(data):x}\\r\\n\"), then exactly so many bytes and a \
             line break.",
        ),
        Fault::NoLastChunk => (
            Name::EarlyClose,
            "In the sender: end a body in chunks with b\"0\\r\\n\\r\\n\"; without it HTTP libraries tell their callers that the response is \
             incomplete.",
        ),
        Fault::OpenForm => (
            Name::LengthMismatch,
            "In the sender: end the last part with the line --boundary--, and count all of the form for the Content-Length: boundary \
             lines, fields of the parts, and files.",
        ),
        Fault::ShortBody { .. } | Fault::WrongBody { .. } => (
            Name::LengthMismatch,
            "In the sender: count the body once it is complete, or let the HTTP library count it.",
        ),
        Fault::FieldsGlued { .. } => (
            Name::FieldsGlued,
            "In the sender: end each text field with a newline, or give it a fixed width; two send() calls leave no border.",
        ),
        Fault::WrongDigest { .. } | Fault::WrongChecksum { .. } => (
            Name::WrongDigest,
            "Compute the digest over the very bytes that are sent; if that is so, look for what changes packets on the way.",
        ),
        Fault::BadEncoding { .. } => (
            Name::BadEncoding,
            "In the receiver: decode only once the whole encoded message is there; in the sender: send its length first.",
        ),
        _ => (
            Name::ImplausibleLength,
            "Write and read the length alike on both sides: a fixed width and byte order, \"!I\" in Python's struct and \
             to_be_bytes in Rust.",
        ),
    }
}

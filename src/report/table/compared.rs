//! What `verify` compared: where each picture differs, whose side it is, which file was taken for which picture.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use crate::ledger::comparison::{
    Blamed, Comparison, Given, Level, Mismatch, PairedBy, RowsBy, Side, SideOfMismatch,
};
use crate::ledger::{Image, Verdict};
use crate::report::model::Report;
use crate::report::table::grid::Tone;
use crate::report::table::{PROSE, mark};
use crate::report::text::{self, count, counted};
use crate::report::{Detail, Style};

/// So many pictures are told of one by one.
const EACH: usize = 6;
/// So many files that belong to no picture are named.
const FILES: usize = 8;

/// The heading of [`cell`].
pub(super) fn title(style: &Style) -> &'static str {
    if is_narrow(style) {
        "sent=wire=rcvd"
    } else {
        "sent = wire = received"
    }
}

fn is_narrow(style: &Style) -> bool {
    style.width < 100
}

/// Under the first = of the heading whether the file sent equals the wire, under the second whether the wire equals the file
/// received.
pub(super) fn cell(image: &Image, style: &Style) -> String {
    let compared = image.compared.as_deref();
    let sign = |side: Option<&Side>| match (side.map(|side| side.equal), style.unicode) {
        (Some(Some(true)), true) => "✔",
        (Some(Some(false)), true) => "✖",
        (Some(None), _) => "?",
        (None, true) => "–",
        (Some(Some(true)), false) => "=",
        (Some(Some(false)), false) => "X",
        (None, false) => "-",
    };
    let sent = sign(compared.as_ref().and_then(|c| c.sent.as_ref()));
    let received = sign(compared.as_ref().and_then(|c| c.received.as_ref()));
    if is_narrow(style) {
        format!("    {sent}    {received}")
    } else {
        format!("     {sent}      {received}")
    }
}

/// How the mismatch of a run's only picture goes on: `differs between the wire and the received file, from byte 9,127 on`.
pub(super) fn in_short(image: &Image) -> Option<String> {
    let mismatch = image.compared.as_deref()?.mismatch.as_ref()?;
    let between = between(mismatch.side);
    Some(match mismatch.first_difference {
        Some(first) => format!("differs between {between}, from byte {} on", count(first)),
        None => format!("differs between {between}"),
    })
}

fn between(side: SideOfMismatch) -> &'static str {
    match side {
        SideOfMismatch::SenderToWire => "the file sent and the wire",
        SideOfMismatch::WireToReceiver => "the wire and the file received",
        SideOfMismatch::SenderToReceiver => "the file sent and the file received",
    }
}

/// Whether pixels and not bytes were compared, on either side.
pub(super) fn by_pixels(image: &Image) -> Option<Level> {
    let compared = image.compared.as_deref()?;
    let sides = [&compared.sent, &compared.received];
    sides.into_iter().flatten().map(|side| side.by).max()
}

/// Whether equality was asked for, and not likeness.
pub(super) fn at_bytes(image: Option<&Image>) -> bool {
    image
        .and_then(|image| image.compared.as_deref())
        .is_some_and(|compared| compared.level == Level::Bytes)
}

/// How many files that were to be sent no picture was found for.
pub(super) fn never_seen(report: &Report) -> u64 {
    let sent = report.verification.as_ref().and_then(|v| v.sent.as_ref());
    let files = sent.map_or(&[][..], |given| &given.unpaired);
    files.iter().filter(|file| file.aside.is_none()).count() as u64
}

/// The files that belong to no picture, in words; absent where there are none. What lies in a folder and is no picture by
/// its name or its bytes does not count.
pub(super) fn left_over(report: &Report) -> Option<String> {
    let verification = report.verification.as_ref()?;
    let number = |given: &Option<Given>| {
        let files = given.as_ref().map_or(&[][..], |given| &given.unpaired);
        files.iter().filter(|file| file.aside.is_none()).count() as u64
    };
    let mut parts = Vec::new();
    let sent = number(&verification.sent);
    if sent > 0 {
        let was = if sent == 1 { "was" } else { "were" };
        let files = counted(sent, "file", "files");
        parts.push(format!("{files} of --sent {was} never seen on the wire"));
    }
    let received = number(&verification.received);
    if received > 0 {
        let belongs = if received == 1 { "belongs" } else { "belong" };
        let files = counted(received, "file", "files");
        parts.push(format!("{files} of --received {belongs} to no picture"));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(verification) = &report.verification else {
        return Ok(());
    };
    let most = if style.detail >= Detail::Streams {
        usize::MAX
    } else {
        EACH
    };
    let mut worst: Vec<&Image> = report
        .images
        .iter()
        .filter(|image| image.verdict != Verdict::Match)
        .collect();
    worst.sort_by_key(|image| std::cmp::Reverse(image.verdict));
    let mut told = 0_usize;
    let mut left_out = 0_u64;
    for image in worst {
        let Some(compared) = image.compared.as_deref() else {
            continue;
        };
        if compared.mismatch.is_none() && compared.blame.is_none() {
            continue;
        }
        if told < most {
            one(image, compared, style, out)?;
            told = told.saturating_add(1);
        } else {
            left_out = left_out.saturating_add(1);
        }
    }
    if left_out > 0 {
        let line = format!(
            "… and {} more; -v shows all.",
            counted(left_out, "picture", "pictures")
        );
        writeln!(out)?;
        say("", &line, Tone::Dim, style, out)?;
    }
    if style.detail == Detail::Quiet {
        return Ok(());
    }
    converted(report, style, out)?;
    pairing(report, style, out)?;
    exchanged(report, style, out)?;
    for (given, option, why) in [
        (&verification.sent, "--sent", "not seen on the wire"),
        (
            &verification.received,
            "--received",
            "not from a picture on the wire",
        ),
    ] {
        if let Some(given) = given {
            unpaired(given, option, why, style, out)?;
        }
    }
    Ok(())
}

fn say(indent: &str, line: &str, tone: Tone, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let line = text::plain(line, style.unicode);
    let rest = format!("{indent}  ");
    for line in text::wrap(&line, style.width.min(PROSE), indent, &rest) {
        writeln!(out, "{}", tone.paint(&line, style))?;
    }
    Ok(())
}

/// Pictures whose bytes were converted on the wire, and how.
fn converted(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut told = 0_usize;
    for image in &report.images {
        let Some(compared) = image.compared.as_deref() else {
            continue;
        };
        let Some(how) = &compared.converted else {
            continue;
        };
        if told == 0 {
            writeln!(out)?;
        }
        told = told.saturating_add(1);
        if told > EACH && style.detail < Detail::Streams {
            continue;
        }
        let line = format!("picture {} travelled converted: {how}.", image.id.0);
        say("", &line, Tone::Plain, style, out)?;
    }
    Ok(())
}

/// One picture that is not as it should be.
fn one(image: &Image, compared: &Comparison, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    let (tone, _) = mark(image.verdict, false);
    let name = compared
        .sent
        .as_ref()
        .or(compared.received.as_ref())
        .and_then(|side| side.path.as_deref())
        .map(|path| format!(" ({path})"))
        .unwrap_or_default();
    let what = match (&compared.mismatch, image.verdict) {
        (Some(mismatch), _) => format!("{} ≠ {}", short(mismatch.side).0, short(mismatch.side).1),
        (None, Verdict::Inconclusive) => "cannot be judged".to_owned(),
        (None, Verdict::Unverified)
            if compared
                .blame
                .as_ref()
                .is_some_and(|blame| blame.who == Blamed::Nobody) =>
        {
            "a part of it".to_owned()
        }
        (None, Verdict::Unverified) if compared.received.is_none() => {
            "no received file for it".to_owned()
        }
        (None, Verdict::Unverified) if compared.sent.is_none() => "no sent file for it".to_owned(),
        (None, Verdict::Unverified) => "not the same byte for byte".to_owned(),
        (None, _) => "incomplete".to_owned(),
    };
    say(
        "",
        &format!("picture {}{name}: {what}", image.id.0),
        tone,
        style,
        out,
    )?;
    say("  ", &lengths(image, compared), Tone::Plain, style, out)?;
    for mismatch in [&compared.mismatch, &compared.also].into_iter().flatten() {
        difference(mismatch, compared.also.is_some(), style, out)?;
    }
    if image.verdict == Verdict::Inconclusive {
        for gap in image.gaps.iter().take(4) {
            say(
                "  ",
                &missing(image, gap.offset, gap.length),
                Tone::Plain,
                style,
                out,
            )?;
        }
        if image.gaps.len() > 4 {
            let more = (image.gaps.len().saturating_sub(4)) as u64;
            let line = format!(
                "… and {}; --format json has all.",
                counted(more, "gap", "gaps")
            );
            say("  ", &line, Tone::Dim, style, out)?;
        }
        if let Some(line) = in_spite(image, compared) {
            say("  ", &line, Tone::Plain, style, out)?;
        }
    }
    if let Some(pixels) = [&compared.sent, &compared.received]
        .into_iter()
        .flatten()
        .filter(|side| side.equal != Some(true))
        .find_map(|side| side.pixels)
        .filter(|pixels| pixels.equal || pixels.differing > 0)
    {
        let mut line = if pixels.equal {
            "Decoded, every pixel is equal".to_owned()
        } else {
            format!(
                "Decoded, {}",
                counted(pixels.differing, "pixel differs", "pixels differ")
            )
        };
        if let (Some(psnr), Some(ssim)) = (pixels.psnr, pixels.ssim) {
            let _ = write!(line, ": PSNR {psnr:.1} dB, SSIM {ssim:.3}");
        }
        line.push('.');
        say("  ", &line, Tone::Plain, style, out)?;
    }
    if let Some(blame) = &compared.blame {
        let who = match blame.who {
            Blamed::Sender => "the sender",
            Blamed::Network => "the network",
            Blamed::Capture => "the capture",
            Blamed::Receiver => "the receiver",
            Blamed::Nobody => "nobody's",
            Blamed::Unknown => "cannot be told from this capture",
        };
        let line = format!("Whose side: {who}: {}.", blame.why);
        say("  ", &line, Tone::Strong, style, out)?;
    }
    Ok(())
}

fn short(side: SideOfMismatch) -> (&'static str, &'static str) {
    match side {
        SideOfMismatch::SenderToWire => ("sent", "wire"),
        SideOfMismatch::WireToReceiver => ("wire", "received"),
        SideOfMismatch::SenderToReceiver => ("sent", "received"),
    }
}

/// `sent 128,732 bytes · wire 78,192 · received 68,056`.
fn lengths(image: &Image, compared: &Comparison) -> String {
    let mut parts = Vec::new();
    if let Some(sent) = &compared.sent {
        parts.push(format!("sent {}", counted(sent.bytes, "byte", "bytes")));
    }
    parts.push(format!(
        "on the wire {}",
        counted(image.bytes, "byte", "bytes")
    ));
    if let Some(received) = &compared.received {
        parts.push(format!(
            "received {}",
            counted(received.bytes, "byte", "bytes")
        ));
    }
    let mut line = parts.join(", ");
    let raw = |side: &Option<Side>| {
        side.as_ref()
            .is_some_and(|side| side.by >= Level::Pixels && compared.level == Level::Bytes)
    };
    if raw(&compared.sent) || raw(&compared.received) {
        line.push_str(" (compared as rows of pixels)");
    }
    line.push('.');
    line
}

/// Bytes that were not captured, and their chunks.
fn missing(image: &Image, offset: u64, length: u64) -> String {
    let last = offset.saturating_add(length).saturating_sub(1);
    let mut line = format!(
        "Not captured: {} of it, {} to {}",
        counted(length, "byte", "bytes"),
        count(offset),
        count(last)
    );
    if let Some(size) = image.chunk_size.filter(|&size| size > 0) {
        let (first, last) = (offset / size, last / size);
        if first == last {
            let _ = write!(line, ", in chunk {}", count(first));
        } else {
            let _ = write!(line, ", in chunks {} to {}", count(first), count(last));
        }
    }
    line.push('.');
    line
}

/// What the files say where the capture cannot.
fn in_spite(image: &Image, compared: &Comparison) -> Option<String> {
    let bytes = [&compared.sent, &compared.received]
        .into_iter()
        .flatten()
        .map(|side| side.compared_bytes)
        .max()?;
    let captured = match bytes {
        0 => "The captured bytes could not be compared".to_owned(),
        bytes if image.is_urgent() => format!(
            "All but urgent bytes are right, of {}",
            counted(bytes, "byte", "bytes")
        ),
        bytes if image.is_undecided() => format!(
            "All but the bytes that came twice are right, of {}",
            counted(bytes, "byte", "bytes")
        ),
        bytes => format!(
            "All {} that were captured are right",
            counted(bytes, "byte", "bytes")
        ),
    };
    Some(match compared.sent_equals_received {
        Some(true) => format!("{captured}, and the file received equals the file sent."),
        _ => format!("{captured}."),
    })
}

fn difference(
    mismatch: &Mismatch,
    named: bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let between = if named {
        let (left, right) = short(mismatch.side);
        format!("{left} ≠ {right}: ")
    } else {
        String::new()
    };
    say(
        "  ",
        &format!("{between}{}.", mismatch.damage),
        Tone::Plain,
        style,
        out,
    )?;
    let Some(first) = mismatch.first_difference else {
        return Ok(());
    };
    let mut place = format!("First difference at byte {} (0x{first:x})", count(first));
    if let Some(chunks) = chunks(mismatch, style) {
        let _ = write!(place, ", {chunks}");
    }
    if let Some(frames) = text::frames(&mismatch.packets, style.unicode) {
        let _ = write!(place, ", {frames}");
        let more = mismatch
            .packet_count
            .saturating_sub(mismatch.packets.len() as u64);
        if more > 0 {
            let _ = write!(place, " and {} more", count(more));
        }
    }
    if let Some(bytes @ 1..) = mismatch.differing_bytes {
        let differ = counted(bytes, "byte differs", "bytes differ");
        let _ = write!(place, "; {differ} at the same place");
    }
    place.push('.');
    say("  ", &place, Tone::Plain, style, out)?;
    excerpts(mismatch, first, style, out)?;
    if let Some(rows) = mismatch.rows {
        let how = match rows.by {
            RowsBy::Computed => "",
            RowsBy::Inflated => " (by inflating what precedes)",
            RowsBy::DecodedPrefix => " (by decoding what precedes)",
            RowsBy::Coarse => " (progressive: the rows above are coarser, too)",
        };
        let line = format!(
            "In the picture: from row {} of {} on{how}.",
            count(u64::from(rows.first)),
            count(u64::from(rows.of))
        );
        say("  ", &line, Tone::Plain, style, out)?;
    }
    if let Some(painting) = &mismatch.painting {
        say(
            "  ",
            &format!("Painted: {painting}"),
            Tone::Plain,
            style,
            out,
        )?;
    }
    Ok(())
}

/// The chunks concerned: `chunk 4`, `chunks 28–91`, `chunk 3 and 7 more`.
fn chunks(mismatch: &Mismatch, style: &Style) -> Option<String> {
    let first = *mismatch.chunks.first()?;
    let runs = mismatch.chunks.windows(2).all(|two| match two {
        [left, right] => left.saturating_add(1) == *right,
        _ => true,
    });
    let whole = mismatch.chunks.len() as u64 == mismatch.chunk_count;
    let last = first.saturating_add(mismatch.chunk_count.saturating_sub(1));
    let dash = if style.unicode { "–" } else { "-" };
    Some(match mismatch.chunk_count {
        0 | 1 => format!("chunk {}", count(first)),
        _ if runs && whole => format!("chunks {}{dash}{}", count(first), count(last)),
        more => format!(
            "chunk {} and {} more",
            count(first),
            count(more.saturating_sub(1))
        ),
    })
}

/// Both excerpts in hex, one above the other, a mark under the first difference.
fn excerpts(mismatch: &Mismatch, first: u64, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (Some(offset), Some(expected), Some(actual)) = (
        mismatch.context_offset,
        &mismatch.expected_hex,
        &mismatch.actual_hex,
    ) else {
        return Ok(());
    };
    let (left, right) = short(mismatch.side);
    let label = left.len().max(right.len());
    // Two digits and a space each, as many as fit beside the names and an end.
    let room = style.width.saturating_sub(label.saturating_add(12)) / 3;
    let before = usize::try_from(first.saturating_sub(offset)).unwrap_or(0);
    if room <= before {
        return Ok(());
    }
    let line = |hex: &str| {
        let bytes: Vec<String> = hex
            .as_bytes()
            .chunks(2)
            .take(room)
            .map(|two| String::from_utf8_lossy(two).into_owned())
            .collect();
        bytes.join(" ")
    };
    let end = |hex: &str, bytes: u64| {
        let shown = offset.saturating_add((hex.len() / 2) as u64);
        if shown >= bytes { " (end)" } else { "" }
    };
    for (name, hex, bytes) in [
        (left, expected, mismatch.expected_bytes),
        (right, actual, mismatch.actual_bytes),
    ] {
        writeln!(out, "    {name:label$}  {}{}", line(hex), end(hex, bytes))?;
    }
    writeln!(out, "    {:label$}  {}^^", "", "   ".repeat(before))
}

/// Files whose bytes arrived under the name of another one that was sent: equal byte for byte, so nobody's fault, and rarely meant.
fn exchanged(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let name = |side: &Option<Side>| {
        let path = side.as_ref()?.path.as_deref()?;
        Some(path.rsplit('/').next().unwrap_or(path).to_owned())
    };
    let pairs: Vec<(String, String)> = report
        .images
        .iter()
        .filter_map(|image| {
            let compared = image.compared.as_deref()?;
            let equal = compared.sent_equals_received == Some(true);
            let both = name(&compared.sent).zip(name(&compared.received));
            both.filter(|_| equal)
        })
        .collect();
    let received: BTreeSet<&str> = pairs
        .iter()
        .map(|(_, received)| received.as_str())
        .collect();
    let sent: BTreeSet<&str> = pairs.iter().map(|(sent, _)| sent.as_str()).collect();
    let parts: Vec<String> = pairs
        .iter()
        .filter(|(one, other)| {
            one != other && received.contains(one.as_str()) && sent.contains(other.as_str())
        })
        .take(FILES)
        .map(|(one, other)| format!("{one} as {other}"))
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    let line = format!("Saved under each other's names: {}.", parts.join(", "));
    writeln!(out)?;
    say("", &line, Tone::Plain, style, out)
}

/// Which file was taken for which picture: where that rests on more than a digest, with -v always.
fn pairing(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let all = style.detail >= Detail::Streams;
    let mut lines = Vec::new();
    for image in &report.images {
        let Some(compared) = image.compared.as_deref() else {
            continue;
        };
        let mut parts = Vec::new();
        for (word, side) in [("sent", &compared.sent), ("received", &compared.received)] {
            let Some(side) = side else { continue };
            let how = match side.pairing {
                PairedBy::Digest if !all => continue,
                PairedBy::Digest => "by digest",
                PairedBy::Ledger => "by ledger",
                PairedBy::Closest => "has the most bytes in common",
                PairedBy::OrderAndSize => "by order and size",
                PairedBy::Name => "is called as the file sent",
            };
            parts.push(match &side.path {
                Some(path) => format!("{word} {path} ({how})"),
                None => format!("{word} known from the ledger alone"),
            });
        }
        if !parts.is_empty() {
            lines.push(format!("picture {}: {}", image.id.0, parts.join(", ")));
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let title = if all {
        "Paired:"
    } else {
        "Paired, other than by digest:"
    };
    writeln!(out, "{}", Tone::Dim.paint(title, style))?;
    let most = if all { usize::MAX } else { FILES };
    for line in lines.iter().take(most) {
        say("  ", line, Tone::Plain, style, out)?;
    }
    if lines.len() > most {
        let more = count((lines.len() - most) as u64);
        say(
            "  ",
            &format!("… and {more} more; -v shows all."),
            Tone::Dim,
            style,
            out,
        )?;
    }
    Ok(())
}

fn unpaired(
    given: &Given,
    option: &str,
    why: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if given.ledger_unpaired > 0 {
        writeln!(out)?;
        let line = format!(
            "{} of the ledger ({}) {} to no picture that was captured.",
            counted(given.ledger_unpaired, "line", "lines"),
            option.trim_start_matches('-'),
            if given.ledger_unpaired == 1 {
                "belongs"
            } else {
                "belong"
            },
        );
        say("", &line, Tone::Doubt, style, out)?;
    }
    if given.files == 0 && given.ledger_lines == 0 {
        writeln!(out)?;
        let line = format!("{option} holds no file.");
        return say("", &line, Tone::Doubt, style, out);
    }
    if given.unpaired.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let number = given.unpaired.len() as u64;
    let files = counted(number, "file", "files");
    let belongs = if number == 1 { "belongs" } else { "belong" };
    let line = format!("{files} of {option} {belongs} to no picture ({why}):");
    say("", &line, Tone::Plain, style, out)?;
    let most = if style.detail >= Detail::Streams {
        usize::MAX
    } else {
        FILES
    };
    for file in given.unpaired.iter().take(most) {
        let bytes = counted(file.bytes, "byte", "bytes");
        let line = match (file.aside, file.image) {
            (Some(aside), _) => format!("{} ({bytes}; {})", file.path, aside.words()),
            (None, Some(image)) => format!(
                "{} ({bytes}; nearly picture {}, which another file is: one of them is not of this run)",
                file.path, image.0
            ),
            (None, None) => format!("{} ({bytes})", file.path),
        };
        say("  ", &line, Tone::Plain, style, out)?;
    }
    if given.unpaired.len() > most {
        let more = count((given.unpaired.len() - most) as u64);
        say(
            "  ",
            &format!("… and {more} more; -v shows all."),
            Tone::Dim,
            style,
            out,
        )?;
    }
    Ok(())
}

//! `smtp`: pictures attached to mail (RFC 5321, RFC 2045): base64 in the lines between DATA and a line with one dot.
//!
//! Commands, answers, header fields and boundaries are framing. An attachment ends where its base64 does, a shorter line being its
//! last. A connection that is closed before the line with the dot cuts the attachment short.

use super::detect::Clues;
use super::encoded::Base64Decoder;
use super::formats::{Over, Probe, Row, WireFormat};
use super::framer::framing;
use super::{Decode, Ending, Event, Framing, Sink, StreamEnd};

/// What a client says first.
const GREETINGS: [&[u8]; 2] = [b"EHLO ", b"HELO "];

/// Decoder of one direction.
#[derive(Debug, Clone, Default)]
pub struct SmtpDecoder {
    text: Base64Decoder,
    /// Bytes of framing that are not told of yet.
    pending: u64,
}

/// Whether a stream begins as SMTP does, in either direction; absent while too few bytes tell.
pub(super) fn is_smtp(head: &[u8]) -> Option<bool> {
    let start = head.get(..5).unwrap_or(head).to_ascii_uppercase();
    if GREETINGS.iter().any(|greeting| start.starts_with(greeting)) {
        return Some(true);
    }
    if GREETINGS
        .iter()
        .any(|greeting| greeting.starts_with(&start))
    {
        return None;
    }
    if !head.starts_with(b"220") {
        return if b"220".starts_with(head) {
            None
        } else {
            Some(false)
        };
    }
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.to_ascii_uppercase();
    let has = |word: &[u8]| memchr::memmem::find(&line, word).is_some();
    if has(b"SMTP") {
        Some(true)
    } else if head.contains(&b'\n') || has(b"FTP") {
        Some(false)
    } else {
        None
    }
}

impl SmtpDecoder {
    /// Lets the text's decoder work: what is no picture in it is framing.
    fn drive(&mut self, sink: &mut Sink<'_>, work: impl FnOnce(&mut Base64Decoder, &mut Sink<'_>)) {
        let Self { text, pending } = self;
        work(text, &mut |event| match event {
            Event::Stray(bytes) => *pending = pending.saturating_add(bytes.len() as u64),
            Event::Framing { bytes, .. } => *pending = pending.saturating_add(bytes),
            event => {
                flush(pending, sink);
                sink(match event {
                    // The line with the dot did not come.
                    Event::PictureEnd(Ending::EndOfStream(end)) => {
                        Event::PictureEnd(Ending::Cut(end))
                    }
                    event => event,
                });
            }
        });
    }
}

fn flush(pending: &mut u64, sink: &mut Sink<'_>) {
    let bytes = std::mem::take(pending);
    framing(Framing::Field("SMTP"), bytes, sink);
}

impl Decode for SmtpDecoder {
    fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        self.drive(sink, |text, sink| text.update(bytes, sink));
    }

    fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
        self.drive(sink, |text, sink| text.gap(length, sink));
    }

    fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
        self.drive(sink, |text, sink| text.finish(end, sink));
        flush(&mut self.pending, sink);
    }
}

impl WireFormat for SmtpDecoder {
    const ROW: Row = Row {
        name: "smtp",
        meaning: "Mail on its way (SMTP): attachments in Base64 are pictures.",
        over: Over::Stream,
        names_itself: false,
    };

    fn probe(clues: &Clues<'_>) -> Probe {
        Probe::of(is_smtp(clues.head), "the stream begins as SMTP")
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Seen, base64, fixtures, pictures, run};
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<u8> {
        base64(bytes)
            .chunks(76)
            .flat_map(|line| [line, b"\r\n"].concat())
            .collect()
    }

    fn mail(picture: &[u8]) -> Vec<u8> {
        [
            &b"EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n"[..],
            b"Content-Type: multipart/mixed; boundary=\"=b=\"\r\n\r\n--=b=\r\n\r\nhello\r\n--=b=\r\n",
            b"Content-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            &lines(picture),
            b"--=b=--\r\n.\r\nQUIT\r\n",
        ]
        .concat()
    }

    #[test]
    fn attachments_are_pictures_and_all_else_is_framing() {
        for picture in fixtures() {
            for shorter in 0..3 {
                // With and without padding, and with a full last line.
                let picture = &picture[..picture.len() - shorter];
                let stream = mail(picture);
                let decode = |size: usize| {
                    let mut decoder = SmtpDecoder::default();
                    run(|sink| {
                        stream
                            .chunks(size)
                            .for_each(|part| decoder.update(part, sink));
                        decoder.finish(StreamEnd::Fin, sink);
                    })
                };
                let whole = decode(stream.len());
                assert_eq!(pictures(&whole), [(picture.to_vec(), Ending::Structure)]);
                assert!(!whole.iter().any(|seen| matches!(seen, Seen::Stray(_))));
                assert_eq!(decode(1), whole);
            }
        }
        assert_eq!(is_smtp(b"ehlo x"), Some(true));
        assert_eq!(is_smtp(b"220 host ESMTP ready\r\n"), Some(true));
        assert_eq!(is_smtp(b"220 FTP server\r\n"), Some(false));
        assert_eq!(is_smtp(b"22"), None);
    }

    #[test]
    fn closed_before_the_dot_it_is_cut() {
        let stream = mail(&fixtures()[0]);
        let mut decoder = SmtpDecoder::default();
        let seen = run(|sink| {
            decoder.update(&stream[..stream.len() - 200], sink);
            decoder.finish(StreamEnd::Fin, sink);
        });
        assert_eq!(pictures(&seen)[0].1, Ending::Cut(StreamEnd::Fin));
    }
}

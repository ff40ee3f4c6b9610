//! The table of the wire formats that need nothing told: no marker, no width, no field.
//!
//! A row here and a file of its own are all that such a format takes. What `--protocol` takes and prints, the decoder, the
//! encoder, the order in which first bytes are looked at, `explain`, and the lists of the tests and of the fuzz targets come
//! from the table. Formats with a parameter are variants of [`Protocol`](super::Protocol).

use std::borrow::Cow;

use super::detect::Clues;
use super::encode::{Around, CannotEncode};
use super::{Confidence, Decode, Sink, StreamEnd};

/// What a format says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// What `--protocol` takes and reports print.
    pub name: &'static str,
    /// What `explain` says of it: one or two sentences.
    pub meaning: &'static str,
    /// Over what it goes.
    pub over: Over,
    /// Its messages say themselves which format they are of, so that one is enough to know it.
    pub names_itself: bool,
}

/// Over what a format goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// TCP.
    Stream,
    /// UDP.
    Datagrams,
    /// Both.
    Either,
}

/// Whether the first bytes of a direction are of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Probe {
    /// They are: how sure that is, and the reason, as half a sentence for people.
    Certain(Confidence, Cow<'static, str>),
    /// More bytes tell.
    Unsure,
    /// They are not.
    No,
}

impl Probe {
    /// What a test of first bytes found: absent where more bytes tell.
    pub(super) fn of(is: Option<bool>, why: &'static str) -> Self {
        match is {
            Some(true) => Self::Certain(Confidence::Content, why.into()),
            Some(false) => Self::No,
            None => Self::Unsure,
        }
    }
}

/// How a whole picture is sent where [`WireFormat::around`] cannot say it.
#[derive(Debug, Clone, Default)]
pub(super) struct Whole {
    /// What goes first.
    pub(super) before: Option<Vec<u8>>,
    /// All of it goes as one piece.
    pub(super) undivided: bool,
}

/// A wire format that needs nothing told; implemented by its decoder.
pub(super) trait WireFormat: Decode + Default {
    /// Its row.
    const ROW: Row;

    /// Whether the first bytes are its own, and no other format's.
    fn probe(clues: &Clues<'_>) -> Probe;

    /// The same, asked when nothing else was recognised: of bytes that might be another format's, too.
    fn probe_last(clues: &Clues<'_>) -> Probe {
        let _ = clues;
        Probe::No
    }

    /// What goes around a picture of `length` bytes that begins with `head`; absent where all of it is needed.
    ///
    /// # Errors
    /// [`CannotEncode::ReceiveOnly`] where imgnet does not send it.
    fn around(head: &[u8], length: u64) -> Result<Option<Around>, CannotEncode> {
        let _ = (head, length);
        Err(CannotEncode::ReceiveOnly {
            protocol: Self::ROW.name.to_owned(),
        })
    }

    /// What goes before it where all of it is needed.
    fn whole(picture: &[u8], chunk: usize) -> Whole {
        let _ = (picture, chunk);
        Whole::default()
    }
}

/// Makes of the rows the names, the decoders and what is asked of a format.
macro_rules! formats {
    ($($variant:ident = $decoder:ty;)+) => {
        /// A wire format that needs nothing told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fixed {
            $(#[doc = concat!("Of [`", stringify!($decoder), "`].")] $variant,)+
        }

        /// The decoder of one direction of such a format.
        #[derive(Debug, Clone)]
        pub enum FixedDecoder {
            $(#[doc = concat!("[`Fixed::", stringify!($variant), "`].")] $variant(Box<$decoder>),)+
        }

        impl Fixed {
            /// All of them, in the order in which their first bytes are looked for.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What it says of itself.
            pub fn row(self) -> &'static Row {
                match self { $(Self::$variant => const { &<$decoder as WireFormat>::ROW },)+ }
            }

            /// A decoder for one direction.
            pub(super) fn decoder(self) -> FixedDecoder {
                match self { $(Self::$variant => FixedDecoder::$variant(Box::default()),)+ }
            }

            pub(super) fn probe(self, clues: &Clues<'_>) -> Probe {
                match self { $(Self::$variant => <$decoder as WireFormat>::probe(clues),)+ }
            }

            pub(super) fn probe_last(self, clues: &Clues<'_>) -> Probe {
                match self { $(Self::$variant => <$decoder as WireFormat>::probe_last(clues),)+ }
            }

            pub(super) fn around(self, head: &[u8], length: u64) -> Result<Option<Around>, CannotEncode> {
                match self { $(Self::$variant => <$decoder as WireFormat>::around(head, length),)+ }
            }

            pub(super) fn whole(self, picture: &[u8], chunk: usize) -> Whole {
                match self { $(Self::$variant => <$decoder as WireFormat>::whole(picture, chunk),)+ }
            }
        }

        impl FixedDecoder {
            /// The format that is decoded.
            pub fn format(&self) -> Fixed {
                match self { $(Self::$variant(_) => Fixed::$variant,)+ }
            }
        }

        impl Decode for FixedDecoder {
            fn update(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
                match self { $(Self::$variant(decoder) => decoder.update(bytes, sink),)+ }
            }

            fn datagram(&mut self, payload: &[u8], sink: &mut Sink<'_>) {
                match self { $(Self::$variant(decoder) => decoder.datagram(payload, sink),)+ }
            }

            fn cut_datagram(&mut self, payload: &[u8], missing: u64, sink: &mut Sink<'_>) {
                match self { $(Self::$variant(decoder) => decoder.cut_datagram(payload, missing, sink),)+ }
            }

            fn gap(&mut self, length: u64, sink: &mut Sink<'_>) {
                match self { $(Self::$variant(decoder) => decoder.gap(length, sink),)+ }
            }

            fn flush(&mut self, sink: &mut Sink<'_>) {
                match self { $(Self::$variant(decoder) => decoder.flush(sink),)+ }
            }

            fn doubt(&mut self) {
                match self { $(Self::$variant(decoder) => decoder.doubt(),)+ }
            }

            fn finish(&mut self, end: StreamEnd, sink: &mut Sink<'_>) {
                match self { $(Self::$variant(decoder) => decoder.finish(end, sink),)+ }
            }
        }
    };
}

formats! {
    Http = super::http::HttpDecoder;
    Framed = super::framed::FramedDecoder;
    Zmtp = super::zmtp::ZmtpDecoder;
    Mqtt = super::mqtt::MqttDecoder;
    Http2 = super::http2::Http2Decoder;
    Smtp = super::smtp::SmtpDecoder;
    JavaObjects = super::java::JavaDecoder;
    WebSocket = super::websocket::WebSocketDecoder;
    DigitsNewline = super::digits::DigitsDecoder;
    NameSizeMarker = super::name_size::NameSizeDecoder;
    Tftp = super::tftp::TftpDecoder;
    RtpJpeg = super::rtp_jpeg::RtpJpegDecoder;
    UdpJpeg = super::udp_jpeg::UdpJpegDecoder;
    UdpCount = super::udp_count::UdpCountDecoder;
}

impl Fixed {
    /// The format of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.row().name == name)
    }

    /// Those that go over TCP, or over UDP.
    pub(super) fn over(datagrams: bool) -> impl Iterator<Item = Self> {
        let other = if datagrams {
            Over::Stream
        } else {
            Over::Datagrams
        };
        Self::ALL
            .iter()
            .copied()
            .filter(move |format| format.row().over != other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_each_is_there_once() {
        for &format in Fixed::ALL {
            let row = format.row();
            assert_eq!(Fixed::named(row.name), Some(format));
            assert!(row.meaning.ends_with('.'), "{}", row.name);
            assert_eq!(format.decoder().format(), format);
        }
        assert_eq!(Fixed::named("marker"), None);
    }

    /// What CONTRIBUTING promises to whoever adds a format: its name in code stands in its row, and nowhere else.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test reads the sources")]
    fn a_format_is_a_file_and_a_row() {
        let mut folders = vec![std::path::PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src"
        ))];
        let mut named = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let lines = text
                    .lines()
                    .filter(|line| line.contains(concat!("Digits", "Newline")));
                named
                    .extend(lines.map(|line| {
                        (path.file_name().unwrap().to_owned(), line.trim().to_owned())
                    }));
            }
        }
        let row = concat!("Digits", "Newline = super::digits::DigitsDecoder;");
        assert_eq!(named, [("formats.rs".into(), row.to_owned())]);
    }
}

//! The names of the findings: one table that joins each to its text and its entry of the catalogue.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Severity;
use super::catalogue::{Entry, capture, files, framing, opening, silence, tcp, udp};

/// Makes the enum and all that is read off the table, so that a name without an entry does not compile.
macro_rules! names {
    ($($variant:ident $text:literal $entry:path;)*) => {
        /// The stable name of a finding, as `imgnet explain` takes it. Ordered by its text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Name {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl Name {
            /// All of them, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its text, in kebab-case.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// What the catalogue says of it.
            pub fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$variant => &$entry,)*
                }
            }
        }
    };
}

names! {
    MarkerUnanswered "marker-unanswered" framing::MARKER_UNANSWERED;
    MarkerRisk "marker-risk" framing::MARKER_RISK;
    MarkerInFile "marker-in-file" framing::MARKER_IN_FILE;
    MarkerInsideImage "marker-inside-image" framing::MARKER_INSIDE_IMAGE;
    MarkerMissing "marker-missing" framing::MARKER_MISSING;
    EarlyClose "early-close" framing::EARLY_CLOSE;
    ResetMidTransfer "reset-mid-transfer" framing::RESET_MID_TRANSFER;
    UnreadDataReset "unread-data-reset" framing::UNREAD_DATA_RESET;
    NoEndOfStream "no-end-of-stream" framing::NO_END_OF_STREAM;
    NeverClosed "never-closed" framing::NEVER_CLOSED;
    SenderStopped "sender-stopped" silence::SENDER_STOPPED;
    NoAnswer "no-answer" silence::NO_ANSWER;
    StrayBytes "stray-bytes" opening::STRAY_BYTES;
    UnknownFraming "unknown-framing" opening::UNKNOWN_FRAMING;
    WrongByteOrder "wrong-byte-order" opening::WRONG_BYTE_ORDER;
    MixedByteOrder "mixed-byte-order" opening::MIXED_BYTE_ORDER;
    ConnectionRefused "connection-refused" opening::CONNECTION_REFUSED;
    ConnectionTimeout "connection-timeout" opening::CONNECTION_TIMEOUT;
    TrailingBytes "trailing-bytes" framing::TRAILING_BYTES;
    LengthMismatch "length-mismatch" framing::LENGTH_MISMATCH;
    WrongSizeGiven "wrong-size-given" framing::WRONG_SIZE_GIVEN;
    ImplausibleLength "implausible-length" framing::IMPLAUSIBLE_LENGTH;
    FieldsGlued "fields-glued" framing::FIELDS_GLUED;
    TextMode "text-mode" framing::TEXT_MODE;
    MissingInside "missing-inside" framing::MISSING_INSIDE;
    EmptyRequest "empty-request" framing::EMPTY_REQUEST;
    RowsNotSegments "rows-not-segments" framing::ROWS_NOT_SEGMENTS;
    WidthUnknown "width-unknown" framing::WIDTH_UNKNOWN;
    WrongDigest "wrong-digest" framing::WRONG_DIGEST;
    BadEncoding "bad-encoding" framing::BAD_ENCODING;
    ReEncoded "re-encoded" framing::RE_ENCODED;
    ReceiverStopped "receiver-stopped" files::RECEIVER_STOPPED;
    CutAtNul "cut-at-nul" files::CUT_AT_NUL;
    StaleBuffer "stale-buffer" files::STALE_BUFFER;
    HeaderInFile "header-in-file" files::HEADER_IN_FILE;
    OtherFileSent "other-file-sent" files::OTHER_FILE_SENT;
    NothingSent "nothing-sent" files::NOTHING_SENT;
    ThumbnailSent "thumbnail-sent" files::THUMBNAIL_SENT;
    NotFlushed "not-flushed" files::NOT_FLUSHED;
    ReadPastEnd "read-past-end" files::READ_PAST_END;
    PiecesMisplaced "pieces-misplaced" files::PIECES_MISPLACED;
    HeaderNotCounted "header-not-counted" files::HEADER_NOT_COUNTED;
    LeftEncoded "left-encoded" files::LEFT_ENCODED;
    PixelsMisread "pixels-misread" files::PIXELS_MISREAD;
    SecondStreamHeader "second-stream-header" files::SECOND_STREAM_HEADER;
    DatagramLost "datagram-lost" udp::DATAGRAM_LOST;
    DatagramRetransmission "datagram-retransmission" udp::DATAGRAM_RETRANSMISSION;
    DatagramDuplicated "datagram-duplicated" udp::DATAGRAM_DUPLICATED;
    DatagramReordered "datagram-reordered" udp::DATAGRAM_REORDERED;
    UndetectableLoss "undetectable-loss" udp::UNDETECTABLE_LOSS;
    ReceiverOverflow "receiver-overflow" udp::RECEIVER_OVERFLOW;
    NoEndDatagram "no-end-datagram" udp::NO_END_DATAGRAM;
    IpFragmented "ip-fragmented" udp::IP_FRAGMENTED;
    FragmentLost "fragment-lost" udp::FRAGMENT_LOST;
    OversizedDatagram "oversized-datagram" udp::OVERSIZED_DATAGRAM;
    Retransmission "retransmission" tcp::RETRANSMISSION;
    FastRetransmission "fast-retransmission" tcp::FAST_RETRANSMISSION;
    SpuriousRetransmission "spurious-retransmission" tcp::SPURIOUS_RETRANSMISSION;
    OutOfOrder "out-of-order" tcp::OUT_OF_ORDER;
    DuplicateAck "duplicate-ack" tcp::DUPLICATE_ACK;
    ZeroWindow "zero-window" tcp::ZERO_WINDOW;
    Stall "stall" tcp::STALL;
    ConflictingRetransmission "conflicting-retransmission" tcp::CONFLICTING_RETRANSMISSION;
    SmallWrites "small-writes" tcp::SMALL_WRITES;
    UrgentData "urgent-data" tcp::URGENT_DATA;
    WrongChecksum "wrong-checksum" capture::WRONG_CHECKSUM;
    CaptureGap "capture-gap" capture::CAPTURE_GAP;
    KernelDrops "kernel-drops" capture::KERNEL_DROPS;
    DiskFull "disk-full" capture::DISK_FULL;
    InterfaceAway "interface-away" capture::INTERFACE_AWAY;
    SnaplenCut "snaplen-cut" capture::SNAPLEN_CUT;
    FileCutShort "file-cut-short" capture::FILE_CUT_SHORT;
    StartedLate "started-late" capture::STARTED_LATE;
    FramesTwice "frames-twice" capture::FRAMES_TWICE;
    OffloadedChecksum "offloaded-checksum" capture::OFFLOADED_CHECKSUM;
    LargerThanMtu "larger-than-mtu" capture::LARGER_THAN_MTU;
    ClockStep "clock-step" capture::CLOCK_STEP;
    LimitReached "limit-reached" capture::LIMIT_REACHED;
}

impl Name {
    /// How bad a finding of this name usually is.
    pub fn severity(self) -> Severity {
        self.entry().severity
    }
}

impl Name {
    /// Whether it says that something never came: a frame that nobody captured, or could read, may have been that.
    pub fn is_of_silence(self) -> bool {
        matches!(
            self,
            Self::MarkerUnanswered
                | Self::NoEndOfStream
                | Self::NeverClosed
                | Self::SenderStopped
                | Self::NoAnswer
                | Self::EmptyRequest
                | Self::ConnectionTimeout
                | Self::WrongByteOrder
                | Self::NoEndDatagram
        )
    }

    /// Whether it rests on how the wire format is understood, so that a guess of that proves nothing. A reset is looked at
    /// where it is found: what was never acknowledged is lost in any format.
    pub fn needs_format(self) -> bool {
        matches!(
            self,
            Self::MarkerUnanswered
                | Self::MarkerInsideImage
                | Self::MarkerMissing
                | Self::EarlyClose
                | Self::UnreadDataReset
                | Self::NoEndOfStream
                | Self::StrayBytes
                | Self::WrongByteOrder
                | Self::MixedByteOrder
                | Self::TrailingBytes
                | Self::LengthMismatch
                | Self::WrongSizeGiven
                | Self::ImplausibleLength
                | Self::FieldsGlued
                | Self::SenderStopped
                | Self::MissingInside
                | Self::RowsNotSegments
                | Self::WidthUnknown
                | Self::WrongDigest
                | Self::BadEncoding
                | Self::DatagramLost
                | Self::DatagramRetransmission
                | Self::DatagramDuplicated
                | Self::DatagramReordered
                | Self::NoEndDatagram
        )
    }
}

impl Name {
    /// Whether it is about segments and their bytes, and stays true whatever they mean.
    pub fn is_of_tcp(self) -> bool {
        matches!(
            self,
            Self::ConflictingRetransmission
                | Self::Retransmission
                | Self::FastRetransmission
                | Self::SpuriousRetransmission
                | Self::OutOfOrder
                | Self::DuplicateAck
                | Self::ZeroWindow
                | Self::Stall
                | Self::SmallWrites
                | Self::WrongChecksum
                | Self::CaptureGap
                | Self::SnaplenCut
        )
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// No finding is called so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no finding is called {given:?}")]
pub struct UnknownName {
    /// What was given.
    pub given: String,
}

impl FromStr for Name {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .iter()
            .copied()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| UnknownName {
                given: text.to_owned(),
            })
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_finds_itself_and_its_own_entry() {
        for &name in Name::ALL {
            assert_eq!(name.entry().name, name);
            assert_eq!(name.as_str().parse(), Ok(name));
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Name>(&json).unwrap(), name);
        }
        assert!("marker-unansered".parse::<Name>().is_err());
    }

    #[test]
    fn names_are_ordered_by_their_text() {
        assert!(Name::BadEncoding < Name::MarkerUnanswered);
        assert!(Name::MarkerUnanswered > Name::MarkerRisk);
    }
}

//! What is waited for on a stream that fell silent, while a capture goes on: who has what, and what does not come.

use std::fmt;
use std::net::SocketAddr;

use crate::units::{StreamId, Timestamp, count, counted};

/// What somebody waits for on a stream that fell silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The stream.
    pub stream: StreamId,
    /// The side that is waited for, or that waits: see [`Awaited`].
    pub who: SocketAddr,
    /// What does not come.
    pub what: Awaited,
    /// Since when nothing moves.
    pub since: Timestamp,
}

/// What does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// `who` has so many bytes, and only the end of the stream would tell it that these are all.
    EndOfStream {
        /// So many.
        bytes: u64,
        /// They are a whole picture.
        whole: bool,
    },
    /// `who` has so many bytes, and was promised more.
    Rest {
        /// So many.
        bytes: u64,
        /// In all.
        declared: u64,
    },
    /// `who` has a picture and its end marker, and sends nothing.
    AnswerToMarker {
        /// The picture's bytes.
        bytes: u64,
    },
    /// `who` has a whole picture, and sends nothing.
    AnswerToPicture {
        /// The picture's bytes.
        bytes: u64,
    },
    /// `who` has no room: its program does not read.
    Room,
    /// `who` was asked to connect, and answers nothing.
    Connection,
    /// `who` has a connection on which neither side sent a byte.
    FirstByte,
}

impl Awaited {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::EndOfStream { .. } => "end-of-stream",
            Self::Rest { .. } => "rest",
            Self::AnswerToMarker { .. } => "answer-to-marker",
            Self::AnswerToPicture { .. } => "answer-to-picture",
            Self::Room => "room",
            Self::Connection => "connection",
            Self::FirstByte => "first-byte",
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.who;
        let bytes = |bytes| counted(bytes, "byte", "bytes");
        match self.what {
            Awaited::EndOfStream { bytes: all, whole } => write!(
                f,
                "{who} has {}{} and no end of stream",
                bytes(all),
                if whole { ", a whole picture," } else { "" }
            ),
            Awaited::Rest {
                bytes: came,
                declared,
            } => write!(
                f,
                "{who} has {} of the {} that were declared",
                count(came),
                bytes(declared)
            ),
            Awaited::AnswerToMarker { bytes: all } => write!(
                f,
                "{who} has the picture ({}) and its end marker, and sends nothing",
                bytes(all)
            ),
            Awaited::AnswerToPicture { bytes: all } => write!(
                f,
                "{who} has a whole picture ({}), and nothing follows from either side",
                bytes(all)
            ),
            Awaited::Room => write!(f, "{who} has no room (window 0): its program does not read"),
            Awaited::Connection => write!(f, "{who} was asked to connect and answers nothing"),
            Awaited::FirstByte => write!(
                f,
                "{who} accepted a connection on which neither side has sent a byte"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_has_what() {
        let wait = |what| {
            let who = "127.0.0.1:7777".parse().unwrap();
            let wait = Wait {
                stream: StreamId(0),
                who,
                what,
                since: Timestamp(0),
            };
            wait.to_string()
        };
        assert_eq!(
            wait(Awaited::EndOfStream {
                bytes: 12_088,
                whole: true
            }),
            "127.0.0.1:7777 has 12,088 bytes, a whole picture, and no end of stream"
        );
        assert_eq!(
            wait(Awaited::Rest {
                bytes: 5_000,
                declared: 12_088
            }),
            "127.0.0.1:7777 has 5,000 of the 12,088 bytes that were declared"
        );
    }
}

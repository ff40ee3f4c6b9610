//! Where frames come from: capture files and live interfaces, both handing out [`crate::frame::Frame`].
//!
//! Files ([`Capture`]): pcap, pcapng, snoop and ERF, in gzip or zstd, from a path or from standard input, one or several.
//! A parser is shown bytes and says what comes first in them; it does no I/O, so a mapped file and a stream are
//! read by the same code. Interfaces ([`live`]): libpcap.
//!
//! This room decodes no frame, keeps none, and prints nothing. It never fills in what a file lacks: a file that
//! is cut short or damaged gives its frames up to there, and the place and reason are told ([`Damage`]).
#![expect(
    clippy::disallowed_methods,
    reason = "an edge: it opens files and devices, and asks how long ago a file was written"
)]

mod ahead;
mod bytes;
mod capture;
mod clock;
mod damage;
mod erf;
mod error;
mod growing;
mod input;
pub mod live;
mod map;
mod merge;
#[cfg(target_os = "linux")]
pub(crate) mod netlink;
mod parse;
mod pcap;
mod pcapng;
mod reader;
mod sniff;
mod snoop;
mod summary;
mod window;

pub use capture::{Capture, MappedFrames};
pub use damage::{Damage, Reason};
pub use error::Error;
pub(crate) use growing::{Growing, Grown};
pub use input::Files;
pub use summary::{Compression, FileSummary, Format, Interface, TimeResolution, ended};

#[cfg(test)]
mod tests;

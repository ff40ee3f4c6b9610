//! Capturing live: a private network to capture in, and the session that reads, writes and analyses.
//!
//! [`private`] gives this process, or a child of it, a network of its own whose loopback nobody else uses,
//! without root where the kernel allows. [`session`] moves frames from the kernel to a pcapng file and to
//! the analysis, and counts every frame that it could not keep. [`confine`] takes from the process what it no longer
//! needs, [`repair`] cuts the half block off the file of a capture that was killed. This room decides nothing about pictures
//! and prints nothing.

pub(crate) mod annotate;
pub(crate) mod confine;
pub mod pcapng;
pub mod private;
pub(crate) mod repair;
pub(crate) mod session;

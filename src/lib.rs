//! imgnet: did the picture I sent over a socket arrive, byte for byte?
//!
//! The way bytes go, on the reading side:
//!
//! ```text
//! source ─► decode ─► flow ─► reassembly ─► wire ─► picture ─► ledger ─► findings ─► verify ─► report
//! frames    segments  streams bytes+gaps   pictures structure  chunks    why         equal?    people, CI
//! ```
//!
//! On the sending side the same [`wire`] module encodes what [`transfer`] puts on its sockets.
//! [`analysis`] alone strings the reading steps together and pushes events to observers.
//! `docs/architecture.md` explains the house and its laws.
//!
//! # As a library
//! Reading a capture, and what is said of each picture:
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use imgnet::analysis::{Analysis, Collector, Options};
//! use imgnet::report::model::Packets;
//! use imgnet::source::Capture;
//!
//! let mut analysis = Analysis::new(Options::default());
//! let mut collector = Collector::new();
//! Capture::open(&["captures/pipeline.pcap".into()])?.for_each_frame(&mut |frame| {
//!     analysis.frame(frame, &mut collector);
//!     ControlFlow::Continue(())
//! })?;
//! let counts = analysis.finish(&mut collector);
//! let report = collector.into_report(Vec::new(), Packets::from(counts));
//! assert!(report.images.iter().any(|image| image.complete));
//! for image in &report.images {
//!     println!("{} → {}: {:?} bytes, whole: {}", image.from, image.to, image.bytes, image.complete);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whether the file that was sent is what went over the wire, as `imgnet verify` says it:
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use imgnet::analysis::Options;
//! use imgnet::cli::verify::{MemoryFile, verified};
//! use imgnet::ledger::Verdict;
//! use imgnet::source::Capture;
//!
//! let mut kept = Vec::new();
//! Capture::open(&["captures/eof.pcap".into()])?.for_each_frame(&mut |frame| {
//!     kept.push((frame.number, frame.time, frame.link, frame.interface, frame.wire_len, frame.data.to_vec()));
//!     ControlFlow::Continue(())
//! })?;
//! let frames = kept.iter().map(|(number, time, link, interface, wire_len, data)| imgnet::frame::Frame {
//!     number: *number,
//!     time: *time,
//!     link: *link,
//!     interface: *interface,
//!     wire_len: *wire_len,
//!     data,
//!     after_end: false,
//! });
//! let file = MemoryFile {
//!     path: "a.jpg".into(),
//!     bytes: std::fs::read("captures/eof/sent/a.jpg")?.into(),
//!     named: true,
//! };
//! let both = [file];
//! let report = verified(frames, Vec::new(), Some(&both), Some(&both), Options::default())?;
//! assert_eq!(report.verdict, Some(Verdict::Match));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Following an interface, as `imgnet capture` does (needs the right to capture):
//!
//! ```no_run
//! use std::ops::ControlFlow;
//!
//! use imgnet::analysis::{Analysis, Collector, Options};
//! use imgnet::source::live::{self, Live};
//!
//! let mut live = Live::open(&live::Options { filter: Some("tcp port 5050".into()), ..live::Options::default() })?;
//! let mut analysis = Analysis::new(Options::default());
//! let mut collector = Collector::new();
//! for _ in 0..100 {
//!     // Comes back after the timeout, whether there were frames or not.
//!     live.poll(&mut |frame| {
//!         analysis.frame(frame, &mut collector);
//!         ControlFlow::Continue(())
//!     })?;
//! }
//! assert_eq!(live.statistics()?.dropped, 0, "the kernel could not keep up");
//! analysis.finish(&mut collector);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One direction of a wire format, in any pieces; the encoder of the same:
//!
//! ```
//! use imgnet::wire::{Decode, Event, Protocol, Role, StreamEnd, decoder, pieces};
//!
//! let format: Protocol = "length=u32be".parse()?;
//! let mut decoder = decoder(&format, Role::Initiator);
//! let mut picture = Vec::new();
//! let mut keep = |event: Event<'_>| {
//!     if let Event::PictureData(bytes) = event {
//!         picture.extend_from_slice(bytes);
//!     }
//! };
//! for piece in pieces(&format, b"any bytes", 4)? {
//!     decoder.update(&piece.bytes, &mut keep);
//! }
//! decoder.finish(StreamEnd::Fin, &mut keep);
//! assert_eq!(picture, b"any bytes");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod align;
pub mod analysis;
pub mod capture;
pub mod cli;
pub mod decode;
pub mod digest;
pub mod dissect;
pub mod expect;
pub mod findings;
pub(crate) mod flow;
pub mod frame;
pub mod imaging;
#[cfg(feature = "archive")]
pub(crate) mod lake;
pub mod ledger;
pub mod picture;
pub mod reassembly;
pub mod report;
pub mod source;
pub(crate) mod system;
pub mod transfer;
pub mod units;
pub(crate) mod verify;
pub(crate) mod view;
pub mod wire;

//! The picture work of the pipeline: split into strips, filter, merge; and pictures made up for demonstrations.
//!
//! Works on decoded pictures in memory. Opens no file, knows no socket and no wire format.

mod encode;
mod filter;
pub(crate) mod half_blocks;
mod jpeg;
mod strips;
pub mod synth;

pub use crate::picture::{DecodeError, DecodeLimits, decode};
pub use encode::{DEFAULT_QUALITY, EncodeError, encode};
pub use filter::{Filter, Unfiltered, UnknownFilter};
pub use strips::{StripError, merge, split};

//! One direction's bytes in order, with every gap a range that has a cause, and the way back from each
//! byte to the frames that carried it.
//!
//! [`ranges`] knows ranges and no bytes; [`assembler`] orders bytes; [`tcp`] turns TCP segments into offsets and
//! tells repeats from news; [`provenance`] remembers which frame carried what. In-order bytes pass through
//! without being kept or copied; only out-of-order bytes wait, up to a limit. Nothing here fills a gap, knows a
//! wire format, or looks at a clock.

pub mod assembler;
pub(crate) mod gap;
pub(crate) mod provenance;
pub(crate) mod ranges;
pub(crate) mod tcp;

pub use assembler::{Assembler, Conflict, Delivery};
pub use gap::{Gap, GapCause};
pub use provenance::{Extent, Log};
pub use ranges::RangeSet;

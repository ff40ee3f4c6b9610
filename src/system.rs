//! What systems do differently, in small: each call as Linux has it, and as others do without.
//!
//! Rooms that speak to Linux at length have sides of their own, chosen where they are named: `capture::confine`,
//! `capture::private`, `source::live`, `transfer::readiness`, `transfer::taken`.

#[cfg_attr(target_os = "linux", path = "system/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "system/elsewhere.rs")]
mod side;

pub(crate) use side::*;

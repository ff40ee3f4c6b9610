//! How two pictures differ: byte by byte, with the damage named where it has a name, and pixel by pixel.
//!
//! `expected` is what was sent (or stands on the wire), `found` what arrived (or stands in the receiver's file).

mod bytes;
mod damage;
mod pixels;
mod quality;

pub(crate) use bytes::bytes;
pub(crate) use damage::Damage;
pub(crate) use pixels::{bgr24, pixels};
pub(crate) use quality::quality;

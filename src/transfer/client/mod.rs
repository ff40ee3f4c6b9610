//! The clients: each connects (or listens once), moves its pictures, and ends.

pub mod get;
pub mod receive;
pub mod send;
pub mod work;

//! The clients: each connects (or listens once), moves its pictures, and ends.

pub(crate) mod get;
pub(crate) mod receive;
pub(crate) mod send;
pub(crate) mod work;

//! Archives: the tables of many captures in Parquet, in a folder or an object store (`imgnet/lake/v1`).
//!
//! What is put there is the unit: one capture, of one file or of the files that rotation made of it. Its tables are files
//! named by its digest, each written whole or not at all, `captures` last: where that is, all are, and where it is not,
//! nothing of the unit counts. So it does not matter how often, where or by how many at once a unit is put.
//!
//! This room decides no verdict and counts nothing: columns and cells come from [`crate::report::tables`].
#![expect(
    clippy::disallowed_methods,
    reason = "an edge: it lists folders of captures, reads them for their digest, and writes tables"
)]

mod batch;
mod compact;
mod error;
mod file;
mod follow;
mod known;
mod prune;
mod store;
mod unit;
mod units;

pub(crate) use error::Error;
pub(crate) use file::TableFile;
pub(crate) use follow::Follower;
pub(crate) use known::Standing;
pub(crate) use store::{Lake, Put, folder, make};
pub(crate) use unit::{Identity, Unit, host};
pub(crate) use units::{Grouping, units};

//! One packet to the byte: a tree with byte ranges from frame to chunk, the fields that filters name, and what each
//! packet carries of the pictures.
//!
//! Stands on what the other rooms know: `decode` says where headers lie and what they say, `analysis` which stream a frame
//! belongs to, and the accounts which bytes of a stream are a picture, framing, an answer or none of these. It decodes
//! nothing a second time in another way. Opens nothing, prints nothing, reads no clock; lists, trees, hex dumps, JSON and
//! the viewer only render what it says.

pub(crate) mod carried;
pub(crate) mod fields;
pub(crate) mod filter;
pub(crate) mod follow;
pub(crate) mod hex;
pub(crate) mod index;
pub(crate) mod info;
pub(crate) mod ladder;
mod line;
pub(crate) mod list;
pub(crate) mod seen;
pub(crate) mod structure;
pub(crate) mod tcp;
pub(crate) mod tree;
pub(crate) mod value;

pub use carried::{Carried, Piece, Role};
pub use fields::Field;
pub use filter::Filter;
pub use index::Index;
pub(crate) use line::Line;
pub use seen::{Before, Content, Gathered, Inspector, Place, Seen};
pub use value::{Kind, Value};

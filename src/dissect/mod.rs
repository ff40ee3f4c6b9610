//! One packet to the byte: a tree with byte ranges from frame to chunk, the fields that filters name, and what each
//! packet carries of the pictures.
//!
//! Stands on what the other rooms know: `decode` says where headers lie and what they say, `analysis` which stream a frame
//! belongs to, and the accounts which bytes of a stream are a picture, framing, an answer or none of these. It decodes
//! nothing a second time in another way. Opens nothing, prints nothing, reads no clock; lists, trees, hex dumps, JSON and
//! the viewer only render what it says.

pub mod carried;
pub mod fields;
pub mod filter;
pub mod follow;
pub mod hex;
pub mod index;
pub mod info;
pub mod ladder;
pub mod list;
pub mod seen;
mod short;
pub mod structure;
pub mod tcp;
pub mod tree;
pub mod value;

pub use carried::{Carried, Piece, Role};
pub use fields::Field;
pub use filter::Filter;
pub use index::Index;
pub use seen::{Content, Inspector, Noted, Place, Seen};
pub use value::{Kind, Value};

//! The commands as a user runs them, and what they write.

#[path = "../support/scenario.rs"]
mod scenario;
#[path = "../support/schema.rs"]
mod schema;
#[path = "../support/mod.rs"]
mod support;

mod annotate;
mod check;
mod dissectors;
mod docs;
mod filters;
mod inspect;
mod outputs;
mod package;
mod page;
mod tshark;
mod verify;
mod view;

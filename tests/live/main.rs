//! Live captures, on private networks: where there can be none, each test says that it was skipped, and why.

#[path = "../support/private_network.rs"]
mod private_network;
#[path = "../support/schema.rs"]
mod schema;
#[path = "../support/mod.rs"]
mod support;

mod capture;
mod capture_compared;
mod clock;
mod confined;
mod diagnosis;
mod extcap;
mod hosts;
mod interface;
mod live;

//! What holds on every capture, whatever is left out, changed or repeated; and the laws of the house.

#[path = "../support/edit.rs"]
mod edit;
#[path = "../support/framings.rs"]
mod framings;
#[path = "../support/given.rs"]
mod given;
#[path = "../../examples/make-capture.rs"]
#[expect(dead_code, reason = "its command line is not used here")]
mod make_capture;
#[path = "../support/scenario.rs"]
mod scenario;
#[path = "../support/schema.rs"]
mod schema;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/sweep.rs"]
mod sweep;

mod captures;
mod cases;
mod cases_capture;
mod conservation;
mod counted;
mod generated;
mod growth;
mod made_captures;
mod own_captures;
mod recorded;
mod rooms;
mod sensitive;
mod sweeps;
mod sweeps_files;
mod threads;

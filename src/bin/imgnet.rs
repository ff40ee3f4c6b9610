//! imgnet: see the crate documentation.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: imgnet::cli::Telling = imgnet::cli::Telling { program: "imgnet" };

fn main() -> ExitCode {
    imgnet::cli::imgnet(std::env::args_os())
}

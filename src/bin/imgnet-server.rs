//! imgnet-server: see the crate documentation.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: imgnet::cli::Telling = imgnet::cli::Telling {
    program: "imgnet-server",
};

fn main() -> ExitCode {
    imgnet::cli::server::imgnet_server(std::env::args_os())
}

//! imgnet-client: see the crate documentation.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: imgnet::cli::Telling = imgnet::cli::Telling {
    program: "imgnet-client",
};

fn main() -> ExitCode {
    imgnet::cli::client::imgnet_client(std::env::args_os())
}

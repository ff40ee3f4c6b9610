//! imgnet-server: see the crate documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    imgnet::cli::server::imgnet_server(std::env::args_os())
}

//! imgnet-client: see the crate documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    imgnet::cli::client::imgnet_client(std::env::args_os())
}

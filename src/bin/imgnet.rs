//! imgnet: see the crate documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    imgnet::cli::imgnet(std::env::args_os())
}

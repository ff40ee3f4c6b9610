//! `imgnet-query`: SQL over a lake, by DataFusion in this process; with `--ballista`, by the program that speaks to clusters.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use clap::Parser as _;
use imgnet_query::Query;

/// The program that has Ballista built in.
const CLUSTER: &str = "imgnet-ballista";

fn main() -> ExitCode {
    let query = match Query::try_parse() {
        Ok(query) => query,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.exit_code() == 0 { 0 } else { 2 });
        }
    };
    if query.ballista.is_some() {
        return cluster();
    }
    imgnet_query::exit(imgnet_query::answer(&query))
}

/// Becomes the program that asks a cluster: the one beside this one, else the one on the path.
fn cluster() -> ExitCode {
    let beside = std::env::current_exe()
        .ok()
        .map(|own| own.with_file_name(CLUSTER))
        .filter(|program| program.is_file());
    let program = beside.unwrap_or_else(|| CLUSTER.into());
    let error = Command::new(&program)
        .arg("query")
        .args(std::env::args_os().skip(1))
        .exec();
    let _ = writeln!(
        std::io::stderr(),
        "imgnet query: --ballista needs the program {CLUSTER}, and {} cannot be started: {error}\n  \
         build it: cargo build --release --manifest-path engines/ballista/Cargo.toml",
        program.display()
    );
    ExitCode::from(2)
}

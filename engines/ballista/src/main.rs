//! `imgnet-ballista`: asks a cluster of Ballista, and is its programs: scheduler and executors must be of the client's version.

mod cluster;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// SQL over a lake of imgnet on a cluster of Ballista
#[derive(Debug, Parser)]
#[command(
    name = "imgnet-ballista",
    version,
    after_help = "A cluster on this machine:\n  \
                  imgnet-ballista scheduler &\n  \
                  imgnet-ballista executor &\n  \
                  imgnet query lake --ballista df://localhost:50050 'SELECT * FROM by_day'",
    max_term_width = 100
)]
struct Command {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Ask: what `imgnet query --ballista` runs
    Query(imgnet_query::Query),
    /// Ballista's scheduler
    #[command(version)]
    Scheduler(ballista_scheduler::config::Config),
    /// An executor of Ballista
    #[command(version)]
    Executor(ballista_executor::config::Config),
}

fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.exit_code() == 0 { 0 } else { 2 });
        }
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match command.role {
        Role::Query(query) => imgnet_query::exit(cluster::answer(&query)),
        Role::Scheduler(config) => imgnet_query::exit(cluster::schedule(config)),
        Role::Executor(config) => imgnet_query::exit(cluster::execute(config)),
    }
}

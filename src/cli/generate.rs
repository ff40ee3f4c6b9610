//! `imgnet generate`: what a package installs beside the programs, made of their own command lines.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _, ValueEnum};
use clap_complete::Shell;

use crate::cli::exit::Exit;
use crate::cli::output::trouble;

/// Write completions for shells, or manual pages, of all three programs into a folder
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// What to write
    #[arg(value_enum, value_name = "WHAT")]
    what: What,

    /// Where; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// What can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// For bash, zsh and fish
    Completions,
    /// Manual pages, section 1
    Man,
}

/// The command lines of the three programs.
fn programs() -> [Command; 3] {
    [
        super::Imgnet::command(),
        super::server::Server::command(),
        super::client::Client::command(),
    ]
}

/// Runs the command.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn run(command: &Generate) -> anyhow::Result<Exit> {
    let folder = command.folder.as_path();
    let cannot = trouble(folder, "cannot be written", "choose another folder");
    fs::create_dir_all(folder).map_err(&cannot)?;
    for program in programs() {
        match command.what {
            What::Completions => completions(program, folder).map_err(&cannot)?,
            What::Man => clap_mangen::generate_to(program, folder).map_err(&cannot)?,
        }
    }
    Ok(Exit::Good)
}

fn completions(mut program: Command, folder: &Path) -> std::io::Result<()> {
    let name = program.get_name().to_owned();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut program, &name, folder)?;
    }
    Ok(())
}

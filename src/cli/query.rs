//! `imgnet query`: SQL over a lake, by the program `imgnet-query`.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;
use clap::Args;

use crate::cli::exit::Exit;

/// What does the work: large, and so a program of its own.
const PROGRAM: &str = "imgnet-query";

/// Ask a lake with SQL (runs the program imgnet-query)
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "Examples:\n  \
                  imgnet query lake 'SELECT verdict, count(*) FROM images GROUP BY 1'\n  \
                  imgnet query lake 'SELECT * FROM failures' --format csv\n  \
                  imgnet query lake --file question.sql\n  \
                  imgnet query --help                   what imgnet-query takes, if it is there\n\n\
                  imgnet-query is looked for beside imgnet, then in PATH. Build it with: cargo build --release -p imgnet-query",
    max_term_width = 100
)]
pub(crate) struct Query {
    /// The lake, the SQL, and the options of imgnet-query
    #[arg(
        value_name = "LAKE SQL",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true
    )]
    arguments: Vec<OsString>,
}

/// Runs the command.
///
/// # Errors
/// No imgnet-query: exit code 2.
pub(super) fn run(command: &Query) -> anyhow::Result<Exit> {
    let Some(program) = program() else {
        bail!(
            "{PROGRAM} is neither beside imgnet nor in PATH; build it: cargo build --release -p {PROGRAM}, then put target/release/{PROGRAM} beside imgnet"
        );
    };
    let status = Command::new(&program).args(&command.arguments).status();
    match status {
        Ok(status) => Ok(
            match status.code().and_then(|code| u8::try_from(code).ok()) {
                Some(0) => Exit::Good,
                Some(code) => Exit::OfCommand(code),
                None => bail!("{} was ended by a signal", program.display()),
            },
        ),
        Err(error) => bail!("{}: {error}", program.display()),
    }
}

fn program() -> Option<PathBuf> {
    let beside = env::current_exe()
        .ok()
        .and_then(|imgnet| Some(imgnet.parent()?.join(PROGRAM)));
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(PROGRAM));
    beside
        .into_iter()
        .chain(on_path)
        .find(|program| is_program(program))
}

fn is_program(path: &Path) -> bool {
    let executable = |path: &Path| -> io::Result<bool> {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = path.metadata()?;
        Ok(metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    executable(path).unwrap_or(false)
}

//! Exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: the input was read to its end (`analyze`, `report`), or everything compared is equal.
    Good,
    /// 1: a picture is different, not whole, or there was nothing to compare it with; an expectation failed.
    NotEqual,
    /// 2: wrong usage, an input that cannot be read, or an output that cannot be written.
    Usage,
    /// 3: the capture lacks something: the file is cut short or damaged, or bytes were never captured.
    Inconclusive,
    /// 4: not allowed to capture.
    NotAllowed,
    /// That of the command which `capture` ran.
    OfCommand(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Good => 0,
            Exit::NotEqual => 1,
            Exit::Usage => 2,
            Exit::Inconclusive => 3,
            Exit::NotAllowed => 4,
            Exit::OfCommand(code) => code,
        })
    }
}

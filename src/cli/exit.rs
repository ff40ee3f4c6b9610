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

impl Exit {
    /// What the system is told.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::NotEqual => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::NotAllowed => 4,
            Self::OfCommand(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

//! Exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// 0: the input was read to its end (`analyze`, `report`), or everything compared is equal.
    Good = 0,
    /// 1: a picture is different, not whole, or there was nothing to compare it with; an expectation failed.
    NotEqual = 1,
    /// 2: wrong usage, an input that cannot be read, or an output that cannot be written.
    Usage = 2,
    /// 3: the capture lacks something: the file is cut short or damaged, or bytes were never captured.
    Inconclusive = 3,
    /// 4: not allowed to capture.
    NotAllowed = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

//! Why a private network could not be made, and the setting or command that would allow it.

use std::io;

use rustix::io::Errno;

/// What was tried when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The process has more than one thread already.
    Threads,
    /// Starting the child that tries it out.
    Fork,
    /// Making the user and network namespaces (unshare(2)).
    Namespaces,
    /// Saying who the user is inside (`/proc/self/uid_map`).
    Map,
    /// Bringing the loopback up.
    Loopback,
    /// Making a bridge.
    Bridge,
    /// Making a virtual cable (veth).
    Cable,
}

/// A private network is not allowed, or not possible, here. The caller may fall back to the machine's
/// own loopback, which needs the right to capture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no private network: {}; {advice}", self.reason())]
pub struct Forbidden {
    /// What was tried, in words.
    pub what: &'static str,
    /// The same, for programs.
    pub step: Step,
    /// What the kernel answered.
    pub errno: Errno,
    /// The setting that forbids it, with its value; absent where none could be made out.
    pub setting: Option<String>,
    /// The command that would allow it, or what to do instead.
    pub advice: String,
}

impl Forbidden {
    /// What was tried and what forbids it; what the kernel answered only where no setting was made out, for its words are
    /// about something else then ("no space left on device" for a limit).
    pub fn reason(&self) -> String {
        match &self.setting {
            Some(setting) => format!("{} failed: {setting}", self.what),
            None => format!("{} failed ({})", self.what, io::Error::from(self.errno)),
        }
    }

    /// The command that would allow it, or what to do instead, by itself.
    pub fn command(&self) -> &str {
        let prefix = ["to allow it: ", "to raise it: "];
        let stripped = prefix
            .iter()
            .find_map(|prefix| self.advice.strip_prefix(prefix));
        stripped.unwrap_or(&self.advice)
    }
}

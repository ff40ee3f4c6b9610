//! Confines the programs that move pictures, once their sockets, ledgers and folders are open.

use crate::capture::confine::{Needs, confine};
use crate::transfer::{Event, Session};

/// Confines the process to what it needs from now on; call it before it starts a thread. Where the kernel lacks a part, it
/// goes on, and that is told.
pub(super) fn confined(needs: &Needs, session: &Session<'_>) {
    let confinement = confine(needs);
    if confinement.lacks() {
        (session.observer)(Event::Note(format!(
            "not confined as it should be: {confinement}"
        )));
    }
}

//! Confines the process, once all that it needs is open.

use std::io::{self, Write as _};

use super::memory;
use crate::capture::confine::{Needs, confine};
use crate::transfer::{Event, Session};

/// Confines a command to what it needs from now on; says by what where that is wanted.
///
/// # Errors
/// Those of standard error.
pub(super) fn confined(needs: &Needs, tells: bool) -> io::Result<()> {
    // From it limits are made later, when nothing can be opened any more.
    let _ = memory::free_memory();
    let confinement = confine(needs);
    if tells {
        writeln!(io::stderr().lock(), "imgnet: confined: {confinement}")?;
    }
    Ok(())
}

/// Confines a program that moves pictures, once its sockets, ledgers and folders are open; call it before it starts a thread.
/// Where the kernel lacks a part, it goes on, and that is told.
pub(super) fn confined_in(session: &Session<'_>, needs: &Needs) {
    let confinement = confine(needs);
    if confinement.lacks() {
        (session.observer)(Event::Note(format!(
            "not confined as it should be: {confinement}"
        )));
    }
}

//! Where the system is not Linux: nothing is given up, and that is said.

use super::{Confinement, Means, Needs, Step};

const LINUXS: &str = "only Linux has it";

/// Confines nothing.
pub(crate) fn confine(_: &Needs) -> Confinement {
    let without = || Step::Without(LINUXS.to_owned());
    Confinement {
        capabilities: without(),
        no_new_privileges: without(),
        landlock: without(),
        seccomp: without(),
    }
}

/// There is none.
pub(crate) fn landlock_means() -> Means {
    Means {
        present: false,
        detail: format!("{LINUXS}: imgnet may open what this user may"),
        advice: None,
    }
}

/// There is none.
pub(crate) fn seccomp_means() -> Means {
    Means {
        present: false,
        detail: format!("{LINUXS}: imgnet may call what any program may"),
        advice: None,
    }
}

//! Which setting of the kernel forbids a private network, and the command that would allow it.

#![expect(
    clippy::disallowed_methods,
    reason = "an edge: it reads the kernel's settings to say which one forbids"
)]

use rustix::io::Errno;

use crate::capture::private::{Forbidden, Step};

impl Step {
    pub(super) fn code(self) -> i32 {
        match self {
            Self::Threads => 3,
            Self::Fork => 4,
            Self::Namespaces => 5,
            Self::Map => 6,
            Self::Loopback => 7,
            Self::Bridge => 8,
            Self::Cable => 9,
        }
    }

    pub(super) fn from_code(code: i32) -> Option<Self> {
        [
            Self::Threads,
            Self::Fork,
            Self::Namespaces,
            Self::Map,
            Self::Loopback,
            Self::Bridge,
            Self::Cable,
        ]
        .into_iter()
        .find(|step| step.code() == code)
    }

    fn what(self) -> &'static str {
        match self {
            Self::Threads => "entering a namespace with threads running",
            Self::Fork => "starting a child process",
            Self::Namespaces => "making a user and network namespace",
            Self::Map => "mapping the user into its namespace",
            Self::Loopback => "bringing the private loopback up",
            Self::Bridge => "making a bridge in a private network",
            Self::Cable => "making a virtual cable (veth) in a private network",
        }
    }
}

/// The kernel's settings that can forbid a private network; absent where the kernel has no such setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Settings {
    /// `kernel.unprivileged_userns_clone` (Debian and its relatives).
    unprivileged_userns_clone: Option<u64>,
    /// `user.max_user_namespaces`.
    max_user_namespaces: Option<u64>,
    /// `user.max_net_namespaces`.
    max_net_namespaces: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns` (Ubuntu since 23.10).
    apparmor_restrict: Option<u64>,
    /// The seccomp mode of this process: 2 is a filter, as containers have.
    seccomp: Option<u64>,
    /// Whether the kernel has user namespaces at all.
    user_namespaces: bool,
    /// Whether this user is root, whatever rights that has here.
    root: bool,
}

impl Settings {
    pub(super) fn of_this_system() -> Self {
        let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse().ok();
        Self {
            unprivileged_userns_clone: number("/proc/sys/kernel/unprivileged_userns_clone"),
            max_user_namespaces: number("/proc/sys/user/max_user_namespaces"),
            max_net_namespaces: number("/proc/sys/user/max_net_namespaces"),
            apparmor_restrict: number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            seccomp: std::fs::read_to_string("/proc/self/status")
                .ok()
                .and_then(|status| {
                    let line = status.lines().find_map(|l| l.strip_prefix("Seccomp:"))?;
                    line.trim().parse().ok()
                }),
            user_namespaces: std::path::Path::new("/proc/self/ns/user").exists(),
            root: rustix::process::geteuid().is_root(),
        }
    }
}

impl Forbidden {
    /// Explains a failed step by the settings of this system.
    pub(super) fn explain(step: Step, errno: Errno) -> Self {
        Self::under(&Settings::of_this_system(), step, errno)
    }

    fn under(settings: &Settings, step: Step, errno: Errno) -> Self {
        let set = |name: &str, value: u64, better: u64| {
            (
                Some(format!("{name} = {value}")),
                format!("to allow it: sudo sysctl -w {name}={better}"),
            )
        };
        let (setting, advice) = if step == Step::Threads {
            (None, "start it before any thread".to_owned())
        } else if step == Step::Fork {
            (
                None,
                "see `ulimit -u` and the memory that is free".to_owned(),
            )
        } else if matches!(step, Step::Bridge | Step::Cable) {
            (
                None,
                "the kernel's modules may be missing: sudo modprobe bridge; sudo modprobe veth"
                    .to_owned(),
            )
        } else if let Some(0) = settings.unprivileged_userns_clone {
            set("kernel.unprivileged_userns_clone", 0, 1)
        } else if let Some(0) = settings.max_user_namespaces {
            set("user.max_user_namespaces", 0, 10_000)
        } else if let Some(0) = settings.max_net_namespaces {
            set("user.max_net_namespaces", 0, 10_000)
        } else if errno == Errno::NOSPC {
            (
                Some("the limit user.max_user_namespaces or user.max_net_namespaces is used up".to_owned()),
                "to raise it: sudo sysctl -w user.max_user_namespaces=100000 user.max_net_namespaces=100000".to_owned(),
            )
        } else if matches!(settings.apparmor_restrict, Some(value) if value > 0) {
            set("kernel.apparmor_restrict_unprivileged_userns", 1, 0)
        } else if step == Step::Map && settings.root && errno == Errno::PERM {
            (
                Some("the user is root without CAP_SETFCAP, as in a container, and may not be mapped".to_owned()),
                "run it as another user, or start the container with `--cap-add SETFCAP`, or with `--cap-add SYS_ADMIN --cap-add NET_ADMIN`".to_owned(),
            )
        } else if settings.seccomp == Some(2) {
            (
                Some("a seccomp filter, such as a container's, is in force".to_owned()),
                "to allow it: start the container with `--security-opt seccomp=unconfined`, or with `--cap-add SYS_ADMIN --cap-add NET_ADMIN`".to_owned(),
            )
        } else if !settings.user_namespaces || errno == Errno::NOSYS {
            (
                Some("this kernel has no user namespaces (CONFIG_USER_NS)".to_owned()),
                "run it as root instead".to_owned(),
            )
        } else if errno == Errno::INVAL && step == Step::Namespaces {
            (
                Some("the process has threads, or the kernel has no network namespaces (CONFIG_NET_NS)".to_owned()),
                "run it as root instead".to_owned(),
            )
        } else {
            (None, "run it as root (sudo), or see whether a chroot or a security module (SELinux, AppArmor) forbids it".to_owned())
        };
        Self {
            what: step.what(),
            step,
            errno,
            setting,
            advice,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissive() -> Settings {
        Settings {
            max_user_namespaces: Some(1000),
            max_net_namespaces: Some(1000),
            user_namespaces: true,
            ..Settings::default()
        }
    }

    #[test]
    fn the_setting_that_forbids_is_named_with_its_cure() {
        let debian = Settings {
            unprivileged_userns_clone: Some(0),
            ..permissive()
        };
        let said = Forbidden::under(&debian, Step::Namespaces, Errno::PERM).to_string();
        assert!(
            said.contains("kernel.unprivileged_userns_clone = 0"),
            "{said}"
        );
        assert!(
            said.contains("sysctl -w kernel.unprivileged_userns_clone=1"),
            "{said}"
        );

        let ubuntu = Settings {
            apparmor_restrict: Some(1),
            unprivileged_userns_clone: Some(1),
            ..permissive()
        };
        let said = Forbidden::under(&ubuntu, Step::Map, Errno::PERM).to_string();
        assert!(
            said.contains("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
            "{said}"
        );

        let bare_root = Settings {
            root: true,
            ..permissive()
        };
        let said = Forbidden::under(&bare_root, Step::Map, Errno::PERM).to_string();
        assert!(said.contains("CAP_SETFCAP"), "{said}");

        let container = Settings {
            seccomp: Some(2),
            ..permissive()
        };
        let said = Forbidden::under(&container, Step::Namespaces, Errno::PERM).to_string();
        assert!(said.contains("seccomp=unconfined"), "{said}");
    }

    #[test]
    fn nothing_is_blamed_where_nothing_is_known() {
        let forbidden = Forbidden::under(&permissive(), Step::Namespaces, Errno::PERM);
        assert_eq!(forbidden.setting, None);
        assert!(
            forbidden.to_string().contains("Operation not permitted"),
            "{forbidden}"
        );
    }

    #[test]
    fn codes_lead_back_to_their_steps() {
        for step in [
            Step::Threads,
            Step::Fork,
            Step::Namespaces,
            Step::Map,
            Step::Loopback,
            Step::Bridge,
            Step::Cable,
        ] {
            assert_eq!(Step::from_code(step.code()), Some(step));
        }
        assert_eq!(Step::from_code(0), None);
    }
}

//! Capabilities, no-new-privs, Landlock and seccomp of Linux.

#![expect(
    clippy::disallowed_methods,
    reason = "an edge: it starts a thread to try Landlock out, and asks the kernel for what it has"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use caps::{CapSet, Capability};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::{Confinement, Means, Needs, Network, Step};

/// By which the C library finds out for how many threads its memory has to be divided.
const PROCESSORS: &str = "/sys/devices/system/cpu/online";

/// Files by which the C library finds the addresses of names.
const NAMES: [&str; 8] = [
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ld.so.cache",
    "/usr/lib",
];

impl Needs {
    /// Whether it opens files to read.
    fn opens(&self) -> bool {
        !self.reads.is_empty() || self.network != Network::None || self.stores
    }

    /// Whether it makes or removes files.
    fn changes_files(&self) -> bool {
        !self.folders.is_empty() || self.network != Network::None
    }
}

/// Confines the calling thread, and those that it starts from now on. Nothing of it can be undone.
///
/// Never fails: what the kernel has not, or does not allow, is done without, and the result says so.
pub(crate) fn confine(needs: &Needs) -> Confinement {
    // Landlock opens the folders, so it comes before the list of system calls.
    let no_new_privileges = match rustix::thread::set_no_new_privs(true) {
        Ok(()) => Step::InForce,
        Err(errno) => Step::Without(errno.to_string()),
    };
    Confinement {
        landlock: landlock(needs).unwrap_or_else(|error| Step::Without(error.to_string())),
        capabilities: capabilities(needs),
        seccomp: match seccomp(needs) {
            Ok(()) => Step::InForce,
            Err(error) => Step::Without(error.to_string()),
        },
        no_new_privileges,
    }
}

fn capabilities(needs: &Needs) -> Step {
    // Root without any could not make files in a folder of another user, where it could before.
    let keep = rustix::process::geteuid().is_root()
        && (needs.changes_files() || needs.opens())
        && caps::has_cap(None, CapSet::Permitted, Capability::CAP_DAC_OVERRIDE).unwrap_or(false);
    let kept: caps::CapsHashSet = keep
        .then_some(Capability::CAP_DAC_OVERRIDE)
        .into_iter()
        .collect();
    // Only who holds CAP_SETPCAP may do that; for who executes nothing it changes nothing.
    let _ = caps::clear(None, CapSet::Bounding);
    let given_up = caps::clear(None, CapSet::Ambient)
        .and_then(|()| caps::set(None, CapSet::Inheritable, &caps::CapsHashSet::new()))
        .and_then(|()| caps::set(None, CapSet::Effective, &kept))
        .and_then(|()| caps::set(None, CapSet::Permitted, &kept));
    match given_up {
        Err(error) => Step::Without(error.to_string()),
        Ok(()) if keep => Step::Partly("root keeps CAP_DAC_OVERRIDE for files".to_owned()),
        Ok(()) => Step::InForce,
    }
}

fn landlock(needs: &Needs) -> Result<Step, landlock::RulesetError> {
    let ruleset = Ruleset::default().handle_access(AccessFs::from_all(ABI::V4))?;
    // Whoever connects may connect to whom it is told to.
    let mut rules = match needs.network {
        Network::None | Network::Accepts | Network::Answers => {
            ruleset.handle_access(AccessNet::from_all(ABI::V4))?
        }
        Network::Connects => ruleset.handle_access(AccessNet::BindTcp)?,
        Network::All => ruleset,
    }
    .create()?;
    // To read is for who makes a file to write and read it; opening one that is there is not let through below, but for
    // those who have the calls of files.
    let mut files = AccessFs::WriteFile
        | AccessFs::ReadFile
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::Refer
        | AccessFs::Truncate;
    if needs.network != Network::None {
        files |= AccessFs::ReadDir;
    }
    if needs.network == Network::All {
        // The servers that it starts make folders of their own in there.
        files |= AccessFs::MakeDir;
    }
    if needs.stores {
        files |= AccessFs::ReadDir | AccessFs::MakeDir | AccessFs::RemoveDir;
    }
    for folder in &needs.folders {
        // A folder that is not there cannot have files made in it either.
        if let Ok(folder) = PathFd::new(folder) {
            rules = rules.add_rule(PathBeneath::new(folder, files))?;
        }
    }
    let names = matches!(needs.network, Network::Connects | Network::All);
    let names = NAMES.iter().filter(|_| names).map(Path::new);
    let processors = (needs.network != Network::None).then_some(Path::new(PROCESSORS));
    let reads = needs.reads.iter().map(PathBuf::as_path);
    for path in reads.chain(names).chain(processors) {
        // One that is not there, or may not be read, says so when it is opened.
        let Ok(opened) = PathFd::new(path) else {
            continue;
        };
        let read = if path.is_dir() {
            AccessFs::ReadFile | AccessFs::ReadDir
        } else {
            AccessFs::ReadFile.into()
        };
        rules = rules.add_rule(PathBeneath::new(opened, read))?;
    }
    Ok(match rules.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Step::InForce,
        RulesetStatus::PartiallyEnforced => {
            Step::Partly("this kernel's Landlock is an older one".to_owned())
        }
        RulesetStatus::NotEnforced => Step::Without("not in this kernel".to_owned()),
    })
}

/// Lists of system calls, as the kernel has them.
pub(crate) fn seccomp_means() -> Means {
    let actions = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail");
    let present =
        actions.is_ok_and(|actions| actions.split_ascii_whitespace().any(|one| one == "errno"));
    let detail = if present {
        "the kernel has filters"
    } else {
        "the kernel has no filters (CONFIG_SECCOMP_FILTER)"
    };
    Means {
        present,
        detail: detail.to_owned(),
        advice: None,
    }
}

/// Landlock, as the kernel has it.
pub(crate) fn landlock_means() -> Means {
    // Asked of the kernel itself: the list of security modules is a file that is not mounted everywhere.
    let (present, detail, advice) = match landlock_status() {
        LandlockStatus::Available { effective_abi, .. } => (
            true,
            format!(
                "the kernel has it ({effective_abi:?}): imgnet opens no other files once it reads captures"
            ),
            None,
        ),
        LandlockStatus::NotEnabled => (
            false,
            "the kernel has it, not switched on".to_owned(),
            Some("add `lsm=landlock,…` to the kernel's command line, with the modules it has now"),
        ),
        LandlockStatus::NotImplemented => (
            false,
            "the kernel does not have it (CONFIG_SECURITY_LANDLOCK, Linux 5.13)".to_owned(),
            None,
        ),
    };
    Means {
        present,
        detail,
        advice,
    }
}

/// Tried out on a thread that ends at once.
fn landlock_status() -> LandlockStatus {
    let tried = std::thread::spawn(|| {
        Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V1))
            .and_then(Ruleset::create)
            .and_then(landlock::RulesetCreated::restrict_self)
            .map(|status| status.landlock)
    });
    tried
        .join()
        .ok()
        .and_then(Result::ok)
        .unwrap_or(LandlockStatus::NotImplemented)
}

/// System calls by which a running program computes, waits, and uses what it has open.
const CALLS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_lseek,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_ppoll,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_getrandom,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    // By which libpcap finds out whether an interface that went down is still there.
    libc::SYS_getsockname,
    libc::SYS_tgkill,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_restart_syscall,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_membarrier,
    // A thread's own place behind others; nobody can take a better one.
    libc::SYS_getpriority,
    libc::SYS_setpriority,
    // Let through here, and made to fail with ENOSYS by the second filter: glibc then takes clone, whose flags can be
    // looked at.
    libc::SYS_clone3,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];

/// Those by which files are made, renamed and removed; `openat` has a condition of its own.
const FILES: &[i64] = &[
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_fchmod,
    libc::SYS_getcwd,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
];

/// Those by which files and folders are read, beside `openat`.
const READS: &[i64] = &[
    libc::SYS_getdents64,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
];

/// Those by which keys, signals and the terminal's size are waited for.
const KEYS: &[i64] = &[
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
    libc::SYS_socketpair,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
];

/// The requests that set a terminal, with and without speeds of their own, as libraries please.
const SETS_TERMINAL: [libc::Ioctl; 7] = [
    libc::TCSETS,
    libc::TCSETSW,
    libc::TCSETSF,
    libc::TCGETS2,
    libc::TCSETS2,
    libc::TCSETSW2,
    libc::TCSETSF2,
];

/// Those of files and sockets, for whoever moves pictures. What is opened, Landlock decides.
const MOVES: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_flock,
    libc::SYS_fstatfs,
    libc::SYS_fchown,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_mkdirat,
    libc::SYS_utimensat,
    libc::SYS_fadvise64,
    libc::SYS_sync_file_range,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_getpeername,
    libc::SYS_setsockopt,
    libc::SYS_sendmmsg,
    libc::SYS_recvmmsg,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_pipe2,
    libc::SYS_dup3,
    libc::SYS_pselect6,
    libc::SYS_sched_setaffinity,
    libc::SYS_getcpu,
    libc::SYS_getrusage,
    libc::SYS_umask,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
];

/// Names of files as older system libraries look at them; where there are newer calls only, these are not.
const LOOKS: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
];

/// Those of a store in a folder, beside those of files.
const STORES: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_flock,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_mkdirat,
    libc::SYS_utimensat,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
];

type Error = Box<dyn std::error::Error>;

/// What it may do with sockets beyond using those that it has.
fn sockets(needs: &Needs) -> Result<BTreeMap<i64, Vec<SeccompRule>>, Error> {
    let mut rules = BTreeMap::new();
    let first_is = |value: u64| {
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    if needs.network == Network::Answers {
        // It can make no socket, and may send from the one that it has to any address already: what it gains is that
        // the system tells it when nobody is there, and which of its own addresses it sends from.
        rules.insert(libc::SYS_connect, Vec::new());
    }
    if matches!(needs.network, Network::Connects | Network::All) {
        rules.extend(
            [libc::SYS_connect, libc::SYS_bind, libc::SYS_listen].map(|call| (call, vec![])),
        );
        // Of this machine's programs, which listen on others, none is reached; NETLINK asks for the addresses of interfaces.
        let families = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]
            .into_iter()
            .map(|family| first_is(u64::from(family.unsigned_abs())))
            .collect::<Result<_, _>>()?;
        rules.insert(libc::SYS_socket, families);
    }
    if !needs.captures.is_empty() && !matches!(needs.network, Network::Connects | Network::All) {
        let own = needs
            .captures
            .iter()
            .map(|socket| first_is(socket.unsigned_abs().into()))
            .collect::<Result<_, _>>()?;
        rules.insert(libc::SYS_bind, own);
    }
    Ok(rules)
}

/// In which ways it opens files by name.
fn openings(needs: &Needs) -> Result<Vec<SeccompRule>, Error> {
    let masked = |mask: i32, wanted: i32| {
        let [mask, wanted] = [mask, wanted].map(|flags| u64::from(flags.unsigned_abs()));
        let operator = SeccompCmpOp::MaskedEq(mask);
        SeccompCondition::new(2, SeccompCmpArgLen::Dword, operator, wanted)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    let mut open = Vec::new();
    if !needs.folders.is_empty() {
        let new = libc::O_CREAT | libc::O_EXCL;
        open.push(masked(new, new)?);
        // A file that has no name yet.
        open.push(masked(libc::O_TMPFILE, libc::O_TMPFILE)?);
        // To go on with one that it made; nothing is read or overwritten by that.
        open.push(masked(
            libc::O_APPEND | libc::O_ACCMODE,
            libc::O_APPEND | libc::O_WRONLY,
        )?);
    }
    if needs.opens() {
        let mask = libc::O_ACCMODE | libc::O_APPEND | libc::O_CREAT | libc::O_TRUNC;
        open.push(masked(mask, libc::O_RDONLY)?);
    }
    Ok(open)
}

fn seccomp(needs: &Needs) -> Result<(), Error> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let argument = |index: u8, operator: SeccompCmpOp, value: u64| {
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    let flags = |index: u8, set: i32| {
        let set = u64::from(set.unsigned_abs());
        argument(index, SeccompCmpOp::MaskedEq(set), set)
    };
    // Threads, never processes.
    rules.insert(libc::SYS_clone, vec![flags(0, libc::CLONE_THREAD)?]);
    rules.insert(
        libc::SYS_prctl,
        vec![argument(0, SeccompCmpOp::Eq, 15 /* PR_SET_NAME */)?],
    );
    rules.insert(
        libc::SYS_ioctl,
        // Whether an interface that went down is up again, and which one has its name.
        [
            libc::TCGETS,
            libc::TIOCGWINSZ,
            libc::SIOCGIFFLAGS,
            libc::SIOCGIFINDEX,
        ]
        .into_iter()
        .map(|request| argument(1, SeccompCmpOp::Eq, request))
        .collect::<Result<_, _>>()?,
    );
    // Asking for limits, not setting them; but for the number of open files.
    let mut limits = vec![SeccompRule::new(vec![SeccompCondition::new(
        2,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::Eq,
        0,
    )?])?];
    let moves = needs.network != Network::None;
    if moves {
        limits.push(argument(1, SeccompCmpOp::Eq, libc::RLIMIT_NOFILE.into())?);
    }
    rules.insert(libc::SYS_prlimit64, limits);
    if needs.changes_files() {
        rules.extend(FILES.iter().map(|call| (*call, Vec::new())));
    }
    let open = openings(needs)?;
    if needs.opens() {
        rules.extend(READS.iter().map(|call| (*call, Vec::new())));
    }
    if !open.is_empty() {
        rules.insert(libc::SYS_openat, open);
    }
    if moves {
        rules.extend(MOVES.iter().chain(LOOKS).map(|call| (*call, Vec::new())));
        // Beside the terminal: non-blocking or not, and how much waits.
        let more = [libc::FIONBIO, libc::FIONREAD, libc::TIOCOUTQ]
            .into_iter()
            .map(|request| argument(1, SeccompCmpOp::Eq, request))
            .collect::<Result<Vec<_>, _>>()?;
        rules.entry(libc::SYS_ioctl).or_default().extend(more);
    }
    if needs.stores {
        rules.extend(STORES.iter().chain(LOOKS).map(|call| (*call, Vec::new())));
    }
    if let Some(program) = needs.ends {
        rules.insert(
            libc::SYS_kill,
            vec![argument(0, SeccompCmpOp::Eq, program.into())?],
        );
    }
    if needs.terminal {
        rules.extend(KEYS.iter().map(|call| (*call, Vec::new())));
        let set = SETS_TERMINAL
            .iter()
            .map(|request| argument(1, SeccompCmpOp::Eq, *request))
            .collect::<Result<Vec<_>, _>>()?;
        rules.entry(libc::SYS_ioctl).or_default().extend(set);
    }
    rules.extend(sockets(needs)?);
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let list = SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?;
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let threads = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        unknown,
        arch,
    )?;
    let list: BpfProgram = list.try_into()?;
    let threads: BpfProgram = threads.try_into()?;
    // A filter is installed by two calls that the list does not have, so the list comes last.
    seccompiler::apply_filter(&threads)?;
    seccompiler::apply_filter(&list)?;
    Ok(())
}

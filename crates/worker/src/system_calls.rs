//! The system calls that a worker may still make once it has its descriptors; all others answer
//! EPERM.
//!
//! It may use what it was given, sleep, have memory that can't be executed, and start threads. It
//! can't open, create, remove or name anything, nor reach another process, nor start one.

use std::collections::BTreeMap;
use std::io;

use nix::libc;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// Allowed whatever their arguments are: none of them names anything outside the process.
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_read,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_socketpair,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Each of these stands for a namespace of its own, and none for a thread.
const NAMESPACES: libc::c_int = libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWUTS;

fn bits(value: libc::c_int) -> u64 {
    u64::from(value.unsigned_abs())
}

/// Those that are allowed with some arguments only.
fn conditional() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let argument = |at, operator, value| {
        SeccompRule::new(vec![SeccompCondition::new(at, Dword, operator, value)?])
    };
    let not_executable = || argument(2, MaskedEq(bits(libc::PROT_EXEC)), 0);
    let option = |level, name| {
        SeccompRule::new(vec![
            SeccompCondition::new(1, Dword, Eq, bits(level))?,
            SeccompCondition::new(2, Dword, Eq, bits(name))?,
        ])
    };
    let thread = bits(libc::CLONE_THREAD);
    let thread = SeccompCondition::new(0, Qword, MaskedEq(thread | bits(NAMESPACES)), thread)?;
    Ok([
        (libc::SYS_clone, vec![SeccompRule::new(vec![thread])?]),
        (
            libc::SYS_fcntl,
            [libc::F_GETFL, libc::F_SETFL, libc::F_GETFD]
                .into_iter()
                .map(|command| argument(1, Eq, bits(command)))
                .collect::<Result<_, _>>()?,
        ),
        // `FIONBIO` is a number of 32 bits on every architecture.
        (libc::SYS_ioctl, vec![argument(1, Eq, libc::FIONBIO)?]),
        (libc::SYS_mmap, vec![not_executable()?]),
        (libc::SYS_mprotect, vec![not_executable()?]),
        (
            libc::SYS_prctl,
            vec![argument(0, Eq, bits(libc::PR_SET_NAME))?],
        ),
        (
            libc::SYS_setsockopt,
            vec![
                option(libc::SOL_UDP, libc::UDP_GRO)?,
                option(libc::SOL_SOCKET, libc::SO_RXQ_OVFL)?,
                option(libc::SOL_IP, libc::IP_RECVERR)?,
                option(libc::SOL_IP, libc::IP_RECVTOS)?,
                option(libc::SOL_IPV6, libc::IPV6_RECVERR)?,
                option(libc::SOL_IPV6, libc::IPV6_RECVTCLASS)?,
            ],
        ),
    ]
    .into())
}

/// The two filters; the kernel does what the stricter says.
fn filters(arch: TargetArch) -> Result<[BpfProgram; 2], BackendError> {
    let mut rules = conditional()?;
    rules.extend(ALLOWED.iter().map(|call| (*call, Vec::new())));
    // Its flags are behind a pointer, which a filter can't follow. ENOSYS has the C library take
    // clone(2) instead.
    let clone3 = |rules: &mut BTreeMap<_, _>| rules.insert(libc::SYS_clone3, Vec::new());
    clone3(&mut rules);
    let mut unknown = BTreeMap::new();
    clone3(&mut unknown);
    let errno = |errno: libc::c_int| SeccompAction::Errno(errno.unsigned_abs());
    let allow = SeccompAction::Allow;
    Ok([
        SeccompFilter::new(unknown, allow.clone(), errno(libc::ENOSYS), arch)?.try_into()?,
        SeccompFilter::new(rules, errno(libc::EPERM), allow, arch)?.try_into()?,
    ])
}

/// Refuses all others from now on, in threads that are started later too.
pub(crate) fn forbid() -> io::Result<()> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    for program in filters(arch).map_err(io::Error::other)? {
        seccompiler::apply_filter(&program).map_err(io::Error::other)?;
    }
    Ok(())
}

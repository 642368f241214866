//! Giving up everything: identity, capabilities, core dumps, and the system calls that open,
//! connect, execute or look at others.

use std::collections::BTreeMap;
use std::io;

use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// The user and group that own nothing.
const NOBODY: u32 = 65_534;

/// The process ends when its parent does, is nobody, has no capability, can't gain any, and leaves
/// no core dump. Threads started later inherit all of it.
pub(crate) fn drop_all() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    if Uid::effective().is_root() {
        for capability in caps::all() {
            // The kernel may know fewer capabilities than the library.
            let _ = caps::drop(None, caps::CapSet::Bounding, capability);
        }
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
    }
    for set in [
        caps::CapSet::Ambient,
        caps::CapSet::Inheritable,
        caps::CapSet::Effective,
        caps::CapSet::Permitted,
    ] {
        caps::clear(None, set).map_err(io::Error::other)?;
    }
    rustix::thread::set_no_new_privs(true)?;
    // Changing the user clears this, so it comes last; a parent that is gone already shows as 1.
    let signal = rustix::process::Signal::KILL;
    rustix::process::set_parent_process_death_signal(Some(signal))?;
    if rustix::process::getppid().is_none_or(rustix::process::Pid::is_init) {
        return Err(io::Error::other("the supervisor is gone"));
    }
    forbid_system_calls()
}

/// System calls a worker has no business with answer EPERM.
const FORBIDDEN: &[i64] = &[
    nix::libc::SYS_accept,
    nix::libc::SYS_accept4,
    nix::libc::SYS_bind,
    nix::libc::SYS_bpf,
    nix::libc::SYS_chroot,
    nix::libc::SYS_connect,
    nix::libc::SYS_delete_module,
    nix::libc::SYS_execve,
    nix::libc::SYS_execveat,
    nix::libc::SYS_finit_module,
    nix::libc::SYS_init_module,
    nix::libc::SYS_io_uring_setup,
    nix::libc::SYS_kcmp,
    nix::libc::SYS_kexec_load,
    nix::libc::SYS_keyctl,
    nix::libc::SYS_listen,
    nix::libc::SYS_mount,
    nix::libc::SYS_name_to_handle_at,
    nix::libc::SYS_open_by_handle_at,
    nix::libc::SYS_openat,
    nix::libc::SYS_openat2,
    nix::libc::SYS_perf_event_open,
    nix::libc::SYS_pidfd_getfd,
    nix::libc::SYS_pivot_root,
    nix::libc::SYS_process_vm_readv,
    nix::libc::SYS_process_vm_writev,
    nix::libc::SYS_ptrace,
    nix::libc::SYS_setns,
    nix::libc::SYS_socket,
    nix::libc::SYS_umount2,
    nix::libc::SYS_unlinkat,
    nix::libc::SYS_unshare,
    nix::libc::SYS_userfaultfd,
];

fn forbid_system_calls() -> io::Result<()> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
        tracing::warn!("no system call filter is known for this architecture");
        return Ok(());
    };
    let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
        FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    let denied = SeccompAction::Errno(nix::libc::EPERM.unsigned_abs());
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, denied, arch).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

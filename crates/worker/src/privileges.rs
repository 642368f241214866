//! Giving up everything: identity, capabilities, core dumps, files, and every system call that the
//! packet loops don't need.

use std::io;
use std::os::unix::net::UnixStream;

use landlock::{ABI, Access, AccessFs, Ruleset, RulesetAttr};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::process::DumpableBehavior;

use crate::system_calls;

/// How gladly the kernel ends this process when memory runs out, from -1000 to 1000: rather than
/// the service, which would take all gateways along.
const OOM_SCORE_ADJ: &str = "500";

/// Threads that its user may have: its own three, and those of one before that is still ending.
const THREADS: u64 = 16;

/// The process ends when its supervisor does, is a user of its own, has no capability, can't gain
/// any, can't be looked into by others of its user, and leaves no core dump. Threads started later
/// inherit all of it.
pub(crate) fn drop_all(control: &UnixStream, user: u32) -> io::Result<()> {
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ) {
        tracing::warn!(%error, "the kernel was not told to end workers first when memory runs out");
    }
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    if Uid::effective().is_root() {
        for capability in caps::all() {
            // The kernel may know fewer capabilities than the library.
            let _ = caps::drop(None, caps::CapSet::Bounding, capability);
        }
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(user));
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
        // The user is this gateway's alone, so that nobody else's threads count.
        setrlimit(Resource::RLIMIT_NPROC, THREADS, THREADS)?;
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
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    die_with_supervisor(control)?;
    forbid_files()?;
    system_calls::forbid()
}

/// Changing the user clears this, so it comes after that. The supervisor may be gone already, and
/// somebody else be the parent: it made the control socket, and the kernel knows who did.
fn die_with_supervisor(control: &UnixStream) -> io::Result<()> {
    let signal = rustix::process::Signal::KILL;
    rustix::process::set_parent_process_death_signal(Some(signal))?;
    let supervisor = rustix::net::sockopt::socket_peercred(control)?.pid;
    if rustix::process::getppid() == Some(supervisor) {
        Ok(())
    } else {
        Err(io::Error::other("the supervisor is gone"))
    }
}

/// No file can be reached, should a system call get through that names one. Kernels without
/// Landlock have the system call filter alone.
fn forbid_files() -> io::Result<()> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map(drop)
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpStream, UdpSocket};
    use std::os::fd::{AsFd, OwnedFd};
    use std::process::{Command, Stdio};

    use nix::sched::{CloneFlags, unshare};
    use nix::sys::{memfd, prctl, ptrace, signal};
    use nix::unistd::Pid;

    use super::*;

    /// The number of the user in these tests; one that nobody has.
    const USER: u32 = 0x7100_0001;

    /// Names the test in whose place the other one runs.
    const PLACE: &str = "ADIT_TEST_IN_A_WORKERS_PLACE";

    type Attempt = (&'static str, Box<dyn Fn() -> io::Result<()>>);

    fn attempt<T, E: Into<io::Error>>(
        name: &'static str,
        attempt: impl Fn() -> Result<T, E> + 'static,
    ) -> Attempt {
        (
            name,
            Box::new(move || attempt().map(drop).map_err(Into::into)),
        )
    }

    /// What must not work.
    fn forbidden() -> Vec<Attempt> {
        vec![
            attempt("open", || File::open("/etc/passwd")),
            attempt("create", || File::create("/tmp/adit-test-worker")),
            attempt("mkdir", || fs::create_dir("/tmp/adit-test-worker")),
            attempt("unlink", || fs::remove_file("/tmp/adit-test-worker")),
            attempt("rename", || fs::rename("/tmp/a", "/tmp/b")),
            attempt("chdir", || std::env::set_current_dir("/tmp")),
            attempt("stat", || fs::metadata("/etc/passwd")),
            attempt("kill itself", || signal::kill(Pid::this(), None)),
            attempt("kill others", || signal::kill(Pid::from_raw(-1), None)),
            attempt("ptrace", || ptrace::attach(Pid::parent())),
            attempt("exec", || Command::new("/bin/true").spawn()),
            attempt("UDP socket", || UdpSocket::bind("127.0.0.1:0")),
            attempt("TCP socket", || TcpStream::connect("127.0.0.1:1")),
            attempt("Unix socket", || UnixStream::connect("/run/nothing")),
            attempt("user namespace", || unshare(CloneFlags::CLONE_NEWUSER)),
            attempt("memory file", || {
                memfd::memfd_create("x", memfd::MFdFlags::empty())
            }),
            attempt("core dumps", || prctl::set_dumpable(true)),
            attempt("limits", || setrlimit(Resource::RLIMIT_NOFILE, 9, 9)),
        ]
    }

    /// Does nothing unless [`what_a_worker_must_not_do_is_refused`] runs it in a process of its own.
    #[test]
    fn in_a_workers_place() {
        if std::env::var_os(PLACE).is_none() {
            return;
        }
        let control = io::stdin().as_fd().try_clone_to_owned().unwrap();
        let mut control = UnixStream::from(control);
        // The harness runs a test in a thread, and some of this is a thread's.
        let thread = rustix::thread::gettid();
        writeln!(control, "{}", thread.as_raw_nonzero()).unwrap();
        drop_all(&control, USER).unwrap();
        for (name, attempt) in forbidden() {
            let errno = attempt().err().and_then(|error| error.raw_os_error());
            writeln!(control, "{name}: {errno:?}").unwrap();
        }
        let thread = std::thread::spawn(|| UnixStream::pair().is_ok());
        writeln!(control, "work: {}", thread.join().unwrap()).unwrap();
        // Until it has been looked at.
        let _ = control.read(&mut [0]);
    }

    #[test]
    fn what_a_worker_must_not_do_is_refused() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "privileges::tests::in_a_workers_place",
                "--nocapture",
            ])
            .env(PLACE, "1")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(&ours).lines().map(Result::unwrap);
        let thread = lines.next().unwrap();
        let told: Vec<_> = lines.take(forbidden().len() + 1).collect();
        let refused = forbidden()
            .into_iter()
            .map(|(name, _)| format!("{name}: Some(1)"));
        let expected: Vec<_> = refused.chain(["work: true".to_owned()]).collect();
        assert_eq!(told, expected);

        let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap();
        let status = of(&format!("task/{thread}/status"));
        let line = |name: &str| {
            let mut lines = status.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)).unwrap();
            value.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(line(set), "0000000000000000", "{set}");
        }
        assert_eq!(
            [line("NoNewPrivs:"), line("Seccomp:")],
            ["1", "2"].map(str::to_owned)
        );
        if Uid::effective().is_root() {
            assert_eq!(line("Uid:"), vec![USER.to_string(); 4].join(" "));
            assert_eq!([line("Groups:"), line("CapBnd:")], ["", "0000000000000000"]);
        }
        assert!(of("limits").lines().any(|line| {
            line.starts_with("Max core file size") && line.split_whitespace().nth(4) == Some("0")
        }));
        assert_eq!(of("oom_score_adj").trim(), OOM_SCORE_ADJ);
        drop(ours);
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_worker_whose_supervisor_is_gone_does_not_begin() {
        // Made by this process, which is not its own parent.
        let (control, _other) = UnixStream::pair().unwrap();
        let error = die_with_supervisor(&control).unwrap_err();
        assert_eq!(error.to_string(), "the supervisor is gone");
        rustix::process::set_parent_process_death_signal(None).unwrap();
    }
}

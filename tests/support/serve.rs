//! `adit serve` with a state folder, names and external addresses of its own.
//!
//! A prefix belongs to one test. What an earlier run left behind is removed before the start, and
//! everything goes when the value is dropped, also by a panic.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::api::{Api, METRICS_TOKEN};
use super::{Ground, PATIENCE, namespace, until};

/// A running service.
pub(crate) struct Serve {
    /// How its links and namespaces begin.
    pub(crate) prefix: String,
    /// The first three octets of its external network.
    pub(crate) external: String,
    /// The first two words of its block of IPv6, if it has one.
    external_v6: Option<String>,
    /// What stands at the beginning of its settings.
    settings: String,
    /// Where its state folder and its log are.
    pub(crate) folder: PathBuf,
    child: Option<Child>,
    /// Whether it is process 1 of a namespace of its own.
    contained: bool,
}

impl Ground for Serve {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn external(&self) -> &str {
        &self.external
    }

    fn external_v6(&self) -> Option<&str> {
        self.external_v6.as_deref()
    }
}

impl Serve {
    /// Starts one on a fresh state folder. `number` makes its external network its own.
    pub(crate) fn start(prefix: &str, number: u8) -> Self {
        Self::start_with(prefix, number, "")
    }

    /// Starts one with more settings, which stand at the beginning of the file.
    pub(crate) fn start_with(prefix: &str, number: u8, settings: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("adit-test-{prefix}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        namespace::remove_all(prefix);
        let mut serve = Self {
            prefix: prefix.to_owned(),
            external: format!("198.18.{number}"),
            external_v6: None,
            settings: settings.to_owned(),
            folder,
            child: None,
            contained: false,
        };
        serve.configure(None);
        serve.run();
        serve
    }

    /// Starts one that is process 1, as in a container.
    pub(crate) fn start_contained(prefix: &str, number: u8) -> Self {
        let mut serve = Self::start(prefix, number);
        serve.end(Signal::SIGTERM);
        serve.contained = true;
        serve.run();
        serve
    }

    /// Starts one that has IPv6 outside too.
    pub(crate) fn start_with_v6(prefix: &str, number: u8) -> Self {
        let mut serve = Self::start(prefix, number);
        serve.end(Signal::SIGTERM);
        serve.configure(Some(format!("fd18:{number}")));
        serve.run();
        serve
    }

    /// Writes its settings, for the next start.
    pub(crate) fn configure(&mut self, external_v6: Option<String>) {
        let Self {
            prefix,
            external,
            settings,
            ..
        } = &*self;
        let v6 = external_v6.as_ref().map_or_else(String::new, |block| {
            format!("external_cidr_v6 = \"{block}::/64\"\n")
        });
        let token = self.folder.join("metrics-token");
        fs::write(&token, METRICS_TOKEN).unwrap();
        let config = format!(
            "{settings}[metrics]\ntoken_file = {token:?}\n[network]\nprefix = \"{prefix}\"\nexternal_cidr = \"{external}.0/24\"\n{v6}\
             [quotas]\nvpn_gateways_per_zone = 9\nike_policies = 90\nipsec_policies = 90\n"
        );
        fs::write(self.folder.join("adit.toml"), config).unwrap();
        self.external_v6 = external_v6;
    }

    /// The command that serves this state folder.
    pub(crate) fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_adit");
        let mut command = Command::new(if self.contained { "unshare" } else { program });
        if self.contained {
            command
                // Its mounts are the host's: a test looks into its namespaces from there.
                .args(["--pid", "--fork", "--kill-child"])
                .arg(program);
        }
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(self.folder.join("adit.toml"))
            .arg("--state-dir")
            .arg(self.folder.join("state"))
            .stdin(Stdio::null());
        command
    }

    /// Starts it on what is there.
    pub(crate) fn run(&mut self) {
        let before = self.starts();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .unwrap();
        let child = self
            .command()
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
        until("it serves", PATIENCE, || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert_eq!(ended, None, "adit serve ended: {}", self.log());
            (self.starts() > before).then_some(())
        });
    }

    /// How often it said that it serves, which is the last of a start.
    fn starts(&self) -> usize {
        self.log().matches("adit serves").count()
    }

    /// A client with a fresh token.
    pub(crate) fn api(&self) -> Api {
        let text = fs::read_to_string(self.folder.join("state/clients/ibm.env")).unwrap();
        Api::login(&text)
    }

    /// Where its API is, as it said itself at the last start.
    pub(crate) fn said_base(&self) -> String {
        let log = self.log();
        let (_, last) = log.rsplit_once("adit serves address=").unwrap();
        format!("http://{}", last.split_whitespace().next().unwrap())
    }

    /// Where its API is, as its clients are told.
    pub(crate) fn base(&self) -> String {
        let text = fs::read_to_string(self.folder.join("state/clients/ibm.env")).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("export VPC_AUTH_URL="));
        line.unwrap().to_owned()
    }

    /// Everything it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Ends it with a signal, and waits.
    pub(crate) fn end(&mut self, signal: Signal) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        signal_to(child.id(), signal);
        let mut status = None;
        until("adit serve ends", PATIENCE, || {
            status = child.try_wait().unwrap();
            status
        });
        let status = status.unwrap();
        assert!(signal != Signal::SIGKILL || status.signal() == Some(9));
        status
    }

    /// The worker of a gateway, known by the TUN device it holds.
    pub(crate) fn worker(&self, gateway: &str) -> Option<u32> {
        let device = format!("{}-t{}", self.prefix, namespace::short(gateway));
        children(self.pid())
            .into_iter()
            .find(|pid| holds(*pid, &device))
    }

    /// Links and namespaces on the host that bear its prefix.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        namespace::all(&self.prefix)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(12_000);
            let from = (from..log.len())
                .find(|at| log.is_char_boundary(*at))
                .unwrap_or(0);
            eprintln!("the end of the log of {}:\n{}", self.prefix, &log[from..]);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        namespace::remove_all(&self.prefix);
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Sends a signal to a process that is one of ours.
pub(crate) fn signal_to(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

/// The resident memory of a process, in kB.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

fn children(of: u32) -> Vec<u32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().nth(1)?.parse().ok()
    };
    let all = fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| parent(*pid) == Some(of))
        .collect()
}

fn holds(pid: u32, device: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fdinfo")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        let text = fs::read_to_string(descriptor.path()).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.strip_prefix("iff:"))
            .any(|name| name.trim() == device)
    })
}

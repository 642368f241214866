//! The `adit serve` of the demonstration: a process of its own, with a state folder of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::DemoError;

/// The names of the demonstration's links and namespaces begin so, beside those of a real service.
const PREFIX: &str = "aditd";

/// How long the service may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A free port, and names and an external block that a service on this host does not use.
const SETTINGS: &str = "listen = \"127.0.0.1:0\"
[network]
prefix = \"aditd\"
external_cidr = \"198.19.255.0/24\"
";

/// A running service; it is ended when this is dropped.
pub(super) struct Service {
    child: Option<Child>,
    folder: PathBuf,
    url: String,
    keep_folder: std::cell::Cell<bool>,
}

impl Service {
    pub(super) fn start() -> Result<Self, DemoError> {
        let folder = fresh_folder()?;
        let settings = folder.join("demo.toml");
        fs::write(&settings, SETTINGS)?;
        let log = File::create(folder.join("serve.log"))?;
        let child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg("--state-dir")
            .arg(folder.join("state"))
            .arg("--config")
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|source| DemoError::Program {
                program: "adit".into(),
                source,
            })?;
        let mut service = Self {
            child: Some(child),
            folder,
            url: String::new(),
            keep_folder: std::cell::Cell::new(false),
        };
        service.url = service.await_start()?;
        Ok(service)
    }

    /// Waits until the service has written its clients' settings and answers.
    fn await_start(&mut self) -> Result<String, DemoError> {
        let end = Instant::now() + PATIENCE;
        loop {
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            if let Ok(text) = fs::read_to_string(self.settings())
                && let Some(url) = text
                    .lines()
                    .find_map(|line| line.strip_prefix("export VPC_AUTH_URL="))
            {
                return Ok(url.to_owned());
            }
            if ended || Instant::now() >= end {
                self.keep_folder.set(true);
                let log = fs::read_to_string(self.log()).unwrap_or_default();
                let last_line = log.lines().last().unwrap_or("it said nothing").to_owned();
                return Err(DemoError::NoService {
                    last_line,
                    log: self.log().display().to_string(),
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("serve.log")
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.folder.join("state/clients/ibm.env")
    }

    /// The bridge that is the external network.
    pub(super) fn bridge(&self) -> String {
        format!("{PREFIX}-ext")
    }

    /// The namespace of an instance, by its id in the API.
    pub(super) fn instance_namespace(&self, id: &str) -> String {
        let uuid = id.split_once('-').map_or(id, |(_, uuid)| uuid);
        format!("{PREFIX}-i-{}", uuid.get(..8).unwrap_or(uuid))
    }

    /// Ends the service as an operator would, and waits for it.
    pub(super) fn stop(mut self) -> Result<(), DemoError> {
        self.end()?;
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        kill(pid(&child), Signal::SIGTERM)?;
        let end = Instant::now() + PATIENCE;
        while child.try_wait()?.is_none() {
            if Instant::now() >= end {
                child.kill()?;
                child.wait()?;
                return Err(io::Error::other("the service did not end by itself"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Leaves the folder with the log, for who looks into a failure.
    pub(super) fn keep_log(&self) {
        self.keep_folder.set(true);
    }

    /// Lets the service live on; its process id.
    pub(super) fn leave_running(mut self) -> u32 {
        self.keep_folder.set(true);
        self.child.take().map_or(0, |child| child.id())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // In a drop there is nobody to tell.
        let _ = self.end();
        if !self.keep_folder.get() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// A folder that was not there: in a container each run has the same number, and one that failed
/// keeps its log.
fn fresh_folder() -> Result<PathBuf, DemoError> {
    let base = std::env::temp_dir();
    let mut name = format!("adit-demo-{}", std::process::id());
    for more in 2.. {
        let folder = base.join(&name);
        match make_private(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return Ok(made.map(|()| folder)?),
        }
        name = format!("adit-demo-{}-{more}", std::process::id());
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists).into())
}

fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

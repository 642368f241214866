//! A running `adit serve` on a fresh state folder, and what it has cost so far.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::Client;

/// Where it listens.
const ADDRESS: &str = "127.0.0.1:9698";

/// Clock ticks of `/proc/PID/stat` in a second, which Linux shows to programs on all platforms.
const TICKS: f64 = 100.0;

pub(crate) struct Service {
    program: String,
    child: Child,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Service {
    pub(crate) fn start(program: &str) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("adit-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let config = "[network]\nprefix = \"bench\"\nexternal_cidr = \"198.19.240.0/20\"\n\
                      [quotas]\naddress_headroom_percent = 0\nvpcs = 100\nvpn_gateways = 100\n\
                      vpn_gateways_per_zone = 100\nconnections_per_gateway = 1000\nike_policies = 1000\n\
                      cidrs_per_gateway = 2000\n\
                      [project_quotas]\nnetwork = -1\nsubnet = -1\nport = -1\nrouter = -1\ngateway = -1\n";
        fs::write(folder.join("adit.toml"), config)?;
        let address = ADDRESS.parse().map_err(io::Error::other)?;
        let mut service = Self {
            program: program.to_owned(),
            child: spawn(program, &folder)?,
            folder,
            address,
            token: String::new(),
        };
        service.token = service.log_in()?;
        Ok(service)
    }

    /// Ends it as a power cut would, and starts it again.
    pub(crate) fn kill_and_start(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = spawn(&self.program, &self.folder)?;
        self.token = self.log_in()?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status()?;
        if told.success() {
            self.child.wait()?;
        }
        Ok(())
    }

    /// What of a core it takes without requests, over so long, once what was asked is done.
    pub(crate) fn rest(&self, over: Duration) -> io::Result<f64> {
        let second = Duration::from_secs(1);
        for _ in 0..60 {
            if self.taken(second)? < 0.02 {
                break;
            }
        }
        self.taken(over)
    }

    fn taken(&self, over: Duration) -> io::Result<f64> {
        let before = self.cpu()?;
        std::thread::sleep(over);
        let spent = self.cpu()?.saturating_sub(before);
        Ok(spent.as_secs_f64() / over.as_secs_f64())
    }

    pub(crate) fn client(&self) -> io::Result<Client> {
        Client::new(self.address, &self.token)
    }

    /// Logs in as the demo user as soon as that is possible.
    fn log_in(&self) -> io::Result<String> {
        let settings = self.folder.join("state/clients/demo-openrc");
        let begun = Instant::now();
        let (settings, mut client) = loop {
            let there = fs::read_to_string(&settings).ok();
            let mut client = self.client()?;
            let answers = there.is_some() && client.ask("GET", "/healthz", None).is_ok();
            if let Some(there) = there.filter(|_| answers) {
                break (there, client);
            }
            if begun.elapsed() > Duration::from_secs(60) {
                return Err(io::Error::other("adit serve does not start"));
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let setting = |name: &str| {
            let start = format!("export {name}=");
            let line = settings.lines().find_map(|line| line.strip_prefix(&start));
            line.unwrap_or_default()
                .trim_matches(['"', '\''])
                .to_owned()
        };
        let domain = json!({"name": "Default"});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": setting("OS_USERNAME"), "domain": domain,
                "password": setting("OS_PASSWORD"),
            }}},
            "scope": {"project": {"name": setting("OS_PROJECT_NAME"), "domain": domain}},
        }});
        let answer = client.ask("POST", "/identity/v3/auth/tokens", Some(&body))?;
        answer.token.ok_or_else(|| {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            io::Error::other(format!("no token: {} {body}", answer.status))
        })
    }

    /// The processor time that the service itself has taken, its gateways' workers not counted.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in brackets, may have spaces.
        let rest = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest)
            .unwrap_or_default();
        let mut fields = rest.split_whitespace().skip(11);
        let mut tick = || {
            fields
                .next()
                .and_then(|text| text.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        Ok(Duration::from_secs_f64((tick() + tick()) / TICKS))
    }

    /// The most memory that the service itself had, in MiB.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.unwrap_or(0) / 1024)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Once it was waited for, its number may be somebody else's.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.end());
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn spawn(program: &str, folder: &Path) -> io::Result<Child> {
    Command::new(program)
        .args(["serve", "--listen", ADDRESS, "--config"])
        .arg(folder.join("adit.toml"))
        .arg("--state-dir")
        .arg(folder.join("state"))
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .spawn()
}

/// The id of what was made.
pub(crate) fn make(client: &mut Client, path: &str, body: &Value) -> io::Result<String> {
    let answer = client.ask("POST", path, Some(body))?;
    let object = answer.json()?;
    let made = object.as_object().and_then(|object| object.values().next());
    let id = made.and_then(|made| made.get("id")).and_then(Value::as_str);
    match id {
        Some(id) if answer.status == 201 => Ok(id.to_owned()),
        _ => Err(io::Error::other(format!(
            "POST {path}: {} {object}",
            answer.status
        ))),
    }
}

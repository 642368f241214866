//! The program `openstack` of one release, with an account's settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::namespace::within;
use crate::support::serve::Serve;
use crate::support::site::Instance;
use crate::support::{PATIENCE, Turn, skipped, turn, until};

/// Where the environments are: the Makefile says it.
const PLACE: &str = "ADIT_TEST_CLIENTS";

/// Today's client, and OpenStack's SDK.
pub(crate) const TODAY: &str = "openstack-10";

/// The older pair, whose VPN commands are neutronclient's.
pub(crate) const OLDER: &str = "openstack-8";

/// A turn, and the folder of an environment's programs; none, loudly, where it can't run.
pub(crate) fn turn_with(environment: &str) -> Option<(Turn, PathBuf)> {
    let programs = programs(environment, "openstack")?;
    Some((turn(&["nft", "pgrep"])?, programs))
}

/// The folder of an environment's programs; none, loudly, where there is none with this one.
pub(crate) fn programs(environment: &str, program: &str) -> Option<PathBuf> {
    let place = std::env::var_os(PLACE).unwrap_or_default();
    let programs = Path::new(&place).join(environment).join("bin");
    if !programs.join(program).exists() {
        skipped("OpenStack's clients, Keystone and IBM's SDK: make test-clients has them");
        return None;
    }
    Some(programs)
}

/// A program of an environment with the settings of an account, and with nothing else.
pub(crate) fn program(path: &Path, serve: &Serve, account: &str) -> Command {
    with_settings(path, &openrc(serve, account))
}

fn openrc(serve: &Serve, account: &str) -> PathBuf {
    serve.folder.join(format!("state/clients/{account}-openrc"))
}

/// A program of an environment with the settings in a file, and with nothing else.
pub(crate) fn with_settings(path: &Path, openrc: &Path) -> Command {
    let settings = fs::read_to_string(openrc).unwrap();
    let settings = settings
        .lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", openrc.parent().unwrap())
        .envs(settings)
        .stdin(Stdio::null());
    command
}

/// `openstack` as an account.
pub(crate) struct Client<'a> {
    serve: &'a Serve,
    programs: PathBuf,
    openrc: PathBuf,
}

impl<'a> Client<'a> {
    /// The demo account.
    pub(crate) fn new(serve: &'a Serve, programs: PathBuf) -> Self {
        let openrc = openrc(serve, "demo");
        Self::of(serve, programs, openrc)
    }

    /// The account whose settings are in a file.
    pub(crate) fn of(serve: &'a Serve, programs: PathBuf, openrc: PathBuf) -> Self {
        Self {
            serve,
            programs,
            openrc,
        }
    }

    /// What it prints, or else what it complains of.
    fn run(&self, command: &str) -> Result<String, String> {
        let mut words = words(command).into_iter();
        assert_eq!(words.next().as_deref(), Some("openstack"), "{command}");
        let output = with_settings(&self.programs.join("openstack"), &self.openrc)
            .args(words)
            .output()
            .unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stderr))
        }
    }

    /// A command as typed, which must work; what it prints.
    #[track_caller]
    pub(crate) fn works(&self, command: &str) -> String {
        self.run(command)
            .unwrap_or_else(|said| panic!("{command}: {said}"))
    }

    /// A command as typed, which must fail with these words.
    #[track_caller]
    pub(crate) fn fails(&self, command: &str, words: &str) {
        match self.run(command) {
            Ok(said) => panic!("{command} works: {said}"),
            Err(said) => assert!(said.contains(words), "{command}: {said}"),
        }
    }

    /// One field of what a command prints.
    #[track_caller]
    pub(crate) fn field(&self, command: &str, name: &str) -> String {
        let value = self.works(&format!("{command} -f value -c \"{name}\""));
        value.trim().to_owned()
    }

    /// Waits until the connections of the project, all of them, are up.
    #[track_caller]
    pub(crate) fn all_up(&self, count: usize) {
        until("all connections are ACTIVE", PATIENCE, || {
            let command = "openstack vpn ipsec site connection list -f value -c Status";
            let said = self.works(command);
            (said.split_whitespace().collect::<Vec<_>>() == vec!["ACTIVE"; count]).then_some(())
        });
    }

    /// A machine on a network: a port that a machine is said to own.
    pub(crate) fn machine(&self, network: &str, name: &str) -> Instance {
        let command = format!(
            "openstack port create --network {network} --device-owner compute:adit {name} -f json"
        );
        let port: Value = serde_json::from_str(&self.works(&command)).unwrap();
        let id = port["id"].as_str().unwrap();
        let address = port["fixed_ips"][0]["ip_address"].as_str().unwrap();
        let namespace = format!("{}-i-{}", self.serve.prefix, &id[..8]);
        until("the machine has its route", PATIENCE, || {
            let output = within(&namespace, "ip")
                .args(["route", "show", "default"])
                .output();
            (!output.unwrap().stdout.is_empty()).then_some(())
        });
        Instance {
            namespace,
            address: address.to_owned(),
        }
    }
}

/// The words of a command, as a shell splits them where nothing but spaces and double quotes is.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in command.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

//! strongSwan or libreswan in the machine, with the kernel's ESP and AH.

use adit_model::policy::{Authentication, Encapsulation, Encryption, Transform};

use crate::libreswan;
use crate::machine::Machine;
use crate::strongswan::{INNER, INNER_V6};
use crate::support::{Ground, PATIENCE, until};

/// The pre-shared key of all rows.
pub(crate) const PSK: &str = "VPNDemoPassword";

/// What a row wants of it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) version: u8,
    /// Its own address, and the Adit gateway's.
    pub(crate) own: String,
    pub(crate) gateway: String,
    /// Where strongSwan has it be; `%any` for anywhere.
    pub(crate) gateway_addresses: String,
    /// Phase 1 as strongSwan spells it, and as libreswan does.
    pub(crate) ike: &'static str,
    pub(crate) ike_libreswan: &'static str,
    /// Phase 2 as strongSwan spells it, and what that is.
    pub(crate) child: &'static str,
    pub(crate) algorithms: (Encryption, Authentication),
    pub(crate) transform: Transform,
    pub(crate) encapsulation: Encapsulation,
    pub(crate) pfs: bool,
    pub(crate) esn: bool,
    pub(crate) psk: &'static str,
    /// Its side and the Adit gateway's.
    pub(crate) local: String,
    pub(crate) remote: String,
    /// More settings: of strongSwan's Child SA, or libreswan's connection.
    pub(crate) more: String,
    /// What leads what it sends to the other side, where it does not see to that itself.
    pub(crate) route: Option<String>,
}

/// Whose IKE it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Daemon {
    StrongSwan,
    Libreswan,
}

impl Daemon {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::StrongSwan => "strongSwan",
            Self::Libreswan => "libreswan",
        }
    }
}

/// A daemon, and the machine that it runs on.
pub(crate) struct Peer {
    pub(crate) machine: Machine,
    daemon: Daemon,
    route: Option<String>,
}

const ENVIRONMENT: &str = "STRONGSWAN_CONF=/tmp/strongswan.conf SWANCTL_DIR=/tmp/swanctl";

impl Peer {
    /// The addresses it has.
    pub(crate) fn addresses(ground: &impl Ground) -> [String; 2] {
        let v6 = ground.external_v6().unwrap_or("fd18");
        [format!("{}.50", ground.external()), format!("{v6}::50")]
    }

    /// Starts strongSwan, with its addresses on the external network.
    pub(crate) fn start(ground: &impl Ground, mut machine: Machine) -> Self {
        let [v4, v6] = Self::addresses(ground);
        machine.run(&format!("ip address add {v4}/24 dev eth0"));
        machine.run(&format!("ip address add {v6}/64 dev eth0 nodad"));
        machine.run(&format!("ip address add {INNER}/32 dev lo"));
        machine.run(&format!("ip address add {INNER_V6}/128 dev lo nodad"));
        let mut this = Self {
            machine,
            daemon: Daemon::StrongSwan,
            route: None,
        };
        this.start_strongswan();
        this
    }

    fn start_strongswan(&mut self) {
        self.machine.write("/tmp/strongswan.conf", DAEMON);
        self.machine.write("/tmp/swanctl/swanctl.conf", "");
        let command = format!("{ENVIRONMENT} charon-systemd >/tmp/said 2>&1 &");
        self.machine.run(&command);
        until("charon takes commands", PATIENCE, || {
            self.machine.attempt("test -S /tmp/vici").1.then_some(())
        });
    }

    /// Has this daemon run and no other.
    pub(crate) fn run(&mut self, daemon: Daemon) {
        let before = std::mem::replace(&mut self.daemon, daemon);
        match (before, daemon) {
            (Daemon::StrongSwan, Daemon::Libreswan) => {
                let _ = self.machine.attempt("killall charon-systemd");
                until("charon has gone", PATIENCE, || {
                    (!self.machine.attempt("pidof charon-systemd").1).then_some(())
                });
                let _ = self.machine.attempt("rm -f /tmp/vici /tmp/log");
                libreswan::start(&mut self.machine);
            }
            (Daemon::Libreswan, Daemon::StrongSwan) => {
                libreswan::stop(&mut self.machine);
                self.start_strongswan();
            }
            _ => {}
        }
    }

    /// Brings the connection up; whether it says so.
    pub(crate) fn initiate(&mut self) -> bool {
        match self.daemon {
            Daemon::StrongSwan => {
                let said = self.swanctl("--initiate --child net --timeout 20 || true");
                said.contains("completed successfully")
            }
            Daemon::Libreswan => {
                let said = libreswan::whack(&mut self.machine, "--name adit --initiate");
                said.contains("established") || self.kernel().contains("proto")
            }
        }
    }

    /// Has the Child SA replaced.
    pub(crate) fn rekey(&mut self) {
        match self.daemon {
            Daemon::StrongSwan => drop(self.swanctl("--rekey --child net")),
            Daemon::Libreswan => {
                libreswan::whack(&mut self.machine, "--rekey-ipsec --name adit");
            }
        }
    }

    /// Has the IKE SA replaced.
    pub(crate) fn rekey_ike(&mut self) {
        match self.daemon {
            Daemon::StrongSwan => drop(self.swanctl("--rekey --ike adit")),
            Daemon::Libreswan => {
                libreswan::whack(&mut self.machine, "--rekey-ike --name adit");
            }
        }
    }

    /// A `swanctl` command; it must work.
    #[track_caller]
    pub(crate) fn swanctl(&mut self, command: &str) -> String {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        self.machine.run(&format!(
            "{ENVIRONMENT} swanctl {verb} --uri unix:///tmp/vici {rest}"
        ))
    }

    /// Has this one connection.
    pub(crate) fn configure(&mut self, wanted: &Wanted) {
        self.route.clone_from(&wanted.route);
        if self.daemon == Daemon::Libreswan {
            return libreswan::configure(&mut self.machine, wanted);
        }
        let text = connection(wanted);
        self.machine.write("/tmp/swanctl/swanctl.conf", &text);
        self.swanctl("--load-all --clear");
    }

    /// Ends all SAs, and forgets the connection.
    pub(crate) fn forget(&mut self) {
        if self.daemon == Daemon::Libreswan {
            return libreswan::forget(&mut self.machine, self.route.take().as_deref());
        }
        self.machine.write("/tmp/swanctl/swanctl.conf", "");
        self.swanctl("--load-conns");
    }

    /// SAs of the kernel, as `ip xfrm state` prints them.
    pub(crate) fn kernel(&mut self) -> String {
        self.machine.run("ip -s xfrm state")
    }

    /// The end of its log.
    pub(crate) fn log(&mut self) -> String {
        self.machine.attempt("tail -60 /tmp/log").0
    }
}

const DAEMON: &str = "charon {
    load_modular = no
    load = random drbg nonce openssl curve25519 gcm hmac cmac xcbc kdf sha1 sha2 aes md5 \
           kernel-netlink socket-default vici
    dos_protection = no
    retransmit_tries = 3
    plugins {
        vici { socket = unix:///tmp/vici }
    }
    filelog {
        all {
            path = /tmp/log
            default = 1
            flush_line = yes
        }
    }
}
";

fn connection(wanted: &Wanted) -> String {
    let Wanted {
        version,
        own,
        gateway,
        gateway_addresses,
        ike,
        child,
        local,
        remote,
        psk,
        more,
        ..
    } = wanted;
    let kind = match wanted.transform {
        Transform::Ah => "ah_proposals",
        _ => "esp_proposals",
    };
    let mode = match wanted.encapsulation {
        Encapsulation::Transport => "transport",
        Encapsulation::Tunnel => "tunnel",
    };
    let pfs = if wanted.pfs { "-ecp256" } else { "" };
    format!(
        "connections {{
            adit {{
                version = {version}
                local_addrs = {own}
                remote_addrs = {gateway_addresses}
                proposals = {ike}
                mobike = no
                local {{
                    auth = psk
                    id = {own}
                }}
                remote {{
                    auth = psk
                    id = {gateway}
                }}
                children {{
                    net {{
                        local_ts = {local}
                        remote_ts = {remote}
                        {kind} = {child}{pfs}
                        mode = {mode}
                        {more}
                    }}
                }}
            }}
        }}
        secrets {{
            ike-adit {{
                id-1 = {own}
                id-2 = {gateway}
                secret = \"{psk}\"
            }}
        }}\n"
    )
}

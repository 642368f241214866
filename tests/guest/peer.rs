//! strongSwan in the machine, with the kernel's ESP and AH.

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
    pub(crate) ike: &'static str,
    /// `esp_proposals` or `ah_proposals`, and their value.
    pub(crate) child: (&'static str, &'static str),
    /// Its side and the Adit gateway's.
    pub(crate) local: String,
    pub(crate) remote: String,
    /// `tunnel` or `transport`.
    pub(crate) mode: &'static str,
}

/// strongSwan, and the machine that it runs on.
pub(crate) struct Peer {
    pub(crate) machine: Machine,
}

const ENVIRONMENT: &str = "STRONGSWAN_CONF=/tmp/strongswan.conf SWANCTL_DIR=/tmp/swanctl";

impl Peer {
    /// The addresses it has.
    pub(crate) fn addresses(ground: &impl Ground) -> [String; 2] {
        let v6 = ground.external_v6().unwrap_or("fd18");
        [format!("{}.50", ground.external()), format!("{v6}::50")]
    }

    /// Starts it, with its addresses on the external network.
    pub(crate) fn start(ground: &impl Ground, mut machine: Machine) -> Self {
        let [v4, v6] = Self::addresses(ground);
        machine.run(&format!("ip address add {v4}/24 dev eth0"));
        machine.run(&format!("ip address add {v6}/64 dev eth0 nodad"));
        machine.run(&format!("ip address add {INNER}/32 dev lo"));
        machine.run(&format!("ip address add {INNER_V6}/128 dev lo nodad"));
        machine.write("/tmp/strongswan.conf", DAEMON);
        machine.write("/tmp/swanctl/swanctl.conf", "");
        machine.run(&format!("{ENVIRONMENT} charon-systemd >/tmp/said 2>&1 &"));
        let mut this = Self { machine };
        until("charon takes commands", PATIENCE, || {
            this.machine.attempt("test -S /tmp/vici").1.then_some(())
        });
        this
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
        let text = connection(wanted);
        self.machine.write("/tmp/swanctl/swanctl.conf", &text);
        self.swanctl("--load-all --clear");
    }

    /// Ends all SAs, and forgets the connection.
    pub(crate) fn forget(&mut self) {
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
        ike,
        child: (kind, proposal),
        local,
        remote,
        mode,
    } = wanted;
    format!(
        "connections {{
            adit {{
                version = {version}
                local_addrs = {own}
                remote_addrs = {gateway}
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
                        {kind} = {proposal}
                        mode = {mode}
                    }}
                }}
            }}
        }}
        secrets {{
            ike-adit {{
                id-1 = {own}
                id-2 = {gateway}
                secret = \"{PSK}\"
            }}
        }}\n"
    )
}

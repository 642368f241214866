//! A strongSwan gateway in a namespace of its own on a service's external network.
//!
//! One charon without systemd: its configuration comes from `STRONGSWAN_CONF`, it is spoken to
//! through its own vici socket, and ESP is done in user space by `kernel-libipsec`, which needs an
//! address inside the local selectors and encapsulates in UDP always.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::namespace::{ip, remove, within};
use crate::support::{Ground, PATIENCE, until};

/// The programs it needs.
pub(crate) const TOOLS: &[&str] = &["charon-systemd", "swanctl", "iperf3", "ss", "timeout"];

/// The address behind it.
pub(crate) const INNER: &str = "10.77.0.1";

/// The block behind it.
pub(crate) const BLOCK: &str = "10.77.0.0/24";

/// The same of IPv6.
pub(crate) const INNER_V6: &str = "fd77::1";
pub(crate) const BLOCK_V6: &str = "fd77::/64";

/// What it is configured to.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The version of IKE.
    pub(crate) version: u8,
    /// The Adit gateway's address.
    pub(crate) gateway: String,
    pub(crate) ike: &'static str,
    pub(crate) esp: &'static str,
    pub(crate) psk: &'static str,
    /// The block behind the Adit gateway.
    pub(crate) remote: &'static str,
    /// And that of IPv6, if that is to be reached too.
    pub(crate) remote_v6: Option<String>,
    /// What it calls itself and the Adit gateway, if not by their addresses.
    pub(crate) ids: Option<[&'static str; 2]>,
    pub(crate) more: More,
}

/// What only some are configured to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct More {
    /// Which of several peers it is, from 0 on: of its addresses the last octet outside, and the third inside.
    pub(crate) number: u8,
    /// The first three octets of the network that it is in behind a NAT, if it is.
    pub(crate) behind: Option<&'static str>,
    /// The longest datagram of its own IKE messages, if not the usual one.
    pub(crate) fragment_size: Option<u16>,
    /// More settings of the daemon, its connection, and its Child SAs.
    pub(crate) of_daemon: &'static str,
    pub(crate) of_connection: &'static str,
    pub(crate) of_child: &'static str,
    /// More Child SAs, in its words.
    pub(crate) children: &'static str,
    /// By what both ends show who they are, if not by the key.
    pub(crate) certificates: Option<&'static Files>,
    /// The name of its post-quantum pre-shared key, the key, and whether it insists.
    pub(crate) ppk: Option<(&'static str, &'static str, bool)>,
}

/// What it reads of certificates, all in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// Its own certificate, and its key.
    pub(crate) own: [String; 2],
    /// Those between its own and a root.
    pub(crate) between: Vec<String>,
    /// The authority that it believes.
    pub(crate) authority: String,
    /// What that has taken back.
    pub(crate) list: Option<String>,
}

impl Files {
    /// Puts them where `swanctl` looks, and nothing else.
    fn write(&self, folder: &std::path::Path) {
        let put = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for kind in ["x509", "x509ca", "x509crl", "private"] {
            let _ = fs::remove_dir_all(folder.join(kind));
        }
        put("x509/own.pem", &self.own[0]);
        put("private/own.pem", &self.own[1]);
        put("x509ca/root.pem", &self.authority);
        for (number, text) in self.between.iter().enumerate() {
            put(&format!("x509ca/between{number}.pem"), text);
        }
        if let Some(list) = &self.list {
            put("x509crl/list.pem", list);
        }
    }
}

/// The address behind one of several peers.
pub(crate) fn inner(number: u8) -> String {
    format!("10.{}.0.1", 77 + number)
}

/// The block behind one of several peers.
pub(crate) fn block(number: u8) -> String {
    format!("10.{}.0.0/24", 77 + number)
}

/// A running one.
pub(crate) struct Peer {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its public address, of the Adit gateway's family.
    pub(crate) address: String,
    outside: String,
    bridge: String,
    folder: PathBuf,
    child: Child,
}

/// What it says of its SAs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sas {
    /// Established IKE SAs, each by its first line, which has number and SPIs.
    pub(crate) ike: Vec<String>,
    /// Inbound SPIs of installed Child SAs.
    pub(crate) children: Vec<String>,
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
    /// Its own words.
    pub(crate) text: String,
}

impl Sas {
    fn parse(text: String) -> Self {
        let mut sas = Self::default();
        let mut installed = false;
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            if line.contains(" ESTABLISHED,") {
                sas.ike.push(line.to_owned());
            } else if line.contains(", reqid ") {
                installed = line.contains(" INSTALLED,");
            } else if installed && words.len() > 5 && matches!(words[0], "in" | "out") {
                let packets: u64 = words[4].parse().unwrap();
                if words[0] == "in" {
                    sas.children.push(words[1].trim_end_matches(',').to_owned());
                    sas.packets_in += packets;
                } else {
                    sas.packets_out += packets;
                }
            }
        }
        sas.text = text;
        sas
    }

    /// Whether it began an IKE SA; its own SPI is marked with an asterisk. There can be two when
    /// both sides began at once.
    pub(crate) fn began(&self) -> bool {
        assert!(!self.ike.is_empty(), "{}", self.text);
        self.ike.iter().any(|line| line.contains("_i* "))
    }
}

impl Peer {
    /// The address it will have.
    pub(crate) fn address_on(ground: &impl Ground) -> String {
        Self::address_of(ground, 0)
    }

    /// The address that one of several will have.
    pub(crate) fn address_of(ground: &impl Ground, number: u8) -> String {
        format!("{}.{}", ground.external(), 50 + number)
    }

    /// The IPv6 address it will have, where there is IPv6 outside.
    pub(crate) fn address_v6_on(ground: &impl Ground) -> Option<String> {
        ground.external_v6().map(|block| format!("{block}::50"))
    }

    /// Starts one that waits, and puts it on the external network.
    pub(crate) fn start(ground: &impl Ground, wanted: &Wanted) -> Self {
        let peer = Self::start_unplugged(ground, wanted);
        peer.plug();
        peer
    }

    /// Starts one that nobody can reach yet.
    pub(crate) fn start_unplugged(ground: &impl Ground, wanted: &Wanted) -> Self {
        let number = wanted.more.number;
        let suffix = if number == 0 {
            String::new()
        } else {
            number.to_string()
        };
        let namespace = format!("{}-peer{suffix}", ground.prefix());
        let outside = format!("{}-swan{suffix}", ground.prefix());
        let network = wanted.more.behind.unwrap_or_else(|| ground.external());
        let v4 = format!("{network}.{}", 50 + number);
        let v6 = Self::address_v6_on(ground);
        ip(&format!("netns add {namespace}"));
        ip(&format!(
            "link add {outside} type veth peer name eth0 netns {namespace}"
        ));
        // A machine keeps its address on the link when it is started again; with another one,
        // neighbours would send to the old one for as long as their kernels remember it.
        ip(&format!(
            "-n {namespace} link set eth0 address 02:00:00:00:00:{}",
            50 + number
        ));
        ip(&format!("-n {namespace} address add {v4}/24 dev eth0"));
        let inner = inner(number);
        ip(&format!("-n {namespace} address add {inner}/32 dev lo"));
        ip(&format!("-n {namespace} address add {INNER_V6}/128 dev lo"));
        if let Some(v6) = &v6 {
            ip(&format!(
                "-n {namespace} address add {v6}/64 dev eth0 nodad"
            ));
        }
        ip(&format!("-n {namespace} link set lo up"));
        ip(&format!("-n {namespace} link set eth0 up"));
        ip(&format!("link set {outside} up"));
        let folder = std::env::temp_dir().join(format!("adit-test-{namespace}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("swanctl")).unwrap();
        let settings = folder.join("strongswan.conf");
        fs::write(
            &settings,
            daemon(&folder.display().to_string(), wanted.more),
        )
        .unwrap();
        let output = fs::File::create(folder.join("output")).unwrap();
        let child = within(&namespace, "charon-systemd")
            .env("STRONGSWAN_CONF", &settings)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let address = v6.filter(|_| wanted.gateway.contains(':')).unwrap_or(v4);
        let mut peer = Self {
            namespace,
            address,
            outside,
            bridge: format!("{}-ext", ground.prefix()),
            folder,
            child,
        };
        until("charon takes commands", PATIENCE, || {
            let ended = peer.child.try_wait().unwrap();
            assert_eq!(ended, None, "charon ended");
            peer.folder.join("vici").exists().then_some(())
        });
        peer.configure(wanted);
        peer
    }

    /// Puts it on the external network.
    pub(crate) fn plug(&self) {
        ip(&format!("link set {} master {}", self.outside, self.bridge));
    }

    /// Plugs it in and has it begin: until it has, it hears nobody who begins.
    pub(crate) fn plug_and_begin(&self) {
        self.nft(
            "add table inet first; add chain inet first in { type filter hook input priority 0; }; \
             add rule inet first in udp dport { 500, 4500 } ct state new drop",
        );
        self.plug();
        self.try_initiate();
        self.nft("delete table inet first");
    }

    /// Changes its filters.
    pub(crate) fn nft(&self, commands: &str) {
        let output = within(&self.namespace, "nft").arg(commands).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Moves its link into another namespace, and there onto this bridge, which has the first address of its
    /// network and leads everywhere.
    pub(crate) fn plug_behind(&self, namespace: &str, bridge: &str) {
        let Self { outside, .. } = self;
        ip(&format!("link set {outside} netns {namespace}"));
        ip(&format!(
            "-n {namespace} link set {outside} up master {bridge}"
        ));
        let (network, _) = self.address.rsplit_once('.').unwrap();
        let own = &self.namespace;
        ip(&format!("-n {own} route add default via {network}.1"));
    }

    /// Has packets of more than so many octets not reach it, nor leave it whole.
    pub(crate) fn narrow(&self, mtu: u16) {
        ip(&format!("-n {} link set eth0 mtu {mtu}", self.namespace));
        ip(&format!("link set {} mtu {mtu}", self.outside));
    }

    /// Loads another configuration; SAs stay.
    pub(crate) fn configure(&self, wanted: &Wanted) {
        self.configure_at(&self.address, wanted);
    }

    /// The same for another address of its own, which it has been given.
    pub(crate) fn configure_at(&self, address: &str, wanted: &Wanted) {
        let text = connection(address, wanted);
        if let Some(files) = wanted.more.certificates {
            files.write(&self.folder.join("swanctl"));
        }
        fs::write(self.folder.join("swanctl/swanctl.conf"), text).unwrap();
        self.swanctl("--load-all --clear");
    }

    /// Takes this configuration in place of its own.
    pub(crate) fn configure_as(&self, text: &str) {
        fs::write(self.folder.join("swanctl/swanctl.conf"), text).unwrap();
        self.swanctl("--load-all --clear");
    }

    /// Forgets its configuration; SAs stay.
    pub(crate) fn forget(&self) {
        fs::write(self.folder.join("swanctl/swanctl.conf"), "").unwrap();
        self.swanctl("--load-conns");
    }

    fn run(&self, command: &str) -> std::process::Output {
        let mut words = command.split_whitespace();
        Command::new("swanctl")
            .env("STRONGSWAN_CONF", self.folder.join("strongswan.conf"))
            .env("SWANCTL_DIR", self.folder.join("swanctl"))
            .args(words.next())
            .arg("--uri")
            .arg(format!("unix://{}/vici", self.folder.display()))
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// A `swanctl` command, words separated by spaces; it must work.
    #[track_caller]
    pub(crate) fn swanctl(&self, command: &str) -> String {
        let output = self.run(command);
        let said = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let text = said(&output.stdout) + &said(&output.stderr);
        assert!(output.status.success(), "swanctl {command}: {text}");
        text
    }

    /// The same of one that may fail; whether it worked.
    pub(crate) fn tries(&self, command: &str) -> bool {
        self.run(command).status.success()
    }

    /// Has it bring the tunnel up, trying again and again.
    #[track_caller]
    pub(crate) fn bring_up(&self, limit: Duration) {
        until("strongSwan has brought it up", limit, || {
            self.try_initiate();
            (!self.sas().children.is_empty()).then_some(())
        });
    }

    /// Tries to bring the tunnel up, which may fail.
    pub(crate) fn try_initiate(&self) {
        let _ = self.run("--initiate --child net --timeout 4");
    }

    /// The major version of the one that is installed.
    pub(crate) fn major() -> Option<u32> {
        let output = Command::new("swanctl").arg("--version").output().ok()?;
        // Without a daemon it says so, and its version with how it is used.
        let said = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&said).into_owned();
        let (_, version) = text.split_once("strongSwan ")?;
        let number = version.trim_start_matches('U').split('.').next()?;
        number.parse().ok()
    }

    /// Closes the tunnel by force, if there is one.
    pub(crate) fn try_terminate(&self) {
        let _ = self.run("--terminate --ike adit --force --timeout 4");
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// How many Child SAs it has ever had, those that are gone counted.
    pub(crate) fn children_ever(&self) -> usize {
        self.log().matches(" established with SPIs ").count()
    }

    pub(crate) fn sas(&self) -> Sas {
        Sas::parse(self.swanctl("--list-sas"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let from = lines.len().saturating_sub(80);
            eprintln!("the end of charon's log:\n{}", lines[from..].join("\n"));
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
        remove(&self.namespace);
        remove(&self.outside);
    }
}

/// `kernel-libipsec` comes before `kernel-netlink`: the first that can do ESP does it.
fn daemon(folder: &str, more: More) -> String {
    let fragment_size = more.fragment_size.unwrap_or(1280);
    format!(
        "charon {{
            load_modular = no
            load = random drbg nonce openssl gmp curve25519 gcm ccm ctr chapoly xcbc cmac hmac \
                   kdf md5 sha1 sha2 sha3 ml aes pem pkcs1 pkcs8 x509 pubkey constraints revocation kernel-libipsec kernel-netlink socket-default vici
            install_routes = yes
            routing_table = 220
            routing_table_prio = 220
            dos_protection = no
            retransmit_tries = 3
            fragment_size = {fragment_size}
            {}
            plugins {{
                vici {{ socket = unix://{folder}/vici }}
            }}
            filelog {{
                all {{
                    path = {folder}/log
                    default = 1
                    flush_line = yes
                    time_format = %H:%M:%S
                    time_add_ms = yes
                }}
            }}
        }}\n",
        more.of_daemon
    )
}

fn connection(own: &str, wanted: &Wanted) -> String {
    let Wanted {
        gateway,
        ike,
        esp,
        psk,
        remote,
        remote_v6,
        ids,
        version,
        more,
    } = wanted;
    let [own_id, gateway_id] = ids.unwrap_or([own, gateway]);
    let (ppk, ppk_secret) = more
        .ppk
        .map_or_else(Default::default, |(id, secret, required)| {
            let required = if required { "yes" } else { "no" };
            (
                format!("ppk_id = {id}\nppk_required = {required}"),
                format!("ppk-adit {{\nid = {id}\nsecret = \"{secret}\"\n}}"),
            )
        });
    let (auth, certs) = match more.certificates {
        Some(_) => ("pubkey", "certs = own.pem"),
        None => ("psk", ""),
    };
    let child = |name: &str, local: &str, remote: &str| {
        format!(
            "{name} {{
                local_ts = {local}
                remote_ts = {remote}
                esp_proposals = {esp}
                start_action = none
                {}
            }}",
            more.of_child
        )
    };
    let net = child("net", &block(more.number), remote);
    let net_v6 = remote_v6.as_ref();
    let net_v6 = net_v6.map_or_else(String::new, |remote| child("net6", BLOCK_V6, remote));
    format!(
        "connections {{
            adit {{
                version = {version}
                local_addrs = {own}
                remote_addrs = {gateway}
                proposals = {ike}
                mobike = no
                {ppk}
                {}
                local {{
                    auth = {auth}
                    {certs}
                    id = {own_id}
                }}
                remote {{
                    auth = {auth}
                    id = {gateway_id}
                }}
                children {{
                    {net}
                    {net_v6}
                    {}
                }}
            }}
        }}
        secrets {{
            ike-adit {{
                id-1 = {own_id}
                id-2 = {gateway_id}
                secret = \"{psk}\"
            }}
            {ppk_secret}
        }}\n",
        more.of_connection, more.children
    )
}

//! An Adit site and a strongSwan peer on one external network.

use serde_json::{Value, json};

use crate::strongswan::{BLOCK, INNER, More, Peer, Wanted};
use crate::support::api::Api;
use crate::support::serve::Serve;
use crate::support::site::{Instance, Site};
use crate::support::traffic::{ping, ping_with};
use crate::support::{VERDICT, poll};

/// The block behind the Adit gateway.
pub(crate) const SITE: &str = "10.240.0.0/24";

/// The key both have, unless a test says otherwise.
pub(crate) const PSK: &str = "VPNDemoPassword";

/// Algorithms, in both worlds' words.
pub(crate) struct Suite {
    /// strongSwan's proposals.
    pub(crate) ike: &'static str,
    pub(crate) esp: &'static str,
    /// Bodies of Adit's policies, without name; `null` negotiates.
    pub(crate) ike_policy: Value,
    pub(crate) ipsec_policy: Value,
}

impl Suite {
    pub(crate) fn cbc_sha256() -> Self {
        Self {
            ike: "aes128-sha256-modp2048",
            esp: "aes128-sha256",
            ike_policy: ike("aes128", "sha256", 14),
            ipsec_policy: ipsec("aes128", "sha256"),
        }
    }

    pub(crate) fn gcm() -> Self {
        Self {
            ike: "aes256gcm16-prfsha384-ecp384",
            esp: "aes256gcm16",
            // IBM's IKE policies know no GCM.
            ike_policy: Value::Null,
            ipsec_policy: ipsec("aes256gcm16", "disabled"),
        }
    }

    /// The version of IKE that the policy names; without one it is IKEv2.
    pub(crate) fn version(&self) -> u8 {
        match self.ike_policy["ike_version"].as_u64() {
            Some(1) => 1,
            _ => 2,
        }
    }

    /// IKEv1 with what OpenStack's clients have by default.
    pub(crate) fn ikev1() -> Self {
        Self {
            ike: "aes128-sha1-modp1536",
            esp: "aes128-sha1",
            ike_policy: ikev1("aes128", "sha1", 5),
            ipsec_policy: ipsec("aes128", "sha1"),
        }
    }

    pub(crate) fn cbc_sha512() -> Self {
        Self {
            ike: "aes256-sha512-x25519",
            esp: "aes256-sha512",
            ike_policy: ike("aes256", "sha512", 31),
            ipsec_policy: ipsec("aes256", "sha512"),
        }
    }
}

pub(crate) fn ike(encryption: &str, authentication: &str, group: u16) -> Value {
    json!({
        "ike_version": 2,
        "encryption_algorithm": encryption,
        "authentication_algorithm": authentication,
        "dh_group": group,
    })
}

pub(crate) fn ikev1(encryption: &str, authentication: &str, group: u16) -> Value {
    let mut policy = ike(encryption, authentication, group);
    policy["ike_version"] = json!(1);
    policy
}

pub(crate) fn ipsec(encryption: &str, authentication: &str) -> Value {
    json!({
        "encryption_algorithm": encryption,
        "authentication_algorithm": authentication,
        "pfs": "disabled",
    })
}

/// An Adit site that knows where strongSwan will be.
pub(crate) struct Scene {
    pub(crate) api: Api,
    pub(crate) site: Site,
    pub(crate) serve: Serve,
}

impl Scene {
    pub(crate) fn new(prefix: &str, number: u8) -> Self {
        Self::with(prefix, number, &[SITE])
    }

    /// One with these subnets.
    pub(crate) fn with(prefix: &str, number: u8, cidrs: &[&str]) -> Self {
        let serve = Serve::start(prefix, number);
        let api = serve.api();
        let site = Site::new(&serve, &api, "one", cidrs);
        Self { api, site, serve }
    }

    /// What strongSwan is to be for this site and suite.
    pub(crate) fn wanted(&self, suite: &Suite) -> Wanted {
        Wanted {
            gateway: self.site.address.clone(),
            ike: suite.ike,
            esp: suite.esp,
            psk: PSK,
            remote: SITE,
            remote_v6: None,
            ids: None,
            more: More::default(),
            version: suite.version(),
        }
    }

    /// Makes a policy; a reference to it.
    pub(crate) fn policy(&self, kind: &str, body: &Value) -> Value {
        if body.is_null() {
            return Value::Null;
        }
        let mut body = body.clone();
        let policies = self.api.get(kind).is(200);
        let number = policies["total_count"].as_u64().unwrap();
        body["name"] = json!(format!("policy-{number}"));
        let made = self.api.post(kind, &body.to_string()).is(201);
        json!({"id": made["id"]})
    }

    /// Makes the connection to strongSwan; its path.
    pub(crate) fn connect(&self, suite: &Suite) -> String {
        self.connect_with(suite, &json!({}))
    }

    /// The same with more fields.
    pub(crate) fn connect_with(&self, suite: &Suite, fields: &Value) -> String {
        let mut more = json!({
            "psk": PSK,
            "ike_policy": self.policy("ike_policies", &suite.ike_policy),
            "ipsec_policy": self.policy("ipsec_policies", &suite.ipsec_policy),
        });
        for (name, value) in fields.as_object().unwrap() {
            more[name] = value.clone();
        }
        let peer = Peer::address_on(&self.serve);
        self.site
            .connect_with(&self.api, &peer, &[BLOCK.to_owned()], &more)
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.site.instances[0]
    }

    /// Pings pass both ways, and both sides' counters prove that they went through the tunnel.
    ///
    /// Where both began at once, the surplus SA is closed about now, and takes what it counted
    /// along: then it is counted once more. No ping is lost either way.
    #[track_caller]
    pub(crate) fn works(&self, connection: &str, peer: &Peer) {
        self.api.up(connection);
        let is_counted = (0..3).any(|_| self.is_counted(connection, peer));
        assert!(is_counted, "SAs come and go: {}", peer.sas().text);
    }

    /// Whether no SA took along what it had counted, neither one that was there before the pings nor
    /// one that came and went in the meantime.
    #[track_caller]
    fn is_counted(&self, connection: &str, peer: &Peer) -> bool {
        let ever = peer.children_ever();
        let before = peer.sas();
        let counted = |what: &str| {
            let traffic = &self.api.get(connection).is(200)["negotiated"]["traffic"];
            traffic[what].as_u64().unwrap()
        };
        ping(self.instance(), INNER).all();
        let to = &self.instance().address;
        ping_with(&peer.namespace, to, &format!("-c 10 -i 0.02 -I {INNER}")).all();
        let mut last = String::new();
        let grown = poll(VERDICT, || {
            let after = peer.sas();
            let ours = self.api.get(connection).is(200)["negotiated"].to_string();
            last = format!("ours: {ours}, theirs: {}", after.text);
            if !before
                .children
                .iter()
                .all(|spi| after.children.contains(spi))
            {
                return Some(false);
            }
            let grown = after.packets_in >= before.packets_in + 20
                && after.packets_out >= before.packets_out + 20;
            let ours = counted("packets_in") >= 20 && counted("packets_out") >= 20;
            match grown && ours {
                true => Some(true),
                false => (peer.children_ever() > ever).then_some(false),
            }
        });
        grown.unwrap_or_else(|| {
            let before = before.text;
            panic!("not both sides' counters grow; before: {before}, {last}")
        })
    }
}

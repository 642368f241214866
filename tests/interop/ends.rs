//! An Adit gateway whose tunnels are wished for without an API, and the strongSwan it is to reach.

use adit_model::ConnectionId;
use adit_model::desired::TunnelSpec;
use adit_model::policy::{Authentication, DhGroup, Encryption, IkeVersion};

use crate::scene::PSK;
use crate::strongswan::{BLOCK, INNER, More, Peer, Wanted};
use crate::support::host::{Host, Place};
use crate::support::traffic::{ping, ping_with};

/// The versions of IKE.
pub(crate) const VERSIONS: [IkeVersion; 2] = [IkeVersion::V2, IkeVersion::V1];

/// As strongSwan writes one.
pub(crate) const fn number(version: IkeVersion) -> u8 {
    match version {
        IkeVersion::V1 => 1,
        IkeVersion::V2 => 2,
    }
}

/// A place that is told how to reach strongSwan, and what that is to be.
pub(crate) struct Ends {
    pub(crate) host: Host,
    pub(crate) place: Place,
    pub(crate) wanted: Wanted,
}

impl Ends {
    pub(crate) fn new(prefix: &str, number: u8) -> Self {
        let host = Host::open(prefix, number);
        let mut place = host.place("10.240.0", 11);
        let wanted = Wanted {
            gateway: place.outer().to_string(),
            ike: "aes128-sha256-modp2048",
            esp: "aes128-sha256",
            psk: PSK,
            remote: crate::scene::SITE,
            remote_v6: None,
            ids: None,
            more: More::default(),
            version: 2,
        };
        let peer = Peer::address_on(&host).parse().unwrap();
        let tunnel = place.connect(peer, BLOCK.parse().unwrap());
        tunnel.ike.encryption = vec![Encryption::Aes128];
        tunnel.ike.authentication = vec![Authentication::Sha256];
        tunnel.ike.groups = vec![DhGroup::try_from(14).unwrap()];
        Self {
            host,
            place,
            wanted,
        }
    }

    pub(crate) fn tunnel(&mut self) -> &mut TunnelSpec {
        &mut self.place.tunnels[0]
    }

    /// Has both ends speak this version.
    pub(crate) fn speak(&mut self, version: IkeVersion) {
        self.wanted.version = number(version);
        for tunnel in &mut self.place.tunnels {
            tunnel.ike.version = version;
        }
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.place.tunnels[0].connection
    }

    pub(crate) fn apply(&self) {
        self.host.apply(&self.place);
    }

    /// Pings pass both ways.
    #[track_caller]
    pub(crate) fn works(&self, peer: &Peer) {
        self.host.up(self.id(), &[]);
        ping(&self.place.instance, INNER).all();
        let to = &self.place.instance.address;
        ping_with(&peer.namespace, to, &format!("-c 10 -i 0.02 -I {INNER}")).all();
    }
}

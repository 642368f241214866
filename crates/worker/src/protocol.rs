//! What supervisor and worker say to each other: one JSON value a line, over a Unix socket pair.
//! The descriptors travel with the first octet, in the order TUN, UDP 500, UDP 4500, raw ESP, raw AH; and the last
//! four on the gateway's other address, if it has one.

use std::fmt;
use std::sync::Arc;

use adit_crypto::EnvelopeKey;
use adit_model::authentication::{Pem, PrivateKey};
use adit_model::desired::{TunnelAct, TunnelSpec};
use adit_model::gateway::MAX_TUNNELS;
use adit_model::observed::{Drops, TunnelObserved};
use adit_model::{ConnectionId, OuterAddresses};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What one tunnel takes of an order, in octets, at most: one of some hundred blocks.
const MAX_TUNNEL_LEN: usize = 6_500;

/// What certificates take of it: texts whose line ends are escaped, and a key as a list of numbers.
const MAX_CERTIFICATES_LEN: usize = 3 * Pem::MOST + Pem::MOST / 8 + 4 * PrivateKey::MOST + 256;

/// The longest order taken, in octets: all tunnels that a gateway may have.
pub const MAX_LINE: usize = MAX_TUNNELS * (MAX_TUNNEL_LEN + MAX_CERTIFICATES_LEN);

/// The longest line of a worker, in octets: a tunnel of some thousand Child SAs.
pub const MAX_NEWS_LINE: u64 = 1 << 20;

/// Octets of each text in news.
const MAX_TEXT: usize = 4096;

/// Reasons of a tunnel, and causes of drops.
const MAX_ENTRIES: usize = 128;

/// Tunnels of a connection.
const MAX_MEMBERS: usize = 2;

/// Octets that a worker keeps of what happened to each tunnel. Sealed and in hexadecimal it is about twice as much.
pub(crate) const RECORDED: usize = 1 << 16;

/// The same of all its tunnels.
pub(crate) const RECORDED_OF_ALL: usize = 1 << 26;

/// The longest sealed recording, in hexadecimal digits.
const MAX_RECORDING: usize = 4 * RECORDED;

/// From the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Do something with a tunnel.
    Act {
        /// One that the worker was told of.
        connection: ConnectionId,
        /// What.
        act: TunnelAct,
    },
    /// Have exactly these tunnels.
    Apply(GatewayOrder),
    /// Change these tunnels, and leave the others.
    Change(ChangeOrder),
    /// Say what happened to a tunnel.
    Recording(RecordingOrder),
    /// Delete the SAs, tell the peers, and end.
    Shutdown,
}

/// A gateway as its worker needs it.
#[derive(Debug, Serialize, Deserialize)]
pub struct GatewayOrder {
    /// The gateway's addresses.
    pub addresses: OuterAddresses,
    /// All its tunnels.
    pub tunnels: Vec<Arc<TunnelSpec>>,
}

/// What changed of a gateway.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ChangeOrder {
    /// Tunnels that are new, or other than they were.
    pub tunnels: Vec<Arc<TunnelSpec>>,
    /// Tunnels that are gone.
    pub gone: Vec<ConnectionId>,
}

/// Whose recording is wanted, and how it is sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecordingOrder {
    /// The tunnel.
    pub connection: ConnectionId,
    /// A key for this recording alone.
    pub key: SealingKey,
}

/// A key that seals one recording. Wiped on drop, and not shown.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct SealingKey(pub [u8; EnvelopeKey::LEN]);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

/// From the worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// It is at work; said every two seconds.
    Alive,
    /// What was dropped since it was started, and how many IKE SAs are half open now.
    Load {
        /// By cause.
        drops: Drops,
        /// IKE SAs whose peer has not shown who it is.
        half_open: u64,
    },
    /// It listens.
    Ready,
    /// What happened to a tunnel, as it was asked for.
    Recording {
        /// The tunnel.
        connection: ConnectionId,
        /// An [`adit_ike::Recording`], sealed, in hexadecimal; none where there is no such tunnel.
        sealed: Option<String>,
    },
    /// How a tunnel is.
    Tunnel {
        /// One that the worker was told of: of no other is anything believed.
        connection: ConnectionId,
        /// How it is.
        observed: TunnelObserved,
    },
}

/// Why a worker's line is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NewsError {
    /// It is none of the words.
    #[error("it can't be understood")]
    Malformed(#[source] serde_json::Error),
    /// A text, or a list, is longer than any honest one.
    #[error("its {0} are too long")]
    TooLong(&'static str),
}

impl FromWorker {
    /// News of a tunnel. What a peer said may be quoted in its reasons, and is cut where it is too
    /// long.
    pub(crate) fn of_tunnel(connection: ConnectionId, mut observed: TunnelObserved) -> Self {
        let of_members = observed.members.iter_mut().flat_map(|it| &mut it.reasons);
        for reason in observed.reasons.iter_mut().chain(of_members) {
            for text in [&mut reason.evidence, &mut reason.next_step] {
                text.truncate(text.floor_char_boundary(MAX_TEXT));
            }
        }
        Self::Tunnel {
            connection,
            observed,
        }
    }

    /// Takes a line of a worker, which may be in a stranger's hands: no more of it than fits here is
    /// kept or shown anywhere.
    ///
    /// # Errors
    /// It is not one, or longer than any honest one.
    pub fn parse(line: &[u8]) -> Result<Self, NewsError> {
        let news = serde_json::from_slice(line).map_err(NewsError::Malformed)?;
        match &news {
            Self::Alive | Self::Ready => {}
            Self::Load { drops, .. } => {
                let plain = |octet: u8| {
                    octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_'
                };
                let named = |cause: &String| cause.len() <= 64 && cause.bytes().all(plain);
                if drops.0.len() > MAX_ENTRIES || !drops.0.keys().all(named) {
                    return Err(NewsError::TooLong("causes of drops"));
                }
            }
            Self::Recording { sealed, .. } => {
                let mut sealed = sealed.iter();
                let fits = |sealed: &String| {
                    let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
                    sealed.len() <= MAX_RECORDING && sealed.bytes().all(is_digit)
                };
                if !sealed.all(fits) {
                    return Err(NewsError::TooLong("recordings"));
                }
            }
            Self::Tunnel { observed, .. } => {
                let fits = |text: &String| text.len() <= MAX_TEXT;
                let members = &observed.members;
                let of_members = members.iter().flat_map(|member| &member.reasons);
                let mut reasons = observed.reasons.iter().chain(of_members);
                let told = reasons.all(|reason| fits(&reason.evidence) && fits(&reason.next_step));
                let mut lists = members.iter().map(|member| &member.reasons);
                let is_long = observed.reasons.len() > MAX_ENTRIES
                    || members.len() > MAX_MEMBERS
                    || lists.any(|list| list.len() > MAX_ENTRIES);
                if is_long || !told {
                    return Err(NewsError::TooLong("reasons"));
                }
                let suites = observed.children.iter().map(|child| &child.suite);
                if !suites.chain(&observed.ike_suite).all(fits) {
                    return Err(NewsError::TooLong("suites"));
                }
            }
        }
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use adit_model::authentication::Authentication;
    use adit_model::{Cidr, Psk};

    use super::*;

    #[test]
    fn an_order_of_all_tunnels_a_gateway_may_have_is_taken() {
        let mut tunnel = crate::conversion::tests::order();
        let block = |number: u16| {
            let address =
                std::net::Ipv6Addr::new(0x2001, 0xdb8, number, 0xffff, 0xffff, 0xffff, 0, 0);
            Cidr::new(address.into(), 96).unwrap()
        };
        tunnel.local_cidrs = (0..50).map(block).collect();
        tunnel.peer_cidrs = (50..100).map(block).collect();
        tunnel.authentication = Authentication::PresharedKey(Psk::new(vec![255; 128]).unwrap());
        let len = serde_json::to_vec(&tunnel).unwrap().len();
        let addresses =
            r#"{"Apply":{"addresses":{"v4":"255.255.255.255","v6":null},"tunnels":[]}}"#;
        let all = MAX_TUNNELS * (len + 1) + addresses.len() + 64;
        assert!(all <= MAX_LINE, "{len} octets each");
    }

    #[test]
    fn a_workers_words_are_bounded() {
        let tunnel = |evidence: &str, reasons: usize| {
            let reason = format!(
                r#"{{"code":"internal_error","whose":"local","since":"2026-01-01T00:00:00Z","evidence":"{evidence}","next_step":""}}"#
            );
            format!(
                r#"{{"Tunnel":{{"connection":"{}","observed":{{"state":"up","since":"2026-01-01T00:00:00Z","reasons":[{}],"ike_suite":null,"children":[],"members":[],"traffic":{{"packets_in":0,"bytes_in":0,"packets_out":0,"bytes_out":0}}}}}}}}"#,
                ConnectionId::random(),
                vec![reason; reasons].join(",")
            )
        };
        let parse = |line: &str| FromWorker::parse(line.as_bytes());
        let Ok(FromWorker::Tunnel {
            connection,
            mut observed,
        }) = parse(&tunnel("", 1))
        else {
            panic!("a tunnel");
        };
        observed.reasons[0].evidence = "ß".repeat(MAX_TEXT);
        let told = FromWorker::of_tunnel(connection, observed);
        assert!(parse(&serde_json::to_string(&told).unwrap()).is_ok());
        assert!(parse(&tunnel("no answer", 1)).is_ok());
        let long = "x".repeat(MAX_TEXT + 1);
        assert!(matches!(
            parse(&tunnel(&long, 1)),
            Err(NewsError::TooLong("reasons"))
        ));
        assert!(matches!(
            parse(&tunnel("", MAX_ENTRIES + 1)),
            Err(NewsError::TooLong("reasons"))
        ));
        assert!(parse(r#"{"Load":{"drops":{"no_sa":7},"half_open":0}}"#).is_ok());
        for name in ["a\"b", "a b", "A", &"a".repeat(65)] {
            let name = name.replace('"', "\\\"");
            let line = format!(r#"{{"Load":{{"drops":{{"{name}":7}},"half_open":0}}}}"#);
            assert!(
                matches!(parse(&line), Err(NewsError::TooLong("causes of drops"))),
                "{line}"
            );
        }
        let recording = |sealed: &str| {
            let id = ConnectionId::random();
            let line = format!(r#"{{"Recording":{{"connection":"{id}","sealed":"{sealed}"}}}}"#);
            parse(&line)
        };
        assert!(recording(&"0f".repeat(RECORDED)).is_ok());
        for sealed in ["0F", "\\n", &"0f".repeat(2 * RECORDED + 1)] {
            let refused = recording(sealed);
            assert!(matches!(refused, Err(NewsError::TooLong("recordings"))));
        }
        assert!(matches!(parse("{}"), Err(NewsError::Malformed(_))));
        assert!(matches!(parse("\"Ready\""), Ok(FromWorker::Ready)));
    }
}

//! What a message of quick mode holds.

use alloc::vec::Vec;
use core::time::Duration;

use adit_ike_wire::v1::security_association::parse_attributes;
use adit_ike_wire::v1::{Identification, NotifyType, Payload, SecurityAssociation};

use crate::v1::proposal::phase_2;

/// The payloads of a quick mode's message, sorted.
pub(super) struct QuickContents<'a> {
    pub(super) sa: &'a SecurityAssociation<'a>,
    pub(super) nonce: &'a [u8],
    pub(super) public: Option<&'a [u8]>,
    /// IDci and IDcr.
    pub(super) identities: Option<(Identification<'a>, Identification<'a>)>,
    pub(super) lifetime: Option<Duration>,
}

impl<'a> QuickContents<'a> {
    pub(super) fn of(payloads: &'a [Payload<'a>]) -> Option<Self> {
        let mut sa = None;
        let mut nonce = None;
        let mut public = None;
        let mut identities = Vec::new();
        let mut lifetime = None;
        for payload in payloads {
            match payload {
                Payload::SecurityAssociation(one, _) => sa = sa.or(Some(one)),
                Payload::Nonce(value) => nonce = nonce.or(Some(*value)),
                Payload::KeyExchange(value) => public = public.or(Some(*value)),
                Payload::Identification(id) => identities.push(*id),
                Payload::Notify(one) if one.kind == NotifyType::RESPONDER_LIFETIME => {
                    lifetime = lifetime.or_else(|| seconds(one.data));
                }
                _ => {}
            }
        }
        Some(Self {
            sa: sa?,
            nonce: nonce?,
            public,
            identities: match identities[..] {
                [] => None,
                [initiator, responder] => Some((initiator, responder)),
                _ => return None,
            },
            lifetime,
        })
    }
}

/// A lifetime in seconds, as attributes of phase 2 say it.
fn seconds(attributes: &[u8]) -> Option<Duration> {
    let attributes = parse_attributes(attributes).ok()?;
    let unit = attributes
        .iter()
        .find(|one| one.kind == phase_2::LIFE_TYPE)?;
    let duration = attributes
        .iter()
        .find(|one| one.kind == phase_2::LIFE_DURATION)?;
    let value = duration.value.filter(|_| unit.value == Some(1))?;
    Some(Duration::from_secs(value.into()))
}

/// An SPI of a proposal, unless it is a reserved one (RFC 4303 section 2.1).
pub(super) fn spi_of(octets: &[u8]) -> Option<u32> {
    let spi = u32::from_be_bytes(octets.try_into().ok()?);
    (spi > 255).then_some(spi)
}

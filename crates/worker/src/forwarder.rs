//! Turns the engine's SA commands into the data plane's.

use std::net::SocketAddr;
use std::time::Instant;

use adit_crypto::SystemRandom;
use adit_dataplane::{Carriage, ChildCounters, ChildId, ChildSa, Dataplane, InstallError};
use adit_esp::{
    AddressRange, Framing, Hosts, InboundSa, Keying, Mode, OutboundSa, Ports, Protection,
    Selectors, TrafficSelector,
};
use adit_ike::{DirectionKeys, InstallChild};

use crate::conversion;

/// Why a Child SA was not installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error("the keys do not fit the algorithms")]
    Keys,
    #[error("the ends' addresses are of different IP versions")]
    Hosts,
    #[error("the SPI is reserved")]
    Spi,
    #[error("a selector is not one")]
    Selector,
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// The share of sequence numbers after which a Child SA is replaced, well before the last one.
const SEQUENCE_LIMIT: f64 = 0.75;

/// What became of a Child SA since it was last looked at.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Look {
    pub(crate) counters: adit_model::observed::Traffic,
    /// Packets came since the last look.
    pub(crate) heard: bool,
    /// Packets were sent since the last look.
    pub(crate) sent: bool,
    /// The peer's packets come from elsewhere.
    pub(crate) moved: Option<SocketAddr>,
    /// Its sequence numbers run out.
    pub(crate) exhausting: bool,
    /// Packets come, and not one of them was authentic.
    pub(crate) unreadable: bool,
}

/// How many packets have to fail until a Child SA counts as one that the peer uses otherwise than was agreed: one may be
/// damaged, or somebody else's.
const UNREADABLE_AFTER: u64 = 3;

/// One installed Child SA.
#[derive(Debug)]
pub(crate) struct Forwarded {
    id: ChildId,
    remote: SocketAddr,
    last_inbound: Option<Instant>,
    packets_out: u64,
    exhausting: bool,
}

impl Forwarded {
    pub(crate) fn install(
        dataplane: &impl Dataplane,
        child: &InstallChild,
        mtu: Option<u16>,
    ) -> Result<Self, ForwardError> {
        let selectors = Selectors::new(
            convert(&child.local_selectors)?,
            convert(&child.remote_selectors)?,
        );
        let keying = |keys: &DirectionKeys| -> Result<_, ForwardError> {
            let spi = keys.spi.try_into().map_err(|_| ForwardError::Spi)?;
            Ok((spi, keys.encryption.clone(), keys.integrity.clone()))
        };
        let (spi_in, encryption_in, integrity_in) = keying(&child.inbound)?;
        let (spi_out, encryption_out, integrity_out) = keying(&child.outbound)?;
        let protection = match (child.encryption, child.integrity) {
            (Some(encryption), integrity) => Protection::Esp(encryption, integrity),
            (None, Some(integrity)) => Protection::Ah(integrity),
            (None, None) => return Err(ForwardError::Keys),
        };
        let framing = Framing {
            mode: match child.mode {
                adit_ike::Mode::Transport => Mode::Transport,
                adit_ike::Mode::Tunnel => Mode::Tunnel,
            },
            hosts: Hosts::new(child.local, child.remote.ip()).map_err(|_| ForwardError::Hosts)?,
        };
        let material = |encryption_key, integrity_key| Keying {
            protection,
            encryption_key,
            integrity_key,
        };
        let extended = child.extended_sequence_numbers;
        let mut inbound = InboundSa::new(
            spi_in,
            &material(encryption_in.as_slice(), integrity_in.as_slice()),
            framing,
            selectors.clone(),
            extended,
        )
        .map_err(|_| ForwardError::Keys)?;
        inbound.skip_to(child.progress.received);
        let mut outbound = OutboundSa::new(
            spi_out,
            &material(encryption_out.as_slice(), integrity_out.as_slice()),
            framing,
            selectors,
            extended,
            child.iv_epoch,
            &mut SystemRandom,
        )
        .map_err(|_| ForwardError::Keys)?;
        outbound.skip_to(child.progress.sent);
        let id = ChildId(child.child.0);
        dataplane.install(ChildSa {
            id,
            owner: conversion::owner(child.connection),
            lane: conversion::lane(child.connection),
            inbound,
            outbound,
            local: child.local,
            remote: child.remote,
            carriage: match child.carriage {
                adit_ike::Carriage::Ip => Carriage::Ip,
                adit_ike::Carriage::Udp => Carriage::Udp,
            },
            mtu,
            ecn: child.ecn,
            outbound_active: child.outbound_active,
        })?;
        Ok(Self {
            id,
            remote: child.remote,
            last_inbound: None,
            packets_out: 0,
            exhausting: false,
        })
    }

    pub(crate) fn activate_outbound(&self, dataplane: &impl Dataplane) {
        dataplane.activate_outbound(self.id);
    }

    pub(crate) fn stop_outbound(&self, dataplane: &impl Dataplane) {
        dataplane.stop_outbound(self.id);
    }

    pub(crate) fn remove(&self, dataplane: &impl Dataplane) {
        dataplane.remove(self.id);
    }

    pub(crate) fn set_mtu(&self, dataplane: &impl Dataplane, mtu: Option<u16>) {
        dataplane.set_mtu(self.id, mtu);
    }

    pub(crate) fn move_to(&mut self, dataplane: &impl Dataplane, remote: SocketAddr) {
        self.remote = remote;
        dataplane.move_endpoint(self.id, remote);
    }

    /// Looks at the counters; `None` when it is not installed any more.
    pub(crate) fn look(&mut self, dataplane: &impl Dataplane) -> Option<Look> {
        let counters: ChildCounters = dataplane.child_counters(self.id)?;
        let heard = counters.last_inbound > self.last_inbound;
        self.last_inbound = counters.last_inbound;
        let sent = counters.packets_out > self.packets_out;
        self.packets_out = counters.packets_out;
        let exhausting = counters.sequence_used > SEQUENCE_LIMIT && !self.exhausting;
        self.exhausting |= exhausting;
        Some(Look {
            counters: adit_model::observed::Traffic {
                packets_in: counters.packets_in,
                bytes_in: counters.octets_in,
                packets_out: counters.packets_out,
                bytes_out: counters.octets_out,
            },
            heard,
            sent,
            moved: counters.endpoint_seen.filter(|seen| *seen != self.remote),
            exhausting,
            unreadable: counters.last_inbound.is_none()
                && counters.not_authentic >= UNREADABLE_AFTER,
        })
    }
}

fn convert(
    selectors: &[adit_ike_wire::TrafficSelector],
) -> Result<Vec<TrafficSelector>, ForwardError> {
    selectors
        .iter()
        .map(|selector| {
            let range = selector.addresses;
            let addresses = AddressRange::new(range.first(), range.last())
                .map_err(|_| ForwardError::Selector)?;
            let ports = Ports::from_wire(selector.first_port, selector.last_port)
                .map_err(|_| ForwardError::Selector)?;
            Ok(TrafficSelector {
                addresses,
                protocol: selector.protocol,
                ports,
            })
        })
        .collect()
}

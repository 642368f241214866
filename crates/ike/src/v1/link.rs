//! What every state of an IKE SA has: who speaks with whom, where.

use adit_ike_wire::{ExchangeType, Flags, Header, PayloadType, Spi};

use crate::carriage::Carriage;
use crate::config::ConnectionKey;
use crate::sa::{Path, Role, SaKey};

/// What every state of an IKE SA has.
pub(super) struct Link {
    pub(super) key: SaKey,
    /// The connection it belongs to; a responder learns it in the fifth message.
    pub(super) connection: Option<ConnectionKey>,
    /// The side of the exchange that made the SA.
    pub(super) role: Role,
    /// Our cookie, and the peer's.
    pub(super) local_spi: Spi,
    pub(super) remote_spi: Spi,
    /// Where our messages and the Child SAs' packets go.
    pub(super) path: Path,
    /// The peer's address is translated on the way, so that its port may change.
    pub(super) is_translated: bool,
    /// So is ours.
    pub(super) behind_nat: bool,
    /// What the Child SAs' packets travel in.
    pub(super) carriage: Carriage,
}

impl Link {
    /// The cookies in the header's order.
    pub(super) const fn cookies(&self) -> (Spi, Spi) {
        match self.role {
            Role::Initiator => (self.local_spi, self.remote_spi),
            Role::Responder => (self.remote_spi, self.local_spi),
        }
    }

    pub(super) fn header(&self, exchange: ExchangeType, message_id: u32) -> Header {
        let (initiator_spi, responder_spi) = self.cookies();
        Header {
            initiator_spi,
            responder_spi,
            next_payload: PayloadType::NONE,
            major_version: 1,
            minor_version: 0,
            exchange,
            flags: Flags::default(),
            message_id,
            length: 0,
        }
    }
}

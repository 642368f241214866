//! Tasks whose request is under way, with what their answer needs.

use alloc::boxed::Box;
use alloc::vec::Vec;

use adit_crypto::KeyExchange;
use adit_ike_wire::Spi;

use crate::nonces::ExchangeNonces;
use crate::output::ChildKey;
use crate::v2::agreement::Wish;

/// The task whose request is under way.
#[derive(Debug)]
pub(crate) enum Active {
    ChildCreate(ChildCreating),
    ChildDelete(ChildKey),
    ChildRekey(ChildRekeying),
    IkeDelete,
    IkeRekey(IkeRekeying),
    Liveness,
}
/// Our request for a Child SA: what was wished and what it takes to derive keys.
pub(crate) struct Request {
    pub(crate) wish: Wish,
    pub(crate) nonce: Vec<u8>,
    pub(crate) key_exchange: Option<Box<dyn KeyExchange>>,
}

impl core::fmt::Debug for Request {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Request({:08x})", self.wish.inbound_spi)
    }
}

/// A request for a new Child SA under way.
#[derive(Debug)]
pub(crate) struct ChildCreating {
    pub(crate) index: usize,
    pub(crate) request: Request,
}

/// A rekey under way.
#[derive(Debug)]
pub(crate) struct ChildRekeying {
    /// The Child SA that is to be replaced.
    pub(crate) child: ChildKey,
    pub(crate) request: Request,
    /// The one the peer made for the same purpose in the meantime.
    pub(crate) rival: Option<(ChildKey, ExchangeNonces)>,
}

/// A rekey of the IKE SA under way.
pub(crate) struct IkeRekeying {
    pub(crate) spi: Spi,
    pub(crate) nonce: Vec<u8>,
    pub(crate) key_exchange: Box<dyn KeyExchange>,
}

impl core::fmt::Debug for IkeRekeying {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IkeRekeying({:?})", self.spi)
    }
}

//! Tasks whose request is under way, with what their answer needs.

use alloc::vec::Vec;

use adit_crypto::{AdditionalExchange, Decapsulation, Secret};
use adit_ike_wire::Spi;

use crate::codec::{Field, Reader, Unreadable, Writer, record};
use crate::nonces::ExchangeNonces;
use crate::output::ChildKey;
use crate::sa::Role;
use crate::suite::IkeSuite;
use crate::v2::agreement::Wish;
use crate::v2::message_ids::Numbers;
use crate::v2::private_value::PrivateValue;

/// The task whose request is under way.
#[derive(Debug)]
pub(crate) enum Active {
    ChildCreate(ChildCreating),
    ChildDelete(ChildKey),
    ChildRekey(ChildRekeying),
    IkeDelete,
    IkeFollowUp(IkeFollowing),
    IkeRekey(IkeRekeying),
    Liveness,
    Synchronise(Numbers),
}

/// Our request for a Child SA: what was wished and what it takes to derive keys.
pub(crate) struct Request {
    pub(crate) wish: Wish,
    pub(crate) nonce: Vec<u8>,
    pub(crate) key_exchange: Option<PrivateValue>,
}

impl core::fmt::Debug for Request {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Request({:08x})", self.wish.inbound_spi)
    }
}

/// A request for a new Child SA under way.
#[derive(Debug)]
pub(crate) struct ChildCreating {
    /// Of the one that is wanted, as long as it is.
    pub(crate) index: Option<usize>,
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
    pub(crate) key_exchange: PrivateValue,
}

/// What an IKE SA that replaces another is made of.
pub(crate) struct Succession {
    pub(crate) suite: IkeSuite,
    pub(crate) shared: Secret,
    /// The secret of the additional exchange, once there was one.
    pub(crate) additional: Option<Secret>,
    pub(crate) nonces: ExchangeNonces,
    /// Our side of the exchange.
    pub(crate) role: Role,
    pub(crate) local_spi: Spi,
    pub(crate) remote_spi: Spi,
}

impl Succession {
    /// What is still to be exchanged before there is an SA.
    pub(crate) fn still_to_exchange(&self) -> Option<AdditionalExchange> {
        let missing = self.additional.is_none();
        self.suite.additional.filter(|_| missing)
    }
}

/// A rekey of the IKE SA that goes on with an additional exchange (RFC 9370 section 2.2.4).
pub(crate) struct IkeFollowing {
    pub(crate) succession: Succession,
    pub(crate) decapsulation: Decapsulation,
}

impl core::fmt::Debug for IkeFollowing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IkeFollowing({:?})", self.succession.local_spi)
    }
}

/// The same of the peer's, which it is to go on with.
pub(crate) struct Followed {
    /// What it names it by.
    pub(crate) link: [u8; 8],
    pub(crate) exchange: AdditionalExchange,
    pub(crate) succession: Succession,
}

impl core::fmt::Debug for IkeRekeying {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IkeRekeying({:?})", self.spi)
    }
}

record!(Wish {
    inbound_spi,
    local,
    remote
});
record!(Request {
    wish,
    nonce,
    key_exchange
});
record!(ChildCreating { index, request });
record!(ChildRekeying {
    child,
    request,
    rival
});
record!(IkeRekeying {
    spi,
    nonce,
    key_exchange
});

impl Active {
    /// Whether it can go on elsewhere. The private value of an additional exchange is the library's alone.
    pub(crate) const fn is_portable(&self) -> bool {
        !matches!(self, Self::IkeFollowUp(_))
    }
}

/// Of those that are portable.
impl Field for Active {
    fn put(&self, to: &mut Writer) {
        let number: u8 = match self {
            Self::ChildCreate(_) => 0,
            Self::ChildDelete(_) => 1,
            Self::ChildRekey(_) => 2,
            Self::IkeDelete => 3,
            Self::IkeFollowUp(_) => u8::MAX,
            Self::IkeRekey(_) => 4,
            Self::Liveness => 5,
            Self::Synchronise(_) => 6,
        };
        number.put(to);
        match self {
            Self::ChildCreate(pending) => pending.put(to),
            Self::ChildDelete(child) => child.put(to),
            Self::ChildRekey(pending) => pending.put(to),
            Self::IkeRekey(pending) => pending.put(to),
            Self::Synchronise(numbers) => numbers.put(to),
            Self::IkeDelete | Self::IkeFollowUp(_) | Self::Liveness => {}
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(match u8::take(from)? {
            0 => Self::ChildCreate(Field::take(from)?),
            1 => Self::ChildDelete(Field::take(from)?),
            2 => Self::ChildRekey(Field::take(from)?),
            3 => Self::IkeDelete,
            4 => Self::IkeRekey(Field::take(from)?),
            5 => Self::Liveness,
            6 => Self::Synchronise(Field::take(from)?),
            _ => return Err(Unreadable::Malformed),
        })
    }
}

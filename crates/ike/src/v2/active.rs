//! Tasks whose request is under way, with what their answer needs.

use alloc::vec::Vec;

use adit_crypto::{AdditionalExchange, Decapsulation, Secret};
use adit_ike_wire::Spi;

use crate::codec::{Field, Reader, Unreadable, Writer, record};
use crate::nonces::ExchangeNonces;
use crate::output::ChildKey;
use crate::sa::Role;
use crate::suite::IkeSuite;
use crate::time::Instant;
use crate::v2::agreement::{Agreement, Wish};
use crate::v2::message_ids::Numbers;
use crate::v2::private_value::PrivateValue;

/// The task whose request is under way.
#[derive(Debug)]
pub(crate) enum Active {
    ChildCreate(ChildCreating),
    ChildDelete(ChildKey),
    ChildFollowUp(ChildFollowing),
    ChildRekey(ChildRekeying),
    IkeDelete,
    IkeFollowUp(IkeFollowing),
    IkeRekey(IkeRekeying),
    Liveness,
    Synchronise(Numbers),
}

impl Active {
    /// Which of the wanted Child SAs is being made, and whether any is.
    pub(crate) fn index_mut(&mut self) -> Option<&mut Option<usize>> {
        match self {
            Self::ChildCreate(pending) => Some(&mut pending.index),
            Self::ChildFollowUp(ChildFollowing {
                purpose: Purpose::New(index),
                ..
            }) => Some(index),
            _ => None,
        }
    }

    /// Whether the wanted Child SA of this index is being made.
    pub(crate) fn makes(&self, index: usize) -> bool {
        match self {
            Self::ChildCreate(pending) => pending.index == Some(index),
            Self::ChildFollowUp(pending) => pending.purpose == Purpose::New(Some(index)),
            _ => false,
        }
    }

    /// Whether its answer makes a Child SA.
    pub(crate) const fn makes_any(&self) -> bool {
        matches!(
            self,
            Self::ChildCreate(_) | Self::ChildFollowUp(_) | Self::ChildRekey(_)
        )
    }
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
    pub(crate) rival: Option<Rival>,
}

/// The Child SA that the peer made for the purpose that ours is made for, and the nonces of its exchange.
pub(crate) type Rival = (ChildKey, ExchangeNonces);

/// What a Child SA is made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Where it is ours to ask for, which of the wanted ones it is, as long as that is wanted.
    New(Option<usize>),
    /// To replace this one; with what the other end made for the same purpose in the meantime.
    Rekey(ChildKey, Option<Rival>),
}

/// What both ends agreed on for a Child SA, and what its keys are made of.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) agreement: Agreement,
    /// The secret of the group's exchange.
    pub(crate) shared: Option<Secret>,
    /// That of the additional exchange, once there was one.
    pub(crate) additional: Option<Secret>,
    pub(crate) nonces: ExchangeNonces,
}

impl Agreed {
    /// What is still to be exchanged before there is a Child SA.
    pub(crate) fn still_to_exchange(&self) -> Option<AdditionalExchange> {
        let missing = self.additional.is_none();
        self.agreement.suite.additional.filter(|_| missing)
    }
}

/// A request for a Child SA that goes on with an additional exchange (RFC 9370 section 2.2.4).
#[derive(Debug)]
pub(crate) struct ChildFollowing {
    pub(crate) purpose: Purpose,
    pub(crate) agreed: Agreed,
    pub(crate) decapsulation: Decapsulation,
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

/// What the peer has asked for and is to go on with, by an additional exchange.
pub(crate) struct Followed {
    /// What it names it by.
    pub(crate) link: Vec<u8>,
    pub(crate) exchange: AdditionalExchange,
    /// From when on it is not expected any more.
    pub(crate) until: Instant,
    pub(crate) outcome: Outcome,
}

/// What will have come of it.
pub(crate) enum Outcome {
    /// A Child SA, in the place of this one where it is a rekey.
    Child(Option<ChildKey>, Agreed),
    /// An IKE SA in the place of the one it was asked on.
    Ike(Succession),
}

impl Followed {
    /// The nonces of a rekey of this Child SA, if that is what it is.
    pub(crate) fn rekey_of(&self, child: ChildKey) -> Option<&ExchangeNonces> {
        match &self.outcome {
            Outcome::Child(replaces, agreed) => {
                (*replaces == Some(child)).then_some(&agreed.nonces)
            }
            Outcome::Ike(_) => None,
        }
    }

    /// The nonces of a rekey of the IKE SA, if that is what it is.
    pub(crate) const fn ike_rekey(&self) -> Option<&ExchangeNonces> {
        match &self.outcome {
            Outcome::Child(..) => None,
            Outcome::Ike(succession) => Some(&succession.nonces),
        }
    }
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
        !matches!(self, Self::ChildFollowUp(_) | Self::IkeFollowUp(_))
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
            Self::ChildFollowUp(_) | Self::IkeFollowUp(_) => u8::MAX,
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
            Self::ChildFollowUp(_) | Self::IkeDelete | Self::IkeFollowUp(_) | Self::Liveness => {}
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

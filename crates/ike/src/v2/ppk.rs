//! Post-quantum pre-shared keys (RFC 8784): said to be there in IKE_SA_INIT, named in IKE_AUTH, mixed into what the keys of
//! Child SAs and AUTH rest on.
//!
//! ```text
//!  HDR, ..., N(USE_PPK)  -->
//!                        <--  HDR, ..., N(USE_PPK)
//!  SK {..., AUTH, N(PPK_IDENTITY), [N(NO_PPK_AUTH)]}  -->
//!                        <--  SK {..., AUTH, [N(PPK_IDENTITY)]}
//! ```

use adit_ike_wire::v2::{NotifyType, PpkIdentity};

use crate::authentication::{Distrust, Ppk, PpkFault};
use crate::config::Identity;
use crate::failure::Failure;
use crate::sa::Role;
use crate::time::Instant;
use crate::v2::authentication::{Authenticated, Shown};
use crate::v2::contents::Contents;
use crate::v2::keys::Roots;
use crate::v2::state::Inputs;

/// What an initiator says of it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Offer<'a> {
    /// Which one AUTH rests on.
    id: Option<PpkIdentity<'a>>,
    /// The octets of AUTH without it, for a responder that lacks it.
    without: Option<&'a [u8]>,
}

impl<'a> Offer<'a> {
    /// What IKE_AUTH says, which counts where both ends have said before that they use them.
    pub(crate) fn of(contents: &'a Contents<'_>, is_agreed: bool) -> Self {
        if !is_agreed {
            return Self::default();
        }
        let data = |kind| contents.notify(kind).map(|notify| notify.data);
        let id = data(NotifyType::PPK_IDENTITY);
        Self {
            id: id.and_then(|id| PpkIdentity::parse(id).ok()),
            without: data(NotifyType::NO_PPK_AUTH),
        }
    }

    fn names(&self, ppk: &Ppk) -> bool {
        let named = |id: &PpkIdentity<'_>| id.kind == PpkIdentity::FIXED && id.data == ppk.id;
        self.id.as_ref().is_some_and(named)
    }
}

/// Somebody who is let in, and on what the keys rest from then on, if on something more than before.
pub(crate) struct LetIn {
    pub(crate) proof: Authenticated,
    pub(crate) mixed: Option<Roots>,
}

impl Inputs {
    /// The key that this end has for the peer, if both have said that they use them.
    pub(crate) fn ppk(&self) -> Option<&Ppk> {
        let ppk = self.config.authentication.ppk.as_deref();
        ppk.filter(|_| self.uses_ppk)
    }

    /// What keys rest on with it.
    pub(crate) fn mixed(&self) -> Option<Roots> {
        self.keys.mixed(&self.ppk()?.key).ok()
    }

    /// Whether the initiator, who calls itself so, is let in, as RFC 8784 section 3 has it: with the key, where both
    /// have it, and otherwise without, where neither insists.
    pub(crate) fn let_in(
        &self,
        now: (Instant, u64),
        identity: &Identity,
        shown: Shown<'_>,
        offer: Offer<'_>,
    ) -> Result<LetIn, Failure> {
        let fault = |fault| Err(Failure::Distrust(Distrust::Ppk(fault)));
        let own = self.config.authentication.ppk.as_deref();
        let verify =
            |roots: &Roots, shown| self.verify(now, (Role::Initiator, roots), identity, shown);
        let without = |shown| {
            let proof = verify(self.keys.roots(), shown)?;
            Ok(LetIn { proof, mixed: None })
        };
        let fallback = offer.without.map(|data| Shown { data, ..shown });
        match (offer.id, own) {
            (Some(_), Some(ppk)) if offer.names(ppk) => {
                let Ok(mixed) = self.keys.mixed(&ppk.key) else {
                    return fault(PpkFault::Missing);
                };
                match verify(&mixed, shown) {
                    Ok(proof) => Ok(LetIn {
                        proof,
                        mixed: Some(mixed),
                    }),
                    Err(failure) => Err(with_ppk(failure, ppk, fallback.map(without))),
                }
            }
            (Some(id), _) => match fallback {
                Some(shown) if own.is_none_or(|ppk| !ppk.mandatory) => without(shown),
                _ => fault(PpkFault::Unknown {
                    theirs: id.data.to_vec(),
                }),
            },
            (None, Some(ppk)) if ppk.mandatory => fault(PpkFault::Missing),
            (None, _) => without(shown),
        }
    }
}

impl Inputs {
    /// Whether the responder is believed, who calls itself so, and whose keys rest on `mixed` if it says that it has
    /// the key.
    pub(crate) fn believe(
        &self,
        now: (Instant, u64),
        identity: &Identity,
        shown: Shown<'_>,
        mixed: Option<&Roots>,
    ) -> Result<Authenticated, Failure> {
        let role = Role::Responder;
        match (self.ppk(), mixed) {
            (Some(ppk), Some(mixed)) => self
                .verify(now, (role, mixed), identity, shown)
                .map_err(|failure| with_ppk(failure, ppk, None)),
            (Some(ppk), None) if ppk.mandatory => {
                Err(Failure::Distrust(Distrust::Ppk(PpkFault::Missing)))
            }
            _ => self.verify(now, (role, self.keys.roots()), identity, shown),
        }
    }
}

/// What it means that AUTH is not good with a key, and is, or is not, without.
fn with_ppk(failure: Failure, ppk: &Ppk, without: Option<Result<LetIn, Failure>>) -> Failure {
    let id = ppk.id.clone();
    let is_auth = matches!(
        failure,
        Failure::Authentication { .. } | Failure::Distrust(Distrust::Signature(_))
    );
    match without {
        _ if !is_auth => failure,
        Some(Ok(_)) => Failure::Distrust(Distrust::Ppk(PpkFault::Differs { id })),
        Some(Err(other)) => other,
        None => Failure::Distrust(Distrust::Ppk(PpkFault::Either { id })),
    }
}

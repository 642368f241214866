//! Answering IKE_SA_INIT (RFC 7296 sections 1.2, 2.6 and 2.7).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use adit_crypto::Random;
use adit_ike_wire::v2::authentication::X509_SIGNATURE;
use adit_ike_wire::v2::{Message, Notify, NotifyType, Payload, ProtocolId, emit};
use adit_ike_wire::{ExchangeType, Spi};

use crate::authentication::{Distrust, PpkFault};
use crate::carriage::Carriage;
use crate::config::{ConnectionConfig, IkeAlgorithms};
use crate::endpoint::candidates::Candidates;
use crate::failure::{Failure, Judge};
use crate::sa::{Context, DropReason, Path, Role, SaKey};
use crate::suite::IkeSuite;
use crate::time::Instant;
use crate::v2::authentication::hashes_taken;
use crate::v2::contents::Contents;
use crate::v2::cookie::{CookieJar, Initiator};
use crate::v2::fragments::Fragmentation;
use crate::v2::keys::{Nonces, SaKeys};
use crate::v2::link::Link;
use crate::v2::nat;
use crate::v2::outgoing::Outgoing;
use crate::v2::proposal::{Chosen, choose_ike, describe, offer_ike};
use crate::v2::sa::IkeSa;
use crate::v2::state::{HalfOpen, State};
use crate::v2::window::{RequestWindow, ResponseWindow};

/// How long a responder waits for IKE_AUTH.
const HALF_OPEN_LIFETIME: Duration = Duration::from_secs(30);

/// A request that begins an IKE SA, with the connections its sender may belong to.
pub(crate) struct InitRequest<'a> {
    pub(crate) message: &'a Message<'a>,
    pub(crate) datagram: &'a [u8],
    pub(crate) path: Path,
    pub(crate) candidates: Arc<Candidates>,
}

/// What came of a request to begin an IKE SA.
pub(crate) enum InitOutcome {
    /// It is malformed; nothing is answered.
    Ignored,
    /// No connection has an algorithm of each kind in common; these octets say so.
    Mismatch(Vec<u8>),
    /// It was refused; these octets say so.
    Refused(Vec<u8>),
    /// A half-open SA; its answer was sent.
    HalfOpen(Box<IkeSa>),
}

impl InitRequest<'_> {
    /// A response of one notification, from an SA that does not exist.
    pub(crate) fn refusal(&self, kind: NotifyType, data: &[u8]) -> Vec<u8> {
        let mut header = self.message.header;
        header.flags.initiator = false;
        header.flags.response = true;
        header.responder_spi = Spi::ZERO;
        emit(&header, &[Payload::Notify(Notify::new(kind, data))])
    }

    /// What asks for a cookie, unless this brings one that was given to its sender (RFC 7296 section
    /// 2.6).
    pub(crate) fn cookie_demand(
        &self,
        now: Instant,
        random: &mut dyn Random,
        cookies: &mut CookieJar,
    ) -> Result<Option<Vec<u8>>, DropReason> {
        let contents = Contents::of(&self.message.payloads);
        let initiator = Initiator {
            nonce: contents.nonce.ok_or(DropReason::Malformed)?,
            address: self.path.remote,
            spi: self.message.header.initiator_spi,
        };
        let given = contents.notify(NotifyType::COOKIE);
        if given.is_some_and(|given| cookies.accepts(given.data, &initiator)) {
            return Ok(None);
        }
        let cookie = cookies.bake(now, random, &initiator);
        Ok(Some(self.refusal(NotifyType::COOKIE, &cookie)))
    }

    /// The suite. Which connection of the address it is will be known only when the peer has said who
    /// it is: best is what all of them allow.
    fn choose(
        &self,
        proposals: &[adit_ike_wire::v2::Proposal<'_>],
        group: u16,
        intermediate: bool,
    ) -> Option<Chosen<IkeSuite>> {
        let common = self.candidates.common.as_ref()?;
        let mut each = self.candidates.all.iter().map(|(_, config)| &config.ike);
        let choose = |accepted: &IkeAlgorithms| {
            if intermediate {
                return choose_ike(proposals, accepted, Some(group), 0);
            }
            choose_ike(proposals, &accepted.without_additional(), Some(group), 0)
        };
        choose(common).or_else(|| each.find_map(choose))
    }

    fn detection(&self) -> nat::Detection {
        nat::Detection::of(
            &self.message.payloads,
            // The hashes of a first message are over a responder SPI of zero.
            (self.message.header.initiator_spi, Spi::ZERO),
            self.path.local_address(),
            self.path.remote,
        )
    }

    pub(crate) fn answer(&self, ctx: &mut Context<'_>) -> InitOutcome {
        let contents = Contents::of(&self.message.payloads);
        if let Some(kind) = contents.unknown_critical {
            return InitOutcome::Refused(
                self.refusal(NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD, &[kind]),
            );
        }
        let (Some(proposals), Some((group, public)), Some(initiator_nonce)) =
            (contents.proposals, contents.key_exchange, contents.nonce)
        else {
            return InitOutcome::Ignored;
        };
        let detection = self.detection();
        // Without it there is no exchange in which anything additional could be exchanged.
        let supported = NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED;
        let intermediate = contents.notify(supported).is_some();
        let wanted = self.candidates.encapsulation;
        let chosen = self.choose(proposals, group, intermediate);
        let lacks_ppk = self.candidates.needs_ppk && contents.notify(NotifyType::USE_PPK).is_none();
        let chosen = chosen.filter(|_| !lacks_ppk);
        let (Some(chosen), Ok(carriage)) = (chosen, detection.carriage(wanted)) else {
            return InitOutcome::Mismatch(self.refusal(NotifyType::NO_PROPOSAL_CHOSEN, &[]));
        };
        if chosen.suite.group.id() != group {
            let wanted = chosen.suite.group.id().to_be_bytes();
            return InitOutcome::Refused(self.refusal(NotifyType::INVALID_KE_PAYLOAD, &wanted));
        }
        let material = (initiator_nonce, public);
        self.open(ctx, &chosen, material, (detection, carriage))
            .map_or(InitOutcome::Ignored, InitOutcome::HalfOpen)
    }

    /// Makes the half-open SA and answers.
    fn open(
        &self,
        ctx: &mut Context<'_>,
        chosen: &Chosen<IkeSuite>,
        (initiator_nonce, public): (&[u8], &[u8]),
        (detection, carriage): (nat::Detection, Carriage),
    ) -> Option<Box<IkeSa>> {
        let key_exchange = chosen.suite.group.generate(ctx.random);
        let shared = key_exchange.agree(public).ok()?;
        let mut link = Link {
            key: SaKey(ctx.numbers.next_key()),
            connection: None,
            role: Role::Responder,
            local_spi: ctx.ike_spi(),
            remote_spi: self.message.header.initiator_spi,
            path: self.path,
            translation: detection.translation(),
            behind_nat: detection.we_are_translated,
            carriage,
            candidate: None,
            asked_from: self.path,
            requests: RequestWindow::default(),
            responses: ResponseWindow::default(),
            fragmentation: Fragmentation::default(),
        };
        let responder_nonce = ctx.nonce();
        let nonces = Nonces {
            initiator: initiator_nonce,
            responder: &responder_nonce,
        };
        let spis = link.spis();
        let epoch = ctx.limits.iv_epoch;
        let suite = chosen.suite;
        let keys = SaKeys::initial(suite, &shared, &nonces, spis, Role::Responder, epoch).ok()?;
        let ours = (key_exchange.public(), &*responder_nonce);
        let response = self.agree(ctx, &mut link, chosen, ours);
        let contents = Contents::of(&self.message.payloads);
        let half_open = HalfOpen {
            candidates: Candidates::that_allow(&self.candidates, carriage),
            keys,
            additional: suite.additional,
            before: None,
            intermediate: Vec::new(),
            initiator_nonce: initiator_nonce.to_vec(),
            responder_nonce,
            initiator_message: self.datagram.to_vec(),
            responder_message: response,
            hashes: contents.signature_hashes(),
            uses_ppk: self.candidates.has_ppk && contents.notify(NotifyType::USE_PPK).is_some(),
            begun: ctx.now,
            expires: ctx.now + HALF_OPEN_LIFETIME,
        };
        Some(Box::new(IkeSa {
            link,
            state: State::HalfOpen(Box::new(half_open)),
        }))
    }

    /// Sends the answer that makes the SA half-open.
    fn agree(
        &self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        chosen: &Chosen<IkeSuite>,
        (public, nonce): (&[u8], &[u8]),
    ) -> Vec<u8> {
        let proposal = adit_ike_wire::v2::Proposal {
            number: chosen.number,
            protocol: ProtocolId::IKE,
            spi: &[],
            transforms: chosen.suite.transforms(),
        };
        let source = self
            .candidates
            .encapsulation
            .told_source(link.path.local_address(), link.carriage);
        let source = nat::hash(link.spis(), source);
        let destination = nat::hash(link.spis(), link.path.remote);
        let mut payloads = alloc::vec![
            Payload::SecurityAssociation(alloc::vec![proposal]),
            Payload::KeyExchange {
                group: chosen.suite.group.id(),
                data: public,
            },
            Payload::Nonce(nonce),
            Payload::Notify(Notify::new(NotifyType::NAT_DETECTION_SOURCE_IP, &source)),
            Payload::Notify(Notify::new(
                NotifyType::NAT_DETECTION_DESTINATION_IP,
                &destination,
            )),
        ];
        let contents = Contents::of(&self.message.payloads);
        let fragments = NotifyType::FRAGMENTATION_SUPPORTED;
        if contents.notify(fragments).is_some() {
            payloads.push(Payload::Notify(Notify::new(fragments, &[])));
            link.fragmentation.agreed = true;
        }
        // RFC 6023 section 3: IKE_AUTH may come without a Child SA.
        let mut candidates = self.candidates.all.iter();
        if candidates.any(|(_, config)| config.childless.allows(false)) {
            let childless = NotifyType::CHILDLESS_IKEV2_SUPPORTED;
            payloads.push(Payload::Notify(Notify::new(childless, &[])));
        }
        if chosen.suite.additional.is_some() {
            let supported = NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED;
            payloads.push(Payload::Notify(Notify::new(supported, &[])));
        }
        // RFC 7427 section 4, and RFC 7296 section 1.2: whose certificates are wanted is said to whoever asks.
        let hashes = hashes_taken();
        if self.candidates.has_certificates {
            let kind = NotifyType::SIGNATURE_HASH_ALGORITHMS;
            payloads.push(Payload::Notify(Notify::new(kind, &hashes)));
        }
        let use_ppk = NotifyType::USE_PPK;
        if self.candidates.has_ppk && contents.notify(use_ppk).is_some() {
            payloads.push(Payload::Notify(Notify::new(use_ppk, &[])));
        }
        if !self.candidates.request.is_empty() {
            payloads.push(Payload::CertificateRequest {
                encoding: X509_SIGNATURE,
                data: &self.candidates.request,
            });
        }
        let response = emit(&link.header(ExchangeType::IKE_SA_INIT, 0, true), &payloads);
        link.responses
            .answered(Outgoing::in_clear(response.clone()));
        link.path.send(ctx, response.clone());
        response
    }

    /// What is wrong with it, seen from one of the connections.
    pub(crate) fn mismatch(&self, config: &ConnectionConfig) -> Failure {
        let contents = Contents::of(&self.message.payloads);
        if let Err(failure) = self.detection().carriage(config.encapsulation) {
            return failure;
        }
        let ppk = config.authentication.ppk.as_ref();
        let lacks_ppk = contents.notify(NotifyType::USE_PPK).is_none();
        if lacks_ppk && ppk.is_some_and(|ppk| ppk.mandatory) {
            return Failure::Distrust(Distrust::Ppk(PpkFault::Missing));
        }
        let ours = offer_ike(&config.ike, &[]);
        let theirs = contents.proposals.unwrap_or_default();
        Failure::IkeProposal {
            by: Judge::Us,
            ours: describe(&ours),
            theirs: Some(describe(theirs)),
        }
    }
}

//! IKE_SA_INIT (RFC 7296 sections 1.2, 2.6 and 2.7): algorithms, public values, nonces.
//!
//! Nothing in this exchange is authenticated. An error notification is therefore a hint for the
//! user and no more: the request goes on being repeated until its time is over.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use adit_crypto::Group;
use adit_ike_wire::v2::{Message, Notify, NotifyType, Payload, emit};
use adit_ike_wire::{ExchangeType, Spi};

use crate::authentication::{Distrust, PpkFault};
use crate::carriage::Carriage;
use crate::config::{Childless, ConnectionConfig, ConnectionKey};
use crate::failure::{Failure, Judge};
use crate::output::{Event, Output};
use crate::sa::{Context, NAT_PORT, PORT, Path, Role, SaKey};
use crate::v2::agreement::notification_name;
use crate::v2::authentication::hashes_taken;
use crate::v2::contents::Contents;
use crate::v2::fragments::Fragmentation;
use crate::v2::keys::{Nonces, SaKeys};
use crate::v2::link::{Link, Translation};
use crate::v2::nat;
use crate::v2::outgoing::Outgoing;
use crate::v2::proposal::{choose_ike, describe_ike, offer_ike_and_more};
use crate::v2::sa::IkeSa;
use crate::v2::state::{AuthSent, FirstChild, InitSent, Inputs, IntermediateSent, State};
use crate::v2::window::{RequestWindow, ResponseWindow};

/// How often one attempt follows INVALID_KE_PAYLOAD and COOKIE; a peer that asks more is refused.
const MAX_RESTARTS: u8 = 4;

impl IkeSa {
    /// Begins an IKE SA with the peer of a connection.
    pub(crate) fn initiate(
        ctx: &mut Context<'_>,
        connection: ConnectionKey,
        config: Arc<ConnectionConfig>,
        childless: bool,
    ) -> Option<Self> {
        let group = *config.ike.groups.first()?;
        let path = Path {
            local: config.local,
            local_port: PORT,
            remote: (config.remote, PORT).into(),
        };
        let mut link = Link {
            key: SaKey(ctx.numbers.next_key()),
            connection: Some(connection),
            role: Role::Initiator,
            local_spi: ctx.ike_spi(),
            remote_spi: Spi::ZERO,
            path,
            translation: Translation::No,
            behind_nat: false,
            carriage: Carriage::Udp,
            candidate: None,
            asked_from: path,
            requests: RequestWindow::default(),
            responses: ResponseWindow::default(),
            fragmentation: Fragmentation::default(),
        };
        let mut task = InitSent {
            connection,
            key_exchange: group.generate(ctx.random),
            nonce: ctx.nonce(),
            cookie: Vec::new(),
            message: Vec::new(),
            restarts: 0,
            hinted: false,
            childless,
            config,
        };
        task.message = task.write(&link);
        let exchange = ExchangeType::IKE_SA_INIT;
        let message = Outgoing::in_clear(task.message.clone());
        link.requests.sent(ctx.now, exchange, 0, message.clone());
        link.requests.count();
        link.transmit(ctx, message);
        Some(Self {
            link,
            state: State::InitSent(Box::new(task)),
        })
    }
}

impl InitSent {
    fn write(&self, link: &Link) -> Vec<u8> {
        let mut payloads = Vec::new();
        if !self.cookie.is_empty() {
            payloads.push(Payload::Notify(Notify::new(
                NotifyType::COOKIE,
                &self.cookie,
            )));
        }
        let source = self
            .config
            .encapsulation
            .told_source(link.path.local_address());
        let source = nat::hash(link.spis(), source);
        let destination = nat::hash(link.spis(), link.path.remote);
        payloads.push(Payload::SecurityAssociation(offer_ike_and_more(
            &self.config.ike,
            &[],
        )));
        payloads.push(Payload::KeyExchange {
            group: self.key_exchange.group().id(),
            data: self.key_exchange.public(),
        });
        payloads.push(Payload::Nonce(&self.nonce));
        payloads.push(Payload::Notify(Notify::new(
            NotifyType::NAT_DETECTION_SOURCE_IP,
            &source,
        )));
        payloads.push(Payload::Notify(Notify::new(
            NotifyType::NAT_DETECTION_DESTINATION_IP,
            &destination,
        )));
        let fragments = NotifyType::FRAGMENTATION_SUPPORTED;
        payloads.push(Payload::Notify(Notify::new(fragments, &[])));
        if !self.config.ike.additional.is_empty() {
            let supported = NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED;
            payloads.push(Payload::Notify(Notify::new(supported, &[])));
        }
        let hashes = hashes_taken();
        if self.config.authentication.has_certificates() {
            let kind = NotifyType::SIGNATURE_HASH_ALGORITHMS;
            payloads.push(Payload::Notify(Notify::new(kind, &hashes)));
        }
        if self.config.authentication.ppk.is_some() {
            payloads.push(Payload::Notify(Notify::new(NotifyType::USE_PPK, &[])));
        }
        emit(&link.header(ExchangeType::IKE_SA_INIT, 0, false), &payloads)
    }

    /// Takes an answer; the SA's next state.
    pub(crate) fn on_response(
        mut self: Box<Self>,
        ctx: &mut Context<'_>,
        link: &mut Link,
        message: &Message<'_>,
        datagram: &[u8],
    ) -> State {
        let contents = Contents::of(&message.payloads);
        if let Some(cookie) = contents.notify(NotifyType::COOKIE)
            && contents.proposals.is_none()
        {
            // Section 2.6: 1 to 64 octets, sent back first in an otherwise identical message.
            if (1..=64).contains(&cookie.data.len()) {
                self.cookie = cookie.data.to_vec();
                return self.restart(ctx, link);
            }
            return State::InitSent(self);
        }
        if let Some(notify) = contents.notify(NotifyType::INVALID_KE_PAYLOAD)
            && contents.proposals.is_none()
        {
            let group = <[u8; 2]>::try_from(notify.data)
                .ok()
                .and_then(|id| Group::from_id(u16::from_be_bytes(id)))
                .filter(|group| self.config.ike.groups.contains(group));
            if let Some(group) = group.filter(|group| *group != self.key_exchange.group()) {
                self.key_exchange = group.generate(ctx.random);
                return self.restart(ctx, link);
            }
            return State::InitSent(self);
        }
        if let Some(notify) = contents.error() {
            self.hinted = true;
            ctx.push(Output::Event(Event::Failed(
                self.connection,
                self.hint(notify.kind),
            )));
            return State::InitSent(self);
        }
        match self.proceed(ctx, link, message, &contents, datagram) {
            Some(state) => state,
            // An answer that makes no sense may be forged; the real one may still come.
            None => State::InitSent(self),
        }
    }

    /// When the first Child SA is made, if that can be as it is wanted (RFC 6023).
    fn first_child(&self, contents: &Contents<'_>) -> Option<FirstChild> {
        let offered = contents.notify(NotifyType::CHILDLESS_IKEV2_SUPPORTED);
        match (offered, self.config.childless) {
            (None, Childless::Always) => None,
            (None, _) | (Some(_), Childless::Never) => Some(FirstChild::InAuth),
            (Some(_), Childless::Always) => Some(FirstChild::After),
            // The peer has refused the other way before.
            (Some(_), Childless::Auto) if self.childless => Some(FirstChild::After),
            (Some(_), Childless::Auto) => Some(FirstChild::InAuthOrAfter),
        }
    }

    /// What ESP is carried in, and when the first Child SA is made, if the peer can do what the connection demands.
    fn fit(
        &self,
        contents: &Contents<'_>,
        detection: &nat::Detection,
    ) -> Result<(Carriage, FirstChild), Failure> {
        // Otherwise its packets would not arrive here, or ours not there.
        let carriage = detection.carriage(self.config.encapsulation)?;
        let first_child = self.first_child(contents).ok_or_else(|| {
            let notification = "an IKE SA without a Child SA (RFC 6023) is not offered".into();
            Failure::Refused { notification }
        })?;
        let ppk = self.config.authentication.ppk.as_ref();
        let lacks_ppk = contents.notify(NotifyType::USE_PPK).is_none();
        if lacks_ppk && ppk.is_some_and(|ppk| ppk.mandatory) {
            return Err(Failure::Distrust(Distrust::Ppk(PpkFault::Missing)));
        }
        Ok((carriage, first_child))
    }

    /// Tells the user what is wrong with the peer's answer. Nobody knows whether it is the peer's: another may come.
    fn tell_once(&mut self, ctx: &mut Context<'_>, failure: Failure) {
        if !core::mem::replace(&mut self.hinted, true) {
            ctx.push(Output::Event(Event::Failed(self.connection, failure)));
        }
    }

    fn hint(&self, kind: NotifyType) -> Failure {
        if kind == NotifyType::NO_PROPOSAL_CHOSEN {
            Failure::IkeProposal {
                by: Judge::Peer,
                ours: describe_ike(&self.config.ike),
                theirs: None,
            }
        } else {
            Failure::Refused {
                notification: notification_name(kind),
            }
        }
    }

    fn restart(mut self: Box<Self>, ctx: &mut Context<'_>, link: &mut Link) -> State {
        if self.restarts < MAX_RESTARTS {
            self.restarts += 1;
            self.message = self.write(link);
            let message = Outgoing::in_clear(self.message.clone());
            link.requests.replace(ctx.now, message.clone());
            link.transmit(ctx, message);
        }
        State::InitSent(self)
    }

    fn proceed(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        message: &Message<'_>,
        contents: &Contents<'_>,
        datagram: &[u8],
    ) -> Option<State> {
        let (group, public) = contents.key_exchange?;
        let nonce = contents.nonce?;
        if message.header.responder_spi.is_zero() || group != self.key_exchange.group().id() {
            return None;
        }
        let chosen = choose_ike(contents.proposals?, &self.config.ike, Some(group), 0)?;
        if chosen.suite.group.id() != group || contents.unknown_critical.is_some() {
            return None;
        }
        // RFC 9370 section 2.2.2: it takes IKE_INTERMEDIATE, which both have to announce.
        let supported = NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED;
        if chosen.suite.additional.is_some() && contents.notify(supported).is_none() {
            return None;
        }
        let spis = (link.local_spi, message.header.responder_spi);
        let detection = nat::Detection::of(
            &message.payloads,
            spis,
            link.path.local_address(),
            link.path.remote,
        );
        let (carriage, first_child) = match self.fit(contents, &detection) {
            Ok(agreed) => agreed,
            Err(failure) => {
                self.tell_once(ctx, failure);
                return None;
            }
        };
        let decapsulation = match chosen.suite.additional {
            Some(additional) => Some(additional.begin()?),
            None => None,
        };
        let shared = self.key_exchange.agree(public).ok()?;
        let nonces = Nonces {
            initiator: &self.nonce,
            responder: nonce,
        };
        let keys = SaKeys::initial(
            chosen.suite,
            &shared,
            &nonces,
            spis,
            Role::Initiator,
            ctx.limits.iv_epoch,
        )
        .ok()?;
        link.remote_spi = message.header.responder_spi;
        link.requests.answered();
        link.translation = detection.translation();
        link.behind_nat = detection.we_are_translated;
        link.carriage = carriage;
        // RFC 7383 section 2.3: both have to say it.
        let fragments = contents.notify(NotifyType::FRAGMENTATION_SUPPORTED);
        link.fragmentation.agreed = fragments.is_some();
        if carriage == Carriage::Udp {
            // Section 2.23: from IKE_AUTH on both ends use port 4500.
            link.path.local_port = NAT_PORT;
            link.path.remote.set_port(NAT_PORT);
        }
        let inputs = Inputs {
            connection: self.connection,
            config: Arc::clone(&self.config),
            keys,
            initiator_nonce: core::mem::take(&mut self.nonce),
            responder_nonce: nonce.to_vec(),
            initiator_message: core::mem::take(&mut self.message),
            responder_message: datagram.to_vec(),
            intermediate: Vec::new(),
            hashes: contents.signature_hashes(),
            uses_ppk: contents.notify(NotifyType::USE_PPK).is_some(),
            first_child,
            begun: ctx.now,
        };
        Some(match decapsulation {
            Some(decapsulation) => IntermediateSent::start(ctx, link, inputs, decapsulation),
            None => AuthSent::start(ctx, link, inputs),
        })
    }
}

//! What every state of an IKE SA has: who speaks with whom, where, and two message-ID windows.

use core::net::SocketAddr;

use adit_ike_wire::v2::Payload;
use adit_ike_wire::{ExchangeType, Flags, Header, PayloadType, Spi};

use crate::carriage::Carriage;
use crate::codec::{choice, record};
use crate::config::ConnectionKey;
use crate::sa::{Context, NAT_PORT, Path, Role, SaKey};
use crate::v2::fragments::{Fragmentation, smallest_limit};
use crate::v2::outgoing::Outgoing;
use crate::v2::protection::Protection;
use crate::v2::window::{RequestWindow, ResponseWindow};

/// Whether the peer's address is translated on the way, as NAT detection found (RFC 7296 section 2.23).
/// A peer that only wants UDP encapsulation says the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Translation {
    No,
    Yes,
}

/// How often a message is repeated before its datagrams become smaller.
pub(crate) const TROUBLE: u32 = 2;

/// What every state of an IKE SA has.
pub(crate) struct Link {
    pub(crate) key: SaKey,
    /// The connection it belongs to; a responder learns it in IKE_AUTH.
    pub(crate) connection: Option<ConnectionKey>,
    /// The side of the exchange that made the SA; it decides the header's I flag.
    pub(crate) role: Role,
    pub(crate) local_spi: Spi,
    pub(crate) remote_spi: Spi,
    /// Where our requests and the Child SAs' packets go.
    pub(crate) path: Path,
    pub(crate) translation: Translation,
    /// Ours is.
    pub(crate) behind_nat: bool,
    /// What the Child SAs' packets travel in.
    pub(crate) carriage: Carriage,
    /// Where the peer may have moved to: our requests go there too, and their answers decide.
    pub(crate) candidate: Option<SocketAddr>,
    /// Where the peer's last request came from, and its answer goes.
    pub(crate) asked_from: Path,
    pub(crate) requests: RequestWindow,
    pub(crate) responses: ResponseWindow,
    pub(crate) fragmentation: Fragmentation,
}

choice!(Translation { 0 => No, 1 => Yes });
record!(Link {
    key,
    connection,
    role,
    local_spi,
    remote_spi,
    path,
    translation,
    behind_nat,
    carriage,
    candidate,
    asked_from,
    requests,
    responses,
    fragmentation,
});

impl Link {
    /// The SPIs in the header's order.
    pub(crate) const fn spis(&self) -> (Spi, Spi) {
        match self.role {
            Role::Initiator => (self.local_spi, self.remote_spi),
            Role::Responder => (self.remote_spi, self.local_spi),
        }
    }

    pub(crate) fn header(&self, exchange: ExchangeType, message_id: u32, response: bool) -> Header {
        let (initiator_spi, responder_spi) = self.spis();
        Header {
            initiator_spi,
            responder_spi,
            next_payload: PayloadType::NONE,
            major_version: 2,
            minor_version: 0,
            exchange,
            flags: Flags {
                encryption: false,
                initiator: self.role == Role::Initiator,
                version: false,
                response,
            },
            message_id,
            length: 0,
        }
    }

    /// Sends a request, or repeats one.
    pub(crate) fn transmit(&self, ctx: &mut Context<'_>, message: Outgoing) {
        if let Some(remote) = self.candidate {
            let message = message.clone();
            self.path
                .with_remote(remote)
                .send_all(ctx, message.datagrams);
        }
        self.path.send_all(ctx, message.datagrams);
    }

    /// Notes where an authentic request, or a packet of a Child SA, came from. Anybody on the way can
    /// send on what he captured, from any address; so it is a hint, which only an answer to a
    /// request of ours confirms. Whether it is one that is worth asking for.
    ///
    /// RFC 7296 section 2.23 would have us follow at once. Of a peer that is known by its address, and
    /// that is every one, only the port can change, where there is a NAT. Back to the port of NAT
    /// traversal is always right.
    pub(crate) fn consider(&mut self, from: Path) -> bool {
        let here = self.path;
        let remote = from.remote;
        let may_move = self.translation == Translation::Yes || remote.port() == NAT_PORT;
        let moved = remote != here.remote
            && remote.ip() == here.remote.ip()
            && from.local_address() == here.local_address();
        if moved && may_move {
            self.candidate = Some(remote);
        }
        moved && may_move
    }

    /// Notes where the awaited answer came from; whether the peer has moved there.
    pub(crate) fn confirm(&mut self, from: Path) -> bool {
        let moved = self.candidate == Some(from.remote);
        if moved {
            self.candidate = None;
            self.path.remote = from.remote;
        }
        moved
    }

    /// Sends a protected request, which occupies the window.
    pub(crate) fn request(
        &mut self,
        ctx: &mut Context<'_>,
        protection: &mut Protection,
        exchange: ExchangeType,
        payloads: &[Payload<'_>],
    ) {
        self.request_as(ctx, protection, exchange, self.requests.next_id(), payloads);
        self.requests.count();
    }

    /// Sends a protected request under any message ID. It occupies the window too.
    pub(crate) fn request_as(
        &mut self,
        ctx: &mut Context<'_>,
        protection: &mut Protection,
        exchange: ExchangeType,
        message_id: u32,
        payloads: &[Payload<'_>],
    ) {
        let header = self.header(exchange, message_id, false);
        let limit = self.fragmentation.limit(self.path.remote.ip());
        let message = protection.seal(&header, payloads, limit, ctx.random);
        self.requests
            .sent(ctx.now, exchange, message_id, message.clone());
        self.transmit(ctx, message);
    }

    /// Sends a protected response to a request that belongs to no window; what it was.
    pub(crate) fn respond_as(
        &self,
        ctx: &mut Context<'_>,
        protection: &mut Protection,
        request: &Header,
        payloads: &[Payload<'_>],
    ) -> Outgoing {
        let header = self.header(request.exchange, request.message_id, true);
        let message = protection.seal(&header, payloads, None, ctx.random);
        self.asked_from.send_all(ctx, message.datagrams.clone());
        message
    }

    /// Sends a protected response to the request that is due, and keeps it for repetitions.
    pub(crate) fn respond(
        &mut self,
        ctx: &mut Context<'_>,
        protection: &mut Protection,
        exchange: ExchangeType,
        message_id: u32,
        payloads: &[Payload<'_>],
    ) {
        let header = self.header(exchange, message_id, true);
        let limit = self.fragmentation.limit(self.asked_from.remote.ip());
        let message = protection.seal(&header, payloads, limit, ctx.random);
        self.responses.answered(message.clone());
        // Section 2.11: an answer goes to where the request came from.
        self.asked_from.send_all(ctx, message.datagrams);
    }

    /// Has the request under way, which was not answered, go in smaller datagrams from now on where it may be that
    /// larger ones don't arrive (RFC 7383 section 2.5.2); how it goes then.
    pub(crate) fn cut_request(
        &mut self,
        ctx: &mut Context<'_>,
        protection: &mut Protection,
    ) -> Option<Outgoing> {
        let limit = smallest_limit(self.path.remote.ip());
        let message = self.requests.in_flight_mut()?;
        if !message.could_be_smaller(limit) {
            return None;
        }
        self.fragmentation.meet_trouble();
        message.cut(limit, protection, ctx.random);
        Some(message.clone())
    }

    /// Answers a request again, which came from there. A peer that goes on asking may not get large datagrams.
    pub(crate) fn respond_again(
        &mut self,
        ctx: &mut Context<'_>,
        protection: &mut Protection,
        from: Path,
    ) {
        let limit = smallest_limit(from.remote.ip());
        let (message, before) = self.responses.again();
        if before >= TROUBLE && message.could_be_smaller(limit) {
            self.fragmentation.meet_trouble();
            message.cut(limit, protection, ctx.random);
        }
        from.send_all(ctx, message.datagrams.clone());
    }
}

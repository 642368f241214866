//! Datagrams: which version of IKE, and which SA.

use core::net::SocketAddr;

use adit_ike_wire::Header;

use crate::endpoint::Endpoint;
use crate::recording::Input;
use crate::sa::{DropReason, Path, Received};
use crate::time::Instant;
use crate::v1;
use crate::v2::input::{Addressee, addressee};

impl Endpoint {
    /// Takes a datagram that came to `local` (port 500, or 4500 without its non-ESP marker) from
    /// `remote`.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        datagram: &[u8],
    ) {
        self.statistics.received += 1;
        self.begin_call();
        if let Err(drop) = self.take(now, local, remote, datagram) {
            let statistics = &mut self.statistics;
            let counter = match drop {
                DropReason::HalfOpenLimit => &mut statistics.half_open_limit,
                DropReason::HalfOpenLimitOfPeer => &mut statistics.half_open_limit_of_peer,
                DropReason::Malformed => &mut statistics.malformed,
                DropReason::NotAuthentic => &mut statistics.not_authentic,
                DropReason::OtherVersion => &mut statistics.other_version,
                DropReason::OutOfOrder => &mut statistics.out_of_order,
                DropReason::UnknownPeer => &mut statistics.unknown_peer,
                DropReason::UnknownSpi => &mut statistics.unknown_spi,
            };
            *counter += 1;
        }
        self.end_call(now, None, || {
            Input::Datagram(local, remote, datagram.to_vec())
        });
    }

    fn take(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let header = Header::parse(datagram).map_err(|_| DropReason::Malformed)?;
        let path = Path {
            local: local.ip(),
            local_port: local.port(),
            remote,
        };
        let key = match header.major_version {
            1 => {
                let found = v1::cookies(&header).find_map(|cookie| self.sas.of_spi(cookie));
                match found {
                    Some(key) => key,
                    None if header.responder_spi.is_zero() => {
                        return self.take_first_v1(now, path, &header, datagram);
                    }
                    None => return Err(DropReason::UnknownSpi),
                }
            }
            2 => match addressee(&header)? {
                Addressee::New => return self.take_first(now, path, datagram),
                Addressee::Sa(spi) => self.sas.of_spi(spi).ok_or(DropReason::UnknownSpi)?,
            },
            _ => return Err(DropReason::OtherVersion),
        };
        let outcome = self
            .try_with_sa(now, key, |ctx, sa| sa.take(ctx, path, &header, datagram))
            .unwrap_or(Err(DropReason::UnknownSpi));
        if outcome == Ok(Received::Repeated) {
            self.statistics.repeated += 1;
        }
        self.settle(now);
        outcome.map(|_| ())
    }
}

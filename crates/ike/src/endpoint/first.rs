//! The first message of somebody: nothing of it is authentic, so it must cost little and leave little.

use alloc::sync::Arc;
use core::net::IpAddr;

use crate::endpoint::Endpoint;
use crate::output::{Event, Output, Transmit};
use crate::sa::{Context, DropReason, Path};
use crate::time::Instant;
use crate::v2::input::parse;
use crate::v2::task::init_answer::{InitOutcome, InitRequest};

impl Endpoint {
    pub(super) fn take_first(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        let message = &parse(datagram)?;
        let addresses = (path.local, path.remote.ip());
        let neighbours = self.by_addresses.get_mut(&addresses);
        let neighbours = neighbours.ok_or(DropReason::UnknownPeer)?;
        let transmit = |octets| {
            Output::Transmit(Transmit {
                local_port: path.local_port,
                local: path.local,
                remote: path.remote,
                octets,
            })
        };
        let spi = message.header.initiator_spi;
        if let Some(sa) = self.sas.half_open_of(path.remote, spi)
            && let Some(answer) = sa.repeats(datagram)
        {
            self.outputs.push_back(transmit(answer.to_vec()));
            self.statistics.repeated += 1;
            return Ok(());
        }
        let config = |key| Some(Arc::clone(&self.connections.get(&key)?.config));
        let request = InitRequest {
            message,
            datagram,
            path,
            candidates: neighbours.candidates(config),
        };
        if self.must_prove_its_address(path.remote.ip()) {
            let demand = request.cookie_demand(now, &mut *self.random, &mut self.cookies)?;
            if let Some(octets) = demand {
                self.outputs.push_back(transmit(octets));
                self.statistics.cookies_sent += 1;
                return Ok(());
            }
        }
        self.admit_half_open(path.remote.ip())?;
        let mut ctx = Context {
            now,
            random: &mut *self.random,
            outputs: &mut self.outputs,
            effects: &mut self.effects,
            numbers: &mut self.numbers,
            limits: self.limits,
            alone: false,
            crowded: false,
        };
        match request.answer(&mut ctx) {
            InitOutcome::Ignored => return Err(DropReason::Malformed),
            InitOutcome::Refused(octets) => self.outputs.push_back(transmit(octets)),
            InitOutcome::Mismatch(octets) => {
                self.outputs.push_back(transmit(octets));
                let neighbours = self.by_addresses.get_mut(&addresses);
                let told = if neighbours.is_some_and(|them| them.may_hint(now)) {
                    &*request.candidates.all
                } else {
                    self.statistics.events_left_out += request.candidates.all.len() as u64;
                    &[]
                };
                for (connection, config) in told {
                    let event = Event::Failed(*connection, request.mismatch(config));
                    self.outputs.push_back(Output::Event(event));
                }
            }
            InitOutcome::HalfOpen(sa) => self.sas.put(sa),
        }
        Ok(())
    }

    /// Whether a cookie is asked for before anything is computed or kept (RFC 7296 section 2.6).
    fn must_prove_its_address(&self, peer: IpAddr) -> bool {
        self.sas.half_open() >= self.limits.cookie_threshold
            || self.sas.half_open_at(peer) >= self.limits.cookie_threshold_of_peer
    }

    /// Every peer has a share of its own, so that none, nor anybody in its name, can keep others out.
    fn admit_half_open(&self, peer: IpAddr) -> Result<(), DropReason> {
        if self.sas.half_open_at(peer) >= self.limits.half_open_limit_of_peer {
            return Err(DropReason::HalfOpenLimitOfPeer);
        }
        if self.sas.half_open() >= self.limits.half_open_limit {
            return Err(DropReason::HalfOpenLimit);
        }
        Ok(())
    }
}

//! The connections between two addresses. Who begins there is one of them, and it takes an exchange
//! or two until it is known which.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::authentication::{Authentication, request_of};
use crate::carriage::{Carriage, Wanted};
use crate::config::{ConnectionConfig, ConnectionKey, IkeAlgorithms};
use crate::time::Instant;

/// How often the users of the connections between two addresses are told of what anybody can cause,
/// without a key.
const HINT_EVERY: Duration = Duration::from_secs(1);

/// What a first message from one address to another may be about.
pub(crate) struct Candidates {
    /// The one to think of first is first.
    pub(crate) all: Vec<(ConnectionKey, Arc<ConnectionConfig>)>,
    /// The algorithms that all of them allow.
    pub(crate) common: Option<IkeAlgorithms>,
    /// How all of them together want ESP carried.
    pub(crate) encapsulation: Wanted,
    /// The sender is at an address that no connection names.
    pub(crate) of_stranger: bool,
    /// Whether any of them has certificates.
    pub(crate) has_certificates: bool,
    /// Whether any of them has a post-quantum pre-shared key, and whether none does without.
    pub(crate) has_ppk: bool,
    pub(crate) needs_ppk: bool,
    /// Whose certificates they want, as a payload's data (RFC 7296 section 3.7).
    pub(crate) request: Vec<u8>,
}

impl Candidates {
    pub(crate) fn keys(&self) -> Vec<ConnectionKey> {
        self.all.iter().map(|(key, _)| *key).collect()
    }

    fn new(all: Vec<(ConnectionKey, Arc<ConnectionConfig>)>) -> Self {
        let of_stranger = all.iter().all(|(_, config)| config.is_to_any());
        let common = IkeAlgorithms::common(all.iter().map(|(_, config)| &config.ike));
        let authentications = || all.iter().map(|(_, config)| &config.authentication);
        let has_certificates = authentications().any(Authentication::has_certificates);
        let ppks = || authentications().map(|one| one.ppk.as_ref());
        let has_ppk = ppks().flatten().next().is_some();
        let needs_ppk = has_ppk && ppks().all(|ppk| ppk.is_some_and(|ppk| ppk.mandatory));
        let request = request_of(authentications().map(|one| &one.peer));
        let encapsulation = Wanted::of(all.iter().map(|(_, config)| config.encapsulation));
        Self {
            all,
            common,
            encapsulation,
            of_stranger,
            has_certificates,
            has_ppk,
            needs_ppk,
            request,
        }
    }

    /// Those whose packets may be carried so.
    pub(crate) fn that_allow(these: &Arc<Self>, carriage: Carriage) -> Arc<Self> {
        let allows = |config: &ConnectionConfig| config.encapsulation.allows(carriage);
        if these.all.iter().all(|(_, config)| allows(config)) {
            return Arc::clone(these);
        }
        let some = these.all.iter().filter(|(_, config)| allows(config));
        Arc::new(Self::new(some.cloned().collect()))
    }

    pub(crate) fn contain(&self, connection: ConnectionKey) -> bool {
        self.all.iter().any(|(one, _)| *one == connection)
    }
}

/// The connections between two addresses, as the endpoint keeps them.
#[derive(Default)]
pub(super) struct Neighbours {
    keys: Vec<ConnectionKey>,
    /// Those that speak IKEv1, and those that speak IKEv2. Put together when somebody begins, once: a
    /// stranger costs no more with many than with one.
    candidates: [Option<Arc<Candidates>>; 2],
    /// Not before this time another report of something that anybody can cause.
    next_hint: Instant,
}

impl Neighbours {
    pub(super) fn add(&mut self, key: ConnectionKey) {
        self.keys.push(key);
        self.candidates = [None, None];
    }

    pub(super) fn remove(&mut self, key: ConnectionKey) {
        self.keys.retain(|one| *one != key);
        self.candidates = [None, None];
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Notes that the configuration of one of them is another now.
    pub(super) fn changed(&mut self) {
        self.candidates = [None, None];
    }

    /// Has this one be thought of first.
    pub(super) fn expect(&mut self, key: ConnectionKey) {
        // The sort is stable: the others keep their order.
        self.keys.sort_by_key(|one| *one != key);
        self.candidates = [None, None];
    }

    /// Those that speak this major version of IKE, and then those of `others` that do.
    pub(super) fn candidates(
        &mut self,
        major: u8,
        others: &[ConnectionKey],
        config: impl Fn(ConnectionKey) -> Option<Arc<ConnectionConfig>>,
    ) -> Arc<Candidates> {
        let keys = self.keys.iter().chain(others);
        let [of_v1, of_v2] = &mut self.candidates;
        let candidates = if major == 1 { of_v1 } else { of_v2 };
        let candidates = candidates.get_or_insert_with(|| {
            let known = keys.filter_map(|key| Some((*key, config(*key)?)));
            let known = known.filter(|(_, config)| config.answers(major));
            Arc::new(Candidates::new(known.collect()))
        });
        Arc::clone(candidates)
    }

    /// All of them.
    pub(super) fn keys(&self) -> &[ConnectionKey] {
        &self.keys
    }

    /// Whether something that anybody can cause is told now; otherwise it is counted.
    pub(super) fn may_hint(&mut self, now: Instant) -> bool {
        let may = self.next_hint <= now;
        if may {
            self.next_hint = now + HINT_EVERY;
        }
        may
    }
}

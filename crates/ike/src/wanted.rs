//! What becomes of Child SAs when other ones are wanted: those that are wanted still stay as they are.

use alloc::vec::Vec;
use core::time::Duration;

use crate::child::ChildSa;
use crate::config::ChildConfig;
use crate::selectors::{self, of_ranges};
use crate::time::Instant;

/// How long a Child SA that is not wanted any more goes on for the traffic that another one is to have.
const OVERLAP: Duration = Duration::from_secs(10);

/// Where each Child SA that was wanted is among those that are wanted now.
pub(crate) struct Moves(Vec<Option<usize>>);

impl Moves {
    pub(crate) fn of(before: &[ChildConfig], now: &[ChildConfig]) -> Self {
        let place = |one: &ChildConfig| now.iter().position(|other| other == one);
        Self(before.iter().map(place).collect())
    }

    /// Where the one of this index is now, if it is wanted still.
    pub(crate) fn place(&self, index: usize) -> Option<usize> {
        self.0.get(index).copied().flatten()
    }
}

/// Whether all traffic of a Child SA is wanted.
pub(crate) fn allows(wanted: &[ChildConfig], child: &ChildSa) -> bool {
    let local = wanted.iter().flat_map(|one| of_ranges(&one.local));
    let remote = wanted.iter().flat_map(|one| of_ranges(&one.remote));
    selectors::within(&child.local, &local.collect::<Vec<_>>())
        && selectors::within(&child.remote, &remote.collect::<Vec<_>>())
}

/// Whether some traffic of a Child SA is what this one is for.
pub(crate) fn overlaps(wanted: &ChildConfig, child: &ChildSa) -> bool {
    let meet = |wanted: &[_], agreed: &[adit_ike_wire::TrafficSelector]| {
        let wanted = of_ranges(wanted);
        let mut pairs = wanted
            .iter()
            .flat_map(|one| agreed.iter().map(move |other| (one, other)));
        pairs.any(|(one, other)| one.intersection(*other).is_some())
    };
    meet(&wanted.local, &child.local) && meet(&wanted.remote, &child.remote)
}

impl ChildSa {
    /// Notes that not all of its traffic is wanted any more. It is not replaced, and goes soon.
    pub(crate) fn outgrow(&mut self, now: Instant) {
        self.outgrown = true;
        self.rekey_at = Instant::NEVER;
        self.renewal_due = Instant::NEVER;
        self.expires_at = self.expires_at.min(now + OVERLAP);
    }
}

//! Another configuration, which leaves the IKE SA good: the Child SAs of pairs that are gone end, at once or, where their
//! traffic is wanted in other pairs, a little later.

use alloc::sync::Arc;

use crate::config::ConnectionConfig;
use crate::sa::{Context, Want};
use crate::v1::established::{Established, Progress};
use crate::wanted::{self, Moves};

impl Established {
    /// Takes it. What is new is asked for by the endpoint.
    pub(super) fn reconfigure(&mut self, ctx: &mut Context<'_>, config: &Arc<ConnectionConfig>) {
        let before = core::mem::replace(&mut self.config, Arc::clone(config));
        if before.children == config.children {
            return;
        }
        let moves = Moves::of(&before.children, &config.children);
        let now = ctx.now;
        let mut gone = alloc::vec::Vec::new();
        for child in &mut self.children {
            child.index = child.index.and_then(|index| moves.place(index));
            if child.index.is_some() || !child.is_live() {
                continue;
            }
            let mut wanted = config.children.iter();
            if wanted.any(|wanted| wanted::overlaps(wanted, child)) {
                child.outgrow(now);
            } else {
                gone.push(child.key);
            }
        }
        for exchange in &mut self.exchanges {
            if let Progress::Asked(asking, _) = &mut exchange.progress {
                asking.index = asking.index.and_then(|index| moves.place(index));
            }
        }
        self.move_wants(|want| match want {
            Want::Child(index) => moves.place(index).map(Want::Child),
            other => Some(other),
        });
        for key in gone {
            self.want(Want::ChildDelete(key), now);
        }
    }
}

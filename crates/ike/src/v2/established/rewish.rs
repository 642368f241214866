//! Another configuration, which leaves the IKE SA good: Child SAs that are not wanted any more go, once what they
//! carried for others that are wanted has a Child SA of its own.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::child::ChildSa;
use crate::config::ConnectionConfig;
use crate::sa::Context;
use crate::v2::active::Active;
use crate::v2::established::Established;
use crate::v2::task::Task;
use crate::wanted::{self, Moves};

impl Established {
    /// Takes it. What is new is asked for by the endpoint.
    pub(crate) fn reconfigure(&mut self, ctx: &mut Context<'_>, config: &Arc<ConnectionConfig>) {
        let before = core::mem::replace(&mut self.config, Arc::clone(config));
        if before.children == config.children {
            return;
        }
        let moves = Moves::of(&before.children, &config.children);
        for child in &mut self.children {
            child.index = child.index.and_then(|index| moves.place(index));
            if child.is_live() && !child.outgrown && !wanted::allows(&config.children, child) {
                child.outgrow(ctx.now);
            }
        }
        self.queue.retain_mut(|queued| match &mut queued.task {
            Task::ChildCreate(index) => match moves.place(*index) {
                Some(place) => {
                    *index = place;
                    true
                }
                None => false,
            },
            _ => true,
        });
        if let Some(index) = self.active.as_mut().and_then(Active::index_mut) {
            *index = index.and_then(|index| moves.place(index));
        }
        self.close_outgrown(ctx);
    }

    /// Closes what is not wanted any more and not needed in the meantime.
    pub(crate) fn close_outgrown(&mut self, ctx: &mut Context<'_>) {
        let outgrown = self
            .children
            .iter()
            .filter(|child| child.outgrown && child.is_live() && !self.is_needed(child));
        for key in outgrown.map(|child| child.key).collect::<Vec<_>>() {
            self.close_child(ctx, key);
        }
    }

    /// Whether a Child SA that goes carries what is wanted and has no other yet.
    fn is_needed(&self, going: &ChildSa) -> bool {
        let mut wanted = self.config.children.iter();
        wanted.any(|wanted| {
            let mut others = self.children.iter();
            let serves = |other: &ChildSa| {
                other.is_ready() && !other.outgrown && wanted::overlaps(wanted, other)
            };
            wanted::overlaps(wanted, going) && !others.any(serves)
        })
    }
}

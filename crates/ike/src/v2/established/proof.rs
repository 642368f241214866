//! From a Child SA that was agreed to one that is said to be up: installed here, and known to be there.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::child::{self, ChildSa, ChildState, Owner, Standing};
use crate::failure::Failure;
use crate::output::{ChildKey, Event, Output};
use crate::sa::Context;
use crate::time::Instant;
use crate::v2::agreement::{self, Birth};
use crate::v2::established::Established;
use crate::v2::link::Link;
use crate::v2::task::Task;
use crate::wanted;

/// How long the peer may take to say something by itself before it is asked whether it has a Child SA.
const PROOF_WAIT: Duration = Duration::from_millis(50);

impl Established {
    /// Makes a Child SA of what was agreed.
    pub(crate) fn add_child(
        &mut self,
        ctx: &mut Context<'_>,
        link: &Link,
        birth: Birth<'_>,
    ) -> Option<ChildKey> {
        let config = Arc::clone(&self.config);
        let owner = Owner {
            connection: self.connection,
            config: &config,
            path: link.path,
            carriage: link.carriage,
            behind_nat: link.behind_nat,
            ecn: true,
        };
        let mut child: ChildSa = agreement::install(ctx, &self.keys, &owner, birth).ok()?;
        if child.suite.group.is_none() && !config.esp.groups.is_empty() {
            // IKE_AUTH makes one without a key exchange (section 1.2). Whether both sides want the same
            // forward secrecy is seen only when it is rekeyed: soon, not after hours.
            child.rekey_at = child
                .rekey_at
                .min(ctx.now + child::probe_after(ctx, link.role));
        }
        let key = child.key;
        if !wanted::allows(&self.config.children, &child) {
            // It is not wanted any more since it was asked for.
            child.outgrow(ctx.now);
        }
        self.children.push(child);
        Some(key)
    }

    /// The peer's packets come on `child`: it is there, and it uses the SA.
    pub(crate) fn on_child_heard(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        self.heard = ctx.now;
        self.prove(ctx, key);
    }

    /// The peer is known to have the Child SA. Packets are sent on it, and it is said to be up.
    pub(crate) fn prove(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        self.activate_outbound(ctx, key);
        if let Some(child) = self.child_mut(key)
            && child.standing == Standing::Unproven
        {
            child.standing = Standing::Proven;
            self.announce_child(ctx, key);
        }
        self.close_yielding(ctx);
    }

    /// The peer has had our answers to its requests for these Child SAs. Of those that replace others
    /// its Delete, or a packet, tells more.
    pub(super) fn prove_where(&mut self, ctx: &mut Context<'_>, known: impl Fn(&ChildSa) -> bool) {
        let waiting = self
            .children
            .iter()
            .filter(|child| child.awaits_proof() && known(child));
        let waiting: Vec<_> = waiting.map(|child| child.key).collect();
        for key in waiting {
            self.prove(ctx, key);
        }
    }

    /// Any answer will do. Mostly the peer says something by itself before.
    pub(super) fn ask_for_proof(&mut self) {
        let waiting = self.children.iter().filter(|child| child.awaits_proof());
        if let Some(at) = waiting.map(|child| child.proof_at).min() {
            self.enqueue(Task::Liveness, at + PROOF_WAIT);
        }
    }

    /// The peer has not had our last answer yet.
    pub(crate) fn answered_again(&mut self, now: Instant) {
        for child in self
            .children
            .iter_mut()
            .filter(|child| child.awaits_proof())
        {
            child.proof_at = now + child::OVERTAKEN;
        }
    }

    fn announce_child(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        let connection = self.connection;
        let Some(child) = self.child_mut(key) else {
            return;
        };
        if child.state == ChildState::Installing || child.standing != Standing::Proven {
            return;
        }
        child.standing = Standing::Announced;
        let event = Event::ChildUp {
            connection,
            child: key,
            spis: (child.inbound.spi, child.outbound.spi),
            suite: child.suite.name(),
            local: child.local.clone(),
            remote: child.remote.clone(),
            replaces: child.replaces,
        };
        ctx.push(Output::Event(event));
    }

    /// Begins to send on a Child SA whose outbound half was silent.
    pub(crate) fn activate_outbound(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        if let Some(child) = self.child_mut(key)
            && child.is_live()
            && !child.outbound_active
        {
            child.outbound_active = true;
            ctx.push(Output::ActivateOutbound(key));
        }
    }

    /// The caller's answer to `InstallChild`.
    pub(crate) fn on_child_installed(
        &mut self,
        ctx: &mut Context<'_>,
        key: ChildKey,
        installed: bool,
    ) {
        let Some(child) = self.child_mut(key) else {
            return;
        };
        if installed {
            if child.state == ChildState::Installing {
                child.state = ChildState::Installed;
            }
            self.ask_for_proof();
            self.announce_child(ctx, key);
            self.close_outgrown(ctx);
        } else {
            child.state = ChildState::Closing;
            self.enqueue(Task::ChildDelete(key), ctx.now);
            self.report(ctx, Failure::ChildNotInstalled);
        }
    }
}

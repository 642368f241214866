//! Deleting a Child SA (RFC 7296 section 1.4.1).

use alloc::vec::Vec;

use adit_ike_wire::v2::{Delete, Payload, ProtocolId};
use adit_ike_wire::{ExchangeType, Header};

use crate::child::{self, ChildSa, ChildState};
use crate::config::Protocol;
use crate::output::ChildKey;
use crate::sa::Context;
use crate::v2::active::Active;
use crate::v2::collision::{Theirs, Verdict, decide};
use crate::v2::contents::Contents;
use crate::v2::established::Established;
use crate::v2::link::Link;
use crate::v2::task::Task;

/// How many of the peer's Deletes for what is not there are noted while one of our requests is under way.
const MAX_WITHDRAWN: usize = 64;

impl Established {
    /// Takes a Child SA out of use and tells the peer when its turn comes.
    pub(crate) fn close_child(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        if let Some(child) = self.child_mut(key) {
            child.state = ChildState::Closing;
            self.enqueue(Task::ChildDelete(key), ctx.now);
        }
    }

    pub(crate) fn start_child_delete(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        key: ChildKey,
    ) {
        let Some(child) = self.child_mut(key) else {
            return;
        };
        child.state = ChildState::Closing;
        let spi = child.inbound.spi.to_be_bytes();
        let protocol = ProtocolId(child.suite.protocol().number());
        let payloads = [Payload::Delete(Delete::child_sas(protocol, &spi))];
        let protection = &mut self.keys.protection;
        link.request(ctx, protection, ExchangeType::INFORMATIONAL, &payloads);
        self.active = Some(Active::ChildDelete(key));
    }

    /// The peer has confirmed (or crossed) our Delete.
    pub(crate) fn child_deleted(&mut self, ctx: &mut Context<'_>, key: ChildKey) {
        // An old SA can also go because its time is up before the peer deleted it.
        self.activate_successors(ctx, key);
        if let Some(child) = self.take_child(|child| child.key == key) {
            child::dispose(ctx, self.connection, &child, true);
        }
    }

    fn take_child(&mut self, wanted: impl Fn(&ChildSa) -> bool) -> Option<ChildSa> {
        let index = self.children.iter().position(wanted)?;
        Some(self.children.swap_remove(index))
    }

    pub(crate) fn answer_child_delete(
        &mut self,
        ctx: &mut Context<'_>,
        link: &mut Link,
        header: &Header,
        contents: &Contents<'_>,
    ) {
        // Of AH and of ESP: they go into payloads of their own.
        let mut ours = [(Protocol::Ah, Vec::new()), (Protocol::Esp, Vec::new())];
        let spis = contents.deletes.iter().flat_map(|delete| {
            let protocol = delete.protocol.0;
            delete.spis().map(move |spi| (protocol, spi))
        });
        for (protocol, spi) in spis {
            // The peer names the SPIs it receives on: our outbound ones.
            let found = self.children.iter().find(|child| {
                child.outbound.spi == spi && child.suite.protocol().number() == protocol
            });
            let Some(key) = found.map(|child| child.key) else {
                self.withdraw(spi);
                continue;
            };
            let verdict = decide(self.stance(Some(key)), Theirs::ChildDelete);
            let Some(child) = self.take_child(|child| child.key == key) else {
                continue;
            };
            let said = matches!(&self.active, Some(Active::ChildDelete(sent)) if *sent == key);
            if verdict != Verdict::AnswerEmpty || !said {
                let own = ours
                    .iter_mut()
                    .find(|(own, _)| *own == child.suite.protocol());
                if let Some((_, spis)) = own {
                    spis.extend_from_slice(&child.inbound.spi.to_be_bytes());
                }
            }
            self.activate_successors(ctx, key);
            // What the peer sent before is still good.
            child::dispose(ctx, self.connection, &child, true);
        }
        let payloads: Vec<_> = ours
            .iter()
            .filter(|(_, spis)| !spis.is_empty())
            .map(|(protocol, spis)| {
                Payload::Delete(Delete::child_sas(ProtocolId(protocol.number()), spis))
            })
            .collect();
        self.respond(ctx, link, header, &payloads);
    }

    /// Notes that the peer deletes what is not there. It may be what it has made for a request of ours whose answer is
    /// still on its way.
    fn withdraw(&mut self, spi: u32) {
        let makes_any = self.active.as_ref().is_some_and(Active::makes_any);
        if makes_any && self.withdrawn.len() < MAX_WITHDRAWN {
            self.withdrawn.push(spi);
        }
    }

    /// The Delete of an old SA says that the peer is ready for the new one (section 2.8). It comes
    /// into use before the old one goes: a packet in between would find none.
    fn activate_successors(&mut self, ctx: &mut Context<'_>, old: ChildKey) {
        let successors: Vec<_> = self
            .children
            .iter()
            .filter(|child| child.replaces == Some(old) && child.is_live())
            .map(|child| child.key)
            .collect();
        for key in successors {
            self.prove(ctx, key);
        }
    }
}

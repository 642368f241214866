//! IKE messages on their way to whoever drives the engine, so that nobody's flood takes the places of others.
//!
//! The addresses of configured peers have most of the places, and each address only some of them; all other
//! addresses share a few. What finds no place is dropped and counted: peers repeat their messages.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::counters::DropCause;

/// An IKE message, without the non-ESP marker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IkeDatagram {
    /// The sender.
    pub from: SocketAddr,
    /// The address and port the socket is bound to.
    pub local: SocketAddr,
    /// The message.
    pub bytes: Vec<u8>,
}

/// How many messages may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueLimits {
    /// From configured peers.
    pub peers: usize,
    /// From one address among them.
    pub each: usize,
    /// From all other addresses.
    pub others: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            peers: 1024,
            each: 64,
            others: 32,
        }
    }
}

/// The waiting messages.
#[derive(Debug, Default)]
pub struct IkeQueue {
    limits: QueueLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct Peer {
    /// How often it was added.
    connections: usize,
    /// How many messages of it wait.
    waiting: usize,
}

#[derive(Debug, Default)]
struct State {
    /// By the addresses of configured peers.
    peers: HashMap<IpAddr, Peer>,
    known: VecDeque<IkeDatagram>,
    others: VecDeque<IkeDatagram>,
}

impl IkeQueue {
    /// An empty queue that knows no peer.
    #[must_use]
    pub fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a connection with a peer at this address, which is a configured one from now on.
    pub fn add_peer(&self, peer: IpAddr) {
        self.state().peers.entry(peer).or_default().connections += 1;
    }

    /// Forgets one of the connections with the peer at this address. What waits stays.
    pub fn remove_peer(&self, peer: IpAddr) {
        let mut state = self.state();
        if let Some(known) = state.peers.get_mut(&peer) {
            known.connections = known.connections.saturating_sub(1);
            if known.connections == 0 {
                state.peers.remove(&peer);
            }
        }
    }

    /// Adds a message. `message` is called only if there is a place.
    ///
    /// # Errors
    /// There is none.
    pub fn push(
        &self,
        from: SocketAddr,
        message: impl FnOnce() -> IkeDatagram,
    ) -> Result<(), DropCause> {
        let mut state = self.state();
        let State {
            peers,
            known,
            others,
        } = &mut *state;
        match peers.get_mut(&from.ip()) {
            Some(_) if known.len() >= self.limits.peers => Err(DropCause::IkeQueueFull),
            Some(peer) if peer.waiting >= self.limits.each => Err(DropCause::IkeQueueFull),
            Some(peer) => {
                peer.waiting += 1;
                known.push_back(message());
                Ok(())
            }
            None if others.len() >= self.limits.others => Err(DropCause::IkeStranger),
            None => {
                others.push_back(message());
                Ok(())
            }
        }
    }

    /// Takes the next message: others' come when no peer's waits.
    pub fn pop(&self) -> Option<IkeDatagram> {
        let mut state = self.state();
        let Some(message) = state.known.pop_front() else {
            return state.others.pop_front();
        };
        if let Some(peer) = state.peers.get_mut(&message.from.ip()) {
            peer.waiting = peer.waiting.saturating_sub(1);
        }
        Some(message)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.known.is_empty() && state.others.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QueueLimits = QueueLimits {
        peers: 5,
        each: 2,
        others: 3,
    };

    fn at(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 500).into()
    }

    fn push(queue: &IkeQueue, host: u8) -> Result<(), DropCause> {
        let message = || IkeDatagram {
            from: at(host),
            local: at(0),
            bytes: vec![host],
        };
        queue.push(at(host), message)
    }

    fn queue(peers: &[u8]) -> IkeQueue {
        let queue = IkeQueue::new(LIMITS);
        for host in peers {
            queue.add_peer(at(*host).ip());
        }
        queue
    }

    fn drain(queue: &IkeQueue) -> Vec<u8> {
        std::iter::from_fn(|| queue.pop())
            .map(|message| message.bytes[0])
            .collect()
    }

    #[test]
    fn strangers_take_no_place_of_peers_and_come_after_them() {
        let queue = queue(&[1]);
        let strange: Vec<_> = (0..9).map(|_| push(&queue, 99).is_ok()).collect();
        assert_eq!(strange.iter().filter(|fits| **fits).count(), 3);
        assert_eq!(push(&queue, 98), Err(DropCause::IkeStranger));
        assert_eq!(push(&queue, 1), Ok(()));
        assert_eq!(drain(&queue), [1, 99, 99, 99]);
        assert!(queue.is_empty());
    }

    #[test]
    fn one_peers_address_takes_no_place_of_another() {
        let queue = queue(&[1, 2, 3]);
        for _ in 0..9 {
            let _ = push(&queue, 1);
        }
        assert_eq!(push(&queue, 1), Err(DropCause::IkeQueueFull));
        assert_eq!([push(&queue, 2), push(&queue, 2)], [Ok(()), Ok(())]);
        assert_eq!(
            [push(&queue, 3), push(&queue, 3)],
            [Ok(()), Err(DropCause::IkeQueueFull)]
        );
        assert_eq!(drain(&queue), [1, 1, 2, 2, 3]);
        assert_eq!(push(&queue, 1), Ok(()), "what was taken makes room");
    }

    #[test]
    fn peers_that_stay_keep_their_count() {
        let queue = queue(&[1]);
        assert_eq!([push(&queue, 1), push(&queue, 1)], [Ok(()), Ok(())]);
        queue.add_peer(at(2).ip());
        queue.add_peer(at(1).ip());
        assert_eq!(push(&queue, 1), Err(DropCause::IkeQueueFull));
        queue.remove_peer(at(1).ip());
        assert_eq!(push(&queue, 1), Err(DropCause::IkeQueueFull), "one is left");
        queue.remove_peer(at(1).ip());
        assert_eq!(drain(&queue), [1, 1]);
        for _ in 0..9 {
            let _ = push(&queue, 1);
        }
        assert_eq!(push(&queue, 1), Err(DropCause::IkeStranger));
    }
}

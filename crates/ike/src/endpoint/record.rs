//! Has it be noted what happens to connections.

use alloc::boxed::Box;
use alloc::vec::Vec;

use adit_crypto::Secret;

use crate::authentication::Authentication;
use crate::config::{ConnectionConfig, ConnectionKey};
use crate::endpoint::tape::Tape;
use crate::endpoint::{Command, Endpoint};
use crate::recording::{Entry, Input, Recording};
use crate::sa::{Sa, Stage};
use crate::time::Instant;

/// A configuration as it is recorded.
fn without_key(config: &ConnectionConfig) -> Box<ConnectionConfig> {
    Box::new(ConnectionConfig {
        authentication: Authentication::unknown(),
        ..config.clone()
    })
}

/// Whose an SA is, or may turn out to be.
fn whose(sa: &dyn Sa) -> Vec<ConnectionKey> {
    match (sa.place().connection, sa.stage()) {
        (Some(connection), _) => alloc::vec![connection],
        (None, Stage::HalfOpen(candidates)) => candidates.keys(),
        (None, _) => Vec::new(),
    }
}

impl Endpoint {
    /// Keeps what happens to each connection from now on: about so many octets of `each`, and where there are many
    /// connections fewer, so that they are about `all`. Connections there are already can't be replayed before they have
    /// had no IKE SA once.
    pub fn record(&mut self, each: usize, all: usize) {
        let mut tape = Tape::new(each, all);
        for key in self.connections.keys() {
            tape.cut(*key);
        }
        self.tape = Some(tape);
    }

    /// What was recorded of a connection.
    #[must_use]
    pub fn recording(&self, connection: ConnectionKey) -> Option<Recording> {
        let tape = self.tape.as_ref()?;
        tape.recording(connection, self.limits)
    }

    /// A call begins.
    pub(super) fn begin_call(&mut self) {
        if let Some(tape) = &mut self.tape {
            tape.begin(self.outputs.len());
        }
    }

    /// Whether, and for whom, it is to be noted what an SA does now, and where its outputs begin.
    pub(super) fn begin_act(&mut self, sa: Option<&dyn Sa>) -> (Vec<ConnectionKey>, usize) {
        if self.tape.is_none() {
            return (Vec::new(), 0);
        }
        self.random.begin();
        (sa.map_or_else(Vec::new, whose), self.outputs.len())
    }

    /// It has done it. An SA may have learnt whose it is.
    pub(super) fn end_act(
        &mut self,
        (keys, made): (Vec<ConnectionKey>, usize),
        learnt: Option<ConnectionKey>,
    ) {
        let drawn = self.random.end();
        if let Some(tape) = &mut self.tape {
            let keys = learnt.map_or(keys, |key| alloc::vec![key]);
            tape.note(keys, &drawn, made..self.outputs.len());
        }
    }

    /// Somebody's first message was answered, which may be about any of these.
    pub(super) fn note_first(&mut self, keys: Vec<ConnectionKey>, made: usize, drawn: &Secret) {
        if let Some(tape) = &mut self.tape {
            tape.note(keys, drawn, made..self.outputs.len());
        }
    }

    /// A connection was looked at.
    pub(super) fn note_look(&mut self, key: ConnectionKey) {
        if let Some(tape) = &mut self.tape {
            let none = self.outputs.len()..self.outputs.len();
            tape.note(alloc::vec![key], &Secret::default(), none);
        }
    }

    /// What a command is in a recording.
    pub(super) fn called(
        &mut self,
        now: Instant,
        command: &Command,
    ) -> Option<(ConnectionKey, Input)> {
        let has_sa = match command {
            Command::SetConnection(key, _) => self.has_sa(*key),
            _ => true,
        };
        let tape = self.tape.as_mut()?;
        match command {
            Command::Ask(key) => Some((*key, Input::Ask)),
            Command::ChildHeard(child) => {
                let (key, child) = tape.ordinal(*child)?;
                Some((key, Input::ChildHeard(child)))
            }
            Command::ChildHeardFrom(child, remote) => {
                let (key, child) = tape.ordinal(*child)?;
                Some((key, Input::ChildHeardFrom(child, *remote)))
            }
            Command::ChildInstalled(child, installed) => {
                let (key, child) = tape.ordinal(*child)?;
                Some((key, Input::ChildInstalled(child, *installed)))
            }
            Command::RekeyChild(child) => {
                let (key, child) = tape.ordinal(*child)?;
                Some((key, Input::RekeyChild(child)))
            }
            Command::RekeyIke(key) => Some((*key, Input::RekeyIke)),
            Command::RemoveConnection(key) => Some((*key, Input::Remove)),
            Command::Traffic(key) => Some((*key, Input::Traffic)),
            Command::SetConnection(key, config) => {
                let is_new = !self.connections.contains_key(key);
                let is_other = tape.is_of_other_key(*key, &config.authentication);
                let plain = without_key(config);
                if (is_new || is_other) && !has_sa {
                    tape.start(now, *key, Input::Begin(plain, 0, now));
                    return Some((*key, Input::Timeout));
                }
                if is_other {
                    tape.cut(*key);
                }
                Some((*key, Input::Set(plain)))
            }
        }
    }

    /// A call is over.
    pub(super) fn end_call(
        &mut self,
        now: Instant,
        called: Option<(ConnectionKey, Input)>,
        input: impl FnOnce() -> Input,
    ) {
        let Some(tape) = &mut self.tape else { return };
        for key in tape.end(now, &self.outputs, called, input) {
            self.look_back(now, key);
        }
    }

    /// Where a connection has no IKE SA, it can begin from there.
    fn look_back(&mut self, now: Instant, key: ConnectionKey) {
        let has_sa = self.has_sa(key);
        let Some(tape) = &mut self.tape else { return };
        match self.connections.get(&key) {
            Some(connection) if !has_sa => {
                let config = without_key(&connection.config);
                let begin = Input::Begin(config, connection.attempts, connection.retry_at);
                tape.start(now, key, begin);
            }
            None if !has_sa => tape.forget(key),
            _ => {}
        }
    }

    /// Whether there is an IKE SA of a connection, or one that could become one.
    fn has_sa(&self, key: ConnectionKey) -> bool {
        let peer = self.connections.get(&key).map(|c| c.config.remote);
        let half_open = peer.map(|peer| self.sas.half_open_keys_at(peer));
        let mut half_open = half_open.into_iter().flatten();
        self.sas.of_connection(key).next().is_some()
            || half_open.any(|sa| self.could_become(sa, key))
    }

    /// All that was noted of a connection.
    pub(super) fn noted(&self, key: ConnectionKey) -> Vec<&Entry> {
        let tape = self.tape.as_ref();
        tape.map_or_else(Vec::new, |tape| tape.entries(key))
    }

    /// How often a connection was begun in vain, and when it is begun next.
    pub(super) fn attempts(&self, key: ConnectionKey) -> Option<(u32, Instant)> {
        let connection = self.connections.get(&key)?;
        Some((connection.attempts, connection.retry_at))
    }

    /// Has a connection without IKE SAs that was begun so often, and is begun next at that time.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        key: ConnectionKey,
        config: ConnectionConfig,
        (attempts, retry_at): (u32, Instant),
    ) {
        if let Some(tape) = &mut self.tape {
            let begin = Input::Begin(without_key(&config), attempts, retry_at);
            tape.is_of_other_key(key, &config.authentication);
            tape.start(now, key, begin);
        }
        self.set_connection(now, key, config);
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.attempts = attempts;
            connection.retry_at = retry_at;
        }
        self.touched.clear();
        self.plan(now, key);
    }
}

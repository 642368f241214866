//! Has happen again what was recorded.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use adit_crypto::{Random, Secret};

use crate::authentication::Authentication;
use crate::config::{ConnectionConfig, ConnectionKey, EndpointConfig};
use crate::endpoint::tape::{Noting, is_additional};
use crate::endpoint::{Command, Endpoint};
use crate::output::{ChildKey, Polled};
use crate::recording::{Entry, Input, Ordinal, Recording, ReplayError, Replayed, Told};

/// Gives again what was drawn. Behind that comes what is of no use; that it was asked for is seen.
struct Again {
    rest: Vec<u8>,
    beyond: u64,
}

impl Random for Again {
    fn fill(&mut self, out: &mut [u8]) {
        if self.rest.len() >= out.len() {
            let tail = self.rest.split_off(out.len());
            out.copy_from_slice(&self.rest);
            drop(Secret::new(core::mem::replace(&mut self.rest, tail)));
            return;
        }
        for chunk in out.chunks_mut(32) {
            self.beyond += 1;
            let octets = adit_crypto::sha256(&[&self.beyond.to_be_bytes()]);
            for (to, from) in chunk.iter_mut().zip(octets) {
                *to = from;
            }
        }
    }
}

fn again(drawn: &Secret) -> Box<dyn Random> {
    Box::new(Again {
        rest: drawn.as_slice().to_vec(),
        beyond: 0,
    })
}

impl Recording {
    /// Gives the inputs to an endpoint that has the connection alone, and compares what comes of them, octet for octet.
    /// It has to be of this version of the program: another one may well decide otherwise.
    ///
    /// # Errors
    /// It can't happen again, or came to something else.
    pub fn replay(&self, authentication: &Authentication) -> Result<Replayed, ReplayError> {
        if authentication.has_certificates() {
            return Err(ReplayError::Signed);
        }
        let is_beginning = |entry: &Entry| matches!(entry.input, Input::Begin(..));
        let skipped = self.entries.iter().position(is_beginning);
        let skipped = skipped.ok_or(ReplayError::Cut)?;
        let entries = self.entries.get(skipped..).unwrap_or_default();
        let Some(first) = entries.first() else {
            return Err(ReplayError::Cut);
        };
        if self.is_shared {
            return Err(ReplayError::Shared);
        }
        let told = entries.iter().flat_map(|entry| &entry.told);
        let mut sent = told.filter_map(|told| match told {
            Told::Transmit(_, _, octets) => Some(octets),
            _ => None,
        });
        if sent.any(|octets| is_additional(octets)) {
            return Err(ReplayError::Additional);
        }
        // What others take of these is not known.
        let limits = EndpointConfig {
            cookie_threshold: usize::MAX,
            cookie_threshold_of_peer: usize::MAX,
            cookie_threshold_of_strangers: usize::MAX,
            half_open_limit: usize::MAX,
            half_open_limit_of_peer: usize::MAX,
            half_open_limit_of_strangers: usize::MAX,
            ..self.limits
        };
        let nothing = again(&Secret::default());
        let mut replay = Replay {
            endpoint: Endpoint::new(first.at, limits, nothing),
            connection: self.connection,
            authentication,
            noted: 0,
        };
        replay.endpoint.record(usize::MAX, usize::MAX);
        for (number, entry) in entries.iter().enumerate() {
            let at = entry.at;
            replay
                .give(entry)
                .map_err(|what| ReplayError::Differs { number, at, what })?;
        }
        Ok(Replayed {
            inputs: entries.iter().filter(|entry| !is_beginning(entry)).count(),
            skipped,
            since: first.at,
        })
    }
}

/// One under way.
struct Replay<'r> {
    endpoint: Endpoint,
    connection: ConnectionKey,
    authentication: &'r Authentication,
    /// How many entries it has of its own.
    noted: usize,
}

impl Replay<'_> {
    fn give(&mut self, entry: &Entry) -> Result<(), String> {
        if let Input::Begin(config, attempts, retry_at) = &entry.input {
            return self.begin(entry, config, (*attempts, *retry_at));
        }
        self.endpoint.random = Noting::new(again(&entry.drawn));
        self.input(entry)?;
        while let Polled::Output(_) = self.endpoint.poll_output() {}
        let own = self.endpoint.noted(self.connection);
        let own = own.get(self.noted..).unwrap_or_default();
        let found = own
            .first()
            .filter(|own| !matches!(own.input, Input::Begin(..)));
        let (drawn, told) =
            found.map_or((&[][..], &[][..]), |own| (own.drawn.as_slice(), &*own.told));
        if told != entry.told {
            return Err(difference(&entry.told, told));
        }
        if drawn != entry.drawn.as_slice() {
            return Err("other randomness was drawn".to_owned());
        }
        self.noted += usize::from(found.is_some());
        Ok(())
    }

    /// The first time the connection is made; later it has to be as it was.
    fn begin(
        &mut self,
        entry: &Entry,
        config: &ConnectionConfig,
        state: (u32, crate::time::Instant),
    ) -> Result<(), String> {
        let found = self.endpoint.attempts(self.connection);
        if found.is_some() {
            self.noted = self.endpoint.noted(self.connection).len();
            let is_same = found == Some(state);
            return is_same
                .then_some(())
                .ok_or_else(|| format!("attempts {found:?} instead of {state:?}"));
        }
        let config = self.with_key(config);
        self.endpoint
            .begin(entry.at, self.connection, config, state);
        self.noted = self.endpoint.noted(self.connection).len();
        Ok(())
    }

    fn with_key(&self, config: &ConnectionConfig) -> ConnectionConfig {
        ConnectionConfig {
            authentication: self.authentication.clone(),
            ..config.clone()
        }
    }

    fn input(&mut self, entry: &Entry) -> Result<(), String> {
        let connection = self.connection;
        let command = match &entry.input {
            Input::Begin(..) => return Ok(()),
            Input::Timeout => {
                self.endpoint.handle_timeout(entry.at);
                return Ok(());
            }
            Input::Datagram(local, remote, octets) => {
                self.endpoint
                    .handle_datagram(entry.at, *local, *remote, octets);
                return Ok(());
            }
            Input::Ask => Command::Ask(connection),
            Input::ChildHeard(child) => Command::ChildHeard(self.child(*child)?),
            Input::ChildHeardFrom(child, remote) => {
                Command::ChildHeardFrom(self.child(*child)?, *remote)
            }
            Input::ChildInstalled(child, installed) => {
                Command::ChildInstalled(self.child(*child)?, *installed)
            }
            Input::RekeyChild(child) => Command::RekeyChild(self.child(*child)?),
            Input::RekeyIke => Command::RekeyIke(connection),
            Input::Remove => Command::RemoveConnection(connection),
            Input::Set(config) => {
                Command::SetConnection(connection, Box::new(self.with_key(config)))
            }
            Input::Traffic => Command::Traffic(connection),
        };
        self.endpoint.handle_command(entry.at, command);
        Ok(())
    }

    fn child(&self, ordinal: Ordinal) -> Result<ChildKey, String> {
        let tape = self.endpoint.tape.as_ref();
        let child = tape.and_then(|tape| tape.child(self.connection, ordinal));
        child.ok_or_else(|| format!("there is no Child SA {ordinal}"))
    }
}

/// The first of what came to something else.
fn difference(recorded: &[Told], found: &[Told]) -> String {
    let same = recorded.iter().zip(found).take_while(|(a, b)| a == b);
    let at = same.count();
    let name = |told: &[Told]| {
        told.get(at)
            .map_or_else(|| "nothing".to_owned(), |told| format!("{told:?}"))
    };
    format!("{} instead of {}", name(found), name(recorded))
}

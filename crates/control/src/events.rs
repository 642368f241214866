//! Events: what was changed and what was observed, in one order, for those who follow it as it happens.
//!
//! ```text
//!   change log --follow--+
//!                        +--> ring: the latest, numbered --> Follower: each at its own place in it
//!   view: observations --+
//! ```
//!
//! Nobody has a queue: a follower remembers where it is, and whoever reads too slowly finds that the ring
//! went on without it. What was changed it then still gets, from the log; what was observed in between is
//! lost, and it is told so. The same after a restart, as observations are in memory alone.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_model::change::{Actor, ChangeKind, LogEntry};
use adit_model::gateway::GatewayStatus;
use adit_model::observed::TunnelState;
use adit_model::{Noun, ProjectId};
use time::OffsetDateTime;
use tokio::sync::watch;
use uuid::Uuid;

/// How many events are kept for those who come back.
const MOST: usize = 16_384;

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Where it is among all others.
    pub place: EventPlace,
    /// When, UTC.
    pub at: OffsetDateTime,
    /// Whose the thing is; nothing where it is no project's.
    pub project: Option<ProjectId>,
    /// What kind of thing it is about.
    pub noun: Noun,
    /// Which.
    pub id: Uuid,
    /// What happened.
    pub news: News,
}

/// What happened to a thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Somebody changed it.
    Changed(ChangeKind, Actor),
    /// Of a connection: something was seen of its tunnel, which is in this state now.
    Tunnel(TunnelState, Vec<String>),
    /// Of a gateway: it is in this state now.
    Gateway(GatewayStatus),
}

/// A place among the events: up to which one somebody knows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventPlace {
    /// The last revision of the change log until there.
    pub(crate) revision: u64,
    /// Which start of the service the number is of; 0 where none is.
    pub(crate) start: u32,
    /// The event's number since that start.
    pub(crate) number: u64,
}

/// Not a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no event has this id")]
pub struct EventPlaceError;

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            revision,
            start,
            number,
        } = self;
        write!(f, "{revision}-{start:08x}-{number}")
    }
}

impl FromStr for EventPlace {
    type Err = EventPlaceError;

    fn from_str(text: &str) -> Result<Self, EventPlaceError> {
        let mut parts = text.split('-');
        let mut next = || parts.next().ok_or(EventPlaceError);
        let place = Self {
            revision: next()?.parse().map_err(|_| EventPlaceError)?,
            start: u32::from_str_radix(next()?, 16).map_err(|_| EventPlaceError)?,
            number: next()?.parse().map_err(|_| EventPlaceError)?,
        };
        // As it is written, and not another way.
        if place.to_string() == text {
            Ok(place)
        } else {
            Err(EventPlaceError)
        }
    }
}

/// The latest events.
pub(crate) struct Events {
    ring: Mutex<Ring>,
    /// Rings when there is another.
    pub(crate) bell: watch::Sender<()>,
}

pub(crate) struct Ring {
    events: VecDeque<Arc<Event>>,
    /// Where the last is, whether it is kept or not.
    pub(crate) last: EventPlace,
}

impl Ring {
    /// The number of the first that is kept, or that will be.
    fn first(&self) -> u64 {
        let first = self.events.front().map(|event| event.place.number);
        first.unwrap_or(self.last.number.saturating_add(1))
    }

    /// Those after a number; nothing where one of them is not kept any more.
    pub(crate) fn after(&self, number: u64) -> Option<impl Iterator<Item = &Arc<Event>>> {
        let skipped = number.saturating_add(1).checked_sub(self.first())?;
        let skipped = usize::try_from(skipped).ok()?;
        Some(self.events.range(skipped.min(self.events.len())..))
    }
}

impl Events {
    pub(crate) fn new(start: u32) -> Self {
        let last = EventPlace {
            revision: 0,
            // 0 is no start's.
            start: start.max(1),
            number: 0,
        };
        Self {
            ring: Mutex::new(Ring {
                events: VecDeque::new(),
                last,
            }),
            bell: watch::Sender::new(()),
        }
    }

    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the last is, and whether all after a place are kept.
    pub(crate) fn knows(&self, place: EventPlace) -> (EventPlace, bool) {
        let ring = self.ring();
        let is_of_here = place.start == ring.last.start && place.number <= ring.last.number;
        let is_kept = is_of_here && ring.after(place.number).is_some();
        (ring.last, is_kept)
    }

    fn push(&self, revision: Option<u64>, event: impl FnOnce(EventPlace) -> Event) {
        {
            let mut ring = self.ring();
            if revision.is_some_and(|revision| revision <= ring.last.revision) {
                return;
            }
            ring.last.number = ring.last.number.saturating_add(1);
            ring.last.revision = revision.unwrap_or(ring.last.revision);
            let event = event(ring.last);
            if ring.events.len() >= MOST {
                ring.events.pop_front();
            }
            ring.events.push_back(Arc::new(event));
        }
        self.bell.send_replace(());
    }

    /// Tells what was observed of a thing.
    pub(crate) fn observed(
        &self,
        at: OffsetDateTime,
        project: ProjectId,
        (noun, id): (Noun, Uuid),
        news: News,
    ) {
        self.push(None, |place| Event {
            place,
            at,
            project: Some(project),
            noun,
            id,
            news,
        });
    }

    /// Tells what was just committed, before anybody acts on it. What others committed before and did not tell yet has to be
    /// told first: then the log's own reader tells all of it.
    pub(crate) fn committed(&self, entries: Vec<LogEntry>) {
        for entry in entries {
            let next = self.ring().last.revision.saturating_add(1);
            if entry.revision == next {
                self.changed(entry);
            }
        }
    }

    /// Tells what was changed, unless that is told already.
    pub(crate) fn changed(&self, entry: LogEntry) {
        self.push(Some(entry.revision), |place| changed(place, entry));
    }
}

/// An entry of the log as an event.
pub(crate) fn changed(place: EventPlace, LogEntry { change, .. }: LogEntry) -> Event {
    Event {
        place,
        at: change.at,
        project: change.project,
        noun: change.noun,
        id: change.id,
        news: News::Changed(change.kind, change.actor),
    }
}

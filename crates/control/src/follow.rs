//! Those who follow the events, each from its own place on, and what they follow of the change log.

use std::sync::Arc;
use std::time::Duration;

use adit_model::{Noun, ProjectId};
use tokio::time::timeout;
use uuid::Uuid;

use crate::change_log::scope;
use crate::error::Error;
use crate::events::{Event, EventPlace, changed};
use crate::{Caller, Control};

/// How many entries of the log are read at once.
const STEP: u32 = 500;

/// How many are told at once, at most.
const BATCH: usize = 256;

/// What is followed; everything of the caller's where nothing is said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Subject {
    /// Things of this kind alone.
    pub noun: Option<Noun>,
    /// This thing alone.
    pub id: Option<Uuid>,
    /// What is this project's alone.
    pub project: Option<ProjectId>,
}

impl Subject {
    fn has(&self, event: &Event) -> bool {
        self.noun.is_none_or(|noun| event.noun == noun)
            && self.id.is_none_or(|id| event.id == id)
            && (self.project.is_none() || event.project == self.project)
    }
}

/// What of the time since the place is not told any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// What was observed; what was changed follows.
    Observations,
    /// All: what is so now is to be read anew.
    Everything,
}

/// What a follower is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Told {
    /// Something happened.
    Event(Arc<Event>),
    /// Something is missing from here on.
    Lost(Lost, EventPlace),
    /// Nothing more happened until there.
    Nothing(EventPlace),
}

enum Position {
    /// It has to be found out what there still is of what came after.
    Coming(EventPlace),
    /// What was changed since a revision is read from the log, until the place where it goes on.
    Catching { revision: u64, until: EventPlace },
    /// All until there is told.
    Live(EventPlace),
}

/// Somebody who follows the events.
pub struct Follower {
    control: Control,
    subject: Subject,
    position: Position,
    /// Whether it is still to be told that it has heard all there was when it came.
    is_new: bool,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}

impl Control {
    /// Has what is written into the log from now on told to those who follow, for ever.
    pub(crate) async fn tell_changes(self) {
        let mut newest = self.0.newest.subscribe();
        loop {
            newest.mark_unchanged();
            if let Err(error) = self.tell_new_changes().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the change log could not be read");
            }
            // Another process may write too, and rings no bell here. An end of the channel is the end of the service.
            let _ = timeout(self.0.config.timing.sweep, newest.changed()).await;
        }
    }

    /// Tells what came into the log.
    async fn tell_new_changes(&self) -> Result<(), Error> {
        let events = self.0.view.events();
        loop {
            let known = events.ring().last.revision;
            let entries = self.read().await?.log_after(None, known, STEP).await?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                events.changed(entry);
            }
        }
    }

    /// Has events begin where the log ends.
    pub(crate) async fn begin_events(&self) -> Result<(), Error> {
        let last = self.log_bounds().await?.last;
        self.0.view.events().ring().last.revision = last;
        Ok(())
    }

    /// Follows the events after a place, or from now on. A project's people see what is their project's,
    /// administrators see everything.
    ///
    /// # Errors
    /// The caller asks for another project's.
    pub fn follow_events(
        &self,
        caller: &Caller,
        from: Option<EventPlace>,
        mut subject: Subject,
    ) -> Result<Follower, Error> {
        subject.project = scope(caller, subject.project)?;
        let events = self.0.view.events();
        let position = from.map_or_else(|| Position::Live(events.ring().last), Position::Coming);
        Ok(Follower {
            control: self.clone(),
            subject,
            position,
            is_new: true,
        })
    }
}

impl Follower {
    /// What comes next, at most 256 things; where nothing comes for so long, that. Dropped, it loses
    /// nothing.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn next(&mut self, patience: Duration) -> Result<Vec<Told>, Error> {
        let mut bell = self.control.0.view.events().bell.subscribe();
        let news = async {
            loop {
                bell.mark_unchanged();
                let told = self.look().await?;
                if !told.is_empty() || bell.changed().await.is_err() {
                    return Ok(told);
                }
            }
        };
        if let Ok(told) = timeout(patience, news).await {
            return told;
        }
        Ok(match self.position {
            Position::Live(place) => vec![Told::Nothing(place)],
            Position::Coming(_) | Position::Catching { .. } => Vec::new(),
        })
    }

    /// What there is to tell at once.
    async fn look(&mut self) -> Result<Vec<Told>, Error> {
        loop {
            match self.position {
                Position::Coming(place) => {
                    if let Some(told) = self.come(place).await? {
                        return Ok(told);
                    }
                }
                Position::Catching { revision, until } => {
                    let told = self.catch_up(revision, until).await?;
                    if !told.is_empty() {
                        return Ok(told);
                    }
                }
                Position::Live(place) => match self.go_on(place) {
                    Some(told) => return Ok(told),
                    // The ring went on without it.
                    None => self.position = Position::Coming(place),
                },
            }
        }
    }

    /// Finds out what there still is of what came after a place; nothing is to be told where all is.
    async fn come(&mut self, place: EventPlace) -> Result<Option<Vec<Told>>, Error> {
        let bounds = self.control.log_bounds().await?;
        let (until, is_kept) = self.control.0.view.events().knows(place);
        if is_kept {
            self.position = Position::Live(place);
            return Ok(None);
        }
        self.is_new = false;
        let EventPlace { revision, .. } = place;
        if revision.saturating_add(1) >= bounds.first && revision <= bounds.last {
            self.position = Position::Catching { revision, until };
            let place = EventPlace::of_log(revision);
            return Ok(Some(vec![Told::Lost(Lost::Observations, place)]));
        }
        self.position = Position::Live(until);
        Ok(Some(vec![Told::Lost(Lost::Everything, until)]))
    }

    /// Reads on in the log.
    async fn catch_up(&mut self, revision: u64, until: EventPlace) -> Result<Vec<Told>, Error> {
        let mut tx = self.control.read().await?;
        if revision.saturating_add(1) < tx.log_bounds().await?.first {
            self.position = Position::Live(until);
            return Ok(vec![Told::Lost(Lost::Everything, until)]);
        }
        let entries = tx.log_after(self.subject.project, revision, STEP).await?;
        drop(tx);
        let is_last = entries.len() < STEP as usize
            || entries
                .last()
                .is_none_or(|entry| entry.revision >= until.revision);
        let mut told = Vec::new();
        let mut read = revision;
        for entry in entries {
            if entry.revision > until.revision {
                break;
            }
            read = entry.revision;
            let event = changed(EventPlace::of_log(entry.revision), entry);
            if self.subject.has(&event) {
                told.push(Told::Event(Arc::new(event)));
            }
        }
        if is_last {
            self.position = Position::Live(until);
            told.push(Told::Nothing(until));
        } else {
            self.position = Position::Catching {
                revision: read,
                until,
            };
        }
        Ok(told)
    }

    /// What is in the ring after a place; nothing where some of it is not kept any more.
    fn go_on(&mut self, place: EventPlace) -> Option<Vec<Told>> {
        let mut told = Vec::new();
        let mut reached = place;
        let ring = self.control.0.view.events().ring();
        for event in ring.after(place.number)? {
            if told.len() >= BATCH {
                break;
            }
            reached = event.place;
            if self.subject.has(event) {
                told.push(Told::Event(Arc::clone(event)));
            }
        }
        let is_all = reached.number == ring.last.number;
        drop(ring);
        self.position = Position::Live(reached);
        if is_all && std::mem::take(&mut self.is_new) {
            told.push(Told::Nothing(reached));
        }
        Some(told)
    }
}

impl EventPlace {
    /// A place that is known by the change log alone.
    const fn of_log(revision: u64) -> Self {
        Self {
            revision,
            start: 0,
            number: 0,
        }
    }
}

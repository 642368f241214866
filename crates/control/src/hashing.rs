//! Where passwords are hashed: off the async threads, few at a time, each in memory that is used
//! again and again, after a queue with an end.
//!
//! ```text
//!   asker --(too many of its own, or of all?)--> 503
//!     |
//!     +-- own turn (as many as are hashed at a time) -- turn -- hash, on another thread
//! ```
//!
//! An asker that comes again and again waits for itself first: whoever else asks waits for one
//! round of it at most.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adit_crypto::PasswordMemory;
use adit_model::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// How many passwords are hashed at a time, at most; there are no more than processors. Each has
/// 19 MiB, for good.
const AT_ONCE: usize = 4;

/// How many may wait in all.
const WAITING: usize = 256;

/// How many of one asker's may wait.
const WAITING_OF_ONE: usize = 32;

/// When to come again, in seconds, after the queue was found full: it is empty by then.
const LATER: u64 = 2;

/// On whose account somebody waits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Asker {
    /// Somebody at this address, who says to be a user.
    Source(Option<IpAddr>),
    /// Who it says it is, and may not be.
    User(UserId),
    /// This service.
    Own,
}

/// Places to hash in, and the queue before them.
pub(crate) struct Hashing {
    at_once: usize,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<PasswordMemory>>>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    all: usize,
    askers: HashMap<Asker, Waiting>,
}

struct Waiting {
    count: usize,
    turns: Arc<Semaphore>,
}

/// A place in the queue, given up when it is dropped.
struct Place {
    asker: Asker,
    turns: Arc<Semaphore>,
    queue: Arc<Mutex<Queue>>,
}

/// What hashing needs for its time: it goes to the thread that hashes, so that who no longer waits
/// for the outcome does not make room for another.
pub(crate) struct Turn {
    memory: Option<PasswordMemory>,
    idle: Arc<Mutex<Vec<PasswordMemory>>>,
    _turn: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _place: Place,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Hashing {
    fn default() -> Self {
        let processors = std::thread::available_parallelism();
        Self::new(processors.map_or(1, usize::from).min(AT_ONCE))
    }
}

impl Hashing {
    fn new(at_once: usize) -> Self {
        Self {
            at_once,
            turns: Arc::new(Semaphore::new(at_once)),
            idle: Arc::default(),
            queue: Arc::default(),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Error::Busy`]: too many wait.
    pub(crate) async fn turn(&self, asker: Asker) -> Result<Turn, Error> {
        let place = self.enter(asker)?;
        let own = Arc::clone(&place.turns).acquire_owned().await;
        let own = own.map_err(|error| Error::Internal(error.into()))?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|error| Error::Internal(error.into()))?;
        let memory = lock(&self.idle).pop().unwrap_or_default();
        Ok(Turn {
            memory: Some(memory),
            idle: Arc::clone(&self.idle),
            _turn: turn,
            _own: own,
            _place: place,
        })
    }

    fn enter(&self, asker: Asker) -> Result<Place, Error> {
        let mut queue = lock(&self.queue);
        let of_one = queue.askers.get(&asker).map_or(0, |waiting| waiting.count);
        if queue.all >= WAITING || of_one >= WAITING_OF_ONE {
            return Err(Error::Busy { seconds: LATER });
        }
        queue.all += 1;
        let waiting = queue.askers.entry(asker).or_insert_with(|| Waiting {
            count: 0,
            turns: Arc::new(Semaphore::new(self.at_once)),
        });
        waiting.count += 1;
        Ok(Place {
            asker,
            turns: Arc::clone(&waiting.turns),
            queue: Arc::clone(&self.queue),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        queue.all = queue.all.saturating_sub(1);
        if let Entry::Occupied(mut waiting) = queue.askers.entry(self.asker) {
            waiting.get_mut().count -= 1;
            if waiting.get().count == 0 {
                waiting.remove();
            }
        }
    }
}

impl Turn {
    /// Does it on a thread where it hurts nobody.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut PasswordMemory) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let done = tokio::task::spawn_blocking(move || {
            // All of it goes along, its place in the queue too.
            let mut turn = self;
            work(turn.memory.get_or_insert_default())
        });
        done.await.map_err(|error| Error::Internal(error.into()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            lock(&self.idle).push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Asker {
        Asker::Source(Some([192, 0, 2, last].into()))
    }

    #[tokio::test]
    async fn as_many_memories_as_are_used_at_a_time_are_made_however_many_ask() {
        let hashing = Hashing::new(2);
        let each = (0..20).map(|n| {
            let hashing = &hashing;
            async move {
                let turn = hashing.turn(from(n)).await.unwrap();
                let size = |memory: &mut PasswordMemory| {
                    let _ = memory.verify("", b"x");
                };
                turn.work(size).await.unwrap();
            }
        });
        futures_util::future::join_all(each).await;
        assert!((1..=2).contains(&lock(&hashing.idle).len()));
        let queue = lock(&hashing.queue);
        assert_eq!((queue.all, queue.askers.len()), (0, 0));
    }

    #[tokio::test]
    async fn one_asker_fills_its_own_part_of_the_queue_and_no_other() {
        let hashing = Arc::new(Hashing::new(1));
        let first = hashing.turn(from(1)).await.unwrap();
        let mut places: Vec<_> = (1..WAITING_OF_ONE)
            .map(|_| hashing.enter(from(1)).unwrap())
            .collect();
        let refused = hashing.turn(from(1)).await;
        assert!(matches!(refused, Err(Error::Busy { .. })));
        // Another one is next.
        let other = tokio::spawn({
            let hashing = Arc::clone(&hashing);
            async move { hashing.turn(from(2)).await.map(|_| ()) }
        });
        first.work(|_| ()).await.unwrap();
        other.await.unwrap().unwrap();
        places.clear();
        hashing.turn(from(1)).await.unwrap();
    }

    #[tokio::test]
    async fn the_queue_has_an_end_for_all_together() {
        let hashing = Hashing::new(1);
        let places: Vec<_> = (0..WAITING)
            .map(|n| hashing.enter(from(u8::try_from(n / WAITING_OF_ONE).unwrap())))
            .collect();
        assert!(places.iter().all(Result::is_ok));
        let refused = hashing.turn(Asker::Own).await;
        assert!(matches!(refused, Err(Error::Busy { .. })));
        drop(places);
        hashing.turn(Asker::Own).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_no_longer_makes_no_room_until_the_hashing_is_over() {
        let hashing = Hashing::new(1);
        let turn = hashing.turn(from(1)).await.unwrap();
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let work = tokio::spawn(turn.work(move |_| {
            let _ = begun.send(());
            let _ = gone.recv();
        }));
        is_begun.await.unwrap();
        work.abort();
        assert!(work.await.unwrap_err().is_cancelled());
        assert_eq!(hashing.turns.available_permits(), 0);
        drop(go);
        hashing.turn(from(2)).await.unwrap();
    }
}

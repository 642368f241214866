//! Names of hosts to addresses.
//!
//! A name server that doesn't answer holds a thread of the system's resolver for up to half a
//! minute. So few are asked at a time, a project's fewer still, and who makes a change waits for an
//! answer no longer than `PATIENCE`: it is asked again behind.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adit_model::ProjectId;
use async_trait::async_trait;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Where a peer is that was given by name, while nobody has said where that is.
pub(crate) const NOT_FOUND_YET: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// How long who makes a change waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many names are looked up at a time.
const AT_ONCE: usize = 16;

/// How many of one project's.
const OF_PROJECT: usize = 4;

/// Finds addresses of hosts, so that tests can.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The host's addresses, the one to use first.
    ///
    /// # Errors
    /// The name is unknown, or nobody answers.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// What was found of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// It is at one of these; there is at least one.
    At(Vec<IpAddr>),
    /// Name servers say that it has no address.
    Nowhere,
    /// Nobody has answered yet.
    NotYet,
}

/// Lookups under way, with a bound for all and for each project.
pub(crate) struct Lookups {
    resolver: Arc<dyn Resolver>,
    all: Arc<Semaphore>,
    projects: Projects,
    /// Who of a project may write next what was given by name.
    writes: Projects,
    /// Whose peers are being followed.
    following: Arc<Mutex<HashSet<ProjectId>>>,
    wanted: Notify,
}

/// Places of each project.
type Projects = Mutex<HashMap<ProjectId, Arc<Semaphore>>>;

/// A project's peers are followed while this is there.
pub(crate) struct Following {
    project: ProjectId,
    all: Arc<Mutex<HashSet<ProjectId>>>,
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.project);
    }
}

/// Room for one lookup.
struct Room {
    _of_project: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Lookups {
    pub(crate) fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self {
            resolver,
            all: Arc::new(Semaphore::new(AT_ONCE)),
            projects: Mutex::default(),
            writes: Mutex::default(),
            following: Arc::default(),
            wanted: Notify::new(),
        }
    }

    /// Has peers followed before it is time.
    pub(crate) fn wake(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody wants that.
    pub(crate) async fn woken(&self) {
        self.wanted.notified().await;
    }

    /// The turn to follow a project's peers, unless somebody has it.
    pub(crate) fn follow(&self, project: ProjectId) -> Option<Following> {
        let mut all = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(project).then(|| Following {
            project,
            all: Arc::clone(&self.following),
        })
    }

    /// Looks a host up for a project that waits, but not for long.
    pub(crate) async fn soon(&self, project: ProjectId, host: &str) -> Found {
        let asked = timeout(PATIENCE, self.ask(project, host));
        asked.await.unwrap_or(Found::NotYet)
    }

    /// Looks a host up, however long that takes.
    pub(crate) async fn ask(&self, project: ProjectId, host: &str) -> Found {
        if host.is_empty() {
            return Found::Nowhere;
        }
        let Some(room) = self.room(project).await else {
            return Found::NotYet;
        };
        let (resolver, host) = (Arc::clone(&self.resolver), host.to_owned());
        // The system goes on when nobody waits any more, and so the room stays taken.
        let asked = tokio::spawn(async move {
            let found = resolver.resolve(&host).await;
            drop(room);
            found
        });
        match asked.await {
            Ok(Ok(found)) if !found.is_empty() => Found::At(found),
            Ok(_) => Found::Nowhere,
            Err(_) => Found::NotYet,
        }
    }

    /// Waits for the turn to write: many that waited for the same name server come at one moment, and
    /// writers of other projects are not to stand behind all of them.
    pub(crate) async fn turn_to_write(&self, project: ProjectId) -> Option<OwnedSemaphorePermit> {
        place(&self.writes, project, 1).acquire_owned().await.ok()
    }

    async fn room(&self, project: ProjectId) -> Option<Room> {
        let of_project = place(&self.projects, project, OF_PROJECT);
        Some(Room {
            _of_project: of_project.acquire_owned().await.ok()?,
            _of_all: Arc::clone(&self.all).acquire_owned().await.ok()?,
        })
    }
}

fn place(projects: &Projects, project: ProjectId, size: usize) -> Arc<Semaphore> {
    let mut projects = projects.lock().unwrap_or_else(PoisonError::into_inner);
    // Those that nobody waits for or uses are made anew.
    projects.retain(|_, one| Arc::strong_count(one) > 1);
    let one = projects.entry(project);
    Arc::clone(one.or_insert_with(|| Arc::new(Semaphore::new(size))))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Answers at once for those whose name begins with `quick`, and never for others.
    #[derive(Default)]
    struct Slow {
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Resolver for Slow {
        async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if host.starts_with("quick") {
                return Ok(vec![[192, 0, 2, 1].into()]);
            }
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_soon_and_one_project_leaves_room_for_others() {
        let resolver = Arc::new(Slow::default());
        let lookups = Lookups::new(Arc::clone(&resolver) as Arc<dyn Resolver>);
        let (one, other) = (ProjectId::random(), ProjectId::random());
        let all = (0..600).map(|n| {
            let lookups = &lookups;
            async move { lookups.soon(one, &format!("slow{n}")).await }
        });
        let begun = tokio::time::Instant::now();
        let found = futures_util::future::join_all(all).await;
        assert!(begun.elapsed() <= PATIENCE + Duration::from_millis(10));
        assert!(found.iter().all(|found| *found == Found::NotYet));
        // They are still under way, and no more of them.
        assert_eq!(resolver.asked.load(Ordering::SeqCst), OF_PROJECT);
        let found = lookups.soon(other, "quick").await;
        assert_eq!(found, Found::At(vec![[192, 0, 2, 1].into()]));
        assert_eq!(lookups.soon(one, "quick").await, Found::NotYet);
    }

    #[tokio::test]
    async fn a_project_s_writers_of_names_go_one_by_one_and_hold_up_no_other_project_s() {
        let lookups = Lookups::new(Arc::new(Slow::default()));
        let (one, other) = (ProjectId::random(), ProjectId::random());
        let first = lookups.turn_to_write(one).await;
        let second = timeout(Duration::ZERO, lookups.turn_to_write(one));
        assert!(second.await.is_err());
        assert!(lookups.turn_to_write(other).await.is_some());
        drop(first);
        assert!(lookups.turn_to_write(one).await.is_some());
    }

    #[tokio::test]
    async fn what_is_nowhere_is_said_at_once() {
        let lookups = Lookups::new(Arc::new(Slow::default()));
        assert_eq!(lookups.soon(ProjectId::random(), "").await, Found::Nowhere);
    }
}

//! How many connections there are, from where, and who has to go when there are too many: the
//! oldest of the same address, or, where there are too many in all, the oldest of the address that
//! has most. So who opens many closes its own. One with a request under way may end that first.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::Limits;

pub(super) struct Connections {
    all: usize,
    of_source: usize,
    proxies: Vec<IpAddr>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    count: usize,
    sources: HashMap<IpAddr, BTreeMap<u64, Arc<Notify>>>,
}

/// One of them; gone when this is dropped.
pub(super) struct Entered {
    id: u64,
    source: IpAddr,
    order: Arc<Notify>,
    home: Arc<Connections>,
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: limits.connections.max(1),
            of_source: limits.of_source.max(1),
            proxies: limits.proxies.clone(),
            table: Mutex::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room, and takes it.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Entered {
        let source = source(address);
        let mut table = self.table();
        let of_source = table.sources.get(&source).map_or(0, BTreeMap::len);
        if of_source >= self.of_source && !self.proxies.contains(&address) {
            table.send_away(source);
        } else if table.count >= self.all {
            let most = table.sources.iter().max_by_key(|(_, ids)| ids.len());
            if let Some(most) = most.map(|(source, _)| *source) {
                table.send_away(most);
            }
        }
        let id = table.next;
        table.next += 1;
        table.count += 1;
        let order = Arc::new(Notify::new());
        let ids = table.sources.entry(source).or_default();
        ids.insert(id, Arc::clone(&order));
        Entered {
            id,
            source,
            order,
            home: Arc::clone(self),
        }
    }
}

impl Table {
    fn send_away(&mut self, source: IpAddr) {
        let ids = self.sources.get(&source);
        if let Some((id, order)) = ids.and_then(|ids| ids.first_key_value()) {
            order.notify_one();
            let id = *id;
            self.remove(source, id);
        }
    }

    fn remove(&mut self, source: IpAddr, id: u64) {
        if let Some(ids) = self.sources.get_mut(&source)
            && ids.remove(&id).is_some()
        {
            self.count -= 1;
            if ids.is_empty() {
                self.sources.remove(&source);
            }
        }
    }
}

/// What one host can have many of counts as one.
fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Entered {
    /// Waits until it has to go.
    pub(super) async fn told(&self) {
        self.order.notified().await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.home.table().remove(self.source, self.id);
    }
}

/// What a connection's requests do.
pub(super) struct Activity(Mutex<State>);

struct State {
    requests: usize,
    seen: bool,
    since: Instant,
}

/// A request under way.
pub(super) struct Busy(Arc<Activity>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(State {
            requests: 0,
            seen: false,
            since: Instant::now(),
        }))
    }
}

impl Activity {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(this: &Arc<Self>) -> Busy {
        let mut state = this.state();
        state.requests += 1;
        state.seen = true;
        drop(state);
        Busy(Arc::clone(this))
    }

    /// For how long there has been no request, if there is none.
    pub(super) fn idle(&self) -> Option<Duration> {
        let state = self.state();
        (state.requests == 0).then(|| state.since.elapsed())
    }

    /// Whether no request has been read yet.
    pub(super) fn is_new(&self) -> bool {
        !self.state().seen
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.requests -= 1;
        state.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections() -> Arc<Connections> {
        Arc::new(Connections::new(&Limits {
            connections: 4,
            of_source: 2,
            proxies: vec![[192, 0, 2, 9].into()],
        }))
    }

    fn from(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    /// Whether it was told to go.
    async fn told(one: &Entered) -> bool {
        tokio::time::timeout(Duration::ZERO, one.told())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn who_opens_too_many_closes_its_own() {
        let all = connections();
        let other = all.enter(from(2));
        let mut ones: Vec<_> = (0..4).map(|_| all.enter(from(1))).collect();
        assert!(told(&ones[0]).await && told(&ones[1]).await);
        assert!(!told(&ones[2]).await && !told(&ones[3]).await && !told(&other).await);
        ones.clear();
        assert_eq!(all.table().count, 1);
        drop(other);
        assert!(all.table().sources.is_empty());
    }

    #[tokio::test]
    async fn where_there_are_too_many_in_all_who_has_most_gives_way() {
        let all = connections();
        let first = all.enter(from(1));
        let two = [all.enter(from(2)), all.enter(from(2))];
        let third = all.enter(from(3));
        let fourth = all.enter(from(4));
        assert!(told(&two[0]).await);
        for stays in [&first, &two[1], &third, &fourth] {
            assert!(!told(stays).await);
        }
        assert_eq!(all.table().count, 4);
    }

    #[tokio::test]
    async fn a_proxy_may_have_as_many_as_there_are() {
        let all = connections();
        let ones: Vec<_> = (0..4).map(|_| all.enter(from(9))).collect();
        for one in &ones {
            assert!(!told(one).await);
        }
    }
}

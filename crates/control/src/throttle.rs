//! How often somebody may be wrong about a password: by the account that was named, and by the
//! address that it came from.
//!
//! Each has a budget of failures that comes back with time. While it is used up, nobody is asked
//! for a password there: the right one is refused like a wrong one, before anything is hashed. Where
//! an account was opened before, a budget of its own counts, so that nobody is held up by what
//! others got wrong.
//!
//! Lockout is Keystone's (`[security_compliance] lockout_failure_attempts`, `lockout_duration`):
//! so many failures in a row lock the account, for a while.
//!
//! All of this is in memory: a restart forgets it. Accounts that are not there are counted too, or
//! one could tell which are.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use crate::reference::{CredentialRef, UserRef};

/// How many accounts, and addresses, are remembered. Beyond, the one that owes least is forgotten.
const MOST: usize = 10_000;

/// How patient one is with wrong passwords. The numbers are of failures, never of log-ins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoginLimits {
    /// Failures of one account in a row that are answered at once.
    pub of_account: u32,
    /// How long until one more is.
    pub account_pause: Duration,
    /// Failures from one address in a row that are answered at once.
    pub of_source: u32,
    /// How long until one more is.
    pub source_pause: Duration,
    /// How many failures in a row lock an account; none does if it is 0.
    pub lockout_failures: u32,
    /// For how long.
    pub lockout: Duration,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            of_account: 10,
            account_pause: Duration::from_secs(10),
            of_source: 50,
            source_pause: Duration::from_secs(1),
            // Keystone's defaults: no lockout, and half an hour where there is one.
            lockout_failures: 0,
            lockout: Duration::from_secs(1800),
        }
    }
}

/// What somebody says to be.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Account {
    User(UserRef),
    Credential(CredentialRef),
}

/// Where somebody is, as far as that is known: what one can have many of counts as one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Source(Option<IpAddr>);

impl Source {
    pub(crate) fn new(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            // A host has a /64 of them.
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
            v4 @ IpAddr::V4(_) => v4,
        }))
    }

    pub(crate) fn address(self) -> Option<IpAddr> {
        self.0
    }
}

/// Why nobody is asked for a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The account is locked.
    Locked,
    /// Too many were wrong in a row.
    TooEarly {
        /// Seconds until it isn't.
        seconds: u64,
    },
}

#[derive(Clone, Copy)]
struct Failures {
    /// When all of the budget is back.
    paid: OffsetDateTime,
    in_a_row: u32,
    last: OffsetDateTime,
}

impl Failures {
    const fn none(now: OffsetDateTime) -> Self {
        Self {
            paid: now,
            in_a_row: 0,
            last: now,
        }
    }

    fn add(&mut self, pause: Duration, now: OffsetDateTime) {
        self.paid = self.paid.max(now) + pause;
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last = now;
    }
}

#[derive(Default)]
struct State {
    accounts: HashMap<Account, Failures>,
    sources: HashMap<Source, Failures>,
    /// Where accounts were opened.
    known: HashMap<(Account, Source), Failures>,
}

/// Who was wrong how often.
pub(crate) struct Throttle {
    limits: LoginLimits,
    state: Mutex<State>,
}

impl Throttle {
    pub(crate) fn new(limits: LoginLimits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    /// Whether somebody may show a password now.
    pub(crate) fn check(
        &self,
        account: &Account,
        source: Source,
        now: OffsetDateTime,
    ) -> Result<(), Refusal> {
        let limits = &self.limits;
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = state.accounts.get(account) {
            let enough = limits.lockout_failures > 0 && of.in_a_row >= limits.lockout_failures;
            if enough && now < of.last + limits.lockout {
                return Err(Refusal::Locked);
            }
        }
        let account_wait = |of| wait(of, limits.of_account, limits.account_pause, now);
        let wait = match state.known.get(&(account.clone(), source)) {
            Some(known) => account_wait(Some(known)),
            None => {
                let of = state.sources.get(&source);
                let of_source = wait(of, limits.of_source, limits.source_pause, now);
                of_source.max(account_wait(state.accounts.get(account)))
            }
        };
        if wait.is_zero() {
            return Ok(());
        }
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Err(Refusal::TooEarly { seconds })
    }

    /// Notes a wrong password. Answers whether it was the one that uses the account's budget up, or
    /// locks it, for the log.
    pub(crate) fn failed(&self, account: &Account, source: Source, now: OffsetDateTime) -> bool {
        let limits = &self.limits;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if source.0.is_some() {
            note(&mut state.sources, source, limits.source_pause, now);
        }
        if let Some(known) = state.known.get_mut(&(account.clone(), source)) {
            known.add(limits.account_pause, now);
        }
        if let Some(of) = state.accounts.get_mut(account) {
            // A lock that is over leaves nothing behind, as in Keystone.
            if limits.lockout_failures > 0 && now >= of.last + limits.lockout {
                of.in_a_row = 0;
            }
        }
        let of = note(
            &mut state.accounts,
            account.clone(),
            limits.account_pause,
            now,
        );
        let used_up = of.in_a_row == limits.of_account;
        used_up || of.in_a_row == limits.lockout_failures
    }

    /// Notes a right one.
    pub(crate) fn succeeded(&self, account: &Account, source: Source, now: OffsetDateTime) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.accounts.remove(account);
        if source.0.is_some() {
            let key = (account.clone(), source);
            make_room(&mut state.known, &key, |of| of.last);
            let known = state.known.entry(key).or_insert(Failures::none(now));
            known.last = now;
        }
    }
}

fn wait(of: Option<&Failures>, most: u32, pause: Duration, now: OffsetDateTime) -> Duration {
    let Some(of) = of else {
        return Duration::ZERO;
    };
    // What may be owed and one more still be answered.
    let credit = pause.saturating_mul(most.saturating_sub(1));
    Duration::try_from(of.paid - now - credit).unwrap_or(Duration::ZERO)
}

fn note<K: Hash + Eq + Clone>(
    all: &mut HashMap<K, Failures>,
    key: K,
    pause: Duration,
    now: OffsetDateTime,
) -> Failures {
    make_room(all, &key, |of| of.paid);
    let of = all.entry(key).or_insert(Failures::none(now));
    of.add(pause, now);
    *of
}

fn make_room<K: Hash + Eq + Clone, V>(
    all: &mut HashMap<K, V>,
    key: &K,
    place: impl Fn(&V) -> OffsetDateTime,
) {
    if all.len() >= MOST
        && !all.contains_key(key)
        && let Some(least) = all.iter().min_by_key(|(_, value)| place(value))
    {
        let least = least.0.clone();
        all.remove(&least);
    }
}

#[cfg(test)]
mod tests {
    use adit_model::{Name, UserId};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn account(name: &str) -> Account {
        Account::User(UserRef::Name(Name::parse(name).unwrap()))
    }

    fn at(last: u8) -> Source {
        Source::new(Some([192, 0, 2, last].into()))
    }

    fn throttle(lockout_failures: u32) -> Throttle {
        Throttle::new(LoginLimits {
            lockout_failures,
            ..LoginLimits::default()
        })
    }

    #[test]
    fn an_account_s_failures_are_paid_back_with_time() {
        let (throttle, mut now) = (throttle(0), OffsetDateTime::UNIX_EPOCH);
        let who = account("a");
        let said = (0..10).filter(|n| {
            assert_eq!(throttle.check(&who, at(*n), now), Ok(()));
            throttle.failed(&who, at(*n), now)
        });
        assert_eq!(said.count(), 1);
        let refused = throttle.check(&who, at(77), now);
        assert_eq!(refused, Err(Refusal::TooEarly { seconds: 10 }));
        assert_eq!(throttle.check(&account("b"), at(77), now), Ok(()));
        now += 10 * SECOND;
        assert_eq!(throttle.check(&who, at(77), now), Ok(()));
        throttle.failed(&who, at(77), now);
        assert!(throttle.check(&who, at(78), now).is_err());
    }

    #[test]
    fn a_source_is_held_up_whomever_it_says_to_be_and_with_all_its_addresses() {
        let (throttle, now) = (throttle(0), OffsetDateTime::UNIX_EPOCH);
        let host = |n: u16| Source::new(Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n])));
        for n in 0..50 {
            throttle.failed(&account(&n.to_string()), host(n), now);
        }
        let refused = throttle.check(&account("x"), host(99), now);
        assert_eq!(refused, Err(Refusal::TooEarly { seconds: 1 }));
        assert_eq!(throttle.check(&account("x"), at(1), now), Ok(()));
    }

    #[test]
    fn where_an_account_was_opened_others_failures_don_t_matter() {
        let (throttle, now) = (throttle(0), OffsetDateTime::UNIX_EPOCH);
        let who = account("a");
        throttle.succeeded(&who, at(1), now);
        for n in 2..20 {
            throttle.failed(&who, at(n), now);
        }
        for n in 0..60 {
            throttle.failed(&account(&n.to_string()), at(1), now);
        }
        assert_eq!(throttle.check(&who, at(1), now), Ok(()));
        assert!(throttle.check(&who, at(99), now).is_err());
        throttle.succeeded(&who, at(1), now);
        assert_eq!(throttle.check(&who, at(99), now), Ok(()));
        // Its own failures do matter there.
        for _ in 0..10 {
            throttle.failed(&who, at(1), now);
        }
        assert!(throttle.check(&who, at(1), now).is_err());
    }

    #[test]
    fn failures_in_a_row_lock_an_account_for_a_while() {
        let (throttle, mut now) = (throttle(3), OffsetDateTime::UNIX_EPOCH);
        let who = Account::User(UserRef::Id(UserId::random()));
        throttle.succeeded(&who, at(1), now);
        for _ in 0..3 {
            assert_eq!(throttle.check(&who, at(1), now), Ok(()));
            throttle.failed(&who, at(1), now);
        }
        assert_eq!(throttle.check(&who, at(1), now), Err(Refusal::Locked));
        now += 1800 * SECOND;
        assert_eq!(throttle.check(&who, at(1), now), Ok(()));
        // The count begins anew.
        throttle.failed(&who, at(1), now);
        assert_eq!(throttle.check(&who, at(1), now), Ok(()));
    }

    #[test]
    fn no_more_are_remembered_than_may_be_and_who_owes_most_stays() {
        let (throttle, now) = (throttle(0), OffsetDateTime::UNIX_EPOCH);
        for _ in 0..10 {
            throttle.failed(&account("victim"), at(1), now);
        }
        for n in 0..MOST + 10 {
            throttle.failed(&account(&n.to_string()), at(2), now);
        }
        let state = throttle.state.lock().unwrap();
        assert_eq!(state.accounts.len(), MOST);
        drop(state);
        assert!(throttle.check(&account("victim"), at(3), now).is_err());
    }
}

//! Users for workers: one for each gateway that runs, so that no worker can signal or look into
//! another. A number is used again once its worker is gone.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Numbers that nobody has now, from a first one on.
#[derive(Debug)]
pub(crate) struct Users {
    first: u32,
    taken: Mutex<BTreeSet<u32>>,
}

/// A number that is one worker's until it is dropped.
#[derive(Debug)]
pub(crate) struct User {
    number: u32,
    users: Arc<Users>,
}

impl Users {
    pub(crate) fn new(first: u32) -> Arc<Self> {
        let taken = Mutex::default();
        Arc::new(Self { first, taken })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first free number; none if they have come to an end.
    pub(crate) fn take(self: &Arc<Self>) -> Option<User> {
        let mut taken = self.taken();
        // The last number means "nobody in particular" to setresuid(2).
        let number = (self.first..u32::MAX).find(|number| !taken.contains(number))?;
        taken.insert(number);
        Some(User {
            number,
            users: Arc::clone(self),
        })
    }
}

impl User {
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.users.taken().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_workers_until_it_is_gone() {
        let users = Users::new(u32::MAX - 2);
        let one = users.take().unwrap();
        let two = users.take().unwrap();
        assert_eq!((one.number(), two.number()), (u32::MAX - 2, u32::MAX - 1));
        assert!(users.take().is_none());
        drop(one);
        assert_eq!(users.take().unwrap().number(), u32::MAX - 2);
    }
}

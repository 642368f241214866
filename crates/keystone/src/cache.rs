//! Answers that still count, by the digest of the token that they are about: what lies in memory
//! opens nothing.
//!
//! Who asks about a token while somebody else does waits for that answer, if the question was put
//! after they came. Should the first asker go away, the next one asks.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use adit_control::identity::ForeignSession;
use adit_crypto::sha256;
use tokio::time::{Duration, Instant};

use crate::error::AskError;

/// How many answers are kept.
const MOST: usize = 10_000;

/// How long a refusal counts, at most: a token may become good in a moment, where several Keystones
/// share a database.
const REFUSED: Duration = Duration::from_secs(5);

/// What came of a question.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The token stands for this.
    Known(Box<ForeignSession>),
    /// The token is not good.
    Refused,
    /// Nobody knows, which all who asked are told.
    Failed(Arc<AskError>),
}

impl Outcome {
    pub(crate) fn failed(error: AskError) -> Self {
        Self::Failed(Arc::new(error))
    }
}

struct Answer {
    asked_at: Instant,
    until: Instant,
    outcome: Outcome,
}

type Slot = Arc<tokio::sync::Mutex<Option<Answer>>>;

/// Answers that still count.
pub(crate) struct Cache {
    slots: Mutex<HashMap<[u8; 32], Slot>>,
    lifetime: Duration,
}

impl Cache {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            slots: Mutex::default(),
            lifetime,
        }
    }

    /// The answer about a token: a known one, or what `ask` comes to.
    pub(crate) async fn get(&self, token: &str, ask: impl Future<Output = Outcome>) -> Outcome {
        let arrived = Instant::now();
        let slot = self.slot(sha256(&[token.as_bytes()]));
        let mut known = slot.lock().await;
        if let Some(answer) = &*known
            && (answer.asked_at >= arrived || Instant::now() < answer.until)
        {
            return answer.outcome.clone();
        }
        let asked_at = Instant::now();
        let outcome = ask.await;
        *known = Some(Answer {
            asked_at,
            until: asked_at + self.counts_for(&outcome),
            outcome: outcome.clone(),
        });
        outcome
    }

    fn counts_for(&self, outcome: &Outcome) -> Duration {
        match outcome {
            Outcome::Known(_) => self.lifetime,
            Outcome::Refused => self.lifetime.min(REFUSED),
            Outcome::Failed(_) => Duration::ZERO,
        }
    }

    fn slot(&self, digest: [u8; 32]) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST && !slots.contains_key(&digest) {
            let now = Instant::now();
            slots.retain(|_, slot| match slot.try_lock() {
                Ok(known) => known.as_ref().is_some_and(|answer| now < answer.until),
                // Somebody asks at this moment.
                Err(_) => true,
            });
            if slots.len() >= MOST {
                slots.clear();
            }
        }
        Arc::clone(slots.entry(digest).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::advance;

    use super::*;

    /// How often was asked, of what the outcomes are.
    async fn asked(cache: &Cache, times: &Cell<usize>, token: &str, outcome: Outcome) -> Outcome {
        let ask = async {
            times.set(times.get() + 1);
            outcome
        };
        cache.get(token, ask).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_counts_for_a_short_time_and_a_failure_for_none() {
        let (cache, times) = (Cache::new(Duration::from_secs(60)), Cell::new(0));
        asked(&cache, &times, "bad", Outcome::Refused).await;
        advance(REFUSED - Duration::from_millis(1)).await;
        asked(&cache, &times, "bad", Outcome::Refused).await;
        assert_eq!(times.get(), 1);
        advance(Duration::from_millis(1)).await;
        asked(&cache, &times, "bad", Outcome::Refused).await;
        assert_eq!(times.get(), 2);
        advance(Duration::from_secs(60)).await;
        for _ in 0..2 {
            advance(Duration::from_millis(1)).await;
            let failed = Outcome::failed(AskError::TooSlow);
            asked(&cache, &times, "bad", failed).await;
        }
        assert_eq!(times.get(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_from_the_question_on() {
        let cache = Cache::new(Duration::from_secs(60));
        let known = || {
            Outcome::Known(Box::new(ForeignSession {
                user: adit_model::UserId::random(),
                user_name: adit_model::Name::default(),
                scope: None,
                issued_at: time::OffsetDateTime::UNIX_EPOCH,
                expires_at: time::OffsetDateTime::UNIX_EPOCH,
            }))
        };
        let slow = async {
            advance(Duration::from_secs(9)).await;
            known()
        };
        cache.get("good", slow).await;
        let times = Cell::new(0);
        advance(Duration::from_secs(50)).await;
        asked(&cache, &times, "good", known()).await;
        assert_eq!(times.get(), 0);
        advance(Duration::from_secs(1)).await;
        asked(&cache, &times, "good", known()).await;
        assert_eq!(times.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_are_kept() {
        let (cache, times) = (Cache::new(Duration::from_secs(60)), Cell::new(0));
        for number in 0..=MOST {
            asked(&cache, &times, &number.to_string(), Outcome::Refused).await;
        }
        assert_eq!(cache.slots.lock().unwrap().len(), 1);
        advance(REFUSED).await;
        asked(&cache, &times, "last", Outcome::Refused).await;
        assert_eq!(cache.slots.lock().unwrap().len(), 2);
    }
}

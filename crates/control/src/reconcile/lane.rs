//! The way from wish to truth, of whatever thing: look, act, rest; after a failure pause, and try
//! again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adit_model::{Reason, ReasonCode, Whose};
use adit_store::StoreError;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use super::bell::Bell;
use crate::agent::{AgentError, Cause, chain};
use crate::agents::Agents;
use crate::config::Timing;
use crate::control::Inner;
use crate::wake::{Due, Key};

/// How long a lane rests after a step, as a multiple of what looking at the store took.
const PATIENCE: u32 = 8;

/// The longest such rest.
const MOST_PATIENCE: Duration = Duration::from_secs(2);

/// One thing's way.
pub(super) trait Lane: Send {
    fn key(&self) -> Key;

    /// Looks at what is due, and acts.
    fn step(&mut self, hands: &mut Hands, due: Due) -> impl Future<Output = Step> + Send;

    /// Takes note of a failure: the next step looks at the whole.
    fn failed(&mut self, hands: &Hands, reason: Reason) -> impl Future<Output = ()> + Send;
}

/// What a step led to.
pub(super) enum Step {
    /// It is gone; so is the lane.
    End,
    /// Nothing to do until woken.
    Rest,
    /// Nothing to do until woken; failures are not forgotten yet.
    Wait,
    /// It went wrong; try again later.
    Retry(Cause),
    /// Its worker ended; start another one later.
    Restart,
}

/// What a lane works with.
pub(super) struct Hands {
    pub(super) inner: Arc<Inner>,
    pub(super) agents: Agents,
    /// What the last look at the store took. What much hangs on takes long to look at: as many of
    /// its changes as come meanwhile are taken at once. What little hangs on is looked at again at
    /// once.
    look: Duration,
}

impl Hands {
    pub(super) fn new(inner: Arc<Inner>, agents: Agents) -> Self {
        Self {
            inner,
            agents,
            look: Duration::ZERO,
        }
    }

    /// Looks at the store.
    pub(super) async fn look<T>(
        &mut self,
        look: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let outcome = look.await;
        self.look = begun.elapsed();
        outcome
    }

    /// Waits for the agent, but not for ever.
    pub(super) async fn call(
        &self,
        call: impl Future<Output = Result<(), AgentError>> + Send,
    ) -> Result<(), Cause> {
        match timeout(self.inner.config.timing.call, call).await {
            Ok(outcome) => outcome.map_err(Cause::from),
            Err(late) => Err(late.into()),
        }
    }

    async fn rest(&self) {
        tokio::time::sleep(self.look.saturating_mul(PATIENCE).min(MOST_PATIENCE)).await;
    }
}

/// Runs a lane until its thing is gone.
pub(super) async fn run(mut lane: impl Lane, mut hands: Hands, bell: &Bell) {
    let timing = hands.inner.config.timing;
    let mut retries = Retries::default();
    loop {
        retries.wait(bell).await;
        if retries.is_early() && !is_gone(&hands.inner, lane.key()).await {
            continue;
        }
        let step = lane.step(&mut hands, bell.take()).await;
        hands.rest().await;
        if matches!(step, Step::Restart | Step::Retry(_)) {
            hands.inner.retries.fetch_add(1, Ordering::Relaxed);
        }
        match step {
            Step::End => return,
            Step::Rest => retries = Retries::default(),
            Step::Wait => retries.due = None,
            Step::Restart => {
                warn!(what = ?lane.key(), "it failed and will be started again");
                retries.failed(timing);
            }
            Step::Retry(cause) => {
                warn!(what = ?lane.key(), error = chain(&*cause), "it will be tried again");
                let reason = reason(&cause, hands.inner.clock.now());
                lane.failed(&hands, reason).await;
                retries.failed(timing);
            }
        }
    }
}

/// The pause after so many failures in a row.
pub(super) fn pause(timing: Timing, failures: u32) -> Duration {
    let factor = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    timing
        .retry_first
        .saturating_mul(factor)
        .min(timing.retry_most)
}

/// Counts failures and knows when the next try is due.
#[derive(Default)]
struct Retries {
    failures: u32,
    due: Option<Instant>,
}

impl Retries {
    fn failed(&mut self, timing: Timing) {
        self.failures = self.failures.saturating_add(1);
        self.due = Some(Instant::now() + pause(timing, self.failures));
    }

    fn is_early(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() < due)
    }

    /// Waits for the bell, or for the next try.
    async fn wait(&self, bell: &Bell) {
        match self.due {
            Some(due) => tokio::select! {
                () = bell.rung() => {}
                () = sleep_until(due) => {}
            },
            None => bell.rung().await,
        }
    }
}

/// Whether it was deleted: that is not made to wait for a retry.
async fn is_gone(inner: &Inner, key: Key) -> bool {
    let Ok(mut tx) = inner.store.read().await else {
        return false;
    };
    match key {
        Key::Gateway(id) => matches!(tx.any_gateway(id).await, Ok(None)),
        Key::Network(id) => matches!(tx.any_network(id).await, Ok(None)),
        Key::Router(id) => matches!(tx.any_router(id).await, Ok(None)),
    }
}

fn reason(cause: &Cause, since: OffsetDateTime) -> Reason {
    Reason::new(
        ReasonCode::InternalError,
        Whose::Local,
        since,
        chain(&**cause),
        "nothing; it is being tried again, and the log of the service has more",
    )
}

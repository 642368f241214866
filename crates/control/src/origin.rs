//! By which request things are changed. What runs within [`from`] is that request's, whichever use case it
//! calls: so no use case can forget to hand it on.

use adit_model::change::{Actor, Origin};

tokio::task_local! {
    static ORIGIN: Origin;
}

/// Runs what a request asks for.
pub async fn from<F: Future>(origin: Origin, work: F) -> F::Output {
    ORIGIN.scope(origin, work).await
}

/// By which request somebody changes something now; by none where the service does it itself.
pub(crate) fn of(actor: Actor) -> Origin {
    match actor {
        Actor::User(_) | Actor::Link | Actor::Operator => {
            ORIGIN.try_with(Origin::clone).unwrap_or_default()
        }
        Actor::Service => Origin::default(),
    }
}

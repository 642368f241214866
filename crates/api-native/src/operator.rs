//! `operator/...`: what is of all projects, for administrators.

mod everything;
mod gateways;
mod hosts;
mod old_keys;
mod weak_algorithms;

use utoipa_axum::router::OpenApiRouter;

use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .merge(gateways::routes())
        .merge(weak_algorithms::routes())
        .merge(old_keys::routes())
        .merge(hosts::routes())
}

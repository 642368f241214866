//! OpenStack's Identity API, version 3, as far as its clients need it: version documents, tokens,
//! the catalog, projects, users, roles, application credentials.
//!
//! There is one domain, `default`, and there are three roles, which nobody can change. Ids are
//! printed without hyphens. Who may do what is Keystone's default policy.

mod application_credentials;
mod catalog;
mod config;
mod context;
mod domains;
mod error;
mod fields;
mod ids;
mod login_body;
mod projects;
mod role_assignments;
mod roles;
mod state;
mod tokens;
mod users;
mod versions;

use std::sync::Arc;

use adit_control::Control;
use axum::Router;
use axum::routing::{any, delete, get, post, put};

pub use config::{CatalogService, KeystoneConfig};
use state::{Keystone, V3};

/// Version documents at `/identity`, everything else below `/identity/v3`.
pub fn router(control: Control, config: KeystoneConfig) -> Router {
    let keystone = Keystone {
        control,
        config: Arc::new(config),
    };
    Router::new()
        .route("/identity", get(versions::all))
        .route("/identity/", get(versions::all))
        .route(V3, get(versions::v3))
        .route("/identity/v3/", get(versions::v3))
        .route("/identity/{*rest}", any(error::not_found))
        .route("/identity/v3/{*rest}", any(error::not_found))
        .merge(authentication())
        .merge(accounts())
        .merge(assignments())
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(
            keystone.clone(),
            error::layer,
        ))
        .with_state(keystone)
}

fn at(path: &str) -> String {
    format!("{V3}{path}")
}

fn authentication() -> Router<Keystone> {
    let tokens = post(tokens::create)
        .get(tokens::show)
        .delete(tokens::revoke);
    Router::new()
        .route(&at("/auth/tokens"), tokens)
        .route(&at("/auth/projects"), get(projects::list_own))
        .route(&at("/auth/domains"), get(domains::list_own))
        .route(&at("/auth/catalog"), get(catalog::show))
        .route(&at("/services"), get(catalog::services))
        .route(&at("/services/{id}"), get(catalog::service))
        .route(&at("/endpoints"), get(catalog::endpoints))
        .route(&at("/endpoints/{id}"), get(catalog::endpoint))
        .route(&at("/regions"), get(catalog::regions))
        .route(&at("/regions/{id}"), get(catalog::region))
}

fn accounts() -> Router<Keystone> {
    let project = get(projects::show)
        .patch(projects::update)
        .delete(projects::delete);
    let user = get(users::show).patch(users::update).delete(users::delete);
    let credentials = get(application_credentials::list).post(application_credentials::create);
    let credential = get(application_credentials::show).delete(application_credentials::delete);
    let folder = "/users/{user}/application_credentials";
    Router::new()
        .route(&at("/domains"), get(domains::list))
        .route(&at("/domains/{id}"), get(domains::show))
        .route(&at("/projects"), get(projects::list).post(projects::create))
        .route(&at("/projects/{id}"), project)
        .route(&at("/users"), get(users::list).post(users::create))
        .route(&at("/users/{user}"), user)
        .route(&at("/users/{user}/password"), post(users::change_password))
        .route(&at("/users/{user}/projects"), get(projects::list_of_user))
        .route(&at(folder), credentials)
        .route(&at(&format!("{folder}/{{id}}")), credential)
}

fn assignments() -> Router<Keystone> {
    let grant = put(role_assignments::grant)
        .get(role_assignments::check)
        .merge(delete(role_assignments::withdraw));
    let folder = "/projects/{project}/users/{user}/roles";
    Router::new()
        .route(&at("/roles"), get(roles::list))
        .route(&at("/roles/{id}"), get(roles::show))
        .route(&at("/role_inferences"), get(roles::inferences))
        .route(&at("/role_assignments"), get(role_assignments::list))
        .route(&at(folder), get(role_assignments::list_of_user))
        .route(&at(&format!("{folder}/{{role}}")), grant)
}

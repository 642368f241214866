//! `adit serve`: puts the pieces together and takes them apart again.

use std::path::PathBuf;
use std::sync::Arc;

use adit_agent::{LocalAgent, WorkerProgram};
use adit_api_keystone::{CatalogService, KeystoneConfig};
use adit_api_neutron::NeutronConfig;
use adit_api_vpc::VpcConfig;
use adit_control::{Config, Control, ExternalPool, SystemClock};
use adit_crypto::SystemRandom;
use adit_model::Cidr;
use adit_netns::{ExternalNetwork, Network};
use adit_store_sql::{KeyFile, SqliteStore};
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::clients;
use crate::config::Settings;
use crate::identity::ExternalIdentity;
use crate::state::StateFolder;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The region that OpenStack's clients ask for when they aren't told another.
const KEYSTONE_REGION: &str = "RegionOne";

/// Why this host can't serve.
#[derive(Debug, thiserror::Error)]
enum HostError {
    #[error(
        "root is needed to make network namespaces and TUN devices; run it with sudo (each gateway's worker gives all privileges up)"
    )]
    NotRoot,
    #[error("/dev/net/tun is not there; load the kernel's tun module (modprobe tun)")]
    NoTun,
}

fn check_host() -> Result<(), HostError> {
    if !nix::unistd::Uid::effective().is_root() {
        return Err(HostError::NotRoot);
    }
    if !std::path::Path::new("/dev/net/tun").exists() {
        return Err(HostError::NoTun);
    }
    Ok(())
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(settings: Settings, state_dir: PathBuf) -> Result<(), Failure> {
    check_host()?;
    let elsewhere = settings.external_keystone()?;
    let elsewhere = elsewhere.map(ExternalIdentity::new).transpose()?;
    let state = StateFolder::open(state_dir)?;
    let key = KeyFile::open_or_create(&state.key_file())?;
    let store = Arc::new(SqliteStore::open(&state.database(), &key).await?);
    let external = ExternalNetwork {
        cidr: settings.network.external_cidr,
        cidr_v6: settings.network.external_cidr_v6,
        tunnel_mtu: settings.network.tunnel_mtu,
    };
    let network = Arc::new(Network::open(&settings.network.prefix, external).await?);
    let program = WorkerProgram {
        path: std::env::current_exe()?,
        arguments: vec!["gateway-worker".to_owned()],
        first_user: settings.workers.first_user,
    };
    let agent = Arc::new(LocalAgent::new(Arc::clone(&network), program));
    let (control, reconciler) = Control::new(
        store.clone(),
        agent.clone(),
        Arc::new(SystemClock),
        Box::new(SystemRandom),
        control_config(&settings, &key, elsewhere.as_ref()),
    );
    let listener = TcpListener::bind(settings.listen).await.map_err(|source| {
        Failure::from(format!(
            "the API can't listen on {}: {source}",
            settings.listen
        ))
    })?;
    let address = listener.local_addr()?;
    let base = settings
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let fresh = control.bootstrap().await?;
    let clients = state.clients();
    match &elsewhere {
        None => clients::write(&clients, &base, KEYSTONE_REGION, &control, fresh).await?,
        Some(identity) => identity.greet(),
    }
    let reconciler = tokio::spawn(reconciler.run());
    match &elsewhere {
        None => tracing::info!(%address, clients = %clients.display(), "adit serves"),
        Some(identity) => tracing::info!(%address, keystone = identity.url, "adit serves"),
    }
    axum::serve(listener, routes(&settings, &control, elsewhere.as_ref()))
        .with_graceful_shutdown(end_of_service())
        .await?;
    tracing::info!("ending");
    reconciler.abort();
    agent.stop().await;
    if !settings.keep_networks {
        network.remove_all().await?;
    }
    store.close().await;
    Ok(())
}

fn control_config(
    settings: &Settings,
    key: &KeyFile,
    elsewhere: Option<&ExternalIdentity>,
) -> Config {
    // The host has the first address of each.
    let pool = |cidr: Cidr| ExternalPool {
        cidr,
        reserved: cidr.nth(1).into_iter().collect(),
    };
    let network = &settings.network;
    let mut config = Config::new(pool(network.external_cidr), key.token_key());
    config.external_v6 = network.external_cidr_v6.map(pool);
    config.limits = settings.quotas.limits();
    config.crypto_profile = settings.crypto_profile;
    config.identity = elsewhere.map(|identity| Arc::clone(&identity.provider) as _);
    config
}

fn routes(settings: &Settings, control: &Control, elsewhere: Option<&ExternalIdentity>) -> Router {
    let region = &settings.vpc.region;
    let mut vpc = VpcConfig {
        public_url: settings.public_url.clone(),
        show_psk: settings.vpc.show_psk,
        ..VpcConfig::default()
    };
    for (number, zone) in (1..).zip(&mut vpc.zones) {
        zone.name = format!("{region}-{number}");
    }
    vpc.region.clone_from(region);
    let neutron = NeutronConfig {
        public_url: settings.public_url.clone(),
        show_psk: settings.openstack.show_psk,
        identity_url: elsewhere.map(|identity| identity.url.clone()),
    };
    let identity = match elsewhere {
        None => own_identity(settings, control),
        Some(identity) => adit_api_iam::elsewhere(&identity.url),
    };
    Router::new()
        .merge(identity)
        .merge(adit_api_neutron::router(control.clone(), neutron))
        .merge(adit_api_vpc::router(control.clone(), vpc))
        .merge(adit_api::health::router(control.clone()))
        .layer(axum::middleware::from_fn(adit_api::request_id::layer))
}

/// The faces by which people log in here.
fn own_identity(settings: &Settings, control: &Control) -> Router {
    let keystone = KeystoneConfig {
        public_url: settings.public_url.clone(),
        region: KEYSTONE_REGION.to_owned(),
        services: vec![CatalogService {
            kind: "network".to_owned(),
            name: "neutron".to_owned(),
            path: String::new(),
        }],
    };
    adit_api_iam::router(control.clone())
        .merge(adit_api_keystone::router(control.clone(), keystone))
}

async fn end_of_service() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without handlers the signals end the process at once; the next start cleans up.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

//! `adit serve`: puts the pieces together and takes them apart again.

use std::path::PathBuf;
use std::sync::Arc;

use adit_agent::{LocalAgent, WorkerProgram};
use adit_api::metrics::{Addition, Requests};
use adit_api::server::{OperatorSocket, Server, Tls};
use adit_api_keystone::{CatalogService, KeystoneConfig};
use adit_api_native::NativeConfig;
use adit_api_neutron::NeutronConfig;
use adit_api_softlayer::SoftLayerConfig;
use adit_api_vpc::VpcConfig;
use adit_control::{Config, Control, ExternalPool, SystemClock};
use adit_crypto::SystemRandom;
use adit_model::Cidr;
use adit_netns::{ExternalNetwork, Network};
use adit_store_sql::{KeyFile, SqliteStore};
use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::certificate;
use crate::clients::{self, Access};
use crate::config::{Settings, TlsSettings};
use crate::identity::ExternalIdentity;
use crate::process;
use crate::state::StateFolder;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What faces add to the page of metrics.
const ADDED_METRICS: &[Addition] = &[adit_api_vpc::metrics];

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
pub(crate) async fn serve(
    settings: Settings,
    state_dir: PathBuf,
    fresh: bool,
) -> Result<(), Failure> {
    check_host()?;
    settings.check_listen()?;
    process::forbid_cores();
    let descriptors = process::raise_descriptors();
    let mut ending = process::ending();
    let elsewhere = settings.external_keystone()?;
    let elsewhere = elsewhere.map(ExternalIdentity::new).transpose()?;
    let state = StateFolder::open(state_dir, fresh)?;
    let tls = open_tls(&settings, &state)?;
    let token = settings.metrics.token()?;
    let key = KeyFile::open_or_create(&state.key_file())?;
    let (store, is_copy) = open_store(&state, &key).await?;
    let external = ExternalNetwork {
        cidr: settings.network.external_cidr,
        cidr_v6: settings.network.external_cidr_v6,
        tunnel_mtu: settings.network.tunnel_mtu,
    };
    let network = Arc::new(Network::open(&settings.network.prefix, external).await?);
    let agent = Arc::new(LocalAgent::new(
        Arc::clone(&network),
        worker_program(&settings)?,
    ));
    let (control, reconciler) = Control::new(
        store.clone(),
        agent.clone(),
        Arc::new(SystemClock),
        Box::new(SystemRandom),
        control_config(&settings, &key, elsewhere.as_ref()),
    );
    let listener = listen("the API", settings.listen).await?;
    let address = listener.local_addr()?;
    let base = settings.public_url.clone().unwrap_or_else(|| {
        let scheme = if tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    });
    write_clients(&settings, &state, &base, &control, elsewhere.as_ref()).await?;
    state.settle()?;
    if is_copy {
        store.refuse_writes();
    }
    if let Some(tls) = &tls {
        tokio::spawn(tls.clone().follow());
    }
    let limits = settings.connections(descriptors);
    let requests = Requests::default();
    serve_metrics(&settings, &control, &requests, &ending).await?;
    let operator = open_operator(&state);
    let reconciler = tokio::spawn(reconciler.run());
    match &elsewhere {
        None => tracing::info!(%address, clients = %state.clients().display(), "adit serves"),
        Some(identity) => tracing::info!(%address, keystone = identity.url, "adit serves"),
    }
    let routes = routes(&settings, &control, elsewhere.as_ref());
    let app = observed(routes, &control, requests, token);
    let operator = tokio::spawn(serve_operator(operator, app.clone(), ending.clone()));
    let server = Server::new(listener, tls, limits);
    server.run(app, told_to_end(&mut ending)).await;
    let _ = operator.await;
    tracing::info!("ending");
    reconciler.abort();
    agent.stop().await;
    if !settings.keep_networks {
        network.remove_all().await?;
    }
    store.close().await;
    if is_copy {
        let _ = std::fs::remove_dir_all(memory_path());
    }
    Ok(())
}

/// The routes, with what tells of requests around them; and metrics, for whoever has the token, if there is one.
fn observed(
    mut app: Router,
    control: &Control,
    requests: Requests,
    token: Option<Zeroizing<String>>,
) -> Router {
    if token.is_some() {
        let metrics =
            adit_api::health::metrics(control.clone(), requests.clone(), ADDED_METRICS, token);
        app = app.merge(metrics);
    }
    let app = app.layer(from_fn_with_state(requests, adit_api::metrics::layer));
    adit_api::request_id::around(app)
}

/// This program, told to be a worker.
fn worker_program(settings: &Settings) -> std::io::Result<WorkerProgram> {
    Ok(WorkerProgram {
        path: std::env::current_exe()?,
        arguments: vec![
            "gateway-worker".to_owned(),
            "--udp-encapsulation".to_owned(),
            settings.workers.udp_encapsulation.name().to_owned(),
        ],
        first_user: settings.workers.first_user,
    })
}

/// Opens the database; where its disk is full or can't be written, a copy in memory, so that tunnels
/// are carried. The second is whether it is one.
async fn open_store(
    state: &StateFolder,
    key: &KeyFile,
) -> Result<(Arc<SqliteStore>, bool), Failure> {
    let database = state.database();
    let failed = match SqliteStore::open(&database, key).await {
        Ok(store) => return Ok((Arc::new(store), false)),
        Err(error) if error.is_of_disk() => error,
        Err(error) => return Err(error.into()),
    };
    let folder = memory_folder()?;
    let store = SqliteStore::open_copy(&database, key, &folder).await?;
    tracing::error!(
        error = &failed as &dyn std::error::Error,
        database = %database.display(),
        "the disk is full or can't be written: the service reads and carries tunnels, and refuses every change until it is started again with room"
    );
    Ok((Arc::new(store), true))
}

fn memory_path() -> PathBuf {
    PathBuf::from(format!("/dev/shm/adit-{}", std::process::id()))
}

/// A private folder in memory; removed when the service ends.
fn memory_folder() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let path = memory_path();
    let _ = std::fs::remove_dir_all(&path);
    std::fs::DirBuilder::new().mode(0o700).create(&path)?;
    Ok(path)
}

async fn listen(what: &str, address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| Failure::from(format!("{what} can't listen on {address}: {source}")))
}

fn open_tls(settings: &Settings, state: &StateFolder) -> Result<Option<Tls>, Failure> {
    let (certificate, key) = match &settings.tls {
        None => return Ok(None),
        Some(TlsSettings::Files(files)) => (files.certificate.clone(), files.key.clone()),
        Some(TlsSettings::SelfSigned) => {
            let place = state.certificate();
            let names = certificate::names(settings.listen, settings.public_url.as_deref());
            certificate::make(&place, &names)?;
            (place.certificate, place.key)
        }
    };
    Ok(Some(Tls::open(certificate, key)?))
}

/// Makes the accounts of a first start, and tells their clients.
async fn write_clients(
    settings: &Settings,
    state: &StateFolder,
    base: &str,
    control: &Control,
    elsewhere: Option<&ExternalIdentity>,
) -> Result<(), Failure> {
    let fresh = control.bootstrap().await?;
    if let Some(identity) = elsewhere {
        identity.greet();
        return Ok(());
    }
    let certificate = std::path::absolute(state.certificate().certificate)?;
    let own = settings.tls == Some(TlsSettings::SelfSigned);
    let access = Access {
        base,
        region: KEYSTONE_REGION,
        certificate: own.then_some(certificate.as_path()),
    };
    clients::write(&state.clients(), &access, control, fresh).await
}

/// Waits until the service is told to end.
async fn told_to_end(ending: &mut watch::Receiver<bool>) {
    // Without a sender it never ends.
    if ending.wait_for(|ending| *ending).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The operator's socket in the state folder. Without it all else goes on.
fn open_operator(state: &StateFolder) -> Option<OperatorSocket> {
    let path = state.socket();
    let own = nix::unistd::Uid::effective().as_raw();
    match OperatorSocket::open(&path, own) {
        Ok(socket) => Some(socket),
        Err(error) => {
            tracing::warn!(socket = %path.display(), %error, "the operator has no socket");
            None
        }
    }
}

/// Serves the operator until the end.
async fn serve_operator(
    socket: Option<OperatorSocket>,
    app: Router,
    mut ending: watch::Receiver<bool>,
) {
    if let Some(socket) = socket {
        let end = async move {
            let _ = ending.wait_for(|ending| *ending).await;
        };
        socket.run(app, end).await;
    }
}

/// Serves metrics at an address of their own, where there is one.
async fn serve_metrics(
    settings: &Settings,
    control: &Control,
    requests: &Requests,
    ending: &watch::Receiver<bool>,
) -> Result<(), Failure> {
    let Some(address) = settings.metrics.listen else {
        return Ok(());
    };
    let listener = listen("/metrics", address).await?;
    tracing::info!(address = %listener.local_addr()?, "metrics can be read");
    let app = adit_api::health::metrics(control.clone(), requests.clone(), ADDED_METRICS, None);
    let mut ending = ending.clone();
    let server = Server::new(listener, None, adit_api::server::Limits::default());
    tokio::spawn(server.run(app, async move {
        let _ = ending.wait_for(|ending| *ending).await;
    }));
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
    config.project_quotas = settings.project_quotas();
    config.crypto_profile = settings.crypto_profile;
    config.context_crypto_profile = settings.classic.crypto_profile;
    config.context_addresses = settings.classic.static_addresses;
    config
        .context_services
        .clone_from(&settings.classic.service_subnets);
    config.login = settings.login();
    config.change_log = settings.change_log();
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
    let native = NativeConfig {
        public_url: settings.public_url.clone(),
        show_psk: settings.native.show_psk,
        old_key_days: settings.native.old_key_days,
    };
    let classic = SoftLayerConfig {
        datacenter: settings.classic.datacenter.clone(),
        show_psk: settings.classic.show_psk,
    };
    let identity = match elsewhere {
        None => own_identity(settings, control),
        Some(identity) => adit_api_iam::elsewhere(&identity.url),
    };
    Router::new()
        .merge(identity)
        .merge(adit_api_neutron::router(control.clone(), neutron))
        .merge(adit_api_vpc::router(control.clone(), vpc))
        .merge(adit_api_native::router(control.clone(), native))
        .merge(adit_api_softlayer::router(control.clone(), classic))
        .merge(adit_api::health::router(control.clone()))
        .merge(adit_ui::router())
        .layer(axum::middleware::from_fn(adit_ui::welcome))
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

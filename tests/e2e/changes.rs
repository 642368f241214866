//! Changes and their log on a disk.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use adit_store::Store as _;
use adit_store::contract::log_and_rows_agree;
use adit_store_sql::{KeyFile, SqliteStore};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::serve::Serve;
use crate::support::{PATIENCE, site, turn, until};

/// So many networks are made before the service is killed, while others are on their way.
const ENOUGH: usize = 60;

/// Makes networks, several at a time, changes one of them and deletes another, until nobody answers.
fn write(api: &Api, acknowledged: &Mutex<BTreeSet<String>>, end: &AtomicBool) {
    while !end.load(Ordering::SeqCst) {
        let body = json!({"networks": [{"name": "a"}, {"name": "b"}, {"name": "c"}]});
        let made = api.neutron("POST", "networks", &body);
        if made.status != 201 {
            return;
        }
        let id = |n: usize| made.body["networks"][n]["id"].as_str().unwrap();
        for n in [0, 1] {
            acknowledged.lock().unwrap().insert(id(n).to_owned());
        }
        let path = format!("networks/{}", id(0));
        let changed = json!({"network": {"name": "changed"}});
        if api.neutron("PUT", &path, &changed).status != 200 {
            return;
        }
        let path = format!("networks/{}", id(2));
        if api.neutron("DELETE", &path, &Value::Null).status != 204 {
            return;
        }
    }
}

#[test]
fn the_log_and_what_is_stored_agree_after_a_kill_amid_changes() {
    let Some(_turn) = turn(&[]) else { return };
    let settings = "[project_quotas]\nnetwork = -1\n";
    let mut serve = Serve::start_with("aep", 53, settings);
    let api = serve.api();
    let (acknowledged, end) = (Mutex::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| write(&api, &acknowledged, &end));
        }
        until("some are made", 4 * PATIENCE, || {
            (acknowledged.lock().unwrap().len() >= ENOUGH).then_some(())
        });
        serve.end(Signal::SIGKILL);
        end.store(true, Ordering::SeqCst);
    });
    let state = serve.folder.join("state");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let key = KeyFile::open_or_create(&state.join("key")).unwrap();
        let store = SqliteStore::open(&state.join("adit.db"), &key).await;
        let mut tx = store.unwrap().read().await.unwrap();
        log_and_rows_agree(&mut *tx).await;
        let networks = tx.all_networks().await.unwrap();
        let there: BTreeSet<String> = networks.iter().map(|row| row.id.to_string()).collect();
        let acknowledged = acknowledged.into_inner().unwrap();
        assert!(acknowledged.is_subset(&there), "one is lost");
        // Those of one POST are there together, or none of them is; the third may be gone again.
        let count = |name: &str| {
            let named = networks.iter().filter(|row| row.name.as_str() == name);
            named.count()
        };
        assert_eq!(count("a") + count("changed"), count("b"));
    });
    serve.run();
}

/// What the administrator's settings say.
fn admin(serve: &Serve) -> Api {
    let path = serve.folder.join("state/clients/admin-openrc");
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| line.strip_prefix("export OS_PASSWORD=").map(str::to_owned);
    let password = text.lines().find_map(line).unwrap();
    let password = password.trim_matches(['"', '\'']);
    Api::with_password(&serve.base(), "admin", password, "admin")
}

/// A member of a project of its own: the project's id, and who acts in it.
fn tenant(serve: &Serve, admin: &Api) -> (String, Api) {
    let id = |body: &Value, of: &str| body[of]["id"].as_str().unwrap().to_owned();
    let body = json!({"project": {"name": "tenant"}});
    let project = id(
        &admin.keystone("POST", "projects", &body).is(201),
        "project",
    );
    let body = json!({"user": {"name": "ann", "password": "planted-password"}});
    let user = id(&admin.keystone("POST", "users", &body).is(201), "user");
    let roles = admin.keystone("GET", "roles", &Value::Null).is(200);
    let mut roles = roles["roles"].as_array().unwrap().iter();
    let role = roles.find(|role| role["name"] == "member").unwrap();
    let role = role["id"].as_str().unwrap();
    let path = format!("projects/{project}/users/{user}/roles/{role}");
    admin.keystone("PUT", &path, &Value::Null).is(204);
    let base = serve.base();
    let api = Api::with_password(&base, "ann", "planted-password", "tenant");
    (project, api)
}

#[test]
fn the_host_has_nothing_of_a_project_that_was_deleted() {
    let Some(_turn) = turn(&[]) else { return };
    let mut serve = Serve::start("aeq", 54);
    let admin = admin(&serve);
    let before = serve.leftovers();
    let (project, api) = tenant(&serve, &admin);
    let (one, two) = site::pair(&serve, &api);
    for connection in [one.connect(&api, &two), two.connect(&api, &one)] {
        api.up(&connection);
    }
    let outside = api.neutron("GET", "networks?router:external=true", &Value::Null);
    let outside = outside.is(200)["networks"][0]["id"].clone();
    let floating = json!({"floating_network_id": outside});
    api.make("floatingips", "floatingip", floating);
    assert!(serve.leftovers().len() > before.len());
    let path = format!("projects/{project}");
    admin.keystone("DELETE", &path, &Value::Null).is(204);
    // Amid the clearing, or before it.
    serve.end(Signal::SIGKILL);
    serve.run();
    until("the host has nothing of it", 4 * PATIENCE, || {
        (serve.leftovers() == before).then_some(())
    });
    let admin = admin.at(&serve.api());
    admin.keystone("GET", &path, &Value::Null).is(404);
    serve.end(Signal::SIGTERM);
    let state = serve.folder.join("state");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let key = KeyFile::open_or_create(&state.join("key")).unwrap();
        let store = SqliteStore::open(&state.join("adit.db"), &key).await;
        let mut tx = store.unwrap().read().await.unwrap();
        assert_eq!(tx.ended_projects().await.unwrap(), []);
        assert_eq!(tx.all_routers().await.unwrap(), []);
        log_and_rows_agree(&mut *tx).await;
    });
}

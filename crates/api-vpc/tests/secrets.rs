//! No refusal, log line or debug text holds a pre-shared key. One test for a process: what is
//! logged anywhere else in it would decide what this one sees.

#![cfg(test)]
#![expect(dead_code, reason = "a part of the world is enough here")]

mod world;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use crate::world::{NEW, OLD, World, connection, with};
use adit_api_vpc::VpcConfig;
use axum::http::Method;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

/// What is logged, kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_key_is_shown_where_ibm_shows_it_and_nowhere_else() {
    const PLANTED: &str = "Planted-7c1f09";
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let w = World::new().await;
    let path = w.connection().await;
    let (list, _) = path.rsplit_once('/').unwrap();
    let changed = w.patch(&path, json!({"psk": PLANTED})).await;
    assert_eq!(changed.is(200).body["psk"], PLANTED);
    let refused = [
        json!({"name": "x", "psk": format!("{PLANTED} ")}),
        json!({"name": "vpn-connection-to-vpn-gateway-2", "psk": PLANTED}),
        json!({"name": "y", "psk": PLANTED}),
        json!({"name": "z", "psk": [PLANTED]}),
        json!({"name": "z", "psk": PLANTED, "peer_address": PLANTED}),
        json!(format!("{{\"psk\": \"{PLANTED}\", nonsense")),
    ];
    for change in refused {
        let body = if change.is_string() {
            change
        } else {
            with(connection(), change)
        };
        let answer = w.post(list, body).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert!(!format!("{answer:?}").contains(PLANTED), "{answer:?}");
    }
    w.delete(&path).await.is(202);
    an_operator_may_hide_keys().await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("answered"), "nothing was logged: {logged}");
    assert!(
        !logged.contains(PLANTED) && !logged.contains(&w.token),
        "{logged}"
    );
}

async fn an_operator_may_hide_keys() {
    let config = VpcConfig {
        show_psk: false,
        ..VpcConfig::default()
    };
    let w = World::with(config).await;
    let path = w.connection().await;
    for version in [OLD, NEW] {
        let seen = w.call(Method::GET, &path, version, Value::Null).await;
        assert_eq!(seen.body["psk"], "********");
        assert!(!format!("{:?}", seen.body).contains("VPNDemoPassword"));
    }
}

//! Whether one can reach another, and what is in the way.

use adit_model::observed::TunnelState;
use serde_json::{Value, json};

use crate::support::{Api, path};

const NOBODY: &str = "3b9d1bb2-8b5f-4e6b-9d6c-000000000000";

/// A router with two subnets and a machine on each.
struct Place {
    api: Api,
    router: Value,
    subnets: [Value; 2],
    machines: [Value; 2],
}

async fn place() -> Place {
    let mut api = Api::new().await;
    api.run();
    let router = api.post("/routers", &json!({"name": "r"})).await.is(201);
    let mut subnets = Vec::new();
    let mut machines = Vec::new();
    for (name, cidr) in [("a", "10.5.0.0/24"), ("b", "10.6.0.0/24")] {
        let body = json!({"name": name, "router": router["id"], "cidr": cidr});
        let subnet = api.post("/subnets", &body).await.is(201);
        let body = json!({"name": name, "subnet": subnet["id"]});
        machines.push(api.post("/machines", &body).await.is(201));
        subnets.push(subnet);
    }
    let place = Place {
        api,
        router,
        subnets: subnets.try_into().unwrap(),
        machines: machines.try_into().unwrap(),
    };
    place.api.until_running(&place.machines).await;
    place
}

impl Place {
    /// What is said of the way from the first machine to there.
    async fn asks(&self, query: &str) -> Value {
        let from = self.machines[0]["id"].as_str().unwrap();
        let path = format!("/reachability?from={from}&{query}");
        self.api.get(&path).await.is(200)
    }

    #[track_caller]
    fn says(answer: &Value, verdict: &str, noun: &str, text: &str) {
        let steps = answer["steps"].as_array().unwrap();
        let said = answer["text"].as_str().unwrap();
        assert_eq!(answer["verdict"], verdict, "{answer}");
        assert!(said.contains(text), "{said}");
        let nouns = steps.iter().filter(|step| step["verdict"] == verdict);
        let nouns: Vec<_> = nouns.map(|step| step["noun"].as_str().unwrap()).collect();
        assert_eq!(nouns.last(), Some(&noun), "{answer}");
    }

    async fn filter(&self, at: usize, rules: Value) -> Value {
        let body = json!({"name": "g", "rules": rules});
        let group = self.api.post("/security-groups", &body).await.is(201);
        let on = path("machines", &self.machines[at]);
        let change = json!({"security_groups": [group["id"]]});
        self.api.ask("PATCH", &on, Some(&change)).await.is(200);
        self.api.until_running(&self.machines).await;
        group
    }
}

#[tokio::test]
async fn a_machine_gets_to_another_by_its_router() {
    let it = place().await;
    let to = it.machines[1]["address"].as_str().unwrap();
    let there = it.asks(&format!("to={to}")).await;
    Place::says(&there, "passes", "port", "the machine b gets it");
    let by_id = it.machines[1]["id"].as_str().unwrap();
    assert_eq!(it.asks(&format!("to={by_id}")).await, there);
    let own = it.asks("to=10.6.0.1").await;
    Place::says(&own, "passes", "router", "own address");
    let nobody = it.asks("to=10.6.0.99").await;
    Place::says(&nobody, "stopped", "subnet", "nobody on the subnet b");
    let beside = it.asks("to=10.5.0.99").await;
    Place::says(&beside, "stopped", "subnet", "nobody on the subnet a");
    let away = it.asks("to=192.0.2.1").await;
    Place::says(&away, "stopped", "router", "no way outside");
    let change = json!({"outside": true});
    let on = path("routers", &it.router);
    it.api.ask("PATCH", &on, Some(&change)).await.is(200);
    let away = it.asks("to=192.0.2.1&protocol=tcp&port=443").await;
    Place::says(
        &away,
        "passes",
        "router",
        "goes outside by the router's address",
    );
    let off = json!({"enabled": false});
    it.api.ask("PATCH", &on, Some(&off)).await.is(200);
    Place::says(
        &it.asks(&format!("to={to}")).await,
        "stopped",
        "router",
        "not enabled",
    );
}

#[tokio::test]
async fn the_rule_that_decides_is_named() {
    let it = place().await;
    let to = it.machines[1]["address"].as_str().unwrap().to_owned();
    let web = json!({"direction": "ingress", "protocol": "tcp", "port_min": 80, "port_max": 89,
        "remote": {"cidr": "10.5.0.0/24"}});
    let group = it.filter(1, json!([web])).await;
    let yes = it.asks(&format!("to={to}&protocol=tcp&port=80")).await;
    Place::says(&yes, "passes", "port", "gets it");
    let rule = yes["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["rule"] != Value::Null);
    assert_eq!(rule.unwrap()["rule"], group["rules"][0]["id"]);
    let no = it.asks(&format!("to={to}&protocol=tcp&port=22")).await;
    Place::says(&no, "stopped", "port", "no rule of its security groups (g)");
    let depends = it.asks(&format!("to={to}&protocol=tcp")).await;
    Place::says(&depends, "depends", "security_group", "allows some of");
    // What it may send.
    it.filter(0, json!([])).await;
    let no = it.asks(&format!("to={to}&protocol=tcp&port=80")).await;
    Place::says(
        &no,
        "stopped",
        "port",
        "no rule of its security groups (g) allows what the machine a sends",
    );
    assert_eq!(no["steps"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_peer_s_block_is_reached_by_its_connection_while_that_carries_it() {
    let it = place().await;
    let body = json!({
        "name": "branch",
        "gateway": {"subnet": it.subnets[0]["id"]},
        "peer": {"address": "192.0.2.5", "cidrs": ["10.9.0.0/16"]},
    });
    let made = it.api.post("/connections", &body).await.is(201);
    it.api.until_available(&made).await;
    let down = it.asks("to=10.9.1.1").await;
    Place::says(&down, "stopped", "connection", "whose tunnel is not up");
    it.api.see(&made, TunnelState::Up, true).await;
    let up = it.asks("to=10.9.1.1").await;
    Place::says(
        &up,
        "passes",
        "connection",
        "the tunnel of the connection branch carries it",
    );
    it.api.see(&made, TunnelState::Up, false).await;
    let none = it.asks("to=10.9.1.1").await;
    Place::says(
        &none,
        "stopped",
        "connection",
        "none of its Child SAs carries",
    );
    // From the second subnet, which is not at this end of it.
    let second = it.machines[1]["id"].as_str().unwrap();
    let other = it
        .api
        .get(&format!("/reachability?from={second}&to=10.9.1.1"))
        .await
        .is(200);
    Place::says(
        &other,
        "stopped",
        "connection",
        "whose blocks here don't have",
    );
    // From there to here.
    it.api.see(&made, TunnelState::Up, true).await;
    let to = it.machines[0]["address"].as_str().unwrap();
    let back = it
        .api
        .get(&format!("/reachability?from=10.9.1.1&to={to}"))
        .await
        .is(200);
    Place::says(&back, "passes", "port", "the machine a gets it");
    let strange = it
        .api
        .get(&format!("/reachability?from=10.10.1.1&to={to}"))
        .await
        .is(200);
    Place::says(&strange, "stopped", "port", "by a floating IP");
}

#[tokio::test]
async fn a_floating_ip_leads_in_and_out() {
    let it = place().await;
    let body = json!({"machine": it.machines[1]["id"]});
    let floating = it.api.post("/floating-ips", &body).await.is(201);
    let address = floating["address"].as_str().unwrap();
    let way = format!("/reachability?from=192.0.2.1&to={address}");
    let inward = it.api.get(&way).await.is(200);
    Place::says(&inward, "passes", "port", "the machine b gets it");
    let inside = it.asks(&format!("to={address}")).await;
    Place::says(&inside, "passes", "port", "the machine b gets it");
    let second = it.machines[1]["id"].as_str().unwrap();
    let out = it
        .api
        .get(&format!("/reachability?from={second}&to=192.0.2.1"))
        .await
        .is(200);
    Place::says(&out, "passes", "floating_ip", address);
    let change = json!({"machine": null});
    let on = path("floating-ips", &floating);
    it.api.ask("PATCH", &on, Some(&change)).await.is(200);
    Place::says(
        &it.api.get(&way).await.is(200),
        "stopped",
        "floating_ip",
        "stands for no machine",
    );
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_by_its_field() {
    let mut it = place().await;
    let from = it.machines[0]["id"].as_str().unwrap().to_owned();
    for (query, status, field) in [
        ("to=10.6.0.2", 400, ""),
        ("from=x&to=10.6.0.2", 400, "from"),
        ("from=10.5.0.2&to=x", 400, "to"),
        ("from=10.5.0.2&to=10.6.0.2&port=80", 400, "port"),
        (
            "from=10.5.0.2&to=10.6.0.2&protocol=gre&port=80",
            400,
            "port",
        ),
        (
            "from=10.5.0.2&to=10.6.0.2&protocol=icmp&port=256",
            400,
            "port",
        ),
        (
            "from=10.5.0.2&to=10.6.0.2&protocol=nonsense",
            400,
            "protocol",
        ),
        ("from=10.5.0.2&to=2001:db8::1", 400, "to"),
        ("from=192.0.2.1&to=192.0.2.2", 400, "from"),
        ("from=10.5.0.2&to=10.6.0.2&port=x", 400, ""),
        (&format!("from={NOBODY}&to=10.6.0.2"), 404, ""),
    ] {
        it.api
            .get(&format!("/reachability?{query}"))
            .await
            .refuses(status, field);
    }
    it.api.become_another(None).await;
    it.api
        .get(&format!("/reachability?from={from}&to=10.6.0.2"))
        .await
        .refuses(404, "");
    it.api
        .get("/reachability?from=10.5.0.2&to=10.6.0.2")
        .await
        .refuses(400, "from");
}

#[tokio::test]
async fn a_summary_counts_and_says_what_needs_attention() {
    let it = place().await;
    let empty = it.api.get("/summary").await.is(200);
    assert_eq!(empty["text"], "There are no connections yet.");
    let mut made = Vec::new();
    for (at, name) in ["one", "two", "three"].into_iter().enumerate() {
        let body = json!({
            "name": name,
            "gateway": {"subnet": it.subnets[0]["id"]},
            "peer": {"address": format!("192.0.2.{}", at + 1), "cidrs": [format!("10.{}.0.0/16", at + 20)]},
            "enabled": name != "three",
        });
        made.push(it.api.post("/connections", &body).await.is(201));
    }
    for one in &made {
        it.api.until_available(one).await;
    }
    it.api.see(&made[0], TunnelState::Up, true).await;
    let summary = it.api.get("/summary").await.is(200);
    assert_eq!(
        summary["text"],
        "1 of 2 connections is up; 1 carries traffic both ways. One more is switched off."
    );
    let counts = &summary["connections"];
    assert_eq!(
        (&counts["total"], &counts["up"], &counts["disabled"]),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!(summary["gateways"]["available"], 3);
    assert_eq!(summary["attention_total"], 1);
    let attention = &summary["attention"][0];
    assert_eq!(
        (&attention["name"], &attention["severity"]),
        (&json!("two"), &json!("down"))
    );
    assert_ne!(attention["reason"]["next_step"], "");
    assert_eq!(summary["quota"]["resources"]["connection"]["used"], 3);
}

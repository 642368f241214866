//! Lists: filters, fields, order and pages, as recorded.

use crate::world::rows::connection;
use crate::world::{Answer, Who, World, path, with};
use serde_json::{Value, json};

/// Five policies as the recording has them: `ike0` to `ike2`, then `ike0` and `ike1` again; every
/// second one with AES-256.
async fn world() -> World {
    let mut world = World::new().await;
    for index in 0..5 {
        let name = format!("ike{}", index % 3);
        let encryption = if index % 2 == 0 { "aes-128" } else { "aes-256" };
        let policy = json!({
            "name": name, "description": format!("d{index}"), "encryption_algorithm": encryption,
        });
        world.make(&format!("p{index}"), "ikepolicy", policy).await;
    }
    world
}

/// The descriptions on a page, without their `d`.
#[track_caller]
fn page(answer: &Answer) -> String {
    let rows = answer.is(200).body["ikepolicies"].as_array().unwrap();
    let each = rows.iter().map(|row| row["description"].as_str().unwrap());
    each.map(|text| text.trim_start_matches('d')).collect()
}

fn link(answer: &Answer, rel: &str) -> Option<String> {
    let links = answer.body["ikepolicies_links"].as_array()?;
    let link = links.iter().find(|link| link["rel"] == rel)?;
    Some(link["href"].as_str().unwrap().to_owned())
}

impl World {
    async fn list(&self, query: &str) -> Answer {
        self.get(&format!("/vpn/ikepolicies?{query}")).await
    }
}

#[tokio::test]
async fn filters() {
    let world = world().await;
    for (query, expected) in [
        ("", "01234"),
        ("name=ike1", "14"),
        ("name=ike1&name=ike2", "124"),
        ("id=$p0", "0"),
        ("id=$p0&id=$p1", "01"),
        ("id=x", ""),
        ("tenant_id=$project_member", "01234"),
        ("project_id=$project_member", "01234"),
        ("project_id=$project_other", ""),
        (
            "project_id=$project_other&project_id=$project_member",
            "01234",
        ),
        ("encryption_algorithm=aes-256", "13"),
        ("encryption_algorithm=aes-256&name=ike0", "3"),
        ("description=d3", "3"),
        ("name=zzz", ""),
        ("name=", ""),
        ("name=IKE1", ""),
        ("name=a%20b", ""),
        ("ike_version=v1", "01234"),
    ] {
        assert_eq!(page(&world.list(query).await), expected, "{query}");
    }
}

#[tokio::test]
async fn queries_that_are_refused() {
    let world = world().await;
    let count = "The number of sort_keys and sort_dirs must be same";
    for (query, message) in [
        ("bogus=1", "['bogus'] is invalid attribute for filtering"),
        (
            "lifetime=3600",
            "['lifetime'] is invalid attribute for filtering",
        ),
        (
            "shared=False",
            "['shared'] is invalid attribute for filtering",
        ),
        ("sort_key=name&fields=name", count),
        ("sort_key=name&sort_key=id&sort_dir=asc", count),
        (
            "sort_key=bogus&sort_dir=asc",
            "['bogus'] is invalid attribute for sort_keys",
        ),
        (
            "sort_key=description&sort_dir=asc",
            "['description'] is invalid attribute for sort_keys",
        ),
        (
            "sort_key=name&sort_dir=up",
            "['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'",
        ),
    ] {
        let answer = world.list(query).await;
        assert_eq!(
            answer.refused(),
            (400, "HTTPBadRequest", message),
            "{query}"
        );
    }
    for limit in ["-1", "x"] {
        let answer = world.list(&format!("limit={limit}")).await;
        let message =
            format!("Bad limit request: Limit must be an integer 0 or greater and not '{limit}'.");
        assert_eq!(answer.refused(), (400, "BadRequest", message.as_str()));
    }
    let request = "/vpn/endpoint-groups?sort_key=name&sort_dir=asc";
    let answer = world.get(request).await;
    assert_eq!(
        answer.refused().2,
        "['name'] is invalid attribute for sort_keys"
    );
    let answer = world
        .get("/vpn/ipsec-site-connections?peer_cidrs=10.31.0.0/24")
        .await;
    assert_eq!(
        answer.refused().2,
        "['peer_cidrs'] is invalid attribute for filtering"
    );
}

#[tokio::test]
async fn fields() {
    let world = world().await;
    let first = |answer: &Answer| answer.body["ikepolicies"][0].clone();
    let answer = world.list("name=ike2&fields=id&fields=name").await;
    assert_eq!(
        first(&answer),
        json!({"id": world.ids["p2"], "name": "ike2"})
    );
    for query in ["fields=bogus", "fields=id,name"] {
        assert_eq!(first(&world.list(query).await), json!({}), "{query}");
    }
    assert_eq!(first(&world.list("fields=").await)["description"], "d0");
}

#[tokio::test]
async fn orders() {
    let world = world().await;
    let by_id = |descending: bool| {
        let mut rows: Vec<(String, usize)> = (0..5)
            .map(|index| (world.ids[&format!("p{index}")].clone(), index))
            .collect();
        rows.sort();
        if descending {
            rows.reverse();
        }
        rows.into_iter().map(|(_, index)| index).collect::<Vec<_>>()
    };
    let text = |rows: Vec<usize>| rows.iter().map(ToString::to_string).collect::<String>();
    let by_name = |down: bool, ids_down: bool| {
        let mut rows = by_id(ids_down);
        rows.sort_by_key(|index| if down { 2 - index % 3 } else { index % 3 });
        text(rows)
    };
    for (query, expected) in [
        ("sort_key=id&sort_dir=asc", text(by_id(false))),
        ("sort_key=id&sort_dir=desc", text(by_id(true))),
        ("sort_key=name&sort_dir=asc", by_name(false, false)),
        (
            "sort_key=name&sort_dir=asc&sort_key=id&sort_dir=asc",
            by_name(false, false),
        ),
        (
            "sort_key=name&sort_dir=desc&sort_key=id&sort_dir=desc",
            by_name(true, true),
        ),
        (
            "sort_key=name&sort_dir=asc&sort_key=id&sort_dir=desc",
            by_name(false, true),
        ),
        (
            "sort_key=project_id&sort_dir=asc&sort_key=id&sort_dir=desc",
            text(by_id(true)),
        ),
    ] {
        assert_eq!(page(&world.list(query).await), expected, "{query}");
        // The same, a page at a time, there and back.
        let mut path = format!("/vpn/ikepolicies?limit=2&{query}");
        let mut seen = String::new();
        let mut last;
        loop {
            last = world.get(&path).await;
            seen.push_str(&page(&last));
            match link(&last, "next") {
                Some(next) => path = next.replace("http://neutron.test/v2.0", ""),
                None => break,
            }
        }
        assert_eq!(seen, expected, "{query}");
        let mut before = String::new();
        while let Some(previous) = link(&last, "previous") {
            last = world
                .get(&previous.replace("http://neutron.test/v2.0", ""))
                .await;
            before = page(&last) + &before;
        }
        assert_eq!(before, expected[..4], "{query}");
    }
}

#[tokio::test]
async fn links() {
    let world = world().await;
    let (first, last) = (&world.ids["p0"], &world.ids["p1"]);
    let root = "http://neutron.test/v2.0/vpn/ikepolicies";
    let answer = world.list("limit=2").await;
    assert_eq!(page(&answer), "01");
    assert_eq!(
        answer.body["ikepolicies_links"],
        json!([
            {"rel": "next", "href": format!("{root}?limit=2&marker={last}")},
            {"rel": "previous", "href": format!("{root}?limit=2&marker={first}&page_reverse=True")},
        ])
    );
    let answer = world
        .list("limit=2&marker=$p1&fields=description&fields=name")
        .await;
    assert_eq!(page(&answer), "23");
    let next = format!(
        "{root}?limit=2&fields=description&fields=name&marker={}",
        world.ids["p3"]
    );
    assert_eq!(link(&answer, "next").unwrap(), next);
    // A page that is full has a next one, even if it is the last.
    let answer = world.list("limit=5").await;
    assert!(link(&answer, "next").is_some() && link(&answer, "previous").is_some());
    let answer = world.list("limit=6").await;
    assert!(link(&answer, "next").is_none() && link(&answer, "previous").is_some());
    // Backwards, it is the other way round.
    let answer = world.list("limit=2&page_reverse=True&marker=$p1").await;
    assert_eq!(page(&answer), "0");
    let next = format!("{root}?limit=2&marker={first}");
    assert_eq!(link(&answer, "next").unwrap(), next);
    assert_eq!(link(&answer, "previous"), None);
    let answer = world.list("limit=2&page_reverse=True").await;
    assert_eq!(page(&answer), "34");
    for nothing in [
        "limit=2&marker=$none",
        "limit=2&marker=x",
        "limit=2&name=zzz",
    ] {
        let answer = world.list(nothing).await;
        assert_eq!(page(&answer), "");
        let href = link(&answer, "previous").unwrap();
        assert!(
            !href.contains("marker=") && href.ends_with("&page_reverse=True"),
            "{href}"
        );
        assert_eq!(link(&answer, "next"), None);
    }
    let answer = world.list("limit=0").await;
    assert_eq!(page(&answer), "01234");
    assert!(answer.body.get("ikepolicies_links").is_none());
}

#[tokio::test]
async fn a_filtered_page_is_filled_from_as_many_rows_as_it_takes() {
    let mut world = World::new().await;
    // More than are read at once, and what is wanted at the ends.
    for index in 0..230 {
        let description = if index % 100 == 7 { "wanted" } else { "" };
        let policy = json!({"name": index.to_string(), "description": description});
        world.make("p", "ikepolicy", policy).await;
    }
    let names = |answer: &Answer| -> Vec<String> {
        let rows = answer.body["ikepolicies"].as_array().unwrap();
        rows.iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let answer = world.list("description=wanted&limit=2").await;
    assert_eq!(names(&answer), ["7", "107"]);
    let next = link(&answer, "next")
        .unwrap()
        .replace("http://neutron.test/v2.0", "");
    let answer = world.get(&next).await;
    assert_eq!(names(&answer), ["207"]);
    let answer = world
        .list("description=wanted&limit=2&page_reverse=True")
        .await;
    assert_eq!(names(&answer), ["107", "207"]);
    let answer = world.list("description=wanted").await;
    assert_eq!(names(&answer), ["7", "107", "207"]);
}

#[tokio::test]
async fn lists_show_what_one_may_see() {
    let mut world = world().await;
    world
        .make_as(Who::Other, "theirs", "ikepolicy", json!({}))
        .await;
    let count = |answer: &Answer| answer.body["ikepolicies"].as_array().unwrap().len();
    for (who, query, rows) in [
        (Who::Member, "", 5),
        (Who::Other, "", 1),
        (Who::Reader, "", 0),
        (Who::Reader, "?limit=2", 0),
        (Who::Admin, "", 6),
        (Who::Admin, "?tenant_id=$project_other", 1),
        (
            Who::Admin,
            "?tenant_id=$project_other&project_id=$project_member",
            6,
        ),
        (Who::Admin, "?tenant_id=$project_other&id=$p0", 0),
        (Who::Other, "?id=$p0", 0),
        (Who::Other, "?marker=$p0", 0),
    ] {
        let answer = world
            .ask(who, &format!("GET /vpn/ikepolicies{query}"), "")
            .await;
        assert_eq!(count(answer.is(200)), rows, "{who:?} {query}");
    }
}

#[tokio::test]
async fn every_attribute_that_filters_does() {
    let mut world = World::new().await;
    world.add_vpn().await;
    let off = with(connection(), &json!({"admin_state_up": false, "mtu": 1400}));
    world.make("off", "ipsec_site_connection", off).await;
    let list = async |kind: &str, query: &str| -> Vec<String> {
        let answer = world.get(&format!("{}?{query}", path(kind))).await;
        let rows = answer.ok(200).as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    for (kind, query, expected) in [
        ("ipsec_site_connection", "admin_state_up=False", vec!["off"]),
        (
            "ipsec_site_connection",
            "admin_state_up=false&mtu=1400",
            vec!["off"],
        ),
        (
            "ipsec_site_connection",
            "admin_state_up=true",
            vec!["conn", "conn_legacy"],
        ),
        (
            "ipsec_site_connection",
            "vpnservice_id=$svc",
            vec!["conn", "off"],
        ),
        ("ipsec_site_connection", "vpnservice_id=$none", vec![]),
        (
            "ipsec_site_connection",
            "psk=secret&peer_id=peer.example",
            vec!["conn_legacy"],
        ),
        (
            "ipsec_site_connection",
            "peer_ep_group_id=$pe_own&mtu=1500",
            vec!["conn"],
        ),
        ("vpnservice", "subnet_id=", vec!["svc"]),
        (
            "vpnservice",
            "router_id=$router&subnet_id=$left",
            vec!["svc_legacy"],
        ),
        ("vpnservice", "router_id=$none", vec![]),
        ("vpnservice", "status=BOGUS", vec![]),
        ("endpoint_group", "type=vlan", vec!["vlan"]),
        ("ipsecpolicy", "transform_protocol=ah-esp", vec!["ah_esp"]),
        ("ikepolicy", "name=free", vec!["free_ike"]),
    ] {
        let expected: Vec<String> = expected
            .iter()
            .map(|name| world.ids[*name].clone())
            .collect();
        assert_eq!(list(kind, query).await, expected, "{kind} {query}");
    }
    let sorted = list("vpnservice", "sort_key=router_id&sort_dir=asc&limit=1").await;
    assert_eq!(sorted.len(), 1);
    let all: Value = world
        .get("/vpn/vpnservices?sort_key=router_id&sort_dir=desc")
        .await
        .body;
    assert_eq!(all["vpnservices"].as_array().unwrap().len(), 2);
}

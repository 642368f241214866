//! An account with a private network, and requests to the face.

use adit_api_softlayer::{SoftLayerConfig, router};
use adit_control::router::NewRouter;
use adit_control::subnet::{Block, NewSubnet, Place, Pools, Rules};
use adit_control::{Allowance, Caller, Control, Naming, OnDelete};
use adit_model::Name;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) face: Router,
    pub(crate) demo: Caller,
    pub(crate) key: String,
    pub(crate) foreign: String,
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

impl World {
    /// With a router on 10.0.0.0/24.
    pub(crate) async fn new() -> Self {
        Self::with(SoftLayerConfig::default()).await
    }

    pub(crate) async fn with(config: SoftLayerConfig) -> Self {
        let inner = adit_api_testing::World::new(|settings| {
            settings.context_addresses = Some("10.1.255.88/29".parse().unwrap());
            settings.context_services = vec!["10.0.64.0/19".parse().unwrap()];
        });
        let [admin, demo] = inner.accounts().await;
        let key = demo.key.expose().to_owned();
        let caller = inner.control.authenticate(&key).await.unwrap().unwrap();
        let world = Self {
            face: adit_api_testing::served(router(inner.control.clone(), config)),
            control: inner.control,
            demo: caller,
            key,
            foreign: admin.key.expose().to_owned(),
        };
        world.network("10.0.0.0/24").await;
        world
    }

    async fn network(&self, cidr: &str) {
        let new = NewRouter {
            name: name("r"),
            resource_group: None,
            naming: Naming::Free,
            allowance: Allowance::OfProject,
            description: String::new(),
            admin_state_up: true,
            external: None,
        };
        let router = self.control.create_router(&self.demo, new).await.unwrap();
        let rules = Rules {
            naming: Naming::Free,
            allowance: Allowance::OfProject,
            on_delete: OnDelete::Restrict,
        };
        let new = NewSubnet {
            name: name("private"),
            resource_group: None,
            description: String::new(),
            place: Place::Router(router.id),
            block: Block::Exact(cidr.parse().unwrap()),
            gateway: None,
            pools: Pools::Most,
            enable_dhcp: true,
            dns_nameservers: Vec::new(),
            host_routes: Vec::new(),
            ipv6_address_mode: None,
            ipv6_ra_mode: None,
            zone: String::new(),
        };
        let made = self.control.create_subnet(&self.demo, rules, new).await;
        made.unwrap();
    }

    /// By REST, as a key's user.
    pub(crate) async fn rest(
        &self,
        key: &str,
        verb: &str,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let basic = STANDARD.encode(format!("apikey:{key}"));
        let request = Request::builder()
            .method(verb)
            .uri(format!("/rest/v3.1/SoftLayer_{path}"))
            .header("authorization", format!("Basic {basic}"));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.body(body).unwrap();
        let (status, _, value) = adit_api_testing::send(&self.face, request).await;
        (status, value)
    }

    /// What the account's own user is answered.
    pub(crate) async fn call(&self, path: &str, arguments: &[Value]) -> (StatusCode, Value) {
        let body = (!arguments.is_empty()).then(|| json!({"parameters": arguments}));
        let verb = if arguments.is_empty() { "GET" } else { "POST" };
        self.rest(&self.key, verb, path, body).await
    }

    /// The same where nothing is refused.
    pub(crate) async fn done(&self, path: &str, arguments: &[Value]) -> Value {
        let (status, value) = self.call(path, arguments).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    /// Orders a context; answers its number.
    pub(crate) async fn ordered(&self) -> u64 {
        let order = json!({
            "complexType": "SoftLayer_Container_Product_Order_Network_Tunnel_Ipsec",
            "packageId": 0, "location": 1, "quantity": 1, "useHourlyPricing": false,
            "prices": [{"id": 1}],
        });
        let container = json!({"orderContainers": [order]});
        let placed = self
            .done("Product_Order/placeOrder.json", &[container])
            .await;
        assert!(placed["placedOrder"]["items"][0]["description"].is_string());
        let filter = format!(
            r#"{{"networkTunnelContexts":{{"billingItem":{{"orderItem":{{"order":{{"id":{{"operation":{}}}}}}}}}}}}}"#,
            placed["orderId"]
        );
        let filter = filter
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22");
        let path = format!("Account/getNetworkTunnelContexts.json?objectFilter={filter}");
        let found = self.done(&path, &[]).await;
        let [context] = &found.as_array().unwrap()[..] else {
            panic!("{found}");
        };
        context["id"].as_u64().unwrap()
    }

    /// A context that lacks nothing.
    pub(crate) async fn complete(&self) -> u64 {
        let id = self.ordered().await;
        let path = |method: &str| format!("Network_Tunnel_Module_Context/{id}/{method}.json");
        let peer = json!({"customerPeerIpAddress": "198.51.100.7"});
        self.done(&path("editObject"), &[peer]).await;
        let subnet = self.done("Account/getPrivateSubnets.json", &[]).await[0]["id"].clone();
        self.done(&path("addPrivateSubnetToNetworkTunnel"), &[subnet])
            .await;
        let block = self.block("192.168.10.0", 24).await;
        self.done(&path("addCustomerSubnetToNetworkTunnel"), &[block])
            .await;
        id
    }

    /// Makes a customer subnet; answers its number.
    pub(crate) async fn block(&self, address: &str, length: u8) -> Value {
        let template = json!({"networkIdentifier": address, "cidr": length.to_string()});
        let path = "Network_Customer_Subnet/createObject.json";
        self.done(path, &[template]).await["id"].clone()
    }
}

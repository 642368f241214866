//! A VPC with its subnets, an instance in each, and a gateway.

use serde_json::json;

use super::api::Api;
use super::namespace::short;
use super::serve::Serve;
use super::{PATIENCE, until};

/// The key of connections between sites.
pub(crate) const PSK: &str = "VPNDemoPassword";

/// An instance, which is a namespace.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) namespace: String,
    pub(crate) address: String,
}

/// A VPC.
#[derive(Debug)]
pub(crate) struct Site {
    /// The VPC's id.
    pub(crate) vpc: String,
    /// The gateway's id.
    pub(crate) gateway: String,
    /// The gateway's public address.
    pub(crate) address: String,
    pub(crate) cidrs: Vec<String>,
    /// The subnets' ids.
    pub(crate) subnets: Vec<String>,
    /// One in each subnet.
    pub(crate) instances: Vec<Instance>,
}

impl Site {
    /// Makes one, and waits until all of it is there.
    pub(crate) fn new(serve: &Serve, api: &Api, name: &str, cidrs: &[&str]) -> Self {
        Self::in_mode("policy", serve, api, name, cidrs)
    }

    /// The same with a gateway in this mode.
    pub(crate) fn in_mode(
        mode: &str,
        serve: &Serve,
        api: &Api,
        name: &str,
        cidrs: &[&str],
    ) -> Self {
        let mut site = Self::without_gateway(serve, api, name, cidrs);
        let body = json!({
            "name": format!("gateway-{name}"),
            "subnet": {"id": site.subnets[0]},
            "mode": mode,
        });
        let gateway = api.post("vpn_gateways", &body.to_string()).is(201);
        site.has_gateway(api, &gateway);
        site
    }

    /// The same without a gateway.
    pub(crate) fn without_gateway(serve: &Serve, api: &Api, name: &str, cidrs: &[&str]) -> Self {
        let id = |body: serde_json::Value| body["id"].as_str().unwrap().to_owned();
        let vpc = api.post("vpcs", &json!({"name": format!("vpc-{name}")}).to_string());
        let vpc = id(vpc.is(201));
        let mut subnets = Vec::new();
        let mut instances = Vec::new();
        for (number, cidr) in cidrs.iter().enumerate() {
            let body = json!({
                "name": format!("subnet-{name}-{number}"),
                "vpc": {"id": vpc},
                "ipv4_cidr_block": cidr,
                "zone": {"name": "us-south-1"},
            });
            let subnet = id(api.post("subnets", &body.to_string()).is(201));
            let body = json!({
                "name": format!("instance-{name}-{number}"),
                "primary_network_interface": {"subnet": {"id": subnet}},
            });
            let instance = api.post("instances", &body.to_string()).is(201);
            let address = &instance["primary_network_interface"]["primary_ipv4_address"];
            let address = address
                .as_str()
                .or_else(|| instance["primary_network_interface"]["primary_ip"]["address"].as_str())
                .unwrap_or_else(|| panic!("an instance without an address: {instance}"))
                .to_owned();
            let instance = id(instance);
            until("the instance is running", PATIENCE, || {
                let seen = api.get(&format!("instances/{instance}")).is(200);
                (seen["status"] == "running").then_some(())
            });
            let namespace = format!("{}-i-{}", serve.prefix, short(&instance));
            instances.push(Instance { namespace, address });
            subnets.push(subnet);
        }
        Self {
            vpc,
            gateway: String::new(),
            address: String::new(),
            cidrs: cidrs.iter().map(|cidr| (*cidr).to_owned()).collect(),
            subnets,
            instances,
        }
    }

    /// Waits until its gateway, which was made so, is there.
    pub(crate) fn has_gateway(&mut self, api: &Api, made: &serde_json::Value) {
        self.address = made["public_ip"]["address"].as_str().unwrap().to_owned();
        self.gateway = made["id"].as_str().unwrap().to_owned();
        until("the gateway is available", PATIENCE, || {
            let seen = api.get(&format!("vpn_gateways/{}", self.gateway)).is(200);
            (seen["status"] == "available").then_some(())
        });
    }

    /// Makes a connection with more fields than the usual ones; its path.
    pub(crate) fn connect_with(
        &self,
        api: &Api,
        peer: &str,
        peer_cidrs: &[String],
        more: &serde_json::Value,
    ) -> String {
        let mut body = json!({
            "name": format!("to-{}", peer.replace('.', "-")),
            "peer_address": peer,
            "psk": PSK,
            "local_cidrs": self.cidrs,
            "peer_cidrs": peer_cidrs,
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let path = format!("vpn_gateways/{}/connections", self.gateway);
        let made = api.post(&path, &body.to_string()).is(201);
        format!("{path}/{}", made["id"].as_str().unwrap())
    }

    /// Makes a connection to another site; its path.
    pub(crate) fn connect(&self, api: &Api, peer: &Self) -> String {
        self.connect_with(api, &peer.address, &peer.cidrs, &json!({}))
    }
}

/// Two sites, not connected.
pub(crate) fn pair(serve: &Serve, api: &Api) -> (Site, Site) {
    (
        Site::new(serve, api, "one", &["10.240.0.0/24"]),
        Site::new(serve, api, "two", &["10.240.64.0/24"]),
    )
}

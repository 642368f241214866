//! What the operator decides about this dialect.

use adit_model::Cidr;

/// A zone and the block that its subnets are taken from when only a size is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    /// Such as `us-south-1`.
    pub name: String,
    /// Such as `10.240.0.0/18`.
    pub prefix: Cidr,
}

/// What the operator decides about this dialect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VpcConfig {
    /// Such as `us-south`.
    pub region: String,
    /// The region's zones; the first is where things go that name none.
    pub zones: Vec<Zone>,
    /// Put before the ids of what lives in a zone.
    pub zone_prefix: String,
    /// Put before the ids of what lives in a region.
    pub region_prefix: String,
    /// The environment in CRNs.
    pub environment: String,
    /// The one resource group: its id and its name.
    pub resource_group: (String, String),
    /// The address clients use, such as `https://vpn.example.com`, when the Host header does not
    /// tell it.
    pub public_url: Option<String>,
    /// Whether pre-shared keys are shown, as IBM's API does. If not, they read `********`.
    pub show_psk: bool,
}

impl Default for VpcConfig {
    fn default() -> Self {
        let zone = |(number, prefix): (u8, &str)| {
            let prefix = prefix.parse().ok()?;
            let name = format!("us-south-{number}");
            Some(Zone { name, prefix })
        };
        let zones = [
            (1, "10.240.0.0/18"),
            (2, "10.240.64.0/18"),
            (3, "10.240.128.0/18"),
        ];
        Self {
            region: "us-south".to_owned(),
            zones: zones.into_iter().filter_map(zone).collect(),
            zone_prefix: "0738".to_owned(),
            region_prefix: "r006".to_owned(),
            environment: "adit".to_owned(),
            resource_group: ("default".to_owned(), "Default".to_owned()),
            public_url: None,
            show_psk: true,
        }
    }
}

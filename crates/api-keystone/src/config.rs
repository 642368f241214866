//! What the operator decides for this face.

/// A service that clients find in the catalog.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatalogService {
    /// Its type, such as `network`: what clients look for.
    pub kind: String,
    /// Its name, such as `neutron`.
    pub name: String,
    /// What follows the service's address, such as `/identity`; may be empty.
    pub path: String,
}

/// What the operator decides for this face.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeystoneConfig {
    /// The address clients use, where it is not the one in their requests' `Host`.
    pub public_url: Option<String>,
    /// The one region.
    pub region: String,
    /// The services besides this one.
    pub services: Vec<CatalogService>,
}

impl Default for KeystoneConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            region: "RegionOne".to_owned(),
            services: Vec::new(),
        }
    }
}

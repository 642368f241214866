//! What the operator decides for this face.

/// What the operator decides for this face.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NeutronConfig {
    /// The address of this API's root (what `/v2.0` follows), where it is not the one in the
    /// requests' `Host` with the prefix that the router is mounted under.
    pub public_url: Option<String>,
    /// The identity service's address, where it is not `/identity` at the requests' `Host`.
    pub identity_url: Option<String>,
    /// Whether answers show pre-shared keys, as Neutron's do; else they show asterisks.
    pub show_psk: bool,
}

impl Default for NeutronConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            identity_url: None,
            show_psk: true,
        }
    }
}

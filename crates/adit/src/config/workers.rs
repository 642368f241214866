//! `[workers]`: the processes of gateways.

use serde::Deserialize;

/// The processes of gateways.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkerSettings {
    /// The first of the numbers of users that they run as, one for each gateway.
    pub(crate) first_user: u32,
    /// Whether their tunnels' packets go in UDP.
    pub(crate) udp_encapsulation: UdpEncapsulation,
}

/// Whether the packets of tunnels go in UDP.
#[derive(Clone, Copy, Debug, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UdpEncapsulation {
    /// With every peer that can.
    #[default]
    Auto,
    /// Or not at all.
    Always,
    /// As an IP protocol of their own.
    Never,
}

impl UdpEncapsulation {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl From<UdpEncapsulation> for adit_worker::Encapsulation {
    fn from(wanted: UdpEncapsulation) -> Self {
        match wanted {
            UdpEncapsulation::Auto => Self::Auto,
            UdpEncapsulation::Always => Self::Always,
            UdpEncapsulation::Never => Self::Never,
        }
    }
}

impl Default for WorkerSettings {
    fn default() -> Self {
        // The first number of a range that no distribution gives to anybody: systemd's
        // "Users, Groups, UIDs and GIDs" lists them.
        Self {
            first_user: 0x7000_0000,
            udp_encapsulation: UdpEncapsulation::default(),
        }
    }
}

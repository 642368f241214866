//! What each command can be told.

use std::path::PathBuf;

use clap::Args;

use crate::output::Output;

/// Where the socket of a service is that was installed as the unit for systemd has it.
pub(crate) const SOCKET: &str = "/var/lib/adit/adit.sock";

/// What each command can be told.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// How to print what is answered.
    #[arg(short, long, value_enum, default_value_t, global = true)]
    pub(crate) output: Output,
    /// Ask this service, in place of the one that was logged in to.
    #[arg(long, env = "ADIT_URL", value_name = "URL", global = true)]
    pub(crate) url: Option<String>,
    /// Trust the certificates in this file alone, in place of the system's.
    #[arg(long, env = "ADIT_CACERT", value_name = "FILE", global = true)]
    pub(crate) cacert: Option<PathBuf>,
    /// Use what was logged in to under this name, in place of the one that `adit profile use` chose.
    #[arg(long, env = "ADIT_PROFILE", value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,
    /// Act in this project, by name or id.
    #[arg(long, env = "ADIT_PROJECT", value_name = "PROJECT", global = true)]
    pub(crate) project: Option<String>,
    /// Be the operator, by the socket in the service's state folder, without logging in: for root and the service's own
    /// user, who are it where nobody has logged in.
    #[arg(
        long, env = "ADIT_SOCKET", value_name = "PATH", global = true, num_args = 0..=1, require_equals = true,
        default_missing_value = SOCKET
    )]
    pub(crate) socket: Option<PathBuf>,
}

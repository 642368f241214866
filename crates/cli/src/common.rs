//! What each command can be told.

use std::path::PathBuf;

use clap::Args;

use crate::output::Output;

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
}

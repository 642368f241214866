//! By what the ends show who they are, as the command line takes it: by files, since arguments are seen by others.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::kept::{first_line, text};

#[derive(Args, Debug)]
pub(super) struct Credentials {
    /// Read the pre-shared key from this file's first line, or from standard input by "-".
    #[arg(long, value_name = "FILE", conflicts_with = "certificate")]
    psk_file: Option<PathBuf>,
    /// Authenticate by this end's certificate in place of a pre-shared key: in PEM, those of authorities behind it.
    #[arg(long, value_name = "FILE", requires_all = ["private_key", "authorities"])]
    certificate: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    private_key: Option<PathBuf>,
    /// The certificates of the authorities that may have signed the peer's, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    authorities: Option<PathBuf>,
    /// What these authorities have taken back, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    revocation_lists: Option<PathBuf>,
    /// Have keys rest on a post-quantum pre-shared key (RFC 8784) of this name, too.
    #[arg(long, value_name = "NAME", requires = "ppk_file")]
    ppk_id: Option<String>,
    /// Read that key from this file's first line.
    #[arg(long, value_name = "FILE", requires = "ppk_id")]
    ppk_file: Option<PathBuf>,
    /// Have no tunnel without it.
    #[arg(long, requires = "ppk_id")]
    ppk_required: bool,
}

impl Credentials {
    /// Writes them into a body.
    pub(super) fn write(&self, body: &mut Map<String, Value>) -> Result<(), CliError> {
        if let Some(file) = &self.psk_file {
            body.insert("psk".to_owned(), json!(*first_line(file)?));
        }
        if let (Some(own), Some(key), Some(authorities)) =
            (&self.certificate, &self.private_key, &self.authorities)
        {
            let lists = self.revocation_lists.as_deref().map(text).transpose()?;
            let certificates = json!({
                "own": *text(own)?,
                "key": *text(key)?,
                "authorities": *text(authorities)?,
                "revocation_lists": lists.as_deref(),
            });
            body.insert("certificates".to_owned(), certificates);
        }
        if let (Some(id), Some(file)) = (&self.ppk_id, &self.ppk_file) {
            let required = self.ppk_required;
            let ppk = json!({"id": id, "key": *first_line(file)?, "required": required});
            body.insert("ppk".to_owned(), ppk);
        }
        Ok(())
    }
}

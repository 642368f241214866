//! Ready-to-source settings for clients, in the state folder's `clients/`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use adit_control::account::Account;

/// The user whose settings `ibm.env` holds.
const DEMO: &str = "demo";

/// Writes `ibm.env` for the demo account: fresh after the first start, otherwise with the key it
/// holds and the address of today. A lost file gets a fresh key.
pub(crate) async fn write(
    folder: &Path,
    base: &str,
    control: &adit_control::Control,
    fresh: Option<[Account; 2]>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let path = folder.join("ibm.env");
    let key = match fresh {
        Some(accounts) => {
            let demo = accounts
                .into_iter()
                .find(|account| account.user.name.as_str() == DEMO);
            demo.map(|account| account.key.expose().to_owned())
        }
        None => known_key(&path),
    };
    let key = match key {
        Some(key) => key,
        None => control.replace_api_key(DEMO).await?.key.expose().to_owned(),
    };
    write_private(&path, &render(base, &key))?;
    Ok(())
}

fn render(base: &str, key: &str) -> String {
    format!(
        "# For IBM's VPC SDKs, and for curl as in the README. Source it: . ibm.env\n\
         export VPC_URL={base}/v1\n\
         export VPC_AUTH_TYPE=iam\n\
         export VPC_AUTH_URL={base}\n\
         export VPC_APIKEY={key}\n"
    )
}

fn known_key(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("export VPC_APIKEY="))?;
    Some(line.to_owned()).filter(|key| !key.is_empty())
}

/// Whole or not at all, and for the owner's eyes only.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

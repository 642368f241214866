//! Ready-to-source settings for clients, in the state folder's `clients/`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use adit_control::account::{ADMIN, Account, DEMO};
use adit_control::{Control, Error};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What begins the line with an API key.
const KEY: &str = "export VPC_APIKEY=";

/// What begins the line with a password.
const PASSWORD: &str = "export OS_PASSWORD=";

/// Writes `ibm.env` for the demo account, `admin-openrc` and `demo-openrc`: with fresh secrets after
/// the first start, otherwise with those they hold and the address of today. What was lost gets a
/// fresh secret; what belongs to a user that is gone is left as it is.
pub(crate) async fn write(
    folder: &Path,
    base: &str,
    region: &str,
    control: &Control,
    fresh: Option<[Account; 2]>,
) -> Result<(), Failure> {
    let account = |name: &str| {
        let accounts = fresh.iter().flatten();
        accounts
            .into_iter()
            .find(|account| account.user.name.as_str() == name)
    };
    let path = folder.join("ibm.env");
    let key = match account(DEMO) {
        Some(account) => Some(account.key.expose().to_owned()),
        None => match known(&path, KEY) {
            Some(key) => Some(key),
            None => there(control.replace_api_key(DEMO).await)?.map(|key| key.expose().to_owned()),
        },
    };
    if let Some(key) = key {
        write_private(&path, &ibm_env(base, &key))?;
    }
    for name in [ADMIN, DEMO] {
        let path = folder.join(format!("{name}-openrc"));
        let password = match account(name) {
            Some(account) => Some(account.password.expose().to_owned()),
            None => match known(&path, PASSWORD) {
                Some(password) => Some(password),
                None => there(control.replace_password(name).await)?
                    .map(|password| password.expose().to_owned()),
            },
        };
        if let Some(password) = password {
            write_private(&path, &openrc(base, region, name, &password))?;
        }
    }
    Ok(())
}

/// Nothing when the user is gone: an operator may delete the accounts of the first start.
fn there<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn ibm_env(base: &str, key: &str) -> String {
    format!(
        "# For IBM's VPC SDKs, and for curl as in the README. Source it: . ibm.env\n\
         export VPC_URL={base}/v1\n\
         export VPC_AUTH_TYPE=iam\n\
         export VPC_AUTH_URL={base}\n\
         {KEY}{key}\n"
    )
}

fn openrc(base: &str, region: &str, name: &str, password: &str) -> String {
    format!(
        "# For the openstack client and OpenStack's SDKs. Source it: . {name}-openrc\n\
         export OS_AUTH_URL={base}/identity/v3\n\
         export OS_IDENTITY_API_VERSION=3\n\
         export OS_REGION_NAME={region}\n\
         export OS_USERNAME={name}\n\
         export OS_USER_DOMAIN_NAME=Default\n\
         export OS_PROJECT_NAME={name}\n\
         export OS_PROJECT_DOMAIN_NAME=Default\n\
         {PASSWORD}{password}\n"
    )
}

/// The rest of the line that begins so.
fn known(path: &Path, begin: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(begin))?;
    Some(line.to_owned()).filter(|secret| !secret.is_empty())
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

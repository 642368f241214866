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

/// Where clients reach the service, and whom to trust that they are it.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    pub(crate) base: &'a str,
    pub(crate) region: &'a str,
    /// The certificate that this program made, if it did.
    pub(crate) certificate: Option<&'a Path>,
}

/// Writes `ibm.env` and `softlayer.conf` for the demo account, `admin-openrc` and `demo-openrc`: with fresh secrets after
/// the first start, otherwise with those they hold and the address of today. What was lost gets a
/// fresh secret; what belongs to a user that is gone is left as it is.
pub(crate) async fn write(
    folder: &Path,
    access: &Access<'_>,
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
        keep(&path, &ibm_env(access, &key))?;
        keep(&folder.join("softlayer.conf"), &softlayer(access, &key))?;
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
            keep(&path, &openrc(access, name, &password))?;
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

fn ibm_env(access: &Access<'_>, key: &str) -> String {
    let base = access.base;
    // curl; Python's requests, which IBM's SDK is made with; Go's programs.
    let trust = access.certificate.map_or_else(String::new, |path| {
        let names = ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"];
        let lines = names.map(|name| format!("export {name}={}\n", path.display()));
        lines.concat()
    });
    format!(
        "# For IBM's VPC SDKs and Terraform provider, and for curl as in the README. Source it: . ibm.env\n\
         export VPC_URL={base}/v1\n\
         export VPC_AUTH_TYPE=iam\n\
         export VPC_AUTH_URL={base}\n\
         export IC_API_KEY={key}\n\
         export IBMCLOUD_IAM_API_ENDPOINT={base}\n\
         export IBMCLOUD_IS_NG_API_ENDPOINT={base}/v1\n\
         export IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT={base}\n\
         export IBMCLOUD_GT_API_ENDPOINT={base}\n\
         export IBMCLOUD_GS_API_ENDPOINT={base}\n\
         {trust}{KEY}{key}\n"
    )
}

fn softlayer(access: &Access<'_>, key: &str) -> String {
    let trust = access.certificate.map_or_else(String::new, |path| {
        format!(
            "# Before it: export REQUESTS_CA_BUNDLE={}\n",
            path.display()
        )
    });
    format!(
        "# For SoftLayer's command line client: slcli -C softlayer.conf ipsec list\n\
         {trust}[softlayer]\n\
         username = {DEMO}\n\
         api_key = {key}\n\
         endpoint_url = {base}/xmlrpc/v3.1\n\
         timeout = 60\n",
        base = access.base
    )
}

fn openrc(access: &Access<'_>, name: &str, password: &str) -> String {
    let Access { base, region, .. } = access;
    let trust = access.certificate.map_or_else(String::new, |path| {
        format!("export OS_CACERT={}\n", path.display())
    });
    format!(
        "# For the openstack client and OpenStack's SDKs. Source it: . {name}-openrc\n\
         export OS_AUTH_URL={base}/identity/v3\n\
         export OS_IDENTITY_API_VERSION=3\n\
         export OS_REGION_NAME={region}\n\
         export OS_USERNAME={name}\n\
         export OS_USER_DOMAIN_NAME=Default\n\
         export OS_PROJECT_NAME={name}\n\
         export OS_PROJECT_DOMAIN_NAME=Default\n\
         {trust}{PASSWORD}{password}\n"
    )
}

/// The rest of the line that begins so.
fn known(path: &Path, begin: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(begin))?;
    Some(line.to_owned()).filter(|secret| !secret.is_empty())
}

/// Writes what isn't so already. On a full disk, what there was of before is enough.
fn keep(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    match write_private(path, text) {
        Err(error) if path.exists() => {
            tracing::warn!(%error, path = %path.display(), "the settings of before stay");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Whole or not at all, and for the owner's eyes only.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
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

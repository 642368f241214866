//! A real Keystone on the loopback, with a database in a folder, that can be stopped and started.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::until;

/// How long it may take to start: others' program, in Python, on a busy machine.
const STARTS: Duration = Duration::from_secs(120);

/// The password of its administrator, and of whoever is made in it.
pub(crate) const PASSWORD: &str = "a-long-secret";

/// A Keystone.
pub(crate) struct Keystone {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Keystone {
    /// Makes its database with an administrator. It is not started.
    pub(crate) fn make(name: &str, programs: PathBuf) -> Self {
        let folder = std::env::temp_dir().join(format!("adit-test-{name}-keystone"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        // Free at this moment; nobody else here asks for a port by number.
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let keystone = Self {
            port: port.local_addr().unwrap().port(),
            folder,
            programs,
            child: None,
        };
        let at = |name: &str| keystone.folder.join(name).display().to_string();
        // Hashing slowly protects nobody here.
        let settings = format!(
            "[database]\nconnection = sqlite:///{}\n[fernet_tokens]\nkey_repository = {}\n\
             [identity]\npassword_hash_rounds = 4\n[cache]\nenabled = false\n",
            at("keystone.db"),
            at("fernet"),
        );
        fs::write(at("keystone.conf"), settings).unwrap();
        let url = keystone.url();
        let own = ["--keystone-user", "root", "--keystone-group", "root"];
        std::thread::scope(|both| {
            both.spawn(|| keystone.manage("fernet_setup", &own));
            keystone.manage("db_sync", &[]);
        });
        let mut bootstrap = vec!["--bootstrap-password", PASSWORD];
        bootstrap.extend(["--bootstrap-public-url", &url]);
        bootstrap.extend(["--bootstrap-region-id", "RegionOne"]);
        keystone.manage("bootstrap", &bootstrap);
        keystone
    }

    /// Its address, as its catalog has it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v3", self.port)
    }

    fn manage(&self, command: &str, arguments: &[&str]) {
        let output = Command::new(self.programs.join("keystone-manage"))
            .arg("--config-file")
            .arg(self.folder.join("keystone.conf"))
            .arg(command)
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
    }

    pub(crate) fn start(&mut self) {
        let script = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
            .join("../../tests/clients/serve_keystone.py");
        let log = File::create(self.folder.join("log")).unwrap();
        let child = Command::new(self.programs.join("python"))
            .arg("-B")
            .arg(script)
            .arg(&self.folder)
            .arg(self.port.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
        until("Keystone listens", STARTS, || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert_eq!(ended, None, "Keystone ended: {}", log());
            TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// A file with everybody's password.
    pub(crate) fn password_file(&self) -> PathBuf {
        let path = self.folder.join("password");
        fs::write(&path, format!("{PASSWORD}\n")).unwrap();
        path
    }

    /// The settings of a user in the project of the same name, in a file to source.
    pub(crate) fn openrc(&self, name: &str) -> PathBuf {
        let path = self.folder.join(format!("{name}-openrc"));
        let url = self.url();
        let settings = [
            ("OS_AUTH_URL", url.as_str()),
            ("OS_IDENTITY_API_VERSION", "3"),
            ("OS_REGION_NAME", "RegionOne"),
            ("OS_USERNAME", name),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_NAME", name),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
            ("OS_PASSWORD", PASSWORD),
        ];
        let lines = settings.map(|(key, value)| format!("export {key}={value}\n"));
        fs::write(&path, lines.concat()).unwrap();
        path
    }
}

impl Drop for Keystone {
    fn drop(&mut self) {
        self.stop();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

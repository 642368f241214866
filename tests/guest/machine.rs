//! The machine: booted once for all rows, spoken to by a serial line, a command at a time.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::namespace::ip;
use crate::support::{Ground, until};

/// How long it may take to boot, in software, on a busy host.
const BOOT: Duration = Duration::from_secs(120);

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(60);

/// A running machine.
pub(crate) struct Machine {
    qemu: Child,
    line: BufReader<UnixStream>,
    tap: String,
    folder: PathBuf,
}

/// Where the image is, if it was made.
pub(crate) fn image() -> Option<PathBuf> {
    let folder = match std::env::var_os("ADIT_TEST_GUEST") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&std::env::var_os("HOME")?).join(".cache/adit/guest"),
    };
    ["initrd", "vmlinuz"]
        .iter()
        .all(|file| folder.join(file).exists())
        .then_some(folder)
}

impl Machine {
    /// Boots one on the external network.
    pub(crate) fn boot(ground: &impl Ground, image: &Path) -> Self {
        let tap = format!("{}-vm", ground.prefix());
        ip(&format!("tuntap add dev {tap} mode tap"));
        ip(&format!("link set {tap} master {}-ext up", ground.prefix()));
        let folder = std::env::temp_dir().join(format!("adit-test-{tap}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("line");
        let qemu = Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg,thread=multi", "-cpu", "max", "-m", "512"])
            .args(["-nodefaults", "-no-reboot", "-display", "none"])
            .args(["-append", "console=ttyS0 panic=-1 quiet"])
            .arg("-kernel")
            .arg(image.join("vmlinuz"))
            .arg("-initrd")
            .arg(image.join("initrd"))
            .arg("-serial")
            .arg(format!("file:{}", folder.join("console").display()))
            .arg("-serial")
            .arg(format!("unix:{},server=on,wait=off", socket.display()))
            .args(["-device", "virtio-net-pci,netdev=n,mac=02:00:00:00:00:50"])
            .arg("-netdev")
            .arg(format!("tap,id=n,ifname={tap},script=no,downscript=no"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("qemu")).unwrap())
            .spawn()
            .unwrap();
        let stream = until("QEMU has opened the serial line", BOOT, || {
            UnixStream::connect(&socket).ok()
        });
        stream.set_read_timeout(Some(BOOT)).unwrap();
        let mut machine = Self {
            qemu,
            line: BufReader::new(stream),
            tap,
            folder,
        };
        machine.answer("booting");
        let stream = machine.line.get_ref();
        stream.set_read_timeout(Some(COMMAND)).unwrap();
        machine
    }

    /// What a command printed, and whether it went well.
    fn answer(&mut self, command: &str) -> (String, bool) {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            let read = self.line.read_line(&mut line);
            assert!(matches!(read, Ok(1..)), "{command}: no answer after {text}");
            if let Some(status) = line.trim_end().strip_prefix("@@") {
                return (text, status == "0");
            }
            text.push_str(&line);
        }
    }

    /// Runs a command, which may fail; what it printed, and whether it went well.
    pub(crate) fn attempt(&mut self, command: &str) -> (String, bool) {
        let stream = self.line.get_mut();
        stream.write_all(format!("{command}\n").as_bytes()).unwrap();
        self.answer(command)
    }

    /// Runs a command, which must go well; what it printed.
    #[track_caller]
    pub(crate) fn run(&mut self, command: &str) -> String {
        let (text, is_well) = self.attempt(command);
        assert!(is_well, "{command}: {text}");
        text
    }

    /// Writes a file.
    pub(crate) fn write(&mut self, path: &str, text: &str) {
        self.run(&format!("mkdir -p $(dirname {path}); : > {path}"));
        // The line's other end takes no more at a time.
        for part in text.as_bytes().chunks(1000) {
            let mut octets = String::new();
            for octet in part {
                let _ = write!(octets, "{octet:02x}");
            }
            self.run(&format!("echo {octets} | xxd -r -p >> {path}"));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = fs::read_to_string(self.folder.join("console")).unwrap_or_default();
            eprintln!("the machine's console:\n{said}");
        }
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        let _ = fs::remove_dir_all(&self.folder);
        let _ = Command::new("ip")
            .args(["link", "delete", &self.tap])
            .stderr(Stdio::null())
            .status();
    }
}

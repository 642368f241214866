//! A story that is played in a browser: a script, which asks for what has to be done outside of it.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::serve::Serve;
use crate::support::{Turn, skipped, turn};

/// Where scripts and what they need are: as `make test` puts them, or where somebody works on the page.
fn scripts() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui");
    let fetched = std::env::var_os("ADIT_TEST_PAGE").map(|folder| PathBuf::from(folder).join("ui"));
    let mut all = fetched.into_iter().chain([own]);
    all.find(|folder| {
        folder.join("node_modules/playwright-core").exists() && folder.join("tests").exists()
    })
}

fn chromium() -> Option<&'static str> {
    let all = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
    all.into_iter().find(|path| Path::new(path).exists())
}

/// What a browser needs, and a scenario's turn; none, loudly, where it can't run.
pub(crate) fn turn_in_browser(tools: &[&str]) -> Option<(Turn, Stage)> {
    let has_node = Command::new("node")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    let (Some(scripts), Some(chromium)) = (scripts(), chromium()) else {
        skipped(
            "Chromium (Debian's chromium) and the packages of ui/ (`make ui-check` fetches them)",
        );
        return None;
    };
    if !has_node {
        skipped("Node (node)");
        return None;
    }
    turn(tools).map(|turn| (turn, Stage { scripts, chromium }))
}

/// Where stories are played.
pub(crate) struct Stage {
    scripts: PathBuf,
    chromium: &'static str,
}

/// The settings of an account, as its clients source them.
pub(crate) fn account(serve: &Serve, file: &str) -> HashMap<String, String> {
    let path = serve.folder.join("state/clients").join(file);
    let text = fs::read_to_string(path).unwrap();
    let exports = text.lines().filter_map(|line| line.strip_prefix("export "));
    let pairs = exports.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl Stage {
    /// Plays one, as the demo account unless it is told otherwise; what it asks for is done by `does`.
    #[track_caller]
    pub(crate) fn play(
        &self,
        serve: &Serve,
        story: &str,
        more: Value,
        mut does: impl FnMut(&str, &Value) -> Value,
    ) {
        let demo = account(serve, "demo-openrc");
        let wreck = serve.folder.join("browser");
        fs::create_dir_all(&wreck).unwrap();
        let way = Way::open(serve);
        let mut told = json!({
            "socket": way.socket,
            "user": demo["OS_USERNAME"],
            "password": demo["OS_PASSWORD"],
            "chromium": self.chromium,
            "wreck": wreck,
        });
        for (name, value) in more.as_object().unwrap() {
            told[name] = value.clone();
        }
        // Links that come and go on this host would have the browser break off what it loads: it has a network of its own.
        let child = Command::new("unshare")
            .args([
                "--net",
                "sh",
                "-c",
                "ip link set lo up && exec node tests/run.js \"$1\"",
                "story",
            ])
            .arg(story)
            .current_dir(&self.scripts)
            .env("ADIT_STORY", told.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut player = Player(child);
        let said = answer(&mut player.0, &mut does);
        let status = player.0.wait().unwrap();
        for line in &said {
            println!("{story}: {line}");
        }
        assert!(
            status.success(),
            "{story}:\n{}\nscreenshots are in {}",
            said.join("\n"),
            wreck.display()
        );
    }
}

/// Who plays a story, and stops when what it asked for could not be done.
struct Player(Child);

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A way to the service from another network: what comes to a socket in the file system is passed on.
struct Way {
    socket: PathBuf,
}

impl Way {
    fn open(serve: &Serve) -> Self {
        let socket = serve.folder.join("service");
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let address = serve.said_base().trim_start_matches("http://").to_owned();
        std::thread::spawn(move || {
            for from in listener.incoming() {
                // Whoever was refused sees it by what is closed.
                if let (Ok(from), Ok(to)) = (from, TcpStream::connect(&address)) {
                    pass_on(from, to);
                }
            }
        });
        Self { socket }
    }
}

/// Passes on both ways, each by a thread of its own.
fn pass_on(from: UnixStream, to: TcpStream) {
    let (mut from_again, mut to_again) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let (mut from, mut to) = (from, to);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut to_again, &mut from_again);
        let _ = from_again.shutdown(Shutdown::Both);
    });
}

/// Does what a script asks for, until it ends; all else that it says.
fn answer(child: &mut Child, does: &mut impl FnMut(&str, &Value) -> Value) -> Vec<String> {
    let mut to = child.stdin.take().unwrap();
    let from = BufReader::new(child.stdout.take().unwrap());
    let mut said = Vec::new();
    for line in from.lines() {
        let line = line.unwrap();
        let Some(asked) = line.strip_prefix("@ask ") else {
            said.push(line);
            continue;
        };
        let asked: Value = serde_json::from_str(asked).unwrap();
        let done = does(asked["what"].as_str().unwrap(), &asked["value"]);
        writeln!(to, "{done}").unwrap();
    }
    said
}

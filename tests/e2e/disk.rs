//! A disk that is full: changes are refused and said to be, tunnels go on, also over a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;

use crate::support::{VERDICT, turn, until};
use crate::world::World;

/// A small disk, away when this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Takes the place of a folder, with what is in it.
    fn under(folder: &Path) -> Self {
        let before = folder.with_extension("before");
        fs::rename(folder, &before).unwrap();
        fs::create_dir(folder).unwrap();
        let options = Some("size=6m,mode=700");
        mount(
            Some("tmpfs"),
            folder,
            Some("tmpfs"),
            MsFlags::empty(),
            options,
        )
        .unwrap();
        let disk = Self(folder.to_owned());
        let copied = Command::new("cp")
            .arg("-a")
            .arg(before.join("."))
            .arg(folder)
            .status()
            .unwrap();
        assert!(copied.success());
        disk
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Has it written no more, or again.
    fn write(&self, may: bool) {
        let mut flags = MsFlags::MS_REMOUNT;
        flags.set(MsFlags::MS_RDONLY, !may);
        let options = Some("size=6m,mode=700");
        mount(None::<&str>, &self.0, None::<&str>, flags, options).unwrap();
    }

    /// Leaves no octet.
    fn fill(&self) {
        for size in [1 << 16, 1] {
            use std::io::Write as _;
            let mut options = fs::File::options();
            let mut file = options
                .create(true)
                .append(true)
                .open(self.ballast())
                .unwrap();
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// The status and the text of `/readyz`.
fn ready(base: &str) -> (String, String) {
    let output = Command::new("curl")
        .args(["-s", "-w", "\n%{http_code}", &format!("{base}/readyz")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn on_a_full_disk_changes_are_refused_and_tunnels_go_on_also_after_a_restart() {
    let Some(_turn) = turn(&["cp"]) else { return };
    let mut world = World::new("aed", 23);
    let connections = world.connect();
    world.works(&connections);
    world.serve.end(Signal::SIGTERM);
    let disk = SmallDisk::under(&world.serve.folder.join("state"));
    world.serve.run();
    world.api = world.serve.api();
    world.works(&connections);
    let policy = r#"{"name": "full", "encryption_algorithm": "aes256", "authentication_algorithm": "sha256", "dh_group": 14, "ike_version": 2, "key_lifetime": 28800}"#;

    disk.fill();
    // What the log has room for already is still kept.
    until("a change is refused", VERDICT, || {
        let answer = world.api.post(
            "ike_policies",
            &policy.replace("full", &format!("p{}", number())),
        );
        (answer.status == 503).then_some(())
    });
    let (status, text) = ready(&world.api.base);
    assert_eq!(status, "503", "{text}");
    assert!(text.contains("written"), "{text}");
    assert!(world.api.metric("adit_store_write_failures_total", "") > 0);
    assert!(world.serve.log().contains("no space is left on"));
    world.works(&connections);

    // A start on a disk that is only full makes room by itself: it brings the log in.
    world.serve.end(Signal::SIGKILL);
    disk.write(false);
    world.serve.run();
    // Its clients' settings can't be written either.
    world.api = world.api.moved(world.serve.said_base());
    world.works(&connections);
    assert_eq!(ready(&world.api.base).0, "503");
    assert_eq!(world.api.post("ike_policies", policy).status, 503);
    assert!(
        world
            .serve
            .log()
            .contains("the disk is full or can't be written")
    );

    disk.write(true);
    fs::remove_file(disk.ballast()).unwrap();
    world.serve.end(Signal::SIGTERM);
    world.serve.run();
    world.api = world.serve.api();
    assert_eq!(ready(&world.api.base).0, "200");
    world.api.post("ike_policies", policy).is(201);
    world.works(&connections);
    world.serve.end(Signal::SIGTERM);
}

/// A number that was not there before.
fn number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

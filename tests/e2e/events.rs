//! Many who follow what happens to many tunnels miss nothing and hear nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::api::Api;
use crate::support::serve::{Serve, signal_to};
use crate::support::site::{self, Site};
use crate::support::{turn, until};

/// How the test is measured.
struct Measure {
    tunnels: u16,
    followers: u16,
    /// How often each gateway's worker is killed between two restarts of the service.
    flaps: u16,
}

const LONG: Duration = Duration::from_secs(240);

/// What one follower was told.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Heard {
    name: String,
    id: String,
    data: Value,
    /// How long after it happened.
    late: time::Duration,
}

/// Where the service is and by which token it is asked, which changes with each restart.
type Where = Arc<Mutex<(String, String)>>;

struct Follower {
    /// Whether it drops its connection now and then.
    heard: Arc<Mutex<Vec<Heard>>>,
    thread: JoinHandle<()>,
}

/// Follows, and comes back with the last id, until it is told to end.
fn follow(place: Where, is_over: Arc<AtomicBool>, drops_after: Option<usize>) -> Follower {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let thread = thread::spawn(move || {
        let mut last = String::new();
        while !is_over.load(Ordering::Relaxed) {
            let (base, token) = place.lock().unwrap().clone();
            if listen(&base, &token, &mut last, &told, &is_over, drops_after).is_none() {
                thread::sleep(Duration::from_millis(20));
            }
        }
    });
    Follower { heard, thread }
}

/// Listens on one connection until it ends.
fn listen(
    base: &str,
    token: &str,
    last: &mut String,
    told: &Mutex<Vec<Heard>>,
    is_over: &AtomicBool,
    drops_after: Option<usize>,
) -> Option<()> {
    let host = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).ok()?;
    let wait = Some(Duration::from_millis(500));
    stream.set_read_timeout(wait).ok()?;
    // Of HTTP/1.0, so that no chunks have to be taken apart.
    write!(
        stream,
        "GET /adit/v1/events HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {last}\r\n\r\n"
    )
    .ok()?;
    let mut lines = BufReader::new(stream);
    let (mut line, mut event, mut data, mut count) = (String::new(), String::new(), None, 0);
    while !is_over.load(Ordering::Relaxed) {
        match lines.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if is_waiting(&error) => continue,
            Err(_) => return None,
        }
        let text = line.trim_end().to_owned();
        line.clear();
        if let Some(name) = text.strip_prefix("event: ") {
            event = name.to_owned();
        } else if let Some(id) = text.strip_prefix("id: ") {
            *last = id.to_owned();
        } else if let Some(text) = text.strip_prefix("data: ") {
            data = Some(serde_json::from_str::<Value>(text).unwrap());
        } else if text.is_empty()
            && let Some(data) = data.take()
        {
            let at = data["at"].as_str();
            let at = at.and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
            let late = at.map_or(time::Duration::ZERO, |at| OffsetDateTime::now_utc() - at);
            told.lock().unwrap().push(Heard {
                name: event.clone(),
                id: last.clone(),
                data,
                late,
            });
            count += 1;
            if drops_after.is_some_and(|most| count >= most) {
                return Some(());
            }
        }
    }
    Some(())
}

fn is_waiting(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

/// Makes all connections between two gateways, from both sides.
fn connect(api: &Api, one: &Site, two: &Site, tunnels: u16) {
    let block = |base: u16, n: u16| format!("10.{}.{}.0/24", base + n / 250, n % 250);
    let numbers: Vec<u16> = (0..tunnels).collect();
    thread::scope(|scope| {
        for part in numbers.chunks(usize::from(tunnels.div_ceil(4))) {
            scope.spawn(move || {
                for n in part {
                    for (own, peer, local, remote) in [(one, two, 20, 60), (two, one, 60, 20)] {
                        let body = json!({
                            "name": format!("tunnel-{n}"),
                            "gateway": {"id": &own.gateway[5..]},
                            "local": {"cidrs": [block(local, *n)]},
                            "peer": {"address": peer.address, "cidrs": [block(remote, *n)]},
                            "psk": site::PSK,
                        });
                        api.native("POST", "connections", &body).is(201);
                    }
                }
            });
        }
    });
}

/// Everything of a list, a page after the other.
fn pages(api: &Api, list: &str) -> Vec<Value> {
    let (mut all, mut path) = (Vec::new(), format!("{list}?limit=1000"));
    loop {
        let mut page = api.native("GET", &path, &Value::Null).is(200);
        let Value::Array(items) = page["items"].take() else {
            panic!("{page}")
        };
        all.extend(items);
        match page["next"].as_str() {
            Some(next) => path = format!("{list}?limit=1000&cursor={next}"),
            None => return all,
        }
    }
}

fn all_up(api: &Api, tunnels: u16) {
    until("all tunnels are up", LONG, || {
        thread::sleep(Duration::from_millis(500));
        let all = pages(api, "connections");
        assert_eq!(all.len(), usize::from(tunnels) * 2);
        all.iter().all(|one| one["state"] == "up").then_some(())
    });
}

/// Waits until everybody has heard all there is: the same last event, for a while.
fn all_heard(followers: &[Follower]) {
    let last = |follower: &Follower| {
        let heard = follower.heard.lock().unwrap();
        heard.last().map(|heard| heard.id.clone())
    };
    let mut quiet = Instant::now();
    let mut before = None;
    until("all have heard the same", LONG, || {
        thread::sleep(Duration::from_millis(100));
        let now = last(&followers[0]);
        if now != before || followers.iter().any(|one| last(one) != now) {
            quiet = Instant::now();
            before = now;
        }
        (quiet.elapsed() > Duration::from_secs(3)).then_some(())
    });
}

/// The parts of an event's id: the revision of the log, the start of the service, the number.
fn place(id: &str) -> (u64, String, u64) {
    let parts: Vec<_> = id.split('-').collect();
    let [revision, start, number] = parts.as_slice() else {
        panic!("{id}")
    };
    (
        revision.parse().unwrap(),
        (*start).to_owned(),
        number.parse().unwrap(),
    )
}

/// Nothing was heard twice, and all changes, which are these, by everybody, in their order.
fn changes_are_whole(all: &[Vec<Heard>], revisions: &BTreeSet<u64>) {
    for (number, heard) in all.iter().enumerate() {
        let mut ids = BTreeSet::new();
        let events = heard.iter().filter(|one| one.name != "reset");
        let twice: Vec<_> = events.filter(|one| !ids.insert(&one.id)).collect();
        assert!(twice.is_empty(), "follower {number} heard twice: {twice:?}");
        let of_log = heard.iter().filter(|one| one.name == "change");
        let of_log: Vec<_> = of_log.map(|one| place(&one.id).0).collect();
        assert!(of_log.is_sorted(), "follower {number}");
        assert!(
            of_log.iter().eq(revisions),
            "follower {number} heard of {} changes of {}",
            of_log.len(),
            revisions.len()
        );
    }
}

/// Of what was observed in one life of the service, everybody heard all from where it began to where it ended, and was told
/// `reset` where it could not be told more.
fn observations_are_whole(all: &[Vec<Heard>]) -> usize {
    let mut lives: BTreeMap<String, BTreeMap<u64, &Heard>> = BTreeMap::new();
    let observed = |one: &&Heard| one.name == "tunnel" || one.name == "gateway";
    for one in all.iter().flatten().filter(observed) {
        let (_, start, number) = place(&one.id);
        let known = lives.entry(start).or_default().insert(number, one);
        assert!(known.is_none_or(|known| known.data == one.data));
    }
    for (follower, heard) in all.iter().enumerate() {
        let parts: Vec<_> = heard.split(|one| one.name == "reset").collect();
        for (part, is_last) in parts
            .iter()
            .enumerate()
            .map(|(n, part)| (part, n + 1 == parts.len()))
        {
            let own: Vec<_> = { part.iter().filter(observed) }
                .map(|one| place(&one.id))
                .collect();
            let Some(((_, start, first), (_, _, last))) = own.first().zip(own.last()) else {
                continue;
            };
            let last = if is_last { u64::MAX } else { *last };
            let expected = lives[start].range(*first..=last).map(|(number, _)| number);
            let told = own.iter().map(|(_, _, number)| number);
            assert!(
                own.iter().all(|(_, life, _)| life == start),
                "follower {follower} was not told that it missed something"
            );
            assert!(
                told.eq(expected),
                "follower {follower} missed something of {start}"
            );
        }
    }
    lives.values().map(BTreeMap::len).sum()
}

fn measure(prefix: &str, number: u8, of: &Measure) {
    let Some(_turn) = turn(&[]) else { return };
    let mut serve = Serve::start(prefix, number);
    let api = serve.api();
    let (one, two) = site::pair(&serve, &api);
    let place_now = Arc::new(Mutex::new((serve.base(), api.token.clone())));
    let is_over = Arc::new(AtomicBool::new(false));
    let followers: Vec<_> = (0..of.followers)
        .map(|n| {
            let drops = (n % 2 == 1).then_some(200 + usize::from(n));
            follow(Arc::clone(&place_now), Arc::clone(&is_over), drops)
        })
        .collect();
    let mut names = (0..).map(|n| format!("vpc-{n}"));
    until("all follow", LONG, || {
        let name = json!({"name": names.next()});
        api.patch(&format!("vpcs/{}", one.vpc), &name.to_string());
        thread::sleep(Duration::from_millis(200));
        let mut all = followers.iter();
        all.all(|one| !one.heard.lock().unwrap().is_empty())
            .then_some(())
    });
    connect(&api, &one, &two, of.tunnels);
    all_up(&api, of.tunnels);
    for life in 0..=3 {
        if life > 0 {
            serve.end(if life == 2 {
                Signal::SIGTERM
            } else {
                Signal::SIGKILL
            });
            serve.run();
            *place_now.lock().unwrap() = (serve.base(), serve.api().token);
        }
        let api = serve.api();
        all_up(&api, of.tunnels);
        for flap in 0..of.flaps {
            let site = if flap % 2 == 0 { &one } else { &two };
            let worker = serve.worker(&site.gateway).unwrap();
            signal_to(worker, Signal::SIGKILL);
            until("there is another worker", LONG, || {
                let now = serve.worker(&site.gateway);
                now.is_some_and(|now| now != worker).then_some(())
            });
            all_up(&api, of.tunnels);
        }
    }
    all_heard(&followers);
    is_over.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for follower in followers {
        follower.thread.join().unwrap();
        all.push(follower.heard.lock().unwrap().clone());
    }
    // Who came a little later than others has not heard the first changes, which are there for that.
    let begin = { all.iter().map(|heard| place(&heard[0].id).0) }
        .max()
        .unwrap();
    for heard in &mut all {
        let later = heard.iter().position(|one| place(&one.id).0 > begin);
        heard.drain(..later.unwrap());
    }
    let audit = pages(&serve.api(), "audit");
    let revisions = audit.iter().map(|one| one["revision"].as_u64().unwrap());
    changes_are_whole(&all, &revisions.filter(|one| *one > begin).collect());
    let observed = observations_are_whole(&all);
    println!("{}", figures(of, &all, audit.len(), observed));
}

/// What was seen, in a line.
fn figures(of: &Measure, all: &[Vec<Heard>], changes: usize, observed: usize) -> String {
    let mut late: Vec<_> = { all.iter().step_by(2).flatten() }
        .filter(|one| one.name == "tunnel")
        .map(|one| one.late)
        .collect();
    late.sort_unstable();
    let at = |part: usize| late[(late.len() - 1) * part / 1000];
    let resets = all[0].iter().filter(|one| one.name == "reset").count();
    assert_eq!(resets, 3);
    format!(
        "{} tunnels, {} followers, half of whom came back again and again, 3 restarts: {changes} changes and {observed} \
         observations, each heard once by everybody; {resets} resets each; from noted to heard: p50 {}, p99 {}, p99.9 {}, all {}",
        of.tunnels,
        of.followers,
        at(500),
        at(990),
        at(999),
        at(1000),
    )
}

#[test]
fn who_follows_misses_nothing_and_hears_nothing_twice() {
    let measure_of = Measure {
        tunnels: 20,
        followers: 10,
        flaps: 1,
    };
    measure("aev", 204, &measure_of);
}

#[test]
#[ignore = "a thousand tunnels take minutes: make soak"]
fn a_hundred_follow_a_thousand_tunnels() {
    let tunnels = std::env::var("ADIT_TUNNELS").map_or(1000, |count| count.parse().unwrap());
    let measure_of = Measure {
        tunnels,
        followers: 100,
        flaps: 1,
    };
    measure("aew", 205, &measure_of);
}

//! Whatever is asked for, by whom, through the rules of which face and in which order: what
//! `docs/invariants.md` says holds after each step, each change has its entry in the log, and every
//! lane was woken that a change concerns.

mod around;
mod invariants;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adit_control::Error;
use adit_model::change::LogEntry;
use adit_store::MemoryStore;
use adit_store::contract::log_and_rows_agree;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::world::{World, config};
use steps::{Outcome, Step, Who};

/// How often everything is looked at.
const SWEEP: Duration = Duration::from_secs(24 * 3600);

/// By then every lane has done what it was woken for.
const SOON: Duration = Duration::from_secs(60);

/// How many sequences are tried, always the same ones, and of how many steps. `PROPTEST_CASES` asks
/// for as many others.
const SEQUENCES: u32 = 24;
const STEPS: usize = 60;

/// How often each kind of step was asked for, and how often it did something.
type Tally = BTreeMap<Step, (u32, u32)>;

async fn start() -> World {
    let mut config = config();
    config.timing.sweep = SWEEP;
    let pool = |block: &str| {
        let cidr: adit_model::Cidr = block.parse().unwrap();
        adit_control::ExternalPool {
            cidr,
            reserved: cidr.nth(1).into_iter().collect(),
        }
    };
    config.external_v6 = Some(pool("2001:db8::/64"));
    let mut world = World::over(Arc::new(MemoryStore::default()), config).await;
    world.run();
    tokio::time::sleep(SOON).await;
    world
}

async fn log(world: &World) -> Vec<LogEntry> {
    let mut tx = world.store.read().await.unwrap();
    tx.log_after(None, 0, u32::MAX).await.unwrap()
}

/// Fails if something was left to the sweep. A router's own list of blocks behind peers may be: its
/// gateways tell their own.
async fn check_lanes(world: &World) {
    tokio::time::sleep(SOON).await;
    let before = world.agent.log().len();
    tokio::time::sleep(SWEEP).await;
    let mut late = world.agent.log().split_off(before);
    late.retain(|call| !call.starts_with("apply_router"));
    assert_eq!(late, Vec::<String>::new(), "left to the sweep");
}

async fn walk(steps: &[(Step, Who, [u8; 6])], tally: &mut Tally) {
    let world = start().await;
    let held = world.agent.held();
    let beginning = steps::BEGINNING.iter();
    let beginning = beginning.map(|(step, picks)| (*step, Who::Member, *picks));
    for (step, who, picks) in &beginning.chain(steps.iter().copied()).collect::<Vec<_>>() {
        let before = log(&world).await;
        let outcome = steps::take(&world, *step, *who, *picks).await;
        let after = log(&world).await;
        let counts = tally.entry(*step).or_default();
        counts.0 += 1;
        match outcome {
            Outcome::Done => {
                assert_eq!(*who, Who::Member, "somebody did what he may not");
                counts.1 += 1;
            }
            Outcome::Refused(Error::Internal(error)) => panic!("a fault of ours: {error}"),
            Outcome::Refused(Error::Unavailable(error)) => panic!("not at this moment: {error}"),
            Outcome::Refused(_) => assert_eq!(before, after, "refused, and yet changed"),
            // There was nothing to do it to.
            Outcome::Idle => continue,
        }
        let mut tx = world.store.read().await.unwrap();
        log_and_rows_agree(&mut *tx).await;
        invariants::check(&mut *tx).await;
        drop(tx);
        if after.len() > before.len() {
            check_lanes(&world).await;
        }
    }
    end(&world).await;
    assert_eq!(world.agent.held(), held, "{:?}", world.agent.log());
}

/// Deletes the project with all that was made in it; nothing stays, neither here nor on the host.
async fn end(world: &World) {
    let token = world
        .control
        .issue_token(&world.admin, serde_json::Map::new());
    let session = world.control.session(&token.text).await.unwrap();
    let gone = world.control.delete_project(&session, world.demo.project);
    gone.await.unwrap();
    tokio::time::sleep(SWEEP).await;
    let mut tx = world.store.read().await.unwrap();
    log_and_rows_agree(&mut *tx).await;
    invariants::nothing_is_left(&mut *tx, world.demo.project).await;
}

#[test]
fn whatever_is_asked_for_in_any_order_the_invariants_hold() {
    let step = prop_oneof![
        2 => prop::sample::select(steps::OF_CONNECTIONS),
        1 => prop::sample::select(steps::OF_NETWORKS),
    ];
    let who = prop_oneof![
        12 => Just(Who::Member),
        1 => Just(Who::Reader),
        1 => Just(Who::Stranger),
    ];
    let sequence = prop::collection::vec((step, who, any::<[u8; 6]>()), 1..STEPS);
    let asked: Option<u32> = std::env::var("PROPTEST_CASES")
        .ok()
        .map(|cases| cases.parse().unwrap());
    let config = Config {
        cases: asked.unwrap_or(SEQUENCES),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = match asked {
        Some(_) => TestRunner::new(config),
        None => {
            let random = TestRng::deterministic_rng(config.rng_algorithm);
            TestRunner::new_with_rng(config, random)
        }
    };
    let tally = std::cell::RefCell::new(Tally::new());
    let outcome = runner.run(&sequence, |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(walk(&steps, &mut tally.borrow_mut()));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // What is always refused shows nothing.
    let tally = tally.into_inner();
    println!("done, of asked for: {tally:?}");
    let never = tally.iter().filter(|(_, (_, done))| *done == 0);
    assert_eq!(never.count(), 0, "never done: {tally:?}");
}

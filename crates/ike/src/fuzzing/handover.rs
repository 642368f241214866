//! What the fuzz target `handover` does with its input: a snapshot as it is once its seal is open. An endpoint takes it
//! and lives on for a while, alone. Invariant: nothing panics, and it does not ask to be woken again and again for nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::{CONNECTION, MAX_CHILDREN, Sequence, config};
use crate::handover::Snapshot;
use crate::output::{ChildKey, Output, Polled};
use crate::{Command, Endpoint, EndpointConfig, Instant};

/// How long it lives on.
const LIFE: Duration = Duration::from_secs(600);

/// How often it may ask to be woken meanwhile, and for each Child SA more.
const WAKES: usize = 400;

/// The epoch of who goes on.
const EPOCH: u16 = 7;

/// An endpoint that may take what another one of a lower epoch has exported.
pub(super) fn successor(iv_epoch: u16) -> Endpoint {
    let limits = EndpointConfig {
        iv_epoch,
        ..EndpointConfig::default()
    };
    Endpoint::new(
        Instant::ZERO,
        limits,
        Box::new(Sequence(0x1357_9bdf_0246_8ace)),
    )
}

const START: Instant = Instant::from_micros(1 << 40);

/// Plays one input.
pub fn run_handover(input: &[u8]) {
    let Some((choice, octets)) = input.split_first() else {
        return;
    };
    let snapshot = Snapshot::unsealed(CONNECTION, octets.to_vec());
    let mut endpoint = successor(EPOCH);
    let side = usize::from(choice >> 7);
    let wanted = config(side, choice & 0x7F);
    if endpoint
        .import(START, wanted, &snapshot, Duration::ZERO)
        .is_err()
    {
        assert_eq!(endpoint.sas.len(), 0, "what is refused leaves nothing");
        return;
    }
    live(endpoint, octets.len());
}

fn live(mut endpoint: Endpoint, len: usize) {
    let (mut now, end) = (START, START + LIFE);
    let mut wakes = 0;
    // Each takes more than that in a snapshot.
    let most = MAX_CHILDREN + len / 100;
    let mut children: Vec<ChildKey> = Vec::new();
    loop {
        match endpoint.poll_output() {
            Polled::Output(Output::InstallChild(child)) => {
                children.push(child.child);
                assert!(children.len() <= most, "Child SAs leak");
                let installed = Command::ChildInstalled(child.child, child.inbound.spi & 1 == 0);
                endpoint.handle_command(now, installed);
            }
            Polled::Output(Output::RemoveChild(key)) => children.retain(|child| *child != key),
            Polled::Output(_) => {}
            Polled::Idle(Some(deadline)) if deadline.at <= end => {
                wakes += 1;
                assert!(wakes <= WAKES + 20 * most, "{}", deadline.why);
                now = now.max(deadline.at);
                endpoint.handle_timeout(now);
            }
            Polled::Idle(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::fuzzing::Table;
    use crate::output::Progress;

    /// Which end has what order, and how many messages pass then.
    type Orders = &'static [(usize, u8, usize)];

    /// After as many messages as the choice says.
    const LIVES: &[(u8, Orders)] = &[
        (6 << 5, &[]),
        (6 << 5 | 1, &[(0, 0, 0)]),
        (6 << 5 | 2, &[(0, 0, 1), (1, 0, 1)]),
        (6 << 5 | 4, &[(0, 2, 1)]),
        (6 << 5 | 2, &[(0, 2, 1), (1, 2, 1)]),
        (6 << 5 | 12, &[(0, 4, 0)]),
        (6 << 5 | 5, &[(0, 0, 2), (0, 2, 3)]),
    ];

    /// The snapshots of both ends of each of these.
    fn inputs() -> Vec<Vec<u8>> {
        let mut inputs = Vec::new();
        for (choice, orders) in LIVES {
            let mut table = Table::new(*choice);
            for (side, order, messages) in *orders {
                table.order(*side, *order);
                for number in 0..*messages {
                    table.pass((side + number) % 2, |_| {});
                }
            }
            for side in [0, 1] {
                let now = table.now;
                let endpoint = table.end(side);
                let progress = |_| Progress {
                    sent: 7,
                    received: 9,
                };
                let Ok(snapshot) = endpoint.export(now, CONNECTION, progress) else {
                    continue;
                };
                let choice = u8::try_from(side << 7).unwrap() | choice & 0x1F;
                inputs.push([&[choice], snapshot.octets()].concat());
            }
        }
        inputs
    }

    #[test]
    fn what_is_exported_is_taken() {
        let inputs = inputs();
        assert!(inputs.len() >= 12, "{}", inputs.len());
        for input in inputs {
            let snapshot = Snapshot::unsealed(CONNECTION, input[1..].to_vec());
            let mut endpoint = successor(EPOCH);
            let wanted = config(usize::from(input[0] >> 7), input[0] & 0x7F);
            let taken = endpoint.import(START, wanted, &snapshot, Duration::ZERO);
            assert_eq!(taken, Ok(()));
            run_handover(&input);
        }
    }

    #[test]
    fn any_octet_of_a_snapshot_may_be_another_and_it_may_end_anywhere() {
        for (number, input) in inputs().into_iter().enumerate() {
            for at in (number % 3..input.len()).step_by(3) {
                let mut changed = input.clone();
                let value = [1, 0x80, 0xFF, 7][(number + at) % 4];
                changed[at] ^= value;
                run_handover(&changed);
            }
            for len in (0..input.len()).step_by(7) {
                run_handover(&input[..len]);
            }
        }
    }

    #[test]
    fn every_committed_input_is_survived() {
        let folder = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
            .join("../../fuzz/corpus/handover");
        let mut played = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            run_handover(&std::fs::read(entry.unwrap().path()).unwrap());
            played += 1;
        }
        assert!(played > 0);
    }

    #[test]
    #[ignore = "writes to fuzz/corpus"]
    fn write_seeds() {
        let folder = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap())
            .join("../../fuzz/corpus/handover");
        std::fs::create_dir_all(&folder).unwrap();
        for (number, input) in inputs().into_iter().enumerate() {
            let name = std::format!("input-{:04}", number + 1);
            std::fs::write(folder.join(name), input).unwrap();
        }
    }
}

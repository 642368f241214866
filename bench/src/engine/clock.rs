//! Time and memory of this process.

use std::io;
use std::time::{Duration, Instant};

/// The median of what some runs took, in nanoseconds, each of `times` repetitions.
pub(crate) fn median(runs: usize, times: u32, mut act: impl FnMut()) -> u64 {
    let took = (0..runs)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..times {
                act();
            }
            begun.elapsed() / times
        })
        .collect();
    middle(took)
}

/// The median of what some things took, in nanoseconds: what others do on this machine meanwhile moves it little.
pub(crate) fn middle(mut took: Vec<Duration>) -> u64 {
    took.sort_unstable();
    nanoseconds(took.get(took.len() / 2).copied().unwrap_or_default())
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Octets of memory that this process has now.
pub(crate) fn memory() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::other("no VmRSS in /proc/self/status"))
}

//! How much goes through each tunnel: the difference of two counts, over the time between them.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

/// What went through at some time, in octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Count {
    at: Instant,
    inward: u64,
    outward: u64,
}

/// Bits per second, in and out.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Rate {
    pub(super) inward: f64,
    pub(super) outward: f64,
}

/// What was counted last.
#[derive(Default)]
pub(super) struct Rates(HashMap<String, Count>);

impl Rates {
    /// The rate of a connection since it was looked at last; none at first, and where a worker has begun to count anew.
    pub(super) fn of(&mut self, connection: &Value, now: Instant) -> Rate {
        let count = |name: &str| {
            let place = format!("/traffic/{name}");
            connection.pointer(&place).and_then(Value::as_u64)
        };
        let count = Count {
            at: now,
            inward: count("bytes_in").unwrap_or_default(),
            outward: count("bytes_out").unwrap_or_default(),
        };
        let id = super::text(connection, "/id");
        let Some(before) = self.0.insert(id, count) else {
            return Rate::default();
        };
        let seconds = now.saturating_duration_since(before.at).as_secs_f64();
        let rate = |now: u64, before: u64| match now.checked_sub(before) {
            #[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
            Some(octets) if seconds > 0.0 => octets as f64 * 8.0 / seconds,
            _ => 0.0,
        };
        Rate {
            inward: rate(count.inward, before.inward),
            outward: rate(count.outward, before.outward),
        }
    }

    /// Forgets connections that are gone.
    pub(super) fn forget(&mut self, all: &[Value]) {
        let there: HashSet<_> = all.iter().map(|one| super::text(one, "/id")).collect();
        self.0.retain(|id, _| there.contains(id));
    }
}

/// Bits per second for people: `1.25M`.
pub(super) fn shown(bits: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let unit = units.iter().find(|(least, _)| bits >= *least);
    match unit {
        Some((least, letter)) => format!("{:.2}{letter}", bits / least),
        None => format!("{bits:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_rate_is_a_difference_over_time_and_never_below_nothing() {
        let of = |inward: u64| json!({"id": "c", "traffic": {"bytes_in": inward, "bytes_out": 0}});
        let mut rates = Rates::default();
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(rates.of(&of(1000), at(0)), Rate::default());
        assert!((rates.of(&of(3000), at(2)).inward - 8000.0).abs() < 1e-6);
        assert!((rates.of(&of(0), at(3)).inward).abs() < 1e-6);
        rates.forget(&[]);
        assert_eq!(rates.of(&of(9000), at(4)), Rate::default());
    }

    #[test]
    fn rates_are_short() {
        for (bits, text) in [
            (0.0, "0"),
            (999.0, "999"),
            (1250.0, "1.25k"),
            (2.5e6, "2.50M"),
            (1e10, "10.00G"),
        ] {
            assert_eq!(shown(bits), text);
        }
    }
}

//! How much goes through tunnels: from their counters at two looks. Workers tell counters every two seconds while they
//! change, and nothing while they don't.

use adit_model::observed::Traffic;
use time::{Duration, OffsetDateTime};

/// For how long nothing has to be told until nothing is known to go through.
const SILENCE: Duration = Duration::seconds(5);

/// The least time between two looks that something is said of.
const LEAST: Duration = Duration::milliseconds(500);

/// What goes through a tunnel each second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// By packets and octets each second.
    pub each_second: Traffic,
    /// From when on it was counted, UTC.
    pub from: OffsetDateTime,
    /// Until when, UTC.
    pub until: OffsetDateTime,
}

/// Counters at a time.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: OffsetDateTime,
    traffic: Traffic,
}

/// The two latest looks at a tunnel's counters.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Looks {
    before: Option<Look>,
    last: Option<Look>,
}

impl Looks {
    /// Notes counters. Those of a worker that was started again begin anew.
    pub(super) fn note(&mut self, traffic: Traffic, at: OffsetDateTime) {
        let look = Look { at, traffic };
        match self.last {
            Some(last) if last.traffic == traffic => {}
            // News of something else come in between; what is counted since has to show.
            Some(last) if at - last.at < LEAST => {}
            Some(last) if goes_on(last.traffic, traffic) => {
                self.before = Some(last);
                self.last = Some(look);
            }
            _ => {
                self.before = None;
                self.last = Some(look);
            }
        }
    }

    /// What goes through at this time; nothing while there was but one look.
    pub(super) fn rates(&self, now: OffsetDateTime) -> Option<Rates> {
        let last = self.last?;
        if now - last.at > SILENCE {
            return Some(Rates {
                each_second: Traffic::default(),
                from: last.at,
                until: now,
            });
        }
        let before = self.before?;
        let milliseconds = u64::try_from((last.at - before.at).whole_milliseconds()).ok()?;
        let each = |last: u64, before: u64| {
            let more = last.saturating_sub(before).saturating_mul(1000);
            more.checked_div(milliseconds).unwrap_or_default()
        };
        let (new, old) = (last.traffic, before.traffic);
        Some(Rates {
            each_second: Traffic {
                packets_in: each(new.packets_in, old.packets_in),
                bytes_in: each(new.bytes_in, old.bytes_in),
                packets_out: each(new.packets_out, old.packets_out),
                bytes_out: each(new.bytes_out, old.bytes_out),
            },
            from: before.at,
            until: last.at,
        })
    }
}

fn goes_on(before: Traffic, after: Traffic) -> bool {
    after.packets_in >= before.packets_in
        && after.packets_out >= before.packets_out
        && after.bytes_in >= before.bytes_in
        && after.bytes_out >= before.bytes_out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(milliseconds)
    }

    fn counted(packets_in: u64) -> Traffic {
        Traffic {
            packets_in,
            bytes_in: packets_in * 100,
            ..Traffic::default()
        }
    }

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let mut looks = Looks::default();
        assert_eq!(looks.rates(at(0)), None);
        looks.note(counted(0), at(0));
        assert_eq!(looks.rates(at(1000)), None);
        looks.note(counted(10), at(2000));
        // News of something else say nothing of counters.
        looks.note(counted(10), at(2100));
        looks.note(counted(11), at(2200));
        let rates = looks.rates(at(3000)).unwrap();
        assert_eq!(
            (rates.each_second.packets_in, rates.each_second.bytes_in),
            (5, 500)
        );
        assert_eq!((rates.from, rates.until), (at(0), at(2000)));
        looks.note(counted(30), at(4000));
        assert_eq!(looks.rates(at(4100)).unwrap().each_second.packets_in, 10);
        // Nothing was told for a while, so nothing goes through.
        let silent = looks.rates(at(10_000)).unwrap();
        assert_eq!(silent.each_second, Traffic::default());
        assert_eq!((silent.from, silent.until), (at(4000), at(10_000)));
        // A worker that was started again.
        looks.note(counted(1), at(11_000));
        assert_eq!(looks.rates(at(11_100)), None);
    }
}

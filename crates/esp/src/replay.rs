//! Anti-replay: a window of 4096 sequence numbers as a ring of words (RFC 6479), and the high half of extended
//! sequence numbers (RFC 4303 appendix A).
//!
//! Asking comes before authentication, committing after it: a forged packet moves nothing.

/// How far behind the highest authenticated number a packet may be. Bursts of segmentation offload reorder by
/// hundreds, so that the RFC's 64 would lose real packets.
const WINDOW: u64 = 4096;

/// One word more than the window would do; a power of two makes the ring's index a mask.
const WORDS: usize = 128;

/// Why a sequence number was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayError {
    /// Zero is never sent, and no extended number fits these 32 bits.
    #[error("sequence number is impossible")]
    Impossible,
    /// The number was seen before.
    #[error("sequence number was seen before")]
    Replayed,
    /// The number is behind the window, where nothing is remembered.
    #[error("sequence number is behind the replay window")]
    TooOld,
}

/// The sequence numbers authenticated so far, as far back as the window reaches.
#[derive(Clone, Debug)]
pub struct ReplayWindow {
    words: [u64; WORDS],
    highest: u64,
    extended: bool,
}

impl ReplayWindow {
    /// A window that has seen nothing. `extended`: the SA uses 64-bit sequence numbers.
    #[must_use]
    pub fn new(extended: bool) -> Self {
        Self {
            words: [0; WORDS],
            highest: 0,
            extended,
        }
    }

    /// A window that takes this number and all before it for seen: one that goes on where another one was, of which
    /// no more is known.
    #[must_use]
    pub fn after(highest: u64, extended: bool) -> Self {
        let mut window = Self {
            words: [u64::MAX; WORDS],
            highest,
            extended,
        };
        // What comes next in its word is fresh.
        let (index, _) = place(highest);
        if let Some(word) = window.words.get_mut(index) {
            *word = u64::MAX >> (63 - highest % 64);
        }
        window
    }

    /// The highest authenticated sequence number; 0 if there was none.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// The whole sequence number behind the 32 bits of a packet, if it could be fresh.
    ///
    /// # Errors
    /// If the number is impossible, behind the window, or seen before.
    pub fn check(&self, low: u32) -> Result<u64, ReplayError> {
        let sequence = self
            .infer(low)
            .filter(|sequence| *sequence != 0)
            .ok_or(ReplayError::Impossible)?;
        if self.highest.saturating_sub(sequence) >= WINDOW {
            return Err(ReplayError::TooOld);
        }
        let (index, bit) = place(sequence);
        if sequence <= self.highest && self.words.get(index).is_some_and(|word| word & bit != 0) {
            return Err(ReplayError::Replayed);
        }
        Ok(sequence)
    }

    /// Remembers an authenticated number that [`check`](Self::check) answered.
    pub fn commit(&mut self, sequence: u64) {
        if sequence > self.highest {
            // Words between the old top and the new one hold numbers of an earlier round.
            let new_words = (sequence / 64 - self.highest / 64).min(WORDS as u64);
            let top = self.highest / 64;
            for step in 1..=new_words {
                if let Some(word) = self.words.get_mut(ring(top + step)) {
                    *word = 0;
                }
            }
            self.highest = sequence;
        }
        let (index, bit) = place(sequence);
        if let Some(word) = self.words.get_mut(index) {
            *word |= bit;
        }
    }

    /// RFC 4303 appendix A2.1: the high half that puts the number into the window, or else ahead of it.
    fn infer(&self, low: u32) -> Option<u64> {
        if !self.extended {
            return Some(low.into());
        }
        let (top_high, top_low) = (self.highest >> 32, self.highest & 0xFFFF_FFFF);
        let low = u64::from(low);
        let high = if top_low >= WINDOW - 1 {
            if low + WINDOW > top_low {
                top_high
            } else {
                (top_high + 1).min(1 << 32)
            }
        } else if low > (top_low + (1 << 32)) - WINDOW {
            // The window spans two rounds of the low half; in the first round there is none below.
            top_high.checked_sub(1)?
        } else {
            top_high
        };
        (high < 1 << 32).then_some(high << 32 | low)
    }
}

fn ring(word: u64) -> usize {
    (word % WORDS as u64) as usize
}

fn place(sequence: u64) -> (usize, u64) {
    (ring(sequence / 64), 1 << (sequence % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    /// The same rules, remembered in full.
    #[derive(Default)]
    struct Model {
        seen: BTreeSet<u64>,
    }

    impl Model {
        /// Whether a packet whose true number is `sequence` must be taken, given that it may be recognised.
        fn accept(&mut self, sequence: u64) -> bool {
            let highest = self.seen.last().copied().unwrap_or(0);
            sequence != 0 && sequence + WINDOW > highest && self.seen.insert(sequence)
        }
    }

    fn offer(window: &mut ReplayWindow, low: u32) -> Result<u64, ReplayError> {
        let sequence = window.check(low)?;
        window.commit(sequence);
        Ok(sequence)
    }

    #[test]
    fn zero_repeats_and_the_past_are_refused() {
        let mut window = ReplayWindow::new(false);
        assert_eq!(offer(&mut window, 0), Err(ReplayError::Impossible));
        assert_eq!(offer(&mut window, 1), Ok(1));
        assert_eq!(offer(&mut window, 1), Err(ReplayError::Replayed));
        assert_eq!(offer(&mut window, 4098), Ok(4098));
        assert_eq!(offer(&mut window, 2), Err(ReplayError::TooOld));
        assert_eq!(offer(&mut window, 3), Ok(3));
        assert_eq!(offer(&mut window, u32::MAX), Ok(u32::MAX.into()));
        assert_eq!(offer(&mut window, 4097), Err(ReplayError::TooOld));
    }

    #[test]
    fn extended_numbers_continue_over_the_turn_of_the_low_half() {
        let mut window = ReplayWindow::new(true);
        window.commit(0xFFFF_FFFF);
        assert_eq!(offer(&mut window, 5), Ok(0x1_0000_0005));
        assert_eq!(offer(&mut window, 0xFFFF_FFFE), Ok(0xFFFF_FFFE));
        assert_eq!(offer(&mut window, 0xFFFF_FFFF), Err(ReplayError::Replayed));
        assert_eq!(offer(&mut window, 5), Err(ReplayError::Replayed));
        assert_eq!(offer(&mut window, 0), Ok(0x1_0000_0000));
    }

    #[test]
    fn extended_numbers_neither_fall_below_zero_nor_pass_the_end() {
        let mut window = ReplayWindow::new(true);
        for top in [3, 4094, 4095, 4096] {
            let mut window = ReplayWindow::new(true);
            window.commit(top);
            assert_eq!(window.check(top as u32 + 1), Ok(top + 1));
        }
        window.commit(3);
        assert_eq!(window.check(0xFFFF_FFFF), Err(ReplayError::Impossible));
        window.commit(u64::MAX - 5);
        assert_eq!(window.check(7), Err(ReplayError::Impossible));
        assert_eq!(window.check(0xFFFF_FFFF), Ok(u64::MAX));
    }

    #[test]
    fn a_window_goes_on_behind_a_number() {
        for highest in [0, 1, 63, 64, 5_000, 0xFFFF_FFFF] {
            let mut window = ReplayWindow::after(highest, true);
            for seen in highest.saturating_sub(WINDOW - 1)..=highest {
                assert!(window.check(seen as u32).is_err(), "{seen} of {highest}");
            }
            for fresh in highest + 1..highest + 200 {
                assert_eq!(offer(&mut window, fresh as u32), Ok(fresh));
                assert!(offer(&mut window, fresh as u32).is_err());
            }
        }
    }

    #[test]
    fn asking_changes_nothing() {
        let window = ReplayWindow::new(false);
        assert_eq!(
            (window.check(9), window.check(9), window.highest()),
            (Ok(9), Ok(9), 0)
        );
    }

    /// Jumps that stay within what the RFC can infer: behind within the window, ahead less than 2^31.
    fn jumps() -> impl Strategy<Value = i64> {
        prop_oneof![
            8 => -70_i64..130,
            4 => -5000_i64..5000,
            1 => Just(1 << 30),
            1 => Just(i64::from(u32::MAX) / 2),
        ]
    }

    proptest! {
        #[test]
        fn plain_numbers_behave_as_the_model(jumps in proptest::collection::vec(jumps(), 1..400)) {
            let (mut window, mut model) = (ReplayWindow::new(false), Model::default());
            let mut at = 0_i64;
            for jump in jumps {
                at = (at + jump).clamp(0, u32::MAX.into());
                prop_assert_eq!(offer(&mut window, at as u32).is_ok(), model.accept(at as u64), "{}", at);
            }
        }

        #[test]
        fn a_window_that_is_handed_over_takes_nothing_twice_and_all_that_is_ahead(
            jumps in proptest::collection::vec((jumps(), any::<bool>()), 1..400),
        ) {
            let mut window = ReplayWindow::new(true);
            let (mut seen, mut at) = (BTreeSet::new(), 0_i64);
            for (jump, hand_over) in jumps {
                if hand_over {
                    window = ReplayWindow::after(window.highest(), true);
                }
                at = (at + jump).max(1);
                let highest = window.highest();
                if let Ok(sequence) = offer(&mut window, at as u32) {
                    prop_assert!(seen.insert(sequence), "{} twice", sequence);
                } else {
                    prop_assert!(at as u64 <= highest, "{} is ahead of {}", at, highest);
                }
            }
        }

        #[test]
        fn extended_numbers_behave_as_the_model(
            start in prop_oneof![Just(0_i64), Just(0xFFFF_F000), Just(0x5_0000_0010), 0_i64..1 << 40],
            jumps in proptest::collection::vec(jumps(), 1..400),
        ) {
            let (mut window, mut model) = (ReplayWindow::new(true), Model::default());
            let mut at = start;
            if start > 0 {
                window.commit(start as u64);
                model.accept(start as u64);
            }
            for jump in jumps {
                at = (at + jump).max(0);
                let before = window.highest();
                match offer(&mut window, at as u32) {
                    // What is behind the window may be taken for a number 2^32 ahead; authentication refuses it.
                    Ok(sequence) if sequence != at as u64 => {
                        prop_assert!(at as u64 + WINDOW <= before && sequence == at as u64 + (1 << 32));
                        return Ok(());
                    }
                    result => prop_assert_eq!(result.is_ok(), model.accept(at as u64), "{} {:?}", at, result),
                }
            }
        }
    }
}

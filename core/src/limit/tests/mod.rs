//! What the limiters promise, told with a clock that is a number.

mod address;
mod gcra;
mod ledger;
mod ledger_model;
mod rate_limit;
mod wheel;
mod window;

use crate::Timestamp;

/// A time in milliseconds.
fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A time in nanoseconds.
fn ns(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

/// A small generator for long runs, where proptest's bookkeeping would cost more than the test.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

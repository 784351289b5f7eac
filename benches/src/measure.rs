//! What the benches that measure by themselves share: rows of data, samples in turns, keys in random order.
#![expect(clippy::print_stdout, reason = "rows of data are what it prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use wswarden_core::Timestamp;

/// Whether the run only has to show that everything works: `cargo bench ... -- --test`.
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Prints a line as `benches/report.py` reads it: the median of the samples and the quartiles around it.
pub fn row(group: &str, case: &str, subject: &str, samples: &mut [f64], unit: &str) {
    samples.sort_by(f64::total_cmp);
    let [median, low, high] = [2, 1, 3].map(|quarter| samples[(samples.len() - 1) * quarter / 4]);
    println!("{group}\t{case}\t{subject}\t{median:.2}\t{low:.2}\t{high:.2}\t{unit}");
}

/// Something to measure: its name, and what does it so many times and says how long that took.
pub type Subject<'a> = (&'a str, Box<dyn FnMut(u32) -> Duration + 'a>);

/// A subject that is timed call by call.
pub fn timed<'a, R>(name: &'a str, mut call: impl FnMut() -> R + 'a) -> Subject<'a> {
    let work = move |times| {
        let began = Instant::now();
        for _ in 0..times {
            black_box(call());
        }
        began.elapsed()
    };
    (name, Box::new(work))
}

/// Measures all subjects in turn, round by round, and prints their rows: what disturbs one disturbs all. Before each
/// sample its subject works as long unmeasured, as it would go on working: what the others left in the caches is not its
/// own price. Of a million keys that takes longer, and there are fewer rounds.
pub fn interleave(group: &str, case: &str, mut subjects: Vec<Subject<'_>>) {
    let (sample, rounds) = match case.parse::<u32>() {
        _ if is_test() => (Duration::from_micros(100), 2),
        Ok(count) if count > 100_000 => (Duration::from_millis(20), 25),
        _ => (Duration::from_millis(2), 75),
    };
    let times: Vec<u32> = subjects
        .iter_mut()
        .map(|(_, work)| {
            work(1000);
            let once = work(1000).as_nanos() / 1000 + 1;
            u32::try_from((sample.as_nanos() / once).clamp(10, 10_000_000)).unwrap_or(10)
        })
        .collect();
    let mut samples = vec![Vec::with_capacity(rounds); subjects.len()];
    for _ in 0..rounds {
        for (((_, work), times), samples) in subjects.iter_mut().zip(&times).zip(&mut samples) {
            work(*times);
            samples.push(work(*times).as_nanos() as f64 / f64::from(*times));
        }
    }
    for ((name, _), samples) in subjects.iter().zip(&mut samples) {
        row(group, case, name, samples, "ns");
    }
}

/// 2^20 keys below a count, in random order, and the place in them.
pub struct Order {
    keys: Vec<u32>,
    next: usize,
    now: u64,
}

impl Order {
    /// Keys below `count`.
    pub fn new(count: u32) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u32
        };
        Self { keys: (0..1 << 20).map(|_| random() % count).collect(), next: 0, now: 0 }
    }

    /// The next key, and a time a little later than the last.
    #[inline(always)]
    pub fn draw(&mut self) -> (u32, Timestamp) {
        self.next = (self.next + 1) & ((1 << 20) - 1);
        self.now += 50;
        (self.keys[self.next], Timestamp::from_nanos(self.now))
    }

    /// All keys, in their order.
    pub fn keys(&self) -> &[u32] {
        &self.keys
    }
}

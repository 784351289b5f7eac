//! Comparing secrets must not tell where they differ (threat 49), measured as dudect does: two classes
//! of inputs in random order, Welch's t-test on their times, slow outliers cut off. A comparison that is
//! known to tell must be found out by the same measurement.

use std::hint::black_box;
use std::time::Instant;

use wswarden_core::Secret;

/// Above this the two classes take different times (dudect's threshold).
const LEAKS: f64 = 4.5;
const SAMPLES: usize = 200_000;
const LENGTH: usize = 64;

/// Welch's t of the times of `compare` on secrets that differ at their first byte, or their last.
fn t_of(compare: impl Fn(&Secret, &Secret) -> bool) -> f64 {
    let kept = vec![7_u8; LENGTH];
    let differing = |at: usize| {
        let mut bytes = kept.clone();
        bytes[at] ^= 1;
        Secret::new(bytes)
    };
    let (kept, guesses) = (Secret::new(kept.clone()), [differing(0), differing(LENGTH - 1)]);
    let (mut times, mut random) = ([Vec::new(), Vec::new()], 0x9e37_79b9_7f4a_7c15_u64);
    for _ in 0..SAMPLES {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let class = usize::from(random & 1 == 1);
        let began = Instant::now();
        for _ in 0..8 {
            black_box(compare(black_box(&kept), black_box(&guesses[class])));
        }
        times[class].push(began.elapsed().as_nanos() as f64);
    }
    // Interrupts and other processes make the slow tail; it says nothing of the comparison.
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let limit = all[all.len() * 8 / 10];
    let [first, last] = times.map(|times| statistics(times.into_iter().filter(|time| *time <= limit)));
    ((first.0 - last.0) / (first.1 + last.1).sqrt()).abs()
}

/// The mean, and the variance of the mean.
fn statistics(times: impl Iterator<Item = f64>) -> (f64, f64) {
    let times: Vec<f64> = times.collect();
    let count = times.len() as f64;
    let mean = times.iter().sum::<f64>() / count;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

/// Byte after byte, as `==` on secrets in CVE-2021-33880 did.
fn leaky(a: &Secret, b: &Secret) -> bool {
    a.expose().iter().zip(b.expose()).all(|(a, b)| black_box(a) == black_box(b))
}

#[test]
fn t49_comparing_secrets_does_not_tell_where_they_differ() {
    // A busy machine can spoil one measurement; a leak shows in every one.
    let found_out = (0..3).map(|_| t_of(leaky)).fold(0.0, f64::max);
    assert!(found_out > LEAKS, "this measurement finds nothing: {found_out}");
    let ours = (0..3).map(|_| t_of(|a, b| a == b)).fold(f64::MAX, f64::min);
    assert!(ours < LEAKS, "t = {ours}");
}

#[test]
fn t50_nothing_here_can_use_a_private_rsa_key() {
    let lock = include_str!("../../Cargo.lock");
    let used: Vec<_> = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(used.contains(&"aws-lc-rs") && used.len() > 100);
    // RUSTSEC-2023-0071: its private operations leak. The others would bring a second verifier.
    for unwanted in ["rsa", "openssl", "openssl-sys", "native-tls"] {
        assert!(!used.contains(&unwanted), "{unwanted}");
    }
}

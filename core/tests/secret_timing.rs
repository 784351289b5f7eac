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

/// What the measurement above cannot see in a comparison of machine words: secrets are compared by
/// `subtle`, tags by aws-lc's `hmac::verify`, sealed tickets by their cipher, and nothing else.
#[test]
fn t49_secrets_are_compared_nowhere_else() {
    let (mut constant, mut tags, mut files) = (Vec::new(), Vec::new(), 0);
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.extend((!name.ends_with("tests")).then_some(path));
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            files += 1;
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let compares = line.contains("==") || line.contains("!=") || line.contains(".cmp(");
                assert!(!(compares && line.contains("expose")), "{name}: {line}");
                assert!(!(compares && name == "secret.rs"), "{name}: {line}");
                constant.extend(line.contains(".ct_eq(").then(|| name.clone()));
                // Who makes a tag to compare it with another does what `hmac::verify` is for.
                tags.extend(line.contains("hmac::sign(").then(|| name.clone()));
            }
        }
    }
    constant.sort();
    assert!(files > 100, "{files}");
    assert_eq!(constant, ["secret.rs", "store.rs"], "a secret, and what a ticket is bound to");
    assert!(tags.iter().all(|name| name == "sealed.rs" || name == "mod.rs"), "keys are derived there: {tags:?}");
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

//! The Origin check alone: the header's bytes against an allowlist of ten, and of a thousand.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use wswarden_core::http::{OriginEntry, OriginList};
use wswarden_core::policy;

fn list(count: usize, last: &str) -> OriginList {
    let entries: Vec<OriginEntry> = (1..count)
        .map(|number| format!("https://app{number}.example.com"))
        .chain([last.to_owned()])
        .map(|entry| entry.parse().expect("an origin"))
        .collect();
    OriginList::new(&entries)
}

fn judge(c: &mut Criterion) {
    let mut group = c.benchmark_group("origin");
    let rules = policy::Origin::default();
    for count in [10, 1000] {
        let exact = list(count, "https://chat.example.com:8443");
        let wildcard = list(count, "https://*.example.net");
        let cases: [(&str, &OriginList, &[u8], bool); 6] = [
            ("exact", &exact, b"https://app7.example.com", true),
            ("exact with a port", &exact, b"https://chat.example.com:8443", true),
            ("exact in capitals", &exact, b"HTTPS://APP7.EXAMPLE.COM:443", true),
            ("wildcard", &wildcard, b"https://any.example.net", true),
            ("foreign", &exact, b"https://evil.example.org", false),
            ("foreign, 255 bytes", &exact, &LONG, false),
        ];
        for (name, list, origin, good) in cases {
            assert_eq!(list.judge(Some(origin), false, None, true, &rules).is_ok(), good, "{name}");
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter(|| list.judge(Some(black_box(origin)), false, None, true, &rules).is_ok());
            });
        }
    }
    group.finish();
}

const LONG: [u8; 255] = {
    let mut bytes = [b'a'; 255];
    let scheme = b"https://";
    let mut at = 0;
    while at < scheme.len() {
        bytes[at] = scheme[at];
        at += 1;
    }
    bytes
};

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    targets = judge
}
criterion_main!(benches);

//! What the registry itself costs: coming and going, finding, ticking, and a change of the guard.
//! The wheel's and ledger's peers (tokio's `DelayQueue`, governor) stand in `limits.rs`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use wswarden_benches::{guard, open_guest, start};
use wswarden_core::{Action, Guard, Now, Registry, Session, Tick};

const HANDSHAKES: &str = r#"
[rate.address]
handshakes = { limit = 1000000, per = "1s" }
"#;

/// A guest: nobody is asked and no token is judged, so that the registry is what is timed.
fn open(guard: &Guard, now: Now) -> Session {
    open_guest(guard, [192, 0, 2, 1].into(), now)
}

fn registry(c: &mut Criterion) {
    let mut group = c.benchmark_group("registry");
    for count in [1_u64, 10_000] {
        let guard = guard(HANDSHAKES);
        let mut registry = Registry::new(guard.clone(), start().mono);
        // A handshake each 10 us stays within the quota.
        let mut at = start();
        let mut later = move || {
            at.mono = at.mono.after(Duration::from_micros(10));
            at
        };
        let handles: Vec<_> = (0..count).map(|_| registry.insert(open(&guard, later())).expect("room")).collect();
        group.bench_function(BenchmarkId::new("screen, admit, drop", count), |b| b.iter(|| open(&guard, later())));
        group.bench_function(BenchmarkId::new("insert and remove", count), |b| {
            let mut session = Some(open(&guard, later()));
            b.iter(|| {
                let handle = registry.insert(session.take().expect("it came back")).expect("room");
                session = registry.remove(handle).ok().flatten();
            });
        });
        let mut next = 0;
        group.bench_function(BenchmarkId::new("find", count), |b| {
            b.iter(|| {
                next = (next + 7919) % handles.len();
                registry.session(black_box(handles[next])).map(Session::id)
            });
        });
        group.bench_function(BenchmarkId::new("entry, timer set anew", count), |b| {
            b.iter(|| {
                next = (next + 7919) % handles.len();
                registry.entry(black_box(handles[next])).map(|entry| entry.id())
            });
        });
        group.bench_function(BenchmarkId::new("tick, nothing due", count), |b| {
            b.iter(|| registry.tick(black_box(start().mono)).is_none());
        });
    }
    // Each call sends one of 10,000 sessions its ping; nobody answers, so they are closed and cut.
    let guard = guard(HANDSHAKES);
    let mut registry = Registry::new(guard.clone(), start().mono);
    let mut at = start();
    group.bench_function(BenchmarkId::new("tick, something due", 10_000), |b| {
        b.iter(|| {
            loop {
                match registry.tick(at.mono) {
                    Some(Tick::Due(handle, due)) => {
                        if due.action == Action::Terminate {
                            drop(registry.remove(handle));
                        }
                        return;
                    }
                    Some(Tick::Refused(..)) => return,
                    None if registry.is_empty() => {
                        for _ in 0..10_000 {
                            at.mono = at.mono.after(Duration::from_micros(10));
                            drop(registry.insert(open(&guard, at)));
                        }
                    }
                    None => at.mono = at.mono.after(Duration::from_secs(1)),
                }
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    targets = registry
}
criterion_main!(benches);

//! Heartbeats of a million connections: the timer wheel beside tokio-util's `DelayQueue`, in turns, and how long the
//! wheel's longest tick is.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tokio_util::time::DelayQueue;
use wswarden_benches::measure::{Order, interleave, is_test, row, timed};
use wswarden_benches::memory::live;
use wswarden_core::Timestamp;
use wswarden_core::limit::Wheel;

const PERIOD: Duration = Duration::from_secs(25);

pub(crate) fn heartbeats() {
    let count: u32 = if is_test() { 10_000 } else { 1_000_000 };
    let due = |slot: u32| Timestamp::from_nanos(PERIOD.as_nanos() as u64 / u64::from(count) * u64::from(slot) + 1);
    let (mut a, mut b, mut c) = (Order::new(count), Order::new(count), Order::new(count));
    let mut seen = vec![0u64; count as usize];

    let before = live();
    let mut wheel = Wheel::new(Timestamp::ZERO);
    (0..count).for_each(|slot| wheel.insert(slot, due(slot)));
    memory("wswarden wheel", count, before);
    let mut turning = Wheel::new(Timestamp::ZERO);
    (0..count).for_each(|slot| turning.insert(slot, due(slot)));
    let mut now = Timestamp::ZERO;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let entered = runtime.enter();
    let before = live();
    let mut queue = DelayQueue::new();
    let wait = |slot| PERIOD + Duration::from_nanos(due(slot).as_nanos());
    let places: Vec<_> = (0..count).map(|slot| queue.insert(slot, wait(slot))).collect();
    // Without the list of places, which is the bench's own.
    memory("DelayQueue", count, before + places.capacity() * size_of_val(&places[0]));

    interleave(
        "wheel",
        &count.to_string(),
        vec![
            timed("pong: a number stored", || {
                let (slot, now) = a.draw();
                seen[slot as usize] = black_box(now.as_nanos());
            }),
            timed("insert again", || {
                let (slot, now) = b.draw();
                wheel.insert(slot, now.after(PERIOD));
            }),
            timed("look at a slot and insert it again", || {
                loop {
                    if let Some(slot) = turning.advance(now) {
                        turning.insert(slot, now.after(PERIOD));
                        return slot;
                    }
                    now = turning.next().unwrap_or(now);
                }
            }),
            timed("DelayQueue reset", || queue.reset(&places[c.draw().0 as usize], PERIOD)),
        ],
    );
    drop(entered);
    longest_tick(count);
}

/// A registry's life for 100 s, a tick each 10 ms, lived several times over: the shortest time of
/// each tick is its own, the rest is what else the machine did.
fn longest_tick(count: u32) {
    let (ticks, lives) = if is_test() { (3000, 1) } else { (10_000, 5) };
    let mut shortest = vec![f64::MAX; ticks];
    let mut jumps = Vec::new();
    let (mut looks, mut all) = (0_u32, Duration::ZERO);
    let shuffled = Order::new(count);
    for _ in 0..lives {
        let mut wheel = Wheel::new(Timestamp::ZERO);
        let mut due = vec![Timestamp::ZERO; count as usize];
        for (place, slot) in shuffled.keys().iter().enumerate() {
            due[*slot as usize] = Timestamp::from_nanos(25_000_000_000 / u64::from(count) * place as u64);
            wheel.insert(*slot, due[*slot as usize]);
        }
        for (tick, shortest) in shortest.iter_mut().enumerate() {
            let now = Timestamp::from_millis(tick as u64 * 10);
            let began = Instant::now();
            while let Some(slot) = wheel.advance(now) {
                let due = &mut due[slot as usize];
                if *due <= now {
                    *due = now.after(PERIOD);
                }
                wheel.insert(slot, *due);
                looks += 1;
            }
            all += began.elapsed();
            *shortest = shortest.min(began.elapsed().as_nanos() as f64 / 1e3);
        }
        let began = Instant::now();
        black_box(wheel.advance(Timestamp::from_secs(1_000_000)));
        jumps.push(began.elapsed().as_nanos() as f64 / 1e3);
    }
    let (case, longest) = (count.to_string(), shortest.iter().copied().fold(0.0, f64::max));
    row("wheel", &case, "wswarden, a tick of 10 ms", &mut shortest, "us");
    row("wheel", &case, "wswarden, the longest tick", &mut [longest], "us");
    row("wheel", &case, "wswarden, one look", &mut [all.as_nanos() as f64 / f64::from(looks)], "ns");
    row("wheel", &case, "wswarden, the first call after the clock jumps 11 days", &mut jumps, "us");
}

fn memory(what: &str, count: u32, before: usize) {
    let grown = live().saturating_sub(before);
    row("memory", &format!("{count} timers"), what, &mut [grown as f64 / f64::from(count)], "bytes");
}

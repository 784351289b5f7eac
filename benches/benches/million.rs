//! A million sessions in one registry, on a virtual clock: what they weigh, how long the event
//! loop stands still when their timers run out, and what is left when they have gone.
//!
//! ```text
//! cargo bench -p wswarden-benches --bench million -- [sessions] [virtual minutes] [lives]
//! ```
//! They are cheap to make: one guard with its caps raised, and a cookie that the "host" resolves
//! to one user for each session, so that no token is signed. Each comes from an address of its own.
#![expect(clippy::print_stdout, reason = "a table is what it makes")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wswarden_benches::{guard, open_user, start};
use wswarden_core::message::Scratch;
use wswarden_core::{Action, Guard, Handle, Message, Now, Registry, Session, Tick, Timestamp, Verdict};

/// The bytes that are allocated just now.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "the trait is unsafe; every call is handed to the system's allocator as it came")]
// SAFETY: see the reason above; the counter has no part in what is allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's own.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// The host of the story: a virtual clock, a network of 40 ms, and the registry.
struct Host {
    guard: Guard,
    registry: Registry,
    scratch: Scratch,
    now: Now,
    /// Pongs on their way.
    pongs: VecDeque<(Timestamp, Handle, [u8; 8])>,
    pings: u64,
    tick: Longest,
    round: Longest,
    drain: Longest,
}

/// How long something took, without the time for which the system ran somebody else.
struct Longest {
    taken: Vec<u32>,
    most: Duration,
    /// Times over a millisecond.
    over: u32,
}

impl Default for Longest {
    /// With room for all that is noted, so that it does not count as a session's.
    fn default() -> Self {
        Self { taken: Vec::with_capacity(1 << 23), most: Duration::ZERO, over: 0 }
    }
}

impl Longest {
    fn add(&mut self, taken: Duration) {
        self.most = self.most.max(taken);
        self.over += u32::from(taken > Duration::from_millis(1));
        self.taken.push(u32::try_from(taken.as_nanos()).unwrap_or(u32::MAX));
    }

    /// Prints what was measured, and keeps for each call the shortest time of all lives.
    fn print(&mut self, what: &'static str, best: &mut Best) {
        if self.taken.is_empty() {
            return;
        }
        let best = best.entry(what).or_insert_with(|| self.taken.clone());
        assert_eq!(best.len(), self.taken.len(), "every life is the same");
        best.iter_mut().zip(&self.taken).for_each(|(best, taken)| *best = (*best).min(*taken));
        self.show(what);
        self.taken.clear();
        (self.most, self.over) = Default::default();
    }

    fn show(&mut self, what: &str) {
        self.taken.sort_unstable();
        let at = |share: f64| self.taken[((self.taken.len() - 1) as f64 * share) as usize] as f64 / 1e3;
        println!(
            "{what:<44} {:>10} times: median {:>7.1} us, 99.9 % {:>7.1} us, longest {:>8.1} us, over 1 ms: {}",
            self.taken.len(),
            at(0.5),
            at(0.999),
            self.most.as_nanos() as f64 / 1e3,
            self.over
        );
    }
}

/// For every call of a kind its shortest time, in nanoseconds. All is virtual but the machine, so that the
/// same call does the same in every life: what it took longer another time was the machine's.
type Best = BTreeMap<&'static str, Vec<u32>>;

fn print_best(best: Best, lives: u32) {
    println!("\neach call's shortest time in {lives} lives");
    for (what, taken) in best {
        let times = |nanos: &u32| Duration::from_nanos(u64::from(*nanos));
        let mut longest = Longest::default();
        taken.iter().map(times).for_each(|taken| longest.add(taken));
        longest.show(what);
    }
}

/// For how long this thread was ready to run and did not, in nanoseconds since it began.
fn waited() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').nth(1).and_then(|delay| delay.parse().ok()).unwrap_or(0)
}

impl Host {
    fn new() -> Self {
        let (guard, now) = (guard(""), start());
        let registry = Registry::new(guard.clone(), now.mono);
        let (tick, round, drain) = Default::default();
        Self { guard, registry, scratch: Scratch::new(), now, pongs: VecDeque::new(), pings: 0, tick, round, drain }
    }

    fn pass(&mut self, time: Duration) {
        self.now = Now { mono: self.now.mono.after(time), unix: self.now.unix.after(time) };
    }

    fn open(&self, number: u32) -> Session {
        open_user(&self.guard, number, IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number)), self.now)
    }

    /// Does all that is due, and measures each call of `tick`, the calls until there is none, after which a host
    /// serves its sockets, and all of them together.
    fn drain(&mut self) {
        let (began, waited_before) = (Instant::now(), waited());
        let mut waited_at = waited_before;
        let mut round = Duration::ZERO;
        loop {
            // What this bench notes, in lists that grow by megabytes, is not part of it.
            let before = Instant::now();
            let tick = self.registry.tick(self.now.mono);
            let mut taken = before.elapsed();
            if taken > Duration::from_micros(200) {
                // Another process ran meanwhile, perhaps: what was waited for so far is not ours.
                let waited_now = waited();
                taken = taken.saturating_sub(Duration::from_nanos(waited_now - waited_at));
                waited_at = waited_now;
            }
            self.tick.add(taken);
            round += taken;
            if tick.is_none() {
                self.round.add(std::mem::take(&mut round));
            }
            match tick {
                Some(Tick::Due(handle, due)) => match due.action {
                    Action::Ping(payload) => {
                        self.pings += 1;
                        self.pongs.push_back((self.now.mono.after(Duration::from_millis(40)), handle, payload));
                    }
                    Action::Terminate => drop(self.registry.remove(handle).expect("it was there")),
                    Action::Close(_) => {}
                    other => panic!("{other:?}"),
                },
                Some(Tick::Refused(..)) => panic!("nobody waits"),
                None if self.registry.next_timeout().is_none_or(|at| at > self.now.mono) => break,
                None => {}
            }
        }
        let taken = began.elapsed();
        self.drain.add(taken.saturating_sub(Duration::from_nanos(waited() - waited_before)));
    }

    fn deliver_pongs(&mut self) {
        while let Some((at, handle, payload)) = self.pongs.front().copied() {
            if at > self.now.mono {
                return;
            }
            self.pongs.pop_front();
            let Ok(outcome) = self.registry.receive(handle, Message::Pong(&payload), &mut self.scratch, self.now.mono)
            else {
                continue;
            };
            assert!(matches!(outcome.verdict, Verdict::Ignore | Verdict::Close(_)));
        }
    }
}

fn main() {
    let numbers: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sessions = numbers.first().copied().unwrap_or(1_000_000);
    let minutes = numbers.get(1).copied().unwrap_or(60);
    let lives = numbers.get(2).copied().unwrap_or(1);
    let mut best = Best::new();
    for _ in 0..lives {
        live_once(sessions, minutes, &mut best);
    }
    if lives > 1 {
        print_best(best, lives);
    }
}

fn live_once(sessions: u32, minutes: u32, best: &mut Best) {
    let per = |bytes: usize| bytes as f64 / f64::from(sessions);

    println!("{sessions} sessions, {minutes} virtual minutes\n");
    println!("Session: {} bytes, one 64-byte line of them hot", size_of::<Session>());
    let mut host = Host::new();
    let empty = live();
    let began = Instant::now();
    // They come over 25 s, the heartbeat's interval, and those that are here answer pings meanwhile.
    let step = Duration::from_millis(4);
    let steps = 6250;
    let mut opened = 0;
    let mut handles = Vec::with_capacity(sessions as usize);
    let handles_memory = live() - empty;
    for done in 1..=steps {
        while u64::from(opened) < u64::from(sessions) * done / steps {
            let session = host.open(opened);
            handles.push(host.registry.insert(session).expect("room"));
            opened += 1;
        }
        host.pass(step);
    }
    println!(
        "opened in {:.1} s, {:.2} us each",
        began.elapsed().as_secs_f64(),
        began.elapsed().as_secs_f64() * 1e6 / f64::from(sessions)
    );
    let idle = live() - empty - handles_memory;
    println!("an idle session, with all that is kept for it: {:.0} bytes", per(idle));

    let began = Instant::now();
    let steps = u64::from(minutes) * 60 * 250;
    for _ in 0..steps {
        host.pass(step);
        host.drain();
        host.deliver_pongs();
    }
    assert_eq!(host.registry.len(), sessions as usize, "all of them live");
    println!(
        "{} pings sent and answered in {:.0} s: {:.0} ns each, clocks read included",
        host.pings,
        began.elapsed().as_secs_f64(),
        began.elapsed().as_nanos() as f64 / host.pings as f64
    );
    host.tick.print("one call of tick", best);
    host.round.print("one round of ticks", best);
    host.drain.print("all that is due in 4 ms", best);

    // The guard changes: all of them are shown it.
    let what = wswarden_core::Revocation::Token { namespace: "app".into(), id: "nobody's".into() };
    let _ = host.guard.revoke(&what, Duration::from_secs(3600), host.now.unix).expect("room");
    host.drain();
    host.tick.print("one call of tick, after a revocation", best);
    host.round.print("one round of ticks, after a revocation", best);
    host.drain.print("all sessions shown a revocation", best);
    host.deliver_pongs();

    // The worst case: every timer in one instant. Nobody answers.
    host.pass(Duration::from_secs(60));
    host.drain();
    host.tick.print("one call of tick, a million timers at once", best);
    host.round.print("one round of ticks, a million timers at once", best);
    host.drain.print("a million pings in one instant", best);
    host.pass(Duration::from_secs(10));
    host.drain();
    host.drain.print("a million closes in one instant", best);
    host.pass(Duration::from_secs(5));
    host.drain();
    host.tick.print("one call of tick, closes and ends", best);
    host.round.print("one round of ticks, closes and ends", best);
    host.drain.print("a million sessions cut and dropped", best);
    assert_eq!(host.registry.len(), 0);
    host.pongs = VecDeque::new();
    (host.tick, host.round) = Default::default();
    host.drain = Longest::default();
    let left = live() - empty - handles_memory;
    println!("left when all have gone: {:.0} bytes a session (limiter's tables, generations, wheel)", per(left));
    assert!(host.guard.reconcile().agrees());

    let began = Instant::now();
    host.pass(Duration::from_secs(3600));
    for number in 0..sessions {
        host.pass(Duration::from_micros(10));
        let handle = host.registry.insert(host.open(sessions + number)).expect("room");
        drop(host.registry.remove(handle).expect("it was there"));
    }
    println!(
        "opened and closed {sessions} more, one at a time, users and addresses new: {:.2} us each",
        began.elapsed().as_secs_f64() * 1e6 / f64::from(sessions)
    );
    let after = live() - empty - handles_memory;
    println!("left then: {:.0} bytes a session ({:+.0})", per(after), per(after) - per(left));
    assert!(host.guard.reconcile().agrees());
    drop(handles);
    drop(host);
    println!("left without the guard: {} bytes", live().saturating_sub(empty));
}

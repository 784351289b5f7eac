//! The registry beside a plain map, over random steps.

use std::collections::{HashMap, HashSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::{Due, SessionId};

/// So few that slots are used up on the way.
const GENERATIONS: u32 = 5;

#[derive(Clone, Debug)]
enum Step {
    Insert(usize),
    Hold,
    Provide(usize, bool),
    Remove(usize),
    Message(usize, bool),
    Pong(usize),
    Close(usize),
    Pass(u64),
    /// To a nanosecond before the next deadline, or to it.
    PassToNext(u64),
    Settle,
    Revoke(usize),
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..64_usize;
    prop_oneof![
        8 => (0..3_usize).prop_map(Step::Insert),
        4 => Just(Step::Hold),
        3 => (which.clone(), any::<bool>()).prop_map(|(which, good)| Step::Provide(which, good)),
        4 => which.clone().prop_map(Step::Remove),
        4 => (which.clone(), any::<bool>()).prop_map(|(which, good)| Step::Message(which, good)),
        4 => which.clone().prop_map(Step::Pong),
        1 => which.prop_map(Step::Close),
        4 => (0..12_000_u64).prop_map(Step::Pass),
        6 => (0..2_u64).prop_map(Step::PassToNext),
        6 => Just(Step::Settle),
        1 => (0..3_usize).prop_map(Step::Revoke),
        1 => Just(Step::Drain),
    ]
}

const USERS: [&str; 3] = ["alice", "bob", "carol"];

enum Known {
    Waiting,
    Session(SessionId),
}

struct Model {
    story: Story,
    registry: Registry,
    known: HashMap<Handle, Known>,
    pings: HashMap<Handle, [u8; 8]>,
    /// Every handle that ever was.
    handles: HashSet<Handle>,
    gone: Vec<Handle>,
    /// Slots in the order in which they come free, and how often each was used.
    free: VecDeque<u32>,
    uses: Vec<u32>,
    tokens: Vec<Client>,
}

impl Model {
    fn new() -> Self {
        let (story, _) = crowd("rate.ban = \"off\"\ndeadline.close = \"1s\"");
        let registry = Registry::with_generations(story.guard.clone(), GENERATIONS, story.now.mono);
        let tokens = USERS.iter().map(|user| Client::good(&story, user)).collect();
        Self {
            story,
            registry,
            known: HashMap::new(),
            pings: HashMap::new(),
            handles: HashSet::new(),
            gone: Vec::new(),
            free: VecDeque::new(),
            uses: Vec::new(),
            tokens,
        }
    }

    fn came(&mut self, handle: Handle, known: Known) {
        assert!(self.handles.insert(handle), "{handle:?} was used before");
        let slot = self.free.pop_front().unwrap_or_else(|| {
            self.uses.push(0);
            u32::try_from(self.uses.len() - 1).unwrap()
        });
        self.uses[slot as usize] += 1;
        assert_eq!(
            (handle.slot(), handle.generation()),
            (slot, Some(self.uses[slot as usize])),
            "not the oldest free slot"
        );
        self.known.insert(handle, known);
    }

    fn went(&mut self, handle: Handle) {
        assert!(self.known.remove(&handle).is_some());
        self.gone.push(handle);
        if self.uses[handle.slot() as usize] < GENERATIONS - 1 {
            self.free.push_back(handle.slot());
        }
    }

    /// Any handle of a kind, or one that stands for nothing any more.
    fn pick(&self, which: usize) -> Option<Handle> {
        let mut all: Vec<_> = self.known.keys().chain(&self.gone).copied().collect();
        all.sort_unstable();
        all.get(which % all.len().max(1)).copied()
    }

    fn step(&mut self, step: &Step) -> Option<()> {
        let now = self.story.now;
        match step {
            Step::Insert(user) => {
                // Refused when revoked or draining.
                let Ok(Admission::Open(session)) = self.story.admit(&self.tokens[*user]) else { return None };
                let id = session.id();
                let handle = self.registry.insert(session).unwrap();
                self.came(handle, Known::Session(id));
            }
            Step::Hold => {
                let client = Client::stranger().header("cookie", "sid=abc");
                let candidate = self.story.screen(&client).ok()?;
                let Admitted::Wait(handle) = self.registry.admit(candidate, now) else { return None };
                self.came(handle, Known::Waiting);
            }
            Step::Provide(which, good) => {
                let handle = self.pick(*which)?;
                let answer = if *good { Answer::Identity(Identity::assertion("dave")) } else { Answer::Refused };
                let deadline = self.registry.waiting(handle).map(Waiting::deadline);
                match (self.registry.provide(handle, answer, now), self.known.get(&handle)) {
                    (Ok(Admitted::Open(same)), Some(Known::Waiting)) if same == handle => {
                        assert!(*good && now.mono < deadline.unwrap());
                        let id = self.registry.session(handle).unwrap().id();
                        self.known.insert(handle, Known::Session(id));
                    }
                    (Ok(Admitted::Refused(refusal)), Some(Known::Waiting)) => {
                        let draining = refusal.reason() == Reason::Draining;
                        assert!(!*good || draining || now.mono >= deadline.unwrap());
                        self.went(handle);
                    }
                    (Err(StaleHandle), None | Some(Known::Session(_))) => {}
                    (other, _) => panic!("{other:?}"),
                }
            }
            Step::Remove(which) => {
                let handle = self.pick(*which)?;
                match (self.registry.remove(handle), self.known.get(&handle)) {
                    (Ok(Some(session)), Some(Known::Session(id))) => {
                        assert_eq!(session.id(), *id, "another's session");
                        self.went(handle);
                    }
                    (Ok(None), Some(Known::Waiting)) => self.went(handle),
                    (Err(StaleHandle), None) => {}
                    (other, _) => panic!("{other:?}"),
                }
            }
            Step::Message(which, good) => {
                let handle = self.pick(*which)?;
                let text: &[u8] = if *good { b"{}" } else { b"\xff" };
                let outcome = self.registry.receive(handle, Message::Text(text), &mut self.story.scratch, now.mono);
                assert_eq!(outcome.is_ok(), matches!(self.known.get(&handle), Some(Known::Session(_))));
            }
            Step::Pong(which) => {
                let handle = self.pick(*which)?;
                let payload = self.pings.get(&handle).copied().unwrap_or_default();
                let outcome = self.registry.receive(handle, Message::Pong(&payload), &mut self.story.scratch, now.mono);
                assert_eq!(outcome.is_ok(), matches!(self.known.get(&handle), Some(Known::Session(_))));
            }
            Step::Close(which) => {
                let handle = self.pick(*which)?;
                let _ = self.registry.entry(handle).ok()?.close(Reason::ClosedByHost, now.mono);
            }
            Step::Pass(millis) => self.story.pass(Duration::from_millis(*millis)),
            Step::PassToNext(early) => {
                let next = self.deadlines().map(|(_, at)| at).min()?;
                let wait = next.since(now.mono).saturating_sub(Duration::from_nanos(*early));
                self.story.pass(wait);
            }
            Step::Settle => self.settle(),
            Step::Revoke(user) => revoke(&self.story, USERS[*user]),
            Step::Drain => {
                // Not too often: nobody comes in any more.
                if self.handles.len() > 20 {
                    let _ = self.story.guard.drain(now.mono);
                }
            }
        }
        Some(())
    }

    /// When each connection is really due.
    fn deadlines(&self) -> impl Iterator<Item = (Handle, Timestamp)> + '_ {
        self.known.iter().filter_map(|(handle, known)| {
            let at = match known {
                Known::Waiting => Some(self.registry.waiting(*handle).unwrap().deadline()),
                Known::Session(_) => self.registry.session(*handle).unwrap().next_timeout(),
            };
            at.map(|at| (*handle, at))
        })
    }

    fn settle(&mut self) {
        let now = self.story.now.mono;
        for _ in 0..1000 {
            let due: HashMap<_, _> = self.deadlines().collect();
            let early = |handle: &Handle| due.get(handle).is_none_or(|at| *at > now);
            match self.registry.tick(now) {
                Some(Tick::Due(handle, due)) => {
                    assert!(!early(&handle), "before its time: {due:?}");
                    self.due(handle, due);
                }
                Some(Tick::Refused(handle, refusal)) => {
                    assert!(!early(&handle) && refusal.reason() == Reason::HandshakeTimeout);
                    self.went(handle);
                }
                None if self.registry.next_timeout().is_none_or(|at| at > now) => {
                    let late = self.deadlines().find(|(_, at)| *at <= now);
                    assert_eq!(late, None, "due, and not delivered");
                    return;
                }
                None => {}
            }
        }
        panic!("the ticks do not end");
    }

    fn due(&mut self, handle: Handle, due: Due) {
        match due.action {
            Action::Ping(payload) => drop(self.pings.insert(handle, payload)),
            Action::Terminate => {
                drop(self.registry.remove(handle).unwrap());
                self.went(handle);
            }
            Action::Close(_) => assert!(self.registry.session(handle).unwrap().closed().is_some()),
            Action::Revalidate | Action::Expired => panic!("nothing of the kind is asked for"),
        }
    }

    /// What every step leaves true.
    fn check(&self) {
        assert_eq!(self.registry.len(), self.known.len());
        for (handle, known) in &self.known {
            match known {
                Known::Waiting => assert!(self.registry.waiting(*handle).is_ok()),
                Known::Session(id) => assert_eq!(self.registry.session(*handle).unwrap().id(), *id),
            }
        }
        for handle in &self.gone {
            assert!(self.registry.session(*handle).is_err() && self.registry.waiting(*handle).is_err());
        }
        // A host that wakes when it is told to is never late.
        let wake = self.registry.next_timeout();
        for (handle, at) in self.deadlines() {
            assert!(
                wake.is_some_and(|wake| wake <= at.max(self.story.now.mono)),
                "woken at {wake:?}, {handle:?} is due at {at:?}"
            );
        }
        assert_eq!(self.story.guard.stats().connections as usize, self.known.len());
        assert!(self.story.guard.reconcile().agrees());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_map_with_handles_that_never_come_back_and_timers_that_are_never_late(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
            model.check();
        }
        model.settle();
        let guard = model.story.guard.clone();
        drop(model);
        let stats = guard.stats();
        prop_assert_eq!((stats.connections, stats.unauthenticated, stats.sessions), (0, 0, 0));
        prop_assert!(guard.reconcile().agrees());
    }
}

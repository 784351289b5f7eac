//! The message path allocates nothing: neither for what is delivered nor for what is refused.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use wswarden_core::http::{Header, HttpVersion, Remote, Request};
use wswarden_core::message::Scratch;
use wswarden_core::{
    Action, Admission, Answer, Guard, Handle, Identity, Message, Now, Policy, Reason, Registry, Tick, Timestamp,
    UnixTime, Verdict,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "the trait is unsafe; every call is handed to the system's allocator as it came")]
// SAFETY: see the reason above; the counter has no part in what is allocated.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are the system allocator's own.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

const POLICY: &str = r#"
[origin]
allow = ["https://app.example.com"]
[credential]
sources = [{ kind = "session", in = "cookie", name = "sid" }]
[message]
errors = { limit = 1000, per = "60s" }
[message.types.chat]
scopes = ["chat:write"]
cost = 2
[message.types.chat.schema]
type = "object"
required = ["type", "content"]
additionalProperties = false
[message.types.chat.schema.properties]
type = { const = "chat" }
content = { type = "string", maxLength = 100 }
channelId = { type = "string", format = "uuid" }
[message.types.admin]
scopes = ["admin"]
schema = { type = "object" }
"#;

struct Host {
    registry: Registry,
    handle: Handle,
    scratch: Scratch,
    now: Now,
}

fn host() -> Host {
    let now = Now { mono: Timestamp::from_secs(1000), unix: UnixTime::from_secs(1_800_000_000) };
    let guard = Guard::new(Policy::from_toml(POLICY).unwrap(), wswarden_core::Host::SOCKET, &[], [7; 32]).unwrap();
    let fields = [
        ("host", "chat.example.com"),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("origin", "https://app.example.com"),
        ("cookie", "sid=abc"),
    ];
    let headers = fields.map(|(name, value)| Header { name, value: value.as_bytes() });
    let request = Request {
        method: "GET",
        target: "/chat",
        version: HttpVersion::Http11,
        headers: &headers,
        peer: Remote::Address("2001:db8::1".parse().unwrap()),
        tls: true,
    };
    let Ok(Admission::Wait(waiting)) = guard.screen(&request, now).unwrap().admit(now) else { panic!("not asked") };
    let identity = Identity::assertion("alice").with_scopes(["chat:write"]);
    let Ok(Admission::Open(session)) = waiting.provide(Answer::Identity(identity), now) else { panic!("not let in") };
    let mut registry = Registry::new(guard, now.mono);
    let handle = registry.insert(session).unwrap_or_else(|_| panic!("no room"));
    Host { registry, handle, scratch: Scratch::new(), now }
}

impl Host {
    fn receive(&mut self, text: &[u8]) -> Verdict {
        self.registry.receive(self.handle, Message::Text(text), &mut self.scratch, self.now.mono).unwrap().verdict
    }

    fn pass(&mut self, time: Duration) {
        self.now = Now { mono: self.now.mono.after(time), unix: self.now.unix.after(time) };
    }
}

const GOOD: &[u8] = br#"{"type":"chat","content":"h\u00e9llo","channelId":"3f2504e0-4f89-41d3-9a0c-0305e82c3301"}"#;

#[test]
fn what_is_delivered_allocates_nothing() {
    let mut host = host();
    let taken = allocations(|| {
        for _ in 0..10 {
            assert!(matches!(host.receive(GOOD), Verdict::Deliver(_)));
        }
    });
    assert_eq!(taken, 0);
}

#[test]
fn what_is_refused_allocates_nothing() {
    let mut host = host();
    let refused: [(&[u8], Reason); 7] = [
        (br#"{"type":"chat",}"#, Reason::InvalidJson),
        (br#"{"type":"chat","content":1}"#, Reason::SchemaViolation),
        (br#"{"type":"chat","content":"a","content":"b"}"#, Reason::DuplicateKey),
        (br#"{"type":"chat","content":"a","more":1}"#, Reason::SchemaViolation),
        (br#"{"type":"other"}"#, Reason::UnknownType),
        (br#"{"type":"admin","__proto__":{}}"#, Reason::ForbiddenKey),
        (br#"{"type":"admin"}"#, Reason::Forbidden),
    ];
    let taken = allocations(|| {
        for (text, reason) in refused {
            let verdict = host.receive(text);
            assert!(matches!(verdict, Verdict::Reply(reply) if reply.reason == reason), "{reason}: {verdict:?}");
        }
        let limited = (0..100).map(|_| host.receive(GOOD)).find(|verdict| !matches!(verdict, Verdict::Deliver(_)));
        assert!(matches!(limited, Some(Verdict::Reply(reply)) if reply.reason == Reason::RateLimited));
        let Some(Verdict::Reply(reply)) = limited else { return };
        assert!(!reply.write(&mut [0; 256]).is_empty());
    });
    assert_eq!(taken, 0);
}

#[test]
fn pings_pongs_and_closes_allocate_nothing() {
    let mut host = host();
    let taken = allocations(|| {
        for _ in 0..3 {
            host.pass(Duration::from_secs(25));
            let Some(Tick::Due(handle, due)) = host.registry.tick(host.now.mono) else { panic!("nothing due") };
            let Action::Ping(payload) = due.action else { panic!("no ping") };
            let pong =
                host.registry.receive(handle, Message::Pong(&payload), &mut host.scratch, host.now.mono).unwrap();
            assert_eq!(pong.verdict, Verdict::Ignore);
            let ping = host.registry.receive(handle, Message::Ping(b"x"), &mut host.scratch, host.now.mono).unwrap();
            assert_eq!(ping.verdict, Verdict::Pong);
        }
        assert!(matches!(host.receive(b"\xff"), Verdict::Close(_)));
        assert!(matches!(host.receive(GOOD), Verdict::Drop(_)));
    });
    assert_eq!(taken, 0);
}

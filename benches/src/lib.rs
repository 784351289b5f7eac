//! What the benches of sessions share: a policy with room for many, and sessions opened by a whole handshake.

pub mod measure;
pub mod memory;

use std::net::IpAddr;

use wswarden_core::http::{Header, HttpVersion, Request};
use wswarden_core::{Admission, Answer, Guard, Host, Identity, Now, Policy, Session, Timestamp, UnixTime};

/// Caps that two million connections keep, be they of one address. A cookie is a user whom the host names, so
/// that no token is signed; without one, a guest is let in and nobody is asked.
const ROOM: &str = r#"
[origin]
allow = ["https://app.example.com"]
[credential]
anonymous = true
sources = [{ kind = "session", in = "cookie", name = "sid" }]
[cap]
total = 4000000
per_address = 2000000
unauthenticated_per_address = 2000000
tracked_addresses = 2000000
tracked_users = 2000000
"#;

/// The guide's ping.
pub const S: &[u8] = br#"{"type":"ping"}"#;
/// A message of the guide's chat, 143 bytes.
pub const M: &[u8] = br#"{"type":"chat","content":"Hey team, the deploy went fine, can somebody look at dashboards?","channelId":"3f2504e0-4f89-41d3-9a0c-0305e82c3301"}"#;

/// The guide's types of messages, in TOML.
pub const TYPES: &str = r#"
[message.types.ping]
scopes = []
schema = { type = "object", properties = { type = { const = "ping" } }, additionalProperties = false }
[message.types.typing]
scopes = []
schema = { type = "object" }
[message.types.chat]
scopes = ["chat:write"]
[message.types.chat.schema]
type = "object"
required = ["type"]
additionalProperties = false
[message.types.chat.schema.properties]
type = { const = "chat" }
content = { type = "string", maxLength = 5000 }
channelId = { type = "string", format = "uuid" }
"#;

/// When every bench begins.
pub fn start() -> Now {
    Now { mono: Timestamp::from_secs(1000), unix: UnixTime::from_secs(1_800_000_000) }
}

/// A guard with room for many; `more` is the rest of its policy, in TOML.
pub fn guard(more: &str) -> Guard {
    let policy = Policy::from_toml(&format!("{ROOM}{more}")).expect("a policy");
    Guard::new(policy, Host::SOCKET, &[], [7; 32]).expect("a host that can keep it")
}

/// A guest's session.
pub fn open_guest(guard: &Guard, peer: IpAddr, now: Now) -> Session {
    match admit(guard, peer, None, now) {
        Admission::Open(session) => session,
        Admission::Wait(_) => panic!("a guest is nobody to ask about"),
    }
}

/// The session of `user-<number>`, who may do what `chat:write` allows.
pub fn open_user(guard: &Guard, number: u32, peer: IpAddr, now: Now) -> Session {
    let Admission::Wait(waiting) = admit(guard, peer, Some("sid=31d4d96e407aad42"), now) else {
        panic!("nobody was asked")
    };
    let identity = Identity::assertion(format!("user-{number}")).with_namespace("app").with_scopes(["chat:write"]);
    match waiting.provide(Answer::Identity(identity), now) {
        Ok(Admission::Open(session)) => session,
        other => panic!("{other:?}"),
    }
}

fn admit(guard: &Guard, peer: IpAddr, cookie: Option<&'static str>, now: Now) -> Admission {
    let header = |name, value: &'static str| Header { name, value: value.as_bytes() };
    let headers = [
        header("host", "chat.example.com"),
        header("upgrade", "websocket"),
        header("connection", "Upgrade"),
        header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        header("sec-websocket-version", "13"),
        header("origin", "https://app.example.com"),
        header("cookie", cookie.unwrap_or_default()),
    ];
    let headers = if cookie.is_some() { &headers[..] } else { &headers[..6] };
    let (target, version) = ("/chat", HttpVersion::Http11);
    let request = Request { method: "GET", target, version, headers, peer: peer.into(), tls: true };
    guard.screen(&request, now).expect("screened").admit(now).expect("admitted")
}

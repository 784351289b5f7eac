//! A secret through every source and every end: no byte of it in anything that can be printed, sent
//! or counted (threat 52).

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use super::*;
use crate::credential::ticket::Binding;
use crate::{Answer, Guard, Host, Identity, Message, Policy, Timestamp};

/// Part of every secret below; nothing else contains it.
const CANARY: &str = "Zq7CanaryZq7Zq7CanaryZq7";

const DOORS: &str = r#"
[origin]
allow = ["https://app.example.com"]
[credential]
sources = [
  { kind = "ticket", in = "query", name = "ticket" },
  { kind = "session", in = "query", name = "token", dangerous_in_url = true },
  { kind = "jwt", in = "header", name = "authorization" },
  { kind = "session", in = "header", name = "x-session" },
  { kind = "session", in = "cookie", name = "sid" },
  { kind = "session", in = "subprotocol", form = "kubernetes" },
  { kind = "session", in = "subprotocol", form = "phoenix" },
  { kind = "session", in = "subprotocol", form = "jupyter" },
  { kind = "session", in = "subprotocol", form = "anycable" },
  { kind = "jwt", in = "first-message", type = "auth", field = "token" },
]
refresh = { type = "auth", field = "token" }
[credential.jwt]
keys = [{ alg = "HS256", secret = "a key for the stories, of 32 bytes or more" }]
jwks = { url = "https://id.example.com/keys", algs = ["EdDSA"] }
issuer = ["https://id.example.com"]
audience = ["chat"]
[rate.address]
failures = { limit = 1000, per = "1s", burst = 1000 }
handshakes = { limit = 1000, per = "1s", burst = 1000 }
[cap]
unauthenticated_per_address = 30
"#;

/// All that was said, to be looked through.
#[derive(Default)]
struct Said(Vec<String>);

impl Said {
    fn debug(&mut self, what: &dyn std::fmt::Debug) {
        self.0.push(format!("{what:?} {what:#?}"));
    }

    fn refusal(&mut self, refusal: &Refusal) {
        self.debug(refusal);
        self.0.push(refusal.to_string());
        self.0.push(refusal.detail().unwrap_or_default().to_owned());
        self.0.push(String::from_utf8_lossy(&refusal.response().to_bytes()).into_owned());
    }

    fn session(&mut self, story: &mut Story, mut session: crate::Session) {
        self.debug(&session);
        self.debug(session.peer());
        self.debug(&session.identity());
        self.debug(&session.opened());
        self.0.push(String::from_utf8_lossy(&session.response().to_bytes()).into_owned());
        for text in [
            format!(r#"{{"type":"auth","token":"{CANARY}"}}"#),
            format!(r#"{{"type":"auth","token":["{CANARY}"]}}"#),
            format!(r#"{{"type":"{CANARY}"}}"#),
            format!(r#"{{"{CANARY}":"#),
        ] {
            let outcome = session.receive(Message::Text(text.as_bytes()), &mut story.scratch, story.now.mono);
            self.outcome(outcome);
            let judged = session.authenticate(text.as_bytes(), story.now);
            self.debug(&judged);
            self.debug(&session);
        }
        let closing = session.close(Reason::ClosedByHost, story.now.mono);
        self.outcome(closing);
    }

    fn outcome(&mut self, outcome: crate::Outcome) {
        self.debug(&outcome);
        if let crate::Verdict::Reply(reply) = outcome.verdict {
            let mut room = [0; crate::Reply::MAX];
            self.0.push(String::from_utf8_lossy(reply.write(&mut room)).into_owned());
        }
        if let Some(close) = crate::story::closed(outcome) {
            self.0.push(close.text().to_owned());
        }
    }

    fn check(&self) {
        let coded: Vec<String> =
            ["", ".", ".."].map(|pad| BASE64_STANDARD_NO_PAD.encode(format!("{pad}{CANARY}"))).into();
        for said in &self.0 {
            assert!(!said.contains(&CANARY[1..12]), "{said}");
            assert!(coded.iter().all(|coded| !said.contains(&coded[4..coded.len() - 4])), "encoded: {said}");
            assert!(!said.contains("90, 113, 55"), "as numbers: {said}");
        }
    }
}

#[test]
fn t52_one_secret_through_every_source_to_every_end() {
    let (mut story, mut said) = (Story::of(DOORS), Said::default());
    let coded = BASE64_URL_SAFE_NO_PAD.encode(CANARY);
    let phoenix = BASE64_STANDARD_NO_PAD.encode(CANARY);
    let protocol = |entry: String| Client::stranger().header("sec-websocket-protocol", format!("chat, {entry}"));
    let claims = serde_json::json!({ "jti": CANARY, "sid": CANARY, "scope": CANARY, CANARY: CANARY });
    let good = story.token_with(CANARY, 600, claims);
    let unknown = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"EdDSA","kid":"{CANARY}"}}"#));
    let who = Identity::assertion(CANARY)
        .with_namespace(CANARY)
        .with_tenant(CANARY)
        .with_scopes([CANARY])
        .with_token_id(CANARY);
    let here = Binding { path: "/chat", origin: Some(ORIGIN), address: None };
    let mut entropy = [b'Z'; 32];
    entropy[..CANARY.len()].copy_from_slice(CANARY.as_bytes());
    let ticket = story.guard.mint_ticket(&who, &here, entropy, story.now).unwrap();
    said.debug(&ticket);
    let used = format!("/chat?ticket={}", ticket.expose_str().unwrap());
    let clients = [
        Client::stranger().to(&used),
        Client::stranger().to(&used),
        Client::stranger().to(&format!("/chat?ticket={CANARY}")),
        Client::stranger().to(&format!("/chat?token={CANARY}")),
        Client::stranger().to(&format!("/chat?token={CANARY}&token={CANARY}")),
        Client::stranger().header("authorization", format!("Bearer {good}")),
        Client::stranger().header("authorization", format!("Bearer {CANARY}")),
        Client::stranger().header("authorization", format!("Bearer {CANARY} {CANARY}")),
        Client::stranger().header("authorization", format!("Basic {CANARY}")),
        Client::stranger().header("authorization", format!("Bearer {unknown}.{unknown}.AAAA")),
        Client::stranger().header("x-session", CANARY),
        Client::stranger().header("x-session", format!("{CANARY},{CANARY}")),
        Client::stranger().header("cookie", format!("sid={CANARY}")),
        Client::stranger().header("cookie", format!("sid={CANARY}; sid={CANARY}")),
        protocol(format!("base64url.bearer.authorization.k8s.io.{coded}")),
        protocol(format!("base64url.bearer.phx.{phoenix}")),
        protocol(format!("v1.token.websocket.jupyter.org.{CANARY}")),
        protocol(format!("anycable-token.{CANARY}")),
        Client::stranger(),
        Client::stranger().with("origin", format!("https://{CANARY}.example")),
        Client::stranger().header("cookie", format!("sid={CANARY}")).without("origin"),
        Client::stranger().header("x-session", CANARY).with("sec-websocket-key", CANARY),
        Client::stranger().to(&format!("/{CANARY}?token={CANARY}")).from("192.0.2.1"),
    ];
    let (mut opened, mut refused, mut asked) = (0, 0, 0);
    for client in &clients {
        let mut next = Some(story.screen(client).and_then(|candidate| {
            said.debug(&candidate);
            said.debug(candidate.peer());
            candidate.admit(story.now)
        }));
        while let Some(admission) = next.take() {
            said.debug(&admission);
            match admission {
                Ok(Admission::Open(session)) => {
                    opened += 1;
                    said.session(&mut story, session);
                }
                Ok(Admission::Wait(waiting)) => {
                    asked += 1;
                    said.debug(waiting.need());
                    let answer = if asked % 2 == 0 { Answer::Refused } else { Answer::Identity(who.clone()) };
                    said.debug(&answer);
                    next = Some(waiting.provide(answer, story.now));
                }
                Err(refusal) => {
                    refused += 1;
                    said.refusal(&refusal);
                }
            }
        }
    }
    assert!(opened >= 4 && refused >= 10 && asked >= 8, "{opened} {refused} {asked}");
    let what = crate::Revocation::Token { namespace: CANARY.into(), id: CANARY.into() };
    said.debug(&story.guard.revoke(&what, SECOND, story.now.unix));
    let user = who.user().unwrap().clone();
    said.debug(&user);
    said.debug(&crate::Revocation::User { user, issued_until: story.now.unix });
    said.debug(&what);
    said.debug(&story.guard.handle_timeout(Timestamp::MAX));
    let body = format!(r#"{{"keys":[{{"kty":"{CANARY}"}},"{CANARY}"]}}"#);
    said.debug(&story.guard.keys_fetched("https://id.example.com/keys", body.as_bytes(), story.now.mono));
    said.debug(&story.guard);
    said.debug(&story.guard.stats());
    said.debug(&story.guard.policy());
    said.0.push(story.guard.policy().to_string());
    said.check();
}

/// Secrets that stand in the policy itself: neither it, nor a guard made of it, nor what is wrong with it
/// says them.
#[test]
fn t52_the_secrets_of_a_policy_are_in_none_of_its_faces() {
    let mut said = Said::default();
    let long = format!("{CANARY}:q8Jm2vXz7LpR4tYw9KcB1nHf6GdS3aEu0oIiTjMkVbNxQrZsPyWlCgDhFeUA5");
    let oct = BASE64_URL_SAFE_NO_PAD.encode(&long);
    let policy = |keys: &str, more: &str| {
        let sources = r#"[{ kind = "jwt", in = "header" }, { kind = "ticket", in = "query", name = "t" }]"#;
        format!(
            "[credential]\nsources = {sources}\n[credential.jwt]\nkeys = [{keys}]\nissuer = [\"i\"]\naudience = [\"a\"]\n\
             [origin]\nallow = [\"https://app.example.com\"]\n{more}"
        )
    };
    let secret = format!("{{ alg = \"HS256\", secret = \"{long}\" }}");
    let jwk = format!("{{ alg = \"HS256\", kid = \"j\", jwk = {{ kty = \"oct\", k = \"{oct}\" }} }}");
    let ticket = format!("[credential.ticket]\nform = \"signed\"\nspent = \"host\"\nkey = \"{long}\"");
    let sound = Policy::from_toml(&policy(&format!("{secret}, {jwk}"), &ticket)).unwrap();
    said.debug(&sound);
    said.debug(&sound.warnings());
    said.debug(&sound.document());
    said.0.push(sound.to_string());
    said.0.push(serde_json::to_string(&sound.document().credential.sources).unwrap());
    let guard = Guard::new(sound.clone(), Host::SOCKET, &[], [7; 32]).unwrap();
    said.debug(&guard);
    said.debug(&guard.reload(sound));
    said.debug(&guard.policy());
    let jwks = |url: String| format!("[credential.jwt.jwks]\nurl = \"{url}\"\nalgs = [\"RS256\"]");
    let mut refused = 0;
    for wrong in [
        policy(&secret.replace("HS256", "RS256"), ""),
        policy(&secret.replace("secret", CANARY), "").replace(CANARY, "secrets"),
        policy(&format!("{{ alg = \"HS256\", secret = [\"{CANARY}\"] }}"), ""),
        policy(&format!("{{ alg = \"HS256\", secret = {{ a = \"{CANARY}\" }} }}"), ""),
        policy(&format!("{{ alg = \"HS256\", secret = \"{CANARY}\" }}"), ""),
        policy(&format!("{{ alg = \"HS256\", secret = \"{CANARY}{CANARY}\", pem = \"{CANARY}\" }}"), ""),
        policy(&format!("{{ alg = \"HS256\", secret = \"env:{CANARY}\" }}"), "").replace(CANARY, "NO_SUCH"),
        policy(&format!("{{ alg = \"ES256\", pem = \"{CANARY}\" }}"), ""),
        policy(&format!("{{ alg = \"HS256\", jwk = {{ kty = \"oct\", k = [\"{CANARY}\"] }} }}"), ""),
        policy(&format!("{{ alg = \"HS256\", jwk = \"{CANARY}\" }}"), ""),
        policy(&secret, &jwks(format!("https://user:{CANARY}@id.example.com/keys"))),
        policy(&secret, &jwks(format!("https://{CANARY}@id.example.com/keys"))),
        policy(&secret, &jwks(format!("http://user:{CANARY}@id.example.com/keys"))),
        policy(&secret, &jwks(format!("https://user:{CANARY}\\\\@id.example.com/keys"))),
        policy(&secret, &jwks(format!("https://user:{CANARY}@id.example.com#x"))),
        policy(&secret, &ticket.replace(&long, CANARY)),
        policy(&secret, &ticket.replace("\"host\"", "\"process\"")),
        policy(&secret, &ticket.replace("key", "keys")),
        // A key that has slipped into the wrong field.
        policy(&format!("{{ alg = \"HS256\", secret_base64 = \"{CANARY}\" }}"), ""),
        policy(&format!("{{ alg = \"{CANARY}\" }}"), ""),
        policy(&format!("\"{CANARY}\""), ""),
        policy("", "").replace("keys = []", &format!("keys = \"{CANARY}\"")),
        policy(&secret, &format!("[credential.ticket]\nttl = \"{CANARY}\"")),
        format!("credential.jwt = \"{CANARY}\""),
        format!("credential.ticket = \"{CANARY}\""),
        format!("credential = \"{CANARY}\""),
        policy(&secret, &ticket.replace("\"signed\"", &format!("\"{CANARY}\""))),
        format!("[[routes]]\npath = \"/\"\n[routes.credential.jwt]\nkeys = [\"{CANARY}\"]"),
    ] {
        if let Err(error) = Policy::from_toml(&wrong) {
            refused += 1;
            said.debug(&error);
            said.0.push(error.to_string());
        } else {
            panic!("taken: {wrong}");
        }
    }
    assert_eq!(refused, 28);
    said.check();
}

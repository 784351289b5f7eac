//! Published keys, fetched from a real HTTPS server that rotates them, lies, and goes down.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::TlsAcceptor;
use rcgen::generate_simple_self_signed;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use smol::Task;
use smol::net::TcpListener;
use wswarden::tls::Certificate;
use wswarden::{Connect, Guard, Https, Reason, Smol, Timer};

use crate::lab::{CHAT, answer, b64, connect, head, policy_of_sessions, raw, read_to_end, run, serve};

/// What the server answers: the whole of it.
type Answer = Arc<Mutex<Option<Vec<u8>>>>;

/// A server of key sets on this machine.
struct Source {
    url: String,
    roots: RootCertStore,
    answer: Answer,
    asked: Arc<AtomicUsize>,
    _server: Task<()>,
}

impl Source {
    async fn start() -> Self {
        let certified = generate_simple_self_signed(["localhost".into()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certified.cert.der().to_vec())).unwrap();
        let (chain, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
        let config = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap().server_config().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/keys", listener.local_addr().unwrap().port());
        let (answer, asked) = (Answer::default(), Arc::new(AtomicUsize::new(0)));
        let (kept, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let server = smol::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = TlsAcceptor::from(Arc::clone(&config)).accept(stream).await else { continue };
                let mut request = vec![0; 4096];
                let Ok(read) = stream.read(&mut request).await else { continue };
                let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
                assert!(request.starts_with("get /keys http/1.1\r\n"), "{request}");
                assert!(!request.contains("authorization") && !request.contains("cookie"), "{request}");
                count.fetch_add(1, Ordering::SeqCst);
                // Without an answer it is down: it accepts and hangs up.
                let answer = kept.lock().unwrap().clone();
                if let Some(answer) = answer {
                    stream.write_all(&answer).await.ok();
                    stream.close().await.ok();
                }
            }
        });
        Self { url, roots, answer, asked, _server: server }
    }

    fn publishes(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.says(200, "", json!({ "keys": keys }).to_string().as_bytes());
    }

    fn says(&self, status: u16, headers: &str, body: &[u8]) {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        *self.answer.lock().unwrap() = Some([head.as_bytes(), body].concat());
    }

    fn is_down(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A guard that trusts this source's keys, and the task that fetches them.
    fn guard<T: Timer + Connect>(&self, times: &str, timer: T) -> Guard<T> {
        let more = format!(
            r#"
            [credential]
            sources = [{{ kind = "jwt", in = "header", name = "authorization" }}]
            [credential.jwt]
            jwks = {{ url = "{}", algs = ["EdDSA"], cooldown = "1s", timeout = "900ms", {times} }}
            issuer = ["https://id.example.com"]
            audience = ["chat"]
            "#,
            self.url
        );
        let https = Https::with_roots(timer.clone(), self.roots.clone()).unwrap();
        Guard::new(policy_of_sessions(&more), timer).unwrap().fetch_with(https)
    }
}

/// A key of the issuer's.
struct Key {
    kid: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    fn new(kid: &'static str) -> Self {
        Self { kid, pair: Ed25519KeyPair::generate().unwrap() }
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": b64(self.pair.public_key().as_ref()) })
    }

    fn token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({ "iss": "https://id.example.com", "aud": "chat", "sub": "ann", "exp": now + 600 });
        let header = json!({ "alg": "EdDSA", "kid": self.kid });
        let signed = format!("{}.{}", b64(header.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
        format!("{signed}.{}", b64(self.pair.sign(signed.as_bytes()).as_ref()))
    }
}

/// Spawns the guard's own task; what failed is counted.
fn running(guard: &Guard<Smol>) -> (Task<()>, Arc<Mutex<Vec<String>>>) {
    let failures = Arc::new(Mutex::new(Vec::new()));
    let (guard, kept) = (guard.clone(), Arc::clone(&failures));
    let task = smol::spawn(async move { guard.run(|failed| kept.lock().unwrap().push(failed.to_string())).await });
    (task, failures)
}

/// What a client with this token gets.
async fn status(guard: &Guard<Smol>, token: &str) -> u16 {
    let (server, stream) = serve(guard).await;
    let mut stream = raw(stream, head(Some(token)).as_bytes()).await;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    drop(stream);
    server.await;
    std::str::from_utf8(&status[9..]).unwrap().parse().unwrap()
}

async fn pause(millis: u64) {
    smol::Timer::after(Duration::from_millis(millis)).await;
}

#[test]
fn keys_come_from_a_real_server_and_a_rotation_is_followed() {
    run(async {
        let (source, old, new) = (Source::start().await, Key::new("old"), Key::new("new"));
        source.publishes(&[&old]);
        let guard = source.guard("", Smol);
        let (_task, failures) = running(&guard);
        let (server, stream) = serve(&guard).await;
        let mut client = connect(stream, Some(&old.token())).await;
        client.send(CHAT.into()).await.unwrap();
        client.close(None).await.unwrap();
        assert_eq!(read_to_end(&mut client).await.0, [CHAT]);
        assert_eq!(server.await.heard, [CHAT]);
        assert_eq!(source.asked(), 1);

        pause(1100).await;
        source.publishes(&[&new]);
        assert_eq!(status(&guard, &new.token()).await, 101, "its first token has the set fetched again");
        assert_eq!(source.asked(), 2);
        assert_eq!(status(&guard, &old.token()).await, 401, "what is not published any more is not trusted");
        assert_eq!(*failures.lock().unwrap(), Vec::<String>::new());
    });
}

#[test]
fn a_crowd_that_waits_for_keys_causes_one_fetch() {
    run(async {
        let (source, key) = (Source::start().await, Key::new("a"));
        source.publishes(&[&key]);
        let guard = source.guard("", Smol);
        let token = key.token();
        let crowd = (0..8).map(|_| status(&guard, &token));
        let later = async {
            pause(100).await;
            running(&guard)
        };
        let (statuses, _running) = futures::join!(futures::future::join_all(crowd), later);
        assert_eq!(statuses, [101; 8]);
        assert_eq!(source.asked(), 1);
    });
}

#[test]
fn while_the_source_is_down_its_keys_go_on_counting_for_a_while() {
    run(async {
        let (source, key) = (Source::start().await, Key::new("a"));
        source.publishes(&[&key]);
        let guard = source.guard("cache = \"1s\", stale = \"6s\"", Smol);
        let (_task, failures) = running(&guard);
        assert_eq!(status(&guard, &key.token()).await, 101);
        source.is_down();
        pause(1600).await;
        assert_eq!(status(&guard, &key.token()).await, 101, "stale, and still good");
        assert!(source.asked() >= 2 && !failures.lock().unwrap().is_empty());
        pause(5900).await;
        assert_eq!(status(&guard, &key.token()).await, 503, "no longer than that");
        source.publishes(&[&key]);
        pause(1200).await;
        assert_eq!(status(&guard, &key.token()).await, 101, "and it comes back by itself");
        assert!(source.asked() <= 13, "the cooldown holds: {}", source.asked());
    });
}

#[test]
fn what_is_no_good_answer_is_no_key_set() {
    run(async {
        let (source, key) = (Source::start().await, Key::new("a"));
        let set = json!({ "keys": [key.jwk()] }).to_string();
        let large = [set.as_bytes(), &vec![b' '; 300_000][..]].concat();
        let cases: [(u16, &str, &[u8], &str); 6] = [
            (302, "location: https://evil.example/keys\r\n", set.as_bytes(), "status 302"),
            (500, "", set.as_bytes(), "status 500"),
            (200, "content-encoding: gzip\r\n", set.as_bytes(), "compressed"),
            (200, "", &large, "larger"),
            (200, "", b"<html>", "not JSON"),
            (200, "", b"{\"keys\":[]}", "no key"),
        ];
        for (code, headers, body, says) in cases {
            source.says(code, headers, body);
            let guard = source.guard("", Smol);
            let (_task, failures) = running(&guard);
            assert_eq!(status(&guard, &key.token()).await, 503, "{says}");
            let told = failures.lock().unwrap().join("\n");
            assert!(told.contains(says), "{told}");
        }
    });
}

#[test]
fn a_server_that_cannot_show_a_certificate_is_not_believed() {
    run(async {
        let (source, other, key) = (Source::start().await, Source::start().await, Key::new("a"));
        source.publishes(&[&key]);
        let https = Https::with_roots(Smol, other.roots.clone()).unwrap();
        let guard = source.guard("", Smol).fetch_with(https);
        let (_task, failures) = running(&guard);
        assert_eq!(status(&guard, &key.token()).await, 503);
        assert!(failures.lock().unwrap()[0].contains("certificate"), "{failures:?}");
        assert_eq!(source.asked(), 0);
    });
}

#[test]
fn without_the_guards_task_tokens_that_need_keys_are_refused() {
    run(async {
        let (source, key) = (Source::start().await, Key::new("a"));
        source.publishes(&[&key]);
        let mut document = source.guard("", Smol).core().policy().document().clone();
        document.deadline.admit = wswarden::core::policy::Span::from_secs(1);
        let guard = Guard::new(wswarden::Policy::from_document(document).unwrap(), Smol).unwrap();
        let (server, stream) = serve(&guard).await;
        let (status, body, _) = answer(raw(stream, head(Some(&key.token())).as_bytes()).await).await;
        assert_eq!((status, server.await.refused), (408, Some(Reason::HandshakeTimeout)), "{body}");
    });
}

#[test]
fn under_tokio_the_same() {
    let source = smol::block_on(Source::start());
    let key = Key::new("a");
    source.publishes(&[&key]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let guard = source.guard("", wswarden::Tokio);
        let runner = guard.clone();
        tokio::spawn(async move { runner.run(|failed| panic!("{failed}")).await });
        for _ in 0..100 {
            if source.asked() > 0
                && guard.core().next_timeout() > Some(wswarden::now().mono.after(Duration::from_secs(60)))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not fetched: {}", source.asked());
    });
}

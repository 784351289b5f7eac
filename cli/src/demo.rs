//! `wswarden demo`: a guarded chat over TLS, on this machine.

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::{FutureExt, SinkExt, StreamExt, select_biased};
use miette::{IntoDiagnostic, WrapErr, miette};
use serde_json::json;
use smol::channel::{Receiver, Sender, bounded};
use smol::net::{TcpListener, TcpStream};
use wswarden::policy::{Document, PolicyDraft};
use wswarden::tls::{Certificate, ServerConfig};
use wswarden::{AcceptError, Incoming, Policy, PolicyError, Reason, SessionId, Smol};

type Guard = wswarden::Guard<Smol>;

const POLICY: &str = include_str!("demo.toml");

/// How many messages may wait for one listener before those that follow are left out for it.
const MAILBOX: usize = 64;

/// Run a guarded chat server on this machine, to try things out.
///
/// It makes a certificate for localhost and a token for the user "demo", prints both and three
/// commands to try, and serves wss:// until Ctrl-C, which drains: newcomers are refused, and the
/// open connections are closed one after the other. What it refuses or closes, it prints.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// The address to listen on; port 0 takes any that is free.
    #[arg(long, default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// The policy to guard it with, instead of the one built in. It needs an HS256 key, so that a
    /// token can be made.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Write the address, the certificate's path and a token to this file, as JSON, once the
    /// server takes connections.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

pub(crate) fn run(demo: &Demo) -> miette::Result<()> {
    let (policy, document) = policy(demo.policy.as_deref())?;
    let token = token(&document)?;
    let identity = rcgen::generate_simple_self_signed(["localhost".into(), "127.0.0.1".into()]).into_diagnostic()?;
    let chain = identity.cert.pem();
    let certificate = Certificate::from_pem(chain.as_bytes(), identity.signing_key.serialize_pem().as_bytes());
    let config = certificate.and_then(|certificate| certificate.server_config()).into_diagnostic()?;
    let guard = Guard::new(policy, Smol).into_diagnostic()?.audit_with(|record| {
        let event = record.event;
        let reason = event.reason.map_or("", Reason::name);
        log(&format!("session {} {} {reason}", event.session.number(), event.kind.name()));
    });
    let (interrupted, interrupt) = bounded(1);
    // The second Ctrl-C finds the channel full or closed, and ends the process at once.
    let on_interrupt = move || {
        if interrupted.try_send(()).is_err() {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(on_interrupt).into_diagnostic()?;

    let executor = smol::Executor::new();
    smol::block_on(executor.run(async {
        let listener = TcpListener::bind(demo.listen).await.into_diagnostic();
        let listener = listener.wrap_err_with(|| format!("cannot listen on {}", demo.listen))?;
        let port = listener.local_addr().into_diagnostic()?.port();
        let url = format!("wss://localhost:{port}/");
        let chain_file = std::env::temp_dir().join(format!("wswarden-demo-{port}.pem"));
        write_whole(&chain_file, &chain).into_diagnostic()?;
        if let Some(file) = &demo.ready_file {
            let ready = json!({ "url": url, "cert": chain_file, "token": token });
            write_whole(file, &ready.to_string()).into_diagnostic()?;
        }
        greet(&url, &chain_file, &token);

        let hub = Arc::new(Hub::default());
        loop {
            let accepted = select_biased! {
                _ = interrupt.recv().fuse() => break,
                accepted = listener.accept().fuse() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let serving = serve(guard.clone(), Arc::clone(&config), Arc::clone(&hub), stream, peer.ip());
                    executor.spawn(serving).detach();
                }
                // Out of file descriptors, mostly: the open connections get time to end.
                Err(error) => {
                    log(&format!("cannot accept: {error}"));
                    smol::Timer::after(Duration::from_millis(50)).await;
                }
            }
        }
        log("draining: newcomers are refused, the open connections are closed; Ctrl-C again ends at once");
        guard.drain();
        while guard.stats().connections > 0 {
            select_biased! {
                accepted = listener.accept().fuse() => if let Ok((stream, peer)) = accepted {
                    let serving = serve(guard.clone(), Arc::clone(&config), Arc::clone(&hub), stream, peer.ip());
                    executor.spawn(serving).detach();
                },
                _ = FutureExt::fuse(smol::Timer::after(Duration::from_millis(50))) => {}
            }
        }
        std::fs::remove_file(&chain_file).ok();
        Ok(())
    }))
}

/// One connection, from its first byte to its end.
async fn serve(guard: Guard, config: Arc<ServerConfig>, hub: Arc<Hub>, stream: TcpStream, address: IpAddr) {
    let mut socket = match guard.accept_tls(stream, &config, address.into()).await {
        Ok(socket) => socket,
        Err(AcceptError::Refused(refusal)) => {
            return log(&format!("refused {} {}", refusal.reason(), refusal.detail().unwrap_or_default()));
        }
        Err(error) => return log(&error.to_string()),
    };
    let id = socket.session().id();
    let mailbox = hub.enter(id);
    loop {
        select_biased! {
            incoming = socket.next().fuse() => match incoming {
                Some(Incoming::Text { text, .. }) => hub.send(text),
                Some(Incoming::Binary { .. }) => {}
                None => break,
            },
            message = mailbox.recv().fuse() => {
                let Ok(message) = message else { break };
                // What waits is sent while the next message is awaited. A failure ends the stream.
                socket.feed(message.as_str().into()).await.ok();
            }
        }
    }
    hub.leave(id);
}

/// Everybody hears what anybody says.
#[derive(Default)]
struct Hub {
    mailboxes: Mutex<HashMap<SessionId, Sender<Arc<String>>>>,
}

impl Hub {
    fn enter(&self, id: SessionId) -> Receiver<Arc<String>> {
        let (sender, receiver) = bounded(MAILBOX);
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        receiver
    }

    fn leave(&self, id: SessionId) {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn send(&self, text: String) {
        let text = Arc::new(text);
        for mailbox in self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).values() {
            mailbox.try_send(Arc::clone(&text)).ok();
        }
    }
}

/// The policy, and its document with the keys in it.
fn policy(file: Option<&Path>) -> miette::Result<(Policy, Document)> {
    let draft = match file {
        Some(file) => {
            let text = crate::check::read(file)?;
            wswarden::policy_draft(file, &text)
        }
        None => embedded(),
    };
    let shown = || file.map_or("the demo's policy".into(), |file| file.display().to_string());
    let built = draft.and_then(|draft| Ok((draft.clone().build()?, draft.document()?)));
    built.map_err(|error| miette!(help = "`wswarden check` shows the place", "{}: {error}", shown()))
}

/// The built-in policy, with a key of its own for this run.
fn embedded() -> Result<PolicyDraft, PolicyError> {
    let mut draft = PolicyDraft::from_toml(POLICY)?;
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| PolicyError::new("", "the operating system gave no random bytes"))?;
    let key = URL_SAFE_NO_PAD.encode(key);
    for source in draft.sources() {
        draft.provide(&source, key.as_bytes())?;
    }
    Ok(draft)
}

/// A token for the user "demo", good for an hour.
fn token(document: &Document) -> miette::Result<String> {
    let Some(rules) = &document.credential.jwt else {
        return Err(miette!("the policy takes no tokens, so none can be made for the demo"));
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let claims = json!({
        "iss": rules.issuer.first(), "aud": rules.audience.first(), "sub": "demo", "jti": "demo",
        "iat": now, "exp": now.saturating_add(3600),
    });
    crate::token::mint(rules, None, &claims)
}

/// Writes a file that is whole as soon as it is there.
fn write_whole(file: &Path, text: &str) -> std::io::Result<()> {
    let part = file.with_extension("part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, file)
}

fn greet(url: &str, cert: &Path, token: &str) {
    let cert = cert.display();
    log(&format!(
        r#"serving {url}
certificate {cert}
token       {token}

Try, in another terminal:

1. Chat. Install the client first: pip install websockets
   SSL_CERT_FILE={cert} python3 -c 'import asyncio, websockets
async def main():
    async with websockets.connect("{url}?token={token}", origin="https://app.example.com") as ws:
        await ws.send("""{{"type":"chat","content":"hello"}}"""); print(await ws.recv())
        await ws.send("""{{"type":"chat","content":42}}"""); print(await ws.recv())
asyncio.run(main())'

2. Be refused for want of a credential:
   curl -isS --cacert {cert} --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
     -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' {https}

3. Be refused as a page of another origin:
   curl -isS --cacert {cert} --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
     -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' \
     -H 'Origin: https://evil.example' '{https}?token={token}'

Ctrl-C drains and ends."#,
        https = url.replace("wss:", "https:"),
    ));
}

/// A line for whoever watches; one that has gone away is no failure.
fn log(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

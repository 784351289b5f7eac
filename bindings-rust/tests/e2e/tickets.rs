//! Single-use tickets in the query, over real sockets.

use wswarden::core::credential::ticket::Binding;
use wswarden::{Identity, Reason};

use crate::lab::{CHAT, ORIGIN, answer, connect_to, empty, guard_of_sessions, head_of, raw, read_to_end, run, serve};

const TICKETS: &str = r#"
[credential]
sources = [{ kind = "ticket", in = "query", name = "ticket" }]
[rate.address]
handshakes = { limit = 100000, per = "1s", burst = 100000 }
failures = { limit = 100000, per = "1s", burst = 100000 }
[cap]
per_user = 100
per_address = 100
unauthenticated_per_address = 100
"#;
const HERE: Binding<'static> = Binding { path: "/chat", origin: Some(ORIGIN), address: None };

fn guard() -> wswarden::Guard<wswarden::Smol> {
    guard_of_sessions(TICKETS, |_, _: &_| std::future::ready(wswarden::Answer::Refused))
}

fn target(ticket: &str) -> String {
    format!("/chat?ticket={ticket}")
}

#[test]
fn a_ticket_from_the_https_endpoint_opens_one_connection() {
    run(async {
        let guard = guard();
        let ticket = guard.mint_ticket(&Identity::assertion("ann"), &HERE).unwrap();
        let (server, stream) = serve(&guard).await;
        let mut client = connect_to(&target(&ticket), stream).await;
        client.send(CHAT.into()).await.unwrap();
        client.close(None).await.unwrap();
        assert_eq!(read_to_end(&mut client).await.0, [CHAT]);
        assert_eq!(server.await.heard, [CHAT]);

        let (server, stream) = serve(&guard).await;
        let (status, body, headers) = answer(raw(stream, head_of(&target(&ticket)).as_bytes()).await).await;
        assert_eq!((status, server.await.refused), (401, Some(Reason::CredentialInvalid)));
        assert!(!format!("{body} {headers}").contains(&ticket), "a used ticket is not repeated either");
        empty(&guard).await;
    });
}

/// Whoever reads the URL at the same instant has no second ticket: two clients race on real sockets,
/// ten thousand times, and each time exactly one gets in.
#[test]
fn a_ticket_replayed_from_two_clients_at_once_lets_exactly_one_in() {
    const ROUNDS: usize = 10_000;
    const AT_ONCE: usize = 8;
    crate::lab::run_within(std::time::Duration::from_secs(240), async {
        let guard = guard();
        let ann = Identity::assertion("ann");
        let (mut opened, mut refused) = (0, 0);
        for _ in 0..ROUNDS / AT_ONCE {
            let race = (0..AT_ONCE).map(|_| async {
                let ticket = guard.mint_ticket(&ann, &HERE).unwrap();
                let head = head_of(&target(&ticket));
                let (one, other) = futures::join!(status_of(&guard, &head), status_of(&guard, &head));
                let mut both = [one, other];
                both.sort_unstable();
                both
            });
            for both in futures::future::join_all(race).await {
                assert_eq!(both, [101, 401], "exactly one gets in");
                opened += 1;
                refused += 1;
            }
        }
        assert_eq!((opened, refused), (ROUNDS, ROUNDS));
        assert_eq!(guard.stats().opened, ROUNDS as u64);
        empty(&guard).await;
    });
}

/// The status that a client with this request gets; it then goes away.
async fn status_of(guard: &wswarden::Guard<wswarden::Smol>, head: &str) -> u16 {
    use futures::io::AsyncReadExt;

    let (server, stream) = serve(guard).await;
    let mut stream = raw(stream, head.as_bytes()).await;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    drop(stream);
    server.await;
    std::str::from_utf8(&status[9..]).unwrap().parse().unwrap()
}

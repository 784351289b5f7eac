//! Under tokio as under smol.

use std::time::Duration;

use futures::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use wswarden::{Guard, Reason, Tokio};

use crate::lab::{CHAT, connect, echo, policy, read_to_end, token};

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), test).await.expect("done in time") });
}

async fn sockets() -> (Compat<TcpStream>, Compat<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0.compat(), client.compat())
}

fn guard(more: &str) -> Guard<Tokio> {
    Guard::new(policy(more), Tokio).unwrap()
}

#[test]
fn a_chat() {
    run(async {
        let guard = guard("");
        let (server, client) = sockets().await;
        let server = tokio::spawn(echo(guard.clone(), server));
        let mut client = connect(client, Some(&token("ann", 60))).await;
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        client.close(None).await.unwrap();
        read_to_end(&mut client).await;
        assert_eq!(server.await.unwrap().closed.unwrap().reason, Reason::ClosedByPeer);
        assert_eq!(guard.stats().connections, 0);
    });
}

#[test]
fn a_dead_peer_is_found() {
    run(async {
        let guard = guard("[heartbeat]\ninterval = \"1s\"\ntimeout = \"200ms\"\n[deadline]\nclose = \"100ms\"");
        let (server, client) = sockets().await;
        let server = tokio::spawn(echo(guard.clone(), server));
        let _silent = connect(client, Some(&token("ann", 60))).await;
        assert_eq!(server.await.unwrap().closed.unwrap().reason, Reason::PingTimeout);
        assert_eq!(guard.stats().connections, 0);
    });
}

#[test]
fn a_drain_wakes_an_idle_connection() {
    run(async {
        let guard = guard("");
        let (server, client) = sockets().await;
        let server = tokio::spawn(echo(guard.clone(), server));
        let mut client = connect(client, Some(&token("ann", 60))).await;
        while guard.stats().sessions == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        guard.drain();
        assert_eq!(read_to_end(&mut client).await.1, Some((1012, "draining".into())));
        assert_eq!(server.await.unwrap().closed.unwrap().reason, Reason::Draining);
    });
}

#[test]
fn a_task_that_is_aborted_gives_everything_back() {
    run(async {
        let guard = guard("");
        let (server, client) = sockets().await;
        let server = tokio::spawn(echo(guard.clone(), server));
        let mut client = connect(client, Some(&token("ann", 60))).await;
        client.send(CHAT.into()).await.unwrap();
        client.next().await.unwrap().unwrap();
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
        assert_eq!((guard.stats().connections, guard.stats().sessions), (0, 0));
    });
}

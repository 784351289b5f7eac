//! How much is read of a peer that goes on after it was closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wswarden::Reason;

use crate::lab::{CHAT, echo, empty, frame, guard, head, raw, run, serve, token};

const MIB: usize = 1024 * 1024;

/// So much may be read beyond the bound, at most: what the library had read ahead when the connection closed.
const AHEAD: usize = 8 * 1024;

/// Its second message breaks the rate, and closes.
const STRICT: &str = r#"
[deadline]
close = "60s"
[rate]
on_excess = "close"
connection = { messages = { limit = 1, per = "60s" }, bytes = "4MiB/s" }
"#;

/// A peer without a network: it sends its request and a beginning, and then the same again and again, without end.
struct Flood {
    script: Vec<u8>,
    again: Vec<u8>,
    at: usize,
    taken: Arc<AtomicUsize>,
}

impl AsyncRead for Flood {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.at == self.script.len() {
            self.script = self.again.clone();
            self.at = 0;
        }
        let length = buffer.len().min(self.script.len() - self.at);
        buffer[..length].copy_from_slice(&self.script[self.at..self.at + length]);
        self.at += length;
        self.taken.fetch_add(length, Ordering::SeqCst);
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How many bytes are taken of a peer that is closed for `reason` after `begins`, and sends `again` without end. Its
/// messages may have so many KiB.
async fn taken(max_kib: usize, begins: &[u8], again: &[u8], reason: Reason) -> usize {
    let guard = guard(&format!("{STRICT}\n[message]\nmax_bytes = \"{max_kib}KiB\""));
    let taken = Arc::default();
    let request = head(Some(&token("ann", 60)));
    let script = [request.as_bytes(), begins].concat();
    let length = script.len();
    let flood = Flood { script, again: again.to_vec(), at: 0, taken: Arc::clone(&taken) };
    assert_eq!(echo(guard.clone(), flood).await.closed.unwrap().reason, reason);
    empty(&guard).await;
    taken.load(Ordering::SeqCst) - length
}

#[test]
fn a_flood_after_the_close_is_cut_after_a_mebibyte_whatever_its_frames() {
    run(async {
        let begins = frame(0x81, CHAT.as_bytes()).repeat(2);
        let largest = frame(0x81, &[b' '; 768 * 1024]);
        let small = frame(0x81, CHAT.as_bytes());
        for again in [&largest, &small] {
            let taken = taken(768, &begins, again, Reason::RateLimited).await;
            assert!((MIB - AHEAD..=MIB + AHEAD).contains(&taken), "{taken} bytes in frames of {}", again.len());
        }
    });
}

#[test]
fn a_message_on_its_way_is_read_to_its_end_however_long_the_policy_lets_it_be() {
    run(async {
        let begins = frame(0x81, CHAT.as_bytes()).repeat(2);
        let largest = frame(0x81, &[b' '; 3 * MIB]);
        let taken = taken(3 * 1024, &begins, &largest, Reason::RateLimited).await;
        assert!((largest.len()..=largest.len() + 2 * AHEAD).contains(&taken), "{taken} bytes");
    });
}

#[test]
fn what_breaks_the_protocol_is_read_on_for_a_mebibyte() {
    run(async {
        let taken = taken(64, &frame(0x83, b"{}"), &[0; 1000], Reason::ProtocolError).await;
        assert!((MIB - AHEAD..=MIB + AHEAD).contains(&taken), "{taken} bytes");
    });
}

#[test]
fn a_frame_without_end_is_cut_after_16_mebibytes_more() {
    run(async {
        let endless = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        let taken = taken(64, &endless, &[b' '; 1000], Reason::MessageTooBig).await;
        assert!((17 * MIB - AHEAD..=17 * MIB + AHEAD).contains(&taken), "{taken} bytes");
    });
}

#[test]
fn a_client_that_writes_a_message_too_big_to_its_end_reads_why() {
    run(async {
        let guard = guard("");
        let (server, stream) = serve(&guard).await;
        let mut stream = raw(stream, head(Some(&token("ann", 60))).as_bytes()).await;
        // It reads only when all is written, as most clients do.
        stream.write_all(&frame(0x81, &[b' '; 5 * MIB])).await.expect("no reset before it is written");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("no reset may overtake the close frame");
        let close = [&[0x88, 17][..], &1009u16.to_be_bytes(), b"message_too_big"].concat();
        assert!(bytes.ends_with(&close), "{}", String::from_utf8_lossy(&bytes));
        drop(stream);
        assert_eq!(server.await.closed.unwrap().reason, Reason::MessageTooBig);
        empty(&guard).await;
    });
}

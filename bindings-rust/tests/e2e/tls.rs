//! The same over TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use smol::Task;
use smol::net::TcpStream;
use wswarden::tls::{Certificate, ServerConfig};
use wswarden::{Guard, Remote, Smol};

use crate::lab::{CHAT, End, chat, connect, empty, frame, guard, head, read_to_end, run, sockets, token};

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["chat.example.com".into()]).unwrap()
}

fn pem(certified: &CertifiedKey<KeyPair>) -> (String, String) {
    (certified.cert.pem(), certified.signing_key.serialize_pem())
}

fn usable(certified: &CertifiedKey<KeyPair>) -> Arc<Certificate> {
    let (chain, key) = pem(certified);
    Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
}

/// A client that trusts this certificate only.
fn trusting(certified: &CertifiedKey<KeyPair>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certified.cert.der().to_vec())).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn serve(guard: &Guard<Smol>, config: &Arc<ServerConfig>) -> (Task<Option<End>>, TcpStream) {
    let (server, client) = sockets().await;
    let (guard, config) = (guard.clone(), Arc::clone(config));
    let server = smol::spawn(async move {
        let socket = guard.accept_tls(server, &config, Remote::Unix).await.ok()?;
        Some(chat(socket).await)
    });
    (server, client)
}

async fn secure<S: AsyncRead + AsyncWrite + Unpin>(connector: &TlsConnector, stream: S) -> io::Result<TlsStream<S>> {
    connector.connect(ServerName::try_from("chat.example.com").unwrap(), stream).await
}

#[test]
fn a_chat_over_tls_and_a_refusal_over_tls() {
    run(async {
        let guard = guard("");
        let certified = certificate();
        let config = usable(&certified).server_config().unwrap();
        let connector = trusting(&certified);

        let (server, stream) = serve(&guard, &config).await;
        let mut client = connect(secure(&connector, stream).await.unwrap(), Some(&token("ann", 60))).await;
        client.send(CHAT.into()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        client.close(None).await.unwrap();
        read_to_end(&mut client).await;
        assert_eq!(server.await.unwrap().heard, [CHAT]);

        let (server, stream) = serve(&guard, &config).await;
        let mut stream = secure(&connector, stream).await.unwrap();
        stream.write_all(head(None).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("the end is said, not cut");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        drop(stream);
        assert!(server.await.is_none());
        empty(&guard).await;
    });
}

#[test]
fn a_stalled_tls_handshake_is_cut() {
    run(async {
        let guard = guard("[transport]\nhead_timeout = \"200ms\"");
        let (server, mut stream) = serve(&guard, &usable(&certificate()).server_config().unwrap()).await;
        stream.write_all(&[0x16, 3, 1]).await.unwrap();
        assert!(server.await.is_none());
    });
}

#[test]
fn a_plain_client_on_the_tls_port_gets_nowhere() {
    run(async {
        let guard = guard("");
        let (server, mut stream) = serve(&guard, &usable(&certificate()).server_config().unwrap()).await;
        stream.write_all(head(Some(&token("ann", 60))).as_bytes()).await.unwrap();
        assert!(server.await.is_none());
        assert_eq!(guard.stats().opened, 0);
    });
}

#[test]
fn a_renewed_certificate_is_for_newcomers_and_drops_nobody() {
    run(async {
        let guard = guard("");
        let (old, new) = (certificate(), certificate());
        let certificate = usable(&old);
        let config = certificate.server_config().unwrap();

        let (_before, stream) = serve(&guard, &config).await;
        let mut before = connect(secure(&trusting(&old), stream).await.unwrap(), Some(&token("ann", 60))).await;

        let (chain, key) = pem(&new);
        let (_, wrong_key) = pem(&old);
        certificate.renew(chain.as_bytes(), wrong_key.as_bytes()).expect_err("a key of another certificate");
        certificate.renew(b"", b"").expect_err("no certificate at all");
        certificate.renew(chain.as_bytes(), key.as_bytes()).unwrap();

        let (_after, stream) = serve(&guard, &config).await;
        let mut after = connect(secure(&trusting(&new), stream).await.unwrap(), Some(&token("bob", 60))).await;
        let (_refusing, stream) = serve(&guard, &config).await;
        assert!(secure(&trusting(&old), stream).await.is_err(), "the old certificate is not presented any more");
        for client in [&mut before, &mut after] {
            client.send(CHAT.into()).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap().to_text().unwrap(), CHAT);
        }
    });
}

/// A stream that is cut after so many bytes out.
struct Cut {
    stream: TcpStream,
    left: usize,
}

impl AsyncRead for Cut {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let most = bytes.len().min(self.left);
        if most == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let wrote = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..most]))?;
        self.left -= wrote;
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

#[test]
fn t15_tls_cut_at_any_byte_gives_everything_back() {
    run(async {
        let guard = guard("");
        let certified = certificate();
        let config = usable(&certified).server_config().unwrap();
        let connector = trusting(&certified);
        let token = token("ann", 60);
        let mut whole = 0;
        for left in (0..2000).step_by(29) {
            let (server, stream) = serve(&guard, &config).await;
            let client = async {
                let mut stream = secure(&connector, Cut { stream, left }).await?;
                stream.write_all(head(Some(&token)).as_bytes()).await?;
                stream.write_all(&frame(0x81, CHAT.as_bytes())).await?;
                stream.write_all(&frame(0x88, &1000u16.to_be_bytes())).await?;
                stream.flush().await?;
                stream.read_to_end(&mut Vec::new()).await?;
                io::Result::Ok(())
            };
            whole += u32::from(client.await.is_ok());
            server.await;
            empty(&guard).await;
        }
        assert!(whole > 5, "the last ones are not cut at all: {whole}");
        assert!(guard.stats().opened > 5);
    });
}

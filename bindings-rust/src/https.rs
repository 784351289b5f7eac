//! Fetching over HTTPS: hyper's client on rustls, with nothing that a key set does not need.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncWrite};
use futures_rustls::TlsConnector;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use crate::connect::Connect;
use crate::fetch::{Fetch, Fetching};

/// The largest answer head that is read, in bytes; the least that hyper takes.
const MAX_HEAD: usize = 8192;
/// The most header fields in an answer.
const MAX_HEADERS: usize = 64;
/// So much is read at a time.
const PIECE: usize = 4096;

/// Fetches over HTTPS, on any runtime that can connect.
///
/// The server's certificate is verified, by the system's roots or by those given. No redirect is
/// followed, no credential or cookie is sent, nothing is decompressed, and no connection is kept.
/// `http://` is refused.
#[derive(Clone)]
pub struct Https {
    connect: Arc<dyn Connect>,
    tls: Arc<ClientConfig>,
}

impl Https {
    /// One that trusts the roots of the operating system.
    ///
    /// # Errors
    /// When it has none, or as for [`with_roots`](Self::with_roots).
    pub fn new(connect: impl Connect) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the system has no root certificates"));
        }
        Self::with_roots(connect, roots)
    }

    /// One that trusts these roots and no others.
    ///
    /// # Errors
    /// When the cryptography provider supports none of the TLS versions.
    pub fn with_roots(connect: impl Connect, roots: RootCertStore) -> io::Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connect: Arc::new(connect), tls: Arc::new(config) })
    }

    async fn get(self, url: String, max_bytes: usize) -> io::Result<Vec<u8>> {
        let uri: Uri = url.parse().map_err(io::Error::other)?;
        let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("is not an https:// URL"));
        };
        // Uri keeps the brackets of an IPv6 address; neither sockets nor certificates have them.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let stream = self.connect.connect(&host, authority.port_u16().unwrap_or(443)).await?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
        let request = Request::get(uri.path_and_query().map_or("/", |target| target.as_str()))
            .header(header::HOST, authority.as_str())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let mut client = http1::Builder::new();
        client.max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
        let (mut sender, connection) = client.handshake(Stream(stream)).await.map_err(io::Error::other)?;
        let answer = async { body_of(sender.send_request(request).await.map_err(io::Error::other)?, max_bytes).await };
        match select(pin!(answer), pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            // The connection is over; what came before its end may still be an answer.
            Either::Right((_, answer)) => answer.await,
        }
    }
}

impl Fetch for Https {
    fn fetch(&self, url: &str, max_bytes: usize) -> Fetching {
        Box::pin(self.clone().get(url.to_owned(), max_bytes))
    }
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https").finish_non_exhaustive()
    }
}

async fn body_of(answer: http::Response<hyper::body::Incoming>, max_bytes: usize) -> io::Result<Vec<u8>> {
    if answer.status() != StatusCode::OK {
        return Err(io::Error::other(format!("answered with status {}", answer.status().as_u16())));
    }
    if answer.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(wrong("is compressed, which was not asked for"));
    }
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > max_bytes {
            return Err(wrong("is larger than a key set may be"));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A stream of the crate futures, as hyper wants it.
struct Stream<S>(S);

impl<S: AsyncRead + Unpin> Read for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut to: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let mut piece = [0; PIECE];
        let room = to.remaining().min(PIECE);
        let room = piece.get_mut(..room).unwrap_or_default();
        let read = ready!(Pin::new(&mut self.0).poll_read(cx, room))?;
        to.put_slice(room.get(..read).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

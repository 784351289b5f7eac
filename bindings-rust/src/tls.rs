//! TLS with safe defaults: versions 1.2 and 1.3 (rustls speaks no other), and a certificate that
//! can be renewed while connections are open.

use std::fmt;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::io::{AsyncRead, AsyncWrite};
use futures_rustls::TlsAcceptor;
use futures_rustls::server::TlsStream;
pub use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use wswarden_core::Remote;

use crate::accept::{AcceptError, Client};
use crate::clock;
use crate::guard::Guard;
use crate::guarded::Guarded;
use crate::timer::Timer;

/// A certificate chain and its key, renewable.
pub struct Certificate {
    current: ArcSwap<CertifiedKey>,
    provider: Arc<CryptoProvider>,
}

/// Why a certificate cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum CertificateError {
    /// The text is not PEM, or holds no certificate or no private key.
    Pem(rustls::pki_types::pem::Error),
    /// The key does not fit the certificate, or is of a kind that is not supported.
    Rustls(rustls::Error),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(error) => write!(f, "not a usable PEM text: {error}"),
            Self::Rustls(error) => write!(f, "not a usable certificate and key: {error}"),
        }
    }
}

impl std::error::Error for CertificateError {}

impl Certificate {
    /// Reads a chain, the server's own certificate first, and its private key, both in PEM.
    ///
    /// # Errors
    /// When either cannot be read, or the two do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(default_provider());
        let certified = certified(chain, key, &provider)?;
        Ok(Arc::new(Self { current: ArcSwap::from_pointee(certified), provider }))
    }

    /// Puts a renewed certificate in place. New connections get it; open ones stay as they are.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem); the old certificate then stays.
    pub fn renew(&self, chain: &[u8], key: &[u8]) -> Result<(), CertificateError> {
        self.current.store(Arc::new(certified(chain, key, &self.provider)?));
        Ok(())
    }

    /// A server configuration that presents this certificate. It asks for no client certificate
    /// and offers HTTP/1.1 alone (ALPN), the protocol the upgrade is made of.
    ///
    /// # Errors
    /// When the provider supports none of the protocol versions.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, CertificateError> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Rustls)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl<T: Timer> Guard<T> {
    /// [`Guard::accept`] over TLS: the TLS handshake must be whole within `transport.head_timeout`,
    /// too, so that a peer that stalls in it holds a socket no longer than that.
    ///
    /// # Errors
    /// As [`Guard::accept`]; a failed TLS handshake is an [`AcceptError::Io`]. Who may not even wait
    /// for it is refused without an answer: there is no way to give one yet.
    pub async fn accept_tls<S>(
        &self,
        stream: S,
        config: &Arc<ServerConfig>,
        remote: Remote,
    ) -> Result<Guarded<TlsStream<S>, T>, AcceptError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let knock = self.core.knock(remote, clock::mono())?;
        let by = clock::mono().after(self.core.policy().document().transport.head_timeout.get());
        let handshake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        let stream = self.before(by, handshake).await.ok_or(io::Error::from(io::ErrorKind::TimedOut))??;
        self.accept_knocked(stream, Client { remote, tls: true }, knock).await
    }
}

/// Says nothing of the key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

fn certified(chain: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().map_err(CertificateError::Pem)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Pem)?;
    CertifiedKey::from_der(chain, key, provider).map_err(CertificateError::Rustls)
}

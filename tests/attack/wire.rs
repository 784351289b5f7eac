//! Bytes to and from a server on this machine, over TCP or TLS, every read with a deadline.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};
use socket2::{Domain, SockRef, Socket, Type};

use crate::config::Target;

/// No connect, TLS handshake or write may take longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the target is.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query, as written in the URL.
    pub(crate) path: String,
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

impl Endpoint {
    /// Reads the target's URL. A host that is not this machine is refused.
    pub(crate) fn of(target: &Target) -> Result<Self, String> {
        let (secure, rest) = match (target.url.strip_prefix("wss://"), target.url.strip_prefix("ws://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(format!("url {:?} begins with neither wss:// nor ws://", target.url)),
        };
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("url: {port:?} is no port"))?)
            }
            _ => (authority, if secure { 443 } else { 80 }),
        };
        let bare = host.trim_matches(['[', ']']);
        let mut addresses: Vec<SocketAddr> =
            (bare, port).to_socket_addrs().map_err(|error| format!("url: {bare}: {error}"))?.collect();
        if !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(format!("url: {bare} is not this machine; attacks go to loopback addresses only"));
        }
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let address = *addresses.first().ok_or_else(|| format!("url: {bare} has no address"))?;
        let tls = if secure { Some(Arc::new(tls_config(target)?)) } else { None };
        Ok(Self { host: host.into(), port, path: path.into(), address, tls })
    }

    /// Whether the target speaks TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether attacks can come from several addresses.
    pub(crate) fn can_rotate(&self) -> bool {
        self.address.is_ipv4()
    }

    /// The value of the Host header.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Connects, with TLS where the target speaks it.
    pub(crate) fn connect(&self, source: Option<Ipv4Addr>) -> io::Result<Wire> {
        let tcp = self.connect_tcp(source, self.port)?;
        let Some(config) = &self.tls else { return Ok(Wire::Plain(tcp)) };
        let name = ServerName::try_from(self.host.trim_matches(['[', ']']).to_owned())
            .map_err(|error| io::Error::other(format!("host: {error}")))?;
        let client = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(client, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| io::Error::other(format!("TLS: {error}")))?;
        }
        Ok(Wire::Tls(Box::new(stream)))
    }

    /// Connects without TLS, to this or another port.
    pub(crate) fn connect_plain(&self, source: Option<Ipv4Addr>, port: u16) -> io::Result<Wire> {
        self.connect_tcp(source, port).map(Wire::Plain)
    }

    fn connect_tcp(&self, source: Option<Ipv4Addr>, port: u16) -> io::Result<TcpStream> {
        let mut address = self.address;
        address.set_port(port);
        let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::STREAM, None)?;
        if let (Some(source), true) = (source, address.is_ipv4()) {
            // Not every system lets a client pick an address of 127.0.0.0/8; there all come from one.
            let _ = socket.bind(&SocketAddr::new(IpAddr::V4(source), 0).into());
        }
        socket
            .connect_timeout(&address.into(), PATIENCE)
            .map_err(|error| io::Error::other(format!("connect to port {port}: {error}")))?;
        let tcp = TcpStream::from(socket);
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        Ok(tcp)
    }
}

/// One connection.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Writes and flushes everything.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes),
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }

    /// What has arrived: `None` when nothing came until the deadline, `Some(0)` at the end.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<Option<usize>> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        self.tcp().set_read_timeout(Some(left))?;
        let read = match self {
            Self::Plain(tcp) => tcp.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        };
        match read {
            Ok(count) => Ok(Some(count)),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(None),
            Err(error) if crate::outcome::is_cut(&error) => Ok(Some(0)),
            Err(error) => Err(error),
        }
    }

    /// Ends the connection with a TCP reset: no TLS close, no close frame.
    pub(crate) fn reset(self) {
        // Failing to set the option only makes the end gentler.
        let _ = SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

fn tls_config(target: &Target) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    if target.dangerous_insecure_tls {
        let verifier = Arc::new(AnyCertificate(provider));
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    }
    let Some(path) = &target.ca else {
        return Err("wss:// needs `ca` (a PEM file) or `dangerous_insecure_tls = true`".into());
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| format!("ca: {error}"))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| format!("ca: {error}"))?;
        roots.add(certificate).map_err(|error| format!("ca: {error}"))?;
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Accepts every certificate: the server is on this machine, and it is the one that is tested.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<Endpoint, String> {
        Endpoint::of(&toml::from_str(&format!("url = '{url}'\ndangerous_insecure_tls = true")).unwrap())
    }

    #[test]
    fn urls_are_taken_apart() {
        let endpoint = at("wss://localhost:8443/chat?room=1").unwrap();
        assert_eq!(
            (endpoint.host.as_str(), endpoint.port, endpoint.path.as_str()),
            ("localhost", 8443, "/chat?room=1")
        );
        assert!(endpoint.is_secure());
        assert_eq!(at("ws://127.0.0.1").unwrap().port, 80);
        assert_eq!(at("ws://[::1]/x").unwrap().host, "[::1]");
    }

    #[test]
    fn other_machines_are_not_attacked() {
        assert!(at("wss://192.0.2.1:443/").unwrap_err().contains("not this machine"));
        assert!(at("https://localhost/").is_err());
    }
}

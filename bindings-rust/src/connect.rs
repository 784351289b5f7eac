//! Connecting, which every runtime does in its own way.

use std::future::Future;
use std::io;
use std::pin::Pin;

use futures::io::{AsyncRead, AsyncWrite};

/// How the runtime connects to a server, its name looked up; asked for only to fetch keys.
pub trait Connect: Send + Sync + 'static {
    /// Connects over TCP to a host name or IP address.
    fn connect(&self, host: &str, port: u16) -> Connecting;
}

/// A connection that is being made.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Duplex>>> + Send>>;

/// A stream of bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

#[cfg(feature = "smol")]
impl Connect for crate::timer::Smol {
    fn connect(&self, host: &str, port: u16) -> Connecting {
        let host = host.to_owned();
        Box::pin(async move {
            let stream = async_net::TcpStream::connect((host, port)).await?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

#[cfg(feature = "tokio")]
impl Connect for crate::timer::Tokio {
    fn connect(&self, host: &str, port: u16) -> Connecting {
        use tokio_util::compat::TokioAsyncReadCompatExt;

        let host = host.to_owned();
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect((host, port)).await?;
            Ok(Box::new(stream.compat()) as Box<dyn Duplex>)
        })
    }
}

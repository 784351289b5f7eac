//! For hosts that read the socket themselves: who waits, heads, and frames.

use std::sync::{Arc, Mutex};

use wswarden_core as core;
use wswarden_core::Timestamp;
use wswarden_core::http::{self, HttpVersion};

use super::guard::Guard;
use super::values::{Header, Peer, Request, Response};
use super::{Result, here, local, locked};
use crate::handle::Local;

/// A connection whose request has not come whole. It holds a slot of its address until it is given back.
#[derive(uniffi::Object)]
pub struct Knock(Local<Mutex<Option<core::Knock>>>);

#[uniffi::export]
impl Guard {
    /// Asks whether a new socket may stay open while its TLS handshake and its request are awaited. None: close it;
    /// before TLS there is no way to tell why.
    pub fn knock(&self, peer: Peer, now_mono: u64) -> Result<Option<Arc<Knock>>> {
        let knocked = here(&self.0)?.knock(peer.read()?, Timestamp::from_nanos(now_mono));
        knocked.ok().map(|knock| Ok(Arc::new(Knock(local(Mutex::new(Some(knock)))?)))).transpose()
    }
}

#[uniffi::export]
impl Knock {
    /// Gives the slot back: call it right before the request is judged, or when the connection ends. Twice does nothing.
    pub fn give_back(&self) -> Result<()> {
        drop(locked(here(&self.0)?)?.take());
        Ok(())
    }
}

/// What was found in the bytes of a socket.
#[derive(Clone, uniffi::Enum)]
pub enum Head {
    /// The head is not whole yet: read more.
    Incomplete,
    /// It is whole: hand the request to `Registry.open`.
    Complete {
        /// The request.
        request: Request,
        /// How many bytes the head took; what follows is the peer's first frames.
        consumed: u64,
    },
    /// It is refused: send this and cut the connection.
    Refused {
        /// The refusal.
        response: Response,
    },
}

/// Finds and reads one request head in bytes that arrive bit by bit. Each byte is looked at once.
#[derive(uniffi::Object)]
pub struct HeadParser(Mutex<http::HeadParser>);

#[uniffi::export]
impl HeadParser {
    /// A parser for one connection, within the limits of the guard's policy.
    #[uniffi::constructor]
    pub fn new(guard: Arc<Guard>) -> Result<Arc<Self>> {
        let policy = here(&guard.0)?.policy();
        Ok(Arc::new(Self(Mutex::new(http::HeadParser::new(&policy.document().transport)))))
    }

    /// Reads the head in `bytes`: all that came so far, what was given before included.
    pub fn parse(&self, bytes: Vec<u8>, peer: Peer, tls: bool) -> Result<Head> {
        let remote = peer.read()?;
        Ok(match locked(&self.0)?.parse(&bytes) {
            Ok(http::Head::Incomplete) => Head::Incomplete,
            Ok(http::Head::Complete { head, consumed }) => Head::Complete {
                request: read(&head.request(remote, tls), peer),
                consumed: u64::try_from(consumed).unwrap_or(u64::MAX),
            },
            Err(reason) => Head::Refused { response: Response::refusing(&core::Refusal::new(reason)) },
        })
    }
}

fn read(request: &http::Request<'_>, peer: Peer) -> Request {
    let version = match request.version {
        HttpVersion::Http10 => "1.0",
        HttpVersion::Http11 => "1.1",
        _ => "2",
    };
    let header = |header: &http::Header<'_>| Header { name: header.name.into(), value: header.value.to_vec() };
    Request {
        method: request.method.into(),
        target: request.target.into(),
        version: version.into(),
        headers: request.headers.iter().map(header).collect(),
        peer,
        tls: request.tls,
    }
}

/// Counts the frames of each message in one peer's byte stream: for hosts below whose library nothing bounds them.
#[derive(uniffi::Object)]
pub struct FrameMeter(Mutex<core::FrameMeter>);

#[uniffi::export]
impl FrameMeter {
    /// A meter that lets messages of up to `limit` frames pass.
    #[uniffi::constructor]
    pub fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self(Mutex::new(core::FrameMeter::new(limit))))
    }

    /// Counts the frames in the next bytes of the stream: the name of the reason to close for, if there is one.
    pub fn feed(&self, bytes: Vec<u8>) -> Result<Option<String>> {
        Ok(locked(&self.0)?.feed(&bytes).err().map(|reason| reason.name().into()))
    }
}

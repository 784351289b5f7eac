//! Upgrade requests.

use std::borrow::Cow;

use wswarden_core::http::{Header, HttpVersion, Remote, Request};

use crate::border::{Sized32, sized};
use crate::status::Fault;
use crate::text::wsw_str;

/// The protocol a request came in.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_http_version {
    /// HTTP/1.0, which has no upgrade to WebSocket.
    WSW_HTTP_1_0 = 10,
    /// HTTP/1.1.
    WSW_HTTP_1_1 = 11,
    /// HTTP/2, with the extended CONNECT of RFC 8441. Put `:authority` in as `host`, and `:protocol` under its own name.
    WSW_HTTP_2 = 20,
}

/// What is at the other end of a connection. It has to be said: a forgotten address must not read as a trusted one.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum wsw_remote {
    /// An IP address.
    WSW_REMOTE_ADDRESS = 1,
    /// A process of this machine, by a Unix-domain socket.
    WSW_REMOTE_UNIX = 2,
}

/// What the socket knows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_connection {
    /// `sizeof (wsw_connection)`.
    pub size: u32,
    /// A `wsw_remote`.
    pub remote: i32,
    /// The address as text, such as "203.0.113.9" or "2001:db8::9": no port, no brackets, no zone.
    pub address: wsw_str,
    /// 1 if the connection to this process is encrypted, 0 if it is not.
    pub tls: i32,
}

/// One field line of a request, as it came.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_header {
    /// The name, in any case.
    pub name: wsw_str,
    /// The value.
    pub value: wsw_str,
}

/// An upgrade request, as the host's HTTP parser gives it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct wsw_request {
    /// `sizeof (wsw_request)`.
    pub size: u32,
    /// A `wsw_http_version`.
    pub version: i32,
    /// The method.
    pub method: wsw_str,
    /// The request target as it came: path and query.
    pub target: wsw_str,
    /// The field lines in the order they came, repeated ones as often as they came.
    pub headers: *const wsw_header,
    /// How many field lines.
    pub header_count: usize,
}

// SAFETY: `repr(C)`, the size first, and every field may be zero.
unsafe impl Sized32 for wsw_connection {
    const FIRST: usize = size_of::<Self>();
}

// SAFETY: as above.
unsafe impl Sized32 for wsw_request {
    const FIRST: usize = size_of::<Self>();
}

/// A request read from C, which can be borrowed as the core's.
pub(crate) struct Asked<'a> {
    method: Cow<'a, str>,
    target: Cow<'a, str>,
    version: HttpVersion,
    headers: Vec<(Cow<'a, str>, &'a [u8])>,
}

impl<'a> Asked<'a> {
    /// # Safety
    /// `request` and what it points to are readable for `'a`.
    pub(crate) unsafe fn read(request: *const wsw_request) -> Result<Self, Fault> {
        // SAFETY: by this function's contract, here and below.
        let request = unsafe { sized(request, "request") }?;
        let version = match request.version {
            10 => HttpVersion::Http10,
            11 => HttpVersion::Http11,
            20 => HttpVersion::Http2,
            _ => return Err(Fault::bad("request.version is no wsw_http_version")),
        };
        // SAFETY: as above.
        let (method, target) = unsafe { (request.method.peers("method")?, request.target.peers("target")?) };
        // SAFETY: as above.
        let lines = unsafe { array(request.headers, request.header_count, "headers") }?;
        let mut headers = Vec::with_capacity(lines.len());
        for line in lines {
            // SAFETY: as above.
            headers.push(unsafe { (line.name.peers("a header's name")?, line.value.bytes("a header's value")?) });
        }
        Ok(Self { method, target, version, headers })
    }

    /// Has the core's view of it made, and used.
    pub(crate) fn with<R>(&self, from: &From, work: impl FnOnce(&Request<'_>) -> R) -> R {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| Header { name, value }).collect();
        work(&Request {
            method: &self.method,
            target: &self.target,
            version: self.version,
            headers: &headers,
            peer: from.peer,
            tls: from.tls,
        })
    }
}

/// What the socket knows, as the core takes it.
pub(crate) struct From {
    pub(crate) peer: Remote,
    pub(crate) tls: bool,
}

impl From {
    /// # Safety
    /// `connection` and what it points to are readable.
    pub(crate) unsafe fn read(connection: *const wsw_connection) -> Result<Self, Fault> {
        // SAFETY: by this function's contract, here and below.
        let connection = unsafe { sized(connection, "connection") }?;
        let peer = match connection.remote {
            1 => {
                // SAFETY: as above.
                let text = unsafe { connection.address.utf8("address") }?;
                Remote::Address(text.parse().map_err(|_| Fault::bad("connection.address is no IP address"))?)
            }
            2 => Remote::Unix,
            _ => return Err(Fault::bad("connection.remote is no wsw_remote")),
        };
        let tls = match connection.tls {
            0 => false,
            1 => true,
            _ => return Err(Fault::bad("connection.tls is neither 0 nor 1")),
        };
        Ok(Self { peer, tls })
    }
}

/// # Safety
/// Unless it is NULL or misaligned, `count` values are readable at `first` for `'a`.
pub(crate) unsafe fn array<'a, T>(first: *const T, count: usize, name: &'static str) -> Result<&'a [T], Fault> {
    if count == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(Fault::null(name));
    }
    let fits = count.checked_mul(size_of::<T>()).is_some_and(|bytes| isize::try_from(bytes).is_ok());
    if !first.is_aligned() || !fits {
        return Err(Fault::bad(format!("{name}: not aligned, or too many")));
    }
    // SAFETY: by this function's contract, and no longer than a slice may be.
    Ok(unsafe { std::slice::from_raw_parts(first, count) })
}

//! The upgrade where an HTTP server of the crate `http`'s types has read the request: hyper, axum, warp.

use http::HeaderValue;
use http::request::Parts;
use wswarden_core::http::{Header, HttpVersion, Request, Response};
use wswarden_core::{Refusal, Session};

use crate::accept::Client;
use crate::guard::Guard;
use crate::timer::Timer;

impl<T: Timer> Guard<T> {
    /// [`Guard::upgrade`] for a request in the types of the crate `http`. Answer with
    /// [`http_response`].
    ///
    /// # Errors
    /// The refusal to answer with.
    pub async fn upgrade_http(&self, request: &Parts, client: Client) -> Result<Session, Refusal> {
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| Header { name: name.as_str(), value: value.as_bytes() })
            .collect();
        let request = Request {
            method: request.method.as_str(),
            target: request.uri.path_and_query().map_or("/", |target| target.as_str()),
            version: match request.version {
                http::Version::HTTP_11 => HttpVersion::Http11,
                http::Version::HTTP_2 => HttpVersion::Http2,
                _ => HttpVersion::Http10,
            },
            headers: &headers,
            peer: client.remote,
            tls: client.tls,
        };
        self.upgrade(&request).await
    }
}

/// An answer of the core's, in the types of the crate `http`.
pub fn http_response(response: &Response) -> http::Response<Vec<u8>> {
    let mut answer = http::Response::new(response.body().to_vec());
    *answer.status_mut() =
        http::StatusCode::from_u16(response.status()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let fields = response.headers().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
    answer.headers_mut().extend(fields.map(|(name, value)| (http::HeaderName::from_static(name), value)));
    answer
}

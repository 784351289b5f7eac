use std::time::Duration;

use proptest::prelude::*;

use crate::Reason;
use crate::http::{Refusal, Response};

/// An answer read back from its bytes: status line, fields, body.
fn read_back(bytes: &[u8]) -> (String, Vec<(String, String)>, Vec<u8>) {
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&bytes[..split]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().to_owned();
    let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    (status, lines.map(field).collect(), bytes[split + 4..].to_vec())
}

#[test]
fn t12_every_refusal_reads_back_as_it_was_built() {
    for reason in Reason::ALL {
        for refusal in [Refusal::new(*reason), Refusal::after(*reason, Duration::from_millis(1_001))] {
            let response = refusal.response();
            let (status, fields, body) = read_back(&response.to_bytes());
            assert!(status.starts_with(&format!("HTTP/1.1 {} ", reason.http_status())), "{status}");
            assert!(status.len() > "HTTP/1.1 400 ".len(), "{status} has no phrase");
            let built: Vec<_> = response.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(fields, built);
            assert_eq!(body, response.body());
            assert_eq!(response.header("content-length"), Some(body.len().to_string().as_str()));
        }
    }
}

#[test]
fn t08_every_refusal_ends_the_connection_and_is_a_problem_document() {
    for reason in Reason::ALL {
        let response = Refusal::from(*reason).response();
        assert_eq!(response.header("connection"), Some("close"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        assert_eq!(response.header("retry-after"), None);
        let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        let want = serde_json::json!({
            "type": "about:blank", "title": reason.sentence(), "status": reason.http_status(), "code": reason.name(),
        });
        assert_eq!(problem, want);
    }
}

#[test]
fn headers_that_tell_the_peer_what_would_be_right() {
    let header = |reason, name| Refusal::new(reason).response().header(name).map(str::to_owned);
    assert_eq!(header(Reason::WrongVersion, "sec-websocket-version").as_deref(), Some("13"));
    assert_eq!(header(Reason::WrongVersion, "upgrade").as_deref(), Some("websocket"));
    assert_eq!(header(Reason::BadRequest, "sec-websocket-version"), None);
    assert_eq!(header(Reason::MethodNotAllowed, "allow").as_deref(), Some("GET"));
    assert_eq!(header(Reason::CredentialMissing, "www-authenticate").as_deref(), Some("Bearer"));
    for reason in [Reason::CredentialInvalid, Reason::TokenExpired, Reason::Revoked] {
        assert_eq!(header(reason, "www-authenticate").as_deref(), Some("Bearer error=\"invalid_token\""));
    }
    for reason in [Reason::Forbidden, Reason::OriginNotAllowed, Reason::CredentialAmbiguous] {
        assert_eq!(header(reason, "www-authenticate"), None);
    }
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
    for (wait, seconds) in [
        (Duration::ZERO, 0),
        (Duration::from_nanos(1), 1),
        (Duration::from_secs(1), 1),
        (Duration::new(1, 1), 2),
        (Duration::MAX, u64::MAX),
    ] {
        let refusal = Refusal::after(Reason::RateLimited, wait);
        assert_eq!((refusal.reason(), refusal.retry_after()), (Reason::RateLimited, Some(wait)));
        let response = refusal.response();
        assert_eq!(response.header("retry-after"), Some(seconds.to_string().as_str()));
        let problem: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(problem["retry_after"], seconds);
    }
}

#[test]
fn t12_a_value_that_would_split_the_answer_cannot_be_built() {
    for bad in ["a\r\nb: c", "a\n", "a\r", "a\0", "a\tb", "é", "a\x7f"] {
        assert_eq!(Response::switching_protocols("key", Some(bad)).err(), Some(Reason::Internal), "{bad:?}");
        assert_eq!(Response::switching_protocols(bad, None).err(), Some(Reason::Internal));
        assert_eq!(Response::connected(Some(bad)).err(), Some(Reason::Internal));
    }
}

#[test]
fn a_refusal_is_an_error_with_one_sentence() {
    let refusal: Box<dyn std::error::Error> = Box::new(Refusal::new(Reason::HostNotAllowed));
    assert_eq!(refusal.to_string(), Reason::HostNotAllowed.sentence());
}

proptest! {
    #[test]
    fn t12_the_101_has_one_blank_line_whatever_it_is_given(accept in any::<String>(), subprotocol in any::<String>()) {
        if let Ok(response) = Response::switching_protocols(&accept, Some(&subprotocol)) {
            let bytes = response.to_bytes();
            let (status, fields, body) = read_back(&bytes);
            prop_assert_eq!(status, "HTTP/1.1 101 Switching Protocols");
            prop_assert_eq!(fields.len(), 4);
            prop_assert_eq!(&fields[3].1, &subprotocol);
            prop_assert!(body.is_empty());
        }
    }
}

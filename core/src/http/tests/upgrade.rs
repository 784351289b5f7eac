use proptest::prelude::*;

use super::{headers, request, sample};
use crate::Reason;
use crate::http::{HttpVersion, Request, accept_key, negotiate, upgrade};

#[test]
fn the_sample_handshake_of_rfc_6455() {
    let fields = sample(&[]);
    let upgrade = upgrade(&request("/chat", &fields)).unwrap();
    assert_eq!(upgrade.subprotocols(), ["chat", "superchat"]);
    assert!(!upgrade.has_extensions() && !upgrade.is_extended_connect());
    assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let bytes = upgrade.accept(Some("chat")).unwrap().to_bytes();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(
        text,
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\n\r\n"
    );
}

#[test]
fn t6_the_checklist() {
    for (change, reason) in [
        (("Host", None), Reason::BadRequest),
        (("Upgrade", None), Reason::BadRequest),
        (("Upgrade", Some("h2c")), Reason::BadRequest),
        (("Upgrade", Some("websocket/13")), Reason::BadRequest),
        (("Upgrade", Some("websocket; a")), Reason::BadRequest),
        (("Connection", None), Reason::BadRequest),
        (("Connection", Some("keep-alive")), Reason::BadRequest),
        (("Connection", Some("xUpgrade")), Reason::BadRequest),
        (("Connection", Some("Upgrade; a")), Reason::BadRequest),
        (("Sec-WebSocket-Key", None), Reason::BadRequest),
        (("Sec-WebSocket-Key", Some("")), Reason::BadRequest),
        (("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZQ")), Reason::BadRequest),
        (("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZQ=")), Reason::BadRequest),
        (("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZQ===")), Reason::BadRequest),
        // 15 and 17 bytes; loose bits at the end; the URL alphabet; inner space.
        (("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25j")), Reason::BadRequest),
        (("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZWE=")), Reason::BadRequest),
        (("Sec-WebSocket-Key", Some("dGhlIHNhbXBsZSBub25jZR==")), Reason::BadRequest),
        (("Sec-WebSocket-Key", Some("_-hlIHNhbXBsZSBub25jZQ==")), Reason::BadRequest),
        (("Sec-WebSocket-Key", Some("dGhlIHNhbXBs ZSBub25jZQ==")), Reason::BadRequest),
        (("Sec-WebSocket-Version", None), Reason::BadRequest),
        (("Sec-WebSocket-Version", Some("")), Reason::WrongVersion),
        (("Sec-WebSocket-Version", Some("8")), Reason::WrongVersion),
        (("Sec-WebSocket-Version", Some("12")), Reason::WrongVersion),
        (("Sec-WebSocket-Version", Some("013")), Reason::WrongVersion),
        (("Sec-WebSocket-Version", Some("13, 8")), Reason::WrongVersion),
        (("Sec-WebSocket-Protocol", Some("")), Reason::BadRequest),
        (("Sec-WebSocket-Protocol", Some("a, a")), Reason::BadRequest),
        (("Sec-WebSocket-Protocol", Some("a b")), Reason::BadRequest),
        (("Sec-WebSocket-Extensions", Some("a;")), Reason::BadRequest),
    ] {
        let fields = sample(&[change]);
        assert_eq!(upgrade(&request("/", &fields)).err(), Some(reason), "{change:?}");
    }
    for change in [
        ("Upgrade", Some("WebSocket")),
        ("Upgrade", Some("h2c, websocket")),
        ("Connection", Some("keep-alive, upgrade")),
        ("Sec-WebSocket-Version", Some(" 13 ")),
        ("Sec-WebSocket-Protocol", None),
        ("Origin", None),
    ] {
        assert!(upgrade(&request("/", &sample(&[change]))).is_ok(), "{change:?}");
    }
}

#[test]
fn t6_only_get_by_http_1_1() {
    let fields = sample(&[]);
    for method in ["POST", "HEAD", "OPTIONS", "CONNECT", "get", "PUT"] {
        let request = Request { method, ..request("/", &fields) };
        assert_eq!(upgrade(&request).err(), Some(Reason::MethodNotAllowed), "{method}");
    }
    let old = Request { version: HttpVersion::Http10, ..request("/", &fields) };
    assert_eq!(upgrade(&old).err(), Some(Reason::BadRequest));
}

#[test]
fn t31_a_single_valued_header_twice_is_refused() {
    for (name, value) in [
        ("host", "server.example.com"),
        ("ORIGIN", "http://example.com"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-Websocket-Version", "13"),
    ] {
        let mut fields = sample(&[]);
        fields.extend(headers(&[(name, value)]));
        assert_eq!(upgrade(&request("/", &fields)).err(), Some(Reason::BadRequest), "{name}");
    }
    for name in ["authorization", "cookie", "content-length"] {
        let mut fields = sample(&[]);
        fields.extend(headers(&[(name, "0")]));
        assert!(upgrade(&request("/", &fields)).is_ok(), "{name}");
        fields.extend(headers(&[(name, "0")]));
        assert_eq!(upgrade(&request("/", &fields)).err(), Some(Reason::BadRequest), "{name}");
    }
}

#[test]
fn lists_may_come_in_several_lines() {
    let mut fields = sample(&[("Connection", Some("keep-alive")), ("Sec-WebSocket-Protocol", Some("a"))]);
    fields.extend(headers(&[("connection", "Upgrade"), ("sec-websocket-protocol", "b")]));
    assert_eq!(upgrade(&request("/", &fields)).unwrap().subprotocols(), ["a", "b"]);
}

#[test]
fn t9_t60_compression_is_offered_in_vain() {
    let offer = "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame";
    let fields = sample(&[("Sec-WebSocket-Extensions", Some(offer))]);
    let upgrade = upgrade(&request("/", &fields)).unwrap();
    assert!(upgrade.has_extensions());
    assert_eq!(upgrade.accept(None).unwrap().header("sec-websocket-extensions"), None);
}

#[test]
fn rfc_8441_the_same_checks_without_the_key() {
    let h2 = |fields: &[(&'static str, &'static str)]| {
        let fields = headers(fields);
        let request = Request { method: "CONNECT", version: HttpVersion::Http2, ..request("/chat", &fields) };
        upgrade(&request).map(|upgrade| {
            assert!(upgrade.is_extended_connect());
            let response = upgrade.accept(Some("chat")).unwrap();
            let fields: Vec<_> = response.headers().collect();
            assert_eq!((response.status(), fields), (200, vec![("sec-websocket-protocol", "chat")]));
        })
    };
    let base = [
        (":protocol", "websocket"),
        ("host", "a"),
        ("sec-websocket-version", "13"),
        ("cookie", "a=b"),
        ("cookie", "c=d"),
    ];
    assert_eq!(h2(&base), Ok(()));
    assert_eq!(h2(&base[1..]), Err(Reason::BadRequest));
    assert_eq!(h2(&base[..2]), Err(Reason::BadRequest));
    for extra in [
        ("origin", "a"),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "x"),
        (":protocol", "websocket"),
    ] {
        let mut fields = base.to_vec();
        fields.push(("origin", "b"));
        fields.push(extra);
        assert_eq!(h2(&fields), Err(Reason::BadRequest), "{extra:?}");
    }
    let fields = headers(&base);
    let get = Request { version: HttpVersion::Http2, ..request("/", &fields) };
    assert_eq!(upgrade(&get).err(), Some(Reason::MethodNotAllowed));
}

fn choose<'p>(offered: &[&str], tokens: &[&str], spoken: &'p [Box<str>]) -> Result<Option<&'p str>, Reason> {
    negotiate(offered, tokens, spoken)
}

#[test]
fn the_server_chooses_in_its_own_order() {
    let spoken: Vec<Box<str>> = vec!["v2".into(), "v1".into()];
    assert_eq!(choose(&["v1", "v2"], &[], &spoken), Ok(Some("v2")));
    assert_eq!(choose(&["v1"], &[], &spoken), Ok(Some("v1")));
    assert_eq!(choose(&[], &[], &spoken), Ok(None));
    assert_eq!(choose(&["v3", "V1"], &[], &spoken), Err(Reason::SubprotocolNotSupported));
    assert_eq!(choose(&["v3"], &[], &[]), Ok(None));
}

#[test]
fn t54_an_entry_that_carries_a_token_is_never_chosen() {
    let spoken: Vec<Box<str>> = vec!["chat".into()];
    let token = "base64url.bearer.authorization.k8s.io.c2VjcmV0";
    assert_eq!(choose(&[token, "chat"], &[token], &spoken), Ok(Some("chat")));
    assert_eq!(choose(&[token], &[token], &spoken), Ok(None));
    assert_eq!(choose(&[token], &[token], &[]), Ok(None));
    assert_eq!(choose(&[token, "other"], &[token], &spoken), Err(Reason::SubprotocolNotSupported));
    // Not even where the policy lists such an entry by mistake.
    let mistaken: Vec<Box<str>> = vec![token.into()];
    assert_eq!(choose(&[token], &[token], &mistaken), Ok(None));
}

#[test]
fn t52_an_upgrade_can_be_printed() {
    let fields = sample(&[("Sec-WebSocket-Protocol", Some("chat, canary"))]);
    let text = format!("{:?}", upgrade(&request("/", &fields)).unwrap());
    assert!(!text.contains("canary"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn t6_a_key_is_sixteen_bytes_in_one_spelling(text in "[A-Za-z0-9+/]{20,24}={0,3}") {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let good = STANDARD.decode(&text).is_ok_and(|bytes| bytes.len() == 16 && STANDARD.encode(&bytes) == text);
        let fields = sample(&[("sec-websocket-key", Some(&text))]);
        prop_assert_eq!(upgrade(&request("/", &fields)).is_ok(), good);
    }

    #[test]
    fn t54_what_is_chosen_is_spoken_offered_and_no_token(
        offered in prop::collection::vec("[a-d]", 0..5),
        tokens in prop::collection::vec("[a-d]", 0..3),
        spoken in prop::collection::vec("[a-d]", 0..4),
    ) {
        let offered: Vec<&str> = offered.iter().map(|text| &**text).collect();
        let tokens: Vec<&str> = tokens.iter().map(|text| &**text).collect();
        let spoken: Vec<Box<str>> = spoken.iter().map(|text| text.as_str().into()).collect();
        if let Ok(Some(chosen)) = choose(&offered, &tokens, &spoken) {
            prop_assert!(offered.contains(&chosen) && !tokens.contains(&chosen));
            let at = spoken.iter().position(|text| **text == *chosen).unwrap();
            let earlier = &spoken[..at];
            prop_assert!(!earlier.iter().any(|text| offered.contains(&&**text) && !tokens.contains(&&**text)));
        }
    }
}

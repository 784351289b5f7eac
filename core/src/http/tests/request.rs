use super::{SAMPLE, headers, request, sample};
use crate::Reason;
use crate::http::{Authority, Header, HttpVersion, Origin, Request, check_size, check_syntax, extensions, single};
use crate::policy::{Size, Transport};

#[test]
fn t01_cve_2024_37890_many_headers() {
    let transport = Transport::default();
    for count in [0, 1, 57, 58, 1_000, 10_000] {
        let mut fields = vec![("X-Filler", "x"); count];
        fields.extend(SAMPLE);
        let fields = headers(&fields);
        let verdict = check_size(&request("/", &fields), &transport);
        assert_eq!(verdict, if count <= 57 { Ok(()) } else { Err(Reason::HeadersTooLarge) }, "{count}");
    }
}

#[test]
fn t01_size_is_bounded_whatever_it_is_made_of() {
    let transport = Transport::default();
    let long = "x".repeat(16 << 10);
    let in_value = headers(&[("a", &long)]);
    let in_name = headers(&[(&long, "a")]);
    for fields in [&in_value, &in_name] {
        assert_eq!(check_size(&request("/", fields), &transport), Err(Reason::HeadersTooLarge));
    }
    let target = |length: usize| format!("/{}", "x".repeat(length - 1));
    assert_eq!(check_size(&request(&target(8192), &[]), &transport), Ok(()));
    assert_eq!(check_size(&request(&target(8193), &[]), &transport), Err(Reason::UriTooLong));
}

#[test]
fn t01_size_counts_what_stands_on_the_wire() {
    // "GET / HTTP/1.1\r\n" and "\r\n" are 18 bytes, "a: x...\r\n" 5 and the value.
    let transport = Transport { max_head: Size::from_kib(1), ..Transport::default() };
    let value = "x".repeat(1024 - 18 - 5);
    assert_eq!(check_size(&request("/", &headers(&[("a", &value)])), &transport), Ok(()));
    let value = "x".repeat(1024 - 18 - 4);
    assert_eq!(check_size(&request("/", &headers(&[("a", &value)])), &transport), Err(Reason::HeadersTooLarge));
}

#[test]
fn t07_a_body_on_an_upgrade_is_smuggling() {
    for (name, value) in [
        ("Content-Length", "1"),
        ("content-length", "00"),
        ("content-length", "+0"),
        ("content-length", "0, 0"),
        ("content-length", ""),
        ("Transfer-Encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("Transfer-Encoding", ""),
    ] {
        let fields = sample(&[(name, Some(value))]);
        assert_eq!(check_syntax(&request("/", &fields)).err(), Some(Reason::BadRequest), "{name}: {value}");
    }
    assert!(check_syntax(&request("/", &sample(&[("Content-Length", Some("0"))]))).is_ok());
}

#[test]
fn t10_cve_2023_47627_names_are_tokens_and_values_have_no_controls() {
    for name in ["", "a b", "a:", "a\t", " a", "a\r\nb", "ä", "a\0", ":protocol", "(a)", "a/b"] {
        let fields = headers(&[(name, "x")]);
        assert_eq!(check_syntax(&request("/", &fields)).err(), Some(Reason::BadRequest), "{name:?}");
    }
    for byte in 0..=u8::MAX {
        let value = [b'a', byte, b'z'];
        let fields = [Header { name: "x", value: &value }];
        let fits = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        assert_eq!(check_syntax(&request("/", &fields)).is_ok(), fits, "{byte}");
    }
    for method in ["", "GET ", "G ET", "G\nET"] {
        let request = Request { method, ..request("/", &[]) };
        assert_eq!(check_syntax(&request).err(), Some(Reason::BadRequest));
    }
}

#[test]
fn t10_only_http2_has_a_pseudo_header_and_only_one() {
    let fields = headers(&[(":protocol", "websocket")]);
    let over_http2 = Request { version: HttpVersion::Http2, ..request("/", &fields) };
    assert!(check_syntax(&over_http2).is_ok());
    let fields = headers(&[(":path", "/")]);
    assert!(check_syntax(&Request { version: HttpVersion::Http2, ..request("/", &fields) }).is_err());
}

#[test]
fn t31_a_repeated_single_valued_header_has_no_value() {
    let twice = headers(&[("Origin", "https://a.example"), ("ORIGIN", "https://b.example")]);
    assert_eq!(single(&twice, "origin"), Err(Reason::BadRequest));
    let same = headers(&[("Origin", "https://a.example"), ("origin", "https://a.example")]);
    assert_eq!(single(&same, "origin"), Err(Reason::BadRequest));
    let once = headers(&[("oRiGiN", " \thttps://a.example\t ")]);
    assert_eq!(single(&once, "origin"), Ok(Some(&b"https://a.example"[..])));
    assert_eq!(single(&once, "host"), Ok(None));
    let hosts = headers(&[("Host", "a"), ("host", "a")]);
    assert_eq!(check_syntax(&request("/", &hosts)).err(), Some(Reason::BadRequest));
}

#[test]
fn t52_a_request_can_be_printed() {
    let fields = headers(&[("authorization", "Bearer canary"), ("x-canary", "1")]);
    let request = Request { method: "canary", ..request("/chat?token=canary", &fields) };
    let origin = Origin::parse(b"https://canary.example").unwrap();
    let host = Authority::parse("canary.example").unwrap();
    let extension = extensions(&[b"canary; a=canary"]).unwrap();
    let text = format!("{request:?} {fields:?} {origin:?} {host:?} {extension:?}");
    assert!(text.contains("/chat?...") && !text.contains("canary"), "{text}");
}

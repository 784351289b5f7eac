use proptest::prelude::*;

use crate::Reason;
use crate::http::{Head, HeadParser, HttpVersion, Remote};
use crate::policy::{Size, Transport};

/// What a parser says in the end, without borrowing.
type Verdict = Result<Option<(String, String, HttpVersion, Vec<(String, Vec<u8>)>, usize)>, Reason>;

const SAMPLE: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
                      Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                      Sec-WebSocket-Version: 13\r\n\r\n";

fn transport() -> Transport {
    Transport { max_head: Size::from_kib(16), max_headers: 8, ..Transport::default() }
}

fn verdict(head: Result<Head<'_>, Reason>) -> Verdict {
    head.map(|head| match head {
        Head::Incomplete => None,
        Head::Complete { head, consumed } => {
            let request = head.request(Remote::Unix, true);
            let fields = request.headers.iter().map(|header| (header.name.into(), header.value.into())).collect();
            Some((request.method.into(), request.target.into(), request.version, fields, consumed))
        }
    })
}

fn at_once(bytes: &[u8]) -> Verdict {
    verdict(HeadParser::new(&transport()).parse(bytes))
}

/// Feeds `bytes` cut at `cuts`, until the parser has made up its mind.
fn in_pieces(bytes: &[u8], cuts: impl IntoIterator<Item = usize>) -> Verdict {
    let mut parser = HeadParser::new(&transport());
    for cut in cuts.into_iter().chain([bytes.len()]) {
        let verdict = verdict(parser.parse(&bytes[..cut.min(bytes.len())]));
        if verdict != Ok(None) {
            return verdict;
        }
    }
    Ok(None)
}

#[test]
fn a_head_is_read_and_what_follows_is_left() {
    let bytes = [SAMPLE.as_bytes(), b"\x81\x05early"].concat();
    let (method, target, version, fields, consumed) = at_once(&bytes).unwrap().unwrap();
    assert_eq!((method.as_str(), target.as_str(), version), ("GET", "/chat?room=1", HttpVersion::Http11));
    assert_eq!(fields.len(), 5);
    assert_eq!(fields[0], ("Host".to_owned(), b"server.example.com".to_vec()));
    assert_eq!(&bytes[consumed..], b"\x81\x05early");
}

#[test]
fn t05_cve_2023_43669_byte_by_byte_costs_as_much_as_at_once() {
    let transport = transport();
    let head = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(16_000));
    let mut parser = HeadParser::new(&transport);
    let mut looked_at = 0;
    for length in 1..head.len() {
        assert!(matches!(parser.parse(&head.as_bytes()[..length]), Ok(Head::Incomplete)), "{length}");
        // The next search begins where this one ended: no byte is searched twice.
        looked_at += parser.seen() - looked_at;
        assert_eq!(parser.seen(), length);
    }
    assert_eq!(looked_at, head.len() - 1);
    assert!(matches!(parser.parse(head.as_bytes()), Ok(Head::Complete { .. })));
}

#[test]
fn t05_every_split_gives_the_same_verdict() {
    let long_line = format!("GET /{} HTTP/1.1\n\r\n", "x".repeat(9_000));
    let exact_line = |length: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(length - 14));
    let long_head = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(17_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(9));
    let heads = [
        SAMPLE.to_owned(),
        long_line,
        exact_line(8223),
        exact_line(8224),
        exact_line(8225),
        long_head,
        many,
        "GET / HTTP/1.1\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\n\r\n".to_owned(),
        "\r\nGET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\na: b\0\r\n\r\n".to_owned(),
    ];
    for head in heads {
        assert_eq!(in_pieces(head.as_bytes(), 1..head.len()), at_once(head.as_bytes()), "{:?}", &head[..20]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn t05_any_bytes_any_split(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200).boxed(),
            "(GET|PUT) /[a-z?%/.]{0,6} HTTP/1\\.[012](\r\n|\n|\r)((Host|A|Content-Length|é)( ?: ?)[ -~\t\r\n\0]{0,9}(\r\n|\n|\r)){0,11}(\r\n|\n)?.{0,5}"
                .prop_map(String::into_bytes).boxed(),
        ],
        mut cuts in prop::collection::vec(0_usize..220, 0..6),
    ) {
        cuts.sort_unstable();
        let whole = at_once(&bytes);
        prop_assert_eq!(in_pieces(&bytes, cuts), whole.clone());
        prop_assert_eq!(in_pieces(&bytes, 0..bytes.len()), whole);
    }
}

#[test]
fn t07_t09_what_two_parsers_read_differently_is_refused() {
    for bad in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\tfolded\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\n",
        "\u{16}\u{3}\u{1}",
    ] {
        assert_eq!(at_once(bad.as_bytes()), Err(Reason::BadRequest), "{bad:?}");
    }
}

#[test]
fn t09_a_bad_verdict_stays() {
    let mut parser = HeadParser::new(&transport());
    let many = format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(9));
    for _ in 0..2 {
        assert_eq!(verdict(parser.parse(many.as_bytes())), Err(Reason::HeadersTooLarge));
    }
    let mut parser = HeadParser::new(&transport());
    for _ in 0..2 {
        assert!(matches!(parser.parse(SAMPLE.as_bytes()), Ok(Head::Complete { .. })));
    }
}

#[test]
fn t11_one_bad_byte_at_every_place() {
    let clean = format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", "y".repeat(2_000));
    let from = clean.find("yy").unwrap();
    for at in from..clean.len() - 4 {
        let mut bytes = clean.clone().into_bytes();
        bytes[at] = 0x7f;
        assert_eq!(at_once(&bytes), Err(Reason::BadRequest), "{at}");
    }
}

#[test]
fn t16_limits_are_refused_at_the_byte_that_breaks_them() {
    let endless = vec![b'a'; 100_000];
    assert_eq!(at_once(&endless), Err(Reason::UriTooLong));
    let endless = [b"GET / HTTP/1.1\r\na: ".as_slice(), &endless].concat();
    assert_eq!(at_once(&endless), Err(Reason::HeadersTooLarge));
    assert_eq!(at_once(&endless[..16_383]), Ok(None));
    assert_eq!(at_once(&endless[..16_384]), Err(Reason::HeadersTooLarge));
    // The last line and the last field that fit, and one more.
    let line = |method: usize| format!("{} /{} HTTP/1.1\r\n\r\n", "M".repeat(method), "x".repeat(8_191));
    assert!(at_once(line(21).as_bytes()).unwrap().is_some());
    assert_eq!(at_once(line(22).as_bytes()), Err(Reason::UriTooLong));
    let fields = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    assert!(at_once(fields(8).as_bytes()).unwrap().is_some());
    assert_eq!(at_once(fields(9).as_bytes()), Err(Reason::HeadersTooLarge));
    // A head of just the largest size is fine, though more follows.
    let head = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(16_384 - 23));
    assert_eq!(head.len(), 16_384);
    assert!(at_once(format!("{head}more").as_bytes()).unwrap().is_some());
}

#[test]
fn t52_a_head_can_be_printed() {
    let head = b"GET /chat?token=canary HTTP/1.1\r\nAuthorization: canary\r\n\r\n";
    let text = format!("{:?}", HeadParser::new(&transport()).parse(head));
    assert!(text.contains("/chat") && !text.contains("canary"), "{text}");
}

use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;

use super::{headers, request};
use crate::Reason;
use crate::http::{Header, Remote, Request, client_address, fold, is_secure, require_secure};
use crate::policy::{Cidr, ForwardedHeader, Secure, Transport};

fn trusting(blocks: &[&str], forwarded: ForwardedHeader) -> Transport {
    let block = |text: &&str| match *text {
        "unix" => Cidr::Unix,
        text => Cidr::Net(text.parse().unwrap()),
    };
    Transport { trusted_proxies: blocks.iter().map(block).collect(), forwarded, ..Transport::default() }
}

fn behind_proxies() -> Transport {
    trusting(&["10.0.0.0/8", "2001:db8:aaaa::/48", "unix"], ForwardedHeader::XForwardedFor)
}

fn remote(peer: &str) -> Remote {
    if peer == "unix" { Remote::Unix } else { Remote::Address(peer.parse().unwrap()) }
}

fn from<'a>(peer: &str, fields: &'a [Header<'a>]) -> Request<'a> {
    Request { peer: remote(peer), tls: false, ..request("/", fields) }
}

fn client(peer: &str, lines: &[&str], transport: &Transport) -> Result<Option<String>, Reason> {
    let name = match transport.forwarded {
        ForwardedHeader::XForwardedFor => "X-Forwarded-For",
        ForwardedHeader::Forwarded => "Forwarded",
    };
    let lines: Vec<_> = lines.iter().map(|line| (name, *line)).collect();
    let found = client_address(&from(peer, &headers(&lines)), transport);
    found.map(|address| address.map(|address| address.to_string()))
}

fn ok(address: &str) -> Result<Option<String>, Reason> {
    Ok(Some(address.to_owned()))
}

#[test]
fn t82_a_stranger_speaks_for_nobody() {
    for transport in [Transport::default(), behind_proxies()] {
        assert_eq!(client("192.0.2.1", &["198.51.100.1"], &transport), ok("192.0.2.1"));
        assert_eq!(client("192.0.2.1", &["garbage"], &transport), ok("192.0.2.1"));
        assert_eq!(client("192.0.2.1", &[], &transport), ok("192.0.2.1"));
    }
}

#[test]
fn t82_the_rightmost_address_that_is_not_ours_is_the_client() {
    let transport = behind_proxies();
    for (lines, want) in [
        (&["198.51.100.1"][..], "198.51.100.1"),
        (&["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        (&["garbage, , 198.51.100.1"], "198.51.100.1"),
        (&["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        (&["1.1.1.1, 198.51.100.1", "10.9.9.9"], "198.51.100.1"),
        (&["1.1.1.1", "198.51.100.1", " 10.9.9.9:8080 ", "[2001:db8:aaaa::1]:1"], "198.51.100.1"),
        (&["1.1.1.1, 2001:DB8::0:1"], "2001:db8::1"),
        (&["::ffff:198.51.100.1, ::ffff:10.0.0.1"], "198.51.100.1"),
        (&["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        (&[], "10.0.0.1"),
    ] {
        assert_eq!(client("10.0.0.1", lines, &transport), ok(want), "{lines:?}");
        assert_eq!(client("::ffff:10.0.0.1", lines, &transport), ok(want), "{lines:?}");
    }
}

#[test]
fn t82_a_word_of_our_own_proxy_that_is_no_address_is_refused() {
    let transport = behind_proxies();
    for lines in [
        &["198.51.100.1, garbage"][..],
        &["198.51.100.1, "],
        &["198.51.100.1", ""],
        &["198.51.100.1, unknown"],
        &["198.51.100.1, garbage, 10.0.0.2"],
        &["198.51.100.1, 0.0.0.0"],
        &["::"],
        &["::ffff:0.0.0.0"],
        &["198.51.100.1 10.0.0.2"],
    ] {
        assert_eq!(client("10.0.0.1", lines, &transport), Err(Reason::BadRequest), "{lines:?}");
    }
}

#[test]
fn t82_a_local_socket_is_trusted_only_when_listed() {
    assert_eq!(client("unix", &["198.51.100.1"], &behind_proxies()), ok("198.51.100.1"));
    assert_eq!(client("unix", &[], &behind_proxies()), Ok(None));
    assert_eq!(client("unix", &["198.51.100.1"], &Transport::default()), Ok(None));
    let all = trusting(&["0.0.0.0/0", "::/0"], ForwardedHeader::XForwardedFor);
    assert_eq!(client("unix", &["198.51.100.1"], &all), Ok(None));
}

#[test]
fn t82_the_walk_over_our_own_proxies_is_bounded() {
    let chain = |count: usize| format!("198.51.100.1{}", ", 10.0.0.2".repeat(count));
    assert_eq!(client("10.0.0.1", &[&chain(31)], &behind_proxies()), ok("198.51.100.1"));
    assert_eq!(client("10.0.0.1", &[&chain(32)], &behind_proxies()), Err(Reason::BadRequest));
}

#[test]
fn t83_forwarded_is_walked_in_the_same_way() {
    let transport = trusting(&["10.0.0.0/8", "2001:db8:aaaa::/48"], ForwardedHeader::Forwarded);
    for (lines, want) in [
        (&["for=198.51.100.1"][..], "198.51.100.1"),
        (&["for=1.1.1.1, for=198.51.100.1;proto=https;by=10.0.0.1"], "198.51.100.1"),
        (&["For=\"198.51.100.1:4711\", FOR=\"[2001:db8:aaaa::1]:80\""], "198.51.100.1"),
        (&["for=1.1.1.1", "for=\"[2001:db8::1]\"", "for=10.2.2.2"], "2001:db8::1"),
        (&["very bad syntax", "for=198.51.100.1"], "198.51.100.1"),
        (&["for=_x;by=\"", "for=198.51.100.1;by=_proxy"], "198.51.100.1"),
        (&["for=\"[::ffff:198.51.100.1]\""], "198.51.100.1"),
        (&[], "10.0.0.1"),
    ] {
        assert_eq!(client("10.0.0.1", lines, &transport), ok(want), "{lines:?}");
    }
    for lines in [
        &["for=_injected;by=\", for=198.51.100.1"][..],
        &["very bad syntax, for=198.51.100.1"],
        &["for=198.51.100.1, for=_hidden"],
        &["for=198.51.100.1, for=unknown"],
        &["for=198.51.100.1, proto=https"],
        &["for=198.51.100.1,"],
        &["for=198.51.100.1;for=10.0.0.2"],
        &["for=198.51.100.1, for=2001:db8::1"],
        &["for=198.51.100.1", "garbage"],
    ] {
        assert_eq!(client("10.0.0.1", lines, &transport), Err(Reason::BadRequest), "{lines:?}");
    }
    // The header that was not chosen is anybody's.
    let fields = headers(&[("X-Forwarded-For", "1.1.1.1"), ("Forwarded", "for=198.51.100.1")]);
    assert_eq!(client_address(&from("10.0.0.1", &fields), &transport).unwrap().unwrap().to_string(), "198.51.100.1");
    assert_eq!(client_address(&from("10.0.0.1", &fields), &behind_proxies()).unwrap().unwrap().to_string(), "1.1.1.1");
}

#[test]
fn t84_a_block_of_mapped_addresses_is_a_block_of_ipv4_addresses() {
    let transport = trusting(&["::ffff:10.0.0.0/104"], ForwardedHeader::XForwardedFor);
    assert_eq!(client("10.0.0.1", &["198.51.100.1"], &transport), ok("198.51.100.1"));
    assert_eq!(client("11.0.0.1", &["198.51.100.1"], &transport), ok("11.0.0.1"));
    // All of IPv6 is not all of IPv4.
    let transport = trusting(&["::/0"], ForwardedHeader::XForwardedFor);
    assert_eq!(client("10.0.0.1", &["198.51.100.1"], &transport), ok("10.0.0.1"));
}

#[test]
fn t84_only_mapped_addresses_are_folded() {
    let folded = |text: &str| fold(text.parse().unwrap()).to_string();
    assert_eq!(folded("::ffff:1.2.3.4"), "1.2.3.4");
    assert_eq!(folded("2001:db8::1.2.3.4"), "2001:db8::102:304");
    assert_eq!(folded("64:ff9b::1.2.3.4"), "64:ff9b::102:304");
    assert_eq!(folded("::1.2.3.4"), "::102:304");
    assert_eq!(folded("::1"), "::1");
}

#[test]
fn t82_only_a_trusted_proxy_says_that_the_client_came_encrypted() {
    let transport = behind_proxies();
    let secure = |peer: &str, fields: &[(&str, &str)]| is_secure(&from(peer, &headers(fields)), &transport);
    for proto in ["https", "wss", "HTTPS", " https "] {
        assert!(secure("10.0.0.1", &[("X-Forwarded-Proto", proto)]), "{proto}");
        assert!(secure("unix", &[("X-Forwarded-Proto", proto)]), "{proto}");
        assert!(!secure("192.0.2.1", &[("X-Forwarded-Proto", proto)]), "{proto}");
    }
    for proto in ["", "http", "ws", "https, http", "http, https", "https,https", "https;", "httpss", "on"] {
        assert!(!secure("10.0.0.1", &[("X-Forwarded-Proto", proto)]), "{proto}");
    }
    assert!(!secure("10.0.0.1", &[]));
    assert!(!secure("10.0.0.1", &[("X-Forwarded-Proto", "https"), ("x-forwarded-proto", "https")]));
    assert!(!secure("10.0.0.1", &[("Forwarded", "for=198.51.100.1;proto=https")]));
    assert!(!secure("10.0.0.1", &[("X-Forwarded-Ssl", "on"), ("Front-End-Https", "on")]));
    let fields = headers(&[("X-Forwarded-Proto", "http")]);
    assert!(is_secure(&Request { tls: true, ..from("10.0.0.1", &fields) }, &transport));
}

#[test]
fn t83_in_forwarded_the_clients_own_element_counts() {
    let transport = trusting(&["10.0.0.0/8"], ForwardedHeader::Forwarded);
    let secure = |peer: &str, line: &str| is_secure(&from(peer, &headers(&[("Forwarded", line)])), &transport);
    assert!(secure("10.0.0.1", "for=198.51.100.1;proto=https"));
    assert!(secure("10.0.0.1", "for=1.1.1.1;proto=http, for=198.51.100.1;Proto=\"WSS\", for=10.0.0.2;proto=http"));
    assert!(!secure("10.0.0.1", "for=1.1.1.1;proto=https, for=198.51.100.1"));
    assert!(!secure("10.0.0.1", "for=1.1.1.1;proto=https, for=198.51.100.1;proto=http"));
    assert!(!secure("10.0.0.1", "for=198.51.100.1;proto=http, for=10.0.0.2;proto=https"));
    assert!(!secure("10.0.0.1", "for=198.51.100.1;proto=\"https\\"));
    assert!(!secure("192.0.2.1", "for=198.51.100.1;proto=https"));
}

#[test]
fn plain_ws_is_refused_unless_the_policy_is_dangerous() {
    let transport = Transport::default();
    assert_eq!(require_secure(&from("192.0.2.1", &[]), &transport), Err(Reason::InsecureTransport));
    assert_eq!(require_secure(&request("/", &[]), &transport), Ok(true));
    let any = Transport { secure: Secure::DangerousAny, ..Transport::default() };
    assert_eq!(require_secure(&from("192.0.2.1", &[]), &any), Ok(false));
}

/// An address written in one of the ways that mean it.
fn spelling() -> impl Strategy<Value = (IpAddr, String)> {
    (any::<[u8; 16]>(), 0..8_u8, 0..3_u8).prop_map(|(bits, family, form)| {
        let v6 = Ipv6Addr::from(bits);
        let [.., a, b, c, d] = bits;
        let [s0, s1, s2, s3, s4, s5, s6, s7] = v6.segments();
        let (address, text): (IpAddr, String) = match family {
            0 => ([a, b, c, d].into(), format!("{a}.{b}.{c}.{d}")),
            1 => ([a, b, c, d].into(), format!("::ffff:{a}.{b}.{c}.{d}")),
            2 => ([a, b, c, d].into(), format!("::FFFF:{s6:x}:{s7:04X}")),
            3 => ([a, b, c, d].into(), format!("0:0:0:0:0:ffff:{s6:x}:{s7:x}")),
            4 => (v6.into(), v6.to_string()),
            5 => (v6.into(), format!("{s0:04X}:{s1:x}:{s2:04x}:{s3:X}:{s4:x}:{s5:x}:{s6:x}:{s7:x}")),
            6 => (v6.into(), format!("{s0:x}:{s1:x}:{s2:x}:{s3:x}:{s4:x}:{s5:x}:{a}.{b}.{c}.{d}")),
            _ => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, s7).into(), format!("2001:db8::{s7:x}")),
        };
        let text = match (form, text.contains(':')) {
            (1, true) => format!("[{text}]"),
            (2, true) => format!(" [{text}]:443"),
            (2, false) => format!("{text}:443 "),
            _ => text,
        };
        (fold(address), text)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn t84_every_spelling_is_the_same_address((address, text) in spelling()) {
        let transport = trusting(&["127.0.0.1/32"], ForwardedHeader::XForwardedFor);
        let lines = [Header { name: "x-forwarded-for", value: text.as_bytes() }];
        let found = client_address(&from("127.0.0.1", &lines), &transport);
        if address.is_unspecified() {
            prop_assert_eq!(found, Err(Reason::BadRequest));
        } else {
            prop_assert_eq!(found, Ok(Some(address)));
        }
    }

    /// Whatever the client writes to the left, and over however many lines, the address our proxy
    /// appended is the answer.
    #[test]
    fn t82_t83_the_element_our_proxy_appended_wins(
        client in "[ -~]{0,30}",
        own_line in any::<bool>(),
        in_forwarded in any::<bool>(),
        (address, _) in spelling(),
    ) {
        let header = if in_forwarded { ForwardedHeader::Forwarded } else { ForwardedHeader::XForwardedFor };
        let name = if in_forwarded { "forwarded" } else { "x-forwarded-for" };
        let transport = trusting(&["127.0.0.1/32"], header);
        prop_assume!(!address.is_unspecified() && !address.is_loopback());
        let appended = match (in_forwarded, address) {
            (true, IpAddr::V6(address)) => format!("for=\"[{address}]:80\";proto=https"),
            (true, IpAddr::V4(address)) => format!("for={address};proto=https"),
            (false, address) => address.to_string(),
        };
        let joined = format!("{client}, {appended}");
        let lines = if own_line { headers(&[(name, &client), (name, &appended)]) } else { headers(&[(name, &joined)]) };
        let found = client_address(&from("127.0.0.1", &lines), &transport);
        if own_line || !in_forwarded {
            prop_assert_eq!(found, Ok(Some(address)));
        } else {
            prop_assert!(found == Ok(Some(address)) || found == Err(Reason::BadRequest), "{:?}", found);
        }
        // A stranger's lines change nothing.
        prop_assert_eq!(client_address(&from("192.0.2.1", &lines), &transport), Ok(Some([192, 0, 2, 1].into())));
    }
}

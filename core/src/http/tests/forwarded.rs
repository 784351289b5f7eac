use std::net::IpAddr;

use super::suite;
use crate::Reason;
use crate::http::forwarded::{Hop, address, forwarded, node_address};

/// `for` and `proto` of each element.
type Pairs = Vec<(Option<String>, Option<String>)>;

fn hops(line: &str) -> Result<Pairs, Reason> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let pair = |hop: &Hop<'_>| (hop.from.as_deref().map(text), hop.proto.as_deref().map(text));
    forwarded(line.as_bytes()).map(|hops| hops.iter().map(pair).collect())
}

fn froms(line: &str) -> Result<Vec<Option<String>>, Reason> {
    hops(line).map(|hops| hops.into_iter().map(|(from, _)| from).collect())
}

#[test]
fn t83_the_lines_of_forwarded_parse() {
    // Accepted here, refused there: white space at the ends is not part of a value (RFC 9110
    // section 5.5), and bytes above ASCII may stand in a quoted string (obs-text).
    const LOOSER: [&str; 4] = [" for=192.0.2.43", "foo=bar ", "foo=\"\"\t", "foo=\"Ω\", foo=baz"];
    let Some(suite) = suite("forwarded-vectors/forwarded-parse.json") else { return };
    let mut cases = 0;
    for case in suite.as_array().unwrap() {
        let line = case["forwarded"].as_str().unwrap();
        let fine = case["error"].is_null() || LOOSER.contains(&line);
        assert_eq!(hops(line).is_ok(), fine, "{line:?}");
        if let Some(want) = case["want"].as_array() {
            // The sample's own parameter, read as if it were "for".
            let line = line.replace("foo=", "for=").replace("Foo=", "For=");
            let want: Vec<_> = want.iter().map(|hop| hop["foo"].as_str().map(str::to_owned)).collect();
            assert_eq!(froms(&line), Ok(want), "{line:?}");
        }
        cases += 1;
    }
    assert_eq!(cases, 5 + 17);
}

#[test]
fn t83_the_lines_of_aiohttp() {
    let Some(suite) = suite("forwarded-vectors/aiohttp-forwarded.json") else { return };
    for case in suite.as_array().unwrap() {
        let lines: Vec<&str> =
            case["forwarded"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let want = case["want"].as_array().unwrap();
        let name = case["name"].as_str().unwrap();
        let broken = ["injection", "bad", "ReDoS"].iter().any(|word| name.contains(word));
        if broken {
            // It skips what it cannot read, and resumes after a comma; we refuse such a line whole.
            let faulty = lines.iter().filter(|line| hops(line).is_err()).count();
            assert_eq!(faulty, 1, "{name}");
            continue;
        }
        let found: Vec<_> = lines.iter().flat_map(|line| hops(line).unwrap()).collect();
        let text = |hop: &serde_json::Value, key: &str| hop[key].as_str().map(str::to_owned);
        let want: Vec<_> = want.iter().map(|hop| (text(hop, "for"), text(hop, "proto"))).collect();
        assert_eq!(found, want, "{name}");
    }
}

#[test]
fn t83_nothing_the_client_writes_swallows_what_the_proxy_appends() {
    for client in [
        "for=_x;by=\"",
        "for=_x;by=\"\\",
        "for=_x;by=\"\\\"",
        "for=_x;by=",
        "for=_x;",
        "for=_x,",
        "for=\"",
        "\"",
        "\\",
        "for=_x;by=\"a\"b",
        "for=_x;=",
        "for=_x by",
    ] {
        for proxy in ["for=192.0.2.7", "for=\"[2001:db8::7]:80\";proto=https", "proto=https;for=\"192.0.2.7:80\""] {
            let line = format!("{client}, {proxy}");
            if let Ok(found) = froms(&line) {
                let last = found.last().cloned().flatten().unwrap_or_default();
                assert!(proxy.contains(&last) && last.contains('7'), "{line}: {last}");
            }
        }
    }
}

#[test]
fn t83_a_parameter_twice_is_refused() {
    assert_eq!(froms("for=192.0.2.1;For=192.0.2.2"), Err(Reason::BadRequest));
    assert_eq!(froms("for=192.0.2.1;proto=http;proto=https"), Err(Reason::BadRequest));
    let many = (0..17).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join(";");
    assert_eq!(froms(&many), Err(Reason::BadRequest));
}

#[test]
fn t83_long_lines_cost_their_length() {
    for filler in ["\\", ";", "f", ",", "\"", " "] {
        let _ = froms(&format!("for=\"{}", filler.repeat(4 << 20)));
        let _ = froms(&format!("for={}", filler.repeat(4 << 20)));
    }
}

#[test]
fn t84_addresses_as_proxies_write_them() {
    let v4 = Some("192.0.2.1".parse::<IpAddr>().unwrap());
    let v6 = Some("2001:db8::1".parse::<IpAddr>().unwrap());
    for text in ["192.0.2.1", " 192.0.2.1\t", "192.0.2.1:80", "192.0.2.1:65535"] {
        assert_eq!(address(text.as_bytes()), v4, "{text}");
    }
    for text in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "2001:DB8:0:0::0001", "2001:db8::0.0.0.1"] {
        assert_eq!(address(text.as_bytes()), v6, "{text}");
    }
    for text in [
        "",
        " ",
        "unknown",
        "_hidden",
        "192.0.2",
        "192.0.2.1.",
        "192.0.2.01",
        "0300.0.2.1",
        "0xc0.0.2.1",
        "3221225985",
        "192.0.2.256",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:x",
        "192.0.2.1:08",
        "[192.0.2.1]",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]80",
        "[2001:db8::1%25eth0]",
        "fe80::1%eth0",
        "\"192.0.2.1\"",
        "192.0.2.1/32",
        "localhost",
        "192.0.2.1 192.0.2.2",
        "１９２.0.2.1",
    ] {
        assert_eq!(address(text.as_bytes()), None, "{text}");
        assert_eq!(node_address(text.as_bytes()), None, "{text}");
    }
    assert_eq!(node_address(b"[2001:db8::1]:443"), v6);
    assert_eq!(node_address(b"192.0.2.1:443"), v4);
    // RFC 7239 section 6 wants brackets.
    assert_eq!(node_address(b"2001:db8::1"), None);
}

use super::headers;
use crate::Reason;
use crate::http::{Authority, check_host};
use crate::policy::HostName;

fn judge(host: &str, allowed: &[&str], secure: bool) -> Result<(), Reason> {
    let hosts: Vec<HostName> = allowed.iter().map(|name| serde_json::from_value((*name).into()).unwrap()).collect();
    check_host(&headers(&[("Host", host)]), &hosts, secure).map(drop)
}

const REFUSED: Result<(), Reason> = Err(Reason::HostNotAllowed);

#[test]
fn t30_only_the_servers_own_names_are_answered_for() {
    let allowed = ["chat.example.com", "localhost:8443", "192.0.2.1", "[2001:db8::1]"];
    for host in [
        "chat.example.com",
        "CHAT.Example.COM",
        "chat.example.com.",
        "chat.example.com:443",
        "chat.example.com:9000",
        "localhost:8443",
        "LOCALHOST.:8443",
        "192.0.2.1",
        "[2001:db8::1]",
        "[2001:DB8:0::0001]:443",
    ] {
        assert_eq!(judge(host, &allowed, true), Ok(()), "{host}");
    }
    for host in [
        "evil.example",
        "chat.example.com.evil.example",
        "xchat.example.com",
        "a.chat.example.com",
        "example.com",
        "localhost",
        "localhost:443",
        "192.0.2.10",
        "192.0.2.1.nip.io",
        "[2001:db8::2]",
        "[::ffff:192.0.2.1]",
    ] {
        assert_eq!(judge(host, &allowed, true), REFUSED, "{host}");
    }
}

#[test]
fn t30_a_port_that_is_not_named_is_the_schemes() {
    assert_eq!(judge("a", &["a:443"], true), Ok(()));
    assert_eq!(judge("a", &["a:443"], false), REFUSED);
    assert_eq!(judge("a", &["a:80"], false), Ok(()));
    assert_eq!(judge("a:80", &["a:80"], true), Ok(()));
    assert_eq!(judge("a:8080", &["a:80"], true), REFUSED);
}

#[test]
fn t09_t30_a_host_is_well_formed_even_where_all_are_let_in() {
    assert_eq!(judge("any.example:1", &[], true), Ok(()));
    for host in [
        "",
        ".",
        ".a",
        "a..b",
        "a..",
        ":80",
        "a:",
        "a:x",
        "a:08",
        "a:65536",
        "a:80:80",
        "a b",
        "a,b",
        "a, a",
        "user@a",
        "a/b",
        "a?b",
        "a#b",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]:",
        "[1.2.3.4]",
        "[]",
        "[v1.a]",
        "é",
        "a%2eb",
        "*",
        "a\\b",
    ] {
        assert_eq!(judge(host, &[], true), Err(Reason::BadRequest), "{host}");
    }
}

#[test]
fn t31_host_is_there_once() {
    assert_eq!(check_host(&headers(&[]), &[], true).err(), Some(Reason::BadRequest));
    let twice = headers(&[("Host", "a"), ("host", "a")]);
    assert_eq!(check_host(&twice, &[], true).err(), Some(Reason::BadRequest));
}

#[test]
fn an_authority_is_a_host_and_perhaps_a_port() {
    let authority = Authority::parse("[::1]:8443").unwrap();
    assert_eq!((authority.host(), authority.port(), authority.port_or_default(true)), ("[::1]", Some(8443), 8443));
    let authority = Authority::parse("Chat.example").unwrap();
    assert_eq!((authority.host(), authority.port(), authority.port_or_default(false)), ("Chat.example", None, 80));
}

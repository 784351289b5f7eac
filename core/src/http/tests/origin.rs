use proptest::prelude::*;

use super::suite;
use crate::Reason;
use crate::http::{Authority, Origin, OriginEntry, OriginList};
use crate::policy::{self, MissingOrigin};

fn list(entries: &[&str]) -> OriginList {
    let entries: Vec<OriginEntry> = entries.iter().map(|entry| entry.parse().unwrap()).collect();
    OriginList::new(&entries)
}

fn explicit(entries: &[&str], origin: &str) -> bool {
    judge(entries, Some(origin), false).is_ok()
}

fn judge(entries: &[&str], origin: Option<&str>, ambient: bool) -> Result<(), Reason> {
    list(entries).judge(origin.map(str::as_bytes), ambient, None, true, &policy::Origin::default())
}

const REFUSED: Result<(), Reason> = Err(Reason::OriginNotAllowed);
const MISSING: Result<(), Reason> = Err(Reason::OriginMissing);

#[test]
fn t22_t23_a_foreign_page_is_refused_whatever_the_credential() {
    for ambient in [false, true] {
        assert_eq!(judge(&["https://app.example.com"], Some("https://app.example.com"), ambient), Ok(()));
        for foreign in ["https://evil.example", "http://localhost", "http://127.0.0.1:3000", "null", "", "x"] {
            assert_eq!(judge(&["https://app.example.com"], Some(foreign), ambient), REFUSED, "{foreign}");
            assert_eq!(judge(&[], Some(foreign), ambient), REFUSED, "{foreign}");
        }
    }
}

#[test]
fn t22_an_ambient_credential_needs_an_origin_that_is_listed_whole() {
    let entries = ["https://app.example.com", "https://*.example.com", "null", "chrome-extension://abc"];
    assert_eq!(judge(&entries, None, true), MISSING);
    assert_eq!(judge(&entries, Some("https://app.example.com"), true), Ok(()));
    assert_eq!(judge(&entries, Some("chrome-extension://abc"), true), Ok(()));
    // Whoever takes over one subdomain, and every site by a sandboxed frame, could ride the cookie.
    assert_eq!(judge(&entries, Some("https://old.example.com"), true), REFUSED);
    assert_eq!(judge(&entries, Some("null"), true), REFUSED);
    assert_eq!(judge(&entries, Some("https://old.example.com"), false), Ok(()));
    assert_eq!(judge(&entries, Some("null"), false), Ok(()));
    assert!(list(&entries).has_exact() && !list(&entries[1..3]).has_exact());
}

#[test]
fn a_missing_origin_is_judged_by_the_credential() {
    for (missing, ambient, want) in [
        (MissingOrigin::ExplicitCredential, false, Ok(())),
        (MissingOrigin::ExplicitCredential, true, MISSING),
        (MissingOrigin::Allow, false, Ok(())),
        (MissingOrigin::Allow, true, MISSING),
        (MissingOrigin::Refuse, false, MISSING),
        (MissingOrigin::Refuse, true, MISSING),
    ] {
        let rules = policy::Origin { missing, ..policy::Origin::default() };
        assert_eq!(OriginList::default().judge(None, ambient, None, true, &rules), want, "{missing:?} {ambient}");
    }
}

#[test]
fn t27_any_origin_is_a_danger_that_ambient_credentials_never_meet() {
    let rules = policy::Origin { dangerous_any_origin: true, ..policy::Origin::default() };
    let judge = |origin: &str, ambient| list(&[]).judge(Some(origin.as_bytes()), ambient, None, true, &rules);
    assert_eq!(judge("https://any.example", false), Ok(()));
    assert_eq!(judge("null", false), Ok(()));
    assert_eq!(judge("https://any.example", true), REFUSED);
    assert_eq!(judge("not an origin", false), REFUSED);
}

#[test]
fn t24_null_is_refused_unless_listed() {
    assert!(!explicit(&["https://app.example.com", "https://*.example.com"], "null"));
    assert!(explicit(&["null"], "null"));
    assert!(!explicit(&["null"], "NULL"));
    assert!(!explicit(&["null"], "https://null"));
}

#[test]
fn t25_a_star_is_exactly_one_label() {
    let entries = ["https://*.example.com"];
    for origin in ["https://a.example.com", "https://A-1.EXAMPLE.com:443", "https://xn--e1a.example.com"] {
        assert!(explicit(&entries, origin), "{origin}");
    }
    for origin in [
        "https://example.com",
        "https://.example.com",
        "https://a.b.example.com",
        "https://..example.com",
        "https://evilexample.com",
        "https://evil-example.com",
        "https://a.example.com.",
        "https://a.example.com.evil.example",
        "https://aexample.com",
        "https://a.example.com:8443",
        "http://a.example.com",
        "https://*.example.com",
        "https://a@b.example.com",
        "https://a%2e.example.com",
        "https://evil.example`.example.com",
        "https://a,b.example.com",
        "https://_{}.example.com",
    ] {
        assert!(!explicit(&entries, origin), "{origin}");
    }
}

#[test]
fn t26_two_lists_share_no_decision() {
    let (first, second) = (list(&["https://a.example"]), list(&["https://b.example"]));
    let rules = policy::Origin::default();
    for _ in 0..2 {
        assert_eq!(first.judge(Some(b"https://a.example"), true, None, true, &rules), Ok(()));
        assert_eq!(second.judge(Some(b"https://a.example"), true, None, true, &rules), REFUSED);
    }
}

/// The rows that scanners for CORS and CSWSH try.
#[test]
fn t28_likeness_is_not_equality() {
    let entries = ["https://app.example.com", "https://*.example.org"];
    for origin in [
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://evilapp.example.com",
        "https://appxexample.com",
        "https://app.example.comevil",
        "https://app.example.co",
        "https://example.com",
        "https://evil.example/app.example.com",
        "https://evil.example?https://app.example.com",
        "https://evil.example#https://app.example.com",
        "https://evil.example\\.app.example.com",
        "https://app.example.com@evil.example",
        "https://user:pass@app.example.com",
        "https://app.example.com:evil.example",
        "https://app.example.com:443.evil.example",
        "https://app.example.com/",
        "https://app.example.com:",
        "https://app.example.com:0443",
        "https://app.example.com:65979",
        "https://app.example.com:+443",
        "https://app.example.com:80",
        "http://app.example.com",
        "http://app.example.com:443",
        "wss://app.example.com",
        "https:app.example.com",
        "https:/app.example.com",
        "https:///app.example.com",
        "//app.example.com",
        "app.example.com",
        "javascript://app.example.com",
        " https://app.example.com",
        "https://app.example.com ",
        "https://app.example.com https://evil.example",
        "https://app.example.com, https://evil.example",
        "https://evil.example https://app.example.com",
        "https://app.example.com\0",
        "https://app.example.com%00.evil.example",
        "https://app.example.com%60.evil.example",
        "https://app.example.com`.evil.example",
        "https://app.example.com!.evil.example",
        "https://app.example.com_.evil.example",
        "https://app.example.com{.evil.example",
        "null",
    ] {
        assert!(!explicit(&entries, origin), "{origin}");
        assert_eq!(judge(&entries, Some(origin), true), REFUSED, "{origin}");
    }
}

#[test]
fn t29_spellings_of_one_origin_are_the_same_and_look_alikes_are_not() {
    let entries = ["https://app.example.com", "http://[2001:db8::1]:3000", "https://xn--bcher-kva.example"];
    for origin in [
        "HTTPS://app.example.com",
        "https://APP.example.com",
        "https://app.example.com:443",
        "http://[2001:DB8::1]:3000",
        "http://[2001:db8:0:0:0:0:0:1]:3000",
        "https://XN--Bcher-KVA.example",
    ] {
        assert!(explicit(&entries, origin), "{origin}");
    }
    for origin in [
        "https://app.example.com.",
        "https://app.еxample.com",
        "https://app。example.com",
        "https://app.example.com\u{ad}",
        "https://bücher.example",
        "https://bcher-kva.example",
        "http://[2001:db8::1]",
        "http://[2001:db8::1%25eth0]:3000",
        "http://2001:db8::1:3000",
    ] {
        assert!(!explicit(&entries, origin), "{origin}");
    }
}

#[test]
fn t29_no_two_hosts_of_the_url_standard_are_mixed_up() {
    let Some(suite) = suite("wpt-url/toascii.json") else { return };
    let mut cases = 0;
    for case in suite.as_array().unwrap() {
        let Some(input) = case["input"].as_str() else { continue };
        let Some(output) = case["output"].as_str() else {
            // No host: a browser never sends it, nor does it become one here.
            let origin = format!("https://{input}");
            assert!(input.is_ascii() || Origin::parse(origin.as_bytes()).is_err(), "{input:?}");
            cases += 1;
            continue;
        };
        // What a browser sends is the output; the input is another spelling only it may undo.
        let sent = format!("https://{output}");
        let origin = Origin::parse(sent.as_bytes()).unwrap();
        assert_eq!((origin.host().as_deref(), origin.port()), (Some(output), Some(443)), "{input:?}");
        if let Ok(entry) = sent.parse::<OriginEntry>() {
            let entries = [entry.as_str()];
            assert!(explicit(&entries, &sent), "{input:?}");
            let typed = format!("https://{input}");
            assert_eq!(explicit(&entries, &typed), input.eq_ignore_ascii_case(output), "{input:?}");
        }
        cases += 1;
    }
    assert!(cases >= 85, "{cases}");
}

#[test]
fn t30_same_host_compares_scheme_host_and_port() {
    let rules = policy::Origin::default();
    let judge = |host: Option<&str>, secure: bool, origin: &str| {
        let host = host.map(|host| Authority::parse(host).unwrap());
        list(&["same-host"]).judge(Some(origin.as_bytes()), true, host.as_ref(), secure, &rules)
    };
    assert_eq!(judge(Some("chat.example.com"), true, "https://chat.example.com"), Ok(()));
    assert_eq!(judge(Some("Chat.example.com:443"), true, "https://chat.example.com"), Ok(()));
    assert_eq!(judge(Some("chat.example.com:8443"), true, "https://chat.example.com:8443"), Ok(()));
    assert_eq!(judge(Some("[::1]:3000"), false, "http://[::1]:3000"), Ok(()));
    assert_eq!(judge(Some("chat.example.com:8443"), true, "https://chat.example.com"), REFUSED);
    assert_eq!(judge(Some("chat.example.com"), true, "http://chat.example.com"), REFUSED);
    assert_eq!(judge(Some("chat.example.com"), false, "https://chat.example.com"), REFUSED);
    assert_eq!(judge(Some("chat.example.com"), true, "https://evil.example"), REFUSED);
    assert_eq!(judge(Some("chat.example.com"), true, "null"), REFUSED);
    // Without an allowlist of hosts the name is the attacker's, and is not handed in.
    assert_eq!(judge(None, true, "https://chat.example.com"), REFUSED);
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    let parse = |text: &str| {
        let lower = |part: Option<String>| part.map(|part| &*part.leak());
        Origin::parse(text.as_bytes()).map(|o| (lower(o.scheme()), lower(o.host()), o.port()))
    };
    assert_eq!(parse("HTTPS://A.Example:443"), Ok((Some("https"), Some("a.example"), Some(443))));
    assert_eq!(parse("https://a.example"), Ok((Some("https"), Some("a.example"), Some(443))));
    assert_eq!(parse("http://a.example:0"), Ok((Some("http"), Some("a.example"), Some(0))));
    assert_eq!(parse("ftp://a.example"), Ok((Some("ftp"), Some("a.example"), Some(21))));
    assert_eq!(parse("https://[::1]:8443"), Ok((Some("https"), Some("[::1]"), Some(8443))));
    assert_eq!(parse("moz-extension://a-b"), Ok((Some("moz-extension"), Some("a-b"), None)));
    assert_eq!(parse("null"), Ok((None, None, None)));
    assert!(Origin::parse(b"null").unwrap().is_opaque());
    for bad in ["", "https", "https://", "https://:443", "://a", "h ttps://a", "https://a b", "https://a|b", "é://a"] {
        assert_eq!(parse(bad).err(), Some(Reason::OriginNotAllowed), "{bad}");
    }
    assert!(Origin::parse(b"https://a\xff.example").is_err());
}

/// A listed host, and an origin that is like it or anything else.
fn likeness() -> impl Strategy<Value = String> {
    let label = "[a-z0-9-]{1,4}";
    prop_oneof![
        label.prop_map(|label| format!("https://{label}.example.com")),
        (label, label).prop_map(|(a, b)| format!("https://{a}.{b}.example.com")),
        label.prop_map(|label| format!("https://{label}example.com")),
        "https?://[a.]{0,3}(app)?[.]?example[.]com[.]?(:[0-9]{0,5})?".boxed(),
        "[hH][tT]{2}[pP][sS]?://[aA][pP]{2}\\.[eE]xample\\.[cC]om(:(443|80|8443))?".boxed(),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn t25_t28_a_match_is_equal_or_one_label_below(origin in likeness()) {
        if explicit(&["https://app.example.com"], &origin) {
            let lower = origin.to_ascii_lowercase();
            prop_assert_eq!(lower.strip_suffix(":443").unwrap_or(&lower), "https://app.example.com");
        }
        if explicit(&["https://*.example.com"], &origin) {
            let lower = origin.to_ascii_lowercase();
            let host = lower.strip_suffix(":443").unwrap_or(&lower).strip_prefix("https://").unwrap();
            let label = host.strip_suffix(".example.com").unwrap();
            prop_assert!(!label.is_empty() && !label.contains('.'));
        }
    }

    /// Letter case and a default port that is named change nothing.
    #[test]
    fn t29_every_spelling_of_a_listed_origin_matches(
        host in "[a-z0-9][a-z0-9-]{0,5}(\\.[a-z0-9]{1,5}){1,3}",
        secure in any::<bool>(),
        port in prop::option::of(any::<u16>()),
        upper in any::<u64>(),
        named in any::<bool>(),
    ) {
        let (scheme, default) = if secure { ("https", 443) } else { ("http", 80) };
        let port = port.unwrap_or(default);
        let entry = if port == default { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") };
        let full = if named { format!("{scheme}://{host}:{port}") } else { entry.clone() };
        let spelled: String = full
            .chars()
            .enumerate()
            .map(|(at, c)| if upper >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        for ambient in [false, true] {
            prop_assert_eq!(judge(&[&entry], Some(&spelled), ambient), Ok(()));
            prop_assert_eq!(judge(&[&entry], Some(&format!("{spelled}0")), ambient), REFUSED);
            prop_assert_eq!(judge(&[&entry], Some(&format!("x{spelled}")), ambient), REFUSED);
        }
    }

    /// The quick comparison by bytes says what the full one says.
    #[test]
    fn t26_the_order_and_number_of_entries_does_not_matter(origin in likeness(), seed in 0..6_usize) {
        let mut entries = ["https://app.example.com", "https://b.example", "http://a.example.com", "https://*.example.com",
            "https://example.com:8443", "null"];
        let together = explicit(&entries, &origin);
        prop_assert_eq!(together, entries.iter().any(|entry| explicit(&[entry], &origin)));
        entries.rotate_left(seed);
        prop_assert_eq!(together, explicit(&entries, &origin));
    }
}

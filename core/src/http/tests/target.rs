use proptest::prelude::*;

use crate::Reason;
use crate::http::{Target, mask};

fn query(target: &str, name: &str) -> Result<Option<String>, Reason> {
    Target::parse(target).unwrap().query_value(name).map(|value| value.map(|value| value.into_owned()))
}

#[test]
fn a_target_is_a_path_and_a_query() {
    for (target, path) in
        [("/", "/"), ("/?a", "/"), ("/chat", "/chat"), ("/chat/?a=/b?c", "/chat/"), ("/a%20b/%C3%A9", "/a%20b/%C3%A9")]
    {
        assert_eq!(Target::parse(target).unwrap().path(), path);
    }
}

#[test]
fn t10_one_path_has_one_spelling() {
    for target in [
        "",
        "*",
        "chat",
        "http://a/",
        "//chat",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/a/./b",
        "/a/../admin",
        "/a/..",
        "/%61dmin",
        "/%2e%2e/admin",
        "/a%2Fb",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/a%0d",
        "/a%",
        "/a%4",
        "/a%zz",
        "/a#b",
        "/a?b#c",
        "/a b",
        "/é",
        "/a\t",
    ] {
        assert_eq!(Target::parse(target), Err(Reason::BadRequest), "{target:?}");
    }
    assert_eq!(Target::parse(&format!("/{}", "a".repeat(8192))), Err(Reason::UriTooLong));
}

#[test]
fn a_query_value_is_decoded_as_forms_are() {
    assert_eq!(query("/", "token"), Ok(None));
    assert_eq!(query("/?", ""), Ok(None));
    assert_eq!(query("/?a=b&c", "token"), Ok(None));
    assert_eq!(query("/?Token=a", "token"), Ok(None));
    assert_eq!(query("/?token", "token"), Ok(Some(String::new())));
    assert_eq!(query("/?a=b&token=a.b-c_d&x", "token"), Ok(Some("a.b-c_d".to_owned())));
    assert_eq!(query("/?token=a=b", "token"), Ok(Some("a=b".to_owned())));
    assert_eq!(query("/?t%6fken=a+b%2B%c3%A9", "token"), Ok(Some("a b+é".to_owned())));
    assert_eq!(query("/?q=100%&%zz=1&token=a", "token"), Ok(Some("a".to_owned())));
    for bad in ["/?token=%", "/?token=%4", "/?token=%zz", "/?token=%ff", "/?token=a%00", "/?token=%0d%0a"] {
        assert_eq!(query(bad, "token"), Err(Reason::BadRequest), "{bad}");
    }
}

#[test]
fn t55_a_name_twice_is_ambiguous_however_it_is_spelled() {
    for target in
        ["/?token=a&token=a", "/?token=a&token", "/?token&b&token=", "/?token=a&t%6Fken=b", "/?%74oken=a&toke%6e=b"]
    {
        assert_eq!(query(target, "token"), Err(Reason::CredentialAmbiguous), "{target}");
    }
    assert_eq!(query("/?a+b=1&a%20b=2", "a b"), Err(Reason::CredentialAmbiguous));
}

#[test]
fn t52_t53_a_masked_target_shows_no_query_and_no_escape_sequence() {
    for (target, shown) in [
        ("/chat?token=canary", "/chat?..."),
        ("/chat#canary", "/chat?..."),
        ("/\u{1b}[31mred\r\n", "/\\u{1b}[31mred\\u{d}\\u{a}"),
        ("/\u{202e}abc", "/\\u{202e}abc"),
        ("http://user:canary@host/", ""),
        ("", ""),
    ] {
        assert_eq!(mask(target).to_string(), shown);
        assert_eq!(format!("{:?}", mask(target)), shown);
    }
    let long = mask(&"/x".repeat(5_000)).to_string();
    assert!(long.len() < 140 && long.ends_with("..."), "{long}");
    let target = Target::parse("/chat?token=canary").unwrap();
    assert_eq!(format!("{} {target:?}", target.masked()), "/chat?... Target(/chat?...)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_value_comes_back_as_it_was(value in "[^\\p{Cc}]{0,20}", name in "[b-wé&=%+ ]{1,8}") {
        let encode = |text: &str| text.bytes().fold(String::new(), |out, byte| format!("{out}%{byte:02x}"));
        let target = format!("/?x=1&{}={}&y=", encode(&name), encode(&value));
        prop_assert_eq!(query(&target, &name), Ok(Some(value)));
    }

    #[test]
    fn t53_what_is_masked_is_printable_and_short(target in any::<String>()) {
        let shown = mask(&target).to_string();
        prop_assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert!(shown.len() <= 10 * 128 + 6);
    }

    #[test]
    fn parsing_any_text_is_total(target in "/?.{0,30}", name in ".{0,4}") {
        if let Ok(target) = Target::parse(&target) {
            let _ = target.query_value(&name);
        }
    }
}

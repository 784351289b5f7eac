use proptest::prelude::*;

use super::{headers, suite};
use crate::Reason;
use crate::http::{Header, cookie_value};

type Verdict<'a> = Result<Option<&'a str>, Reason>;

fn cookie<'a>(lines: &[&'a str], name: &str) -> Verdict<'a> {
    let lines: Vec<_> = lines.iter().map(|line| ("Cookie", *line)).collect();
    cookie_value(&headers(&lines), name)
}

const AMBIGUOUS: Verdict<'_> = Err(Reason::CredentialAmbiguous);

/// Cookies on which we and jshttp/cookie differ: line, name, our verdict, why.
const DIFFERENCES: [(&str, &str, Verdict<'_>); 8] = [
    // It gives the quotes back as part of the value; others take them off. So: neither.
    ("foo=\"bar=123456789&name=Magic+Mouse\"", "foo", Err(Reason::BadRequest)),
    ("  foo  =  \"bar\"  ", "foo", Err(Reason::BadRequest)),
    (" foo = \" a b c \" ", "foo", Err(Reason::BadRequest)),
    // It undoes percent escapes, which RFC 6265 does not know.
    ("email=%20%22%2c%3b%2f", "email", Ok(Some("%20%22%2c%3b%2f"))),
    // It takes the first of two.
    ("foo=%1;bar=bar;foo=boo", "foo", AMBIGUOUS),
    ("foo=false;bar=bar;foo=true", "foo", AMBIGUOUS),
    ("foo=;bar=bar;foo=boo", "foo", AMBIGUOUS),
    // A name without a value: it passes over it.
    ("foo=bar;fizz  ;  buzz", "fizz", AMBIGUOUS),
];

#[test]
fn t56_the_cookies_of_jshttp() {
    let Some(suite) = suite("cookie-vectors/jshttp-parse.json") else { return };
    let mut differences = 0;
    for case in suite.as_array().unwrap() {
        let line = case["cookie"].as_str().unwrap();
        for (name, want) in case["want"].as_object().unwrap() {
            let found = cookie(&[line], name);
            if let Some((.., ours)) = DIFFERENCES.iter().find(|(l, n, _)| *l == line && n == name) {
                assert_eq!(found, *ours, "{line:?}");
                differences += 1;
            } else if name.is_empty() {
                // No policy can name a cookie "".
                continue;
            } else {
                assert_eq!(found, Ok(want.as_str()), "{line:?}");
            }
        }
        let absent = cookie(&[line], "absent");
        assert_eq!(absent, Ok(None), "{line:?}");
    }
    assert_eq!(differences, DIFFERENCES.len() - 1);
    let (line, name, ours) = DIFFERENCES[7];
    assert_eq!(cookie(&[line], name), ours);
}

#[test]
fn a_cookie_is_found_among_others() {
    assert_eq!(cookie(&[], "sid"), Ok(None));
    assert_eq!(cookie(&["a=b; sid=x-1.y_z; c"], "sid"), Ok(Some("x-1.y_z")));
    assert_eq!(cookie(&["a=b", "sid=x=y=="], "sid"), Ok(Some("x=y==")));
    assert_eq!(cookie(&["SID=1; xsid=2; sid2=3; =sidx=4; sidy"], "sid"), Ok(None));
    assert_eq!(cookie(&["__Host-sid=1; sid=2"], "__Host-sid"), Ok(Some("1")));
    assert_eq!(cookie(&["a=\"b c\"; sid=1; d=\"e\\\"f\"; g=\"\""], "sid"), Ok(Some("1")));
    assert_eq!(cookie(&["sid="], "sid"), Ok(Some("")));
}

#[test]
fn t55_t56_a_name_twice_is_ambiguous() {
    for lines in [
        &["sid=a; sid=b"][..],
        &["sid=a; sid=a"],
        &["sid=a", "sid=b"],
        &["sid=a; x=y", "z=1; sid =b"],
        &["sid=a; sid"],
        &["sid", "sid=a"],
        &["sid"],
        &["sid=a; sid="],
    ] {
        assert_eq!(cookie(lines, "sid"), AMBIGUOUS, "{lines:?}");
    }
    let lines = [Header { name: "Cookie", value: b"sid=a" }, Header { name: "cOOKIE", value: b"sid=b" }];
    assert_eq!(cookie_value(&lines, "sid"), AMBIGUOUS);
}

#[test]
fn t56_what_parsers_are_known_to_read_in_two_ways_is_refused() {
    for line in [
        // A cookie without a name, sent as if it had one.
        "=sid=evil",
        "= sid = evil; sid=good",
        "=sid",
        // RFC 2965 reads a quoted value to its closing quote, over semicolons.
        "a=\"x; sid=evil; b=y\"",
        "sid=good; a=\"x; sid2=evil\"",
        "a=\"x\\\"; sid=evil; b=\"y\"",
        "a=\"",
        // CVE-2023-26049
        "$Version=1; sid=\"a\"",
        "$version=\"1\"; sid=a; $Path=\"/\"",
        "sid=a; $VERSION",
    ] {
        assert_eq!(cookie(&[line], "sid"), AMBIGUOUS, "{line}");
    }
    for line in ["sid=\"a\"", "sid=a b", "sid=a,b", "sid=a, sid=b", "sid=a\\b", "sid=a\"b", "sid=ä", "sid=a\tb"] {
        assert_eq!(cookie(&[line], "sid"), Err(Reason::BadRequest), "{line}");
    }
    let line = [Header { name: "cookie", value: b"sid=a\0b" }];
    assert_eq!(cookie_value(&line, "sid"), Err(Reason::BadRequest));
}

#[test]
fn long_cookies_cost_their_length() {
    for filler in [";", "=", " ", "a=;", "\"", "a=\"b\";"] {
        let line = format!("sid=x;{}", filler.repeat((4 << 20) / filler.len()));
        let _ = cookie(&[&line], "sid");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever stands around it, a value that is accepted is the one that a parser taking the
    /// first pair finds, and the one that a parser taking the last pair finds.
    #[test]
    fn t56_first_and_last_reading_agree(line in "(([a$]|sid| sid |=sid|)(=[a\" ]{0,3}|=)?;? ?){0,6}") {
        if let Ok(Some(value)) = cookie(&[&line], "sid") {
            let pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
            let ours: Vec<&str> = pairs.filter(|(name, _)| name.trim() == "sid").map(|(_, value)| value.trim()).collect();
            prop_assert_eq!(ours.first(), Some(&value));
            prop_assert_eq!(ours.last(), Some(&value));
        }
    }

    #[test]
    fn a_value_comes_back_as_it_was(value in "[!#-+\\--:<-\\[\\]-~]{0,30}", before in "[a-z]{1,5}", after in "[a-z]{1,5}") {
        let line = format!("x{before}=1; sid={value}; y{after}=2");
        prop_assert_eq!(cookie(&[&line], "sid"), Ok(Some(&*value)));
    }
}

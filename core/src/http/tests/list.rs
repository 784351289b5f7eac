use proptest::prelude::*;
use serde_json::Value;

use super::suite;
use crate::Reason;
use crate::http::{extensions, header_list, subprotocols};

fn items(name: &str, values: &[&str]) -> Result<Vec<String>, Reason> {
    let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    header_list(name, &values)
}

/// Values on which we and one of the sources differ: header, value, source, why.
const DIFFERENCES: [(&str, &str, &str, &str); 13] = [
    ("sec-websocket-protocol", "", "gorilla", "a header that is there names one at least (1#token)"),
    ("sec-websocket-protocol", "foo,,", "ws", EMPTY),
    ("sec-websocket-protocol", "foo,  ,", "ws", EMPTY),
    ("sec-websocket-protocol", "foo, ", "ws", EMPTY),
    ("sec-websocket-protocol", "foo,bar,", "ws", EMPTY),
    ("sec-websocket-protocol", " foo", "ws", SPACE),
    ("sec-websocket-protocol", "foo ", "ws", SPACE),
    ("sec-websocket-protocol", "foo,bar ", "ws", SPACE),
    ("sec-websocket-extensions", "foo,,", "ws", EMPTY),
    ("sec-websocket-extensions", "foo,  ,", "ws", EMPTY),
    ("sec-websocket-extensions", "foo, ", "ws", EMPTY),
    ("sec-websocket-extensions", "foo;bar,", "ws", EMPTY),
    ("sec-websocket-extensions", " foo|foo |foo\t|foo;bar |foo;bar=\"baz\" ", "ws", SPACE),
];
const EMPTY: &str = "a recipient ignores empty elements (RFC 9110 section 5.6.1.2)";
const SPACE: &str = "white space around a value is not part of it (RFC 9110 section 5.5)";

#[test]
fn t02_t04_the_lists_of_other_libraries() {
    let Some(suite) = suite("handshake-vectors/header-lists.json") else { return };
    let headers = [
        ("connection", "connection"),
        ("upgrade", "upgrade"),
        ("subprotocol", "sec-websocket-protocol"),
        ("extensions", "sec-websocket-extensions"),
    ];
    let mut cases = 0;
    for (key, header) in headers {
        for case in suite[key].as_array().unwrap() {
            let value = case["v"].as_str().unwrap();
            let source = case["lib"].as_str().unwrap_or_default();
            let differs = DIFFERENCES.iter().any(|(name, values, from, _)| {
                *name == header && *from == source && values.split('|').any(|v| v == value)
            });
            let found = items(header, &[value]);
            let agrees = match &case["ok"] {
                Value::Array(want) => found.as_ref().is_ok_and(|found| {
                    found.iter().map(String::as_str).eq(want.iter().map(|item| item.as_str().unwrap()))
                }),
                Value::Null => found.is_err(),
                _ => found.is_ok(),
            };
            assert_eq!(agrees, !differs, "{header}: {value:?} ({source}): {found:?}");
            cases += 1;
        }
    }
    assert_eq!(cases, 5 + 6 + 25 + 67);
}

#[test]
fn extensions_are_written_in_their_shortest_form() {
    let value = "foo; name; token=token; quoted-string=\"quo\\ted\", bar; quux ;quuux = 1,,";
    let found = items("Sec-WebSocket-Extensions", &[value, "baz"]).unwrap();
    assert_eq!(found, ["foo; name; token=token; quoted-string=quoted", "bar; quux; quuux=1", "baz"]);
    let offers = extensions(&[value.as_bytes()]).unwrap();
    assert_eq!(offers[0].name(), "foo");
    assert_eq!(offers[0].parameters()[0], ("name", None));
}

#[test]
fn lines_of_one_list_are_read_in_order() {
    assert_eq!(items("connection", &["keep-alive", "Upgrade"]).unwrap(), ["keep-alive", "Upgrade"]);
    assert_eq!(items("sec-websocket-protocol", &["a", " b, c "]).unwrap(), ["a", "b", "c"]);
    assert_eq!(items("sec-websocket-protocol", &["a", "b, a"]), Err(Reason::BadRequest));
    // A quote does not reach over the end of a line.
    assert_eq!(items("sec-websocket-extensions", &["a;b=\"c", "d\""]), Err(Reason::BadRequest));
    assert_eq!(items("sec-websocket-protocol", &[]), Ok(vec![]));
    assert_eq!(items("cookie", &["a"]), Err(Reason::BadRequest));
}

#[test]
fn protocol_versions_are_part_of_upgrade_only() {
    assert_eq!(items("upgrade", &["http/3.0, websocket"]).unwrap(), ["http/3.0", "websocket"]);
    for bad in ["/", "http/", "/3", "http/3/4", "websocket 13"] {
        assert_eq!(items("upgrade", &[bad]), Err(Reason::BadRequest), "{bad}");
    }
    assert_eq!(items("connection", &["http/3.0"]), Err(Reason::BadRequest));
}

#[test]
fn t03_names_that_mean_something_to_javascript_are_names() {
    let names = "toString, __proto__, hasOwnProperty, constructor";
    assert_eq!(items("sec-websocket-protocol", &[names]).unwrap().len(), 4);
    assert_eq!(items("sec-websocket-extensions", &[names]).unwrap().len(), 4);
}

/// A quadratic parser takes hours for these; a linear one a moment.
#[test]
fn t02_t04_t11_long_values_cost_their_length() {
    const LENGTH: usize = 1 << 20;
    for header in ["connection", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions"] {
        for filler in [" ", "\t", ",", " ,", "\t ,\t"] {
            let value = format!("a{}b", filler.repeat(LENGTH / filler.len()));
            assert_eq!(items(header, &[&value]).is_ok(), filler.contains(','), "{header} {filler:?}");
        }
    }
    for value in ["a; b=\"", "a; b=\"\\", "a; b=\"c\\"] {
        let escapes = format!("{value}{}", "\\c".repeat(LENGTH / 2));
        assert_eq!(items("sec-websocket-extensions", &[&escapes]), Err(Reason::BadRequest));
    }
    let escapes = format!("a; b=\"{}\"", "\\c".repeat(LENGTH / 2));
    assert_eq!(items("sec-websocket-extensions", &[&escapes]).unwrap()[0].len(), "a; b=".len() + LENGTH / 2);
}

#[test]
fn t02_lists_are_bounded() {
    let many = |count: usize| (0..count).map(|n| format!("p{n}")).collect::<Vec<_>>().join(",");
    for header in ["connection", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions"] {
        assert_eq!(items(header, &[&many(64)]).unwrap().len(), 64);
        assert_eq!(items(header, &[&many(65)]), Err(Reason::BadRequest), "{header}");
        assert_eq!(items(header, &[&many(64), "x"]), Err(Reason::BadRequest), "{header}");
    }
    let parameters = format!("a{}", "; b".repeat(100_000));
    assert!(items("sec-websocket-extensions", &[&parameters]).is_err());
    let parameters = |count: usize| format!("a{}", "; b".repeat(count));
    assert!(items("sec-websocket-extensions", &[&parameters(64)]).is_ok());
    assert!(items("sec-websocket-extensions", &[&parameters(65)]).is_err());
    assert!(items("sec-websocket-extensions", &[&parameters(33), &parameters(32)]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_is_read_the_same_again(value in "[a-c,;= \t\"\\\\/]{0,16}") {
        for header in ["connection", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions"] {
            if let Ok(found) = items(header, &[&value]) {
                let again = found.join(", ");
                let again: Vec<&str> = if found.is_empty() { vec![] } else { vec![&again] };
                prop_assert_eq!(items(header, &again), Ok(found));
            }
        }
    }

    #[test]
    fn any_bytes_are_judged(value in prop::collection::vec(any::<u8>(), 0..40)) {
        for item in subprotocols(&[&value]).into_iter().flatten() {
            prop_assert!(!item.is_empty() && item.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        let _ = extensions(&[&value]);
    }
}

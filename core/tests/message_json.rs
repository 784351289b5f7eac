//! Strict JSON against the suites of the field: JSONTestSuite and utf8tests.

mod message_suites;

use wswarden_core::Reason;
use wswarden_core::message::json::{Limits, check};
use wswarden_core::message::{Fault, Scratch};

fn verdict(bytes: &[u8]) -> Result<(), Fault> {
    check(bytes, &Limits::default(), &mut Scratch::new())
}

/// What is not refused by RFC 8259 but by our rules, and what it leaves open: decided here, one by one.
const DECIDED: [(&str, Option<Reason>); 37] = [
    ("y_object_duplicated_key.json", Some(Reason::DuplicateKey)),
    ("y_object_duplicated_key_and_value.json", Some(Reason::DuplicateKey)),
    ("i_number_double_huge_neg_exp.json", Some(Reason::JsonLimit)),
    ("i_number_huge_exp.json", Some(Reason::JsonLimit)),
    ("i_number_neg_int_huge_exp.json", Some(Reason::JsonLimit)),
    ("i_number_pos_double_huge_exp.json", Some(Reason::JsonLimit)),
    ("i_number_real_neg_overflow.json", Some(Reason::JsonLimit)),
    ("i_number_real_pos_overflow.json", Some(Reason::JsonLimit)),
    ("i_number_real_underflow.json", Some(Reason::JsonLimit)),
    ("i_number_too_big_neg_int.json", None),
    ("i_number_too_big_pos_int.json", None),
    ("i_number_very_big_negative_int.json", None),
    ("i_object_key_lone_2nd_surrogate.json", Some(Reason::InvalidJson)),
    ("i_string_1st_surrogate_but_2nd_missing.json", Some(Reason::InvalidJson)),
    ("i_string_1st_valid_surrogate_2nd_invalid.json", Some(Reason::InvalidJson)),
    ("i_string_UTF-16LE_with_BOM.json", Some(Reason::InvalidUtf8)),
    ("i_string_UTF-8_invalid_sequence.json", Some(Reason::InvalidUtf8)),
    ("i_string_UTF8_surrogate_U+D800.json", Some(Reason::InvalidUtf8)),
    ("i_string_incomplete_surrogate_and_escape_valid.json", Some(Reason::InvalidJson)),
    ("i_string_incomplete_surrogate_pair.json", Some(Reason::InvalidJson)),
    ("i_string_incomplete_surrogates_escape_valid.json", Some(Reason::InvalidJson)),
    ("i_string_invalid_lonely_surrogate.json", Some(Reason::InvalidJson)),
    ("i_string_invalid_surrogate.json", Some(Reason::InvalidJson)),
    ("i_string_invalid_utf-8.json", Some(Reason::InvalidUtf8)),
    ("i_string_inverted_surrogates_U+1D11E.json", Some(Reason::InvalidJson)),
    ("i_string_iso_latin_1.json", Some(Reason::InvalidUtf8)),
    ("i_string_lone_second_surrogate.json", Some(Reason::InvalidJson)),
    ("i_string_lone_utf8_continuation_byte.json", Some(Reason::InvalidUtf8)),
    ("i_string_not_in_unicode_range.json", Some(Reason::InvalidUtf8)),
    ("i_string_overlong_sequence_2_bytes.json", Some(Reason::InvalidUtf8)),
    ("i_string_overlong_sequence_6_bytes.json", Some(Reason::InvalidUtf8)),
    ("i_string_overlong_sequence_6_bytes_null.json", Some(Reason::InvalidUtf8)),
    ("i_string_truncated-utf-8.json", Some(Reason::InvalidUtf8)),
    ("i_string_utf16BE_no_BOM.json", Some(Reason::InvalidJson)),
    ("i_string_utf16LE_no_BOM.json", Some(Reason::InvalidJson)),
    ("i_structure_500_nested_arrays.json", Some(Reason::JsonLimit)),
    ("i_structure_UTF-8_BOM_empty_object.json", Some(Reason::InvalidJson)),
];

#[test]
fn every_case_of_the_json_test_suite_is_decided() {
    let Some(folder) = message_suites::folder("jsontestsuite/test_parsing", 318) else { return };
    let mut wrong = Vec::new();
    let mut decided = 0;
    for (name, bytes) in message_suites::files(&folder) {
        let expected = match DECIDED.iter().find(|(known, _)| *known == name) {
            Some((_, reason)) => reason.map_or(Ok(()), Err),
            None if name.starts_with("y_") => Ok(()),
            None if name.starts_with("n_") => {
                decided += 1;
                if verdict(&bytes).is_ok() {
                    wrong.push(format!("{name} was accepted"));
                }
                continue;
            }
            None => panic!("{name} is not decided"),
        };
        decided += 1;
        let got = verdict(&bytes).map_err(|fault| fault.reason);
        if got != expected {
            wrong.push(format!("{name}: expected {expected:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(decided, 318);
}

#[test]
fn t72_every_utf8_test_is_decided_as_rust_decides_it() {
    let Some(folder) = message_suites::folder("utf8tests", 222) else { return };
    let bytes = std::fs::read(folder.join("utf8tests.bin")).expect("the suite's file");
    for line in bytes.split(|byte| *byte == b'\n') {
        // A line is "number: valid bytes" or what they should become; the bytes alone matter here.
        for wrapped in [[b"\"", line, b"\""].concat(), [b"{\"", line, b"\":\"", line, b"\"}"].concat()] {
            let plain = line.iter().all(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\');
            let expected = std::str::from_utf8(line).is_ok();
            let got = verdict(&wrapped);
            if plain {
                assert_eq!(got.is_ok(), expected, "{:?}", String::from_utf8_lossy(line));
            }
            if !expected && plain {
                assert_eq!(got.map_err(|fault| fault.reason), Err(Reason::InvalidUtf8));
            }
        }
    }
}

#[test]
fn t70_duplicate_keys_are_refused_at_every_depth_however_they_are_spelled() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\u0061":1,"a":2}"#,
        r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#,
        r#"{"é":1,"\u00e9":2}"#,
        r#"{"😀":1,"\ud83d\ude00":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        let fault = verdict(text.as_bytes()).expect_err(text);
        assert_eq!(fault.reason, Reason::DuplicateKey, "{text}");
    }
    for text in [r#"{"a":{"a":{"a":1}},"b":{"a":1}}"#, r#"[{"a":1},{"a":1}]"#, r#"{"a":1,"A":2,"a ":3}"#] {
        assert_eq!(verdict(text.as_bytes()), Ok(()), "{text}");
    }
}

#[test]
fn t70_the_thousandth_key_is_compared_like_the_first() {
    for last in [0, 1, 7, 8, 9, 500, 998] {
        let mut text = String::from("{");
        for key in 0..999 {
            text.push_str(&format!("\"key{key}\":{{\"key{key}\":1,\"b\":2}},"));
        }
        assert_eq!(verdict(format!("{text}\"new\":1}}").as_bytes()), Ok(()));
        let fault = verdict(format!("{text}\"\\u006bey{last}\":1}}").as_bytes()).expect_err("the same key twice");
        assert_eq!(fault.reason, Reason::DuplicateKey);
    }
}

#[test]
fn t74_nesting_is_counted_exactly_and_never_recursed_into() {
    for depth in [1_usize, 31, 32, 33, 1_000_000] {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let expected = if depth <= 32 { Ok(()) } else { Err(Reason::JsonLimit) };
        let mut scratch = Box::new(Scratch::new());
        let got = std::thread::Builder::new()
            .stack_size(64 << 10)
            .spawn(move || check(text.as_bytes(), &Limits::default(), &mut scratch).map_err(|fault| fault.reason))
            .expect("a thread")
            .join()
            .expect("no overflow");
        assert_eq!(got, expected, "{depth}");
    }
}

#[test]
fn t73_numbers_no_two_readers_agree_on_are_refused() {
    let digits = |count| "9".repeat(count);
    for (text, accepted) in [
        ("1e308".to_owned(), true),
        ("1.7976931348623157e308".to_owned(), true),
        ("1.7976931348623159e308".to_owned(), false),
        ("1e400".to_owned(), false),
        ("-1e400".to_owned(), false),
        ("0.1e-999999999".to_owned(), false),
        ("1e999999999999999999999999".to_owned(), false),
        ("-0".to_owned(), true),
        ("9007199254740993".to_owned(), true),
        (digits(64), true),
        (digits(65), false),
        (digits(1_000_000), false),
        (format!("0.{}", digits(64)), true),
        (format!("0.{}", digits(65)), false),
        (format!("1.{}", digits(64)), false),
        (format!("0.{}1", "0".repeat(200)), true),
        (format!("0.{}1", "0".repeat(400)), false),
    ] {
        assert_eq!(verdict(text.as_bytes()).is_ok(), accepted, "{}", text.get(..30).unwrap_or(&text));
    }
}

#[test]
fn t75_the_prototype_is_no_key() {
    for text in [r#"{"__proto__":1}"#, r#"[{"a":{"__pr\u006fto__":{}}}]"#] {
        assert_eq!(verdict(text.as_bytes()).map_err(|fault| fault.reason), Err(Reason::ForbiddenKey), "{text}");
    }
    assert_eq!(verdict(br#"{"__proto":1,"proto__":2,"a":"__proto__"}"#), Ok(()));
}

#[test]
fn t81_ten_thousand_colliding_keys_are_refused_at_a_bound() {
    let mut text = String::from("{");
    for key in 0..10_000 {
        text.push_str(&format!("\"{key}\":0,"));
    }
    text.push_str("\"end\":0}");
    let fault = verdict(text.as_bytes()).expect_err("too many keys");
    assert_eq!(fault.reason, Reason::JsonLimit);
}

#[test]
fn the_fault_is_where_it_is_certain() {
    for (text, reason, at) in [
        (&b"{\"a\":1,}"[..], Reason::InvalidJson, 7),
        (b"[1 2]", Reason::InvalidJson, 3),
        (b"\"a\xff\"", Reason::InvalidUtf8, 2),
        (b"[\"\xc3\xa9\", \"\xc3\"]", Reason::InvalidUtf8, 8),
        (b"{\"a\":1,\"a\":2}", Reason::DuplicateKey, 7),
        (b"", Reason::InvalidJson, 0),
        (b"tru", Reason::InvalidJson, 0),
        (b"\"abc", Reason::InvalidJson, 4),
    ] {
        assert_eq!(verdict(text), Err(fault(reason, at)), "{:?}", String::from_utf8_lossy(text));
    }
}

fn fault(reason: Reason, at: u32) -> Fault {
    let mut fault = verdict(b"").expect_err("nothing is not JSON");
    (fault.reason, fault.at) = (reason, at);
    fault
}

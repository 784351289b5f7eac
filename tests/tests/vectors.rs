//! The shared vectors, asked of the core and of a program; and what a program must bear.

mod shared;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::{Case, Program, cases};
use wswarden_core::conform::{OPS, answer};

fn all() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(cases);
    &ALL
}

#[test]
fn every_vector_is_answered_as_expected() {
    let cases = all();
    assert!(cases.len() > 300, "only {} cases were found", cases.len());
    let mut wrong = 0;
    for case in cases {
        let answer = answer(&case.question);
        if answer != case.expect {
            wrong += 1;
            eprintln!("{}: {}\n  expected {}\n  answered {}", case.file, case.name, case.expect, answer);
        }
    }
    assert_eq!(wrong, 0, "of {}", cases.len());
}

#[test]
fn the_program_answers_every_vector_as_the_core_does() {
    let mut program = Program::start();
    for case in all() {
        let line = program.ask(case.question.to_string().as_bytes());
        let said: Value = serde_json::from_str(&line).unwrap();
        if said.get("unsupported").is_none() {
            assert_eq!(said, case.expect, "{}: {}", case.file, case.name);
        }
        if std::env::var_os("WSWARDEN_CONFORM").is_none() {
            assert_eq!(line.trim_end(), answer(&case.question).to_string(), "{}: {}", case.file, case.name);
        }
    }
    program.end();
}

#[test]
fn names_tell_cases_apart() {
    let mut names: Vec<_> = all().iter().map(|case| (&case.file, &case.name)).collect();
    names.sort();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None);
}

/// Every op that the README lists is answered, and no other is.
#[test]
fn every_op_is_described_and_answered() {
    let readme = include_str!("../README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | `{"));
    let described: Vec<&str> = rows.map(|(op, _)| op).filter(|op| !op.starts_with('{')).collect();
    assert_eq!(described, OPS);
    let asked: BTreeSet<_> = all().iter().map(|case| case.question["op"].as_str().unwrap()).collect();
    let unasked: Vec<_> = OPS.iter().filter(|op| !asked.contains(*op)).collect();
    assert_eq!(unasked, [&"version"], "are in no vector");
    let mut program = Program::start();
    let version: Value = serde_json::from_str(&program.ask(br#"{"id":1,"op":"version"}"#)).unwrap();
    assert_eq!(version["id"], 1);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["language"].is_string());
    program.end();
}

thread_local! {
    /// One for all cases of a property, so that none may end it.
    static PROGRAM: RefCell<Program> = RefCell::new(Program::start());
}

fn ask(line: &[u8]) -> Value {
    PROGRAM.with_borrow_mut(|program| serde_json::from_str(&program.ask(line)).unwrap())
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,6}", inner), 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_line_that_is_no_question_gets_an_error(mut line in prop::collection::vec(any::<u8>(), 0..64)) {
        line.retain(|byte| *byte != b'\n');
        let said = ask(&line);
        prop_assert!(said["error"].is_string() && said["id"].is_null(), "{}", said);
    }

    #[test]
    fn json_that_is_no_question_gets_an_error(value in anything()) {
        prop_assert!(ask(value.to_string().as_bytes())["error"].is_string());
    }

    /// A question in which one value is another than it should be is answered, somehow.
    #[test]
    fn a_question_with_something_wrong_in_it_is_answered(
        at in any::<prop::sample::Index>(),
        value in anything(),
        place in any::<prop::sample::Index>(),
    ) {
        let mut question = all()[at.index(all().len())].question.clone();
        let mut places = Vec::new();
        pointers(&question, String::new(), &mut places);
        let place = &places[place.index(places.len())];
        *question.pointer_mut(place).unwrap() = value;
        question["id"] = json!("q");
        prop_assert_eq!(&ask(question.to_string().as_bytes())["id"], "q");
    }
}

/// The JSON Pointers of everything below a value.
fn pointers(value: &Value, place: String, found: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(all) => all.iter().map(|(name, one)| (name.replace('~', "~0").replace('/', "~1"), one)).collect(),
        Value::Array(all) => all.iter().enumerate().map(|(index, one)| (index.to_string(), one)).collect(),
        _ => Vec::new(),
    };
    for (name, one) in below {
        let place = format!("{place}/{name}");
        pointers(one, place.clone(), found);
        found.push(place);
    }
}

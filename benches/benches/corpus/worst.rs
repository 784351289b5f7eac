//! The worst known input of each loop, of a size to choose: twice the size may cost twice the steps, not four times.

use serde_json::{Value, json};

/// The names of the cases.
pub(crate) const NAMES: &[&str] = &[
    "keys",
    "escaped-keys",
    "spaces",
    "escapes",
    "code-points",
    "digits",
    "fraction",
    "nested",
    "late-type",
    "union",
    "pattern",
    "unique-strings",
    "unique-objects",
    "alike-objects",
    "alike-numbers",
    "contains",
    "many-objects",
    "email",
    "uri",
];

/// The schema and the message of a case.
pub(crate) fn case(name: &str, n: usize) -> Option<(Value, Vec<u8>)> {
    let list = |item: &dyn Fn(usize) -> String| (0..n).map(item).collect::<Vec<_>>().join(",");
    let any = json!(true);
    Some(match name {
        // The table of unknown keys holds 1,024 at most.
        "keys" => (any, format!("{{{}}}", list(&|at| format!("\"k{at}\":0"))).into_bytes()),
        "escaped-keys" => (any, format!("{{{}}}", list(&|at| format!("\"\\u006b{at}\":0"))).into_bytes()),
        "spaces" => (any, format!("[{}]", " \n\t\r".repeat(n)).into_bytes()),
        "escapes" => (any, format!("\"{}\"", "\\u00e9\\n".repeat(n)).into_bytes()),
        "code-points" => (json!({"maxLength": 10_000_000}), format!("\"{}\"", "é🚀a".repeat(n)).into_bytes()),
        "digits" => (json!({"multipleOf": 7}), "9".repeat(n).into_bytes()),
        "fraction" => (json!({"multipleOf": 0.01}), format!("1.{}", "9".repeat(n)).into_bytes()),
        "nested" => (any, format!("[{}]", list(&|_| format!("{}{}", "[".repeat(30), "]".repeat(30)))).into_bytes()),
        "late-type" => {
            let branch = |tag: &str| json!({"properties": {"type": {"const": tag}}, "required": ["type"]});
            let message = format!("{{\"list\":[{}],\"type\":\"b\"}}", list(&|at| at.to_string()));
            (json!({"type": "object", "oneOf": [branch("a"), branch("b")]}), message.into_bytes())
        }
        "union" => {
            let branch = |kind: &str| json!({"type": "array", "items": {"anyOf": [{"type": kind}, {"type": "object", "maxProperties": 1}]}});
            (
                json!({"anyOf": [branch("string"), branch("number")]}),
                format!("[{}]", list(&|at| format!("{{\"a\":{at}}}"))).into_bytes(),
            )
        }
        "pattern" => (json!({"pattern": "^(a+)+$"}), format!("\"{}!\"", "a".repeat(n)).into_bytes()),
        "unique-strings" => (
            json!({"items": {"type": "string"}, "uniqueItems": true}),
            format!("[{}]", list(&|at| format!("\"{at}\""))).into_bytes(),
        ),
        "unique-objects" => {
            (json!({"uniqueItems": true}), format!("[{}]", list(&|at| format!("{{\"a\":{at}}}"))).into_bytes())
        }
        // All have one nearest double.
        "alike-numbers" => (
            json!({"uniqueItems": true}),
            format!("[{}]", list(&|at| format!("[{}]", 10_000_000_000_000_000_000 + at as u64))).into_bytes(),
        ),
        // Eight that differ in their last member only; in every second the members stand the other way round.
        "alike-objects" => {
            let alike = |at: usize| {
                let mut members: Vec<String> = (0..n).map(|at| format!("\"k{at}\":0")).collect();
                if at % 2 == 1 {
                    members.reverse();
                }
                format!("{{{},\"last\":{at}}}", members.join(","))
            };
            let objects: Vec<String> = (0..8).map(alike).collect();
            (json!({"uniqueItems": true}), format!("[{}]", objects.join(",")).into_bytes())
        }
        "contains" => {
            (json!({"contains": {"const": "z"}}), format!("[{}]", list(&|_| "{\"a\":[1,2,3]}".into())).into_bytes())
        }
        "many-objects" => (any, format!("[{}]", list(&|_| "{\"a\":{\"b\":[]}}".into())).into_bytes()),
        "email" => (json!({"format": "email"}), format!("\"{}@{}\"", "a.".repeat(n), "b.".repeat(n)).into_bytes()),
        "uri" => (json!({"format": "uri"}), format!("\"https://a/{}\"", "%41/".repeat(n)).into_bytes()),
        _ => return None,
    })
}

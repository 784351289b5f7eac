//! Mutants of real messages and of the suite's instances: the same verdict as serde_json and jsonschema.
//!
//! 100,000 by default; `WSWARDEN_MUTANTS` says how many.

mod message_suites;

use serde_json::{Value, json};
use wswarden_core::Reason;
use wswarden_core::message::Scratch;
use wswarden_core::message::json::{Limits, check};
use wswarden_core::message::schema::{Machinery, Schema, SchemaOptions};

/// A generator of numbers that needs no seed from outside: a failure can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides.max(1)
    }
}

const PIECES: &[&str] = &[
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "0",
    "-1",
    "1.0",
    "1e2",
    "1.5",
    "1e400",
    "null",
    "true",
    "false",
    "\"a\"",
    "\"type\":",
    "\"é\"",
    "\\u0061",
    "\\ud83d\\ude80",
    "\\ud800",
    "\u{0}",
    "\n",
    "é",
    "🚀",
    "{\"a\":1}",
    "[1,\"1\"]",
    "9007199254740993",
    "\"id\"",
    "\"chat\"",
    "123456789012345678901",
];

/// Changes a few places of a message.
fn mutant(dice: &mut Dice, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(bytes.len() + 1);
        let end = (at + dice.roll(6)).min(bytes.len());
        match dice.roll(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.truncate(at),
            3 => {
                let from = dice.roll(bytes.len() + 1);
                let piece: Vec<u8> = bytes[from.min(end)..from.max(end)].iter().copied().take(60).collect();
                drop(bytes.splice(at..at, piece));
            }
            4 => drop(bytes.splice(at..end, PIECES[dice.roll(PIECES.len())].bytes())),
            _ => drop(bytes.splice(at..at, PIECES[dice.roll(PIECES.len())].bytes())),
        }
    }
    bytes
}

/// Whether a text is one that our rules refuse and serde_json does not: the reason tells which rule.
fn by_our_rule(reason: Reason) -> bool {
    matches!(reason, Reason::DuplicateKey | Reason::JsonLimit | Reason::ForbiddenKey)
}

struct Pair {
    schema: Value,
    ours: Schema,
    theirs: jsonschema::Validator,
    seeds: Vec<Vec<u8>>,
}

fn pair(schema: Value, seeds: Vec<Vec<u8>>) -> Pair {
    let options = SchemaOptions::default();
    let ours = Schema::compile(&schema, &options).expect("a schema");
    let theirs = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    Pair { schema, ours, theirs, seeds }
}

fn run(pairs: &[Pair], mutants: usize) {
    let mut dice = Dice(7);
    let mut scratch = Box::new(Scratch::new());
    let (mut valid, mut ruled) = (0_usize, 0_usize);
    for turn in 0..mutants {
        let pair = &pairs[turn % pairs.len()];
        let seed = &pair.seeds[dice.roll(pair.seeds.len())];
        let bytes = mutant(&mut dice, seed);
        let ours = pair.ours.is_valid(&bytes, &mut scratch);
        let theirs = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| pair.theirs.is_valid(&value));
        valid += usize::from(ours.is_ok());
        // Where a key stands twice, ours may have met another fault first: the text alone tells.
        let refused =
            || check(&bytes, &Limits::default(), &mut Scratch::new()).is_err_and(|fault| by_our_rule(fault.reason));
        match ours {
            Err(_) if theirs && refused() => ruled += 1,
            _ => assert_eq!(ours.is_ok(), theirs, "{ours:?} on {} by {}", String::from_utf8_lossy(&bytes), pair.schema),
        }
    }
    eprintln!("{mutants} mutants: {valid} valid, {ruled} refused by our rules alone, none unexplained");
    assert!(valid > mutants / 200, "too few are valid to tell anything");
}

fn mutants() -> usize {
    std::env::var("WSWARDEN_MUTANTS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

#[test]
fn mutants_of_messages_are_judged_as_others_judge_them() {
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let chat = json!({"type": "object", "properties": {"type": {"enum": ["chat", "typing", "ping"]}, "content": {"type": "string", "maxLength": 30, "minLength": 2}, "channelId": {"type": "string", "format": "uuid"}}, "required": ["type"], "additionalProperties": false});
    let union = json!({"type": "object", "required": ["type"], "oneOf": [
        {"properties": {"type": {"const": "a"}, "n": {"type": "integer", "minimum": -3, "maximum": 1000}}, "required": ["type", "n"], "additionalProperties": false},
        {"properties": {"type": {"enum": ["b", "c"]}, "list": {"type": "array", "items": {"type": ["number", "null"], "multipleOf": 0.5}, "minItems": 1, "maxItems": 4}}, "required": ["type"]},
        {"properties": {"type": {"const": "d"}, "sub": {"type": "object", "required": ["x"], "patternProperties": {"^x": {"type": "boolean"}}, "additionalProperties": {"type": "string"}}}, "required": ["type", "sub"]}
    ]});
    let free = json!({"anyOf": [
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "minProperties": 2},
        {"type": "array", "contains": {"type": "string"}, "items": {"not": {"type": "object"}}, "uniqueItems": true},
        {"type": "object", "if": {"required": ["k"]}, "then": {"properties": {"k": {"const": 1}}}, "else": {"maxProperties": 1}, "propertyNames": {"pattern": "^[a-z]+$"}}
    ]});
    let text = |value: Value| value.to_string().into_bytes();
    let pairs = [
        pair(
            chat,
            vec![
                text(json!({"type": "ping"})),
                text(json!({"type": "chat", "content": "Hey \"team\", né 🚀 ok", "channelId": id})),
                br#" { "channelId" : "3f2504e0-4f89-41d3-9a0c-0305e82c3301" , "t\u0079pe" : "chat" } "#.to_vec(),
            ],
        ),
        pair(
            union,
            vec![
                text(json!({"type": "a", "n": 12})),
                text(json!({"list": [1, 2.5, null, -0.5], "type": "c"})),
                text(json!({"sub": {"x": true, "xy": false, "other": "é"}, "type": "d", "more": [{"type": "a"}]})),
            ],
        ),
        pair(
            free,
            vec![
                text(json!({"a": 1, "b": {"c": [1, 2]}})),
                text(json!(["a", 1, 1.5, null, [1]])),
                text(json!({"k": 1, "other": true})),
                text(json!({"one": "é"})),
            ],
        ),
    ];
    run(&pairs, mutants());
}

#[test]
fn mutants_of_the_suite_are_judged_as_others_judge_them() {
    let Some(folder) = message_suites::folder("json-schema-test-suite/tests/draft2020-12", 1299) else { return };
    let mut pairs = Vec::new();
    for (file, bytes) in message_suites::files(&folder) {
        let groups: Vec<Value> = serde_json::from_slice(&bytes).expect("the suite's JSON");
        for group in groups {
            let mut options = SchemaOptions::default();
            (options.tolerate_unknown, options.assert_formats) = (true, false);
            options.machinery = Machinery::Fast;
            options.limits = Limits::dangerous_lax();
            options.limits.duplicates = wswarden_core::message::json::Duplicates::Refuse;
            let (Ok(ours), Ok(theirs)) = (
                Schema::compile(&group["schema"], &options),
                jsonschema::options().should_validate_formats(false).build(&group["schema"]),
            ) else {
                continue;
            };
            assert_eq!(ours.slow_places(), [], "{file}");
            let seeds = group["tests"]
                .as_array()
                .expect("tests")
                .iter()
                .map(|test| test["data"].to_string().into_bytes())
                .collect();
            pairs.push(Pair { schema: group["schema"].clone(), ours, theirs, seeds });
        }
    }
    assert!(pairs.len() > 200, "{}", pairs.len());
    run(&pairs, mutants());
}

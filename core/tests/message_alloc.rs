//! Judging a message allocates nothing: messages that are accepted, and those that are refused.
#![expect(unsafe_code, reason = "an allocator that counts can be written in no other way")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use serde_json::json;
use wswarden_core::message::{Messages, Scratch, Tape};
use wswarden_core::policy::{Message, MessageKind};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: it hands everything to the system's allocator, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + layout.size()));
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes that were asked for, freed or not.
fn bytes(work: impl FnOnce()) -> usize {
    let before = BYTES.with(Cell::get);
    work();
    BYTES.with(Cell::get) - before
}

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

fn messages() -> Messages {
    let rules: Message = serde_json::from_value(json!({"types": {
        "chat": {"schema": {
            "type": "object", "required": ["id", "text"], "additionalProperties": false,
            "properties": {
                "type": true, "id": {"type": "string", "format": "uuid"}, "text": {"type": "string", "maxLength": 100, "pattern": "^[a-zé ]+$"},
                "mail": {"format": "email"}, "at": {"format": "date-time"}, "link": {"format": "uri"}, "price": {"multipleOf": 0.01, "maximum": 1e6},
                "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true, "contains": {"const": "a"}},
                "who": {"anyOf": [{"type": "integer"}, {"type": "object", "required": ["name"], "maxProperties": 2}, {"type": "object", "maxProperties": 0}]},
                "open": {"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "propertyNames": {"maxLength": 9}}
            }
        }},
        "any": {"schema": true}
    }}))
    .expect("a message table");
    Messages::compile(&rules).expect("a policy")
}

#[test]
fn no_message_makes_the_engine_allocate() {
    let messages = messages();
    let mut scratch = Box::new(Scratch::new());
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let chat = |more: &str| format!(r#"{{"type":"chat","id":"{id}","text":"hello é"{more}}}"#);
    let many: String = (0..900).map(|key| format!(",\"key{key}\":[{key},{{\"a\":null}}]")).collect();
    let cases = [
        (chat(""), true),
        (
            chat(
                r#","mail":"a.b@example.com","at":"2026-11-23T12:00:00Z","link":"https://example.com/a?b#c","price":12.34"#,
            ),
            true,
        ),
        (chat(r#","tags":["a","b","c"],"who":{"name":1},"open":{"x1":1,"other":"1"}"#), true),
        (chat(r#","tags":["a","b","\u0061"]"#), false),
        (chat(r#","who":{"x":1}"#), false),
        (chat(r#","open":{"x1":"1"}"#), false),
        (chat(r#","mail":"nobody""#), false),
        (chat(r#","price":12.345"#), false),
        (chat(r#","extra":1"#), false),
        (chat(r#","t\u0065xt":"a""#), false),
        (format!("{{\"type\":\"any\"{many}}}"), true),
        (format!("{{\"type\":\"any\"{many},\"key7\":1}}"), false),
        (format!("{{\"type\":\"any\",\"deep\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)), false),
        ("{\"type\":\"no\"}".to_owned(), false),
        ("\u{feff}{}".to_owned(), false),
    ];
    for (text, accepted) in &cases {
        let mut judged = None;
        let count =
            allocations(|| judged = Some(messages.judge(MessageKind::Text, text.as_bytes(), &mut scratch).is_ok()));
        assert_eq!((judged, count), (Some(*accepted), 0), "{}", text.get(..150).unwrap_or(text));
    }
    let broken = [b"{\"type\":\"any\",\"a\":\"".as_slice(), &[0xff], b"\"}"].concat();
    assert_eq!(allocations(|| assert!(messages.judge(MessageKind::Text, &broken, &mut scratch).is_err())), 0);
}

#[test]
fn a_tape_that_has_grown_allocates_no_more() {
    let messages = messages();
    let (mut scratch, mut tape) = (Box::new(Scratch::new()), Tape::new());
    let text = r#"{"type":"any","list":[1,2,3,{"a":"b"}]}"#;
    let mut judge = || messages.judge_tape(MessageKind::Text, text.as_bytes(), &mut tape, &mut scratch).is_ok();
    assert!(allocations(|| assert!(judge())) > 0);
    assert_eq!(allocations(|| assert!(judge())), 0);
}

/// What one pass cannot decide takes memory, no more than four times the message and 4 KiB: also when a peer tries for more.
#[test]
fn a_tree_is_bounded_by_its_message() {
    let schemas = [
        json!({"type": "array", "items": true, "uniqueItems": true}),
        json!({"allOf": [{"type": "array"}, {"unevaluatedItems": {"not": {"type": "string", "const": "no"}}}]}),
        json!({"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": ["number", "string", "object", "boolean"]}],
            "unevaluatedProperties": false, "unevaluatedItems": true}),
        json!({"enum": [{"a": [1, 2]}, [1, 2, {"b": null}]]}),
    ];
    let many = |count: usize, item: &dyn Fn(usize) -> String| {
        format!("[{}]", (0..count).map(item).collect::<Vec<_>>().join(","))
    };
    let messages = [
        "[]".to_owned(),
        many(30_000, &|_| "1".to_owned()),
        many(30_000, &|nth| (nth % 10).to_string()),
        many(10_000, &|nth| nth.to_string()),
        many(9_000, &|nth| format!("[{nth}]")),
        many(9_000, &|nth| format!("{{\"a\":{nth}}}")),
        many(16_000, &|_| "{}".to_owned()),
        many(16_000, &|nth| if nth == 15_999 { "[]" } else { "{}" }.to_owned()),
        many(500, &|_| format!("[{}]", vec!["[]"; 40].join(","))),
        many(4_000, &|nth| format!("\"\\u00{:02x}{nth}\"", nth % 128)),
        format!("{}{}", "[".repeat(32), "]".repeat(32)),
        many(1_150, &|_| format!("{}{}", "[".repeat(28), "]".repeat(28))),
        format!("[\"{}\"]", ",[{".repeat(20_000)),
    ];
    let mut scratch = Box::new(Scratch::new());
    for schema in &schemas {
        let rules: Message = serde_json::from_value(json!({"schema": schema})).expect("a schema");
        let compiled = Messages::compile(&rules).expect("a policy");
        let judge = |message: &String, scratch: &mut Scratch| {
            let _ = compiled.judge(MessageKind::Text, message.as_bytes(), scratch);
        };
        judge(&messages[0], &mut scratch);
        for message in &messages {
            let used = bytes(|| judge(message, &mut scratch));
            let most = 4 * message.len() + 4096;
            assert!(used <= most, "{used} bytes of {most}: {schema} {:.60}", message);
        }
    }
}

//! The holes of other validators, each by its row in the list of threats.

mod message_suites;

use std::time::Instant;

use serde_json::{Value, json};
use wswarden_core::Reason;
use wswarden_core::message::schema::{Draft, Engine, Machinery, Schema, SchemaOptions};
use wswarden_core::message::{Fault, Scratch};

fn compile(schema: &Value) -> Schema {
    Schema::compile(schema, &SchemaOptions::default()).expect("a schema")
}

fn verdict(schema: &Value, message: &str) -> Result<(), Fault> {
    compile(schema).is_valid(message.as_bytes(), &mut Scratch::new())
}

#[test]
fn t76_patterns_run_in_linear_time_whatever_they_are() {
    let Some(folder) = message_suites::folder("redos-regexes/src/detect/test", 15) else { return };
    let mut compiled = 0;
    for kind in ["safe", "unsafe"] {
        for (file, bytes) in message_suites::files(&folder.join(kind)) {
            let case: Value = serde_json::from_slice(&bytes).expect("the suite's JSON");
            let Ok(schema) = Schema::compile(&json!({ "pattern": case["pattern"] }), &SchemaOptions::default()) else {
                continue; // what has no linear time is an error when the policy is built
            };
            compiled += 1;
            for unit in ["a", "x", "0", "ab", " ", "w", "aaaa!"] {
                let message = format!("\"{}!\"", unit.repeat(100_000 / unit.len()));
                let start = Instant::now();
                let _ = schema.is_valid(message.as_bytes(), &mut Scratch::new());
                assert!(start.elapsed().as_secs() < 2, "{file}: {}", case["pattern"]);
            }
        }
    }
    assert!(compiled >= 12, "{compiled}");
}

#[test]
fn t76_what_has_no_linear_time_is_an_error_not_a_pass() {
    for pattern in ["(?=a)b", "(?!a)b", "(?<=a)b", "(a)\\1", "[", "(", "a{99999}{99999}"] {
        let error = Schema::compile(&json!({"properties": {"x": {"pattern": pattern}}}), &SchemaOptions::default());
        let error = error.expect_err(pattern);
        assert!(error.place.contains("/properties/x"), "{error}");
    }
}

#[test]
fn t77_unions_within_unions_cost_a_budget_not_an_exponent() {
    let mut defs = serde_json::Map::new();
    for level in 0..20 {
        let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
        let branch = |least: u32| json!({"properties": {"a": next}, "minProperties": least});
        defs.insert(format!("l{level}"), json!({"anyOf": [branch(9), branch(8), branch(7)]}));
    }
    defs.insert("l20".into(), json!({"type": "integer"}));
    let schema = compile(&json!({"$ref": "#/$defs/l0", "$defs": defs}));
    let message = format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20));
    let start = Instant::now();
    let fault = schema.is_valid(message.as_bytes(), &mut Scratch::new()).expect_err("no branch holds");
    assert!(matches!(fault.reason, Reason::TooCostly | Reason::SchemaViolation), "{fault:?}");
    assert!(start.elapsed().as_millis() < 500);
}

fn on_a_tree() -> SchemaOptions {
    let mut options = SchemaOptions::default();
    options.machinery = Machinery::Full;
    options
}

/// What refers to what may multiply: `levels` times three, if nothing bounds it.
fn multiplying(levels: u32, below: &Value) -> Value {
    let mut defs = serde_json::Map::new();
    for level in 0..levels {
        let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
        let branch = |least: u32| json!({"properties": {"a": next}, "minProperties": least});
        defs.insert(format!("l{level}"), json!({"anyOf": [branch(9), branch(8), branch(7)]}));
    }
    defs.insert(format!("l{levels}"), below.clone());
    json!({"$ref": "#/$defs/l0", "$defs": defs})
}

#[test]
fn t77_a_schema_whose_cost_multiplies_on_a_tree_is_an_error() {
    let tree = on_a_tree();
    let error = Schema::compile(&multiplying(20, &json!(true)), &tree).expect_err("three to the power of twenty");
    assert!(error.problem.contains("65536 schemas"), "{error}");
    assert!(Schema::compile(&multiplying(6, &json!(true)), &tree).is_ok());
    // The same as a part of a schema that is run in one pass.
    let part = json!({"properties": {"x": {"allOf": [multiplying(20, &json!(true))], "unevaluatedProperties": false}}});
    let mut part = part;
    part["$defs"] = part["properties"]["x"]["allOf"][0]["$defs"].clone();
    assert!(Schema::compile(&part, &SchemaOptions::default()).is_err());
}

#[test]
fn t77_what_refers_to_itself_twice_costs_no_exponent_on_a_tree() {
    let tree = on_a_tree();
    let twice = |keyword: &str| {
        let branch = |name: &str| json!({"properties": {"a": {"$ref": "#"}}, "required": [name]});
        json!({keyword: [branch("x"), branch("y"), {"type": "integer"}]})
    };
    let node = json!({"$ref": "#/$defs/node", "$defs": {
        "node": {"anyOf": [{"$ref": "#/$defs/base"}, {"$ref": "#/$defs/more"}], "unevaluatedProperties": false},
        "base": {"properties": {"a": {"$ref": "#/$defs/node"}}, "minProperties": 2},
        "more": {"properties": {"a": {"$ref": "#/$defs/node"}, "b": true}, "minProperties": 3},
    }});
    let dynamic = json!({"$dynamicAnchor": "node", "anyOf": [
        {"properties": {"a": {"$dynamicRef": "#node"}}, "minProperties": 2},
        {"properties": {"a": {"$dynamicRef": "#node"}}, "minProperties": 3},
    ], "unevaluatedProperties": {"type": "integer"}});
    let recursive = json!({"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveAnchor": true, "anyOf": [
        {"properties": {"a": {"$recursiveRef": "#"}}, "minProperties": 2},
        {"properties": {"a": {"$recursiveRef": "#"}}, "minProperties": 3},
    ], "unevaluatedProperties": {"type": "integer"}});
    let message = format!("{}1{}", "{\"a\":".repeat(30), "}".repeat(30));
    for schema in [twice("anyOf"), twice("oneOf"), twice("allOf"), node, dynamic, recursive] {
        let compiled = Schema::compile(&schema, &tree).expect("a schema");
        let start = Instant::now();
        let fault = compiled.is_valid(message.as_bytes(), &mut Scratch::new()).expect_err("no branch holds");
        assert!(matches!(fault.reason, Reason::TooCostly | Reason::SchemaViolation), "{fault:?} {schema}");
        assert!(start.elapsed().as_millis() < 500, "{:?} {schema}", start.elapsed());
    }
}

/// A keyword that a draft does not have says nothing where such are tolerated, whatever judges.
#[test]
fn t80_keywords_of_other_drafts_say_nothing_where_they_are_tolerated() {
    let draft7 = "http://json-schema.org/draft-07/schema#";
    let draft4 = "http://json-schema.org/draft-04/schema#";
    for (schema, message) in [
        (json!({"$schema": draft7, "dependentRequired": {"a": ["b"]}}), r#"{"a":1}"#),
        (json!({"$schema": draft7, "dependentSchemas": {"a": {"required": ["b"]}}}), r#"{"a":1}"#),
        (json!({"$schema": draft7, "prefixItems": [{"type": "string"}]}), "[1]"),
        (json!({"$schema": draft7, "unevaluatedProperties": false}), r#"{"a":1}"#),
        (json!({"$schema": draft7, "contains": {"type": "string"}, "minContains": 2}), r#"["a"]"#),
        (json!({"$schema": draft4, "const": 1}), "2"),
        (json!({"$schema": draft4, "if": true, "then": false}), "2"),
        (json!({"$schema": draft4, "contains": {"type": "string"}}), "[1]"),
        (json!({"$schema": draft4, "propertyNames": {"maxLength": 1}}), r#"{"aa":1}"#),
    ] {
        for machinery in [Machinery::Auto, Machinery::Full] {
            let mut options = SchemaOptions::default();
            (options.machinery, options.tolerate_unknown) = (machinery, true);
            let compiled = Schema::compile(&schema, &options).expect("tolerated");
            assert_eq!(compiled.is_valid(message.as_bytes(), &mut Scratch::new()), Ok(()), "{schema} {machinery:?}");
        }
        assert!(Schema::compile(&schema, &SchemaOptions::default()).is_err(), "{schema}");
    }
}

/// What a schema makes of a message's values on trees is counted for all of them together.
#[test]
fn t77_many_small_trees_cost_no_more_than_one() {
    let branch = |nth: u32| json!({"properties": {"a": {"type": "integer"}}, "minProperties": nth.min(1) + 1});
    let costly = json!({"oneOf": (0..1000).map(branch).collect::<Vec<_>>(), "unevaluatedProperties": false});
    for options in [SchemaOptions::default(), on_a_tree()] {
        let schema = Schema::compile(&json!({"type": "array", "items": costly}), &options).expect("a schema");
        let judge = |count: usize| {
            let message = format!("[{}]", vec!["{\"a\":1}"; count].join(","));
            schema.is_valid(message.as_bytes(), &mut Scratch::new()).map_err(|fault| fault.reason)
        };
        assert_eq!(judge(10), Ok(()));
        assert_eq!(judge(8_000), Err(Reason::TooCostly));
    }
}

/// A fault that is told of where a value starts was found when all of it had been read.
#[test]
fn t77_what_fails_at_its_end_was_read_whole() {
    let patterns: Vec<Value> = (0..1000).map(|nth| json!({"type": "string", "pattern": format!("b{nth}$")})).collect();
    let lists: Vec<Value> =
        (0..1000).map(|nth| json!({"type": "array", "contains": {"const": nth}, "minContains": 2})).collect();
    let message = [format!("\"{}\"", "a".repeat(64_000)), format!("[{}]", vec!["true"; 12_800].join(","))];
    for (schema, message) in [json!({"anyOf": patterns}), json!({"anyOf": lists})].iter().zip(message) {
        let schema = compile(schema);
        assert_eq!(schema.engine(), Engine::Fast);
        let fault = schema.is_valid(message.as_bytes(), &mut Scratch::new()).expect_err("no branch holds");
        assert_eq!(fault.reason, Reason::TooCostly);
    }
}

#[test]
fn t77_names_that_need_each_other_are_counted() {
    let names: Vec<String> = (0..300).map(|nth| format!("name{nth:03}")).collect();
    let needs: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), json!(names))).collect();
    let schema = Schema::compile(&json!({"dependentRequired": needs}), &on_a_tree()).expect("a schema");
    let members: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), json!(1))).collect();
    let message = Value::from(members).to_string();
    let start = Instant::now();
    let fault = schema.is_valid(message.as_bytes(), &mut Scratch::new()).expect_err("ninety thousand searches");
    assert_eq!(fault.reason, Reason::TooCostly);
    assert!(start.elapsed().as_millis() < 1_000);
}

#[test]
fn t77_a_schema_of_a_thousand_names_takes_its_own_message_on_a_tree() {
    let names: Vec<String> = (0..1000).map(|nth| format!("name{nth}")).collect();
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!({"type": "integer"}))).collect();
    let schema = json!({"properties": properties, "required": names, "additionalProperties": false});
    let schema = Schema::compile(&schema, &on_a_tree()).expect("a schema");
    let message: serde_json::Map<String, Value> = names.iter().map(|name| (name.clone(), json!(1))).collect();
    assert_eq!(schema.is_valid(Value::from(message).to_string().as_bytes(), &mut Scratch::new()), Ok(()));
}

/// Schemas in each other, times the message's levels, take a part of the stack each.
#[test]
fn t77_schemas_in_each_other_times_levels_are_bounded() {
    let chain = |length: usize| {
        let mut defs = serde_json::Map::new();
        for nth in 0..length {
            let next = json!({"$ref": format!("#/$defs/l{}", nth + 1)});
            defs.insert(format!("l{nth}"), json!({"anyOf": [{"not": {"type": "array"}}, next]}));
        }
        defs.insert(format!("l{length}"), json!({"items": {"$ref": "#"}}));
        json!({"$ref": "#/$defs/l0", "$defs": defs})
    };
    let mut deep = on_a_tree();
    deep.limits.max_depth = 128;
    assert!(Schema::compile(&chain(100), &on_a_tree()).is_ok());
    let error = Schema::compile(&chain(100), &deep).expect_err("100 schemas at each of 128 levels");
    assert!(error.problem.contains("lower max_depth"), "{error}");
    let deepest = Schema::compile(&chain(30), &deep).expect("30 schemas at each of 128 levels");
    let message = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert_eq!(deepest.is_valid(message.as_bytes(), &mut Scratch::new()), Ok(()));
}

#[test]
fn t77_many_objects_that_must_differ_are_too_costly_or_compared_in_time() {
    let schema = compile(&json!({"type": "array", "uniqueItems": true}));
    let items: Vec<String> = (0..100_000).map(|at| format!("{{\"a\":{at}}}")).collect();
    let start = Instant::now();
    let _ = schema.is_valid(format!("[{}]", items.join(",")).as_bytes(), &mut Scratch::new());
    assert!(start.elapsed().as_millis() < 2_000);
    assert!(schema.is_valid(br#"[{"a":1,"b":2},{"b":2,"a":1.0}]"#, &mut Scratch::new()).is_err());
}

#[test]
fn t77_strings_that_must_differ_are_compared_however_many_there_are() {
    let schema = compile(&json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}));
    assert_eq!(schema.engine(), Engine::Fast);
    for count in [2, 9, 1000, 5000] {
        let items: Vec<String> = (0..count).map(|at| format!("\"item{at}\"")).collect();
        let mut scratch = Scratch::new();
        assert_eq!(schema.is_valid(format!("[{}]", items.join(",")).as_bytes(), &mut scratch), Ok(()), "{count}");
        assert!(
            schema.is_valid(format!("[{},\"item1\"]", items.join(",")).as_bytes(), &mut scratch).is_err(),
            "{count}"
        );
    }
}

#[test]
fn t77_references_in_circles_are_errors() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}),
        json!({"anyOf": [{"type": "string"}, {"$ref": "#"}]}),
        json!({"oneOf": [{"type": "string"}, {"not": {"$ref": "#"}}]}),
        json!({"if": {"$ref": "#"}, "then": {"type": "string"}}),
        json!({"dependentSchemas": {"a": {"$ref": "#"}}}),
        json!({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}}),
    ] {
        for options in [SchemaOptions::default(), on_a_tree()] {
            let error = Schema::compile(&schema, &options).expect_err("a circle");
            assert!(error.problem.contains("without a step into the message"), "{schema}: {error}");
        }
    }
    // A step into the message ends it sooner or later.
    let tree = json!({"anyOf": [{"items": {"$ref": "#"}}, {"properties": {"a": {"$ref": "#"}}}]});
    assert!(Schema::compile(&tree, &on_a_tree()).is_ok());
}

#[test]
fn t79_nothing_is_fetched() {
    for reference in
        ["http://127.0.0.1:1/schema", "https://example.com/schema.json#/x", "file:///etc/passwd", "other.json"]
    {
        let error = Schema::compile(&json!({"items": {"$ref": reference}}), &SchemaOptions::default());
        assert!(error.is_err(), "{reference}");
    }
    let mut options = SchemaOptions::default();
    options.remotes.insert("https://example.com/schema.json".into(), json!({"type": "string"}));
    let schema =
        Schema::compile(&json!({"items": {"$ref": "https://example.com/schema.json"}}), &options).expect("it is given");
    assert_eq!(schema.engine(), Engine::Fast);
    assert!(schema.is_valid(b"[\"a\",1]", &mut Scratch::new()).is_err());
}

#[test]
fn t80_what_is_not_known_is_an_error_that_names_the_place() {
    for (schema, place, word) in [
        (json!({"properties": {"x": {"maxLenght": 3}}}), "/properties/x", "did you mean \"maxLength\""),
        (json!({"items": {"type": "string", "format": "uuuid"}}), "/items/format", "did you mean \"uuid\""),
        (json!({"$schema": "http://json-schema.org/draft-03/schema#"}), "/$schema", "unknown draft"),
        (json!({"type": "strnig"}), "/type", "strnig"),
        (json!({"$schema": "http://json-schema.org/draft-04/schema#", "const": 1}), "", "draft 4"),
        (json!({"anyOf": [{"$ref": "#/$defs/none"}]}), "", "none"),
    ] {
        let error = Schema::compile(&schema, &SchemaOptions::default()).expect_err("an error");
        assert!(error.place.starts_with(place) && error.to_string().contains(word), "{error}");
    }
    let mut tolerant = SchemaOptions::default();
    tolerant.tolerate_unknown = true;
    assert!(Schema::compile(&json!({"maxLenght": 3, "format": "color"}), &tolerant).is_ok());
    assert!(Schema::compile(&json!({"x-owner": "chat", "title": "t"}), &SchemaOptions::default()).is_ok());
}

#[test]
fn t80_every_ocpp_schema_compiles_for_one_pass() {
    let Some(folder) = message_suites::folder("ocpp-schemas/v16", 78) else { return };
    let mut compiled = 0;
    for (file, bytes) in message_suites::files(&folder) {
        let schema: Value =
            serde_json::from_slice(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes)).expect("JSON");
        match Schema::compile(&schema, &SchemaOptions::default()) {
            Ok(schema) => {
                assert_eq!(schema.engine(), Engine::Fast, "{file}: {:?}", schema.slow_places());
                compiled += 1;
            }
            Err(error) => panic!("{file}: {error}"),
        }
    }
    assert_eq!(compiled, 78);
}

#[test]
fn t74_a_schema_that_contains_itself_is_bounded_by_the_depth() {
    let schema = compile(&json!({"type": "array", "items": {"$ref": "#"}}));
    for (depth, accepted) in [(32, true), (33, false), (1_000_000, false)] {
        let message = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(schema.is_valid(message.as_bytes(), &mut Scratch::new()).is_ok(), accepted, "{depth}");
    }
}

#[test]
fn t74_unions_at_every_level_fit_a_small_stack() {
    let node = json!({"anyOf": [{"type": "integer"}, {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}]});
    let union = json!({"oneOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["a"]}, {"maxProperties": 0}]});
    for schema in [node, union] {
        let message = format!("{}{{}}{}", "{\"a\":".repeat(31), "}".repeat(31));
        let schema = compile(&schema);
        let mut scratch = Box::new(Scratch::new());
        let thread = std::thread::Builder::new().stack_size(64 << 10);
        thread
            .spawn(move || schema.is_valid(message.as_bytes(), &mut scratch).is_ok())
            .expect("a thread")
            .join()
            .expect("no overflow");
    }
}

/// What the fast engine alone decides, draft by draft, where their keywords differ.
#[test]
fn drafts_differ_where_they_say_so() {
    let draft = |draft| {
        let mut options = SchemaOptions::default();
        (options.draft, options.machinery) = (Some(draft), Machinery::Auto);
        options
    };
    for (number, schema, message, accepted) in [
        (Draft::Draft4, json!({"minimum": 5, "exclusiveMinimum": true}), "5", false),
        (Draft::Draft4, json!({"minimum": 5, "exclusiveMinimum": false}), "5", true),
        (Draft::Draft4, json!({"maximum": 5, "exclusiveMaximum": true}), "4.9", true),
        (Draft::Draft4, json!({"maximum": 5, "exclusiveMaximum": true}), "5.0", false),
        (Draft::Draft6, json!({"exclusiveMinimum": 5}), "5", false),
        (Draft::Draft4, json!({"type": "integer"}), "1.0", false),
        (Draft::Draft4, json!({"type": "integer"}), "1e2", false),
        (Draft::Draft4, json!({"type": "integer"}), "1", true),
        (Draft::Draft6, json!({"type": "integer"}), "1.0", true),
        (Draft::Draft6, json!({"const": {"a": 1}}), "{\"a\":1.0}", true),
        (Draft::Draft6, json!({"contains": {"minimum": 3}}), "[1,2]", false),
        (Draft::Draft6, json!({"contains": {"minimum": 3}}), "[1,3]", true),
        (Draft::Draft6, json!({"propertyNames": {"maxLength": 2}}), "{\"abc\":1}", false),
        (Draft::Draft6, json!({"items": [{"type": "string"}], "additionalItems": false}), "[\"a\",1]", false),
        (
            Draft::Draft7,
            json!({"$ref": "#/definitions/a", "maxLength": 1, "definitions": {"a": {"type": "string"}}}),
            "\"ab\"",
            true,
        ),
        (
            Draft::Draft201909,
            json!({"$ref": "#/$defs/a", "maxLength": 1, "$defs": {"a": {"type": "string"}}}),
            "\"ab\"",
            false,
        ),
        (Draft::Draft201909, json!({"items": [{"type": "string"}], "additionalItems": false}), "[\"a\",1]", false),
        (Draft::Draft201909, json!({"contains": {"const": 1}, "maxContains": 1}), "[1,1]", false),
        (Draft::Draft201909, json!({"contains": {"const": 1}, "minContains": 0}), "[]", true),
        (Draft::Draft201909, json!({"dependentRequired": {"a": ["b"]}}), "{\"a\":1}", false),
        (
            Draft::Draft201909,
            json!({"$recursiveAnchor": true, "properties": {"a": {"$recursiveRef": "#"}}, "type": "object"}),
            "{\"a\":1}",
            false,
        ),
        (Draft::Draft7, json!({"dependencies": {"a": ["b"]}}), "{\"a\":1}", false),
        (
            Draft::Draft4,
            json!({"id": "http://x/", "definitions": {"a": {"id": "#a", "type": "null"}}, "items": {"$ref": "#a"}}),
            "[1]",
            false,
        ),
        (Draft::Draft7, json!({"if": {"const": 1}, "then": false, "else": {"type": "string"}}), "1", false),
        (Draft::Draft7, json!({"if": {"const": 1}, "then": false, "else": {"type": "string"}}), "\"a\"", true),
    ] {
        let schema_text = schema.to_string();
        let schema = Schema::compile(&schema, &draft(number)).unwrap_or_else(|error| panic!("{schema_text}: {error}"));
        let got = schema.is_valid(message.as_bytes(), &mut Scratch::new());
        assert_eq!(got.is_ok(), accepted, "{number:?} {schema_text} {message} by {:?}", schema.engine());
        let mut full = draft(number);
        full.machinery = Machinery::Full;
        let schema: Value = serde_json::from_str(&schema_text).expect("it was");
        let full = Schema::compile(&schema, &full).expect("a tree can do all");
        assert_eq!(
            full.is_valid(message.as_bytes(), &mut Scratch::new()).is_ok(),
            accepted,
            "{number:?} {schema_text} {message} by a tree"
        );
    }
}

#[test]
fn lengths_count_code_points() {
    let schema = json!({"type": "string", "maxLength": 3, "minLength": 3});
    for (message, accepted) in [
        ("\"abc\"", true),
        ("\"日本語\"", true),
        ("\"🚀🚀🚀\"", true),
        (r#""\ud83d\ude80ab""#, true),
        (r#""\u00e9é\n""#, true),
        ("\"🚀🚀\"", false),
        ("\"abcd\"", false),
    ] {
        assert_eq!(verdict(&schema, message).is_ok(), accepted, "{message}");
    }
}

//! Trees, beside `serde_json` and what the crate expects of a representation.

use jsonschema::json::{Array as _, Node as _, conformance};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Tree;
use super::json::{Item, Places};

fn with_tree<T>(text: &str, ask: impl FnOnce(Item<'_>) -> T) -> T {
    let tree = Tree::new(text, [1, 2], u64::MAX);
    assert_eq!(tree.entries.len(), Tree::count(text));
    ask(tree.root().expect("a value"))
}

#[test]
fn it_keeps_to_what_the_crate_expects_of_a_representation() {
    for text in [conformance::document().to_string(), format!("{:#}", conformance::document())] {
        with_tree(&text, |root| conformance::assert_conformance::<Places>(&root));
    }
}

#[test]
fn escapes_and_spaces_do_not_matter() {
    let text = " { \"\\u0061\\\"\" : [ 1 ,\t\"\\\\\" , {} , [ ] ] , \"b\\n\":\"é\\ud83d\\ude00\" }\n";
    let value: Value = serde_json::from_str(text).expect("JSON");
    with_tree(text, |root| {
        assert!(root.equals_value(&value));
        assert_eq!(root.to_value().as_ref(), &value);
        assert_eq!(
            root.as_object()
                .and_then(|root| jsonschema::json::Object::get(&root, &"a\"".to_owned()))
                .map(|found| found.to_value().into_owned()),
            Some(value["a\""].clone())
        );
    });
}

#[test]
fn items_are_equal_by_their_value() {
    for (text, unique) in [
        ("[]", true),
        ("[1]", true),
        ("[1,2,1.0]", false),
        ("[0,-0.0]", false),
        ("[10000000000000000000,1e19]", false),
        ("[10000000000000000001,1e19]", true),
        ("[-1,-1.0]", false),
        ("[18446744073709551616,18446744073709551617]", false),
        ("[0.5,5e-1]", false),
        ("[1,true,\"1\",null,[1],{\"1\":1}]", true),
        ("[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", false),
        ("[[1,2],[2,1]]", true),
        ("[\"a\",\"\\u0061\"]", false),
        ("[18446744073709551615,18446744073709551614,1e400,-1e400]", true),
    ] {
        with_tree(text, |root| assert_eq!(root.as_array().map(|array| array.is_unique()), Some(unique), "{text}"));
    }
}

#[test]
fn integers_with_one_nearest_double_are_not_compared_in_pairs() {
    for item in [|at: u64| at.to_string(), |at| format!("[1,{at}]"), |at| format!("{{\"a\":{at}}}")] {
        let text = (0..2_000).map(|at| item(10_000_000_000_000_000_000 + at)).collect::<Vec<_>>().join(",");
        let text = format!("[{text}]");
        let tree = Tree::new(&text, [1, 2], 100_000);
        assert_eq!(tree.root().and_then(|root| root.as_array()).map(|array| array.is_unique()), Some(true));
        assert!(tree.left() > 0, "{text:.60}");
    }
}

/// Of so many numbers some have one hash of 32 bits: with this seed more than are looked into at once.
#[test]
fn items_of_one_hash_need_not_be_equal() {
    let items = (0..400_000).map(|at| at.to_string()).collect::<Vec<_>>().join(",");
    let is_unique = |text: String| with_tree(&text, |root| root.as_array().map(|array| array.is_unique()));
    assert_eq!(is_unique(format!("[{items}]")), Some(true));
    for again in 0..12 {
        assert_eq!(is_unique(format!("[{items},{again}]")), Some(false), "{again}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3..9_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2.0..2.0_f64).prop_map(Value::from),
        "[a\"\\\\\n,é]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::btree_map("[ab\"\\\\]{0,2}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_tree_is_the_value_of_its_text(value in value(), other in value(), pretty: bool) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        with_tree(&text, |root| {
            prop_assert!(root.equals_value(&value));
            prop_assert_eq!(root.to_value().into_owned(), value.clone());
            prop_assert_eq!(root.equals_value(&other), value == other);
            Ok(())
        })?;
    }

    #[test]
    fn items_are_unique_as_the_crate_has_it(items in prop::collection::vec(value(), 0..40), twice in 0..40_usize) {
        let mut items = items;
        if let Some(item) = items.get(twice).cloned() {
            items.push(item);
        }
        let expected = jsonschema::json::unique::is_unique(&items);
        let text = Value::from(items).to_string();
        with_tree(&text, |root| {
            prop_assert_eq!(root.as_array().map(|array| array.is_unique()), Some(expected));
            Ok(())
        })?;
    }
}

//! A value that has been read, as a list of places in its text: what the `jsonschema` crate judges instead of a DOM.
//!
//! It takes four bytes for a value or key and eight for a container, of which each has two in its message (`1,`): with what
//! the crate notes for itself, no more than four times the text.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde_json::{Number, Value};

use super::decimal::Num;
use super::sip::Seed;
use super::{index, unescaped, unique};

/// A value and all that is in it, in the order in which they stand: keys before their values.
pub(crate) struct Tree<'a> {
    text: &'a str,
    seed: Seed,
    /// Where each value and key starts; for a container, also the number of the entry after all that is in it.
    entries: Vec<u32>,
}

impl<'a> Tree<'a> {
    /// The entries for a text that was read as JSON before.
    pub(super) fn count(text: &str) -> usize {
        let mut count = 0_usize;
        for_each_token(text, |_, token| {
            count = count.saturating_add(match token {
                b']' | b'}' => 0,
                b'[' | b'{' => 2,
                _ => 1,
            });
        });
        count
    }

    /// The tree of a text that was read as JSON before, of which `count` has told the entries.
    ///
    /// `seed` keys the hashes of items that must differ.
    pub(super) fn new(text: &'a str, count: usize, seed: Seed) -> Self {
        let mut entries = Vec::with_capacity(count);
        // While a container is open, its second entry is that of the one around it.
        let mut open = NONE;
        for_each_token(text, |start, token| match token {
            b']' | b'}' => {
                let after = small(entries.len());
                if let Some(entry) = entries.get_mut(index(open).saturating_add(1)) {
                    open = std::mem::replace(entry, after);
                }
            }
            b'[' | b'{' => {
                let opened = small(entries.len());
                entries.extend([small(start), std::mem::replace(&mut open, opened)]);
            }
            _ => entries.push(small(start)),
        });
        Self { text, seed, entries }
    }

    /// The value itself, if the text was one.
    pub(super) fn root(&self) -> Option<Item<'_>> {
        (!self.entries.is_empty()).then_some(Item::At(At { tree: self, at: 0 }))
    }
}

/// No entry.
const NONE: u32 = u32::MAX;

/// Tells where each scalar, key and bracket starts, and its first byte.
#[inline(always)]
fn for_each_token(text: &str, mut tell: impl FnMut(usize, u8)) {
    let bytes = text.as_bytes();
    let mut at = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':') {
            tell(at, byte);
        }
        at = at.saturating_add(length(bytes.get(at..).unwrap_or_default()));
    }
}

/// How many bytes the token at the front takes; a bracket, a separator or a space is one by itself.
#[inline(always)]
fn length(text: &[u8]) -> usize {
    match text {
        [b'"', rest @ ..] => closing(rest).saturating_add(2),
        [b'-' | b'0'..=b'9' | b'a'..=b'z', rest @ ..] => {
            let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}');
            rest.iter().position(ends).unwrap_or(rest.len()).saturating_add(1)
        }
        _ => 1,
    }
}

/// Where the quote stands that ends a string.
fn closing(text: &[u8]) -> usize {
    let mut at = 0_usize;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(found) = memchr::memchr2(b'"', b'\\', rest) else { return text.len() };
        at = at.saturating_add(found);
        if text.get(at) == Some(&b'"') {
            return at;
        }
        at = at.saturating_add(2);
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A place in a tree.
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    tree: &'a Tree<'a>,
    at: u32,
}

/// A value in a tree, or the name of a member as a value.
#[derive(Clone, Copy)]
pub(crate) enum Item<'a> {
    At(At<'a>),
    Name(&'a str),
}

impl<'a> At<'a> {
    /// The text from its first byte on.
    fn from(self) -> &'a str {
        let start = self.tree.entries.get(index(self.at)).copied().unwrap_or(NONE);
        self.tree.text.get(index(start)..).unwrap_or_default()
    }

    /// It tells what kind of value this is.
    pub(super) fn first_byte(self) -> u8 {
        self.from().as_bytes().first().copied().unwrap_or(b'n')
    }

    /// Whether there are others in it.
    fn is_container(self) -> bool {
        matches!(self.first_byte(), b'[' | b'{')
    }

    /// The number of the entry after it and all that is in it.
    fn after(self) -> u32 {
        let next = self.at.saturating_add(1);
        if self.is_container() { self.tree.entries.get(index(next)).copied().unwrap_or(0) } else { next }
    }

    pub(super) fn seed(self) -> Seed {
        self.tree.seed
    }

    /// How a scalar is written; a string without its quotes.
    pub(super) fn written(self) -> &'a str {
        let text = self.from();
        let text = text.get(..length(text.as_bytes())).unwrap_or_default();
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
    }

    /// What a string stands for.
    pub(super) fn string(self) -> Cow<'a, str> {
        let written = self.written();
        if memchr::memchr(b'\\', written.as_bytes()).is_none() {
            return Cow::Borrowed(written);
        }
        let bytes = unescaped(written.as_bytes(), true).into_owned();
        Cow::Owned(
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        )
    }

    /// Whether a key stands for a name. Escapes only make it longer.
    pub(super) fn is_key(self, name: &str) -> bool {
        let written = self.written();
        match written.len().cmp(&name.len()) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => written == name && !name.contains('\\'),
            std::cmp::Ordering::Greater => written.contains('\\') && self.string() == name,
        }
    }

    /// The value of a number.
    pub(super) fn number(self) -> Num {
        Num::read(self.written().as_bytes())
    }

    /// What stands directly in a container, keys among it; nothing in a scalar.
    pub(super) fn children(self) -> Children<'a> {
        let end = if self.is_container() { self.after() } else { 0 };
        Children { tree: self.tree, at: self.at.saturating_add(2), end }
    }

    /// How it is written, with all that is in it.
    fn whole(self) -> &'a str {
        let text = self.from();
        let mut depth = 0_usize;
        let mut at = 0_usize;
        loop {
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            match rest.first() {
                Some(b'[' | b'{') => depth = depth.saturating_add(1),
                Some(b']' | b'}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            at = at.saturating_add(length(rest));
            if depth == 0 || rest.is_empty() {
                return text.get(..at).unwrap_or(text);
            }
        }
    }
}

/// Goes from one to the next of what stands directly in a container.
#[derive(Clone)]
pub(crate) struct Children<'a> {
    tree: &'a Tree<'a>,
    at: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = At<'a>;

    fn next(&mut self) -> Option<At<'a>> {
        let child = At { tree: self.tree, at: self.at };
        (self.at < self.end).then(|| {
            self.at = child.after();
            child
        })
    }
}

/// The members of an object.
pub(crate) struct Members<'a>(Children<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Item<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?;
        Some((key.string(), Item::At(self.0.next()?)))
    }
}

/// The items of an array.
pub(crate) struct Items<'a>(Children<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Item::At)
    }
}

/// The representation, as the `jsonschema` crate names it.
pub(crate) struct Places;

impl Json for Places {
    type Node<'a> = Item<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    // A lookup goes through the members.
    const KEYS_PER_LOOKUP: usize = 2;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Item<'_>) -> T) -> T {
        f(Item::Name(string))
    }
}

impl<'a> Node<'a, Places> for Item<'a> {
    type Object = At<'a>;
    type Array = At<'a>;
    type Number = Number;

    fn as_object(&self) -> Option<At<'a>> {
        self.at().filter(|at| at.first_byte() == b'{')
    }

    fn as_array(&self) -> Option<At<'a>> {
        self.at().filter(|at| at.first_byte() == b'[')
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Name(name) => Some(Cow::Borrowed(name)),
            Self::At(at) => (at.first_byte() == b'"').then(|| at.string()),
        }
    }

    fn as_number(&self) -> Option<Number> {
        self.number().map(|number| match number {
            Num::Int(int) => {
                u64::try_from(int).map_or_else(|_| Number::from(i64::try_from(int).unwrap_or(i64::MIN)), Number::from)
            }
            // Beyond every double is above what any schema can bound.
            Num::Float(float) => Number::from_f64(float.clamp(f64::MIN, f64::MAX)).unwrap_or_else(|| Number::from(0)),
        })
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.at()?.first_byte() {
            b't' => Some(true),
            b'f' => Some(false),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.json_type() == JsonType::Null
    }

    fn is_number(&self) -> bool {
        self.json_type() == JsonType::Number
    }

    fn json_type(&self) -> JsonType {
        let Self::At(at) = self else { return JsonType::String };
        match at.first_byte() {
            b'{' => JsonType::Object,
            b'[' => JsonType::Array,
            b'"' => JsonType::String,
            b't' | b'f' => JsonType::Boolean,
            b'n' => JsonType::Null,
            _ => JsonType::Number,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match expected {
            Value::Null => self.is_null(),
            Value::Bool(expected) => self.as_boolean() == Some(*expected),
            Value::String(expected) => self.as_string().is_some_and(|string| string == expected.as_str()),
            Value::Number(expected) => {
                self.number().is_some_and(|number| number.compare(Num::of(expected)).is_some_and(|order| order.is_eq()))
            }
            Value::Array(expected) => self.as_array().is_some_and(|array| {
                let mut expected = expected.iter();
                array.elements().all(|item| expected.next().is_some_and(|expected| item.equals_value(expected)))
                    && expected.next().is_none()
            }),
            Value::Object(expected) => self.as_object().is_some_and(|object| {
                Object::len(&object) == expected.len()
                    && object.members().all(|(name, value)| {
                        expected.get(name.as_ref()).is_some_and(|expected| value.equals_value(expected))
                    })
            }),
        }
    }

    // Only what tells of errors and annotations asks for it: never a verdict.
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(match self {
            Self::Name(name) => Value::from(*name),
            Self::At(at) => serde_json::from_str(at.whole()).unwrap_or_default(),
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(match self {
            Self::Name(name) => NodeIdentity::tagged(name.as_ptr().addr(), u32::MAX),
            Self::At(at) => NodeIdentity::tagged(std::ptr::from_ref(at.tree).addr(), at.at),
        })
    }
}

impl<'a> Item<'a> {
    fn at(self) -> Option<At<'a>> {
        if let Self::At(at) = self { Some(at) } else { None }
    }

    fn number(self) -> Option<Num> {
        self.at().filter(|_| self.is_number()).map(At::number)
    }
}

impl<'a> Object<'a, Places> for At<'a> {
    type Node = Item<'a>;
    type MemberName = Cow<'a, str>;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.children().count() / 2
    }

    fn is_empty(&self) -> bool {
        self.children().next().is_none()
    }

    // The last of a name counts, as in a map, where names may repeat at all.
    fn get(&self, key: &String) -> Option<Item<'a>> {
        let mut children = self.children();
        let mut found = None;
        while let (Some(name), Some(value)) = (children.next(), children.next()) {
            if name.is_key(key) {
                found = Some(Item::At(value));
            }
        }
        found
    }

    fn members(&self) -> Members<'a> {
        Members(self.children())
    }
}

impl<'a> Array<'a, Places> for At<'a> {
    type Node = Item<'a>;
    type ElementsIter = Items<'a>;

    fn len(&self) -> usize {
        self.children().count()
    }

    fn elements(&self) -> Items<'a> {
        Items(self.children())
    }

    fn is_unique(&self) -> bool {
        unique::is_unique(*self)
    }
}

#[cfg(test)]
mod tests {
    use jsonschema::json::{Array as _, Node as _, conformance};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Item, Places, Tree};

    fn with_tree<T>(text: &str, ask: impl FnOnce(Item<'_>) -> T) -> T {
        let tree = Tree::new(text, Tree::count(text), [1, 2]);
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
            ("[1,true,\"1\",null,[1],{\"1\":1}]", true),
            ("[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", false),
            ("[[1,2],[2,1]]", true),
            ("[\"a\",\"\\u0061\"]", false),
            ("[18446744073709551615,18446744073709551614,1e400,-1e400]", true),
        ] {
            with_tree(text, |root| assert_eq!(root.as_array().map(|array| array.is_unique()), Some(unique), "{text}"));
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
}

//! A tree as the `jsonschema` crate wants to see JSON.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde_json::{Number, Value};

use super::super::decimal::Num;
use super::{At, Children, Tree, unique};

/// A value in a tree, or the name of a member as a value.
#[derive(Clone, Copy)]
pub(crate) enum Item<'a> {
    At(At<'a>),
    Name(&'a str),
}

impl Tree<'_> {
    /// The value itself, if the text was one.
    pub(in super::super) fn root(&self) -> Option<Item<'_>> {
        (!self.entries.is_empty()).then_some(Item::At(At { tree: self, at: 0 }))
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

    // The crate keeps a verdict for each container that has one of these and is met again. A peer could send so many that
    // they take more memory than the message; without, who comes back to them often runs out of looks.
    fn container_identity(&self) -> Option<NodeIdentity> {
        let container = self.at().filter(|at| matches!(at.first_byte(), b'[' | b'{'))?;
        container.tree.remembers().then(|| self.identity()).flatten()
    }

    fn identity(&self) -> Option<NodeIdentity> {
        // Who comes back to a value without a look at it is counted, too.
        if let Self::At(at) = self {
            at.tree.looks(0);
        }
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

    fn get(&self, key: &String) -> Option<Item<'a>> {
        self.member(key).map(Item::At)
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

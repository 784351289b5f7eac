//! Step 4 of the document: what a message may be.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de};
use serde_json::Value;

use crate::policy::units::{Size, Span};

/// Step 4: what a message may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Message {
    /// The kinds accepted.
    pub kinds: Vec<MessageKind>,
    /// The largest message, in bytes, all fragments together.
    pub max_bytes: Size,
    /// The most fragments in a message.
    pub max_fragments: u32,
    /// Where the message's type stands: a member's name, or a place in an array.
    pub discriminator: Discriminator,
    /// What a message of an unknown type means.
    pub unknown_type: UnknownType,
    /// What an invalid message leads to.
    pub on_invalid: OnFault,
    /// How many invalid messages are borne before the connection is closed.
    pub errors: ErrorBudget,
    /// What JSON may be, whatever the schema says.
    pub json: JsonRules,
    /// One schema for every message: a JSON Schema, or `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The message types, by name.
    pub types: BTreeMap<Box<str>, MessageType>,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            kinds: vec![MessageKind::Text],
            max_bytes: Size::from_kib(64),
            max_fragments: 64,
            discriminator: Discriminator::default(),
            unknown_type: UnknownType::Refuse,
            on_invalid: OnFault::Reply,
            errors: ErrorBudget::default(),
            json: JsonRules::default(),
            schema: None,
            types: BTreeMap::new(),
        }
    }
}

/// The kind of a message (RFC 6455 section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// Where a message's type stands.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Discriminator {
    /// In this member of an object.
    Member(Box<str>),
    /// At this place of an array, counted from 0.
    Index(u32),
}

impl Default for Discriminator {
    fn default() -> Self {
        Self::Member("type".into())
    }
}

/// Written out, because a derived one would not say what would be right.
impl<'de> Deserialize<'de> for Discriminator {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;
        impl de::Visitor<'_> for Place {
            type Value = Discriminator;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name, or a place in an array counted from 0")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Discriminator, E> {
                Ok(Discriminator::Member(name.into()))
            }

            fn visit_u64<E: de::Error>(self, place: u64) -> Result<Discriminator, E> {
                let unexpected = de::Unexpected::Unsigned(place);
                u32::try_from(place).map(Discriminator::Index).map_err(|_| E::invalid_value(unexpected, &self))
            }
        }
        deserializer.deserialize_any(Place)
    }
}

/// What a message of an unknown type means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownType {
    /// It is invalid.
    #[default]
    Refuse,
    /// It is delivered, checked as JSON only.
    DangerousDeliver,
}

/// What the peer sees of a message that is not delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFault {
    /// An error reply.
    #[default]
    Reply,
    /// Nothing.
    Drop,
    /// The connection closes.
    Close,
}

/// How many faults are borne before the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorBudget {
    /// So many faults are borne.
    pub limit: u32,
    /// In this time.
    pub per: Span,
}

impl Default for ErrorBudget {
    fn default() -> Self {
        Self { limit: 5, per: Span::from_secs(60) }
    }
}

/// What JSON may be, whatever the schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JsonRules {
    /// How deep arrays and objects may stand in each other.
    pub max_depth: u32,
    /// The most members of one object.
    pub max_members: u32,
    /// The most digits of one number.
    pub max_digits: u32,
    /// What the same key twice in one object means.
    pub duplicate_keys: DuplicateKeys,
}

impl Default for JsonRules {
    fn default() -> Self {
        Self { max_depth: 32, max_members: 1024, max_digits: 64, duplicate_keys: DuplicateKeys::Refuse }
    }
}

/// What the same key twice in one object means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateKeys {
    /// The message is invalid.
    #[default]
    Refuse,
    /// Not looked for: two parsers may read two different messages (CVE-2017-12635).
    DangerousAllow,
}

/// One type of message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MessageType {
    /// A JSON Schema, or `file:PATH`.
    pub schema: Value,
    /// How many messages it counts as.
    pub cost: u32,
    /// The scopes of which the sender must have all; an empty list means that everybody may send it.
    /// When any type names scopes, nobody may send those that say nothing.
    pub scopes: Option<Vec<Box<str>>>,
    /// The kinds accepted; the policy's when empty.
    pub kinds: Vec<MessageKind>,
}

impl Default for MessageType {
    fn default() -> Self {
        Self { schema: Value::Bool(true), cost: 1, scopes: None, kinds: Vec::new() }
    }
}

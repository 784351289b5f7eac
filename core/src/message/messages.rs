//! The messages a policy accepts: one schema, or one for each type.

use std::borrow::Cow;

use super::explain;
use super::fault::{Explanation, Fault};
use super::json::{Duplicates, Limits};
use super::machine::{
    ANY_NODE, ArrayRule, Choice, Extra, Level, Literals, NEVER, Names, Node, ObjectRule, Otherwise, Program, RareArray,
    RareObject, StringKind, StringRule, UNTYPED, add, judge,
};
use super::schema::{Engine, SchemaOptions, SlowPlace, compile_into};
use super::scratch::{MAX_DEPTH, Scratch};
use super::tape::{Nobody, Sink, Tape};
use crate::Reason;
use crate::policy::{self, Discriminator, DuplicateKeys, MessageKind, PolicyError, UnknownType};

/// The number of a message's type within its policy, in 14 bits: what a verdict carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeIndex(u16);

impl TypeIndex {
    /// A message without a type: the policy names none, or delivers those of unknown types.
    pub const UNTYPED: Self = Self(0);
    /// A message that carries a credential: it goes to `authenticate`, never to the application.
    pub const AUTH: Self = Self(0x3fff);

    /// The number, as bits 16 to 29 of a verdict carry it.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The type with this number; none for one of more than 14 bits. Whether a policy has it is found
    /// out when it is used.
    pub const fn from_number(number: u16) -> Option<Self> {
        if number <= Self::AUTH.0 { Some(Self(number)) } else { None }
    }
}

/// The messages a policy accepts, compiled.
#[derive(Debug)]
pub struct Messages {
    program: Program,
    root: u32,
    limits: Limits,
    level: Level,
    kinds: Kinds,
    /// The types, by number; the first is that of messages without one.
    types: Vec<Type>,
    /// The type for each value of the discriminator.
    by_value: Vec<TypeIndex>,
    /// The types of messages that carry a credential, and the member it stands in.
    auth: Vec<(Box<str>, Box<str>)>,
    discriminator: Discriminator,
    /// Whether some type names scopes: those that say nothing are then nobody's.
    scoped: bool,
    engine: Engine,
}

#[derive(Debug)]
struct Type {
    name: Option<Box<str>>,
    cost: u32,
    /// None: it says nothing.
    scopes: Option<Vec<Box<str>>>,
    kinds: Kinds,
    slow: Vec<SlowPlace>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds {
    text: bool,
    binary: bool,
}

impl Kinds {
    fn of(kinds: &[MessageKind]) -> Self {
        Self { text: kinds.contains(&MessageKind::Text), binary: kinds.contains(&MessageKind::Binary) }
    }

    fn allow(self, kind: MessageKind) -> bool {
        match kind {
            MessageKind::Text => self.text,
            MessageKind::Binary => self.binary,
        }
    }
}

impl Messages {
    /// Compiles the rules for messages.
    ///
    /// # Errors
    ///
    /// The first thing in them that cannot be, by its place: `types.chat.schema: at /properties/x: ...`.
    pub fn compile(rules: &policy::Message) -> Result<Self, PolicyError> {
        Self::compile_with_auth(rules, &[])
    }

    /// As [`Self::compile`], with types of messages that carry a credential: `(type, member)`.
    ///
    /// Such a message is judged as a JSON object whose member is a string, and gets [`TypeIndex::AUTH`].
    ///
    /// # Errors
    ///
    /// As [`Self::compile`].
    pub fn compile_with_auth(rules: &policy::Message, auth: &[(&str, &str)]) -> Result<Self, PolicyError> {
        let limits = limits(&rules.json)?;
        let mut all = Self {
            program: Program::new(),
            root: ANY_NODE,
            limits,
            level: Level::widest(),
            kinds: Kinds::of(&rules.kinds),
            types: vec![Type { name: None, cost: 1, scopes: None, kinds: Kinds::of(&rules.kinds), slow: Vec::new() }],
            by_value: Vec::new(),
            auth: auth.iter().map(|(name, member)| ((*name).into(), (*member).into())).collect(),
            discriminator: rules.discriminator.clone(),
            scoped: rules.types.values().flat_map(|one| &one.scopes).any(|scopes| !scopes.is_empty()),
            engine: Engine::Fast,
        };
        if rules.schema.is_some() && !rules.types.is_empty() {
            return Err(PolicyError::new(
                "schema",
                "there is one schema for all messages, or one for each type: not both",
            ));
        }
        if let Some(schema) = &rules.schema {
            let (root, slow) = all.schema(schema, "schema")?;
            all.root = root;
            if let Some(untyped) = all.types.first_mut() {
                untyped.slow = slow;
            }
        }
        if !rules.types.is_empty() || !auth.is_empty() {
            all.add_types(rules)?;
        }
        all.program.limit_members(limits.max_members);
        for kind in all.types.iter().map(|one| one.kinds) {
            all.kinds = Kinds { text: all.kinds.text || kind.text, binary: all.kinds.binary || kind.binary };
        }
        Ok(all)
    }

    /// Judges a message: its kind, UTF-8, JSON and schema, in one pass over the bytes.
    ///
    /// # Errors
    ///
    /// The first fault, in the order of the bytes.
    #[inline]
    pub fn judge(&self, kind: MessageKind, bytes: &[u8], scratch: &mut Scratch) -> Result<TypeIndex, Fault> {
        self.run(kind, bytes, scratch, &mut Nobody)
    }

    /// As [`Self::judge`], and lists the values on `tape` in the same pass.
    ///
    /// # Errors
    ///
    /// The first fault, in the order of the bytes.
    pub fn judge_tape(
        &self,
        kind: MessageKind,
        bytes: &[u8],
        tape: &mut Tape,
        scratch: &mut Scratch,
    ) -> Result<TypeIndex, Fault> {
        tape.clear();
        self.run(kind, bytes, scratch, tape)
    }

    /// Says in words why [`Self::judge`] refuses a message; none if it does not.
    ///
    /// It judges the message again and allocates: for the one who asks, not for each message.
    pub fn explain(&self, kind: MessageKind, bytes: &[u8], scratch: &mut Scratch) -> Option<Explanation> {
        let mut tape = Tape::new();
        let fault = self.judge_tape(kind, bytes, &mut tape, scratch).err()?;
        Some(explain::explain(&self.program, fault, bytes, &tape, scratch.place))
    }

    /// The credential in a message that [`Self::judge`] gave [`TypeIndex::AUTH`], unescaped.
    pub fn auth_token<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        let Discriminator::Member(tag) = &self.discriminator else { return None };
        let mut tape = Tape::new();
        let mut scratch = Box::new(Scratch::new());
        judge(&self.program, ANY_NODE, &self.limits, self.level, bytes, &mut scratch, &mut tape).ok()?;
        let name = explain::member(&tape, bytes, tag)?;
        let (_, member) = self.auth.iter().find(|(known, _)| known.as_bytes() == &*name)?;
        match explain::member(&tape, bytes, member)? {
            Cow::Borrowed(token) => std::str::from_utf8(token).ok().map(Cow::Borrowed),
            Cow::Owned(token) => String::from_utf8(token).ok().map(Cow::Owned),
        }
    }

    /// The name of a type.
    pub fn type_name(&self, index: TypeIndex) -> Option<&str> {
        self.of(index)?.name.as_deref()
    }

    /// How many messages one of this type counts as.
    pub fn cost(&self, index: TypeIndex) -> u32 {
        self.of(index).map_or(1, |one| one.cost)
    }

    /// The scopes of which the sender of this type must have all, as far as it names any.
    pub fn scopes(&self, index: TypeIndex) -> &[Box<str>] {
        self.of(index).and_then(|one| one.scopes.as_deref()).unwrap_or_default()
    }

    /// Whether somebody who has the scopes for which `has_scope` is true may send this type. Once any
    /// type names scopes, those that say nothing are refused: a forgotten line locks out, not in.
    pub fn permits(&self, index: TypeIndex, has_scope: impl Fn(&str) -> bool) -> bool {
        match self.of(index).and_then(|one| one.scopes.as_deref()) {
            Some(scopes) => scopes.iter().all(|scope| has_scope(scope)),
            None => !self.scoped,
        }
    }

    /// Whether all schemas are decided in one pass.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The places that one pass cannot decide, by type.
    pub fn slow_places(&self) -> impl Iterator<Item = (Option<&str>, &SlowPlace)> {
        self.types.iter().flat_map(|one| one.slow.iter().map(|place| (one.name.as_deref(), place)))
    }

    #[inline(always)]
    fn run<S: Sink>(
        &self,
        kind: MessageKind,
        bytes: &[u8],
        scratch: &mut Scratch,
        sink: &mut S,
    ) -> Result<TypeIndex, Fault> {
        if !self.kinds.allow(kind) {
            return Err(Fault::new(Reason::WrongFrameType, 0));
        }
        let choice = judge(&self.program, self.root, &self.limits, self.level, bytes, scratch, sink)?;
        let index = match usize::try_from(choice).ok().and_then(|choice| choice.checked_sub(1)) {
            Some(value) => self.by_value.get(value).copied().unwrap_or(TypeIndex::UNTYPED),
            None => TypeIndex::UNTYPED,
        };
        if self.of(index).is_some_and(|one| !one.kinds.allow(kind)) {
            return Err(Fault::new(Reason::WrongFrameType, 0));
        }
        Ok(index)
    }

    #[inline(always)]
    fn of(&self, index: TypeIndex) -> Option<&Type> {
        self.types.get(usize::from(index.0))
    }

    fn schema(&mut self, schema: &serde_json::Value, place: &str) -> Result<(u32, Vec<SlowPlace>), PolicyError> {
        let options = SchemaOptions { limits: self.limits, ..SchemaOptions::default() };
        let first = self.engine;
        let compiled = compile_into(&mut self.program, schema, &options)
            .map_err(|error| PolicyError::new(place, error.to_string()))?;
        self.engine = match (first, compiled.engine) {
            (Engine::Fast, engine) if self.types.len() <= 1 => engine,
            (a, b) if a == b => a,
            _ => Engine::Mixed,
        };
        Ok((compiled.node, compiled.slow))
    }

    /// Makes the root a choice by the discriminator.
    fn add_types(&mut self, rules: &policy::Message) -> Result<(), PolicyError> {
        let by_member = matches!(self.discriminator, Discriminator::Member(_));
        if rules.types.len() >= usize::from(TypeIndex::AUTH.0) {
            return Err(PolicyError::new("types", "there can be at most 16,382 types of messages"));
        }
        let mut values: Vec<(String, u32)> = Vec::new();
        for (name, one) in &rules.types {
            if self.auth.iter().any(|(auth, _)| auth == name) {
                continue; // its messages never reach the application
            }
            let (node, slow) = self.schema(&one.schema, &format!("types.{name}.schema"))?;
            let kinds = if one.kinds.is_empty() { Kinds::of(&rules.kinds) } else { Kinds::of(&one.kinds) };
            let node = self.program.nodes.get(usize::try_from(node).unwrap_or(0)).copied().unwrap_or(Node::NEVER);
            values.push((name.to_string(), if by_member { node.object } else { node.array }));
            self.by_value.push(TypeIndex(u16::try_from(self.types.len()).unwrap_or(0)));
            self.types.push(Type { name: Some(name.clone()), cost: one.cost, scopes: one.scopes.clone(), kinds, slow });
        }
        if !by_member && !self.auth.is_empty() {
            return Err(PolicyError::new(
                "discriminator",
                "a message that carries a credential is known by a member's name",
            ));
        }
        for (name, member) in self.auth.clone() {
            let string =
                add(&mut self.program.strings, StringRule { kind: StringKind::Length(1, usize::MAX), place: 0 });
            let node = Node { string, ..Node::NEVER };
            let node = add(&mut self.program.nodes, node);
            let names = Names::members(&[(&member, node)]);
            let rule = ObjectRule { names, required: 1, ..object(Extra::Node(ANY_NODE), None) };
            values.push((name.to_string(), add(&mut self.program.objects, rule)));
            self.by_value.push(TypeIndex::AUTH);
        }
        let root = self.program.nodes.get(usize::try_from(self.root).unwrap_or(0)).copied().unwrap_or(Node::NEVER);
        let untyped = rules.types.is_empty() || rules.unknown_type == UnknownType::DangerousDeliver;
        let values: Vec<(&str, u32)> = values.iter().map(|(name, rule)| (name.as_str(), *rule)).collect();
        let values = Names::values(&values);
        let otherwise = |rule| if untyped { Otherwise::Rule(rule) } else { Otherwise::UnknownType };
        let mut node =
            if untyped { root } else { Node { literals: Literals::default(), place: UNTYPED, ..Node::NEVER } };
        match &self.discriminator {
            Discriminator::Member(member) => {
                let choice = Choice { tag: Names::members(&[(member, 0)]), values, otherwise: otherwise(root.object) };
                let rare = RareObject { choice: Some(choice), ..RareObject::default() };
                node.object = add(&mut self.program.objects, object(Extra::Refused, Some(Box::new(rare))));
            }
            Discriminator::Index(place) => {
                let rare = RareArray { choice: Some((*place, values, otherwise(root.array))), ..RareArray::default() };
                let rule = ArrayRule {
                    first: Box::default(),
                    rest: NEVER,
                    least: 0,
                    most: u32::MAX,
                    rare: Some(Box::new(rare)),
                    place: 0,
                };
                node.array = add(&mut self.program.arrays, rule);
            }
        }
        self.root = add(&mut self.program.nodes, node);
        Ok(())
    }
}

fn object(extra: Extra, rare: Option<Box<RareObject>>) -> ObjectRule {
    ObjectRule { names: Names::default(), required: 0, extra, least: 0, most: u32::MAX, is_limit: true, rare, place: 0 }
}

/// The limits of a policy, as the machine takes them.
fn limits(rules: &policy::JsonRules) -> Result<Limits, PolicyError> {
    let wrong =
        |field: &str, most: usize| PolicyError::new(format!("json.{field}"), format!("must be from 1 to {most}"));
    let within = |value: u32, most: usize| (1..=most).contains(&usize::try_from(value).unwrap_or(usize::MAX));
    if !within(rules.max_depth, MAX_DEPTH) {
        return Err(wrong("max_depth", MAX_DEPTH));
    }
    if !within(rules.max_members, 1024) {
        return Err(wrong("max_members", 1024));
    }
    if !within(rules.max_digits, 65_536) {
        return Err(wrong("max_digits", 65_536));
    }
    Ok(Limits {
        max_depth: usize::try_from(rules.max_depth).unwrap_or(MAX_DEPTH),
        max_members: rules.max_members,
        max_digits: rules.max_digits,
        duplicates: match rules.duplicate_keys {
            DuplicateKeys::Refuse => Duplicates::Refuse,
            DuplicateKeys::DangerousAllow => Duplicates::Allow,
        },
        nul_in_keys: false,
        ..Limits::default()
    })
}

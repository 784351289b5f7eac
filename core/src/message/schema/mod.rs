//! JSON Schema over bytes: drafts 2020-12, 2019-09, 7, 6 and 4, compiled to a program run in one pass.

mod builder;
mod choices;
mod containers;
mod cost;
mod form;
mod own;
mod scalars;
mod source;
mod validators;
mod vocabulary;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use builder::{Builder, Failure};
use source::Source;
use validators::Validators;

use super::explain;
use super::fault::{Explanation, Fault};
use super::json::Limits;
use super::machine::{Level, Program, judge};
use super::scratch::Scratch;
use super::tape::{Nobody, Tape};

/// A version of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Draft {
    /// Draft 4.
    Draft4,
    /// Draft 6.
    Draft6,
    /// Draft 7.
    Draft7,
    /// Draft 2019-09.
    Draft201909,
    /// Draft 2020-12.
    Draft202012,
}

impl Draft {
    /// The name that people use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft4 => "4",
            Self::Draft6 => "6",
            Self::Draft7 => "7",
            Self::Draft201909 => "2019-09",
            Self::Draft202012 => "2020-12",
        }
    }

    /// The draft by the name that people use ("2020-12", "7") or its `$schema`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim_end_matches('#');
        let name = name.strip_prefix("https://json-schema.org/draft/").unwrap_or(name);
        let name = name.strip_prefix("http://json-schema.org/").unwrap_or(name);
        Some(match name.trim_end_matches("/schema").trim_start_matches("draft-").trim_start_matches("draft") {
            "2020-12" => Self::Draft202012,
            "2019-09" => Self::Draft201909,
            "07" | "7" => Self::Draft7,
            "06" | "6" => Self::Draft6,
            "04" | "4" => Self::Draft4,
            _ => return None,
        })
    }
}

/// Which machinery a schema may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Machinery {
    /// One pass where possible, the `jsonschema` crate for the rest.
    #[default]
    Auto,
    /// One pass only: a schema that needs more is an error.
    Fast,
    /// The `jsonschema` crate only.
    Full,
}

/// What a compiled schema uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// One pass over the bytes.
    Fast,
    /// One pass, and a tree for some of its values.
    Mixed,
    /// A tree of every message.
    Full,
}

impl Engine {
    /// The name in documents and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Mixed => "mixed",
            Self::Full => "full",
        }
    }
}

/// How a schema is read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SchemaOptions {
    /// The draft where `$schema` names none; 2020-12 if this names none either.
    pub draft: Option<Draft>,
    /// Schemas that `$ref` may name, by their URI. Nothing is ever fetched.
    pub remotes: BTreeMap<String, Value>,
    /// Whether `format` is an assertion.
    pub assert_formats: bool,
    /// What JSON may be beside.
    pub limits: Limits,
    /// Which machinery may be used.
    pub machinery: Machinery,
    /// Whether unknown keywords and formats are passed over, as the specification says, not refused.
    pub tolerate_unknown: bool,
}

impl Default for SchemaOptions {
    fn default() -> Self {
        Self {
            draft: None,
            remotes: BTreeMap::new(),
            assert_formats: true,
            limits: Limits::default(),
            machinery: Machinery::Auto,
            tolerate_unknown: false,
        }
    }
}

/// Why a schema cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The JSON pointer of the place.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl SchemaError {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            return f.write_str(&self.problem);
        }
        write!(f, "at {}: {}", self.place, self.problem)
    }
}

impl std::error::Error for SchemaError {}

/// A place of a schema that one pass cannot decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowPlace {
    /// The JSON pointer of the place in the schema.
    pub place: String,
    /// Why.
    pub reason: String,
}

/// One compiled schema.
#[derive(Debug)]
pub struct Schema {
    program: Program,
    root: u32,
    limits: Limits,
    level: Level,
    engine: Engine,
    slow: Vec<SlowPlace>,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// A schema that is not valid, names what is not known or cannot be reached, or needs more than it may use.
    pub fn compile(schema: &Value, options: &SchemaOptions) -> Result<Self, SchemaError> {
        let mut program = Program::new();
        let compiled = compile_into(&mut program, schema, options)?;
        program.limit_members(options.limits.max_members);
        Ok(Self {
            program,
            root: compiled.node,
            limits: options.limits,
            level: Level::widest(),
            engine: compiled.engine,
            slow: compiled.slow,
        })
    }

    /// What it uses.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The places that need a tree, and why.
    pub fn slow_places(&self) -> &[SlowPlace] {
        &self.slow
    }

    /// Judges the bytes of one value: UTF-8, JSON and this schema in one pass.
    ///
    /// # Errors
    ///
    /// The first fault, in the order of the bytes.
    pub fn is_valid(&self, bytes: &[u8], scratch: &mut Scratch) -> Result<(), Fault> {
        judge(&self.program, self.root, &self.limits, self.level, bytes, scratch, &mut Nobody).map(|_| ())
    }

    /// As [`Self::is_valid`], and lists the values on `tape`.
    ///
    /// # Errors
    ///
    /// The first fault, in the order of the bytes.
    pub fn read(&self, bytes: &[u8], tape: &mut Tape, scratch: &mut Scratch) -> Result<(), Fault> {
        tape.clear();
        judge(&self.program, self.root, &self.limits, self.level, bytes, scratch, tape).map(|_| ())
    }

    /// Says in words why [`Self::is_valid`] refuses a value; none if it does not.
    ///
    /// It judges the value again and allocates: for the one who asks, not for each value.
    pub fn explain(&self, bytes: &[u8], scratch: &mut Scratch) -> Option<Explanation> {
        let mut tape = Tape::new();
        let fault = self.read(bytes, &mut tape, scratch).err()?;
        Some(explain::explain(&self.program, fault, bytes, &tape, scratch.place))
    }
}

/// A schema within a program.
pub(crate) struct Compiled {
    pub(crate) node: u32,
    pub(crate) engine: Engine,
    pub(crate) slow: Vec<SlowPlace>,
}

/// Adds a schema to a program.
pub(crate) fn compile_into(
    program: &mut Program,
    schema: &Value,
    options: &SchemaOptions,
) -> Result<Compiled, SchemaError> {
    let draft = draft_of(schema, options)?;
    if let Some(draft) = draft {
        validators::check_form(schema, draft)?;
        if !options.tolerate_unknown {
            vocabulary::check(schema, draft, "")?;
        }
    }
    let keyword = if draft == Some(Draft::Draft4) { "id" } else { "$id" };
    let home = match schema.get(keyword).and_then(Value::as_str) {
        Some(id) if id.contains(':') => id.split('#').next().unwrap_or(id),
        _ => validators::HOME,
    };
    let registry = validators::registry(schema, home, options, draft)?;
    let validators = Validators::new(options, &registry);
    let reason = match draft {
        None => "its $schema is not one of the known drafts",
        Some(_) if options.machinery == Machinery::Full => "a tree was asked for",
        Some(draft) => match one_pass(program, &registry, home, draft, &validators, options)? {
            Ok(compiled) => return fast_enough(compiled, options),
            Err(reason) => reason,
        },
    };
    let (mut source, root) = Source::new(&registry, home, draft.unwrap_or(Draft::Draft202012))?;
    cost::check(&mut source, root, options.limits.max_depth)?;
    let full = validators.build(schema, draft, "")?;
    let slow = vec![SlowPlace { place: String::new(), reason: reason.to_owned() }];
    fast_enough(Compiled { node: program.whole_node(&full, ""), engine: Engine::Full, slow }, options)
}

/// Compiles a schema for one pass; or tells why it needs a tree from its root on.
fn one_pass<'a>(
    program: &mut Program,
    registry: &'a jsonschema::Registry<'a>,
    home: &str,
    draft: Draft,
    validators: &'a Validators<'a>,
    options: &'a SchemaOptions,
) -> Result<Result<Compiled, &'static str>, SchemaError> {
    let (source, root) = Source::new(registry, home, draft)?;
    let mut builder = Builder::new(program, source, validators, options);
    match builder.root(root) {
        Ok(node) => {
            let slow = builder.slow;
            let engine = match slow.first() {
                None => Engine::Fast,
                Some(_) if slow.iter().any(|slow| slow.place.is_empty()) => Engine::Full,
                Some(_) => Engine::Mixed,
            };
            Ok(Ok(Compiled { node, engine, slow }))
        }
        Err(Failure::Wrong(error)) => Err(error),
        Err(Failure::Whole(reason)) => Ok(Err(reason)),
    }
}

fn fast_enough(compiled: Compiled, options: &SchemaOptions) -> Result<Compiled, SchemaError> {
    match compiled.slow.first() {
        Some(slow) if options.machinery == Machinery::Fast => {
            Err(SchemaError::new(slow.place.clone(), format!("cannot be decided in one pass: {}", slow.reason)))
        }
        _ => Ok(compiled),
    }
}

/// The draft that a schema is written in; none if it brings its own.
fn draft_of(schema: &Value, options: &SchemaOptions) -> Result<Option<Draft>, SchemaError> {
    match schema.get("$schema") {
        None => Ok(Some(options.draft.unwrap_or(Draft::Draft202012))),
        Some(Value::String(name)) => match Draft::named(name) {
            Some(draft) => Ok(Some(draft)),
            None if options.remotes.contains_key(name.trim_end_matches('#')) => Ok(None),
            None => Err(SchemaError::new(
                "/$schema",
                format!("unknown draft {name:?}; known are 2020-12, 2019-09, draft-07, draft-06 and draft-04"),
            )),
        },
        Some(_) => Err(SchemaError::new("/$schema", "must be a string")),
    }
}

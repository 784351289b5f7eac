//! The flat program: what a value may be, by its kind; rules refer to each other by number.

use super::full::Full;
use super::logic::Logic;
use super::names::Names;
use super::numbers::{NumberChecks, NumberRule};
use super::strings::{StringChecks, StringKind, StringRule};

/// What one place of a message may hold: a rule for each kind of value.
///
/// Every assertion of JSON Schema looks at one kind of value only: so any conjunction of them takes this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) string: u32,
    pub(crate) number: u32,
    pub(crate) array: u32,
    pub(crate) object: u32,
    /// Which of null, true and false are accepted.
    pub(crate) literals: Literals,
    /// The place in the schema.
    pub(crate) place: u32,
}

/// Rule 0 of each kind accepts nothing, rule 1 accepts all.
pub(crate) const NEVER: u32 = 0;
pub(crate) const ANY: u32 = 1;

/// Which of the three literals are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Literals {
    pub(crate) null: bool,
    pub(crate) yes: bool,
    pub(crate) no: bool,
}

impl Node {
    pub(crate) const ANY: Self = Self {
        string: ANY,
        number: ANY,
        array: ANY,
        object: ANY,
        literals: Literals { null: true, yes: true, no: true },
        place: 0,
    };
    pub(crate) const NEVER: Self = Self {
        string: NEVER,
        number: NEVER,
        array: NEVER,
        object: NEVER,
        literals: Literals { null: false, yes: false, no: false },
        place: 0,
    };
}

/// The place of what is refused for want of a known type, not by a schema.
pub(crate) const UNTYPED: u32 = u32::MAX;

/// The place of the rule that accepts nothing.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// Node 0 accepts nothing, node 1 accepts all.
pub(crate) const NEVER_NODE: u32 = 0;
pub(crate) const ANY_NODE: u32 = 1;

/// What an object may be.
#[derive(Debug)]
pub(crate) struct ObjectRule {
    /// The members known by name.
    pub(crate) names: Names,
    /// Those of the first 64 that must be there.
    pub(crate) required: u64,
    /// What a member may be that is not known by name.
    pub(crate) extra: Extra,
    pub(crate) least: u32,
    pub(crate) most: u32,
    /// `most` is the limit on all objects, not the schema's.
    pub(crate) is_limit: bool,
    /// All that is rare, apart.
    pub(crate) rare: Option<Box<RareObject>>,
    /// The place in the schema.
    pub(crate) place: u32,
}

/// What a member of a name not known may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    Refused,
    /// This node.
    Node(u32),
    /// What `RareObject::patterns` says.
    ByPattern,
}

/// The assertions few objects have.
#[derive(Debug, Default)]
pub(crate) struct RareObject {
    /// How many names must be there; they stand first. 0 if 64 or fewer: then `ObjectRule::required` tells.
    pub(crate) required_names: usize,
    /// If the first is there, all of the others must be: bits of the first 64 names.
    pub(crate) dependent: Vec<(u64, u64)>,
    /// The rule of every name.
    pub(crate) name: Option<u32>,
    pub(crate) patterns: Option<Patterns>,
    /// Which rule holds depends on a member's value.
    pub(crate) choice: Option<Choice>,
    /// Judged on the whole value, when it has been read.
    pub(crate) logic: Vec<Logic>,
    pub(crate) whole: Vec<Full>,
}

/// Which node a member has depends on which patterns its name matches.
#[derive(Debug)]
pub(crate) struct Patterns {
    pub(crate) patterns: Vec<super::strings::Pattern>,
    /// The node for each set of patterns matched, the set as a binary number.
    pub(crate) nodes: Vec<u32>,
}

/// A choice of rule by the value of one member, wherever it stands.
#[derive(Debug)]
pub(crate) struct Choice {
    /// One name: the member that decides.
    pub(crate) tag: Names,
    /// Its values, each with the number of a rule.
    pub(crate) values: Names,
    /// The rule where it is not there or has another value.
    pub(crate) otherwise: Otherwise,
}

/// What holds where no value of a choice is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// The object is not valid.
    Refused,
    /// It has a type that is not known.
    UnknownType,
    /// This rule holds.
    Rule(u32),
}

/// What an array may be.
#[derive(Debug)]
pub(crate) struct ArrayRule {
    /// The nodes of the first items.
    pub(crate) first: Box<[u32]>,
    /// The node of all others.
    pub(crate) rest: u32,
    pub(crate) least: u32,
    pub(crate) most: u32,
    pub(crate) rare: Option<Box<RareArray>>,
    /// The place in the schema.
    pub(crate) place: u32,
}

/// The assertions few arrays have.
#[derive(Debug, Default)]
pub(crate) struct RareArray {
    /// No two items are equal, and all are strings: their places are enough, up to a thousand of them.
    pub(crate) unique_strings: bool,
    /// No two items are equal, whatever and however many they are.
    pub(crate) unique: Option<Full>,
    /// So many items, at least and at most, are as a node says.
    pub(crate) contains: Vec<(u32, u32, u32)>,
    /// Which rule holds depends on the string at this index.
    pub(crate) choice: Option<(u32, Names, Otherwise)>,
    pub(crate) logic: Vec<Logic>,
    pub(crate) whole: Vec<Full>,
}

/// All rules of a policy.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) nodes: Vec<Node>,
    pub(crate) strings: Vec<StringRule>,
    pub(crate) numbers: Vec<NumberRule>,
    pub(crate) arrays: Vec<ArrayRule>,
    pub(crate) objects: Vec<ObjectRule>,
    /// The places in the schemas, for those who ask.
    pub(crate) places: Vec<Box<str>>,
}

impl Patterns {
    /// The node of a member by the patterns that its name matches.
    pub(crate) fn node(&self, raw: &[u8], escaped: bool) -> u32 {
        let set =
            self.patterns.iter().rev().fold(0_u32, |set, pattern| (set << 1) | u32::from(pattern.is_in(raw, escaped)));
        self.nodes.get(super::index(set)).copied().unwrap_or(NEVER_NODE)
    }
}

impl RareArray {
    /// Whether it asserts nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let together = self.unique_strings || self.unique.is_some() || !self.contains.is_empty();
        !together && self.choice.is_none() && self.logic.is_empty() && self.whole.is_empty()
    }
}

impl RareObject {
    /// Whether it asserts nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let names =
            self.required_names == 0 && self.dependent.is_empty() && self.name.is_none() && self.patterns.is_none();
        names && self.choice.is_none() && self.logic.is_empty() && self.whole.is_empty()
    }

    /// Whether the names that have come, of the first 64 and how many required beyond them, are enough.
    pub(crate) fn hold(&self, seen: u64, more: u16) -> bool {
        usize::from(more) >= self.required_names.saturating_sub(64)
            && self.dependent.iter().all(|(name, others)| seen & name == 0 || seen & others == *others)
    }
}

impl Program {
    /// The program that accepts all JSON: what every other one starts with.
    pub(crate) fn new() -> Self {
        let never = || StringRule { kind: StringKind::Never, place: 0 };
        let object = |extra| ObjectRule {
            names: Names::default(),
            required: 0,
            extra,
            least: 0,
            most: u32::MAX,
            is_limit: true,
            rare: None,
            place: 0,
        };
        let array = |rest| ArrayRule { first: Box::default(), rest, least: 0, most: u32::MAX, rare: None, place: 0 };
        Self {
            nodes: vec![Node::NEVER, Node::ANY],
            strings: vec![never(), StringRule { kind: StringKind::ANY, place: 0 }],
            numbers: vec![NumberRule::never(), NumberRule::ANY],
            arrays: vec![array(NEVER_NODE), array(ANY_NODE)],
            objects: vec![object(Extra::Refused), object(Extra::Node(ANY_NODE))],
            places: vec!["".into()],
        }
    }

    /// Adds a node all of whose values are judged whole.
    pub(crate) fn whole_node(&mut self, full: &Full, place: &str) -> u32 {
        let place = self.place(place);
        let whole = || vec![full.clone()];
        let string = StringKind::Checks(Box::new(StringChecks { whole: whole(), ..StringChecks::default() }));
        let number = NumberChecks { whole: whole(), ..NumberChecks::default() };
        let node = Node {
            string: add(&mut self.strings, StringRule { kind: string, place }),
            number: add(&mut self.numbers, NumberRule { checks: Some(Box::new(number)), place, ..NumberRule::ANY }),
            array: add(
                &mut self.arrays,
                ArrayRule {
                    first: Box::default(),
                    rest: ANY_NODE,
                    least: 0,
                    most: u32::MAX,
                    rare: Some(Box::new(RareArray { whole: whole(), ..RareArray::default() })),
                    place,
                },
            ),
            object: add(
                &mut self.objects,
                ObjectRule {
                    names: Names::default(),
                    required: 0,
                    extra: Extra::Node(ANY_NODE),
                    least: 0,
                    most: u32::MAX,
                    is_limit: true,
                    rare: Some(Box::new(RareObject { whole: whole(), ..RareObject::default() })),
                    place,
                },
            ),
            literals: Literals { null: full.accepts(b"null"), yes: full.accepts(b"true"), no: full.accepts(b"false") },
            place,
        };
        add(&mut self.nodes, node)
    }

    /// Makes the limit on members a part of every rule: one comparison at run time, not two.
    pub(crate) fn limit_members(&mut self, most: u32) {
        for rule in &mut self.objects {
            if rule.is_limit || rule.most > most {
                (rule.most, rule.is_limit) = (most, true);
            }
        }
    }

    /// The number of a place in the schema.
    pub(crate) fn place(&mut self, place: &str) -> u32 {
        match self.places.iter().position(|known| **known == *place) {
            Some(known) => u32::try_from(known).unwrap_or(0),
            None => add(&mut self.places, place.into()),
        }
    }
}

/// Adds to a table; the answer is the number of what was added.
pub(crate) fn add<T>(table: &mut Vec<T>, value: T) -> u32 {
    table.push(value);
    u32::try_from(table.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

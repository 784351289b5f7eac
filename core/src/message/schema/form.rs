//! What a place asserts on one kind of value, as a formula that is simplified before anything is built.

use super::source::PlaceId;

/// A kind of value; `null`, `true` and `false` are kinds of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
}

/// A formula over the assertions of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    True,
    False,
    /// What the keywords of a place themselves say.
    Own(PlaceId),
    /// A place that needs a tree, and why.
    Whole(PlaceId, &'static str),
    /// An object that has a member of this name.
    Has(String),
    All(Vec<Form>),
    Any(Vec<Form>),
    One(Vec<Form>),
    Not(Box<Form>),
}

impl Form {
    pub(super) fn all(forms: Vec<Self>) -> Self {
        let mut parts = Vec::new();
        for form in forms {
            match form {
                Self::True => {}
                Self::False => return Self::False,
                Self::All(more) => more.into_iter().for_each(|form| add(&mut parts, form)),
                form => add(&mut parts, form),
            }
        }
        single(parts, Self::True, Self::All)
    }

    pub(super) fn any(forms: Vec<Self>) -> Self {
        let mut parts = Vec::new();
        for form in forms {
            match form {
                Self::False => {}
                Self::True => return Self::True,
                Self::Any(more) => more.into_iter().for_each(|form| add(&mut parts, form)),
                form => add(&mut parts, form),
            }
        }
        single(parts, Self::False, Self::Any)
    }

    pub(super) fn one(forms: Vec<Self>) -> Self {
        let mut parts: Vec<Self> = forms.into_iter().filter(|form| *form != Self::False).collect();
        match parts.iter().filter(|form| **form == Self::True).count() {
            0 => single(parts, Self::False, Self::One),
            1 => {
                parts.retain(|form| *form != Self::True);
                Self::negated(Self::any(parts))
            }
            _ => Self::False,
        }
    }

    pub(super) fn negated(form: Self) -> Self {
        match form {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Not(form) => *form,
            form => Self::Not(Box::new(form)),
        }
    }

    /// The parts of which all must hold.
    pub(super) fn parts(&self) -> &[Self] {
        match self {
            Self::All(parts) => parts,
            Self::True => &[],
            form => std::slice::from_ref(form),
        }
    }
}

fn add(parts: &mut Vec<Form>, form: Form) {
    if !parts.contains(&form) {
        parts.push(form);
    }
}

fn single(mut parts: Vec<Form>, none: Form, many: impl Fn(Vec<Form>) -> Form) -> Form {
    match parts.len() {
        0 => none,
        1 => parts.pop().unwrap_or(none),
        _ => many(parts),
    }
}

//! The operator's errors: found at start-up, told with place, finding and remedy.

use std::fmt;
use std::ops::Range;

/// Why a policy cannot be: where, what was found, what would be right.
///
/// It may show what a document says, but never a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    place: String,
    problem: String,
    help: Option<String>,
    span: Option<Range<usize>>,
    at_name: bool,
}

impl PolicyError {
    /// `place` is a dotted path such as `origin.allow[0]`.
    pub fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), help: None, span: None, at_name: false }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The dotted path of the field at fault; empty for the document as a whole.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What was found.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What would be right, where that takes a sentence of its own.
    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The bytes at fault of the text the policy was read from; none for a policy built in code.
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    /// The same error, seen from one level further out.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        let place = if self.place.is_empty() || self.place.starts_with('[') {
            format!("{outer}{}", self.place)
        } else {
            format!("{outer}.{}", self.place)
        };
        Self { place, ..self }
    }

    pub(super) fn with_problem(self, problem: String) -> Self {
        Self { problem, ..self }
    }

    /// The same error, about the field's name rather than its value.
    pub(super) fn at_name(self) -> Self {
        Self { at_name: true, ..self }
    }

    pub(super) fn is_at_name(&self) -> bool {
        self.at_name
    }

    pub(super) fn with_span(self, span: Option<Range<usize>>) -> Self {
        Self { span: self.span.or(span), ..self }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_sentence(f, &self.place, &self.problem, self.help.as_deref())
    }
}

impl std::error::Error for PolicyError {}

/// What is allowed but seldom meant: where, why, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWarning {
    place: String,
    problem: String,
    remedy: String,
    span: Option<Range<usize>>,
}

impl PolicyWarning {
    pub(super) fn new(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), remedy: remedy.into(), span: None }
    }

    /// The dotted path of the field.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What may go wrong.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to do instead.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// The field's bytes in the text the policy was read from.
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    pub(super) fn within(self, outer: &str) -> Self {
        Self { place: format!("{outer}.{}", self.place), ..self }
    }

    pub(super) fn with_span(self, span: Option<Range<usize>>) -> Self {
        Self { span, ..self }
    }

    /// Whether both say the same about the same field.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        self.place == other.place && self.problem == other.problem
    }
}

impl fmt::Display for PolicyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_sentence(f, &self.place, &self.problem, Some(&self.remedy))
    }
}

fn write_sentence(f: &mut fmt::Formatter<'_>, place: &str, problem: &str, help: Option<&str>) -> fmt::Result {
    if !place.is_empty() {
        write!(f, "{place}: ")?;
    }
    f.write_str(problem)?;
    match help {
        Some(help) => write!(f, "; {help}"),
        None => Ok(()),
    }
}

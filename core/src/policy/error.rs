//! The operator's errors: found at start-up, told with place, finding and remedy.

use std::fmt;

/// Why a policy cannot be: where, what was found, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    place: String,
    problem: String,
}

impl PolicyError {
    /// `place` is a dotted path such as `origin.allow[0]`.
    pub fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into() }
    }

    /// The dotted path of the field at fault.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What was found and what would be right.
    pub fn problem(&self) -> &str {
        &self.problem
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
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            return f.write_str(&self.problem);
        }
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for PolicyError {}

//! One line per attack, or JSON.

use std::io::{self, Write};

use serde_json::json;

use crate::attacks::Attack;
use crate::outcome::{Expected, Grade, Outcome};

/// An attack with what came of it.
pub(crate) struct Line {
    pub(crate) attack: Attack,
    pub(crate) expected: Expected,
    pub(crate) outcome: Outcome,
    pub(crate) grade: Grade,
    /// Whether this attack is known to work on this target, as `--expect-weak` says.
    pub(crate) weak: bool,
}

impl Line {
    /// Whether all is as it should be; a skipped attack is not judged here.
    pub(crate) fn passed(&self) -> bool {
        match self.grade {
            Grade::Right => !self.weak,
            Grade::LetIn => self.weak,
            Grade::OtherCode | Grade::Broken => false,
            Grade::Skipped => !self.weak,
        }
    }

    fn word(&self) -> &'static str {
        match (self.passed(), self.grade) {
            (true, Grade::Skipped) => "skip",
            (true, _) if self.weak => "weak",
            (true, _) => "ok  ",
            (false, _) => "FAIL",
        }
    }

    /// Writes `ok   origin.foreign   refused 403`.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{} {:<38} {}", self.word(), self.attack.name, self.outcome)?;
        match self.grade {
            Grade::OtherCode | Grade::Broken => write!(out, ", expected {}", self.expected)?,
            Grade::Right if self.weak => write!(out, ", expected to get in")?,
            _ => {}
        }
        writeln!(out)?;
        out.flush()
    }

    /// The same as one JSON object.
    pub(crate) fn json(&self) -> serde_json::Value {
        let outcome = match &self.outcome {
            Outcome::In(_) => "in",
            Outcome::Status(_) => "status",
            Outcome::Close(_) => "close",
            Outcome::Cut => "cut",
            Outcome::Reply => "reply",
            Outcome::Silence => "silence",
            Outcome::Held(_) => "held",
            Outcome::Broken(_) => "broken",
            Outcome::Skipped(_) => "skipped",
        };
        let code = match self.outcome {
            Outcome::Status(code) | Outcome::Close(code) => Some(code),
            _ => None,
        };
        json!({
            "name": self.attack.name,
            "about": self.attack.about,
            "expected": self.expected.to_string(),
            "outcome": outcome,
            "code": code,
            "text": self.outcome.to_string(),
            "weak": self.weak,
            "passed": self.passed(),
        })
    }
}

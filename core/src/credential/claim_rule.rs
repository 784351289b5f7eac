//! Rules an operator adds for single claims: "role must be staff", "groups must contain chat".

use super::fault::JwtFault;
use super::json::{Json, Members, member};
use crate::policy::PolicyError;

/// The most rules, and values of one rule.
const MAX_RULES: usize = 32;

/// What one claim must say. The claim must be there; values are compared whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimRule {
    /// The claim is this text.
    Is(Box<str>),
    /// The claim is one of these texts.
    OneOf(Vec<Box<str>>),
    /// The claim is an array of texts, and this is among them.
    Contains(Box<str>),
}

/// Rules by the claim's name.
#[derive(Debug, Default)]
pub(super) struct NamedRules(Box<[(Box<str>, ClaimRule)]>);

impl NamedRules {
    pub(super) fn new(rules: Vec<(Box<str>, ClaimRule)>) -> Result<Self, PolicyError> {
        let refused = |place: &str, problem: &str| Err(PolicyError::new(format!("claims.{place}"), problem));
        if rules.len() > MAX_RULES {
            return Err(PolicyError::new("claims", format!("holds more than {MAX_RULES} rules")));
        }
        for (name, rule) in &rules {
            if name.is_empty() {
                return refused(name, "must name a claim");
            }
            match rule {
                ClaimRule::OneOf(values) if values.is_empty() => {
                    return refused(name, "lists no value, so no token could pass");
                }
                ClaimRule::OneOf(values) if values.len() > MAX_RULES => return refused(name, "lists too many values"),
                _ => {}
            }
        }
        Ok(Self(rules.into()))
    }

    pub(super) fn judge(&self, claims: &Members<'_>) -> Result<(), JwtFault> {
        self.0.iter().try_for_each(|(name, rule)| rule.judge(member(claims, name).ok_or(JwtFault::MissingClaim)?))
    }
}

impl ClaimRule {
    fn judge(&self, claim: &Json<'_>) -> Result<(), JwtFault> {
        let fits = match self {
            Self::Is(text) => claim.text()? == &**text,
            Self::OneOf(texts) => {
                let claim = claim.text()?;
                texts.iter().any(|text| claim == &**text)
            }
            Self::Contains(text) => {
                let Json::Array(entries) = claim else { return Err(JwtFault::ClaimType) };
                let mut found = false;
                for entry in entries {
                    found |= entry.text()? == &**text;
                }
                found
            }
        };
        if fits { Ok(()) } else { Err(JwtFault::Claim) }
    }
}

//! Judging the rules that an operator adds for single claims.

use std::collections::BTreeMap;

use super::fault::JwtFault;
use super::json::{Json, Members, member};
use crate::policy::{ClaimRule, PolicyError};

/// The most rules, and values of one rule.
const MAX_RULES: usize = 32;

/// Rules by the claim's name.
#[derive(Debug)]
pub(super) struct NamedRules(Box<[(Box<str>, ClaimRule)]>);

impl NamedRules {
    pub(super) fn new(rules: &BTreeMap<Box<str>, ClaimRule>) -> Result<Self, PolicyError> {
        let refused = |place: &str, problem: &str| Err(PolicyError::new(format!("claims.{place}"), problem));
        if rules.len() > MAX_RULES {
            return Err(PolicyError::new("claims", format!("holds more than {MAX_RULES} rules")));
        }
        for (name, rule) in rules {
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
        Ok(Self(rules.iter().map(|(name, rule)| (name.clone(), rule.clone())).collect()))
    }

    pub(super) fn judge(&self, claims: &Members<'_>) -> Result<(), JwtFault> {
        self.0.iter().try_for_each(|(name, rule)| judge(rule, member(claims, name).ok_or(JwtFault::MissingClaim)?))
    }
}

fn judge(rule: &ClaimRule, claim: &Json<'_>) -> Result<(), JwtFault> {
    let fits = match rule {
        ClaimRule::Is(text) => claim.text()? == &**text,
        ClaimRule::OneOf(texts) => {
            let claim = claim.text()?;
            texts.iter().any(|text| claim == &**text)
        }
        ClaimRule::Contains(text) => {
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

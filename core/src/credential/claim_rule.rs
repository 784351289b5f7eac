//! Judging the rules that an operator adds for single claims.

use std::collections::BTreeMap;

use super::claim_name::ClaimName;
use super::fault::JwtFault;
use super::json::{Json, Members};
use crate::policy::{ClaimRule, PolicyError};

/// The most rules, and values of one rule.
const MAX_RULES: usize = 32;

/// Rules by the claim's name.
#[derive(Debug)]
pub(super) struct NamedRules(Box<[(ClaimName, ClaimRule)]>);

impl NamedRules {
    pub(super) fn new(rules: &BTreeMap<Box<str>, ClaimRule>) -> Result<Self, PolicyError> {
        let refused = |place: &str, problem: &str| Err(PolicyError::new(format!("claims.{place}"), problem));
        if rules.len() > MAX_RULES {
            return Err(PolicyError::new("claims", format!("holds more than {MAX_RULES} rules")));
        }
        let mut named = Vec::with_capacity(rules.len());
        for (name, rule) in rules {
            match rule {
                ClaimRule::OneOf(values) if values.is_empty() => {
                    return refused(name, "lists no value, so no token could pass");
                }
                ClaimRule::OneOf(values) if values.len() > MAX_RULES => return refused(name, "lists too many values"),
                _ => {}
            }
            let claim = ClaimName::new(name).map_err(|e| e.within(&format!("claims.{name}")))?;
            named.push((claim, rule.clone()));
        }
        Ok(Self(named.into()))
    }

    pub(super) fn judge(&self, claims: &Members<'_>) -> Result<(), JwtFault> {
        self.0.iter().try_for_each(|(name, rule)| judge(rule, name.find(claims)?.ok_or(JwtFault::MissingClaim)?))
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

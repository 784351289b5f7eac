//! What the claims of a token must say (RFC 7519 section 4.1, RFC 8725).

use std::time::Duration;

use super::claim_name::ClaimName;
use super::claim_rule::NamedRules;
use super::fault::JwtFault;
use super::json::{Json, Members, member};
use crate::identity::Identity;
use crate::policy::{Jwt, PolicyError, Roles, WaivedClaim};
use crate::time::UnixTime;

/// The most roles, and scopes of one role. They are searched for each token.
const MAX_ROLES: usize = 64;

/// The policy's rules for claims.
#[derive(Debug)]
pub(super) struct ClaimRules {
    issuer: Box<[Box<str>]>,
    audience: Box<[Box<str>]>,
    issuer_waived: bool,
    audience_waived: bool,
    expiry_waived: bool,
    leeway: Duration,
    subject: ClaimName,
    tenant: Option<ClaimName>,
    scopes: ClaimName,
    roles: Option<(ClaimName, Roles)>,
    named: NamedRules,
}

impl ClaimRules {
    /// A claim that is neither listed nor waived by name leaves every token of every issuer, or for
    /// every service, good here: such a policy cannot be.
    pub(super) fn new(rules: &Jwt) -> Result<Self, PolicyError> {
        let waived = |claim| rules.waive.contains(&claim);
        for (name, list, claim, word) in
            [("issuer", &rules.issuer, WaivedClaim::Iss, "iss"), ("audience", &rules.audience, WaivedClaim::Aud, "aud")]
        {
            if list.is_empty() && !waived(claim) {
                let problem =
                    format!("must list at least one value, or `waive = [\"{word}\"]` say that none is needed");
                return Err(PolicyError::new(name, problem));
            }
            if let Some(at) = list.iter().position(|value| value.is_empty()) {
                return Err(PolicyError::new(format!("{name}[{at}]"), "must not be empty"));
            }
        }
        let claim = |field: &str, text: &str| ClaimName::new(text).map_err(|e| e.within(field));
        Ok(Self {
            issuer: rules.issuer.clone().into(),
            audience: rules.audience.clone().into(),
            issuer_waived: waived(WaivedClaim::Iss),
            audience_waived: waived(WaivedClaim::Aud),
            expiry_waived: waived(WaivedClaim::Exp),
            leeway: rules.leeway.get(),
            subject: claim("subject", &rules.subject)?,
            tenant: rules.tenant.as_ref().map(|text| claim("tenant", text)).transpose()?,
            scopes: claim("scopes", &rules.scopes)?,
            roles: rules.roles.clone().map(checked_roles).transpose()?,
            named: NamedRules::new(&rules.claims)?,
        })
    }

    /// Judges decoded claims. The signature must have been checked before. A claim of a wrong type
    /// is refused whether it is needed or not: to treat it as absent let `"nbf": "999"` through
    /// (CVE-2026-25537). Expiry is judged last, so that [`JwtFault::Expired`] says that all else
    /// is right.
    ///
    /// `signs_for` are the issuers of the key that signed; empty means all that are accepted. Gives who
    /// the token speaks for, and since when it counts.
    pub(super) fn judge(
        &self,
        payload: &[u8],
        signs_for: &[Box<str>],
        now: UnixTime,
    ) -> Result<(Identity, Option<UnixTime>), JwtFault> {
        let claims = Json::object(payload)?;
        let (expires, not_before) = (date(&claims, "exp")?, date(&claims, "nbf")?);
        let issued_at = date(&claims, "iat")?;
        let (issuer, token_id, session_id) = (text(&claims, "iss")?, text(&claims, "jti")?, text(&claims, "sid")?);
        // Judged though another claim may name the user.
        text(&claims, "sub")?;
        let subject = self.subject.text(&claims)?;
        let tenant = self.tenant.as_ref().map(|name| name.text(&claims)).transpose()?.flatten();
        let scopes = self.permitted(&claims)?;
        let namespace = self.judge_issuer(issuer)?;
        // One issuer's key must not make another issuer's users (RFC 8725 section 3.8).
        if !signs_for.is_empty() && !signs_for.iter().any(|own| Some(&**own) == issuer) {
            return Err(JwtFault::Issuer);
        }
        self.judge_audience(member(&claims, "aud"))?;
        self.named.judge(&claims)?;
        let subject = subject.filter(|subject| !subject.is_empty()).ok_or(JwtFault::MissingClaim)?;
        let tenant = tenant.filter(|tenant| !tenant.is_empty());
        if self.tenant.is_some() && tenant.is_none() {
            // Without its tenant a user would be another one, or another tenant's.
            return Err(JwtFault::MissingClaim);
        }
        if expires.is_none() && !self.expiry_waived {
            return Err(JwtFault::MissingClaim);
        }
        self.judge_dates(expires, not_before, now)?;
        let mut identity = Identity::assertion(subject).with_namespace(namespace).with_scopes(scopes);
        if let Some(tenant) = tenant {
            identity = identity.with_tenant(tenant);
        }
        if let Some(at) = expires {
            identity = identity.with_expires(at);
        }
        if let Some(at) = issued_at {
            // One from the future would outlive a later "all tokens issued until now are void".
            identity = identity.with_issued_at(at.min(now));
        }
        if let Some(id) = token_id {
            identity = identity.with_token_id(id);
        }
        if let Some(id) = session_id {
            identity = identity.with_session_id(id);
        }
        Ok((identity, not_before))
    }

    /// The times alone, for a token whose other claims were judged before. It counts up to, not at,
    /// `exp` plus leeway, and from `nbf` less leeway.
    pub(super) fn judge_dates(
        &self,
        expires: Option<UnixTime>,
        not_before: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<(), JwtFault> {
        if not_before.is_some_and(|at| now.after(self.leeway) < at) {
            return Err(JwtFault::NotYetValid);
        }
        if expires.is_some_and(|at| now >= at.after(self.leeway)) {
            return Err(JwtFault::Expired);
        }
        Ok(())
    }

    /// The namespace of the token's users: its issuer, compared whole (CVE-2024-53861), or nothing
    /// where the policy lists none.
    fn judge_issuer<'c>(&self, issuer: Option<&'c str>) -> Result<&'c str, JwtFault> {
        match issuer {
            None if self.issuer_waived => Ok(""),
            None => Err(JwtFault::MissingClaim),
            Some(_) if self.issuer.is_empty() => Ok(""),
            Some(issuer) if self.issuer.iter().any(|have| **have == *issuer) => Ok(issuer),
            Some(_) => Err(JwtFault::Issuer),
        }
    }

    /// The scopes that the token names, and those that its roles permit.
    fn permitted<'m>(&'m self, claims: &'m Members<'_>) -> Result<Vec<&'m str>, JwtFault> {
        let mut permitted = scopes(claims, &self.scopes)?;
        if let Some((claim, Roles { permit, .. })) = &self.roles {
            let by_role = scopes(claims, claim)?.into_iter().filter_map(|role| permit.get(role)).flatten();
            for scope in by_role {
                if !permitted.contains(&&**scope) {
                    permitted.push(scope);
                }
            }
        }
        Ok(permitted)
    }

    fn judge_audience(&self, claim: Option<&Json<'_>>) -> Result<(), JwtFault> {
        let Some(claim) = claim else {
            return if self.audience_waived { Ok(()) } else { Err(JwtFault::MissingClaim) };
        };
        let listed = |text: &str| self.audience.iter().any(|have| **have == *text);
        let mut fits = self.audience.is_empty();
        match claim {
            Json::Array(entries) => {
                for entry in entries {
                    fits |= listed(entry.text()?);
                }
            }
            single => fits |= listed(single.text()?),
        }
        if fits { Ok(()) } else { Err(JwtFault::Audience) }
    }
}

fn checked_roles(roles: Roles) -> Result<(ClaimName, Roles), PolicyError> {
    let refused = |place: String, problem: String| Err(PolicyError::new(place, problem));
    let claim = ClaimName::new(&roles.claim).map_err(|e| e.within("roles.claim"))?;
    if roles.permit.is_empty() || roles.permit.len() > MAX_ROLES {
        return refused("roles.permit".into(), format!("must hold 1 to {MAX_ROLES} roles"));
    }
    for (role, permitted) in &roles.permit {
        let wrong = |scope: &str| scope.is_empty() || scope.contains(' ');
        if permitted.len() > MAX_ROLES || permitted.iter().any(|scope| wrong(scope)) {
            let problem = format!("must list at most {MAX_ROLES} scopes, each a word without spaces");
            return refused(format!("roles.permit.{role}"), problem);
        }
    }
    Ok((claim, roles))
}

fn date(claims: &Members<'_>, name: &str) -> Result<Option<UnixTime>, JwtFault> {
    member(claims, name).map(Json::date).transpose()
}

/// A claim that is text. An empty id would be everybody's, so it is refused.
fn text<'m>(claims: &'m Members<'_>, name: &str) -> Result<Option<&'m str>, JwtFault> {
    let text = member(claims, name).map(Json::text).transpose()?;
    if text == Some("") && (name == "jti" || name == "sid") { Err(JwtFault::ClaimType) } else { Ok(text) }
}

/// The scopes: a string separated by spaces (RFC 8693 section 4.2) or an array of strings.
fn scopes<'m>(claims: &'m Members<'_>, name: &ClaimName) -> Result<Vec<&'m str>, JwtFault> {
    match name.find(claims)? {
        None => Ok(Vec::new()),
        Some(Json::Array(entries)) => entries.iter().map(Json::text).collect(),
        Some(single) => Ok(single.text()?.split(' ').filter(|scope| !scope.is_empty()).collect()),
    }
}

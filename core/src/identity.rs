//! Who a connection belongs to.

use std::fmt;

use crate::time::UnixTime;

/// A user, as limits, caps, revocation and tickets know one: the whole tuple, never a joined
/// string, so that no two users can collide (threat 86).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserKey {
    /// Who vouches for the subject: a JWT's issuer, or the host's name for its session store.
    pub namespace: Box<str>,
    /// The tenant within the namespace; empty where there are none.
    pub tenant: Box<str>,
    /// The user's name within namespace and tenant.
    pub subject: Box<str>,
}

/// Who may do what, and until when: what a credential stands for once it was judged good.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    user: Option<UserKey>,
    scopes: Box<[Box<str>]>,
    /// [`UnixTime::MAX`]: never. There are as many of these as connections.
    expires: UnixTime,
    issued_at: Option<UnixTime>,
    token_id: Option<Box<str>>,
    session_id: Option<Box<str>>,
}

impl Identity {
    /// Claims that the caller has authenticated `subject`. Nothing here can check that;
    /// the name marks every place that says so without proof.
    pub fn assertion(subject: impl Into<Box<str>>) -> Self {
        let user = UserKey { namespace: Box::default(), tenant: Box::default(), subject: subject.into() };
        Self { user: Some(user), ..Self::guest() }
    }

    /// A connection without a user: it has the limits of its address only.
    pub fn guest() -> Self {
        Self {
            user: None,
            scopes: Box::default(),
            expires: UnixTime::MAX,
            issued_at: None,
            token_id: None,
            session_id: None,
        }
    }

    /// Sets who vouches for the subject. Without effect on a guest.
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<Box<str>>) -> Self {
        if let Some(user) = &mut self.user {
            user.namespace = namespace.into();
        }
        self
    }

    /// Sets the tenant. Without effect on a guest.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<Box<str>>) -> Self {
        if let Some(user) = &mut self.user {
            user.tenant = tenant.into();
        }
        self
    }

    /// Sets what the identity permits, compared as exact strings.
    #[must_use]
    pub fn with_scopes<S: Into<Box<str>>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets when the identity ends.
    #[must_use]
    pub fn with_expires(mut self, at: UnixTime) -> Self {
        self.expires = at;
        self
    }

    /// Sets when the credential was issued; a revocation with a cut-off time compares with it.
    #[must_use]
    pub fn with_issued_at(mut self, at: UnixTime) -> Self {
        self.issued_at = Some(at);
        self
    }

    /// Sets the credential's own id (`jti`, RFC 7519 section 4.1.7).
    #[must_use]
    pub fn with_token_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.token_id = Some(id.into());
        self
    }

    /// Sets the host's session the credential belongs to (`sid`).
    #[must_use]
    pub fn with_session_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.session_id = Some(id.into());
        self
    }

    /// The user; none for a guest.
    pub fn user(&self) -> Option<&UserKey> {
        self.user.as_ref()
    }

    /// The subject; none for a guest.
    pub fn subject(&self) -> Option<&str> {
        self.user.as_ref().map(|user| &*user.subject)
    }

    /// Whether `scope` is among the permitted ones.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|have| **have == *scope)
    }

    /// All permitted scopes.
    pub fn scopes(&self) -> &[Box<str>] {
        &self.scopes
    }

    /// When the identity ends.
    pub fn expires(&self) -> Option<UnixTime> {
        (self.expires != UnixTime::MAX).then_some(self.expires)
    }

    /// When the credential was issued.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// The credential's own id.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// The host's session.
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// This identity, with what it leaves out taken from the one it continues.
    pub(crate) fn continuing(self, held: &Self) -> Self {
        Self {
            expires: if self.expires == UnixTime::MAX { held.expires } else { self.expires },
            issued_at: self.issued_at.or(held.issued_at),
            token_id: self.token_id.or_else(|| held.token_id.clone()),
            session_id: self.session_id.or_else(|| held.session_id.clone()),
            ..self
        }
    }

    /// Whether `newer` may take this identity's place on a live connection: the same user, and no
    /// scope that this one has not. A refresh that widened would be an escalation without an
    /// upgrade's checks.
    pub fn may_become(&self, newer: &Self) -> bool {
        self.user == newer.user && newer.scopes.iter().all(|scope| self.has_scope(scope))
    }
}

/// Names people, so it is not printed in full: the subject may be an e-mail address.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.user.is_some() { "user" } else { "guest" };
        f.debug_struct("Identity").field("kind", &kind).field("expires", &self.expires()).finish_non_exhaustive()
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserKey(..)")
    }
}

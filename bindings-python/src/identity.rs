//! Who a connection belongs to.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wswarden_core as core;

/// Who may do what, and until when: what a credential stands for once it was judged good.
///
/// Make one by `Identity.assertion` or `Identity.guest`.
#[pyclass(frozen, eq, module = "wswarden")]
#[derive(Clone, PartialEq)]
pub(crate) struct Identity(pub(crate) core::Identity);

#[pymethods]
impl Identity {
    /// Claims that the caller has authenticated `subject`. Nothing here can check that; the name
    /// marks every place that says so without proof.
    ///
    /// Args:
    ///     subject: the user's name within namespace and tenant.
    ///     namespace: who vouches for the subject: an issuer, or the name of a session store.
    ///     tenant: the tenant; empty where there are none.
    ///     scopes: what the identity permits, compared as exact strings.
    ///     expires: when it ends, in seconds since 1970; None: it does not.
    ///     issued_at: when the credential was issued, in seconds since 1970.
    ///     token_id: the credential's own id (`jti`).
    ///     session_id: the host's session that the credential belongs to (`sid`).
    ///
    /// Raises:
    ///     ValueError: for a time before 1970.
    #[staticmethod]
    #[pyo3(signature = (subject, *, namespace = "", tenant = "", scopes: "Sequence[str]" = Vec::new(), expires: "float | None" = None, issued_at: "float | None" = None, token_id = None, session_id = None))]
    #[expect(clippy::too_many_arguments, reason = "all but the first are named in Python")]
    fn assertion(
        subject: &str,
        namespace: &str,
        tenant: &str,
        scopes: Vec<String>,
        expires: Option<f64>,
        issued_at: Option<f64>,
        token_id: Option<&str>,
        session_id: Option<&str>,
    ) -> PyResult<Self> {
        let mut identity =
            core::Identity::assertion(subject).with_namespace(namespace).with_tenant(tenant).with_scopes(scopes);
        if let Some(at) = expires {
            identity = identity.with_expires(unix(at)?);
        }
        if let Some(at) = issued_at {
            identity = identity.with_issued_at(unix(at)?);
        }
        if let Some(id) = token_id {
            identity = identity.with_token_id(id);
        }
        if let Some(id) = session_id {
            identity = identity.with_session_id(id);
        }
        Ok(Self(identity))
    }

    /// A connection without a user: it has the limits of its address only.
    #[staticmethod]
    fn guest() -> Self {
        Self(core::Identity::guest())
    }

    /// The user's name within namespace and tenant; None for a guest.
    #[getter]
    fn subject(&self) -> Option<&str> {
        self.0.subject()
    }

    /// Who vouches for the subject; None for a guest.
    #[getter]
    fn namespace(&self) -> Option<&str> {
        self.0.user().map(|user| &*user.namespace)
    }

    /// The tenant within the namespace, empty where there are none; None for a guest.
    #[getter]
    fn tenant(&self) -> Option<&str> {
        self.0.user().map(|user| &*user.tenant)
    }

    /// What the identity permits.
    #[getter]
    fn scopes(&self) -> Vec<&str> {
        self.0.scopes().iter().map(|scope| &**scope).collect()
    }

    /// When the identity ends, in seconds since 1970; None: it does not.
    #[getter]
    fn expires(&self) -> Option<f64> {
        self.0.expires().map(seconds)
    }

    /// When the credential was issued, in seconds since 1970.
    #[getter]
    fn issued_at(&self) -> Option<f64> {
        self.0.issued_at().map(seconds)
    }

    /// The credential's own id (`jti`).
    #[getter]
    fn token_id(&self) -> Option<&str> {
        self.0.token_id()
    }

    /// The host's session that the credential belongs to (`sid`).
    #[getter]
    fn session_id(&self) -> Option<&str> {
        self.0.session_id()
    }

    /// Whether `scope` is permitted.
    fn has_scope(&self, scope: &str) -> bool {
        self.0.has_scope(scope)
    }

    /// Names nobody: the subject may be an e-mail address.
    fn __repr__(&self) -> &'static str {
        if self.0.user().is_some() { "Identity(user)" } else { "Identity(guest)" }
    }
}

/// Seconds since 1970, as credentials count. Whole seconds stay exact.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
pub(crate) fn unix(seconds: f64) -> PyResult<core::UnixTime> {
    if !(0.0..=1e10).contains(&seconds) {
        return Err(PyValueError::new_err("a time is in seconds since 1970"));
    }
    let nanos = (seconds.fract() * 1e9) as u64;
    Ok(core::UnixTime::from_nanos(core::UnixTime::from_secs(seconds as u64).as_nanos().saturating_add(nanos)))
}

#[expect(clippy::cast_precision_loss, reason = "a float of seconds is what Python uses for times")]
pub(crate) fn seconds(at: core::UnixTime) -> f64 {
    at.as_secs() as f64 + (at.as_nanos() % 1_000_000_000) as f64 / 1e9
}

//! What is taken back before it runs out.

use pyo3::prelude::*;
use wswarden_core as core;

use crate::identity::unix;

/// What is taken back: a token, a user's tokens up to a moment, or a host's session.
#[pyclass(frozen, module = "wswarden")]
pub(crate) struct Revocation {
    what: What,
}

enum What {
    Exact(core::Revocation),
    /// Up to the moment at which it is revoked.
    UserUntilNow(core::UserKey),
}

#[pymethods]
impl Revocation {
    /// The token with this id (`jti`).
    ///
    /// Args:
    ///     id: the id.
    ///     namespace: whose id it is: the token's issuer.
    #[staticmethod]
    #[pyo3(signature = (id, *, namespace = ""))]
    fn token(id: &str, namespace: &str) -> Self {
        Self { what: What::Exact(core::Revocation::Token { namespace: namespace.into(), id: id.into() }) }
    }

    /// All credentials of a host's session (`sid`).
    ///
    /// Args:
    ///     id: the id.
    ///     namespace: whose id it is: the token's issuer, or the name of a session store.
    #[staticmethod]
    #[pyo3(signature = (id, *, namespace = ""))]
    fn session(id: &str, namespace: &str) -> Self {
        Self { what: What::Exact(core::Revocation::Session { namespace: namespace.into(), id: id.into() }) }
    }

    /// All of a user's credentials issued up to a moment, that moment's whole second included.
    ///
    /// Args:
    ///     subject: the user's name within namespace and tenant.
    ///     namespace: who vouches for the subject.
    ///     tenant: the tenant; empty where there are none.
    ///     issued_until: seconds since 1970; by default the moment of revoking.
    ///
    /// Raises:
    ///     ValueError: for a time before 1970.
    #[staticmethod]
    #[pyo3(signature = (subject, *, namespace = "", tenant = "", issued_until: "float | None" = None))]
    fn user(subject: &str, namespace: &str, tenant: &str, issued_until: Option<f64>) -> PyResult<Self> {
        let user = core::UserKey { namespace: namespace.into(), tenant: tenant.into(), subject: subject.into() };
        let what = match issued_until {
            None => What::UserUntilNow(user),
            Some(at) => What::Exact(core::Revocation::User { user, issued_until: unix(at)? }),
        };
        Ok(Self { what })
    }

    fn __repr__(&self) -> &'static str {
        match self.what {
            What::Exact(core::Revocation::Token { .. }) => "Revocation.token(..)",
            What::Exact(core::Revocation::Session { .. }) => "Revocation.session(..)",
            _ => "Revocation.user(..)",
        }
    }
}

impl Revocation {
    pub(crate) fn at(&self, now: core::UnixTime) -> core::Revocation {
        match &self.what {
            What::Exact(what) => what.clone(),
            What::UserUntilNow(user) => core::Revocation::User { user: user.clone(), issued_until: now },
        }
    }
}

//! Policies: read here, with keys and schemas that JavaScript brings.

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use wswarden_core::policy::{External, ExternalKind, PolicyDraft};
use wswarden_core::{Policy, PolicyError, Reason};

use crate::values::HostLimits;
use crate::{Result, error};

/// A policy that has been read; what it names elsewhere may still be missing.
#[napi]
pub struct NativePolicy {
    draft: PolicyDraft,
    sources: Vec<External>,
    built: Option<Policy>,
}

/// A value of the policy that lies elsewhere.
#[napi(object)]
pub struct Source {
    /// `env` or `file`.
    pub kind: String,
    /// The variable's name, or the file's path as written.
    pub name: String,
}

#[napi]
impl NativePolicy {
    /// Reads JSON, or TOML.
    #[napi(constructor, catch_unwind)]
    pub fn new(text: String, toml: bool) -> Result<Self> {
        let draft = if toml { PolicyDraft::from_toml(&text) } else { PolicyDraft::from_json(&text) }.map_err(wrong)?;
        Ok(Self { sources: draft.sources(), draft, built: None })
    }

    /// What has to be provided.
    #[napi]
    pub fn sources(&self) -> Vec<Source> {
        let source = |source: &External| Source {
            kind: match source.kind {
                ExternalKind::Env => "env".into(),
                ExternalKind::File => "file".into(),
            },
            name: source.name.clone(),
        };
        self.sources.iter().map(source).collect()
    }

    /// Provides a source, by its place in `sources()`.
    #[napi(catch_unwind)]
    pub fn provide(&mut self, index: u32, bytes: Uint8Array) -> Result<()> {
        let source = self.source(index)?;
        self.draft.provide(&source, &bytes).map_err(wrong)
    }

    /// Says that a source cannot be had: throws with the place where it is named.
    #[napi(catch_unwind)]
    pub fn unavailable(&self, index: u32, why: String) -> Result<()> {
        Err(wrong(self.draft.unavailable(&self.source(index)?, &why)))
    }

    /// Checks it. What is allowed but seldom meant is in the answer.
    #[napi(catch_unwind)]
    pub fn build(&mut self) -> Result<Vec<Warning>> {
        let policy = self.draft.clone().build().map_err(wrong)?;
        let warnings = policy.warnings().iter().map(|warning| Warning {
            place: warning.place().into(),
            problem: warning.problem().into(),
            remedy: warning.remedy().into(),
        });
        let warnings = warnings.collect();
        self.built = Some(policy);
        Ok(warnings)
    }

    /// The whole policy as JSON, with all defaults and without secrets.
    #[napi(catch_unwind)]
    pub fn json(&self) -> Result<String> {
        Ok(self.built()?.to_value().to_string())
    }

    /// What a host hands to its WebSocket library for connections to this path.
    #[napi(catch_unwind)]
    pub fn limits(&self, path: String) -> Result<HostLimits> {
        Ok(HostLimits::new(&self.built()?, &path))
    }

    /// The code of a close frame for this reason, in the dialect that is spoken on this path.
    #[napi(catch_unwind)]
    pub fn close_code(&self, path: String, reason: String) -> Result<Option<u32>> {
        let dialect = self.built()?.document_for(&path).dialect;
        Ok(Reason::from_name(&reason).map(|reason| reason.close_code(dialect).into()))
    }

    fn source(&self, index: u32) -> Result<External> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.sources.get(index).cloned().ok_or_else(|| error("policy", "there is no such source"))
    }
}

impl NativePolicy {
    /// The policy, once it was built.
    pub(crate) fn built(&self) -> Result<Policy> {
        self.built.clone().ok_or_else(|| error("policy", "the policy was not built"))
    }
}

/// Something of a policy that is allowed but seldom meant.
#[napi(object)]
pub struct Warning {
    /// The dotted path of the field.
    pub place: String,
    /// What may go wrong.
    pub problem: String,
    /// What would be better.
    pub remedy: String,
}

/// Place, problem and remedy, each on a line of its own.
pub(crate) fn wrong(error: PolicyError) -> napi::Error {
    let remedy = error.remedy().unwrap_or_default();
    crate::error("policy", [error.place(), error.problem(), remedy].join("\n"))
}

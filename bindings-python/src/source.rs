//! Policies and what they name, read from files and the environment.

use std::ffi::OsString;
use std::path::Path;

use wswarden_core::policy::{ExternalKind, PolicyDraft};
use wswarden_core::{Policy, PolicyError};

/// Reads a policy from a file: JSON if its name ends in `.json`, else TOML.
pub(crate) fn from_file(path: &Path) -> Result<Policy, PolicyError> {
    let unreadable = |what: &dyn std::fmt::Display| PolicyError::new("", format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    finish(PolicyDraft::from_text(&path.to_string_lossy(), &text)?, path.parent().unwrap_or(Path::new("")))
}

/// Provides what a draft names, `env:NAME` from the environment and `file:PATH` from below `folder`, and checks it.
pub(crate) fn finish(mut draft: PolicyDraft, folder: &Path) -> Result<Policy, PolicyError> {
    for source in draft.sources() {
        let missing = |why: String| draft.unavailable(&source, &why);
        let value = match source.kind {
            // Never by `env::var`, whose error shows a value that is not UTF-8.
            ExternalKind::Env => std::env::var_os(&source.name)
                .map(OsString::into_encoded_bytes)
                .ok_or_else(|| missing("there is no such variable".into()))?,
            ExternalKind::File => {
                std::fs::read(folder.join(&source.name)).map_err(|error| missing(error.to_string()))?
            }
        };
        draft.provide(&source, &value)?;
    }
    draft.build()
}

//! Policies and the secrets they name, read from files and the environment.

use std::ffi::OsString;
use std::path::Path;

use wswarden_core::policy::{ExternalKind, PolicyDraft};
use wswarden_core::{Policy, PolicyError};

/// Reads a policy from a file: JSON if its name ends in `.json`, else TOML. Values written as
/// `env:NAME` come from the environment, those written as `file:PATH` from files next to it.
///
/// # Errors
/// What is wrong with the policy, or what could not be read.
pub fn policy_from_file(path: impl AsRef<Path>) -> Result<Policy, PolicyError> {
    let path = path.as_ref();
    let unreadable = |what: &dyn std::fmt::Display| PolicyError::new("", format!("{}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    policy_draft(path, &text)?.build()
}

/// Reads the text of a policy that came from a file at `path`, and provides what it names, as
/// [`policy_from_file`] does. For tools that show the text, or need more of it than the policy.
///
/// # Errors
/// What is wrong with the text, or which value could not be read.
pub fn policy_draft(path: impl AsRef<Path>, text: &str) -> Result<PolicyDraft, PolicyError> {
    let path = path.as_ref();
    let mut draft = PolicyDraft::from_text(&path.to_string_lossy(), text)?;
    for source in draft.sources() {
        let missing = |why: String| draft.unavailable(&source, &why);
        let value = match source.kind {
            // Never by `env::var`, whose error shows a value that is not UTF-8.
            ExternalKind::Env => std::env::var_os(&source.name)
                .map(OsString::into_encoded_bytes)
                .ok_or_else(|| missing("there is no such variable".into()))?,
            ExternalKind::File => {
                let file = path.parent().unwrap_or(Path::new("")).join(&source.name);
                std::fs::read(&file).map_err(|error| missing(error.to_string()))?
            }
        };
        draft.provide(&source, &value)?;
    }
    Ok(draft)
}

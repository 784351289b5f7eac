//! Policies and the secrets they name, read from files and the environment.

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
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let mut draft = if is_json { PolicyDraft::from_json(&text)? } else { PolicyDraft::from_toml(&text)? };
    for source in draft.sources() {
        let missing = |why: String| PolicyError::new(source.place.clone(), why);
        let value = match source.kind {
            ExternalKind::Env => std::env::var(&source.name)
                .map(String::into_bytes)
                .map_err(|error| missing(format!("environment variable {}: {error}", source.name)))?,
            ExternalKind::File => {
                let file = path.parent().unwrap_or(Path::new("")).join(&source.name);
                std::fs::read(&file).map_err(|error| missing(format!("{}: {error}", file.display())))?
            }
        };
        draft.provide(&source, &value)?;
    }
    draft.build()
}

//! `wswarden check`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;
use wswarden::Policy;

use crate::report::{Finding, Source};

/// Check a policy, and say where and why it cannot be.
///
/// Reads TOML, or JSON if the name ends in .json. Values written as env:NAME are read from the
/// environment, those written as file:PATH from files next to the policy, so that keys are
/// checked too. An error or warning names the field and the line, and what would be right.
///
/// Exit status: 0 if the policy is good, 1 if it is not, 2 if the file cannot be read.
#[derive(clap::Args)]
pub(crate) struct Check {
    /// The policy.
    file: PathBuf,
    /// How the findings are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Take warnings for errors, in the exit status.
    #[arg(long)]
    deny_warnings: bool,
}

/// How findings are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, to the standard error.
    Text,
    /// For programs, to the standard output: { file, ok, errors, warnings }.
    Json,
}

pub(crate) fn run(check: &Check) -> miette::Result<ExitCode> {
    let text = read(&check.file)?;
    let name = check.file.display().to_string();
    let source = Source { name: &name, text: &text };
    let policy = wswarden::policy_draft(&check.file, &text).and_then(|draft| draft.build());
    let errors: Vec<Finding> = policy.as_ref().err().map(Finding::from).into_iter().collect();
    let warnings = policy.as_ref().map(Policy::warnings).unwrap_or_default();
    let warnings: Vec<Finding> = warnings.iter().map(Finding::from).collect();
    let good = errors.is_empty() && (warnings.is_empty() || !check.deny_warnings);
    match check.format {
        Format::Text => {
            errors.iter().chain(&warnings).for_each(|finding| finding.print(&source));
            if errors.is_empty() {
                let told = match warnings.len() {
                    0 => String::new(),
                    1 => ", with a warning".into(),
                    many => format!(", with {many} warnings"),
                };
                crate::print(&format!("{name}: the policy is good{told}"))?;
            }
        }
        Format::Json => {
            let json = |findings: &[Finding]| findings.iter().map(|finding| finding.json(&text)).collect::<Vec<_>>();
            let report = json!({ "file": name, "ok": good, "errors": json(&errors), "warnings": json(&warnings) });
            crate::print(&format!("{report:#}"))?;
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads a policy's text.
pub(crate) fn read(file: &Path) -> miette::Result<String> {
    std::fs::read_to_string(file).map_err(|error| miette::miette!("{} cannot be read: {error}", file.display()))
}

//! Errors and warnings as people and as programs read them.

use std::io::{IsTerminal, Write};
use std::ops::Range;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report, Severity};
use serde_json::{Value, json};
use wswarden::PolicyError;
use wswarden::policy::PolicyWarning;

/// A policy's text, and what it is called.
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

/// An error or warning, seen the same way.
pub(crate) struct Finding {
    severity: Severity,
    place: String,
    problem: String,
    help: Option<String>,
    span: Option<Range<usize>>,
}

impl From<&PolicyError> for Finding {
    fn from(error: &PolicyError) -> Self {
        Self {
            severity: Severity::Error,
            place: error.place().into(),
            problem: error.problem().into(),
            help: error.remedy().map(Into::into),
            span: error.span(),
        }
    }
}

impl From<&PolicyWarning> for Finding {
    fn from(warning: &PolicyWarning) -> Self {
        Self {
            severity: Severity::Warning,
            place: warning.place().into(),
            problem: warning.problem().into(),
            help: Some(warning.remedy().into()),
            span: warning.span(),
        }
    }
}

impl Finding {
    /// Prints a report with file, line and caret to the standard error.
    pub(crate) fn print(&self, source: &Source<'_>) {
        let message = match (self.place.is_empty(), &self.span) {
            (true, Some(_)) => self.problem.clone(),
            (true, None) => format!("{}: {}", source.name, self.problem),
            (false, _) => format!("{}: {}", self.place, self.problem),
        };
        let mut diagnostic = MietteDiagnostic::new(message).with_severity(self.severity);
        if let Some(help) = &self.help {
            diagnostic = diagnostic.with_help(help);
        }
        let report = match &self.span {
            Some(span) => {
                let masked = mask(source.text);
                let report = Report::new(diagnostic.with_label(LabeledSpan::underline(span.clone())));
                report.with_source_code(NamedSource::new(source.name, masked))
            }
            None => Report::new(diagnostic),
        };
        failure(&report);
    }

    /// The same for programs; lines and columns are counted from 1, columns in characters.
    pub(crate) fn json(&self, text: &str) -> Value {
        let before = self.span.as_ref().and_then(|span| text.get(..span.start));
        let at = before.map(|before| {
            let line = before.rsplit('\n').next().unwrap_or_default();
            (before.matches('\n').count() + 1, line.chars().count() + 1)
        });
        json!({
            "place": self.place,
            "problem": self.problem,
            "help": self.help,
            "line": at.map(|(line, _)| line),
            "column": at.map(|(_, column)| column),
            "span": self.span.as_ref().map(|span| [span.start, span.end]),
        })
    }
}

/// Prints any failure to the standard error, with colours where someone looks.
pub(crate) fn failure(report: &Report) {
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let theme = if coloured { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
    if handler.render_report(&mut text, report.as_ref()).is_err() {
        text = format!("{report}\n");
    }
    // There is nobody left to tell if this fails.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The text with the letters of every literal secret as stars, of the same length in bytes: a
/// report shows the lines around a fault, and reports end up in the logs of build servers.
fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("secret") {
        let name_end = at + "secret".len();
        let (before, after) = rest.split_at(name_end);
        masked.push_str(before);
        rest = after;
        let value = after.trim_start_matches(['"', '\'', ' ', '\t']);
        let Some(value) = value.strip_prefix(['=', ':']) else { continue };
        let value = value.trim_start();
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
        let value = value.trim_start_matches(quote);
        if value.starts_with("env:") || value.starts_with("file:") {
            continue;
        }
        masked.push_str(&after[..after.len() - value.len()]);
        let (secret, end) = value.split_at(value.find(quote).unwrap_or(value.len()));
        masked
            .extend(secret.chars().flat_map(|c| std::iter::repeat_n(if c == '\n' { '\n' } else { '*' }, c.len_utf8())));
        rest = end;
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn secrets_are_stars_of_the_same_length() {
        for (text, masked) in [
            ("secret = \"abc\", kid = \"x\"", "secret = \"***\", kid = \"x\""),
            ("{\"secret\" :\n 'äb'}", "{\"secret\" :\n '***'}"),
            ("secret = \"\"\"a\nb\"\"\"", "secret = \"\"\"*\n*\"\"\""),
            ("secret = \"env:KEY\" # secret", "secret = \"env:KEY\" # secret"),
            ("secret_base64 = true, secret = 'a", "secret_base64 = true, secret = '*"),
            ("secret = 7\nname = \"b\"", "secret = 7\nname = \"b\""),
        ] {
            assert_eq!(mask(text), masked);
            assert_eq!(mask(text).len(), text.len());
        }
    }
}

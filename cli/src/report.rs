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
        // Whatever stands below `credential` may be a key that has slipped into the wrong field.
        let near_keys = self.place.split(['.', '[']).any(|name| name == "credential");
        let report = match &self.span {
            Some(span) => {
                let masked = if near_keys { mask_all(source.text) } else { mask(source.text) };
                let report = Report::new(diagnostic.with_label(LabeledSpan::underline(span.clone())));
                report.with_source_code(NamedSource::new(source.name, masked))
            }
            None => Report::new(diagnostic),
        };
        failure(&report);
    }

    /// Where it is, counted from 1.
    fn line_and_column(&self, text: &str) -> Option<(usize, usize)> {
        let before = text.get(..self.span.as_ref()?.start)?;
        let line = before.rsplit('\n').next().unwrap_or_default();
        Some((before.matches('\n').count() + 1, line.chars().count() + 1))
    }

    /// The same for programs; lines and columns are counted from 1, columns in characters.
    pub(crate) fn json(&self, text: &str) -> Value {
        let at = self.line_and_column(text);
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
    ["secret", "secret_base64", "key", "pem", "k"].into_iter().fold(text.to_owned(), |text, name| mask_of(name, &text))
}

fn mask_of(name: &str, text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let name_end = at + name.len();
        let within_a_word = rest[..at].ends_with(char::is_alphanumeric);
        let (before, after) = rest.split_at(name_end);
        masked.push_str(before);
        rest = after;
        if within_a_word {
            continue;
        }
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

/// The same for every string, but for those that only say where a key lies, and for the names of JSON's members.
fn mask_all(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '#']) {
        let (before, from) = rest.split_at(at);
        masked.push_str(before);
        let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| from.starts_with(quotes));
        let Some(quotes) = quotes else {
            // A comment may have an apostrophe.
            let (comment, after) = from.split_at(from.find('\n').unwrap_or(from.len()));
            masked.push_str(comment);
            rest = after;
            continue;
        };
        let inside = from.strip_prefix(quotes).unwrap_or_default();
        let length = closing(inside, quotes);
        let (string, after) = inside.split_at(length);
        let is_name = after.strip_prefix(quotes).is_some_and(|after| after.trim_start().starts_with(':'));
        let shown = is_name || string.starts_with("env:") || string.starts_with("file:");
        masked.push_str(quotes);
        let stars = |c: char| {
            std::iter::repeat_n(if c == '\n' || shown { c } else { '*' }, if shown { 1 } else { c.len_utf8() })
        };
        masked.extend(string.chars().flat_map(stars));
        let (end, after) = after.split_at(quotes.len().min(after.len()));
        masked.push_str(end);
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// How long a string is, of which the quotes are given that open it.
fn closing(inside: &str, quotes: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = inside.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(quotes) {
            return at;
        }
        let escape = usize::from(rest.starts_with('\\') && quotes.starts_with('"'));
        at += rest.chars().take(1 + escape).map(char::len_utf8).sum::<usize>();
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::{mask, mask_all};

    #[test]
    fn near_keys_every_string_is_stars() {
        for (text, masked) in [
            ("# don't\nkeys = ['abc', \"d\\\"e\"]", "# don't\nkeys = ['***', \"****\"]"),
            ("{\"alg\": \"abc\", \"key\" : 'file:k'}", "{\"alg\": \"***\", \"key\" : 'file:k'}"),
            ("pem = \"\"\"ä\nb\"\"\"\nkey = 'a", "pem = \"\"\"**\n*\"\"\"\nkey = '*"),
        ] {
            assert_eq!(mask_all(text), masked);
            assert_eq!(mask_all(text).len(), text.len());
        }
    }

    #[test]
    fn secrets_are_stars_of_the_same_length() {
        for (text, masked) in [
            ("secret = \"abc\", kid = \"x\"", "secret = \"***\", kid = \"x\""),
            ("{\"secret\" :\n 'äb'}", "{\"secret\" :\n '***'}"),
            ("secret = \"\"\"a\nb\"\"\"", "secret = \"\"\"*\n*\"\"\""),
            ("secret = \"env:KEY\" # secret", "secret = \"env:KEY\" # secret"),
            ("secret_base64 = true, secret = 'a", "secret_base64 = true, secret = '*"),
            ("secret = 7\nname = \"b\"", "secret = 7\nname = \"b\""),
            ("network = 'abc'", "network = 'abc'"),
            ("key = 'abc'\nsecret_base64 = 'd'", "key = '***'\nsecret_base64 = '*'"),
            ("jwk = { kty = 'oct', k = 'abc' }, pem = 'd'", "jwk = { kty = 'oct', k = '***' }, pem = '*'"),
        ] {
            assert_eq!(mask(text), masked);
            assert_eq!(mask(text).len(), text.len());
        }
    }
}

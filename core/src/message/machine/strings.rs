//! What a string may be.

use std::borrow::Cow;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind, meta};

use super::format::{self, Format};
use super::full::Full;
use super::logic::Logic;
use super::names::Names;
use super::text::{Span, Text, Unescaped};

/// What a string may be.
#[derive(Debug)]
pub(crate) struct StringRule {
    pub(crate) kind: StringKind,
    /// The place in the schema.
    pub(crate) place: u32,
}

/// The common kinds of rules, each with its own short way.
#[derive(Debug)]
#[repr(u8)] // with the tag in a byte of its own it is read in one step
pub(crate) enum StringKind {
    Never,
    /// At least and at most so many code points: any number of them, if nothing is said.
    Length(usize, usize),
    /// One of these.
    OneOf(Names),
    Uuid,
    Checks(Box<StringChecks>),
}

/// The assertions on a string.
#[derive(Debug, Default)]
pub(crate) struct StringChecks {
    pub(crate) least: usize,
    pub(crate) most: Option<usize>,
    pub(crate) one_of: Option<Names>,
    pub(crate) formats: Vec<FormatCheck>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) logic: Vec<Logic>,
    pub(crate) whole: Vec<Full>,
}

/// A format, and who judges what needs tables of Unicode.
#[derive(Debug)]
pub(crate) struct FormatCheck {
    pub(crate) format: Format,
    pub(crate) tables: Option<Full>,
}

impl FormatCheck {
    fn holds(&self, text: &Text<'_>, span: Span) -> bool {
        let raw = text.slice(span.start, span.end);
        if let Some(tables) = self.tables.as_ref().filter(|_| format::needs_tables(raw)) {
            let quoted = text.slice(span.start.wrapping_sub(1), span.end.wrapping_add(1));
            return tables.accepts(quoted);
        }
        self.format.holds(raw, span.escaped)
    }
}

impl StringKind {
    /// Every string passes.
    pub(crate) const ANY: Self = Self::Length(0, usize::MAX);
}

impl StringRule {
    /// Whether a string that was read before passes, its subtree fallbacks aside.
    pub(crate) fn holds(&self, text: &Text<'_>, span: Span) -> bool {
        let points = || Unescaped::new(text.slice(span.start, span.end)).filter(|byte| byte & 0xc0 != 0x80).count();
        match &self.kind {
            StringKind::Never => false,
            StringKind::Length(least, most) => (*least..=*most).contains(&points()),
            StringKind::OneOf(names) => names.find(text, span).is_some(),
            StringKind::Uuid => Format::Uuid.holds(text.slice(span.start, span.end), span.escaped),
            StringKind::Checks(checks) => {
                let points = points();
                points >= checks.least && checks.most.is_none_or(|most| points <= most) && checks.hold(text, span)
            }
        }
    }

    /// What is judged beside, on the whole value.
    pub(crate) fn rest(&self) -> (&[Full], &[Logic]) {
        match &self.kind {
            StringKind::Checks(checks) => (&checks.whole, &checks.logic),
            _ => (&[], &[]),
        }
    }
}

impl StringChecks {
    /// Whether the string passes, its length and its subtree fallbacks aside.
    #[inline(never)]
    pub(crate) fn hold(&self, text: &Text<'_>, span: Span) -> bool {
        let raw = text.slice(span.start, span.end);
        self.one_of.as_ref().is_none_or(|names| names.find(text, span).is_some())
            && self.formats.iter().all(|format| format.holds(text, span))
            && self.patterns.iter().all(|pattern| pattern.is_in(raw, span.escaped))
    }
}

/// A regular expression, run in time linear in the string.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// A table of states: reads byte by byte, so escapes need no copy.
    Table(Box<dense::DFA<Vec<u32>>>),
    /// Too many states for a table.
    Lazy(Box<meta::Regex>),
}

/// The memory for the table of one pattern.
const TABLE: usize = 1 << 20;
/// The memory for the program of one pattern (RUSTSEC-2022-0013: what is compiled must be bounded too).
const PROGRAM: usize = 1 << 20;

impl Pattern {
    /// Compiles a pattern in the dialect of ECMA 262, as far as it can be run in linear time.
    ///
    /// # Errors
    ///
    /// What the pattern needs that has no linear time, or where its syntax is wrong.
    pub(crate) fn compile(pattern: &str) -> Result<Self, String> {
        let translated =
            jsonschema_regex::to_rust_regex(pattern).map_err(|()| "is not a regular expression".to_owned())?;
        let config = meta::Regex::config().nfa_size_limit(Some(PROGRAM)).match_kind(MatchKind::LeftmostFirst);
        let lazy = meta::Regex::builder().configure(config).build(&translated).map_err(|error| {
            let mut reason =
                "needs more than a linear-time engine can do (look-around, back-references), or is too large"
                    .to_owned();
            if let Some(syntax) = error.syntax_error() {
                let line = syntax.to_string();
                if let Some(last) = line.lines().last() {
                    reason = format!("{reason}: {}", last.trim_start_matches("error: "));
                }
            }
            reason
        })?;
        let table = dense::DFA::builder()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Unanchored)
                    .match_kind(MatchKind::LeftmostFirst)
                    .dfa_size_limit(Some(TABLE))
                    .determinize_size_limit(Some(TABLE << 2)),
            )
            .build(&translated);
        Ok(table.map_or_else(|_| Self::Lazy(Box::new(lazy)), |table| Self::Table(Box::new(table))))
    }

    /// Whether the pattern matches anywhere in the string.
    pub(crate) fn is_in(&self, raw: &[u8], escaped: bool) -> bool {
        match self {
            Self::Table(table) if escaped => runs(table, Unescaped::new(raw)),
            Self::Table(table) => runs(table, raw.iter().copied()),
            Self::Lazy(regex) => regex.is_match(&*unescaped(raw, escaped)),
        }
    }
}

/// Runs a table over bytes.
fn runs(table: &dense::DFA<Vec<u32>>, bytes: impl Iterator<Item = u8>) -> bool {
    let Ok(mut state) = table.start_state(&start::Config::new().anchored(Anchored::No)) else { return false };
    for byte in bytes {
        state = table.next_state(state, byte);
        if table.is_special_state(state) {
            if table.is_match_state(state) {
                return true;
            }
            if table.is_dead_state(state) || table.is_quit_state(state) {
                return false;
            }
        }
    }
    table.is_match_state(table.next_eoi_state(state))
}

/// The bytes that a string stands for.
pub(crate) fn unescaped(raw: &[u8], escaped: bool) -> Cow<'_, [u8]> {
    if escaped { Cow::Owned(Unescaped::new(raw).into_bytes()) } else { Cow::Borrowed(raw) }
}

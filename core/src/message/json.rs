//! Strict JSON: RFC 8259, and the rules by which no two parsers can read two different things.
//!
//! What RFC 8259 leaves open is decided here, once (the names are those of the JSONTestSuite):
//!
//! | case | decision |
//! | --- | --- |
//! | the same key twice, compared after unescaping (`y_object_duplicated_key`) | refused: `duplicate_key` |
//! | a lone or swapped surrogate (`i_string_*surrogate*`, `i_object_key_lone_2nd_surrogate`) | refused: `invalid_json` |
//! | bytes that are not UTF-8 (`i_string_*utf-8*`, `i_string_iso_latin_1`, overlong, cut short) | refused: `invalid_utf8` |
//! | a byte-order mark (`i_structure_UTF-8_BOM_empty_object`), UTF-16 (`i_string_utf16*`) | refused: `invalid_json` or `invalid_utf8` |
//! | 500 arrays in each other (`i_structure_500_nested_arrays`) | refused beyond `max_depth`: `json_limit` |
//! | a number no double holds (`i_number_huge_exp`, `i_number_*_overflow`) | refused: `json_limit` |
//! | an exponent below -309 (`i_number_double_huge_neg_exp`) | refused: `json_limit` |
//! | an integer beyond 64 bits (`i_number_too_big_*`, `i_number_very_big_*`) | accepted up to `max_digits` |
//! | `\u0000` in a value (`y_string_null_escape`) | accepted |
//! | `\u0000` in a key (`y_object_escaped_null_in_key`) | as [`Limits::nul_in_keys`] says |
//! | `__proto__` as a key | refused: `forbidden_key` |

use super::fault::Fault;
use super::machine::{ANY_NODE, Level, Program, Unescaped, judge};
use super::scratch::{MAX_DEPTH, Scratch};
use super::tape::Nobody;

/// What JSON may be, whatever a schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How deep arrays and objects may stand in each other; at most 128.
    pub max_depth: usize,
    /// The most members of one object. Beside it, all open objects together may have 1,024 unknown keys.
    pub max_members: u32,
    /// The most digits of one number; at most 65,536.
    pub max_digits: u32,
    /// What the same key twice means.
    pub duplicates: Duplicates,
    /// Whether `__proto__` may be a key (CVE-2020-15366, CVE-2021-3918).
    pub proto_keys: bool,
    /// Whether a key may hold `\u0000`, at which some readers end it.
    pub nul_in_keys: bool,
}

/// What the same key twice in one object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duplicates {
    /// The text is not valid.
    Refuse,
    /// Nothing: two readers may read two different messages (CVE-2017-12635).
    Allow,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: 32,
            max_members: 1024,
            max_digits: 64,
            duplicates: Duplicates::Refuse,
            proto_keys: false,
            nul_in_keys: true,
        }
    }
}

impl Limits {
    /// No rule but RFC 8259's own: for data that was already judged, or that is only compared.
    pub fn dangerous_lax() -> Self {
        Self {
            max_depth: MAX_DEPTH,
            max_members: u32::MAX,
            max_digits: 65_536,
            duplicates: Duplicates::Allow,
            proto_keys: true,
            nul_in_keys: true,
        }
    }

    /// Whether the key with these bytes between its quotes may not be.
    #[inline(always)]
    pub(crate) fn is_forbidden(&self, raw: &[u8], escaped: bool) -> bool {
        if escaped {
            return self.is_forbidden_spelling(raw);
        }
        raw == b"__proto__" && !self.proto_keys
    }

    #[inline(never)]
    fn is_forbidden_spelling(&self, raw: &[u8]) -> bool {
        let is_proto = || Unescaped::new(raw).eq(b"__proto__".iter().copied());
        (!self.proto_keys && is_proto()) || (!self.nul_in_keys && Unescaped::new(raw).any(|byte| byte == 0))
    }
}

/// Judges bytes as strict JSON: one value, with nothing but white space around it.
///
/// # Errors
///
/// The first fault, in the order of the bytes.
pub fn check(bytes: &[u8], limits: &Limits, scratch: &mut Scratch) -> Result<(), Fault> {
    let mut program = Program::new();
    program.limit_members(limits.max_members);
    judge(&program, ANY_NODE, limits, Level::widest(), bytes, scratch, &mut Nobody).map(|_| ())
}

//! A policy whose keys and schemas may still lie elsewhere.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::text::{self, Parsed, Places, element, member};
use super::{Document, Policy, PolicyError, compile, read};

/// A policy that has been read, but whose `env:NAME` and `file:PATH` values are not there yet.
///
/// The core reads no environment and no files, so the host brings them:
///
/// ```
/// # use wswarden_core::policy::PolicyDraft;
/// # fn read(_: &wswarden_core::policy::External) -> Vec<u8> { b"a key for this example, 32 bytes or more\n".to_vec() }
/// # fn main() -> Result<(), wswarden_core::PolicyError> {
/// # let text = r#"
/// #     origin.allow = ["https://app.example.com"]
/// #     [credential.jwt]
/// #     keys = [{ alg = "HS256", secret = "env:JWT_KEY" }]
/// #     issuer = ["https://id.example.com"]
/// #     audience = ["chat"]
/// # "#;
/// let mut draft = PolicyDraft::from_toml(text)?;
/// for source in draft.sources() {
///     draft.provide(&source, &read(&source))?;
/// }
/// let policy = draft.build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PolicyDraft {
    value: Value,
    places: Places,
    missing: Vec<Missing>,
}

/// What has to be provided, and the JSON Pointer of the table it goes into.
#[derive(Clone, Debug)]
struct Missing {
    source: External,
    table: String,
}

/// A value of a policy that lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// The dotted path of the field, such as `credential.jwt.keys[0].secret`.
    pub place: String,
    /// Where it lies.
    pub kind: ExternalKind,
    /// The variable's name, or the file's path as written.
    pub name: String,
}

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalKind {
    /// In a variable of the environment.
    Env,
    /// In a file.
    File,
}

impl fmt::Display for External {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ExternalKind::Env => "env",
            ExternalKind::File => "file",
        };
        write!(f, "{kind}:{}", self.name)
    }
}

impl PolicyDraft {
    /// Reads TOML.
    ///
    /// # Errors
    /// Text that is not TOML; the error knows where.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        text::parse_toml(text).map(Self::new)
    }

    /// Reads JSON. A field `$schema` at the top is for editors and left out.
    ///
    /// # Errors
    /// Text that is not JSON, or an object that has a name twice; the error knows where.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        text::parse_json(text).map(Self::new)
    }

    /// Reads the text of a file: JSON if the file's name ends in `.json`, else TOML.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml) and [`from_json`](Self::from_json).
    pub fn from_text(file_name: &str, text: &str) -> Result<Self, PolicyError> {
        if file_name.ends_with(".json") { Self::from_json(text) } else { Self::from_toml(text) }
    }

    /// Takes a tree of values, as bindings make them from their language's objects.
    pub fn from_value(value: Value) -> Self {
        Self::new(Parsed { value, places: Places::default() })
    }

    fn new(parsed: Parsed) -> Self {
        let mut missing = Vec::new();
        find(&parsed.value, "", "", &mut missing);
        if let Some(routes) = parsed.value.get("route").and_then(Value::as_array) {
            for (index, route) in routes.iter().enumerate() {
                find(route, &element("route", index), &format!("/route/{index}"), &mut missing);
            }
        }
        Self { value: parsed.value, places: parsed.places, missing }
    }

    /// What still has to be provided, in no particular order.
    pub fn sources(&self) -> Vec<External> {
        self.missing.iter().map(|missing| missing.source.clone()).collect()
    }

    /// Puts a value in its place. One line end at the end of a secret or PEM is left out, as editors
    /// and `echo` add it. A secret that is not UTF-8 is kept byte for byte.
    ///
    /// # Errors
    /// A schema that is not JSON, text that is not UTF-8, or a source this draft does not ask for.
    pub fn provide(&mut self, source: &External, bytes: &[u8]) -> Result<(), PolicyError> {
        let wrong = |problem: String| Err(self.places.locate(PolicyError::new(&source.place, problem)));
        let Some(index) = self.missing.iter().position(|missing| missing.source == *source) else {
            return wrong(format!("{source} was not asked for"));
        };
        let is_schema = source.place.ends_with("schema");
        let is_secret = source.place.ends_with("secret");
        let bytes = if is_schema { bytes } else { without_line_end(bytes) };
        let value = match std::str::from_utf8(bytes) {
            _ if bytes.is_empty() => return wrong(format!("{source} is empty")),
            Ok(text) if is_schema => match text::parse_json(text) {
                Ok(parsed) => parsed.value,
                Err(error) => return wrong(format!("{source}: {error}")),
            },
            Ok(text) => Value::String(text.into()),
            Err(_) if is_secret => Value::String(URL_SAFE_NO_PAD.encode(bytes)),
            Err(_) => return wrong(format!("{source} is not UTF-8")),
        };
        let binary = is_secret && std::str::from_utf8(bytes).is_err();
        let pointer = self.missing.get(index).map(|missing| missing.table.as_str()).unwrap_or_default();
        let Some(table) = self.value.pointer_mut(pointer).and_then(Value::as_object_mut) else {
            return wrong("there is no such field".into());
        };
        if binary && table.get("secret_base64") == Some(&Value::Bool(true)) {
            return wrong(format!("{source} is not base64url, as secret_base64 says"));
        }
        if binary {
            table.insert("secret_base64".into(), Value::Bool(true));
        }
        let name = if is_schema {
            "schema"
        } else if is_secret {
            "secret"
        } else if source.place.ends_with(".ticket.key") {
            "key"
        } else {
            "pem"
        };
        table.insert(name.into(), value);
        self.missing.remove(index);
        Ok(())
    }

    /// The error of a host that could not read `source`: `why` is its sentence.
    pub fn unavailable(&self, source: &External, why: &str) -> PolicyError {
        self.places.locate(PolicyError::new(&source.place, format!("{source} could not be read: {why}")))
    }

    /// The document as it stands, typed but not checked together, with its secrets: for tools that
    /// need a key. Routes are in it as they were written.
    ///
    /// # Errors
    /// Fields that do not exist or are of a wrong type.
    pub fn document(&self) -> Result<Document, PolicyError> {
        read::read(&self.value).map_err(|error| self.places.locate(error))
    }

    /// Checks everything and compiles it.
    ///
    /// # Errors
    /// Anything a policy must not be; see [`Policy`].
    pub fn build(self) -> Result<Policy, PolicyError> {
        if let Some(Missing { source, .. }) = self.missing.first() {
            let names: Vec<_> = self.missing.iter().map(|missing| missing.source.to_string()).collect();
            let error = PolicyError::new(&source.place, format!("not provided: {}", names.join(", ")));
            let help = "the core reads no environment and no files: bring them by PolicyDraft::provide";
            return Err(self.places.locate(error.help(help)));
        }
        compile::compile(&self.value, &self.places).map_err(|error| self.places.locate(error))
    }
}

/// Shows what is missing, never what is there.
impl fmt::Debug for PolicyDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyDraft").field("missing", &self.missing).finish_non_exhaustive()
    }
}

/// Finds what one document's tables, which stand at `place` and `pointer`, have elsewhere.
fn find(tables: &Value, place: &str, pointer: &str, missing: &mut Vec<Missing>) {
    let mut take = |value: Option<&Value>, place: String, table: String, env: bool| {
        let Some(text) = value.and_then(Value::as_str) else { return };
        let (kind, name) = match text.split_once(':') {
            Some(("env", name)) if env => (ExternalKind::Env, name),
            Some(("file", name)) => (ExternalKind::File, name),
            _ => return,
        };
        missing.push(Missing { source: External { place, kind, name: name.into() }, table });
    };
    let sealing = tables.pointer("/credential/ticket/key");
    take(sealing, within(place, "credential.ticket.key"), format!("{pointer}/credential/ticket"), true);
    let keys = tables.pointer("/credential/jwt/keys").and_then(Value::as_array);
    for (index, key) in keys.into_iter().flatten().enumerate() {
        let place = element(&within(place, "credential.jwt.keys"), index);
        for name in ["secret", "pem"] {
            let table = format!("{pointer}/credential/jwt/keys/{index}");
            take(key.get(name), member(&place, name), table, true);
        }
    }
    take(tables.pointer("/message/schema"), within(place, "message.schema"), format!("{pointer}/message"), false);
    let types = tables.pointer("/message/types").and_then(Value::as_object);
    for (name, message_type) in types.into_iter().flatten() {
        let place = member(&member(&within(place, "message.types"), name), "schema");
        let escaped = name.replace('~', "~0").replace('/', "~1"); // RFC 6901 section 3
        take(message_type.get("schema"), place, format!("{pointer}/message/types/{escaped}"), false);
    }
}

fn within(outer: &str, place: &str) -> String {
    if outer.is_empty() { place.into() } else { format!("{outer}.{place}") }
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

//! The conformance protocol: one question as JSON in, one answer as JSON out.
//!
//! Suites of the field and the shared vectors ask the same questions in every language. What an
//! answer is, is decided here; a language's runner reads lines, hands them over and prints what
//! comes back. Nothing here is for servers: answers show what an outsider must never see.

mod content;
mod credential;
mod fields;
mod http;
mod limiter;
mod request;
mod script;
mod tables;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use fields::{Wrong, text};

/// What can be asked, by the name in a question's `op`.
pub const OPS: &[&str] = &[
    "version",
    "reasons",
    "policy",
    "json",
    "schema",
    "origin",
    "origin_parse",
    "client_ip",
    "cookie",
    "header_list",
    "jws",
    "jwk",
    "jwt",
    "request",
    "head",
    "limiter",
    "script",
];

/// Answers one question. The answer has the question's `id`, and `error` where the question is none.
///
/// The same question has the same answer, always: there is no clock and no chance in it.
pub fn answer(question: &Value) -> Value {
    let id = question.get("id").cloned().unwrap_or_default();
    let mut answer = match judge(question) {
        Ok(Value::Object(answer)) => answer,
        Ok(other) => Map::from_iter([("answer".into(), other)]),
        Err(wrong) => Map::from_iter([("error".into(), wrong.to_string().into())]),
    };
    answer.insert("id".into(), id);
    Value::Object(answer)
}

/// Answers one line. A line that is not JSON gets an error, with `null` for its `id`.
pub fn answer_line(line: &[u8]) -> Value {
    match serde_json::from_slice(line) {
        Ok(question) => answer(&question),
        Err(error) => json!({ "id": null, "error": format!("not JSON: {error}") }),
    }
}

fn judge(question: &Value) -> Result<Value, Wrong> {
    if !question.is_object() {
        return Err(Wrong::new("a question is an object"));
    }
    match text(question, "op")? {
        "version" => Ok(tables::version()),
        "reasons" => Ok(tables::reasons()),
        "policy" => tables::policy(question),
        "json" => content::json(question),
        "schema" => content::schema(question),
        "origin" => http::origin(question),
        "origin_parse" => http::origin_parse(question),
        "client_ip" => http::client_ip(question),
        "cookie" => http::cookie(question),
        "header_list" => http::header_list(question),
        "jws" => credential::jws(question),
        "jwk" => credential::jwk(question),
        "jwt" => credential::jwt(question),
        "request" => request::request(question),
        "head" => request::head(question),
        "limiter" => limiter::limiter(question),
        "script" => script::script(question),
        _ => Err(Wrong::new(format!("op: none of {}", OPS.join(", ")))),
    }
}

//! The suites of third parties, asked of a program through the conformance protocol: what they say of
//! the core must hold in every language.

#[expect(dead_code, reason = "each test file uses a part of it")]
mod shared;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use shared::Program;

/// A suite's folder or file; none, and a word about it, if the suites are not here.
fn suite(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/suites");
    let path = std::env::var_os("WSWARDEN_SUITES").map_or(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{name} is missing");
    eprintln!("{name} is not here: its cases were left out");
    None
}

/// A file of JSON; one that holds another's name, as a stored link does, stands for that one.
fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| read(&path.with_file_name(text.trim())))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

struct Asked {
    program: Program,
    cases: usize,
    wrong: Vec<String>,
}

impl Asked {
    fn new() -> Self {
        Self { program: Program::start(), cases: 0, wrong: Vec::new() }
    }

    fn ask(&mut self, question: &Value) -> Value {
        self.cases += 1;
        serde_json::from_str(&self.program.ask(question.to_string().as_bytes())).unwrap()
    }

    fn expect(&mut self, holds: bool, case: impl std::fmt::Display) {
        if !holds {
            self.wrong.push(case.to_string());
        }
    }

    /// A suite that has lost cases has shown nothing of them.
    fn end(self, least: usize) {
        self.program.end();
        assert!(self.wrong.is_empty(), "{} of {}: {:#?}", self.wrong.len(), self.cases, self.wrong);
        assert!(self.cases >= least, "only {} cases", self.cases);
    }
}

/// Integers beyond 64 bits: accepted up to the limit of digits. What else the suite leaves open is refused.
const OPEN_AND_ACCEPTED: [&str; 3] =
    ["i_number_too_big_neg_int", "i_number_too_big_pos_int", "i_number_very_big_negative_int"];
/// Valid by RFC 8259, and refused because two readers may read two different things.
const VALID_AND_REFUSED: [&str; 2] = ["y_object_duplicated_key", "y_object_duplicated_key_and_value"];

#[test]
fn json_test_suite() {
    let Some(folder) = suite("jsontestsuite/test_parsing") else { return };
    let mut asked = Asked::new();
    for path in files(&folder) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let answer = asked.ask(&json!({ "op": "json", "bytes": BASE64_STANDARD.encode(fs::read(&path).unwrap()) }));
        let accept = OPEN_AND_ACCEPTED.contains(&name) || name.starts_with("y_") && !VALID_AND_REFUSED.contains(&name);
        let reasons = ["invalid_json", "invalid_utf8", "json_limit", "duplicate_key"];
        let known = accept || answer["reason"].as_str().is_some_and(|reason| reasons.contains(&reason));
        asked.expect(answer["accept"] == accept && known, format_args!("{name}: {answer}"));
    }
    asked.end(318);
}

/// Labelled valid, and refused on purpose: PS256 for a key whose token says PS384 (346, 350); P-521, by the
/// made-up name "ES521" (347, 351); a question mark inside the base64url (372, 373).
const REFUSED_ON_PURPOSE: [u64; 6] = [346, 347, 350, 351, 372, 373];
/// Labelled invalid, for padding that the file has lost: byte for byte the tokens are test 357, which is valid.
const SAME_AS_357: [u64; 2] = [367, 370];

#[test]
fn wycheproof_json_web_signature() {
    let Some(folder) = suite("wycheproof/testvectors_v1") else { return };
    let file = read(&folder.join("json_web_signature_test.json"));
    let mut asked = Asked::new();
    for group in file["testGroups"].as_array().unwrap() {
        let key = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            let answer = asked.ask(&json!({ "op": "jws", "token": test["jws"], "key": key }));
            let valid = test["result"] == "valid" && !REFUSED_ON_PURPOSE.contains(&id) || SAME_AS_357.contains(&id);
            // A token in another serialization is no text, and the question is told so.
            let right = if test["jws"].is_string() { answer["accept"] == valid } else { answer["error"].is_string() };
            asked.expect(right, format_args!("{id} {}: {answer}", test["comment"]));
        }
    }
    asked.end(401);
}

/// Cookies on which jshttp/cookie differs, by their beginning: it keeps quotes, or takes the first of two.
const REFUSED_COOKIES: [(&str, &str); 6] = [
    ("foo=\"bar", "bad_request"),
    ("  foo  =  \"bar\"", "bad_request"),
    (" foo = \" a", "bad_request"),
    ("foo=%1;bar=bar;foo", "credential_ambiguous"),
    ("foo=false;bar=bar;foo", "credential_ambiguous"),
    ("foo=;bar=bar;foo", "credential_ambiguous"),
];

#[test]
fn cookies_of_jshttp() {
    let Some(path) = suite("cookie-vectors/jshttp-parse.json") else { return };
    let mut asked = Asked::new();
    for case in read(&path).as_array().unwrap() {
        let line = case["cookie"].as_str().unwrap();
        let headers = json!([["Cookie", line]]);
        for (name, want) in case["want"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
            let answer = asked.ask(&json!({ "op": "cookie", "name": name, "headers": headers }));
            let refused = REFUSED_COOKIES.iter().find(|(begin, _)| line.starts_with(begin) && name == "foo");
            let right = match refused {
                Some((_, reason)) => answer["error"] == *reason,
                // It undoes percent escapes, which RFC 6265 does not know.
                None if line.contains("%20") => answer["value"] == "%20%22%2c%3b%2f",
                None => answer["value"] == *want,
            };
            asked.expect(right, format_args!("{line:?} {name}: {answer}"));
        }
        let absent = asked.ask(&json!({ "op": "cookie", "name": "absent", "headers": headers }));
        asked.expect(absent["value"].is_null() && absent["error"].is_null(), format_args!("{line:?}: {absent}"));
    }
    asked.end(23);
}

/// White space around a value is not part of it (RFC 9110 section 5.5), and obs-text may be quoted.
const LOOSER: [&str; 4] = [" for=192.0.2.43", "foo=bar ", "foo=\"\"\t", "foo=\"Ω\", foo=baz"];

#[test]
fn forwarded_of_other_parsers() {
    let Some(folder) = suite("forwarded-vectors") else { return };
    let mut asked = Asked::new();
    // The case stands between two elements that name addresses; the right one is ours, and is passed over
    // only when all of the line can be read.
    let ask = |asked: &mut Asked, lines: &[&str]| {
        let headers: Vec<_> = lines.iter().map(|line| ["forwarded", line]).collect();
        asked.ask(&json!({
            "op": "client_ip", "peer": "10.0.0.1", "trusted": ["10.0.0.0/8"], "header": "forwarded", "headers": headers,
        }))
    };
    for case in read(&folder.join("forwarded-parse.json")).as_array().unwrap() {
        let line = case["forwarded"].as_str().unwrap();
        let whole = format!("{line}, for=192.0.2.7");
        let answer = ask(&mut asked, &[&whole]);
        let fine = case["error"].is_null() || LOOSER.contains(&line);
        let right =
            if fine { answer["ip"] == "192.0.2.7" } else { answer["ip"].is_null() || answer["ip"] == "192.0.2.7" };
        asked.expect(right, format_args!("{line:?}: {answer}"));
    }
    for case in read(&folder.join("aiohttp-forwarded.json")).as_array().unwrap() {
        let lines: Vec<_> = case["forwarded"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let mut with_ours = lines.clone();
        with_ours.push("for=192.0.2.7");
        // Whatever the client wrote, our proxy's own line names the client.
        let answer = ask(&mut asked, &with_ours);
        asked.expect(answer["ip"] == "192.0.2.7", format_args!("{}: {answer}", case["name"]));
        let answer = ask(&mut asked, &lines);
        let last = case["want"].as_array().unwrap().last().and_then(|hop| hop["for"].as_str());
        let address = last.and_then(address).map(|ip| ip.to_string());
        let broken = ["injection", "bad", "ReDoS"].iter().any(|word| case["name"].as_str().unwrap().contains(word));
        let right = answer["ip"].as_str() == address.as_deref() || (broken && answer["error"] == "bad_request");
        asked.expect(right, format_args!("{}: {answer} for {last:?}", case["name"]));
    }
    asked.end(22 + 2 * 18);
}

fn address(node: &str) -> Option<std::net::IpAddr> {
    if let Ok(socket) = node.parse::<std::net::SocketAddr>() {
        return Some(socket.ip());
    }
    node.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(node).parse().ok()
}

/// What the library `ws` refuses and RFC 9110 has: empty elements (section 5.6.1.2), white space around a value
/// (section 5.5). And what gorilla takes: a header for subprotocols that names none.
const DIFFERENT_LISTS: [(&str, &str); 2] =
    [("ws", " foo|foo |foo\t|foo,bar |foo;bar |foo;bar=\"baz\" "), ("gorilla", "")];

#[test]
fn lists_of_other_libraries() {
    let Some(path) = suite("handshake-vectors/header-lists.json") else { return };
    let file = read(&path);
    let mut asked = Asked::new();
    for (key, name) in [
        ("connection", "connection"),
        ("upgrade", "upgrade"),
        ("subprotocol", "sec-websocket-protocol"),
        ("extensions", "sec-websocket-extensions"),
    ] {
        for case in file[key].as_array().unwrap() {
            let value = case["v"].as_str().unwrap();
            let source = case["lib"].as_str().unwrap_or_default();
            let answer = asked.ask(&json!({ "op": "header_list", "name": name, "values": [value] }));
            let spaced =
                DIFFERENT_LISTS.iter().any(|(lib, all)| *lib == source && all.split('|').any(|one| one == value));
            let emptied = source == "ws" && value.split(',').any(|element| element.trim().is_empty());
            let agrees = match &case["ok"] {
                Value::Array(want) => answer["items"] == Value::Array(want.clone()),
                Value::Null => answer["error"] == "bad_request",
                _ => answer["items"].is_array(),
            };
            asked.expect(agrees || spaced || emptied, format_args!("{name}: {value:?} ({source}): {answer}"));
        }
    }
    asked.end(5 + 6 + 25 + 67);
}

#[test]
fn throttled_steps() {
    let Some(path) = suite("gcra-vectors/throttled.json") else { return };
    let steps = read(&path);
    let steps = steps.as_array().unwrap();
    let event = |step: &Value| json!({ "at": step["now_ms"].as_u64().unwrap() * 1_000_000, "cost": step["cost"] });
    let events: Vec<_> = steps.iter().map(event).collect();
    let quota = json!({ "limit": 1, "per": "1s", "burst": 5 });
    let mut asked = Asked::new();
    let answer = asked.ask(&json!({ "op": "limiter", "quota": quota, "events": events }));
    assert_eq!(answer["results"].as_array().unwrap().len(), 16);
    for (step, result) in steps.iter().zip(answer["results"].as_array().unwrap()) {
        // -1: there is nothing to wait for, as it passed or never will.
        let wait = match (result["allow"].as_bool().unwrap(), result["retry_after"].as_i64()) {
            (true, _) | (false, None) => -1,
            (false, Some(nanos)) => nanos / 1_000_000,
        };
        let right = result["allow"] != step["limited"] && step["retry_after_ms"] == wait;
        asked.expect(right, format_args!("{step}: {result}"));
    }
    asked.end(1);
}

#[test]
fn hosts_of_the_url_standard() {
    let Some(path) = suite("wpt-url/toascii.json") else { return };
    let mut asked = Asked::new();
    for case in read(&path).as_array().unwrap() {
        let Some(input) = case["input"].as_str() else { continue };
        let typed = asked.ask(&json!({ "op": "origin_parse", "origin": format!("https://{input}") }));
        let same = case["output"].as_str().is_some_and(|output| output.eq_ignore_ascii_case(input));
        // Only a browser may undo another spelling; beyond ASCII nothing is an origin.
        asked.expect(input.is_ascii() || typed["error"] == "origin_not_allowed", format_args!("{input:?}: {typed}"));
        if let Some(output) = case["output"].as_str() {
            let sent = asked.ask(&json!({ "op": "origin_parse", "origin": format!("https://{output}") }));
            asked.expect(sent["host"] == output && sent["port"] == 443, format_args!("{output:?}: {sent}"));
            asked.expect(same == (typed["host"] == output), format_args!("{input:?}: {typed}, {output:?}"));
        }
    }
    asked.end(150);
}

/// Schemas of the suite by the addresses it gives them.
fn remotes(folder: &Path, under: &str, found: &mut Map<String, Value>) {
    for path in files(folder) {
        let place = format!("{under}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            remotes(&path, &place, found);
        } else {
            found.insert(format!("http://localhost:1234{place}"), read(&path));
        }
    }
}

/// Drafts of one's own making: a policy's schema may name the published ones only.
const UNKNOWN_DRAFTS: [&str; 2] = [
    "http://localhost:1234/draft2020-12/metaschema-no-validation.json",
    "http://localhost:1234/draft2020-12/metaschema-optional-vocabulary.json",
];

#[test]
fn json_schema_test_suite() {
    let Some(folder) = suite("json-schema-test-suite") else { return };
    for (draft, least) in [("draft2020-12", 350), ("draft7", 240)] {
        let mut brought = Map::new();
        remotes(&folder.join("remotes"), "", &mut brought);
        brought.retain(|uri, _| {
            let of = uri.strip_prefix("http://localhost:1234/").and_then(|rest| rest.split('/').next());
            of.is_some_and(|of| of == draft || !(of.starts_with("draft") || of == "v1"))
        });
        let mut asked = Asked::new();
        for path in files(&folder.join("tests").join(draft)).into_iter().filter(|path| path.is_file()) {
            for group in read(&path).as_array().unwrap() {
                let all = group["tests"].as_array().unwrap();
                let instances: Vec<_> = all.iter().map(|one| BASE64_STANDARD.encode(one["data"].to_string())).collect();
                let mut question = json!({
                    "op": "schema", "draft": draft, "schema": group["schema"], "instances": instances, "formats": false,
                });
                if group["schema"].to_string().contains("ref") {
                    question["remotes"] = Value::Object(brought.clone());
                }
                let answer = asked.ask(&question);
                let valid: Vec<_> = all.iter().map(|one| one["valid"].clone()).collect();
                let refused = UNKNOWN_DRAFTS.iter().any(|name| group["schema"]["$schema"] == *name);
                let right = if refused { answer["built"] == false } else { answer["results"] == Value::Array(valid) };
                asked.expect(right, format_args!("{}: {}: {answer}", path.display(), group["description"]));
            }
        }
        asked.end(least);
    }
}

//! The vectors as questions, and a program that is asked them. `tests/README.md` has the format.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Map, Value, json};

/// One case of a file.
pub(crate) struct Case {
    pub(crate) file: String,
    pub(crate) name: String,
    pub(crate) question: Value,
    pub(crate) expect: Value,
}

/// Every case of every file, in order.
pub(crate) fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().flat_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<Case> {
    let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let cases = file["cases"].as_array().unwrap().iter().enumerate();
    let case = |(number, case): (usize, &Value)| {
        let mut question = question(&file, case);
        question["id"] = number.into();
        let mut expect = match case.get("steps").and_then(Value::as_array) {
            Some(steps) => json!({ "steps": steps.iter().map(|step| step["expect"].clone()).collect::<Vec<_>>() }),
            None => case["expect"].clone(),
        };
        expect["id"] = number.into();
        Case { file: name.into(), name: case["name"].as_str().unwrap().into(), question, expect }
    };
    cases.map(case).collect()
}

fn question(file: &Value, case: &Value) -> Value {
    let mut question = case.get("ask").cloned().unwrap_or_else(|| json!({}));
    for field in ["unix", "mono", "seed", "identity"] {
        if let Some(value) = case.get(field) {
            question[field] = value.clone();
        }
    }
    if case.get("ask").is_some() {
        return question;
    }
    let mut requests = file["requests"].as_object().unwrap().clone();
    requests.extend(case.get("requests").and_then(Value::as_object).cloned().unwrap_or_default());
    let policy = merged(&file["policy"], case.get("policy").unwrap_or(&json!({})));
    if let Some(request) = case.get("request") {
        question["op"] = "request".into();
        question["request"] = resolved(request, &requests);
    } else {
        question["op"] = "script".into();
        question["steps"] = case["steps"].as_array().unwrap().iter().map(|one| step(one, &policy, &requests)).collect();
        question["requests"] =
            Value::Object(requests.iter().map(|(name, one)| (name.clone(), resolved(one, &requests))).collect());
    }
    question["policy"] = policy;
    question
}

/// A step without what is expected of it, its request and policy written out.
fn step(step: &Value, policy: &Value, requests: &Map<String, Value>) -> Value {
    let mut step = step.clone();
    step.as_object_mut().unwrap().remove("expect");
    if let Some(open) = step.get("open").filter(|open| open.is_object()) {
        step["open"] = resolved(open, requests);
    }
    if let Some(patch) = step.get("policy") {
        step["policy"] = merged(policy, patch);
    }
    step
}

/// A request by its name, or like another with headers changed.
fn resolved(request: &Value, requests: &Map<String, Value>) -> Value {
    if let Some(name) = request.as_str() {
        return resolved(&requests[name], requests);
    }
    let Some(base) = request.get("like") else { return request.clone() };
    let mut whole = resolved(base, requests);
    let list = |name: &str| request.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let gone: Vec<Value> = list("without").into_iter().chain(list("set").iter().map(|pair| pair[0].clone())).collect();
    let headers = whole["headers"].as_array_mut().unwrap();
    headers.retain(|pair| !gone.contains(&pair[0]));
    headers.extend(list("set").into_iter().chain(list("add")));
    for (name, value) in request.as_object().unwrap() {
        if !["like", "without", "set", "add"].contains(&name.as_str()) {
            whole[name] = value.clone();
        }
    }
    whole
}

/// A JSON merge patch (RFC 7396).
fn merged(base: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut whole = base.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        if value.is_null() {
            whole.remove(name);
        } else {
            let below = merged(whole.get(name).unwrap_or(&Value::Null), value);
            whole.insert(name.clone(), below);
        }
    }
    Value::Object(whole)
}

/// A running program that answers questions: the one in Rust, or the one that `WSWARDEN_CONFORM` names.
pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start() -> Self {
        let built = env!("CARGO_BIN_EXE_wswarden-conform").into();
        let program = std::env::var_os("WSWARDEN_CONFORM").unwrap_or(built);
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// One line in, one line out.
    pub(crate) fn ask(&mut self, line: &[u8]) -> String {
        self.input.write_all(line).unwrap();
        self.input.write_all(b"\n").unwrap();
        self.input.flush().unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "no answer to {}", String::from_utf8_lossy(line));
        answer
    }

    /// The end of the input is the end of the program.
    pub(crate) fn end(self) {
        let Self { mut child, input, output } = self;
        drop((input, output));
        assert!(child.wait().unwrap().success());
    }
}

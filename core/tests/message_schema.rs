//! JSON Schema against the suite of its makers: every engine, the same verdict.

mod message_suites;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use wswarden_core::message::Scratch;
use wswarden_core::message::json::Limits;
use wswarden_core::message::schema::{Draft, Engine, Machinery, Schema, SchemaOptions};

/// Cases that come out otherwise, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

#[derive(Default)]
struct Count {
    cases: usize,
    wrong: Vec<String>,
    engines: BTreeMap<&'static str, usize>,
}

fn remotes(folder: &Path, base: &str, into: &mut BTreeMap<String, Value>) {
    for entry in std::fs::read_dir(folder).expect("the remotes") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            remotes(&path, &format!("{base}/{name}"), into);
        } else if let Ok(schema) = serde_json::from_slice(&std::fs::read(&path).expect("a file")) {
            into.insert(format!("{base}/{name}"), schema);
        }
    }
}

fn run(file: &str, bytes: &[u8], options: &SchemaOptions, count: &mut Count) {
    let groups: Vec<Value> = serde_json::from_slice(bytes).expect("the suite's JSON");
    let mut scratch = Scratch::new();
    for group in &groups {
        let title = format!("{file}: {}", group["description"].as_str().unwrap_or_default());
        let compile = |machinery| {
            let mut options = options.clone();
            options.machinery = machinery;
            Schema::compile(&group["schema"], &options)
        };
        let (auto, full, fast) = (compile(Machinery::Auto), compile(Machinery::Full), compile(Machinery::Fast));
        if let Ok(auto) = &auto {
            *count.engines.entry(auto.engine().name()).or_default() += 1;
            assert_eq!(fast.is_ok(), auto.engine() == Engine::Fast, "{title}: fast compiles what auto runs fast");
        }
        for test in group["tests"].as_array().expect("tests") {
            count.cases += 1;
            let title = format!("{title}: {}", test["description"].as_str().unwrap_or_default());
            let expected = test["valid"] == true;
            let instance = test["data"].to_string();
            let mut verdict = |schema: &Schema| schema.is_valid(instance.as_bytes(), &mut scratch);
            match (&auto, &full) {
                (Ok(auto), Ok(full)) => {
                    let (got, slow) = (verdict(auto), verdict(full));
                    if got.is_ok() != expected {
                        count.wrong.push(format!("{title}: {} says {got:?}, full {slow:?}", auto.engine().name()));
                    } else if slow.is_ok() != expected {
                        count.wrong.push(format!("{title}: only full says {slow:?}"));
                    }
                    if let Ok(fast) = &fast {
                        assert_eq!(verdict(fast).is_ok(), got.is_ok(), "{title}");
                    }
                }
                (Err(error), _) | (_, Err(error)) => count.wrong.push(format!("{title}: {error}")),
            }
        }
    }
}

fn suite(name: &str, draft: Draft) -> Option<[Count; 2]> {
    let root = message_suites::folder("json-schema-test-suite", 3946)?;
    let mut options = SchemaOptions::default();
    options.draft = Some(draft);
    options.tolerate_unknown = true;
    options.limits = Limits::dangerous_lax();
    remotes(&root.join("remotes"), "http://localhost:1234", &mut options.remotes);
    let mut counts = [Count::default(), Count::default()];
    for (at, folder) in ["", "optional", "optional/format"].into_iter().enumerate() {
        options.assert_formats = at == 2;
        for (file, bytes) in message_suites::files(&root.join("tests").join(name).join(folder)) {
            run(&format!("{name}/{folder}/{file}"), &bytes, &options, &mut counts[at.min(1)]);
        }
    }
    Some(counts)
}

fn judge(name: &str, draft: Draft) {
    let Some([required, optional]) = suite(name, draft) else { return };
    eprintln!(
        "{name}: required {} {:?}, optional {} {:?}",
        required.cases, required.engines, optional.cases, optional.engines
    );
    assert!(required.wrong.is_empty(), "{} of {}: {:#?}", required.wrong.len(), required.cases, required.wrong);
    let unexplained: Vec<&String> =
        optional.wrong.iter().filter(|wrong| !EXCEPTIONS.iter().any(|(case, _)| wrong.starts_with(case))).collect();
    assert!(unexplained.is_empty(), "{} of {}: {unexplained:#?}", unexplained.len(), optional.cases);
    assert!(optional.wrong.len() * 100 <= optional.cases, "more than one in a hundred");
}

#[test]
fn draft_2020_12() {
    judge("draft2020-12", Draft::Draft202012);
}

#[test]
fn draft_7() {
    judge("draft7", Draft::Draft7);
}

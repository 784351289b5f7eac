//! `wswarden check` as an operator sees it.

mod run;

use run::{Folder, GOOD, SECRET};

#[test]
fn a_good_policy_is_said_to_be_good() {
    let ran = Folder::new("good", &[("policy.toml", GOOD)]).run(&["check", "policy.toml"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "policy.toml: the policy is good\n", ""));
}

#[test]
fn an_unknown_field_is_shown_with_line_caret_and_what_was_meant() {
    let bad = GOOD.replace("schema =", "shcema =");
    let ran = Folder::new("unknown", &[("policy.toml", &bad)]).run(&["check", "policy.toml"]);
    assert_eq!(ran.code, 1);
    let expected = "  × message.types.chat.shcema: there is no such field
    ╭─[policy.toml:10:1]
  9 │ [message.types.chat]
 10 │ shcema = { type = \"object\" }
    · ──────
    ╰────
  help: did you mean `schema`? allowed here: `schema`, `cost`, `scopes`, `kinds`
";
    assert_eq!(ran.err, expected);
    assert_eq!(ran.out, "");
}

#[test]
fn what_several_fields_disagree_on_is_shown_at_one_of_them() {
    let bad = format!("{GOOD}\n[heartbeat]\ninterval = \"20s\"\ntimeout = \"1min\"\n");
    let ran = Folder::new("cross", &[("policy.toml", &bad)]).run(&["check", "policy.toml"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("heartbeat.timeout: found 1min, which is not less than heartbeat.interval, 20s"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("[policy.toml:14:11]") && ran.err.contains("14 │ timeout = \"1min\""), "{}", ran.err);
    assert!(ran.err.contains("help: the answer to one ping must be due before the next is sent"), "{}", ran.err);
}

#[test]
fn a_fault_of_syntax_is_shown_in_both_formats() {
    let folder = Folder::new("syntax", &[("policy.toml", "[origin\n"), ("policy.json", "{\n  \"cap\": }")]);
    let toml = folder.run(&["check", "policy.toml"]);
    assert!(
        toml.code == 1 && toml.err.contains("this is not TOML") && toml.err.contains("[policy.toml:1:"),
        "{}",
        toml.err
    );
    let json = folder.run(&["check", "policy.json"]);
    assert!(
        json.code == 1 && json.err.contains("this is not JSON") && json.err.contains("[policy.json:2:10]"),
        "{}",
        json.err
    );
}

#[test]
fn keys_and_schemas_are_read_from_where_they_lie() {
    let policy =
        GOOD.replace("{ type = \"object\" }", "\"file:chat.schema.json\"").replace("env:JWT_KEY", "file:key.txt");
    let key = format!("{SECRET}\n");
    let files = [("policy.toml", &*policy), ("key.txt", &key), ("chat.schema.json", "{ \"type\": \"object\" }")];
    assert_eq!(Folder::new("files", &files).run(&["check", "policy.toml"]).code, 0);
    let absent = Folder::new("no-files", &files[..1]).run(&["check", "policy.toml"]);
    assert_eq!(absent.code, 1);
    assert!(absent.err.contains("file:key.txt could not be read"), "{}", absent.err);
    assert!(absent.err.contains("[policy.toml:4:35]"), "{}", absent.err);
}

#[test]
fn a_missing_or_weak_key_is_told_and_never_shown() {
    let folder =
        Folder::new("weak", &[("policy.toml", GOOD), ("literal.toml", &GOOD.replace("env:JWT_KEY", "short-needle"))]);
    let absent = folder.run_with(&["check", "policy.toml"], None);
    assert!(absent.code == 1 && absent.err.contains("env:JWT_KEY could not be read"), "{}", absent.err);
    let weak = folder.run_with(&["check", "policy.toml"], Some("short-needle"));
    assert!(
        weak.code == 1 && weak.err.contains("RFC 7518 section 3.2") && !weak.err.contains("needle"),
        "{}",
        weak.err
    );
    // The report shows the line of the key, and is kept in the logs of build servers.
    let literal = folder.run(&["check", "literal.toml"]);
    assert!(literal.code == 1 && literal.err.contains("secret = \"************\""), "{}", literal.err);
    assert!(!literal.err.contains("needle"), "{}", literal.err);
}

#[test]
fn warnings_are_shown_and_can_be_denied() {
    let policy = GOOD.replace("audience", "waive = [\"exp\"]\naudience");
    let folder = Folder::new("warnings", &[("policy.toml", &policy)]);
    let ran = folder.run(&["check", "policy.toml"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "policy.toml: the policy is good, with a warning\n"));
    assert!(ran.err.contains("⚠ credential.jwt.waive[0]: a stolen token is good for ever"), "{}", ran.err);
    assert!(ran.err.contains("[policy.toml:6:10]") && ran.err.contains("help: let the issuer set"), "{}", ran.err);
    assert_eq!(folder.run(&["check", "--deny-warnings", "policy.toml"]).code, 1);
}

#[test]
fn programs_read_json() {
    let folder = Folder::new("json", &[("policy.toml", &GOOD.replace("audience", "audiense")), ("good.toml", GOOD)]);
    let ran = folder.run(&["check", "--format", "json", "policy.toml"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["ok"], false);
    let error = &report["errors"][0];
    assert_eq!(error["place"], "credential.jwt.audiense");
    assert_eq!((error["line"].as_u64(), error["column"].as_u64()), (Some(6), Some(1)));
    assert!(error["help"].as_str().unwrap().starts_with("did you mean `audience`?"));
    let good = folder.run(&["check", "--format", "json", "good.toml"]);
    let report: serde_json::Value = serde_json::from_str(&good.out).unwrap();
    assert_eq!((good.code, report["ok"].as_bool(), report["errors"].as_array().unwrap().len()), (0, Some(true), 0));
}

#[test]
fn a_file_that_is_not_there_is_another_failure() {
    let folder = Folder::new("absent", &[]);
    let ran = folder.run(&["check", "policy.toml"]);
    assert!(ran.code == 2 && ran.err.contains("policy.toml cannot be read"), "{}", ran.err);
    assert_eq!(folder.run(&["chek"]).code, 2);
}

#[test]
fn the_schema_is_the_one_of_the_repository() {
    let ran = Folder::new("schema", &[]).run(&["schema"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, include_str!("../../policy.schema.json")));
}

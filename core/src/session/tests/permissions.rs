//! Stories of who may send what.

use super::*;

const SCOPED: &str = r#"
[message]
unknown_type = "dangerous-deliver"
errors = { limit = 100, per = "60s" }
[message.types.chat]
scopes = ["chat:write"]
[message.types.typing]
scopes = []
[message.types.forgotten]
schema = { type = "object" }
"#;

fn answer(story: &mut Story, session: &mut crate::Session, name: &str) -> Option<Reason> {
    match story.text(session, &format!(r#"{{"type":"{name}"}}"#)).verdict {
        Verdict::Deliver(_) => None,
        Verdict::Reply(reply) => Some(reply.reason),
        other => panic!("{other:?}"),
    }
}

/// Deny by default: a line that is forgotten locks out, not in.
#[test]
fn once_a_type_names_scopes_a_type_that_says_nothing_is_nobodys() {
    let mut story = Story::new(SCOPED);
    let told: Vec<_> = story.guard.policy().warnings().iter().map(|one| one.place().to_owned()).collect();
    assert!(told.contains(&"message.types.forgotten".to_owned()), "{told:?}");
    for (scope, chat) in [("chat:write", None), ("chat:read", Some(Reason::Forbidden)), ("", Some(Reason::Forbidden))] {
        let token = story.token_with("ann", 600, serde_json::json!({ "scope": scope }));
        let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
        assert_eq!(answer(&mut story, &mut session, "chat"), chat);
        assert_eq!(answer(&mut story, &mut session, "typing"), None, "which is said to be everybody's");
        assert_eq!(answer(&mut story, &mut session, "forgotten"), Some(Reason::Forbidden));
        assert_eq!(answer(&mut story, &mut session, "unheard-of"), Some(Reason::Forbidden));
    }
}

#[test]
fn where_no_type_names_scopes_everybody_may_send_every_type() {
    let mut story = Story::new(&SCOPED.replace("scopes = [\"chat:write\"]", ""));
    let mut session = story.open_user("ann");
    for name in ["chat", "typing", "forgotten", "unheard-of"] {
        assert_eq!(answer(&mut story, &mut session, name), None, "{name}");
    }
}

/// The names are not compared for each message: what was found must not outlive rules or identity.
#[test]
fn who_may_send_what_is_found_out_anew_when_the_rules_or_the_identity_change() {
    let refresh = "credential.refresh = { type = \"auth\", field = \"token\" }";
    let mut story = Story::new(&merged(SCOPED, refresh));
    let token = |story: &Story, scope| story.token_with("ann", 600, serde_json::json!({ "scope": scope }));
    let first = token(&story, "chat:write other");
    let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {first}")));
    assert_eq!(answer(&mut story, &mut session, "chat"), None);

    let other = SCOPED.replace("chat:write", "other").replace("scopes = []", "scopes = [\"nobodys\"]");
    let reload = |story: &Story, policy: &str| {
        let policy = crate::Policy::from_toml(&merged(crate::story::POLICY, &merged(policy, refresh))).unwrap();
        let _ = story.guard.reload(policy).unwrap();
    };
    reload(&story, &other);
    assert_eq!(answer(&mut story, &mut session, "chat"), None, "by the other scope");
    assert_eq!(answer(&mut story, &mut session, "typing"), Some(Reason::Forbidden));

    // A refresh may narrow; the message that carries it asks for no scope.
    let message = serde_json::json!({ "type": "auth", "token": token(&story, "chat:write") }).to_string();
    assert_eq!(story.text(&mut session, &message).verdict, Verdict::Authenticate);
    let judgement = session.authenticate(message.as_bytes(), story.now);
    assert!(matches!(judgement, Judgement::Done(outcome) if outcome.verdict == Verdict::Ignore));
    assert_eq!(answer(&mut story, &mut session, "chat"), Some(Reason::Forbidden));
    reload(&story, SCOPED);
    assert_eq!(answer(&mut story, &mut session, "chat"), None);
    assert_eq!(answer(&mut story, &mut session, "typing"), None);
}

/// More types than there are bits to note them in.
#[test]
fn the_hundredth_type_is_judged_like_the_first() {
    let types = (0..100).map(|number| {
        let scopes = ["[]", "[\"one\"]", "[\"two\"]"][number % 3];
        format!("[message.types.t{number:03}]\nscopes = {scopes}\n")
    });
    let mut story = Story::new(&format!(
        "rate.connection.messages = \"1000/s\"\nrate.user.messages = \"1000/s\"\n\
         rate.address.messages = \"1000/s\"\nmessage.errors = {{ limit = 100, per = \"60s\" }}\n{}",
        types.collect::<String>()
    ));
    let token = story.token_with("ann", 600, serde_json::json!({ "scope": "one" }));
    let mut session = story.open(&Client::stranger().header("authorization", format!("Bearer {token}")));
    for number in 0..100 {
        let expected = (number % 3 == 2).then_some(Reason::Forbidden);
        assert_eq!(answer(&mut story, &mut session, &format!("t{number:03}")), expected, "{number}");
    }
}

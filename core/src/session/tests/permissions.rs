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

//! The README says what the code does.

use wswarden::policy::{Document, JwkSet, Jwt};
use wswarden::{Dialect, Reason, Retry};

const README: &str = include_str!("../../README.md");

/// The part of the README between a table's marks.
fn table(name: &str) -> &'static str {
    let (_, after) = README.split_once(&format!("<!-- {name} -->\n")).expect("the table's beginning is marked");
    after.split_once("<!-- end -->").expect("and its end").0.trim()
}

fn assert_same(name: &str, right: &str) {
    assert!(table(name) == right.trim(), "the README's table `{name}` is out of date; the right one is:\n\n{right}");
}

#[test]
fn the_table_of_reasons_is_the_cores() {
    let mut right = String::from(
        "| reason | number | HTTP | close `app` | close `rfc` | retry | meaning |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for reason in Reason::ALL {
        let retry = match reason.retry() {
            Retry::Never => "never",
            Retry::Now => "now",
            Retry::Backoff => "with growing pauses",
            Retry::AfterDelay => "after the delay told",
            Retry::WithNewCredential => "with a new credential",
            _ => unreachable!("a kind of advice that this table does not know"),
        };
        right += &format!(
            "| `{}` | {} | {} | {} | {} | {retry} | {} |\n",
            reason.name(),
            reason.number(),
            reason.http_status(),
            reason.close_code(Dialect::App),
            reason.close_code(Dialect::Rfc),
            reason.sentence(),
        );
    }
    assert_same("reasons", &right);
}

#[test]
fn the_table_of_defaults_is_the_policys() {
    let mut document = serde_json::to_value(Document::default()).unwrap();
    document["credential"]["jwt"] =
        serde_json::to_value(Jwt { jwks: Some(JwkSet::default()), ..Jwt::default() }).unwrap();
    let fields = [
        ("transport.max_head", "the largest request head"),
        ("transport.max_headers", "the most header fields"),
        ("transport.head_timeout", "for the whole request head, and before it for the TLS handshake"),
        ("deadline.admit", "for judging the credential, whoever must be asked"),
        ("deadline.first_message", "from the 101 to a good first message"),
        ("credential.ticket.ttl", "how long a ticket may be used"),
        ("credential.ticket.outstanding", "tickets that wait to be used"),
        ("credential.ticket.per_user", "those of one user"),
        ("credential.jwt.max_length", "the longest token that is read"),
        ("credential.jwt.leeway", "how far clocks may differ"),
        ("credential.jwt.jwks.cache", "how long fetched keys are fresh"),
        ("credential.jwt.jwks.cooldown", "from the beginning of one fetch to the next"),
        ("credential.jwt.jwks.stale", "how long keys count beyond that while their source is down"),
        ("credential.jwt.jwks.timeout", "one fetch"),
        ("rate.address.handshakes", "upgrades; a good credential gives its one back"),
        ("rate.address.failures", "credentials refused"),
        ("rate.address.messages", "messages of one address; a /64 of IPv6 is one address"),
        ("rate.user.messages", "messages of one user, all connections together"),
        ("rate.connection.messages", "messages of one connection"),
        ("rate.connection.bytes", "their bytes"),
        ("rate.connection.control", "ping, pong and close frames"),
        ("rate.ban", "shut out after so many closes for violations"),
        ("cap.per_user", "connections of one user"),
        ("cap.per_address", "connections from one address"),
        ("cap.unauthenticated_per_address", "of those, without a good credential yet"),
        ("cap.total", "connections in all"),
        ("message.max_bytes", "one message, all fragments together"),
        ("message.max_fragments", "fragments of one message"),
        ("message.errors", "invalid messages borne before the close"),
        ("message.json.max_depth", "arrays and objects in each other"),
        ("message.json.max_members", "members of one object"),
        ("heartbeat.interval", "from the last pong to the next ping"),
        ("heartbeat.timeout", "from a ping to its pong"),
        ("deadline.close", "from our close frame to the cut"),
        ("deadline.expiry_grace", "from a token's end to the close, where it can be renewed"),
        ("queue.soft", "waiting to be sent: hold back"),
        ("queue.hard", "waiting to be sent: close"),
        ("cap.tracked_addresses", "addresses the limiter remembers"),
        ("cap.tracked_users", "users the limiter remembers"),
        ("cap.cached_tokens", "tokens found good whose signature is not checked again"),
    ];
    let mut right = String::from("| field | default | what it bounds |\n| --- | --- | --- |\n");
    for (field, about) in fields {
        let value = &document[field.split('.').next().unwrap()];
        let value = field.split('.').skip(1).fold(value, |value, name| &value[name]);
        assert!(!value.is_null(), "{field} is not a field");
        let shown =
            value.as_str().map_or_else(|| value.to_string().replace(',', ", ").replace(':', ": "), str::to_owned);
        right += &format!("| `{field}` | `{shown}` | {about} |\n");
    }
    assert_same("defaults", &right);
}

#[test]
fn the_policies_in_the_readme_are_good() {
    let policies: Vec<_> = README.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(policies.len() >= 2);
    for policy in policies.iter().filter(|policy| !policy.contains("[dependencies]")) {
        let policy = policy.replace("env:JWT_KEY", "a key for this test, of 32 bytes or more");
        wswarden::Policy::from_toml(&policy).unwrap_or_else(|error| panic!("{error}\n{policy}"));
    }
}

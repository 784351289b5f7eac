//! Where credentials stand.

use super::*;
use crate::http::{Header, Target};
use crate::policy::{Credential, CredentialKind, Place, Source, SubprotocolForm};
use crate::reason::Reason;

fn source(kind: CredentialKind, place: Place) -> Source {
    let none = Source { kind, place, name: None, form: None, message_type: None, field: None, dangerous_in_url: false };
    match place {
        Place::Query => Source { name: Some("token".into()), dangerous_in_url: true, ..none },
        Place::Cookie => Source { name: Some("sid".into()), ..none },
        Place::Header => none,
        Place::Subprotocol => Source { form: Some(SubprotocolForm::Kubernetes), ..none },
        Place::FirstMessage => Source { message_type: Some("auth".into()), field: Some("token".into()), ..none },
    }
}

fn everywhere() -> Vec<Source> {
    let places = [Place::Query, Place::Header, Place::Subprotocol];
    let mut sources: Vec<Source> = places.into_iter().map(|place| source(CredentialKind::Jwt, place)).collect();
    sources.push(source(CredentialKind::Session, Place::Cookie));
    sources.push(Source { name: Some("X-Api-Key".into()), ..source(CredentialKind::Session, Place::Header) });
    sources
}

fn policy(sources: Vec<Source>) -> Credential {
    Credential { sources, jwt: Some(rules([hs256()])), ..Credential::default() }
}

fn locate(sources: Vec<Source>, headers: &[(&str, &str)], target: &str, protocols: &[&str]) -> Result<Located, Reason> {
    let headers: Vec<Header<'_>> =
        headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    Locator::new(&policy(sources)).unwrap().locate(&headers, &Target::parse(target).unwrap(), protocols)
}

fn explicit(kind: CredentialKind, place: Place, secret: &str) -> Result<Located, Reason> {
    Ok(Located::Explicit { kind, place, secret: secret.into() })
}

fn jwt(place: Place, secret: &str) -> Result<Located, Reason> {
    explicit(CredentialKind::Jwt, place, secret)
}

const K8S: &str = "base64url.bearer.authorization.k8s.io.YS5iLmM";

#[test]
fn each_place_gives_its_credential() {
    assert_eq!(locate(everywhere(), &[], "/", &[]), Ok(Located::None));
    assert_eq!(locate(everywhere(), &[], "/?x=1&token=a%2eb.c", &[]), jwt(Place::Query, "a.b.c"));
    assert_eq!(locate(everywhere(), &[("Authorization", "Bearer a.b.c")], "/", &[]), jwt(Place::Header, "a.b.c"));
    assert_eq!(locate(everywhere(), &[], "/", &["chat", K8S]), jwt(Place::Subprotocol, "a.b.c"));
    let key = explicit(CredentialKind::Session, Place::Header, "k-1");
    assert_eq!(locate(everywhere(), &[("x-api-key", "k-1")], "/", &[]), key);
    let cookie = Located::Ambient { kind: CredentialKind::Session, secret: "s-1".into() };
    assert_eq!(locate(everywhere(), &[("cookie", "a=b; sid=s-1")], "/", &[]), Ok(cookie));
}

#[test]
fn a_jwt_table_alone_implies_the_authorization_header() {
    assert_eq!(locate(vec![], &[("authorization", "bearer a.b.c")], "/?token=x.y.z", &[]), jwt(Place::Header, "a.b.c"));
    let none = Locator::new(&Credential::default()).unwrap();
    let header = Header { name: "authorization", value: b"Bearer a" };
    assert_eq!(none.locate(&[header], &Target::parse("/").unwrap(), &[]), Ok(Located::None));
}

#[test]
fn t55_two_credentials_are_one_too_many() {
    type Request<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);
    let ways: [Request<'_>; 4] = [
        (&[("authorization", "Bearer a.b.c")], "/", &[]),
        (&[], "/?token=a.b.c", &[]),
        (&[], "/", &["chat", K8S]),
        (&[("x-api-key", "k-1")], "/", &[]),
    ];
    for (at, one) in ways.iter().enumerate() {
        assert!(locate(everywhere(), one.0, one.1, one.2).is_ok());
        for other in &ways[at + 1..] {
            let headers = [one.0, other.0].concat();
            let target = if one.1 == "/" { other.1 } else { one.1 };
            let protocols = [one.2, other.2].concat();
            assert_eq!(locate(everywhere(), &headers, target, &protocols), Err(Reason::CredentialAmbiguous));
        }
    }
    // A second one counts even if it is not well-formed, and whichever comes first.
    let bearer = ("authorization", "Bearer a.b.c");
    assert_eq!(locate(everywhere(), &[bearer], "/?token=", &[]), Err(Reason::CredentialAmbiguous));
    assert_eq!(
        locate(everywhere(), &[("authorization", "Bearer")], "/?token=a", &[]),
        Err(Reason::CredentialAmbiguous)
    );
    assert_eq!(locate(everywhere(), &[("authorization", "Bearer")], "/?token=", &[]), Err(Reason::CredentialAmbiguous));
}

#[test]
fn t55_one_name_twice_in_one_place() {
    for target in ["/?token=a&token=a", "/?token=a&t%6fken=b", "/?token&token=a"] {
        assert_eq!(locate(everywhere(), &[], target, &[]), Err(Reason::CredentialAmbiguous), "{target}");
    }
    let twice = [("authorization", "Bearer a"), ("Authorization", "Bearer a")];
    assert_eq!(locate(everywhere(), &twice, "/", &[]), Err(Reason::CredentialAmbiguous));
    let basic = [("authorization", "Basic a"), ("Authorization", "Bearer a")];
    assert_eq!(locate(everywhere(), &basic, "/", &[]), Err(Reason::CredentialAmbiguous));
    let joined = [("authorization", "Bearer a, Bearer b")];
    assert_eq!(
        locate(everywhere(), &joined, "/", &[]),
        Err(Reason::CredentialAmbiguous),
        "as fetch joins repeated headers"
    );
    assert_eq!(locate(everywhere(), &[("x-api-key", "a, b")], "/", &[]), Err(Reason::CredentialAmbiguous));
    let k8s = ["chat", K8S, "base64url.bearer.authorization.k8s.io.YQ"];
    assert_eq!(locate(everywhere(), &[], "/", &k8s), Err(Reason::CredentialAmbiguous));
}

#[test]
fn t56_a_repeated_cookie_is_refused() {
    for cookies in [&[("cookie", "sid=a; sid=a")][..], &[("cookie", "sid=a"), ("Cookie", "sid=b")]] {
        assert_eq!(locate(everywhere(), cookies, "/", &[]), Err(Reason::CredentialAmbiguous));
    }
    assert_eq!(locate(everywhere(), &[("cookie", "sid=")], "/", &[]), Ok(Located::None), "logged out");
}

#[test]
fn a_bad_explicit_credential_never_falls_back_to_the_cookie() {
    let cookie = ("cookie", "sid=s-1");
    assert_eq!(
        locate(everywhere(), &[cookie, ("authorization", "Bearer a.b.c")], "/", &[]),
        jwt(Place::Header, "a.b.c")
    );
    assert_eq!(locate(everywhere(), &[cookie, ("authorization", "Bearer")], "/", &[]), Err(Reason::CredentialInvalid));
    assert_eq!(locate(everywhere(), &[cookie], "/?token=", &[]), Err(Reason::CredentialInvalid));
}

#[test]
fn the_bearer_scheme() {
    let read = |value: &str| locate(vec![], &[("authorization", value)], "/", &[]);
    for value in ["Bearer a.b-c_d~e+f/g==", "BEARER x", "bearer   x"] {
        assert!(matches!(read(value), Ok(Located::Explicit { .. })), "{value}");
    }
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer\tx",
        "Bearer x y",
        "Bearer =",
        "Bearer a=b",
        "Bearer \"x\"",
        "Bearer a:b",
        "Bearer é",
    ] {
        assert_eq!(read(value), Err(Reason::CredentialInvalid), "{value}");
    }
    for value in ["", "Basic YTpi", "Digest x", "Bearerx", "DPoP a.b.c", "a.b.c"] {
        assert_eq!(read(value), Ok(Located::None), "{value}");
    }
}

#[test]
fn tokens_in_subprotocols() {
    use SubprotocolForm::{Anycable, Jupyter, Kubernetes, Phoenix};
    let read = |form: SubprotocolForm, protocols: &[&str]| {
        let source = Source { form: Some(form), ..source(CredentialKind::Jwt, Place::Subprotocol) };
        locate(vec![source], &[], "/", protocols)
    };
    let found = |secret| jwt(Place::Subprotocol, secret);
    assert_eq!(read(Kubernetes, &[K8S, "v4.channel.k8s.io"]), found("a.b.c"));
    assert_eq!(read(Phoenix, &["phoenix", "base64url.bearer.phx.YS5iLmM"]), found("a.b.c"));
    assert_eq!(read(Phoenix, &["phoenix", "base64url.bearer.phx.Pj4+"]), found(">>>"));
    assert_eq!(
        read(Jupyter, &["v1.token.websocket.jupyter.org", "v1.token.websocket.jupyter.org.a%2Bb%2fc"]),
        found("a+b/c")
    );
    assert_eq!(read(Anycable, &["actioncable-v1-json", "anycable-token.a.b.c"]), found("a.b.c"));
    for form in [Kubernetes, Phoenix, Jupyter, Anycable] {
        assert_eq!(read(form, &["chat"]), Ok(Located::None));
        assert_eq!(read(form, &["v1.token.websocket.jupyter.org", "anycable-token"]), Ok(Located::None));
    }
    let k8s = |encoded: &str| read(Kubernetes, &["chat", &format!("base64url.bearer.authorization.k8s.io.{encoded}")]);
    for encoded in ["", "YS5iLmM=", "YS5iLmN", "YR", "Pj4+", "gA", "YSBi", "YQpi"] {
        assert_eq!(k8s(encoded), Err(Reason::CredentialInvalid), "{encoded}");
    }
    assert_eq!(read(Phoenix, &["x", "base64url.bearer.phx.Pj4-"]), Err(Reason::CredentialInvalid));
    for encoded in ["", "%", "%2", "%zz", "%+1", "a%00", "a%20b", "%C3%A9"] {
        let entry = format!("v1.token.websocket.jupyter.org.{encoded}");
        assert_eq!(read(Jupyter, &["x", &entry]), Err(Reason::CredentialInvalid), "{encoded}");
    }
    assert_eq!(read(Anycable, &["x", "anycable-token."]), Err(Reason::CredentialInvalid));
    assert_eq!(read(Kubernetes, &[K8S]), Err(Reason::SubprotocolNotSupported), "nothing a server could select");
}

#[test]
fn t54_entries_that_carry_tokens() {
    let offered = [
        "chat",
        K8S,
        "base64url.bearer.phx.x",
        "v1.token.websocket.jupyter.org",
        "v1.token.websocket.jupyter.org.x",
        "anycable-token.x",
        "ANYCABLE-TOKEN.x",
        "anycable-token",
        "é",
    ];
    let entries = token_entries(&offered);
    assert_eq!(
        entries,
        [K8S, "base64url.bearer.phx.x", "v1.token.websocket.jupyter.org.x", "anycable-token.x", "ANYCABLE-TOKEN.x"]
    );
}

#[test]
fn a_first_message_may_bring_it_later() {
    let mut sources = everywhere();
    sources.push(source(CredentialKind::Jwt, Place::FirstMessage));
    assert_eq!(locate(sources.clone(), &[], "/", &[]), Ok(Located::Deferred));
    assert_eq!(locate(sources.clone(), &[("authorization", "Bearer x")], "/", &[]), jwt(Place::Header, "x"));
    assert!(matches!(locate(sources, &[("cookie", "sid=x")], "/", &[]), Ok(Located::Ambient { .. })));
}

#[test]
fn sources_that_cannot_be() {
    let error = |source: Source| Locator::new(&policy(vec![source])).unwrap_err().to_string();
    let jwt = |place| source(CredentialKind::Jwt, place);
    assert!(error(Source { dangerous_in_url: false, ..jwt(Place::Query) }).starts_with("sources[0].in"));
    for (name, source) in [
        ("name", Source { name: None, ..jwt(Place::Query) }),
        ("name", Source { name: Some("".into()), ..jwt(Place::Cookie) }),
        ("name", Source { name: Some("a b".into()), ..jwt(Place::Cookie) }),
        ("name", Source { name: Some("Cookie".into()), ..jwt(Place::Header) }),
        ("name", Source { name: Some("sec-websocket-protocol".into()), ..jwt(Place::Header) }),
        ("name", Source { name: Some("x".into()), ..jwt(Place::Subprotocol) }),
        ("form", Source { form: None, ..jwt(Place::Subprotocol) }),
        ("form", Source { form: Some(SubprotocolForm::Phoenix), ..jwt(Place::Header) }),
        ("type", Source { message_type: None, ..jwt(Place::FirstMessage) }),
        ("field", Source { field: None, ..jwt(Place::FirstMessage) }),
        ("dangerous_in_url", Source { dangerous_in_url: true, ..jwt(Place::Cookie) }),
    ] {
        assert!(error(source).starts_with(&format!("sources[0].{name}: ")), "{name}");
    }
    let without_jwt = Credential { sources: vec![jwt(Place::Header)], ..Credential::default() };
    assert!(Locator::new(&without_jwt).unwrap_err().to_string().starts_with("sources[0].kind"));
    let twice = vec![
        jwt(Place::Header),
        Source { name: Some("Authorization".into()), ..source(CredentialKind::Session, Place::Header) },
    ];
    assert!(Locator::new(&policy(twice)).unwrap_err().to_string().starts_with("sources[1]"));
}

#[test]
fn t52_what_is_found_cannot_be_printed() {
    let found = locate(everywhere(), &[], "/?token=Canary4f1c", &[]).unwrap();
    assert!(!format!("{found:?}").contains("Canary"));
}

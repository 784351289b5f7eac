use crate::http::OriginEntry;

#[test]
fn t29_an_entry_has_one_form() {
    for (text, canonical) in [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.COM:443", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:80", "https://a.example:80"),
        ("https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://*.Example.com", "https://*.example.com"),
        ("https://*.a.example.com:444", "https://*.a.example.com:444"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
        (
            "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
            "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
        ),
        ("safari-web-extension://abc", "safari-web-extension://abc"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("null", "null"),
        ("same-host", "same-host"),
    ] {
        let entry: OriginEntry = text.parse().unwrap();
        assert_eq!(entry.as_str(), canonical);
        assert_eq!(canonical.parse::<OriginEntry>().unwrap(), entry);
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<OriginEntry>(&json).unwrap(), entry);
    }
}

#[test]
fn t25_t27_t28_entries_that_would_let_in_too_much_cannot_be_made() {
    for (text, right) in [
        ("*", "dangerous_any_origin"),
        ("https://*", "dangerous_any_origin"),
        ("https://*:443", "dangerous_any_origin"),
        ("https://*.com", "a domain of your own"),
        ("https://*.localhost", "a domain of your own"),
        ("https://*.192.0.2.1", "a domain of your own"),
        ("https://*example.com", "one whole label"),
        ("https://a.*.example.com", "one whole label"),
        ("https://*.*.example.com", "one whole label"),
        ("https://app.example.*", "one whole label"),
        ("*://app.example.com", "begins with its scheme"),
        ("*.example.com", "begins with its scheme"),
        ("app.example.com", "begins with its scheme"),
        ("//app.example.com", "begins with its scheme"),
        ("", "begins with its scheme"),
        ("://a", "begins with its scheme"),
        ("1a://a", "begins with its scheme"),
        ("https:app.example.com", "begins with its scheme"),
        ("wss://app.example.com", "the page's"),
        ("file://", "\"null\""),
        ("https://a.example/", "leave out the path"),
        ("https://a.example/chat", "leave out the path"),
        ("https://a.example?x", "leave out the path"),
        ("https://user@a.example", "no user name"),
        ("https://a.example:", "the port"),
        ("https://a.example:65536", "the port"),
        ("https://a.example:0443", "the port"),
        ("https://", "the host is a name"),
        ("https://[::1", "the host is a name"),
        ("https://[::g]", "the host is a name"),
        ("https://a.example.", "dot at the end"),
        ("https://.a.example", "labels"),
        ("https://a..example", "labels"),
        ("https://*.a..example", "labels"),
        ("https://a b.example", "labels"),
        ("https://(a|b).example", "labels"),
        ("https://bücher.example", "xn--"),
        ("https://аpp.example.com", "xn--"),
        ("Null", "begins with its scheme"),
    ] {
        let error = text.parse::<OriginEntry>().unwrap_err().to_string();
        assert!(error.contains(right), "{text:?}: {error}");
        assert!(error.starts_with(&format!("{text:?} is not an origin")), "{error}");
        let json = serde_json::to_string(text).unwrap();
        let error = serde_json::from_str::<OriginEntry>(&json).unwrap_err().to_string();
        assert!(error.contains(right), "{error}");
    }
}

#[test]
fn an_entry_knows_whether_it_names_one_origin() {
    let entry = |text: &str| text.parse::<OriginEntry>().unwrap();
    assert!(entry("https://a.example").is_exact() && entry("same-host").is_exact());
    assert!(!entry("https://*.a.example").is_exact() && !entry("null").is_exact());
    assert!(entry("same-host").is_same_host() && !entry("null").is_same_host());
    let schema = serde_json::to_value(schemars::schema_for!(OriginEntry)).unwrap();
    assert_eq!(schema["type"], "string");
}

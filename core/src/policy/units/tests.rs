use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, from_value, json, to_value};

use super::*;

fn span(value: Value) -> Result<Span, String> {
    from_value(value).map_err(|error| error.to_string())
}

fn quota(value: Value) -> Result<Quota, String> {
    from_value(value).map_err(|error| error.to_string())
}

fn size(value: Value) -> Result<Size, String> {
    from_value(value).map_err(|error| error.to_string())
}

fn cidr(text: &str) -> Result<Cidr, String> {
    from_value(json!(text)).map_err(|error| error.to_string())
}

fn host(text: &str) -> Result<HostName, String> {
    from_value(json!(text)).map_err(|error| error.to_string())
}

#[test]
fn spans_are_read_in_every_unit_and_written_in_the_longest() {
    for (text, millis, written) in [
        ("250ms", 250, "250ms"),
        ("30s", 30_000, "30s"),
        ("5min", 300_000, "5min"),
        ("1h", 3_600_000, "1h"),
        ("1d", 86_400_000, "1d"),
        ("60s", 60_000, "1min"),
        ("1500ms", 1_500, "1500ms"),
        ("48h", 172_800_000, "2d"),
        ("0ms", 0, "0s"),
    ] {
        let read = span(json!(text)).unwrap();
        assert_eq!(read.get(), Duration::from_millis(millis), "{text}");
        assert_eq!(to_value(read).unwrap(), json!(written));
    }
    assert_eq!(span(json!(30)).unwrap(), Span::from_secs(30));
    assert_eq!(span(json!(0.25)).unwrap(), Span::from_millis(250));
}

#[test]
fn a_wrong_span_says_what_was_found_and_what_would_be_right() {
    for wrong in ["", "s", "30", "30 fortnights", "-1s", "1.5h", "30S"] {
        let error = span(json!(wrong)).unwrap_err();
        assert!(error.contains(&format!("{wrong:?}")) && error.contains("5min"), "{error}");
    }
    assert!(span(json!(-1)).unwrap_err().contains("`-1`"));
    assert!(span(json!(0.0001)).unwrap_err().contains("millisecond"));
    assert!(span(json!("99999999999999999999s")).is_err());
    assert!(span(json!("40000d")).unwrap_err().contains("longest"));
    assert!(span(json!(u64::MAX)).unwrap_err().contains("longest"));
    assert!(span(json!(1e300)).is_err());
}

#[test]
fn sizes_tell_1024_from_1000_and_never_guess() {
    assert_eq!(size(json!("64KiB")).unwrap().bytes(), 65_536);
    assert_eq!(size(json!("64kB")).unwrap().bytes(), 64_000);
    assert_eq!(size(json!(512)).unwrap().bytes(), 512);
    assert_eq!(to_value(Size::from_kib(1024)).unwrap(), json!("1MiB"));
    assert_eq!(to_value(Size::from_bytes(64_000)).unwrap(), json!("64kB"));
    assert_eq!(to_value(Size::from_bytes(7)).unwrap(), json!("7B"));
    assert!(size(json!("64kib")).unwrap_err().contains("did you mean \"KiB\""));
    assert!(size(json!("64")).unwrap_err().contains("64KiB"));
    assert!(size(json!(1.5)).is_err());
    assert!(size(json!("99999999GiB")).unwrap_err().contains("largest"));
}

#[test]
fn the_default_burst_is_that_of_the_table_of_defaults() {
    for (text, limit, secs, burst) in [
        ("120/min", 120, 60, 40),
        ("240/min", 240, 60, 80),
        ("600/min", 600, 60, 200),
        ("30/min", 30, 60, 30),
        ("10/min", 10, 60, 10),
        ("10/s", 10, 1, 10),
        ("256KiB/s", 262_144, 1, 262_144),
        ("10/5s", 10, 5, 10),
    ] {
        assert_eq!(quota(json!(text)).unwrap(), Quota::gcra(limit, Span::from_secs(secs), burst), "{text}");
    }
}

#[test]
fn quotas_are_read_as_tables_too() {
    let table = json!({ "limit": 240, "per": "60s", "burst": 7 });
    assert_eq!(quota(table).unwrap(), Quota::gcra(240, Span::from_secs(60), 7));
    let window = json!({ "limit": 10, "per": "1s", "kind": "sliding-window" });
    assert_eq!(quota(window.clone()).unwrap(), Quota::sliding_window(10, Span::from_secs(1)));
    assert_eq!(to_value(quota(window.clone()).unwrap()).unwrap(), window);
    assert_eq!(to_value(quota(json!("120/min")).unwrap()).unwrap(), json!("120/min"));
    assert!(quota(json!({ "limit": 1, "per": "1s", "brust": 7 })).unwrap_err().contains("brust"));
}

#[test]
fn a_quota_that_lets_nothing_or_everything_through_is_none() {
    for wrong in ["0/s", "10", "10/", "/s", "10/fortnight", "10/0s", "-1/s", "2000000000/s", "18446744073709551615/min"]
    {
        assert!(quota(json!(wrong)).is_err(), "{wrong}");
    }
    assert!(quota(json!({ "limit": 10, "per": "1s", "burst": 0 })).unwrap_err().contains("more than 0"));
    assert!(quota(json!({ "limit": 10, "per": 0 })).unwrap_err().contains("more than 0"));
    let window = json!({ "limit": 65, "per": "1s", "kind": "sliding-window" });
    assert!(quota(window).unwrap_err().contains("at most 64"));
    assert!(quota(json!({ "limit": 1, "per": "365d", "burst": 9 })).unwrap_err().contains("year"));
}

#[test]
fn or_off_is_off_or_the_value() {
    type Idle = OrOff<Span>;
    assert_eq!(from_value::<Idle>(json!("off")).unwrap(), OrOff::Off);
    assert_eq!(from_value::<Idle>(json!("5s")).unwrap(), OrOff::On(Span::from_secs(5)));
    assert_eq!(from_value::<Idle>(json!(5)).unwrap(), OrOff::On(Span::from_secs(5)));
    assert_eq!(to_value(Idle::Off).unwrap(), json!("off"));
    assert!(from_value::<Idle>(json!("of")).unwrap_err().to_string().contains("\"of\""));
    assert!(from_value::<Idle>(json!(false)).is_err());
}

#[test]
fn an_ipv4_mapped_peer_is_in_the_ipv4_block() {
    let block = cidr("10.0.0.0/8").unwrap();
    let has = |block: Cidr, peer: &str| block.contains(Some(peer.parse().unwrap()));
    assert!(has(block, "10.1.2.3") && has(block, "::ffff:10.1.2.3"));
    assert!(!has(block, "11.0.0.1") && !has(block, "::10.1.2.3"));
    assert_eq!(cidr("::ffff:10.0.0.0/104").unwrap(), block);
    assert!(has(cidr("2001:db8::/32").unwrap(), "2001:db8:1::1"));
    assert!(has(cidr("127.0.0.1").unwrap(), "127.0.0.1"));
    assert!(cidr("unix").unwrap().contains(None) && !block.contains(None));
    assert!(!has(cidr("unix").unwrap(), "127.0.0.1"));
}

#[test]
fn a_block_of_everybody_or_with_loose_bits_is_refused() {
    assert!(cidr("0.0.0.0/0").unwrap_err().contains("everybody"));
    assert!(cidr("::/0").unwrap_err().contains("everybody"));
    assert!(cidr("::ffff:0.0.0.0/96").unwrap_err().contains("everybody"));
    assert!(cidr("10.0.0.1/8").unwrap_err().contains("\"10.0.0.0/8\""));
    assert!(cidr("10.0.0.0/33").is_err() && cidr("proxy.local").is_err());
    assert_eq!(to_value(cidr("127.0.0.1/32").unwrap()).unwrap(), json!("127.0.0.1"));
}

#[test]
fn hosts_are_lower_cased_and_nothing_but_hosts() {
    assert_eq!(host("Chat.Example.COM:8443").unwrap().as_str(), "chat.example.com:8443");
    assert_eq!(host("[::0:1]:80").unwrap().as_str(), "[::1]:80");
    assert_eq!(host("localhost").unwrap().as_str(), "localhost");
    let wrong = [
        "https://a.example",
        "a.example/chat",
        "u@a.example",
        "*.a.example",
        "",
        "a..b",
        "a.example:",
        "a.example:0",
        "a.example:+1",
        "a.example:65536",
        "a.example:x",
        "bücher.example",
        "a b",
        "[::1",
        "::1",
        ":80",
    ];
    for wrong in wrong {
        assert!(host(wrong).unwrap_err().contains("chat.example.com"), "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read_back(millis in 0..=36_500_u64 * 86_400_000, bytes in 0..1_u64 << 53,
                                    limit in 1..1_000_000_000_u64, per in 1..86_400_u64, burst in 1..300_u64) {
        let read = Span::from_millis(millis);
        prop_assert_eq!(span(to_value(read).unwrap()).unwrap(), read);
        let read = Size::from_bytes(bytes);
        prop_assert_eq!(size(to_value(read).unwrap()).unwrap(), read);
        let read = Quota::gcra(limit, Span::from_secs(per), burst);
        prop_assert_eq!(quota(to_value(read).unwrap()), Ok(read));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,20}") {
        let _ = (span(json!(text)), size(json!(text)), quota(json!(text)), cidr(&text), host(&text));
    }
}

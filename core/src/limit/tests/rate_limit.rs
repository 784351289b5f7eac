use std::path::PathBuf;
use std::time::Duration;

use super::ms;
use crate::Timestamp;
use crate::limit::RateLimit;
use crate::policy::{Quota, Span};

/// The published steps of another implementation: `throttled` (Go), its own test table.
#[test]
fn agrees_with_throttled() {
    let Some(steps) = suite("gcra-vectors/throttled.json") else { return };
    let steps: Vec<serde_json::Value> = serde_json::from_str(&steps).unwrap();
    assert_eq!(steps.len(), 16);
    let mut limit = RateLimit::new(Quota::gcra(1, Span::from_secs(1), 5));
    for step in steps {
        let number = |name: &str| step[name].as_i64().unwrap();
        assert_eq!((number("rate_per_s"), number("burst")), (1, 5));
        let now = ms(number("now_ms") as u64);
        let answer = limit.check(number("cost") as u64, now);
        assert_eq!(answer.is_err(), step["limited"].as_bool().unwrap(), "{step}");
        assert_eq!(limit.remaining(now) as i64, number("remaining"), "{step}");
        let reset = limit.full_at().since(now);
        assert_eq!(reset, Duration::from_millis(number("reset_after_ms") as u64), "{step}");
        // -1: there is nothing to wait for, as it passed or never will.
        let retry = answer.err().filter(|refused| refused.at() != Timestamp::MAX);
        let retry = retry.map_or(-1, |refused| refused.retry_after(now).as_millis() as i64);
        assert_eq!(retry, number("retry_after_ms"), "{step}");
    }
}

#[test]
fn both_kinds_refuse_until_exactly_then() {
    let quotas = [Quota::gcra(4, Span::from_secs(1), 4), Quota::sliding_window(4, Span::from_secs(1))];
    for (quota, wait) in quotas.into_iter().zip([250, 1000]) {
        let mut limit = RateLimit::new(quota);
        assert_eq!((0..9).filter(|_| limit.check(1, ms(10)).is_ok()).count(), 4);
        let refused = limit.check(1, ms(10)).unwrap_err();
        assert_eq!(refused.retry_after(ms(10)), Duration::from_millis(wait));
        assert!(limit.check(1, ms(10 + wait - 1)).is_err());
        assert!(limit.check(1, ms(10 + wait)).is_ok());
    }
}

/// A file of the third-party test data. Without it the cases are left out, loudly; CI has it.
fn suite(path: &str) -> Option<String> {
    let root = std::env::var_os("WSWARDEN_SUITES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/suites"), PathBuf::from);
    let text = std::fs::read_to_string(root.join(path));
    if text.is_err() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{path} is missing");
        eprintln!("left out: 1 file, {path}");
    }
    text.ok()
}

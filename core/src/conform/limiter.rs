//! One rate limit, on its own.

use serde_json::{Value, json};

use super::fields::{Wrong, list, number, optional_number, required, typed};
use crate::limit::RateLimit;
use crate::policy::Quota;
use crate::time::{Timestamp, nanos};

pub(super) fn limiter(question: &Value) -> Result<Value, Wrong> {
    let quota: Quota = typed(required(question, "quota")?, "quota")?;
    let mut limit = RateLimit::new(quota);
    let mut results = Vec::new();
    for event in list(question, "events")? {
        let at = Timestamp::from_nanos(number(event, "at").map_err(|wrong| wrong.within("events"))?);
        let cost = optional_number(event, "cost").map_err(|wrong| wrong.within("events"))?.unwrap_or(1);
        results.push(match limit.check(cost, at) {
            Ok(()) => json!({ "allow": true, "retry_after": 0 }),
            // Never: it costs more than passes at once.
            Err(refused) if refused.at() == Timestamp::MAX => json!({ "allow": false, "retry_after": null }),
            Err(refused) => json!({ "allow": false, "retry_after": nanos(refused.retry_after(at)) }),
        });
    }
    Ok(json!({ "results": results }))
}

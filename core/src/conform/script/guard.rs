//! Steps that are about what all connections share: tickets, published keys, the guard's own timer.

use serde_json::{Value, json};

use super::Play;
use super::words::{self, Words};
use crate::conform::fields::{Wrong, number, optional, optional_text, required, text};
use crate::conform::request::identity;
use crate::credential::ticket::Binding;
use crate::guard::GuardAction;
use crate::time::Timestamp;

impl Play<'_> {
    /// A ticket, from `entropy` in 8 bytes, most significant first, and 24 zeros.
    pub(super) fn mint(&self, step: &Value) -> Result<Words, Wrong> {
        let asked = required(step, "mint")?;
        let within = |wrong: Wrong| wrong.within("mint");
        let who = identity(asked, "identity").map_err(within)?.ok_or_else(|| Wrong::new("mint.identity is missing"))?;
        let binding = Binding {
            path: text(asked, "path").map_err(within)?,
            origin: optional_text(asked, "origin").map_err(within)?,
            address: optional_text(asked, "address")
                .map_err(within)?
                .map(str::parse)
                .transpose()
                .map_err(|_| Wrong::new("mint.address: expected an IP address"))?,
        };
        let mut entropy = [0; 32];
        if let Some(first) = entropy.first_chunk_mut() {
            *first = number(asked, "entropy").map_err(within)?.to_be_bytes();
        }
        Ok(match self.guard.mint_ticket(&who, &binding, entropy, self.now) {
            Ok(ticket) => words::words([("ticket", ticket.expose_str().into())]),
            Err(fault) => words::words([("error", fault.name().into()), ("reason", fault.reason().name().into())]),
        })
    }

    /// What was fetched from a URL, or that it could not be.
    pub(super) fn keys(&self, step: &Value) -> Result<Words, Wrong> {
        let url = text(step, "keys")?;
        let Some(body) = optional(step, "body") else {
            self.guard.keys_failed(url);
            return Ok(words::words([("ok", true.into())]));
        };
        let body = match body.as_str() {
            Some(text) => text.to_owned(),
            None => body.to_string(),
        };
        Ok(match self.guard.keys_fetched(url, body.as_bytes(), self.now.mono) {
            Ok(()) => words::words([("ok", true.into())]),
            Err(error) => words::words([("error", error.to_string().into())]),
        })
    }

    /// All that the guard itself has due, and when it wants to be asked again.
    pub(super) fn guard_due(&self) -> Words {
        let mut due: Vec<Value> = Vec::new();
        while let Some(GuardAction::FetchKeys { url, .. }) = self.guard.handle_timeout(self.now.mono) {
            due.push(json!({ "action": "fetch_keys", "url": url }));
        }
        words::words([("due", due.into()), ("next", self.guard.next_timeout().map(Timestamp::as_nanos).into())])
    }
}

//! Steps that are about the whole server.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Play;
use super::words::{self, Words};
use crate::conform::fields::{Wrong, optional, optional_number, optional_text, required, text};
use crate::credential::Revocation;
use crate::identity::UserKey;
use crate::policy::Policy;
use crate::registry::{Handle, Tick};
use crate::time::UnixTime;
use crate::verdict::Action;

impl Play<'_> {
    /// All that is due, by connection in the order they were opened.
    pub(super) fn tick(&mut self) -> Words {
        let now = self.now.mono;
        let mut due: Vec<(usize, Words)> = Vec::new();
        // One call of the registry looks at a bounded number of connections and says at once when
        // there are more to look at.
        for _ in 0..=self.connections.len() {
            while let Some(tick) = self.registry.tick(now) {
                due.push(self.ticked(tick));
            }
            if self.registry.next_timeout().is_none_or(|next| next > now) {
                break;
            }
        }
        due.sort_by_key(|(order, _)| *order);
        let due: Vec<Value> = due.into_iter().map(|(_, said)| Value::Object(said)).collect();
        words::words([("due", due.into())])
    }

    fn ticked(&mut self, tick: Tick) -> (usize, Words) {
        match tick {
            Tick::Due(handle, due) => {
                let (order, mut said) = self.heading(handle);
                said.extend(words::action(due.action));
                words::event(&mut said, due.event.as_ref());
                if due.action == Action::Terminate {
                    self.remove(handle);
                }
                (order, said)
            }
            Tick::Refused(handle, refusal) => {
                let (order, mut said) = self.heading(handle);
                said.extend(words::refused(&refusal));
                self.gone(handle);
                (order, said)
            }
        }
    }

    /// Whom it is about, and its place in the order.
    fn heading(&self, handle: Handle) -> (usize, Words) {
        let order = self.connections.iter().position(|one| one.handle == Some(handle)).unwrap_or(usize::MAX);
        let name = self.connections.get(order).map(|one| one.name.as_str());
        (order, words::words([("session", name.into())]))
    }

    pub(super) fn revoke(&mut self, step: &Value) -> Result<Words, Wrong> {
        let asked = required(step, "revoke")?;
        let now = self.now.unix;
        let revocation = revocation(asked, now).map_err(|wrong| wrong.within("revoke"))?;
        let lasts = optional_number(step, "lasts")?.map_or(Duration::MAX, Duration::from_nanos);
        Ok(match self.guard.revoke(&revocation, lasts, now) {
            Ok(affected) => self.names_of(&affected),
            Err(error) => words::words([("error", error.to_string().into())]),
        })
    }

    pub(super) fn reload(&mut self, step: &Value) -> Result<Words, Wrong> {
        let policy = Policy::from_value(required(step, "policy")?.clone());
        Ok(match policy.and_then(|policy| self.guard.reload(policy)) {
            Ok(affected) => self.names_of(&affected),
            Err(error) => words::words([("error", error.to_string().into())]),
        })
    }

    pub(super) fn drain(&self) -> Words {
        self.names_of(&self.guard.drain(self.now.mono))
    }

    pub(super) fn stats(&self) -> Words {
        let stats = self.guard.stats();
        let refused: Map<String, Value> =
            stats.refused.iter().map(|(reason, count)| (reason.name().to_owned(), (*count).into())).collect();
        words::words([
            ("connections", stats.connections.into()),
            ("unauthenticated", stats.unauthenticated.into()),
            ("sessions", stats.sessions.into()),
            ("opened", stats.opened.into()),
            ("refused", Value::Object(refused)),
            ("addresses", stats.addresses.into()),
            ("users", stats.users.into()),
        ])
    }
}

/// `{"token": {namespace, id}}`, `{"session": {namespace, id}}` or
/// `{"user": {namespace, tenant, subject, issued_until}}`.
fn revocation(from: &Value, now: UnixTime) -> Result<Revocation, Wrong> {
    let word =
        |from: &Value, name: &str| optional_text(from, name).map(|word| Box::<str>::from(word.unwrap_or_default()));
    if let Some(token) = optional(from, "token") {
        return Ok(Revocation::Token { namespace: word(token, "namespace")?, id: text(token, "id")?.into() });
    }
    if let Some(session) = optional(from, "session") {
        return Ok(Revocation::Session { namespace: word(session, "namespace")?, id: text(session, "id")?.into() });
    }
    let user = required(from, "user")?;
    let (namespace, tenant) = (word(user, "namespace")?, word(user, "tenant")?);
    let user_key = UserKey { namespace, tenant, subject: text(user, "subject")?.into() };
    let issued_until = optional_number(user, "issued_until")?.map_or(now, UnixTime::from_secs);
    Ok(Revocation::User { user: user_key, issued_until })
}

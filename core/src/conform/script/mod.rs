//! A story with a virtual clock: connections that open, speak, wait and close under one guard.

mod connection;
mod guard;
mod server;
mod words;

use serde_json::{Map, Value, json};

use super::fields::{Wrong, list, optional, optional_number};
use super::request::{UNIX, guard, policy};
use crate::event::SessionId;
use crate::guard::{Affected, Guard};
use crate::message::Scratch;
use crate::registry::{Handle, Registry};
use crate::time::{Now, Timestamp, UnixTime};

/// What a step may do, by the name of the field that says so.
const STEPS: [&str; 19] = [
    "open",
    "receive",
    "tick",
    "sent",
    "drained",
    "provide",
    "revalidated",
    "authenticate",
    "close",
    "lost",
    "join",
    "leave",
    "revoke",
    "policy",
    "drain",
    "mint",
    "keys",
    "guard",
    "stats",
];

pub(super) fn script(question: &Value) -> Result<Value, Wrong> {
    let seed = optional_number(question, "seed")?.unwrap_or(0);
    let unix = optional_number(question, "unix")?.unwrap_or(UNIX);
    let guard = guard(policy(question)?, seed)?;
    let registry = Registry::new(guard.clone(), Timestamp::ZERO);
    let scratch = guard.scratch();
    let requests = optional(question, "requests").unwrap_or(&Value::Null);
    let mut play = Play { guard, registry, scratch, requests, connections: Vec::new(), now: Now::default() };
    let mut at = 0;
    let mut said = Vec::new();
    for (index, step) in list(question, "steps")?.iter().enumerate() {
        let place = format!("steps[{index}]");
        let within = |wrong: Wrong| wrong.within(&place);
        at = optional_number(step, "at").map_err(within)?.unwrap_or(at);
        let civil = optional_number(step, "unix").map_err(within)?.map(UnixTime::from_secs);
        let began = UnixTime::from_secs(unix);
        let since = std::time::Duration::from_nanos(at);
        play.now = Now { mono: Timestamp::from_nanos(at), unix: civil.unwrap_or_else(|| began.after(since)) };
        said.push(play.step(step).map_err(within)?);
    }
    Ok(json!({ "steps": said }))
}

/// A story as it is told.
struct Play<'a> {
    guard: Guard,
    registry: Registry,
    scratch: Box<Scratch>,
    /// Requests by name, for steps that open.
    requests: &'a Value,
    /// In the order they were opened.
    connections: Vec<Connection>,
    now: Now,
}

/// A connection by the name the story has for it.
struct Connection {
    name: String,
    /// None when it was refused or is gone.
    handle: Option<Handle>,
    /// The session it has become.
    session: Option<SessionId>,
}

impl Play<'_> {
    fn step(&mut self, step: &Value) -> Result<Value, Wrong> {
        let mut found = STEPS.into_iter().filter(|name| optional(step, name).is_some());
        let (Some(name), None) = (found.next(), found.next()) else {
            return Err(Wrong::new(format!("expected exactly one of {}", STEPS.join(", "))));
        };
        let said = match name {
            "open" => self.open(step)?,
            "tick" => self.tick(),
            "revoke" => self.revoke(step)?,
            "policy" => self.reload(step)?,
            "drain" => self.drain(),
            "mint" => self.mint(step)?,
            "keys" => self.keys(step)?,
            "guard" => self.guard_due(),
            "stats" => self.stats(),
            name => self.on_connection(name, step)?,
        };
        Ok(Value::Object(said))
    }

    /// The connection of a name that was used to open one.
    fn named(&self, name: &str) -> Result<&Connection, Wrong> {
        let mut all = self.connections.iter();
        all.find(|one| one.name == name).ok_or_else(|| Wrong::new(format!("nothing was opened as {name:?}")))
    }

    fn gone(&mut self, handle: Handle) {
        for one in self.connections.iter_mut().filter(|one| one.handle == Some(handle)) {
            one.handle = None;
        }
    }

    fn names_of(&self, affected: &Affected) -> Map<String, Value> {
        let is_named = |one: &&Connection| one.session.is_some_and(|id| affected.ids.contains(&id));
        let names: Vec<&str> = self.connections.iter().filter(is_named).map(|one| one.name.as_str()).collect();
        Map::from_iter([("affected".to_owned(), names.into())])
    }
}

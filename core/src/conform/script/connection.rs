//! Steps that are about one connection.

use serde_json::Value;

use super::words::{self, Words};
use super::{Connection, Play};
use crate::conform::fields::{Wrong, bytes, number, optional, optional_number, optional_text, required, text};
use crate::conform::request::{Asked, identity, need};
use crate::handshake::Answer;
use crate::reason::Reason;
use crate::registry::{Admitted, Handle};
use crate::session::Message;

impl Play<'_> {
    /// A request by its name, or given whole.
    pub(super) fn open(&mut self, step: &Value) -> Result<Words, Wrong> {
        let asked = required(step, "open")?;
        let (asked, known) = match asked.as_str() {
            Some(name) => (required(self.requests, name).map_err(|wrong| wrong.within("requests"))?, Some(name)),
            None => (asked, None),
        };
        let name = optional_text(step, "as")?.or(known).ok_or_else(|| Wrong::new("as is missing"))?;
        if self.connections.iter().any(|one| one.name == name && one.handle.is_some()) {
            return Err(Wrong::new(format!("{name:?} is open")));
        }
        self.connections.retain(|one| one.name != name);
        let asked = Asked::read(asked).map_err(|wrong| wrong.within("open"))?;
        let identity = identity(step, "identity")?;
        let now = self.now;
        let mut admitted = match self.guard.screen(&asked.request(), now) {
            Ok(candidate) => self.registry.admit(candidate, now),
            Err(refusal) => Admitted::Refused(refusal),
        };
        if let (Admitted::Wait(handle), Some(identity)) = (&admitted, identity)
            && let Ok(provided) = self.registry.provide(*handle, Answer::Identity(identity), now)
        {
            admitted = provided;
        }
        self.connections.push(Connection { name: name.to_owned(), handle: None, session: None });
        Ok(self.admitted(name, admitted))
    }

    /// What became of the candidate with this name.
    fn admitted(&mut self, name: &str, admitted: Admitted) -> Words {
        let (said, handle, session) = match admitted {
            Admitted::Open(handle) => match self.registry.session(handle) {
                Ok(session) => (words::opened(session), Some(handle), Some(session.id())),
                Err(_) => (words::stale(), None, None),
            },
            Admitted::Wait(handle) => {
                let mut said = words::verdict("wait");
                said.extend(self.registry.waiting(handle).map(|waiting| need(waiting.need())).unwrap_or_default());
                (said, Some(handle), None)
            }
            Admitted::Refused(refusal) => (words::refused(&refusal), None, None),
        };
        for one in self.connections.iter_mut().filter(|one| one.name == name) {
            (one.handle, one.session) = (handle, session);
        }
        said
    }

    pub(super) fn on_connection(&mut self, verb: &str, step: &Value) -> Result<Words, Wrong> {
        let Some(handle) = self.named(text(step, verb)?)?.handle else { return Ok(words::stale()) };
        if verb == "provide" && self.registry.waiting(handle).is_ok() {
            let answer = answer_of(step)?;
            let Ok(provided) = self.registry.provide(handle, answer, self.now) else { return Ok(words::stale()) };
            return Ok(self.admitted(text(step, verb)?, provided));
        }
        match verb {
            "receive" => self.receive(handle, step),
            "lost" => Ok(self.lost(handle)),
            verb => self.on_session(verb, handle, step),
        }
    }

    fn receive(&mut self, handle: Handle, step: &Value) -> Result<Words, Wrong> {
        let kind = text(step, "kind")?;
        let payload = match optional_text(step, "text")? {
            Some(text) => text.as_bytes().to_vec(),
            None if kind == "close" => Vec::new(),
            None => bytes(step, "bytes")?,
        };
        let message = match kind {
            "text" => Message::Text(&payload),
            "binary" => Message::Binary(&payload),
            "ping" => Message::Ping(&payload),
            "pong" => Message::Pong(&payload),
            "close" => Message::Close(code_of(step)?),
            _ => return Err(Wrong::new("kind: expected \"text\", \"binary\", \"ping\", \"pong\" or \"close\"")),
        };
        let now = self.now.mono;
        let Ok(outcome) = self.registry.receive(handle, message, &mut self.scratch, now) else {
            return Ok(words::stale());
        };
        let Ok(session) = self.registry.session(handle) else { return Ok(words::stale()) };
        Ok(words::outcome(outcome, session, &payload, now))
    }

    fn on_session(&mut self, verb: &str, handle: Handle, step: &Value) -> Result<Words, Wrong> {
        let now = self.now;
        let Ok(mut session) = self.registry.entry(handle) else { return Ok(words::stale()) };
        Ok(match verb {
            "sent" => words::pressure(session.queued(number(step, "bytes")?, now.mono)),
            "drained" => {
                session.drained(number(step, "bytes")?);
                words::words([("ok", true.into())])
            }
            "provide" => {
                let judgement = session.provide(answer_of(step)?, now);
                words::judgement(&judgement, &session, now.mono)
            }
            "revalidated" => {
                let outcome = session.revalidated(answer_of(step)?, now);
                words::outcome(outcome, &session, &[], now.mono)
            }
            "authenticate" => {
                let message = match optional_text(step, "text")? {
                    Some(text) => text.as_bytes().to_vec(),
                    None => bytes(step, "bytes")?,
                };
                let judgement = session.authenticate(&message, now);
                words::judgement(&judgement, &session, now.mono)
            }
            "close" => {
                let outcome = session.close(reason_of(step)?, now.mono);
                words::outcome(outcome, &session, &[], now.mono)
            }
            "join" => match session.join(text(step, "channel")?) {
                Ok(new) => words::words([("ok", new.into())]),
                Err(reason) => words::words([("ok", false.into()), ("reason", reason.name().into())]),
            },
            _ => words::words([("ok", session.leave(text(step, "channel")?).into())]),
        })
    }

    /// The connection is cut: a candidate is let go, a session says what is to be recorded.
    fn lost(&mut self, handle: Handle) -> Words {
        let mut said = words::words([("ok", true.into())]);
        if let Ok(mut session) = self.registry.entry(handle) {
            let event = session.lost(self.now.mono);
            words::event(&mut said, event.as_ref());
        }
        self.remove(handle);
        said
    }

    /// Takes a session out, which gives every slot back that it has.
    pub(super) fn remove(&mut self, handle: Handle) {
        drop(self.registry.remove(handle));
        self.gone(handle);
    }
}

fn code_of(step: &Value) -> Result<Option<u16>, Wrong> {
    let code = optional_number(step, "code")?.map(u16::try_from).transpose();
    code.map_err(|_| Wrong::new("code: expected a number below 65536"))
}

fn reason_of(step: &Value) -> Result<Reason, Wrong> {
    let Some(name) = optional_text(step, "reason")? else { return Ok(Reason::ClosedByHost) };
    Reason::from_name(name).ok_or_else(|| Wrong::new("reason: there is no such reason"))
}

fn answer_of(step: &Value) -> Result<Answer, Wrong> {
    let answer = required(step, "answer")?;
    if let Some(identity) = identity(answer, "identity").map_err(|wrong| wrong.within("answer"))? {
        return Ok(Answer::Identity(identity));
    }
    let says = |name| optional(answer, name).and_then(Value::as_bool) == Some(true);
    let words = [
        ("refused", Answer::Refused),
        ("unavailable", Answer::Unavailable),
        ("keys", Answer::Keys),
        ("unused", Answer::Unused),
    ];
    let mut said = words.into_iter().filter(|(name, _)| says(name));
    match (said.next(), said.next()) {
        (Some((_, answer)), None) => Ok(answer),
        _ => Err(Wrong::new("answer: expected identity, or one of refused, unavailable, keys and unused with true")),
    }
}

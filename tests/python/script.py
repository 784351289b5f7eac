"""The op `script`: a story with a virtual clock, of connections that open, speak, wait and close under one guard."""

import base64
import json

import wswarden
from words import action_words, event, need, refusal, words
from wswarden import (
    Close,
    Deliver,
    Host,
    Identity,
    Ignore,
    KeysFetched,
    LimitReached,
    Need,
    Now,
    Policy,
    PolicyError,
    Refused,
    Registry,
    Revocation,
    Session,
    Terminate,
    TicketUnused,
    Unavailable,
    Waiting,
)

UNIX = 1_800_000_000
SECOND = 10**9


class Wrong(Exception):
    """A question that is none."""


def answer(question):
    """What came back from each step. The story is told twice: with `decode` all must be as with `receive`."""
    said = Play(question).steps(question.get("steps") or [])
    if Play(question, decode=True).steps(question.get("steps") or []) != said:
        raise Wrong("decode answers otherwise than receive")
    return {"steps": said}


class Play:
    """A story as it is told."""

    def __init__(self, question, decode=False):
        self.receive_message = decoded if decode else Session.receive
        seed = (question.get("seed") or 0).to_bytes(8) + bytes(24)
        self.guard = wswarden.Guard(Policy.from_dict(question["policy"]), host=Host.SOCKET, seed=seed)
        self.now = Now(0, 0)
        self.registry = Registry(self.guard, now=self.now)
        self.unix = UNIX if question.get("unix") is None else question["unix"]
        self.requests = question.get("requests") or {}
        # By name, in the order they were opened: a session, a candidate that waits, or None when it is gone.
        self.connections = {}
        self.numbers = {}

    def steps(self, steps):
        said, at = [], 0
        for step in steps:
            at = step["at"] if step.get("at") is not None else at
            civil = step.get("unix")
            self.now = Now(at, civil * SECOND if civil is not None else self.unix * SECOND + at)
            said.append(self.step(step))
        return said

    def step(self, step):
        verbs = [verb for verb in VERBS if step.get(verb) is not None]
        if len(verbs) != 1:
            raise Wrong(f"expected exactly one of {', '.join(VERBS)}")
        (verb,) = verbs
        if verb not in CONNECTION:
            return VERBS[verb](self, step)
        if step[verb] not in self.connections:
            raise Wrong(f"nothing was opened as {step[verb]!r}")
        connection = self.connections[step[verb]]
        if isinstance(connection, Waiting) and verb == "provide":
            return self.admitted(step[verb], lambda: connection.provide(answer_of(step), now=self.now))
        if isinstance(connection, Waiting) and verb == "lost":
            self.connections[step[verb]] = None
            return {"ok": True}
        if not isinstance(connection, Session):
            return {"verdict": "stale"}
        return VERBS[verb](self, step, connection)

    # One connection.

    def open(self, step):
        known = step["open"] if isinstance(step["open"], str) else None
        asked = self.requests[known] if known else step["open"]
        name = step.get("as") or known
        if self.connections.get(name) is not None:
            raise Wrong(f"{name!r} is open")
        self.connections.pop(name, None)
        self.numbers.pop(name, None)
        who = identity(step.get("identity"))

        def admit():
            admission = screened(self.guard, asked, self.now).admit(now=self.now)
            return admission if who is None or isinstance(admission, Session) else admission.provide(who, now=self.now)

        return self.admitted(name, admit)

    def admitted(self, name, admit):
        """What became of a candidate."""
        self.connections[name] = None
        try:
            admission = admit()
        except Refused as refused:
            return refusal(refused)
        self.connections[name] = admission
        if isinstance(admission, Waiting):
            return {"verdict": "wait"} | need(admission.need)
        self.registry.add(admission)
        self.numbers[name] = admission.id
        who = admission.identity
        told = {"subject": who.subject} if who else {"pending": admission.is_pending}
        return {"verdict": "open", "status": admission.response.status} | told

    def receive(self, step, session):
        kind, data = step["kind"], payload(step)
        receive = {
            "text": lambda: self.receive_message(session, data, now=self.now),
            "binary": lambda: self.receive_message(session, data, binary=True, now=self.now),
            "ping": lambda: session.receive_ping(data, now=self.now),
            "pong": lambda: session.receive_pong(data, now=self.now),
            "close": lambda: session.receive_close(step.get("code"), now=self.now),
        }
        return words(receive[kind](), data)

    def authenticate(self, step, session):
        return self.judged(session, session.authenticate(payload(step), now=self.now))

    def provide(self, step, session):
        return self.judged(session, session.provide(answer_of(step), now=self.now))

    def judged(self, session, judgement):
        if isinstance(judgement, Need):
            return {"verdict": "wait"} | need(judgement)
        who = session.identity
        return words(judgement) | ({"subject": who.subject} if isinstance(judgement, Ignore) and who else {})

    def revalidated(self, step, session):
        return words(session.revalidated(answer_of(step), now=self.now))

    def sent(self, step, session):
        pressure = session.queued(step["bytes"], now=self.now)
        if isinstance(pressure, Close):
            return {"pressure": "close", "code": pressure.code, "reason": pressure.reason} | event(pressure.event)
        return {"pressure": pressure}

    def drained(self, step, session):
        session.drained(step["bytes"])
        return {"ok": True}

    def close(self, step, session):
        return words(session.close(step.get("reason") or "closed_by_host", now=self.now))

    def lost(self, step, session):
        self.connections[step["lost"]] = None
        return {"ok": True} | event(session.lost(now=self.now))

    def join(self, step, session):
        try:
            return {"ok": session.join(step["channel"])}
        except LimitReached as full:
            return {"ok": False, "reason": full.reason}

    def leave(self, step, session):
        return {"ok": session.leave(step["channel"])}

    # The whole server.

    def tick(self, step):
        due = {}
        for name, connection in self.connections.items():
            if isinstance(connection, Waiting) and connection.deadline <= self.now.mono:
                due[name] = self.too_late(connection)
        while self.registry.next_timeout() is not None and self.registry.next_timeout() <= self.now.mono:
            while tick := self.registry.tick(now=self.now):
                session, action = tick
                name = next(name for name, one in self.connections.items() if one is session)
                due.setdefault(name, []).append(action_words(action))
                if isinstance(action, Terminate):
                    session.lost(now=self.now)
                    self.connections[name] = None
        order = list(self.connections)
        for name in due:
            if isinstance(self.connections[name], Waiting):
                self.connections[name] = None
        return {"due": [{"session": name} | one for name in sorted(due, key=order.index) for one in due[name]]}

    def too_late(self, waiting):
        try:
            waiting.provide(Unavailable(), now=self.now)
        except Refused as refused:
            return [refusal(refused)]
        raise Wrong("an answer after the deadline was taken")

    def revoke(self, step):
        lasts = step.get("lasts")
        try:
            return self.names(
                self.guard.revoke(revocation(step["revoke"]), lasts=lasts and lasts / SECOND, now=self.now)
            )
        except LimitReached as full:
            return {"error": str(full)}

    def reload(self, step):
        try:
            return self.names(self.guard.reload(Policy.from_dict(step["policy"])))
        except PolicyError as error:
            return {"error": str(error)}

    def drain(self, step):
        return self.names(self.guard.drain(now=self.now))

    def names(self, affected):
        return {"affected": [name for name, number in self.numbers.items() if number in affected]}

    def mint(self, step):
        asked = step["mint"]
        entropy = (asked.get("entropy") or 0).to_bytes(8) + bytes(24)
        who, origin = identity(asked["identity"]), asked.get("origin")
        where = {"path": asked["path"], "origin": origin, "address": asked.get("address")}
        try:
            return {"ticket": self.guard.mint_ticket(who, **where, entropy=entropy, now=self.now)}
        except Refused as refused:
            return {"error": refused.detail, "reason": refused.reason}

    def keys(self, step):
        body = step.get("body")
        if body is None:
            self.guard.keys_failed(step["keys"])
            return {"ok": True}
        try:
            text = body if isinstance(body, str) else json.dumps(body)
            self.guard.keys_fetched(step["keys"], text, now=self.now)
        except PolicyError as error:
            return {"error": str(error)}
        return {"ok": True}

    def due(self, step):
        due = []
        while action := self.guard.handle_timeout(now=self.now):
            due.append({"action": "fetch_keys", "url": action.url})
        return {"due": due, "next": self.guard.next_timeout()}

    def stats(self, step):
        stats = self.guard.stats()
        names = ("connections", "unauthenticated", "sessions", "opened", "refused", "addresses", "users")
        return {name: getattr(stats, name) for name in names}


CONNECTION = {
    "receive": Play.receive,
    "sent": Play.sent,
    "drained": Play.drained,
    "provide": Play.provide,
    "revalidated": Play.revalidated,
    "authenticate": Play.authenticate,
    "close": Play.close,
    "lost": Play.lost,
    "join": Play.join,
    "leave": Play.leave,
}
VERBS = CONNECTION | {
    "open": Play.open,
    "tick": Play.tick,
    "revoke": Play.revoke,
    "policy": Play.reload,
    "drain": Play.drain,
    "mint": Play.mint,
    "keys": Play.keys,
    "guard": Play.due,
    "stats": Play.stats,
}


def decoded(session, data, **options):
    """The verdict; what is delivered has the value that the standard library gives it."""
    verdict, value = session.decode(data, **options)
    if isinstance(verdict, Deliver) and json.dumps(value) != json.dumps(json.loads(data)):
        raise Wrong(f"decoded as {value!r}")
    return verdict


def screened(guard, asked, now):
    """The candidate of a request as a question describes it."""
    return guard.screen(
        asked["target"],
        asked.get("headers") or [],
        remote=asked.get("peer") or "unix",
        tls=bool(asked.get("tls")),
        method=asked.get("method"),
        version=asked.get("version") or "1.1",
        now=now,
    )


def identity(given):
    """Who an opaque credential stands for: a subject, or an object with all that an identity has."""
    if given is None:
        return None
    if isinstance(given, str):
        return Identity.assertion(given)
    given = dict(given)
    subject = given.pop("subject", None)
    return Identity.guest() if subject is None else Identity.assertion(subject, **given)


def answer_of(step):
    given = step["answer"]
    who = identity(given.get("identity"))
    if who is not None:
        return who
    words = {"refused": None, "unavailable": Unavailable(), "keys": KeysFetched(), "unused": TicketUnused()}
    (said,) = (word for word in words if given.get(word))
    return words[said]


def payload(step):
    text = step.get("text")
    if text is not None:
        return text.encode()
    return base64.b64decode(step["bytes"], validate=True) if step.get("bytes") is not None else b""


def revocation(asked):
    for kind, make in (("token", Revocation.token), ("session", Revocation.session)):
        if asked.get(kind):
            return make(asked[kind]["id"], namespace=asked[kind].get("namespace") or "")
    user = dict(asked["user"])
    return Revocation.user(user.pop("subject"), **user)

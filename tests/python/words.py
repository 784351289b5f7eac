"""Verdicts, actions and events as JSON."""

import base64

from wswarden import (
    Authenticate,
    Close,
    Deliver,
    Drop,
    Expired,
    Ignore,
    Ping,
    Pong,
    Reply,
    Revalidate,
    Terminate,
)

SECOND = 10**9


def need(need):
    """A need in words; the token is shown, because the host is handed it."""
    match need.kind:
        case "identity":
            return {"need": "identity", "token": need.credential.expose().decode(errors="replace")}
        case "keys":
            return {"need": "keys", "url": need.url}
        case "ticket":
            return {"need": "ticket", "id": encoded(need.ticket_id)}
    raise ValueError(f"a need for {need.kind}")


def refusal(refused):
    said = {"verdict": "refuse", "status": refused.status, "reason": refused.reason}
    return said | wait(refused.retry_after)


def words(verdict, data=b""):
    """A verdict in words; `data` is what a pong sends back."""
    match verdict:
        case Deliver(kind):
            return {"verdict": "deliver"} | ({"type": kind} if kind is not None else {})
        case Reply(reason, text):
            said = {"verdict": "reply", "bytes": encoded(text.encode()), "reason": reason} | wait(verdict.retry_after)
        case Drop(reason):
            said = {"verdict": "drop", "reason": reason} | wait(verdict.retry_after)
        case Close(code, reason):
            said = {"verdict": "close", "code": code, "reason": reason} | wait(verdict.retry_after)
        case Authenticate():
            return {"verdict": "authenticate"}
        case Pong():
            return {"verdict": "pong", "bytes": encoded(data)}
        case Ignore():
            said = {"verdict": "ignore"}
    return said | event(verdict.event)


def action_words(action):
    match action:
        case Ping(data):
            return {"action": "ping", "bytes": encoded(data)}
        case Close(code, reason):
            return {"action": "close", "code": code, "reason": reason} | event(action.event)
        case Revalidate():
            return {"action": "revalidate"}
        case Expired():
            return {"action": "expired"} | event(action.event)
        case Terminate():
            return {"action": "terminate"}


def event(event):
    if event is None:
        return {}
    return {"event": event.kind} | ({"suppressed": event.suppressed} if event.suppressed else {})


def wait(seconds):
    return {} if seconds is None else {"retry_after": round(seconds * SECOND)}


def encoded(data):
    return base64.b64encode(data).decode()

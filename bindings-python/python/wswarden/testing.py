"""For the tests of applications: a clock that stands still, tokens, requests, assertions.

Nothing here sleeps and nothing here is for servers::

    clock = FakeClock()
    guard = Guard(policy, host=Host.SOCKET, clock=clock)
    session = guard.screen("/chat", upgrade_headers(token=make_token(SECRET, "ann")), **LOCAL).admit()
    assert_delivered(session.receive('{"type": "chat", "content": "hello"}'))
    clock.advance(60)

An application behind the ASGI middleware, with Starlette's client or that of Channels. Both must say who the client is,
and that it came by TLS; their guard reads the real clock, so the token begins now::

    headers = upgrade_headers(host="testserver", origin=ORIGIN, token=make_token(SECRET, "ann", now=time.time()))
    client = TestClient(app, client=("127.0.0.1", 50000))
    with client.websocket_connect("wss://testserver/chat", headers=dict(headers)) as ws:
        ws.send_json({"type": "chat", "content": "hello"})

    communicator = WebsocketCommunicator(app, "/chat", [(name.encode(), value.encode()) for name, value in headers])
    communicator.scope |= {"client": ["127.0.0.1", 50000], "scheme": "wss"}
    connected, _ = await communicator.connect()
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

from . import Deliver, Guard, Identity, Now, Reason, Refused, Verdict

__all__ = ["LOCAL", "FakeClock", "assert_delivered", "assert_refused", "make_ticket", "make_token", "upgrade_headers"]

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


class _Socket(TypedDict):
    remote: str
    tls: bool


LOCAL: _Socket = {"remote": "127.0.0.1", "tls": True}
"""What the socket of a client on this machine, over TLS, says: the keywords of ``Guard.screen``."""


class FakeClock:
    """A clock that moves when it is told to: give it to a guard as its ``clock``.

    Args:
        mono: where the monotonic clock stands at first, in seconds.
        unix: where civil time stands at first, in seconds since 1970.
    """

    def __init__(self, mono: float = 1000.0, unix: float = 1_800_000_000.0) -> None:
        self._now = Now(round(mono * 1e9), round(unix * 1e9))

    def __call__(self) -> Now:
        return self._now

    @property
    def unix(self) -> float:
        """Civil time, in seconds since 1970."""
        return self._now.unix / 1e9

    def advance(self, seconds: float) -> Now:
        """Moves both clocks; gives where they stand now."""
        self._now = self._now.after(seconds)
        return self._now

    def advance_to(self, mono: int) -> Now:
        """Moves both clocks until the monotonic one stands at so many nanoseconds, as ``next_timeout`` tells them."""
        by = max(mono - self._now.mono, 0)
        self._now = Now(self._now.mono + by, self._now.unix + by)
        return self._now


def make_token(
    secret: str | bytes,
    subject: str,
    *,
    issuer: str | None = None,
    audience: str | None = None,
    now: float = 1_800_000_000.0,
    lasts: float = 300.0,
    alg: str = "HS256",
    kid: str | None = None,
    **claims: Any,
) -> str:
    """A JSON Web Token signed with a shared secret.

    Args:
        secret: the secret.
        subject: the claim ``sub``.
        issuer: the claim ``iss``.
        audience: the claim ``aud``.
        now: the claim ``iat``, in seconds since 1970; by default where a ``FakeClock`` starts.
        lasts: for so many seconds it is good (``exp``).
        alg: "HS256", "HS384" or "HS512".
        kid: the key's id.
        claims: what else it claims. None takes a claim out.

    Raises:
        ValueError: for an algorithm that is not made with a shared secret.
    """
    if alg not in _HASHES:
        raise ValueError(f"alg: {alg!r} is none of {', '.join(_HASHES)}")
    body = {"sub": subject, "iss": issuer, "aud": audience, "iat": int(now), "exp": int(now + lasts)} | claims
    head = {"alg": alg, "typ": "JWT", "kid": kid}
    signed = ".".join(
        _part({name: value for name, value in part.items() if value is not None}) for part in (head, body)
    )
    key = secret.encode() if isinstance(secret, str) else secret
    return f"{signed}.{_base64url(hmac.digest(key, signed.encode(), _HASHES[alg]))}"


def _part(part: dict[str, Any]) -> str:
    return _base64url(json.dumps(part, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_ticket(guard: Guard, subject: str, *, path: str, **options: Any) -> str:
    """A single-use ticket, as an endpoint of the application would mint it for a user it knows.

    Args:
        guard: the guard, whose policy has tickets.
        subject: the user.
        path: the path of the connection that it opens.
        options: other keywords of ``Guard.mint_ticket``: ``origin``, ``address``.
    """
    return guard.mint_ticket(Identity.assertion(subject), path=path, **options)


def upgrade_headers(
    *,
    host: str = "localhost",
    origin: str | None = None,
    token: str | None = None,
    cookie: str | None = None,
    subprotocols: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """The headers of a good upgrade request (RFC 6455 section 4.1).

    Args:
        host: the host that is asked for.
        origin: the page's origin.
        token: the token of ``Authorization: Bearer``.
        cookie: the whole value of ``Cookie``.
        subprotocols: what the client speaks.
    """
    headers = [
        ("host", host),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    optional = {
        "origin": origin,
        "authorization": token and f"Bearer {token}",
        "cookie": cookie,
        "sec-websocket-protocol": ", ".join(subprotocols) or None,
    }
    return headers + [(name, value) for name, value in optional.items() if value is not None]


@contextmanager
def assert_refused(reason: str) -> Iterator[None]:
    """Fails unless what happens inside is refused, and for this reason.

    Args:
        reason: a ``Reason``, or its name.
    """
    try:
        yield
    except Refused as refused:
        if refused.reason != Reason(reason):
            raise AssertionError(f"refused for {refused.reason}, expected {Reason(reason)}") from refused
    else:
        raise AssertionError(f"let in, expected a refusal for {Reason(reason)}")


def assert_delivered(verdict: Verdict, kind: str | None = None) -> None:
    """Fails unless a message was delivered, and as of this type where one is given."""
    if not isinstance(verdict, Deliver):
        raise AssertionError(f"{verdict!r}, expected a message that is delivered")
    if kind is not None and verdict.type != kind:
        raise AssertionError(f"delivered as {verdict.type!r}, expected {kind!r}")

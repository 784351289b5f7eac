"""wswarden for ASGI: Starlette, FastAPI, Litestar, Django Channels::

    from fastapi import FastAPI, WebSocket
    from wswarden import Policy
    from wswarden.asgi import Guard, GuardMiddleware

    guard = Guard(Policy.from_file("policy.toml"), waive=["control_frames", "fragments"])
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=guard)

    @app.websocket("/chat")
    async def chat(ws: WebSocket):
        await ws.accept()
        async for message in guard.messages(ws, Chat):
            await ws.send_text(message.content)

ASGI has no pings, so the policy's heartbeat is ``mode = "message"``. It shows neither control frames nor fragments:
waive these gaps by name, and let the server bound them. ``guard.uvicorn_options()`` sets up uvicorn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from ._connection import Connection
from ._core import Host, Session
from ._errors import ConnectionClosed, Ended, Refused
from ._guard import AsyncGuard
from ._reason import Reason

__all__ = ["HOST", "ConnectionClosed", "Guard", "GuardMiddleware"]

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOST = Host(repeated_headers=True, http_refusal=True)
"""What ASGI can do. Servers without the denial extension, such as daphne, refuse with a plain 403."""

DENIAL = "websocket.http.response"
KEY = "wswarden"
"""Where the scope has the guarded connection."""


class Guard(AsyncGuard):
    """A policy, and what the connections of one ASGI application share under it."""

    HOST = HOST

    def uvicorn_options(self) -> dict[str, Any]:
        """The keywords of ``uvicorn.run`` and ``uvicorn.Config`` that have it keep the policy.

        It buffers no more than the policy takes, accepts no compression, and leaves it to the policy's
        ``trusted_proxies`` whose ``X-Forwarded-For`` counts: uvicorn's own middleware trusts this machine.
        """
        limits = self.policy.host_limits
        return {"ws_max_size": limits.max_message, "ws_per_message_deflate": False, "proxy_headers": False}

    def _connection_of(self, ws: Any) -> Connection | None:
        scope = ws if isinstance(ws, MutableMapping) else getattr(ws, "scope", None)
        return scope.get(KEY) if isinstance(scope, MutableMapping) else None


class GuardMiddleware:
    """Guards the WebSocket connections of an ASGI application; everything else passes through.

    What the application receives is within policy. When the connection ends, for whatever reason, the application
    receives ``websocket.disconnect``, and what it sends afterwards raises ``ConnectionClosed``.

    Args:
        app: the application.
        guard: the guard.
    """

    def __init__(self, app: App, *, guard: Guard) -> None:
        self.app = app
        self.guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        if (await receive())["type"] != "websocket.connect":
            return
        client = _Client(receive)
        try:
            await self._guarded(scope, client, send)
        finally:
            client.close()

    async def _guarded(self, scope: Scope, client: _Client, send: Send) -> None:
        try:
            session = await self._admit(scope, client)
        except Refused as refused:
            self.guard.record_refusal(refused)
            await _deny(scope, send, refused)
            return
        if session is None:
            return
        connection = _Guarded(self.guard, session, client, send)
        async with connection:
            inner = {**scope, KEY: connection, "subprotocols": [name for name in [session.subprotocol] if name]}
            try:
                await self.app(inner, connection.to_app, connection.from_app)
            except Exception:
                # Servers differ in what the client then sees; none says 1011 by itself.
                await connection.close(Reason.INTERNAL)
                raise

    async def _admit(self, scope: Scope, client: _Client) -> Session | None:
        """The session; None when the client has left, which gives its place back at once."""
        candidate = self.guard.screen(_target(scope), _headers(scope), **_socket(scope))
        admission = asyncio.ensure_future(self.guard.admit(candidate))
        try:
            either: list[asyncio.Future[Any]] = [admission, client.looks_ahead()]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return admission.result() if admission.done() else None
        finally:
            admission.cancel()


class _Client:
    """What the client sends, in order."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ahead: asyncio.Future[Event] | None = None

    def looks_ahead(self) -> asyncio.Future[Event]:
        """What comes next; it is received again."""
        self._ahead = asyncio.ensure_future(self._receive())
        return self._ahead

    def receive(self) -> Awaitable[Event]:
        if self._ahead is None:
            return self._receive()
        ahead, self._ahead = self._ahead, None
        return ahead

    def close(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()


class _Guarded(Connection):
    def __init__(self, guard: Guard, session: Session, client: _Client, send: Send) -> None:
        super().__init__(guard, session)
        self._client = client
        self._send = send
        self._connected = False
        self._accepted = False
        self._gone: Event | None = None

    def to_app(self) -> Awaitable[Event]:
        """What the application receives."""
        return self.next(self.session.receive, self._event) if self._connected else self._connect()

    async def _connect(self) -> Event:
        self._connected = True
        return {"type": "websocket.connect"}

    def _event(self, data: str | bytes | None, _verdict: object) -> Event:
        if data is not None:
            return {"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data}
        if self._gone is not None:
            return self._gone
        close = self.closed
        return {
            "type": "websocket.disconnect",
            "code": close.code if close else 1006,
            "reason": close.text if close else "",
        }

    async def from_app(self, event: Event) -> None:
        """What the application sends."""
        kind = event["type"]
        if kind == "websocket.send":
            text = event.get("text")
            size = self.queued(text if text is not None else event.get("bytes"))
            try:
                await self._send(event)
            finally:
                self.session.drained(size)
            return
        if self.closed is not None:
            if kind == "websocket.close":
                return
            raise ConnectionClosed(self.closed.reason, self.closed.code)
        if kind == "websocket.accept":
            self._accepted = True
            await self._send({**event, "subprotocol": self.session.subprotocol})
        else:
            # A close, or a refusal of the application's own.
            if kind != "websocket.http.response.body":
                self._closed_by_host()
            await self._send(event)

    def end(self) -> None:
        super().end()
        self._client.close()

    def _receive(self) -> Awaitable[Event]:
        return self._client.receive()

    def _data(self, received: Event) -> str | bytes | None:
        if received["type"] == "websocket.receive":
            text: str | None = received.get("text")
            return text if text is not None else bytes(received["bytes"])
        self._gone = received
        code = received.get("code")
        if code != 1006:  # cut, without a close frame
            with suppress(Ended):
                # 1005 stands for a close frame without a code.
                self._closed_by_peer(self.session.receive_close(None if code == 1005 else code))
        return None

    async def _send_text(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})

    async def _send_close(self, code: int, text: str) -> None:
        await self._send({"type": "websocket.close", "code": code or 1000, "reason": text})


async def _deny(scope: Scope, send: Send, refused: Refused) -> None:
    if DENIAL not in (scope.get("extensions") or {}):
        # A close before the accept is a plain 403.
        await send({"type": "websocket.close", "code": refused.close_code, "reason": refused.reason.value})
        return
    response = refused.response
    # Whether the connection is kept is the server's to say.
    fields = [(name.encode(), value.encode()) for name, value in response.headers if name != "connection"]
    await send({"type": "websocket.http.response.start", "status": response.status, "headers": fields})
    await send({"type": "websocket.http.response.body", "body": response.body})


def _target(scope: Scope) -> bytes:
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string") or b""
    return path + b"?" + query if query else path


def _headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    headers = list(scope["headers"])
    # ASGI leaves out what makes a stream of HTTP/2 a WebSocket (RFC 8441): the server has seen to it.
    return [*headers, (b":protocol", b"websocket")] if _version(scope) == "2" else headers


def _socket(scope: Scope) -> dict[str, Any]:
    version = _version(scope)
    return {
        "remote": _remote(scope),
        "tls": scope.get("scheme") in ("wss", "https"),
        "method": "CONNECT" if version == "2" else "GET",
        "version": version,
    }


def _version(scope: Scope) -> str:
    version: str = scope.get("http_version") or "1.1"
    return version


def _remote(scope: Scope) -> str:
    """The other end of the connection. A server that does not tell it is not taken for a local socket."""
    client, server = scope.get("client"), scope.get("server")
    if client:
        return str(client[0])
    if server and server[1] is None:
        return "unix"
    raise ValueError("the server does not say who the client is (scope['client'])")

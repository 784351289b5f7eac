"""wswarden for aiohttp's server::

    from aiohttp import web
    from wswarden import Policy
    from wswarden.aiohttp import Guard

    guard = Guard(Policy.from_file("policy.toml"), waive=["fragments"])

    async def chat(request):
        async with guard.upgrade(request) as ws:
            async for message in guard.messages(ws, Chat):
                await ws.send_str(message.content)
        return ws

aiohttp bounds the bytes of a message but not its fragments: waive that gap by name, and let a proxy bound them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from aiohttp import WSMessage, WSMsgType, web

from ._connection import Connection
from ._core import Close, Host, Pong, Session
from ._errors import ConnectionClosed, Ended, Refused
from ._guard import AsyncGuard
from ._reason import Reason

__all__ = ["HOST", "ConnectionClosed", "Guard", "WebSocket"]

HOST = Host(pings=True, control_frames=True, repeated_headers=True, http_refusal=True)
"""What aiohttp can do: it does not bound the fragments of a message."""

_AHEAD = 16
"""So many messages are read before the application asks for them: pongs and close frames stand among them."""

_LOOKS = 0.1
"""Seconds between two looks for a client that has left."""


class Guard(AsyncGuard):
    """A policy, and what the connections of one aiohttp server share under it."""

    HOST = HOST

    @asynccontextmanager
    async def upgrade(self, request: web.Request) -> AsyncIterator[WebSocket]:
        """Judges an upgrade request, opens the connection, and closes it when the block ends.

        Args:
            request: the request, as the handler gets it.

        Raises:
            aiohttp.web.HTTPException: the refusal, which aiohttp sends when the handler lets it through.
        """
        try:
            session = await self._admit(request)
        except Refused as refused:
            self.record_refusal(refused)
            raise _refusal(refused) from None
        ws = WebSocket(self, session)
        async with ws.guarded:
            await ws.prepare(request)
            ws.guarded.read()
            try:
                yield ws
            except ConnectionClosed:
                pass  # its handler met the end while it sent
            except Exception:
                await ws.guarded.close(Reason.INTERNAL)
                raise
            await ws.guarded.close()

    async def _admit(self, request: web.Request) -> Session:
        admission = asyncio.ensure_future(self.admit(self._screen(request)))
        try:
            # aiohttp tells nobody that a client has left: it is looked for, so that its place is free again soon.
            while not (await asyncio.wait({admission}, timeout=_LOOKS))[0]:
                if request.transport is None or request.transport.is_closing():
                    raise ConnectionResetError("the client has left")
            return admission.result()
        finally:
            admission.cancel()

    def _screen(self, request: web.Request) -> Any:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has left")
        return self.screen(
            request.raw_path,
            request.raw_headers,
            remote=_remote(transport),
            tls=transport.get_extra_info("sslcontext") is not None,
            method=request.method,
            version=f"{request.version.major}.{request.version.minor}",
        )

    def _connection_of(self, ws: Any) -> Connection | None:
        return ws.guarded if isinstance(ws, WebSocket) else None


class WebSocket(web.WebSocketResponse):
    """A connection of aiohttp on which only messages that are within policy are received."""

    def __init__(self, guard: Guard, session: Session) -> None:
        limits = guard.policy.host_limits
        protocol = session.subprotocol
        super().__init__(
            timeout=limits.close_timeout,
            # The guard pings and judges pings, and accepts no extension: a small compressed message can be a large one.
            autoping=False,
            heartbeat=None,
            compress=False,
            protocols=[protocol] if protocol else [],
            autoclose=False,
            max_msg_size=limits.max_message + 1,  # the first size that aiohttp refuses
        )
        self.guarded = _Guarded(guard, session, self)

    async def receive(self, timeout: float | None = None) -> Any:
        """The next message that is within policy; one of type ``CLOSED`` when the connection has ended."""
        async with asyncio.timeout(timeout):
            return await self.guarded.next(self.guarded.session.receive, _message)

    async def send_str(self, data: str, compress: int | None = None) -> None:
        size = self.guarded.queued(data)
        try:
            await super().send_str(data, compress)
        finally:
            self.guarded.session.drained(size)

    async def send_bytes(self, data: Any, compress: int | None = None) -> None:
        size = self.guarded.queued(data)
        try:
            await super().send_bytes(data, compress)
        finally:
            self.guarded.session.drained(size)

    async def close(self, *, code: int = 1000, message: bytes = b"", drain: bool = True) -> bool:
        """Closes the connection with the application's own code."""
        # aiohttp calls this, too, where it reads and the connection has ended.
        if asyncio.current_task() is not self.guarded.reader:
            self.guarded._closed_by_host()
        return await super().close(code=code, message=message, drain=drain)


class _Guarded(Connection):
    def __init__(self, guard: Guard, session: Session, ws: WebSocket) -> None:
        super().__init__(guard, session)
        self._ws = ws
        self._messages: asyncio.Queue[str | bytes | None] = asyncio.Queue(_AHEAD)
        self.reader: asyncio.Task[None] | None = None

    def read(self) -> None:
        """Reads from now on, whether or not the application does: or a pong would not be seen."""
        self.reader = self._start(self._read)

    async def _read(self) -> None:
        while True:
            message = await web.WebSocketResponse.receive(self._ws)
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await self._messages.put(cast("str | bytes", message.data))
            elif message.type in (WSMsgType.PING, WSMsgType.PONG):
                await self._control(message)
            else:
                await self._over(message)
                return

    async def _over(self, message: Any) -> None:
        if self.closed is None:
            self._judge_late(self._waiting())
        if message.type is WSMsgType.CLOSE:
            with suppress(Ended):
                # aiohttp says 0 for a close frame without a code.
                self._closed_by_peer(self.session.receive_close(message.data or None))
            await self._ws.close(code=message.data or 1000, drain=False)
        elif message.type is not WSMsgType.CLOSING:
            self.end()
        await self._messages.put(None)

    def _waiting(self) -> Iterator[str | bytes]:
        """What has been received, and nobody has read."""
        while not self._messages.empty():
            data = self._messages.get_nowait()
            if data is not None:
                yield data

    async def _control(self, message: Any) -> None:
        with suppress(Ended):
            if message.type is WSMsgType.PONG:
                verdict = self.session.receive_pong(message.data)
            else:
                verdict = self.session.receive_ping(message.data)
            if isinstance(verdict, Pong):
                await self._ws.pong(message.data)
            elif isinstance(verdict, Close):
                # Not awaited: the close handshake ends this very reading.
                self._start(self._do, verdict)

    def _receive(self) -> Awaitable[str | bytes | None]:
        return self._messages.get()

    def _data(self, received: str | bytes | None) -> str | bytes | None:
        return received

    async def _send_text(self, text: str) -> None:
        await web.WebSocketResponse.send_str(self._ws, text)

    async def _send_ping(self, payload: bytes) -> None:
        await self._ws.ping(payload)

    async def _send_close(self, code: int, text: str) -> None:
        await web.WebSocketResponse.close(self._ws, code=code or 1000, message=text.encode())

    def _cut(self) -> None:
        request = self._ws._req
        if request is not None and request.transport is not None:
            request.transport.abort()


def _message(data: str | bytes | None, _verdict: object) -> WSMessage:
    if data is None:
        return WSMessage(WSMsgType.CLOSED, None, None)
    return WSMessage(WSMsgType.TEXT if isinstance(data, str) else WSMsgType.BINARY, data, None)


def _refusal(refused: Refused) -> web.HTTPException:
    response = refused.response
    kind = type("Refusal", (web.HTTPException,), {"status_code": response.status})
    fields = {name: value for name, value in response.headers if name != "content-length"}
    return cast(web.HTTPException, kind(headers=fields, text=response.body.decode()))


def _remote(transport: asyncio.BaseTransport) -> str:
    """The other end of the connection: only a socket that is local by its kind is called so."""
    if transport.get_extra_info("socket").family == socket.AF_UNIX:
        return "unix"
    return cast(str, transport.get_extra_info("peername")[0])

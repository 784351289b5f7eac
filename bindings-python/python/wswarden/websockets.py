"""wswarden for the library ``websockets``::

from wswarden import Policy
from wswarden.websockets import Guard, serve

guard = Guard(Policy.from_file("policy.toml"))

async def handler(ws):
    async for message in guard.messages(ws):
        await ws.send("hello " + message["content"])

async with serve(handler, "0.0.0.0", 8443, guard=guard, ssl=tls) as server:
    await server.serve_forever()
"""

from __future__ import annotations

import asyncio
import socket
import ssl as _ssl
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NoReturn, cast

from websockets.asyncio.connection import Connection as PlainConnection
from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as _serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed as _Closed
from websockets.frames import Close as CloseFrame
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event
from websockets.server import ServerProtocol
from websockets.typing import Data, Subprotocol

from . import _core
from ._connection import Connection
from ._core import Close, Deliver, FrameMeter, Host, Knock, Session
from ._errors import ConnectionClosed as _ConnectionClosed
from ._errors import Ended, Refused
from ._guard import AsyncGuard
from ._reason import Reason
from ._types import Verdict

__all__ = ["HOST", "ConnectionClosed", "Guard", "GuardedConnection", "serve"]

HOST = Host(pings=True, control_frames=True, repeated_headers=True, fragments=True, http_refusal=True)
"""What ``websockets`` can do: everything."""

_LONGEST_HEAD = 130 * 8192
"""So many bytes of a request the library reads at most: its line, 128 headers of 8 KiB, and the line that ends them."""


class Guard(AsyncGuard):
    """A policy, and what the connections of one ``websockets`` server share under it."""

    HOST = HOST

    def serve_options(self, ssl: _ssl.SSLContext | None = None) -> dict[str, Any]:
        """The keywords of ``websockets.asyncio.server.serve`` that have it keep the policy.

        Args:
            ssl: the server's TLS context.
        """
        limits = self.policy.host_limits

        def connection(protocol: ServerProtocol, server: Server, **options: Any) -> GuardedConnection:
            return GuardedConnection(protocol, server, guard=self, **options)

        options: dict[str, Any] = {
            "create_connection": connection,
            "process_request": self.process_request,
            "max_size": limits.max_message,
            "close_timeout": limits.close_timeout,
            # The guard pings, and times the request itself, and accepts no extension: a small compressed message can be
            # a large one.
            "ping_interval": None,
            "open_timeout": None,
            "compression": None,
        }
        if ssl is not None:
            options |= {"ssl": ssl, "ssl_handshake_timeout": limits.head_timeout}
        return options

    async def process_request(self, ws: ServerConnection, request: Request) -> Response:
        """Judges an upgrade request; the answer opens the connection or refuses it."""
        if not isinstance(ws, GuardedConnection) or ws.guard is not self:
            raise TypeError("give `serve` all of `guard.serve_options()`")
        try:
            session = await self._admit(ws, request)
        except Refused as refused:
            self.record_refusal(refused)
            return _answer(refused.response)
        except ConnectionResetError:
            return ws.respond(HTTPStatus.REQUEST_TIMEOUT, "")  # nobody is there to read it
        ws.open(session)
        return _answer(session.response)

    async def _admit(self, ws: GuardedConnection, request: Request) -> Session:
        candidate = self.screen(
            request.path,
            list(request.headers.raw_items()),
            remote=ws.remote,
            tls=ws.tls,
            method=request.method,
            version=request.protocol.removeprefix("HTTP/"),
        )
        admission = asyncio.ensure_future(self.admit(candidate))
        try:
            # A client that leaves gives its place back at once.
            either: list[asyncio.Future[Any]] = [admission, ws.connection_lost_waiter]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not admission.done() or ws.connection_lost_waiter.done():
                raise ConnectionResetError("the client has left")
            return admission.result()
        finally:
            admission.cancel()

    def _connection_of(self, ws: Any) -> Connection | None:
        return ws.guarded if isinstance(ws, GuardedConnection) else None


def serve(
    handler: Callable[[ServerConnection], Awaitable[None]],
    host: str | None = None,
    port: int | None = None,
    *,
    guard: Guard,
    ssl: _ssl.SSLContext | None = None,
    **options: Any,
) -> Server:
    """``websockets.asyncio.server.serve`` with a guard: the same arguments, and the policy kept.

    Args:
        handler: serves one connection; what it receives is within policy.
        host: the address to listen on.
        port: the port to listen on.
        guard: the guard.
        ssl: the server's TLS context. Without it only a policy that trusts a proxy, or no TLS, lets anybody in.
        options: other keywords of ``websockets``.

    Raises:
        TypeError: for an option that would take a part of the policy out of the guard's hands.
    """
    own = guard.serve_options(ssl)
    if taken := own.keys() & options.keys():
        raise TypeError(f"set by the guard: {', '.join(sorted(taken))}")
    return _serve(handler, host, port, **own, **options)


class ConnectionClosed(_ConnectionClosed, _Closed):
    """Something was sent on a connection that is closing or closed: the library's own error, too."""

    # The library's is a property, which could not be set.
    reason = cast(Reason, None)  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(self, reason: Reason, close_code: int, retry_after: float | None = None) -> None:
        super().__init__(reason, close_code, retry_after)
        self.rcvd, self.sent, self.rcvd_then_sent = None, CloseFrame(close_code, reason.sentence), None


class GuardedConnection(ServerConnection):
    """A connection of ``websockets`` on which only messages that are within policy are received."""

    # With the library's own, there would be too many for Python to find them by their place.
    __slots__ = ("_head", "_head_timer", "_knock", "_meter", "guard", "guarded", "remote", "tls")

    def __init__(self, protocol: ServerProtocol, server: Server, *, guard: Guard, **options: Any) -> None:
        super().__init__(protocol, server, **options)
        self.guard = guard
        self.guarded: _Guarded | None = None
        self._head: bytearray | None = bytearray()
        self._meter = FrameMeter(guard.policy.host_limits.max_fragments)
        self._head_timer: asyncio.TimerHandle | None = None
        self._knock: Knock | None = None
        self.remote = ""
        self.tls = False

    def open(self, session: Session) -> None:
        """The request was good: guards the connection with its session."""
        self.protocol.subprotocol = cast(Subprotocol | None, session.subprotocol)
        self.guarded = _Guarded(self.guard, session, self)
        self.guarded.begin()

    # What the application calls.

    async def recv(self, decode: bool | None = None) -> Any:
        """The next message that is within policy.

        Raises:
            websockets.exceptions.ConnectionClosed: when the connection has ended.
        """
        guarded = self.guarded or _is_not_open()
        while True:
            # What a close from elsewhere cuts off waits for the connection's end, as it does without a guard.
            try:
                data = await ServerConnection.recv(self)
            except _Closed:
                if not guarded.late:
                    raise
                data = guarded.late.popleft()[0]
                break
            try:
                receive = guarded.session.receive
                verdict = receive(data) if type(data) is str else receive(data, binary=True)
            except Ended:
                await self.wait_closed()
                raise self.protocol.close_exc from None
            if type(verdict) is Deliver:
                break
            await guarded._refused(data, verdict)
        if decode is None or isinstance(data, str) == decode:
            return data
        return data.decode() if isinstance(data, bytes) else data.encode()

    def recv_streaming(self, decode: bool | None = None) -> Any:
        """Not possible: a message is judged as a whole."""
        raise NotImplementedError("a message is judged as a whole: use recv")

    async def send(self, message: Data | Iterable[Any] | AsyncIterable[Any], *, text: bool | None = None) -> None:
        """Sends a message. What waits to be sent is counted.

        Raises:
            ConnectionClosed: when the client does not read, and the connection is closed for that.
            websockets.exceptions.ConnectionClosed: when the connection has ended.
        """
        guarded = self.guarded or _is_not_open()
        size = guarded.queued(message)
        try:
            await ServerConnection.send(self, message, text=text)
        finally:
            guarded.session.drained(size)

    # What the library calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Asked now: a connection that is lost no longer tells.
        self.remote = _remote(self.transport)
        self.tls = self.transport.get_extra_info("ssl_object") is not None
        try:
            self._knock = self.guard.knock(self.remote)
        except Refused as refused:
            # Before there is a request there is nobody to answer.
            self.guard.record_refusal(refused)
            self.transport.abort()
            return
        except Exception:
            self.transport.abort()
            raise
        self._head_timer = self.loop.call_later(self.guard.policy.host_limits.head_timeout, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_over()
        if self.guarded is None:
            super().connection_lost(exc)
        elif self.guarded.is_read():
            # What its reader was woken for is read in its turn, which comes before this.
            super().connection_lost(exc)
            self.loop.call_soon(self.guarded.end)
        else:
            self.guarded.end()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        reason = self._meter.feed(data if self._head is None else self._frames_in(data, self._head))
        if reason is None:
            ServerConnection.data_received(self, data)
        elif self.guarded is not None:
            self.guarded.fail(reason)
        else:
            self.transport.abort()

    def process_event(self, event: Event) -> None:
        if not isinstance(event, Frame):
            self._head_is_over()
            super().process_event(event)
            return
        # Compared as numbers: the hash of an enum's member is slow, and this is on the way of every message.
        if event.opcode >= Opcode.CLOSE and self.guarded is not None:
            self.guarded.control(event)
        # Past the server's own, which is for requests.
        PlainConnection.process_event(self, event)

    def _frames_in(self, data: bytes, head: bytearray) -> bytes:
        """What of the bytes comes after the request, of which `head` was there before."""
        seen = max(0, len(head) - 3)
        head += data
        end = head.find(b"\r\n\r\n", seen)
        if end < 0:
            if len(head) > _LONGEST_HEAD:
                # The library has stopped reading it, and waits for its answer to be read.
                self.transport.abort()
            return b""
        self._head = None
        return bytes(head[end + 4 :])

    def _head_is_over(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        if self._knock is not None:
            self._knock.release()


class _Guarded(Connection):
    def __init__(self, guard: Guard, session: Session, ws: GuardedConnection) -> None:
        super().__init__(guard, session)
        self._ws = ws
        self._peers_close: Frame | None = None
        self.late = self._late

    def is_read(self) -> bool:
        """Whether a task waits for a message, or was woken for one."""
        return self._ws.recv_messages.get_in_progress

    def end(self) -> None:
        if self.closed is None:
            self._judge_late(self._waiting())
        if self._peers_close is not None:
            payload = bytes(self._peers_close.data)
            with suppress(Ended):
                code = int.from_bytes(payload[:2]) if len(payload) > 1 else None
                self._closed_by_peer(self.session.receive_close(code))
        super().end()

    def _waiting(self) -> Iterator[str | bytes]:
        """What the library has received whole, and nobody has read."""
        while True:
            reading = ServerConnection.recv(self._ws)
            try:
                reading.send(None)
            except StopIteration as read:
                yield read.value
            except Exception:  # the end, or what is not UTF-8
                return
            else:
                reading.close()  # it would have to wait
                return

    def control(self, frame: Frame) -> None:
        """Judges a control frame. The library answers pings and close frames by itself."""
        payload = bytes(frame.data)
        verdict: Verdict | None = None
        try:
            if frame.opcode is Opcode.PING:
                verdict = self.session.receive_ping(payload)
            elif frame.opcode is Opcode.PONG:
                verdict = self.session.receive_pong(payload)
            elif frame.opcode is Opcode.CLOSE and self._peers_close is None:
                # Told at the end, which the library sees to: what came before it may wait to be read.
                self._peers_close = frame
        except Ended:
            return
        if isinstance(verdict, Close):
            self._fail(verdict)

    def fail(self, reason: str) -> None:
        """Closes at once: what the client sends can no longer be read."""
        verdict = self.session.close(reason)
        if isinstance(verdict, Close):
            self._fail(verdict)

    def _fail(self, close: Close) -> None:
        self._record(close.event)
        self._is_closing(close)
        self._ws.protocol.fail(close.code, close.text)
        self._ws.send_data()

    _OVER = (_Closed,)
    _CLOSED = ConnectionClosed

    def _receive(self) -> Awaitable[str | bytes]:
        return ServerConnection.recv(self._ws)

    def _data(self, received: str | bytes) -> str | bytes:
        return received

    async def _send_text(self, text: str) -> None:
        with suppress(_Closed):  # the peer has left; reading says so
            await ServerConnection.send(self._ws, text)

    async def _send_ping(self, payload: bytes) -> None:
        await self._ws.ping(payload)

    async def _send_close(self, code: int, text: str) -> None:
        await self._ws.close(code or 1000, text)

    def _cut(self) -> None:
        self._ws.transport.abort()


def _is_not_open() -> NoReturn:
    raise RuntimeError("the connection is not open")


def _answer(response: _core.Response) -> Response:
    phrase = HTTPStatus(response.status).phrase
    return Response(response.status, phrase, Headers(response.headers), response.body)


def _remote(transport: asyncio.BaseTransport) -> str:
    """The other end of the connection: only a socket that is local by its kind is called so."""
    if transport.get_extra_info("socket").family == socket.AF_UNIX:
        return "unix"
    return cast(str, transport.get_extra_info("peername")[0])

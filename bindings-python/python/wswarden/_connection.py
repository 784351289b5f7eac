"""One guarded connection on asyncio: does what its session says. Decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Self

from ._build import builder
from ._core import (
    Authenticate,
    Close,
    Deliver,
    Event,
    Expired,
    Identity,
    Need,
    Peer,
    Ping,
    Reply,
    Revalidate,
    Session,
    Terminate,
)
from ._errors import ConnectionClosed, Ended
from ._guard import AsyncGuard
from ._reason import Reason
from ._types import Action, Verdict

logger = logging.getLogger("wswarden")

_SOON = 0.001
"""Timers are never set nearer than this: the guard's clock has ticks of up to 4 ms."""


class Connection:
    """A guarded connection. An adapter adds what its library does: receive, send, close, cut.

    A task of its own watches the session's deadlines, so that a dead peer is found although nobody reads. It ends
    with the connection: use it as ``async with connection``.
    """

    def __init__(self, guard: AsyncGuard, session: Session) -> None:
        self.guard = guard
        self.session = session
        self.peer: Peer = session.peer
        self.closed: Close | None = None
        """Why it is closing or closed; None while it is open."""
        self._identity = session.identity
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._reader: asyncio.Task[Any] | None = None
        self._interrupted = False
        self._tasks: set[asyncio.Task[None]] = set()

    # What the adapter's library does.

    _OVER: tuple[type[Exception], ...] = ()
    """What `_receive` raises when the connection has ended."""

    def _receive(self) -> Awaitable[str | bytes | None]:
        """The next message; None when the connection has ended. May be cancelled."""
        raise NotImplementedError

    async def _send_text(self, text: str) -> None:
        raise NotImplementedError

    async def _send_ping(self, payload: bytes) -> None:
        """Only called where the host has pings."""

    async def _send_close(self, code: int, text: str) -> None:
        """Sends a close frame; a code of 0 stands for one without."""
        raise NotImplementedError

    def _cut(self) -> None:
        """Ends the connection without a word, where the library can."""

    # What the application sees.

    @property
    def identity(self) -> Identity | None:
        """Who it belongs to; None while a first message's credential is awaited. It is known beyond the end."""
        with suppress(Ended):
            self._identity = self.session.identity
        return self._identity

    async def messages(self, kind: Any = None) -> AsyncIterator[Any]:
        """The messages that are within policy, as objects of ``kind``, until the connection ends."""
        build = builder(kind)
        while (received := await self.receive_value()) is not None:
            try:
                message = build(received[1], received[0])
            except ValueError:
                await self._host_refuses()
                continue
            yield message

    async def receive_text(self) -> str | bytes | None:
        """The next message that is within policy, as it came; None when the connection has ended."""
        while (data := await self._next()) is not None:
            try:
                verdict = self.session.receive(data, binary=isinstance(data, bytes))
            except Ended:
                return None
            if type(verdict) is Deliver:
                return data
            await self._refused(data, verdict)
        return None

    async def receive_value(self) -> tuple[str | bytes, Any] | None:
        """The next message that is within policy, as it came and as its value; None when the connection has ended."""
        while (data := await self._next()) is not None:
            try:
                verdict, value = self.session.decode(data, binary=isinstance(data, bytes))
            except Ended:
                return None
            if type(verdict) is Deliver:
                return data, value
            await self._refused(data, verdict)
        return None

    async def close(self, reason: str = "closed_by_host") -> None:
        """Closes for ``reason``, a name of the table of reasons."""
        with suppress(Ended):
            await self._do(self.session.close(reason))

    def wake(self) -> None:
        """Has the connection look at what has changed; may be called from any thread."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._changed.set)

    # How it begins and ends.

    async def __aenter__(self) -> Self:
        self.begin()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.end()

    def begin(self) -> None:
        """The connection is open: watches it, until `end`."""
        self.guard._connections[self.session.id] = self
        self._record(self.session.opened)
        self._start(self._watch)

    def end(self) -> None:
        """The connection is gone: gives everything back. May be called again."""
        self.guard._connections.pop(self.session.id, None)
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        identity = self.identity
        event = self.session.lost()
        self.guard.record(event, identity.subject if identity else None, self.peer.address)
        self._interrupt()

    # What is done on the way.

    async def _next(self) -> str | bytes | None:
        """The next message. A close from elsewhere - a deadline, a revocation - ends the wait."""
        if self.closed is not None:
            return None
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # coroutines of asyncio run in tasks
        before = task.cancelling()
        self._reader, self._interrupted = task, False
        try:
            return await self._receive()
        except self._OVER:
            return None
        except asyncio.CancelledError:
            # As `asyncio.timeout` tells its own cancellation from another's; for each message that would cost too much.
            if not self._interrupted or task.cancelling() > before + 1:
                raise
            return None
        finally:
            self._reader = None
            if self._interrupted:
                task.uncancel()

    def _interrupt(self) -> None:
        if self._reader is not None and not self._interrupted:
            self._interrupted = True
            self._reader.cancel()

    async def _watch(self) -> None:
        """Does what time brings."""
        while True:
            try:
                action = self.session.handle_timeout()
                at = None if action is not None else self.session.next_timeout()
            except Ended:
                return
            if action is not None:
                await self._act(action)
                continue
            self._changed.clear()
            left = None if at is None else max((at - self.guard.now().mono) / 1e9, _SOON)
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()

    async def _act(self, action: Action) -> None:
        match action:
            case Ping(payload=payload):
                # A peer that does not read must not hold the watch up: its deadlines run on.
                self._start(self._send_ping, payload)
            case Close():
                self._start(self._do, action)
            case Revalidate(need=need):
                self._start(self._ask_again, need)
            case Expired():
                self._record(action.event)
            case Terminate():
                self._cut()
                self.end()

    async def _refused(self, data: str | bytes, verdict: Verdict) -> None:
        if isinstance(verdict, Authenticate):
            with suppress(Ended):
                await self._judged(self.session.authenticate(data))
        else:
            await self._do(verdict)

    async def _host_refuses(self) -> None:
        with suppress(Ended):
            await self._do(self.session.refuse_delivered())

    async def _judged(self, judgement: Verdict | Need) -> None:
        if isinstance(judgement, Need):
            self._start(self._ask, judgement)
        else:
            await self._do(judgement)

    async def _ask(self, need: Need) -> None:
        answer = await self.guard.resolve(need, self.peer)
        with suppress(Ended):
            await self._judged(self.session.provide(answer))

    async def _ask_again(self, need: Need) -> None:
        answer = await self.guard.resolve(need, self.peer)
        with suppress(Ended):
            await self._do(self.session.revalidated(answer))

    async def _do(self, verdict: Verdict) -> None:
        """Does what a verdict says; one that delivers is not for here."""
        match verdict:
            case Reply(text=text):
                self._record(verdict.event)
                with suppress(OSError):  # the peer has left; reading says so
                    await self._send_text(text)
            case Close(code=code, text=text):
                self._record(verdict.event)
                self._is_closing(verdict)
                await self._send_close(code, text)
            case _:
                self._record(getattr(verdict, "event", None))

    def _is_closing(self, close: Close) -> None:
        self.closed = close
        self._interrupt()
        self._changed.set()

    def _closed_by_peer(self, verdict: Verdict) -> None:
        """The peer's close frame, which the library answers."""
        if isinstance(verdict, Close):
            self._record(verdict.event)
            self._is_closing(verdict)

    def _closed_by_host(self) -> None:
        """A close frame that the application sends itself."""
        with suppress(Ended):
            self._closed_by_peer(self.session.close())

    def queued(self, size: int) -> None:
        """Counts bytes as waiting to be sent, until `drained`.

        Raises:
            ConnectionClosed: when the connection is closing, or the peer does not read and it is closed for that.
        """
        if self.closed is not None:
            raise ConnectionClosed(self.closed.reason, self.closed.code)
        try:
            pressure = self.session.queued(size)
        except Ended:
            raise ConnectionClosed(Reason.CONNECTION_LOST, 1006) from None
        if isinstance(pressure, Close):
            # Not awaited: the close frame waits behind what the peer does not read.
            self._start(self._do, pressure)
            raise ConnectionClosed(pressure.reason, pressure.code)

    def drained(self, size: int) -> None:
        """Counts bytes as sent."""
        # For each message `suppress` would cost too much.
        try:  # noqa: SIM105
            self.session.drained(size)
        except Ended:
            pass

    def _record(self, event: Event | None) -> None:
        if event is not None:
            identity = self.identity
            self.guard.record(event, identity.subject if identity else None, self.peer.address)

    def _start(self, work: Callable[..., Coroutine[Any, Any, None]], *what: Any) -> asyncio.Task[None]:
        """A task that ends with the connection, at the latest."""
        task = self._loop.create_task(self._quietly(work, *what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _quietly(self, work: Callable[..., Coroutine[Any, Any, None]], *what: Any) -> None:
        """The peer may leave at any time; whatever fails for that is no news."""
        try:
            await work(*what)
        except Exception as error:
            logger.debug("a connection failed: %s", type(error).__name__)
            self._cut()
            self.end()


def size_of(data: Any) -> int:
    """The bytes of a message; 0 for what is sent piece by piece, where the library waits for each."""
    if isinstance(data, str):
        return len(data) if data.isascii() else len(data.encode("utf-8", "surrogatepass"))
    return memoryview(data).nbytes if isinstance(data, (bytes, bytearray, memoryview)) else 0

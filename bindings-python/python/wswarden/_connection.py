"""One guarded connection on asyncio: does what its session says. Decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Self, TypeVar

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

T = TypeVar("T")
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
        self._has_ended = False
        self._late: deque[tuple[str | bytes, tuple[Verdict, Any]]] = deque()
        """What the peer had sent before its end, and nobody had read yet."""
        self._tasks: set[asyncio.Task[None]] = set()

    # What the adapter's library does.

    _OVER: tuple[type[Exception], ...] = ()
    """What `_receive` raises when the connection has ended."""

    _CLOSED = ConnectionClosed
    """What is raised where something is sent on a connection that is closed."""

    def _receive(self) -> Awaitable[Any]:
        """What the library has next. May be cancelled."""
        raise NotImplementedError

    def _data(self, received: Any) -> str | bytes | None:
        """The message in it; None when the connection has ended."""
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
        while (received := await self.next(self.session.decode, _both)) is not None:
            data, (_, value) = received
            try:
                message = build(value, data)
            except ValueError:
                await self._host_refuses()
                continue
            yield message

    async def next(self, judge: Callable[..., Any], made: Callable[[Any, Any], T]) -> T:
        """The next message that is within policy.

        A close from elsewhere - a deadline, a revocation - ends the wait.

        Args:
            judge: the session's `receive` or `decode`.
            made: makes what is returned, of the message as it came and of what ``judge`` says; of None and None when
                the connection has ended.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # coroutines of asyncio run in tasks
        while self.closed is None and not self._has_ended:
            before = task.cancelling()
            self._reader, self._interrupted = task, False
            try:
                received = await self._receive()
            except self._OVER:
                self._has_ended = True
                break
            except asyncio.CancelledError:
                # As `asyncio.timeout` tells its own cancellation from another's, which costs too much for each message.
                if not self._interrupted or task.cancelling() > before + 1:
                    raise
                break
            finally:
                # What comes now must not cancel its own task: the application's next wait would be cut off.
                self._reader = None
                if self._interrupted:
                    task.uncancel()
            data = self._data(received)
            if data is None:
                self._has_ended = True
                break
            try:
                # Naming an argument costs, and nearly every message is a text.
                judged = judge(data) if type(data) is str else judge(data, binary=True)
            except Ended:
                break
            verdict = judged[0] if type(judged) is tuple else judged
            if type(verdict) is Deliver:
                return made(data, judged)
            await self._refused(data, verdict)
        if not self._late:
            return made(None, None)
        data, both = self._late.popleft()
        return made(data, both if judge == self.session.decode else both[0])

    def _judge_late(self, waiting: Iterable[str | bytes]) -> None:
        """Judges what waits to be read when the peer has ended: it is handed out beyond the session's end."""
        for data in waiting:
            try:
                verdict, value = self.session.decode(data, binary=isinstance(data, bytes))
            except Ended:
                return
            if type(verdict) is Deliver:
                self._late.append((data, (verdict, value)))
            else:
                self._record(getattr(verdict, "event", None))

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

    def queued(self, message: Any) -> int:
        """Counts a message as waiting to be sent, until `session.drained` is told its size.

        Returns:
            Its size in bytes; 0 for what is sent piece by piece, where the library waits for each.

        Raises:
            ConnectionClosed: when the connection is closing, or the peer does not read and it is closed for that.
        """
        if self.closed is not None:
            raise self._CLOSED(self.closed.reason, self.closed.code)
        size = len(message) if type(message) is str and message.isascii() else _size_of(message)
        try:
            pressure = self.session.queued(size)
        except Ended:
            raise self._CLOSED(Reason.CONNECTION_LOST, 1006) from None
        if type(pressure) is Close:
            # Not awaited: the close frame waits behind what the peer does not read.
            self._start(self._do, pressure)
            raise self._CLOSED(pressure.reason, pressure.code)
        return size

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


def _both(data: Any, judged: Any) -> tuple[Any, Any] | None:
    return None if data is None else (data, judged)


def _size_of(message: Any) -> int:
    if isinstance(message, str):
        return len(message.encode("utf-8", "surrogatepass"))
    return memoryview(message).nbytes if isinstance(message, (bytes, bytearray, memoryview)) else 0

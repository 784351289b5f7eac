"""A guard that drives asyncio connections; each adapter's guard is one, for its host."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

from ._core import (
    Candidate,
    Event,
    FetchKeys,
    Guard,
    Host,
    KeysFetched,
    Need,
    Now,
    Peer,
    Policy,
    Revocation,
    Session,
    Unavailable,
    Waiting,
)
from ._errors import LimitReached, PolicyError, Refused
from ._fetch import fetch_keys
from ._types import Answer

if TYPE_CHECKING:
    from ._connection import Connection

logger = logging.getLogger("wswarden")

Message = TypeVar("Message")

Resolve = Callable[[Need, Peer], Awaitable[Answer] | Answer]
"""Finds out what only the host knows: whose a session token is, whether an identity still holds, whether a ticket of
several servers was used before."""

Fetch = Callable[[FetchKeys], Awaitable[bytes]]
"""Fetches a published key set, as ``FetchKeys`` says."""


@dataclass(frozen=True, slots=True)
class Record:
    """Something worth a record, with who and where: what an audit sink gets."""

    event: Event
    """What happened."""
    subject: str | None
    """The user's name; None for a guest, and before a first message's credential."""
    address: str | None
    """The client's address."""


Audit = Callable[[Record], None]
"""Is told what happens, on the event loop: it must not block. What it raises is logged, and changes nothing."""


class AsyncGuard(Guard):
    """A policy, and what the connections of one server share under it, on asyncio.

    Args:
        policy: what is allowed.
        resolve: finds out what only the host knows; without it, whatever needs it is refused.
        audit: is told what happens; the logger "wswarden" always is.
        fetch: fetches published key sets; by default the standard library does, in a thread of the event loop's
            executor.
        waive: the names of gaps between policy and host that are seen to elsewhere.
        clock: gives the time, for tests.
        seed: 32 random bytes, for tests that repeat.

    Raises:
        PolicyError: when the policy asks for what the host cannot do, and that gap is not waived.
    """

    HOST: ClassVar[Host]
    """What the server library below can do."""

    _resolve: Resolve | None
    _audit: Audit | None
    _fetch: Fetch
    _fetching: dict[str, asyncio.Task[None]]
    _connections: dict[int, Connection]

    def __new__(
        cls,
        policy: Policy,
        *,
        resolve: Resolve | None = None,
        audit: Audit | None = None,
        fetch: Fetch = fetch_keys,
        waive: Sequence[str] = (),
        clock: Callable[[], Now] | None = None,
        seed: bytes | None = None,
    ) -> Self:
        self = super().__new__(cls, policy, host=cls.HOST, waive=list(waive), clock=clock, seed=seed)
        self._resolve = resolve
        self._audit = audit
        self._fetch = fetch
        self._fetching = {}
        self._connections = {}
        return self

    @overload
    def messages(self, ws: Any, kind: type[Message]) -> AsyncIterator[Message]: ...
    @overload
    def messages(self, ws: Any, kind: Any = None) -> AsyncIterator[Any]: ...
    def messages(self, ws: Any, kind: Any = None) -> AsyncIterator[Any]:
        """The messages of a guarded connection that are within policy, as objects, until it ends.

        Objects are built from what the check has read: no message is parsed twice. The rest - error
        replies, closes, pings, renewed credentials - is done on the way.

        Args:
            ws: the connection, as the framework gives it.
            kind: a pydantic model or ``TypeAdapter``, a msgspec ``Struct``, a dataclass, a ``TypedDict``, or a
                union of such; None for what ``json.loads`` would give. Validators of its own are run; a message
                that they refuse is treated like one that the schema refuses.
        """
        return self.connection(ws).messages(kind)

    def connection(self, ws: Any) -> Connection:
        """The guarded side of a connection, as the framework gives it.

        Raises:
            TypeError: when this guard does not guard it.
        """
        connection = self._connection_of(ws)
        if connection is None or connection.guard is not self:
            raise TypeError(f"this {type(ws).__name__} is not guarded by this guard")
        return connection

    def _connection_of(self, ws: Any) -> Connection | None:
        raise NotImplementedError

    def reload(self, policy: Policy) -> list[int]:
        return self._wake(super().reload(policy))

    def revoke(self, what: Revocation, *, lasts: float | None = None, now: Now | None = None) -> list[int]:
        try:
            return self._wake(super().revoke(what, lasts=lasts, now=now))
        except LimitReached as full:
            self._wake(full.affected)
            raise

    def drain(self, *, now: Now | None = None) -> list[int]:
        return self._wake(super().drain(now=now))

    def _wake(self, affected: list[int]) -> list[int]:
        """Has connections look at what has changed; may be called from any thread."""
        for number in affected:
            connection = self._connections.get(number)
            if connection is not None:
                connection.wake()
        return affected

    async def admit(self, candidate: Candidate) -> Session:
        """Judges a candidate's credential, and asks the host what only it can find out.

        Cancelling it gives the candidate's place back.

        Raises:
            Refused: with the HTTP answer to send.
        """
        self._fetch_due()
        admission: Session | Waiting = candidate.admit()
        while isinstance(admission, Waiting):
            waiting = admission
            left = (waiting.deadline - self.now().mono) / 1e9
            try:
                async with asyncio.timeout(left):
                    answer = await self.resolve(waiting.need, waiting.peer)
            except TimeoutError:
                answer = Unavailable()
            except BaseException:
                waiting.abandon()
                raise
            try:
                admission = waiting.provide(answer)
            except TypeError:
                waiting.abandon()  # what `resolve` gives is no answer: its place is free again
                raise
        return admission

    async def resolve(self, need: Need, peer: Peer) -> Answer:
        """Asks the host. An exception means that it cannot tell just now: the connection is refused."""
        if need.kind == "keys":
            self._fetch_due()
            if need.url in self._fetching:
                # Others wait for the same keys: who leaves must not take them away.
                await asyncio.shield(self._fetching[need.url])
            return KeysFetched()
        if self._resolve is None:
            logger.error("the policy needs a resolver, and the guard was made without `resolve`")
            return Unavailable()
        try:
            answer = self._resolve(need, peer)
            return await answer if isinstance(answer, Awaitable) else answer
        except Exception as error:
            # Neither its text nor its traceback: they may show the credential.
            logger.error("resolve failed: %s", type(error).__name__)
            return Unavailable()

    def _fetch_due(self) -> None:
        """Fetches the key sets that are due; connections that need none of them are not held up."""
        while (action := self.handle_timeout()) is not None:
            url = action.url
            self._fetching[url] = task = asyncio.ensure_future(self._fetched(action))
            task.add_done_callback(lambda _, url=url: self._fetching.pop(url, None))  # type: ignore[misc]

    async def _fetched(self, action: FetchKeys) -> None:
        try:
            async with asyncio.timeout(action.within):
                body = await self._fetch(action)
        except Exception as error:
            logger.warning("the keys at %s could not be fetched: %s", action.url, error)
            self.keys_failed(action.url)
            return
        try:
            self.keys_fetched(action.url, body)
        except PolicyError as error:
            logger.warning("the keys at %s cannot be used: %s", action.url, error)

    def record(self, event: Event | None, subject: str | None, address: str | None) -> None:
        """Tells the logger and the audit sink what happened, if anything."""
        if event is None:
            return
        extra = {"kind": event.kind, "reason": event.reason, "session": event.session, "suppressed": event.suppressed}
        logger.info(
            "session %d: %s%s", event.session, event.kind, f" ({event.reason})" if event.reason else "", extra=extra
        )
        if self._audit is not None:
            try:
                self._audit(Record(event, subject, address))
            except Exception as error:
                # Whatever is being recorded - a close, an end - must be done all the same.
                logger.error("audit failed: %s", type(error).__name__)

    @staticmethod
    def record_refusal(refused: Refused) -> None:
        """Tells the logger of a refusal."""
        extra = {"kind": "refused", "reason": refused.reason, "status": refused.status, "detail": refused.detail}
        logger.info("refused: %s", refused.reason, extra=extra)

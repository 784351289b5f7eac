"""The exceptions. Refusals on the message path are no exceptions but values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Response
    from ._reason import Reason


class WswardenError(Exception):
    """The root of all exceptions of this package."""


class PolicyError(WswardenError, ValueError):
    """A policy that cannot be: the operator's mistake, found at start-up.

    Attributes:
        place: the dotted path of the field at fault, such as ``origin.allow[0]``; empty for the whole.
        problem: what was found.
        remedy: what would be right, where that takes a sentence of its own.
    """

    def __init__(self, text: str, place: str = "", problem: str = "", remedy: str | None = None) -> None:
        super().__init__(text)
        self.place = place
        self.problem = problem or text
        self.remedy = remedy


class Refused(WswardenError):
    """An upgrade request that was refused: the peer's doing.

    Attributes:
        reason: why.
        status: the status of the HTTP answer.
        close_code: the code to close with where the connection is open already.
        retry_after: seconds until the same request may succeed, where that is known.
        response: the HTTP answer to send.
        detail: what was wrong with the credential, for the audit only: it would help whoever guesses.
    """

    def __init__(
        self,
        text: str,
        reason: Reason,
        close_code: int,
        retry_after: float | None,
        response: Response,
        detail: str | None,
    ) -> None:
        super().__init__(text)
        self.reason = reason
        self.status = response.status
        self.close_code = close_code
        self.retry_after = retry_after
        self.response = response
        self.detail = detail


class ConnectionClosed(WswardenError, ConnectionError):
    """Something was sent on a connection that is closing or closed.

    Attributes:
        reason: why it is.
        status: the HTTP status that goes with the reason.
        close_code: the code it was closed with.
        retry_after: seconds until another connection may succeed, where that is known.
    """

    def __init__(self, reason: Reason, close_code: int, retry_after: float | None = None) -> None:
        super().__init__(reason.sentence)
        self.reason = reason
        self.status = reason.status
        self.close_code = close_code
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.reason.sentence


class Ended(WswardenError):
    """A session or candidate was used after its end: the host's mistake."""


class LimitReached(WswardenError):
    """There is no room for another entry.

    Attributes:
        reason: why, where the table of reasons has a word for it.
        affected: the numbers of the sessions to wake all the same.
    """

    def __init__(self, text: str, reason: Reason | None = None, affected: list[int] | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.affected = affected or []


class Forked(WswardenError, RuntimeError):
    """A guard was used in a child of the process that made it."""


class Internal(WswardenError, RuntimeError):
    """wswarden made a mistake. Nothing was let pass."""


for _class in list(globals().values()):
    # They are told by the name they are imported by.
    if isinstance(_class, type) and issubclass(_class, WswardenError):
        _class.__module__ = "wswarden"

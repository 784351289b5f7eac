"""What a session answers, as unions for type checkers and ``match``."""

from typing import TypeAlias

from ._core import (
    Authenticate,
    Close,
    Deliver,
    Drop,
    Expired,
    Identity,
    Ignore,
    KeysFetched,
    Ping,
    Pong,
    Reply,
    Revalidate,
    Terminate,
    TicketUnused,
    Unavailable,
)

Verdict: TypeAlias = Deliver | Reply | Drop | Close | Authenticate | Pong | Ignore
"""What the host must do with a frame or message."""

Action: TypeAlias = Ping | Close | Revalidate | Expired | Terminate
"""What the host must do of its own accord."""

Answer: TypeAlias = Identity | Unavailable | KeysFetched | TicketUnused | None
"""What a host has found out; None: the credential is nobody's, or the ticket was used before."""

"""What a session answers, as unions for type checkers and ``match``."""

from typing import TypeAlias

from ._core import (
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

Verdict: TypeAlias = Deliver | Reply | Drop | Close | Authenticate | Pong | Ignore
"""What the host must do with a frame or message."""

Action: TypeAlias = Ping | Close | Revalidate | Expired | Terminate
"""What the host must do of its own accord."""

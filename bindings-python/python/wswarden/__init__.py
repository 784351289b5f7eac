"""The security layer for WebSocket servers.

One policy says who may connect, from which pages, with which messages, how often and for how long; one
decision engine, in Rust, keeps it. Servers use an adapter: ``wswarden.asgi`` (Starlette, FastAPI, Litestar,
Channels), ``wswarden.websockets``, ``wswarden.aiohttp``.
"""

import logging as _logging
import os as _os

from . import _core
from ._core import (
    Authenticate,
    Candidate,
    Close,
    Deliver,
    Drop,
    Event,
    Expired,
    FetchKeys,
    FrameMeter,
    Guard,
    Host,
    HostLimits,
    Identity,
    Ignore,
    KeysFetched,
    Knock,
    Need,
    Now,
    Peer,
    Ping,
    Policy,
    Pong,
    Registry,
    Reply,
    Response,
    Revalidate,
    Revocation,
    Secret,
    Session,
    Stats,
    Terminate,
    TicketUnused,
    Unavailable,
    Waiting,
)
from ._errors import (
    ConnectionClosed,
    Ended,
    Forked,
    Internal,
    LimitReached,
    PolicyError,
    Refused,
    WswardenError,
)
from ._reason import Reason
from ._types import Action, Answer, Verdict

__version__ = _core.VERSION

__all__ = [
    "Action",
    "Answer",
    "Authenticate",
    "Candidate",
    "Close",
    "ConnectionClosed",
    "Deliver",
    "Drop",
    "Ended",
    "Event",
    "Expired",
    "FetchKeys",
    "Forked",
    "FrameMeter",
    "Guard",
    "Host",
    "HostLimits",
    "Identity",
    "Ignore",
    "Internal",
    "KeysFetched",
    "Knock",
    "LimitReached",
    "Need",
    "Now",
    "Peer",
    "Ping",
    "Policy",
    "PolicyError",
    "Pong",
    "Reason",
    "Refused",
    "Registry",
    "Reply",
    "Response",
    "Revalidate",
    "Revocation",
    "Secret",
    "Session",
    "Stats",
    "Terminate",
    "TicketUnused",
    "Unavailable",
    "Verdict",
    "Waiting",
    "WswardenError",
    "__version__",
]

# A guard must not be used on both sides of a fork.
_os.register_at_fork(after_in_child=_core.forked)

_logging.getLogger("wswarden").addHandler(_logging.NullHandler())

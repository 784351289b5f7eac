"""wswarden's wheel beside what Python servers would otherwise use, in one interleaved run.

    python bench.py [results.tsv]       (QUICK=1 only shows that all of it runs)

Every figure is the median of rounds that alternate between the contestants, in nanoseconds a call, the loop's own step
with it. Bytes go in; a verdict comes out, with the limits of connection, user and address kept (ours), or an object
(the peers'). A ratio is the peer's median over ours: quote ratios, as machines differ.
"""

import os
import platform
import statistics
import sys
import time
from importlib.metadata import version
from itertools import cycle, repeat
from typing import Annotated, Literal
from uuid import UUID

import corpus
import jsonschema_rs
import jwt
import limits
import msgspec
import orjson
import pydantic

import wswarden
from ours import MUCH, SECRET, session
from wswarden.testing import make_token, upgrade_headers

QUICK = bool(os.environ.get("QUICK"))
ROUNDS, SAMPLE = (5, 1e5) if QUICK else (101, 1e6)
VERDICT, DECODE = "wswarden", "wswarden decode"


class Chat(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["chat", "typing", "ping"]
    content: Annotated[str, msgspec.Meta(max_length=5000)] | None = None
    channelId: UUID | None = None  # noqa: N815


class Attachment(msgspec.Struct, forbid_unknown_fields=True):
    url: Annotated[str, msgspec.Meta(max_length=2048)]
    mime: Annotated[str, msgspec.Meta(max_length=127)]
    size: Annotated[int, msgspec.Meta(ge=0, le=10**9)]
    name: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class Meta(msgspec.Struct, forbid_unknown_fields=True):
    client: Literal["web", "ios", "android", "desktop"]
    ts: Annotated[int, msgspec.Meta(ge=0)]
    locale: Annotated[str, msgspec.Meta(max_length=16)] | None = None


class Rich(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="chat"):
    id: UUID
    channelId: UUID  # noqa: N815
    content: Annotated[str, msgspec.Meta(min_length=1, max_length=5000)]
    meta: Meta
    mentions: Annotated[list[UUID], msgspec.Meta(max_length=50)] = []
    attachments: Annotated[list[Attachment], msgspec.Meta(max_length=10)] = []
    replyTo: UUID | None = None  # noqa: N815


class ChatModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    type: Literal["chat", "typing", "ping"]
    content: Annotated[str, pydantic.Field(max_length=5000)] | None = None
    channelId: UUID | None = None  # noqa: N815


def nanoseconds(call, argument, calls):
    began = time.perf_counter_ns()
    for _ in repeat(None, calls):
        call(argument)
    return (time.perf_counter_ns() - began) / calls


def race(contestants):
    """The quartiles of each contestant: {name: (call, argument)}."""
    calls = {}
    for name, (call, argument) in contestants.items():
        once = max(nanoseconds(call, argument, 50), 1)
        calls[name] = max(20, min(20_000, int(SAMPLE / once)))
    rounds = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, (call, argument) in contestants.items():
            rounds[name].append(nanoseconds(call, argument, calls[name]))
    return {name: statistics.quantiles(times, n=4) for name, times in rounds.items()}


def quiet(call):
    """A refusal by a peer is an exception: it is caught, as a server would."""

    def checked(data):
        try:
            return call(data)
        except Exception:
            return None

    return checked


def main():
    rows = []
    messages = corpus.messages()
    plain, rich = session(corpus.PLAIN), session(corpus.RICH)
    for name, data in messages.items():
        ours = rich if name == "R" else plain
        schema = corpus.RICH if name == "R" else corpus.PLAIN
        decode = msgspec.json.Decoder(Rich if name == "R" else Chat).decode
        validator = jsonschema_rs.validator_for(schema, validate_formats=True)
        contestants = {
            VERDICT: (ours.receive, data),
            DECODE: (ours.decode, data),
            "msgspec Struct": (quiet(decode) if name == "I1" else decode, data),
            "orjson + jsonschema-rs": (lambda data, valid=validator.is_valid: valid(orjson.loads(data)), data),
            "empty pyo3 call": (ours.drained, 0),
        }
        if name != "R":
            validate = ChatModel.model_validate_json
            limiter = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
            quota = limits.parse("100/second")

            def both(data, limiter=limiter, quota=quota, validate=validate):
                limiter.hit(quota, "ann")
                return validate(data)

            contestants["pydantic"] = (quiet(validate) if name == "I1" else validate, data)
            contestants["limits + pydantic"] = (quiet(both) if name == "I1" else both, data)
        if name == "I1":
            contestants.pop(DECODE)
            contestants[VERDICT] = (bearing().receive, data)
        rows += report(name, race(contestants))
    rows += report("JWT HS256", race(tokens()))
    rows += report("limits", race(limiters()), first="wswarden, a message S judged and limited")
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w") as file:
            file.write(f"# python: {platform.python_version()}\n# versions: {versions()}\n")
            file.write("group\tcase\tsubject\tmedian\tlow\thigh\tunit\n")
            file.writelines("\t".join(row) + "\n" for row in rows)


def versions():
    """The versions of what was measured."""
    peers = ["pydantic", "msgspec", "orjson", "jsonschema-rs", "limits", "PyJWT"]
    return ", ".join(f"{peer} {version(peer)}" for peer in peers)


def bearing():
    """A session that bears any number of faults."""
    much = wswarden.Policy(
        origin={"allow": ["https://app.example.com"]},
        credential={"anonymous": True},
        message={"schema": corpus.PLAIN, "errors": {"limit": 100_000_000, "per": "1s"}},
        rate={
            "connection": {"messages": MUCH, "bytes": "900MiB/s"},
            "address": {"messages": MUCH, "handshakes": MUCH},
        },
    )
    guard = wswarden.Guard(much, host=wswarden.Host.SOCKET)
    headers = upgrade_headers(origin="https://app.example.com")
    return guard.screen("/", headers, remote="198.51.100.7", tls=True).admit()


def tokens():
    """A token verified, with its times, issuer and audience; ours without its cache of good tokens."""
    now = time.time()
    several = [
        make_token(SECRET, f"user{number}", issuer="i", audience="a", now=now, lasts=3600) for number in range(64)
    ]
    token = several[0]
    # With room for one token, each of several in turn is a new one.
    turns = cycle(several)
    uncached = session(corpus.PLAIN, cap={"cached_tokens": 1}).guard
    cached = session(corpus.PLAIN).guard

    def verify(token):
        return jwt.decode(token, SECRET, algorithms=["HS256"], audience="a", issuer="i")

    return {
        VERDICT: (lambda _: uncached.verify_token(next(turns)), token),
        "wswarden, seen before": (cached.verify_token, token),
        "PyJWT": (verify, token),
    }


def limiters():
    """What limits a user to 60 in a minute; ours judges a message besides."""
    moving = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
    fixed = limits.strategies.FixedWindowRateLimiter(limits.storage.MemoryStorage())
    quota = limits.parse("60/minute")
    return {
        "wswarden, a message S judged and limited": (session(corpus.PLAIN).receive, corpus.messages()["S"]),
        "limits, moving window": (lambda user: moving.hit(quota, user), "ann"),
        "limits, fixed window": (lambda user: fixed.hit(quota, user), "ann"),
    }


def report(name, quartiles, first=VERDICT):
    """Prints medians and ratios; gives the rows of the data file."""
    ours, decode = (quartiles[kind][1] if kind in quartiles else None for kind in (first, DECODE))
    print(f"\n{name:<28}{'median':>10}   {'over verdict':>12}{'over decode':>12}")
    for contestant, (_, median, _) in quartiles.items():
        over = f"{median / decode:12.2f}" if decode else ""
        print(f"  {contestant:<26}{median:10.0f}   {median / ours:12.2f}{over}")
    return [
        ("python", name, contestant, f"{median:.1f}", f"{low:.1f}", f"{high:.1f}", "ns")
        for contestant, (low, median, high) in quartiles.items()
    ]


if __name__ == "__main__":
    main()

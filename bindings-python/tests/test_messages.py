"""The message path."""

import enum
import json
import uuid

import msgspec
import pydantic
import pytest

import wswarden
from conftest import POLICY, policy, token
from wswarden import Authenticate, Close, Deliver, Drop, Ended, Identity, Ignore, Ping, Pong, Reason, Reply, Terminate
from wswarden._build import builder
from wswarden.testing import LOCAL, assert_delivered, upgrade_headers

HELLO = '{"type":"chat","content":"hello"}'


@pytest.fixture
def session(guard):
    return guard.screen("/chat", upgrade_headers(token=token()), **LOCAL).admit()


@pytest.mark.parametrize("kind", [str, str.encode, bytearray, lambda text: memoryview(text.encode())])
def test_text_bytes_and_buffers_are_one(session, kind):
    data = bytearray(HELLO.encode()) if kind is bytearray else kind(HELLO)
    assert_delivered(session.receive(data), "chat")
    assert session.decode(data)[1] == {"type": "chat", "content": "hello"}


def test_accepted_messages_share_one_verdict(session):
    assert session.receive(HELLO) is session.receive(HELLO)


def test_a_match_tells_verdicts_apart(session):
    match session.receive(HELLO):
        case Deliver("chat"):
            pass
        case other:
            pytest.fail(repr(other))
    match session.receive('{"type":"chat"}'):
        case Reply(Reason.SCHEMA_VIOLATION, text):
            assert json.loads(text)["code"] == "schema_violation"
        case other:
            pytest.fail(repr(other))


def test_a_refusal_is_a_value_that_says_what_to_send(session):
    reply = session.receive('{"type":"other"}')
    assert reply.reason == "unknown_type"
    assert reply.retry_after is None
    assert reply.event.kind == "violation"
    assert session.explain('{"type":"chat","content":7}').startswith("schema_violation at byte 25, at /content")
    assert session.explain(HELLO) is None


def test_binary_is_not_text(session):
    close = session.receive(HELLO.encode(), binary=True)
    assert (close.code, close.reason, close.text) == (1003, Reason.WRONG_FRAME_TYPE, "wrong_frame_type")
    assert isinstance(session.receive(HELLO), Drop)


def test_a_limit_says_when(clock):
    limited = policy(rate={"connection": {"messages": {"limit": 2, "per": "1s", "burst": 2}}})
    guard = wswarden.Guard(limited, host=wswarden.Host.SOCKET, clock=clock)
    session = guard.screen("/chat", upgrade_headers(token=token()), **LOCAL).admit()
    assert_delivered(session.receive(HELLO))
    assert_delivered(session.receive(HELLO))
    reply = session.receive(HELLO)
    assert (reply.reason, reply.retry_after) == (Reason.RATE_LIMITED, 0.5)
    clock.advance(0.499)
    assert isinstance(session.receive(HELLO), Reply)
    clock.advance(0.001)
    assert_delivered(session.receive(HELLO))


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 1, "b": -0.5, "c": 1e300, "d": [True, False, None], "e": {"f": {"g": [[], {}]}}},
        {"ä€😀": 'ü€😀\n\t"\\/\b\f\r\u0001', "": ""},
        {"big": 2**80, "small": -(2**63), "exact": 0.1, "zero": 0},
        {str(number): number for number in range(500)},
        [[[[["deep"]]]]],
        "text",
        7,
        None,
        [],
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_decode_gives_what_json_loads_gives(clock, value, ascii_only):
    open_policy = wswarden.Policy(**POLICY | {"message": {"schema": True}})
    guard = wswarden.Guard(open_policy, host=wswarden.Host.SOCKET, clock=clock)
    session = guard.screen("/chat", upgrade_headers(token=token()), **LOCAL).admit()
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1)
    verdict, decoded = session.decode(text.encode())
    assert_delivered(verdict)
    assert decoded == json.loads(text)
    assert json.dumps(decoded) == json.dumps(json.loads(text)), "types and order, too"


def test_what_is_not_delivered_is_not_decoded(session):
    verdict, value = session.decode('{"type":"chat","content":"a","content":"b"}')
    assert (verdict.reason, value) == (Reason.DUPLICATE_KEY, None)


def test_keys_that_collide_in_the_cache_are_told_apart(clock):
    open_policy = wswarden.Policy(**POLICY | {"message": {"schema": True}})
    guard = wswarden.Guard(open_policy, host=wswarden.Host.SOCKET, clock=clock)
    session = guard.screen("/chat", upgrade_headers(token=token()), **LOCAL).admit()
    # First, last and middle byte and the length are the same.
    for middle in ("b1cd", "b2cd", "b1cd"):
        value = {f"a{middle}xyz": middle}
        assert session.decode(json.dumps(value))[1] == value


def test_time_brings_a_ping_a_close_and_the_end(session, clock):
    done = []
    while (at := session.next_timeout()) is not None:
        clock.advance_to(at)
        while action := session.handle_timeout():
            done.append(action)
    ping, close, end = done
    assert isinstance(ping, Ping) and len(ping.payload) == 8
    assert isinstance(close, Close) and close.reason is Reason.PING_TIMEOUT and close.event.kind == "closed"
    assert isinstance(end, Terminate)


def test_only_the_right_pong_keeps_it_alive(session, clock):
    clock.advance_to(session.next_timeout())
    ping = session.handle_timeout()
    assert isinstance(session.receive_pong(b"something"), Ignore)
    assert session.latency is None
    clock.advance(0.25)
    assert isinstance(session.receive_pong(ping.payload), Ignore)
    assert session.latency == 0.25


def test_control_frames(session):
    assert isinstance(session.receive_ping(b"x"), Pong)
    close = session.receive_close(1000)
    assert (close.code, close.reason) == (1000, Reason.CLOSED_BY_PEER)
    assert isinstance(session.receive_close(), Ignore)


def test_the_queue_has_two_marks(session):
    assert session.queued(1000) == "free"
    assert session.queued(300 * 1024) == "full"
    session.drained(300 * 1024)
    assert session.queued(1) == "free"
    close = session.queued(2**40)
    assert (close.reason, close.event.kind) == (Reason.SLOW_CONSUMER, "closed")


def test_channels_are_counted(clock):
    small = policy(cap={"channels_per_connection": 1})
    guard = wswarden.Guard(small, host=wswarden.Host.SOCKET, clock=clock)
    session = guard.screen("/chat", upgrade_headers(token=token()), **LOCAL).admit()
    assert session.join("a") is True
    assert session.join("a") is False
    with pytest.raises(wswarden.LimitReached) as caught:
        session.join("b")
    assert caught.value.reason is Reason.TOO_MANY_CHANNELS
    assert session.channels == ["a"]
    assert session.leave("a") is True
    assert session.leave("a") is False


def test_a_first_message_authenticates(clock):
    first = {"kind": "jwt", "in": "first-message", "type": "auth", "field": "token"}
    waits = policy(credential={"sources": [first], "refresh": {"type": "auth", "field": "token"}})
    guard = wswarden.Guard(waits, host=wswarden.Host.SOCKET, clock=clock)
    session = guard.screen("/chat", upgrade_headers(), **LOCAL).admit()
    assert session.is_pending and session.identity is None
    message = json.dumps({"type": "auth", "token": token()})
    assert isinstance(session.receive(message), Authenticate)
    done = session.authenticate(message)
    assert isinstance(done, Ignore) and done.event.kind == "authenticated"
    assert session.identity.subject == "ann"
    clock.advance(200)
    renewed = json.dumps({"type": "auth", "token": token(now=clock.unix)})
    assert isinstance(session.receive(renewed), Authenticate)
    assert session.authenticate(renewed).event.kind == "refreshed"
    widened = json.dumps({"type": "auth", "token": token("bob", now=clock.unix)})
    assert isinstance(session.receive(widened), Authenticate)
    assert session.authenticate(widened).reason is Reason.IDENTITY_CHANGED


def test_a_first_message_may_be_the_hosts_to_resolve(clock):
    first = {"kind": "session", "in": "first-message", "type": "auth", "field": "token"}
    waits = wswarden.Policy(**POLICY | {"credential": {"sources": [first], "revalidate": "30min"}})
    guard = wswarden.Guard(waits, host=wswarden.Host.SOCKET, clock=clock)
    session = guard.screen("/chat", upgrade_headers(), **LOCAL).admit()
    message = '{"type":"auth","token":"abc"}'
    session.receive(message)
    need = session.authenticate(message)
    assert need.credential.expose_str() == "abc"
    assert isinstance(session.provide(Identity.assertion("ann")), Ignore)
    # A host that answers what nobody asked has lost track.
    assert session.provide(Identity.assertion("ann")).reason is Reason.INTERNAL


def test_the_end_gives_everything_back_once(guard):
    session = guard.screen("/chat", upgrade_headers(token=token()), **LOCAL).admit()
    with session:
        assert guard.stats().sessions == 1
        number = session.id
    assert guard.stats().sessions == guard.stats().connections == 0
    assert session.lost() is None
    assert session.id == number
    for use in (
        lambda: session.receive(HELLO),
        lambda: session.decode(HELLO),
        lambda: session.close(),
        lambda: session.identity,
        lambda: session.next_timeout(),
        lambda: session.authenticate(HELLO),
        lambda: session.join("a"),
    ):
        with pytest.raises(Ended):
            use()


def test_losing_a_connection_is_recorded(session):
    assert session.lost().reason is Reason.CONNECTION_LOST
    assert session.lost() is None


def test_closing_is_said_once(session):
    close = session.close(Reason.DRAINING)
    assert (close.code, close.event.kind) == (1012, "closed")
    assert isinstance(session.close("internal"), Drop)
    assert session.closed.reason is Reason.DRAINING
    with pytest.raises(ValueError, match="no reason"):
        session.close("because")


def test_an_explicit_moment_goes_before_the_clock(session, clock):
    later = clock().after(3600)
    assert session.receive(HELLO, now=later).reason is Reason.TOKEN_EXPIRED


class Color(enum.Enum):
    RED = "red"


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    color: Color


class Outer(pydantic.BaseModel):
    inner: Strict
    id: uuid.UUID = pydantic.Field(strict=True)


class Counted(msgspec.Struct):
    names: dict[int, str]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Strict, '{"color":"red"}'),
        (pydantic.TypeAdapter(Strict | int), '{"color":"red"}'),
        (Outer, '{"inner":{"color":"red"},"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301"}'),
        (Counted, '{"names":{"1":"one"}}'),
    ],
)
def test_what_a_kind_takes_of_json_it_takes_of_a_message(kind, text):
    built = builder(kind)(json.loads(text), text)
    decode = getattr(kind, "model_validate_json", None) or getattr(kind, "validate_json", None)
    assert built == (decode(text) if decode else msgspec.json.decode(text, type=kind))
    with pytest.raises(ValueError):
        builder(kind)({"else": 1}, '{"else":1}')

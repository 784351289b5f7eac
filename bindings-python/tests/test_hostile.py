"""What neither a peer nor a clumsy host may break: a Python exception each, and nothing leaks."""

import gc
import os
import random
import subprocess
import sys
import threading

import pytest

import wswarden
from conftest import policy, token
from wswarden import Deliver, Ended, Host, Identity, Now, Registry, Revocation, WswardenError
from wswarden.testing import LOCAL, upgrade_headers

HELLO = b'{"type":"chat","content":"hello"}'


class Text(str):
    """A subclass, as some frameworks have."""


class Liar(bytes):
    """Bytes that lie about themselves."""

    def __len__(self):
        return 2**62

    def __getitem__(self, _):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError


class Nasty:
    """Raises whatever it is asked."""

    def __getattr__(self, name):
        raise MemoryError(name)

    def __index__(self):
        raise ZeroDivisionError

    def __str__(self):
        return 7

    def __iter__(self):
        raise KeyError


def limitless():
    """Nothing is limited but what a test is about."""
    much = "1000000/s"
    return policy(
        rate={
            "connection": {"messages": much, "bytes": "500MiB/s", "control": much},
            "user": {"messages": much},
            "address": {"messages": much, "handshakes": much, "failures": much},
        },
        message={"errors": {"limit": 1_000_000, "per": "1s"}},
        cap={"per_user": 1000, "per_address": 1000, "unauthenticated_per_address": 1000},
    )


@pytest.fixture
def open_guard(clock):
    return wswarden.Guard(limitless(), host=Host.SOCKET, clock=clock)


def opened(guard, who="ann"):
    return guard.screen("/", upgrade_headers(token=token(who, lasts=1e6)), **LOCAL).admit()


def anything(chance):
    """A value that is of a wrong kind more often than not."""
    return chance.choice(
        [
            None,
            True,
            -1,
            0,
            2**63,
            2**64,
            -(2**200),
            1e308,
            float("nan"),
            float("inf"),
            "",
            "x" * 300,
            "\ud800",
            "\0",
            b"",
            b"\xff",
            bytearray(b"x"),
            memoryview(b"abc")[::2],
            Text("{}"),
            Liar(HELLO),
            Nasty(),
            object(),
            [],
            (),
            {},
            {"a": 1},
            ["a", "b"],
            [("a", "b")],
            [("a",)],
            type,
            Identity.guest(),
            Now(0, 0),
            Now(2**64 - 1, 2**64 - 1),
            Deliver,
            Revocation.token("x"),
            chance.random() * 1e9,
            chance.randbytes(chance.randrange(40)),
            HELLO,
            HELLO.decode(),
        ]
    )


def calls(guard, session, registry, candidate):
    """Everything there is to call."""
    for thing in (guard, session, registry, candidate, wswarden.Policy, Identity, Revocation, Now, Host, wswarden):
        for name in dir(thing):
            if not name.startswith("_") or name in ("__enter__", "__exit__", "__reduce__"):
                yield thing, name


def test_a_hundred_thousand_hostile_calls(open_guard, clock):
    chance = random.Random(19)
    session, registry = opened(open_guard), Registry(open_guard)
    candidate = open_guard.screen("/", upgrade_headers(token=token()), **LOCAL)
    surface = list(calls(open_guard, session, registry, candidate))
    keywords = [
        "now",
        "binary",
        "remote",
        "tls",
        "method",
        "version",
        "lasts",
        "path",
        "origin",
        "seed",
        "host",
        "waive",
        "x",
    ]
    done = raised = 0
    memory = []
    while done < 100_000:
        thing, name = surface[done % len(surface)]
        positional = [anything(chance) for _ in range(chance.randrange(4))]
        named = {chance.choice(keywords): anything(chance) for _ in range(chance.randrange(3))}
        try:
            what = getattr(thing, name)
            if callable(what):
                what(*positional, **named)
        except (Exception, WswardenError):  # never a PanicException, which is none
            raised += 1
        done += 1
        if done % 500 == 0:
            # Some calls end it, reload the policy or drain the guard.
            open_guard = wswarden.Guard(limitless(), host=Host.SOCKET, clock=clock)
            session, registry = opened(open_guard), Registry(open_guard)
            candidate = open_guard.screen("/", upgrade_headers(token=token()), **LOCAL)
            surface = list(calls(open_guard, session, registry, candidate))
        if done % 20_000 == 0:
            gc.collect()
            memory.append(resident())
    assert raised > done / 3
    assert memory[-1] - memory[0] < 4 << 20, memory


def test_a_hundred_thousand_hostile_messages(open_guard):
    chance = random.Random(7)
    session = opened(open_guard)
    seeds = [HELLO, b'{"type":"chat","content":"\\u00e9\\ud83d\\ude00"}', b'{"a":[1,2.5e9,{"b":null}]}', b"[[[[1]]]]"]
    memory = []
    for number in range(100_000):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(4)):
            place = chance.randrange(len(data) + 1)
            data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        verdict, value = session.decode(bytes(data))
        assert isinstance(verdict, Deliver) or value is None
        if session.closed:
            session = opened(open_guard)
        if number % 25_000 == 24_999:
            gc.collect()
            memory.append(resident())
    assert memory[-1] - memory[0] < 4 << 20, memory


def resident():
    """The memory of this process, in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_objects_come_and_go_without_a_trace(open_guard):
    memory = []
    for number in range(20_000):
        session = opened(open_guard)
        session.decode(HELLO)
        session.receive(b"nothing")
        if number % 3 == 0:
            registry = Registry(open_guard)
            registry.add(session)
        if number % 5_000 == 4_999:
            gc.collect()
            memory.append(resident())
    del session, registry
    gc.collect()
    assert open_guard.stats().connections == 0
    assert memory[-1] - memory[0] < 4 << 20, memory


def test_a_cycle_through_the_clock_is_collected():
    class Clock:
        def __call__(self):
            return Now(1, 1)

    clock = Clock()
    clock.guard = wswarden.Guard(policy(), host=Host.SOCKET, clock=clock)
    watcher = __import__("weakref").ref(clock)
    del clock
    gc.collect()
    assert watcher() is None


def test_subclasses_of_str_and_bytes_are_what_they_hold(open_guard):
    session = opened(open_guard)
    assert isinstance(session.receive(Text(HELLO.decode())), Deliver)
    assert isinstance(session.receive(Liar(HELLO)), Deliver)
    with pytest.raises(ValueError, match="surrogates"):
        session.receive("\ud800")
    with pytest.raises(TypeError, match="not int"):
        session.receive(7)


def test_many_threads_may_use_one_session(open_guard, clock):
    session, registry = opened(open_guard), Registry(open_guard)
    registry.add(session)
    long = b'{"type":"chat","content":"' + b"x" * 4900 + b'"}'
    wrong = []

    def work(data):
        for _ in range(2000):
            verdict, value = session.decode(data)
            if not isinstance(verdict, Deliver) or value["content"] != data[26:-2].decode():
                wrong.append(verdict)
            registry.tick()

    threads = [threading.Thread(target=work, args=(data,)) for data in (HELLO, long) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_session_ends_while_others_use_it(open_guard):
    session = opened(open_guard)
    ended = []

    def work():
        try:
            while True:
                session.receive(HELLO)
        except Ended:
            ended.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    session.lost()
    for thread in threads:
        thread.join(10)
    assert len(ended) == 4
    assert open_guard.stats().connections == 0


def test_code_that_comes_back_while_an_object_is_built(open_guard):
    """The garbage collector may run anything while a message is decoded, also something that decodes."""
    session, other = opened(open_guard), opened(open_guard, "bob")

    class Late:
        def __del__(self):
            other.decode(HELLO)

    threshold = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for _ in range(300):
            late = Late()
            late.itself = late
            del late
            assert session.decode(HELLO)[1]["content"] == "hello"
    finally:
        gc.set_threshold(*threshold)


FORKED = """
import os, sys
sys.path.insert(0, {folder!r})
from conftest import policy, token
import wswarden
from wswarden.testing import LOCAL, FakeClock, upgrade_headers
guard = wswarden.Guard(policy(), host=wswarden.Host.SOCKET, clock=FakeClock())
session = guard.screen("/", upgrade_headers(token=token()), **LOCAL).admit()
registry = wswarden.Registry(guard)
if os.fork() == 0:
    uses = [
        lambda: guard.screen("/", [], **LOCAL), lambda: guard.stats(), lambda: guard.drain(),
        lambda: session.receive("{{}}"), lambda: session.decode("{{}}"), lambda: session.close(),
        lambda: registry.tick(), lambda: registry.next_timeout(),
    ]
    for use in uses:
        try:
            use()
        except wswarden.Forked as error:
            assert "Make the guard in the process that serves" in str(error)
        else:
            os._exit(1)
    # One of its own works.
    wswarden.Guard(policy(), host=wswarden.Host.SOCKET).screen("/", upgrade_headers(token=token()), **LOCAL)
    os._exit(0)
_, status = os.wait()
session.receive("{{}}")
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_forked_child_that_did_not_make_the_guard_may_not_use_it():
    script = FORKED.format(folder=os.path.dirname(__file__))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)  # noqa: S603
    assert done.returncode == 0, done.stderr

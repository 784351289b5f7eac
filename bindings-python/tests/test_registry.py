"""Many sessions with one timer."""

import gc

import pytest

import wswarden
from conftest import policy, token
from wswarden import Close, Ping, Registry, Terminate
from wswarden.testing import LOCAL, assert_delivered, upgrade_headers

HELLO = '{"type":"chat","content":"hello"}'


def opened(guard, subject="ann"):
    return guard.screen("/chat", upgrade_headers(token=token(subject, lasts=1e5)), **LOCAL).admit()


def test_one_timer_serves_all(guard, clock):
    registry = Registry(guard)
    sessions = [opened(guard, f"user{number}") for number in range(3)]
    for session in sessions:
        registry.add(session)
    assert len(registry) == 3
    assert len({session.handle for session in sessions}) == 3
    due = []
    while not due:
        clock.advance_to(registry.next_timeout())
        while tick := registry.tick():
            due.append(tick)
    assert {session for session, _ in due} == set(sessions)
    assert all(isinstance(action, Ping) for _, action in due)
    for session, ping in due:
        session.receive_pong(ping.payload)
    assert_delivered(sessions[0].receive(HELLO))
    assert sessions[0].decode(HELLO)[1]["content"] == "hello"


def test_a_session_that_nobody_holds_leaves(guard):
    registry = Registry(guard)
    session = opened(guard)
    registry.add(session)
    del session
    gc.collect()
    assert len(registry) == guard.stats().sessions == 0


def test_the_end_takes_it_out(guard):
    registry = Registry(guard)
    session = opened(guard)
    registry.add(session)
    assert session.lost().kind == "closed"
    assert len(registry) == guard.stats().sessions == 0
    with pytest.raises(wswarden.Ended):
        registry.add(session)


def test_a_dead_peer_is_pinged_closed_and_cut(guard, clock):
    registry = Registry(guard)
    session = opened(guard)
    registry.add(session)
    done = []
    while (at := registry.next_timeout()) is not None:
        clock.advance_to(at)
        while tick := registry.tick():
            done.append(type(tick[1]))
            if done[-1] is Terminate:
                session.lost()
    assert done == [Ping, Close, Terminate]


def test_it_takes_only_what_is_its_own(guard, clock):
    registry = Registry(guard)
    other = wswarden.Guard(policy(), host=wswarden.Host.SOCKET, clock=clock)
    with pytest.raises(ValueError, match="another guard"):
        registry.add(opened(other))
    session = opened(guard)
    registry.add(session)
    with pytest.raises(ValueError, match="in a registry already"):
        registry.add(session)


def test_many_come_and_go(guard, clock):
    registry = Registry(guard)
    for number in range(2000):
        session = opened(guard, f"user{number}")
        clock.advance(3)
        registry.add(session)
    del session
    gc.collect()
    assert len(registry) == 0

"""From a request to a session, by hand."""

import ipaddress
import pickle

import pytest

import wswarden
from conftest import ORIGIN, policy, token
from wswarden import Host, Identity, Policy, Reason, Refused, Session, Unavailable, Waiting
from wswarden.testing import LOCAL, assert_refused, make_token, upgrade_headers


def test_the_wheel_is_tested_and_not_the_source():
    assert "site-packages" in wswarden.__file__


def test_a_token_in_the_header_opens(guard):
    session = guard.screen("/chat?room=1", upgrade_headers(token=token(scope="chat:read chat:write")), **LOCAL).admit()
    assert isinstance(session, Session)
    assert session.identity.subject == "ann"
    assert session.identity.namespace == "https://id.example.com"
    assert session.identity.scopes == ["chat:read", "chat:write"]
    assert session.identity.expires == 1_800_000_300
    assert session.peer.path == "/chat"
    assert session.peer.address == "127.0.0.1"
    assert session.response.status == 101
    assert session.response.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert bytes(session.response).startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert session.opened.kind == "opened"
    assert session.is_open
    assert session.closed is None


@pytest.mark.parametrize(
    ("headers", "reason", "status"),
    [
        ({"origin": ORIGIN}, Reason.CREDENTIAL_MISSING, 401),
        ({"token": "x.y.z"}, Reason.CREDENTIAL_INVALID, 401),
        ({"token": token(now=1_700_000_000)}, Reason.TOKEN_EXPIRED, 401),
        ({"token": token(audience="other")}, Reason.CREDENTIAL_INVALID, 401),
        ({"token": token(), "origin": "https://evil.example"}, Reason.ORIGIN_NOT_ALLOWED, 403),
        ({"cookie": "sid=1"}, Reason.ORIGIN_MISSING, 403),
    ],
)
def test_a_refusal_is_an_exception_that_knows_its_answer(guard, headers, reason, status):
    with pytest.raises(Refused) as caught:
        guard.screen("/chat", upgrade_headers(**headers), **LOCAL).admit()
    refused = caught.value
    assert refused.reason is reason
    assert refused.status == refused.response.status == status
    assert refused.close_code == reason.close_code_app
    assert refused.response.header("content-type") == "application/problem+json"
    assert guard.stats().connections == 0
    assert guard.stats().refused == {reason: 1}


def test_a_session_token_is_the_hosts_to_resolve(guard):
    waiting = guard.screen("/chat", upgrade_headers(cookie="sid=s3cret", origin=ORIGIN), **LOCAL).admit()
    assert isinstance(waiting, Waiting)
    assert waiting.need.kind == "identity"
    assert waiting.need.credential.expose() == b"s3cret"
    assert "s3cret" not in f"{waiting!r} {waiting.need!r} {waiting.need.credential!r} {waiting.peer!r}"
    assert guard.stats().unauthenticated == 1
    session = waiting.provide(Identity.assertion("ann", namespace="shop", scopes=("a",)))
    assert session.identity == Identity.assertion("ann", namespace="shop", scopes=["a"])
    with pytest.raises(wswarden.Ended):
        waiting.provide(None)


@pytest.mark.parametrize(("answer", "reason"), [(None, "credential_invalid"), (Unavailable(), "identity_unavailable")])
def test_a_host_that_finds_nobody_refuses(guard, answer, reason):
    waiting = guard.screen("/chat", upgrade_headers(cookie="sid=x", origin=ORIGIN), **LOCAL).admit()
    with assert_refused(reason):
        waiting.provide(answer)
    assert guard.stats().connections == 0


def test_an_answer_that_comes_too_late_refuses(guard, clock):
    waiting = guard.screen("/chat", upgrade_headers(cookie="sid=x", origin=ORIGIN), **LOCAL).admit()
    clock.advance_to(waiting.deadline)
    with assert_refused("handshake_timeout"):
        waiting.provide(Identity.guest())


def test_a_client_that_leaves_gives_its_place_back(guard):
    candidate = guard.screen("/chat", upgrade_headers(token=token()), **LOCAL)
    assert guard.stats().connections == 1
    candidate.abandon()
    candidate.abandon()
    assert guard.stats().connections == 0
    with pytest.raises(wswarden.Ended):
        candidate.admit()
    guard.screen("/chat", upgrade_headers(token=token()), **LOCAL)
    assert guard.stats().connections == 0, "a candidate that nobody holds"


def test_what_is_no_address_is_not_guessed(guard):
    for remote in ["testclient", "", None, 7]:
        with pytest.raises(ValueError, match="remote"):
            guard.screen("/chat", [], remote=remote, tls=True)
    guard.screen("/chat", upgrade_headers(token=token()), remote="unix", tls=True)
    guard.screen("/chat", upgrade_headers(token=token()), remote=ipaddress.ip_address("2001:db8::1"), tls=True)
    guard.screen("/chat", upgrade_headers(token=token()), remote="fe80::1%eth0", tls=True)


def test_bytes_that_are_no_text_are_refused(guard):
    for headers in ([(b"\xff", b"x")], [("x", "\x00")], [("x\ud800", "y")]):
        with assert_refused("bad_request"):
            guard.screen("/chat", upgrade_headers(token=token()) + headers, **LOCAL)
    with assert_refused("bad_request"):
        guard.screen(b"/\xff", upgrade_headers(token=token()), **LOCAL)


def test_a_policy_the_host_cannot_keep_is_refused():
    with pytest.raises(wswarden.PolicyError, match="heartbeat.mode"):
        wswarden.Guard(policy(), host=Host())
    gaps = ["pings", "control_frames", "repeated_headers", "fragments", "http_refusal"]
    wswarden.Guard(policy(), host=Host(), waive=gaps)
    with pytest.raises(ValueError, match="none of pings"):
        wswarden.Guard(policy(), host=Host(), waive=["everything"])


def test_revoking_and_draining_name_whom_they_concern(guard, clock):
    ann, bob = (guard.screen("/", upgrade_headers(token=token(who)), **LOCAL).admit() for who in ("ann", "bob"))
    who = wswarden.Revocation.user("ann", namespace="https://id.example.com")
    assert guard.revoke(who, lasts=3600) == [ann.id]
    assert ann.handle_timeout() == wswarden_close(4401, Reason.REVOKED)
    assert bob.handle_timeout() is None
    with assert_refused("revoked"):
        guard.screen("/", upgrade_headers(token=token("ann")), **LOCAL).admit()
    assert guard.drain() == [ann.id, bob.id]
    clock.advance(60)
    assert bob.handle_timeout() == wswarden_close(1012, Reason.DRAINING)
    with assert_refused("draining"):
        guard.screen("/", upgrade_headers(token=token("carl")), **LOCAL)


class wswarden_close:
    """Equal to a close of this code and reason."""

    def __init__(self, code, reason):
        self.code, self.reason = code, reason

    def __eq__(self, close):
        return isinstance(close, wswarden.Close) and (close.code, close.reason) == (self.code, self.reason)


def test_reloading_holds_for_open_sessions_too(guard):
    session = guard.screen("/", upgrade_headers(token=token(), origin=ORIGIN), **LOCAL).admit()
    assert guard.reload(policy(origin={"allow": ["https://other.example"]})) == [session.id]
    assert session.receive("{}") == wswarden_close(4403, Reason.POLICY_CHANGED)
    with pytest.raises(wswarden.PolicyError):
        guard.reload(Policy(origin={"allow": ["https://x.example"]}))


def test_neither_guard_nor_policy_travels(guard):
    for thing in (guard, guard.policy):
        with pytest.raises(TypeError, match="each process"):
            pickle.dumps(thing)


def test_the_maker_of_test_tokens_says_what_it_cannot():
    with pytest.raises(ValueError, match="RS256"):
        make_token("x", "ann", alg="RS256")

"""The six steps of the guide, seen from the stock Python client over real TLS: what works, and each refusal."""

import base64
import json
import time
import uuid
from contextlib import ExitStack

import pytest
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

from client import Client, chat, closed, delivered, error, flood, until


def problem(answer):
    """The reason in the body of a refusal (RFC 9457)."""
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    return json.loads(answer.body)["code"]


# What works


@pytest.mark.parametrize("text", [
    '{"type":"chat","content":"%s"}',
    '{"type":"chat","content":"%s","channelId":"6f1c3a52-0d3b-4c5e-9a51-2f1f8f0d4b11"}',
])
def test_a_chat_is_delivered(client, text):
    tag = str(uuid.uuid4())
    with client.connect() as socket:
        socket.send(text % tag)
        assert not [message for message in until(socket, tag) if "error" in message]


@pytest.mark.parametrize("text", ['{"type":"typing"}', '{"type":"ping"}'])
def test_the_guides_other_types_are_taken(client, text):
    tag = str(uuid.uuid4())
    with client.connect() as socket:
        socket.send(text)
        socket.send(chat(tag))
        assert not [message for message in until(socket, tag) if "error" in message]


def test_two_users_chat(client, about):
    tag = str(uuid.uuid4())
    with client.connect() as ada, Client(about).connect() as bob:
        ada.send(chat(tag))
        until(bob, tag)


def test_a_token_may_stand_in_the_query(client):
    with client.connect(token=None, url=f"{client.url}?token={client.token()}") as socket:
        socket.send(chat("by query"))
        until(socket, "by query")


def test_a_token_may_stand_in_the_cookie(client):
    with client.connect(token=None, headers={"Cookie": f"session={client.token()}"}) as socket:
        socket.send(chat("by cookie"))
        until(socket, "by cookie")


def test_the_printed_token_is_good(client, about):
    with client.connect(token=about["token"]):
        pass


def test_a_client_that_is_no_browser_has_no_origin(client):
    with client.connect(origin=None):
        pass


def test_a_good_peer_outlives_many_heartbeats(client, about):
    beat = about["heartbeat"]
    with client.connect() as socket:
        time.sleep((3 * beat["interval_ms"] + beat["timeout_ms"]) / 1000)
        socket.send(chat("still here"))
        until(socket, "still here")


# Step 1: wss only


def test_plain_ws_is_refused(client):
    with pytest.raises((InvalidMessage, InvalidHandshake, OSError, EOFError)):
        with client.connect(url=client.url.replace("wss:", "ws:")):
            pass


def test_plain_http_gets_no_redirect(client):
    answer = client.speaks_plain()
    assert b" 30" not in answer[:16] and b"Location" not in answer


# Step 2: authenticate at the upgrade


def test_no_token_is_401(client):
    answer = client.refusal(token=None)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Connection"].lower() == "close"
    assert problem(answer) == "credential_missing"


@pytest.mark.parametrize("forge", [
    lambda client: "garbage",
    lambda client: client.token(secret="not the secret of this server at all"),
    lambda client: client.token(exp=int(time.time()) - 3600),
    lambda client: client.token(exp=None),
    lambda client: client.token(nbf=int(time.time()) + 3600),
    lambda client: client.token(aud="another"),
    lambda client: client.token(aud=None),
    lambda client: client.token(iss="https://evil.example"),
    lambda client: client.token(iss=None),
    lambda client: client.token(header={"alg": "none", "typ": "JWT"}).rpartition(".")[0] + ".",
], ids="garbage key expired no-exp early aud no-aud iss no-iss none".split())
def test_a_bad_token_is_401(client, forge):
    answer = client.refusal(token=forge(client))
    assert answer.status_code == 401
    assert problem(answer) in ("credential_invalid", "token_expired")


def test_two_tokens_are_400(client):
    answer = client.refusal(url=f"{client.url}?token={client.token()}")
    assert (answer.status_code, problem(answer)) == (400, "credential_ambiguous")


def test_a_refusal_repeats_no_token(client):
    token = client.token(secret="not the secret of this server at all")
    answer = client.refusal(token=token)
    assert token[-20:] not in str(answer.headers) + answer.body.decode()


def test_the_connection_ends_with_its_token(client, about):
    life = 2
    with client.connect(token=client.token(exp=int(time.time()) + life)) as socket:
        code, _ = closed(socket, seconds=life + about["leeway_ms"] / 1000 + 3)
    assert code == 4401


# Step 3: validate the Origin


@pytest.mark.parametrize("origin", [
    "https://evil.example", "null", "http://app.example.com", "https://app.example.com:8443",
    "https://app.example.com.evil.example", "https://evilapp.example.com", "https://x.app.example.com",
])
def test_a_foreign_origin_is_403(client, origin):
    answer = client.refusal(origin=origin)
    assert (answer.status_code, problem(answer)) == (403, "origin_not_allowed")


@pytest.mark.parametrize(("origin", "reason"), [(None, "origin_missing"), ("https://evil.example", "origin_not_allowed")])
def test_a_cookie_needs_the_right_origin(client, origin, reason):
    answer = client.refusal(token=None, origin=origin, headers={"Cookie": f"session={client.token()}"})
    assert (answer.status_code, problem(answer)) == (403, reason)


def test_a_foreign_host_is_421(client):
    assert client.http(Host="evil.example").status == 421


# RFC 6455


@pytest.mark.parametrize(("change", "status", "header"), [
    ({"Sec_WebSocket_Version": "8"}, 426, ("Sec-WebSocket-Version", "13")),
    ({"method": "POST"}, 405, ("Allow", "GET")),
    ({"Sec_WebSocket_Key": "short"}, 400, None),
    ({"Sec_WebSocket_Key": None}, 400, None),
    ({"X_Large": "x" * 20_000}, 431, None),
], ids="version method short-key no-key head".split())
def test_a_bad_upgrade_is_refused(client, change, status, header):
    answer = client.http(**change)
    assert answer.status == status
    assert header is None or answer.headers[header[0]] == header[1]
    assert answer.headers["Connection"].lower() == "close"


# Step 4: validate every message


@pytest.mark.parametrize(("text", "code"), [
    ("hello", "invalid_json"),
    ('{"type":"chat"', "invalid_json"),
    ('{"type":"shutdown"}', "unknown_type"),
    ('{"content":"x"}', "unknown_type"),
    ('{"type":"chat","content":7}', "schema_violation"),
    ('{"type":"chat","content":"%s"}' % ("x" * 5001), "schema_violation"),
    ('{"type":"chat","channelId":"7"}', "schema_violation"),
    ('{"type":"chat","admin":true}', "schema_violation"),
    ('{"type":"chat","content":"a","content":"b"}', "duplicate_key"),
    ('{"type":"ping","__proto__":{}}', "forbidden_key"),
    ('{"type":"ping","x":%s}' % ("[" * 100 + "]" * 100), "json_limit"),
])
def test_an_invalid_message_is_answered_and_not_delivered(client, about, text, code):
    with client.connect() as socket, Client(about).connect() as other:
        socket.send(text)
        reply = error(socket)
        assert reply["code"] == code
        socket.send(chat("good again"))
        until(socket, "good again")
        assert text not in until(other, "good again")


def test_too_many_invalid_messages_close_4400(client, about):
    with client.connect() as socket:
        flood(socket, ["hello"] * (about["limits"]["errors"] + 5))
        code, replies = closed(socket)
    assert code == 4400
    assert 1 <= len(replies) <= about["limits"]["errors"] + 1


def test_bytes_close_1003(client):
    with client.connect() as socket:
        socket.send(b'{"type":"chat","content":"x"}')
        assert closed(socket)[0] == 1003


def test_a_too_big_message_closes_1009(client, about):
    with client.connect() as socket:
        socket.send(chat("x" * about["limits"]["max_bytes"]))
        assert closed(socket)[0] == 1009


def test_too_many_fragments_close_1009(client, about):
    with client.connect() as socket:
        socket.send(["{"] + [" "] * (about["limits"]["max_fragments"] + 10))
        assert closed(socket)[0] == 1009


def test_bad_utf8_closes_1007(client):
    with client.connect() as socket:
        socket.send(b'{"type":"chat","content":"\xff"}', text=True)
        assert closed(socket)[0] == 1007


# Step 5: limits


def test_too_fast_is_answered_then_closed_4429(client, about):
    tag = str(uuid.uuid4())
    burst = about["limits"]["connection_messages"]["burst"]
    with client.connect() as socket:
        flood(socket, [chat(f"{tag}-{number}") for number in range(10 * burst)])
        code, messages = closed(socket)
    errors = [json.loads(message) for message in messages if '"error"' in message]
    assert code == 4429
    assert errors and errors[0]["code"] == "rate_limited" and errors[0]["retry_after_ms"] > 0
    assert len([message for message in messages if tag in message]) <= burst + 2


def test_the_limit_passes(client, about):
    quota = about["limits"]["connection_messages"]
    with client.connect() as socket:
        good, _ = delivered(socket, quota["burst"], "first")
        assert good == quota["burst"]
        time.sleep(quota["per_ms"] / 1000)
        assert delivered(socket, 2, "second") == (2, 0)


def test_reconnecting_does_not_reset_the_limit(client, about):
    """The guide's flaw: it forgets a user's messages when the user's socket closes."""
    user, each = about["limits"]["user_messages"], about["limits"]["connection_messages"]["burst"]
    began, good, bad = time.monotonic(), 0, 0
    for number in range(3 * user["burst"] // each):
        try:
            with client.connect() as socket:
                more = delivered(socket, each, f"socket-{number}", quiet=0.3)
        except InvalidStatus as refused:  # shut out for a while: that is no fresh start either
            assert refused.response.status_code == 429
            more = 0, 1
        good, bad = good + more[0], bad + more[1]
    passed = (time.monotonic() - began) * 1000
    assert good <= user["burst"] + user["limit"] * passed / user["per_ms"] + 1
    assert good >= user["burst"] and bad > 0


def test_closing_one_of_two_sockets_does_not_reset_the_limit(client, about):
    """The same flaw, without even being away: the other socket is still open."""
    user, each = about["limits"]["user_messages"], about["limits"]["connection_messages"]["burst"]
    began, good, bad = time.monotonic(), 0, 0
    with client.connect() as stays:
        good += delivered(stays, each, "stays", quiet=0.3)[0]
        for number in range(2):
            with client.connect() as goes:
                good += delivered(goes, each, f"goes-{number}", quiet=0.3)[0]
            more = delivered(stays, 2, f"again-{number}", quiet=0.3)
            good, bad = good + more[0], bad + more[1]
    passed = (time.monotonic() - began) * 1000
    assert good <= user["burst"] + user["limit"] * passed / user["per_ms"] + 1
    assert bad > 0


def test_one_socket_too_many_is_429(client, about):
    with ExitStack() as sockets:
        for _ in range(about["limits"]["per_user"] - 1):
            sockets.enter_context(client.connect())
        with client.connect():
            answer = client.refusal()
            assert (answer.status_code, problem(answer)) == (429, "too_many_connections")
            assert int(answer.headers["Retry-After"]) >= 0
        time.sleep(0.3)
        sockets.enter_context(client.connect())  # the slot has come back


def test_guessing_tokens_is_429(client, about):
    guesses = about["limits"]["address_failures"]["burst"] + 3
    answers = [client.refusal(token=base64.urlsafe_b64encode(bytes([n] * 9)).decode()) for n in range(guesses)]
    assert [answer.status_code for answer in answers][-1] == 429
    assert problem(answers[-1]) in ("rate_limited", "banned")
    assert int(answers[-1].headers["Retry-After"]) >= 1


# Step 6: clean up and beat


def test_silence_after_a_ping_closes_4408(client, about):
    beat = about["heartbeat"]
    with client.connect() as socket:
        socket.ignore_pings()
        began = time.monotonic()
        code, _ = closed(socket, seconds=(beat["interval_ms"] + beat["timeout_ms"]) / 1000 + 3)
    assert code == 4408
    assert time.monotonic() - began >= beat["interval_ms"] / 1000


def test_a_close_is_answered(client):
    with client.connect() as socket:
        socket.close(1000)
        assert socket.close_code == 1000

"""Policies from what people have, and the tools around them."""

import dataclasses
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pydantic
import pytest
from typing_extensions import TypedDict

import wswarden
from conftest import CHAT, ORIGIN, POLICY, SECRET, policy, token
from wswarden import Guard, Host, Identity, KeysFetched, Policy, PolicyError, Reason, Refused, TicketUnused
from wswarden.testing import LOCAL, assert_delivered, assert_refused, make_ticket, make_token, upgrade_headers

GOOD, BAD = '{"type":"chat","content":"hello"}', '{"type":"chat","content":7}'


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    type: Literal["chat"]
    content: str


class Struct(msgspec.Struct, tag_field="type", tag="chat", forbid_unknown_fields=True):
    content: Annotated[str, msgspec.Meta(max_length=5000)]


@dataclasses.dataclass
class Data:
    type: Literal["chat"]
    content: str


class Table(TypedDict):
    type: Literal["chat"]
    content: str


@pytest.mark.parametrize("schema", [CHAT, json.dumps(CHAT), Model, pydantic.TypeAdapter(Model), Struct, Data, Table])
def test_a_schema_is_taken_as_it_is(schema, clock):
    guard = Guard(policy(message={"types": {"chat": {"schema": schema}}}), host=Host.SOCKET, clock=clock)
    session = guard.screen("/", upgrade_headers(token=token()), **LOCAL).admit()
    assert_delivered(session.receive(GOOD), "chat")
    assert session.receive(BAD).reason is Reason.SCHEMA_VIOLATION


def test_a_schema_may_be_a_file(tmp_path, clock):
    path = tmp_path / "chat.schema.json"
    path.write_text(json.dumps(CHAT))
    guard = Guard(policy(message={"types": {"chat": {"schema": path}}}), host=Host.SOCKET, clock=clock)
    session = guard.screen("/", upgrade_headers(token=token()), **LOCAL).admit()
    assert session.receive(BAD).reason is Reason.SCHEMA_VIOLATION


def test_a_union_is_one_schema_for_all(clock):
    class Typing(msgspec.Struct, tag_field="type", tag="typing", forbid_unknown_fields=True):
        pass

    rules = Policy(**POLICY | {"message": {"schema": Struct | Typing}})
    guard = Guard(rules, host=Host.SOCKET, clock=clock)
    session = guard.screen("/", upgrade_headers(token=token()), **LOCAL).admit()
    assert_delivered(session.receive(GOOD))
    assert_delivered(session.receive('{"type":"typing"}'))
    assert session.receive(BAD).reason is Reason.SCHEMA_VIOLATION


def test_what_is_no_schema_is_said_so():
    with pytest.raises(TypeError, match="cannot hold a value of type object"):
        policy(message={"types": {"chat": {"schema": object()}}})


def test_a_schema_as_text_is_read_strictly():
    with pytest.raises(ValueError, match="'type' twice"):
        policy(message={"types": {"chat": {"schema": '{"type":"object","type":"array"}'}}})


def test_durations_may_be_timedeltas():
    rules = policy(heartbeat={"interval": timedelta(seconds=45), "timeout": timedelta(milliseconds=1500)})
    heartbeat = rules.to_dict()["heartbeat"]
    assert (heartbeat["interval"], heartbeat["timeout"]) == ("45s", "1500ms")


def test_an_error_knows_its_place():
    with pytest.raises(PolicyError) as caught:
        Policy.from_dict(POLICY | {"orgin": {"allow": []}})
    assert caught.value.place == "orgin"
    assert isinstance(caught.value, ValueError)
    with pytest.raises(PolicyError, match=r"origin\.allow\[0\]"):
        Policy.from_toml('origin.allow = ["app.example.com"]')
    with pytest.raises(PolicyError, match="nowhere.toml"):
        Policy.from_file("nowhere.toml")


def test_secrets_are_never_shown(monkeypatch):
    monkeypatch.setenv("TEST_JWT_KEY", SECRET)
    rules = policy()
    shown = f"{rules} {rules!r} {rules.to_dict()} {Guard(rules, host=Host.SOCKET)!r}"
    assert SECRET not in shown
    text = json.dumps(POLICY).replace(SECRET, "env:TEST_JWT_KEY")
    assert SECRET not in str(Policy.from_json(text))
    with pytest.raises(PolicyError, match="there is no such variable"):
        Policy.from_json(text.replace("TEST_JWT_KEY", "TEST_NO_KEY"))


def test_from_a_file_next_to_its_schema(tmp_path):
    (tmp_path / "chat.json").write_text(json.dumps(CHAT))
    (tmp_path / "policy.toml").write_text(
        f"""
        origin.allow = ["{ORIGIN}"]
        credential.jwt = {{ keys = [{{ alg = "HS256", secret = "{SECRET}" }}], issuer = ["i"], audience = ["a"] }}
        message.types.chat.schema = "file:chat.json"
        """
    )
    rules = Policy.from_file(tmp_path / "policy.toml")
    assert rules.host_limits.max_message == 65536
    assert rules.host_limits.head_timeout == 10
    assert Policy.json_schema()["$schema"].endswith("2020-12/schema")


def test_the_table_of_reasons_is_an_enum_of_str():
    assert Reason("rate_limited") is Reason.RATE_LIMITED == "rate_limited"
    assert (Reason.RATE_LIMITED.number, Reason.RATE_LIMITED.status, Reason.RATE_LIMITED.close_code_app) == (
        19,
        429,
        4429,
    )
    assert f"{Reason.RATE_LIMITED}" == "rate_limited"


TICKETS = {
    "origin": {"allow": [ORIGIN]},
    "credential": {"sources": [{"kind": "ticket", "in": "query", "name": "ticket"}]},
    "message": {"schema": True},
}


def test_a_ticket_opens_one_connection(clock):
    guard = Guard(Policy(**TICKETS), host=Host.SOCKET, clock=clock)
    ann = Identity.assertion("ann")
    ticket = guard.mint_ticket(ann, path="/chat", origin=ORIGIN)
    headers = upgrade_headers(origin=ORIGIN)
    assert guard.screen(f"/chat?ticket={ticket}", headers, **LOCAL).admit().identity == ann
    with assert_refused("credential_invalid"):
        guard.screen(f"/chat?ticket={ticket}", headers, **LOCAL).admit()
    late = make_ticket(guard, "ann", path="/chat", origin=ORIGIN)
    clock.advance(31)
    with assert_refused("token_expired"):
        guard.screen(f"/chat?ticket={late}", headers, **LOCAL).admit()
    with pytest.raises(Refused) as caught:
        guard.mint_ticket(Identity.guest(), path="/chat")
    assert (caught.value.status, caught.value.detail) == (401, "guest")
    with pytest.raises(ValueError, match="32 bytes"):
        guard.mint_ticket(ann, path="/chat", entropy=b"x")


def test_servers_that_share_tickets_ask_their_store(clock):
    signed = {"form": "signed", "spent": "host", "key": "q8Jm2vXz7LpR4tYw9KcB1nHf6GdS3aEu0oIiTjMkVbNxQrZs"}
    rules = Policy(**TICKETS | {"credential": TICKETS["credential"] | {"ticket": signed}})
    one, other = (Guard(rules, host=Host.SOCKET, clock=clock) for _ in range(2))
    ticket = one.mint_ticket(Identity.assertion("ann"), path="/chat", origin=ORIGIN)
    used = set()
    for guard, opens in ((other, True), (one, False)):
        waiting = guard.screen(f"/chat?ticket={ticket}", upgrade_headers(origin=ORIGIN), **LOCAL).admit()
        assert (waiting.need.kind, len(waiting.need.ticket_id)) == ("ticket", 32)
        assert waiting.need.until > clock.unix
        first = waiting.need.ticket_id not in used
        used.add(waiting.need.ticket_id)
        assert first == opens
        if opens:
            assert waiting.provide(TicketUnused()).identity.subject == "ann"
        else:
            with assert_refused("credential_invalid"):
                waiting.provide(None)


def test_published_keys_are_fetched_by_the_host(clock):
    url = "https://id.example.com/keys"
    jwt = {"jwks": {"url": url, "algs": ["ES256"]}, "issuer": ["i"], "audience": ["a"]}
    rules = Policy(**POLICY | {"credential": {"jwt": jwt}})
    guard = Guard(rules, host=Host.SOCKET, clock=clock)
    fetch = guard.handle_timeout()
    assert (fetch.url, guard.handle_timeout()) == (url, None)
    assert fetch.within > 0 and fetch.max_bytes > 1000
    with pytest.raises(PolicyError):
        guard.keys_fetched(url, "no key set")
    guard.keys_failed(url)
    unsigned = make_token("x" * 32, "ann", issuer="i", audience="a")
    with pytest.raises(Refused):
        guard.screen("/", upgrade_headers(token=unsigned), **LOCAL).admit()
    assert repr(KeysFetched()) == "KeysFetched()"


def test_the_applications_own_endpoints_may_ask_whose_a_token_is(guard):
    assert guard.verify_token(token()).subject == "ann"
    assert guard.verify_token(token().encode()).subject == "ann"
    with assert_refused("token_expired"):
        guard.verify_token(token(now=1_700_000_000))
    with assert_refused("credential_invalid"):
        guard.verify_token("x")


def test_a_socket_without_a_request_counts(clock):
    few = policy(cap={"unauthenticated_per_address": 2})
    guard = Guard(few, host=Host.SOCKET, clock=clock)
    knocks = [guard.knock("198.51.100.7") for _ in range(2)]
    with assert_refused("too_many_connections"):
        guard.knock("198.51.100.7")
    knocks[0].release()
    knocks[0].release()
    guard.knock("198.51.100.7")


def command(*arguments):
    line = [sys.executable, "-m", "wswarden", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)  # noqa: S603


def test_the_command_line_is_the_binarys():
    assert command("--version").stdout == f"wswarden {wswarden.__version__}\n"
    assert json.loads(command("schema").stdout) == Policy.json_schema()
    wrong = command("no-such-command")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    example = Path(__file__).resolve().parent.parent / "examples" / "policy.toml"
    assert command("check", str(example)).returncode == 1, "JWT_KEY is not set"


def test_a_token_of_the_command_line_is_taken(clock):
    made = command(
        "token", "--secret", SECRET, "--subject", "ann", "--issuer", "https://id.example.com", "--audience", "chat"
    )
    assert made.returncode == 0, made.stderr
    guard = Guard(policy(), host=Host.SOCKET)
    assert guard.verify_token(made.stdout.strip()).subject == "ann"

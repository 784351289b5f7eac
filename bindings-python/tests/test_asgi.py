"""The adapter for ASGI, below uvicorn, with stock clients over real sockets."""

import asyncio
import dataclasses
import json
from typing import TypedDict

import litestar
import msgspec
import pydantic
import pytest
from channels.testing import WebsocketCommunicator
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from websockets.exceptions import ConnectionClosed, InvalidStatus

import wswarden
from conftest import ORIGIN, policy, token
from lab import HELLO, client, now, until, uvicorn_server
from wswarden import Identity, Reason, Revocation
from wswarden.asgi import Guard, GuardMiddleware
from wswarden.testing import upgrade_headers

WAIVE = ["control_frames", "fragments"]


class Chat(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    type: str
    content: str

    @pydantic.field_validator("content")
    @classmethod
    def polite(cls, content):
        if "damn" in content:
            raise ValueError("rude")
        return content


def plain(**tables):
    return policy(transport={"secure": "dangerous-any"}, heartbeat={"mode": "message"}, **tables)


def guarded(guard, handler=None):
    """An application with a guarded chat, and a page that is none of the guard's business."""
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=guard)
    app.state.endings = []

    @app.get("/page")
    async def page():
        return "hello"

    @app.websocket("/chat")
    async def chat(ws: WebSocket):
        try:
            await (handler or echo)(ws)
        finally:
            app.state.endings.append(ws.scope["wswarden"].closed)

    async def echo(ws):
        await ws.accept()
        async for message in guard.messages(ws, Chat):
            await ws.send_text(message.model_dump_json())

    return app


def served(guard, app=None, **options):
    return uvicorn_server(app or guarded(guard), **guard.uvicorn_options() | options)


async def test_a_good_client_chats():
    guard = Guard(plain(subprotocols=["chat.v1"]), waive=WAIVE)
    async with served(guard) as port:
        async with client(port, subprotocols=["other", "chat.v1"]) as ws:
            assert ws.subprotocol == "chat.v1"
            await ws.send(HELLO)
            assert json.loads(await ws.recv()) == json.loads(HELLO)
            assert guard.stats().sessions == 1
        await until(lambda: guard.stats().connections == 0)


async def test_other_requests_pass_through():
    guard = Guard(plain(), waive=WAIVE)
    async with served(guard) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in await reader.read()
        writer.close()


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"who": None}, 401, "credential_missing"),
        ({"origin": "https://evil.example"}, 403, "origin_not_allowed"),
        ({"origin": "null"}, 403, "origin_not_allowed"),
    ],
)
async def test_a_refused_client_reads_why(options, status, code):
    guard = Guard(plain(), waive=WAIVE)
    async with served(guard) as port:
        with pytest.raises(InvalidStatus) as caught:
            await client(port, **options)
    response = caught.value.response
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.body)["code"] == code
    assert guard.stats().connections == 0


async def test_an_unchecked_path_is_guarded_too():
    guard = Guard(plain(), waive=WAIVE)
    async with served(guard) as port:
        with pytest.raises(InvalidStatus) as caught:
            await client(port, path="/elsewhere", who=None)
    assert caught.value.response.status_code == 401


async def test_what_is_not_valid_is_answered_and_not_delivered():
    guard = Guard(plain(), waive=WAIVE)
    async with served(guard) as port, client(port) as ws:
        await ws.send('{"type":"chat","content":"a","content":"b"}')
        assert json.loads(await ws.recv())["code"] == "duplicate_key"
        await ws.send(HELLO)
        assert json.loads(await ws.recv())["content"] == "hello"


async def test_a_validator_of_the_models_own_still_runs():
    guard = Guard(plain(message={"errors": {"limit": 1, "per": "60s"}}), waive=WAIVE)
    async with served(guard) as port, client(port) as ws:
        await ws.send('{"type":"chat","content":"damn"}')
        assert json.loads(await ws.recv())["code"] == "schema_violation"
        await ws.send('{"type":"chat","content":"damn"}')
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.reason == "too_many_errors"


async def test_an_application_that_reads_by_itself_gets_only_what_is_valid():
    guard = Guard(plain(), waive=WAIVE)
    seen = []

    async def handler(ws):
        await ws.accept()
        async for text in ws.iter_text():
            seen.append(text)
            await ws.send_text("seen")

    async with served(guard, guarded(guard, handler)) as port, client(port) as ws:
        await ws.send("nothing")
        assert json.loads(await ws.recv())["code"] == "invalid_json"
        await ws.send(HELLO)
        assert await ws.recv() == "seen"
    assert seen == [HELLO]


async def test_a_silent_client_is_closed_and_the_application_told():
    rules = policy(
        transport={"secure": "dangerous-any"}, heartbeat={"mode": "message", "interval": "200ms", "timeout": "100ms"}
    )
    guard = Guard(rules, waive=WAIVE)
    app = guarded(guard)
    async with served(guard, app) as port, client(port) as ws:
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4408, "ping_timeout")
        await until(lambda: app.state.endings)
        assert app.state.endings[0].reason is Reason.PING_TIMEOUT
        await until(lambda: guard.stats().connections == 0)


async def test_the_application_learns_of_the_end_though_the_client_says_nothing():
    """A client that does not answer the close frame must not keep the application waiting."""
    guard = Guard(plain(deadline={"close": "200ms"}), waive=WAIVE)
    app = guarded(guard)
    async with served(guard, app) as port, client(port, ping_interval=None, close_timeout=0.2) as ws:
        await until(lambda: guard.stats().sessions == 1)
        ws.protocol.send_frame = lambda frame: None
        guard.revoke(Revocation.user("ann", namespace="https://id.example.com"))
        await until(lambda: app.state.endings)
        assert app.state.endings[0].reason is Reason.REVOKED
        await until(lambda: guard.stats().connections == 0)


async def test_sending_after_the_end_raises():
    guard = Guard(plain(), waive=WAIVE)
    raised = asyncio.get_running_loop().create_future()

    async def handler(ws):
        await ws.accept()
        async for _ in guard.messages(ws):
            pass
        try:
            await ws.scope["wswarden"].from_app({"type": "websocket.send", "text": "x"})
        except Exception as error:  # whatever it is: the test looks at it
            raised.set_result(error)

    async with served(guard, guarded(guard, handler)) as port, client(port):
        await until(lambda: guard.stats().sessions == 1)
        guard.revoke(Revocation.user("ann", namespace="https://id.example.com"))
        error = await asyncio.wait_for(raised, 5)
    assert isinstance(error, wswarden.ConnectionClosed) and isinstance(error, OSError)
    assert (error.reason, error.close_code) == (Reason.REVOKED, 4401)


async def test_the_application_may_close_and_refuse_by_itself():
    guard = Guard(plain(), waive=WAIVE)

    async def handler(ws):
        if ws.scope["wswarden"].identity.subject == "bob":
            await ws.close(4000)
            return
        await ws.accept()
        await ws.close(4001, "bye")

    async with served(guard, guarded(guard, handler)) as port:
        async with client(port) as ws:
            with pytest.raises(ConnectionClosed) as caught:
                await ws.recv()
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, "bye")
        with pytest.raises(InvalidStatus) as refused:
            await client(port, who="bob")
        assert refused.value.response.status_code == 403
        await until(lambda: guard.stats().connections == 0)


async def test_a_client_that_leaves_while_it_is_looked_up_gives_its_place_back():
    asked = asyncio.Event()

    async def resolve(need, peer):
        asked.set()
        await asyncio.sleep(3600)

    guard = Guard(plain(), resolve=resolve, waive=WAIVE)
    async with served(guard) as port:
        connecting = asyncio.create_task(connected(port))
        await asked.wait()
        assert guard.stats().unauthenticated == 1
        connecting.cancel()
        await until(lambda: guard.stats().connections == 0)


async def connected(port):
    return await client(port, who=None, headers={"Cookie": "sid=1"})


async def test_the_host_resolves_session_tokens():
    async def resolve(need, peer):
        return Identity.assertion("ann") if need.credential.expose() == b"good" else None

    guard = Guard(plain(), resolve=resolve, waive=WAIVE)
    async with served(guard) as port:
        async with client(port, who=None, headers={"Cookie": "sid=good"}) as ws:
            await ws.send(HELLO)
            assert await ws.recv()
        with pytest.raises(InvalidStatus) as caught:
            await client(port, who=None, headers={"Cookie": "sid=bad"})
        assert caught.value.response.status_code == 401


async def test_an_application_that_fails_gives_everything_back():
    guard = Guard(plain(), waive=WAIVE)

    async def handler(ws):
        await ws.accept()
        raise RuntimeError("the application fails")

    async with served(guard, guarded(guard, handler)) as port, client(port) as ws:
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.code == 1011
        await until(lambda: guard.stats().connections == 0)


class ChatStruct(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    content: str


@dataclasses.dataclass
class ChatData:
    type: str
    content: str


class ChatDict(TypedDict):
    type: str
    content: str


@pytest.mark.parametrize("kind", [ChatStruct, ChatData, ChatDict, pydantic.TypeAdapter(Chat), None])
async def test_messages_come_as_what_is_asked_for(kind):
    guard = Guard(plain(), waive=WAIVE)
    seen = asyncio.get_running_loop().create_future()

    async def handler(ws):
        await ws.accept()
        async for message in guard.messages(ws, kind):
            seen.set_result(message)
            return

    async with served(guard, guarded(guard, handler)) as port, client(port) as ws:
        await ws.send(HELLO)
        message = await asyncio.wait_for(seen, 5)
    expected = {ChatDict: dict, None: dict}.get(kind, Chat if isinstance(kind, pydantic.TypeAdapter) else kind)
    assert type(message) is expected
    assert (message["content"] if expected is dict else message.content) == "hello"


def test_a_policy_with_pings_is_refused():
    with pytest.raises(wswarden.PolicyError, match='heartbeat.mode: .*mode = "message"'):
        Guard(policy(), waive=WAIVE)


async def scoped(**changes):
    """What the middleware makes of a scope: the events it sends."""
    guard = Guard(plain(), waive=WAIVE)
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "http_version": "1.1",
        "path": "/chat",
        "query_string": b"",
        "client": ["127.0.0.1", 1],
        "server": ["127.0.0.1", 80],
        "headers": [(name.encode(), value.encode()) for name, value in upgrade_headers()],
    } | changes
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(event):
        sent.append(event)

    await GuardMiddleware(None, guard=guard)(scope, receive, send)
    return sent


async def test_a_server_without_denials_closes_before_the_accept():
    (close,) = await scoped()
    assert close == {"type": "websocket.close", "code": 4401, "reason": "credential_missing"}


async def test_a_client_nobody_knows_is_not_taken_for_a_local_socket():
    with pytest.raises(ValueError, match="who the client is"):
        await scoped(client=None)
    (close,) = await scoped(client=None, server=["/run/app.sock", None])
    assert close["reason"] == "credential_missing"


async def test_http2_needs_no_key():
    headers = [(b"host", b"x"), (b"sec-websocket-version", b"13")]
    (close,) = await scoped(http_version="2", headers=headers)
    assert close["reason"] == "credential_missing"


async def test_litestar_is_guarded_the_same_way():
    guard = Guard(plain(), waive=WAIVE)

    @litestar.websocket("/chat")
    async def chat(socket: litestar.WebSocket) -> None:
        await socket.accept()
        async for message in guard.messages(socket, Chat):
            await socket.send_text(message.content)

    app = GuardMiddleware(litestar.Litestar([chat]), guard=guard)
    async with served(guard, app) as port:
        async with client(port) as ws:
            await ws.send("nothing")
            assert json.loads(await ws.recv())["code"] == "invalid_json"
            await ws.send(HELLO)
            assert await ws.recv() == "hello"
        with pytest.raises(InvalidStatus) as caught:
            await client(port, who=None)
        assert caught.value.response.status_code == 401
        await until(lambda: guard.stats().connections == 0)


async def test_what_the_application_does_after_a_disconnect_is_not_cut_off():
    guard, done = Guard(plain(), waive=WAIVE), []

    async def handler(ws):
        await ws.accept()
        async for message in ws.iter_text():
            await ws.send_text(message)
        for _ in range(3):
            await asyncio.sleep(0.001)
        done.append("all")

    async with served(guard, guarded(guard, handler)) as port:
        async with client(port) as ws:
            await ws.send(HELLO)
            await ws.recv()
        await until(lambda: done == ["all"])


async def test_an_application_is_tested_with_the_clients_of_starlette_and_channels():
    guard = Guard(policy(heartbeat={"mode": "message"}), waive=WAIVE)
    app = guarded(guard)
    headers = upgrade_headers(host="testserver", origin=ORIGIN, token=token(now=now()))

    def with_starlette():
        client = TestClient(app, client=("127.0.0.1", 50000))
        with client.websocket_connect("wss://testserver/chat", headers=dict(headers)) as ws:
            ws.send_text(HELLO)
            return ws.receive_json()

    assert await asyncio.to_thread(with_starlette) == json.loads(HELLO)
    communicator = WebsocketCommunicator(app, "/chat", [(name.encode(), value.encode()) for name, value in headers])
    communicator.scope |= {"client": ["127.0.0.1", 50000], "scheme": "wss"}
    assert (await communicator.connect())[0]
    await communicator.send_to(text_data=HELLO)
    assert await communicator.receive_json_from() == json.loads(HELLO)
    await communicator.disconnect()
    await until(lambda: guard.stats().connections == 0)

"""The adapter for aiohttp, with stock clients over real sockets."""

import asyncio
import contextlib
import json

import pytest
from aiohttp import web
from websockets.exceptions import ConnectionClosed, InvalidStatus

import wswarden
from conftest import policy
from lab import HELLO, client, free_socket, until
from wswarden import Identity, Reason, Revocation
from wswarden.aiohttp import Guard


def plain(**tables):
    return policy(transport={"secure": "dangerous-any"}, **tables)


@contextlib.asynccontextmanager
async def server(guard, handler=None):
    async def echo(ws):
        async for message in guard.messages(ws):
            await ws.send_str(json.dumps(message))

    async def chat(request):
        async with guard.upgrade(request) as ws:
            await (handler or echo)(ws)
        return ws

    app = web.Application()
    app.router.add_get("/chat", chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listener = free_socket()
    await web.SockSite(runner, listener).start()
    try:
        yield listener.getsockname()[1]
        await until(lambda: guard.stats().connections == 0)
    finally:
        await runner.cleanup()


async def test_a_good_client_chats():
    guard = Guard(plain(subprotocols=["chat.v1"]), waive=["fragments"])
    async with server(guard) as port, client(port, subprotocols=["other", "chat.v1"]) as ws:
        assert ws.subprotocol == "chat.v1"
        await ws.send(HELLO)
        assert json.loads(await ws.recv()) == json.loads(HELLO)


@pytest.mark.parametrize("ending", ["close", "abort"])
@pytest.mark.parametrize("slow", [0, 0.02])
async def test_what_was_sent_before_the_end_is_delivered(ending, slow):
    guard, got, done = Guard(plain(), waive=["fragments"]), [], []

    async def handler(ws):
        async for message in guard.messages(ws):
            await asyncio.sleep(slow)
            got.append(message["content"])
        done.append(True)

    async with server(guard, handler) as port:
        ws = await client(port)
        for nth in range(5):
            await ws.send(json.dumps({"type": "chat", "content": str(nth)}))
        if ending == "close":
            await ws.close()
        else:
            ws.transport.close()  # all is sent, and no close frame
        await until(lambda: guard.stats().connections == 0)
        await until(lambda: done)
    assert got == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [({"who": None}, 401, "credential_missing"), ({"origin": "https://evil.example"}, 403, "origin_not_allowed")],
)
async def test_a_refused_client_reads_why(options, status, code):
    async with server(Guard(plain(), waive=["fragments"])) as port:
        with pytest.raises(InvalidStatus) as caught:
            await client(port, **options)
    response = caught.value.response
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(response.body)["code"] == code


async def test_what_is_not_valid_never_reaches_the_handler():
    guard = Guard(plain(), waive=["fragments"])
    seen = []

    async def handler(ws):
        async for message in ws:
            seen.append(message.data)

    async with server(guard, handler) as port, client(port) as ws:
        await ws.send('{"type":"chat","content":7}')
        assert json.loads(await ws.recv())["code"] == "schema_violation"
        await ws.send(HELLO)
        await ws.send(HELLO.encode())
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1003, "wrong_frame_type")
    assert seen == [HELLO]


@pytest.mark.parametrize(("size", "code"), [(1024, None), (1025, 1009)])
async def test_a_message_too_long_closes(size, code):
    guard = Guard(plain(message={"max_bytes": "1KiB"}), waive=["fragments"])
    async with server(guard) as port, client(port) as ws:
        await ws.send(HELLO.replace("hello", "x" * (size - len(HELLO) + 5)))
        if code is None:
            assert await ws.recv()
            return
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.code == code


async def test_a_flood_of_pings_closes():
    quota = {"limit": 5, "per": "10s", "burst": 5}
    guard = Guard(plain(rate={"connection": {"control": quota}}), waive=["fragments"])
    async with server(guard) as port, client(port) as ws:
        with pytest.raises(ConnectionClosed) as caught:
            for _ in range(10):
                await ws.ping()
            await ws.recv()
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4429, "rate_limited")


async def test_a_handler_that_does_not_read_keeps_its_client():
    guard = Guard(plain(heartbeat={"interval": "100ms", "timeout": "90ms"}), waive=["fragments"])

    async def handler(ws):
        await asyncio.sleep(0.6)
        await ws.send_str("still here")

    async with server(guard, handler) as port, client(port) as ws:
        assert await ws.recv() == "still here"


async def test_a_peer_that_does_not_answer_pings_is_closed_and_cut():
    rules = plain(heartbeat={"interval": "100ms", "timeout": "90ms"}, deadline={"close": "200ms"})
    guard = Guard(rules, waive=["fragments"])
    async with server(guard) as port, client(port, ping_interval=None, close_timeout=0.2) as ws:
        ws.protocol.send_frame = lambda frame: None
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.reason == "ping_timeout"
        await until(lambda: guard.stats().connections == 0)


async def test_revoking_reaches_the_open_socket():
    guard = Guard(plain(), waive=["fragments"])
    async with server(guard) as port, client(port) as ws:
        await until(lambda: guard.stats().sessions == 1)
        guard.revoke(Revocation.user("ann", namespace="https://id.example.com"))
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4401, "revoked")


async def test_the_host_resolves_session_tokens():
    async def resolve(need, peer):
        return Identity.assertion("ann") if need.credential.expose() == b"good" else None

    guard = Guard(plain(), resolve=resolve, waive=["fragments"])
    async with server(guard) as port:
        async with client(port, who=None, headers={"Cookie": "sid=good"}) as ws:
            await ws.send(HELLO)
            assert await ws.recv()
        with pytest.raises(InvalidStatus) as caught:
            await client(port, who=None, headers={"Cookie": "sid=bad"})
        assert caught.value.response.status_code == 401


async def test_a_handler_that_fails_gives_everything_back():
    guard = Guard(plain(), waive=["fragments"])

    async def handler(ws):
        raise RuntimeError("the handler fails")

    async with server(guard, handler) as port, client(port) as ws:
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.code == 1011


async def test_a_client_that_leaves_ends_the_handler():
    guard = Guard(plain(), waive=["fragments"])
    records = []
    guard._audit = records.append
    async with server(guard) as port:
        ws = await client(port)
        await ws.close(1001, "going")
        ws = await client(port)
        ws.transport.abort()
        await until(lambda: guard.stats().connections == 0)
    reasons = [record.event.reason for record in records if record.event.kind == "closed"]
    assert reasons == [Reason.CLOSED_BY_PEER, Reason.CONNECTION_LOST]


def test_the_gap_must_be_waived():
    with pytest.raises(wswarden.PolicyError, match="max_fragments"):
        Guard(plain())


async def test_a_client_that_leaves_while_it_is_looked_up_gives_its_place_back():
    async def resolve(_need, _peer):
        await asyncio.sleep(60)

    guard = Guard(plain(deadline={"admit": "1min"}), resolve=resolve, waive=["fragments"])
    async with server(guard) as port:
        leaving = asyncio.ensure_future(client(port, who=None, headers={"Cookie": "sid=1"}).__aenter__())
        await until(lambda: guard.stats().connections == 1)
        leaving.cancel()
        await until(lambda: guard.stats().connections == 0)


async def test_a_handler_that_sends_beyond_the_end_is_no_failure(caplog):
    guard = Guard(plain(), waive=["fragments"])

    async def handler(ws):
        while True:
            await ws.send_str("tick")
            await asyncio.sleep(0.005)

    async with server(guard, handler) as port, client(port) as ws:
        await ws.recv()
        guard.revoke(Revocation.user("ann", namespace="https://id.example.com"), lasts=60)
        await until(lambda: guard.stats().connections == 0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]

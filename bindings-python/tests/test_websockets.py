"""The adapter for `websockets`, with stock clients over real sockets."""

import asyncio
import contextlib
import json
import logging

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

import wswarden
from conftest import ORIGIN, POLICY, policy, token
from lab import HELLO, client, now, until
from wswarden import Identity, Reason, Revocation, Unavailable
from wswarden.websockets import Guard, serve


@contextlib.asynccontextmanager
async def server(guard, handler=None):
    async def echo(ws):
        async for message in guard.messages(ws):
            await ws.send(json.dumps(message))

    async with serve(handler or echo, "127.0.0.1", 0, guard=guard) as running:
        yield running.sockets[0].getsockname()[1]
    assert guard.stats().connections == 0, "every exit path gives everything back"


def plain(**tables):
    return policy(transport={"secure": "dangerous-any"}, **tables)


async def test_a_good_client_chats():
    guard = Guard(plain(subprotocols=["chat.v1"]))
    async with server(guard) as port, client(port, subprotocols=["other", "chat.v1"]) as ws:
        assert ws.subprotocol == "chat.v1"
        await ws.send(HELLO)
        assert json.loads(await ws.recv()) == json.loads(HELLO)
        assert guard.stats().sessions == 1


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"who": None}, 401),
        ({"origin": "https://evil.example"}, 403),
        ({"who": None, "headers": {"Cookie": "sid=1"}, "origin": None}, 403),
    ],
)
async def test_a_refused_client_reads_why(options, status, caplog):
    caplog.set_level(logging.INFO, "wswarden")
    guard = Guard(plain())
    async with server(guard) as port:
        with pytest.raises(InvalidStatus) as caught:
            await client(port, **options)
    response = caught.value.response
    assert response.status_code == status
    (told,) = [record for record in caplog.records if record.name == "wswarden" and record.levelname == "INFO"]
    assert json.loads(response.body)["code"] == told.reason


async def test_over_plain_sockets_nobody_gets_in():
    async with server(Guard(policy())) as port:
        with pytest.raises(InvalidStatus) as caught:
            await client(port)
    assert json.loads(caught.value.response.body)["code"] == "insecure_transport"


async def test_what_is_not_valid_never_reaches_the_handler():
    guard = Guard(plain(message={"errors": {"limit": 2, "per": "60s"}}))
    seen = []

    async def handler(ws):
        async for message in ws:
            seen.append(message)

    async with server(guard, handler) as port, client(port) as ws:
        for _ in range(2):
            await ws.send('{"type":"chat","content":7}')
            assert json.loads(await ws.recv())["code"] == "schema_violation"
        await ws.send(HELLO)
        await ws.send("no json")
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4400, "too_many_errors")
        await until(lambda: guard.stats().connections == 0)
    assert seen == [HELLO]


@pytest.mark.parametrize("ending", ["close", "abort"])
@pytest.mark.parametrize("way", ["messages", "recv"])
@pytest.mark.parametrize("slow", [0, 0.02])
async def test_what_was_sent_before_the_end_is_delivered(ending, way, slow):
    guard, got = Guard(plain()), []

    async def handler(ws):
        async for message in guard.messages(ws) if way == "messages" else ws:
            await asyncio.sleep(slow)
            got.append(message if way == "messages" else json.loads(message))

    async with server(guard, handler) as port:
        ws = await client(port)
        for nth in range(5):
            await ws.send(json.dumps({"type": "chat", "content": str(nth)}))
        await ws.send('{"type":"chat","content":0}')
        if ending == "close":
            await ws.close()
        else:
            ws.transport.close()  # all is sent, and no close frame
        await until(lambda: guard.stats().connections == 0)
        await until(lambda: len(got) == 5)
    assert [message["content"] for message in got] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("first", ["ours", "theirs"])
async def test_somebody_elses_cancel_is_never_taken_for_ours(first):
    guard, seen = Guard(plain()), []

    async def handler(ws):
        try:
            async for _ in guard.messages(ws):
                pass
            seen.append("went on")
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async with server(guard, handler) as port, client(port):
        await until(lambda: guard._connections)
        (connection,) = guard._connections.values()
        await until(lambda: connection._reader)
        cancels = [connection._interrupt, connection._reader.cancel]
        for cancel in cancels if first == "ours" else reversed(cancels):
            cancel()
        await until(lambda: seen)
    assert seen == ["cancelled"]


async def test_binary_closes():
    async with server(Guard(plain())) as port, client(port) as ws:
        await ws.send(HELLO.encode())
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.code == 1003


async def test_a_message_too_long_closes():
    async with server(Guard(plain(message={"max_bytes": "1KiB"}))) as port, client(port) as ws:
        await ws.send("x" * 1025)
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.code == 1009


async def test_a_message_in_endless_fragments_closes():
    async with server(Guard(plain(message={"max_fragments": 16}))) as port, client(port) as ws:
        with pytest.raises(ConnectionClosed) as caught:
            await ws.send(["x"] * 20)
            await ws.recv()
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1009, "too_many_fragments")


async def test_a_flood_of_pings_closes():
    async with server(Guard(plain(rate={"connection": {"control": {"limit": 5, "per": "10s", "burst": 5}}}))) as port:
        async with client(port) as ws:
            with pytest.raises(ConnectionClosed) as caught:
                for _ in range(10):
                    await ws.ping()
                await ws.recv()
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4429, "rate_limited")


async def test_a_peer_that_does_not_answer_pings_is_closed_and_cut():
    guard = Guard(plain(heartbeat={"interval": "100ms", "timeout": "90ms"}, deadline={"close": "200ms"}))
    async with server(guard) as port, client(port, ping_interval=None) as ws:
        await asyncio.sleep(0.5)
        assert guard.stats().sessions == 1, "a client that answers lives"
        ws.protocol.send_frame = lambda frame: None  # it reads, and says nothing any more
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.reason == "ping_timeout"
        await until(lambda: guard.stats().connections == 0)


async def test_an_unread_close_is_followed_by_the_cut():
    guard = Guard(plain(heartbeat={"interval": "100ms", "timeout": "90ms"}, deadline={"close": "200ms"}))
    async with server(guard) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(upgrade(port))
        await reader.readuntil(b"\r\n\r\n")
        # Nothing more: neither pong nor close.
        await until(lambda: guard.stats().connections == 0, 3)
        rest = await asyncio.wait_for(reader.read(), 3)
        assert b"ping_timeout" in rest
        writer.close()


def upgrade(port, who="ann"):
    lines = [
        "GET /chat HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: {ORIGIN}",
        f"Authorization: Bearer {token(who, now=now())}",
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_frames_sent_with_the_request_are_counted_too():
    guard = Guard(plain(message={"max_fragments": 16}))
    masked = [Frame(Opcode.TEXT if n == 0 else Opcode.CONT, b"x", fin=False).serialize(mask=True) for n in range(20)]
    async with server(guard) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(upgrade(port) + b"".join(masked))
        assert await asyncio.wait_for(reader.read(), 3) == b"", "cut: nobody waits for an answer before it has one"
        writer.close()


async def test_a_request_that_does_not_come_is_cut():
    guard = Guard(policy(transport={"secure": "dangerous-any", "head_timeout": "200ms"}))
    async with server(guard) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            for byte in upgrade(port)[:20]:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)
            assert await asyncio.wait_for(reader.read(), 3) == b""
        assert reader.at_eof() or reader.exception()
        writer.close()


async def test_revoking_reaches_the_open_socket():
    guard = Guard(plain())
    async with server(guard) as port, client(port) as ann, client(port, who="bob") as bob:
        assert len(guard.revoke(Revocation.user("ann", namespace="https://id.example.com"), lasts=60)) == 1
        with pytest.raises(ConnectionClosed) as caught:
            await ann.recv()
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4401, "revoked")
        await bob.send(HELLO)
        assert await bob.recv()


async def test_a_close_by_policy_is_the_librarys_own_end(caplog):
    guard, seen = Guard(plain()), []

    async def handler(ws):
        try:
            while True:
                await ws.send("tick")
                await asyncio.sleep(0.005)
        except ConnectionClosed as closed:
            seen.append(closed)

    async with server(guard, handler) as port, client(port) as ws:
        await ws.recv()
        guard.revoke(Revocation.user("ann", namespace="https://id.example.com"), lasts=60)
        await until(lambda: seen)
    assert isinstance(seen[0], wswarden.ConnectionClosed) and seen[0].reason is Reason.REVOKED
    assert seen[0].sent.code == seen[0].close_code == 4401 and "4401" in str(seen[0].sent)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(("answer", "status"), [(Identity.assertion("ann"), None), ("ann", 500)])
async def test_a_resolver_may_answer_at_once_and_must_answer_rightly(answer, status):
    guard = Guard(plain(), resolve=lambda _need, _peer: answer)
    async with server(guard) as port:
        connecting = client(port, who=None, headers={"Cookie": "sid=1"})
        if status is None:
            async with connecting as ws:
                await ws.send(HELLO)
                assert await ws.recv()
        else:
            with pytest.raises(InvalidStatus) as caught:
                await connecting
            assert caught.value.response.status_code == status
        await until(lambda: guard.stats().connections == 0)


async def test_draining_closes_all():
    guard = Guard(plain(deadline={"drain": "200ms"}))
    async with server(guard) as port:
        clients = [await client(port, who=f"user{number}") for number in range(5)]
        guard.drain()
        for ws in clients:
            with pytest.raises(ConnectionClosed) as caught:
                await ws.recv()
            assert caught.value.rcvd.code == 1012
        with pytest.raises(InvalidStatus) as refused:
            await client(port)
        assert refused.value.response.status_code == 503


async def test_the_host_resolves_session_tokens():
    async def resolve(need, peer):
        assert peer.address == "127.0.0.1"
        match need.credential.expose():
            case b"ann":
                return Identity.assertion("ann")
            case b"broken":
                raise RuntimeError("the store is down; sid=broken")
            case b"unknown":
                return Unavailable()

    guard = Guard(plain(), resolve=resolve)
    async with server(guard) as port:
        async with client(port, who=None, headers={"Cookie": "sid=ann"}) as ws:
            await ws.send(HELLO)
            assert await ws.recv()
        for cookie, status in [("nobody", 401), ("broken", 503), ("unknown", 503)]:
            with pytest.raises(InvalidStatus) as caught:
                await client(port, who=None, headers={"Cookie": f"sid={cookie}"})
            assert caught.value.response.status_code == status


async def test_a_client_that_leaves_while_it_is_looked_up_gives_its_place_back():
    asked = asyncio.Event()

    async def resolve(need, peer):
        asked.set()
        await asyncio.sleep(3600)

    guard = Guard(plain(), resolve=resolve)
    async with server(guard) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        request = upgrade(port).split(b"Authorization")[0] + b"Cookie: sid=1\r\n\r\n"
        writer.write(request)
        await asked.wait()
        assert guard.stats().unauthenticated == 1
        writer.close()
        await until(lambda: guard.stats().connections == 0)


async def test_a_first_message_opens_and_a_refresh_renews():
    first = {"kind": "jwt", "in": "first-message", "type": "auth", "field": "token"}
    rules = plain(credential={"sources": [first], "refresh": {"type": "auth", "field": "token"}})
    records = []
    guard = Guard(rules, audit=records.append)
    async with server(guard) as port, client(port, who=None) as ws:
        for _ in range(2):
            await ws.send(json.dumps({"type": "auth", "token": token(now=now())}))
            await ws.send(HELLO)
            assert json.loads(await ws.recv())["content"] == "hello"
    assert [record.event.kind for record in records] == ["opened", "authenticated", "refreshed", "closed"]
    assert [record.subject for record in records] == [None, "ann", "ann", "ann"]


async def test_revalidation_asks_the_host_again():
    answers = [Identity.assertion("ann"), None]
    asked = []

    async def resolve(need, peer):
        asked.append(need.kind)
        return answers.pop(0)

    sources = [{"kind": "session", "in": "cookie", "name": "sid"}]
    rules = wswarden.Policy(
        **POLICY | {"transport": {"secure": "dangerous-any"}, "credential": {"sources": sources, "revalidate": "200ms"}}
    )
    guard = Guard(rules, resolve=resolve)
    async with server(guard) as port, client(port, who=None, headers={"Cookie": "sid=1"}) as ws:
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.reason == "revoked"
    assert asked == ["identity", "revalidate"]


async def test_a_handler_that_is_cancelled_or_fails_gives_everything_back():
    guard = Guard(plain())

    async def handler(ws):
        await ws.recv()
        raise RuntimeError("the handler fails")

    async with server(guard, handler) as port, client(port) as ws:
        await ws.send(HELLO)
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.code == 1011
        await until(lambda: guard.stats().connections == 0)


async def test_a_client_that_does_not_read_is_closed():
    guard = Guard(plain(queue={"soft": "64KiB", "hard": "256KiB"}, deadline={"close": "300ms"}))
    closed = asyncio.Event()

    async def handler(ws):
        big = "x" * 65536
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(200):
                    group.create_task(ws.send(big))
        except* wswarden.ConnectionClosed as errors:
            assert errors.exceptions[0].reason is Reason.SLOW_CONSUMER
            closed.set()

    async with server(guard, handler) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(upgrade(port))
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(closed.wait(), 5)
        await until(lambda: guard.stats().connections == 0)
        writer.close()


async def test_options_that_would_undo_the_policy_are_refused():
    with pytest.raises(TypeError, match="compression"):
        serve(None, "127.0.0.1", 0, guard=Guard(plain()), compression="deflate")


async def test_another_guard_does_not_know_the_connection():
    guard = Guard(plain())

    async def handler(ws):
        with pytest.raises(TypeError, match="not guarded by this guard"):
            Guard(plain()).messages(ws)
        await ws.send("done")
        await ws.recv()

    async with server(guard, handler) as port, client(port) as ws:
        assert await ws.recv() == "done"


async def test_an_audit_that_fails_changes_nothing(caplog):
    def broken(_record):
        raise RuntimeError("the disk is full of secrets")

    guard = Guard(plain(message={"on_invalid": "close"}), audit=broken)
    async with server(guard) as port, client(port) as ws:
        await ws.send(HELLO)
        assert json.loads(await ws.recv()) == json.loads(HELLO)
        await ws.send('{"type":"chat","content":7}')
        with pytest.raises(ConnectionClosed) as caught:
            await ws.recv()
        assert caught.value.rcvd.code == 4400
        await until(lambda: guard.stats().connections == 0)
    assert "audit failed: RuntimeError" in caplog.text
    assert "secrets" not in caplog.text


async def test_a_cancelled_read_is_cancelled_and_loses_no_message():
    seen = []

    async def handler(ws):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ws.recv()
        await ws.send("waited")
        reading = asyncio.create_task(ws.recv())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await ws.send("cancelled")
        seen.append(await ws.recv())
        # A close from elsewhere ends the wait, and is no cancellation.
        guard.drain()
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        seen.append(asyncio.current_task().cancelling())

    guard = Guard(plain(deadline={"drain": "1ms"}))
    async with server(guard, handler) as port, client(port) as ws:
        assert [await ws.recv(), await ws.recv()] == ["waited", "cancelled"]
        await ws.send(HELLO)
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        await until(lambda: len(seen) == 2)
    assert seen == [HELLO, 0]


async def test_a_request_that_was_refused_cannot_go_on_for_ever():
    async with server(Guard(plain())) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"no request\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(64):
                writer.write(b"x" * 65_536)
                await asyncio.wait_for(writer.drain(), 5)
                await asyncio.sleep(0.005)
        writer.close()

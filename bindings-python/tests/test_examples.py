"""The examples, run as they stand and used by a stock client, as through the proxy that they are made for."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from conftest import ORIGIN, SECRET, token
from lab import free_socket, now

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}


@contextlib.asynccontextmanager
async def running(name):
    """Runs an example; gives its port."""
    with free_socket() as chosen:
        port = chosen.getsockname()[1]
    env = os.environ | {"PORT": str(port), "JWT_KEY": SECRET}
    command = [sys.executable, str(EXAMPLES / name)]
    process = await asyncio.create_subprocess_exec(*command, env=env, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(20):
            while not await listens(port):
                assert process.returncode is None, (await process.stderr.read()).decode()
        yield port
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(5):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()


async def listens(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.05)
        return False
    writer.close()
    return True


def client(port, *, who="ann", origin=ORIGIN, proxy=True):
    headers = {"Authorization": f"Bearer {token(who, now=now())}"} if who else {}
    headers |= PROXY if proxy else {}
    return connect(f"ws://127.0.0.1:{port}/chat", origin=origin, additional_headers=headers, proxy=None)


@pytest.mark.parametrize("name", ["websockets_chat.py", "fastapi_chat.py", "aiohttp_chat.py", "channels_chat.py"])
async def test_example(name):
    # daphne has no way to say why.
    plain = name == "channels_chat.py"
    async with running(name) as port:
        async with client(port) as ws:
            await ws.send('{"type":"chat","content":"hello"}')
            assert await ws.recv() == "ann: hello"
            await ws.send('{"type":"chat","content":"hello","more":1}')
            assert json.loads(await ws.recv())["code"] == "schema_violation"
            with pytest.raises(ConnectionClosed) as caught:
                await ws.send(b'{"type":"chat","content":"hello"}')
                await ws.recv()
            # daphne's library sends no code below 3000 but 1000.
            assert caught.value.rcvd.code == (1011 if plain else 1003)
        for refused, status in [
            ({"origin": "https://evil.example"}, 403),
            ({"who": None}, 403 if plain else 401),
            ({"proxy": False}, 403),
        ]:
            with pytest.raises(InvalidStatus) as caught:
                await client(port, **refused)
            assert caught.value.response.status_code == status


def test_the_readmes_example_is_whole(monkeypatch):
    monkeypatch.setenv("JWT_KEY", SECRET)
    readme = (EXAMPLES.parent / "README.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    made = {"__name__": "readme"}
    exec(compile(block, "README.md", "exec"), made)  # noqa: S102
    assert made["guard"].stats().opened == 0
    assert [layer.cls.__name__ for layer in made["app"].user_middleware] == ["GuardMiddleware"]

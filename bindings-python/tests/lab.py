"""Servers and clients on this machine, over real sockets."""

import asyncio
import contextlib
import socket
import time

import uvicorn
from websockets.asyncio.client import connect

from conftest import ORIGIN, token

HELLO = '{"type":"chat","content":"hello"}'


def free_socket():
    """A listening socket on a port of its own."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


@contextlib.asynccontextmanager
async def uvicorn_server(app, **options):
    """Serves an ASGI application by uvicorn; gives its port."""
    listener = free_socket()
    config = uvicorn.Config(app, log_level="warning", lifespan="off", **options)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task


def client(port, path="/chat", who="ann", **options):
    """A stock client with a good token."""
    headers = {"Authorization": f"Bearer {token(who, now=now())}"} if who else {}
    headers |= options.pop("headers", {})
    options = {"origin": ORIGIN, "proxy": None} | options
    return connect(f"ws://127.0.0.1:{port}{path}", additional_headers=headers, **options)


def now():
    """Civil time, for tokens of servers that read the real clock."""
    return time.time()


async def until(condition, seconds=5):
    """Waits until something holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)

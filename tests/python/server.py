"""A guarded server in Python that stands in for `wswarden demo`:

    WSW_SERVER="python tests/python/server.py websockets" tests/run.py e2e

It takes the demo's options. `websockets` is a chat like the demo, the others echo what is delivered. `uvicorn` is a
FastAPI application, whose heartbeat is uvicorn's own, as ASGI has none: the policy's is put off.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import ssl
import time
import tomllib
from pathlib import Path

import trustme
import wswarden
from wswarden.testing import make_token

HOUR = 3600


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library", choices=["websockets", "uvicorn", "aiohttp"])
    parser.add_argument("--listen", required=True)
    parser.add_argument("--policy", required=True, type=Path)
    parser.add_argument("--ready-file", required=True, type=Path)
    options = parser.parse_args()
    serve = {"websockets": by_websockets, "uvicorn": by_uvicorn, "aiohttp": by_aiohttp}[options.library]
    asyncio.run(serve(options, certificate(options.ready_file.with_name("cert.pem"))))


def certificate(path):
    """A certificate for this machine, and the context to serve with."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return path, context, issued


def ready(options, port, cert):
    """Tells the clients how to reach the server; the file appears whole."""
    jwt = tomllib.loads(options.policy.read_text())["credential"]["jwt"]
    token = make_token(
        jwt["keys"][0]["secret"],
        "demo",
        issuer=jwt["issuer"][0],
        audience=jwt["audience"][0],
        now=time.time(),
        lasts=HOUR,
    )
    about = {"url": f"wss://localhost:{port}/", "cert": str(cert), "token": token}
    new = options.ready_file.with_suffix(".new")
    new.write_text(json.dumps(about))
    new.rename(options.ready_file)


async def until_interrupted(guard, over):
    """Serves until SIGINT, then drains: every connection is closed within the policy's drain time."""
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    await interrupted.wait()
    guard.drain()
    while guard.stats().connections:
        await asyncio.sleep(0.05)
    over()


async def by_websockets(options, identity):
    from websockets.exceptions import ConnectionClosed

    from wswarden.websockets import Guard, serve

    cert, context, _ = identity
    guard = Guard(wswarden.Policy.from_file(options.policy))

    listeners, sending = set(), set()

    async def send(ws, message):
        # Who does not read is closed by the guard; who has left, has left.
        with contextlib.suppress(ConnectionClosed, wswarden.ConnectionClosed):
            await ws.send(message)

    async def chat(ws):
        listeners.add(ws)
        try:
            async for message in ws:
                for listener in listeners:
                    task = asyncio.create_task(send(listener, message))
                    sending.add(task)
                    task.add_done_callback(sending.discard)
        except ConnectionClosed:
            pass
        finally:
            listeners.discard(ws)

    host, port = options.listen.split(":")
    async with serve(chat, host, int(port), guard=guard, ssl=context) as server:
        ready(options, server.sockets[0].getsockname()[1], cert)
        await until_interrupted(guard, lambda: None)


async def by_uvicorn(options, identity):
    import uvicorn
    from fastapi import FastAPI, WebSocket
    from wswarden.asgi import Guard, GuardMiddleware

    cert, _, issued = identity
    document = tomllib.loads(options.policy.read_text())
    pings = document["heartbeat"]
    document["heartbeat"] = {"mode": "message", "interval": "5min", "timeout": "1min"}
    guard = Guard(wswarden.Policy.from_dict(document), waive=["control_frames", "fragments"])
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=guard)

    @app.websocket("/{path:path}")
    async def echo(ws: WebSocket):
        await ws.accept()
        async for text in ws.iter_text():
            await ws.send_text(text)

    pem = cert.with_name("key.pem")
    pem.touch(0o600)
    issued.private_key_and_cert_chain_pem.write_to_path(pem)
    host, port = options.listen.split(":")
    seconds = {
        name: int(pings[name].removesuffix("ms")) / 1000 if pings[name].endswith("ms") else int(pings[name][:-1])
        for name in pings
    }
    config = uvicorn.Config(
        app, host=host, port=int(port), ssl_certfile=pem, log_level="warning", ws_ping_interval=seconds["interval"],
        ws_ping_timeout=seconds["timeout"], **guard.uvicorn_options(),
    )  # fmt: skip
    server = uvicorn.Server(config)
    # Draining is the guard's; uvicorn's own handlers would cut everybody off at once.
    server.capture_signals = no_signals
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    ready(options, server.servers[0].sockets[0].getsockname()[1], cert)

    def over():
        server.should_exit = True

    await until_interrupted(guard, over)
    await serving


class no_signals:
    def __enter__(self):
        pass

    def __exit__(self, *_error):
        pass


async def by_aiohttp(options, identity):
    from aiohttp import web
    from wswarden.aiohttp import Guard

    cert, context, _ = identity
    guard = Guard(wswarden.Policy.from_file(options.policy), waive=["fragments"])

    async def echo(request):
        async with guard.upgrade(request) as ws:
            async for message in ws:
                await ws.send_str(message.data)
        return ws

    app = web.Application()
    app.router.add_get("/{path:.*}", echo)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    host, port = options.listen.split(":")
    site = web.TCPSite(runner, host, int(port), ssl_context=context)
    await site.start()
    ready(options, runner.addresses[0][1], cert)
    await until_interrupted(guard, lambda: None)
    await runner.cleanup()


if __name__ == "__main__":
    os.umask(0o077)
    main()

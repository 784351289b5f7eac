"""An echo server: `echo.py websockets|fastapi bare`, `echo.py websockets|fastapi guarded POLICY`. Prints its port."""

import asyncio
import logging
import sys
import tomllib
from pathlib import Path

logging.disable()


async def websockets(kind, policy=None):
    from websockets.exceptions import ConnectionClosed

    async def echo(ws):
        try:
            async for message in ws:
                await ws.send(message)
        except ConnectionClosed:
            pass

    if kind == "guarded":
        from wswarden import Policy
        from wswarden.websockets import Guard, serve

        serving = serve(echo, "127.0.0.1", 0, guard=Guard(Policy.from_file(policy)))
    else:
        from websockets.asyncio.server import serve

        serving = serve(echo, "127.0.0.1", 0, compression=None)
    async with serving as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


async def fastapi(kind, policy=None):
    import uvicorn
    from fastapi import FastAPI, WebSocket, WebSocketDisconnect

    app, options = FastAPI(), {"ws_per_message_deflate": False}

    @app.websocket("/chat")
    async def echo(ws: WebSocket):
        await ws.accept()
        try:
            while True:
                await ws.send_text(await ws.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass

    if kind == "guarded":
        from wswarden import Policy
        from wswarden.asgi import Guard, GuardMiddleware

        # ASGI has no pings: who says nothing for long is closed.
        rules = tomllib.loads(Path(policy).read_text()) | {"heartbeat": {"mode": "message"}}
        guard = Guard(Policy.from_dict(rules), waive=["control_frames", "fragments"])
        app.add_middleware(GuardMiddleware, guard=guard)
        options = guard.uvicorn_options()

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            print(self.servers[0].sockets[0].getsockname()[1], flush=True)

    await Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, **options)).serve()


asyncio.run({"websockets": websockets, "fastapi": fastapi}[sys.argv[1]](*sys.argv[2:]))

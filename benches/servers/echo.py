"""An echo server with `websockets`: `echo.py bare` or `echo.py guarded`. Prints its port."""

import asyncio
import sys
from pathlib import Path


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def bare():
    from websockets.asyncio.server import serve

    return serve(echo, "127.0.0.1", 0, compression=None)


async def guarded():
    from wswarden import Policy
    from wswarden.websockets import Guard, serve

    guard = Guard(Policy.from_file(Path(__file__).parent / "policy.toml"))
    return serve(echo, "127.0.0.1", 0, guard=guard)


async def main():
    async with await {"bare": bare, "guarded": guarded}[sys.argv[1]]() as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())

"""A guarded chat on `websockets`: JWT_KEY=... python websockets_chat.py"""

import asyncio
import os
from pathlib import Path

from wswarden import Policy
from wswarden.websockets import Guard, serve

guard = Guard(Policy.from_file(Path(__file__).with_name("policy.toml")))


async def chat(ws):
    async for message in guard.messages(ws):
        await ws.send(f"{ws.guarded.identity.subject}: {message['content']}")


async def main():
    async with serve(chat, "127.0.0.1", int(os.environ.get("PORT", "8000")), guard=guard) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

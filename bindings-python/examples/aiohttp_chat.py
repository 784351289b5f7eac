"""A guarded chat on aiohttp: JWT_KEY=... python aiohttp_chat.py"""

import os
from typing import Annotated

import msgspec
from aiohttp import web

from wswarden import Policy
from wswarden.aiohttp import Guard


class Chat(msgspec.Struct, tag_field="type", tag="chat", forbid_unknown_fields=True):
    content: Annotated[str, msgspec.Meta(max_length=5000)]


policy = Policy(
    origin={"allow": ["https://app.example.com"]},
    transport={"trusted_proxies": ["127.0.0.1/32"]},
    credential={
        "jwt": {
            "keys": [{"alg": "HS256", "secret": "env:JWT_KEY"}],
            "issuer": ["https://id.example.com"],
            "audience": ["chat"],
        }
    },
    message={"types": {"chat": {"schema": Chat}}},
)
# aiohttp bounds the bytes of a message, not its fragments: a proxy in front has to.
guard = Guard(policy, waive=["fragments"])


async def chat(request):
    async with guard.upgrade(request) as ws:
        async for message in guard.messages(ws, Chat):
            await ws.send_str(f"{ws.guarded.identity.subject}: {message.content}")
    return ws


app = web.Application()
app.router.add_get("/chat", chat)

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))

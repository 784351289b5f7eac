"""A guarded chat on FastAPI and uvicorn: JWT_KEY=... python fastapi_chat.py"""

import os
from typing import Literal

import uvicorn
from fastapi import FastAPI, WebSocket
from pydantic import BaseModel, ConfigDict, Field

from wswarden import Policy
from wswarden.asgi import Guard, GuardMiddleware


class Chat(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["chat"]
    content: str = Field(max_length=5000)


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
    heartbeat={"mode": "message"},
)
# uvicorn answers pings by itself and joins fragments: a proxy in front has to bound them.
guard = Guard(policy, waive=["control_frames", "fragments"])
app = FastAPI()
app.add_middleware(GuardMiddleware, guard=guard)


@app.websocket("/chat")
async def chat(ws: WebSocket):
    await ws.accept()
    async for message in guard.messages(ws, Chat):
        await ws.send_text(f"{guard.connection(ws).identity.subject}: {message.content}")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")), **guard.uvicorn_options())

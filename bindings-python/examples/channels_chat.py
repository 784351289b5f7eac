"""A guarded chat on Django Channels and daphne: JWT_KEY=... python channels_chat.py"""

import os

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"], INSTALLED_APPS=["channels"], ROOT_URLCONF=__name__, SECRET_KEY=os.urandom(32).hex()
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from daphne.endpoints import build_endpoint_description_strings  # noqa: E402
from daphne.server import Server  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import path  # noqa: E402

from wswarden import Policy  # noqa: E402
from wswarden.asgi import Guard, GuardMiddleware  # noqa: E402

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
    message={
        "types": {
            "chat": {
                "schema": {
                    "type": "object",
                    "required": ["type", "content"],
                    "properties": {"type": {"const": "chat"}, "content": {"type": "string", "maxLength": 5000}},
                    "additionalProperties": False,
                }
            }
        }
    },
    heartbeat={"mode": "message"},
)
# daphne refuses with a plain 403, answers pings by itself and joins fragments.
guard = Guard(policy, waive=["control_frames", "fragments"])


class Chat(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        who = guard.connection(self.scope).identity.subject
        await self.send(f"{who}: {content['content']}")


urlpatterns = []
routes = URLRouter([path("chat", Chat.as_asgi())])
application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": GuardMiddleware(routes, guard=guard)})

if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    Server(application, endpoints=build_endpoint_description_strings(host="127.0.0.1", port=port)).run()

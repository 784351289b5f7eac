"""The messages and schemas of the benchmark, by the same recipe as `benches/corpus/mod.rs`."""

import json
import random

U, U2, U3 = (
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "9b2d7c1e-58aa-4c3f-8e21-7d0a4b6c9f10",
    "7d444840-9dc0-11d1-b245-5ffdce74fad2",
)
WORDS = "the deploy went fine can somebody look at dashboards again before we ship this build to customers".split()


def text(chance, length, plain):
    said, number = "", 0
    while len(said) < length:
        number += 1
        said += chance.choice(WORDS) + " "
        for every, more in (
            () if plain else ((14, "\n"), (23, '"quoted" '), (17, "café naïve "), (41, "日本語 "), (53, "🚀 "))
        ):
            if number % every == 0:
                said += more
    return said[:length]


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def messages():
    """The messages by name."""
    chance = random.Random(7)
    chat = {
        "type": "chat",
        "content": "Hey team, the deploy went fine, can somebody look at dashboards?",
        "channelId": U,
    }
    rich = {
        "type": "chat",
        "id": U2,
        "channelId": U,
        "content": "Release 4.2 is out; please check the attached report and reply here.",
        "mentions": [U2, U, U3],
        "attachments": [
            {
                "url": "https://cdn.example.com/f/9b2d7c1e/report.pdf",
                "mime": "application/pdf",
                "size": 183422,
                "name": "report.pdf",
            },
            {"url": "https://cdn.example.com/f/77ab0012/shot.png", "mime": "image/png", "size": 90211},
        ],
        "meta": {"client": "web", "ts": 1732358400123, "locale": "en-GB"},
    }
    return {
        "S": b'{"type":"ping"}',
        "M": compact(chat),
        "L": compact(chat | {"content": text(chance, 4900, plain=False)}),
        "LA": compact(chat | {"content": text(chance, 4900, plain=True)}),
        "R": compact(rich),
        "I1": compact(chat | {"channelId": "3f2504e0-4f89-41d3-9a0c-0305e82c33zz"}),
    }


UUID = {"type": "string", "format": "uuid"}
NATURAL = {"type": "integer", "minimum": 0}


def closed(properties, required):
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def string(longest, shortest=None):
    return {"type": "string", "maxLength": longest} | ({"minLength": shortest} if shortest else {})


PLAIN = closed({"type": {"enum": ["chat", "typing", "ping"]}, "content": string(5000), "channelId": UUID}, ["type"])
META = closed(
    {"client": {"enum": ["web", "ios", "android", "desktop"]}, "ts": NATURAL, "locale": string(16)}, ["client", "ts"]
)
SIZE = NATURAL | {"maximum": 10**9}
ATTACHMENT = closed(
    {"url": string(2048), "mime": string(127), "size": SIZE, "name": string(255)}, ["url", "mime", "size"]
)


def kind(name, properties, required):
    return closed({"type": {"const": name}} | properties, ["type", *required])


RICH = {
    "type": "object",
    "required": ["type"],
    "oneOf": [
        kind("ping", {"ts": NATURAL}, []),
        kind("typing", {"channelId": UUID, "isTyping": {"type": "boolean"}}, ["channelId", "isTyping"]),
        kind("delete", {"messageId": UUID, "channelId": UUID}, ["messageId"]),
        kind(
            "reaction",
            {"messageId": UUID, "emoji": string(32, 1), "op": {"enum": ["add", "remove"]}},
            ["messageId", "emoji", "op"],
        ),
        kind(
            "chat",
            {
                "id": UUID,
                "channelId": UUID,
                "content": string(5000, 1),
                "mentions": {"type": "array", "items": UUID, "maxItems": 50},
                "attachments": {"type": "array", "items": ATTACHMENT, "maxItems": 10},
                "replyTo": UUID,
                "meta": META,
            },
            ["id", "channelId", "content", "meta"],
        ),
        kind("edit", {"messageId": UUID, "content": string(5000, 1), "meta": META}, ["messageId", "content", "meta"]),
    ],
}

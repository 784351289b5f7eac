"""What the tests share: one policy with everything in it, and a clock that stands still."""

import copy

import pytest

import wswarden
from wswarden.testing import FakeClock, make_token

SECRET = "a secret of the tests, 32 bytes long or more"
ORIGIN = "https://app.example.com"
CHAT = {
    "type": "object",
    "required": ["type", "content"],
    "properties": {"type": {"const": "chat"}, "content": {"type": "string", "maxLength": 5000}},
    "additionalProperties": False,
}
POLICY = {
    "origin": {"allow": [ORIGIN]},
    "credential": {
        "sources": [
            {"kind": "jwt", "in": "header", "name": "authorization"},
            {"kind": "session", "in": "cookie", "name": "sid"},
        ],
        "jwt": {
            "keys": [{"alg": "HS256", "secret": SECRET}],
            "issuer": ["https://id.example.com"],
            "audience": ["chat"],
        },
    },
    "message": {"types": {"chat": {"schema": CHAT}}},
}


def policy(**tables):
    """The policy, with some fields of its tables replaced."""
    document = copy.deepcopy(POLICY)
    for name, table in tables.items():
        document[name] = document.get(name, {}) | table if isinstance(table, dict) else table
    return wswarden.Policy(**document)


def token(subject="ann", **changes):
    """A token the policy takes, unless the changes make it another."""
    return make_token(SECRET, subject, **{"issuer": "https://id.example.com", "audience": "chat"} | changes)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def guard(clock):
    return wswarden.Guard(policy(), host=wswarden.Host.SOCKET, clock=clock, seed=bytes(32))

#!/usr/bin/env python3
"""Prints the tokens that stand in the vectors, a name and a token a line.

    tests/vectors/tokens.py [name ...]

They are signed with a key that everybody may know, and their times are fixed, as the vectors' clock is:
it begins at 1800000000, 2027-01-15T08:00:00Z. The same claims always give the same token.
"""

import base64
import hashlib
import hmac
import json
import sys

KEY = b"a key for the vectors, of 32 bytes or more"
OTHER_KEY = b"a key nobody has told the server about, 2026"
BEGIN = 1_800_000_000
ALICE = {"iss": "https://id.example.com", "aud": "chat", "sub": "alice", "exp": BEGIN + 3600, "jti": "alice-1"}

TOKENS = {
    "alice": ALICE,
    "alice again": ALICE | {"jti": "alice-2", "exp": BEGIN + 7200},
    "alice with iat": ALICE | {"iat": BEGIN, "jti": "alice-3", "sid": "session-1"},
    "alice for a minute": ALICE | {"exp": BEGIN + 60, "jti": "alice-4"},
    "alice may write": ALICE | {"scope": "chat:write chat:read", "jti": "alice-5"},
    "alice of a tenant": ALICE | {"org": "acme", "jti": "alice-6"},
    "bob": ALICE | {"sub": "bob", "jti": "bob-1"},
    "expired": ALICE | {"exp": BEGIN - 31},
    "not yet": ALICE | {"nbf": BEGIN + 31},
    "other audience": ALICE | {"aud": "mail"},
    "other issuer": ALICE | {"iss": "https://evil.example.com"},
    "without exp": {name: value for name, value in ALICE.items() if name != "exp"},
    "without sub": {name: value for name, value in ALICE.items() if name != "sub"},
    "nbf is text": ALICE | {"nbf": "999"},
}


def part(value):
    """One part of a token: base64url without padding."""
    if not isinstance(value, bytes):
        value = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token(claims, header=None, key=KEY):
    """A token with these claims, signed with HS256."""
    signed = part(header or {"alg": "HS256", "typ": "JWT"}) + "." + part(claims)
    return signed + "." + part(hmac.digest(key, signed.encode(), hashlib.sha256))


def tokens():
    """Every token by its name."""
    made = {name: token(claims) for name, claims in TOKENS.items()}
    made["alg none"] = part({"alg": "none"}) + "." + part(ALICE) + "."
    made["alg HS512"] = token(ALICE, {"alg": "HS512", "typ": "JWT"})
    made["crit"] = token(ALICE, {"alg": "HS256", "crit": ["exp"]})
    made["other key"] = token(ALICE, key=OTHER_KEY)
    header, _, signature = made["alice"].split(".")
    made["changed claims"] = ".".join([header, part(ALICE | {"sub": "root"}), signature])
    return made


if __name__ == "__main__":
    for name, text in tokens().items():
        if name in sys.argv[1:] or len(sys.argv) == 1:
            print(f"{name}: {text}")

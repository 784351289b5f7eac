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

# RFC 8032's Ed25519 in the plainest form: the private key is the number 7, again and again.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SECRET_BYTES = bytes([7] * 32)

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
    "alice of Keycloak": ALICE
    | {"realm_access": {"roles": ["editor"]}, "resource_access": {"chat/web": {"roles": ["chat:read"]}}, "a.b": "c"},
    "alice with a list in the way": ALICE | {"realm_access": [{"roles": ["editor"]}]},
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


def add(a, b):
    """The sum of two points of the curve."""
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def times(number):
    """The base point that many times, in bytes."""
    y = 4 * pow(5, -1, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    point, total = (x if x % 2 == 0 else P - x, y), (0, 1)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return (total[1] | (total[0] & 1) << 255).to_bytes(32, "little")


def ed25519(secret):
    """The public key, and what signs, of a private key."""
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254
    public = times(scalar)

    def number(*parts):
        return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER

    def sign(message):
        nonce = number(digest[32:], message)
        point = times(nonce)
        return point + ((nonce + number(point, public, message) * scalar) % ORDER).to_bytes(32, "little")

    return public, sign


def published(secret, kid):
    """A published key: its JWK, and a token of alice's that it signed."""
    public, sign = ed25519(secret)
    signed = part({"alg": "EdDSA", "kid": kid}) + "." + part(ALICE)
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": part(public)}
    return jwk, signed + "." + part(sign(signed.encode()))


def tokens():
    """Every token by its name."""
    made = {name: token(claims) for name, claims in TOKENS.items()}
    made["alg none"] = part({"alg": "none"}) + "." + part(ALICE) + "."
    made["alg HS512"] = token(ALICE, {"alg": "HS512", "typ": "JWT"})
    made["crit"] = token(ALICE, {"alg": "HS256", "crit": ["exp"]})
    made["other key"] = token(ALICE, key=OTHER_KEY)
    header, _, signature = made["alice"].split(".")
    for kid, secret in [("2026", SECRET_BYTES), ("2027", SECRET_BYTES[::-1][1:] + b"\x08")]:
        jwk, made[f"EdDSA {kid}"] = published(secret, kid)
        made[f"jwk {kid}"] = json.dumps(jwk)
    made["changed claims"] = ".".join([header, part(ALICE | {"sub": "root"}), signature])
    return made


if __name__ == "__main__":
    for name, text in tokens().items():
        if name in sys.argv[1:] or len(sys.argv) == 1:
            print(f"{name}: {text}")

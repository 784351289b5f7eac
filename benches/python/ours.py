"""Ours alone, without the peers: `ours.py --count receive M 500` judges M so often, for callgrind (see benches/profile)."""

import sys
import time

import corpus

import wswarden
from wswarden.testing import make_token, upgrade_headers

SECRET = "a secret of the bench, of 32 bytes or more"
MUCH = "100000000/s"


def session(schema, **more):
    """A session of a user under a policy in which every limit is kept and none is reached."""
    policy = wswarden.Policy(
        origin={"allow": ["https://app.example.com"]},
        credential={"jwt": {"keys": [{"alg": "HS256", "secret": SECRET}], "issuer": ["i"], "audience": ["a"]}},
        message={"schema": schema},
        rate={
            "connection": {"messages": MUCH, "bytes": "900MiB/s"},
            "user": {"messages": MUCH},
            "address": {"messages": MUCH, "handshakes": MUCH, "failures": MUCH},
        },
        **more,
    )
    guard = wswarden.Guard(policy, host=wswarden.Host.SOCKET)
    token = make_token(SECRET, "ann", issuer="i", audience="a", now=time.time(), lasts=3600)
    return guard.screen("/", upgrade_headers(token=token), remote="198.51.100.7", tls=True).admit()


def count(how, message, turns):
    call, data = getattr(session(corpus.PLAIN), how), corpus.messages()[message]
    for _ in range(int(turns)):
        call(data)


if __name__ == "__main__":
    count(*sys.argv[2:])

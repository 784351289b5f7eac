"""Starts the server under test, tells the clients how to reach it, and sees that it drains.

The server is `wswarden demo --listen 127.0.0.1:0 --policy tests/e2e/policy.toml --ready-file FILE`, or the
command in WSW_SERVER with the same three options: so another binding's server can stand in its place.
The ready file is JSON with at least `url`, `cert` (a path) and `token`; it appears whole, by a rename.
What it leaves out is read from the policy. Together they make the description in the file that WSW_E2E names.

    {"url": "wss://localhost:44321/", "cert": "/.../cert.pem", "token": "eyJ...",
     "secret": "...", "issuer": "...", "audience": "...", "origin": "https://app.example.com", "leeway_ms": 1000,
     "heartbeat": {"interval_ms": 1000, "timeout_ms": 500},
     "deadline": {"head_ms": 2000, "close_ms": 1000, "drain_ms": 3000},
     "limits": {"max_bytes": 32768, "max_fragments": 16, "errors": 3, "per_user": 3, "per_address": 12,
                "ban_after": 3, "ban_ms": 2000,
                "connection_messages": {"limit": 10, "per_ms": 1000, "burst": 10}, "connection_bytes": {...},
                "connection_control": {...}, "user_messages": {...}, "address_messages": {...},
                "address_handshakes": {...}, "address_failures": {...}}}

Only the standard library is used.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POLICY = HERE / "policy.toml"
START_TIMEOUT = 30

MILLISECONDS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}
BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}


def _unit(text, units):
    number, unit = re.fullmatch(r"(\d+)([A-Za-z]+)", text).groups()
    return int(number) * units[unit]


def _quota(quota):
    return {"limit": quota["limit"], "per_ms": _unit(quota["per"], MILLISECONDS), "burst": quota["burst"]}


def describe(policy=POLICY):
    """What clients must know of the policy."""
    document = tomllib.loads(Path(policy).read_text())
    jwt = document["credential"]["jwt"]
    rate, cap, message = document["rate"], document["cap"], document["message"]
    quotas = {f"{who}_{what}": _quota(quota) for who in ("connection", "user", "address") for what, quota in rate[who].items()}
    return {
        "secret": jwt["keys"][0]["secret"],
        "issuer": jwt["issuer"][0],
        "audience": jwt["audience"][0],
        "leeway_ms": _unit(jwt["leeway"], MILLISECONDS),
        "origin": document["origin"]["allow"][0],
        "heartbeat": {f"{name}_ms": _unit(document["heartbeat"][name], MILLISECONDS) for name in ("interval", "timeout")},
        "deadline": {
            "head_ms": _unit(document["transport"]["head_timeout"], MILLISECONDS),
            "close_ms": _unit(document["deadline"]["close"], MILLISECONDS),
            "drain_ms": _unit(document["deadline"]["drain"], MILLISECONDS),
        },
        "limits": {
            "max_bytes": _unit(message["max_bytes"], BYTES),
            "max_fragments": message["max_fragments"],
            "errors": message["errors"]["limit"],
            "per_user": cap["per_user"],
            "per_address": cap["per_address"],
            "ban_after": rate["ban"]["after"],
            "ban_ms": _unit(rate["ban"]["for"], MILLISECONDS),
            **quotas,
        },
    }


def attack_target(about):
    """The same description as the attack program reads it."""
    limits = {name: value for name, value in about["limits"].items() if name not in ("max_bytes", "max_fragments", "ban_ms")}
    target = {
        "url": about["url"],
        "ca": about["cert"],
        "origin": about["origin"],
        "hosts_checked": True,
        # One port only, which speaks TLS; and a token has three places, of which the subprotocol is none.
        "skip": [
            "transport.plain-port*",
            "control.subprotocol",
            "control.first-message",
            "credential.header-not-allowed",
            "credential.query-not-allowed",
            "credential.cookie-not-allowed",
            "credential.any-message-stops-the-clock",
            "credential.long-first-message",
            "credential.ping-stops-the-clock",
        ],
        "token": {
            "places": [{"in": "header"}, {"in": "query", "name": "token"}, {"in": "cookie", "name": "session"}],
            "secret": about["secret"],
            "issuer": about["issuer"],
            "audience": about["audience"],
            "leeway_ms": about["leeway_ms"],
        },
        "message": {
            "valid": ['{"type":"chat","content":"$MARK"}', '{"type":"typing"}', '{"type":"ping"}'],
            "invalid": [
                '{"type":"chat","content":"$MARK","channelId":"not-a-uuid"}',
                '{"type":"chat","content":["$MARK"]}',
                '{"type":"typing","content":"$MARK"}',
                '{"type":["chat"],"content":"$MARK"}',
            ],
            "echo": True,
            "long": {"field": "content", "max": 5000},
            "max_bytes": about["limits"]["max_bytes"],
            "max_fragments": about["limits"]["max_fragments"],
        },
        "heartbeat": about["heartbeat"],
        "deadline": {"head_ms": about["deadline"]["head_ms"], "close_ms": about["deadline"]["close_ms"]},
        "limits": limits,
    }
    return "\n".join(f"{key} = {_toml(value)}" for key, value in target.items()) + "\n"


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value)  # the strings, numbers and booleans of JSON are TOML


class Server:
    """The server under test, for the length of a `with` block."""

    def __init__(self, folder, binary=ROOT / "target" / "debug" / "wswarden"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        command = os.environ.get("WSW_SERVER")
        self.command = shlex.split(command) if command else [str(binary), "demo"]

    def __enter__(self):
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [*self.command, "--listen", "127.0.0.1:0", "--policy", str(POLICY), "--ready-file", str(ready)]
        self.log = (self.folder / "server.log").open("w")
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_TIMEOUT
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"the server did not start:\n{self.output()}")
            time.sleep(0.05)
        self.about = describe() | json.loads(ready.read_text())
        self.e2e = self.folder / "e2e.json"
        self.e2e.write_text(json.dumps(self.about, indent=1))
        self.target = self.folder / "target.toml"
        self.target.write_text(attack_target(self.about))
        return self

    def drain(self):
        """Sends SIGINT; the exit code, or None when the server is still there after its drain time."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(self.about["deadline"]["drain_ms"] / 1000 + 5)
        except subprocess.TimeoutExpired:
            return None

    def output(self):
        """What the server has printed."""
        return (self.folder / "server.log").read_text(errors="replace")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()

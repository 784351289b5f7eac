"""Which versions are measured, and on what machine: asked when it is measured, and written with the data."""

import json
import os
import platform
import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What Cargo.lock says of each part of the data.
CRATES = {
    "core": ["governor", "tokio-util", "tokio", "jsonwebtoken", "aws-lc-rs", "criterion"],
    "messages": ["serde_json", "jsonschema", "serde"],
    "servers": ["async-tungstenite", "tungstenite", "tokio", "smol"],
    "profiles": ["async-tungstenite", "tungstenite", "tokio", "smol"],
}


def of(part):
    """The versions of what a part of the data measures, but for those that its program writes itself."""
    found = {"commit": commit(), "rustc": said("rustc", "--version")}
    peers = crates(CRATES.get(part, []))
    if part == "c":
        found["gcc"] = said("gcc", "-dumpfullversion")
        peers |= {"yyjson": yyjson(), "simdjson": said("dpkg-query", "-W", "-f", "${Version}", "libsimdjson-dev")}
    if part in ("servers", "profiles"):
        found |= {"node": said("node", "--version"), "python": platform.python_version()}
        peers |= {"ws": npm(ROOT / "target" / "bench-servers", "ws")}
        peers |= {name: installed(name) for name in ("websockets", "fastapi", "starlette", "uvicorn")}
    if peers:
        found["versions"] = ", ".join(f"{name} {number or 'unknown'}" for name, number in peers.items())
    return {key: value for key, value in found.items() if value}


def crates(names):
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {name: " and ".join(one["version"] for one in locked if one["name"] == name) for name in names}


def installed(name):
    """A package's version in this Python."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def npm(folder, name):
    path = folder / "node_modules" / name / "package.json"
    return json.loads(path.read_text())["version"] if path.exists() else ""


def yyjson():
    """As its source says, which a Python package brings."""
    for path in (ROOT / "target" / "ffi" / "bench").glob("yyjson-*/yyjson/yyjson.h"):
        found = re.search(r'YYJSON_VERSION_STRING\s+"([^"]+)"', path.read_text())
        if found:
            return found[1]
    return ""


def commit():
    changed = said("git", "status", "--porcelain", "--untracked-files=no", "--", ":!benches/data", ":!README.md")
    return said("git", "rev-parse", "--short", "HEAD") + (", and changes" if changed else "")


def machine():
    """Processors, their maker's numbers and the kernel: a model's name alone may be that of its family only."""
    path = Path("/proc/cpuinfo")
    lines = [line.split(":", 1) for line in path.read_text().splitlines() if ":" in line] if path.exists() else []
    facts = {key.strip(): value.strip() for key, value in lines}
    if "model name" not in facts:
        return f"{os.cpu_count()} cores, {platform.platform()}"
    numbers = " ".join(f"{name} {facts[key]}" for name, key in (("family", "cpu family"), ("model", "model"), ("stepping", "stepping")) if key in facts)
    cores = sum(key.strip() == "processor" for key, _ in lines)
    return f"{cores} cores of {facts['model name']} ({numbers}, {facts.get('cache size', 'cache unknown')} of cache each), {platform.system()} {platform.release().partition('-')[0]}"


def said(*command):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""

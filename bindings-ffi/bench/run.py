#!/usr/bin/env python3
"""Measures a message judged through the C ABI, by its schema alone and on a session with all limits, beside yyjson and
simdjson parsing alone.

    bindings-ffi/bench/run.py

It writes benches/data/c.tsv. It wants Debian's libsimdjson-dev, and pip, which brings yyjson's C source.

What is measured is the library that ships. Only what the border adds to the core, and the core alone, are of one with
the feature `testing`, which has a folder of its own: target/release never holds it. QUICK=1 takes what is built.
"""

import json
import os
import random
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "target" / "ffi" / "bench"
README = HERE.parent / "README.md"
U, U2 = "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "9b2d7c1e-58aa-4c3f-8e21-7d0a4b6c9f10"


def text(chance, length, plain):
    """Words of a chat; with escapes and letters of many scripts unless plain."""
    words = "the deploy went fine can somebody look at dashboards again before we ship this build to customers".split()
    made, number = "", 0
    while len(made) < length:
        number += 1
        made += chance.choice(words) + " "
        for every, more in () if plain else ((14, "\n"), (23, '"quoted" '), (17, "café naïve "), (41, "日本語 "), (53, "🚀 ")):
            made += more if number % every == 0 else ""
    return made[:length]


def messages():
    """The messages of benches/benches/corpus, by the same recipe."""
    chance = random.Random(7)
    chat = {"type": "chat", "content": "Hey team, the deploy went fine, can somebody look at dashboards?", "channelId": U}
    yield "S", {"type": "ping"}
    yield "M", chat
    yield "L", chat | {"content": text(chance, 4900, False)}
    yield "LA", chat | {"content": text(chance, 4900, True)}
    files = "https://cdn.example.com/f"
    yield "R", {
        "type": "chat", "id": U2, "channelId": U,
        "content": "Release 4.2 is out; please check the attached report and reply here.",
        "mentions": [U2, U, "7d444840-9dc0-11d1-b245-5ffdce74fad2"],
        "attachments": [
            {"url": f"{files}/9b2d7c1e/report.pdf", "mime": "application/pdf", "size": 183422, "name": "report.pdf"},
            {"url": f"{files}/77ab0012/shot.png", "mime": "image/png", "size": 90211},
        ],
        "meta": {"client": "web", "ts": 1732358400123, "locale": "en-GB"},
    }


def closed(properties, required):
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def string(most, least=0):
    return {"type": "string", "maxLength": most, "minLength": least}


def schemas():
    """The schema of all but R, and R's: a union of eight."""
    uuid, natural = {"type": "string", "format": "uuid"}, {"type": "integer", "minimum": 0}
    yield "seed", closed({"type": {"enum": ["chat", "typing", "ping"]}, "content": string(5000), "channelId": uuid}, ["type"])
    meta = closed({"client": {"enum": ["web", "ios", "android", "desktop"]}, "ts": natural, "locale": string(16)}, ["client", "ts"])
    attachment = closed({"url": string(2048), "mime": string(127), "size": natural | {"maximum": 10**9}, "name": string(255)},
                        ["url", "mime", "size"])
    channel = closed({"id": uuid, "since": natural, "filters": {"type": "array", "items": {"enum": ["mentions", "all", "threads"]}}}, ["id"])
    screen = {"type": "array", "items": natural, "minItems": 2, "maxItems": 2}
    kinds = {
        "ping": ({"ts": natural}, []),
        "typing": ({"channelId": uuid, "isTyping": {"type": "boolean"}}, ["channelId", "isTyping"]),
        "delete": ({"messageId": uuid, "channelId": uuid}, ["messageId"]),
        "reaction": ({"messageId": uuid, "emoji": string(32, 1), "op": {"enum": ["add", "remove"]}}, ["messageId", "emoji", "op"]),
        "chat": ({"id": uuid, "channelId": uuid, "content": string(5000, 1), "replyTo": uuid, "meta": meta,
                  "mentions": {"type": "array", "items": uuid, "maxItems": 50},
                  "attachments": {"type": "array", "items": attachment, "maxItems": 10}}, ["id", "channelId", "content", "meta"]),
        "edit": ({"messageId": uuid, "content": string(5000, 1), "meta": meta}, ["messageId", "content", "meta"]),
        "presence": ({"status": {"enum": ["online", "away", "busy", "offline"]},
                      "device": closed({"os": string(32), "version": string(32), "screen": screen}, ["os"])}, ["status"]),
        "subscribe": ({"channels": {"type": "array", "maxItems": 100, "items": channel}}, ["channels"]),
    }
    union = [closed({"type": {"const": kind}, **properties}, ["type", *required]) for kind, (properties, required) in kinds.items()]
    yield "rich", {"type": "object", "required": ["type"], "discriminator": {"propertyName": "type"}, "oneOf": union}


def policy(schema):
    """Everything is on, and no limit is reached."""
    much = {"limit": 10**9, "per": "1s", "burst": 10**9}
    return {
        "origin": {"allow": ["https://app.example.com"]},
        "credential": {"anonymous": True},
        "message": {"schema": schema},
        "rate": {"connection": {"messages": much, "bytes": much},
                 "user": {"messages": much}, "address": {"messages": much}},
    }


def yyjson():
    """The folder of yyjson's C source, as its Python package brings it."""
    folder = OUT / "yyjson-4.0.6" / "yyjson"
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", OUT,
                        "yyjson==4.0.6"], check=True)
        with tarfile.open(OUT / "yyjson-4.0.6.tar.gz") as archive:
            archive.extractall(OUT, filter="data")
    return folder


# What only the library for tests can say.
OF_TESTING = ("wswarden, call overhead", "the core in Rust")


def built(name, target, *features):
    """A folder with the library as programs look for it; none where it is not there, and nothing is to be built."""
    library, folder = target / "release" / "libwswarden.so", OUT / name
    if not (os.environ.get("QUICK") and (library.exists() or features)):
        subprocess.run(["cargo", "build", "--locked", "--release", "-p", "wswarden-ffi", "--target-dir", target, *features],
                       cwd=ROOT, check=True)
    if not library.exists():
        return None
    symbols = subprocess.run(["nm", "-D", library], capture_output=True, text=True, check=True).stdout
    if ("wsw_testing_" in symbols) != bool(features):
        raise ValueError(f"{library} was built with other features")
    folder.mkdir(exist_ok=True)
    for link in ("libwswarden.so", "libwswarden.so.0.1"):
        (folder / link).unlink(missing_ok=True)
        (folder / link).symlink_to(library)
    return folder


def measured(source, folder):
    """The rows that the bench gives with the library of a folder."""
    print(f"the library in {folder.name}", flush=True)
    program = folder / "bench"
    subprocess.run(["g++", "-std=c++17", "-O3", "-I", ROOT / "bindings-ffi" / "include", "-I", source, HERE / "bench.cpp",
                    OUT / "yyjson.o", "-o", program, "-L", folder, "-lwswarden", "-lsimdjson", f"-Wl,-rpath,{folder}"],
                   check=True)
    subprocess.run([program, OUT], check=True)
    return [line.split("\t") for line in (OUT / "data.tsv").read_text().splitlines()]


def with_figures(line, rows):
    """A line of the README; one of its table of figures with those of the rows."""
    cells = line.strip("| \n").split(" | ")
    medians = [f"{round(float(row[3])):,}" for row in rows if row[1] == cells[0].split(",")[0] and row[2] not in OF_TESTING]
    return f"| {' | '.join([*cells[:2], *medians])} |\n" if line.startswith("| ") and medians else line


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, message in messages():
        (OUT / f"{name}.json").write_text(json.dumps(message, separators=(",", ":"), ensure_ascii=False))
    for name, schema in schemas():
        (OUT / f"{name}.policy.json").write_text(json.dumps(policy(schema)))
        (OUT / f"{name}.schema.json").write_text(json.dumps(schema))
    source = yyjson()
    subprocess.run(["gcc", "-O3", "-c", source / "yyjson.c", "-o", OUT / "yyjson.o"], check=True)
    rows = measured(source, built("shipped", ROOT / "target"))
    testing = built("testing", OUT / "cargo", "--features", "testing")
    if testing is not None:
        rows += [row for row in measured(source, testing) if row[2] in OF_TESTING]
    cases = [name for name, _ in messages()]
    rows.sort(key=lambda row: cases.index(row[1]))
    sys.path.insert(0, str(ROOT / "benches"))
    import report

    report.write("c", rows)
    if not os.environ.get("QUICK"):
        README.write_text("".join(with_figures(line, rows) for line in README.read_text().splitlines(keepends=True)))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Runs the benches part by part, each with what it needs, and makes the report: `make bench`.

    benches/run.py [core] [million] [messages] [python] [node] [c] [servers]       all by default

Each part writes its own file of benches/data when it has come to its end: a part that fails is told, and leaves the
others' data and its own last ones alone. Everything is installed below target/ and benches/node. QUICK=1 shows in a few
minutes that every program runs, with figures that mean nothing: they go to target/bench-quick.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = ROOT / "target"
QUICK = bool(os.environ.get("QUICK"))
DATA = report.DATA
PYTHON = TARGET / "python-bench" / "bin" / "python"
# What criterion drives, and in how many rounds of all of them: those that fill a registry with a million take longer.
CRITERION = {"origin": 3, "handshake": 3, "credential": 3, "registry": 3, "session": 1}
FAST = ["--bench", "--noplot", "--warm-up-time", "0.05", "--measurement-time", "0.3", "--sample-size", "10",
        "--nresamples", "1000"]


def main(chosen):
    parts = {"core": core, "million": million, "messages": messages, "python": python, "node": node, "c": c,
             "servers": servers}
    for name in chosen:
        if name not in parts:
            sys.exit(f"{name}: none of {', '.join(parts)}")
    DATA.mkdir(parents=True, exist_ok=True)
    table = []
    for name in chosen or parts:
        print(f"\n=== {name}", flush=True)
        began = time.monotonic()
        try:
            parts[name]()
            fate = "done"
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            fate = f"FAILED: {error}"
            print(fate, flush=True)
        table.append((name, time.monotonic() - began, fate))
    began = time.monotonic()
    missing = report.made()
    print("".join(f"{line}\n" for line in missing))
    table.append(("report", time.monotonic() - began, f"{len(missing)} not measured" if missing else "done"))
    for name, seconds, fate in table:
        print(f"{name:<10}{seconds:8.0f} s  {fate[:200]}")
    failed = sum(fate != "done" for *_, fate in table)
    print(f"\n{len(table) - failed} passed, {failed} failed", flush=True)
    sys.exit(bool(failed))


def core():
    """Limits, wheel, handshakes, tokens, sessions: rows in turns, and criterion's benches in rounds."""
    programs = built("limits", *CRITERION)
    rows = printed([programs["limits"], *(["--test"] if QUICK else [])])
    if QUICK:
        for name in CRITERION:
            rows += printed([programs[name], "--test"], silent=True)
        return report.write("core", rows)
    samples = {}
    for turn in range(max(CRITERION.values())):
        for name, turns in CRITERION.items():
            if turn >= turns:
                continue
            home = TARGET / "bench" / "criterion"
            shutil.rmtree(home, ignore_errors=True)
            said = printed([programs[name], *FAST], {"CRITERION_HOME": str(home)}, silent=True)
            rows += said if turn == 0 else []
            for key, times in criterion(home):
                samples.setdefault(key, []).extend(times)
        print(f"criterion's benches, round {turn + 1}", flush=True)
    for (group, case, subject), times in samples.items():
        rows.append([group, case, subject, *(f"{value:.2f}" for value in report.spread(times)), "ns"])
    report.write("core", rows)


def criterion(home):
    """The samples that criterion has left: the names of a bench, and nanoseconds a call."""
    for path in sorted(home.glob("**/new/sample.json")):
        names = json.loads((path.parent / "benchmark.json").read_text())
        sample = json.loads(path.read_text())
        key = (names["group_id"], names["value_str"] or "", names["function_id"] or "")
        yield key, [took / calls for took, calls in zip(sample["times"], sample["iters"], strict=True)]


def million():
    """A million sessions in one registry: what they weigh, and how long the event loop stands still."""
    program = built("million")["million"]
    numbers = ["20000", "2", "1"] if QUICK else ["1000000", "3", "3"]
    text = ran([program, *numbers])
    rows = []
    for what in ("an idle session, with all that is kept for it", "left when all have gone"):
        found = [float(number) for number in re.findall(rf"^{what}: (\d+) bytes", text, re.MULTILINE)]
        rows.append(["million", numbers[0], what, *[f"{found[0]:.2f}"] * 3, "bytes"])
    pattern = r"^(.{44})\s+\d+ times: median\s+([\d.]+) us, 99.9 %\s+([\d.]+) us, longest\s+([\d.]+) us"
    # What was printed last of each kind: the shortest time of each call in all lives.
    longest = {what.strip(): most for what, _, _, most in re.findall(pattern, text, re.MULTILINE)}
    rows += [["million", numbers[0], f"{what}, the longest", *[most] * 3, "us"] for what, most in longest.items()]
    if len(rows) < 3:
        raise ValueError("it printed no table")
    report.write("million", rows)


def messages():
    """The corpus through the message machine and its peers, in turns."""
    program = built("validation")["validation"]
    report.write("messages", printed([program, "--data"], {"ROUNDS": "3" if QUICK else "61"}))


def python():
    """The wheel beside its peers, in an environment of its own."""
    environment()
    kept("python", [PYTHON, HERE / "python" / "bench.py"])


def node():
    """The addon beside its peers."""
    package()
    kept("node", ["node", HERE / "node" / "bench.mjs"])


def kept(name, command):
    """Runs a program that writes its own rows and versions, and adds when and where."""
    path = TARGET / "bench" / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    ran([*command, path])
    lines = path.read_text().splitlines()
    notes = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    rows = [line.split("\t") for line in lines if not line.startswith("# ")]
    report.write(name, rows[1:], **notes)


def c():
    """The C interface beside yyjson and simdjson."""
    if subprocess.run(["dpkg", "-s", "libsimdjson-dev"], capture_output=True).returncode != 0:
        ran(["apt-get", "update", "-qq"])
        ran(["apt-get", "install", "-y", "-qq", "libsimdjson-dev"])
    ran([sys.executable, ROOT / "bindings-ffi" / "bench" / "run.py"])


def servers():
    """Whole echo servers: their programs, the wheel and the package have to be there."""
    environment()
    package()
    packed = {path.name for path in (TARGET / "node").glob("*.tgz")}
    if not packed or not QUICK:
        ran(["node", "scripts/pack.mjs"], cwd=ROOT / "bindings-node")
    folder = TARGET / "bench-servers"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "servers", folder)
    (folder / "package.json").write_text('{ "private": true, "type": "module" }\n')
    packages = ["ws@8.23.0", *map(str, (TARGET / "node").glob("*.tgz"))]
    ran(["npm", "install", "--silent", "--no-save", "--no-audit", "--no-fund", *packages], cwd=folder)
    ran([PYTHON, HERE / "servers.py"])


done = set()


def once(make):
    """What several parts need is made once."""

    def wrapper():
        if make not in done:
            make()
            done.add(make)

    return wrapper


@once
def environment():
    """target/python-bench: the wheel and what it is compared with."""
    wheels = sorted((TARGET / "wheels").glob("wswarden-*-abi3-manylinux*.whl"))
    if not (QUICK and wheels):
        path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        ran(["maturin", "build", "--release", "--locked", "--out", TARGET / "wheels"], {"PATH": path},
            cwd=ROOT / "bindings-python")
        wheels = sorted((TARGET / "wheels").glob("wswarden-*-abi3-manylinux*.whl"))
    if not PYTHON.exists():
        ran([sys.executable, "-m", "venv", PYTHON.parent.parent])
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    ran([*pip, "-r", HERE / "python" / "requirements.txt"])
    ran([*pip, "--force-reinstall", "--no-deps", wheels[-1]])


@once
def package():
    """bindings-node/dist and its addon, and the peers that benches/node brings."""
    modules = HERE / "node" / "node_modules"
    if not (modules / "jose").exists():
        ran(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=HERE / "node")
    folder = ROOT / "bindings-node"
    if QUICK and (folder / "dist").exists() and list(folder.glob("*.node")):
        return
    ran(["cargo", "build", "--locked", "--release", "-p", "wswarden-node", "-p", "wswarden-cli"])
    ran(["node", "scripts/build.mjs", "--release", "--built"], cwd=folder)


def built(*names):
    """The programs of benches, by name. In a hurry they are what the tests are built of."""
    what = ["--profile", "dev", "--workspace"] if QUICK else ["-p", "wswarden-benches"]
    command = ["cargo", "bench", "--locked", "--no-run", *what]
    for name in names:
        command += ["--bench", name]
    said = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    if said.returncode != 0:
        raise ValueError(said.stderr[-3000:])
    found = re.findall(r"Executable benches/(\w+)\S*\.rs \((.*)\)", said.stderr)
    return {name: ROOT / path for name, path in found}


def printed(command, env=None, silent=False):
    """The rows of data that a program prints."""
    fields = len(report.FIELDS)
    return [line.split("\t") for line in ran(command, env, silent=silent).splitlines() if line.count("\t") == fields - 1]


def ran(command, env=None, cwd=ROOT, silent=False):
    """Runs a program and shows what it prints; gives that. One that fails, or hangs, ends the part."""
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, env=os.environ | (env or {}), stdout=subprocess.PIPE, text=True)
    try:
        text, _ = process.communicate(timeout=1200)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    if not silent or process.returncode != 0:
        print("".join(f"  {line[:200]}\n" for line in text.splitlines()), end="")
    name = f"{Path(str(command[0])).name} {' '.join(Path(str(one)).name for one in command[1:3])}"
    print(f"  ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    if process.returncode != 0:
        raise ValueError(f"{name} ended with {process.returncode}")
    return text


if __name__ == "__main__":
    main(sys.argv[1:])

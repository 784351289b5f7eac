#!/usr/bin/env python3
"""Whole echo servers, bare and guarded in turns, under one load generator: benches/data/servers.tsv.

    benches/servers.py [rust] [node] [python]       all by default; ROUNDS=5 SECONDS=3 CONNECTIONS=50

The wheel must be installed in this Python, and the package in target/bench-servers (`make bench-servers` sees to both).
"""

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROUNDS, SECONDS, CONNECTIONS = (int(os.environ.get(name, default)) for name, default in
                                (("ROUNDS", "5"), ("SECONDS", "3"), ("CONNECTIONS", "50")))
TICKS = os.sysconf("SC_CLK_TCK")


def main(languages):
    echo, load = built("echo"), built("load")
    servers = {
        "rust": {"bare": [echo, "bare"], "guarded": [echo, "guarded", HERE / "servers" / "policy.toml"]},
        "node": {kind: ["node", ROOT / "target" / "bench-servers" / "echo.mjs", kind] for kind in ("bare", "guarded")},
        "python": {kind: [sys.executable, HERE / "servers" / "echo.py", kind] for kind in ("bare", "guarded")},
    }
    rows = []
    for language in languages or servers:
        rounds = {kind: [] for kind in servers[language]}
        for _ in range(ROUNDS):
            for kind, command in servers[language].items():
                rounds[kind].append(measured(command, load))
        for place, (group, unit) in enumerate([("echo, messages", "1/s"), ("echo, p50", "us"), ("echo, p99", "us"),
                                               ("echo, p99.9", "us"), ("echo, CPU a message", "us"),
                                               ("echo, memory a connection", "bytes")]):
            for kind, values in rounds.items():
                low, median, high = statistics.quantiles((value[place] for value in values), n=4)
                rows.append([group, language, kind, f"{median:.2f}", f"{low:.2f}", f"{high:.2f}", unit])
        bare, guarded = (statistics.median(value[0] for value in rounds[kind]) for kind in ("bare", "guarded"))
        print(f"{language}: {bare:.0f} messages/s bare, {guarded:.0f} guarded: {guarded / bare:.1%}", flush=True)
    report.write("servers", rows, connections=CONNECTIONS, seconds=SECONDS, rounds=ROUNDS)


def built(bench):
    """A bench's program."""
    command = ["cargo", "bench", "--locked", "--no-run", "-p", "wswarden-benches", "--bench", bench]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    return ROOT / re.search(r"Executable .*\((.*)\)", said)[1]


def measured(command, load):
    """One round with one server: what the load generator says, CPU time a message and memory a connection."""
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        idle = resident(server.pid)
        cpu = used(server.pid)
        said = subprocess.run([load, port, str(CONNECTIONS), str(SECONDS)], capture_output=True, text=True, check=True)
        rate, *waits = map(float, said.stdout.split())
        cpu = used(server.pid) - cpu
        messages = rate * (SECONDS + 0.5)  # the warm-up's count, too
        return [rate, *waits, cpu / messages * 1e6, max(resident(server.pid) - idle, 0) / CONNECTIONS]
    finally:
        server.kill()
        server.wait()


def used(pid):
    """A process's CPU time in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(sys.argv[1:])

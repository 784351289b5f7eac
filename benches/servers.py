#!/usr/bin/env python3
"""Whole echo servers, bare and guarded in turns, under one load generator: benches/data/servers.tsv.

    benches/servers.py [rust-smol] [rust-tokio] [node-ws] [python-websockets] [python-fastapi]

All by default; ROUNDS=7 SECONDS=1 CONNECTIONS=50 FLOODS=5. The server has one core for itself, the generator the other:
on one core a server that is half as fast would look like a generator that is. The price of the guard is the throughput
that is left, and the server's CPU time a message; its worth is what an honest client waits while attackers flood, from
their first packet on. All together take less than six minutes.

The wheel must be installed in this Python, and the package in target/bench-servers (`make bench` sees to both).
"""

import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
QUICK = bool(os.environ.get("QUICK"))
ROUNDS, SECONDS, CONNECTIONS = (
    int(os.environ.get(name, default))
    for name, default in (("ROUNDS", "2" if QUICK else "7"), ("SECONDS", "1"), ("CONNECTIONS", "50"))
)
FLOODS, FLOODED = int(os.environ.get("FLOODS", "1" if QUICK else "5")), 1 if QUICK else 2
HONEST, ATTACKERS, IDLE = 20, 16, 400
# Before this much time the generator counts nothing: benches/echo/load.rs.
WARM_UP = 0.3
CORES = sorted(os.sched_getaffinity(0))
ECHO, FLOOD = HERE / "servers" / "policy.toml", HERE / "servers" / "flood.toml"


def main(chosen):
    echo = built("echo")
    load = [echo, "load"]
    python, node = [sys.executable, HERE / "servers" / "echo.py"], ["node", ROOT / "target" / "bench-servers" / "echo.mjs"]
    programs = {
        "rust-smol": [echo, "smol"],
        "rust-tokio": [echo, "tokio"],
        "node-ws": node,
        "python-websockets": [*python, "websockets"],
        "python-fastapi": [*python, "fastapi"],
    }
    rows, told, failed = [], {}, []
    for name in chosen or programs:
        try:
            rows += price(name, programs[name], load)
            rows += memory(name, programs[name], load)
            rows += worth(name, programs[name], load, told)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            print(f"{name}: {error}", flush=True)
            failed.append(name)
    close = tomllib.loads(FLOOD.read_text())["deadline"]["close"]
    notes = {"connections": CONNECTIONS, "seconds": SECONDS, "rounds": ROUNDS}
    flood = {"floods": f"{FLOODS} of each, a new server for each, {FLOODED} s from the first packet", "attackers": ATTACKERS,
             "honest": f"{HONEST} connections, {HONEST * 40 * FLOODED} requests a flood", "deadline.close of the guarded": close}
    report.write("servers", rows, **notes, **flood, **told)
    sys.exit(bool(failed))


class Server:
    """A server on the first core, until the end of the block."""

    def __init__(self, program, *arguments):
        command = [*program, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: pin(CORES[0]))
        self.port = self.process.stdout.readline().strip()
        if not self.port:
            raise ValueError(f"{' '.join(map(str, command))} has not started")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def used(self):
        """The CPU time of its threads in seconds."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def resident(self, what="VmRSS"):
        """Its memory in bytes: now, or the most it ever was (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


def price(name, program, load):
    """Throughput, waits and CPU time, both servers loaded in turns."""
    measures = [("echo, messages", "1/s"), ("echo, p50", "us"), ("echo, p99", "us"), ("echo, p99.9", "us"),
                ("echo, generator busy", "share"), ("echo, CPU a message", "us")]
    rounds = {"bare": [], "guarded": []}
    with Server(program, "bare") as bare, Server(program, "guarded", ECHO) as guarded:
        for number in range(ROUNDS + 1):
            for kind, server in (("bare", bare), ("guarded", guarded)):
                cpu = server.used()
                rate, *rest = loaded(load, "echo", server, CONNECTIONS)
                # The warm-up's messages, too.
                cpu = (server.used() - cpu) / (rate * (SECONDS + WARM_UP)) * 1e6
                if number > 0 or QUICK:
                    rounds[kind].append([rate, *rest, cpu])
    rows = [row(measure, name, kind, [value[place] for value in values], unit)
            for place, (measure, unit) in enumerate(measures) for kind, values in rounds.items()]
    rate, cpu = ({kind: report.spread([value[place] for value in values])[0] for kind, values in rounds.items()} for place in (0, 5))
    print(f"{name}: {rate['bare']:.0f} messages/s bare, {rate['guarded']:.0f} guarded: {rate['guarded'] / rate['bare']:.1%}; "
          f"CPU {cpu['bare']:.1f} and {cpu['guarded']:.1f} us a message", flush=True)
    return rows


def memory(name, program, load):
    """What a connection takes at most, of many that say little."""
    rows = []
    for kind in (["bare"], ["guarded", ECHO]):
        with Server(program, *kind) as server:
            idle = server.resident()
            loaded(load, "paced", server, IDLE)
            grown = max(server.resident("VmHWM") - idle, 0) / IDLE
            rows.append(row("echo, memory a connection", name, kind[0], [grown], "bytes"))
    return rows


def worth(name, program, load, told):
    """What an honest client waits, in quiet and while attackers send all that they can. A server sees one flood only: who
    was banned in it would not get in again."""
    waits, floods = {}, {}
    for _ in range(FLOODS):
        for kind in (["bare"], ["guarded", FLOOD]):
            with Server(program, *kind) as server:
                quiet = loaded(load, "paced", server, HONEST)
                flooded, said = under_flood(load, server)
            for state, measured in (("quiet", quiet), ("flooded", flooded)):
                waits.setdefault(f"{kind[0]}, {state}", []).append(measured)
            floods.setdefault(kind[0], []).append(said)
    rows = []
    for place, measure in ((1, "p50"), (2, "p99")):
        rows += [row(f"flood, honest {measure}", name, kind, [value[place] for value in values], "us") for kind, values in waits.items()]
    for place, what in enumerate(("times in", "times refused", "messages taken")):
        rows += [row("flood, attackers", name, f"{kind}, {what}", [value[place] for value in values], "times")
                 for kind, values in floods.items()]
    for kind, values in floods.items():
        told[f"{name} {kind}, attackers let in / refused in each flood"] = ", ".join(f"{one[0]} / {one[1]}" for one in values)
    p99 = {kind: report.spread([value[2] for value in values]) for kind, values in waits.items()}
    print(f"{name}: an honest client's p99 while attackers flood: "
          + ", ".join("{:.0f} us {} ({:.0f} to {:.0f})".format(p99[f"{kind}, flooded"][0], kind, *p99[f"{kind}, flooded"][1:]) for kind in floods)
          + f"; attackers let in: {', '.join(str(value[0]) for value in floods['guarded'])}", flush=True)
    return rows


def under_flood(load, server):
    """What the honest wait, who are there already when it begins, and how the attackers fared."""
    command = [*load, "paced", server.port, str(HONEST), str(FLOODED)]
    honest = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, preexec_fn=lambda: pin(CORES[-1]))
    attackers = None
    try:
        time.sleep(WARM_UP)
        # They get the rest of their core only: what they take of it is not the server's doing.
        command = ["nice", "-n", "15", *load, "flood", server.port, ATTACKERS, FLOODED]
        attackers = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, preexec_fn=lambda: pin(CORES[-1]))
        waited, said = honest.communicate(timeout=90)[0].split(), attackers.communicate(timeout=60)[0].split()
    finally:
        for process in filter(None, (honest, attackers)):
            process.kill()
            process.wait()
    if not waited or not said:
        raise ValueError("the honest, or the attackers, could not say how they fared")
    return [float(number) for number in waited], [int(number) for number in said]


def loaded(load, mode, server, connections):
    """What the generator says of a server: a rate, then waits, then how busy it was itself."""
    command = [*load, mode, server.port, str(connections), str(SECONDS)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=90, preexec_fn=lambda: pin(CORES[-1]))
    if said.returncode != 0:
        raise ValueError(f"{mode}: {said.stderr.strip()[-300:]}")
    return [float(number) for number in said.stdout.split()]


def row(group, name, subject, values, unit):
    return [group, name, subject, *(f"{value:.2f}" for value in report.spread(values)), unit]


def pin(core):
    os.sched_setaffinity(0, {core})


def built(bench):
    """A bench's program."""
    what = ["--profile", "dev", "--workspace"] if QUICK else ["-p", "wswarden-benches"]
    command = ["cargo", "bench", "--locked", "--no-run", "--bench", bench, *what]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    return ROOT / re.search(r"Executable .*\((.*)\)", said)[1]


if __name__ == "__main__":
    main(sys.argv[1:])

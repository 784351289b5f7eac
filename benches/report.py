#!/usr/bin/env python3
"""Makes the report from benches/data/*.tsv and benches/goals.tsv.

    benches/report.py            benches/report/index.html, and the figures of README.md
    benches/report.py check      says whether README.md has the figures of the data, as CI asks

Only the standard library is used.
"""

import csv
import operator
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# What a run in a hurry measures means nothing, and must not stand where the real figures do.
PLACE = ROOT / "target" / "bench-quick" if os.environ.get("QUICK") else HERE
DATA, REPORT, README = PLACE / "data", PLACE / "report", ROOT / "README.md"
FIELDS = ["group", "case", "subject", "median", "low", "high", "unit"]
BEGIN, END = "<!-- figures: made by benches/report.py -->\n", "<!-- end of figures -->\n"

# What the README shows: what it is about, the goal's group, case, peer and ours.
HEADLINES = [
    ("A message of 143 bytes checked in Rust, beside serde_json and jsonschema", "messages", "M", "serde_json + jsonschema", "wswarden"),
    ("A message of 143 bytes checked in Node, beside JSON.parse and ajv", "node, messages", "M", "ajv", "wswarden"),
    ("A message of 143 bytes checked in Node, beside the guide's own code", "node, messages", "M", "guide in full", "wswarden"),
    ("A message of 143 bytes checked in Python, beside pydantic", "python", "M", "pydantic", "wswarden"),
    ("A message of 143 bytes checked in Python, beside msgspec", "python", "M", "msgspec Struct", "wswarden"),
    ("A message of 143 bytes checked in C, beside yyjson, which only parses", "c", "M", "yyjson, parsing alone", "wswarden"),
    ("A MiB of nested arrays refused in Node, beside JSON.parse and ajv", "node, messages", "X1", "JSON.parse + ajv", "wswarden"),
    ("One of a million connections limited, beside governor", "handle", "1000000", "governor keyed u32", "gcra word"),
    ("A JWT (HS256) verified, beside jsonwebtoken", "jwt/HS256", "", "jsonwebtoken", "wswarden"),
    ("One of a million heartbeats answered, beside tokio-util's DelayQueue", "wheel", "1000000", "DelayQueue reset", "pong: a number stored"),
]
SERVERS = [("Rust, smol", "rust-smol"), ("Rust, tokio", "rust-tokio"), ("Node, ws", "node-ws"),
           ("Python, websockets", "python-websockets"), ("Python, FastAPI", "python-fastapi")]


def main(arguments):
    measured, notes = read()
    goals = judged(measured)
    if "check" in arguments:
        if README.read_text() != with_figures(README.read_text(), measured, notes):
            sys.exit("README.md has other figures than benches/data: run benches/report.py")
        return
    from page import page

    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "index.html").write_text(page(goals, measured, notes))
    if PLACE == HERE:
        README.write_text(with_figures(README.read_text(), measured, notes))
    promised = [goal for goal in goals if goal["goal"]]
    for goal in promised:
        if not goal["met"] and PLACE == HERE:
            value = "not measured" if goal["value"] is None else f"{goal['value']:.3g}"
            print(f"missed: {goal['group']}, {goal['case']}: {goal['more']} / {goal['less'] or '-'}: {value}, {goal['goal']} promised")
    print(f"{sum(goal['met'] for goal in promised)} of {len(promised)} goals met; {REPORT / 'index.html'}")


def write(name, rows, **notes):
    """Writes a file of data, with where and when it was measured."""
    DATA.mkdir(parents=True, exist_ok=True)
    notes = {"date": date.today().isoformat(), "machine": machine(), "rustc": said("rustc", "--version")} | notes
    fresh = DATA / f"{name}.tsv.new"
    with open(fresh, "w") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in notes.items())
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
        writer.writerow(FIELDS)
        writer.writerows(rows)
    fresh.replace(DATA / f"{name}.tsv")


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return f"{len(models)} cores of {models[0]}, {platform.system()}" if models else platform.platform()


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def read():
    """All measurements by group, case and subject, and what each file says of itself."""
    measured, notes = {}, {}
    for path in sorted(DATA.glob("*.tsv")):
        lines = path.read_text().splitlines()
        notes[path.stem] = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
        rows = (line for line in lines if not line.startswith("# "))
        for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE):
            key = (row["group"], row["case"], row["subject"])
            measured[key] = {**row, **{field: float(row[field]) for field in ("median", "low", "high")}}
    return measured | derived(measured), notes


def derived(measured):
    """What the border of Python costs: the whole call without the same message in the core, and an empty call."""
    whole, empty = measured.get(("python", "M", "wswarden")), measured.get(("python", "M", "empty pyo3 call"))
    core = measured.get(("session/receive", "IPv4", "M"))
    if not (whole and empty and core):
        return {}
    row = {"group": "python", "case": "M", "subject": "wswarden, border beyond an empty call", "unit": "ns"}
    for field in ("median", "low", "high"):
        row[field] = max(whole[field] - core["median"] - empty["median"], 0.0)
    return {(row["group"], row["case"], row["subject"]): row}


def judged(measured):
    """The goals with what was measured; one that was not measured is not met. Those without a bound are only shown."""
    with open(HERE / "goals.tsv") as file:
        goals = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for goal in goals:
        more = measured.get((goal["group"], goal["case"], goal["more"]))
        less = measured.get((goal["group"], goal["case"], goal["less"]))
        goal["is_ratio"] = bool(goal["less"])
        goal["value"], goal["unit"] = None, ""
        if goal["is_ratio"] and more and less:
            goal["value"], goal["unit"] = more["median"] / less["median"], "x"
            goal["low"], goal["high"] = more["low"] / less["high"], more["high"] / less["low"] if less["low"] else more["median"]
        elif not goal["is_ratio"] and more:
            goal["value"], goal["unit"] = more["median"], more["unit"]
            goal["low"], goal["high"] = more["low"], more["high"]
        goal["bound"] = float(goal["goal"][2:]) if goal["goal"] else None
        compare = {">=": operator.ge, "<=": operator.le}.get(goal["goal"][:2])
        goal["met"] = bool(compare) and goal["value"] is not None and compare(goal["value"], goal["bound"])
    return goals


def with_figures(text, measured, notes):
    """README.md with its figures made anew."""
    if BEGIN not in text:
        return text
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}{figures(measured, notes)}{END}{after}"


def figures(measured, notes):
    def times(group, case, more, less):
        rows = measured.get((group, case, more)), measured.get((group, case, less))
        return rows[0]["median"] / rows[1]["median"] if all(rows) else None

    lines = [(what, times(*key)) for what, *key in HEADLINES]
    if not measured:
        return "\nNothing is measured yet.\n\n"
    text = "\n| what | times as fast |\n| --- | ---: |\n"
    text += "".join(f"| {what} | {amount(value)} |\n" for what, value in lines if value is not None)
    kept = [(name, times("echo, messages", key, "guarded", "bare"), times("flood, honest p99", key, "bare, flooded", "guarded, flooded"))
            for name, key in SERVERS]
    if any(value is not None for _, value, _ in kept):
        text += "\n| a whole echo server, guarded | throughput kept | under a flood an honest client waits |\n| --- | ---: | ---: |\n"
        text += "".join(f"| {name} | {share:.0%} | {flood_text(flood)} |\n" for name, share, flood in kept if share is not None)
    dates = sorted({note["date"] for note in notes.values() if "date" in note})
    machines = {note["machine"] for note in notes.values() if "machine" in note}
    when = f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else "".join(dates)
    return f"{text}\nMedians of samples taken in turns, {when}, on {' and '.join(sorted(machines))}.\n\n"


def flood_text(ratio):
    if ratio is None:
        return ""
    return f"{amount(ratio)} times less" if ratio >= 1 else f"{amount(1 / ratio)} times longer"


def amount(value):
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


if __name__ == "__main__":
    main(sys.argv[1:])

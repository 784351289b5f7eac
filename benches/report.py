#!/usr/bin/env python3
"""Makes the report from benches/data/*.tsv and benches/goals.tsv.

    benches/report.py            benches/report/index.html, and the figures of README.md
    benches/report.py check      says whether README.md has the figures of the data, as CI asks

A headline without data, or a goal, ends with an error, so that none falls out unseen: the page says "not measured". As CI
asks, a goal may wait for its data only as long as nothing of its group is measured. Only the standard library is used.
"""

import csv
import operator
import os
import statistics
import sys
from datetime import date
from pathlib import Path

import profiles
import versions

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# What a run in a hurry measures means nothing, and must not stand where the real figures do.
PLACE = ROOT / "target" / "bench-quick" if os.environ.get("QUICK") else HERE
DATA, REPORT, README = PLACE / "data", PLACE / "report", ROOT / "README.md"
FIELDS = ["group", "case", "subject", "median", "low", "high", "unit"]
BEGIN, END = "<!-- figures: made by benches/report.py -->\n", "<!-- end of figures -->\n"

# What the README shows: what it is about and under which condition, the group, the case, the peer and ours.
HEADLINES = [
    ("A message of 143 bytes checked in Rust by its schema, beside serde_json and jsonschema", "messages", "M", "serde_json + jsonschema", "wswarden"),
    ("A message of 143 bytes checked and limited in Node, beside JSON.parse and ajv", "node, messages", "M", "ajv", "wswarden"),
    ("A message of 143 bytes checked and limited in Node, beside the guide's own code", "node, messages", "M", "guide in full", "wswarden"),
    ("A message of 143 bytes checked and limited in Python, beside pydantic", "python", "M", "pydantic", "wswarden"),
    ("A message of 143 bytes checked and limited in Python, beside msgspec", "python", "M", "msgspec Struct", "wswarden"),
    ("A message of 143 bytes checked in C by its schema, beside yyjson, which only parses", "c", "M", "yyjson, parsing alone", "wswarden, schema alone"),
    ("A MiB of nested arrays refused in Node, beside JSON.parse and ajv", "node, messages", "X1", "JSON.parse + ajv", "wswarden"),
    ("One of a million connections limited, the time given, beside governor, which reads its clock", "handle", "1000000", "governor keyed u32", "gcra word"),
    ("One of a million connections limited, the coarse clock read each time, beside governor", "handle", "1000000", "governor keyed u32", "gcra word, coarse clock read"),
    ("One of a million addresses limited, found when its connection came, beside governor keyed by IpAddr", "address", "1000000", "governor keyed IpAddr", "ledger, a message of a known connection"),
    ("One of a million addresses limited, looked up each time, beside governor keyed by IpAddr", "address", "1000000", "governor keyed IpAddr", "ledger check, from IpAddr"),
    ("A JWT (HS256) verified, none of it known before, beside jsonwebtoken", "jwt/HS256", "", "jsonwebtoken", "wswarden"),
    ("One of a million heartbeats: a number stored, and later a look at its timer, beside tokio-util's DelayQueue", "wheel", "1000000", "DelayQueue reset", "pong: a number stored, and the look at it later"),
]
SERVERS = [("Rust, smol", "rust-smol"), ("Rust, tokio", "rust-tokio"), ("Node, ws", "node-ws"),
           ("Python, websockets", "python-websockets"), ("Python, FastAPI", "python-fastapi")]


# A generator that was busier than this was the limit itself: how fast it went says nothing of the guard.
BUSY = 0.95


def main(arguments):
    if "check" in arguments:
        measured, notes = read()
        wrong = without_data(judged(measured), measured)
        if README.read_text() != with_figures(README.read_text(), measured, notes):
            wrong.append("README.md has other figures than benches/data: run benches/report.py")
    else:
        wrong = made()
    if wrong:
        sys.exit("\n".join(wrong))


def made():
    """Makes the report and the README's figures, and gives what should have been measured and was not."""
    from page import page

    measured, notes = read()
    goals = judged(measured)
    REPORT.mkdir(parents=True, exist_ok=True)
    (REPORT / "index.html").write_text(page(goals, measured, notes, profiles.Profiles(HERE / "profiles.tsv")))
    if PLACE == HERE:
        README.write_text(with_figures(README.read_text(), measured, notes))
    promised = [goal for goal in goals if goal["goal"]]
    for goal in promised:
        if not goal["met"] and PLACE == HERE:
            value = "not measured" if goal["value"] is None else f"{goal['value']:.3g}"
            print(f"missed: {name_of(goal)}: {value}, {goal['goal']} promised")
    print(f"{sum(goal['met'] for goal in promised)} of {len(promised)} goals met; {REPORT / 'index.html'}")
    return without_data(goals, measured, strictly=True) if PLACE == HERE else []


def without_data(goals, measured, strictly=False):
    """What is named and not in the data. Unless strictly, a group of which nothing is measured yet may be."""
    groups = {key[0] for key in measured}
    lost = [f"not measured: the headline {what!r}" for what, group, case, more, less in HEADLINES
            if not {(group, case, more), (group, case, less)} <= measured.keys()]
    return lost + [f"not measured: {name_of(goal)}" for goal in goals
                   if goal["value"] is None and (strictly or goal["group"] in groups)]


def name_of(goal):
    return f"{goal['group']}, {goal['case']}: {goal['more']} / {goal['less'] or '-'}"


def write(name, rows, **notes):
    """Writes a file of data, with where and when it was measured."""
    DATA.mkdir(parents=True, exist_ok=True)
    notes = {"date": date.today().isoformat(), "machine": versions.machine(), **versions.of(name)} | notes
    fresh = DATA / f"{name}.tsv.new"
    with open(fresh, "w") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in notes.items())
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
        writer.writerow(FIELDS)
        writer.writerows(rows)
    fresh.replace(DATA / f"{name}.tsv")


def spread(samples):
    """The median and the quartiles around it; of fewer than four samples the least and the most. None lies outside."""
    if len(samples) < 4:
        return statistics.median(samples), min(samples), max(samples)
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return median, low, high


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
    """What is made of several measurements."""
    # What the border of Python costs: the whole call without the same message in the core, and an empty call.
    whole, empty = measured.get(("python", "M", "wswarden")), measured.get(("python", "M", "empty pyo3 call"))
    core = measured.get(("session/receive", "IPv4", "M"))
    rows = []
    if whole and empty and core:
        row = {"group": "python", "case": "M", "subject": "wswarden, border beyond an empty call", "unit": "ns"}
        rows.append(row | {field: max(whole[field] - core["median"] - empty["median"], 0.0) for field in ("median", "low", "high")})
    # A pong is a number stored, and each timer is looked at once in its time.
    pong, look = measured.get(("wheel", "1000000", "pong: a number stored")), measured.get(("wheel", "1000000", "wswarden, one look"))
    if pong and look:
        row = {"group": "wheel", "case": "1000000", "subject": "pong: a number stored, and the look at it later", "unit": "ns"}
        rows.append(row | {field: pong[field] + look[field] for field in ("median", "low", "high")})
    return {(row["group"], row["case"], row["subject"]): row for row in rows}


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
        if goal["group"] == "echo, messages" and generator_was_the_limit(goal["case"], measured):
            goal["goal"] = ""
            goal["what"] += "; the generator was the limit, and the CPU time a message is the judge"
        goal["bound"] = float(goal["goal"][2:]) if goal["goal"] else None
        compare = {">=": operator.ge, "<=": operator.le}.get(goal["goal"][:2])
        goal["met"] = bool(compare) and goal["value"] is not None and compare(goal["value"], goal["bound"])
    return goals


def generator_was_the_limit(case, measured):
    busy = [measured.get(("echo, generator busy", case, kind)) for kind in ("bare", "guarded")]
    return any(row and row["median"] > BUSY for row in busy)


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

    if not measured:
        return "\nNothing is measured yet.\n\n"
    text = "\n| what | times as fast |\n| --- | ---: |\n"
    for what, *key in HEADLINES:
        value = times(*key)
        text += f"| {what} | {'not measured' if value is None else amount(value)} |\n"
    text += ("\n| a whole echo server, guarded | throughput kept | CPU a message | under a flood an honest client waits |\n"
             "| --- | ---: | ---: | ---: |\n")
    for name, key in SERVERS:
        kept, cpu = times("echo, messages", key, "guarded", "bare"), times("echo, CPU a message", key, "guarded", "bare")
        kept = "not measured" if kept is None else "(the generator was the limit)" if generator_was_the_limit(key, measured) else f"{kept:.0%}"
        cpu = "not measured" if cpu is None else f"{cpu - 1:+.0%}"
        text += f"| {name} | {kept} | {cpu} | {flood_text(times('flood, honest p99', key, 'bare, flooded', 'guarded, flooded'))} |\n"
    dates = sorted({note["date"] for note in notes.values() if "date" in note})
    machines = {note["machine"] for note in notes.values() if "machine" in note}
    when = f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else "".join(dates)
    return f"{text}\nMedians of samples taken in turns, {when}, on {' and '.join(sorted(machines))}.\n\n"


def flood_text(ratio):
    if ratio is None:
        return "not measured"
    return f"{amount(ratio)} times less" if ratio >= 1 else f"{amount(1 / ratio)} times longer"


def amount(value):
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


if __name__ == "__main__":
    main(sys.argv[1:])

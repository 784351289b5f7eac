#!/usr/bin/env python3
"""Makes benches/report/index.html from benches/data/*.tsv and benches/goals.tsv.

    benches/report.py            the page and its figures
    benches/report.py collect    reads what criterion has left in target/criterion, and judges the corpus, into data/
"""

import csv
import html
import json
import platform
import subprocess
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA, REPORT = HERE / "data", HERE / "report"
CRITERION = HERE.parent / "target" / "criterion"
FIELDS = ["group", "case", "subject", "median", "low", "high", "unit"]

STYLE = """
:root { --good: #1a7f37; --bad: #b42318; --line: #d0d7de; --soft: #57606a; color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; white-space: nowrap; } caption { text-align: left; color: var(--soft); }
.met { color: var(--good); font-weight: 600; } .missed { color: var(--bad); font-weight: 600; }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; } small, footer { color: var(--soft); }
@media print { body { max-width: none; font-size: 11px; } h2, tr, figure { break-inside: avoid; } }
"""


def main():
    if "collect" in sys.argv[1:]:
        return collect()
    measured, notes = read()
    goals = judged(measured)
    REPORT.mkdir(exist_ok=True)
    figure(goals)
    (REPORT / "index.html").write_text(page(goals, measured, notes))
    met = sum(goal["met"] for goal in goals)
    print(f"{met} of {len(goals)} goals met; {REPORT / 'index.html'}")


def collect():
    """What criterion measured, and the corpus of messages through all peers in turns."""
    rows = []
    for path in sorted(CRITERION.glob("**/new/estimates.json")):
        names = json.loads((path.parent / "benchmark.json").read_text())
        median = json.loads(path.read_text())["median"]
        interval = median["confidence_interval"]
        values = [median["point_estimate"], interval["lower_bound"], interval["upper_bound"]]
        # A group may say more after a comma: "wheel, 1M slots".
        group, _, _ = names["group_id"].partition(",")
        rows.append([group, names["value_str"] or "", names["function_id"] or "", *(f"{value:.2f}" for value in values), "ns"])
    write("core", rows)
    command = ["cargo", "bench", "--quiet", "--locked", "-p", "wswarden-benches", "--bench", "validation", "--", "--data"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent).stdout.splitlines()
    write("messages", [line.split("\t") for line in lines if line.count("\t") == len(FIELDS) - 1])


def write(name, rows, **notes):
    """Writes a file of data, with where and when it was measured."""
    DATA.mkdir(exist_ok=True)
    notes = {"date": date.today().isoformat(), "machine": machine(), "rustc": said("rustc", "--version")} | notes
    with open(DATA / f"{name}.tsv", "w") as file:
        file.writelines(f"# {key}: {value}\n" for key, value in notes.items())
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(rows)


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
        notes[path.stem] = [line[2:] for line in lines if line.startswith("# ")]
        for row in csv.DictReader((line for line in lines if not line.startswith("# ")), delimiter="\t"):
            key = (row["group"], row["case"], row["subject"])
            measured[key] = {**row, **{field: float(row[field]) for field in ("median", "low", "high")}}
    return measured, notes


def judged(measured):
    """The goals with what was measured; one that was not measured is not met."""
    with open(HERE / "goals.tsv") as file:
        goals = list(csv.DictReader(file, delimiter="\t"))
    for goal in goals:
        more = measured.get((goal["group"], goal["case"], goal["more"]))
        less = measured.get((goal["group"], goal["case"], goal["less"]))
        goal["goal"] = float(goal["goal"])
        goal["is_ratio"] = bool(goal["less"])
        if goal["is_ratio"]:
            goal["value"] = more["median"] / less["median"] if more and less else None
            goal["met"] = goal["value"] is not None and goal["value"] >= goal["goal"]
        else:
            goal["unit"] = more["unit"] if more else ""
            goal["value"] = more["median"] if more else None
            goal["met"] = goal["value"] is not None and goal["value"] <= goal["goal"]
    return goals


def figure(goals):
    """Every ratio beside its goal, on one logarithmic axis."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "wswarden"
    from matplotlib import pyplot

    ratios = [goal for goal in goals if goal["is_ratio"] and goal["value"] is not None]
    groups = defaultdict(list)
    for goal in ratios:
        groups[goal["group"]].append(goal)
    for group, rows in groups.items():
        rows = rows[::-1]
        drawing, axes = pyplot.subplots(figsize=(8, 0.8 + 0.34 * len(rows)), layout="constrained")
        colours = ["#1a7f37" if row["met"] else "#b42318" for row in rows]
        axes.barh(range(len(rows)), [row["value"] for row in rows], color=colours, height=0.62)
        axes.plot([row["goal"] for row in rows], range(len(rows)), "k|", markersize=14, label="goal")
        axes.set_yticks(range(len(rows)), [f"{row['case']}: {row['more']}" for row in rows], fontsize=8)
        axes.set_xscale("log")
        axes.set_xlabel("times wswarden's time (the bar's end; the mark is the goal)", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        drawing.savefig(REPORT / f"{slug(group)}.svg", metadata={"Date": None})
        pyplot.close(drawing)


def slug(text):
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower()).strip("-")


def page(goals, measured, notes):
    met = sum(goal["met"] for goal in goals)
    parts = [
        f"<h1>wswarden, measured</h1><p>{met} of {len(goals)} goals are met. A ratio says how many times as long the peer "
        "takes; it compares medians of one run, taken in turns. Where wswarden falls short, it says so.</p>",
    ]
    groups = list(dict.fromkeys(goal["group"] for goal in goals))
    for group in groups:
        rows = [goal for goal in goals if goal["group"] == group]
        parts.append(f"<h2>{html.escape(group)}</h2>")
        if any(goal["is_ratio"] and goal["value"] is not None for goal in rows):
            parts.append(f'<figure><img src="{slug(group)}.svg" alt="Ratios and goals of {html.escape(group)}"></figure>')
        parts.append(table(["case", "compared", "what", ">measured", ">goal", ""], [goal_row(goal) for goal in rows]))
    parts.append("<h2>All measurements</h2>")
    for group in dict.fromkeys(key[0] for key in measured):
        rows = [row for key, row in measured.items() if key[0] == group]
        cells = [
            [escaped(row["case"]), escaped(row["subject"]), *(n(f"{row[field]:,.1f}") for field in ("median", "low", "high")), escaped(row["unit"])]
            for row in rows
        ]
        parts.append(f"<h3>{html.escape(group)}</h3>")
        parts.append(table(["case", "subject", ">median", ">low", ">high", "unit"], cells))
    about = "".join(f"<li>{html.escape(name)}: {html.escape('; '.join(lines))}</li>" for name, lines in notes.items())
    parts.append(f"<footer><h2>When and where</h2><ul>{about}</ul></footer>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>wswarden, measured</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def goal_row(goal):
    compared = f"{goal['more']} / {goal['less']}" if goal["is_ratio"] else goal["more"]
    unit = "x" if goal["is_ratio"] else f" {goal.get('unit', '')}"
    value = "not measured" if goal["value"] is None else f"{goal['value']:,.2f}{unit}"
    bound = f"{'&ge;' if goal['is_ratio'] else '&le;'} {goal['goal']:g}{unit}"
    verdict = '<td class="met">met</td>' if goal["met"] else '<td class="missed">missed</td>'
    return [escaped(goal["case"]), escaped(compared), escaped(goal["what"]), n(value), n(bound), verdict]


def escaped(text):
    return f"<td>{html.escape(text)}</td>"


def n(text):
    return f'<td class="n">{text}</td>'


def table(names, rows):
    head = "".join(f'<th class="n">{name[1:]}</th>' if name.startswith(">") else f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


if __name__ == "__main__":
    main()

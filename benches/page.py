"""The report's one page: no script but for printing, no font, no image from elsewhere."""

import math
from collections import Counter
from html import escape

STYLE = """
:root { color-scheme: light dark; --page: #fff; --raised: #f6f8fa; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0;
  --good: #116329; --good-bar: #2da44e; --bad: #a40e26; --bad-bar: #cf222e; --plain: #6e7781; --track: #eaeef2; }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --raised: #151b23; --ink: #e6edf3; --soft: #9aa4b0;
  --line: #30363d; --good: #56d364; --good-bar: #2ea043; --bad: #ff8e85; --bad-bar: #da3633; --plain: #8b949e; --track: #21262d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: clamp(1.7rem, 5vw, 2.4rem); line-height: 1.15; margin: 0 0 .5rem; letter-spacing: -.02em; }
h2 { font-size: 1.45rem; line-height: 1.25; margin: 3.25rem 0 .75rem; } h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p { max-width: 46rem; margin: .5rem 0; } a { color: inherit; } .soft { color: var(--soft); } .lead { font-size: 1.1rem; }
.verdict { font-size: clamp(1.15rem, 3.5vw, 1.4rem); margin: 1.25rem 0 .5rem; } .verdict b { font-size: 1.5em; }
.parts { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.8rem, 1fr)); gap: .6rem; padding: 0; margin: 1.25rem 0; list-style: none; }
.parts a { display: block; padding: .6rem .8rem .7rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--raised); text-decoration: none; }
.parts a:hover, .parts a:focus-visible { border-color: var(--plain); } .parts b { display: block; font-size: 1.25rem; }
.meter { display: block; width: 100%; height: 8px; border-radius: 4px; overflow: hidden; margin-top: .3rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th { text-align: left; font-size: .8rem; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); padding: .3rem .5rem; }
td { padding: .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
td small { display: block; color: var(--soft); font-size: .82rem; line-height: 1.35; overflow-wrap: anywhere; }
.n { text-align: right; white-space: nowrap; } .chart { width: 30%; vertical-align: middle; } .chart svg { display: block; width: 100%; height: 18px; }
.met, .missed, .shown { white-space: nowrap; font-weight: 600; } .met { color: var(--good); } .missed { color: var(--bad); }
.shown { color: var(--soft); font-weight: 400; }
.note td { padding-top: 0; border-top: 0; color: var(--soft); font-size: .88rem; } tr.open td { border-bottom: 0; padding-bottom: .25rem; }
.short { border-left: 4px solid var(--bad-bar); background: var(--raised); padding: .75rem 1rem; border-radius: 0 .5rem .5rem 0; }
.profile { display: block; color: var(--soft); font-size: .82rem; overflow-wrap: anywhere; }
.short ul { margin: .4rem 0 0; padding-left: 1.2rem; } .short li { margin: .35rem 0; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: 0 .9rem; } summary { cursor: pointer; padding: .55rem 0; font-weight: 600; }
details table { margin-bottom: .75rem; } details td { padding: .25rem .5rem; } details .chart svg { height: 12px; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .3rem 1rem; margin: 0; } dt { font-weight: 600; }
dd { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.25rem; font-size: .85rem; color: var(--soft); margin: .75rem 0; }
.key svg { width: 34px; height: 14px; vertical-align: -2px; margin-right: .35rem; }
@media (max-width: 44rem) {
  main { padding: 1.5rem 1rem 3rem; } h2 { margin-top: 2.5rem; }
  .goals thead { display: none; } .goals tbody, .goals table { display: block; }
  .goals tr { display: flex; flex-wrap: wrap; gap: .2rem .9rem; padding: .7rem 0; border-bottom: 1px solid var(--line); }
  .goals td { display: block; border: 0; padding: 0; overflow-wrap: anywhere; } .goals td:first-child, .goals .chart { flex: 0 0 100%; width: auto; }
  .goals .chart:empty, .goals .n:empty { display: none; }
  .goals .n { text-align: left; } .goals td[data-name=measured] { font-weight: 600; } .goals td[data-name=promised]::before { content: attr(data-name) " "; color: var(--soft); font-size: .8rem; }
  .goals td:last-child { margin-left: auto; } .goals tr.open { padding-bottom: 0; border: 0; } .goals tr.note { display: block; padding-top: .2rem; }
  details { padding: 0 .6rem; } details thead { display: none; } details tr { display: grid; grid-template-columns: max-content 1fr; column-gap: .9rem; align-items: baseline; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  details tbody, details table { display: block; } details td { display: block; border: 0; padding: 0; } details td:first-child, details .chart { grid-column: 1 / -1; width: auto; }
  details td:first-child { overflow-wrap: anywhere; }
  details .spread { text-align: left; color: var(--soft); font-size: .82rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .6rem; }
}
@media print {
  @page { size: A4; margin: 14mm 12mm; }
  :root { color-scheme: light; --page: #fff; --raised: #fff; --ink: #000; --soft: #444; --line: #bbb; --good: #0b5021; --bad: #8f0b1f; --track: #e8e8e8; }
  body { font-size: 9.5pt; line-height: 1.35; } main { max-width: none; padding: 0; } h2 { margin-top: 1.6rem; }
  .goals td:first-child { width: 44%; } .goals .chart { width: 24%; }
  h2, h3, summary { break-after: avoid; } tr, li, .short li, .parts a { break-inside: avoid; } tr.open { break-after: avoid; }
  thead { display: table-header-group; } td { padding: .22rem .4rem; } details { border: 0; padding: 0; } a { text-decoration: none; }
  svg, .short, .parts a { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
# What is folded on the screen is printed, too.
SCRIPT = "addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((one) => { one.open = true }))"


def page(goals, measured, notes, profiles):
    for goal in goals:
        goal["profile"] = profiles.of(goal)
    promised = [goal for goal in goals if goal["goal"]]
    missed = [goal for goal in promised if not goal["met"]]
    parts = list(dict.fromkeys(goal["part"] for goal in goals))
    body = [
        "<h1>wswarden, measured</h1>",
        '<p class="lead">The security layer for WebSocket servers beside what its users would otherwise take: the same '
        "messages, tokens and connections, in turns, on one machine.</p>",
        f'<p class="verdict"><b>{len(promised) - len(missed)} of {len(promised)}</b> promises are kept.</p>',
        meter(len(promised) - len(missed), len(promised)),
        f'<ul class="parts">{"".join(card(part, goals) for part in parts)}</ul>',
        f'<p class="soft">{escape(when(notes))}</p>',
        short(missed),
        how(),
    ]
    body += [section(part, [goal for goal in goals if goal["part"] == part]) for part in parts]
    body += ['<h2 id="all">All measurements</h2>', "<p>Medians, the quartiles around them (of fewer than four "
             "samples the least and the most), and bars as long as the median beside the largest of the same case. Shorter is better, but for what is counted each second.</p>"]
    groups = dict.fromkeys(key[0] for key in measured)
    body += [raw(group, [row for key, row in measured.items() if key[0] == group]) for group in groups]
    body.append(about(notes | profiles.notes))
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>wswarden, measured</title><style>{STYLE}</style>"
    )
    return (f'<!doctype html>\n<html lang="en"><head>{head}</head><body><main>{"".join(body)}</main>'
            f"<script>{SCRIPT}</script></body></html>\n")


def card(part, goals):
    promised = [goal for goal in goals if goal["part"] == part and goal["goal"]]
    met = sum(goal["met"] for goal in promised)
    return f'<li><a href="#{slug(part)}">{escape(part)}<b>{met} of {len(promised)}</b>{meter(met, len(promised))}</a></li>'


def meter(met, of):
    share = 100 * met / of if of else 0
    return (f'<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{met} of {of} met">'
            f'<rect width="100" height="8" fill="var(--bad-bar)"/><rect width="{share:.1f}" height="8" fill="var(--good-bar)"/></svg>')


def short(missed):
    if not missed:
        return ""
    lines = []
    for goal in missed:
        note = goal["note"] or ("It was not measured." if goal["value"] is None else "Not explained yet.")
        what = f"{escape(goal['part'])}, {escape(title(goal))}"
        lines.append(f'<li><b>{what}</b> <span class="soft">({escape(versus(goal))}: {measure(goal)}, promised {bound(goal)})</span>'
                     f"<br>{escape(note)}{profile(goal)}</li>")
    return f'<section class="short"><strong>Where it falls short</strong><ul>{"".join(lines)}</ul></section>'


def versus(goal):
    return f"{goal['more']} over {goal['less']}" if goal["is_ratio"] else goal["more"]


def profile(goal):
    """Where the instructions go, below a miss."""
    return f'<small class="profile">{escape(goal["profile"])}</small>' if goal["profile"] else ""


def how():
    good = '<rect x="0" y="4" width="70" height="10" rx="0" fill="var(--good-bar)"/>'
    mark = '<path d="M70 0V18" stroke="var(--ink)" stroke-width="2" vector-effect="non-scaling-stroke"/>'
    line = '<path d="M20 9H80" stroke="var(--ink)" stroke-width="1.5" vector-effect="non-scaling-stroke"/>'
    def key(inside, text):
        return f'<span><svg viewBox="0 0 100 18" preserveAspectRatio="none" aria-hidden="true">{inside}</svg>{text}</span>'

    return (
        "<p>A ratio is the other's median over ours: 5 means that the other takes five times as long. Where the promise "
        "says ≤, less is better. Rows without a promise are shown all the same.</p>"
        f'<p class="key">{key(good, "measured")}{key(mark, "the promise")}{key(line, "from quartile to quartile")}'
        "<span>ratios: a logarithmic axis from 1; to the left we are the slower</span></p>"
    )


def section(part, goals):
    ratios = [goal for goal in goals if goal["is_ratio"] and goal["value"]]
    ends = [value for goal in ratios for value in (goal["value"], goal["low"], goal["high"], goal["bound"] or 1) if value > 0]
    axis = (min([0.8, *ends]) / 1.15, max([1.25, *ends]) * 1.1)
    head = ('<thead><tr><th scope="col">compared</th><th scope="col" class="chart"></th><th scope="col" class="n">measured</th>'
            '<th scope="col" class="n">promised</th><th scope="col">verdict</th></tr></thead>')
    body = "".join(goal_rows(goal, axis) for goal in goals)
    return f'<h2 id="{slug(part)}">{escape(part)}</h2><div class="goals"><table>{head}<tbody>{body}</tbody></table></div>'


def goal_rows(goal, axis):
    if not goal["goal"]:
        verdict = '<td class="shown">· shown</td>' if goal["value"] is not None else '<td class="shown">· not measured</td>'
    elif goal["value"] is None:
        verdict = '<td class="missed">? not measured</td>'
    else:
        verdict = '<td class="met">✓ kept</td>' if goal["met"] else '<td class="missed">✗ missed</td>'
    name = escape(title(goal)) + (f"<small>{escape(versus(goal))}</small>" if versus(goal) not in title(goal) else "")
    cells = (f'<td>{name}</td><td class="chart">{chart(goal, axis)}</td><td class="n" data-name="measured">{measure(goal)}</td>'
             f'<td class="n" data-name="promised">{bound(goal)}</td>{verdict}')
    if goal["goal"] and not goal["met"] and (goal["note"] or goal["profile"]):
        return f'<tr class="open">{cells}</tr><tr class="note"><td colspan="5">{escape(goal["note"])}{profile(goal)}</td></tr>'
    return f"<tr>{cells}</tr>"


def title(goal):
    """What is measured, after the message's letter, the number of keys, or whatever tells it from its neighbours."""
    counted = {"handle": "key", "address": "key", "window": "key", "memory": "key", "origin": "entry",
               "wheel": "timer", "million": "session", "attack": "packet", "node, heartbeat": "connection",
               "registry/receive": "session", "node, limits": "key"}.get(goal["group"])
    case = goal["case"]
    if case.isdigit():
        case = f"{int(case):,}"
        if counted:
            case += f" {counted}" if case == "1" else f" {counted}s".replace("entrys", "entries")
    if goal["group"].startswith("jwt/") and goal["group"] != "jwt/refuse":
        case = goal["group"].removeprefix("jwt/")
    if goal["group"] in ("jwt/refuse", "handshake", "ticket"):
        case = goal["more"]
    return f"{case}: {goal['what']}"


def measure(goal):
    return "–" if goal["value"] is None else amount(goal["value"], goal["unit"])


def bound(goal):
    if not goal["goal"]:
        return ""
    sign = "≥ " if goal["goal"].startswith(">=") else "≤ "
    return sign + amount(goal["bound"], goal["unit"] or ("x" if goal["is_ratio"] else ""), exact=True)


def amount(value, unit, exact=False):
    if unit == "x":
        if exact:
            return f"{value:g} ×"
        return f"{value:,.0f} ×" if value >= 100 else f"{value:.1f} ×" if value >= 10 else f"{value:.2f} ×" if value >= 0.1 else f"{value:.2g} ×"
    for small, large, factor in (("ns", "µs", 1000), ("us", "ms", 1000), ("µs", "ms", 1000), ("bytes", "KB", 1000), ("KB", "MB", 1000)):
        if unit == small and value >= 10 * factor:
            value, unit = value / factor, large
    unit = {"us": "µs", "1/s": "/s", "times": "", "share": ""}.get(unit, unit)
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}".strip()


def chart(goal, axis):
    if goal["value"] is None or (goal["bound"] is None and not goal["is_ratio"]):
        return ""
    if goal["is_ratio"]:
        low, high = map(math.log, axis)

        def at(value):
            return max(0.0, min(100.0, 100 * (math.log(max(value, 1e-9)) - low) / (high - low)))

        begin = at(1)
    else:
        most = max(goal["bound"], goal["value"]) * 1.2

        def at(value):
            return max(0.0, min(100.0, 100 * value / most))

        begin = 0.0
    colour = "plain" if not goal["goal"] else "good-bar" if goal["met"] else "bad-bar"
    left, right = sorted((begin, at(goal["value"])))
    inside = ['<rect y="4" width="100" height="10" fill="var(--track)"/>',
              f'<rect x="{left:.2f}" y="4" width="{max(right - left, 0.6):.2f}" height="10" fill="var(--{colour})"/>']
    if at(goal["high"]) - at(goal["low"]) > 0.5:
        inside.append(line(f"M{at(goal['low']):.2f} 9H{at(goal['high']):.2f}", 1.5))
    if goal["is_ratio"]:
        inside.append(line(f"M{begin:.2f} 4V14", 1))
    if goal["bound"] is not None:
        inside.append(line(f"M{at(goal['bound']):.2f} 0V18", 2))
    label = f"{measure(goal)}, {bound(goal) or 'no promise'}"
    return f'<svg viewBox="0 0 100 18" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">{"".join(inside)}</svg>'


def line(path, width):
    return f'<path d="{path}" stroke="var(--ink)" stroke-width="{width}" fill="none" vector-effect="non-scaling-stroke"/>'


def raw(group, rows):
    cases = Counter(row["case"] for row in rows)
    body = []
    for case in cases:
        of_case = [row for row in rows if row["case"] == case]
        most = {unit: max(max(row["high"], 1e-9) for row in of_case if row["unit"] == unit) for unit in {row["unit"] for row in of_case}}
        for row in of_case:
            def at(field, most=most[row["unit"]], row=row):
                return max(0.0, 100 * row[field] / most)

            bar = [f'<rect y="2" width="{max(at("median"), 0.4):.2f}" height="8" fill="var(--plain)"/>',
                   line(f"M{at('low'):.2f} 6H{at('high'):.2f}", 1.5)]
            name = f"{escape(row['subject'])}<small>{escape(case)}</small>" if case else escape(row["subject"])
            spread = f"{amount(row['low'], row['unit'])} – {amount(row['high'], row['unit'])}"
            svg = f'<svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">{"".join(bar)}</svg>'
            body.append(f'<tr><td>{name}</td><td class="chart">{svg}</td><td class="n">{amount(row["median"], row["unit"])}</td>'
                        f'<td class="n spread soft">{spread}</td></tr>')
    head = ('<thead><tr><th scope="col">who</th><th scope="col" class="chart"></th><th scope="col" class="n">median</th>'
            '<th scope="col" class="n">quartiles</th></tr></thead>')
    return f'<details><summary>{escape(group)}</summary><table>{head}<tbody>{"".join(body)}</tbody></table></details>'


def when(notes):
    dates = sorted({note["date"] for note in notes.values() if "date" in note})
    machines = sorted({note["machine"] for note in notes.values() if "machine" in note})
    span = f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else "".join(dates)
    return f"Measured {span} on {' and '.join(machines)}."


def about(notes):
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape('; '.join(f'{key}: {value}' for key, value in note.items()))}</dd>"
                    for name, note in notes.items())
    return f'<h2 id="where">When and where</h2><dl>{lines}</dl><p class="soft">Run it yourself: <code>make bench</code>.</p>'


def slug(text):
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())

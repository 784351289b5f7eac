"""Where the instructions of what is measured go: benches/profiles.tsv, which benches/profile writes and the report shows."""

import csv

FIELDS = ["group", "case", "subject", "of", "instructions", "share", "function"]
SHOWN = 3


class Profiles:
    def __init__(self, path):
        lines = path.read_text().splitlines() if path.exists() else []
        notes = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
        self.notes = {"profiles": notes} if notes else {}
        self.rows = {}
        for row in csv.DictReader((line for line in lines if not line.startswith("# ")), delimiter="\t", quoting=csv.QUOTE_NONE):
            self.rows.setdefault((row["group"], row["case"], row["subject"]), []).append(row)

    def of(self, goal):
        """One sentence on ours of a goal: what it takes, and the functions that take most of it."""
        found = [self.rows.get((goal["group"], goal["case"], goal[side])) for side in ("less", "more")]
        rows = next(filter(None, found), None)
        if not rows:
            return ""
        if not rows[0]["instructions"]:
            return f"No profile: {rows[0]['function']}."
        top = ", ".join(f"{row['share']} % {row['function']}" for row in rows[:SHOWN])
        return f"callgrind: {float(rows[0]['instructions']):,.0f} instructions {rows[0]['of']}; {top}."

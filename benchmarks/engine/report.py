# SPDX-License-Identifier: Apache-2.0
"""Bars: kept, printed as a table or one JSON object a line, and counted."""

import json
import re
import sys

# A speed bar is a ratio of medians, held within 3 %.
SPEED_TOLERANCE = 0.97


def say(text):
    print(f"[bench] {text}", file=sys.stderr, flush=True)


class Report:
    def __init__(self, as_json):
        self.as_json = as_json
        self.rows = []
        self.tables = []  # title, columns, rows of text: kept with the bars in last.json

    def columns(self, title, columns, rows):
        """A table of text, its first column to the left."""
        self.tables.append({"title": title, "columns": columns, "rows": rows})
        widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
        self.text()
        self.text(title)
        for row in [columns, *rows]:
            self.text("  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))

    def add(self, bar, value, unit, limit, ok, peer=None, ratio=None, note=""):
        """value None: not measured, which is not met."""
        note = re.sub(r"(?<=[\s:])/\S+/", "", note)  # files by their names alone
        value = value.item() if hasattr(value, "item") else value  # of NumPy
        row = {"bar": bar, "value": value, "unit": unit, "limit": limit, "peer": peer, "ratio": ratio,
               "ok": bool(ok) and value is not None, "note": note}
        self.rows.append(row)
        if self.as_json:
            print(json.dumps(row), flush=True)

    def not_measured(self, bar, unit, limit, why, peer=None):
        self.add(bar, None, unit, limit, False, peer, None, "not measured: " + why)

    def at_most(self, bar, value, unit, limit, peer=None, ratio=None, note=""):
        self.add(bar, value, unit, limit, value <= limit, peer, ratio, note)

    def faster(self, bar, ratio, least, peer, note=""):
        """ratio: the peer's time by ours."""
        self.add(bar, ratio, "x", least, ratio >= least * SPEED_TOLERANCE, peer, ratio, note)

    def text(self, line=""):
        """A line of a table for people; with --json it goes to stderr."""
        print(line, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def table(self):
        if self.as_json:
            return
        width = max((len(row["bar"]) for row in self.rows), default=0)
        for row in self.rows:
            value = "-" if row["value"] is None else f"{row['value']:.4g}"
            verdict = "ok" if row["ok"] else "NOT MEASURED" if row["value"] is None else "MISSED"
            print(f"{row['bar']:<{width}}  {value:>9} {row['unit']:<6} bar {row['limit']:<6g} {verdict:<7} {row['note']}")
        met = sum(row["ok"] for row in self.rows)
        print(f"{met} of {len(self.rows)} bars met")

    def all_met(self):
        return all(row["ok"] for row in self.rows)

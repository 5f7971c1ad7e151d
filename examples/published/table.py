#!/usr/bin/env python3
"""Prints what pair.sh has found, one row for each path: python table.py OUT/NETWORK ...

`above` is the highest risk of the path above its higher end, `middle` the risk at t = 1/2, both with the statistics of batch
normalisation computed anew at every point (`population`) and averaged like parameters (`interpolate`).
"""
import json
import sys
from pathlib import Path

NAMES = ["line", "weights", "activations", "repair", "auto"]


def middle(heights, ends):
    return heights["midpoint"] + sum(ends) / 2


def row(network, name, found):
    ends = [found["ends"][end] for end in "ab"]
    if found.get("barriers") is None:
        heights = [(found["barrier"], ends)]
    else:
        above = found["barriers"]["ends_above_own"]
        own = [found["ends"][end] - above[end] for end in "ab"]
        heights = [(found["barriers"]["population"], ends), (found["barriers"]["interpolate"], own)]
    cells = [f"{h['above_ends']:.4g}, {middle(h, e):.4g}" for h, e in heights] + ["–"] * (2 - len(heights))
    share = heights[0][0]["above_ends"] / max(ends)
    seconds = f"{found['seconds']:.0f}"
    return [network, name, f"{ends[0]:.4g}, {ends[1]:.4g}", *cells, f"{100 * share:.1f} %", seconds]


print("| network | path | ends | population: above, middle | interpolate: above, middle | above / higher end | s |")
print("|---|---|---|---|---|---|---|")
for pair in map(Path, sys.argv[1:]):
    for name in NAMES:
        file = pair / name / "summary.json"
        if file.exists():
            print("| " + " | ".join(row(pair.name, name, json.loads(file.read_text()))) + " |")

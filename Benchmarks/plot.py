#!/usr/bin/env python3
"""Draws kept results: Benchmarks/plot.py RESULT.json PICTURE.png. Of `reserve`, what a request costs; of `store`, what a
reserve costs on each kind of store."""

import json
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the kind of output is chosen first)

NODE, REDIS = "#3b6fb6", "#d1495b"
RESERVE = [
    ("Express: reserve", ("express", "reserve")), ("one by one: reserve", ("unbatched", "reserve")),
    ("in batches: reserve", ("http", "reserve")), ("Express: out of stock", ("express", "outOfStock")),
    ("one by one: out of stock", ("unbatched", "outOfStock")), ("in batches: out of stock", ("http", "outOfStock")),
    ("one by one: reserve + confirm", ("unbatched", "life")), ("in batches: reserve + confirm", ("http", "life")),
    ("in batches: 5 items", ("http", "reserve5Items")), ("in batches: 100,000 SKUs", ("http", "manySKUs")),
]


def bars_of_reserve(result):
    rows = {(row["kind"], row["name"]): row for row in result["rows"]}
    return [(label, rows[name]["nodeMicros"], rows[name]["redisMicros"]) for label, name in RESERVE
            if "nodeMicros" in rows.get(name, {})]


def bars_of_store(result):
    return [(row["store"], row["nodeMicros"], row["redisMicros"]) for row in result["cost"] if row.get("nodeMicros")]


def draw(bars, title, file):
    figure, axes = pyplot.subplots(figsize=(9, 0.8 + 0.42 * len(bars)))
    labels, node, redis = zip(*reversed(bars))
    axes.barh(labels, node, color=NODE, label="node")
    axes.barh(labels, redis, left=node, color=REDIS, label="Redis")
    for place, (one, two) in enumerate(zip(node, redis)):
        axes.text(one + two, place, f" {one:.1f} + {two:.1f}", va="center", fontsize=9)
    axes.set_xlabel("µs of CPU for each request")
    axes.set_title(title, fontsize=10)
    axes.margins(x=0.15)
    axes.legend(loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    bars = bars_of_reserve(result) if "rows" in result else bars_of_store(result)
    if not bars:
        sys.exit(f"plot: {sys.argv[1]} has no costs of requests")
    # Express is so far off that nothing else could be seen: it has a scale of its own, in words.
    shown = [bar for bar in bars if not bar[0].startswith("Express")]
    others = ", ".join(f"{label} {node + redis:.0f} µs" for label, node, redis in bars if (label, node, redis) not in shown)
    machine = f"{result['machine']['cores']} cores, commit {result['commit']}"
    draw(shown, f"{machine}{' (' + others + ')' if others else ''}", sys.argv[2])


if __name__ == "__main__":
    main()

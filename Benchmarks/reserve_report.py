"""The figures of reserving as readable tables, with the design's targets, and as JSON."""

from statistics import median

from tables import at_least, at_most, shown, table, target_table, targets_as_json

LABELS = {
    ("http", "reserve"): "reserve, with a key",
    ("http", "reserveWithoutKey"): "reserve, without",
    ("http", "reserve5Items"): "reserve of 5 items",
    ("http", "replay"): "replay",
    ("http", "outOfStock"): "out of stock",
    ("http", "confirm"): "confirm",
    ("http", "life"): "whole life: reserve + confirm",
    ("http", "halfRate"): "reserve, paced at half the rate",
    ("http", "manySKUs"): "reserve, 100,000 SKUs",
    ("http", "manyConnections"): "reserve, 1,000 connections",
    ("http", "oneConnection"): "reserve, one connection",
    ("http", "calm"): "reserve, in no hurry",
    ("http", "massExpiry"): "the same, while 100,000 holds lapse",
    ("http", "flood"): "the same, beside 1,000 connections with carts of 20",
    ("unbatched", "reserve"): "without batches: reserve, with a key",
    ("unbatched", "manySKUs"): "without batches: 100,000 SKUs",
    ("unbatched", "outOfStock"): "without batches: out of stock",
    ("unbatched", "life"): "without batches: whole life",
    ("unbatched", "oneConnection"): "without batches: one connection",
    ("unbatched", "flood"): "without batches: in no hurry, beside the flood",
    ("senders", "reserve"): "stand-ins for several nodes, batches of 16",
    ("express", "reserve"): "Express: reserve, with a key",
    ("express", "outOfStock"): "Express: out of stock",
    ("fifty", "ping"): "PING",
    ("fifty", "obvious"): "reserve, the obvious script",
    ("fifty", "reserve"): "reserve, with a key",
    ("fifty", "reserveWithoutKey"): "reserve, without",
    ("fifty", "outOfStock"): "out of stock",
    ("fifty", "confirm"): "confirm, in order (not redis-benchmark)",
    ("fifty", "reserve5Items"): "reserve of 5 items",
    ("fifty", "reserve10Items"): "reserve of 10 items",
    ("fifty", "reserve20Items"): "reserve of 20 items",
    ("fifty", "beforeManyHolds"): "reserve, before the next",
    ("fifty", "manyHolds"): "reserve, 1,000,000 live holds",
}

COLUMNS = ("rate", "p50", "p99", "nodeMicros", "redisMicros", "residentMiB", "backSeconds", "refused")


def http_table(samples, clients):
    lines = []
    for row in LABELS:
        if row[0] not in ("http", "unbatched", "express", "senders") or not samples.of(row):
            continue
        # Alone is what the script of single calls does: so it goes beside the node that sends such.
        same = ("same", row[1]) if row[0] == "unbatched" else (None, None)
        share = samples.ratio(row, same, "rate")
        lines.append([
            LABELS[row],
            shown(samples.median(row, "rate"), "{:,.0f}"),
            shown(samples.median(row, "p50"), "{:.1f}"),
            shown(samples.median(row, "p99"), "{:.1f}"),
            shown(samples.median(row, "nodeMicros"), "{:.1f}"),
            shown(samples.median(row, "redisMicros"), "{:.1f}"),
            shown(samples.median(same, "rate"), "{:,.0f}"),
            shown(share and share * 100, "{:.0f} %"),
        ])
    heads = [f"Over HTTP, {clients} connections", "per s", "p50 ms", "p99 ms", "node µs", "Redis µs",
             "same script alone, per s", "share"]
    return table(heads, lines)


def script_table(samples):
    lines = []
    for row in LABELS:
        if row[0] != "fifty" or not samples.of(row):
            continue
        lines.append([
            LABELS[row],
            shown(samples.median(row, "rate"), "{:,.0f}"),
            shown(samples.median(row, "p50"), "{:.2f}"),
            shown(samples.median(row, "p99"), "{:.2f}"),
            shown(samples.median(row, "redisMicros"), "{:.1f}"),
            shown(samples.ratio(row, ("fifty", "ping"), "redisMicros"), "{:.2f}"),
        ])
    heads = ["redis-benchmark, 50 connections", "per s", "p50 ms", "p99 ms", "Redis µs", "× PING"]
    return table(heads, lines)


def growth(samples, row, base, column):
    ratio = samples.ratio(row, base, column)
    return None if ratio is None else (ratio - 1) * 100


def bend(samples):
    """The greatest distance of 5 and 10 items from the straight line from 1 to 20, in percent of the line."""
    micros = {lines: samples.median(("fifty", name), "redisMicros") for lines, name in (
        (1, "reserve"), (5, "reserve5Items"), (10, "reserve10Items"), (20, "reserve20Items"))}
    if None in micros.values():
        return None
    slope = (micros[20] - micros[1]) / 19
    lines = {count: micros[1] + slope * (count - 1) for count in (5, 10)}
    return max(abs(micros[count] / line - 1) * 100 for count, line in lines.items())


def whole(samples, row, other):
    """CPU of node and Redis together, of one row against another."""
    sums = [[sample["nodeMicros"] + sample["redisMicros"] for sample in samples.of(name)] for name in (row, other)]
    ratios = [one / two for one, two in zip(*sums)]
    return median(ratios) if ratios else None


def targets(samples):
    """What is to be reached (docs/benchmarks.md), beside what was measured."""
    reserve, unbatched, express = ("http", "reserve"), ("unbatched", "reserve"), ("express", "reserve")
    rows = [
        at_most("node CPU per reserve, against Express", 0.1, samples.ratio(reserve, express, "nodeMicros"), "{:.3f} ×"),
        at_most("node + Redis CPU per reserve, against Express's", 0.125, whole(samples, reserve, express), "{:.3f} ×"),
        at_most("node + Redis CPU of an out-of-stock answer, against Express's", 0.09,
                whole(samples, ("http", "outOfStock"), ("express", "outOfStock")), "{:.3f} ×"),
        at_most("Redis CPU per keyed reserve at full load, against the obvious script alone", 0.35,
                samples.ratio(reserve, ("fifty", "obvious"), "redisMicros"), "{:.2f} ×"),
        at_least("reserves/s that one Redis takes in batches, against the single script unpipelined", 2.5,
                 samples.ratio(("senders", "reserve"), ("fifty", "reserve"), "rate"), "{:.2f} ×"),
        at_least("reserves/s of one node, against the same without batches", 1.25,
                 samples.ratio(reserve, unbatched, "rate"), "{:.2f} ×"),
        at_most("p50 with one connection, against the same without batches", 1.03,
                samples.ratio(("http", "oneConnection"), ("unbatched", "oneConnection"), "p50"), "{:.2f} ×"),
        at_most("whole life (reserve + confirm) with keys, Redis CPU, against PING", 4.5,
                samples.ratio(("http", "life"), ("fifty", "ping"), "redisMicros"), "{:.2f} ×"),
        at_most("p99 at half of the maximum rate", 3, samples.median(("http", "halfRate"), "p99"), "{:.1f} ms"),
        at_most("memory of a node under 1,000 connections", 48,
                samples.median(("http", "manyConnections"), "residentMiB"), "{:.0f} MiB"),
        at_most("Redis CPU per reserve, 100,000 SKUs against 1, one by one", 15,
                growth(samples, ("unbatched", "manySKUs"), unbatched, "redisMicros"), "{:+.0f} %"),
        at_most("node CPU per reserve, 100,000 SKUs against 1", 15,
                growth(samples, ("http", "manySKUs"), reserve, "nodeMicros"), "{:+.0f} %"),
        at_most("Redis CPU of 5 and 10 items, off the line from 1 to 20", 15, bend(samples), "{:.0f} %"),
        at_most("p99 while 100,000 holds lapse, against a quiet one", 3,
                samples.ratio(("http", "massExpiry"), ("http", "calm"), "p99"), "{:.1f} ×"),
        at_most("from the last deadline of 100,000 holds until all are back in stock", 3,
                samples.median(("http", "massExpiry"), "backSeconds"), "{:.1f} s"),
        at_most("p99 of one in no hurry beside a flood, against the same without batches", 1.25,
                samples.ratio(("http", "flood"), ("unbatched", "flood"), "p99"), "{:.2f} ×"),
    ]
    if ("fifty", "manyHolds") in samples.rows():
        rows.append(at_most(
            "Redis CPU per reserve, 1,000,000 live holds on the SKU", 30,
            growth(samples, ("fifty", "manyHolds"), ("fifty", "beforeManyHolds"), "redisMicros"), "{:+.0f} %"))
    return rows


class Report:
    def __init__(self, samples, settings):
        self.samples, self.settings, self.failures = samples, settings, samples.failures

    def as_text(self):
        parts = [
            "Holdfast, reserving: {cores} cores (load average before: {loadBefore:.1f}), "
            "Redis {redisVersion} ({persistence}), node {nodeVersion};\n"
            "medians of {rounds} rounds of {seconds} s each".format(**self.settings),
            "CPU times are per request (per life in that row), user and system, from /proc/PID/stat. Latency under wrk "
            "is corrected\nfor coordinated omission by wrk; paced, each connection waits for its slot on one schedule, "
            "and latency counts from\nthe sending. Every row has proved its effects in Redis; redis-benchmark shares "
            "the machine as wrk does.",
            http_table(self.samples, self.settings["clients"]),
            script_table(self.samples),
            target_table(targets(self.samples)),
        ]
        parts += [f"FAILED  {' '.join(row)}: {reason}" for row, reason in self.failures.items()]
        return "\n\n".join(parts)

    def as_json(self):
        return {
            "settings": self.settings,
            "rows": [self._row(name) for name in self.samples.rows()],
            "targets": targets_as_json(targets(self.samples)),
        }

    def _row(self, name):
        figures = {column: self.samples.median(name, column) for column in COLUMNS}
        figures = {column: value for column, value in figures.items() if value is not None}
        failure = {"failure": self.failures[name]} if name in self.failures else {}
        return {"kind": name[0], "name": name[1], "rounds": len(self.samples.of(name))} | figures | failure

"""The costs of two builds, as a table and as JSON."""

from reserve_report import LABELS
from tables import at_most, shown, table, target_table, targets_as_json

# A greater increase in cost must be shown.
BOUND = 1.03
COSTS = {"nodeMicros": "node", "redisMicros": "Redis"}


class AgainstReport:
    def __init__(self, samples, settings):
        self.samples, self.settings = samples, settings
        self.failures = samples.failures

    def _rows(self):
        return list(dict.fromkeys(row for _, *names in self.samples.rows() for row in [tuple(names)]))

    def _median(self, build, row, column):
        return self.samples.median((build, *row), column)

    def _ratio(self, row, column):
        """None for what a row does not measure: a row without HTTP has no node."""
        if self._median("this", row, column) is None or self._median("earlier", row, column) is None:
            return None
        return self.samples.ratio(("this", *row), ("earlier", *row), column)

    @staticmethod
    def _label(row):
        return LABELS.get(row, row[1]) + ("" if row[0] == "http" else " (script alone)")

    def _table(self):
        heads = ["CPU of this build and of the earlier one", "node µs", "earlier", "ratio", "Redis µs", "earlier", "ratio",
                 "rate, ratio"]
        lines = []
        for row in self._rows():
            line = [self._label(row)]
            for column in COSTS:
                line += [shown(self._median(build, row, column), "{:.1f}") for build in ("this", "earlier")]
                line.append(shown(self._ratio(row, column), "{:.3f}"))
            lines.append([*line, shown(self._ratio(row, "rate"), "{:.2f}")])
        return table(heads, lines)

    def _targets(self):
        return [
            at_most(f"{COSTS[column]} CPU, against the earlier build: {self._label(row)}", BOUND, ratio, "{:.3f} ×")
            for row in self._rows() for column in COSTS
            if (ratio := self._ratio(row, column)) is not None
        ]

    def as_text(self):
        parts = [
            "Holdfast, this build against {earlier}: {cores} cores (load average before: {loadBefore:.1f}), "
            "Redis {redisVersion} (appendfsync {persistence}), {clients} connections;\n"
            "medians of {rounds} rounds of {seconds} s each; a ratio is the median of those of the rounds".format(
                **self.settings),
            self._table(),
            target_table(self._targets()),
        ]
        parts += [f"FAILED  {' '.join(row)}: {reason}" for row, reason in self.failures.items()]
        return "\n\n".join(parts)

    def as_json(self):
        return {
            "settings": self.settings,
            "rows": [
                {"kind": row[0], "name": row[1]} | {
                    f"{column}Ratio": ratio for column in COSTS if (ratio := self._ratio(row, column)) is not None
                } | {
                    build: {column: value for column in (*COSTS, "rate")
                            if (value := self._median(build, row, column)) is not None}
                    for build in ("this", "earlier")
                } for row in self._rows()
            ],
            "targets": targets_as_json(self._targets()),
            "failures": {" ".join(row): reason for row, reason in self.failures.items()},
        }

"""The figures of failover as a table and as JSON, with the design's targets."""

from tables import at_most, table, target_table, targets_as_json

MOST_EXAMPLES = 5
SWEEP_DELAY_MILLISECONDS = 100


class Report:
    def __init__(self, faults, samples, settings):
        self.faults, self.samples, self.settings, self.failures = faults, samples, settings, samples.failures

    def as_text(self):
        parts = [
            "Holdfast, failover: {cores} cores (load average before: {loadBefore:.1f}), Redis {redisVersion} "
            "(appendfsync {fsync}), {nodes} nodes;\n{runs} runs of each fault of the leader".format(**self.settings),
            "Milliseconds from the fault to the instant at which the new term began, and to the first hold that it "
            "released,\nby Redis's clock. Shoppers reserve through all nodes all the while; their holds lapse every "
            "few milliseconds.\nErrors: requests that were not answered 201, at the afflicted node and at others.\n"
            "Redis paused: the longest that it took for a PING in any run, as when its disk is busy.",
            self._table(),
            target_table(self._targets()),
        ]
        parts += [f"Error at a node that nothing befell: {text}" for text in self._errors_elsewhere()[:MOST_EXAMPLES]]
        parts += [f"FAILED  {' '.join(row)}: {reason}" for row, reason in self.failures.items()]
        return "\n\n".join(parts)

    def as_json(self):
        return {
            "settings": self.settings,
            "faults": [{"fault": fault.name, "runs": self._runs(fault)} | {
                column: {"median": self._median(fault, column), "worst": self._worst(fault, column)}
                for column in ("leaderMs", "sweepMs", "sweepDelayMs")} for fault in self.faults],
            "targets": targets_as_json(self._targets()),
            "failures": [{"row": " ".join(row), "failure": reason} for row, reason in self.failures.items()],
        }

    def _table(self):
        lines = []
        for fault in self.faults:
            if runs := self._runs(fault):
                lines.append([
                    fault.label, str(len(runs)),
                    *(f"{figure(fault, column):,.0f}" for column in ("leaderMs", "sweepMs")
                      for figure in (self._median, self._worst)),
                    str(sum(run["errorsAtNode"] for run in runs)),
                    str(sum(len(run["errorsElsewhere"]) for run in runs)),
                    f"{self._worst(fault, 'redisPauseMs'):,.0f}"])
        return table(["What befell the leader", "runs", "new leader: median", "worst", "first sweep: median", "worst",
                      "errors at the node", "elsewhere", "Redis paused"], lines)

    def _targets(self):
        rows = [at_most(f"{fault.label}: new leader, worst", fault.bound, self._worst(fault, "leaderMs"), "{:,.0f} ms")
                for fault in self.faults]
        worst = [self._worst(fault, "sweepDelayMs") for fault in self.faults]
        complete = None not in worst
        return rows + [
            at_most("first sweep after election, worst", SWEEP_DELAY_MILLISECONDS,
                    max(worst) if complete else None, "{:,.0f} ms"),
            at_most("errors at nodes that nothing befell", 0, len(self._errors_elsewhere()) if complete else None,
                    "{:.0f}"),
        ]

    def _runs(self, fault):
        return self.samples.of(("fault", fault.name))

    def _median(self, fault, column):
        return self.samples.median(("fault", fault.name), column)

    def _worst(self, fault, column):
        return max((run[column] for run in self._runs(fault)), default=None)

    def _errors_elsewhere(self):
        return [text for fault in self.faults for run in self._runs(fault) for text in run["errorsElsewhere"]]

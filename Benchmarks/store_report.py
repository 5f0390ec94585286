"""The figures of the store as tables and as JSON, with the design's targets."""

from collections import Counter

from cluster_group import NODE_TIMEOUT_MILLISECONDS
from replication import DOWN_AFTER_MILLISECONDS, FAILOVER_TIMEOUT_MILLISECONDS, SENTINELS, SERVERS
from store_cost import CLUSTER, CLUSTER_PAIR, SINGLE, SINGLE_PAIR, STORES
from store_runs import run_name
from tables import at_most, shown, table, target_table, targets_as_json

SERVING_MILLISECONDS = 1_000
ANSWER_MILLISECONDS = 2_000
COST_TARGETS = (CLUSTER, SINGLE, 1.35), (CLUSTER_PAIR, SINGLE_PAIR, 3)
# Of a run, and of a row of cost.
COLUMNS = ("openedMs", "namedMs", "servingMs", "servingAfterNameMs", "longestMs", "connections", "wellMs", "pauseMs",
           "otherFailovers")
COSTS = ("rate", "p50", "p99", "nodeMicros", "redisMicros", "sumMicros")


class Report:
    def __init__(self, serving, losses, has_cost, samples, settings):
        """`serving`, `losses`: pairs of a fault and the number of replicas that writes waited for."""
        self.serving, self.losses, self.has_cost = serving, losses, has_cost
        self.samples, self.settings, self.failures = samples, settings, samples.failures

    def as_text(self):
        parts = [
            "Holdfast, the store: {cores} cores (load average before: {loadBefore:.1f}), Redis {redisVersion} "
            "(appendfsync {fsync}), {nodes} nodes".format(**self.settings)]
        if self.serving:
            parts += [SERVING_WORDS.format(**self.settings), self._serving_table(), self._errors_table()]
        if self.losses:
            parts += [LOSSES_WORDS.format(**self.settings), self._losses_table()]
        if self.has_cost:
            parts += [COST_WORDS.format(**self.settings), self._cost_table()]
        parts += [target_table(targets)] if (targets := self._targets()) else []
        parts += [f"FAILED  {' '.join(row)}: {reason}" for row, reason in self.failures.items()]
        return "\n\n".join(parts)

    def as_json(self):
        return {
            "settings": self.settings,
            "runs": [{"fault": fault.name, "minReplicas": count, "runs": self._runs(fault, count)} | {
                column: {"median": self._median(fault, count, column), "worst": self._worst(fault, count, column)}
                for column in COLUMNS} for fault, count in self._pairs()],
            "cost": [{"store": name, "rounds": self.samples.of(("cost", name)), "toSingle": self._to_single(name)} | {
                column: self.samples.median(("cost", name), column) for column in COSTS}
                for name in self._stores()],
            "targets": targets_as_json(self._targets()),
            "failures": [{"row": " ".join(row), "failure": reason} for row, reason in self.failures.items()],
        }

    def _serving_table(self):
        lines = []
        for fault, count in self.serving:
            if runs := self._runs(fault, count):
                lines.append([
                    fault.label, str(count), str(len(runs)),
                    *(f"{figure(fault, count, column):,.0f}"
                      for column in COLUMNS[:3] for figure in (self._median, self._worst)),
                    *(f"{self._worst(fault, count, column):,.0f}" for column in COLUMNS[3:])])
        return table(["What befell the master", "awaited", "runs", "writes: median", "worst", "named: median", "worst",
                      "serving: median", "worst", "after name", "longest", "links", "well", "paused", "again"], lines)

    def _errors_table(self):
        lines = []
        for fault, count in self.serving:
            runs = self._runs(fault, count)
            errors = sum((Counter(run["errors"]) for run in runs), Counter())
            lines += [[f"{fault.label}, {count} awaited", kind, f"{number:,}", f"{number / len(runs):,.0f}"]
                      for kind, number in errors.most_common()]
        return table(["Not answered 201", "but", "requests", "a run"], lines)

    def _losses_table(self):
        lines = []
        for fault, count in self.losses:
            if runs := self._runs(fault, count):
                told = sum(run["acknowledged"] for run in runs)
                lines.append([fault.label, str(count), str(len(runs)), f"{told:,}",
                              f"{sum(run['lost'] for run in runs):,}",
                              f"{self._worst(fault, count, 'lost'):,}",
                              str(sum(run["lost"] > 0 for run in runs)),
                              f"{self._worst(fault, count, 'lostUntilMs'):,.0f}",
                              str(sum(run["otherFailovers"] for run in runs))])
        return table(["What befell the master", "awaited", "runs", "acknowledged", "lost", "worst run",
                      "runs with losses", "until", "again"], lines)

    def _cost_table(self):
        lines = []
        for name in self._stores():
            figures = [self.samples.median(("cost", name), column) for column in COSTS]
            forms = ["{:,.0f}", *["{:.1f}"] * (len(COSTS) - 1)]
            lines.append([name, *map(shown, figures, forms), shown(self._to_single(name), "{:.2f}")])
        return table(["Reserve with a key", "per s", "p50 ms", "p99 ms", "node µs", "Redis µs", "sum µs",
                      f"× {SINGLE}"], lines)

    def _cost_targets(self):
        return [at_most(f"{name}: CPU of node and Redis, × {base}", most,
                        self.samples.ratio(("cost", name), ("cost", base), "sumMicros"), "{:.2f}")
                for name, base, most in COST_TARGETS] if self.has_cost else []

    def _targets(self):
        rows = [at_most(f"{fault.label}, {count} awaited: serving again, worst", SERVING_MILLISECONDS,
                        self._worst(fault, count, "servingMs"), "{:,.0f} ms") for fault, count in self.serving]
        longest = [self._worst(fault, count, "longestMs") for fault, count in self.serving]
        if longest:
            rows.append(at_most("longest time that a request took", ANSWER_MILLISECONDS,
                                None if None in longest else max(longest), "{:,.0f} ms"))
        for fault, count in self.losses:
            if (fault.name, count) == ("kill", 1):
                lost = [run["lost"] for run in self._runs(fault, count)]
                rows.append(at_most(f"{fault.label}, {count} awaited: acknowledged and lost", 0,
                                    sum(lost) if lost else None, "{:,.0f}"))
        return rows + self._cost_targets()

    def _pairs(self):
        return self.serving + [pair for pair in self.losses if pair not in self.serving]

    def _stores(self):
        return STORES if self.has_cost else []

    def _to_single(self, name):
        return self.samples.ratio(("cost", name), ("cost", SINGLE), "sumMicros")

    def _runs(self, fault, count):
        return self.samples.of(("run", run_name(count, fault)))

    def _median(self, fault, count, column):
        return self.samples.median(("run", run_name(count, fault)), column)

    def _worst(self, fault, count, column):
        return max((run[column] for run in self._runs(fault, count)), default=None)


SERVING_WORDS = (
    f"Serving again: {SERVERS} servers, {SENTINELS} Sentinels (down-after-milliseconds {DOWN_AFTER_MILLISECONDS}, "
    f"failover-timeout {FAILOVER_TIMEOUT_MILLISECONDS}), "
    "{runs} runs\nof each fault. On the Cluster: three masters with a replica each (cluster-node-timeout "
    f"{NODE_TIMEOUT_MILLISECONDS}), and the other\nmasters tell, in place of Sentinels. Milliseconds.\n"
    "  awaited     so many replicas have a change before it is acknowledged\n"
    "  writes      from the fault until the new master takes writes, or the old one can be reached again\n"
    "  named       from there until a Sentinel names it\n"
    "  serving     from there (from the first replicas that are awaited) until the last node has had a reserve\n"
    "              acknowledged that was begun after that instant\n"
    "  after name  how much of that came after a Sentinel had named it, worst\n"
    "  longest     the longest time that a request took\n"
    "  links       connections that the new master got until a second after it was named, at most\n"
    "  well        from there until there were one master and all its replicas again, worst\n"
    "  paused      the longest that a Sentinel took for a PING, as when the machine is busy\n"
    "  again       further failovers in a run, at most: a server stood still for longer than Sentinels wait")
LOSSES_WORDS = (
    "Losses: reserves that were answered 201 until all was well again after a fault, and those of them that the\n"
    "master does not know any more. Split: the old master, one node and its shoppers on one side, all else on the\n"
    "other, until 5 s after a Sentinel has named the new master. Until: milliseconds from the fault to the last\n"
    "that was acknowledged and lost, worst. Again: further failovers in all runs, since a server stood still for\n"
    "longer than Sentinels wait; what is lost then is counted here, too.")
COST_WORDS = (
    "Cost: CPU per reserve, user and system, from /proc/PID/stat, under wrk with {clients} connections; Redis: all\n"
    "servers and Sentinels; medians of {rounds} rounds of {seconds} s, in turns. The Cluster has three masters, without\n"
    "replicas.")

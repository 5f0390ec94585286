"""The figures of health as tables and as JSON, with the design's targets."""

from health_faults import DOWN, FAULTS, PAUSE_SECONDS
from tables import at_most, table, target_table, targets_as_json

DOWN_MILLISECONDS = 2_500
JUDGED_MILLISECONDS = 3_000
SCALE_PERCENT = 5
MOST_EXAMPLES = 5
SCALE_ROWS = {
    "probes": "probed", "announcements": "and they announce themselves", "page": "and a page is open"}


class Report:
    def __init__(self, samples, settings):
        self.samples, self.settings, self.failures = samples, settings, samples.failures
        self.faults = [fault for fault in FAULTS if self._runs("detection", fault.name)]
        self.restarts = [fault for fault in FAULTS if self._runs("restart", fault.name)]
        self.load = self._runs("load", "load")
        self.scale = [(label, row) for name, label in SCALE_ROWS.items() for row in self._runs("scale", name)]

    def as_text(self):
        parts = [
            "Holdfast, health: {cores} cores (load average before: {loadBefore:.1f}), {nodes} nodes, Redis with "
            "appendfsync {fsync}.\nMilliseconds from the fault to the picture that shows it, as the operator page gets "
            "it by server-sent events; well\nagain: from the mending. CPU is that of the coordinator, from "
            "/proc/PID/stat.".format(**self.settings)]
        parts += self._detection_table() + self._coordinator_table() + self._load_table() + self._scale_table()
        parts.append(target_table(self._targets()))
        parts += [f"Under load: {text}" for row in self.load for text in row["reasons"][:MOST_EXAMPLES]]
        parts += [f"FAILED  {' '.join(row)}: {reason}" for row, reason in self.failures.items()]
        return "\n\n".join(parts)

    def as_json(self):
        return {
            "settings": self.settings,
            "detection": [self._summary("detection", fault.name) for fault in self.faults],
            "pause": [self._summary("pause", "pause")] if self._runs("pause", "pause") else [],
            "restart": [self._summary("restart", fault.name) for fault in self.restarts],
            "load": self.load,
            "scale": [{"case": label} | row for label, row in self.scale],
            "targets": targets_as_json(self._targets()),
            "failures": [{"row": " ".join(row), "failure": reason} for row, reason in self.failures.items()],
        }

    def _summary(self, kind, name):
        """Each run, and the median and the worst of every figure in milliseconds."""
        runs = self._runs(kind, name)
        return {"name": name, "runs": runs} | {
            column: {"median": self._median((kind, name), column), "worst": self._worst((kind, name), column)}
            for column in runs[0] if column.endswith("Ms")}

    def _detection_table(self):
        lines = []
        for fault in self.faults:
            row = "detection", fault.name
            lines.append([
                fault.label, fault.told, str(len(self._runs(*row))),
                *(f"{figure(row, column):,.0f}" for column in ("toldMs", "leaderMs", "leaderDelayMs", "wellMs")
                  for figure in (self._median, self._worst)),
                *(str(self._sum(row, column)) for column in ("falseSuspect", "falseDown"))])
        heads = ["What befell the leader", "shown as", "runs", "after: median", "worst", "new leader: median", "worst",
                 "since election: median", "worst", "well again: median", "worst", "false SUSPECT", "false DOWN"]
        return [table(heads, lines)] if lines else []

    def _coordinator_table(self):
        lines = []
        if runs := self._runs("pause", "pause"):
            row = "pause", "pause"
            lines.append([f"stopped for {PAUSE_SECONDS} s, continued", str(len(runs)), "all nodes probed anew",
                          f"{self._median(row, 'currentMs'):,.0f}", f"{self._worst(row, 'currentMs'):,.0f}",
                          str(self._sum(row, "falseSuspect")), str(self._sum(row, "falseDown"))])
        for fault in self.restarts:
            row, dead = ("restart", fault.name), "killed" if fault.name == "kill" else "stopped"
            figures = [f"{figure(row, 'judgedMs'):,.0f}" for figure in (self._median, self._worst)]
            lines.append([f"kill -9, new start; a node is {dead}", str(len(self._runs(*row))), "all nodes judged",
                          *figures, "–", "–"])
        heads = ["What befell the coordinator", "runs", "until", "median", "worst", "false SUSPECT", "false DOWN"]
        return [table(heads, lines)] if lines else []

    def _load_table(self):
        return [table(["Full load for", "requests/s", "failed", "cores idle", "SUSPECT", "DOWN", "late rounds",
                       "coordinator CPU"], [
            [f"{row['seconds'] / 60:.1f} min", f"{row['requestsPerSecond']:,.0f}", str(row["failedRequests"]),
             f"{row['idlePercent']:.0f} %", str(row["suspect"]), str(row["down"]), str(row["lateRounds"]),
             f"{row['cpuPercent']:.1f} %"] for row in self.load])] if self.load else []

    def _scale_table(self):
        return [table(["Many nodes", "nodes", "probes/s", "longest gap", "announcements/s", "CPU, of a core", "memory",
                       "pictures/s", "of KiB"], [
            [label, str(row["nodes"]), f"{row['probesPerSecond']:.1f}", f"{row['longestGapMs']:,.0f}",
             f"{row['announcements'] / row['seconds']:.0f}", f"{row['cpuPercent']:.1f} %",
             f"{row['residentKiB'] / 1024:.0f} MiB", f"{row.get('picturesPerSecond', 0):.1f}",
             f"{row.get('pictureKiB', 0):.0f}"] for label, row in self.scale])] if self.scale else []

    def _targets(self):
        targets = [
            at_most(f"{fault.label}: {fault.told}, worst", DOWN_MILLISECONDS,
                    self._worst(("detection", fault.name), "toldMs"), "{:,.0f} ms")
            for fault in self.faults if fault.told == DOWN]
        false = [self._sum(row, "falseDown") for row in self.samples.rows() if row[0] in ("detection", "pause")]
        if false:
            targets.append(at_most("false DOWN in all runs", 0, sum(false), "{:.0f}"))
        judged = [self._worst(("restart", fault.name), "judgedMs") for fault in self.restarts]
        if judged:
            targets.append(at_most("restart: all judged, worst", JUDGED_MILLISECONDS, max(judged), "{:,.0f} ms"))
        for row in self.load:
            minutes = row["seconds"] / 60
            targets.append(at_most(f"false DOWN in {minutes:.1f} min of full load", 0, row["down"], "{:.0f}"))
        for name, words in (("probes", "probed each second"), ("announcements", "that announce themselves too")):
            for row in self._runs("scale", name):
                targets.append(at_most(
                    f"{row['nodes']} nodes {words}: CPU, of a core", SCALE_PERCENT, row["cpuPercent"], "{:.1f} %"))
        return targets

    def _runs(self, kind, name):
        return self.samples.of((kind, name))

    def _median(self, row, column):
        return self.samples.median(row, column)

    def _worst(self, row, column):
        return max((run[column] for run in self.samples.of(row)), default=None)

    def _sum(self, row, column):
        return sum(run[column] for run in self.samples.of(row))

"""The figures of the sweep as tables and as JSON, with the design's targets."""

from tables import at_most, table, target_table, targets_as_json

IDLE_MICROSECONDS = 100
OLDEST_MILLISECONDS = 1_000


class Report:
    def __init__(self, samples, settings):
        self.samples, self.settings, self.failures = samples, settings, samples.failures
        self.idle = [sample for row in samples.rows() if row[0] == "idle" for sample in samples.of(row)]
        self.rate = [sample for row in samples.rows() if row[0] == "rate" for sample in samples.of(row)]

    def as_text(self):
        parts = [
            "Holdfast, the sweep: {cores} cores (load average before: {loadBefore:.1f}), Redis {redisVersion}, "
            "one node".format(**self.settings),
            "A sweep that finds nothing due: time within the script by Redis's commandstats, and CPU of all that a "
            "call costs\nRedis, from /proc/PID/stat.",
            table(["Live holds", "SKUs", "script µs", "Redis CPU µs"], [
                [f"{row['holds']:,}", f"{row['skus']:,}", f"{row['scriptMicros']:.1f}", f"{row['redisMicros']:.1f}"]
                for row in self.idle]),
            "Holds of one line that lapse at one rate for {seconds} s: how overdue each was when its stock was put "
            "back, by the stream of\nevents. Redis paused: the longest that it took for a PING, as when its disk is "
            "busy. CPU is per hold, that of\nRedis in percent of a core too.".format(**self.settings),
            table(["appendfsync", "SKUs", "lapsed per s", "overdue ms: median", "p99", "oldest", "Redis paused",
                   "Redis µs", "%", "node µs"], [self._rate_line(row) for row in self.rate]),
            target_table(self._targets()),
        ]
        parts += [f"FAILED  {' '.join(row)}: {reason}" for row, reason in self.failures.items()]
        return "\n\n".join(parts)

    def as_json(self):
        return {
            "settings": self.settings, "idle": self.idle, "rate": self.rate,
            "targets": targets_as_json(self._targets()),
            "failures": [{"row": " ".join(row), "failure": reason} for row, reason in self.failures.items()],
        }

    @staticmethod
    def _rate_line(row):
        return [row["fsync"], f"{row['skus']:,}", f"{row['rate']:,.0f}", f"{row['medianMs']:,}", f"{row['p99Ms']:,}",
                f"{row['oldestMs']:,}", f"{row['redisPauseMs']:,.0f}", f"{row['redisMicros']:.1f}",
                f"{row['redisMicros'] * row['rate'] / 1e4:.0f}", f"{row['nodeMicros']:.1f}"]

    def _targets(self):
        complete = not self.failures
        idle = [max(row["scriptMicros"], row["redisMicros"]) for row in self.idle]
        pace = "{expiriesPerSecond:,} expiries a second: oldest overdue hold".format(**self.settings)
        return [
            at_most("a sweep with nothing due, at any size", IDLE_MICROSECONDS, max(idle) if complete else None,
                    "{:.1f} µs"),
            at_most(pace, OLDEST_MILLISECONDS, max(row["oldestMs"] for row in self.rate) if complete else None,
                    "{:,.0f} ms"),
        ]

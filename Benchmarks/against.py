"""Measures this build and an earlier one in turns, each with its own Redis, and compares their costs."""

import os
import sys
from contextlib import contextmanager

from against_report import AgainstReport
from http_rows import HTTPRows
from samples import Samples
from scenes import Scenes
from script_rows import ScriptRows
from stages import NodeStage

CLIENTS_OF_SCRIPTS = 50
MANY_SKUS = 100_000
SCRIPT_SHARE = 0.5
# Confirms per second, at most, relative to the reserves per second just measured. Reservations must not run out.
CONFIRMS_PER_RESERVE = 2


class Build:
    """One of the two builds, on its own stage."""

    def __init__(self, name, stage, options, samples):
        self.name, self.stage, self.samples = name, stage, samples
        self.scenes = Scenes(stage)
        self.http = HTTPRows(self.scenes, options.seconds, options.clients)
        self.script = ScriptRows(self.scenes, options.seconds * SCRIPT_SHARE)

    def rows(self):
        http, script, node = self.http, self.script, self.scenes.node
        return {
            ("http", "reserve"): lambda: http.reserve(node),
            ("http", "reserveWithoutKey"): lambda: http.reserve(node, keyed=False),
            ("http", "reserve5Items"): lambda: http.reserve(node, lines=5),
            ("http", "manySKUs"): lambda: http.reserve_of(node, MANY_SKUS),
            ("http", "outOfStock"): lambda: http.out_of_stock(node),
            ("http", "replay"): lambda: http.replay(node),
            ("http", "confirm"): lambda: http.confirm(node, self._most_confirms(), self.stage.directory),
            ("http", "life"): lambda: http.life(node),
            ("fifty", "reserve"): lambda: script.reserve(node, CLIENTS_OF_SCRIPTS),
            ("fifty", "reserveWithoutKey"): lambda: script.reserve(node, CLIENTS_OF_SCRIPTS, keyed=False),
            ("fifty", "reserve5Items"): lambda: script.reserve(node, CLIENTS_OF_SCRIPTS, lines=5),
            ("fifty", "outOfStock"): lambda: script.out_of_stock(node, CLIENTS_OF_SCRIPTS),
            ("fifty", "replay"): lambda: script.replay(node, CLIENTS_OF_SCRIPTS),
            ("fifty", "confirm"): lambda: script.confirm(
                node, CLIENTS_OF_SCRIPTS, self._last(("fifty", "reserve"), "requests")),
        }

    def _most_confirms(self):
        return CONFIRMS_PER_RESERVE * self._last(("http", "reserve"), "rate")

    def _last(self, row, column):
        return self.samples.last((self.name, *row), column)

    def measure(self, row):
        return self.samples.measure((self.name, *row), self.rows()[row])


@contextmanager
def builds(node_binary, earlier_binary, options, state, samples):
    # The second looks for free ports after the first has taken its own.
    with NodeStage(node_binary, options.port, options.fsync, state) as stage:
        with NodeStage(earlier_binary, options.port, options.fsync, state) as earlier_stage:
            yield Build("this", stage, options, samples), Build("earlier", earlier_stage, options, samples)


def measure(options, node_binary, state):
    samples, load_before = Samples(), os.getloadavg()[0]
    earlier_binary = os.environ["HOLDFAST_EARLIER_NODE_BINARY"]
    with builds(node_binary, earlier_binary, options, state, samples) as (this, earlier):
        print("warming up", file=sys.stderr)
        for build in (this, earlier):
            build.http.warm_up(build.scenes.node)
        # Each build comes first equally often, because the second one finds the machine as the first has left it.
        rounds = options.rounds + options.rounds % 2
        for number in range(rounds):
            for row in this.rows():
                for build in (this, earlier) if number % 2 else (earlier, this):
                    sample = build.measure(row)
                    text = told(sample) if sample else f"FAILED: {samples.failures[build.name, *row]}"
                    print(f"round {number + 1} of {rounds}: {' '.join(row)}, {build.name}: {text}",
                          file=sys.stderr, flush=True)
        settings = {
            "cores": os.cpu_count(),
            "loadBefore": load_before,
            "redisVersion": this.scenes.redis.info("server")["redis_version"],
            "earlier": options.against,
            "persistence": options.fsync,
            "clients": options.clients,
            "rounds": rounds,
            "seconds": options.seconds,
        }
    return AgainstReport(samples, settings)


def told(sample):
    node = f"node {sample['nodeMicros']:.1f} µs, " if "nodeMicros" in sample else ""
    return f"{node}Redis {sample['redisMicros']:.1f} µs"

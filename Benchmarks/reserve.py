"""Reserving: the node, the Express baseline and redis-benchmark in one run."""

import os
import sys

import against
from http_rows import HTTPRows
from reserve_report import Report
from samples import Samples
from scenes import ReserveScenes
from script_rows import ScriptRows
from stages import ReserveStage

PING_CLIENTS = 50
# So many senders, each of which has a call of so many reserves under way: what several busy nodes are to Redis.
SENDERS, BATCH = 4, 16
MANY_CONNECTIONS = 1_000
MANY_SKUS = 100_000
MANY_HOLDS = 1_000_000
# A call of redis-benchmark costs less than one over HTTP, so half the time gives an equally steady figure.
SCRIPT_SHARE = 0.5


def add_options(parser):
    parser.add_argument("--seconds", type=int, default=4, help="length of one round of a row under wrk (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds whose median is told (default 3)")
    parser.add_argument("--clients", type=int, default=64, help="connections under wrk (default 64)")
    parser.add_argument("--fsync", choices=["always", "everysec", "no", "off"], default="everysec",
                        help="Redis's appendfsync; off: no append-only file at all (default everysec)")
    parser.add_argument("--growth", action="store_true", help="also 1,000,000 live holds on one SKU (takes 1 GB)")
    parser.add_argument("--against", metavar="REV", help="this build and that of an earlier commit in turns, and how "
                        "much dearer or cheaper each row has become")


def measure(options, node_binary, state):
    if options.against:
        return against.measure(options, node_binary, state)
    with ReserveStage(node_binary, options.port, options.fsync, state) as stage:
        bench = ReserveBench(stage, options)
        bench.run()
        return Report(bench.samples, bench.settings())


class ReserveBench:
    def __init__(self, stage, options):
        self.stage, self.options, self.samples = stage, options, Samples()
        self.load_before = os.getloadavg()[0]
        self.scenes = ReserveScenes(stage)
        self.http = HTTPRows(self.scenes, options.seconds, options.clients)
        self.script = ScriptRows(self.scenes, options.seconds * SCRIPT_SHARE)

    def run(self):
        node, many = self.scenes.node, self.options.clients
        print("warming up", file=sys.stderr)
        self.http.warm_up(self.scenes.express, node)
        for number in range(self.options.rounds):
            for kind, name, act in self.round(node, self.scenes.express, many):
                self.measure(f"round {number + 1} of {self.options.rounds}", (kind, name), act)
        self.measure("once", ("http", "manyConnections"), lambda: self.http.many_connections(node, MANY_CONNECTIONS))
        if self.options.growth:
            self.grow(node)

    def round(self, node, express, many):
        """Rows that are compared come directly after each other."""
        http, script, last, unbatched = self.http, self.script, self.samples.last, self.scenes.unbatched
        return [
            ("express", "reserve", lambda: http.reserve(express)),
            ("http", "reserve", lambda: http.reserve(node)),
            ("unbatched", "reserve", lambda: http.reserve(unbatched)),
            ("same", "reserve", lambda: script.reserve(node, many)),
            ("http", "manySKUs", lambda: http.reserve_of(node, MANY_SKUS)),
            ("unbatched", "manySKUs", lambda: http.reserve_of(unbatched, MANY_SKUS)),
            ("http", "halfRate", lambda: http.paced(node, last(("http", "reserve"), "rate") / 2)),
            ("express", "outOfStock", lambda: http.out_of_stock(express)),
            ("http", "outOfStock", lambda: http.out_of_stock(node)),
            ("unbatched", "outOfStock", lambda: http.out_of_stock(unbatched)),
            ("http", "oneConnection", lambda: http.one_connection(node)),
            ("unbatched", "oneConnection", lambda: http.one_connection(unbatched)),
            ("same", "outOfStock", lambda: script.out_of_stock(node, many)),
            ("http", "reserveWithoutKey", lambda: http.reserve(node, keyed=False)),
            ("http", "reserve5Items", lambda: http.reserve(node, lines=5)),
            ("http", "replay", lambda: http.replay(node)),
            ("http", "confirm", lambda: http.confirm(node, self.most_confirms(), self.stage.directory)),
            ("http", "life", lambda: http.life(node)),
            ("unbatched", "life", lambda: http.life(unbatched)),
            ("http", "calm", lambda: http.calm(node)),
            ("http", "massExpiry", lambda: http.mass_expiry(node)),
            ("http", "flood", lambda: http.calm_beside_flood(node)),
            ("unbatched", "flood", lambda: http.calm_beside_flood(unbatched)),
            ("senders", "reserve", lambda: script.batches(node, SENDERS, BATCH)),
            ("fifty", "ping", lambda: script.ping(PING_CLIENTS)),
            ("fifty", "obvious", lambda: script.reserve(express, PING_CLIENTS)),
            ("fifty", "reserve", lambda: script.reserve(node, PING_CLIENTS)),
            ("fifty", "outOfStock", lambda: script.out_of_stock(node, PING_CLIENTS)),
            ("fifty", "confirm", lambda: script.confirm(
                node, PING_CLIENTS, last(("fifty", "reserve"), "requests"))),
            ("fifty", "reserveWithoutKey", lambda: script.reserve(node, PING_CLIENTS, keyed=False)),
            ("fifty", "reserve5Items", lambda: script.reserve(node, PING_CLIENTS, lines=5)),
            ("fifty", "reserve10Items", lambda: script.reserve(node, PING_CLIENTS, lines=10)),
            ("fifty", "reserve20Items", lambda: script.reserve(node, PING_CLIENTS, lines=20)),
        ]

    def most_confirms(self):
        """Confirms per second, with a margin: if the reservations ran out, the row would be invalid."""
        rates = (self.samples.last((kind, "reserve"), "rate") for kind in ("http", "same"))
        return 1.5 * max(rates)

    def grow(self, node):
        """Making a million holds takes long, so these two rows are not interleaved."""
        for _ in range(self.options.rounds):
            self.measure("growth", ("fifty", "beforeManyHolds"), lambda: self.script.reserve(node, PING_CLIENTS))

        def crowded():
            if not self.samples.of(("fifty", "manyHolds")):
                print("growth: making 1,000,000 holds", file=sys.stderr, flush=True)
                self.scenes.make_holds(MANY_HOLDS)
            return self.script.reserve_again(node, PING_CLIENTS)

        for _ in range(self.options.rounds):
            self.measure("growth", ("fifty", "manyHolds"), crowded)

    def measure(self, when, row, act):
        sample = self.samples.measure(row, act)
        if not sample:
            text = f"FAILED: {self.samples.failures[row]}"
        else:
            text = f"{sample['rate']:,.0f}/s" if "rate" in sample else f"Redis {sample['redisMicros']:.1f} µs"
        print(f"{when}: {' '.join(row)}: {text}", file=sys.stderr, flush=True)

    def settings(self):
        health = self.scenes.node.request("GET", "/health")
        fsync = self.options.fsync
        return {
            "cores": os.cpu_count(),
            "loadBefore": self.load_before,
            "redisVersion": self.scenes.redis.info("server")["redis_version"],
            "nodeVersion": health.get("version", "unknown"),
            "persistence": "no append-only file" if fsync == "off" else f"append-only file, appendfsync {fsync}",
            "clients": self.options.clients,
            "rounds": self.options.rounds,
            "seconds": self.options.seconds,
        }

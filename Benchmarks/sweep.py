"""The sweep: its cost when nothing is due, and how overdue holds get when 10,000 expire per second."""

import os
import sys
import time

from events import releases
from lease import await_lease
from processes import BenchFailed, cpu_seconds
from pulse import Pulse
from redis_script import SLOT, encode, far_ahead
from samples import Samples
from scenes import LONGEST_TTL_SECONDS, PLENTY, Scenes, sku
from stages import NodeStage
from sweep_report import Report

LIVE_HOLDS = 1_000_000
MANY_SKUS = 10_000
IDLE_CALLS = 20_000
EXPIRIES_PER_SECOND = 10_000
# All holds are made before the first one expires.
LEAD_SECONDS = 5
SLICE_SECONDS = 0.005
BATCH = 1_000
# Holds must be made at this pace, or the row would not be what it says.
RATE_SHARE = 0.98


def add_options(parser):
    parser.add_argument("--seconds", type=int, default=20, help="how long holds lapse at the full rate (default 20)")
    parser.add_argument("--holds", type=int, default=LIVE_HOLDS,
                        help="live holds beside which a sweep with nothing due is measured (default 1,000,000)")


def measure(options, node_binary, state):
    load_before = os.getloadavg()[0]
    expiries = EXPIRIES_PER_SECOND * options.seconds
    # Longer than the usual stream, so that each release can be read afterwards. It is still trimmed as usual.
    with NodeStage(node_binary, options.port, "everysec", state, EVENTS_MAX_LENGTH=expiries * 5 // 4) as stage:
        bench = SweepBench(stage)
        for fsync in ("always", "everysec"):
            for skus in (1, MANY_SKUS):
                bench.measure(("rate", f"{fsync} {skus}"), lambda: bench.rate(fsync, skus, options.seconds))
        bench.measure(("idle", "0 1"), lambda: bench.idle(0, 1))
        for skus in (1, MANY_SKUS):
            bench.measure(("idle", f"{options.holds} {skus}"), lambda: bench.idle(options.holds, skus))
        redis_version = bench.redis.info("server")["redis_version"]
    settings = {"cores": os.cpu_count(), "loadBefore": load_before, "redisVersion": redis_version,
                "seconds": options.seconds, "expiriesPerSecond": EXPIRIES_PER_SECOND}
    return Report(bench.samples, settings)


def sleep_until(instant):
    time.sleep(max(0, instant - time.monotonic()))


class SweepBench:
    def __init__(self, stage):
        self.samples, self.scenes = Samples(), Scenes(stage)
        self.redis, self.node = self.scenes.redis, self.scenes.node

    def measure(self, row, act):
        print(f"sweep: {' '.join(row)}", file=sys.stderr, flush=True)
        if not self.samples.measure(row, act):
            print(f"FAILED: {self.samples.failures[row]}", file=sys.stderr, flush=True)

    # How long a sweep takes that finds nothing due

    def idle(self, holds, skus):
        """Repeats the leader's own call, with its fencing token, on one connection."""
        self._clear()
        self._stock(skus)
        if holds:
            request = self._hold_requests(skus, LONGEST_TTL_SECONDS)
            for first in range(0, holds, BATCH):
                self.redis.pipeline([request(number) for number in range(first, min(first + BATCH, holds))])
        if (held := self._held(skus)) < holds:
            raise BenchFailed(f"only {held} of {holds} are held")
        words = self._sweep_call()
        if not (reply := self.redis.call(*words)).startswith(b"OK "):
            raise BenchFailed(f"the sweep's call was answered {reply.decode()}")
        self.redis.call("CONFIG", "RESETSTAT")
        sample = self.redis.benchmark(words, clients=1, requests=IDLE_CALLS, keys=1)
        stats = dict(field.split("=") for field in self.redis.info("commandstats")["cmdstat_evalsha"].split(","))
        if self._held(skus) != held:
            raise BenchFailed("the sweep has released holds that were not due")
        return {"holds": holds, "skus": skus, "scriptMicros": float(stats["usec_per_call"]),
                "redisMicros": sample["redisMicros"]}

    def _sweep_call(self):
        token = await_lease(self.redis).token.encode()
        _, calls = self.redis.watch(lambda: time.sleep(0.3))
        # EVALSHA sha 0 not-after token lines: no other script of the lease or the sweep has so many arguments.
        for words in calls:
            if len(words) == 6 and words[4] == token:
                return far_ahead(words)
        raise BenchFailed("the leader does not sweep")

    # How old holds get

    def rate(self, fsync, skus, seconds):
        """Holds are made at the pace at which they will expire: some seconds ahead, all with the same TTL."""
        self._clear()
        self._stock(skus)
        ttl, count = seconds + LEAD_SECONDS, seconds * EXPIRIES_PER_SECOND
        request = self._hold_requests(skus, ttl)
        early = self._held(skus)
        began = time.monotonic()
        per_slice = int(EXPIRIES_PER_SECOND * SLICE_SECONDS)
        for number, first in enumerate(range(0, count, per_slice)):
            sleep_until(began + number * SLICE_SECONDS)
            self.redis.pipeline([request(hold) for hold in range(first, first + per_slice)])
        if (held := self._held(skus)) != early + count:
            raise BenchFailed(f"{count} holds were to be made, {held - early} are there")
        self.redis.call("CONFIG", "SET", "appendfsync", fsync)
        sleep_until(began + ttl)
        used = cpu_seconds(self.redis.pid), cpu_seconds(self.node.pid)
        with Pulse(self.redis.port, self.redis.pid) as pulse:
            sleep_until(began + ttl + seconds)
            self._await_nothing_held()
        used = cpu_seconds(self.redis.pid) - used[0], cpu_seconds(self.node.pid) - used[1]
        ages, deadlines = self._releases(held)
        rate = count / (deadlines[-1] - deadlines[early]) * 1_000
        if rate < EXPIRIES_PER_SECOND * RATE_SHARE:
            raise BenchFailed(f"holds have lapsed at {rate:,.0f}/s only: the machine was too busy to make them faster")
        return {"fsync": fsync, "skus": skus, "rate": rate, "medianMs": ages[len(ages) // 2],
                "p99Ms": ages[len(ages) * 99 // 100], "oldestMs": ages[-1],
                "redisPauseMs": pulse.take_longest(),
                "redisMicros": used[0] / count * 1e6, "nodeMicros": used[1] / count * 1e6}

    def _await_nothing_held(self, seconds=60):
        deadline = time.monotonic() + seconds
        while self.redis.call("ZCARD", "due"):
            if time.monotonic() > deadline:
                raise BenchFailed(f"the sweep is not done {seconds} s after the last hold has lapsed")
            time.sleep(0.02)

    def _releases(self, held):
        """How overdue the holds were when their stock was put back, and their deadlines, both sorted."""
        released = list(releases(self.redis))
        ages = [release.at - release.deadline for release in released]
        deadlines = [release.deadline for release in released]
        if len(ages) != held:
            raise BenchFailed(f"{held} holds have lapsed, but {len(ages)} were released")
        return sorted(ages), sorted(deadlines)

    # Stock and holds

    def _clear(self):
        self.redis.call("CONFIG", "SET", "appendfsync", "everysec")
        self.scenes.clear()

    def _stock(self, skus):
        if skus == 1:
            self.node.stock(sku(), PLENTY)
        else:
            self.scenes.make_skus(skus)

    def _hold_requests(self, skus, ttl):
        """A function from a hold's number to the request that makes it. The SKUs take turns."""
        template, _, _ = self.scenes.reserve_template(self.node, keyed=False, ttlSeconds=ttl)
        parts = [part.split(sku().encode()) for part in encode(template).split(SLOT)]

        def request(number):
            name = sku(number % skus).encode()
            return (b"%012d" % number).join(name.join(part) for part in parts)

        return request

    def _held(self, skus):
        return sum(self.redis.call("ZCARD", f"holds:{sku(number)}") for number in range(skus))

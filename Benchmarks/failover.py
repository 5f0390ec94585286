"""Failover: the time to a new leader and to its first sweep after each fault, and the effect on shoppers."""

import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from typing import Callable

from events import releases
from failover_report import Report
from http_load import Shop
from lease import POLL_SECONDS, await_lease, read_lease
from processes import BenchFailed, is_ready
from pulse import Pulse
from redis_script import Redis
from samples import Samples
from scenes import PLENTY, sku
from shoppers import Shoppers
from stages import ClusterStage

NODES = 3
TTL_MILLISECONDS = 3_000
# A killed or stopped leader is replaced within its lease's life plus this. One that ends gracefully is replaced
# at once.
GRACE_MILLISECONDS = 300
HAND_OVER_MILLISECONDS = 100
# Faults must fall into random phases of the renewals, which are this far apart.
RENEWAL_SECONDS = 0.5
SHOWN = "leader after {leaderMs:.0f} ms, first sweep after {sweepMs:.0f} ms (Redis paused {redisPauseMs:.0f} ms)"


@dataclass
class Fault:
    """A fault of the leader, and its repair."""

    name: str
    label: str
    strike: Callable
    mend: Callable
    bound: int = TTL_MILLISECONDS + GRACE_MILLISECONDS


FAULTS = [
    Fault("kill", "kill -9", lambda node: node.process.kill(), lambda node: node.restart()),
    Fault("term", "SIGTERM", lambda node: node.process.terminate(), lambda node: node.restart(),
          HAND_OVER_MILLISECONDS),
    Fault("stop", "SIGSTOP, then CONT", lambda node: node.process.send_signal(signal.SIGSTOP),
          lambda node: node.process.send_signal(signal.SIGCONT)),
    Fault("cut", "Redis link cut", lambda node: node.proxy.obey("cut"), lambda node: node.proxy.obey("heal")),
    Fault("silence", "Redis link silent", lambda node: node.proxy.obey("silence"),
          lambda node: node.proxy.obey("heal")),
]


def add_options(parser):
    parser.add_argument("--runs", type=int, default=20, help="runs of each fault (default 20)")
    parser.add_argument("--fault", choices=[fault.name for fault in FAULTS], action="append", dest="faults",
                        help="only this fault; may be given several times")
    parser.add_argument("--fsync", choices=["always", "everysec", "no", "off"], default="always",
                        help="Redis's appendfsync; off: no append-only file at all (default always)")


def measure(options, node_binary, state):
    load_before = os.getloadavg()[0]
    faults = [fault for fault in FAULTS if not options.faults or fault.name in options.faults]
    with ClusterStage(node_binary, options.port, options.fsync, state, NODES) as stage:
        bench = FailoverBench(stage)
        for fault in faults:
            bench.measure(fault, options.runs)
        redis_version = bench.redis.info("server")["redis_version"]
    settings = {"cores": os.cpu_count(), "loadBefore": load_before, "redisVersion": redis_version, "nodes": NODES,
                "fsync": options.fsync, "runs": options.runs}
    return Report(faults, bench.samples, settings)


class FailoverBench:
    def __init__(self, stage):
        self.stage, self.samples = stage, Samples()
        self.redis = Redis(stage.redis_port, stage.redis.pid)
        first = stage.members[0]
        self.shop = Shop(first.url, first.process.pid, self.redis, stage.admin_token)
        self.shop.stock(sku(), PLENTY)

    def measure(self, fault, runs):
        """Some runs of one fault. Afterwards, all held stock must be back."""
        with Pulse(self.redis.port, self.redis.pid) as self.pulse, Shoppers(self.stage.members, sku()) as shoppers:
            self._first_release(int(time.time() * 1000))
            for number in range(runs):
                sample = self.samples.measure(("fault", fault.name), lambda: self._run(fault, shoppers))
                text = SHOWN.format(**sample) if sample else f"FAILED: {self.samples.failures['fault', fault.name]}"
                print(f"{fault.label}, run {number + 1} of {runs}: {text}", file=sys.stderr, flush=True)
                if not sample:
                    break
        self.samples.measure(("proof", fault.name), self._prove_stock)

    def _run(self, fault, shoppers):
        self._settle(shoppers)
        shoppers.take_errors()
        self.pulse.take_longest()
        time.sleep(random.uniform(0, RENEWAL_SECONDS))
        before = await_lease(self.redis)
        leader = next(member for member in self.stage.members if member.name == before.node)
        began = time.time() * 1000
        fault.strike(leader)
        try:
            after = await_lease(self.redis, after=before)
            first = self._first_release(after.acquired_at)
        finally:
            fault.mend(leader)
        self._settle(shoppers)
        errors = shoppers.take_errors()
        elsewhere = [f"{error.node}: {error.text}" for error in errors if error.node != leader.name]
        return {"leaderMs": after.acquired_at - began, "sweepMs": first.at - began,
                # A hold that expired after the election could not be swept earlier.
                "sweepDelayMs": first.at - max(after.acquired_at, first.deadline),
                "leader": after.node, "before": before.node, "redisPauseMs": self.pulse.take_longest(),
                "errorsElsewhere": elsewhere, "errorsAtNode": len(errors) - len(elsewhere)}

    def _first_release(self, instant, seconds=15):
        """The first event after that instant. The same millisecond does not count, because the last batch of one term
        and the start of the next may fall into it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if release := next(releases(self.redis, instant), None):
                return release
            time.sleep(POLL_SECONDS)
        raise BenchFailed(f"nothing was swept in {seconds} s")

    def _settle(self, shoppers, seconds=30):
        """All nodes are ready, all shoppers are served again, and a node leads."""
        began = time.monotonic()
        for member in self.stage.members:
            while not (is_ready(member.url) and shoppers.served_since(member.name, began)):
                if time.monotonic() > began + seconds:
                    raise BenchFailed(f"{member.name} does not serve again after {seconds} s")
                time.sleep(0.01)
        if read_lease(self.redis) is None:
            raise BenchFailed("nobody leads, though nothing is wrong any more")

    def _prove_stock(self, seconds=10):
        deadline = time.monotonic() + seconds
        while (stock := self.shop.inventory(sku()))["available"] != PLENTY:
            if time.monotonic() > deadline:
                raise BenchFailed(f"what was held is not back in stock after {seconds} s: {stock}")
            time.sleep(0.05)
        return stock

"""Shoppers reserve through all nodes during a fault of the master: when they are served again, and what is lost."""

import itertools
import random
import sys
import time
from collections import Counter

from cluster_group import ClusterGroupStage
from http_load import Shop
from processes import BenchFailed, is_ready
from pulse import Pulse
from redis_script import encode
from scenes import PLENTY
from sentinel_stage import SentinelStage
from shoppers import Shoppers
from store_change import Change

NODES = 3
# Faults must fall into random phases of the periodic work of servers and Sentinels, which mostly runs each second.
PHASE_SECONDS = 1
PAGE = 1_000
SHOWN = ("new master after {openedMs:,.0f} ms, served again {servingMs:,.0f} ms later, longest request "
         "{longestMs:,.0f} ms, {lost} of {acknowledged} lost (other failovers: {otherFailovers}; machine paused "
         "{pauseMs:.0f} ms)")


def run_name(min_replicas, fault):
    return f"{fault.name}, {min_replicas} awaited"


def measure_runs(samples, fault, min_replicas, options, node_binary, state):
    """Each run has its own stage, because data of earlier runs would make copies slow."""
    settings = {"DRAIN_DELAY": 1, "MIN_REPLICAS": min_replicas}
    members = {f"node-{number + 1}": settings for number in range(NODES)}
    name = run_name(min_replicas, fault)
    with stage_of(fault, node_binary, options, state, members) as stage:
        runs = StoreRuns(stage, fault, min_replicas)
        with runs:
            for number in range(options.runs):
                sample = samples.measure(("run", name), runs.run)
                text = SHOWN.format(**sample) if sample else f"FAILED: {samples.failures['run', name]}"
                print(f"{fault.label}, {min_replicas} awaited, run {number + 1} of {options.runs}: {text}",
                      file=sys.stderr, flush=True)
                if not sample:
                    return
        samples.measure(("proof", name), runs.prove_stock)


def stage_of(fault, node_binary, options, state, members):
    if fault.is_of_cluster:
        return ClusterGroupStage(node_binary, options.port, options.fsync, state, members)
    return SentinelStage(node_binary, options.port, options.fsync, state, members, fault.needs_doors)


class StoreRuns:
    """Use as a context: shoppers start and end with it."""

    def __init__(self, stage, fault, min_replicas):
        self.stage, self.group, self.fault, self.min_replicas = stage, stage.group, fault, min_replicas
        sentinel = self.group.sentinels[-1]
        self.pulse = Pulse(sentinel.port, sentinel.pid)
        first = stage.members[0]
        self.shop = Shop(first.url, first.process.pid, stage.redis.redis, stage.admin_token)
        self.shop.stock(stage.sku, PLENTY)
        self.shoppers = Shoppers(stage.members, stage.sku)

    def __enter__(self):
        self.pulse.__enter__()
        self.shoppers.__enter__()
        return self

    def __exit__(self, *reason):
        self.shoppers.__exit__(*reason)
        self.pulse.__exit__(*reason)

    def run(self):
        master = self._settle()
        self.shoppers.take_errors()
        self.shoppers.take_longest()
        self.pulse.take_longest()
        failovers = self.group.failovers()
        time.sleep(random.uniform(0, PHASE_SECONDS))
        struck = time.monotonic()
        self.fault.strike(self.stage, master)
        change, connections = self._follow(master)
        settled = self._settle()
        well = time.monotonic()
        acknowledged, kept, lost = self._acknowledged(settled)
        errors = self.shoppers.take_errors()
        served = self._served_again(kept, change.followed)
        return {
            "openedMs": (change.opened - struck) * 1_000,
            "namedMs": (change.named - change.opened) * 1_000,
            "servingMs": (served - change.followed) * 1_000,
            "servingAfterNameMs": max(0, served - max(change.followed, change.named)) * 1_000,
            "longestMs": self.shoppers.take_longest(),
            "wellMs": (well - change.opened) * 1_000,
            "connections": connections,
            "errors": dict(Counter(error.kind for error in errors)),
            "exampleErrors": [f"{error.node}: {error.text}" for error in errors[:1]],
            "acknowledged": len(acknowledged), "lost": len(lost),
            "lostUntilMs": max(((reserve.answered - struck) * 1_000 for reserve in lost), default=0),
            "lostAt": dict(Counter(reserve.node for reserve in lost)),
            "otherFailovers": self.group.failovers() - failovers - self.fault.has_successor,
            "before": master.name, "master": change.successor.name, "pauseMs": self.pulse.take_longest(),
        }

    def _follow(self, master):
        """Waits until everything is repaired and the new master is as it must be. Also returns how many connections it
        got until a second after it was named."""
        fault = self.fault
        candidates = self.group.others(master) if fault.has_successor else [master]
        change = Change(candidates, self.group.sentinels, self.min_replicas)
        if not fault.has_successor:
            time.sleep(fault.seconds)
            fault.mend(self.stage, master, master)
        change.await_successor()
        before = change.successor.connections_of_others()
        change.await_name()
        change.look(1)
        connections = change.successor.connections_of_others() - before
        if fault.has_successor:
            change.look(fault.seconds - 1)
            fault.mend(self.stage, master, change.successor)
        change.await_completion()
        return change, connections

    def _settle(self, seconds=60):
        """All servers run again (perhaps in other roles), all nodes are ready, and all shoppers are served again."""
        master = self.group.await_well(seconds)
        began = time.monotonic()
        for member in self.stage.members:
            while not (is_ready(member.url) and self.shoppers.served_since(member.name, began)):
                if time.monotonic() > began + seconds:
                    raise BenchFailed(f"{member.name} does not serve again after {seconds} s")
                time.sleep(0.01)
        return master

    def _acknowledged(self, master):
        """What shoppers were told since the last call, and how much of it the master knows."""
        acknowledged, known = self.shoppers.take_acknowledged(), []
        redis = master.redis
        for first in range(0, len(acknowledged), PAGE):
            known += redis.pipeline([
                encode([b"EXISTS", f"{self.stage.key_prefix}reservation:{reserve.reservation}".encode()])
                for reserve in acknowledged[first:first + PAGE]])
        kept = list(itertools.compress(acknowledged, known))
        return acknowledged, kept, list(itertools.compress(acknowledged, (not count for count in known)))

    def _served_again(self, kept, since):
        """When the last node got its first acknowledgement of a reserve that began since then, not counting those of an
        old master."""
        first = {}
        for reserve in kept:
            if reserve.began >= since:
                first[reserve.node] = min(first.get(reserve.node, reserve.answered), reserve.answered)
        members = self.stage.members[1:] if self.fault.takes_node else self.stage.members
        return max(first[member.name] for member in members)

    def prove_stock(self, seconds=30):
        """After all holds have expired, everything is back in stock."""
        deadline = time.monotonic() + seconds
        while (stock := self._stock())["available"] != PLENTY:
            if time.monotonic() > deadline:
                raise BenchFailed(f"what was held is not back in stock after {seconds} s: {stock}")
            time.sleep(0.05)
        return stock

    def _stock(self):
        """The stock. `available` is None if the node answers that it has too many holds to release now."""
        return {"available": None} | self.shop.request("GET", f"/inventory/{self.stage.sku}", expected=(200, 503))

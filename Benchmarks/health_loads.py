"""The verdicts on a fully loaded machine, and the cost of the coordinator with many nodes."""

import sys
import time
from pathlib import Path

from http_load import Shop, wrk_command, wrk_result
from page import Page
from processes import TICKS_PER_SECOND, BenchFailed, cpu_seconds, free_ports, resident_kib
from redis_script import Redis
from scenes import PLENTY, basket, sku
from standins import Standins

CLIENTS_PER_NODE = 64
# Replayed in turn. For a node and Redis a replay is as much work as a reserve, but no memory or disk fills up.
KEYS = 1_000
WARM_UP_SECONDS = 5
# A probe starts once a second, plus or minus a tenth, and slightly later if that saves a wake-up.
LONGEST_INTERVAL_SECONDS = 1.15
COUNTED = ["SUSPECT", "DOWN"]


def idle_seconds():
    """The CPU time of all cores since the machine started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return (int(fields[4]) + int(fields[5])) / TICKS_PER_SECOND


class Meter:
    """What the coordinator does between two measurements."""

    def __init__(self, coordinator):
        self._coordinator, self._began = coordinator, time.monotonic()
        self._before = self._read()

    def _read(self):
        metrics = self._coordinator.metrics()
        series = {state: f'holdfast_coordinator_transitions_total{{to="{state}"}}' for state in COUNTED} | {
            "lateRounds": "holdfast_coordinator_late_rounds_total",
            "announcements": "holdfast_coordinator_announcements_total"}
        # A series without any count does not exist yet.
        counts = {name: metrics.get(label, 0) for name, label in series.items()}
        return counts | {"cpuSeconds": cpu_seconds(self._coordinator.pid)}

    def read(self):
        seconds, after = time.monotonic() - self._began, self._read()
        used = {name: after[name] - before for name, before in self._before.items()}
        return {"seconds": seconds, "suspect": int(used["SUSPECT"]), "down": int(used["DOWN"]),
                "lateRounds": int(used["lateRounds"]), "announcements": int(used["announcements"]),
                "cpuPercent": used["cpuSeconds"] / seconds * 100,
                "residentKiB": resident_kib(self._coordinator.pid)}


class LoadBench:
    """All nodes as busy as clients can make them, on a fully loaded machine."""

    def __init__(self, stage, samples):
        self.stage, self.samples, self.coordinator = stage, samples, stage.coordinator

    def measure(self, seconds):
        print(f"load: {seconds} s", file=sys.stderr, flush=True)
        if not self.samples.measure(("load", "load"), lambda: self._run(seconds)):
            print(f"FAILED: {self.samples.failures['load', 'load']}", file=sys.stderr, flush=True)

    def _run(self, seconds):
        members = self.stage.members
        self.coordinator.await_view("all nodes are UP", lambda view: view["totals"]["up"] == len(members))
        redis = Redis(self.stage.redis_port, self.stage.redis.pid)
        Shop(members[0].url, members[0].process.pid, redis, self.stage.admin_token).stock(sku(), PLENTY)
        with Page(self.coordinator, keeps=False):
            meter, idle = Meter(self.coordinator), idle_seconds()
            loads = [self._load(member, seconds) for member in members]
            time.sleep(seconds - 1)
            figures, idle = meter.read(), idle_seconds() - idle
            results = [wrk_result(load.wait(), load.log_path.read_text()) for load in loads]
        return figures | {
            "idlePercent": idle / figures["seconds"] * 100,
            "requestsPerSecond": sum(result["requests"] / result["seconds"] for result in results),
            "failedRequests": sum(result["unexpected"] + result["broken"] + result["refused"] for result in results),
            "reasons": [change["subject"] + " " + change["to"] + ": " + change["reason"] for change
                        in self.coordinator.transitions(time.time() * 1_000 - seconds * 1_000, *COUNTED)]}

    def _load(self, member, seconds):
        return self.stage.spawn(f"wrk-{member.name}", wrk_command(
            member.url, seconds, CLIENTS_PER_NODE, "/inventory/reserve", basket(), key=f"{member.name}-", cycle=KEYS))


class ScaleBench:
    """Many nodes, each probed every second, for a small part of a core."""

    def __init__(self, stage, samples):
        self.stage, self.samples, self.coordinator = stage, samples, stage.coordinator

    def measure(self, count, seconds):
        ports = free_ports(self.stage.coordinator_port + 1, count)
        standins = Standins(self.stage, self.coordinator, self.stage.cluster_token, ports)
        for row in ("probes", "announcements", "page"):
            print(f"scale: {count} nodes, {row}", file=sys.stderr, flush=True)
            if not self.samples.measure(("scale", row), lambda: self._run(standins, count, seconds, row)):
                print(f"FAILED: {self.samples.failures['scale', row]}", file=sys.stderr, flush=True)

    def _run(self, standins, count, seconds, row):
        self._await_all_up(count, 60)
        if row == "probes":
            standins.hush()
            figures = self._watch(standins, count, seconds)
            standins.announce()
            return figures
        if row == "announcements":
            return self._watch(standins, count, seconds)
        with Page(self.coordinator, keeps=False) as page:
            before = page.count, page.bytes
            figures = self._watch(standins, count, seconds)
            pictures, size = page.count - before[0], page.bytes - before[1]
        return figures | {"picturesPerSecond": pictures / seconds, "pictureKiB": size / max(pictures, 1) / 1024}

    def _watch(self, standins, count, seconds):
        time.sleep(WARM_UP_SECONDS)
        standins.take_probes()
        meter = Meter(self.coordinator)
        time.sleep(seconds)
        probes, figures = standins.take_probes(), meter.read()
        self._await_all_up(count, 5)
        fewest = min(len(times) for times in probes.values())
        if fewest < int(seconds / LONGEST_INTERVAL_SECONDS):
            raise BenchFailed(f"a node was probed {fewest} times in {seconds} s only")
        gaps = [later - earlier for times in probes.values() for earlier, later in zip(times, times[1:])]
        return figures | {"nodes": count, "probesPerSecond": sum(map(len, probes.values())) / seconds,
                          "fewestProbes": fewest, "longestGapMs": max(gaps) * 1_000}

    def _await_all_up(self, count, seconds):
        self.coordinator.await_view(f"all {count} nodes are UP", lambda view: view["totals"]["up"] == count, seconds)

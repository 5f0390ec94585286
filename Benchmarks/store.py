"""The store: the time to serve again after Redis's master fails, the losses, and the cost of replicas."""

import os
import re
import subprocess

from samples import Samples
from store_cost import measure_cost
from store_faults import FAULTS
from store_report import Report
from store_runs import NODES, measure_runs

# The faults, and how many replicas must have a change before it is acknowledged.
SERVING = ("kill", "stop", "failover", "cut", "cluster-kill", "cluster-stop", "cluster-failover"), [0]
LOSSES = ("kill", "stop", "failover", "split", "cluster-kill", "cluster-stop", "cluster-failover"), [0, 1, 2]
PARTS = ("serving", "losses", "cost")


def add_options(parser):
    parser.add_argument("--part", choices=PARTS, action="append", dest="parts",
                        help="only this part; may be given several times")
    parser.add_argument("--runs", type=int, default=20, help="runs of each fault (default 20)")
    parser.add_argument("--fault", choices=[fault.name for fault in FAULTS], action="append", dest="faults",
                        help="only this fault; may be given several times")
    parser.add_argument("--min-replicas", type=int, choices=[0, 1, 2], action="append",
                        help="so many replicas have a change before it is acknowledged; may be given several times "
                        "(default 0 for serving; 0, 1 and 2 for losses)")
    parser.add_argument("--fsync", choices=["always", "everysec", "no", "off"], default="everysec",
                        help="appendfsync of all servers, which share a disk here; off: no append-only file at all "
                        "(default everysec)")
    parser.add_argument("--seconds", type=int, default=4, help="length of one round of a row of cost (default 4)")
    parser.add_argument("--rounds", type=int, default=4, help="rounds whose median is told (default 4)")
    parser.add_argument("--clients", type=int, default=64, help="connections under wrk (default 64)")


def measure(options, node_binary, state):
    samples, load_before = Samples(), os.getloadavg()[0]
    parts = options.parts or PARTS
    serving = runs_of(SERVING, options) if "serving" in parts else []
    losses = runs_of(LOSSES, options) if "losses" in parts else []
    # A run may show both.
    for fault, min_replicas in serving + [run for run in losses if run not in serving]:
        measure_runs(samples, fault, min_replicas, options, node_binary, state)
    if "cost" in parts:
        measure_cost(samples, options, node_binary, state)
    settings = {"cores": os.cpu_count(), "loadBefore": load_before, "redisVersion": redis_version(), "nodes": NODES,
                "fsync": options.fsync, "runs": options.runs, "rounds": options.rounds, "seconds": options.seconds,
                "clients": options.clients}
    return Report(serving, losses, "cost" in parts, samples, settings)


def redis_version():
    told = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"v=(\S+)", told)[1]


def runs_of(part, options):
    names, counts = part
    # A master of the Cluster has one replica, which is no replica any more after the fault.
    return [(fault, count) for count in options.min_replicas or counts for fault in FAULTS
            if fault.name in names and (not options.faults or fault.name in options.faults)
            and not (fault.is_of_cluster and count)]

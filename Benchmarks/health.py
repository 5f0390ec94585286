"""Health: how soon the coordinator shows a fault, whether it blames nodes for its own delays, and its cost."""

import os

from health_faults import FAULTS, FaultBench
from health_loads import LoadBench, ScaleBench
from health_report import Report
from samples import Samples
from stages import WatchedStage

NODES = 3
PARTS = ["detection", "pause", "restart", "load", "scale"]


def add_options(parser):
    parser.add_argument("--only", choices=PARTS, action="append", dest="parts", metavar="PART",
                        help=f"only this part ({', '.join(PARTS)}); may be given several times")
    parser.add_argument("--runs", type=int, default=10,
                        help="runs of each fault, of each pause and of each restart (default 10)")
    parser.add_argument("--minutes", type=float, default=10, help="time under full load (default 10)")
    parser.add_argument("--nodes", type=int, default=200, help="stand-ins that are probed each second (default 200)")
    parser.add_argument("--seconds", type=int, default=30,
                        help="time over which the cost of that is measured, without a page open and with one "
                             "(default 30)")
    parser.add_argument("--fsync", choices=["always", "everysec", "no", "off"], default="always",
                        help="Redis's appendfsync; off: no append-only file at all (default always)")


def measure(options, node_binary, state):
    load_before = os.getloadavg()[0]
    parts, samples = options.parts or PARTS, Samples()
    coordinator_binary = os.environ["HOLDFAST_COORDINATOR_BINARY"]

    def stage(nodes, **more):
        return WatchedStage(node_binary, coordinator_binary, options.port, options.fsync, state, nodes, **more)

    if {"detection", "pause", "restart"} & set(parts):
        with stage(NODES) as watched:
            bench = FaultBench(watched, samples)
            if "detection" in parts:
                for fault in FAULTS:
                    bench.detection(fault, options.runs)
            if "pause" in parts:
                bench.pause(options.runs)
            if "restart" in parts:
                bench.restart(options.runs)
    if "load" in parts:
        with stage(NODES, is_proxied=False) as watched:
            LoadBench(watched, samples).measure(round(options.minutes * 60))
    if "scale" in parts:
        with stage(nodes=0) as watched:
            ScaleBench(watched, samples).measure(options.nodes, options.seconds)
    settings = {"cores": os.cpu_count(), "loadBefore": load_before, "nodes": NODES, "fsync": options.fsync}
    return Report(samples, settings)

"""The cost of a reserve for node and Redis: with one Redis, with replicas, with writes that wait for replicas, and on a
Redis Cluster."""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

from http_rows import HTTPRows
from redis_cluster_stage import RedisClusterScenes, RedisClusterStage
from scenes import Scenes
from sentinel_stage import SentinelStage
from stages import NodeStage

SINGLE, SINGLE_PAIR = "one Redis", "one Redis, a cart of two"
CLUSTER, CLUSTER_PAIR = "Cluster", "Cluster, a cart over two shards"
PAIRS = {SINGLE_PAIR: SINGLE, CLUSTER_PAIR: CLUSTER}
AWAITED = {f"Sentinel, {count} awaited": {"MIN_REPLICAS": count} for count in range(3)}
STORES = [SINGLE, *AWAITED, CLUSTER, SINGLE_PAIR, CLUSTER_PAIR]
# No failover may fall into a row, even on a busy machine.
DOWN_AFTER_MILLISECONDS = 60_000


@contextmanager
def stores(options, node_binary, state):
    """The rows of each store, by its name. All stores run at the same time."""
    members = {f"awaits-{count}": settings for count, settings in enumerate(AWAITED.values())}
    with SentinelStage(node_binary, options.port, options.fsync, state, members, has_doors=False,
                       down_after=DOWN_AFTER_MILLISECONDS) as group_stage:
        with NodeStage(node_binary, options.port, options.fsync, state) as single_stage:
            with RedisClusterStage(node_binary, options.port, options.fsync, state) as cluster_stage:
                corners = {SINGLE: Scenes(single_stage), CLUSTER: RedisClusterScenes(cluster_stage)}
                corners |= {name: scenes_of(group_stage, member) for name, member in zip(AWAITED, group_stage.members)}
                yield {name: HTTPRows(scenes, options.seconds, options.clients) for name, scenes in corners.items()}


def scenes_of(stage, member):
    scenes = Scenes(SimpleNamespace(
        redis_port=stage.redis_port, redis=stage.redis, admin_token=stage.admin_token,
        node_port=member.port, node=member.process))
    scenes.redis.followers = stage.group.pids_beside(stage.redis)
    return scenes


def measure_cost(samples, options, node_binary, state):
    with stores(options, node_binary, state) as rows:
        print("warming up", file=sys.stderr, flush=True)
        for http in rows.values():
            http.warm_up(http.scenes.node)
        for number in range(options.rounds):
            # Each store follows each other store equally often, as far as possible.
            first = number % len(STORES)
            for name in STORES[first:] + STORES[:first]:
                http, lines = rows[PAIRS.get(name, name)], 2 if name in PAIRS else 1
                sample = samples.measure(("cost", name), lambda: reserve(http, lines))
                text = ("node {nodeMicros:.1f} µs, Redis {redisMicros:.1f} µs".format(**sample) if sample
                        else f"FAILED: {samples.failures['cost', name]}")
                print(f"round {number + 1} of {options.rounds}: {name}: {text}", file=sys.stderr, flush=True)


def reserve(http, lines):
    sample = http.reserve(http.scenes.node, lines=lines)
    return sample | {"sumMicros": sample["nodeMicros"] + sample["redisMicros"]}

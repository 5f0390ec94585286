"""The masters of a Redis Cluster, and a node on it."""

import time

from http_load import Shop
from processes import BenchFailed, Stage, free_ports, is_ready, local_url, wait_until
from redis_script import Redis
from scenes import RECOVERY_SECONDS, Scenes

MASTERS = 3
SLOTS = 16_384


class RedisClusterStage(Stage):
    def __init__(self, node_binary, first_port, fsync, state_directory):
        self.node_port, *self._ports = free_ports(first_port, 1 + 2 * MASTERS)
        super().__init__(node_binary, self._ports[0], fsync, state_directory)

    def start_redis(self):
        ports, bus_ports = self._ports[:MASTERS], self._ports[MASTERS:]
        self._processes = [
            self.spawn_redis(f"redis-{number + 1}", port, "--cluster-enabled", "yes", "--cluster-config-file",
                             f"nodes-{number + 1}.conf", "--cluster-port", str(bus_port))
            for number, (port, bus_port) in enumerate(zip(ports, bus_ports))]
        self.masters = [Redis(port, process.pid) for port, process in zip(ports, self._processes)]
        for number, (master, port, bus_port) in enumerate(zip(self.masters, ports, bus_ports)):
            first, after = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS
            master.call("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            master.call("CLUSTER", "ADDSLOTSRANGE", str(first), str(after - 1))
            self.masters[0].call("CLUSTER", "MEET", "127.0.0.1", str(port), str(bus_port))
        for master, process in zip(self.masters, self._processes):
            wait_until("the Cluster", process, lambda: self._is_whole(master), seconds=30)
        self.redis = self._processes[0]

    @staticmethod
    def _is_whole(master):
        told = master.call("CLUSTER", "INFO").decode()
        return "cluster_state:ok" in told and f"cluster_known_nodes:{MASTERS}" in told

    def start_servers(self):
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self._ports[:MASTERS])
        self.node = self.spawn_node("cluster", self.node_port, REDIS_URL=url)
        wait_until("the node", self.node, lambda: is_ready(local_url(self.node_port)), seconds=30)


class RedisClusterScenes(Scenes):
    def __init__(self, stage):
        self._masters = stage.masters
        self.redis = stage.masters[0]
        self.redis.followers = [master.pid for master in stage.masters[1:]]
        self.node = Shop(local_url(stage.node_port), stage.node.pid, self.redis, stage.admin_token)

    def clear(self):
        for master in self._masters:
            master.clear()
        deadline = time.monotonic() + RECOVERY_SECONDS
        while not (self.node.administers() and self.node.request("GET", "/health")["lease"]["leader"]):
            if time.monotonic() > deadline:
                raise BenchFailed("the node does not lead on the emptied Cluster")
            time.sleep(0.05)

"""The processes of each bench besides its Redis."""

import os
import subprocess

from coordinator import Coordinator
from processes import HERE, BenchFailed, Stage, free_ports, is_ready, local_url, status_of, wait_until
from proxy import Proxy

EXPRESS_PATH = "/usr/share/nodejs"


class NodeStage(Stage):
    """One node."""

    def __init__(self, node_binary, first_port, fsync, state_directory, **settings):
        """`settings`: of the node, as in its environment, without HOLDFAST_."""
        redis_port, self.node_port = free_ports(first_port, 2)
        self.settings = settings
        super().__init__(node_binary, redis_port, fsync, state_directory)

    def start_servers(self):
        self.node = self.spawn_node("bench", self.node_port, **self.settings)
        wait_until("the node", self.node, lambda: is_ready(local_url(self.node_port)))


class ReserveStage(NodeStage):
    """A node, one without batches beside it, and the Express baseline."""

    def start_servers(self):
        self.express_port, self.unbatched_port = free_ports(self.node_port + 1, 2)
        # Database 1, because the two shops use the same key names.
        self.express = self.spawn("express", ["/usr/bin/node", str(HERE / "express/server.js")], os.environ | {
            "PORT": str(self.express_port),
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/1",
            "NODE_ENV": "production",
            "NODE_PATH": EXPRESS_PATH,
        })
        super().start_servers()
        self.unbatched = self.spawn_node("unbatched", self.unbatched_port, BATCHES="false")
        wait_until("the node without batches", self.unbatched, lambda: is_ready(local_url(self.unbatched_port)))
        up = f"{local_url(self.express_port)}/inventory/none"
        wait_until("Express", self.express, lambda: status_of(up) == 404)


class ClusterStage(Stage):
    """Several nodes, each of which reaches Redis through its own proxy."""

    def __init__(self, node_binary, first_port, fsync, state_directory, nodes, is_proxied=True):
        """`is_proxied`: false if the proxies would be the bottleneck."""
        redis_port, *self._ports = free_ports(first_port, 1 + 2 * nodes)
        # A short drain delay, because the lease is released before it.
        self.is_proxied, self.settings = is_proxied, {"DRAIN_DELAY": 1}
        super().__init__(node_binary, redis_port, fsync, state_directory)

    def start_servers(self):
        pairs = list(zip(self._ports[::2], self._ports[1::2]))
        self.members = [Member(self, f"node-{n}", *ports) for n, ports in enumerate(pairs, start=1)]
        for member in self.members:
            member.start()
        for member in self.members:
            member.await_ready()


class Member:
    """A node of the cluster, and its possible faults."""

    def __init__(self, stage, name, port, proxy_port):
        self.name, self.url = name, local_url(port)
        self.proxy = Proxy(stage, name, {proxy_port: stage.redis_port}) if stage.is_proxied else None
        redis_port = proxy_port if stage.is_proxied else stage.redis_port
        self._spawn = lambda: stage.spawn_node(name, port, redis_port, **stage.settings)

    def start(self):
        self.process = self._spawn()

    def await_ready(self):
        wait_until(self.name, self.process, lambda: is_ready(self.url), seconds=30)

    def restart(self):
        """Starts it again after its end, with the same settings."""
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            raise BenchFailed(f"{self.name} did not end") from None
        self.start()


class WatchedStage(ClusterStage):
    """Nodes (or no real ones) and a coordinator that watches them."""

    def __init__(self, node_binary, coordinator_binary, first_port, fsync, state_directory, nodes, **options):
        super().__init__(node_binary, first_port, fsync, state_directory, nodes, **options)
        self.coordinator_binary, self.cluster_token = coordinator_binary, os.urandom(16).hex()
        self.coordinator_port, = free_ports(max([self.redis_port, *self._ports]) + 1, 1)

    def start_servers(self):
        self.coordinator = Coordinator(self, self.coordinator_binary, self.coordinator_port, self.cluster_token)
        self.settings |= {"COORDINATOR_URL": self.coordinator.url, "CLUSTER_TOKEN": self.cluster_token}
        self.coordinator.start()
        self.coordinator.await_serving()
        super().start_servers()

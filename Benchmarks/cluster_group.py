"""Three masters of a Redis Cluster with replicas, and nodes on it: the same view of them as of a group under Sentinels."""

import binascii
import time

from http_load import Shop
from processes import BenchFailed, Stage, free_ports, local_url
from replication import Server
from scenes import PLENTY, sku
from stages import Member

MASTERS = 3
SLOTS = 16_384
NODE_TIMEOUT_MILLISECONDS = 1_000
SHARDS = 64
# The first master's. Deleting it is a write without effect.
VACANT = next(key for key in (f"bench:{number}" for number in range(SLOTS))
              if binascii.crc_hqx(key.encode(), 0) % SLOTS < SLOTS // MASTERS)


class ClusterServer(Server):
    """The other servers talk to it on a port of its own."""

    def __init__(self, stage, name, port, bus_port):
        super().__init__(stage, name, port, port)
        self._bus_port = bus_port

    def start(self, master=None):
        """Its role stands in its own file."""
        self._process = self._stage.spawn_redis(
            self.name, self.port, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
            "--cluster-port", str(self._bus_port), "--cluster-node-timeout", str(NODE_TIMEOUT_MILLISECONDS),
            "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0")
        self._connect()

    def meet(self, other):
        self.redis.call("CLUSTER", "MEET", "127.0.0.1", str(other.port), str(other._bus_port))

    def fact(self, name):
        lines = self.redis.call("CLUSTER", "INFO").decode().splitlines()
        return next(line.split(":", 1)[1] for line in lines if line.startswith(name + ":"))

    def takes_writes(self):
        try:
            self.redis.call("DEL", VACANT)
            return True
        except (BenchFailed, OSError):
            return False

    def master_door(self):
        """Who serves the first slots, as this server knows it."""
        slots = self.redis.call("CLUSTER", "SLOTS")
        return next((master[1] for first, _, master, *_ in slots if first == 0), None)


class ClusterGroup:
    """`sentinels`: those who tell which server is the master, here the masters of other slots."""

    def __init__(self, stage, first_port):
        count = 2 * MASTERS
        ports = free_ports(first_port, 2 * count)
        self.last_port = ports[-1]
        self.servers = [ClusterServer(stage, f"redis-{number + 1}", ports[number], ports[count + number])
                        for number in range(count)]

    @property
    def url(self):
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    @property
    def sentinels(self):
        """The masters of other slots. No fault of the bench befalls them."""
        return self.servers[1:MASTERS]

    def start(self):
        for number, server in enumerate(self.servers):
            server.start()
            server.redis.call("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            if number < MASTERS:
                first, after = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS
                server.redis.call("CLUSTER", "ADDSLOTSRANGE", str(first), str(after - 1))
        for server in self.servers[1:]:
            self.servers[0].meet(server)
        self._await("all servers know each other", lambda: all(
            server.fact("cluster_known_nodes") == str(len(self.servers)) for server in self.servers))
        for master, replica in zip(self.servers, self.servers[MASTERS:]):
            identity = master.redis.call("CLUSTER", "MYID").decode()
            self._await("a replica obeys", lambda: self._follow(replica, identity))
        self.await_well()

    @staticmethod
    def _follow(replica, identity):
        try:
            return replica.redis.call("CLUSTER", "REPLICATE", identity) == b"OK"
        except BenchFailed:
            return False

    @staticmethod
    def _await(what, is_so, seconds=60):
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise BenchFailed(f"not after {seconds} s: {what}")
            time.sleep(0.05)

    def failovers(self):
        return max(int(server.fact("cluster_current_epoch")) for server in self.sentinels)

    def others(self, server):
        """Those that can take its place."""
        return [other for other in (self.servers[0], self.servers[MASTERS]) if other is not server]

    def fail_over(self, master):
        self.others(master)[0].redis.call("CLUSTER", "FAILOVER")

    def await_well(self, seconds=60):
        """Waits until one of the two servers is master and the other its replica, and all know it. Returns the master."""
        self._await("master and replica are as before", lambda: self._master() is not None, seconds)
        return self._master()

    def _master(self):
        doors = {server.master_door() for server in self.sentinels}
        for master in (self.servers[0], self.servers[MASTERS]):
            if doors == {master.door} and master.takes_writes() and all(
                    other.follows(master) for other in self.others(master)):
                return master
        return None


class ClusterGroupStage(Stage):
    def __init__(self, node_binary, first_port, fsync, state_directory, members):
        """`members`: the settings of each node by its name, as in its environment, without HOLDFAST_."""
        self.group = ClusterGroup(self, first_port)
        self._ports, self._settings = free_ports(self.group.last_port + 1, len(members)), members
        super().__init__(node_binary, self.group.servers[0].port, fsync, state_directory)

    def start_redis(self):
        self.group.start()
        self.redis = self.group.servers[0]

    def start_servers(self):
        self.members = [ClusterMember(self, name, port, settings)
                        for port, (name, settings) in zip(self._ports, self._settings.items())]
        for member in self.members:
            member.start()
        for member in self.members:
            member.await_ready()
        self._choose_sku()

    def _choose_sku(self):
        """One that the first master keeps."""
        shop = Shop(self.members[0].url, self.members[0].process.pid, self.redis.redis, self.admin_token)
        for name in map(sku, range(100)):
            shop.stock(name, PLENTY)
            if keys := self.redis.redis.call("KEYS", f"*inventory:{name}"):
                self.sku, self.key_prefix = name, keys[0].decode().removesuffix(f"inventory:{name}")
                return
        raise BenchFailed("the first master keeps none of a hundred SKUs")


class ClusterMember(Member):
    def __init__(self, stage, name, port, settings):
        self.name, self.port, self.url = name, port, local_url(port)
        self._spawn = lambda: stage.spawn_node(name, port, REDIS_URL=stage.group.url, SHARDS=SHARDS, **settings)

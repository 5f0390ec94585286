"""Master, replicas, Sentinels, and nodes that ask the Sentinels where the master is.

On one machine each server has the same address for everybody, so one client alone could not be cut off from it. For
faults that need this, servers announce doors, which are ports of a proxy. The Sentinels and the other servers use
these doors. Each node has its own doors to every server and every Sentinel. Its doors to the Sentinels replace the
ports that the Sentinels name with the node's own doors, like address translation between two networks.
"""

from processes import BenchFailed, Stage, free_ports, local_url
from proxy import Proxy
from replication import DOWN_AFTER_MILLISECONDS, SENTINELS, SERVERS, Group
from scenes import sku
from stages import Member

PORTS_OF_MEMBER = 1 + SERVERS + SENTINELS


class SentinelStage(Stage):
    # What is sold, and what stands before the names of its keys.
    sku, key_prefix = sku(), ""

    def __init__(self, node_binary, first_port, fsync, state_directory, members, has_doors,
                 down_after=DOWN_AFTER_MILLISECONDS):
        """`members`: the settings of each node by its name, as in its environment, without HOLDFAST_."""
        self.group = Group(self, first_port, has_doors)
        self._ports = free_ports(self.group.last_port + 1, PORTS_OF_MEMBER * len(members))
        if len(str(self._ports[-1])) > len(str(first_port)):
            raise BenchFailed("Sentinels' answers are translated by ports of one length: choose another --port")
        self.has_doors, self._settings, self._down_after = has_doors, members, down_after
        super().__init__(node_binary, self.group.servers[0].port, fsync, state_directory)

    def start_redis(self):
        if self.has_doors:
            self._doors = Proxy(self, "servers", {server.door: server.port for server in self.group.servers})
        self.group.start(self._down_after)
        self.redis = self.group.servers[0]

    def start_servers(self):
        self.members = []
        for number, (name, settings) in enumerate(self._settings.items()):
            port, *doors = self._ports[number * PORTS_OF_MEMBER:][:PORTS_OF_MEMBER]
            self.members.append(SentinelMember(self, name, port, doors, settings))
        for member in self.members:
            member.start()
        for member in self.members:
            member.await_ready()

    def isolate(self, server):
        """Cuts it off: no packet passes between it and the other servers or the Sentinels."""
        self._doors.obey("silence", server.door)

    def rejoin(self, server):
        self._doors.obey("heal", server.door)


class SentinelMember(Member):
    """A node that knows only the Sentinels' addresses."""

    def __init__(self, stage, name, port, doors, settings):
        self.name, self.port, self.url = name, port, local_url(port)
        url = self._make_doors(stage, doors) if stage.has_doors else stage.group.url
        self._spawn = lambda: stage.spawn_node(name, port, REDIS_URL=url, **settings)

    def _make_doors(self, stage, ports):
        to_servers, to_sentinels = ports[:SERVERS], ports[SERVERS:]
        servers, sentinels = stage.group.servers, stage.group.sentinels
        self._door = dict(zip(servers, to_servers))
        self._servers = Proxy(stage, f"{self.name}-servers", {
            door: server.port for server, door in self._door.items()})
        self._sentinels = Proxy(
            stage, f"{self.name}-sentinels",
            {door: sentinel.port for door, sentinel in zip(to_sentinels, sentinels)},
            {server.door: door for server, door in self._door.items()})
        return stage.group.url_at(to_sentinels)

    def cut_from(self, server):
        self._servers.obey("cut", self._door[server])

    def lose(self, *servers):
        """Stops all packets to and from these."""
        self._servers.obey("silence", *(self._door[server] for server in servers))

    def lose_sentinels(self):
        self._sentinels.obey("silence")

    def find_all(self):
        self._servers.obey("heal")
        self._sentinels.obey("heal")

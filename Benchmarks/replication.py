"""Data servers, the Sentinels that watch them, and what each reports about the others."""

import signal
import time

from processes import BenchFailed, free_ports, listens, wait_until
from redis_script import ConnectionLost, Redis

SERVERS = SENTINELS = 3
QUORUM = 2
GROUP = "holdfast"
DOWN_AFTER_MILLISECONDS = 1_000
FAILOVER_TIMEOUT_MILLISECONDS = 10_000
# Deletes nothing but is still a write, so a server that takes no writes refuses it.
HARMLESS_WRITE = ("DEL", "bench:nothing")


class Server:
    """A data server. Others know it by its door, which is a separate port if a proxy stands between."""

    def __init__(self, stage, name, port, door):
        self.name, self.port, self.door = name, port, door
        self._stage, self._own_connections = stage, 0

    @property
    def pid(self):
        return self._process.pid

    @property
    def redis(self):
        """A working connection. A change of roles ends earlier connections."""
        try:
            self._redis.call("CLIENT", "ID")
        except (OSError, ConnectionLost):
            self._connect()
        return self._redis

    def _connect(self):
        self._redis = Redis(self.port, self.pid)
        self._own_connections += 1

    def connections_of_others(self):
        """How many connections were made to it since its start, without those of the bench."""
        return int(self.redis.info("stats")["total_connections_received"]) - self._own_connections

    def start(self, master=None):
        """Starts it as the master, or as a replica of one."""
        options = ["--replica-announce-ip", "127.0.0.1", "--replica-announce-port", str(self.door),
                   # The first copy begins at once.
                   "--repl-diskless-sync-delay", "0"]
        if master:
            options += ["--replicaof", "127.0.0.1", str(master.door)]
        self._process = self._stage.spawn_redis(self.name, self.port, *options)
        self._connect()

    def kill(self):
        self._process.kill()
        self._process.wait()

    def stop(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def takes_writes(self):
        try:
            self.redis.call(*HARMLESS_WRITE)
            return True
        except (BenchFailed, OSError):
            return False

    def replication(self):
        return self.redis.info("replication")

    def replicas(self):
        """How many replicas receive its writes."""
        return sum("state=online" in value for name, value in self.replication().items() if name.startswith("slave"))

    def follows(self, master):
        """Whether it is a replica of that server and is up to date."""
        said = self.replication()
        return (said["role"], said.get("master_port"), said.get("master_link_status")) == (
            "slave", str(master.door), "up")


class Sentinel:
    def __init__(self, stage, name, port):
        self.name, self.port = name, port
        self._stage = stage

    @property
    def pid(self):
        return self._process.pid

    def start(self, master, down_after):
        directory = self._stage.directory / self.name
        directory.mkdir()
        settings = directory / "sentinel.conf"
        settings.write_text("\n".join([
            f"port {self.port}", "bind 127.0.0.1", f"dir {directory}",
            f"sentinel monitor {GROUP} 127.0.0.1 {master.door} {QUORUM}",
            f"sentinel down-after-milliseconds {GROUP} {down_after}",
            f"sentinel failover-timeout {GROUP} {FAILOVER_TIMEOUT_MILLISECONDS}", ""]))
        self._process = self._stage.spawn(self.name, ["redis-server", str(settings), "--sentinel"])
        wait_until(self.name, self._process, lambda: listens(self.port))
        self.redis = Redis(self.port, self.pid)

    def master_door(self):
        return int(self.redis.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", GROUP)[1])

    def failovers(self):
        """How many failovers there have been, as far as it knows."""
        return int(fields(self.redis.call("SENTINEL", "MASTER", GROUP))["config-epoch"])

    def fail_over(self):
        self.redis.call("SENTINEL", "FAILOVER", GROUP)

    def is_content(self):
        """Whether it knows all others and sees no fault of any server."""
        master = fields(self.redis.call("SENTINEL", "MASTER", GROUP))
        replicas = map(fields, self.redis.call("SENTINEL", "REPLICAS", GROUP))
        return (master["flags"], master["num-other-sentinels"]) == ("master", str(SENTINELS - 1)) and [
            replica["flags"] for replica in replicas] == ["slave"] * (SERVERS - 1)


def fields(words):
    texts = [word.decode() for word in words]
    return dict(zip(texts[::2], texts[1::2]))


class Group:
    """All data servers and Sentinels."""

    def __init__(self, stage, first_port, has_doors):
        ports = free_ports(first_port, 2 * SERVERS + SENTINELS)
        self.last_port = ports[-1]
        doors = ports[SERVERS:2 * SERVERS] if has_doors else ports[:SERVERS]
        self.servers = [Server(stage, f"redis-{number + 1}", ports[number], doors[number])
                        for number in range(SERVERS)]
        self.sentinels = [Sentinel(stage, f"sentinel-{number + 1}", ports[2 * SERVERS + number])
                          for number in range(SENTINELS)]

    @property
    def url(self):
        return self.url_at(sentinel.port for sentinel in self.sentinels)

    @staticmethod
    def url_at(ports):
        """The URL with the Sentinels at these ports."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/{GROUP}"

    def start(self, down_after):
        first, *others = self.servers
        first.start()
        for server in others:
            server.start(first)
        for sentinel in self.sentinels:
            sentinel.start(first, down_after)
        self.await_well()

    def master(self):
        """The master according to the Sentinels. None while they do not agree."""
        doors = {sentinel.master_door() for sentinel in self.sentinels}
        return next((server for server in self.servers if doors == {server.door}), None)

    def failovers(self):
        return max(sentinel.failovers() for sentinel in self.sentinels)

    def pids_beside(self, server):
        return [other.pid for other in [*self.others(server), *self.sentinels]]

    def others(self, server):
        return [other for other in self.servers if other is not server]

    def await_well(self, seconds=60):
        """Waits until all others are replicas of one master, and no Sentinel sees a fault. Returns the master."""
        deadline = time.monotonic() + seconds
        while (master := self.master()) is None or not self._is_well(master):
            if time.monotonic() > deadline:
                raise BenchFailed(f"master, replicas and Sentinels are not as before after {seconds} s")
            time.sleep(0.05)
        return master

    def _is_well(self, master):
        return (master.takes_writes() and master.replicas() == SERVERS - 1
                and all(other.follows(master) for other in self.others(master))
                and all(sentinel.is_content() for sentinel in self.sentinels))

"""The processes a bench needs, each on ports of its own, and what they use of the machine."""

import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
LOADED_DESCRIPTORS = 65_536
PR_SET_PDEATHSIG = 1
EXPRESS_PATH = "/usr/share/nodejs"


class BenchFailed(Exception):
    """A figure would not mean what its row says. The message tells what was expected and what was found."""


def die_with_parent():
    """Even a bench that is killed with -9 leaves no process behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(first, count):
    """The first `count` ports from `first` on that nothing listens on."""
    found, port = [], first
    while len(found) < count and port < 65_536:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                pass
        port += 1
    if len(found) < count:
        raise BenchFailed(f"no {count} free ports from {first} on")
    return found


def cpu_seconds(pid):
    """User and system time of all threads of a process, ended ones included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise BenchFailed(f"process {pid} is gone")


class ResidentPeak:
    """Samples the resident memory of a process while the block runs: `.kib` is the highest seen."""

    def __init__(self, pid):
        self.pid, self.kib = pid, 0
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def _sample(self):
        while not self._over.wait(0.1):
            self.kib = max(self.kib, resident_kib(self.pid))

    def __enter__(self):
        self._sampler.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._sampler.join()


class Stage:
    """A private Redis, one node and the Express baseline. Leaving the block ends them and removes their files."""

    def __init__(self, node_binary, first_port, fsync, state_directory):
        self.node_port, self.express_port, self.redis_port = free_ports(first_port, 3)
        self.node_binary, self.fsync = node_binary, fsync
        self.admin_token = os.urandom(16).hex()
        self.state_directory = state_directory
        self._children = []

    def __enter__(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, LOADED_DESCRIPTORS), most))
        self.state_directory.mkdir(parents=True, exist_ok=True)
        # Beside the cluster's own data, not in a /tmp that may be memory: fsync must cost what it costs.
        self.directory = Path(tempfile.mkdtemp(prefix="bench-", dir=self.state_directory))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for interruption in (signal.SIGINT, signal.SIGTERM):
            signal.signal(interruption, signal.SIG_IGN)
        for child in reversed(self._children):
            child.kill()
            child.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def node_url(self):
        return f"http://127.0.0.1:{self.node_port}"

    @property
    def express_url(self):
        return f"http://127.0.0.1:{self.express_port}"

    def _start(self):
        persistence = ["--appendonly", "no"]
        if self.fsync != "off":
            # Rewrites of the log are left out: they would fall into some rows and not into others.
            persistence = ["--appendonly", "yes", "--appendfsync", self.fsync, "--auto-aof-rewrite-percentage", "0"]
        self.redis = self._spawn("redis", [
            "redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(self.directory),
            "--save", "", "--maxmemory-policy", "noeviction", *persistence])
        self._wait_until("Redis", self.redis, self._redis_listens)

        inherited = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
        self.node = self._spawn("node", [self.node_binary], inherited | {
            "HOLDFAST_PORT": str(self.node_port),
            "HOLDFAST_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}",
            "HOLDFAST_NODE_ID": "bench",
            "HOLDFAST_ADMIN_TOKEN": self.admin_token,
        })
        # Database 1: the two shops use the same key names.
        self.express = self._spawn("express", ["/usr/bin/node", str(HERE / "express/server.js")], os.environ | {
            "PORT": str(self.express_port),
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/1",
            "NODE_ENV": "production",
            "NODE_PATH": EXPRESS_PATH,
        })
        self._wait_until("the node", self.node, lambda: self._answers(f"{self.node_url}/health/ready") == 200)
        self._wait_until("Express", self.express, lambda: self._answers(f"{self.express_url}/inventory/none") == 404)

    def _spawn(self, name, command, environment=None):
        with open(self.directory / f"{name}.log", "wb") as log:
            child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     preexec_fn=die_with_parent)
        child.log_path = self.directory / f"{name}.log"
        self._children.append(child)
        return child

    def _redis_listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.redis_port)) == 0

    @staticmethod
    def _answers(url):
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return None

    @staticmethod
    def _wait_until(what, child, is_up, seconds=15):
        deadline = time.monotonic() + seconds
        while not is_up():
            if child.poll() is not None or time.monotonic() > deadline:
                tail = child.log_path.read_text(errors="replace")[-2000:]
                raise BenchFailed(f"{what} did not come up; its last output:\n{tail}")
            time.sleep(0.05)

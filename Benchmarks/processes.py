"""The processes that a bench needs, each on its own ports, and their use of the machine."""

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


class BenchFailed(Exception):
    """A figure would not mean what its row says. The message gives the expected and the found value."""


def die_with_parent():
    """Makes the process end with the bench, even if the bench is killed with -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(first, count):
    """The first `count` free ports from `first` on."""
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
    """User and system time of all threads of a process, including ended threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise BenchFailed(f"process {pid} is gone")


class Watcher:
    """Looks at something again and again while the block runs: `look` is called every `interval` seconds, on a thread."""

    interval = 0.1

    def __init__(self):
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def look(self):
        raise NotImplementedError

    def _run(self):
        while not self._is_over.wait(self.interval):
            self.look()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()


class ResidentPeak(Watcher):
    """Samples the resident memory of a process while the block runs. `.kib` is the highest value."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.kib = pid, 0

    def look(self):
        self.kib = max(self.kib, resident_kib(self.pid))


class Stage:
    """A private Redis, and the other processes of a bench. Leaving the block ends them and removes their files."""

    def __init__(self, node_binary, redis_port, fsync, state_directory):
        self.redis_port, self.fsync = redis_port, fsync
        self.node_binary, self.admin_token = node_binary, os.urandom(16).hex()
        self.state_directory = state_directory
        self._children = []

    def __enter__(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, LOADED_DESCRIPTORS), most))
        self.state_directory.mkdir(parents=True, exist_ok=True)
        # Beside the cluster's data and not in /tmp, which may be in memory: fsync must have its real cost.
        self.directory = Path(tempfile.mkdtemp(prefix="bench-", dir=self.state_directory))
        try:
            self.start_redis()
            self.start_servers()
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

    def start_servers(self):
        """Starts what this kind of stage has besides Redis."""

    def spawn(self, name, command, environment=None, stdin=subprocess.DEVNULL, stdout=None):
        """Its output goes to a log of that name unless the caller redirects it."""
        path = self.directory / f"{name}.log"
        with open(path, "ab") as log:
            child = subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout or log, stderr=log,
                                     preexec_fn=die_with_parent)
        child.log_path = path
        self._children.append(child)
        return child

    def spawn_node(self, name, port, redis_port=None, **settings):
        """`settings`: names as in the node's environment, without HOLDFAST_."""
        inherited = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
        settings = {
            "PORT": port, "NODE_ID": name, "ADMIN_TOKEN": self.admin_token,
            "REDIS_URL": f"redis://127.0.0.1:{redis_port or self.redis_port}"} | settings
        return self.spawn(name, [self.node_binary], inherited | {
            f"HOLDFAST_{name}": str(value) for name, value in settings.items()})

    def start_redis(self):
        self.redis = self.spawn_redis("redis", self.redis_port)

    def spawn_redis(self, name, port, *options):
        """Its data are kept after its end, for a later start with the same name."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        persistence = ["--appendonly", "no"]
        if self.fsync != "off":
            # Rewrites of the append-only file are switched off, because they would fall into some rows only.
            persistence = ["--appendonly", "yes", "--appendfsync", self.fsync, "--auto-aof-rewrite-percentage", "0"]
        server = self.spawn(name, [
            "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory),
            "--save", "", "--maxmemory-policy", "noeviction", *persistence, *options])
        wait_until(name, server, lambda: listens(port))
        return server


def local_url(port):
    return f"http://127.0.0.1:{port}"


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def status_of(url):
    """None if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return None


def is_ready(url):
    return status_of(f"{url}/health/ready") == 200


def wait_until(what, child, is_up, seconds=15):
    deadline = time.monotonic() + seconds
    while not is_up():
        if child.poll() is not None or time.monotonic() > deadline:
            tail = child.log_path.read_text(errors="replace")[-2000:]
            raise BenchFailed(f"{what} did not come up; its last output:\n{tail}")
        time.sleep(0.02)

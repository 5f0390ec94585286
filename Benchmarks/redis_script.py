"""Redis for the bench: calls captured from a server, the same calls sent by the bench, and by redis-benchmark."""

import csv
import re
import socket
import subprocess
import time
from contextlib import ExitStack

from processes import BenchFailed, cpu_seconds, die_with_parent

# redis-benchmark replaces this with twelve digits, so templates keep their lengths.
SLOT = b"__rand_int__"
# From 2^31 on, redis-benchmark's -r overflows and every request has the same key.
MOST_KEYS = 2**31 - 1
FAR_FUTURE = b"9999999999999"
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def encode(words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def monitored_words(line):
    """The words of a MONITOR line, or None if it is not a client's EVALSHA."""
    head, _, command = line.partition(b"] ")
    if head.endswith(b" lua") or not command[:10].upper().startswith(b'"EVALSHA"'):
        return None

    def unescape(match):
        code = match[1]
        return bytes([int(code[1:], 16)]) if code[:1] == b"x" else ESCAPES.get(code, code)

    words = re.findall(rb'"((?:[^"\\]|\\.)*)"', command)
    return [re.sub(rb"\\(x[0-9a-f]{2}|.)", unescape, word, flags=re.DOTALL) for word in words]


class ConnectionLost(BenchFailed):
    pass


class Redis:
    """One connection to one database of a Redis."""

    def __init__(self, port, pid, database=0):
        self.port, self.pid, self.database = port, pid, database
        # Servers that work because this one does: its replicas and its Sentinels.
        self.followers = []
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._replies = self._socket.makefile("rb", buffering=1 << 20)
        if database:
            self.call("SELECT", str(database))

    def cpu_seconds(self):
        """CPU time of the server and of the servers that follow it."""
        return sum(map(cpu_seconds, [self.pid, *self.followers]))

    def call(self, *words):
        self._socket.sendall(encode([word if isinstance(word, bytes) else word.encode() for word in words]))
        return self._reply()

    def _reply(self):
        line = self._replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise BenchFailed(f"Redis refused: {rest.decode()}")
        if kind == b"$":
            return None if rest == b"-1" else self._replies.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        if not kind:
            raise ConnectionLost("Redis closed the connection")
        return int(rest) if kind == b":" else rest

    def info(self, section):
        lines = self.call("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def size(self):
        return self.call("DBSIZE")

    def script_calls(self):
        """How many EVALSHA calls came since the start, and how many failed."""
        text = self.info("commandstats").get("cmdstat_evalsha", "")
        counts = dict(field.split("=") for field in text.split(",") if field)
        return int(counts.get("calls", 0)), int(counts.get("failed_calls", 0)) + int(counts.get("rejected_calls", 0))

    def settle(self):
        """Waits until requests left over from a load have run."""
        calls = None
        while calls != (calls := self.script_calls()):
            time.sleep(0.02)

    def clear(self):
        """Empties all databases, the allocator and the append-only file, so that no row pays for an earlier one."""
        self.call("FLUSHALL", "SYNC")
        self.call("MEMORY", "PURGE")
        if self.info("persistence")["aof_enabled"] == "1":
            self.call("BGREWRITEAOF")
            while self.info("persistence")["aof_rewrite_in_progress"] == "1":
                time.sleep(0.02)

    def capture(self, needle, act):
        """Runs `act`, and returns its result with the one script call it caused that mentions `needle`."""
        result, calls = self.watch(act)
        calls = [words for words in calls if any(needle in word for word in words)]
        if len(calls) != 1:
            raise BenchFailed(f"expected one script call for a request, saw {len(calls)}")
        return result, calls[0]

    def watch(self, act):
        """Runs `act`, and returns its result with all script calls that Redis received meanwhile."""
        with socket.create_connection(("127.0.0.1", self.port)) as watcher:
            watcher.sendall(encode([b"MONITOR"]))
            watcher.recv(16)
            result = act()
            end, seen = f"bench-{time.monotonic_ns()}", b""
            self.call("ECHO", end)
            while end.encode() not in seen:
                seen += watcher.recv(1 << 16)
        return result, [words for words in map(monitored_words, seen.split(b"\r\n")) if words]

    def repeat(self, template, count):
        """Sends a template `count` times, with slots numbered from 0: the same script without HTTP."""
        parts = encode(template).split(SLOT)
        for first in range(0, count, 1000):
            self.pipeline([(b"%012d" % number).join(parts) for number in range(first, min(first + 1000, count))])

    def pipeline(self, requests):
        """Sends encoded requests, all at once, and returns their replies."""
        self._socket.sendall(b"".join(requests))
        return [self._reply() for _ in requests]

    def take_turns(self, template, clients, count):
        """Like `repeat`, but over several connections, each of which waits for its answer. Gives only Redis's CPU time:
        the bench itself is too slow for a meaningful rate."""
        parts = encode(template).split(SLOT)
        requests = [(b"%012d" % number).join(parts) for number in range(count)]
        with ExitStack() as connections:
            sockets = [connections.enter_context(socket.create_connection(("127.0.0.1", self.port)))
                       for _ in range(clients)]
            for one in sockets:
                one.sendall(encode([b"SELECT", b"%d" % self.database]))
                one.recv(16)
            before = cpu_seconds(self.pid)
            for first in range(0, count, clients):
                turn = list(zip(sockets, requests[first:first + clients]))
                for one, request in turn:
                    one.sendall(request)
                for one, _ in turn:
                    reply = one.recv(1 << 16)
                    while not reply.endswith(b"\r\n"):
                        reply += one.recv(1 << 16)
                    if reply.startswith(b"-"):
                        raise BenchFailed(f"Redis refused: {reply.decode()}")
            used = cpu_seconds(self.pid) - before
        return {"redisMicros": used / count * 1e6, "requests": count}

    def benchmark(self, words, clients, requests, keys):
        """redis-benchmark without pipelining; the CPU time is Redis's, in microseconds per call."""
        before = cpu_seconds(self.pid)
        run = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "--dbnum", str(self.database), "-c", str(clients),
             "-n", str(requests), "-r", str(keys), "--csv", *words],
            capture_output=True, preexec_fn=die_with_parent)
        used = cpu_seconds(self.pid) - before
        # The test's name is the command itself and may contain quotes. The figures are the last seven fields.
        rows = list(csv.reader(run.stdout.decode(errors="replace").splitlines()))
        if run.returncode != 0 or len(rows) < 2:
            raise BenchFailed(f"redis-benchmark failed: {(run.stderr or run.stdout).decode(errors='replace')[-300:]}")
        rate, _, _, p50, _, p99, _ = map(float, rows[-1][-7:])
        return {"rate": rate, "p50": p50, "p99": p99, "redisMicros": used / requests * 1e6, "requests": requests}


def slotted_id(reservation_id):
    """The id with a slot in it, or None if no twelve of its characters are letters and digits in a row."""
    slotted, count = re.subn(rb"[0-9A-Za-z]{12}", SLOT, reservation_id, count=1)
    return slotted if count else None


def far_ahead(words):
    """A captured call of the node. Its not-after instant, the script's first argument, is moved far into the future."""
    first = 3 + int(words[2])
    instant = words[first]
    if len(instant) != len(FAR_FUTURE) or not instant.isdigit() or abs(int(instant) / 1000 - time.time()) > 3600:
        raise BenchFailed(f"the script's first argument is no not-after instant in epoch milliseconds: {instant!r}")
    return [*words[:first], FAR_FUTURE, *words[first + 1:]]


def template_of(words, known):
    """A captured call in which each text of `known` is replaced by its slotted form."""
    for text, slotted in known.items():
        if not any(text in word for word in words):
            raise BenchFailed(f"the script call does not mention {text.decode()}")
        words = [word.replace(text, slotted) for word in words]
    return words

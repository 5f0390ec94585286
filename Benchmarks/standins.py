"""Stand-ins for nodes: they speak the health protocol like nodes, and count the probes that reach them.

As a program of its own (standins.py COORDINATOR-URL PORT…, the cluster token in CLUSTER_TOKEN) it has a stand-in on
each port, which announces itself every two seconds and answers /health. It reads commands, one per line. "hush" and
"announce" stop and start the announcements. "probes" is answered by a line of JSON: for each stand-in, the times of
its probes since the last such command, in seconds of one clock.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time

from processes import BenchFailed

ANNOUNCE_SECONDS = 2
VERSION = "0.1.0"


class Standins:
    """The program, controlled by the bench."""

    def __init__(self, stage, coordinator, token, ports):
        self._process = stage.spawn(
            "stand-ins", [sys.executable, __file__, coordinator.url, *map(str, ports)],
            os.environ | {"CLUSTER_TOKEN": token}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _tell(self, word):
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()

    def hush(self):
        """Stops the announcements. The coordinator keeps probing."""
        self._tell("hush")

    def announce(self):
        self._tell("announce")

    def take_probes(self):
        """The times of each stand-in's probes since the last call, by name."""
        self._tell("probes")
        line = self._process.stdout.readline()
        if not line:
            raise BenchFailed(f"the stand-ins have ended: {self._process.log_path.read_text()[-500:]}")
        return json.loads(line)


class Standin:
    """One stand-in. The first reports that it leads."""

    def __init__(self, number, port):
        self.name, self.port, self.probes = f"stand-in-{number:03d}", port, []
        self.boot_id = f"{random.getrandbits(64):x}"
        self._number, self._began = number, time.monotonic()
        self._since = "2026-01-01T00:00:00.000Z"

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not head.startswith(b"GET /health "):
                    break
                self.probes.append(time.monotonic())
                body = json.dumps(self._report(), separators=(",", ":")).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                             % (len(body), body))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    def _report(self):
        uptime, leads = time.monotonic() - self._began, self._number == 0
        rate = round(random.uniform(4_000, 6_000), 1)
        return {
            "nodeId": self.name, "bootId": self.boot_id, "version": VERSION, "uptimeSeconds": int(uptime),
            "state": "serving", "reasons": [],
            "redis": {"connected": True, "version": "7.0.15", "roundTripMs": round(random.uniform(0.1, 2), 3),
                      "pending": random.randrange(64), "reconnects": 0, "usedBytes": 1_500_000_000 + int(uptime * 1e6),
                      "limitBytes": 0, "faults": [], "warnings": [], "clockOffsetMs": 1},
            "store": {"identity": "9c1f0a77d02b4c6e8a5d3f2b71e0c4d8", "mark": int(time.time() * 1000), "markedBy": self.boot_id,
                      "acknowledged": None, "loss": None, "damaged": 0, "damage": []},
            "lease": {"leader": leads, "epoch": 1, "holder": "stand-in-000", "since": self._since,
                      "remainingMs": random.randrange(2_500, 3_000), "termsWon": int(leads), "termsLost": 0,
                      "renewMs": round(random.uniform(0.2, 3), 3) if leads else None},
            "sweeper": {"backlog": random.randrange(20), "oldestOverdueMs": random.randrange(10),
                        "lastBatch": {"agoMs": random.randrange(50), "holds": random.randrange(1, 100),
                                      "tookMs": round(random.uniform(0.2, 3), 3)} if leads else None,
                        "releasedTotal": int(uptime * 900), "trimmedTotal": 0, "fencedAttempts": 0},
            "requests": {"inFlight": random.randrange(64), "ratePerSecond": rate, "errorsPerSecond": 0,
                         "total": int(uptime * 5_000), "errors": 0},
        }

    async def announce(self, host, port, token, is_allowed):
        """Announces itself every two seconds on a kept connection, like a node. Each stand-in has its own phase."""
        body = json.dumps({"id": self.name, "bootId": self.boot_id, "url": f"http://127.0.0.1:{self.port}",
                           "version": VERSION, "state": "serving"}).encode()
        request = (f"POST /api/v1/nodes HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
                   f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
        await asyncio.sleep(random.uniform(0, ANNOUNCE_SECONDS))
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, port)
                while True:
                    if not is_allowed.is_set():
                        await is_allowed.wait()
                        await asyncio.sleep(random.uniform(0, ANNOUNCE_SECONDS))
                    writer.write(request)
                    await self._await_success(reader)
                    await asyncio.sleep(ANNOUNCE_SECONDS)
            except (OSError, asyncio.IncompleteReadError) as failure:
                print(f"{self.name} is not announced: {failure}", file=sys.stderr, flush=True)
                await asyncio.sleep(ANNOUNCE_SECONDS)

    async def _await_success(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.partition("content-length:")[2].partition("\r\n")[0]))
        if not head.startswith("http/1.1 200 "):
            raise ConnectionError(head.partition("\r\n")[0])


async def serve(coordinator, ports, token):
    standins = [Standin(number, port) for number, port in enumerate(ports)]
    host, port = coordinator.removeprefix("http://").split(":")
    for standin in standins:
        await asyncio.start_server(standin.serve, "127.0.0.1", standin.port)
    is_allowed = asyncio.Event()
    is_allowed.set()
    tasks = [asyncio.create_task(standin.announce(host, int(port), token, is_allowed)) for standin in standins]
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    while word := (await words.readline()).strip():
        match word:
            case b"hush": is_allowed.clear()
            case b"announce": is_allowed.set()
            case b"probes":
                print(json.dumps({standin.name: standin.probes for standin in standins}), flush=True)
                for standin in standins:
                    standin.probes = []
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], [int(port) for port in sys.argv[2:]], os.environ["CLUSTER_TOKEN"]))

"""A TCP proxy that can be told to break, between a node and its Redis, or between servers.

As a program of its own it takes arguments FROM:TO. An argument with two ports is a door: the program listens on the
first and forwards to the second. An argument that begins with `=` is a replacement: where a target sends the first text
as a whole word, the proxy sends the second. The program reads commands, one per line, and repeats each line once it is
done. A command may be followed by the ports of its doors. Without ports it is for all doors:
  cut      ends all connections and takes no new ones, as when the other side refuses them
  silence  lets nothing through, neither bytes nor the end of a connection, as when packets are lost
  heal     lets all through again; what was held back goes first
"""

import asyncio
import re
import subprocess
import sys

from processes import BenchFailed, listens, wait_until

CHUNK = 1 << 16


class Proxy:
    """The program, controlled by the bench."""

    def __init__(self, stage, name, doors, translations=None):
        """`doors`: target ports by listening port. `translations`: replacements of ports that targets name."""
        self.name = name
        words = [f"{port}:{target}" for port, target in doors.items()]
        words += [f"={port}:{other}" for port, other in (translations or {}).items()]
        self._process = stage.spawn(
            f"{name}-proxy", [sys.executable, __file__, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        wait_until(f"the proxy of {name}", self._process, lambda: all(map(listens, doors)))

    def obey(self, word, *ports):
        line = " ".join([word, *map(str, ports)])
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().decode().strip() != line:
            raise BenchFailed(f"the proxy of {self.name} does not {line}")


class Link:
    """All connections through one door."""

    def __init__(self, target_port, translate):
        """`translate`: a function from the target's bytes to the forwarded bytes."""
        self._target_port, self._translate = target_port, translate
        self._writers = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._is_cut = False

    def cut(self):
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def silence(self):
        self._passes.clear()

    def heal(self):
        self._is_cut = False
        self._passes.set()

    async def accept(self, reader, writer):
        await self._passes.wait()
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        if self._is_cut:  # while it was being made
            self.cut()
        await asyncio.gather(
            self._pass_on(reader, far_writer), self._pass_on(far_reader, writer, self._translate))
        self._writers -= ends

    async def _pass_on(self, source, sink, translate=bytes):
        """Forwards bytes, and finally the end of the connection."""
        try:
            while data := await self._read(source):
                sink.write(translate(data))
                await sink.drain()
        except OSError:
            await self._passes.wait()  # a reset is an end as well
        sink.close()

    async def _read(self, source):
        data = await source.read(CHUNK)
        await self._passes.wait()
        return data


def translator(pairs):
    """A function of bytes. It does not recognise words split over two reads: it is for a Sentinel's short answers."""
    if not pairs:
        return bytes
    pattern = re.compile(rb"\b(" + b"|".join(map(re.escape, pairs)) + rb")\b")
    return lambda data: pattern.sub(lambda match: pairs[match[0]], data)


async def serve(words):
    pairs = [word.split(":") for word in words]
    translate = translator({said[1:].encode(): put.encode() for said, put in pairs if said[0] == "="})
    links = {port: Link(int(target), translate) for port, target in pairs if port[0] != "="}
    for port, link in links.items():
        await asyncio.start_server(link.accept, "127.0.0.1", int(port))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().strip():
        word, *ports = line.split()
        for port in ports or links:
            {"cut": Link.cut, "silence": Link.silence, "heal": Link.heal}[word](links[port])
        print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))

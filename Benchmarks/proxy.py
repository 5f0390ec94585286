"""A TCP proxy that can be told to break, between one node and its Redis.

As a program of its own (proxy.py LISTEN-PORT TARGET-PORT) it obeys the words it reads, and repeats each once done:
  cut      ends all connections and takes no new ones, as when the other side refuses them
  silence  lets nothing through, neither bytes nor the end of a connection, as when packets are lost
  heal     lets all through again; what was held back goes first
"""

import asyncio
import subprocess
import sys

from processes import BenchFailed, listens, wait_until

CHUNK = 1 << 16


class Proxy:
    """The program, as the bench commands it."""

    def __init__(self, stage, name, port, target_port):
        self.port = port
        self._process = stage.spawn(
            f"{name}-proxy", [sys.executable, __file__, str(port), str(target_port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        wait_until(f"the proxy of {name}", self._process, lambda: listens(port))

    def obey(self, word):
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().decode().strip() != word:
            raise BenchFailed(f"the proxy on port {self.port} does not {word}")


class Link:
    """All connections through the proxy."""

    def __init__(self, target_port):
        self._target_port = target_port
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
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))
        self._writers -= ends

    async def _pass_on(self, source, sink):
        """Bytes, and at last the end."""
        try:
            while data := await self._read(source):
                sink.write(data)
                await sink.drain()
        except OSError:
            await self._passes.wait()  # a reset is an end as well
        sink.close()

    async def _read(self, source):
        data = await source.read(CHUNK)
        await self._passes.wait()
        return data


async def serve(port, target_port):
    link = Link(target_port)
    await asyncio.start_server(link.accept, "127.0.0.1", port)
    commands = {"cut": link.cut, "silence": link.silence, "heal": link.heal}
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    while word := (await words.readline()).decode().strip():
        commands[word]()
        print(word, flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))

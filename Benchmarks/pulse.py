"""Measures pauses of Redis itself, such as those of a busy disk. No node can be faster than they allow."""

import time

from processes import Watcher
from redis_script import Redis


class Pulse(Watcher):
    """Sends small requests to Redis all the time. Use as a context."""

    interval = 0.01

    def __init__(self, port, pid):
        super().__init__()
        self._redis, self._longest = Redis(port, pid), 0

    def take_longest(self):
        """The longest answer time of Redis since the last call, in milliseconds."""
        longest, self._longest = self._longest, 0
        return longest

    def look(self):
        began = time.monotonic()
        self._redis.call("PING")
        self._longest = max(self._longest, (time.monotonic() - began) * 1_000)

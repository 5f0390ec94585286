"""Measures pauses of Redis itself, such as those of a busy disk. No node can be faster than they allow."""

import threading
import time

from redis_script import Redis

INTERVAL_SECONDS = 0.01


class Pulse:
    """Sends small requests to Redis all the time. Use as a context."""

    def __init__(self, port, pid):
        self._redis, self._longest = Redis(port, pid), 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def take_longest(self):
        """The longest answer time of Redis since the last call, in milliseconds."""
        longest, self._longest = self._longest, 0
        return longest

    def _beat(self):
        while not self._is_over.wait(INTERVAL_SECONDS):
            began = time.monotonic()
            self._redis.call("PING")
            self._longest = max(self._longest, (time.monotonic() - began) * 1_000)

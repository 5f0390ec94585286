"""Measures how long after the last deadline of a SKU's holds all of them are back in stock."""

import threading
import time

from processes import BenchFailed, Watcher
from redis_script import Redis


class Lapse(Watcher):
    """Watches the holds of a SKU in Redis itself, since a node that is asked releases them. Use as a context."""

    interval = 0.005

    def __init__(self, redis, sku):
        super().__init__()
        self._redis, self._holds = Redis(redis.port, redis.pid, redis.database), f"holds:{sku}"
        last = self._redis.call("ZRANGE", self._holds, "-1", "-1", "WITHSCORES")
        if not last:
            raise BenchFailed("there are no holds that could lapse")
        self._due, self._gone_at, self._is_gone = float(last[1]) / 1000, None, threading.Event()

    def look(self):
        if not self._is_gone.is_set() and not self._redis.call("ZCARD", self._holds):
            self._gone_at = time.time()
            self._is_gone.set()

    def seconds(self, limit):
        """Waits until all are gone, and returns how many seconds after the last deadline that was."""
        if not self._is_gone.wait(max(0, self._due - time.time()) + limit):
            raise BenchFailed(f"not all holds have lapsed {limit} s after the last deadline")
        return max(0, self._gone_at - self._due)

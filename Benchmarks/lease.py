"""The current term, from the lease key in Redis."""

import time
from dataclasses import dataclass

from processes import BenchFailed

POLL_SECONDS = 0.003


@dataclass(frozen=True)
class Lease:
    token: str
    epoch: int
    # Epoch milliseconds by Redis's clock, which is this machine's.
    acquired_at: int
    node: str


def read_lease(redis):
    """None if nobody holds it."""
    record = redis.call("GET", "lease")
    if record is None:
        return None
    token, epoch, acquired_at, _, node, _ = record.decode().split(" ")
    return Lease(token, int(epoch), int(acquired_at), node)


def await_lease(redis, after=None, seconds=15):
    """Waits until a term has begun, and returns it. If `after` is given, waits for a later one than that."""
    deadline = time.monotonic() + seconds
    while (lease := read_lease(redis)) is None or (after and lease.epoch <= after.epoch):
        if time.monotonic() > deadline:
            raise BenchFailed(f"no {'new ' if after else ''}leader within {seconds} s")
        time.sleep(POLL_SECONDS)
    return lease

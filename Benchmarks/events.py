"""The stream of events: which holds were released, and when, by Redis's clock."""

import re
from dataclasses import dataclass

PAGE = 1_000


@dataclass(frozen=True)
class Release:
    """When a hold expired and when its stock was put back, in epoch milliseconds."""

    at: int
    deadline: int


def releases(redis, after=0):
    """All events in the stream after an instant, in order."""
    start = f"{after + 1}-0"
    while page := redis.call("XRANGE", "events", start, "+", "COUNT", str(PAGE)):
        for entry, fields in page:
            if fields[1] == b"expired":
                deadline = re.search(rb'"expiredAt":(\d{13})', fields[5])[1]
                yield Release(int(entry.partition(b"-")[0]), int(deadline))
        start = f"({page[-1][0].decode()}"

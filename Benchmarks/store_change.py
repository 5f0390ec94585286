"""The steps from one master to the next, with their times."""

import time

from processes import BenchFailed

POLL_SECONDS = 0.003
LONGEST_SECONDS = 60


class Change:
    """Instants are of `time.monotonic`. None as long as the condition does not hold."""

    def __init__(self, candidates, sentinels, min_replicas):
        self._candidates, self._sentinels, self._min_replicas = candidates, sentinels, min_replicas
        self.successor = None
        # It takes writes. A Sentinel names it. It has as many replicas as must have a change.
        self.opened = self.named = self.followed = None

    @property
    def is_complete(self):
        return None not in (self.opened, self.named, self.followed)

    def look(self, seconds):
        """For so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._look_once()
            time.sleep(POLL_SECONDS)

    def await_successor(self):
        self._look_until("nobody takes writes", lambda: self.opened is not None)

    def await_name(self):
        self._look_until("the new master is not named", lambda: self.named is not None)

    def await_completion(self):
        self._look_until("the new master has too few replicas", lambda: self.is_complete)

    def _look_until(self, complaint, is_so):
        deadline = time.monotonic() + LONGEST_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                raise BenchFailed(f"{complaint} after {LONGEST_SECONDS} s")
            self.look(POLL_SECONDS)

    def _look_once(self):
        if self.opened is None:
            self.successor = next(filter(lambda server: server.takes_writes(), self._candidates), None)
            self.opened = time.monotonic() if self.successor else None
        if self.successor is None:
            return
        if self.named is None and any(
                sentinel.master_door() == self.successor.door for sentinel in self._sentinels):
            self.named = time.monotonic()
        if self.followed is None and self.successor.replicas() >= self._min_replicas:
            self.followed = time.monotonic()

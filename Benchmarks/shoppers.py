"""Shoppers who reserve through all nodes all the time, and soon abandon their holds."""

import http.client
import itertools
import json
import os
import re
import threading
import time
from collections import namedtuple

# A node answers every complete request within 2 s, whatever Redis does.
PATIENCE_SECONDS = 3
# Their holds expire one after the other, so that there is something to sweep every few milliseconds.
TTL_SECONDS = 1
SHOPPERS_PER_NODE = 4
RESERVES_PER_SECOND = 40

# `kind`: the status of the answer, or why there was none.
ShopperError = namedtuple("ShopperError", "node kind text")
# A reserve that was answered 201: when the request began and when it was answered, by `time.monotonic`.
Acknowledged = namedtuple("Acknowledged", "node reservation began answered")


class Shoppers:
    """Each shopper uses one node, over a connection that is kept alive. Use as a context."""

    def __init__(self, members, sku):
        count, visit = len(members) * SHOPPERS_PER_NODE, os.urandom(4).hex()
        body = json.dumps({"sku": sku, "quantity": 1, "ttlSeconds": TTL_SECONDS})
        self._shoppers = [
            Shopper(members[index % len(members)], body, f"{visit}-{index}", index / count) for index in range(count)]

    def __enter__(self):
        for shopper in self._shoppers:
            shopper.start()
        return self

    def __exit__(self, *_):
        for shopper in self._shoppers:
            shopper.is_over.set()
        for shopper in self._shoppers:
            shopper.join()

    def served_since(self, node, instant):
        """Whether every shopper of the node began a request and was served after that instant (of `time.monotonic`)."""
        return all(shopper.served_at > instant for shopper in self._shoppers if shopper.node == node)

    def take_errors(self):
        """Those since it was asked last."""
        return self._take("errors")

    def take_acknowledged(self):
        """Those since it was asked last."""
        return self._take("acknowledged")

    def take_longest(self):
        """The longest time of a request since the last call, in milliseconds."""
        return max(self._take("durations"), default=0) * 1_000

    def _take(self, name):
        taken = []
        for entries in (getattr(shopper, name) for shopper in self._shoppers):
            count = len(entries)
            taken += entries[:count]
            del entries[:count]
        return taken


class Shopper(threading.Thread):
    def __init__(self, member, body, key, phase):
        super().__init__(daemon=True)
        self.node, self.is_over = member.name, threading.Event()
        self.errors, self.acknowledged, self.durations = [], [], []
        # When the last served request began.
        self.served_at = 0
        self._body, self._key, self._phase = body, key, phase
        self._connection = http.client.HTTPConnection(member.url.removeprefix("http://"), timeout=PATIENCE_SECONDS)

    def run(self):
        slot = time.monotonic() + self._phase / RESERVES_PER_SECOND
        for number in itertools.count():
            if self.is_over.wait(max(0, slot - time.monotonic())):
                break
            self._reserve(f"{self._key}-{number}")
            slot = max(slot + 1 / RESERVES_PER_SECOND, time.monotonic())
        self._connection.close()

    def _reserve(self, key):
        began = time.monotonic()
        try:
            self._connection.request("POST", "/inventory/reserve", self._body, {
                "Content-Type": "application/json", "Idempotency-Key": key})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._fails(type(error).__name__, str(error))
        else:
            if answer.status == 201:
                self.served_at = began
                reservation = re.search(rb'"reservationId":"([^"]+)"', text)[1].decode()
                self.acknowledged.append(Acknowledged(self.node, reservation, began, time.monotonic()))
            else:
                self._fails(str(answer.status), text[:200].decode(errors="replace"))
        self.durations.append(time.monotonic() - began)

    def _fails(self, kind, text):
        self.errors.append(ShopperError(self.node, kind, f"{kind}: {text}"))

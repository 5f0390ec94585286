"""A steady stream of shoppers through the front end until SIGTERM. Prints the results of their requests.

usage: steady_load.py URL SKU [SHOPPERS]

Each shopper keeps one connection and reserves one piece after another, each with its own idempotency key. A failed
request is recorded and repeated with its key until it succeeds. So at the end every key has exactly one reservation.
After SIGTERM, the last key is tried for two more minutes. The summary is JSON: {"keys", "reservations", "seconds",
"failures": [{"key", "why"}]}, with the number of keys that succeeded and of different reservations in their answers.
"""

import http.client
import json
import signal
import sys
import threading
import time
import urllib.parse
import uuid

LIMIT = 60
PAUSE = 0.005
PAUSE_AFTER_FAILURE = 0.2
PATIENCE = 120


class Shopper(threading.Thread):
    def __init__(self, address, sku, is_over):
        super().__init__()
        self.address, self.sku, self.is_over = address, sku, is_over
        self.connection = None
        self.failures, self.reservations = [], {}

    def run(self):
        while not self.is_over.is_set():
            key = uuid.uuid4().hex
            end = None
            while (why := self.reserve(key)) is not None:
                self.failures.append({"key": key, "why": why})
                if self.is_over.is_set():
                    end = end or time.monotonic() + PATIENCE
                    if time.monotonic() > end:
                        return
                time.sleep(PAUSE_AFTER_FAILURE)
            time.sleep(PAUSE)

    def reserve(self, key):
        """Makes one attempt. Returns why it failed, or None."""
        body = json.dumps({"sku": self.sku, "quantity": 1, "ttlSeconds": 600})
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address, timeout=LIMIT)
            self.connection.request("POST", "/inventory/reserve", body, headers)
            answer = self.connection.getresponse()
            text = answer.read().decode()
            if answer.will_close:
                self.hang_up()
        except (OSError, http.client.HTTPException) as error:
            self.hang_up()
            return f"{type(error).__name__}: {error}"
        if answer.status != 201:
            return f"{answer.status}: {text}"
        self.reservations[key] = json.loads(text)["reservationId"]
        return None

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    url, sku, *rest = sys.argv[1:]
    address = urllib.parse.urlsplit(url).netloc
    is_over, began = threading.Event(), time.monotonic()
    shoppers = [Shopper(address, sku, is_over) for _ in range(int(rest[0]) if rest else 16)]
    for shopper in shoppers:
        shopper.start()
    signal.sigwait({signal.SIGTERM})
    is_over.set()
    for shopper in shoppers:
        shopper.join()
    reservations = {key: each for shopper in shoppers for key, each in shopper.reservations.items()}
    summary = {
        "keys": len(reservations),
        "reservations": len(set(reservations.values())),
        "seconds": round(time.monotonic() - began, 1),
        "failures": [failure for shopper in shoppers for failure in shopper.failures],
    }
    json.dump(summary, sys.stdout)


main()

"""Rows over HTTP with wrk: load on a fresh scene, and a check afterwards that it did what the row says."""

import subprocess
import time

from http_load import wrk_command, wrk_result
from lapse import Lapse
from processes import BenchFailed, ResidentPeak, die_with_parent
from redis_script import SLOT
from scenes import PLENTY, basket, sku

WARM_UP_SECONDS = 2
REPLAYED_KEYS = 1_000
PACE_TOLERANCE = 0.1
# One call of Redis judges no more reserves than this (ScriptBatcher.maxCalls).
MOST_PER_CALL = 64
# One who is in no hurry, beside a flood of large carts.
CALM_CLIENTS, CALM_RATE = 4, 200
FLOOD_CLIENTS, FLOOD_LINES = 1_000, 20
LAPSING_HOLDS, LAPSING_SECONDS, LAPSED_LIMIT = 100_000, 15, 30
CONFIRM = '{"reservationId":"{id}"}'


class HTTPRows:
    """Each method is one round of a row and returns its sample."""

    def __init__(self, scenes, seconds, clients):
        self.scenes, self.seconds, self.clients = scenes, seconds, clients

    def warm_up(self, *shops):
        for shop in shops:
            self.scenes.renew(shop)
            shop.load(WARM_UP_SECONDS, self.clients, "/inventory/reserve", basket(), key=shop.fresh_key_prefix())

    def reserve(self, shop, keyed=True, lines=1):
        self.scenes.renew(shop, lines)
        sample = self._load(shop, basket(lines), **({"key": shop.fresh_key_prefix()} if keyed else {}))
        self._expect_refused(sample, 0)
        self._expect_effects(sample, shop, "reserved")
        return sample

    def reserve_of(self, shop, skus):
        """One of so many SKUs at random."""
        self.scenes.clear()
        self.scenes.make_skus(skus)
        size = shop.redis.size()
        sample = self._load(shop, {"sku": "item-{sku}", "quantity": 1}, key=shop.fresh_key_prefix(), skus=skus)
        self._expect_refused(sample, 0)
        if shop.redis.size() - size < sample["requests"]:
            raise BenchFailed(f"{sample['requests']} answers, but only {shop.redis.size() - size} new keys in Redis")
        return sample

    def paced(self, shop, rate):
        """The same number of clients, but each waits for its slot: latency below saturation."""
        self.scenes.renew(shop)
        sample = self._load(shop, basket(), key=shop.fresh_key_prefix(), rate=rate)
        self._expect_refused(sample, 0)
        self._expect_effects(sample, shop, "reserved")
        if abs(sample["rate"] / rate - 1) > PACE_TOLERANCE:
            raise BenchFailed(f"the pace was {sample['rate']:.0f}/s, not the {rate:.0f}/s asked for")
        return sample

    def replay(self, shop):
        self.scenes.renew(shop)
        prefix = shop.fresh_key_prefix()
        for number in range(REPLAYED_KEYS):
            shop.reserve(basket(), f"{prefix}{number:012d}")
        sample = self._load(shop, basket(), key=prefix, cycle=REPLAYED_KEYS)
        self._expect_refused(sample, 0)
        if (reserved := shop.inventory(sku())["reserved"]) != REPLAYED_KEYS:
            raise BenchFailed(f"{REPLAYED_KEYS} keys reserved {reserved}")
        return sample

    def out_of_stock(self, shop):
        self.scenes.sell_out(shop)
        ran, _ = shop.redis.script_calls()
        sample = self._load(shop, basket(), key=shop.fresh_key_prefix())
        # Each request was refused by the script. An overload answer does not count as a refusal.
        self._expect_refused(sample, sample["requests"])
        if (ran_now := shop.redis.script_calls()[0] - ran) < sample["requests"] / MOST_PER_CALL:
            raise BenchFailed(f"{sample['requests']} were refused, but a script ran only {ran_now} times")
        shop.reserve(basket(), expected=(409,))
        return sample

    def confirm(self, shop, rate, directory):
        """`rate`: the greatest number of confirms per second that are prepared."""
        count = int(rate * self.seconds)
        slotted, _ = self.scenes.confirmable(count)
        ids = [slotted.replace(SLOT, b"%012d" % number) for number in range(count)]
        shop.request("GET", f"/reservations/{ids[-1].decode()}")
        sold = shop.inventory(sku())["sold"]
        (directory / "ids").write_bytes(b"".join(ids))
        sample = self._load(shop, {"reservationId": "{id}"}, path="/checkout/confirm", key=shop.fresh_key_prefix(),
                            ids=directory / "ids", width=len(slotted))
        self._expect_refused(sample, 0)
        if sample["requests"] > count - self.clients:
            raise BenchFailed(f"the {count} reservations made for it were used up")
        self._expect_effects(sample, shop, "sold", sold)
        return sample

    def life(self, shop):
        """Reserve and confirm in turn. Latency is per request, and all else is per life."""
        self.scenes.renew(shop)
        sample = self._load(shop, basket(), key=shop.fresh_key_prefix(), confirm=CONFIRM)
        self._expect_refused(sample, 0)
        sold, lives = shop.inventory(sku())["sold"], sample["requests"] / 2
        if abs(sold - lives) > self.clients:
            raise BenchFailed(f"{sample['requests']} requests were answered, but {sold} are sold")
        return sample | {"rate": sample["rate"] / 2, "requests": int(lives),
                         "nodeMicros": sample["nodeMicros"] * 2, "redisMicros": sample["redisMicros"] * 2}

    def one_connection(self, shop):
        """A lone shopper: nothing to share a call with."""
        self.scenes.renew(shop)
        sample = self._load(shop, basket(), clients=1, key=shop.fresh_key_prefix())
        self._expect_refused(sample, 0)
        return sample

    def calm(self, shop):
        """A shopper in no hurry, with nobody else there."""
        self.scenes.renew(shop, FLOOD_LINES + 1)
        return self._calm(shop)

    def calm_beside_flood(self, shop):
        """The same shopper, on a SKU of its own, while a thousand connections send large carts."""
        self.scenes.renew(shop, FLOOD_LINES + 1)
        command = wrk_command(
            shop.url, self.seconds + 2, FLOOD_CLIENTS, "/inventory/reserve", basket(FLOOD_LINES),
            key=shop.fresh_key_prefix())
        flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        try:
            time.sleep(1)
            sample = self._calm(shop)
        finally:
            output, _ = flood.communicate(timeout=60)
            shop.redis.settle()
        if not wrk_result(flood.returncode, output)["requests"]:
            raise BenchFailed("the flood was not served")
        return sample

    def _calm(self, shop):
        body = {"sku": sku(FLOOD_LINES), "quantity": 1}
        sample = shop.load(self.seconds, CALM_CLIENTS, "/inventory/reserve", body, key=shop.fresh_key_prefix(),
                           rate=CALM_RATE)
        # What else is done meanwhile is not these requests' doing.
        return {name: sample[name] for name in ("rate", "p50", "p99", "requests", "refused")}

    def mass_expiry(self, shop):
        """As calm, while 100,000 holds of another SKU lapse. All of them must come back into stock; `backSeconds` tells
        how long after the last deadline they are."""
        self.scenes.make_lapsing_holds(LAPSING_HOLDS, LAPSING_SECONDS)
        made = time.monotonic()
        shop.stock(sku(FLOOD_LINES), PLENTY)
        with Lapse(shop.redis, sku()) as lapse:
            time.sleep(max(0, LAPSING_SECONDS - self.seconds / 2 - (time.monotonic() - made)))
            sample = self._calm(shop)
            seconds = lapse.seconds(LAPSED_LIMIT)
        if left := shop.inventory(sku())["reserved"]:
            raise BenchFailed(f"{left} pieces are still reserved")
        return sample | {"backSeconds": seconds}

    def many_connections(self, shop, connections):
        """Overload answers are allowed here, because this measures memory."""
        self.scenes.renew(shop)
        with ResidentPeak(shop.pid) as peak:
            sample = shop.load(self.seconds, connections, "/inventory/reserve", basket(), key=shop.fresh_key_prefix())
        return sample | {"residentMiB": peak.kib / 1024}

    def _load(self, shop, body, path="/inventory/reserve", clients=None, **options):
        _, failed = shop.redis.script_calls()
        sample = shop.load(self.seconds, clients or self.clients, path, body, **options)
        if (failed_now := shop.redis.script_calls()[1]) > failed:
            raise BenchFailed(f"{failed_now - failed} script calls failed")
        return sample

    @staticmethod
    def _expect_refused(sample, refused):
        if sample["refused"] != refused:
            raise BenchFailed(f"{sample['refused']} of {sample['requests']} requests were refused, expected {refused}")

    def _expect_effects(self, sample, shop, counter, before=0):
        """wrk ends without waiting, so requests in flight took effect without being counted."""
        effects = shop.inventory(sku())[counter] - before
        if not sample["requests"] <= effects <= sample["requests"] + self.clients:
            raise BenchFailed(f"{sample['requests']} requests were answered, but {effects} more are {counter}")

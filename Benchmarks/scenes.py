"""What a row finds when it starts (stock, holds, reservations), and the script calls that make it.

Large numbers are made by the server's own script. One HTTP request is captured on its way to Redis and repeated there.
The result is the same as with a request to the server each time, and it is several times as fast.
"""

import re
import time

from http_load import Shop
from lease import await_lease
from processes import BenchFailed, local_url
from redis_script import FAR_FUTURE, SLOT, Redis, far_ahead, slotted_id, template_of

PLENTY = 1_000_000_000
SOLD_OUT_HOLDS = 1_000
LONGEST_TTL_SECONDS = 3_600
RECOVERY_SECONDS = 10


def sku(number=0):
    return f"item-{number:012d}"


def basket(lines=1, **more):
    """The body of a reserve of one piece of each SKU."""
    if lines == 1:
        return {"sku": sku(), "quantity": 1} | more
    return {"items": [{"sku": sku(number), "quantity": 1} for number in range(lines)]} | more


def slotted_key(key):
    """Uses both halves of the digits, because two random numbers hardly ever match another two."""
    return re.sub(rb"\d{12}", SLOT, key)


def fresh_key(shop):
    """Never one of the numbers that a repeated call counts from 0."""
    return f"{shop.fresh_key_prefix()}{999_999_999_999}"


class Scenes:
    def __init__(self, stage):
        self.redis = Redis(stage.redis_port, stage.redis.pid)
        self.node = Shop(local_url(stage.node_port), stage.node.pid, self.redis, stage.admin_token)

    def clear(self):
        """Only the lease of the node is in Redis, so that no election falls into a row."""
        self.redis.clear()
        await_lease(self.redis)
        deadline = time.monotonic() + RECOVERY_SECONDS
        while not self.node.administers():
            if time.monotonic() > deadline:
                raise BenchFailed("the node has no link to the emptied Redis")
            time.sleep(0.05)

    def renew(self, shop, lines=1, total=PLENTY):
        """Only the stock for a basket of this many lines."""
        self.clear()
        for number in range(lines):
            shop.stock(sku(number), total)

    def sell_out(self, shop):
        """All stock is held, by as many holds as in a small sale."""
        self.renew(shop, total=SOLD_OUT_HOLDS + 2)
        template, _, _ = self.reserve_template(shop, keyed=False)
        left = shop.inventory(sku())["available"]
        shop.redis.repeat(template, left)
        if (left := shop.inventory(sku())["available"]) != 0:
            raise BenchFailed(f"{left} are left of what should have been sold out")

    def make_skus(self, count):
        """Adds SKUs 0 to `count`."""
        name = sku(count).encode()
        _, words = self.redis.capture(name, lambda: self.node.stock(name.decode(), PLENTY))
        self.redis.repeat(template_of(far_ahead(words), {name: b"item-" + SLOT}), count)
        for number in (0, count - 1):
            self.node.inventory(sku(number))

    def make_holds(self, count):
        """This many active holds on one SKU, which do not expire during the bench."""
        self.renew(self.node)
        template, _, _ = self.reserve_template(self.node, keyed=False, ttlSeconds=LONGEST_TTL_SECONDS)
        self.redis.repeat(template, count)
        if (reserved := self.node.inventory(sku())["reserved"]) < count:
            raise BenchFailed(f"only {reserved} of {count} are held")

    def reserve_template(self, shop, keyed=True, lines=1, **more):
        """Returns the call with slots, its reservation ID, and how many Redis keys one call makes."""
        # The first hold of a SKU makes keys that later ones share. Some IDs have no room for a slot.
        for attempt in range(20):
            key = fresh_key(shop) if keyed else None
            size = shop.redis.size()
            answer, words = shop.redis.capture(
                sku().encode(), lambda: shop.reserve(basket(lines, **more), key))
            made = shop.redis.size() - size
            reservation_id = answer["reservationId"].encode()
            if attempt > 0 and slotted_id(reservation_id):
                break
        else:
            raise BenchFailed(f"no reservation id has twelve letters or digits in a row, such as {reservation_id}")
        known = {reservation_id: slotted_id(reservation_id)}
        if keyed:
            known[key.encode()] = slotted_key(key.encode())
        if shop is self.node:
            words = far_ahead(words)
        return template_of(words, known), reservation_id, made

    def batch_template(self, shop, members):
        """A call that makes this many reserves, as a node sends it when they come together."""
        template, _, _ = self.reserve_template(shop)
        key = shop.fresh_key_prefix()
        _, calls = self.redis.watch(lambda: shop.load(1, 4 * members, "/inventory/reserve", basket(), key=key))
        # Leases, sweeps and probes are calls, too.
        others = {words[1] for words in calls if any(key.encode() in word for word in words)} - {template[1]}
        if len(others) != 1:
            raise BenchFailed(f"expected one script of batches, saw {len(others)}")
        member = template[3:]
        return [*template[:1], *others, template[2], FAR_FUTURE,
                *([b"%d" % len(member), *member] * members)]

    def make_lapsing_holds(self, count, seconds):
        """So many holds on one SKU, made and due as close together as Redis can make them."""
        self.renew(self.node)
        template, _, _ = self.reserve_template(self.node, keyed=False, ttlSeconds=seconds)
        self.redis.repeat(template, count)

    def refused_template(self, shop):
        """A reserve that finds no stock."""
        key = fresh_key(shop)
        _, words = shop.redis.capture(sku().encode(), lambda: shop.reserve(basket(), key, expected=(409,)))
        return template_of(far_ahead(words), {key.encode(): slotted_key(key.encode())})

    def replay_template(self, shop):
        """A reserve whose key was used for the same request before."""
        key = fresh_key(shop)
        shop.reserve(basket(), key)
        _, words = shop.redis.capture(sku().encode(), lambda: shop.reserve(basket(), key))
        return far_ahead(words)

    def confirmable(self, count):
        """Makes this many reservations. Returns their common ID with its slot, and the call that confirms one."""
        self.renew(self.node)
        template, reservation_id, _ = self.reserve_template(self.node)
        self.redis.repeat(template, count)
        key = fresh_key(self.node)
        _, words = self.redis.capture(reservation_id, lambda: self.node.confirm(reservation_id.decode(), key))
        slotted = slotted_id(reservation_id)
        known = {reservation_id: slotted, key.encode(): slotted_key(key.encode())}
        return slotted, template_of(far_ahead(words), known)


class ReserveScenes(Scenes):
    """The same for the baseline, and for the node without batches."""

    def __init__(self, stage):
        super().__init__(stage)
        self.unbatched = Shop(local_url(stage.unbatched_port), stage.unbatched.pid, self.redis, stage.admin_token)
        express_redis = Redis(stage.redis_port, stage.redis.pid, database=1)
        self.express = Shop(local_url(stage.express_port), stage.express.pid, express_redis)

"""Rows of redis-benchmark: the node's own script without HTTP, with arguments of the same form."""

from processes import BenchFailed
from redis_script import MOST_KEYS
from scenes import sku

PING = [b"PING"]
WARM_UP_CALLS = 3_000
# Two runs of redis-benchmark in one second may start with the same random numbers, so the warm-up takes smaller ones.
WARM_UP_KEYS = 1_000_000
FEWEST_CALLS = 5_000
# Random numbers of 31 bits sometimes collide: two or three of a hundred thousand.
UNIQUE_SHARE = 0.999


class ScriptRows:
    """Each method is one round of a row and returns its sample."""

    def __init__(self, scenes, seconds):
        self.scenes, self.seconds = scenes, seconds

    def ping(self, clients):
        self.scenes.clear()
        return self._run(self.scenes.redis, PING, clients)

    def reserve(self, shop, clients, keyed=True, lines=1):
        self.scenes.renew(shop, lines)
        return self.reserve_again(shop, clients, keyed, lines)

    def reserve_again(self, shop, clients, keyed=True, lines=1):
        """With the existing holds."""
        template, _, made = self.scenes.reserve_template(shop, keyed, lines)
        held = shop.inventory(sku())["reserved"]
        sample = self._run(shop.redis, template, clients, made)
        held = shop.inventory(sku())["reserved"] - held
        if held < sample["requests"] * UNIQUE_SHARE:
            raise BenchFailed(f"{sample['requests']} calls, but only {held} more are held")
        return sample

    def batches(self, shop, clients, members):
        """As several nodes send reserves that come together. A sample is of one reserve."""
        self.scenes.renew(shop)
        template = self.scenes.batch_template(shop, members)
        held = shop.inventory(sku())["reserved"]
        sample = self._run(shop.redis, template, clients)
        held = shop.inventory(sku())["reserved"] - held
        calls = sample["requests"]
        if held < calls * members * UNIQUE_SHARE:
            raise BenchFailed(f"{calls} calls of {members} reserves, but only {held} more are held")
        return sample | {"requests": calls * members, "rate": sample["rate"] * members,
                         "redisMicros": sample["redisMicros"] / members}

    def out_of_stock(self, shop, clients):
        self.scenes.sell_out(shop)
        return self._run(shop.redis, self.scenes.refused_template(shop), clients)

    def replay(self, shop, clients):
        self.scenes.renew(shop)
        template = self.scenes.replay_template(shop)
        sample = self._run(shop.redis, template, clients)
        if (reserved := shop.inventory(sku())["reserved"]) != 1:
            raise BenchFailed(f"replays reserved {reserved}")
        return sample

    def confirm(self, shop, clients, calls):
        """Confirms each reservation once, in the order of creation, as shoppers do. redis-benchmark can only choose IDs
        at random, which costs Redis 50 % more because of cache misses. So this row has no rate, only CPU."""
        calls = max(FEWEST_CALLS, int(calls))
        _, template = self.scenes.confirmable(calls)
        sold = shop.inventory(sku())["sold"]
        sample = shop.redis.take_turns(template, clients, calls)
        if (sold := shop.inventory(sku())["sold"] - sold) != calls:
            raise BenchFailed(f"{calls} calls confirmed {sold} reservations")
        return sample

    def _run(self, redis, words, clients, made=0):
        """The number of calls for about the seconds of a row, if each makes this many keys."""
        rate = redis.benchmark(words, clients, WARM_UP_CALLS, WARM_UP_KEYS)["rate"]
        calls, size = max(FEWEST_CALLS, int(rate * self.seconds)), redis.size()
        ran, failed = redis.script_calls()
        sample = redis.benchmark(words, clients, calls, MOST_KEYS)
        ran_now, failed_now = redis.script_calls()
        if failed_now > failed or (words != PING and ran_now - ran < calls):
            raise BenchFailed(f"of {calls} calls {ran_now - ran} ran and {failed_now - failed} failed")
        if redis.size() - size < made * calls * UNIQUE_SHARE:
            raise BenchFailed(f"{calls} calls made {redis.size() - size} keys, not {made} each: they were not unique")
        return sample

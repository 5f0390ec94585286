"""HTTP from outside: single requests, and wrk's load with its cost for the server and Redis."""

import http.client
import json
import subprocess

from processes import HERE, BenchFailed, cpu_seconds, die_with_parent


class Shop:
    """A server under test: the node, or the Express baseline with a part of the same API."""

    def __init__(self, url, pid, redis, admin_token=None):
        self.url, self.pid, self.redis = url, pid, redis
        self._admin = {"Authorization": f"Bearer {admin_token}"} if admin_token else {}
        self._runs = 0

    def request(self, method, path, body=None, expected=(200, 201), **headers):
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=5)
        try:
            headers = {"Content-Type": "application/json"} | {n.replace("_", "-"): v for n, v in headers.items()}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status not in expected:
            raise BenchFailed(f"{method} {path} answered {answer.status}: {text[:300]}")
        return json.loads(text)

    def administers(self):
        """Whether it can change stock now. A node can't while Redis is busy deleting its data."""
        try:
            self.request("GET", "/inventory", **self._admin)
            return True
        except (BenchFailed, OSError):
            return False

    def stock(self, sku, total):
        self.request("PUT", f"/inventory/{sku}", {"total": total}, **self._admin)

    def inventory(self, sku):
        return self.request("GET", f"/inventory/{sku}")

    def reserve(self, body, key=None, expected=(201,)):
        headers = {"Idempotency_Key": key} if key else {}
        return self.request("POST", "/inventory/reserve", body, expected, **headers)

    def confirm(self, reservation_id, key=None):
        headers = {"Idempotency_Key": key} if key else {}
        return self.request("POST", "/checkout/confirm", {"reservationId": reservation_id}, (200,), **headers)

    def fresh_key_prefix(self):
        """A key has 36 characters with the twelve digits that follow, like a UUID."""
        self._runs += 1
        return f"bench{self._runs:06d}-{0:012d}"

    def load(self, seconds, clients, path, body, **options):
        """Runs wrk on this server. CPU times are in microseconds per answered request."""
        before = cpu_seconds(self.pid), self.redis.cpu_seconds()
        run = subprocess.run(
            wrk_command(self.url, seconds, clients, path, body, **options),
            capture_output=True, text=True, preexec_fn=die_with_parent)
        used = cpu_seconds(self.pid) - before[0], self.redis.cpu_seconds() - before[1]
        self.redis.settle()
        result = wrk_result(run.returncode, run.stdout + run.stderr)
        if result["unexpected"] or result["broken"]:
            raise BenchFailed(f"{result['unexpected']} answers of an unexpected status, {result['broken']} broken "
                              f"connections or time-outs in {result['requests']} requests")
        return result | {
            "rate": result["requests"] / result["seconds"],
            "nodeMicros": used[0] / result["requests"] * 1e6,
            "redisMicros": used[1] / result["requests"] * 1e6,
        }


def wrk_command(url, seconds, clients, path, body, **options):
    """`options`: the options of post.lua."""
    arguments = {"path": path, "body": json.dumps(body, separators=(",", ":"))} | options
    return ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", str(HERE / "wrk/post.lua"), url, "--",
            *(f"{name}={value}" for name, value in arguments.items())]


def wrk_result(status, output):
    """The counts of post.lua."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if status != 0 or not lines:
        raise BenchFailed(f"wrk failed: {output[-500:]}")
    result = json.loads(lines[-1])
    if not result["requests"]:
        raise BenchFailed("no request was answered")
    return result

"""What the front end of a running cluster promises: real HAProxy, real nodes.

usage: front_contract.py STATUS_FILE STATE_DIRECTORY [SCENE…]

The status is that of cluster.sh status --json, and the nodes must log requests. At the end the first node is killed.
"""

import json
import os
import pathlib
import signal
import sys
import threading
import time
import urllib.parse
import uuid

from raw_client import PATIENCE, RawClient, call, eventually, head

SKU = "front-contract"
BODY = json.dumps({"sku": SKU, "quantity": 1})
RESERVE = ("POST", "/inventory/reserve")


class Front:
    def __init__(self, status, state):
        ways = status["frontend"]
        self.one_url, self.shop, self.operators = (
            urllib.parse.urlsplit(ways[name]).port for name in ("url", "shopUrl", "operatorsUrl"))
        self.nodes, self.state = status["nodes"], pathlib.Path(state)
        self.admin = (self.state / "run" / "admin-header").read_text().strip()

    def node_port(self, index):
        return urllib.parse.urlsplit(self.nodes[index]["url"]).port

    def log_of(self, index):
        return (self.state / "logs" / f"{self.nodes[index]['id']}.log").read_text().splitlines()

    def gives_requests_to(self, index):
        """Whether one of a few requests reaches this node."""
        name = uuid.uuid4().hex
        for _ in range(2 * len(self.nodes)):
            call(self.shop, "GET", f"/inventory/{SKU}", f"X-Request-ID: {name}")
        return any(name in line for line in self.log_of(index))


def expect(promise, holds, found):
    if not holds:
        raise AssertionError(f"{promise}: found {found}")


def slow_requests(front):
    """A body may pause; a request that is incomplete after 10 s is a 408; a connection not used yet is told nothing."""
    request = head(*RESERVE, length=len(BODY))
    named = head(*RESERVE, "X-Request-ID: slow-one", length=len(BODY))
    found = {}

    def run(name, *parts):
        client = RawClient(front.shop).send(*parts)
        found[name] = client.answer()
        found[name, "rest"] = client.bytes
        client.close()

    threads = [
        threading.Thread(target=run, args=args)
        for args in (("pausing", request, 6, BODY), ("incomplete", named, BODY[:5]), ("idle",),
                     ("refused", head("PUT", f"/inventory/{SKU}", length=9)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect("a body that pauses for 6 s is taken", found["pausing"].status == 201, found["pausing"])
    late = found["incomplete"]
    expect("an incomplete body is a 408", (late.status, late.problem) == (408, "request-timeout"), late)
    expect("its request id is told", late.fields.get("x-request-id") == "slow-one", late)
    idle = found["idle"], found["idle", "rest"]
    expect("an idle connection is closed without a word", idle == (None, b""), idle)
    expect("what is refused anyway waits for no body", found["refused"].status == 405, found["refused"])


def large_requests(front):
    """Heads of up to 16 KiB and bodies of up to 64 KiB reach a node through the front end, as they do without it."""
    line, field = f"GET /inventory/{SKU} HTTP/1.1\r\nHost: shop\r\nX: ", "\r\n\r\n"
    for size in (15_667, 16_000, 16_384, 16_385, 60_000):
        # Nodes do not count the empty line after the head.
        filling = "x" * (size - len(line) - len(field) + 2)
        answer = RawClient(front.shop).send(line + filling + field).answer()
        expected = (200, None) if size <= 16_384 else (431, "headers-too-large")
        expect(f"a head of {size} bytes", (answer.status, answer.problem) == expected, answer)
    answer = call(front.shop, "GET", f"/inventory/{SKU}", *["a: b"] * 2000)
    expect("a head of 2000 fields", answer.status == 200, answer)
    for size, expected in ((65_536, 201), (65_537, 413)):
        answer = call(front.shop, *RESERVE, body=BODY + " " * (size - len(BODY)))
        expect(f"a body of {size} bytes", answer.status == expected, answer)


def private_paths(front):
    """Shoppers get what is a shop's and nothing else; operators, and a newcomer's one URL, get all."""
    for path in ("/metrics", "/health", "/health/live", "/health/ready", "/openapi.yaml", "/audit", "/inventory",
                 "/inventory?limit=1"):
        for hidden in (path, f"http://shop{path}"):
            answer = call(front.shop, "GET", hidden, front.admin)
            expect(f"{hidden} is not for shoppers", (answer.status, answer.problem) == (404, "not-found"), answer)
        for port in (front.operators, front.one_url):
            answer = call(port, "GET", path, front.admin)
            expect(f"{path} is for operators", answer.status == 200, answer)
    for hidden in ("/%6detrics", "//metrics", "/inventory/../metrics", "/metrics/", "/health/live?x", "*"):
        answer = call(front.shop, "GET", hidden)
        expect(f"{hidden} is not for shoppers", answer.status in (400, 404) and "holdfast_" not in answer.body, answer)
    for method, path, body in (
            ("PUT", f"/inventory/{SKU}", '{"total":5}'), ("DELETE", f"/inventory/{SKU}", None),
            ("POST", f"/inventory/{SKU}/adjust", '{"delta":1}'), ("POST", f"/inventory/{SKU}%2Fadjust", '{"delta":1}')):
        answer = call(front.shop, method, path, front.admin, body=body)
        expect(f"{method} {path} is not for shoppers", answer.problem in ("not-found", "method-not-allowed"), answer)
        expect("a refused method tells which there are",
               answer.status != 405 or answer.fields.get("allow") == "GET, HEAD", answer)
        expect("every answer has a request id", answer.fields.get("x-request-id"), answer)
    answer = call(front.operators, "POST", f"/inventory/{SKU}/adjust", front.admin, body='{"delta":1}')
    expect("stock is administrated from the operators' side", answer.status == 200, answer)
    for method in ("GET", "HEAD"):
        answer = call(front.shop, method, f"/inventory/{SKU}")
        expect(f"{method} of a SKU is a shop's", answer.status == 200, answer)


def forwarded_for(front):
    """The front end says whom it forwards, whatever the client says, and a node believes nobody else."""
    forged = "X-Forwarded-For: 198.51.100.7"
    for port in (front.shop, front.node_port(0)):
        name = uuid.uuid4().hex
        call(port, "GET", f"/inventory/{SKU}", forged, forged, f"X-Request-ID: {name}", source="127.0.0.7")
        line = eventually("the request is logged", lambda: [
            each for index in range(len(front.nodes)) for each in front.log_of(index) if name in each])[0]
        expect("the client's own address is logged", json.loads(line).get("client") == "127.0.0.7", line)


def node_ends_or_hangs(front):
    """A node that hangs, or dies with requests in hand: a write is told as of unknown outcome, with nothing that
    openapi.yaml does not know; a read is answered by another node, or may be tried again."""
    victim = front.nodes[0]["pid"]

    def answers_while_it_hangs(request):
        """Stops the node and sends requests, until any had to do with it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            eventually("the node gets requests", lambda: front.gives_requests_to(0))
            os.kill(victim, signal.SIGSTOP)
            clients = [RawClient(front.shop).send(request) for _ in range(8)]
            answers = [client.answer() for client in clients]
            for client in clients:
                client.close()
            os.kill(victim, signal.SIGCONT)
            # On a busy machine the front end may have marked it as down before the requests came.
            if any(answer is None or answer.status >= 500 for answer in answers):
                return answers
        raise AssertionError("no request came to the node that hangs")

    reserve = head(*RESERVE, "X-Request-ID: in-hand", length=len(BODY)) + BODY
    read = head("GET", f"/inventory/{SKU}", "X-Request-ID: in-hand")

    def judge(answers, allowed):
        for answer in answers:
            expect("there is an answer", answer is not None, answer)
            expect(f"it is one of {allowed}", (answer.status, answer.problem) in allowed, answer)
            expect("its request id is told", answer.fields.get("x-request-id") == "in-hand", answer)
            expect("a 503 says when to come back", answer.status != 503 or "retry-after" in answer.fields, answer)

    judge(answers_while_it_hangs(reserve), [(201, None), (504, "outcome-unknown")])
    judge(answers_while_it_hangs(read), [(200, None), (503, "store-unavailable")])
    eventually("the node gets requests", lambda: front.gives_requests_to(0))
    os.kill(victim, signal.SIGSTOP)
    clients = [RawClient(front.shop).send(request) for request in [reserve, read] * 8]
    os.kill(victim, signal.SIGKILL)
    answers = [client.answer() for client in clients]
    judge(answers[::2], [(201, None), (504, "outcome-unknown")])
    judge(answers[1::2], [(200, None), (503, "store-unavailable")])


def main():
    status_file, state, *wanted = sys.argv[1:]
    front = Front(json.loads(pathlib.Path(status_file).read_text()), state)
    stocked = call(front.one_url, "PUT", f"/inventory/{SKU}", front.admin, body='{"total":1000000}')
    expect("stock is set", stocked.status in (200, 201), stocked)
    for scene in (large_requests, private_paths, forwarded_for, slow_requests, node_ends_or_hangs):
        if wanted and scene.__name__ not in wanted:
            continue
        try:
            scene(front)
        except AssertionError as failure:
            sys.exit(f"Broken: {scene.__doc__.strip()} {failure}")
        print(f"{scene.__name__}: as promised", flush=True)


main()

"""A greedy client beside a well-behaved one: real HAProxy with the unchanged deploy/haproxy.cfg.

usage: address_limits.py CONFIGURATION PORT    (three ports from PORT on are free)

The PROXY protocol, which this test makes the file accept, sets the addresses of clients. There are no nodes: an answer
of the front end itself (404) counts as served.
"""

import pathlib
import re
import resource
import subprocess
import sys
import tempfile

from raw_client import PATIENCE, RawClient, eventually, head

CONNECTIONS, REQUESTS = 1000, 3000  # as the file has them
NOWHERE = head("GET", "/nowhere")


def configuration(path, port):
    text = pathlib.Path(path).read_text()
    text, shops = re.subn(r"bind :8080\n", f"bind 127.0.0.1:{port} accept-proxy\n", text)
    text, others = re.subn(r" *bind \[::\]:8080 v6only\n", "", text)
    text, operators = re.subn(r"bind 127.0.0.1:8090\n", f"bind 127.0.0.1:{port + 1}\n", text)
    assert (shops, others, operators) == (1, 1, 1), "the binds of the file are others than this test knows"
    return re.sub(r"(server node-\d) \S+", rf"\1 127.0.0.1:{port + 2} disabled", text)


class Client(RawClient):
    def __init__(self, port, address):
        super().__init__(port)
        family = "TCP6" if ":" in address else "TCP4"
        to = "2001:db8:ffff::1" if ":" in address else "192.0.2.1"
        self.send(f"PROXY {family} {address} {to} 1024 80\r\n")

    def try_once(self):
        """The status of the answer. None if there is no answer."""
        try:
            answer = self.send(NOWHERE).answer()
        except (BrokenPipeError, ConnectionResetError):
            return None
        return answer and answer.status


def served(port, address):
    client = Client(port, address)
    status = client.try_once()
    client.close()
    return status == 404


def connections(port):
    """A client's connections above its limit are closed. Its other connections stay. Other clients notice nothing."""
    held = [Client(port, "203.0.113.1") for _ in range(CONNECTIONS + 50)]
    statuses = [client.try_once() for client in held]
    assert statuses.count(404) == CONNECTIONS and statuses.count(None) == 50, f"{statuses.count(404)} served"
    assert served(port, "203.0.113.2"), "a neighbour is not served"
    assert not served(port, "203.0.113.1"), "one more is served"
    assert held[0].try_once() == 404, "a connection that was there before is not served"
    for client in held:
        client.close()
    eventually("the client is served once it has closed some", lambda: served(port, "203.0.113.1"))


def requests(port, greedy, same, others):
    """A client's requests above its limit get a 429 that says when to try again. Other clients notice nothing."""
    client = Client(port, greedy)
    refused = None
    for _ in range(REQUESTS * 10 // 100):
        client.send(NOWHERE * 100)
        for _ in range(100):
            answer = client.answer()
            if answer.status == 429:
                refused = answer
            else:
                assert answer.status == 404, answer
        if refused:
            break
    assert refused, "no limit was reached"
    assert refused.problem == "too-many-requests" and refused.fields["retry-after"] == "1", refused
    assert refused.fields.get("x-request-id"), refused
    # Refused requests are not counted, so the greedy client need not pause to be served again.
    for address in others:
        assert served(port, address), f"{address} is not served"
    if same:
        eventually("who shares the greedy one's network shares its limit",
                   lambda: client.try_once() == 429 and not served(port, same))
    eventually("the greedy one is served again, though it has not fallen silent", lambda: client.try_once() == 404)
    client.close()


def main():
    path, port = sys.argv[1], int(sys.argv[2])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 16), hard))
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(configuration(path, port))
        file.flush()
        front = subprocess.Popen(["haproxy", "-db", "-q", "-f", file.name], stdout=subprocess.DEVNULL)
        try:
            eventually("HAProxy listens", lambda: front.poll() is None and listens(port))
            connections(port)
            requests(port, "203.0.113.9", None, ["203.0.113.8", "2001:db8::1"])
            requests(port, "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", ["2001:db8:0:2::1", "203.0.113.8"])
            # Your own servers.
            client = Client(port, "127.0.0.1")
            for _ in range(REQUESTS // 100 + 5):
                client.send(NOWHERE * 100)
                assert all(client.answer().status == 404 for _ in range(100)), "an unlimited address is limited"
        finally:
            front.terminate()
            front.wait(PATIENCE)


def listens(port):
    try:
        return served(port, "203.0.113.5")
    except OSError:
        return False


main()

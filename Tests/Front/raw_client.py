"""A client that sends any bytes, one by one if wanted, from any address of the loopback."""

import json
import socket
import time

PATIENCE = 60  # seconds, for whatever takes only a moment on an idle machine


class Answer:
    def __init__(self, head, body):
        status, *fields = head.decode("latin-1").split("\r\n")
        self.status = int(status.split(" ")[1])
        self.fields = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        self.body = body.decode("latin-1")

    @property
    def problem(self):
        """The name of the problem. None if the answer is no problem document."""
        if self.fields.get("content-type") != "application/problem+json":
            return None
        problem = json.loads(self.body)
        if problem["status"] != self.status or not all(problem.get(name) for name in ("title", "detail")):
            return f"a malformed one: {self.body}"
        return problem["type"].removeprefix("urn:holdfast:problem:")

    def __str__(self):
        return f"{self.status} {self.fields}: {self.body}"


class RawClient:
    def __init__(self, port, source=None):
        self.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0) if source else None)
        self.bytes = b""

    def send(self, *parts):
        """Numbers are seconds to wait."""
        for part in parts:
            if isinstance(part, (int, float)):
                time.sleep(part)
            else:
                self.socket.sendall(part.encode())
        return self

    def answer(self, has_body=True):
        """The next answer. None if the connection ends without one."""
        while (end := self.bytes.find(b"\r\n\r\n")) < 0:
            if not self._receive():
                return None
        answer = Answer(self.bytes[:end], b"")
        length = int(answer.fields.get("content-length", 0)) if has_body else 0
        while len(self.bytes) < end + 4 + length:
            if not self._receive():
                return None
        whole = Answer(self.bytes[:end], self.bytes[end + 4 : end + 4 + length])
        self.bytes = self.bytes[end + 4 + length :]
        return self.answer(has_body) if whole.status < 200 else whole

    def _receive(self):
        try:
            received = self.socket.recv(65536)
        except ConnectionResetError:
            received = b""
        self.bytes += received
        return received

    def close(self):
        self.socket.close()


def head(method, path, *fields, length=None):
    lines = [f"{method} {path} HTTP/1.1", "Host: shop", *fields]
    if length is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join(lines) + "\r\n\r\n"


def call(port, method, path, *fields, body=None, source=None):
    """Sends one request on its own connection."""
    client = RawClient(port, source)
    try:
        length = None if body is None else len(body)
        return client.send(head(method, path, *fields, length=length) + (body or "")).answer(method != "HEAD")
    finally:
        client.close()


def eventually(promise, is_so):
    deadline = time.monotonic() + PATIENCE
    while not (found := is_so()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {promise}")
        time.sleep(0.1)
    return found

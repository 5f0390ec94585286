"""The operator page as a browser receives it: pictures of the cluster in server-sent events."""

import http.client
import re
import socket
import threading
import time
from dataclasses import dataclass
from html import unescape

from processes import BenchFailed

RETRY_SECONDS = 0.01
# Longer than the coordinator is ever stopped.
SILENCE_SECONDS = 30


@dataclass(frozen=True)
class Picture:
    """The content of one event. `at`: when it arrived, in epoch milliseconds."""

    at: float
    html: str

    @property
    def states(self):
        """The states of all nodes, such as `up`."""
        return dict(re.findall(r'<tbody id="n-([^"]+)" class="node (\w+)[" ]', self.html))

    @property
    def leader(self):
        for part in self.html.split('<tbody id="n-')[1:]:
            if 'class="chip leads"' in part:
                return part.partition('"')[0]
        return None

    @property
    def problems(self):
        return [unescape(text) for text in
                re.findall(r'<span class="what">(?:<a [^>]*>)?<bdi>([^<]*)</bdi>', self.html)]


class Page:
    """Watches the page, and reconnects whenever the connection ends. Use as a context."""

    def __init__(self, coordinator, keeps=True):
        """`keeps`: whether pictures are kept for later searches."""
        self._address, self._keeps = coordinator.url.removeprefix("http://"), keeps
        self._pictures, self._news = [], threading.Condition()
        self._socket, self._is_over = None, False
        self.count = self.bytes = 0
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self._reader.start()
        return self

    def __exit__(self, *_):
        self._is_over = True
        with self._news:
            if self._socket:
                # Ends a waiting read.
                self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()

    def first(self, since, what, is_so, seconds=30):
        """The first picture that arrived after an instant (epoch milliseconds) and meets the condition."""
        deadline, looked = time.monotonic() + seconds, 0
        with self._news:
            while True:
                for picture in self._pictures[looked:]:
                    if picture.at >= since and is_so(picture):
                        return picture
                looked = len(self._pictures)
                if not self._news.wait(max(0, deadline - time.monotonic())):
                    last = self._pictures[-1] if looked else None
                    shown = f"{last.states}, {last.problems}" if last else "nothing"
                    raise BenchFailed(f"{what}: not shown within {seconds} s; the last picture shows {shown}")

    def _read(self):
        while not self._is_over:
            connection = http.client.HTTPConnection(self._address, timeout=SILENCE_SECONDS)
            try:
                connection.connect()
                self._watch(connection.sock)
                connection.request("GET", "/events")
                self._take(connection.getresponse())
            except (OSError, http.client.HTTPException):
                time.sleep(RETRY_SECONDS)
            finally:
                self._watch(None)
                connection.close()

    def _watch(self, used):
        with self._news:
            self._socket = used

    def _take(self, answer):
        event = []
        while not self._is_over and (line := answer.readline()):
            event.append(line)
            if line == b"\n":
                self._keep(b"".join(event))
                event = []

    def _keep(self, event):
        at = time.time() * 1_000
        self.bytes += len(event)
        if b"event: picture\n" not in event:
            return
        with self._news:
            self.count += 1
            if self._keeps:
                self._pictures.append(Picture(at, event.decode()))
            self._news.notify_all()

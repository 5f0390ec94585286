"""A TCP forwarder between browser and coordinator, which can break the line in the ways that lines break."""

import select
import socket
import threading


class Wire:
    """Forwards 127.0.0.1:`port` to the address given, until told otherwise."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.state = 'open'
        self.lock = threading.Lock()
        self.pairs = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Ends all connections, and refuses new ones."""
        self._set('cut')

    def stall(self):
        """Leaves connections as they are, but nothing passes any more: what a lost cable looks like."""
        self._set('stalled')

    def mend(self):
        self._set('open')

    def _set(self, state):
        with self.lock:
            self.state = state
            if state != 'stalled':
                for pair in self.pairs:
                    self._end(pair)
                self.pairs = []

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            with self.lock:
                if self.state == 'cut':
                    client.close()
                    continue
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            pair = (client, server)
            with self.lock:
                self.pairs.append(pair)
            threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, client, server):
        try:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    with self.lock:
                        stalled = self.state == 'stalled'
                    if stalled:
                        continue
                    if not data:
                        return self._end((client, server))
                    (server if source is client else client).sendall(data)
        except (OSError, ValueError):
            self._end((client, server))

    @staticmethod
    def _end(pair):
        for side in pair:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # ended by its peer
            side.close()
